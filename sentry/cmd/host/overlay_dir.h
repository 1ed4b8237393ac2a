/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay_dir: the directory of `moat run --overlay DIR`.
 *
 *	DIR/upper	what was written, as Linux's overlayfs keeps it (marks
 *			as user.overlay.*)
 *	DIR/work	of the overlay, empty between runs
 *	DIR/lower	a symbolic link to the root directory that was shown
 *
 * Trust: a program in the sandbox wrote all below upper.  Nothing there is ever
 * opened through a symbolic link.
 */
#ifndef SENTRY_CMD_HOST_OVERLAY_DIR_H
#define SENTRY_CMD_HOST_OVERLAY_DIR_H

#include "sentry/lib/compiler.h"

/*
 * Makes DIR and what is in it if it is missing or empty, checks that it belongs
 * to the caller and to the root directory @lower, and locks it until the
 * process ends (against two runs, or a run and an apply).  False after a
 * complaint.
 */
MUST_CHECK bool overlay_dir_take(const char *dir, const char *lower);

struct overlay_dir {
	int fd, upper_fd, lower_fd; /* of directories; -1 */
	char *lower;		    /* path of the root directory */
};
/*
 * Opens an existing one, locked.  False after a complaint.  @out must be closed
 * with overlay_dir_close() in any case.
 */
MUST_CHECK bool overlay_dir_open(const char *dir, struct overlay_dir *out);
void overlay_dir_close(struct overlay_dir *od);
/* Removes DIR with all that overlay_dir_take() and runs put into it.  False
 * after a complaint. */
MUST_CHECK bool overlay_dir_remove(const char *dir, struct overlay_dir *od);

#endif
