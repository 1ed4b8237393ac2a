/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refcount: an atomic count of owners.  Overflow and resurrection abort: both
 * are bugs of the sentry, never the guest's to cause (every holder costs
 * memory that is bounded elsewhere).
 */
#ifndef SENTRY_LIB_REFCOUNT_H
#define SENTRY_LIB_REFCOUNT_H

#include <assert.h>
#include <stdatomic.h>

#include "sentry/lib/compiler.h"

struct refcount {
	_Atomic uint32_t n;
};

static inline void ref_init(struct refcount *r)
{
	atomic_store_explicit(&r->n, 1, memory_order_relaxed);
}

static inline void ref_get(struct refcount *r)
{
	uint32_t old =
		atomic_fetch_add_explicit(&r->n, 1, memory_order_relaxed);

	assert(old > 0 && old < UINT32_MAX / 2);
	(void)old;
}

/* For lookups in tables that hold no reference: false if already dying. */
static inline bool MUST_CHECK ref_get_unless_zero(struct refcount *r)
{
	uint32_t old = atomic_load_explicit(&r->n, memory_order_relaxed);

	while (old != 0)
		if (atomic_compare_exchange_weak(&r->n, &old, old + 1))
			return true;
	return false;
}

/* True for the caller that dropped the last reference: it frees. */
static inline bool MUST_CHECK ref_put(struct refcount *r)
{
	uint32_t old =
		atomic_fetch_sub_explicit(&r->n, 1, memory_order_acq_rel);

	assert(old > 0);
	return old == 1;
}

static inline uint32_t ref_read(const struct refcount *r)
{
	return atomic_load_explicit(&r->n, memory_order_relaxed);
}

#endif
