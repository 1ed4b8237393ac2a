/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_timer: a timer on any guest clock, with an interval; what setitimer(2)
 * and timer_create(2) make.
 */
#ifndef SENTRY_TIME_GUEST_TIMER_H
#define SENTRY_TIME_GUEST_TIMER_H

#include "sentry/time/clock.h"
#include "sentry/time/guest_clock.h"

struct guest_timer {
	struct timer timer;
	struct guest_clock clock; /* owned */
	struct mutex mu;	  /* LOCK_ITIMER */
	/* CPU time of its clock; for other clocks monotonic ns.  0: off. */
	uint64_t expires GUARDED_BY(mu), interval GUARDED_BY(mu);
	/* CPU clocks are looked at again after this, ns. */
	uint64_t poll_after GUARDED_BY(mu), last_cpu GUARDED_BY(mu);
	/* In the timer thread, no lock held; @times > 1: some were missed. */
	void (*expired)(struct guest_timer *g, uint64_t times);
};

/* Takes over the references of @clock. */
void guest_timer_init(struct guest_timer *g, const struct guest_clock *clock,
		      void (*expired)(struct guest_timer *g, uint64_t times));
/* After it returns expired() does not run.  Not from expired(). */
void guest_timer_fini(struct guest_timer *g);

struct guest_timer_spec {
	uint64_t value, interval; /* ns; value 0: off */
};
/* What is left (at least 1 if armed) and the interval. */
void guest_timer_get(struct guest_timer *g, struct guest_timer_spec *out);
/* @absolute: value is a time of the clock.  *old may be NULL.  -ENOMEM,
 * -EAGAIN. */
MUST_CHECK int guest_timer_set(struct guest_timer *g,
			       const struct guest_timer_spec *spec,
			       bool absolute, struct guest_timer_spec *old);

#endif
