/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_dispatch: a thread's system calls come back to it as SIGSYS,
 * prctl(2) PR_SET_SYSCALL_USER_DISPATCH.
 */
#ifndef SENTRY_KERNEL_USER_DISPATCH_H
#define SENTRY_KERNEL_USER_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

struct guest_regs;
struct task;

/* The own thread's; off in each new thread and program. */
struct user_dispatch {
	bool on;
	uint64_t start, size; /* calls made in there are left alone */
	uint64_t selector;    /* address of a byte that says so too; or 0 */
};

/* The prctl(2) option.  0, -EINVAL, -EFAULT. */
long user_dispatch_set(struct task *t, uint64_t mode, uint64_t start,
		       uint64_t size, uint64_t selector);
/* Is the call of @r to be made?  If not, the signal is on its way. */
bool user_dispatch_allows(struct task *t, struct guest_regs *r);

#endif
