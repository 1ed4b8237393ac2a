/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget: a bound on the sentry's own heap, as guests make it grow.
 *
 * The linker sends malloc, calloc, realloc and free of our objects here
 * (--wrap), which count what is in use.  Above the budget, tasks get no memory
 * (-ENOMEM in the call that asked), unless they die; a reserve above it is
 * left for ends, page faults and tables that must not fail
 * (alloc_reserve_begin): as much again for tasks, no bound for others.
 *
 * Invariant: g_used is the usable size of all blocks that our objects hold.
 * Locks:     none.
 * Linux:     kernel memory is part of a memory control group; here it is one
 *            budget of the sandbox.
 * Tests:     tests/hostile/exhaust.sh
 */
#include "sentry/kernel/budget.h"

#include <malloc.h>
#include <stdatomic.h>

#include "sentry/kernel/task.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static _Atomic int64_t g_used;
static _Atomic uint64_t g_refused;
static int64_t g_budget = INT64_MAX;

void budget_start(uint64_t bytes)
{
	g_budget = (int64_t)MIN(bytes, (uint64_t)INT64_MAX);
}

void budget_read(struct budget_stats *out)
{
	int64_t used = atomic_load(&g_used);

	out->used = used > 0 ? (uint64_t)used : 0;
	out->limit = (uint64_t)g_budget;
	out->refused = atomic_load(&g_refused);
}

static bool refuse(size_t size)
{
	int64_t used = atomic_load_explicit(&g_used, memory_order_relaxed);
	struct task *t;

	used += (int64_t)MIN(size, (size_t)INT32_MAX);
	if (likely(used <= g_budget))
		return false;
	t = current_task();
	if (!t || task_fatal_signal_pending(t))
		return false;
	if (alloc_in_reserve() && used / 2 <= g_budget)
		return false;
	atomic_fetch_add(&g_refused, 1);
	return true;
}

static void *count(void *p, size_t before)
{
	atomic_fetch_add_explicit(
		&g_used, (int64_t)malloc_usable_size(p) - (int64_t)before,
		memory_order_relaxed);
	return p;
}

void *__wrap_malloc(size_t size)
{
	return refuse(size) ? NULL : count(__real_malloc(size), 0);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	size_t all;

	if (mul_overflows(nr, size, &all) || refuse(all))
		return NULL;
	return count(__real_calloc(nr, size), 0);
}

void *__wrap_realloc(void *p, size_t size)
{
	size_t before = malloc_usable_size(p);
	void *q;

	if (size > before && refuse(size - before))
		return NULL;
	q = __real_realloc(p, size);
	return q || !size ? count(q, before) : NULL;
}

void __wrap_free(void *p)
{
	atomic_fetch_sub_explicit(&g_used, (int64_t)malloc_usable_size(p),
				  memory_order_relaxed);
	__real_free(p);
}
