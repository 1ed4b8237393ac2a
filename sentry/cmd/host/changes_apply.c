/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes_apply: changes of an overlay made real on the host.
 *
 * Renamed directories first: all leave their old place (the deepest first) for
 * a name of their own in the root directory, then go to their new one.
 * Tests: tests/hostile/overlay.sh
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/changes.h"
#include "sentry/cmd/host/tree.h"
#include "sentry/lib/alloc.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The directory that holds @path below @root: a descriptor or -errno. */
static int open_parent(int root, const char *path)
{
	AUTO_FREE char *dir = xstrdup(path);

	dir[base_name(path) - path] = '\0';
	return tree_open_path(root, dir);
}

/* Makes the directories above @path that the host lacks. */
static int make_parents(const struct overlay_dir *od, const char *path)
{
	AUTO_FREE char *at = xstrdup(path);
	int ret = 0;

	for (char *slash = strchr(at, '/'); slash && ret == 0;
	     slash = strchr(slash + 1, '/')) {
		int from, to;
		struct stat st;

		*slash = '\0';
		from = open_parent(od->upper_fd, at);
		to = open_parent(od->lower_fd, at);
		ret = MIN(MIN(from, to), 0);
		if (ret == 0 &&
		    fstatat(to, base_name(at), &st, AT_SYMLINK_NOFOLLOW) < 0)
			ret = tree_copy(from, base_name(at), to, base_name(at));
		if (from >= 0)
			close(from);
		if (to >= 0)
			close(to);
		*slash = '/';
	}
	return ret;
}

/* --- renamed directories -------------------------------------------------- */

static void temp_name(size_t i, char *buf, size_t size)
{
	snprintf(buf, size, ".moat-apply-%d-%zu", getpid(), i);
}

static int move_away(const struct overlay_dir *od, const char *from, size_t i)
{
	char temp[64];
	int dir = open_parent(od->lower_fd, from), ret;

	if (dir < 0)
		return dir;
	temp_name(i, temp, sizeof(temp));
	ret = renameat(dir, base_name(from), od->lower_fd, temp);
	ret = ret < 0 ? -errno : 0;
	close(dir);
	return ret;
}

static int move_in(const struct overlay_dir *od, const struct change *c,
		   size_t i)
{
	char temp[64];
	int dir, ret = make_parents(od, c->path);

	if (ret < 0)
		return ret;
	dir = open_parent(od->lower_fd, c->path);
	if (dir < 0)
		return dir;
	temp_name(i, temp, sizeof(temp));
	ret = tree_remove(dir, base_name(c->path));
	if (ret == 0 &&
	    renameat(od->lower_fd, temp, dir, base_name(c->path)) < 0)
		ret = -errno;
	close(dir);
	return ret;
}

static size_t deepest_pending(const struct change_list *l, const bool *pending)
{
	size_t best = l->nr;

	for (size_t i = 0; i < l->nr; i++)
		if (pending[i] &&
		    (best == l->nr ||
		     strlen(l->items[i].from) > strlen(l->items[best].from)))
			best = i;
	return best;
}

static bool apply_renames(const struct overlay_dir *od, struct change_list *l,
			  char *const *paths, int nr)
{
	AUTO_FREE bool *pending = xzalloc(l->nr + 1);
	AUTO_FREE bool *moved = xzalloc(l->nr + 1);
	size_t i;
	int ret = 0;

	for (i = 0; i < l->nr; i++)
		pending[i] = l->items[i].kind == CHANGE_RENAMED &&
			     change_selected(l->items[i].path, paths, nr);
	while (ret == 0 && (i = deepest_pending(l, pending)) < l->nr) {
		ret = move_away(od, l->items[i].from, i);
		pending[i] = false;
		moved[i] = ret == 0;
	}
	for (i = 0; i < l->nr && ret == 0; i++)
		if (moved[i])
			ret = move_in(od, &l->items[i], i);
	if (ret < 0)
		complain("cannot rename a directory of %s: %s", od->lower,
			 strerror(-ret));
	return ret == 0;
}

/* --- the rest ------------------------------------------------------------- */

static int apply_copy(const struct overlay_dir *od, const struct change *c)
{
	const char *name = base_name(c->path);
	int from, to, ret = make_parents(od, c->path);

	if (ret < 0)
		return ret;
	from = open_parent(od->upper_fd, c->path);
	to = open_parent(od->lower_fd, c->path);
	ret = MIN(MIN(from, to), 0);
	if (ret == 0)
		ret = tree_copy(from, name, to, name);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return ret;
}

static int apply_delete(const struct overlay_dir *od, const struct change *c)
{
	int dir = open_parent(od->lower_fd, c->path), ret;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	ret = tree_remove(dir, base_name(c->path));
	close(dir);
	return ret;
}

/* Takes a change that was applied out of the upper layer. */
static void forget(const struct overlay_dir *od, const struct change *c)
{
	const char *name = base_name(c->path);
	int dir = open_parent(od->upper_fd, c->path), sub;

	if (dir < 0)
		return;
	if (unlinkat(dir, name, 0) < 0 && errno == EISDIR &&
	    unlinkat(dir, name, AT_REMOVEDIR) < 0) {
		/* The rest of it was not applied: it is merged from now on. */
		sub = tree_open_dir(dir, name);
		if (sub >= 0) {
			(void)fremovexattr(sub, "user.overlay.redirect");
			(void)fremovexattr(sub, "user.overlay.opaque");
			close(sub);
		}
	}
	close(dir);
}

static bool apply_one(const struct overlay_dir *od, const struct change *c,
		      bool setid)
{
	int ret;

	if (c->kind != CHANGE_DELETED && S_ISREG(c->now.st_mode) &&
	    (c->now.st_mode & 06000) && !setid) {
		complain("%s has a set-id bit; see --allow-setid", c->path);
		return false;
	}
	ret = c->kind == CHANGE_DELETED ? apply_delete(od, c)
					: apply_copy(od, c);
	if (ret < 0)
		complain("cannot apply %s: %s", c->path, strerror(-ret));
	return ret == 0;
}

bool changes_apply(const struct overlay_dir *od, struct change_list *l,
		   char *const *paths, int nr, bool setid)
{
	bool ok = apply_renames(od, l, paths, nr);

	for (size_t i = 0; i < l->nr && ok; i++) {
		struct change *c = &l->items[i];

		if (!change_selected(c->path, paths, nr))
			continue;
		ok = apply_one(od, c, setid);
		c->applied = ok;
	}
	for (size_t i = l->nr; i-- > 0;)
		if (l->items[i].applied)
			forget(od, &l->items[i]);
	return ok;
}
