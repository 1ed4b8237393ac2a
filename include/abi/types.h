/* SPDX-License-Identifier: Apache-2.0 */
/*
 * types: the guest's address type.  Only copy_in/copy_out and the memory
 * manager open it; nothing dereferences it.
 */
#ifndef ABI_TYPES_H
#define ABI_TYPES_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	uint64_t va;
} uaddr_t;

#define UADDR_NULL ((uaddr_t){ 0 })

static inline uaddr_t uaddr(uint64_t va)
{
	return (uaddr_t){ va };
}

static inline bool uaddr_is_null(uaddr_t a)
{
	return a.va == 0;
}

/* Wraps like pointer arithmetic; copy_in and copy_out check the range. */
static inline uaddr_t uaddr_add(uaddr_t a, uint64_t n)
{
	return (uaddr_t){ a.va + n };
}

#endif
