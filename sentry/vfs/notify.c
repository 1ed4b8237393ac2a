/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify: marks on inodes, and who hears of what.
 *
 * One lock for all: events happen in an order, and all watchers see the same
 * one.  It is taken only while there is a mark somewhere.
 *
 * Invariant: a mark holds a reference on its inode, is in the inode's chain and
 *	      in g_marks until notify_mark_del_locked().
 * Locks:     g_notify_mu (LOCK_NOTIFY); inode references are put after it.
 * Tests:     tests/conformance/inotify.c, dnotify.c
 */
#include "sentry/vfs/notify.h"

#include <string.h>

#include "abi/stat.h"
#include "sentry/vfs/dcache.h"

/* Marks that may die by one event of theirs (IN_ONESHOT), at a time. */
#define DEAD_MAX 16

struct mutex g_notify_mu = MUTEX_INIT(LOCK_NOTIFY);
_Atomic uint32_t g_notify_marks;
static struct list g_marks = LIST_INIT(g_marks);
static _Atomic uint32_t g_cookie;

uint32_t notify_cookie(void)
{
	return ++g_cookie;
}

/* --- marks ---------------------------------------------------------------- */

void notify_mark_add_locked(struct notify_mark *m)
{
	inode_get(m->inode);
	m->next = m->inode->watches;
	m->inode->watches = m;
	list_append(&g_marks, &m->all_node);
	g_notify_marks++;
}

struct inode *notify_mark_del_locked(struct notify_mark *m)
{
	struct inode *inode = m->inode;
	struct notify_mark *at = inode->watches;

	if (at == m) {
		inode->watches = m->next;
	} else {
		while (at->next != m)
			at = at->next;
		at->next = m->next;
	}
	list_del(&m->all_node);
	g_notify_marks--;
	m->ops->gone(m);
	return inode;
}

struct notify_mark *notify_mark_find_locked(
	struct inode *inode, const struct notify_ops *ops, const void *group,
	bool (*match)(const struct notify_mark *m, const void *group))
{
	struct notify_mark *m;

	for (m = inode->watches; m; m = m->next)
		if (m->ops == ops && match(m, group))
			return m;
	return NULL;
}

/* --- events --------------------------------------------------------------- */

struct event {
	uint32_t mask, cookie;
	const char *name;
	bool unlinked;
};

/* Marks are in no order that a guest could count on. */
static void tell_locked(struct inode *inode, const struct event *e)
	MUST_HOLD(&g_notify_mu)
{
	struct notify_mark *m, *next;

	for (m = inode->watches; m; m = next) {
		next = m->next;
		if (m->mask & e->mask & ~LINUX_IN_ISDIR)
			m->ops->event(m, e->mask, e->cookie, e->name,
				      e->unlinked);
	}
}

/* Removes marks of @inode that their event ended. */
static void sweep(struct inode *inode)
{
	struct inode *put[DEAD_MAX];
	struct notify_mark *m, *next;
	unsigned int nr = 0;

	mutex_lock(&g_notify_mu);
	for (m = inode->watches; m && nr < DEAD_MAX; m = next) {
		next = m->next;
		if (m->dead)
			put[nr++] = notify_mark_del_locked(m);
	}
	mutex_unlock(&g_notify_mu);
	while (nr > 0)
		inode_put(put[--nr]);
}

static void tell(struct inode *inode, const struct event *e)
{
	struct notify_mark *m;
	bool dead = false;

	if (!inode->watches)
		return;
	mutex_lock(&g_notify_mu);
	tell_locked(inode, e);
	for (m = inode->watches; m; m = m->next)
		dead |= m->dead;
	mutex_unlock(&g_notify_mu);
	if (dead)
		sweep(inode);
}

void notify_inode_slow(struct inode *inode, uint32_t event, uint32_t cookie,
		       const char *name)
{
	struct event e = { .mask = event, .cookie = cookie, .name = name };

	tell(inode, &e);
}

void notify_dentry_slow(struct dentry *d, uint32_t event)
{
	struct inode *inode = dentry_inode(d);
	AUTO_PUT(dentry) struct dentry *parent = NULL;
	char name[NAME_MAX_LEN + 1];
	struct event e = { .unlinked = d->deleted };
	struct inode *dir;

	if (!inode)
		return;
	e.mask = event | notify_isdir(inode);
	if (!d->pseudo) {
		parent = dentry_get_parent(d);
		dir = parent != d ? dentry_inode(parent) : NULL;
		if (dir && dir->watches) {
			dcache_names_lock();
			memcpy(name, d->name,
			       MIN(d->name_len, NAME_MAX_LEN) + 1ul);
			dcache_names_unlock();
			name[NAME_MAX_LEN] = '\0';
			e.name = name;
			tell(dir, &e);
			e.name = NULL;
		}
	}
	tell(inode, &e);
}

void notify_move_slow(struct inode *old_dir, const char *old_name,
		      struct inode *new_dir, const char *new_name,
		      struct inode *moved, struct inode *target)
{
	uint32_t cookie = notify_cookie(), isdir = notify_isdir(moved);

	notify_inode_slow(old_dir, NOTIFY_RENAME | isdir, 0, old_name);
	notify_inode_slow(old_dir, LINUX_IN_MOVED_FROM | isdir, cookie,
			  old_name);
	notify_inode_slow(new_dir, LINUX_IN_MOVED_TO | isdir, cookie, new_name);
	if (target)
		notify_inode_slow(target, LINUX_IN_ATTRIB, 0, NULL);
	notify_inode_slow(moved, LINUX_IN_MOVE_SELF, 0, NULL);
}

/* --- ends ----------------------------------------------------------------- */

/* Tells the mark @event if it wants it, and takes it away. */
static struct inode *end_mark_locked(struct notify_mark *m, uint32_t event)
	MUST_HOLD(&g_notify_mu)
{
	if (m->mask & event)
		m->ops->event(m, event, 0, NULL, false);
	return notify_mark_del_locked(m);
}

void notify_deleted_slow(struct inode *inode)
{
	struct event e = { .mask = LINUX_IN_DELETE_SELF };
	struct inode *put = NULL;

	tell(inode, &e);
	/* Each mark has a reference: the caller's own keeps @inode alive. */
	do {
		mutex_lock(&g_notify_mu);
		put = inode->watches ? notify_mark_del_locked(inode->watches)
				     : NULL;
		mutex_unlock(&g_notify_mu);
		if (put)
			inode_put(put);
	} while (put);
}

static struct notify_mark *mark_of_super_locked(const struct super *sb)
	MUST_HOLD(&g_notify_mu)
{
	struct notify_mark *m;

	list_for_each_entry (m, &g_marks, all_node)
		if (m->inode->sb == sb)
			return m;
	return NULL;
}

void notify_super_gone_slow(struct super *sb)
{
	struct notify_mark *m;
	struct inode *put;

	do {
		mutex_lock(&g_notify_mu);
		m = mark_of_super_locked(sb);
		put = m ? end_mark_locked(m, LINUX_IN_UNMOUNT) : NULL;
		mutex_unlock(&g_notify_mu);
		if (put)
			inode_put(put);
	} while (put);
}

uint32_t notify_of_attr(uint32_t valid)
{
	const uint32_t atime = ATTR_ATIME | ATTR_ATIME_NOW;
	const uint32_t mtime = ATTR_MTIME | ATTR_MTIME_NOW;
	uint32_t event = 0;

	if (valid & (ATTR_UID | ATTR_GID | ATTR_MODE))
		event |= LINUX_IN_ATTRIB;
	if (valid & ATTR_SIZE)
		event |= LINUX_IN_MODIFY;
	if ((valid & atime) && (valid & mtime))
		event |= LINUX_IN_ATTRIB;
	else if (valid & atime)
		event |= LINUX_IN_ACCESS;
	else if (valid & mtime)
		event |= LINUX_IN_MODIFY;
	return event;
}
