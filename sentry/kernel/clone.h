/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone: making tasks.
 */
#ifndef SENTRY_KERNEL_CLONE_H
#define SENTRY_KERNEL_CLONE_H

#include "abi/clone.h"
#include "abi/types.h"
#include "sentry/kernel/task.h"

#define CLONE_MAX_SET_TID 32 /* one for each pid namespace */

/* What clone, clone3, fork and vfork ask for; flags without CSIGNAL. */
struct clone_request {
	uint64_t flags;
	uaddr_t pidfd, child_tid, parent_tid;
	int32_t exit_signal;
	uint64_t sp; /* 0: the parent's */
	uint64_t tls;
	/* Numbers wanted, the innermost pid namespace first. */
	uint32_t nr_set_tid, set_tid[CLONE_MAX_SET_TID];
	struct cgroup *cgroup; /* CLONE_INTO_CGROUP; or NULL */
};

/*
 * clone(2): makes and starts a task; with CLONE_VFORK waits for it.
 * Returns: its id; errors as the man page; -ERESTARTNOINTR.
 */
long task_clone(struct task *t, const struct clone_request *rq);

#endif
