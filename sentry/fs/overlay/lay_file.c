/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay_file: opening regular files of an overlay of directories.
 *
 * Tests: tests/conformance/overlay_mount.c
 */
#include "abi/fcntl.h"
#include "sentry/fs/overlay/lay.h"

static struct inode *upper_of(struct inode *inode)
{
	return lay_inode(inode)->upper;
}

int lay_open(struct inode *inode, struct file *f)
{
	struct lay_inode *li = lay_inode(inode);
	bool truncates = f->flags & LINUX_O_TRUNC;
	int ret = 0;

	/* What is about to be cut off is not copied. */
	if (truncates || (f->flags & LINUX_O_ACCMODE) != LINUX_O_RDONLY)
		ret = lay_copy_up(li, truncates ? 0 : UINT64_MAX);
	if (ret < 0)
		return ret;
	return layer_file_open(f, lay_real(li), upper_of, false);
}
