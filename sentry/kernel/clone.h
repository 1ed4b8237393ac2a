/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone: making tasks.
 */
#ifndef SENTRY_KERNEL_CLONE_H
#define SENTRY_KERNEL_CLONE_H

#include "abi/clone.h"
#include "abi/types.h"
#include "sentry/kernel/task.h"

#define CLONE_MAX_SET_TID 1 /* one pid namespace */

/* What clone, clone3, fork and vfork ask for; flags without CSIGNAL. */
struct clone_request {
	uint64_t flags;
	uaddr_t pidfd, child_tid, parent_tid;
	int32_t exit_signal;
	uint64_t sp; /* 0: the parent's */
	uint64_t tls;
	uint32_t set_tid; /* 0: any */
};

/*
 * clone(2): makes and starts a task; with CLONE_VFORK waits for it.
 * Returns: its id; errors as the man page; -ERESTARTNOINTR.
 */
long task_clone(struct task *t, const struct clone_request *rq);
/* unshare(2). */
int task_unshare(struct task *t, uint64_t flags);

#endif
