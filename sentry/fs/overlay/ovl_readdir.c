/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl_readdir: reading merged directories.
 *
 * A reading works on a snapshot of the names, taken at its start and at each
 * return to position 0; so offsets stay what they were while entries come and
 * go, and each name is given once.  Positions: 0 ".", 1 "..", 2 + index.
 *
 * Locks: pos_mu of the file covers its snapshot; map_mu while the map is read.
 * Tests: tests/unit/test_overlay.c
 */
#include <errno.h>
#include <string.h>

#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/overlay/ovl.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/namei.h"

/* One name of a snapshot; followed by its bytes and a NUL. */
struct record {
	uint64_t ino;
	uint16_t len;
	uint8_t type;
};

struct snapshot {
	struct seq_buf text; /* records, unaligned */
	size_t *at;	     /* where each begins */
	size_t nr, cap;
	bool valid;
};

static void snapshot_fini(struct snapshot *s)
{
	seq_fini(&s->text);
	free(s->at);
	*s = (struct snapshot){ 0 };
}

static bool snapshot_add(struct snapshot *s, const char *name, size_t len,
			 uint64_t ino, uint8_t type)
{
	struct record r = { ino, (uint16_t)len, type };
	size_t *at;

	if (s->nr == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;

		at = realloc(s->at, cap * sizeof(*at));
		if (!at) {
			s->text.failed = true;
			return false;
		}
		s->at = at;
		s->cap = cap;
	}
	s->at[s->nr++] = s->text.len;
	seq_write(&s->text, &r, sizeof(r));
	seq_write(&s->text, name, len);
	seq_write(&s->text, "", 1);
	return !s->text.failed;
}

/* --- the lower names ------------------------------------------------------ */

static bool is_dot(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

int ovl_lower_iterate(struct ovl_inode *dir, struct dir_sink *sink)
{
	AUTO_PUT(file) struct file *f = NULL;
	int64_t pos = 0, before;
	int ret;

	if (!dir->lower)
		return 0;
	ret = ovl_open_layer(dir->lower, LINUX_O_RDONLY | LINUX_O_DIRECTORY,
			     &f);
	if (ret < 0)
		return ret;
	do {
		before = pos;
		ret = f->ops->iterate(f, sink, &pos);
	} while (ret == 0 && pos != before);
	return ret;
}

struct collect {
	struct dir_sink sink;
	struct ovl_inode *dir;
	struct snapshot *s;
};

static bool collect_lower(struct dir_sink *sink, const char *name, size_t len,
			  uint64_t ino, uint8_t type, int64_t next_off)
{
	struct collect *c = container_of(sink, struct collect, sink);
	char text[NAME_MAX_LEN + 1];

	(void)next_off;
	if (is_dot(name, len) || len > NAME_MAX_LEN)
		return true;
	memcpy(text, name, len);
	text[len] = '\0';
	if (ovl_hides(c->dir, text))
		return true;
	return snapshot_add(c->s, name, len, ino, type);
}

/* --- the snapshot --------------------------------------------------------- */

/* What was made here. */
static bool collect_strong(void *arg, const struct ovl_entry *e)
{
	return snapshot_add(arg, e->name, e->len, e->inode->vfs.ino,
			    (uint8_t)(e->inode->vfs.mode >> 12 & 15));
}

static int snapshot_fill(struct snapshot *s, struct ovl_inode *dir)
{
	struct collect c = { { collect_lower }, dir, s };
	int ret;

	snapshot_fini(s);
	ret = ovl_lower_iterate(dir, &c.sink);
	if (ret == 0)
		ovl_for_each_strong(dir, collect_strong, s);
	if (ret == 0 && s->text.failed)
		ret = -ENOMEM;
	if (ret < 0)
		snapshot_fini(s);
	s->valid = ret == 0;
	return ret;
}

static bool emit_one(const struct snapshot *s, size_t i, struct dir_sink *sink)
{
	const char *at = s->text.data + s->at[i];
	struct record r;

	memcpy(&r, at, sizeof(r));
	return sink->emit(sink, at + sizeof(r), r.len, r.ino, r.type,
			  (int64_t)i + 3);
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
		ret = snapshot_fill(s, ovl_inode(f->inode));
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
	while ((uint64_t)*pos - 2 < s->nr) {
		if (!emit_one(s, (size_t)*pos - 2, sink))
			break;
		++*pos;
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

static const struct file_ops ovl_dir_fops = {
	.name = "overlay-dir",
	.llseek = dir_llseek,
	.iterate = dir_iterate,
	.release = dir_release,
};

int ovl_open_dir(struct inode *inode, struct file *f)
{
	struct snapshot *s = kzalloc(sizeof(*s));

	(void)inode;
	if (!s)
		return -ENOMEM;
	f->ops = &ovl_dir_fops;
	f->priv = s;
	return 0;
}

/* --- is it empty? --------------------------------------------------------- */

struct emptiness {
	struct dir_sink sink;
	struct ovl_inode *dir;
	bool found;
};

static bool find_visible(struct dir_sink *sink, const char *name, size_t len,
			 uint64_t ino, uint8_t type, int64_t next_off)
{
	struct emptiness *e = container_of(sink, struct emptiness, sink);
	char text[NAME_MAX_LEN + 1];

	(void)ino;
	(void)type;
	(void)next_off;
	if (is_dot(name, len) || len > NAME_MAX_LEN)
		return true;
	memcpy(text, name, len);
	text[len] = '\0';
	e->found = !ovl_hides(e->dir, text);
	return !e->found;
}

int ovl_check_empty(struct ovl_inode *dir)
{
	struct emptiness e = { { find_visible }, dir, false };
	int ret;

	if (ovl_map_in_use(dir))
		return -ENOTEMPTY;
	ret = ovl_lower_iterate(dir, &e.sink);
	if (ret < 0)
		return ret;
	return e.found ? -ENOTEMPTY : 0;
}
