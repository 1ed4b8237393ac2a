/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl_readdir: what a directory of the overlay shows.
 *
 * The snapshots of the directories that were read last are kept for the next
 * reader, until a name changes: the lower directory never does.
 *
 * Locks: map_mu for the snapshots that are kept.
 * Tests: tests/unit/test_overlay.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "sentry/fs/overlay/ovl.h"

#define KEEP_MAX (1u << 20) /* bytes of a snapshot that is kept */

/* --- snapshots that are kept ---------------------------------------------- */

static uint32_t version_of(const struct ovl_inode *dir)
{
	struct ovl_state *st = dir->state;

	return st ? st->version : 0;
}

/* The snapshot of @dir as it is now: +1 or NULL. */
static struct merged *recall(struct ovl_inode *dir)
{
	struct ovl_super *os = ovl_super(&dir->vfs);
	struct merged *found = NULL;
	unsigned int i;

	mutex_lock(&os->map_mu);
	for (i = 0; i < OVL_RECENT; i++) {
		if (os->recent[i].dir == dir &&
		    os->recent[i].version == version_of(dir)) {
			found = os->recent[i].names;
			ref_get(&found->ref);
			break;
		}
	}
	mutex_unlock(&os->map_mu);
	return found;
}

static void keep(struct ovl_inode *dir, uint32_t version, struct merged *m)
{
	struct ovl_super *os = ovl_super(&dir->vfs);
	struct merged *old;
	unsigned int i;

	if (name_set_bytes(&m->names) > KEEP_MAX)
		return;
	ref_get(&m->ref);
	mutex_lock(&os->map_mu);
	i = os->next_recent++ % OVL_RECENT;
	old = os->recent[i].names;
	os->recent[i].dir = dir;
	os->recent[i].version = version;
	os->recent[i].names = m;
	mutex_unlock(&os->map_mu);
	if (old)
		merged_put(old);
}

void ovl_forget_read(struct ovl_inode *dir)
{
	struct ovl_super *os = ovl_super(&dir->vfs);
	struct merged *old[OVL_RECENT];
	unsigned int i, nr = 0;

	mutex_lock(&os->map_mu);
	for (i = 0; i < OVL_RECENT; i++) {
		if (os->recent[i].dir != dir)
			continue;
		old[nr++] = os->recent[i].names;
		os->recent[i].dir = NULL;
		os->recent[i].names = NULL;
	}
	mutex_unlock(&os->map_mu);
	while (nr > 0)
		merged_put(old[--nr]);
}

/* --- the names ------------------------------------------------------------ */

struct collect {
	struct dir_sink sink;
	struct ovl_inode *dir;
	struct merged *m; /* NULL: is there any? */
	bool failed, found;
};

static bool collect_lower(struct dir_sink *sink, const char *name, size_t len,
			  uint64_t ino, uint8_t type, int64_t next_off)
{
	struct collect *c = container_of(sink, struct collect, sink);
	const struct merged_record r = { .ino = ino, .type = type };
	char text[NAME_MAX_LEN + 1];

	(void)next_off;
	if (is_dot_name(name, len) || len > NAME_MAX_LEN)
		return true;
	memcpy(text, name, len);
	text[len] = '\0';
	if (ovl_hides(c->dir, text))
		return true;
	c->found = true;
	if (!c->m)
		return false;
	c->failed = !merged_add(c->m, name, len, &r);
	return !c->failed;
}

/* What was made here. */
static bool collect_strong(void *arg, const struct ovl_entry *e)
{
	const struct merged_record r = {
		.ino = e->inode->vfs.ino,
		.type = (uint8_t)(e->inode->vfs.mode >> 12 & 15),
	};
	struct collect *c = arg;

	c->failed = !merged_add(c->m, e->name, e->len, &r);
	return !c->failed;
}

static int lower_names(struct collect *c)
{
	struct inode *lower;
	int ret = ovl_lower(c->dir, false, &lower);

	if (ret < 0 || !lower)
		return ret;
	return layer_iterate(lower, &c->sink);
}

static int fill(struct file *f, struct merged **out)
{
	struct ovl_inode *dir = ovl_inode(f->inode);
	AUTO_PUT(merged) struct merged *m = recall(dir);
	struct collect c = { { collect_lower }, dir, NULL, false, false };
	uint32_t version = version_of(dir);
	int ret;

	if (m) {
		*out = take(m);
		return 0;
	}
	m = c.m = merged_new();
	if (!m)
		return -ENOMEM;
	ret = lower_names(&c);
	if (ret == 0 && !c.failed)
		ovl_for_each_strong(dir, collect_strong, &c);
	if (ret == 0 && c.failed)
		ret = -ENOMEM;
	if (ret < 0)
		return ret;
	keep(dir, version, m);
	*out = take(m);
	return 0;
}

static const struct file_ops ovl_dir_fops = {
	.name = "overlay-dir",
	.llseek = merged_llseek,
	.iterate = merged_iterate,
	.release = merged_release,
};

int ovl_open_dir(struct inode *inode, struct file *f)
{
	(void)inode;
	return merged_open(f, &ovl_dir_fops, fill);
}

int ovl_check_empty(struct ovl_inode *dir)
{
	struct collect c = { { collect_lower }, dir, NULL, false, false };
	int ret;

	if (ovl_map_in_use(dir))
		return -ENOTEMPTY;
	ret = lower_names(&c);
	return ret < 0 ? ret : c.found ? -ENOTEMPTY : 0;
}
