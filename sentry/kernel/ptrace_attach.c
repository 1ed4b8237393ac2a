/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace_attach: who traces whom: how that begins, is inherited, and ends.
 *
 * The tracer is a thread.  It outlives the relation: its exit detaches all, so
 * that tracee->tracer needs no reference.
 *
 * Locks: tasklist and the tracee's sighand for each change.
 * Linux: kernel/ptrace.c of 6.18, without Yama.
 * Tests: tests/conformance/ptrace.c, ptrace_exit.c
 */
#include <errno.h>

#include "abi/poll.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/kernel/wait.h"

void ptrace_init(struct task *t)
{
	struct ptrace_state *p = &t->priv->ptrace;

	p->self = t;
	list_init(&p->tracees);
	list_init(&p->tracee_node);
}

void ptrace_fini(struct ptrace_state *p)
{
	free(p->debug);
}

bool ptrace_reparented_locked(struct task *t)
{
	return t->priv->ptrace.tracer->group != t->group->parent;
}

/* --- permission ----------------------------------------------------------- */

int ptrace_option_error(uint64_t options)
{
	if (options & ~(uint64_t)LINUX_PTRACE_O_MASK)
		return -EINVAL;
	if (!(options & LINUX_PTRACE_O_SUSPEND_SECCOMP))
		return 0;
	if (!capable(CAP_NR_SYS_ADMIN))
		return -EPERM;
	if (current_task()->priv->seccomp.mode ||
	    ptrace_seccomp_suspended(current_task()))
		return -EPERM;
	return 0;
}

/* May the parent @p be made the tracer by the child @t itself? */
static bool may_be_traced_by_locked(struct task *t, struct task *p)
{
	const struct cred *it;
	bool ok;

	mutex_lock(&p->mu);
	it = p->cred;
	ok = !(t->cred->cap_permitted & ~it->cap_permitted) ||
	     cred_ns_capable(it, t->cred->user_ns, CAP_NR_SYS_PTRACE);
	mutex_unlock(&p->mu);
	return ok;
}

bool ptrace_limits_exec(struct task *t)
{
	struct task *tracer;
	bool limits = false;

	tasklist_lock();
	tracer = t->priv->ptrace.tracer;
	if (tracer) {
		mutex_lock(&tracer->mu);
		limits = !cred_ns_capable(tracer->cred, t->cred->user_ns,
					  CAP_NR_SYS_PTRACE);
		mutex_unlock(&tracer->mu);
	}
	tasklist_unlock();
	return limits;
}

/* --- the beginning -------------------------------------------------------- */

/* Both locks held. */
static void link_locked(struct task *p, struct task *tracer, bool seized,
			uint32_t options)
{
	struct ptrace_state *ps = &p->priv->ptrace;

	atomic_store(&ps->tracer, tracer);
	atomic_store(&ps->options, options);
	ps->seized = seized;
	list_append(&tracer->priv->ptrace.tracees, &ps->tracee_node);
}

int ptrace_traceme(struct task *t)
{
	struct thread_group *parent;
	struct task *p;
	int ret = 0;

	tasklist_lock();
	parent = t->group->parent;
	p = parent ? pid_peek_task_locked(t->group->priv->creator_tid) : NULL;
	if (ptrace_is_traced(&t->priv->ptrace) || !p ||
	    !may_be_traced_by_locked(t, p)) {
		ret = -EPERM; /* so is process 1, whose parent is no guest */
	} else if (!p->signals->exiting) {
		mutex_lock(&t->group->signals->mu);
		link_locked(t, p, false, 0);
		mutex_unlock(&t->group->signals->mu);
	}
	tasklist_unlock();
	return ret;
}

/* Sighand held: a thread in a group stop goes over into a trace stop. */
static void retrap_locked(struct task *p)
{
	struct ptrace_state *ps = &p->priv->ptrace;

	if (!p->signals->in_stop || task_fatal_signal_pending(p))
		return;
	ps->trap_stop = true;
	ps->trapping = true;
	p->signals->in_stop = false;
	signal_wake_locked(p, false);
}

/* Tasklist held. */
static int attach_locked(struct task *p, bool seize, uint32_t options)
{
	struct linux_siginfo si;

	if (p->priv->exit_state || ptrace_is_traced(&p->priv->ptrace))
		return -EPERM;
	mutex_lock(&p->group->signals->mu);
	link_locked(p, current_task(), seize, options);
	if (!seize) {
		siginfo_kernel(&si, LINUX_SIGSTOP);
		(void)signal_send_locked(p, &si, false);
	}
	retrap_locked(p);
	mutex_unlock(&p->group->signals->mu);
	return 0;
}

/* As Linux the tracer never sees the way from one stop to the other. */
static void wait_trapping(struct task *p)
{
	struct task *me = current_task();
	struct signal_state *s = p->group->signals;
	struct task_waiter w;
	bool going = true;

	task_waiter_init(&w, me);
	waitq_add(&me->group->wait_children, &w.waiter, LINUX_POLLIN);
	for (;;) {
		mutex_lock(&s->mu);
		going = p->priv->ptrace.trapping && !p->signals->exiting;
		mutex_unlock(&s->mu);
		if (!going || task_sleep_killable(&w, NO_DEADLINE) < 0)
			break;
	}
	waitq_del(&w.waiter);
}

int ptrace_attach(struct task *p, bool seize, uint64_t addr, uint64_t options)
{
	int ret;

	if (seize && (addr || (options & ~(uint64_t)LINUX_PTRACE_O_MASK)))
		return -EIO;
	ret = seize ? ptrace_option_error(options) : 0;
	if (ret < 0)
		return ret;
	if (p->group == current_task()->group)
		return -EPERM;
	ret = exec_guard_enter(p->group);
	if (ret < 0)
		return ret;
	ret = task_may_attach(p);
	if (ret == 0) {
		tasklist_lock();
		ret = attach_locked(p, seize, seize ? (uint32_t)options : 0);
		tasklist_unlock();
	}
	exec_guard_leave(p->group);
	if (ret == 0)
		wait_trapping(p);
	return ret;
}

void ptrace_inherit_locked(struct task *t, struct task *c)
{
	struct ptrace_state *from = &t->priv->ptrace, *to = &c->priv->ptrace;

	if (!ptrace_is_traced(from))
		return;
	mutex_lock(&c->group->signals->mu);
	link_locked(c, from->tracer, from->seized, from->options);
	if (from->seized)
		to->trap_stop = true;
	else
		c->signals->pending.mask |= SIGMASK_STOP;
	atomic_fetch_or(&c->work, TASK_WORK_SIGNAL);
	mutex_unlock(&c->group->signals->mu);
}

/* --- the end -------------------------------------------------------------- */

void ptrace_unlink_locked(struct task *p)
{
	struct ptrace_state *ps = &p->priv->ptrace;
	struct signal_state *s = p->group->signals;

	mutex_lock(&s->mu);
	list_del(&ps->tracee_node);
	atomic_store(&ps->tracer, NULL);
	atomic_store(&ps->options, 0);
	atomic_store(&ps->calls, 0);
	ps->seized = false;
	ps->trap_stop = ps->trap_notify = ps->trapping = false;
	/* A group stop that the tracer held up is in force again. */
	if (!p->signals->exiting && (s->stopped || s->stop_count))
		p->signals->stop_pending = true;
	if (ps->stopped)
		ptrace_resume_locked(p);
	if (p->signals->stop_pending)
		signal_wake_locked(p, false);
	mutex_unlock(&s->mu);
}

void ptrace_detach_locked(struct task *p)
{
	struct thread_group *tracer = p->priv->ptrace.tracer->group;

	ptrace_unlink_locked(p);
	if (p->priv->exit_state == 'Z')
		exit_untraced_locked(p, tracer);
}

void ptrace_exit_tracer_locked(struct task *t)
{
	struct list *tracees = &t->priv->ptrace.tracees;
	struct ptrace_state *p;

	while ((p = list_first(tracees, struct ptrace_state, tracee_node))) {
		if (p->options & LINUX_PTRACE_O_EXITKILL)
			signal_kill_group(p->self->group);
		ptrace_detach_locked(p->self);
	}
}
