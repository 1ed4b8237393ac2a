/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount: super blocks attached to dentries, and the namespaces they are in.
 *
 * A mount holds its super block, its root dentry, its parent and the dentry it
 * covers.  A namespace holds each of its mounts.
 *
 * Locks: g_mounts (LOCK_MOUNTS) guards the tree and the hash; a walk takes it
 *	  for reading, and only at dentries that have nr_mounts > 0.
 * Tests: tests/unit/test_walk.c
 */
#include "sentry/vfs/mount.h"

#include <errno.h>
#include <string.h>

#include "abi/stat.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/namei.h"

#define NR_HASH	   64u
#define MOUNTS_MAX 100000u /* per namespace, as Linux's mount-max */

struct mount_ns {
	struct refcount ref;
	struct mount *root;
	struct list mounts; /* g_mounts */
	uint32_t nr;
};

static struct rwlock g_mounts = RWLOCK_INIT(LOCK_MOUNTS);
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
	return &g_hash[(m->id * 31 + d->id) % NR_HASH];
}

/* --- one mount ------------------------------------------------------------ */

static int mount_new(struct super *sb, struct dentry *root, uint32_t flags,
		     const char *source, struct mount **out)
{
	struct mount *m = kzalloc(sizeof(*m));

	pthread_once(&g_once, mounts_start);
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
	list_init(&m->hash_node);
	list_init(&m->ns_node);
	*out = m;
	return 0;
}

void mount_get(struct mount *m)
{
	if (m)
		ref_get(&m->ref);
}

void mount_put(struct mount *m)
{
	struct mount *parent;

	while (m && ref_put(&m->ref)) {
		parent = m->parent;
		if (m->at) {
			m->at->nr_mounts--;
			dentry_put(m->at);
		}
		dentry_put(m->root);
		super_put(m->sb);
		free(m->source);
		free(m);
		m = parent;
	}
}

bool mount_readonly(const struct mount *m)
{
	return m && (m->flags & MNT_READONLY);
}

uint64_t mount_id(const struct mount *m)
{
	return m ? m->id : 0;
}

uint32_t mount_flags(const struct mount *m)
{
	return m ? m->flags : 0;
}

void mount_set_flags(struct mount *m, uint32_t flags)
{
	m->flags = flags;
}

/* --- lookups -------------------------------------------------------------- */

static struct mount *lookup_locked_mount(struct mount *m, struct dentry *d)
{
	struct mount *c;

	list_for_each_entry (c, hash_head(m, d), hash_node) {
		if (c->parent == m && c->at == d)
			return c;
	}
	return NULL;
}

struct mount *mount_lookup(struct mount *m, struct dentry *d)
{
	struct mount *c;

	if (!m || likely(d->nr_mounts == 0))
		return NULL;
	rwlock_rdlock(&g_mounts);
	c = lookup_locked_mount(m, d);
	mount_get(c);
	rwlock_unlock(&g_mounts);
	return c;
}

bool mount_parent(struct mount *m, struct path *out)
{
	bool has;

	if (!m)
		return false;
	rwlock_rdlock(&g_mounts);
	has = m->parent != NULL && m->at != NULL;
	if (has) {
		out->mnt = m->parent;
		out->dentry = m->at;
		path_get(out);
	}
	rwlock_unlock(&g_mounts);
	return has;
}

/* --- attaching ------------------------------------------------------------ */

/* Attaches @m (its creator's reference goes to the namespace). */
static int attach(struct mount_ns *ns, const struct path *at, struct mount *m)
{
	struct path top = *at;
	struct mount *over;
	bool at_dir, root_dir;

	at_dir = inode_is(dentry_inode(at->dentry), LINUX_S_IFDIR);
	root_dir = inode_is(dentry_inode(m->root), LINUX_S_IFDIR);
	if (at_dir != root_dir)
		return -ENOTDIR;
	if (at->dentry->deleted)
		return -ENOENT;
	rwlock_wrlock(&g_mounts);
	if (!top.mnt || top.mnt->ns != ns || ns->nr >= MOUNTS_MAX) {
		rwlock_unlock(&g_mounts);
		return top.mnt && top.mnt->ns == ns ? -ENOSPC : -EINVAL;
	}
	while ((over = lookup_locked_mount(top.mnt, top.dentry)) != NULL) {
		top.mnt = over;
		top.dentry = over->root;
	}
	path_get(&top);
	m->parent = top.mnt;
	m->at = top.dentry;
	m->ns = ns;
	list_push(hash_head(m->parent, m->at), &m->hash_node);
	list_append(&ns->mounts, &m->ns_node);
	ns->nr++;
	m->at->nr_mounts++;
	rwlock_unlock(&g_mounts);
	return 0;
}

int mount_attach(struct mount_ns *ns, const struct path *at, struct super *sb,
		 uint32_t flags, const char *source)
{
	struct mount *m;
	int ret;

	ret = mount_new(sb, sb->root, flags, source, &m);
	if (ret < 0)
		return ret;
	ret = attach(ns, at, m);
	if (ret < 0)
		mount_put(m);
	return ret;
}

int mount_bind(struct mount_ns *ns, const struct path *from,
	       const struct path *at, uint32_t flags)
{
	struct mount *m;
	int ret;

	if (!from->mnt)
		return -EINVAL;
	ret = mount_new(from->mnt->sb, from->dentry, flags, from->mnt->source,
			&m);
	if (ret < 0)
		return ret;
	ret = attach(ns, at, m);
	if (ret < 0)
		mount_put(m);
	return ret;
}

/* g_mounts is held; the namespace's reference passes to the caller. */
static void unlink_mount(struct mount *m)
{
	list_del(&m->hash_node);
	list_del(&m->ns_node);
	m->ns->nr--;
	m->ns = NULL;
}

static bool has_children(struct mount_ns *ns, struct mount *m)
{
	struct mount *c;

	list_for_each_entry (c, &ns->mounts, ns_node) {
		if (c->parent == m)
			return true;
	}
	return false;
}

/* Moves @m and all below it to @gone.  ns->mounts has parents first. */
static void collect_tree(struct mount_ns *ns, struct mount *m,
			 struct list *gone)
{
	struct mount *c, *tmp;

	unlink_mount(m);
	list_append(gone, &m->ns_node);
	list_for_each_entry_safe (c, tmp, &ns->mounts, ns_node) {
		if (c->parent && c->parent->ns == NULL && c != ns->root) {
			unlink_mount(c);
			list_append(gone, &c->ns_node);
		}
	}
}

int mount_detach(struct mount_ns *ns, const struct path *p, bool lazy)
{
	struct mount *m = p->mnt, *c, *tmp;
	struct list gone;
	int ret = 0;

	list_init(&gone);
	if (!m || p->dentry != m->root)
		return -EINVAL;
	rwlock_wrlock(&g_mounts);
	if (m->ns != ns || m == ns->root)
		ret = -EINVAL;
	/* The namespace and the caller's path hold one reference each. */
	else if (!lazy && (has_children(ns, m) || ref_read(&m->ref) > 2))
		ret = -EBUSY;
	else
		collect_tree(ns, m, &gone);
	rwlock_unlock(&g_mounts);
	list_for_each_entry_safe (c, tmp, &gone, ns_node) {
		list_del(&c->ns_node);
		mount_put(c);
	}
	return ret;
}

/* --- namespaces ----------------------------------------------------------- */

int mount_ns_new(struct super *root, struct mount_ns **out)
{
	struct mount_ns *ns = kzalloc(sizeof(*ns));
	int ret;

	if (!ns)
		return -ENOMEM;
	ref_init(&ns->ref);
	list_init(&ns->mounts);
	ret = mount_new(root, root->root, MNT_RELATIME, root->ops->name,
			&ns->root);
	if (ret < 0) {
		free(ns);
		return ret;
	}
	ns->root->ns = ns;
	list_append(&ns->mounts, &ns->root->ns_node);
	ns->nr = 1;
	*out = ns;
	return 0;
}

void mount_ns_get(struct mount_ns *ns)
{
	ref_get(&ns->ref);
}

void mount_ns_put(struct mount_ns *ns)
{
	struct mount *m, *tmp;
	struct list gone;

	if (!ref_put(&ns->ref))
		return;
	list_init(&gone);
	rwlock_wrlock(&g_mounts);
	list_for_each_entry_safe (m, tmp, &ns->mounts, ns_node) {
		unlink_mount(m);
		list_append(&gone, &m->ns_node);
	}
	rwlock_unlock(&g_mounts);
	list_for_each_entry_safe (m, tmp, &gone, ns_node) {
		list_del(&m->ns_node);
		mount_put(m);
	}
	free(ns);
}

void mount_ns_root(struct mount_ns *ns, struct path *out)
{
	struct mount *over;

	out->mnt = ns->root;
	out->dentry = ns->root->root;
	path_get(out);
	while ((over = mount_lookup(out->mnt, out->dentry)) != NULL) {
		struct path up = { over, over->root };

		dentry_get(up.dentry);
		path_put(out);
		*out = up;
	}
}

/* --- reports -------------------------------------------------------------- */

static void print_flags(struct seq_buf *out, uint32_t flags)
{
	seq_printf(out, "%s", flags & MNT_READONLY ? "ro" : "rw");
	if (flags & MNT_NOSUID)
		seq_printf(out, ",nosuid");
	if (flags & MNT_NODEV)
		seq_printf(out, ",nodev");
	if (flags & MNT_NOEXEC)
		seq_printf(out, ",noexec");
	if (flags & MNT_NOATIME)
		seq_printf(out, ",noatime");
	if (flags & MNT_RELATIME)
		seq_printf(out, ",relatime");
}

/* A snapshot with references, so that paths are printed without the lock. */
static struct mount **snapshot(struct mount_ns *ns, uint32_t *out_nr)
{
	struct mount **all, *m;
	uint32_t n = 0;

	rwlock_rdlock(&g_mounts);
	all = kcalloc(ns->nr, sizeof(*all));
	if (all) {
		list_for_each_entry (m, &ns->mounts, ns_node) {
			mount_get(m);
			all[n++] = m;
		}
	}
	rwlock_unlock(&g_mounts);
	*out_nr = n;
	return all;
}

/* False if the mount is not below the current task's root. */
static bool print_path(struct seq_buf *out, struct mount *m)
{
	struct path p = { m, m->root };
	AUTO_FREE char *buf = malloc(PAGE_SIZE);
	bool unreachable = false;

	if (!buf || path_to_string(&p, buf, PAGE_SIZE, &unreachable) < 0 ||
	    unreachable)
		return false;
	seq_escape(out, buf);
	return true;
}

static void print_mounts_line(struct mount *m, struct seq_buf *out)
{
	size_t mark = out->len;

	seq_escape(out, m->source);
	seq_printf(out, " ");
	if (!print_path(out, m)) {
		out->len = mark;
		return;
	}
	seq_printf(out, " %s ", m->sb->ops->name);
	print_flags(out, m->flags);
	if (m->sb->ops->show_options)
		m->sb->ops->show_options(m->sb, out);
	seq_printf(out, " 0 0\n");
}

/* The subtree of the super block that a bind mount shows. */
static void print_root(struct mount *m, struct seq_buf *out)
{
	const struct dentry *names[64];
	const struct dentry *d;
	unsigned int n = 0;

	dcache_names_lock();
	for (d = m->root; d->parent != d && n < ARRAY_SIZE(names);
	     d = d->parent)
		names[n++] = d;
	if (n == 0)
		seq_printf(out, "/");
	while (n-- > 0) {
		seq_printf(out, "/");
		seq_escape(out, names[n]->name);
	}
	dcache_names_unlock();
}

static void print_mountinfo_line(struct mount *m, struct seq_buf *out)
{
	size_t mark = out->len;
	struct path up;
	uint64_t parent_id = 1;

	if (mount_parent(m, &up)) {
		parent_id = up.mnt->id;
		path_put(&up);
	}
	seq_printf(out, "%lu %lu %u:%u ", m->id, parent_id,
		   linux_dev_major(m->sb->dev), linux_dev_minor(m->sb->dev));
	print_root(m, out);
	seq_printf(out, " ");
	if (!print_path(out, m)) {
		out->len = mark;
		return;
	}
	seq_printf(out, " ");
	print_flags(out, m->flags);
	seq_printf(out, " - %s ", m->sb->ops->name);
	seq_escape(out, m->source);
	seq_printf(out, " rw");
	if (m->sb->ops->show_options)
		m->sb->ops->show_options(m->sb, out);
	seq_printf(out, "\n");
}

static void print_all(struct mount_ns *ns, struct seq_buf *out,
		      void (*line)(struct mount *m, struct seq_buf *out))
{
	uint32_t i, nr;
	struct mount **all = snapshot(ns, &nr);

	if (!all) {
		out->failed = true;
		return;
	}
	for (i = 0; i < nr; i++) {
		line(all[i], out);
		mount_put(all[i]);
	}
	free(all);
}

void mount_ns_print_mounts(struct mount_ns *ns, struct seq_buf *out)
{
	print_all(ns, out, print_mounts_line);
}

void mount_ns_print_mountinfo(struct mount_ns *ns, struct seq_buf *out)
{
	print_all(ns, out, print_mountinfo_line);
}
