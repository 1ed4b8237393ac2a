/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl_file: open regular files of the overlay.
 *
 * An open file forwards to a file of the layer that held the data when it was
 * opened; f->priv is that file, with a reference.
 *
 * Invariant: a file that can write forwards to the upper layer.
 * Locks:     inode->mu for size and times after a write.
 * Tests:     tests/unit/test_overlay.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "sentry/fs/overlay/ovl.h"
#include "sentry/vfs/namei.h"

static const struct file_ops ovl_reg_fops;

static struct file *real_file(const struct file *f)
{
	return f->priv;
}

static bool on_upper(const struct file *f)
{
	return real_file(f)->inode == ovl_inode(f->inode)->upper;
}

int ovl_open(struct inode *inode, struct file *f)
{
	struct ovl_inode *oi = ovl_inode(inode);
	uint32_t flags = f->flags & ~(LINUX_O_CREAT | LINUX_O_EXCL |
				      LINUX_O_TRUNC | LINUX_O_NOCTTY);
	bool truncates = f->flags & LINUX_O_TRUNC;
	AUTO_PUT(file) struct file *real = NULL;
	struct inode *layer;
	int ret;

	if (truncates || (f->flags & LINUX_O_ACCMODE) != LINUX_O_RDONLY) {
		/* What is about to be cut off is not copied. */
		ret = ovl_copy_up(oi, truncates ? 0 : UINT64_MAX);
		if (ret < 0)
			return ret;
	}
	layer = oi->upper ? oi->upper : oi->lower;
	ret = file_new(&f->path, layer, flags, &real);
	if (ret < 0)
		return ret;
	real->internal = true;
	ret = layer->ops->open ? layer->ops->open(layer, real) : -ENXIO;
	if (ret < 0) {
		real->ops = NULL;
		return ret;
	}
	f->ops = &ovl_reg_fops;
	f->priv = take(real);
	return 0;
}

static void fop_release(struct file *f)
{
	if (f->priv)
		file_put(f->priv);
}

static long fop_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct file *real = real_file(f);
	long ret;

	if (!real->ops->read)
		return -EINVAL;
	ret = real->ops->read(real, u, pos);
	if (ret > 0 && on_upper(f))
		file_touch_atime(f);
	return ret;
}

/* Data of the upper file changed: the overlay's inode follows. */
static void changed(struct file *f)
{
	struct inode *i = f->inode;

	mutex_lock(&i->mu);
	i->size = real_file(f)->inode->size;
	i->mtime = i->ctime = ktime_now();
	mutex_unlock(&i->mu);
}

static long fop_write(struct file *f, struct uio *u, int64_t *pos)
{
	struct file *real = real_file(f);
	long ret;

	if (!real->ops->write)
		return -EINVAL;
	ret = real->ops->write(real, u, pos);
	if (ret > 0)
		changed(f);
	return ret;
}

static int64_t fop_llseek(struct file *f, int64_t off, int whence)
{
	struct file *real = real_file(f);
	int64_t ret;

	if ((whence != LINUX_SEEK_DATA && whence != LINUX_SEEK_HOLE) ||
	    !real->ops->llseek)
		return file_generic_llseek(f, off, whence);
	ret = real->ops->llseek(real, off, whence);
	if (ret >= 0)
		f->pos = ret;
	return ret;
}

static int fop_mmap_backing(struct file *f, uint64_t off, uint64_t size,
			    bool write, struct mmap_backing *out)
{
	struct file *real = real_file(f);

	if (!real->ops->mmap_backing)
		return -ENODEV;
	return real->ops->mmap_backing(real, off, size, write, out);
}

static int fop_fsync(struct file *f, bool data_only)
{
	struct file *real = real_file(f);

	return real->ops->fsync ? real->ops->fsync(real, data_only) : 0;
}

static int fop_fallocate(struct file *f, int mode, int64_t off, int64_t size)
{
	const int moves =
		LINUX_FALLOC_FL_PUNCH_HOLE | LINUX_FALLOC_FL_ZERO_RANGE |
		LINUX_FALLOC_FL_COLLAPSE_RANGE | LINUX_FALLOC_FL_INSERT_RANGE;
	const int shifts =
		LINUX_FALLOC_FL_COLLAPSE_RANGE | LINUX_FALLOC_FL_INSERT_RANGE;
	struct file *real = real_file(f);
	uint64_t from = page_down((uint64_t)off), to;
	uint64_t old_size = f->inode->size;
	int ret;

	if (!real->ops->fallocate)
		return -EOPNOTSUPP;
	ret = real->ops->fallocate(real, mode, off, size);
	if (ret < 0)
		return ret;
	changed(f);
	to = page_up((uint64_t)off + (uint64_t)size);
	if (mode & shifts)
		to = MAX(to, page_up(old_size));
	if ((mode & moves) && f->inode->mapping)
		mapping_invalidate(f->inode->mapping, from, to - from);
	return 0;
}

static int fop_set_flags(struct file *f, uint32_t flags)
{
	struct file *real = real_file(f);
	int ret = 0;

	if (real->ops->set_flags)
		ret = real->ops->set_flags(real, flags);
	if (ret == 0)
		real->flags = (real->flags & ~LINUX_O_SETFL) |
			      (flags & LINUX_O_SETFL);
	return ret;
}

static const struct file_ops ovl_reg_fops = {
	.name = "overlay",
	.read = fop_read,
	.write = fop_write,
	.llseek = fop_llseek,
	.mmap_backing = fop_mmap_backing,
	.fsync = fop_fsync,
	.fallocate = fop_fallocate,
	.set_flags = fop_set_flags,
	.release = fop_release,
};
