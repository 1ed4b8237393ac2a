/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_child: waiting for children to end, stop or continue.
 *
 * The waiter queues itself before it looks at the children, and every change
 * wakes the parent's queue after it was made under the tasklist lock.
 * Locks: tasklist; a child's sighand inside it.
 * Linux: kernel/exit.c of 6.18.
 * Tests: tests/conformance/wait.c, ptrace_exit.c
 */
#include "sentry/kernel/wait_child.h"

#include <errno.h>

#include "abi/poll.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/user_ns.h"

static bool is_wanted_locked(struct task *t, struct thread_group *c,
			     const struct wait_request *rq)
{
	bool clone_child = c->exit_signal != LINUX_SIGCHLD;

	switch (rq->type) {
	case LINUX_P_PID:
		if (c->tgid != rq->id)
			return false;
		break;
	case LINUX_P_PGID:
		if (!c->pgrp || c->pgrp->pgid != rq->id)
			return false;
		break;
	case LINUX_P_PIDFD:
		if (c != rq->target)
			return false;
		break;
	}
	if ((rq->options & LINUX_WNOTHREAD) && c->priv->creator_tid != t->tid)
		return false;
	return (rq->options & LINUX_WALL) ||
	       clone_child == !!(rq->options & LINUX_WCLONE);
}

static void fill_common_locked(struct task *p, struct wait_result *r)
{
	struct rusage_sum all;

	r->pid = pid_to_guest_locked(p->tid);
	mutex_lock(&p->mu);
	r->uid = uid_to_guest(p->cred->uid);
	mutex_unlock(&p->mu);
	thread_group_usage_locked(p->group, &all);
	rusage_add(&all, &p->group->priv->waited);
	r->usage = all;
}

static void fill_exit(struct wait_result *r, int code)
{
	r->cause = code & 0x80	 ? LINUX_CLD_DUMPED
		   : code & 0x7f ? LINUX_CLD_KILLED
				 : LINUX_CLD_EXITED;
	r->status = code & 0x7f ? code & 0x7f : code >> 8 & 0xff;
}

static bool take_zombie_locked(struct thread_group *c,
			       const struct wait_request *rq,
			       struct wait_result *r)
{
	if (!(rq->options & LINUX_WEXITED) || !thread_group_is_over_locked(c))
		return false;
	fill_common_locked(c->leader, r);
	fill_exit(r, thread_group_exit_code(c));
	if (!(rq->options & LINUX_WNOWAIT)) {
		rusage_add(&c->parent->priv->waited, &r->usage);
		task_unlink_locked(c->leader);
	}
	return true;
}

/* Both locks held. */
static bool take_continued_locked(struct signal_state *s,
				  const struct wait_request *rq,
				  struct wait_result *r)
{
	if (!(rq->options & LINUX_WCONTINUED) || !s->continued || s->group_exit)
		return false;
	r->cause = LINUX_CLD_CONTINUED;
	r->status = LINUX_SIGCONT;
	if (!(rq->options & LINUX_WNOWAIT))
		s->continued = false;
	return true;
}

static bool take_stop_locked(struct thread_group *c,
			     const struct wait_request *rq,
			     struct wait_result *r)
{
	struct signal_state *s = c->signals;
	bool got = true;

	mutex_lock(&s->mu);
	if ((rq->options & LINUX_WUNTRACED) && s->stopped && s->stop_report) {
		r->cause = LINUX_CLD_STOPPED;
		r->status = s->stop_report;
		if (!(rq->options & LINUX_WNOWAIT))
			s->stop_report = 0;
	} else {
		got = take_continued_locked(s, rq, r);
	}
	mutex_unlock(&s->mu);
	if (got)
		fill_common_locked(c->leader, r);
	return got;
}

/* --- tracees -------------------------------------------------------------- */

static bool is_wanted_tracee_locked(struct task *p,
				    const struct wait_request *rq)
{
	switch (rq->type) {
	case LINUX_P_PID:
		return p->tid == rq->id;
	case LINUX_P_PGID:
		return p->group->pgrp && p->group->pgrp->pgid == rq->id;
	case LINUX_P_PIDFD:
		return p->group == rq->target && p->group->leader == p;
	}
	return true;
}

/* The dead tracee @p; its parent, if another, hears of it afterwards. */
static bool take_dead_tracee_locked(struct task *p,
				    const struct wait_request *rq,
				    struct wait_result *r)
{
	struct thread_group *tg = p->group;
	bool leader = tg->leader == p, reap;

	if (!(rq->options & LINUX_WEXITED) || p->priv->exit_state != 'Z' ||
	    (leader && !thread_group_is_over_locked(tg)))
		return false;
	fill_common_locked(p, r);
	fill_exit(r, task_exit_code(p));
	if (rq->options & LINUX_WNOWAIT)
		return true;
	reap = !ptrace_reparented_locked(p);
	ptrace_unlink_locked(p);
	if (!leader) {
		thread_gone_locked(p);
		return true;
	}
	if (reap)
		rusage_add(&tg->parent->priv->waited, &r->usage);
	if (reap || signal_notify_exit_locked(tg))
		task_unlink_locked(p);
	return true;
}

static bool take_stopped_tracee_locked(struct task *p,
				       const struct wait_request *rq,
				       struct wait_result *r)
{
	struct signal_state *s = p->group->signals;
	struct ptrace_state *ps = &p->priv->ptrace;
	bool got = true;

	mutex_lock(&s->mu);
	if (ps->stopped && !ps->listening && ps->stop_code) {
		r->cause = LINUX_CLD_TRAPPED;
		r->status = ps->stop_code;
		if (!(rq->options & LINUX_WNOWAIT))
			ps->stop_code = 0;
	} else {
		got = take_continued_locked(s, rq, r);
	}
	mutex_unlock(&s->mu);
	if (got)
		fill_common_locked(p, r);
	return got;
}

static bool take_tracee_locked(struct task *p, const struct wait_request *rq,
			       struct wait_result *r)
{
	return take_dead_tracee_locked(p, rq, r) ||
	       (!p->priv->exit_state && take_stopped_tracee_locked(p, rq, r));
}

/* As look_locked() for what the thread @me traces. */
static long look_tracees_locked(struct task *me, const struct wait_request *rq,
				struct wait_result *r)
{
	struct ptrace_state *ps, *tmp;
	long ret = -ECHILD;

	list_for_each_entry_safe (ps, tmp, &me->priv->ptrace.tracees,
				  tracee_node) {
		if (!is_wanted_tracee_locked(ps->self, rq))
			continue;
		ret = 0;
		if (take_tracee_locked(ps->self, rq, r))
			return r->pid;
	}
	return ret;
}

/* --- looking -------------------------------------------------------------- */

/* Children whose tracer is of the parent's process are looked at as such. */
static bool take_child_locked(struct thread_group *c,
			      const struct wait_request *rq,
			      struct wait_result *r)
{
	bool traced = ptrace_is_traced(&c->leader->priv->ptrace);

	if (traced && !ptrace_reparented_locked(c->leader))
		return take_tracee_locked(c->leader, rq, r);
	if (c->nr_threads == 0) /* a tracer comes before the parent */
		return !traced && take_zombie_locked(c, rq, r);
	return take_stop_locked(c, rq, r);
}

/* One look: an id, 0 (some could become ready), -ECHILD. */
static long look_locked(struct task *t, const struct wait_request *rq,
			struct wait_result *r)
{
	struct thread_group *c, *tmp;
	struct task *me;
	long ret = -ECHILD, traced;

	list_for_each_entry_safe (c, tmp, &t->group->children, child_node) {
		if (!is_wanted_locked(t, c, rq))
			continue;
		ret = 0;
		if (take_child_locked(c, rq, r))
			return r->pid;
	}
	list_for_each_entry (me, &t->group->threads, group_node) {
		if ((rq->options & LINUX_WNOTHREAD) && me != t)
			continue;
		traced = look_tracees_locked(me, rq, r);
		if (traced > 0)
			return traced;
		ret = MAX(ret, traced);
	}
	return ret;
}

long task_wait_child(struct task *t, const struct wait_request *rq,
		     struct wait_result *out)
{
	struct task_waiter w;
	long ret;

	task_waiter_init(&w, t);
	waitq_add(&t->group->wait_children, &w.waiter, LINUX_POLLIN);
	for (;;) {
		tasklist_lock();
		ret = look_locked(t, rq, out);
		tasklist_unlock();
		if (ret != 0 || (rq->options & LINUX_WNOHANG))
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}

int wait_status(const struct wait_result *r)
{
	switch (r->cause) {
	case LINUX_CLD_EXITED:
		return r->status << 8;
	case LINUX_CLD_STOPPED:
	case LINUX_CLD_TRAPPED:
		return r->status << 8 | 0x7f;
	case LINUX_CLD_CONTINUED:
		return 0xffff;
	case LINUX_CLD_DUMPED:
		return r->status | 0x80;
	}
	return r->status;
}
