/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): stops at signals, group stops, system calls and steps. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "tests/harness/ptrace_test.h"

static volatile sig_atomic_t g_caught, g_code;

static void count(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	g_caught = sig;
	g_code = si->si_code;
}

static void catch (int sig)
{
	struct sigaction sa = { .sa_sigaction = count, .sa_flags = SA_SIGINFO };

	if (sigaction(sig, &sa, NULL))
		_exit(96);
}

/* --- signal-delivery stop ------------------------------------------------- */

TEST(ptrace_stop, each_signal_is_reported)
{
	pid_t kid = TRACEE(for (;;) pause());
	siginfo_t si;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	for (int sig = 1; sig <= 64; sig++) {
		if (sig == SIGKILL || sig == 32 || sig == 33)
			continue;
		EXPECT_OK(kill(kid, sig));
		EXPECT_STATUS(STOP_STATUS(sig), kid);
		si = get_siginfo(kid);
		EXPECT_EQ(sig, si.si_signo);
		EXPECT_EQ(SI_USER, si.si_code);
		EXPECT_EQ(getpid(), si.si_pid);
		EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	}
	kill_tracee(kid);
}

TEST(ptrace_stop, ignored_signals_are_reported)
{
	pid_t kid = TRACEE(signal(SIGUSR1, SIG_IGN); raise(SIGUSR1);
			   raise(SIGCHLD); _exit(5));

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGUSR1));
	EXPECT_STATUS(STOP_STATUS(SIGCHLD), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGCHLD));
	EXPECT_EXIT(5, kid);
}

TEST(ptrace_stop, blocked_signals_are_not)
{
	pid_t kid = TRACEE(sigset_t s; sigfillset(&s);
			   sigprocmask(SIG_SETMASK, &s, NULL); raise(SIGUSR1);
			   _exit(5));

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(5, kid);
}

TEST(ptrace_stop, the_tracer_passes_changes_or_drops_it)
{
	pid_t kid =
		TRACEE(catch (SIGUSR1); catch (SIGUSR2); raise(SIGUSR1);
		       if (g_caught != SIGUSR1 || g_code != SI_TKILL) _exit(1);
		       g_caught = 0; raise(SIGUSR1);
		       if (g_caught != SIGUSR2 || g_code != SI_USER) _exit(2);
		       g_caught = 0; raise(SIGUSR1); if (g_caught) _exit(3););

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGUSR1));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGUSR2));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_stop, a_fatal_one_kills_when_passed)
{
	pid_t kid = TRACEE(for (;;) pause());

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_OK(kill(kid, SIGTERM));
	EXPECT_STATUS(STOP_STATUS(SIGTERM), kid);
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_CONT, kid, 0, 65));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_CONT, kid, 0, 1ul << 32));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGTERM));
	EXPECT_KILLED(SIGTERM, kid);
}

TEST(ptrace_stop, an_injected_signal_that_is_blocked_waits)
{
	pid_t kid =
		TRACEE(sigset_t s; catch (SIGUSR2); sigemptyset(&s);
		       sigaddset(&s, SIGUSR2); sigprocmask(SIG_BLOCK, &s, NULL);
		       raise(SIGUSR1); if (g_caught) _exit(1); sigpending(&s);
		       if (!sigismember(&s, SIGUSR2)) _exit(2);
		       sigprocmask(SIG_UNBLOCK, &s, NULL);
		       _exit(g_caught == SIGUSR2 ? 0 : 3));

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGUSR2));
	EXPECT_STATUS(STOP_STATUS(SIGUSR2), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGUSR2));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_stop, siginfo_can_be_changed)
{
	pid_t kid = TRACEE(catch (SIGUSR1); raise(SIGUSR1);
			   _exit(g_code == SI_QUEUE ? 0 : 1));
	siginfo_t si;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	si = get_siginfo(kid);
	EXPECT_EQ(SI_TKILL, si.si_code);
	si.si_code = SI_QUEUE;
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_SETSIGINFO, kid, 0, 8));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_GETSIGINFO, kid, 0, 8));
	EXPECT_OK(PTRACE(PTRACE_SETSIGINFO, kid, 0, &si));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGUSR1));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_stop, pending_signals_can_be_seen)
{
	pid_t kid = TRACEE(sigset_t s; sigfillset(&s);
			   sigprocmask(SIG_SETMASK, &s, NULL);
			   union sigval v = { .sival_int = 5 };
			   sigqueue(getpid(), SIGRTMIN, v); v.sival_int = 6;
			   sigqueue(getpid(), SIGRTMIN, v); raise(SIGUSR2);
			   syscall(SYS_getppid));
	struct __ptrace_peeksiginfo_args a = { .flags = 1, .nr = 10 };
	siginfo_t si[10];
	int st;

	/* Up to the end of getppid(). */
	do {
		EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
		EXPECT_EQ(kid, waitpid(kid, &st, 0));
		EXPECT_TRUE(WIFSTOPPED(st));
	} while (get_regs(kid).orig_rax != SYS_getppid);
	EXPECT_EQ(2, PTRACE(PTRACE_PEEKSIGINFO, kid, &a, si));
	EXPECT_EQ(SIGRTMIN, si[0].si_signo);
	EXPECT_EQ(5, si[0].si_int);
	EXPECT_EQ(6, si[1].si_int);
	a.off = 1;
	EXPECT_EQ(1, PTRACE(PTRACE_PEEKSIGINFO, kid, &a, si));
	EXPECT_EQ(6, si[0].si_int);
	a.off = 2;
	EXPECT_EQ(0, PTRACE(PTRACE_PEEKSIGINFO, kid, &a, si));
	a.off = ~0ull;
	EXPECT_EQ(0, PTRACE(PTRACE_PEEKSIGINFO, kid, &a, si));
	a = (struct __ptrace_peeksiginfo_args){ .nr = 1 };
	EXPECT_EQ(1, PTRACE(PTRACE_PEEKSIGINFO, kid, &a, si));
	EXPECT_EQ(SIGUSR2, si[0].si_signo);
	a.nr = 0;
	EXPECT_EQ(0, PTRACE(PTRACE_PEEKSIGINFO, kid, &a, si));
	a.nr = -1;
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_PEEKSIGINFO, kid, &a, si));
	a = (struct __ptrace_peeksiginfo_args){ .nr = 1, .flags = 2 };
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_PEEKSIGINFO, kid, &a, si));
	a.flags = 0;
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_PEEKSIGINFO, kid, &a, 8));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_PEEKSIGINFO, kid, 8, si));
	kill_tracee(kid);
}

TEST(ptrace_stop, signal_mask)
{
	pid_t kid = TRACEE(
		sigset_t s; sigemptyset(&s); sigaddset(&s, SIGHUP);
		sigprocmask(SIG_SETMASK, &s, NULL); raise(SIGUSR1);
		sigprocmask(SIG_SETMASK, NULL, &s);
		_exit(sigismember(&s, SIGUSR2) && !sigismember(&s, SIGHUP)
			      ? 0
			      : 1));
	uint64_t mask = 0;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_GETSIGMASK, kid, 4, &mask));
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_GETSIGMASK, kid, 128, &mask));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_GETSIGMASK, kid, 8, 8));
	EXPECT_OK(PTRACE(PTRACE_GETSIGMASK, kid, 8, &mask));
	EXPECT_EQ(1 << (SIGHUP - 1), mask);
	mask = 1 << (SIGUSR2 - 1) | 1 << (SIGKILL - 1) | 1 << (SIGSTOP - 1);
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_SETSIGMASK, kid, 16, &mask));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_SETSIGMASK, kid, 8, 8));
	EXPECT_OK(PTRACE(PTRACE_SETSIGMASK, kid, 8, &mask));
	EXPECT_OK(PTRACE(PTRACE_GETSIGMASK, kid, 8, &mask));
	EXPECT_EQ(1 << (SIGUSR2 - 1), mask);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_stop, sigsuspend_shows_the_mask_that_will_be)
{
	pid_t kid = TRACEE(sigset_t s; sigfillset(&s); sigdelset(&s, SIGUSR1);
			   sigdelset(&s, SIGTERM); sigsuspend(&s));
	uint64_t mask;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_OK(kill(kid, SIGUSR1));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	EXPECT_OK(PTRACE(PTRACE_GETSIGMASK, kid, 8, &mask));
	if (mask != 0) /* the signal came before sigsuspend() */
		EXPECT_EQ(0, mask);
	kill_tracee(kid);
}

TEST(ptrace_stop, faults_are_reported)
{
	long *p = EXPECT_OK(mmap(NULL, 4096, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	pid_t kid = TRACEE(*(volatile long *)p = 1);
	siginfo_t si;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGSEGV), kid);
	si = get_siginfo(kid);
	EXPECT_EQ(SEGV_ACCERR, si.si_code);
	EXPECT_TRUE(si.si_addr == p);
	EXPECT_EQ(-1, (long)get_regs(kid).orig_rax);
	/* Dropped, the instruction faults again. */
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGSEGV), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGSEGV));
	EXPECT_EQ(kid, waitpid(kid, (int *)&g_caught, 0));
	EXPECT_EQ(SIGSEGV, g_caught & 0x7f);
}

TEST(ptrace_stop, sigchld_tells_of_stops)
{
	pid_t kid;
	siginfo_t si;
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &s, NULL));
	kid = TRACEE(raise(SIGUSR1));
	EXPECT_EQ(SIGCHLD, sigwaitinfo(&s, &si));
	EXPECT_EQ(CLD_TRAPPED, si.si_code);
	EXPECT_EQ(SIGSTOP, si.si_status);
	EXPECT_EQ(kid, si.si_pid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EQ(SIGCHLD, sigwaitinfo(&s, &si));
	EXPECT_EQ(CLD_TRAPPED, si.si_code);
	EXPECT_EQ(SIGUSR1, si.si_status);
	kill_tracee(kid);
	EXPECT_EQ(SIGCHLD, sigwaitinfo(&s, &si));
	EXPECT_EQ(CLD_KILLED, si.si_code);
}

TEST(ptrace_stop, nocldstop_holds_back_sigchld)
{
	struct sigaction sa = { .sa_handler = SIG_DFL,
				.sa_flags = SA_NOCLDSTOP };
	sigset_t s;
	pid_t kid;

	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &s, NULL));
	EXPECT_OK(sigaction(SIGCHLD, &sa, NULL));
	kid = TRACEE(pause());
	EXPECT_OK(sigpending(&s));
	EXPECT_EQ(0, sigismember(&s, SIGCHLD));
	kill_tracee(kid);
}

/* --- group stop ----------------------------------------------------------- */

TEST(ptrace_stop, group_stop_of_an_attached_task)
{
	pid_t kid = TRACEE(for (;;) pause());
	siginfo_t si;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_OK(kill(kid, SIGTSTP));
	EXPECT_STATUS(STOP_STATUS(SIGTSTP), kid);
	si = get_siginfo(kid);
	EXPECT_EQ(SIGTSTP, si.si_signo);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGSTOP));
	/* Now the group stop, which has no siginfo. */
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), kid);
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_GETSIGINFO, kid, 0, &si));
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_SETSIGINFO, kid, 0, &si));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_SOON(status_field(kid, "State") == 'S');
	kill_tracee(kid);
}

TEST(ptrace_stop, group_stop_of_a_seized_task)
{
	pid_t kid = pausing_child();
	siginfo_t si;
	int st;

	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0));
	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), kid);
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_LISTEN, kid, 0, 0));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGSTOP));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP) | PTRACE_EVENT_STOP << 16, kid);
	si = get_siginfo(kid);
	EXPECT_EQ(SIGSTOP, si.si_signo);
	EXPECT_EQ(SIGSTOP | PTRACE_EVENT_STOP << 8, si.si_code);
	EXPECT_OK(PTRACE(PTRACE_LISTEN, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG | __WALL));
	EXPECT_EQ('t', status_field(kid, "State"));
	EXPECT_OK(kill(kid, SIGCONT));
	/* SIGCONT ends the listening with a trap, and is then reported. */
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGCONT), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGCONT));
	EXPECT_SOON(status_field(kid, "State") == 'S');
	kill_tracee(kid);
}

TEST(ptrace_stop, interrupt_traps_once)
{
	pid_t kid = pausing_child();
	siginfo_t si;
	int st;

	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0));
	EXPECT_OK(PTRACE(PTRACE_INTERRUPT, kid, 0, 0));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), kid);
	si = get_siginfo(kid);
	EXPECT_EQ(SIGTRAP, si.si_signo);
	EXPECT_EQ(SIGTRAP | PTRACE_EVENT_STOP << 8, si.si_code);
	EXPECT_EQ(kid, si.si_pid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG | __WALL));
	/* In a stop: one more trap after it. */
	EXPECT_OK(PTRACE(PTRACE_INTERRUPT, kid, 0, 0));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), kid);
	EXPECT_OK(PTRACE(PTRACE_INTERRUPT, kid, 0, 0));
	EXPECT_OK(PTRACE(PTRACE_INTERRUPT, kid, 0, 0));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_SOON(status_field(kid, "State") == 'S');
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG | __WALL));
	kill_tracee(kid);
}

TEST(ptrace_stop, interrupt_ends_listening)
{
	pid_t kid = pausing_child();

	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0));
	EXPECT_OK(PTRACE(PTRACE_INTERRUPT, kid, 0, 0));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), kid);
	EXPECT_OK(PTRACE(PTRACE_LISTEN, kid, 0, 0));
	EXPECT_OK(PTRACE(PTRACE_INTERRUPT, kid, 0, 0));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), kid);
	kill_tracee(kid);
}

TEST(ptrace_stop, interrupted_calls_go_on)
{
	pid_t kid = CHILD(struct timespec ts = { 0, 100000000 };
			  _exit(nanosleep(&ts, NULL) ? 1 : 0));

	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0));
	EXPECT_OK(PTRACE(PTRACE_INTERRUPT, kid, 0, 0));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(0, kid);
}

TEST(ptrace_stop, attach_to_a_stopped_process)
{
	pid_t kid = pausing_child();
	int st, stops = 0;

	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_OK(PTRACE(PTRACE_ATTACH, kid, 0, 0));
	/* No need to wait: the stop was there before. */
	EXPECT_EQ(kid, waitpid(kid, &st, WNOHANG));
	EXPECT_EQ(STOP_STATUS(SIGSTOP), st);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), kid);
	stops++;
	EXPECT_OK(PTRACE(PTRACE_DETACH, kid, 0, 0));
	/* The process is still stopped, as it was. */
	EXPECT_SOON(status_field(kid, "State") == 'T');
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_SOON(status_field(kid, "State") == 'S');
	kill_tracee(kid);
}

TEST(ptrace_stop, seize_a_stopped_process)
{
	pid_t kid = pausing_child();
	int st;

	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0));
	EXPECT_EQ(kid, waitpid(kid, &st, WNOHANG));
	EXPECT_EQ(STOP_STATUS(SIGSTOP) | PTRACE_EVENT_STOP << 16, st);
	EXPECT_OK(PTRACE(PTRACE_LISTEN, kid, 0, 0));
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), kid);
	kill_tracee(kid);
}

TEST(ptrace_stop, detach_in_a_group_stop_leaves_it_stopped)
{
	pid_t kid = pausing_child();
	int st;

	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0));
	EXPECT_OK(kill(kid, SIGSTOP));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGSTOP));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP) | PTRACE_EVENT_STOP << 16, kid);
	EXPECT_OK(PTRACE(PTRACE_DETACH, kid, 0, 0));
	EXPECT_SOON(status_field(kid, "State") == 'T');
	/* And the parent may wait for the stop itself now. */
	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_EQ(STOP_STATUS(SIGSTOP), st);
	kill_tracee(kid);
}

/* A process of two threads; the second one's id. */
static pid_t two_threads(_Atomic int *tid)
{
	return CHILD(pthread_t th;
		     pthread_create(&th, NULL, pausing_thread, (void *)tid);
		     for (;;) pause());
}

TEST(ptrace_stop, threads_join_a_group_stop_one_by_one)
{
	_Atomic int *tid = shared_int();
	pid_t kid = two_threads(tid);
	int st;

	EXPECT_SOON(*tid);
	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0));
	EXPECT_OK(PTRACE(PTRACE_SEIZE, *tid, 0, 0));
	EXPECT_OK(syscall(SYS_tgkill, kid, *tid, SIGSTOP));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), *tid);
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG | __WALL));
	EXPECT_OK(PTRACE(PTRACE_CONT, *tid, 0, SIGSTOP));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP) | PTRACE_EVENT_STOP << 16, *tid);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP) | PTRACE_EVENT_STOP << 16, kid);
	EXPECT_OK(PTRACE(PTRACE_LISTEN, *tid, 0, 0));
	EXPECT_OK(PTRACE(PTRACE_LISTEN, kid, 0, 0));
	EXPECT_OK(kill(kid, SIGCONT));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), *tid);
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), kid);
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_STATUS(SIGKILL, *tid);
	EXPECT_STATUS(SIGKILL, kid);
}

TEST_MAIN
