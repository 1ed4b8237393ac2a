/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch: the watches of inotify instances.
 *
 * Invariant: a watch is in its owner's tree and on its inode, or is being
 *	      freed; numbers are given out once.
 * Locks:     g_notify_mu.
 * Tests:     tests/conformance/inotify.c
 */
#include <errno.h>

#include "sentry/fs/inotify/inotify.h"
#include "sentry/fs/inotify/inotify_private.h"
#include "sentry/lib/seq_buf.h"

#define USER_FLAGS (LINUX_IN_ONESHOT | LINUX_IN_EXCL_UNLINK)

static int watch_cmp(const struct watch *a, const struct watch *b)
{
	return a->wd < b->wd ? -1 : a->wd > b->wd;
}

TREE_GENERATE(watch_tree, watch, node, watch_cmp)

static struct watch *watch_of(struct notify_mark *m)
{
	return container_of(m, struct watch, mark);
}

/* As notify_ops says, the lock is held. */
NO_LOCK_CHECK static void mark_event(struct notify_mark *m, uint32_t mask,
				     uint32_t cookie, const char *name,
				     bool unlinked)
{
	struct watch *w = watch_of(m);

	if (m->dead || (name && unlinked && (w->flags & LINUX_IN_EXCL_UNLINK)))
		return;
	inotify_queue_locked(w->owner, w->wd, mask, cookie, name);
	m->dead = w->flags & LINUX_IN_ONESHOT;
}

NO_LOCK_CHECK static void mark_gone(struct notify_mark *m)
{
	struct watch *w = watch_of(m);
	struct inotify *in = w->owner;

	inotify_queue_locked(in, w->wd, LINUX_IN_IGNORED, 0, NULL);
	RB_REMOVE(watch_tree, &in->watches, w);
	in->user->nr_watches--;
	free(w);
}

static const struct notify_ops watch_ops = {
	.event = mark_event,
	.gone = mark_gone,
};

static bool is_of(const struct notify_mark *m, const void *in)
{
	return container_of(m, struct watch, mark)->owner == in;
}

/* What is to be seen: IN_UNMOUNT always is. */
static uint32_t event_mask(uint32_t mask)
{
	return (mask & LINUX_IN_ALL_EVENTS) | LINUX_IN_UNMOUNT;
}

static int change_locked(struct watch *w, uint32_t mask) MUST_HOLD(&g_notify_mu)
{
	if (mask & LINUX_IN_MASK_CREATE)
		return -EEXIST;
	if (!(mask & LINUX_IN_MASK_ADD)) {
		w->mark.mask = 0;
		w->flags = 0;
	}
	w->mark.mask |= event_mask(mask);
	w->flags |= mask & USER_FLAGS;
	return w->wd;
}

static int add_locked(struct inotify *in, struct watch **fresh,
		      struct inode *inode, uint32_t mask)
	MUST_HOLD(&g_notify_mu)
{
	struct watch *w = *fresh;

	if (in->next_wd == INT32_MAX ||
	    in->user->nr_watches >= g_inotify_limits.watches)
		return -ENOSPC;
	w->mark.ops = &watch_ops;
	w->mark.inode = inode;
	w->mark.mask = event_mask(mask);
	w->flags = mask & USER_FLAGS;
	w->owner = in;
	w->wd = in->next_wd++;
	in->user->nr_watches++;
	RB_INSERT(watch_tree, &in->watches, w);
	notify_mark_add_locked(&w->mark);
	*fresh = NULL;
	return w->wd;
}

int inotify_watch(struct file *f, struct inode *inode, uint32_t mask)
{
	AUTO_FREE struct watch *fresh = kzalloc(sizeof(*fresh));
	struct inotify *in = f->priv;
	struct notify_mark *m;
	int ret;

	if (!fresh)
		return -ENOMEM;
	if (inode->ops->watched)
		inode->ops->watched(inode);
	mutex_lock(&g_notify_mu);
	m = notify_mark_find_locked(inode, &watch_ops, in, is_of);
	ret = m ? change_locked(watch_of(m), mask)
		: add_locked(in, &fresh, inode, mask);
	mutex_unlock(&g_notify_mu);
	return ret;
}

int inotify_unwatch(struct file *f, int32_t wd)
{
	struct watch key = { .wd = wd }, *w;
	struct inotify *in = f->priv;
	struct inode *inode = NULL;

	mutex_lock(&g_notify_mu);
	w = RB_FIND(watch_tree, &in->watches, &key);
	if (w)
		inode = notify_mark_del_locked(&w->mark);
	mutex_unlock(&g_notify_mu);
	if (!inode)
		return -EINVAL;
	inode_put(inode);
	return 0;
}

void inotify_drop_watches(struct inotify *in)
{
	struct inode *inode;
	struct watch *w;

	do {
		inode = NULL;
		mutex_lock(&g_notify_mu);
		w = RB_MIN(watch_tree, &in->watches);
		if (w)
			inode = notify_mark_del_locked(&w->mark);
		mutex_unlock(&g_notify_mu);
		if (inode)
			inode_put(inode);
	} while (inode);
}

void inotify_show_watches(struct inotify *in, struct seq_buf *out)
{
	struct watch *w;

	mutex_lock(&g_notify_mu);
	for (w = RB_MAX(watch_tree, &in->watches); w;
	     w = RB_PREV(watch_tree, &in->watches, w)) {
		uint64_t dev = w->mark.inode->sb->dev;

		seq_printf(out,
			   "inotify wd:%x ino:%lx sdev:%x mask:%x "
			   "ignored_mask:0 \n",
			   w->wd, w->mark.inode->ino,
			   (uint32_t)((dev & 0xff) | (dev >> 8 & 0xfff) << 20),
			   (w->mark.mask & LINUX_IN_ALL_EVENTS) | w->flags);
	}
	mutex_unlock(&g_notify_mu);
}
