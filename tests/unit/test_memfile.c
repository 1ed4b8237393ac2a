/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memfile: ranges of the memory file against a model of one counter a
 * page: counts, zero contents, no page given out twice, limits, warm pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off: cmocka needs the four above */
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sentry/mm/memfile.h"

#define MAX_RANGES 200
#define STEPS	   20000
#define LIMIT	   (512ull << 20)

struct range {
	uint64_t off, pages;
	uint8_t refs[64];
	bool reserved;
};
static struct range g_ranges[MAX_RANGES];
static unsigned int g_nr;
static uint64_t g_used;

static uint32_t rnd(uint32_t n)
{
	return (uint32_t)random() % n;
}

static uint64_t *page_word(const struct range *r, uint64_t page)
{
	return memfile_ptr(r->off + page * PAGE_SIZE);
}

static bool overlaps(const struct range *a)
{
	for (unsigned int i = 0; i < g_nr; i++) {
		const struct range *b = &g_ranges[i];

		for (uint64_t p = 0; b != a && p < b->pages; p++) {
			uint64_t at = b->off + p * PAGE_SIZE;

			if (b->refs[p] && at >= a->off &&
			    at < a->off + a->pages * PAGE_SIZE)
				return true;
		}
	}
	return false;
}

static void step_alloc(void)
{
	struct range *r = &g_ranges[g_nr];
	uint64_t hint = MEMFILE_NONE;

	if (g_nr == MAX_RANGES)
		return;
	*r = (struct range){ .pages = 1 + rnd(64), .reserved = rnd(4) == 0 };
	if (g_nr && rnd(2)) {
		const struct range *other = &g_ranges[rnd(g_nr)];

		hint = rnd(2) ? other->off + other->pages * PAGE_SIZE
			      : other->off - r->pages * PAGE_SIZE;
	}
	assert_int_equal(memfile_alloc(r->pages * PAGE_SIZE, hint,
				       r->reserved ? MEMFILE_RESERVE : 0,
				       &r->off, NULL),
			 0);
	memset(r->refs, 1, r->pages);
	assert_false(overlaps(r));
	for (uint64_t p = 0; p < r->pages && !r->reserved; p++) {
		/* Touch few, so that there are holes. */
		if (rnd(3))
			continue;
		assert_int_equal(*page_word(r, p), 0);
		*page_word(r, p) = r->off + p;
	}
	if (!r->reserved)
		g_used += r->pages * PAGE_SIZE;
	g_nr++;
}

static void step_refs(bool get)
{
	struct range *r = &g_ranges[rnd(g_nr)];
	uint64_t from = rnd((uint32_t)r->pages);
	uint64_t n = 1 + rnd((uint32_t)(r->pages - from));

	for (uint64_t p = from; p < from + n; p++)
		if (r->refs[p] == 0 || (get && r->refs[p] > 100))
			return;
	if (get)
		memfile_get(r->off + from * PAGE_SIZE, n * PAGE_SIZE);
	else
		memfile_put(r->off + from * PAGE_SIZE, n * PAGE_SIZE);
	for (uint64_t p = from; p < from + n; p++) {
		r->refs[p] = (uint8_t)(r->refs[p] + (get ? 1 : -1));
		if (r->refs[p] == 0 && !r->reserved)
			g_used -= PAGE_SIZE;
	}
}

static void step_drop_all(void)
{
	unsigned int i = rnd(g_nr);
	struct range *r = &g_ranges[i];

	for (uint64_t p = 0; p < r->pages; p++) {
		if (r->refs[p] && !r->reserved)
			g_used -= PAGE_SIZE;
		for (; r->refs[p]; r->refs[p]--)
			memfile_put(r->off + p * PAGE_SIZE, PAGE_SIZE);
	}
	*r = g_ranges[--g_nr];
}

static void step_commit(void)
{
	struct range *r = &g_ranges[rnd(g_nr)];

	if (!r->reserved)
		return;
	for (uint64_t p = 0; p < r->pages; p++)
		if (!r->refs[p])
			return;
	assert_int_equal(memfile_commit(r->off, r->pages * PAGE_SIZE), 0);
	assert_int_equal(memfile_commit(r->off, r->pages * PAGE_SIZE), 0);
	memset(memfile_ptr(r->off), 0, r->pages * PAGE_SIZE);
	r->reserved = false;
	g_used += r->pages * PAGE_SIZE;
}

static void check_sole(void)
{
	struct range *r = &g_ranges[rnd(g_nr)];
	uint64_t p = rnd((uint32_t)r->pages);

	if (r->refs[p])
		assert_true(memfile_sole(r->off + p * PAGE_SIZE, PAGE_SIZE) ==
			    (r->refs[p] == 1));
}

static void test_random(void **state)
{
	struct memfile_stats st;

	(void)state;
	srandom(1);
	for (int i = 0; i < STEPS; i++) {
		uint32_t what = rnd(10);

		if (what < 3 || g_nr == 0)
			step_alloc();
		else if (what < 5)
			step_refs(true);
		else if (what < 7)
			step_refs(false);
		else if (what < 8)
			step_commit();
		else if (what < 9 && g_nr > MAX_RANGES / 2)
			step_drop_all();
		else
			check_sole();
		if (i % 100 == 0)
			memfile_check();
		memfile_stats(&st);
		assert_int_equal(st.used, g_used);
		assert_true(st.warm <= 64ull << 20);
	}
	while (g_nr)
		step_drop_all();
	memfile_check();
}

static void test_hint_and_warm(void **state)
{
	uint64_t a, b, c, size = 1ull << 20;
	bool warm;

	(void)state;
	assert_int_equal(memfile_alloc(size, MEMFILE_NONE, 0, &a, NULL), 0);
	assert_int_equal(memfile_alloc(size, a - size, 0, &b, NULL), 0);
	assert_int_equal(b, a - size);
	assert_int_equal(memfile_alloc(size, a + size, 0, &c, NULL), 0);
	assert_int_equal(c, a + size);
	memset(memfile_ptr(b), 0x55, size);
	memfile_put(b, size);
	/* Back at the same place, its pages there, but zero. */
	assert_int_equal(memfile_alloc(size, a - size, 0, &b, &warm), 0);
	assert_int_equal(b, a - size);
	assert_true(warm);
	assert_int_equal(*(uint64_t *)memfile_ptr(b + size / 2), 0);
	assert_int_equal(memfile_resident(b, size), size);
	memfile_decommit(b, size);
	assert_int_equal(memfile_resident(b, size), 0);
	memfile_put(b, 3 * size);
	memfile_check();
}

static void test_limit(void **state)
{
	uint64_t a, b;

	(void)state;
	assert_int_equal(memfile_alloc(LIMIT, MEMFILE_NONE, 0, &a, NULL), 0);
	assert_int_equal(memfile_alloc(PAGE_SIZE, MEMFILE_NONE, 0, &b, NULL),
			 -ENOMEM);
	assert_int_equal(memfile_alloc(PAGE_SIZE, MEMFILE_NONE, MEMFILE_RESERVE,
				       &b, NULL),
			 0);
	assert_int_equal(memfile_commit(b, PAGE_SIZE), -ENOMEM);
	memfile_put(a, LIMIT);
	assert_int_equal(memfile_commit(b, PAGE_SIZE), 0);
	memfile_put(b, PAGE_SIZE);
	assert_int_equal(memfile_alloc(MEMFILE_SIZE + PAGE_SIZE, MEMFILE_NONE,
				       MEMFILE_RESERVE, &b, NULL),
			 -ENOMEM);
	memfile_check();
}

/* More than the bound is punched out, and nothing is lost or kept. */
static void test_warm_bound(void **state)
{
	uint64_t off[40], size = 4ull << 20;
	struct memfile_stats st;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
		assert_int_equal(
			memfile_alloc(size, MEMFILE_NONE, 0, &off[i], NULL), 0);
		memset(memfile_ptr(off[i]), 1, size);
	}
	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		memfile_put(off[i], size);
	memfile_stats(&st);
	assert_int_equal(st.used, 0);
	assert_int_equal(st.warm, 64ull << 20);
	memfile_check();
	/* Everything that is void has no pages. */
	assert_true(memfile_resident(0, MEMFILE_SIZE) <= 64ull << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_hint_and_warm),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_warm_bound),
	};

	if (memfile_start(memfd_create("memory", 0), LIMIT) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
