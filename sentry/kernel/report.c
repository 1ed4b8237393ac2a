/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report: what /proc and a crash report say of a task.
 *
 * Locks: takes tasklist, sighand and task locks in turn; a snapshot.
 * Tests: tests/conformance/proc.c
 */
#include <string.h>

#include "sentry/kernel/boot.h"
#include "sentry/kernel/task_private.h"

static void report_tree(struct task *t, struct task_report *r)
{
	struct thread_group *tg = t->group;
	struct session *s;

	tasklist_lock();
	r->tid = t->tid;
	r->tgid = tg->tgid;
	r->ppid = tg->parent ? tg->parent->tgid : 0;
	r->nr_threads = tg->nr_threads;
	if (ptrace_is_traced(&t->priv->ptrace))
		r->tracer = t->priv->ptrace.tracer->tid;
	r->tty_pgrp = -1;
	if (tg->pgrp) {
		s = tg->pgrp->session;
		r->pgid = tg->pgrp->pgid;
		r->sid = s->sid;
	}
	if (tg->priv->tty) {
		r->tty_dev = (uint32_t)tty_ctl_dev(tg->priv->tty);
		r->tty_pgrp = (int32_t)tty_ctl_pgrp_locked(tg->priv->tty);
	}
	tasklist_unlock();
}

/* Stopped from when that is told until it is resumed, whether or not the
 * thread has come to its sleep or from it. */
static char state_locked(struct task *t)
{
	int gone = atomic_load(&t->priv->exit_state);
	int state = atomic_load(&t->state);

	if (gone)
		return (char)gone;
	if (t->priv->ptrace.stopped)
		return 't';
	if (t->signals->in_stop)
		return 'T';
	return (char)(state == 't' || state == 'T' ? 'R' : state);
}

static void report_signals(struct task *t, struct task_report *r)
{
	struct signal_state *s = t->group->signals;

	mutex_lock(&s->mu);
	r->state = state_locked(t);
	r->sig_pending = t->signals->pending.mask;
	r->sig_shared_pending = s->shared.mask;
	r->sig_blocked = t->signals->blocked;
	r->sigq_limit = t->group->rlimits[RLIM_SIGPENDING].cur;
	r->exit_code = s->group_exit ? s->exit_code : t->priv->exit_code;
	mutex_lock(&s->actions->mu);
	for (int i = 0; i < LINUX_NSIG; i++) {
		uint64_t handler = s->actions->a[i].handler;

		if (handler == LINUX_SIG_IGN)
			r->sig_ignored |= LINUX_SIGMASK(i + 1);
		else if (handler != LINUX_SIG_DFL)
			r->sig_caught |= LINUX_SIGMASK(i + 1);
	}
	mutex_unlock(&s->actions->mu);
	mutex_unlock(&s->mu);
}

static void report_own(struct task *t, struct task_report *r)
{
	r->start_ns = t->priv->start_time;
	r->cpu = task_which_cpu(t);
	r->no_new_privs = t->no_new_privs;
	r->seccomp_mode = (uint32_t)t->priv->seccomp.mode;
	r->seccomp_filters = t->priv->seccomp.nr_filters;
	mutex_lock(&t->mu);
	memcpy(r->comm, t->comm, sizeof(r->comm));
	r->nice = t->priv->nice;
	r->policy = t->priv->policy;
	r->rt_prio = t->priv->rt_prio;
	memcpy(r->affinity, t->priv->affinity, sizeof(r->affinity));
	if (t->cred->user)
		r->sigq_len = t->cred->user->nr_signals;
	mutex_unlock(&t->mu);
}

#define COPY_SUMS(to, from)                      \
	do {                                     \
		(to)->utime_ns = (from)->utime;  \
		(to)->stime_ns = (from)->stime;  \
		(to)->min_flt = (from)->min_flt; \
		(to)->maj_flt = (from)->maj_flt; \
	} while (0)

static void report_group(struct thread_group *tg, struct task_report *r)
{
	struct rusage_sum all, waited;

	tasklist_lock();
	thread_group_usage_locked(tg, &all);
	waited = tg->priv->waited;
	r->did_exec = tg->priv->did_exec;
	tasklist_unlock();
	COPY_SUMS(&r->group, &all);
	COPY_SUMS(&r->children, &waited);
}

void task_report(struct task *t, struct task_report *out)
{
	struct rusage_sum u;

	memset(out, 0, sizeof(*out));
	report_tree(t, out);
	report_signals(t, out);
	report_own(t, out);
	if (t->tid == t->group->tgid)
		report_group(t->group, out);
	task_usage(t, &u);
	COPY_SUMS(out, &u);
	out->vol_switches = u.vol_switches;
}

void kernel_foreach_task(void (*fn)(struct task *t, void *arg), void *arg)
{
	for (uint32_t i = 1; i < pid_end_locked(); i++) {
		struct task *t = pid_peek_task_locked(i);

		if (t)
			fn(t, arg);
	}
}
