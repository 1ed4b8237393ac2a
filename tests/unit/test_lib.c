/* SPDX-License-Identifier: Apache-2.0 */
/* test_lib: allocation, hashes, log lines, growing text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sentry/lib/alloc.h"
#include "sentry/lib/hash.h"
#include "sentry/lib/log.h"
#include "sentry/lib/seq_buf.h"

static char g_line[2048];
static size_t g_size;

static void sink(const char *line, size_t size)
{
	assert_true(size < sizeof(g_line));
	memcpy(g_line, line, size);
	g_line[size] = '\0';
	g_size = size;
}

static void alloc_zeroes_and_refuses_overflow(void **state)
{
	AUTO_FREE char *p = kzalloc(100);
	AUTO_FREE void *none = kzalloc(0);
	char *q;

	(void)state;
	assert_non_null(p);
	assert_non_null(none);
	for (int i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_null(kcalloc(SIZE_MAX / 2, 3));
	q = take(p);
	assert_null(p);
	free(q);
}

static void kstrndup_cuts(void **state)
{
	AUTO_FREE char *s = kstrndup("abcdef", 3);

	(void)state;
	assert_string_equal(s, "abc");
}

static void hash_depends_on_both_words(void **state)
{
	(void)state;
	assert_true(hash_pair(1, 2) == hash_pair(1, 2));
	assert_true(hash_pair(1, 2) != hash_pair(2, 1));
	assert_true(hash_bytes("a", 1) != hash_bytes("b", 1));
}

static void log_writes_whole_lines(void **state)
{
	(void)state;
	log_setup(sink, LOG_INFO, "test");
	g_size = 0;
	log_debug("not shown");
	assert_int_equal(g_size, 0);
	log_info("value %d", 42);
	assert_non_null(strstr(g_line, " I test: value 42\n"));
	assert_int_equal(strlen(g_line), g_size);
}

static void log_cuts_long_lines(void **state)
{
	char big[3000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_error("%s", big);
	assert_int_equal(g_size, 1023);
	assert_int_equal(g_line[g_size - 1], '\n');
	assert_null(memchr(g_line, '\0', g_size));
}

static void log_quote_escapes(void **state)
{
	char out[16];

	(void)state;
	assert_string_equal(log_quote(out, sizeof(out), "a\nb\\", 4),
			    "a\\x0ab\\x5c");
	assert_string_equal(log_quote(out, 6, "abc\n", 4), "abc");
	assert_string_equal(log_quote(out, 1, "abc", 3), "");
}

static void seq_buf_grows(void **state)
{
	struct seq_buf s = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		seq_printf(&s, "%d,", i);
	assert_false(s.failed);
	assert_int_equal(s.len, 3890);
	assert_int_equal(strlen(s.data), s.len);
	assert_memory_equal(s.data + s.len - 4, "999,", 4);
	seq_fini(&s);
	assert_null(s.data);
}

static void seq_buf_prints_longer_than_it_is(void **state)
{
	struct seq_buf s = { 0 };
	char big[2000];

	(void)state;
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	seq_printf(&s, "<%s>", big);
	assert_int_equal(s.len, 2001);
	assert_int_equal(s.data[2000], '>');
	seq_fini(&s);
}

static void seq_escape_is_octal(void **state)
{
	struct seq_buf s = { 0 };

	(void)state;
	seq_escape(&s, "a b\\c\n\t");
	assert_string_equal(s.data, "a\\040b\\134c\\012\\011");
	seq_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alloc_zeroes_and_refuses_overflow),
		cmocka_unit_test(kstrndup_cuts),
		cmocka_unit_test(hash_depends_on_both_words),
		cmocka_unit_test(log_writes_whole_lines),
		cmocka_unit_test(log_cuts_long_lines),
		cmocka_unit_test(log_quote_escapes),
		cmocka_unit_test(seq_buf_grows),
		cmocka_unit_test(seq_buf_prints_longer_than_it_is),
		cmocka_unit_test(seq_escape_is_octal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
