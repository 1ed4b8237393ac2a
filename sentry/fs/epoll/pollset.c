/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pollset: one task waits for events of several files: poll(2), select(2).
 *
 * Waiters are queued in the first pass, before each file is asked; so an event
 * between that pass and the sleep wakes the task at once.  When the first pass
 * found something, later files of the same pass are only asked.
 *
 * Locks: none of its own.
 * Tests: tests/conformance/poll.c
 */
#include "sentry/fs/epoll/pollset.h"

#include <errno.h>

#include "abi/poll.h"
#include "sentry/kernel/task.h"

static struct poll_entry *new_entry(struct pollset *set)
{
	struct poll_entry *e;

	if (set->nr_inline < POLLSET_INLINE)
		return &set->inline_entries[set->nr_inline++];
	e = kzalloc(sizeof(*e));
	if (!e)
		set->failed = true;
	return e;
}

static void queue(struct poll_table *pt, struct waitq *q)
{
	struct pollset *set = container_of(pt, struct pollset, pt);
	struct poll_entry *e = new_entry(set);

	if (!e)
		return;
	task_waiter_init(&e->waiter, set->task);
	e->file = set->file;
	file_get(e->file);
	e->next = set->entries;
	set->entries = e;
	waitq_add(q, &e->waiter.waiter, set->events);
}

void pollset_init(struct pollset *set, struct task *t)
{
	set->pt.add = queue;
	set->task = t;
	set->queueing = true;
	set->failed = false;
	set->expired = false;
	set->entries = NULL;
	set->nr_inline = 0;
}

static bool is_inline(const struct pollset *set, const struct poll_entry *e)
{
	return e >= set->inline_entries &&
	       e < set->inline_entries + POLLSET_INLINE;
}

void pollset_fini(struct pollset *set)
{
	struct poll_entry *e;

	while (set->entries) {
		e = set->entries;
		set->entries = e->next;
		waitq_del(&e->waiter.waiter);
		file_put(e->file);
		if (!is_inline(set, e))
			free(e);
	}
}

uint32_t pollset_file(struct pollset *set, struct file *f, uint32_t events)
{
	uint32_t got;

	set->file = f;
	set->events = events | LINUX_POLLERR | LINUX_POLLHUP;
	got = file_poll(f, set->queueing ? &set->pt : NULL);
	if (got & set->events)
		set->queueing = false;
	return got;
}

int pollset_wait(struct pollset *set, long nr_ready, uint64_t deadline,
		 long *ret)
{
	struct task_waiter w;
	int err;

	*ret = nr_ready;
	if (nr_ready || set->expired)
		return 0;
	if (set->failed) {
		*ret = -ENOMEM;
		return 0;
	}
	if (deadline == 0) {
		if (task_signal_pending(set->task))
			*ret = -ERESTARTNOHAND;
		return 0;
	}
	set->queueing = false;
	task_waiter_init(&w, set->task);
	err = task_sleep(&w, deadline);
	if (err == -ETIMEDOUT) {
		set->expired = true; /* one more look, as Linux */
		return 1;
	}
	if (err < 0) {
		*ret = -ERESTARTNOHAND;
		return 0;
	}
	return 1;
}
