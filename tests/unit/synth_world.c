/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synth_world: as much of the VFS and of uio as synthetic files need, for unit
 * tests that link nothing else.
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/cred.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/vfs.h"

void inode_init(struct inode *inode, struct super *sb,
		const struct inode_ops *ops, uint64_t ino, uint32_t mode)
{
	ref_init(&inode->ref);
	inode->sb = sb;
	inode->ops = ops;
	inode->ino = ino;
	inode->mode = mode;
	mutex_init(&inode->mu, LOCK_INODE);
	mutex_init(&inode->dir_mu, LOCK_INODE_DIR);
}

void inode_put(struct inode *inode)
{
	if (!ref_put(&inode->ref))
		return;
	inode->ops->evict(inode);
	free(inode);
}

void super_init(struct super *sb, const struct super_ops *ops)
{
	ref_init(&sb->ref);
	sb->ops = ops;
	sb->dev = 42;
}

/* The root dentry is only a pair of pointers here. */
int super_set_root(struct super *sb, struct inode *root)
{
	struct dentry *d = kzalloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->inode = root;
	d->sb = sb;
	sb->root = d;
	return 0;
}

void super_put(struct super *sb)
{
	if (!ref_put(&sb->ref))
		return;
	if (sb->root) {
		inode_put(sb->root->inode);
		free(sb->root);
	}
	sb->ops->free(sb);
}

uint64_t clock_realtime_coarse(void)
{
	return 1700000000ull * NSEC_PER_SEC;
}

bool cred_in_group(const struct cred *c, uint32_t gid)
{
	(void)c, (void)gid;
	return false;
}

void uio_kernel(struct uio *u, void *buf, size_t size)
{
	memset(u, 0, sizeof(*u));
	u->one = (struct iovec){ buf, size };
	u->iov = &u->one;
	u->nr = 1;
	u->left = size;
}

static char *at(struct uio *u)
{
	return (char *)u->one.iov_base + u->seg_off;
}

void uio_advance(struct uio *u, size_t size)
{
	u->seg_off += size;
	u->left -= size;
}

long uio_copy_out(struct uio *u, const void *src, size_t size)
{
	size = MIN(size, u->left);
	memcpy(at(u), src, size);
	uio_advance(u, size);
	return (long)size;
}

long uio_copy_in(struct uio *u, void *dst, size_t size)
{
	size = MIN(size, u->left);
	memcpy(dst, at(u), size);
	uio_advance(u, size);
	return (long)size;
}
