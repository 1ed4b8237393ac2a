/* SPDX-License-Identifier: Apache-2.0 */
/*
 * locks: advisory locks on inodes: flock(2), POSIX record locks and open file
 * description locks of fcntl(2).
 */
#ifndef SENTRY_VFS_LOCKS_H
#define SENTRY_VFS_LOCKS_H

#include "sentry/vfs/vfs.h"

enum lock_kind { LOCK_KIND_POSIX, LOCK_KIND_OFD, LOCK_KIND_FLOCK };
enum lock_type { LOCK_READ = 0, LOCK_WRITE = 1, LOCK_NONE = 2 };

/* [start, end], both included; end INT64_MAX is "to the end of the file". */
struct lock_req {
	enum lock_kind kind;
	enum lock_type type;
	int64_t start, end;
	const void *owner; /* fd table (POSIX) or file (OFD, flock) */
	int32_t pid;	   /* for F_GETLK; -1 for OFD */
};

/*
 * Sets or removes (LOCK_NONE) a lock.  -EAGAIN if it conflicts and !@wait;
 * -EDEADLK (POSIX only); -ERESTARTSYS; -ENOMEM; -ENOLCK at the limit.
 */
MUST_CHECK int locks_set(struct inode *inode, const struct lock_req *req,
			 bool wait);
/* The first lock in the way of *req replaces it; else type LOCK_NONE. */
void locks_test(struct inode *inode, struct lock_req *req);
/* A descriptor of table @owner was closed: its POSIX locks go. */
void locks_close_posix(struct inode *inode, const void *owner);
/* The last reference of an open file is gone. */
void locks_close_file(struct inode *inode, const struct file *f);
/* The inode is freed. */
void locks_free_inode(struct inode *inode);
/* Any lock at all?  For tests. */
bool locks_any(struct inode *inode);

/* All locks of now, for /proc. */
struct lock_report {
	struct lock_req r;
	const struct inode *inode; /* for comparing only */
	uint64_t dev, ino;
};
/* How many, *out allocated for the caller to free; -ENOMEM. */
MUST_CHECK int locks_report(struct lock_report **out);

#endif
