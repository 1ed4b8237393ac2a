/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay: `moat diff`, `moat apply` and `moat discard`: what runs with an
 * --overlay have changed.
 *
 * Names come from the sandbox: control characters are shown as \ooo.
 * Tests: tests/hostile/overlay.sh
 */
#include <stdio.h>
#include <string.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/changes.h"
#include "sentry/lib/alloc.h"

enum { EXIT_USAGE = 2 };

static const char diff_help[] =
	"usage: moat diff [--patch] DIR [PATH...]\n\n"
	"Lists what runs with --overlay DIR have changed: A added, M "
	"modified,\n"
	"D deleted, R a renamed directory; with sizes in bytes.  With PATHs,\n"
	"only what is at or below them.\n\noptions:\n"
	"  --patch   show the changes of text files as a unified diff\n"
	"  --help    this text\n";
static const char apply_help[] =
	"usage: moat apply [--allow-setid] DIR [PATH...]\n\n"
	"Makes the changes of --overlay DIR real: all, or those at or below\n"
	"the PATHs.  Each file is replaced whole.  Applied changes are no\n"
	"longer part of DIR.\n\noptions:\n"
	"  --allow-setid   also files with a set-user-ID or set-group-ID bit\n"
	"  --help          this text\n";
static const char discard_help[] =
	"usage: moat discard DIR\n\n"
	"Removes the directory of an --overlay and all changes in it.\n";

/* --- printing ------------------------------------------------------------- */

static void print_name(const char *name)
{
	for (const unsigned char *p = (const void *)name; *p; p++) {
		/* C1 controls are c2 80 to c2 9f in UTF-8. */
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;

		if (*p < ' ' || *p == 0x7f || *p == '\\' || c1)
			printf("\\%03o", *p);
		else
			putchar(*p);
		if (c1)
			printf("\\%03o", *++p);
	}
}

static void print_sizes(const struct change *c)
{
	char text[64] = "";
	bool now = c->kind != CHANGE_DELETED && S_ISREG(c->now.st_mode);
	bool was = c->kind != CHANGE_ADDED && S_ISREG(c->was.st_mode);

	if (now && was && c->now.st_size != c->was.st_size)
		snprintf(text, sizeof(text), "%lld>%lld",
			 (long long)c->was.st_size, (long long)c->now.st_size);
	else if (now || was)
		snprintf(text, sizeof(text), "%lld",
			 (long long)(now ? c->now.st_size : c->was.st_size));
	printf(" %15s ", text);
}

static void print_change(const struct overlay_dir *od, const struct change *c)
{
	const struct stat *st = c->kind == CHANGE_DELETED ? &c->was : &c->now;
	AUTO_FREE char *target = NULL;

	putchar(c->kind);
	print_sizes(c);
	if (c->from) {
		print_name(c->from);
		fputs(" -> ", stdout);
	}
	print_name(c->path);
	if (S_ISDIR(st->st_mode))
		putchar('/');
	if (c->kind == CHANGE_MODIFIED && c->now.st_mode != c->was.st_mode)
		printf(" (mode %o, was %o)", c->now.st_mode & 07777,
		       c->was.st_mode & 07777);
	if (c->kind != CHANGE_DELETED && S_ISLNK(st->st_mode)) {
		target = change_link(od, c, true);
		fputs(" -> ", stdout);
		print_name(target ? target : "?");
	}
	putchar('\n');
}

static bool has_text(const struct change *c)
{
	bool now = c->kind != CHANGE_DELETED && S_ISREG(c->now.st_mode);
	bool was = c->kind != CHANGE_ADDED && S_ISREG(c->was.st_mode);

	return (now || was) && c->kind != CHANGE_RENAMED;
}

static int print_all(const struct overlay_dir *od, const struct change_list *l,
		     char **paths, int nr, bool patch)
{
	for (size_t i = 0; i < l->nr; i++) {
		const struct change *c = &l->items[i];
		int ret = 0;

		if (!change_selected(c->path, paths, nr))
			continue;
		if (!patch || !has_text(c))
			print_change(od, c);
		else
			ret = change_patch(od, c);
		if (ret < 0) {
			complain("cannot compare %s: %s", c->path,
				 strerror(-ret));
			return 1;
		}
	}
	return 0;
}

/* --- commands ------------------------------------------------------------- */

/*
 * The words after the options.  @flag is the one option, may be NULL.  Returns
 * the exit code if it is all over, else -1.
 */
static int parse(const char *command, const char *help, const char *flag,
		 int *argc, char ***argv, bool *flag_set)
{
	for (; *argc > 0 && (*argv)[0][0] == '-'; --*argc, ++*argv) {
		const char *word = (*argv)[0];

		if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			fputs(help, stdout);
			return 0;
		}
		if (strcmp(word, "--") == 0) {
			--*argc;
			++*argv;
			break;
		}
		if (!flag || strcmp(word, flag)) {
			complain("unknown option '%s'; see 'moat %s --help'",
				 word, command);
			return EXIT_USAGE;
		}
		*flag_set = true;
	}
	if (*argc == 0) {
		complain("no overlay directory given; see 'moat %s --help'",
			 command);
		return EXIT_USAGE;
	}
	return -1;
}

int cmd_diff(int argc, char **argv)
{
	struct overlay_dir od;
	struct change_list l = { 0 };
	bool patch = false;
	int code = parse("diff", diff_help, "--patch", &argc, &argv, &patch);

	if (code >= 0)
		return code;
	code = 1;
	if (overlay_dir_open(argv[0], &od) && changes_list(&od, &l))
		code = print_all(&od, &l, argv + 1, argc - 1, patch);
	changes_fini(&l);
	overlay_dir_close(&od);
	return code;
}

/* A path that selects nothing is a mistake of the caller. */
static bool all_select(const struct change_list *l, char **paths, int nr)
{
	for (int i = 0; i < nr; i++) {
		bool some = false;

		for (size_t j = 0; j < l->nr && !some; j++)
			some = change_selected(l->items[j].path, &paths[i], 1);
		if (!some) {
			complain("nothing was changed at %s", paths[i]);
			return false;
		}
	}
	return true;
}

int cmd_apply(int argc, char **argv)
{
	struct overlay_dir od;
	struct change_list l = { 0 };
	bool setid = false, ok;
	int code = parse("apply", apply_help, "--allow-setid", &argc, &argv,
			 &setid);

	if (code >= 0)
		return code;
	ok = overlay_dir_open(argv[0], &od) && changes_list(&od, &l) &&
	     all_select(&l, argv + 1, argc - 1) &&
	     changes_apply(&od, &l, argv + 1, argc - 1, setid);
	changes_fini(&l);
	overlay_dir_close(&od);
	return ok ? 0 : 1;
}

int cmd_discard(int argc, char **argv)
{
	struct overlay_dir od;
	bool none = false, ok;
	int code = parse("discard", discard_help, NULL, &argc, &argv, &none);

	if (code >= 0)
		return code;
	if (argc > 1) {
		complain("one directory at a time; see 'moat discard --help'");
		return EXIT_USAGE;
	}
	ok = overlay_dir_open(argv[0], &od) && overlay_dir_remove(argv[0], &od);
	overlay_dir_close(&od);
	return ok ? 0 : 1;
}
