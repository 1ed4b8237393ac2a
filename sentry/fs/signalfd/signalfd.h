/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signalfd: signals read from a descriptor, signalfd(2).
 */
#ifndef SENTRY_FS_SIGNALFD_SIGNALFD_H
#define SENTRY_FS_SIGNALFD_SIGNALFD_H

#include "sentry/vfs/vfs.h"

/* @flags: LINUX_SFD_NONBLOCK or 0.  -ENOMEM. */
MUST_CHECK int signalfd_new(uint64_t mask, uint32_t flags, struct file **out);
bool file_is_signalfd(const struct file *f);
/* Other signals from now on; for those who read or poll at the moment, too. */
void signalfd_set_mask(struct file *f, uint64_t mask);

#endif
