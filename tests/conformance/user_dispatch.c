/* SPDX-License-Identifier: Apache-2.0 */
/* prctl(2) PR_SET_SYSCALL_USER_DISPATCH: own system calls come back. */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "tests/harness/guest_test.h"

#ifndef PR_SYS_DISPATCH_EXCLUSIVE_ON
#define PR_SYS_DISPATCH_EXCLUSIVE_ON 1
#endif
#ifndef PR_SYS_DISPATCH_INCLUSIVE_ON
#define PR_SYS_DISPATCH_INCLUSIVE_ON 2
#endif
enum { ALLOW, BLOCK };

static volatile char selector;
static volatile int hits;
static siginfo_t seen;
static long seen_rax;

static void on_sys(int signo, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)signo;
	selector = ALLOW;
	seen = *si;
	seen_rax = uc->uc_mcontext.gregs[REG_RAX];
	hits++;
	/* The emulated result. */
	uc->uc_mcontext.gregs[REG_RAX] = 4711;
}

static void catch_sys(void)
{
	struct sigaction sa = { .sa_sigaction = on_sys,
				.sa_flags = SA_SIGINFO };

	EXPECT_OK(sigaction(SIGSYS, &sa, NULL));
}

static long set(long mode, unsigned long start, unsigned long size,
		volatile char *sel)
{
	return prctl(PR_SET_SYSCALL_USER_DISPATCH, mode, start, size, sel);
}

/* call(): a system call whose address we know. */
long call(long nr);
extern char call_here[], call_end[];
asm(".text\n"
    "call: mov %rdi, %rax\n"
    "call_here: syscall\n"
    "call_end: ret\n");

TEST(user_dispatch, refusals)
{
	EXPECT_ERRNO(EINVAL, set(PR_SYS_DISPATCH_OFF, 1, 0, NULL));
	EXPECT_ERRNO(EINVAL, set(PR_SYS_DISPATCH_OFF, 0, 1, NULL));
	EXPECT_ERRNO(EINVAL, set(PR_SYS_DISPATCH_OFF, 0, 0, &selector));
	EXPECT_ERRNO(EINVAL, set(99, 0, 0, NULL));
	EXPECT_ERRNO(EINVAL, set(PR_SYS_DISPATCH_EXCLUSIVE_ON, 1, 0, NULL));
	EXPECT_ERRNO(EINVAL, set(PR_SYS_DISPATCH_EXCLUSIVE_ON, 1, -1ul, NULL));
	EXPECT_ERRNO(EFAULT,
		     set(PR_SYS_DISPATCH_EXCLUSIVE_ON, 0, 0, (char *)-1ul));
	EXPECT_OK(set(PR_SYS_DISPATCH_OFF, 0, 0, NULL));
}

TEST(user_dispatch, the_selector_decides)
{
	catch_sys();
	EXPECT_OK(set(PR_SYS_DISPATCH_EXCLUSIVE_ON, 0, 0, &selector));
	EXPECT_EQ(getpid(), call(SYS_getpid));
	EXPECT_EQ(0, hits);
	selector = BLOCK;
	EXPECT_EQ(4711, call(SYS_getpid));
	EXPECT_EQ(1, hits);
	EXPECT_EQ(SIGSYS, seen.si_signo);
	EXPECT_EQ(2, seen.si_code);
	EXPECT_EQ(0, seen.si_errno);
	EXPECT_EQ(SYS_getpid, seen.si_syscall);
	EXPECT_TRUE(seen.si_call_addr == call_end);
	EXPECT_EQ(0xc000003e, seen.si_arch);
	EXPECT_EQ(SYS_getpid, seen_rax);
	/* Numbers that are none, too. */
	selector = BLOCK;
	EXPECT_EQ(4711, call(99999));
	EXPECT_EQ(99999, seen.si_syscall);
	EXPECT_OK(set(PR_SYS_DISPATCH_OFF, 0, 0, NULL));
	selector = BLOCK;
	EXPECT_EQ(getpid(), call(SYS_getpid));
}

TEST(user_dispatch, a_range_is_left_alone)
{
	long v;

	catch_sys();
	selector = ALLOW;
	EXPECT_OK(set(PR_SYS_DISPATCH_EXCLUSIVE_ON, (unsigned long)call_end, 1,
		      &selector));
	selector = BLOCK;
	v = call(SYS_getppid);
	selector = ALLOW;
	EXPECT_EQ(getppid(), v);
	EXPECT_EQ(0, hits);
	/* The address after the instruction counts. */
	EXPECT_OK(set(PR_SYS_DISPATCH_EXCLUSIVE_ON, (unsigned long)call_here,
		      (unsigned long)(call_end - call_here), &selector));
	selector = BLOCK;
	EXPECT_EQ(4711, call(SYS_getpid));
	EXPECT_EQ(1, hits);
}

TEST(user_dispatch, wrong_selectors_kill)
{
	EXPECT_KILLED(SIGSYS, CHILD({
			      catch_sys();
			      set(PR_SYS_DISPATCH_EXCLUSIVE_ON, 0, 0,
				  &selector);
			      selector = 2;
			      getpid();
		      }));
	EXPECT_KILLED(SIGSEGV, CHILD({
			      catch_sys();
			      set(PR_SYS_DISPATCH_EXCLUSIVE_ON, 0, 0,
				  (char *)8);
			      getpid();
		      }));
	/* Blocked: Linux kills, too. */
	EXPECT_KILLED(SIGSYS, CHILD({
			      sigset_t all;

			      catch_sys();
			      sigfillset(&all);
			      sigprocmask(SIG_SETMASK, &all, NULL);
			      set(PR_SYS_DISPATCH_EXCLUSIVE_ON, 0, 0,
				  &selector);
			      selector = BLOCK;
			      getpid();
		      }));
}

static void *thread(void *arg)
{
	(void)arg;
	return (void *)call(SYS_getpid);
}

TEST(user_dispatch, it_is_not_inherited)
{
	pthread_t t;
	void *v;

	catch_sys();
	/* All but the one call below is left alone, in this thread. */
	EXPECT_OK(set(PR_SYS_DISPATCH_EXCLUSIVE_ON, (unsigned long)call_end + 1,
		      -(unsigned long)call_end - 2, NULL));
	EXPECT_EQ(0, pthread_create(&t, NULL, thread, NULL));
	EXPECT_EQ(0, pthread_join(t, &v));
	EXPECT_EQ(getpid(), (long)v);
	EXPECT_EXIT(0, CHILD(EXPECT_EQ(getpid(), call(SYS_getpid))));
}

TEST_MAIN
