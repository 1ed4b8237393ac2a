/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goferfs: super blocks over the exports of the gofer.
 *
 * Tests: tests/gofer/test_client.c, conformance.
 */
#include "sentry/fs/gofer/goferfs.h"

#include <errno.h>

#include "sentry/vfs/dcache.h"

#define DCACHE_USUAL 16384u /* what it is without us */

static int op_statfs(struct super *sb, struct kstatfs *out)
{
	struct gofer_super *gs = container_of(sb, struct gofer_super, sb);

	return gofer_statfs(gs->root, out);
}

static void op_free(struct super *sb)
{
	struct gofer_super *gs = container_of(sb, struct gofer_super, sb);

	goferfs_prefetch_fini(gs);
	pthread_mutex_destroy(&gs->mu.raw);
	free(gs);
}

static const struct super_ops goferfs_super_ops = {
	.name = "gofer",
	.statfs = op_statfs,
	.free = op_free,
};

static int make_root(struct gofer_super *gs, uint32_t export_id)
{
	struct gofer_node node;
	struct inode *root;
	int ret = gofer_attach(export_id, &node);

	if (ret < 0)
		return ret;
	gs->root = node.handle;
	ret = goferfs_inode(gs, NULL, &node, &root);
	if (ret < 0)
		return ret;
	ret = super_set_root(&gs->sb, root);
	if (ret < 0)
		inode_put(root);
	return ret;
}

/*
 * A cached name costs a descriptor of the gofer and, once opened, one or two of
 * ours: both processes have the same limit.
 */
static void bound_cache(void)
{
	uint32_t bound = gofer_max_handles() / 3;

	if (bound < DCACHE_USUAL)
		dcache_set_bound(bound);
}

int goferfs_new(uint32_t export_id, bool readonly, bool shared,
		struct super **out)
{
	struct gofer_super *gs = kzalloc(sizeof(*gs));
	uint32_t gid;
	int ret;

	if (!gs)
		return -ENOMEM;
	super_init(&gs->sb, &goferfs_super_ops);
	gs->sb.priv = gs;
	gs->readonly = readonly;
	gs->shared = shared;
	mutex_init(&gs->mu, LOCK_GOFER);
	bound_cache();
	gofer_identity(&gs->gofer_uid, &gid);
	ret = make_root(gs, export_id);
	if (ret < 0) {
		super_put(&gs->sb);
		return ret;
	}
	*out = &gs->sb;
	return 0;
}
