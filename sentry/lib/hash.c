/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash: XXH3 under a key from the kernel's 16 random start-up bytes.
 *
 * Invariant: the key is drawn before main() and does not change.
 * Locks:     none.
 * Tests:     tests/unit/test_lib.c
 */
#include "sentry/lib/hash.h"

#include <string.h>
#include <sys/auxv.h>
#include <xxhash.h>

static uint64_t g_hash_key;

static __attribute__((constructor)) void draw_key(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t word[2] = { 0, 0 };

	if (random)
		memcpy(word, random, sizeof(word));
	/* The second half is libc's pointer guard: mix, never use it bare. */
	g_hash_key = XXH3_64bits(word, sizeof(word));
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
