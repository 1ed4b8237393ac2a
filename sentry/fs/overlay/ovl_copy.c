/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl_copy: what goes from the lower layer to the upper one: data at the first
 * open for writing, extended attributes at their first change.
 *
 * The copy is complete before it can be seen: oi->upper is set last.  Files
 * opened before read the lower file on, as on Linux.
 *
 * Locks: copy_mu (LOCK_OVL_COPY_UP) across the copy; locks of the layers' files
 *	  are taken inside.
 * Tests: tests/unit/test_overlay.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "sentry/fs/overlay/ovl.h"
#include "sentry/vfs/namei.h"

#define COPY_CHUNK 262144u

int ovl_upper_new(struct ovl_super *os, struct inode **out)
{
	struct inode *root = os->upper->root->inode;
	int ret;

	mutex_lock_nested(&root->dir_mu);
	ret = root->ops->tmpfile(root, LINUX_S_IFREG | 0600, 0, 0, out);
	mutex_unlock(&root->dir_mu);
	return ret;
}

int ovl_open_layer(struct inode *inode, uint32_t flags, struct file **out)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret = file_new_pseudo(inode->sb, inode, "layer", flags, &f);

	if (ret < 0)
		return ret;
	ret = inode->ops->open ? inode->ops->open(inode, f) : -ENXIO;
	if (ret < 0) {
		f->ops = NULL; /* nothing to release */
		return ret;
	}
	*out = take(f);
	return 0;
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

static int set_upper_size(struct inode *upper, uint64_t size)
{
	struct iattr a = { .valid = ATTR_SIZE, .size = size };
	int ret = 0;

	mutex_lock(&upper->mu);
	if (upper->ops->setattr)
		ret = upper->ops->setattr(upper, &a);
	else
		inode_setattr_copy(upper, &a);
	mutex_unlock(&upper->mu);
	return ret;
}

/* Holes stay holes as far as runs of zero bytes tell. */
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

static int copy_data(struct inode *lower, struct inode *upper, uint64_t size)
{
	AUTO_PUT(file) struct file *from = NULL;
	AUTO_PUT(file) struct file *to = NULL;
	int ret;

	if (size == 0)
		return 0;
	ret = ovl_open_layer(lower, LINUX_O_RDONLY, &from);
	if (ret == 0)
		ret = ovl_open_layer(upper, LINUX_O_WRONLY, &to);
	if (ret == 0)
		ret = copy_chunks(from, to, size);
	return ret < 0 ? ret : set_upper_size(upper, size);
}

int ovl_copy_up(struct ovl_inode *oi, uint64_t limit)
{
	AUTO_PUT(inode) struct inode *upper = NULL;
	uint64_t size;
	int ret;

	if (oi->upper)
		return 0;
	ret = ovl_upper_new(ovl_super(&oi->vfs), &upper);
	if (ret < 0)
		return ret;
	mutex_lock(&oi->copy_mu);
	if (!oi->upper) {
		size = MIN(oi->vfs.size, limit);
		ret = copy_data(oi->lower, upper, size);
		if (ret == 0) {
			oi->vfs.size = size;
			oi->upper = take(upper);
		}
	}
	mutex_unlock(&oi->copy_mu);
	if (ret == 0)
		ovl_pin(oi);
	return ret;
}

/* --- extended attributes -------------------------------------------------- */

#define OVL_PREFIX "trusted.overlay."

static bool is_ours(const char *name)
{
	return strncmp(name, OVL_PREFIX, sizeof(OVL_PREFIX) - 1) == 0;
}

/* Where the attributes are: our store, the lower file, or nowhere. */
static struct inode *xattr_source(struct ovl_inode *oi)
{
	struct inode *store = oi->xstore;

	return store ? store : oi->lower;
}

static int copy_one_xattr(struct inode *from, struct inode *to,
			  const char *name)
{
	AUTO_FREE char *value = NULL;
	long size;

	if (is_ours(name))
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

static int copy_xattrs(struct inode *from, struct inode *to)
{
	AUTO_FREE char *list = NULL;
	long size, at;
	int ret = 0;

	if (!from || !from->ops->listxattr || !from->ops->getxattr)
		return 0;
	list = kzalloc(LINUX_XATTR_LIST_MAX + 1);
	if (!list)
		return -ENOMEM;
	size = from->ops->listxattr(from, list, LINUX_XATTR_LIST_MAX);
	if (size < 0)
		return size == -EOPNOTSUPP ? 0 : (int)size;
	for (at = 0; at < size && ret == 0; at += (long)strlen(list + at) + 1)
		ret = copy_one_xattr(from, to, list + at);
	return ret;
}

/* The store, made when first needed. */
static int need_store(struct ovl_inode *oi, struct inode **out)
{
	AUTO_PUT(inode) struct inode *store = NULL;
	int ret = 0;

	if (!oi->xstore)
		ret = ovl_upper_new(ovl_super(&oi->vfs), &store);
	if (ret == 0 && store && !store->ops->setxattr)
		ret = -EOPNOTSUPP;
	if (ret < 0)
		return ret;
	mutex_lock(&oi->copy_mu);
	if (!oi->xstore && store) {
		ret = copy_xattrs(oi->lower, store);
		if (ret == 0)
			oi->xstore = take(store);
	}
	mutex_unlock(&oi->copy_mu);
	if (ret < 0)
		return ret;
	ovl_pin(oi);
	*out = oi->xstore;
	return 0;
}

long ovl_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct inode *from = xattr_source(ovl_inode(inode));

	if (is_ours(name))
		return -EOPNOTSUPP;
	if (!from)
		return -ENODATA;
	if (!from->ops->getxattr)
		return -EOPNOTSUPP;
	return from->ops->getxattr(from, name, buf, size);
}

int ovl_setxattr(struct inode *inode, const char *name, const void *buf,
		 size_t size, int flags)
{
	struct inode *store;
	int ret;

	if (is_ours(name))
		return -EOPNOTSUPP;
	ret = need_store(ovl_inode(inode), &store);
	if (ret == 0)
		ret = store->ops->setxattr(store, name, buf, size, flags);
	if (ret == 0)
		ovl_touch_ctime(ovl_inode(inode));
	return ret;
}

long ovl_listxattr(struct inode *inode, char *buf, size_t size)
{
	struct inode *from = xattr_source(ovl_inode(inode));

	if (!from || !from->ops->listxattr)
		return 0;
	return from->ops->listxattr(from, buf, size);
}

int ovl_removexattr(struct inode *inode, const char *name)
{
	struct inode *store;
	int ret;

	if (is_ours(name))
		return -EOPNOTSUPP;
	ret = (int)ovl_getxattr(inode, name, NULL, 0);
	if (ret < 0)
		return ret;
	ret = need_store(ovl_inode(inode), &store);
	if (ret == 0)
		ret = store->ops->removexattr(store, name);
	if (ret == 0)
		ovl_touch_ctime(ovl_inode(inode));
	return ret;
}
