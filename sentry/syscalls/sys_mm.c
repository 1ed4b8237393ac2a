/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_mm: the system calls of memory: mmap(2) and its family, and
 * process_vm_readv(2).
 *
 * Linux:  pkey_* answer ENOSYS (no protection keys).
 * Locks:  none.
 * Tests:  tests/conformance/mmap.c, mprotect.c, mremap.c, madvise.c, mlock.c,
 *         msync.c, mincore.c, brk.c, process_vm.c
 */
#include <errno.h>

#include "abi/mman.h"
#include "sentry/kernel/ptrace.h"
#include "sentry/kernel/task.h"
#include "sentry/mm/uio.h"
#include "sentry/vfs/vfs.h"
#include "syscalls.h"

#define BOUNCE_SIZE (64u << 10)
#define FAST_SEGS   8

long sys_mmap(struct task *t, uaddr_t addr, uint64_t size, uint32_t prot,
	      uint32_t flags, int32_t fd, uint64_t off)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct mmap_args args = { .addr = addr.va,
				  .size = size,
				  .prot = prot,
				  .flags = flags,
				  .offset = off };

	if (off % PAGE_SIZE)
		return -EINVAL;
	if (!(flags & LINUX_MAP_ANONYMOUS)) {
		f = fd_table_lookup(t->fds, fd);
		if (!f)
			return -EBADF;
		args.file = f;
	}
	return mm_mmap(t->mm, &args);
}

long sys_munmap(struct task *t, uaddr_t addr, uint64_t size)
{
	return mm_munmap(t->mm, addr.va, size);
}

long sys_mprotect(struct task *t, uaddr_t addr, uint64_t size, uint32_t prot)
{
	return mm_mprotect(t->mm, addr.va, size, prot);
}

long sys_mremap(struct task *t, uaddr_t addr, uint64_t old_size,
		uint64_t new_size, uint32_t flags, uaddr_t new_addr)
{
	return mm_mremap(t->mm, addr.va, old_size, new_size, flags,
			 new_addr.va);
}

long sys_madvise(struct task *t, uaddr_t addr, uint64_t size, int32_t advice)
{
	return mm_madvise(t->mm, addr.va, size, advice);
}

long sys_msync(struct task *t, uaddr_t addr, uint64_t size, uint32_t flags)
{
	return mm_msync(t->mm, addr.va, size, (int)flags);
}

long sys_mincore(struct task *t, uaddr_t addr, uint64_t size, uaddr_t vec)
{
	return mm_mincore(t->mm, addr.va, size, vec);
}

long sys_brk(struct task *t, uaddr_t addr)
{
	return (long)mm_brk(t->mm, addr.va);
}

long sys_mlock(struct task *t, uaddr_t addr, uint64_t size)
{
	return mm_mlock(t->mm, addr.va, size, 0);
}

long sys_mlock2(struct task *t, uaddr_t addr, uint64_t size, uint32_t flags)
{
	return mm_mlock(t->mm, addr.va, size, (int)flags);
}

long sys_munlock(struct task *t, uaddr_t addr, uint64_t size)
{
	return mm_munlock(t->mm, addr.va, size);
}

long sys_mlockall(struct task *t, uint32_t flags)
{
	return mm_mlockall(t->mm, (int)flags);
}

long sys_munlockall(struct task *t)
{
	return mm_munlockall(t->mm);
}

long sys_mseal(struct task *t, uaddr_t addr, uint64_t size, uint64_t flags)
{
	return mm_mseal(t->mm, addr.va, size, flags);
}

long sys_remap_file_pages(struct task *t, uaddr_t addr, uint64_t size,
			  uint32_t prot, uint64_t pgoff, uint32_t flags)
{
	return mm_remap_file_pages(t->mm, addr.va, size, prot, pgoff, flags);
}

/* --- process_vm_readv, process_vm_writev ---------------------------------- */

/* The other side: a uio over another space's iovecs, which are in the caller's
 * memory.  The current task is the caller. */
struct vm_transfer {
	struct uio local, remote;
	struct iovec local_fast[FAST_SEGS], remote_fast[FAST_SEGS];
	struct iovec *local_heap, *remote_heap;
};

/* Moves bytes through @bounce until a side ends or faults. */
static long transfer(struct vm_transfer *x, bool write, char *bounce)
{
	struct uio *from = write ? &x->local : &x->remote;
	struct uio *to = write ? &x->remote : &x->local;
	long done = 0, got, put;

	for (;;) {
		size_t n = MIN(MIN(from->left, to->left), BOUNCE_SIZE);

		if (n == 0 || task_fatal_signal_pending(current_task()))
			return done;
		got = uio_copy_in(from, bounce, n);
		if (got <= 0)
			return done ? done : got;
		put = uio_copy_out(to, bounce, (size_t)got);
		if (put < 0)
			return done ? done : put;
		done += put;
		if (put < got || (size_t)got < n)
			return done;
	}
}

static long with_task(int32_t pid, struct vm_transfer *x, bool write)
{
	AUTO_PUT(task) struct task *other = task_lookup((uint32_t)pid);
	AUTO_PUT(mm) struct mm *mm = NULL;
	AUTO_FREE char *bounce = NULL;
	int ret;

	if (!other)
		return -ESRCH;
	mm = task_get_mm(other);
	if (!mm)
		return -ESRCH;
	ret = task_may_attach(other);
	if (ret < 0)
		return ret;
	bounce = kzalloc(BOUNCE_SIZE);
	if (!bounce)
		return -ENOMEM;
	x->remote.mm = mm;
	return transfer(x, write, bounce);
}

static long vm_rw(int32_t pid, uaddr_t lvec, uint64_t lnr, uaddr_t rvec,
		  uint64_t rnr, uint64_t flags, bool write)
{
	struct vm_transfer x = { .local_heap = NULL };
	long ret;

	if (flags)
		return -EINVAL;
	ret = uio_user_vec(&x.local, lvec, lnr, x.local_fast, FAST_SEGS,
			   &x.local_heap);
	if (ret < 0)
		return ret;
	ret = 0;
	if (x.local.left)
		ret = uio_user_vec(&x.remote, rvec, rnr, x.remote_fast,
				   FAST_SEGS, &x.remote_heap);
	if (ret == 0 && x.local.left && x.remote.left)
		ret = with_task(pid, &x, write);
	free(x.local_heap);
	free(x.remote_heap);
	return ret;
}

long sys_process_vm_readv(struct task *t, int32_t pid, uaddr_t lvec,
			  uint64_t lnr, uaddr_t rvec, uint64_t rnr,
			  uint64_t flags)
{
	(void)t;
	return vm_rw(pid, lvec, lnr, rvec, rnr, flags, false);
}

long sys_process_vm_writev(struct task *t, int32_t pid, uaddr_t lvec,
			   uint64_t lnr, uaddr_t rvec, uint64_t rnr,
			   uint64_t flags)
{
	(void)t;
	return vm_rw(pid, lvec, lnr, rvec, rnr, flags, true);
}
