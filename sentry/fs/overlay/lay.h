/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay: the overlay file system over directories, as Linux's overlayfs keeps it
 * on disk; private to sentry/fs/overlay.
 *
 * A directory of the upper layer and one of each lower layer are shown as one.
 * Changes go to the upper layer: a lower file is copied there first (copy-up),
 * a removed lower name is hidden by a whiteout (a character device 0:0).  Marks
 * on upper directories are extended attributes below PREFIX (trusted.overlay.
 * or user.overlay.): "opaque" hides the lower directories of the same name,
 * "redirect" tells where in the lower layers a renamed directory came from.
 * What is not yet complete is made in the work directory, beside the upper one
 * in the same file system, and moved.
 *
 * Locks: dir_mu of the overlay's own directories by the VFS; then, of the same
 *	  rank, dir_mu of an overlay file (its copy-up), upper_mu (every
 *	  change of names in the upper layer), dir_mu of layers' directories.
 *	  table_mu is short and taken last.
 * Linux: Documentation/filesystems/overlayfs.rst; no metacopy, index, origin.
 * Tests: tests/conformance/overlay_mount.c, tests/hostile/overlay.sh
 */
#ifndef SENTRY_FS_OVERLAY_LAY_H
#define SENTRY_FS_OVERLAY_LAY_H

#include "sentry/fs/overlay/layer.h"
#include "sentry/fs/overlay/overlay.h"
#include "sentry/vfs/vfs.h"

#define LAY_BUCKETS   256u
#define LAY_TEMP_SIZE 24

struct lay_super {
	struct super sb;
	IMMUTABLE struct inode *upper, *work; /* NULL: read-only; references */
	IMMUTABLE struct super *layers[OVERLAY_MAX_LAYERS]; /* kept alive */
	IMMUTABLE unsigned int nr_layers;
	IMMUTABLE struct inode *lowers[OVERLAY_MAX_LAYERS]; /* topmost first */
	IMMUTABLE unsigned int nr_lowers;
	IMMUTABLE bool userxattr, owner_marks;
	IMMUTABLE uint64_t first_dev; /* inode numbers of others are folded */
	IMMUTABLE uint32_t own_uid, own_gid; /* who owns what upper gets */
	_Atomic uint64_t next_temp;
	struct mutex upper_mu; /* LOCK_INODE_DIR */
	struct mutex table_mu; /* LOCK_DCACHE */
	/* Inodes by a layer's inode that has several names. */
	struct list table[LAY_BUCKETS] GUARDED_BY(table_mu);
};

struct lay_inode {
	struct inode vfs;	       /* first: the VFS frees it */
	_Atomic(struct inode *) upper; /* reference; set once */
	/* Where a copy-up puts it; NULL for the root and unnamed files. */
	struct lay_inode *parent GUARDED_BY(table_mu); /* reference */
	char *name GUARDED_BY(table_mu);
	/* Of a directory: its path in the lower layers, if not by its place. */
	char *redirect GUARDED_BY(table_mu);
	struct list lower_node, upper_node GUARDED_BY(table_mu);
	char temp[LAY_TEMP_SIZE]; /* O_TMPFILE: its name in work; upper_mu */
	_Atomic bool has_owner; /* the owner is a mark, kept in vfs.uid, gid */
	struct mapping mapping; /* regular files */
	IMMUTABLE unsigned int nr_lowers; /* a file has one at most */
	IMMUTABLE struct inode *lowers[]; /* references */
};

static inline struct lay_inode *lay_inode(struct inode *inode)
{
	return container_of(inode, struct lay_inode, vfs);
}
static inline struct lay_super *lay_super(const struct inode *inode)
{
	return container_of(inode->sb, struct lay_super, sb);
}
/* The layer's inode that has the data and attributes now; borrowed. */
static inline struct inode *lay_real(struct lay_inode *li)
{
	struct inode *upper = li->upper;

	return upper ? upper : li->lowers[0];
}

/* --- lay_inode.c ---------------------------------------------------------- */

/*
 * The overlay's inode for an upper inode and its @nr lower ones, +1; all
 * references are taken over in any case.  @parent and @name: where it was found
 * (NULL: nowhere).  -ENOMEM.
 */
MUST_CHECK int lay_inode_new(struct lay_super *ls, struct inode *upper,
			     struct inode *const *lowers, unsigned int nr,
			     struct lay_inode *parent, const char *name,
			     struct lay_inode **out);
/* The place of @li from now on; NULL: none.  Without memory it has none. */
void lay_set_place(struct lay_inode *li, struct lay_inode *parent,
		   const char *name);
/* +1 and a copy of the name (free()); NULL if it has no place. */
struct lay_inode *lay_get_place(struct lay_inode *li, char **name);
bool lay_is_at(struct lay_inode *li, struct lay_inode *parent,
	       const char *name);
/* @upper has several names: all shall lead to @li. */
void lay_share_upper(struct lay_inode *li);
/* Takes mode, owner, size and times over from the layer's inode. */
void lay_refresh(struct lay_inode *li);
int lay_getattr(struct inode *inode, struct kstat *out);
int lay_setattr(struct inode *inode, const struct iattr *attr);
int lay_permission(struct inode *inode, const struct cred *cred, uint32_t mask);
void lay_evict(struct inode *inode);
extern const struct inode_ops lay_dir_ops, lay_file_ops, lay_link_ops,
	lay_node_ops;

/* --- lay_xattr.c ---------------------------------------------------------- */

enum lay_mark { LAY_OPAQUE, LAY_REDIRECT, LAY_OWNER };
/* The value of a mark of a layer's directory, allocated; NULL: none. */
char *lay_mark_get(const struct lay_super *ls, struct inode *inode,
		   enum lay_mark mark);
MUST_CHECK int lay_mark_set(const struct lay_super *ls, struct inode *inode,
			    enum lay_mark mark, const char *value);
/* Reads and sets the owner of an upper inode that can be a mark.  False: it has
 * none. */
bool lay_owner_get(const struct lay_super *ls, struct inode *upper,
		   uint32_t *uid, uint32_t *gid);
MUST_CHECK int lay_owner_set(const struct lay_super *ls, struct inode *upper,
			     uint32_t uid, uint32_t gid);
long lay_getxattr(struct inode *inode, const char *name, void *buf,
		  size_t size);
int lay_setxattr(struct inode *inode, const char *name, const void *buf,
		 size_t size, int flags);
long lay_listxattr(struct inode *inode, char *buf, size_t size);
int lay_removexattr(struct inode *inode, const char *name);

/* --- lay_layer.c: names of a layer ---------------------------------------- */

/* Does it hide a name?  A character device 0:0. */
bool lay_is_whiteout(const struct inode *inode);
/* The inode at @path ("/a/b") below a layer's root, +1. */
MUST_CHECK int lay_layer_walk(struct inode *root, const char *path,
			      struct inode **out);
/* Do the lower layers show @name in @dir?  1, 0 or an error. */
MUST_CHECK int lay_covers(struct lay_inode *dir, const char *name);

/*
 * What a new node of the upper layer shall be.  An owner that the layer refuses
 * becomes a mark if marks are on.
 */
struct lay_node {
	uint32_t mode, uid, gid;
	uint64_t rdev;
	const char *target; /* of a symlink */
};
/* Makes it; caller holds upper_mu, not dir->dir_mu.  *out +1. */
MUST_CHECK int lay_make_locked(struct lay_super *ls, struct inode *dir,
			       const char *name, const struct lay_node *node,
			       struct inode **out);
/* The same under a fresh name in work, which is stored in @temp. */
MUST_CHECK int lay_make_temp_locked(struct lay_super *ls,
				    const struct lay_node *node,
				    char temp[LAY_TEMP_SIZE],
				    struct inode **out);
/* Removes one name of a layer; a directory must be empty. */
MUST_CHECK int lay_remove_locked(struct inode *dir, const char *name,
				 struct inode *child);
/* Renames in the upper layer; @target as for inode_ops.rename. */
MUST_CHECK int lay_move_locked(struct inode *old_dir, const char *old_name,
			       struct inode *child, struct inode *new_dir,
			       const char *new_name, struct inode *target,
			       uint32_t flags);
/* Removes @temp of work, whiteouts inside it first. */
void lay_purge_temp_locked(struct lay_super *ls, const char *temp,
			   struct inode *child);
/*
 * Takes @child, which is @name in @dir, out of the upper layer; a whiteout
 * takes its place if @covers.  @child NULL: there is nothing to take out.
 */
MUST_CHECK int lay_take_out_locked(struct lay_super *ls, struct inode *dir,
				   const char *name, struct inode *child,
				   bool covers);
/* Empties the work directory (what an earlier crash left). */
MUST_CHECK int lay_clean_work(struct lay_super *ls);

/* --- lay_copy.c ----------------------------------------------------------- */

/*
 * Gives @li an upper inode, and all its parents; of a file's data only the
 * first @limit bytes.  No lock later than a directory's is held.  -EROFS.
 */
MUST_CHECK int lay_copy_up(struct lay_inode *li, uint64_t limit);

/* --- lay_file.c, lay_readdir.c -------------------------------------------- */

/* inode_ops.open: the upper file if there is one, else the lower. */
int lay_open(struct inode *inode, struct file *f);
/* inode_ops.open of a directory. */
int lay_open_dir(struct inode *inode, struct file *f);
/* 0 or -ENOTEMPTY. */
MUST_CHECK int lay_check_empty(struct lay_inode *dir);

#endif
