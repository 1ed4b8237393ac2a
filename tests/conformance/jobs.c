/* SPDX-License-Identifier: Apache-2.0 */
/* Process groups, sessions, job-control stops, orphaned groups. */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static pid_t sleeping_child(void)
{
	return CHILD(for (;;) pause());
}

static void end(pid_t pid)
{
	EXPECT_OK(kill(pid, SIGKILL));
	EXPECT_KILLED(SIGKILL, pid);
}

TEST(jobs, ids_of_others)
{
	EXPECT_EQ(getpid(), getsid(0));
	EXPECT_EQ(getpid(), getpgrp());
	EXPECT_EQ(getpid(), getpgid(0));
	EXPECT_ERRNO(ESRCH, getpgid(99999999));
	EXPECT_ERRNO(ESRCH, getsid(99999999));
	EXPECT_ERRNO(ESRCH, getsid(-1));
	EXPECT_ERRNO(ESRCH, getpgid(-1));
	pid_t kid = sleeping_child();
	EXPECT_EQ(getpid(), getpgid(kid));
	EXPECT_EQ(getpid(), getsid(kid));
	end(kid);
}

TEST(jobs, setpgid_refuses)
{
	pid_t kid = sleeping_child(), other;

	EXPECT_ERRNO(EINVAL, setpgid(0, -1));
	EXPECT_ERRNO(ESRCH, setpgid(99999999, 0));
	EXPECT_ERRNO(ESRCH, setpgid(getppid(), 0));
	EXPECT_ERRNO(EPERM, setpgid(0, 0)); /* a session leader */
	EXPECT_ERRNO(EPERM, setpgid(kid, 99999999));
	EXPECT_OK(setpgid(kid, 0));
	EXPECT_EQ(kid, getpgid(kid));
	EXPECT_OK(setpgid(kid, getpid()));
	/* A group of another session. */
	int p[2];
	char c;
	EXPECT_OK(pipe(p));
	other = CHILD({
		setsid();
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	});
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_ERRNO(EPERM, setpgid(kid, other));
	EXPECT_ERRNO(EPERM, setpgid(other, other));
	end(other);
	end(kid);
	EXPECT_ERRNO(ESRCH, setpgid(kid, 0));
}

TEST(jobs, setpgid_after_exec_is_refused)
{
	int p[2];
	char c;

	EXPECT_OK(pipe2(p, O_CLOEXEC));
	pid_t kid = CHILD({
		close(p[0]);
		execl("/bin/sleep", "sleep", "18", NULL);
	});
	close(p[1]);
	EXPECT_EQ(0, read(p[0], &c, 1)); /* closed by the exec */
	EXPECT_ERRNO(EACCES, setpgid(kid, kid));
	end(kid);
}

TEST(jobs, a_zombie_can_still_be_moved)
{
	pid_t kid = CHILD(_exit(0));
	siginfo_t si;

	EXPECT_OK(waitid(P_PID, (id_t)kid, &si, WEXITED | WNOWAIT));
	EXPECT_OK(setpgid(kid, kid));
	EXPECT_EQ(kid, getpgid(kid));
	EXPECT_OK(waitid(P_PGID, (id_t)kid, &si, WEXITED));
}

TEST(jobs, setsid_refuses_group_leaders)
{
	EXPECT_ERRNO(EPERM, setsid());
	pid_t kid = CHILD({
		if (setpgid(0, 0) || setsid() != -1 || errno != EPERM)
			_exit(1);
		if (fork() == 0) {
			pid_t s = setsid();
			_exit(s == getpid() && getsid(0) == s && getpgrp() == s
				      ? 0
				      : 1);
		}
		int st;
		wait(&st);
		_exit(st ? 2 : 0);
	});
	EXPECT_EXIT(0, kid);
}

TEST(jobs, a_group_id_in_use_is_not_a_session_id)
{
	int p[2];
	pid_t g;

	EXPECT_OK(pipe(p));
	/* The leader moves away; its old group lives on by a member. */
	pid_t kid = CHILD({
		setpgid(0, 0);
		g = fork();
		if (g == 0)
			for (;;)
				pause();
		setpgid(0, getppid());
		int bad = setsid() != -1 || errno != EPERM;
		kill(g, SIGKILL);
		waitpid(g, NULL, 0);
		_exit(bad || setsid() != getpid());
	});
	EXPECT_EXIT(0, kid);
}

TEST(jobs, kill_of_a_group_hits_all_members_only)
{
	pid_t a = sleeping_child(), b = sleeping_child(), c = sleeping_child();

	EXPECT_OK(setpgid(a, a));
	EXPECT_OK(setpgid(b, a));
	EXPECT_OK(kill(-a, SIGUSR1));
	EXPECT_KILLED(SIGUSR1, a);
	EXPECT_KILLED(SIGUSR1, b);
	EXPECT_EQ(0, waitpid(c, NULL, WNOHANG));
	EXPECT_ERRNO(ESRCH, kill(-a, 0));
	signal(SIGUSR2, SIG_IGN);
	EXPECT_OK(kill(0, SIGUSR2));
	EXPECT_KILLED(SIGUSR2, c);
}

TEST(jobs, stop_signals_stop)
{
	const int sigs[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
	int st;

	for (int i = 0; i < 4; i++) {
		pid_t kid = sleeping_child();
		EXPECT_OK(setpgid(kid, kid)); /* not orphaned: we are there */
		EXPECT_OK(kill(kid, sigs[i]));
		EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
		EXPECT_TRUE(WIFSTOPPED(st) && WSTOPSIG(st) == sigs[i]);
		end(kid);
	}
}

TEST(jobs, orphaned_groups_ignore_terminal_stops)
{
	pid_t kid = CHILD({
		setsid(); /* alone in its session: orphaned */
		raise(SIGTSTP);
		raise(SIGTTIN);
		raise(SIGTTOU);
		_exit(9);
	});

	EXPECT_EXIT(9, kid);
}

TEST(jobs, a_stopped_process_keeps_signals_until_continued)
{
	pid_t kid = sleeping_child();
	int st;

	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_OK(kill(kid, SIGTERM));
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG));
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_KILLED(SIGTERM, kid);
}

TEST(jobs, kill_ends_a_stopped_process)
{
	pid_t kid = sleeping_child();
	int st;

	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	end(kid);
}

static _Atomic int *shared;

static void count(int sig)
{
	shared[sig == SIGCONT ? 0 : 1]++;
}

TEST(jobs, cont_runs_its_handler_and_discards_stops)
{
	int st;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	signal(SIGCONT, count);
	pid_t kid = sleeping_child();
	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_OK(kill(kid, SIGTSTP)); /* pending, thrown away by CONT */
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_SOON(shared[0] == 1);
	EXPECT_EQ(0, waitpid(kid, &st, WUNTRACED | WNOHANG));
	end(kid);
}

TEST(jobs, cont_wakes_even_if_blocked_or_ignored)
{
	sigset_t m;
	int st;

	sigemptyset(&m);
	sigaddset(&m, SIGCONT);
	sigprocmask(SIG_BLOCK, &m, NULL);
	pid_t kid = sleeping_child();
	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_EQ(kid, waitpid(kid, &st, WCONTINUED));
	end(kid);
	signal(SIGCONT, SIG_IGN);
	kid = sleeping_child();
	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_EQ(kid, waitpid(kid, &st, WCONTINUED));
	end(kid);
}

TEST(jobs, a_group_that_becomes_orphaned_with_a_stopped_member)
{
	int p[2];
	char c = 0;

	EXPECT_OK(pipe(p));
	EXPECT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	pid_t kid = CHILD({
		setpgid(0, 0);
		pid_t g = fork();
		if (g == 0) {
			setpgid(0, 0);
			for (;;)
				pause();
		}
		setpgid(g, g);
		kill(g, SIGSTOP);
		waitpid(g, NULL, WUNTRACED);
		if (write(p[1], &g, sizeof(g)) < 0)
			_exit(1);
		setsid();
	});
	pid_t g;
	EXPECT_EXIT(0, kid);
	EXPECT_EQ(sizeof(g), read(p[0], &g, sizeof(g)));
	/* We are of another group of the same session: not orphaned. */
	int st = 0;
	EXPECT_EQ(0, waitpid(g, &st, WNOHANG));
	EXPECT_OK(kill(g, SIGKILL));
	EXPECT_EQ(g, waitpid(g, &st, 0));
	EXPECT_EQ(0, c);
}

TEST(jobs, hangup_and_continue_for_an_orphaned_group)
{
	int p[2];
	pid_t g;
	int st;

	EXPECT_OK(pipe(p));
	EXPECT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	/* A session whose leader goes: its other group has no parent in it. */
	pid_t kid = CHILD({
		setsid();
		g = fork();
		if (g == 0)
			for (;;)
				pause();
		setpgid(g, g);
		kill(g, SIGSTOP);
		waitpid(g, NULL, WUNTRACED);
		if (write(p[1], &g, sizeof(g)) < 0)
			_exit(1);
	});
	EXPECT_EXIT(0, kid);
	EXPECT_EQ(sizeof(g), read(p[0], &g, sizeof(g)));
	EXPECT_EQ(g, waitpid(g, &st, 0));
	EXPECT_TRUE(WIFSIGNALED(st) && WTERMSIG(st) == SIGHUP);
}

TEST_MAIN
