/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_kill: sending signals.
 *
 * The order of Linux: whom (ESRCH), may I (EINVAL for a bad number, EPERM),
 * then signal 0 ends well.
 * Tests: tests/conformance/signal.c
 */
#include <errno.h>
#include <limits.h>

#include "sentry/fs/proc/proc_dir.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/pidfd.h"
#include "sentry/kernel/task_private.h"
#include "sentry/vfs/vfs.h"
#include "syscalls.h"

static int send_checked(struct thread_group *tg, const struct linux_siginfo *si)
{
	int ret;

	if (si->signo < 0 || si->signo > LINUX_NSIG)
		return -EINVAL;
	ret = signal_may_send(tg, si->signo);
	if (ret < 0 || si->signo == 0)
		return ret;
	ret = signal_send_group(tg, si);
	return ret == -ESRCH ? 0 : ret; /* it dies as if it had got it */
}

static int kill_process_locked(uint32_t pid, const struct linux_siginfo *si)
{
	struct task *p = pid_peek_task_locked(pid_from_guest_locked(pid));

	return p ? send_checked(p->group, si) : -ESRCH;
}

static int kill_pgrp_locked(struct process_group *pg,
			    const struct linux_siginfo *si)
{
	struct thread_group *tg;
	int ret = -ESRCH;
	bool sent = false;

	if (!pg)
		return -ESRCH;
	list_for_each_entry (tg, &pg->members, pgrp_node) {
		int one = send_checked(tg, si);

		if (one == 0)
			sent = true;
		else
			ret = one;
	}
	return sent ? 0 : ret;
}

/* Everybody but process 1 and the caller. */
static int kill_all_locked(struct task *t, const struct linux_siginfo *si)
{
	int ret = 0, count = 0;

	for (uint32_t pid = 2; pid < pid_end_locked(); pid++) {
		struct thread_group *tg =
			pid_peek_group_locked(pid_from_guest_locked(pid));
		int one;

		if (!tg || tg == t->group)
			continue;
		one = send_checked(tg, si);
		count++;
		if (one != -EPERM)
			ret = one;
	}
	return count ? ret : -ESRCH;
}

static int kill_something(struct task *t, int32_t pid,
			  const struct linux_siginfo *si)
{
	int ret;

	if (pid == INT_MIN)
		return -ESRCH;
	tasklist_lock();
	if (pid > 0)
		ret = kill_process_locked((uint32_t)pid, si);
	else if (pid == -1)
		ret = kill_all_locked(t, si);
	else if (pid == 0)
		ret = kill_pgrp_locked(t->group->pgrp, si);
	else
		ret = kill_pgrp_locked(
			pid_peek_pgrp_locked(
				pid_from_guest_locked((uint32_t)-pid)),
			si);
	tasklist_unlock();
	return ret;
}

long sys_kill(struct task *t, int32_t pid, int32_t sig)
{
	struct linux_siginfo si;

	siginfo_user(&si, sig, LINUX_SI_USER);
	return kill_something(t, pid, &si);
}

/* To @p alone. */
static long kill_task(struct task *p, const struct linux_siginfo *si)
{
	int ret;

	if (si->signo < 0 || si->signo > LINUX_NSIG)
		return -EINVAL;
	tasklist_lock();
	ret = signal_may_send(p->group, si->signo);
	tasklist_unlock();
	if (ret < 0 || si->signo == 0)
		return ret;
	ret = signal_send_task(p, si);
	return ret == -ESRCH ? 0 : ret;
}

/* To one thread; @tgid 0: whichever process it is of. */
static long kill_thread(int32_t tgid, int32_t tid,
			const struct linux_siginfo *si)
{
	AUTO_PUT(task) struct task *p = task_lookup((uint32_t)tid);

	if (!p || (tgid && p->group->tgid != pid_from_guest((uint32_t)tgid)))
		return -ESRCH;
	return kill_task(p, si);
}

long sys_tkill(struct task *t, int32_t tid, int32_t sig)
{
	struct linux_siginfo si;

	(void)t;
	if (tid <= 0)
		return -EINVAL;
	siginfo_user(&si, sig, LINUX_SI_TKILL);
	return kill_thread(0, tid, &si);
}

long sys_tgkill(struct task *t, int32_t tgid, int32_t tid, int32_t sig)
{
	struct linux_siginfo si;

	(void)t;
	if (tid <= 0 || tgid <= 0)
		return -EINVAL;
	siginfo_user(&si, sig, LINUX_SI_TKILL);
	return kill_thread(tgid, tid, &si);
}

/* A siginfo of the guest's own; it may not pose as the kernel or kill(2). */
static int copy_siginfo(struct linux_siginfo *si, uaddr_t info, int32_t sig)
{
	if (copy_in(si, info, sizeof(*si)) < 0)
		return -EFAULT;
	si->signo = sig;
	return 0;
}

static bool may_pose(struct task *t, int32_t pid,
		     const struct linux_siginfo *si)
{
	return (si->code < 0 && si->code != LINUX_SI_TKILL) ||
	       (uint32_t)pid == t->vtid;
}

long sys_rt_sigqueueinfo(struct task *t, int32_t pid, int32_t sig, uaddr_t info)
{
	struct linux_siginfo si;
	int ret = copy_siginfo(&si, info, sig);

	if (ret < 0)
		return ret;
	if (!may_pose(t, pid, &si))
		return -EPERM;
	tasklist_lock();
	ret = kill_process_locked((uint32_t)pid, &si);
	tasklist_unlock();
	return ret;
}

long sys_rt_tgsigqueueinfo(struct task *t, int32_t tgid, int32_t tid,
			   int32_t sig, uaddr_t info)
{
	struct linux_siginfo si;
	int ret = copy_siginfo(&si, info, sig);

	if (ret < 0)
		return ret;
	if (tid <= 0 || tgid <= 0)
		return -EINVAL;
	if (!may_pose(t, tid, &si))
		return -EPERM;
	return kill_thread(tgid, tid, &si);
}

/* --- pidfds --------------------------------------------------------------- */

enum {
	PIDFD_SIGNAL_THREAD = 1,
	PIDFD_SIGNAL_THREAD_GROUP = 2,
	PIDFD_SIGNAL_PROCESS_GROUP = 4,
	PIDFD_SELF_THREAD = -10000,
	PIDFD_SELF_THREAD_GROUP = -10001,
};

/* As pidfd_lookup_task(); an open /proc/PID, older than pidfds, will do too. */
static int named_task(int32_t fd, struct task **out, bool *out_thread)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret = pidfd_lookup_task(fd, out, out_thread);

	if (ret != -EBADF)
		return ret;
	f = current_file(fd);
	*out_thread = false;
	return f ? proc_dir_task(f, out) : -EBADF;
}

/* The receiver (+1) and, if @scope is 0, what the descriptor was made for. */
static int pidfd_receiver(struct task *t, int32_t pidfd, uint32_t *scope,
			  struct task **out)
{
	bool thread = pidfd == PIDFD_SELF_THREAD;
	struct task *p = t;
	int ret;

	if (thread || pidfd == PIDFD_SELF_THREAD_GROUP) {
		task_get(t);
	} else {
		ret = named_task(pidfd, &p, &thread);
		if (ret < 0)
			return ret;
	}
	if (!*scope)
		*scope = thread ? PIDFD_SIGNAL_THREAD
				: PIDFD_SIGNAL_THREAD_GROUP;
	*out = p;
	return 0;
}

static int send_in_scope(struct task *p, uint32_t scope,
			 const struct linux_siginfo *si)
{
	struct process_group *pg;
	int ret;

	if (scope == PIDFD_SIGNAL_THREAD)
		return (int)kill_task(p, si);
	tasklist_lock();
	if (scope == PIDFD_SIGNAL_PROCESS_GROUP) {
		/* The descriptor names the group's leader. */
		pg = pid_peek_pgrp_locked(p->tid);
		ret = kill_pgrp_locked(pg, si);
	} else {
		ret = send_checked(p->group, si);
	}
	tasklist_unlock();
	return ret;
}

/* Others are not sent what only the kernel says. */
static bool pidfd_may_pose(const struct task *t, const struct task *p,
			   uint32_t scope, const struct linux_siginfo *si)
{
	bool self = scope != PIDFD_SIGNAL_PROCESS_GROUP && p == t;

	return self || (si->code < 0 && si->code != LINUX_SI_TKILL);
}

long sys_pidfd_send_signal(struct task *t, int32_t pidfd, int32_t sig,
			   uaddr_t info, uint32_t flags)
{
	AUTO_PUT(task) struct task *p = NULL;
	struct linux_siginfo si;
	int ret;

	if (flags & (flags - 1) || flags > PIDFD_SIGNAL_PROCESS_GROUP)
		return -EINVAL;
	ret = pidfd_receiver(t, pidfd, &flags, &p);
	if (ret < 0)
		return ret;
	siginfo_user(&si, sig,
		     flags == PIDFD_SIGNAL_THREAD ? LINUX_SI_TKILL
						  : LINUX_SI_USER);
	if (!uaddr_is_null(info)) {
		if (copy_in(&si, info, sizeof(si)) < 0)
			return -EFAULT;
		if (si.signo != sig)
			return -EINVAL;
		if (!pidfd_may_pose(t, p, flags, &si))
			return -EPERM;
	}
	return send_in_scope(p, flags, &si);
}
