/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_tty: reads and writes of the caller's stdio that must not wait.
 *
 * Locks: none.
 * Tests: tests/hostile/terminal.sh
 */
#include <errno.h>
#include <fcntl.h>

#include "sentry/host/host_tty.h"

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

long host_readv_nowait(int fd, const struct iovec *iov, int nr)
{
	return result(preadv2(fd, iov, nr, -1, RWF_NOWAIT));
}

long host_writev_nowait(int fd, const struct iovec *iov, int nr)
{
	return result(pwritev2(fd, iov, nr, -1, RWF_NOWAIT));
}

long host_writev_append(int fd, const struct iovec *iov, int nr)
{
	return result(pwritev2(fd, iov, nr, -1, RWF_APPEND));
}

int host_fcntl_getfl(int fd)
{
	return (int)result(fcntl(fd, F_GETFL));
}
