/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer: what both overlays do with the files and directories of their layers;
 * private to sentry/fs/overlay.
 */
#ifndef SENTRY_FS_OVERLAY_LAYER_H
#define SENTRY_FS_OVERLAY_LAYER_H

#include "sentry/lib/name_set.h"
#include "sentry/vfs/vfs.h"

/* --- layer.c -------------------------------------------------------------- */

/* A file on a layer's @inode for the sentry's own use.  *out +1. */
MUST_CHECK int layer_open(struct inode *inode, uint32_t flags,
			  struct file **out);
/* @name in a layer's directory: 0 and +1 (a whiteout too), -ENOENT, ... */
MUST_CHECK int layer_lookup(struct inode *dir, const char *name,
			    struct inode **out);
/* Calls @sink for each name of a layer's directory. */
MUST_CHECK int layer_iterate(struct inode *dir, struct dir_sink *sink);
/* setattr without checks; takes inode->mu, as one lock more of its rank. */
MUST_CHECK int layer_setattr(struct inode *inode, const struct iattr *attr);
/* Copies the first @size bytes; runs of zeros become holes. */
MUST_CHECK int layer_copy_data(struct inode *from, struct inode *to,
			       uint64_t size);
/* Copies all extended attributes but the marks of overlays; what @to cannot
 * hold is left behind, as by Linux's overlay. */
MUST_CHECK int layer_copy_xattrs(struct inode *from, struct inode *to);
/* The inode number shown for @ino of the device @dev, where those of @first
 * stay: equal numbers of two devices must not look like one file. */
uint64_t layer_fold_ino(uint64_t first, uint64_t dev, uint64_t ino);
static inline bool is_dot_name(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* --- layer_file.c --------------------------------------------------------- */

/*
 * Makes @f, whose inode is the overlay's, forward to a file of @layer.  @upper
 * tells the upper inode of an overlay's one (borrowed, NULL: none): once there
 * is one, data come from it.  @touches: reading moves the overlay's own atime.
 */
MUST_CHECK int layer_file_open(struct file *f, struct inode *layer,
			       struct inode *(*upper)(struct inode *inode),
			       bool touches);

/* --- layer_dir.c: reading merged directories ------------------------------ */

/* The names of a merged directory at one time; shared by its readers. */
struct merged {
	struct refcount ref;
	struct name_set names; /* records are struct merged_record */
};
struct merged_record {
	uint64_t ino;
	uint8_t type;
	bool hidden; /* a whiteout, or an entry that is not shown */
};
/* Empty; +1; NULL: no memory. */
struct merged *merged_new(void);
void merged_put(struct merged *m);
DEFINE_AUTO_PUT(merged)
/* Adds a name that is not there yet.  False: no memory. */
MUST_CHECK bool merged_add(struct merged *m, const char *name, size_t len,
			   const struct merged_record *r);
/* Is nothing shown? */
bool merged_empty(const struct merged *m);
/*
 * Makes @f read snapshots that @fill gives (+1).  @ops: a table with these
 * functions.
 */
MUST_CHECK int merged_open(struct file *f, const struct file_ops *ops,
			   int (*fill)(struct file *f, struct merged **out));
int merged_iterate(struct file *f, struct dir_sink *sink, int64_t *pos);
int64_t merged_llseek(struct file *f, int64_t off, int whence);
void merged_release(struct file *f);

#endif
