/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool: which thread has which processor of the machine.
 *
 * A processor keeps the FPU state of the thread that used it last, its owner,
 * who finds it again without a lock.  A thread without one takes the free one
 * that was taken longest ago and puts the owner's state aside.  If none is free
 * it waits in a queue and is handed the next; it has a running thread stopped
 * when a time slice has passed.
 *
 * Invariant: hw->owner changes only under pool.mu and in the hands of whoever
 *            has hw->busy; cpu->hw == hw means hw->owner == cpu.
 * Locks:     pool.mu, a leaf.
 * Tests:     tests/unit/test_platform_kvm.c
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "platform/kvm/kvm.h"
#include "sentry/lib/log.h"

#define SLICE_NS 4000000

void hw_pool_start(struct pool *pool)
{
	mutex_init(&pool->mu, LOCK_PLATFORM_PHYS);
	list_init(&pool->waiters);
}

static bool try_take(struct hw *hw)
{
	uint32_t free = 0;

	return atomic_compare_exchange_strong(&hw->busy, &free, 1);
}

/* Moves FPU states so that @hw, which is ours, has that of @cpu. */
static void load_fpu(struct pool *pool, struct hw *hw, struct kvm_vcpu *cpu)
	MUST_HOLD(&pool->mu)
{
	struct kvm_xsave image = { 0 };
	struct kvm_vcpu *old = hw->owner;
	long ret = 0;

	(void)pool;
	if (old) {
		ret = kvm_ioctl(hw->fd, KVM_GET_XSAVE, &image);
		memcpy(old->fpu, &image, g_kvm.limits.xsave_size);
		atomic_store(&old->hw, NULL);
	}
	memset(&image, 0, sizeof(image));
	memcpy(&image, cpu->fpu, g_kvm.limits.xsave_size);
	if (ret == 0)
		ret = kvm_ioctl(hw->fd, KVM_SET_XSAVE, &image);
	if (ret < 0)
		log_error("kvm: FPU state: error %d", (int)-ret);
	hw->owner = cpu;
	hw->segments_known = false;
	atomic_store(&cpu->hw, hw);
}

/* A free one, now ours, or NULL. */
static struct hw *find_free(struct pool *pool) MUST_HOLD(&pool->mu)
{
	struct hw *best;

	do {
		best = NULL;
		for (uint32_t i = 0; i < pool->nr; i++) {
			struct hw *hw = &pool->hw[i];

			if (!atomic_load(&hw->busy) &&
			    (!best || hw->taken < best->taken))
				best = hw;
		}
	} while (best && !try_take(best));
	return best;
}

/* Stops the thread that has had its processor longest. */
static void preempt(struct pool *pool) MUST_HOLD(&pool->mu)
{
	struct hw *oldest = &pool->hw[0];

	for (uint32_t i = 1; i < pool->nr; i++)
		if (pool->hw[i].taken < oldest->taken)
			oldest = &pool->hw[i];
	oldest->taken = ++pool->turn;
	hw_kick(oldest);
}

/* Until one is handed over or comes free.  NULL: @cpu was interrupted. */
static struct hw *wait_for_one(struct pool *pool, struct kvm_vcpu *cpu)
{
	static const struct timespec slice = { .tv_nsec = SLICE_NS };
	struct waiter w = { .hw = NULL };
	struct hw *got;

	mutex_lock(&pool->mu);
	list_append(&pool->waiters, &w.node);
	atomic_fetch_add(&pool->nr_waiters, 1);
	for (;;) {
		got = w.hw ? w.hw : find_free(pool);
		if (got || atomic_load(&cpu->state) & KVM_PENDING)
			break;
		mutex_unlock(&pool->mu);
		raw_futex_wait(&w.done, 0, &slice, true);
		mutex_lock(&pool->mu);
		if (!w.hw)
			preempt(pool);
	}
	if (!w.hw) {
		list_del(&w.node);
		atomic_fetch_sub(&pool->nr_waiters, 1);
	}
	mutex_unlock(&pool->mu);
	return got;
}

struct hw *pool_take(struct kvm_vcpu *cpu)
{
	struct pool *pool = &g_kvm.pool;
	struct hw *hw = atomic_load(&cpu->hw);

	if (likely(hw && try_take(hw))) {
		if (likely(hw->owner == cpu))
			return hw;
		pool_give(hw);
	}
	mutex_lock(&pool->mu);
	hw = find_free(pool);
	mutex_unlock(&pool->mu);
	if (!hw)
		hw = wait_for_one(pool, cpu);
	if (!hw)
		return NULL;
	mutex_lock(&pool->mu);
	hw->taken = ++pool->turn;
	if (hw->owner != cpu) {
		/* Our state may still lie in another one. */
		struct hw *before = atomic_load(&cpu->hw);

		if (before) {
			struct kvm_xsave image;

			if (kvm_ioctl(before->fd, KVM_GET_XSAVE, &image) == 0)
				memcpy(cpu->fpu, &image,
				       g_kvm.limits.xsave_size);
			before->owner = NULL;
		}
		load_fpu(pool, hw, cpu);
	}
	mutex_unlock(&pool->mu);
	return hw;
}

void pool_give(struct hw *hw)
{
	struct pool *pool = &g_kvm.pool;
	struct waiter *w;

	atomic_store(&hw->busy, 0);
	if (likely(atomic_load(&pool->nr_waiters) == 0))
		return;
	mutex_lock(&pool->mu);
	w = list_first(&pool->waiters, struct waiter, node);
	if (w && try_take(hw)) {
		list_del(&w->node);
		atomic_fetch_sub(&pool->nr_waiters, 1);
		w->hw = hw;
		atomic_store(&w->done, 1);
		raw_futex_wake(&w->done, 1, true);
	}
	mutex_unlock(&pool->mu);
}

void pool_forget(struct kvm_vcpu *cpu)
{
	struct hw *hw;

	mutex_lock(&g_kvm.pool.mu);
	hw = atomic_load(&cpu->hw);
	if (hw)
		hw->owner = NULL;
	atomic_store(&cpu->hw, NULL);
	mutex_unlock(&g_kvm.pool.mu);
}

int kvm_get_fpu(struct vcpu *vcpu, void *buf)
{
	struct kvm_vcpu *cpu = to_kvm_vcpu(vcpu);
	struct kvm_xsave image;
	struct hw *hw;
	long ret = 0;

	mutex_lock(&g_kvm.pool.mu);
	hw = atomic_load(&cpu->hw);
	if (hw)
		ret = kvm_ioctl(hw->fd, KVM_GET_XSAVE, &image);
	memcpy(buf, hw ? (const void *)&image : cpu->fpu,
	       g_kvm.limits.xsave_size);
	mutex_unlock(&g_kvm.pool.mu);
	if (ret < 0)
		return (int)ret;
	xsave_clean(&g_kvm.limits, buf);
	return 0;
}

int kvm_set_fpu(struct vcpu *vcpu, const void *buf)
{
	struct kvm_vcpu *cpu = to_kvm_vcpu(vcpu);
	struct hw *hw;
	int ret = xsave_check(&g_kvm.limits, buf);

	if (ret < 0)
		return ret;
	mutex_lock(&g_kvm.pool.mu);
	memcpy(cpu->fpu, buf, g_kvm.limits.xsave_size);
	/* Loaded at the next entry. */
	hw = atomic_load(&cpu->hw);
	if (hw)
		hw->owner = NULL;
	atomic_store(&cpu->hw, NULL);
	mutex_unlock(&g_kvm.pool.mu);
	return 0;
}
