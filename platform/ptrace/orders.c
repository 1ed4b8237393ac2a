/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orders: the queue of an address space, and as_sync().
 *
 * The ordering that as_sync() rests on (all accesses sequentially consistent):
 *
 *   order + sync                       entry of a vcpu (run.c)
 *   as->pending = 1                    state |= IN_GUEST
 *   look at state of each vcpu         look at as->pending
 *
 * One of the two sees the other: either the vcpu flushes before it enters, or
 * it is seen in guest mode and kicked.
 *
 * Locks: as->mu.
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/ptrace/pt.h"

int pt_as_order(struct platform_as *base, const struct map_order *order)
{
	struct pt_as *as = to_pt_as(base);
	int ret;

	mutex_lock(&as->mu);
	ret = order_queue_add(&as->queue, order);
	if (ret == 0)
		atomic_store(&as->pending, 1);
	mutex_unlock(&as->mu);
	return ret;
}

/* Counts @cpu in as->sync_left if it is in guest mode; true to kick it. */
static bool mark_for_sync(struct pt_as *as, struct pt_vcpu *cpu)
{
	uint32_t old = atomic_load(&cpu->state);

	atomic_fetch_add(&as->sync_left, 1);
	while ((old & PT_IN_GUEST) && !(old & PT_SYNC))
		if (atomic_compare_exchange_weak(&cpu->state, &old,
						 old | PT_SYNC))
			return true;
	/* Outside, or counted by another as_sync(). */
	if (atomic_fetch_sub(&as->sync_left, 1) == 1)
		raw_futex_wake(&as->sync_left, INT32_MAX, true);
	return false;
}

void pt_as_sync(struct platform_as *base)
{
	struct pt_as *as = to_pt_as(base);
	struct pt_vcpu *cpu;
	uint32_t left;

	if (!atomic_load(&as->pending))
		return;
	mutex_lock(&as->mu);
	list_for_each_entry (cpu, &as->cpus, node)
		if (mark_for_sync(as, cpu))
			vcpu_kick(cpu);
	mutex_unlock(&as->mu);
	while ((left = atomic_load(&as->sync_left)) != 0)
		raw_futex_wait(&as->sync_left, left, NULL, true);
}
