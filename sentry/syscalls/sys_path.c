/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_path: calls that create, remove, rename and link names.
 *
 * Tests: tests/conformance/path.c
 */
#include "sentry/syscalls/sys_file.h"
#include "syscalls.h"

long sys_mkdirat(struct task *t, int32_t dirfd, uaddr_t path, uint32_t mode)
{
	struct path_buf b;
	int ret = path_in(&b, path);

	(void)t;
	return ret < 0 ? ret : vfs_mkdirat(dirfd, b.name, mode);
}

long sys_mkdir(struct task *t, uaddr_t path, uint32_t mode)
{
	return sys_mkdirat(t, LINUX_AT_FDCWD, path, mode);
}

static long remove_name(int dirfd, uaddr_t path, bool rmdir)
{
	struct path_buf b;
	int ret = path_in(&b, path);

	return ret < 0 ? ret : vfs_unlinkat(dirfd, b.name, rmdir);
}

long sys_rmdir(struct task *t, uaddr_t path)
{
	(void)t;
	return remove_name(LINUX_AT_FDCWD, path, true);
}

long sys_unlink(struct task *t, uaddr_t path)
{
	(void)t;
	return remove_name(LINUX_AT_FDCWD, path, false);
}

long sys_unlinkat(struct task *t, int32_t dirfd, uaddr_t path, uint32_t flags)
{
	(void)t;
	if (flags & ~(uint32_t)LINUX_AT_REMOVEDIR)
		return -EINVAL;
	return remove_name(dirfd, path, flags & LINUX_AT_REMOVEDIR);
}

/* --- rename --------------------------------------------------------------- */

long sys_renameat2(struct task *t, int32_t old_dirfd, uaddr_t old_path,
		   int32_t new_dirfd, uaddr_t new_path, uint32_t flags)
{
	const uint32_t one_way = LINUX_RENAME_NOREPLACE | LINUX_RENAME_WHITEOUT;
	struct path_buf from, to;
	int ret;

	(void)t;
	if (flags & ~(one_way | LINUX_RENAME_EXCHANGE))
		return -EINVAL;
	if ((flags & one_way) && (flags & LINUX_RENAME_EXCHANGE))
		return -EINVAL;
	ret = path_in(&from, old_path);
	if (ret == 0)
		ret = path_in(&to, new_path);
	if (ret < 0)
		return ret;
	return vfs_renameat(old_dirfd, from.name, new_dirfd, to.name, flags);
}

long sys_renameat(struct task *t, int32_t old_dirfd, uaddr_t old_path,
		  int32_t new_dirfd, uaddr_t new_path)
{
	return sys_renameat2(t, old_dirfd, old_path, new_dirfd, new_path, 0);
}

long sys_rename(struct task *t, uaddr_t old_path, uaddr_t new_path)
{
	return sys_renameat2(t, LINUX_AT_FDCWD, old_path, LINUX_AT_FDCWD,
			     new_path, 0);
}

/* --- links ---------------------------------------------------------------- */

/* A link from a bare descriptor gives it a name: not for everybody, but for who
 * has opened it. */
static bool may_link_bare(struct task *t, int fd)
{
	AUTO_PUT(file) struct file *f = NULL;

	if (cred_capable(t->cred, CAP_NR_DAC_READ_SEARCH))
		return true;
	f = fd == LINUX_AT_FDCWD ? NULL : fd_table_lookup_any(t->fds, fd);
	return !f || f->cred == t->cred;
}

long sys_linkat(struct task *t, int32_t old_dirfd, uaddr_t old_path,
		int32_t new_dirfd, uaddr_t new_path, uint32_t flags)
{
	AUTO_PATH struct path old = { NULL, NULL };
	struct path_buf to;
	int ret;

	if (flags & ~(uint32_t)(LINUX_AT_SYMLINK_FOLLOW | LINUX_AT_EMPTY_PATH))
		return -EINVAL;
	if ((flags & LINUX_AT_EMPTY_PATH) && !may_link_bare(t, old_dirfd))
		flags &= ~(uint32_t)LINUX_AT_EMPTY_PATH;
	ret = at_lookup(old_dirfd, old_path, flags,
			flags & LINUX_AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0,
			&old);
	if (ret == 0)
		ret = path_in(&to, new_path);
	return ret < 0 ? ret : vfs_linkat(&old, new_dirfd, to.name);
}

long sys_link(struct task *t, uaddr_t old_path, uaddr_t new_path)
{
	return sys_linkat(t, LINUX_AT_FDCWD, old_path, LINUX_AT_FDCWD, new_path,
			  0);
}

long sys_symlinkat(struct task *t, uaddr_t target, int32_t dirfd,
		   uaddr_t link_path)
{
	struct path_buf text, name;
	int ret;

	(void)t;
	ret = path_in(&text, target);
	if (ret == 0)
		ret = path_in(&name, link_path);
	return ret < 0 ? ret : vfs_symlinkat(text.name, dirfd, name.name);
}

long sys_symlink(struct task *t, uaddr_t target, uaddr_t link_path)
{
	return sys_symlinkat(t, target, LINUX_AT_FDCWD, link_path);
}

/* Text of a link; magic links without a text of their own show their path. */
static int link_text(struct inode *inode, char **out)
{
	AUTO_PATH struct path to = { NULL, NULL };
	AUTO_FREE char *buf = NULL;
	long len;
	int ret;

	if (inode->ops->readlink)
		return inode->ops->readlink(inode, out);
	ret = inode->ops->get_link(inode, &to);
	if (ret < 0)
		return ret;
	buf = malloc(LINUX_PATH_MAX);
	if (!buf)
		return -ENOMEM;
	len = path_to_string(&to, buf, LINUX_PATH_MAX, NULL);
	if (len < 0)
		return (int)len;
	*out = take(buf);
	return 0;
}

static long readlink_inode(struct inode *inode, bool empty, uaddr_t buf,
			   size_t size)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	int ret;

	if (!inode->ops->readlink && !inode->ops->get_link)
		return empty ? -ENOENT : -EINVAL;
	ret = link_text(inode, &text);
	if (ret < 0)
		return ret;
	len = MIN(strlen(text), size);
	ret = copy_out(buf, text, len);
	return ret < 0 ? ret : (long)len;
}

long sys_readlinkat(struct task *t, int32_t dirfd, uaddr_t path, uaddr_t buf,
		    int32_t size)
{
	AUTO_PATH struct path p = { NULL, NULL };
	struct path_buf b;
	bool empty;
	int ret;

	(void)t;
	if (size <= 0)
		return -EINVAL;
	ret = path_in(&b, path);
	empty = ret == -ENOENT;
	if (ret < 0 && !empty)
		return ret;
	ret = path_lookup(dirfd, empty ? "" : b.name, empty ? WALK_EMPTY : 0,
			  &p, NULL);
	if (ret < 0)
		return ret;
	return readlink_inode(dentry_inode(p.dentry), empty, buf, (size_t)size);
}

long sys_readlink(struct task *t, uaddr_t path, uaddr_t buf, int32_t size)
{
	return sys_readlinkat(t, LINUX_AT_FDCWD, path, buf, size);
}

/* --- mknod ---------------------------------------------------------------- */

long sys_mknodat(struct task *t, int32_t dirfd, uaddr_t path, uint32_t mode,
		 uint32_t dev)
{
	struct path_buf b;
	int ret = path_in(&b, path);

	(void)t;
	return ret < 0 ? ret : vfs_mknodat(dirfd, b.name, mode, dev, NULL);
}

long sys_mknod(struct task *t, uaddr_t path, uint32_t mode, uint32_t dev)
{
	return sys_mknodat(t, LINUX_AT_FDCWD, path, mode, dev);
}
