/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: open file descriptions, and the checking wrappers around file_ops.
 *
 * Invariant: a file that was opened has ops; an O_PATH file has none.
 * Locks:     pos_mu from reading the position until it has advanced; it is
 *	      taken only for files that have one (llseek).
 * Tests:     tests/unit/test_tmpfs.c, conformance.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "abi/statfs.h"
#include "sentry/fs/epoll/epoll.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/async.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/leases.h"
#include "sentry/vfs/locks.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/notify.h"

/* --- life ----------------------------------------------------------------- */

int file_new(const struct path *path, struct inode *inode, uint32_t flags,
	     struct file **out)
{
	struct file *f = kzalloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	ref_init(&f->ref);
	mutex_init(&f->pos_mu, LOCK_FILE_POS);
	mutex_init(&f->mu, LOCK_FILE);
	f->path = *path;
	path_get(path);
	f->inode = inode;
	inode_get(inode);
	f->flags = flags;
	if (current_task()) {
		f->cred = current_task()->cred;
		cred_get(f->cred);
	}
	*out = f;
	return 0;
}

void file_get(struct file *f)
{
	ref_get(&f->ref);
}

void file_put(struct file *f)
{
	if (!ref_put(&f->ref))
		return;
	if (f->ops)
		notify_file(f, file_writable(f) ? LINUX_IN_CLOSE_WRITE
						: LINUX_IN_CLOSE_NOWRITE);
	if (unlikely(f->epolls))
		epoll_file_gone(f);
	if (unlikely(f->async))
		file_async_gone(f);
	locks_close_file(f->inode, f);
	if (unlikely(f->leased))
		lease_file_gone(f);
	file_uncount(f);
	if (f->ops && f->ops->release)
		f->ops->release(f);
	/* The path keeps the super block, which the inode needs to the last. */
	inode_put(f->inode);
	path_put(&f->path);
	if (f->cred)
		cred_put((struct cred *)f->cred);
	pthread_mutex_destroy(&f->pos_mu.raw);
	pthread_mutex_destroy(&f->mu.raw);
	free(f);
}

/* --- anonymous files ------------------------------------------------------ */

static int anon_statfs(struct super *sb, struct kstatfs *out)
{
	(void)sb;
	out->type = LINUX_ANON_MAGIC;
	out->bsize = out->frsize = PAGE_SIZE;
	out->namelen = NAME_MAX_LEN;
	return 0;
}

static const struct super_ops anon_super_ops = {
	.name = "anon_inodefs",
	.statfs = anon_statfs,
};
static const struct inode_ops anon_inode_ops;
static struct super g_anon_super;
static pthread_once_t g_anon_once = PTHREAD_ONCE_INIT;
static _Atomic uint64_t g_anon_ino = 1000;

static void anon_start(void)
{
	super_init(&g_anon_super, &anon_super_ops);
}

static int anon_inode_new(uint32_t mode, struct inode **out)
{
	struct task *t = current_task();
	struct inode *inode = kzalloc(sizeof(*inode));

	if (!inode)
		return -ENOMEM;
	pthread_once(&g_anon_once, anon_start);
	inode_init(inode, &g_anon_super, &anon_inode_ops, g_anon_ino++, mode);
	inode->uid = t ? t->cred->fsuid : 0;
	inode->gid = t ? t->cred->fsgid : 0;
	inode->atime = inode->mtime = inode->ctime = ktime_now();
	*out = inode;
	return 0;
}

/* @name with its one %lu replaced; never used as a format. */
static int anon_name(const char *name, uint64_t ino, char *buf, size_t size)
{
	const char *at = strstr(name, "%lu");
	int len;

	if (!at)
		len = snprintf(buf, size, "%s", name);
	else
		len = snprintf(buf, size, "%.*s%lu%s", (int)(at - name), name,
			       ino, at + 3);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : len;
}

int file_new_pseudo(struct super *sb, struct inode *inode, const char *name,
		    uint32_t flags, struct file **out)
{
	struct path p = { NULL, NULL };
	int ret;

	inode_get(inode);
	ret = dentry_new(sb, NULL, name, strlen(name), inode, &p.dentry);
	if (ret < 0) {
		inode_put(inode);
		return ret;
	}
	p.dentry->pseudo = true;
	ret = file_new(&p, inode, flags, out);
	path_put(&p);
	return ret;
}

int file_new_anon(const char *name, const struct file_ops *ops, void *priv,
		  uint32_t mode, uint32_t flags, struct file **out)
{
	AUTO_PUT(inode) struct inode *inode = NULL;
	char text[NAME_MAX_LEN + 32];
	int ret;

	ret = anon_inode_new(mode, &inode);
	if (ret < 0)
		return ret;
	ret = anon_name(name, inode->ino, text, sizeof(text));
	if (ret < 0)
		return ret;
	ret = file_new_pseudo(&g_anon_super, inode, text,
			      flags & ~LINUX_O_CLOEXEC, out);
	if (ret < 0)
		return ret;
	(*out)->ops = ops;
	(*out)->priv = priv;
	return 0;
}

/* --- reading -------------------------------------------------------------- */

long file_read(struct file *f, struct uio *u, int64_t *pos)
{
	long ret;

	if (!file_readable(f))
		return -EBADF;
	if (!f->ops->read)
		return inode_is(f->inode, LINUX_S_IFDIR) ? -EISDIR : -EINVAL;
	if (pos && *pos < 0)
		return -EINVAL;
	if (pos && u->left > (uint64_t)(INT64_MAX - *pos))
		u->left = (size_t)(INT64_MAX - *pos);
	ret = f->ops->read(f, u, pos);
	if (!f->internal)
		task_count_io(false, ret);
	if (ret > 0)
		notify_file(f, LINUX_IN_ACCESS);
	return ret;
}

/*
 * RLIMIT_FSIZE and set-id bits of a write to a regular file; may shorten @u.
 */
static int write_checks(struct file *f, struct uio *u, const int64_t *pos)
{
	struct task *t = current_task();
	uint64_t at, limit;
	int ret;

	if (*pos < 0)
		return -EINVAL;
	if (u->left == 0 || !inode_is(f->inode, LINUX_S_IFREG) || !t)
		return 0;
	at = file_appends(f, u) ? f->inode->size : (uint64_t)*pos;
	limit = MIN(task_rlimit(t, RLIM_FSIZE), (uint64_t)INT64_MAX);
	if (unlikely(at >= limit)) {
		if (limit == INT64_MAX)
			return -EFBIG;
		ret = vfs_check_size_limit(limit + 1);
		return ret < 0 ? ret : -EFBIG;
	}
	if (u->left > limit - at)
		u->left = (size_t)(limit - at);
	return 0;
}

long file_write(struct file *f, struct uio *u, int64_t *pos)
{
	long ret;

	if (!file_writable(f))
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	if (pos) {
		ret = write_checks(f, u, pos);
		if (ret < 0)
			return ret;
		if (u->left > 0)
			vfs_kill_suid(f);
	}
	ret = f->ops->write(f, u, pos);
	if (!f->internal)
		task_count_io(true, ret);
	if (ret > 0)
		notify_file(f, LINUX_IN_MODIFY);
	if (ret > 0 && unlikely(f->flags & LINUX_O_DSYNC) && f->ops->fsync) {
		int err = f->ops->fsync(f, (f->flags & LINUX_O_SYNC) !=
						   LINUX_O_SYNC);

		if (err < 0)
			return err;
	}
	return ret;
}

long file_read_pos(struct file *f, struct uio *u)
{
	long ret;

	if (!file_readable(f))
		return -EBADF;
	if (!f->ops->llseek)
		return file_read(f, u, NULL);
	mutex_lock(&f->pos_mu);
	ret = file_read(f, u, &f->pos);
	mutex_unlock(&f->pos_mu);
	return ret;
}

long file_write_pos(struct file *f, struct uio *u)
{
	long ret;

	if (!file_writable(f))
		return -EBADF;
	if (!f->ops->llseek)
		return file_write(f, u, NULL);
	mutex_lock(&f->pos_mu);
	ret = file_write(f, u, &f->pos);
	mutex_unlock(&f->pos_mu);
	return ret;
}

long file_pread_kernel(struct file *f, void *buf, size_t size, int64_t pos)
{
	size_t done = 0;
	struct uio u;
	long ret;

	if (!f->ops || !f->ops->read || !f->ops->llseek)
		return -EINVAL;
	while (done < size) {
		uio_kernel(&u, (char *)buf + done, size - done);
		/* execve reads programs that may only be executed. */
		ret = f->ops->read(f, &u, &pos);
		if (ret < 0)
			return done ? (long)done : ret;
		if (ret == 0)
			break;
		done += (size_t)ret;
	}
	if (done > 0)
		notify_file(f, LINUX_IN_ACCESS);
	return (long)done;
}

uint32_t file_poll(struct file *f, struct poll_table *pt)
{
	/* POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM */
	const uint32_t always = 0x1 | 0x4 | 0x40 | 0x100;

	if (!f->ops)
		return 0x20; /* POLLNVAL */
	return f->ops->poll ? f->ops->poll(f, pt) : always;
}

/* SEEK_DATA and SEEK_HOLE see one run of data, as for fs without holes. */
int64_t file_generic_llseek(struct file *f, int64_t off, int whence)
{
	int64_t size = (int64_t)f->inode->size, to;

	switch (whence) {
	case LINUX_SEEK_SET:
		to = off;
		break;
	case LINUX_SEEK_CUR:
		if (add_overflows(f->pos, off, &to))
			return -EOVERFLOW;
		break;
	case LINUX_SEEK_END:
		if (add_overflows(size, off, &to))
			return -EOVERFLOW;
		break;
	case LINUX_SEEK_DATA:
	case LINUX_SEEK_HOLE:
		if (off < 0 || off >= size)
			return -ENXIO;
		to = whence == LINUX_SEEK_DATA ? off : size;
		break;
	default:
		return -EINVAL;
	}
	if (to < 0)
		return -EINVAL;
	f->pos = to;
	return to;
}

/* --- copies between files ------------------------------------------------- */

#define COPY_CHUNK 65536u

/* One piece: read at *in_pos, write; the input advances by what was written. */
static long copy_piece(struct file *in, int64_t *in_pos, struct file *out,
		       int64_t *out_pos, char *buf, size_t size)
{
	int64_t from = *in_pos;
	size_t put = 0;
	struct uio u;
	long got, ret = 0;

	uio_kernel(&u, buf, size);
	got = file_read(in, &u, &from);
	if (got <= 0)
		return got;
	while (put < (size_t)got) {
		uio_kernel(&u, buf + put, (size_t)got - put);
		ret = out_pos ? file_write(out, &u, out_pos)
			      : file_write_pos(out, &u);
		if (ret <= 0)
			break;
		put += (size_t)ret;
	}
	*in_pos += (int64_t)put;
	return put > 0 ? (long)put : ret;
}

long file_copy_range(struct file *in, int64_t *in_pos, struct file *out,
		     int64_t *out_pos, uint64_t size)
{
	AUTO_FREE char *buf = malloc(COPY_CHUNK);
	uint64_t done = 0;
	size_t want;
	long ret = 0;

	if (!buf)
		return -ENOMEM;
	while (done < size) {
		want = (size_t)MIN(size - done, COPY_CHUNK);
		ret = copy_piece(in, in_pos, out, out_pos, buf, want);
		if (ret <= 0)
			break;
		done += (uint64_t)ret;
		if ((size_t)ret < want)
			break;
		if (task_signal_pending(current_task()))
			break;
	}
	return done > 0 ? (long)done : ret;
}
