/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventfd: counters with a descriptor, eventfd(2).
 */
#ifndef SENTRY_FS_EVENTFD_EVENTFD_H
#define SENTRY_FS_EVENTFD_EVENTFD_H

#include "sentry/vfs/vfs.h"

/* @flags: LINUX_EFD_NONBLOCK or 0.  -ENOMEM. */
MUST_CHECK int eventfd_new(uint64_t count, bool semaphore, uint32_t flags,
			   struct file **out);

#endif
