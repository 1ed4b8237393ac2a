/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc: zeroed memory on top of malloc; the x forms end the process.
 *
 * Invariant: a successful result is never NULL, also for size 0.
 * Locks:     none but malloc's own.
 * Tests:     tests/unit/test_lib.c
 */
#include "sentry/lib/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXIT_NO_MEMORY 125

void *kzalloc(size_t size)
{
	return calloc(1, size ? size : 1);
}

void *kcalloc(size_t nr, size_t size)
{
	size_t total;

	if (mul_overflows(nr, size, &total))
		return NULL;
	return kzalloc(total);
}

char *kstrndup(const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *kstrdup(const char *s)
{
	return kstrndup(s, SIZE_MAX - 1);
}

static NORETURN void out_of_memory(void)
{
	fputs("moat: out of memory\n", stderr);
	_Exit(EXIT_NO_MEMORY);
}

void *xzalloc(size_t size)
{
	void *p = kzalloc(size);

	if (!p)
		out_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	char *copy = kstrdup(s);

	if (!copy)
		out_of_memory();
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		out_of_memory();
	return text;
}
