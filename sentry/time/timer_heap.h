/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer_heap: the armed timers, earliest first.  Pure; timer.c locks.
 */
#ifndef SENTRY_TIME_TIMER_HEAP_H
#define SENTRY_TIME_TIMER_HEAP_H

#include "sentry/time/clock.h"

/* A binary heap in at[1..nr]; timer->heap_at is its index, 0: not in it. */
struct timer_heap {
	struct timer **at;
	uint32_t nr, cap;
};

/* Adds @t or, if it is in the heap, moves it to its new place.  -ENOMEM. */
MUST_CHECK int timer_heap_put(struct timer_heap *h, struct timer *t,
			      uint64_t expires);
void timer_heap_remove(struct timer_heap *h, struct timer *t);
/* The earliest, or NULL. */
struct timer *timer_heap_first(const struct timer_heap *h);
void timer_heap_fini(struct timer_heap *h);

#endif
