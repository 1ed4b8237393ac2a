/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl_file: opening regular files of the overlay.
 *
 * Tests: tests/unit/test_overlay.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "sentry/fs/overlay/ovl.h"

int ovl_open(struct inode *inode, struct file *f)
{
	struct ovl_inode *oi = ovl_inode(inode);
	bool truncates = f->flags & LINUX_O_TRUNC;
	struct inode *layer;
	int ret = 0;

	if (!ovl_need_state(oi)) /* it may be mapped */
		return -ENOMEM;
	/* What is about to be cut off is not copied. */
	if (truncates || (f->flags & LINUX_O_ACCMODE) != LINUX_O_RDONLY)
		ret = ovl_copy_up(oi, truncates ? 0 : UINT64_MAX);
	layer = ovl_upper(inode);
	if (ret == 0 && !layer)
		ret = ovl_lower(oi, true, &layer);
	return ret < 0 ? ret : layer_file_open(f, layer, ovl_upper, true);
}
