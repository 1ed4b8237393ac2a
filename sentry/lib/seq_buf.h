/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seq_buf: text that grows, for /proc files and reports.  Out of memory marks
 * it failed; further appends do nothing.
 */
#ifndef SENTRY_LIB_SEQ_BUF_H
#define SENTRY_LIB_SEQ_BUF_H

#include "sentry/lib/compiler.h"

struct seq_buf {
	char *data; /* NUL-terminated once something was added */
	size_t len, cap;
	bool failed;
};

/* Appends formatted text. */
void seq_printf(struct seq_buf *s, const char *fmt, ...) PRINTF(2, 3);
/* Appends @size bytes, which may hold NULs. */
void seq_write(struct seq_buf *s, const void *data, size_t size);
/* As /proc does it in paths: " \t\n\\" become octal escapes. */
void seq_escape(struct seq_buf *s, const char *text);
/* Frees the text; the buffer is empty and usable then. */
void seq_fini(struct seq_buf *s);

#endif
