/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom: the end of memory.
 */
#ifndef SENTRY_KERNEL_OOM_H
#define SENTRY_KERNEL_OOM_H

#include "sentry/lib/compiler.h"

struct cgroup;
struct thread_group;

/* Faults that find no memory come here from now on.  Start-up. */
void oom_start(void);
/*
 * Kills the worst process in or below @scope, or waits for the one that dies
 * already.  May be called with sleeping locks held.
 * Returns: true if it has given its memory back; false if there is nobody to
 * kill, or the current task is the one.
 */
bool oom_make_room(struct cgroup *scope);
/* Pages that its end would free, with oom_score_adj's share of @total bytes;
 * INT64_MIN: it is never chosen. */
int64_t oom_badness(struct thread_group *tg, uint64_t total);

#endif
