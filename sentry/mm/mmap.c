/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmap: mmap(2), munmap(2), brk(2).
 *
 * Order of errors: as Linux's do_mmap(), but what depends on the file is
 * checked before a place is looked for (EEXIST, ENOMEM).
 *
 * Invariant: a failed mmap leaves nothing mapped at its place.  With MAP_FIXED
 *            the old mapping is gone even so, as on Linux.
 * Linux:     MAP_HUGETLB says ENOMEM (an empty pool); noexec mounts are not
 *            looked at.
 * Locks:     mm->mu; files are asked before it is taken.
 * Tests:     tests/unit/test_mm.c, tests/conformance/mmap.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/mm/mm_private.h"
#include "sentry/vfs/vfs.h"

#define ACCMODE 3u
#define RDONLY	0u
#define WRONLY	1u

/* A checked request. */
struct map_req {
	struct mmap_args a; /* size in pages */
	uint32_t vma_flags;
	bool fixed, populate;
};

/* --- limits --------------------------------------------------------------- */

int mm_check_range(uint64_t addr, uint64_t size, uint64_t *out_end)
{
	uint64_t max = mm_max_addr();

	if (addr % PAGE_SIZE || addr > max || size > max - addr)
		return -EINVAL;
	*out_end = addr + page_up(size);
	return 0;
}

int mm_may_grow(struct mm *mm, uint64_t more, uint32_t vma_flags, uint32_t prot,
		bool file)
{
	struct task *t = current_task();
	uint64_t limit;

	(void)file;
	if (!t)
		return 0;
	limit = task_rlimit(t, RLIM_AS);
	if (more > limit || mm->total_vm > limit - more)
		return -ENOMEM;
	if (prot & LINUX_PROT_WRITE &&
	    !(vma_flags & (VMA_SHARED | VMA_GROWSDOWN))) {
		limit = task_rlimit(t, RLIM_DATA);
		if (more > limit || mm->data_vm > limit - more)
			return -ENOMEM;
	}
	return 0;
}

bool mm_may_lock(struct mm *mm, uint64_t more)
{
	struct task *t = current_task();
	uint64_t limit;

	if (!t || capable(CAP_NR_IPC_LOCK))
		return true;
	limit = page_down(task_rlimit(t, RLIM_MEMLOCK));
	return more <= limit && mm->locked_vm <= limit - more;
}

static bool can_lock(void)
{
	struct task *t = current_task();

	return !t || task_rlimit(t, RLIM_MEMLOCK) > 0 ||
	       capable(CAP_NR_IPC_LOCK);
}

/* --- checks --------------------------------------------------------------- */

static int check_addr(struct map_req *r)
{
	const struct platform_limits *lim = platform_limits();

	if (r->a.flags & LINUX_MAP_FIXED_NOREPLACE)
		r->a.flags |= LINUX_MAP_FIXED;
	r->fixed = r->a.flags & LINUX_MAP_FIXED;
	if (r->a.size == 0)
		return -EINVAL;
	if (r->a.size > lim->max_user_addr)
		return -ENOMEM;
	r->a.size = page_up(r->a.size);
	if (r->a.offset % PAGE_SIZE)
		return -EINVAL;
	if (r->a.offset > INT64_MAX - r->a.size)
		return -EOVERFLOW;
	if (!r->fixed)
		return 0;
	if (r->a.addr > lim->max_user_addr - r->a.size)
		return -ENOMEM;
	if (r->a.addr % PAGE_SIZE)
		return -EINVAL;
	return r->a.addr < lim->min_user_addr ? -EPERM : 0;
}

static int check_file(struct map_req *r)
{
	const struct file *f = r->a.file;
	uint32_t acc = f->flags & ACCMODE;

	switch (r->a.flags & LINUX_MAP_TYPE) {
	case LINUX_MAP_SHARED:
	case LINUX_MAP_SHARED_VALIDATE:
		if ((r->a.flags & LINUX_MAP_TYPE) ==
			    LINUX_MAP_SHARED_VALIDATE &&
		    r->a.flags & ~(uint32_t)LINUX_MAP_LEGACY_MASK)
			return -EOPNOTSUPP;
		if (r->a.prot & LINUX_PROT_WRITE && acc == RDONLY)
			return -EACCES;
		r->vma_flags |= VMA_SHARED;
		if (acc != RDONLY)
			r->vma_flags |= VMA_MAYWRITE;
		break;
	case LINUX_MAP_PRIVATE:
		r->vma_flags |= VMA_MAYWRITE;
		break;
	default:
		return -EINVAL;
	}
	if (acc == WRONLY)
		return -EACCES;
	if ((r->a.prot & LINUX_PROT_EXEC) &&
	    (mount_flags(f->path.mnt) & MNT_NOEXEC))
		return -EPERM;
	if (!f->ops->mmap_backing)
		return -ENODEV;
	return r->a.flags & LINUX_MAP_GROWSDOWN ? -EINVAL : 0;
}

static int check_anon(struct map_req *r)
{
	r->vma_flags |= VMA_MAYWRITE;
	switch (r->a.flags & LINUX_MAP_TYPE) {
	case LINUX_MAP_SHARED:
		if (r->a.flags & LINUX_MAP_GROWSDOWN)
			return -EINVAL;
		r->vma_flags |= VMA_SHARED;
		if (!r->a.name)
			r->a.name = "/dev/zero (deleted)";
		break;
	case LINUX_MAP_PRIVATE:
		if (r->a.flags & LINUX_MAP_GROWSDOWN)
			r->vma_flags |= VMA_GROWSDOWN;
		break;
	default:
		return -EINVAL;
	}
	r->a.offset = 0;
	return 0;
}

static int check_request(struct map_req *r)
{
	uint32_t flags = r->a.flags;
	int ret = check_addr(r);

	if (ret < 0)
		return ret;
	if (flags & LINUX_MAP_HUGETLB)
		return r->a.file ? -EINVAL : -ENOMEM;
	if (flags & LINUX_MAP_LOCKED && !can_lock())
		return -EPERM;
	if (flags & LINUX_MAP_NORESERVE)
		r->vma_flags |= VMA_NORESERVE;
	if (flags & LINUX_MAP_LOCKED)
		r->vma_flags |= VMA_LOCKED;
	if (flags & LINUX_MAP_DENYWRITE && r->a.file)
		r->vma_flags |= VMA_PROGRAM;
	r->populate =
		(flags & LINUX_MAP_POPULATE && !(flags & LINUX_MAP_NONBLOCK)) ||
		flags & LINUX_MAP_LOCKED;
	r->a.prot &= LINUX_PROT_READ | LINUX_PROT_WRITE | LINUX_PROT_EXEC;
	return r->a.file ? check_file(r) : check_anon(r);
}

/* --- mmap ----------------------------------------------------------------- */

static int vma_new(struct mm *mm, const struct map_req *r, struct vma **out)
{
	struct vma *v = kzalloc(sizeof(*v));
	int ret;

	if (!v)
		return -ENOMEM;
	list_init(&v->map_node);
	v->mm = mm;
	v->offset = r->a.offset;
	v->prot = r->a.prot;
	v->flags = r->vma_flags;
	v->name = r->a.name;
	if (r->a.file) {
		file_get(r->a.file);
		v->file = r->a.file;
		if (v->file->ops->mapped)
			v->file->ops->mapped(v->file);
		if (v->file->inode && v->file->inode->mapping) {
			ret = mapping_join(v->file->inode->mapping, v);
			if (ret < 0) {
				vma_free(v);
				return ret;
			}
		}
	}
	*out = v;
	return 0;
}

/* Errors of the first answer that end the call; others come as SIGBUS. */
static bool refuses_mmap(int err)
{
	return err == -EACCES || err == -ENODEV || err == -EPERM ||
	       err == -ETXTBSY || err == -ENOSYS || err == -EINVAL;
}

static int ask_file(struct vma *v, uint64_t size, struct backings *got)
{
	struct file_ask ask = { .file = v->file,
				.mapping = v->mapping,
				.off = v->offset,
				.size = size,
				.write = v->flags & VMA_SHARED &&
					 v->flags & VMA_MAYWRITE };
	int ret = back_ask(&ask, got);

	/* Sealed against writing: it may be mapped, but stays read-only. */
	if (ret == -EPERM && ask.write && !(v->prot & LINUX_PROT_WRITE)) {
		v->flags &= ~(uint32_t)VMA_MAYWRITE;
		ask.write = false;
		ret = back_ask(&ask, got);
	}
	if (ret < 0)
		return refuses_mmap(ret) ? ret : 0;
	if (got->part[0].is.kind == BACK_ZERO)
		v->flags |= VMA_ZERO_FILE;
	return 0;
}

/* Finds and frees the place.  The address or -errno. */
static long place(struct mm_batch *b, const struct map_req *r,
		  const struct vma *v)
{
	struct mm *mm = b->mm;
	uint64_t size = r->a.size, old = 0;
	long addr;
	int ret;

	if (mm->nr_vmas >= MAX_MAP_COUNT)
		return -ENOMEM;
	if (r->fixed && mm_reserved(mm, r->a.addr, r->a.addr + size))
		return -ENOMEM;
	if (r->fixed)
		addr = (long)r->a.addr;
	else
		addr = area_find(mm, r->a.addr, size, r->a.flags);
	if (addr < 0)
		return addr;
	if (r->fixed)
		old = vma_bytes(mm, r->a.addr, r->a.addr + size);
	if (old && r->a.flags & LINUX_MAP_FIXED_NOREPLACE)
		return -EEXIST;
	if (v->flags & VMA_LOCKED && !mm_may_lock(mm, size))
		return -EAGAIN;
	ret = mm_may_grow(mm, size - old, v->flags, v->prot, v->file);
	if (ret == 0 && old)
		ret = munmap_locked(b, (uint64_t)addr, (uint64_t)addr + size);
	return ret < 0 ? ret : addr;
}

/* Inserts @v at its place with what backs it.  Takes @v over. */
static int insert(struct mm_batch *b, const struct map_req *r, struct vma *v,
		  struct backings *got)
{
	struct mm *mm = b->mm;
	uint64_t start = v->start, end = v->end;
	int ret = mm_reserve(mm);

	vma_insert(mm, v);
	if (ret == 0 && vma_anon(v) && back_now(v))
		ret = back_anon(b, v, start, end, r->populate);
	else if (ret == 0 && !vma_anon(v))
		back_file(b, v, got, start, end, r->populate);
	if (ret < 0) {
		batch_drop(b, start, end);
		return ret;
	}
	ret = batch_commit(b);
	if (ret < 0) {
		batch_drop(b, start, end);
		batch_commit(b);
		return ret;
	}
	mm_merge(mm, start, end);
	return 0;
}

static long map_locked(struct mm_batch *b, const struct map_req *r,
		       struct vma *v, struct backings *got)
{
	struct mm *mm = b->mm;
	long addr;
	int ret = mm_reserve(mm);

	v->flags |= mm->def_flags;
	addr = ret < 0 ? ret : place(b, r, v);
	if (addr < 0) {
		v->next_free = b->dead_vmas;
		b->dead_vmas = v;
	} else {
		v->start = (uint64_t)addr;
		v->end = v->start + r->a.size;
		ret = insert(b, r, v, got);
	}
	if (addr >= 0 && ret == 0)
		return addr;
	batch_commit(b);
	return addr < 0 ? addr : ret;
}

long mm_mmap(struct mm *mm, const struct mmap_args *args)
{
	struct map_req r = { .a = *args };
	struct backings got = { .nr = 0 };
	struct vma *v = NULL;
	struct mm_batch b;
	long addr;
	int ret = check_request(&r);

	if (ret == 0)
		ret = vma_new(mm, &r, &v);
	if (ret < 0)
		return ret;
	if (v->file) {
		ret = ask_file(v, r.a.size, &got);
		if (ret < 0) {
			vma_free(v);
			return ret;
		}
	}
	batch_init(&b, mm);
	rwlock_wrlock(&mm->mu);
	if ((mm->def_flags & (VMA_LOCKED | VMA_LOCKONFAULT)) == VMA_LOCKED)
		r.populate = true;
	addr = map_locked(&b, &r, v, &got);
	rwlock_unlock(&mm->mu);
	batch_finish(&b);
	back_drop(&got);
	/* What is backed now was populated by its order; the result does not
	 * matter, as on Linux. */
	if (addr >= 0 && r.populate)
		(void)fault_populate(mm, (uint64_t)addr,
				     (uint64_t)addr + r.a.size, PLAT_READ,
				     r.a.size > LAZY_NORESERVE);
	return addr;
}

/* --- munmap --------------------------------------------------------------- */

int munmap_locked(struct mm_batch *b, uint64_t start, uint64_t end)
{
	int ret;

	if (mm_any_sealed(b->mm, start, end))
		return -EPERM;
	ret = mm_isolate(b->mm, start, end);
	if (ret < 0)
		return ret;
	batch_drop(b, start, end);
	return 0;
}

int mm_munmap(struct mm *mm, uint64_t addr, uint64_t size)
{
	struct mm_batch b;
	uint64_t end;
	int ret = mm_check_range(addr, size, &end);

	if (ret < 0 || addr == end)
		return -EINVAL;
	batch_init(&b, mm);
	rwlock_wrlock(&mm->mu);
	ret = mm_reserve(mm);
	if (ret == 0 && vma_any(mm, addr, end))
		ret = munmap_locked(&b, addr, end);
	/* Even if the host refused, nothing of it can be reached any more. */
	batch_commit(&b);
	rwlock_unlock(&mm->mu);
	batch_finish(&b);
	return ret;
}

/* --- brk ------------------------------------------------------------------ */

/* May the heap reach up to @end?  A gap to the next mapping stays. */
static bool brk_fits(struct mm *mm, uint64_t end)
{
	struct task *t = current_task();
	uint64_t limit = t ? task_rlimit(t, RLIM_DATA) : UINT64_MAX;
	uint64_t old = page_up(mm->brk), guard;
	struct vma *next = vma_find(mm, old);

	if (end > mm_max_addr() || end - mm->brk_start > limit ||
	    mm_reserved(mm, old, end) ||
	    mm_may_grow(mm, end - old, 0, LINUX_PROT_WRITE, false) < 0)
		return false;
	if (mm->def_flags & VMA_LOCKED && !mm_may_lock(mm, end - old))
		return false;
	guard = next && next->flags & VMA_GROWSDOWN ? STACK_GUARD : PAGE_SIZE;
	return !next || (next->start >= guard && end <= next->start - guard);
}

static int brk_grow(struct mm_batch *b, uint64_t start, uint64_t end)
{
	struct map_req r = {
		.a = { .addr = start,
		       .size = end - start,
		       .prot = LINUX_PROT_READ | LINUX_PROT_WRITE,
		       .flags = LINUX_MAP_FIXED,
		       .name = "[heap]" },
		.vma_flags = VMA_MAYWRITE,
		.fixed = true,
	};
	struct backings none = { .nr = 0 };
	struct vma *v;
	long ret = vma_new(b->mm, &r, &v);

	if (ret == 0)
		ret = map_locked(b, &r, v, &none);
	return ret < 0 ? (int)ret : 0;
}

uint64_t mm_brk(struct mm *mm, uint64_t want)
{
	uint64_t old, new, result;
	struct mm_batch b;
	int ret = -ENOMEM;

	batch_init(&b, mm);
	rwlock_wrlock(&mm->mu);
	old = page_up(mm->brk);
	if (want >= mm->brk_start && want <= mm_max_addr()) {
		new = page_up(want);
		if (new == old)
			ret = 0;
		else if (new > old && brk_fits(mm, new))
			ret = brk_grow(&b, old, new);
		else if (new < old)
			ret = mm_reserve(mm);
		if (new < old && ret == 0) {
			ret = munmap_locked(&b, new, old);
			batch_commit(&b);
		}
	}
	if (ret == 0)
		mm->brk = want;
	result = mm->brk;
	ret = mm->def_flags & VMA_LOCKED && mm->brk > old ? 1 : 0;
	rwlock_unlock(&mm->mu);
	batch_finish(&b);
	if (ret)
		(void)fault_populate(mm, old, page_up(result), PLAT_WRITE,
				     true);
	return result;
}
