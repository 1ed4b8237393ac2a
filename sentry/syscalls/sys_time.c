/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_time: clocks and sleeping on them.
 *
 * The sandbox cannot set the clock: EPERM, whatever its capabilities.
 * Linux: kernel/time/{time,posix-timers,hrtimer}.c of 6.12.
 * Tests: tests/conformance/clock.c, tests/conformance/nanosleep.c
 */
#include <errno.h>

#include "sentry/kernel/restart.h"
#include "sentry/time/clock.h"
#include "sentry/time/guest_clock.h"
#include "syscalls.h"

#define CLOCK_UNSYNC	    0x40 /* STA_UNSYNC */
#define CLOCK_ERROR	    5	 /* TIME_ERROR */
#define CLOCK_UNUSED	    10
#define OFFSET_READ	    0xa001u
#define MODE_OLD	    0x8000u /* adjtime(3): nothing but the offset */
#define MODE_OFFSET	    1u
#define ADJ_READ_ONLY(mode) ((mode) == 0 || (mode) == OFFSET_READ)

/* --- reading -------------------------------------------------------------- */

long sys_clock_gettime(struct task *t, int32_t id, uaddr_t out)
{
	AUTO_CLOCK struct guest_clock c = { 0 };
	struct linux_timespec ts;
	int ret = guest_clock_open(t, id, &c);

	if (ret < 0)
		return ret;
	ts = ns_to_timespec(guest_clock_now(&c));
	return copy_out(out, &ts, sizeof(ts));
}

long sys_clock_getres(struct task *t, int32_t id, uaddr_t out)
{
	AUTO_CLOCK struct guest_clock c = { 0 };
	struct linux_timespec ts;
	int ret = guest_clock_open(t, id, &c);

	if (ret < 0)
		return ret;
	ts = ns_to_timespec(guest_clock_res(&c));
	return uaddr_is_null(out) ? 0 : copy_out(out, &ts, sizeof(ts));
}

long sys_gettimeofday(struct task *t, uaddr_t tv, uaddr_t tz)
{
	struct linux_timeval now = ns_to_timeval(clock_realtime());
	struct linux_timezone zone = { 0 };

	(void)t;
	if (!uaddr_is_null(tv) && copy_out(tv, &now, sizeof(now)) < 0)
		return -EFAULT;
	if (!uaddr_is_null(tz) && copy_out(tz, &zone, sizeof(zone)) < 0)
		return -EFAULT;
	return 0;
}

long sys_time(struct task *t, uaddr_t out)
{
	int64_t now = (int64_t)(clock_realtime() / NSEC_PER_SEC);

	(void)t;
	if (!uaddr_is_null(out) && copy_out(out, &now, sizeof(now)) < 0)
		return -EFAULT;
	return (long)now;
}

/* --- setting: refused ----------------------------------------------------- */

long sys_clock_settime(struct task *t, int32_t id, uaddr_t ts_at)
{
	AUTO_CLOCK struct guest_clock c = { 0 };
	struct linux_timespec ts;

	if (id > 0) /* no other clock can be set, whoever asks */
		return -EINVAL;
	if (copy_in(&ts, ts_at, sizeof(ts)) < 0)
		return -EFAULT;
	if (guest_clock_open(t, id, &c) < 0 ||
	    (id == LINUX_CLOCK_REALTIME && !timespec_valid(&ts)))
		return -EINVAL;
	return -EPERM;
}

long sys_settimeofday(struct task *t, uaddr_t tv_at, uaddr_t tz_at)
{
	struct linux_timezone tz;
	struct linux_timeval tv;

	(void)t;
	if (!uaddr_is_null(tv_at)) {
		if (copy_in(&tv, tv_at, sizeof(tv)) < 0)
			return -EFAULT;
		if (!timeval_valid(&tv))
			return -EINVAL;
	}
	if (!uaddr_is_null(tz_at) && copy_in(&tz, tz_at, sizeof(tz)) < 0)
		return -EFAULT;
	return -EPERM;
}

/* What an undisciplined clock of Linux shows; nothing can be changed. */
static long read_timex(uaddr_t buf)
{
	struct linux_timex x;
	uint32_t modes;

	if (copy_in(&x, buf, sizeof(x)) < 0)
		return -EFAULT;
	modes = x.modes;
	if ((modes & MODE_OLD) && !(modes & MODE_OFFSET))
		return -EINVAL;
	if (!ADJ_READ_ONLY(modes))
		return -EPERM;
	x = (struct linux_timex){
		.modes = modes,
		.maxerror = 16000000,
		.esterror = 16000000,
		.status = CLOCK_UNSYNC,
		.constant = 2,
		.precision = 1,
		.tolerance = 32768000,
		.time = ns_to_timeval(clock_realtime()),
		.tick = 10000,
	};
	if (copy_out(buf, &x, sizeof(x)) < 0)
		return -EFAULT;
	return CLOCK_ERROR;
}

long sys_adjtimex(struct task *t, uaddr_t buf)
{
	(void)t;
	return read_timex(buf);
}

long sys_clock_adjtime(struct task *t, int32_t id, uaddr_t buf)
{
	struct linux_timex x;

	(void)t;
	if (copy_in(&x, buf, sizeof(x)) < 0)
		return -EFAULT;
	if (id == LINUX_CLOCK_REALTIME)
		return read_timex(buf);
	if (id < 0) /* of a descriptor, and there are none; CPU clocks */
		return (id & 7) == 3 ? -EINVAL : -EOPNOTSUPP;
	return id > LINUX_CLOCK_TAI || id == CLOCK_UNUSED ? -EINVAL
							  : -EOPNOTSUPP;
}

/* --- sleeping ------------------------------------------------------------- */

/* Longest sleep on a CPU clock before it is read again, and the shortest. */
#define CPU_SLEEP_MAX 100000000ull
#define CPU_SLEEP_MIN 500000ull

/* Sleeps until @until of @c.  0, -ERESTARTSYS. */
static int sleep_until(struct task *t, const struct guest_clock *c,
		       uint64_t until)
{
	bool cpu = guest_clock_is_cpu(c);
	struct task_waiter w;
	int ret = 0;

	task_waiter_init(&w, t);
	t->wchan = "hrtimer_nanosleep";
	while (ret == 0) {
		uint64_t now = cpu ? guest_clock_now(c) : 0;
		uint64_t deadline = until;

		if (cpu) {
			if (now >= until)
				break;
			deadline = MIN(until - now, CPU_SLEEP_MAX);
			deadline = clock_monotonic() +
				   MAX(deadline, CPU_SLEEP_MIN);
		}
		ret = task_sleep(&w, deadline);
		if (ret == -ETIMEDOUT && cpu)
			ret = 0;
	}
	t->wchan = NULL;
	return ret == -ETIMEDOUT ? 0 : ret;
}

/* Where sleep_until()'s times come from for a clock. */
static uint64_t sleep_now(const struct guest_clock *c)
{
	return guest_clock_is_cpu(c) ? guest_clock_now(c) : clock_monotonic();
}

static long sleep_again(struct task *t);

/* A relative sleep, first or after a signal; tells the rest if it is cut. */
static long sleep_relative(struct task *t, const struct guest_clock *c,
			   int32_t id, uint64_t until, uint64_t rem_at)
{
	union restart_data *r;
	struct linux_timespec rem;
	uint64_t now;

	if (sleep_until(t, c, until) == 0)
		return 0;
	now = sleep_now(c);
	rem = ns_to_timespec(until > now ? until - now : 0);
	if (rem_at && copy_out(uaddr(rem_at), &rem, sizeof(rem)) < 0)
		return -EFAULT;
	r = task_restart_data(t);
	r->sleep.deadline = until;
	r->sleep.rem_addr = rem_at;
	r->sleep.clock_id = id;
	return task_set_restart(t, sleep_again);
}

static long sleep_again(struct task *t)
{
	const union restart_data r = *task_restart_data(t);
	AUTO_CLOCK struct guest_clock c = { 0 };

	if (guest_clock_open(t, r.sleep.clock_id, &c) < 0)
		return -EINTR; /* a CPU clock whose process has ended */
	return sleep_relative(t, &c, r.sleep.clock_id, r.sleep.deadline,
			      r.sleep.rem_addr);
}

static long sleep_absolute(struct task *t, const struct guest_clock *c,
			   uint64_t until)
{
	if (!guest_clock_is_cpu(c))
		until = guest_clock_to_monotonic(c, until);
	return sleep_until(t, c, until) < 0 ? -ERESTARTNOHAND : 0;
}

long sys_nanosleep(struct task *t, uaddr_t req, uaddr_t rem)
{
	const struct guest_clock c = { .kind = GUEST_CLOCK_MONO };
	struct linux_timespec ts;
	uint64_t until;

	if (copy_in(&ts, req, sizeof(ts)) < 0)
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	until = deadline_after(clock_monotonic(), timespec_to_ns(&ts));
	return sleep_relative(t, &c, LINUX_CLOCK_MONOTONIC, until, rem.va);
}

long sys_clock_nanosleep(struct task *t, int32_t id, uint32_t flags,
			 uaddr_t req, uaddr_t rem)
{
	AUTO_CLOCK struct guest_clock c = { 0 };
	struct linux_timespec ts;
	uint64_t ns;
	int ret = guest_clock_open(t, id, &c);

	if (ret < 0)
		return ret;
	if (!c.can_sleep && id >= 0)
		return -EOPNOTSUPP;
	if (copy_in(&ts, req, sizeof(ts)) < 0)
		return -EFAULT;
	if (!timespec_valid(&ts) || !c.can_sleep)
		return -EINVAL;
	ns = timespec_to_ns(&ts);
	if (flags & LINUX_TIMER_ABSTIME)
		return sleep_absolute(t, &c, ns);
	return sleep_relative(t, &c, id, deadline_after(sleep_now(&c), ns),
			      rem.va);
}
