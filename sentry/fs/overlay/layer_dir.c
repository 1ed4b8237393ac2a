/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_dir: reading merged directories.
 *
 * A reading works on a snapshot of the names, taken at its start and at each
 * return to position 0; so offsets stay what they were while entries come and
 * go, and each name is given once.  Positions: 0 ".", 1 "..", 2 + index.
 *
 * Invariant: a snapshot does not change once a file has it.
 * Locks:     pos_mu of the file covers which snapshot it has.
 * Tests:     tests/unit/test_overlay.c, tests/conformance/overlay_mount.c
 */
#include <errno.h>
#include <string.h>

#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "sentry/fs/overlay/layer.h"
#include "sentry/vfs/dcache.h"

struct reader {
	struct merged *names; /* a reference; NULL: none yet */
	int (*fill)(struct file *f, struct merged **out);
};

struct merged *merged_new(void)
{
	struct merged *m = kzalloc(sizeof(*m));

	if (m) {
		ref_init(&m->ref);
		m->names.record_size = sizeof(struct merged_record);
	}
	return m;
}

void merged_put(struct merged *m)
{
	if (!ref_put(&m->ref))
		return;
	name_set_fini(&m->names);
	free(m);
}

bool merged_add(struct merged *m, const char *name, size_t len,
		const struct merged_record *r)
{
	return name_set_add(&m->names, name, len, r);
}

bool merged_empty(const struct merged *m)
{
	struct merged_record r;
	size_t i;

	for (i = 0; i < m->names.nr; i++) {
		name_set_get(&m->names, i, &r);
		if (!r.hidden)
			return false;
	}
	return true;
}

int merged_open(struct file *f, const struct file_ops *ops,
		int (*fill)(struct file *f, struct merged **out))
{
	struct reader *r = kzalloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->fill = fill;
	f->ops = ops;
	f->priv = r;
	return 0;
}

static int take_snapshot(struct file *f, struct reader *r)
{
	struct merged *fresh;
	int ret = r->fill(f, &fresh);

	if (ret < 0)
		return ret;
	if (r->names)
		merged_put(r->names);
	r->names = fresh;
	return 0;
}

static uint64_t parent_ino(struct file *f)
{
	struct dentry *parent = dentry_get_parent(f->path.dentry);
	struct inode *inode = dentry_inode(parent);
	uint64_t ino = inode ? inode->ino : f->inode->ino;

	dentry_put(parent);
	return ino;
}

static void emit_names(const struct name_set *s, struct dir_sink *sink,
		       int64_t *pos)
{
	for (; (uint64_t)*pos - 2 < s->nr; ++*pos) {
		struct merged_record r;
		const char *name = name_set_get(s, (size_t)*pos - 2, &r);

		if (!r.hidden && !sink->emit(sink, name, strlen(name), r.ino,
					     r.type, *pos + 1))
			break;
	}
}

int merged_iterate(struct file *f, struct dir_sink *sink, int64_t *pos)
{
	struct reader *r = f->priv;
	int ret;

	if (*pos < 0)
		return -EINVAL;
	if (*pos == 0 || !r->names) {
		ret = take_snapshot(f, r);
		if (ret < 0)
			return ret;
	}
	if (*pos == 0 &&
	    sink->emit(sink, ".", 1, f->inode->ino, LINUX_DT_DIR, 1))
		*pos = 1;
	if (*pos == 1 &&
	    sink->emit(sink, "..", 2, parent_ino(f), LINUX_DT_DIR, 2))
		*pos = 2;
	if (*pos >= 2)
		emit_names(&r->names->names, sink, pos);
	return 0;
}

int64_t merged_llseek(struct file *f, int64_t off, int whence)
{
	int64_t to = off;

	if (whence == LINUX_SEEK_CUR && add_overflows(f->pos, off, &to))
		return -EOVERFLOW;
	if (whence != LINUX_SEEK_CUR && whence != LINUX_SEEK_SET)
		return -EINVAL;
	if (to < 0)
		return -EINVAL;
	f->pos = to;
	return to;
}

void merged_release(struct file *f)
{
	struct reader *r = f->priv;

	if (!r)
		return;
	if (r->names)
		merged_put(r->names);
	free(r);
}
