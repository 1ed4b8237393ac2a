/* SPDX-License-Identifier: Apache-2.0 */
/*
 * times: CPU time in guest mode, and which space a vcpu is in for threads
 * other than its own.
 *
 * Locks: g_as_mu for the pointer; as->mu for the clocks of a space.
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/ptrace/pt.h"

static struct mutex g_as_mu = MUTEX_INIT(LOCK_PLACEMENT);

static struct pt_as *get_as(struct pt_vcpu *cpu)
{
	struct pt_as *as;

	mutex_lock(&g_as_mu);
	as = to_pt_as(cpu->base.as);
	ref_get(&as->ref);
	mutex_unlock(&g_as_mu);
	return as;
}

void vcpu_set_as(struct pt_vcpu *cpu, struct pt_as *as)
{
	mutex_lock(&g_as_mu);
	cpu->base.as = &as->base;
	mutex_unlock(&g_as_mu);
}

uint64_t pt_guest_time(struct vcpu *vcpu)
{
	struct pt_vcpu *cpu = to_pt_vcpu(vcpu);
	struct pt_as *as = get_as(cpu);
	uint64_t now;

	mutex_lock(&as->mu);
	now = run_clock_now(&cpu->clock, &as->clock);
	mutex_unlock(&as->mu);
	pt_as_put(as);
	return run_clock_tell(&cpu->clock, now);
}
