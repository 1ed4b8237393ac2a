/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namei: operations on names, for the system calls and the VFS itself: walks,
 * creation, removal, rename; helpers of inodes and files beyond vfs.h.
 *
 * Names are sentry memory; all act for @cred (NULL: the kernel, which may do
 * everything) with Linux's order of checks.
 */
#ifndef SENTRY_VFS_NAMEI_H
#define SENTRY_VFS_NAMEI_H

#include "sentry/vfs/vfs.h"

/* --- inodes --- */
struct ktime ktime_now(void);
static inline bool ktime_after(const struct ktime *a, const struct ktime *b)
{
	return a->sec != b->sec ? a->sec > b->sec : a->nsec > b->nsec;
}
/* Mode bits and capabilities, for ops->permission that add to them. */
MUST_CHECK int inode_generic_permission(struct inode *inode,
					const struct cred *cred, uint32_t mask);
/* @cap, for an inode whose owners @cred's user namespace knows. */
bool inode_capable(const struct inode *inode, const struct cred *cred,
		   unsigned int cap);
bool inode_owner_or_capable(struct inode *inode, const struct cred *cred);
/* What getattr does without an op. */
void inode_fill_kstat(struct inode *inode, struct kstat *out);
/* Sets the fields of an iattr (under inode->mu); for ops->setattr. */
void inode_setattr_copy(struct inode *inode, const struct iattr *a);
/* RLIMIT_FSIZE: 0, or -EFBIG after SIGXFSZ. */
MUST_CHECK int vfs_check_size_limit(uint64_t size);
/* Checks the limit and clears set-id bits; permission was checked. */
MUST_CHECK int vfs_truncate(struct mount *mnt, struct inode *inode,
			    const struct cred *cred, uint64_t size);
/* A change of its data or owner takes a file's capabilities away. */
void inode_kill_caps(struct inode *inode);
/* Clears set-id bits and capabilities before a write. */
void vfs_kill_suid(struct file *f);
/* relatime; for file systems that keep times in the inode. */
void file_touch_atime(struct file *f);

/* --- walks --- */
#define WALK_MAX_LINKS 40

/*
 * One walk in progress.  walk_start(), then walk_to_last() stops before the
 * final component; walk_follow() goes on through a symlink there.
 */
struct walk {
	struct path path; /* where it stands */
	struct path root; /* cleared: not fetched yet */
	const struct cred *cred;
	uint32_t flags;
	bool kernel;	  /* no task's root */
	bool jumped;	  /* the last link was magic: path is the result */
	bool trailing;	  /* a slash behind the last component */
	int last_type;	  /* LAST_* */
	const char *last; /* last_len bytes */
	size_t last_len;
	const char *rest;
	unsigned int nr_links, depth, nr_prefetched;
	struct {
		char *body;
		const char *rest;
	} stack[WALK_MAX_LINKS + 1];
};
MUST_CHECK int walk_start(struct walk *w, int dirfd, const char *name,
			  uint32_t flags, const struct cred *cred);
void walk_fini(struct walk *w);
/* 0 with last* set and path at the parent (or the whole, LAST_ROOT). */
MUST_CHECK int walk_to_last(struct walk *w);
/* The child @name of w->path, +1, maybe negative; mounts not crossed. */
MUST_CHECK int walk_lookup(struct walk *w, const char *name, size_t len,
			   struct dentry **out);
/* The same under the directory's dir_mu. */
MUST_CHECK int lookup_locked(struct dentry *dir, const char *name, size_t len,
			     struct dentry **out);
/* Moves w->path to @d (reference taken over) and over mounts on it. */
MUST_CHECK int walk_enter(struct walk *w, struct dentry *d);
/* ".." from w->path. */
MUST_CHECK int walk_dotdot(struct walk *w);
/* Follows @link (its parent is w->path).  0: call walk_to_last() again. */
MUST_CHECK int walk_follow(struct walk *w, struct dentry *link);
/* Final component done: symlinks, directory, negative.  1: go on walking. */
MUST_CHECK int walk_finish(struct walk *w);

/* path_lookup() for other credentials (access(2)). */
MUST_CHECK int path_lookup_cred(int dirfd, const char *name, uint32_t walk,
				const struct cred *cred, struct path *out,
				struct walk_last *last);
/* A path in a buffer: copies it in; free() *out.  -ENOENT for "" unless
 * @empty_ok; -EFAULT, -ENAMETOOLONG, -ENOMEM. */
MUST_CHECK int path_copy_in(uaddr_t name, bool empty_ok, char **out);

static inline bool inode_is(const struct inode *i, uint32_t type)
{
	return (i->mode & 0170000) == type;
}

/* --- changes --- */
MUST_CHECK int vfs_mknodat(int dirfd, const char *name, uint32_t mode,
			   uint64_t rdev, struct path *out);
MUST_CHECK int vfs_mkdirat(int dirfd, const char *name, uint32_t mode);
MUST_CHECK int vfs_symlinkat(const char *target, int dirfd, const char *name);
MUST_CHECK int vfs_linkat(const struct path *old, int dirfd, const char *name);
MUST_CHECK int vfs_unlinkat(int dirfd, const char *name, bool rmdir);
MUST_CHECK int vfs_renameat(int old_dirfd, const char *old_name, int new_dirfd,
			    const char *new_name, uint32_t flags);

/* Creation under dir->dir_mu, checks included; @d is the negative dentry and
 * becomes positive.  @mode has the type; umask applied already. */
MUST_CHECK int create_locked(struct path *dir, struct dentry *d, uint32_t mode,
			     uint64_t rdev, const char *target,
			     const struct cred *cred);
MUST_CHECK int may_create(struct path *dir, const struct cred *cred);
uint32_t current_umask(void);
/* @mode of a new file in @dir: without the umask, unless an ACL replaces it. */
uint32_t new_mode(struct inode *dir, uint32_t mode);

/* --- open --- */
struct open_args {
	uint32_t flags; /* LINUX_O_*, checked by open_check_flags() */
	uint32_t mode;
	uint32_t walk; /* WALK_* of openat2 */
};
/* -EINVAL for combinations that open(2) and openat2(2) both refuse. */
MUST_CHECK int open_check_flags(uint32_t flags);
/* The open of execve: may run @p?  Regular file, exec permission. */
MUST_CHECK int vfs_open_exec(int dirfd, const char *name, uint32_t walk,
			     struct file **out);

/* --- who has a file open (busy.c) --- */
/*
 * Counts @f among the readers or writers of its inode until its last
 * reference goes.  -ETXTBSY for a writer while a program runs from it.
 */
MUST_CHECK int file_count_open(struct file *f);
/* A program is run from @f: nobody may write until the last reference goes, or
 * file_allow_write().  -ETXTBSY while somebody can. */
MUST_CHECK int file_deny_write(struct file *f);
void file_allow_write(struct file *f);
/* Undoes either; by file_put(). */
void file_uncount(struct file *f);
/* For truncate(2), which has no file: counts a writer for the time. */
MUST_CHECK int inode_get_write(struct inode *inode);
void inode_put_write(struct inode *inode);

/* --- files --- */
static inline bool file_readable(const struct file *f)
{
	uint32_t acc = f->flags & 3;

	return (acc == 0 || acc == 2) && !(f->flags & 010000000);
}
static inline bool file_writable(const struct file *f)
{
	uint32_t acc = f->flags & 3;

	return (acc == 1 || acc == 2) && !(f->flags & 010000000);
}
/* read(2), write(2): at the file's own position, which advances. */
MUST_CHECK long file_read_pos(struct file *f, struct uio *u);
MUST_CHECK long file_write_pos(struct file *f, struct uio *u);
/* A file with a name of its own, on no mount: @name is all its path. */
MUST_CHECK int file_new_pseudo(struct super *sb, struct inode *inode,
			       const char *name, uint32_t flags,
			       struct file **out);
/* For fs: in-sentry copy between files; @out_pos NULL: its own. */
MUST_CHECK long file_copy_range(struct file *in, int64_t *in_pos,
				struct file *out, int64_t *out_pos,
				uint64_t size);

#endif
