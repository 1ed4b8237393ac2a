/* SPDX-License-Identifier: Apache-2.0 */
/* landlock_private: between landlock.c and landlock_check.c. */
#ifndef SENTRY_VFS_LANDLOCK_PRIVATE_H
#define SENTRY_VFS_LANDLOCK_PRIVATE_H

#include "sentry/vfs/landlock.h"

struct landlock_rule {
	const struct inode *inode; /* kept by the dentry */
	struct dentry *dentry;	   /* +1 */
	struct super *sb;	   /* +1 */
	uint32_t access;	   /* allowed at it and below */
};

/* A layer, immutable; the newest is the domain. */
struct landlock_layer {
	struct cred_part part;
	struct landlock_layer *parent; /* +1; NULL: the first */
	uint32_t nr_layers;	       /* with this one */
	uint32_t handled;
	uint32_t nr_rules;
	struct landlock_rule rules[]; /* sorted by inode */
};

static inline const struct landlock_layer *
landlock_layer_of(const struct cred_part *p)
{
	return container_of(p, const struct landlock_layer, part);
}

#endif
