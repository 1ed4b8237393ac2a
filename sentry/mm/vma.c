/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vma: the ordered map of what the guest asked for, and its accounts.
 *
 * Invariant: no overlaps; total_vm, data_vm, stack_vm, exec_vm and locked_vm
 *            are the sums over the tree: every change goes through
 *            vma_insert/remove/resize/set_*().
 * Locks:     mm->mu.
 * Tests:     tests/unit/test_mm.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/mm/mm_private.h"

static int cmp_vma(const struct vma *a, const struct vma *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}
TREE_GENERATE(vma_tree, vma, node, cmp_vma)

struct vma *vma_find(struct mm *mm, uint64_t addr)
{
	struct vma *v = RB_ROOT(&mm->vmas), *found = NULL;

	while (v) {
		if (v->end <= addr) {
			v = RB_RIGHT(v, node);
			continue;
		}
		found = v;
		if (v->start <= addr)
			break;
		v = RB_LEFT(v, node);
	}
	return found;
}

struct vma *vma_at(struct mm *mm, uint64_t addr)
{
	struct vma *v = vma_find(mm, addr);

	return v && v->start <= addr ? v : NULL;
}

struct vma *vma_next(struct mm *mm, struct vma *v)
{
	(void)mm;
	return RB_NEXT(vma_tree, &mm->vmas, v);
}

struct vma *vma_prev(struct mm *mm, struct vma *v)
{
	(void)mm;
	return RB_PREV(vma_tree, &mm->vmas, v);
}

struct vma *vma_before(struct mm *mm, uint64_t addr)
{
	struct vma *v = RB_ROOT(&mm->vmas), *found = NULL;

	while (v) {
		if (v->start >= addr) {
			v = RB_LEFT(v, node);
			continue;
		}
		found = v;
		v = RB_RIGHT(v, node);
	}
	return found;
}

bool vma_any(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = vma_find(mm, start);

	return v && v->start < end;
}

uint64_t vma_bytes(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = vma_find(mm, start);
	uint64_t sum = 0;

	for (; v && v->start < end; v = vma_next(mm, v))
		sum += MIN(v->end, end) - MAX(v->start, start);
	return sum;
}

/* Adds (or takes, @sign -1) one vma to the sums, as Linux's vm_stat_account().
 */
static void account(struct mm *mm, const struct vma *v, int sign)
{
	uint64_t n = sign > 0 ? vma_size(v) : -vma_size(v);

	mm->total_vm += n;
	mm->peak_vm = MAX(mm->peak_vm, mm->total_vm);
	if (v->flags & VMA_LOCKED)
		mm->locked_vm += n;
	if (v->flags & VMA_GROWSDOWN)
		mm->stack_vm += n;
	else if (v->prot & LINUX_PROT_WRITE && vma_private(v))
		mm->data_vm += n;
	else if (v->prot & LINUX_PROT_EXEC)
		mm->exec_vm += n;
}

void vma_insert(struct mm *mm, struct vma *v)
{
	struct vma *hit;

	assert(v->start < v->end);
	hit = RB_INSERT(vma_tree, &mm->vmas, v);
	assert(!hit);
	(void)hit;
	mm->nr_vmas++;
	account(mm, v, 1);
}

void vma_remove(struct mm *mm, struct vma *v)
{
	RB_REMOVE(vma_tree, &mm->vmas, v);
	mm->nr_vmas--;
	account(mm, v, -1);
	area_freed(mm, v->end);
}

void vma_resize(struct mm *mm, struct vma *v, uint64_t start, uint64_t end)
{
	assert(start < end);
	account(mm, v, -1);
	if (v->file || v->flags & VMA_SHARED)
		v->offset += start - v->start;
	if (start > v->start || end < v->end)
		area_freed(mm, v->end);
	v->start = start;
	v->end = end;
	account(mm, v, 1);
}

void vma_set_prot(struct mm *mm, struct vma *v, uint32_t prot)
{
	account(mm, v, -1);
	v->prot = prot;
	account(mm, v, 1);
}

void vma_set_flags(struct mm *mm, struct vma *v, uint32_t set, uint32_t clear)
{
	account(mm, v, -1);
	/* mapping_writable() looks on without mm->mu. */
	__atomic_store_n(&v->flags, (v->flags & ~clear) | set,
			 __ATOMIC_RELAXED);
	account(mm, v, 1);
}

struct vma *vma_copy(struct mm *mm, const struct vma *from)
{
	struct vma *v = mm->free_vmas;
	int ret;

	assert(v);
	mm->free_vmas = v->next_free;
	mm->nr_free_vmas--;
	*v = (struct vma){ .start = from->start,
			   .end = from->end,
			   .offset = from->offset,
			   .prot = from->prot,
			   .flags = from->flags,
			   .file = from->file,
			   .name = from->name,
			   .mm = mm };
	list_init(&v->map_node);
	if (v->file) {
		file_get(v->file);
		if (v->file->ops->mapped)
			v->file->ops->mapped(v->file);
	}
	if (from->mapping) {
		ret = mapping_join(from->mapping, v);
		assert(ret == 0); /* its set exists: @from is in it */
		(void)ret;
	}
	return v;
}

void vma_free(struct vma *v)
{
	mapping_leave(v);
	if (v->file && v->file->ops->unmapped)
		v->file->ops->unmapped(v->file);
	if (v->file)
		file_put(v->file);
	free(v);
}

static bool vma_alike(const struct vma *a, const struct vma *b)
{
	if (a->end != b->start || a->prot != b->prot || a->flags != b->flags ||
	    a->file != b->file || a->name != b->name ||
	    a->mapping != b->mapping || a->flags & VMA_GROWSDOWN)
		return false;
	if (a->file || a->flags & VMA_SHARED)
		return a->offset + vma_size(a) == b->offset;
	return true;
}

/* Splits @v at @at; both parts are in the tree. */
static void vma_split(struct mm *mm, struct vma *v, uint64_t at)
{
	struct vma *up = vma_copy(mm, v);

	assert(v->start < at && at < v->end);
	up->start = at;
	if (up->file || up->flags & VMA_SHARED)
		up->offset += at - v->start;
	account(mm, v, -1);
	v->end = at;
	account(mm, v, 1);
	vma_insert(mm, up);
}

int mm_isolate(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v1 = vma_at(mm, start), *v2 = vma_at(mm, end);
	struct pma *p1 = pma_at(mm, start), *p2 = pma_at(mm, end);
	bool cut_v1 = v1 && v1->start < start, cut_v2 = v2 && v2->start < end;
	bool cut_p1 = p1 && p1->start < start, cut_p2 = p2 && p2->start < end;
	uint32_t max_pmas = platform_limits()->max_host_maps;

	if ((cut_v1 || cut_v2) && mm->nr_vmas + cut_v1 + cut_v2 > MAX_MAP_COUNT)
		return -ENOMEM;
	if ((cut_p1 || cut_p2) && mm->nr_pmas + cut_p1 + cut_p2 > max_pmas)
		return -ENOMEM;
	if (cut_p2)
		pma_split(mm, p2, end);
	if (cut_p1)
		pma_split(mm, p1, start);
	if (cut_v2)
		vma_split(mm, v2, end);
	if (cut_v1)
		vma_split(mm, v1, start);
	return 0;
}

/* Takes @b out after its left neighbour @a has grown over it.  The file is
 * the same one that @a holds, so this put is never the last. */
static void swallow(struct mm *mm, struct vma *a, struct vma *b)
{
	vma_remove(mm, b);
	account(mm, a, -1);
	a->end = b->end;
	account(mm, a, 1);
	vma_free(b);
}

void mm_merge(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = vma_find(mm, start ? start - 1 : 0), *next;
	struct pma *p;

	while (v && v->start <= end) {
		next = vma_next(mm, v);
		if (next && vma_alike(v, next))
			swallow(mm, v, next);
		else
			v = next;
	}
	v = NULL;
	p = pma_find(mm, start ? start - 1 : 0);
	while (p && p->start <= end) {
		if (!v || p->start >= v->end)
			v = vma_at(mm, p->start);
		p = pma_next(mm, pma_merge(mm, v, p));
	}
}
