/* SPDX-License-Identifier: Apache-2.0 */
/* wait4(2), waitid(2): whom they wait for, what they tell, and SIGCHLD. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

#ifndef __WCLONE
#define __WCLONE 0x80000000
#endif

static pid_t sleeping_child(void)
{
	return CHILD(for (;;) pause());
}

static void end(pid_t pid)
{
	EXPECT_OK(kill(pid, SIGKILL));
	EXPECT_KILLED(SIGKILL, pid);
}

TEST(wait, tells_exit_status)
{
	int st = -1;
	pid_t kid = CHILD(_exit(0x1ff));

	EXPECT_EQ(kid, waitpid(kid, &st, 0));
	EXPECT_EQ(0xff00, st);
	kid = CHILD(_exit(0));
	EXPECT_EQ(kid, waitpid(-1, &st, 0));
	EXPECT_EQ(0, st);
}

TEST(wait, tells_the_signal)
{
	const int sigs[] = { SIGTERM, SIGKILL, SIGPIPE, SIGRTMIN, SIGUSR1 };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		pid_t kid = CHILD(raise(sigs[i]));
		EXPECT_KILLED(sigs[i], kid);
	}
}

TEST(wait, no_children)
{
	siginfo_t si;

	EXPECT_ERRNO(ECHILD, waitpid(-1, NULL, 0));
	EXPECT_ERRNO(ECHILD, waitpid(-1, NULL, WNOHANG));
	EXPECT_ERRNO(ECHILD, waitpid(0, NULL, 0));
	EXPECT_ERRNO(ECHILD, waitpid(getpid(), NULL, 0));
	EXPECT_ERRNO(ECHILD, waitpid(getppid(), NULL, 0));
	EXPECT_ERRNO(ECHILD, waitid(P_ALL, 0, &si, WEXITED));
	EXPECT_ERRNO(ECHILD, waitid(P_PID, 1, &si, WEXITED));
}

TEST(wait, arguments_are_checked)
{
	siginfo_t si;

	EXPECT_ERRNO(EINVAL, waitpid(-1, NULL, 0x1000));
	EXPECT_ERRNO(EINVAL, waitpid(-1, NULL, WEXITED));
	EXPECT_ERRNO(EINVAL, waitpid(-1, NULL, WNOWAIT));
	EXPECT_ERRNO(EINVAL, waitid(P_ALL, 0, &si, 0));
	EXPECT_ERRNO(EINVAL, waitid(P_ALL, 0, &si, WNOHANG));
	EXPECT_ERRNO(EINVAL, waitid(P_ALL, 0, &si, WEXITED | 0x100));
	EXPECT_ERRNO(EINVAL, waitid(P_PID, 0, &si, WEXITED));
	EXPECT_ERRNO(EINVAL, waitid(P_PID, (id_t)-1, &si, WEXITED));
	EXPECT_ERRNO(EINVAL, waitid(9, 0, &si, WEXITED));
	/* The most negative pid has no group. */
	EXPECT_ERRNO(ESRCH, waitpid((pid_t)0x80000000, NULL, 0));
}

TEST(wait, bad_pointers_after_the_child_is_reaped)
{
	pid_t kid = CHILD(_exit(1));

	EXPECT_ERRNO(EFAULT, syscall(SYS_wait4, kid, 8, 0, NULL));
	EXPECT_ERRNO(ECHILD, waitpid(kid, NULL, 0));
	kid = CHILD(_exit(1));
	EXPECT_ERRNO(EFAULT, syscall(SYS_wait4, kid, NULL, 0, 8));
	EXPECT_ERRNO(ECHILD, waitpid(kid, NULL, 0));
	kid = CHILD(_exit(1));
	EXPECT_ERRNO(EFAULT, syscall(SYS_waitid, P_PID, kid, 8, WEXITED, NULL));
	EXPECT_ERRNO(ECHILD, waitpid(kid, NULL, 0));
}

TEST(wait, wnohang_on_living_children)
{
	pid_t kid = sleeping_child();
	int st = 77;
	siginfo_t si;

	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG));
	EXPECT_EQ(77, st);
	memset(&si, 0xff, sizeof(si));
	EXPECT_EQ(0, waitid(P_ALL, 0, &si, WEXITED | WNOHANG));
	EXPECT_EQ(0, si.si_pid);
	EXPECT_EQ(0, si.si_signo);
	end(kid);
}

TEST(wait, by_process_group)
{
	pid_t a = sleeping_child(), b;
	int st;

	EXPECT_OK(setpgid(a, a));
	b = CHILD(_exit(3));
	EXPECT_ERRNO(ECHILD, waitpid(-b, &st, WNOHANG));
	EXPECT_EQ(0, waitpid(-a, &st, WNOHANG));
	EXPECT_EQ(b, waitpid(0, &st, 0));
	EXPECT_ERRNO(ECHILD, waitpid(0, &st, 0));
	EXPECT_OK(kill(a, SIGKILL));
	EXPECT_EQ(a, waitpid(-a, &st, 0));
	EXPECT_ERRNO(ECHILD, waitpid(-a, &st, 0));
}

TEST(wait, waitid_fills_siginfo)
{
	siginfo_t si;
	pid_t kid = CHILD(_exit(42));

	memset(&si, 0, sizeof(si));
	EXPECT_OK(waitid(P_PID, (id_t)kid, &si, WEXITED | WNOWAIT));
	EXPECT_EQ(SIGCHLD, si.si_signo);
	EXPECT_EQ(CLD_EXITED, si.si_code);
	EXPECT_EQ(42, si.si_status);
	EXPECT_EQ(kid, si.si_pid);
	EXPECT_EQ(getuid(), si.si_uid);
	EXPECT_OK(waitid(P_PGID, 0, &si, WEXITED));
	EXPECT_ERRNO(ECHILD, waitid(P_PID, (id_t)kid, &si, WEXITED));
	kid = CHILD(raise(SIGKILL));
	EXPECT_OK(waitid(P_ALL, 0, &si, WEXITED));
	EXPECT_EQ(CLD_KILLED, si.si_code);
	EXPECT_EQ(SIGKILL, si.si_status);
}

TEST(wait, wnowait_leaves_the_zombie)
{
	siginfo_t si;
	pid_t kid = CHILD(_exit(0));

	for (int i = 0; i < 3; i++)
		EXPECT_OK(waitid(P_ALL, 0, &si, WEXITED | WNOWAIT));
	EXPECT_EQ(0, kill(kid, SIGKILL));
	EXPECT_EXIT(0, kid);
	EXPECT_ERRNO(ESRCH, kill(kid, 0));
}

TEST(wait, stops_and_continues_are_told_once)
{
	pid_t kid = sleeping_child();
	siginfo_t si;
	int st;

	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
	EXPECT_EQ(0, waitpid(kid, &st, WUNTRACED | WNOHANG));
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_EQ(kid, waitpid(kid, &st, WCONTINUED));
	EXPECT_TRUE(WIFCONTINUED(st));
	EXPECT_EQ(0, waitpid(kid, &st, WCONTINUED | WNOHANG));
	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_OK(waitid(P_PID, (id_t)kid, &si, WSTOPPED | WNOWAIT));
	EXPECT_EQ(CLD_STOPPED, si.si_code);
	EXPECT_EQ(SIGSTOP, si.si_status);
	EXPECT_OK(waitid(P_PID, (id_t)kid, &si, WSTOPPED));
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_OK(waitid(P_PID, (id_t)kid, &si, WCONTINUED));
	EXPECT_EQ(CLD_CONTINUED, si.si_code);
	EXPECT_EQ(SIGCONT, si.si_status);
	end(kid);
}

TEST(wait, plain_wait_ignores_stops)
{
	pid_t kid = sleeping_child();
	int st;

	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG));
	end(kid);
}

TEST(wait, a_stopped_process_with_threads)
{
	int st;
	void *spin(void *arg)
	{
		for (;;)
			sched_yield();
		return arg;
	}
	pid_t kid = CHILD({
		pthread_t t;
		pthread_create(&t, NULL, spin, NULL);
		pthread_create(&t, NULL, spin, NULL);
		for (;;)
			pause();
	});

	for (int i = 0; i < 5; i++) {
		EXPECT_OK(kill(kid, SIGSTOP));
		EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
		EXPECT_TRUE(WIFSTOPPED(st));
		EXPECT_OK(kill(kid, SIGCONT));
		EXPECT_EQ(kid, waitpid(kid, &st, WCONTINUED));
		EXPECT_TRUE(WIFCONTINUED(st));
	}
	end(kid);
}

/* --- SIGCHLD -------------------------------------------------------------- */

static _Atomic int chld_nr, chld_code, chld_status, chld_pid;

static void on_chld(int sig, siginfo_t *si, void *ctx)
{
	(void)sig;
	(void)ctx;
	chld_code = si->si_code;
	chld_status = si->si_status;
	chld_pid = si->si_pid;
	chld_nr++;
}

static void catch_chld(int flags)
{
	struct sigaction sa = { .sa_sigaction = on_chld,
				.sa_flags = SA_SIGINFO | flags };

	EXPECT_OK(sigaction(SIGCHLD, &sa, NULL));
	chld_nr = 0;
}

TEST(wait, sigchld_tells_who_and_why)
{
	catch_chld(SA_RESTART);
	pid_t kid = CHILD(_exit(9));
	EXPECT_SOON(chld_nr == 1);
	EXPECT_EQ(CLD_EXITED, chld_code);
	EXPECT_EQ(9, chld_status);
	EXPECT_EQ(kid, chld_pid);
	EXPECT_EXIT(9, kid);
	kid = sleeping_child();
	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_SOON(chld_nr == 2);
	EXPECT_EQ(CLD_STOPPED, chld_code);
	EXPECT_EQ(SIGSTOP, chld_status);
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_SOON(chld_nr == 3);
	EXPECT_EQ(CLD_CONTINUED, chld_code);
	EXPECT_OK(kill(kid, SIGTERM));
	EXPECT_SOON(chld_nr == 4);
	EXPECT_EQ(CLD_KILLED, chld_code);
	EXPECT_EQ(SIGTERM, chld_status);
	EXPECT_KILLED(SIGTERM, kid);
}

TEST(wait, nocldstop_keeps_stops_quiet)
{
	int st;

	catch_chld(SA_NOCLDSTOP | SA_RESTART);
	pid_t kid = sleeping_child();
	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_EQ(kid, waitpid(kid, &st, WCONTINUED));
	EXPECT_EQ(0, chld_nr);
	end(kid);
	EXPECT_EQ(1, chld_nr);
}

TEST(wait, ignored_sigchld_reaps_by_itself)
{
	signal(SIGCHLD, SIG_IGN);
	pid_t a = CHILD(_exit(1)), b = sleeping_child();

	EXPECT_SOON(kill(a, 0) < 0 && errno == ESRCH);
	EXPECT_EQ(0, waitpid(-1, NULL, WNOHANG));
	EXPECT_OK(kill(b, SIGKILL));
	/* Blocks until the last one is gone. */
	EXPECT_ERRNO(ECHILD, waitpid(-1, NULL, 0));
}

TEST(wait, nocldwait_reaps_but_tells)
{
	catch_chld(SA_NOCLDWAIT | SA_RESTART);
	pid_t kid = CHILD(_exit(4));

	EXPECT_SOON(kill(kid, 0) < 0 && errno == ESRCH);
	EXPECT_ERRNO(ECHILD, waitpid(kid, NULL, 0));
	EXPECT_SOON(chld_nr == 1);
	EXPECT_EQ(4, chld_status);
}

TEST(wait, is_interrupted_by_a_handler_and_restarts)
{
	struct itimerval it = { { 0, 30000 }, { 0, 30000 } };
	pid_t kid = sleeping_child();
	struct sigaction sa = { .sa_sigaction = on_chld,
				.sa_flags = SA_SIGINFO };
	int st;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	EXPECT_ERRNO(EINTR, waitpid(kid, &st, 0));
	sa.sa_flags |= SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	it.it_interval.tv_usec = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	chld_nr = 0;
	pid_t killer = CHILD({
		struct timespec ts = { 0, 120000000 };
		nanosleep(&ts, NULL);
		kill(kid, SIGTERM);
	});
	EXPECT_KILLED(SIGTERM, kid);
	EXPECT_SOON(chld_nr == 1);
	EXPECT_EXIT(0, killer);
}

/* --- whose children ------------------------------------------------------- */

TEST(wait, odd_exit_signals_need_wclone)
{
	int st;
	long kid;

	signal(SIGUSR1, SIG_IGN);
	kid = syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
	if (kid == 0)
		_exit(1);
	EXPECT_ERRNO(ECHILD, waitpid((pid_t)kid, &st, 0));
	EXPECT_EQ(kid, waitpid((pid_t)kid, &st, (int)__WCLONE));
	EXPECT_EQ(0x100, st);
	kid = syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (kid == 0)
		_exit(2);
	EXPECT_ERRNO(ECHILD, waitpid(-1, &st, WNOHANG));
	EXPECT_EQ(kid, waitpid(-1, &st, __WALL));
	kid = CHILD(_exit(0));
	EXPECT_ERRNO(ECHILD, waitpid((pid_t)kid, &st, (int)__WCLONE));
	EXPECT_EXIT(0, (pid_t)kid);
}

static void *wait_for_one(void *arg)
{
	int st = -1;

	if (waitpid(*(pid_t *)arg, &st, 0) == *(pid_t *)arg)
		*(pid_t *)arg = st;
	else
		*(pid_t *)arg = -errno;
	return NULL;
}

TEST(wait, any_thread_may_wait_unless_wnothread)
{
	pid_t kid = CHILD(_exit(6)), arg = kid;
	pthread_t t;
	void *other(void *p)
	{
		errno = 0;
		return (void *)(waitpid(*(pid_t *)p, NULL,
					__WNOTHREAD | WNOHANG) == -1 &&
						errno == ECHILD
					? 1L
					: 0L);
	}
	void *res;

	pthread_create(&t, NULL, other, &arg);
	pthread_join(t, &res);
	EXPECT_EQ(1, (long)res);
	pthread_create(&t, NULL, wait_for_one, &arg);
	pthread_join(t, NULL);
	EXPECT_EQ(0x600, arg);
}

TEST(wait, many_waiters_one_zombie_each)
{
	enum { NR = 8 };
	pthread_t t[NR];
	pid_t kids[NR];
	static _Atomic int good;
	void *any(void *arg)
	{
		int st;
		if (waitpid(-1, &st, 0) > 0 && st == 0)
			good++;
		return arg;
	}

	for (int i = 0; i < NR; i++)
		kids[i] = CHILD({
			struct timespec ts = { 0, i * 1000000 };
			nanosleep(&ts, NULL);
		});
	for (int i = 0; i < NR; i++)
		pthread_create(&t[i], NULL, any, NULL);
	for (int i = 0; i < NR; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(NR, good);
	EXPECT_ERRNO(ECHILD, waitpid(kids[0], NULL, 0));
}

TEST(wait, orphans_go_to_the_subreaper)
{
	int st;
	pid_t kid, p[2];

	EXPECT_OK(pipe(p));
	EXPECT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	kid = CHILD({
		pid_t middle = getpid(), g = fork();
		if (g == 0) {
			EXPECT_SOON(getppid() != middle);
			_exit(33);
		}
		if (write(p[1], &g, sizeof(g)) < 0)
			_exit(1);
	});
	EXPECT_EXIT(0, kid);
	EXPECT_EQ(sizeof(kid), read(p[0], &kid, sizeof(kid)));
	EXPECT_EQ(kid, waitpid(-1, &st, 0));
	EXPECT_EQ(33, WEXITSTATUS(st));
}

TEST(wait, rusage_of_the_child)
{
	struct rusage ru, all;
	int st;
	pid_t kid = CHILD({
		struct rusage self;
		volatile int x = 0;
		do {
			for (int i = 0; i < 100000; i++)
				x++;
			getrusage(RUSAGE_SELF, &self);
		} while (self.ru_utime.tv_sec == 0 &&
			 self.ru_utime.tv_usec < 60000);
	});

	memset(&ru, 0, sizeof(ru));
	EXPECT_EQ(kid, wait4(kid, &st, 0, &ru));
	EXPECT_TRUE(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec >=
		    50000);
	EXPECT_OK(getrusage(RUSAGE_CHILDREN, &all));
	EXPECT_TRUE(timercmp(&all.ru_utime, &ru.ru_utime, >=));
}

TEST(wait, leader_that_went_first_is_waited_for_after_the_threads)
{
	siginfo_t si;
	void *late(void *arg)
	{
		struct timespec ts = { 0, 80000000 };
		nanosleep(&ts, NULL);
		syscall(SYS_exit, 7);
		return arg;
	}
	pid_t kid = CHILD({
		pthread_t t;
		pthread_create(&t, NULL, late, NULL);
		syscall(SYS_exit, 1);
	});
	struct timespec ts = { 0, 30000000 };

	nanosleep(&ts, NULL);
	memset(&si, 0, sizeof(si));
	EXPECT_OK(waitid(P_PID, (id_t)kid, &si, WEXITED | WNOHANG));
	EXPECT_EQ(0, si.si_pid);
	/* The last thread's status is the process's. */
	EXPECT_EXIT(7, kid);
}

TEST_MAIN
