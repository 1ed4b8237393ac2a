/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl: the overlay file system, private to sentry/fs/overlay.
 *
 * One inode an overlay file.  Its attributes are the overlay's own (taken from
 * the lower file when it is first met); its data come from the lower file until
 * the first open for writing, then from an unnamed file of the upper tmpfs.
 * Names are kept in memory, per directory: only what differs from the lower
 * directory, plus a weak entry for each lower child with changes.
 *
 *	strong entry	holds its inode; made by create, link, rename
 *	weak entry	a lower child with changes; holds its directory
 *	whiteout	no inode: the lower name is hidden
 *
 * An inode whose state must outlive its users is pinned (a reference of its
 * own): a directory with strong entries or whiteouts, a file with changed
 * attributes or data.  Weak entries keep the way to a pinned inode alive.
 *
 * Most inodes are only looked at.  They know their place in the lower layer
 * (home, home_name), which never changes; the lower inode is looked up there
 * when it is needed, and everything else is in a struct ovl_state of its own.
 */
#ifndef SENTRY_FS_OVERLAY_OVL_H
#define SENTRY_FS_OVERLAY_OVL_H

#include "sentry/fs/overlay/layer.h"
#include "sentry/mm/tree.h"
#include "sentry/vfs/vfs.h"

#define OVL_LINK_BUCKETS 256u
#define OVL_RECENT	 8u

struct ovl_inode;

struct ovl_entry {
	RB_ENTRY(ovl_entry) node;
	struct ovl_inode *dir;	 /* a reference if weak */
	struct ovl_inode *inode; /* NULL: whiteout; a reference if strong */
	struct list inode_node;	 /* in inode->entries */
	bool strong;
	bool covers; /* the lower directory has this name */
	uint16_t len;
	const char *name; /* points at store, but for a key */
	char store[];
};
RB_HEAD(ovl_tree, ovl_entry);

struct ovl_super {
	struct super sb;
	IMMUTABLE struct super *lower, *upper;
	/* A reference: children hold their home, and what was renamed is held
	 * by its directory. */
	IMMUTABLE struct ovl_inode *root;
	IMMUTABLE uint64_t lower_dev;
	IMMUTABLE uint64_t max_nodes; /* created ones; 0: no limit */
	_Atomic uint64_t nr_nodes, next_ino;
	struct mutex map_mu; /* rank LOCK_DCACHE: entries, pins, links */
	struct list pins GUARDED_BY(map_mu);
	/* Regular lower files with several links, by lower inode. */
	struct list links[OVL_LINK_BUCKETS] GUARDED_BY(map_mu);
	/* Directories that were read last; cleared when one is evicted. */
	struct {
		struct ovl_inode *dir; /* no reference */
		uint32_t version;
		struct merged *names; /* a reference */
	} recent[OVL_RECENT] GUARDED_BY(map_mu);
	uint32_t next_recent GUARDED_BY(map_mu);
};

/* What an inode has once it was opened, changed or named here. */
struct ovl_state {
	struct mutex copy_mu; /* LOCK_OVL_COPY_UP */
	/* Set once under copy_mu; references. */
	_Atomic(struct inode *) upper;	/* data of a regular file */
	_Atomic(struct inode *) xstore; /* extended attributes */
	struct list pin_node, link_node GUARDED_BY(map_mu);
	struct list entries GUARDED_BY(map_mu);	 /* names of this inode */
	struct ovl_tree tree GUARDED_BY(map_mu); /* of a directory */
	_Atomic uint32_t version; /* grows when names change; under map_mu */
	IMMUTABLE struct inode *inode;
	IMMUTABLE char *target; /* of a symlink that was made here */
	struct mapping mapping; /* regular files */
};

struct ovl_inode {
	struct inode vfs;		   /* first: the VFS frees it */
	_Atomic(struct ovl_state *) state; /* set once, under map_mu */
	_Atomic(struct inode *) lower;	   /* reference; set once */
	/* The directory in whose lower one it was found, a reference; NULL for
	 * the root and what was made here. */
	IMMUTABLE struct ovl_inode *home;
	IMMUTABLE uint64_t lower_blocks;
	IMMUTABLE uint32_t lower_blksize;
	_Atomic bool changed;	/* mode or owner differ from the lower's */
	IMMUTABLE bool created; /* counted in nr_nodes */
	_Atomic bool pinned;	/* under map_mu */
	bool at_home GUARDED_BY(map_mu); /* its home leads to it, unentered */
	IMMUTABLE char home_name[];
};

static inline struct ovl_inode *ovl_inode(struct inode *inode)
{
	return container_of(inode, struct ovl_inode, vfs);
}
static inline struct ovl_super *ovl_super(const struct inode *inode)
{
	return container_of(inode->sb, struct ovl_super, sb);
}

/* The inode of the upper tmpfs that has its data; borrowed, NULL: none. */
static inline struct inode *ovl_upper(struct inode *inode)
{
	struct ovl_state *st = ovl_inode(inode)->state;

	return st ? st->upper : NULL;
}

/* References to be dropped after map_mu. */
struct ovl_drops {
	unsigned int nr;
	struct inode *inodes[8];
};
void ovl_drop(struct ovl_drops *d);

/* --- ovl_map.c: names ----------------------------------------------------- */

/* 1 and the inode (+1); -ENOENT for a whiteout; 0: the map does not know. */
MUST_CHECK int ovl_map_get(struct ovl_inode *dir, const char *name,
			   struct ovl_inode **out);
/* An entry of no directory yet.  NULL: no memory. */
struct ovl_entry *ovl_entry_new(const char *name);
struct ovl_entry *ovl_find_locked(struct ovl_inode *dir, const char *name);
/*
 * The entry of @name in @dir, which has a state; if there is none *spare, taken
 * over, becomes it: a name of the lower directory.
 */
struct ovl_entry *ovl_claim_locked(struct ovl_inode *dir, const char *name,
				   struct ovl_entry **spare);
/* The entry names @oi from now on, strongly.  It must be a whiteout or new;
 * @oi has a state. */
void ovl_set_locked(struct ovl_entry *e, struct ovl_inode *oi);
/* The entry names nothing: a whiteout if it covers a lower name, else gone. */
void ovl_clear_locked(struct ovl_entry *e, struct ovl_drops *d);
/* The same, but the entry stays in any case. */
void ovl_empty_locked(struct ovl_entry *e, struct ovl_drops *d);
/* @name in @dir does not lead to @oi any more. */
void ovl_left_locked(struct ovl_inode *oi, const struct ovl_inode *dir,
		     const char *name);
/* Keeps what is known of @oi until ovl_unpin_locked(), and gives it a state:
 * to be called before it changes.  -ENOMEM. */
MUST_CHECK int ovl_pin(struct ovl_inode *oi);
void ovl_unpin_locked(struct ovl_inode *oi, struct ovl_drops *d);
/* Everything that the map of @oi holds (teardown, eviction). */
void ovl_clear_tree(struct ovl_inode *oi);
/* Calls @fn for each strong entry until it says false; under map_mu. */
void ovl_for_each_strong(struct ovl_inode *dir,
			 bool (*fn)(void *arg, const struct ovl_entry *e),
			 void *arg);
/* True if a name in the map is in use. */
bool ovl_map_in_use(struct ovl_inode *dir);
/* Is the lower name hidden by a whiteout or a strong entry? */
bool ovl_hides(struct ovl_inode *dir, const char *name);

/* --- ovl_inode.c ---------------------------------------------------------- */

/*
 * The overlay's inode of @name in the lower directory of @home (NULL: the
 * root).  @lower is taken over in any case; NULL: only its attributes are known
 * as yet.
 */
MUST_CHECK int ovl_adopt(struct ovl_super *os, struct ovl_inode *home,
			 const char *name, struct inode *lower,
			 const struct kstat *st, struct ovl_inode **out);
/*
 * The lower inode, borrowed: looked up if only its attributes are known; @opens
 * says that it is opened for reading next.  NULL: there is none.  Takes a
 * directory lock of the lower layer.  -ESTALE: the host has changed it.
 */
MUST_CHECK int ovl_lower(struct ovl_inode *oi, bool opens, struct inode **out);
/* Its state, made if there is none; NULL: no memory. */
struct ovl_state *ovl_need_state(struct ovl_inode *oi);
/* A node that only the overlay has.  -ENOSPC, -ENOMEM. */
MUST_CHECK int ovl_create_inode(struct ovl_super *os, uint32_t mode,
				uint64_t rdev, uint32_t uid, uint32_t gid,
				const char *target, struct ovl_inode **out);
/* Times of a directory whose entries changed, or of a file (ctime). */
void ovl_touch_dir(struct ovl_inode *dir);
void ovl_touch_ctime(struct ovl_inode *oi);
extern const struct inode_ops ovl_dir_ops, ovl_file_ops, ovl_link_ops;
/* The ops that all types share. */
int ovl_getattr(struct inode *inode, struct kstat *out);
int ovl_setattr(struct inode *inode, const struct iattr *attr);
int ovl_permission(struct inode *inode, const struct cred *cred, uint32_t mask);
void ovl_evict(struct inode *inode);
void ovl_watched(struct inode *inode);

/* --- ovl_copy.c ----------------------------------------------------------- */

/* A fresh unnamed file of the upper tmpfs. */
MUST_CHECK int ovl_upper_new(struct ovl_super *os, struct inode **out);
/* Gives @oi an upper file with the first @limit bytes.  No lock is held. */
MUST_CHECK int ovl_copy_up(struct ovl_inode *oi, uint64_t limit);
long ovl_getxattr(struct inode *inode, const char *name, void *buf,
		  size_t size);
int ovl_setxattr(struct inode *inode, const char *name, const void *buf,
		 size_t size, int flags);
long ovl_listxattr(struct inode *inode, char *buf, size_t size);
int ovl_removexattr(struct inode *inode, const char *name);

/* --- ovl_file.c, ovl_readdir.c -------------------------------------------- */

/* inode_ops.open: the upper file if there is one, else the lower. */
int ovl_open(struct inode *inode, struct file *f);
int ovl_open_dir(struct inode *inode, struct file *f);
/* 0 or -ENOTEMPTY; dir_mu is held. */
MUST_CHECK int ovl_check_empty(struct ovl_inode *dir);
/* @dir is being evicted. */
void ovl_forget_read(struct ovl_inode *dir);

#endif
