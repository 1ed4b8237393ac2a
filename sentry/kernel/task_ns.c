/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_ns: making the namespaces of a task, clone(2) and unshare(2).
 *
 * Locks:     t->mu while a task's array is replaced.
 * Linux:     kernel/nsproxy.c and ksys_unshare() of 6.18.
 * Tests:     tests/conformance/ns.c, userns.c, pidns.c
 */
#include "sentry/kernel/task_ns.h"

#include <errno.h>
#include <string.h>

#include "abi/clone.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/net_ns.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/vfs.h"

/* What needs privilege over the user namespace that will own it. */
#define NEW_OWNED (LINUX_CLONE_NAMESPACES & ~LINUX_CLONE_NEWUSER)

struct maker {
	struct task *t;
	const struct cred *cred;
	struct fs_ctx *fs;
	uint64_t flags;
	struct ns_common **out;
};

static int make_plain(struct maker *m, enum task_ns at, enum ns_kind kind)
{
	return ns_plain_new(kind, m->cred->user_ns, m->cred, &m->out[at]);
}

static int make_uts(struct maker *m)
{
	struct uts_ns *u;
	int ret = uts_ns_copy(task_uts(m->t), m->cred->user_ns, m->cred, &u);

	if (ret == 0)
		m->out[TASK_NS_UTS] = &u->ns;
	return ret;
}

static int make_mnt(struct maker *m)
{
	struct mount_ns *ns;
	int ret = mount_ns_copy(task_mount_ns(m->t), m->cred->user_ns, m->cred,
				m->fs, &ns);

	if (ret == 0)
		m->out[TASK_NS_MNT] = mount_ns_common(ns);
	return ret;
}

static int make_pid(struct maker *m)
{
	struct pid_ns *ns, *own = task_pid_ns(m->t);
	int ret;

	if (m->t->ns[TASK_NS_PID_CHILDREN] != &own->ns)
		return -EINVAL; /* once only */
	ret = pid_ns_new(own, m->cred->user_ns, m->cred, &ns);
	if (ret == 0)
		m->out[TASK_NS_PID_CHILDREN] = &ns->ns;
	return ret;
}

static int make_time(struct maker *m)
{
	struct time_ns *ns;
	int ret =
		time_ns_new(task_time_ns(m->t), m->cred->user_ns, m->cred, &ns);

	if (ret == 0)
		m->out[TASK_NS_TIME_CHILDREN] = &ns->ns;
	return ret;
}

/* In Linux's order, which says what runs out first. */
static int make_all(struct maker *m)
{
	int ret = 0;

	if (m->flags & LINUX_CLONE_NEWNS)
		ret = make_mnt(m);
	if (ret == 0 && (m->flags & LINUX_CLONE_NEWUTS))
		ret = make_uts(m);
	if (ret == 0 && (m->flags & LINUX_CLONE_NEWIPC))
		ret = ipc_ns_new(m->cred->user_ns, m->cred,
				 &m->out[TASK_NS_IPC]);
	if (ret == 0 && (m->flags & LINUX_CLONE_NEWPID))
		ret = make_pid(m);
	if (ret == 0 && (m->flags & LINUX_CLONE_NEWCGROUP))
		ret = make_plain(m, TASK_NS_CGROUP, NS_CGROUP);
	if (ret == 0 && (m->flags & LINUX_CLONE_NEWNET))
		ret = net_ns_new(m->cred->user_ns, m->cred, false,
				 &m->out[TASK_NS_NET]);
	if (ret == 0 && (m->flags & LINUX_CLONE_NEWTIME))
		ret = make_time(m);
	return ret;
}

int task_ns_make(struct task *t, uint64_t flags, const struct cred *cred,
		 struct fs_ctx *fs, struct ns_common *out[TASK_NS_NR])
{
	struct maker m = {
		.t = t, .cred = cred, .fs = fs, .flags = flags, .out = out
	};
	int ret;

	memset(out, 0, TASK_NS_NR * sizeof(out[0]));
	if ((flags & NEW_OWNED) && !ns_capable(cred->user_ns, CAP_NR_SYS_ADMIN))
		return -EPERM;
	ret = make_all(&m);
	if (ret < 0) {
		task_ns_drop(out);
		return ret;
	}
	for (int i = 0; i < TASK_NS_NR; i++) {
		if (out[i])
			continue;
		out[i] = t->ns[i];
		ns_get(out[i]);
	}
	return 0;
}

void task_ns_drop(struct ns_common *ns[TASK_NS_NR])
{
	for (int i = 0; i < TASK_NS_NR; i++)
		ns_put(take(ns[i]));
}

void task_ns_enter_time(struct ns_common *ns[TASK_NS_NR])
{
	struct ns_common *old = ns[TASK_NS_TIME];

	if (old == ns[TASK_NS_TIME_CHILDREN])
		return;
	ns[TASK_NS_TIME] = ns[TASK_NS_TIME_CHILDREN];
	ns_get(ns[TASK_NS_TIME]);
	ns_put(old);
	time_ns_freeze((struct time_ns *)(void *)ns[TASK_NS_TIME]);
}

void task_ns_install(struct task *t, struct ns_common *ns[TASK_NS_NR])
{
	struct ns_common *old[TASK_NS_NR];

	mutex_lock(&t->mu);
	memcpy(old, t->ns, sizeof(old));
	memcpy(t->ns, ns, sizeof(old));
	mutex_unlock(&t->mu);
	task_ns_drop(old);
}

void task_ns_exec(struct task *t)
{
	struct ns_common *ns[TASK_NS_NR];

	if (t->ns[TASK_NS_TIME] == t->ns[TASK_NS_TIME_CHILDREN])
		return;
	for (int i = 0; i < TASK_NS_NR; i++) {
		ns[i] = t->ns[i];
		ns_get(ns[i]);
	}
	task_ns_enter_time(ns);
	task_ns_install(t, ns);
}

int task_ns_check_clone(struct task *t, uint64_t flags)
{
	if ((flags & LINUX_CLONE_FS) &&
	    (flags & (LINUX_CLONE_NEWNS | LINUX_CLONE_NEWUSER)))
		return -EINVAL;
	if (flags & LINUX_CLONE_THREAD) {
		if (flags & (LINUX_CLONE_NEWUSER | LINUX_CLONE_NEWPID))
			return -EINVAL;
		if (t->ns[TASK_NS_PID_CHILDREN] != &task_pid_ns(t)->ns)
			return -EINVAL;
	}
	if ((flags & LINUX_CLONE_SYSVSEM) && (flags & LINUX_CLONE_NEWIPC))
		return -EINVAL;
	return 0;
}

/* --- pivot_root(2) -------------------------------------------------------- */

static void replace_root(struct task *t, const struct path *old,
			 const struct path *fresh)
{
	struct fs_ctx *fs = task_get_fs(t);
	struct path *ends[2], put[2] = { { NULL, NULL }, { NULL, NULL } };

	if (!fs)
		return;
	ends[0] = &fs->root;
	ends[1] = &fs->cwd;
	mutex_lock(&fs->mu);
	for (int i = 0; i < 2; i++) {
		if (ends[i]->mnt != old->mnt || ends[i]->dentry != old->dentry)
			continue;
		put[i] = *ends[i];
		*ends[i] = *fresh;
		path_get(fresh);
	}
	mutex_unlock(&fs->mu);
	path_put(&put[0]);
	path_put(&put[1]);
	fs_ctx_put(fs);
}

void task_replace_roots(const struct path *old, const struct path *fresh)
{
	for (uint32_t i = 1; i < pid_end_locked(); i++) {
		AUTO_PUT(task) struct task *t = task_lookup_global(i);

		if (t)
			replace_root(t, old, fresh);
	}
}

/* --- unshare(2) ----------------------------------------------------------- */

/* What unshare(2) makes anew; NULL: it stays. */
struct unshared {
	struct fd_table *fds;
	struct fs_ctx *fs;
	struct cred *cred;
	struct ns_common *ns[TASK_NS_NR];
};

static int make_user(struct task *t, struct unshared *u)
{
	AUTO_PUT(user_ns) struct user_ns *ns = NULL;
	int ret = user_ns_new(t->cred, fs_ctx_is_chrooted(t->fs), &ns);

	if (ret == 0)
		ret = cred_copy(t->cred, &u->cred);
	if (ret == 0)
		cred_enter_user_ns(u->cred, ns);
	return ret;
}

static int make_unshared(struct task *t, uint64_t flags, struct unshared *u)
{
	int ret = 0;

	if (flags & LINUX_CLONE_FS)
		ret = fs_ctx_copy(t->fs, &u->fs);
	if (ret == 0 && (flags & LINUX_CLONE_FILES))
		ret = fd_table_fork(t->fds, &u->fds);
	if (ret == 0 && (flags & LINUX_CLONE_NEWUSER))
		ret = make_user(t, u);
	if (ret == 0 && (flags & NEW_OWNED))
		ret = task_ns_make(t, flags, u->cred ? u->cred : t->cred,
				   u->fs ? u->fs : t->fs, u->ns);
	return ret;
}

static void install_unshared(struct task *t, struct unshared *u)
{
	mutex_lock(&t->mu);
	if (u->fs) {
		struct fs_ctx *fs = t->fs;

		t->fs = u->fs;
		u->fs = fs;
	}
	if (u->fds) {
		struct fd_table *fds = t->fds;

		t->fds = u->fds;
		u->fds = fds;
	}
	mutex_unlock(&t->mu);
	if (u->cred)
		task_set_cred(t, take(u->cred));
	if (u->ns[0])
		task_ns_install(t, u->ns);
	memset(u->ns, 0, sizeof(u->ns));
}

static void drop_unshared(struct unshared *u)
{
	if (u->fds)
		fd_table_put(u->fds);
	if (u->fs)
		fs_ctx_put(u->fs);
	if (u->cred)
		cred_put(u->cred);
	task_ns_drop(u->ns);
}

int task_unshare(struct task *t, uint64_t flags)
{
	bool alone = t->group->nr_threads == 1;
	struct unshared u = { 0 };
	int ret;

	if (flags & LINUX_CLONE_NEWUSER)
		flags |= LINUX_CLONE_THREAD | LINUX_CLONE_FS;
	if (flags & LINUX_CLONE_NEWNS)
		flags |= LINUX_CLONE_FS;
	/* What is shared with other threads can only be kept. */
	if ((flags &
	     (LINUX_CLONE_THREAD | LINUX_CLONE_SIGHAND | LINUX_CLONE_VM)) &&
	    !alone)
		return -EINVAL;
	if ((flags & (LINUX_CLONE_SIGHAND | LINUX_CLONE_VM)) &&
	    t->group->priv->mm_shared)
		return -EINVAL;
	ret = make_unshared(t, flags, &u);
	if (ret == 0 && (flags & (LINUX_CLONE_SYSVSEM | LINUX_CLONE_NEWIPC)))
		sem_undo_exit(t);
	if (ret == 0)
		install_unshared(t, &u);
	drop_unshared(&u);
	return ret;
}
