/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_gofer_codec: what goes in comes out, and nothing else comes out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gofer_messages.h"

static char g_buf[GOFER_DATA_SIZE];

#define STR(s) ((struct gofer_str){ s, (uint32_t)strlen(s) })

static void a_walk_survives_the_wire(void **state)
{
	struct gofer_walk_req in = { .dir = 0x1234567890abcdef,
				     .nr_names = 3,
				     .names = { STR("usr"), STR(".x"),
						STR("...") } };
	struct gofer_walk_req out;
	long n = gofer_walk_req_encode(g_buf, sizeof(g_buf), &in);

	(void)state;
	assert_true(n > 0);
	assert_int_equal(gofer_walk_req_decode(g_buf, (size_t)n, &out), 0);
	assert_int_equal(out.dir, in.dir);
	assert_int_equal(out.nr_names, 3);
	for (int i = 0; i < 3; i++)
		assert_string_equal(out.names[i].p, in.names[i].p);
}

/* Every cut of a good message is refused, and every byte too many. */
static void lengths_must_fit_exactly(void **state)
{
	struct gofer_rename_req in = { .old_dir = 1,
				       .new_dir = 2,
				       .old_name = STR("from"),
				       .new_name = STR("to") };
	struct gofer_rename_req out;
	long n = gofer_rename_req_encode(g_buf, sizeof(g_buf), &in);

	(void)state;
	for (long cut = 0; cut < n + 8; cut++)
		assert_int_equal(
			gofer_rename_req_decode(g_buf, (size_t)cut, &out),
			cut == n ? 0 : -EPROTO);
}

static void bad_names_are_not_sent(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/" };
	struct gofer_mkdir_req req = { 0 };
	char longest[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		req.name = STR(bad[i]);
		assert_int_equal(
			gofer_mkdir_req_encode(g_buf, sizeof(g_buf), &req),
			-EINVAL);
	}
	memset(longest, 'x', sizeof(longest));
	req.name = (struct gofer_str){ longest, 255 };
	assert_true(gofer_mkdir_req_encode(g_buf, sizeof(g_buf), &req) > 0);
	req.name.len = 256;
	assert_int_equal(gofer_mkdir_req_encode(g_buf, sizeof(g_buf), &req),
			 -ENAMETOOLONG);
}

static void bad_names_are_not_taken(void **state)
{
	static const char *const bad[] = { "..", ".", "a/b", "a\0b" };
	struct gofer_mkdir_req in = { .name = STR("abc") }, out;
	long n = gofer_mkdir_req_encode(g_buf, sizeof(g_buf), &in);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t len = i < 2 ? strlen(bad[i]) : 3;
		uint32_t wire_len = (uint32_t)len;
		size_t at = (size_t)n - 4; /* "abc" and its NUL are the tail */

		memcpy(g_buf + at, bad[i], len);
		g_buf[at + len] = '\0';
		/* The length is the last u32 of the fixed part. */
		memcpy(g_buf + 20, &wire_len, 4);
		assert_int_equal(
			gofer_mkdir_req_decode(g_buf, at + len + 1, &out),
			-EPROTO);
	}
}

static void counts_are_bounded(void **state)
{
	struct gofer_release_req in = { .nr_nodes = GOFER_MAX_RELEASE };
	struct gofer_release_req out;
	long n = gofer_release_req_encode(g_buf, sizeof(g_buf), &in);
	uint32_t nr;

	(void)state;
	assert_int_equal(gofer_release_req_decode(g_buf, (size_t)n, &out), 0);
	for (nr = GOFER_MAX_RELEASE + 1; nr != 0; nr <<= 1) {
		memcpy(g_buf, &nr, 4);
		assert_int_equal(
			gofer_release_req_decode(g_buf, (size_t)n, &out),
			-EPROTO);
	}
	in.nr_nodes = GOFER_MAX_RELEASE + 1;
	assert_int_equal(gofer_release_req_encode(g_buf, sizeof(g_buf), &in),
			 -EINVAL);
}

static void small_buffers_are_respected(void **state)
{
	struct gofer_readlink_rep rep = { .target = STR("some/target") };
	char small[12];

	(void)state;
	memset(small, 0x55, sizeof(small));
	for (size_t cap = 0; cap < 12; cap++)
		assert_int_equal(gofer_readlink_rep_encode(small, cap, &rep),
				 -EMSGSIZE);
}

static void unknown_operations_have_no_size(void **state)
{
	(void)state;
	assert_int_equal(gofer_op_max_request(0), 0);
	assert_int_equal(gofer_op_max_request(GOFER_OP_END), 0);
	assert_int_equal(gofer_op_fds(UINT32_MAX), 0);
	assert_int_equal(gofer_op_fds(GOFER_OP_OPEN), 1);
	assert_int_equal(gofer_request_check(0, g_buf, 0), -EPROTO);
	assert_int_equal(gofer_request_check(UINT32_MAX, g_buf, 100), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_survives_the_wire),
		cmocka_unit_test(lengths_must_fit_exactly),
		cmocka_unit_test(bad_names_are_not_sent),
		cmocka_unit_test(bad_names_are_not_taken),
		cmocka_unit_test(counts_are_bounded),
		cmocka_unit_test(small_buffers_are_respected),
		cmocka_unit_test(unknown_operations_have_no_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
