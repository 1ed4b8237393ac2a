/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: the loop of a task between guest mode and the sentry.
 *
 * Fast path: one store and one load besides platform_run() and the handler.
 * Invariant: a system call that gave -ERESTART* passes the border before the
 *            guest runs again.
 * Locks:     none of its own.
 * Tests:     tests/conformance (all)
 */
#include "sentry/kernel/run.h"

#include <errno.h>

#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/exit_hooks.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"
#include "sentry/syscalls/dispatch.h"
#include "sentry/vfs/async.h"

/* --- the border ----------------------------------------------------------- */

static void restart_now(struct task *t)
{
	atomic_fetch_and(&t->work, ~(uint32_t)TASK_WORK_RESTART);
	signal_restart_plain(t);
}

/* Handles what waits; false: the task ends. */
static bool border(struct task *t)
{
	uint32_t work;

	while ((work = atomic_load(&t->work)) != 0) {
		enum deliver_result done = DELIVER_NONE;

		if (work & TASK_WORK_ASYNC) {
			file_async_flush();
			continue;
		}
		if (work & TASK_WORK_CPU_LIMIT) {
			atomic_fetch_and(&t->work,
					 ~(uint32_t)TASK_WORK_CPU_LIMIT);
			if (itimers_start)
				itimers_start(t);
			continue;
		}
		if (work & TASK_WORK_EXIT)
			return false;
		if (work & (TASK_WORK_SIGNAL | TASK_WORK_KILL))
			done = signal_deliver(t);
		if (done == DELIVER_EXIT)
			return false;
		if (done == DELIVER_HANDLER)
			continue;
		if (work & TASK_WORK_CGROUP)
			cgroup_border(t);
		work = atomic_load(&t->work);
		if (work & TASK_WORK_RESTART)
			restart_now(t);
		if (work & TASK_WORK_MASK)
			signal_restore_mask(t);
	}
	return true;
}

/* --- stops ---------------------------------------------------------------- */

/* @ret is the result of a call that was made, or interrupted. */
static void finish_syscall(struct task *t, struct guest_regs *r, long ret)
{
	r->rax = (uint64_t)ret;
	/* rt_sigreturn clears syscall_nr: its result is no result. */
	if (unlikely(ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK &&
		     t->syscall_nr >= 0))
		atomic_fetch_or(&t->work, TASK_WORK_RESTART);
}

/* Is the task traced at calls, or under seccomp, or sent its own calls? */
static inline bool is_watched(struct task *t)
{
	return (atomic_load_explicit(&t->priv->ptrace.calls,
				     memory_order_relaxed) &
		PTRACE_CALLS_STOP) ||
	       atomic_load_explicit(&t->priv->seccomp.mode,
				    memory_order_relaxed) ||
	       t->priv->user_dispatch.on;
}

/* First the thread itself, then the tracer, then the filters; false if the
 * call is not made. */
static bool may_make_syscall(struct task *t, struct guest_regs *r)
{
	int ret;

	if (t->priv->user_dispatch.on && !user_dispatch_allows(t, r))
		return false;
	if ((t->priv->ptrace.calls & PTRACE_CALLS_STOP) &&
	    !ptrace_syscall_entry(t))
		return false;
	t->syscall_nr = (int)r->orig_rax;
	if (t->priv->seccomp.mode && !ptrace_seccomp_suspended(t)) {
		ret = seccomp_enter(t, r);
		if (ret < 0)
			finish_syscall(t, r, ret);
		if (ret <= 0)
			return false;
	}
	return (int)r->orig_rax != -1;
}

/* orig_rax stays until the guest runs again: tracers and restarts need it. */
static void make_syscall(struct task *t, struct guest_regs *r)
{
	const uint64_t args[6] = {
		r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9
	};
	long ret;

	t->syscall_nr = (int)r->orig_rax;
	ret = syscall_dispatch(t, t->syscall_nr, args);
	finish_syscall(t, platform_regs(t->cpu), ret);
}

static void do_syscall(struct task *t, struct guest_regs *r)
{
	if (likely(!is_watched(t)) || may_make_syscall(t, r))
		make_syscall(t, r);
	if (unlikely(atomic_load_explicit(&t->priv->ptrace.calls,
					  memory_order_relaxed)))
		ptrace_syscall_exit(t);
	t->syscall_nr = -1;
}

static void force_fault(struct task *t, int signo, int code,
			const struct guest_stop *stop)
{
	struct linux_siginfo si;

	siginfo_kernel(&si, signo);
	si.code = code;
	si.fault.addr = stop->addr;
	t->priv->cr2 = stop->addr;
	t->priv->trapno = stop->trapno;
	t->priv->errcode = stop->errcode;
	signal_force(t, &si);
}

static void do_fault(struct task *t, const struct guest_stop *stop)
{
	struct fault_result res = { 0 };
	int ret;

	/* A host file's page behind its end: the guest's, as it is. */
	if (stop->signo == LINUX_SIGBUS) {
		force_fault(t, LINUX_SIGBUS, LINUX_BUS_ADRERR, stop);
		return;
	}
	/* A full heap is no reason to kill who touches his own memory. */
	alloc_reserve_begin();
	ret = mm_fault(t->mm, stop->addr, stop->access, &res);
	alloc_reserve_end();
	atomic_fetch_add_explicit(&t->priv->min_flt, 1, memory_order_relaxed);
	if (ret == 0)
		return;
	if (ret == -EFAULT && res.signo) {
		force_fault(t, res.signo, res.code, stop);
		return;
	}
	if (!task_fatal_signal_pending(t))
		log_warning(
			"process %u: no memory for the page at %#lx: killed",
			t->group->tgid, stop->addr);
	signal_kill_group(t->group);
}

static void do_exception(struct task *t, struct guest_stop *stop)
{
	if (stop->signo < 1 || stop->signo > LINUX_NSIG) {
		log_warning("thread %u: exception with signal %d", t->tid,
			    stop->signo);
		signal_kill_group(t->group);
		return;
	}
	if (unlikely(t->priv->ptrace.calls &
		     (PTRACE_CALLS_WATCH | PTRACE_CALLS_BLOCK)) &&
	    stop->signo == LINUX_SIGTRAP && stop->code == LINUX_TRAP_TRACE &&
	    !ptrace_watch_stepped(t, stop))
		return;
	force_fault(t, stop->signo, stop->code, stop);
}

/* A debugger shall find the text as it was. */
static void patch_site(struct task *t, const struct guest_regs *r)
{
	bool alone = t->group->nr_threads == 1 &&
		     !atomic_load(&t->group->priv->mm_shared);

	if (!t->priv->ptrace.calls && !is_watched(t))
		mm_patch_site(t->mm, t->cpu, r->rip - 2, (uint32_t)r->orig_rax,
			      alone);
}

static void handle_stop(struct task *t, struct guest_stop *stop)
{
	if (stop->kind != STOP_SYSCALL)
		platform_regs(t->cpu)->orig_rax = UINT64_MAX;
	switch (stop->kind) {
	case STOP_SYSCALL:
		if (unlikely(stop->hot))
			patch_site(t, platform_regs(t->cpu));
		do_syscall(t, platform_regs(t->cpu));
		break;
	case STOP_FAULT:
		do_fault(t, stop);
		break;
	case STOP_EXCEPTION:
		do_exception(t, stop);
		break;
	case STOP_INTERRUPTED:
		break;
	case STOP_GONE:
		log_warning("process %u: the host killed its stub",
			    t->group->tgid);
		signal_kill_group(t->group);
		break;
	}
}

void task_run(struct task *t)
{
	struct task_private *p = t->priv;
	struct guest_stop stop;
	uint32_t seq = 0; /* of in_guest, which we alone write */
	bool step;

	if (itimers_start && t == t->group->leader)
		itimers_start(t);
	for (;;) {
		if (unlikely(atomic_load_explicit(&t->work,
						  memory_order_relaxed)) &&
		    !border(t))
			break;
		/* Before the last look at work: see task_kick(). */
		atomic_store(&p->in_guest, ++seq);
		if (unlikely(atomic_load(&t->work))) {
			atomic_store(&p->in_guest, ++seq);
			continue;
		}
		step = atomic_load_explicit(&p->ptrace.calls,
					    memory_order_relaxed) &
		       (PTRACE_CALLS_STEP | PTRACE_CALLS_WATCH);
		if (unlikely(step))
			ptrace_watch_begin(t);
		platform_run(t->cpu, step, &stop);
		atomic_store_explicit(&p->in_guest, ++seq,
				      memory_order_release);
		handle_stop(t, &stop);
	}
	task_exit(t, p->exit_code);
}

/* --- restart.h ------------------------------------------------------------ */

union restart_data *task_restart_data(struct task *t)
{
	return &t->priv->restart;
}

long task_set_restart(struct task *t, long (*fn)(struct task *t))
{
	t->priv->restart_fn = fn;
	return -ERESTART_RESTARTBLOCK;
}
