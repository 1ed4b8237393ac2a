/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify: tells those who watch an inode what happens to it, for inotify(7) and
 * the F_NOTIFY of fcntl(2).  Events are LINUX_IN_* bits.
 *
 * The notify_*() functions below are called by the VFS once something has been
 * done; they cost one load while nobody in the sandbox watches anything.
 */
#ifndef SENTRY_VFS_NOTIFY_H
#define SENTRY_VFS_NOTIFY_H

#include "abi/inotify.h"
#include "sentry/vfs/vfs.h"

/* An event that no watcher of inotify sees: something in here was renamed. */
#define NOTIFY_RENAME 0x10000000u

struct notify_mark;

/* What a watcher does with its marks; both are called under the notify lock. */
struct notify_ops {
	/* @mask: one event, maybe with IN_ISDIR; @name NULL: of the inode
	 * itself; @unlinked: the file that was opened has lost its name. */
	void (*event)(struct notify_mark *m, uint32_t mask, uint32_t cookie,
		      const char *name, bool unlinked);
	/* The mark is off its inode and its group: free it. */
	void (*gone)(struct notify_mark *m);
};

/* The interest of one watcher in one inode. */
struct notify_mark {
	IMMUTABLE const struct notify_ops *ops;
	IMMUTABLE struct inode *inode;	  /* a reference */
	struct notify_mark *next;	  /* of the inode; the notify lock */
	struct list all_node, group_node; /* the same */
	uint32_t mask;			  /* the same */
	bool dead; /* the same: taken off by its own event */
};

/* Guards marks and the queues of watchers; rank LOCK_NOTIFY. */
extern struct mutex g_notify_mu;
extern _Atomic uint32_t g_notify_marks;

/* Puts @m (ops, inode without a reference yet, mask) on its inode.  Locked. */
void notify_mark_add_locked(struct notify_mark *m) MUST_HOLD(&g_notify_mu);
/* Takes it off, calls ops->gone.  Returns the inode, whose reference the caller
 * puts after the lock. */
MUST_CHECK struct inode *notify_mark_del_locked(struct notify_mark *m)
	MUST_HOLD(&g_notify_mu);
/* The first mark of @inode with @ops that @match accepts, or NULL. */
struct notify_mark *notify_mark_find_locked(
	struct inode *inode, const struct notify_ops *ops, const void *group,
	bool (*match)(const struct notify_mark *m, const void *group))
	MUST_HOLD(&g_notify_mu);
/* A number for the two halves of a rename. */
uint32_t notify_cookie(void);

/* What the functions below do once somebody watches: @d's directory by name,
 * then its inode. */
void notify_dentry_slow(struct dentry *d, uint32_t event);
/* @inode's own watchers; @name: of an entry of it. */
void notify_inode_slow(struct inode *inode, uint32_t event, uint32_t cookie,
		       const char *name);
/* Both directories, what was replaced (@target, or NULL), and @moved. */
void notify_move_slow(struct inode *old_dir, const char *old_name,
		      struct inode *new_dir, const char *new_name,
		      struct inode *moved, struct inode *target);
/* IN_DELETE_SELF; all marks of @inode end. */
void notify_deleted_slow(struct inode *inode);
/* IN_UNMOUNT; all marks in @sb end. */
void notify_super_gone_slow(struct super *sb);

static inline bool notify_active(void)
{
	return unlikely(g_notify_marks != 0);
}

/* Something was done to the file that @d names: tells its directory's watchers
 * (with the name) and its own. */
static inline void notify_dentry(struct dentry *d, uint32_t event)
{
	if (notify_active())
		notify_dentry_slow(d, event);
}
/* The same through an open file. */
static inline void notify_file(const struct file *f, uint32_t event)
{
	if (notify_active() && !f->internal)
		notify_dentry_slow(f->path.dentry, event);
}
/* The inode's own watchers only. */
static inline void notify_inode(struct inode *inode, uint32_t event)
{
	if (notify_active())
		notify_inode_slow(inode, event, 0, NULL);
}
/* An entry of @dir was made or removed; IN_ISDIR is the caller's. */
static inline void notify_name(struct inode *dir, const char *name,
			       uint32_t event)
{
	if (notify_active())
		notify_inode_slow(dir, event, 0, name);
}
/* A rename; @target is what it replaced, or NULL. */
static inline void notify_move(struct inode *old_dir, const char *old_name,
			       struct inode *new_dir, const char *new_name,
			       struct inode *moved, struct inode *target)
{
	if (notify_active())
		notify_move_slow(old_dir, old_name, new_dir, new_name, moved,
				 target);
}
/* Neither a name nor a user of a name is left: watches end. */
static inline void notify_deleted(struct inode *inode)
{
	if (notify_active() && inode->watches && inode->nlink == 0)
		notify_deleted_slow(inode);
}
/* The file system is not mounted any more: watches end. */
static inline void notify_super_gone(struct super *sb)
{
	if (notify_active())
		notify_super_gone_slow(sb);
}
/* IN_ISDIR for a directory. */
static inline uint32_t notify_isdir(const struct inode *inode)
{
	return (inode->mode & 0170000) == 0040000 ? LINUX_IN_ISDIR : 0;
}
/* The event of a change of attributes, 0 for none. */
uint32_t notify_of_attr(uint32_t valid);

#endif
