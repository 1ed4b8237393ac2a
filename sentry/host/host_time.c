/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_time: the host's clocks and random bytes.
 *
 * Invariant: REALTIME and MONOTONIC come from the host's vDSO; only CPU-time
 *            clocks, and hosts without a usable vDSO, enter the kernel.
 * Locks:     none.
 * Tests:     tests/unit/test_clock.c
 */
#include "sentry/host/host.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sentry/time/vvar.h"

#define NSEC_PER_SEC 1000000000ull

/* Fails only for a clock that the host does not have: 0 then. */
uint64_t host_clock(int clock_id)
{
	struct timespec ts;

	if (clock_gettime(clock_id, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

#define CALLS 10

/* Ticks of the fastest of a few readings. */
static uint64_t time_calls(bool in_kernel)
{
	uint64_t best = UINT64_MAX;
	struct timespec ts;

	for (int i = 0; i < CALLS; i++) {
		uint64_t start = vvar_rdtsc();

		if (in_kernel)
			syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
		else
			clock_gettime(CLOCK_MONOTONIC, &ts);
		best = MIN(best, vvar_rdtsc() - start);
	}
	return best;
}

bool host_clock_is_cheap(void)
{
	return time_calls(false) < time_calls(true) / 2;
}

uint64_t host_thread_cputime(void)
{
	return host_clock(CLOCK_THREAD_CPUTIME_ID);
}

int host_getrandom(void *buf, size_t size)
{
	char *p = buf;

	while (size > 0) {
		ssize_t n = getrandom(p, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}
