/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pipe_ring: the bytes in a pipe, against a plain array.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "sentry/fs/pipe/ring.h"

/* --- a uio over sentry memory that faults after so many bytes ------------- */

static size_t g_fault_after = SIZE_MAX;

static char *at(struct uio *u)
{
	return (char *)u->one.iov_base + u->seg_off;
}

static long move(struct uio *u, size_t size)
{
	size_t n = MIN(MIN(size, u->left), g_fault_after);

	g_fault_after -= n;
	u->seg_off += n;
	u->left -= n;
	return n || !size ? (long)n : -EFAULT;
}

long uio_copy_out(struct uio *u, const void *src, size_t size)
{
	memcpy(at(u), src, MIN(MIN(size, u->left), g_fault_after));
	return move(u, size);
}

long uio_copy_in(struct uio *u, void *dst, size_t size)
{
	memcpy(dst, at(u), MIN(MIN(size, u->left), g_fault_after));
	return move(u, size);
}

static struct uio make_uio(void *buf, size_t size)
{
	return (struct uio){ .one = { buf, size }, .left = size };
}

/* --- tests ---------------------------------------------------------------- */

static uint32_t next_random(void)
{
	static uint64_t s = 88172645463325252ull;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (uint32_t)(s >> 16);
}

struct model {
	char data[1 << 20];
	size_t head, tail; /* read and write positions; never wraps here */
};

static void check(const struct pipe_ring *r, const struct model *m)
{
	static char buf[70000];

	assert_int_equal(r->len, m->tail - m->head);
	assert_int_equal(ring_peek(r, buf, sizeof(buf)), r->len);
	assert_memory_equal(buf, m->data + m->head, r->len);
}

static void test_random(void **state)
{
	static struct model m;
	static char buf[20000];
	struct pipe_ring r;

	(void)state;
	ring_init(&r, 8192);
	while (m.tail < sizeof(m.data) - sizeof(buf)) {
		size_t size = next_random() % sizeof(buf);
		struct uio u = make_uio(buf, size);
		size_t want;
		long got;

		if (next_random() % 2) {
			for (size_t i = 0; i < size; i++)
				buf[i] = (char)next_random();
			want = MIN(size, ring_room(&r));
			got = ring_put(&r, &u, size);
			assert_int_equal(got, want);
			memcpy(m.data + m.tail, buf, want);
			m.tail += want;
		} else {
			want = MIN(size, r.len);
			got = ring_get(&r, &u, size);
			assert_int_equal(got, want);
			assert_memory_equal(buf, m.data + m.head, want);
			m.head += want;
		}
		if (next_random() % 16 == 0)
			(void)!ring_resize(&r, 4096u << next_random() % 4);
		check(&r, &m);
	}
	ring_fini(&r);
}

static void test_resize(void **state)
{
	char buf[5000] = "abc";
	struct uio u = make_uio(buf, sizeof(buf));
	struct pipe_ring r;

	(void)state;
	ring_init(&r, 8192);
	assert_int_equal(ring_put(&r, &u, 5000), 5000);
	assert_int_equal(ring_resize(&r, 4096), -EBUSY);
	assert_int_equal(ring_resize(&r, 65536), 0);
	assert_int_equal(r.len, 5000);
	assert_int_equal(ring_room(&r), 60536);
	ring_fini(&r);
}

/* Bytes that come back stand before the others, wherever the ring begins. */
static void test_unget(void **state)
{
	char buf[9000];
	struct pipe_ring r;
	struct uio u;

	(void)state;
	for (size_t start = 0; start < 4096; start += 1000) {
		ring_init(&r, 4096);
		u = make_uio(buf, start);
		assert_int_equal(ring_put(&r, &u, start), start);
		u = make_uio((char *)"tail", 4);
		assert_int_equal(ring_put(&r, &u, 4), 4);
		u = make_uio(buf, start);
		assert_int_equal(ring_get(&r, &u, start), start);
		memset(buf, 'x', 3000);
		assert_int_equal(ring_unget(&r, buf, 3000), 0);
		assert_int_equal(ring_unget(&r, "head", 4), 0);
		assert_int_equal(r.size, 4096);
		assert_int_equal(ring_unget(&r, buf, 2000), 0);
		assert_int_equal(ring_peek(&r, buf, sizeof(buf)), 5008);
		assert_memory_equal(buf + 2000, "head", 4);
		assert_memory_equal(buf + 5004, "tail", 4);
		ring_fini(&r);
	}
}

static void test_faults_give_what_was_moved(void **state)
{
	char in[100] = "0123456789", out[100];
	struct uio u = make_uio(in, 100), v = make_uio(out, 100);
	struct pipe_ring r;

	(void)state;
	ring_init(&r, 4096);
	g_fault_after = 10;
	assert_int_equal(ring_put(&r, &u, 100), 10);
	assert_int_equal(r.len, 10);
	assert_int_equal(ring_put(&r, &u, 90), -EFAULT);
	assert_int_equal(r.len, 10);
	g_fault_after = 4;
	assert_int_equal(ring_get(&r, &v, 100), 4);
	assert_int_equal(r.len, 6);
	assert_int_equal(ring_get(&r, &v, 96), -EFAULT);
	assert_int_equal(r.len, 6);
	g_fault_after = SIZE_MAX;
	ring_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_unget),
		cmocka_unit_test(test_faults_give_what_was_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
