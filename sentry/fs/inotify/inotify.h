/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify: instances of inotify(7).
 */
#ifndef SENTRY_FS_INOTIFY_INOTIFY_H
#define SENTRY_FS_INOTIFY_INOTIFY_H

#include "sentry/vfs/vfs.h"

/* /proc/sys/fs/inotify */
struct inotify_limits {
	_Atomic uint32_t queued_events, instances, watches;
};
extern struct inotify_limits g_inotify_limits;

/* An instance.  @flags: LINUX_O_NONBLOCK or 0.  -EMFILE at the user's limit. */
MUST_CHECK int inotify_new(uint32_t flags, struct file **out);
bool file_is_inotify(const struct file *f);
/*
 * Watches @inode for @mask (LINUX_IN_*, checked), or changes the watch that
 * @f has on it.  Returns its number; -EEXIST (IN_MASK_CREATE), -ENOSPC.
 */
MUST_CHECK int inotify_watch(struct file *f, struct inode *inode,
			     uint32_t mask);
/* Ends watch @wd of @f, with IN_IGNORED.  -EINVAL if there is none. */
MUST_CHECK int inotify_unwatch(struct file *f, int32_t wd);

#endif
