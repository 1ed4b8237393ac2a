/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mprotect: mprotect(2).
 *
 * Linux changes vma by vma and stops at the first that refuses; what was
 * changed stays.  Here the end is found first, then all is changed with few
 * orders.
 *
 * Locks: mm->mu.
 * Tests: tests/unit/test_mm.c, tests/conformance/mprotect.c
 */
#include <errno.h>

#include "sentry/mm/mm_private.h"
#include "sentry/vfs/vfs.h"

#define PROT_RWX   (LINUX_PROT_READ | LINUX_PROT_WRITE | LINUX_PROT_EXEC)
#define PROT_GROWS ((uint32_t)(LINUX_PROT_GROWSDOWN | LINUX_PROT_GROWSUP))

/* May all of [start, end) get @prot?  *stop: the end of what may. */
static int check_prot(struct mm *mm, uint64_t start, uint64_t end,
		      uint32_t prot, uint64_t *stop)
{
	struct vma *v = vma_find(mm, start);
	uint64_t pos = start;

	for (; pos < end; v = vma_next(mm, v)) {
		*stop = pos;
		if (!v || v->start > pos)
			return -ENOMEM;
		if (prot & LINUX_PROT_WRITE && !(v->flags & VMA_MAYWRITE))
			return -EACCES;
		if ((prot & LINUX_PROT_EXEC) && v->file &&
		    (mount_flags(v->file->path.mnt) & MNT_NOEXEC))
			return -EACCES;
		if (v->flags & VMA_SEALED)
			return -EPERM;
		pos = v->end;
	}
	*stop = end;
	return 0;
}

/* RLIMIT_DATA counts what becomes private and writable. */
static bool data_fits(struct mm *mm, uint64_t start, uint64_t end)
{
	struct task *t = current_task();
	uint64_t limit = t ? task_rlimit(t, RLIM_DATA) : UINT64_MAX, more = 0;
	struct vma *v = vma_find(mm, start);

	if (limit == UINT64_MAX)
		return true;
	for (; v && v->start < end; v = vma_next(mm, v))
		if (vma_private(v) && !(v->prot & LINUX_PROT_WRITE) &&
		    !(v->flags & VMA_GROWSDOWN))
			more += MIN(v->end, end) - MAX(v->start, start);
	return more <= limit && mm->data_vm <= limit - more;
}

static int apply(struct mm_batch *b, struct vma *v, uint32_t prot)
{
	struct pma *p;

	vma_set_prot(b->mm, v, prot);
	for (p = pma_find(b->mm, v->start); p && p->start < v->end;
	     p = pma_next(b->mm, p))
		batch_apply(b, v, p, false);
	if (vma_anon(v) && prot && back_now(v))
		return back_anon(b, v, v->start, v->end, false);
	return 0;
}

static int change(struct mm_batch *b, uint64_t start, uint64_t end,
		  uint32_t prot)
{
	int ret = mm_reserve(b->mm);
	struct vma *v;

	if (ret == 0)
		ret = mm_isolate(b->mm, start, end);
	if (ret < 0)
		return ret;
	for (v = vma_find(b->mm, start); v && v->start < end && ret == 0;
	     v = vma_next(b->mm, v))
		ret = apply(b, v, prot);
	mm_merge(b->mm, start, end);
	return ret;
}

/* PROT_GROWSDOWN stretches the range to the start of the stack. */
static int stretch(struct mm *mm, uint64_t *start, uint64_t end, uint32_t grows)
{
	struct vma *v = vma_find(mm, *start);

	if (!grows)
		return 0;
	if (!v || v->start >= end)
		return -ENOMEM;
	if (grows & LINUX_PROT_GROWSUP || !(v->flags & VMA_GROWSDOWN))
		return -EINVAL;
	*start = v->start;
	return 0;
}

static int protect_locked(struct mm_batch *b, uint64_t start, uint64_t end,
			  uint32_t prot, uint32_t grows)
{
	uint64_t stop = start;
	int ret = stretch(b->mm, &start, end, grows), err;

	if (ret < 0)
		return ret;
	ret = check_prot(b->mm, start, end, prot, &stop);
	if (prot & LINUX_PROT_WRITE && !data_fits(b->mm, start, stop))
		return -ENOMEM;
	err = stop > start ? change(b, start, stop, prot) : 0;
	return err < 0 ? err : ret;
}

int mm_mprotect(struct mm *mm, uint64_t addr, uint64_t size, uint32_t prot)
{
	uint32_t grows = prot & PROT_GROWS;
	struct mm_batch b;
	uint64_t end;
	int ret;

	prot &= ~PROT_GROWS;
	if (grows == PROT_GROWS || addr % PAGE_SIZE)
		return -EINVAL;
	if (size == 0)
		return 0;
	if (size > UINT64_MAX - PAGE_SIZE ||
	    add_overflows(addr, page_up(size), &end) || end <= addr)
		return -ENOMEM;
	if (prot & ~(uint32_t)(PROT_RWX | LINUX_PROT_SEM))
		return -EINVAL;
	if (end > mm_max_addr())
		return -ENOMEM;
	batch_init(&b, mm);
	rwlock_wrlock(&mm->mu);
	ret = protect_locked(&b, addr, end, prot & PROT_RWX, grows);
	/* A refusal of the host only delays: faults bring the pages back. */
	batch_commit(&b);
	rwlock_unlock(&mm->mu);
	batch_finish(&b);
	return ret;
}
