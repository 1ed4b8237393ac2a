/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fpu: the extended state of stub threads, in the standard XSAVE format.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include <elf.h>
#include <string.h>
#include <sys/uio.h>

#include "platform/ptrace/pt.h"
#include "sentry/lib/alloc.h"

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

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
	int ret = xsave_check(&cpu->p->limits, buf);

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
	xsave_clean(&cpu->p->limits, buf);
	return 0;
}
