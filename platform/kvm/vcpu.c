/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vcpu: guest threads.  They own nothing of the host but memory; which
 * processor of the machine runs one is decided at each entry (pool.c).
 *
 * Tests: tests/unit/test_platform_kvm.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/kvm/kvm.h"
#include "sentry/lib/alloc.h"

static void init_regs(struct guest_regs *r)
{
	*r = (struct guest_regs){ .cs = KVM_USER_CS,
				  .ss = KVM_USER_SS,
				  .eflags = 0x202 };
}

static void init_fpu(uint8_t *image)
{
	const uint16_t fcw = 0x37f;
	const uint32_t mxcsr = 0x1f80;

	memcpy(image, &fcw, sizeof(fcw));
	memcpy(image + XSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
}

int kvm_vcpu_new(struct platform_as *as, struct vcpu *creator,
		 struct vcpu **out)
{
	AUTO_FREE struct kvm_vcpu *cpu = kzalloc(sizeof(*cpu));

	if (!cpu)
		return -EAGAIN;
	cpu->fpu = kzalloc(g_kvm.limits.xsave_size);
	if (!cpu->fpu)
		return -EAGAIN;
	init_regs(&cpu->regs);
	if (creator)
		cpu->regs = to_kvm_vcpu(creator)->regs;
	init_fpu(cpu->fpu);
	placement_init(&cpu->placed);
	cpu->base.as = as;
	*out = &take(cpu)->base;
	return 0;
}

int kvm_vcpu_bind(struct vcpu *vcpu)
{
	struct kvm_vcpu *cpu = to_kvm_vcpu(vcpu);
	const uint64_t kick = 1ull << (KVM_KICK_SIGNAL - 1);

	atomic_store(&cpu->tid, (uint32_t)raw_call(SYS_gettid, 0, 0, 0, 0));
	placement_bind(&cpu->placed, atomic_load(&cpu->tid));
	cpu->bound = true;
	return (int)raw_call(SYS_rt_sigprocmask, SIG_UNBLOCK, (uintptr_t)&kick,
			     0, sizeof(kick));
}

int kvm_vcpu_move(struct vcpu *vcpu, struct platform_as *as)
{
	struct kvm_vcpu *cpu = to_kvm_vcpu(vcpu);

	cpu->base.as = as;
	init_regs(&cpu->regs);
	return 0;
}

void kvm_vcpu_free(struct vcpu *vcpu)
{
	struct kvm_vcpu *cpu = to_kvm_vcpu(vcpu);

	pool_forget(cpu);
	if (cpu->bound)
		placement_unbind(&cpu->placed);
	free(cpu->fpu);
	free(cpu);
}

/* CPU clock id of thread @tid of ours: clock_getcpuclockid(3). */
static uint64_t thread_time(uint32_t tid)
{
	struct timespec ts = { 0, 0 };
	uint64_t clock = (uint64_t)(int64_t)(int32_t)(~tid << 3 | 6);

	if (tid == 0 || raw_call(SYS_clock_gettime, clock,
				 (uint64_t)(uintptr_t)&ts, 0, 0) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Time between entry and exit, but no more than the thread had a CPU. */
uint64_t kvm_guest_time(struct vcpu *vcpu)
{
	struct kvm_vcpu *cpu = to_kvm_vcpu(vcpu);
	uint64_t spent = run_clock_cycles(&cpu->clock), ns;

	ns = (uint64_t)((unsigned __int128)spent * 1000000 / g_kvm.tsc_khz);
	return run_clock_tell(&cpu->clock,
			      MIN(ns, thread_time(atomic_load(&cpu->tid))));
}
