/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xsave: see the header.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/xsave.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>

#define XSAVE_MXCSR_MASK 28
#define XCR0_AMX	 (3ull << 17)

bool xsave_present(void)
{
	uint32_t a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE);
}

static uint64_t read_xcr0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

void xsave_restrict(struct platform_limits *l, uint64_t xcr0)
{
	size_t size = XSAVE_HEADER_END;
	uint32_t a, b, c, d;

	l->xcr0 &= xcr0;
	for (uint32_t i = 2; i < 63; i++) {
		if (!(l->xcr0 >> i & 1))
			continue;
		__cpuid_count(0xd, i, a, b, c, d);
		size = MAX(size, (size_t)a + b);
	}
	l->xsave_size = size;
}

size_t xsave_limits(struct platform_limits *l)
{
	uint32_t a, b, c, d;

	__cpuid_count(0xd, 0, a, b, c, d);
	l->xcr0 = read_xcr0();
	xsave_restrict(l, ~XCR0_AMX);
	return b;
}

static uint32_t host_mxcsr_mask(void)
{
	uint8_t area[512] __attribute__((aligned(16))) = { 0 };
	uint32_t mask;

	__asm__ volatile("fxsave64 %0" : "=m"(area));
	memcpy(&mask, area + XSAVE_MXCSR_MASK, sizeof(mask));
	return mask ? mask : 0xffbf;
}

int xsave_check(const struct platform_limits *l, const uint8_t *image)
{
	uint64_t head[8];
	uint32_t mxcsr;

	memcpy(head, image + XSAVE_HEADER, sizeof(head));
	memcpy(&mxcsr, image + XSAVE_MXCSR, sizeof(mxcsr));
	if (head[0] & ~l->xcr0)
		return -EINVAL;
	for (size_t i = 1; i < ARRAY_SIZE(head); i++)
		if (head[i])
			return -EINVAL;
	return mxcsr & ~host_mxcsr_mask() ? -EINVAL : 0;
}

void xsave_clean(const struct platform_limits *l, uint8_t *image)
{
	uint64_t bv;

	memset(image + XSAVE_SW_BYTES, 0, XSAVE_SW_SIZE);
	memcpy(&bv, image + XSAVE_HEADER, sizeof(bv));
	bv &= l->xcr0;
	memcpy(image + XSAVE_HEADER, &bv, sizeof(bv));
}
