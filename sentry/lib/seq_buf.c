/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seq_buf: text that grows by doubling.
 *
 * Invariant: data is NULL or has cap bytes with data[len] == 0, len < cap.
 * Locks:     none; a buffer belongs to one thread.
 * Tests:     tests/unit/test_lib.c
 */
#include "sentry/lib/seq_buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

/* Room for @more bytes and the final NUL. */
static bool reserve(struct seq_buf *s, size_t more)
{
	size_t want, cap = s->cap ? s->cap : FIRST_SIZE;
	char *data;

	if (s->failed)
		return false;
	if (add_overflows(s->len, more, &want) || want > SIZE_MAX / 4) {
		s->failed = true;
		return false;
	}
	if (want < s->cap)
		return true;
	while (cap <= want)
		cap *= 2;
	data = realloc(s->data, cap);
	if (!data) {
		s->failed = true;
		return false;
	}
	s->data = data;
	s->cap = cap;
	return true;
}

void seq_write(struct seq_buf *s, const void *data, size_t size)
{
	if (!reserve(s, size))
		return;
	if (size)
		memcpy(s->data + s->len, data, size);
	s->len += size;
	s->data[s->len] = '\0';
}

void seq_printf(struct seq_buf *s, const char *fmt, ...)
{
	va_list ap, again;
	int len;

	if (!reserve(s, 0))
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(s->data + s->len, s->cap - s->len, fmt, ap);
	va_end(ap);
	if (len < 0) {
		s->failed = true;
	} else if ((size_t)len < s->cap - s->len) {
		s->len += (size_t)len;
	} else if (reserve(s, (size_t)len)) {
		vsnprintf(s->data + s->len, s->cap - s->len, fmt, again);
		s->len += (size_t)len;
	}
	va_end(again);
	if (s->data)
		s->data[s->len] = '\0';
}

void seq_escape(struct seq_buf *s, const char *text)
{
	for (; *text; text++) {
		if (strchr(" \t\n\\", *text))
			seq_printf(s, "\\%03o", (unsigned char)*text);
		else
			seq_write(s, text, 1);
	}
}

void seq_fini(struct seq_buf *s)
{
	free(s->data);
	*s = (struct seq_buf){ 0 };
}
