/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dev: character devices by number.
 */
#ifndef SENTRY_FS_DEV_DEV_H
#define SENTRY_FS_DEV_DEV_H

#include "sentry/vfs/vfs.h"

/*
 * Fills @file for an open of a character device with number @rdev (in the
 * encoding of st_rdev), whatever file system @inode is of.
 * Returns: 0; -ENXIO if there is no such device; the device's own errors.
 */
MUST_CHECK int chrdev_open(uint64_t rdev, struct inode *inode,
			   struct file *file);

/* dev_mem.c */
extern const struct file_ops dev_null_fops, dev_zero_fops, dev_full_fops,
	dev_random_fops;

#endif
