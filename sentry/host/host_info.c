/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_info: facts about the host machine, by sysinfo(2).
 *
 * Locks: none; the answer does not change while a machine runs, so that two
 *        first callers store the same.
 * Tests: tests/conformance/proc_*.c
 */
#include <stdatomic.h>
#include <sys/sysinfo.h>

#include "sentry/host/host_info.h"

uint64_t host_total_memory(void)
{
	static _Atomic uint64_t total;
	struct sysinfo si;

	if (total == 0 && sysinfo(&si) == 0)
		total = (uint64_t)si.totalram * si.mem_unit;
	/* Without an answer: as much as a page, so that nobody divides by 0. */
	return total ? total : PAGE_SIZE;
}
