/* SPDX-License-Identifier: Apache-2.0 */
/* proc_dir: an open /proc/PID as a name of its process, pidfd_send_signal(2) */
#ifndef SENTRY_FS_PROC_PROC_DIR_H
#define SENTRY_FS_PROC_PROC_DIR_H

#include "sentry/lib/compiler.h"

struct file;
struct task;

/*
 * The task (+1) whose directory /proc/PID @f is an open file of.
 * Returns: 0; -EBADF: it is something else; -ESRCH: the task is gone.
 */
MUST_CHECK int proc_dir_task(const struct file *f, struct task **out);

#endif
