/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace_stop: how a tracee stops, and why.
 *
 *	running --(signal, event, call, trap)--> stopped --(resume)--> running
 *	                                   |        ^  \
 *	                             frozen while   |   LISTEN: listening, until
 *	                             a request of   |   job control traps again
 *	                             the tracer     |
 *	                             is at work   SIGKILL, tracer gone, detach
 *
 * Every step out of the stop changes a field under the tracee's sighand and
 * wakes it; the loop of wait_resumed() looks only at these fields.
 *
 * Locks: the tracee's sighand; tasklist to tell the tracer, which comes after
 *        the stop is visible: who waits for it finds it.
 * Linux: ptrace_stop() and its callers in kernel/signal.c of 6.18.
 * Tests: tests/conformance/ptrace_stop.c, ptrace_syscall.c, ptrace_events.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/run.h"
#include "sentry/kernel/task_private.h"

#define EVENT_CODE(event, signo) ((event) << 8 | (signo))

/* --- the stop ------------------------------------------------------------- */

/* Sighand held.  *out_joined: the group stop is complete with this. */
static bool begin_locked(struct task *t, int code, int why, uint64_t message,
			 struct linux_siginfo *info, bool *out_joined)
{
	struct ptrace_state *p = &t->priv->ptrace;
	bool exiting =
		code == EVENT_CODE(LINUX_PTRACE_EVENT_EXIT, LINUX_SIGTRAP);

	if (!p->tracer || (!exiting && task_fatal_signal_pending(t)))
		return false;
	p->stopped = true;
	p->killed = kernel_is_ending();
	p->stop_code = code;
	p->message = message;
	p->info = info;
	p->trapping = false;
	p->trap_stop = false;
	if (info && info->code >> 8 == LINUX_PTRACE_EVENT_STOP)
		p->trap_notify = false;
	*out_joined = why == LINUX_CLD_STOPPED && signal_leave_stop_locked(t);
	return true;
}

/* Tells the tracer; and the parent, if this completed a group stop. */
static void tell(struct task *t, int why, bool joined)
{
	bool apart;

	tasklist_lock();
	apart = !ptrace_is_traced(&t->priv->ptrace) ||
		ptrace_reparented_locked(t);
	signal_notify_tracer_locked(t, why);
	if (joined && apart)
		signal_notify_stop_locked(t->group, why);
	tasklist_unlock();
}

static void wait_resumed(struct task *t)
{
	struct ptrace_state *p = &t->priv->ptrace;
	struct signal_state *s = t->group->signals;

	mutex_lock(&s->mu);
	while (p->stopped && (!p->killed || p->frozen)) {
		mutex_unlock(&s->mu);
		task_sleep_traced(t);
		mutex_lock(&s->mu);
	}
	mutex_unlock(&s->mu);
}

static int end(struct task *t)
{
	struct ptrace_state *p = &t->priv->ptrace;
	struct signal_state *s = t->group->signals;
	int code;

	mutex_lock(&s->mu);
	code = p->stopped ? 0 : p->stop_code; /* killed: nobody resumed it */
	p->stopped = false;
	p->listening = false;
	p->stop_code = 0;
	p->message = 0;
	p->info = NULL;
	signal_recalc_locked(t);
	mutex_unlock(&s->mu);
	return code;
}

/* What the tracer changed takes effect. */
static void load_changes(struct task *t)
{
	struct ptrace_state *p = &t->priv->ptrace;

	if (p->fpu_changed && platform_set_fpu(t->cpu, t->priv->fpu) < 0)
		signal_kill_group(t->group); /* the stub is gone */
	p->fpu_changed = false;
	if (p->regs_changed) /* the border looks for a restart */
		atomic_fetch_or(&t->work, TASK_WORK_RESTART);
	p->regs_changed = false;
}

/*
 * The current task stops with @code; @info: what PTRACE_GETSIGINFO shows, or
 * NULL.  Returns the signal number that the tracer resumed it with.
 */
static int stop(struct task *t, int code, int why, uint64_t message,
		struct linux_siginfo *info)
{
	struct ptrace_state *p = &t->priv->ptrace;
	struct signal_state *s = t->group->signals;
	bool begun, joined = false;

	lock_assert_none_held();
	if (!ptrace_is_traced(p))
		return 0;
	p->fpu_valid = task_fpu_buf(t) && t->cpu &&
		       platform_get_fpu(t->cpu, t->priv->fpu) == 0;
	mutex_lock(&s->mu);
	begun = begin_locked(t, code, why, message, info, &joined);
	mutex_unlock(&s->mu);
	if (!begun)
		return 0;
	tell(t, why, joined);
	wait_resumed(t);
	code = end(t);
	load_changes(t);
	return code;
}

static int notify(struct task *t, int signo, int code, int why,
		  uint64_t message)
{
	struct linux_siginfo si;

	siginfo_user(&si, signo, code);
	si.rt.pid = (int32_t)t->vtid;
	return stop(t, code, why, message, &si);
}

void ptrace_kill_locked(struct task *t)
{
	t->priv->ptrace.killed = true;
	task_wake(t);
}

/* --- events --------------------------------------------------------------- */

bool ptrace_event_enabled(struct task *t, int event)
{
	return atomic_load(&t->priv->ptrace.options) >> event & 1;
}

uint32_t ptrace_tracer_nr(struct task *t)
{
	struct task *tracer;
	uint32_t nr = 0;

	tasklist_lock();
	tracer = t->priv->ptrace.tracer;
	if (tracer)
		nr = pid_nr_in_locked(t->tid, task_pid_ns(tracer));
	tasklist_unlock();
	return nr;
}

bool ptrace_event(struct task *t, int event, uint64_t message)
{
	struct ptrace_state *p = &t->priv->ptrace;
	struct linux_siginfo si;

	if (likely(!ptrace_is_traced(p)))
		return false;
	if (ptrace_event_enabled(t, event)) {
		notify(t, LINUX_SIGTRAP, EVENT_CODE(event, LINUX_SIGTRAP),
		       LINUX_CLD_TRAPPED, message);
		return true;
	}
	if (event == LINUX_PTRACE_EVENT_EXEC && !p->seized) {
		siginfo_user(&si, LINUX_SIGTRAP, LINUX_SI_USER);
		(void)signal_send_task(t, &si);
	}
	return false;
}

bool ptrace_seccomp_suspended(struct task *t)
{
	return atomic_load(&t->priv->ptrace.options) &
	       LINUX_PTRACE_O_SUSPEND_SECCOMP;
}

/* --- system calls --------------------------------------------------------- */

static void stop_at_syscall(struct task *t, uint64_t message)
{
	bool good = atomic_load(&t->priv->ptrace.options) &
		    LINUX_PTRACE_O_TRACESYSGOOD;
	struct linux_siginfo si;
	int signo = notify(t, LINUX_SIGTRAP, LINUX_SIGTRAP | (good ? 0x80 : 0),
			   LINUX_CLD_TRAPPED, message);

	if (signo) { /* not a delivery: it is sent like any other */
		siginfo_kernel(&si, signo);
		(void)signal_send_task(t, &si);
	}
}

bool ptrace_syscall_entry(struct task *t)
{
	uint32_t work = atomic_load(&t->priv->ptrace.calls);

	stop_at_syscall(t, LINUX_PTRACE_EVENTMSG_SYSCALL_ENTRY);
	/* Killed meanwhile: the call is not made. */
	return !(work & PTRACE_CALLS_EMULATE) && !task_fatal_signal_pending(t);
}

void ptrace_syscall_exit(struct task *t)
{
	uint32_t calls = atomic_load(&t->priv->ptrace.calls);
	struct linux_siginfo si;

	if ((atomic_load(&t->work) & (TASK_WORK_EXIT | TASK_WORK_KILL)) ||
	    (calls & PTRACE_CALLS_EMULATE))
		return;
	if (calls & PTRACE_CALLS_STEP) {
		siginfo_kernel(&si, LINUX_SIGTRAP);
		si.code = LINUX_TRAP_BRKPT;
		si.fault.addr = platform_regs(t->cpu)->rip;
		signal_force(t, &si);
	} else if (calls & PTRACE_CALLS_STOP) {
		stop_at_syscall(t, LINUX_PTRACE_EVENTMSG_SYSCALL_EXIT);
	}
}

void ptrace_handler_entered(struct task *t)
{
	uint32_t step = PTRACE_CALLS_STEP | PTRACE_CALLS_BLOCK;

	if (atomic_fetch_and(&t->priv->ptrace.calls, ~step) & PTRACE_CALLS_STEP)
		notify(t, LINUX_SIGTRAP, LINUX_SIGTRAP, LINUX_CLD_TRAPPED, 0);
}

/* --- signals and job control ---------------------------------------------- */

/* The tracer made @signo of it. */
static void substitute(struct task *t, int signo, struct linux_siginfo *si)
{
	struct task *tracer;

	memset(si, 0, sizeof(*si));
	si->signo = signo;
	si->code = LINUX_SI_USER;
	tasklist_lock();
	tracer = t->priv->ptrace.tracer;
	if (tracer) {
		si->rt.pid = (int32_t)pid_to_guest_locked(tracer->tid);
		mutex_lock(&tracer->mu);
		si->rt.uid = tracer->cred->uid;
		mutex_unlock(&tracer->mu);
	}
	tasklist_unlock();
}

bool ptrace_signal(struct task *t, struct linux_siginfo *si)
{
	struct signal_state *s = t->group->signals;
	bool again;
	int signo;

	mutex_lock(&s->mu);
	t->signals->stop_dequeued = true;
	mutex_unlock(&s->mu);
	signo = stop(t, si->signo, LINUX_CLD_TRAPPED, 0, si);
	if (!signo)
		return false;
	if (signo != si->signo)
		substitute(t, signo, si);
	mutex_lock(&s->mu);
	again = t->signals->blocked & LINUX_SIGMASK(signo);
	if (again)
		(void)signal_send_locked(t, si, false);
	mutex_unlock(&s->mu);
	return !again;
}

void ptrace_trap(struct task *t)
{
	struct signal_state *s = t->group->signals;
	bool seized;
	int signo;

	mutex_lock(&s->mu);
	signo = s->stop_signo;
	seized = t->priv->ptrace.seized;
	if (seized && !s->stop_count && !s->stopped)
		signo = LINUX_SIGTRAP;
	mutex_unlock(&s->mu);
	if (seized)
		notify(t, signo, EVENT_CODE(LINUX_PTRACE_EVENT_STOP, signo),
		       LINUX_CLD_STOPPED, 0);
	else
		stop(t, signo, LINUX_CLD_STOPPED, 0, NULL);
}

void ptrace_resume_locked(struct task *t)
{
	t->priv->ptrace.stopped = false;
	t->priv->ptrace.frozen = false;
	task_wake(t);
}

void ptrace_trap_notify_locked(struct task *t)
{
	t->priv->ptrace.trap_notify = true;
	if (t->priv->ptrace.listening)
		ptrace_resume_locked(t);
	signal_wake_locked(t, false);
}

bool ptrace_has_work_locked(struct task *t)
{
	return t->priv->ptrace.trap_stop || t->priv->ptrace.trap_notify;
}
