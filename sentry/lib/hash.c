/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash: XXH3 under a key that sentry/host draws before main().
 *
 * Invariant: the key does not change once something was hashed.
 * Locks:     none.
 * Tests:     tests/unit/test_lib.c
 */
#include "sentry/lib/hash.h"

#include <xxhash.h>

static uint64_t g_hash_key; /* before main() */

void hash_setup(const void *random, size_t size)
{
	g_hash_key = XXH3_64bits(random, size);
}

uint64_t hash_bytes(const void *data, size_t size)
{
	return XXH3_64bits_withSeed(data, size, g_hash_key);
}

uint64_t hash_pair(uint64_t a, uint64_t b)
{
	const uint64_t word[2] = { a, b };

	return XXH3_64bits_withSeed(word, sizeof(word), g_hash_key);
}
