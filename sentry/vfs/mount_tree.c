/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_tree: trees of mounts change: copies, attaching, moving, unmounting.
 *
 * What a change lets go of is collected under the lock and put after it, since
 * the last reference on a super block may have work to do.
 *
 * Invariant: a mount is in its namespace's list  <=>  ns is set; its tree owns
 *            one reference then.
 * Locks:     g_mounts for writing in all *_locked functions.
 * Linux:     fs/namespace.c of 6.18.
 * Tests:     tests/conformance/mount.c, mntns.c, pivot_root.c, mount_api.c
 */
#include <errno.h>

#include "abi/mount.h"
#include "abi/stat.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"

/*
 * File systems that keep no names (proc) would give another dentry at the next
 * walk: the ones that lead to a mountpoint are kept.
 */
static void pin_point(const struct path *at)
{
	struct dentry *d, *found;

	if (!at->dentry->sb->no_dcache)
		return;
	for (d = at->dentry; d->parent != d; d = d->parent) {
		found = dcache_lookup(d->parent, d->name, d->name_len);
		if (found)
			dentry_put(found);
		else
			dcache_add(d);
	}
}

static void unpin_point(struct dentry *d)
{
	if (d->sb->no_dcache && d->nr_mounts == 0)
		dcache_drop(d);
}

/* --- copies --------------------------------------------------------------- */

int mount_clone_locked(struct mount *m, struct dentry *root, uint32_t how,
		       struct mount **out)
{
	struct mount *c;
	int ret = mount_new(m->sb, root, m->flags, m->source, &c);

	if (ret < 0)
		return ret;
	c->locked = m->locked;
	mount_relate_locked(c, m, how);
	*out = c;
	return 0;
}

/* A tree that nobody saw; its references go with @gone. */
static void abandon(struct mount *top)
{
	struct list gone;

	list_init(&gone);
	mount_umount_locked(top, UMOUNT_SYNC, &gone);
	/* Nothing of it is the last: the originals hold dentries and supers */
	mount_put_gone(&gone);
}

/* 1: leave it and what is below out. */
static int leaves_out(const struct mount *m, uint32_t how)
{
	if ((how & COPY_UNBINDABLE) || !m->unbindable)
		return 0;
	return m->locked ? -EPERM : 1;
}

static int copy_below(struct mount *m, struct mount *child, uint32_t how,
		      struct mount *copy)
{
	struct mount *s = child, *p = m, *q = copy, *c;
	int ret;

	while (s) {
		ret = leaves_out(s, how);
		if (ret < 0)
			return ret;
		if (ret > 0) {
			s = mount_skip_locked(s, child);
			continue;
		}
		for (; p != s->parent; p = p->parent)
			q = q->parent;
		ret = mount_clone_locked(s, s->root, how, &c);
		if (ret < 0)
			return ret;
		mount_hang_locked(c, q, s->at);
		p = s;
		q = c;
		s = mount_next_locked(s, child);
	}
	return 0;
}

int mount_copy_tree_locked(struct mount *m, struct dentry *root, uint32_t how,
			   struct mount **out)
{
	struct mount *copy, *r;
	int ret;

	if (!(how & COPY_UNBINDABLE) && m->unbindable)
		return -EINVAL;
	ret = mount_clone_locked(m, root, how, &copy);
	if (ret < 0)
		return ret;
	list_for_each_entry (r, &m->children, child) {
		if (!dentry_is_below(r->at, root))
			continue;
		ret = copy_below(m, r, how, copy);
		if (ret < 0) {
			abandon(copy);
			return ret;
		}
	}
	*out = copy;
	return 0;
}

void mount_lock_tree_locked(struct mount *top)
{
	struct mount *m;

	for (m = top; m; m = mount_next_locked(m, top)) {
		uint32_t flags = m->flags | MNT_LOCK_ATIME;

		if (flags & MNT_READONLY)
			flags |= MNT_LOCK_READONLY;
		if (flags & MNT_NODEV)
			flags |= MNT_LOCK_NODEV;
		if (flags & MNT_NOSUID)
			flags |= MNT_LOCK_NOSUID;
		if (flags & MNT_NOEXEC)
			flags |= MNT_LOCK_NOEXEC;
		m->flags = flags;
		if (m != top)
			m->locked = true;
	}
}

/* --- namespaces of trees -------------------------------------------------- */

void mount_join_ns_locked(struct mount *top, struct mount_ns *ns)
{
	struct mount *m;

	for (m = top; m; m = mount_next_locked(m, top)) {
		m->ns = ns;
		list_append(&ns->mounts, &m->ns_node);
		ns->nr++;
	}
}

static void leave_ns(struct mount *m)
{
	if (!m->ns)
		return;
	list_del(&m->ns_node);
	m->ns->nr--;
	if (m->ns->root == m)
		m->ns->root = NULL;
	m->ns = NULL;
}

static uint32_t tree_size(struct mount *top)
{
	struct mount *m;
	uint32_t nr = 0;

	for (m = top; m; m = mount_next_locked(m, top))
		nr++;
	return nr;
}

/* --- unmounting ----------------------------------------------------------- */

static void start_going(struct mount *m, struct list *batch)
{
	m->going = true;
	leave_ns(m);
	list_append(batch, &m->ns_node);
}

/* A counterpart goes too unless something that stays is mounted in it. */
static void take_along(struct mount *c, void *batch)
{
	struct mount *k;

	if (c->going || (c->locked && !c->parent->going))
		return;
	list_for_each_entry (k, &c->children, child)
		if (!k->going)
			return;
	start_going(c, batch);
}

/* Takes @m out of its tree, unless it is locked to a parent that goes too. */
static void finish_going(struct mount *m, uint32_t how, struct list *gone)
{
	bool stays = m->parent && m->parent->going && m->locked &&
		     !(how & UMOUNT_SYNC);

	mount_set_type_locked(m, PROP_PRIVATE);
	list_del(&m->ns_node);
	if (stays) {
		/* Its parent's end is its own: mount_put(). */
		m->put_parent = m->parent;
		m->stays = true;
	} else if (m->parent) {
		mount_unhang_locked(m, &m->put_parent, &m->put_at);
	}
	list_append(gone, &m->ns_node);
}

void mount_umount_locked(struct mount *top, uint32_t how, struct list *gone)
{
	struct list batch, *n;
	struct mount *m, *tmp;

	list_init(&batch);
	for (m = top; m; m = mount_next_locked(m, top))
		start_going(m, &batch);
	/* Children first, so that a counterpart's own have been counted. */
	if (how & UMOUNT_PROPAGATE)
		for (n = batch.prev; n != &batch; n = n->prev)
			mount_each_counterpart_locked(
				list_entry(n, struct mount, ns_node),
				take_along, &batch);
	list_for_each_entry_safe (m, tmp, &batch, ns_node)
		finish_going(m, how, gone);
}

void mount_put_gone(struct list *gone)
{
	struct mount *m, *tmp;

	list_for_each_entry_safe (m, tmp, gone, ns_node) {
		bool stays = m->stays;

		list_del(&m->ns_node);
		if (m->put_at) {
			unpin_point(m->put_at);
			dentry_put(take(m->put_at));
		}
		/* With it @m may go already, if it stays. */
		mount_put(take(m->put_parent));
		if (!stays)
			mount_put(m);
	}
}

/* Would a synchronous unmount find it in use? */
static void count_busy(struct mount *c, void *arg)
{
	bool *busy = arg;

	if (list_empty(&c->children) && ref_read(&c->ref) > 1)
		*busy = true;
}

static bool is_busy(struct mount *m)
{
	bool busy = false;

	/* The tree and the caller's path hold one reference each. */
	if (!list_empty(&m->children) || ref_read(&m->ref) > 2)
		return true;
	mount_each_counterpart_locked(m, count_busy, &busy);
	return busy;
}

static int check_umount(struct mount *m, uint32_t flags)
{
	if (!mount_is_mine(m) || m->locked || !m->parent)
		return -EINVAL;
	if (!(flags & LINUX_MNT_EXPIRE))
		return 0;
	if (!list_empty(&m->children) || ref_read(&m->ref) > 2)
		return -EBUSY;
	/* The walk of this call counted once. */
	if (!m->expire_at || m->expire_at + 1 < m->uses) {
		m->expire_at = m->uses;
		return -EAGAIN;
	}
	return 0;
}

int mount_umount(const struct path *p, uint32_t flags)
{
	struct mount *m = p->mnt;
	struct list gone;
	int ret;

	if (!m || p->dentry != m->root)
		return -EINVAL;
	list_init(&gone);
	rwlock_wrlock(&g_mounts);
	ret = check_umount(m, flags);
	if (ret == 0 && (flags & LINUX_MNT_DETACH))
		mount_umount_locked(m, UMOUNT_PROPAGATE, &gone);
	else if (ret == 0 && is_busy(m))
		ret = -EBUSY;
	else if (ret == 0)
		mount_umount_locked(m, UMOUNT_PROPAGATE | UMOUNT_SYNC, &gone);
	rwlock_unlock(&g_mounts);
	mount_put_gone(&gone);
	return ret;
}

/* --- attaching ------------------------------------------------------------ */

static bool is_dir(const struct dentry *d)
{
	return inode_is(dentry_inode(d), LINUX_S_IFDIR);
}

/* All of @top becomes shared. */
static void share_tree(struct mount *top)
{
	struct mount *m;

	for (m = top; m; m = mount_next_locked(m, top))
		mount_set_type_locked(m, PROP_SHARED);
}

static int check_place(struct mount *top, const struct path *at, bool move)
{
	struct mount_ns *ns = at->mnt ? at->mnt->ns : NULL;

	if (!ns)
		return -ENOENT; /* it was unmounted */
	if (is_dir(at->dentry) != is_dir(top->root))
		return move ? -EINVAL : -ENOTDIR;
	if (at->dentry->deleted)
		return -ENOENT;
	if (top->ns != ns && ns->nr + tree_size(top) > MOUNTS_MAX)
		return -ENOSPC;
	return 0;
}

int mount_graft_locked(struct mount *top, const struct path *at, bool move,
		       struct list *gone)
{
	struct path to = *at;
	struct mount *m, *tmp;
	int ret = check_place(top, at, move);

	if (ret < 0)
		return ret;
	mount_top_locked(&to);
	if (mount_is_shared(to.mnt)) {
		share_tree(top);
		ret = mount_propagate_locked(top, to.mnt, to.dentry, gone);
		if (ret < 0)
			return ret;
	}
	if (top->parent)
		mount_unhang_locked(top, &top->put_parent, &top->put_at);
	mount_hang_locked(top, to.mnt, to.dentry);
	if (top->ns == to.mnt->ns)
		return 0;
	for (m = top; m; m = tmp) {
		tmp = mount_next_locked(m, top);
		leave_ns(m);
	}
	mount_join_ns_locked(top, to.mnt->ns);
	return 0;
}

/* Below @root of @m hangs what may not be seen without. */
static bool has_locked_children(struct mount *m, struct dentry *root)
{
	struct mount *c;

	list_for_each_entry (c, &m->children, child)
		if (c->locked && dentry_is_below(c->at, root))
			return true;
	return false;
}

static int bind_copy_locked(const struct path *from, bool recursive,
			    struct mount **out)
{
	struct mount *m = from->mnt;
	int ret;

	if (!m) /* a namespace: nsfs files are on no mount */
		return mount_new(from->dentry->sb, from->dentry, 0, "nsfs",
				 out);
	if (!mount_is_mine(m) && !(m->ns && m->ns->anon))
		return -EINVAL;
	if (m->unbindable)
		return -EINVAL;
	if (!recursive && has_locked_children(m, from->dentry))
		return -EINVAL;
	ret = recursive ? mount_copy_tree_locked(m, from->dentry, 0, out)
			: mount_clone_locked(m, from->dentry, 0, out);
	if (ret == 0)
		(*out)->locked = false;
	return ret;
}

int mount_bind(const struct path *from, const struct path *at, bool recursive)
{
	struct mount *top = NULL;
	struct list gone;
	int ret = -EINVAL;

	if (!from->mnt && !mount_can_bind_pseudo(from))
		return -EINVAL;
	list_init(&gone);
	pin_point(at);
	rwlock_wrlock(&g_mounts);
	if (at->mnt && !at->mnt->ns)
		ret = -ENOENT;
	else if (at->mnt && mount_is_mine(at->mnt))
		ret = bind_copy_locked(from, recursive, &top);
	if (ret == 0) {
		ret = mount_graft_locked(top, at, false, &gone);
		if (ret < 0)
			mount_umount_locked(top, UMOUNT_SYNC, &gone);
	}
	rwlock_unlock(&g_mounts);
	mount_put_gone(&gone);
	return ret;
}

int mount_attach(struct mount_ns *ns, const struct path *at, struct super *sb,
		 uint32_t flags, const char *source)
{
	struct list gone;
	struct mount *m;
	int ret = mount_new(sb, sb->root, flags, source, &m);

	if (ret < 0)
		return ret;
	list_init(&gone);
	pin_point(at);
	rwlock_wrlock(&g_mounts);
	ret = at->mnt && at->mnt->ns && at->mnt->ns != ns
		      ? -EINVAL
		      : mount_graft_locked(m, at, false, &gone);
	if (ret < 0)
		mount_umount_locked(m, UMOUNT_SYNC, &gone);
	rwlock_unlock(&g_mounts);
	mount_put_gone(&gone);
	return ret;
}

/* --- moving --------------------------------------------------------------- */

static bool has_unbindable(struct mount *top)
{
	struct mount *m;

	for (m = top; m; m = mount_next_locked(m, top))
		if (m->unbindable)
			return true;
	return false;
}

static int check_move(struct mount *m, const struct path *at)
{
	struct mount *p;
	bool attached = m->ns && !m->ns->anon;

	if (!at->mnt || !mount_is_mine(at->mnt))
		return -EINVAL;
	if (attached ? !mount_is_mine(m) || !m->parent : !m->ns || m->parent)
		return -EINVAL;
	if (m->locked)
		return -EINVAL;
	if (is_dir(at->dentry) != is_dir(m->root))
		return -EINVAL;
	if (attached && mount_is_shared(m->parent))
		return -EINVAL;
	if (mount_is_shared(at->mnt) && has_unbindable(m))
		return -EINVAL;
	for (p = at->mnt; p; p = p->parent)
		if (p == m)
			return -ELOOP;
	return 0;
}

int mount_move(const struct path *from, const struct path *at, bool beneath)
{
	struct mount *m = from->mnt, *old_parent;
	struct mount_ns *anon = NULL;
	struct dentry *old_at;
	struct list gone;
	int ret;

	if (beneath || !m || from->dentry != m->root)
		return -EINVAL;
	list_init(&gone);
	pin_point(at);
	rwlock_wrlock(&g_mounts);
	ret = check_move(m, at);
	if (ret == 0 && m->ns->anon)
		anon = m->ns; /* it has no tree afterwards */
	if (ret == 0)
		ret = mount_graft_locked(m, at, true, &gone);
	old_parent = take(m->put_parent);
	old_at = take(m->put_at);
	rwlock_unlock(&g_mounts);
	mount_put_gone(&gone);
	mount_put(old_parent);
	if (old_at)
		dentry_put(old_at);
	if (ret == 0 && anon)
		mount_ns_put(anon);
	return ret;
}

/* @p is at or below @top. */
static bool is_reachable(struct mount *m, struct dentry *d,
			 const struct path *top)
{
	for (; m != top->mnt && m->parent; m = m->parent)
		d = m->at;
	return m == top->mnt && dentry_is_below(d, top->dentry);
}

static int check_pivot(const struct path *root, const struct path *new_root,
		       const struct path *put_old)
{
	struct mount *rm = root->mnt, *nm = new_root->mnt, *om = put_old->mnt;

	if (!rm || !nm || !om)
		return -EINVAL;
	if (mount_is_shared(om) ||
	    (nm->parent && mount_is_shared(nm->parent)) ||
	    (rm->parent && mount_is_shared(rm->parent)))
		return -EINVAL;
	if (!mount_is_mine(rm) || !mount_is_mine(nm) || nm->locked)
		return -EINVAL;
	if (new_root->dentry->deleted)
		return -ENOENT;
	if (nm == rm || om == rm)
		return -EBUSY;
	if (root->dentry != rm->root || !rm->parent ||
	    new_root->dentry != nm->root || !nm->parent)
		return -EINVAL;
	if (!is_reachable(om, put_old->dentry, new_root) ||
	    !is_reachable(nm, nm->root, root))
		return -EINVAL;
	return 0;
}

int mount_pivot(const struct path *root, const struct path *new_root,
		const struct path *put_old)
{
	struct mount *rm = root->mnt, *nm = new_root->mnt;
	struct mount *new_parent, *root_parent;
	struct dentry *new_at, *root_at;
	struct path old = *put_old;
	int ret;

	rwlock_wrlock(&g_mounts);
	if (old.mnt)
		mount_top_locked(&old);
	ret = check_pivot(root, new_root, &old);
	if (ret < 0) {
		rwlock_unlock(&g_mounts);
		return ret;
	}
	if (rm->locked) {
		nm->locked = true;
		rm->locked = false;
	}
	mount_unhang_locked(nm, &new_parent, &new_at);
	mount_unhang_locked(rm, &root_parent, &root_at);
	mount_hang_locked(rm, old.mnt, old.dentry);
	mount_hang_locked(nm, root_parent, root_at);
	rwlock_unlock(&g_mounts);
	mount_put(new_parent);
	dentry_put(new_at);
	mount_put(root_parent);
	dentry_put(root_at);
	return 0;
}

/* --- flags ---------------------------------------------------------------- */

static int check_locked(const struct mount *m, uint32_t flags)
{
	uint32_t now = m->flags;

	if ((now & MNT_LOCK_READONLY) && !(flags & MNT_READONLY))
		return -EPERM;
	if ((now & MNT_LOCK_NODEV) && !(flags & MNT_NODEV))
		return -EPERM;
	if ((now & MNT_LOCK_NOSUID) && !(flags & MNT_NOSUID))
		return -EPERM;
	if ((now & MNT_LOCK_NOEXEC) && !(flags & MNT_NOEXEC))
		return -EPERM;
	if ((now & MNT_LOCK_ATIME) && ((now ^ flags) & MNT_ATIME_MASK))
		return -EPERM;
	return 0;
}

int mount_change_flags(const struct path *p, uint32_t set, uint32_t clear,
		       uint32_t propagation, bool recursive)
{
	struct mount *top = p->mnt, *m;
	int ret = 0;

	if (!top || p->dentry != top->root)
		return -EINVAL;
	rwlock_wrlock(&g_mounts);
	if (!mount_is_mine(top) && !(top->ns && top->ns->anon && !top->parent))
		ret = -EINVAL;
	/* All or nothing. */
	for (m = top; m && ret == 0;
	     m = recursive ? mount_next_locked(m, top) : NULL)
		ret = check_locked(m, (m->flags & ~clear) | set);
	for (m = top; m && ret == 0;
	     m = recursive ? mount_next_locked(m, top) : NULL) {
		m->flags = (m->flags & ~clear) | set;
		if (propagation)
			mount_set_type_locked(m, propagation);
	}
	rwlock_unlock(&g_mounts);
	return ret;
}

/* --- trees without a place ------------------------------------------------ */

static int into_anon(struct mount *top, struct path *out)
{
	struct mount_ns *ns;
	int ret = mount_ns_new_anon(&ns);

	if (ret < 0)
		return ret;
	/* The namespace goes with its root: mount_dissolve(). */
	mount_join_ns_locked(top, ns);
	ns->root = top;
	mount_get(top);
	dentry_get(top->root);
	*out = (struct path){ top, top->root };
	return 0;
}

int mount_detached_copy(const struct path *from, bool recursive,
			struct path *out)
{
	struct mount *top = NULL;
	struct list gone;
	int ret;

	if (!from->mnt)
		return -EINVAL;
	list_init(&gone);
	rwlock_wrlock(&g_mounts);
	ret = bind_copy_locked(from, recursive, &top);
	if (ret == 0) {
		ret = into_anon(top, out);
		if (ret < 0)
			mount_umount_locked(top, UMOUNT_SYNC, &gone);
	}
	rwlock_unlock(&g_mounts);
	mount_put_gone(&gone);
	return ret;
}

int mount_detached_new(struct super *sb, uint32_t flags, const char *source,
		       struct path *out)
{
	struct mount *m;
	int ret = mount_new(sb, sb->root, flags, source, &m);

	if (ret < 0)
		return ret;
	rwlock_wrlock(&g_mounts);
	ret = into_anon(m, out);
	rwlock_unlock(&g_mounts);
	if (ret < 0)
		mount_put(m);
	return ret;
}

void mount_dissolve(struct mount *m)
{
	struct mount_ns *ns = NULL;
	struct list gone;

	list_init(&gone);
	rwlock_wrlock(&g_mounts);
	if (m->ns && m->ns->anon && m->ns->root == m) {
		ns = m->ns;
		mount_umount_locked(m, UMOUNT_SYNC, &gone);
	}
	rwlock_unlock(&g_mounts);
	mount_put_gone(&gone);
	if (ns)
		mount_ns_put(ns);
}
