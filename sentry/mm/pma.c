/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pma: the ordered map of what backs an address space.
 *
 * Invariant: see mm_private.h; every pma lies inside one vma, and
 *            prot == the vma's access, without WRITE if cow.
 * Locks:     mm->mu; pma->win is set under the read side by compare-exchange.
 * Tests:     tests/unit/test_mm.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/mm/mm_private.h"

#define NODES_VMA  8
#define NODES_PMA  12
#define NODES_KEEP 24
/* How far a neighbour may be whose offsets are continued. */
#define HINT_REACH (64ull << 20)

static int cmp_pma(const struct pma *a, const struct pma *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}
TREE_GENERATE(pma_tree, pma, node, cmp_pma)

struct pma *pma_find(struct mm *mm, uint64_t addr)
{
	struct pma *p = RB_ROOT(&mm->pmas), *found = NULL;

	while (p) {
		if (p->end <= addr) {
			p = RB_RIGHT(p, node);
			continue;
		}
		found = p;
		if (p->start <= addr)
			break;
		p = RB_LEFT(p, node);
	}
	return found;
}

struct pma *pma_at(struct mm *mm, uint64_t addr)
{
	struct pma *p = atomic_load_explicit(&mm->last, memory_order_acquire);

	if (p && p->start <= addr && addr < p->end)
		return p;
	p = pma_find(mm, addr);
	if (!p || p->start > addr)
		return NULL;
	atomic_store_explicit(&mm->last, p, memory_order_release);
	return p;
}

struct pma *pma_next(struct mm *mm, struct pma *p)
{
	(void)mm;
	return RB_NEXT(pma_tree, &mm->pmas, p);
}

struct pma *pma_prev(struct mm *mm, struct pma *p)
{
	(void)mm;
	return RB_PREV(pma_tree, &mm->pmas, p);
}

struct pma *pma_before(struct mm *mm, uint64_t addr)
{
	struct pma *p = RB_ROOT(&mm->pmas), *found = NULL;

	while (p) {
		if (p->start >= addr) {
			p = RB_LEFT(p, node);
			continue;
		}
		found = p;
		p = RB_RIGHT(p, node);
	}
	return found;
}

int mm_reserve(struct mm *mm)
{
	while (mm->nr_free_vmas < NODES_VMA) {
		struct vma *v = kzalloc(sizeof(*v));

		if (!v)
			return -ENOMEM;
		v->next_free = mm->free_vmas;
		mm->free_vmas = v;
		mm->nr_free_vmas++;
	}
	while (mm->nr_free_pmas < NODES_PMA) {
		struct pma *p = kzalloc(sizeof(*p));

		if (!p)
			return -ENOMEM;
		p->next_free = mm->free_pmas;
		mm->free_pmas = p;
		mm->nr_free_pmas++;
	}
	return 0;
}

struct pma *pma_node(struct mm *mm)
{
	struct pma *p = mm->free_pmas;

	assert(p);
	mm->free_pmas = p->next_free;
	mm->nr_free_pmas--;
	p->next_free = NULL;
	p->shadow = MEMFILE_NONE;
	p->fd = -1;
	p->prot = 0;
	p->cow = p->from_file = p->mapped = p->rw = false;
	atomic_store_explicit(&p->win, NULL, memory_order_relaxed);
	return p;
}

void pma_node_free(struct mm *mm, struct pma *p)
{
	if (mm->nr_free_pmas >= NODES_KEEP) {
		free(p);
		return;
	}
	p->next_free = mm->free_pmas;
	mm->free_pmas = p;
	mm->nr_free_pmas++;
}

void pma_insert(struct mm *mm, struct pma *p)
{
	struct pma *hit;

	assert(p->start < p->end);
	hit = RB_INSERT(pma_tree, &mm->pmas, p);
	assert(!hit);
	(void)hit;
	mm->nr_pmas++;
}

void pma_remove(struct mm *mm, struct pma *p)
{
	RB_REMOVE(pma_tree, &mm->pmas, p);
	mm->nr_pmas--;
	atomic_store_explicit(&mm->last, NULL, memory_order_relaxed);
}

struct pma *pma_split(struct mm *mm, struct pma *p, uint64_t at)
{
	struct window *win = atomic_load(&p->win);
	struct pma *up = pma_node(mm);
	uint64_t low = at - p->start;

	assert(p->start < at && at < p->end);
	up->start = at;
	up->end = p->end;
	up->off = p->off + low;
	up->shadow = p->shadow == MEMFILE_NONE ? MEMFILE_NONE : p->shadow + low;
	up->fd = p->fd;
	up->prot = p->prot;
	up->cow = p->cow;
	up->from_file = p->from_file;
	up->mapped = p->mapped;
	up->rw = p->rw;
	if (win) {
		window_add_user(win);
		atomic_store(&up->win, win);
	}
	p->end = at;
	pma_insert(mm, up);
	return up;
}

struct pma *pma_cut(struct mm *mm, struct pma *p, uint64_t start, uint64_t end)
{
	if (p->start < start)
		p = pma_split(mm, p, start);
	if (p->end > end)
		pma_split(mm, p, end);
	return p;
}

static bool pma_alike(const struct pma *a, const struct pma *b)
{
	uint64_t len = pma_size(a);

	if (a->end != b->start || a->fd != b->fd || a->prot != b->prot ||
	    a->cow != b->cow || a->from_file != b->from_file ||
	    a->mapped != b->mapped || a->rw != b->rw || a->off + len != b->off)
		return false;
	if (a->fd >= 0 && len + pma_size(b) > WINDOW_MAX)
		return false;
	return a->shadow == MEMFILE_NONE ? b->shadow == MEMFILE_NONE
					 : b->shadow == a->shadow + len;
}

/* Joins @b to @a; keeps a window that shows both. */
static void pma_join(struct mm *mm, struct pma *a, struct pma *b)
{
	struct window *wa = atomic_load(&a->win), *wb = atomic_load(&b->win);

	pma_remove(mm, b);
	a->end = b->end;
	if (wa && !window_covers(wa, a->off, pma_size(a))) {
		window_put(wa);
		wa = NULL;
	}
	if (wb && (wa || !window_covers(wb, a->off, pma_size(a)))) {
		window_put(wb);
		wb = NULL;
	}
	atomic_store(&a->win, wa ? wa : wb);
	pma_node_free(mm, b);
}

struct pma *pma_merge(struct mm *mm, struct vma *v, struct pma *p)
{
	struct pma *prev = pma_prev(mm, p), *next;

	if (prev && prev->start >= v->start && pma_alike(prev, p)) {
		pma_join(mm, prev, p);
		p = prev;
	}
	next = pma_next(mm, p);
	if (next && next->end <= v->end && pma_alike(p, next))
		pma_join(mm, p, next);
	return p;
}

/* Where @p is in the memory file: its bytes, or its shadow; or NONE. */
static uint64_t mem_place(const struct pma *p)
{
	return p->fd < 0 ? p->off : p->shadow;
}

uint64_t pma_hint(struct mm *mm, uint64_t start)
{
	struct pma *next = pma_find(mm, start);
	struct pma *prev = pma_before(mm, start);
	uint64_t place;

	if (next && next->start - start <= HINT_REACH) {
		place = mem_place(next);
		if (place != MEMFILE_NONE && place >= next->start - start)
			return place - (next->start - start);
	}
	if (prev && start - prev->end <= HINT_REACH) {
		place = mem_place(prev);
		if (place != MEMFILE_NONE)
			return place + (start - prev->start);
	}
	return MEMFILE_NONE;
}

void *pma_ptr(struct pma *p, uint64_t addr)
{
	struct window *win, *none = NULL;

	if (p->fd < 0)
		return (char *)memfile_ptr(p->off) + (addr - p->start);
	win = atomic_load_explicit(&p->win, memory_order_acquire);
	if (!win) {
		win = window_get(p->fd, p->off, pma_size(p), p->rw);
		if (!win)
			return NULL;
		if (!atomic_compare_exchange_strong(&p->win, &none, win)) {
			window_put(win);
			win = none;
		}
	}
	return window_ptr(win, p->off + (addr - p->start));
}
