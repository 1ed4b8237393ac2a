/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cow: the break of copy-on-write, for memory shared by fork and for private
 * mappings of files.
 *
 * Memory with one owner left is only unprotected.  Else a neighbourhood of at
 * most COW_AROUND bytes is copied into the same relative place of the shadow,
 * a range reserved beside the mapping, so that copies of neighbours are one
 * mapping on the host again.
 *
 * Linux:  copies page by page; copying more early is allowed by mmap(2): it is
 *         unspecified whether a private mapping sees later writes to the file.
 * Locks:  mm->mu for writing.
 * Tests:  tests/unit/test_mm.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/host/host.h"
#include "sentry/mm/cow.h"
#include "sentry/mm/safe_copy.h"

#define COW_FIRST  (16ull << 10) /* copied around a write far from others */
#define HINT_REACH (64ull << 20)
#define WHOLE_COPY (16ull << 20) /* when host mappings run short */
#define COPY_PIECE (1ull << 20)

/* Private memory of @p's kind of neighbour, or its place to be. */
static uint64_t own_place(const struct pma *p)
{
	if (p->cow)
		return p->shadow;
	return p->fd < 0 ? p->off : MEMFILE_NONE;
}

/* Where a shadow of @p would continue the neighbours' memory. */
static uint64_t shadow_hint(struct mm *mm, struct pma *p)
{
	struct pma *next = pma_next(mm, p), *prev = pma_prev(mm, p);
	uint64_t place, gap;

	if (next && next->start - p->end <= HINT_REACH) {
		place = own_place(next);
		gap = next->start - p->start;
		if (place != MEMFILE_NONE && place >= gap)
			return place - gap;
	}
	if (prev && p->start - prev->end <= HINT_REACH) {
		place = own_place(prev);
		if (place != MEMFILE_NONE)
			return place + (p->start - prev->start);
	}
	return MEMFILE_NONE;
}

/* Fills @size bytes at @dst with what @off of the host file holds. */
static int read_file(int fd, uint64_t off, char *dst, uint64_t size)
{
	uint64_t done = 0;
	long ret;

	while (done < size) {
		struct iovec iov = { dst + done, MIN(size - done, COPY_PIECE) };

		ret = host_preadv(fd, &iov, 1, (int64_t)(off + done));
		if (ret == -EINTR)
			continue;
		if (ret < 0)
			return -EFAULT;
		if (ret == 0)
			break;
		done += (uint64_t)ret;
	}
	/* Warm shadow pages hold old data: the rest of the last page too. */
	return safe_zero(dst + done, size - done) ? -EFAULT : 0;
}

/* Bytes of the host file up to the end of its last page; 0: not known. */
static uint64_t file_pages(int fd)
{
	struct stat st;

	if (host_fstat(fd, &st) < 0 || st.st_size < 0)
		return 0;
	return page_up((uint64_t)st.st_size);
}

/* Ends @*end with the last page that the file has; -EFAULT if @addr is beyond
 * it. */
static int cut_at_eof(const struct pma *p, uint64_t addr, uint64_t *end)
{
	uint64_t size;

	if (p->fd < 0)
		return 0;
	size = file_pages(p->fd);
	if (p->off + (addr - p->start) >= size)
		return -EFAULT;
	*end = MIN(*end, p->start + (size - p->off));
	return 0;
}

/* Everything of @p is ours alone now. */
static void own(struct mm_batch *b, struct vma *v, struct pma *p)
{
	p->cow = false;
	p->from_file = false;
	if (p->shadow != MEMFILE_NONE)
		memfile_put(p->shadow, pma_size(p));
	p->shadow = MEMFILE_NONE;
	batch_apply(b, v, p, true);
}

static int reserve_shadow(struct mm *mm, struct pma **pp, uint64_t addr)
{
	struct pma *p = *pp;
	uint64_t block = addr & ~(SHADOW_MAX - 1);

	if (p->shadow != MEMFILE_NONE)
		return 0;
	if (pma_size(p) > SHADOW_MAX)
		p = pma_cut(mm, p, MAX(p->start, block),
			    MIN(p->end, block + SHADOW_MAX));
	*pp = p;
	return memfile_alloc(pma_size(p), shadow_hint(mm, p), MEMFILE_RESERVE,
			     &p->shadow, NULL);
}

/* Puts @p's memory into a dead pma, and the shadow in its place. */
static void swap_shadow(struct mm_batch *b, struct pma *p)
{
	struct pma *old = pma_node(b->mm);

	old->start = p->start;
	old->end = p->end;
	old->off = p->off;
	old->fd = p->fd;
	atomic_store(&old->win, atomic_load(&p->win));
	old->next_free = b->dead_pmas;
	b->dead_pmas = old;
	p->off = p->shadow;
	p->shadow = MEMFILE_NONE;
	p->fd = -1;
	p->rw = false;
	p->cow = false;
	p->from_file = false;
	p->mapped = false;
	atomic_store(&p->win, NULL);
}

static int copy_piece(struct mm_batch *b, struct vma *v, struct pma *p,
		      uint64_t start, uint64_t end)
{
	uint64_t size = end - start, delta = start - p->start;
	char *dst = memfile_ptr(p->shadow + delta);
	int ret = memfile_commit(p->shadow + delta, size);

	if (ret < 0)
		return ret;
	if (p->fd >= 0)
		ret = read_file(p->fd, p->off + delta, dst, size);
	else if (safe_copy(dst, memfile_ptr(p->off + delta), size))
		ret = -EFAULT;
	if (ret < 0)
		return ret;
	p = pma_cut(b->mm, p, start, end);
	swap_shadow(b, p);
	batch_apply(b, v, p, true);
	pma_merge(b->mm, v, p);
	return 0;
}

bool cow_copy_early(struct mm *mm, const struct vma *v, struct pma *model)
{
	uint64_t size = model->end - model->start, off;
	int ret;

	/* Elsewhere, what is written to the file later is to be seen. */
	if (!(v->flags & VMA_PROGRAM) || !model->cow ||
	    !(v->prot & LINUX_PROT_WRITE) || vma_size(v) > COW_AROUND ||
	    (model->fd >= 0 && model->off + size > file_pages(model->fd)) ||
	    memfile_alloc(size, pma_hint(mm, model->start), 0, &off, NULL) < 0)
		return false;
	if (model->fd >= 0)
		ret = read_file(model->fd, model->off, memfile_ptr(off), size);
	else
		ret = safe_copy(memfile_ptr(off), memfile_ptr(model->off), size)
			      ? -EFAULT
			      : 0;
	if (ret < 0) {
		memfile_put(off, size);
		return false;
	}
	model->off = off;
	model->fd = -1;
	model->cow = model->from_file = model->rw = false;
	return true;
}

/* How much to copy for a write to @addr: a lot where writes go on from what was
 * copied before. */
static uint64_t reach(struct mm *mm, const struct vma *v, struct pma *p,
		      uint64_t addr)
{
	const struct pma *prev = pma_prev(mm, p), *next = pma_next(mm, p);

	if (prev && prev->end == p->start && prev->start >= v->start &&
	    !prev->cow && addr - p->start < COW_FIRST)
		return COW_AROUND;
	if (next && next->start == p->end && next->end <= v->end &&
	    !next->cow && p->end - addr <= COW_FIRST)
		return COW_AROUND;
	return COW_FIRST;
}

int cow_break(struct mm_batch *b, struct vma *v, struct pma *p, uint64_t addr,
	      bool single)
{
	uint64_t around = single ? PAGE_SIZE : reach(b->mm, v, p, addr);
	uint64_t start = MAX(p->start, addr & ~(around - 1));
	uint64_t end = MIN(p->end, (addr & ~(around - 1)) + around);
	bool scarce = b->mm->nr_pmas + HOST_MAPS_SPARE / 2 >=
		      platform_limits()->max_host_maps;
	int ret;

	assert(p->cow && p->start <= addr && addr < p->end);
	if (p->fd < 0 && memfile_sole(p->off, pma_size(p))) {
		own(b, v, p);
		pma_merge(b->mm, v, p);
		return 0;
	}
	if (scarce && pma_size(p) > WHOLE_COPY)
		return -ENOMEM;
	if (scarce) {
		start = p->start;
		end = p->end;
	}
	if (p->fd < 0 &&
	    memfile_sole(p->off + (start - p->start), end - start)) {
		p = pma_cut(b->mm, p, start, end);
		own(b, v, p);
		pma_merge(b->mm, v, p);
		return 0;
	}
	ret = cut_at_eof(p, addr, &end);
	if (ret == 0)
		ret = reserve_shadow(b->mm, &p, addr);
	if (ret < 0)
		return ret;
	return copy_piece(b, v, p, MAX(start, p->start), MIN(end, p->end));
}
