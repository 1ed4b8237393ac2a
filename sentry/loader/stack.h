/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack: where everything lies on a new program's stack.  Pure: addresses and
 * words are computed here, and copied out by load.c.
 *
 * From the top down, as Linux: 8 zero bytes, file name, environment, argument
 * strings, a random gap, platform name, 16 random bytes, then (at sp, aligned
 * to 16) argc, argv[], NULL, envp[], NULL, auxv pairs.
 */
#ifndef SENTRY_LOADER_STACK_H
#define SENTRY_LOADER_STACK_H

#include "sentry/lib/compiler.h"

#define STACK_PLATFORM	   "x86_64"
#define STACK_RANDOM_BYTES 16
#define STACK_GAP_MAX	   8192
#define STACK_AUXV_WORDS   64

/* Strings are given as blocks: each string with its NUL, one after another. */
struct stack_input {
	uint64_t top; /* page aligned */
	const char *argv, *envp;
	size_t argv_size, envp_size;
	uint32_t argc, envc;
	size_t filename_size; /* with its NUL */
	uint32_t gap;	      /* random, < STACK_GAP_MAX */
	/* Pairs without AT_NULL; values of AT_EXECFN, AT_RANDOM and
	 * AT_PLATFORM are filled in. */
	uint64_t *auxv;
	uint32_t nr_auxv; /* words */
};

struct stack_plan {
	uint64_t filename_at, envp_at, argv_at, platform_at, random_at;
	uint64_t sp;
	uint64_t *words; /* nr_words from sp up; owned */
	size_t nr_words;
};

/*
 * Returns: 0; -E2BIG if it cannot fit below @top; -ENOMEM; -EINVAL if a block
 * does not hold the number of strings it should.
 */
MUST_CHECK int stack_plan(const struct stack_input *in, struct stack_plan *out);
void stack_plan_fini(struct stack_plan *p);

#endif
