/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goferfs_watch: what is known of a shared export stays known until the gofer
 * says that the host changed it.
 *
 * A watched directory has counters, which its events add to: one for itself,
 * and by name, in buckets, one for what the name leads to or its attributes,
 * one for data.  Whoever asks the gofer remembers the counters of before (a
 * stamp); what was asked holds as long as they stay.  An event that comes while
 * a question is on its way thus spoils the answer.
 */
#ifndef SENTRY_FS_GOFER_GOFERFS_WATCH_H
#define SENTRY_FS_GOFER_GOFERFS_WATCH_H

#include "sentry/vfs/vfs.h"

#define WATCH_BUCKETS 64u

struct gofer_inode;

struct gofer_watch {
	struct refcount ref;
	IMMUTABLE int32_t wd;
	IMMUTABLE struct inode *dir; /* no reference: leaves at eviction */
	struct list node;	     /* private to goferfs_watch.c */
	_Atomic bool dead; /* the host's watch is gone: nothing holds */
	_Atomic uint32_t self;
	_Atomic uint32_t names[WATCH_BUCKETS], data[WATCH_BUCKETS];
};

/* The counters before a question about a name, or of an inode's answers. */
struct gofer_stamp {
	struct gofer_watch *watch; /* a reference; NULL: nothing holds */
	uint64_t hash;		   /* of the name */
	uint32_t name, attr, data;
};

enum gofer_fresh { FRESH_NOT, FRESH_BUT_DATA, FRESH };

/* Drops a reference; the last frees. */
void gofer_watch_put(struct gofer_watch *w);
/* Before @name in @dir is asked for; sets a watch on @dir when it has none. */
void goferfs_stamp(struct inode *dir, const char *name,
		   struct gofer_stamp *out);
/* The answer was @child (not put: the stamp's reference goes there or is
 * dropped).  @child NULL: drops it. */
void goferfs_stamp_apply(struct inode *child, struct gofer_stamp *s);
/* Does @name in @dir still lead to @child? */
bool goferfs_name_fresh(struct inode *dir, const char *name,
			struct inode *child);
/* Do the attributes hold?  inode->mu is held. */
enum gofer_fresh goferfs_attr_fresh(const struct gofer_inode *gi);
/* Before and after the attributes of @gi are asked for; inode->mu is held. */
void goferfs_attr_begin(const struct gofer_inode *gi, uint32_t seen[2]);
void goferfs_attr_asked(struct gofer_inode *gi, const uint32_t seen[2]);
/* We change it ourselves: the host will tell, but watchers in the sandbox have
 * heard already.  @name NULL: the file itself, by the name it was found. */
void goferfs_own_change(struct inode *inode, const char *name);
/* ops->watched: somebody in the sandbox watches @inode. */
void goferfs_watched(struct inode *inode);
/* The inode is going. */
void goferfs_watch_evict(struct gofer_inode *gi);

#endif
