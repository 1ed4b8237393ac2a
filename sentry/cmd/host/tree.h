/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: host directory trees that nobody vouches for: no link is followed, and
 * every step is relative to an open directory.
 */
#ifndef SENTRY_CMD_HOST_TREE_H
#define SENTRY_CMD_HOST_TREE_H

#include <sys/stat.h>

#include "sentry/lib/compiler.h"

/* Directories below each other, at most; a path of the host is shorter. */
#define TREE_MAX_DEPTH 1000

struct name_list {
	char **names; /* sorted by bytes, without . and .. */
	size_t nr;
};
/* All names of an open directory (its position is used).  -errno. */
MUST_CHECK int tree_names(int dir, struct name_list *out);
void tree_names_fini(struct name_list *l);

/* Opens the subdirectory @name.  -errno. */
MUST_CHECK int tree_open_dir(int dir, const char *name);
/* Opens the regular file @name for reading; does not block.  -errno. */
MUST_CHECK int tree_open_file(int dir, const char *name);
/* The directory at @path ("a/b") below @root; -errno, -ELOOP at a link. */
MUST_CHECK int tree_open_path(int root, const char *path);
/* The target of a link, allocated; NULL with errno. */
char *tree_readlink(int dir, const char *name);

/* Removes @name with all below it; 0 if there is none.  -errno. */
MUST_CHECK int tree_remove(int dir, const char *name);
/* Copies @name (of any type but a device or socket) over @to_name, which
 * appears whole or not at all: data, owner, mode, times, attributes but marks.
 * A directory is made without its content, or takes the attributes. -errno. */
MUST_CHECK int tree_copy(int from, const char *name, int to,
			 const char *to_name);

/* --- what an overlay keeps besides names (see sentry/fs/overlay/lay.h) ---- */

/* The owner, as an unprivileged sandbox sees it, of files that are not the
 * caller's: user_namespaces(7), overflowuid. */
#define TREE_NOBODY 65534u
bool tree_is_whiteout(const struct stat *st);
/* A mark of the directory @fd: "opaque", "redirect"; allocated, or NULL. */
char *tree_mark(int fd, const char *mark);
/* Puts the owner that the sandbox saw into *st, if a mark tells it. */
void tree_read_owner(int dir, const char *name, struct stat *st);
bool tree_set_owner_mark(int fd, uint32_t uid, uint32_t gid);

#endif
