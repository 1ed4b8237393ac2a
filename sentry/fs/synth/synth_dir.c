/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synth_dir: reading directories of synthetic file systems.
 *
 * Positions: 0 ".", 1 "..", 2.. the fixed entries, then 2 + nr_fixed + key for
 * the dynamic ones; so a position stays right while entries come and go.
 * Locks: none.
 * Tests: tests/unit/test_synth.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/fs/synth/synth.h"

static uint8_t type_of(uint32_t mode)
{
	return (uint8_t)((mode & S_IFMT) >> 12); /* DT_* are S_IF* >> 12 */
}

static const struct synth_fs *fs_of(const struct super *sb)
{
	return sb->priv;
}

static bool emit_dots(struct synth_inode *si, struct dir_sink *sink,
		      int64_t *pos)
{
	if (*pos == 0) {
		if (!sink->emit(sink, ".", 1, si->inode.ino, type_of(S_IFDIR),
				1))
			return false;
		*pos = 1;
	}
	if (*pos == 1) {
		if (!sink->emit(sink, "..", 2, si->parent_ino, type_of(S_IFDIR),
				2))
			return false;
		*pos = 2;
	}
	return true;
}

static bool emit_fixed(struct synth_inode *si, struct dir_sink *sink,
		       int64_t nr, int64_t *pos)
{
	while (*pos < 2 + nr) {
		struct synth_found found = {
			.entry = &si->entry->children[*pos - 2],
			.ctx = si->ctx,
		};
		const char *name = found.entry->name;

		if (!sink->emit(sink, name, strlen(name),
				synth_ino(si->inode.ino, &found),
				type_of(found.entry->mode), *pos + 1))
			return false;
		(*pos)++;
	}
	return true;
}

static void emit_dynamic(struct synth_inode *si, struct dir_sink *sink,
			 int64_t base, int64_t *pos)
{
	const struct synth_dir_ops *dyn = si->entry->dynamic;
	const struct synth_fs *fs = fs_of(si->inode.sb);
	uint64_t key = (uint64_t)(*pos - base);
	struct synth_found found = { 0 };
	char name[SYNTH_NAME_SIZE];

	while (dyn->next(&si->ctx, &key, name, &found) == 0) {
		uint64_t ino = synth_ino(si->inode.ino, &found);
		bool more;

		if (found.ctx.obj)
			fs->obj_put(found.ctx.obj);
		more = sink->emit(sink, name, strlen(name), ino,
				  type_of(found.entry->mode),
				  base + (int64_t)key + 1);
		if (!more)
			return;
		key++;
		*pos = base + (int64_t)key;
		found = (struct synth_found){ 0 };
	}
}

static int dir_iterate(struct file *f, struct dir_sink *sink, int64_t *pos)
{
	struct synth_inode *si =
		container_of(f->inode, struct synth_inode, inode);
	const struct synth_fs *fs = fs_of(si->inode.sb);
	const struct synth_entry *e = si->entry->children;
	int64_t nr = 0;

	if (fs->alive) {
		int ret = fs->alive(&si->ctx);

		if (ret < 0)
			return -ENOENT;
	}
	for (; e && e->name; e++)
		nr++;
	if (*pos < 0)
		return -EINVAL;
	if (emit_dots(si, sink, pos) && emit_fixed(si, sink, nr, pos) &&
	    si->entry->dynamic)
		emit_dynamic(si, sink, 2 + nr, pos);
	return 0;
}

static int64_t dir_llseek(struct file *f, int64_t off, int whence)
{
	if (whence == SEEK_CUR && add_overflows(off, f->pos, &off))
		return -EINVAL;
	if ((whence != SEEK_SET && whence != SEEK_CUR) || off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

static long dir_read(struct file *f, struct uio *u, int64_t *pos)
{
	(void)f, (void)u, (void)pos;
	return -EISDIR;
}

const struct file_ops synth_dir_fops = {
	.name = "synth-dir",
	.read = dir_read,
	.llseek = dir_llseek,
	.iterate = dir_iterate,
};
