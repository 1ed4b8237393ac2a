/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safe_copy: the C side of safe_copy_raw.S: results, and the look-up of the
 * fault handler.
 *
 * Invariant: only instructions in the section safe_copy_table may fault.
 * Locks:     none; safe_copy_fixup() runs in a signal handler.
 * Tests:     tests/unit/test_safe_copy.c
 */
#include "sentry/mm/safe_copy.h"

#include <errno.h>

size_t safe_copy_raw(void *dst, const void *src, size_t size);
size_t safe_zero_raw(void *dst, size_t size);
long safe_strncpy_raw(char *dst, const char *src, size_t size);
int safe_load32_raw(const uint32_t *p, uint32_t *out);
int safe_store32_raw(uint32_t *p, uint32_t v);
int safe_cmpxchg32_raw(uint32_t *p, uint32_t expect, uint32_t desired,
		       uint32_t *out_old);

/* Offsets from the members themselves, so that the table needs no relocation
 * in a position-independent binary. */
struct fixup {
	int32_t at, to;
};
/* Bounds that the linker makes of the section's name. */
extern const struct fixup __start_safe_copy_table[];
extern const struct fixup __stop_safe_copy_table[];

size_t safe_copy(void *dst, const void *src, size_t size)
{
	return safe_copy_raw(dst, src, size);
}

size_t safe_zero(void *dst, size_t size)
{
	return safe_zero_raw(dst, size);
}

long safe_strncpy(char *dst, const char *src, size_t size)
{
	long ret = safe_strncpy_raw(dst, src, size);

	return ret < 0 ? -EFAULT : ret;
}

int safe_load32(const uint32_t *p, uint32_t *out)
{
	return safe_load32_raw(p, out) ? -EFAULT : 0;
}

int safe_store32(uint32_t *p, uint32_t v)
{
	return safe_store32_raw(p, v) ? -EFAULT : 0;
}

int safe_cmpxchg32(uint32_t *p, uint32_t expect, uint32_t desired,
		   uint32_t *out_old)
{
	return safe_cmpxchg32_raw(p, expect, desired, out_old) ? -EFAULT : 0;
}

bool safe_copy_fixup(uint64_t *pc)
{
	const struct fixup *f;

	for (f = __start_safe_copy_table; f < __stop_safe_copy_table; f++) {
		if (*pc !=
		    (uint64_t)(intptr_t)&f->at + (uint64_t)(int64_t)f->at)
			continue;
		*pc = (uint64_t)(intptr_t)&f->to + (uint64_t)(int64_t)f->to;
		return true;
	}
	return false;
}
