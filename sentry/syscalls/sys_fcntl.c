/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_fcntl: dup(2), fcntl(2), flock(2), ioctl(2).
 *
 * Tests: tests/conformance/fcntl.c
 */
#include "sentry/fs/pipe/pipe.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/syscalls/sys_file.h"
#include "sentry/vfs/async.h"
#include "sentry/vfs/leases.h"
#include "sentry/vfs/locks.h"
#include "syscalls.h"

/* --- dup ------------------------------------------------------------------ */

long sys_dup(struct task *t, int32_t fd)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup_any(t->fds, fd);

	return f ? fd_table_install(t->fds, f, false) : -EBADF;
}

static long dup_to(struct task *t, int old_fd, int new_fd, bool cloexec)
{
	AUTO_PUT(file) struct file *f = NULL;

	if (new_fd < 0 || (uint64_t)new_fd >= task_rlimit(t, RLIM_NOFILE))
		return -EBADF;
	f = fd_table_lookup_any(t->fds, old_fd);
	if (!f)
		return -EBADF;
	return fd_table_replace(t->fds, new_fd, f, cloexec);
}

long sys_dup2(struct task *t, int32_t old_fd, int32_t new_fd)
{
	int ret;

	if (old_fd == new_fd) {
		ret = fd_table_get_cloexec(t->fds, old_fd);
		return ret < 0 ? ret : old_fd;
	}
	return dup_to(t, old_fd, new_fd, false);
}

long sys_dup3(struct task *t, int32_t old_fd, int32_t new_fd, uint32_t flags)
{
	if ((flags & ~LINUX_O_CLOEXEC) || old_fd == new_fd)
		return -EINVAL;
	return dup_to(t, old_fd, new_fd, flags & LINUX_O_CLOEXEC);
}

/* --- record locks --------------------------------------------------------- */

static int64_t lock_base(struct file *f, int whence)
{
	int64_t pos;

	switch (whence) {
	case LINUX_SEEK_SET:
		return 0;
	case LINUX_SEEK_CUR:
		mutex_lock(&f->pos_mu);
		pos = f->pos;
		mutex_unlock(&f->pos_mu);
		return pos;
	case LINUX_SEEK_END:
		return (int64_t)f->inode->size;
	default:
		return -EINVAL;
	}
}

/* The range of a struct flock; flock64_to_posix_lock(). */
static int lock_range(struct file *f, const struct linux_flock *l,
		      struct lock_req *r)
{
	int64_t base = lock_base(f, l->whence);

	if (base < 0)
		return -EINVAL;
	if (l->start > INT64_MAX - base)
		return -EOVERFLOW;
	r->start = base + l->start;
	if (r->start < 0)
		return -EINVAL;
	r->end = INT64_MAX;
	if (l->len > 0) {
		if (l->len - 1 > INT64_MAX - r->start)
			return -EOVERFLOW;
		r->end = r->start + l->len - 1;
	} else if (l->len < 0) {
		if (r->start + l->len < 0)
			return -EINVAL;
		r->end = r->start - 1;
		r->start += l->len;
	}
	return 0;
}

static int lock_request(struct task *t, struct file *f, bool ofd,
			const struct linux_flock *l, struct lock_req *r)
{
	if (l->type != LINUX_F_RDLCK && l->type != LINUX_F_WRLCK &&
	    l->type != LINUX_F_UNLCK)
		return -EINVAL;
	if (ofd && l->pid != 0)
		return -EINVAL;
	r->kind = ofd ? LOCK_KIND_OFD : LOCK_KIND_POSIX;
	r->type = (enum lock_type)l->type;
	r->owner = ofd ? (const void *)f : (const void *)t->fds;
	r->pid = ofd ? -1 : (int32_t)t->group->tgid;
	return lock_range(f, l, r);
}

static long lock_get(struct task *t, struct file *f, bool ofd, uaddr_t arg)
{
	struct linux_flock l;
	struct lock_req r;
	int ret;

	ret = copy_in(&l, arg, sizeof(l));
	if (ret < 0)
		return ret;
	if (!ofd && l.type != LINUX_F_RDLCK && l.type != LINUX_F_WRLCK)
		return -EINVAL;
	ret = lock_request(t, f, ofd, &l, &r);
	if (ret < 0)
		return ret;
	locks_test(f->inode, &r);
	l.type = (int16_t)r.type;
	if (r.type != LOCK_NONE) {
		l.whence = LINUX_SEEK_SET;
		l.start = r.start;
		l.len = r.end == INT64_MAX ? 0 : r.end - r.start + 1;
		l.pid = r.pid > 0 ? (int32_t)pid_to_guest((uint32_t)r.pid)
				  : r.pid;
	}
	return copy_out(arg, &l, sizeof(l));
}

static long lock_set(struct task *t, int fd, struct file *f, bool ofd,
		     bool wait, uaddr_t arg)
{
	struct linux_flock l;
	struct lock_req r = { 0 };
	struct file *now;
	int ret;

	ret = copy_in(&l, arg, sizeof(l));
	if (ret == 0)
		ret = lock_request(t, f, ofd, &l, &r);
	if (ret < 0)
		return ret;
	if ((r.type == LOCK_READ && !file_readable(f)) ||
	    (r.type == LOCK_WRITE && !file_writable(f)))
		return -EBADF;
	ret = locks_set(f->inode, &r, wait);
	if (ret < 0 || r.type == LOCK_NONE || ofd)
		return ret;
	/* A close of the descriptor meanwhile has missed the new lock. */
	now = fd_table_lookup_any(t->fds, fd);
	if (now != f) {
		r.type = LOCK_NONE;
		ret = locks_set(f->inode, &r, false);
		if (ret == 0)
			ret = -EBADF;
	}
	if (now)
		file_put(now);
	return ret;
}

/* --- status flags --------------------------------------------------------- */

static int set_flags(struct task *t, int fd, struct file *f, uint32_t arg)
{
	/* O_ASYNC is set by file_async_set(), for files that know it. */
	const uint32_t may = LINUX_O_SETFL & ~LINUX_O_ASYNC;
	uint32_t old = f->flags, flags;
	int ret = 0;

	if ((arg & ~old & LINUX_O_NOATIME) &&
	    !inode_owner_or_capable(file_stat_inode(f), t->cred))
		return -EPERM;
	if ((arg & ~old & LINUX_O_DIRECT) && !f->ops->set_flags)
		return -EINVAL;
	flags = (old & ~may) | (arg & may);
	if (f->ops->set_flags)
		ret = f->ops->set_flags(f, flags);
	if (ret == 0)
		ret = file_async_set(f, fd, arg & LINUX_O_ASYNC);
	if (ret < 0)
		return ret;
	old = f->flags;
	do
		flags = (old & ~may) | (arg & may);
	while (!atomic_compare_exchange_weak(&f->flags, &old, flags));
	return 0;
}

/* --- owner ---------------------------------------------------------------- */

static int set_owner(struct file *f, int type, int pid)
{
	struct task *task;
	struct thread_group *tg;

	if (pid < 0)
		return -EINVAL;
	if (pid > 0 && type == LINUX_F_OWNER_TID) {
		task = task_lookup((uint32_t)pid);
		if (!task)
			return -ESRCH;
		task_put(task);
	} else if (pid > 0 && type == LINUX_F_OWNER_PID) {
		tg = thread_group_lookup((uint32_t)pid);
		if (!tg)
			return -ESRCH;
		thread_group_put(tg);
	}
	/* Kept as the initial namespace calls it. */
	if (pid > 0)
		pid = (int)pid_from_guest((uint32_t)pid);
	mutex_lock(&f->mu);
	f->owner_pid = pid;
	f->owner_type = type;
	mutex_unlock(&f->mu);
	return pid ? file_async_owned(f) : 0;
}

static int set_owner_pid(struct file *f, int32_t pid)
{
	if (pid == INT32_MIN)
		return -EINVAL;
	if (pid < 0)
		return set_owner(f, LINUX_F_OWNER_PGRP, -pid);
	return set_owner(f, LINUX_F_OWNER_PID, pid);
}

static int set_owner_ex(struct file *f, uaddr_t arg)
{
	struct linux_f_owner_ex ex;
	int ret = copy_in(&ex, arg, sizeof(ex));

	if (ret < 0)
		return ret;
	if (ex.type < LINUX_F_OWNER_TID || ex.type > LINUX_F_OWNER_PGRP)
		return -EINVAL;
	return set_owner(f, ex.type, ex.pid);
}

static struct linux_f_owner_ex get_owner(struct file *f)
{
	struct linux_f_owner_ex ex;

	mutex_lock(&f->mu);
	ex.type = f->owner_type;
	ex.pid = f->owner_pid;
	mutex_unlock(&f->mu);
	ex.pid = (int32_t)pid_to_guest((uint32_t)ex.pid);
	return ex;
}

static long get_owner_ex(struct file *f, uaddr_t arg)
{
	struct linux_f_owner_ex ex = get_owner(f);

	return copy_out(arg, &ex, sizeof(ex));
}

static int set_sig(struct file *f, uint64_t sig)
{
	if (sig > 64)
		return -EINVAL;
	mutex_lock(&f->mu);
	f->owner_sig = (int32_t)sig;
	mutex_unlock(&f->mu);
	return 0;
}

/* --- the call ------------------------------------------------------------- */

static long fcntl_dupfd(struct task *t, struct file *f, uint64_t arg,
			bool cloexec)
{
	int from = (int)(uint32_t)arg;

	if (from < 0 || (uint64_t)from >= task_rlimit(t, RLIM_NOFILE))
		return -EINVAL;
	return fd_table_install_from(t->fds, f, cloexec, from);
}

/* What an O_PATH file allows too; -ENOTTY: not one of these. */
static long fcntl_descriptor(struct task *t, int fd, struct file *f,
			     uint32_t cmd, uint64_t arg)
{
	AUTO_PUT(file) struct file *other = NULL;

	switch (cmd) {
	case LINUX_F_DUPFD:
		return fcntl_dupfd(t, f, arg, false);
	case LINUX_F_DUPFD_CLOEXEC:
		return fcntl_dupfd(t, f, arg, true);
	case LINUX_F_GETFD:
		return fd_table_get_cloexec(t->fds, fd);
	case LINUX_F_SETFD:
		return fd_table_set_cloexec(t->fds, fd, arg & LINUX_FD_CLOEXEC);
	case LINUX_F_GETFL:
		return f->flags;
	case LINUX_F_DUPFD_QUERY:
		other = fd_table_lookup_any(t->fds, (int)(uint32_t)arg);
		return other ? other == f : -EBADF;
	default:
		return -ENOTTY;
	}
}

static long fcntl_owner(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct linux_f_owner_ex ex;

	switch (cmd) {
	case LINUX_F_SETOWN:
		return set_owner_pid(f, (int32_t)arg);
	case LINUX_F_GETOWN:
		ex = get_owner(f);
		return ex.type == LINUX_F_OWNER_PGRP ? -ex.pid : ex.pid;
	case LINUX_F_SETOWN_EX:
		return set_owner_ex(f, uaddr(arg));
	case LINUX_F_GETOWN_EX:
		return get_owner_ex(f, uaddr(arg));
	case LINUX_F_SETSIG:
		return set_sig(f, arg);
	case LINUX_F_GETSIG:
		return f->owner_sig;
	default:
		return -ENOTTY;
	}
}

static long fcntl_rest(struct task *t, int fd, struct file *f, uint32_t cmd,
		       uint64_t arg)
{
	long ret;

	switch (cmd) {
	case LINUX_F_SETFL:
		return set_flags(t, fd, f, (uint32_t)arg);
	case LINUX_F_GETLK:
	case LINUX_F_OFD_GETLK:
		return lock_get(t, f, cmd == LINUX_F_OFD_GETLK, uaddr(arg));
	case LINUX_F_SETLK:
	case LINUX_F_SETLKW:
		return lock_set(t, fd, f, false, cmd == LINUX_F_SETLKW,
				uaddr(arg));
	case LINUX_F_OFD_SETLK:
	case LINUX_F_OFD_SETLKW:
		return lock_set(t, fd, f, true, cmd == LINUX_F_OFD_SETLKW,
				uaddr(arg));
	case LINUX_F_SETLEASE:
		return lease_set(f, fd, (int)arg);
	case LINUX_F_GETLEASE:
		return lease_get(f);
	case LINUX_F_NOTIFY:
		return dnotify_set(f, fd, (uint32_t)arg);
	default:
		ret = fcntl_owner(f, cmd, arg);
		if (ret != -ENOTTY)
			return ret;
		/* Linux: "not a pipe" is a bad descriptor for these two. */
		if ((cmd == LINUX_F_SETPIPE_SZ || cmd == LINUX_F_GETPIPE_SZ) &&
		    !file_is_pipe(f))
			return -EBADF;
		if (cmd == LINUX_F_ADD_SEALS && !file_writable(f))
			return -EPERM; /* whatever kind of file it is */
		return f->ops->fcntl ? f->ops->fcntl(f, cmd, arg) : -EINVAL;
	}
}

long sys_fcntl(struct task *t, int32_t fd, uint32_t cmd, uint64_t arg)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup_any(t->fds, fd);
	long ret;

	if (!f)
		return -EBADF;
	ret = fcntl_descriptor(t, fd, f, cmd, arg);
	if (ret != -ENOTTY)
		return ret;
	if (f->flags & LINUX_O_PATH)
		return -EBADF;
	return fcntl_rest(t, fd, f, cmd, arg);
}

long sys_flock(struct task *t, int32_t fd, uint32_t op)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct lock_req r = { .kind = LOCK_KIND_FLOCK, .end = INT64_MAX };
	bool wait = !(op & LINUX_LOCK_NB);

	switch (op & ~(uint32_t)LINUX_LOCK_NB) {
	case LINUX_LOCK_SH:
		r.type = LOCK_READ;
		break;
	case LINUX_LOCK_EX:
		r.type = LOCK_WRITE;
		break;
	case LINUX_LOCK_UN:
		r.type = LOCK_NONE;
		break;
	default:
		return -EINVAL;
	}
	f = fd_table_lookup(t->fds, fd);
	if (!f)
		return -EBADF;
	if (r.type != LOCK_NONE && !file_readable(f) && !file_writable(f))
		return -EBADF;
	r.owner = f;
	r.pid = (int32_t)t->group->tgid;
	return locks_set(f->inode, &r, wait);
}

/* --- ioctl ---------------------------------------------------------------- */

static long ioctl_nonblock(struct file *f, uaddr_t arg)
{
	uint32_t old = f->flags, flags;
	int32_t on;
	int ret = copy_in(&on, arg, sizeof(on));

	if (ret < 0)
		return ret;
	do
		flags = on ? old | LINUX_O_NONBLOCK : old & ~LINUX_O_NONBLOCK;
	while (!atomic_compare_exchange_weak(&f->flags, &old, flags));
	return f->ops->set_flags ? f->ops->set_flags(f, flags) : 0;
}

static long ioctl_async(struct file *f, int fd, uaddr_t arg)
{
	int32_t on;
	int ret = copy_in(&on, arg, sizeof(on));

	if (ret < 0)
		return ret;
	if (!on == !(f->flags & LINUX_O_ASYNC))
		return 0;
	return f->ops->sigio ? file_async_set(f, fd, on) : -ENOTTY;
}

/* What the file takes up, in bytes. */
static long ioctl_qsize(struct file *f, uaddr_t arg)
{
	struct kstat st;
	int64_t size;
	int ret = inode_getattr(file_stat_inode(f), &st);

	if (ret < 0)
		return ret;
	size = (int64_t)st.blocks * 512;
	return copy_out(arg, &size, sizeof(size));
}

static long ioctl_readable(struct file *f, uaddr_t arg)
{
	int64_t left;
	int32_t n;

	mutex_lock(&f->pos_mu);
	left = (int64_t)f->inode->size - f->pos;
	mutex_unlock(&f->pos_mu);
	n = (int32_t)left;
	return copy_out(arg, &n, sizeof(n));
}

long sys_ioctl(struct task *t, int32_t fd, uint32_t cmd, uaddr_t arg)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	int32_t blksize = PAGE_SIZE;

	if (!f)
		return -EBADF;
	switch (cmd) {
	case LINUX_FIOCLEX:
		return fd_table_set_cloexec(t->fds, fd, true);
	case LINUX_FIONCLEX:
		return fd_table_set_cloexec(t->fds, fd, false);
	case LINUX_FIONBIO:
		return ioctl_nonblock(f, arg);
	case LINUX_FIOASYNC:
		return ioctl_async(f, fd, arg);
	case LINUX_FIGETBSZ:
		if (inode_is(f->inode, LINUX_S_IFREG))
			return copy_out(arg, &blksize, sizeof(blksize));
		break;
	case LINUX_FIOQSIZE:
		if (inode_is(f->inode, LINUX_S_IFREG) ||
		    inode_is(f->inode, LINUX_S_IFDIR))
			return ioctl_qsize(f, arg);
		break;
	case LINUX_FIONREAD:
		if (inode_is(f->inode, LINUX_S_IFREG))
			return ioctl_readable(f, arg);
		break;
	default:
		break;
	}
	return f->ops->ioctl ? f->ops->ioctl(f, cmd, arg.va) : -ENOTTY;
}
