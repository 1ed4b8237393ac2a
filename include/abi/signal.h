/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal: signals as the x86-64 guest sees them, asm/signal.h and siginfo.h.
 */
#ifndef ABI_SIGNAL_H
#define ABI_SIGNAL_H

#include <assert.h>
#include <stdint.h>

enum {
	LINUX_SIGHUP = 1,
	LINUX_SIGINT,
	LINUX_SIGQUIT,
	LINUX_SIGILL,
	LINUX_SIGTRAP,
	LINUX_SIGABRT,
	LINUX_SIGBUS,
	LINUX_SIGFPE,
	LINUX_SIGKILL,
	LINUX_SIGUSR1,
	LINUX_SIGSEGV,
	LINUX_SIGUSR2,
	LINUX_SIGPIPE,
	LINUX_SIGALRM,
	LINUX_SIGTERM,
	LINUX_SIGSTKFLT,
	LINUX_SIGCHLD,
	LINUX_SIGCONT,
	LINUX_SIGSTOP,
	LINUX_SIGTSTP,
	LINUX_SIGTTIN,
	LINUX_SIGTTOU,
	LINUX_SIGURG,
	LINUX_SIGXCPU,
	LINUX_SIGXFSZ,
	LINUX_SIGVTALRM,
	LINUX_SIGPROF,
	LINUX_SIGWINCH,
	LINUX_SIGIO,
	LINUX_SIGPWR,
	LINUX_SIGSYS,
	LINUX_SIGRTMIN = 32,
	LINUX_NSIG = 64
};
#define LINUX_SIGMASK(sig) (1ull << ((sig)-1))

struct linux_siginfo {
	int32_t signo, err, code, pad0;
	union {
		int32_t raw[28];
		struct {
			int32_t pid;
			uint32_t uid;
			uint64_t value;
		} rt;
		struct {
			int32_t tid, overrun;
			uint64_t value;
		} timer;
		struct {
			int32_t pid;
			uint32_t uid;
			int32_t status, pad;
			int64_t utime, stime;
		} chld;
		struct {
			uint64_t addr;
			int16_t addr_lsb;
		} fault;
		struct {
			int64_t band;
			int32_t fd;
		} poll;
		struct {
			uint64_t addr;
			int32_t nr;
			uint32_t arch;
		} sys;
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

/* si_code */
enum {
	LINUX_SI_USER = 0,
	LINUX_SI_KERNEL = 0x80,
	LINUX_SI_QUEUE = -1,
	LINUX_SI_TIMER = -2,
	LINUX_SI_MESGQ = -3,
	LINUX_SI_ASYNCIO = -4,
	LINUX_SI_SIGIO = -5,
	LINUX_SI_TKILL = -6,
	LINUX_ILL_ILLOPN = 2,
	LINUX_FPE_INTDIV = 1,
	LINUX_SEGV_MAPERR = 1,
	LINUX_SEGV_ACCERR = 2,
	LINUX_BUS_ADRALN = 1,
	LINUX_BUS_ADRERR = 2,
	LINUX_TRAP_BRKPT = 1,
	LINUX_TRAP_TRACE = 2,
	LINUX_CLD_EXITED = 1,
	LINUX_CLD_KILLED,
	LINUX_CLD_DUMPED,
	LINUX_CLD_TRAPPED,
	LINUX_CLD_STOPPED,
	LINUX_CLD_CONTINUED
};

#define LINUX_SIG_DFL 0ull
#define LINUX_SIG_IGN 1ull

#define LINUX_SA_NOCLDSTOP	0x00000001ull
#define LINUX_SA_NOCLDWAIT	0x00000002ull
#define LINUX_SA_SIGINFO	0x00000004ull
#define LINUX_SA_UNSUPPORTED	0x00000400ull
#define LINUX_SA_EXPOSE_TAGBITS 0x00000800ull
#define LINUX_SA_RESTORER	0x04000000ull
#define LINUX_SA_ONSTACK	0x08000000ull
#define LINUX_SA_RESTART	0x10000000ull
#define LINUX_SA_NODEFER	0x40000000ull
#define LINUX_SA_RESETHAND	0x80000000ull

/* rt_sigprocmask */
enum { LINUX_SIG_BLOCK, LINUX_SIG_UNBLOCK, LINUX_SIG_SETMASK };

/* sigaltstack */
#define LINUX_SS_ONSTACK    1u
#define LINUX_SS_DISABLE    2u
#define LINUX_SS_AUTODISARM (1u << 31)
#define LINUX_MINSIGSTKSZ   2048u

#endif
