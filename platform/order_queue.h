/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order_queue: the orders of an address space that wait to be carried out.
 * Neighbouring orders that say one thing are kept as one, so that a loop over
 * pages above costs the host one call.  No lock of its own.
 */
#ifndef PLATFORM_ORDER_QUEUE_H
#define PLATFORM_ORDER_QUEUE_H

#include "platform.h"

struct order_queue {
	struct map_order *at;
	size_t nr, cap;
};

/* Appends @o, or joins it to the last one.  -ENOMEM: nothing has changed. */
MUST_CHECK int order_queue_add(struct order_queue *q,
			       const struct map_order *o);
/* Frees what @q holds; it is empty then. */
void order_queue_fini(struct order_queue *q);

/*
 * Writes the host call of @o: number and six arguments.  @drop: unmaps its
 * range instead, whatever it says.
 */
void order_encode(const struct map_order *o, bool drop, uint64_t *nr,
		  uint64_t args[6]);
/* Whether @o lies in what a guest may map, page aligned.  The wrapper asserts
 * this; here it guards the stub itself, in all builds. */
bool order_allowed(const struct platform_limits *l, const struct map_order *o);

#endif
