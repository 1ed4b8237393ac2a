/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls interrupted by signals: which go on, which say EINTR, and how much
 * time is left.  See signal(7).
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

static _Atomic int hits;
static int pipe_fds[2];
static _Atomic int write_in_handler;

static void on_alarm(int sig)
{
	(void)sig;
	hits++;
	if (write_in_handler && write(pipe_fds[1], "x", 1) != 1)
		_exit(9);
}

/* Again and again: the first may come before the call that it is meant for. */
static void alarm_in(long ms, int flags)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval it = { { 0, ms * 1000 }, { 0, ms * 1000 } };

	EXPECT_OK(sigaction(SIGALRM, &sa, NULL));
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

TEST(restart, read_of_a_pipe)
{
	char c = 0;

	EXPECT_OK(pipe(pipe_fds));
	alarm_in(20, 0);
	EXPECT_ERRNO(EINTR, read(pipe_fds[0], &c, 1));
	write_in_handler = 1;
	alarm_in(20, SA_RESTART);
	EXPECT_EQ(1, read(pipe_fds[0], &c, 1));
	EXPECT_TRUE(hits >= 2);
	EXPECT_EQ('x', c);
}

TEST(restart, write_tells_what_was_written)
{
	static char buf[1 << 20];
	ssize_t n;

	EXPECT_OK(pipe(pipe_fds));
	alarm_in(20, SA_RESTART);
	n = write(pipe_fds[1], buf, sizeof(buf));
	EXPECT_EQ(65536, n);
	alarm_in(20, 0);
	EXPECT_ERRNO(EINTR, write(pipe_fds[1], buf, 1));
}

TEST(restart, poll_and_select_never_restart)
{
	struct pollfd p = { .events = POLLIN };
	struct timeval tv = { 60, 0 };
	fd_set set;
	int ep = EXPECT_OK(epoll_create1(0));
	struct epoll_event ev;

	EXPECT_OK(pipe(pipe_fds));
	p.fd = pipe_fds[0];
	alarm_in(20, SA_RESTART);
	EXPECT_ERRNO(EINTR, poll(&p, 1, 60000));
	alarm_in(20, SA_RESTART);
	EXPECT_ERRNO(EINTR, ppoll(&p, 1, NULL, NULL));
	FD_ZERO(&set);
	FD_SET(pipe_fds[0], &set);
	alarm_in(20, SA_RESTART);
	EXPECT_ERRNO(EINTR, select(pipe_fds[0] + 1, &set, NULL, NULL, &tv));
	EXPECT_TRUE(FD_ISSET(pipe_fds[0], &set));
	alarm_in(20, SA_RESTART);
	EXPECT_ERRNO(EINTR, epoll_wait(ep, &ev, 1, 60000));
	alarm_in(20, SA_RESTART);
	EXPECT_ERRNO(EINTR, pause());
}

/* A stop and a continue without a handler: the call goes on. */
static pid_t stop_and_continue(void)
{
	pid_t parent = getpid();

	return CHILD({
		EXPECT_SOON(task_state(parent) == 'S');
		kill(parent, SIGSTOP);
		EXPECT_SOON(task_state(parent) == 'T');
		kill(parent, SIGCONT);
	});
}

TEST(restart, without_a_handler_the_time_goes_on)
{
	struct timespec ts = { 0, 150000000 };
	int64_t start = now_ms();
	uint32_t word = 1;
	struct pollfd p = { .fd = -1 };
	pid_t kid = stop_and_continue();

	EXPECT_OK(nanosleep(&ts, NULL));
	EXPECT_TRUE(now_ms() - start >= 150);
	EXPECT_EXIT(0, kid);
	kid = stop_and_continue();
	start = now_ms();
	EXPECT_EQ(0, poll(&p, 1, 150));
	EXPECT_TRUE(now_ms() - start >= 150);
	EXPECT_EXIT(0, kid);
	kid = stop_and_continue();
	start = now_ms();
	EXPECT_ERRNO(ETIMEDOUT,
		     syscall(SYS_futex, &word, FUTEX_WAIT, 1, &ts, NULL, 0));
	EXPECT_TRUE(now_ms() - start >= 150);
	EXPECT_EXIT(0, kid);
}

TEST(restart, epoll_wait_and_stop)
{
	int ep = EXPECT_OK(epoll_create1(0));
	struct epoll_event ev;
	pid_t kid = stop_and_continue();

	/* The one that signal(7) names: EINTR even without a handler. */
	EXPECT_ERRNO(EINTR, epoll_wait(ep, &ev, 1, 60000));
	EXPECT_EXIT(0, kid);
}

TEST(restart, nanosleep_tells_the_rest)
{
	struct timespec ts = { 1000, 0 }, rest = { 0, 0 };

	alarm_in(50, SA_RESTART);
	EXPECT_ERRNO(EINTR, nanosleep(&ts, &rest));
	EXPECT_TRUE(rest.tv_sec >= 900 && rest.tv_sec <= 999);
	EXPECT_TRUE(rest.tv_nsec >= 0 && rest.tv_nsec < 1000000000);
}

TEST(restart, futex_wait)
{
	struct timespec ts = { 10, 0 };
	uint32_t word = 1;

	alarm_in(20, 0);
	EXPECT_ERRNO(EINTR,
		     syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL, NULL, 0));
	/* With a time-out it cannot be restarted plainly. */
	alarm_in(20, SA_RESTART);
	EXPECT_ERRNO(EINTR,
		     syscall(SYS_futex, &word, FUTEX_WAIT, 1, &ts, NULL, 0));
}

TEST(restart, ignored_signals_interrupt_nothing)
{
	struct timespec ts = { 0, 60000000 };
	struct itimerval it = { { 0, 5000 }, { 0, 5000 } };

	signal(SIGALRM, SIG_IGN);
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	EXPECT_OK(nanosleep(&ts, NULL));
	EXPECT_EQ(0, poll(NULL, 0, 60));
}

TEST(restart, the_call_itself_without_anything_to_restart)
{
	EXPECT_ERRNO(EINTR, syscall(SYS_restart_syscall));
}

TEST(restart, lock_waits)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char name[] = "/tmp/restart.XXXXXX";
	int fd = EXPECT_OK(mkstemp(name)), p[2];
	char c;

	EXPECT_OK(unlink(name));
	EXPECT_OK(pipe(p));
	pid_t kid = CHILD({
		if (fcntl(fd, F_SETLKW, &fl) || write(p[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	});
	EXPECT_EQ(1, read(p[0], &c, 1));
	alarm_in(20, 0);
	EXPECT_ERRNO(EINTR, fcntl(fd, F_SETLKW, &fl));
	EXPECT_OK(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL));
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_KILLED(SIGKILL, kid);
}

TEST(restart, many_interrupts_lose_nothing)
{
	struct itimerval it = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction sa = { .sa_handler = on_alarm,
				.sa_flags = SA_RESTART };
	int p[2];
	uint32_t sum = 0, v;

	EXPECT_OK(pipe(p));
	EXPECT_OK(sigaction(SIGALRM, &sa, NULL));
	pid_t kid = CHILD({
		for (uint32_t i = 0; i < 300; i++) {
			struct timespec ts = { 0, 200000 };
			if (write(p[1], &i, sizeof(i)) != sizeof(i))
				_exit(1);
			nanosleep(&ts, NULL);
		}
	});
	close(p[1]);
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	while (read(p[0], &v, sizeof(v)) == sizeof(v))
		sum += v;
	EXPECT_EQ(299 * 300 / 2, sum);
	EXPECT_EXIT(0, kid);
	EXPECT_TRUE(hits > 0);
}

TEST_MAIN
