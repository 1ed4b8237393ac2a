/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goferfs: host files as inodes, private to sentry/fs/gofer.
 *
 * A private, read-only export is asked once about each name and each inode.
 * Any other is asked again: attributes at each getattr, names of a shared one
 * at each walk (revalidate).
 */
#ifndef SENTRY_FS_GOFER_GOFERFS_H
#define SENTRY_FS_GOFER_GOFERFS_H

#include "sentry/fs/gofer/client.h"
#include "sentry/fs/gofer/goferfs_watch.h"
#include "sentry/vfs/vfs.h"

#define GOFERFS_BUCKETS	 512u
#define GOFERFS_PREFETCH 64u

/* One name that was fetched before somebody looked it up. */
struct prefetched {
	gofer_handle dir; /* 0: empty */
	char *name;
	bool negative; /* there is no such name */
	uint64_t when;
	int fd;			/* the file, opened for reading; -1 */
	struct gofer_node node; /* with handle 0: attributes only */
};

struct gofer_super {
	struct super sb;
	IMMUTABLE gofer_handle root;
	IMMUTABLE bool readonly, shared;
	IMMUTABLE uint32_t gofer_uid;
	struct mutex mu; /* LOCK_GOFER */
	/* Regular files by (device, inode number); no references. */
	struct gofer_inode *buckets[GOFERFS_BUCKETS] GUARDED_BY(mu);
	struct prefetched prefetched[GOFERFS_PREFETCH] GUARDED_BY(mu);
	uint32_t next_prefetch GUARDED_BY(mu);
	struct list listings GUARDED_BY(mu); /* oldest first */
	size_t listings_size GUARDED_BY(mu);
	struct list node; /* private to goferfs.c */
};

/* What is known about extended attributes of an inode that cannot change. */
enum { XATTRS_UNKNOWN = 1, XATTRS_NONE = 0, XATTRS_SOME = 2 /* or -errno */ };

struct gofer_inode {
	struct inode inode; /* first: the VFS frees it */
	IMMUTABLE gofer_handle handle;
	struct {
		IMMUTABLE uint64_t dev;
		uint64_t blocks, attributes;
		uint32_t blksize;
		bool has_btime;
	} st; /* inode.mu: what struct inode has no field for */
	_Atomic uint32_t access;     /* R=4 W=2 X=1, or NO_ACCESS */
	_Atomic uint64_t parent_ino; /* of a directory, for ".." */
	/* Donated descriptors, -1 until needed; set once, under inode.mu. */
	_Atomic int read_fd, write_fd;
	_Atomic bool write_fd_reads; /* write_fd was opened O_RDWR */
	_Atomic(char *) target;	     /* of a symlink, once asked */
	struct listing *listing GUARDED_BY(super.mu); /* of a directory */
	_Atomic bool was_read; /* a directory that somebody has listed */
	_Atomic int xattrs;
	/* Shared exports only, see goferfs_watch.h. */
	struct gofer_watch *_Atomic watch; /* of a directory; a reference */
	_Atomic bool watch_tried, marked, own_data;
	uint32_t asked_self;	  /* inode.mu */
	struct gofer_stamp stamp; /* inode.mu */
	struct mapping mapping;
	struct gofer_inode *next GUARDED_BY(super.mu); /* in its bucket */
	bool hashed GUARDED_BY(super.mu);
};
#define NO_ACCESS UINT32_MAX

static inline struct gofer_inode *gofer_inode(struct inode *inode)
{
	return container_of(inode, struct gofer_inode, inode);
}
static inline struct gofer_super *gofer_super(const struct inode *inode)
{
	return container_of(inode->sb, struct gofer_super, sb);
}
/* Nothing about its files can change behind our back or through us. */
static inline bool gofer_super_frozen(const struct gofer_super *gs)
{
	return gs->readonly && !gs->shared;
}

static inline bool inode_is_dir(const struct inode *i)
{
	return (i->mode & 0170000) == 0040000;
}

extern const struct inode_ops goferfs_dir_ops, goferfs_shared_dir_ops,
	goferfs_link_ops, goferfs_file_ops;
extern const struct file_ops goferfs_dir_fops, goferfs_file_fops;

/* --- goferfs_inode.c --- */
/*
 * The inode of a node that was found in @dir (NULL: a root); takes over
 * @node->handle in any case.  A regular file that is known already gives its
 * one inode.  -ENOMEM.
 */
MUST_CHECK int goferfs_inode(struct gofer_super *gs, struct inode *dir,
			     const struct gofer_node *node, struct inode **out);
/* Takes fresh attributes over; caller holds inode->mu. */
void goferfs_update_locked(struct gofer_inode *gi, const struct kstat *st);
/* Asks the gofer again; caller holds inode->mu. */
MUST_CHECK int goferfs_refresh_locked(struct gofer_inode *gi);
/* The same, with errors dropped and the lock taken: after a change. */
void goferfs_refresh(struct inode *inode);
/* Takes mapped pages beyond the new end away. */
void goferfs_shrunk(struct inode *inode, uint64_t old_size);
/* The ops that all kinds of inodes share, as vfs.h says. */
int goferfs_getattr(struct inode *inode, struct kstat *out);
int goferfs_setattr(struct inode *inode, const struct iattr *attr);
int goferfs_permission(struct inode *inode, const struct cred *cred,
		       uint32_t mask);
long goferfs_getxattr(struct inode *inode, const char *name, void *buf,
		      size_t size);
int goferfs_setxattr(struct inode *inode, const char *name, const void *buf,
		     size_t size, int flags);
long goferfs_listxattr(struct inode *inode, char *buf, size_t size);
int goferfs_removexattr(struct inode *inode, const char *name);
void goferfs_evict(struct inode *inode);

/* --- goferfs_prefetch.c --- */
/* Asks for several components at once, see vfs.h. */
void goferfs_prefetch(struct inode *dir, const char *const *names,
		      unsigned int nr, uint32_t how);
/* Keeps what a walk found (handle and @fd are taken over) or did not find. */
void goferfs_prefetch_add(struct gofer_super *gs, gofer_handle dir,
			  const char *name, const struct gofer_node *node,
			  int fd);
/*
 * 1 with *out and *fd, -ENOENT if the name is known not to exist, 0 if not
 * known.  @bare: only what has no handle is taken, for another -EAGAIN; else
 * only what has one.
 */
MUST_CHECK int goferfs_prefetch_take(struct gofer_super *gs, gofer_handle dir,
				     const char *name, bool bare,
				     struct gofer_node *out, int *fd);
/* The name changed. */
void goferfs_prefetch_drop(struct gofer_super *gs, gofer_handle dir,
			   const char *name);
/* Forgets all. */
void goferfs_prefetch_fini(struct gofer_super *gs);

/* --- goferfs_list.c --- */
/* inode_ops.peek, on exports that cannot change. */
int goferfs_peek(struct inode *dir, const char *name, struct kstat *out);
/* Forgets what was listed of a directory. */
void goferfs_list_drop(struct gofer_super *gs, struct gofer_inode *dir);

/* --- goferfs_file.c --- */
/* A descriptor that reads, which somebody asked for ahead; taken over. */
void goferfs_keep_read_fd(struct gofer_inode *gi, int fd);
/* Directories and regular files; -ENXIO for others. */
int goferfs_open(struct inode *inode, struct file *file);

#endif
