/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub: the layout of the stub region, for C and assembly.
 *
 * The region lies at a random address above limits.max_user_addr in every stub
 * process, and nothing else of ours does:
 *
 *   page 0      code, read and execute
 *   page 1..4   window: the address space's slot of the order file, read-only
 *   page 5      command page, only mapped in the template
 */
#ifndef PLATFORM_PTRACE_STUB_H
#define PLATFORM_PTRACE_STUB_H

#define STUB_PAGE	   4096
#define STUB_WINDOW_OFFSET STUB_PAGE
#define STUB_WINDOW_SIZE   (4 * STUB_PAGE)
#define STUB_CMD_OFFSET	   (STUB_WINDOW_OFFSET + STUB_WINDOW_SIZE)
#define STUB_REGION_SIZE   (STUB_CMD_OFFSET + STUB_PAGE)

/* struct stub_call: number and six arguments. */
#define STUB_CALL_SIZE 56

/* struct stub_command. */
#define STUB_CMD_TURN	0
#define STUB_CMD_RESULT 4
#define STUB_CMD_XMASK	8
#define STUB_CMD_PARENT 16
#define STUB_CMD_XSAVE	1024

/* Values of the turn word. */
#define STUB_TURN_START	   0
#define STUB_TURN_ASKED	   1
#define STUB_TURN_ANSWERED 2
#define STUB_TURN_FAILED   3

#define STUB_CLONE_PROCESS 0x00008411 /* PARENT | FILES | SIGCHLD */
#define STUB_CLONE_THREAD  0x00050f00 /* VM FS FILES SIGHAND THREAD SYSVSEM */

#ifndef __ASSEMBLER__
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "sentry/lib/compiler.h"

/* One host call that a stub makes for the sentry. */
struct stub_call {
	uint64_t nr;
	uint64_t args[6];
};
static_assert(sizeof(struct stub_call) == STUB_CALL_SIZE, "stub.S");
#define STUB_MAX_CALLS (STUB_WINDOW_SIZE / STUB_CALL_SIZE)

/*
 * The template's mailbox, shared with the sentry.  The sentry sets turn to
 * ASKED, the template sets result and then ANSWERED.
 */
struct stub_command {
	_Atomic uint32_t turn;	/* futex */
	_Atomic int32_t result; /* pid of the new stub or -errno */
	uint64_t xmask;		/* XRSTOR components to be initialised */
	uint32_t parent;	/* pid of the sentry */
	char pad[STUB_CMD_XSAVE - 20];
	uint8_t xsave[576]; /* empty image: legacy area and header */
};
static_assert(offsetof(struct stub_command, turn) == STUB_CMD_TURN, "stub.S");
static_assert(offsetof(struct stub_command, result) == STUB_CMD_RESULT,
	      "stub.S");
static_assert(offsetof(struct stub_command, xmask) == STUB_CMD_XMASK, "stub.S");
static_assert(offsetof(struct stub_command, parent) == STUB_CMD_PARENT,
	      "stub.S");
static_assert(offsetof(struct stub_command, xsave) == STUB_CMD_XSAVE, "stub.S");
static_assert(sizeof(struct stub_command) <= STUB_PAGE, "one page");

/* Position-independent code, copied to page 0 of the region. */
extern const char stub_begin[], stub_end[];
extern const char stub_park[];	    /* sleeps for ever */
extern const char stub_setup[];	    /* maps the window, then stub_calls */
extern const char stub_calls[];	    /* r12 to r13: calls; rax, r12 tell */
extern const char stub_calls_end[]; /* rip after its int3 */
extern const char stub_clone[];	    /* rdi: flags; rax tells */
extern const char stub_clone_end[];
extern const char stub_exit[]; /* ends the thread */
extern const char stub_exit_group[];
/* The template: rdi command page, rsi bytes below, rdx start and rcx bytes of
 * what lies above the region.  Never returns. */
extern const char stub_template[];
#endif

#endif
