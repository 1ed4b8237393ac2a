/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash: keyed hashes for tables whose keys a guest can choose.
 *
 * The key is drawn once a process; results must not be stored or shown.
 */
#ifndef SENTRY_LIB_HASH_H
#define SENTRY_LIB_HASH_H

#include "sentry/lib/compiler.h"

/* xxHash (XXH3) of @size bytes under the key of this process. */
uint64_t hash_bytes(const void *data, size_t size);
/* The same for two words, e.g. an object's id and an offset. */
uint64_t hash_pair(uint64_t a, uint64_t b);

#endif
