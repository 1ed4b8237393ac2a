/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay_readdir: reading merged directories of an overlay of directories.
 *
 * A reading works on a snapshot of the names, taken at its start and at each
 * return to position 0; so offsets stay what they were while entries come and
 * go, and each name is given once.  Positions: 0 ".", 1 "..", 2 + index.
 *
 * Locks: pos_mu of the file covers its snapshot.
 * Tests: tests/conformance/overlay_mount.c
 */
#include <errno.h>
#include <string.h>

#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/overlay/lay.h"
#include "sentry/lib/hash.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/namei.h"

/* One name of a snapshot; followed by its bytes and a NUL. */
struct record {
	uint64_t ino;
	uint16_t len;
	uint8_t type;
	bool hidden; /* a whiteout, or an entry that is not shown */
};

struct snapshot {
	struct seq_buf text; /* records, unaligned */
	size_t *at;	     /* where each begins */
	size_t nr, cap;
	uint32_t *slots; /* hash of names: index + 1; a power of two */
	size_t nr_slots;
	bool valid;
};

static void snapshot_fini(struct snapshot *s)
{
	seq_fini(&s->text);
	free(s->at);
	free(s->slots);
	*s = (struct snapshot){ 0 };
}

static const char *record_at(const struct snapshot *s, size_t i,
			     struct record *r)
{
	const char *at = s->text.data + s->at[i];

	memcpy(r, at, sizeof(*r));
	return at + sizeof(*r);
}

/* The slot of a name: where it is, or the empty one where it would be. */
static uint32_t *slot_of(const struct snapshot *s, const char *name, size_t len)
{
	size_t i = hash_bytes(name, len) & (s->nr_slots - 1);
	struct record r;

	for (;; i = (i + 1) & (s->nr_slots - 1)) {
		const char *have;

		if (!s->slots[i])
			return &s->slots[i];
		have = record_at(s, s->slots[i] - 1, &r);
		if (r.len == len && memcmp(have, name, len) == 0)
			return &s->slots[i];
	}
}

static bool snapshot_grow(struct snapshot *s)
{
	size_t cap = s->cap ? s->cap * 2 : 64, i;
	size_t *at = realloc(s->at, cap * sizeof(*at));
	uint32_t *slots = kzalloc(cap * 2 * sizeof(*slots));

	if (at)
		s->at = at;
	if (!at || !slots) {
		free(slots);
		return false;
	}
	free(s->slots);
	s->slots = slots;
	s->nr_slots = cap * 2;
	s->cap = cap;
	for (i = 0; i < s->nr; i++) {
		struct record r;
		const char *name = record_at(s, i, &r);

		*slot_of(s, name, r.len) = (uint32_t)i + 1;
	}
	return true;
}

/* Adds a name that is not there yet. */
static bool snapshot_add(struct snapshot *s, const char *name, size_t len,
			 const struct record *r)
{
	uint32_t *slot;

	if (s->nr == s->cap && !snapshot_grow(s)) {
		s->text.failed = true;
		return false;
	}
	slot = slot_of(s, name, len);
	if (*slot)
		return true;
	s->at[s->nr] = s->text.len;
	seq_write(&s->text, r, sizeof(*r));
	seq_write(&s->text, name, len);
	seq_write(&s->text, "", 1);
	if (s->text.failed)
		return false;
	*slot = (uint32_t)++s->nr;
	return true;
}

/* --- the layers' names ---------------------------------------------------- */

static bool is_dot(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

int lay_layer_iterate(struct inode *dir, struct dir_sink *sink)
{
	AUTO_PUT(file) struct file *f = NULL;
	int64_t pos = 0, before;
	int ret;

	ret = lay_open_layer(dir, LINUX_O_RDONLY | LINUX_O_DIRECTORY, &f);
	if (ret < 0)
		return ret;
	if (!f->ops->iterate)
		return -ENOTDIR;
	do {
		before = pos;
		ret = f->ops->iterate(f, sink, &pos);
	} while (ret == 0 && pos != before);
	return ret;
}

struct collect {
	struct dir_sink sink;
	struct inode *layer;   /* a directory of a layer */
	struct dentry *dentry; /* the overlay's */
	struct lay_super *ls;
	uint64_t dev;
	bool whiteouts; /* the layer may have some */
	struct snapshot *s;
};

/* The number that stat gives: that of the inode in use, if there is one. */
static uint64_t shown_ino(const struct collect *c, const char *name, size_t len,
			  uint64_t ino)
{
	struct dentry *d = NULL;
	struct inode *inode;

	if (c->dentry)
		d = dcache_lookup(c->dentry, name, len);
	inode = d ? dentry_inode(d) : NULL;
	ino = inode ? inode->ino : lay_fold_ino(c->ls, c->dev, ino);
	if (d)
		dentry_put(d);
	return ino;
}

static bool collect_name(struct dir_sink *sink, const char *name, size_t len,
			 uint64_t ino, uint8_t type, int64_t next_off)
{
	struct collect *c = container_of(sink, struct collect, sink);
	struct record r = { .len = (uint16_t)len, .type = type };

	(void)next_off;
	if (is_dot(name, len) || len > NAME_MAX_LEN)
		return true;
	r.ino = shown_ino(c, name, len, ino);
	/* Whether a device is a whiteout is found out later: a directory that
	 * is being read cannot be searched. */
	r.hidden = c->whiteouts && type == LINUX_DT_CHR;
	return snapshot_add(c->s, name, len, &r);
}

/* Devices of @layer that are no whiteouts are shown after all. */
static int check_whiteouts(struct snapshot *s, size_t from, struct inode *layer)
{
	size_t i;

	for (i = from; i < s->nr; i++) {
		AUTO_PUT(inode) struct inode *found = NULL;
		struct record r;
		const char *name = record_at(s, i, &r);
		int ret;

		if (!r.hidden)
			continue;
		ret = lay_layer_lookup(layer, name, &found);
		if (ret < 0 && ret != -ENOENT)
			return ret;
		r.hidden = ret < 0 || lay_is_whiteout(found);
		memcpy(s->text.data + s->at[i], &r, sizeof(r));
	}
	return 0;
}

static int add_layer(struct snapshot *s, struct inode *layer,
		     struct lay_inode *dir, struct dentry *d)
{
	struct collect c = {
		.sink = { collect_name },
		.layer = layer,
		.dentry = d,
		.ls = lay_super(&dir->vfs),
		.whiteouts = true,
		.s = s,
	};
	size_t from = s->nr;
	struct kstat st;
	int ret = inode_getattr(layer, &st);

	c.dev = st.dev;
	if (ret == 0)
		ret = lay_layer_iterate(layer, &c.sink);
	if (ret == 0 && s->text.failed)
		ret = -ENOMEM;
	return ret < 0 ? ret : check_whiteouts(s, from, layer);
}

static int snapshot_fill(struct snapshot *s, struct lay_inode *dir,
			 struct dentry *d)
{
	struct inode *upper = dir->upper;
	unsigned int i;
	int ret = 0;

	snapshot_fini(s);
	if (upper)
		ret = add_layer(s, upper, dir, d);
	for (i = 0; i < dir->nr_lowers && ret == 0; i++)
		ret = add_layer(s, dir->lowers[i], dir, d);
	if (ret < 0)
		snapshot_fini(s);
	s->valid = ret == 0;
	return ret;
}

static uint64_t parent_ino(struct file *f)
{
	struct dentry *parent = dentry_get_parent(f->path.dentry);
	struct inode *inode = dentry_inode(parent);
	uint64_t ino = inode ? inode->ino : f->inode->ino;

	dentry_put(parent);
	return ino;
}

static int dir_iterate(struct file *f, struct dir_sink *sink, int64_t *pos)
{
	struct snapshot *s = f->priv;
	int ret;

	if (*pos < 0)
		return -EINVAL;
	if (*pos == 0 || !s->valid) {
		ret = snapshot_fill(s, lay_inode(f->inode), f->path.dentry);
		if (ret < 0)
			return ret;
	}
	if (*pos == 0 &&
	    sink->emit(sink, ".", 1, f->inode->ino, LINUX_DT_DIR, 1))
		*pos = 1;
	if (*pos == 1 &&
	    sink->emit(sink, "..", 2, parent_ino(f), LINUX_DT_DIR, 2))
		*pos = 2;
	if (*pos < 2)
		return 0;
	for (; (uint64_t)*pos - 2 < s->nr; ++*pos) {
		struct record r;
		const char *name = record_at(s, (size_t)*pos - 2, &r);

		if (!r.hidden &&
		    !sink->emit(sink, name, r.len, r.ino, r.type, *pos + 1))
			break;
	}
	return 0;
}

static int64_t dir_llseek(struct file *f, int64_t off, int whence)
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

static void dir_release(struct file *f)
{
	if (!f->priv)
		return;
	snapshot_fini(f->priv);
	free(f->priv);
}

static int dir_fsync(struct file *f, bool data_only)
{
	struct inode *upper = lay_inode(f->inode)->upper;
	AUTO_PUT(file) struct file *real = NULL;
	int ret;

	if (!upper)
		return 0;
	ret = lay_open_layer(upper, LINUX_O_RDONLY | LINUX_O_DIRECTORY, &real);
	if (ret == 0 && real->ops->fsync)
		ret = real->ops->fsync(real, data_only);
	return ret;
}

static const struct file_ops lay_dir_fops = {
	.name = "overlay-dir",
	.llseek = dir_llseek,
	.iterate = dir_iterate,
	.fsync = dir_fsync,
	.release = dir_release,
};

int lay_open_dir(struct inode *inode, struct file *f)
{
	struct snapshot *s = kzalloc(sizeof(*s));

	(void)inode;
	if (!s)
		return -ENOMEM;
	f->ops = &lay_dir_fops;
	f->priv = s;
	return 0;
}

int lay_check_empty(struct lay_inode *dir)
{
	struct snapshot s = { 0 };
	int ret = snapshot_fill(&s, dir, NULL);
	size_t i;

	for (i = 0; i < s.nr && ret == 0; i++) {
		struct record r;

		record_at(&s, i, &r);
		if (!r.hidden)
			ret = -ENOTEMPTY;
	}
	snapshot_fini(&s);
	return ret;
}
