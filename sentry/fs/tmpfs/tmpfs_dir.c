/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmpfs_dir: directories of tmpfs.
 *
 * Two trees over the same entries: by name for lookups, by cookie for getdents.
 * A cookie is given once and never again, so that a reader sees each entry that
 * stays exactly once, whatever is created or removed meanwhile.
 *
 * Invariant: an entry owns a reference on its node; nlink counts entries (and
 *	      for directories "." and the ".." of children).
 * Locks:     dir_mu of the directory (held by the VFS around inode ops).
 * Tests:     tests/unit/test_tmpfs.c
 */
#include <errno.h>
#include <string.h>

#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/tmpfs/tmpfs.h"

/* Positions 0 and 1 are "." and "..". */
#define FIRST_COOKIE 2

struct name_key {
	const char *name;
	size_t len;
};

static int names_cmp(const struct tentry *a, const struct tentry *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->name, b->name, a->len);
}

static int cookies_cmp(const struct tentry *a, const struct tentry *b)
{
	return a->cookie < b->cookie ? -1 : a->cookie > b->cookie;
}

TREE_GENERATE(tentry_names, tentry, by_name, names_cmp)
TREE_GENERATE(tentry_cookies, tentry, by_cookie, cookies_cmp)

void tdir_init(struct tdir *d, uint64_t parent_ino)
{
	RB_INIT(&d->names);
	RB_INIT(&d->cookies);
	d->next_cookie = FIRST_COOKIE;
	d->parent_ino = parent_ino;
}

static struct tdir *tdir_of(struct inode *inode)
{
	return &tnode_of(inode)->dir;
}

static struct tentry *tentry_find(struct tdir *d, const char *name)
{
	size_t len = strlen(name);
	struct tentry *e = RB_ROOT(&d->names);
	int c;

	while (e) {
		c = len != e->len ? (len < e->len ? -1 : 1)
				  : memcmp(name, e->name, len);
		if (c == 0)
			return e;
		e = c < 0 ? RB_LEFT(e, by_name) : RB_RIGHT(e, by_name);
	}
	return NULL;
}

static struct tentry *tentry_alloc(const char *name)
{
	size_t len = strlen(name);
	struct tentry *e = kzalloc(sizeof(*e) + len + 1);

	if (!e)
		return NULL;
	e->len = (uint16_t)len;
	memcpy(e->name, name, len + 1);
	list_init(&e->work);
	return e;
}

/* The reference of @n goes to the entry. */
static void tentry_insert(struct tdir *d, struct tentry *e, struct tnode *n)
{
	e->node = n;
	e->cookie = d->next_cookie++;
	RB_INSERT(tentry_names, &d->names, e);
	RB_INSERT(tentry_cookies, &d->cookies, e);
}

static void tentry_remove(struct tdir *d, struct tentry *e)
{
	RB_REMOVE(tentry_names, &d->names, e);
	RB_REMOVE(tentry_cookies, &d->cookies, e);
}

static bool is_dir(const struct tnode *n)
{
	return inode_is(&n->i, LINUX_S_IFDIR);
}

static void take_entries(struct tdir *d, struct list *work)
{
	struct tentry *e;

	while ((e = RB_MIN(tentry_cookies, &d->cookies)) != NULL) {
		tentry_remove(d, e);
		list_append(work, &e->work);
	}
}

/* A guest chooses the depth: no recursion. */
void tdir_free_all(struct tdir *d)
{
	struct list work;
	struct tentry *e;

	list_init(&work);
	take_entries(d, &work);
	while ((e = list_first(&work, struct tentry, work)) != NULL) {
		list_del(&e->work);
		if (is_dir(e->node) && ref_read(&e->node->i.ref) == 1)
			take_entries(&e->node->dir, &work);
		inode_put(&e->node->i);
		free(e);
	}
}

/* --- inode operations ----------------------------------------------------- */

static int tmpfs_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct tentry *e = tentry_find(tdir_of(dir), name);

	if (!e)
		return -ENOENT;
	inode_get(&e->node->i);
	*out = &e->node->i;
	return 0;
}

/* A new node of any type under @name; *out is +1. */
static int make(struct inode *dir, const char *name, uint32_t mode,
		uint64_t rdev, uint32_t uid, uint32_t gid, const char *link,
		struct inode **out)
{
	struct tnode *p = tnode_of(dir), *n;
	AUTO_FREE struct tentry *e = tentry_alloc(name);
	int ret;

	if (!e)
		return -ENOMEM;
	if (tentry_find(&p->dir, name))
		return -EEXIST;
	ret = tnode_new(tmpfs_of(p), mode, rdev, uid, gid, &n);
	if (ret < 0)
		return ret;
	if (link) {
		n->link = kstrdup(link);
		if (!n->link) {
			inode_put(&n->i);
			return -ENOMEM;
		}
		n->i.size = strlen(link);
	}
	if (is_dir(n)) {
		n->dir.parent_ino = p->i.ino;
		dir->nlink++;
	}
	tentry_insert(&p->dir, take(e), n);
	tnode_changed(p, true);
	inode_get(&n->i);
	*out = &n->i;
	return 0;
}

static int tmpfs_create(struct inode *dir, const char *name, uint32_t mode,
			uint32_t uid, uint32_t gid, struct inode **out)
{
	mode = (mode & LINUX_S_IALLUGO) | LINUX_S_IFREG;
	return make(dir, name, mode, 0, uid, gid, NULL, out);
}

static int tmpfs_mkdir(struct inode *dir, const char *name, uint32_t mode,
		       uint32_t uid, uint32_t gid, struct inode **out)
{
	mode = (mode & LINUX_S_IALLUGO) | LINUX_S_IFDIR;
	return make(dir, name, mode, 0, uid, gid, NULL, out);
}

static int tmpfs_mknod(struct inode *dir, const char *name, uint32_t mode,
		       uint64_t rdev, uint32_t uid, uint32_t gid,
		       struct inode **out)
{
	return make(dir, name, mode, rdev, uid, gid, NULL, out);
}

static int tmpfs_symlink(struct inode *dir, const char *name,
			 const char *target, uint32_t uid, uint32_t gid,
			 struct inode **out)
{
	return make(dir, name, LINUX_S_IFLNK | 0777, 0, uid, gid, target, out);
}

static int tmpfs_link(struct inode *dir, const char *name, struct inode *target)
{
	struct tnode *p = tnode_of(dir);
	struct tentry *e = tentry_alloc(name);

	if (!e)
		return -ENOMEM;
	if (tentry_find(&p->dir, name)) {
		free(e);
		return -EEXIST;
	}
	target->nlink++;
	inode_get(target);
	tentry_insert(&p->dir, e, tnode_of(target));
	tnode_changed(tnode_of(target), false);
	tnode_changed(p, true);
	return 0;
}

static void drop_entry(struct tnode *p, struct tentry *e)
{
	tentry_remove(&p->dir, e);
	tnode_changed(e->node, false);
	inode_put(&e->node->i);
	free(e);
	tnode_changed(p, true);
}

static int tmpfs_unlink(struct inode *dir, const char *name,
			struct inode *child)
{
	struct tentry *e = tentry_find(tdir_of(dir), name);

	if (!e || &e->node->i != child)
		return -ENOENT;
	child->nlink--;
	drop_entry(tnode_of(dir), e);
	return 0;
}

static int tmpfs_rmdir(struct inode *dir, const char *name, struct inode *child)
{
	struct tentry *e = tentry_find(tdir_of(dir), name);

	if (!e || &e->node->i != child)
		return -ENOENT;
	if (!RB_EMPTY(&e->node->dir.names))
		return -ENOTEMPTY;
	child->nlink = 0;
	dir->nlink--;
	drop_entry(tnode_of(dir), e);
	return 0;
}

static int tmpfs_tmpfile(struct inode *dir, uint32_t mode, uint32_t uid,
			 uint32_t gid, struct inode **out)
{
	struct tnode *n;
	int ret;

	ret = tnode_new(tmpfs_of(tnode_of(dir)), mode, 0, uid, gid, &n);
	if (ret < 0)
		return ret;
	n->i.nlink = 0;
	*out = &n->i;
	return 0;
}

/* --- rename --------------------------------------------------------------- */

/* A directory that changes its parent takes its ".." along. */
static void reparent(struct tnode *n, struct tnode *from, struct tnode *to)
{
	if (!is_dir(n) || from == to)
		return;
	from->i.nlink--;
	to->i.nlink++;
	n->dir.parent_ino = to->i.ino;
}

static void exchange(struct tnode *od, struct tentry *a, struct tnode *nd,
		     struct tentry *b)
{
	struct tnode *an = a->node;

	a->node = b->node;
	b->node = an;
	reparent(b->node, od, nd);
	reparent(a->node, nd, od);
	tnode_changed(a->node, false);
	tnode_changed(b->node, false);
	tnode_changed(od, true);
	tnode_changed(nd, true);
}

/* The victim of a rename: checked here, removed by the caller. */
static int check_victim(const struct tnode *moved, const struct tnode *victim)
{
	if (is_dir(moved) && !is_dir(victim))
		return -ENOTDIR;
	if (!is_dir(moved) && is_dir(victim))
		return -EISDIR;
	if (is_dir(victim) && !RB_EMPTY(&victim->dir.names))
		return -ENOTEMPTY;
	return 0;
}

static void remove_victim(struct tnode *dir, struct tentry *e)
{
	if (is_dir(e->node)) {
		e->node->i.nlink = 0;
		dir->i.nlink--;
	} else {
		e->node->i.nlink--;
	}
	drop_entry(dir, e);
}

static int tmpfs_rename(struct inode *old_dir, const char *old_name,
			struct inode *child, struct inode *new_dir,
			const char *new_name, struct inode *target,
			uint32_t flags)
{
	struct tnode *od = tnode_of(old_dir), *nd = tnode_of(new_dir);
	struct tentry *e = tentry_find(&od->dir, old_name);
	struct tentry *v = tentry_find(&nd->dir, new_name);
	AUTO_FREE struct tentry *fresh = NULL;
	struct tnode *n = tnode_of(child);
	struct inode *white = NULL;
	int ret = 0;

	if (!e || e->node != n || (target && (!v || &v->node->i != target)))
		return -ENOENT;
	if (flags & LINUX_RENAME_EXCHANGE) {
		if (!v)
			return -ENOENT;
		exchange(od, e, nd, v);
		return 0;
	}
	if (v && (flags & LINUX_RENAME_NOREPLACE))
		return -EEXIST;
	fresh = tentry_alloc(new_name);
	if (!fresh)
		return -ENOMEM;
	if (v)
		ret = check_victim(n, v->node);
	if (ret < 0)
		return ret;
	tentry_remove(&od->dir, e);
	if (flags & LINUX_RENAME_WHITEOUT)
		ret = make(old_dir, old_name, LINUX_S_IFCHR, 0, n->i.uid,
			   n->i.gid, NULL, &white);
	if (ret < 0) { /* as it was, its cookie too */
		RB_INSERT(tentry_names, &od->dir.names, e);
		RB_INSERT(tentry_cookies, &od->dir.cookies, e);
		return ret;
	}
	if (white)
		inode_put(white);
	if (v)
		remove_victim(nd, v);
	tentry_insert(&nd->dir, take(fresh), n);
	reparent(n, od, nd);
	free(e);
	tnode_changed(n, false);
	tnode_changed(od, true);
	tnode_changed(nd, true);
	return 0;
}

/* --- reading -------------------------------------------------------------- */

static const uint8_t dt_of_type[16] = {
	[1] = LINUX_DT_FIFO, [2] = LINUX_DT_CHR, [4] = LINUX_DT_DIR,
	[6] = LINUX_DT_BLK,  [8] = LINUX_DT_REG, [10] = LINUX_DT_LNK,
	[12] = LINUX_DT_SOCK
};

static int iterate_locked(struct tnode *n, struct dir_sink *s, int64_t *pos)
{
	struct tentry key, *e;

	if (*pos == 0) {
		if (!s->emit(s, ".", 1, n->i.ino, LINUX_DT_DIR, 1))
			return 0;
		*pos = 1;
	}
	if (*pos == 1) {
		if (!s->emit(s, "..", 2, n->dir.parent_ino, LINUX_DT_DIR, 2))
			return 0;
		*pos = FIRST_COOKIE;
	}
	key.cookie = *pos;
	for (e = RB_NFIND(tentry_cookies, &n->dir.cookies, &key); e;
	     e = RB_NEXT(tentry_cookies, &n->dir.cookies, e)) {
		if (!s->emit(s, e->name, e->len, e->node->i.ino,
			     dt_of_type[e->node->i.mode >> 12 & 15],
			     e->cookie + 1))
			return 0;
		*pos = e->cookie + 1;
	}
	return 0;
}

static int tmpfs_iterate(struct file *f, struct dir_sink *s, int64_t *pos)
{
	struct tnode *n = f->priv;
	int ret;

	if (*pos < 0)
		return -EINVAL;
	mutex_lock_nested(&n->i.dir_mu); /* below an overlay's */
	if (n->i.nlink == 0) {
		mutex_unlock(&n->i.dir_mu);
		return -ENOENT;
	}
	ret = iterate_locked(n, s, pos);
	mutex_unlock(&n->i.dir_mu);
	file_touch_atime(f);
	return ret;
}

static int64_t tmpfs_dir_llseek(struct file *f, int64_t off, int whence)
{
	if (whence == LINUX_SEEK_CUR) {
		if (add_overflows(off, f->pos, &off))
			return -EINVAL;
	} else if (whence != LINUX_SEEK_SET) {
		return -EINVAL;
	}
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

static void tmpfs_dir_release(struct file *f)
{
	struct tnode *n = f->priv;

	inode_put(&n->i);
}

const struct file_ops tmpfs_dir_file_ops = {
	.name = "tmpfs directory",
	.llseek = tmpfs_dir_llseek,
	.iterate = tmpfs_iterate,
	.release = tmpfs_dir_release,
};

const struct inode_ops tmpfs_dir_inode_ops = {
	.lookup = tmpfs_lookup,
	.create = tmpfs_create,
	.mkdir = tmpfs_mkdir,
	.mknod = tmpfs_mknod,
	.symlink = tmpfs_symlink,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rmdir = tmpfs_rmdir,
	.rename = tmpfs_rename,
	.tmpfile = tmpfs_tmpfile,
	.getattr = tmpfs_getattr,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
	.open = tmpfs_open,
	.evict = tmpfs_evict,
};
