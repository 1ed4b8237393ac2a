/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp(2): inheritance, threads, tracers, what is no system call, /proc. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "tests/conformance/seccomp_filters.h"

/* --- inheritance ---------------------------------------------------------- */

TEST(seccomp, fork_inherits_and_status_shows)
{
	EXPECT_EQ(0, own_status_field("Seccomp"));
	EXPECT_EQ(0, own_status_field("Seccomp_filters"));
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 9, 0));
	EXPECT_EQ(2, own_status_field("Seccomp"));
	EXPECT_EQ(1, own_status_field("Seccomp_filters"));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_EQ(2, own_status_field("Seccomp"));
			    EXPECT_EQ(1, own_status_field("Seccomp_filters"));
			    EXPECT_ERRNO(9, syscall(SYS_getppid));
			    EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 10, 0));
			    EXPECT_ERRNO(10, syscall(SYS_getppid));
			    EXPECT_EQ(2, own_status_field("Seccomp_filters"));
		    }));
	EXPECT_ERRNO(9, syscall(SYS_getppid));
	EXPECT_EQ(1, own_status_field("Seccomp_filters"));
}

TEST(seccomp, exec_keeps_filters)
{
	struct sock_filter f[] = {
		LOAD(nr),
		IF_NR(SYS_uname),
		ERRNO(EMFILE),
		ALLOW,
	};
	int st;
	pid_t pid = CHILD({
		close(2);
		no_new_privs();
		EXPECT_OK(LOAD_FILTER(f, 0));
		execl("/bin/uname", "uname", "-r", NULL);
		_exit(99);
	});

	EXPECT_OK(waitpid(pid, &st, 0));
	EXPECT_TRUE(WIFEXITED(st));
	EXPECT_EQ(1, WEXITSTATUS(st));
}

/* --- threads -------------------------------------------------------------- */

static _Atomic int g_step, g_result, g_nnp, g_tid;

static void *follow(void *arg)
{
	(void)arg;
	g_tid = (int)syscall(SYS_gettid);
	while (g_step == 0)
		usleep(1000);
	errno = 0;
	g_result = syscall(SYS_getppid) < 0 ? errno : 0;
	g_nnp = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	return NULL;
}

TEST(seccomp, tsync_reaches_other_threads)
{
	pthread_t th;

	pthread_create(&th, NULL, follow, NULL);
	EXPECT_SOON(g_tid);
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 44,
			       SECCOMP_FILTER_FLAG_TSYNC));
	g_step = 1;
	pthread_join(th, NULL);
	EXPECT_EQ(44, g_result);
	EXPECT_EQ(1, g_nnp);
}

TEST(seccomp, without_tsync_threads_differ)
{
	pthread_t th;

	pthread_create(&th, NULL, follow, NULL);
	EXPECT_SOON(g_tid);
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 44, 0));
	g_step = 1;
	pthread_join(th, NULL);
	EXPECT_EQ(0, g_result);
	EXPECT_EQ(0, g_nnp);
}

static void *diverge(void *arg)
{
	(void)arg;
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 1, 0));
	g_tid = (int)syscall(SYS_gettid);
	while (g_step == 0)
		usleep(1000);
	return NULL;
}

TEST(seccomp, tsync_fails_on_a_thread_that_diverged)
{
	pthread_t th;

	no_new_privs();
	pthread_create(&th, NULL, diverge, NULL);
	EXPECT_SOON(g_tid);
	EXPECT_EQ(g_tid, deny_getppid(SECCOMP_RET_ERRNO | 2,
				      SECCOMP_FILTER_FLAG_TSYNC));
	EXPECT_ERRNO(ESRCH,
		     deny_getppid(SECCOMP_RET_ERRNO | 2,
				  SECCOMP_FILTER_FLAG_TSYNC |
					  SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
	EXPECT_EQ(0, own_status_field("Seccomp_filters"));
	g_step = 1;
	pthread_join(th, NULL);
	EXPECT_OK(
		deny_getppid(SECCOMP_RET_ERRNO | 2, SECCOMP_FILTER_FLAG_TSYNC));
	EXPECT_ERRNO(2, syscall(SYS_getppid));
}

static void *spin_calls(void *arg)
{
	(void)arg;
	while (g_step == 0)
		syscall(SYS_getpid);
	return NULL;
}

/* Filters change under threads that make calls. */
TEST(seccomp, tsync_race)
{
	pthread_t th[2];

	no_new_privs();
	for (int i = 0; i < 2; i++)
		pthread_create(&th[i], NULL, spin_calls, NULL);
	for (int i = 0; i < 30; i++)
		EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 3,
				       SECCOMP_FILTER_FLAG_TSYNC));
	g_step = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(th[i], NULL);
	EXPECT_EQ(30, own_status_field("Seccomp_filters"));
}

/* --- with a tracer -------------------------------------------------------- */

/* A traced child that has RET_TRACE | 0x1234 on getppid and runs @fn. */
static pid_t start_traced(void (*fn)(void))
{
	int st;
	pid_t pid = CHILD({
		EXPECT_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
		raise(SIGSTOP);
		no_new_privs();
		EXPECT_OK(deny_getppid(SECCOMP_RET_TRACE | 0x1234, 0));
		fn();
	});

	EXPECT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_TRUE(WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
	EXPECT_OK(ptrace(PTRACE_SETOPTIONS, pid, 0,
			 PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL));
	EXPECT_OK(ptrace(PTRACE_CONT, pid, 0, 0));
	return pid;
}

static struct user_regs_struct wait_event(pid_t pid)
{
	struct user_regs_struct r;
	unsigned long msg = 0;
	int st;

	EXPECT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_EQ(SIGTRAP | PTRACE_EVENT_SECCOMP << 8, st >> 8);
	EXPECT_OK(ptrace(PTRACE_GETEVENTMSG, pid, 0, &msg));
	EXPECT_EQ(0x1234, msg);
	EXPECT_OK(ptrace(PTRACE_GETREGS, pid, 0, &r));
	EXPECT_EQ(SYS_getppid, r.orig_rax);
	return r;
}

static void exit_with_getppid(void)
{
	_exit((int)syscall(SYS_getppid));
}

TEST(seccomp, tracer_lets_through)
{
	pid_t pid = start_traced(exit_with_getppid);

	(void)wait_event(pid);
	EXPECT_OK(ptrace(PTRACE_CONT, pid, 0, 0));
	EXPECT_EXIT(getpid() & 0xff, pid);
}

TEST(seccomp, tracer_skips_the_call)
{
	pid_t pid = start_traced(exit_with_getppid);
	struct user_regs_struct r = wait_event(pid);

	r.orig_rax = -1ul;
	r.rax = 77;
	EXPECT_OK(ptrace(PTRACE_SETREGS, pid, 0, &r));
	EXPECT_OK(ptrace(PTRACE_CONT, pid, 0, 0));
	EXPECT_EXIT(77, pid);
}

TEST(seccomp, tracer_makes_it_another_call)
{
	pid_t pid = start_traced(exit_with_getppid);
	struct user_regs_struct r = wait_event(pid);

	r.orig_rax = SYS_exit;
	r.rdi = 33;
	EXPECT_OK(ptrace(PTRACE_SETREGS, pid, 0, &r));
	EXPECT_OK(ptrace(PTRACE_CONT, pid, 0, 0));
	EXPECT_EXIT(33, pid);
}

static void deny_write_then_getppid(void)
{
	struct sock_filter f[] = {
		LOAD(nr),
		IF_NR(SYS_write),
		ERRNO(EDOM),
		ALLOW,
	};

	EXPECT_OK(LOAD_FILTER(f, 0));
	errno = 0;
	syscall(SYS_getppid);
	_exit(errno);
}

/* What the tracer makes of it passes the filters as well. */
TEST(seccomp, tracer_is_judged_again)
{
	pid_t pid = start_traced(deny_write_then_getppid);
	struct user_regs_struct r = wait_event(pid);

	r.orig_rax = SYS_write;
	EXPECT_OK(ptrace(PTRACE_SETREGS, pid, 0, &r));
	EXPECT_OK(ptrace(PTRACE_CONT, pid, 0, 0));
	EXPECT_EXIT(EDOM, pid);
}

/* --- the vDSO is no system call ------------------------------------------- */

TEST(seccomp, vdso_is_not_filtered)
{
	struct sock_filter f[] = {
		LOAD(nr),
		IF_NR(SYS_clock_gettime),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		IF_NR(SYS_gettimeofday),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		ALLOW,
	};
	struct timespec ts;
	struct timeval tv;

	no_new_privs();
	EXPECT_OK(LOAD_FILTER(f, 0));
	EXPECT_OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	EXPECT_OK(gettimeofday(&tv, NULL));
	EXPECT_KILLED(SIGSYS, CHILD(syscall(SYS_clock_gettime, 0, &ts)));
}

static long vsyscall_time(void)
{
	return ((long (*)(long *))0xffffffffff600400ul)(NULL);
}

static bool has_vsyscall(void)
{
	int st;
	pid_t pid = CHILD(_exit(vsyscall_time() > 0 ? 0 : 1));

	EXPECT_OK(waitpid(pid, &st, 0));
	return WIFEXITED(st) && WEXITSTATUS(st) == 0;
}

TEST(seccomp, vsyscall_is_filtered)
{
	struct sock_filter f[] = {
		LOAD(nr),
		IF_NR(SYS_time),
		ERRNO(12),
		ALLOW,
	};

	if (!has_vsyscall())
		SKIP("no vsyscall page");
	no_new_privs();
	EXPECT_OK(LOAD_FILTER(f, 0));
	EXPECT_EQ(-12, vsyscall_time());
}

/* --- /proc/sys ------------------------------------------------------------ */

static void read_text(const char *name, char *buf, size_t size)
{
	int fd = EXPECT_OK(open(name, O_RDONLY));
	ssize_t n = EXPECT_OK(read(fd, buf, size - 1));

	buf[n] = '\0';
	close(fd);
}

TEST(seccomp, sysctl)
{
	char text[256];

	read_text("/proc/sys/kernel/seccomp/actions_avail", text, sizeof(text));
	EXPECT_STR("kill_process kill_thread trap errno user_notif trace log "
		   "allow\n",
		   text);
	read_text("/proc/sys/kernel/seccomp/actions_logged", text,
		  sizeof(text));
	EXPECT_TRUE(strstr(text, "kill_process") != NULL);
	EXPECT_TRUE(strstr(text, "allow") == NULL);
}

TEST_MAIN
