/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmpfs_data: where the bytes of a tmpfs file are in the memory file.
 *
 * A tree of extents by file offset; what no extent covers is a hole and reads
 * as zero.  Extents whose ranges of the memory file follow each other are one.
 *
 * Locks: d->mu for the tree; never held across guest copies: a range is pinned
 *	  by a memfile reference instead.
 * Tests: tests/unit/test_tmpfs_data.c (random, against a flat buffer)
 */
#include <errno.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/mm/memfile.h"
#include "sentry/mm/safe_copy.h"

static int textent_cmp(const struct textent *a, const struct textent *b)
{
	return a->off < b->off ? -1 : a->off > b->off;
}

TREE_GENERATE(textent_tree, textent, node, textent_cmp)

void tdata_init(struct tdata *d)
{
	mutex_init(&d->mu, LOCK_TMPFS_DATA);
	RB_INIT(&d->tree);
	d->pages = 0;
}

void tdata_fini(struct tdata *d)
{
	struct textent *e;

	while ((e = RB_MIN(textent_tree, &d->tree)) != NULL) {
		RB_REMOVE(textent_tree, &d->tree, e);
		memfile_put(e->mem, e->size);
		free(e);
	}
	d->pages = 0;
	pthread_mutex_destroy(&d->mu.raw);
}

/* The extent that holds @off, or the first behind it, or NULL. */
static struct textent *find_locked(struct tdata *d, uint64_t off)
{
	struct textent key = { .off = off };
	struct textent *e = RB_NFIND(textent_tree, &d->tree, &key);
	struct textent *before;

	if (e && e->off == off)
		return e;
	before = e ? RB_PREV(textent_tree, &d->tree, e)
		   : RB_MAX(textent_tree, &d->tree);
	if (before && before->off + before->size > off)
		return before;
	return e;
}

void tdata_pin(struct tdata *d, uint64_t off, uint64_t size, uint64_t *out_mem,
	       uint64_t *out_size)
{
	struct textent *e;
	uint64_t n;

	mutex_lock(&d->mu);
	e = find_locked(d, off);
	if (!e || e->off > off) {
		*out_mem = MEMFILE_NONE;
		*out_size = e ? MIN(size, e->off - off) : size;
		mutex_unlock(&d->mu);
		return;
	}
	n = MIN(size, e->off + e->size - off);
	*out_mem = e->mem + (off - e->off);
	*out_size = n;
	memfile_get(page_down(*out_mem),
		    page_up(*out_mem + n) - page_down(*out_mem));
	mutex_unlock(&d->mu);
}

void tdata_unpin(uint64_t mem, uint64_t size)
{
	memfile_put(page_down(mem), page_up(mem + size) - page_down(mem));
}

/* --- allocation ----------------------------------------------------------- */

/* Joins @e with the one behind it if the memory file goes on there too. */
static void merge_next(struct tdata *d, struct textent *e)
{
	struct textent *n = RB_NEXT(textent_tree, &d->tree, e);

	if (!n || e->off + e->size != n->off || e->mem + e->size != n->mem)
		return;
	RB_REMOVE(textent_tree, &d->tree, n);
	e->size += n->size;
	free(n);
}

/* Allocates [off, off + size), a hole, d->mu held. */
static int fill_hole(struct tdata *d, uint64_t off, uint64_t size)
{
	struct textent *e = kzalloc(sizeof(*e)), *prev;
	uint64_t hint = MEMFILE_NONE;
	int ret;

	if (!e)
		return -ENOMEM;
	e->off = off;
	e->size = size;
	RB_INSERT(textent_tree, &d->tree, e);
	prev = RB_PREV(textent_tree, &d->tree, e);
	if (prev && prev->off + prev->size == off)
		hint = prev->mem + prev->size;
	ret = memfile_alloc(size, hint, 0, &e->mem, NULL);
	if (ret < 0) {
		RB_REMOVE(textent_tree, &d->tree, e);
		free(e);
		return ret;
	}
	d->pages += size / PAGE_SIZE;
	merge_next(d, e);
	if (prev)
		merge_next(d, prev);
	return 0;
}

int tdata_fill(struct tdata *d, uint64_t off, uint64_t size, uint64_t *out_new)
{
	uint64_t at = page_down(off), end = page_up(off + size), stop;
	struct textent *e;
	int ret = 0;

	*out_new = 0;
	mutex_lock(&d->mu);
	while (at < end && ret == 0) {
		e = find_locked(d, at);
		if (e && e->off <= at) {
			at = e->off + e->size;
			continue;
		}
		stop = e ? MIN(end, e->off) : end;
		ret = fill_hole(d, at, stop - at);
		if (ret == 0)
			*out_new += (stop - at) / PAGE_SIZE;
		at = stop;
	}
	mutex_unlock(&d->mu);
	return ret;
}

uint64_t tdata_count_holes(struct tdata *d, uint64_t off, uint64_t size)
{
	uint64_t at = page_down(off), end = page_up(off + size), n = 0, stop;
	struct textent *e;

	mutex_lock(&d->mu);
	while (at < end) {
		e = find_locked(d, at);
		if (e && e->off <= at) {
			at = e->off + e->size;
			continue;
		}
		stop = e ? MIN(end, e->off) : end;
		n += (stop - at) / PAGE_SIZE;
		at = stop;
	}
	mutex_unlock(&d->mu);
	return n;
}

/* --- removal -------------------------------------------------------------- */

/* Splits the extent that spans @at, using *spare. */
static void split_at(struct tdata *d, uint64_t at, struct textent **spare)
{
	struct textent *e = find_locked(d, at), *n;

	if (!e || e->off >= at)
		return;
	n = take(*spare);
	n->off = at;
	n->mem = e->mem + (at - e->off);
	n->size = e->off + e->size - at;
	e->size = at - e->off;
	RB_INSERT(textent_tree, &d->tree, n);
}

int tdata_cut(struct tdata *d, uint64_t off, uint64_t size, struct list *gone)
{
	AUTO_FREE struct textent *one = kzalloc(sizeof(*one));
	AUTO_FREE struct textent *two = kzalloc(sizeof(*two));
	uint64_t start = page_up(off), end = page_down(off + size);
	struct textent *e, *next;

	list_init(gone);
	if (start >= end)
		return 0;
	if (!one || !two)
		return -ENOMEM;
	mutex_lock(&d->mu);
	split_at(d, start, &one);
	split_at(d, end, &two);
	for (e = find_locked(d, start); e && e->off < end; e = next) {
		next = RB_NEXT(textent_tree, &d->tree, e);
		RB_REMOVE(textent_tree, &d->tree, e);
		d->pages -= e->size / PAGE_SIZE;
		list_append(gone, &e->gone_node);
	}
	mutex_unlock(&d->mu);
	return 0;
}

int tdata_shift(struct tdata *d, uint64_t off, int64_t by)
{
	AUTO_FREE struct textent *spare = kzalloc(sizeof(*spare));
	struct textent *e;

	if (!spare)
		return -ENOMEM;
	mutex_lock(&d->mu);
	split_at(d, off, &spare);
	/* The order in the tree stays. */
	for (e = find_locked(d, off); e; e = RB_NEXT(textent_tree, &d->tree, e))
		e->off += (uint64_t)by;
	mutex_unlock(&d->mu);
	return 0;
}

uint64_t tdata_free(struct list *gone)
{
	struct textent *e, *tmp;
	uint64_t pages = 0;

	list_for_each_entry_safe (e, tmp, gone, gone_node) {
		pages += e->size / PAGE_SIZE;
		memfile_put(e->mem, e->size);
		free(e);
	}
	list_init(gone);
	return pages;
}

/* --- bytes ---------------------------------------------------------------- */

int tdata_zero(struct tdata *d, uint64_t off, uint64_t size)
{
	uint64_t mem, n;
	size_t bad;

	for (; size > 0; off += n, size -= n) {
		tdata_pin(d, off, size, &mem, &n);
		if (mem == MEMFILE_NONE)
			continue;
		bad = safe_zero(memfile_ptr(mem), n);
		tdata_unpin(mem, n);
		if (bad)
			return -EFAULT;
	}
	return 0;
}

int tdata_write(struct tdata *d, uint64_t off, const void *src, size_t size)
{
	const char *p = src;
	uint64_t mem, n;
	size_t bad;

	for (; size > 0; off += n, p += n, size -= n) {
		tdata_pin(d, off, size, &mem, &n);
		if (mem == MEMFILE_NONE)
			return -EIO;
		bad = safe_copy(memfile_ptr(mem), p, n);
		tdata_unpin(mem, n);
		if (bad)
			return -EFAULT;
	}
	return 0;
}

uint64_t tdata_next_data(struct tdata *d, uint64_t off)
{
	struct textent *e;
	uint64_t at;

	mutex_lock(&d->mu);
	e = find_locked(d, off);
	at = e ? MAX(off, e->off) : UINT64_MAX;
	mutex_unlock(&d->mu);
	return at;
}

uint64_t tdata_next_hole(struct tdata *d, uint64_t off)
{
	struct textent *e;

	mutex_lock(&d->mu);
	for (e = find_locked(d, off); e && e->off <= off;
	     e = RB_NEXT(textent_tree, &d->tree, e))
		off = e->off + e->size;
	mutex_unlock(&d->mu);
	return off;
}
