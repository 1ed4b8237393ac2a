/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_futex: the sentry's own sleeping and waking.
 *
 * Invariant: words are private to the sentry's process; deadlines are absolute
 *            in CLOCK_MONOTONIC, so that a spurious wake-up costs no drift.
 * Locks:     none.
 * Tests:     tests/conformance (every blocking call)
 */
#include "sentry/host/host.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000ull

int host_futex_wait(_Atomic uint32_t *word, uint32_t expect, uint64_t deadline)
{
	struct timespec ts, *until = NULL;

	if (deadline != UINT64_MAX) {
		ts.tv_sec = (time_t)(deadline / NSEC_PER_SEC);
		ts.tv_nsec = (long)(deadline % NSEC_PER_SEC);
		until = &ts;
	}
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
		    expect, until, NULL, FUTEX_BITSET_MATCH_ANY) == 0)
		return 0;
	return -errno;
}

void host_futex_wake(_Atomic uint32_t *word, int nr)
{
	syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, nr);
}
