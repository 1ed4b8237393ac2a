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
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/overlay/ovl.h"
#include "sentry/vfs/namei.h"

static bool is_dir(const struct inode *inode)
{
	return inode_is(inode, LINUX_S_IFDIR);
}

/* --- looking -------------------------------------------------------------- */

/* The child that the lower directory @lower has, +1. */
static int adopt_child(struct ovl_inode *dir, struct inode *lower,
		       const char *name, struct ovl_inode **out)
{
	struct ovl_super *os = ovl_super(&dir->vfs);
	struct inode *found;
	struct kstat st;
	int ret = layer_lookup(lower, name, &found);

	if (ret < 0)
		return ret;
	ret = inode_getattr(found, &st);
	if (ret < 0) {
		inode_put(found);
		return ret;
	}
	/* What costs nothing to look up again is not held. */
	if (!lower->ops->peek && inode_is(found, LINUX_S_IFREG) &&
	    st.nlink == 1)
		inode_put(take(found));
	return ovl_adopt(os, dir, name, found, &st, out);
}

static int lower_child(struct ovl_inode *dir, const char *name,
		       struct ovl_inode **out)
{
	struct inode *lower;
	struct kstat st;
	int ret = ovl_lower(dir, false, &lower);

	if (ret < 0)
		return ret;
	if (!lower)
		return -ENOENT;
	ret = -EAGAIN;
	if (lower->ops->peek) {
		mutex_lock_nested(&lower->dir_mu);
		ret = lower->ops->peek(lower, name, &st);
		mutex_unlock(&lower->dir_mu);
	}
	/* Of several names the inode tells which are of one file. */
	if (ret == 0 && st.nlink > 1 &&
	    (st.mode & LINUX_S_IFMT) == LINUX_S_IFREG)
		ret = -EAGAIN;
	if (ret == -EAGAIN)
		return adopt_child(dir, lower, name, out);
	if (ret < 0)
		return ret;
	return ovl_adopt(ovl_super(&dir->vfs), dir, name, NULL, &st, out);
}

static int op_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct ovl_inode *od = ovl_inode(dir), *oi = NULL;
	int ret = ovl_map_get(od, name, &oi);

	if (ret == 0)
		ret = lower_child(od, name, &oi);
	if (ret < 0)
		return ret;
	*out = &oi->vfs;
	return 0;
}

#define PREFETCH_MAX 16

/* A directory of which only the attributes are known is fetched along. */
static void op_prefetch(struct inode *dir, const char *const *names,
			unsigned int nr, uint32_t how)
{
	struct ovl_inode *od = ovl_inode(dir), *home = od->home;
	const char *all[PREFETCH_MAX];
	struct inode *lower = od->lower;

	if (ovl_hides(od, *names))
		return;
	if (!(how & PREFETCH_OPEN))
		how |= PREFETCH_PEEK;
	if (!lower && home && home->lower && nr < PREFETCH_MAX) {
		all[0] = od->home_name;
		memcpy(all + 1, names, nr++ * sizeof(*names));
		names = all;
		lower = home->lower;
	} else if (ovl_lower(od, false, &lower) < 0) {
		return;
	}
	if (!lower || !lower->ops->prefetch)
		return;
	mutex_lock_nested(&lower->dir_mu);
	lower->ops->prefetch(lower, names, nr, how);
	mutex_unlock(&lower->dir_mu);
}

/* --- making --------------------------------------------------------------- */

/* Gives @oi, which has a state, the free name @name in @dir. */
static int add_name(struct ovl_inode *dir, const char *name,
		    struct ovl_inode *oi)
{
	struct ovl_super *os = ovl_super(&dir->vfs);
	struct ovl_entry *e, *spare;
	int ret = ovl_pin(dir);

	if (ret < 0)
		return ret;
	spare = ovl_entry_new(name);
	if (!spare)
		return -ENOMEM;
	mutex_lock(&os->map_mu);
	e = ovl_claim_locked(dir, name, &spare);
	if (!spare)
		e->covers = false; /* no whiteout was there, nor a lower name */
	ovl_set_locked(e, oi);
	mutex_unlock(&os->map_mu);
	free(spare);
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
	int ret = ovl_pin(oi);

	if (ret == 0)
		ret = add_name(ovl_inode(dir), name, oi);
	if (ret == 0)
		ret = ovl_pin(oi); /* an unnamed file has a name now */
	if (ret < 0)
		return ret;
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

/* Link counts after a name is gone; a directory loses "." too. */
static void lost_link(struct ovl_inode *dir, struct ovl_inode *oi)
{
	if (is_dir(&oi->vfs)) {
		oi->vfs.nlink = 0;
		dir->vfs.nlink--;
	} else if (oi->vfs.nlink > 0) {
		oi->vfs.nlink--;
	}
}

/* @name in @dir, which leads to @oi, is gone.  *spare: see ovl_claim_locked();
 * @d gets what it held, and the pin if that was the last name. */
static struct ovl_entry *take_name_locked(struct ovl_inode *dir,
					  const char *name,
					  struct ovl_inode *oi,
					  struct ovl_entry **spare,
					  struct ovl_drops *d)
{
	struct ovl_entry *e = ovl_claim_locked(dir, name, spare);

	ovl_empty_locked(e, d);
	ovl_left_locked(oi, dir, name);
	if (oi->vfs.nlink == 0)
		ovl_unpin_locked(oi, d);
	return e;
}

static int remove_name(struct inode *dir, const char *name, struct inode *child)
{
	struct ovl_inode *od = ovl_inode(dir), *oi = ovl_inode(child);
	struct ovl_super *os = ovl_super(dir);
	struct ovl_entry *e, *spare;
	struct ovl_drops d = { 0 };
	int ret = ovl_pin(od);

	if (ret < 0)
		return ret;
	spare = ovl_entry_new(name);
	if (!spare)
		return -ENOMEM;
	lost_link(od, oi);
	mutex_lock(&os->map_mu);
	e = take_name_locked(od, name, oi, &spare, &d);
	ovl_clear_locked(e, &d);
	mutex_unlock(&os->map_mu);
	free(spare);
	ovl_touch_ctime(oi);
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

struct renaming {
	struct ovl_inode *old_dir, *new_dir, *child, *target;
	const char *old_name, *new_name;
	struct ovl_entry *spare_old, *spare_new;
};

static void exchange_locked(struct renaming *r, struct ovl_drops *d)
{
	struct ovl_entry *a, *b;

	a = ovl_claim_locked(r->old_dir, r->old_name, &r->spare_old);
	b = ovl_claim_locked(r->new_dir, r->new_name, &r->spare_new);
	ovl_empty_locked(a, d);
	ovl_empty_locked(b, d);
	ovl_left_locked(r->child, r->old_dir, r->old_name);
	ovl_left_locked(r->target, r->new_dir, r->new_name);
	ovl_set_locked(a, r->target);
	ovl_set_locked(b, r->child);
}

static void move_locked(struct renaming *r, struct ovl_drops *d)
{
	struct ovl_entry *a, *b;

	a = ovl_claim_locked(r->old_dir, r->old_name, &r->spare_old);
	if (r->target) {
		b = take_name_locked(r->new_dir, r->new_name, r->target,
				     &r->spare_new, d);
	} else {
		b = ovl_claim_locked(r->new_dir, r->new_name, &r->spare_new);
		if (!r->spare_new)
			b->covers = false; /* as in add_name() */
	}
	ovl_set_locked(b, r->child);
	ovl_left_locked(r->child, r->old_dir, r->old_name);
	ovl_clear_locked(a, d);
}

/* Memory first: after it nothing fails. */
static int prepare(struct renaming *r)
{
	int ret = ovl_pin(r->old_dir);

	if (ret == 0)
		ret = ovl_pin(r->new_dir);
	if (ret < 0)
		return ret;
	r->spare_old = ovl_entry_new(r->old_name);
	r->spare_new = ovl_entry_new(r->new_name);
	if (!r->spare_old || !r->spare_new || !ovl_need_state(r->child) ||
	    (r->target && !ovl_need_state(r->target)))
		return -ENOMEM;
	return 0;
}

static void rename_names(struct renaming *r, bool exchanges)
{
	struct ovl_super *os = ovl_super(&r->child->vfs);
	struct inode *target = r->target ? &r->target->vfs : NULL;
	struct ovl_drops d = { 0 };

	if (target && !exchanges)
		lost_link(r->new_dir, r->target);
	mutex_lock(&os->map_mu);
	if (exchanges)
		exchange_locked(r, &d);
	else
		move_locked(r, &d);
	mutex_unlock(&os->map_mu);
	if (target && !exchanges)
		ovl_touch_ctime(r->target);
	count_dirs(&r->old_dir->vfs, &r->child->vfs, &r->new_dir->vfs,
		   exchanges ? target : NULL);
	ovl_drop(&d);
}

static int op_rename(struct inode *old_dir, const char *old_name,
		     struct inode *child, struct inode *new_dir,
		     const char *new_name, struct inode *target, uint32_t flags)
{
	bool exchanges = target && (flags & LINUX_RENAME_EXCHANGE);
	struct renaming r = {
		.old_dir = ovl_inode(old_dir),
		.new_dir = ovl_inode(new_dir),
		.child = ovl_inode(child),
		.target = target ? ovl_inode(target) : NULL,
		.old_name = old_name,
		.new_name = new_name,
	};
	int ret = 0;

	if (flags & ~(LINUX_RENAME_NOREPLACE | LINUX_RENAME_EXCHANGE))
		return -EINVAL;
	if (target && is_dir(target) && !exchanges)
		ret = ovl_check_empty(r.target);
	if (ret == 0)
		ret = prepare(&r);
	if (ret == 0)
		rename_names(&r, exchanges);
	free(r.spare_old);
	free(r.spare_new);
	if (ret < 0)
		return ret;
	ovl_touch_dir(r.old_dir);
	if (new_dir != old_dir)
		ovl_touch_dir(r.new_dir);
	ovl_touch_ctime(r.child);
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
	.watched = ovl_watched,
	.evict = ovl_evict,
};
