/* SPDX-License-Identifier: Apache-2.0 */
/* poll(2), ppoll(2). */
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

static volatile sig_atomic_t g_signals;

static void on_signal(int signo)
{
	(void)signo;
	g_signals++;
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void alarm_in_ms(int ms)
{
	struct itimerval it = { { 0, ms * 1000 }, { 0, ms * 1000 } };
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESTART };

	EXPECT_OK(sigaction(SIGALRM, &sa, NULL));
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
}

TEST(poll, tells_what_is_ready)
{
	struct pollfd p[3] = { { .events = POLLIN },
			       { .events = POLLOUT },
			       { .fd = -1, .events = POLLIN, .revents = 7 } };
	int fds[2];

	EXPECT_OK(pipe(fds));
	p[0].fd = fds[0];
	p[1].fd = fds[1];
	EXPECT_EQ(1, poll(p, 3, 0));
	EXPECT_EQ(0, p[0].revents);
	EXPECT_EQ(POLLOUT, p[1].revents);
	EXPECT_EQ(0, p[2].revents);
	EXPECT_EQ(1, write(fds[1], "x", 1));
	EXPECT_EQ(2, poll(p, 3, -1));
	EXPECT_EQ(POLLIN, p[0].revents);
}

TEST(poll, bad_descriptors_and_arguments)
{
	struct pollfd p = { .fd = 999, .events = POLLIN };

	EXPECT_EQ(1, poll(&p, 1, -1));
	EXPECT_EQ(POLLNVAL, p.revents);
	EXPECT_ERRNO(EINVAL, syscall(SYS_poll, &p, -1, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_poll, 1, 1, 0));
	EXPECT_EQ(0, poll(NULL, 0, 0));
}

/* Only revents is written: the rest may be in use by another thread. */
TEST(poll, files_are_always_ready)
{
	struct pollfd p = { .events = POLLIN | POLLOUT };

	p.fd = EXPECT_OK(open("/etc/passwd", O_RDONLY));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, p.revents);
	EXPECT_EQ(POLLIN | POLLOUT, p.events);
}

TEST(poll, timeout_is_kept)
{
	struct pollfd p = { .events = POLLIN };
	long start = now_ms();
	int fds[2];

	EXPECT_OK(pipe(fds));
	p.fd = fds[0];
	EXPECT_EQ(0, poll(&p, 1, 50));
	EXPECT_TRUE(now_ms() - start >= 50);
}

TEST(poll, woken_by_a_writer)
{
	struct pollfd p = { .events = POLLIN };
	struct timespec ms = { 0, 20000000 };
	int fds[2];
	pid_t pid;

	EXPECT_OK(pipe(fds));
	p.fd = fds[0];
	pid = CHILD({
		nanosleep(&ms, NULL);
		_exit(write(fds[1], "x", 1) != 1);
	});
	EXPECT_EQ(1, poll(&p, 1, -1));
	EXPECT_EQ(POLLIN, p.revents);
	EXPECT_EXIT(0, pid);
}

TEST(poll, a_handler_interrupts_even_with_restart)
{
	alarm_in_ms(20);
	EXPECT_ERRNO(EINTR, poll(NULL, 0, 60000));
	EXPECT_TRUE(g_signals >= 1);
}

/* Stopping and continuing does not end it, nor start its time anew. */
TEST(poll, goes_on_after_a_stop)
{
	struct timespec ms = { 0, 30000000 };
	long start = now_ms();
	pid_t pid = CHILD(_exit(poll(NULL, 0, 300) != 0));
	int st;

	nanosleep(&ms, NULL);
	EXPECT_OK(kill(pid, SIGSTOP));
	EXPECT_OK(waitpid(pid, &st, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(st));
	nanosleep(&ms, NULL);
	EXPECT_OK(kill(pid, SIGCONT));
	EXPECT_EXIT(0, pid);
	EXPECT_TRUE(now_ms() - start >= 300);
}

TEST(poll, ppoll_swaps_the_mask)
{
	struct timespec ts = { 60, 0 }, zero = { 0, 0 }, bad = { 0, -1 };
	sigset_t block, none, old;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &block, NULL));
	alarm_in_ms(20);
	EXPECT_ERRNO(EINTR, ppoll(NULL, 0, &ts, &none));
	EXPECT_OK(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL));
	EXPECT_EQ(1, g_signals);
	EXPECT_OK(sigprocmask(SIG_BLOCK, NULL, &old));
	EXPECT_TRUE(sigismember(&old, SIGALRM));
	EXPECT_OK(raise(SIGALRM));
	EXPECT_EQ(0, ppoll(NULL, 0, &zero, &block));
	EXPECT_EQ(1, g_signals);
	EXPECT_ERRNO(EINVAL, ppoll(NULL, 0, &bad, NULL));
}

TEST_MAIN
