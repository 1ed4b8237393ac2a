/* SPDX-License-Identifier: Apache-2.0 */
/* unix(7): pairs, connections, messages, descriptors and credentials. */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "tests/harness/guest_test.h"

static char g_buf[300000];

static void make_pair(int type, int s[2])
{
	EXPECT_OK(socketpair(AF_UNIX, type, 0, s));
}

static int poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	EXPECT_OK(poll(&p, 1, 0));
	return p.revents;
}

/* --- streams -------------------------------------------------------------- */

TEST(unix_socket, stream_joins_and_splits)
{
	int s[2], n;

	make_pair(SOCK_STREAM, s);
	EXPECT_EQ(5, write(s[0], "hello", 5));
	EXPECT_EQ(6, send(s[0], " world", 6, 0));
	EXPECT_OK(ioctl(s[1], FIONREAD, &n));
	EXPECT_EQ(11, n);
	EXPECT_EQ(7, recv(s[1], g_buf, 7, MSG_PEEK));
	EXPECT_EQ(3, read(s[1], g_buf, 3));
	EXPECT_EQ(8, recv(s[1], g_buf, 100, 0));
	EXPECT_EQ(0, memcmp(g_buf, "lo world", 8));
	EXPECT_ERRNO(EAGAIN, recv(s[1], g_buf, 1, MSG_DONTWAIT));
	EXPECT_ERRNO(EISCONN, sendto(s[0], "x", 1, 0, (void *)g_buf, 10));
	EXPECT_ERRNO(ESPIPE, lseek(s[0], 0, SEEK_SET));
}

TEST(unix_socket, waitall_waits)
{
	struct timespec ms = { 0, 10000000 };
	pid_t pid;
	int s[2];

	make_pair(SOCK_STREAM, s);
	pid = CHILD({
		for (int i = 0; i < 4; i++) {
			nanosleep(&ms, NULL);
			if (write(s[0], "abc", 3) != 3)
				_exit(1);
		}
	});
	EXPECT_EQ(10, recv(s[1], g_buf, 10, MSG_WAITALL));
	EXPECT_EXIT(0, pid);
	EXPECT_EQ(2, read(s[1], g_buf, 10));
}

TEST(unix_socket, shutdown_and_hang_up)
{
	int s[2];

	signal(SIGPIPE, SIG_IGN);
	make_pair(SOCK_STREAM, s);
	EXPECT_EQ(POLLOUT, poll_now(s[1]));
	EXPECT_OK(shutdown(s[0], SHUT_WR));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, poll_now(s[1]));
	EXPECT_EQ(0, read(s[1], g_buf, 1));
	EXPECT_ERRNO(EPIPE, write(s[0], "x", 1));
	EXPECT_EQ(1, write(s[1], "x", 1));
	EXPECT_ERRNO(EINVAL, shutdown(s[0], 9));
	EXPECT_OK(close(s[1]));
	EXPECT_EQ(1, read(s[0], g_buf, 1));
	EXPECT_EQ(0, read(s[0], g_buf, 1));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP, poll_now(s[0]));
}

TEST(unix_socket, unread_data_resets)
{
	int s[2], err = 0;
	socklen_t len = sizeof(err);

	make_pair(SOCK_STREAM, s);
	EXPECT_EQ(1, write(s[0], "x", 1));
	EXPECT_OK(close(s[1]));
	EXPECT_ERRNO(ECONNRESET, read(s[0], g_buf, 1));
	EXPECT_EQ(0, read(s[0], g_buf, 1));
	EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_ERROR, &err, &len));
	EXPECT_EQ(0, err);
}

TEST(unix_socket, sigpipe_unless_told)
{
	pid_t pid;
	int s[2];

	make_pair(SOCK_STREAM, s);
	EXPECT_OK(close(s[1]));
	EXPECT_ERRNO(EPIPE, send(s[0], "x", 1, MSG_NOSIGNAL));
	pid = CHILD(_exit(write(s[0], "x", 1) != 1));
	EXPECT_KILLED(SIGPIPE, pid);
}

TEST(unix_socket, large_stream)
{
	int s[2], total = 0;
	ssize_t n;
	pid_t pid;

	make_pair(SOCK_STREAM, s);
	pid = CHILD({
		close(s[0]);
		_exit(write(s[1], g_buf, sizeof(g_buf)) != sizeof(g_buf));
	});
	EXPECT_OK(close(s[1]));
	while ((n = read(s[0], g_buf, 12345)) > 0)
		total += (int)n;
	EXPECT_EQ(sizeof(g_buf), total);
	EXPECT_EXIT(0, pid);
}

TEST(unix_socket, receive_timeout)
{
	struct timeval tv = { 0, 20000 };
	int s[2];

	make_pair(SOCK_STREAM, s);
	EXPECT_OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_ERRNO(EAGAIN, read(s[0], g_buf, 1));
}

/* --- packets -------------------------------------------------------------- */

TEST(unix_socket, seqpacket_keeps_borders)
{
	int s[2];

	make_pair(SOCK_SEQPACKET, s);
	EXPECT_EQ(7, write(s[0], "packet1", 7));
	EXPECT_EQ(2, write(s[0], "p2", 2));
	EXPECT_EQ(3, read(s[1], g_buf, 3)); /* the rest is lost */
	EXPECT_EQ(2, recv(s[1], g_buf, 100, MSG_PEEK));
	EXPECT_EQ(2, read(s[1], g_buf, 100));
	EXPECT_EQ(5, write(s[0], "trunc", 5));
	EXPECT_EQ(5, recv(s[1], g_buf, 2, MSG_TRUNC));
	EXPECT_OK(close(s[0]));
	EXPECT_EQ(0, read(s[1], g_buf, 1));
	EXPECT_ERRNO(EPIPE, send(s[1], "x", 1, MSG_NOSIGNAL));
}

TEST(unix_socket, datagrams)
{
	struct sockaddr_un a = { AF_UNIX, "" }, from;
	int r = EXPECT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
	int w = EXPECT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
	socklen_t len, flen = sizeof(from);

	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			  snprintf(a.sun_path + 1, 50, "moat.%d", getpid()));
	EXPECT_OK(bind(r, (void *)&a, len));
	EXPECT_ERRNO(EADDRINUSE, bind(w, (void *)&a, len));
	EXPECT_ERRNO(ENOTCONN, write(w, "x", 1));
	EXPECT_EQ(2, sendto(w, "dg", 2, 0, (void *)&a, len));
	EXPECT_EQ(2, recvfrom(r, g_buf, 10, 0, (void *)&from, &flen));
	EXPECT_EQ(0, flen); /* the sender has no name */
	EXPECT_OK(bind(w, (void *)&a, sizeof(a.sun_family))); /* any name */
	EXPECT_OK(connect(w, (void *)&a, len));
	EXPECT_EQ(3, write(w, "abc", 3));
	flen = sizeof(from);
	EXPECT_EQ(3, recvfrom(r, g_buf, 10, 0, (void *)&from, &flen));
	EXPECT_EQ(8, flen);
	EXPECT_OK(close(r));
	EXPECT_ERRNO(ECONNREFUSED, write(w, "x", 1));
	EXPECT_ERRNO(ENOTCONN, write(w, "x", 1));
}

/* --- connections ---------------------------------------------------------- */

static struct sockaddr_un g_addr;

static int listener(int backlog)
{
	int s = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));

	g_addr.sun_family = AF_UNIX;
	SCRATCH_NAME(g_addr.sun_path, sizeof(g_addr.sun_path), "sock");
	EXPECT_ERRNO(EINVAL, listen(s, 1));
	EXPECT_OK(bind(s, (void *)&g_addr, sizeof(g_addr)));
	EXPECT_OK(listen(s, backlog));
	return s;
}

static int try_connect(int flags)
{
	int s = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM | flags, 0));

	return connect(s, (void *)&g_addr, sizeof(g_addr)) < 0 ? -1 : s;
}

TEST(unix_socket, connect_and_accept)
{
	int l = listener(5), c, a;
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	struct stat st;

	EXPECT_OK(stat(g_addr.sun_path, &st));
	EXPECT_TRUE(S_ISSOCK(st.st_mode));
	EXPECT_ERRNO(ENXIO, open(g_addr.sun_path, O_RDWR));
	EXPECT_EQ(0, poll_now(l));
	c = EXPECT_OK(try_connect(0));
	EXPECT_EQ(5, write(c, "early", 5));
	EXPECT_EQ(POLLIN, poll_now(l));
	a = EXPECT_OK(accept4(l, (void *)&name, &len, SOCK_CLOEXEC));
	EXPECT_EQ(2, len);
	EXPECT_EQ(FD_CLOEXEC, fcntl(a, F_GETFD));
	EXPECT_EQ(5, read(a, g_buf, 10));
	len = sizeof(name);
	EXPECT_OK(getpeername(c, (void *)&name, &len));
	EXPECT_STR(g_addr.sun_path, name.sun_path);
	EXPECT_ERRNO(EISCONN, connect(c, (void *)&g_addr, sizeof(g_addr)));
	EXPECT_OK(fcntl(l, F_SETFL, O_NONBLOCK));
	EXPECT_ERRNO(EAGAIN, accept(l, NULL, NULL));
	EXPECT_ERRNO(EINVAL, read(l, g_buf, 1));
	EXPECT_ERRNO(EINVAL, accept(c, NULL, NULL));
	EXPECT_ERRNO(ENOTSOCK, accept(0, NULL, NULL));
	EXPECT_OK(unlink(g_addr.sun_path));
	EXPECT_ERRNO(ENOENT, try_connect(0));
}

TEST(unix_socket, backlog_and_refusal)
{
	int l = listener(0), c;

	c = EXPECT_OK(try_connect(SOCK_NONBLOCK));
	EXPECT_ERRNO(EAGAIN, try_connect(SOCK_NONBLOCK));
	EXPECT_OK(close(l));
	EXPECT_ERRNO(ECONNRESET, read(c, g_buf, 1));
	EXPECT_ERRNO(ECONNREFUSED, try_connect(0));
	EXPECT_OK(unlink(g_addr.sun_path));
}

TEST(unix_socket, full_backlog_waits_for_accept)
{
	struct timespec ms = { 0, 20000000 };
	int l = listener(0);
	pid_t pid;

	EXPECT_OK(try_connect(0));
	pid = CHILD(_exit(try_connect(0) < 0));
	nanosleep(&ms, NULL);
	EXPECT_OK(accept(l, NULL, NULL));
	EXPECT_OK(accept(l, NULL, NULL));
	EXPECT_EXIT(0, pid);
	EXPECT_OK(unlink(g_addr.sun_path));
}

/* --- control messages ----------------------------------------------------- */

static void send_fds(int s, const int *fds, int nr)
{
	char control[CMSG_SPACE(sizeof(int) * 260)] = { 0 };
	struct iovec iov = { "data", 4 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(sizeof(int) * nr) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * nr);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * nr);
	if (sendmsg(s, &m, 0) < 0)
		return;
	errno = 0;
}

/* Returns how many descriptors came; *first is one of them. */
static int recv_fds(int s, size_t room, int *first, int *flags)
{
	char control[1024] = { 0 };
	struct iovec iov = { g_buf, 100 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = room };
	struct cmsghdr *c;
	int nr = 0;

	EXPECT_OK(recvmsg(s, &m, MSG_CMSG_CLOEXEC));
	*flags = m.msg_flags & ~MSG_CMSG_CLOEXEC;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type != SCM_RIGHTS)
			continue;
		nr = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(first, CMSG_DATA(c), sizeof(int));
	}
	return nr;
}

TEST(unix_socket, descriptors_travel)
{
	int s[2], p[2], fds[3], got, flags;

	make_pair(SOCK_STREAM, s);
	EXPECT_OK(pipe(p));
	fds[0] = p[1];
	fds[1] = fds[2] = 0;
	send_fds(s[0], fds, 3);
	EXPECT_EQ(3, recv_fds(s[1], 100, &got, &flags));
	EXPECT_EQ(0, flags);
	EXPECT_EQ(FD_CLOEXEC, fcntl(got, F_GETFD));
	EXPECT_OK(close(p[1]));
	EXPECT_EQ(2, write(got, "hi", 2));
	EXPECT_EQ(2, read(p[0], g_buf, 10));
	/* One under way keeps the pipe open. */
	send_fds(s[0], &got, 1);
	EXPECT_OK(close(got));
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	EXPECT_ERRNO(EAGAIN, read(p[0], g_buf, 1));
	EXPECT_EQ(4, read(s[1], g_buf, 10)); /* without taking it: closed */
	EXPECT_EQ(0, read(p[0], g_buf, 1));
}

TEST(unix_socket, room_for_descriptors_ends)
{
	int s[2], fds[3] = { 0, 0, 0 }, many[254] = { 0 }, bad = 999;
	int got, flags;

	make_pair(SOCK_STREAM, s);
	send_fds(s[0], fds, 3);
	EXPECT_EQ(2, recv_fds(s[1], CMSG_LEN(2 * sizeof(int)), &got, &flags));
	EXPECT_EQ(MSG_CTRUNC, flags);
	send_fds(s[0], fds, 1);
	EXPECT_EQ(0, recv_fds(s[1], 0, &got, &flags));
	EXPECT_EQ(MSG_CTRUNC, flags);
	send_fds(s[0], &bad, 1);
	EXPECT_EQ(EBADF, errno);
	send_fds(s[0], many, 254);
	EXPECT_EQ(EINVAL, errno);
}

TEST(unix_socket, a_read_ends_at_descriptors)
{
	int s[2], zero = 0, got, flags;

	make_pair(SOCK_STREAM, s);
	EXPECT_EQ(3, write(s[0], "one", 3));
	send_fds(s[0], &zero, 1);
	EXPECT_EQ(5, write(s[0], "three", 5));
	EXPECT_EQ(1, recv_fds(s[1], 100, &got, &flags));
	EXPECT_EQ(0, memcmp(g_buf, "onedata", 7));
	EXPECT_EQ(5, read(s[1], g_buf, 100));
}

TEST(unix_socket, credentials)
{
	struct ucred cred, *u;
	char control[100] = { 0 };
	struct iovec iov = { g_buf, 10 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = 100 };
	socklen_t len = sizeof(cred);
	int s[2], on = 1;

	make_pair(SOCK_STREAM, s);
	EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &cred, &len));
	EXPECT_EQ(getpid(), cred.pid);
	EXPECT_EQ(getuid(), cred.uid);
	EXPECT_OK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	EXPECT_EQ(1, write(s[0], "x", 1));
	EXPECT_EQ(1, recvmsg(s[1], &m, 0));
	EXPECT_EQ(CMSG_LEN(sizeof(*u)), CMSG_FIRSTHDR(&m)->cmsg_len);
	EXPECT_EQ(SCM_CREDENTIALS, CMSG_FIRSTHDR(&m)->cmsg_type);
	u = (struct ucred *)CMSG_DATA(CMSG_FIRSTHDR(&m));
	EXPECT_EQ(getpid(), u->pid);
	EXPECT_EQ(getgid(), u->gid);
}

/* Sockets whose queues hold each other, many deep. */
TEST(unix_socket, deep_chain_of_queues)
{
	int s[2], keep, none;

	make_pair(SOCK_STREAM, s);
	keep = s[0];
	close(s[1]);
	for (int i = 0; i < 500; i++) {
		make_pair(SOCK_DGRAM, s);
		send_fds(s[0], &keep, 1);
		close(keep);
		close(s[0]);
		keep = s[1];
	}
	EXPECT_OK(close(keep));
	none = EXPECT_OK(open("/dev/null", O_RDONLY));
	EXPECT_TRUE(none < 20);
}

/* --- options -------------------------------------------------------------- */

TEST(unix_socket, options)
{
	socklen_t len = sizeof(int);
	int s[2], v = 0;

	make_pair(SOCK_SEQPACKET, s);
	EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &v, &len));
	EXPECT_EQ(SOCK_SEQPACKET, v);
	EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_DOMAIN, &v, &len));
	EXPECT_EQ(AF_UNIX, v);
	v = 10000;
	EXPECT_OK(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)));
	EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, &len));
	EXPECT_EQ(20000, v);
	EXPECT_ERRNO(EMSGSIZE, send(s[0], g_buf, 100000, 0));
	EXPECT_ERRNO(ENOPROTOOPT, getsockopt(s[0], SOL_SOCKET, 999, &v, &len));
	EXPECT_ERRNO(EFAULT, getsockopt(s[0], SOL_SOCKET, SO_TYPE, &v, NULL));
	EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(AF_UNIX, SOCK_RDM, 0));
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_UNIX, SOCK_STREAM, 77));
	EXPECT_ERRNO(EAFNOSUPPORT, socket(99, SOCK_STREAM, 0));
	EXPECT_ERRNO(EINVAL, socket(AF_UNIX, 0x100, 0));
}

TEST_MAIN
