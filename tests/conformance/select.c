/* SPDX-License-Identifier: Apache-2.0 */
/* select(2), pselect(2). */
#include <sys/select.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

TEST(select, tells_what_is_ready)
{
	struct timeval tv = { 5, 0 };
	fd_set in, out, ex;
	int p[2];

	EXPECT_OK(pipe(p));
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&ex);
	FD_SET(p[0], &in);
	FD_SET(p[1], &out);
	FD_SET(p[0], &ex);
	EXPECT_EQ(1, select(p[1] + 1, &in, &out, &ex, &tv));
	EXPECT_TRUE(!FD_ISSET(p[0], &in));
	EXPECT_TRUE(FD_ISSET(p[1], &out));
	EXPECT_TRUE(!FD_ISSET(p[0], &ex));
	EXPECT_TRUE(tv.tv_sec >= 4);
	EXPECT_EQ(1, write(p[1], "x", 1));
	FD_SET(p[0], &in);
	EXPECT_EQ(2, select(p[1] + 1, &in, &out, NULL, NULL));
	EXPECT_OK(close(p[1]));
	EXPECT_EQ(1, read(p[0], &p[1], 1));
	EXPECT_EQ(1, select(p[0] + 1, &in, NULL, NULL, NULL)); /* the end */
}

TEST(select, timeout_runs_down)
{
	struct timeval tv = { 0, 30000 }, zero = { 0, 0 };
	fd_set in;
	int p[2];

	EXPECT_OK(pipe(p));
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	EXPECT_EQ(0, select(p[0] + 1, &in, NULL, NULL, &tv));
	EXPECT_EQ(0, tv.tv_sec);
	EXPECT_EQ(0, tv.tv_usec);
	EXPECT_TRUE(!FD_ISSET(p[0], &in));
	EXPECT_EQ(0, select(0, NULL, NULL, NULL, &zero));
}

TEST(select, refuses)
{
	struct timeval bad = { -1, 0 };
	struct timespec bad_ts = { 0, 2000000000 };
	fd_set in;

	FD_ZERO(&in);
	FD_SET(50, &in);
	EXPECT_ERRNO(EBADF, select(64, &in, NULL, NULL, NULL));
	EXPECT_ERRNO(EINVAL, select(-1, NULL, NULL, NULL, NULL));
	EXPECT_ERRNO(EINVAL, select(0, NULL, NULL, NULL, &bad));
	EXPECT_ERRNO(EINVAL, pselect(0, NULL, NULL, NULL, &bad_ts, NULL));
	EXPECT_ERRNO(EFAULT, select(64, (fd_set *)8, NULL, NULL, NULL));
}

static volatile sig_atomic_t g_signals;

static void on_signal(int signo)
{
	(void)signo;
	g_signals++;
}

TEST(select, pselect_swaps_the_mask)
{
	struct timespec ts = { 5, 0 }, before = ts;
	sigset_t block, none;

	signal(SIGUSR1, on_signal);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &block, NULL));
	EXPECT_OK(raise(SIGUSR1));
	EXPECT_EQ(0, g_signals);
	EXPECT_ERRNO(EINTR, pselect(0, NULL, NULL, NULL, &ts, &none));
	EXPECT_EQ(1, g_signals);
	EXPECT_EQ(before.tv_sec, ts.tv_sec); /* libc keeps it */
}

/* The raw call tells what is left. */
TEST(select, raw_pselect_updates_the_time)
{
	struct timespec ts = { 0, 20000000 };

	EXPECT_EQ(0, syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, NULL));
	EXPECT_EQ(0, ts.tv_sec);
	EXPECT_EQ(0, ts.tv_nsec);
}

TEST_MAIN
