/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protected: /proc/sys/fs/protected_*: what is not done in directories that
 * everybody can write, proc_sys_fs(5).
 */
#ifndef SENTRY_VFS_PROTECTED_H
#define SENTRY_VFS_PROTECTED_H

#include "sentry/vfs/vfs.h"

/* The settings; whole system, each alone atomic. */
struct vfs_protected {
	_Atomic uint32_t symlinks, hardlinks, fifos, regular;
};
extern struct vfs_protected g_protected;

/* May @link, the end of a path, be followed from @dir?  -EACCES. */
MUST_CHECK int protected_follow(const struct inode *dir,
				const struct inode *link,
				const struct cred *cred);
/* May @inode, which is there already, be opened with O_CREAT?  -EACCES. */
MUST_CHECK int protected_create(const struct inode *dir,
				const struct inode *inode,
				const struct cred *cred);

#endif
