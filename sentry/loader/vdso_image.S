/* SPDX-License-Identifier: Apache-2.0 */
/* The vDSO as a blob in the sentry's binary. */
	.section .rodata
	.globl	vdso_image_start, vdso_image_end
	.hidden	vdso_image_start, vdso_image_end
	.balign	16
vdso_image_start:
	.incbin	VDSO_SO
vdso_image_end:
	.section .note.GNU-stack, "", @progbits
