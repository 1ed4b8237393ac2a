/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namei: creating, linking, removing and renaming names.
 *
 * Order of checks as Linux's filename_create(), do_unlinkat(), do_renameat2().
 *
 * Locks: dir_mu of the parent; rename takes rename_mu, then both parents (the
 *	  outer first, unrelated ones by address), then a victim directory, so
 *	  that nothing can be created in it any more.
 * Tests: tests/unit/test_walk.c, tests/unit/test_tmpfs.c
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/acl.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/landlock.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/protected.h"

/* --- who may -------------------------------------------------------------- */

static const struct cred *my_cred(void)
{
	return current_task()->cred;
}

/* dir_mu is held. */
int may_create(struct path *dir, const struct cred *cred)
{
	if (dir->dentry->deleted)
		return -ENOENT;
	return inode_permission(dentry_inode(dir->dentry), cred,
				MAY_WRITE | MAY_EXEC);
}

/* Others' files in a sticky directory are theirs alone. */
static bool sticky_forbids(struct inode *dir, struct inode *victim,
			   const struct cred *cred)
{
	if (!(dir->mode & LINUX_S_ISVTX) || !cred)
		return false;
	return victim->uid != cred->fsuid && dir->uid != cred->fsuid &&
	       !inode_capable(victim, cred, CAP_NR_FOWNER);
}

static int may_delete(struct dentry *dir, struct dentry *victim,
		      const struct cred *cred, bool as_dir)
{
	struct inode *inode = dentry_inode(victim);
	int ret;

	if (!inode)
		return -ENOENT;
	ret = inode_permission(dentry_inode(dir), cred, MAY_WRITE | MAY_EXEC);
	if (ret < 0)
		return ret;
	if (sticky_forbids(dentry_inode(dir), inode, cred))
		return -EPERM;
	if (as_dir && !inode_is(inode, LINUX_S_IFDIR))
		return -ENOTDIR;
	if (!as_dir && inode_is(inode, LINUX_S_IFDIR))
		return -EISDIR;
	return dir->deleted ? -ENOENT : 0;
}

/* --- creation ------------------------------------------------------------- */

/* Owner, group and mode of a new node: inode(7) on set-group-ID. */
static void new_owner(struct inode *dir, const struct cred *cred,
		      uint32_t *mode, uint32_t *uid, uint32_t *gid)
{
	*uid = cred ? cred->fsuid : 0;
	*gid = cred ? cred->fsgid : 0;
	if (!(dir->mode & LINUX_S_ISGID))
		return;
	*gid = dir->gid;
	if ((*mode & LINUX_S_IFMT) == LINUX_S_IFDIR)
		*mode |= LINUX_S_ISGID;
	else if ((*mode & (LINUX_S_ISGID | LINUX_S_IXGRP)) ==
			 (LINUX_S_ISGID | LINUX_S_IXGRP) &&
		 cred && !cred_in_group(cred, *gid) &&
		 !inode_capable(dir, cred, CAP_NR_FSETID))
		*mode &= ~LINUX_S_ISGID;
}

static int call_create(struct inode *dir, const char *name, uint32_t mode,
		       uint64_t rdev, const char *target,
		       const struct cred *cred, struct inode **out)
{
	const struct inode_ops *ops = dir->ops;
	uint32_t uid, gid;

	new_owner(dir, cred, &mode, &uid, &gid);
	switch (mode & LINUX_S_IFMT) {
	case LINUX_S_IFREG:
		return ops->create ? ops->create(dir, name, mode, uid, gid, out)
				   : -EACCES;
	case LINUX_S_IFDIR:
		return ops->mkdir ? ops->mkdir(dir, name, mode, uid, gid, out)
				  : -EPERM;
	case LINUX_S_IFLNK:
		return ops->symlink
			       ? ops->symlink(dir, name, target, uid, gid, out)
			       : -EPERM;
	default:
		return ops->mknod ? ops->mknod(dir, name, mode, rdev, uid, gid,
					       out)
				  : -EPERM;
	}
}

/* A device, but for a whiteout. */
static int may_make_device(uint32_t mode, uint64_t rdev,
			   const struct cred *cred)
{
	bool chr = (mode & LINUX_S_IFMT) == LINUX_S_IFCHR;

	if (!cred || (chr ? rdev == 0 : (mode & LINUX_S_IFMT) != LINUX_S_IFBLK))
		return 0;
	return cred_capable(cred, CAP_NR_MKNOD) ? 0 : -EPERM;
}

int create_locked(struct path *dir, struct dentry *d, uint32_t mode,
		  uint64_t rdev, const char *target, const struct cred *cred)
{
	struct inode *inode = NULL, *di = dentry_inode(dir->dentry);
	struct posix_acl *acl = NULL;
	char name[NAME_MAX_LEN + 1];
	int ret;

	ret = may_create(dir, cred);
	if (ret < 0)
		return ret;
	memcpy(name, d->name, d->name_len + 1ul); /* dir_mu pins the name */
	ret = may_make_device(mode, rdev, cred);
	if (ret < 0)
		return ret;
	if (!target)
		ret = acl_inherit(di, &mode, &acl);
	if (ret == 0)
		ret = call_create(di, name, mode, rdev, target, cred, &inode);
	if (ret < 0) {
		free(acl);
		return ret;
	}
	assert(inode);
	if (acl)
		acl_give(inode, di, acl);
	dcache_instantiate(d, inode);
	notify_name(di, name, LINUX_IN_CREATE | notify_isdir(inode));
	return 0;
}

uint32_t new_mode(struct inode *dir, uint32_t mode)
{
	return acl_inherits(dir) ? mode : mode & ~current_umask();
}

/* The parent of a new name, and the name; a stale cached entry is asked. */
static int new_name(int dirfd, const char *name, struct path *dir,
		    struct walk_last *last)
{
	int ret = path_lookup(dirfd, name, WALK_PARENT, dir, last);

	if (ret < 0)
		return ret;
	if (last->type != LAST_NORM)
		return -EEXIST;
	return 0;
}

/* As filename_create(): *out is a negative dentry, +1; dir_mu is held. */
static int lookup_new_locked(struct path *dir, const struct walk_last *last,
			     bool is_dir, struct dentry **out)
{
	struct dentry *d;
	int ret;

	ret = lookup_locked(dir->dentry, last->name, strlen(last->name), &d);
	if (ret < 0)
		return ret;
	if (dentry_inode(d))
		ret = -EEXIST;
	else if (last->trailing_slash && !is_dir)
		ret = -ENOENT;
	else if (mount_readonly(dir->mnt))
		ret = -EROFS;
	if (ret < 0) {
		dentry_put(d);
		return ret;
	}
	*out = d;
	return 0;
}

/* Makes one node of any type; *out (may be NULL) gets its path. */
static int make_node(int dirfd, const char *name, uint32_t mode, uint64_t rdev,
		     const char *target, struct path *out)
{
	AUTO_PATH struct path dir = { NULL, NULL };
	bool is_dir = (mode & LINUX_S_IFMT) == LINUX_S_IFDIR;
	AUTO_PUT(dentry) struct dentry *d = NULL;
	struct walk_last last;
	uint32_t allowed;
	struct inode *di;
	int ret;

	ret = new_name(dirfd, name, &dir, &last);
	if (ret < 0)
		return ret;
	di = dentry_inode(dir.dentry);
	allowed = landlock_allowed(my_cred(), &dir);
	if (!target)
		mode = new_mode(di, mode);
	mutex_lock(&di->dir_mu);
	ret = lookup_new_locked(&dir, &last, is_dir, &d);
	if (ret == 0)
		ret = landlock_need(allowed, landlock_make_access(mode));
	if (ret == 0)
		ret = create_locked(&dir, d, mode, rdev, target, my_cred());
	mutex_unlock(&di->dir_mu);
	if (ret == 0 && out) {
		mount_get(dir.mnt);
		out->mnt = dir.mnt;
		out->dentry = take(d);
	}
	return ret;
}

/* Types that mknod(2) makes; whether a device may be, is asked later. */
static int check_mknod(uint32_t mode)
{
	switch (mode & LINUX_S_IFMT) {
	case LINUX_S_IFREG:
	case LINUX_S_IFIFO:
	case LINUX_S_IFSOCK:
	case LINUX_S_IFCHR:
	case LINUX_S_IFBLK:
		return 0;
	case LINUX_S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

int vfs_mknodat(int dirfd, const char *name, uint32_t mode, uint64_t rdev,
		struct path *out)
{
	int ret;

	if ((mode & LINUX_S_IFMT) == 0)
		mode |= LINUX_S_IFREG;
	ret = check_mknod(mode);
	if (ret < 0)
		return ret;
	mode &= LINUX_S_IFMT | LINUX_S_IALLUGO;
	return make_node(dirfd, name, mode, rdev, NULL, out);
}

int vfs_mkdirat(int dirfd, const char *name, uint32_t mode)
{
	mode &= LINUX_S_IRWXUGO | LINUX_S_ISVTX;
	return make_node(dirfd, name, mode | LINUX_S_IFDIR, 0, NULL, NULL);
}

int vfs_symlinkat(const char *target, int dirfd, const char *name)
{
	return make_node(dirfd, name, LINUX_S_IFLNK | 0777, 0, target, NULL);
}

/* --- hard links ----------------------------------------------------------- */

static int link_locked(const struct path *old, struct path *dir,
		       struct dentry *d)
{
	struct inode *inode = dentry_inode(old->dentry);
	struct inode *di = dentry_inode(dir->dentry);
	char name[NAME_MAX_LEN + 1];
	int ret;

	ret = may_create(dir, my_cred());
	if (ret < 0)
		return ret;
	if (inode->sb != di->sb)
		return -EXDEV;
	if (!di->ops->link || inode_is(inode, LINUX_S_IFDIR))
		return -EPERM;
	if (inode->nlink == 0 && !inode->linkable)
		return -ENOENT;
	memcpy(name, d->name, d->name_len + 1ul);
	ret = di->ops->link(di, name, inode);
	if (ret < 0)
		return ret;
	inode->linkable = false;
	inode_get(inode);
	dcache_instantiate(d, inode);
	notify_inode(inode, LINUX_IN_ATTRIB);
	notify_name(di, name, LINUX_IN_CREATE);
	return 0;
}

/* Called before dir_mu is taken: the walk up crosses mounts. */
static void link_refer_start(struct landlock_refer *refer,
			     const struct path *old, const struct path *dir)
{
	struct path old_dir = { old->mnt, old->dentry->parent };

	if (old->mnt && old->dentry == old->mnt->root)
		old_dir.dentry = old->dentry;
	landlock_refer_start(refer, my_cred(), &old_dir, dir);
}

/* fs.protected_hardlinks: others link only what they could write, too. */
static int may_link(const struct path *old)
{
	struct inode *inode = dentry_inode(old->dentry);
	const struct cred *cred = my_cred();
	uint32_t mode = inode->mode;

	if (!g_protected.hardlinks || inode_owner_or_capable(inode, cred))
		return 0;
	if (!inode_is(inode, LINUX_S_IFREG) || (mode & LINUX_S_ISUID) ||
	    (mode & (LINUX_S_ISGID | LINUX_S_IXGRP)) ==
		    (LINUX_S_ISGID | LINUX_S_IXGRP))
		return -EPERM;
	return inode_permission(inode, cred, MAY_READ | MAY_WRITE) < 0 ? -EPERM
								       : 0;
}

int vfs_linkat(const struct path *old, int dirfd, const char *name)
{
	AUTO_PATH struct path dir = { NULL, NULL };
	AUTO_PUT(dentry) struct dentry *d = NULL;
	struct landlock_refer refer;
	struct walk_last last;
	struct inode *di;
	int ret;

	ret = new_name(dirfd, name, &dir, &last);
	if (ret < 0)
		return ret;
	di = dentry_inode(dir.dentry);
	link_refer_start(&refer, old, &dir);
	mutex_lock(&di->dir_mu);
	ret = lookup_new_locked(&dir, &last, false, &d);
	if (ret == 0 && old->mnt != dir.mnt)
		ret = -EXDEV;
	if (ret == 0)
		ret = may_link(old);
	if (ret == 0)
		ret = landlock_refer_check(&refer, old->dentry, dir.dentry, d,
					   false, false);
	if (ret == 0)
		ret = link_locked(old, &dir, d);
	mutex_unlock(&di->dir_mu);
	return ret;
}

/* --- removal -------------------------------------------------------------- */

/*
 * A name that has just gone is often made again: the file system need not be
 * asked for it.  Only a help; dir_mu is held.
 */
static void remember_gone(struct dentry *dir, const char *name)
{
	struct dentry *d;

	if (dir->sb->no_dcache || dir->sb->is_upper ||
	    dentry_inode(dir)->ops->revalidate)
		return;
	if (dentry_new(dir->sb, dir, name, strlen(name), NULL, &d) < 0)
		return;
	dcache_add(d);
	dentry_put(d);
}

/* Watches of what nobody has open end before the directory is told. */
static void notify_removed(struct dentry *dir, struct dentry *d,
			   const char *name)
{
	struct inode *inode = dentry_inode(d);

	if (ref_read(&d->ref) == 1)
		notify_deleted(inode);
	notify_name(dentry_inode(dir), name,
		    LINUX_IN_DELETE | notify_isdir(inode));
}

static int unlink_locked(struct path *dir, struct dentry *d)
{
	struct inode *di = dentry_inode(dir->dentry);
	struct inode *inode = dentry_inode(d);
	char name[NAME_MAX_LEN + 1];
	int ret;

	ret = may_delete(dir->dentry, d, my_cred(), false);
	if (ret < 0)
		return ret;
	if (!di->ops->unlink)
		return -EPERM;
	if (mount_is_local_point(d))
		return -EBUSY;
	memcpy(name, d->name, d->name_len + 1ul);
	ret = di->ops->unlink(di, name, inode);
	if (ret == 0) {
		notify_inode(inode, LINUX_IN_ATTRIB);
		dcache_delete(d);
		notify_removed(dir->dentry, d, name);
		remember_gone(dir->dentry, name);
	}
	return ret;
}

static int rmdir_locked(struct path *dir, struct dentry *d)
{
	struct inode *di = dentry_inode(dir->dentry);
	struct inode *inode = dentry_inode(d);
	char name[NAME_MAX_LEN + 1];
	int ret;

	ret = may_delete(dir->dentry, d, my_cred(), true);
	if (ret < 0)
		return ret;
	if (!di->ops->rmdir)
		return -EPERM;
	if (mount_is_local_point(d))
		return -EBUSY;
	memcpy(name, d->name, d->name_len + 1ul);
	mutex_lock_nested(&inode->dir_mu);
	ret = di->ops->rmdir(di, name, inode);
	if (ret == 0)
		dcache_delete(d);
	mutex_unlock(&inode->dir_mu);
	if (ret == 0) {
		dcache_prune_children(d);
		notify_removed(dir->dentry, d, name);
		remember_gone(dir->dentry, name);
	}
	return ret;
}

/* Errors of a final component that is no name. */
static int bad_last(int type, bool rmdir)
{
	if (!rmdir)
		return -EISDIR;
	if (type == LAST_DOTDOT)
		return -ENOTEMPTY;
	return type == LAST_DOT ? -EINVAL : -EBUSY;
}

static int slash_error(const struct inode *inode)
{
	if (!inode)
		return -ENOENT;
	return inode_is(inode, LINUX_S_IFDIR) ? -EISDIR : -ENOTDIR;
}

int vfs_unlinkat(int dirfd, const char *name, bool rmdir)
{
	AUTO_PATH struct path dir = { NULL, NULL };
	AUTO_PUT(dentry) struct dentry *d = NULL;
	struct walk_last last;
	uint32_t allowed;
	struct inode *di;
	int ret;

	ret = path_lookup(dirfd, name, WALK_PARENT, &dir, &last);
	if (ret < 0)
		return ret;
	if (last.type != LAST_NORM)
		return bad_last(last.type, rmdir);
	if (mount_readonly(dir.mnt))
		return -EROFS;
	di = dentry_inode(dir.dentry);
	allowed = landlock_allowed(my_cred(), &dir);
	mutex_lock(&di->dir_mu);
	ret = lookup_locked(dir.dentry, last.name, strlen(last.name), &d);
	if (ret == 0 && !rmdir && last.trailing_slash)
		ret = slash_error(dentry_inode(d));
	else if (ret == 0 && !dentry_inode(d))
		ret = -ENOENT;
	else if (ret == 0)
		ret = landlock_need(allowed,
				    rmdir ? LINUX_LANDLOCK_FS_REMOVE_DIR
					  : LINUX_LANDLOCK_FS_REMOVE_FILE);
	if (ret == 0)
		ret = rmdir ? rmdir_locked(&dir, d) : unlink_locked(&dir, d);
	mutex_unlock(&di->dir_mu);
	if (ret == 0)
		mount_detach_all(d); /* of other namespaces */
	return ret;
}

/* --- rename --------------------------------------------------------------- */

struct rename_args {
	struct path old_dir, new_dir;
	struct walk_last old_last, new_last;
	struct dentry *old, *new;
	uint32_t flags;
	struct landlock_refer refer;
};

/* Which of the two is first depends: beyond what clang can check. */
NO_LOCK_CHECK static void lock_dirs(struct dentry *a, struct dentry *b)
{
	struct inode *ai = dentry_inode(a), *bi = dentry_inode(b);

	if (ai == bi) {
		mutex_lock(&ai->dir_mu);
		return;
	}
	if (dentry_is_below(a, b) || (!dentry_is_below(b, a) && bi < ai)) {
		struct inode *tmp = ai;

		ai = bi;
		bi = tmp;
	}
	mutex_lock(&ai->dir_mu);
	mutex_lock_nested(&bi->dir_mu);
}

NO_LOCK_CHECK static void unlock_dirs(struct dentry *a, struct dentry *b)
{
	if (dentry_inode(a) != dentry_inode(b))
		mutex_unlock(&dentry_inode(a)->dir_mu);
	mutex_unlock(&dentry_inode(b)->dir_mu);
}

/* What do_renameat2() checks between its lookups and vfs_rename(). */
static int rename_check_names(struct rename_args *r)
{
	struct inode *old = dentry_inode(r->old), *new = dentry_inode(r->new);
	bool exchange = r->flags & LINUX_RENAME_EXCHANGE;

	if (!old)
		return -ENOENT;
	if ((r->flags & LINUX_RENAME_NOREPLACE) && new)
		return -EEXIST;
	if (exchange && !new)
		return -ENOENT;
	if (exchange && !inode_is(new, LINUX_S_IFDIR) &&
	    r->new_last.trailing_slash)
		return -ENOTDIR;
	if (!inode_is(old, LINUX_S_IFDIR)) {
		if (r->old_last.trailing_slash)
			return -ENOTDIR;
		if (!exchange && r->new_last.trailing_slash)
			return -ENOTDIR;
	}
	if (dentry_is_below(r->new_dir.dentry, r->old))
		return -EINVAL;
	if (new != NULL && dentry_is_below(r->old_dir.dentry, r->new))
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int rename_may(struct rename_args *r)
{
	struct inode *old = dentry_inode(r->old), *new = dentry_inode(r->new);
	bool is_dir = inode_is(old, LINUX_S_IFDIR), new_dir = is_dir;
	const struct cred *cred = my_cred();
	int ret;

	ret = may_delete(r->old_dir.dentry, r->old, cred, is_dir);
	if (ret < 0)
		return ret;
	if (new && (r->flags & LINUX_RENAME_EXCHANGE))
		new_dir = inode_is(new, LINUX_S_IFDIR);
	if (new)
		ret = may_delete(r->new_dir.dentry, r->new, cred, new_dir);
	else
		ret = may_create(&r->new_dir, cred);
	if (ret < 0)
		return ret;
	if (!dentry_inode(r->old_dir.dentry)->ops->rename)
		return -EPERM;
	/* ".." of a directory that changes its parent is written. */
	if (r->old_dir.dentry == r->new_dir.dentry)
		return 0;
	if (is_dir)
		ret = inode_permission(old, cred, MAY_WRITE);
	if (ret == 0 && new != NULL && new_dir &&
	    (r->flags & LINUX_RENAME_EXCHANGE))
		ret = inode_permission(new, cred, MAY_WRITE);
	return ret;
}

static void rename_dcache(struct rename_args *r, struct dcache_move *move,
			  bool victim_dir)
{
	if (r->flags & LINUX_RENAME_EXCHANGE) {
		dcache_exchange(move, r->old, r->new);
		return;
	}
	if (dentry_inode(r->new))
		dcache_delete(r->new);
	else
		dcache_drop(r->new);
	dcache_move(move, r->old, r->new_dir.dentry, r->new_last.name,
		    strlen(r->new_last.name));
	if (victim_dir)
		dcache_prune_children(r->new);
}

static void rename_notify(struct rename_args *r, struct inode *old,
			  struct inode *new)
{
	struct inode *from = dentry_inode(r->old_dir.dentry);
	struct inode *to = dentry_inode(r->new_dir.dentry);
	bool exchange = r->flags & LINUX_RENAME_EXCHANGE;

	notify_move(from, r->old_last.name, to, r->new_last.name, old,
		    exchange ? NULL : new);
	if (exchange)
		notify_move(to, r->new_last.name, from, r->old_last.name, new,
			    NULL);
}

NO_LOCK_CHECK static int rename_do(struct rename_args *r)
{
	struct inode *old = dentry_inode(r->old), *new = dentry_inode(r->new);
	struct inode *old_di = dentry_inode(r->old_dir.dentry);
	bool victim_dir = new != NULL && inode_is(new, LINUX_S_IFDIR) &&
			  !(r->flags & LINUX_RENAME_EXCHANGE);
	struct dcache_move move;
	int ret;

	if (mount_is_local_point(r->old) || mount_is_local_point(r->new))
		return -EBUSY;
	ret = dcache_move_prepare(&move, strlen(r->new_last.name),
				  strlen(r->old_last.name));
	if (ret < 0)
		return ret;
	if (victim_dir)
		mutex_lock_nested(&new->dir_mu);
	ret = old_di->ops->rename(old_di, r->old_last.name, old,
				  dentry_inode(r->new_dir.dentry),
				  r->new_last.name, new, r->flags);
	if (ret == 0)
		rename_dcache(r, &move, victim_dir);
	if (victim_dir)
		mutex_unlock(&new->dir_mu);
	dcache_move_fini(&move);
	if (ret == 0)
		rename_notify(r, old, new);
	return ret;
}

/* rename_mu and both dir_mu are held. */
static int rename_locked(struct rename_args *r)
{
	int ret;

	ret = lookup_locked(r->old_dir.dentry, r->old_last.name,
			    strlen(r->old_last.name), &r->old);
	if (ret < 0)
		return ret;
	ret = lookup_locked(r->new_dir.dentry, r->new_last.name,
			    strlen(r->new_last.name), &r->new);
	if (ret < 0)
		return ret;
	ret = rename_check_names(r);
	if (ret == 0)
		ret = landlock_refer_check(&r->refer, r->old, r->new_dir.dentry,
					   r->new, true,
					   r->flags & LINUX_RENAME_EXCHANGE);
	if (ret < 0)
		return ret;
	if (dentry_inode(r->old) == dentry_inode(r->new))
		return 0; /* two links of one file: nothing happens */
	ret = rename_may(r);
	return ret < 0 ? ret : rename_do(r);
}

static int rename_check_last(struct rename_args *r)
{
	if (r->old_dir.mnt != r->new_dir.mnt)
		return -EXDEV;
	if (r->old_last.type != LAST_NORM)
		return -EBUSY;
	if (r->new_last.type != LAST_NORM)
		return r->flags & LINUX_RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	return mount_readonly(r->old_dir.mnt) ? -EROFS : 0;
}

int vfs_renameat(int old_dirfd, const char *old_name, int new_dirfd,
		 const char *new_name, uint32_t flags)
{
	struct rename_args r = { .flags = flags };
	struct super *sb;
	int ret;

	ret = path_lookup(old_dirfd, old_name, WALK_PARENT, &r.old_dir,
			  &r.old_last);
	if (ret < 0)
		return ret;
	ret = path_lookup(new_dirfd, new_name, WALK_PARENT, &r.new_dir,
			  &r.new_last);
	if (ret == 0)
		ret = rename_check_last(&r);
	if (ret == 0) {
		landlock_refer_start(&r.refer, my_cred(), &r.old_dir,
				     &r.new_dir);
		sb = r.old_dir.dentry->sb;
		mutex_lock(&sb->rename_mu);
		lock_dirs(r.old_dir.dentry, r.new_dir.dentry);
		ret = rename_locked(&r);
		unlock_dirs(r.old_dir.dentry, r.new_dir.dentry);
		mutex_unlock(&sb->rename_mu);
	}
	if (r.old)
		dentry_put(r.old);
	if (r.new && r.new->deleted)
		mount_detach_all(r.new);
	if (r.new)
		dentry_put(r.new);
	path_put(&r.old_dir);
	path_put(&r.new_dir);
	return ret;
}
