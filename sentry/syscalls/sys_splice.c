/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_splice: splice(2), tee(2), vmsplice(2), by copying.
 *
 * Bytes that were taken from a pipe and that the other side refused go back to
 * its front.
 *
 * Tests: tests/conformance/splice.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/namei.h"
#include "syscalls.h"

enum {
	SPLICE_MOVE = 1,
	SPLICE_NONBLOCK = 2,
	SPLICE_MORE = 4,
	SPLICE_GIFT = 8,
	SPLICE_ALL = 15
};

#define CHUNK	 65536u
#define FAST_IOV 8

struct splice {
	struct file *in, *out;
	int64_t *in_pos, *out_pos; /* NULL: the file's own */
	uint64_t len;
	bool nonblock;
	char *buf; /* CHUNK bytes */
};

/* The file side of a splice reads or writes at its position. */
static long read_file(struct splice *s, size_t size)
{
	struct uio u;

	uio_kernel(&u, s->buf, size);
	return s->in_pos ? file_read(s->in, &u, s->in_pos)
			 : file_read_pos(s->in, &u);
}

static long write_file(struct splice *s, size_t size)
{
	struct uio u;

	uio_kernel(&u, s->buf, size);
	return s->out_pos ? file_write(s->out, &u, s->out_pos)
			  : file_write_pos(s->out, &u);
}

static long write_out(struct splice *s, size_t size)
{
	return file_is_pipe(s->out) ? pipe_put_bytes(s->out, s->buf, size)
				    : write_file(s, size);
}

/* One chunk from a pipe: bytes moved, 0 at the end, -errno. */
static long chunk_from_pipe(struct splice *s, size_t size)
{
	long got, put;
	int ret = 0;

	if (file_is_pipe(s->out))
		ret = pipe_wait(s->out, true, s->nonblock);
	if (ret < 0)
		return ret;
	got = pipe_take(s->in, s->buf, size);
	if (got <= 0)
		return got;
	put = write_out(s, (size_t)got);
	if (put < got)
		pipe_unget(s->in, s->buf + MAX(put, 0),
			   (size_t)(got - MAX(put, 0)));
	return put;
}

static long from_pipe(struct splice *s)
{
	uint64_t done = 0;
	size_t size;
	long ret;

	ret = pipe_wait(s->in, false, s->nonblock);
	while (ret >= 0 && done < s->len) {
		size = (size_t)MIN(s->len - done, CHUNK);
		ret = chunk_from_pipe(s, size);
		if (ret <= 0)
			break;
		done += (uint64_t)ret;
		if ((size_t)ret < size)
			break;
	}
	return done ? (long)done : ret;
}

/* As much as there is room for, in one go. */
static long to_pipe(struct splice *s)
{
	long got, put, done = 0;
	int ret;

	ret = pipe_wait(s->out, true, s->nonblock);
	if (ret < 0)
		return ret;
	got = read_file(
		s, (size_t)MIN(MIN(s->len, CHUNK), MAX(pipe_room(s->out), 1)));
	while (done < got) { /* others may have filled it meanwhile */
		put = pipe_put_bytes(s->out, s->buf + done,
				     (size_t)(got - done));
		if (put == -EAGAIN)
			put = pipe_wait(s->out, true, false);
		if (put < 0)
			return done ? done : put;
		done += put;
	}
	return got;
}

/* Where a pipe has no position; the order is Linux's. */
static int check_splice(const struct splice *s)
{
	bool in = file_is_pipe(s->in), out = file_is_pipe(s->out);

	if (!file_readable(s->in) || !file_writable(s->out))
		return -EBADF;
	if ((in && s->in_pos) || (out && s->out_pos))
		return -ESPIPE;
	if (!in && !out)
		return -EINVAL;
	if (in && out && s->in->inode == s->out->inode)
		return -EINVAL;
	if ((s->in_pos && !s->in->ops->llseek) ||
	    (s->out_pos && !s->out->ops->llseek))
		return -EINVAL;
	if (!out && (s->out->flags & LINUX_O_APPEND))
		return -EINVAL;
	return 0;
}

static long do_splice(struct splice *s)
{
	AUTO_FREE char *buf = NULL;
	long ret = check_splice(s);

	if (ret < 0)
		return ret;
	buf = malloc(CHUNK);
	if (!buf)
		return -ENOMEM;
	s->buf = buf;
	s->nonblock |= file_nonblock(s->in) || file_nonblock(s->out);
	ret = file_is_pipe(s->in) ? from_pipe(s) : to_pipe(s);
	return ret == -EPIPE ? broken_pipe() : ret;
}

/* An offset of the guest: *at points at *value, or is NULL. */
static int offset_in(uaddr_t off, int64_t *value, int64_t **at)
{
	*at = uaddr_is_null(off) ? NULL : value;
	if (!*at)
		return 0;
	if (copy_in(value, off, sizeof(*value)) < 0)
		return -EFAULT;
	return *value < 0 ? -EINVAL : 0;
}

static int offset_out(uaddr_t off, const int64_t *at)
{
	return at ? copy_out(off, at, sizeof(*at)) : 0;
}

long sys_splice(struct task *t, int32_t fd_in, uaddr_t off_in, int32_t fd_out,
		uaddr_t off_out, uint64_t size, uint32_t flags)
{
	AUTO_PUT(file) struct file *in = NULL;
	AUTO_PUT(file) struct file *out = NULL;
	struct splice s = { .len = MIN(size, MAX_RW_COUNT),
			    .nonblock = flags & SPLICE_NONBLOCK };
	int64_t in_value, out_value;
	long ret;

	if (size == 0)
		return 0;
	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	s.in = in = fd_table_lookup(t->fds, fd_in);
	s.out = out = fd_table_lookup(t->fds, fd_out);
	if (!in || !out)
		return -EBADF;
	if ((file_is_pipe(in) && !uaddr_is_null(off_in)) ||
	    (file_is_pipe(out) && !uaddr_is_null(off_out)))
		return -ESPIPE;
	ret = offset_in(off_in, &in_value, &s.in_pos);
	if (ret == 0)
		ret = offset_in(off_out, &out_value, &s.out_pos);
	if (ret == 0)
		ret = do_splice(&s);
	if (ret < 0)
		return ret;
	if (offset_out(off_in, s.in_pos) < 0 ||
	    offset_out(off_out, s.out_pos) < 0)
		return -EFAULT;
	return ret;
}

/* --- tee ------------------------------------------------------------------ */

static long do_tee(struct file *in, struct file *out, uint64_t size,
		   bool nonblock)
{
	AUTO_FREE char *buf = NULL;
	long ret;

	nonblock |= file_nonblock(in) || file_nonblock(out);
	ret = pipe_wait(in, false, nonblock);
	if (ret == 0)
		ret = pipe_wait(out, true, nonblock);
	if (ret < 0)
		return ret;
	size = MIN(size, PIPE_MAX_SIZE);
	buf = malloc(size);
	if (!buf)
		return -ENOMEM;
	ret = pipe_peek(in, buf, size);
	return ret > 0 ? pipe_put_bytes(out, buf, (size_t)ret) : ret;
}

long sys_tee(struct task *t, int32_t fd_in, int32_t fd_out, uint64_t size,
	     uint32_t flags)
{
	AUTO_PUT(file) struct file *in = NULL;
	AUTO_PUT(file) struct file *out = NULL;
	long ret;

	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	if (size == 0)
		return 0;
	in = fd_table_lookup(t->fds, fd_in);
	out = fd_table_lookup(t->fds, fd_out);
	if (!in || !out || !file_readable(in) || !file_writable(out))
		return -EBADF;
	if (!file_is_pipe(in) || !file_is_pipe(out) || in->inode == out->inode)
		return -EINVAL;
	ret = do_tee(in, out, size, flags & SPLICE_NONBLOCK);
	return ret == -EPIPE ? broken_pipe() : ret;
}

/* --- vmsplice ------------------------------------------------------------- */

/* Copies; a gift of pages is not taken. */
long sys_vmsplice(struct task *t, int32_t fd, uaddr_t iov, uint64_t nr,
		  uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct iovec fast[FAST_IOV], *heap = NULL;
	struct uio u;
	long ret = 0;
	bool write;

	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	f = fd_table_lookup(t->fds, fd);
	if (!f || !file_is_pipe(f))
		return -EBADF;
	write = file_writable(f);
	ret = uio_user_vec(&u, iov, nr, fast, FAST_IOV, &heap);
	if (ret == 0 && u.left > 0 && (flags & SPLICE_NONBLOCK))
		ret = pipe_wait(f, write, true);
	if (ret == 0)
		ret = write ? file_write(f, &u, NULL) : file_read(f, &u, NULL);
	else if (ret == -EPIPE)
		ret = broken_pipe();
	free(heap);
	return ret;
}
