/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_clock: the clocks of clock_gettime(2), CPU clocks of tasks and
 * processes included.
 */
#ifndef SENTRY_TIME_GUEST_CLOCK_H
#define SENTRY_TIME_GUEST_CLOCK_H

#include "abi/time.h"
#include "sentry/kernel/task.h"

enum guest_clock_kind {
	GUEST_CLOCK_REAL, /* and TAI: no leap seconds are known */
	GUEST_CLOCK_MONO, /* RAW and BOOTTIME equal it */
	GUEST_CLOCK_REAL_COARSE,
	GUEST_CLOCK_MONO_COARSE,
	GUEST_CLOCK_THREAD,
	GUEST_CLOCK_PROCESS,
};

struct guest_clock {
	enum guest_clock_kind kind;
	bool user_only;		 /* CPU clocks: without system time */
	bool ticks;		 /* CPU clocks with the resolution of a tick */
	bool can_sleep, can_arm; /* clock_nanosleep(2), timer_create(2) */
	struct task *task;	 /* THREAD, +1 */
	struct thread_group *tg; /* PROCESS, +1 */
	int64_t offset;		 /* time namespaces: what the guest adds */
};

/* Opens clock @id for the current task @t.  -EINVAL. */
MUST_CHECK int guest_clock_open(struct task *t, int32_t id,
				struct guest_clock *out);
void guest_clock_close(struct guest_clock *c); /* harmless if zero */
#define AUTO_CLOCK __attribute__((cleanup(guest_clock_close)))
/* The process clock of @tg as the itimers count it. */
void guest_clock_of_group(struct thread_group *tg, bool user_only,
			  struct guest_clock *out);
static inline bool guest_clock_is_cpu(const struct guest_clock *c)
{
	return c->kind >= GUEST_CLOCK_THREAD;
}
/* Now, in ns.  No lock may be held (CPU clocks ask the task list). */
uint64_t guest_clock_now(const struct guest_clock *c);
/* A time of this clock (none of a CPU) as monotonic time of ours. */
uint64_t guest_clock_to_monotonic(const struct guest_clock *c, uint64_t ns);
/* Resolution in ns. */
uint64_t guest_clock_res(const struct guest_clock *c);

/* Conversions; too large values saturate at INT64_MAX ns. */
static inline bool timespec_valid(const struct linux_timespec *ts)
{
	return ts->sec >= 0 && ts->nsec >= 0 && ts->nsec < 1000000000;
}
static inline bool timeval_valid(const struct linux_timeval *tv)
{
	return tv->sec >= 0 && tv->usec >= 0 && tv->usec < 1000000;
}
uint64_t timespec_to_ns(const struct linux_timespec *ts);
uint64_t timeval_to_ns(const struct linux_timeval *tv);
struct linux_timespec ns_to_timespec(uint64_t ns);
struct linux_timeval ns_to_timeval(uint64_t ns);
/* now + span, at most the last moment before NO_DEADLINE. */
uint64_t deadline_after(uint64_t now, uint64_t span);

#endif
