/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_child: waiting for children to end, stop or continue.
 *
 * The waiter queues itself before it looks at the children, and every change
 * wakes the parent's queue after it was made under the tasklist lock.
 * Locks: tasklist; a child's sighand inside it.
 * Linux: kernel/exit.c of 6.18, without ptrace.
 * Tests: tests/conformance/wait.c
 */
#include "sentry/kernel/wait_child.h"

#include <errno.h>

#include "abi/poll.h"

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

static void fill_common_locked(struct thread_group *c, struct wait_result *r)
{
	struct rusage_sum all;

	r->pid = c->tgid;
	mutex_lock(&c->leader->mu);
	r->uid = c->leader->cred->uid;
	mutex_unlock(&c->leader->mu);
	thread_group_usage_locked(c, &all);
	rusage_add(&all, &c->priv->waited);
	r->usage = all;
}

static bool take_zombie_locked(struct thread_group *c,
			       const struct wait_request *rq,
			       struct wait_result *r)
{
	int code;

	if (!(rq->options & LINUX_WEXITED) || c->nr_threads > 0 ||
	    c->leader->priv->exit_state != 'Z' ||
	    c->threads.next != c->threads.prev)
		return false;
	fill_common_locked(c, r);
	code = thread_group_exit_code(c);
	r->cause = code & 0x80	 ? LINUX_CLD_DUMPED
		   : code & 0x7f ? LINUX_CLD_KILLED
				 : LINUX_CLD_EXITED;
	r->status = code & 0x7f ? code & 0x7f : code >> 8 & 0xff;
	if (!(rq->options & LINUX_WNOWAIT)) {
		rusage_add(&c->parent->priv->waited, &r->usage);
		task_unlink_locked(c->leader);
	}
	return true;
}

static bool take_stop_locked(struct thread_group *c,
			     const struct wait_request *rq,
			     struct wait_result *r)
{
	struct signal_state *s = c->signals;
	bool keep = rq->options & LINUX_WNOWAIT;
	bool got = false;

	mutex_lock(&s->mu);
	if ((rq->options & LINUX_WUNTRACED) && s->stopped && s->stop_report) {
		r->cause = LINUX_CLD_STOPPED;
		r->status = s->stop_report;
		if (!keep)
			s->stop_report = 0;
		got = true;
	} else if ((rq->options & LINUX_WCONTINUED) && s->continued &&
		   !s->group_exit) {
		r->cause = LINUX_CLD_CONTINUED;
		r->status = LINUX_SIGCONT;
		if (!keep)
			s->continued = false;
		got = true;
	}
	mutex_unlock(&s->mu);
	if (got)
		fill_common_locked(c, r);
	return got;
}

/* One look: an id, 0 (some could become ready), -ECHILD. */
static long look_locked(struct task *t, const struct wait_request *rq,
			struct wait_result *r)
{
	struct thread_group *c, *tmp;
	long ret = -ECHILD;

	list_for_each_entry_safe (c, tmp, &t->group->children, child_node) {
		if (!is_wanted_locked(t, c, rq))
			continue;
		ret = 0;
		if (c->nr_threads == 0 ? take_zombie_locked(c, rq, r)
				       : take_stop_locked(c, rq, r))
			return r->pid;
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
		return r->status << 8 | 0x7f;
	case LINUX_CLD_CONTINUED:
		return 0xffff;
	case LINUX_CLD_DUMPED:
		return r->status | 0x80;
	}
	return r->status;
}
