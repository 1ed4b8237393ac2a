/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault: an access that the host could not satisfy.
 *
 * What a fault can change: grow the stack, give a vma its late memory, ask a
 * file, break copy-on-write, map again what a refused order lost.  If nothing
 * is to be changed the fault was spurious (another thread was faster): it is
 * tried again, with the mapping renewed.  It is the guest's fault after all if
 * the same thread comes back at once for the same address and no mapping was
 * changed meanwhile: what the host refused then is not allowed.
 *
 * Locks: mm->mu, dropped while a file is asked.
 * Tests: tests/unit/test_mm.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/mm/cow.h"
#include "sentry/mm/mm_private.h"
#include "sentry/mm/safe_copy.h"

#define TRIES	      8	   /* a file's answers may be out of date */
#define SPURIOUS_MAX  16   /* nothing was changed, the access is allowed */
#define SPURIOUS_BUSY 1000 /* others change mappings all the time */
#define TOUCH_PIECE   (1ull << 20) /* under one hold of the lock */
#define STACK_STEP    (64ull << 10)

struct fault {
	struct mm *mm;
	uint64_t addr;
	uint32_t access, flags;
	struct fault_result *res;
	bool changed;
	struct file_ask ask; /* with -EAGAIN: what to ask; owns ask.file */
};

/* The last fault of this thread that changed nothing. */
static _Thread_local struct {
	uint64_t mm_id, addr;
	uint64_t changes; /* mm->changes then */
	unsigned int nr;
} g_spurious;

static int refuse(struct fault *f, int signo, int code)
{
	f->res->signo = signo;
	f->res->code = code;
	return -EFAULT;
}

/* How often, without a success between, this thread came here for @addr. */
static unsigned int count_spurious(const struct fault *f)
{
	if (g_spurious.mm_id != f->mm->id || g_spurious.addr != f->addr)
		g_spurious.nr = 0;
	g_spurious.mm_id = f->mm->id;
	g_spurious.addr = f->addr;
	return g_spurious.nr++;
}

static int spurious(struct fault *f, struct mm_batch *b, struct pma *p)
{
	unsigned int before, max = SPURIOUS_BUSY;

	if (f->flags & FAULT_SENTRY)
		return 0;
	before = count_spurious(f);
	/* Without knowing the access, full rights mean most likely that it
	 * was one that the vma does not allow. */
	if (before && g_spurious.changes == f->mm->changes)
		max = f->access ? SPURIOUS_MAX : 1;
	if (before >= max || !p->prot) {
		g_spurious.nr = 0;
		return refuse(f, LINUX_SIGSEGV, LINUX_SEGV_ACCERR);
	}
	batch_renew(b, p, false);
	g_spurious.changes = f->mm->changes;
	return 0;
}

/* --- stack ---------------------------------------------------------------- */

/* The lowest start that the stack @v may have; above @addr: it may not grow. */
static uint64_t stack_floor(struct mm *mm, struct vma *v)
{
	struct task *t = current_task();
	uint64_t limit =
		t && t->mm == mm ? task_rlimit(t, RLIM_STACK) : mm->stack_limit;
	uint64_t floor = platform_limits()->min_user_addr, low;
	struct vma *prev = vma_prev(mm, v);

	if (limit < v->end && v->end - limit > floor)
		floor = page_up(v->end - limit);
	if (!prev)
		return floor;
	low = prev->end;
	if (vma_access(prev) && !(prev->flags & VMA_GROWSDOWN))
		low += STACK_GUARD;
	return MAX(floor, low);
}

static int grow_stack(struct mm_batch *b, struct vma *v, uint64_t addr)
{
	uint64_t page = page_down(addr), old = v->start, floor, start;
	int ret;

	if (!(v->flags & VMA_GROWSDOWN))
		return -EFAULT;
	floor = stack_floor(b->mm, v);
	if (page < floor)
		return -EFAULT;
	start = MAX(floor, page & ~(STACK_STEP - 1));
	ret = mm_may_grow(b->mm, old - start, v->flags, v->prot, false);
	if (ret == 0 && v->flags & VMA_LOCKED &&
	    !mm_may_lock(b->mm, old - start))
		ret = -ENOMEM;
	if (ret < 0)
		return ret;
	vma_resize(b->mm, v, start, v->end);
	ret = vma_access(v) ? back_anon(b, v, start, old, false) : 0;
	if (ret < 0)
		vma_resize(b->mm, v, old, v->end);
	else
		mm_merge(b->mm, start, old);
	return ret;
}

/* --- what is missing ------------------------------------------------------ */

/* The aligned chunk around @addr inside @v that has no pma. */
static void gap_around(struct mm *mm, struct vma *v, uint64_t addr,
		       uint64_t chunk, uint64_t *start, uint64_t *end)
{
	struct pma *next = pma_find(mm, addr);
	struct pma *prev = pma_before(mm, addr);
	uint64_t base = addr & ~(chunk - 1);

	*start = MAX(v->start, base);
	*end = MIN(v->end, base + chunk);
	if (prev)
		*start = MAX(*start, prev->end);
	if (next)
		*end = MIN(*end, next->start);
}

static int back_missing(struct fault *f, struct mm_batch *b, struct vma *v,
			struct backings *got)
{
	uint64_t start, end;
	int ret;

	gap_around(f->mm, v, f->addr, BACK_CHUNK, &start, &end);
	if (vma_anon(v)) {
		ret = back_anon(b, v, start, end, false);
		if (ret == 0)
			return 0;
		/* Near the limit: as little as makes sense. */
		gap_around(f->mm, v, f->addr, COW_AROUND, &start, &end);
		return back_anon(b, v, start, end, false);
	}
	if (got && back_file(b, v, got, start, end, false) &&
	    pma_at(f->mm, f->addr))
		return 0;
	/* After a first answer that did not reach the page: start at it. */
	if (got)
		start = page_down(f->addr);
	f->ask = (struct file_ask){ .file = v->file,
				    .mapping = v->mapping,
				    .off = v->offset + (start - v->start),
				    .size = end - start,
				    .write = v->flags & VMA_SHARED &&
					     v->flags & VMA_MAYWRITE };
	file_get(v->file);
	return -EAGAIN;
}

/* What the guest tried, if the platform could not say. */
static uint32_t wanted(const struct fault *f, const struct vma *v,
		       const struct pma *p)
{
	uint32_t can = vma_access(v);

	if (f->access)
		return f->access;
	if (p && p->mapped && can & PLAT_WRITE && !(p->prot & PLAT_WRITE))
		return PLAT_WRITE;
	return PLAT_READ;
}

static bool may_access(const struct fault *f, const struct vma *v,
		       uint32_t want)
{
	uint32_t can = vma_access(v);

	if (f->flags & FAULT_FORCE) {
		can |= PLAT_READ | PLAT_EXEC;
		if (vma_private(v) && v->flags & VMA_MAYWRITE)
			can |= PLAT_WRITE;
	}
	return !(want & ~can);
}

/* 0; -EFAULT with the signal set; -EAGAIN: ask f->ask; -ENOMEM. */
static int fault_locked(struct fault *f, struct mm_batch *b,
			struct backings *got)
{
	struct vma *v = vma_find(f->mm, f->addr);
	struct pma *p;
	uint32_t want;
	int ret = mm_reserve(f->mm);

	if (ret < 0)
		return ret;
	if (v && f->addr < v->start && grow_stack(b, v, f->addr) < 0)
		v = NULL;
	if (!v)
		return refuse(f, LINUX_SIGSEGV, LINUX_SEGV_MAPERR);
	v = vma_at(f->mm, f->addr);
	p = pma_at(f->mm, f->addr);
	want = wanted(f, v, p);
	if (!may_access(f, v, want))
		return refuse(f, LINUX_SIGSEGV, LINUX_SEGV_ACCERR);
	if (!p) {
		ret = back_missing(f, b, v, got);
		if (ret < 0)
			return ret;
		mm_merge(f->mm, page_down(f->addr), page_down(f->addr) + 1);
		v = vma_at(f->mm, f->addr);
		p = pma_at(f->mm, f->addr);
		f->changed = true;
		ret = mm_reserve(f->mm);
		if (ret < 0)
			return ret;
	}
	if (want & PLAT_WRITE && p->cow) {
		f->changed = true;
		ret = cow_break(b, v, p, f->addr,
				f->flags & FAULT_FORCE ||
					v->prot & LINUX_PROT_EXEC);
		return ret == -EFAULT
			       ? refuse(f, LINUX_SIGBUS, LINUX_BUS_ADRERR)
			       : ret;
	}
	if (!f->changed && !p->mapped && p->prot) {
		batch_remap(b, p, false);
		f->changed = true;
	}
	return f->changed ? 0 : spurious(f, b, p);
}

/* One pass; as fault_locked(). */
static int fault_once(struct fault *f, struct backings *got)
{
	struct mm_batch b;
	int ret, err;

	batch_init(&b, f->mm);
	rwlock_wrlock(&f->mm->mu);
	if (f->mm->as)
		ret = fault_locked(f, &b, got);
	else
		ret = refuse(f, LINUX_SIGSEGV, LINUX_SEGV_MAPERR);
	err = f->mm->as ? batch_commit(&b) : 0;
	rwlock_unlock(&f->mm->mu);
	batch_finish(&b);
	/* The host refused; it may work after the reset, but not for ever. */
	if (ret == 0 && err < 0 && count_spurious(f) >= SPURIOUS_MAX)
		ret = -ENOMEM;
	else if (ret == 0 && err == 0 && f->changed)
		g_spurious.nr = 0;
	return ret;
}

static bool (*g_make_room)(void);

void mm_set_oom(bool (*make_room)(void))
{
	g_make_room = make_room;
}

static int handle_once(struct mm *mm, uint64_t addr, uint32_t access,
		       uint32_t flags, struct fault_result *res)
{
	struct fault f = { .mm = mm,
			   .addr = addr,
			   .access = access,
			   .flags = flags,
			   .res = res };
	struct backings got = { .nr = 0 };
	bool asked = false;
	int ret = -EAGAIN;

	for (unsigned int i = 0; i < TRIES && ret == -EAGAIN; i++) {
		ret = fault_once(&f, asked ? &got : NULL);
		if (asked)
			back_drop(&got);
		if (ret != -EAGAIN)
			break;
		asked = true;
		ret = back_ask(&f.ask, &got);
		file_put(f.ask.file);
		/* An answer that begins elsewhere in the chunk may still have
		 * failed at its first byte: ask for the page itself once. */
		if (ret < 0 && i > 0)
			return refuse(&f, LINUX_SIGBUS, LINUX_BUS_ADRERR);
		ret = -EAGAIN;
	}
	return ret == -EAGAIN ? 0 : ret; /* run again, fault again */
}

int fault_handle(struct mm *mm, uint64_t addr, uint32_t access, uint32_t flags,
		 struct fault_result *res)
{
	int ret;

	do {
		memfile_forget_refusal();
		ret = handle_once(mm, addr, access, flags, res);
	} while (ret == -ENOMEM && memfile_refused_by() && g_make_room &&
		 g_make_room());
	if (ret != -ENOMEM || !(flags & FAULT_SENTRY))
		return ret;
	*res = (struct fault_result){ .signo = LINUX_SIGBUS,
				      .code = LINUX_BUS_ADRERR };
	return -EFAULT;
}

int mm_fault(struct mm *mm, uint64_t addr, uint32_t access,
	     struct fault_result *res)
{
	return fault_handle(mm, addr, access, 0, res);
}

/* The pma at @pos satisfies @access: returns its end; else 0.  *out_err is
 * -ENOMEM in a hole, -EACCES where @access is not allowed. */
static uint64_t populated_to(struct mm *mm, uint64_t pos, uint32_t *access,
			     int *out_err)
{
	struct vma *v = vma_at(mm, pos);
	struct pma *p = pma_at(mm, pos);

	*out_err = v ? 0 : -ENOMEM;
	if (!v)
		return 0;
	if (*access == 0)
		*access = v->prot & LINUX_PROT_WRITE && vma_private(v)
				  ? PLAT_WRITE
				  : PLAT_READ;
	if (*access & ~vma_access(v))
		*out_err = -EACCES;
	return p && !(*access & ~(uint32_t)p->prot) ? p->end : 0;
}

/* Makes the host allot the pages of [start, end), which one pma backs. */
static int touch(struct mm *mm, uint64_t start, uint64_t end)
{
	struct pma *p = pma_at(mm, start);
	uint32_t word;
	char *view;

	for (; start < end; start += PAGE_SIZE) {
		view = pma_ptr(p, start);
		if (!view || safe_load32((uint32_t *)view, &word) < 0)
			return -EFAULT;
	}
	return 0;
}

int fault_populate(struct mm *mm, uint64_t start, uint64_t end, uint32_t access,
		   bool pages)
{
	struct fault_result res = { 0 };
	uint64_t pos = start, to;
	int err;

	while (pos < end) {
		uint32_t want = access;

		rwlock_rdlock(&mm->mu);
		to = populated_to(mm, pos, &want, &err);
		if (to && pages && err == 0) {
			to = MIN(MIN(to, end), pos + TOUCH_PIECE);
			err = touch(mm, pos, to);
		}
		rwlock_unlock(&mm->mu);
		if (err < 0)
			return err;
		if (to)
			pos = to;
		else if (fault_handle(mm, pos, want, FAULT_SENTRY, &res) < 0)
			return res.signo == LINUX_SIGBUS ? -EFAULT : -ENOMEM;
	}
	return 0;
}
