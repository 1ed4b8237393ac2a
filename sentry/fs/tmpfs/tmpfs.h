/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmpfs: files in memory; private to this folder.
 */
#ifndef SENTRY_FS_TMPFS_TMPFS_H
#define SENTRY_FS_TMPFS_TMPFS_H

#include "sentry/mm/tree.h"
#include "sentry/vfs/namei.h"

struct tnode;

/* --- data of a regular file: extents of the memory file ------------------- */

/*
 * Extents never overlap; both offsets and sizes are page multiples.  Each
 * extent owns one reference on its range.
 */
struct textent {
	RB_ENTRY(textent) node;
	uint64_t off, size, mem;
	struct list gone_node; /* once taken out of the tree */
};
RB_HEAD(textent_tree, textent);

struct tdata {
	struct mutex mu; /* LOCK_TMPFS_DATA */
	struct textent_tree tree GUARDED_BY(mu);
	_Atomic uint64_t pages; /* allocated */
};

/* No data: one hole. */
void tdata_init(struct tdata *d);
/* Frees all; nobody uses it any more. */
void tdata_fini(struct tdata *d);
/*
 * What is at @off: *out_mem (MEMFILE_NONE: a hole) and for how many bytes, at
 * most @size.  Data carries a memfile reference for the caller (rounded out to
 * pages: tdata_unpin()).
 */
void tdata_pin(struct tdata *d, uint64_t off, uint64_t size, uint64_t *out_mem,
	       uint64_t *out_size);
void tdata_unpin(uint64_t mem, uint64_t size);
/* Fills all holes of the page-rounded range; *out_new pages were added, also
 * in part on -ENOMEM. */
MUST_CHECK int tdata_fill(struct tdata *d, uint64_t off, uint64_t size,
			  uint64_t *out_new);
/* Pages of [off, off + size) that are holes. */
uint64_t tdata_count_holes(struct tdata *d, uint64_t off, uint64_t size);
/* Takes the whole pages inside the range out; tdata_free() them once no
 * mapping can reach them.  -ENOMEM (a split) leaves all as it was. */
MUST_CHECK int tdata_cut(struct tdata *d, uint64_t off, uint64_t size,
			 struct list *gone);
uint64_t tdata_free(struct list *gone); /* pages */
/* Moves all from @off on by @by bytes (page multiples); what a move towards the
 * start would meet has been cut.  -ENOMEM. */
MUST_CHECK int tdata_shift(struct tdata *d, uint64_t off, int64_t by);
/* Zeroes bytes that have data; holes stay. */
MUST_CHECK int tdata_zero(struct tdata *d, uint64_t off, uint64_t size);
/* Copies between sentry memory and allocated data.  -EFAULT, -EIO (a hole). */
MUST_CHECK int tdata_write(struct tdata *d, uint64_t off, const void *src,
			   size_t size);
/* The next data (or hole) at or behind @off: its start, UINT64_MAX if none. */
uint64_t tdata_next_data(struct tdata *d, uint64_t off);
uint64_t tdata_next_hole(struct tdata *d, uint64_t off);

/* --- directories ---------------------------------------------------------- */

struct tentry {
	RB_ENTRY(tentry) by_name, by_cookie;
	struct tnode *node; /* a reference */
	int64_t cookie;	    /* position for getdents; never used twice */
	struct list work;   /* while a tree is freed */
	uint16_t len;
	char name[];
};
RB_HEAD(tentry_names, tentry);
RB_HEAD(tentry_cookies, tentry);

/* Under the inode's dir_mu. */
struct tdir {
	struct tentry_names names;
	struct tentry_cookies cookies;
	int64_t next_cookie;
	_Atomic uint64_t parent_ino; /* ".."; rename changes it */
};

struct txattr {
	struct list node;
	char *name;
	size_t size;
	char value[];
};

struct tnode {
	struct inode i;	    /* first: the VFS frees it */
	struct list xattrs; /* i.mu */
	size_t xattr_bytes;
	union {
		struct tdir dir;
		char *link;
		struct {
			struct tdata data;
			struct mapping mapping;
			uint32_t seals; /* i.mu */
		};
	};
};

struct tmpfs {
	struct super sb;
	IMMUTABLE uint64_t max_pages, max_inodes; /* 0: no limit */
	_Atomic uint64_t used_pages, used_inodes, next_ino;
};

static inline struct tnode *tnode_of(struct inode *i)
{
	return container_of(i, struct tnode, i);
}
static inline struct tmpfs *tmpfs_of(const struct tnode *n)
{
	return container_of(n->i.sb, struct tmpfs, sb);
}

/* tmpfs.c: -ENOSPC at a limit. */
MUST_CHECK int tmpfs_charge(struct tmpfs *fs, uint64_t pages);
void tmpfs_uncharge(struct tmpfs *fs, uint64_t pages);
MUST_CHECK int tnode_new(struct tmpfs *fs, uint32_t mode, uint64_t rdev,
			 uint32_t uid, uint32_t gid, struct tnode **out);
void tmpfs_evict(struct inode *inode);
int tmpfs_getattr(struct inode *inode, struct kstat *out);
/* Sets ctime, and mtime if asked. */
void tnode_changed(struct tnode *n, bool mtime);

/* tmpfs_dir.c */
extern const struct inode_ops tmpfs_dir_inode_ops;
extern const struct file_ops tmpfs_dir_file_ops;
void tdir_init(struct tdir *d, uint64_t parent_ino);
void tdir_free_all(struct tdir *d);

/* tmpfs_file.c */
extern const struct file_ops tmpfs_file_ops;
/* ops->setattr of regular files (size) and all others. */
int tmpfs_setattr(struct inode *inode, const struct iattr *attr);
int tmpfs_open(struct inode *inode, struct file *file);
/* Under i.mu. */
MUST_CHECK int tfile_set_size(struct tnode *n, uint64_t size);
long tmpfs_fcntl(struct file *f, uint32_t cmd, uint64_t arg);

/* tmpfs_xattr.c */
long tmpfs_getxattr(struct inode *inode, const char *name, void *buf,
		    size_t size);
int tmpfs_setxattr(struct inode *inode, const char *name, const void *buf,
		   size_t size, int flags);
long tmpfs_listxattr(struct inode *inode, char *buf, size_t size);
int tmpfs_removexattr(struct inode *inode, const char *name);
void txattr_free_all(struct tnode *n);

#endif
