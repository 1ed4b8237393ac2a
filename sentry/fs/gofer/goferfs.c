/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goferfs: super blocks over the exports of the gofer.
 *
 * Tests: tests/gofer/test_client.c, conformance.
 */
#include "sentry/fs/gofer/goferfs.h"

#include <errno.h>

#include "sentry/host/host.h"
#include "sentry/vfs/dcache.h"

static int op_statfs(struct super *sb, struct kstatfs *out)
{
	struct gofer_super *gs = container_of(sb, struct gofer_super, sb);

	return gofer_statfs(gs->root, out);
}

/* All super blocks, for sync(2). */
static struct mutex g_supers_mu = MUTEX_INIT(LOCK_GOFER);
static struct list g_supers GUARDED_BY(g_supers_mu) = LIST_INIT(g_supers);

#define SYNC_DEVS 8 /* host file systems that one export may span */

/* Files that were opened for writing, one of each host file system, +1. */
static unsigned int pick_written(struct gofer_super *gs,
				 struct gofer_inode *out[SYNC_DEVS])
{
	struct gofer_inode *gi;
	unsigned int nr = 0, i, k;

	mutex_lock(&gs->mu);
	for (i = 0; i < GOFERFS_BUCKETS; i++) {
		for (gi = gs->buckets[i]; gi && nr < SYNC_DEVS; gi = gi->next) {
			for (k = 0; k < nr; k++)
				if (out[k]->st.dev == gi->st.dev)
					break;
			if (k == nr && gi->write_fd >= 0 &&
			    ref_get_unless_zero(&gi->inode.ref))
				out[nr++] = gi;
		}
	}
	mutex_unlock(&gs->mu);
	return nr;
}

/* In this thread, not the gofer's, whom others wait for. */
static int op_sync(struct super *sb)
{
	struct gofer_super *gs = container_of(sb, struct gofer_super, sb);
	struct gofer_inode *written[SYNC_DEVS];
	unsigned int nr = pick_written(gs, written), i;
	int ret = 0, err;

	for (i = 0; i < nr; i++) {
		err = host_syncfs(written[i]->write_fd);
		if (err < 0)
			ret = err;
		inode_put(&written[i]->inode);
	}
	return ret;
}

/* The super block behind @from (NULL: the first) in the list, +1, or NULL. */
static struct gofer_super *next_super(struct gofer_super *from)
{
	struct gofer_super *gs, *found = NULL;
	bool past = from == NULL;

	mutex_lock(&g_supers_mu);
	list_for_each_entry (gs, &g_supers, node) {
		if (!past) {
			past = gs == from;
		} else if (ref_get_unless_zero(&gs->sb.ref)) {
			found = gs;
			break;
		}
	}
	mutex_unlock(&g_supers_mu);
	return found;
}

void goferfs_sync_all(void)
{
	struct gofer_super *gs = next_super(NULL), *next;

	while (gs) {
		(void)!op_sync(&gs->sb);
		next = next_super(gs);
		super_put(&gs->sb);
		gs = next;
	}
}

static void op_free(struct super *sb)
{
	struct gofer_super *gs = container_of(sb, struct gofer_super, sb);

	mutex_lock(&g_supers_mu);
	list_del(&gs->node);
	mutex_unlock(&g_supers_mu);

	goferfs_prefetch_fini(gs);
	pthread_mutex_destroy(&gs->mu.raw);
	free(gs);
}

static const struct super_ops goferfs_super_ops = {
	.name = "gofer",
	.statfs = op_statfs,
	.sync = op_sync,
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
 * A handle costs a descriptor of the gofer and, once opened, one or two of
 * ours: both processes have the same limit.
 */
static bool too_many_handles(void)
{
	return gofer_nr_handles() > gofer_max_handles() / 3;
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
	list_init(&gs->node);
	list_init(&gs->listings);
	mutex_init(&gs->mu, LOCK_GOFER);
	dcache_set_pressure(too_many_handles);
	gofer_identity(&gs->gofer_uid, &gid);
	ret = make_root(gs, export_id);
	if (ret < 0) {
		super_put(&gs->sb);
		return ret;
	}
	mutex_lock(&g_supers_mu);
	list_append(&g_supers, &gs->node);
	mutex_unlock(&g_supers_mu);
	*out = &gs->sb;
	return 0;
}
