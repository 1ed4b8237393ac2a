/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_attr: chmod(2), chown(2), utimensat(2) and relatives.
 *
 * Tests: tests/conformance/attr.c
 */
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/sys_file.h"
#include "sentry/vfs/notify.h"
#include "syscalls.h"

/* Through a path; -EBADF and others come from the lookup before. */
static int setattr_path(struct task *t, const struct path *p, struct iattr *a)
{
	uint32_t event = notify_of_attr(a->valid);
	int ret = inode_setattr(p->mnt, dentry_inode(p->dentry), t->cred, a);

	if (ret == 0 && event)
		notify_dentry(p->dentry, event);
	return ret;
}

/* --- mode ----------------------------------------------------------------- */

static int chmod_path(struct task *t, const struct path *p, uint32_t mode)
{
	struct iattr a = { .valid = ATTR_MODE, .mode = mode & LINUX_S_IALLUGO };

	if (inode_is(dentry_inode(p->dentry), LINUX_S_IFLNK))
		return mount_readonly(p->mnt) ? -EROFS : -EOPNOTSUPP;
	return setattr_path(t, p, &a);
}

long sys_fchmodat2(struct task *t, int32_t dirfd, uaddr_t path, uint32_t mode,
		   uint32_t flags)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret;

	if (flags &
	    ~(uint32_t)(LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_EMPTY_PATH))
		return -EINVAL;
	ret = at_lookup(dirfd, path, flags,
			flags & LINUX_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW,
			&p);
	return ret < 0 ? ret : chmod_path(t, &p, mode);
}

long sys_fchmodat(struct task *t, int32_t dirfd, uaddr_t path, uint32_t mode)
{
	return sys_fchmodat2(t, dirfd, path, mode, 0);
}

long sys_chmod(struct task *t, uaddr_t path, uint32_t mode)
{
	return sys_fchmodat2(t, LINUX_AT_FDCWD, path, mode, 0);
}

long sys_fchmod(struct task *t, int32_t fd, uint32_t mode)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);

	return f ? chmod_path(t, &f->path, mode) : -EBADF;
}

/* --- owner ---------------------------------------------------------------- */

static int chown_path(struct task *t, const struct path *p, uint32_t uid,
		      uint32_t gid)
{
	struct iattr a = { .uid = uid_from_guest(uid),
			   .gid = gid_from_guest(gid) };

	if (uid != UINT32_MAX)
		a.valid |= ATTR_UID;
	if (gid != UINT32_MAX)
		a.valid |= ATTR_GID;
	if (((a.valid & ATTR_UID) && a.uid == UINT32_MAX) ||
	    ((a.valid & ATTR_GID) && a.gid == UINT32_MAX))
		return -EINVAL;
	if (!inode_is(dentry_inode(p->dentry), LINUX_S_IFDIR))
		a.valid |= ATTR_KILL_SUID;
	return setattr_path(t, p, &a);
}

long sys_fchownat(struct task *t, int32_t dirfd, uaddr_t path, uint32_t uid,
		  uint32_t gid, uint32_t flags)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret;

	if (flags &
	    ~(uint32_t)(LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_EMPTY_PATH))
		return -EINVAL;
	ret = at_lookup(dirfd, path, flags,
			flags & LINUX_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW,
			&p);
	return ret < 0 ? ret : chown_path(t, &p, uid, gid);
}

long sys_chown(struct task *t, uaddr_t path, uint32_t uid, uint32_t gid)
{
	return sys_fchownat(t, LINUX_AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(struct task *t, uaddr_t path, uint32_t uid, uint32_t gid)
{
	return sys_fchownat(t, LINUX_AT_FDCWD, path, uid, gid,
			    LINUX_AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(struct task *t, int32_t fd, uint32_t uid, uint32_t gid)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);

	return f ? chown_path(t, &f->path, uid, gid) : -EBADF;
}

/* --- times ---------------------------------------------------------------- */

static bool nsec_valid(int64_t nsec)
{
	return nsec == LINUX_UTIME_NOW || nsec == LINUX_UTIME_OMIT ||
	       (nsec >= 0 && nsec < 1000000000);
}

static void one_time(struct iattr *a, const struct linux_timespec *ts,
		     struct ktime *to, uint32_t set, uint32_t now)
{
	if (ts->nsec == LINUX_UTIME_OMIT)
		return;
	if (ts->nsec == LINUX_UTIME_NOW) {
		a->valid |= now;
		return;
	}
	a->valid |= set;
	to->sec = ts->sec;
	to->nsec = (uint32_t)ts->nsec;
}

/* @ts NULL: both are now. */
static int times_to_attr(const struct linux_timespec *ts, struct iattr *a)
{
	a->valid = 0;
	if (!ts) {
		a->valid = ATTR_ATIME_NOW | ATTR_MTIME_NOW;
		return 0;
	}
	if (!nsec_valid(ts[0].nsec) || !nsec_valid(ts[1].nsec))
		return -EINVAL;
	one_time(a, &ts[0], &a->atime, ATTR_ATIME, ATTR_ATIME_NOW);
	one_time(a, &ts[1], &a->mtime, ATTR_MTIME, ATTR_MTIME_NOW);
	return 0;
}

/* do_utimes(): a NULL name means the descriptor itself. */
static long set_times(struct task *t, int dirfd, uaddr_t path,
		      const struct linux_timespec *ts, uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	AUTO_PATH struct path p = { NULL, NULL };
	struct iattr a;
	int ret = times_to_attr(ts, &a);

	if (ret < 0)
		return ret;
	if (uaddr_is_null(path) && dirfd != LINUX_AT_FDCWD) {
		if (flags)
			return -EINVAL;
		f = fd_table_lookup(t->fds, dirfd);
		return f ? setattr_path(t, &f->path, &a) : -EBADF;
	}
	if (flags &
	    ~(uint32_t)(LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_EMPTY_PATH))
		return -EINVAL;
	ret = at_lookup(dirfd, path, flags,
			flags & LINUX_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW,
			&p);
	return ret < 0 ? ret : setattr_path(t, &p, &a);
}

long sys_utimensat(struct task *t, int32_t dirfd, uaddr_t path, uaddr_t times,
		   uint32_t flags)
{
	struct linux_timespec ts[2];
	int ret;

	if (uaddr_is_null(times))
		return set_times(t, dirfd, path, NULL, flags);
	ret = copy_in(ts, times, sizeof(ts));
	if (ret < 0)
		return ret;
	if (ts[0].nsec == LINUX_UTIME_OMIT && ts[1].nsec == LINUX_UTIME_OMIT)
		return 0; /* nothing is looked at, as on Linux */
	return set_times(t, dirfd, path, ts, flags);
}

long sys_futimesat(struct task *t, int32_t dirfd, uaddr_t path, uaddr_t times)
{
	struct linux_timeval tv[2];
	struct linux_timespec ts[2];
	int i, ret;

	if (uaddr_is_null(times))
		return set_times(t, dirfd, path, NULL, 0);
	ret = copy_in(tv, times, sizeof(tv));
	if (ret < 0)
		return ret;
	for (i = 0; i < 2; i++) {
		if (tv[i].usec < 0 || tv[i].usec >= 1000000)
			return -EINVAL;
		ts[i].sec = tv[i].sec;
		ts[i].nsec = tv[i].usec * 1000;
	}
	return set_times(t, dirfd, path, ts, 0);
}

long sys_utimes(struct task *t, uaddr_t path, uaddr_t times)
{
	return sys_futimesat(t, LINUX_AT_FDCWD, path, times);
}

long sys_utime(struct task *t, uaddr_t path, uaddr_t times)
{
	struct linux_timespec ts[2] = { { 0, 0 }, { 0, 0 } };
	int64_t sec[2];
	int ret;

	if (uaddr_is_null(times))
		return set_times(t, LINUX_AT_FDCWD, path, NULL, 0);
	ret = copy_in(sec, times, sizeof(sec));
	if (ret < 0)
		return ret;
	ts[0].sec = sec[0];
	ts[1].sec = sec[1];
	return set_times(t, LINUX_AT_FDCWD, path, ts, 0);
}
