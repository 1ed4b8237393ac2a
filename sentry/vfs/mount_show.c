/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_show: /proc/PID/{mounts,mountinfo,mountstats}, and the texts that
 * statmount(2) gives.
 *
 * Locks:     g_mounts for a snapshot; paths are printed without it.
 * Tests:     tests/unit/test_walk.c, tests/conformance/mntns.c
 */
#include <errno.h>
#include <string.h>

#include "abi/stat.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"

static const struct {
	uint32_t flag;
	const char *text;
} flag_names[] = {
	{ MNT_NOSUID, ",nosuid" },	     { MNT_NODEV, ",nodev" },
	{ MNT_NOEXEC, ",noexec" },	     { MNT_NOATIME, ",noatime" },
	{ MNT_NODIRATIME, ",nodiratime" },   { MNT_RELATIME, ",relatime" },
	{ MNT_NOSYMFOLLOW, ",nosymfollow" },
};

static void print_flags(struct seq_buf *out, uint32_t flags)
{
	seq_printf(out, "%s", flags & MNT_READONLY ? "ro" : "rw");
	for (unsigned int i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (flags & flag_names[i].flag)
			seq_printf(out, "%s", flag_names[i].text);
}

/* A snapshot with references, so that paths are printed without the lock. */
static struct mount **snapshot(struct mount_ns *ns, uint32_t *out_nr)
{
	struct mount **all, *m;
	uint32_t n = 0;

	rwlock_rdlock(&g_mounts);
	all = kcalloc(ns->nr + 1, sizeof(*all));
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

bool mount_print_point(struct mount *m, const struct path *root,
		       struct seq_buf *out)
{
	struct path p = { m, m->root }, up = { NULL, NULL };
	AUTO_FREE char *buf = malloc(PAGE_SIZE);
	bool unreachable = false, ok;

	if (!buf)
		return false;
	/* By where it hangs: its own root may have no name (nsfs). */
	if (m->root->pseudo && mount_parent(m, &up))
		p = up;
	ok = (root ? path_to_string_from(&p, root, buf, PAGE_SIZE, &unreachable)
		   : path_to_string(&p, buf, PAGE_SIZE, &unreachable)) >= 0 &&
	     !unreachable;
	path_put(&up);
	if (!ok)
		return false;
	seq_escape(out, buf);
	return true;
}

void mount_print_root(struct mount *m, struct seq_buf *out)
{
	const struct dentry *names[64];
	const struct dentry *d;
	unsigned int n = 0;

	if (m->root->pseudo) {
		seq_escape(out, m->root->name);
		return;
	}
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
	if (m->root->deleted)
		seq_printf(out, "//deleted");
}

void mount_print_options(struct mount *m, struct seq_buf *out)
{
	seq_printf(out, "%s", m->sb->rdonly ? "ro" : "rw");
	if (m->sb->ops->show_options)
		m->sb->ops->show_options(m->sb, out);
}

static void print_mounts_line(struct mount *m, const struct path *root,
			      struct seq_buf *out)
{
	uint32_t flags = m->flags;
	size_t mark = out->len;

	seq_escape(out, m->source);
	seq_printf(out, " ");
	if (!mount_print_point(m, root, out)) {
		out->len = mark;
		return;
	}
	seq_printf(out, " %s ", m->sb->ops->name);
	print_flags(out, flags | (m->sb->rdonly ? MNT_READONLY : 0));
	if (m->sb->ops->show_options)
		m->sb->ops->show_options(m->sb, out);
	seq_printf(out, " 0 0\n");
}

static void print_mountstats_line(struct mount *m, const struct path *root,
				  struct seq_buf *out)
{
	size_t mark = out->len;

	seq_printf(out, "device ");
	seq_escape(out, m->source);
	seq_printf(out, " mounted on ");
	if (!mount_print_point(m, root, out)) {
		out->len = mark;
		return;
	}
	seq_printf(out, " with fstype %s\n", m->sb->ops->name);
}

void mount_relations(struct mount *m, struct mount_relation *out)
{
	struct mount_ns *ns = task_mount_ns(current_task());
	struct mount *up, *p;

	memset(out, 0, sizeof(*out));
	rwlock_rdlock(&g_mounts);
	out->unbindable = m->unbindable;
	out->group = m->group;
	out->master = m->master ? m->master->group : 0;
	/* The nearest group above of which the reader sees one. */
	for (up = m->master; up && !out->from; up = up->master) {
		p = up;
		do {
			if (p->ns == ns)
				out->from = up->group;
			p = list_entry(p->peers.next, struct mount, peers);
		} while (p != up);
	}
	out->parent_id = m->parent ? m->parent->id : m->id;
	rwlock_unlock(&g_mounts);
}

static void print_mountinfo_line(struct mount *m, const struct path *root,
				 struct seq_buf *out)
{
	struct mount_relation r;
	size_t mark = out->len;

	mount_relations(m, &r);
	seq_printf(out, "%lu %lu %u:%u ", m->id, r.parent_id,
		   linux_dev_major(m->sb->dev), linux_dev_minor(m->sb->dev));
	mount_print_root(m, out);
	seq_printf(out, " ");
	if (!mount_print_point(m, root, out)) {
		out->len = mark;
		return;
	}
	seq_printf(out, " ");
	print_flags(out, m->flags);
	if (r.group)
		seq_printf(out, " shared:%u", r.group);
	if (r.master)
		seq_printf(out, " master:%u", r.master);
	if (r.from && r.from != r.master)
		seq_printf(out, " propagate_from:%u", r.from);
	if (r.unbindable)
		seq_printf(out, " unbindable");
	seq_printf(out, " - %s ", m->sb->ops->name);
	seq_escape(out, m->source);
	seq_printf(out, " ");
	mount_print_options(m, out);
	seq_printf(out, "\n");
}

static void print_all(struct mount_ns *ns, const struct path *root,
		      struct seq_buf *out,
		      void (*line)(struct mount *m, const struct path *root,
				   struct seq_buf *out))
{
	uint32_t i, nr;
	struct mount **all = snapshot(ns, &nr);

	if (!all) {
		out->failed = true;
		return;
	}
	for (i = 0; i < nr; i++) {
		/* The base below the root is nobody's business. */
		if (all[i] != ns->root || ns->anon)
			line(all[i], root, out);
		mount_put(all[i]);
	}
	free(all);
}

void mount_ns_print_mounts(struct mount_ns *ns, const struct path *root,
			   struct seq_buf *out)
{
	print_all(ns, root, out, print_mounts_line);
}

void mount_ns_print_mountinfo(struct mount_ns *ns, const struct path *root,
			      struct seq_buf *out)
{
	print_all(ns, root, out, print_mountinfo_line);
}

void mount_ns_print_mountstats(struct mount_ns *ns, const struct path *root,
			       struct seq_buf *out)
{
	print_all(ns, root, out, print_mountstats_line);
}
