/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal_deliver: what a task does with its signals at the border to the guest:
 * default actions, stops, handlers; and taking signals without handlers.
 *
 * Locks: the group's sighand lock; dropped before anything is told to the
 *        parent, which needs the tasklist lock.
 * Linux: get_signal(), handle_signal() of 6.18.
 * Tests: tests/conformance/signal.c, restart.c, jobs.c
 */
#include <errno.h>

#include "sentry/kernel/coredump.h"
#include "sentry/kernel/run.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"
#include "sentry/time/group_timers.h"

#define NR_restart_syscall 219

/* --- restart -------------------------------------------------------------- */

static void go_again(struct task *t, uint64_t nr)
{
	struct guest_regs *r = platform_regs(t->cpu);

	r->rax = nr;
	r->rip -= 2; /* the syscall instruction */
}

/*
 * TASK_WORK_RESTART only says that one might have been: a tracer may have
 * changed the result, taken the call away (orig_rax -1) or put it back.
 */
static bool is_interrupted(const struct guest_regs *r)
{
	long code = -(long)r->rax;

	return (int32_t)r->orig_rax >= 0 &&
	       (code == ERESTARTSYS || code == ERESTARTNOINTR ||
		code == ERESTARTNOHAND || code == ERESTART_RESTARTBLOCK);
}

/* A system call gave -ERESTART* and a handler with @flags runs now. */
static void restart_with_handler(struct task *t, uint64_t flags)
{
	struct guest_regs *r = platform_regs(t->cpu);
	long code = -(long)r->rax;

	if (!(atomic_load(&t->work) & TASK_WORK_RESTART))
		return;
	atomic_fetch_and(&t->work, ~(uint32_t)TASK_WORK_RESTART);
	if (!is_interrupted(r))
		return;
	if (code == ERESTARTNOINTR ||
	    (code == ERESTARTSYS && (flags & LINUX_SA_RESTART)))
		go_again(t, (uint32_t)r->orig_rax);
	else
		r->rax = (uint64_t)-EINTR;
}

void signal_restart_plain(struct task *t)
{
	struct guest_regs *r = platform_regs(t->cpu);

	if (!is_interrupted(r))
		return;
	if (-(long)r->rax == ERESTART_RESTARTBLOCK)
		go_again(t, NR_restart_syscall);
	else
		go_again(t, (uint32_t)r->orig_rax);
}

/* --- handlers ------------------------------------------------------------- */

/* The handler's frame is in place: its mask applies. */
static void enter_handler(struct task *t, const struct linux_siginfo *si,
			  const struct linux_sigaction *act)
{
	uint64_t mask = t->signals->blocked | act->mask;

	if (!(act->flags & LINUX_SA_NODEFER))
		mask |= LINUX_SIGMASK(si->signo);
	t->signals->has_saved = false;
	atomic_fetch_and(&t->work, ~(uint32_t)TASK_WORK_MASK);
	signal_set_blocked(t, mask);
}

static void handle(struct task *t, const struct linux_siginfo *si,
		   const struct linux_sigaction *act)
{
	uint64_t saved = t->signals->has_saved ? t->signals->saved_mask
					       : t->signals->blocked;
	struct linux_siginfo segv;

	restart_with_handler(t, act->flags);
	if (signal_frame_setup(t, si, act, saved) == 0) {
		enter_handler(t, si, act);
		ptrace_handler_entered(t);
		return;
	}
	/* Linux: a SIGSEGV that cannot be delivered either is fatal. */
	siginfo_kernel(&segv, LINUX_SIGSEGV);
	if (si->signo == LINUX_SIGSEGV)
		signal_force_default(t, &segv);
	else
		signal_force(t, &segv);
}

/* --- stops ---------------------------------------------------------------- */

static bool leave_locked(struct signal_state *s, struct task *t)
{
	t->signals->stop_pending = false;
	if (!t->signals->stop_consume)
		return false;
	t->signals->stop_consume = false;
	if (s->stop_count == 0 || --s->stop_count > 0 || s->stopped)
		return false;
	s->stopped = true;
	s->continued = false;
	s->stop_report = s->stop_signo;
	return true;
}

bool signal_leave_stop_locked(struct task *t)
{
	return t->signals->stop_pending && leave_locked(t->group->signals, t);
}

/* Everybody in the group is asked to stop; the caller is one of them. */
static void start_stop_locked(struct task *t, int signo)
{
	struct signal_state *s = t->group->signals;
	struct task *p;

	if (!t->signals->stop_dequeued || s->group_exit || s->exec_task)
		return; /* SIGCONT or SIGKILL came in between */
	t->signals->stop_dequeued = false;
	if (!s->stopped)
		s->stop_signo = signo;
	s->stop_count = 0;
	list_for_each_entry (p, &t->group->threads, group_node) {
		if (p->signals->exiting || p->signals->in_stop)
			continue;
		p->signals->stop_pending = p->signals->stop_consume = true;
		s->stop_count++;
		if (p != t && p->priv->ptrace.seized)
			ptrace_trap_notify_locked(p);
		else if (p != t)
			signal_wake_locked(p, false);
	}
}

/*
 * Joins the stop; sighand held at entry, not at return.
 * NO_LOCK_CHECK here and below: clang does not follow what hands a lock over.
 */
NO_LOCK_CHECK static void stop_self(struct task *t)
{
	struct signal_state *s = t->group->signals;
	int signo = s->stop_signo;
	bool last;

	last = leave_locked(s, t);
	t->signals->in_stop = true;
	mutex_unlock(&s->mu);
	if (last) {
		signal_notify_stop(t->group, LINUX_CLD_STOPPED);
		if (t->group->tgid == 1)
			sandbox_init_stopped(signo);
	}
	mutex_lock(&s->mu);
	while (t->signals->in_stop && !task_fatal_signal_pending(t)) {
		mutex_unlock(&s->mu);
		task_sleep_stopped(t);
		mutex_lock(&s->mu);
	}
	t->signals->in_stop = false;
	mutex_unlock(&s->mu);
}

/* The default action of @signo stops; sighand held, not at return. */
NO_LOCK_CHECK static void take_stop(struct task *t, int signo)
{
	struct signal_state *s = t->group->signals;
	bool orphaned;

	if (signo != LINUX_SIGSTOP) {
		mutex_unlock(&s->mu);
		tasklist_lock();
		orphaned = pgrp_is_orphaned_locked(t->group->pgrp, NULL);
		tasklist_unlock();
		if (orphaned)
			return;
		mutex_lock(&s->mu);
	}
	start_stop_locked(t, signo);
	mutex_unlock(&s->mu);
}

/* --- taking --------------------------------------------------------------- */

static bool dequeue_locked(struct task *t, uint64_t mask,
			   struct linux_siginfo *out)
{
	struct signal_state *s = t->group->signals;

	if (!sigpending_take(&t->signals->pending, mask, out) &&
	    !sigpending_take(&s->shared, mask, out))
		return false;
	if (sig_default_stops(out->signo))
		t->signals->stop_dequeued = true;
	if (out->code == LINUX_SI_TIMER && posix_timer_dequeued)
		posix_timer_dequeued(t, out);
	return true;
}

int signal_dequeue(struct task *t, uint64_t mask, struct linux_siginfo *out)
{
	struct signal_state *s = t->group->signals;
	bool got;

	mutex_lock(&s->mu);
	got = dequeue_locked(t, mask & ~SIGMASK_ALWAYS, out);
	signal_recalc_locked(t);
	mutex_unlock(&s->mu);
	return got;
}

/* Reads the action; SA_RESETHAND takes effect. */
static void take_action_locked(struct signal_state *s, int signo,
			       struct linux_sigaction *act)
{
	struct linux_sigaction *slot;

	mutex_lock(&s->actions->mu);
	slot = &s->actions->a[signo - 1];
	*act = *slot;
	if (act->handler > LINUX_SIG_IGN && (act->flags & LINUX_SA_RESETHAND))
		slot->handler = LINUX_SIG_DFL;
	mutex_unlock(&s->actions->mu);
}

enum step { STEP_NONE, STEP_AGAIN, STEP_HANDLER, STEP_EXIT };

/* A group-wide event?  Sighand held; dropped unless STEP_NONE. */
NO_LOCK_CHECK static enum step group_event(struct task *t)
{
	struct signal_state *s = t->group->signals;
	int why = s->cld_notify;

	if (s->group_exit || task_fatal_signal_pending(t)) {
		mutex_unlock(&s->mu);
		signal_group_exit(t, LINUX_SIGKILL);
		return STEP_EXIT;
	}
	if (why) {
		s->cld_notify = 0;
		mutex_unlock(&s->mu);
		signal_notify_continued(t->group, why);
		return STEP_AGAIN;
	}
	if (t->signals->stop_pending) {
		if (!ptrace_is_traced(&t->priv->ptrace)) {
			stop_self(t);
			return STEP_AGAIN;
		}
		t->priv->ptrace.trap_stop = true;
	}
	if (ptrace_has_work_locked(t)) {
		mutex_unlock(&s->mu);
		ptrace_trap(t);
		return STEP_AGAIN;
	}
	return STEP_NONE;
}

NO_LOCK_CHECK static enum step default_action(struct task *t,
					      const struct linux_siginfo *si)
{
	struct signal_state *s = t->group->signals;

	if (s->unkillable && !(LINUX_SIGMASK(si->signo) & SIGMASK_ALWAYS)) {
		mutex_unlock(&s->mu);
		return STEP_AGAIN; /* process 1 of a namespace */
	}
	if (sig_default_stops(si->signo)) {
		take_stop(t, si->signo);
		return STEP_AGAIN;
	}
	mutex_unlock(&s->mu);
	if (sig_default_ignores(si->signo))
		return STEP_AGAIN;
	log_debug("process %u ends by signal %d, code %d, address %#lx",
		  t->group->tgid, si->signo, si->code,
		  si->code > 0 ? si->fault.addr : 0);
	if (sig_default_cores(si->signo))
		coredump_group_exit(t, si);
	else
		signal_group_exit(t, si->signo);
	return STEP_EXIT;
}

/* signal_force_exit(): no tracer can take it away. */
static bool is_final(struct signal_state *s, int signo)
{
	bool yes;

	mutex_lock(&s->actions->mu);
	yes = s->actions->final & LINUX_SIGMASK(signo);
	mutex_unlock(&s->actions->mu);
	return yes;
}

NO_LOCK_CHECK static enum step deliver_one(struct task *t)
{
	struct signal_state *s = t->group->signals;
	struct linux_sigaction act;
	enum step step;
	struct linux_siginfo si;

	mutex_lock(&s->mu);
	step = group_event(t);
	if (step != STEP_NONE)
		return step;
	if (!sigpending_take_sync(&t->signals->pending, t->signals->blocked,
				  &si) &&
	    !dequeue_locked(t, ~t->signals->blocked, &si)) {
		signal_recalc_locked(t);
		mutex_unlock(&s->mu);
		return STEP_NONE;
	}
	if (unlikely(ptrace_is_traced(&t->priv->ptrace)) &&
	    si.signo != LINUX_SIGKILL && !is_final(s, si.signo)) {
		mutex_unlock(&s->mu);
		if (!ptrace_signal(t, &si))
			return STEP_AGAIN;
		mutex_lock(&s->mu);
	}
	take_action_locked(s, si.signo, &act);
	if (act.handler == LINUX_SIG_DFL || si.signo == LINUX_SIGKILL)
		return default_action(t, &si);
	signal_recalc_locked(t);
	mutex_unlock(&s->mu);
	if (act.handler == LINUX_SIG_IGN)
		return STEP_AGAIN;
	handle(t, &si, &act);
	return STEP_HANDLER;
}

enum deliver_result signal_deliver(struct task *t)
{
	enum step step;

	do
		step = deliver_one(t);
	while (step == STEP_AGAIN);
	if (step == STEP_EXIT)
		return DELIVER_EXIT;
	return step == STEP_HANDLER ? DELIVER_HANDLER : DELIVER_NONE;
}

/* --- temporary masks ------------------------------------------------------ */

void signal_set_temp_mask(struct task *t, uint64_t mask)
{
	t->signals->saved_mask = t->signals->blocked;
	t->signals->has_saved = true;
	atomic_fetch_or(&t->work, TASK_WORK_MASK);
	signal_set_blocked(t, mask);
}

void signal_restore_mask(struct task *t)
{
	if (!t->signals->has_saved)
		return;
	t->signals->has_saved = false;
	atomic_fetch_and(&t->work, ~(uint32_t)TASK_WORK_MASK);
	signal_set_blocked(t, t->signals->saved_mask);
}
