/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_prop: peer groups, masters and slaves, and what goes from one to the
 * other: "Shared subtrees" of mount_namespaces(7).
 *
 * Invariant: the peers of a mount are a ring of mounts with its group; a mount
 *            with slaves is shared; all of a group have a master of one group.
 * Locks:     g_mounts, for writing.
 * Linux:     the semantics of Documentation/filesystems/sharedsubtree.rst.
 * Tests:     tests/conformance/mntns.c
 */
#include <errno.h>

#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"

static struct mount *next_peer(struct mount *m)
{
	return list_entry(m->peers.next, struct mount, peers);
}

uint32_t mount_new_group(void)
{
	static uint32_t last; /* under g_mounts */

	return ++last;
}

/* --- changing what a mount is --------------------------------------------- */

/* Slaves of @m go to @master, or are on their own. */
static void give_slaves(struct mount *m, struct mount *master)
{
	struct mount *s, *tmp;

	list_for_each_entry_safe (s, tmp, &m->slaves, slave) {
		list_del(&s->slave);
		s->master = master;
		if (master)
			list_append(&master->slaves, &s->slave);
	}
}

/* Who stands for @m's group when it leaves: one that shows the same, if any. */
static struct mount *heir(struct mount *m)
{
	struct mount *p, *any = NULL;

	for (p = next_peer(m); p != m; p = next_peer(p)) {
		if (p->root == m->root)
			return p;
		any = any ? any : p;
	}
	return any;
}

static void leave_group(struct mount *m, bool as_slave)
{
	struct mount *master = heir(m);

	if (!master)
		master = m->master;
	give_slaves(m, master);
	list_del(&m->peers);
	list_del(&m->slave);
	m->group = 0;
	m->master = as_slave ? master : NULL;
	if (m->master)
		list_append(&m->master->slaves, &m->slave);
}

void mount_set_type_locked(struct mount *m, uint32_t type)
{
	m->unbindable = type == PROP_UNBINDABLE;
	if (type == PROP_SHARED) {
		if (!m->group)
			m->group = mount_new_group();
		return;
	}
	leave_group(m, type == PROP_SLAVE);
}

void mount_relate_locked(struct mount *copy, struct mount *m, uint32_t how)
{
	bool slave = (how & COPY_SLAVE) ||
		     ((how & COPY_TO_SLAVE) && mount_is_shared(m));

	copy->unbindable = m->unbindable;
	if (how & COPY_PRIVATE)
		return;
	if (slave) {
		/* Of nobody, if nothing would ever come from @m. */
		if (mount_is_shared(m)) {
			copy->master = m;
			list_push(&m->slaves, &copy->slave);
		} else if (m->master) {
			copy->master = m->master;
			list_push(&m->slave, &copy->slave);
		}
		if (how & COPY_SHARED)
			copy->group = mount_new_group();
		return;
	}
	if ((how & COPY_SHARED) && !m->group)
		m->group = mount_new_group();
	if (m->group) {
		copy->group = m->group;
		list_push(&m->peers, &copy->peers);
	}
	if (m->master) {
		copy->master = m->master;
		list_push(&m->slave, &copy->slave);
	}
}

int mount_change_type(const struct path *p, uint32_t type, bool recursive)
{
	struct mount *top = p->mnt, *m;
	int ret = 0;

	if (!top || p->dentry != top->root)
		return -EINVAL;
	rwlock_wrlock(&g_mounts);
	if (!mount_is_mine(top))
		ret = -EINVAL;
	for (m = top; m && ret == 0;
	     m = recursive ? mount_next_locked(m, top) : NULL)
		mount_set_type_locked(m, type);
	rwlock_unlock(&g_mounts);
	return ret;
}

/* --- who receives --------------------------------------------------------- */

/*
 * The mount after @m among all that receive from @origin: its peers, their
 * slaves, the peers and slaves of those.  NULL at the end; starts at @origin.
 */
static struct mount *next_receiver(struct mount *m, struct mount *origin)
{
	struct mount *next;

	if (m->ns && !list_empty(&m->slaves))
		return list_first(&m->slaves, struct mount, slave);
	while (m->master != origin->master) {
		if (m->slave.next != &m->master->slaves)
			return list_entry(m->slave.next, struct mount, slave);
		m = m->master;
	}
	next = next_peer(m);
	return next == origin ? NULL : next;
}

/* What a peer of @m has got, if any.  Backwards: there they come from. */
static struct mount *got_in_group(struct mount *m)
{
	struct mount *p = m;

	do {
		if (p->got)
			return p->got;
		p = list_entry(p->peers.prev, struct mount, peers);
	} while (p != m);
	return NULL;
}

/* Whom the copy for @m is made of, and its relation to that. */
static struct mount *source_for(struct mount *m, uint32_t *how)
{
	struct mount *got = NULL;

	if (m->group)
		got = got_in_group(m);
	*how = COPY_SHARED;
	if (got)
		return got;
	*how = COPY_SLAVE | (m->group ? COPY_SHARED : 0);
	for (m = m->master; m && !got; m = m->master)
		got = got_in_group(m);
	return got;
}

/* Mounts that were at the same place go on top of the new one. */
static void hang_beneath(struct mount *c, struct mount *parent,
			 struct dentry *at)
{
	struct mount *over = mount_peek_locked(parent, at);
	struct path top = { c, c->root };
	struct mount *old_parent;
	struct dentry *old_at;

	if (over)
		mount_unhang_locked(over, &old_parent, &old_at);
	mount_hang_locked(c, parent, at);
	if (!over)
		return;
	mount_top_locked(&top);
	mount_hang_locked(over, top.mnt, top.dentry);
	/* The new ones hold them: these are not the last. */
	mount_put(old_parent);
	dentry_put(old_at);
}

static int copy_for(struct mount *m, struct dentry *at, struct list *made)
{
	struct mount *from, *copy;
	uint32_t how;
	int ret;

	/* Those that this very operation made, and who do not show @at. */
	if (!m->ns || !dentry_is_below(at, m->root))
		return 0;
	if (m->ns->nr >= MOUNTS_MAX)
		return -ENOSPC;
	from = source_for(m, &how);
	if (!from)
		return 0;
	ret = mount_copy_tree_locked(from, from->root, how | COPY_UNBINDABLE,
				     &copy);
	if (ret < 0)
		return ret;
	copy->locked = false;
	m->got = copy;
	list_append(made, &copy->ns_node);
	hang_beneath(copy, m, at);
	return 0;
}

/* The copies stay, or (@ret < 0) go. */
static void settle(const struct user_ns *owner, struct list *made, int ret,
		   struct list *gone)
{
	struct mount *c, *tmp;

	list_for_each_entry_safe (c, tmp, made, ns_node) {
		list_del(&c->ns_node);
		if (ret < 0) {
			mount_umount_locked(c, 0, gone);
			continue;
		}
		if (c->parent->ns && c->parent->ns->ns.owner != owner)
			mount_lock_tree_locked(c);
		if (c->parent->ns)
			mount_join_ns_locked(c, c->parent->ns);
	}
}

int mount_propagate_locked(struct mount *top, struct mount *parent,
			   struct dentry *at, struct list *gone)
{
	const struct user_ns *owner = parent->ns ? parent->ns->ns.owner : NULL;
	struct mount *m;
	struct list made;
	int ret = 0;

	list_init(&made);
	parent->got = top;
	for (m = next_receiver(parent, parent); m && ret == 0;
	     m = next_receiver(m, parent))
		ret = copy_for(m, at, &made);
	parent->got = NULL;
	for (m = next_receiver(parent, parent); m; m = next_receiver(m, parent))
		m->got = NULL;
	settle(owner, &made, ret, gone);
	return ret;
}

void mount_each_counterpart_locked(struct mount *m,
				   void (*fn)(struct mount *c, void *arg),
				   void *arg)
{
	struct mount *p, *c, *parent = m->parent;

	if (!parent || (!parent->group && list_empty(&parent->slaves)))
		return;
	for (p = next_receiver(parent, parent); p;
	     p = next_receiver(p, parent)) {
		c = mount_peek_locked(p, m->at);
		if (c)
			fn(c, arg);
	}
}
