/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pipe_packet: borders of packets in a pipe, against plain lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sentry/fs/pipe/packet.h"

static void add(struct pipe_packets *p, size_t *inside, size_t size)
{
	assert_int_equal(packets_reserve(p), 0);
	*inside += size;
	packets_add(p, *inside, size);
}

static void take(struct pipe_packets *p, size_t *inside, size_t size)
{
	*inside -= size;
	packets_taken(p, size);
}

static void plain_bytes_come_first(void **state)
{
	struct pipe_packets p = { 0 };
	size_t inside = 10; /* plain */

	(void)state;
	assert_true(packets_plain(&p) == SIZE_MAX);
	add(&p, &inside, 5);
	assert_int_equal(packets_plain(&p), 10);
	take(&p, &inside, 4);
	assert_int_equal(packets_plain(&p), 6);
	take(&p, &inside, 6);
	assert_int_equal(packets_plain(&p), 0);
	assert_int_equal(packets_first(&p), 5);
	take(&p, &inside, 2);
	assert_int_equal(packets_plain(&p), 0);
	assert_int_equal(packets_first(&p), 3);
	take(&p, &inside, 3);
	assert_true(packets_plain(&p) == SIZE_MAX);
	packets_fini(&p);
}

static void many_packets_stay_in_order(void **state)
{
	struct pipe_packets p = { 0 };
	size_t inside = 0, next = 1;

	(void)state;
	for (size_t round = 0; round < 100; round++) {
		for (size_t i = 1; i <= 20; i++)
			add(&p, &inside, round * 20 + i);
		for (size_t i = 1; i <= 15; i++, next++) {
			assert_int_equal(packets_plain(&p), 0);
			assert_int_equal(packets_first(&p), next);
			take(&p, &inside, next);
		}
	}
	assert_int_equal(p.nr, 500);
	packets_fini(&p);
}

static void returned_bytes_are_plain(void **state)
{
	struct pipe_packets p = { 0 };
	size_t inside = 0;

	(void)state;
	add(&p, &inside, 7);
	packets_returned(&p, 3); /* more than was ever taken */
	assert_int_equal(packets_plain(&p), 3);
	assert_int_equal(packets_first(&p), 7);
	packets_taken(&p, 3);
	assert_int_equal(packets_plain(&p), 0);
	packets_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_bytes_come_first),
		cmocka_unit_test(many_packets_stay_in_order),
		cmocka_unit_test(returned_bytes_are_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
