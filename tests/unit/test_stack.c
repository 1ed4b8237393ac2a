/* SPDX-License-Identifier: Apache-2.0 */
/* test_stack: the layout of a new program's stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "abi/auxv.h"
#include "sentry/loader/stack.h"

#define TOP 0x7ffffffff000ull

static struct stack_input input(uint64_t *auxv, uint32_t nr)
{
	return (struct stack_input){
		.top = TOP,
		.argv = "prog\0-x",
		.argv_size = 8,
		.argc = 2,
		.envp = "A=1\0B=22\0C=",
		.envp_size = 12,
		.envc = 3,
		.filename_size = 10,
		.auxv = auxv,
		.nr_auxv = nr,
	};
}

static void layout_is_linux(void **state)
{
	uint64_t auxv[] = { LINUX_AT_PAGESZ, 4096, LINUX_AT_RANDOM,   0,
			    LINUX_AT_EXECFN, 0,	   LINUX_AT_PLATFORM, 0 };
	struct stack_input in = input(auxv, 8);
	struct stack_plan p;
	const uint64_t *w;

	(void)state;
	assert_int_equal(stack_plan(&in, &p), 0);
	assert_int_equal(p.filename_at, TOP - 8 - 10);
	assert_int_equal(p.envp_at, p.filename_at - 12);
	assert_int_equal(p.argv_at, p.envp_at - 8);
	assert_int_equal(p.platform_at, (p.argv_at & ~15ull) - 7);
	assert_int_equal(p.random_at, p.platform_at - 16);
	assert_int_equal(p.sp % 16, 0);
	assert_int_equal(p.nr_words, 1 + 3 + 4 + 8 + 2);
	assert_true(p.sp + p.nr_words * 8 <= p.random_at);
	assert_true(p.random_at - (p.sp + p.nr_words * 8) < 16);
	w = p.words;
	assert_int_equal(w[0], 2);
	assert_int_equal(w[1], p.argv_at);
	assert_int_equal(w[2], p.argv_at + 5);
	assert_int_equal(w[3], 0);
	assert_int_equal(w[4], p.envp_at);
	assert_int_equal(w[5], p.envp_at + 4);
	assert_int_equal(w[6], p.envp_at + 9);
	assert_int_equal(w[7], 0);
	assert_int_equal(w[8], LINUX_AT_PAGESZ);
	assert_int_equal(w[11], p.random_at);
	assert_int_equal(w[13], p.filename_at);
	assert_int_equal(w[15], p.platform_at);
	assert_int_equal(w[16], LINUX_AT_NULL);
	assert_int_equal(w[17], 0);
	stack_plan_fini(&p);
}

static void every_count_is_aligned(void **state)
{
	uint64_t auxv[] = { LINUX_AT_PAGESZ, 4096 };

	(void)state;
	for (uint32_t n = 0; n < 20; n++) {
		struct stack_input in = input(auxv, 2);
		char args[32] = { 0 };
		struct stack_plan p;

		in.argv = args;
		in.argv_size = n;
		in.argc = n; /* empty strings */
		in.gap = n * 37;
		assert_int_equal(stack_plan(&in, &p), 0);
		assert_int_equal(p.sp % 16, 0);
		assert_true(p.sp + p.nr_words * 8 <= p.random_at);
		stack_plan_fini(&p);
	}
}

static void counts_must_match(void **state)
{
	uint64_t auxv[] = { LINUX_AT_PAGESZ, 4096 };
	struct stack_input in = input(auxv, 2);
	struct stack_plan p;

	(void)state;
	in.argc = 3;
	assert_int_equal(stack_plan(&in, &p), -EINVAL);
	in.argc = 1;
	assert_int_equal(stack_plan(&in, &p), -EINVAL);
	in = input(auxv, 2);
	in.envp_size = 11; /* the last string has no NUL */
	assert_int_equal(stack_plan(&in, &p), -EINVAL);
}

static void too_large(void **state)
{
	uint64_t auxv[] = { LINUX_AT_PAGESZ, 4096 };
	struct stack_input in = input(auxv, 2);
	struct stack_plan p;

	(void)state;
	in.top = 64;
	assert_int_equal(stack_plan(&in, &p), -E2BIG);
	in.top = 0x2000;
	in.filename_size = SIZE_MAX;
	assert_int_equal(stack_plan(&in, &p), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_is_linux),
		cmocka_unit_test(every_count_is_aligned),
		cmocka_unit_test(counts_must_match),
		cmocka_unit_test(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
