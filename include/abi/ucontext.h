/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucontext: the frame of a signal handler on x86-64, rt_sigreturn(2).
 */
#ifndef ABI_UCONTEXT_H
#define ABI_UCONTEXT_H

#include <assert.h>
#include <stdint.h>

#include "abi/signal.h"

struct linux_sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax,
		cx, sp, ip, flags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};
static_assert(sizeof(struct linux_sigcontext) == 256, "sigcontext_64");

/* uc_flags */
#define LINUX_UC_FP_XSTATE	   1u
#define LINUX_UC_SIGCONTEXT_SS	   2u
#define LINUX_UC_STRICT_RESTORE_SS 4u

struct linux_ucontext {
	uint64_t flags, link;
	struct linux_stack stack;
	struct linux_sigcontext mcontext;
	uint64_t sigmask;
};
static_assert(sizeof(struct linux_ucontext) == 304, "struct ucontext");

struct linux_rt_sigframe {
	uint64_t pretcode;
	struct linux_ucontext uc;
	struct linux_siginfo info;
};
static_assert(sizeof(struct linux_rt_sigframe) == 440, "struct rt_sigframe");

/* The FPU area: the XSAVE image with these words in its legacy part's unused
 * bytes 464..511, and MAGIC2 behind its end. */
#define LINUX_FP_XSTATE_MAGIC1 0x46505853u
#define LINUX_FP_XSTATE_MAGIC2 0x46505845u
#define LINUX_FPX_SW_OFFSET    464
struct linux_fpx_sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, pad[7];
};
static_assert(sizeof(struct linux_fpx_sw_bytes) == 48, "_fpx_sw_bytes");

#endif
