/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl_copy: what goes from the lower layer to the upper one: data at the first
 * open for writing, extended attributes at their first change.
 *
 * The copy is complete before it can be seen: upper is set last.
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

int ovl_upper_new(struct ovl_super *os, struct inode **out)
{
	struct inode *root = os->upper->root->inode;
	int ret;

	mutex_lock_nested(&root->dir_mu);
	ret = root->ops->tmpfile(root, LINUX_S_IFREG | 0600, 0, 0, out);
	mutex_unlock(&root->dir_mu);
	return ret;
}

int ovl_copy_up(struct ovl_inode *oi, uint64_t limit)
{
	AUTO_PUT(inode) struct inode *upper = NULL;
	struct inode *lower = NULL;
	struct ovl_state *st;
	uint64_t size;
	int ret;

	if (ovl_upper(&oi->vfs))
		return 0;
	ret = ovl_pin(oi);
	if (ret == 0)
		ret = ovl_lower(oi, false, &lower);
	if (ret == 0)
		ret = ovl_upper_new(ovl_super(&oi->vfs), &upper);
	if (ret < 0)
		return ret;
	st = oi->state;
	mutex_lock(&st->copy_mu);
	if (!st->upper) {
		size = MIN(oi->vfs.size, limit);
		ret = layer_copy_data(lower, upper, size);
		if (ret == 0) {
			oi->vfs.size = size;
			st->upper = take(upper);
		}
	}
	mutex_unlock(&st->copy_mu);
	return ret;
}

/* --- extended attributes -------------------------------------------------- */

#define OVL_PREFIX "trusted.overlay."

static bool is_ours(const char *name)
{
	return strncmp(name, OVL_PREFIX, sizeof(OVL_PREFIX) - 1) == 0;
}

/* Where the attributes are: our store, the lower file, or nowhere (NULL). */
static int xattr_source(struct ovl_inode *oi, struct inode **out)
{
	struct ovl_state *st = oi->state;

	*out = st ? st->xstore : NULL;
	return *out ? 0 : ovl_lower(oi, false, out);
}

/* The store, made when first needed. */
static int need_store(struct ovl_inode *oi, struct inode **out)
{
	AUTO_PUT(inode) struct inode *store = NULL;
	struct inode *lower = NULL;
	struct ovl_state *st;
	int ret = ovl_pin(oi);

	if (ret == 0)
		ret = ovl_lower(oi, false, &lower);
	if (ret < 0)
		return ret;
	st = oi->state;
	if (!st->xstore)
		ret = ovl_upper_new(ovl_super(&oi->vfs), &store);
	if (ret == 0 && store && !store->ops->setxattr)
		ret = -EOPNOTSUPP;
	if (ret < 0)
		return ret;
	mutex_lock(&st->copy_mu);
	if (!st->xstore && store) {
		if (lower)
			ret = layer_copy_xattrs(lower, store);
		if (ret == 0)
			st->xstore = take(store);
	}
	mutex_unlock(&st->copy_mu);
	*out = st->xstore;
	return ret;
}

long ovl_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct inode *from;
	int ret;

	if (is_ours(name))
		return -EOPNOTSUPP;
	ret = xattr_source(ovl_inode(inode), &from);
	if (ret < 0 || !from)
		return ret < 0 ? ret : -ENODATA;
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
	struct inode *from;
	int ret = xattr_source(ovl_inode(inode), &from);

	if (ret < 0 || !from || !from->ops->listxattr)
		return ret;
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
