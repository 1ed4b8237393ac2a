/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_cred: changing user and group ids, groups and capabilities.
 *
 * Who may become whom is in kernel/cred_change.c; here the result takes effect.
 * Tests: tests/conformance/ids.c, tests/unit/test_cred.c
 */
#include <errno.h>

#include "abi/prctl.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "syscalls.h"

#define NGROUPS_MAX 65536u

static bool gained(const struct cred *old, const struct cred *new)
{
	return old->euid != new->euid || old->egid != new->egid ||
	       old->fsuid != new->fsuid || old->fsgid != new->fsgid ||
	       (new->cap_permitted & ~old->cap_permitted);
}

/* Installs what a cred_*() gave.  A process that changes identity keeps its
 * secrets from its old self (prctl(2), PR_SET_DUMPABLE). */
static long commit(struct task *t, int ret, struct cred *new)
{
	if (ret < 0)
		return ret;
	if (gained(t->cred, new)) {
		mm_set_dumpable(t->mm, 0);
		tasklist_lock();
		t->priv->pdeathsig = 0;
		tasklist_unlock();
	}
	task_set_cred(t, new);
	return 0;
}

/* Kernel ids of @n guest ids; UINT32_MAX (no change) stays.  False: one is not
 * mapped. */
static bool ids_in(enum id_kind kind, uint32_t *ids[], int n)
{
	const struct user_ns *u = current_task()->cred->user_ns;

	for (int i = 0; i < n; i++) {
		if (*ids[i] == UINT32_MAX)
			continue;
		*ids[i] = user_ns_map_down(u, kind, *ids[i]);
		if (*ids[i] == UINT32_MAX)
			return false;
	}
	return true;
}
#define UIDS_IN(...)                                  \
	ids_in(ID_UID, (uint32_t *[]){ __VA_ARGS__ }, \
	       ARRAY_SIZE(((uint32_t *[]){ __VA_ARGS__ })))
#define GIDS_IN(...)                                  \
	ids_in(ID_GID, (uint32_t *[]){ __VA_ARGS__ }, \
	       ARRAY_SIZE(((uint32_t *[]){ __VA_ARGS__ })))

long sys_setuid(struct task *t, uint32_t uid)
{
	struct cred *new = NULL;
	int ret;

	if (!UIDS_IN(&uid))
		return -EINVAL;
	ret = cred_setuid(t->cred, uid, &new);
	return commit(t, ret, new);
}

long sys_setgid(struct task *t, uint32_t gid)
{
	struct cred *new = NULL;
	int ret;

	if (!GIDS_IN(&gid))
		return -EINVAL;
	ret = cred_setgid(t->cred, gid, &new);
	return commit(t, ret, new);
}

long sys_setreuid(struct task *t, uint32_t ruid, uint32_t euid)
{
	struct cred *new = NULL;
	int ret;

	if (!UIDS_IN(&ruid, &euid))
		return -EINVAL;
	ret = cred_setreuid(t->cred, ruid, euid, &new);
	return commit(t, ret, new);
}

long sys_setregid(struct task *t, uint32_t rgid, uint32_t egid)
{
	struct cred *new = NULL;
	int ret;

	if (!GIDS_IN(&rgid, &egid))
		return -EINVAL;
	ret = cred_setregid(t->cred, rgid, egid, &new);
	return commit(t, ret, new);
}

long sys_setresuid(struct task *t, uint32_t ruid, uint32_t euid, uint32_t suid)
{
	struct cred *new = NULL;
	int ret;

	if (!UIDS_IN(&ruid, &euid, &suid))
		return -EINVAL;
	ret = cred_setresuid(t->cred, ruid, euid, suid, &new);
	return commit(t, ret, new);
}

long sys_setresgid(struct task *t, uint32_t rgid, uint32_t egid, uint32_t sgid)
{
	struct cred *new = NULL;
	int ret;

	if (!GIDS_IN(&rgid, &egid, &sgid))
		return -EINVAL;
	ret = cred_setresgid(t->cred, rgid, egid, sgid, &new);
	return commit(t, ret, new);
}

/* These two never fail: the old id tells. */
long sys_setfsuid(struct task *t, uint32_t uid)
{
	uint32_t old = uid_in(t->cred->user_ns, t->cred->fsuid);
	struct cred *new = NULL;
	int ret;

	if (!UIDS_IN(&uid))
		return old;
	ret = cred_setfsuid(t->cred, uid, &new);
	(void)commit(t, ret, new);
	return old;
}

long sys_setfsgid(struct task *t, uint32_t gid)
{
	uint32_t old = gid_in(t->cred->user_ns, t->cred->fsgid);
	struct cred *new = NULL;
	int ret;

	if (!GIDS_IN(&gid))
		return old;
	ret = cred_setfsgid(t->cred, gid, &new);
	(void)commit(t, ret, new);
	return old;
}

long sys_getgroups(struct task *t, int32_t nr, uaddr_t list)
{
	const struct cred *c = t->cred;

	if (nr < 0)
		return -EINVAL;
	if (nr == 0)
		return c->nr_groups;
	if (c->nr_groups > (uint32_t)nr)
		return -EINVAL;
	for (uint32_t i = 0; i < c->nr_groups; i++) {
		uint32_t gid = gid_in(c->user_ns, c->groups[i]);

		if (copy_out(uaddr(list.va + i * sizeof(gid)), &gid,
			     sizeof(gid)) < 0)
			return -EFAULT;
	}
	return c->nr_groups;
}

long sys_setgroups(struct task *t, int32_t nr, uaddr_t list)
{
	AUTO_FREE uint32_t *groups = NULL;
	struct cred *new = NULL;
	int ret;

	if (!cred_own_capable(t->cred, CAP_NR_SETGID) ||
	    !user_ns_may_setgroups(t->cred->user_ns))
		return -EPERM;
	if ((uint32_t)nr > NGROUPS_MAX)
		return -EINVAL;
	if (nr) {
		groups = kcalloc((size_t)nr, sizeof(*groups));
		if (!groups)
			return -ENOMEM;
		if (copy_in(groups, list, (size_t)nr * sizeof(*groups)) < 0)
			return -EFAULT;
		for (int32_t i = 0; i < nr; i++)
			if (groups[i] == UINT32_MAX || !GIDS_IN(&groups[i]))
				return -EINVAL;
	}
	ret = cred_setgroups(t->cred, take(groups), (uint32_t)nr, &new);
	return commit(t, ret, new);
}

/* --- capabilities --------------------------------------------------------- */

/* Number of words a set has; an unknown version is answered with ours. */
static int cap_words(uaddr_t hdr, struct linux_cap_header *h)
{
	uint32_t newest = LINUX_CAP_VERSION_3;

	if (copy_in(h, hdr, sizeof(*h)) < 0)
		return -EFAULT;
	switch (h->version) {
	case LINUX_CAP_VERSION_1:
		return 1;
	case LINUX_CAP_VERSION_2:
	case LINUX_CAP_VERSION_3:
		return 2;
	}
	if (copy_out(hdr, &newest, sizeof(newest)) < 0)
		return -EFAULT;
	return -EINVAL;
}

static int cap_subject(struct task *t, int32_t pid, struct cred **out)
{
	AUTO_PUT(task) struct task *p = NULL;

	if (pid < 0)
		return -EINVAL;
	if (pid)
		p = task_lookup((uint32_t)pid);
	if (pid && !p)
		return -ESRCH;
	*out = task_get_cred(p ? p : t);
	return 0;
}

long sys_capget(struct task *t, uaddr_t hdr, uaddr_t data)
{
	AUTO_PUT(cred) struct cred *c = NULL;
	struct linux_cap_data d[2];
	struct linux_cap_header h;
	int words = cap_words(hdr, &h), ret;

	if (uaddr_is_null(data) && (words >= 0 || words == -EINVAL))
		return 0;
	if (words < 0)
		return words;
	ret = cap_subject(t, h.pid, &c);
	if (ret < 0)
		return ret;
	for (int i = 0; i < 2; i++) {
		d[i].effective = (uint32_t)(c->cap_effective >> i * 32);
		d[i].permitted = (uint32_t)(c->cap_permitted >> i * 32);
		d[i].inheritable = (uint32_t)(c->cap_inheritable >> i * 32);
	}
	return copy_out(data, d, (size_t)words * sizeof(d[0]));
}

long sys_capset(struct task *t, uaddr_t hdr, uaddr_t data)
{
	struct linux_cap_data d[2] = { 0 };
	uint64_t eff, perm, inh;
	struct linux_cap_header h;
	struct cred *new = NULL;
	int words = cap_words(hdr, &h), ret;

	if (words < 0)
		return words;
	if (h.pid != 0 && (uint32_t)h.pid != t->vtid)
		return -EPERM;
	if (copy_in(d, data, (size_t)words * sizeof(d[0])) < 0)
		return -EFAULT;
	eff = d[0].effective | (uint64_t)d[1].effective << 32;
	perm = d[0].permitted | (uint64_t)d[1].permitted << 32;
	inh = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	ret = cred_capset(t->cred, eff & CAP_FULL_SET, perm & CAP_FULL_SET,
			  inh & CAP_FULL_SET, &new);
	return commit(t, ret, new);
}
