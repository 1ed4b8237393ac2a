/* SPDX-License-Identifier: Apache-2.0 */
/* select(2), pselect(2): errors, limits, races. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

/* Not mapped; volatile, so that the compiler does not see it. */
static void *volatile nowhere = (void *)8;

static volatile sig_atomic_t got_signal;

static void on_signal(int signo)
{
	got_signal = signo;
}

static void three_sets(fd_set *set, int a, int b)
{
	for (int i = 0; i < 3; i++) {
		FD_ZERO(&set[i]);
		FD_SET(a, &set[i]);
		FD_SET(b, &set[i]);
	}
}

TEST(select_edges, ready_bits_only_are_left)
{
	struct timeval t = { 0, 0 };
	fd_set s[3];
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_EQ(1, write(p[1], "x", 1));
	three_sets(s, p[0], p[1]);
	EXPECT_EQ(2, select(p[1] + 1, &s[0], &s[1], &s[2], &t));
	EXPECT_TRUE(FD_ISSET(p[0], &s[0]) && !FD_ISSET(p[1], &s[0]));
	EXPECT_TRUE(!FD_ISSET(p[0], &s[1]) && FD_ISSET(p[1], &s[1]));
	EXPECT_TRUE(!FD_ISSET(p[0], &s[2]) && !FD_ISSET(p[1], &s[2]));
}

TEST(select_edges, one_descriptor_counts_once_a_set)
{
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT, 0644));
	fd_set s[2];

	FD_ZERO(&s[0]);
	FD_SET(fd, &s[0]);
	s[1] = s[0];
	EXPECT_EQ(2, select(fd + 1, &s[0], &s[1], NULL, NULL));
}

TEST(select_edges, end_of_file_is_readable_and_no_reader_writable)
{
	fd_set r, w;
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_OK(close(p[1]));
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	EXPECT_EQ(1, select(p[0] + 1, &r, NULL, NULL, NULL));
	EXPECT_OK(pipe(p));
	EXPECT_OK(close(p[0]));
	FD_ZERO(&w);
	FD_SET(p[1], &w);
	r = w;
	EXPECT_EQ(2, select(p[1] + 1, &r, &w, NULL, NULL));
}

TEST(select_edges, refuses_bad_arguments)
{
	struct timeval bad = { -1, 0 }, neg = { 0, -1 };
	struct timeval zero = { 0, 0 };
	struct timespec ts = { 0, 1000000000 };
	fd_set s;
	int p[2];

	EXPECT_OK(pipe(p));
	FD_ZERO(&s);
	FD_SET(p[0], &s);
	EXPECT_ERRNO(EINVAL, select(-1, &s, NULL, NULL, NULL));
	EXPECT_ERRNO(EINVAL, select(1, NULL, NULL, NULL, &bad));
	EXPECT_ERRNO(EINVAL, select(1, NULL, NULL, NULL, &neg));
	EXPECT_ERRNO(EINVAL, pselect(1, NULL, NULL, NULL, &ts, NULL));
	EXPECT_ERRNO(EFAULT, select(1, nowhere, NULL, NULL, &zero));
	EXPECT_ERRNO(EFAULT, syscall(SYS_select, 0, NULL, NULL, NULL, nowhere));
	EXPECT_OK(close(p[0]));
	EXPECT_ERRNO(EBADF, select(p[0] + 1, &s, NULL, NULL, &zero));
	/* A failure leaves the sets alone. */
	EXPECT_TRUE(FD_ISSET(p[0], &s));
}

TEST(select_edges, microseconds_may_be_many)
{
	struct timeval t = { 0, 1500000 };
	fd_set s;
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_EQ(1, write(p[1], "x", 1));
	FD_ZERO(&s);
	FD_SET(p[0], &s);
	EXPECT_EQ(1, select(p[0] + 1, &s, NULL, NULL, &t));
	EXPECT_EQ(1, t.tv_sec);
}

TEST(select_edges, huge_count_is_cut_to_the_table)
{
	struct timeval t = { 0, 0 };
	char sets[8192] = { 0 };

	EXPECT_EQ(0, select(65536, (fd_set *)sets, NULL, NULL, &t));
}

TEST(select_edges, timeout_clears_the_sets_and_the_time)
{
	struct timeval t = { 0, 20000 };
	struct timespec a, b;
	fd_set s;
	int p[2];

	EXPECT_OK(pipe(p));
	FD_ZERO(&s);
	FD_SET(p[0], &s);
	EXPECT_OK(clock_gettime(CLOCK_MONOTONIC, &a));
	EXPECT_EQ(0, select(p[0] + 1, &s, NULL, NULL, &t));
	EXPECT_OK(clock_gettime(CLOCK_MONOTONIC, &b));
	EXPECT_TRUE((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec -
			    a.tv_nsec >=
		    20000000);
	EXPECT_TRUE(!FD_ISSET(p[0], &s));
	EXPECT_EQ(0, t.tv_sec | t.tv_usec);
}

TEST(select_edges, remaining_time_is_told)
{
	struct timeval t = { 50, 0 };
	fd_set s;
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_EQ(1, write(p[1], "x", 1));
	FD_ZERO(&s);
	FD_SET(p[0], &s);
	EXPECT_EQ(1, select(p[0] + 1, &s, NULL, NULL, &t));
	EXPECT_TRUE(t.tv_sec >= 49);
}

TEST(select_edges, is_interrupted)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESTART };
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } };
	fd_set s;
	int p[2];

	EXPECT_OK(pipe(p));
	FD_ZERO(&s);
	FD_SET(p[0], &s);
	EXPECT_OK(sigaction(SIGALRM, &sa, NULL));
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	EXPECT_ERRNO(EINTR, select(p[0] + 1, &s, NULL, NULL, NULL));
	EXPECT_EQ(SIGALRM, got_signal);
	EXPECT_TRUE(FD_ISSET(p[0], &s));
}

TEST(select_edges, pselect_mask)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct timespec t = { 10, 0 };
	sigset_t set, empty, now;

	EXPECT_OK(sigaction(SIGUSR1, &sa, NULL));
	sigemptyset(&empty);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	EXPECT_OK(raise(SIGUSR1));
	EXPECT_ERRNO(EINTR, pselect(0, NULL, NULL, NULL, &t, &empty));
	EXPECT_EQ(SIGUSR1, got_signal);
	EXPECT_OK(sigprocmask(SIG_BLOCK, NULL, &now));
	EXPECT_TRUE(sigismember(&now, SIGUSR1));
}

TEST(select_edges, wakes_for_data)
{
	fd_set s;
	int p[2];
	pid_t child;

	EXPECT_OK(pipe(p));
	FD_ZERO(&s);
	FD_SET(p[0], &s);
	child = CHILD(
		{ EXPECT_EQ(1, select(p[0] + 1, &s, NULL, NULL, NULL)); });
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EXIT(0, child);
}

TEST_MAIN
