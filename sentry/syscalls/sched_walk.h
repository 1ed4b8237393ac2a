/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_walk: the tasks that getpriority(2) and ioprio_get(2) mean.
 */
#ifndef SENTRY_SYSCALLS_SCHED_WALK_H
#define SENTRY_SYSCALLS_SCHED_WALK_H

#include "sentry/kernel/task.h"

/*
 * Calls @visit for the thread (LINUX_PRIO_PROCESS), or all threads of the
 * process group or the user, @who (0: the caller's), under the tasklist lock.
 * Returns: 0, also if there are none; -EINVAL.
 */
MUST_CHECK int sched_walk(struct task *t, int32_t which, int32_t who,
			  void (*visit)(struct task *p, void *arg), void *arg);
/* May the current task change how @p is scheduled, by its ids alone? */
bool sched_same_owner(struct task *p);

#endif
