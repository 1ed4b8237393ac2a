/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script: Linux's rules for "#! interpreter [one argument]".
 *
 * Invariant: pointers in the result are into its own text, NUL-terminated.
 * Locks:     none.
 * Linux:     fs/binfmt_script.c of 6.9.
 * Tests:     tests/unit/test_script.c
 */
#include "sentry/loader/script.h"

#include <errno.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The first non-blank in [p, last], or NULL. */
static char *skip_blanks(char *p, char *last)
{
	for (; p <= last; p++)
		if (!is_blank(*p))
			return p;
	return NULL;
}

/* The first blank or NUL in [p, last], or NULL. */
static char *find_end(char *p, char *last)
{
	for (; p <= last; p++)
		if (is_blank(*p) || *p == '\0')
			return p;
	return NULL;
}

/* Where the line ends; NULL if the name of the interpreter may be cut. */
static char *line_end(char *text)
{
	char *last = text + SCRIPT_HEAD_SIZE - 1;
	char *name;

	for (char *p = text; p <= last && *p; p++)
		if (*p == '\n')
			return p;
	name = skip_blanks(text + 2, last);
	if (!name || !find_end(name, last))
		return NULL;
	return last;
}

int script_parse(const void *head, size_t size, struct script_line *out)
{
	char *end, *name, *sep, *arg = NULL;

	memset(out->text, 0, sizeof(out->text));
	memcpy(out->text, head, MIN(size, (size_t)SCRIPT_HEAD_SIZE));
	if (out->text[0] != '#' || out->text[1] != '!')
		return -ENOEXEC;
	end = line_end(out->text);
	if (!end)
		return -ENOEXEC;
	while (is_blank(end[-1]))
		end--;
	name = skip_blanks(out->text + 2, end);
	if (!name || name == end)
		return -ENOEXEC;
	sep = find_end(name, end);
	if (sep && *sep != '\0')
		arg = skip_blanks(sep, end);
	*end = '\0';
	if (arg && sep)
		*sep = '\0';
	out->interpreter = name;
	out->argument = arg;
	return 0;
}
