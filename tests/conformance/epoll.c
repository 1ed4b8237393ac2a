/* SPDX-License-Identifier: Apache-2.0 */
/* epoll(7). */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "tests/harness/guest_test.h"

static int add(int ep, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static int change(int ep, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev);
}

static int wait_now(int ep)
{
	struct epoll_event ev[8];

	return epoll_wait(ep, ev, 8, 0);
}

TEST(epoll, level_edge_and_oneshot)
{
	int ep = EXPECT_OK(epoll_create1(0)), p[2];
	struct epoll_event ev;
	char c;

	EXPECT_OK(pipe(p));
	EXPECT_OK(add(ep, p[0], EPOLLIN));
	EXPECT_EQ(0, wait_now(ep));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, -1));
	EXPECT_EQ(EPOLLIN, ev.events);
	EXPECT_EQ(p[0], ev.data.fd);
	EXPECT_EQ(1, wait_now(ep));
	EXPECT_OK(change(ep, p[0], EPOLLIN | EPOLLET));
	EXPECT_EQ(1, wait_now(ep));
	EXPECT_EQ(0, wait_now(ep));
	EXPECT_EQ(1, write(p[1], "y", 1)); /* each write is an edge */
	EXPECT_EQ(1, wait_now(ep));
	EXPECT_OK(change(ep, p[0], EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(1, wait_now(ep));
	EXPECT_EQ(1, write(p[1], "z", 1));
	EXPECT_EQ(0, wait_now(ep));
	EXPECT_OK(change(ep, p[0], EPOLLIN));
	EXPECT_EQ(1, wait_now(ep));
	while (wait_now(ep))
		EXPECT_EQ(1, read(p[0], &c, 1));
}

TEST(epoll, hang_up_is_always_told)
{
	int ep = EXPECT_OK(epoll_create1(0)), p[2];
	struct epoll_event ev;

	EXPECT_OK(pipe(p));
	EXPECT_OK(add(ep, p[0], 0));
	EXPECT_OK(close(p[1]));
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, -1));
	EXPECT_EQ(EPOLLHUP, ev.events);
}

TEST(epoll, closed_files_leave)
{
	int ep = EXPECT_OK(epoll_create1(EPOLL_CLOEXEC)), fd, copy;

	EXPECT_EQ(FD_CLOEXEC, fcntl(ep, F_GETFD));
	fd = EXPECT_OK(eventfd(1, 0));
	copy = EXPECT_OK(dup(fd));
	EXPECT_OK(add(ep, fd, EPOLLIN));
	EXPECT_OK(close(fd));
	EXPECT_EQ(1, wait_now(ep)); /* the description is still open */
	EXPECT_OK(close(copy));
	EXPECT_EQ(0, wait_now(ep));
}

TEST(epoll, refuses)
{
	int ep = EXPECT_OK(epoll_create1(0)), fd = EXPECT_OK(eventfd(0, 0));
	int file = EXPECT_OK(open("/etc/passwd", O_RDONLY));
	struct epoll_event ev = { 0 };

	EXPECT_ERRNO(EINVAL, epoll_create(0));
	EXPECT_ERRNO(EINVAL, epoll_create1(1));
	EXPECT_ERRNO(EPERM, add(ep, file, EPOLLIN));
	EXPECT_ERRNO(EINVAL, add(ep, ep, EPOLLIN));
	EXPECT_ERRNO(EINVAL, add(fd, ep, EPOLLIN));
	EXPECT_ERRNO(EBADF, add(ep, 999, EPOLLIN));
	EXPECT_ERRNO(EBADF, add(999, fd, EPOLLIN));
	EXPECT_ERRNO(ENOENT, change(ep, fd, EPOLLIN));
	EXPECT_ERRNO(ENOENT, epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	EXPECT_ERRNO(EFAULT, epoll_ctl(ep, EPOLL_CTL_ADD, fd, NULL));
	EXPECT_ERRNO(EINVAL, epoll_ctl(ep, 9, fd, &ev));
	EXPECT_OK(add(ep, fd, EPOLLIN | EPOLLEXCLUSIVE));
	EXPECT_ERRNO(EEXIST, add(ep, fd, EPOLLIN));
	EXPECT_ERRNO(EINVAL, change(ep, fd, EPOLLIN));
	EXPECT_ERRNO(EINVAL, epoll_wait(ep, &ev, 0, 0));
	EXPECT_ERRNO(EINVAL, epoll_wait(fd, &ev, 1, 0));
	EXPECT_ERRNO(EFAULT, epoll_wait(ep, (void *)-1, 1, 0));
}

TEST(epoll, nesting)
{
	int ep[6], fd = EXPECT_OK(eventfd(0, 0));
	struct pollfd p = { .events = POLLIN };

	for (int i = 0; i < 6; i++)
		ep[i] = EXPECT_OK(epoll_create1(0));
	for (int i = 0; i < 4; i++)
		EXPECT_OK(add(ep[i], ep[i + 1], EPOLLIN));
	EXPECT_ERRNO(ELOOP, add(ep[4], ep[5], EPOLLIN));
	EXPECT_ERRNO(ELOOP, add(ep[2], ep[0], EPOLLIN));
	EXPECT_OK(add(ep[4], fd, EPOLLIN));
	EXPECT_EQ(0, wait_now(ep[0]));
	EXPECT_OK(eventfd_write(fd, 1));
	EXPECT_EQ(1, wait_now(ep[0]));
	p.fd = ep[1];
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_OK(close(fd));
	EXPECT_EQ(0, wait_now(ep[0]));
}

static void *write_late(void *fd)
{
	struct timespec ms = { 0, 20000000 };

	nanosleep(&ms, NULL);
	eventfd_write((int)(long)fd, 1);
	return NULL;
}

TEST(epoll, wakes_through_two_levels)
{
	int inner = EXPECT_OK(epoll_create1(0)), fd = EXPECT_OK(eventfd(0, 0));
	int outer = EXPECT_OK(epoll_create1(0));
	struct epoll_event ev;
	pthread_t t;

	EXPECT_OK(add(inner, fd, EPOLLIN));
	EXPECT_OK(add(outer, inner, EPOLLIN));
	EXPECT_EQ(0, pthread_create(&t, NULL, write_late, (void *)(long)fd));
	EXPECT_EQ(1, epoll_wait(outer, &ev, 1, 5000));
	pthread_join(t, NULL);
}

/* Many threads wait on one set: each event is taken by somebody, once. */
static int g_ep, g_taken;

static void *take_some(void *arg)
{
	struct epoll_event ev;
	eventfd_t v;

	(void)arg;
	while (epoll_wait(g_ep, &ev, 1, 500) == 1)
		if (eventfd_read(ev.data.fd, &v) == 0)
			__atomic_fetch_add(&g_taken, (int)v, __ATOMIC_SEQ_CST);
	return NULL;
}

TEST(epoll, many_waiters_lose_nothing)
{
	pthread_t t[4];
	int fd[4];

	g_ep = EXPECT_OK(epoll_create1(0));
	for (int i = 0; i < 4; i++) {
		fd[i] = EXPECT_OK(eventfd(0, EFD_NONBLOCK));
		EXPECT_OK(add(g_ep, fd[i], EPOLLIN | EPOLLET));
	}
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, pthread_create(&t[i], NULL, take_some, NULL));
	for (int i = 0; i < 400; i++)
		EXPECT_OK(eventfd_write(fd[i % 4], 1));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(400, g_taken);
}

static void on_signal(int signo)
{
	(void)signo;
}

TEST(epoll, signals_and_masks)
{
	int ep = EXPECT_OK(epoll_create1(0));
	struct timespec ts = { 0, 20000000 }, bad = { 0, -1 };
	struct epoll_event ev;
	sigset_t block, none;

	signal(SIGUSR1, on_signal);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &block, NULL));
	EXPECT_OK(raise(SIGUSR1));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 10));
	EXPECT_ERRNO(EINTR, epoll_pwait(ep, &ev, 1, 5000, &none));
	EXPECT_EQ(0, epoll_pwait2(ep, &ev, 1, &ts, &none));
	EXPECT_ERRNO(EINVAL, epoll_pwait2(ep, &ev, 1, &bad, NULL));
}

TEST_MAIN
