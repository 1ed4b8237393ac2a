/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay: mounting an overlay of directories (mount -t overlay, and
 * `moat run --overlay`).
 */
#ifndef SENTRY_FS_OVERLAY_OVERLAY_H
#define SENTRY_FS_OVERLAY_OVERLAY_H

#include "sentry/vfs/vfs.h"

#define OVERLAY_MAX_LAYERS 64

/* Directories of mounted file systems; borrowed. */
struct overlay_layers {
	struct inode *lowers[OVERLAY_MAX_LAYERS]; /* topmost first */
	unsigned int nr_lowers;			  /* at least 1 */
	struct inode *upper, *work;		  /* both or none */
	bool userxattr; /* marks are user.overlay.*, not trusted.overlay.* */
	/* The upper layer cannot give files away: owners become marks. */
	bool owner_marks;
};

/*
 * The super block of the overlay, one reference.  The layers must not be
 * changed by others while it is used: what is shown then is undefined.
 * -EINVAL: not directories, or upper and work of different file systems;
 * -ENOMEM; errors of emptying work.
 */
MUST_CHECK int overlay_stack(const struct overlay_layers *layers,
			     struct super **out);

#endif
