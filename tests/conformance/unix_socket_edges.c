/* SPDX-License-Identifier: Apache-2.0 */
/* unix(7): AF_UNIX sockets: errors, limits, races. */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "tests/harness/guest_test.h"

static int s[2];
static char buf[1 << 18];

static socklen_t make_addr(struct sockaddr_un *a, const char *name)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(a->sun_path, name, strlen(name) + 1);
	/* A name that starts with @ is abstract. */
	if (name[0] == '@')
		a->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			   strlen(name) + (name[0] != '@'));
}

static int bind_to(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t len = make_addr(&a, name);

	return bind(fd, (void *)&a, len);
}

static int connect_to(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t len = make_addr(&a, name);

	return connect(fd, (void *)&a, len);
}

static int server(int type, const char *name)
{
	int fd = EXPECT_OK(socket(AF_UNIX, type, 0));

	if (name[0] != '@')
		(void)unlink(name);
	EXPECT_OK(bind_to(fd, name));
	if (type != SOCK_DGRAM)
		EXPECT_OK(listen(fd, 4));
	return fd;
}

static void pair(int type)
{
	EXPECT_OK(socketpair(AF_UNIX, type, 0, s));
}

TEST(unix_socket_edges, create_checks)
{
	EXPECT_ERRNO(EAFNOSUPPORT, socket(99, SOCK_STREAM, 0));
	EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(AF_UNIX, SOCK_RDM, 0));
	EXPECT_ERRNO(EINVAL, socket(AF_UNIX, 99, 0));
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_UNIX, SOCK_STREAM, 99));
	EXPECT_ERRNO(EINVAL, socket(AF_UNIX, SOCK_STREAM | 0x10000000, 0));
	EXPECT_OK(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s));
	EXPECT_EQ(FD_CLOEXEC, fcntl(s[0], F_GETFD));
	EXPECT_EQ(O_RDWR | O_NONBLOCK, fcntl(s[1], F_GETFL));
	EXPECT_ERRNO(EAGAIN, read(s[0], buf, 1));
	EXPECT_ERRNO(ESPIPE, lseek(s[0], 0, SEEK_SET));
	EXPECT_ERRNO(ENOTSOCK, send(open(".", O_RDONLY), buf, 1, 0));
}

TEST(unix_socket_edges, stream_has_no_borders)
{
	pair(SOCK_STREAM);
	EXPECT_EQ(3, write(s[0], "abc", 3));
	EXPECT_EQ(3, write(s[0], "def", 3));
	EXPECT_EQ(4, read(s[1], buf, 4));
	EXPECT_EQ(2, read(s[1], buf + 4, 10));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
	EXPECT_EQ(1, write(s[1], "x", 1));
	EXPECT_EQ(1, read(s[0], buf, 10));
	EXPECT_OK(close(s[0]));
	EXPECT_EQ(0, read(s[1], buf, 10));
}

TEST(unix_socket_edges, datagrams_keep_their_borders)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	struct iovec v = { buf, 2 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	for (int i = 0; i < 2; i++) {
		pair(types[i]);
		EXPECT_EQ(5, send(s[0], "hello", 5, 0));
		EXPECT_EQ(5, send(s[0], "world", 5, 0));
		EXPECT_EQ(0, send(s[0], "", 0, 0));
		EXPECT_EQ(2, recvmsg(s[1], &m, 0));
		EXPECT_EQ(MSG_TRUNC, m.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
		/* The rest is gone; MSG_TRUNC tells the true size. */
		EXPECT_EQ(5, recv(s[1], buf, 1, MSG_TRUNC));
		EXPECT_EQ('w', buf[0]);
		EXPECT_EQ(0, recv(s[1], buf, 1, 0));
		EXPECT_ERRNO(EMSGSIZE, send(s[0], buf, 8 << 20, 0));
	}
}

TEST(unix_socket_edges, peek_leaves_it)
{
	pair(SOCK_STREAM);
	EXPECT_EQ(4, write(s[0], "peek", 4));
	EXPECT_EQ(2, recv(s[1], buf, 2, MSG_PEEK));
	EXPECT_EQ(4, recv(s[1], buf, 9, MSG_PEEK));
	EXPECT_EQ(4, recv(s[1], buf, 9, MSG_DONTWAIT));
	EXPECT_ERRNO(EAGAIN, recv(s[1], buf, 9, MSG_DONTWAIT));
}

TEST(unix_socket_edges, waitall)
{
	pid_t child;

	pair(SOCK_STREAM);
	child = CHILD({
		for (int i = 0; i < 10; i++)
			EXPECT_EQ(1, write(s[0], "x", 1));
	});
	EXPECT_EQ(10, recv(s[1], buf, 10, MSG_WAITALL));
	EXPECT_EXIT(0, child);
}

TEST(unix_socket_edges, shutdown_and_broken_pipe)
{
	pair(SOCK_STREAM);
	EXPECT_EQ(2, write(s[0], "ab", 2));
	EXPECT_ERRNO(EINVAL, shutdown(s[0], 3));
	EXPECT_OK(shutdown(s[0], SHUT_WR));
	EXPECT_ERRNO(EPIPE, send(s[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(2, read(s[1], buf, 9));
	EXPECT_EQ(0, read(s[1], buf, 9));
	EXPECT_EQ(1, write(s[1], "b", 1));
	EXPECT_EQ(1, read(s[0], buf, 9));
	EXPECT_OK(close(s[1]));
	EXPECT_KILLED(SIGPIPE, CHILD((void)!write(s[0], "x", 1)));
	EXPECT_EQ(0, read(s[0], buf, 1));
}

TEST(unix_socket_edges, peer_closed_with_unread_bytes_resets)
{
	pair(SOCK_STREAM);
	EXPECT_EQ(1, write(s[0], "x", 1));
	EXPECT_OK(close(s[1]));
	EXPECT_ERRNO(ECONNRESET, read(s[0], buf, 1));
}

TEST(unix_socket_edges, bind_connect_accept)
{
	int l = server(SOCK_STREAM, "sock"), c, a;
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	struct stat st;

	EXPECT_OK(stat("sock", &st));
	EXPECT_TRUE(S_ISSOCK(st.st_mode));
	EXPECT_ERRNO(ENXIO, open("sock", O_RDWR));
	c = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	EXPECT_OK(connect_to(c, "sock"));
	a = EXPECT_OK(accept4(l, (void *)&name, &len, SOCK_CLOEXEC));
	EXPECT_EQ(FD_CLOEXEC, fcntl(a, F_GETFD));
	/* The client has no name. */
	EXPECT_EQ(sizeof(sa_family_t), len);
	len = sizeof(name);
	EXPECT_OK(getpeername(c, (void *)&name, &len));
	EXPECT_STR("sock", name.sun_path);
	EXPECT_EQ(offsetof(struct sockaddr_un, sun_path) + 5, len);
	EXPECT_EQ(2, write(c, "hi", 2));
	EXPECT_EQ(2, read(a, buf, 9));
	EXPECT_ERRNO(EISCONN, connect_to(c, "sock"));
	EXPECT_ERRNO(EINVAL, accept(c, NULL, NULL));
}

TEST(unix_socket_edges, bind_and_connect_checks)
{
	int l = server(SOCK_STREAM, "sock");
	int c = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int d = EXPECT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
	struct sockaddr_un a = { .sun_family = AF_INET };

	EXPECT_ERRNO(EADDRINUSE, bind_to(c, "sock"));
	EXPECT_ERRNO(EINVAL, bind_to(l, "other"));
	EXPECT_ERRNO(ENOENT, connect_to(c, "nowhere"));
	EXPECT_ERRNO(EPROTOTYPE, connect_to(d, "sock"));
	EXPECT_ERRNO(EINVAL, bind(c, (void *)&a, sizeof(a)));
	EXPECT_ERRNO(EINVAL, bind(c, (void *)&a, 1));
	EXPECT_ERRNO(ENOTCONN, send(c, "x", 1, 0));
	EXPECT_ERRNO(EINVAL, read(c, buf, 1));
	EXPECT_ERRNO(EINVAL, listen(c, 1));
	EXPECT_ERRNO(EOPNOTSUPP, listen(d, 1));
	EXPECT_OK(close(l));
	EXPECT_ERRNO(ECONNREFUSED, connect_to(c, "sock"));
	EXPECT_OK(close(open("plain", O_CREAT | O_RDWR, 0644)));
	EXPECT_ERRNO(ECONNREFUSED, connect_to(c, "plain"));
}

TEST(unix_socket_edges, abstract_names)
{
	char name[32];
	int l, c = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));

	snprintf(name, sizeof(name), "@conf-%d", getpid());
	l = server(SOCK_STREAM, name);
	EXPECT_ERRNO(EADDRINUSE, bind_to(c, name));
	EXPECT_OK(connect_to(c, name));
	EXPECT_OK(close(l));
	/* The name goes with the socket. */
	EXPECT_OK(close(server(SOCK_STREAM, name)));
	l = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	EXPECT_OK(bind(l,
		       (void *)&(struct sockaddr_un){ .sun_family = AF_UNIX },
		       sizeof(sa_family_t)));
}

TEST(unix_socket_edges, backlog_is_limited)
{
	int c, n = 0;
	int l = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));

	(void)unlink("sock");
	EXPECT_OK(bind_to(l, "sock"));
	EXPECT_OK(listen(l, 1));
	for (;; n++) {
		c = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
		if (connect_to(c, "sock") < 0)
			break;
	}
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(2, n);
	EXPECT_OK(accept(l, NULL, NULL));
	EXPECT_OK(connect_to(c, "sock"));
}

TEST(unix_socket_edges, datagrams_by_name)
{
	struct sockaddr_un to, from;
	socklen_t len = make_addr(&to, "d1"), flen = sizeof(from);
	int a = server(SOCK_DGRAM, "d1"), b = server(SOCK_DGRAM, "d2");

	EXPECT_EQ(3, sendto(b, "one", 3, 0, (void *)&to, len));
	EXPECT_EQ(3, recvfrom(a, buf, 9, 0, (void *)&from, &flen));
	EXPECT_STR("d2", from.sun_path);
	EXPECT_OK(connect_to(b, "d1"));
	EXPECT_EQ(3, send(b, "two", 3, 0));
	EXPECT_EQ(3, recv(a, buf, 9, 0));
	/* A connected socket hears its peer only. */
	EXPECT_OK(connect_to(a, "d1"));
	EXPECT_ERRNO(EPERM, send(b, "no", 2, 0));
	EXPECT_OK(close(a));
	EXPECT_ERRNO(ECONNREFUSED, send(b, "x", 1, 0));
}

static void send_fd(int sock, int fd)
{
	char c[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { "f", 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = c,
			    .msg_controllen = sizeof(c) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	EXPECT_EQ(1, sendmsg(sock, &m, 0));
}

/* The descriptor that came, or -1; @room bytes for control data. */
static int recv_fd(int sock, size_t room, int *out_flags)
{
	char c[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { buf, 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = c,
			    .msg_controllen = room };
	struct cmsghdr *h;
	int fd = -1;

	EXPECT_EQ(1, recvmsg(sock, &m, MSG_CMSG_CLOEXEC));
	*out_flags = m.msg_flags;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	return fd;
}

TEST(unix_socket_edges, descriptors_are_passed)
{
	int p[2], fd, flags;

	pair(SOCK_STREAM);
	EXPECT_OK(pipe(p));
	send_fd(s[0], p[1]);
	EXPECT_OK(close(p[1]));
	fd = recv_fd(s[1], CMSG_SPACE(sizeof(int)), &flags);
	EXPECT_TRUE(fd >= 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(4, write(fd, "thru", 4));
	EXPECT_EQ(4, read(p[0], buf, 9));
	/* No room: the descriptor is dropped and told. */
	send_fd(s[0], fd);
	EXPECT_OK(close(fd));
	EXPECT_EQ(-1, recv_fd(s[1], 0, &flags));
	EXPECT_TRUE(flags & MSG_CTRUNC);
	EXPECT_EQ(0, read(p[0], buf, 1));
}

TEST(unix_socket_edges, bytes_with_descriptors_are_not_joined)
{
	int flags;

	pair(SOCK_STREAM);
	EXPECT_EQ(1, write(s[0], "a", 1));
	send_fd(s[0], 0);
	EXPECT_EQ(1, write(s[0], "b", 1));
	EXPECT_EQ(1, read(s[1], buf, 1));
	EXPECT_TRUE(recv_fd(s[1], CMSG_SPACE(sizeof(int)), &flags) >= 0);
	EXPECT_EQ(1, read(s[1], buf, 9));
	EXPECT_EQ('b', buf[0]);
}

/* Sockets that hold each other are freed. */
TEST(unix_socket_edges, descriptors_in_flight_in_a_circle)
{
	for (int i = 0; i < 20; i++) {
		pair(SOCK_STREAM);
		send_fd(s[0], s[1]);
		send_fd(s[1], s[0]);
		EXPECT_OK(close(s[0]));
		EXPECT_OK(close(s[1]));
	}
}

TEST(unix_socket_edges, credentials)
{
	char c[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec v = { buf, 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = c,
			    .msg_controllen = sizeof(c) };
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct cmsghdr *h;
	int one = 1;

	pair(SOCK_STREAM);
	EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &cred, &len));
	EXPECT_EQ(getpid(), cred.pid);
	EXPECT_EQ(geteuid(), cred.uid);
	EXPECT_OK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	pid_t child = CHILD(EXPECT_EQ(1, write(s[0], "c", 1)));
	EXPECT_EQ(1, recvmsg(s[1], &m, 0));
	h = CMSG_FIRSTHDR(&m);
	EXPECT_TRUE(h && h->cmsg_type == SCM_CREDENTIALS);
	memcpy(&cred, CMSG_DATA(h), sizeof(cred));
	EXPECT_EQ(child, cred.pid);
	EXPECT_EQ(getuid(), cred.uid);
	EXPECT_EXIT(0, child);
}

TEST(unix_socket_edges, options)
{
	socklen_t len = sizeof(int);
	int v, fd = EXPECT_OK(socket(AF_UNIX, SOCK_SEQPACKET, 0));
	struct timeval tv = { 0, 20000 };

	EXPECT_OK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len));
	EXPECT_EQ(SOCK_SEQPACKET, v);
	EXPECT_OK(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &v, &len));
	EXPECT_EQ(AF_UNIX, v);
	EXPECT_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &len));
	EXPECT_EQ(0, v);
	EXPECT_OK(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &len));
	EXPECT_EQ(0, v);
	EXPECT_ERRNO(ENOPROTOOPT, getsockopt(fd, SOL_SOCKET, 9999, &v, &len));
	pair(SOCK_STREAM);
	EXPECT_OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_ERRNO(EAGAIN, read(s[0], buf, 1));
}

TEST(unix_socket_edges, full_buffer_blocks)
{
	size_t sent = 0;
	long n;
	struct pollfd p;

	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
	while ((n = write(s[0], buf, 4096)) > 0)
		sent += (size_t)n;
	EXPECT_EQ(EAGAIN, errno);
	p = (struct pollfd){ .fd = s[0], .events = POLLOUT };
	EXPECT_EQ(0, poll(&p, 1, 0));
	while (sent > 0)
		sent -= (size_t)EXPECT_OK(read(s[1], buf, sizeof(buf)));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_ERRNO(EAGAIN, read(s[1], buf, 1));
}

TEST(unix_socket_edges, large_transfer_between_processes)
{
	size_t got = 0;
	pid_t child;
	long n;

	pair(SOCK_STREAM);
	child = CHILD({
		close(s[1]);
		for (int i = 0; i < 8; i++)
			EXPECT_EQ(sizeof(buf), write(s[0], buf, sizeof(buf)));
	});
	EXPECT_OK(close(s[0]));
	while ((n = EXPECT_OK(read(s[1], buf, 30000))) > 0)
		got += (size_t)n;
	EXPECT_EQ(8 * sizeof(buf), got);
	EXPECT_EXIT(0, child);
}

TEST_MAIN
