/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay_super: mounting an overlay of directories.
 *
 * Tests: tests/conformance/overlay_mount.c
 */
#include <errno.h>
#include <string.h>

#include "abi/stat.h"
#include "sentry/fs/overlay/lay.h"
#include "sentry/vfs/namei.h"

#define LINUX_OVERLAYFS_MAGIC 0x794c7630

/* The layer that writes go to tells how much room there is. */
static int op_statfs(struct super *sb, struct kstatfs *out)
{
	struct lay_super *ls = container_of(sb, struct lay_super, sb);
	struct inode *in = ls->upper ? ls->upper : ls->lowers[0];
	int ret = in->sb->ops->statfs ? in->sb->ops->statfs(in->sb, out) : 0;

	out->type = LINUX_OVERLAYFS_MAGIC;
	return ret;
}

static void op_free(struct super *sb)
{
	struct lay_super *ls = container_of(sb, struct lay_super, sb);
	unsigned int i;

	if (ls->upper)
		inode_put(ls->upper);
	if (ls->work)
		inode_put(ls->work);
	for (i = 0; i < ls->nr_lowers; i++)
		inode_put(ls->lowers[i]);
	for (i = 0; i < ls->nr_layers; i++)
		super_put(ls->layers[i]);
	pthread_mutex_destroy(&ls->upper_mu.raw);
	pthread_mutex_destroy(&ls->table_mu.raw);
	free(ls);
}

static const struct super_ops lay_super_ops = {
	.name = "overlay",
	.statfs = op_statfs,
	.free = op_free,
};

static bool is_dir(const struct inode *inode)
{
	return inode_is(inode, LINUX_S_IFDIR);
}

static bool layers_fit(const struct overlay_layers *l)
{
	unsigned int i;

	if (l->nr_lowers == 0 || l->nr_lowers > OVERLAY_MAX_LAYERS - 1 ||
	    !l->upper != !l->work)
		return false;
	for (i = 0; i < l->nr_lowers; i++)
		if (!is_dir(l->lowers[i]))
			return false;
	return !l->upper ||
	       (is_dir(l->upper) && is_dir(l->work) &&
		l->upper->sb == l->work->sb && l->upper != l->work);
}

static void add_layer(struct lay_super *ls, struct inode *root)
{
	super_get(root->sb);
	ls->layers[ls->nr_layers++] = root->sb;
	inode_get(root);
}

static struct lay_super *alloc_super(const struct overlay_layers *l)
{
	struct lay_super *ls = kzalloc(sizeof(*ls));
	unsigned int i;

	if (!ls)
		return NULL;
	super_init(&ls->sb, &lay_super_ops);
	mutex_init(&ls->upper_mu, LOCK_INODE_DIR);
	mutex_init(&ls->table_mu, LOCK_DCACHE);
	for (i = 0; i < LAY_BUCKETS; i++)
		list_init(&ls->table[i]);
	for (i = 0; i < l->nr_lowers; i++) {
		add_layer(ls, l->lowers[i]);
		ls->lowers[ls->nr_lowers++] = l->lowers[i];
	}
	if (l->upper) {
		add_layer(ls, l->upper);
		ls->upper = l->upper;
		l->upper->sb->is_upper = true;
		inode_get(l->work);
		ls->work = l->work;
	}
	ls->userxattr = l->userxattr;
	ls->owner_marks = l->owner_marks;
	return ls;
}

static int prepare_work(struct lay_super *ls)
{
	struct kstat st;
	int ret = inode_getattr(ls->work, &st);

	if (ret < 0)
		return ret;
	ls->own_uid = st.uid;
	ls->own_gid = st.gid;
	return lay_clean_work(ls);
}

static int make_root(struct lay_super *ls)
{
	struct lay_inode *root = NULL;
	struct kstat st;
	unsigned int i;
	int ret = inode_getattr(ls->lowers[0], &st);

	if (ret < 0)
		return ret;
	ls->first_dev = st.dev;
	if (ls->upper)
		ret = prepare_work(ls);
	if (ret < 0)
		return ret;
	if (ls->upper)
		inode_get(ls->upper);
	for (i = 0; i < ls->nr_lowers; i++)
		inode_get(ls->lowers[i]);
	ret = lay_inode_new(ls, ls->upper, ls->lowers, ls->nr_lowers, NULL,
			    NULL, &root);
	if (ret < 0)
		return ret;
	ret = super_set_root(&ls->sb, &root->vfs);
	if (ret < 0)
		inode_put(&root->vfs);
	return ret;
}

int overlay_stack(const struct overlay_layers *layers, struct super **out)
{
	struct lay_super *ls;
	int ret;

	if (!layers_fit(layers))
		return -EINVAL;
	ls = alloc_super(layers);
	if (!ls)
		return -ENOMEM;
	ret = make_root(ls);
	if (ret < 0) {
		super_put(&ls->sb);
		return ret;
	}
	*out = &ls->sb;
	return 0;
}
