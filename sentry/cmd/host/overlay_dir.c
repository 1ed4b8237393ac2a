/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay_dir: making, locking and removing the directory of --overlay.
 *
 * Tests: tests/hostile/overlay.sh
 */
#include "sentry/cmd/host/overlay_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/tree.h"
#include "sentry/lib/alloc.h"

static bool is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *e;
	int nr = 0;

	while (d && (e = readdir(d)) != NULL)
		nr += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	if (d)
		closedir(d);
	return d && nr == 0;
}

/* The shown root's attributes are those of the upper root. */
static bool make_parts(int fd, const char *lower)
{
	struct stat st;
	int upper;
	bool ok = stat(lower, &st) == 0 && mkdirat(fd, "work", 0700) == 0 &&
		  mkdirat(fd, "upper", 0700) == 0;

	if (!ok)
		return false;
	upper = openat(fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = upper >= 0 && fchmod(upper, st.st_mode & 07777) == 0 &&
	     (fchown(upper, st.st_uid, st.st_gid) == 0 ||
	      tree_set_owner_mark(upper, TREE_NOBODY, TREE_NOBODY)) &&
	     symlinkat(lower, fd, "lower") == 0;
	if (upper >= 0)
		close(upper);
	return ok;
}

static int open_dir(const char *dir)
{
	struct stat st;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		complain("cannot open the overlay directory %s: %s", dir,
			 strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    !(st.st_mode & 022)) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		complain("the overlay directory %s is in use by another moat",
			 dir);
	} else {
		complain("the overlay directory %s must be yours and writable "
			 "by nobody else",
			 dir);
	}
	close(fd);
	return -1;
}

/* The target of DIR/lower, allocated; NULL: not an overlay directory. */
static char *read_lower(int fd)
{
	char path[PATH_MAX];
	struct stat st;
	ssize_t len = readlinkat(fd, "lower", path, sizeof(path) - 1);

	if (len <= 0 || path[0] != '/' ||
	    fstatat(fd, "upper", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(st.st_mode) ||
	    fstatat(fd, "work", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(st.st_mode))
		return NULL;
	path[len] = '\0';
	return xstrdup(path);
}

bool overlay_dir_take(const char *dir, const char *lower)
{
	AUTO_FREE char *made_for = NULL;
	int fd;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		complain("cannot make the overlay directory %s: %s", dir,
			 strerror(errno));
		return false;
	}
	fd = open_dir(dir); /* stays open: it holds the lock */
	if (fd < 0)
		return false;
	if (is_empty(fd) && !make_parts(fd, lower)) {
		complain("cannot write to the overlay directory %s: %s", dir,
			 strerror(errno));
		return false;
	}
	made_for = read_lower(fd);
	if (!made_for) {
		complain("%s is neither empty nor an overlay directory", dir);
		return false;
	}
	if (strcmp(made_for, lower)) {
		complain("the overlay directory %s is of the root directory "
			 "%s, not of %s",
			 dir, made_for, lower);
		return false;
	}
	return true;
}

bool overlay_dir_open(const char *dir, struct overlay_dir *out)
{
	*out = (struct overlay_dir){ -1, -1, -1, NULL };
	out->fd = open_dir(dir);
	if (out->fd < 0)
		return false;
	out->lower = read_lower(out->fd);
	if (!out->lower) {
		complain("%s was not made by 'moat run --overlay'", dir);
		return false;
	}
	out->upper_fd = openat(out->fd, "upper",
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	out->lower_fd = open(out->lower, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->upper_fd < 0 || out->lower_fd < 0) {
		complain("cannot read %s: %s",
			 out->upper_fd < 0 ? dir : out->lower, strerror(errno));
		return false;
	}
	return true;
}

void overlay_dir_close(struct overlay_dir *od)
{
	int *const fds[] = { &od->fd, &od->upper_fd, &od->lower_fd };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	free(od->lower);
	od->lower = NULL;
}

bool overlay_dir_remove(const char *dir, struct overlay_dir *od)
{
	int ret = tree_remove(od->fd, "upper");

	if (ret == 0)
		ret = tree_remove(od->fd, "work");
	if (ret == 0 && unlinkat(od->fd, "lower", 0) < 0)
		ret = -errno;
	if (ret == 0 && rmdir(dir) < 0)
		ret = -errno;
	if (ret < 0)
		complain("cannot remove all of %s: %s", dir, strerror(-ret));
	return ret == 0;
}
