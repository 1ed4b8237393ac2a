/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mremap: mremap(2).
 *
 * A move changes no memory: the pmas get new addresses, the host new mappings.
 *
 * Linux:  as 6.18: a range over several vmas only moves (MREMAP_FIXED, the
 *         same size), vma by vma; holes stay holes.
 * Locks:  mm->mu; the moved part of a file that has no pma yet is asked for by
 *         a later fault.
 * Tests:  tests/unit/test_mm.c, tests/conformance/mremap.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/mm/mm_private.h"

struct remap {
	uint64_t old, old_size, new, new_size; /* sizes in pages */
	uint32_t flags;
};

static int check_args(struct remap *r)
{
	uint64_t max = mm_max_addr();
	uint32_t all = LINUX_MREMAP_MAYMOVE | LINUX_MREMAP_FIXED |
		       LINUX_MREMAP_DONTUNMAP;

	if (r->flags & ~all)
		return -EINVAL;
	if (r->flags & LINUX_MREMAP_FIXED && !(r->flags & LINUX_MREMAP_MAYMOVE))
		return -EINVAL;
	if (r->flags & LINUX_MREMAP_DONTUNMAP &&
	    (!(r->flags & LINUX_MREMAP_MAYMOVE) || r->old_size != r->new_size))
		return -EINVAL;
	if (r->old % PAGE_SIZE)
		return -EINVAL;
	r->old_size = page_up(r->old_size);
	r->new_size = page_up(r->new_size);
	if (r->new_size == 0)
		return -EINVAL;
	if (!(r->flags & (LINUX_MREMAP_FIXED | LINUX_MREMAP_DONTUNMAP)))
		return 0;
	if (!(r->flags & LINUX_MREMAP_FIXED))
		return r->new_size > max ? -EINVAL : 0;
	if (r->new % PAGE_SIZE || r->new_size > max ||
	    r->new > max - r->new_size)
		return -EINVAL;
	if (r->new < platform_limits()->min_user_addr)
		return -EPERM;
	/* New and old range must not overlap. */
	if (r->old + r->old_size > r->new && r->new + r->new_size > r->old)
		return -EINVAL;
	return 0;
}

/* Linux's vma_to_resize(). */
static int check_vma(struct mm *mm, const struct remap *r, struct vma *v)
{
	uint64_t more;

	if (!v)
		return -EFAULT;
	if (v->flags & VMA_SEALED)
		return -EPERM;
	if (r->old_size == 0 && vma_private(v))
		return -EINVAL;
	if (r->old_size > v->end - r->old)
		return -EFAULT;
	if (r->new_size <= r->old_size)
		return 0;
	more = r->new_size - r->old_size;
	if (v->file &&
	    v->offset + (r->old - v->start) > INT64_MAX - r->new_size)
		return -EINVAL;
	if (v->flags & VMA_LOCKED && !mm_may_lock(mm, more))
		return -EAGAIN;
	return mm_may_grow(mm, more, v->flags, v->prot, v->file);
}

/* Memory for the grown part of an anonymous vma. */
static int back_grown(struct mm_batch *b, struct vma *v, uint64_t start,
		      uint64_t end)
{
	if (start >= end || !vma_anon(v) || !back_now(v))
		return 0;
	return back_anon(b, v, start, end, false);
}

static int grow_in_place(struct mm_batch *b, const struct remap *r,
			 struct vma *v)
{
	uint64_t old_end = v->end, end = r->old + r->new_size;
	int ret;

	vma_resize(b->mm, v, v->start, end);
	ret = back_grown(b, v, old_end, end);
	if (ret == 0)
		ret = batch_commit(b);
	if (ret < 0) {
		batch_drop_pmas(b, old_end, end);
		vma_resize(b->mm, v, v->start, old_end);
		return ret;
	}
	mm_merge(b->mm, old_end, end);
	return 0;
}

/* Gives every pma of the isolated range its new address. */
static void move_pmas(struct mm_batch *b, uint64_t start, uint64_t end,
		      uint64_t to)
{
	struct pma *p = pma_find(b->mm, start), *next, *moved = NULL;
	bool any = false;

	for (; p && p->start < end; p = next) {
		next = pma_next(b->mm, p);
		any |= p->mapped;
		pma_remove(b->mm, p);
		p->next_free = moved;
		moved = p;
	}
	if (any)
		batch_unmap(b, start, end);
	while ((p = moved)) {
		moved = p->next_free;
		p->start = p->start - start + to;
		p->end = p->end - start + to;
		pma_insert(b->mm, p);
		if (p->mapped && p->prot)
			batch_remap(b, p, false);
		else
			p->mapped = false;
	}
}

/* Second references to shared memory at another place (old_size 0). */
static int duplicate(struct mm_batch *b, struct vma *from, struct vma *to,
		     uint64_t delta)
{
	struct pma *p = pma_find(b->mm, from->start + delta);
	uint64_t base = from->start + delta;

	for (; p && p->start < from->end; p = pma_next(b->mm, p)) {
		struct pma m = *p;

		if (m.start < base) {
			m.off += base - m.start;
			m.start = base;
		}
		m.start = m.start - base + to->start;
		m.end = MIN(m.end - base + to->start, to->end);
		if (m.start >= m.end)
			break;
		if (mm_reserve(b->mm) < 0)
			return -ENOMEM;
		if (m.fd < 0)
			memfile_get(m.off, pma_size(&m));
		batch_add_pma(b, to, &m, false);
	}
	return 0;
}

/* The vma at the new place.  @v holds [old, old + old_size) alone, or is only
 * to be duplicated. */
static struct vma *new_vma(struct mm *mm, const struct remap *r, struct vma *v)
{
	struct vma *n = vma_copy(mm, v);

	if (n->file || n->flags & VMA_SHARED)
		n->offset += r->old - v->start;
	n->start = r->new;
	n->end = r->new + r->new_size;
	if (r->flags & LINUX_MREMAP_DONTUNMAP)
		vma_set_flags(mm, v, 0, VMA_LOCKED | VMA_LOCKONFAULT);
	vma_insert(mm, n);
	return n;
}

static int move_locked(struct mm_batch *b, const struct remap *r, struct vma *v)
{
	uint64_t keep = MIN(r->old_size, r->new_size);
	struct mm *mm = b->mm;
	struct vma *n;
	int ret = mm_reserve(mm);

	if (mm->nr_vmas + 3 >= MAX_MAP_COUNT)
		return -ENOMEM;
	if (ret == 0 && r->old_size)
		ret = mm_isolate(mm, r->old, r->old + r->old_size);
	if (ret == 0 && r->old_size)
		v = vma_at(mm, r->old);
	if (ret == 0)
		ret = mm_reserve(mm);
	if (ret < 0)
		return ret;
	n = new_vma(mm, r, v);
	if (r->old_size == 0) {
		ret = duplicate(b, v, n, r->old - v->start);
	} else {
		/* First what may fail, so that nothing has moved then. */
		ret = back_grown(b, n, r->new + keep, n->end);
		if (ret == 0)
			move_pmas(b, r->old, r->old + keep, r->new);
	}
	if (ret < 0) {
		batch_drop(b, n->start, n->end);
		mm_merge(mm, r->old, r->old + r->old_size);
		return ret;
	}
	if (r->old_size && !(r->flags & LINUX_MREMAP_DONTUNMAP))
		batch_drop(b, r->old, r->old + r->old_size);
	mm_merge(mm, r->new, r->new + r->new_size);
	mm_merge(mm, r->old, r->old + r->old_size);
	return 0;
}

static long move(struct mm_batch *b, struct remap *r, struct vma *v)
{
	struct mm *mm = b->mm;
	uint32_t shared = v->flags & VMA_SHARED ? LINUX_MAP_SHARED : 0;
	long at;
	int ret = 0;

	if (r->flags & LINUX_MREMAP_DONTUNMAP)
		ret = mm_may_grow(mm, r->old_size, v->flags, v->prot, v->file);
	if (ret < 0)
		return ret;
	if (!(r->flags & LINUX_MREMAP_FIXED)) {
		at = area_find(mm,
			       r->flags & LINUX_MREMAP_DONTUNMAP ? r->new : 0,
			       r->new_size, shared);
		if (at < 0)
			return at;
		r->new = (uint64_t)at;
	}
	ret = move_locked(b, r, v);
	return ret < 0 ? ret : (long)r->new;
}

static long remap_locked(struct mm_batch *b, struct remap *r)
{
	struct mm *mm = b->mm;
	struct vma *v, *next;
	int ret = mm_reserve(mm);
	uint64_t end;

	if (ret < 0)
		return ret;
	v = vma_at(mm, r->old);
	if (!v)
		return -EFAULT;
	if (r->flags & LINUX_MREMAP_FIXED) {
		ret = check_vma(mm, r, v);
		if (ret == 0 && mm_reserved(mm, r->new, r->new + r->new_size))
			ret = -ENOMEM;
		if (ret == 0 && vma_any(mm, r->new, r->new + r->new_size))
			ret = munmap_locked(b, r->new, r->new + r->new_size);
		if (ret == 0)
			ret = mm_reserve(mm);
		/* The kept part is all that moves; the rest goes. */
		if (ret == 0 && r->old_size > r->new_size) {
			ret = munmap_locked(b, r->old + r->new_size,
					    r->old + r->old_size);
			r->old_size = r->new_size;
		}
		return ret < 0 ? ret : move(b, r, vma_at(mm, r->old));
	}
	if (r->flags & LINUX_MREMAP_DONTUNMAP) {
		ret = check_vma(mm, r, v);
		return ret < 0 ? ret : move(b, r, v);
	}
	if (r->old_size >= r->new_size) {
		if (r->old_size > r->new_size)
			ret = munmap_locked(b, r->old + r->new_size,
					    r->old + r->old_size);
		return ret < 0 ? ret : (long)r->old;
	}
	ret = check_vma(mm, r, v);
	if (ret < 0)
		return ret;
	next = vma_next(mm, v);
	end = r->old + r->new_size;
	if (r->old_size && r->old + r->old_size == v->end && end > r->old &&
	    end <= mm_max_addr() && !mm_reserved(mm, v->end, end) &&
	    (!next || end <= next->start)) {
		ret = grow_in_place(b, r, v);
		return ret < 0 ? ret : (long)r->old;
	}
	if (!(r->flags & LINUX_MREMAP_MAYMOVE))
		return -ENOMEM;
	return move(b, r, v);
}

/* Does the range begin in a vma and go on behind it, only to be moved? */
static bool moves_several(struct mm *mm, const struct remap *r)
{
	struct vma *v = vma_at(mm, r->old), *next;

	if (!v || !(r->flags & LINUX_MREMAP_FIXED) ||
	    r->old_size != r->new_size || r->old + r->old_size <= v->end)
		return false;
	next = vma_next(mm, v);
	return next && next->start < r->old + r->old_size;
}

/* One vma after the other; what has moved stays so if a later one fails. */
static long remap_several(struct mm_batch *b, const struct remap *all)
{
	uint64_t at = all->old, end = all->old + all->old_size;
	struct vma *v;
	long ret = 0;

	while (ret >= 0 && at < end && (v = vma_find(b->mm, at)) &&
	       v->start < end) {
		struct remap r = *all;

		r.old = MAX(v->start, at);
		r.old_size = r.new_size = MIN(v->end, end) - r.old;
		r.new = all->new + (r.old - all->old);
		at = r.old + r.old_size;
		ret = remap_locked(b, &r);
	}
	return ret < 0 ? ret : (long)all->new;
}

long mm_mremap(struct mm *mm, uint64_t old, uint64_t old_size,
	       uint64_t new_size, uint32_t flags, uint64_t new_addr)
{
	struct remap r = { .old = old,
			   .old_size = old_size,
			   .new = new_addr,
			   .new_size = new_size,
			   .flags = flags };
	uint64_t max = mm_max_addr();
	struct mm_batch b;
	bool locked = false;
	struct vma *v;
	long ret;

	/* No vma reaches so far; the sums below cannot overflow then. */
	if (new_size > max)
		return flags & LINUX_MREMAP_FIXED ? -EINVAL : -ENOMEM;
	if (old > max || old_size > max - old)
		return old % PAGE_SIZE ? -EINVAL : -EFAULT;
	ret = check_args(&r);
	if (ret < 0)
		return ret;
	batch_init(&b, mm);
	rwlock_wrlock(&mm->mu);
	ret = moves_several(mm, &r) ? remap_several(&b, &r)
				    : remap_locked(&b, &r);
	if (ret >= 0) {
		v = vma_at(mm, (uint64_t)ret);
		locked = v && v->flags & VMA_LOCKED && new_size > old_size;
	}
	batch_commit(&b);
	rwlock_unlock(&mm->mu);
	batch_finish(&b);
	if (locked)
		(void)fault_populate(mm, (uint64_t)ret,
				     (uint64_t)ret + r.new_size, 0, true);
	return ret;
}
