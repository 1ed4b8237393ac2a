/* SPDX-License-Identifier: Apache-2.0 */
/*
 * locks: advisory locks.
 *
 * An inode with locks has a lock_set: three lists of ranges, in order of start
 * for POSIX and OFD locks (one list: they conflict with each other), and a wait
 * queue.  An owner's ranges never overlap nor touch with the same type.
 *
 * A POSIX request that waits is in g_waiting with the owner it waits for, so
 * that a circle is seen before it closes (EDEADLK).
 *
 * Locks: g_locks_mu (LOCK_FILE) for everything here.  Contention is rare: files
 *	  without locks are recognised without it.
 * Tests: tests/unit/test_locks.c (random requests against a byte array)
 */
#include "sentry/vfs/locks.h"

#include <errno.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/namei.h"

/* Lock ranges of all files together; each is memory of ours. */
#define LOCKS_MAX      (1u << 19)
#define DEADLOCK_DEPTH 10

struct lock {
	struct list node;
	struct lock_req r;
};

struct lock_set {
	struct list ranges; /* POSIX and OFD, by start */
	struct list flocks;
	struct waitq wq;
	struct list all_node; /* g_sets */
	struct inode *inode;  /* whose it is; it frees us */
};

/* One waiting POSIX request, on its task's stack. */
struct lock_wait {
	struct list node;
	const void *owner, *blocker;
};

static struct mutex g_locks_mu = MUTEX_INIT(LOCK_FILE);
static struct list g_waiting = LIST_INIT(g_waiting);
static struct list g_sets = LIST_INIT(g_sets);
static uint32_t g_nr_locks;

static struct lock_set *set_of(struct inode *inode)
{
	return __atomic_load_n((struct lock_set **)&inode->locks,
			       __ATOMIC_ACQUIRE);
}

static int set_make(struct inode *inode)
{
	struct lock_set *s;

	if (set_of(inode))
		return 0;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	list_init(&s->ranges);
	list_init(&s->flocks);
	waitq_init(&s->wq);
	mutex_lock(&g_locks_mu);
	if (!inode->locks) {
		__atomic_store_n((struct lock_set **)&inode->locks, s,
				 __ATOMIC_RELEASE);
		s->inode = inode;
		list_append(&g_sets, &s->all_node);
		s = NULL;
	}
	mutex_unlock(&g_locks_mu);
	if (s) {
		waitq_fini(&s->wq);
		free(s);
	}
	return 0;
}

static struct list *list_of(struct lock_set *s, enum lock_kind kind)
{
	return kind == LOCK_KIND_FLOCK ? &s->flocks : &s->ranges;
}

static bool same_owner(const struct lock_req *a, const struct lock_req *b)
{
	return a->kind == b->kind && a->owner == b->owner;
}

static bool overlap(const struct lock_req *a, const struct lock_req *b)
{
	return a->start <= b->end && b->start <= a->end;
}

static struct lock *find_conflict(struct lock_set *s, const struct lock_req *r)
{
	struct lock *l;

	list_for_each_entry (l, list_of(s, r->kind), node) {
		if (same_owner(&l->r, r) || !overlap(&l->r, r))
			continue;
		if (l->r.type == LOCK_WRITE || r->type == LOCK_WRITE)
			return l;
	}
	return NULL;
}

/* --- changing ranges ------------------------------------------------------ */

static void lock_free(struct lock *l)
{
	list_del(&l->node);
	free(l);
	g_nr_locks--;
}

static void insert_sorted(struct list *head, struct lock *n)
{
	struct lock *l;

	list_for_each_entry (l, head, node) {
		if (l->r.start > n->r.start)
			break;
	}
	/* In front of l, or at the end if l is the head. */
	list_append(&l->node, &n->node);
	g_nr_locks++;
}

/* Cuts [start, end] out of @l; @spare is used if two pieces remain. */
static void cut_out(struct list *head, struct lock *l, int64_t start,
		    int64_t end, struct lock **spare)
{
	struct lock *tail;

	if (l->r.start < start && l->r.end > end) {
		tail = take(*spare);
		tail->r = l->r;
		tail->r.start = end + 1;
		l->r.end = start - 1;
		insert_sorted(head, tail);
	} else if (l->r.start < start) {
		l->r.end = start - 1;
	} else if (l->r.end > end) {
		l->r.start = end + 1;
		/* Its place in the order may have changed. */
		list_del(&l->node);
		g_nr_locks--;
		insert_sorted(head, l);
	} else {
		lock_free(l);
	}
}

static bool touches(const struct lock_req *a, const struct lock_req *b)
{
	return (a->end != INT64_MAX && a->end + 1 == b->start) ||
	       (b->end != INT64_MAX && b->end + 1 == a->start) || overlap(a, b);
}

/* Applies @req over the owner's ranges; spares: one for it, one for a split. */
static void apply(struct list *head, const struct lock_req *req,
		  struct lock **one, struct lock **two)
{
	struct lock_req whole = *req;
	struct lock *l, *tmp, *n;

	list_for_each_entry_safe (l, tmp, head, node) {
		if (!same_owner(&l->r, req))
			continue;
		if (l->r.type == req->type && touches(&l->r, &whole)) {
			whole.start = MIN(whole.start, l->r.start);
			whole.end = MAX(whole.end, l->r.end);
			lock_free(l);
		} else if (overlap(&l->r, req)) {
			cut_out(head, l, req->start, req->end, two);
		}
	}
	if (req->type == LOCK_NONE)
		return;
	n = take(*one);
	n->r = whole;
	insert_sorted(head, n);
}

/* Removes all of one owner from a list. */
static bool drop_owner(struct list *head, enum lock_kind kind,
		       const void *owner)
{
	struct lock *l, *tmp;
	bool any = false;

	list_for_each_entry_safe (l, tmp, head, node) {
		if (l->r.kind == kind && l->r.owner == owner) {
			lock_free(l);
			any = true;
		}
	}
	return any;
}

/* --- deadlock ------------------------------------------------------------- */

/* Does @owner wait, through others, for @me? */
static bool waits_for(const void *owner, const void *me, int depth)
{
	struct lock_wait *w;

	if (owner == me)
		return true;
	if (depth == 0)
		return false;
	list_for_each_entry (w, &g_waiting, node) {
		if (w->owner == owner && waits_for(w->blocker, me, depth - 1))
			return true;
	}
	return false;
}

/* --- requests ------------------------------------------------------------- */

/* One attempt.  -EAGAIN: *w says whom to wait for (POSIX). */
static int try_set(struct lock_set *s, const struct lock_req *req,
		   struct lock_wait *w, struct lock **one, struct lock **two)
{
	struct lock *c = NULL;
	bool lost = false;
	int ret = 0;

	mutex_lock(&g_locks_mu);
	if (w)
		list_del(&w->node);
	if (req->type != LOCK_NONE)
		c = find_conflict(s, req);
	if (c) {
		ret = -EAGAIN;
		/* A conversion that must wait gives up the old lock first. */
		if (req->kind == LOCK_KIND_FLOCK)
			lost = drop_owner(&s->flocks, req->kind, req->owner);
		if (w && c->r.kind == LOCK_KIND_POSIX) {
			if (waits_for(c->r.owner, req->owner, DEADLOCK_DEPTH))
				ret = -EDEADLK;
			w->blocker = c->r.owner;
			if (ret == -EAGAIN)
				list_append(&g_waiting, &w->node);
		}
	} else if (g_nr_locks >= LOCKS_MAX && req->type != LOCK_NONE) {
		ret = -ENOLCK;
	} else {
		apply(list_of(s, req->kind), req, one, two);
	}
	mutex_unlock(&g_locks_mu);
	/* A removal, a downgrade or a split may let others in. */
	if ((ret == 0 || lost) && waitq_has_waiters(&s->wq))
		waitq_wake(&s->wq, 1);
	return ret;
}

static int wait_set(struct lock_set *s, const struct lock_req *req,
		    struct lock **one, struct lock **two)
{
	struct lock_wait w = { .owner = req->owner };
	struct task_waiter tw;
	int ret;

	list_init(&w.node);
	task_waiter_init(&tw, current_task());
	waitq_add(&s->wq, &tw.waiter, 1);
	for (;;) {
		ret = try_set(s, req, req->kind == LOCK_KIND_POSIX ? &w : NULL,
			      one, two);
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&tw, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&tw.waiter);
	mutex_lock(&g_locks_mu);
	list_del(&w.node);
	mutex_unlock(&g_locks_mu);
	return ret;
}

int locks_set(struct inode *inode, const struct lock_req *req, bool wait)
{
	AUTO_FREE struct lock *one = NULL, *two = NULL;
	struct lock_set *s;
	int ret;

	if (req->type == LOCK_NONE && !set_of(inode))
		return 0;
	ret = set_make(inode);
	if (ret < 0)
		return ret;
	s = set_of(inode);
	one = kzalloc(sizeof(*one));
	two = kzalloc(sizeof(*two));
	if (!one || !two)
		return -ENOMEM;
	list_init(&one->node);
	list_init(&two->node);
	ret = try_set(s, req, NULL, &one, &two);
	if (ret != -EAGAIN || !wait)
		return ret;
	return wait_set(s, req, &one, &two);
}

void locks_test(struct inode *inode, struct lock_req *req)
{
	struct lock_set *s = set_of(inode);
	struct lock *l = NULL;

	if (s) {
		mutex_lock(&g_locks_mu);
		l = find_conflict(s, req);
		if (l)
			*req = l->r;
		mutex_unlock(&g_locks_mu);
	}
	if (!l)
		req->type = LOCK_NONE;
}

void locks_close_posix(struct inode *inode, const void *owner)
{
	struct lock_set *s = set_of(inode);
	bool any;

	if (likely(!s))
		return;
	mutex_lock(&g_locks_mu);
	any = drop_owner(&s->ranges, LOCK_KIND_POSIX, owner);
	mutex_unlock(&g_locks_mu);
	if (any)
		waitq_wake(&s->wq, 1);
}

void locks_close_file(struct inode *inode, const struct file *f)
{
	struct lock_set *s = set_of(inode);
	bool any;

	if (likely(!s))
		return;
	mutex_lock(&g_locks_mu);
	any = drop_owner(&s->ranges, LOCK_KIND_OFD, f);
	any |= drop_owner(&s->flocks, LOCK_KIND_FLOCK, f);
	mutex_unlock(&g_locks_mu);
	if (any)
		waitq_wake(&s->wq, 1);
}

void locks_free_inode(struct inode *inode)
{
	struct lock_set *s = set_of(inode);
	struct lock *l, *tmp;

	if (likely(!s))
		return;
	mutex_lock(&g_locks_mu);
	list_for_each_entry_safe (l, tmp, &s->ranges, node)
		lock_free(l);
	list_for_each_entry_safe (l, tmp, &s->flocks, node)
		lock_free(l);
	list_del(&s->all_node);
	mutex_unlock(&g_locks_mu);
	waitq_fini(&s->wq);
	free(s);
	inode->locks = NULL;
}

bool locks_any(struct inode *inode)
{
	struct lock_set *s = set_of(inode);
	bool any = false;

	if (!s)
		return false;
	mutex_lock(&g_locks_mu);
	any = !list_empty(&s->ranges) || !list_empty(&s->flocks);
	mutex_unlock(&g_locks_mu);
	return any;
}

/* --- reports -------------------------------------------------------------- */

static void report_list(struct lock_set *s, struct list *head,
			struct lock_report *out, uint32_t *nr, uint32_t max)
{
	struct lock *l;

	list_for_each_entry (l, head, node) {
		if (*nr == max)
			return;
		out[(*nr)++] = (struct lock_report){
			.r = l->r,
			.inode = s->inode,
			.dev = s->inode->sb->dev,
			.ino = s->inode->ino,
		};
	}
}

int locks_report(struct lock_report **out)
{
	struct lock_report *all;
	struct lock_set *s;
	uint32_t max, nr = 0;

	mutex_lock(&g_locks_mu);
	max = g_nr_locks;
	mutex_unlock(&g_locks_mu);
	all = kcalloc(max + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	mutex_lock(&g_locks_mu);
	list_for_each_entry (s, &g_sets, all_node) {
		report_list(s, &s->flocks, all, &nr, max);
		report_list(s, &s->ranges, all, &nr, max);
	}
	mutex_unlock(&g_locks_mu);
	*out = all;
	return (int)nr;
}
