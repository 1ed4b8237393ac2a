/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synth: the common half of file systems whose files are made up on demand
 * (proc, sysfs, devpts).
 *
 * A file system is a tree of constant struct synth_entry tables; a directory
 * may have, after its fixed entries, ones that come and go (processes,
 * descriptors).  What an inode is about is its struct synth_ctx, which every
 * callback gets: an object of the file system with a reference, and two
 * numbers.
 *
 * Text files: the whole text is generated at the first read of an open file
 * and again at each read of offset 0 (as seq_file does), into a snapshot that
 * belongs to the open file; reads at other offsets are served from it.
 *
 * Locks: none of a file system's; an open file's snapshot has LOCK_INODE of
 * its own, never held while text is generated or copied.
 * Tests: tests/unit/test_synth.c
 */
#ifndef SENTRY_FS_SYNTH_SYNTH_H
#define SENTRY_FS_SYNTH_SYNTH_H

#include <sys/stat.h>
#include <unistd.h>

#include "sentry/kernel/cred.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/vfs/vfs.h"

struct synth_ctx {
	void *obj;   /* +1 of synth_fs.obj_get, or NULL */
	uint32_t id; /* thread id, pty index, CPU number, ... */
	uint32_t sub;
};

struct synth_entry;

/* One found entry of a dynamic directory: the caller owns ctx.obj. */
struct synth_found {
	const struct synth_entry *entry;
	struct synth_ctx ctx;
	uint64_t rdev; /* device nodes; 0: the entry's */
};

struct synth_dir_ops {
	/* 0 with *out, or -ENOENT, -EACCES, -ESRCH. */
	int (*lookup)(const struct synth_ctx *dir, const char *name,
		      struct synth_found *out);
	/*
	 * The first entry whose key is >= *key: stores its key, its name
	 * (at most SYNTH_NAME_SIZE with NUL) and *out.  -ENOENT at the end.
	 */
	int (*next)(const struct synth_ctx *dir, uint64_t *key, char *name,
		    struct synth_found *out);
	/* Subdirectories among the dynamic entries, for nlink; may be NULL. */
	uint32_t (*nr_dirs)(const struct synth_ctx *dir);
	/* st_size of the directory; may be NULL. */
	uint64_t (*size)(const struct synth_ctx *dir);
};
#define SYNTH_NAME_SIZE 32

struct synth_entry {
	const char *name; /* NULL ends a table */
	uint32_t mode;	  /* type and permission bits */
	/* Regular files.  show: 0 or -errno (given to the reader). */
	int (*show)(const struct synth_ctx *ctx, struct seq_buf *out);
	/* @text is NUL-terminated, at most SYNTH_WRITE_MAX bytes long; returns
	 * bytes used or -errno.  [EIO] */
	long (*write)(const struct synth_ctx *ctx, char *text, size_t size);
	/* Checked at open besides the mode bits; may be NULL. */
	int (*may_open)(const struct synth_ctx *ctx, uint32_t flags);
	/* Replaces the text file; sets file->ops and priv.  The context stays
	 * valid while the file is open: synth_file_ctx(). */
	int (*open)(const struct synth_ctx *ctx, struct file *file);
	/* What changed since the last read, for poll(2): the queue to wait on
	 * and a count of changes.  NULL: always readable. */
	struct waitq *(*changes)(const struct synth_ctx *ctx,
				 uint32_t *out_count);
	/* Symbolic links: one or both. */
	int (*readlink)(const struct synth_ctx *ctx, char **out_target);
	int (*get_link)(const struct synth_ctx *ctx, struct path *out);
	/* Directories. */
	const struct synth_entry *children; /* ends with a NULL name */
	const struct synth_dir_ops *dynamic;
	/* May be NULL: mode bits. */
	int (*permission)(const struct synth_ctx *ctx, const struct cred *cred,
			  uint32_t mask, int by_mode);
	/* Where the mode changes with time; called by the fs's owner(). */
	uint32_t (*mode_now)(const struct synth_ctx *ctx);
	uint64_t rdev;	 /* device nodes */
	const void *arg; /* for the callbacks: synth_ctx_entry() */
};
#define SYNTH_WRITE_MAX 4095

/* Common shapes of table rows. */
#define SYNTH_DIR(n, kids)                                              \
	{                                                               \
		.name = (n), .mode = S_IFDIR | 0555, .children = (kids) \
	}
#define SYNTH_FILE(n, m, fn)                                     \
	{                                                        \
		.name = (n), .mode = S_IFREG | (m), .show = (fn) \
	}
#define SYNTH_RW(n, m, fn, wr)                                    \
	{                                                         \
		.name = (n), .mode = S_IFREG | (m), .show = (fn), \
		.write = (wr)                                     \
	}

struct synth_fs {
	struct super_ops super; /* .free and .statfs are set by synth_new() */
	uint32_t magic;		/* statfs f_type */
	uint32_t file_size;	/* st_size of text files (sysfs: 4096) */
	uint32_t blksize;
	bool no_dcache;
	int create_error; /* of mkdir(2) and its like; 0: -EPERM */
	const struct synth_entry *root;
	void (*obj_get)(void *obj);
	void (*obj_put)(void *obj);
	/* Owner of a node now; NULL: root. */
	void (*owner)(const struct synth_ctx *ctx,
		      const struct synth_entry *entry, uint32_t *uid,
		      uint32_t *gid, uint32_t *mode);
	/* chmod, chown, ... of a node; NULL: refused with EPERM. */
	int (*setattr)(const struct synth_ctx *ctx,
		       const struct synth_entry *entry,
		       const struct iattr *attr);
	/* Directories that can be made and removed in directory @dir; NULL:
	 * none can (create_error, EPERM). */
	int (*mkdir)(const struct synth_ctx *dir, const char *name,
		     struct synth_found *out);
	int (*rmdir)(const struct synth_ctx *dir, const char *name);
	/* 0, or why the node is gone (-ESRCH, -ENOENT); NULL: never. */
	int (*alive)(const struct synth_ctx *ctx);
};

struct synth_inode {
	struct inode inode;
	IMMUTABLE const struct synth_entry *entry;
	IMMUTABLE struct synth_ctx ctx;
	IMMUTABLE uint64_t parent_ino;
};

/* What the super block was made for: synth_new_for()'s @data, borrowed. */
void *synth_ctx_data(const struct synth_ctx *ctx);
/* As synth_new(); @data is the super's from now on, @drop ends it. */
MUST_CHECK int synth_new_for(const struct synth_fs *fs, void *data,
			     void (*drop)(void *data), struct super **out);
/* A super block of @fs, whose root is @fs->root.  -ENOMEM. */
MUST_CHECK int synth_new(const struct synth_fs *fs, struct super **out);
/* A new inode; takes over found->ctx.obj also on failure. */
MUST_CHECK int synth_inode_new(struct super *sb, struct synth_found *found,
			       uint64_t ino, uint64_t parent_ino,
			       struct inode **out);
/* The inode number of what is found in directory @parent_ino. */
uint64_t synth_ino(uint64_t parent_ino, const struct synth_found *found);
/* Context of an open file's inode; borrowed while the file is open. */
const struct synth_ctx *synth_file_ctx(const struct file *f);
/* The table row that a callback was called for. */
const struct synth_entry *synth_ctx_entry(const struct synth_ctx *ctx);

/* Parses a decimal name without sign or leading zero; false if it is not. */
bool synth_parse_u32(const char *name, uint32_t *out);
/* Parses what was written to a file: one decimal number within bounds, blanks
 * around it.  0, -EINVAL. */
MUST_CHECK int synth_parse_i64(const char *text, int64_t min, int64_t max,
			       int64_t *out);

extern const struct file_ops synth_text_fops, synth_dir_fops;
/* Private to synth: is the node still there?  0 or -errno. */
MUST_CHECK int synth_check_alive(struct inode *inode);
/* Private to synth: an open text file and its end. */
MUST_CHECK int synth_text_open(struct file *f);

#endif
