/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segments: the areas of an address space as a list, for core files.
 *
 * Locks: mm->mu for reading.
 * Tests: tests/conformance/coredump.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/mm/mm_private.h"

static uint64_t own_memory(struct mm *mm, const struct vma *v)
{
	struct pma *p = pma_find(mm, v->start);
	uint64_t sum = 0;

	for (; p && p->start < v->end; p = pma_next(mm, p))
		if (p->fd < 0)
			sum += memfile_resident(p->off, p->end - p->start);
	return sum;
}

static void fill(struct mm *mm, const struct vma *v, struct mm_segment *s)
{
	*s = (struct mm_segment){
		.start = v->start,
		.end = v->end,
		.offset = v->file ? v->offset : 0,
		.prot = v->prot & (PLAT_READ | PLAT_WRITE | PLAT_EXEC),
		.file = v->name ? NULL : v->file,
		.shared = v->flags & VMA_SHARED,
		.dontdump = v->flags & VMA_DONTDUMP ||
			    (v->name && !strcmp(v->name, "[vvar]")),
		.named = v->name,
		.memory = own_memory(mm, v),
	};
	if (s->file)
		file_get(s->file);
}

int mm_segments(struct mm *mm, struct mm_segment **out)
{
	struct mm_segment *segs;
	struct vma *v;
	int nr = 0;

	rwlock_rdlock(&mm->mu);
	segs = kcalloc(mm->nr_vmas + 1, sizeof(*segs));
	v = segs ? vma_find(mm, 0) : NULL;
	for (; v; v = vma_next(mm, v))
		fill(mm, v, &segs[nr++]);
	rwlock_unlock(&mm->mu);
	if (!segs)
		return -ENOMEM;
	*out = segs;
	return nr;
}

void mm_segments_free(struct mm_segment *segs, int nr)
{
	for (int i = 0; i < nr; i++)
		if (segs[i].file)
			file_put(segs[i].file);
	free(segs);
}
