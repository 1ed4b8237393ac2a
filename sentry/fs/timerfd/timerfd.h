/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timerfd: timers with a descriptor, timerfd_create(2).
 */
#ifndef SENTRY_FS_TIMERFD_TIMERFD_H
#define SENTRY_FS_TIMERFD_TIMERFD_H

#include "abi/time.h"
#include "sentry/vfs/vfs.h"

/* @clock_id was checked; @flags: LINUX_TFD_NONBLOCK or 0.  -ENOMEM. */
MUST_CHECK int timerfd_new(int clock_id, uint32_t flags, struct file **out);
bool file_is_timerfd(const struct file *f);
/*
 * timerfd_settime(2) with checked flags and times; *old gets what was set.
 * -ENOMEM.
 */
MUST_CHECK int timerfd_set(struct file *f, uint32_t flags,
			   const struct linux_itimerspec *new,
			   struct linux_itimerspec *old);
void timerfd_get(struct file *f, struct linux_itimerspec *out);

#endif
