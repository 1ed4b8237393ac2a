/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub: the layout of the stub region, for C and assembly.
 *
 * The region lies at a random address above limits.max_user_addr in every stub
 * process, and nothing else of ours does:
 *
 *   page 0, 1   code and constants, read and execute, sealed
 *   page 2      orders for the agent, read-only
 *   page 3      command page, only mapped in the template
 *   from 16 KiB slots, one per runner: shared with the sentry, writable
 *   from 64 MiB + 16 KiB cells, one per patched call site, read and execute
 */
#ifndef PLATFORM_TRAP_STUB_H
#define PLATFORM_TRAP_STUB_H

#define STUB_PAGE	   4096
#define STUB_CODE_SIZE	   (2 * STUB_PAGE)
#define STUB_ORDERS_OFFSET STUB_CODE_SIZE
#define STUB_CMD_OFFSET	   (STUB_ORDERS_OFFSET + STUB_PAGE)
#define STUB_SLOTS_OFFSET  (4 * STUB_PAGE)
#define STUB_SLOT_SIZE	   (4 * STUB_PAGE)
#define STUB_MAX_SLOTS	   4096
#define STUB_SLOTS_SIZE	   (STUB_MAX_SLOTS * STUB_SLOT_SIZE)
/* Patched call sites (sites.c): a cell each, and a pointer to it in low memory
 * of the guest. */
#define STUB_MAX_SITES	  8192
#define STUB_CELL_SIZE	  32
#define STUB_CELL_DONE	  5  /* the site's own instruction is carried out */
#define STUB_CELL_ADDR	  16 /* of the site's syscall instruction */
#define STUB_CELLS_OFFSET (STUB_SLOTS_OFFSET + STUB_SLOTS_SIZE)
#define STUB_CELLS_SIZE	  (STUB_MAX_SITES * STUB_CELL_SIZE)
#define STUB_REGION_SIZE  (STUB_CELLS_OFFSET + STUB_CELLS_SIZE)
/* Runners that have a selector in ES to know themselves by. */
#define STUB_LDT_SLOTS 64

/* struct stub_call: number and six arguments. */
#define STUB_CALL_SIZE 56
#define STUB_MAX_CALLS 64
/* stub_call.nr that is no host call: makes a runner on the slot at args[0]. */
#define STUB_CALL_RUNNER 0x10000

/* struct stub_orders. */
#define STUB_ORDERS_SEQ	  0
#define STUB_ORDERS_NR	  4
#define STUB_ORDERS_FD	  8
#define STUB_ORDERS_CALLS 64

/* struct stub_command. */
#define STUB_CMD_TURN	 0
#define STUB_CMD_RESULT	 4
#define STUB_CMD_XMASK	 8
#define STUB_CMD_PARENT	 16
#define STUB_CMD_FD	 20
#define STUB_CMD_FILEPOS 24
#define STUB_CMD_XSAVE	 1024

/* Values of the template's turn word. */
#define STUB_TURN_START	   0
#define STUB_TURN_ASKED	   1
#define STUB_TURN_ANSWERED 2
#define STUB_TURN_FAILED   3

/* struct stub_slot. */
#define SLOT_TURN	   0
#define SLOT_TID	   4
#define SLOT_KICKED	   8
#define SLOT_REASON	   12
#define SLOT_SIGNO	   16
#define SLOT_FRAME	   20
#define SLOT_NR		   SLOT_FRAME /* of the call, for REASON_CALL */
#define SLOT_FPU	   24
#define SLOT_FLAGS	   28
#define SLOT_SPIN	   32
#define SLOT_SITE	   36
#define SLOT_STACK	   40 /* stack_t while the runner starts */
#define SLOT_REGS	   64
#define SLOT_SCRATCH	   0x3f0
#define SLOT_XAREA	   0x400
#define SLOT_XAREA_SIZE	   0xc00
#define SLOT_ALTSTACK	   0x1000
#define SLOT_ALTSTACK_SIZE (STUB_SLOT_SIZE - SLOT_ALTSTACK)

/* Values of a slot's turn word; whoever waits for the other adds SLEEP. */
#define TURN_GO	     1 /* runner: enter the guest */
#define TURN_STOPPED 2 /* sentry: look at the reason */
#define TURN_EXIT    3 /* runner: end */
#define TURN_SAVE    4 /* runner: save the FPU state in the slot */
#define TURN_SLEEP   0x100

/* Why a runner stopped. */
#define REASON_NEW	 1 /* it has started, or has saved its FPU state */
#define REASON_FRAME	 2 /* a signal: registers in the frame */
#define REASON_ABANDONED 3 /* kicked before it had entered */
#define REASON_BAD_REGS	 4 /* the registers could not be loaded */
#define REASON_CALL	 5 /* a patched site: registers in the slot */

/* SLOT_FLAGS. */
#define SLOT_LOAD_BASES 1

#define STUB_CLONE_PROCESS 0x00008411 /* PARENT | FILES | SIGCHLD */
/* VM FS FILES SIGHAND THREAD SYSVSEM CHILD_CLEARTID CHILD_SETTID */
#define STUB_CLONE_THREAD  0x01250f00
#define STUB_CLOSE_UNSHARE 2 /* CLOSE_RANGE_UNSHARE */

#define STUB_FILTER_MAX 32 /* instructions of the runners' filter */

/* Default-ignored outside of handlers, so a late kick does no harm. */
#define STUB_KICK_SIGNAL 17 /* SIGCHLD */

#ifndef __ASSEMBLER__
#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/regs.h"
#include "sentry/lib/compiler.h"

static_assert(STUB_KICK_SIGNAL == SIGCHLD, "stub.S");

/* One host call that the agent makes for the sentry. */
struct stub_call {
	uint64_t nr;
	uint64_t args[6];
};
static_assert(sizeof(struct stub_call) == STUB_CALL_SIZE, "stub.S");

/* What the agent of one stub process reads; the stub cannot write it. */
struct stub_orders {
	_Atomic uint32_t seq; /* futex: another batch is here */
	uint32_t nr;	      /* calls in it */
	int32_t done_fd;      /* eventfd: gets 1 + the number of calls done */
	char pad[STUB_ORDERS_CALLS - 12];
	struct stub_call calls[STUB_MAX_CALLS];
};
static_assert(offsetof(struct stub_orders, seq) == STUB_ORDERS_SEQ, "stub.S");
static_assert(offsetof(struct stub_orders, nr) == STUB_ORDERS_NR, "stub.S");
static_assert(offsetof(struct stub_orders, done_fd) == STUB_ORDERS_FD,
	      "stub.S");
static_assert(offsetof(struct stub_orders, calls) == STUB_ORDERS_CALLS,
	      "stub.S");
static_assert(sizeof(struct stub_orders) <= STUB_PAGE, "one page");

/* The template's mailbox, shared with the sentry only. */
struct stub_command {
	_Atomic uint32_t turn;	/* futex */
	_Atomic int32_t result; /* pid of the new stub or -errno */
	uint64_t xmask;		/* XRSTOR components to be initialised */
	uint32_t parent;	/* pid of the sentry */
	int32_t fd;		/* of the order file */
	uint64_t filepos;	/* in it: the orders of the stub to make */
	char pad[STUB_CMD_XSAVE - 32];
	uint8_t xsave[576]; /* empty image: legacy area and header */
};
static_assert(offsetof(struct stub_command, result) == STUB_CMD_RESULT,
	      "stub.S");
static_assert(offsetof(struct stub_command, xmask) == STUB_CMD_XMASK, "stub.S");
static_assert(offsetof(struct stub_command, parent) == STUB_CMD_PARENT,
	      "stub.S");
static_assert(offsetof(struct stub_command, fd) == STUB_CMD_FD, "stub.S");
static_assert(offsetof(struct stub_command, filepos) == STUB_CMD_FILEPOS,
	      "stub.S");
static_assert(offsetof(struct stub_command, xsave) == STUB_CMD_XSAVE, "stub.S");
static_assert(sizeof(struct stub_command) <= STUB_PAGE, "one page");

/*
 * One runner.  The guest can write all of it at any time: the sentry reads
 * each field once per stop and believes nothing.
 */
struct stub_slot {
	_Atomic uint32_t turn; /* futex */
	_Atomic uint32_t tid;  /* of the runner; the host clears it at exit */
	uint32_t kicked;       /* runner: do not enter, say ABANDONED */
	uint32_t reason, signo;
	uint32_t frame; /* offset of the ucontext, for REASON_FRAME; SLOT_NR */
	uint32_t fpu;	/* offset of an XSAVE image, 0: in the registers */
	uint32_t flags; /* SLOT_LOAD_BASES */
	uint32_t spin;	/* how often the runner looks before it sleeps */
	uint32_t site;	/* for REASON_CALL */
	uint64_t stack[3];
	struct guest_regs regs; /* to load; bases also when stopped */
};
static_assert(offsetof(struct stub_slot, turn) == SLOT_TURN, "stub.S");
static_assert(offsetof(struct stub_slot, tid) == SLOT_TID, "stub.S");
static_assert(offsetof(struct stub_slot, kicked) == SLOT_KICKED, "stub.S");
static_assert(offsetof(struct stub_slot, reason) == SLOT_REASON, "stub.S");
static_assert(offsetof(struct stub_slot, signo) == SLOT_SIGNO, "stub.S");
static_assert(offsetof(struct stub_slot, frame) == SLOT_FRAME, "stub.S");
static_assert(offsetof(struct stub_slot, fpu) == SLOT_FPU, "stub.S");
static_assert(offsetof(struct stub_slot, flags) == SLOT_FLAGS, "stub.S");
static_assert(offsetof(struct stub_slot, spin) == SLOT_SPIN, "stub.S");
static_assert(offsetof(struct stub_slot, site) == SLOT_SITE, "stub.S");
static_assert(offsetof(struct stub_slot, stack) == SLOT_STACK, "stub.S");
static_assert(offsetof(struct stub_slot, regs) == SLOT_REGS, "stub.S");
static_assert(sizeof(struct stub_slot) <= SLOT_SCRATCH - 16, "stub.S");

/* Position-independent code and constants, copied to the region. */
extern const char stub_trap_begin[], stub_trap_end[];
/* In it: signal handler, its never used restorer. */
extern const char stub_trap_signal[], stub_trap_restorer[];
/* In it: where trap_template_child() stores the runner's filter. */
extern const char stub_trap_fprog[], stub_trap_filter[], stub_trap_xmask[];
extern const char stub_trap_ldt[], stub_trap_base[];
/* In it: where a cell of a patched call site jumps. */
extern const char stub_trap_call[];
/* In it: the template.  rdi command page, rsi region, rdx start and rcx bytes
 * of what lies above the region, r8 its page of orders.  Never returns. */
extern const char stub_trap_template[];
#endif

#endif
