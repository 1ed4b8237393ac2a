/* SPDX-License-Identifier: Apache-2.0 */
/* tcp(7), ip(7), socket(7): stream sockets over loopback. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

static char g_buf[1 << 20];

static struct sockaddr_in addr4(const char *ip, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };

	EXPECT_EQ(1, inet_pton(AF_INET, ip, &a.sin_addr));
	return a;
}

static struct sockaddr_in name_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	EXPECT_OK(getsockname(fd, (void *)&a, &len));
	EXPECT_EQ(sizeof(a), len);
	return a;
}

static int stream(void)
{
	return EXPECT_OK(socket(AF_INET, SOCK_STREAM, 0));
}

static int bind_to(int fd, const char *ip, int port)
{
	struct sockaddr_in a = addr4(ip, port);

	return bind(fd, (void *)&a, sizeof(a));
}

static int connect_to(int fd, struct sockaddr_in a)
{
	return connect(fd, (void *)&a, sizeof(a));
}

static int listener(int backlog)
{
	int l = stream();

	EXPECT_OK(bind_to(l, "127.0.0.1", 0));
	EXPECT_OK(listen(l, backlog));
	return l;
}

/* Where somebody listens. */
static struct sockaddr_in to_listener(void)
{
	return name_of(listener(1));
}

/* s[0] connected, s[1] was accepted. */
static void make_pair(int s[2])
{
	int l = listener(5);

	s[0] = stream();
	EXPECT_OK(connect_to(s[0], name_of(l)));
	s[1] = EXPECT_OK(accept(l, NULL, NULL));
	EXPECT_OK(close(l));
}

static int poll_now(int fd)
{
	struct pollfd p = { .fd = fd,
			    .events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI };

	EXPECT_OK(poll(&p, 1, 0));
	return p.revents;
}

static int so_error(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	EXPECT_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len));
	return err;
}

static int tcp_state(int fd)
{
	struct tcp_info i;
	socklen_t len = sizeof(i);

	EXPECT_OK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len));
	return i.tcpi_state;
}

static void set_int(int fd, int level, int name, int v)
{
	EXPECT_OK(setsockopt(fd, level, name, &v, sizeof(v)));
}

/* A port that nobody listens on. */
static struct sockaddr_in dead_port(void)
{
	int s = stream();
	struct sockaddr_in a;

	EXPECT_OK(bind_to(s, "127.0.0.1", 0));
	a = name_of(s);
	return a; /* @s stays open: nobody else gets the port */
}

/* --- making and naming ---------------------------------------------------- */

TEST(tcp, kinds_and_protocols)
{
	EXPECT_OK(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
	EXPECT_OK(socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP));
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_INET, SOCK_STREAM, 17));
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_INET, SOCK_DGRAM, 6));
	EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(AF_INET, SOCK_SEQPACKET, 0));
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_INET, SOCK_RAW, 0));
	EXPECT_ERRNO(EINVAL, socket(AF_INET, SOCK_STREAM, -1));
	EXPECT_ERRNO(EINVAL, socket(AF_INET, SOCK_STREAM, 1000));
	EXPECT_ERRNO(EINVAL, socket(AF_INET, SOCK_STREAM | 0x100, 0));
	EXPECT_ERRNO(EOPNOTSUPP,
		     socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){ 0 }));
}

TEST(tcp, names_of_a_fresh_socket)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int s = stream();

	a = name_of(s);
	EXPECT_EQ(0, a.sin_port);
	EXPECT_EQ(INADDR_ANY, ntohl(a.sin_addr.s_addr));
	EXPECT_ERRNO(ENOTCONN, getpeername(s, (void *)&a, &len));
	EXPECT_EQ(TCP_CLOSE, tcp_state(s));
	EXPECT_EQ(POLLOUT | POLLHUP, poll_now(s));
	EXPECT_ERRNO(ENOTCONN, shutdown(s, SHUT_WR));
	EXPECT_ERRNO(ENOTCONN, recv(s, g_buf, 1, 0));
	EXPECT_ERRNO(EPIPE, send(s, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERRNO(EINVAL, accept(s, NULL, NULL));
}

TEST(tcp, bind_errors)
{
	struct sockaddr_in a = addr4("127.0.0.1", 0);
	int s = stream();

	EXPECT_ERRNO(EINVAL, bind(s, (void *)&a, sizeof(a) - 1));
	a.sin_family = AF_INET6;
	EXPECT_ERRNO(EAFNOSUPPORT, bind(s, (void *)&a, sizeof(a)));
	a.sin_family = AF_UNSPEC;
	EXPECT_ERRNO(EAFNOSUPPORT, bind(s, (void *)&a, sizeof(a)));
	EXPECT_ERRNO(EADDRNOTAVAIL, bind_to(s, "203.0.113.7", 0));
	EXPECT_OK(bind_to(s, "127.1.2.3", 0));
	EXPECT_EQ(0x7f010203, ntohl(name_of(s).sin_addr.s_addr));
	EXPECT_ERRNO(EINVAL, bind_to(s, "127.0.0.1", 0));
	a = (struct sockaddr_in){ .sin_family = AF_UNSPEC };
	s = stream();
	EXPECT_OK(bind(s, (void *)&a, sizeof(a)));
}

TEST(tcp, ports_below_1024_are_privileged)
{
	if (geteuid() == 0)
		EXPECT_OK(setuid(65534));
	EXPECT_ERRNO(EACCES, bind_to(stream(), "127.0.0.1", 1023));
}

TEST(tcp, bind_twice)
{
	int a = stream(), b = stream(), port;

	EXPECT_OK(bind_to(a, "127.0.0.1", 0));
	port = ntohs(name_of(a).sin_port);
	EXPECT_TRUE(port >= 1024);
	EXPECT_ERRNO(EADDRINUSE, bind_to(b, "127.0.0.1", port));
	EXPECT_ERRNO(EADDRINUSE, bind_to(b, "0.0.0.0", port));
	EXPECT_OK(bind_to(b, "127.0.0.2", port));
	/* SO_REUSEADDR helps while nobody listens, and if both have it. */
	b = stream();
	set_int(b, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_ERRNO(EADDRINUSE, bind_to(b, "127.0.0.1", port));
	set_int(a, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_OK(bind_to(b, "127.0.0.1", port));
	EXPECT_OK(listen(a, 1));
	EXPECT_ERRNO(EADDRINUSE, listen(b, 1));
	b = stream();
	set_int(b, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_ERRNO(EADDRINUSE, bind_to(b, "127.0.0.1", port));
}

TEST(tcp, reuseport_shares_connections)
{
	int l[2] = { stream(), stream() }, got[2] = { 0, 0 }, c, port;
	struct sockaddr_in to;

	set_int(l[0], SOL_SOCKET, SO_REUSEPORT, 1);
	EXPECT_OK(bind_to(l[0], "127.0.0.1", 0));
	to = name_of(l[0]);
	port = ntohs(to.sin_port);
	EXPECT_ERRNO(EADDRINUSE, bind_to(l[1], "127.0.0.1", port));
	set_int(l[1], SOL_SOCKET, SO_REUSEPORT, 1);
	EXPECT_OK(bind_to(l[1], "127.0.0.1", port));
	EXPECT_OK(listen(l[0], 100));
	EXPECT_OK(listen(l[1], 100));
	for (int i = 0; i < 64; i++) {
		c = stream();
		EXPECT_OK(connect_to(c, to));
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_OK(fcntl(l[i], F_SETFL, O_NONBLOCK));
		while ((c = accept(l[i], NULL, NULL)) >= 0)
			got[i]++;
	}
	EXPECT_EQ(64, got[0] + got[1]);
	EXPECT_TRUE(got[0] > 0 && got[1] > 0);
}

/* --- connecting ----------------------------------------------------------- */

TEST(tcp, connect_and_accept)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	int l = listener(1), c = stream(), a;

	EXPECT_EQ(TCP_LISTEN, tcp_state(l));
	EXPECT_EQ(0, poll_now(l));
	EXPECT_OK(connect_to(c, name_of(l)));
	EXPECT_EQ(POLLIN, poll_now(l));
	a = EXPECT_OK(
		accept4(l, (void *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC));
	EXPECT_EQ(sizeof(from), len);
	EXPECT_EQ(name_of(c).sin_port, from.sin_port);
	EXPECT_EQ(INADDR_LOOPBACK, ntohl(from.sin_addr.s_addr));
	EXPECT_TRUE(fcntl(a, F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(a, F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(name_of(l).sin_port, name_of(a).sin_port);
	EXPECT_ERRNO(EISCONN, connect_to(c, name_of(l)));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(c));
	EXPECT_EQ(POLLOUT, poll_now(c));
	EXPECT_ERRNO(EISCONN, connect_to(l, name_of(l)));
	EXPECT_ERRNO(EINVAL, listen(c, 1));
	EXPECT_ERRNO(ENOTCONN, recv(l, g_buf, 1, 0));
}

TEST(tcp, connect_errors)
{
	struct sockaddr_in a = addr4("127.0.0.1", 1);
	int s = stream();

	EXPECT_ERRNO(EINVAL, connect(s, (void *)&a, sizeof(a) - 1));
	a.sin_family = 77;
	EXPECT_ERRNO(EAFNOSUPPORT, connect(s, (void *)&a, sizeof(a)));
	EXPECT_ERRNO(ENETUNREACH, connect_to(s, addr4("224.0.0.1", 1)));
	EXPECT_ERRNO(ENETUNREACH, connect_to(s, addr4("255.255.255.255", 1)));
	EXPECT_ERRNO(ECONNREFUSED, connect_to(s, dead_port()));
	EXPECT_EQ(0, so_error(s));
	/* It may try again. */
	EXPECT_OK(connect_to(s, to_listener()));
}

TEST(tcp, nonblocking_connect)
{
	int l = listener(1), s = stream(), t = stream();

	EXPECT_OK(fcntl(s, F_SETFL, O_NONBLOCK));
	EXPECT_OK(fcntl(t, F_SETFL, O_NONBLOCK));
	EXPECT_ERRNO(EINPROGRESS, connect_to(s, name_of(l)));
	EXPECT_SOON(poll_now(s) == POLLOUT);
	EXPECT_EQ(0, so_error(s));
	EXPECT_OK(connect_to(s, name_of(l)));
	EXPECT_ERRNO(EISCONN, connect_to(s, name_of(l)));
	EXPECT_ERRNO(EINPROGRESS, connect_to(t, dead_port()));
	EXPECT_SOON(poll_now(t) ==
		    (POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP));
	EXPECT_EQ(ECONNREFUSED, so_error(t));
	EXPECT_EQ(0, so_error(t));
	EXPECT_ERRNO(ECONNABORTED, connect_to(t, name_of(l)));
	EXPECT_ERRNO(EINPROGRESS, connect_to(t, name_of(l)));
}

TEST(tcp, full_backlog_makes_wait)
{
	struct timeval tv = { 0, 50000 };
	int l = listener(0), a = stream(), b = stream();

	EXPECT_OK(connect_to(a, name_of(l)));
	EXPECT_OK(setsockopt(b, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	EXPECT_ERRNO(EINPROGRESS, connect_to(b, name_of(l)));
	EXPECT_EQ(TCP_SYN_SENT, tcp_state(b));
	EXPECT_ERRNO(EALREADY, connect_to(b, name_of(l)));
	EXPECT_EQ(0, poll_now(b));
	EXPECT_OK(accept(l, NULL, NULL));
	EXPECT_SOON(poll_now(b) == POLLOUT);
	EXPECT_OK(connect_to(b, name_of(l)));
	EXPECT_OK(accept(l, NULL, NULL));
}

TEST(tcp, accept_honours_timeouts_and_nonblock)
{
	struct timeval tv = { 0, 30000 };
	int l = listener(1);

	EXPECT_OK(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_ERRNO(EAGAIN, accept(l, NULL, NULL));
	EXPECT_OK(fcntl(l, F_SETFL, O_NONBLOCK));
	EXPECT_ERRNO(EAGAIN, accept(l, NULL, NULL));
}

TEST(tcp, disconnect_by_af_unspec)
{
	struct sockaddr un = { .sa_family = AF_UNSPEC };
	int s[2];

	make_pair(s);
	EXPECT_OK(connect(s[0], &un, sizeof(un)));
	EXPECT_ERRNO(ECONNRESET, recv(s[1], g_buf, 1, 0));
	EXPECT_EQ(INADDR_ANY, ntohl(name_of(s[0]).sin_addr.s_addr));
	EXPECT_EQ(ECONNRESET, so_error(s[0]));
	EXPECT_OK(connect_to(s[0], to_listener()));
}

TEST(tcp, closing_a_listener_resets_the_waiting)
{
	int l = listener(3), c = stream();

	EXPECT_OK(connect_to(c, name_of(l)));
	EXPECT_OK(close(l));
	EXPECT_ERRNO(ECONNRESET, recv(c, g_buf, 1, 0));
}

TEST(tcp, shutdown_wakes_a_listener)
{
	int l = listener(3);

	EXPECT_OK(shutdown(l, SHUT_RD));
	EXPECT_ERRNO(EINVAL, accept(l, NULL, NULL));
	EXPECT_OK(listen(l, 3));
}

/* --- data ----------------------------------------------------------------- */

TEST(tcp, a_stream_joins_and_splits)
{
	int s[2], n;

	make_pair(s);
	EXPECT_EQ(5, write(s[0], "hello", 5));
	EXPECT_EQ(6, send(s[0], " world", 6, 0));
	EXPECT_SOON(ioctl(s[1], FIONREAD, &n) == 0 && n == 11);
	EXPECT_EQ(7, recv(s[1], g_buf, 7, MSG_PEEK));
	EXPECT_EQ(3, read(s[1], g_buf, 3));
	EXPECT_EQ(2, recv(s[1], g_buf, 2, MSG_TRUNC));
	EXPECT_EQ(6, recv(s[1], g_buf, 100, 0));
	EXPECT_EQ(0, memcmp(g_buf, " world", 6));
	EXPECT_ERRNO(EAGAIN, recv(s[1], g_buf, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, send(s[0], "", 0, 0));
	/* Nothing is asked for, and yet it waits. */
	EXPECT_ERRNO(EAGAIN, recv(s[1], g_buf, 0, MSG_DONTWAIT));
	EXPECT_EQ(1, write(s[0], "x", 1));
	EXPECT_EQ(0, recv(s[1], g_buf, 0, 0));
	EXPECT_ERRNO(EAGAIN, recv(s[1], g_buf, 1, MSG_ERRQUEUE));
}

TEST(tcp, large_transfers_arrive_whole)
{
	uint8_t *p = (uint8_t *)g_buf;
	size_t got = 0;
	pid_t pid;
	ssize_t n;
	int s[2];

	make_pair(s);
	pid = CHILD({
		for (int k = 0; k < 8; k++) {
			for (size_t i = 0; i < sizeof(g_buf); i++)
				p[i] = (uint8_t)((i + (size_t)k) % 251);
			EXPECT_EQ(sizeof(g_buf), write(s[0], p, sizeof(g_buf)));
		}
	});
	EXPECT_OK(close(s[0]));
	while ((n = EXPECT_OK(read(s[1], g_buf, 70001))) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			if (p[i] != (uint8_t)((got % sizeof(g_buf) +
					       got / sizeof(g_buf)) %
					      251))
				FAIL("byte %zu is wrong", got);
	EXPECT_EQ(8 * sizeof(g_buf), got);
	EXPECT_EXIT(0, pid);
}

TEST(tcp, waitall_and_lowat)
{
	int s[2], n = 4;
	pid_t pid;

	make_pair(s);
	pid = CHILD({
		for (int i = 0; i < 4; i++) {
			EXPECT_EQ(3, write(s[0], "abc", 3));
			usleep(1000);
		}
	});
	EXPECT_EQ(12, recv(s[1], g_buf, 12, MSG_WAITALL));
	EXPECT_EXIT(0, pid);
	EXPECT_OK(setsockopt(s[1], SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n)));
	EXPECT_EQ(3, write(s[0], "abc", 3));
	EXPECT_SOON(ioctl(s[1], FIONREAD, &n) == 0 && n == 3);
	EXPECT_EQ(POLLOUT, poll_now(s[1]));
	EXPECT_EQ(1, write(s[0], "d", 1));
	EXPECT_SOON(poll_now(s[1]) == (POLLIN | POLLOUT));
	EXPECT_EQ(4, read(s[1], g_buf, 100));
}

TEST(tcp, flow_control)
{
	ssize_t n, total = 0, got = 0;
	int s[2], size = 20000;

	make_pair(s);
	EXPECT_OK(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	EXPECT_OK(fcntl(s[0], F_SETFL, O_NONBLOCK));
	while ((n = write(s[0], g_buf, 10000)) > 0)
		total += n;
	EXPECT_EQ(-1, n);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_TRUE(total >= 40000);
	EXPECT_EQ(0, poll_now(s[0]));
	while (got < total)
		got += EXPECT_OK(read(s[1], g_buf, sizeof(g_buf)));
	EXPECT_SOON(poll_now(s[0]) == POLLOUT);
	EXPECT_EQ(1, write(s[0], "x", 1));
}

TEST(tcp, receive_timeout_and_interruption)
{
	struct timeval tv = { 0, 30000 };
	int s[2];

	make_pair(s);
	EXPECT_OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_ERRNO(EAGAIN, recv(s[0], g_buf, 1, 0));
}

TEST(tcp, epoll_edges)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	int s[2], ep = EXPECT_OK(epoll_create1(0));

	make_pair(s);
	EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, s[1], &e));
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, 0));
	EXPECT_EQ(1, write(s[0], "x", 1));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, 5000));
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, 0));
	EXPECT_EQ(1, write(s[0], "y", 1));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, 5000));
	EXPECT_OK(close(s[0]));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, 5000));
	EXPECT_EQ(2, read(s[1], g_buf, 10));
}

TEST(tcp, sendfile_and_splice)
{
	char path[] = "/tmp/moat-tcp-XXXXXX";
	int s[2], p[2], fd = EXPECT_OK(mkstemp(path));

	EXPECT_OK(unlink(path));
	make_pair(s);
	EXPECT_EQ(10, write(fd, "0123456789", 10));
	EXPECT_EQ(8, sendfile(s[0], fd, &(off_t){ 2 }, 100));
	EXPECT_OK(pipe(p));
	EXPECT_EQ(8, splice(s[1], NULL, p[1], NULL, 8, 0));
	EXPECT_EQ(8, splice(p[0], NULL, s[1], NULL, 8, 0));
	EXPECT_EQ(8, recv(s[0], g_buf, 8, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(g_buf, "23456789", 8));
}

TEST(tcp, bad_memory)
{
	int s[2];

	make_pair(s);
	EXPECT_ERRNO(EFAULT, send(s[0], (void *)8, 100, 0));
	EXPECT_EQ(4, write(s[0], "good", 4));
	EXPECT_ERRNO(EFAULT, recv(s[1], (void *)8, 100, 0));
	EXPECT_EQ(4, read(s[1], g_buf, 100));
}

/* --- urgent data ---------------------------------------------------------- */

TEST(tcp, urgent_byte)
{
	int s[2], at;

	make_pair(s);
	EXPECT_ERRNO(EINVAL, recv(s[1], g_buf, 1, MSG_OOB));
	EXPECT_EQ(3, send(s[0], "abU", 3, MSG_OOB));
	EXPECT_EQ(2, send(s[0], "cd", 2, 0));
	EXPECT_SOON(poll_now(s[1]) & POLLPRI);
	EXPECT_EQ(2, recv(s[1], g_buf, 10, 0)); /* stops at the mark */
	EXPECT_OK(ioctl(s[1], SIOCATMARK, &at));
	EXPECT_EQ(1, at);
	EXPECT_EQ(1, recv(s[1], g_buf, 10, MSG_OOB));
	EXPECT_EQ('U', g_buf[0]);
	EXPECT_ERRNO(EINVAL, recv(s[1], g_buf, 1, MSG_OOB));
	EXPECT_EQ(2, recv(s[1], g_buf, 10, 0));
	EXPECT_EQ(0, memcmp(g_buf, "cd", 2));
	EXPECT_OK(ioctl(s[1], SIOCATMARK, &at));
	EXPECT_EQ(0, at);
}

TEST(tcp, urgent_byte_in_line)
{
	int s[2];

	make_pair(s);
	set_int(s[1], SOL_SOCKET, SO_OOBINLINE, 1);
	EXPECT_EQ(3, send(s[0], "abU", 3, MSG_OOB));
	EXPECT_SOON(poll_now(s[1]) & POLLPRI);
	EXPECT_EQ(2, recv(s[1], g_buf, 10, 0));
	EXPECT_ERRNO(EINVAL, recv(s[1], g_buf, 1, MSG_OOB));
	EXPECT_EQ(1, recv(s[1], g_buf, 10, 0));
	EXPECT_EQ('U', g_buf[0]);
}

static volatile sig_atomic_t g_urgent;

static void on_urgent(int sig)
{
	(void)sig;
	g_urgent++;
}

TEST(tcp, urgent_data_signals_the_owner)
{
	int s[2];

	make_pair(s);
	signal(SIGURG, on_urgent);
	EXPECT_OK(fcntl(s[1], F_SETOWN, getpid()));
	EXPECT_EQ(1, send(s[0], "U", 1, MSG_OOB));
	EXPECT_SOON(g_urgent == 1);
}

/* --- ends ----------------------------------------------------------------- */

TEST(tcp, half_closed)
{
	int s[2];

	signal(SIGPIPE, SIG_IGN);
	make_pair(s);
	EXPECT_EQ(1, write(s[0], "x", 1));
	EXPECT_OK(shutdown(s[0], SHUT_WR));
	EXPECT_SOON(tcp_state(s[0]) == TCP_FIN_WAIT2);
	EXPECT_SOON(poll_now(s[1]) == (POLLIN | POLLOUT | POLLRDHUP));
	EXPECT_EQ(TCP_CLOSE_WAIT, tcp_state(s[1]));
	EXPECT_EQ(1, read(s[1], g_buf, 10));
	EXPECT_EQ(0, read(s[1], g_buf, 10));
	EXPECT_ERRNO(EPIPE, write(s[0], "x", 1));
	EXPECT_EQ(1, write(s[1], "y", 1));
	EXPECT_EQ(1, read(s[0], g_buf, 1));
	EXPECT_OK(shutdown(s[1], SHUT_WR));
	EXPECT_SOON(poll_now(s[0]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
	EXPECT_EQ(0, read(s[0], g_buf, 1));
	EXPECT_SOON(tcp_state(s[1]) == TCP_CLOSE);
	EXPECT_ERRNO(ENOTCONN, shutdown(s[1], SHUT_RD));
	EXPECT_ERRNO(EINVAL, shutdown(s[1], 3));
}

TEST(tcp, shutdown_of_reading)
{
	int s[2];

	make_pair(s);
	EXPECT_OK(shutdown(s[0], SHUT_RD));
	EXPECT_EQ(0, read(s[0], g_buf, 1));
	EXPECT_EQ(1, write(s[1], "x", 1)); /* comes all the same */
	EXPECT_SOON(recv(s[0], g_buf, 1, MSG_DONTWAIT) == 1);
}

TEST(tcp, writing_to_a_closed_one)
{
	pid_t pid;
	int s[2];

	make_pair(s);
	EXPECT_OK(close(s[1]));
	EXPECT_SOON(poll_now(s[0]) & POLLRDHUP);
	EXPECT_EQ(0, read(s[0], g_buf, 1));
	EXPECT_EQ(1, send(s[0], "x", 1, MSG_NOSIGNAL)); /* answered by RST */
	EXPECT_SOON(poll_now(s[0]) & POLLERR);
	EXPECT_EQ(EPIPE, so_error(s[0]));
	EXPECT_ERRNO(EPIPE, send(s[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, read(s[0], g_buf, 1));
	pid = CHILD(_exit(write(s[0], "x", 1) != 1));
	EXPECT_KILLED(SIGPIPE, pid);
}

TEST(tcp, unread_data_resets)
{
	int s[2];

	make_pair(s);
	EXPECT_EQ(1, write(s[0], "x", 1));
	EXPECT_SOON(poll_now(s[1]) & POLLIN);
	EXPECT_OK(close(s[1]));
	EXPECT_SOON(poll_now(s[0]) & POLLERR);
	EXPECT_ERRNO(ECONNRESET, read(s[0], g_buf, 1));
	EXPECT_EQ(0, read(s[0], g_buf, 1));
	EXPECT_ERRNO(EPIPE, send(s[0], "x", 1, MSG_NOSIGNAL));
}

TEST(tcp, linger_of_zero_resets)
{
	struct linger l = { 1, 0 };
	int s[2];

	make_pair(s);
	EXPECT_EQ(3, write(s[1], "abc", 3));
	EXPECT_SOON(poll_now(s[0]) & POLLIN);
	EXPECT_OK(setsockopt(s[1], SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	EXPECT_OK(close(s[1]));
	EXPECT_SOON(poll_now(s[0]) & POLLERR);
	EXPECT_EQ(3, read(s[0], g_buf, 10)); /* what came before stays */
	EXPECT_ERRNO(ECONNRESET, read(s[0], g_buf, 10));
}

TEST(tcp, time_wait_keeps_the_port)
{
	int l = listener(1), c = stream(), a, port = ntohs(name_of(l).sin_port);
	int again = stream();

	EXPECT_OK(connect_to(c, name_of(l)));
	a = EXPECT_OK(accept(l, NULL, NULL));
	EXPECT_OK(close(l));
	EXPECT_OK(close(a)); /* the first to end waits */
	EXPECT_EQ(0, read(c, g_buf, 1));
	EXPECT_OK(close(c));
	EXPECT_ERRNO(EADDRINUSE, bind_to(again, "127.0.0.1", port));
	set_int(again, SOL_SOCKET, SO_REUSEADDR, 1);
	/* The other one had not set it. */
	EXPECT_ERRNO(EADDRINUSE, bind_to(again, "127.0.0.1", port));
}

TEST(tcp, a_server_with_reuseaddr_starts_again)
{
	int l = stream(), c = stream(), a, port;

	set_int(l, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_OK(bind_to(l, "127.0.0.1", 0));
	EXPECT_OK(listen(l, 1));
	port = ntohs(name_of(l).sin_port);
	EXPECT_OK(connect_to(c, name_of(l)));
	a = EXPECT_OK(accept(l, NULL, NULL));
	EXPECT_OK(close(a));
	EXPECT_EQ(0, read(c, g_buf, 1));
	EXPECT_OK(close(c));
	EXPECT_OK(close(l));
	l = stream();
	set_int(l, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_OK(bind_to(l, "127.0.0.1", port));
	EXPECT_OK(listen(l, 1));
}

/* --- IPv6 ----------------------------------------------------------------- */

static int bind6(int fd, const char *ip, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_port = htons((uint16_t)port) };

	EXPECT_EQ(1, inet_pton(AF_INET6, ip, &a.sin6_addr));
	return bind(fd, (void *)&a, sizeof(a));
}

TEST(tcp, dual_stack)
{
	int l = EXPECT_OK(socket(AF_INET6, SOCK_STREAM, 0)), c = stream(), port;
	struct sockaddr_in6 a;
	socklen_t len = sizeof(a);
	char text[64];

	EXPECT_OK(bind6(l, "::", 0));
	EXPECT_OK(listen(l, 5));
	EXPECT_OK(getsockname(l, (void *)&a, &len));
	port = ntohs(a.sin6_port);
	EXPECT_ERRNO(EADDRINUSE, bind_to(stream(), "127.0.0.1", port));
	EXPECT_OK(connect_to(c, addr4("127.0.0.1", port)));
	len = sizeof(a);
	EXPECT_OK(accept(l, (void *)&a, &len));
	EXPECT_EQ(sizeof(a), len);
	inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof(text));
	EXPECT_STR("::ffff:127.0.0.1", text);
	c = EXPECT_OK(socket(AF_INET6, SOCK_STREAM, 0));
	a.sin6_addr = in6addr_loopback;
	a.sin6_port = htons((uint16_t)port);
	EXPECT_OK(connect(c, (void *)&a, sizeof(a)));
	EXPECT_OK(accept(l, (void *)&a, &len));
	inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof(text));
	EXPECT_STR("::1", text);
}

TEST(tcp, v6only_leaves_ipv4_alone)
{
	int l = EXPECT_OK(socket(AF_INET6, SOCK_STREAM, 0)), port;
	struct sockaddr_in6 a;
	socklen_t len = sizeof(a);

	set_int(l, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	EXPECT_OK(bind6(l, "::", 0));
	EXPECT_OK(listen(l, 5));
	EXPECT_ERRNO(EINVAL, setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY,
					&(int){ 0 }, sizeof(int)));
	EXPECT_OK(getsockname(l, (void *)&a, &len));
	port = ntohs(a.sin6_port);
	EXPECT_ERRNO(ECONNREFUSED,
		     connect_to(stream(), addr4("127.0.0.1", port)));
	EXPECT_OK(bind_to(stream(), "127.0.0.1", port));
	EXPECT_ERRNO(EINVAL, bind6(EXPECT_OK(socket(AF_INET6, SOCK_STREAM, 0)),
				   "fe80::1", 0));
	EXPECT_ERRNO(EINVAL, bind6(EXPECT_OK(socket(AF_INET6, SOCK_STREAM, 0)),
				   "ff02::1", 0));
}

/* --- races ---------------------------------------------------------------- */

static void *close_later(void *arg)
{
	usleep(2000);
	shutdown(*(int *)arg, SHUT_RDWR);
	return NULL;
}

TEST(tcp, shutdown_by_another_thread_ends_a_read)
{
	pthread_t t;
	int s[2];

	make_pair(s);
	EXPECT_EQ(0, pthread_create(&t, NULL, close_later, &s[0]));
	EXPECT_EQ(0, read(s[0], g_buf, 1));
	EXPECT_EQ(0, pthread_join(t, NULL));
}

static void *accept_some(void *arg)
{
	int l = *(int *)arg, fd;
	char c;

	for (int i = 0; i < 100; i++) {
		fd = EXPECT_OK(accept(l, NULL, NULL));
		EXPECT_EQ(1, read(fd, &c, 1));
		EXPECT_EQ(1, write(fd, &c, 1));
		EXPECT_OK(close(fd));
	}
	return NULL;
}

TEST(tcp, many_connections_at_once)
{
	pthread_t t[2];
	int l = listener(2), fd;
	char c;

	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_create(&t[i], NULL, accept_some, &l));
	for (int i = 0; i < 200; i++) {
		fd = stream();
		EXPECT_OK(connect_to(fd, name_of(l)));
		EXPECT_EQ(1, write(fd, "q", 1));
		EXPECT_EQ(1, read(fd, &c, 1));
		EXPECT_EQ('q', c);
		EXPECT_EQ(0, read(fd, &c, 1));
		EXPECT_OK(close(fd));
	}
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
}

TEST_MAIN
