/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pollset: one task waits for events of several files: poll(2), select(2).
 */
#ifndef SENTRY_FS_EPOLL_POLLSET_H
#define SENTRY_FS_EPOLL_POLLSET_H

#include "sentry/vfs/vfs.h"

#define POLLSET_INLINE 8

struct poll_entry {
	struct task_waiter waiter;
	struct file *file; /* keeps the wait queue alive */
	struct poll_entry *next;
};

/*
 * First every file is asked with pollset_file(set, f, events) while set->ask is
 * true; if nothing was ready, the task sleeps and asks again, with waiters in
 * place.
 */
struct pollset {
	struct poll_table pt; /* first */
	struct task *task;
	struct file *file; /* being asked */
	uint32_t events;   /* of interest there */
	bool queueing;	   /* queue waiters (first pass) */
	bool failed;	   /* out of memory */
	bool expired;	   /* the last pass is under way */
	struct poll_entry *entries;
	unsigned int nr_inline;
	struct poll_entry inline_entries[POLLSET_INLINE];
};

/* Empty, and waiting on behalf of @t. */
void pollset_init(struct pollset *set, struct task *t);
/* Removes all waiters; afterwards none of them runs. */
void pollset_fini(struct pollset *set);
/* The events of @f now; queues the task for @events in the first pass. */
uint32_t pollset_file(struct pollset *set, struct file *f, uint32_t events);
/*
 * Ends a pass: sleeps until @deadline (0: does not sleep) if @nr_ready is 0.
 * Returns: 1: ask all files again; 0: done, *ret is the result so far
 * (@nr_ready, 0 at the deadline, -ERESTARTNOHAND, -ENOMEM).
 */
int pollset_wait(struct pollset *set, long nr_ready, uint64_t deadline,
		 long *ret);

#endif
