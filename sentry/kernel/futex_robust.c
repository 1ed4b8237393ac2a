/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex_robust: what a dying task does to the locks it still holds.
 *
 * Invariant: the list is guest memory: every word of it is read once, the walk
 *            is bounded, a fault ends it.
 * Locks:     none held while guest memory is touched.
 * Linux:     exit_robust_list() of kernel/futex/core.c, 6.12.
 * Tests:     tests/conformance (futex)
 */
#include <errno.h>

#include "sentry/kernel/futex_private.h"
#include "sentry/mm/safe_copy.h"

/* An entry of the list: its address, and whether its lock is a PI lock. */
struct robust_entry {
	uint64_t addr;
	bool pi;
};

static int fetch(struct mm *mm, uint64_t addr, struct robust_entry *out)
{
	uint64_t v;

	if (mm_copy_in(mm, &v, addr, sizeof(v), 0) != 0)
		return -EFAULT;
	out->addr = v & ~1ull;
	out->pi = v & 1;
	return 0;
}

/* Marks the word as left behind.  1: waiters are to be woken. */
static int mark_dead(struct task *t, uint32_t *word, bool pi, bool pending)
{
	uint32_t seen, old;
	int ret = safe_load32(word, &seen);

	for (; ret == 0; seen = old) {
		uint32_t owner = seen & LINUX_FUTEX_TID_MASK;

		/* Died between unlocking and waking: wake in its place. */
		if (pending && !pi && owner == 0)
			return 1;
		if (owner != t->vtid)
			return 0;
		ret = safe_cmpxchg32(word, seen,
				     (seen & LINUX_FUTEX_WAITERS) |
					     LINUX_FUTEX_OWNER_DIED,
				     &old);
		if (ret == 0 && old == seen)
			return !pi && (seen & LINUX_FUTEX_WAITERS);
	}
	return ret;
}

static int handle_death(struct task *t, uint64_t addr, bool pi, bool pending)
{
	struct futex_pin p;
	int ret;

	if (addr & 3)
		return -EINVAL;
	ret = futex_pin(t->mm, addr, PLAT_WRITE, &p);
	if (ret < 0)
		return ret;
	ret = mark_dead(t, p.word, pi, pending);
	futex_unpin(&p);
	if (ret == 1)
		futex_wake_addr(t->mm, addr, 1);
	return ret < 0 ? ret : 0;
}

static void walk(struct task *t, uint64_t head)
{
	struct robust_entry entry, next, pending;
	uint64_t offset;

	if (fetch(t->mm, head, &entry) < 0 ||
	    mm_copy_in(t->mm, &offset, head + 8, sizeof(offset), 0) != 0 ||
	    fetch(t->mm, head + 16, &pending) < 0)
		return;
	for (int i = 0; i < LINUX_ROBUST_LIST_LIMIT && entry.addr != head;
	     i++) {
		/* The next one first: after the mark the entry is not ours. */
		int fetched = fetch(t->mm, entry.addr, &next);

		if (entry.addr != pending.addr &&
		    handle_death(t, entry.addr + offset, entry.pi, false) < 0)
			return;
		if (fetched < 0)
			return;
		entry = next;
	}
	if (pending.addr)
		(void)handle_death(t, pending.addr + offset, pending.pi, true);
}

void futex_exit_robust(struct task *t)
{
	uint64_t head = t->robust_list;

	t->robust_list = 0;
	if (head && t->mm)
		walk(t, head);
}
