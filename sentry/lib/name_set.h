/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_set: file names in the order they came, each once, with a record of one
 * size for each; found by name or by number.  No lock: the owner has one.
 */
#ifndef SENTRY_LIB_NAME_SET_H
#define SENTRY_LIB_NAME_SET_H

#include "sentry/lib/seq_buf.h"

/* Zeroed it is empty but for record_size, which the owner sets. */
struct name_set {
	size_t record_size;
	struct seq_buf text; /* records, names, NULs; unaligned */
	size_t *at;	     /* where each begins */
	size_t nr, cap;
	uint32_t *slots; /* hash of names: number + 1 */
	size_t nr_slots; /* a power of two */
};

/* Adds @name unless it is there.  False: no memory. */
MUST_CHECK bool name_set_add(struct name_set *s, const char *name, size_t len,
			     const void *record);
/* The number of @name, or -1. */
long name_set_find(const struct name_set *s, const char *name, size_t len);
/* Copies the record of number @i out; its name, which has a NUL. */
const char *name_set_get(const struct name_set *s, size_t i, void *record);
/* Overwrites the record of number @i. */
void name_set_put(struct name_set *s, size_t i, const void *record);
/* Bytes that it takes. */
size_t name_set_bytes(const struct name_set *s);
/* Frees all; it is empty and usable then. */
void name_set_fini(struct name_set *s);

#endif
