/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open: open(2) in Linux's order: flags, walk, creation, type, permission,
 * truncation, the file system's open.
 *
 * Locks: dir_mu while a name is looked up for creation.
 * Tests: tests/unit/test_tmpfs.c, conformance.
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/dev/dev.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/acl.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/landlock.h"
#include "sentry/vfs/leases.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/protected.h"

/* MAY_* that an access mode asks for; 3 asks for both, as Linux. */
static uint32_t access_of(uint32_t flags)
{
	static const uint8_t acc[4] = { MAY_READ, MAY_WRITE,
					MAY_READ | MAY_WRITE,
					MAY_READ | MAY_WRITE };

	return acc[flags & LINUX_O_ACCMODE];
}

int open_check_flags(uint32_t flags)
{
	const uint32_t dir_creat = LINUX_O_DIRECTORY | LINUX_O_CREAT;

	if ((flags & dir_creat) == dir_creat)
		return -EINVAL;
	if (!(flags & LINUX_O_TMPFILE_BIT))
		return 0;
	if (!(flags & LINUX_O_DIRECTORY) || !(access_of(flags) & MAY_WRITE))
		return -EINVAL;
	return 0;
}

/* --- the inode is known --------------------------------------------------- */

/* Is @flags allowed on a file of this type, whoever asks? */
static int check_type(const struct path *p, struct inode *inode,
		      uint32_t *flags, uint32_t acc)
{
	switch (inode->mode & LINUX_S_IFMT) {
	case LINUX_S_IFLNK:
		return -ELOOP;
	case LINUX_S_IFDIR:
		if (acc & MAY_WRITE)
			return -EISDIR;
		return acc & MAY_EXEC ? -EACCES : 0;
	case LINUX_S_IFBLK:
	case LINUX_S_IFCHR:
		if ((mount_flags(p->mnt) & MNT_NODEV) || inode->sb->user_ns)
			return -EACCES;
		__attribute__((fallthrough));
	case LINUX_S_IFIFO:
	case LINUX_S_IFSOCK:
		*flags &= ~LINUX_O_TRUNC;
		return acc & MAY_EXEC ? -EACCES : 0;
	default:
		if ((acc & MAY_EXEC) && (mount_flags(p->mnt) & MNT_NOEXEC))
			return -EACCES;
		return 0;
	}
}

static int may_open(const struct path *p, struct inode *inode, uint32_t *flags,
		    uint32_t acc, const struct cred *cred)
{
	int ret = check_type(p, inode, flags, acc);

	if (ret == 0)
		ret = inode_permission(inode, cred, acc);
	if (ret < 0)
		return ret;
	if ((*flags & LINUX_O_NOATIME) && !inode_owner_or_capable(inode, cred))
		return -EPERM;
	return 0;
}

/* Lets the object behind the inode fill the file. */
static int call_open(struct inode *inode, struct file *f)
{
	int ret = -ENXIO;

	switch (inode->mode & LINUX_S_IFMT) {
	case LINUX_S_IFCHR:
		ret = chrdev_open(inode->rdev, inode, f);
		if (ret != -ENXIO)
			return ret;
		break;
	case LINUX_S_IFIFO:
		return fifo_open(inode, f);
	case LINUX_S_IFBLK:
	case LINUX_S_IFSOCK:
		return -ENXIO;
	default:
		break;
	}
	return inode->ops->open ? inode->ops->open(inode, f) : ret;
}

/* What the opener's domain says; it also decides on later truncations. */
static int open_restricted(const struct path *p, struct file *f, uint32_t flags)
{
	struct task *t = current_task();
	uint32_t allowed;

	if (!t || likely(!landlock_is_on(t->cred)))
		return 0;
	allowed = landlock_allowed(t->cred, p);
	f->no_truncate = !(allowed & LINUX_LANDLOCK_FS_TRUNCATE);
	return landlock_need(allowed, landlock_open_access(f->inode, flags));
}

/* do_dentry_open(): everything was allowed. */
static int open_inode(const struct path *p, uint32_t flags, struct file **out)
{
	const uint32_t drop = LINUX_O_CREAT | LINUX_O_EXCL | LINUX_O_NOCTTY |
			      LINUX_O_TRUNC | LINUX_O_CLOEXEC;
	struct inode *inode = dentry_inode(p->dentry);
	AUTO_PUT(file) struct file *f = NULL;
	int ret;

	if ((access_of(flags) & MAY_WRITE) && !(flags & LINUX_O_PATH) &&
	    mount_readonly(p->mnt) &&
	    (inode_is(inode, LINUX_S_IFREG) || inode_is(inode, LINUX_S_IFDIR)))
		return -EROFS;
	ret = file_new(p, inode, flags, &f);
	if (ret < 0)
		return ret;
	if (!(flags & LINUX_O_PATH)) {
		ret = open_restricted(p, f, flags);
		if (ret == 0)
			ret = file_count_open(f);
		if (ret == 0)
			ret = lease_break(inode, flags);
		if (ret == 0)
			ret = call_open(inode, f);
		if (ret < 0) {
			f->ops = NULL; /* release() has nothing to undo */
			return ret;
		}
		notify_file(f, LINUX_IN_OPEN);
	}
	f->flags &= ~drop;
	*out = take(f);
	return 0;
}

/* O_TRUNC also comes with O_RDONLY: a writer for the time. */
static int truncate_opened(const struct path *p, struct inode *inode,
			   const struct cred *cred)
{
	int ret = inode_get_write(inode);

	if (ret < 0)
		return ret;
	ret = vfs_truncate(p->mnt, inode, cred, 0);
	inode_put_write(inode);
	if (ret == 0)
		notify_dentry(p->dentry, LINUX_IN_MODIFY);
	return ret;
}

/* The end of an open: type and permission unless just @created. */
static int finish_open(const struct path *p, uint32_t flags, bool created,
		       const struct cred *cred, struct file **out)
{
	struct inode *inode = dentry_inode(p->dentry);
	uint32_t acc = access_of(flags);
	int ret;

	if (flags & LINUX_O_PATH)
		return open_inode(p, flags, out);
	if (created)
		return open_inode(p, flags & ~LINUX_O_TRUNC, out);
	if (flags & LINUX_O_TRUNC)
		acc |= MAY_WRITE;
	if ((flags & LINUX_O_TRUNC) && inode_is(inode, LINUX_S_IFREG) &&
	    mount_readonly(p->mnt))
		return -EROFS;
	ret = may_open(p, inode, &flags, acc, cred);
	if (ret < 0)
		return ret;
	ret = open_inode(p, flags, out);
	if (ret < 0 || !(flags & LINUX_O_TRUNC) ||
	    !inode_is(inode, LINUX_S_IFREG))
		return ret;
	ret = (*out)->no_truncate ? -EACCES : truncate_opened(p, inode, cred);
	if (ret < 0) {
		file_put(*out);
		*out = NULL;
	}
	return ret;
}

int vfs_open_path(const struct path *p, uint32_t flags, const struct cred *cred,
		  struct file **out)
{
	if ((flags & LINUX_O_DIRECTORY) &&
	    !inode_is(dentry_inode(p->dentry), LINUX_S_IFDIR))
		return -ENOTDIR;
	return finish_open(p, flags & LINUX_O_VALID, false, cred, out);
}

/* --- with creation -------------------------------------------------------- */

/* Under dir_mu: *out is the child, +1; *created says that it is new. */
static int lookup_or_create(struct walk *w, const struct open_args *a,
			    struct dentry **out, bool *created)
{
	struct inode *di = dentry_inode(w->path.dentry);
	uint32_t allowed = landlock_allowed(w->cred, &w->path), mode;
	int ret;

	mutex_lock(&di->dir_mu);
	ret = lookup_locked(w->path.dentry, w->last, w->last_len, out);
	if (ret == 0 && !dentry_inode(*out)) {
		mode = new_mode(di, a->mode & LINUX_S_IALLUGO);
		ret = landlock_need(allowed, LINUX_LANDLOCK_FS_MAKE_REG);
		if (mount_readonly(w->path.mnt))
			ret = -EROFS;
		else if (ret == 0)
			ret = create_locked(&w->path, *out,
					    mode | LINUX_S_IFREG, 0, NULL,
					    w->cred);
		if (ret == 0)
			*created = true;
		else
			dentry_put(*out);
	}
	mutex_unlock(&di->dir_mu);
	return ret;
}

/*
 * The final component of an open with O_CREAT.  1: a link was followed, go on;
 * 0: w->path is the file.
 */
static int create_last(struct walk *w, const struct open_args *a, bool *created)
{
	struct inode *inode, *dir = dentry_inode(w->path.dentry);
	struct dentry *d;
	int ret;

	if (w->last_type != LAST_NORM || w->trailing)
		return -EISDIR;
	/* What exists is found without a lock; a shared one is asked again. */
	ret = walk_lookup(w, w->last, w->last_len, &d);
	if (ret < 0)
		return ret;
	if (!dentry_inode(d)) {
		dentry_put(d);
		if (w->flags & WALK_CACHED)
			return -EAGAIN;
		ret = lookup_or_create(w, a, &d, created);
		if (ret < 0)
			return ret;
	}
	inode = dentry_inode(d);
	if (!*created && (a->flags & LINUX_O_EXCL)) {
		dentry_put(d);
		return -EEXIST;
	}
	if (inode_is(inode, LINUX_S_IFLNK) && (w->flags & WALK_FOLLOW)) {
		ret = protected_follow(dir, inode, w->cred);
		if (ret == 0)
			ret = walk_follow(w, d);
		dentry_put(d);
		return ret < 0 ? ret : !w->jumped;
	}
	if (!*created) {
		ret = protected_create(dir, inode, w->cred);
		if (ret < 0) {
			dentry_put(d);
			return ret;
		}
	}
	ret = walk_enter(w, d);
	if (ret == 0 && inode_is(dentry_inode(w->path.dentry), LINUX_S_IFDIR))
		return -EISDIR;
	return ret;
}

static int open_tmpfile(struct walk *w, const struct open_args *a,
			struct file **out)
{
	struct inode *di = dentry_inode(w->path.dentry), *inode = NULL;
	AUTO_PUT(dentry) struct dentry *d = NULL;
	struct posix_acl *acl = NULL;
	uint32_t mode, gid;
	struct path p;
	int ret;

	if (mount_readonly(w->path.mnt))
		return -EROFS;
	ret = inode_permission(di, w->cred, MAY_WRITE | MAY_EXEC);
	if (ret < 0)
		return ret;
	if (!di->ops->tmpfile)
		return -EOPNOTSUPP;
	mode = new_mode(di, a->mode & LINUX_S_IALLUGO) | LINUX_S_IFREG;
	ret = acl_inherit(di, &mode, &acl);
	if (ret < 0)
		return ret;
	gid = di->mode & LINUX_S_ISGID ? di->gid : w->cred->fsgid;
	mutex_lock(&di->dir_mu);
	ret = di->ops->tmpfile(di, mode, w->cred->fsuid, gid, &inode);
	mutex_unlock(&di->dir_mu);
	if (ret < 0) {
		free(acl);
		return ret;
	}
	if (acl)
		acl_give(inode, di, acl);
	inode->linkable = !(a->flags & LINUX_O_EXCL);
	ret = dentry_new(w->path.dentry->sb, w->path.dentry, "#tmpfile", 8,
			 inode, &d);
	if (ret < 0) {
		inode_put(inode);
		return ret;
	}
	d->deleted = true;
	p.mnt = w->path.mnt;
	p.dentry = d;
	return open_inode(&p, a->flags & ~LINUX_O_DIRECTORY, out);
}

/* From a started walk to the file. */
static int open_walk(struct walk *w, const struct open_args *a,
		     struct file **out)
{
	bool creat = a->flags & LINUX_O_CREAT, created = false;
	int ret;

	do {
		ret = walk_to_last(w);
		if (ret < 0)
			return ret;
		ret = creat ? create_last(w, a, &created) : walk_finish(w);
	} while (ret > 0);
	if (ret < 0)
		return ret;
	if (a->flags & LINUX_O_TMPFILE_BIT)
		return open_tmpfile(w, a, out);
	return finish_open(&w->path, a->flags, created, w->cred, out);
}

int vfs_open(int dirfd, const char *name, uint32_t flags, uint32_t mode,
	     uint32_t walk, struct file **out)
{
	struct open_args a = { .flags = flags & LINUX_O_VALID, .mode = mode };
	struct walk w;
	int ret;

	ret = open_check_flags(a.flags);
	if (ret < 0)
		return ret;
	if (a.flags & LINUX_O_PATH)
		a.flags &= LINUX_O_PATH_FLAGS;
	if (a.flags & LINUX_O_DIRECTORY)
		walk |= WALK_DIRECTORY;
	else if (!(a.flags & LINUX_O_PATH) && access_of(a.flags) == MAY_READ)
		walk |= WALK_READ;
	if (!(a.flags & LINUX_O_NOFOLLOW) &&
	    (a.flags & (LINUX_O_CREAT | LINUX_O_EXCL)) !=
		    (LINUX_O_CREAT | LINUX_O_EXCL))
		walk |= WALK_FOLLOW;
	ret = walk_start(&w, dirfd, name, walk, current_task()->cred);
	if (ret == 0)
		ret = open_walk(&w, &a, out);
	walk_fini(&w);
	return ret;
}

int vfs_open_exec(int dirfd, const char *name, uint32_t walk, struct file **out)
{
	const struct cred *cred = current_task()->cred;
	AUTO_PATH struct path p = { NULL, NULL };
	struct inode *inode;
	uint32_t flags = LINUX_O_RDONLY;
	int ret;

	ret = path_lookup(dirfd, name, walk | WALK_READ, &p, NULL);
	if (ret < 0)
		return ret;
	inode = dentry_inode(p.dentry);
	ret = may_open(&p, inode, &flags, MAY_EXEC, cred);
	if (ret == 0)
		ret = landlock_need(landlock_allowed(cred, &p),
				    LINUX_LANDLOCK_FS_EXECUTE);
	if (ret < 0)
		return ret;
	if (!inode_is(inode, LINUX_S_IFREG))
		return -EACCES;
	ret = open_inode(&p, flags, out);
	if (ret == 0)
		ret = file_deny_write(*out);
	if (ret < 0 && *out)
		file_put(take(*out));
	return ret;
}
