/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script: the first line of a "#!" program.  Pure.
 */
#ifndef SENTRY_LOADER_SCRIPT_H
#define SENTRY_LOADER_SCRIPT_H

#include "sentry/lib/compiler.h"

#define SCRIPT_HEAD_SIZE 256 /* BINPRM_BUF_SIZE */

struct script_line {
	char text[SCRIPT_HEAD_SIZE + 1];
	const char *interpreter; /* in text; may be "" (then: ENOENT) */
	const char *argument;	 /* in text, or NULL */
};

/*
 * Parses the first bytes of a file (@size, may be less than
 * SCRIPT_HEAD_SIZE at its end).
 * Returns: 0; -ENOEXEC if it is no script, or names no interpreter, or the
 * line is cut inside the interpreter's name.
 */
MUST_CHECK int script_parse(const void *head, size_t size,
			    struct script_line *out);

#endif
