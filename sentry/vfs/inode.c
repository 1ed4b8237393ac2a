/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inode: life of inodes and super blocks; permission; attributes.
 *
 * The file systems fill inodes and serve ops; the rules of inode(7), chmod(2),
 * chown(2), utimensat(2) and truncate(2) are here, once for all of them.
 *
 * Locks: inode->mu for times and setattr; mode, owner and size are atomics that
 *	  change under it.
 * Tests: tests/unit/test_tmpfs.c, conformance.
 */
#include <errno.h>
#include <string.h>

#include "abi/signal.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/acl.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/leases.h"
#include "sentry/vfs/locks.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/notify.h"

/* Anonymous device numbers start behind those a guest may know from disks. */
static _Atomic uint32_t g_next_dev = 20;

struct ktime ktime_now(void)
{
	uint64_t ns = clock_realtime_coarse();

	return (struct ktime){ .sec = (int64_t)(ns / NSEC_PER_SEC),
			       .nsec = (uint32_t)(ns % NSEC_PER_SEC) };
}

void inode_init(struct inode *inode, struct super *sb,
		const struct inode_ops *ops, uint64_t ino, uint32_t mode)
{
	ref_init(&inode->ref);
	inode->ops = ops;
	inode->sb = sb;
	inode->ino = ino;
	inode->mode = mode;
	inode->nlink = 1;
	mutex_init(&inode->dir_mu, LOCK_INODE_DIR);
	mutex_init(&inode->mu, LOCK_INODE);
}

void inode_get(struct inode *inode)
{
	ref_get(&inode->ref);
}

static void mutex_fini(struct mutex *m)
{
	pthread_mutex_destroy(&m->raw);
}

void inode_put(struct inode *inode)
{
	if (!ref_put(&inode->ref))
		return;
	locks_free_inode(inode);
	leases_free_inode(inode);
	acl_free_inode(inode);
	if (inode->ops->evict)
		inode->ops->evict(inode);
	free(inode);
}

/* --- super blocks --------------------------------------------------------- */

void super_init(struct super *sb, const struct super_ops *ops)
{
	ref_init(&sb->ref);
	sb->ops = ops;
	sb->dev = linux_makedev(0, g_next_dev++);
	mutex_init(&sb->rename_mu, LOCK_RENAME);
}

int super_set_root(struct super *sb, struct inode *root)
{
	return dentry_new(sb, NULL, "/", 1, root, &sb->root);
}

void super_get(struct super *sb)
{
	ref_get(&sb->ref);
}

void super_put(struct super *sb)
{
	if (!ref_put(&sb->ref))
		return;
	notify_super_gone(sb);
	dcache_drop_super(sb);
	if (sb->root)
		dentry_put(sb->root);
	if (sb->user_ns)
		user_ns_put(sb->user_ns);
	mutex_fini(&sb->rename_mu);
	if (sb->ops->free)
		sb->ops->free(sb);
}

/* --- permission ----------------------------------------------------------- */

/* What capabilities grant to somebody whom the mode and the list refuse. */
static int cap_permission(const struct inode *inode, const struct cred *cred,
			  uint32_t mask)
{
	uint32_t mode = inode->mode, uid = inode->uid, gid = inode->gid;

	if (inode_is(inode, LINUX_S_IFDIR)) {
		if (!(mask & MAY_WRITE) &&
		    cred_capable_wrt(cred, uid, gid, CAP_NR_DAC_READ_SEARCH))
			return 0;
		return cred_capable_wrt(cred, uid, gid, CAP_NR_DAC_OVERRIDE)
			       ? 0
			       : -EACCES;
	}
	if (mask == MAY_READ &&
	    cred_capable_wrt(cred, uid, gid, CAP_NR_DAC_READ_SEARCH))
		return 0;
	if ((!(mask & MAY_EXEC) || (mode & 0111)) &&
	    cred_capable_wrt(cred, uid, gid, CAP_NR_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_generic_permission(struct inode *inode, const struct cred *cred,
			     uint32_t mask)
{
	uint32_t bits = inode->mode;
	int ret = -EAGAIN;

	if (cred->fsuid == inode->uid)
		bits >>= 6;
	else
		ret = acl_permission(inode, cred, mask);
	if (ret == 0)
		return 0;
	if (ret == -EAGAIN) {
		if (cred->fsuid != inode->uid && ((bits >> 3 ^ bits) & 7) &&
		    cred_in_group(cred, inode->gid))
			bits >>= 3;
		if ((mask & ~bits & 7) == 0)
			return 0;
	}
	return cap_permission(inode, cred, mask);
}

int inode_permission(struct inode *inode, const struct cred *cred,
		     uint32_t mask)
{
	if (!cred)
		return 0; /* the kernel itself */
	if (inode->ops->permission)
		return inode->ops->permission(inode, cred, mask);
	return inode_generic_permission(inode, cred, mask);
}

bool inode_capable(const struct inode *inode, const struct cred *cred,
		   unsigned int cap)
{
	return cred_capable_wrt(cred, inode->uid, inode->gid, cap);
}

bool inode_owner_or_capable(struct inode *inode, const struct cred *cred)
{
	return !cred || cred->fsuid == inode->uid ||
	       inode_capable(inode, cred, CAP_NR_FOWNER);
}

/* --- attributes ----------------------------------------------------------- */

int inode_getattr(struct inode *inode, struct kstat *out)
{
	memset(out, 0, sizeof(*out));
	if (inode->ops->getattr)
		return inode->ops->getattr(inode, out);
	inode_fill_kstat(inode, out);
	return 0;
}

void inode_fill_kstat(struct inode *inode, struct kstat *out)
{
	out->ino = inode->ino;
	out->nlink = inode->nlink;
	out->size = inode->size;
	out->blocks = (out->size + 511) / 512;
	out->dev = inode->sb->dev;
	out->rdev = inode->rdev;
	out->mode = inode->mode;
	out->uid = inode->uid;
	out->gid = inode->gid;
	out->blksize = PAGE_SIZE;
	mutex_lock(&inode->mu);
	out->atime = inode->atime;
	out->mtime = inode->mtime;
	out->ctime = inode->ctime;
	out->btime = inode->btime;
	mutex_unlock(&inode->mu);
	out->has_btime = out->btime.sec != 0;
}

static bool mode_suid_to_kill(uint32_t mode)
{
	return (mode & LINUX_S_ISUID) ||
	       (mode & (LINUX_S_ISGID | LINUX_S_IXGRP)) ==
		       (LINUX_S_ISGID | LINUX_S_IXGRP);
}

/* chown, chmod, utimes: who may; setattr_prepare() of Linux. */
static int setattr_may(struct inode *inode, const struct cred *cred,
		       struct iattr *a)
{
	bool owner;

	if (!cred)
		return 0;
	owner = cred->fsuid == inode->uid;
	if ((a->valid & ATTR_UID) && !(owner && a->uid == inode->uid) &&
	    !inode_capable(inode, cred, CAP_NR_CHOWN))
		return -EPERM;
	if ((a->valid & ATTR_GID) &&
	    !(owner && (a->gid == inode->gid || cred_in_group(cred, a->gid))) &&
	    !inode_capable(inode, cred, CAP_NR_CHOWN))
		return -EPERM;
	if (a->valid & ATTR_MODE) {
		uint32_t gid = a->valid & ATTR_GID ? a->gid : inode->gid;

		if (!inode_owner_or_capable(inode, cred))
			return -EPERM;
		if (!cred_in_group(cred, gid) &&
		    !inode_capable(inode, cred, CAP_NR_FSETID))
			a->mode &= ~LINUX_S_ISGID;
	}
	return 0;
}

/* Explicit times: the owner; "now": also who may write. */
static int times_may(struct inode *inode, const struct cred *cred,
		     const struct iattr *a)
{
	const uint32_t now = ATTR_ATIME_NOW | ATTR_MTIME_NOW;
	const uint32_t set = ATTR_ATIME | ATTR_MTIME;

	if (a->valid & ATTR_SIZE)
		return 0;
	if (!(a->valid & (now | set)) || inode_owner_or_capable(inode, cred))
		return 0;
	if ((a->valid & set) || (a->valid & now) != now)
		return -EPERM;
	return inode_permission(inode, cred, MAY_WRITE);
}

/* Turns ATTR_KILL_SUID into a mode change if there is something to kill. */
static void fold_kill_suid(struct inode *inode, const struct cred *cred,
			   struct iattr *a)
{
	uint32_t mode = inode->mode;
	bool chown = a->valid & (ATTR_UID | ATTR_GID);

	if (!(a->valid & ATTR_KILL_SUID))
		return;
	a->valid &= ~(uint32_t)ATTR_KILL_SUID;
	if ((a->valid & ATTR_MODE) || !mode_suid_to_kill(mode))
		return;
	if (!chown && cred && inode_capable(inode, cred, CAP_NR_FSETID))
		return;
	if ((mode & LINUX_S_IFMT) == LINUX_S_IFDIR)
		return;
	a->valid |= ATTR_MODE;
	a->mode = mode & ~LINUX_S_ISUID & LINUX_S_IALLUGO;
	if (mode & LINUX_S_IXGRP)
		a->mode &= ~LINUX_S_ISGID;
}

void inode_setattr_copy(struct inode *inode, const struct iattr *a)
{
	struct ktime now = ktime_now();

	if (a->valid & ATTR_UID)
		inode->uid = a->uid;
	if (a->valid & ATTR_GID)
		inode->gid = a->gid;
	if (a->valid & ATTR_MODE)
		inode->mode = (inode->mode & LINUX_S_IFMT) |
			      (a->mode & LINUX_S_IALLUGO);
	if (a->valid & ATTR_SIZE)
		inode->size = a->size;
	if (a->valid & ATTR_ATIME)
		inode->atime = a->atime;
	if (a->valid & ATTR_MTIME)
		inode->mtime = a->mtime;
	if (a->valid & ATTR_ATIME_NOW)
		inode->atime = now;
	if (a->valid & (ATTR_MTIME_NOW | ATTR_SIZE))
		inode->mtime = now;
	inode->ctime = now;
}

int inode_setattr(struct mount *mnt, struct inode *inode,
		  const struct cred *cred, struct iattr *attr)
{
	bool kill = attr->valid & ATTR_KILL_SUID;
	int ret;

	if (mount_readonly(mnt))
		return -EROFS;
	ret = times_may(inode, cred, attr);
	if (ret < 0)
		return ret;
	mutex_lock(&inode->mu);
	ret = setattr_may(inode, cred, attr);
	if (ret == 0) {
		fold_kill_suid(inode, cred, attr);
		/* Nothing left to set, as in chown(-1, -1), moves ctime. */
		if (inode->ops->setattr)
			ret = inode->ops->setattr(inode, attr);
		else
			inode_setattr_copy(inode, attr);
	}
	mutex_unlock(&inode->mu);
	if (ret == 0 && kill)
		inode_kill_caps(inode);
	if (ret == 0 && (attr->valid & ATTR_MODE) &&
	    !inode_is(inode, LINUX_S_IFLNK))
		acl_chmod(inode);
	return ret;
}

/* --- truncation, as truncate(2), ftruncate(2) and O_TRUNC ----------------- */

int vfs_check_size_limit(uint64_t size)
{
	struct task *t = current_task();
	struct linux_siginfo si;

	if (!t || size <= task_rlimit(t, RLIM_FSIZE))
		return 0;
	siginfo_kernel(&si, LINUX_SIGXFSZ);
	(void)signal_send_task(t, &si);
	return -EFBIG;
}

int vfs_truncate(struct mount *mnt, struct inode *inode,
		 const struct cred *cred, uint64_t size)
{
	struct iattr a = { .valid = ATTR_SIZE | ATTR_KILL_SUID, .size = size };
	int ret;

	if (size > inode->size) {
		ret = vfs_check_size_limit(size);
		if (ret < 0)
			return ret;
	}
	return inode_setattr(mnt, inode, cred, &a);
}

/* Asked once for each inode; setxattr(2) makes it be asked again. */
void inode_kill_caps(struct inode *inode)
{
	const struct inode_ops *ops = inode->ops;
	bool has;

	if (likely(inode->no_caps) || !inode_is(inode, LINUX_S_IFREG))
		return;
	inode->no_caps = true;
	has = ops->getxattr && ops->removexattr &&
	      ops->getxattr(inode, LINUX_XATTR_NAME_CAPS, NULL, 0) > 0;
	if (has && ops->removexattr(inode, LINUX_XATTR_NAME_CAPS) < 0)
		inode->no_caps = false;
}

/* After a write by somebody without CAP_FSETID; cheap when there is nothing. */
void vfs_kill_suid(struct file *f)
{
	struct iattr a = { .valid = ATTR_KILL_SUID };
	struct inode *named = dentry_inode(f->path.dentry);
	struct task *t = current_task();

	if (t && named)
		inode_kill_caps(named);
	if (!t || !mode_suid_to_kill(f->inode->mode) ||
	    inode_capable(f->inode, t->cred, CAP_NR_FSETID))
		return;
	/* As the kernel: the writer need not own the file. */
	fold_kill_suid(f->inode, t->cred, &a);
	if (a.valid && inode_setattr(f->path.mnt, f->inode, NULL, &a) < 0)
		return;
}

/* relatime: at most once a day unless the file was changed since. */
void file_touch_atime(struct file *f)
{
	struct inode *i = f->inode;
	struct ktime now;

	if ((f->flags & 01000000) || (mount_flags(f->path.mnt) & MNT_NOATIME) ||
	    mount_readonly(f->path.mnt))
		return;
	now = ktime_now();
	mutex_lock(&i->mu);
	if (!ktime_after(&i->atime, &i->mtime) ||
	    !ktime_after(&i->atime, &i->ctime) ||
	    now.sec - i->atime.sec >= 24 * 60 * 60)
		i->atime = now;
	mutex_unlock(&i->mu);
}
