/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack: computes the initial stack.
 *
 * Invariant: sp is a multiple of 16 and points at argc; all strings lie above
 *            the words.
 * Locks:     none.
 * Linux:     create_elf_tables() of 6.9 for x86-64.
 * Tests:     tests/unit/test_stack.c
 */
#include "sentry/loader/stack.h"

#include <errno.h>
#include <string.h>

#include "abi/auxv.h"
#include "sentry/lib/alloc.h"

/* Takes @size bytes from below *@at; false if that is more than there is. */
static bool push(uint64_t *at, uint64_t size)
{
	if (size >= *at)
		return false;
	*at -= size;
	return true;
}

static bool place_strings(const struct stack_input *in, struct stack_plan *p)
{
	uint64_t at = in->top;

	if (!push(&at, sizeof(uint64_t)) || !push(&at, in->filename_size))
		return false;
	p->filename_at = at;
	if (!push(&at, in->envp_size))
		return false;
	p->envp_at = at;
	if (!push(&at, in->argv_size))
		return false;
	p->argv_at = at;
	if (!push(&at, in->gap))
		return false;
	at &= ~15ull;
	if (!push(&at, sizeof(STACK_PLATFORM)))
		return false;
	p->platform_at = at;
	if (!push(&at, STACK_RANDOM_BYTES))
		return false;
	p->random_at = at;
	return true;
}

static bool place_words(const struct stack_input *in, struct stack_plan *p)
{
	/* argc, argv, NULL, envp, NULL, auxv, AT_NULL: cannot overflow. */
	p->nr_words = 1 + (size_t)in->argc + 1 + in->envc + 1 + in->nr_auxv + 2;
	p->sp = p->random_at;
	if (!push(&p->sp, p->nr_words * sizeof(uint64_t)))
		return false;
	p->sp &= ~15ull;
	return p->sp > 0;
}

/* One pointer a string; -EINVAL if @block has more or fewer. */
static int put_pointers(uint64_t **w, const char *block, size_t size,
			uint32_t nr, uint64_t at)
{
	size_t off = 0;

	for (uint32_t i = 0; i < nr; i++) {
		const char *end;

		if (off >= size)
			return -EINVAL;
		end = memchr(block + off, '\0', size - off);
		if (!end)
			return -EINVAL;
		*(*w)++ = at + off;
		off = (size_t)(end - block) + 1;
	}
	*(*w)++ = 0;
	return off == size ? 0 : -EINVAL;
}

static void fill_auxv(const struct stack_input *in, const struct stack_plan *p)
{
	for (uint32_t i = 0; i + 1 < in->nr_auxv; i += 2) {
		switch (in->auxv[i]) {
		case LINUX_AT_EXECFN:
			in->auxv[i + 1] = p->filename_at;
			break;
		case LINUX_AT_PLATFORM:
			in->auxv[i + 1] = p->platform_at;
			break;
		case LINUX_AT_RANDOM:
			in->auxv[i + 1] = p->random_at;
			break;
		default:
			break;
		}
	}
}

int stack_plan(const struct stack_input *in, struct stack_plan *out)
{
	struct stack_plan p = { 0 };
	uint64_t *w;
	int ret;

	if (!place_strings(in, &p) || !place_words(in, &p))
		return -E2BIG;
	p.words = kcalloc(p.nr_words, sizeof(*p.words));
	if (!p.words)
		return -ENOMEM;
	w = p.words;
	*w++ = in->argc;
	ret = put_pointers(&w, in->argv, in->argv_size, in->argc, p.argv_at);
	if (ret == 0)
		ret = put_pointers(&w, in->envp, in->envp_size, in->envc,
				   p.envp_at);
	if (ret < 0) {
		stack_plan_fini(&p);
		return ret;
	}
	fill_auxv(in, &p);
	memcpy(w, in->auxv, in->nr_auxv * sizeof(*w)); /* AT_NULL is zero */
	*out = p;
	return 0;
}

void stack_plan_fini(struct stack_plan *p)
{
	free(p->words);
	p->words = NULL;
}
