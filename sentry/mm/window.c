/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window: the sentry's mappings of donated host files, through which it reads
 * (and for shared mappings writes) what the guest has mapped.
 *
 * Invariant: a window is in its hash chain while it has users; users are pmas,
 *            and a pma's vma keeps the file and so the fd open: a number in
 *            the chains means the same file all the time.
 * Locks:     g_windows.mu, a leaf (LOCK_MEMFILE; never held together with the
 *            memory file's own).
 * Tests:     tests/unit/test_mm.c
 */
#include <assert.h>

#include "sentry/host/host.h"
#include "sentry/mm/mm_private.h"

#define CHAINS 256

struct window {
	struct list node;
	IMMUTABLE int fd;
	IMMUTABLE bool write;
	IMMUTABLE uint64_t off, size;
	IMMUTABLE char *base;
	uint32_t users, pins; /* g_windows.mu */
};

static struct {
	struct mutex mu;
	struct list chains[CHAINS] GUARDED_BY(mu);
} g_windows = { .mu = MUTEX_INIT(LOCK_MEMFILE) };

/* Chains are made on first use; none of them is NULL then. */
static struct list *chain_of(int fd)
{
	struct list *c = &g_windows.chains[(unsigned int)fd % CHAINS];

	if (!c->next)
		list_init(c);
	return c;
}

bool window_covers(const struct window *w, uint64_t off, uint64_t size)
{
	return off >= w->off && size <= w->size &&
	       off - w->off <= w->size - size;
}

void *window_ptr(const struct window *w, uint64_t off)
{
	assert(off >= w->off && off - w->off < w->size);
	return w->base + (off - w->off);
}

static struct window *window_new(int fd, uint64_t off, uint64_t size,
				 bool write)
{
	struct window *w = kzalloc(sizeof(*w));
	void *base;

	if (!w || host_map_shared(fd, off, size, write, &base) < 0) {
		free(w);
		return NULL;
	}
	w->fd = fd;
	w->write = write;
	w->off = off;
	w->size = size;
	w->base = base;
	w->users = 1;
	return w;
}

struct window *window_get(int fd, uint64_t off, uint64_t size, bool write)
{
	struct window *w, *found = NULL;
	struct list *chain;

	mutex_lock(&g_windows.mu);
	chain = chain_of(fd);
	list_for_each_entry (w, chain, node) {
		if (w->fd == fd && w->write == write &&
		    window_covers(w, off, size)) {
			found = w;
			found->users++;
			break;
		}
	}
	if (!found) {
		found = window_new(fd, off, size, write);
		if (found)
			list_push(chain, &found->node);
	}
	mutex_unlock(&g_windows.mu);
	return found;
}

void window_add_user(struct window *w)
{
	mutex_lock(&g_windows.mu);
	assert(w->users > 0);
	w->users++;
	mutex_unlock(&g_windows.mu);
}

void window_pin(struct window *w)
{
	mutex_lock(&g_windows.mu);
	w->pins++;
	mutex_unlock(&g_windows.mu);
}

static void drop(struct window *w, bool user)
{
	bool dead;

	mutex_lock(&g_windows.mu);
	if (user) {
		assert(w->users > 0);
		if (--w->users == 0)
			list_del(&w->node);
	} else {
		assert(w->pins > 0);
		w->pins--;
	}
	dead = w->users == 0 && w->pins == 0;
	mutex_unlock(&g_windows.mu);
	if (dead) {
		host_unmap(w->base, w->size);
		free(w);
	}
}

void window_put(struct window *w)
{
	drop(w, true);
}

void window_unpin(struct window *w)
{
	drop(w, false);
}
