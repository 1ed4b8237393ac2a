/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: the orders of one operation, and the memory and files that may go
 * only after the host has carried them out.
 *
 * Orders that continue each other become one.  If the host refuses one (its
 * limit of mappings, its memory), the state of the stub is not known any more;
 * instead of undoing order by order the whole space is unmapped there with one
 * order that cannot need memory, and all comes back by faults.
 *
 * Invariant: memory of a dropped pma is given back only after the flush (own
 *            space) or sync (other spaces).
 * Locks:     mm->mu for writing, except batch_finish().
 * Tests:     tests/unit/test_mm.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/lib/log.h"
#include "sentry/mm/mm_private.h"

void batch_init(struct mm_batch *b, struct mm *mm)
{
	*b = (struct mm_batch){ .mm = mm };
}

static void queue(struct mm_batch *b, const struct map_order *o)
{
	int ret = platform_as_order(b->mm->as, o);

	/* The queue cannot grow: empty it, once. */
	if (ret == -ENOMEM && mm_is_current(b->mm)) {
		ret = platform_as_flush(b->mm->as, current_task()->cpu);
		if (ret == 0)
			ret = platform_as_order(b->mm->as, o);
	}
	if (ret < 0)
		b->failed = true;
	b->queued = true;
}

static void push_pending(struct mm_batch *b)
{
	if (b->has_pending)
		queue(b, &b->pending);
	b->has_pending = false;
}

/* Extends the pending order by @o if that is the same as doing both. */
static bool extend(struct map_order *p, const struct map_order *o)
{
	if (p->kind == ORDER_UNMAP && o->kind == ORDER_MAP &&
	    o->addr <= p->addr && p->addr + p->size <= o->addr + o->size) {
		*p = *o; /* mapping replaces */
		return true;
	}
	if (p->kind != o->kind || p->prot != o->prot || p->fd != o->fd ||
	    p->populate != o->populate)
		return false;
	if (p->addr + p->size == o->addr &&
	    (p->kind != ORDER_MAP || p->offset + p->size == o->offset)) {
		p->size += o->size;
		return true;
	}
	if (o->addr + o->size == p->addr &&
	    (p->kind != ORDER_MAP || o->offset + o->size == p->offset)) {
		p->addr = o->addr;
		p->offset = o->offset;
		p->size += o->size;
		return true;
	}
	return false;
}

static void add_order(struct mm_batch *b, const struct map_order *o)
{
	if (b->has_pending && extend(&b->pending, o))
		return;
	push_pending(b);
	b->pending = *o;
	b->has_pending = true;
}

static void changed(struct mm_batch *b)
{
	b->mm->changes++;
}

void batch_renew(struct mm_batch *b, struct pma *p, bool populate)
{
	struct map_order o = { .kind = ORDER_MAP,
			       .prot = p->prot,
			       .fd = p->fd < 0 ? memfile_fd() : p->fd,
			       .populate = populate,
			       .addr = p->start,
			       .size = pma_size(p),
			       .offset = p->off };

	assert(p->prot && !(p->cow && p->prot & PLAT_WRITE));
	add_order(b, &o);
	p->mapped = true;
}

void batch_remap(struct mm_batch *b, struct pma *p, bool populate)
{
	changed(b);
	batch_renew(b, p, populate);
}

void batch_unmap(struct mm_batch *b, uint64_t start, uint64_t end)
{
	struct map_order o = { .kind = ORDER_UNMAP,
			       .fd = -1,
			       .addr = start,
			       .size = end - start };

	changed(b);
	add_order(b, &o);
}

static void protect(struct mm_batch *b, struct pma *p)
{
	struct map_order o = { .kind = ORDER_PROTECT,
			       .prot = p->prot,
			       .fd = -1,
			       .addr = p->start,
			       .size = pma_size(p) };

	changed(b);
	add_order(b, &o);
}

void batch_apply(struct mm_batch *b, struct vma *v, struct pma *p,
		 bool populate)
{
	uint8_t prot = (uint8_t)vma_access(v), old = p->prot;

	if (p->cow)
		prot &= (uint8_t)~PLAT_WRITE;
	p->prot = prot;
	if (!p->mapped && prot)
		batch_remap(b, p, populate);
	else if (p->mapped && prot != old)
		protect(b, p);
}

struct pma *batch_add_pma(struct mm_batch *b, struct vma *v,
			  const struct pma *model, bool populate)
{
	struct pma *p = pma_node(b->mm);

	p->start = model->start;
	p->end = model->end;
	p->off = model->off;
	p->fd = model->fd;
	p->cow = model->cow;
	p->from_file = model->from_file;
	p->rw = model->rw;
	pma_insert(b->mm, p);
	batch_apply(b, v, p, populate);
	return p;
}

void batch_drop_pmas(struct mm_batch *b, uint64_t start, uint64_t end)
{
	struct pma *p = pma_find(b->mm, start), *next;
	uint64_t low = end, high = start;

	for (; p && p->start < end; p = next) {
		next = pma_next(b->mm, p);
		assert(p->start >= start && p->end <= end);
		if (p->mapped) {
			low = MIN(low, p->start);
			high = MAX(high, p->end);
		}
		pma_remove(b->mm, p);
		p->next_free = b->dead_pmas;
		b->dead_pmas = p;
	}
	if (low < high)
		batch_unmap(b, low, high);
}

void batch_drop(struct mm_batch *b, uint64_t start, uint64_t end)
{
	struct vma *v = vma_find(b->mm, start), *next;

	batch_drop_pmas(b, start, end);
	for (; v && v->start < end; v = next) {
		next = vma_next(b->mm, v);
		assert(v->start >= start && v->end <= end);
		vma_remove(b->mm, v);
		v->next_free = b->dead_vmas;
		b->dead_vmas = v;
	}
}

/* Nothing of the space is mapped on the host any more; faults bring it back. */
static void reset_host(struct mm *mm)
{
	const struct platform_limits *lim = platform_limits();
	struct map_order o = { .kind = ORDER_UNMAP,
			       .fd = -1,
			       .addr = lim->min_user_addr,
			       .size = lim->max_user_addr -
				       lim->min_user_addr };
	int ret = platform_as_order(mm->as, &o);
	struct pma *p;

	if (ret == 0 && mm_is_current(mm))
		ret = platform_as_flush(mm->as, current_task()->cpu);
	else if (ret == 0)
		platform_as_sync(mm->as);
	if (ret < 0 && ret != -ESRCH)
		log_error("an address space cannot be reset: error %d", -ret);
	mm->changes++;
	for (p = pma_find(mm, 0); p; p = pma_next(mm, p))
		p->mapped = false;
}

static void release_pmas(struct mm_batch *b)
{
	struct pma *p;

	while ((p = b->dead_pmas)) {
		struct window *win = atomic_load(&p->win);

		b->dead_pmas = p->next_free;
		if (p->fd < 0)
			memfile_put(p->off, pma_size(p));
		if (p->shadow != MEMFILE_NONE)
			memfile_put(p->shadow, pma_size(p));
		if (win)
			window_put(win);
		pma_node_free(b->mm, p);
	}
}

int batch_commit(struct mm_batch *b)
{
	int ret = 0;

	push_pending(b);
	if (b->queued && !b->failed) {
		if (mm_is_current(b->mm))
			ret = platform_as_flush(b->mm->as, current_task()->cpu);
		else if (b->dead_pmas)
			platform_as_sync(b->mm->as);
	}
	/* -ESRCH: the stub is gone, and nobody can reach anything. */
	if (b->failed || (ret < 0 && ret != -ESRCH)) {
		reset_host(b->mm);
		ret = -ENOMEM;
	} else {
		ret = 0;
	}
	b->queued = b->failed = false;
	release_pmas(b);
#ifdef MOAT_DEBUG
	if (b->mm->nr_vmas < 64)
		mm_check(b->mm);
#endif
	return ret;
}

void batch_teardown(struct mm_batch *b)
{
	struct vma *v;
	struct pma *p;

	while ((p = pma_find(b->mm, 0))) {
		pma_remove(b->mm, p);
		p->next_free = b->dead_pmas;
		b->dead_pmas = p;
	}
	while ((v = vma_find(b->mm, 0))) {
		vma_remove(b->mm, v);
		v->next_free = b->dead_vmas;
		b->dead_vmas = v;
	}
	release_pmas(b);
}

void batch_finish(struct mm_batch *b)
{
	struct vma *v;

	assert(!b->dead_pmas && !b->has_pending);
	while ((v = b->dead_vmas)) {
		b->dead_vmas = v->next_free;
		vma_free(v);
	}
}
