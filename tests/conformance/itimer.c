/* SPDX-License-Identifier: Apache-2.0 */
/* setitimer(2), getitimer(2), alarm(2). */
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

static volatile sig_atomic_t hits;

static void count(int signo)
{
	(void)signo;
	hits++;
}

static void handle(int signo)
{
	struct sigaction sa = { .sa_handler = count };

	hits = 0;
	EXPECT_OK(sigaction(signo, &sa, NULL));
}

static int64_t now(clockid_t id)
{
	struct timespec ts;

	EXPECT_OK(clock_gettime(id, &ts));
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

TEST(itimer, fires_once)
{
	struct itimerval it = { .it_value = { 0, 20000 } }, cur;
	int64_t start = now(CLOCK_MONOTONIC);
	sigset_t none;

	sigemptyset(&none);
	handle(SIGALRM);
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	EXPECT_OK(getitimer(ITIMER_REAL, &cur));
	EXPECT_TRUE(cur.it_value.tv_usec > 0 && cur.it_value.tv_usec <= 20000);
	EXPECT_ERRNO(EINTR, sigsuspend(&none));
	EXPECT_TRUE(now(CLOCK_MONOTONIC) - start >= 20000000);
	EXPECT_EQ(1, hits);
	EXPECT_OK(getitimer(ITIMER_REAL, &cur));
	EXPECT_EQ(0, cur.it_value.tv_usec);
	EXPECT_EQ(0, cur.it_value.tv_sec);
}

TEST(itimer, goes_on_with_its_interval)
{
	struct itimerval it = { .it_value = { 0, 5000 },
				.it_interval = { 0, 10000 } };
	struct itimerval off = { 0 }, old;

	handle(SIGALRM);
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	EXPECT_SOON(hits >= 5);
	EXPECT_OK(setitimer(ITIMER_REAL, &off, &old));
	EXPECT_EQ(10000, old.it_interval.tv_usec);
	EXPECT_TRUE(old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 10000);
	hits = 0;
	EXPECT_OK(usleep(30000));
	EXPECT_EQ(0, hits);
}

static void work_until(volatile sig_atomic_t *v, int n)
{
	int64_t end = now(CLOCK_MONOTONIC) + 8000000000;

	while (*v < n && now(CLOCK_MONOTONIC) < end)
		;
}

TEST(itimer, cpu_timers_count_cpu_time)
{
	struct itimerval it = { .it_value = { 0, 40000 },
				.it_interval = { 0, 40000 } };
	struct timespec nap = { 0, 100000000 };

	handle(SIGPROF);
	EXPECT_OK(setitimer(ITIMER_PROF, &it, NULL));
	EXPECT_OK(nanosleep(&nap, NULL));
	EXPECT_EQ(0, hits);
	work_until(&hits, 2);
	EXPECT_TRUE(hits >= 2);
	EXPECT_TRUE(now(CLOCK_PROCESS_CPUTIME_ID) >= 60000000);
	it = (struct itimerval){ 0 };
	EXPECT_OK(setitimer(ITIMER_PROF, &it, NULL));
	handle(SIGVTALRM);
	it.it_value.tv_usec = 20000;
	EXPECT_OK(setitimer(ITIMER_VIRTUAL, &it, NULL));
	work_until(&hits, 1);
	EXPECT_EQ(1, hits);
}

TEST(itimer, errors)
{
	struct itimerval bad = { .it_value = { 0, 1000000 } }, cur;
	struct itimerval neg = { .it_value = { -1, 0 } }, zero = { 0 };

	EXPECT_ERRNO(EINVAL, syscall(SYS_getitimer, 3, &cur));
	EXPECT_ERRNO(EINVAL, syscall(SYS_getitimer, 3, (void *)8));
	EXPECT_ERRNO(EFAULT, syscall(SYS_getitimer, 0, (void *)8));
	EXPECT_ERRNO(EINVAL, syscall(SYS_setitimer, 0, &bad, NULL));
	EXPECT_ERRNO(EINVAL, syscall(SYS_setitimer, 0, &neg, NULL));
	EXPECT_ERRNO(EINVAL, syscall(SYS_setitimer, 3, &zero, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_setitimer, 0, (void *)8, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_setitimer, 0, &zero, (void *)8));
}

TEST(itimer, alarm_tells_the_rest)
{
	alarm(0);
	EXPECT_EQ(0, syscall(SYS_alarm, 10));
	EXPECT_EQ(10, syscall(SYS_alarm, 1));
	handle(SIGALRM);
	EXPECT_SOON(hits == 1);
	EXPECT_EQ(0, syscall(SYS_alarm, 0));
}

static void expect_none_armed(void)
{
	struct itimerval cur;

	EXPECT_OK(getitimer(ITIMER_REAL, &cur));
	EXPECT_EQ(0, cur.it_value.tv_sec);
}

static void arm_and_exec(void)
{
	struct itimerval it = { .it_value = { 0, 300000 } };

	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	execl("/bin/sleep", "sleep", "10", NULL);
	_exit(2);
}

TEST(itimer, not_inherited_by_fork_kept_by_exec)
{
	struct itimerval it = { .it_value = { 100, 0 } };

	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	EXPECT_EXIT(0, CHILD(expect_none_armed()));
	EXPECT_KILLED(SIGALRM, CHILD(arm_and_exec()));
}

TEST_MAIN
