/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads at once: memory, signals, fork and exec in parallel, stops,
 * the C library's locks, condition variables, cancellation.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

static _Atomic int stop, hits, bad;

static void on_signal(int sig)
{
	(void)sig;
	hits++;
}

static void *empty(void *arg)
{
	return arg;
}

static void *makes_threads(void *arg)
{
	pthread_t t;

	while (!stop)
		if (pthread_create(&t, NULL, empty, NULL) == 0)
			pthread_join(t, NULL);
	return arg;
}

static void *forks(void *arg)
{
	while (!stop) {
		int st = -1;
		pid_t pid = fork();
		if (pid == 0)
			_exit(3);
		while (waitpid(pid, &st, 0) < 0 && errno == EINTR)
			;
		bad |= !WIFEXITED(st) || WEXITSTATUS(st) != 3;
	}
	return arg;
}

static void *signals(void *arg)
{
	while (!stop) {
		kill(getpid(), SIGUSR1);
		usleep(500);
	}
	return arg;
}

static void *writes_memory(void *arg)
{
	volatile uint32_t *p = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t round = 0;

	for (; !stop; round++) {
		for (int i = 0; i < 64; i++) {
			bad |= p[i * 1024 + 7] != round;
			p[i * 1024 + 7] = round + 1;
		}
	}
	return arg;
}

static void *maps(void *arg)
{
	while (!stop) {
		volatile char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		p[5000] = 1;
		mprotect((void *)p, 65536, PROT_READ);
		bad |= p[5000] != 1;
		munmap((void *)p, 65536);
	}
	return arg;
}

static void together(int seconds, void *(*const *fns)(void *), int nr)
{
	pthread_t t[8];
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESTART };
	struct timespec ts = { seconds, 0 };

	EXPECT_OK(sigaction(SIGUSR1, &sa, NULL));
	for (int i = 0; i < nr; i++)
		EXPECT_EQ(0, pthread_create(&t[i], NULL, fns[i], NULL));
	while (nanosleep(&ts, &ts) < 0)
		;
	stop = 1;
	for (int i = 0; i < nr; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, bad);
}

TEST(threads, creation_fork_and_signals_at_once)
{
	void *(*const fns[])(void *) = { makes_threads, makes_threads, forks,
					 signals };

	together(2, fns, 4);
	EXPECT_TRUE(hits > 5);
}

TEST(threads, memory_is_right_while_others_fork)
{
	void *(*const fns[])(void *) = { writes_memory, writes_memory, forks,
					 maps };

	together(2, fns, 4);
}

/*
 * What a child has is the memory of one moment: pages that are written one
 * after another are never ahead of their forerunners in it, be they those of a
 * futex that somebody waits for.
 */
enum { MOMENT_PAGES = 5 };
static struct {
	_Atomic uint32_t count, futex;
	char rest[4096 - 8];
} * moment;

static void *counts_in_turn(void *arg)
{
	for (uint32_t n = 1; !stop; n++)
		for (int i = 0; i < MOMENT_PAGES; i++)
			moment[i].count = n;
	return arg;
}

/* Each call looks at the word, which may be held for that. */
static void *waits_in_the_middle(void *arg)
{
	_Atomic uint32_t *word = &moment[(intptr_t)arg].futex;

	while (!stop)
		syscall(SYS_futex, word, FUTEX_WAIT, 1, NULL, NULL, 0);
	return NULL;
}

static int is_of_one_moment(void)
{
	uint32_t first = moment[0].count, seen = first;

	for (int i = 1; i < MOMENT_PAGES; i++) {
		uint32_t n = moment[i].count;
		if (n > seen || n + 1 < first)
			return 0;
		seen = n;
	}
	return 1;
}

TEST(threads, a_fork_is_of_one_moment)
{
	static const intptr_t waited[] = { 0, 2, MOMENT_PAGES - 1 };
	pthread_t counter, t[3];

	moment = EXPECT_OK(mmap(NULL, sizeof(*moment) * MOMENT_PAGES,
				PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_create(&t[i], NULL, waits_in_the_middle,
					    (void *)waited[i]));
	EXPECT_EQ(0, pthread_create(&counter, NULL, counts_in_turn, NULL));
	for (int i = 0; i < 100; i++)
		EXPECT_EXIT(0, CHILD(_exit(!is_of_one_moment())));
	stop = 1;
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
	EXPECT_EQ(0, pthread_join(counter, NULL));
}

/* A write fault at one address from all threads at once, after each fork. */
static volatile uint64_t *page;
static _Atomic int round_nr, done_nr;

static void *hits_the_page(void *arg)
{
	int seen = 0;
	intptr_t me = (intptr_t)arg;

	while (!stop) {
		int now = round_nr;
		if (now == seen) {
			sched_yield();
			continue;
		}
		seen = now;
		page[0] = (uint64_t)now;
		page[me] = (uint64_t)now;
		done_nr++;
	}
	return NULL;
}

TEST(threads, copy_on_write_of_one_page_by_all)
{
	enum { NR = 4 };
	pthread_t t[NR];

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (intptr_t i = 0; i < NR; i++)
		pthread_create(&t[i], NULL, hits_the_page, (void *)(i + 1));
	for (int r = 1; r <= 60; r++) {
		pid_t kid = CHILD(for (;;) pause());
		done_nr = 0;
		round_nr = r;
		EXPECT_SOON(done_nr == NR);
		for (int i = 0; i <= NR; i++)
			EXPECT_EQ(r, page[i]);
		EXPECT_OK(kill(kid, SIGKILL));
		EXPECT_KILLED(SIGKILL, kid);
	}
	stop = 1;
	for (int i = 0; i < NR; i++)
		pthread_join(t[i], NULL);
}

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;

static void *counts(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mu);
		counter++;
		pthread_mutex_unlock(&mu);
	}
	return arg;
}

TEST(threads, mutex_excludes)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, counts, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(80000, counter);
}

static int turn;

static void *takes_turns(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (int i = 0; i < 300; i++) {
		pthread_mutex_lock(&mu);
		while (turn % 3 != me)
			pthread_cond_wait(&cond, &mu);
		turn++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mu);
	}
	return NULL;
}

TEST(threads, condition_variables_lose_no_wakeup)
{
	pthread_t t[3];

	for (intptr_t i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, takes_turns, (void *)i);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(900, turn);
}

static void *waits_forever(void *arg)
{
	pause();
	return arg;
}

TEST(threads, cancellation)
{
	pthread_t t;
	void *res;

	for (int i = 0; i < 20; i++) {
		EXPECT_EQ(0, pthread_create(&t, NULL, waits_forever, NULL));
		EXPECT_EQ(0, pthread_cancel(t));
		EXPECT_EQ(0, pthread_join(t, &res));
		EXPECT_TRUE(res == PTHREAD_CANCELED);
	}
}

static __thread int local = 5;

static void *uses_local(void *arg)
{
	local += (int)(intptr_t)arg;
	sched_yield();
	return (void *)(intptr_t)local;
}

TEST(threads, thread_local_memory)
{
	pthread_t t[4];
	void *res;

	for (intptr_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, uses_local, (void *)i);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &res);
		EXPECT_EQ(5 + i, (intptr_t)res);
	}
	EXPECT_EQ(5, local);
}

static sem_t *sem;

TEST(threads, process_shared_semaphore)
{
	sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT_OK(sem_init(sem, 1, 0));
	pid_t kid = CHILD({
		for (int i = 0; i < 100; i++)
			sem_wait(sem);
	});
	for (int i = 0; i < 100; i++)
		EXPECT_OK(sem_post(sem));
	EXPECT_EXIT(0, kid);
}

TEST(threads, a_hundred_live_at_once)
{
	enum { NR = 100 };
	static pthread_t t[NR];
	pthread_attr_t a;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 65536);
	for (int i = 0; i < NR; i++)
		EXPECT_EQ(0, pthread_create(&t[i], &a, waits_forever, NULL));
	for (int i = 0; i < NR; i++) {
		EXPECT_EQ(0, pthread_cancel(t[i]));
		EXPECT_EQ(0, pthread_join(t[i], NULL));
	}
}

static void *fpu_work(void *arg)
{
	double x = (double)(intptr_t)arg + 0.5, y = 0;

	for (int i = 0; i < 200; i++) {
		y = 0;
		for (int j = 0; j < 1000; j++)
			y += x * j;
		sched_yield();
		bad |= y != x * 499500.0;
	}
	return NULL;
}

TEST(threads, floating_point_state_is_each_threads_own)
{
	pthread_t t[4];

	for (intptr_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, fpu_work, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, bad);
}

TEST(threads, names_in_proc)
{
	char path[60], name[20] = "";
	FILE *f;

	EXPECT_EQ(0, pthread_setname_np(pthread_self(), "abcdefg"));
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", gettid());
	f = fopen(path, "r");
	EXPECT_TRUE(f && fgets(name, sizeof(name), f));
	EXPECT_STR("abcdefg\n", name);
}

TEST_MAIN
