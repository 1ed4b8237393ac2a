/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_task: files of /proc/PID about what a process does and uses (proc(5)):
 * syscall, wchan, io, oom_*, sched, timers, timerslack_ns, coredump_filter,
 * personality, pagemap, clear_refs, numa_maps, attr, stat, status.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static char text[65536];

static char *path_of(pid_t pid, const char *file)
{
	static char path[2][128];
	static int n;

	n = !n;
	snprintf(path[n], sizeof(path[n]), "/proc/%d/%s", pid, file);
	return path[n];
}

static const char *get(pid_t pid, const char *file)
{
	int fd = EXPECT_OK(open(path_of(pid, file), O_RDONLY));
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		FAIL("reading %s: %s", file, strerrorname_np(errno));
	text[len] = '\0';
	EXPECT_OK(close(fd));
	return text;
}

static ssize_t put(pid_t pid, const char *file, const char *what)
{
	int fd = open(path_of(pid, file), O_WRONLY), err;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, what, strlen(what));
	err = errno;
	close(fd);
	errno = err;
	return n;
}

static long field(const char *from, const char *name)
{
	const char *p = strstr(from, name);

	if (!p)
		FAIL("no %s in: %.200s", name, from);
	return atol(p + strlen(name));
}

/* A child that sleeps in read(2) on a pipe that never gets anything. */
static pid_t reader(int *out_fd)
{
	int fd[2];
	char c;
	pid_t pid;

	EXPECT_OK(pipe(fd));
	*out_fd = fd[0];
	pid = EXPECT_OK(fork());
	if (pid == 0) {
		if (read(fd[0], &c, 77))
			_exit(1);
		_exit(0);
	}
	EXPECT_SOON(strchr("S", strrchr(get(pid, "stat"), ')')[2]));
	return pid;
}

static void end(pid_t pid)
{
	EXPECT_OK(kill(pid, SIGKILL));
	EXPECT_OK(waitpid(pid, NULL, 0));
}

TEST(proc_task, syscall_of_a_sleeper)
{
	unsigned long nr, a0, a1, a2, rest[5];
	int fd;
	pid_t pid = reader(&fd);

	EXPECT_EQ(9, sscanf(get(pid, "syscall"),
			    "%lu 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx "
			    "0x%lx\n",
			    &nr, &a0, &a1, &a2, &rest[0], &rest[1], &rest[2],
			    &rest[3], &rest[4]));
	EXPECT_EQ(SYS_read, nr);
	EXPECT_EQ(fd, a0);
	EXPECT_EQ(77, a2);
	end(pid);
}

TEST(proc_task, syscall_of_a_runner)
{
	pid_t pid = EXPECT_OK(fork());

	if (pid == 0)
		for (;;)
			;
	EXPECT_SOON(strcmp(get(pid, "syscall"), "running\n") == 0);
	end(pid);
}

TEST(proc_task, syscall_of_self)
{
	EXPECT_EQ(SYS_read, strtol(get(getpid(), "syscall"), NULL, 0));
}

TEST(proc_task, wchan)
{
	int fd;
	pid_t pid = reader(&fd);

	EXPECT_TRUE(strstr(get(pid, "wchan"), "pipe_read"));
	end(pid);
	EXPECT_STR("0", get(getpid(), "wchan"));
}

TEST(proc_task, io_counts)
{
	long rchar, wchar, syscr, syscw;
	int fd = EXPECT_OK(open("/dev/null", O_WRONLY)), fd2;
	char buf[100];

	get(getpid(), "io");
	rchar = field(text, "rchar: ");
	wchar = field(text, "wchar: ");
	syscr = field(text, "syscr: ");
	syscw = field(text, "syscw: ");
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(100, write(fd, buf, 100));
	fd2 = EXPECT_OK(open("/dev/zero", O_RDONLY));
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(50, read(fd2, buf, 50));
	EXPECT_ERRNO(EFAULT, read(fd2, NULL, 50));
	get(getpid(), "io");
	EXPECT_EQ(wchar + 1000, field(text, "wchar: "));
	EXPECT_EQ(syscw + 10, field(text, "syscw: "));
	/* The reads of io itself count too. */
	EXPECT_TRUE(field(text, "rchar: ") >= rchar + 250);
	EXPECT_TRUE(field(text, "rchar: ") < rchar + 250 + 400);
	EXPECT_EQ(syscr + 6 + 2, field(text, "syscr: "));
	EXPECT_EQ(0, field(text, "cancelled_write_bytes: "));
}

static void *write_some(void *arg)
{
	EXPECT_EQ(700, write(*(int *)arg, text, 700));
	return NULL;
}

TEST(proc_task, io_of_threads_and_children)
{
	int fd = EXPECT_OK(open("/dev/null", O_WRONLY));
	long before = field(get(getpid(), "io"), "wchar: ");
	pthread_t t;
	pid_t pid;

	EXPECT_EQ(0, pthread_create(&t, NULL, write_some, &fd));
	EXPECT_EQ(0, pthread_join(t, NULL));
	EXPECT_SOON(field(get(getpid(), "io"), "wchar: ") == before + 700);
	pid = EXPECT_OK(fork());
	if (pid == 0)
		_exit(write(fd, text, 300) != 300);
	EXPECT_OK(waitpid(pid, NULL, 0));
	EXPECT_EQ(before + 1000, field(get(getpid(), "io"), "wchar: "));
}

TEST(proc_task, oom_score_adj)
{
	EXPECT_STR("0\n", get(getpid(), "oom_score_adj"));
	EXPECT_ERRNO(EINVAL, put(getpid(), "oom_score_adj", "1001"));
	EXPECT_ERRNO(EINVAL, put(getpid(), "oom_score_adj", "-1001"));
	EXPECT_ERRNO(EINVAL, put(getpid(), "oom_score_adj", "x"));
	EXPECT_OK(put(getpid(), "oom_score_adj", "500\n"));
	EXPECT_STR("500\n", get(getpid(), "oom_score_adj"));
	EXPECT_STR("8\n", get(getpid(), "oom_adj"));
	EXPECT_TRUE(atol(get(getpid(), "oom_score")) >= 1000);
	if (geteuid() != 0) {
		/* Back down to where it began, not below. */
		EXPECT_OK(put(getpid(), "oom_score_adj", "0"));
		EXPECT_ERRNO(EACCES, put(getpid(), "oom_score_adj", "-1"));
		return;
	}
	if (put(getpid(), "oom_score_adj", "-1000") < 0) {
		EXPECT_EQ(EACCES, errno); /* no CAP_SYS_RESOURCE */
		return;
	}
	EXPECT_STR("-17\n", get(getpid(), "oom_adj"));
	EXPECT_STR("0\n", get(getpid(), "oom_score"));
	pid_t pid = EXPECT_OK(fork());
	if (pid == 0)
		_exit(strcmp(get(getpid(), "oom_score_adj"), "-1000\n") != 0);
	int st;
	EXPECT_OK(waitpid(pid, &st, 0));
	EXPECT_EQ(0, st);
}

TEST(proc_task, oom_adj)
{
	EXPECT_ERRNO(EINVAL, put(getpid(), "oom_adj", "16"));
	EXPECT_ERRNO(EINVAL, put(getpid(), "oom_adj", "-18"));
	EXPECT_OK(put(getpid(), "oom_adj", "15"));
	EXPECT_STR("1000\n", get(getpid(), "oom_score_adj"));
	EXPECT_STR("15\n", get(getpid(), "oom_adj"));
	if (put(getpid(), "oom_adj", "8") < 0) {
		EXPECT_EQ(EACCES, errno);
		return;
	}
	EXPECT_STR("470\n", get(getpid(), "oom_score_adj"));
}

TEST(proc_task, comm)
{
	EXPECT_OK(put(getpid(), "comm", "a-long-name-of-17"));
	EXPECT_STR("a-long-name-of-\n", get(getpid(), "comm"));
	int fd;
	pid_t pid = reader(&fd);
	EXPECT_ERRNO(EINVAL, put(pid, "comm", "other"));
	end(pid);
}

TEST(proc_task, coredump_filter)
{
	EXPECT_EQ(0x33, strtol(get(getpid(), "coredump_filter"), NULL, 16));
	EXPECT_OK(put(getpid(), "coredump_filter", "0x7f\n"));
	EXPECT_STR("0000007f\n", get(getpid(), "coredump_filter"));
	EXPECT_OK(put(getpid(), "coredump_filter", "17"));
	EXPECT_STR("00000011\n", get(getpid(), "coredump_filter"));
	EXPECT_ERRNO(EINVAL, put(getpid(), "coredump_filter", "x"));
	pid_t pid = EXPECT_OK(fork());
	if (pid == 0)
		_exit(strcmp(get(getpid(), "coredump_filter"), "00000011\n"));
	int st;
	EXPECT_OK(waitpid(pid, &st, 0));
	EXPECT_EQ(0, st);
}

TEST(proc_task, personality)
{
	EXPECT_OK(personality(ADDR_NO_RANDOMIZE));
	EXPECT_STR("00040000\n", get(getpid(), "personality"));
}

TEST(proc_task, timerslack)
{
	EXPECT_OK(prctl(PR_SET_TIMERSLACK, 12345));
	EXPECT_STR("12345\n", get(getpid(), "timerslack_ns"));
	EXPECT_OK(put(getpid(), "timerslack_ns", "777\n"));
	EXPECT_EQ(777, prctl(PR_GET_TIMERSLACK));
	EXPECT_ERRNO(EINVAL, put(getpid(), "timerslack_ns", "x"));
}

TEST(proc_task, timers)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGUSR1,
			       .sigev_value.sival_ptr = (void *)0x1234 };
	char want[128];
	timer_t t;

	EXPECT_STR("", get(getpid(), "timers"));
	EXPECT_OK(timer_create(CLOCK_BOOTTIME, &ev, &t));
	snprintf(want, sizeof(want),
		 "ID: 0\nsignal: 10/0000000000001234\n"
		 "notify: signal/pid.%d\nClockID: 7\n",
		 getpid());
	EXPECT_STR(want, get(getpid(), "timers"));
	EXPECT_OK(timer_delete(t));
	EXPECT_STR("", get(getpid(), "timers"));
}

TEST(proc_task, sched)
{
	get(getpid(), "sched");
	EXPECT_TRUE(strstr(text, "se.sum_exec_runtime"));
	EXPECT_TRUE(strstr(text, "nr_voluntary_switches"));
	EXPECT_TRUE(strstr(text, "\npolicy "));
	unsigned long run, wait, slices;
	EXPECT_EQ(3, sscanf(get(getpid(), "schedstat"), "%lu %lu %lu", &run,
			    &wait, &slices));
	EXPECT_TRUE(run > 0 && slices > 0);
}

static uint64_t pagemap(const void *p)
{
	int fd = EXPECT_OK(open("/proc/self/pagemap", O_RDONLY));
	uint64_t e;

	EXPECT_EQ(8, pread(fd, &e, 8, (off_t)((uintptr_t)p / 4096 * 8)));
	close(fd);
	return e;
}

TEST(proc_task, pagemap)
{
	size_t size = 256ul << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = EXPECT_OK(open("/proc/self/pagemap", O_RDONLY));
	uint64_t two[2];

	p[0] = 1;
	EXPECT_TRUE(pagemap(p) >> 63);
	EXPECT_EQ(0, pagemap(p + size - 4096) >> 63);
	EXPECT_EQ(0, pagemap(p) >> 62 & 1);
	if (geteuid() != 0)
		EXPECT_EQ(0, pagemap(p) & ((1ull << 55) - 1));
	EXPECT_EQ(16, pread(fd, two, 16, (off_t)((uintptr_t)p / 4096 * 8)));
	EXPECT_ERRNO(EINVAL, pread(fd, two, 7, 0));
	EXPECT_ERRNO(EINVAL, pread(fd, two, 8, 3));
	EXPECT_EQ(0, pread(fd, two, 8, 1ll << 60));
	EXPECT_OK(munmap(p, size));
	EXPECT_EQ(0, pagemap(p));
}

TEST(proc_task, clear_refs)
{
	struct stat st;

	EXPECT_OK(stat("/proc/self/clear_refs", &st));
	EXPECT_EQ(S_IFREG | 0200, st.st_mode);
	for (const char *v = "12345"; *v; v++) {
		char one[2] = { *v, 0 };

		EXPECT_OK(put(getpid(), "clear_refs", one));
	}
	EXPECT_ERRNO(EINVAL, put(getpid(), "clear_refs", "0"));
	EXPECT_ERRNO(EINVAL, put(getpid(), "clear_refs", "6"));
	EXPECT_ERRNO(EINVAL, put(getpid(), "clear_refs", "x"));
}

TEST(proc_task, peaks)
{
	size_t size = 32 << 20;
	char *p;
	long vm, rss;

	vm = field(get(getpid(), "status"), "VmPeak:");
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(p, 1, size);
	get(getpid(), "status");
	EXPECT_TRUE(field(text, "VmRSS:") >= 32 << 10);
	EXPECT_TRUE(field(text, "RssAnon:") >= 32 << 10);
	EXPECT_TRUE(field(text, "VmSize:") >= vm + (30 << 10));
	EXPECT_OK(munmap(p, size));
	get(getpid(), "status");
	EXPECT_TRUE(field(text, "VmPeak:") >= vm + (30 << 10));
	EXPECT_TRUE(field(text, "VmHWM:") >= 32 << 10);
	rss = field(text, "VmRSS:");
	EXPECT_TRUE(rss < 32 << 10);
	EXPECT_OK(put(getpid(), "clear_refs", "5"));
	EXPECT_TRUE(field(get(getpid(), "status"), "VmHWM:") < 32 << 10);
}

TEST(proc_task, shared_memory_is_counted_apart)
{
	size_t size = 8 << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(p, 1, size);
	get(getpid(), "status");
	EXPECT_TRUE(field(text, "RssShmem:") >= 8 << 10);
	EXPECT_TRUE(field(text, "RssAnon:") < 8 << 10);
}

TEST(proc_task, numa_maps)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char want[64];

	p[0] = p[4096] = 1;
	get(getpid(), "numa_maps");
	EXPECT_TRUE(strstr(text, " stack "));
	EXPECT_TRUE(strstr(text, "default file=/"));
	EXPECT_TRUE(strstr(text, "kernelpagesize_kB=4"));
	snprintf(want, sizeof(want), "%lx default", (unsigned long)p);
	EXPECT_TRUE(strstr(text, " default"));
}

TEST(proc_task, attr)
{
	int fd = open("/proc/self/attr/current", O_RDONLY);
	char c;

	if (fd < 0)
		SKIP("no attr");
	if (read(fd, &c, 1) >= 0)
		SKIP("a security module");
	EXPECT_EQ(EINVAL, errno);
}

/* stat fields that a program can know. */
TEST(proc_task, stat_of_self)
{
	char *p, state;
	int ppid, pgrp, sid, tty, tpgid;
	unsigned int flags;
	long cutime, cstime, prio, nice, threads;
	unsigned long minflt, cminflt, majflt, cmajflt, utime, stime;

	EXPECT_OK(setpriority(0, 0, 7));
	get(getpid(), "stat");
	EXPECT_EQ(getpid(), atoi(text));
	p = strrchr(text, ')') + 2;
	EXPECT_EQ(18, sscanf(p,
			     "%c %d %d %d %d %d %u %lu %lu %lu %lu %lu %lu %ld "
			     "%ld %ld %ld %ld",
			     &state, &ppid, &pgrp, &sid, &tty, &tpgid, &flags,
			     &minflt, &cminflt, &majflt, &cmajflt, &utime,
			     &stime, &cutime, &cstime, &prio, &nice, &threads));
	EXPECT_EQ('R', state);
	EXPECT_EQ(getppid(), ppid);
	EXPECT_EQ(getpgrp(), pgrp);
	EXPECT_EQ(getsid(0), sid);
	EXPECT_EQ(27, prio);
	EXPECT_EQ(7, nice);
	EXPECT_EQ(1, threads);
	EXPECT_EQ(0x40, flags & 0x40); /* PF_FORKNOEXEC: a child of the test */
}

TEST(proc_task, stat_counts_children)
{
	long cutime = 0, cstime = 0;
	pid_t pid = EXPECT_OK(fork());

	if (pid == 0) {
		struct timespec t;

		do
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
		while (t.tv_nsec < 60000000 && t.tv_sec == 0);
		_exit(0);
	}
	EXPECT_OK(waitpid(pid, NULL, 0));
	sscanf(strrchr(get(getpid(), "stat"), ')') + 2,
	       "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %ld %ld",
	       &cutime, &cstime);
	EXPECT_TRUE(cutime + cstime >= 4);
}

/* A file of a dead process answers ESRCH, a cached one keeps its text. */
TEST(proc_task, files_of_the_dead)
{
	static const char *const files[] = { "stat",  "status",	 "statm",
					     "comm",  "limits",	 "io",
					     "sched", "syscall", "oom_score",
					     "wchan" };
	int fds[16], fd;
	pid_t pid = reader(&fd);
	char c;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		fds[i] = EXPECT_OK(open(path_of(pid, files[i]), O_RDONLY));
	end(pid);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		EXPECT_ERRNO(ESRCH, read(fds[i], &c, 1));
	EXPECT_ERRNO(ENOENT, open(path_of(pid, "stat"), O_RDONLY));
}

TEST(proc_task, partial_reads_fit_together)
{
	char a[8192], b[8192];
	int fd = EXPECT_OK(open("/proc/self/limits", O_RDONLY));
	ssize_t n = EXPECT_OK(read(fd, a, sizeof(a))), m = 0, got;

	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	while ((got = read(fd, b + m, 7)) > 0)
		m += got;
	EXPECT_EQ(n, m);
	EXPECT_EQ(0, memcmp(a, b, (size_t)n));
	EXPECT_EQ(5, pread(fd, b, 5, 10));
	EXPECT_EQ(0, memcmp(a + 10, b, 5));
}

/* What others may see of a process that is not theirs. */
TEST(proc_task, strangers_see_little)
{
	static const char *const secret[] = { "syscall",     "io",
					      "personality", "auxv",
					      "environ",     "pagemap",
					      "mem",	     "stack" };
	int fd;
	pid_t pid, st;

	if (geteuid() != 0)
		SKIP("needs root");
	pid = reader(&fd);
	if (EXPECT_OK(fork()) == 0) {
		EXPECT_OK(setgid(65534));
		EXPECT_OK(setuid(65534));
		for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
			EXPECT_ERRNO(EACCES,
				     open(path_of(pid, secret[i]), O_RDONLY));
		get(pid, "stat");
		get(pid, "status");
		EXPECT_STR("0", get(pid, "wchan"));
		EXPECT_ERRNO(EACCES, put(pid, "oom_score_adj", "5"));
		char link[64];
		EXPECT_ERRNO(EACCES, readlink(path_of(pid, "exe"), link, 64));
		EXPECT_ERRNO(EACCES, readlink(path_of(pid, "cwd"), link, 64));
		_exit(0);
	}
	EXPECT_OK(wait(&st));
	EXPECT_EQ(0, st);
	end(pid);
}

TEST_MAIN
