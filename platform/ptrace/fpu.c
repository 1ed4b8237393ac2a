/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fpu: the extended state of stub threads, in the standard XSAVE format.
 *
 * The host's image may be larger than ours: AMX, which guests are not told
 * about, lies at its end and stays in its initial state.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include <cpuid.h>
#include <elf.h>
#include <string.h>
#include <sys/uio.h>

#include "platform/ptrace/pt.h"
#include "sentry/lib/alloc.h"

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

#define XSAVE_MXCSR	 24
#define XSAVE_MXCSR_MASK 28
#define XSAVE_SW_BYTES	 464
#define XSAVE_SW_SIZE	 48
#define XSAVE_HEADER	 512
#define XSAVE_HEADER_END 576
#define XCR0_AMX	 (3ull << 17)

static uint64_t read_xcr0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

void fpu_limits(struct platform *p)
{
	uint64_t xcr0 = read_xcr0();
	size_t size = XSAVE_HEADER_END;
	uint32_t a, b, c, d;

	__cpuid_count(0xd, 0, a, b, c, d);
	p->xsave_host_size = b;
	p->limits.xcr0 = xcr0 & ~XCR0_AMX;
	for (uint32_t i = 2; i < 63; i++) {
		if (!(p->limits.xcr0 >> i & 1))
			continue;
		__cpuid_count(0xd, i, a, b, c, d);
		size = MAX(size, (size_t)a + b);
	}
	p->limits.xsave_size = size;
}

static uint32_t host_mxcsr_mask(void)
{
	uint8_t area[512] __attribute__((aligned(16))) = { 0 };
	uint32_t mask;

	__asm__ volatile("fxsave64 %0" : "=m"(area));
	memcpy(&mask, area + XSAVE_MXCSR_MASK, sizeof(mask));
	return mask ? mask : 0xffbf;
}

/* What XRSTOR would fault on. */
static int check_image(const struct platform *p, const uint8_t *img)
{
	uint64_t head[8];
	uint32_t mxcsr;

	memcpy(head, img + XSAVE_HEADER, sizeof(head));
	memcpy(&mxcsr, img + XSAVE_MXCSR, sizeof(mxcsr));
	if (head[0] & ~p->limits.xcr0)
		return -EINVAL;
	for (size_t i = 1; i < ARRAY_SIZE(head); i++)
		if (head[i])
			return -EINVAL;
	return mxcsr & ~host_mxcsr_mask() ? -EINVAL : 0;
}

static int transfer(const struct pt_vcpu *cpu, long request, void *image)
{
	struct iovec iov = { image, cpu->p->xsave_host_size };

	return (int)raw_ptrace(request, cpu->tid, NT_X86_XSTATE, &iov);
}

static int load(struct pt_vcpu *cpu, const void *buf)
{
	const size_t host = cpu->p->xsave_host_size;
	const size_t size = cpu->p->limits.xsave_size;
	AUTO_FREE uint8_t *image = NULL;

	if (host == size)
		return transfer(cpu, PTRACE_SETREGSET, (void *)(uintptr_t)buf);
	image = kzalloc(host);
	if (!image)
		return -ENOMEM;
	memcpy(image, buf, size);
	return transfer(cpu, PTRACE_SETREGSET, image);
}

int pt_set_fpu(struct vcpu *vcpu, const void *buf)
{
	struct pt_vcpu *cpu = to_pt_vcpu(vcpu);
	int ret = check_image(cpu->p, buf);

	if (ret < 0)
		return ret;
	if (cpu->bound)
		return load(cpu, buf);
	if (!cpu->fpu)
		cpu->fpu = kzalloc(cpu->p->limits.xsave_size);
	if (!cpu->fpu)
		return -ENOMEM;
	memcpy(cpu->fpu, buf, cpu->p->limits.xsave_size);
	return 0;
}

int fpu_load_early(struct pt_vcpu *cpu)
{
	int ret = load(cpu, cpu->fpu);

	free(cpu->fpu);
	cpu->fpu = NULL;
	return ret;
}

/* Hides what the host put beyond the contract's format. */
static void clean_image(const struct platform *p, uint8_t *img)
{
	uint64_t bv;

	memset(img + XSAVE_SW_BYTES, 0, XSAVE_SW_SIZE);
	memcpy(&bv, img + XSAVE_HEADER, sizeof(bv));
	bv &= p->limits.xcr0;
	memcpy(img + XSAVE_HEADER, &bv, sizeof(bv));
}

int pt_get_fpu(struct vcpu *vcpu, void *buf)
{
	struct pt_vcpu *cpu = to_pt_vcpu(vcpu);
	struct iovec iov = { buf, cpu->p->limits.xsave_size };
	long ret;

	if (!cpu->bound) {
		if (!cpu->fpu)
			return -EINVAL;
		memcpy(buf, cpu->fpu, cpu->p->limits.xsave_size);
		return 0;
	}
	ret = raw_ptrace(PTRACE_GETREGSET, cpu->tid, NT_X86_XSTATE, &iov);
	if (ret < 0)
		return (int)ret;
	clean_image(cpu->p, buf);
	return 0;
}
