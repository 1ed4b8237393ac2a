/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execve(2), execveat(2): what it refuses and in which order, what survives,
 * scripts, and threads.
 *
 * A helper is this program itself with EXEC_SAY set: it prints what it sees.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

#define MAX_ARG_STRLEN (32 * 4096) /* not in a header of the host */

extern char **environ;

/* The plain call: it may be given what the prototype forbids. */
static long ex(const char *path, const void *argv, const void *envp)
{
	return syscall(SYS_execve, path, argv, envp);
}

static char dir[64];

static char *in_dir(const char *name)
{
	static char buf[16][PATH_MAX];
	static int nr;

	if (!dir[0])
		strcpy(dir, scratch("/tmp"));
	nr = (nr + 1) % 16;
	snprintf(buf[nr], sizeof(buf[nr]), "%s/%s", dir, name);
	return buf[nr];
}

static char *make_file(const char *name, const void *data, size_t size,
		       mode_t mode)
{
	char *path = in_dir(name);
	int fd = EXPECT_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700));

	EXPECT_EQ(size, write(fd, data, size));
	EXPECT_OK(fchmod(fd, mode));
	close(fd);
	return path;
}

static char *make_script(const char *name, const char *text)
{
	return make_file(name, text, strlen(text), 0755);
}

/* --- what the helper says ------------------------------------------------- */

static int ignored(int sig)
{
	struct sigaction sa;

	sigaction(sig, NULL, &sa);
	return sa.sa_handler == SIG_IGN;
}

static int defaulted(int sig)
{
	struct sigaction sa;

	sigaction(sig, NULL, &sa);
	return sa.sa_handler == SIG_DFL;
}

static void say_state(void)
{
	stack_t ss;
	sigset_t mask, pending;
	char comm[17] = "";
	int death = -1;

	sigaltstack(NULL, &ss);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigpending(&pending);
	prctl(PR_GET_NAME, comm);
	prctl(PR_GET_PDEATHSIG, &death);
	printf("leader %d usr1 dfl %d usr2 ign %d hup blocked %d pending %d "
	       "alt %d cloexec %d kept %d comm %s death %d dumpable %d\n",
	       getpid() == gettid(), defaulted(SIGUSR1), ignored(SIGUSR2),
	       sigismember(&mask, SIGHUP), sigismember(&pending, SIGHUP),
	       ss.ss_flags == SS_DISABLE, fcntl(100, F_GETFD) == -1,
	       fcntl(101, F_GETFD) == 0, comm, death, prctl(PR_GET_DUMPABLE));
}

__attribute__((constructor)) static void helper(void)
{
	const char *say = getenv("EXEC_SAY");
	char **line;
	int argc = 0;

	if (!say)
		return;
	FILE *f = fopen("/proc/self/cmdline", "r");
	static char buf[1 << 16];
	size_t n = f ? fread(buf, 1, sizeof(buf), f) : 0;

	for (size_t i = 0; i < n; i++)
		argc += buf[i] == 0;
	if (!strcmp(say, "args")) {
		for (size_t i = 0; i < n; i++)
			putchar(buf[i] ? buf[i] : '|');
		putchar('\n');
	} else if (!strcmp(say, "state")) {
		say_state();
	} else if (!strcmp(say, "env")) {
		for (line = environ; *line; line++)
			printf("%s|", *line);
		putchar('\n');
	} else if (!strcmp(say, "count")) {
		printf("%d\n", argc);
	} else if (!strcmp(say, "execfn")) {
		printf("%s\n", (char *)getauxval(AT_EXECFN));
	}
	fflush(stdout);
	_exit(argc == 0 ? 7 : 0);
}

/* Runs @body in a child whose output is read into @out. */
#define SAYS(out, body)                                                 \
	do {                                                            \
		int p_[2], st_;                                         \
		ssize_t n_, all_ = 0;                                   \
		EXPECT_OK(pipe(p_));                                    \
		pid_t k_ = EXPECT_OK(fork());                           \
		if (k_ == 0) {                                          \
			dup2(p_[1], 1);                                 \
			close(p_[0]);                                   \
			close(p_[1]);                                   \
			body;                                           \
			printf("errno %s\n", strerrorname_np(errno));   \
			fflush(stdout);                                 \
			_exit(1);                                       \
		}                                                       \
		close(p_[1]);                                           \
		while ((n_ = read(p_[0], out + all_,                    \
				  sizeof(out) - 1 - (size_t)all_)) > 0) \
			all_ += n_;                                     \
		out[all_] = 0;                                          \
		close(p_[0]);                                           \
		EXPECT_EQ(k_, waitpid(k_, &st_, 0));                    \
	} while (0)

static char *self_args[] = { "self", NULL };
static char *no_env[] = { NULL };

/* --- refusals ------------------------------------------------------------- */

TEST(exec, paths_that_lead_nowhere)
{
	char *file = make_file("plain", "x", 1, 0755);
	char longname[PATH_MAX + 10], through[PATH_MAX];

	EXPECT_ERRNO(ENOENT, ex("/nonexistent", self_args, no_env));
	EXPECT_ERRNO(ENOENT, ex("", self_args, no_env));
	EXPECT_ERRNO(EFAULT, ex((char *)8, self_args, no_env));
	snprintf(through, sizeof(through), "%s/x", file);
	EXPECT_ERRNO(ENOTDIR, ex(through, self_args, no_env));
	memset(longname, 'a', sizeof(longname));
	longname[sizeof(longname) - 1] = 0;
	EXPECT_ERRNO(ENAMETOOLONG, ex(longname, self_args, no_env));
	longname[0] = '/';
	longname[300] = 0;
	EXPECT_ERRNO(ENAMETOOLONG, ex(longname, self_args, no_env));
	EXPECT_OK(symlink("loop", in_dir("loop")));
	EXPECT_ERRNO(ELOOP, ex(in_dir("loop"), self_args, no_env));
}

TEST(exec, files_that_are_not_programs)
{
	char *fifo = in_dir("fifo");

	EXPECT_ERRNO(EACCES, ex("/", self_args, no_env));
	EXPECT_ERRNO(EACCES, ex(make_file("noexec",
					  "\x7f"
					  "ELF",
					  4, 0644),
				self_args, no_env));
	EXPECT_ERRNO(ENOEXEC, ex(make_file("text", "echo hi\n", 8, 0755),
				 self_args, no_env));
	EXPECT_ERRNO(ENOEXEC,
		     ex(make_file("empty", "", 0, 0755), self_args, no_env));
	EXPECT_ERRNO(ENOEXEC, ex(make_file("short",
					   "\x7f"
					   "ELF",
					   4, 0755),
				 self_args, no_env));
	EXPECT_OK(mkfifo(fifo, 0755));
	EXPECT_ERRNO(EACCES, ex(fifo, self_args, no_env));
	EXPECT_ERRNO(EACCES, ex("/dev/null", self_args, no_env));
}

TEST(exec, no_search_permission)
{
	char *sub = in_dir("sub");

	if (getuid() == 0)
		EXPECT_OK(chmod(dir, 0755));
	EXPECT_OK(mkdir(sub, 0700));
	make_script("sub/s", "#!/bin/sh\n");
	EXPECT_OK(chmod(sub, 0600));
	if (getuid() == 0) {
		EXPECT_OK(setgid(12345));
		EXPECT_OK(setuid(12345));
	}
	EXPECT_ERRNO(EACCES, ex(in_dir("sub/s"), self_args, no_env));
}

TEST(exec, bad_vectors)
{
	char *bad[] = { "self", (char *)8, NULL };

	EXPECT_ERRNO(EFAULT, ex("/bin/true", (char **)8, no_env));
	EXPECT_ERRNO(EFAULT, ex("/bin/true", self_args, (char **)8));
	EXPECT_ERRNO(EFAULT, ex("/bin/true", bad, no_env));
	EXPECT_ERRNO(EFAULT, ex("/bin/true", self_args, bad));
	/* The file is looked up before the strings are read. */
	EXPECT_ERRNO(ENOENT, ex("/nonexistent", bad, no_env));
}

TEST(exec, one_string_is_at_most_128_k)
{
	char *big = malloc(MAX_ARG_STRLEN + 1), out[200];
	char *args[] = { "self", big, NULL };
	char *env[] = { "EXEC_SAY=count", NULL };

	memset(big, 'a', MAX_ARG_STRLEN);
	big[MAX_ARG_STRLEN] = 0;
	EXPECT_ERRNO(E2BIG, ex("/proc/self/exe", args, env));
	big[MAX_ARG_STRLEN - 1] = 0;
	SAYS(out, ex("/proc/self/exe", args, env));
	EXPECT_TRUE(out[0] == '1' || out[0] == '2');
}

TEST(exec, all_strings_are_at_most_a_quarter_of_the_stack)
{
	enum { EACH = 100000, NR = 40 };
	static char *args[NR + 1];
	struct rlimit rl;

	EXPECT_OK(getrlimit(RLIMIT_STACK, &rl));
	if (rl.rlim_cur != RLIM_INFINITY && rl.rlim_cur > (8u << 20))
		rl.rlim_cur = 8 << 20;
	rl.rlim_cur = 1 << 20;
	EXPECT_OK(setrlimit(RLIMIT_STACK, &rl));
	for (int i = 0; i < NR; i++) {
		args[i] = malloc(EACH);
		memset(args[i], 'b', EACH - 1);
		args[i][EACH - 1] = 0;
	}
	EXPECT_ERRNO(E2BIG, ex("/bin/true", args, no_env));
	EXPECT_ERRNO(E2BIG, ex("/bin/true", self_args, args));
	/* Pointers count too. */
	args[3] = NULL;
	char **many = calloc(200000, sizeof(*many));
	for (int i = 0; i < 199999; i++)
		many[i] = "";
	EXPECT_ERRNO(E2BIG, ex("/bin/true", many, no_env));
}

TEST(exec, a_file_open_for_writing_is_busy)
{
	char out[200];
	char *path = make_script("busy", "#!/bin/sh\necho ran\n");
	int fd = EXPECT_OK(open(path, O_WRONLY | O_CLOEXEC));

	SAYS(out, ex(path, self_args, no_env));
	EXPECT_STR("errno ETXTBSY\n", out);
	close(fd);
	SAYS(out, ex(path, self_args, no_env));
	EXPECT_STR("ran\n", out);
}

TEST(exec, a_failure_leaves_everything)
{
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 }, now;
	int fd = EXPECT_OK(open("/dev/null", O_RDONLY | O_CLOEXEC));

	signal(SIGUSR1, SIG_IGN);
	EXPECT_OK(sigaltstack(&ss, NULL));
	EXPECT_OK(prctl(PR_SET_NAME, "before"));
	EXPECT_ERRNO(ENOEXEC,
		     ex(make_file("text", "hi", 2, 0755), self_args, no_env));
	EXPECT_TRUE(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	EXPECT_TRUE(ignored(SIGUSR1));
	EXPECT_OK(sigaltstack(NULL, &now));
	EXPECT_TRUE(now.ss_sp == ss.ss_sp);
	char comm[17] = "";
	EXPECT_OK(prctl(PR_GET_NAME, comm));
	EXPECT_STR("before", comm);
}

/* --- what the new program sees -------------------------------------------- */

static void nothing(int sig)
{
	(void)sig;
}

static void prepare_state(void)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	sigset_t hup;

	signal(SIGUSR1, nothing);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hup, NULL);
	raise(SIGHUP);
	sigaltstack(&ss, NULL);
	int null = open("/dev/null", O_RDONLY);
	dup3(null, 100, O_CLOEXEC);
	dup2(null, 101);
	prctl(PR_SET_NAME, "before");
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	prctl(PR_SET_DUMPABLE, 0);
}

#define STATE_AS(comm)                                                  \
	"leader 1 usr1 dfl 1 usr2 ign 1 hup blocked 1 pending 1 alt 1 " \
	"cloexec 1 kept 1 comm " comm " death 12 dumpable 1\n"
#define STATE	 STATE_AS("exe")
#define STATE_OF STATE_AS("%.15s")

static char *say_state_env[] = { "EXEC_SAY=state", NULL };

TEST(exec, what_is_kept_and_what_is_reset)
{
	char out[300];

	SAYS(out, {
		prepare_state();
		ex("/proc/self/exe", self_args, say_state_env);
	});
	EXPECT_STR(STATE, out);
}

TEST(exec, without_arguments_there_is_an_empty_one)
{
	char *env[] = { "EXEC_SAY=args", NULL }, out[100];
	char *none[] = { NULL };

	SAYS(out, ex("/proc/self/exe", none, env));
	EXPECT_STR("|\n", out);
	SAYS(out, ex("/proc/self/exe", NULL, env));
	EXPECT_STR("|\n", out);
}

TEST(exec, environment_is_what_was_given)
{
	char *env[] = { "EXEC_SAY=env", "A=1", "", "odd", NULL }, out[100];

	SAYS(out, ex("/proc/self/exe", self_args, env));
	EXPECT_STR("EXEC_SAY=env|A=1||odd|\n", out);
}

TEST(exec, pid_parent_and_group_stay)
{
	pid_t kid = CHILD({
		char cmd[200];
		setpgid(0, 0);
		snprintf(cmd, sizeof(cmd),
			 "set -- $(cut -d' ' -f1,4,5 /proc/$$/stat);"
			 "[ $1 = %d ] && [ $2 = %d ] && [ $3 = %d ]",
			 getpid(), getppid(), getpgrp());
		execl("/bin/sh", "sh", "-c", cmd, NULL);
	});

	EXPECT_EXIT(0, kid);
}

TEST(exec, a_timer_and_an_alarm_go_on)
{
	pid_t kid = CHILD({
		alarm(1);
		execl("/bin/sleep", "sleep", "19", NULL);
	});

	EXPECT_KILLED(SIGALRM, kid);
}

/* --- scripts -------------------------------------------------------------- */

static char *args_env[] = { "EXEC_SAY=args", NULL };

/* A copy of this program, for lines that are too short for /proc/self/exe. */
static const char *interp(void)
{
	static char path[100];
	char self[PATH_MAX] = "";

	EXPECT_OK(readlink("/proc/self/exe", self, sizeof(self) - 1));
	snprintf(path, sizeof(path), "%s", in_dir("i"));
	EXPECT_OK(symlink(self, path));
	return path;
}

TEST(exec, a_script_gets_interpreter_one_argument_and_its_path)
{
	char out[600], want[600], text[400],
		*args[] = { "zero", "a", "b", NULL };
	const char *i = interp();

	snprintf(text, sizeof(text), "#! \t %s  x y \t\nrest\n", i);
	char *path = strdup(make_script("s", text));
	SAYS(out, ex(path, args, args_env));
	snprintf(want, sizeof(want), "%s|x y|%s|a|b|\n", i, path);
	EXPECT_STR(want, out);

	snprintf(text, sizeof(text), "#!%s\n", i);
	path = strdup(make_script("s2", text));
	SAYS(out, ex(path, args, args_env));
	snprintf(want, sizeof(want), "%s|%s|a|b|\n", i, path);
	EXPECT_STR(want, out);

	/* The end of the file ends the line too. */
	snprintf(text, sizeof(text), "#!%s arg", i);
	path = strdup(make_script("s3", text));
	SAYS(out, ex(path, args, args_env));
	snprintf(want, sizeof(want), "%s|arg|%s|a|b|\n", i, path);
	EXPECT_STR(want, out);
}

TEST(exec, scripts_may_nest_four_deep)
{
	char text[300], out[1000];
	char *prev = strdup(interp()), *path = NULL;

	for (int i = 1; i <= 7; i++) {
		char name[10];
		snprintf(text, sizeof(text), "#!%s\n", prev);
		snprintf(name, sizeof(name), "n%d", i);
		path = prev = strdup(make_script(name, text));
		if (i == 5) {
			SAYS(out, ex(path, self_args, args_env));
			EXPECT_TRUE(!strncmp(out, in_dir("i|"), 10));
		}
	}
	EXPECT_ERRNO(ELOOP, ex(path, self_args, args_env));
}

TEST(exec, bad_scripts)
{
	char text[1000];

	EXPECT_ERRNO(ENOENT, ex(make_script("a", "#!/nonexistent\n"), self_args,
				no_env));
	EXPECT_ERRNO(ENOEXEC, ex(make_script("b", "#!\n"), self_args, no_env));
	EXPECT_ERRNO(ENOEXEC,
		     ex(make_script("c", "#!   \n"), self_args, no_env));
	EXPECT_ERRNO(EACCES, ex(make_script("d", "#!/\n"), self_args, no_env));
	/* A name that the 256 bytes cut off is no name. */
	memset(text, 'a', sizeof(text));
	memcpy(text, "#!/", 3);
	EXPECT_ERRNO(ENOEXEC, ex(make_file("e", text, sizeof(text), 0755),
				 self_args, no_env));
}

TEST(exec, a_long_argument_of_a_script_is_cut)
{
	char text[1000], out[1000], head[200];
	const char *i = interp();
	int n = snprintf(head, sizeof(head), "#!%s ", i);

	memset(text, 'x', sizeof(text));
	memcpy(text, head, (size_t)n);
	text[998] = '\n';
	char *path = make_file("long", text, 999, 0755);
	SAYS(out, ex(path, self_args, args_env));
	/* interpreter, the rest of 255 or 256 bytes, path */
	char *x = strchr(out, '|') + 1;
	size_t len = strcspn(x, "|");
	EXPECT_TRUE(len >= 254u - (size_t)n && len <= 256u - (size_t)n);
}

/* --- execveat ------------------------------------------------------------- */

static long at(int fd, const char *path, char **argv, char **envp, int flags)
{
	return syscall(SYS_execveat, fd, path, argv, envp, flags);
}

TEST(exec, at_descriptor)
{
	char out[1000], want[1000], *env[] = { "EXEC_SAY=execfn", NULL };
	int fd = EXPECT_OK(open("/proc/self/exe", O_PATH | O_CLOEXEC));
	int d;

	SAYS(out, at(fd, "", self_args, env, AT_EMPTY_PATH));
	snprintf(want, sizeof(want), "/dev/fd/%d\n", fd);
	EXPECT_STR(want, out);
	interp();
	d = EXPECT_OK(open(dir, O_PATH | O_DIRECTORY));
	SAYS(out, at(d, "i", self_args, env, 0));
	snprintf(want, sizeof(want), "/dev/fd/%d/i\n", d);
	EXPECT_STR(want, out);
	SAYS(out, at(AT_FDCWD, in_dir("i"), self_args, env, 0));
	snprintf(want, sizeof(want), "%s\n", in_dir("i"));
	EXPECT_STR(want, out);
	EXPECT_ERRNO(ELOOP, at(d, "i", self_args, env, AT_SYMLINK_NOFOLLOW));
}

TEST(exec, at_errors)
{
	int fd = EXPECT_OK(open("/dev/null", O_RDONLY));
	char *script = make_script("s", "#!/bin/true\n");
	int s = EXPECT_OK(open(script, O_RDONLY | O_CLOEXEC));

	EXPECT_ERRNO(EBADF, at(99, "x", self_args, no_env, 0));
	EXPECT_ERRNO(ENOTDIR, at(fd, "x", self_args, no_env, 0));
	EXPECT_ERRNO(ENOENT, at(fd, "", self_args, no_env, 0));
	/* The name is read before the flags are looked at. */
	EXPECT_ERRNO(ENOENT, at(fd, "", self_args, no_env, 0x80));
	EXPECT_ERRNO(EINVAL, at(fd, "/bin/true", self_args, no_env, 0x80));
	EXPECT_ERRNO(EACCES, at(fd, "", self_args, no_env, AT_EMPTY_PATH));
	/* The interpreter could not open a descriptor that is closed. */
	EXPECT_ERRNO(ENOENT, at(s, "", self_args, no_env, AT_EMPTY_PATH));
}

TEST(exec, script_by_descriptor)
{
	char out[1000], want[1000], *env[] = { "EXEC_SAY=execfn", NULL };
	char *script = make_script("s", "#!/bin/sh\necho \"$0\" \"$1\"\n");
	char *args[] = { "x", "y", NULL };
	int s = EXPECT_OK(open(script, O_RDONLY));

	SAYS(out, at(s, "", args, env, AT_EMPTY_PATH));
	snprintf(want, sizeof(want), "/dev/fd/%d y\n", s);
	EXPECT_STR(want, out);
}

/* --- threads -------------------------------------------------------------- */

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

static char self_path[PATH_MAX];

static void *do_exec(void *arg)
{
	(void)arg;
	prepare_state();
	ex(self_path[0] ? self_path : "/proc/self/exe", self_args,
	   say_state_env);
	_exit(99);
}

TEST(exec, from_another_thread_takes_the_leaders_place)
{
	char out[300];

	for (int i = 0; i < 10; i++) {
		SAYS(out, {
			pthread_t t;
			for (int j = 0; j < 3; j++)
				pthread_create(&t, NULL, j ? sleeper : spinner,
					       NULL);
			pthread_create(&t, NULL, do_exec, NULL);
			for (;;)
				pause();
		});
		EXPECT_STR(STATE, out);
	}
}

TEST(exec, after_the_leader_has_gone)
{
	char out[300], *exe, want[400];

	/* /proc/self is a dead thread then, and has no exe. */
	EXPECT_OK(readlink("/proc/self/exe", self_path, PATH_MAX - 1));
	exe = strrchr(self_path, '/') + 1;
	SAYS(out, {
		pthread_t t;
		pthread_create(&t, NULL, do_exec, NULL);
		syscall(SYS_exit, 5);
	});
	snprintf(want, sizeof(want), STATE_OF, exe);
	EXPECT_STR(want, out);
}

static void *exec_true(void *arg)
{
	ex("/bin/true", self_args, no_env);
	_exit(98);
	return arg;
}

TEST(exec, two_threads_at_once_one_wins)
{
	for (int i = 0; i < 15; i++) {
		pid_t kid = CHILD({
			pthread_t t;
			pthread_create(&t, NULL, exec_true, NULL);
			pthread_create(&t, NULL, exec_true, NULL);
			exec_true(NULL);
		});
		EXPECT_EXIT(0, kid);
	}
}

static void *exec_nowhere(void *arg)
{
	if (ex("/nonexistent", self_args, no_env) == -1 && errno == ENOENT)
		*(int *)arg = 1;
	return NULL;
}

TEST(exec, a_failure_leaves_the_other_threads)
{
	volatile int done = 0, fail = 0;
	pthread_t t, s;

	pthread_create(&s, NULL, sleeper, NULL);
	pthread_create(&t, NULL, exec_nowhere, (void *)&done);
	pthread_join(t, NULL);
	EXPECT_EQ(1, done);
	EXPECT_EQ(0, fail);
	EXPECT_EQ(0, pthread_kill(s, 0));
	EXPECT_OK(syscall(SYS_tgkill, getpid(), gettid(), 0));
}

TEST(exec, a_killed_process_does_not_exec_half)
{
	for (int i = 0; i < 30; i++) {
		int st = 0;
		pid_t kid = CHILD({
			pthread_t t;
			pthread_create(&t, NULL, sleeper, NULL);
			execl("/bin/sleep", "sleep", "19", NULL);
		});
		struct timespec ts = { 0, i * 300000 };

		nanosleep(&ts, NULL);
		EXPECT_OK(kill(kid, SIGKILL));
		EXPECT_EQ(kid, waitpid(kid, &st, 0));
		EXPECT_TRUE(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
	}
}

TEST(exec, vfork_parent_goes_on_when_the_child_execs)
{
	pid_t kid = vfork();
	int fds;

	if (kid == 0) {
		execl("/bin/sleep", "sleep", "19", NULL);
		_exit(1);
	}
	EXPECT_TRUE(kid > 0);
	fds = kill(kid, SIGTERM);
	EXPECT_EQ(0, fds);
	EXPECT_KILLED(SIGTERM, kid);
}

TEST(exec, setuid_bit_sets_the_user_unless_no_new_privs)
{
	char out[100], cmd[PATH_MAX + 100];

	if (getuid())
		SKIP("needs root");
	snprintf(cmd, sizeof(cmd), "cp /usr/bin/id %s", in_dir("id"));
	EXPECT_EQ(0, system(cmd));
	EXPECT_OK(chown(in_dir("id"), 4321, 4321));
	EXPECT_OK(chmod(in_dir("id"), 04755));
	EXPECT_OK(chmod(dir, 0755));
	char *args[] = { "id", "-u", NULL };
	SAYS(out, ex(in_dir("id"), args, no_env));
	EXPECT_STR("4321\n", out);
	SAYS(out, {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		ex(in_dir("id"), args, no_env);
	});
	EXPECT_STR("0\n", out);
}

TEST_MAIN
