/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tmpfs_data: extents of tmpfs files against a flat buffer, at random.
 */
#include <errno.h>
#include <string.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/mm/memfile.h"
#include "tests/unit/vfs_world.h"

#define SIZE  (96 * PAGE_SIZE)
#define STEPS 20000

static uint8_t g_flat[SIZE];
static bool g_data[SIZE / PAGE_SIZE]; /* page has memory */

static void do_write(struct tdata *d, uint64_t off, uint64_t size)
{
	static uint8_t buf[SIZE];
	uint64_t i, added, before = d->pages;

	for (i = 0; i < size; i++)
		buf[i] = (uint8_t)world_random();
	assert_int_equal(tdata_fill(d, off, size, &added), 0);
	assert_int_equal(d->pages, before + added);
	assert_int_equal(tdata_write(d, off, buf, size), 0);
	memcpy(g_flat + off, buf, size);
	for (i = off / PAGE_SIZE; i <= (off + size - 1) / PAGE_SIZE; i++)
		g_data[i] = true;
}

static void do_zero(struct tdata *d, uint64_t off, uint64_t size)
{
	assert_int_equal(tdata_zero(d, off, size), 0);
	memset(g_flat + off, 0, size);
}

static void do_cut(struct tdata *d, uint64_t off, uint64_t size)
{
	uint64_t first = page_up(off), last = page_down(off + size), i, n = 0;
	struct list gone;

	assert_int_equal(tdata_cut(d, off, size, &gone), 0);
	for (i = first; i < last; i += PAGE_SIZE) {
		n += g_data[i / PAGE_SIZE];
		g_data[i / PAGE_SIZE] = false;
	}
	if (first < last)
		memset(g_flat + first, 0, last - first);
	assert_int_equal(tdata_free(&gone), n);
}

static void check_bytes(struct tdata *d)
{
	static const uint8_t zero[SIZE];
	uint64_t off = 0, mem, n;

	while (off < SIZE) {
		tdata_pin(d, off, SIZE - off, &mem, &n);
		assert_true(n > 0 && n <= SIZE - off);
		if (mem == MEMFILE_NONE) {
			assert_memory_equal(g_flat + off, zero, n);
		} else {
			assert_memory_equal(g_flat + off, memfile_ptr(mem), n);
			tdata_unpin(mem, n);
		}
		off += n;
	}
}

static void check_map(struct tdata *d)
{
	uint64_t i, j, holes = 0;

	for (i = 0; i < SIZE / PAGE_SIZE; i++) {
		uint64_t off = i * PAGE_SIZE, at;

		holes += !g_data[i];
		for (j = i; j < SIZE / PAGE_SIZE && !g_data[j];)
			j++;
		at = tdata_next_data(d, off);
		if (j == SIZE / PAGE_SIZE)
			assert_true(at == UINT64_MAX);
		else
			assert_int_equal(at, j * PAGE_SIZE);
		for (j = i; j < SIZE / PAGE_SIZE && g_data[j];)
			j++;
		assert_int_equal(tdata_next_hole(d, off), j * PAGE_SIZE);
	}
	assert_int_equal(tdata_count_holes(d, 0, SIZE), holes);
	assert_int_equal(d->pages, SIZE / PAGE_SIZE - holes);
	assert_int_equal(world_pages(), d->pages);
}

static void random_against_flat_buffer(void **state)
{
	struct tdata d;
	int i;

	(void)state;
	tdata_init(&d);
	for (i = 0; i < STEPS; i++) {
		uint64_t off = world_random() % SIZE;
		uint64_t size = 1 + world_random() % (world_random() % 4
							      ? 2 * PAGE_SIZE
							      : 16 * PAGE_SIZE);

		size = MIN(size, SIZE - off);
		switch (world_random() % 5) {
		case 0:
		case 1:
			do_write(&d, off, size);
			break;
		case 2:
			do_zero(&d, off, size);
			break;
		default:
			do_cut(&d, off, size);
			break;
		}
		if (i % 50 == 0) {
			check_bytes(&d);
			check_map(&d);
		}
	}
	tdata_fini(&d);
	assert_int_equal(world_pages(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_against_flat_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
