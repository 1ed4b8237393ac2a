/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restart: system calls that go on after a signal with what they had left,
 * restart_syscall(2).
 *
 * A handler that was interrupted fills the task's data and gives
 *	return task_set_restart(t, nanosleep_again);
 * If no handler of the guest runs, restart_syscall(2) calls the function in
 * the same thread; it may set another restart.  If one runs: EINTR.
 */
#ifndef SENTRY_KERNEL_RESTART_H
#define SENTRY_KERNEL_RESTART_H

#include <stdbool.h>
#include <stdint.h>

struct task;

union restart_data {
	struct {
		uint64_t deadline; /* in the clock's ns */
		uint64_t rem_addr; /* guest timespec for the rest; 0: none */
		int32_t clock_id;
	} sleep;
	struct {
		uint64_t addr, deadline, bitset;
		uint32_t val, flags;
	} futex;
	struct {
		uint64_t fds, deadline; /* deadline: monotonic ns */
		uint32_t nr;
		bool has_timeout;
	} poll;
	uint64_t words[6];
};

/* The current task's restart data, to be filled before task_set_restart(). */
union restart_data *task_restart_data(struct task *t);
/* Returns -ERESTART_RESTARTBLOCK, for the handler to return. */
long task_set_restart(struct task *t, long (*fn)(struct task *t));

#endif
