/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes: what the runs with an --overlay have changed, as a list.
 */
#ifndef SENTRY_CMD_HOST_CHANGES_H
#define SENTRY_CMD_HOST_CHANGES_H

#include <sys/stat.h>

#include "sentry/cmd/host/overlay_dir.h"

enum change_kind {
	CHANGE_ADDED = 'A',
	CHANGE_MODIFIED = 'M',
	CHANGE_DELETED = 'D',
	CHANGE_RENAMED = 'R', /* a directory; its content follows */
};

struct change {
	enum change_kind kind;
	char *path;	      /* relative to the root directory */
	char *from;	      /* RENAMED: the same, before */
	struct stat now, was; /* now: not DELETED; was: not ADDED */
	bool applied;
};

struct change_list {
	struct change *items; /* a directory before what is in it */
	size_t nr, cap;
};

/* Compares both trees.  False after a complaint. */
MUST_CHECK bool changes_list(const struct overlay_dir *od,
			     struct change_list *out);
void changes_fini(struct change_list *l);
/* Is @path one of @paths or below one?  Always, if there are none. */
bool change_selected(const char *path, char *const *paths, int nr);

/*
 * Carries out one selected change after the other on the host's root directory
 * and takes them out of the upper layer; each file appears whole or not at all.
 * Set-id bits are given only if @setid.  False after a complaint about the
 * first that failed; what was done stays and is no change any more.
 */
MUST_CHECK bool changes_apply(const struct overlay_dir *od,
			      struct change_list *l, char *const *paths, int nr,
			      bool setid);
/* Prints a unified diff of a changed file or link on stdout.  -errno. */
MUST_CHECK int change_patch(const struct overlay_dir *od,
			    const struct change *c);
/* The target of a changed link, before or now; allocated or NULL. */
char *change_link(const struct overlay_dir *od, const struct change *c,
		  bool now);

#endif
