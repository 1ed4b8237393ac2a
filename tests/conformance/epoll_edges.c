/* SPDX-License-Identifier: Apache-2.0 */
/* epoll(7): errors, limits, races. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

/* Not mapped; volatile, so that the compiler does not see it. */
static void *volatile nowhere = (void *)8;

static int ep, p[2];
static struct epoll_event ev[8];

static void setup(void)
{
	ep = EXPECT_OK(epoll_create1(0));
	EXPECT_OK(pipe(p));
}

static int ctl(int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };

	return epoll_ctl(ep, op, fd, &e);
}

static int ready(void)
{
	return EXPECT_OK(epoll_wait(ep, ev, 8, 0));
}

TEST(epoll_edges, create_checks)
{
	int fd = EXPECT_OK(epoll_create1(EPOLL_CLOEXEC));

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_ERRNO(EINVAL, epoll_create1(1));
	EXPECT_ERRNO(EINVAL, epoll_create(0));
	EXPECT_OK(epoll_create(1));
}

TEST(epoll_edges, ctl_checks)
{
	int f = EXPECT_OK(open("f", O_RDWR | O_CREAT, 0644));

	setup();
	EXPECT_ERRNO(EBADF, epoll_ctl(-1, EPOLL_CTL_ADD, p[0], ev));
	EXPECT_ERRNO(EBADF, ctl(EPOLL_CTL_ADD, -1, EPOLLIN, 0));
	EXPECT_ERRNO(EPERM, ctl(EPOLL_CTL_ADD, f, EPOLLIN, 0));
	EXPECT_ERRNO(EINVAL, ctl(EPOLL_CTL_ADD, ep, EPOLLIN, 0));
	EXPECT_ERRNO(EINVAL, epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], ev));
	EXPECT_ERRNO(EFAULT, epoll_ctl(ep, EPOLL_CTL_ADD, p[0], NULL));
	EXPECT_ERRNO(ENOENT, ctl(EPOLL_CTL_MOD, p[0], EPOLLIN, 0));
	EXPECT_ERRNO(ENOENT, epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
	EXPECT_ERRNO(EINVAL, ctl(9, p[0], EPOLLIN, 0));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	EXPECT_ERRNO(EEXIST, ctl(EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
}

TEST(epoll_edges, wait_checks)
{
	setup();
	EXPECT_ERRNO(EINVAL, epoll_wait(ep, ev, 0, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_epoll_wait, ep, ev, -1, 0));
	EXPECT_ERRNO(EINVAL, epoll_wait(p[0], ev, 1, 0));
	EXPECT_ERRNO(EBADF, epoll_wait(99, ev, 1, 0));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[1], EPOLLOUT, 0));
	EXPECT_ERRNO(EFAULT, epoll_wait(ep, nowhere, 1, 0));
	EXPECT_EQ(1, ready());
}

TEST(epoll_edges, level_triggered)
{
	char c;

	setup();
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN, 0x123456789abcdef0));
	EXPECT_EQ(0, ready());
	EXPECT_EQ(2, write(p[1], "xy", 2));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(0x123456789abcdef0, ev[0].data.u64);
	EXPECT_EQ(EPOLLIN, ev[0].events);
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_EQ(0, ready());
}

TEST(epoll_edges, edge_triggered)
{
	char c;

	setup();
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET, 0));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(0, ready());
	EXPECT_EQ(1, write(p[1], "y", 1));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(0, ready());
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_EQ(0, ready());
	/* A change of the item looks again. */
	EXPECT_OK(ctl(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET, 0));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(0, ready());
}

TEST(epoll_edges, one_shot)
{
	setup();
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLONESHOT, 1));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(0, ready());
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(0, ready());
	EXPECT_OK(ctl(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 2));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(2, ev[0].data.u64);
}

TEST(epoll_edges, hang_up_and_error_always_come)
{
	setup();
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], 0, 0));
	EXPECT_EQ(0, ready());
	EXPECT_OK(close(p[1]));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(EPOLLHUP, ev[0].events);
	EXPECT_OK(pipe(p));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[1], EPOLLOUT, 1));
	EXPECT_OK(close(p[0]));
	EXPECT_TRUE(ready() >= 1);
}

TEST(epoll_edges, exclusive_rules)
{
	int other = EXPECT_OK(epoll_create1(0));

	setup();
	EXPECT_ERRNO(EINVAL, ctl(EPOLL_CTL_ADD, p[0],
				 EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0));
	EXPECT_ERRNO(EINVAL,
		     ctl(EPOLL_CTL_ADD, other, EPOLLIN | EPOLLEXCLUSIVE, 0));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLEXCLUSIVE, 0));
	EXPECT_ERRNO(EINVAL, ctl(EPOLL_CTL_MOD, p[0], EPOLLIN, 0));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, ready());
}

TEST(epoll_edges, exclusive_modification_is_refused)
{
	setup();
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	EXPECT_ERRNO(EINVAL,
		     ctl(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLEXCLUSIVE, 0));
}

TEST(epoll_edges, closing_the_last_descriptor_removes)
{
	int d;

	setup();
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	d = EXPECT_OK(dup(p[0]));
	EXPECT_OK(close(p[0]));
	/* The open file lives on, and so does the registration. */
	EXPECT_EQ(1, ready());
	EXPECT_ERRNO(EBADF, epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
	EXPECT_OK(close(d));
	EXPECT_EQ(0, ready());
}

TEST(epoll_edges, duplicates_are_items_of_their_own)
{
	int d;

	setup();
	d = EXPECT_OK(dup(p[0]));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, d, EPOLLIN, 2));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(2, ready());
	EXPECT_EQ(3, ev[0].data.u64 + ev[1].data.u64);
}

TEST(epoll_edges, at_most_maxevents_and_fair)
{
	int seen = 0;

	setup();
	for (int i = 0; i < 4; i++) {
		int e = EXPECT_OK(eventfd(1, 0));

		EXPECT_OK(ctl(EPOLL_CTL_ADD, e, EPOLLIN, (uint64_t)i));
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(2, epoll_wait(ep, ev, 2, 0));
		seen |= 1 << ev[0].data.u64 | 1 << ev[1].data.u64;
	}
	EXPECT_EQ(15, seen);
}

TEST(epoll_edges, nesting)
{
	int outer = EXPECT_OK(epoll_create1(0));
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = 7 };
	struct pollfd pfd;
	char c;

	setup();
	EXPECT_OK(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e));
	EXPECT_ERRNO(ELOOP, ctl(EPOLL_CTL_ADD, outer, EPOLLIN, 0));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	EXPECT_EQ(0, epoll_wait(outer, ev, 8, 0));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, epoll_wait(outer, ev, 8, -1));
	EXPECT_EQ(7, ev[0].data.u64);
	pfd = (struct pollfd){ .fd = outer, .events = POLLIN };
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_EQ(0, epoll_wait(outer, ev, 8, 0));
}

TEST(epoll_edges, nesting_has_a_limit)
{
	int chain[7], err = 0, i;

	for (i = 0; i < 7; i++)
		chain[i] = EXPECT_OK(epoll_create1(0));
	for (i = 1; i < 7 && !err; i++) {
		ep = chain[i];
		if (ctl(EPOLL_CTL_ADD, chain[i - 1], EPOLLIN, 0) < 0)
			err = errno;
	}
	/* EP_MAX_NESTS is 4. */
	EXPECT_EQ(ELOOP, err);
	EXPECT_EQ(6, i);
}

TEST(epoll_edges, pwait_mask_and_pwait2)
{
	struct timespec t = { 0, 1000000 }, bad = { 0, -1 };
	sigset_t set, empty;

	setup();
	sigemptyset(&empty);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	EXPECT_EQ(0, epoll_pwait2(ep, ev, 8, &t, &set));
	EXPECT_ERRNO(EINVAL, epoll_pwait2(ep, ev, 8, &bad, NULL));
	EXPECT_ERRNO(EINVAL, syscall(SYS_epoll_pwait, ep, ev, 8, 0, &set, 4));
	EXPECT_EQ(0, epoll_pwait(ep, ev, 8, 5, &empty));
}

static void *write_it(void *arg)
{
	(void)arg;
	EXPECT_EQ(1, write(p[1], "x", 1));
	return NULL;
}

TEST(epoll_edges, wakes_a_waiter_that_came_first)
{
	pthread_t th;

	setup();
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET, 0));
	EXPECT_EQ(0, pthread_create(&th, NULL, write_it, NULL));
	EXPECT_EQ(1, epoll_wait(ep, ev, 8, -1));
	EXPECT_EQ(0, pthread_join(th, NULL));
}

static int taken;

static void *take_one(void *arg)
{
	struct epoll_event e;
	char c;

	(void)arg;
	while (epoll_wait(ep, &e, 1, 2000) == 1 && e.data.u64 == (uint64_t)p[0])
		if (read(p[0], &c, 1) == 1)
			__atomic_fetch_add(&taken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Each byte is taken once, by any of the threads. */
TEST(epoll_edges, threads_share_the_events)
{
	pthread_t th[4];

	setup();
	EXPECT_OK(fcntl(p[0], F_SETFL, O_NONBLOCK));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN, (uint64_t)p[0]));
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, pthread_create(&th[i], NULL, take_one, NULL));
	for (int i = 0; i < 500; i++)
		EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_SOON(__atomic_load_n(&taken, __ATOMIC_SEQ_CST) == 500);
	EXPECT_OK(close(p[1]));
	EXPECT_OK(ctl(EPOLL_CTL_MOD, p[0], EPOLLIN, 0));
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, pthread_join(th[i], NULL));
}

TEST(epoll_edges, socket_bits)
{
	setup();
	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	EXPECT_OK(ctl(EPOLL_CTL_ADD, p[0],
		      EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 0));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(EPOLLOUT, ev[0].events);
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(EPOLLIN | EPOLLOUT, ev[0].events);
	EXPECT_OK(shutdown(p[1], SHUT_WR));
	EXPECT_EQ(1, ready());
	EXPECT_EQ(EPOLLIN | EPOLLOUT | EPOLLRDHUP, ev[0].events);
}

TEST_MAIN
