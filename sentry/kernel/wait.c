/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait: wait queues, and how a task sleeps.
 *
 * Every wake-up of a task changes its wake_seq; a sleeper remembers in seen_seq
 * which value it has acted upon.  No wake-up is lost:
 *
 *	sleeper				waker
 *	try(): object not ready
 *					changes the object
 *					wake_seq++		(a)
 *					futex_wake
 *	task_sleep(): seq != seen	(sees a: returns 0, try again)
 *   or
 *	task_sleep(): seq == seen
 *					changes the object
 *					wake_seq++
 *	futex_wait(seen): -EAGAIN	(compared in the host's kernel)
 *   or
 *	futex_wait(seen): sleeps
 *					wake_seq++, futex_wake: woken
 *
 * A kick sets t->work first and then wakes; the sleeper looks at work first and
 * then at wake_seq, so that one of both is seen.
 *
 * Locks: waitq.mu; callbacks run under it.
 * Tests: tests/unit/test_wait.c
 */
#include "sentry/kernel/wait.h"

#include <assert.h>
#include <errno.h>

#include "abi/poll.h"
#include "sentry/host/host.h"
#include "sentry/kernel/task_private.h"
#include "sentry/vfs/async.h"

void waitq_init(struct waitq *q)
{
	mutex_init(&q->mu, LOCK_WAITQ);
	list_init(&q->waiters);
}

void waitq_fini(struct waitq *q)
{
	assert(list_empty(&q->waiters));
	(void)q;
}

/* Exclusive ones go to the end, so that a wake meets all others first. */
void waitq_add(struct waitq *q, struct waiter *w, uint32_t events)
{
	w->events = events;
	mutex_lock(&q->mu);
	w->wq = q;
	if (w->exclusive)
		list_append(&q->waiters, &w->node);
	else
		list_push(&q->waiters, &w->node);
	mutex_unlock(&q->mu);
}

void waitq_del(struct waiter *w)
{
	struct waitq *q = w->wq;

	if (!q)
		return;
	mutex_lock(&q->mu);
	list_del(&w->node);
	mutex_unlock(&q->mu);
	w->wq = NULL;
}

static void wake_locked(struct waitq *q, uint32_t events,
			unsigned int nr_exclusive)
{
	uint32_t always = LINUX_POLLERR | LINUX_POLLHUP;
	struct waiter *w, *tmp;

	list_for_each_entry_safe (w, tmp, &q->waiters, node) {
		bool counts;

		if (!(events & (w->events | always)))
			continue;
		if (w->exclusive && nr_exclusive == 0)
			break;
		counts = w->wake(w, events);
		if (w->exclusive && counts)
			nr_exclusive--;
	}
}

void waitq_wake_nr(struct waitq *q, uint32_t events, unsigned int nr_exclusive)
{
	mutex_lock(&q->mu);
	wake_locked(q, events, nr_exclusive);
	mutex_unlock(&q->mu);
}

void waitq_wake_nested(struct waitq *q, uint32_t events)
{
	mutex_lock_nested(&q->mu);
	wake_locked(q, events, 1);
	mutex_unlock(&q->mu);
}

void waitq_wake(struct waitq *q, uint32_t events)
{
	waitq_wake_nr(q, events, 1);
}

bool waitq_has_waiters(struct waitq *q)
{
	bool any;

	mutex_lock(&q->mu);
	any = !list_empty(&q->waiters);
	mutex_unlock(&q->mu);
	return any;
}

static bool wake_task_waiter(struct waiter *w, uint32_t events)
{
	(void)events;
	task_wake(container_of(w, struct task_waiter, waiter)->task);
	return true;
}

void task_waiter_init(struct task_waiter *w, struct task *t)
{
	*w = (struct task_waiter){ .task = t };
	list_init(&w->waiter.node);
	w->waiter.wake = wake_task_waiter;
}

/*
 * The host is asked only if the task sleeps or is about to: a sleeper stores
 * its state before the host compares wake_seq, we change wake_seq before we
 * load the state, all sequentially consistent; so if we see 'R', the sleeper's
 * compare sees our change.
 */
void task_wake(struct task *t)
{
	atomic_fetch_add(&t->wake_seq, 1);
	if (atomic_load(&t->state) != 'R')
		host_futex_wake(&t->wake_seq, 1);
}

void (*_Atomic task_woke_hook)(struct task *t);

/* The real sleep: until wake_seq is not @seen or @deadline. */
static int sleep_on_seq(struct task *t, uint32_t seen, uint64_t deadline,
			int state)
{
	int ret;

	atomic_store(&t->state, state); /* before the host compares */
	atomic_fetch_add_explicit(&t->priv->vol_switches, 1,
				  memory_order_relaxed);
	if (t->cpu)
		platform_idle_begin(t->cpu);
	ret = host_futex_wait(&t->wake_seq, seen, deadline);
	if (t->cpu)
		platform_idle_end(t->cpu);
	atomic_store_explicit(&t->state, 'R', memory_order_relaxed);
	if (unlikely(task_woke_hook))
		task_woke_hook(t);
	return ret;
}

static bool consume_wake(struct task *t)
{
	uint32_t seq = atomic_load(&t->wake_seq);

	if (seq == t->priv->seen_seq)
		return false;
	t->priv->seen_seq = seq;
	return true;
}

static int sleep_until(struct task *t, uint64_t deadline, uint32_t work,
		       int state)
{
	lock_assert_none_held();
	/* Others may have to hear of what we did before we can go on. */
	if (unlikely(atomic_load(&t->work) & TASK_WORK_ASYNC))
		file_async_flush();
	for (;;) {
		if (atomic_load(&t->work) & work)
			return -ERESTARTSYS;
		if (consume_wake(t))
			return 0;
		if (sleep_on_seq(t, t->priv->seen_seq, deadline, state) ==
		    -ETIMEDOUT)
			return consume_wake(t) ? 0 : -ETIMEDOUT;
	}
}

int task_sleep(struct task_waiter *w, uint64_t deadline)
{
	return sleep_until(w->task, deadline, TASK_WORK_SIGNAL | TASK_WORK_KILL,
			   'S');
}

int task_sleep_killable(struct task_waiter *w, uint64_t deadline)
{
	return sleep_until(w->task, deadline, TASK_WORK_KILL, 'D');
}

void task_sleep_stopped(struct task *t)
{
	(void)sleep_until(t, NO_DEADLINE, TASK_WORK_KILL, 'T');
}

void task_sleep_traced(struct task *t)
{
	(void)sleep_until(t, NO_DEADLINE, 0, 't');
}

bool task_signal_pending(struct task *t)
{
	return atomic_load(&t->work) & (TASK_WORK_SIGNAL | TASK_WORK_KILL);
}

bool task_fatal_signal_pending(struct task *t)
{
	return atomic_load(&t->work) & TASK_WORK_KILL;
}
