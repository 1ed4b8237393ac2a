/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_stat: stat(2), statx(2), access(2), statfs(2) and relatives.
 *
 * Tests: tests/conformance/attr.c
 */
#include "abi/statfs.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/sys_file.h"
#include "sentry/vfs/mount.h"
#include "syscalls.h"

/* --- looking up for *at calls --------------------------------------------- */

static int at_descriptor(int dirfd, struct path *out)
{
	AUTO_PUT(file) struct file *f = NULL;

	if (dirfd == LINUX_AT_FDCWD)
		return path_lookup(dirfd, "", WALK_EMPTY, out, NULL);
	f = current_file_any(dirfd);
	if (!f)
		return -EBADF;
	path_get(&f->path);
	*out = f->path;
	return 0;
}

int at_lookup(int dirfd, uaddr_t name, uint32_t at_flags, uint32_t walk,
	      struct path *out)
{
	bool empty_ok = at_flags & LINUX_AT_EMPTY_PATH;
	struct path_buf b;
	int ret;

	if (empty_ok && uaddr_is_null(name))
		return at_descriptor(dirfd, out);
	ret = path_in(&b, name);
	if (ret == -ENOENT && empty_ok)
		return at_descriptor(dirfd, out);
	if (ret < 0)
		return ret;
	return path_lookup(dirfd, b.name, walk, out, NULL);
}

/* --- stat ----------------------------------------------------------------- */

static int stat_path(const struct path *p, struct kstat *out)
{
	int ret = inode_getattr(dentry_inode(p->dentry), out);

	out->mnt_id = mount_id(p->mnt);
	if (p->mnt && p->mnt->root == p->dentry)
		out->attributes |= LINUX_STATX_ATTR_MOUNT_ROOT;
	return ret;
}

static int stat_out(uaddr_t buf, const struct kstat *st)
{
	struct linux_stat out = {
		.dev = st->dev,
		.ino = st->ino,
		.nlink = st->nlink,
		.mode = st->mode,
		.uid = uid_to_guest(st->uid),
		.gid = gid_to_guest(st->gid),
		.rdev = st->rdev,
		.size = (int64_t)st->size,
		.blksize = st->blksize,
		.blocks = (int64_t)st->blocks,
		.atime = (uint64_t)st->atime.sec,
		.atime_nsec = st->atime.nsec,
		.mtime = (uint64_t)st->mtime.sec,
		.mtime_nsec = st->mtime.nsec,
		.ctime = (uint64_t)st->ctime.sec,
		.ctime_nsec = st->ctime.nsec,
	};

	return copy_out(buf, &out, sizeof(out));
}

static long stat_common(int dirfd, uaddr_t path, uint32_t at_flags,
			uint32_t walk, uaddr_t buf)
{
	AUTO_PATH struct path p = { NULL, NULL };
	struct kstat st = { 0 };
	int ret;

	ret = at_lookup(dirfd, path, at_flags, walk, &p);
	if (ret == 0)
		ret = stat_path(&p, &st);
	return ret < 0 ? ret : stat_out(buf, &st);
}

long sys_stat(struct task *t, uaddr_t path, uaddr_t buf)
{
	(void)t;
	return stat_common(LINUX_AT_FDCWD, path, 0, WALK_FOLLOW, buf);
}

long sys_lstat(struct task *t, uaddr_t path, uaddr_t buf)
{
	(void)t;
	return stat_common(LINUX_AT_FDCWD, path, 0, 0, buf);
}

long sys_fstat(struct task *t, int32_t fd, uaddr_t buf)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup_any(t->fds, fd);
	struct kstat st;
	int ret;

	if (!f)
		return -EBADF;
	ret = stat_path(&f->path, &st);
	return ret < 0 ? ret : stat_out(buf, &st);
}

long sys_newfstatat(struct task *t, int32_t dirfd, uaddr_t path, uaddr_t buf,
		    uint32_t flags)
{
	(void)t;
	if (flags &
	    ~(uint32_t)(LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_NO_AUTOMOUNT |
			LINUX_AT_EMPTY_PATH | LINUX_AT_STATX_SYNC_TYPE))
		return -EINVAL;
	return stat_common(dirfd, path, flags,
			   flags & LINUX_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW,
			   buf);
}

static struct linux_statx_timestamp statx_time(const struct ktime *k)
{
	return (struct linux_statx_timestamp){ .sec = k->sec, .nsec = k->nsec };
}

static int statx_out(uaddr_t buf, const struct kstat *st, uint32_t mask)
{
	struct linux_statx out = {
		.mask = LINUX_STATX_BASIC_STATS | LINUX_STATX_MNT_ID,
		.blksize = st->blksize,
		.attributes = st->attributes,
		.attributes_mask = LINUX_STATX_ATTR_MOUNT_ROOT,
		.nlink = (uint32_t)st->nlink,
		.uid = uid_to_guest(st->uid),
		.gid = gid_to_guest(st->gid),
		.mode = (uint16_t)st->mode,
		.ino = st->ino,
		.size = st->size,
		.blocks = st->blocks,
		.atime = statx_time(&st->atime),
		.ctime = statx_time(&st->ctime),
		.mtime = statx_time(&st->mtime),
		.rdev_major = linux_dev_major(st->rdev),
		.rdev_minor = linux_dev_minor(st->rdev),
		.dev_major = linux_dev_major(st->dev),
		.dev_minor = linux_dev_minor(st->dev),
		.mnt_id = st->mnt_id,
	};

	/* As Linux: times of changes count as told only if asked for. */
	if (!(mask & (LINUX_STATX_MTIME | LINUX_STATX_CTIME)))
		out.mask &= ~(LINUX_STATX_MTIME | LINUX_STATX_CTIME);
	if (mask & LINUX_STATX_MNT_ID_UNIQUE) {
		out.mask ^= LINUX_STATX_MNT_ID | LINUX_STATX_MNT_ID_UNIQUE;
		out.mnt_id += MOUNT_UNIQUE_BASE;
	}
	if (st->has_btime && (mask & LINUX_STATX_BTIME)) {
		out.mask |= LINUX_STATX_BTIME;
		out.btime = statx_time(&st->btime);
	}
	return copy_out(buf, &out, sizeof(out));
}

long sys_statx(struct task *t, int32_t dirfd, uaddr_t path, uint32_t flags,
	       uint32_t mask, uaddr_t buf)
{
	AUTO_PATH struct path p = { NULL, NULL };
	struct kstat st = { 0 };
	int ret;

	(void)t;
	if (mask & LINUX_STATX_RESERVED)
		return -EINVAL;
	if ((flags & LINUX_AT_STATX_SYNC_TYPE) == LINUX_AT_STATX_SYNC_TYPE)
		return -EINVAL;
	if (flags &
	    ~(uint32_t)(LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_NO_AUTOMOUNT |
			LINUX_AT_EMPTY_PATH | LINUX_AT_STATX_SYNC_TYPE))
		return -EINVAL;
	ret = at_lookup(dirfd, path, flags,
			flags & LINUX_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW,
			&p);
	if (ret == 0)
		ret = stat_path(&p, &st);
	return ret < 0 ? ret : statx_out(buf, &st, mask);
}

/* --- access --------------------------------------------------------------- */

/* The identity access(2) asks for: real ids, capabilities of a real root. */
static int real_cred(const struct cred *c, struct cred **out)
{
	struct cred *r;
	int ret = cred_copy(c, &r);

	if (ret < 0)
		return ret;
	r->fsuid = r->uid;
	r->fsgid = r->gid;
	r->cap_effective = r->uid == cred_root(r) ? r->cap_permitted : 0;
	*out = r;
	return 0;
}

static bool same_as_real(const struct cred *c)
{
	return c->fsuid == c->uid && c->fsgid == c->gid &&
	       c->cap_effective ==
		       (c->uid == cred_root(c) ? c->cap_permitted : 0);
}

static int access_inode(const struct path *p, const struct cred *cred,
			uint32_t mode)
{
	struct inode *inode = dentry_inode(p->dentry);
	uint32_t type = inode->mode & LINUX_S_IFMT;
	int ret;

	if ((mode & LINUX_X_OK) && type == LINUX_S_IFREG &&
	    (mount_flags(p->mnt) & MNT_NOEXEC))
		return -EACCES;
	ret = inode_permission(inode, cred, mode);
	if (ret < 0 || !(mode & LINUX_W_OK))
		return ret;
	if (type != LINUX_S_IFREG && type != LINUX_S_IFDIR &&
	    type != LINUX_S_IFLNK)
		return 0;
	return mount_readonly(p->mnt) ? -EROFS : 0;
}

static int access_as(const struct cred *cred, int dirfd, uaddr_t path,
		     uint32_t mode, uint32_t flags)
{
	AUTO_PATH struct path p = { NULL, NULL };
	struct path_buf b;
	int ret;

	ret = path_in(&b, path);
	if (ret == -ENOENT && (flags & LINUX_AT_EMPTY_PATH))
		ret = at_descriptor(dirfd, &p);
	else if (ret == 0)
		ret = path_lookup_cred(
			dirfd, b.name,
			flags & LINUX_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW,
			cred, &p, NULL);
	return ret < 0 ? ret : access_inode(&p, cred, mode);
}

static long access_common(struct task *t, int dirfd, uaddr_t path,
			  uint32_t mode, uint32_t flags)
{
	AUTO_PUT(cred) struct cred *real = NULL;
	int ret;

	if (mode & ~7u)
		return -EINVAL;
	if (flags & ~(uint32_t)(LINUX_AT_EACCESS | LINUX_AT_SYMLINK_NOFOLLOW |
				LINUX_AT_EMPTY_PATH))
		return -EINVAL;
	if ((flags & LINUX_AT_EACCESS) || same_as_real(t->cred))
		return access_as(t->cred, dirfd, path, mode, flags);
	ret = real_cred(t->cred, &real);
	return ret < 0 ? ret : access_as(real, dirfd, path, mode, flags);
}

long sys_access(struct task *t, uaddr_t path, uint32_t mode)
{
	return access_common(t, LINUX_AT_FDCWD, path, mode, 0);
}

long sys_faccessat(struct task *t, int32_t dirfd, uaddr_t path, uint32_t mode)
{
	return access_common(t, dirfd, path, mode, 0);
}

long sys_faccessat2(struct task *t, int32_t dirfd, uaddr_t path, uint32_t mode,
		    uint32_t flags)
{
	return access_common(t, dirfd, path, mode, flags);
}

/* --- statfs --------------------------------------------------------------- */

static const struct {
	uint32_t mnt;
	int64_t st;
} flag_map[] = {
	{ MNT_READONLY, LINUX_ST_RDONLY }, { MNT_NOSUID, LINUX_ST_NOSUID },
	{ MNT_NODEV, LINUX_ST_NODEV },	   { MNT_NOEXEC, LINUX_ST_NOEXEC },
	{ MNT_NOATIME, LINUX_ST_NOATIME }, { MNT_RELATIME, LINUX_ST_RELATIME },
};

static int64_t statfs_flags(const struct path *p)
{
	int64_t flags = LINUX_ST_VALID;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flag_map); i++) {
		if (mount_flags(p->mnt) & flag_map[i].mnt)
			flags |= flag_map[i].st;
	}
	return flags;
}

static long statfs_path(const struct path *p, uaddr_t buf)
{
	struct super *sb = p->dentry->sb;
	struct kstatfs k = { 0 };
	struct linux_statfs out;
	int ret;

	if (!sb->ops->statfs)
		return -ENOSYS;
	ret = sb->ops->statfs(sb, &k);
	if (ret < 0)
		return ret;
	out = (struct linux_statfs){
		.type = (int64_t)k.type,
		.bsize = (int64_t)k.bsize,
		.blocks = k.blocks,
		.bfree = k.bfree,
		.bavail = k.bavail,
		.files = k.files,
		.ffree = k.ffree,
		.fsid = { (int32_t)sb->dev, (int32_t)(sb->dev >> 32) },
		.namelen = (int64_t)k.namelen,
		.frsize = (int64_t)(k.frsize ? k.frsize : k.bsize),
		.flags = statfs_flags(p),
	};
	return copy_out(buf, &out, sizeof(out));
}

long sys_statfs(struct task *t, uaddr_t path, uaddr_t buf)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret;

	(void)t;
	ret = path_lookup_user(LINUX_AT_FDCWD, path, WALK_FOLLOW, &p, NULL);
	return ret < 0 ? ret : statfs_path(&p, buf);
}

long sys_fstatfs(struct task *t, int32_t fd, uaddr_t buf)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup_any(t->fds, fd);

	return f ? statfs_path(&f->path, buf) : -EBADF;
}
