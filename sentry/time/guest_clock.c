/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_clock: clock ids, and what time it is on each.
 *
 * Invariant: an open clock keeps its task or group alive.
 * Locks:     the task list's, inside guest_clock_now().
 * Linux:     kernel/time/posix-timers.c and posix-cpu-timers.c of 6.12; the
 *            ALARM clocks are those of a machine without an RTC.
 * Tests:     tests/conformance (clock)
 */
#include "sentry/time/guest_clock.h"
#include "sentry/kernel/task_ns.h"

#include <errno.h>

#include "sentry/kernel/task_private.h"
#include "sentry/time/clock.h"

static const struct {
	enum guest_clock_kind kind;
	bool known, can_sleep, can_arm;
} g_clocks[LINUX_MAX_CLOCKS] = {
	[LINUX_CLOCK_REALTIME] = { GUEST_CLOCK_REAL, true, true, true },
	[LINUX_CLOCK_MONOTONIC] = { GUEST_CLOCK_MONO, true, true, true },
	[LINUX_CLOCK_PROCESS_CPUTIME_ID] = { GUEST_CLOCK_PROCESS, true, true,
					     true },
	[LINUX_CLOCK_THREAD_CPUTIME_ID] = { GUEST_CLOCK_THREAD, true, false,
					    true },
	[LINUX_CLOCK_MONOTONIC_RAW] = { GUEST_CLOCK_MONO, true, false, false },
	[LINUX_CLOCK_REALTIME_COARSE] = { GUEST_CLOCK_REAL_COARSE, true, false,
					  false },
	[LINUX_CLOCK_MONOTONIC_COARSE] = { GUEST_CLOCK_MONO_COARSE, true, false,
					   false },
	[LINUX_CLOCK_BOOTTIME] = { GUEST_CLOCK_MONO, true, true, true },
	[LINUX_CLOCK_TAI] = { GUEST_CLOCK_REAL, true, true, true },
};

/* Negative ids: any process by its pid, any thread of the own process. */
static int open_cpu_clock(struct task *t, int32_t id, struct guest_clock *c)
{
	unsigned int which = id & LINUX_CPUCLOCK_CLOCK_MASK;
	uint32_t pid = ~((uint32_t)(id >> 3));

	if (which >= LINUX_CPUCLOCK_FD)
		return -EINVAL;
	c->user_only = which == LINUX_CPUCLOCK_VIRT;
	c->ticks = which != LINUX_CPUCLOCK_SCHED;
	c->can_arm = true;
	if (id & LINUX_CPUCLOCK_PERTHREAD) {
		AUTO_PUT(task) struct task *other = NULL;

		if (pid == 0) {
			task_get(t);
			other = t;
		} else {
			other = task_lookup(pid);
		}
		if (!other || other->group != t->group)
			return -EINVAL;
		c->kind = GUEST_CLOCK_THREAD;
		c->can_sleep = other != t;
		c->task = take(other);
		return 0;
	}
	c->kind = GUEST_CLOCK_PROCESS;
	c->can_sleep = true;
	if (pid == 0 || pid == t->vtid) {
		thread_group_get(t->group);
		c->tg = t->group;
	} else {
		c->tg = thread_group_lookup(pid);
	}
	return c->tg ? 0 : -EINVAL;
}

int guest_clock_open(struct task *t, int32_t id, struct guest_clock *out)
{
	struct guest_clock c = { 0 };
	int ret = 0;

	if (id < 0) {
		ret = open_cpu_clock(t, id, &c);
	} else if (id >= LINUX_MAX_CLOCKS || !g_clocks[id].known) {
		return -EINVAL;
	} else {
		c.kind = g_clocks[id].kind;
		c.can_sleep = g_clocks[id].can_sleep;
		c.can_arm = g_clocks[id].can_arm;
		if (c.kind == GUEST_CLOCK_MONO ||
		    c.kind == GUEST_CLOCK_MONO_COARSE)
			c.offset = id == LINUX_CLOCK_BOOTTIME
					   ? task_boot_offset(t)
					   : task_mono_offset(t);
		if (c.kind == GUEST_CLOCK_THREAD) {
			task_get(t);
			c.task = t;
		} else if (c.kind == GUEST_CLOCK_PROCESS) {
			thread_group_get(t->group);
			c.tg = t->group;
		}
	}
	if (ret == 0)
		*out = c;
	return ret;
}

void guest_clock_of_group(struct thread_group *tg, bool user_only,
			  struct guest_clock *out)
{
	thread_group_get(tg);
	*out = (struct guest_clock){
		.kind = GUEST_CLOCK_PROCESS,
		.user_only = user_only,
		.ticks = true,
		.tg = tg,
	};
}

void guest_clock_close(struct guest_clock *c)
{
	if (c->task)
		task_put(c->task);
	if (c->tg)
		thread_group_put(c->tg);
	c->task = NULL;
	c->tg = NULL;
}

static uint64_t cpu_now(const struct guest_clock *c)
{
	struct rusage_sum u;

	if (c->kind == GUEST_CLOCK_THREAD) {
		u.utime = task_utime(c->task);
		u.stime = task_stime(c->task);
	} else {
		tasklist_lock();
		thread_group_usage_locked(c->tg, &u);
		tasklist_unlock();
	}
	return c->user_only ? u.utime : u.utime + u.stime;
}

uint64_t guest_clock_now(const struct guest_clock *c)
{
	switch (c->kind) {
	case GUEST_CLOCK_REAL:
		return clock_realtime();
	case GUEST_CLOCK_MONO:
		return clock_monotonic() + (uint64_t)c->offset;
	case GUEST_CLOCK_REAL_COARSE:
		return clock_realtime_coarse();
	case GUEST_CLOCK_MONO_COARSE:
		return clock_monotonic_coarse() + (uint64_t)c->offset;
	default:
		return cpu_now(c);
	}
}

uint64_t guest_clock_to_monotonic(const struct guest_clock *c, uint64_t ns)
{
	if (c->kind == GUEST_CLOCK_REAL)
		return clock_realtime_to_monotonic(ns);
	return time_less_offset(ns, c->offset);
}

uint64_t guest_clock_res(const struct guest_clock *c)
{
	bool coarse = c->ticks || c->kind == GUEST_CLOCK_REAL_COARSE ||
		      c->kind == GUEST_CLOCK_MONO_COARSE;

	return coarse ? LINUX_TICK_NSEC : 1;
}

/* --- conversions ---------------------------------------------------------- */

static uint64_t to_ns(int64_t sec, uint64_t ns)
{
	if (sec >= (int64_t)(INT64_MAX / NSEC_PER_SEC))
		return INT64_MAX;
	return (uint64_t)sec * NSEC_PER_SEC + ns;
}

uint64_t timespec_to_ns(const struct linux_timespec *ts)
{
	return to_ns(ts->sec, (uint64_t)ts->nsec);
}

uint64_t timeval_to_ns(const struct linux_timeval *tv)
{
	return to_ns(tv->sec, (uint64_t)tv->usec * 1000);
}

struct linux_timespec ns_to_timespec(uint64_t ns)
{
	return (struct linux_timespec){
		.sec = (int64_t)(ns / NSEC_PER_SEC),
		.nsec = (int64_t)(ns % NSEC_PER_SEC),
	};
}

struct linux_timeval ns_to_timeval(uint64_t ns)
{
	return (struct linux_timeval){
		.sec = (int64_t)(ns / NSEC_PER_SEC),
		.usec = (int64_t)(ns % NSEC_PER_SEC / 1000),
	};
}

uint64_t deadline_after(uint64_t now, uint64_t span)
{
	return span > UINT64_MAX - 1 - now ? UINT64_MAX - 1 : now + span;
}
