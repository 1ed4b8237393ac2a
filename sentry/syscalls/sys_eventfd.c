/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_eventfd: eventfd(2), timerfd_create(2), signalfd(2) and their kin.
 *
 * Tests: tests/conformance/eventfd.c, timerfd.c, signalfd.c
 */
#include <errno.h>

#include "abi/eventfd.h"
#include "abi/signal.h"
#include "sentry/fs/eventfd/eventfd.h"
#include "sentry/fs/signalfd/signalfd.h"
#include "sentry/fs/timerfd/timerfd.h"
#include "sentry/kernel/task.h"
#include "sentry/time/clock.h"
#include "syscalls.h"

/* Flags are refused before anything is allocated, as on Linux. */
long sys_eventfd2(struct task *t, uint32_t initval, uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret;

	if (flags & ~LINUX_EFD_ALL)
		return -EINVAL;
	ret = eventfd_new(initval, flags & LINUX_EFD_SEMAPHORE,
			  flags & LINUX_EFD_NONBLOCK, &f);
	if (ret < 0)
		return ret;
	return fd_table_install(t->fds, f, flags & LINUX_EFD_CLOEXEC);
}

long sys_eventfd(struct task *t, uint32_t initval)
{
	return sys_eventfd2(t, initval, 0);
}

/* --- timerfd -------------------------------------------------------------- */

long sys_timerfd_create(struct task *t, int32_t clock, uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret;

	if (flags & ~(LINUX_TFD_NONBLOCK | LINUX_TFD_CLOEXEC))
		return -EINVAL;
	if (clock != LINUX_CLOCK_REALTIME && clock != LINUX_CLOCK_MONOTONIC &&
	    clock != LINUX_CLOCK_BOOTTIME &&
	    clock != LINUX_CLOCK_REALTIME_ALARM &&
	    clock != LINUX_CLOCK_BOOTTIME_ALARM)
		return -EINVAL;
	/* An alarm clock wakes a suspended machine: CAP_WAKE_ALARM. */
	if ((clock == LINUX_CLOCK_REALTIME_ALARM ||
	     clock == LINUX_CLOCK_BOOTTIME_ALARM) &&
	    !capable(CAP_NR_WAKE_ALARM))
		return -EPERM;
	ret = timerfd_new(clock, flags & LINUX_TFD_NONBLOCK, &f);
	if (ret < 0)
		return ret;
	return fd_table_install(t->fds, f, flags & LINUX_TFD_CLOEXEC);
}

static bool valid_time(const struct linux_timespec *ts)
{
	return ts->sec >= 0 && ts->nsec >= 0 &&
	       ts->nsec < (int64_t)NSEC_PER_SEC;
}

/* +1; -EBADF, -EINVAL for other files. */
static int lookup_timerfd(struct task *t, int fd, struct file **out)
{
	struct file *f = fd_table_lookup(t->fds, fd);

	if (!f)
		return -EBADF;
	if (!file_is_timerfd(f)) {
		file_put(f);
		return -EINVAL;
	}
	*out = f;
	return 0;
}

long sys_timerfd_settime(struct task *t, int32_t fd, uint32_t flags,
			 uaddr_t value, uaddr_t old)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct linux_itimerspec new, was;
	int ret;

	if (copy_in(&new, value, sizeof(new)) < 0)
		return -EFAULT;
	if ((flags &
	     ~(LINUX_TFD_TIMER_ABSTIME | LINUX_TFD_TIMER_CANCEL_ON_SET)) ||
	    !valid_time(&new.value) || !valid_time(&new.interval))
		return -EINVAL;
	ret = lookup_timerfd(t, fd, &f);
	if (ret == 0)
		ret = timerfd_set(f, flags, &new, &was);
	if (ret < 0 || uaddr_is_null(old))
		return ret;
	return copy_out(old, &was, sizeof(was));
}

long sys_timerfd_gettime(struct task *t, int32_t fd, uaddr_t value)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct linux_itimerspec now;
	int ret = lookup_timerfd(t, fd, &f);

	if (ret < 0)
		return ret;
	timerfd_get(f, &now);
	return copy_out(value, &now, sizeof(now));
}

/* --- signalfd ------------------------------------------------------------- */

/* Another mask for an existing descriptor. */
static long change_mask(struct task *t, int fd, uint64_t mask)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);

	if (!f)
		return -EBADF;
	if (!file_is_signalfd(f))
		return -EINVAL;
	signalfd_set_mask(f, mask);
	return fd;
}

long sys_signalfd4(struct task *t, int32_t fd, uaddr_t set, uint64_t size,
		   uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	uint64_t mask;
	int ret;

	if (size != sizeof(mask))
		return -EINVAL;
	if (copy_in(&mask, set, sizeof(mask)) < 0)
		return -EFAULT;
	if (flags & ~(LINUX_SFD_NONBLOCK | LINUX_SFD_CLOEXEC))
		return -EINVAL;
	if (fd != -1)
		return change_mask(t, fd, mask);
	ret = signalfd_new(mask, flags & LINUX_SFD_NONBLOCK, &f);
	if (ret < 0)
		return ret;
	return fd_table_install(t->fds, f, flags & LINUX_SFD_CLOEXEC);
}

long sys_signalfd(struct task *t, int32_t fd, uaddr_t set, uint64_t size)
{
	return sys_signalfd4(t, fd, set, size, 0);
}
