/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash: keyed hashes for tables whose keys a guest can choose.
 *
 * The key is one of the process: results must not be stored or shown.
 */
#ifndef SENTRY_LIB_HASH_H
#define SENTRY_LIB_HASH_H

#include "sentry/lib/compiler.h"

/* Sets the key from random bytes.  Before the first hash. */
void hash_setup(const void *random, size_t size);
/* xxHash (XXH3) of @size bytes under the key of this process. */
uint64_t hash_bytes(const void *data, size_t size);
/* The same for two words, e.g. an object's id and an offset. */
uint64_t hash_pair(uint64_t a, uint64_t b);

#endif
