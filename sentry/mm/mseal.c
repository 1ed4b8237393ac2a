/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mseal: mseal(2), remap_file_pages(2), and looking for holes in a range.
 *
 * Invariant: a vma with VMA_SEALED keeps its place, size and protection until
 *            its space goes: munmap, mprotect, mremap, a fixed mmap over it
 *            and advice that drops what cannot be written are refused.
 * Linux:     mm/mseal.c of 6.18.
 * Locks:     mm->mu.
 * Tests:     tests/conformance/mseal.c
 */
#include <errno.h>

#include "sentry/mm/mm_private.h"

bool mm_any_sealed(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = vma_find(mm, start);

	for (; v && v->start < end; v = vma_next(mm, v))
		if (v->flags & VMA_SEALED)
			return true;
	return false;
}

/* mm->mu held. */
static bool no_hole(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = vma_find(mm, start);

	for (; start < end; start = v->end, v = vma_next(mm, v))
		if (!v || v->start > start)
			return false;
	return true;
}

int mm_check_mapped(struct mm *mm, uint64_t start, uint64_t end)
{
	bool all;

	rwlock_rdlock(&mm->mu);
	all = no_hole(mm, start, end);
	rwlock_unlock(&mm->mu);
	return all ? 0 : -EFAULT;
}

/* --- mseal ---------------------------------------------------------------- */

static int seal_locked(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v;
	int ret;

	if (!no_hole(mm, start, end))
		return -ENOMEM;
	ret = mm_reserve(mm);
	if (ret == 0)
		ret = mm_isolate(mm, start, end);
	if (ret < 0)
		return ret;
	for (v = vma_find(mm, start); v && v->start < end; v = vma_next(mm, v))
		vma_set_flags(mm, v, VMA_SEALED, 0);
	mm_merge(mm, start, end);
	return 0;
}

int mm_mseal(struct mm *mm, uint64_t addr, uint64_t size, uint64_t flags)
{
	uint64_t end;
	int ret;

	if (flags || addr % PAGE_SIZE)
		return -EINVAL;
	if (size && page_up(size) == 0)
		return -EINVAL;
	if (add_overflows(addr, page_up(size), &end))
		return -EINVAL;
	if (end == addr)
		return 0;
	rwlock_wrlock(&mm->mu);
	ret = seal_locked(mm, addr, end);
	rwlock_unlock(&mm->mu);
	return ret;
}

/* --- remap_file_pages ----------------------------------------------------- */

/* What is mapped at [start, end): one shared mapping of a file, perhaps in
 * pieces.  Fills @out; its file is a reference. */
static int find_shared(struct mm *mm, uint64_t start, uint64_t end,
		       struct mmap_args *out)
{
	struct vma *v = vma_at(mm, start), *n = v;

	if (!v || !(v->flags & VMA_SHARED) || !v->file)
		return -EINVAL;
	while (n->end < end) {
		struct vma *next = vma_next(mm, n);

		if (!next || next->start != n->end || next->file != v->file ||
		    next->flags != v->flags || next->prot != v->prot)
			return -EINVAL;
		n = next;
	}
	out->prot = v->prot;
	out->file = v->file;
	if (v->flags & VMA_LOCKED)
		out->flags |= LINUX_MAP_LOCKED;
	file_get(v->file);
	return 0;
}

long mm_remap_file_pages(struct mm *mm, uint64_t addr, uint64_t size,
			 uint32_t prot, uint64_t pgoff, uint32_t flags)
{
	struct mmap_args a = { .flags = LINUX_MAP_SHARED | LINUX_MAP_FIXED |
					LINUX_MAP_POPULATE };
	uint64_t end;
	long ret;

	if (prot)
		return -EINVAL;
	addr = page_down(addr);
	size = page_down(size);
	if (add_overflows(addr, size, &end) || end <= addr)
		return -EINVAL;
	if (pgoff + size / PAGE_SIZE < pgoff || pgoff > INT64_MAX / PAGE_SIZE)
		return -EINVAL;
	rwlock_rdlock(&mm->mu);
	ret = find_shared(mm, addr, end, &a);
	rwlock_unlock(&mm->mu);
	if (ret < 0)
		return ret;
	a.addr = addr;
	a.size = size;
	a.offset = pgoff * PAGE_SIZE;
	a.flags |= flags & LINUX_MAP_NONBLOCK;
	ret = mm_mmap(mm, &a);
	file_put(a.file);
	return ret < 0 ? ret : 0;
}
