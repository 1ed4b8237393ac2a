/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_wait: wait4(2), waitid(2).
 *
 * Tests: tests/conformance/wait.c
 */
#include <errno.h>
#include <limits.h>

#include "abi/resource.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/pidfd.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/wait_child.h"
#include "sentry/vfs/vfs.h"
#include "syscalls.h"

/* The own process group, as it is called in the initial pid namespace. */
static uint32_t own_pgid(struct task *t)
{
	uint32_t pgid;

	tasklist_lock();
	pgid = t->group->pgrp->pgid;
	tasklist_unlock();
	return pgid;
}

static int put_usage(uaddr_t usage, const struct wait_result *r)
{
	struct linux_rusage ru;

	if (uaddr_is_null(usage))
		return 0;
	rusage_to_abi(&r->usage, &ru);
	return copy_out(usage, &ru, sizeof(ru));
}

/* As Linux the child is gone even if its status cannot be stored. */
long sys_wait4(struct task *t, int32_t pid, uaddr_t status, uint32_t options,
	       uaddr_t usage)
{
	struct wait_request rq = { .options = options | LINUX_WEXITED };
	struct wait_result res;
	int32_t word;
	long ret;

	if (options & ~(LINUX_WNOHANG | LINUX_WUNTRACED | LINUX_WCONTINUED |
			LINUX_WNOTHREAD | LINUX_WCLONE | LINUX_WALL))
		return -EINVAL;
	if (pid == INT_MIN)
		return -ESRCH;
	rq.type = pid == -1 ? LINUX_P_ALL
		  : pid > 0 ? LINUX_P_PID
			    : LINUX_P_PGID;
	rq.id = pid > 0 ? pid_from_guest((uint32_t)pid)
		: pid	? pid_from_guest((uint32_t)-pid)
			: own_pgid(t);
	ret = task_wait_child(t, &rq, &res);
	if (ret <= 0)
		return ret;
	word = wait_status(&res);
	if (!uaddr_is_null(status) && copy_out(status, &word, sizeof(word)) < 0)
		return -EFAULT;
	return put_usage(usage, &res) < 0 ? -EFAULT : ret;
}

/* Fills type and id; @target holds the reference of a pidfd. */
static int waitid_who(struct task *t, int32_t which, int32_t id,
		      struct wait_request *rq, struct thread_group **target)
{
	rq->type = which;
	rq->id = (uint32_t)id;
	switch (which) {
	case LINUX_P_ALL:
		return 0;
	case LINUX_P_PID:
		rq->id = pid_from_guest((uint32_t)id);
		return id > 0 ? 0 : -EINVAL;
	case LINUX_P_PGID:
		if (id < 0)
			return -EINVAL;
		rq->id = id ? pid_from_guest((uint32_t)id) : own_pgid(t);
		return 0;
	case LINUX_P_PIDFD:
		if (id < 0)
			return -EINVAL;
		*target = rq->target = pidfd_lookup(id);
		return rq->target ? 0 : -EBADF;
	}
	return -EINVAL;
}

static bool pidfd_is_nonblock(int32_t which, int32_t fd)
{
	AUTO_PUT(file) struct file *f = NULL;

	if (which != LINUX_P_PIDFD)
		return false;
	f = current_file(fd);
	return f && file_nonblock(f);
}

static int put_info(uaddr_t info, const struct wait_result *r, bool found)
{
	struct linux_siginfo si = { 0 };

	if (uaddr_is_null(info))
		return 0;
	if (found) {
		si.signo = LINUX_SIGCHLD;
		si.code = r->cause;
		si.chld.pid = (int32_t)r->pid;
		si.chld.uid = r->uid;
		si.chld.status = r->status;
	}
	/* Linux writes up to si_status and leaves the rest alone. */
	return copy_out(info, &si, offsetof(struct linux_siginfo, chld.pad));
}

long sys_waitid(struct task *t, int32_t which, int32_t id, uaddr_t info,
		uint32_t options, uaddr_t usage)
{
	AUTO_PUT(thread_group) struct thread_group *target = NULL;
	struct wait_request rq = { .options = options };
	uint32_t what = LINUX_WEXITED | LINUX_WSTOPPED | LINUX_WCONTINUED;
	struct wait_result res;
	bool nonblock;
	long ret;

	if (options & ~(LINUX_WNOHANG | LINUX_WNOWAIT | what | LINUX_WNOTHREAD |
			LINUX_WCLONE | LINUX_WALL))
		return -EINVAL;
	if (!(options & what))
		return -EINVAL;
	ret = waitid_who(t, which, id, &rq, &target);
	if (ret < 0)
		return ret;
	nonblock = pidfd_is_nonblock(which, id) && !(options & LINUX_WNOHANG);
	if (nonblock)
		rq.options |= LINUX_WNOHANG;
	ret = task_wait_child(t, &rq, &res);
	if (ret == 0 && nonblock)
		ret = -EAGAIN;
	if (ret > 0 && put_usage(usage, &res) < 0)
		return -EFAULT;
	if (ret >= 0 && put_info(info, &res, ret > 0) < 0)
		return -EFAULT;
	return MIN(ret, 0);
}
