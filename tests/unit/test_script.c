/* SPDX-License-Identifier: Apache-2.0 */
/* test_script: the first line of "#!" files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "sentry/loader/script.h"

static struct script_line g_line;

static int parse(const char *text)
{
	return script_parse(text, strlen(text), &g_line);
}

static void check(const char *text, const char *interp, const char *arg)
{
	assert_int_equal(parse(text), 0);
	assert_string_equal(g_line.interpreter, interp);
	if (arg)
		assert_string_equal(g_line.argument, arg);
	else
		assert_null(g_line.argument);
}

static void plain_lines(void **state)
{
	(void)state;
	check("#!/bin/sh\n", "/bin/sh", NULL);
	check("#! /bin/sh\nexit", "/bin/sh", NULL);
	check("#!/bin/sh", "/bin/sh", NULL);
	check("#!\t /bin/sh \t \n", "/bin/sh", NULL);
	check("#!/usr/bin/env python3\n", "/usr/bin/env", "python3");
}

static void one_argument_with_blanks(void **state)
{
	(void)state;
	check("#!/bin/awk  -f  x y \t\n", "/bin/awk", "-f  x y");
	check("#!/bin/sh -e", "/bin/sh", "-e");
}

static void no_scripts(void **state)
{
	(void)state;
	assert_int_equal(parse(""), -ENOEXEC);
	assert_int_equal(parse("#"), -ENOEXEC);
	assert_int_equal(parse("# !/bin/sh\n"), -ENOEXEC);
	assert_int_equal(parse("#!\n"), -ENOEXEC);
	assert_int_equal(parse("#!  \t \n/bin/sh\n"), -ENOEXEC);
	assert_int_equal(parse("\177ELF"), -ENOEXEC);
}

static void long_lines(void **state)
{
	char text[400];

	(void)state;
	/* The name itself is cut at 256 bytes: refused. */
	memset(text, 'a', sizeof(text));
	memcpy(text, "#!/", 3);
	assert_int_equal(script_parse(text, sizeof(text), &g_line), -ENOEXEC);
	/* The argument is cut: taken as far as it goes. */
	text[100] = ' ';
	assert_int_equal(script_parse(text, sizeof(text), &g_line), 0);
	assert_int_equal(strlen(g_line.interpreter), 98);
	assert_int_equal(strlen(g_line.argument), 154);
	/* Only blanks in all that is read. */
	memset(text + 2, ' ', sizeof(text) - 2);
	assert_int_equal(script_parse(text, sizeof(text), &g_line), -ENOEXEC);
}

static void nul_ends_the_line(void **state)
{
	(void)state;
	assert_int_equal(script_parse("#!/bin/sh\0 x\n", 13, &g_line), 0);
	assert_string_equal(g_line.interpreter, "/bin/sh");
	assert_null(g_line.argument);
	/* An empty name is left to the open that follows (ENOENT). */
	assert_int_equal(script_parse("#!\0\n", 4, &g_line), 0);
	assert_string_equal(g_line.interpreter, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_lines),
		cmocka_unit_test(one_argument_with_blanks),
		cmocka_unit_test(no_scripts),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(nul_ends_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
