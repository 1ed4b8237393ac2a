/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_rw: read(2), write(2) and their positional and vectored forms, lseek(2),
 * sendfile(2), copy_file_range(2).
 *
 * Tests: tests/conformance/rw.c
 */
#include "sentry/syscalls/sys_file.h"
#include "syscalls.h"

#define FAST_IOV 8

/* Positional calls need a file with positions. */
static int check_seekable(const struct file *f)
{
	return f->ops->llseek ? 0 : -ESPIPE;
}

static long do_read(struct file *f, struct uio *u, int64_t *pos)
{
	return pos ? file_read(f, u, pos) : file_read_pos(f, u);
}

static long do_write(struct file *f, struct uio *u, int64_t *pos)
{
	return pos ? file_write(f, u, pos) : file_write_pos(f, u);
}

long sys_read(struct task *t, int32_t fd, uaddr_t buf, uint64_t size)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	struct uio u;
	int ret;

	if (!f || !file_readable(f))
		return -EBADF;
	ret = uio_user(&u, buf, size);
	return ret < 0 ? ret : file_read_pos(f, &u);
}

long sys_write(struct task *t, int32_t fd, uaddr_t buf, uint64_t size)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	struct uio u;
	int ret;

	if (!f || !file_writable(f))
		return -EBADF;
	ret = uio_user(&u, buf, size);
	return ret < 0 ? ret : file_write_pos(f, &u);
}

long sys_pread64(struct task *t, int32_t fd, uaddr_t buf, uint64_t size,
		 int64_t off)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct uio u;
	int ret;

	if (off < 0)
		return -EINVAL;
	f = fd_table_lookup(t->fds, fd);
	if (!f)
		return -EBADF;
	ret = check_seekable(f);
	if (ret == 0 && !file_readable(f))
		ret = -EBADF;
	if (ret == 0)
		ret = uio_user(&u, buf, size);
	return ret < 0 ? ret : file_read(f, &u, &off);
}

long sys_pwrite64(struct task *t, int32_t fd, uaddr_t buf, uint64_t size,
		  int64_t off)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct uio u;
	int ret;

	if (off < 0)
		return -EINVAL;
	f = fd_table_lookup(t->fds, fd);
	if (!f)
		return -EBADF;
	ret = check_seekable(f);
	if (ret == 0 && !file_writable(f))
		ret = -EBADF;
	if (ret == 0)
		ret = uio_user(&u, buf, size);
	return ret < 0 ? ret : file_write(f, &u, &off);
}

/* --- vectors -------------------------------------------------------------- */

/*
 * Flags of preadv2 and pwritev2 that can be honoured on @f.  RWF_ATOMIC and
 * RWF_DONTCACHE need a file system that says so; none of ours does.
 */
static int check_rwf(const struct file *f, uint32_t flags)
{
	const uint32_t ok = LINUX_RWF_HIPRI | LINUX_RWF_DSYNC | LINUX_RWF_SYNC |
			    LINUX_RWF_NOWAIT | LINUX_RWF_APPEND |
			    LINUX_RWF_NOAPPEND | LINUX_RWF_NOSIGNAL;
	const uint32_t both = LINUX_RWF_APPEND | LINUX_RWF_NOAPPEND;

	if (flags & ~(ok | LINUX_RWF_ATOMIC | LINUX_RWF_DONTCACHE))
		return -EOPNOTSUPP;
	if ((flags & both) == both)
		return -EINVAL;
	if ((flags & LINUX_RWF_NOWAIT) && !f->ops->nowait)
		return -EOPNOTSUPP;
	return flags & ~ok ? -EOPNOTSUPP : 0;
}

/* @pos NULL: the file's own position. */
static long rw_vec(struct task *t, int fd, uaddr_t iov, uint64_t nr,
		   int64_t *pos, uint32_t flags, bool write)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	AUTO_FREE struct iovec *heap = NULL;
	struct iovec fast[FAST_IOV];
	struct uio u;
	long ret;
	int err;

	if (!f)
		return -EBADF;
	if (pos && !f->ops->llseek)
		return -ESPIPE;
	if (write ? !file_writable(f) : !file_readable(f))
		return -EBADF;
	ret = uio_user_vec(&u, iov, nr, fast, FAST_IOV, &heap);
	if (ret == 0 && u.left > 0)
		ret = check_rwf(f, flags);
	if (ret < 0)
		return ret;
	u.rwf = flags;
	ret = write ? do_write(f, &u, pos) : do_read(f, &u, pos);
	if (write && ret > 0 && f->ops->fsync &&
	    (flags & (LINUX_RWF_DSYNC | LINUX_RWF_SYNC))) {
		err = f->ops->fsync(f, !(flags & LINUX_RWF_SYNC));
		if (err < 0)
			return err;
	}
	return ret;
}

long sys_readv(struct task *t, int32_t fd, uaddr_t iov, uint64_t nr)
{
	return rw_vec(t, fd, iov, nr, NULL, 0, false);
}

long sys_writev(struct task *t, int32_t fd, uaddr_t iov, uint64_t nr)
{
	return rw_vec(t, fd, iov, nr, NULL, 0, true);
}

long sys_preadv(struct task *t, int32_t fd, uaddr_t iov, uint64_t nr,
		uint64_t off, uint64_t off_high)
{
	int64_t pos = (int64_t)off;

	(void)off_high; /* shifted out on 64 bits */
	if (pos < 0)
		return -EINVAL;
	return rw_vec(t, fd, iov, nr, &pos, 0, false);
}

long sys_pwritev(struct task *t, int32_t fd, uaddr_t iov, uint64_t nr,
		 uint64_t off, uint64_t off_high)
{
	int64_t pos = (int64_t)off;

	(void)off_high;
	if (pos < 0)
		return -EINVAL;
	return rw_vec(t, fd, iov, nr, &pos, 0, true);
}

long sys_preadv2(struct task *t, int32_t fd, uaddr_t iov, uint64_t nr,
		 uint64_t off, uint64_t off_high, uint32_t flags)
{
	int64_t pos = (int64_t)off;

	(void)off_high;
	if (pos < -1)
		return -EINVAL;
	return rw_vec(t, fd, iov, nr, pos == -1 ? NULL : &pos, flags, false);
}

long sys_pwritev2(struct task *t, int32_t fd, uaddr_t iov, uint64_t nr,
		  uint64_t off, uint64_t off_high, uint32_t flags)
{
	int64_t pos = (int64_t)off;

	(void)off_high;
	if (pos < -1)
		return -EINVAL;
	return rw_vec(t, fd, iov, nr, pos == -1 ? NULL : &pos, flags, true);
}

/* --- positions ------------------------------------------------------------ */

long sys_lseek(struct task *t, int32_t fd, int64_t off, uint32_t whence)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	int64_t ret;

	if (!f)
		return -EBADF;
	if (whence > LINUX_SEEK_HOLE)
		return -EINVAL;
	if (!f->ops->llseek)
		return -ESPIPE;
	mutex_lock(&f->pos_mu);
	ret = f->ops->llseek(f, off, (int)whence);
	mutex_unlock(&f->pos_mu);
	return ret;
}

/* Through the file's own llseek: a host file's position is the host's. */
static int64_t seek(struct file *f, int64_t off, int whence)
{
	int64_t pos;

	mutex_lock(&f->pos_mu);
	pos = f->ops->llseek ? f->ops->llseek(f, off, whence) : 0;
	mutex_unlock(&f->pos_mu);
	return pos;
}

/* An offset argument: *@at from the guest, or the file's position. */
static int offset_in(struct file *f, uaddr_t at, int64_t *out)
{
	if (uaddr_is_null(at)) {
		*out = seek(f, 0, LINUX_SEEK_CUR);
		return *out < 0 ? (int)*out : 0;
	}
	return copy_in(out, at, sizeof(*out));
}

static int offset_out(struct file *f, uaddr_t at, int64_t pos)
{
	if (!uaddr_is_null(at))
		return copy_out(at, &pos, sizeof(pos));
	pos = seek(f, pos, LINUX_SEEK_SET);
	return pos < 0 ? (int)pos : 0;
}

long sys_sendfile(struct task *t, int32_t out_fd, int32_t in_fd, uaddr_t off,
		  uint64_t size)
{
	AUTO_PUT(file) struct file *in = fd_table_lookup(t->fds, in_fd);
	AUTO_PUT(file) struct file *out = NULL;
	int64_t pos;
	long ret;
	int err;

	if (!in || !file_readable(in))
		return -EBADF;
	if (!uaddr_is_null(off) && !in->ops->llseek)
		return -ESPIPE;
	if (!in->ops->llseek)
		return -EINVAL;
	out = fd_table_lookup(t->fds, out_fd);
	if (!out || !file_writable(out))
		return -EBADF;
	if (out->flags & LINUX_O_APPEND)
		return -EINVAL;
	err = offset_in(in, off, &pos);
	if (err == 0 && (pos < 0 || inode_is(in->inode, LINUX_S_IFDIR)))
		err = -EINVAL;
	if (err < 0)
		return err;
	ret = file_copy_range(in, &pos, out, NULL, MIN(size, MAX_RW_COUNT));
	if (ret < 0)
		return ret;
	err = offset_out(in, off, pos);
	return err < 0 ? err : ret;
}

static int check_copy_files(struct file *in, struct file *out)
{
	uint32_t in_type = in->inode->mode & LINUX_S_IFMT;
	uint32_t out_type = out->inode->mode & LINUX_S_IFMT;

	if (in_type == LINUX_S_IFDIR || out_type == LINUX_S_IFDIR)
		return -EISDIR;
	if (in_type != LINUX_S_IFREG || out_type != LINUX_S_IFREG)
		return -EINVAL;
	if (!file_readable(in) || !file_writable(out) ||
	    (out->flags & LINUX_O_APPEND))
		return -EBADF;
	return 0;
}

/* As generic_copy_file_checks(): a negative position looks like a great one. */
static bool wraps(int64_t pos, uint64_t size)
{
	return (uint64_t)pos + size < (uint64_t)pos;
}

long sys_copy_file_range(struct task *t, int32_t fd_in, uaddr_t off_in,
			 int32_t fd_out, uaddr_t off_out, uint64_t size,
			 uint32_t flags)
{
	AUTO_PUT(file) struct file *in = fd_table_lookup(t->fds, fd_in);
	AUTO_PUT(file) struct file *out = fd_table_lookup(t->fds, fd_out);
	int64_t from, to = 0, end;
	long ret;
	int err;

	if (!in || !out)
		return -EBADF;
	err = offset_in(in, off_in, &from);
	if (err == 0)
		err = offset_in(out, off_out, &to);
	if (err == 0 && flags)
		err = -EINVAL;
	if (err == 0)
		err = check_copy_files(in, out);
	if (err < 0)
		return err;
	if (wraps(from, size) || wraps(to, size))
		return -EOVERFLOW;
	if (from < 0 || to < 0)
		return -EINVAL;
	size = MIN(size, MAX_RW_COUNT);
	if (add_overflows(from, (int64_t)size, &end) ||
	    add_overflows(to, (int64_t)size, &end))
		return -EOVERFLOW;
	if (file_stat_inode(in) == file_stat_inode(out) &&
	    to + (int64_t)size > from && from + (int64_t)size > to)
		return -EINVAL;
	ret = file_copy_range(in, &from, out, &to, size);
	if (ret <= 0)
		return ret;
	err = offset_out(in, off_in, from);
	if (err == 0)
		err = offset_out(out, off_out, to);
	return err < 0 ? err : ret;
}
