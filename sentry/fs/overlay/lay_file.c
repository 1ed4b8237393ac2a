/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay_file: open regular files of an overlay of directories.
 *
 * An open file forwards to a file of the layer that has the data.  One that was
 * opened for reading before its file was copied up goes over to the copy, as on
 * Linux; what it has mapped stays.
 *
 * Invariant: a file that can write forwards to the upper layer.
 * Locks:     inode->mu for size and times after a write.
 * Tests:     tests/conformance/overlay_mount.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "sentry/fs/overlay/lay.h"
#include "sentry/vfs/namei.h"

/* file->priv: the layer's files, with a reference each. */
struct open_file {
	IMMUTABLE struct file *first;
	_Atomic(struct file *) later; /* on the copy; set once */
};

static int open_real(struct file *f, struct inode *layer, uint32_t flags,
		     struct file **out)
{
	AUTO_PUT(file) struct file *real = NULL;
	int ret = file_new(&f->path, layer, flags, &real);

	if (ret < 0)
		return ret;
	real->internal = true;
	ret = layer->ops->open ? layer->ops->open(layer, real) : -ENXIO;
	if (ret < 0) {
		real->ops = NULL; /* nothing to release */
		return ret;
	}
	*out = take(real);
	return 0;
}

/* The file that has the data now; borrowed. */
static int real_file(struct file *f, struct file **out)
{
	struct open_file *of = f->priv;
	struct inode *upper = lay_inode(f->inode)->upper;
	struct file *later = of->later, *fresh;
	int ret;

	*out = later ? later : of->first;
	if (!upper || (*out)->inode == upper)
		return 0;
	ret = open_real(f, upper, of->first->flags, &fresh);
	if (ret < 0)
		return ret;
	if (atomic_compare_exchange_strong(&of->later, &later, fresh)) {
		*out = fresh;
	} else {
		file_put(fresh);
		*out = later;
	}
	return 0;
}

static void fop_release(struct file *f)
{
	struct open_file *of = f->priv;

	if (!of)
		return;
	file_put(of->first);
	if (of->later)
		file_put(of->later);
	free(of);
}

static long fop_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct file *real;
	long ret = real_file(f, &real);

	if (ret < 0)
		return ret;
	return real->ops->read ? real->ops->read(real, u, pos) : -EINVAL;
}

/* Data of the upper file changed: the overlay's inode follows. */
static void changed(struct file *f, const struct file *real)
{
	struct inode *i = f->inode;

	mutex_lock(&i->mu);
	i->size = real->inode->size;
	i->mtime = i->ctime = ktime_now();
	mutex_unlock(&i->mu);
}

static long fop_write(struct file *f, struct uio *u, int64_t *pos)
{
	struct file *real;
	long ret = real_file(f, &real);

	if (ret < 0)
		return ret;
	if (!real->ops->write)
		return -EINVAL;
	ret = real->ops->write(real, u, pos);
	if (ret > 0)
		changed(f, real);
	return ret;
}

static int64_t fop_llseek(struct file *f, int64_t off, int whence)
{
	struct file *real;
	int64_t ret = real_file(f, &real);

	if (ret < 0)
		return ret;
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
	struct file *real;
	int ret = real_file(f, &real);

	if (ret < 0)
		return ret;
	if (!real->ops->mmap_backing)
		return -ENODEV;
	return real->ops->mmap_backing(real, off, size, write, out);
}

static int fop_fsync(struct file *f, bool data_only)
{
	struct file *real;
	int ret = real_file(f, &real);

	if (ret < 0)
		return ret;
	return real->ops->fsync ? real->ops->fsync(real, data_only) : 0;
}

static int fop_fallocate(struct file *f, int mode, int64_t off, int64_t size)
{
	const int moves =
		LINUX_FALLOC_FL_PUNCH_HOLE | LINUX_FALLOC_FL_ZERO_RANGE |
		LINUX_FALLOC_FL_COLLAPSE_RANGE | LINUX_FALLOC_FL_INSERT_RANGE;
	uint64_t from = page_down((uint64_t)off), to;
	struct file *real;
	int ret = real_file(f, &real);

	if (ret < 0)
		return ret;
	if (!real->ops->fallocate)
		return -EOPNOTSUPP;
	ret = real->ops->fallocate(real, mode, off, size);
	if (ret < 0)
		return ret;
	changed(f, real);
	to = page_up((uint64_t)off + (uint64_t)size);
	if ((mode & moves) && f->inode->mapping)
		mapping_invalidate(f->inode->mapping, from, to - from);
	return 0;
}

static long fop_fcntl(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct file *real;
	int ret = real_file(f, &real);

	if (ret < 0)
		return ret;
	return real->ops->fcntl ? real->ops->fcntl(real, cmd, arg) : -EINVAL;
}

static int fop_set_flags(struct file *f, uint32_t flags)
{
	struct file *real;
	int ret = real_file(f, &real);

	if (ret == 0 && real->ops->set_flags)
		ret = real->ops->set_flags(real, flags);
	if (ret == 0)
		real->flags = (real->flags & ~LINUX_O_SETFL) |
			      (flags & LINUX_O_SETFL);
	return ret;
}

static const struct file_ops lay_reg_fops = {
	.name = "overlay",
	.read = fop_read,
	.write = fop_write,
	.llseek = fop_llseek,
	.mmap_backing = fop_mmap_backing,
	.fsync = fop_fsync,
	.fallocate = fop_fallocate,
	.fcntl = fop_fcntl,
	.set_flags = fop_set_flags,
	.release = fop_release,
};

int lay_open(struct inode *inode, struct file *f)
{
	struct lay_inode *li = lay_inode(inode);
	uint32_t flags = f->flags & ~(LINUX_O_CREAT | LINUX_O_EXCL |
				      LINUX_O_TRUNC | LINUX_O_NOCTTY);
	bool truncates = f->flags & LINUX_O_TRUNC;
	AUTO_FREE struct open_file *of = kzalloc(sizeof(*of));
	int ret;

	if (!of)
		return -ENOMEM;
	if (truncates || (f->flags & LINUX_O_ACCMODE) != LINUX_O_RDONLY) {
		/* What is about to be cut off is not copied. */
		ret = lay_copy_up(li, truncates ? 0 : UINT64_MAX);
		if (ret < 0)
			return ret;
	}
	ret = open_real(f, lay_real(li), flags, &of->first);
	if (ret < 0)
		return ret;
	f->ops = &lay_reg_fops;
	f->priv = take(of);
	return 0;
}
