/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll_private: what epoll.c and epoll_tree.c share.
 */
#ifndef SENTRY_FS_EPOLL_PRIVATE_H
#define SENTRY_FS_EPOLL_PRIVATE_H

#include "sentry/fs/epoll/epoll.h"
#include "sentry/mm/tree.h"

struct epoll;
struct thread_group;

/* A waiter on one wait queue of one watched file. */
struct epwait {
	struct waiter waiter;
	struct epitem *item;
	struct epwait *next;
};

/* One watched (file, descriptor). */
struct epitem {
	RB_ENTRY(epitem) node; /* ep->mu */
	IMMUTABLE struct epoll *ep;
	IMMUTABLE struct file *file; /* no reference: see epoll.c */
	IMMUTABLE int fd;
	uint32_t events;	/* changes under ep->mu and ready_mu */
	uint64_t data;		/* ep->mu */
	struct list ready_node; /* ready_mu */
	struct epwait *waits;	/* ep->mu */
	struct epitem *file_next, **file_prev; /* g_links_mu */
	IMMUTABLE struct epoll *child;	       /* if file is an epoll */
	struct list down_node, up_node;	       /* tree lock: of ep, of child */
	/* Whose signals a signalfd waits for. */
	IMMUTABLE struct thread_group *group;
};
RB_HEAD(epitems, epitem);

struct epoll {
	struct refcount ref;
	struct mutex mu; /* rank LOCK_EPOLL_TREE; watcher before watched */
	struct epitems items GUARDED_BY(mu);
	struct mutex ready_mu; /* LOCK_EPOLL_READY */
	struct list ready GUARDED_BY(ready_mu);
	struct list sleepers GUARDED_BY(ready_mu);
	struct waitq poll_wq; /* who polls this instance */
	_Atomic bool polled;  /* poll_wq was ever used */
	struct list children,
		parents; /* tree lock: epitem.down_node, up_node */
	struct linux_epoll_params params GUARDED_BY(mu);
	uint64_t seen_gen; /* tree lock: memory of a walk */
	int seen_depth;
};

static inline struct epoll *epoll_of(const struct file *f)
{
	return f->priv;
}

/* file_ops.ioctl, epoll_ioctl.c */
long epoll_ioctl(struct file *f, uint32_t cmd, uint64_t arg);

/* --- epoll_tree.c: instances that watch instances ------------------------- */

/* Outermost of the epoll locks: nesting changes only under it. */
void epoll_tree_lock(void);
void epoll_tree_unlock(void);
/* May @parent watch @child?  0, -ELOOP (a cycle, or deeper than Linux allows).
 * Caller holds the tree lock. */
MUST_CHECK int epoll_tree_check(struct epoll *parent, struct epoll *child);
/* Adds or removes the edge that @item is. */
void epoll_tree_add(struct epitem *item);
void epoll_tree_del(struct epitem *item);

#endif
