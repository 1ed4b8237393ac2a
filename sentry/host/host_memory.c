/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_memory: host calls about mappings that the sentry has made.
 *
 * Locks: none.
 * Tests: tests/unit/test_memfile.c, tests/unit/test_mm.c
 */
#include "sentry/host/host_memory.h"

#include <errno.h>
#include <sys/mman.h>

int host_mincore(void *p, size_t size, uint8_t *vec)
{
	return mincore(p, size, vec) < 0 ? -errno : 0;
}

void host_exclude_from_dump(void *p, size_t size)
{
	/* Only a convenience: an old kernel dumps more. */
	(void)madvise(p, size, MADV_DONTDUMP);
}
