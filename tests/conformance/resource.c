/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and usage: getrlimit(2), prlimit(2), getrusage(2), times(2). */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>

#include "tests/harness/guest_test.h"

static long us(struct timeval tv)
{
	return tv.tv_sec * 1000000 + tv.tv_usec;
}

static void burn(long want)
{
	struct rusage ru;
	volatile int x = 0;
	long start;

	EXPECT_OK(getrusage(RUSAGE_SELF, &ru));
	start = us(ru.ru_utime) + us(ru.ru_stime);
	do {
		for (int i = 0; i < 100000; i++)
			x++;
		EXPECT_OK(getrusage(RUSAGE_SELF, &ru));
	} while (us(ru.ru_utime) + us(ru.ru_stime) - start < want);
}

TEST(resource, limits_check)
{
	struct rlimit rl = { 100, 50 };

	EXPECT_ERRNO(EINVAL, setrlimit(RLIMIT_NOFILE, &rl));
	EXPECT_ERRNO(EINVAL, syscall(SYS_getrlimit, 16, &rl));
	EXPECT_ERRNO(EINVAL, syscall(SYS_setrlimit, 16, &rl));
	EXPECT_ERRNO(EFAULT, syscall(SYS_setrlimit, 16, 8));
	EXPECT_ERRNO(EFAULT, syscall(SYS_getrlimit, 7, 8));
	rl.rlim_max = 1 << 30; /* beyond nr_open */
	rl.rlim_cur = 1;
	EXPECT_ERRNO(EPERM, setrlimit(RLIMIT_NOFILE, &rl));
	EXPECT_ERRNO(ESRCH, prlimit(99999999, RLIMIT_NOFILE, NULL, &rl));
}

TEST(resource, limits_are_kept_and_inherited)
{
	struct rlimit rl = { 64, 128 }, got;

	EXPECT_OK(setrlimit(RLIMIT_NOFILE, &rl));
	EXPECT_OK(prlimit(0, RLIMIT_NOFILE, NULL, &got));
	EXPECT_TRUE(got.rlim_cur == 64 && got.rlim_max == 128);
	EXPECT_EXIT(64, CHILD({
			    getrlimit(RLIMIT_NOFILE, &got);
			    _exit((int)got.rlim_cur);
		    }));
	EXPECT_EXIT(0, CHILD(execl("/bin/sh", "sh", "-c",
				   "[ $(ulimit -n) = 64 ]", NULL)));
	/* Another process, by prlimit. */
	pid_t kid = CHILD(for (;;) pause());
	rl.rlim_cur = 70;
	EXPECT_OK(prlimit(kid, RLIMIT_NOFILE, &rl, &got));
	EXPECT_EQ(64, got.rlim_cur);
	EXPECT_OK(prlimit(kid, RLIMIT_NOFILE, NULL, &got));
	EXPECT_EQ(70, got.rlim_cur);
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_KILLED(SIGKILL, kid);
}

TEST(resource, raising_needs_privilege)
{
	struct rlimit rl = { 64, 128 };

	EXPECT_OK(setrlimit(RLIMIT_NOFILE, &rl));
	pid_t kid = CHILD({
		if (getuid() == 0 && setuid(1000))
			_exit(1);
		rl.rlim_max = 256;
		if (setrlimit(RLIMIT_NOFILE, &rl) != -1 || errno != EPERM)
			_exit(2);
		rl.rlim_max = 100;
		if (setrlimit(RLIMIT_NOFILE, &rl))
			_exit(3);
	});
	EXPECT_EXIT(0, kid);
}

TEST(resource, nofile)
{
	struct rlimit rl = { 20, 20 };
	int fd, last = -1;

	EXPECT_OK(setrlimit(RLIMIT_NOFILE, &rl));
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	EXPECT_EQ(EMFILE, errno);
	EXPECT_EQ(19, last);
	EXPECT_ERRNO(EBADF, dup2(0, 20));
	EXPECT_ERRNO(EINVAL, fcntl(0, F_DUPFD, 20));
}

static volatile int xfsz;

static void on_xfsz(int sig)
{
	(void)sig;
	xfsz++;
}

TEST(resource, fsize)
{
	struct rlimit rl = { 1000, 1000 };
	char name[] = "/tmp/res.XXXXXX", buf[700];
	int fd = EXPECT_OK(mkstemp(name));

	EXPECT_OK(unlink(name));
	signal(SIGXFSZ, on_xfsz);
	EXPECT_OK(setrlimit(RLIMIT_FSIZE, &rl));
	memset(buf, 1, sizeof(buf));
	EXPECT_EQ(700, write(fd, buf, 700));
	EXPECT_EQ(300, write(fd, buf, 700));
	EXPECT_EQ(0, xfsz);
	EXPECT_ERRNO(EFBIG, write(fd, buf, 700));
	EXPECT_EQ(1, xfsz);
	EXPECT_ERRNO(EFBIG, ftruncate(fd, 1001));
	EXPECT_EQ(2, xfsz);
}

TEST(resource, address_space)
{
	struct rlimit rl;

	EXPECT_OK(getrlimit(RLIMIT_AS, &rl));
	rl.rlim_cur = 64 << 20;
	EXPECT_OK(setrlimit(RLIMIT_AS, &rl));
	EXPECT_ERRNO(ENOMEM, mmap(NULL, 128 << 20, PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	EXPECT_OK(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0));
}

TEST(resource, cpu_limit_signals_and_kills)
{
	struct rlimit rl = { 1, 2 };
	pid_t kid = CHILD({
		volatile int x = 0;
		signal(SIGXCPU, SIG_IGN);
		if (setrlimit(RLIMIT_CPU, &rl))
			_exit(1);
		for (;;)
			x++;
	});
	EXPECT_KILLED(SIGKILL, kid);
	kid = CHILD({
		volatile int x = 0;
		rl.rlim_cur = 1;
		rl.rlim_max = 10;
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		if (setrlimit(RLIMIT_CPU, &rl))
			_exit(1);
		for (;;)
			x++;
	});
	EXPECT_KILLED(SIGXCPU, kid);
}

TEST(resource, usage_counts_user_time)
{
	struct rusage self, thread;
	struct tms t;

	burn(50000);
	EXPECT_OK(getrusage(RUSAGE_SELF, &self));
	EXPECT_OK(getrusage(RUSAGE_THREAD, &thread));
	EXPECT_TRUE(us(self.ru_utime) + us(self.ru_stime) >= 50000);
	EXPECT_TRUE(us(thread.ru_utime) + us(thread.ru_stime) >= 40000);
	EXPECT_TRUE(self.ru_maxrss > 0);
	EXPECT_TRUE(times(&t) != -1);
	EXPECT_TRUE(t.tms_utime + t.tms_stime >= 4);
	EXPECT_ERRNO(EINVAL, getrusage(5, &self));
	EXPECT_ERRNO(EFAULT, syscall(SYS_getrusage, RUSAGE_SELF, 8));
	EXPECT_ERRNO(EFAULT, syscall(SYS_times, 8));
}

static void *burner(void *arg)
{
	burn(30000);
	return arg;
}

TEST(resource, usage_of_dead_threads_and_children_is_kept)
{
	struct rusage ru, kids;
	pthread_t t;

	pthread_create(&t, NULL, burner, NULL);
	pthread_join(t, NULL);
	EXPECT_OK(getrusage(RUSAGE_SELF, &ru));
	EXPECT_TRUE(us(ru.ru_utime) + us(ru.ru_stime) >= 30000);
	pid_t kid = CHILD(burn(30000));
	EXPECT_OK(getrusage(RUSAGE_CHILDREN, &kids));
	EXPECT_EQ(0, us(kids.ru_utime));
	EXPECT_EXIT(0, kid);
	EXPECT_OK(getrusage(RUSAGE_CHILDREN, &kids));
	EXPECT_TRUE(us(kids.ru_utime) + us(kids.ru_stime) >= 29000);
}

TEST(resource, times_without_a_buffer)
{
	clock_t a = times(NULL), b;

	EXPECT_TRUE(a != -1);
	EXPECT_SOON((b = times(NULL)) - a >= 5);
}

TEST(resource, cpu_limit_of_a_running_process)
{
	struct rlimit lim = { 1, 5 };
	pid_t kid = CHILD(for (;;));

	EXPECT_OK(prlimit(kid, RLIMIT_CPU, &lim, NULL));
	EXPECT_KILLED(SIGXCPU, kid);
}

TEST_MAIN
