/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfs: inodes, dentries, mounts, paths and open file descriptions, as Linux
 * names them.
 *
 * - struct inode: one file of a file system; attributes, ops, page mappings.
 * - struct dentry: one name in a directory, positive or negative, cached in
 *   the dentry hash; keeps its parent alive; belongs to one super block.
 * - struct mount: a super block (or a subtree) attached at a dentry of another.
 * - struct file: an open file description, shared by dup and fork.
 *
 * References: a dentry holds its inode and its parent; a file holds a path; a
 * path holds mount and dentry.  Lookups return +1.
 * Locks: see lock_rank.h; the directory lock (inode->dir_mu) and inode->mu are
 * sleeping locks and may be held across a gofer call.
 */
#ifndef SENTRY_VFS_VFS_H
#define SENTRY_VFS_VFS_H

#include "abi/types.h"
#include "sentry/kernel/wait.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/list.h"
#include "sentry/lib/lock.h"
#include "sentry/lib/refcount.h"
#include "sentry/mm/mm.h"
#include "sentry/mm/uio.h"

struct cred;
struct dentry;
struct file;
struct file_async;
struct inode;
struct mount;
struct super;
struct task;

/* Packed: inodes have four, and there are many. */
struct ktime {
	int64_t sec;
	uint32_t nsec;
} __attribute__((packed, aligned(4)));

/* Attributes as statx(2) reports them. */
struct path;
struct mmap_backing;
struct seq_buf;

struct kstat {
	uint64_t ino, nlink, size, blocks, dev, rdev; /* blocks of 512 */
	uint32_t mode, uid, gid, blksize;
	uint64_t attributes, mnt_id;
	struct ktime atime, mtime, ctime, btime;
	bool has_btime;
};

/* What setattr changes; only fields in .valid. */
enum {
	ATTR_MODE = 1,
	ATTR_UID = 2,
	ATTR_GID = 4,
	ATTR_SIZE = 8,
	ATTR_ATIME = 16,
	ATTR_MTIME = 32,
	ATTR_ATIME_NOW = 64,
	ATTR_MTIME_NOW = 128,
	ATTR_KILL_SUID = 256, /* as Linux after write, chown, truncate */
};
struct iattr {
	uint32_t valid, mode, uid, gid;
	uint64_t size;
	struct ktime atime, mtime;
};

struct kstatfs {
	uint64_t type, bsize, blocks, bfree, bavail, files, ffree, namelen,
		frsize, flags;
};

/*
 * Directory operations get the parent's inode and a name that is one component
 * (1..255 bytes, no '/', not "." or ".."), and run under dir->dir_mu (rename:
 * both, parent first, and the super's rename lock).  Permission, sticky bit,
 * mount-point and read-only checks were done by the VFS.  A NULL op gives the
 * errno in brackets.
 */
struct inode_ops {
	/* *out: the child's inode, +1.  -ENOENT if there is none (a negative
	 * dentry is cached then). [ENOTDIR] */
	int (*lookup)(struct inode *dir, const char *name, struct inode **out);
	/*
	 * A hint: @names are about to be looked up one below the other, from
	 * @dir.  May fetch all of them in one request.  @how: what is done
	 * with the last one (PREFETCH_*).  No result.
	 */
	void (*prefetch)(struct inode *dir, const char *const *names,
			 unsigned int nr, uint32_t how);
	/*
	 * The attributes of a child, where that costs less than its inode.
	 * 0, -ENOENT, ..., or -EAGAIN: look it up.  [EAGAIN]
	 */
	int (*peek)(struct inode *dir, const char *name, struct kstat *out);
	/* @cred gives owner and group of the new node (setgid directories were
	 * folded into @gid by the VFS).  *out: new inode, +1. [EPERM] */
	int (*create)(struct inode *dir, const char *name, uint32_t mode,
		      uint32_t uid, uint32_t gid, struct inode **out);
	int (*mkdir)(struct inode *dir, const char *name, uint32_t mode,
		     uint32_t uid, uint32_t gid, struct inode **out);
	int (*mknod)(struct inode *dir, const char *name, uint32_t mode,
		     uint64_t rdev, uint32_t uid, uint32_t gid,
		     struct inode **out);
	int (*symlink)(struct inode *dir, const char *name, const char *target,
		       uint32_t uid, uint32_t gid, struct inode **out);
	int (*link)(struct inode *dir, const char *name, struct inode *target);
	/* @child is what @name refers to. */
	int (*unlink)(struct inode *dir, const char *name, struct inode *child);
	int (*rmdir)(struct inode *dir, const char *name, struct inode *child);
	/* @target NULL if the new name is free.  flags: LINUX_RENAME_*;
	 * unsupported ones -EINVAL. */
	int (*rename)(struct inode *old_dir, const char *old_name,
		      struct inode *child, struct inode *new_dir,
		      const char *new_name, struct inode *target,
		      uint32_t flags);
	/* An unnamed file in @dir for O_TMPFILE. [EOPNOTSUPP] */
	int (*tmpfile)(struct inode *dir, uint32_t mode, uint32_t uid,
		       uint32_t gid, struct inode **out);

	/* Allocated, NUL-terminated target; caller frees. [EINVAL] */
	int (*readlink)(struct inode *inode, char **out_target);
	/*
	 * Magic links of /proc: jumps straight to a path (+1).  If set, path
	 * walk uses it instead of readlink.
	 */
	int (*get_link)(struct inode *inode, struct path *out);
	/* NULL: filled from the inode's fields. */
	int (*getattr)(struct inode *inode, struct kstat *out);
	/* Checked already; under inode->mu.  NULL: fields are set. */
	int (*setattr)(struct inode *inode, const struct iattr *attr);
	/* @mask: MAY_*.  NULL: mode bits and capabilities. */
	int (*permission)(struct inode *inode, const struct cred *cred,
			  uint32_t mask);
	/* [EOPNOTSUPP]; size 0 asks for the size; -ERANGE, -ENODATA. */
	long (*getxattr)(struct inode *inode, const char *name, void *buf,
			 size_t size);
	int (*setxattr)(struct inode *inode, const char *name, const void *buf,
			size_t size, int flags);
	long (*listxattr)(struct inode *inode, char *buf, size_t size);
	int (*removexattr)(struct inode *inode, const char *name);
	/*
	 * Fills @file (ops, priv) for an open of this inode; path, flags are
	 * set already.  O_TRUNC, O_CREAT, permission were done.  [ENXIO]
	 */
	int (*open)(struct inode *inode, struct file *file);
	/* For shared caches: 1 still valid, 0 look it up again.  NULL: valid
	 * for ever.  Called without locks, on a cached (or negative) child */
	int (*revalidate)(struct inode *dir, const char *name,
			  struct inode *child);
	/* Somebody begins to watch the inode (notify.h); may be NULL.  For
	 * file systems that change without the VFS. */
	void (*watched)(struct inode *inode);
	/*
	 * The last reference is gone: free private data only.  The inode, heap
	 * memory that begins with struct inode, is freed by the VFS afterwards.
	 */
	void (*evict)(struct inode *inode);
};

/* After a prefetch the last name is opened for reading, or only peeked at. */
enum { PREFETCH_OPEN = 1, PREFETCH_PEEK = 2 };

/* There are as many as files in use: whatever few of them have is elsewhere. */
struct inode {
	struct refcount ref;
	_Atomic uint32_t mode; /* type bits immutable */
	IMMUTABLE const struct inode_ops *ops;
	IMMUTABLE struct super *sb;
	IMMUTABLE uint64_t ino;
	IMMUTABLE uint64_t rdev;
	_Atomic uint64_t size;
	_Atomic uint32_t uid, gid, nlink;
	struct small_mutex dir_mu; /* LOCK_INODE_DIR; directories: entries */
	struct small_mutex mu;	   /* LOCK_INODE */
	struct ktime atime, mtime, ctime, btime GUARDED_BY(mu);
	struct mapping *mapping; /* regular files that can be mapped shared */
	void *locks;		 /* private to vfs/locks.c (flock, fcntl) */
	/* Marks of inotify and dnotify: private to vfs/notify.c. */
	struct notify_mark *_Atomic watches;
	void *leases; /* private to vfs/leases.c */
	/* Access control lists (acl.h): the access list, and what is known. */
	struct posix_acl *acl GUARDED_BY(mu);
	void *pipe; /* the pipe behind a FIFO, under mu */
	/* Open files that can write, or minus those who forbid it; readers. */
	_Atomic int32_t writers, readers;
	_Atomic uint8_t acl_state, default_state;
	_Atomic bool no_caps;  /* surely without security.capability */
	_Atomic bool linkable; /* O_TMPFILE without O_EXCL: nlink 0 may rise */
};

/* A fresh inode with one reference; the caller fills size and times. */
void inode_init(struct inode *inode, struct super *sb,
		const struct inode_ops *ops, uint64_t ino, uint32_t mode);
/* The last put calls ops->evict. */
void inode_get(struct inode *inode);
void inode_put(struct inode *inode);
DEFINE_AUTO_PUT(inode)

enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };
/* -EACCES unless @cred may do all of @mask (MAY_*). */
MUST_CHECK int inode_permission(struct inode *inode, const struct cred *cred,
				uint32_t mask);
/* Attributes of now, asked from the filesystem if it has an op for that. */
MUST_CHECK int inode_getattr(struct inode *inode, struct kstat *out);
/* With all of Linux's checks (owner, capabilities, suid clearing). */
MUST_CHECK int inode_setattr(struct mount *mnt, struct inode *inode,
			     const struct cred *cred, struct iattr *attr);

struct super_ops {
	const char *name; /* as /proc/filesystems and mountinfo show it */
	int (*statfs)(struct super *sb, struct kstatfs *out);
	/* Appends ",key=value" options for mountinfo; may be NULL. */
	void (*show_options)(struct super *sb, struct seq_buf *out);
	/* Writes everything to disk; NULL: there is none. */
	int (*sync)(struct super *sb);
	void (*free)(struct super *sb);
};

struct super {
	struct refcount ref;
	IMMUTABLE const struct super_ops *ops;
	IMMUTABLE uint64_t dev; /* st_dev */
	IMMUTABLE struct dentry *root;
	IMMUTABLE bool no_dcache; /* entries come and go by themselves (proc) */
	/* An overlay changes names in it, beside the dentry cache. */
	_Atomic bool is_upper;
	/* A missing name is an error of the lookup, before permission. */
	IMMUTABLE bool no_negative;
	struct mutex rename_mu; /* LOCK_RENAME */
	_Atomic bool rdonly;	/* SB_RDONLY: through every mount */
	/* +1; whose devices count for nothing; NULL: the initial one. */
	IMMUTABLE struct user_ns *user_ns;
	void *priv;
};
/* An initialised super with a fresh anonymous st_dev (major 0). */
void super_init(struct super *sb, const struct super_ops *ops);
/* Makes @root (reference taken over) the root dentry. */
MUST_CHECK int super_set_root(struct super *sb, struct inode *root);
void super_get(struct super *sb);
void super_put(struct super *sb);
DEFINE_AUTO_PUT(super)

struct dentry {
	struct refcount ref;
	uint32_t hash; /* LOCK_DCACHE */
	IMMUTABLE struct super *sb;
	struct dentry *parent; /* LOCK_RENAME + LOCK_DCACHE to change */
	struct inode *inode;   /* NULL: negative; under LOCK_DCACHE */
	/* LOCK_DCACHE: in a bucket; in the parent's list of children. */
	struct dentry *hash_next, *first_child, *next, **prev;
	_Atomic uint32_t nr_mounts; /* mounts attached here, any namespace */
	IMMUTABLE uint32_t id;	    /* seeds the hash of the children */
	uint16_t name_len;
	bool unhashed;	       /* not in the hash: unlinked or dropped */
	_Atomic bool deleted;  /* its name was removed; shown as such */
	_Atomic bool accessed; /* second chance before eviction */
	IMMUTABLE bool pseudo; /* anonymous: the name is the whole path */
	char *name;	       /* under LOCK_DCACHE; inline until renamed */
	IMMUTABLE char inline_name[];
};
/* The last put frees it, and lets go of its parent. */
void dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
DEFINE_AUTO_PUT(dentry)
/* Drops a cached child (by name) so that the next walk asks the fs again. */
void dentry_invalidate(struct dentry *parent, const char *name);

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};
/* A reference on both halves. */
void path_get(const struct path *p);
void path_put(struct path *p); /* clears it; harmless on a cleared one */
#define AUTO_PATH __attribute__((cleanup(path_put)))

/* --- path walk ------------------------------------------------------------ */

enum {
	WALK_FOLLOW = 1,    /* follow a final symlink */
	WALK_DIRECTORY = 2, /* the result must be a directory */
	WALK_EMPTY = 4,	    /* AT_EMPTY_PATH: "" means dirfd itself */
	WALK_PARENT = 8,    /* stop at the parent; *last is the final name */
	WALK_BENEATH = 16,  /* openat2 RESOLVE_* */
	WALK_IN_ROOT = 32,
	WALK_NO_XDEV = 64,
	WALK_NO_SYMLINKS = 128,
	WALK_NO_MAGICLINKS = 256,
	WALK_CACHED = 512,
	WALK_READ = 1024, /* a hint: what is found is opened for reading */
};

#define NAME_MAX_LEN 255
struct walk_last {
	char name[NAME_MAX_LEN + 1];
	bool trailing_slash;
	enum { LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_ROOT } type;
};

/*
 * Resolves @name (sentry memory) for the current task: its root, and its cwd
 * if @dirfd is LINUX_AT_FDCWD.  @last only with WALK_PARENT.  path_resolution
 * (7): at most 40 symlinks, search permission on each directory.
 */
MUST_CHECK int path_lookup(int dirfd, const char *name, uint32_t walk,
			   struct path *out, struct walk_last *last);
/* The same with the name in guest memory (-EFAULT, -ENAMETOOLONG, -ENOENT). */
MUST_CHECK int path_lookup_user(int dirfd, uaddr_t name, uint32_t walk,
				struct path *out, struct walk_last *last);
/* Kernel-internal: from @base, no task's root; for set-up and /proc. */
MUST_CHECK int path_lookup_at(const struct path *base, const char *name,
			      uint32_t walk, struct path *out);
/*
 * The path as seen from the current task's root (getcwd, /proc/self/fd), with
 * " (deleted)" appended if it is.  Returns length with NUL, -ENAMETOOLONG;
 * *unreachable (may be NULL) says that the root was not met.
 */
MUST_CHECK long path_to_string(const struct path *p, char *buf, size_t size,
			       bool *unreachable);

/* The same as seen from @root. */
MUST_CHECK long path_to_string_from(const struct path *p,
				    const struct path *root, char *buf,
				    size_t size, bool *unreachable);

/* --- files ---------------------------------------------------------------- */

/* Called by getdents; false: buffer full, stop without advancing. */
struct dir_sink {
	bool (*emit)(struct dir_sink *s, const char *name, size_t len,
		     uint64_t ino, uint8_t type, int64_t next_off);
};

/*
 * Operations of an open file.  No lock is held by the caller except pos_mu
 * where a position is passed.  @pos: NULL for files without positions (pipes,
 * sockets); otherwise the offset to use and advance.  Blocking ones honour
 * O_NONBLOCK (file_nonblock()) with -EAGAIN.  NULL ops: errno in brackets.
 */
struct file_ops {
	const char *name;
	/* read and write honour RWF_NOWAIT: see file_nonblock_now(). */
	bool nowait;
	/* What wake-ups of the poll queues mean to O_ASYNC (vfs/async.c). */
	enum { SIGIO_NONE, SIGIO_PIPE, SIGIO_SOCKET, SIGIO_TTY } sigio;
	long (*read)(struct file *f, struct uio *u, int64_t *pos); /*[EINVAL]*/
	long (*write)(struct file *f, struct uio *u, int64_t *pos);
	/* NULL: -ESPIPE.  file_generic_llseek() serves sized files. */
	int64_t (*llseek)(struct file *f, int64_t off, int whence);
	/* Events that are there now; queue on pt first.  NULL: IN|OUT. */
	uint32_t (*poll)(struct file *f, struct poll_table *pt);
	long (*ioctl)(struct file *f, uint32_t cmd, uint64_t arg); /*[ENOTTY]*/
	int (*iterate)(struct file *f, struct dir_sink *sink, int64_t *pos);
	/*
	 * Mapping: [ENODEV].  Tells what backs [@off, @off+@size) of the file:
	 * either a host fd (mapped at the same offset) or a memfile range per
	 * call of mm's fault path.
	 */
	int (*mmap_backing)(struct file *f, uint64_t off, uint64_t size,
			    bool write, struct mmap_backing *out);
	/* One more mapping of it (a part of one, fork), one less; may be NULL.
	 * Called with or without the lock of an address space. */
	void (*mapped)(struct file *f);
	void (*unmapped)(struct file *f);
	int (*fsync)(struct file *f, bool data_only); /* NULL: 0 */
	int (*fallocate)(struct file *f, int mode, int64_t off, int64_t size);
	/* fcntl commands of one kind of file (F_SETPIPE_SZ, F_ADD_SEALS). */
	long (*fcntl)(struct file *f, uint32_t cmd, uint64_t arg); /*[EINVAL]*/
	/* Each close of a descriptor (not the last only); may be NULL. */
	int (*flush)(struct file *f);
	/* F_SETFL changed the flags (O_DIRECT, O_NONBLOCK of host files). */
	int (*set_flags)(struct file *f, uint32_t flags);
	/* Extra lines of /proc/pid/fdinfo. */
	void (*show_fdinfo)(struct file *f, struct seq_buf *out);
	/* The last reference is gone. */
	void (*release)(struct file *f);
};

/* What backs a range of a file for a mapping. */
struct mmap_backing {
	enum { BACK_HOST_FD, BACK_MEMFILE, BACK_ZERO } kind;
	int fd;		 /* HOST_FD: stays open while the inode lives */
	uint64_t offset; /* of fd, or in the memory file */
	uint64_t size;	 /* covered from the asked offset on, <= asked */
	/* MEMFILE: the range carries a reference for the caller. */
};

struct file {
	struct refcount ref;
	IMMUTABLE const struct file_ops *ops;
	IMMUTABLE struct path path;    /* anonymous files: a pseudo dentry */
	IMMUTABLE struct inode *inode; /* path.dentry's, or an upper one */
	_Atomic uint32_t flags;	       /* LINUX_O_* incl. access mode, O_PATH */
	struct mutex pos_mu;	       /* LOCK_FILE_POS */
	int64_t pos GUARDED_BY(pos_mu);
	struct mutex mu; /* LOCK_FILE: owner */
	int32_t owner_pid, owner_type, owner_sig GUARDED_BY(mu);
	void *priv;			    /* the file system's */
	_Atomic(struct file_async *) async; /* O_ASYNC, vfs/async.c */
	void *epolls; /* private to fs/epoll: who watches; freed with us */
	IMMUTABLE bool no_truncate; /* the opener's Landlock domain says so */
	IMMUTABLE const struct cred *cred; /* who opened it; a reference */
	IMMUTABLE bool internal;	   /* of a layer: tells no watcher */
	bool leased;		 /* a lease or a dnotify mark was set by it */
	_Atomic uint8_t counted; /* private to vfs/busy.c */
};

/* @path and @inode get own references.  ops may be set by the inode's open. */
MUST_CHECK int file_new(const struct path *path, struct inode *inode,
			uint32_t flags, struct file **out);
/* An anonymous file ("anon_inode:[eventfd]", "pipe:[ino]"): @name is what
 * /proc/self/fd shows, with %lu replaced by the inode number. */
MUST_CHECK int file_new_anon(const char *name, const struct file_ops *ops,
			     void *priv, uint32_t mode, uint32_t flags,
			     struct file **out);
void file_get(struct file *f);
void file_put(struct file *f);
DEFINE_AUTO_PUT(file)
static inline bool file_nonblock(const struct file *f)
{
	return f->flags & 04000;
}
/* The same for one read or write, which may have RWF_NOWAIT. */
static inline bool file_nonblock_now(const struct file *f, const struct uio *u)
{
	return file_nonblock(f) || (u->rwf & 8);
}
/* Does this write go to the end? O_APPEND, RWF_APPEND, RWF_NOAPPEND. */
static inline bool file_appends(const struct file *f, const struct uio *u)
{
	return (u->rwf & 16) || ((f->flags & 02000) && !(u->rwf & 32));
}
/* Wrappers that check access mode, defaults and limits, then call ops. */
MUST_CHECK long file_read(struct file *f, struct uio *u, int64_t *pos);
MUST_CHECK long file_write(struct file *f, struct uio *u, int64_t *pos);
uint32_t file_poll(struct file *f, struct poll_table *pt);
int64_t file_generic_llseek(struct file *f, int64_t off, int whence);
/* Kernel-internal whole read at an offset (loader): bytes or -errno. */
MUST_CHECK long file_pread_kernel(struct file *f, void *buf, size_t size,
				  int64_t pos);
/* Opens for the current task; flags LINUX_O_*. */
MUST_CHECK int vfs_open(int dirfd, const char *name, uint32_t flags,
			uint32_t mode, uint32_t walk, struct file **out);
MUST_CHECK int vfs_open_path(const struct path *p, uint32_t flags,
			     const struct cred *cred, struct file **out);

/* --- descriptors ---------------------------------------------------------- */

struct fd_table;
/* Empty, or a copy of @from (fork); one reference. */
MUST_CHECK int fd_table_new(struct fd_table **out);
MUST_CHECK int fd_table_fork(struct fd_table *from, struct fd_table **out);
/* Shared by threads that have CLONE_FILES. */
void fd_table_get(struct fd_table *tbl);
void fd_table_put(struct fd_table *tbl); /* the last closes all */
/* New reference or NULL.  O_PATH files only by the second form. */
struct file *fd_table_lookup(struct fd_table *tbl, int fd);
struct file *fd_table_lookup_any(struct fd_table *tbl, int fd);
/* The lowest free descriptor >= @from gets a reference of its own to @f.
 * -EMFILE at the current task's RLIMIT_NOFILE. */
MUST_CHECK int fd_table_install_from(struct fd_table *tbl, struct file *f,
				     bool cloexec, int from);
static inline int MUST_CHECK fd_table_install(struct fd_table *tbl,
					      struct file *f, bool cloexec)
{
	return fd_table_install_from(tbl, f, cloexec, 0);
}
/* dup2/dup3: replaces; -EBADF out of range. */
MUST_CHECK int fd_table_replace(struct fd_table *tbl, int fd, struct file *f,
				bool cloexec);
int fd_table_close(struct fd_table *tbl, int fd);
int fd_table_close_range(struct fd_table *tbl, uint32_t first, uint32_t last,
			 bool set_cloexec);
void fd_table_close_on_exec(struct fd_table *tbl);
int fd_table_get_cloexec(struct fd_table *tbl, int fd); /* 0, 1, -EBADF */
int fd_table_set_cloexec(struct fd_table *tbl, int fd, bool on);
/* Next used descriptor >= @fd, or -1 (for /proc/pid/fd). */
int fd_table_next(struct fd_table *tbl, int fd);
/* Shorthands on the current task: +1 or NULL. */
struct file *current_file(int fd);
struct file *current_file_any(int fd);

/* --- mounts --------------------------------------------------------------- */

struct mount_ns;
/* A namespace with @root as its only mount; one reference. */
MUST_CHECK int mount_ns_new(struct super *root, struct mount_ns **out);
/* Borrowed, by the task itself or under t->mu; NULL: none any more. */
struct mount_ns *task_mount_ns(const struct task *t);
struct ns_common *mount_ns_common(struct mount_ns *ns);
void mount_ns_get(struct mount_ns *ns);
void mount_ns_put(struct mount_ns *ns);
DEFINE_AUTO_PUT(mount_ns)
void mount_ns_root(struct mount_ns *ns, struct path *out); /* +1 */
/* A mounted super block with the device number @dev: +1 or NULL. */
struct super *mount_ns_find_super(struct mount_ns *ns, uint64_t dev);
enum {
	MNT_READONLY = 1,
	MNT_NOSUID = 2,
	MNT_NODEV = 4,
	MNT_NOEXEC = 8,
	MNT_NOATIME = 16,
	MNT_RELATIME = 32,
	MNT_NODIRATIME = 64,
	MNT_NOSYMFOLLOW = 128,
};
/* Attaches @sb (reference taken) at @at; @source for mountinfo. */
MUST_CHECK int mount_attach(struct mount_ns *ns, const struct path *at,
			    struct super *sb, uint32_t flags,
			    const char *source);
void mount_get(struct mount *m);
void mount_put(struct mount *m);
bool mount_readonly(const struct mount *m);
uint64_t mount_id(const struct mount *m);
uint32_t mount_flags(const struct mount *m); /* MNT_*; 0 for NULL */
/* /proc/pid/mounts, mountinfo, mountstats. */
/* What lies below @root; NULL: the current task's. */
void mount_ns_print_mounts(struct mount_ns *ns, const struct path *root,
			   struct seq_buf *out);
void mount_ns_print_mountinfo(struct mount_ns *ns, const struct path *root,
			      struct seq_buf *out);
void mount_ns_print_mountstats(struct mount_ns *ns, const struct path *root,
			       struct seq_buf *out);

/* cwd, root and umask; shared with CLONE_FS. */
struct fs_ctx {
	struct refcount ref;
	struct mutex mu; /* LOCK_FS_CTX */
	struct path cwd GUARDED_BY(mu), root GUARDED_BY(mu);
	uint32_t umask GUARDED_BY(mu);
};
MUST_CHECK int fs_ctx_new(const struct path *root, struct fs_ctx **out);
MUST_CHECK int fs_ctx_copy(struct fs_ctx *from, struct fs_ctx **out);
/* Others use it too (CLONE_FS); its root is not its namespace's. */
bool fs_ctx_is_shared(const struct fs_ctx *c);
bool fs_ctx_is_chrooted(struct fs_ctx *c);
void fs_ctx_get(struct fs_ctx *c);
void fs_ctx_put(struct fs_ctx *c);

/* --- file systems (each in sentry/fs/NAME/) ------------------------------- */

/* All give a super with one reference. */
/* A limit of 0 is none; TMPFS_DEFAULT is half of the memory there is. */
#define TMPFS_DEFAULT UINT64_MAX
MUST_CHECK int tmpfs_new(uint64_t max_bytes, uint64_t max_inodes, uint32_t mode,
			 struct super **out);
MUST_CHECK int goferfs_new(uint32_t export_id, bool readonly, bool shared,
			   struct super **out);
/* sync(2): all writable exports. */
void goferfs_sync_all(void);
/* @lower and @upper: super blocks (references taken); upper is a tmpfs. */
MUST_CHECK int overlay_new(struct super *lower, struct super *upper,
			   struct super **out);
MUST_CHECK int procfs_new(struct super **out);
MUST_CHECK int sysfs_new(struct super **out);
MUST_CHECK int devfs_new(struct super **out);
MUST_CHECK int devpts_new(struct super **out);
MUST_CHECK int cgroupfs_new(struct super **out);
/* stdin, stdout, stderr of the sandbox: @host_fd is a descriptor of ours (tty,
 * pipe, file, socket), taken over. */
MUST_CHECK int hostfile_new(int host_fd, struct file **out);
/* memfd_create, O_TMPFILE-like kernel tmpfs file. */
MUST_CHECK int tmpfs_anon_file(const char *name, uint32_t flags,
			       struct file **out);

/* A segment of System V shared memory: @size bytes, readable and writable to
 * the kernel.  @name: as maps of it show. */
MUST_CHECK int tmpfs_shm_file(const char *name, uint64_t size,
			      struct file **out);

#endif
