/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_control: see the header.
 */
#include "sentry/host/host_control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void host_control_send(int fd, const void *data, size_t size)
{
	while (send(fd, data, size, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

long host_control_recv(int fd, void *data, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, data, size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

#define FDS_MAX 64

static void take_fds(struct msghdr *m, int *fds, unsigned int max,
		     unsigned int *nr)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (*nr < max)
				fds[(*nr)++] = fd;
			else
				close(fd);
		}
	}
}

long host_control_recv_fds(int fd, void *data, size_t size, int *fds,
			   unsigned int max, unsigned int *nr)
{
	union {
		char buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { data, size };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.buf,
			    .msg_controllen = sizeof(control.buf) };
	ssize_t n;

	*nr = 0;
	do
		n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	take_fds(&m, fds, max, nr);
	return n;
}
