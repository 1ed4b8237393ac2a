/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console_host: the pseudo terminal of a container, whose master goes to the
 * engine (--console-socket).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sentry/cmd/host/monitor.h"

int console_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

static int send_master(int console, int master)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} space = { 0 };
	char name[64] = "pty";
	struct iovec iov = { name, 0 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = space.buf,
			    .msg_controllen = sizeof(space.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	(void)ptsname_r(master, name, sizeof(name));
	iov.iov_len = strlen(name);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &master, sizeof(master));
	return sendmsg(console, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int open_slave(int master, uint16_t rows, uint16_t columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };
	int slave;

	if (grantpt(master) < 0 || unlockpt(master) < 0)
		return -errno;
	if (rows && columns && ioctl(master, TIOCSWINSZ, &size) < 0)
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0) {
		int ret = -errno;

		close(slave);
		return ret;
	}
	return slave;
}

int console_make(int console, uint16_t rows, uint16_t columns)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave, ret;

	if (master < 0)
		return -errno;
	slave = open_slave(master, rows, columns);
	ret = slave < 0 ? slave : send_master(console, master);
	close(master);
	if (ret < 0 && slave >= 0)
		close(slave);
	return ret < 0 ? ret : slave;
}
