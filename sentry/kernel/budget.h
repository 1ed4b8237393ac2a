/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget: how much memory of its own the sentry may use for guests.
 */
#ifndef SENTRY_KERNEL_BUDGET_H
#define SENTRY_KERNEL_BUDGET_H

#include "sentry/lib/compiler.h"

/* From now on tasks are refused heap memory above @bytes. */
void budget_start(uint64_t bytes);

struct budget_stats {
	uint64_t used, limit, refused; /* bytes; bytes; requests */
};
/* Figures of now. */
void budget_read(struct budget_stats *out);

#endif
