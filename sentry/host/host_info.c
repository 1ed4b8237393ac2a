/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_info: facts about the host machine, by sysinfo(2).
 *
 * Asked before main(), so before the sentry's filter closes: the filter needs
 * no rule for it.
 *
 * Locks: none; written before there is a second thread.
 * Tests: tests/conformance/proc.c, proc_task.c
 */
#include <sys/sysinfo.h>

#include "sentry/host/host_info.h"

/* Without an answer a page, so that nobody divides by 0. */
static uint64_t g_total_memory = PAGE_SIZE;

__attribute__((constructor)) static void ask(void)
{
	struct sysinfo si;

	if (sysinfo(&si) == 0 && si.totalram)
		g_total_memory = (uint64_t)si.totalram * si.mem_unit;
}

uint64_t host_total_memory(void)
{
	return g_total_memory;
}
