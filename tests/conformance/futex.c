/* SPDX-License-Identifier: Apache-2.0 */
/* futex(2), futex_waitv(2), robust lists. */
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

static _Atomic uint32_t word, word2;

static long futex(void *addr, int op, uint32_t val, const void *timeout,
		  void *addr2, uint32_t val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

static _Atomic uint32_t *shared_word(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	EXPECT_TRUE(p != MAP_FAILED);
	return p;
}

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

TEST(futex, wait_compares_first)
{
	struct timespec bad = { 0, -1 };

	EXPECT_ERRNO(EAGAIN, futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0));
	EXPECT_ERRNO(EAGAIN,
		     futex(&word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0));
	EXPECT_ERRNO(EINVAL,
		     futex((char *)&word + 1, FUTEX_WAIT, 0, NULL, NULL, 0));
	EXPECT_ERRNO(EFAULT, futex((void *)64, FUTEX_WAIT, 0, NULL, NULL, 0));
	EXPECT_ERRNO(EFAULT,
		     futex((void *)64, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
	EXPECT_ERRNO(EINVAL, futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0));
	EXPECT_ERRNO(EFAULT, futex(&word, FUTEX_WAIT, 0, (void *)8, NULL, 0));
	EXPECT_ERRNO(ENOSYS, futex(&word, 99, 0, NULL, NULL, 0));
	EXPECT_ERRNO(EINVAL, futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
	EXPECT_ERRNO(ENOSYS, futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1,
				   NULL, NULL, 0));
	EXPECT_EQ(0, futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	EXPECT_EQ(0, futex((void *)64, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	EXPECT_ERRNO(EFAULT, futex((void *)64, FUTEX_WAKE, 1, NULL, NULL, 0));
}

TEST(futex, timeouts)
{
	struct timespec ts = ts_of(20000000);
	int64_t start = now(CLOCK_MONOTONIC);

	EXPECT_ERRNO(ETIMEDOUT, futex(&word, FUTEX_WAIT, 0, &ts, NULL, 0));
	EXPECT_TRUE(now(CLOCK_MONOTONIC) - start >= 20000000);
	ts = ts_of(now(CLOCK_MONOTONIC) + 20000000);
	EXPECT_ERRNO(ETIMEDOUT,
		     futex(&word, FUTEX_WAIT_BITSET, 0, &ts, NULL, 1));
	EXPECT_TRUE(now(CLOCK_MONOTONIC) - start >= 40000000);
	ts = ts_of(now(CLOCK_REALTIME) + 20000000);
	EXPECT_ERRNO(ETIMEDOUT,
		     futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0,
			   &ts, NULL, 1));
	EXPECT_TRUE(now(CLOCK_MONOTONIC) - start >= 60000000);
	ts = ts_of(1);
	EXPECT_ERRNO(ETIMEDOUT,
		     futex(&word, FUTEX_WAIT_BITSET, 0, &ts, NULL, 1));
}

static _Atomic int waiting, woken;

static _Atomic pid_t waiter_tids[8];

static void *waiter(void *bits)
{
	waiter_tids[waiting++] = gettid();
	if (futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL,
		  (uint32_t)(uintptr_t)bits) == 0)
		woken++;
	return NULL;
}

/* Starts @nr waiters and waits until all sleep. */
static void start(pthread_t *t, int nr, uintptr_t bits)
{
	int before = waiting;

	for (int i = 0; i < nr; i++)
		EXPECT_EQ(0, pthread_create(&t[i], NULL, waiter, (void *)bits));
	for (int i = before; i < before + nr; i++)
		EXPECT_SOON(waiter_tids[i] &&
			    task_state(waiter_tids[i]) == 'S');
}

TEST(futex, wakes_as_many_as_asked)
{
	pthread_t t[5];

	start(t, 5, UINT32_MAX);
	EXPECT_EQ(1, futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	EXPECT_SOON(woken == 1);
	EXPECT_EQ(1, futex(&word, FUTEX_WAKE_PRIVATE, 0, NULL, NULL, 0));
	EXPECT_EQ(3, futex(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0));
	EXPECT_SOON(woken == 5);
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
}

TEST(futex, bitsets_select)
{
	pthread_t t[2];

	start(t, 2, 4);
	EXPECT_EQ(0, futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 3));
	EXPECT_ERRNO(EINVAL,
		     futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 0));
	EXPECT_EQ(2,
		  futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 12));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
}

TEST(futex, requeue_moves_waiters)
{
	pthread_t t[4];

	start(t, 4, UINT32_MAX);
	EXPECT_ERRNO(EAGAIN, futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1,
				   (void *)9, &word2, 1));
	EXPECT_ERRNO(EINVAL, futex(&word, FUTEX_REQUEUE_PRIVATE, (uint32_t)-1,
				   (void *)9, &word2, 0));
	EXPECT_EQ(3, futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2,
			   &word2, 0));
	EXPECT_SOON(woken == 1);
	EXPECT_EQ(2, futex(&word2, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
	EXPECT_SOON(woken == 3);
	EXPECT_EQ(1, futex(&word, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
}

TEST(futex, wake_op_changes_and_wakes)
{
	pthread_t t[2];

	start(t, 2, UINT32_MAX);
	word2 = 5;
	/* word2 += 3; the old value is not 6: nobody there. */
	EXPECT_EQ(1, futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word2,
			   FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 6)));
	EXPECT_EQ(8, word2);
	word2 = 7;
	/* The waiters are on the second word of this call. */
	EXPECT_EQ(1, futex(&word2, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word,
			   FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_EQ, 0)));
	EXPECT_EQ(9, word);
	EXPECT_ERRNO(ENOSYS, futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1,
				   &word2, 7u << 28));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
}

static void on_signal(int signo)
{
	(void)signo;
}

TEST(futex, signals_interrupt_and_restart)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } };
	struct timespec longer = ts_of(60000000000);

	EXPECT_OK(sigaction(SIGALRM, &sa, NULL));
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	EXPECT_ERRNO(EINTR, futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0));
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	EXPECT_ERRNO(EINTR, futex(&word, FUTEX_WAIT, 0, &longer, NULL, 0));
	sa.sa_flags = SA_RESTART;
	EXPECT_OK(sigaction(SIGALRM, &sa, NULL));
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	/* With a timeout: EINTR in spite of SA_RESTART. */
	EXPECT_ERRNO(EINTR, futex(&word, FUTEX_WAIT, 0, &longer, NULL, 0));
}

TEST(futex, shared_between_processes)
{
	_Atomic uint32_t *w = shared_word();
	pid_t pid = CHILD({
		while (*w == 0)
			if (futex((void *)w, FUTEX_WAIT, 0, NULL, NULL, 0) <
				    0 &&
			    errno != EAGAIN)
				_exit(1);
	});
	struct timespec nap = { 0, 20000000 };

	nanosleep(&nap, NULL);
	*w = 1;
	EXPECT_TRUE(futex((void *)w, FUTEX_WAKE, 1, NULL, NULL, 0) >= 0);
	EXPECT_EXIT(0, pid);
}

TEST(futex, private_memory_after_fork_is_another_word)
{
	pid_t pid;
	struct timespec ts = ts_of(100000000);

	word = 0;
	pid = CHILD({
		if (futex(&word, FUTEX_WAIT, 0, &ts, NULL, 0) == 0 ||
		    errno != ETIMEDOUT)
			_exit(1);
	});
	for (int i = 0; i < 50; i++) {
		struct timespec nap = { 0, 1000000 };

		EXPECT_EQ(0, futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
		nanosleep(&nap, NULL);
	}
	EXPECT_EXIT(0, pid);
}

/* Many hand-overs between threads while fork write-protects the page. */
static _Atomic uint32_t turn;
static void *pinger(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg;

	for (int i = 0; i < 3000; i++) {
		uint32_t t;

		while ((t = turn) % 2 != me)
			futex(&turn, FUTEX_WAIT_PRIVATE, t, NULL, NULL, 0);
		turn = t + 1;
		futex(&turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	return NULL;
}

TEST(futex, no_wakeup_is_lost_while_forking)
{
	pthread_t t[2];

	for (uintptr_t i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_create(&t[i], NULL, pinger, (void *)i));
	for (int i = 0; i < 30; i++)
		EXPECT_EXIT(0, CHILD(_exit(0)));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
	EXPECT_EQ(6000, turn);
}

/* --- PI ------------------------------------------------------------------- */

static void *pi_locker(void *arg)
{
	_Atomic uint32_t *w = arg;

	waiting++;
	if (futex((void *)w, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0)
		woken++;
	EXPECT_EQ(syscall(SYS_gettid), *w & FUTEX_TID_MASK);
	EXPECT_OK(futex((void *)w, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	return NULL;
}

TEST(futex, pi_lock_is_handed_over)
{
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	struct timespec nap = { 0, 30000000 };
	pthread_t t[2];

	EXPECT_OK(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	EXPECT_EQ(tid, word);
	EXPECT_ERRNO(EDEADLK,
		     futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_create(&t[i], NULL, pi_locker, &word));
	EXPECT_SOON(waiting == 2);
	EXPECT_SOON(word == (tid | FUTEX_WAITERS));
	nanosleep(&nap, NULL);
	EXPECT_EQ(0, woken);
	EXPECT_OK(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
	EXPECT_EQ(2, woken);
	EXPECT_EQ(0, word);
	EXPECT_ERRNO(EPERM,
		     futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
}

static void *pi_owner(void *arg)
{
	EXPECT_OK(futex(arg, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	waiting = 1;
	while (!woken)
		;
	EXPECT_OK(futex(arg, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	return NULL;
}

TEST(futex, pi_try_and_timeout)
{
	struct timespec ts;
	pthread_t t;

	EXPECT_EQ(0, pthread_create(&t, NULL, pi_owner, &word));
	EXPECT_SOON(waiting);
	EXPECT_ERRNO(EAGAIN,
		     futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	ts = ts_of(now(CLOCK_REALTIME) + 20000000);
	EXPECT_ERRNO(ETIMEDOUT,
		     futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, &ts, NULL, 0));
	woken = 1;
	EXPECT_EQ(0, pthread_join(t, NULL));
	EXPECT_OK(futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
	word = 0;
}

TEST(futex, pi_owner_that_is_gone)
{
	pid_t pid = CHILD(_exit(0));

	EXPECT_EXIT(0, pid);
	word = (uint32_t)pid;
	EXPECT_ERRNO(ESRCH,
		     futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
}

/* --- robust --------------------------------------------------------------- */

static void *die_holding(void *m)
{
	EXPECT_EQ(0, pthread_mutex_lock(m));
	return NULL;
}

static void check_robust(int protocol, int pshared)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t *m = (void *)shared_word();
	pthread_t t;

	EXPECT_EQ(0, pthread_mutexattr_init(&attr));
	EXPECT_EQ(0, pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	EXPECT_EQ(0, pthread_mutexattr_setprotocol(&attr, protocol));
	EXPECT_EQ(0, pthread_mutexattr_setpshared(&attr, pshared));
	EXPECT_EQ(0, pthread_mutex_init(m, &attr));
	EXPECT_EQ(0, pthread_create(&t, NULL, die_holding, m));
	EXPECT_EQ(0, pthread_join(t, NULL));
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(m));
	EXPECT_EQ(0, pthread_mutex_consistent(m));
	EXPECT_EQ(0, pthread_mutex_unlock(m));
	if (pshared == PTHREAD_PROCESS_SHARED) {
		_Atomic uint32_t *held = shared_word();
		pid_t pid = CHILD({
			pthread_mutex_lock(m);
			*held = 1;
			usleep(50000);
			raise(SIGKILL);
		});

		EXPECT_SOON(*held);
		EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(m));
		EXPECT_KILLED(SIGKILL, pid);
	}
}

TEST(futex, robust_mutex_tells_of_death)
{
	check_robust(PTHREAD_PRIO_NONE, PTHREAD_PROCESS_PRIVATE);
	check_robust(PTHREAD_PRIO_NONE, PTHREAD_PROCESS_SHARED);
}

TEST(futex, robust_pi_mutex_tells_of_death)
{
	check_robust(PTHREAD_PRIO_INHERIT, PTHREAD_PROCESS_PRIVATE);
	check_robust(PTHREAD_PRIO_INHERIT, PTHREAD_PROCESS_SHARED);
}

TEST(futex, robust_list_calls)
{
	struct robust_list_head *head;
	size_t size;

	EXPECT_OK(syscall(SYS_get_robust_list, 0, &head, &size));
	EXPECT_EQ(24, size);
	EXPECT_ERRNO(EINVAL, syscall(SYS_set_robust_list, head, 23));
	EXPECT_OK(syscall(SYS_set_robust_list, head, 24));
	EXPECT_ERRNO(ESRCH,
		     syscall(SYS_get_robust_list, 99999999, &head, &size));
}

/* --- waitv ---------------------------------------------------------------- */

struct waitv {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};

static void *wake_second(void *arg)
{
	struct timespec nap = { 0, 30000000 };

	(void)arg;
	nanosleep(&nap, NULL);
	word2 = 1;
	futex(&word2, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return NULL;
}

TEST(futex, waitv_tells_which)
{
	struct waitv w[2] = {
		{ 0, (uintptr_t)&word, 2 | 128, 0 },
		{ 0, (uintptr_t)&word2, 2 | 128, 0 },
	};
	struct timespec ts = ts_of(now(CLOCK_MONOTONIC) + 5000000000);
	pthread_t t;

	EXPECT_EQ(0, pthread_create(&t, NULL, wake_second, NULL));
	EXPECT_EQ(1, syscall(449, w, 2, 0, &ts, CLOCK_MONOTONIC));
	EXPECT_EQ(0, pthread_join(t, NULL));
	EXPECT_ERRNO(EAGAIN, syscall(449, w, 2, 0, NULL, 0));
	w[1].val = 1;
	ts = ts_of(now(CLOCK_MONOTONIC) + 10000000);
	EXPECT_ERRNO(ETIMEDOUT, syscall(449, w, 2, 0, &ts, CLOCK_MONOTONIC));
	EXPECT_ERRNO(EINVAL, syscall(449, w, 0, 0, NULL, 0));
	EXPECT_ERRNO(EINVAL, syscall(449, w, 129, 0, NULL, 0));
	EXPECT_ERRNO(EINVAL, syscall(449, w, 2, 1, NULL, 0));
	EXPECT_ERRNO(EINVAL, syscall(449, NULL, 2, 0, NULL, 0));
	EXPECT_ERRNO(EFAULT, syscall(449, (void *)8, 2, 0, NULL, 0));
	EXPECT_ERRNO(EINVAL, syscall(449, w, 2, 0, &ts, 7));
	w[0].reserved = 1;
	EXPECT_ERRNO(EINVAL, syscall(449, w, 2, 0, NULL, 0));
}

TEST_MAIN
