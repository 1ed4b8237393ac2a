/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfile_acct: who pays for memory, and who may not have more.
 *
 * Accounts form a tree (control groups below the sandbox); a charge counts in
 * all from the task's up to the root, or in none.
 *
 * Locks: memfile.c's, held by its callers.
 * Tests: tests/unit/test_memfile.c, tests/conformance/cgroup.c
 */
#include "sentry/mm/memfile_acct.h"

#include <errno.h>

static struct memfile_acct g_root = { .limit = UINT64_MAX };
static struct memfile_acct *(*g_current)(void);
static __thread const struct memfile_acct *g_refused_by;

struct memfile_acct *acct_current(void)
{
	return g_current ? g_current() : &g_root;
}

void acct_uncharge(struct memfile_acct *acct, uint64_t size)
{
	for (; acct; acct = acct->parent)
		acct->used -= size;
}

int acct_charge(struct memfile_acct *acct, uint64_t size)
{
	struct memfile_acct *a;

	for (a = acct; a; a = a->parent) {
		if (size <= a->limit && a->used <= a->limit - size)
			continue;
		a->refused++;
		g_refused_by = a;
		return -ENOMEM;
	}
	for (a = acct; a; a = a->parent) {
		a->used += size;
		a->peak = MAX(a->peak, a->used);
	}
	return 0;
}

const struct memfile_acct *memfile_refused_by(void)
{
	return g_refused_by;
}

void memfile_forget_refusal(void)
{
	g_refused_by = NULL;
}

struct memfile_acct *memfile_root_acct(void)
{
	return &g_root;
}

void memfile_acct_setup(struct memfile_acct *(*current)(void))
{
	g_current = current;
}

void memfile_acct_init(struct memfile_acct *a, struct memfile_acct *parent)
{
	*a = (struct memfile_acct){ .parent = parent, .limit = UINT64_MAX };
}
