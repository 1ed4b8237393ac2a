/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay_dir: operations on the names of an overlay of directories.
 *
 * What a name shows after a crash in the midst of a change is the state before
 * or after it: things are made in work and exchanged with what they replace.
 *
 * Locks: dir_mu of the overlay's directories by the VFS; upper_mu around each
 *	  change, with the look at the upper layer and the new places inside.
 * Tests: tests/conformance/overlay_mount.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/overlay/lay.h"
#include "sentry/vfs/namei.h"

static bool is_dir(const struct inode *inode)
{
	return inode_is(inode, LINUX_S_IFDIR);
}

/* --- looking -------------------------------------------------------------- */

struct found {
	struct inode *upper;
	struct inode *lowers[OVERLAY_MAX_LAYERS];
	unsigned int nr;
};

static void found_put(struct found *f)
{
	if (f->upper)
		inode_put(f->upper);
	while (f->nr > 0)
		inode_put(f->lowers[--f->nr]);
	f->upper = NULL;
}

/* Adds what a lower layer has.  1: look at the next layer, 0: done. */
static int add_lower(struct lay_super *ls, struct found *f, struct inode *in,
		     bool last)
{
	AUTO_FREE char *opaque = NULL;

	if (lay_is_whiteout(in) || (!is_dir(in) && (f->upper || f->nr))) {
		inode_put(in);
		return 0;
	}
	f->lowers[f->nr++] = in;
	if (!is_dir(in) || last)
		return 0;
	opaque = lay_mark_get(ls, in, LAY_OPAQUE);
	return !opaque || strcmp(opaque, "y") != 0;
}

/* The lower inodes of @name in @dir, or of a path in all lower layers. */
static int find_lowers(struct lay_inode *dir, const char *name,
		       const char *redirect, struct found *f)
{
	struct lay_super *ls = lay_super(&dir->vfs);
	unsigned int nr = redirect ? ls->nr_lowers : dir->nr_lowers, i;
	int ret = 1;

	for (i = 0; i < nr && ret > 0; i++) {
		struct inode *in = NULL;

		ret = redirect ? lay_layer_walk(ls->lowers[i], redirect, &in)
			       : layer_lookup(dir->lowers[i], name, &in);
		if (ret == 0)
			ret = add_lower(ls, f, in, i + 1 == nr);
		else if (ret == -ENOENT || ret == -ENOTDIR)
			ret = 1;
	}
	return MIN(ret, 0);
}

/* Both layers; -ENOENT if there is nothing.  *redirect is allocated. */
static int find(struct lay_inode *dir, const char *name, struct found *f,
		char **redirect)
{
	struct lay_super *ls = lay_super(&dir->vfs);
	AUTO_FREE char *opaque = NULL;
	int ret = -ENOENT;

	if (dir->upper)
		ret = layer_lookup(dir->upper, name, &f->upper);
	if (ret < 0 && ret != -ENOENT)
		return ret;
	if (f->upper && lay_is_whiteout(f->upper))
		return -ENOENT;
	if (f->upper && !is_dir(f->upper))
		return 0;
	if (f->upper && ls->nr_lowers) {
		opaque = lay_mark_get(ls, f->upper, LAY_OPAQUE);
		if (opaque && strcmp(opaque, "y") == 0)
			return 0;
		*redirect = lay_mark_get(ls, f->upper, LAY_REDIRECT);
		if (*redirect && **redirect != '/') {
			free(*redirect); /* relative ones are not ours */
			*redirect = NULL;
		}
	}
	ret = find_lowers(dir, name, *redirect, f);
	if (ret == 0 && !f->upper && f->nr == 0)
		ret = -ENOENT;
	return ret;
}

static int op_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct lay_super *ls = lay_super(dir);
	AUTO_FREE char *redirect = NULL;
	struct found f = { 0 };
	struct lay_inode *li = NULL;
	int ret = find(lay_inode(dir), name, &f, &redirect);

	if (ret < 0) {
		found_put(&f);
		return ret;
	}
	ret = lay_inode_new(ls, f.upper, f.lowers, f.nr, lay_inode(dir), name,
			    &li);
	if (ret < 0)
		return ret;
	if (redirect && is_dir(&li->vfs)) {
		mutex_lock(&ls->table_mu);
		if (!li->redirect)
			li->redirect = take(redirect);
		mutex_unlock(&ls->table_mu);
	}
	*out = &li->vfs;
	return 0;
}

static void op_prefetch(struct inode *dir, const char *const *names,
			unsigned int nr, uint32_t how)
{
	struct lay_inode *li = lay_inode(dir);
	struct inode *layer = li->upper;

	if (!layer && li->nr_lowers == 1)
		layer = li->lowers[0];
	if (!layer || !layer->ops->prefetch)
		return;
	mutex_lock_nested(&layer->dir_mu);
	layer->ops->prefetch(layer, names, nr, how);
	mutex_unlock(&layer->dir_mu);
}

/* --- the upper layer's entry ---------------------------------------------- */

/* What the upper layer has at @name: 0, with *out NULL if there is nothing. */
static int upper_entry(struct lay_inode *dir, const char *name,
		       struct inode **out)
{
	int ret = layer_lookup(dir->upper, name, out);

	if (ret == -ENOENT) {
		*out = NULL;
		return 0;
	}
	return ret;
}

/*
 * The upper entry of @child at @name.  Another name of a lower file with
 * several may have been copied up: then this one is linked to the copy.
 */
static int own_entry_locked(struct lay_inode *dir, const char *name,
			    struct lay_inode *child, struct inode **out)
{
	struct inode *up = dir->upper;
	int ret = upper_entry(dir, name, out);

	if (ret < 0 || *out || !child || !child->upper)
		return ret;
	if (!up->ops->link)
		return -EPERM;
	mutex_lock_nested(&up->dir_mu);
	ret = up->ops->link(up, name, child->upper);
	mutex_unlock(&up->dir_mu);
	return ret < 0 ? ret : upper_entry(dir, name, out);
}

/* --- making --------------------------------------------------------------- */

/* A node in place of a whiteout: made in work, then moved. */
static int replace_whiteout_locked(struct lay_inode *dir, const char *name,
				   struct inode *white,
				   const struct lay_node *node,
				   struct inode **out)
{
	struct lay_super *ls = lay_super(&dir->vfs);
	bool directory = (node->mode & LINUX_S_IFMT) == LINUX_S_IFDIR;
	struct inode *made = NULL;
	char temp[LAY_TEMP_SIZE];
	int ret = lay_make_temp_locked(ls, node, temp, &made);

	if (ret < 0)
		return ret;
	if (directory)
		ret = lay_mark_set(ls, made, LAY_OPAQUE, "y");
	if (ret == 0)
		ret = lay_move_locked(ls->work, temp, made, dir->upper, name,
				      white,
				      directory ? LINUX_RENAME_EXCHANGE : 0);
	if (ret < 0) {
		lay_purge_temp_locked(ls, temp, made);
		inode_put(made);
		return ret;
	}
	if (directory)
		lay_purge_temp_locked(ls, temp, white);
	*out = made;
	return 0;
}

static int make_upper_locked(struct lay_inode *dir, const char *name,
			     const struct lay_node *node, struct inode **out)
{
	AUTO_PUT(inode) struct inode *there = NULL;
	int ret = 0;

	if (dir->nr_lowers)
		ret = upper_entry(dir, name, &there);
	if (ret < 0)
		return ret;
	if (!there)
		return lay_make_locked(lay_super(&dir->vfs), dir->upper, name,
				       node, out);
	if (!lay_is_whiteout(there))
		return -EEXIST;
	return replace_whiteout_locked(dir, name, there, node, out);
}

static int make(struct inode *dir, const char *name,
		const struct lay_node *node, struct inode **out)
{
	struct lay_super *ls = lay_super(dir);
	struct lay_inode *ld = lay_inode(dir), *li = NULL;
	struct inode *upper = NULL;
	int ret = lay_copy_up(ld, UINT64_MAX);

	if (ret < 0)
		return ret;
	mutex_lock_nested(&ls->upper_mu);
	ret = make_upper_locked(ld, name, node, &upper);
	mutex_unlock(&ls->upper_mu);
	if (ret == 0)
		ret = lay_inode_new(ls, upper, NULL, 0, ld, name, &li);
	if (ret == 0)
		*out = &li->vfs;
	return ret;
}

static int op_create(struct inode *dir, const char *name, uint32_t mode,
		     uint32_t uid, uint32_t gid, struct inode **out)
{
	struct lay_node n = { (mode & LINUX_S_IALLUGO) | LINUX_S_IFREG, uid,
			      gid, 0, NULL };

	return make(dir, name, &n, out);
}

static int op_mkdir(struct inode *dir, const char *name, uint32_t mode,
		    uint32_t uid, uint32_t gid, struct inode **out)
{
	struct lay_node n = { (mode & LINUX_S_IALLUGO) | LINUX_S_IFDIR, uid,
			      gid, 0, NULL };

	return make(dir, name, &n, out);
}

static int op_mknod(struct inode *dir, const char *name, uint32_t mode,
		    uint64_t rdev, uint32_t uid, uint32_t gid,
		    struct inode **out)
{
	struct lay_node n = { mode, uid, gid, rdev, NULL };

	if ((mode & LINUX_S_IFMT) == LINUX_S_IFCHR && rdev == 0)
		return -EPERM; /* it would be a whiteout */
	return make(dir, name, &n, out);
}

static int op_symlink(struct inode *dir, const char *name, const char *target,
		      uint32_t uid, uint32_t gid, struct inode **out)
{
	struct lay_node n = { LINUX_S_IFLNK | 0777, uid, gid, 0, target };

	return make(dir, name, &n, out);
}

static int op_tmpfile(struct inode *dir, uint32_t mode, uint32_t uid,
		      uint32_t gid, struct inode **out)
{
	struct lay_super *ls = lay_super(dir);
	struct lay_node n = { (mode & LINUX_S_IALLUGO) | LINUX_S_IFREG, uid,
			      gid, 0, NULL };
	struct inode *upper = NULL;
	struct lay_inode *li = NULL;
	char temp[LAY_TEMP_SIZE];
	int ret;

	if (!ls->work)
		return -EROFS;
	mutex_lock_nested(&ls->upper_mu);
	ret = lay_make_temp_locked(ls, &n, temp, &upper);
	mutex_unlock(&ls->upper_mu);
	if (ret == 0)
		ret = lay_inode_new(ls, upper, NULL, 0, NULL, NULL, &li);
	if (ret == 0 && li) {
		memcpy(li->temp, temp, sizeof(temp));
		li->vfs.nlink = 0;
		*out = &li->vfs;
	}
	return ret; /* if it failed, a rest in work goes at the next mount */
}

/* --- linking -------------------------------------------------------------- */

static int link_upper(struct inode *dir, const char *name, struct inode *target)
{
	int ret = -EPERM;

	mutex_lock_nested(&dir->dir_mu);
	if (dir->ops->link)
		ret = dir->ops->link(dir, name, target);
	mutex_unlock(&dir->dir_mu);
	return ret;
}

/* The unnamed file @li gets its first name; else one more. */
static int link_locked(struct lay_inode *dir, const char *name,
		       struct lay_inode *li)
{
	struct lay_super *ls = lay_super(&dir->vfs);
	AUTO_PUT(inode) struct inode *white = NULL;
	char temp[LAY_TEMP_SIZE] = "#link";
	int ret = upper_entry(dir, name, &white);

	if (ret == 0 && white && !lay_is_whiteout(white))
		ret = -EEXIST;
	if (ret < 0)
		return ret;
	if (li->temp[0]) {
		ret = lay_move_locked(ls->work, li->temp, li->upper, dir->upper,
				      name, white, 0);
		if (ret == 0)
			li->temp[0] = '\0';
		return ret;
	}
	if (!white)
		return link_upper(dir->upper, name, li->upper);
	ret = link_upper(ls->work, temp, li->upper);
	if (ret == 0)
		ret = lay_move_locked(ls->work, temp, li->upper, dir->upper,
				      name, white, 0);
	return ret;
}

static int op_link(struct inode *dir, const char *name, struct inode *target)
{
	struct lay_super *ls = lay_super(dir);
	struct lay_inode *ld = lay_inode(dir), *li = lay_inode(target);
	int ret = lay_copy_up(li, UINT64_MAX);

	if (ret == 0)
		ret = lay_copy_up(ld, UINT64_MAX);
	if (ret < 0)
		return ret;
	mutex_lock_nested(&ls->upper_mu);
	ret = link_locked(ld, name, li);
	if (ret == 0)
		lay_set_place(li, ld, name);
	mutex_unlock(&ls->upper_mu);
	if (ret < 0)
		return ret;
	target->nlink++;
	lay_share_upper(li);
	return 0;
}

/* --- removing ------------------------------------------------------------- */

static int remove_name(struct inode *dir, const char *name, struct inode *child)
{
	struct lay_super *ls = lay_super(dir);
	struct lay_inode *ld = lay_inode(dir), *li = lay_inode(child);
	struct inode *entry = NULL;
	int covers = 0, ret = lay_copy_up(ld, UINT64_MAX);

	if (ret == 0)
		ret = covers = lay_covers(ld, name);
	if (ret < 0)
		return ret;
	mutex_lock_nested(&ls->upper_mu);
	ret = upper_entry(ld, name, &entry);
	if (ret == 0)
		ret = lay_take_out_locked(ls, ld->upper, name, entry, covers);
	if (ret == 0 && lay_is_at(li, ld, name))
		lay_set_place(li, NULL, NULL);
	mutex_unlock(&ls->upper_mu);
	if (entry)
		inode_put(entry);
	return ret;
}

static int op_unlink(struct inode *dir, const char *name, struct inode *child)
{
	int ret = remove_name(dir, name, child);

	if (ret == 0 && child->nlink > 0)
		child->nlink--;
	return ret;
}

static int op_rmdir(struct inode *dir, const char *name, struct inode *child)
{
	int ret = lay_check_empty(lay_inode(child));

	if (ret == 0)
		ret = remove_name(dir, name, child);
	if (ret == 0)
		child->nlink = 0;
	return ret;
}

/* --- renaming ------------------------------------------------------------- */

/* The path of a directory in the lower layers, allocated. */
static char *lower_path(struct lay_inode *dir)
{
	struct lay_super *ls = lay_super(&dir->vfs);
	struct lay_inode *at = dir;
	char *path = kstrdup("");

	mutex_lock(&ls->table_mu);
	while (path && (at->redirect || at->parent)) {
		const char *part = at->redirect ? at->redirect : at->name;
		size_t size = strlen(part) + strlen(path) + 2;
		char *longer = malloc(size);

		if (longer)
			snprintf(longer, size, "%s%s%s",
				 at->redirect ? "" : "/", part, path);
		free(path);
		path = longer;
		if (at->redirect)
			break;
		at = at->parent;
	}
	mutex_unlock(&ls->table_mu);
	return path;
}

/*
 * Before @child, a directory, goes to @to: what the lower layers have at the
 * new name is not its own.
 */
static int mark_moved(struct lay_inode *child, struct lay_inode *to)
{
	struct lay_super *ls = lay_super(&child->vfs);
	AUTO_FREE char *path = NULL;
	int ret;

	if (!is_dir(&child->vfs))
		return 0;
	if (child->nr_lowers == 0)
		return to->nr_lowers
			       ? lay_mark_set(ls, child->upper, LAY_OPAQUE, "y")
			       : 0;
	if (child->redirect)
		return 0;
	path = lower_path(child);
	if (!path)
		return -ENOMEM;
	ret = lay_mark_set(ls, child->upper, LAY_REDIRECT, path);
	if (ret < 0)
		return ret == -EOPNOTSUPP || ret == -ERANGE ? -EXDEV : ret;
	mutex_lock(&ls->table_mu);
	child->redirect = take(path);
	mutex_unlock(&ls->table_mu);
	return 0;
}

struct renaming {
	struct lay_inode *old_dir, *new_dir, *child, *target;
	const char *old_name, *new_name;
	bool covers; /* the lower layers show the old name */
};

/*
 * What stands at the new name (or a whiteout put there for that) changes places
 * with the child and is then dealt with at the old name.
 */
static int swap_away_locked(const struct renaming *r, struct inode *moved,
			    struct inode *there)
{
	struct lay_super *ls = lay_super(&r->child->vfs);
	struct inode *od = r->old_dir->upper, *nd = r->new_dir->upper;
	int ret = lay_move_locked(od, r->old_name, moved, nd, r->new_name,
				  there, LINUX_RENAME_EXCHANGE);

	if (ret < 0)
		return ret;
	ret = lay_take_out_locked(ls, od, r->old_name, there, r->covers);
	(void)ret; /* the rename is done; at worst the old name shows a rest */
	return 0;
}

static int put_whiteout_locked(struct lay_inode *dir, const char *name,
			       struct inode **out)
{
	struct lay_super *ls = lay_super(&dir->vfs);
	int ret = lay_take_out_locked(ls, dir->upper, name, NULL, true);

	return ret < 0 ? ret : upper_entry(dir, name, out);
}

static int rename_locked(const struct renaming *r)
{
	AUTO_PUT(inode) struct inode *moved = NULL;
	AUTO_PUT(inode) struct inode *there = NULL;
	struct inode *od = r->old_dir->upper, *nd = r->new_dir->upper;
	int ret;

	ret = own_entry_locked(r->old_dir, r->old_name, r->child, &moved);
	if (ret == 0 && !moved)
		ret = -ENOENT;
	if (ret == 0)
		ret = upper_entry(r->new_dir, r->new_name, &there);
	if (ret == 0 && !there && r->covers)
		ret = put_whiteout_locked(r->new_dir, r->new_name, &there);
	if (ret < 0)
		return ret;
	if (!there || (!r->covers && !is_dir(moved) && !is_dir(there)))
		return lay_move_locked(od, r->old_name, moved, nd, r->new_name,
				       there, 0);
	return swap_away_locked(r, moved, there);
}

static int exchange_locked(const struct renaming *r)
{
	AUTO_PUT(inode) struct inode *a = NULL;
	AUTO_PUT(inode) struct inode *b = NULL;
	int ret;

	ret = own_entry_locked(r->old_dir, r->old_name, r->child, &a);
	if (ret == 0)
		ret = own_entry_locked(r->new_dir, r->new_name, r->target, &b);
	if (ret == 0 && (!a || !b))
		ret = -ENOENT;
	if (ret < 0)
		return ret;
	return lay_move_locked(r->old_dir->upper, r->old_name, a,
			       r->new_dir->upper, r->new_name, b,
			       LINUX_RENAME_EXCHANGE);
}

/* All that both kinds of renaming need in the upper layer. */
static int prepare(const struct renaming *r, bool exchanges)
{
	int ret = lay_copy_up(r->old_dir, UINT64_MAX);

	if (ret == 0)
		ret = lay_copy_up(r->new_dir, UINT64_MAX);
	if (ret == 0)
		ret = lay_copy_up(r->child, UINT64_MAX);
	if (ret == 0 && exchanges)
		ret = lay_copy_up(r->target, UINT64_MAX);
	if (ret == 0)
		ret = mark_moved(r->child, r->new_dir);
	if (ret == 0 && exchanges)
		ret = mark_moved(r->target, r->old_dir);
	return ret;
}

static int op_rename(struct inode *old_dir, const char *old_name,
		     struct inode *child, struct inode *new_dir,
		     const char *new_name, struct inode *target, uint32_t flags)
{
	struct lay_super *ls = lay_super(old_dir);
	bool exchanges = target && (flags & LINUX_RENAME_EXCHANGE);
	struct renaming r = {
		.old_dir = lay_inode(old_dir),
		.new_dir = lay_inode(new_dir),
		.child = lay_inode(child),
		.target = target ? lay_inode(target) : NULL,
		.old_name = old_name,
		.new_name = new_name,
	};
	int ret = 0;

	if (flags & ~(LINUX_RENAME_NOREPLACE | LINUX_RENAME_EXCHANGE))
		return -EINVAL;
	if (target && is_dir(target) && !exchanges)
		ret = lay_check_empty(r.target);
	if (ret == 0)
		ret = prepare(&r, exchanges);
	if (ret == 0)
		ret = lay_covers(r.old_dir, old_name);
	if (ret < 0)
		return ret;
	r.covers = ret;
	mutex_lock_nested(&ls->upper_mu);
	ret = exchanges ? exchange_locked(&r) : rename_locked(&r);
	if (ret == 0) {
		lay_set_place(r.child, r.new_dir, new_name);
		if (r.target)
			lay_set_place(r.target, exchanges ? r.old_dir : NULL,
				      exchanges ? old_name : NULL);
	}
	mutex_unlock(&ls->upper_mu);
	if (ret == 0 && target && !exchanges)
		target->nlink = is_dir(target) ? 0 : target->nlink - 1;
	return ret;
}

const struct inode_ops lay_dir_ops = {
	.lookup = op_lookup,
	.prefetch = op_prefetch,
	.create = op_create,
	.mkdir = op_mkdir,
	.mknod = op_mknod,
	.symlink = op_symlink,
	.link = op_link,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,
	.tmpfile = op_tmpfile,
	.getattr = lay_getattr,
	.setattr = lay_setattr,
	.permission = lay_permission,
	.getxattr = lay_getxattr,
	.setxattr = lay_setxattr,
	.listxattr = lay_listxattr,
	.removexattr = lay_removexattr,
	.open = lay_open_dir,
	.evict = lay_evict,
};
