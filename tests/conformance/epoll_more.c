/* SPDX-License-Identifier: Apache-2.0 */
/* EPOLLEXCLUSIVE, nesting, epoll_pwait2(2), and ioctl_eventpoll(2). */
#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

struct params {
	uint32_t usecs;
	uint16_t budget;
	uint8_t prefer, pad;
};
#define SET_PARAMS _IOW(0x8a, 1, struct params)
#define GET_PARAMS _IOR(0x8a, 2, struct params)

static int add(int ep, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

TEST(epoll_more, exclusive_has_rules)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int ep = EXPECT_OK(epoll_create1(0)), fd = EXPECT_OK(eventfd(0, 0));
	int inner = EXPECT_OK(epoll_create1(0));

	EXPECT_ERRNO(EINVAL,
		     add(ep, fd, EPOLLIN | EPOLLONESHOT | EPOLLEXCLUSIVE));
	EXPECT_ERRNO(EINVAL, add(ep, fd, EPOLLRDHUP | EPOLLEXCLUSIVE));
	EXPECT_ERRNO(EINVAL, add(ep, inner, EPOLLIN | EPOLLEXCLUSIVE));
	EXPECT_OK(add(ep, fd, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE));
	EXPECT_ERRNO(EINVAL, epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev));
	ev.events = EPOLLIN;
	EXPECT_ERRNO(EINVAL, epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev));
	EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
}

TEST(epoll_more, wakeup_is_accepted_in_silence)
{
	struct epoll_event ev;
	int ep = EXPECT_OK(epoll_create1(0)), fd = EXPECT_OK(eventfd(1, 0));

	EXPECT_OK(add(ep, fd, EPOLLIN | EPOLLWAKEUP));
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, 0));
	EXPECT_EQ(EPOLLIN, ev.events);
}

TEST(epoll_more, five_deep_and_no_deeper)
{
	int ep[7];

	for (int i = 0; i < 7; i++)
		ep[i] = EXPECT_OK(epoll_create1(0));
	EXPECT_OK(add(ep[1], ep[0], EPOLLIN));
	EXPECT_OK(add(ep[2], ep[1], EPOLLIN));
	EXPECT_OK(add(ep[3], ep[2], EPOLLIN));
	EXPECT_OK(add(ep[4], ep[3], EPOLLIN));
	EXPECT_ERRNO(ELOOP, add(ep[5], ep[4], EPOLLIN));
	EXPECT_ERRNO(ELOOP, add(ep[0], ep[4], EPOLLIN));
	EXPECT_ERRNO(ELOOP, add(ep[0], ep[1], EPOLLIN));
	EXPECT_ERRNO(EINVAL, add(ep[6], ep[6], EPOLLIN));
	/* An event goes up all the way. */
	int fd = EXPECT_OK(eventfd(0, 0));
	struct epoll_event ev;

	EXPECT_OK(add(ep[0], fd, EPOLLIN));
	EXPECT_EQ(0, epoll_wait(ep[4], &ev, 1, 0));
	EXPECT_OK(eventfd_write(fd, 1));
	EXPECT_EQ(1, epoll_wait(ep[4], &ev, 1, 0));
}

TEST(epoll_more, pwait2_has_nanoseconds)
{
	struct timespec ts = { 0, 1000 }, bad = { 0, 1000000000 };
	struct epoll_event ev;
	int ep = EXPECT_OK(epoll_create1(0));
	sigset_t set;

	sigemptyset(&set);
	EXPECT_EQ(0, syscall(SYS_epoll_pwait2, ep, &ev, 1, &ts, &set, 8));
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_epoll_pwait2, ep, &ev, 1, &bad, NULL, 8));
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_epoll_pwait2, ep, &ev, 1, &ts, &set, 4));
	EXPECT_ERRNO(EFAULT,
		     syscall(SYS_epoll_pwait2, ep, &ev, 1, (void *)8, NULL, 8));
}

TEST(epoll_more, parameters_are_kept)
{
	struct params p = { 100, 8, 1, 0 }, q = { 0 };
	int ep = EXPECT_OK(epoll_create1(0));

	if (ioctl(ep, GET_PARAMS, &q) < 0 && errno == ENOTTY)
		SKIP("needs Linux 6.9 with busy polling");
	EXPECT_EQ(0, q.usecs);
	EXPECT_OK(ioctl(ep, SET_PARAMS, &p));
	EXPECT_OK(ioctl(ep, GET_PARAMS, &q));
	EXPECT_EQ(0, memcmp(&p, &q, sizeof(p)));
	p.pad = 1;
	EXPECT_ERRNO(EINVAL, ioctl(ep, SET_PARAMS, &p));
	p.pad = 0;
	p.prefer = 2;
	EXPECT_ERRNO(EINVAL, ioctl(ep, SET_PARAMS, &p));
	p.prefer = 0;
	p.usecs = 0x80000000u;
	EXPECT_ERRNO(EINVAL, ioctl(ep, SET_PARAMS, &p));
	p.usecs = 0;
	p.budget = 65;
	if (geteuid() != 0)
		EXPECT_ERRNO(EPERM, ioctl(ep, SET_PARAMS, &p));
	EXPECT_ERRNO(EFAULT, ioctl(ep, SET_PARAMS, (void *)8));
	EXPECT_ERRNO(EINVAL, ioctl(ep, FIONREAD, &q));
}

TEST_MAIN
