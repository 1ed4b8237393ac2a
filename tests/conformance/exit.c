/* SPDX-License-Identifier: Apache-2.0 */
/* exit(2), exit_group(2): what dies, what is told, what is given back. */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *spinner(void *arg)
{
	volatile int x = 0;

	for (;;)
		x++;
	return arg;
}

static void threads(int nr)
{
	pthread_t t;

	for (int i = 0; i < nr; i++)
		pthread_create(&t, NULL, i ? sleeper : spinner, NULL);
}

TEST(exit, group_takes_all_threads)
{
	pid_t kid = CHILD({
		threads(4);
		syscall(SYS_exit_group, 258);
	});

	EXPECT_EXIT(2, kid);
}

static void *group_exit_17(void *arg)
{
	syscall(SYS_exit_group, 17);
	return arg;
}

TEST(exit, any_thread_may_end_the_group)
{
	pid_t kid = CHILD({
		pthread_t t;
		threads(2);
		pthread_create(&t, NULL, group_exit_17, NULL);
		for (;;)
			pause();
	});

	EXPECT_EXIT(17, kid);
}

TEST(exit, first_status_counts_when_threads_race)
{
	for (int i = 0; i < 30; i++) {
		int st = 0;
		pid_t kid = CHILD({
			pthread_t t;
			pthread_create(&t, NULL, group_exit_17, NULL);
			pthread_create(&t, NULL, group_exit_17, NULL);
			syscall(SYS_exit_group, 18);
		});
		EXPECT_EQ(kid, waitpid(kid, &st, 0));
		EXPECT_TRUE(WIFEXITED(st) &&
			    (WEXITSTATUS(st) == 17 || WEXITSTATUS(st) == 18));
	}
}

TEST(exit, of_one_thread_leaves_the_others)
{
	void *one(void *arg)
	{
		syscall(SYS_exit, 5);
		return arg;
	}
	pid_t kid = CHILD({
		pthread_t t;
		pthread_create(&t, NULL, one, NULL);
		pthread_join(t, NULL);
		_exit(44);
	});

	EXPECT_EXIT(44, kid);
}

static void *late_group_exit(void *arg)
{
	char path[50];
	char state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", getpid());
	do {
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d %*s %c", &state) != 1)
			_exit(90);
		fclose(f);
	} while (state != 'Z');
	_exit(3);
	return arg;
}

TEST(exit, leader_is_a_zombie_until_the_last_thread)
{
	pid_t kid = CHILD({
		pthread_t t;
		pthread_create(&t, NULL, late_group_exit, NULL);
		syscall(SYS_exit, 1);
	});

	EXPECT_EXIT(3, kid);
}

TEST(exit, kill_of_a_dead_leader_reaches_the_threads)
{
	pid_t kid = CHILD({
		threads(2);
		syscall(SYS_exit, 1);
	});
	struct timespec ts = { 0, 50000000 };

	nanosleep(&ts, NULL);
	EXPECT_EQ(0, waitpid(kid, NULL, WNOHANG));
	EXPECT_OK(kill(kid, SIGTERM));
	EXPECT_KILLED(SIGTERM, kid);
}

TEST(exit, clears_the_tid_and_wakes)
{
	static _Atomic uint32_t *word;
	int st;

	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*word = 1;
	/* With one user of the memory only, Linux leaves the word alone. */
	pid_t kid = CHILD({
		syscall(SYS_set_tid_address, word);
		_exit(0);
	});
	EXPECT_EQ(kid, waitpid(kid, &st, 0));
	EXPECT_EQ(1, *word);
	int run(void *arg)
	{
		struct timespec ts = { 0, 20000000 };
		nanosleep(&ts, NULL);
		return arg != NULL;
	}
	static char stack[65536];
	*word = 1;
	kid = clone(run, stack + sizeof(stack),
		    CLONE_VM | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID |
			    SIGCHLD,
		    NULL, NULL, NULL, word);
	EXPECT_TRUE(kid > 0);
	while (*word != 0)
		syscall(SYS_futex, word, FUTEX_WAIT, (uint32_t)kid, NULL, NULL,
			0);
	EXPECT_EXIT(0, kid);
}

TEST(exit, descriptors_close_when_the_last_user_dies)
{
	int p[2];
	char c;

	EXPECT_OK(pipe(p));
	pid_t kid = CHILD({
		close(p[0]);
		threads(2);
		raise(SIGKILL);
	});
	close(p[1]);
	EXPECT_EQ(0, read(p[0], &c, 1));
	EXPECT_KILLED(SIGKILL, kid);
}

TEST(exit, children_get_a_new_parent)
{
	int p[2];
	pid_t got[2];

	EXPECT_OK(pipe(p));
	EXPECT_OK(prctl(PR_SET_CHILD_SUBREAPER, 0));
	pid_t kid = CHILD({
		pid_t old = getpid();
		if (fork() == 0) {
			EXPECT_SOON(getppid() != old);
			got[0] = getppid();
			got[1] = old;
			if (write(p[1], got, sizeof(got)) < 0)
				_exit(1);
		}
	});
	EXPECT_EXIT(0, kid);
	EXPECT_EQ(sizeof(got), read(p[0], got, sizeof(got)));
	EXPECT_EQ(kid, got[1]);
	EXPECT_TRUE(got[0] != kid);
}

TEST(exit, of_the_parent_sends_the_death_signal)
{
	int p[2], st;
	char c;
	pid_t kid, grand = 0;

	EXPECT_OK(pipe(p));
	EXPECT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	kid = CHILD({
		int ready[2];
		if (pipe(ready))
			_exit(1);
		grand = fork();
		if (grand == 0) {
			prctl(PR_SET_PDEATHSIG, SIGUSR1);
			if (write(ready[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		if (read(ready[0], &c, 1) != 1 ||
		    write(p[1], &grand, sizeof(grand)) < 0)
			_exit(1);
	});
	EXPECT_EXIT(0, kid);
	EXPECT_EQ(sizeof(grand), read(p[0], &grand, sizeof(grand)));
	EXPECT_EQ(grand, waitpid(grand, &st, 0));
	EXPECT_TRUE(WIFSIGNALED(st) && WTERMSIG(st) == SIGUSR1);
}

TEST(exit, death_signal_follows_the_thread_that_forked)
{
	static _Atomic int kid;
	static int ready[2];
	char c;
	void *forker(void *arg)
	{
		kid = fork();
		if (kid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGUSR1);
			if (write(ready[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		if (read(ready[0], arg, 1) != 1)
			FAIL("no message");
		return NULL;
	}
	pthread_t t;

	EXPECT_OK(pipe(ready));
	pthread_create(&t, NULL, forker, &c);
	pthread_join(t, NULL);
	/* The process lives on; the parent thread does not. */
	EXPECT_KILLED(SIGUSR1, kid);
}

TEST(exit, many_deaths_at_random_moments)
{
	for (int i = 0; i < 40; i++) {
		int st;
		pid_t kid = CHILD({
			threads(3);
			if (i % 3 == 0)
				execl("/bin/true", "true", NULL);
			if (i % 3 == 1)
				_exit(0);
			for (;;)
				pause();
		});
		struct timespec ts = { 0, i * 150000 };

		nanosleep(&ts, NULL);
		kill(kid, SIGKILL);
		EXPECT_EQ(kid, waitpid(kid, &st, 0));
	}
}

TEST(exit, core_signals_mark_no_core_without_a_limit)
{
	int st;
	pid_t kid = CHILD({
		prctl(PR_SET_DUMPABLE, 0);
		raise(SIGQUIT);
	});

	EXPECT_EQ(kid, waitpid(kid, &st, 0));
	EXPECT_TRUE(WIFSIGNALED(st) && WTERMSIG(st) == SIGQUIT);
	EXPECT_EQ(0, WCOREDUMP(st));
}

TEST_MAIN
