/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_timer: interval timers and POSIX timers.
 *
 * Linux: kernel/time/itimer.c, posix-timers.c of 6.12.
 * Tests: tests/conformance/itimer.c, tests/conformance/timer.c
 */
#include <errno.h>
#include <limits.h>

#include "sentry/time/clock.h"
#include "sentry/time/group_timers.h"
#include "syscalls.h"

/* --- setitimer ------------------------------------------------------------ */

static struct linux_itimerval to_itimerval(const struct guest_timer_spec *s)
{
	struct guest_timer_spec up = *s;

	/* Less than a microsecond is left: not shown as "off". */
	if (up.value && up.value < 1000)
		up.value = 1000;
	return (struct linux_itimerval){
		.interval = ns_to_timeval(up.interval),
		.value = ns_to_timeval(up.value),
	};
}

long sys_getitimer(struct task *t, int32_t which, uaddr_t out)
{
	struct guest_timer_spec spec;
	struct linux_itimerval v;
	int ret;

	if (which < LINUX_ITIMER_REAL || which > LINUX_ITIMER_PROF)
		return -EINVAL;
	ret = itimer_get(t, which, &spec);
	if (ret < 0)
		return ret;
	v = to_itimerval(&spec);
	return copy_out(out, &v, sizeof(v));
}

/* A missing new value means zero, as on Linux. */
long sys_setitimer(struct task *t, int32_t which, uaddr_t value, uaddr_t old)
{
	struct guest_timer_spec spec, before;
	struct linux_itimerval v = { 0 };
	int ret;

	if (!uaddr_is_null(value) && copy_in(&v, value, sizeof(v)) < 0)
		return -EFAULT;
	if (!timeval_valid(&v.value) || !timeval_valid(&v.interval))
		return -EINVAL;
	if (which < LINUX_ITIMER_REAL || which > LINUX_ITIMER_PROF)
		return -EINVAL;
	spec.value = timeval_to_ns(&v.value);
	spec.interval = timeval_to_ns(&v.interval);
	ret = itimer_set(t, which, &spec, &before);
	if (ret < 0 || uaddr_is_null(old))
		return ret;
	v = to_itimerval(&before);
	return copy_out(old, &v, sizeof(v));
}

/* The rest of the last alarm in seconds, rounded, but never 0. */
long sys_alarm(struct task *t, uint32_t seconds)
{
	struct guest_timer_spec spec = { .value = seconds * NSEC_PER_SEC };
	struct guest_timer_spec before;
	uint64_t sec, usec;
	int ret = itimer_set(t, LINUX_ITIMER_REAL, &spec, &before);

	if (ret < 0)
		return ret;
	sec = before.value / NSEC_PER_SEC;
	usec = before.value % NSEC_PER_SEC / 1000;
	if ((sec == 0 && before.value) || usec >= 500000)
		sec++;
	return (long)sec;
}

/* --- timer_create --------------------------------------------------------- */

/* Checks a sigevent and finds its thread.  -EINVAL. */
static int decode_event(struct task *t, const struct linux_sigevent *se,
			struct posix_timer_event *ev)
{
	ev->notify = se->notify;
	ev->signo = se->signo;
	ev->value = se->value;
	switch (se->notify) {
	case LINUX_SIGEV_NONE:
		return 0;
	case LINUX_SIGEV_SIGNAL | LINUX_SIGEV_THREAD_ID:
		ev->thread =
			se->tid > 0 ? task_lookup((uint32_t)se->tid) : NULL;
		if (!ev->thread || ev->thread->group != t->group)
			return -EINVAL;
		break;
	case LINUX_SIGEV_SIGNAL:
	case LINUX_SIGEV_THREAD:
		break;
	default:
		return -EINVAL;
	}
	return se->signo > 0 && se->signo <= LINUX_NSIG ? 0 : -EINVAL;
}

static int read_event(struct task *t, uaddr_t at, struct posix_timer_event *ev)
{
	struct linux_sigevent se;
	int ret;

	*ev = (struct posix_timer_event){
		.notify = LINUX_SIGEV_SIGNAL,
		.signo = LINUX_SIGALRM,
		.value_is_id = uaddr_is_null(at),
	};
	if (uaddr_is_null(at))
		return 0;
	if (copy_in(&se, at, sizeof(se)) < 0)
		return -EFAULT;
	ret = decode_event(t, &se, ev);
	if (ret < 0 && ev->thread)
		task_put(take(ev->thread));
	return ret;
}

long sys_timer_create(struct task *t, int32_t clock_id, uaddr_t event,
		      uaddr_t out_id)
{
	struct posix_timer_event ev = { 0 };
	struct guest_clock clock;
	int32_t id;
	int ret = read_event(t, event, &ev);

	/* Linux reads the event first; all it checks then comes later. */
	if (ret == -EFAULT)
		return ret;
	if (guest_clock_open(t, clock_id, &clock) < 0) {
		ret = -EINVAL;
	} else if (!clock.can_arm) {
		ret = -EOPNOTSUPP;
		guest_clock_close(&clock);
	} else if (ret < 0) {
		guest_clock_close(&clock);
	}
	if (ret < 0) {
		if (ev.thread)
			task_put(ev.thread);
		return ret;
	}
	ev.clock_id = clock_id;
	id = posix_timer_new(t, &clock, &ev);
	if (id < 0)
		return id;
	ret = copy_out(out_id, &id, sizeof(id));
	if (ret < 0)
		posix_timer_delete(t, id);
	return ret;
}

static struct linux_itimerspec to_itimerspec(const struct guest_timer_spec *s)
{
	return (struct linux_itimerspec){
		.interval = ns_to_timespec(s->interval),
		.value = ns_to_timespec(s->value),
	};
}

long sys_timer_settime(struct task *t, int32_t id, uint32_t flags,
		       uaddr_t value, uaddr_t old)
{
	AUTO_PUT(posix_timer) struct posix_timer *p = NULL;
	struct guest_timer_spec spec, before;
	struct linux_itimerspec v;
	int ret;

	if (uaddr_is_null(value))
		return -EINVAL;
	if (copy_in(&v, value, sizeof(v)) < 0)
		return -EFAULT;
	if (!timespec_valid(&v.value) || !timespec_valid(&v.interval))
		return -EINVAL;
	p = posix_timer_lookup(t, id);
	if (!p)
		return -EINVAL;
	spec.value = timespec_to_ns(&v.value);
	spec.interval = timespec_to_ns(&v.interval);
	posix_timer_reset(p);
	ret = guest_timer_set(posix_timer_timer(p), &spec,
			      flags & LINUX_TIMER_ABSTIME, &before);
	if (ret < 0 || uaddr_is_null(old))
		return ret;
	v = to_itimerspec(&before);
	return copy_out(old, &v, sizeof(v));
}

long sys_timer_gettime(struct task *t, int32_t id, uaddr_t out)
{
	AUTO_PUT(posix_timer) struct posix_timer *p = NULL;
	struct guest_timer_spec spec;
	struct linux_itimerspec v;

	p = posix_timer_lookup(t, id);
	if (!p)
		return -EINVAL;
	guest_timer_get(posix_timer_timer(p), &spec);
	v = to_itimerspec(&spec);
	return copy_out(out, &v, sizeof(v));
}

long sys_timer_getoverrun(struct task *t, int32_t id)
{
	AUTO_PUT(posix_timer) struct posix_timer *p = NULL;

	p = posix_timer_lookup(t, id);
	return p ? posix_timer_overrun(p) : -EINVAL;
}

long sys_timer_delete(struct task *t, int32_t id)
{
	return posix_timer_delete(t, id);
}
