/* SPDX-License-Identifier: Apache-2.0 */
/* insn: what memory an instruction touches and where it goes, for tracers. */
#ifndef SENTRY_KERNEL_INSN_H
#define SENTRY_KERNEL_INSN_H

#include "abi/regs.h"
#include "sentry/lib/compiler.h"

#define INSN_MAX_SIZE	  15
#define INSN_ACCESSES_MAX 3

struct insn_access {
	uint64_t addr;
	uint32_t size; /* bytes */
	bool write;    /* else it is only read */
};

/*
 * The memory operands, explicit or not, of the 64-bit instruction @code, that
 * ran with @r before it and ended at @next.  Instructions that it does not know
 * have none; sizes of rare ones (fldenv, xsave) are a guess.
 * Returns: how many of @out were filled.
 */
unsigned int insn_accesses(const struct guest_regs *r,
			   const uint8_t code[INSN_MAX_SIZE], uint64_t next,
			   struct insn_access out[INSN_ACCESSES_MAX]);

/*
 * Was the instruction @code at @rip, which ended at @next, a branch that was
 * taken?  A conditional one that jumps to the next instruction is not.
 */
bool insn_branched(const uint8_t code[INSN_MAX_SIZE], uint64_t rip,
		   uint64_t next);

#endif
