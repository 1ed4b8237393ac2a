/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life: making, copying and ending address spaces.
 *
 * Two counts: users keep the space alive; references of the struct (all users
 * together hold one) let mapping_invalidate() look at a space that may be
 * ending.
 *
 * fork: ranges are shared, not copied: private memory becomes copy-on-write on
 * both sides, by one order a run of mappings.  The parent's write protection
 * is flushed before the call returns; the child's orders are queued until it
 * first runs.  What both write to at once is copied (struct fork_copy).
 * What is pinned is copied for the child and stays the parent's: else bytes
 * that the host writes through the pin would be lost to the parent, once it has
 * broken copy-on-write.  It is copied while the parent can write to nothing, as
 * the child's memory must be of one moment: other threads may be in the midst
 * of changing a list across pages.
 *
 * Locks: mm->mu.  A child is not shared before mm_fork() returns, so its lock
 *        is not taken.
 * Tests: tests/unit/test_mm.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/mm/mm_private.h"
#include "sentry/mm/safe_copy.h"

/* What fork copies at once, at most: of one mapping, in all, of the stack. */
#define COPY_SMALL    (64ull << 10)
#define COPY_ALL      (256ull << 10)
#define COPY_BELOW_SP PAGE_SIZE
#define COPY_ABOVE_SP (3 * PAGE_SIZE)

static _Atomic uint64_t g_next_id = 1;

int mm_new(struct mm **out)
{
	struct mm *mm = kzalloc(sizeof(*mm));
	int ret;

	if (!mm)
		return -ENOMEM;
	ret = platform_as_new(&mm->as);
	if (ret < 0) {
		free(mm);
		return ret;
	}
	ref_init(&mm->users);
	ref_init(&mm->ref);
	mm->id = atomic_fetch_add(&g_next_id, 1);
	rwlock_init(&mm->mu, LOCK_MM);
	RB_INIT(&mm->vmas);
	RB_INIT(&mm->pmas);
	mm->dumpable = 1;
	mm->stack_limit = 8ull << 20;
	mm->mmap_base = mm->gap_from = page_down(mm_max_addr() / 3 * 2);
	*out = mm;
	return 0;
}

void mm_get(struct mm *mm)
{
	ref_get(&mm->users);
}

void mm_unref(struct mm *mm)
{
	struct vma *v;
	struct pma *p;

	if (!ref_put(&mm->ref))
		return;
	while ((v = mm->free_vmas)) {
		mm->free_vmas = v->next_free;
		free(v);
	}
	while ((p = mm->free_pmas)) {
		mm->free_pmas = p->next_free;
		free(p);
	}
	pthread_rwlock_destroy(&mm->mu.raw);
	free(mm);
}

void mm_put(struct mm *mm)
{
	struct platform_as *as;
	struct mm_batch b;

	if (!ref_put(&mm->users))
		return;
	batch_init(&b, mm);
	/* After this nobody but us changes the maps: all look at mm->as. */
	rwlock_wrlock(&mm->mu);
	as = mm->as;
	mm->as = NULL;
	rwlock_unlock(&mm->mu);
	platform_as_free(as);
	rwlock_wrlock(&mm->mu);
	batch_teardown(&b);
	rwlock_unlock(&mm->mu);
	batch_finish(&b);
	if (mm->exe_file)
		file_put(mm->exe_file);
	mm_unref(mm);
}

struct platform_as *mm_platform_as(struct mm *mm)
{
	return mm->as;
}

uint64_t mm_id(const struct mm *mm)
{
	return mm->id;
}

/* --- fork ----------------------------------------------------------------- */

/* Memory of @p that only a pin holds beside us?  Cuts @p, so that it is all
 * pinned (true) or that its first part is not. */
static bool cut_pinned(struct mm *mm, const struct vma *v, struct pma *p)
{
	uint64_t start, end;

	if (!vma_private(v) || p->cow || p->fd >= 0 ||
	    !memfile_shared_part(p->off, pma_size(p), &start, &end))
		return false;
	start = p->start + (start - p->off);
	end = p->start + (end - p->off);
	if (p->start < start)
		pma_split(mm, p, start);
	else if (end < p->end)
		pma_split(mm, p, end);
	return p->start == start;
}

/*
 * What both sides will write to at once, as far as one can tell: the end of the
 * stack, and what is small (data of libraries).  Copying it saves the faults;
 * it may stay the parent's, unprotected, if nobody can write to it meanwhile.
 */
struct fork_copy {
	bool on;
	uint64_t sp, left; /* bytes that may be copied */
};

static void fork_copy_init(struct fork_copy *c, struct mm *mm)
{
	c->on = mm_is_current(mm) && ref_read(&mm->users) == 1;
	c->sp = c->on ? platform_regs(current_task()->cpu)->rsp : 0;
	c->left = COPY_ALL;
}

/* As cut_pinned(). */
static bool cut_copied(struct mm *mm, const struct vma *v, struct pma *p,
		       struct fork_copy *c)
{
	uint64_t start = p->start, end = p->end, sp = page_down(c->sp);

	if (!c->on || p->cow || p->fd >= 0 || !(v->prot & LINUX_PROT_WRITE))
		return false;
	if (start <= sp && sp < end) {
		start = sp - start > COPY_BELOW_SP ? sp - COPY_BELOW_SP : start;
		end = end - sp > COPY_ABOVE_SP ? sp + COPY_ABOVE_SP : end;
	}
	if (end - start > MIN(c->left, COPY_SMALL))
		return false;
	if (p->start < start) {
		pma_split(mm, p, start);
		return false;
	}
	if (end < p->end)
		pma_split(mm, p, end);
	c->left -= end - start;
	return true;
}

/* Nobody writes to the parent's private memory of @v until it faults, but to
 * what @c says. */
static int still_vma(struct mm_batch *parent, struct vma *v,
		     struct fork_copy *c)
{
	struct pma *p;
	int ret;

	if (!vma_private(v) || v->flags & (VMA_DONTFORK | VMA_WIPEONFORK))
		return 0;
	for (p = pma_find(parent->mm, v->start); p && p->start < v->end;
	     p = pma_next(parent->mm, p)) {
		ret = mm_reserve(parent->mm);
		if (ret < 0)
			return ret;
		if (cut_pinned(parent->mm, v, p)) {
			if (p->mapped)
				batch_unmap(parent, p->start, p->end);
			p->mapped = false;
		} else if (!p->cow && !cut_copied(parent->mm, v, p, c)) {
			p->cow = true;
			/* Not mapped (a refused order): nothing to protect. */
			if (p->mapped)
				batch_apply(parent, v, p, false);
			else
				p->prot &= (uint8_t)~PLAT_WRITE;
		}
	}
	return 0;
}

static int copy_pma(struct mm_batch *child, struct vma *n, const struct pma *p)
{
	struct pma model = { .start = p->start, .end = p->end, .fd = -1 };
	uint64_t size = pma_size(p);
	int ret = memfile_alloc(size, pma_hint(child->mm, p->start), 0,
				&model.off, NULL);

	if (ret < 0)
		return ret;
	if (safe_copy(memfile_ptr(model.off), memfile_ptr(p->off), size)) {
		memfile_put(model.off, size);
		return -ENOMEM;
	}
	batch_add_pma(child, n, &model, size <= COPY_SMALL);
	return 0;
}

static int fork_pma(struct mm_batch *child, struct vma *n, const struct pma *p)
{
	int ret = mm_reserve(child->mm);

	if (ret < 0)
		return ret;
	/* As still_vma() has decided. */
	if (vma_private(n) && !p->cow)
		return copy_pma(child, n, p);
	if (p->fd < 0)
		memfile_get(p->off, pma_size(p));
	batch_add_pma(child, n, p, false);
	return 0;
}

static int fork_vma(struct mm *parent, struct mm_batch *child, struct vma *v)
{
	struct pma *p;
	struct vma *n;
	int ret = mm_reserve(child->mm);

	if (ret < 0 || v->flags & VMA_DONTFORK)
		return ret;
	n = vma_copy(child->mm, v);
	n->flags &= ~(uint32_t)(VMA_LOCKED | VMA_LOCKONFAULT);
	vma_insert(child->mm, n);
	if (v->flags & VMA_WIPEONFORK)
		return 0;
	for (p = pma_find(parent, v->start); p && p->start < v->end && ret == 0;
	     p = pma_next(parent, p))
		ret = fork_pma(child, n, p);
	return ret;
}

static void copy_settings(struct mm *to, struct mm *from)
{
	to->mmap_base = from->mmap_base;
	to->gap_from = from->gap_from;
	to->gap_size = from->gap_size;
	to->pie_base = from->pie_base;
	to->stack_top = from->stack_top;
	to->stack_limit = from->stack_limit;
	to->no_aslr = from->no_aslr;
	to->brk_start = from->brk_start;
	to->brk = from->brk;
	to->marks = from->marks;
	to->dumpable = from->dumpable;
	to->membarrier = from->membarrier;
	to->patched = from->patched;
	platform_as_fork(from->as, to->as);
	if (from->exe_file) {
		file_get(from->exe_file);
		to->exe_file = from->exe_file;
	}
}

static int fork_locked(struct mm_batch *parent, struct mm_batch *child)
{
	struct fork_copy copy;
	struct vma *v;
	int ret = 0;

	fork_copy_init(&copy, parent->mm);
	for (v = vma_find(parent->mm, 0); v && ret == 0;
	     v = vma_next(parent->mm, v))
		ret = still_vma(parent, v, &copy);
	/* A refusal is healed by the reset; the space stays right. */
	batch_commit(parent);
	for (v = vma_find(parent->mm, 0); v && ret == 0;
	     v = vma_next(parent->mm, v))
		ret = fork_vma(parent->mm, child, v);
	if (batch_commit(child) < 0)
		ret = -ENOMEM;
	/* DONTFORK left gaps that the parent's search did not see. */
	area_freed(child->mm, child->mm->mmap_base);
	return ret;
}

int mm_fork(struct mm *mm, struct mm **out)
{
	struct mm_batch parent, child;
	struct mm *to;
	int ret = mm_new(&to);

	if (ret < 0)
		return ret;
	batch_init(&parent, mm);
	batch_init(&child, to);
	rwlock_wrlock(&mm->mu);
	copy_settings(to, mm);
	ret = fork_locked(&parent, &child);
	rwlock_unlock(&mm->mu);
	batch_finish(&parent);
	batch_finish(&child);
	if (ret < 0) {
		mm_put(to);
		return ret;
	}
	*out = to;
	return 0;
}

/* --- small things --------------------------------------------------------- */

struct mm_marks *mm_marks(struct mm *mm)
{
	return &mm->marks;
}

struct file *mm_exe_file(struct mm *mm)
{
	struct file *f;

	rwlock_rdlock(&mm->mu);
	f = mm->exe_file;
	if (f)
		file_get(f);
	rwlock_unlock(&mm->mu);
	return f;
}

void mm_set_exe_file(struct mm *mm, struct file *f)
{
	struct file *old;

	if (f)
		file_get(f);
	rwlock_wrlock(&mm->mu);
	old = mm->exe_file;
	mm->exe_file = f;
	rwlock_unlock(&mm->mu);
	if (old)
		file_put(old);
}

int mm_dumpable(struct mm *mm)
{
	return mm->dumpable;
}

void mm_set_dumpable(struct mm *mm, int value)
{
	mm->dumpable = value;
}

uint32_t mm_membarrier(struct mm *mm, uint32_t add)
{
	return atomic_fetch_or(&mm->membarrier, add) | add;
}
