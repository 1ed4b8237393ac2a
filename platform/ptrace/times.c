/* SPDX-License-Identifier: Apache-2.0 */
/*
 * times: CPU time in guest mode.
 *
 * The host lets us read the CPU clock of a stub process, not that of one of
 * its threads.  So the process's time is shared out by the time that each vcpu
 * was in guest mode (the cycle counter, read around each entry); with one
 * thread that is exact.
 *
 * Locks: as->mu for the list of vcpus.
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/ptrace/pt.h"

/* CPU clock id of process @pid: clock_getcpuclockid(3), CPUCLOCK_SCHED. */
static uint64_t process_time(uint32_t pid)
{
	struct timespec ts = { 0, 0 };
	uint64_t clock = (uint64_t)(int64_t)(int32_t)(~pid << 3 | 2);

	if (pid == 0 || raw_call(SYS_clock_gettime, clock,
				 (uint64_t)(uintptr_t)&ts, 0, 0) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Cycles in guest mode, those of a stay that lasts included. */
static uint64_t vcpu_cycles(struct pt_vcpu *cpu)
{
	uint64_t spent = atomic_load(&cpu->spent_tsc);
	uint64_t entry = atomic_load(&cpu->entry_tsc), now = read_tsc();

	return entry && now > entry ? spent + (now - entry) : spent;
}

static uint64_t share_locked(struct pt_vcpu *cpu, struct pt_as *as)
	MUST_HOLD(&as->mu)
{
	uint64_t all = atomic_load(&as->dead_tsc), mine = 0;
	struct pt_vcpu *other;

	list_for_each_entry (other, &as->cpus, node) {
		uint64_t cycles = vcpu_cycles(other);

		all += cycles;
		if (other == cpu)
			mine = cycles;
	}
	if (mine == 0)
		return 0;
	return (uint64_t)((unsigned __int128)process_time(
				  atomic_load(&as->tgid)) *
			  mine / all);
}

void times_leave(struct pt_vcpu *cpu, struct pt_as *as)
{
	/* Off the list already: its share is that of the whole time. */
	uint64_t all = atomic_load(&as->dead_tsc), mine = vcpu_cycles(cpu);
	struct pt_vcpu *other;
	uint64_t share = 0;

	list_for_each_entry (other, &as->cpus, node)
		all += vcpu_cycles(other);
	if (mine)
		share = (uint64_t)((unsigned __int128)process_time(
					   atomic_load(&as->tgid)) *
				   mine / (all + mine));
	atomic_fetch_add(&cpu->time_base, share);
	atomic_fetch_add(&as->dead_tsc, mine);
	atomic_store(&cpu->spent_tsc, 0);
}

uint64_t pt_guest_time(struct vcpu *vcpu)
{
	struct pt_vcpu *cpu = to_pt_vcpu(vcpu);
	struct pt_as *as = vcpu_get_as(cpu);
	uint64_t now, last = atomic_load(&cpu->last_time);

	mutex_lock(&as->mu);
	now = atomic_load(&cpu->time_base) + share_locked(cpu, as);
	mutex_unlock(&as->mu);
	pt_as_put(as);
	/* Shares shift; what was told once is not taken back. */
	while (now > last)
		if (atomic_compare_exchange_weak(&cpu->last_time, &last, now))
			return now;
	return last;
}
