/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: actions, masks, queues, what siginfo says, who may send, waiting.
 * Frames are in sigframe.c, restarts in restart.c.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

static _Atomic int hits, last_sig, last_code, last_value, last_tid;
static _Atomic int last_pid, last_uid;
static _Atomic(void *) last_addr;
static int order[64];

static void on_signal(int sig, siginfo_t *si, void *ctx)
{
	(void)ctx;
	last_sig = sig;
	last_code = si->si_code;
	last_value = si->si_value.sival_int;
	last_pid = si->si_pid;
	last_uid = (int)si->si_uid;
	last_addr = si->si_addr;
	last_tid = gettid();
	order[hits % 64] = sig * 100 + last_value;
	hits++;
}

static void catch (int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO | flags };

	EXPECT_OK(sigaction(sig, &sa, NULL));
}

static void block(int sig)
{
	sigset_t m;

	sigemptyset(&m);
	sigaddset(&m, sig);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &m, NULL));
}

static void unblock(int sig)
{
	sigset_t m;

	sigemptyset(&m);
	sigaddset(&m, sig);
	EXPECT_OK(sigprocmask(SIG_UNBLOCK, &m, NULL));
}

static int is_pending(int sig)
{
	sigset_t m;

	EXPECT_OK(sigpending(&m));
	return sigismember(&m, sig);
}

/* --- actions and masks ---------------------------------------------------- */

struct kaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

TEST(signal, action_checks_its_arguments)
{
	struct kaction a = { .handler = SIG_IGN };

	EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, SIGKILL, &a, NULL, 8));
	EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, SIGSTOP, &a, NULL, 8));
	EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
	EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
	EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
	EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8));
	EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigaction, SIGUSR1, NULL, 8, 8));
	EXPECT_OK(syscall(SYS_rt_sigaction, SIGKILL, NULL, &a, 8));
	EXPECT_TRUE(a.handler == SIG_DFL);
}

TEST(signal, action_keeps_what_it_was_given)
{
	struct kaction a = { .handler = (void *)0x1234000,
			     .flags = 0x04000000 | SA_RESTART | SA_NODEFER |
				      0x400 | (1ul << 40),
			     .restorer = (void *)0x5678,
			     .mask = ~0ull },
		       b;

	EXPECT_OK(syscall(SYS_rt_sigaction, SIGUSR1, &a, NULL, 8));
	EXPECT_OK(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &b, 8));
	EXPECT_TRUE(b.handler == a.handler && b.restorer == a.restorer);
	/* KILL and STOP cannot be masked; unknown flags are cleared. */
	EXPECT_EQ(~0ull & ~(1ull << (SIGKILL - 1)) & ~(1ull << (SIGSTOP - 1)),
		  b.mask);
	EXPECT_EQ(0x04000000 | SA_RESTART | SA_NODEFER, b.flags);
}

TEST(signal, mask_checks_and_kill_cannot_be_blocked)
{
	uint64_t all = ~0ull, got = 0;

	EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigprocmask, 9, &all, NULL, 8));
	EXPECT_OK(syscall(SYS_rt_sigprocmask, 9, NULL, &got, 8));
	EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigprocmask, 0, &all, NULL, 4));
	EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigprocmask, 0, 8, NULL, 8));
	EXPECT_OK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8));
	EXPECT_OK(syscall(SYS_rt_sigprocmask, 0, NULL, &got, 8));
	EXPECT_EQ(all & ~(1ull << (SIGKILL - 1)) & ~(1ull << (SIGSTOP - 1)),
		  got);
	/* The mask is set before the old one cannot be written. */
	uint64_t none = 0;
	EXPECT_ERRNO(EFAULT,
		     syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, 8, 8));
	EXPECT_OK(syscall(SYS_rt_sigprocmask, 0, NULL, &got, 8));
	EXPECT_EQ(0, got);
}

TEST(signal, blocked_ones_wait_standard_ones_once)
{
	catch (SIGUSR1, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	raise(SIGUSR1);
	EXPECT_EQ(0, hits);
	EXPECT_EQ(1, is_pending(SIGUSR1));
	unblock(SIGUSR1);
	EXPECT_EQ(1, hits);
	EXPECT_EQ(0, is_pending(SIGUSR1));
}

TEST(signal, ignoring_throws_away_what_is_pending)
{
	block(SIGUSR1);
	catch (SIGUSR1, 0);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	EXPECT_EQ(0, is_pending(SIGUSR1));
	block(SIGCHLD);
	catch (SIGCHLD, 0);
	raise(SIGCHLD);
	signal(SIGCHLD, SIG_DFL); /* its default is to ignore */
	EXPECT_EQ(0, is_pending(SIGCHLD));
	/* Blocked and ignored: kept, it might be handled some day. */
	raise(SIGUSR1);
	EXPECT_EQ(1, is_pending(SIGUSR1));
}

TEST(signal, lower_numbers_first_and_queues_in_order)
{
	union sigval v;

	for (int s = SIGRTMIN; s < SIGRTMIN + 3; s++) {
		catch (s, 0);
		block(s);
	}
	for (int i = 0; i < 3; i++) {
		for (int s = SIGRTMIN + 2; s >= SIGRTMIN; s--) {
			v.sival_int = i;
			EXPECT_OK(sigqueue(getpid(), s, v));
		}
	}
	sigset_t m;
	sigemptyset(&m);
	/* Take them one by one, so that no handler interrupts another. */
	for (int s = SIGRTMIN; s < SIGRTMIN + 3; s++)
		sigaddset(&m, s);
	for (int n = 0; n < 9; n++) {
		siginfo_t si;
		EXPECT_EQ(SIGRTMIN + n / 3, sigwaitinfo(&m, &si));
		EXPECT_EQ(n % 3, si.si_value.sival_int);
		EXPECT_EQ(SI_QUEUE, si.si_code);
		EXPECT_EQ(getpid(), si.si_pid);
	}
}

TEST(signal, handlers_run_with_their_mask)
{
	static volatile int nested;
	void outer(int sig)
	{
		raise(SIGUSR2); /* in sa_mask: later */
		raise(sig);	/* itself: later */
		if (hits)
			nested = 1;
		struct sigaction sa = { .sa_sigaction = on_signal,
					.sa_flags = SA_SIGINFO };
		sigaction(SIGUSR1, &sa, NULL);
	}
	struct sigaction sa = { .sa_handler = outer };

	sigaddset(&sa.sa_mask, SIGUSR2);
	catch (SIGUSR2, 0);
	EXPECT_OK(sigaction(SIGUSR1, &sa, NULL));
	raise(SIGUSR1);
	EXPECT_EQ(0, nested);
	EXPECT_EQ(2, hits);
}

TEST(signal, nodefer_and_resethand)
{
	static volatile int depth, deepest;
	void again(int sig)
	{
		if (++depth > deepest)
			deepest = depth;
		if (depth < 3)
			raise(sig);
		depth--;
	}
	struct sigaction sa = { .sa_handler = again, .sa_flags = SA_NODEFER };

	EXPECT_OK(sigaction(SIGUSR1, &sa, NULL));
	raise(SIGUSR1);
	EXPECT_EQ(3, deepest);
	catch (SIGUSR1, SA_RESETHAND);
	raise(SIGUSR1);
	EXPECT_OK(sigaction(SIGUSR1, NULL, &sa));
	EXPECT_TRUE(sa.sa_handler == SIG_DFL);
	EXPECT_EQ(1, hits);
}

/* --- sending -------------------------------------------------------------- */

TEST(signal, codes_tell_how_it_was_sent)
{
	siginfo_t si;

	catch (SIGUSR1, 0);
	EXPECT_OK(kill(getpid(), SIGUSR1));
	EXPECT_EQ(SI_USER, last_code);
	EXPECT_EQ(getpid(), last_pid);
	EXPECT_EQ(getuid(), last_uid);
	EXPECT_OK(syscall(SYS_tkill, gettid(), SIGUSR1));
	EXPECT_EQ(SI_TKILL, last_code);
	EXPECT_OK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
	EXPECT_EQ(SI_TKILL, last_code);
	memset(&si, 0, sizeof(si));
	si.si_code = -77;
	si.si_pid = 4242;
	si.si_value.sival_int = 99;
	EXPECT_OK(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &si));
	EXPECT_EQ(-77, last_code);
	EXPECT_EQ(4242, last_pid);
	EXPECT_EQ(99, last_value);
	EXPECT_OK(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGUSR1,
			  &si));
	EXPECT_EQ(5, hits);
}

TEST(signal, send_errors)
{
	siginfo_t si;
	pid_t kid = CHILD(for (;;) pause());

	EXPECT_ERRNO(ESRCH, kill(99999999, 0));
	EXPECT_ERRNO(ESRCH, kill(-99999999, 0));
	EXPECT_ERRNO(ESRCH, kill((pid_t)0x80000000, 0));
	EXPECT_ERRNO(EINVAL, kill(getpid(), 65));
	EXPECT_ERRNO(EINVAL, kill(getpid(), -1));
	EXPECT_ERRNO(EINVAL, syscall(SYS_tkill, 0, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_tkill, -1, 0));
	EXPECT_ERRNO(ESRCH, syscall(SYS_tkill, 99999999, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_tgkill, 0, gettid(), 0));
	EXPECT_ERRNO(ESRCH, syscall(SYS_tgkill, kid, gettid(), 0));
	memset(&si, 0, sizeof(si));
	si.si_code = SI_USER;
	EXPECT_ERRNO(EPERM, syscall(SYS_rt_sigqueueinfo, kid, SIGUSR1, &si));
	si.si_code = SI_TKILL;
	EXPECT_ERRNO(EPERM, syscall(SYS_rt_sigqueueinfo, kid, SIGUSR1, &si));
	si.si_code = SI_QUEUE;
	EXPECT_ERRNO(ESRCH, syscall(SYS_rt_sigqueueinfo, 99999999, 0, &si));
	EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigqueueinfo, kid, 10, 8));
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_KILLED(SIGKILL, kid);
}

TEST(signal, permission)
{
	int p[2];
	char c;

	if (getuid() != 0)
		SKIP("needs root");
	pid_t victim = CHILD(for (;;) pause());
	EXPECT_OK(pipe(p));
	pid_t kid = CHILD({
		if (setresuid(4000, 4001, 4001))
			_exit(1);
		if (kill(victim, 0) != -1 || errno != EPERM)
			_exit(2);
		if (kill(victim, 65) != -1 || errno != EINVAL)
			_exit(3);
		if (kill(getppid(), SIGCONT)) /* same session: allowed */
			_exit(4);
		if (write(p[1], "x", 1) != 1)
			_exit(5);
		for (;;)
			pause();
	});
	EXPECT_EQ(1, read(p[0], &c, 1));
	/* Real against saved, as set*id programs need it. */
	pid_t other = CHILD(_exit(setresuid(4001, 4002, 4003) || kill(kid, 0)));
	EXPECT_EXIT(0, other);
	other = CHILD(_exit(setresuid(4005, 4000, 4005) || kill(kid, 0)));
	EXPECT_EXIT(0, other);
	other = CHILD(_exit(setresuid(4005, 4005, 4000) || kill(kid, 0) != -1));
	EXPECT_EXIT(0, other);
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_KILLED(SIGKILL, kid);
	EXPECT_OK(kill(victim, SIGKILL));
	EXPECT_KILLED(SIGKILL, victim);
}

TEST(signal, queue_limit)
{
	struct rlimit rl = { 5, 5 };
	union sigval v = { 0 };
	int n = 0;

	block(SIGRTMIN);
	block(SIGUSR1);
	EXPECT_OK(setrlimit(RLIMIT_SIGPENDING, &rl));
	while (sigqueue(getpid(), SIGRTMIN, v) == 0 && n < 100)
		n++;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_TRUE(n <= 6);
	/* kill still works: the number is kept, the rest lost. */
	EXPECT_OK(kill(getpid(), SIGUSR1));
	EXPECT_EQ(1, is_pending(SIGUSR1));
	EXPECT_OK(kill(getpid(), SIGRTMIN));
}

/* --- waiting -------------------------------------------------------------- */

TEST(signal, timedwait)
{
	struct timespec none = { 0, 0 }, ms = { 0, 2000000 },
			bad = { 0, 1000000000 };
	sigset_t m;
	siginfo_t si;

	sigemptyset(&m);
	sigaddset(&m, SIGUSR1);
	block(SIGUSR1);
	EXPECT_ERRNO(EAGAIN, sigtimedwait(&m, &si, &none));
	EXPECT_ERRNO(EAGAIN, sigtimedwait(&m, &si, &ms));
	EXPECT_ERRNO(EINVAL, sigtimedwait(&m, &si, &bad));
	EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigtimedwait, &m, NULL, NULL, 4));
	EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigtimedwait, 8, NULL, NULL, 8));
	raise(SIGUSR1);
	EXPECT_EQ(SIGUSR1, sigtimedwait(&m, &si, &none));
	EXPECT_EQ(SI_USER, si.si_code); /* the C library says so */
	/* Another signal's handler ends it. */
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } };
	catch (SIGALRM, SA_RESTART);
	setitimer(ITIMER_REAL, &it, NULL);
	EXPECT_ERRNO(EINTR, sigtimedwait(&m, &si, NULL));
}

TEST(signal, suspend_swaps_the_mask)
{
	sigset_t none, now;

	catch (SIGUSR1, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	sigemptyset(&none);
	EXPECT_ERRNO(EINTR, sigsuspend(&none));
	EXPECT_EQ(1, hits);
	EXPECT_OK(sigprocmask(SIG_BLOCK, NULL, &now));
	EXPECT_EQ(1, sigismember(&now, SIGUSR1));
	EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigsuspend, &none, 4));
	EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigsuspend, 8, 8));
}

TEST(signal, pending_writes_as_much_as_asked)
{
	unsigned char buf[16];

	memset(buf, 0xaa, sizeof(buf));
	EXPECT_OK(syscall(SYS_rt_sigpending, buf, 4));
	EXPECT_EQ(0xaa, buf[4]);
	EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigpending, buf, 16));
	EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigpending, 8, 8));
}

/* --- threads -------------------------------------------------------------- */

static _Atomic int go, thread_tid;

static void *blocked_thread(void *arg)
{
	block(SIGUSR1);
	thread_tid = gettid();
	while (!go)
		usleep(1000);
	return arg;
}

TEST(signal, a_process_signal_goes_to_a_thread_that_wants_it)
{
	pthread_t t;

	catch (SIGUSR1, 0);
	pthread_create(&t, NULL, blocked_thread, NULL);
	EXPECT_SOON(thread_tid);
	for (int i = 0; i < 20; i++) {
		EXPECT_OK(kill(getpid(), SIGUSR1));
		EXPECT_SOON(hits == i + 1);
		EXPECT_EQ(getpid(), last_tid);
	}
	/* Aimed at the thread it stays there. */
	EXPECT_OK(syscall(SYS_tgkill, getpid(), thread_tid, SIGUSR1));
	EXPECT_EQ(0, is_pending(SIGUSR1));
	EXPECT_EQ(20, hits);
	go = 1;
	pthread_join(t, NULL);
}

static void *opens_up(void *arg)
{
	unblock(SIGUSR1);
	return (void *)(intptr_t)(hits == 1 && last_tid == gettid() && !arg);
}

TEST(signal, a_pending_process_signal_is_taken_by_who_unblocks)
{
	pthread_t t;
	void *res;

	catch (SIGUSR1, 0);
	block(SIGUSR1);
	EXPECT_OK(kill(getpid(), SIGUSR1));
	EXPECT_EQ(1, is_pending(SIGUSR1));
	pthread_create(&t, NULL, opens_up, NULL);
	pthread_join(t, &res);
	EXPECT_EQ(1, (intptr_t)res);
}

static void *waits_for(void *arg)
{
	sigset_t m;
	int sig;

	sigemptyset(&m);
	sigaddset(&m, SIGRTMIN);
	for (;;) {
		if (sigwait(&m, &sig) || go)
			return arg;
		hits++;
	}
}

TEST(signal, two_waiters_take_each_queued_one_once)
{
	pthread_t t[2];
	union sigval v = { 0 };

	block(SIGRTMIN);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, waits_for, NULL);
	for (int i = 0; i < 200; i++)
		EXPECT_OK(sigqueue(getpid(), SIGRTMIN, v));
	EXPECT_SOON(hits == 200);
	go = 1;
	EXPECT_OK(sigqueue(getpid(), SIGRTMIN, v));
	EXPECT_OK(sigqueue(getpid(), SIGRTMIN, v));
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
}

/* --- faults --------------------------------------------------------------- */

static sigjmp_buf back;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
	on_signal(sig, si, ctx);
	siglongjmp(back, 1);
}

static void catch_fault(int sig)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO };

	EXPECT_OK(sigaction(sig, &sa, NULL));
}

#define EXPECT_FAULT(sig, code, ...)                         \
	do {                                                 \
		last_sig = 0;                                \
		if (!sigsetjmp(back, 1)) {                   \
			__VA_ARGS__;                         \
			FAIL("line %d: no fault", __LINE__); \
		}                                            \
		EXPECT_EQ(sig, last_sig);                    \
		EXPECT_EQ(code, last_code);                  \
	} while (0)

TEST(signal, memory_faults_tell_code_and_address)
{
	char *p =
		mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	catch_fault(SIGSEGV);
	catch_fault(SIGBUS);
	EXPECT_FAULT(SIGSEGV, SEGV_MAPERR, *(volatile int *)16 = 1);
	EXPECT_EQ(16, (long)last_addr);
	EXPECT_FAULT(SIGSEGV, SEGV_ACCERR, *(volatile char *)(p + 5) = 1);
	EXPECT_TRUE(last_addr == p + 5);
	EXPECT_FAULT(SIGSEGV, SEGV_ACCERR, ((void (*)(void))(void *)p)());
	EXPECT_TRUE(last_addr == p);
	EXPECT_OK(mprotect(p, 4096, PROT_NONE));
	EXPECT_FAULT(SIGSEGV, SEGV_ACCERR, (void)*(volatile char *)(p + 6));
	EXPECT_OK(munmap(p, 8192));
	EXPECT_FAULT(SIGSEGV, SEGV_MAPERR, (void)*(volatile char *)(p + 7));
	/* Not canonical: no address. */
	EXPECT_FAULT(SIGSEGV, SI_KERNEL,
		     *(volatile int *)0xdead000000000000 = 1);
	EXPECT_EQ(0, (long)last_addr);
}

TEST(signal, other_faults)
{
	volatile int zero = 0;

	catch_fault(SIGFPE);
	catch_fault(SIGILL);
	catch_fault(SIGTRAP);
	catch_fault(SIGSEGV);
	EXPECT_FAULT(SIGFPE, FPE_INTDIV, zero = 100 / zero);
	EXPECT_FAULT(SIGILL, ILL_ILLOPN, __asm__ volatile("ud2"));
	EXPECT_FAULT(SIGTRAP, SI_KERNEL, __asm__ volatile("int3"));
	EXPECT_FAULT(SIGSEGV, SI_KERNEL, __asm__ volatile("hlt"));
}

TEST(signal, a_blocked_or_ignored_fault_kills)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	pid_t kid = CHILD({
		catch_fault(SIGSEGV);
		block(SIGSEGV);
		*(volatile int *)16 = 1;
	});
	EXPECT_KILLED(SIGSEGV, kid);
	kid = CHILD({
		signal(SIGSEGV, SIG_IGN);
		*(volatile int *)16 = 1;
	});
	EXPECT_KILLED(SIGSEGV, kid);
	/* Sent by kill it is only ignored. */
	kid = CHILD({
		signal(SIGSEGV, SIG_IGN);
		raise(SIGSEGV);
	});
	EXPECT_EXIT(0, kid);
}

TEST(signal, sigpipe_is_for_the_writing_thread)
{
	int p[2];

	catch (SIGPIPE, 0);
	EXPECT_OK(pipe(p));
	close(p[0]);
	EXPECT_ERRNO(EPIPE, write(p[1], "x", 1));
	EXPECT_EQ(1, hits);
	EXPECT_EQ(getpid(), last_pid);
	signal(SIGPIPE, SIG_IGN);
	EXPECT_ERRNO(EPIPE, write(p[1], "x", 1));
}

TEST_MAIN
