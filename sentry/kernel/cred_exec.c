/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cred_exec: what execve(2) makes of an identity: set-id bits, capabilities of
 * files and of root, ambient ones.
 *
 * Pure functions of the old identity and the file.
 * Linux: bprm_fill_uid() and cap_bprm_creds_from_file() of 6.18.
 * Tests: tests/unit/test_cred.c, tests/conformance/exec_cred.c
 */
#include <errno.h>
#include <string.h>

#include "abi/prctl.h"
#include "abi/xattr.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/user_ns.h"

/* --- capabilities of a file ----------------------------------------------- */

/* @root, a kernel id, is user 0 of @c's namespace or of one around it. */
static bool root_owns(const struct cred *c, uint32_t root)
{
	const struct user_ns *u;

	for (u = c->user_ns; u; u = u->parent)
		if (user_ns_map_up(u, ID_UID, root) == 0)
			return true;
	return false;
}

int file_caps_parse(const void *data, size_t size, struct file_caps *out)
{
	struct linux_vfs_cap_data d = { 0 };
	size_t want;

	*out = (struct file_caps){ .present = false };
	if (size < sizeof(d.magic) || size > sizeof(d))
		return -EINVAL;
	memcpy(&d, data, size);
	switch (d.magic & LINUX_VFS_CAP_REVISION_MASK) {
	case LINUX_VFS_CAP_REVISION_1:
		want = LINUX_VFS_CAP_SIZE_1;
		/* What lies behind is not there. */
		d.data[1].permitted = d.data[1].inheritable = 0;
		break;
	case LINUX_VFS_CAP_REVISION_2:
		want = LINUX_VFS_CAP_SIZE_2;
		break;
	case LINUX_VFS_CAP_REVISION_3:
		want = LINUX_VFS_CAP_SIZE_3;
		break;
	default:
		return -EINVAL;
	}
	if (size != want)
		return -EINVAL;
	out->present = true;
	out->effective = d.magic & LINUX_VFS_CAP_FLAGS_EFFECTIVE;
	out->permitted =
		(d.data[0].permitted | (uint64_t)d.data[1].permitted << 32) &
		CAP_FULL_SET;
	out->inheritable = (d.data[0].inheritable |
			    (uint64_t)d.data[1].inheritable << 32) &
			   CAP_FULL_SET;
	out->root = d.root;
	return 0;
}

/* --- execve --------------------------------------------------------------- */

static bool subset(uint64_t a, uint64_t of)
{
	return !(a & ~of);
}

/* Set-id bits; true if they have a meaning here. */
static bool apply_set_id(struct cred *c, const struct exec_file *f)
{
	bool any = false;

	if (f->ignore_suid || f->no_new_privs)
		return false;
	/* The file's owners mean nobody in a namespace that lacks them. */
	if (user_ns_map_up(c->user_ns, ID_UID, f->uid) == UINT32_MAX ||
	    user_ns_map_up(c->user_ns, ID_GID, f->gid) == UINT32_MAX)
		return false;
	if (f->mode & 04000) {
		c->euid = f->uid;
		any = true;
	}
	/* Without group execute, set-group-ID means mandatory locking. */
	if ((f->mode & 02010) == 02010) {
		c->egid = f->gid;
		any = true;
	}
	return any;
}

/* P'(permitted) from the file's sets.  -EPERM: a program that knows nothing of
 * capabilities would run without some that it needs. */
static int apply_file_caps(const struct cred *old, struct cred *c,
			   const struct file_caps *caps)
{
	c->cap_permitted = (old->cap_bounding & caps->permitted) |
			   (old->cap_inheritable & caps->inheritable);
	if (caps->effective && !subset(caps->permitted, c->cap_permitted))
		return -EPERM;
	return 0;
}

/* Root's program has all capabilities, unless that is switched off. */
static void apply_root(const struct cred *old, struct cred *c, bool has_caps,
		       bool *effective)
{
	uint32_t root = cred_root(c);

	if (c->securebits & LINUX_SECBIT_NOROOT)
		return;
	/* Set-user-ID root with capabilities of its own: those count. */
	if (has_caps && c->euid == root && c->uid != root)
		return;
	if (c->euid == root || c->uid == root)
		c->cap_permitted = old->cap_bounding | old->cap_inheritable;
	if (c->euid == root)
		*effective = true;
}

/* No more than before: a tracer watches, or no_new_privs is set. */
static void downgrade(const struct cred *old, struct cred *c, bool keep_ids)
{
	if (!keep_ids) {
		c->euid = c->uid;
		c->egid = c->gid;
	}
	c->cap_permitted &= old->cap_permitted;
}

static int transform(const struct cred *old, struct cred *c,
		     const struct exec_file *f, struct exec_cred *out)
{
	bool has_caps = f->caps.present && !f->ignore_suid &&
			root_owns(old, f->caps.root);
	bool effective = has_caps && f->caps.effective, id_changed;
	int ret;

	out->clear_personality = apply_set_id(c, f);
	c->cap_permitted = 0;
	if (has_caps) {
		ret = apply_file_caps(old, c, &f->caps);
		if (ret < 0)
			return ret;
	}
	apply_root(old, c, has_caps, &effective);
	if (!subset(c->cap_permitted, old->cap_permitted))
		out->clear_personality = true;
	id_changed = c->euid != old->euid || !cred_in_group(old, c->egid);
	if ((id_changed || !subset(c->cap_permitted, old->cap_permitted)) &&
	    (f->traced || f->no_new_privs))
		downgrade(old, c, !f->no_new_privs && f->may_setuid);
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	if (has_caps || id_changed)
		c->cap_ambient = 0;
	c->cap_permitted |= c->cap_ambient;
	c->cap_effective = effective ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~LINUX_SECBIT_KEEP_CAPS;
	out->secure =
		id_changed || c->euid != old->uid || c->egid != old->gid ||
		(c->uid != cred_root(c) &&
		 (effective || !subset(c->cap_permitted, c->cap_ambient)));
	return 0;
}

int cred_exec(const struct cred *old, const struct exec_file *f,
	      struct exec_cred *out)
{
	struct cred *c;
	int ret = cred_copy(old, &c);

	if (ret < 0)
		return ret;
	memset(out, 0, sizeof(*out));
	cred_drop_part(c, CRED_KEY_THREAD);
	cred_drop_part(c, CRED_KEY_PROCESS);
	ret = transform(old, c, f, out);
	if (ret < 0) {
		cred_put(c);
		return ret;
	}
	out->changed = c->euid != old->euid || c->egid != old->egid ||
		       c->fsuid != old->fsuid || c->fsgid != old->fsgid ||
		       !subset(c->cap_permitted, old->cap_permitted);
	out->cred = c;
	return 0;
}
