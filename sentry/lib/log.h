/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line an event, to one descriptor, from any thread.
 *
 * Each line is one write(2): time, level, role (sentry, gofer, launcher), text.
 * A line is cut at 1 KiB.  Guest-controlled bytes are escaped by the caller
 * with log_quote().
 */
#ifndef SENTRY_LIB_LOG_H
#define SENTRY_LIB_LOG_H

#include "sentry/lib/compiler.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Writes one whole line; called from any thread, must not log. */
typedef void log_sink(const char *line, size_t size);

/* Where lines go (host_log_write(), ...) and which.  Start-up only. */
void log_setup(log_sink *sink, enum log_level max, const char *role);
bool log_enabled(enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#define log_error(...)	 log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                    \
	do {                                              \
		if (log_enabled(LOG_DEBUG))               \
			log_line(LOG_DEBUG, __VA_ARGS__); \
	} while (0)

/* Copies @size bytes of @src into @dst as printable ASCII, \xNN for others. */
const char *log_quote(char *dst, size_t dst_size, const void *src, size_t size);

#endif
