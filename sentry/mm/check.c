/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check: the invariants of mm_private.h, for debug builds and tests.
 *
 * Locks: mm->mu for reading.
 */
#include <assert.h>

#include "sentry/mm/mm_private.h"

static void check_vmas(struct mm *mm)
{
	uint64_t end = 0, total = 0, locked = 0;
	struct vma *v = vma_find(mm, 0);
	uint32_t nr = 0;

	for (; v; v = vma_next(mm, v), nr++) {
		assert(v->start >= end && v->start < v->end);
		assert(v->start % PAGE_SIZE == 0 && v->end % PAGE_SIZE == 0);
		assert(v->end <= mm_max_addr());
		assert(v->mm == mm);
		total += vma_size(v);
		if (v->flags & VMA_LOCKED)
			locked += vma_size(v);
		end = v->end;
	}
	assert(nr == mm->nr_vmas && total == mm->total_vm &&
	       locked == mm->locked_vm);
}

static void check_pma(struct mm *mm, struct pma *p)
{
	struct vma *v = vma_at(mm, p->start);
	struct window *win = atomic_load(&p->win);
	uint32_t prot;

	assert(v && p->end <= v->end);
	prot = vma_access(v);
	if (p->cow)
		prot &= ~(uint32_t)PLAT_WRITE;
	assert(p->prot == prot);
	assert(!p->cow || vma_private(v));
	assert(p->shadow == MEMFILE_NONE || p->cow);
	assert(p->fd < 0 || p->from_file);
	assert(!win || window_covers(win, p->off, pma_size(p)));
	/* What a file shows is never written through a private mapping. */
	assert(!(p->from_file && vma_private(v)) || p->cow);
}

void mm_check(struct mm *mm)
{
	struct pma *p = pma_find(mm, 0);
	uint64_t end = 0;
	uint32_t nr = 0;

	check_vmas(mm);
	for (; p; p = pma_next(mm, p), nr++) {
		assert(p->start >= end && p->start < p->end);
		check_pma(mm, p);
		end = p->end;
	}
	assert(nr == mm->nr_pmas);
}
