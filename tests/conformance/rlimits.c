/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rlimits: what each resource limit does (getrlimit(2)), on both sides of it;
 * NOFILE, FSIZE, AS and CPU are in resource.c.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static void limit(int which, rlim_t cur)
{
	struct rlimit r;

	EXPECT_OK(getrlimit(which, &r));
	r.rlim_cur = cur;
	EXPECT_OK(setrlimit(which, &r));
}

static void become_nobody(void)
{
	if (geteuid() != 0)
		return;
	EXPECT_OK(setresgid(65533, 65533, 65533));
	EXPECT_OK(setresuid(65533, 65533, 65533));
}

TEST(rlimits, nproc)
{
	pid_t pid;
	int st;

	if (geteuid() != 0)
		SKIP("needs root");
	become_nobody();
	limit(RLIMIT_NPROC, 2);
	pid = EXPECT_OK(fork());
	if (pid == 0) {
		EXPECT_ERRNO(EAGAIN, fork());
		_exit(0);
	}
	EXPECT_OK(waitpid(pid, &st, 0));
	EXPECT_EQ(0, st);
	limit(RLIMIT_NPROC, 1);
	EXPECT_ERRNO(EAGAIN, fork());
	limit(RLIMIT_NPROC, 0);
	EXPECT_ERRNO(EAGAIN, fork());
}

static void *nothing(void *arg)
{
	return arg;
}

TEST(rlimits, nproc_counts_threads)
{
	pthread_t t;

	if (geteuid() != 0)
		SKIP("needs root");
	become_nobody();
	limit(RLIMIT_NPROC, 1);
	EXPECT_EQ(EAGAIN, pthread_create(&t, NULL, nothing, NULL));
}

/* setuid() itself succeeds; the program that comes next does not start. */
TEST(rlimits, nproc_exceeded_by_setuid)
{
	char *argv[] = { "true", NULL }, c;
	pid_t pid, other;
	int st, fd[2];

	if (geteuid() != 0)
		SKIP("needs root");
	EXPECT_OK(pipe(fd));
	other = EXPECT_OK(fork());
	if (other == 0) {
		become_nobody();
		EXPECT_OK(write(fd[1], "x", 1));
		for (;;)
			pause();
	}
	EXPECT_EQ(1, read(fd[0], &c, 1));
	pid = EXPECT_OK(fork());
	if (pid == 0) {
		limit(RLIMIT_NPROC, 0);
		become_nobody();
		execv("/bin/true", argv);
		_exit(errno);
	}
	EXPECT_OK(waitpid(pid, &st, 0));
	EXPECT_EQ(EAGAIN, WEXITSTATUS(st));
	pid = EXPECT_OK(fork());
	if (pid == 0) {
		limit(RLIMIT_NPROC, 0);
		become_nobody();
		limit(RLIMIT_NPROC, 10);
		execv("/bin/true", argv);
		_exit(errno);
	}
	EXPECT_OK(waitpid(pid, &st, 0));
	EXPECT_EQ(0, st);
	EXPECT_OK(kill(other, SIGKILL));
}

static int deep(int n)
{
	volatile char pad[4096];

	pad[0] = (char)n;
	return n ? deep(n - 1) + pad[0] : 0;
}

TEST(rlimits, stack)
{
	pid_t pid;
	int st;

	limit(RLIMIT_STACK, 1 << 20);
	pid = EXPECT_OK(fork());
	if (pid == 0)
		_exit(deep(100) == 12345);
	EXPECT_OK(waitpid(pid, &st, 0));
	EXPECT_EQ(0, st);
	pid = EXPECT_OK(fork());
	if (pid == 0)
		_exit(deep(1000) == 12345);
	EXPECT_OK(waitpid(pid, &st, 0));
	EXPECT_TRUE(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
}

TEST(rlimits, data)
{
	char *end = sbrk(0), *p;

	limit(RLIMIT_DATA, 4 << 20);
	EXPECT_ERRNO(ENOMEM, sbrk(8 << 20));
	EXPECT_TRUE(sbrk(0) == end);
	EXPECT_ERRNO(ENOMEM, mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	/* Neither shared nor read-only memory is data. */
	EXPECT_OK(mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	p = EXPECT_OK(mmap(NULL, 8 << 20, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	EXPECT_ERRNO(ENOMEM, mprotect(p, 8 << 20, PROT_READ | PROT_WRITE));
}

TEST(rlimits, memlock)
{
	char *p;

	become_nobody();
	limit(RLIMIT_MEMLOCK, 16 * 4096);
	p = EXPECT_OK(mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	EXPECT_OK(mlock(p, 16 * 4096));
	EXPECT_ERRNO(ENOMEM, mlock(p + 16 * 4096, 4096));
	EXPECT_OK(mlock(p, 4096)); /* is locked already */
	EXPECT_TRUE(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1,
			 0) == MAP_FAILED);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_OK(munlock(p, 16 * 4096));
	limit(RLIMIT_MEMLOCK, 0);
	EXPECT_ERRNO(EPERM, mlock(p, 4096));
}

TEST(rlimits, sigpending)
{
	sigset_t all;
	int n = 0;

	become_nobody();
	sigfillset(&all);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &all, NULL));
	limit(RLIMIT_SIGPENDING, 5);
	while (n < 100 &&
	       sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }) == 0)
		n++;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_TRUE(n >= 4 && n <= 5);
	/* kill() always gets its one through. */
	EXPECT_OK(kill(getpid(), SIGUSR1));
	EXPECT_OK(sigpending(&all));
	EXPECT_EQ(1, sigismember(&all, SIGUSR1));
	timer_t t;
	EXPECT_ERRNO(EAGAIN, timer_create(CLOCK_MONOTONIC, NULL, &t));
}

TEST(rlimits, nice)
{
	become_nobody();
	EXPECT_OK(setpriority(PRIO_PROCESS, 0, 10));
	limit(RLIMIT_NICE, 0);
	EXPECT_ERRNO(EACCES, setpriority(PRIO_PROCESS, 0, 9));
	EXPECT_OK(setpriority(PRIO_PROCESS, 0, 11));
}

TEST(rlimits, nice_allows)
{
	struct rlimit r = { 15, 15 };

	if (geteuid() != 0 || setrlimit(RLIMIT_NICE, &r) < 0)
		SKIP("needs CAP_SYS_RESOURCE");
	become_nobody();
	EXPECT_OK(setpriority(PRIO_PROCESS, 0, 10));
	EXPECT_OK(setpriority(PRIO_PROCESS, 0, 5));
	EXPECT_ERRNO(EACCES, setpriority(PRIO_PROCESS, 0, 4));
}

TEST(rlimits, rtprio)
{
	struct sched_param p = { .sched_priority = 1 };

	become_nobody();
	limit(RLIMIT_RTPRIO, 0);
	EXPECT_ERRNO(EPERM, sched_setscheduler(0, SCHED_FIFO, &p));
}

/* Kept and told, without effect, as on Linux since 2.4.25 and 2.4.30. */
TEST(rlimits, locks_and_rss_have_no_effect)
{
	struct flock fl = { .l_type = F_WRLCK, .l_len = 1 };
	char name[] = "/tmp/rlimits.XXXXXX", *p;
	int fd = EXPECT_OK(mkstemp(name));

	EXPECT_OK(unlink(name));
	limit(RLIMIT_LOCKS, 0);
	EXPECT_OK(fcntl(fd, F_SETLK, &fl));
	limit(RLIMIT_RSS, 4096);
	p = EXPECT_OK(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	memset(p, 1, 1 << 20);
}

TEST(rlimits, msgqueue_and_rttime_are_kept)
{
	struct rlimit r;

	limit(RLIMIT_MSGQUEUE, 1000);
	EXPECT_OK(getrlimit(RLIMIT_MSGQUEUE, &r));
	EXPECT_EQ(1000, r.rlim_cur);
	limit(RLIMIT_RTTIME, 5000000);
	EXPECT_OK(getrlimit(RLIMIT_RTTIME, &r));
	EXPECT_EQ(5000000, r.rlim_cur);
}

TEST_MAIN
