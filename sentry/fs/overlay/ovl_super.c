/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl_super: an overlay of a tmpfs over a lower file system.
 *
 * The lower tree must not change while it is used.  The upper tmpfs is only a
 * store: it must be empty, and nobody else may use it; its limits of memory and
 * inodes hold for the overlay.
 *
 * Tests: tests/unit/test_overlay.c
 */
#include <errno.h>

#include "sentry/fs/overlay/ovl.h"
#include "sentry/mm/memfile.h"

#define LINUX_OVERLAYFS_MAGIC 0x794c7630

/* The store is memory: what programs use of it cannot be written to either. */
static uint64_t free_memory(void)
{
	uint64_t total = memory_total();
	struct memfile_stats ms;

	memfile_stats(&ms);
	return total - MIN(ms.used, total);
}

static int ovl_statfs(struct super *sb, struct kstatfs *out)
{
	struct ovl_super *os = container_of(sb, struct ovl_super, sb);
	int ret = os->upper->ops->statfs(os->upper, out);

	if (ret < 0)
		return ret;
	out->type = LINUX_OVERLAYFS_MAGIC;
	out->bfree = MIN(out->bfree, free_memory() / PAGE_SIZE);
	out->bavail = out->bfree;
	if (os->max_nodes) {
		out->files = os->max_nodes;
		out->ffree = os->max_nodes - MIN(os->nr_nodes, os->max_nodes);
	}
	return 0;
}

/* One pinned inode lets go of its children and its pin. */
static bool unpin_one(struct ovl_super *os)
{
	struct ovl_drops d = { 0 };
	struct ovl_inode *oi = NULL;
	struct ovl_state *st;

	mutex_lock(&os->map_mu);
	st = list_first(&os->pins, struct ovl_state, pin_node);
	if (st) {
		oi = ovl_inode(st->inode);
		inode_get(&oi->vfs);
		ovl_unpin_locked(oi, &d);
	}
	mutex_unlock(&os->map_mu);
	if (!oi)
		return false;
	ovl_clear_tree(oi);
	ovl_drop(&d);
	inode_put(&oi->vfs);
	return true;
}

static void ovl_free(struct super *sb)
{
	struct ovl_super *os = container_of(sb, struct ovl_super, sb);

	while (unpin_one(os))
		;
	if (os->root) {
		ovl_clear_tree(os->root);
		inode_put(&os->root->vfs);
	}
	super_put(os->lower);
	super_put(os->upper);
	pthread_mutex_destroy(&os->map_mu.raw);
	free(os);
}

static const struct super_ops ovl_super_ops = {
	.name = "overlay",
	.statfs = ovl_statfs,
	.free = ovl_free,
};

static struct ovl_super *alloc_super(struct super *lower, struct super *upper)
{
	struct ovl_super *os = kzalloc(sizeof(*os));
	unsigned int i;

	if (!os)
		return NULL;
	super_init(&os->sb, &ovl_super_ops);
	mutex_init(&os->map_mu, LOCK_DCACHE);
	list_init(&os->pins);
	for (i = 0; i < OVL_LINK_BUCKETS; i++)
		list_init(&os->links[i]);
	os->next_ino = 1ull << 48;
	os->lower = lower;
	super_get(lower);
	os->upper = upper;
	super_get(upper);
	return os;
}

static int make_root(struct ovl_super *os)
{
	struct inode *lower = os->lower->root->inode;
	struct ovl_inode *root;
	struct kstatfs fs = { 0 };
	struct kstat st;
	int ret = inode_getattr(lower, &st);

	if (ret == 0)
		ret = os->upper->ops->statfs(os->upper, &fs);
	if (ret < 0)
		return ret;
	os->lower_dev = st.dev;
	os->max_nodes = fs.files;
	inode_get(lower);
	ret = ovl_adopt(os, NULL, "", lower, &st, &root);
	if (ret < 0)
		return ret;
	ret = super_set_root(&os->sb, &root->vfs);
	if (ret < 0) {
		inode_put(&root->vfs);
		return ret;
	}
	inode_get(&root->vfs);
	os->root = root;
	return 0;
}

int overlay_new(struct super *lower, struct super *upper, struct super **out)
{
	struct ovl_super *os = alloc_super(lower, upper);
	int ret;

	if (!os)
		return -ENOMEM;
	ret = make_root(os);
	if (ret < 0) {
		super_put(&os->sb);
		return ret;
	}
	*out = &os->sb;
	return 0;
}
