/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mm_fork: what fork shares, copies and leaves alone, and what copying
 * early saves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off: cmocka needs the four above */
#include <cmocka.h>
/* clang-format on */
#include <unistd.h>

#include "mm_world.h"

#define BASE 0x1000000ull
#define RW   (LINUX_PROT_READ | LINUX_PROT_WRITE)
#define AT   (LINUX_MAP_PRIVATE | LINUX_MAP_FIXED)
#define PG   PAGE_SIZE

#define PROGRAM (AT | LINUX_MAP_DENYWRITE)

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

static void test_fork_cow(void **state)
{
	struct mm *child;
	unsigned int protects;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 64, RW, AT) > 0);
	assert_true(map_anon(g_mm, BASE + 64 * PG, 4, RW,
			     LINUX_MAP_SHARED | LINUX_MAP_FIXED) > 0);
	for (uint64_t i = 0; i < 68; i++)
		store(g_mm, BASE + i * PG, i + 1);
	protects = g_mm->as->nr_protects;
	assert_int_equal(mm_fork(g_mm, &child), 0);
	assert_int_equal(g_mm->as->nr_protects, protects + 1);
	assert_int_equal(host_page(g_mm, BASE)->prot, PLAT_READ);
	assert_int_equal(host_vmas(child), 2);

	store(child, BASE + 20 * PG, 1000);
	expect(g_mm, BASE + 20 * PG, 21);
	/* The neighbourhood of 16 KiB came along; the rest did not. */
	assert_int_equal(host_page(child, BASE + 23 * PG)->prot,
			 PLAT_READ | PLAT_WRITE);
	assert_int_equal(host_page(child, BASE + 24 * PG)->prot, PLAT_READ);
	expect(child, BASE + 23 * PG, 24);
	/* Who goes on gets one of 64 KiB, which merges with it on the host. */
	store(child, BASE + 24 * PG, 1001);
	assert_int_equal(host_page(child, BASE + 31 * PG)->prot,
			 PLAT_READ | PLAT_WRITE);
	assert_int_equal(host_page(child, BASE + 32 * PG)->prot, PLAT_READ);
	store(child, BASE + 32 * PG, 1002);
	assert_int_equal(host_vmas(child), 4);
	store(child, BASE + 66 * PG, 5);
	expect(g_mm, BASE + 66 * PG, 5);

	world_run(NULL);
	mm_put(child);
	world_run(g_mm);
	/* One owner left: only the protection changes. */
	protects = g_mm->as->nr_protects;
	store(g_mm, BASE + 20 * PG, 2000);
	assert_int_equal(g_mm->as->nr_protects, protects + 1);
	assert_int_equal(host_page(g_mm, BASE)->prot, PLAT_READ | PLAT_WRITE);
	assert_true(host_vmas(g_mm) <= 2);
	expect(g_mm, BASE + 19 * PG, 20);
}

/* What the host writes through a pin after a fork is the parent's alone. */
static void test_fork_pinned(void **state)
{
	struct mm_pin pin;
	struct mm *child;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 16, RW, AT) > 0);
	for (uint64_t i = 0; i < 16; i++)
		store(g_mm, BASE + i * PG, i + 1);
	assert_int_equal(mm_pin(g_mm, BASE + 4 * PG, 2 * PG, PLAT_WRITE, &pin),
			 2 * PG);
	assert_int_equal(mm_fork(g_mm, &child), 0);
	store(g_mm, BASE + 6 * PG, 100); /* breaks the neighbourhood's cow */
	*(uint64_t *)pin.iov[0].iov_base = 200;
	mm_unpin(&pin);
	expect(g_mm, BASE + 4 * PG, 200);
	expect(g_mm, BASE + 6 * PG, 100);
	for (uint64_t i = 0; i < 16; i++)
		expect(child, BASE + i * PG, i + 1);
	store(child, BASE + 4 * PG, 300);
	expect(g_mm, BASE + 4 * PG, 200);
	world_run(NULL);
	mm_put(child);
	world_run(g_mm);
}

/* Generations of children: nothing is lost, ranges come back together. */
static void test_fork_chain(void **state)
{
	struct mm *kids[5];

	(void)state;
	assert_true(map_anon(g_mm, BASE, 64, RW, AT) > 0);
	for (uint64_t n = 0; n < 5; n++) {
		for (uint64_t i = 0; i < 64; i += 7)
			store(g_mm, BASE + i * PG, n * 100 + i);
		assert_int_equal(mm_fork(g_mm, &kids[n]), 0);
	}
	for (uint64_t i = 0; i < 64; i += 7)
		store(g_mm, BASE + i * PG, 9999);
	for (uint64_t n = 0; n < 5; n++)
		for (uint64_t i = 0; i < 64; i += 7)
			expect(kids[n], BASE + i * PG, n * 100 + i);
	world_run(NULL);
	for (uint64_t n = 0; n < 5; n++)
		mm_put(kids[n]);
	world_run(g_mm);
	expect(g_mm, BASE + 63 * PG, 9999);
}

/* What is small is copied at once: neither side is protected or faults. */
static void test_fork_copies_small(void **state)
{
	struct mm *child;
	unsigned int protects;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 16, RW, AT) > 0);
	for (uint64_t i = 0; i < 16; i++)
		store(g_mm, BASE + i * PG, i + 1);
	protects = g_mm->as->nr_protects;
	assert_int_equal(mm_fork(g_mm, &child), 0);
	assert_int_equal(g_mm->as->nr_protects, protects);
	assert_int_equal(host_page(g_mm, BASE)->prot, RW);
	store(g_mm, BASE + PG, 100);
	expect(child, BASE + PG, 2);
	assert_int_equal(host_page(child, BASE + PG)->prot, RW);
	store(child, BASE + 2 * PG, 200);
	expect(g_mm, BASE + 2 * PG, 3);
	world_run(NULL);
	mm_put(child);
	world_run(g_mm);
}

/* Somebody else may be writing: nothing is left unprotected. */
static void test_fork_of_shared_space(void **state)
{
	struct mm *child;

	(void)state;
	assert_true(map_anon(g_mm, BASE, 4, RW, AT) > 0);
	store(g_mm, BASE, 1);
	mm_get(g_mm);
	assert_int_equal(mm_fork(g_mm, &child), 0);
	assert_int_equal(host_page(g_mm, BASE)->prot, LINUX_PROT_READ);
	expect(child, BASE, 1);
	mm_put(g_mm);
	world_run(NULL);
	mm_put(child);
	world_run(g_mm);
}

/* A small writable private mapping of a program is copied when it is made; a
 * larger one, one that reaches beyond the end of the file, and one of another
 * file is not. */
static void test_early_copy(void **state)
{
	struct fake_file *f = fake_host_file(32, 0);
	uint64_t v = 7;

	(void)state;
	assert_int_equal(ftruncate(f->fd, (off_t)(32 * PG)), 0);
	assert_int_equal(pwrite(f->fd, &v, 8, PG), 8);
	assert_true(map_file(g_mm, f, BASE, 4, 0, RW, PROGRAM) > 0);
	assert_int_equal(host_page(g_mm, BASE)->fd, memfile_fd());
	assert_int_equal(host_page(g_mm, BASE)->prot, RW);
	expect(g_mm, BASE + PG, 7);
	store(g_mm, BASE + PG, 8);
	assert_int_equal(pread(f->fd, &v, 8, PG), 8);
	assert_int_equal(v, 7);
	assert_true(map_file(g_mm, f, BASE + 8 * PG, 17, 0, RW, PROGRAM) > 0);
	assert_int_equal(host_page(g_mm, BASE + 8 * PG)->fd, f->fd);
	assert_true(map_file(g_mm, f, BASE + 40 * PG, 4, 30, RW, PROGRAM) > 0);
	assert_int_equal(host_page(g_mm, BASE + 40 * PG)->fd, f->fd);
	assert_true(map_file(g_mm, f, BASE + 50 * PG, 4, 0, RW, AT) > 0);
	assert_int_equal(host_page(g_mm, BASE + 50 * PG)->fd, f->fd);
	assert_int_equal(mm_munmap(g_mm, BASE, 64 * PG), 0);
	fake_file_drop(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_fork_cow),
		T(test_fork_pinned),
		T(test_fork_chain),
		T(test_fork_copies_small),
		T(test_fork_of_shared_space),
		T(test_early_copy),
	};

	world_start(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
