/* SPDX-License-Identifier: Apache-2.0 */
/*
 * async: signal-driven I/O: O_ASYNC, FIOASYNC, and SIGURG.
 */
#ifndef SENTRY_VFS_ASYNC_H
#define SENTRY_VFS_ASYNC_H

#include "sentry/vfs/vfs.h"

/*
 * O_ASYNC of @f becomes @on; files whose ops say SIGIO_NONE keep it off.
 * @fd: what siginfo will call it.  Returns: 0; -ENOMEM.
 */
MUST_CHECK int file_async_set(struct file *f, int fd, bool on);
/* @f has an owner now, who gets SIGURG even without O_ASYNC.  0; -ENOMEM. */
MUST_CHECK int file_async_owned(struct file *f);
/* The last reference of @f is going. */
void file_async_gone(struct file *f);
/*
 * Sends the signals that wake-ups in the calling thread have earned.  Called
 * at a task's border (TASK_WORK_ASYNC), before it sleeps, and by service
 * threads after they woke a queue.  No lock may be held.
 */
void file_async_flush(void);

#endif
