/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait: wait queues, for blocking, poll, epoll and interruption alike.
 *
 * The pattern of every blocking operation:
 *
 *	struct task_waiter w;
 *	task_waiter_init(&w, t);
 *	waitq_add(&obj->wq, &w.waiter, LINUX_POLLIN);
 *	for (;;) {
 *		ret = try(obj);			(takes and drops obj's lock)
 *		if (ret != -EAGAIN)
 *			break;
 *		ret = task_sleep(&w, deadline);	(no lock held)
 *		if (ret < 0)
 *			break;			(-ERESTARTSYS, -ETIMEDOUT)
 *	}
 *	waitq_del(&w.waiter);
 *
 * A waker changes the object's state first, drops its lock (or keeps it: rank
 * LOCK_WAITQ is behind nearly all), then calls waitq_wake().
 */
#ifndef SENTRY_KERNEL_WAIT_H
#define SENTRY_KERNEL_WAIT_H

#include "sentry/lib/list.h"
#include "sentry/lib/lock.h"

struct task;
struct waitq;

#define NO_DEADLINE UINT64_MAX

struct waiter {
	struct list node;
	struct waitq *wq; /* NULL while in no queue */
	uint32_t events;  /* LINUX_POLL* of interest */
	bool exclusive;	  /* a wake of n ends after n of these */
	/*
	 * Called under wq->mu with the events that happened; must not block
	 * nor take a lock of a lower rank.  Returns true if it counts as woken.
	 */
	bool (*wake)(struct waiter *w, uint32_t events);
};

struct waitq {
	struct mutex mu; /* LOCK_WAITQ */
	struct list waiters GUARDED_BY(mu);
};

/* Nobody waits. */
void waitq_init(struct waitq *q);
/* Asserts that nobody waits. */
void waitq_fini(struct waitq *q);
void waitq_add(struct waitq *q, struct waiter *w, uint32_t events);
/* No callback of @w runs after it returns.  Harmless if not queued. */
void waitq_del(struct waiter *w);
/* Wakes every non-exclusive and at most @nr_exclusive exclusive waiters whose
 * events intersect @events (POLLERR and POLLHUP always do). */
void waitq_wake_nr(struct waitq *q, uint32_t events, unsigned int nr_exclusive);
void waitq_wake(struct waitq *q, uint32_t events);
/* From a callback of another wait queue (an epoll that is watched itself); the
 * caller made sure that such queues form no cycle. */
void waitq_wake_nested(struct waitq *q, uint32_t events);
bool waitq_has_waiters(struct waitq *q);

/* A waiter that wakes a task. */
struct task_waiter {
	struct waiter waiter;
	struct task *task;
};
void task_waiter_init(struct task_waiter *w, struct task *t);
/*
 * Sleeps until woken since the last task_sleep() of this task, @deadline
 * (CLOCK_MONOTONIC ns, NO_DEADLINE) or a signal.  Spurious wake-ups happen.
 * Returns: 0; -ETIMEDOUT; -ERESTARTSYS if a signal or kill is pending (checked
 * first).  No lock may be held.
 */
MUST_CHECK int task_sleep(struct task_waiter *w, uint64_t deadline);
/* As above, but only a fatal signal interrupts (vfork, coredump). */
MUST_CHECK int task_sleep_killable(struct task_waiter *w, uint64_t deadline);

/* Called by each task that has slept, if not NULL (CPU limits). */
extern void (*_Atomic task_woke_hook)(struct task *t);

/* What a file's poll operation is given: where to queue (NULL: just ask). */
struct poll_table {
	/* Queues a waiter on @q for this poll; called by file_poll ops once per
	 * wait queue, before they look at the state. */
	void (*add)(struct poll_table *pt, struct waitq *q);
};
static inline void poll_wait(struct poll_table *pt, struct waitq *q)
{
	if (pt)
		pt->add(pt, q);
}

#endif
