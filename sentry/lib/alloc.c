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

static char *copy_text(const char *s, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *kstrndup(const char *s, size_t max)
{
	return copy_text(s, strnlen(s, max));
}

char *kstrdup(const char *s)
{
	return copy_text(s, strlen(s));
}

static __thread unsigned int g_reserve;

void alloc_reserve_begin(void)
{
	g_reserve++;
}

void alloc_reserve_end(void)
{
	g_reserve--;
}

bool alloc_in_reserve(void)
{
	return g_reserve;
}

static void (*g_give_up)(void) = abort; /* before main() */

void xalloc_setup(void (*give_up)(void))
{
	g_give_up = give_up;
}

static NORETURN void out_of_memory(void)
{
	g_give_up();
	abort();
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
