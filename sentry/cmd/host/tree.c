/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: reading and removing host directory trees.
 *
 * Tests: tests/hostile/overlay.sh
 */
#include "sentry/cmd/host/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sentry/lib/alloc.h"

#define MARK_PREFIX "user.overlay."

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int tree_names(int dir, struct name_list *out)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *e;
	size_t cap = 0;

	*out = (struct name_list){ 0 };
	if (!d)
		return -errno;
	while ((e = readdir(d)) != NULL) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (out->nr == cap) {
			cap = cap ? cap * 2 : 32;
			out->names =
				realloc(out->names, cap * sizeof(*out->names));
			if (!out->names)
				abort();
		}
		out->names[out->nr++] = xstrdup(e->d_name);
	}
	closedir(d);
	if (out->nr)
		qsort(out->names, out->nr, sizeof(*out->names), compare);
	return 0;
}

void tree_names_fini(struct name_list *l)
{
	for (size_t i = 0; i < l->nr; i++)
		free(l->names[i]);
	free(l->names);
	*l = (struct name_list){ 0 };
}

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

int tree_open_dir(int dir, const char *name)
{
	return result(openat(dir, name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

int tree_open_file(int dir, const char *name)
{
	int fd = openat(dir, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

int tree_open_path(int root, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};

	while (*path == '/')
		path++;
	return result((int)syscall(SYS_openat2, root, *path ? path : ".", &how,
				   sizeof(how)));
}

char *tree_readlink(int dir, const char *name)
{
	char buf[PATH_MAX];
	ssize_t len = readlinkat(dir, name, buf, sizeof(buf) - 1);

	if (len < 0)
		return NULL;
	buf[len] = '\0';
	return xstrdup(buf);
}

/* --- removing ------------------------------------------------------------- */

static int remove_below(int dir, const char *name, unsigned int depth)
{
	struct name_list l;
	int fd, ret;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (depth == TREE_MAX_DEPTH)
		return -ELOOP;
	fd = tree_open_dir(dir, name);
	if (fd == -EACCES && fchmodat(dir, name, 0700, 0) == 0)
		fd = tree_open_dir(dir, name);
	if (fd < 0)
		return fd;
	(void)fchmod(fd, 0700); /* its owner may lack the right to write */
	ret = tree_names(fd, &l);
	for (size_t i = 0; i < l.nr && ret == 0; i++)
		ret = remove_below(fd, l.names[i], depth + 1);
	tree_names_fini(&l);
	close(fd);
	if (ret == 0)
		ret = result(unlinkat(dir, name, AT_REMOVEDIR));
	return ret;
}

int tree_remove(int dir, const char *name)
{
	return remove_below(dir, name, 0);
}

/* --- marks ---------------------------------------------------------------- */

bool tree_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

char *tree_mark(int fd, const char *mark)
{
	char name[64], value[PATH_MAX];
	ssize_t len;

	snprintf(name, sizeof(name), MARK_PREFIX "%s", mark);
	len = fgetxattr(fd, name, value, sizeof(value) - 1);
	if (len <= 0)
		return NULL;
	value[len] = '\0';
	return xstrdup(value);
}

void tree_read_owner(int dir, const char *name, struct stat *st)
{
	AUTO_FREE char *text = NULL;
	uint32_t uid, gid;
	int fd = -1;

	if (S_ISDIR(st->st_mode))
		fd = tree_open_dir(dir, name);
	else if (S_ISREG(st->st_mode))
		fd = tree_open_file(dir, name);
	if (fd < 0)
		return;
	text = tree_mark(fd, "moat.owner");
	close(fd);
	if (text && sscanf(text, "%u:%u", &uid, &gid) == 2) {
		st->st_uid = uid;
		st->st_gid = gid;
	}
}

bool tree_set_owner_mark(int fd, uint32_t uid, uint32_t gid)
{
	char text[32];

	snprintf(text, sizeof(text), "%u:%u", uid, gid);
	return fsetxattr(fd, MARK_PREFIX "moat.owner", text, strlen(text), 0) ==
	       0;
}
