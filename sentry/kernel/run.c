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

#include "sentry/kernel/exit_hooks.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"
#include "sentry/syscalls/dispatch.h"

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

		if (work & TASK_WORK_EXIT)
			return false;
		if (work & (TASK_WORK_SIGNAL | TASK_WORK_KILL))
			done = signal_deliver(t);
		if (done == DELIVER_EXIT)
			return false;
		if (done == DELIVER_HANDLER)
			continue;
		work = atomic_load(&t->work);
		if (work & TASK_WORK_RESTART)
			restart_now(t);
		if (work & TASK_WORK_MASK)
			signal_restore_mask(t);
	}
	return true;
}

/* --- stops ---------------------------------------------------------------- */

static void do_syscall(struct task *t, struct guest_regs *r)
{
	const uint64_t args[6] = {
		r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9
	};
	long ret;

	t->syscall_nr = (int)r->orig_rax;
	ret = syscall_dispatch(t, t->syscall_nr, args);
	r = platform_regs(t->cpu);
	r->rax = (uint64_t)ret;
	r->orig_rax = UINT64_MAX;
	/* rt_sigreturn clears syscall_nr: its result is no result. */
	if (unlikely(ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK &&
		     t->syscall_nr >= 0)) {
		t->priv->restart_nr = t->syscall_nr;
		atomic_fetch_or(&t->work, TASK_WORK_RESTART);
	}
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
	int ret = mm_fault(t->mm, stop->addr, stop->access, &res);

	atomic_fetch_add_explicit(&t->priv->min_flt, 1, memory_order_relaxed);
	if (ret == 0)
		return;
	if (ret == -EFAULT && res.signo) {
		force_fault(t, res.signo, res.code, stop);
		return;
	}
	log_warning("process %u: no memory for the page at %#lx: killed",
		    t->group->tgid, stop->addr);
	signal_kill_group(t->group);
}

static void do_exception(struct task *t, const struct guest_stop *stop)
{
	if (stop->signo < 1 || stop->signo > LINUX_NSIG) {
		log_warning("thread %u: exception with signal %d", t->tid,
			    stop->signo);
		signal_kill_group(t->group);
		return;
	}
	force_fault(t, stop->signo, stop->code, stop);
}

static void handle_stop(struct task *t, const struct guest_stop *stop)
{
	switch (stop->kind) {
	case STOP_SYSCALL:
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

	if (itimers_start && t == t->group->leader)
		itimers_start(t);
	for (;;) {
		if (unlikely(atomic_load_explicit(&t->work,
						  memory_order_relaxed)) &&
		    !border(t))
			break;
		/* Before the last look at work: see task_kick(). */
		atomic_store(&p->in_guest, 1);
		if (unlikely(atomic_load(&t->work))) {
			atomic_store(&p->in_guest, 0);
			continue;
		}
		platform_run(t->cpu, false, &stop);
		atomic_store_explicit(&p->in_guest, 0, memory_order_release);
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
