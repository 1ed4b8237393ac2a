/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_copy: one entry of a tree to another place, atomically.
 *
 * The copy is made under a name of its own beside the target and renamed.
 * Tests: tests/hostile/overlay.sh
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sentry/cmd/host/tree.h"
#include "sentry/lib/alloc.h"

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

/* Data only; holes stay holes. */
static int copy_data(int from, int to, off_t size)
{
	off_t data = 0, hole;

	if (ftruncate(to, size) < 0)
		return -errno;
	while (data < size) {
		data = lseek(from, data, SEEK_DATA);
		if (data < 0)
			return errno == ENXIO ? 0 : -errno;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0 || lseek(to, data, SEEK_SET) < 0)
			return -errno;
		while (data < hole) {
			ssize_t n = sendfile(to, from, &data,
					     (size_t)(hole - data));

			if (n < 0)
				return -errno;
			if (n == 0)
				return 0; /* it became shorter */
		}
	}
	return 0;
}

static int copy_xattr(int from, int to, const char *name)
{
	char *value = malloc(65536);
	ssize_t len = value ? fgetxattr(from, name, value, 65536) : -1;
	int ret = 0;

	if (len < 0 || fsetxattr(to, name, value, (size_t)len, 0) < 0)
		ret = -errno;
	free(value);
	return ret == -ENODATA ? 0 : ret;
}

static int copy_xattrs(int from, int to)
{
	AUTO_FREE char *list = xzalloc(65536 + 1);
	ssize_t size = flistxattr(from, list, 65536), at;
	int ret = 0;

	if (size < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (at = 0; at < size && ret == 0;
	     at += (ssize_t)strlen(list + at) + 1)
		if (strncmp(list + at, "user.overlay.", 13))
			ret = copy_xattr(from, to, list + at);
	return ret;
}

/* An owner that the caller may not give stays the caller. */
static int set_attributes(int fd, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	uint32_t mode = st->st_mode & 07777;

	if (fchown(fd, st->st_uid, st->st_gid) < 0) {
		if (errno != EPERM)
			return -errno;
		mode &= 01777;
	}
	if (fchmod(fd, mode) < 0 || futimens(fd, times) < 0)
		return -errno;
	return 0;
}

static int copy_file(int from, const char *name, const struct stat *st, int to,
		     const char *temp)
{
	int in = tree_open_file(from, name), out, ret;

	if (in < 0)
		return in;
	out = openat(to, temp,
		     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ret = result(out);
	if (ret >= 0)
		ret = copy_data(in, out, st->st_size);
	if (ret == 0)
		ret = copy_xattrs(in, out);
	if (ret == 0)
		ret = set_attributes(out, st);
	if (ret == 0 && fsync(out) < 0)
		ret = -errno;
	close(in);
	if (out >= 0)
		close(out);
	return ret;
}

static int copy_link(int from, const char *name, const struct stat *st, int to,
		     const char *temp)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	char *target = tree_readlink(from, name);
	int ret = target ? result(symlinkat(target, to, temp)) : -errno;

	free(target);
	if (ret < 0)
		return ret;
	if (fchownat(to, temp, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) <
		    0 &&
	    errno != EPERM)
		return -errno;
	return result(utimensat(to, temp, times, AT_SYMLINK_NOFOLLOW));
}

/* A directory is made, or, if there is one, gets the attributes. */
static int copy_dir(int from, const char *name, const struct stat *st, int to,
		    const char *to_name)
{
	int in, out, ret;

	if (mkdirat(to, to_name, 0700) < 0 && errno == EEXIST) {
		struct stat old;

		if (fstatat(to, to_name, &old, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (!S_ISDIR(old.st_mode) && (unlinkat(to, to_name, 0) < 0 ||
					      mkdirat(to, to_name, 0700) < 0))
			return -errno;
	}
	in = tree_open_dir(from, name);
	out = tree_open_dir(to, to_name);
	ret = in < 0 ? in : MIN(out, 0);
	if (ret == 0)
		ret = copy_xattrs(in, out);
	if (ret == 0)
		ret = set_attributes(out, st);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return ret;
}

int tree_copy(int from, const char *name, int to, const char *to_name)
{
	char temp[64];
	struct stat st, old;
	int ret;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	tree_read_owner(from, name, &st);
	if (S_ISDIR(st.st_mode))
		return copy_dir(from, name, &st, to, to_name);
	snprintf(temp, sizeof(temp), ".moat-%d-%lx", getpid(), random());
	if (S_ISREG(st.st_mode))
		ret = copy_file(from, name, &st, to, temp);
	else if (S_ISLNK(st.st_mode))
		ret = copy_link(from, name, &st, to, temp);
	else if (S_ISFIFO(st.st_mode))
		ret = result(mkfifoat(to, temp, st.st_mode & 07777));
	else
		return -EOPNOTSUPP;
	/* A directory in the way has been emptied of what was shown. */
	if (ret == 0 && fstatat(to, to_name, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(old.st_mode))
		ret = tree_remove(to, to_name);
	if (ret == 0)
		ret = result(renameat(to, temp, to, to_name));
	if (ret < 0)
		(void)unlinkat(to, temp, 0);
	return ret;
}
