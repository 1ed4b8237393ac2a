/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace_test: what the conformance programs of ptrace(2) have in common. */
#ifndef TESTS_HARNESS_PTRACE_TEST_H
#define TESTS_HARNESS_PTRACE_TEST_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "tests/harness/guest_test.h"

#ifndef __WALL
#define __WALL 0x40000000
#endif
#define EVENT_STATUS(event) ((SIGTRAP | (event) << 8) << 8 | 0x7f)
#define STOP_STATUS(sig)    ((sig) << 8 | 0x7f)

/* The raw call: no errno games of the library's PEEK. */
#define PTRACE(req, pid, addr, data) \
	syscall(SYS_ptrace, (long)(req), (pid), (long)(addr), (long)(data))

/* Waits for @pid, a tracee, and expects this status word. */
#define EXPECT_STATUS(want, pid)                                            \
	do {                                                                \
		int st_ = 0;                                                \
		pid_t w_ = EXPECT_OK(waitpid(pid, &st_, __WALL));           \
		(void)w_;                                                   \
		if (st_ != (want))                                          \
			FAIL("line %d: wait status %#x, not %#x", __LINE__, \
			     st_, (int)(want));                             \
	} while (0)

/* A child that asked to be traced and has stopped itself, reported already. */
#define TRACEE(...)                                                           \
	({                                                                    \
		pid_t tracee_ =                                               \
			CHILD(if (PTRACE(PTRACE_TRACEME, 0, 0, 0)) _exit(98); \
			      raise(SIGSTOP); __VA_ARGS__);                   \
		EXPECT_STATUS(STOP_STATUS(SIGSTOP), tracee_);                 \
		tracee_;                                                      \
	})

/* A child that is not traced and waits for signals. */
static inline pid_t pausing_child(void)
{
	return CHILD(for (;;) pause());
}

static inline void kill_tracee(pid_t pid)
{
	int st;

	EXPECT_OK(kill(pid, SIGKILL));
	do
		EXPECT_EQ(pid, waitpid(pid, &st, __WALL));
	while (WIFSTOPPED(st));
	EXPECT_EQ(SIGKILL, st & 0x7f);
}

static inline siginfo_t get_siginfo(pid_t pid)
{
	siginfo_t si;

	memset(&si, 0xee, sizeof(si));
	EXPECT_OK(PTRACE(PTRACE_GETSIGINFO, pid, 0, &si));
	return si;
}

static inline struct user_regs_struct get_regs(pid_t pid)
{
	struct user_regs_struct r;

	EXPECT_OK(PTRACE(PTRACE_GETREGS, pid, 0, &r));
	return r;
}

static inline unsigned long get_message(pid_t pid)
{
	unsigned long m = 0xeeee;

	EXPECT_OK(PTRACE(PTRACE_GETEVENTMSG, pid, 0, &m));
	return m;
}

/* An int that parent and child share, 0. */
static inline _Atomic int *shared_int(void)
{
	return EXPECT_OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

/* A thread that tells its id and waits. */
static inline void *pausing_thread(void *arg)
{
	atomic_store((_Atomic int *)arg, gettid());
	for (;;)
		pause();
	return NULL;
}

/* The value after "@key:\t" in /proc/@pid/status, -1 if there is none. */
static inline long status_field(pid_t pid, const char *key)
{
	char path[64], line[256];
	long v = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) &&
		    line[strlen(key)] == ':')
			v = line[strlen(key) + 2] > '9'
				    ? line[strlen(key) + 2]
				    : atol(line + strlen(key) + 2);
	fclose(f);
	return v;
}

#endif
