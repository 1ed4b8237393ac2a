/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pagemap: which pages of a space are there, for /proc/PID/pagemap; and
 * numa_maps.
 *
 * Linux: a page of a host file counts as present when it is mapped; soft-dirty
 *        bits are not kept.
 * Locks: mm->mu for reading.
 * Tests: tests/conformance/proc_task.c
 */
#include "sentry/mm/mm_private.h"

#define PM_PRESENT (1ull << 63)
#define PM_FILE	   (1ull << 61)
#define PM_SOLE	   (1ull << 56)

static uint64_t entry_of(struct mm *mm, uint64_t addr)
{
	struct vma *v = vma_at(mm, addr);
	struct pma *p = v ? pma_at(mm, addr) : NULL;
	uint64_t shared = v && v->flags & VMA_SHARED ? PM_FILE : 0;

	if (!p)
		return 0;
	if (p->fd >= 0)
		return PM_PRESENT | PM_FILE;
	if (!memfile_resident(p->off + (addr - p->start), PAGE_SIZE))
		return 0;
	return PM_PRESENT | shared |
	       (memfile_sole(p->off + (addr - p->start), PAGE_SIZE) ? PM_SOLE
								    : 0);
}

void mm_pagemap(struct mm *mm, uint64_t page, unsigned int nr, uint64_t *out)
{
	rwlock_rdlock(&mm->mu);
	for (unsigned int i = 0; i < nr; i++)
		out[i] = entry_of(mm, (page + i) << PAGE_SHIFT);
	rwlock_unlock(&mm->mu);
}
