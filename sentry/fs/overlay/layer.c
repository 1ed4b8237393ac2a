/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer: opening, reading and copying what a layer holds.
 *
 * Layers are used through their inodes, beside their dentry caches.
 *
 * Locks: dir_mu and mu of layers' inodes, after those of the overlay's.
 * Tests: tests/unit/test_overlay.c, tests/conformance/overlay_mount.c
 */
#include "sentry/fs/overlay/layer.h"

#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/xattr.h"
#include "sentry/vfs/namei.h"

#define COPY_CHUNK 262144u

int layer_open(struct inode *inode, uint32_t flags, struct file **out)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret = file_new_pseudo(inode->sb, inode, "layer", flags, &f);

	if (ret < 0)
		return ret;
	f->internal = true;
	ret = inode->ops->open ? inode->ops->open(inode, f) : -ENXIO;
	if (ret < 0) {
		f->ops = NULL; /* nothing to release */
		return ret;
	}
	*out = take(f);
	return 0;
}

int layer_lookup(struct inode *dir, const char *name, struct inode **out)
{
	int ret;

	if (!dir->ops->lookup)
		return -ENOTDIR;
	mutex_lock_nested(&dir->dir_mu);
	ret = dir->ops->lookup(dir, name, out);
	mutex_unlock(&dir->dir_mu);
	return ret;
}

int layer_iterate(struct inode *dir, struct dir_sink *sink)
{
	AUTO_PUT(file) struct file *f = NULL;
	int64_t pos = 0, before;
	int ret = layer_open(dir, LINUX_O_RDONLY | LINUX_O_DIRECTORY, &f);

	if (ret < 0)
		return ret;
	if (!f->ops->iterate)
		return -ENOTDIR;
	do {
		before = pos;
		ret = f->ops->iterate(f, sink, &pos);
	} while (ret == 0 && pos != before);
	return ret;
}

int layer_setattr(struct inode *inode, const struct iattr *attr)
{
	int ret = 0;

	mutex_lock_nested(&inode->mu);
	if (inode->ops->setattr)
		ret = inode->ops->setattr(inode, attr);
	else
		inode_setattr_copy(inode, attr);
	mutex_unlock(&inode->mu);
	return ret;
}

uint64_t layer_fold_ino(uint64_t first, uint64_t dev, uint64_t ino)
{
	uint64_t tag = (dev ^ dev >> 8 ^ dev >> 20) & 0x7f;

	if (dev == first)
		return ino;
	return (ino & ((1ull << 48) - 1)) | (tag | 0x80) << 49;
}

/* --- data ----------------------------------------------------------------- */

static bool all_zero(const char *buf, size_t size)
{
	return size == 0 ||
	       (buf[0] == 0 && memcmp(buf, buf + 1, size - 1) == 0);
}

static int write_chunk(struct file *to, char *buf, size_t size, int64_t pos)
{
	struct uio u;
	long ret;

	while (size > 0) {
		uio_kernel(&u, buf, size);
		ret = to->ops->write(to, &u, &pos);
		if (ret <= 0)
			return ret < 0 ? (int)ret : -EIO;
		buf += ret;
		size -= (size_t)ret;
	}
	return 0;
}

static int copy_chunks(struct file *from, struct file *to, uint64_t size)
{
	AUTO_FREE char *buf = malloc(COPY_CHUNK);
	uint64_t pos = 0;
	long got;
	int ret = 0;

	if (!buf)
		return -ENOMEM;
	while (pos < size && ret == 0) {
		got = file_pread_kernel(from, buf, MIN(COPY_CHUNK, size - pos),
					(int64_t)pos);
		if (got < 0)
			return (int)got;
		if (got == 0)
			break; /* it became shorter: the rest is zero */
		if (!all_zero(buf, (size_t)got))
			ret = write_chunk(to, buf, (size_t)got, (int64_t)pos);
		pos += (uint64_t)got;
	}
	return ret;
}

int layer_copy_data(struct inode *from, struct inode *to, uint64_t size)
{
	const struct iattr a = { .valid = ATTR_SIZE, .size = size };
	AUTO_PUT(file) struct file *in = NULL;
	AUTO_PUT(file) struct file *out = NULL;
	int ret;

	if (size == 0)
		return 0;
	ret = layer_open(from, LINUX_O_RDONLY, &in);
	if (ret == 0)
		ret = layer_open(to, LINUX_O_WRONLY, &out);
	if (ret == 0 && (!in->ops->read || !out->ops->write))
		ret = -EIO;
	if (ret == 0)
		ret = copy_chunks(in, out, size);
	return ret < 0 ? ret : layer_setattr(to, &a);
}

/* --- extended attributes -------------------------------------------------- */

static bool is_any_mark(const char *name)
{
	return strncmp(name, "trusted.overlay.", 16) == 0 ||
	       strncmp(name, "user.overlay.", 13) == 0;
}

static int copy_one(struct inode *from, struct inode *to, const char *name)
{
	AUTO_FREE char *value = NULL;
	long size;

	if (is_any_mark(name))
		return 0;
	size = from->ops->getxattr(from, name, NULL, 0);
	if (size < 0)
		return size == -ENODATA ? 0 : (int)size;
	value = malloc((size_t)size + 1);
	if (!value)
		return -ENOMEM;
	size = from->ops->getxattr(from, name, value, (size_t)size);
	if (size < 0)
		return size == -ENODATA ? 0 : (int)size;
	return to->ops->setxattr(to, name, value, (size_t)size, 0);
}

int layer_copy_xattrs(struct inode *from, struct inode *to)
{
	AUTO_FREE char *list = NULL;
	long size, at;
	int ret = 0;

	if (!from->ops->listxattr || !from->ops->getxattr || !to->ops->setxattr)
		return 0;
	size = from->ops->listxattr(from, NULL, 0);
	if (size <= 0)
		return size == -EOPNOTSUPP ? 0 : (int)size;
	list = kzalloc(LINUX_XATTR_LIST_MAX + 1);
	if (!list)
		return -ENOMEM;
	size = from->ops->listxattr(from, list, LINUX_XATTR_LIST_MAX);
	for (at = 0; at < size && ret == 0; at += (long)strlen(list + at) + 1) {
		ret = copy_one(from, to, list + at);
		if (ret == -EOPNOTSUPP || ret == -EPERM)
			ret = 0;
	}
	return size < 0 ? (int)size : ret;
}
