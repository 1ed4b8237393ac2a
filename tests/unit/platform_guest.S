/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest programs of test_platform_ptrace: position-independent snippets, copied
 * to the guest's code page at GUEST_CODE.
 */
	.section .rodata.guest, "a", @progbits
	.macro	program name
	.globl	guest_\name
guest_\name:
	.endm

	.globl guest_begin
guest_begin:

/* One call, its result is the argument of the next, for ever. */
program calls
	mov	$110, %eax
	mov	$1, %edi
1:	syscall
	mov	%rax, %rdi
	mov	$110, %eax
	jmp	1b

/* Reads, writes, jumps at rdi. */
program read
	mov	(%rdi), %rax
	syscall
program write
	mov	%rdi, (%rdi)
	syscall
program jump
	jmp	*%rdi
program spin
	jmp	guest_spin
/* Counts at rdi. */
program count
	incq	(%rdi)
	jmp	guest_count
program divide
	xor	%ecx, %ecx
	mov	$1, %eax
	div	%ecx
program undefined
	ud2
program breakpoint
	int3
	nop
program privileged
	hlt
program int80
	mov	$20, %eax
	int	$0x80
	syscall
program steps
	nop
	nop
	nop
	mov	$39, %eax
	syscall
	nop
/* time(NULL) in the vsyscall page. */
program vsyscall
	xor	%edi, %edi
	mov	$0xffffffffff600400, %rax
	call	*%rax
	syscall
/* A store at rdi through a stack that is not canonical. */
program badstack
	mov	$0x8000000000000000, %rsp
	push	%rax
/* Reads a byte at rdi, rdi + rsi, ... rdx times, then calls. */
program touch
1:	incq	(%rdi)
	add	%rsi, %rdi
	dec	%rdx
	jnz	1b
	mov	$39, %eax
	syscall
/* xmm0 += 1.0 style: stores xmm0 at rdi, then calls. */
program xmm
	movups	%xmm0, (%rdi)
	mov	$39, %eax
	syscall
	jmp	guest_xmm

	.globl guest_end
guest_end:
	.section .note.GNU-stack, "", @progbits
