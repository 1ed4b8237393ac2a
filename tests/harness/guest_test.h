/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_test: how a conformance program is written.
 *
 *	TEST(eventfd, empty_nonblocking_read_says_eagain)
 *	{
 *		int fd = EXPECT_OK(eventfd(0, EFD_NONBLOCK));
 *		...
 *	}
 *	TEST_MAIN
 *
 * Each test runs in a process (and session) of its own with a time limit, so
 * that it may change anything and may hang.  Output is one line a test,
 * "ok NAME" or "not ok NAME: why", the same natively and in the sandbox; a
 * test that needs what the host lacks says SKIP("why").  The host kernel is the
 * oracle: run it natively first.
 *
 * A test starts in an empty directory of its own, below the directory that the
 * program is started in; scratch() gives it one elsewhere.  Both are gone after
 * the test, however it ends; names outside of them are not for tests: the
 * machine has files of others, and of runs that crashed.
 */
#ifndef TESTS_HARNESS_GUEST_TEST_H
#define TESTS_HARNESS_GUEST_TEST_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GUEST_TEST_MAX 400

struct guest_test {
	const char *name;
	void (*run)(void);
};

static struct guest_test guest_tests[GUEST_TEST_MAX];
static int guest_test_count;
static int guest_test_pipe = -1;
/* Its time limit, far beyond what a busy machine needs. */
static unsigned int guest_test_seconds = 60;
static volatile sig_atomic_t guest_test_late;
/* Name of the directories of this test: no other process has it. */
static char guest_test_tag[64];

#define TEST(suite, name)                                                   \
	static void test_##suite##_##name(void);                            \
	__attribute__((constructor)) static void reg_##suite##_##name(void) \
	{                                                                   \
		guest_tests[guest_test_count++] =                           \
			(struct guest_test){ #suite "." #name,              \
					     test_##suite##_##name };       \
	}                                                                   \
	static void test_##suite##_##name(void)

__attribute__((format(printf, 2, 3), noreturn, unused)) static void
guest_test_end(char verdict, const char *fmt, ...)
{
	char text[512] = { verdict };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + 1, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	if (write(guest_test_pipe, text, strlen(text)) < 0)
		_exit(3);
	_exit(verdict == 's' ? 0 : 1);
}

#define FAIL(...) guest_test_end('f', __VA_ARGS__)
#define SKIP(...) guest_test_end('s', __VA_ARGS__)

/* The expression must give >= 0 (or a pointer that is not MAP_FAILED). */
#define EXPECT_OK(expr)                                          \
	({                                                       \
		__typeof__(expr) ok_ = (expr);                   \
		if ((long)ok_ == -1)                             \
			FAIL("line %d: %s: %s", __LINE__, #expr, \
			     strerrorname_np(errno));            \
		ok_;                                             \
	})

/* The expression must give -1 with errno @err. */
#define EXPECT_ERRNO(err, expr)                                               \
	do {                                                                  \
		errno = 0;                                                    \
		long got_ = (long)(expr);                                     \
		if (got_ != -1)                                               \
			FAIL("line %d: %s gave %ld, not %s", __LINE__, #expr, \
			     got_, #err);                                     \
		if (errno != (err))                                           \
			FAIL("line %d: %s failed with %s, not %s", __LINE__,  \
			     #expr, strerrorname_np(errno), #err);            \
	} while (0)

#define EXPECT_EQ(want, expr)                                                  \
	do {                                                                   \
		long long want_ = (long long)(want), got_ = (long long)(expr); \
		if (want_ != got_)                                             \
			FAIL("line %d: %s is %lld, not %lld", __LINE__, #expr, \
			     got_, want_);                                     \
	} while (0)

#define EXPECT_TRUE(expr)                                             \
	do {                                                          \
		if (!(expr))                                          \
			FAIL("line %d: not so: %s", __LINE__, #expr); \
	} while (0)

#define EXPECT_STR(want, expr)                                          \
	do {                                                            \
		const char *want_ = (want), *got_ = (expr);             \
		if (strcmp(want_, got_))                                \
			FAIL("line %d: %s is \"%.80s\", not \"%.80s\"", \
			     __LINE__, #expr, got_, want_);             \
	} while (0)

/* Polls until @cond holds; fails after 30 s.  Nothing sleeps blindly. */
#define EXPECT_SOON(cond)                                                      \
	do {                                                                   \
		struct timespec ms_ = { 0, 1000000 };                          \
		int tries_ = 30000;                                            \
		while (!(cond) && tries_-- > 0)                                \
			nanosleep(&ms_, NULL);                                 \
		if (tries_ <= 0)                                               \
			FAIL("line %d: not within 30 s: %s", __LINE__, #cond); \
	} while (0)

/*
 * What /proc tells of thread @tid of any process: 'R' runs, 'S' sleeps in a
 * call, 'T' is stopped...; 0 if there is none.  To wait until somebody sleeps:
 * EXPECT_SOON(task_state(tid) == 'S').
 */
__attribute__((unused)) static char task_state(pid_t tid)
{
	char path[40], text[256] = "", *name_end;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	name_end = strrchr(text, ')');
	return name_end && name_end[1] ? name_end[2] : 0;
}

/* Forks a child that runs the statements and exits with 0; gives its pid. */
#define CHILD(...)                              \
	({                                      \
		pid_t pid_ = EXPECT_OK(fork()); \
		if (pid_ == 0) {                \
			__VA_ARGS__;            \
			_exit(0);               \
		}                               \
		pid_;                           \
	})

/* Waits for @pid and expects exit status @code. */
#define EXPECT_EXIT(code, pid)                                        \
	do {                                                          \
		int st_ = 0;                                          \
		EXPECT_OK(waitpid(pid, &st_, 0));                     \
		if (!WIFEXITED(st_) || WEXITSTATUS(st_) != (code))    \
			FAIL("line %d: wait status %#x, not exit %d", \
			     __LINE__, st_, (int)(code));             \
	} while (0)

#define EXPECT_KILLED(signo, pid)                                       \
	do {                                                            \
		int st_ = 0;                                            \
		EXPECT_OK(waitpid(pid, &st_, 0));                       \
		if (!WIFSIGNALED(st_) || WTERMSIG(st_) != (signo))      \
			FAIL("line %d: wait status %#x, not signal %d", \
			     __LINE__, st_, (int)(signo));              \
	} while (0)

/*
 * A directory of this test's own below @parent (see guest_test_tidy), made by
 * the first call, with mode 0777; it is removed after the test.
 * Valid until the next call.
 */
__attribute__((unused)) static char *scratch(const char *parent)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", parent, guest_test_tag);
	if (mkdir(path, 0777) == 0)
		EXPECT_OK(chmod(path, 0777));
	else if (errno != EEXIST)
		FAIL("mkdir %s: %s", path, strerrorname_np(errno));
	return path;
}

/* @name in scratch("/tmp"), in the buffer @path of @size bytes, as a string. */
#define SCRATCH_NAME(path, size, ...)                                   \
	do {                                                            \
		int at_ = snprintf(path, size, "%s/", scratch("/tmp")); \
		snprintf((path) + at_, (size_t)((int)(size)-at_),       \
			 __VA_ARGS__);                                  \
	} while (0)

/*
 * Removes @name of directory @at and all below it, as far as we may; what a
 * test mounted there stays.
 */
static void guest_test_remove(int at, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				.resolve =
					RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };
	struct dirent *e;
	DIR *dir;
	int fd;

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return;
	fchmodat(at, name, 0700, AT_SYMLINK_NOFOLLOW);
	fd = (int)syscall(SYS_openat2, at, name, &how, sizeof(how));
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			guest_test_remove(fd, e->d_name);
	if (dir)
		closedir(dir);
	unlinkat(at, name, AT_REMOVEDIR);
}

static void guest_test_tidy(void)
{
	static const char *const parents[] = { ".", "/tmp", "/var/tmp",
					       "/dev/shm" };

	for (size_t i = 0; i < sizeof(parents) / sizeof(*parents); i++) {
		int at = open(parents[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (at < 0)
			continue;
		guest_test_remove(at, guest_test_tag);
		close(at);
	}
}

static void guest_test_print(const struct guest_test *t, int status,
			     const char *text)
{
	if (text[0] == 's')
		printf("skip %s: %s\n", t->name, text + 1);
	else if (text[0] == 'f')
		printf("not ok %s: %s\n", t->name, text + 1);
	else if (guest_test_late)
		printf("not ok %s: took too long\n", t->name);
	else if (WIFSIGNALED(status))
		printf("not ok %s: %s\n", t->name,
		       sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		printf("not ok %s: exit status %d\n", t->name,
		       WEXITSTATUS(status));
	else
		printf("ok %s\n", t->name);
	fflush(stdout);
}

static void guest_test_on_alarm(int sig)
{
	(void)sig;
	guest_test_late = 1;
}

/* Waits for the end of the test, and ends it if that takes too long. */
static int guest_test_wait(pid_t pid)
{
	struct sigaction sa = { .sa_handler = guest_test_on_alarm };
	int status = 0;

	guest_test_late = 0;
	sigaction(SIGALRM, &sa, NULL);
	alarm(guest_test_seconds);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		if (guest_test_late)
			kill(pid, SIGKILL);
	alarm(0);
	signal(SIGALRM, SIG_DFL);
	return status;
}

static void guest_test_run(const struct guest_test *t)
{
	char text[512] = "";
	const char *run = getenv("GUEST_TEST_TAG");
	unsigned long random;
	int fds[2], status;
	pid_t pid;

	if (pipe(fds) < 0 || getrandom(&random, sizeof(random), 0) < 0)
		abort();
	snprintf(guest_test_tag, sizeof(guest_test_tag), "guest.%s%016lx",
		 run ? run : "", random);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setsid();
		guest_test_pipe = fds[1];
		close(fds[0]);
		if (access(".", W_OK) == 0 && chdir(scratch(".")))
			FAIL("chdir: %s", strerrorname_np(errno));
		t->run();
		_exit(0);
	}
	close(fds[1]);
	status = guest_test_wait(pid);
	/* What the test left behind in its group must not hold the pipe. */
	kill(-pid, SIGKILL);
	if (read(fds[0], text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fds[0]);
	guest_test_tidy();
	guest_test_print(t, status, text);
}

/* Arguments: names of tests to run (all by default). */
#define TEST_MAIN                                                              \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		for (int i = 0; i < guest_test_count; i++) {                   \
			int wanted = argc < 2;                                 \
			for (int a = 1; a < argc; a++)                         \
				wanted |=                                      \
					!strcmp(argv[a], guest_tests[i].name); \
			if (wanted)                                            \
				guest_test_run(&guest_tests[i]);               \
		}                                                              \
		return 0;                                                      \
	}

#endif
