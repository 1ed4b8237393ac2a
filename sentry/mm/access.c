/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access: the sentry's own accesses to guest memory, through its view of what
 * backs it.
 *
 * The common case is a look-up that hits the last pma and one copy.  A missing
 * or protected page takes the path of a guest's fault and the look-up starts
 * again; the number of faults without progress is bounded.
 *
 * Locks: mm->mu for reading while bytes are copied.
 * Tests: tests/unit/test_mm.c
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sentry/mm/mm_private.h"
#include "sentry/mm/safe_copy.h"

#define FAULTS_MAX 8 /* without progress */

enum copy_kind { COPY_IN, COPY_OUT, COPY_ZERO, COPY_STR };

struct copy {
	enum copy_kind kind;
	uint32_t flags;
	char *kernel; /* sentry's side; not for ZERO */
	bool nul;     /* STR: the NUL was met */
};

/* May the sentry write to @p on a debugger's behalf? */
static bool forced(struct mm *mm, const struct pma *p, uint32_t access)
{
	struct vma *v;

	if (!(access & PLAT_WRITE))
		return true;
	v = vma_at(mm, p->start);
	return !p->cow && (v->prot & LINUX_PROT_WRITE ||
			   (vma_private(v) && v->flags & VMA_MAYWRITE));
}

/* The pma at @addr if @access may go ahead, else NULL. */
static struct pma *usable(struct mm *mm, uint64_t addr, uint32_t access,
			  uint32_t flags)
{
	struct pma *p = pma_at(mm, addr);

	if (!p)
		return NULL;
	if (unlikely(access & ~(uint32_t)p->prot) &&
	    !(flags & MM_FORCE && forced(mm, p, access)))
		return NULL;
	return p;
}

/* Copies up to @size bytes at @view; returns the bytes done. */
static size_t do_copy(struct copy *c, void *view, size_t done, size_t size)
{
	long len;

	switch (c->kind) {
	case COPY_IN:
		return size - safe_copy(c->kernel + done, view, size);
	case COPY_OUT:
		return size - safe_copy(view, c->kernel + done, size);
	case COPY_ZERO:
		return size - safe_zero(view, size);
	case COPY_STR:
		len = safe_strncpy(c->kernel + done, view, size);
		if (len < 0)
			return 0;
		c->nul = len > 0 && c->kernel[done + (size_t)len - 1] == '\0';
		return (size_t)len;
	}
	return 0;
}

/* Copies what one pma holds of the rest; returns bytes done, or -EAGAIN if
 * there must be a fault first, -EFAULT if the host faulted. */
static long copy_some(struct mm *mm, struct copy *c, uint64_t addr,
		      uint32_t access, size_t done, size_t size)
{
	long ret = -EAGAIN;
	struct pma *p;
	size_t n, got;
	void *view;

	rwlock_rdlock(&mm->mu);
	p = usable(mm, addr, access, c->flags);
	view = p ? pma_ptr(p, addr) : NULL;
	if (view) {
		n = MIN(size, p->end - addr);
		got = do_copy(c, view, done, n);
		ret = got < n && !c->nul ? -EFAULT : (long)got;
		if (ret < 0 && got > 0)
			ret = (long)got;
	} else if (p) {
		ret = -EFAULT;
	}
	rwlock_unlock(&mm->mu);
	return ret;
}

/* Returns bytes done. */
static size_t copy(struct mm *mm, struct copy *c, uint64_t addr, size_t size)
{
	uint32_t access = c->kind == COPY_OUT || c->kind == COPY_ZERO
				  ? PLAT_WRITE
				  : PLAT_READ;
	uint32_t flags = FAULT_SENTRY | (c->flags & MM_FORCE ? FAULT_FORCE : 0);
	uint64_t max = mm_max_addr();
	struct fault_result res;
	unsigned int faults = 0;
	size_t done = 0;
	long ret;

	if (!mm || addr >= max)
		return 0;
	size = MIN(size, max - addr);
	while (done < size && !c->nul) {
		ret = copy_some(mm, c, addr + done, access, done, size - done);
		if (ret > 0) {
			done += (size_t)ret;
			faults = 0;
			continue;
		}
		if (ret != -EAGAIN || c->flags & MM_NOFAULT ||
		    ++faults > FAULTS_MAX ||
		    fault_handle(mm, addr + done, access, flags, &res) < 0)
			break;
	}
	return done;
}

size_t mm_copy_in(struct mm *mm, void *dst, uint64_t src, size_t size,
		  uint32_t flags)
{
	struct copy c = { .kind = COPY_IN, .flags = flags, .kernel = dst };

	return size - copy(mm, &c, src, size);
}

size_t mm_copy_out(struct mm *mm, uint64_t dst, const void *src, size_t size,
		   uint32_t flags)
{
	struct copy c = { .kind = COPY_OUT,
			  .flags = flags,
			  .kernel = (char *)(uintptr_t)src };

	return size - copy(mm, &c, dst, size);
}

size_t mm_zero_out(struct mm *mm, uint64_t dst, size_t size)
{
	struct copy c = { .kind = COPY_ZERO };

	return size - copy(mm, &c, dst, size);
}

int copy_in(void *dst, uaddr_t src, size_t size)
{
	return mm_copy_in(current_task()->mm, dst, src.va, size, 0) ? -EFAULT
								    : 0;
}

int copy_out(uaddr_t dst, const void *src, size_t size)
{
	return mm_copy_out(current_task()->mm, dst.va, src, size, 0) ? -EFAULT
								     : 0;
}

long copy_in_str(char *dst, uaddr_t src, size_t size)
{
	struct copy c = { .kind = COPY_STR, .kernel = dst };
	size_t done = copy(current_task()->mm, &c, src.va, size);

	if (c.nul)
		return (long)done - 1;
	return done == size ? -ENAMETOOLONG : -EFAULT;
}

int copy_in_struct(void *dst, size_t ksize, uaddr_t src, size_t usize)
{
	size_t n = MIN(ksize, usize), at = n, piece;
	char rest[256];

	if (usize > PAGE_SIZE)
		return -E2BIG;
	for (; at < usize; at += piece) {
		piece = MIN(usize - at, sizeof(rest));
		if (copy_in(rest, uaddr_add(src, at), piece) < 0)
			return -EFAULT;
		for (size_t i = 0; i < piece; i++)
			if (rest[i])
				return -E2BIG;
	}
	if (copy_in(dst, src, n) < 0)
		return -EFAULT;
	memset((char *)dst + n, 0, ksize - n);
	return 0;
}

/* --- pins ----------------------------------------------------------------- */

/* Holds the pages of @size bytes at @view, which is @off of @p's backing. */
static void hold(struct mm_pin *pin, struct pma *p, uint64_t addr, size_t size)
{
	uint64_t off = p->off + (addr - p->start), base = page_down(off);
	unsigned int i = pin->nr++;

	pin->held[i].off = base;
	pin->held[i].size = page_up(off + size) - base;
	pin->held[i].owner = NULL;
	if (p->fd < 0) {
		memfile_get(base, pin->held[i].size);
	} else {
		pin->held[i].owner = atomic_load(&p->win);
		window_pin(pin->held[i].owner);
	}
	pin->iov[i].iov_base = pma_ptr(p, addr);
	pin->iov[i].iov_len = size;
}

/* Pins as much as is there; returns bytes (0: a fault is needed first). */
static size_t pin_present(struct mm *mm, uint64_t addr, size_t size,
			  uint32_t access, struct mm_pin *out)
{
	size_t done = 0, n;
	struct pma *p;

	rwlock_rdlock(&mm->mu);
	while (done < size && out->nr < MM_PIN_SEGS) {
		p = usable(mm, addr + done, access, 0);
		if (!p || !pma_ptr(p, addr + done))
			break;
		n = MIN(size - done, p->end - (addr + done));
		hold(out, p, addr + done, n);
		done += n;
	}
	rwlock_unlock(&mm->mu);
	return done;
}

long mm_pin(struct mm *mm, uint64_t addr, size_t size, uint32_t access,
	    struct mm_pin *out)
{
	struct fault_result res;
	unsigned int faults = 0;
	size_t done = 0, n;
	uint64_t max = mm_max_addr();

	out->nr = 0;
	if (!mm || addr >= max)
		return -EFAULT;
	size = MIN(size, max - addr);
	while (done < size && out->nr < MM_PIN_SEGS) {
		n = pin_present(mm, addr + done, size - done, access, out);
		done += n;
		if (n > 0) {
			faults = 0;
			continue;
		}
		if (++faults > FAULTS_MAX ||
		    fault_handle(mm, addr + done, access, FAULT_SENTRY, &res) <
			    0)
			break;
	}
	return done ? (long)done : -EFAULT;
}

void mm_unpin(struct mm_pin *pin)
{
	for (unsigned int i = 0; i < pin->nr; i++) {
		if (pin->held[i].owner)
			window_unpin(pin->held[i].owner);
		else if (pin->held[i].size) /* 0: the sentry's own memory */
			memfile_put(pin->held[i].off, pin->held[i].size);
	}
	pin->nr = 0;
}

/* --- futex keys ----------------------------------------------------------- */

/* Kinds of objects in mm_key.object: an inode's address has its low bits
 * clear, so that the others do not collide with it. */
#define KEY_MM(id)  ((id) << 2 | 1)
#define KEY_MEMFILE 2ull

/* 0, -EFAULT, or -EAGAIN: needs a fault first. */
static int shared_key_locked(struct mm *mm, uint64_t addr, struct mm_key *out)
{
	struct vma *v = vma_at(mm, addr);
	struct pma *p = pma_at(mm, addr);

	if (!v)
		return -EFAULT;
	if (vma_private(v)) {
		out->object = KEY_MM(mm->id);
		out->offset = addr;
		return 0;
	}
	if (!vma_anon(v)) {
		out->object = (uint64_t)(uintptr_t)v->file->inode;
		out->offset = v->offset + (addr - v->start);
		return 0;
	}
	if (!p)
		return -EAGAIN;
	out->object = KEY_MEMFILE;
	out->offset = p->off + (addr - p->start);
	return 0;
}

int mm_shared_key(struct mm *mm, uint64_t addr, struct mm_key *out)
{
	struct fault_result res;
	int ret = -EAGAIN;

	for (int i = 0; i < 2 && ret == -EAGAIN; i++) {
		rwlock_rdlock(&mm->mu);
		ret = shared_key_locked(mm, addr, out);
		rwlock_unlock(&mm->mu);
		if (ret == -EAGAIN &&
		    fault_handle(mm, addr, PLAT_READ, FAULT_SENTRY, &res) < 0)
			return -EFAULT;
	}
	return ret == -EAGAIN ? -EFAULT : ret;
}
