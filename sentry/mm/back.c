/* SPDX-License-Identifier: Apache-2.0 */
/*
 * back: where the memory behind a vma comes from.
 *
 * Anonymous memory gets one extent when it is mapped, at the offset that
 * continues its neighbours, so that the host sees one mapping; huge or
 * MAP_NORESERVE ones get aligned chunks on first touch.  Files are asked, with
 * no lock held; the answer counts only if no truncation came in between
 * (mapping_seq()).
 *
 * Locks: mm->mu for writing, except back_ask() and back_drop().
 * Tests: tests/unit/test_mm.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/mm/cow.h"
#include "sentry/mm/mm_private.h"

bool back_now(const struct vma *v)
{
	uint64_t size = vma_size(v);

	if (v->flags & VMA_SHARED)
		return true; /* fork must find the same memory */
	if (!vma_access(v) || size > LAZY_SIZE)
		return false;
	return !(v->flags & VMA_NORESERVE) || size <= LAZY_NORESERVE;
}

/* May one more pma be made? */
static int room(struct mm *mm)
{
	if (mm->nr_pmas + HOST_MAPS_SPARE >= platform_limits()->max_host_maps)
		return -ENOMEM;
	return mm_reserve(mm);
}

static int add_anon(struct mm_batch *b, struct vma *v, uint64_t start,
		    uint64_t end, bool populate)
{
	struct pma model = { .start = start, .end = end, .fd = -1 };
	bool warm = false;
	int ret = room(b->mm);

	if (ret == 0)
		ret = memfile_alloc(end - start, pma_hint(b->mm, start), 0,
				    &model.off, &warm);
	if (ret < 0)
		return ret;
	if (warm && end - start <= POPULATE_MAX)
		populate = true;
	batch_add_pma(b, v, &model, populate);
	return 0;
}

/* The next part of [*pos, end) without a pma; false if there is none. */
static bool next_gap(struct mm *mm, uint64_t *pos, uint64_t end,
		     uint64_t *out_stop)
{
	struct pma *p = pma_find(mm, *pos);

	while (p && p->start <= *pos) {
		*pos = p->end;
		p = pma_next(mm, p);
	}
	*out_stop = p ? MIN(p->start, end) : end;
	return *pos < end;
}

int back_anon(struct mm_batch *b, struct vma *v, uint64_t start, uint64_t end,
	      bool populate)
{
	uint64_t stop;
	int ret = 0;

	assert(v->start <= start && end <= v->end);
	while (ret == 0 && next_gap(b->mm, &start, end, &stop)) {
		ret = add_anon(b, v, start, stop, populate);
		start = stop;
	}
	return ret;
}

/* --- files ---------------------------------------------------------------- */

/* Appends an answer; contiguous parts of one host file become one. */
static void append(struct backings *out, uint64_t at,
		   const struct mmap_backing *is)
{
	struct mmap_backing *last = out->nr ? &out->part[out->nr - 1].is : NULL;

	if (last && last->kind == BACK_HOST_FD && is->kind == BACK_HOST_FD &&
	    last->fd == is->fd && last->offset + last->size == is->offset) {
		last->size += is->size;
		return;
	}
	out->part[out->nr].at = at;
	out->part[out->nr++].is = *is;
}

int back_ask(const struct file_ask *ask, struct backings *out)
{
	uint64_t pos = ask->off, end = ask->off + ask->size, size;
	bool whole = false;
	int ret = 0;

	out->nr = 0;
	out->seq = ask->mapping ? mapping_seq(ask->mapping) : 0;
	while (pos < end && out->nr < BACKINGS) {
		struct mmap_backing is = { .fd = -1 };

		if (!whole && pos - ask->off >= BACK_CHUNK)
			break;
		size = whole ? end - pos : MIN(end - pos, BACK_CHUNK);
		ret = ask->file->ops->mmap_backing(ask->file, pos, size,
						   ask->write, &is);
		if (ret < 0)
			break;
		is.size = MIN(page_up(is.size), size);
		if (is.size == 0) {
			ret = -ENXIO;
			break;
		}
		/* A host file answers for all of it at no cost. */
		whole = is.kind == BACK_HOST_FD;
		append(out, pos, &is);
		pos += is.size;
	}
	return out->nr ? 0 : ret;
}

void back_drop(struct backings *got)
{
	for (unsigned int i = 0; i < got->nr; i++)
		if (got->part[i].is.kind == BACK_MEMFILE)
			memfile_put(got->part[i].is.offset,
				    got->part[i].is.size);
	got->nr = 0;
}

/* One answer, [start, end) of it, @delta bytes into the answer. */
static int add_file(struct mm_batch *b, struct vma *v,
		    const struct mmap_backing *is, uint64_t delta,
		    uint64_t start, uint64_t end, bool populate)
{
	struct pma model = { .start = start,
			     .end = end,
			     .off = is->offset + delta,
			     .fd = is->kind == BACK_HOST_FD ? is->fd : -1,
			     .cow = vma_private(v),
			     .from_file = true,
			     .rw = v->flags & VMA_SHARED &&
				   v->flags & VMA_MAYWRITE };
	int ret;

	if (is->kind == BACK_ZERO)
		return back_anon(b, v, start, end, populate);
	ret = room(b->mm);
	if (ret < 0)
		return ret;
	if (cow_copy_early(b->mm, v, &model))
		populate = true;
	else if (is->kind == BACK_MEMFILE)
		memfile_get(model.off, end - start);
	batch_add_pma(b, v, &model, populate);
	return 0;
}

bool back_file(struct mm_batch *b, struct vma *v, struct backings *got,
	       uint64_t start, uint64_t end, bool populate)
{
	uint64_t pos, stop, last, base;

	if (v->mapping && mapping_seq(v->mapping) != got->seq)
		return false;
	for (unsigned int i = 0; i < got->nr; i++) {
		const struct mmap_backing *is = &got->part[i].is;

		/* Address of the answer's first byte; wraps harmlessly. */
		base = v->start + (got->part[i].at - v->offset);
		pos = MAX(start, base);
		last = MIN(end, base + is->size);
		while (pos < last && next_gap(b->mm, &pos, last, &stop)) {
			stop = MIN(stop, pos + WINDOW_MAX);
			if (add_file(b, v, is, pos - base, pos, stop,
				     populate) < 0)
				return true; /* the rest comes by faults */
			pos = stop;
		}
	}
	return true;
}
