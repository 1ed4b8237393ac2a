/* SPDX-License-Identifier: Apache-2.0 */
/* nanosleep(2), clock_nanosleep(2). */
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

static int64_t now(clockid_t id)
{
	struct timespec ts;

	EXPECT_OK(clock_gettime(id, &ts));
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static struct timespec ts_of(int64_t ns)
{
	return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

static void on_signal(int signo)
{
	(void)signo;
}

static void alarm_in_ms(int ms, int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };
	struct itimerval it = { .it_interval = { 0, ms * 1000 },
				.it_value = { 0, ms * 1000 } };

	EXPECT_OK(sigaction(SIGALRM, &sa, NULL));
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
}

TEST(nanosleep, sleeps_at_least_so_long)
{
	int64_t start = now(CLOCK_MONOTONIC);
	struct timespec ts = ts_of(20000000);

	EXPECT_OK(syscall(SYS_nanosleep, &ts, NULL));
	EXPECT_TRUE(now(CLOCK_MONOTONIC) - start >= 20000000);
	ts = ts_of(0);
	EXPECT_OK(syscall(SYS_nanosleep, &ts, NULL));
}

TEST(nanosleep, checks_its_argument)
{
	struct timespec bad = { 0, 1000000000 }, neg = { -1, 0 };

	EXPECT_ERRNO(EINVAL, syscall(SYS_nanosleep, &bad, NULL));
	EXPECT_ERRNO(EINVAL, syscall(SYS_nanosleep, &neg, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_nanosleep, (void *)8, NULL));
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_clock_nanosleep, 99, 0, (void *)8, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0,
				     (void *)8, NULL));
	EXPECT_ERRNO(EOPNOTSUPP, syscall(SYS_clock_nanosleep,
					 CLOCK_MONOTONIC_RAW, 0, &bad, NULL));
	EXPECT_ERRNO(EOPNOTSUPP, syscall(SYS_clock_nanosleep,
					 CLOCK_REALTIME_COARSE, 0, &bad, NULL));
}

TEST(nanosleep, a_handler_cuts_it_and_the_rest_is_told)
{
	struct timespec ts = ts_of(1000000000000), rem = { 9, 9 };

	alarm_in_ms(30, SA_RESTART);
	EXPECT_ERRNO(EINTR, syscall(SYS_nanosleep, &ts, &rem));
	EXPECT_TRUE(rem.tv_sec >= 900 && rem.tv_sec <= 999);
	alarm_in_ms(30, SA_RESTART);
	EXPECT_ERRNO(EINTR, syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, 0, &ts,
				    &rem));
	EXPECT_TRUE(rem.tv_sec >= 900 && rem.tv_sec <= 999);
	alarm_in_ms(30, 0);
	EXPECT_ERRNO(EFAULT, syscall(SYS_nanosleep, &ts, (void *)8));
}

TEST(nanosleep, stop_and_continue_go_on)
{
	int64_t start = now(CLOCK_MONOTONIC);
	struct timespec ts = ts_of(200000000), nap = ts_of(50000000);
	int status;
	pid_t pid = CHILD({
		if (syscall(SYS_nanosleep, &ts, &ts) != 0)
			_exit(1);
	});

	nanosleep(&nap, NULL);
	EXPECT_OK(kill(pid, SIGSTOP));
	EXPECT_OK(waitpid(pid, &status, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(status));
	EXPECT_OK(kill(pid, SIGCONT));
	EXPECT_EXIT(0, pid);
	EXPECT_TRUE(now(CLOCK_MONOTONIC) - start >= 200000000);
}

TEST(nanosleep, absolute)
{
	static const clockid_t ids[] = { CLOCK_MONOTONIC, CLOCK_REALTIME,
					 CLOCK_BOOTTIME, CLOCK_TAI };

	for (int i = 0; i < 4; i++) {
		int64_t until = now(ids[i]) + 20000000;
		struct timespec ts = ts_of(until), past = ts_of(1);

		EXPECT_EQ(0, clock_nanosleep(ids[i], TIMER_ABSTIME, &ts, NULL));
		EXPECT_TRUE(now(ids[i]) >= until);
		EXPECT_EQ(0,
			  clock_nanosleep(ids[i], TIMER_ABSTIME, &past, NULL));
	}
}

TEST(nanosleep, absolute_restarts_unless_handled)
{
	struct timespec ts = ts_of(now(CLOCK_MONOTONIC) + 1000000000000), rem;

	rem = (struct timespec){ 77, 77 };
	alarm_in_ms(30, SA_RESTART);
	EXPECT_EQ(EINTR,
		  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, &rem));
	EXPECT_EQ(77, rem.tv_sec);
}

TEST(nanosleep, on_the_cpu_clock)
{
	struct timespec ts = ts_of(20000000);
	int64_t before = now(CLOCK_PROCESS_CPUTIME_ID);

	/* Nobody works while the only thread sleeps: a signal ends it. */
	alarm_in_ms(60, 0);
	EXPECT_ERRNO(EINTR, syscall(SYS_clock_nanosleep,
				    CLOCK_PROCESS_CPUTIME_ID, 0, &ts, NULL));
	EXPECT_TRUE(now(CLOCK_PROCESS_CPUTIME_ID) - before < 20000000);
	EXPECT_ERRNO(EOPNOTSUPP,
		     syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0,
			     &ts, NULL));
}

TEST_MAIN
