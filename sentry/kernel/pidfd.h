/* SPDX-License-Identifier: Apache-2.0 */
/* pidfd: a process or a thread as a file, pidfd_open(2). */
#ifndef SENTRY_KERNEL_PIDFD_H
#define SENTRY_KERNEL_PIDFD_H

#include "sentry/kernel/task.h"

struct file;

/* @flags: LINUX_O_NONBLOCK or 0.  Readable once the process has ended. */
MUST_CHECK int pidfd_new(struct thread_group *tg, uint32_t flags,
			 struct file **out);
/* The same for one thread (PIDFD_THREAD): readable once that has ended. */
MUST_CHECK int pidfd_new_thread(struct task *p, uint32_t flags,
				struct file **out);
/* The process behind a pidfd of the current task (+1); NULL: it is none. */
struct thread_group *pidfd_lookup(int fd);
/*
 * A thread behind any pidfd (+1): the one it was made for, or the process's
 * leader.  *out_thread: made with PIDFD_THREAD.
 * Returns: 0; -EBADF: no pidfd; -ESRCH: it was waited for.
 */
MUST_CHECK int pidfd_lookup_task(int fd, struct task **out, bool *out_thread);

#endif
