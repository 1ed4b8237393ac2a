/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount: the tree of mounts, private to sentry/vfs and sys_mount.c.
 */
#ifndef SENTRY_VFS_MOUNT_H
#define SENTRY_VFS_MOUNT_H

#include "sentry/vfs/vfs.h"

struct mount {
	struct refcount ref;
	IMMUTABLE struct super *sb;
	IMMUTABLE struct dentry *root; /* of the subtree that is shown */
	IMMUTABLE uint64_t id;
	IMMUTABLE char *source;
	_Atomic uint32_t flags; /* MNT_* */
	/* All under g_mounts (LOCK_MOUNTS): */
	struct mount_ns *ns;   /* NULL once detached */
	struct mount *parent;  /* +1; NULL for a root or detached */
	struct dentry *at;     /* +1; mountpoint in the parent */
	struct list hash_node; /* by (parent, at) */
	struct list ns_node;   /* of the namespace, in mount order */
};

/* The mount that covers @d in @m: +1 or NULL.  Cheap if there is none. */
struct mount *mount_lookup(struct mount *m, struct dentry *d);
/* Where @m is attached: path with references, false for a root. */
bool mount_parent(struct mount *m, struct path *out);
/* A bind mount of @from (not recursive) at @at. */
MUST_CHECK int mount_bind(struct mount_ns *ns, const struct path *from,
			  const struct path *at, uint32_t flags);
/* umount2(2): @p must be the root of a mount.  -EINVAL, -EBUSY. */
MUST_CHECK int mount_detach(struct mount_ns *ns, const struct path *p,
			    bool lazy);
/* MS_REMOUNT of per-mount flags. */
void mount_set_flags(struct mount *m, uint32_t flags);

#endif
