/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that are only reachable from their own queues: a pipe's write end
 * travels with them, and its reader sees when they have been freed.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/harness/guest_test.h"

static void send_fds(int to, const int *fds, size_t nr)
{
	_Alignas(8) char space[CMSG_SPACE(16 * sizeof(int))] = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *h;
	ssize_t n;

	m.msg_control = space;
	m.msg_controllen = CMSG_SPACE(nr * sizeof(int));
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(h), fds, nr * sizeof(int));
	/* An ordinary user may have to wait for the collector. */
	EXPECT_SOON((n = sendmsg(to, &m, 0)) == 1 || errno != ETOOMANYREFS);
	EXPECT_EQ(1, n);
}

static int recv_fd(int from)
{
	_Alignas(8) char space[CMSG_SPACE(16 * sizeof(int))];
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = space,
			    .msg_controllen = sizeof(space) };
	int fd = -1;

	EXPECT_EQ(1, recvmsg(from, &m, 0));
	if (CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* Any close of a socket looks for garbage; Linux does it a little later. */
static bool freed(int pipe_rd)
{
	struct pollfd pfd = { pipe_rd, POLLIN, 0 };
	int s[2];

	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	close(s[0]);
	close(s[1]);
	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLHUP);
}

static int g_pipe[2];

static void make_witness(void)
{
	EXPECT_OK(pipe(g_pipe));
}

TEST(unix_gc, a_socket_in_its_own_queue)
{
	int s[2];

	make_witness();
	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	send_fds(s[0], (int[]){ s[0], s[1], g_pipe[1] }, 3);
	close(g_pipe[1]);
	close(s[0]);
	EXPECT_TRUE(!freed(g_pipe[0]));
	close(s[1]);
	EXPECT_SOON(freed(g_pipe[0]));
}

TEST(unix_gc, a_ring_of_pairs)
{
	int s[8][2];

	make_witness();
	for (int i = 0; i < 8; i++)
		EXPECT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s[i]));
	/* s[i][1] lies in the queue of s[i + 1][1]. */
	for (int i = 0; i < 8; i++)
		send_fds(s[(i + 1) % 8][0], (int[]){ s[i][1] }, 1);
	send_fds(s[3][0], &g_pipe[1], 1);
	close(g_pipe[1]);
	for (int i = 0; i < 8; i++)
		close(s[i][1]);
	for (int i = 0; i < 8; i++)
		close(s[i][0]);
	EXPECT_SOON(freed(g_pipe[0]));
}

TEST(unix_gc, what_hangs_on_a_reachable_socket_stays)
{
	int out[2], s[2], got;

	make_witness();
	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, out));
	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	send_fds(s[0], (int[]){ s[0], g_pipe[1] }, 2);
	send_fds(out[0], &s[1], 1); /* in reach by out[1] */
	close(g_pipe[1]);
	close(s[0]);
	close(s[1]);
	for (int i = 0; i < 5; i++)
		EXPECT_TRUE(!freed(g_pipe[0]));
	got = recv_fd(out[1]);
	EXPECT_TRUE(recv_fd(got) >= 0); /* the message is still there */
	close(got);
}

TEST(unix_gc, a_connection_that_nobody_accepted)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(a);
	int l = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int c = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));

	make_witness();
	EXPECT_OK(bind(l, (struct sockaddr *)&a, sizeof(sa_family_t)));
	EXPECT_OK(getsockname(l, (struct sockaddr *)&a, &len));
	EXPECT_OK(listen(l, 1));
	EXPECT_OK(connect(c, (struct sockaddr *)&a, len));
	/* The listener lies in the queue of a connection to itself. */
	send_fds(c, (int[]){ l, c, g_pipe[1] }, 3);
	close(g_pipe[1]);
	close(l);
	close(c);
	EXPECT_SOON(freed(g_pipe[0]));
}

TEST(unix_gc, depth_is_no_recursion)
{
	/* An ordinary user may have RLIMIT_NOFILE of them in flight. */
	int depth = geteuid() == 0 ? 3000 : 900;
	int first[2], prev, s[2];

	make_witness();
	EXPECT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, first));
	send_fds(first[0], &g_pipe[1], 1);
	close(g_pipe[1]);
	close(first[0]);
	prev = first[1];
	for (int i = 0; i < depth; i++) {
		EXPECT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
		send_fds(s[0], &prev, 1);
		close(prev);
		close(s[0]);
		prev = s[1];
	}
	EXPECT_TRUE(!freed(g_pipe[0]));
	close(prev);
	EXPECT_SOON(freed(g_pipe[0]));
}

static volatile bool g_stop;

static void *cycles(void *arg)
{
	int s[2];

	(void)arg;
	while (!g_stop) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
			break;
		send_fds(s[0], s, 2);
		close(s[0]);
		close(s[1]);
	}
	return NULL;
}

/* Garbage is made and looked for while descriptors travel. */
TEST(unix_gc, travellers_are_not_lost)
{
	pthread_t th[2];
	int s[2], x[2], got;

	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_create(&th[i], NULL, cycles, NULL));
	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	for (int i = 0; i < 500; i++) {
		EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, x));
		send_fds(x[0], &x[0], 1); /* in x[1]'s queue */
		send_fds(s[0], &x[1], 1);
		close(x[0]);
		close(x[1]);
		got = recv_fd(s[1]);
		EXPECT_TRUE(got >= 0);
		close(EXPECT_OK(recv_fd(got)));
		close(got);
	}
	g_stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(th[i], NULL);
}

TEST_MAIN
