/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regs: the integer registers of an x86-64 guest thread, in the layout of
 * PTRACE_GETREGS (asm/ptrace-abi.h), segment bases included.
 */
#ifndef ABI_REGS_H
#define ABI_REGS_H

#include <assert.h>
#include <stdint.h>

struct guest_regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	uint64_t rax, rcx, rdx, rsi, rdi, orig_rax;
	uint64_t rip, cs, eflags, rsp, ss;
	uint64_t fs_base, gs_base, ds, es, fs, gs;
};
static_assert(sizeof(struct guest_regs) == 27 * 8, "user_regs_struct");

#endif
