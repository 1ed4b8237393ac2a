/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dnotify: F_NOTIFY of fcntl(2): a signal when something happens in a
 * directory.
 *
 * A mark belongs to an open directory and the table of descriptors through
 * which it was set; a close of the directory in that table ends it.
 *
 * Locks: g_notify_mu; signals go out under it.
 * Tests: tests/conformance/dnotify.c
 */
#include <errno.h>

#include "abi/stat.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/leases.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/notify.h"

struct dnotify {
	struct notify_mark mark; /* first */
	struct file *f;		 /* no reference: its close ends the mark */
	const void *owner;	 /* struct fd_table */
	int fd;
	bool multishot;
};

struct who {
	const struct file *f;
	const void *owner;
};

static struct dnotify *dnotify_of(struct notify_mark *m)
{
	return container_of(m, struct dnotify, mark);
}

static void mark_event(struct notify_mark *m, uint32_t mask, uint32_t cookie,
		       const char *name, bool unlinked)
{
	struct dnotify *d = dnotify_of(m);

	(void)mask;
	(void)cookie;
	(void)name;
	(void)unlinked;
	if (m->dead)
		return;
	file_sigio(d->f, d->fd, FILE_POLL_MSG);
	m->dead = !d->multishot;
}

static void mark_gone(struct notify_mark *m)
{
	free(dnotify_of(m));
}

static const struct notify_ops dnotify_ops = {
	.event = mark_event,
	.gone = mark_gone,
};

static bool is_of(const struct notify_mark *m, const void *arg)
{
	const struct dnotify *d = container_of(m, struct dnotify, mark);
	const struct who *who = arg;

	return d->f == who->f && d->owner == who->owner;
}

static const struct {
	uint32_t dn, in;
} dn_map[] = {
	{ LINUX_DN_ACCESS, LINUX_IN_ACCESS },
	{ LINUX_DN_MODIFY, LINUX_IN_MODIFY },
	{ LINUX_DN_CREATE, LINUX_IN_CREATE | LINUX_IN_MOVED_TO },
	{ LINUX_DN_DELETE, LINUX_IN_DELETE | LINUX_IN_MOVED_FROM },
	{ LINUX_DN_RENAME, NOTIFY_RENAME },
	{ LINUX_DN_ATTRIB, LINUX_IN_ATTRIB },
};

static uint32_t mask_of(uint32_t arg)
{
	uint32_t mask = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dn_map); i++)
		if (arg & dn_map[i].dn)
			mask |= dn_map[i].in;
	return mask;
}

static void end_mark(struct file *f, const void *owner)
{
	struct who who = { f, owner };
	struct inode *inode = NULL;
	struct notify_mark *m;

	mutex_lock(&g_notify_mu);
	m = notify_mark_find_locked(f->inode, &dnotify_ops, &who, is_of);
	if (m)
		inode = notify_mark_del_locked(m);
	mutex_unlock(&g_notify_mu);
	if (inode)
		inode_put(inode);
}

int dnotify_set(struct file *f, int fd, uint32_t arg)
{
	AUTO_FREE struct dnotify *fresh = NULL;
	struct who who = { f, current_task()->fds };
	struct notify_mark *m;
	struct dnotify *d;

	if ((arg & ~LINUX_DN_MULTISHOT) == 0) {
		end_mark(f, who.owner);
		return 0;
	}
	if (!inode_is(f->inode, LINUX_S_IFDIR))
		return -ENOTDIR;
	fresh = kzalloc(sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	file_own_if_none(f);
	mutex_lock(&g_notify_mu);
	m = notify_mark_find_locked(f->inode, &dnotify_ops, &who, is_of);
	d = m ? dnotify_of(m) : fresh;
	d->fd = fd;
	d->multishot |= (arg & LINUX_DN_MULTISHOT) != 0;
	d->mark.mask |= mask_of(arg);
	if (!m) {
		fresh = NULL;
		d->f = f;
		d->owner = who.owner;
		d->mark.ops = &dnotify_ops;
		d->mark.inode = f->inode;
		notify_mark_add_locked(&d->mark);
		f->leased = true;
	}
	mutex_unlock(&g_notify_mu);
	return 0;
}

void dnotify_closed(struct file *f, const void *owner)
{
	if (f->leased && inode_is(f->inode, LINUX_S_IFDIR))
		end_mark(f, owner);
}
