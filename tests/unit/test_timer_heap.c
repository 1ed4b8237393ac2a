/* SPDX-License-Identifier: Apache-2.0 */
/* test_timer_heap: order, removal and moves, against a plain scan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "sentry/time/timer_heap.h"

#define NR 200

static void check_invariant(const struct timer_heap *h)
{
	for (uint32_t i = 1; i <= h->nr; i++) {
		assert_int_equal(h->at[i]->heap_at, i);
		if (i > 1)
			assert_true(h->at[i / 2]->expires <= h->at[i]->expires);
	}
}

static uint64_t least(const struct timer *t)
{
	uint64_t min = UINT64_MAX;

	for (int i = 0; i < NR; i++)
		if (t[i].heap_at && t[i].expires < min)
			min = t[i].expires;
	return min;
}

static void random_moves(void **state)
{
	struct timer_heap h = { 0 };
	struct timer t[NR] = { 0 };

	(void)state;
	srandom(1);
	for (int step = 0; step < 20000; step++) {
		struct timer *one = &t[random() % NR];

		if (random() % 3 == 0)
			timer_heap_remove(&h, one);
		else
			assert_int_equal(timer_heap_put(&h, one, random() % 64),
					 0);
		if (step % 64 == 0)
			check_invariant(&h);
		if (h.nr)
			assert_int_equal(timer_heap_first(&h)->expires,
					 least(t));
	}
	check_invariant(&h);
	timer_heap_fini(&h);
}

static void comes_out_in_order(void **state)
{
	struct timer_heap h = { 0 };
	struct timer t[NR] = { 0 };
	uint64_t last = 0;

	(void)state;
	assert_null(timer_heap_first(&h));
	for (uint32_t i = 0; i < NR; i++)
		assert_int_equal(timer_heap_put(&h, &t[i], (i * 7919) % 1000),
				 0);
	for (uint32_t i = 0; i < NR; i++) {
		struct timer *first = timer_heap_first(&h);

		assert_true(first->expires >= last);
		last = first->expires;
		timer_heap_remove(&h, first);
		assert_int_equal(first->heap_at, 0);
		timer_heap_remove(&h, first); /* harmless */
	}
	assert_int_equal(h.nr, 0);
	timer_heap_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_moves),
		cmocka_unit_test(comes_out_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
