/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_timer: expiry and intervals on top of the sandbox's timers.
 *
 * A timer that is switched off or put off stays armed in the heap until its
 * old time; what fires then looks at expires and finds it is not due.  So no
 * lock is held across timer_cancel().
 *
 * CPU clocks have no interrupt of ours: they are looked at when they could
 * have expired at the earliest, and more rarely while the clock stands still.
 *
 * Invariant: expires != 0 implies that the timer is armed.
 * Locks:     g->mu; clocks are read before it is taken.
 * Tests:     tests/conformance (itimer, timer)
 */
#include "sentry/time/guest_timer.h"

#include "sentry/kernel/task_private.h"

/* A guest's shortest period that costs the sentry wake-ups, ns. */
#define MIN_PERIOD   50000
#define CPU_POLL_MIN 1000000
#define CPU_POLL_MAX 128000000

/* When to look next.  g->mu held. */
static uint64_t next_look(struct guest_timer *g, uint64_t now)
{
	uint64_t wait, nr;

	if (!guest_clock_is_cpu(&g->clock))
		return g->expires;
	/* A guess; the task list's lock comes before ours. */
	nr = g->clock.tg ? atomic_load_explicit(&g->clock.tg->nr_threads,
						memory_order_relaxed)
			 : 1;
	nr = MAX(nr, 1u);
	wait = g->expires > now ? (g->expires - now) / nr : 0;
	wait = MAX(wait, (uint64_t)CPU_POLL_MIN);
	if (now == g->last_cpu) /* it sleeps */
		g->poll_after = MIN(MAX(g->poll_after * 2, wait),
				    (uint64_t)CPU_POLL_MAX);
	else
		g->poll_after = 0;
	g->last_cpu = now;
	return deadline_after(clock_monotonic(), MAX(wait, g->poll_after));
}

/* The timer's clock, or monotonic time for all that are not CPU clocks. */
static uint64_t timer_now(const struct guest_timer *g)
{
	return guest_clock_is_cpu(&g->clock) ? guest_clock_now(&g->clock)
					     : clock_monotonic();
}

static void guest_timer_fire(struct timer *t)
{
	struct guest_timer *g = container_of(t, struct guest_timer, timer);
	uint64_t now = timer_now(g), times = 0, next;

	mutex_lock(&g->mu);
	if (g->expires && g->expires <= now) {
		times = 1;
		if (g->interval)
			times += (now - g->expires) / g->interval;
		g->expires = g->interval ? g->expires + g->interval * times : 0;
	}
	if (g->expires) {
		next = next_look(g, now);
		next = MAX(next, deadline_after(clock_monotonic(), MIN_PERIOD));
		/* Cannot fail: the heap had a place for it a moment ago. */
		if (timer_arm(t, next) < 0)
			g->expires = 0;
	}
	mutex_unlock(&g->mu);
	if (times)
		g->expired(g, times);
}

void guest_timer_init(struct guest_timer *g, const struct guest_clock *clock,
		      void (*expired)(struct guest_timer *g, uint64_t times))
{
	*g = (struct guest_timer){ .clock = *clock, .expired = expired };
	timer_init(&g->timer, guest_timer_fire);
	mutex_init(&g->mu, LOCK_ITIMER);
}

void guest_timer_fini(struct guest_timer *g)
{
	mutex_lock(&g->mu);
	g->expires = 0; /* what fires now does not arm it again */
	mutex_unlock(&g->mu);
	timer_cancel(&g->timer);
	guest_clock_close(&g->clock);
}

static void get_locked(const struct guest_timer *g, uint64_t now,
		       struct guest_timer_spec *out)
{
	out->value = 0;
	out->interval = g->interval;
	if (g->expires)
		out->value = g->expires > now ? g->expires - now : 1;
}

void guest_timer_get(struct guest_timer *g, struct guest_timer_spec *out)
{
	uint64_t now = timer_now(g);

	mutex_lock(&g->mu);
	get_locked(g, now, out);
	mutex_unlock(&g->mu);
}

static uint64_t expiry(const struct guest_timer *g, uint64_t value,
		       bool absolute, uint64_t now)
{
	uint64_t at = value;

	if (!absolute)
		at = deadline_after(now, value);
	else if (!guest_clock_is_cpu(&g->clock))
		at = guest_clock_to_monotonic(&g->clock, value);
	return MAX(at, 1u); /* 0 is off */
}

int guest_timer_set(struct guest_timer *g, const struct guest_timer_spec *spec,
		    bool absolute, struct guest_timer_spec *old)
{
	struct guest_timer_spec before;
	uint64_t now = timer_now(g);
	int ret = 0;

	mutex_lock(&g->mu);
	get_locked(g, now, &before);
	g->interval = spec->interval;
	g->expires = 0;
	if (spec->value) {
		g->expires = expiry(g, spec->value, absolute, now);
		g->poll_after = 0;
		g->last_cpu = UINT64_MAX;
		ret = timer_arm(&g->timer, next_look(g, now));
		if (ret < 0)
			g->expires = 0;
	}
	mutex_unlock(&g->mu);
	if (ret == 0 && old)
		*old = before;
	return ret;
}
