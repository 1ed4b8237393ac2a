/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd(2). */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static sigset_t blocked(int a, int b)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	return set;
}

TEST(signalfd, gives_blocked_signals)
{
	sigset_t set = blocked(SIGUSR1, SIGUSR2);
	int fd = EXPECT_OK(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
	struct signalfd_siginfo si[3];

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_ERRNO(EAGAIN, read(fd, si, sizeof(si)));
	EXPECT_OK(kill(getpid(), SIGUSR2));
	EXPECT_OK(kill(getpid(), SIGUSR1));
	EXPECT_EQ(2 * sizeof(si[0]), read(fd, si, sizeof(si)));
	EXPECT_EQ(SIGUSR1, si[0].ssi_signo);
	EXPECT_EQ(SIGUSR2, si[1].ssi_signo);
	EXPECT_EQ(SI_USER, si[0].ssi_code);
	EXPECT_EQ(getpid(), si[0].ssi_pid);
	EXPECT_ERRNO(EAGAIN, read(fd, si, sizeof(si)));
	EXPECT_ERRNO(EINVAL, read(fd, si, 10));
}

TEST(signalfd, value_of_a_queued_signal)
{
	sigset_t set = blocked(SIGRTMIN, 0);
	int fd = EXPECT_OK(signalfd(-1, &set, 0));
	union sigval v = { .sival_int = 42 };
	struct signalfd_siginfo si;

	EXPECT_OK(sigqueue(getpid(), SIGRTMIN, v));
	EXPECT_EQ(sizeof(si), read(fd, &si, sizeof(si)));
	EXPECT_EQ(SI_QUEUE, si.ssi_code);
	EXPECT_EQ(42, si.ssi_int);
}

TEST(signalfd, a_child_ends)
{
	sigset_t set = blocked(SIGCHLD, 0);
	int fd = EXPECT_OK(signalfd(-1, &set, 0));
	struct signalfd_siginfo si;
	pid_t pid = CHILD(_exit(7));

	EXPECT_EQ(sizeof(si), read(fd, &si, sizeof(si)));
	EXPECT_EQ(SIGCHLD, si.ssi_signo);
	EXPECT_EQ(pid, si.ssi_pid);
	EXPECT_EQ(7, si.ssi_status);
	EXPECT_EQ(CLD_EXITED, si.ssi_code);
	EXPECT_EXIT(7, pid);
}

TEST(signalfd, poll_epoll_and_another_mask)
{
	sigset_t set = blocked(SIGUSR1, SIGUSR2), other;
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = EXPECT_OK(epoll_create1(0));
	struct pollfd p = { .events = POLLIN };

	sigemptyset(&other);
	sigaddset(&other, SIGUSR2);
	p.fd = EXPECT_OK(signalfd(-1, &other, 0));
	EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, p.fd, &ev));
	EXPECT_OK(raise(SIGUSR1));
	EXPECT_EQ(0, poll(&p, 1, 0));
	EXPECT_EQ(p.fd, signalfd(p.fd, &set, 0));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_OK(raise(SIGUSR2));
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, 1000));
	EXPECT_ERRNO(EINVAL, signalfd(ep, &set, 0));
	EXPECT_ERRNO(EBADF, signalfd(999, &set, 0));
	EXPECT_ERRNO(EINVAL, signalfd(-1, &set, 1));
	EXPECT_ERRNO(EINVAL, syscall(SYS_signalfd4, -1, &set, 4, 0));
}

/* The set outlives the process that filled it. */
TEST(signalfd, epoll_shared_with_a_child)
{
	sigset_t set = blocked(SIGUSR1, 0);
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = EXPECT_OK(epoll_create1(0));
	pid_t pid = CHILD({
		int fd = EXPECT_OK(signalfd(-1, &set, 0));

		EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
		if (fork() == 0)
			pause();
	});

	EXPECT_EXIT(0, pid);
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 10));
}

TEST_MAIN
