/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_fsinfo: calls about files that ask for what file systems here do not
 * have, and refuse as Linux does then: quotactl(2), open_by_handle_at(2),
 * file_getattr(2); and cachestat(2).
 *
 * Tests: tests/conformance/fsinfo.c
 */
#include "abi/xattrat.h"
#include "sentry/syscalls/sys_file.h"
#include "syscalls.h"

/* --- quotas --------------------------------------------------------------- */

long sys_quotactl(struct task *t, uint32_t cmd, uaddr_t special, uint32_t id,
		  uaddr_t addr)
{
	AUTO_PATH struct path p = { NULL, NULL };
	uint32_t type = cmd & 0xff;
	int ret;

	(void)t;
	(void)id;
	(void)addr;
	if (type >= LINUX_MAXQUOTAS)
		return -EINVAL;
	if (uaddr_is_null(special))
		return cmd >> 8 == LINUX_Q_SYNC ? 0 : -ENODEV;
	ret = path_lookup_user(LINUX_AT_FDCWD, special, WALK_FOLLOW, &p, NULL);
	if (ret < 0)
		return ret;
	if (!inode_is(dentry_inode(p.dentry), LINUX_S_IFBLK))
		return -ENOTBLK;
	/* Nothing is mounted from a block device here. */
	return mount_flags(p.mnt) & MNT_NODEV ? -EACCES : -ENODEV;
}

long sys_quotactl_fd(struct task *t, int32_t fd, uint32_t cmd, uint32_t id,
		     uaddr_t addr)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup_any(t->fds, fd);

	(void)id;
	(void)addr;
	if (!f)
		return -EBADF;
	if ((cmd & 0xff) >= LINUX_MAXQUOTAS)
		return -EINVAL;
	return -ENOSYS; /* this file system has no quotas */
}

/* --- handles -------------------------------------------------------------- */

long sys_open_by_handle_at(struct task *t, int32_t mount_fd, uaddr_t handle,
			   uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	uint8_t bytes[LINUX_MAX_HANDLE_SZ];
	struct linux_file_handle h;
	int ret = copy_in(&h, handle, sizeof(h));

	(void)flags;
	if (ret < 0)
		return ret;
	if (h.bytes == 0 || h.bytes > LINUX_MAX_HANDLE_SZ)
		return -EINVAL;
	if (mount_fd != LINUX_AT_FDCWD) {
		f = fd_table_lookup_any(t->fds, mount_fd);
		if (!f)
			return -EBADF;
	}
	if (!cred_capable(t->cred, CAP_NR_DAC_READ_SEARCH))
		return -EPERM;
	ret = copy_in(bytes, uaddr(handle.va + sizeof(h)), h.bytes);
	return ret < 0 ? ret : -ESTALE; /* name_to_handle_at gave none */
}

/* --- attributes of FS_IOC_GETFLAGS ---------------------------------------- */

static long file_attr(int dirfd, uaddr_t path, uint64_t size, uint32_t flags)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret;

	if (flags &
	    ~(uint32_t)(LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_EMPTY_PATH))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < LINUX_FILE_ATTR_SIZE_VER0)
		return -EINVAL;
	ret = at_lookup(dirfd, path, flags,
			flags & LINUX_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW,
			&p);
	return ret < 0 ? ret : -EOPNOTSUPP;
}

long sys_file_getattr(struct task *t, int32_t dirfd, uaddr_t path, uaddr_t attr,
		      uint64_t size, uint32_t flags)
{
	(void)t;
	(void)attr;
	return file_attr(dirfd, path, size, flags);
}

long sys_file_setattr(struct task *t, int32_t dirfd, uaddr_t path, uaddr_t attr,
		      uint64_t size, uint32_t flags)
{
	(void)t;
	(void)attr;
	return file_attr(dirfd, path, size, flags);
}

/* --- cachestat ------------------------------------------------------------ */

static bool may_ask(struct task *t, const struct file *f)
{
	struct inode *inode = file_stat_inode(f);

	return file_writable(f) || inode_owner_or_capable(inode, t->cred) ||
	       inode_permission(inode, t->cred, MAY_WRITE) == 0;
}

/* Pages of [off, end) with data: what is kept in memory is cached. */
static int64_t count_pages(struct file *f, int64_t off, int64_t end)
{
	int64_t saved, from, to, pages = 0;

	if (!f->ops->llseek)
		return 0;
	mutex_lock(&f->pos_mu);
	saved = f->pos;
	while (off < end) {
		from = f->ops->llseek(f, off, LINUX_SEEK_DATA);
		if (from < 0 || from >= end)
			break;
		to = f->ops->llseek(f, from, LINUX_SEEK_HOLE);
		if (to <= from)
			break;
		to = MIN(to, end);
		pages += (int64_t)(page_up((uint64_t)to) -
				   page_down((uint64_t)from)) /
			 (int64_t)PAGE_SIZE;
		off = to;
	}
	f->pos = saved;
	mutex_unlock(&f->pos_mu);
	return pages;
}

long sys_cachestat(struct task *t, int32_t fd, uaddr_t range, uaddr_t stat,
		   uint32_t flags)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	struct linux_cachestat out = { 0 };
	struct linux_cachestat_range r;
	uint64_t end;
	int ret;

	if (!f)
		return -EBADF;
	ret = copy_in(&r, range, sizeof(r));
	if (ret < 0)
		return ret;
	if (!may_ask(t, f))
		return -EPERM;
	if (flags)
		return -EINVAL;
	if (r.len == 0 || add_overflows(r.off, r.len, &end) || end > INT64_MAX)
		end = INT64_MAX;
	if (inode_is(f->inode, LINUX_S_IFREG) && r.off < end)
		out.nr_cache = (uint64_t)count_pages(
			f, (int64_t)page_down(r.off),
			(int64_t)MIN(end, page_up(f->inode->size)));
	return copy_out(stat, &out, sizeof(out));
}
