/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor_link: the socket between commands and a container's monitor.
 *
 * The path goes through /proc/self/fd, since the length of a socket's name is
 * bounded and that of --root is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sentry/cmd/host/monitor.h"

static int new_socket(const struct container *c, struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(addr->sun_path, sizeof(addr->sun_path),
		 "/proc/self/fd/%d/control", c->dir);
	return fd < 0 ? -errno : fd;
}

int monitor_listen(const struct container *c)
{
	struct sockaddr_un addr;
	int fd = new_socket(c, &addr), ret;

	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    fchmodat(c->dir, "control", 0600, 0) == 0 && listen(fd, 64) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int monitor_connect(const struct container *c)
{
	struct sockaddr_un addr;
	int fd = new_socket(c, &addr), ret;

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret == -ENOENT ? -ECONNREFUSED : ret;
}

union fd_space {
	char buf[CMSG_SPACE(CONTROL_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

int monitor_send(int fd, const struct control_msg *msg, const int *fds,
		 unsigned int nr)
{
	union fd_space space = { 0 };
	struct iovec iov = { (void *)(uintptr_t)msg, sizeof(*msg) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nr > CONTROL_FDS_MAX)
		return -E2BIG;
	if (nr) {
		struct cmsghdr *c;

		m.msg_control = space.buf;
		m.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nr * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nr * sizeof(int));
	}
	while (sendmsg(fd, &m, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int monitor_recv(int fd, struct control_msg *msg, int *fds, unsigned int max,
		 unsigned int *nr)
{
	union fd_space space;
	struct iovec iov = { msg, sizeof(*msg) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = space.buf,
			    .msg_controllen = sizeof(space.buf) };
	ssize_t n;

	*nr = 0;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int got;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			memcpy(&got, CMSG_DATA(c) + i * sizeof(got),
			       sizeof(got));
			if (*nr < max)
				fds[(*nr)++] = got;
			else
				close(got);
		}
	}
	msg->text[sizeof(msg->text) - 1] = '\0';
	return n == sizeof(*msg) ? 1 : -EPROTO;
}

int monitor_ask(const struct container *c, struct control_msg *msg,
		const int *fds, unsigned int nr)
{
	int fd = monitor_connect(c), ret;
	unsigned int none;

	if (fd < 0)
		return fd;
	ret = monitor_send(fd, msg, fds, nr);
	if (ret == 0)
		ret = monitor_recv(fd, msg, NULL, 0, &none);
	close(fd);
	if (ret == 0)
		return -ECONNRESET;
	return ret < 0 ? ret : msg->status;
}
