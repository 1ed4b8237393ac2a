/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timerfd: timers with a descriptor, timerfd_create(2).
 *
 * A periodic timer fires once and is armed again when its ticks are read or
 * asked for; periods that passed meanwhile are counted then, as on Linux.
 *
 * Invariant: armed is set from timer_arm() until the expiry was seen; an expiry
 *	      of an earlier setting finds it is not due and is ignored.
 * Locks:     tf->mu (LOCK_PIPE); timer_arm() inside, timer_cancel() never.
 * Linux:     the real-time clock is not set inside, so
 *	      TFD_TIMER_CANCEL_ON_SET never cancels.
 * Tests:     tests/conformance/timerfd.c
 */
#include "sentry/fs/timerfd/timerfd.h"

#include <errno.h>

#include "abi/eventfd.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/time/clock.h"

struct timerfd {
	struct mutex mu; /* LOCK_PIPE */
	IMMUTABLE int clock_id;
	uint64_t expires, interval GUARDED_BY(mu); /* monotonic ns; ns */
	uint64_t ticks GUARDED_BY(mu);		   /* not read yet */
	bool armed GUARDED_BY(mu);		   /* the timer runs */
	bool expired GUARDED_BY(mu); /* fired, periods not counted yet */
	uint32_t flags GUARDED_BY(mu);
	struct timer timer;
	struct waitq wq;
};

static const struct file_ops timerfd_ops;

bool file_is_timerfd(const struct file *f)
{
	return f->ops == &timerfd_ops;
}

static uint64_t to_ns(const struct linux_timespec *ts)
{
	uint64_t ns;

	if (mul_overflows((uint64_t)ts->sec, NSEC_PER_SEC, &ns) ||
	    add_overflows(ns, (uint64_t)ts->nsec, &ns) || ns > INT64_MAX)
		return INT64_MAX;
	return ns;
}

static void from_ns(uint64_t ns, struct linux_timespec *out)
{
	out->sec = (int64_t)(ns / NSEC_PER_SEC);
	out->nsec = (int64_t)(ns % NSEC_PER_SEC);
}

static void on_fire(struct timer *timer)
{
	struct timerfd *tf = container_of(timer, struct timerfd, timer);
	bool due;

	mutex_lock(&tf->mu);
	due = tf->armed && clock_monotonic() >= tf->expires;
	if (due) {
		tf->armed = false;
		tf->expired = true;
		tf->ticks++;
	}
	mutex_unlock(&tf->mu);
	if (due)
		waitq_wake(&tf->wq, LINUX_POLLIN);
}

/* Counts the periods since the expiry and goes on with the next one. */
static void forward_locked(struct timerfd *tf)
{
	uint64_t now, periods;

	if (!tf->expired || !tf->interval)
		return;
	tf->expired = false;
	now = clock_monotonic();
	periods = now >= tf->expires ? (now - tf->expires) / tf->interval : 0;
	tf->ticks += periods;
	if (mul_overflows(periods + 1, tf->interval, &periods) ||
	    add_overflows(tf->expires, periods, &tf->expires))
		return; /* beyond the end of time */
	tf->armed = timer_arm(&tf->timer, tf->expires) == 0;
}

static int try_read(struct timerfd *tf, uint64_t *out)
{
	int ret = -EAGAIN;

	mutex_lock(&tf->mu);
	if (tf->ticks) {
		forward_locked(tf);
		*out = tf->ticks;
		tf->ticks = 0;
		tf->expired = false;
		ret = 0;
	}
	mutex_unlock(&tf->mu);
	return ret;
}

static int wait_and_read(struct timerfd *tf, uint64_t *out)
{
	struct task_waiter w;
	int ret;

	task_waiter_init(&w, current_task());
	waitq_add(&tf->wq, &w.waiter, LINUX_POLLIN);
	for (;;) {
		ret = try_read(tf, out);
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}

static long timerfd_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct timerfd *tf = f->priv;
	uint64_t ticks;
	int ret;

	(void)pos;
	if (u->left < sizeof(ticks))
		return -EINVAL;
	ret = try_read(tf, &ticks);
	if (ret == -EAGAIN && !file_nonblock(f))
		ret = wait_and_read(tf, &ticks);
	if (ret < 0)
		return ret;
	return uio_copy_out(u, &ticks, sizeof(ticks)) == sizeof(ticks)
		       ? (long)sizeof(ticks)
		       : -EFAULT;
}

static uint32_t timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *tf = f->priv;
	uint32_t events;

	poll_wait(pt, &tf->wq);
	mutex_lock(&tf->mu);
	events = tf->ticks ? LINUX_POLLIN : 0;
	mutex_unlock(&tf->mu);
	return events;
}

static void get_locked(struct timerfd *tf, struct linux_itimerspec *out)
{
	uint64_t now = clock_monotonic(), left = 0;

	forward_locked(tf);
	if (tf->armed)
		left = tf->expires > now ? tf->expires - now : 1;
	from_ns(left, &out->value);
	from_ns(tf->interval, &out->interval);
}

void timerfd_get(struct file *f, struct linux_itimerspec *out)
{
	struct timerfd *tf = f->priv;

	mutex_lock(&tf->mu);
	get_locked(tf, out);
	mutex_unlock(&tf->mu);
}

static bool is_realtime(const struct timerfd *tf)
{
	return tf->clock_id == LINUX_CLOCK_REALTIME ||
	       tf->clock_id == LINUX_CLOCK_REALTIME_ALARM;
}

/* A sandbox is never suspended alone: they are as their plain kin. */
static bool is_alarm(const struct timerfd *tf)
{
	return tf->clock_id == LINUX_CLOCK_REALTIME_ALARM ||
	       tf->clock_id == LINUX_CLOCK_BOOTTIME_ALARM;
}

/* When @value is over, in monotonic ns. */
static uint64_t deadline_of(const struct timerfd *tf, uint32_t flags,
			    const struct linux_timespec *value)
{
	uint64_t ns = to_ns(value), end;

	if (!(flags & LINUX_TFD_TIMER_ABSTIME)) {
		if (add_overflows(clock_monotonic(), ns, &end))
			return INT64_MAX;
		return MIN(end, (uint64_t)INT64_MAX);
	}
	if (is_realtime(tf))
		return clock_realtime_to_monotonic(ns);
	return time_less_offset(ns, tf->clock_id == LINUX_CLOCK_MONOTONIC
					    ? task_mono_offset(current_task())
					    : task_boot_offset(current_task()));
}

int timerfd_set(struct file *f, uint32_t flags,
		const struct linux_itimerspec *new,
		struct linux_itimerspec *old)
{
	struct timerfd *tf = f->priv;
	bool on = new->value.sec || new->value.nsec;
	int ret = 0;

	if (is_alarm(tf) && !capable(CAP_NR_WAKE_ALARM))
		return -EPERM;
	mutex_lock(&tf->mu);
	get_locked(tf, old);
	tf->ticks = 0;
	tf->expired = false;
	tf->armed = on;
	tf->flags = flags;
	tf->interval = to_ns(&new->interval);
	if (on) {
		tf->expires = deadline_of(tf, flags, &new->value);
		ret = timer_arm(&tf->timer, tf->expires);
		tf->armed = ret == 0;
	}
	mutex_unlock(&tf->mu);
	return ret;
}

static void timerfd_show(struct file *f, struct seq_buf *out)
{
	struct timerfd *tf = f->priv;
	struct linux_itimerspec v;
	uint64_t ticks;
	uint32_t flags;

	mutex_lock(&tf->mu);
	get_locked(tf, &v);
	ticks = tf->ticks;
	flags = tf->flags;
	mutex_unlock(&tf->mu);
	seq_printf(out,
		   "clockid: %d\nticks: %lu\nsettime flags: 0%o\n"
		   "it_value: (%ld, %ld)\nit_interval: (%ld, %ld)\n",
		   tf->clock_id, ticks, flags, v.value.sec, v.value.nsec,
		   v.interval.sec, v.interval.nsec);
}

static void timerfd_free(struct timerfd *tf)
{
	timer_cancel(&tf->timer);
	waitq_fini(&tf->wq);
	free(tf);
}

static void timerfd_release(struct file *f)
{
	timerfd_free(f->priv);
}

static const struct file_ops timerfd_ops = {
	.name = "timerfd",
	.read = timerfd_read,
	.poll = timerfd_poll,
	.show_fdinfo = timerfd_show,
	.release = timerfd_release,
};

int timerfd_new(int clock_id, uint32_t flags, struct file **out)
{
	struct timerfd *tf = kzalloc(sizeof(*tf));
	int ret;

	if (!tf)
		return -ENOMEM;
	mutex_init(&tf->mu, LOCK_PIPE);
	waitq_init(&tf->wq);
	timer_init(&tf->timer, on_fire);
	tf->clock_id = clock_id;
	ret = file_new_anon("anon_inode:[timerfd]", &timerfd_ops, tf, 0600,
			    LINUX_O_RDWR | flags, out);
	if (ret < 0)
		timerfd_free(tf);
	return ret;
}
