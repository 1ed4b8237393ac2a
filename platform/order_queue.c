/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order_queue: see the header.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/order_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define QUEUE_FIRST 16

static_assert(PLAT_READ == PROT_READ && PLAT_WRITE == PROT_WRITE &&
		      PLAT_EXEC == PROT_EXEC,
	      "order.prot is handed to the host");

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

int order_queue_add(struct order_queue *q, const struct map_order *order)
{
	int ret;

	if (q->nr > 0 && replaces(&q->at[q->nr - 1], order))
		q->nr--;
	if (q->nr > 0 && merge(&q->at[q->nr - 1], order))
		return 0;
	ret = order_queue_grow(q);
	if (ret == 0)
		q->at[q->nr++] = *order;
	return ret;
}

void order_encode(const struct map_order *o, bool drop, uint64_t *nr,
		  uint64_t args[6])
{
	args[0] = o->addr;
	args[1] = o->size;
	for (int i = 2; i < 6; i++)
		args[i] = 0;
	if (drop || o->kind == ORDER_UNMAP) {
		*nr = SYS_munmap;
		return;
	}
	args[2] = o->prot;
	if (o->kind == ORDER_PROTECT) {
		*nr = SYS_mprotect;
		return;
	}
	*nr = SYS_mmap;
	args[3] = MAP_FIXED | (uint64_t)(o->priv ? MAP_PRIVATE : MAP_SHARED) |
		  (uint64_t)(o->populate ? MAP_POPULATE : 0);
	args[4] = (uint64_t)o->fd;
	args[5] = o->offset;
}

bool order_allowed(const struct platform_limits *l, const struct map_order *o)
{
	return o->size > 0 && ((o->addr | o->size) & ~PAGE_MASK) == 0 &&
	       o->addr >= l->min_user_addr && o->addr < l->max_user_addr &&
	       o->size <= l->max_user_addr - o->addr;
}
