/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_tty: reads and writes of the caller's stdio that must not wait.
 */
#ifndef SENTRY_HOST_HOST_TTY_H
#define SENTRY_HOST_HOST_TTY_H

#include <sys/uio.h>

#include "sentry/lib/compiler.h"

/*
 * At the descriptor's own offset, without waiting whatever its flags are.
 * Return: bytes; -EAGAIN; -EOPNOTSUPP if the file cannot promise it; -errno.
 */
MUST_CHECK long host_readv_nowait(int fd, const struct iovec *iov, int nr);
MUST_CHECK long host_writev_nowait(int fd, const struct iovec *iov, int nr);
/* At the end of the file (RWF_APPEND), for a file not opened with O_APPEND. */
MUST_CHECK long host_writev_append(int fd, const struct iovec *iov, int nr);
/* F_GETFL: LINUX_O_* or -errno. */
MUST_CHECK int host_fcntl_getfl(int fd);

#endif
