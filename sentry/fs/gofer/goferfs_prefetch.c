/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goferfs_prefetch: the components of a path, fetched in one request and kept
 * until the walk looks them up one by one.
 *
 * Invariant: an entry in use owns its name and, unless negative, its handle.
 *            On an export that can change, an entry is believed for 20 ms only,
 *            and never after this sandbox has changed the name.
 * Locks:     gs->mu (LOCK_GOFER), not held across calls.
 * Tests:     tests/gofer/test_client.c
 */
#include <errno.h>
#include <string.h>

#include "gofer_proto.h"
#include "sentry/fs/gofer/goferfs.h"
#include "sentry/host/host.h"
#include "sentry/time/clock.h"

#define BELIEVE_NS 20000000ull

/* Empties @p; the caller frees and releases what comes back in @old. */
static void clear_locked(struct prefetched *p, struct prefetched *old)
{
	*old = *p;
	p->dir = 0;
	p->name = NULL;
}

static void discard(struct prefetched *old)
{
	if (old->dir == 0)
		return;
	free(old->name);
	if (old->fd >= 0)
		host_close(old->fd);
	if (!old->negative)
		gofer_release(old->node.handle);
}

static struct prefetched *find_locked(struct gofer_super *gs, gofer_handle dir,
				      const char *name)
{
	for (unsigned int i = 0; i < GOFERFS_PREFETCH; i++) {
		struct prefetched *p = &gs->prefetched[i];

		if (p->dir == dir && strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

void goferfs_prefetch_add(struct gofer_super *gs, gofer_handle dir,
			  const char *name, const struct gofer_node *node,
			  int fd)
{
	struct prefetched old, *p,
		new = {
			.dir = dir,
			.name = kstrdup(name),
			.negative = node == NULL,
			.fd = fd,
			.when = gofer_super_frozen(gs)
					? 0
					: clock_monotonic_coarse(),
		};

	if (node)
		new.node = *node;
	if (!new.name) {
		discard(&new);
		return;
	}
	mutex_lock(&gs->mu);
	p = find_locked(gs, dir, name);
	if (!p)
		p = &gs->prefetched[gs->next_prefetch++ % GOFERFS_PREFETCH];
	clear_locked(p, &old);
	*p = new;
	mutex_unlock(&gs->mu);
	discard(&old);
}

int goferfs_prefetch_take(struct gofer_super *gs, gofer_handle dir,
			  const char *name, bool bare, struct gofer_node *out,
			  int *fd)
{
	struct prefetched old = { .dir = 0 }, *p;
	bool other = false;

	mutex_lock(&gs->mu);
	p = find_locked(gs, dir, name);
	if (p && !p->negative)
		other = bare != (p->node.handle == 0);
	if (p && !other)
		clear_locked(p, &old);
	mutex_unlock(&gs->mu);
	if (old.dir == 0)
		return other && bare ? -EAGAIN : 0;
	if (old.when != 0 && clock_monotonic_coarse() - old.when > BELIEVE_NS) {
		discard(&old);
		return 0;
	}
	free(old.name);
	if (old.negative)
		return -ENOENT;
	*out = old.node;
	*fd = old.fd;
	return 1;
}

void goferfs_prefetch_drop(struct gofer_super *gs, gofer_handle dir,
			   const char *name)
{
	struct prefetched old = { .dir = 0 }, *p;

	mutex_lock(&gs->mu);
	p = find_locked(gs, dir, name);
	if (p)
		clear_locked(p, &old);
	mutex_unlock(&gs->mu);
	discard(&old);
}

void goferfs_prefetch_fini(struct gofer_super *gs)
{
	for (unsigned int i = 0; i < GOFERFS_PREFETCH; i++)
		discard(&gs->prefetched[i]);
}

void goferfs_prefetch(struct inode *dir, const char *const *names,
		      unsigned int nr, uint32_t how)
{
	struct gofer_super *gs = gofer_super(dir);
	gofer_handle at = gofer_inode(dir)->handle;
	struct gofer_node *nodes;
	uint32_t flags = 0;
	int err, found, fd;

	nr = MIN(nr, (unsigned int)GOFER_WALK_MAX);
	nodes = kcalloc(GOFER_WALK_MAX, sizeof(*nodes));
	if (!nodes)
		return;
	if (how & PREFETCH_OPEN)
		flags = GOFER_WALK_OPEN;
	else if (how & PREFETCH_PEEK)
		flags = GOFER_WALK_BARE;
	found = gofer_walk_last(at, names, nr, flags, nodes, &err, &fd);
	for (int i = 0; i < found; i++) {
		goferfs_prefetch_add(gs, at, names[i], &nodes[i],
				     i + 1 == (int)nr ? fd : -1);
		at = nodes[i].handle;
	}
	if (found >= 0 && (unsigned int)found < nr && err == -ENOENT)
		goferfs_prefetch_add(gs, at, names[found], NULL, -1);
	free(nodes);
}
