/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_sync: fsync(2) and relatives, fallocate(2), truncate(2), advice.
 *
 * Tests: tests/conformance/sync.c
 */
#include "sentry/syscalls/sys_file.h"
#include "sentry/vfs/landlock.h"
#include "sentry/vfs/leases.h"
#include "sentry/vfs/notify.h"
#include "syscalls.h"

static long do_fsync(struct task *t, int fd, bool data_only)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	uint32_t type;

	if (!f)
		return -EBADF;
	if (f->ops->fsync)
		return f->ops->fsync(f, data_only);
	type = f->inode->mode & LINUX_S_IFMT;
	return type == LINUX_S_IFREG || type == LINUX_S_IFDIR ? 0 : -EINVAL;
}

long sys_fsync(struct task *t, int32_t fd)
{
	return do_fsync(t, fd, false);
}

long sys_fdatasync(struct task *t, int32_t fd)
{
	return do_fsync(t, fd, true);
}

/* What is on no disk needs none. */
long sys_sync(struct task *t)
{
	(void)t;
	goferfs_sync_all();
	return 0;
}

long sys_syncfs(struct task *t, int32_t fd)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	struct super *sb;

	if (!f)
		return -EBADF;
	sb = f->path.dentry->sb;
	return sb->ops->sync ? sb->ops->sync(sb) : 0;
}

long sys_sync_file_range(struct task *t, int32_t fd, int64_t off, int64_t size,
			 uint32_t flags)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	uint32_t type;
	int64_t end;

	if (!f)
		return -EBADF;
	if ((flags & ~7u) || off < 0 || add_overflows(off, size, &end) ||
	    end < off)
		return -EINVAL;
	type = f->inode->mode & LINUX_S_IFMT;
	if (type != LINUX_S_IFREG && type != LINUX_S_IFDIR &&
	    type != LINUX_S_IFLNK)
		return -ESPIPE;
	/* More than asked: the whole file. */
	return flags && f->ops->fsync ? f->ops->fsync(f, true) : 0;
}

/* --- advice: nothing to do, but refused as on Linux ----------------------- */

long sys_readahead(struct task *t, int32_t fd, int64_t off, uint64_t size)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);

	(void)off;
	(void)size;
	if (!f || !file_readable(f))
		return -EBADF;
	return inode_is(f->inode, LINUX_S_IFREG) ? 0 : -EINVAL;
}

long sys_fadvise64(struct task *t, int32_t fd, int64_t off, uint64_t size,
		   int32_t advice)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);

	(void)off;
	if (!f)
		return -EBADF;
	if (inode_is(f->inode, LINUX_S_IFIFO))
		return -ESPIPE;
	if ((int64_t)size < 0 || advice < 0 || advice > 5)
		return -EINVAL;
	return 0;
}

/* --- size ----------------------------------------------------------------- */

/* Modes that the VFS lets through to the file system. */
static int check_falloc_mode(uint32_t mode)
{
	const uint32_t keep = LINUX_FALLOC_FL_KEEP_SIZE;

	switch (mode & ~keep) {
	case 0:
	case LINUX_FALLOC_FL_UNSHARE_RANGE:
	case LINUX_FALLOC_FL_ZERO_RANGE:
		return 0;
	case LINUX_FALLOC_FL_COLLAPSE_RANGE:
	case LINUX_FALLOC_FL_INSERT_RANGE:
	case LINUX_FALLOC_FL_WRITE_ZEROES:
		return mode & keep ? -EOPNOTSUPP : 0;
	case LINUX_FALLOC_FL_PUNCH_HOLE:
		return mode & keep ? 0 : -EOPNOTSUPP;
	default:
		return -EOPNOTSUPP;
	}
}

static int check_falloc_file(struct file *f)
{
	if (!file_writable(f))
		return -EBADF;
	switch (f->inode->mode & LINUX_S_IFMT) {
	case LINUX_S_IFREG:
		return 0;
	case LINUX_S_IFIFO:
		return -ESPIPE;
	case LINUX_S_IFDIR:
		return -EISDIR;
	default:
		return -ENODEV;
	}
}

long sys_fallocate(struct task *t, int32_t fd, uint32_t mode, int64_t off,
		   int64_t size)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	int64_t end;
	int ret;

	if (!f)
		return -EBADF;
	if (off < 0 || size <= 0)
		return -EINVAL;
	ret = check_falloc_mode(mode);
	if (ret == 0)
		ret = check_falloc_file(f);
	if (ret < 0)
		return ret;
	if (add_overflows(off, size, &end))
		return -EFBIG;
	if (!f->ops->fallocate)
		return -EOPNOTSUPP;
	if (!(mode & LINUX_FALLOC_FL_KEEP_SIZE) &&
	    (uint64_t)end > f->inode->size) {
		ret = vfs_check_size_limit((uint64_t)end);
		if (ret < 0)
			return ret;
	}
	vfs_kill_suid(f);
	ret = f->ops->fallocate(f, (int)mode, off, size);
	if (ret == 0)
		notify_file(f, LINUX_IN_MODIFY);
	return ret;
}

long sys_truncate(struct task *t, uaddr_t path, int64_t size)
{
	AUTO_PATH struct path p = { NULL, NULL };
	struct inode *inode;
	int ret;

	if (size < 0)
		return -EINVAL;
	ret = path_lookup_user(LINUX_AT_FDCWD, path, WALK_FOLLOW, &p, NULL);
	if (ret < 0)
		return ret;
	inode = dentry_inode(p.dentry);
	if (inode_is(inode, LINUX_S_IFDIR))
		return -EISDIR;
	if (!inode_is(inode, LINUX_S_IFREG))
		return -EINVAL;
	if (mount_readonly(p.mnt))
		return -EROFS;
	ret = inode_permission(inode, t->cred, MAY_WRITE);
	if (ret == 0)
		ret = landlock_need(landlock_allowed(t->cred, &p),
				    LINUX_LANDLOCK_FS_TRUNCATE);
	if (ret == 0)
		ret = inode_get_write(inode);
	if (ret < 0)
		return ret;
	ret = lease_break(inode, LINUX_O_WRONLY);
	if (ret == 0)
		ret = vfs_truncate(p.mnt, inode, t->cred, (uint64_t)size);
	inode_put_write(inode);
	if (ret == 0)
		notify_dentry(p.dentry, LINUX_IN_MODIFY);
	return ret;
}

long sys_ftruncate(struct task *t, int32_t fd, int64_t size)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret;

	if (size < 0)
		return -EINVAL;
	f = fd_table_lookup(t->fds, fd);
	if (!f)
		return -EBADF;
	if (!inode_is(f->inode, LINUX_S_IFREG) || !file_writable(f))
		return -EINVAL;
	if (f->no_truncate)
		return -EACCES;
	ret = vfs_truncate(f->path.mnt, file_stat_inode(f), t->cred,
			   (uint64_t)size);
	if (ret == 0)
		notify_file(f, LINUX_IN_MODIFY);
	return ret;
}
