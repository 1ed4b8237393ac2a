/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): what wait tells of tracees, the end of either side, races. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "tests/harness/ptrace_test.h"

#define ALL_EVENTS                                                        \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT)

static void go_on(pid_t pid)
{
	EXPECT_OK(PTRACE(PTRACE_CONT, pid, 0, 0));
}

/* --- waiting -------------------------------------------------------------- */

TEST(ptrace_exit, waitid_reports_a_trap)
{
	pid_t kid = CHILD(PTRACE(PTRACE_TRACEME, 0, 0, 0); raise(SIGUSR1));
	siginfo_t si;
	int st;

	/* WNOWAIT leaves it, WEXITED alone is enough for tracees. */
	EXPECT_OK(waitid(P_PID, kid, &si, WSTOPPED | WNOWAIT));
	EXPECT_EQ(CLD_TRAPPED, si.si_code);
	EXPECT_EQ(SIGUSR1, si.si_status);
	EXPECT_OK(waitid(P_ALL, 0, &si, WEXITED | WNOWAIT));
	EXPECT_EQ(CLD_TRAPPED, si.si_code);
	EXPECT_OK(waitid(P_PID, kid, &si, WCONTINUED));
	EXPECT_EQ(CLD_TRAPPED, si.si_code);
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG));
	kill_tracee(kid);
}

TEST(ptrace_exit, waiting_for_threads_of_others)
{
	_Atomic int *tid = shared_int();
	pid_t kid =
		CHILD(pthread_t th;
		      pthread_create(&th, NULL, pausing_thread, (void *)tid);
		      for (;;) pause());
	int st;

	EXPECT_SOON(*tid);
	EXPECT_ERRNO(ECHILD, waitpid(*tid, &st, WNOHANG));
	EXPECT_OK(PTRACE(PTRACE_ATTACH, *tid, 0, 0));
	/* Tracees need no __WALL. */
	EXPECT_EQ(*tid, waitpid(*tid, &st, 0));
	EXPECT_EQ(STOP_STATUS(SIGSTOP), st);
	EXPECT_OK(PTRACE(PTRACE_DETACH, *tid, 0, 0));
	EXPECT_ERRNO(ECHILD, waitpid(*tid, &st, WNOHANG));
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_KILLED(SIGKILL, kid);
}

/* The status of a process that a tracer of its own end waits for. */
TEST(ptrace_exit, the_tracer_reaps_before_the_parent)
{
	int fds[2], st;
	pid_t kid = pausing_child(), tracer;
	char c;

	EXPECT_OK(pipe(fds));
	tracer = CHILD(if (PTRACE(PTRACE_SEIZE, kid, 0, 0)) _exit(1);
		       if (write(fds[1], "x", 1) != 1) _exit(2);
		       /* Until the parent says go. */
		       raise(SIGSTOP); if (waitpid(kid, &st, __WALL) != kid ||
					   st != SIGTERM) _exit(3);
		       if (waitpid(kid, &st, __WALL) != -1 || errno != ECHILD)
			       _exit(4););
	EXPECT_EQ(1, read(fds[0], &c, 1));
	EXPECT_EQ(tracer, waitpid(tracer, &st, WUNTRACED));
	EXPECT_OK(kill(kid, SIGTERM));
	EXPECT_SOON(status_field(kid, "State") == 't' ||
		    status_field(kid, "State") == 'Z');
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG));
	EXPECT_OK(kill(tracer, SIGKILL));
	EXPECT_KILLED(SIGKILL, tracer);
	kill(kid, SIGTERM);
	EXPECT_KILLED(SIGTERM, kid);
}

TEST(ptrace_exit, a_zombie_passes_from_tracer_to_parent)
{
	int fds[2], st;
	pid_t kid, tracer;
	siginfo_t si;
	char c;

	EXPECT_OK(pipe(fds));
	kid = CHILD(if (read(fds[0], &c, 1) != 1) _exit(1); _exit(6));
	tracer = CHILD(
		if (PTRACE(PTRACE_SEIZE, kid, 0, 0)) _exit(1); raise(SIGSTOP);
		if (waitpid(kid, &st, __WALL) != kid || st != 6 << 8) _exit(3);
		if (waitpid(kid, &st, __WALL) != -1 || errno != ECHILD)
			_exit(4););
	EXPECT_EQ(tracer, waitpid(tracer, &st, WUNTRACED));
	EXPECT_EQ(1, write(fds[1], "x", 1));
	EXPECT_SOON(status_field(kid, "State") == 'Z');
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG));
	EXPECT_OK(kill(tracer, SIGCONT));
	EXPECT_EXIT(0, tracer);
	EXPECT_OK(waitid(P_PID, kid, &si, WEXITED));
	EXPECT_EQ(6, si.si_status);
}

TEST(ptrace_exit, ignored_sigchld_keeps_traced_zombies)
{
	pid_t kid;

	signal(SIGCHLD, SIG_IGN);
	kid = TRACEE(_exit(6));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(6 << 8, kid);
}

/* --- the end of the tracer ------------------------------------------------ */

/* Runs @body as a tracer of @kid, then ends it. */
#define TRACER_OF(kid, ...)                          \
	({                                           \
		int st_;                             \
		pid_t t_ = CHILD(__VA_ARGS__);       \
		EXPECT_EQ(t_, waitpid(t_, &st_, 0)); \
		EXPECT_EQ(0, st_);                   \
	})

TEST(ptrace_exit, tracees_go_on_when_the_tracer_ends)
{
	pid_t kid = pausing_child();
	int st;

	TRACER_OF(kid, if (PTRACE(PTRACE_ATTACH, kid, 0, 0)) _exit(1);
		  if (waitpid(kid, &st, __WALL) != kid) _exit(2));
	EXPECT_EQ(0, status_field(kid, "TracerPid"));
	EXPECT_SOON(status_field(kid, "State") == 'S');
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG | WUNTRACED));
	kill_tracee(kid);
}

TEST(ptrace_exit, exitkill)
{
	pid_t kid = pausing_child();

	TRACER_OF(kid, if (PTRACE(PTRACE_SEIZE, kid, 0, PTRACE_O_EXITKILL))
			       _exit(1));
	EXPECT_KILLED(SIGKILL, kid);
}

TEST(ptrace_exit, exitkill_of_a_stopped_tracee)
{
	pid_t kid = pausing_child();
	int st;

	TRACER_OF(kid,
		  if (PTRACE(PTRACE_SEIZE, kid, 0,
			     PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT)) _exit(1);
		  if (PTRACE(PTRACE_INTERRUPT, kid, 0, 0)) _exit(2);
		  if (waitpid(kid, &st, __WALL) != kid) _exit(3));
	EXPECT_KILLED(SIGKILL, kid);
}

static void *attaching_thread(void *arg)
{
	EXPECT_OK(PTRACE(PTRACE_SEIZE, *(pid_t *)arg, 0, 0));
	return NULL;
}

TEST(ptrace_exit, the_end_of_the_tracing_thread_detaches)
{
	pid_t kid = pausing_child();
	pthread_t th;

	EXPECT_EQ(0, pthread_create(&th, NULL, attaching_thread, &kid));
	EXPECT_EQ(0, pthread_join(th, NULL));
	EXPECT_SOON(status_field(kid, "TracerPid") == 0);
	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0));
	kill_tracee(kid);
}

TEST(ptrace_exit, exec_of_the_tracer_keeps_its_tracees)
{
	pid_t kid = pausing_child();
	pid_t tracer =
		CHILD(if (PTRACE(PTRACE_SEIZE, kid, 0, 0)) _exit(1);
		      execl("/bin/sh", "sh", "-c", "kill -STOP $$", NULL));
	int st;

	EXPECT_EQ(tracer, waitpid(tracer, &st, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(st));
	EXPECT_EQ(tracer, status_field(kid, "TracerPid"));
	EXPECT_OK(kill(tracer, SIGCONT));
	EXPECT_EXIT(0, tracer);
	EXPECT_EQ(0, status_field(kid, "TracerPid"));
	kill_tracee(kid);
}

/* Two that trace each other, stopped before exit: both can be ended. */
TEST(ptrace_exit, tracers_in_a_ring)
{
	_Atomic int *go = shared_int();
	pid_t a = CHILD(while (!*go) sched_yield();
			if (PTRACE(PTRACE_SEIZE, *go, 0, 0)) _exit(1);
			for (;;) pause());
	pid_t b = CHILD(if (PTRACE(PTRACE_SEIZE, a, 0, 0)) _exit(1);
			*go = getpid(); for (;;) pause());

	EXPECT_SOON(*go && status_field(b, "TracerPid") == a);
	EXPECT_OK(kill(a, SIGKILL));
	EXPECT_OK(kill(b, SIGKILL));
	EXPECT_KILLED(SIGKILL, a);
	EXPECT_KILLED(SIGKILL, b);
}

/* --- races ---------------------------------------------------------------- */

TEST(ptrace_exit, attach_races_with_the_end)
{
	int st;

	for (int i = 0; i < 100; i++) {
		pid_t kid = CHILD(_exit(1));

		if (PTRACE(PTRACE_ATTACH, kid, 0, 0) == 0) {
			EXPECT_EQ(kid, waitpid(kid, &st, 0));
			if (WIFSTOPPED(st)) {
				EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
				EXPECT_EQ(kid, waitpid(kid, &st, 0));
			}
		} else {
			EXPECT_EQ(EPERM, errno);
			EXPECT_EQ(kid, waitpid(kid, &st, 0));
		}
		EXPECT_EQ(1 << 8, st);
	}
}

TEST(ptrace_exit, kill_races_with_fork_events)
{
	for (int i = 0; i < 30; i++) {
		pid_t kid = TRACEE(for (;;) if (fork() == 0) _exit(0);
				   else wait(NULL));
		int st, n = 0;
		pid_t p;

		EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0, ALL_EVENTS));
		go_on(kid);
		while ((p = waitpid(-1, &st, __WALL)) > 0) {
			if (++n == i + 3)
				EXPECT_OK(kill(kid, SIGKILL));
			if (p == kid && !WIFSTOPPED(st))
				break;
			if (WIFSTOPPED(st))
				PTRACE(PTRACE_CONT, p, 0, 0);
		}
		while ((p = waitpid(-1, &st, __WALL)) > 0)
			if (WIFSTOPPED(st))
				PTRACE(PTRACE_CONT, p, 0, 0);
		EXPECT_EQ(ECHILD, errno);
	}
}

TEST_MAIN
