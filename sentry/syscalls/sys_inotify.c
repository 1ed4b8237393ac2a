/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_inotify: inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2).
 *
 * Tests: tests/conformance/inotify.c
 */
#include "abi/inotify.h"
#include "sentry/fs/inotify/inotify.h"
#include "sentry/syscalls/sys_file.h"
#include "syscalls.h"

long sys_inotify_init1(struct task *t, uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret;

	if (flags & ~(LINUX_O_CLOEXEC | LINUX_O_NONBLOCK))
		return -EINVAL;
	ret = inotify_new(flags & LINUX_O_NONBLOCK, &f);
	if (ret < 0)
		return ret;
	return fd_table_install(t->fds, f, flags & LINUX_O_CLOEXEC);
}

long sys_inotify_init(struct task *t)
{
	return sys_inotify_init1(t, 0);
}

static int check_mask(uint32_t mask)
{
	if ((mask & ~LINUX_IN_VALID) || !(mask & LINUX_IN_VALID))
		return -EINVAL;
	return 0;
}

long sys_inotify_add_watch(struct task *t, int32_t fd, uaddr_t path,
			   uint32_t mask)
{
	const uint32_t both = LINUX_IN_MASK_ADD | LINUX_IN_MASK_CREATE;
	AUTO_PUT(file) struct file *f = NULL;
	AUTO_PATH struct path p = { NULL, NULL };
	uint32_t walk = mask & LINUX_IN_DONT_FOLLOW ? 0 : WALK_FOLLOW;
	int ret = check_mask(mask);

	if (ret < 0)
		return ret;
	f = fd_table_lookup(t->fds, fd);
	if (!f)
		return -EBADF;
	if ((mask & both) == both || !file_is_inotify(f))
		return -EINVAL;
	if (mask & LINUX_IN_ONLYDIR)
		walk |= WALK_DIRECTORY;
	ret = path_lookup_user(LINUX_AT_FDCWD, path, walk, &p, NULL);
	if (ret == 0)
		ret = inode_permission(dentry_inode(p.dentry), t->cred,
				       MAY_READ);
	if (ret < 0)
		return ret;
	return inotify_watch(f, dentry_inode(p.dentry), mask);
}

long sys_inotify_rm_watch(struct task *t, int32_t fd, int32_t wd)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);

	if (!f)
		return -EBADF;
	return file_is_inotify(f) ? inotify_unwatch(f, wd) : -EINVAL;
}
