/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay_readdir: what a directory of an overlay of directories shows.
 *
 * Tests: tests/conformance/overlay_mount.c
 */
#include <errno.h>

#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "sentry/fs/overlay/lay.h"
#include "sentry/vfs/dcache.h"

struct collect {
	struct dir_sink sink;
	struct dentry *dentry; /* the overlay's */
	struct lay_super *ls;
	uint64_t dev;
	struct merged *m;
	bool failed;
};

/* The number that stat gives: that of the inode in use, if there is one. */
static uint64_t shown_ino(const struct collect *c, const char *name, size_t len,
			  uint64_t ino)
{
	struct dentry *d = NULL;
	struct inode *inode;

	if (c->dentry)
		d = dcache_lookup(c->dentry, name, len);
	inode = d ? dentry_inode(d) : NULL;
	ino = inode ? inode->ino
		    : layer_fold_ino(c->ls->first_dev, c->dev, ino);
	if (d)
		dentry_put(d);
	return ino;
}

static bool collect_name(struct dir_sink *sink, const char *name, size_t len,
			 uint64_t ino, uint8_t type, int64_t next_off)
{
	struct collect *c = container_of(sink, struct collect, sink);
	struct merged_record r = { .type = type };

	(void)next_off;
	if (is_dot_name(name, len) || len > NAME_MAX_LEN)
		return true;
	r.ino = shown_ino(c, name, len, ino);
	/* Whether a device is a whiteout is found out later: a directory that
	 * is being read cannot be searched. */
	r.hidden = type == LINUX_DT_CHR;
	c->failed = !merged_add(c->m, name, len, &r);
	return !c->failed;
}

/* Devices of @layer that are no whiteouts are shown after all. */
static int check_whiteouts(struct merged *m, size_t from, struct inode *layer)
{
	size_t i;

	for (i = from; i < m->names.nr; i++) {
		AUTO_PUT(inode) struct inode *found = NULL;
		struct merged_record r;
		const char *name = name_set_get(&m->names, i, &r);
		int ret;

		if (!r.hidden)
			continue;
		ret = layer_lookup(layer, name, &found);
		if (ret < 0 && ret != -ENOENT)
			return ret;
		r.hidden = ret < 0 || lay_is_whiteout(found);
		name_set_put(&m->names, i, &r);
	}
	return 0;
}

static int add_layer(struct merged *m, struct inode *layer,
		     struct lay_inode *dir, struct dentry *d)
{
	struct collect c = {
		.sink = { collect_name },
		.dentry = d,
		.ls = lay_super(&dir->vfs),
		.m = m,
	};
	size_t from = m->names.nr;
	struct kstat st;
	int ret = inode_getattr(layer, &st);

	c.dev = st.dev;
	if (ret == 0)
		ret = layer_iterate(layer, &c.sink);
	if (ret == 0 && c.failed)
		ret = -ENOMEM;
	return ret < 0 ? ret : check_whiteouts(m, from, layer);
}

/* All names; @d: the overlay's dentry, NULL if numbers do not matter.  +1. */
static int merge(struct lay_inode *dir, struct dentry *d, struct merged **out)
{
	AUTO_PUT(merged) struct merged *m = merged_new();
	struct inode *upper = dir->upper;
	unsigned int i;
	int ret = 0;

	if (!m)
		return -ENOMEM;
	if (upper)
		ret = add_layer(m, upper, dir, d);
	for (i = 0; i < dir->nr_lowers && ret == 0; i++)
		ret = add_layer(m, dir->lowers[i], dir, d);
	if (ret == 0)
		*out = take(m);
	return ret;
}

static int fill(struct file *f, struct merged **out)
{
	return merge(lay_inode(f->inode), f->path.dentry, out);
}

static int dir_fsync(struct file *f, bool data_only)
{
	struct inode *upper = lay_inode(f->inode)->upper;
	AUTO_PUT(file) struct file *real = NULL;
	int ret;

	if (!upper)
		return 0;
	ret = layer_open(upper, LINUX_O_RDONLY | LINUX_O_DIRECTORY, &real);
	if (ret == 0 && real->ops->fsync)
		ret = real->ops->fsync(real, data_only);
	return ret;
}

static const struct file_ops lay_dir_fops = {
	.name = "overlay-dir",
	.llseek = merged_llseek,
	.iterate = merged_iterate,
	.fsync = dir_fsync,
	.release = merged_release,
};

int lay_open_dir(struct inode *inode, struct file *f)
{
	(void)inode;
	return merged_open(f, &lay_dir_fops, fill);
}

int lay_check_empty(struct lay_inode *dir)
{
	AUTO_PUT(merged) struct merged *m = NULL;
	int ret = merge(dir, NULL, &m);

	if (ret < 0)
		return ret;
	return merged_empty(m) ? 0 : -ENOTEMPTY;
}
