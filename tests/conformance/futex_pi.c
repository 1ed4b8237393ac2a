/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex(2): priority-inheritance locks: deadlocks over several locks, words
 * that user space has changed, owners that die or run another program, order
 * of real-time waiters, owners of the same number in two PID namespaces.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

typedef _Atomic uint32_t word_t;

static word_t g_word[4];
static _Atomic int g_step[4];

static long futex(word_t *w, int op)
{
	return syscall(SYS_futex, w, op, 0, NULL, NULL, 0);
}
#define LOCK(w)	  futex(w, FUTEX_LOCK_PI)
#define UNLOCK(w) futex(w, FUTEX_UNLOCK_PI)
#define OWNER(w)  (atomic_load(w) & FUTEX_TID_MASK)

static void *share(size_t size)
{
	return EXPECT_OK(mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

/* --- deadlock ------------------------------------------------------------- */

/* Thread n has lock n and wants n + 1 when it is told to. */
static void *link_of_chain(void *arg)
{
	int n = (int)(long)arg;

	EXPECT_OK(LOCK(&g_word[n]));
	g_step[n] = 1;
	EXPECT_SOON(g_step[n] == 2);
	EXPECT_OK(LOCK(&g_word[n + 1]));
	EXPECT_OK(UNLOCK(&g_word[n + 1]));
	EXPECT_OK(UNLOCK(&g_word[n]));
	return NULL;
}

/* The caller has lock @nr, thread n waits for n + 1: the ring is closed. */
static void ring(int nr)
{
	pthread_t t[3];

	EXPECT_OK(LOCK(&g_word[nr]));
	for (long n = 0; n < nr; n++) {
		EXPECT_EQ(0, pthread_create(&t[n], NULL, link_of_chain,
					    (void *)n));
		EXPECT_SOON(g_step[n] == 1);
	}
	for (int n = 0; n < nr; n++) {
		g_step[n] = 2;
		EXPECT_SOON(g_word[n + 1] & FUTEX_WAITERS);
	}
	/* The flag comes before the thread is in the queue for good. */
	usleep(20000);
	EXPECT_ERRNO(EDEADLK, LOCK(&g_word[0]));
	EXPECT_OK(UNLOCK(&g_word[nr]));
	for (int n = 0; n < nr; n++)
		EXPECT_EQ(0, pthread_join(t[n], NULL));
	EXPECT_OK(LOCK(&g_word[0]));
	EXPECT_OK(UNLOCK(&g_word[0]));
}

TEST(futex_pi, deadlock_of_two)
{
	ring(1);
}

TEST(futex_pi, deadlock_of_four)
{
	ring(3);
}

/* --- words that were changed ---------------------------------------------- */

static void *waiter(void *arg)
{
	EXPECT_OK(LOCK(arg));
	g_step[1] = 1;
	EXPECT_OK(UNLOCK(arg));
	return NULL;
}

TEST(futex_pi, a_word_that_lost_its_owner)
{
	uint32_t good;
	pthread_t t;

	EXPECT_OK(LOCK(&g_word[0]));
	EXPECT_EQ(0, pthread_create(&t, NULL, waiter, &g_word[0]));
	EXPECT_SOON(g_word[0] & FUTEX_WAITERS);
	usleep(20000);
	good = g_word[0];
	g_word[0] = 0;
	EXPECT_ERRNO(EINVAL, LOCK(&g_word[0]));
	EXPECT_ERRNO(EPERM, UNLOCK(&g_word[0]));
	g_word[0] = good;
	EXPECT_OK(UNLOCK(&g_word[0]));
	EXPECT_EQ(0, pthread_join(t, NULL));
}

static void *steal(void *arg)
{
	word_t *w = arg;
	uint32_t good = *w;

	*w = (uint32_t)gettid() | FUTEX_WAITERS;
	EXPECT_ERRNO(EINVAL, UNLOCK(w));
	*w = good;
	return NULL;
}

TEST(futex_pi, a_word_with_another_owner)
{
	pthread_t t, thief;

	EXPECT_OK(LOCK(&g_word[0]));
	EXPECT_EQ(0, pthread_create(&t, NULL, waiter, &g_word[0]));
	EXPECT_SOON(g_word[0] & FUTEX_WAITERS);
	usleep(20000);
	EXPECT_EQ(0, pthread_create(&thief, NULL, steal, &g_word[0]));
	EXPECT_EQ(0, pthread_join(thief, NULL));
	EXPECT_EQ(0, g_step[1]);
	EXPECT_OK(UNLOCK(&g_word[0]));
	EXPECT_EQ(0, pthread_join(t, NULL));
}

/* --- owners that go ------------------------------------------------------- */

static void owner_goes(word_t *w, int how)
{
	pid_t kid = CHILD({
		EXPECT_OK(LOCK(w));
		EXPECT_SOON(*w & FUTEX_WAITERS);
		usleep(20000);
		if (how == 1)
			execl("/bin/sleep", "sleep", "100", NULL);
	});

	EXPECT_SOON(OWNER(w) == (uint32_t)kid);
	EXPECT_OK(LOCK(w));
	EXPECT_EQ((uint32_t)gettid() | FUTEX_OWNER_DIED, *w & ~FUTEX_WAITERS);
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_OK(waitpid(kid, NULL, 0));
}

TEST(futex_pi, owner_that_ends)
{
	owner_goes(share(4096), 0);
}

TEST(futex_pi, owner_that_becomes_another_program)
{
	owner_goes(share(4096), 1);
}

/* --- many locks of one owner ---------------------------------------------- */

#define MANY 200
static word_t g_many[MANY];
static _Atomic int g_got;

static void *many_waiter(void *arg)
{
	EXPECT_OK(LOCK(arg));
	g_got++;
	return NULL;
}

static void *many_owner(void *arg)
{
	for (int i = 0; i < MANY; i++)
		EXPECT_OK(LOCK(&g_many[i]));
	g_step[0] = 1;
	EXPECT_SOON(g_step[0] == 2);
	return arg;
}

TEST(futex_pi, owner_of_many_ends)
{
	pthread_t owner, t[MANY];
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	EXPECT_EQ(0, pthread_create(&owner, NULL, many_owner, NULL));
	EXPECT_SOON(g_step[0] == 1);
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(0, pthread_create(&t[i], &small, many_waiter,
					    &g_many[i]));
	for (int i = 0; i < MANY; i++)
		EXPECT_SOON(g_many[i] & FUTEX_WAITERS);
	g_step[0] = 2;
	EXPECT_EQ(0, pthread_join(owner, NULL));
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
	EXPECT_EQ(MANY, g_got);
}

/* --- order ---------------------------------------------------------------- */

static _Atomic int g_order;

static void *rt_waiter(void *arg)
{
	int prio = (int)(long)arg;
	struct sched_param p = { prio };

	EXPECT_OK(sched_setscheduler(0, SCHED_FIFO, &p));
	g_step[0]++;
	EXPECT_OK(LOCK(&g_word[0]));
	EXPECT_EQ(3 - prio, g_order++);
	EXPECT_OK(UNLOCK(&g_word[0]));
	return NULL;
}

TEST(futex_pi, highest_priority_first)
{
	struct sched_param p = { 1 };
	pthread_t t[3];

	if (sched_setscheduler(0, SCHED_FIFO, &p) < 0)
		SKIP("needs real-time priorities");
	EXPECT_OK(LOCK(&g_word[0]));
	for (long i = 0; i < 3; i++) {
		EXPECT_EQ(0, pthread_create(&t[i], NULL, rt_waiter,
					    (void *)(i + 1)));
		EXPECT_SOON(g_step[0] == i + 1);
	}
	usleep(50000);
	EXPECT_OK(UNLOCK(&g_word[0]));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
}

/* --- PID namespaces ------------------------------------------------------- */

struct shared {
	word_t lock, locked, stop;
};

/* Process 2 of a namespace has the lock, 3 waits for it. */
static void lock_inside(struct shared *s)
{
	pid_t owner, waits;

	owner = CHILD({
		EXPECT_EQ(2, getpid());
		EXPECT_OK(LOCK(&s->lock));
		s->locked = 1;
		EXPECT_SOON(s->stop);
		EXPECT_EQ(2, OWNER(&s->lock));
		EXPECT_OK(UNLOCK(&s->lock));
	});
	EXPECT_SOON(s->locked);
	waits = CHILD(EXPECT_OK(LOCK(&s->lock)); EXPECT_TRUE(s->stop));
	EXPECT_EXIT(0, owner);
	EXPECT_EXIT(0, waits);
}

TEST(futex_pi, same_number_in_another_namespace)
{
	struct shared *s = share(4096);
	pid_t init, other;

	if (geteuid() != 0 || unshare(CLONE_NEWPID) < 0)
		SKIP("needs root and PID namespaces");
	init = CHILD(lock_inside(s));
	EXPECT_SOON(s->lock & FUTEX_WAITERS);
	usleep(20000);
	/* Another namespace, whose process 2 ends. */
	other = CHILD({
		pid_t kid;

		EXPECT_OK(unshare(CLONE_NEWPID));
		kid = CHILD({
			pid_t second = CHILD(EXPECT_EQ(2, getpid()));

			EXPECT_EXIT(0, second);
		});
		EXPECT_EXIT(0, kid);
	});
	EXPECT_EXIT(0, other);
	EXPECT_EQ(2, OWNER(&s->lock));
	s->stop = 1;
	EXPECT_EXIT(0, init);
}

TEST_MAIN
