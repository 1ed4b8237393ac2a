/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: control groups, version 2 (cgroups(7)): the file system, membership,
 * freeze, kill, pids.max, memory.max, cpu.max, CLONE_INTO_CGROUP.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "tests/harness/guest_test.h"

#define CGROUP2_MAGIC 0x63677270

static char root[256];

/* Where cgroup2 is mounted. */
static void find_root(void)
{
	char line[1024], dir[256];
	FILE *f = fopen("/proc/self/mountinfo", "r");

	if (geteuid() != 0)
		SKIP("needs root");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*d %*d %*s %*s %255s", dir) == 1)
			strcpy(root, dir);
	if (f)
		fclose(f);
	if (!root[0])
		SKIP("no cgroup2 mounted");
}

static char *at(const char *group, const char *file)
{
	static char path[4][512];
	static int n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s%s%s", root, group,
		 file ? "/" : "", file ? file : "");
	return path[n];
}

static const char *get(const char *group, const char *file)
{
	static char text[4096];
	int fd = EXPECT_OK(open(at(group, file), O_RDONLY));
	ssize_t n = EXPECT_OK(read(fd, text, sizeof(text) - 1));

	text[n] = '\0';
	EXPECT_OK(close(fd));
	return text;
}

static ssize_t put(const char *group, const char *file, const char *text)
{
	int fd = EXPECT_OK(open(at(group, file), O_WRONLY));
	ssize_t n = write(fd, text, strlen(text));
	int err = errno;

	close(fd);
	errno = err;
	return n;
}

static long field(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	if (!p)
		FAIL("no %s in %s", name, text);
	return atol(p + strlen(name));
}

/* A group of this test's own, named by its pid. */
static const char *fresh(void)
{
	static char name[64];

	find_root();
	snprintf(name, sizeof(name), "moat-test-%d", getpid());
	EXPECT_OK(mkdir(at(name, NULL), 0755));
	return name;
}

static void done(const char *group)
{
	put(group, "cgroup.kill", "1");
	while (waitpid(-1, NULL, 0) > 0)
		;
	EXPECT_SOON(strstr(get(group, "cgroup.events"), "populated 0"));
	EXPECT_OK(rmdir(at(group, NULL)));
}

static void need_controller(const char *name)
{
	char plus[32];

	find_root();
	if (!strstr(get(".", "cgroup.controllers"), name))
		SKIP("no controller %s", name);
	snprintf(plus, sizeof(plus), "+%s", name);
	EXPECT_OK(put(".", "cgroup.subtree_control", plus));
}

static pid_t sleeper(void)
{
	pid_t pid = EXPECT_OK(fork());

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void join(const char *group, pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%d\n", pid);
	EXPECT_EQ(strlen(text), put(group, "cgroup.procs", text));
}

TEST(cgroup, file_system)
{
	struct statfs fs;
	struct stat st;

	find_root();
	EXPECT_OK(statfs(root, &fs));
	EXPECT_EQ(CGROUP2_MAGIC, fs.f_type);
	EXPECT_OK(stat(at(".", "cgroup.procs"), &st));
	EXPECT_EQ(S_IFREG | 0644, st.st_mode);
	EXPECT_OK(stat(at(".", "cgroup.controllers"), &st));
	EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	EXPECT_EQ(0, st.st_size);
}

TEST(cgroup, mkdir_rmdir)
{
	const char *g = fresh();
	char sub[128];

	EXPECT_ERRNO(EEXIST, mkdir(at(g, NULL), 0755));
	EXPECT_ERRNO(EPERM, unlink(at(g, "cgroup.procs")));
	EXPECT_TRUE(open(at(g, "file"), O_CREAT | O_WRONLY, 0644) < 0);
	snprintf(sub, sizeof(sub), "%s/sub", g);
	EXPECT_OK(mkdir(at(sub, NULL), 0755));
	EXPECT_EQ(1, field(get(g, "cgroup.stat"), "nr_descendants "));
	EXPECT_ERRNO(EBUSY, rmdir(at(g, NULL)));
	EXPECT_ERRNO(EINVAL, mkdir(at(g, "a\nb"), 0755));
	EXPECT_OK(rmdir(at(sub, NULL)));
	EXPECT_ERRNO(ENOENT, rmdir(at(sub, NULL)));
	done(g);
}

TEST(cgroup, max_depth_and_descendants)
{
	const char *g = fresh();
	char sub[128];

	EXPECT_STR("max\n", get(g, "cgroup.max.depth"));
	EXPECT_OK(put(g, "cgroup.max.depth", "1"));
	EXPECT_OK(put(g, "cgroup.max.descendants", "2"));
	EXPECT_ERRNO(ERANGE, put(g, "cgroup.max.depth", "-1"));
	EXPECT_ERRNO(EINVAL, put(g, "cgroup.max.depth", "x"));
	EXPECT_OK(mkdir(at(g, "a"), 0755));
	EXPECT_ERRNO(EAGAIN, mkdir(at(g, "a/b"), 0755));
	EXPECT_OK(mkdir(at(g, "b"), 0755));
	EXPECT_ERRNO(EAGAIN, mkdir(at(g, "c"), 0755));
	snprintf(sub, sizeof(sub), "%s/a", g);
	EXPECT_OK(rmdir(at(sub, NULL)));
	EXPECT_OK(rmdir(at(g, "b")));
	done(g);
}

TEST(cgroup, members)
{
	const char *g = fresh();
	char want[64];
	pid_t pid = sleeper();

	EXPECT_STR("", get(g, "cgroup.procs"));
	EXPECT_TRUE(strstr(get(g, "cgroup.events"), "populated 0\n"));
	join(g, pid);
	snprintf(want, sizeof(want), "%d\n", pid);
	EXPECT_STR(want, get(g, "cgroup.procs"));
	EXPECT_STR(want, get(g, "cgroup.threads"));
	EXPECT_TRUE(strstr(get(g, "cgroup.events"), "populated 1\n"));
	EXPECT_ERRNO(EBUSY, rmdir(at(g, NULL)));
	EXPECT_ERRNO(ESRCH, put(g, "cgroup.procs", "99999999"));
	EXPECT_ERRNO(EINVAL, put(g, "cgroup.procs", "x"));
	EXPECT_ERRNO(EINVAL, put(g, "cgroup.procs", "-1"));
	EXPECT_OK(kill(pid, SIGKILL));
	/* A zombie does not count. */
	EXPECT_SOON(strstr(get(g, "cgroup.events"), "populated 0\n"));
	EXPECT_OK(waitpid(pid, NULL, 0));
	done(g);
}

TEST(cgroup, own_path)
{
	const char *g = fresh();
	char path[64], want[128], text[512], tail[64];
	pid_t pid = sleeper();
	FILE *f;

	join(g, pid);
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	f = fopen(path, "r");
	EXPECT_TRUE(f);
	text[0] = '\0';
	while (fgets(text, sizeof(text), f))
		if (strncmp(text, "0::", 3) == 0)
			break;
	fclose(f);
	snprintf(tail, sizeof(tail), "/%s\n", g);
	snprintf(want, sizeof(want), "0::");
	EXPECT_TRUE(strncmp(text, want, 3) == 0 && strlen(text) > strlen(tail));
	EXPECT_STR(tail, text + strlen(text) - strlen(tail));
	done(g);
}

TEST(cgroup, children_inherit_and_zero_is_self)
{
	const char *g = fresh();
	int fd[2];
	char c;

	EXPECT_OK(pipe(fd));
	if (EXPECT_OK(fork()) == 0) {
		EXPECT_OK(put(g, "cgroup.procs", "0"));
		sleeper();
		EXPECT_OK(write(fd[1], "x", 1));
		pause();
	}
	EXPECT_EQ(1, read(fd[0], &c, 1));
	int lines = 0;
	for (const char *p = get(g, "cgroup.procs"); *p; p++)
		lines += *p == '\n';
	EXPECT_EQ(2, lines);
	done(g);
}

TEST(cgroup, removed_group_answers_enodev)
{
	const char *g = fresh();
	int fd = EXPECT_OK(open(at(g, "cgroup.procs"), O_RDWR));
	char c;

	EXPECT_OK(rmdir(at(g, NULL)));
	EXPECT_ERRNO(ENODEV, read(fd, &c, 1));
	EXPECT_ERRNO(ENODEV, write(fd, "0", 1));
}

static char state_of(pid_t pid)
{
	char path[64], text[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f))
		FAIL("no stat of %d", pid);
	fclose(f);
	return strrchr(text, ')')[2];
}

TEST(cgroup, freeze_and_thaw)
{
	const char *g = fresh();
	volatile long *beat = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = EXPECT_OK(fork());
	long seen;

	if (pid == 0)
		for (;;)
			++*beat;
	join(g, pid);
	EXPECT_STR("0\n", get(g, "cgroup.freeze"));
	EXPECT_ERRNO(ERANGE, put(g, "cgroup.freeze", "2"));
	EXPECT_ERRNO(ERANGE, put(g, "cgroup.freeze", "-1"));
	EXPECT_ERRNO(EINVAL, put(g, "cgroup.freeze", "on"));
	EXPECT_SOON(*beat > 0);
	EXPECT_OK(put(g, "cgroup.freeze", "1"));
	EXPECT_SOON(strstr(get(g, "cgroup.events"), "frozen 1\n"));
	seen = *beat;
	EXPECT_TRUE(state_of(pid) != 'R');
	for (int i = 0; i < 20; i++)
		sched_yield();
	EXPECT_EQ(seen, *beat);
	EXPECT_OK(put(g, "cgroup.freeze", "0"));
	EXPECT_SOON(*beat > seen);
	EXPECT_SOON(strstr(get(g, "cgroup.events"), "frozen 0\n"));
	done(g);
}

TEST(cgroup, frozen_sleeper_goes_on_sleeping)
{
	const char *g = fresh();
	int fd[2], st;
	pid_t pid;
	char c;

	EXPECT_OK(pipe(fd));
	pid = EXPECT_OK(fork());
	if (pid == 0)
		_exit(read(fd[0], &c, 1) == 1 ? c : 99);
	join(g, pid);
	EXPECT_OK(put(g, "cgroup.freeze", "1"));
	EXPECT_SOON(strstr(get(g, "cgroup.events"), "frozen 1\n"));
	EXPECT_OK(put(g, "cgroup.freeze", "0"));
	EXPECT_SOON(strstr(get(g, "cgroup.events"), "frozen 0\n"));
	EXPECT_OK(write(fd[1], "\7", 1));
	EXPECT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_EQ(7, WEXITSTATUS(st));
	done(g);
}

TEST(cgroup, frozen_can_be_killed)
{
	const char *g = fresh();
	pid_t pid = sleeper();
	int st;

	EXPECT_OK(put(g, "cgroup.freeze", "1"));
	join(g, pid);
	EXPECT_SOON(strstr(get(g, "cgroup.events"), "frozen 1\n"));
	EXPECT_OK(kill(pid, SIGKILL));
	EXPECT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(st));
	done(g);
}

TEST(cgroup, kill_takes_all_below)
{
	const char *g = fresh();
	char sub[128];
	pid_t a = sleeper(), b = sleeper();
	int st;

	snprintf(sub, sizeof(sub), "%s/sub", g);
	EXPECT_OK(mkdir(at(sub, NULL), 0755));
	join(g, a);
	join(sub, b);
	EXPECT_ERRNO(ERANGE, put(g, "cgroup.kill", "0"));
	EXPECT_OK(put(g, "cgroup.kill", "1"));
	EXPECT_EQ(a, waitpid(a, &st, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(st));
	EXPECT_EQ(b, waitpid(b, &st, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(st));
	EXPECT_SOON(strstr(get(sub, "cgroup.events"), "populated 0"));
	EXPECT_OK(rmdir(at(sub, NULL)));
	done(g);
}

TEST(cgroup, events_can_be_polled)
{
	const char *g = fresh();
	int fd = EXPECT_OK(open(at(g, "cgroup.events"), O_RDONLY));
	struct pollfd p = { .fd = fd, .events = POLLPRI };
	char text[128];
	pid_t pid = sleeper();

	EXPECT_OK(read(fd, text, sizeof(text)));
	EXPECT_EQ(0, poll(&p, 1, 0));
	join(g, pid);
	EXPECT_EQ(1, poll(&p, 1, 5000));
	EXPECT_TRUE(p.revents & POLLPRI);
	EXPECT_OK(pread(fd, text, sizeof(text), 0));
	EXPECT_EQ(0, poll(&p, 1, 0));
	EXPECT_OK(kill(pid, SIGKILL));
	EXPECT_EQ(1, poll(&p, 1, 5000));
	close(fd);
	done(g);
}

static long clone3_into(int fd, uint64_t flags)
{
	struct clone_args a = { .flags = CLONE_INTO_CGROUP | flags,
				.exit_signal =
					flags & CLONE_THREAD ? 0 : SIGCHLD,
				.cgroup = (uint64_t)fd };

	return syscall(SYS_clone3, &a, sizeof(a));
}

TEST(cgroup, clone_into)
{
	const char *g = fresh();
	int fd = EXPECT_OK(open(at(g, NULL), O_RDONLY | O_DIRECTORY));
	int other = EXPECT_OK(open("/", O_RDONLY | O_DIRECTORY));
	struct clone_args old = { .flags = CLONE_INTO_CGROUP,
				  .exit_signal = SIGCHLD };
	char want[32];
	long pid = clone3_into(fd, 0);

	if (pid == 0)
		for (;;)
			pause();
	EXPECT_OK(pid);
	snprintf(want, sizeof(want), "%ld\n", pid);
	EXPECT_STR(want, get(g, "cgroup.procs"));
	EXPECT_ERRNO(EBADF, clone3_into(other, 0));
	EXPECT_ERRNO(EBADF, clone3_into(1000, 0));
	EXPECT_ERRNO(EINVAL, clone3_into(-1, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clone3, &old, 80));
	done(g);
	EXPECT_ERRNO(ENOENT, clone3_into(fd, 0));
}

TEST(cgroup, no_internal_processes)
{
	const char *g;
	pid_t pid;

	need_controller("pids");
	g = fresh();
	pid = sleeper();
	join(g, pid);
	EXPECT_ERRNO(EBUSY, put(g, "cgroup.subtree_control", "+pids"));
	EXPECT_OK(kill(pid, SIGKILL));
	EXPECT_OK(waitpid(pid, NULL, 0));
	EXPECT_SOON(put(g, "cgroup.subtree_control", "+pids") > 0);
	pid = sleeper();
	char text[32];
	snprintf(text, sizeof(text), "%d", pid);
	EXPECT_ERRNO(EBUSY, put(g, "cgroup.procs", text));
	EXPECT_OK(kill(pid, SIGKILL));
	EXPECT_ERRNO(EINVAL, put(g, "cgroup.subtree_control", "+nosuch"));
	done(g);
}

TEST(cgroup, pids_max)
{
	const char *g;
	int st;

	need_controller("pids");
	g = fresh();
	EXPECT_STR("max\n", get(g, "pids.max"));
	EXPECT_ERRNO(EINVAL, put(g, "pids.max", "-1"));
	EXPECT_OK(put(g, "pids.max", "3"));
	if (EXPECT_OK(fork()) == 0) {
		EXPECT_OK(put(g, "cgroup.procs", "0"));
		sleeper();
		sleeper();
		_exit(fork() == -1 && errno == EAGAIN ? 0 : 1);
	}
	EXPECT_OK(wait(&st));
	EXPECT_EQ(0, st);
	EXPECT_EQ(2, atol(get(g, "pids.current")));
	EXPECT_EQ(3, atol(get(g, "pids.peak")));
	EXPECT_EQ(1, field(get(g, "pids.events"), "max "));
	done(g);
}

TEST(cgroup, memory_max_kills_inside_only)
{
	const char *g;
	size_t size = 64ul << 20;
	int st;
	pid_t pid;

	need_controller("memory");
	g = fresh();
	EXPECT_OK(put(g, "memory.max", "32M"));
	EXPECT_STR("33554432\n", get(g, "memory.max"));
	pid = EXPECT_OK(fork());
	if (pid == 0) {
		char *p;

		EXPECT_OK(put(g, "cgroup.procs", "0"));
		/* Either the mapping is refused, or its use kills. */
		p = mmap(NULL, 1ul << 32, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			raise(SIGKILL);
		for (size_t i = 0; i < size; i += 4096)
			p[i] = 1;
		_exit(0);
	}
	EXPECT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_TRUE(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
	EXPECT_EQ(1, field(get(g, "memory.events"), "oom_kill "));
	EXPECT_SOON(atol(get(g, "memory.current")) < 4 << 20);
	EXPECT_TRUE(atol(get(g, "memory.peak")) > 8 << 20);
	done(g);
}

TEST(cgroup, cpu_max_throttles)
{
	const char *g;
	struct timespec a, b;
	pid_t pid;
	long used;

	need_controller("cpu");
	g = fresh();
	EXPECT_STR("max 100000\n", get(g, "cpu.max"));
	EXPECT_ERRNO(EINVAL, put(g, "cpu.max", "10"));
	EXPECT_ERRNO(EINVAL, put(g, "cpu.max", "10000 100"));
	EXPECT_OK(put(g, "cpu.max", "20000 100000"));
	EXPECT_STR("20000 100000\n", get(g, "cpu.max"));
	pid = EXPECT_OK(fork());
	if (pid == 0) {
		EXPECT_OK(put(g, "cgroup.procs", "0"));
		for (;;)
			;
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	EXPECT_SOON(field(get(g, "cpu.stat"), "nr_throttled ") >= 3);
	clock_gettime(CLOCK_MONOTONIC, &b);
	used = field(get(g, "cpu.stat"), "usage_usec ");
	EXPECT_TRUE(used > 0);
	EXPECT_TRUE(used < ((b.tv_sec - a.tv_sec) * 1000000 +
			    (b.tv_nsec - a.tv_nsec) / 1000) /
					   2 +
				   100000);
	EXPECT_TRUE(field(get(g, "cpu.stat"), "throttled_usec ") > 0);
	done(g);
}

TEST_MAIN
