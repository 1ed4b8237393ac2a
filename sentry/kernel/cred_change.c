/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cred_change: who may become whom: setuid(2) and its family, capset(2).
 *
 * Pure functions of the old identity.  Ids of UINT32_MAX are "no change" where
 * the call has that, and invalid elsewhere.
 * Linux: kernel/sys.c, security/commoncap.c of 6.18.
 * Tests: tests/unit/test_cred.c
 */
#include "sentry/kernel/cred.h"

#include <errno.h>

#include "abi/prctl.h"
#include "sentry/kernel/cred_private.h"
#include "sentry/kernel/user_ns.h"

#define KEEP   UINT32_MAX
#define BIT(n) (1ull << (n))
/* What fsuid 0 stands for: CHOWN .. FSETID, LINUX_IMMUTABLE, MKNOD,
 * MAC_OVERRIDE (32). */
#define CAP_FS_SET                                          \
	(BIT(CAP_NR_CHOWN) | BIT(CAP_NR_DAC_OVERRIDE) |     \
	 BIT(CAP_NR_DAC_READ_SEARCH) | BIT(CAP_NR_FOWNER) | \
	 BIT(CAP_NR_FSETID) | BIT(CAP_NR_LINUX_IMMUTABLE) | \
	 BIT(CAP_NR_MKNOD) | BIT(32))

/* Capabilities after a change of user ids (cap_task_fix_setuid). */
static void fix_caps(const struct cred *old, struct cred *c)
{
	uint32_t root = cred_root(old);
	bool was_root =
		old->uid == root || old->euid == root || old->suid == root;
	bool is_root = c->uid == root || c->euid == root || c->suid == root;

	if (c->securebits & LINUX_SECBIT_NO_SETUID_FIXUP)
		return;
	if (was_root && !is_root) {
		if (!(c->securebits & LINUX_SECBIT_KEEP_CAPS)) {
			c->cap_permitted = 0;
			c->cap_effective = 0;
		}
		c->cap_ambient = 0;
	}
	if (old->euid == root && c->euid != root)
		c->cap_effective = 0;
	if (old->euid != root && c->euid == root)
		c->cap_effective = c->cap_permitted;
}

static int finish_uid(const struct cred *old, struct cred *c, struct cred **out)
{
	fix_caps(old, c);
	return cred_publish(c, out);
}

int cred_setuid(const struct cred *old, uint32_t uid, struct cred **out)
{
	struct cred *c;
	int ret;

	if (uid == KEEP)
		return -EINVAL;
	if (!cred_own_capable(old, CAP_NR_SETUID) && uid != old->uid &&
	    uid != old->suid)
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	if (cred_own_capable(old, CAP_NR_SETUID))
		c->uid = c->suid = uid;
	c->euid = c->fsuid = uid;
	return finish_uid(old, c, out);
}

int cred_setreuid(const struct cred *old, uint32_t ruid, uint32_t euid,
		  struct cred **out)
{
	bool cap = cred_own_capable(old, CAP_NR_SETUID);
	struct cred *c;
	int ret;

	if (ruid != KEEP && ruid != old->uid && ruid != old->euid && !cap)
		return -EPERM;
	if (euid != KEEP && euid != old->uid && euid != old->euid &&
	    euid != old->suid && !cap)
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	if (ruid != KEEP)
		c->uid = ruid;
	if (euid != KEEP)
		c->euid = euid;
	if (ruid != KEEP || (euid != KEEP && euid != old->uid))
		c->suid = c->euid;
	c->fsuid = c->euid;
	return finish_uid(old, c, out);
}

static bool one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == KEEP || id == a || id == b || id == c;
}

int cred_setresuid(const struct cred *old, uint32_t ruid, uint32_t euid,
		   uint32_t suid, struct cred **out)
{
	struct cred *c;
	int ret;

	if (!cred_own_capable(old, CAP_NR_SETUID) &&
	    !(one_of(ruid, old->uid, old->euid, old->suid) &&
	      one_of(euid, old->uid, old->euid, old->suid) &&
	      one_of(suid, old->uid, old->euid, old->suid)))
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	if (ruid != KEEP)
		c->uid = ruid;
	if (euid != KEEP)
		c->euid = euid;
	if (suid != KEEP)
		c->suid = suid;
	c->fsuid = c->euid;
	return finish_uid(old, c, out);
}

int cred_setfsuid(const struct cred *old, uint32_t uid, struct cred **out)
{
	uint32_t root = cred_root(old);
	struct cred *c;
	int ret;

	if (uid == KEEP)
		return -EINVAL;
	if (uid != old->uid && uid != old->euid && uid != old->suid &&
	    uid != old->fsuid && !cred_own_capable(old, CAP_NR_SETUID))
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	c->fsuid = uid;
	if (!(c->securebits & LINUX_SECBIT_NO_SETUID_FIXUP)) {
		if (old->fsuid == root && uid != root)
			c->cap_effective &= ~CAP_FS_SET;
		if (old->fsuid != root && uid == root)
			c->cap_effective |= c->cap_permitted & CAP_FS_SET;
	}
	*out = c;
	return 0;
}

int cred_setgid(const struct cred *old, uint32_t gid, struct cred **out)
{
	bool cap = cred_own_capable(old, CAP_NR_SETGID);
	struct cred *c;
	int ret;

	if (gid == KEEP)
		return -EINVAL;
	if (!cap && gid != old->gid && gid != old->sgid)
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	if (cap)
		c->gid = c->sgid = gid;
	c->egid = c->fsgid = gid;
	*out = c;
	return 0;
}

int cred_setregid(const struct cred *old, uint32_t rgid, uint32_t egid,
		  struct cred **out)
{
	bool cap = cred_own_capable(old, CAP_NR_SETGID);
	struct cred *c;
	int ret;

	if (rgid != KEEP && rgid != old->gid && rgid != old->egid && !cap)
		return -EPERM;
	if (egid != KEEP && egid != old->gid && egid != old->egid &&
	    egid != old->sgid && !cap)
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	if (rgid != KEEP)
		c->gid = rgid;
	if (egid != KEEP)
		c->egid = egid;
	if (rgid != KEEP || (egid != KEEP && egid != old->gid))
		c->sgid = c->egid;
	c->fsgid = c->egid;
	*out = c;
	return 0;
}

int cred_setresgid(const struct cred *old, uint32_t rgid, uint32_t egid,
		   uint32_t sgid, struct cred **out)
{
	struct cred *c;
	int ret;

	if (!cred_own_capable(old, CAP_NR_SETGID) &&
	    !(one_of(rgid, old->gid, old->egid, old->sgid) &&
	      one_of(egid, old->gid, old->egid, old->sgid) &&
	      one_of(sgid, old->gid, old->egid, old->sgid)))
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	if (rgid != KEEP)
		c->gid = rgid;
	if (egid != KEEP)
		c->egid = egid;
	if (sgid != KEEP)
		c->sgid = sgid;
	c->fsgid = c->egid;
	*out = c;
	return 0;
}

int cred_setfsgid(const struct cred *old, uint32_t gid, struct cred **out)
{
	struct cred *c;
	int ret;

	if (gid == KEEP)
		return -EINVAL;
	if (gid != old->gid && gid != old->egid && gid != old->sgid &&
	    gid != old->fsgid && !cred_own_capable(old, CAP_NR_SETGID))
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	c->fsgid = gid;
	*out = c;
	return 0;
}

static bool subset(uint64_t a, uint64_t of)
{
	return !(a & ~of);
}

int cred_capset(const struct cred *old, uint64_t effective, uint64_t permitted,
		uint64_t inheritable, struct cred **out)
{
	struct cred *c;
	int ret;

	if (!cred_own_capable(old, CAP_NR_SETPCAP) &&
	    !subset(inheritable, old->cap_inheritable | old->cap_permitted))
		return -EPERM;
	if (!subset(inheritable, old->cap_inheritable | old->cap_bounding))
		return -EPERM;
	if (!subset(permitted, old->cap_permitted))
		return -EPERM;
	if (!subset(effective, permitted))
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	c->cap_effective = effective;
	c->cap_permitted = permitted;
	c->cap_inheritable = inheritable;
	c->cap_ambient &= permitted & inheritable;
	*out = c;
	return 0;
}

/* Who has no CAP_SETPCAP may restrict the execution of scripts, no more; and a
 * change of nothing is refused as ever. */
static bool may_set_securebits(const struct cred *old, uint32_t bits)
{
	uint32_t changed = old->securebits ^ bits;

	return cred_own_capable(old, CAP_NR_SETPCAP) ||
	       (changed && !(changed & ~LINUX_SECURE_ALL_UNPRIVILEGED));
}

int cred_set_securebits(const struct cred *old, uint32_t bits,
			struct cred **out)
{
	uint32_t locked = (old->securebits & LINUX_SECURE_ALL_LOCKS) >> 1;
	struct cred *c;
	int ret;

	if (locked & (old->securebits ^ bits))
		return -EPERM; /* a locked bit would change */
	if (old->securebits & LINUX_SECURE_ALL_LOCKS & ~bits)
		return -EPERM; /* a lock would open */
	if (bits & ~(LINUX_SECURE_ALL_BITS | LINUX_SECURE_ALL_LOCKS))
		return -EPERM;
	if (!may_set_securebits(old, bits))
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	c->securebits = bits;
	*out = c;
	return 0;
}

int cred_drop_bounding(const struct cred *old, unsigned int cap,
		       struct cred **out)
{
	struct cred *c;
	int ret;

	if (!cred_own_capable(old, CAP_NR_SETPCAP))
		return -EPERM;
	if (cap > CAP_NR_LAST)
		return -EINVAL;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	c->cap_bounding &= ~BIT(cap);
	*out = c;
	return 0;
}

int cred_raise_ambient(const struct cred *old, unsigned int cap,
		       struct cred **out)
{
	struct cred *c;
	int ret;

	if (!(old->cap_permitted & old->cap_inheritable & BIT(cap)) ||
	    (old->securebits & LINUX_SECBIT_NO_CAP_AMBIENT_RAISE))
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	c->cap_ambient |= BIT(cap);
	*out = c;
	return 0;
}
