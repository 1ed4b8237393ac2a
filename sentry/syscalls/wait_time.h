/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_time: timeouts and signal masks of the calls that wait for events
 * (poll, select and epoll families).
 */
#ifndef SENTRY_SYSCALLS_WAIT_TIME_H
#define SENTRY_SYSCALLS_WAIT_TIME_H

#include "abi/time.h"
#include "abi/types.h"
#include "sentry/lib/compiler.h"

struct task;

/* A relative time as a deadline in monotonic ns; 0 for no time at all,
 * NO_DEADLINE if it is beyond the end of time. */
uint64_t wait_deadline(uint64_t sec, uint64_t nsec);
/* The same from poll's milliseconds: negative waits for ever. */
uint64_t wait_deadline_ms(int32_t ms);
/*
 * A guest timespec (or, with @usec, timeval) as a deadline; NULL: NO_DEADLINE.
 * -EFAULT, -EINVAL.
 */
MUST_CHECK int wait_deadline_from_user(uaddr_t ts, bool usec, uint64_t *out);
/*
 * The end of a call with a timespec or timeval: writes back what is left of
 * it.  Returns @ret, but -EINTR for a restart that could not be made.
 */
long wait_finish(uaddr_t ts, bool usec, uint64_t deadline, long ret);

/* The temporary mask of ppoll and friends; null @set: none.  -EINVAL (@size),
 * -EFAULT. */
MUST_CHECK int temp_mask_set(struct task *t, uaddr_t set, uint64_t size);
/* Restores it unless the call was @interrupted: then a handler does. */
void temp_mask_finish(struct task *t, uaddr_t set, bool interrupted);

#endif
