/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_file: open regular files of an overlay.
 *
 * An open file forwards to a file of the layer that has the data.  One that was
 * opened for reading before its file was copied up goes over to the copy, as on
 * Linux; what it has mapped stays.
 *
 * Invariant: a file that can write forwards to the upper layer.
 * Locks:     inode->mu for size and times after a write.
 * Tests:     tests/unit/test_overlay.c, tests/conformance/overlay_mount.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "sentry/fs/overlay/layer.h"
#include "sentry/vfs/namei.h"

/* file->priv: the layer's files, with a reference each. */
struct open_file {
	IMMUTABLE struct file *first;
	_Atomic(struct file *) later; /* on the copy; set once */
	struct inode *(*upper)(struct inode *inode);
	bool touches;
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
	struct inode *upper = of->upper(f->inode);
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
	struct open_file *of = f->priv;
	struct file *real;
	long ret = real_file(f, &real);

	if (ret < 0)
		return ret;
	if (!real->ops->read)
		return -EINVAL;
	ret = real->ops->read(real, u, pos);
	if (ret > 0 && of->touches && real->inode == of->upper(f->inode))
		file_touch_atime(f);
	return ret;
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
	const int shifts =
		LINUX_FALLOC_FL_COLLAPSE_RANGE | LINUX_FALLOC_FL_INSERT_RANGE;
	const int moves = LINUX_FALLOC_FL_PUNCH_HOLE |
			  LINUX_FALLOC_FL_ZERO_RANGE | shifts;
	uint64_t from = page_down((uint64_t)off), to;
	uint64_t old_size = f->inode->size;
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
	if (mode & shifts)
		to = MAX(to, page_up(old_size));
	if ((mode & moves) && f->inode->mapping)
		mapping_invalidate(f->inode->mapping, from, to - from);
	return 0;
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

static const struct file_ops layer_fops = {
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

int layer_file_open(struct file *f, struct inode *layer,
		    struct inode *(*upper)(struct inode *inode), bool touches)
{
	uint32_t flags = f->flags & ~(LINUX_O_CREAT | LINUX_O_EXCL |
				      LINUX_O_TRUNC | LINUX_O_NOCTTY);
	AUTO_FREE struct open_file *of = kzalloc(sizeof(*of));
	int ret;

	if (!of)
		return -ENOMEM;
	of->upper = upper;
	of->touches = touches;
	ret = open_real(f, layer, flags, &of->first);
	if (ret < 0)
		return ret;
	f->ops = &layer_fops;
	f->priv = take(of);
	return 0;
}
