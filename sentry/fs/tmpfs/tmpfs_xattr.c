/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmpfs_xattr: extended attributes, a list per node.
 *
 * Which namespaces may be used by whom is the business of the system calls.
 *
 * Locks: i.mu.
 * Tests: tests/unit/test_tmpfs.c
 */
#include <errno.h>
#include <string.h>

#include "abi/xattr.h"
#include "sentry/fs/tmpfs/tmpfs.h"

/* Names and values of one node together. */
#define XATTR_BYTES_MAX (256u << 10)

static struct txattr *find(struct tnode *n, const char *name)
{
	struct txattr *x;

	list_for_each_entry (x, &n->xattrs, node) {
		if (strcmp(x->name, name) == 0)
			return x;
	}
	return NULL;
}

static size_t weight(const struct txattr *x)
{
	return sizeof(*x) + strlen(x->name) + 1 + x->size;
}

static void drop(struct tnode *n, struct txattr *x)
{
	n->xattr_bytes -= weight(x);
	list_del(&x->node);
	free(x->name);
	free(x);
}

long tmpfs_getxattr(struct inode *inode, const char *name, void *buf,
		    size_t size)
{
	struct tnode *n = tnode_of(inode);
	struct txattr *x;
	long ret;

	mutex_lock(&inode->mu);
	x = find(n, name);
	if (!x)
		ret = -ENODATA;
	else if (size && size < x->size)
		ret = -ERANGE;
	else
		ret = (long)x->size;
	if (ret > 0 && size)
		memcpy(buf, x->value, x->size);
	mutex_unlock(&inode->mu);
	return ret;
}

static struct txattr *xattr_new(const char *name, const void *buf, size_t size)
{
	struct txattr *x = kzalloc(sizeof(*x) + size);

	if (!x)
		return NULL;
	x->name = kstrdup(name);
	if (!x->name) {
		free(x);
		return NULL;
	}
	x->size = size;
	if (size)
		memcpy(x->value, buf, size);
	return x;
}

int tmpfs_setxattr(struct inode *inode, const char *name, const void *buf,
		   size_t size, int flags)
{
	struct txattr *fresh = xattr_new(name, buf, size), *old;
	struct tnode *n = tnode_of(inode);
	int ret = 0;

	if (!fresh)
		return -ENOMEM;
	mutex_lock(&inode->mu);
	old = find(n, name);
	if (old && (flags & LINUX_XATTR_CREATE))
		ret = -EEXIST;
	else if (!old && (flags & LINUX_XATTR_REPLACE))
		ret = -ENODATA;
	else if (n->xattr_bytes + weight(fresh) > XATTR_BYTES_MAX)
		ret = -ENOSPC;
	if (ret == 0) {
		if (old)
			drop(n, old);
		list_append(&n->xattrs, &fresh->node);
		n->xattr_bytes += weight(fresh);
		inode->ctime = ktime_now();
	}
	mutex_unlock(&inode->mu);
	if (ret < 0) {
		free(fresh->name);
		free(fresh);
	}
	return ret;
}

long tmpfs_listxattr(struct inode *inode, char *buf, size_t size)
{
	struct tnode *n = tnode_of(inode);
	struct txattr *x;
	size_t at = 0, len;
	long ret = 0;

	mutex_lock(&inode->mu);
	list_for_each_entry (x, &n->xattrs, node) {
		len = strlen(x->name) + 1;
		if (size && at + len > size) {
			ret = -ERANGE;
			break;
		}
		if (size)
			memcpy(buf + at, x->name, len);
		at += len;
	}
	mutex_unlock(&inode->mu);
	return ret < 0 ? ret : (long)at;
}

int tmpfs_removexattr(struct inode *inode, const char *name)
{
	struct tnode *n = tnode_of(inode);
	struct txattr *x;

	mutex_lock(&inode->mu);
	x = find(n, name);
	if (x) {
		drop(n, x);
		inode->ctime = ktime_now();
	}
	mutex_unlock(&inode->mu);
	return x ? 0 : -ENODATA;
}

void txattr_free_all(struct tnode *n)
{
	struct txattr *x, *tmp;

	list_for_each_entry_safe (x, tmp, &n->xattrs, node)
		drop(n, x);
}
