/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safe_copy_raw: the accesses of safe_copy.h that may fault, and the table
 * that tells for each such instruction where to go on after a fault.
 *
 * In assembly, so that the instructions are known exactly and no sanitizer
 * touches them.  The direction flag is clear by the ABI.
 * Tests: tests/unit/test_safe_copy.c
 */
	.text

	/* One entry: the instruction and its fix-up, both relative to here. */
	.macro	fixup at, to
	.pushsection safe_copy_table, "a", @progbits
	.balign	4
	.long	(\at) - .
	.long	(\to) - .
	.popsection
	.endm

	.macro	function name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.balign	16
\name:
	endbr64
	.endm

	/* size_t safe_copy_raw(void *dst, const void *src, size_t size):
	 * bytes not copied.  Words first if it is short, since starting
	 * "rep movsb" costs more than a few words. */
	function safe_copy_raw
	movq	%rdx, %rcx
	cmpq	$256, %rdx
	ja	3f
	shrq	$3, %rcx
	jz	2f
1:	movq	(%rsi), %rax
11:	movq	%rax, (%rdi)
	addq	$8, %rsi
	addq	$8, %rdi
	decq	%rcx
	jnz	1b
2:	movl	%edx, %ecx
	andl	$7, %ecx
3:	rep movsb
4:	movq	%rcx, %rax
	ret
	/* A word faulted: byte by byte up to the very first that does. */
5:	andl	$7, %edx
	leaq	(%rdx, %rcx, 8), %rcx
	jmp	3b
	fixup	1b, 5b
	fixup	11b, 5b
	fixup	3b, 4b
	.size	safe_copy_raw, . - safe_copy_raw

	/* size_t safe_zero_raw(void *dst, size_t size): bytes not zeroed. */
	function safe_zero_raw
	movq	%rsi, %rcx
	xorl	%eax, %eax
1:	rep stosb
2:	movq	%rcx, %rax
	ret
	fixup	1b, 2b
	.size	safe_zero_raw, . - safe_zero_raw

	/* long safe_strncpy_raw(char *dst, const char *src, size_t size):
	 * bytes copied with the NUL, @size without one, -1 at a fault. */
	function safe_strncpy_raw
	xorl	%eax, %eax
1:	cmpq	%rdx, %rax
	jae	4f
2:	movb	(%rsi, %rax), %cl
3:	movb	%cl, (%rdi, %rax)
	incq	%rax
	testb	%cl, %cl
	jnz	1b
4:	ret
5:	movq	$-1, %rax
	ret
	fixup	2b, 5b
	fixup	3b, 5b
	.size	safe_strncpy_raw, . - safe_strncpy_raw

	/* int safe_load32_raw(const uint32_t *p, uint32_t *out): 0 or -1. */
	function safe_load32_raw
1:	movl	(%rdi), %eax
	movl	%eax, (%rsi)
	xorl	%eax, %eax
	ret
2:	movl	$-1, %eax
	ret
	fixup	1b, 2b
	.size	safe_load32_raw, . - safe_load32_raw

	/* int safe_store32_raw(uint32_t *p, uint32_t v): 0 or -1; a full
	 * barrier, as the atomic exchange it is. */
	function safe_store32_raw
1:	xchgl	%esi, (%rdi)
	xorl	%eax, %eax
	ret
2:	movl	$-1, %eax
	ret
	fixup	1b, 2b
	.size	safe_store32_raw, . - safe_store32_raw

	/* int safe_cmpxchg32_raw(uint32_t *p, uint32_t expect,
	 *			  uint32_t desired, uint32_t *old): 0 or -1. */
	function safe_cmpxchg32_raw
	movq	%rcx, %r8
	movl	%esi, %eax
1:	lock cmpxchgl %edx, (%rdi)
	movl	%eax, (%r8)
	xorl	%eax, %eax
	ret
2:	movl	$-1, %eax
	ret
	fixup	1b, 2b
	.size	safe_cmpxchg32_raw, . - safe_cmpxchg32_raw

	.section .note.GNU-stack, "", @progbits
