/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: builds a line in a local buffer and hands it to the sink in one piece.
 *
 * Invariant: a line ends with exactly one newline and has at most 1 KiB.
 * Locks:     none; the sink's one write keeps lines whole.
 * Tests:     tests/unit/test_lib.c
 */
#include "sentry/lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define LINE_SIZE 1024

static log_sink *g_sink;	 /* start-up only */
static enum log_level g_max;	 /* start-up only */
static const char *g_role = "?"; /* start-up only */

void log_setup(log_sink *sink, enum log_level max, const char *role)
{
	g_sink = sink;
	g_max = max;
	g_role = role;
}

bool log_enabled(enum log_level level)
{
	return g_sink && level <= g_max;
}

/* UTC by hand: gmtime_r() would read the host's time zone file. */
static size_t put_prefix(char *line, enum log_level level)
{
	static const char mark[] = "EWID";
	struct timespec now = { 0 };
	unsigned int sec;
	int len;

	clock_gettime(CLOCK_REALTIME, &now);
	sec = (unsigned int)(now.tv_sec % 86400);
	len = snprintf(line, LINE_SIZE,
		       "%02u:%02u:%02u.%06u %c %s: ", sec / 3600, sec / 60 % 60,
		       sec % 60, (unsigned int)now.tv_nsec / 1000,
		       mark[level & 3], g_role);
	return MIN((size_t)len, (size_t)LINE_SIZE - 2);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_SIZE];
	size_t len;
	va_list ap;
	int more;

	if (!log_enabled(level))
		return;
	len = put_prefix(line, level);
	va_start(ap, fmt);
	more = vsnprintf(line + len, LINE_SIZE - 1 - len, fmt, ap);
	va_end(ap);
	if (more > 0)
		len = MIN(len + (size_t)more, (size_t)LINE_SIZE - 2);
	line[len++] = '\n';
	g_sink(line, len);
}

const char *log_quote(char *dst, size_t dst_size, const void *src, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = src;
	size_t at = 0;

	if (dst_size == 0)
		return "";
	for (size_t i = 0; i < size; i++) {
		bool plain = s[i] >= ' ' && s[i] < 0x7f && s[i] != '\\';

		if (at + (plain ? 1 : 4) >= dst_size)
			break;
		if (plain) {
			dst[at++] = (char)s[i];
			continue;
		}
		dst[at++] = '\\';
		dst[at++] = 'x';
		dst[at++] = hex[s[i] >> 4];
		dst[at++] = hex[s[i] & 15];
	}
	dst[at] = '\0';
	return dst;
}
