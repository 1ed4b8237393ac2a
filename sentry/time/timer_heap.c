/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer_heap: a binary heap of timers that know their place.
 *
 * Invariant: at[i]->heap_at == i; no child expires before its parent.
 * Locks:     the caller's (LOCK_TIMER).
 * Tests:     tests/unit/test_timer_heap.c
 */
#include "sentry/time/timer_heap.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAP 16

static void set(struct timer_heap *h, uint32_t i, struct timer *t)
{
	h->at[i] = t;
	t->heap_at = i;
}

static void sift_up(struct timer_heap *h, struct timer *t)
{
	uint32_t i = t->heap_at;

	while (i > 1 && h->at[i / 2]->expires > t->expires) {
		set(h, i, h->at[i / 2]);
		i /= 2;
	}
	set(h, i, t);
}

static void sift_down(struct timer_heap *h, struct timer *t)
{
	uint32_t i = t->heap_at;

	for (;;) {
		uint32_t child = 2 * i;

		if (child > h->nr)
			break;
		if (child < h->nr &&
		    h->at[child + 1]->expires < h->at[child]->expires)
			child++;
		if (h->at[child]->expires >= t->expires)
			break;
		set(h, i, h->at[child]);
		i = child;
	}
	set(h, i, t);
}

static int grow(struct timer_heap *h)
{
	uint32_t cap = h->cap ? h->cap * 2 : FIRST_CAP;
	struct timer **at;

	if (h->nr + 1 < h->cap)
		return 0;
	if (cap < h->cap)
		return -ENOMEM;
	at = realloc(h->at, cap * sizeof(struct timer *));
	if (!at)
		return -ENOMEM;
	h->at = at;
	h->cap = cap;
	return 0;
}

int timer_heap_put(struct timer_heap *h, struct timer *t, uint64_t expires)
{
	int ret;

	if (t->heap_at == 0) {
		ret = grow(h);
		if (ret < 0)
			return ret;
		t->expires = expires;
		set(h, ++h->nr, t);
		sift_up(h, t);
		return 0;
	}
	t->expires = expires;
	sift_up(h, t);
	sift_down(h, t);
	return 0;
}

void timer_heap_remove(struct timer_heap *h, struct timer *t)
{
	uint32_t i = t->heap_at;
	struct timer *last;

	if (i == 0)
		return;
	t->heap_at = 0;
	last = h->at[h->nr--];
	if (last == t)
		return;
	set(h, i, last);
	sift_up(h, last);
	sift_down(h, last);
}

struct timer *timer_heap_first(const struct timer_heap *h)
{
	return h->nr ? h->at[1] : NULL;
}

void timer_heap_fini(struct timer_heap *h)
{
	free(h->at);
	*h = (struct timer_heap){ 0 };
}
