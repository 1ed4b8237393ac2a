/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_ns: mount namespaces: making, copying, finding mounts in them.
 *
 * The root that everybody sees hangs on a base mount, of the same file system,
 * as Linux's hangs on its rootfs: so that it can be replaced (pivot_root(2)).
 *
 * Locks:     g_mounts.
 * Linux:     copy_mnt_ns() of 6.18.
 * Tests:     tests/conformance/mntns.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"

static uint64_t next_id(void)
{
	static _Atomic uint64_t last;

	return ++last;
}

static void mount_ns_end(struct ns_common *common)
{
	struct mount_ns *ns = mount_ns_of(common);
	struct list gone;

	list_init(&gone);
	rwlock_wrlock(&g_mounts);
	if (ns->root)
		mount_umount_locked(ns->root, 0, &gone);
	rwlock_unlock(&g_mounts);
	mount_put_gone(&gone);
	ns_common_fini(common);
	free(ns);
}

static int ns_new(struct user_ns *owner, const struct cred *creator,
		  struct mount_ns **out)
{
	struct mount_ns *ns = kzalloc(sizeof(*ns));
	int ret;

	if (!ns)
		return -ENOMEM;
	ret = ns_common_init(&ns->ns, NS_MNT, owner, creator, mount_ns_end);
	if (ret < 0) {
		free(ns);
		return ret;
	}
	list_init(&ns->mounts);
	ns->id = next_id();
	*out = ns;
	return 0;
}

int mount_ns_new_anon(struct mount_ns **out)
{
	int ret = ns_new(current_task()->cred->user_ns, NULL, out);

	if (ret == 0)
		(*out)->anon = true;
	return ret;
}

int mount_ns_new(struct super *root, struct mount_ns **out)
{
	AUTO_PUT(mount_ns) struct mount_ns *ns = NULL;
	struct mount *base, *m;
	int ret = ns_new(&g_init_user_ns, NULL, &ns);

	if (ret == 0)
		ret = mount_new(root, root->root, 0, "rootfs", &base);
	if (ret < 0)
		return ret;
	ret = mount_new(root, root->root, MNT_RELATIME, root->ops->name, &m);
	if (ret < 0) {
		mount_put(base);
		return ret;
	}
	rwlock_wrlock(&g_mounts);
	mount_hang_locked(m, base, root->root);
	ns->root = base;
	mount_join_ns_locked(base, ns);
	rwlock_unlock(&g_mounts);
	*out = take(ns);
	return 0;
}

struct mount_ns *task_mount_ns(const struct task *t)
{
	struct ns_common *ns = t->ns[TASK_NS_MNT];

	return ns ? mount_ns_of(ns) : NULL;
}

struct ns_common *mount_ns_common(struct mount_ns *ns)
{
	return &ns->ns;
}

void mount_ns_get(struct mount_ns *ns)
{
	ns_get(&ns->ns);
}

void mount_ns_put(struct mount_ns *ns)
{
	ns_put(&ns->ns);
}

void mount_ns_root(struct mount_ns *ns, struct path *out)
{
	rwlock_rdlock(&g_mounts);
	out->mnt = ns->root;
	out->dentry = ns->root->root;
	mount_top_locked(out);
	path_get(out);
	rwlock_unlock(&g_mounts);
}

/* --- copies --------------------------------------------------------------- */

/* @p's mount is @from: it becomes @to; the old reference is put later. */
static bool move_path(struct path *p, struct mount *from, struct mount *to)
{
	if (p->mnt != from)
		return false;
	mount_get(to);
	p->mnt = to;
	return true;
}

/* cwd and root of @fs, which nobody else has, move from one tree to the other
 * of the same shape.  Stores what is to be put. */
static void move_fs_locked(struct fs_ctx *fs, struct mount *old,
			   struct mount *fresh, struct mount *put[2])
{
	struct mount *p, *q = fresh;

	for (p = old; p && q; p = mount_next_locked(p, old)) {
		if (!put[0] && move_path(&fs->root, p, q))
			put[0] = p;
		if (!put[1] && move_path(&fs->cwd, p, q))
			put[1] = p;
		q = mount_next_locked(q, fresh);
	}
}

int mount_ns_copy(struct mount_ns *from, struct user_ns *owner,
		  const struct cred *creator, struct fs_ctx *fs,
		  struct mount_ns **out)
{
	AUTO_PUT(mount_ns) struct mount_ns *ns = NULL;
	uint32_t how = COPY_UNBINDABLE;
	struct mount *put[2] = { NULL, NULL }, *top;
	int ret = ns_new(owner, creator, &ns);

	if (ret < 0)
		return ret;
	if (owner != from->ns.owner)
		how |= COPY_TO_SLAVE;
	rwlock_wrlock(&g_mounts);
	ret = from->root ? mount_copy_tree_locked(from->root, from->root->root,
						  how, &top)
			 : -EINVAL;
	if (ret == 0) {
		if (owner != from->ns.owner)
			mount_lock_tree_locked(top);
		move_fs_locked(fs, from->root, top, put);
		ns->root = top;
		mount_join_ns_locked(top, ns);
	}
	rwlock_unlock(&g_mounts);
	mount_put(put[0]);
	mount_put(put[1]);
	if (ret == 0)
		*out = take(ns);
	return ret;
}

/* --- questions ------------------------------------------------------------ */

bool mount_is_mine(const struct mount *m)
{
	return m->ns && m->ns == task_mount_ns(current_task());
}

bool mount_allowed(void)
{
	struct mount_ns *ns = task_mount_ns(current_task());

	return ns && cred_ns_capable(current_task()->cred, ns->ns.owner,
				     CAP_NR_SYS_ADMIN);
}

bool mount_can_bind_pseudo(const struct path *p)
{
	return p->dentry->pseudo &&
	       strcmp(p->dentry->sb->ops->name, "nsfs") == 0;
}

struct super *mount_ns_find_super(struct mount_ns *ns, uint64_t dev)
{
	struct super *sb = NULL;
	struct mount *m;

	rwlock_rdlock(&g_mounts);
	list_for_each_entry (m, &ns->mounts, ns_node)
		if (m->sb->dev == dev) {
			sb = m->sb;
			super_get(sb);
			break;
		}
	rwlock_unlock(&g_mounts);
	return sb;
}

struct mount *mount_ns_find(struct mount_ns *ns, uint64_t unique)
{
	struct mount *m, *found = NULL;

	rwlock_rdlock(&g_mounts);
	list_for_each_entry (m, &ns->mounts, ns_node)
		if (m->id + MOUNT_UNIQUE_BASE == unique)
			found = m;
	mount_get(found);
	rwlock_unlock(&g_mounts);
	return found;
}

static bool shows_all_locked(struct mount *m)
{
	struct mount *c;

	if (m->root != m->sb->root)
		return false;
	list_for_each_entry (c, &m->children, child)
		if (c->locked)
			return false;
	return true;
}

bool mount_ns_shows_all(struct mount_ns *ns, const char *fs_name)
{
	struct mount *m;
	bool all = false;

	rwlock_rdlock(&g_mounts);
	list_for_each_entry (m, &ns->mounts, ns_node)
		if (strcmp(m->sb->ops->name, fs_name) == 0)
			all = all || shows_all_locked(m);
	rwlock_unlock(&g_mounts);
	return all;
}
