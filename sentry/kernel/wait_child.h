/* SPDX-License-Identifier: Apache-2.0 */
/* wait_child: wait4(2) and waitid(2). */
#ifndef SENTRY_KERNEL_WAIT_CHILD_H
#define SENTRY_KERNEL_WAIT_CHILD_H

#include "abi/wait.h"
#include "sentry/kernel/task_private.h"

struct wait_request {
	int type; /* LINUX_P_* */
	uint32_t id;
	struct thread_group *target; /* P_PIDFD; borrowed */
	uint32_t options;
};

struct wait_result {
	uint32_t pid, uid;
	int cause;  /* LINUX_CLD_* */
	int status; /* exit code or signal, as si_status */
	struct rusage_sum usage;
};

/* The child's id with *out filled; 0: WNOHANG and none is ready; -ECHILD,
 * -ERESTARTSYS. */
long task_wait_child(struct task *t, const struct wait_request *rq,
		     struct wait_result *out);
/* As wait4's status word. */
int wait_status(const struct wait_result *r);

#endif
