/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_pipe: pipe(2), pipe2(2).
 *
 * Tests: tests/conformance/pipe.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/kernel/task.h"
#include "syscalls.h"

/* Gives two files to the guest, or neither. */
static long install_pair(struct task *t, struct file *f[2], uaddr_t fds,
			 bool cloexec)
{
	int32_t fd[2];
	int ret;

	fd[0] = fd_table_install(t->fds, f[0], cloexec);
	if (fd[0] < 0)
		return fd[0];
	fd[1] = fd_table_install(t->fds, f[1], cloexec);
	if (fd[1] < 0) {
		fd_table_close(t->fds, fd[0]);
		return fd[1];
	}
	ret = copy_out(fds, fd, sizeof(fd));
	if (ret < 0) {
		fd_table_close(t->fds, fd[0]);
		fd_table_close(t->fds, fd[1]);
	}
	return ret;
}

long sys_pipe2(struct task *t, uaddr_t fds, uint32_t flags)
{
	struct file *f[2];
	long ret;

	if (flags & ~(LINUX_O_CLOEXEC | LINUX_O_NONBLOCK | LINUX_O_DIRECT))
		return -EINVAL;
	ret = pipe_new(flags & (LINUX_O_NONBLOCK | LINUX_O_DIRECT), f);
	if (ret < 0)
		return ret;
	ret = install_pair(t, f, fds, flags & LINUX_O_CLOEXEC);
	file_put(f[0]);
	file_put(f[1]);
	return ret;
}

long sys_pipe(struct task *t, uaddr_t fds)
{
	return sys_pipe2(t, fds, 0);
}
