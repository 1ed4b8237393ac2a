/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock: the sandbox's clocks and timers.
 *
 * REALTIME and MONOTONIC follow the host through a page of parameters that the
 * guest's vDSO reads too, so that both ways give one time line.  Nothing here
 * wakes up by itself: parameters are refreshed when somebody enters the sentry
 * and they are older than a second; the vDSO falls back to a system call then.
 */
#ifndef SENTRY_TIME_CLOCK_H
#define SENTRY_TIME_CLOCK_H

#include "sentry/lib/list.h"
#include "sentry/lib/lock.h"

#define NSEC_PER_SEC 1000000000ull

/* Calibrates; start-up, once.  @vvar_off: the memfile offset of the page. */
MUST_CHECK int clock_start(void);
/* Cheap: refreshes the parameters if they are due. */
void clock_tick(void);
uint64_t clock_monotonic(void); /* ns; raw and boottime equal it */
uint64_t clock_realtime(void);	/* ns since the epoch */
/* Linux's coarse clocks and inode times: realtime cut to 4 ms. */
uint64_t clock_realtime_coarse(void);
uint64_t clock_monotonic_coarse(void);
/* Converts a CLOCK_REALTIME deadline for one sleep. */
uint64_t clock_realtime_to_monotonic(uint64_t real);

/*
 * Timers: one service thread sleeps until the earliest; none exists before the
 * first timer is armed.  @fire runs in that thread without locks held.
 */
struct timer {
	struct list node; /* LOCK_TIMER; private */
	uint64_t expires; /* monotonic ns; private */
	uint32_t heap_at; /* private: 0 is not armed */
	void (*fire)(struct timer *t);
};
void timer_init(struct timer *t, void (*fire)(struct timer *t));
MUST_CHECK int timer_arm(struct timer *t, uint64_t expires); /* re-arms too */
/* After it returns @fire does not run and will not (waits if it runs now;
 * must not be called from @fire, or holding a lock that @fire takes). */
void timer_cancel(struct timer *t);

#endif
