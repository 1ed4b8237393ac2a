/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_file: small helpers that the file families of system calls share.
 */
#ifndef SENTRY_SYSCALLS_SYS_FILE_H
#define SENTRY_SYSCALLS_SYS_FILE_H

#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/vfs.h"

struct path_buf {
	char name[LINUX_PATH_MAX];
};

/* A path from the guest: -EFAULT, -ENAMETOOLONG, -ENOENT if empty. */
static inline int MUST_CHECK path_in(struct path_buf *b, uaddr_t name)
{
	long ret = copy_in_str(b->name, name, sizeof(b->name));

	if (ret == 0)
		return -ENOENT;
	return ret < 0 ? (int)ret : 0;
}

/* The inode that stat, chmod and friends see behind an open file. */
static inline struct inode *file_stat_inode(const struct file *f)
{
	return dentry_inode(f->path.dentry);
}

/*
 * Path of an *at call: with AT_EMPTY_PATH an empty (or NULL) name means the
 * descriptor.  @walk has WALK_FOLLOW or not.
 */
MUST_CHECK int at_lookup(int dirfd, uaddr_t name, uint32_t at_flags,
			 uint32_t walk, struct path *out);

#endif
