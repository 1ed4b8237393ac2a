/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlock: mlock(2), munlock(2), mlockall(2), msync(2), mincore(2).
 *
 * Linux:  locked memory is counted, limited and backed, but not pinned on the
 *         host.  mincore says what the host has in its page cache.
 * Locks:  mm->mu; files are synced without it.
 * Tests:  tests/unit/test_mm.c, tests/conformance/mlock.c, msync.c, mincore.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/host/host_memory.h"
#include "sentry/mm/mm_private.h"

#define LOCK_FLAGS (VMA_LOCKED | VMA_LOCKONFAULT)

/* Sets the lock flags of [start, end); stops at a hole with -ENOMEM. */
static int set_lock(struct mm *mm, uint64_t start, uint64_t end, uint32_t flags)
{
	struct mm_batch b;
	uint64_t pos = start;
	struct vma *v;
	int ret;

	batch_init(&b, mm);
	ret = mm_reserve(mm);
	if (ret == 0)
		ret = mm_isolate(mm, start, end);
	if (ret < 0)
		return ret;
	for (v = vma_find(mm, start); v && v->start < end && v->start == pos;
	     v = vma_next(mm, v)) {
		vma_set_flags(mm, v, flags, LOCK_FLAGS);
		pos = v->end;
	}
	mm_merge(mm, start, end);
	return pos < end ? -ENOMEM : 0;
}

/* Bytes of the range that are locked already. */
static uint64_t locked_in(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = vma_find(mm, start);
	uint64_t sum = 0;

	for (; v && v->start < end; v = vma_next(mm, v))
		if (v->flags & VMA_LOCKED)
			sum += MIN(v->end, end) - MAX(v->start, start);
	return sum;
}

static int lock_range(uint64_t *addr, uint64_t size, uint64_t *end)
{
	/* Linux rounds both ends outwards, and knows no overflow here. */
	size += *addr % PAGE_SIZE;
	*addr = page_down(*addr);
	size = page_up(size);
	if (add_overflows(*addr, size, end))
		return -EINVAL;
	return 0;
}

int mm_mlock(struct mm *mm, uint64_t addr, uint64_t size, int flags)
{
	struct task *t = current_task();
	uint32_t vma_flags = VMA_LOCKED;
	uint64_t end;
	int ret;

	if (flags & ~LINUX_MLOCK_ONFAULT)
		return -EINVAL;
	if (flags & LINUX_MLOCK_ONFAULT)
		vma_flags |= VMA_LOCKONFAULT;
	if (task_rlimit(t, RLIM_MEMLOCK) == 0 && !capable(CAP_NR_IPC_LOCK))
		return -EPERM;
	ret = lock_range(&addr, size, &end);
	if (ret < 0 || addr == end)
		return ret;
	if (end > mm_max_addr())
		return -ENOMEM;
	rwlock_wrlock(&mm->mu);
	if (mm_may_lock(mm, end - addr - locked_in(mm, addr, end)))
		ret = set_lock(mm, addr, end, vma_flags);
	else
		ret = -ENOMEM;
	rwlock_unlock(&mm->mu);
	if (ret < 0 || flags & LINUX_MLOCK_ONFAULT)
		return ret;
	/* mlock(2): "some of the range is not mapped" is what it says. */
	return fault_populate(mm, addr, end, 0, true) < 0 ? -ENOMEM : 0;
}

int mm_munlock(struct mm *mm, uint64_t addr, uint64_t size)
{
	uint64_t end;
	int ret = lock_range(&addr, size, &end);

	if (ret < 0 || addr == end)
		return ret;
	if (end > mm_max_addr())
		return -ENOMEM;
	rwlock_wrlock(&mm->mu);
	ret = set_lock(mm, addr, end, 0);
	rwlock_unlock(&mm->mu);
	return ret;
}

/* Pages for all that is locked now; what cannot be had does not matter. */
static void populate_all(struct mm *mm)
{
	uint64_t start, end = 0;
	struct vma *v;

	do {
		rwlock_rdlock(&mm->mu);
		v = vma_find(mm, end);
		start = v ? MAX(v->start, end) : 0;
		end = v ? v->end : 0;
		rwlock_unlock(&mm->mu);
		if (end)
			(void)fault_populate(mm, start, end, 0, true);
	} while (end);
}

int mm_mlockall(struct mm *mm, int flags)
{
	uint32_t vma_flags = VMA_LOCKED;
	struct vma *v;
	int ret = 0;

	if (!flags || flags == LINUX_MCL_ONFAULT ||
	    flags & ~(LINUX_MCL_CURRENT | LINUX_MCL_FUTURE | LINUX_MCL_ONFAULT))
		return -EINVAL;
	if (task_rlimit(current_task(), RLIM_MEMLOCK) == 0 &&
	    !capable(CAP_NR_IPC_LOCK))
		return -EPERM;
	if (flags & LINUX_MCL_ONFAULT)
		vma_flags |= VMA_LOCKONFAULT;
	rwlock_wrlock(&mm->mu);
	if (flags & LINUX_MCL_CURRENT &&
	    !mm_may_lock(mm, mm->total_vm - mm->locked_vm)) {
		ret = -ENOMEM;
	} else {
		mm->def_flags = flags & LINUX_MCL_FUTURE ? vma_flags : 0;
		for (v = vma_find(mm, 0); v && flags & LINUX_MCL_CURRENT;
		     v = vma_next(mm, v))
			vma_set_flags(mm, v, vma_flags, LOCK_FLAGS);
	}
	rwlock_unlock(&mm->mu);
	if (ret == 0 && flags & LINUX_MCL_CURRENT &&
	    !(flags & LINUX_MCL_ONFAULT))
		populate_all(mm);
	return ret;
}

int mm_munlockall(struct mm *mm)
{
	struct vma *v;

	rwlock_wrlock(&mm->mu);
	mm->def_flags = 0;
	for (v = vma_find(mm, 0); v; v = vma_next(mm, v))
		vma_set_flags(mm, v, 0, LOCK_FLAGS);
	mm_merge(mm, 0, mm_max_addr());
	rwlock_unlock(&mm->mu);
	return 0;
}

/* --- msync ---------------------------------------------------------------- */

/* One vma of the range; *sync gets its file (+1) if it must be synced. */
static int next_sync(struct mm *mm, uint64_t *pos, uint64_t end, int flags,
		     struct file **sync, bool *hole)
{
	struct vma *v = vma_find(mm, *pos);

	if (!v || v->start >= end) {
		*hole = true;
		*pos = end;
		return 0;
	}
	if (v->start > *pos)
		*hole = true;
	if (flags & LINUX_MS_INVALIDATE && v->flags & VMA_LOCKED)
		return -EBUSY;
	*pos = MIN(v->end, end);
	if (flags & LINUX_MS_SYNC && !vma_anon(v) && !vma_private(v)) {
		file_get(v->file);
		*sync = v->file;
	}
	return 0;
}

int mm_msync(struct mm *mm, uint64_t addr, uint64_t size, int flags)
{
	bool hole = false;
	uint64_t end, pos;
	int ret = 0;

	if (flags & ~(LINUX_MS_ASYNC | LINUX_MS_INVALIDATE | LINUX_MS_SYNC) ||
	    addr % PAGE_SIZE ||
	    (flags & LINUX_MS_ASYNC && flags & LINUX_MS_SYNC))
		return -EINVAL;
	if (add_overflows(addr, page_up(size), &end))
		return -ENOMEM;
	for (pos = addr; pos < end && ret == 0;) {
		struct file *f = NULL;

		rwlock_rdlock(&mm->mu);
		ret = next_sync(mm, &pos, end, flags, &f, &hole);
		rwlock_unlock(&mm->mu);
		if (!f)
			continue;
		if (f->ops->fsync)
			ret = f->ops->fsync(f, false);
		file_put(f);
	}
	return ret < 0 ? ret : hole ? -ENOMEM : 0;
}

/* --- mincore -------------------------------------------------------------- */

#define MINCORE_PAGES 1024

/* Residency of [start, end), which is in one vma, into @vec. */
static void residency(struct mm *mm, uint64_t start, uint64_t end, uint8_t *vec)
{
	struct pma *p = pma_find(mm, start);

	memset(vec, 0, (end - start) >> PAGE_SHIFT);
	for (; p && p->start < end; p = pma_next(mm, p)) {
		uint64_t from = MAX(p->start, start), to = MIN(p->end, end);
		uint8_t *at = vec + ((from - start) >> PAGE_SHIFT);
		void *view = pma_ptr(p, from);

		if (!view || host_mincore(view, to - from, at) < 0)
			memset(at, 1, (to - from) >> PAGE_SHIFT);
	}
}

int mm_mincore(struct mm *mm, uint64_t addr, uint64_t size, uaddr_t vec)
{
	uint8_t pages[MINCORE_PAGES];
	uint64_t end, pos, stop;
	struct vma *v;

	if (addr % PAGE_SIZE)
		return -EINVAL;
	if (addr > mm_max_addr() || size > mm_max_addr() - addr)
		return -ENOMEM;
	end = addr + page_up(size);
	for (pos = addr; pos < end; pos = stop) {
		rwlock_rdlock(&mm->mu);
		v = vma_at(mm, pos);
		stop = MIN(end, pos + MINCORE_PAGES * PAGE_SIZE);
		if (v) {
			stop = MIN(stop, v->end);
			residency(mm, pos, stop, pages);
		}
		rwlock_unlock(&mm->mu);
		if (!v)
			return -ENOMEM;
		for (uint64_t i = 0; i < (stop - pos) >> PAGE_SHIFT; i++)
			pages[i] &= 1;
		if (copy_out(uaddr_add(vec, (pos - addr) >> PAGE_SHIFT), pages,
			     (stop - pos) >> PAGE_SHIFT) < 0)
			return -EFAULT;
	}
	return 0;
}
