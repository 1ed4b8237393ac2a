/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PIDFD_THREAD, the scopes of pidfd_send_signal(2), pidfd_getfd(2),
 * process_madvise(2), process_mrelease(2).
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "tests/harness/guest_test.h"

#define PIDFD_THREAD_FLAG O_EXCL
#define SCOPE_THREAD	  1u
#define SCOPE_GROUP	  2u
#define SCOPE_PGRP	  4u
#define SELF_THREAD	  -10000
#define SELF_GROUP	  -10001

static int p_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int p_send(int fd, int sig, siginfo_t *si, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, si, flags);
}

static int p_getfd(int pidfd, int fd, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_getfd, pidfd, fd, flags);
}

static long p_madvise(int fd, const struct iovec *iov, size_t nr, int advice,
		      unsigned int flags)
{
	return syscall(SYS_process_madvise, fd, iov, nr, advice, flags);
}

static int p_release(int fd, unsigned int flags)
{
	return (int)syscall(SYS_process_mrelease, fd, flags);
}

static pid_t sleeping_child(void)
{
	return CHILD(for (;;) pause());
}

/* --- threads -------------------------------------------------------------- */

static volatile pid_t g_tid;
static volatile int g_end, g_got, g_got_tid, g_code;

static void on_signal(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	g_got_tid = gettid();
	g_code = si->si_code;
	g_got = sig;
}

static void *thread_body(void *arg)
{
	(void)arg;
	g_tid = gettid();
	while (!g_end)
		usleep(1000);
	return NULL;
}

static pthread_t start_thread(void)
{
	pthread_t th;

	EXPECT_EQ(0, pthread_create(&th, NULL, thread_body, NULL));
	EXPECT_SOON(g_tid != 0);
	return th;
}

TEST(pidfd_more, a_thread_needs_the_flag)
{
	struct pollfd pfd = { .events = POLLIN };
	pthread_t th = start_thread();
	int fd;

	EXPECT_EQ(-1, p_open(g_tid, 0));
	EXPECT_TRUE(errno == EINVAL || errno == ENOENT);
	fd = EXPECT_OK(p_open(g_tid, PIDFD_THREAD_FLAG));
	EXPECT_EQ(PIDFD_THREAD_FLAG,
		  fcntl(fd, F_GETFL) & (int)PIDFD_THREAD_FLAG);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	pfd.fd = fd;
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	g_end = 1;
	pthread_join(th, NULL);
	EXPECT_EQ(1, poll(&pfd, 1, 10000));
	EXPECT_TRUE(pfd.revents & POLLIN);
	EXPECT_ERRNO(ESRCH, p_send(fd, 0, NULL, 0));
}

TEST(pidfd_more, the_kind_of_descriptor_is_the_scope)
{
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO };
	pthread_t th = start_thread();
	int fd = EXPECT_OK(p_open(g_tid, PIDFD_THREAD_FLAG));

	sigaction(SIGUSR1, &sa, NULL);
	EXPECT_OK(p_send(fd, SIGUSR1, NULL, 0));
	EXPECT_SOON(g_got == SIGUSR1);
	EXPECT_EQ(g_tid, g_got_tid);
	EXPECT_EQ(SI_TKILL, g_code);
	g_got = 0;
	EXPECT_OK(p_send(fd, SIGUSR1, NULL, SCOPE_GROUP));
	EXPECT_SOON(g_got == SIGUSR1);
	EXPECT_EQ(SI_USER, g_code);
	g_end = 1;
	pthread_join(th, NULL);
}

TEST(pidfd_more, scopes_exclude_each_other)
{
	int fd = EXPECT_OK(p_open(getpid(), 0));

	EXPECT_ERRNO(EINVAL, p_send(fd, 0, NULL, SCOPE_THREAD | SCOPE_GROUP));
	EXPECT_ERRNO(EINVAL, p_send(fd, 0, NULL, 8));
	EXPECT_OK(p_send(fd, 0, NULL, SCOPE_THREAD));
	EXPECT_OK(p_send(fd, 0, NULL, SCOPE_GROUP));
}

TEST(pidfd_more, a_process_group_is_reached_by_its_leader)
{
	pid_t leader = CHILD(setpgid(0, 0); for (;;) pause());
	pid_t other;
	int fd;

	EXPECT_SOON(getpgid(leader) == leader);
	other = CHILD(setpgid(0, leader); for (;;) pause());
	EXPECT_SOON(getpgid(other) == leader);
	fd = EXPECT_OK(p_open(other, 0));
	EXPECT_ERRNO(ESRCH, p_send(fd, SIGTERM, NULL, SCOPE_PGRP));
	fd = EXPECT_OK(p_open(leader, 0));
	EXPECT_OK(p_send(fd, SIGTERM, NULL, SCOPE_PGRP));
	EXPECT_KILLED(SIGTERM, leader);
	EXPECT_KILLED(SIGTERM, other);
}

TEST(pidfd_more, oneself_needs_no_descriptor)
{
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO };

	sigaction(SIGUSR1, &sa, NULL);
	EXPECT_OK(p_send(SELF_THREAD, SIGUSR1, NULL, 0));
	EXPECT_EQ(SIGUSR1, g_got);
	EXPECT_EQ(SI_TKILL, g_code);
	g_got = 0;
	EXPECT_OK(p_send(SELF_GROUP, SIGUSR1, NULL, 0));
	EXPECT_EQ(SIGUSR1, g_got);
	EXPECT_EQ(SI_USER, g_code);
	EXPECT_ERRNO(EBADF, p_send(-10002, SIGUSR1, NULL, 0));
}

/* --- pidfd_getfd ---------------------------------------------------------- */

TEST(pidfd_more, getfd_copies_a_descriptor)
{
	int p[2], pidfd, fd;
	char c = 0;
	pid_t kid;

	EXPECT_OK(pipe(p));
	kid = sleeping_child();
	EXPECT_EQ(0, close(p[1]));
	pidfd = EXPECT_OK(p_open(kid, 0));
	fd = EXPECT_OK(p_getfd(pidfd, p[1], 0));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_EQ('x', c);
	EXPECT_ERRNO(EINVAL, p_getfd(pidfd, p[0], 1));
	EXPECT_ERRNO(EBADF, p_getfd(pidfd, 999, 0));
	EXPECT_ERRNO(EBADF, p_getfd(p[0], 0, 0));
	kill(kid, SIGKILL);
	EXPECT_KILLED(SIGKILL, kid);
	EXPECT_ERRNO(ESRCH, p_getfd(pidfd, p[0], 0));
}

TEST(pidfd_more, getfd_needs_the_right_to_trace)
{
	int ready[2], pidfd, st;
	char c;
	pid_t kid, asker;

	if (geteuid() != 0)
		SKIP("needs root");
	EXPECT_OK(pipe(ready));
	kid = sleeping_child();
	asker = CHILD(
		if (setgid(65534) || setuid(65534)) _exit(2);
		pidfd = p_open(kid, 0);
		_exit(p_getfd(pidfd, 0, 0) == -1 && errno == EPERM ? 0 : 1));
	waitpid(asker, &st, 0);
	EXPECT_EQ(0, st);
	(void)c;
	kill(kid, SIGKILL);
}

/* --- memory --------------------------------------------------------------- */

TEST(pidfd_more, process_madvise_checks_and_counts)
{
	char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec iov[2] = { { at, 4096 }, { at + 4096, 4096 } };
	int fd = EXPECT_OK(p_open(getpid(), 0));

	EXPECT_EQ(8192, p_madvise(fd, iov, 2, MADV_COLD, 0));
	EXPECT_EQ(8192, p_madvise(fd, iov, 2, MADV_WILLNEED, 0));
	EXPECT_ERRNO(EINVAL, p_madvise(fd, iov, 2, MADV_COLD, 1));
	EXPECT_ERRNO(EBADF, p_madvise(0, iov, 2, MADV_COLD, 0));
	EXPECT_ERRNO(EFAULT, p_madvise(fd, (void *)8, 2, MADV_COLD, 0));
	iov[1].iov_base = at + 1;
	EXPECT_EQ(4096, p_madvise(fd, iov, 2, MADV_COLD, 0));
	EXPECT_ERRNO(EINVAL, p_madvise(fd, iov + 1, 1, MADV_COLD, 0));
}

TEST(pidfd_more, process_madvise_of_others_is_limited)
{
	pid_t kid = sleeping_child();
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec iov = { at, 4096 };
	int fd = EXPECT_OK(p_open(kid, 0));

	EXPECT_ERRNO(EINVAL, p_madvise(fd, &iov, 1, MADV_DONTNEED, 0));
	if (geteuid() != 0)
		EXPECT_ERRNO(EPERM, p_madvise(fd, &iov, 1, MADV_COLD, 0));
	kill(kid, SIGKILL);
}

TEST(pidfd_more, only_the_dying_give_memory_back)
{
	pid_t kid = sleeping_child();
	int fd = EXPECT_OK(p_open(kid, 0));

	EXPECT_ERRNO(EINVAL, p_release(fd, 1));
	EXPECT_ERRNO(EBADF, p_release(0, 0));
	EXPECT_ERRNO(EINVAL, p_release(fd, 0));
	kill(kid, SIGKILL);
	if (p_release(fd, 0) < 0) /* it may have been quicker */
		EXPECT_EQ(ESRCH, errno);
	EXPECT_KILLED(SIGKILL, kid);
	EXPECT_ERRNO(ESRCH, p_release(fd, 0));
}

TEST_MAIN
