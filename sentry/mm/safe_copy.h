/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safe_copy: memory accesses of the sentry that may fault on the host (a
 * mapped file was truncated, host memory is exhausted).  A fault inside these
 * functions is fixed up through an exception table by the SIGSEGV/SIGBUS
 * handler (sentry/host/host_fault.c) and reported; anywhere else it is a crash.
 */
#ifndef SENTRY_MM_SAFE_COPY_H
#define SENTRY_MM_SAFE_COPY_H

#include "sentry/lib/compiler.h"

/* Returns the number of bytes NOT copied: 0 on success. */
MUST_CHECK size_t safe_copy(void *dst, const void *src, size_t size);
MUST_CHECK size_t safe_zero(void *dst, size_t size);
/* Copies up to @size bytes, ends after a NUL.  Returns bytes copied including
 * the NUL, or -EFAULT; no NUL in @size bytes returns @size. */
MUST_CHECK long safe_strncpy(char *dst, const char *src, size_t size);
/* Atomic accesses to an aligned 32-bit word; 0 or -EFAULT. */
MUST_CHECK int safe_load32(const uint32_t *p, uint32_t *out);
MUST_CHECK int safe_store32(uint32_t *p, uint32_t v);
/* *out_old gets what was there; the swap happened if it equals @expect. */
MUST_CHECK int safe_cmpxchg32(uint32_t *p, uint32_t expect, uint32_t desired,
			      uint32_t *out_old);

/* For the fault handler: if @pc is inside an access above, *pc becomes its
 * fix-up and true is returned. */
bool safe_copy_fixup(uint64_t *pc);

#endif
