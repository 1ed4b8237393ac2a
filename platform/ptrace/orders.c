/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orders: the queue of an address space, and as_sync().
 *
 * Neighbouring orders that say one thing are kept as one, so that a loop over
 * pages above costs the host one call.
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
#include <assert.h>
#include <string.h>

#include "platform/ptrace/pt.h"
#include "sentry/lib/alloc.h"

#define QUEUE_FIRST 16

void order_queue_fini(struct order_queue *q)
{
	free(q->at);
	*q = (struct order_queue){ 0 };
}

static int order_queue_grow(struct order_queue *q)
{
	size_t cap = q->cap ? q->cap * 2 : QUEUE_FIRST, size;
	struct map_order *at;

	if (q->nr < q->cap)
		return 0;
	if (mul_overflows(cap, sizeof(*at), &size))
		return -ENOMEM;
	at = realloc(q->at, size);
	if (!at)
		return -ENOMEM;
	q->at = at;
	q->cap = cap;
	return 0;
}

static bool same_kind(const struct map_order *a, const struct map_order *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == ORDER_UNMAP)
		return true;
	if (a->prot != b->prot)
		return false;
	return a->kind == ORDER_PROTECT ||
	       (a->fd == b->fd && a->priv == b->priv &&
		a->populate == b->populate);
}

/* Joins @o to the last order @l if they touch and say one thing. */
static bool merge(struct map_order *l, const struct map_order *o)
{
	bool map = o->kind == ORDER_MAP;

	if (!same_kind(l, o))
		return false;
	if (l->addr + l->size == o->addr &&
	    (!map || l->offset + l->size == o->offset)) {
		l->size += o->size;
		return true;
	}
	if (o->addr + o->size == l->addr &&
	    (!map || o->offset + o->size == l->offset)) {
		l->addr = o->addr;
		l->offset = o->offset;
		l->size += o->size;
		return true;
	}
	return false;
}

/* A mapping replaces what it covers: an unmapping just before is not needed. */
static bool replaces(const struct map_order *l, const struct map_order *o)
{
	return l->kind == ORDER_UNMAP && o->kind != ORDER_PROTECT &&
	       o->addr <= l->addr && l->addr + l->size <= o->addr + o->size;
}

int pt_as_order(struct platform_as *base, const struct map_order *order)
{
	struct pt_as *as = to_pt_as(base);
	struct order_queue *q = &as->queue;
	int ret = 0;

	mutex_lock(&as->mu);
	if (q->nr > 0 && replaces(&q->at[q->nr - 1], order))
		q->nr--;
	if (q->nr == 0 || !merge(&q->at[q->nr - 1], order)) {
		ret = order_queue_grow(q);
		if (ret == 0)
			q->at[q->nr++] = *order;
	}
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
