/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devpts: /dev/pts.
 *
 * Linux: every mount shows the same terminals (there is one instance).
 * Locks: none of its own but the once of the instance.
 * Tests: tests/conformance/tty.c, ctty.c
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "abi/statfs.h"
#include "sentry/fs/devpts/devpts.h"
#include "sentry/fs/synth/synth.h"
#include "sentry/fs/tty/tty.h"
#include "sentry/vfs/namei.h"

static int node_open(const struct synth_ctx *ctx, struct file *f)
{
	AUTO_PUT(tty) struct tty *t = tty_lookup(ctx->id);

	return t ? tty_open(t, f) : -EIO;
}

static const struct synth_entry node_entry = {
	.name = "pts",
	.mode = S_IFCHR | 0620,
	.open = node_open,
};

static void found_tty(uint32_t index, struct synth_found *out)
{
	*out = (struct synth_found){
		.entry = &node_entry,
		.ctx = { .id = index },
		.rdev = linux_makedev(PTS_MAJOR, index),
	};
}

static int nodes_lookup(const struct synth_ctx *dir, const char *name,
			struct synth_found *out)
{
	AUTO_PUT(tty) struct tty *t = NULL;
	uint32_t index;

	(void)dir;
	if (!synth_parse_u32(name, &index))
		return -ENOENT;
	t = tty_lookup(index);
	if (!t)
		return -ENOENT;
	found_tty(index, out);
	return 0;
}

static int nodes_next(const struct synth_ctx *dir, uint64_t *key, char *name,
		      struct synth_found *out)
{
	AUTO_PUT(tty) struct tty *t = NULL;

	(void)dir;
	if (*key < TTY_MAX)
		t = tty_next((uint32_t)*key);
	if (!t)
		return -ENOENT;
	*key = t->index;
	snprintf(name, SYNTH_NAME_SIZE, "%u", t->index);
	found_tty(t->index, out);
	return 0;
}

static const struct synth_dir_ops nodes = {
	.lookup = nodes_lookup,
	.next = nodes_next,
};

static const struct synth_entry root_children[] = {
	{ .name = "ptmx", .mode = S_IFCHR | 0666, .rdev = 5 << 8 | 2 },
	{ .name = NULL },
};

static const struct synth_entry root_entry = {
	.name = "/",
	.mode = S_IFDIR | 0755,
	.children = root_children,
	.dynamic = &nodes,
};

static void owner(const struct synth_ctx *ctx, const struct synth_entry *entry,
		  uint32_t *uid, uint32_t *gid, uint32_t *mode)
{
	AUTO_PUT(tty) struct tty *t = NULL;

	if (entry != &node_entry)
		return;
	t = tty_lookup(ctx->id);
	if (!t)
		return;
	*uid = t->uid;
	*gid = t->gid;
	*mode = t->mode;
}

/* chmod and chown of a node last as long as the terminal. */
static int node_setattr(const struct synth_ctx *ctx,
			const struct synth_entry *entry,
			const struct iattr *attr)
{
	AUTO_PUT(tty) struct tty *t = NULL;

	if (entry != &node_entry)
		return attr->valid & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM
								       : 0;
	t = tty_lookup(ctx->id);
	if (!t)
		return -EIO;
	if (attr->valid & ATTR_MODE)
		t->mode = S_IFCHR | (attr->mode & 07777);
	if (attr->valid & ATTR_UID)
		t->uid = attr->uid;
	if (attr->valid & ATTR_GID)
		t->gid = attr->gid;
	return 0;
}

static void show_options(struct super *sb, struct seq_buf *out)
{
	(void)sb;
	seq_printf(out, ",gid=5,mode=620,ptmxmode=666");
}

static const struct synth_fs devpts_fs = {
	.super = { .name = "devpts", .show_options = show_options },
	.magic = LINUX_DEVPTS_MAGIC,
	.blksize = 1024,
	.no_dcache = true,
	.root = &root_entry,
	.owner = owner,
	.setattr = node_setattr,
};

static struct super *g_super; /* one reference, for ever */
static pthread_once_t g_once = PTHREAD_ONCE_INIT;

static void start(void)
{
	if (synth_new(&devpts_fs, &g_super) < 0)
		g_super = NULL;
}

int devpts_new(struct super **out)
{
	pthread_once(&g_once, start);
	if (!g_super)
		return -ENOMEM;
	super_get(g_super);
	*out = g_super;
	return 0;
}

int devpts_file_new(struct tty *t, uint32_t flags, struct file **out)
{
	AUTO_PUT(inode) struct inode *inode = NULL;
	AUTO_PUT(super) struct super *sb = NULL;
	AUTO_PUT(file) struct file *f = NULL;
	struct synth_found found;
	char name[32];
	int ret = devpts_new(&sb);

	if (ret < 0)
		return ret;
	found_tty(t->index, &found);
	ret = synth_inode_new(sb, &found, synth_ino(1, &found), 1, &inode);
	if (ret < 0)
		return ret;
	snprintf(name, sizeof(name), "/dev/pts/%u", t->index);
	ret = file_new_pseudo(sb, inode, name, flags, &f);
	if (ret == 0)
		ret = tty_open(t, f);
	if (ret < 0)
		return ret;
	f->flags &= ~(LINUX_O_NOCTTY | LINUX_O_CLOEXEC);
	*out = take(f);
	return 0;
}
