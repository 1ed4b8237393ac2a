/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_exec: execve(2), execveat(2).
 *
 * Tests: tests/conformance/exec.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "sentry/kernel/exec.h"
#include "sentry/vfs/vfs.h"
#include "syscalls.h"

#define PATH_SIZE	4096
#define AT_EXECVE_CHECK 0x10000u
#define AT_ALLOWED                                                     \
	((uint32_t)(LINUX_AT_EMPTY_PATH | LINUX_AT_SYMLINK_NOFOLLOW) | \
	 AT_EXECVE_CHECK)

struct exec_name {
	char path[PATH_SIZE];
	char shown[PATH_SIZE + 32]; /* what the program is told: AT_EXECFN */
};

static int copy_name(struct exec_name *n, int dirfd, uaddr_t path,
		     uint32_t flags)
{
	long len = copy_in_str(n->path, path, sizeof(n->path));

	if (len < 0)
		return (int)len;
	if (!n->path[0] && !(flags & LINUX_AT_EMPTY_PATH))
		return -ENOENT;
	if (dirfd == LINUX_AT_FDCWD || n->path[0] == '/')
		snprintf(n->shown, sizeof(n->shown), "%s", n->path);
	else if (n->path[0])
		snprintf(n->shown, sizeof(n->shown), "/dev/fd/%d/%s", dirfd,
			 n->path);
	else
		snprintf(n->shown, sizeof(n->shown), "/dev/fd/%d", dirfd);
	return 0;
}

/* The order of Linux: name, flags, file, argument strings, image. */
static long do_exec(struct task *t, int dirfd, uaddr_t path, uaddr_t argv,
		    uaddr_t envp, uint32_t flags)
{
	AUTO_FREE struct exec_name *name = kzalloc(sizeof(*name));
	AUTO_PUT(file) struct file *f = NULL;
	struct exec_args args;
	uint32_t walk = WALK_FOLLOW;
	int ret;

	if (!name)
		return -ENOMEM;
	ret = copy_name(name, dirfd, path, flags);
	if (ret < 0)
		return ret;
	if (flags & ~AT_ALLOWED)
		return -EINVAL;
	if (flags & LINUX_AT_SYMLINK_NOFOLLOW)
		walk = 0;
	if (flags & LINUX_AT_EMPTY_PATH)
		walk |= WALK_EMPTY;
	ret = exec_open(dirfd, name->path, walk, &f);
	if (ret < 0 || (flags & AT_EXECVE_CHECK))
		return ret;
	ret = exec_args_copy(t, argv, envp, strlen(name->shown) + 1, &args);
	if (ret == 0)
		ret = task_execve(t, f, name->shown, &args);
	exec_args_fini(&args);
	return ret;
}

long sys_execve(struct task *t, uaddr_t path, uaddr_t argv, uaddr_t envp)
{
	return do_exec(t, LINUX_AT_FDCWD, path, argv, envp, 0);
}

long sys_execveat(struct task *t, int32_t dirfd, uaddr_t path, uaddr_t argv,
		  uaddr_t envp, uint32_t flags)
{
	return do_exec(t, dirfd, path, argv, envp, flags);
}
