/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks: clock_gettime(2), clock_getres(2), gettimeofday(2), time(2), the
 * settings that are refused; through libc (vDSO) and as system calls. */
#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>

#include "tests/harness/guest_test.h"

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000ll + ts->tv_nsec;
}

static int64_t by_libc(clockid_t id)
{
	struct timespec ts;

	EXPECT_OK(clock_gettime(id, &ts));
	EXPECT_TRUE(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
	return ns(&ts);
}

static int64_t by_call(clockid_t id)
{
	struct timespec ts;

	EXPECT_OK(syscall(SYS_clock_gettime, id, &ts));
	EXPECT_TRUE(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
	return ns(&ts);
}

TEST(clock, vdso_and_call_are_one_time_line)
{
	static const clockid_t ids[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
					 CLOCK_BOOTTIME };
	for (int k = 0; k < 3; k++) {
		int64_t last = 0;

		for (int i = 0; i < 3000; i++) {
			int64_t now = i & 1 ? by_call(ids[k]) : by_libc(ids[k]);

			EXPECT_TRUE(now >= last);
			last = now;
		}
	}
}

TEST(clock, realtime_through_all_doors)
{
	struct timeval tv;
	int64_t a = by_call(CLOCK_REALTIME), b, c;
	time_t t;

	EXPECT_OK(gettimeofday(&tv, NULL));
	b = tv.tv_sec * 1000000000ll + tv.tv_usec * 1000;
	EXPECT_OK(syscall(SYS_gettimeofday, &tv, NULL));
	c = tv.tv_sec * 1000000000ll + tv.tv_usec * 1000;
	EXPECT_TRUE(b + 2000 >= a && c + 2000 >= b);
	EXPECT_TRUE(c - a < 1000000000);
	t = EXPECT_OK(time(NULL));
	EXPECT_TRUE(t - tv.tv_sec <= 1 && t - tv.tv_sec >= -1);
	t = EXPECT_OK(syscall(SYS_time, NULL));
	EXPECT_TRUE(t - tv.tv_sec <= 1 && t - tv.tv_sec >= -1);
}

static _Atomic int64_t latest;
static _Atomic int backwards, done;

static void *watch(void *arg)
{
	while (!done) {
		int64_t before = latest;
		int64_t now = arg ? by_call(CLOCK_MONOTONIC)
				  : by_libc(CLOCK_MONOTONIC);

		if (now < before)
			backwards++;
		while (before < now &&
		       !atomic_compare_exchange_weak(&latest, &before, now))
			;
	}
	return NULL;
}

TEST(clock, never_back_between_threads)
{
	struct timespec nap = { 0, 400000000 };
	pthread_t t[3];

	for (intptr_t i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_create(&t[i], NULL, watch,
					    i == 0 ? (void *)1 : NULL));
	EXPECT_OK(nanosleep(&nap, NULL));
	done = 1;
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
	EXPECT_EQ(0, backwards);
}

TEST(clock, coarse_follows)
{
	int64_t coarse = by_call(CLOCK_MONOTONIC_COARSE);
	int64_t fine = by_call(CLOCK_MONOTONIC);

	EXPECT_TRUE(coarse <= fine && fine - coarse < 100000000);
	coarse = by_libc(CLOCK_REALTIME_COARSE);
	fine = by_libc(CLOCK_REALTIME);
	EXPECT_TRUE(coarse <= fine && fine - coarse < 100000000);
}

TEST(clock, unknown_clocks_are_refused)
{
	struct timespec ts;

	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_gettime, 16, &ts));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_gettime, 12, &ts));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_gettime, 1000, &ts));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_gettime, -1, &ts));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_getres, 10, &ts));
	EXPECT_ERRNO(EFAULT, syscall(SYS_clock_gettime, 0, (void *)8));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_gettime, 16, (void *)8));
}

TEST(clock, resolutions)
{
	struct timespec ts = { 5, 5 };

	EXPECT_OK(syscall(SYS_clock_getres, CLOCK_MONOTONIC, &ts));
	EXPECT_EQ(1, ns(&ts));
	EXPECT_OK(clock_getres(CLOCK_PROCESS_CPUTIME_ID, &ts));
	EXPECT_EQ(1, ns(&ts));
	EXPECT_OK(clock_getres(CLOCK_REALTIME_COARSE, &ts));
	EXPECT_TRUE(ns(&ts) >= 1000000);
	EXPECT_OK(syscall(SYS_clock_getres, CLOCK_REALTIME, NULL));
}

static void burn(int64_t cpu_ns)
{
	int64_t end = by_libc(CLOCK_THREAD_CPUTIME_ID) + cpu_ns;

	while (by_libc(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 10000; i++)
			;
}

TEST(clock, cpu_clocks_count_work_not_sleep)
{
	struct timespec nap = { 0, 50000000 };
	int64_t before = by_libc(CLOCK_PROCESS_CPUTIME_ID), slept, worked;

	EXPECT_OK(nanosleep(&nap, NULL));
	slept = by_libc(CLOCK_PROCESS_CPUTIME_ID);
	EXPECT_TRUE(slept >= before && slept - before < 30000000);
	burn(30000000);
	worked = by_libc(CLOCK_PROCESS_CPUTIME_ID);
	EXPECT_TRUE(worked - slept >= 29000000);
}

TEST(clock, cpu_clock_of_another_process)
{
	int fds[2];
	pid_t pid;
	clockid_t id;
	char c;

	EXPECT_OK(pipe(fds));
	pid = CHILD({
		burn(20000000);
		EXPECT_OK(write(fds[1], "x", 1));
		pause();
	});
	EXPECT_EQ(1, read(fds[0], &c, 1));
	EXPECT_EQ(0, clock_getcpuclockid(pid, &id));
	EXPECT_TRUE(by_call(id) >= 19000000);
	EXPECT_OK(kill(pid, SIGKILL));
	EXPECT_KILLED(SIGKILL, pid);
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_clock_gettime, id, &(struct timespec){ 0 }));
	/* A thread's clock only within the process. */
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_clock_gettime,
			     (clockid_t)((~(unsigned)getppid() << 3) | 6),
			     &(struct timespec){ 0 }));
	EXPECT_OK(syscall(SYS_clock_gettime,
			  (clockid_t)((~(unsigned)getpid() << 3) | 6),
			  &(struct timespec){ 0 }));
}

TEST(clock, settings_check_before_they_refuse)
{
	struct timespec bad = { 0, 1000000000 }, now;
	struct timex x = { 0 };

	EXPECT_ERRNO(EFAULT,
		     syscall(SYS_clock_settime, CLOCK_REALTIME, (void *)8));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_settime, CLOCK_REALTIME, &bad));
	EXPECT_OK(clock_gettime(CLOCK_MONOTONIC, &now));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_settime, CLOCK_MONOTONIC, &now));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_settime, 99, &now));
	EXPECT_ERRNO(EOPNOTSUPP,
		     syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &x));
	EXPECT_OK(syscall(SYS_adjtimex, &x));
	EXPECT_TRUE(x.tick > 9000 && x.tick < 11000);
	EXPECT_TRUE(x.time.tv_sec >= time(NULL) - 1);
	EXPECT_ERRNO(EFAULT, syscall(SYS_adjtimex, (void *)8));
}

static long adj(unsigned int modes)
{
	struct timex x = { .modes = modes };

	return syscall(SYS_adjtimex, &x);
}

static long clock_adj(int id, unsigned int modes)
{
	struct timex x = { .modes = modes };

	return syscall(SYS_clock_adjtime, id, &x);
}

/* What the sandbox' root is like, too. */
static void be_ordinary(void)
{
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setresuid(12345, 12345, 12345) < 0))
		FAIL("cannot become an ordinary user");
}

TEST(clock, nobody_may_adjust_it)
{
	be_ordinary();
	EXPECT_ERRNO(EPERM, adj(1));
	EXPECT_ERRNO(EPERM, adj(2));
	EXPECT_ERRNO(EPERM, adj(0x4000));
	EXPECT_ERRNO(EPERM, adj(0x8001));
	EXPECT_ERRNO(EINVAL, adj(0x8000));
	EXPECT_ERRNO(EINVAL, adj(0xa000));
	EXPECT_TRUE(adj(0xa001) >= 0);
	EXPECT_TRUE(clock_adj(CLOCK_REALTIME, 0) >= 0);
	EXPECT_ERRNO(EPERM, clock_adj(CLOCK_REALTIME, 1));
	EXPECT_ERRNO(EOPNOTSUPP, clock_adj(CLOCK_PROCESS_CPUTIME_ID, 0));
	EXPECT_ERRNO(EOPNOTSUPP, clock_adj(CLOCK_BOOTTIME_ALARM, 0));
	EXPECT_ERRNO(EOPNOTSUPP, clock_adj(-1, 0));
	EXPECT_ERRNO(EINVAL, clock_adj(10, 0));
	EXPECT_ERRNO(EINVAL, clock_adj(77, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_clock_adjtime, 77, (void *)8));
}

TEST(clock, nobody_may_set_it)
{
	struct timespec ts = { 1, 0 };
	struct timeval tv = { 1, 0 };
	struct timezone far = { 16 * 60, 0 };
	void *bad = (void *)8;
	int cpu = CLOCK_PROCESS_CPUTIME_ID;

	be_ordinary();
	EXPECT_ERRNO(EPERM, syscall(SYS_clock_settime, CLOCK_REALTIME, &ts));
	EXPECT_ERRNO(EPERM, syscall(SYS_clock_settime, -2, &ts));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_settime, -1, &ts));
	EXPECT_ERRNO(EFAULT, syscall(SYS_clock_settime, -1, bad));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clock_settime, cpu, bad));
	EXPECT_ERRNO(EPERM, syscall(SYS_settimeofday, &tv, NULL));
	EXPECT_ERRNO(EPERM, syscall(SYS_settimeofday, NULL, &far));
	EXPECT_ERRNO(EPERM, syscall(SYS_settimeofday, NULL, NULL));
	tv.tv_usec = 1000001;
	EXPECT_ERRNO(EINVAL, syscall(SYS_settimeofday, &tv, NULL));
	tv = (struct timeval){ -1, 0 };
	EXPECT_ERRNO(EINVAL, syscall(SYS_settimeofday, &tv, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_settimeofday, bad, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_settimeofday, NULL, bad));
}

TEST_MAIN
