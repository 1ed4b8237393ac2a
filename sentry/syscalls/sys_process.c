/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_process: making and ending tasks.
 *
 * Tests: tests/conformance/clone.c, exit.c
 */
#include <errno.h>

#include "sentry/fs/cgroup/cgroupfs.h"
#include "sentry/kernel/clone.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "syscalls.h"

/* clone(2), the old form: the low byte of flags is the exit signal. */
long sys_clone(struct task *t, uint32_t flags, uaddr_t stack,
	       uaddr_t parent_tid, uaddr_t child_tid, uint64_t tls)
{
	struct clone_request rq = {
		.flags = flags & ~LINUX_CSIGNAL,
		.pidfd = parent_tid,
		.child_tid = child_tid,
		.parent_tid = parent_tid,
		.exit_signal = flags & LINUX_CSIGNAL,
		.sp = stack.va,
		.tls = tls,
	};

	if ((flags & LINUX_CLONE_PIDFD) &&
	    (flags & (LINUX_CLONE_PARENT_SETTID | LINUX_CLONE_DETACHED)))
		return -EINVAL;
	return task_clone(t, &rq);
}

long sys_fork(struct task *t)
{
	struct clone_request rq = { .exit_signal = LINUX_SIGCHLD };

	return task_clone(t, &rq);
}

long sys_vfork(struct task *t)
{
	struct clone_request rq = {
		.flags = LINUX_CLONE_VFORK | LINUX_CLONE_VM,
		.exit_signal = LINUX_SIGCHLD,
	};

	return task_clone(t, &rq);
}

static bool clone3_flags_ok(const struct linux_clone_args *a)
{
	uint64_t known = 0xffffffffull | LINUX_CLONE_CLEAR_SIGHAND |
			 LINUX_CLONE_INTO_CGROUP;
	uint64_t low = LINUX_CSIGNAL & ~LINUX_CLONE_NEWTIME;

	if ((a->flags & ~known) || (a->flags & (LINUX_CLONE_DETACHED | low)))
		return false;
	if ((a->flags & LINUX_CLONE_SIGHAND) &&
	    (a->flags & LINUX_CLONE_CLEAR_SIGHAND))
		return false;
	return !(a->flags & (LINUX_CLONE_THREAD | LINUX_CLONE_PARENT)) ||
	       !a->exit_signal;
}

static int clone3_stack(const struct linux_clone_args *a, uint64_t *out_sp)
{
	uint64_t top;

	*out_sp = 0;
	if (!a->stack)
		return a->stack_size ? -EINVAL : 0;
	if (!a->stack_size || add_overflows(a->stack, a->stack_size, &top) ||
	    top > platform_limits()->max_user_addr)
		return -EINVAL;
	*out_sp = top;
	return 0;
}

/* Each number needs privilege over its namespace; the namespaces are those of
 * the child, or of the parent where the child's is new. */
static int clone3_may_set(struct task *t, const struct linux_clone_args *a)
{
	const struct pid_ns *ns =
		container_of(t->ns[TASK_NS_PID_CHILDREN], struct pid_ns, ns);
	uint64_t nr = a->set_tid_size;

	if (a->flags & LINUX_CLONE_NEWPID)
		nr--; /* the new one is its own */
	for (; nr > 0; nr--, ns = ns->parent) {
		if (!ns)
			return -EINVAL;
		if (!ns_capable(ns->ns.owner, CAP_NR_SYS_ADMIN))
			return -EPERM;
	}
	return 0;
}

static int clone3_set_tid(struct task *t, const struct linux_clone_args *a,
			  struct clone_request *rq)
{
	uint64_t nr = a->set_tid_size;

	if (!a->set_tid != !nr || nr > CLONE_MAX_SET_TID)
		return -EINVAL;
	if (!nr)
		return 0;
	if (copy_in(rq->set_tid, uaddr(a->set_tid),
		    nr * sizeof(rq->set_tid[0])) < 0)
		return -EFAULT;
	for (uint64_t i = 0; i < nr; i++)
		if (rq->set_tid[i] < 1 || rq->set_tid[i] >= PID_MAX)
			return -EINVAL;
	rq->nr_set_tid = (uint32_t)nr;
	return clone3_may_set(t, a);
}

/* CLONE_INTO_CGROUP: the group that a descriptor names, +1. */
static int clone3_cgroup(struct task *t, const struct linux_clone_args *a,
			 size_t size, struct cgroup **out)
{
	AUTO_PUT(file) struct file *f = NULL;

	if (!(a->flags & LINUX_CLONE_INTO_CGROUP))
		return 0;
	if (a->cgroup > INT32_MAX || size < sizeof(*a))
		return -EINVAL;
	f = fd_table_lookup_any(t->fds, (int)a->cgroup);
	*out = f ? cgroupfs_of_file(f) : NULL;
	if (!*out)
		return -EBADF;
	if ((*out)->dead)
		return -ENOENT;
	if (t->cred->fsuid != 0 && !capable(CAP_NR_DAC_OVERRIDE))
		return -EACCES; /* as its cgroup.procs */
	return cgroup_may_enter(*out, t->group, a->flags & LINUX_CLONE_THREAD);
}

long sys_clone3(struct task *t, uaddr_t args, uint64_t size)
{
	AUTO_PUT(cgroup) struct cgroup *cgroup = NULL;
	struct linux_clone_args a = { 0 };
	struct clone_request rq = { 0 };
	int ret;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < LINUX_CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	ret = copy_in_struct(&a, sizeof(a), args, size);
	if (ret < 0)
		return ret;
	if (a.exit_signal > LINUX_NSIG || !clone3_flags_ok(&a))
		return -EINVAL;
	ret = clone3_set_tid(t, &a, &rq);
	if (ret == 0)
		ret = clone3_stack(&a, &rq.sp);
	if (ret == 0)
		ret = clone3_cgroup(t, &a, size, &cgroup);
	if (ret < 0)
		return ret;
	rq.cgroup = cgroup;
	rq.flags = a.flags;
	rq.pidfd = uaddr(a.pidfd);
	rq.child_tid = uaddr(a.child_tid);
	rq.parent_tid = uaddr(a.parent_tid);
	rq.exit_signal = (int32_t)a.exit_signal;
	rq.tls = a.tls;
	return task_clone(t, &rq);
}

long sys_unshare(struct task *t, uint32_t flags)
{
	uint64_t known = LINUX_CLONE_NAMESPACES | LINUX_CLONE_FS |
			 LINUX_CLONE_FILES | LINUX_CLONE_SYSVSEM |
			 LINUX_CLONE_THREAD | LINUX_CLONE_SIGHAND |
			 LINUX_CLONE_VM;

	if (flags & ~known)
		return -EINVAL;
	return task_unshare(t, flags);
}

long sys_setns(struct task *t, int32_t fd, uint32_t nstype)
{
	return task_setns(t, fd, nstype);
}

/* The run loop ends the task when the call returns. */
long sys_exit(struct task *t, int32_t status)
{
	t->priv->exit_code = (status & 0xff) << 8;
	atomic_fetch_or(&t->work, TASK_WORK_EXIT);
	return 0;
}

long sys_exit_group(struct task *t, int32_t status)
{
	signal_group_exit(t, (status & 0xff) << 8);
	return 0;
}

long sys_set_tid_address(struct task *t, uaddr_t tidptr)
{
	t->clear_child_tid = tidptr.va;
	return t->vtid;
}

long sys_set_robust_list(struct task *t, uaddr_t head, uint64_t size)
{
	if (size != 24) /* struct robust_list_head */
		return -EINVAL;
	t->robust_list = head.va;
	return 0;
}

long sys_get_robust_list(struct task *t, int32_t pid, uaddr_t head,
			 uaddr_t size)
{
	AUTO_PUT(task) struct task *p = NULL;
	uint64_t addr, len = 24;

	if (pid) {
		p = task_lookup((uint32_t)pid);
		if (!p)
			return -ESRCH;
		if (task_may_access(p) < 0)
			return -EPERM;
	}
	addr = (p ? p : t)->robust_list;
	if (copy_out(size, &len, sizeof(len)) < 0)
		return -EFAULT;
	return copy_out(head, &addr, sizeof(addr));
}
