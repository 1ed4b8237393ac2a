/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl_dir: operations on the names of overlay directories.
 *
 * All changes are made in memory; the layers are only asked (lower) and give
 * storage for data (upper).  A renamed lower file or directory keeps its lower
 * inode: nothing is copied.
 *
 * Locks: dir_mu of the overlay's directories by the VFS; that of a lower
 *	  directory nests inside (mutex_lock_nested: overlay before lower).
 * Tests: tests/unit/test_overlay.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/overlay/ovl.h"
#include "sentry/vfs/namei.h"

static bool is_dir(const struct inode *inode)
{
	return inode_is(inode, LINUX_S_IFDIR);
}

/* --- looking -------------------------------------------------------------- */

static int lower_lookup(struct ovl_inode *dir, const char *name,
			struct inode **out)
{
	struct inode *lower = dir->lower;
	int ret;

	if (!lower)
		return -ENOENT;
	mutex_lock_nested(&lower->dir_mu);
	ret = lower->ops->lookup(lower, name, out);
	mutex_unlock(&lower->dir_mu);
	return ret;
}

static int op_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct ovl_inode *od = ovl_inode(dir), *oi = NULL, *found;
	struct ovl_drops d = { 0 };
	struct inode *lower = NULL;
	struct ovl_entry *e;
	int ret = ovl_map_get(od, name, &oi);

	if (ret != 0) {
		*out = ret > 0 ? &oi->vfs : NULL;
		return MIN(ret, 0);
	}
	ret = lower_lookup(od, name, &lower);
	if (ret == 0)
		ret = ovl_adopt(ovl_super(dir), lower, &oi);
	if (ret < 0)
		return ret;
	e = ovl_entry_new(name);
	if (!e) {
		inode_put(&oi->vfs);
		return -ENOMEM;
	}
	mutex_lock(&ovl_super(dir)->map_mu);
	e = ovl_insert_locked(od, e);
	found = ovl_set_weak_locked(e, oi, &d);
	mutex_unlock(&ovl_super(dir)->map_mu);
	ovl_drop(&d);
	inode_put(&oi->vfs);
	*out = &found->vfs;
	return 0;
}

static void op_prefetch(struct inode *dir, const char *const *names,
			unsigned int nr)
{
	struct inode *lower = ovl_inode(dir)->lower;

	if (!lower || !lower->ops->prefetch ||
	    ovl_hides(ovl_inode(dir), *names))
		return;
	mutex_lock_nested(&lower->dir_mu);
	lower->ops->prefetch(lower, names, nr);
	mutex_unlock(&lower->dir_mu);
}

/* --- making --------------------------------------------------------------- */

/* Gives @oi the free name @name in @dir. */
static int add_name(struct ovl_inode *dir, const char *name,
		    struct ovl_inode *oi)
{
	struct ovl_super *os = ovl_super(&dir->vfs);
	struct ovl_entry *e = ovl_entry_new(name);

	if (!e)
		return -ENOMEM;
	ovl_pin(dir);
	mutex_lock(&os->map_mu);
	ovl_set_locked(ovl_insert_locked(dir, e), oi);
	mutex_unlock(&os->map_mu);
	ovl_touch_dir(dir);
	return 0;
}

static int make(struct inode *dir, const char *name, uint32_t mode,
		uint64_t rdev, const char *target, uint32_t uid, uint32_t gid,
		struct inode **out)
{
	struct ovl_inode *oi;
	int ret;

	ret = ovl_create_inode(ovl_super(dir), mode, rdev, uid, gid, target,
			       &oi);
	if (ret < 0)
		return ret;
	ret = add_name(ovl_inode(dir), name, oi);
	if (ret < 0) {
		inode_put(&oi->vfs);
		return ret;
	}
	if (is_dir(&oi->vfs))
		dir->nlink++;
	*out = &oi->vfs;
	return 0;
}

static int op_create(struct inode *dir, const char *name, uint32_t mode,
		     uint32_t uid, uint32_t gid, struct inode **out)
{
	return make(dir, name, mode, 0, NULL, uid, gid, out);
}

static int op_mkdir(struct inode *dir, const char *name, uint32_t mode,
		    uint32_t uid, uint32_t gid, struct inode **out)
{
	mode = (mode & LINUX_S_IALLUGO) | LINUX_S_IFDIR;
	return make(dir, name, mode, 0, NULL, uid, gid, out);
}

static int op_mknod(struct inode *dir, const char *name, uint32_t mode,
		    uint64_t rdev, uint32_t uid, uint32_t gid,
		    struct inode **out)
{
	return make(dir, name, mode, rdev, NULL, uid, gid, out);
}

static int op_symlink(struct inode *dir, const char *name, const char *target,
		      uint32_t uid, uint32_t gid, struct inode **out)
{
	return make(dir, name, LINUX_S_IFLNK | 0777, 0, target, uid, gid, out);
}

static int op_link(struct inode *dir, const char *name, struct inode *target)
{
	struct ovl_inode *oi = ovl_inode(target);
	int ret = add_name(ovl_inode(dir), name, oi);

	if (ret < 0)
		return ret;
	ovl_pin(oi);
	target->nlink++;
	ovl_touch_ctime(oi);
	return 0;
}

static int op_tmpfile(struct inode *dir, uint32_t mode, uint32_t uid,
		      uint32_t gid, struct inode **out)
{
	struct ovl_inode *oi;
	int ret;

	ret = ovl_create_inode(ovl_super(dir), mode, 0, uid, gid, NULL, &oi);
	if (ret < 0)
		return ret;
	oi->vfs.nlink = 0;
	*out = &oi->vfs;
	return 0;
}

/* --- removing ------------------------------------------------------------- */

/* @oi has lost a name; @d gets the pin if that was the last. */
static void lost_name_locked(struct ovl_inode *oi, struct ovl_drops *d)
{
	if (list_empty(&oi->entries))
		ovl_unpin_locked(oi, d);
}

/* Attributes after a name is gone; a directory loses "." too. */
static void lost_link(struct ovl_inode *dir, struct ovl_inode *oi)
{
	if (is_dir(&oi->vfs)) {
		oi->vfs.nlink = 0;
		dir->vfs.nlink--;
	} else if (oi->vfs.nlink > 0) {
		oi->vfs.nlink--;
	}
	ovl_touch_ctime(oi);
}

static int remove_name(struct inode *dir, const char *name, struct inode *child)
{
	struct ovl_inode *od = ovl_inode(dir), *oi = ovl_inode(child);
	struct ovl_super *os = ovl_super(dir);
	struct ovl_drops d = { 0 };
	struct ovl_entry *e;

	ovl_pin(od);
	mutex_lock(&os->map_mu);
	e = ovl_find_locked(od, name);
	if (e && e->inode == oi) {
		ovl_clear_locked(e, &d);
		lost_name_locked(oi, &d);
	}
	mutex_unlock(&os->map_mu);
	if (!d.nr)
		return -ENOENT;
	lost_link(od, oi);
	ovl_touch_dir(od);
	ovl_drop(&d);
	return 0;
}

static int op_unlink(struct inode *dir, const char *name, struct inode *child)
{
	return remove_name(dir, name, child);
}

static int op_rmdir(struct inode *dir, const char *name, struct inode *child)
{
	int ret = ovl_check_empty(ovl_inode(child));

	return ret < 0 ? ret : remove_name(dir, name, child);
}

/* --- renaming ------------------------------------------------------------- */

/* ".." of directories that went from one parent to another. */
static void count_dirs(struct inode *old_dir, struct inode *child,
		       struct inode *new_dir, struct inode *target)
{
	if (old_dir == new_dir)
		return;
	if (is_dir(child)) {
		old_dir->nlink--;
		new_dir->nlink++;
	}
	if (target && is_dir(target)) { /* exchanged */
		new_dir->nlink--;
		old_dir->nlink++;
	}
}

static int exchange(struct inode *old_dir, const char *old_name,
		    struct inode *child, struct inode *new_dir,
		    const char *new_name, struct inode *target)
{
	struct ovl_super *os = ovl_super(old_dir);
	struct ovl_entry *a, *b;
	struct ovl_drops d = { 0 };
	bool a_covers, b_covers;

	mutex_lock(&os->map_mu);
	a = ovl_find_locked(ovl_inode(old_dir), old_name);
	b = ovl_find_locked(ovl_inode(new_dir), new_name);
	if (a && b && a->inode && b->inode) {
		a_covers = a->covers;
		b_covers = b->covers;
		a->covers = b->covers = true; /* keeps the entries */
		ovl_clear_locked(a, &d);
		ovl_clear_locked(b, &d);
		a->covers = a_covers;
		b->covers = b_covers;
		ovl_set_locked(a, ovl_inode(target));
		ovl_set_locked(b, ovl_inode(child));
	}
	mutex_unlock(&os->map_mu);
	if (!d.nr)
		return -ENOENT;
	ovl_drop(&d);
	count_dirs(old_dir, child, new_dir, target);
	return 0;
}

/* @fresh: an entry for the new name in case there is none; taken over. */
static int move_name(struct inode *old_dir, const char *old_name,
		     struct inode *child, struct inode *new_dir,
		     struct inode *target, struct ovl_entry *fresh)
{
	struct ovl_super *os = ovl_super(old_dir);
	struct ovl_entry *a, *b;
	struct ovl_drops d = { 0 };
	bool covers;

	mutex_lock(&os->map_mu);
	a = ovl_find_locked(ovl_inode(old_dir), old_name);
	if (!a || a->inode != ovl_inode(child)) {
		mutex_unlock(&os->map_mu);
		free(fresh);
		return -ENOENT;
	}
	b = ovl_insert_locked(ovl_inode(new_dir), fresh);
	if (b->inode) {
		covers = b->covers;
		b->covers = true; /* keeps the entry */
		ovl_clear_locked(b, &d);
		b->covers = covers;
		if (target)
			lost_name_locked(ovl_inode(target), &d);
	}
	ovl_set_locked(b, ovl_inode(child));
	ovl_clear_locked(a, &d);
	mutex_unlock(&os->map_mu);
	if (target)
		lost_link(ovl_inode(new_dir), ovl_inode(target));
	count_dirs(old_dir, child, new_dir, NULL);
	ovl_drop(&d);
	return 0;
}

static int op_rename(struct inode *old_dir, const char *old_name,
		     struct inode *child, struct inode *new_dir,
		     const char *new_name, struct inode *target, uint32_t flags)
{
	struct ovl_entry *fresh;
	int ret = 0;

	if (flags & ~(LINUX_RENAME_NOREPLACE | LINUX_RENAME_EXCHANGE))
		return -EINVAL;
	if (target && is_dir(target) && !(flags & LINUX_RENAME_EXCHANGE))
		ret = ovl_check_empty(ovl_inode(target));
	if (ret < 0)
		return ret;
	ovl_pin(ovl_inode(old_dir));
	ovl_pin(ovl_inode(new_dir));
	if (flags & LINUX_RENAME_EXCHANGE) {
		ret = exchange(old_dir, old_name, child, new_dir, new_name,
			       target);
	} else {
		fresh = ovl_entry_new(new_name);
		ret = fresh ? move_name(old_dir, old_name, child, new_dir,
					target, fresh)
			    : -ENOMEM;
	}
	if (ret < 0)
		return ret;
	ovl_touch_dir(ovl_inode(old_dir));
	if (new_dir != old_dir)
		ovl_touch_dir(ovl_inode(new_dir));
	ovl_touch_ctime(ovl_inode(child));
	return 0;
}

const struct inode_ops ovl_dir_ops = {
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
	.getattr = ovl_getattr,
	.setattr = ovl_setattr,
	.permission = ovl_permission,
	.getxattr = ovl_getxattr,
	.setxattr = ovl_setxattr,
	.listxattr = ovl_listxattr,
	.removexattr = ovl_removexattr,
	.open = ovl_open_dir,
	.evict = ovl_evict,
};
