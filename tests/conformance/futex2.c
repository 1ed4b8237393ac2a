/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex_wait(2), futex_wake(2), futex_requeue(2), FUTEX_WAIT_REQUEUE_PI, and
 * the order in which waiters are woken.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#define NR_WAKE	   454
#define NR_WAIT	   455
#define NR_REQUEUE 456
#define U32	   2u
#define PRIVATE	   128u
#define ANY	   0xffffffffu

struct waitv {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};

static long f_wake(void *addr, unsigned long mask, int nr, unsigned int flags)
{
	return syscall(NR_WAKE, addr, mask, nr, flags);
}

static long f_wait(void *addr, unsigned long val, unsigned long mask,
		   unsigned int flags, const struct timespec *ts, int clock)
{
	return syscall(NR_WAIT, addr, val, mask, flags, ts, clock);
}

static void need_calls(void)
{
	uint32_t w = 0;

	if (f_wake(&w, ANY, 0, U32) == -1 && errno == ENOSYS)
		SKIP("needs Linux 6.7");
}

struct sleeper {
	pthread_t th;
	_Atomic pid_t tid;
	_Atomic long result;
	_Atomic int done; /* 1 + how many were done before */
	uint32_t *word, *lock;
	unsigned long mask;
	int prio;
};

static _Atomic int g_done;

static void start(struct sleeper *s, void *(*fn)(void *))
{
	EXPECT_EQ(0, pthread_create(&s->th, NULL, fn, s));
	EXPECT_SOON(s->tid && task_state(s->tid) == 'S');
}

static void *wait2(void *arg)
{
	struct sleeper *s = arg;

	s->tid = gettid();
	s->result = f_wait(s->word, *s->word, s->mask, U32 | PRIVATE, NULL, 0);
	s->done = ++g_done;
	return NULL;
}

/* --- the calls of 6.7 ----------------------------------------------------- */

TEST(futex2, wait_checks_its_arguments)
{
	struct timespec past = { 0, 0 }, bad = { 0, 1000000000 };
	uint32_t w = 5;

	need_calls();
	EXPECT_ERRNO(EAGAIN, f_wait(&w, 4, ANY, U32 | PRIVATE, NULL, 0));
	EXPECT_ERRNO(EINVAL, f_wait(&w, 5, 0, U32, NULL, 0));
	EXPECT_ERRNO(EINVAL, f_wait(&w, 5, ANY, 0, NULL, 0));
	EXPECT_ERRNO(EINVAL, f_wait(&w, 5, ANY, U32 | 64, NULL, 0));
	EXPECT_ERRNO(EINVAL, f_wait(&w, 1ul << 32, ANY, U32, NULL, 0));
	EXPECT_ERRNO(EINVAL, f_wait(&w, 5, 1ul << 32, U32, NULL, 0));
	EXPECT_ERRNO(EINVAL, f_wait((char *)&w + 1, 5, ANY, U32, NULL, 0));
	EXPECT_ERRNO(EINVAL, f_wait(&w, 5, ANY, U32, &past, 2));
	EXPECT_ERRNO(EINVAL, f_wait(&w, 5, ANY, U32, &bad, CLOCK_MONOTONIC));
	EXPECT_ERRNO(EFAULT, f_wait(&w, 5, ANY, U32, (void *)8, 1));
	EXPECT_ERRNO(ETIMEDOUT,
		     f_wait(&w, 5, ANY, U32, &past, CLOCK_MONOTONIC));
	EXPECT_ERRNO(ETIMEDOUT, f_wait(&w, 5, ANY, U32, &past, CLOCK_REALTIME));
	EXPECT_ERRNO(EFAULT, f_wait((void *)16, 5, ANY, U32, NULL, 0));
}

TEST(futex2, wake_checks_its_arguments)
{
	uint32_t w = 5;

	need_calls();
	EXPECT_EQ(0, f_wake(&w, ANY, 1, U32));
	EXPECT_EQ(0, f_wake(&w, ANY, 0, U32));
	EXPECT_ERRNO(EINVAL, f_wake(&w, 0, 1, U32));
	EXPECT_ERRNO(EINVAL, f_wake(&w, ANY, 1, 1));
	EXPECT_ERRNO(EINVAL, f_wake(&w, 1ul << 32, 1, U32));
	EXPECT_ERRNO(EINVAL, f_wake((char *)&w + 2, ANY, 1, U32));
}

TEST(futex2, masks_choose)
{
	uint32_t w = 1;
	struct sleeper a = { .word = &w, .mask = 1 };
	struct sleeper b = { .word = &w, .mask = 2 };

	need_calls();
	start(&a, wait2);
	start(&b, wait2);
	EXPECT_EQ(0, f_wake(&w, 4, 10, U32 | PRIVATE));
	EXPECT_EQ(1, f_wake(&w, 2, 10, U32 | PRIVATE));
	pthread_join(b.th, NULL);
	EXPECT_EQ(0, b.result);
	EXPECT_EQ(0, a.done);
	EXPECT_EQ(1, f_wake(&w, ANY, 10, U32 | PRIVATE));
	pthread_join(a.th, NULL);
}

TEST(futex2, requeue_moves_the_rest)
{
	uint32_t w[2] = { 7, 9 };
	struct sleeper s[3];
	struct waitv v[2] = {
		{ 7, (uintptr_t)&w[0], U32 | PRIVATE, 0 },
		{ 0, (uintptr_t)&w[1], U32 | PRIVATE, 0 },
	};

	need_calls();
	for (int i = 0; i < 3; i++) {
		s[i] = (struct sleeper){ .word = &w[0], .mask = ANY };
		start(&s[i], wait2);
	}
	v[0].val = 8;
	EXPECT_ERRNO(EAGAIN, syscall(NR_REQUEUE, v, 0, 1, 5));
	v[0].val = 7;
	EXPECT_ERRNO(EINVAL, syscall(NR_REQUEUE, v, 1, 1, 5));
	EXPECT_ERRNO(EINVAL, syscall(NR_REQUEUE, NULL, 0, 1, 5));
	EXPECT_ERRNO(EINVAL, syscall(NR_REQUEUE, v, 0, -1, 5));
	EXPECT_EQ(3, syscall(NR_REQUEUE, v, 0, 1, 5));
	pthread_join(s[0].th, NULL);
	EXPECT_EQ(0, f_wake(&w[0], ANY, 5, U32 | PRIVATE));
	EXPECT_EQ(2, f_wake(&w[1], ANY, 5, U32 | PRIVATE));
	pthread_join(s[1].th, NULL);
	pthread_join(s[2].th, NULL);
}

static volatile sig_atomic_t g_usr1;

static void on_usr1(int sig)
{
	(void)sig;
	g_usr1++;
}

TEST(futex2, a_handler_with_restart_goes_on_waiting)
{
	uint32_t w = 1;
	struct sleeper a = { .word = &w, .mask = ANY };
	struct sigaction sa = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };

	need_calls();
	sigaction(SIGUSR1, &sa, NULL);
	start(&a, wait2);
	pthread_kill(a.th, SIGUSR1);
	EXPECT_SOON(g_usr1);
	EXPECT_SOON(task_state(a.tid) == 'S');
	EXPECT_EQ(0, a.done);
	EXPECT_EQ(1, f_wake(&w, ANY, 1, U32 | PRIVATE));
	pthread_join(a.th, NULL);
	EXPECT_EQ(0, a.result);
}

/* --- priorities ----------------------------------------------------------- */

static void *wait_prio(void *arg)
{
	struct sleeper *s = arg;
	struct sched_param p = { s->prio };

	if (s->prio && sched_setscheduler(0, SCHED_FIFO, &p) < 0)
		s->result = -errno;
	s->tid = gettid();
	syscall(SYS_futex, s->word, FUTEX_WAIT_PRIVATE, *s->word, NULL);
	s->done = ++g_done;
	return NULL;
}

TEST(futex2, real_time_waiters_are_woken_first)
{
	static const int prio[4] = { 0, 5, 20, 5 };
	uint32_t w = 1;
	struct sleeper s[4];

	if (geteuid() != 0)
		SKIP("needs root");
	for (int i = 0; i < 4; i++) {
		s[i] = (struct sleeper){ .word = &w, .prio = prio[i] };
		start(&s[i], wait_prio);
		if (s[i].result == -EPERM)
			SKIP("needs real-time priorities");
	}
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(1, syscall(SYS_futex, &w, FUTEX_WAKE_PRIVATE, 1));
		EXPECT_SOON(g_done == i + 1);
	}
	EXPECT_EQ(1, s[2].done);
	EXPECT_EQ(2, s[1].done);
	EXPECT_EQ(3, s[3].done);
	EXPECT_EQ(4, s[0].done);
}

/* --- FUTEX_WAIT_REQUEUE_PI ------------------------------------------------ */

static long lock_pi(uint32_t *w)
{
	return syscall(SYS_futex, w, FUTEX_LOCK_PI_PRIVATE, 0, NULL);
}

static long unlock_pi(uint32_t *w)
{
	return syscall(SYS_futex, w, FUTEX_UNLOCK_PI_PRIVATE);
}

static long wait_rpi(uint32_t *w, uint32_t val, uint32_t *lock,
		     const struct timespec *ts)
{
	return syscall(SYS_futex, w, FUTEX_WAIT_REQUEUE_PI_PRIVATE, val, ts,
		       lock);
}

static long requeue_pi(uint32_t *w, int nr_wake, long nr, uint32_t *lock,
		       uint32_t val)
{
	return syscall(SYS_futex, w, FUTEX_CMP_REQUEUE_PI_PRIVATE, nr_wake, nr,
		       lock, val);
}

static void *cond_waiter(void *arg)
{
	struct sleeper *s = arg;

	s->tid = gettid();
	s->result = wait_rpi(s->word, *s->word, s->lock, NULL);
	if (s->result == 0) { /* we own the lock now */
		if ((*(_Atomic uint32_t *)s->lock & FUTEX_TID_MASK) !=
		    (uint32_t)gettid())
			s->result = -1;
		s->done = ++g_done;
		if (unlock_pi(s->lock) < 0)
			s->result = -2;
	} else {
		s->result = -errno;
		s->done = ++g_done;
	}
	return NULL;
}

TEST(futex2, a_free_lock_goes_to_the_first_waiter)
{
	uint32_t w = 1, lock = 0;
	struct sleeper s[3];

	for (int i = 0; i < 3; i++) {
		s[i] = (struct sleeper){ .word = &w, .lock = &lock };
		start(&s[i], cond_waiter);
	}
	EXPECT_ERRNO(EAGAIN, requeue_pi(&w, 1, 10, &lock, 2));
	/* One gets the lock and unlocks it; the others follow. */
	EXPECT_EQ(3, requeue_pi(&w, 1, 10, &lock, 1));
	for (int i = 0; i < 3; i++) {
		pthread_join(s[i].th, NULL);
		EXPECT_EQ(0, s[i].result);
		EXPECT_EQ(i + 1, s[i].done);
	}
	EXPECT_EQ(0, lock & FUTEX_TID_MASK);
}

TEST(futex2, waiters_wait_for_the_owner_of_the_lock)
{
	uint32_t w = 1, lock = 0;
	struct sleeper a = { .word = &w, .lock = &lock };

	start(&a, cond_waiter);
	EXPECT_EQ(0, lock_pi(&lock));
	EXPECT_EQ(1, requeue_pi(&w, 1, 0, &lock, 1));
	EXPECT_TRUE(lock & FUTEX_WAITERS);
	EXPECT_EQ(0, a.done);
	EXPECT_EQ(0, unlock_pi(&lock));
	pthread_join(a.th, NULL);
	EXPECT_EQ(0, a.result);
}

TEST(futex2, requeue_pi_moves_no_more_than_asked)
{
	uint32_t w = 1, lock = 0;
	struct sleeper s[3];

	for (int i = 0; i < 3; i++) {
		s[i] = (struct sleeper){ .word = &w, .lock = &lock };
		start(&s[i], cond_waiter);
	}
	EXPECT_EQ(0, lock_pi(&lock));
	EXPECT_EQ(2, requeue_pi(&w, 1, 1, &lock, 1));
	EXPECT_EQ(0, unlock_pi(&lock));
	EXPECT_SOON(g_done == 2);
	EXPECT_EQ(1, requeue_pi(&w, 1, 1, &lock, 1));
	for (int i = 0; i < 3; i++)
		pthread_join(s[i].th, NULL);
}

TEST(futex2, the_pair_belongs_together)
{
	uint32_t w = 1, lock = 0, other = 0;
	struct sleeper a = { .word = &w, .lock = &lock };
	struct sleeper b = { .word = &other, .mask = ANY };

	start(&a, cond_waiter);
	EXPECT_ERRNO(EINVAL, requeue_pi(&w, 1, 1, &other, 1));
	EXPECT_ERRNO(EINVAL, syscall(SYS_futex, &w, FUTEX_WAKE_PRIVATE, 1));
	EXPECT_ERRNO(EINVAL, syscall(SYS_futex, &w, FUTEX_CMP_REQUEUE_PRIVATE,
				     1, 1L, &lock, 1));
	EXPECT_ERRNO(EINVAL, requeue_pi(&w, 0, 1, &lock, 1));
	EXPECT_ERRNO(EINVAL, requeue_pi(&w, 2, 1, &lock, 1));
	EXPECT_ERRNO(EINVAL, requeue_pi(&w, 1, 1, &w, 1));
	EXPECT_ERRNO(EINVAL, wait_rpi(&w, 1, &w, NULL));
	EXPECT_EQ(1, requeue_pi(&w, 1, 1, &lock, 1));
	pthread_join(a.th, NULL);
	EXPECT_EQ(0, a.result);
	/* A plain waiter is not for a PI lock. */
	need_calls();
	start(&b, wait2);
	EXPECT_ERRNO(EINVAL, requeue_pi(&other, 1, 1, &lock, 0));
	f_wake(&other, ANY, 1, U32 | PRIVATE);
	pthread_join(b.th, NULL);
}

TEST(futex2, waiting_ends_by_time_value_or_signal)
{
	struct timespec past = { 0, 0 };
	struct sigaction sa = { .sa_handler = on_usr1 };
	uint32_t w = 1, lock = 0;
	struct sleeper a = { .word = &w, .lock = &lock };

	EXPECT_ERRNO(ETIMEDOUT, wait_rpi(&w, 1, &lock, &past));
	EXPECT_ERRNO(EAGAIN, wait_rpi(&w, 2, &lock, NULL));
	sigaction(SIGUSR1, &sa, NULL);
	start(&a, cond_waiter);
	pthread_kill(a.th, SIGUSR1);
	EXPECT_SOON(g_usr1);
	EXPECT_SOON(task_state(a.tid) == 'S'); /* it waits again */
	EXPECT_EQ(0, a.done);
	EXPECT_EQ(1, requeue_pi(&w, 1, 1, &lock, 1));
	pthread_join(a.th, NULL);
	EXPECT_EQ(0, a.result);
}

static void *owner_that_dies(void *arg)
{
	struct sleeper *s = arg;

	s->result = lock_pi(s->lock);
	s->tid = gettid();
	while (!s->done)
		usleep(1000);
	return NULL;
}

TEST(futex2, a_dead_owner_leaves_the_lock_to_the_moved)
{
	uint32_t w = 1, lock = 0;
	struct sleeper owner = { .lock = &lock };
	struct sleeper a = { .word = &w, .lock = &lock };

	EXPECT_EQ(0, pthread_create(&owner.th, NULL, owner_that_dies, &owner));
	EXPECT_SOON(owner.tid);
	start(&a, cond_waiter);
	EXPECT_EQ(1, requeue_pi(&w, 1, 1, &lock, 1));
	EXPECT_EQ(0, a.done);
	owner.done = 1;
	pthread_join(owner.th, NULL);
	pthread_join(a.th, NULL);
	EXPECT_EQ(0, a.result);
}

TEST_MAIN
