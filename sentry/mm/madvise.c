/* SPDX-License-Identifier: Apache-2.0 */
/*
 * madvise: madvise(2).
 *
 * Linux:  as 6.9 without KSM, hwpoison and huge pages of shmem: advice that
 *         needs them is refused as by a kernel that is built without.
 *         MADV_FREE, COLD, PAGEOUT are legal no-ops; MADV_HUGEPAGE is kept as
 *         a flag only.
 * Locks:  mm->mu; MADV_REMOVE calls the file without it.
 * Tests:  tests/unit/test_mm.c, tests/conformance/madvise.c
 */
#include <errno.h>

#include "sentry/mm/mm_private.h"

#define PUNCH 3 /* FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */

/* Advice that only sets or clears flags. */
static const struct {
	int advice;
	uint32_t set, clear;
} g_flag_advice[] = {
	{ LINUX_MADV_NORMAL, 0, VMA_RANDOM | VMA_SEQUENTIAL },
	{ LINUX_MADV_RANDOM, VMA_RANDOM, VMA_SEQUENTIAL },
	{ LINUX_MADV_SEQUENTIAL, VMA_SEQUENTIAL, VMA_RANDOM },
	{ LINUX_MADV_DONTFORK, VMA_DONTFORK, 0 },
	{ LINUX_MADV_DOFORK, 0, VMA_DONTFORK },
	{ LINUX_MADV_DONTDUMP, VMA_DONTDUMP, 0 },
	{ LINUX_MADV_DODUMP, 0, VMA_DONTDUMP },
	{ LINUX_MADV_WIPEONFORK, VMA_WIPEONFORK, 0 },
	{ LINUX_MADV_KEEPONFORK, 0, VMA_WIPEONFORK },
	{ LINUX_MADV_HUGEPAGE, VMA_HUGEPAGE, VMA_NOHUGEPAGE },
	{ LINUX_MADV_NOHUGEPAGE, VMA_NOHUGEPAGE, VMA_HUGEPAGE },
};

static bool known(int advice)
{
	for (size_t i = 0; i < ARRAY_SIZE(g_flag_advice); i++)
		if (g_flag_advice[i].advice == advice)
			return true;
	switch (advice) {
	case LINUX_MADV_WILLNEED:
	case LINUX_MADV_DONTNEED:
	case LINUX_MADV_DONTNEED_LOCKED:
	case LINUX_MADV_FREE:
	case LINUX_MADV_REMOVE:
	case LINUX_MADV_COLD:
	case LINUX_MADV_PAGEOUT:
	case LINUX_MADV_POPULATE_READ:
	case LINUX_MADV_POPULATE_WRITE:
		return true;
	}
	return false;
}

/* Would it drop the contents of a sealed mapping that nobody can write? */
static bool breaks_seal(const struct vma *v, int advice)
{
	if (!(v->flags & VMA_SEALED) || !vma_private(v) ||
	    v->prot & LINUX_PROT_WRITE)
		return false;
	return advice == LINUX_MADV_FREE || advice == LINUX_MADV_DONTNEED ||
	       advice == LINUX_MADV_DONTNEED_LOCKED ||
	       advice == LINUX_MADV_REMOVE || advice == LINUX_MADV_DONTFORK ||
	       advice == LINUX_MADV_WIPEONFORK;
}

/* 0 or the errno of one vma. */
static int check_vma(const struct vma *v, int advice)
{
	if (breaks_seal(v, advice))
		return -EPERM;
	switch (advice) {
	case LINUX_MADV_DONTNEED:
	case LINUX_MADV_COLD:
	case LINUX_MADV_PAGEOUT:
		return v->flags & VMA_LOCKED ? -EINVAL : 0;
	case LINUX_MADV_FREE:
		return v->flags & VMA_LOCKED || !vma_anon(v) || !vma_private(v)
			       ? -EINVAL
			       : 0;
	case LINUX_MADV_REMOVE:
		if (v->flags & VMA_LOCKED || vma_private(v))
			return -EINVAL;
		return v->flags & VMA_MAYWRITE ? 0 : -EACCES;
	case LINUX_MADV_WIPEONFORK:
		return v->file || !vma_private(v) ? -EINVAL : 0;
	}
	return 0;
}

/* Fresh zero pages for a private anonymous pma, in place if it is ours. */
static bool zero_in_place(struct pma *p)
{
	uint64_t size = pma_size(p);

	if (p->fd >= 0 || p->cow || !memfile_sole(p->off, size))
		return false;
	/* Punching takes the pages away from every mapping by itself. */
	memfile_decommit(p->off, size);
	return true;
}

static void dont_need(struct mm_batch *b, struct vma *v)
{
	struct pma *p = pma_find(b->mm, v->start), *next;

	if (!vma_private(v))
		return; /* the object keeps its pages */
	for (; p && p->start < v->end; p = next) {
		next = pma_next(b->mm, p);
		if (p->from_file)
			continue; /* shows the file as it is */
		/* A private copy of a file: the file shows up again. */
		if (!vma_anon(v) || !zero_in_place(p))
			batch_drop_pmas(b, p->start, p->end);
	}
}

static void advise_flags(struct mm *mm, struct vma *v, int advice)
{
	for (size_t i = 0; i < ARRAY_SIZE(g_flag_advice); i++)
		if (g_flag_advice[i].advice == advice)
			vma_set_flags(mm, v, g_flag_advice[i].set,
				      g_flag_advice[i].clear);
}

/* Advice that changes vmas or pmas; splits only if something changes. */
static int change(struct mm_batch *b, uint64_t start, uint64_t end, int advice)
{
	struct mm *mm = b->mm;
	uint64_t pos = start;
	struct vma *v;
	int ret = mm_reserve(mm), hole = 0;

	if (ret == 0)
		ret = mm_isolate(mm, start, end);
	for (v = vma_find(mm, start); ret == 0 && v && v->start < end;
	     v = vma_next(mm, v)) {
		if (v->start > pos)
			hole = -ENOMEM;
		pos = v->end;
		ret = check_vma(v, advice);
		if (ret < 0)
			break;
		if (advice == LINUX_MADV_DONTNEED ||
		    advice == LINUX_MADV_DONTNEED_LOCKED)
			dont_need(b, v);
		else
			advise_flags(mm, v, advice);
	}
	if (pos < end)
		hole = -ENOMEM;
	mm_merge(mm, start, end);
	return ret < 0 ? ret : hole;
}

/* --- MADV_REMOVE ---------------------------------------------------------- */

/* The next piece to punch at or after *pos: 1 with a file (+1), 0 none. */
static int next_remove(struct mm *mm, uint64_t *pos, uint64_t end,
		       struct file **out, uint64_t *off, uint64_t *size)
{
	struct vma *v = vma_find(mm, *pos);
	struct pma *p;
	int ret;

	if (*pos >= end || !v || v->start >= end)
		return 0;
	ret = check_vma(v, LINUX_MADV_REMOVE);
	if (ret < 0)
		return ret;
	*pos = MAX(*pos, v->start);
	*size = MIN(v->end, end) - *pos;
	*off = v->offset + (*pos - v->start);
	*out = NULL;
	if (!vma_anon(v)) {
		file_get(v->file);
		*out = v->file;
	}
	/* Shared anonymous memory is punched right here. */
	for (p = pma_find(mm, *pos); !*out && p && p->start < *pos + *size;
	     p = pma_next(mm, p)) {
		uint64_t from = MAX(p->start, *pos);
		uint64_t to = MIN(p->end, *pos + *size);

		memfile_decommit(p->off + (from - p->start), to - from);
	}
	*pos += *size;
	return 1;
}

static int remove_pages(struct mm *mm, uint64_t start, uint64_t end)
{
	uint64_t off, size, pos = start;
	struct file *f;
	int ret;

	for (;;) {
		f = NULL;
		rwlock_rdlock(&mm->mu);
		ret = next_remove(mm, &pos, end, &f, &off, &size);
		rwlock_unlock(&mm->mu);
		if (ret <= 0)
			return ret;
		if (!f)
			continue;
		ret = f->ops->fallocate
			      ? f->ops->fallocate(f, PUNCH, (int64_t)off,
						  (int64_t)size)
			      : -EOPNOTSUPP;
		file_put(f);
		if (ret < 0)
			return ret;
	}
}

/* --- the rest ------------------------------------------------------------- */

/* Only the errors: what the advice would do has no effect here. */
static int check_only(struct mm *mm, uint64_t start, uint64_t end, int advice)
{
	uint64_t pos = start;
	int ret = 0, hole = 0;
	struct vma *v;

	rwlock_rdlock(&mm->mu);
	for (v = vma_find(mm, start); ret == 0 && v && v->start < end;
	     v = vma_next(mm, v)) {
		if (v->start > pos)
			hole = -ENOMEM;
		pos = v->end;
		ret = check_vma(v, advice);
	}
	rwlock_unlock(&mm->mu);
	if (pos < end)
		hole = -ENOMEM;
	return ret < 0 ? ret : hole;
}

static int change_range(struct mm *mm, uint64_t start, uint64_t end, int advice)
{
	struct mm_batch b;
	int ret;

	batch_init(&b, mm);
	rwlock_wrlock(&mm->mu);
	ret = change(&b, start, end, advice);
	batch_commit(&b);
	rwlock_unlock(&mm->mu);
	batch_finish(&b);
	return ret;
}

int mm_madvise(struct mm *mm, uint64_t addr, uint64_t size, int advice)
{
	uint64_t end;
	int ret;

	if (!known(advice) || addr % PAGE_SIZE)
		return -EINVAL;
	if (size && page_up(size) == 0)
		return -EINVAL;
	if (add_overflows(addr, page_up(size), &end))
		return -EINVAL;
	if (end == addr)
		return 0;
	if (end > mm_max_addr())
		return -ENOMEM;
	switch (advice) {
	case LINUX_MADV_FREE:
	case LINUX_MADV_COLD:
	case LINUX_MADV_PAGEOUT:
	case LINUX_MADV_WILLNEED:
		return check_only(mm, addr, end, advice);
	case LINUX_MADV_REMOVE:
		return remove_pages(mm, addr, end);
	case LINUX_MADV_POPULATE_READ:
	case LINUX_MADV_POPULATE_WRITE:
		ret = fault_populate(mm, addr, end,
				     advice == LINUX_MADV_POPULATE_READ
					     ? PLAT_READ
					     : PLAT_WRITE,
				     true);
		return ret == -EACCES ? -EINVAL : ret;
	default:
		return change_range(mm, addr, end, advice);
	}
}
