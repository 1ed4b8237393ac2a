/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_statmount: statmount(2), listmount(2): mounts by their unique ids.
 *
 * Tests: tests/conformance/mount_api.c
 */
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/syscalls/sys_file.h"
#include "sentry/syscalls/sys_mount.h"
#include "sentry/vfs/mount.h"
#include "syscalls.h"

#define SUPPORTED                                                    \
	(LINUX_STATMOUNT_SB_BASIC | LINUX_STATMOUNT_MNT_BASIC |      \
	 LINUX_STATMOUNT_PROPAGATE_FROM | LINUX_STATMOUNT_MNT_ROOT | \
	 LINUX_STATMOUNT_MNT_POINT | LINUX_STATMOUNT_FS_TYPE |       \
	 LINUX_STATMOUNT_MNT_NS_ID | LINUX_STATMOUNT_MNT_OPTS |      \
	 LINUX_STATMOUNT_SB_SOURCE | LINUX_STATMOUNT_SUPPORTED)

static int req_in(uaddr_t req, struct linux_mnt_id_req *out)
{
	uint32_t size;
	int ret;

	*out = (struct linux_mnt_id_req){ 0 };
	if (copy_in(&size, req, sizeof(size)) < 0)
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < LINUX_MNT_ID_REQ_SIZE_VER0)
		return -EINVAL;
	ret = copy_in_struct(out, sizeof(*out), req, size);
	if (ret < 0)
		return ret;
	/* Other namespaces by descriptor are not there. */
	if (out->mnt_ns_fd)
		return -EINVAL;
	return out->mnt_id <= MOUNT_UNIQUE_BASE ? -EINVAL : 0;
}

/* The namespace asked about; only the own one can be named. */
static struct mount_ns *asked_ns(struct task *t,
				 const struct linux_mnt_id_req *req)
{
	struct mount_ns *ns = task_mount_ns(t);

	return !req->mnt_ns_id || req->mnt_ns_id == ns->id ? ns : NULL;
}

/* --- statmount(2) --------------------------------------------------------- */

static void fill_super(struct mount *m, struct linux_statmount *s)
{
	struct kstatfs fs = { 0 };

	s->sb_dev_major = linux_dev_major(m->sb->dev);
	s->sb_dev_minor = linux_dev_minor(m->sb->dev);
	if (m->sb->ops->statfs && m->sb->ops->statfs(m->sb, &fs) == 0)
		s->sb_magic = fs.type;
	s->sb_flags = m->sb->rdonly ? LINUX_MS_RDONLY : 0;
	s->mask |= LINUX_STATMOUNT_SB_BASIC;
}

static void fill_mount(struct mount *m, const struct mount_relation *r,
		       struct linux_statmount *s)
{
	s->mnt_id = m->id + MOUNT_UNIQUE_BASE;
	s->mnt_id_old = (uint32_t)m->id;
	s->mnt_parent_id = r->parent_id + MOUNT_UNIQUE_BASE;
	s->mnt_parent_id_old = (uint32_t)r->parent_id;
	s->mnt_attr = mount_attr_of_flags(m->flags);
	s->mnt_propagation = (r->group ? LINUX_MS_SHARED : 0) |
			     (r->master ? LINUX_MS_SLAVE : 0) |
			     (r->unbindable ? LINUX_MS_UNBINDABLE : 0);
	if (!s->mnt_propagation)
		s->mnt_propagation = LINUX_MS_PRIVATE;
	s->mnt_peer_group = r->group;
	s->mnt_master = r->master;
	s->mask |= LINUX_STATMOUNT_MNT_BASIC;
}

static void show_type(struct mount *m, struct seq_buf *out)
{
	seq_printf(out, "%s", m->sb->ops->name);
}

static void show_point(struct mount *m, struct seq_buf *out)
{
	(void)mount_print_point(m, NULL, out);
}

static void show_source(struct mount *m, struct seq_buf *out)
{
	seq_escape(out, m->source);
}

/* Without the "rw," in front, which sb_flags tells. */
static void show_options(struct mount *m, struct seq_buf *out)
{
	struct seq_buf text = { 0 };

	mount_print_options(m, &text);
	if (!text.failed && text.len > 3)
		seq_printf(out, "%.*s", (int)text.len - 3, text.data + 3);
	seq_fini(&text);
}

static const struct {
	uint64_t mask;
	size_t at; /* of the uint32_t that gets the offset */
	void (*show)(struct mount *m, struct seq_buf *out);
} texts[] = {
	{ LINUX_STATMOUNT_FS_TYPE, offsetof(struct linux_statmount, fs_type),
	  show_type },
	{ LINUX_STATMOUNT_MNT_ROOT, offsetof(struct linux_statmount, mnt_root),
	  mount_print_root },
	{ LINUX_STATMOUNT_MNT_POINT,
	  offsetof(struct linux_statmount, mnt_point), show_point },
	{ LINUX_STATMOUNT_MNT_OPTS, offsetof(struct linux_statmount, mnt_opts),
	  show_options },
	{ LINUX_STATMOUNT_SB_SOURCE,
	  offsetof(struct linux_statmount, sb_source), show_source },
};

static void fill_texts(struct mount *m, uint64_t mask,
		       struct linux_statmount *s, struct seq_buf *text)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++) {
		uint32_t start = (uint32_t)text->len;

		if (!(mask & texts[i].mask))
			continue;
		texts[i].show(m, text);
		/* A text that is not there: no options, not reachable. */
		if (text->len == start &&
		    texts[i].mask == LINUX_STATMOUNT_MNT_OPTS)
			continue;
		memcpy((char *)s + texts[i].at, &start, sizeof(start));
		seq_write(text, "", 1);
		s->mask |= texts[i].mask;
	}
}

static void fill(struct mount *m, uint64_t mask, struct linux_statmount *s,
		 struct seq_buf *text)
{
	struct mount_relation r;

	mount_relations(m, &r);
	if (mask & LINUX_STATMOUNT_SB_BASIC)
		fill_super(m, s);
	if (mask & LINUX_STATMOUNT_MNT_BASIC)
		fill_mount(m, &r, s);
	if (mask & LINUX_STATMOUNT_PROPAGATE_FROM) {
		s->propagate_from = r.from;
		s->mask |= LINUX_STATMOUNT_PROPAGATE_FROM;
	}
	if (mask & LINUX_STATMOUNT_MNT_NS_ID) {
		s->mnt_ns_id = task_mount_ns(current_task())->id;
		s->mask |= LINUX_STATMOUNT_MNT_NS_ID;
	}
	if (mask & LINUX_STATMOUNT_SUPPORTED) {
		s->supported_mask = SUPPORTED;
		s->mask |= LINUX_STATMOUNT_SUPPORTED;
	}
	fill_texts(m, mask, s, text);
}

static int put(uaddr_t buf, uint64_t size, struct linux_statmount *s,
	       const struct seq_buf *text)
{
	if (text->failed)
		return -ENOMEM;
	s->size = (uint32_t)(sizeof(*s) + text->len);
	if (text->len && size < s->size)
		return -EOVERFLOW;
	if (text->len &&
	    copy_out(uaddr(buf.va + sizeof(*s)), text->data, text->len) < 0)
		return -EFAULT;
	return copy_out(buf, s, MIN(size, sizeof(*s)));
}

long sys_statmount(struct task *t, uaddr_t req, uaddr_t buf, uint64_t size,
		   uint32_t flags)
{
	struct linux_statmount s = { 0 };
	struct linux_mnt_id_req rq;
	struct seq_buf text = { 0 };
	struct mount_ns *ns;
	struct mount *m;
	int ret;

	if (flags)
		return -EINVAL;
	ret = req_in(req, &rq);
	if (ret < 0)
		return ret;
	ns = asked_ns(t, &rq);
	m = ns ? mount_ns_find(ns, rq.mnt_id) : NULL;
	if (!m)
		return -ENOENT;
	fill(m, rq.param, &s, &text);
	ret = put(buf, size, &s, &text);
	mount_put(m);
	seq_fini(&text);
	return ret;
}

/* --- listmount(2) --------------------------------------------------------- */

static bool is_below(const struct mount *m, const struct mount *top)
{
	for (m = m->parent; m; m = m->parent)
		if (m == top)
			return true;
	return false;
}

/* The ids below @top (NULL: all that hangs on something) after @last. */
static int64_t collect(struct mount_ns *ns, const struct mount *top,
		       uint64_t last, bool reverse, uint64_t *ids, uint64_t max)
{
	struct mount *m;
	uint64_t nr = 0;

	rwlock_rdlock(&g_mounts);
	while (nr < max) {
		const struct mount *best = NULL;

		list_for_each_entry (m, &ns->mounts, ns_node) {
			uint64_t id = m->id + MOUNT_UNIQUE_BASE;

			if (!m->parent || (top && !is_below(m, top)))
				continue;
			if (last && (reverse ? id >= last : id <= last))
				continue;
			if (!best ||
			    (reverse ? m->id > best->id : m->id < best->id))
				best = m;
		}
		if (!best)
			break;
		last = ids[nr++] = best->id + MOUNT_UNIQUE_BASE;
	}
	rwlock_unlock(&g_mounts);
	return (int64_t)nr;
}

#define LIST_MAX 4096u

long sys_listmount(struct task *t, uaddr_t req, uaddr_t ids, uint64_t nr,
		   uint32_t flags)
{
	AUTO_FREE uint64_t *out = NULL;
	struct linux_mnt_id_req rq;
	struct mount *top = NULL;
	struct mount_ns *ns;
	int64_t got;
	int ret;

	if (flags & ~LINUX_LISTMOUNT_REVERSE)
		return -EINVAL;
	if (nr > 1000000)
		return -EOVERFLOW;
	ret = req_in(req, &rq);
	if (ret < 0)
		return ret;
	if (rq.param && rq.param <= MOUNT_UNIQUE_BASE)
		return -EINVAL;
	ns = asked_ns(t, &rq);
	if (ns && rq.mnt_id != LINUX_LSMT_ROOT)
		top = mount_ns_find(ns, rq.mnt_id);
	if (!ns || (rq.mnt_id != LINUX_LSMT_ROOT && !top))
		return -ENOENT;
	nr = MIN(nr, LIST_MAX); /* the caller comes again for more */
	out = kcalloc(nr + 1, sizeof(*out));
	got = out ? collect(ns, top, rq.param, flags & LINUX_LISTMOUNT_REVERSE,
			    out, nr)
		  : -ENOMEM;
	if (top)
		mount_put(top);
	if (got > 0 && copy_out(ids, out, (size_t)got * sizeof(*out)) < 0)
		return -EFAULT;
	return got;
}
