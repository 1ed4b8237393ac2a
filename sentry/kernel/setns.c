/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setns: joining existing namespaces, setns(2).
 *
 * All are checked with the identity that the call will give, then all take
 * effect: it is all or nothing.
 *
 * Locks:     none but t->mu at the end.
 * Linux:     kernel/nsproxy.c of 6.18.
 * Tests:     tests/conformance/ns.c
 */
#include <errno.h>
#include <string.h>

#include "abi/clone.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/pidfd.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/log.h"
#include "sentry/loader/vdso.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/vfs.h"

/* What the task will be. */
struct joiner {
	struct task *t;
	struct cred *cred; /* NULL: as now */
	struct fs_ctx *fs; /* NULL: as now */
	struct ns_common *ns[TASK_NS_NR];
};

static const struct cred *cred_of(const struct joiner *j)
{
	return j->cred ? j->cred : j->t->cred;
}

static bool is_admin(const struct joiner *j, const struct ns_common *ns)
{
	const struct cred *c = cred_of(j);

	return cred_ns_capable(c, ns->owner, CAP_NR_SYS_ADMIN) &&
	       cred_own_capable(c, CAP_NR_SYS_ADMIN);
}

static bool is_single_threaded(struct task *t)
{
	return t->group->nr_threads == 1 && !t->group->priv->mm_shared;
}

static void put_in(struct joiner *j, enum task_ns at, struct ns_common *ns)
{
	ns_get(ns);
	ns_put(j->ns[at]);
	j->ns[at] = ns;
}

static int join_user(struct joiner *j, struct ns_common *ns)
{
	struct user_ns *u = container_of(ns, struct user_ns, ns);
	int ret;

	/* It would be a way to capabilities that were dropped. */
	if (u == j->t->cred->user_ns)
		return -EINVAL;
	if (j->t->group->nr_threads != 1 || fs_ctx_is_shared(j->t->fs))
		return -EINVAL;
	if (!cred_ns_capable(cred_of(j), u, CAP_NR_SYS_ADMIN))
		return -EPERM;
	ret = cred_copy(j->t->cred, &j->cred);
	if (ret == 0)
		cred_enter_user_ns(j->cred, u);
	return ret;
}

static int join_mnt(struct joiner *j, struct ns_common *ns)
{
	struct path root = { NULL, NULL };
	int ret;

	if (!is_admin(j, ns) ||
	    !cred_own_capable(cred_of(j), CAP_NR_SYS_CHROOT))
		return -EPERM;
	if (fs_ctx_is_shared(j->t->fs))
		return -EINVAL;
	mount_ns_root(mount_ns_of(ns), &root);
	ret = fs_ctx_new(&root, &j->fs);
	path_put(&root);
	if (ret < 0)
		return ret;
	j->fs->umask = current_umask();
	put_in(j, TASK_NS_MNT, ns);
	return 0;
}

static int join_pid(struct joiner *j, struct ns_common *ns)
{
	struct pid_ns *p = container_of(ns, struct pid_ns, ns);

	if (!is_admin(j, ns))
		return -EPERM;
	if (!pid_ns_is_below(p, task_pid_ns(j->t)))
		return -EINVAL;
	put_in(j, TASK_NS_PID_CHILDREN, ns);
	return 0;
}

static int join_time(struct joiner *j, struct ns_common *ns)
{
	if (!is_single_threaded(j->t))
		return -EUSERS;
	if (!is_admin(j, ns))
		return -EPERM;
	put_in(j, TASK_NS_TIME, ns);
	put_in(j, TASK_NS_TIME_CHILDREN, ns);
	return 0;
}

static int join_plain(struct joiner *j, struct ns_common *ns, enum task_ns at)
{
	if (!is_admin(j, ns))
		return -EPERM;
	put_in(j, at, ns);
	return 0;
}

static int join(struct joiner *j, struct ns_common *ns)
{
	switch (ns->kind) {
	case NS_USER:
		return join_user(j, ns);
	case NS_MNT:
		return join_mnt(j, ns);
	case NS_PID:
		return join_pid(j, ns);
	case NS_TIME:
		return join_time(j, ns);
	case NS_UTS:
		return join_plain(j, ns, TASK_NS_UTS);
	case NS_IPC:
		return join_plain(j, ns, TASK_NS_IPC);
	case NS_NET:
		return join_plain(j, ns, TASK_NS_NET);
	default:
		return join_plain(j, ns, TASK_NS_CGROUP);
	}
}

/* --- which ones ----------------------------------------------------------- */

/* Those of another process, in Linux's order; the user namespace first, since
 * its capabilities are to count for the others. */
static int join_task(struct joiner *j, struct task *it, uint64_t flags)
{
	static const struct {
		uint64_t flag;
		enum task_ns at;
	} order[] = {
		{ LINUX_CLONE_NEWNS, TASK_NS_MNT },
		{ LINUX_CLONE_NEWUTS, TASK_NS_UTS },
		{ LINUX_CLONE_NEWIPC, TASK_NS_IPC },
		{ LINUX_CLONE_NEWCGROUP, TASK_NS_CGROUP },
		{ LINUX_CLONE_NEWNET, TASK_NS_NET },
		{ LINUX_CLONE_NEWTIME, TASK_NS_TIME },
	};
	AUTO_PUT(cred) struct cred *c = task_get_cred(it);
	struct ns_common *ns[TASK_NS_NR];
	int ret = 0;

	mutex_lock(&it->mu);
	memcpy(ns, it->ns, sizeof(ns));
	for (int i = 0; i < TASK_NS_NR; i++)
		ns_get(ns[i]);
	mutex_unlock(&it->mu);
	if (!ns[0])
		ret = -ESRCH; /* it has ended */
	if (ret == 0 && (flags & LINUX_CLONE_NEWUSER))
		ret = join(j, &c->user_ns->ns);
	for (unsigned int i = 0; i < ARRAY_SIZE(order) && ret == 0; i++)
		if (flags & order[i].flag)
			ret = join(j, ns[order[i].at]);
	if (ret == 0 && (flags & LINUX_CLONE_NEWPID))
		ret = join(j, &task_pid_ns(it)->ns);
	task_ns_drop(ns);
	return ret;
}

static int join_pidfd(struct joiner *j, int fd, uint64_t flags)
{
	AUTO_PUT(task) struct task *it = NULL;
	bool thread;
	int ret = pidfd_lookup_task(fd, &it, &thread);

	if (ret < 0)
		return ret == -EBADF ? -EINVAL : ret;
	if (!flags || (flags & ~LINUX_CLONE_NAMESPACES))
		return -EINVAL;
	if (task_may_access(it) < 0)
		return -EPERM;
	return join_task(j, it, flags);
}

static void commit(struct joiner *j)
{
	struct task *t = j->t;
	struct time_ns *time = (struct time_ns *)(void *)j->ns[TASK_NS_TIME];

	if (j->fs) {
		mutex_lock(&t->mu);
		struct fs_ctx *old = t->fs;

		t->fs = take(j->fs);
		mutex_unlock(&t->mu);
		fs_ctx_put(old);
	}
	if (j->cred) {
		/* Not the namespace of its own: it may have secrets now. */
		if (j->cred->user_ns->parent != t->cred->user_ns ||
		    j->cred->user_ns->uid != t->cred->euid)
			mm_set_dumpable(t->mm, 0);
		task_set_cred(t, take(j->cred));
	}
	bool other_time = j->ns[TASK_NS_TIME] != t->ns[TASK_NS_TIME];

	if (other_time)
		time_ns_freeze(time);
	if (j->ns[TASK_NS_IPC] != t->ns[TASK_NS_IPC])
		sem_undo_exit(t);
	task_ns_install(t, j->ns);
	memset(j->ns, 0, sizeof(j->ns));
	/* Only for want of memory; then the vDSO tells the old time. */
	if (other_time && vdso_set_asking(t->mm, task_has_time_offsets(t)) < 0)
		log_debug("setns: the vDSO keeps its time");
}

int task_setns(struct task *t, int fd, uint64_t flags)
{
	AUTO_PUT(file) struct file *f = current_file(fd);
	struct joiner j = { .t = t };
	struct ns_common *ns;
	int ret;

	if (!f)
		return -EBADF;
	for (int i = 0; i < TASK_NS_NR; i++) {
		j.ns[i] = t->ns[i];
		ns_get(j.ns[i]);
	}
	ns = nsfs_of_file(f);
	if (!ns)
		ret = join_pidfd(&j, fd, flags);
	else if (flags && flags != ns_types[ns->kind].clone_flag)
		ret = -EINVAL;
	else
		ret = join(&j, ns);
	if (ret == 0)
		commit(&j);
	if (j.cred)
		cred_put(j.cred);
	if (j.fs)
		fs_ctx_put(j.fs);
	task_ns_drop(j.ns);
	return ret;
}
