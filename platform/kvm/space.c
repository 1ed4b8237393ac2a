/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space: address spaces and their orders.
 *
 * Orders are carried out by whoever asks first, in any thread: a flush, a sync,
 * or a processor about to enter; `pending` stays set until they are done, so
 * that nobody enters meanwhile.  Processors that are inside need not leave: the
 * zaps of table.c reach them.
 *
 * Locks: as->mu.
 * Tests: tests/unit/test_platform_kvm.c
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "platform/kvm/kvm.h"
#include "sentry/lib/alloc.h"

int kvm_as_new(struct platform *p, struct platform_as **out)
{
	struct kvm_as *as = kzalloc(sizeof(*as));

	(void)p;
	if (!as)
		return -ENOMEM;
	mutex_init(&as->mu, LOCK_PLATFORM_AS);
	list_init(&as->extents);
	list_init(&as->dead);
	*out = &as->base;
	return 0;
}

/* Host files that no entry names any more. */
static void free_extents(struct list *head)
{
	struct extent *x, *next;

	list_for_each_entry_safe (x, next, head, node) {
		list_del(&x->node);
		phys_file_unmap(&g_kvm.phys, x);
	}
}

void kvm_as_free(struct platform_as *base)
{
	struct kvm_as *as = to_kvm_as(base);

	free_extents(&as->extents);
	free_extents(&as->dead);
	phys_table_put(&g_kvm.phys, as->tables, as->nr_tables);
	free(as->tables);
	order_queue_fini(&as->queue);
	free(as);
}

int kvm_as_order(struct platform_as *base, const struct map_order *order)
{
	struct kvm_as *as = to_kvm_as(base);
	int ret;

	mutex_lock(&as->mu);
	ret = order_queue_add(&as->queue, order);
	if (ret == 0)
		atomic_store(&as->pending, 1);
	mutex_unlock(&as->mu);
	return ret;
}

/* --- carrying out ------------------------------------------------------- */

static int map_memory(struct zap *z, const struct map_order *o)
{
	uint64_t done = 0, gpa, n;
	int ret = 0;

	while (ret == 0 && done < o->size) {
		ret = phys_memory(&g_kvm.phys, o->offset + done, &gpa, &n);
		if (ret < 0)
			break;
		n = MIN(n, o->size - done);
		if (o->populate && o->prot)
			raw_call(SYS_madvise,
				 (uintptr_t)phys_ptr(&g_kvm.phys, gpa), n,
				 MADV_POPULATE_WRITE, 0);
		ret = table_map(z, o->addr + done, n, gpa, o->prot);
		done += n;
	}
	return ret;
}

static int map_file(struct zap *z, const struct map_order *o)
{
	struct map_order part = *o;
	struct extent *x;
	int ret = 0;

	while (ret == 0 && part.size > 0) {
		uint64_t n;

		ret = phys_file_map(&g_kvm.phys, &part, &x);
		if (ret < 0)
			break;
		list_append(&z->as->extents, &x->node);
		n = (uint64_t)x->nr_pages * PAGE_SIZE;
		ret = table_map(z, part.addr, n, x->gpa, part.prot);
		part.addr += n;
		part.offset += n;
		part.size -= n;
	}
	return ret;
}

static int carry_out(struct zap *z, const struct map_order *o)
{
	if (!order_allowed(&g_kvm.limits, o))
		return -ENOMEM;
	switch (o->kind) {
	case ORDER_MAP:
		return o->fd == g_kvm.phys.memory_fd && !o->priv
			       ? map_memory(z, o)
			       : map_file(z, o);
	case ORDER_UNMAP:
		table_unmap(z, o->addr, o->size);
		return 0;
	default:
		table_protect(z, o->addr, o->size, o->prot);
		return 0;
	}
}

/* 0; -ENOMEM: one was refused, its range and those after it are unmapped. */
static int flush(struct kvm_as *as)
{
	struct zap z = { .as = as };
	int ret = 0;

	for (size_t i = 0; i < as->queue.nr; i++) {
		const struct map_order *o = &as->queue.at[i];

		if (ret == 0)
			ret = carry_out(&z, o);
		if (ret < 0 && order_allowed(&g_kvm.limits, o))
			table_unmap(&z, o->addr, o->size);
	}
	as->queue.nr = 0;
	zap_flush(&z);
	free_extents(&as->dead);
	atomic_store(&as->pending, 0);
	return ret < 0 ? -ENOMEM : 0;
}

int kvm_as_flush(struct platform_as *base, struct vcpu *cpu)
{
	struct kvm_as *as = to_kvm_as(base);
	int ret = 0, late;

	(void)cpu;
	if (atomic_load(&as->gone))
		return -ESRCH;
	if (!atomic_load(&as->pending) && !atomic_load(&as->late_error))
		return 0;
	mutex_lock(&as->mu);
	late = atomic_exchange(&as->late_error, 0);
	if (as->queue.nr)
		ret = flush(as);
	mutex_unlock(&as->mu);
	return ret < 0 ? ret : late;
}

void space_flush_late(struct kvm_as *as)
{
	int ret;

	mutex_lock(&as->mu);
	ret = flush(as);
	mutex_unlock(&as->mu);
	if (ret < 0)
		atomic_store(&as->late_error, ret);
}

bool space_ready(struct kvm_as *as)
{
	uint64_t root;

	mutex_lock(&as->mu);
	root = table_root(as);
	mutex_unlock(&as->mu);
	if (root && atomic_load(&as->pending))
		space_flush_late(as);
	return root != 0;
}

void kvm_as_sync(struct platform_as *base)
{
	struct kvm_as *as = to_kvm_as(base);

	if (atomic_load(&as->pending))
		space_flush_late(as);
}

size_t space_read(struct kvm_as *as, uint64_t addr, void *out, size_t size,
		  uint32_t access)
{
	size_t done = 0;

	mutex_lock(&as->mu);
	while (done < size) {
		size_t n = MIN(size - done,
			       PAGE_SIZE - ((addr + done) & ~PAGE_MASK));
		const uint8_t *at = table_look(as, addr + done, access);
		size_t left = at ? g_kvm.copy((uint8_t *)out + done, at, n) : n;

		done += n - left;
		if (left)
			break;
	}
	mutex_unlock(&as->mu);
	return done;
}
