/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer: one service thread fires all timers of the sandbox.
 *
 * Invariant: a timer is in the heap, or is g_firing, or is idle; it may be in
 *            the heap and g_firing at once (re-armed by its own function).
 *            The thread sleeps exactly until the earliest one; without any it
 *            sleeps for ever, so that an idle sandbox does not wake up.
 * Locks:     g_mu (LOCK_TIMER); functions of timers run without it.
 * Tests:     tests/unit/test_timer_heap.c, tests/conformance (timer, itimer)
 */
#include <stdatomic.h>

#include "sentry/host/host.h"
#include "sentry/time/clock.h"
#include "sentry/time/timer_heap.h"

static struct mutex g_mu = MUTEX_INIT(LOCK_TIMER);
static pthread_cond_t g_fired = PTHREAD_COND_INITIALIZER;
static struct timer_heap g_heap GUARDED_BY(g_mu);
static struct timer *g_firing GUARDED_BY(g_mu);
static pthread_t g_thread GUARDED_BY(g_mu);
static bool g_started GUARDED_BY(g_mu);
static _Atomic uint32_t g_changed; /* the service thread sleeps on it */

/* The next timer that is due, out of the heap and marked as firing. */
static struct timer *take_due_locked(uint64_t now, uint64_t *out_next)
{
	struct timer *t = timer_heap_first(&g_heap);

	*out_next = UINT64_MAX;
	if (!t)
		return NULL;
	if (t->expires > now) {
		*out_next = t->expires;
		return NULL;
	}
	timer_heap_remove(&g_heap, t);
	g_firing = t;
	return t;
}

static void timer_thread(void *arg)
{
	(void)arg;
	mutex_lock(&g_mu);
	g_thread = pthread_self();
	for (;;) {
		uint32_t seen = atomic_load(&g_changed);
		uint64_t next;
		struct timer *t = take_due_locked(clock_monotonic(), &next);

		mutex_unlock(&g_mu);
		if (t)
			t->fire(t); /* may free t, or arm it again */
		else
			host_futex_wait(&g_changed, seen, next);
		mutex_lock(&g_mu);
		if (!t)
			continue;
		g_firing = NULL;
		pthread_cond_broadcast(&g_fired);
	}
}

static int start_locked(void)
{
	int ret;

	if (g_started)
		return 0;
	ret = host_thread_new(timer_thread, NULL, "moat-timer");
	if (ret == 0)
		g_started = true;
	return ret;
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	list_init(&t->node);
	t->expires = 0;
	t->heap_at = 0;
	t->fire = fire;
}

int timer_arm(struct timer *t, uint64_t expires)
{
	bool earlier = false;
	int ret;

	mutex_lock(&g_mu);
	ret = start_locked();
	if (ret == 0)
		ret = timer_heap_put(&g_heap, t, expires);
	if (ret == 0 && timer_heap_first(&g_heap) == t) {
		atomic_fetch_add(&g_changed, 1);
		earlier = true;
	}
	mutex_unlock(&g_mu);
	if (earlier)
		host_futex_wake(&g_changed, 1);
	return ret;
}

void timer_cancel(struct timer *t)
{
	mutex_lock(&g_mu);
	timer_heap_remove(&g_heap, t);
	while (g_firing == t && !pthread_equal(g_thread, pthread_self()))
		pthread_cond_wait(&g_fired, &g_mu.raw);
	/* Its function may have armed it again meanwhile. */
	timer_heap_remove(&g_heap, t);
	mutex_unlock(&g_mu);
}
