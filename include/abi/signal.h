/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal: signals as the x86-64 guest sees them, asm/signal.h and siginfo.h.
 */
#ifndef ABI_SIGNAL_H
#define ABI_SIGNAL_H

#include <assert.h>
#include <stdint.h>

enum {
	LINUX_SIGHUP = 1, LINUX_SIGINT, LINUX_SIGQUIT, LINUX_SIGILL,
	LINUX_SIGTRAP, LINUX_SIGABRT, LINUX_SIGBUS, LINUX_SIGFPE,
	LINUX_SIGKILL, LINUX_SIGUSR1, LINUX_SIGSEGV, LINUX_SIGUSR2,
	LINUX_SIGPIPE, LINUX_SIGALRM, LINUX_SIGTERM, LINUX_SIGSTKFLT,
	LINUX_SIGCHLD, LINUX_SIGCONT, LINUX_SIGSTOP, LINUX_SIGTSTP,
	LINUX_SIGTTIN, LINUX_SIGTTOU, LINUX_SIGURG, LINUX_SIGXCPU,
	LINUX_SIGXFSZ, LINUX_SIGVTALRM, LINUX_SIGPROF, LINUX_SIGWINCH,
	LINUX_SIGIO, LINUX_SIGPWR, LINUX_SIGSYS,
	LINUX_SIGRTMIN = 32, LINUX_NSIG = 64
};
#define LINUX_SIGMASK(sig) (1ull << ((sig) - 1))

struct linux_siginfo {
	int32_t signo, err, code, pad0;
	union {
		int32_t raw[28];
		struct { int32_t pid; uint32_t uid; uint64_t value; } rt;
		struct { int32_t tid, overrun; uint64_t value; } timer;
		struct { int32_t pid; uint32_t uid; int32_t status, pad;
			 int64_t utime, stime; } chld;
		struct { uint64_t addr; int16_t addr_lsb; } fault;
		struct { int64_t band; int32_t fd; } poll;
		struct { uint64_t addr; int32_t nr; uint32_t arch; } sys;
	};
};
static_assert(sizeof(struct linux_siginfo) == 128, "siginfo_t");

struct linux_sigaction {
	uint64_t handler, flags, restorer, mask;
};
struct linux_stack {
	uint64_t sp;
	int32_t flags, pad;
	uint64_t size;
};
static_assert(sizeof(struct linux_stack) == 24, "stack_t");

#endif
