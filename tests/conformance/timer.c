/* SPDX-License-Identifier: Apache-2.0 */
/* timer_create(2) and the calls on its timers. */
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

/* The calls themselves: libc keeps timers of its own. */
static int create(clockid_t clock, struct sigevent *ev, int *id)
{
	return (int)syscall(SYS_timer_create, clock, ev, id);
}

static int settime(int id, int flags, int64_t value, int64_t interval,
		   struct itimerspec *old)
{
	struct itimerspec its = {
		.it_value = { value / 1000000000, value % 1000000000 },
		.it_interval = { interval / 1000000000, interval % 1000000000 },
	};

	return (int)syscall(SYS_timer_settime, id, flags, &its, old);
}

static void block(int signo, sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, signo);
	EXPECT_OK(sigprocmask(SIG_BLOCK, set, NULL));
}

static void take(const sigset_t *set, siginfo_t *si)
{
	const struct timespec limit = { 5, 0 };

	EXPECT_OK(sigtimedwait(set, si, &limit));
}

#define MS 1000000ll

TEST(timer, sends_its_signal_with_value)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGRTMIN + 3,
			       .sigev_value.sival_int = 4711 };
	struct itimerspec cur;
	siginfo_t si;
	sigset_t set;
	int id;

	block(SIGRTMIN + 3, &set);
	EXPECT_OK(create(CLOCK_MONOTONIC, &ev, &id));
	EXPECT_OK(settime(id, 0, 10 * MS, 0, NULL));
	EXPECT_OK(syscall(SYS_timer_gettime, id, &cur));
	EXPECT_TRUE(cur.it_value.tv_nsec > 0);
	take(&set, &si);
	EXPECT_EQ(SI_TIMER, si.si_code);
	EXPECT_EQ(4711, si.si_value.sival_int);
	EXPECT_EQ(id, si.si_timerid);
	EXPECT_EQ(0, si.si_overrun);
	EXPECT_OK(syscall(SYS_timer_gettime, id, &cur));
	EXPECT_EQ(0, cur.it_value.tv_nsec);
	EXPECT_OK(syscall(SYS_timer_delete, id));
	EXPECT_ERRNO(EINVAL, syscall(SYS_timer_delete, id));
	EXPECT_ERRNO(EINVAL, syscall(SYS_timer_gettime, id, &cur));
}

TEST(timer, default_is_sigalrm_with_the_id)
{
	siginfo_t si;
	sigset_t set;
	int id;

	alarm(0);
	block(SIGALRM, &set);
	EXPECT_OK(create(CLOCK_REALTIME, NULL, &id));
	EXPECT_OK(settime(id, 0, 5 * MS, 0, NULL));
	take(&set, &si);
	EXPECT_EQ(id, si.si_value.sival_int);
}

TEST(timer, overruns_are_counted)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGUSR1 };
	struct timespec nap = { 0, 60 * MS }, before, after;
	siginfo_t si;
	sigset_t set;
	int id;

	block(SIGUSR1, &set);
	EXPECT_OK(create(CLOCK_BOOTTIME, &ev, &id));
	EXPECT_OK(settime(id, 0, 5 * MS, 10 * MS, NULL));
	EXPECT_OK(nanosleep(&nap, NULL));
	EXPECT_OK(clock_gettime(CLOCK_BOOTTIME, &before));
	take(&set, &si);
	EXPECT_TRUE(si.si_overrun >= 3);
	EXPECT_EQ(si.si_overrun, syscall(SYS_timer_getoverrun, id));
	take(&set, &si);
	EXPECT_OK(clock_gettime(CLOCK_BOOTTIME, &after));
	/* Those since the first was taken, none twice. */
	EXPECT_TRUE(si.si_overrun <=
		    1 + (after.tv_sec - before.tv_sec) * 100 +
			    (after.tv_nsec - before.tv_nsec) / (10 * MS));
	EXPECT_OK(settime(id, 0, 0, 0, NULL));
}

TEST(timer, two_timers_on_one_signal_both_arrive)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGRTMIN };
	struct timespec nap = { 0, 30 * MS };
	int id[2], sum = 0;
	siginfo_t si;
	sigset_t set;

	block(SIGRTMIN, &set);
	for (int i = 0; i < 2; i++) {
		ev.sigev_value.sival_int = i + 1;
		EXPECT_OK(create(CLOCK_MONOTONIC, &ev, &id[i]));
		EXPECT_OK(settime(id[i], 0, 5 * MS, 0, NULL));
	}
	EXPECT_OK(nanosleep(&nap, NULL));
	for (int i = 0; i < 2; i++) {
		take(&set, &si);
		sum += si.si_value.sival_int;
	}
	EXPECT_EQ(3, sum);
}

TEST(timer, absolute_and_old_value)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGUSR2 };
	struct itimerspec old;
	struct timespec ts;
	siginfo_t si;
	sigset_t set;
	int id;

	block(SIGUSR2, &set);
	EXPECT_OK(create(CLOCK_REALTIME, &ev, &id));
	EXPECT_OK(settime(id, 0, 100000 * MS, 7 * MS, NULL));
	EXPECT_OK(clock_gettime(CLOCK_REALTIME, &ts));
	EXPECT_OK(settime(id, TIMER_ABSTIME,
			  ts.tv_sec * 1000000000ll + ts.tv_nsec + 10 * MS, 0,
			  &old));
	EXPECT_TRUE(old.it_value.tv_sec == 99 || old.it_value.tv_sec == 100);
	EXPECT_EQ(7 * MS, old.it_interval.tv_nsec);
	take(&set, &si);
	EXPECT_OK(settime(id, TIMER_ABSTIME, 1, 0, NULL)); /* long ago */
	take(&set, &si);
}

static int thread_id_tid;
static void *receiver(void *arg)
{
	siginfo_t si;

	thread_id_tid = (int)syscall(SYS_gettid);
	__atomic_store_n((int *)arg, 1, __ATOMIC_SEQ_CST);
	take(&(sigset_t){ .__val = { 1ull << (SIGUSR1 - 1) } }, &si);
	return (void *)(intptr_t)(si.si_code == SI_TIMER);
}

TEST(timer, thread_id_hits_that_thread)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID,
			       .sigev_signo = SIGUSR1 };
	int id, ready = 0;
	pthread_t t;
	sigset_t set;
	void *ok;

	block(SIGUSR1, &set);
	EXPECT_EQ(0, pthread_create(&t, NULL, receiver, &ready));
	EXPECT_SOON(__atomic_load_n(&ready, __ATOMIC_SEQ_CST));
	ev._sigev_un._tid = thread_id_tid;
	EXPECT_OK(create(CLOCK_MONOTONIC, &ev, &id));
	EXPECT_OK(settime(id, 0, 5 * MS, 0, NULL));
	EXPECT_EQ(0, pthread_join(t, &ok));
	EXPECT_TRUE(ok);
}

TEST(timer, errors)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = 65 };
	struct itimerspec bad = { .it_value.tv_nsec = 1000000000 };
	int id;

	EXPECT_ERRNO(EINVAL, create(CLOCK_MONOTONIC, &ev, &id));
	ev = (struct sigevent){ .sigev_notify = 99, .sigev_signo = SIGUSR1 };
	EXPECT_ERRNO(EINVAL, create(CLOCK_MONOTONIC, &ev, &id));
	ev = (struct sigevent){ .sigev_notify = SIGEV_THREAD_ID,
				.sigev_signo = SIGUSR1 };
	ev._sigev_un._tid = 1;
	EXPECT_ERRNO(EINVAL, create(CLOCK_MONOTONIC, &ev, &id));
	EXPECT_ERRNO(EINVAL, create(99, NULL, &id));
	EXPECT_ERRNO(EOPNOTSUPP, create(CLOCK_MONOTONIC_RAW, NULL, &id));
	EXPECT_ERRNO(EFAULT, create(CLOCK_MONOTONIC, (void *)8, &id));
	EXPECT_ERRNO(EFAULT, create(CLOCK_MONOTONIC, NULL, (int *)8));
	EXPECT_OK(create(CLOCK_MONOTONIC, NULL, &id));
	EXPECT_ERRNO(EINVAL, syscall(SYS_timer_settime, id, 0, &bad, NULL));
	EXPECT_ERRNO(EINVAL, syscall(SYS_timer_settime, id, 0, NULL, NULL));
	EXPECT_ERRNO(EFAULT,
		     syscall(SYS_timer_settime, id, 0, (void *)8, NULL));
	EXPECT_ERRNO(EINVAL, settime(id + 1, 0, MS, 0, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_timer_gettime, id, (void *)8));
	EXPECT_ERRNO(EINVAL, syscall(SYS_timer_getoverrun, id + 1));
}

TEST(timer, on_cpu_time)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGUSR1 };
	struct timespec nap = { 0, 60 * MS }, none = { 0, 0 }, ts;
	siginfo_t si;
	sigset_t set;
	int id;

	block(SIGUSR1, &set);
	EXPECT_OK(create(CLOCK_THREAD_CPUTIME_ID, &ev, &id));
	EXPECT_OK(settime(id, 0, 30 * MS, 0, NULL));
	EXPECT_OK(nanosleep(&nap, NULL));
	EXPECT_ERRNO(EAGAIN, sigtimedwait(&set, &si, &none));
	do
		EXPECT_OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts));
	while (ts.tv_sec == 0 && ts.tv_nsec < 200 * MS &&
	       sigtimedwait(&set, &si, &none) != SIGUSR1);
	EXPECT_TRUE(ts.tv_sec == 0 && ts.tv_nsec < 200 * MS);
}

TEST_MAIN
