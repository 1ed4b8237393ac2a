/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount: mounts as objects, and which one covers what.
 *
 * Invariant: hung  <=>  in the hash and in the parent's children; then the
 *            mount counts in at->nr_mounts.
 * Locks:     g_mounts (LOCK_MOUNTS) guards all trees and the hash; a walk takes
 *            it for reading, and only at dentries that have nr_mounts > 0.
 * Tests:     tests/unit/test_walk.c, tests/conformance/mount.c, mntns.c
 */
#include "sentry/vfs/mount.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"

#define NR_HASH 4096u

struct rwlock g_mounts = RWLOCK_INIT(LOCK_MOUNTS);
static struct list g_hash[NR_HASH];
static pthread_once_t g_once = PTHREAD_ONCE_INIT;
static _Atomic uint64_t g_next_id = 20;

static void mounts_start(void)
{
	unsigned int i;

	for (i = 0; i < NR_HASH; i++)
		list_init(&g_hash[i]);
}

static struct list *hash_head(const struct mount *m, const struct dentry *d)
{
	pthread_once(&g_once, mounts_start);
	return &g_hash[(m->id * 31 + d->id) % NR_HASH];
}

/* --- one mount ------------------------------------------------------------ */

int mount_new(struct super *sb, struct dentry *root, uint32_t flags,
	      const char *source, struct mount **out)
{
	struct mount *m = kzalloc(sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->source = kstrdup(source ? source : "none");
	if (!m->source) {
		free(m);
		return -ENOMEM;
	}
	ref_init(&m->ref);
	super_get(sb);
	m->sb = sb;
	dentry_get(root);
	m->root = root;
	m->id = g_next_id++;
	m->flags = flags;
	list_init(&m->children);
	list_init(&m->child);
	list_init(&m->hash_node);
	list_init(&m->ns_node);
	list_init(&m->peers);
	list_init(&m->slaves);
	list_init(&m->slave);
	*out = m;
	return 0;
}

void mount_get(struct mount *m)
{
	if (m)
		ref_get(&m->ref);
}

/* Locked children that stayed with it go now. */
static void release_children(struct mount *m, struct mount **dead)
{
	struct mount *c, *tmp, *parent;
	struct dentry *at;

	if (list_empty(&m->children))
		return;
	rwlock_wrlock(&g_mounts);
	list_for_each_entry_safe (c, tmp, &m->children, child) {
		mount_unhang_locked(c, &parent, &at);
		/* Its reference on us went when it was unmounted. */
		dentry_put(at);
		if (ref_put(&c->ref)) {
			c->got = *dead;
			*dead = c;
		}
	}
	rwlock_unlock(&g_mounts);
}

/* One after the other, so that a deep tree needs no deep stack. */
void mount_put(struct mount *m)
{
	struct mount *dead = m;

	if (!m || !ref_put(&m->ref))
		return;
	m->got = NULL;
	while (dead) {
		m = dead;
		dead = m->got;
		release_children(m, &dead);
		assert(!m->parent && !m->put_parent);
		dentry_put(m->root);
		super_put(m->sb);
		free(m->source);
		free(m);
	}
}

bool mount_readonly(const struct mount *m)
{
	return m && ((m->flags & MNT_READONLY) || m->sb->rdonly);
}

uint64_t mount_id(const struct mount *m)
{
	return m ? m->id : 0;
}

uint32_t mount_flags(const struct mount *m)
{
	return m ? m->flags & 0xffff : 0;
}

/* --- the tree ------------------------------------------------------------- */

void mount_hang_locked(struct mount *m, struct mount *parent, struct dentry *at)
{
	assert(!m->parent && !m->at);
	mount_get(parent);
	dentry_get(at);
	m->parent = parent;
	m->at = at;
	at->nr_mounts++;
	list_push(hash_head(parent, at), &m->hash_node);
	list_append(&parent->children, &m->child);
}

void mount_unhang_locked(struct mount *m, struct mount **parent,
			 struct dentry **at)
{
	list_del(&m->hash_node);
	list_del(&m->child);
	m->at->nr_mounts--;
	*parent = take(m->parent);
	*at = take(m->at);
}

static struct mount *next_up(struct mount *m, const struct mount *top)
{
	for (; m != top; m = m->parent)
		if (m->child.next != &m->parent->children)
			return list_entry(m->child.next, struct mount, child);
	return NULL;
}

struct mount *mount_next_locked(struct mount *m, const struct mount *top)
{
	if (!list_empty(&m->children))
		return list_first(&m->children, struct mount, child);
	return next_up(m, top);
}

struct mount *mount_skip_locked(struct mount *m, const struct mount *top)
{
	return next_up(m, top);
}

/* --- lookups -------------------------------------------------------------- */

struct mount *mount_peek_locked(struct mount *m, struct dentry *d)
{
	struct mount *c;

	list_for_each_entry (c, hash_head(m, d), hash_node)
		if (c->parent == m && c->at == d)
			return c;
	return NULL;
}

struct mount *mount_lookup(struct mount *m, struct dentry *d)
{
	struct mount *c;

	if (!m || likely(d->nr_mounts == 0))
		return NULL;
	rwlock_rdlock(&g_mounts);
	c = mount_peek_locked(m, d);
	if (c) {
		mount_get(c);
		c->uses++;
	}
	rwlock_unlock(&g_mounts);
	return c;
}

void mount_follow_down(struct path *p)
{
	struct mount *over;

	while ((over = mount_lookup(p->mnt, p->dentry)) != NULL) {
		struct path up = { over, over->root };

		dentry_get(up.dentry);
		path_put(p);
		*p = up;
	}
}

void mount_top_locked(struct path *p)
{
	struct mount *over;

	while ((over = mount_peek_locked(p->mnt, p->dentry)) != NULL) {
		p->mnt = over;
		p->dentry = over->root;
	}
}

bool mount_parent(struct mount *m, struct path *out)
{
	bool has;

	if (!m)
		return false;
	rwlock_rdlock(&g_mounts);
	has = m->parent != NULL;
	if (has) {
		out->mnt = m->parent;
		out->dentry = m->at;
		path_get(out);
	}
	rwlock_unlock(&g_mounts);
	return has;
}

bool mount_is_local_point(struct dentry *d)
{
	struct task *t = current_task();
	struct mount_ns *ns = t ? task_mount_ns(t) : NULL;
	struct mount *m;
	bool is = false;

	if (likely(d->nr_mounts == 0))
		return false;
	rwlock_rdlock(&g_mounts);
	for (unsigned int i = 0; i < NR_HASH && !is; i++)
		list_for_each_entry (m, &g_hash[i], hash_node)
			is = is || (m->at == d && (!ns || m->ns == ns));
	rwlock_unlock(&g_mounts);
	return is;
}

static struct mount *on_dentry_locked(struct dentry *d)
{
	struct mount *m;

	for (unsigned int i = 0; i < NR_HASH; i++)
		list_for_each_entry (m, &g_hash[i], hash_node)
			if (m->at == d && !m->going)
				return m;
	return NULL;
}

void mount_detach_all(struct dentry *d)
{
	struct mount *m;
	struct list gone;

	if (likely(d->nr_mounts == 0))
		return;
	list_init(&gone);
	rwlock_wrlock(&g_mounts);
	while ((m = on_dentry_locked(d)) != NULL)
		mount_umount_locked(m, 0, &gone);
	rwlock_unlock(&g_mounts);
	mount_put_gone(&gone);
}
