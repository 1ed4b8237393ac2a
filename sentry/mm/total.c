/* SPDX-License-Identifier: Apache-2.0 */
/*
 * total: how much memory the sandbox may use at most.
 *
 * Tests: tests/conformance/mount.c (the size of a tmpfs)
 */
#include "sentry/host/host_info.h"
#include "sentry/mm/memfile.h"

uint64_t memory_total(void)
{
	uint64_t machine = host_total_memory();
	struct memfile_stats ms;

	memfile_stats(&ms);
	return ms.limit ? MIN(ms.limit, machine) : machine;
}
