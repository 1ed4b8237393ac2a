/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes: comparing the upper directory of an overlay with what is below it.
 *
 * Tests: tests/hostile/overlay.sh
 */
#include "sentry/cmd/host/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/tree.h"
#include "sentry/lib/alloc.h"

struct compare {
	const struct overlay_dir *od;
	struct change_list *out;
	unsigned int depth;
};

static char *join(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = xzalloc(size);

	snprintf(path, size, "%s%s%s", dir, *dir ? "/" : "", name);
	return path;
}

static struct change *add(struct compare *c, enum change_kind kind,
			  const char *path)
{
	struct change_list *l = c->out;
	struct change *item;

	if (l->nr == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->items = realloc(l->items, l->cap * sizeof(*l->items));
		if (!l->items)
			abort();
	}
	item = &l->items[l->nr++];
	*item = (struct change){ .kind = kind, .path = xstrdup(path) };
	return item;
}

/* --- are they equal? ------------------------------------------------------ */

static bool same_data(int a, int b)
{
	char *buf = xzalloc(2 * 65536);
	ssize_t n, m;

	do {
		n = read(a, buf, 65536);
		m = n > 0 ? pread(b, buf + 65536, (size_t)n,
				  lseek(a, 0, SEEK_CUR) - n)
			  : n;
	} while (n > 0 && n == m && !memcmp(buf, buf + 65536, (size_t)n));
	free(buf);
	return n == 0;
}

static bool same_content(int upper, int lower, const char *name,
			 const struct stat *now, const struct stat *was)
{
	bool same;

	if (S_ISLNK(now->st_mode)) {
		AUTO_FREE char *a = tree_readlink(upper, name);
		AUTO_FREE char *b = tree_readlink(lower, name);

		return a && b && strcmp(a, b) == 0;
	}
	if (!S_ISREG(now->st_mode))
		return now->st_rdev == was->st_rdev;
	if (now->st_size != was->st_size)
		return false;
	if (now->st_mtim.tv_sec == was->st_mtim.tv_sec &&
	    now->st_mtim.tv_nsec == was->st_mtim.tv_nsec)
		return true; /* copied up, not written */
	int a = tree_open_file(upper, name), b = tree_open_file(lower, name);

	same = a >= 0 && b >= 0 && same_data(a, b);
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	return same;
}

static bool same_attributes(const struct stat *now, const struct stat *was)
{
	return now->st_mode == was->st_mode && now->st_uid == was->st_uid &&
	       now->st_gid == was->st_gid;
}

/* --- the walk ------------------------------------------------------------- */

static int compare_dirs(struct compare *c, int upper, int lower, bool opaque,
			const char *path);

/* A directory of the upper layer; @was NULL: there is none below. */
static int compare_dir(struct compare *c, int upper, int lower,
		       const char *name, const char *path,
		       const struct stat *now, const struct stat *was)
{
	AUTO_FREE char *opaque = NULL, *redirect = NULL;
	int sub = tree_open_dir(upper, name), below = -1, ret;
	struct change *item = NULL;

	if (sub < 0)
		return sub;
	opaque = tree_mark(sub, "opaque");
	redirect = tree_mark(sub, "redirect");
	if (redirect && redirect[0] == '/') {
		below = tree_open_path(c->od->lower_fd, redirect);
		item = add(c, CHANGE_RENAMED, path);
		item->from = xstrdup(redirect + strspn(redirect, "/"));
	} else if (!was || !S_ISDIR(was->st_mode)) {
		item = add(c, was ? CHANGE_MODIFIED : CHANGE_ADDED, path);
	} else {
		below = tree_open_dir(lower, name);
		/* An opaque one was made anew. */
		if (opaque || !same_attributes(now, was))
			item = add(c, CHANGE_MODIFIED, path);
	}
	if (item) {
		item->now = *now;
		if (was)
			item->was = *was;
	}
	ret = compare_dirs(c, sub, below, opaque && *opaque == 'y', path);
	close(sub);
	if (below >= 0)
		close(below);
	return ret;
}

static int compare_one(struct compare *c, int upper, int lower,
		       const char *name, const char *path)
{
	struct stat now, was;
	struct change *item;
	bool had;

	if (fstatat(upper, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	had = lower >= 0 &&
	      fstatat(lower, name, &was, AT_SYMLINK_NOFOLLOW) == 0;
	if (tree_is_whiteout(&now)) {
		if (had)
			add(c, CHANGE_DELETED, path)->was = was;
		return 0;
	}
	tree_read_owner(upper, name, &now);
	if (had && now.st_uid == TREE_NOBODY) {
		now.st_uid = was.st_uid;
		now.st_gid = was.st_gid;
	}
	if (S_ISDIR(now.st_mode))
		return compare_dir(c, upper, lower, name, path, &now,
				   had ? &was : NULL);
	if (had && same_attributes(&now, &was) &&
	    same_content(upper, lower, name, &now, &was))
		return 0;
	item = add(c, had ? CHANGE_MODIFIED : CHANGE_ADDED, path);
	item->now = now;
	if (had)
		item->was = was;
	return 0;
}

/* What an opaque directory hides of the one below. */
static int add_hidden(struct compare *c, int upper, int lower, const char *path)
{
	struct name_list l;
	struct stat st, was;
	int ret = tree_names(lower, &l);

	for (size_t i = 0; i < l.nr; i++) {
		AUTO_FREE char *sub = join(path, l.names[i]);

		if (fstatat(upper, l.names[i], &st, AT_SYMLINK_NOFOLLOW) < 0 &&
		    fstatat(lower, l.names[i], &was, AT_SYMLINK_NOFOLLOW) == 0)
			add(c, CHANGE_DELETED, sub)->was = was;
	}
	tree_names_fini(&l);
	return ret;
}

static int compare_dirs(struct compare *c, int upper, int lower, bool opaque,
			const char *path)
{
	struct name_list l;
	int ret;

	if (++c->depth > TREE_MAX_DEPTH)
		return -ELOOP;
	ret = tree_names(upper, &l);
	for (size_t i = 0; i < l.nr && ret == 0; i++) {
		AUTO_FREE char *sub = join(path, l.names[i]);

		ret = compare_one(c, upper, lower, l.names[i], sub);
	}
	tree_names_fini(&l);
	if (ret == 0 && opaque && lower >= 0)
		ret = add_hidden(c, upper, lower, path);
	c->depth--;
	return ret;
}

/* Was @c deleted, or did it leave with a directory that was renamed? */
static bool left_by_rename(const struct change_list *l, const struct change *c)
{
	for (size_t i = 0; i < l->nr; i++) {
		const char *from = l->items[i].from;
		size_t len = from ? strlen(from) : 0;

		if (from && !strncmp(c->path, from, len) &&
		    (c->path[len] == '/' || c->path[len] == '\0'))
			return true;
	}
	return false;
}

static void drop_left(struct change_list *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->nr; i++) {
		struct change *c = &l->items[i];

		if (c->kind == CHANGE_DELETED && left_by_rename(l, c)) {
			free(c->path);
			c->path = NULL;
		}
	}
	for (size_t i = 0; i < l->nr; i++)
		if (l->items[i].path)
			l->items[kept++] = l->items[i];
	l->nr = kept;
}

bool changes_list(const struct overlay_dir *od, struct change_list *out)
{
	struct compare c = { .od = od, .out = out };
	int ret;

	*out = (struct change_list){ 0 };
	ret = compare_dirs(&c, od->upper_fd, od->lower_fd, false, "");
	if (ret < 0)
		complain("cannot compare with %s: %s", od->lower,
			 strerror(-ret));
	drop_left(out);
	return ret == 0;
}

void changes_fini(struct change_list *l)
{
	for (size_t i = 0; i < l->nr; i++) {
		free(l->items[i].path);
		free(l->items[i].from);
	}
	free(l->items);
	*l = (struct change_list){ 0 };
}

bool change_selected(const char *path, char *const *paths, int nr)
{
	for (int i = 0; i < nr; i++) {
		const char *want = paths[i] + strspn(paths[i], "/");
		size_t len = strlen(want);

		while (len && want[len - 1] == '/')
			len--;
		if (len == 0 || (!strncmp(path, want, len) &&
				 (path[len] == '/' || path[len] == '\0')))
			return true;
	}
	return nr == 0;
}
