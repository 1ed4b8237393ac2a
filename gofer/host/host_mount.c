/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_mount: what the gofer can reach: detached copies of the exported mounts
 * and of its own /proc/self/fd, and an empty root.
 *
 * The copies are attached nowhere; they live as long as their descriptor.  A
 * copy's root has no parent, so ".." ends there even for a fallen gofer.
 * mount_setattr() only adds flags, so those that a user namespace locks stay.
 * Locks: none, one thread.
 * Tests: tests/gofer/test_gofer.c
 */
#include "gofer/host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#define EMPTY_ROOT_AT "/proc" /* any directory that is always there */

int gofer_host_mounts_private(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

static int set_flags(int fd, uint64_t flags)
{
	struct mount_attr attr = { .attr_set = flags };

	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE,
		    &attr, sizeof(attr)) < 0)
		return -errno;
	return 0;
}

int gofer_host_export(const char *source, bool readonly)
{
	uint64_t flags = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, source,
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				      AT_RECURSIVE);
	int ret;

	if (fd < 0)
		return -errno;
	if (readonly)
		flags |= MOUNT_ATTR_RDONLY;
	ret = set_flags(fd, flags | MOUNT_ATTR_NOSYMFOLLOW);
	if (ret == -EINVAL) /* before Linux 5.14 */
		ret = set_flags(fd, flags);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int gofer_host_own_fds(void)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc/self/fd",
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int gofer_host_empty_root(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	if (mount("none", EMPTY_ROOT_AT, "tmpfs",
		  MS_NODEV | MS_NOSUID | MS_NOEXEC,
		  "size=4k,nr_inodes=1,mode=0555") < 0 ||
	    chdir(EMPTY_ROOT_AT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ||
	    syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attr, sizeof(attr)) <
		    0)
		return -errno;
	return 0;
}
