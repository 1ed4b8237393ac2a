/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_signal: actions, masks, waiting for signals, sigreturn.
 *
 * Tests: tests/conformance/signal.c, sigframe.c
 */
#include <errno.h>
#include <string.h>

#include "abi/time.h"
#include "sentry/kernel/task_private.h"
#include "sentry/time/clock.h"
#include "syscalls.h"

#define SIGSET_SIZE 8

#define SA_KNOWN                                                      \
	(LINUX_SA_NOCLDSTOP | LINUX_SA_NOCLDWAIT | LINUX_SA_SIGINFO | \
	 LINUX_SA_ONSTACK | LINUX_SA_RESTART | LINUX_SA_NODEFER |     \
	 LINUX_SA_RESETHAND | LINUX_SA_EXPOSE_TAGBITS | LINUX_SA_RESTORER)

long sys_rt_sigaction(struct task *t, int32_t sig, uaddr_t act, uaddr_t oldact,
		      uint64_t size)
{
	struct linux_sigaction new = { 0 }, old;
	bool set = !uaddr_is_null(act);
	int ret;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (set && copy_in(&new, act, sizeof(new)) < 0)
		return -EFAULT;
	if (sig < 1 || sig > LINUX_NSIG ||
	    (set && (SIGMASK_ALWAYS & LINUX_SIGMASK(sig))))
		return -EINVAL;
	/* SA_UNSUPPORTED and unknown bits do not stick. */
	new.flags &= SA_KNOWN;
	new.mask &= ~SIGMASK_ALWAYS;
	ret = signal_set_action(t, sig, set ? &new : NULL, &old);
	if (ret < 0)
		return ret;
	if (uaddr_is_null(oldact))
		return 0;
	return copy_out(oldact, &old, sizeof(old));
}

long sys_rt_sigprocmask(struct task *t, int32_t how, uaddr_t set,
			uaddr_t oldset, uint64_t size)
{
	uint64_t old = t->signals->blocked, mask;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (!uaddr_is_null(set)) {
		if (copy_in(&mask, set, sizeof(mask)) < 0)
			return -EFAULT;
		mask &= ~SIGMASK_ALWAYS;
		switch (how) {
		case LINUX_SIG_BLOCK:
			mask |= old;
			break;
		case LINUX_SIG_UNBLOCK:
			mask = old & ~mask;
			break;
		case LINUX_SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		signal_set_blocked(t, mask);
	}
	if (uaddr_is_null(oldset))
		return 0;
	return copy_out(oldset, &old, sizeof(old));
}

long sys_rt_sigpending(struct task *t, uaddr_t set, uint64_t size)
{
	struct signal_state *s = t->group->signals;
	uint64_t mask;

	if (size > SIGSET_SIZE)
		return -EINVAL;
	mutex_lock(&s->mu);
	mask = (t->signals->pending.mask | s->shared.mask) &
	       t->signals->blocked;
	mutex_unlock(&s->mu);
	return copy_out(set, &mask, size);
}

/* Sleeps until one of @these comes, @deadline, or another signal. */
static int sigtimedwait_sleep(struct task *t, uint64_t these, uint64_t deadline,
			      struct linux_siginfo *out)
{
	struct signal_state *s = t->group->signals;
	struct task_waiter w;
	uint64_t mask;
	int ret;

	mutex_lock(&s->mu);
	mask = t->signals->real_blocked = t->signals->blocked;
	t->signals->blocked &= ~these;
	signal_recalc_locked(t);
	mutex_unlock(&s->mu);
	task_waiter_init(&w, t);
	do
		ret = task_sleep(&w, deadline);
	while (ret == 0);
	mutex_lock(&s->mu);
	t->signals->real_blocked = 0;
	signal_set_blocked_locked(t, mask);
	mutex_unlock(&s->mu);
	if (signal_dequeue(t, these, out))
		return out->signo;
	return ret == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

static int get_deadline(uaddr_t timeout, uint64_t *out)
{
	struct linux_timespec ts;
	uint64_t ns, now = clock_monotonic();

	*out = NO_DEADLINE;
	if (uaddr_is_null(timeout))
		return 0;
	if (copy_in(&ts, timeout, sizeof(ts)) < 0)
		return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	if (ts.sec == 0 && ts.nsec == 0) {
		*out = 0;
		return 0;
	}
	if (mul_overflows((uint64_t)ts.sec, NSEC_PER_SEC, &ns) ||
	    add_overflows(ns, (uint64_t)ts.nsec, &ns) ||
	    add_overflows(ns, now, out))
		*out = NO_DEADLINE;
	return 0;
}

long sys_rt_sigtimedwait(struct task *t, uaddr_t set, uaddr_t info,
			 uaddr_t timeout, uint64_t size)
{
	uint64_t these, deadline;
	struct linux_siginfo si;
	int ret;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (copy_in(&these, set, sizeof(these)) < 0)
		return -EFAULT;
	ret = get_deadline(timeout, &deadline);
	if (ret < 0)
		return ret;
	these &= ~SIGMASK_ALWAYS;
	if (signal_dequeue(t, these, &si))
		ret = si.signo;
	else if (deadline == 0)
		ret = -EAGAIN;
	else
		ret = sigtimedwait_sleep(t, these, deadline, &si);
	if (ret > 0 && !uaddr_is_null(info) &&
	    copy_out(info, &si, sizeof(si)) < 0)
		return -EFAULT;
	return ret;
}

static long wait_for_signal(struct task *t)
{
	struct task_waiter w;
	int ret;

	task_waiter_init(&w, t);
	do
		ret = task_sleep(&w, NO_DEADLINE);
	while (ret == 0);
	return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(struct task *t, uaddr_t set, uint64_t size)
{
	uint64_t mask;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (copy_in(&mask, set, sizeof(mask)) < 0)
		return -EFAULT;
	signal_set_temp_mask(t, mask);
	return wait_for_signal(t);
}

long sys_pause(struct task *t)
{
	return wait_for_signal(t);
}

/* The result goes to rax, which the frame has set; no restart. */
long sys_rt_sigreturn(struct task *t)
{
	struct linux_siginfo si;

	t->syscall_nr = -1;
	if (signal_frame_restore(t) < 0) {
		siginfo_kernel(&si, LINUX_SIGSEGV);
		signal_force(t, &si);
		return 0;
	}
	return (long)platform_regs(t->cpu)->rax;
}

long sys_sigaltstack(struct task *t, uaddr_t ss, uaddr_t old)
{
	struct linux_stack new, cur = t->signals->altstack;
	uint64_t sp = platform_regs(t->cpu)->rsp;
	uint32_t keep = (uint32_t)cur.flags & LINUX_SS_AUTODISARM;
	int ret;

	if (!uaddr_is_null(ss)) {
		if (copy_in(&new, ss, sizeof(new)) < 0)
			return -EFAULT;
		ret = signal_set_altstack(t, &new, sp);
		if (ret < 0)
			return ret;
	}
	if (uaddr_is_null(old))
		return 0;
	cur.flags = (int32_t)(signal_altstack_flags(&cur, sp) | keep);
	cur.pad = 0;
	return copy_out(old, &cur, sizeof(cur));
}

long sys_restart_syscall(struct task *t)
{
	long (*fn)(struct task *) = t->priv->restart_fn;

	t->priv->restart_fn = NULL;
	return fn ? fn(t) : -EINTR;
}
