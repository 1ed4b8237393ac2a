/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mm: address spaces, one property a test: errors of the calls, how many
 * host mappings there are, private files, stacks, truncation, refusals of the
 * host, copies, pins, keys, reports.  fork: test_mm_fork.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off: cmocka needs the four above */
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mm_world.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/mm/uio.h"

#define BASE 0x1000000ull
#define RW   (LINUX_PROT_READ | LINUX_PROT_WRITE)
#define PRIV LINUX_MAP_PRIVATE
#define AT   (LINUX_MAP_PRIVATE | LINUX_MAP_FIXED)
#define PG   PAGE_SIZE

static struct mm *g_mm;

static int setup(void **state)
{
	(void)state;
	g_mm = world_mm();
	world_run(g_mm);
	return 0;
}

static int teardown(void **state)
{
	struct memfile_stats st;

	(void)state;
	world_run(NULL);
	mm_put(g_mm);
	memfile_check();
	memfile_stats(&st);
	return st.used ? -1 : 0;
}

static void expect(struct mm *mm, uint64_t addr, uint64_t want)
{
	uint64_t got;

	assert_int_equal(guest_read(mm, addr, &got), 0);
	assert_int_equal(got, want);
}

static void store(struct mm *mm, uint64_t addr, uint64_t v)
{
	assert_int_equal(guest_write(mm, addr, v), 0);
}

/* --- mmap ----------------------------------------------------------------- */

static void test_mmap_errors(void **state)
{
	struct fake_file *ro = fake_host_file(4, 0), *wo = fake_host_file(4, 1);
	static const struct file_ops none = { .name = "none" };

	(void)state;
	assert_int_equal(map_anon(g_mm, 0, 0, RW, PRIV), -EINVAL);
	assert_int_equal(map_anon(g_mm, 0, 1, RW, 0), -EINVAL);
	assert_int_equal(map_anon(g_mm, 0, 1, RW, LINUX_MAP_SHARED_VALIDATE),
			 -EINVAL);
	assert_int_equal(map_anon(g_mm, 0, 1ull << 40, RW, PRIV), -ENOMEM);
	assert_int_equal(map_anon(g_mm, BASE + 1, 1, RW, AT), -EINVAL);
	assert_int_equal(map_anon(g_mm, 0, 1, RW, AT), -EPERM);
	assert_int_equal(map_anon(g_mm, WORLD_END, 1, RW, AT), -ENOMEM);
	assert_int_equal(map_anon(g_mm, WORLD_END - PG, 2, RW, AT), -ENOMEM);
	assert_int_equal(map_anon(g_mm, 0, 1, RW, PRIV | LINUX_MAP_HUGETLB),
			 -ENOMEM);
	assert_int_equal(map_anon(g_mm, BASE, 2, RW, AT), BASE);
	assert_int_equal(map_anon(g_mm, BASE + PG, 1, RW,
				  PRIV | LINUX_MAP_FIXED_NOREPLACE),
			 -EEXIST);
	assert_int_equal(map_file(g_mm, ro, 0, 1, 0, RW, LINUX_MAP_SHARED),
			 -EACCES);
	assert_true(map_file(g_mm, ro, 0, 1, 0, RW, PRIV) > 0);
	assert_int_equal(map_file(g_mm, wo, 0, 1, 0, LINUX_PROT_READ, PRIV),
			 -EACCES);
	assert_int_equal(map_file(g_mm, ro, 0, 1, 0, LINUX_PROT_READ,
				  LINUX_MAP_SHARED_VALIDATE | LINUX_MAP_SYNC),
			 -EOPNOTSUPP);
	assert_int_equal(map_file(g_mm, ro, 0, 2, (1ull << 51) - 1, RW, PRIV),
			 -EOVERFLOW);
	ro->file.ops = &none;
	assert_int_equal(map_file(g_mm, ro, 0, 1, 0, RW, PRIV), -ENODEV);
	world_rlimit(RLIM_AS, 10 * PG);
	assert_int_equal(map_anon(g_mm, 0, 20, RW, PRIV), -ENOMEM);
	world_rlimit(RLIM_AS, UINT64_MAX);
	world_rlimit(RLIM_MEMLOCK, 0);
	assert_int_equal(map_anon(g_mm, 0, 1, RW, PRIV | LINUX_MAP_LOCKED),
			 -EPERM);
	world_rlimit(RLIM_MEMLOCK, PG);
	assert_int_equal(map_anon(g_mm, 0, 2, RW, PRIV | LINUX_MAP_LOCKED),
			 -EAGAIN);
	world_rlimit(RLIM_MEMLOCK, UINT64_MAX);
	assert_int_equal(mm_munmap(g_mm, 0x10000, WORLD_END - 0x10000), 0);
	fake_file_drop(ro);
	fake_file_drop(wo);
}

/* Neighbours become one vma, one pma and one mapping of the host. */
static void test_merging(void **state)
{
	long last = 0, at;

	(void)state;
	for (int i = 0; i < 50; i++) {
		at = map_anon(g_mm, 0, 3, RW, PRIV);
		if (last)
			assert_int_equal(at, last - 3 * (long)PG);
		last = at;
	}
	assert_int_equal(g_mm->nr_vmas, 1);
	assert_int_equal(g_mm->nr_pmas, 1);
	assert_int_equal(host_vmas(g_mm), 1);
	/* A hole is found again, from the top. */
	assert_int_equal(mm_munmap(g_mm, (uint64_t)last + 10 * PG, 4 * PG), 0);
	assert_int_equal(map_anon(g_mm, 0, 4, RW, PRIV), last + 10 * (long)PG);
	assert_int_equal(g_mm->nr_vmas, 1);
	assert_int_equal(host_vmas(g_mm), 1);
	/* A protection there and back. */
	assert_int_equal(mm_mprotect(g_mm, (uint64_t)last + PG, PG, 0), 0);
	assert_int_equal(g_mm->nr_vmas, 3);
	assert_int_equal(mm_mprotect(g_mm, (uint64_t)last + PG, PG, RW), 0);
	assert_int_equal(g_mm->nr_vmas, 1);
	assert_int_equal(host_vmas(g_mm), 1);
}

static void test_one_order_each(void **state)
{
	struct fake_file *f = fake_host_file(64, 0);
	unsigned int maps, unmaps;

	(void)state;
	assert_int_equal(map_file(g_mm, f, BASE, 64, 0, LINUX_PROT_READ, AT),
			 BASE);
	maps = g_mm->as->nr_maps;
	unmaps = g_mm->as->nr_unmaps;
	/* MAP_FIXED over it, as a loader does: the mapping replaces. */
	assert_int_equal(map_anon(g_mm, BASE + 10 * PG, 10, RW, AT),
			 (long)(BASE + 10 * PG));
	assert_int_equal(g_mm->as->nr_maps, maps + 1);
	assert_int_equal(g_mm->as->nr_unmaps, unmaps);
	assert_int_equal(mm_munmap(g_mm, BASE, 64 * PG), 0);
	assert_int_equal(g_mm->as->nr_unmaps, unmaps + 1);
	fake_file_drop(f);
}

static void test_brk(void **state)
{
	uint64_t start, at;

	(void)state;
	mm_set_brk(g_mm, BASE + 123);
	start = mm_brk(g_mm, 0);
	assert_int_equal(start, BASE + PG);
	for (at = start; at < start + 100 * PG; at += 1000)
		assert_int_equal(mm_brk(g_mm, at), at);
	assert_int_equal(g_mm->nr_vmas, 1);
	assert_int_equal(host_vmas(g_mm), 1);
	store(g_mm, start, 5);
	assert_int_equal(mm_brk(g_mm, start + 2 * PG), start + 2 * PG);
	expect(g_mm, start, 5);
	assert_int_equal(g_mm->total_vm, 2 * PG);
	/* Refusals give the old break. */
	assert_int_equal(mm_brk(g_mm, start - 1), start + 2 * PG);
	assert_int_equal(map_anon(g_mm, start + 10 * PG, 1, RW, AT),
			 (long)(start + 10 * PG));
	assert_int_equal(mm_brk(g_mm, start + 10 * PG), start + 2 * PG);
	assert_int_equal(mm_brk(g_mm, start + 9 * PG), start + 9 * PG);
	world_rlimit(RLIM_DATA, 11 * PG);
	assert_int_equal(mm_brk(g_mm, start + 9 * PG + 1), start + 9 * PG);
	world_rlimit(RLIM_DATA, UINT64_MAX);
	assert_int_equal(mm_brk(g_mm, start), start);
}

static void test_lazy_and_limit(void **state)
{
	struct memfile_stats st;
	long at;

	(void)state;
	/* 128 MiB that may not be wanted: chunks on touch. */
	at = map_anon(g_mm, 0x4000000, 32768, RW, AT | LINUX_MAP_NORESERVE);
	assert_int_equal(at, 0x4000000);
	memfile_stats(&st);
	assert_int_equal(st.used, 0);
	store(g_mm, 0x4000000 + 100 * PG, 1);
	memfile_stats(&st);
	assert_int_equal(st.used, BACK_CHUNK);
	expect(g_mm, 0x4000000, 0);
	assert_int_equal(host_vmas(g_mm), 1);
	/* PROT_NONE needs nothing until it is made accessible. */
	assert_true(map_anon(g_mm, BASE, 1000, 0, AT) > 0);
	memfile_stats(&st);
	assert_int_equal(st.used, BACK_CHUNK);
	assert_int_equal(mm_mprotect(g_mm, BASE, 10 * PG, RW), 0);
	memfile_stats(&st);
	assert_int_equal(st.used, BACK_CHUNK + 10 * PG);
}

static void test_mprotect_errors(void **state)
{
	struct fake_file *f = fake_host_file(4, 0);
	uint64_t v;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 4, RW, AT) > 0);
	assert_int_equal(mm_mprotect(g_mm, BASE + 1, PG, RW), -EINVAL);
	assert_int_equal(mm_mprotect(g_mm, BASE, PG, 0x40), -EINVAL);
	assert_int_equal(mm_mprotect(g_mm, BASE, 0, RW), 0);
	assert_int_equal(mm_mprotect(g_mm, BASE, UINT64_MAX, RW), -ENOMEM);
	assert_int_equal(mm_mprotect(g_mm, BASE, 5 * PG, LINUX_PROT_READ),
			 -ENOMEM);
	/* ... but what was before the hole is changed. */
	assert_int_equal(guest_write(g_mm, BASE, 1), LINUX_SIGSEGV);
	assert_int_equal(mm_mprotect(g_mm, BASE, PG, RW | LINUX_PROT_GROWSDOWN),
			 -EINVAL);
	assert_true(map_file(g_mm, f, BASE + 8 * PG, 4, 0, LINUX_PROT_READ,
			     LINUX_MAP_SHARED | LINUX_MAP_FIXED) > 0);
	assert_int_equal(mm_mprotect(g_mm, BASE + 8 * PG, PG, RW), -EACCES);
	assert_int_equal(mm_mprotect(g_mm, BASE, PG, 0), 0);
	assert_int_equal(guest_read(g_mm, BASE, &v), LINUX_SIGSEGV);
	assert_int_equal(mm_mprotect(g_mm, BASE, PG, LINUX_PROT_WRITE), 0);
	assert_int_equal(guest_read(g_mm, BASE, &v), 0);
	assert_int_equal(mm_munmap(g_mm, BASE, 100 * PG), 0);
	fake_file_drop(f);
}

static void test_mremap(void **state)
{
	long at, to;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 4, RW, AT) > 0);
	store(g_mm, BASE, 7);
	assert_int_equal(mm_mremap(g_mm, BASE, PG, PG, 8, 0), -EINVAL);
	assert_int_equal(mm_mremap(g_mm, BASE, PG, PG, LINUX_MREMAP_FIXED, 0),
			 -EINVAL);
	assert_int_equal(mm_mremap(g_mm, BASE + 1, PG, PG, 0, 0), -EINVAL);
	assert_int_equal(mm_mremap(g_mm, BASE, PG, 0, 0, 0), -EINVAL);
	assert_int_equal(mm_mremap(g_mm, BASE + 8 * PG, PG, PG, 1, 0), -EFAULT);
	assert_int_equal(mm_mremap(g_mm, BASE, 5 * PG, 6 * PG, 1, 0), -EFAULT);
	assert_int_equal(mm_mremap(g_mm, BASE, 0, PG, 1, 0), -EINVAL);
	assert_int_equal(mm_mremap(g_mm, BASE, 4 * PG, 8 * PG, 0, 0), BASE);
	expect(g_mm, BASE + 7 * PG, 0);
	assert_int_equal(host_vmas(g_mm), 1);
	assert_true(map_anon(g_mm, BASE + 8 * PG, 1, 0, AT) > 0);
	assert_int_equal(mm_mremap(g_mm, BASE, 8 * PG, 9 * PG, 0, 0), -ENOMEM);
	at = mm_mremap(g_mm, BASE, 8 * PG, 16 * PG, LINUX_MREMAP_MAYMOVE, 0);
	assert_true(at > 0 && at != BASE);
	expect(g_mm, (uint64_t)at, 7);
	assert_null(vma_at(g_mm, BASE));
	/* DONTUNMAP leaves an empty mapping behind. */
	to = mm_mremap(g_mm, (uint64_t)at, 16 * PG, 16 * PG,
		       LINUX_MREMAP_MAYMOVE | LINUX_MREMAP_DONTUNMAP, 0);
	assert_true(to > 0 && to != at);
	expect(g_mm, (uint64_t)to, 7);
	expect(g_mm, (uint64_t)at, 0);
	/* A second view of shared memory. */
	assert_true(map_anon(g_mm, BASE, 4, RW,
			     LINUX_MAP_SHARED | LINUX_MAP_FIXED) > 0);
	store(g_mm, BASE + PG, 9);
	to = mm_mremap(g_mm, BASE + PG, 0, 2 * PG, LINUX_MREMAP_MAYMOVE, 0);
	assert_true(to > 0);
	expect(g_mm, (uint64_t)to, 9);
	store(g_mm, (uint64_t)to + PG, 10);
	expect(g_mm, BASE + 2 * PG, 10);
}

/* --- copy-on-write -------------------------------------------------------- */

static void test_private_file(void **state)
{
	struct fake_file *f = fake_host_file(4, 0);
	uint64_t v = 77;

	(void)state;
	assert_int_equal(pwrite(f->fd, &v, 8, (off_t)(2 * PG)), 8);
	assert_int_equal(ftruncate(f->fd, (off_t)(3 * PG - 100)), 0);
	assert_true(map_file(g_mm, f, BASE, 16, 0, RW, AT) > 0);
	expect(g_mm, BASE + 2 * PG, 77);
	assert_int_equal(guest_read(g_mm, BASE + 3 * PG, &v), LINUX_SIGBUS);
	assert_int_equal(guest_write(g_mm, BASE + 3 * PG, 1), LINUX_SIGBUS);
	store(g_mm, BASE, 1);
	/* The copy ends with the file: its last page whole, none beyond. */
	assert_int_equal(host_page(g_mm, BASE + 2 * PG)->fd, memfile_fd());
	expect(g_mm, BASE + 3 * PG - 8, 0);
	assert_int_equal(host_page(g_mm, BASE + 3 * PG)->fd, f->fd);
	expect(g_mm, BASE + 2 * PG, 77);
	assert_int_equal(pread(f->fd, &v, 8, 0), 8);
	assert_int_equal(v, 0);
	/* DONTNEED: the file again. */
	assert_int_equal(mm_madvise(g_mm, BASE, 16 * PG, LINUX_MADV_DONTNEED),
			 0);
	expect(g_mm, BASE, 0);
	assert_int_equal(mm_munmap(g_mm, BASE, 16 * PG), 0);
	fake_file_drop(f);
}

static void test_force(void **state)
{
	struct fake_file *f = fake_host_file(4, 2);
	uint64_t v = 5;

	(void)state;
	assert_true(map_file(g_mm, f, BASE, 4, 0,
			     LINUX_PROT_READ | LINUX_PROT_EXEC, AT) > 0);
	assert_int_equal(mm_copy_out(g_mm, BASE, &v, 8, 0), 8);
	assert_int_equal(mm_copy_out(g_mm, BASE, &v, 8, MM_FORCE), 0);
	expect(g_mm, BASE, 5);
	/* Only its page was copied; the guest still may not write. */
	assert_int_equal(host_page(g_mm, BASE + PG)->fd, f->fd);
	assert_int_equal(host_page(g_mm, BASE)->prot & PLAT_WRITE, 0);
	assert_true(map_anon(g_mm, BASE + 8 * PG, 1, 0, AT) > 0);
	assert_int_equal(mm_copy_in(g_mm, &v, BASE + 8 * PG, 8, 0), 8);
	assert_int_equal(mm_copy_in(g_mm, &v, BASE + 8 * PG, 8, MM_FORCE), 0);
	/* A shared file is not written against its protection. */
	assert_true(map_file(g_mm, f, BASE + 16 * PG, 4, 0, LINUX_PROT_READ,
			     LINUX_MAP_SHARED | LINUX_MAP_FIXED) > 0);
	assert_int_equal(mm_copy_out(g_mm, BASE + 16 * PG, &v, 8, MM_FORCE), 8);
	assert_int_equal(mm_munmap(g_mm, BASE, 100 * PG), 0);
	fake_file_drop(f);
}

/* --- stack ---------------------------------------------------------------- */

static void test_stack(void **state)
{
	uint64_t top, v;

	(void)state;
	assert_int_equal(mm_map_stack(g_mm, false, &top), 0);
	store(g_mm, top - 8, 1);
	store(g_mm, top - (1 << 20), 2);
	assert_int_equal(g_mm->nr_vmas, 1);
	assert_int_equal(host_vmas(g_mm), 1);
	assert_int_equal(guest_read(g_mm, top - (9 << 20), &v), LINUX_SIGSEGV);
	/* The sentry's copies grow it too. */
	assert_int_equal(mm_copy_out(g_mm, top - (2 << 20), &v, 8, 0), 0);
	/* A mapping below keeps its distance. */
	assert_true(map_anon(g_mm, top - (4 << 20), 1, RW, AT) > 0);
	assert_int_equal(guest_write(g_mm, top - (4 << 20) + 2 * PG, 1),
			 LINUX_SIGSEGV);
	assert_int_equal(
		guest_write(g_mm, top - (4 << 20) + PG + STACK_GUARD, 1), 0);
	assert_int_equal(g_mm->stack_vm + PG, g_mm->total_vm);
	world_rlimit(RLIM_STACK, 8ull << 20);
}

/* --- files ---------------------------------------------------------------- */

static void test_invalidate(void **state)
{
	struct fake_file *f = fake_tmpfs_file(20, 2);
	unsigned int syncs;
	struct mm *child;
	uint64_t v;

	(void)state;
	assert_true(map_file(g_mm, f, BASE, 20, 0, RW,
			     LINUX_MAP_SHARED | LINUX_MAP_FIXED) > 0);
	assert_true(map_file(g_mm, f, BASE + 32 * PG, 20, 0, RW, AT) > 0);
	store(g_mm, BASE + 12 * PG, 3);
	expect(g_mm, BASE + 44 * PG, 3);
	store(g_mm, BASE + 32 * PG, 4); /* a private copy of pages 0 to 15 */
	assert_int_equal(mm_fork(g_mm, &child), 0);
	/* Truncated to ten pages. */
	syncs = child->as->syncs;
	f->size = 10 * PG;
	mapping_invalidate(&f->mapping, f->size, UINT64_MAX);
	assert_true(child->as->syncs > syncs);
	memfile_put(f->off + 10 * PG, 10 * PG);
	assert_int_equal(guest_read(g_mm, BASE + 12 * PG, &v), LINUX_SIGBUS);
	assert_int_equal(guest_read(child, BASE + 12 * PG, &v), LINUX_SIGBUS);
	assert_int_equal(guest_read(g_mm, BASE + 50 * PG, &v), LINUX_SIGBUS);
	expect(g_mm, BASE + 32 * PG, 4);
	expect(g_mm, BASE + 9 * PG, 0);
	world_run(NULL);
	mm_put(child);
	world_run(g_mm);
	assert_int_equal(mm_munmap(g_mm, BASE, 100 * PG), 0);
	fake_file_drop(f);
}

static void race_truncate(struct fake_file *f)
{
	f->size = PG;
	mapping_invalidate(&f->mapping, PG, UINT64_MAX);
}

/* A truncation between the file's answer and its use: the answer is void. */
static void test_invalidate_race(void **state)
{
	struct fake_file *f = fake_tmpfs_file(4, 2);
	uint64_t v;

	(void)state;
	f->race = race_truncate;
	assert_true(map_file(g_mm, f, BASE, 4, 0, RW,
			     LINUX_MAP_SHARED | LINUX_MAP_FIXED) > 0);
	assert_int_equal(host_page(g_mm, BASE + PG)->fd, -1);
	assert_int_equal(guest_read(g_mm, BASE + PG, &v), LINUX_SIGBUS);
	expect(g_mm, BASE, 0);
	assert_int_equal(mm_munmap(g_mm, BASE, 4 * PG), 0);
	f->size = 4 * PG;
	fake_file_drop(f);
}

/* --- refusals ------------------------------------------------------------- */

/* The host refuses one order of each call; nothing is lost, and what is
 * mapped afterwards is right. */
static void test_refusals(void **state)
{
	struct mm *child;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 32, RW, AT) > 0);
	store(g_mm, BASE, 1);
	store(g_mm, BASE + 31 * PG, 2);
	g_mm->as->refuse = 0;
	assert_int_equal(map_anon(g_mm, BASE + 64 * PG, 4, RW, AT), -ENOMEM);
	assert_null(vma_at(g_mm, BASE + 64 * PG));
	expect(g_mm, BASE, 1);
	g_mm->as->refuse = 0;
	assert_int_equal(mm_munmap(g_mm, BASE + 8 * PG, 8 * PG), 0);
	assert_int_equal(host_page(g_mm, BASE + 8 * PG)->fd, -1);
	expect(g_mm, BASE, 1);
	g_mm->as->refuse = 0;
	assert_int_equal(mm_mprotect(g_mm, BASE, 4 * PG, LINUX_PROT_READ), 0);
	assert_int_equal(guest_write(g_mm, BASE, 3), LINUX_SIGSEGV);
	expect(g_mm, BASE, 1);
	g_mm->as->refuse = 0;
	assert_int_equal(mm_fork(g_mm, &child), 0);
	store(g_mm, BASE + 31 * PG, 5);
	expect(child, BASE + 31 * PG, 2);
	g_mm->as->refuse = 1;
	assert_int_equal(
		mm_mremap(g_mm, BASE, 4 * PG, 4 * PG, 3, BASE + 100 * PG),
		(long)(BASE + 100 * PG));
	expect(g_mm, BASE + 100 * PG, 1);
	mm_check(g_mm);
	world_run(NULL);
	mm_put(child);
	world_run(g_mm);
}

/* Near the host's limit of mappings calls say ENOMEM, in time. */
static void test_host_limit(void **state)
{
	uint64_t i;
	long ret = 0;

	(void)state;
	for (i = 0; ret >= 0 && i < 4000; i++)
		ret = map_anon(g_mm, BASE + i * 2 * PG, 1, RW, AT);
	assert_int_equal(ret, -ENOMEM);
	assert_true(host_vmas(g_mm) < platform_limits()->max_host_maps);
	assert_int_equal(mm_munmap(g_mm, BASE, 4000 * PG), 0);
	assert_true(map_anon(g_mm, 0, 1, RW, PRIV) > 0);
}

/* --- the sentry's accesses ------------------------------------------------ */

static void test_copies(void **state)
{
	static char big[70000], back[70000];
	char buf[32];

	(void)state;
	assert_true(map_anon(g_mm, BASE, 20, RW, AT) > 0);
	memset(big, 'x', sizeof(big));
	assert_int_equal(copy_out(uaddr(BASE + 3), big, sizeof(big)), 0);
	assert_int_equal(copy_in(back, uaddr(BASE + 3), sizeof(big)), 0);
	assert_memory_equal(big, back, sizeof(big));
	assert_int_equal(copy_out(uaddr(BASE + 20 * PG - 4), big, 8), -EFAULT);
	assert_int_equal(mm_copy_out(g_mm, BASE + 20 * PG - 4, big, 8, 0), 4);
	assert_int_equal(copy_in(buf, uaddr(UINT64_MAX - 2), 8), -EFAULT);
	assert_int_equal(copy_in(buf, uaddr(WORLD_END), 1), -EFAULT);
	assert_int_equal(copy_in(buf, uaddr(0), 0), 0);
	assert_int_equal(mm_zero_out(g_mm, BASE, 100), 0);
	assert_int_equal(copy_in_str(buf, uaddr(BASE), 32), 0);
	memcpy(big, "hello", 6);
	assert_int_equal(copy_out(uaddr(BASE + PG - 3), big, 6), 0);
	assert_int_equal(copy_in_str(buf, uaddr(BASE + PG - 3), 32), 5);
	assert_string_equal(buf, "hello");
	assert_int_equal(copy_in_str(buf, uaddr(BASE + PG - 3), 5),
			 -ENAMETOOLONG);
	assert_int_equal(copy_in_str(buf, uaddr(BASE + 20 * PG - 4), 32),
			 -EFAULT);
}

static void test_copy_struct(void **state)
{
	uint64_t v[4] = { 1, 2, 3, 4 }, out[4];

	(void)state;
	assert_true(map_anon(g_mm, BASE, 2, RW, AT) > 0);
	assert_int_equal(copy_out(uaddr(BASE), v, sizeof(v)), 0);
	assert_int_equal(copy_in_struct(out, 32, uaddr(BASE), 16), 0);
	assert_true(out[1] == 2 && out[2] == 0 && out[3] == 0);
	assert_int_equal(copy_in_struct(out, 16, uaddr(BASE), 32), -E2BIG);
	assert_int_equal(copy_in_struct(out, 32, uaddr(BASE), 4096), 0);
	assert_int_equal(copy_in_struct(out, 32, uaddr(BASE), 4097), -E2BIG);
	assert_int_equal(copy_in_struct(out, 32, uaddr(BASE + 2 * PG - 8), 16),
			 -EFAULT);
}

static void test_pin_outlives(void **state)
{
	struct mm_pin pin;
	uint64_t *p;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 2, RW, AT) > 0);
	assert_int_equal(mm_pin(g_mm, BASE + 8, 2 * PG, PLAT_WRITE, &pin),
			 2 * PG - 8);
	assert_int_equal(pin.nr, 1);
	p = pin.iov[0].iov_base;
	assert_int_equal(mm_munmap(g_mm, BASE, 2 * PG), 0);
	assert_true(map_anon(g_mm, BASE, 2, RW, AT) > 0);
	*p = 5; /* still ours, not the new mapping's */
	expect(g_mm, BASE + 8, 0);
	mm_unpin(&pin);
	assert_int_equal(mm_pin(g_mm, BASE + 2 * PG, 1, PLAT_READ, &pin),
			 -EFAULT);
}

static void test_uio(void **state)
{
	struct iovec vec[3] = { { (void *)BASE, 3 },
				{ (void *)(BASE + PG), 0 },
				{ (void *)(BASE + 2 * PG - 2), 6 } };
	struct iovec fast[2], *heap;
	char buf[16] = "abcdefghi";
	struct mm_pin pin;
	struct uio u;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 3, RW, AT) > 0);
	assert_int_equal(copy_out(uaddr(BASE + 100), vec, sizeof(vec)), 0);
	assert_int_equal(
		uio_user_vec(&u, uaddr(BASE + 100), 1025, fast, 2, &heap),
		-EINVAL);
	assert_int_equal(uio_user_vec(&u, uaddr(BASE + 100), 3, fast, 2, &heap),
			 0);
	assert_non_null(heap);
	assert_int_equal(u.left, 9);
	assert_int_equal(uio_pin(&u, 100, PLAT_WRITE, &pin), 9);
	assert_int_equal(pin.nr, 2);
	mm_unpin(&pin);
	assert_int_equal(uio_copy_out(&u, buf, 5), 5);
	assert_int_equal(u.left, 4);
	assert_int_equal(uio_copy_out(&u, buf + 5, 100), 4);
	assert_int_equal(uio_copy_out(&u, buf, 1), 0);
	free(heap);
	assert_int_equal(mm_copy_in(g_mm, buf, BASE + 2 * PG - 2, 6, 0), 0);
	assert_memory_equal(buf, "defghi", 6);
	/* Short at a hole; -EFAULT if nothing could be moved. */
	assert_int_equal(uio_user(&u, uaddr(BASE + 3 * PG - 2), 10), 0);
	assert_int_equal(uio_copy_in(&u, buf, 10), 2);
	assert_int_equal(uio_copy_in(&u, buf, 8), -EFAULT);
	assert_int_equal(uio_user(&u, uaddr(WORLD_END - 1), 2), -EFAULT);
	uio_kernel(&u, buf, 6);
	uio_advance(&u, 2);
	assert_int_equal(uio_zero_out(&u, 2), 2);
	assert_int_equal(u.left, 2);
}

static void test_keys(void **state)
{
	struct mm_key a, b;
	struct mm *child;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 1, RW, AT) > 0);
	assert_true(map_anon(g_mm, BASE + 8 * PG, 2, RW,
			     LINUX_MAP_SHARED | LINUX_MAP_FIXED) > 0);
	assert_int_equal(mm_fork(g_mm, &child), 0);
	assert_int_equal(mm_shared_key(g_mm, BASE, &a), 0);
	assert_int_equal(mm_shared_key(child, BASE, &b), 0);
	assert_true(a.object != b.object);
	assert_int_equal(mm_shared_key(g_mm, BASE + 9 * PG + 4, &a), 0);
	assert_int_equal(mm_shared_key(child, BASE + 9 * PG + 4, &b), 0);
	assert_true(a.object == b.object && a.offset == b.offset);
	assert_int_equal(mm_shared_key(g_mm, BASE + PG, &a), -EFAULT);
	world_run(NULL);
	mm_put(child);
	world_run(g_mm);
}

/* --- the small calls ------------------------------------------------------ */

static void test_advice(void **state)
{
	uint64_t v;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 64, RW, AT) > 0);
	assert_int_equal(mm_madvise(g_mm, BASE + 1, PG, 0), -EINVAL);
	assert_int_equal(mm_madvise(g_mm, BASE, PG, 99), -EINVAL);
	assert_int_equal(mm_madvise(g_mm, BASE, UINT64_MAX, 0), -EINVAL);
	assert_int_equal(mm_madvise(g_mm, BASE, 0, 0), 0);
	assert_int_equal(mm_madvise(g_mm, BASE, 65 * PG, LINUX_MADV_WILLNEED),
			 -ENOMEM);
	store(g_mm, BASE, 1);
	store(g_mm, BASE + 40 * PG, 1);
	assert_int_equal(mm_madvise(g_mm, BASE, 64 * PG, LINUX_MADV_DONTNEED),
			 0);
	expect(g_mm, BASE, 0);
	expect(g_mm, BASE + 40 * PG, 0);
	assert_int_equal(mm_mlock(g_mm, BASE, PG, 0), 0);
	assert_int_equal(mm_madvise(g_mm, BASE, PG, LINUX_MADV_DONTNEED),
			 -EINVAL);
	assert_int_equal(g_mm->locked_vm, PG);
	assert_int_equal(mm_munlock(g_mm, BASE, PG), 0);
	assert_int_equal(g_mm->locked_vm, 0);
	assert_int_equal(mm_mlock(g_mm, BASE, 65 * PG, 0), -ENOMEM);
	assert_int_equal(mm_madvise(g_mm, BASE, PG, LINUX_MADV_REMOVE),
			 -EINVAL);
	assert_true(map_anon(g_mm, BASE, 2, RW,
			     LINUX_MAP_SHARED | LINUX_MAP_FIXED) > 0);
	store(g_mm, BASE, 3);
	assert_int_equal(mm_madvise(g_mm, BASE, PG, LINUX_MADV_DONTNEED), 0);
	expect(g_mm, BASE, 3);
	assert_int_equal(mm_madvise(g_mm, BASE, PG, LINUX_MADV_REMOVE), 0);
	assert_int_equal(guest_read(g_mm, BASE, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(mm_msync(g_mm, BASE, PG, 5), -EINVAL);
	assert_int_equal(mm_msync(g_mm, BASE, 65 * PG, LINUX_MS_SYNC), -ENOMEM);
	assert_int_equal(mm_mincore(g_mm, BASE, 65 * PG, uaddr(BASE)), -ENOMEM);
	assert_int_equal(mm_mincore(g_mm, BASE, 3 * PG, uaddr(BASE)), 0);
	assert_int_equal(copy_in(&v, uaddr(BASE), 8), 0);
	assert_int_equal(v & 0xfefeff, 1); /* warm pages may be there */
}

static void test_maps_text(void **state)
{
	struct fake_file *f = fake_host_file(4, 0);
	struct seq_buf out = { .data = NULL };
	struct mm_stats st;
	char want[400];

	(void)state;
	f->inode.ino = 42;
	assert_true(map_file(g_mm, f, BASE, 4, 0,
			     LINUX_PROT_READ | LINUX_PROT_EXEC, AT) > 0);
	mm_set_brk(g_mm, BASE + 16 * PG);
	assert_true(mm_brk(g_mm, BASE + 17 * PG) > 0);
	mm_print_maps(g_mm, &out);
	snprintf(want, sizeof(want),
		 "01000000-01004000 r-xp 00000000 08:01 42%33s"
		 "/some\\012file\n"
		 "01010000-01011000 rw-p 00000000 00:00 0 %33s[heap]\n",
		 "", "");
	assert_string_equal(out.data, want);
	seq_fini(&out);
	memset(&out, 0, sizeof(out));
	store(g_mm, BASE + 16 * PG, 1);
	mm_print_smaps(g_mm, &out);
	assert_non_null(strstr(out.data, "Rss:                   4 kB\n"));
	assert_non_null(strstr(out.data, "VmFlags: rd wr mr mw me \n"));
	seq_fini(&out);
	mm_stats(g_mm, &st);
	assert_int_equal(st.vm_size, 5 * PG);
	assert_int_equal(st.rss, 5 * PG);
	assert_int_equal(st.data, PG);
	assert_int_equal(mm_munmap(g_mm, BASE, 100 * PG), 0);
	fake_file_drop(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_mmap_errors),	T(test_merging),
		T(test_one_order_each), T(test_brk),
		T(test_lazy_and_limit), T(test_mprotect_errors),
		T(test_mremap),		T(test_private_file),
		T(test_force),		T(test_stack),
		T(test_invalidate),	T(test_invalidate_race),
		T(test_refusals),	T(test_host_limit),
		T(test_copies),		T(test_copy_struct),
		T(test_pin_outlives),	T(test_uio),
		T(test_keys),		T(test_advice),
		T(test_maps_text),
	};

	world_start(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
