/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll_tree: epoll instances that watch epoll instances.
 *
 * As Linux: no cycles, and at most four edges on any path, so that a wake-up
 * goes through a bounded number of wait queues.  Walks remember what they have
 * seen (by generation), so that they are linear in the number of edges.
 *
 * Locks: g_tree_mu (LOCK_EPOLL_TREE) covers all edges; taken before any ep->mu.
 * Tests: tests/unit/test_epoll.c
 */
#include <errno.h>

#include "sentry/fs/epoll/epoll_private.h"

#define MAX_EDGES 4

static struct mutex g_tree_mu = MUTEX_INIT(LOCK_EPOLL_TREE);
static uint64_t g_gen;

NO_LOCK_CHECK void epoll_tree_lock(void)
{
	mutex_lock(&g_tree_mu);
}

NO_LOCK_CHECK void epoll_tree_unlock(void)
{
	mutex_unlock(&g_tree_mu);
}

/* Edges below @ep; MAX_EDGES + 1 stands for more, and for meeting @stop. */
static int depth_below(struct epoll *ep, const struct epoll *stop)
{
	struct epitem *item;
	int depth = 0, d;

	if (ep == stop)
		return MAX_EDGES + 1;
	if (ep->seen_gen == g_gen)
		return ep->seen_depth;
	list_for_each_entry (item, &ep->children, down_node) {
		d = depth_below(item->child, stop) + 1;
		depth = MAX(depth, d);
	}
	ep->seen_gen = g_gen;
	ep->seen_depth = MIN(depth, MAX_EDGES + 1);
	return ep->seen_depth;
}

static int depth_above(struct epoll *ep)
{
	struct epitem *item;
	int depth = 0, d;

	if (ep->seen_gen == g_gen)
		return ep->seen_depth;
	list_for_each_entry (item, &ep->parents, up_node) {
		d = depth_above(item->ep) + 1;
		depth = MAX(depth, d);
	}
	ep->seen_gen = g_gen;
	ep->seen_depth = MIN(depth, MAX_EDGES + 1);
	return ep->seen_depth;
}

int epoll_tree_check(struct epoll *parent, struct epoll *child)
{
	int below, above;

	g_gen++;
	below = depth_below(child, parent);
	g_gen++;
	above = depth_above(parent);
	return above + 1 + below > MAX_EDGES ? -ELOOP : 0;
}

void epoll_tree_add(struct epitem *item)
{
	list_append(&item->ep->children, &item->down_node);
	list_append(&item->child->parents, &item->up_node);
}

void epoll_tree_del(struct epitem *item)
{
	list_del(&item->down_node);
	list_del(&item->up_node);
}
