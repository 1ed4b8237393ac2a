/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace(2): what a tracer sees of seccomp filters and of user dispatch, and
 * what it does not see: the signal of a killing filter.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "tests/conformance/seccomp_filters.h"
#include "tests/harness/ptrace_test.h"

#define GET_FILTER   0x420c
#define GET_METADATA 0x420d
#define SET_DISPATCH 0x4210
#define GET_DISPATCH 0x4211

struct metadata {
	uint64_t off, flags;
};
struct dispatch {
	uint64_t mode, selector, offset, len;
};

static void need_checkpoints(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
}

/* Two filters: the older one refuses getppid, the newer is logged. */
static void two_filters(void)
{
	struct sock_filter all[] = { ALLOW };

	if (deny_getppid(SECCOMP_RET_ERRNO | 7, 0) ||
	    LOAD_FILTER(all, SECCOMP_FILTER_FLAG_LOG))
		_exit(90);
	raise(SIGSTOP);
}

static pid_t filtered(void)
{
	pid_t kid = TRACEE(two_filters());

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), kid);
	return kid;
}

static void end(pid_t kid)
{
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_KILLED(SIGKILL, kid);
}

TEST(ptrace_seccomp, get_filter)
{
	struct sock_filter f[16];
	pid_t kid;

	need_checkpoints();
	kid = filtered();
	/* The oldest is number 0. */
	EXPECT_EQ(4, PTRACE(GET_FILTER, kid, 0, 0));
	memset(f, 0x55, sizeof(f));
	EXPECT_EQ(4, PTRACE(GET_FILTER, kid, 0, f));
	EXPECT_EQ(SECCOMP_RET_ERRNO | 7, f[2].k);
	EXPECT_EQ(0x55555555, f[4].k);
	EXPECT_EQ(1, PTRACE(GET_FILTER, kid, 1, f));
	EXPECT_EQ(SECCOMP_RET_ALLOW, f[0].k);
	EXPECT_ERRNO(ENOENT, PTRACE(GET_FILTER, kid, 2, f));
	EXPECT_ERRNO(ENOENT, PTRACE(GET_FILTER, kid, -1L, f));
	EXPECT_ERRNO(EFAULT, PTRACE(GET_FILTER, kid, 0, 8));
	end(kid);
}

TEST(ptrace_seccomp, get_filter_of_whom_and_by_whom)
{
	struct sock_filter f[16];
	pid_t kid = TRACEE(raise(SIGSTOP));

	EXPECT_ERRNO(geteuid() ? EACCES : EINVAL,
		     PTRACE(GET_FILTER, kid, 0, f));
	/* A tracer that is filtered itself may not look. */
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 7, 0));
	EXPECT_ERRNO(EACCES, PTRACE(GET_FILTER, kid, 0, f));
	EXPECT_ERRNO(EACCES, PTRACE(GET_METADATA, kid, 16, f));
	end(kid);
}

TEST(ptrace_seccomp, get_metadata)
{
	struct metadata m = { 0, 99 };
	pid_t kid;

	need_checkpoints();
	kid = filtered();
	EXPECT_EQ(16, PTRACE(GET_METADATA, kid, 16, &m));
	EXPECT_EQ(0, m.flags);
	m = (struct metadata){ 1, 99 };
	EXPECT_EQ(16, PTRACE(GET_METADATA, kid, 100, &m));
	EXPECT_EQ(SECCOMP_FILTER_FLAG_LOG, m.flags);
	m = (struct metadata){ 1, 99 };
	EXPECT_EQ(12, PTRACE(GET_METADATA, kid, 12, &m));
	EXPECT_EQ(SECCOMP_FILTER_FLAG_LOG, (uint32_t)m.flags);
	EXPECT_ERRNO(EINVAL, PTRACE(GET_METADATA, kid, 7, &m));
	EXPECT_EQ(8, PTRACE(GET_METADATA, kid, 8, &m));
	EXPECT_ERRNO(EFAULT, PTRACE(GET_METADATA, kid, 16, 8));
	m.off = 2;
	EXPECT_ERRNO(ENOENT, PTRACE(GET_METADATA, kid, 16, &m));
	end(kid);
}

TEST(ptrace_seccomp, user_dispatch_of_a_tracee)
{
	static char selector;
	struct dispatch d = { 9, 9, 9, 9 };
	pid_t kid = TRACEE(raise(SIGSTOP); syscall(SYS_getppid); _exit(3));

	EXPECT_ERRNO(EINVAL, PTRACE(GET_DISPATCH, kid, 31, &d));
	EXPECT_ERRNO(EINVAL, PTRACE(GET_DISPATCH, kid, 33, &d));
	EXPECT_ERRNO(EFAULT, PTRACE(GET_DISPATCH, kid, sizeof(d), 8));
	EXPECT_OK(PTRACE(GET_DISPATCH, kid, sizeof(d), &d));
	EXPECT_EQ(0, d.mode | d.selector | d.offset | d.len);
	EXPECT_ERRNO(EINVAL, PTRACE(SET_DISPATCH, kid, 31, &d));
	EXPECT_ERRNO(EFAULT, PTRACE(SET_DISPATCH, kid, sizeof(d), 8));
	d = (struct dispatch){ .mode = 77 };
	EXPECT_ERRNO(EINVAL, PTRACE(SET_DISPATCH, kid, sizeof(d), &d));
	d = (struct dispatch){ 1, (uintptr_t)&selector, 0x1000, 0x2000 };
	EXPECT_OK(PTRACE(SET_DISPATCH, kid, sizeof(d), &d));
	memset(&d, 0x55, sizeof(d));
	EXPECT_OK(PTRACE(GET_DISPATCH, kid, sizeof(d), &d));
	EXPECT_EQ(1, d.mode);
	EXPECT_EQ((uintptr_t)&selector, d.selector);
	EXPECT_EQ(0x1000, d.offset);
	EXPECT_EQ(0x2000, d.len);
	/* It has effect: without a selector every call comes back. */
	d.selector = 0;
	EXPECT_OK(PTRACE(SET_DISPATCH, kid, sizeof(d), &d));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGSYS), kid);
	EXPECT_EQ(2 /* SYS_USER_DISPATCH */, get_siginfo(kid).si_code);
	d = (struct dispatch){ 0 };
	EXPECT_OK(PTRACE(SET_DISPATCH, kid, sizeof(d), &d));
	end(kid);
}

/* --- the signal of a killing filter --------------------------------------- */

TEST(ptrace_seccomp, tracer_does_not_see_the_killing_signal)
{
	pid_t kid = TRACEE(no_new_privs();
			   deny_getppid(SECCOMP_RET_KILL_PROCESS, 0);
			   syscall(SYS_getppid));

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_KILLED(SIGSYS, kid);
}

static void survive(int sig)
{
	(void)sig;
	_exit(7);
}

static void *set_handlers(void *arg)
{
	struct sigaction sa = { .sa_handler = survive };

	(void)arg;
	for (;;)
		sigaction(SIGSYS, &sa, NULL);
	return NULL;
}

/* Another thread sets a handler all the time: the process ends all the same. */
TEST(ptrace_seccomp, killed_whatever_handler_is_set)
{
	for (int i = 0; i < 30; i++) {
		pid_t kid = CHILD({
			pthread_t th;

			no_new_privs();
			pthread_create(&th, NULL, set_handlers, NULL);
			usleep(1000 + 100 * i);
			deny_getppid(SECCOMP_RET_KILL_PROCESS, 0);
			syscall(SYS_getppid);
		});

		EXPECT_KILLED(SIGSYS, kid);
	}
}

TEST_MAIN
