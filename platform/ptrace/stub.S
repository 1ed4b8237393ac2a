/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub: the only code of moat inside a stub process.  It uses registers only:
 * no stack, no data of the guest.  The sentry enters it with PTRACE_CONT and
 * takes the thread back at an int3; untraced threads sleep in stub_park.
 *
 * Only the calls made here pass the stub's filter (filter.c).
 */
#include <asm/unistd.h>

#include "platform/ptrace/stub.h"

#define SIGKILL		 9
#define PR_SET_PDEATHSIG 1
#define FUTEX_WAIT	 0
#define FUTEX_WAKE	 1

	.section .rodata.stub, "a", @progbits
	.p2align 12
	.globl stub_begin
stub_begin:

	/* A thread that nobody traces yet, or any more. */
	.globl stub_park
stub_park:
	mov	$__NR_pause, %eax
	syscall
	jmp	stub_park

	/*
	 * First entry of a new process.  Registers hold the mmap() of the
	 * window; r14, r15 are address and size of the command page.
	 */
	.globl stub_setup
stub_setup:
	syscall
	cmp	$-4095, %rax
	jae	calls_done
	mov	%r14, %rdi
	mov	%r15, %rsi
	mov	$__NR_munmap, %eax
	syscall
	cmp	$-4095, %rax
	jae	calls_done

	/* Makes the calls at r12 up to r13; rax is 0 or the first error. */
	.globl stub_calls
stub_calls:
	xor	%eax, %eax
	cmp	%r13, %r12
	jae	calls_done
	mov	0(%r12), %rax
	mov	8(%r12), %rdi
	mov	16(%r12), %rsi
	mov	24(%r12), %rdx
	mov	32(%r12), %r10
	mov	40(%r12), %r8
	mov	48(%r12), %r9
	syscall
	cmp	$-4095, %rax
	jae	calls_done
	add	$STUB_CALL_SIZE, %r12
	jmp	stub_calls
calls_done:
	int3
	.globl stub_calls_end
stub_calls_end:
	ud2

	/* Makes a thread; the new one parks, the old one reports. */
	.globl stub_clone
stub_clone:
	syscall
	test	%rax, %rax
	jz	stub_park
	int3
	.globl stub_clone_end
stub_clone_end:
	ud2

	.globl stub_exit
stub_exit:
	xor	%edi, %edi
	mov	$__NR_exit, %eax
	syscall
	ud2

	.globl stub_exit_group
stub_exit_group:
	xor	%edi, %edi
	mov	$__NR_exit_group, %eax
	syscall
	ud2

	/*
	 * The template: drops everything but the stub region, clears what the
	 * sentry left in the FPU, then makes one process per request.
	 */
	.globl stub_template
stub_template:
	mov	%rdi, %rbx
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

template_answer:			/* eax: result */
	mov	%eax, STUB_CMD_RESULT(%rbx)
	mov	$STUB_TURN_ANSWERED, %eax
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
	lea	STUB_CMD_TURN(%rbx), %rdi
	mov	$FUTEX_WAIT, %esi
	xor	%r10d, %r10d
	mov	$__NR_futex, %eax
	syscall
	jmp	template_wait

template_clone:
	mov	$STUB_CLONE_PROCESS, %edi
	xor	%esi, %esi
	xor	%edx, %edx
	xor	%r10d, %r10d
	xor	%r8d, %r8d
	mov	$__NR_clone, %eax
	syscall
	test	%rax, %rax
	jnz	template_answer
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
	jne	stub_exit_group
	jmp	stub_park

template_failed:
	mov	%eax, STUB_CMD_RESULT(%rbx)
	mov	$STUB_TURN_FAILED, %eax
	xchg	%eax, STUB_CMD_TURN(%rbx)
	lea	STUB_CMD_TURN(%rbx), %rdi
	mov	$FUTEX_WAKE, %esi
	mov	$1, %edx
	mov	$__NR_futex, %eax
	syscall
	jmp	stub_exit_group

	.globl stub_end
stub_end:
	.section .note.GNU-stack, "", @progbits
