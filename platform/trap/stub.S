/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub: the only code of moat inside a stub process.
 *
 * Template and agent use registers only, and memory that the guest cannot
 * write.  Runners run guest code: all that they do here the guest may do too,
 * in any order and with any registers.  Only the calls made here pass the
 * filters (filter.c).
 *
 * Throughout a runner's part rbx is its slot.
 */
#include <asm/unistd.h>

#include "platform/trap/stub.h"

#define SIGKILL		    9
#define SIG_SETMASK	    2
#define PR_SET_PDEATHSIG    1
#define FUTEX_WAIT	    0
#define FUTEX_WAKE	    1
#define PROT_READ	    1
#define MAP_SHARED_FIXED    0x11
#define SECCOMP_MODE_FILTER 1 /* SECCOMP_SET_MODE_FILTER */
#define USER_CS		    0x33
#define USER_SS		    0x2b

/* ucontext: registers of the interrupted code. */
#define UC_R8	   40
#define UC_R9	   48
#define UC_R10	   56
#define UC_R11	   64
#define UC_R12	   72
#define UC_R13	   80
#define UC_R14	   88
#define UC_R15	   96
#define UC_RDI	   104
#define UC_RSI	   112
#define UC_RBP	   120
#define UC_RBX	   128
#define UC_RDX	   136
#define UC_RAX	   144
#define UC_RCX	   152
#define UC_RSP	   160
#define UC_RIP	   168
#define UC_EFLAGS  176
#define UC_FPSTATE 224

/* struct guest_regs. */
#define R_R15 (SLOT_REGS + 0)
#define R_R14 (SLOT_REGS + 8)
#define R_R13 (SLOT_REGS + 16)
#define R_R12 (SLOT_REGS + 24)
#define R_RBP (SLOT_REGS + 32)
#define R_RBX (SLOT_REGS + 40)
#define R_R11 (SLOT_REGS + 48)
#define R_R10 (SLOT_REGS + 56)
#define R_R9  (SLOT_REGS + 64)
#define R_R8  (SLOT_REGS + 72)
#define R_RAX (SLOT_REGS + 80)
#define R_RCX (SLOT_REGS + 88)
#define R_RDX (SLOT_REGS + 96)
#define R_RSI (SLOT_REGS + 104)
#define R_RDI (SLOT_REGS + 112)
#define R_EFLAGS (SLOT_REGS + 144)
#define R_RSP (SLOT_REGS + 152)
#define R_RIP (SLOT_REGS + 128) /* rip, cs, eflags, rsp, ss: as iretq wants */
#define R_FS  (SLOT_REGS + 168)
#define R_GS  (SLOT_REGS + 176)

	.section .rodata.stub, "a", @progbits
	.p2align 12
	.globl stub_trap_begin
stub_trap_begin:

	/* --- runner: signals ------------------------------------------- */

	/*
	 * edi signal, rdx ucontext, rsp in the slot's alternate stack.  No
	 * signal is blocked meanwhile, and nothing here returns to the kernel.
	 */
	.globl stub_trap_signal
stub_trap_signal:
	mov	%rsp, %rbx
	and	$-STUB_SLOT_SIZE, %rbx
	mov	UC_RIP(%rdx), %rax
	lea	stub_trap_begin(%rip), %rcx
	sub	%rcx, %rax
	cmp	$STUB_CODE_SIZE, %rax
	jb	nested
from_guest:
	mov	$REASON_FRAME, %ecx
	mov	%edi, SLOT_SIGNO(%rbx)
	mov	%edx, %eax
	sub	%ebx, %eax
	mov	%eax, SLOT_FRAME(%rbx)
	mov	UC_FPSTATE(%rdx), %eax
	sub	%ebx, %eax
	mov	%eax, SLOT_FPU(%rbx)
	rdfsbase %rax
	mov	%rax, R_FS(%rbx)
	rdgsbase %rax
	mov	%rax, R_GS(%rbx)

	/* ecx: reason. */
report:
	mov	%ecx, SLOT_REASON(%rbx)
	mov	$TURN_STOPPED, %eax
	xchg	%eax, SLOT_TURN(%rbx)
	test	$TURN_SLEEP, %eax
	jz	wait
	lea	SLOT_TURN(%rbx), %rdi
	mov	$FUTEX_WAKE, %esi
	mov	$1, %edx
	mov	$__NR_futex, %eax
	syscall
wait:
	mov	SLOT_SPIN(%rbx), %r12d
wait_loop:
	mov	SLOT_TURN(%rbx), %eax
	cmp	$TURN_GO, %al /* the sentry may sleep already */
	je	go
	cmp	$TURN_SAVE, %al
	je	save
	cmp	$TURN_EXIT, %al
	je	exit
	cmp	$TURN_STOPPED, %eax
	jne	sleep
	sub	$1, %r12d
	jb	fall_asleep
	pause
	jmp	wait_loop
fall_asleep:
	mov	$(TURN_STOPPED | TURN_SLEEP), %edx
	lock cmpxchg %edx, SLOT_TURN(%rbx)
	jne	wait_loop
sleep:
	lea	SLOT_TURN(%rbx), %rdi
	mov	$FUTEX_WAIT, %esi
	mov	$(TURN_STOPPED | TURN_SLEEP), %edx
	xor	%r10d, %r10d
	mov	$__NR_futex, %eax
	syscall
	xor	%r12d, %r12d
	jmp	wait_loop

save:
	mov	stub_trap_xmask(%rip), %eax
	mov	(stub_trap_xmask + 4)(%rip), %edx
	xsave64	SLOT_XAREA(%rbx)
	mov	$REASON_NEW, %ecx
	jmp	report

	/*
	 * Into the guest.  A signal between here and go_end gives up: all that
	 * is loaded is still in the slot (SLOT_FPU says where the FPU state
	 * is).
	 */
go:
	cmpl	$0, SLOT_KICKED(%rbx)
	jne	kicked
	mov	SLOT_FPU(%rbx), %ecx
	test	%ecx, %ecx
	jz	1f
	mov	stub_trap_xmask(%rip), %eax
	mov	(stub_trap_xmask + 4)(%rip), %edx
	xrstor64 (%rbx, %rcx)
	movl	$0, SLOT_FPU(%rbx)
	/* From here on rsp may point into the frame's own place. */
1:	lea	SLOT_SCRATCH(%rbx), %rsp
	pushq	$2 /* iretq faults if the guest has left NT set */
	popfq
	testl	$SLOT_LOAD_BASES, SLOT_FLAGS(%rbx)
	jz	2f
	mov	R_FS(%rbx), %rax
	wrfsbase %rax
	mov	R_GS(%rbx), %rax
	wrgsbase %rax
2:	mov	R_R15(%rbx), %r15
	mov	R_R14(%rbx), %r14
	mov	R_R13(%rbx), %r13
	mov	R_R12(%rbx), %r12
	mov	R_RBP(%rbx), %rbp
	mov	R_R11(%rbx), %r11
	mov	R_R10(%rbx), %r10
	mov	R_R9(%rbx), %r9
	mov	R_R8(%rbx), %r8
	mov	R_RAX(%rbx), %rax
	mov	R_RCX(%rbx), %rcx
	mov	R_RDX(%rbx), %rdx
	mov	R_RSI(%rbx), %rsi
	mov	R_RDI(%rbx), %rdi
	lea	R_RIP(%rbx), %rsp
	mov	R_RBX(%rbx), %rbx
	iretq
go_end:

kicked:
	movl	$0, SLOT_KICKED(%rbx)
	mov	$REASON_ABANDONED, %ecx
	jmp	report

exit:
	xor	%edi, %edi
	mov	$__NR_exit, %eax
	syscall
	.globl stub_trap_restorer
stub_trap_restorer:
	ud2

	/* A signal in the stub's own code, rax is the offset in it. */
nested:
	sub	$(go - stub_trap_begin), %rax
	cmpl	$0, 8(%rsi) /* si_code: was it sent by somebody? */
	jg	nested_fault
	mov	$REASON_ABANDONED, %ecx
	cmp	$(go_end - go), %rax
	jb	abandon
	/* Noted for the next entry; what was interrupted goes on. */
	movl	$1, SLOT_KICKED(%rbx)
	mov	%rdx, %r8
	mov	UC_FPSTATE(%r8), %rcx
	mov	stub_trap_xmask(%rip), %eax
	mov	(stub_trap_xmask + 4)(%rip), %edx
	xrstor64 (%rcx)
	pushq	$USER_SS
	pushq	UC_RSP(%r8)
	pushq	UC_EFLAGS(%r8)
	pushq	$USER_CS
	pushq	UC_RIP(%r8)
	mov	UC_R9(%r8), %r9
	mov	UC_R10(%r8), %r10
	mov	UC_R11(%r8), %r11
	mov	UC_R12(%r8), %r12
	mov	UC_R13(%r8), %r13
	mov	UC_R14(%r8), %r14
	mov	UC_R15(%r8), %r15
	mov	UC_RDI(%r8), %rdi
	mov	UC_RSI(%r8), %rsi
	mov	UC_RBP(%r8), %rbp
	mov	UC_RBX(%r8), %rbx
	mov	UC_RDX(%r8), %rdx
	mov	UC_RAX(%r8), %rax
	mov	UC_RCX(%r8), %rcx
	mov	UC_R8(%r8), %r8
	iretq

nested_fault:
	cmp	$(go_end - go), %rax
	jae	from_guest /* the guest has jumped to stub code */
	mov	%edi, SLOT_SIGNO(%rbx)
	mov	$REASON_BAD_REGS, %ecx
abandon:
	cmpl	$0, SLOT_FPU(%rbx)
	jne	report
	mov	UC_FPSTATE(%rdx), %eax
	sub	%ebx, %eax
	mov	%eax, SLOT_FPU(%rbx)
	jmp	report

	/* --- runner: patched call sites ---------------------------------- */

	/*
	 * From a cell: r11 is the site, eax the call; rcx is free, since a call
	 * changes it anyway, as it does r11.  The thread knows its slot by the
	 * selector in ES, which 64-bit programs have no use for; one that has
	 * put something else there makes the call the long way.  Flags are
	 * saved before they change.
	 */
	.globl stub_trap_call
stub_trap_call:
	mov	%eax, %ecx
	lahf
	seto	%al
	shl	$32, %rcx
	or	%rcx, %r11
	mov	%es, %ecx
	sub	$7, %ecx
	test	$7, %cl
	jnz	call_slowly
	cmp	$(STUB_LDT_SLOTS * 8), %ecx
	jae	call_slowly
	shl	$11, %ecx /* 8 * slot number to bytes */
	add	stub_trap_base(%rip), %rcx
	add	$STUB_SLOTS_OFFSET, %rcx
	mov	%rbx, R_RBX(%rcx)
	mov	%rcx, %rbx
	mov	%rsp, R_RSP(%rbx)
	lea	SLOT_SCRATCH(%rbx), %rsp
	pushfq
	popq	R_EFLAGS(%rbx)
	mov	%eax, SLOT_SIGNO(%rbx)
	mov	%r11d, SLOT_SITE(%rbx)
	shr	$32, %r11
	mov	%r11d, SLOT_NR(%rbx)
	mov	%r15, R_R15(%rbx)
	mov	%r14, R_R14(%rbx)
	mov	%r13, R_R13(%rbx)
	mov	%r12, R_R12(%rbx)
	mov	%rbp, R_RBP(%rbx)
	mov	%r10, R_R10(%rbx)
	mov	%r9, R_R9(%rbx)
	mov	%r8, R_R8(%rbx)
	mov	%rdx, R_RDX(%rbx)
	mov	%rsi, R_RSI(%rbx)
	mov	%rdi, R_RDI(%rbx)
	rdfsbase %rax
	mov	%rax, R_FS(%rbx)
	rdgsbase %rax
	mov	%rax, R_GS(%rbx)
	movl	$0, SLOT_FPU(%rbx)
	mov	$REASON_CALL, %ecx
	jmp	report

call_slowly:
	mov	%r11d, %ecx
	shl	$5, %rcx /* STUB_CELL_SIZE */
	add	stub_trap_base(%rip), %rcx
	lea	STUB_CELLS_OFFSET(%rcx), %rcx
	shr	$32, %r11
	add	$0x7f, %al /* overflows if it was set */
	sahf
	mov	%r11d, %eax
	jmp	*STUB_CELL_ADDR(%rcx)

	/* --- runner: birth --------------------------------------------- */

	/* rbx slot; the descriptor table is still the sentry's. */
runner:
	mov	%rbx, %rax
	sub	stub_trap_base(%rip), %rax
	sub	$STUB_SLOTS_OFFSET, %rax
	shr	$11, %rax /* bytes to 8 * slot number */
	cmp	stub_trap_ldt(%rip), %rax
	jae	1f
	or	$7, %eax
	mov	%eax, %es
1:	xor	%edi, %edi
	mov	$0xffffffff, %esi
	mov	$STUB_CLOSE_UNSHARE, %edx
	mov	$__NR_close_range, %eax
	syscall
	test	%rax, %rax
	jnz	give_up
	lea	SLOT_ALTSTACK(%rbx), %rax
	mov	%rax, SLOT_STACK(%rbx)
	movq	$0, (SLOT_STACK + 8)(%rbx)
	movq	$SLOT_ALTSTACK_SIZE, (SLOT_STACK + 16)(%rbx)
	lea	SLOT_STACK(%rbx), %rdi
	xor	%esi, %esi
	mov	$__NR_sigaltstack, %eax
	syscall
	test	%rax, %rax
	jnz	give_up
	mov	$SIG_SETMASK, %edi
	lea	runner_mask(%rip), %rsi
	xor	%edx, %edx
	mov	$8, %r10d
	mov	$__NR_rt_sigprocmask, %eax
	syscall
	test	%rax, %rax
	jnz	give_up
	mov	$SECCOMP_MODE_FILTER, %edi
	xor	%esi, %esi
	lea	stub_trap_fprog(%rip), %rdx
	mov	$__NR_seccomp, %eax
	syscall
	test	%rax, %rax
	jnz	give_up
	mov	$REASON_NEW, %ecx
	jmp	report

give_up:
	mov	$1, %edi
	mov	$__NR_exit_group, %eax
	syscall
	ud2

	/* --- agent ------------------------------------------------------ */

	/* r14 orders; r15d the batch that was done last. */
agent:
	mov	STUB_ORDERS_SEQ(%r14), %edx
	cmp	%r15d, %edx
	jne	agent_work
	lea	STUB_ORDERS_SEQ(%r14), %rdi
	mov	$FUTEX_WAIT, %esi
	xor	%r10d, %r10d
	mov	$__NR_futex, %eax
	syscall
	jmp	agent
agent_work:
	mov	%edx, %r15d
	lea	STUB_ORDERS_CALLS(%r14), %r12
	mov	STUB_ORDERS_NR(%r14), %r13d
	xor	%ebp, %ebp
agent_next:
	cmp	%r13d, %ebp
	jae	agent_done
	mov	0(%r12), %rax
	cmp	$STUB_CALL_RUNNER, %rax
	je	agent_clone
	mov	8(%r12), %rdi
	mov	16(%r12), %rsi
	mov	24(%r12), %rdx
	mov	32(%r12), %r10
	mov	40(%r12), %r8
	mov	48(%r12), %r9
	syscall
agent_check:
	cmp	$-4095, %rax
	jae	agent_done
	add	$STUB_CALL_SIZE, %r12
	inc	%ebp
	jmp	agent_next
agent_clone:
	mov	8(%r12), %rbx
	mov	$STUB_CLONE_THREAD, %edi
	lea	STUB_SLOT_SIZE(%rbx), %rsi
	xor	%edx, %edx
	lea	SLOT_TID(%rbx), %r10
	xor	%r8d, %r8d
	mov	$__NR_clone, %eax
	syscall
	test	%rax, %rax
	jz	runner
	jmp	agent_check
	/* Only a thread with the sentry's descriptors can say this. */
agent_done:
	mov	STUB_ORDERS_FD(%r14), %edi
	lea	numbers(%rip), %rsi
	lea	(%rsi, %rbp, 8), %rsi
	mov	$8, %edx
	mov	$__NR_write, %eax
	syscall
	jmp	agent

	/* --- template ---------------------------------------------------- */

	.globl stub_trap_template
stub_trap_template:
	mov	%rdi, %rbx
	mov	%r8, %r14
	mov	%rdx, %r12
	mov	%rcx, %r13
	xor	%edi, %edi
	mov	$__NR_munmap, %eax
	syscall
	test	%rax, %rax
	jnz	template_failed
	mov	%r12, %rdi
	mov	%r13, %rsi
	mov	$__NR_munmap, %eax
	syscall
	test	%rax, %rax
	jnz	template_failed
	mov	STUB_CMD_XMASK(%rbx), %eax
	mov	(STUB_CMD_XMASK + 4)(%rbx), %edx
	xrstor64 STUB_CMD_XSAVE(%rbx)
	xor	%eax, %eax
	wrfsbase %rax
	wrgsbase %rax

template_answer:			/* eax: result */
	mov	%eax, STUB_CMD_RESULT(%rbx)
	mov	$STUB_TURN_ANSWERED, %eax
template_tell:
	xchg	%eax, STUB_CMD_TURN(%rbx)
	lea	STUB_CMD_TURN(%rbx), %rdi
	mov	$FUTEX_WAKE, %esi
	mov	$1, %edx
	mov	$__NR_futex, %eax
	syscall
template_wait:
	mov	STUB_CMD_TURN(%rbx), %edx
	cmp	$STUB_TURN_ASKED, %edx
	je	template_clone
	cmp	$STUB_TURN_FAILED, %edx
	je	give_up
	lea	STUB_CMD_TURN(%rbx), %rdi
	mov	$FUTEX_WAIT, %esi
	xor	%r10d, %r10d
	mov	$__NR_futex, %eax
	syscall
	jmp	template_wait
template_failed:
	mov	%eax, STUB_CMD_RESULT(%rbx)
	mov	$STUB_TURN_FAILED, %eax
	jmp	template_tell

template_clone:
	/* The next request may be here before the child looks. */
	mov	STUB_CMD_FILEPOS(%rbx), %r12
	mov	$STUB_CLONE_PROCESS, %edi
	xor	%esi, %esi
	xor	%edx, %edx
	xor	%r10d, %r10d
	xor	%r8d, %r8d
	mov	$__NR_clone, %eax
	syscall
	test	%rax, %rax
	jnz	template_answer

	/* The new stub: its only thread becomes the agent. */
	mov	%r12, %r9
	mov	STUB_CMD_FD(%rbx), %r8d
	mov	%r14, %rdi
	mov	$STUB_PAGE, %esi
	mov	$PROT_READ, %edx
	mov	$MAP_SHARED_FIXED, %r10d
	mov	$__NR_mmap, %eax
	syscall
	cmp	%r14, %rax
	jne	give_up
	mov	$SIG_SETMASK, %edi
	lea	agent_mask(%rip), %rsi
	xor	%edx, %edx
	mov	$8, %r10d
	mov	$__NR_rt_sigprocmask, %eax
	syscall
	test	%rax, %rax
	jnz	give_up
	mov	$PR_SET_PDEATHSIG, %edi
	mov	$SIGKILL, %esi
	xor	%edx, %edx
	xor	%r10d, %r10d
	xor	%r8d, %r8d
	mov	$__NR_prctl, %eax
	syscall
	/* The sentry may have died before it could take us along. */
	mov	$__NR_getppid, %eax
	syscall
	cmp	STUB_CMD_PARENT(%rbx), %eax
	jne	give_up
	mov	%rbx, %rdi
	mov	$STUB_PAGE, %esi
	mov	$__NR_munmap, %eax
	syscall
	test	%rax, %rax
	jnz	give_up
	xor	%r15d, %r15d
	jmp	agent

	/* --- constants --------------------------------------------------- */

	.p2align 3
	/* All but SIGILL, TRAP, BUS, FPE, SEGV, CHLD, SYS. */
runner_mask:
	.quad	~(1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 16 | 1 << 30)
agent_mask:
	.quad	~0
	/* XRSTOR and XSAVE components; set by trap_template_child(). */
	.globl stub_trap_xmask
stub_trap_xmask:
	.quad	0
	/* 8 * STUB_LDT_SLOTS, or 0 without an LDT; the region's address. */
	.globl stub_trap_ldt, stub_trap_base
stub_trap_ldt:
	.quad	0
stub_trap_base:
	.quad	0
	/* What the agent tells: 1 + the calls it has made. */
numbers:
	.set	n, 1
	.rept	STUB_MAX_CALLS + 1
	.quad	n
	.set	n, n + 1
	.endr
	/* struct sock_fprog and the instructions; set by trap_template_child(). */
	.globl stub_trap_fprog
stub_trap_fprog:
	.quad	0, 0
	.globl stub_trap_filter
stub_trap_filter:
	.fill	STUB_FILTER_MAX, 8, 0
	.globl stub_trap_end
stub_trap_end:
	.section .note.GNU-stack, "", @progbits
