/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_dir: getdents(2), getcwd(2), chdir(2), chroot(2), umask(2).
 *
 * Entries are gathered in sentry memory and copied out once, without locks.
 *
 * Tests: tests/conformance/path.c
 */
#include "abi/dirent.h"
#include "sentry/syscalls/sys_file.h"
#include "sentry/vfs/notify.h"
#include "syscalls.h"

#define GETDENTS_MAX (64u << 10)

struct getdents_sink {
	struct dir_sink sink;
	char *buf;
	size_t size, at;
	bool old; /* getdents(2)'s records */
	bool first_too_big;
};

static void put_new(char *rec, size_t reclen, const char *name, size_t len,
		    uint64_t ino, uint8_t type, int64_t off)
{
	struct linux_dirent64 *d = (void *)rec;

	d->ino = ino;
	d->off = off;
	d->reclen = (uint16_t)reclen;
	d->type = type;
	memcpy(rec + LINUX_DIRENT64_NAME, name, len);
}

static void put_old(char *rec, size_t reclen, const char *name, size_t len,
		    uint64_t ino, uint8_t type, int64_t off)
{
	struct linux_dirent *d = (void *)rec;

	d->ino = ino;
	d->off = (uint64_t)off;
	d->reclen = (uint16_t)reclen;
	memcpy(rec + LINUX_DIRENT_NAME, name, len);
	rec[reclen - 1] = (char)type;
}

static bool getdents_emit(struct dir_sink *s, const char *name, size_t len,
			  uint64_t ino, uint8_t type, int64_t next_off)
{
	struct getdents_sink *g = container_of(s, struct getdents_sink, sink);
	/* Name, NUL, and in the old form the type byte. */
	size_t head = g->old ? LINUX_DIRENT_NAME + 2 : LINUX_DIRENT64_NAME + 1;
	size_t reclen = (head + len + 7) & ~(size_t)7;

	if (reclen > g->size - g->at) {
		g->first_too_big = g->at == 0;
		return false;
	}
	memset(g->buf + g->at, 0, reclen);
	if (g->old)
		put_old(g->buf + g->at, reclen, name, len, ino, type, next_off);
	else
		put_new(g->buf + g->at, reclen, name, len, ino, type, next_off);
	g->at += reclen;
	return true;
}

static long getdents(struct task *t, int fd, uaddr_t buf, uint32_t size,
		     bool old)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);
	struct getdents_sink g = { .sink.emit = getdents_emit, .old = old };
	AUTO_FREE char *mem = NULL;
	int64_t before;
	int ret;

	if (!f)
		return -EBADF;
	if (!f->ops->iterate)
		return -ENOTDIR;
	g.size = MIN(size, GETDENTS_MAX);
	g.buf = mem = malloc(MAX(g.size, 1u));
	if (!mem)
		return -ENOMEM;
	mutex_lock(&f->pos_mu);
	before = f->pos;
	ret = f->path.dentry->deleted ? -ENOENT
				      : f->ops->iterate(f, &g.sink, &f->pos);
	mutex_unlock(&f->pos_mu);
	if (ret == 0)
		notify_file(f, LINUX_IN_ACCESS);
	if (g.at == 0)
		return ret < 0 ? ret : g.first_too_big ? -EINVAL : 0;
	ret = copy_out(buf, mem, g.at);
	if (ret < 0) {
		mutex_lock(&f->pos_mu);
		f->pos = before;
		mutex_unlock(&f->pos_mu);
		return ret;
	}
	return (long)g.at;
}

long sys_getdents64(struct task *t, int32_t fd, uaddr_t buf, uint32_t size)
{
	return getdents(t, fd, buf, size, false);
}

long sys_getdents(struct task *t, int32_t fd, uaddr_t buf, uint32_t size)
{
	return getdents(t, fd, buf, size, true);
}

/* --- cwd and root --------------------------------------------------------- */

static void fs_path(struct fs_ctx *fs, const struct path *which,
		    struct path *out)
{
	mutex_lock(&fs->mu);
	*out = *which;
	path_get(out);
	mutex_unlock(&fs->mu);
}

long sys_getcwd(struct task *t, uaddr_t buf, uint64_t size)
{
	static const char mark[] = "(unreachable)";
	AUTO_PATH struct path cwd = { NULL, NULL };
	char text[LINUX_PATH_MAX + sizeof(mark)], *at = text + sizeof(mark) - 1;
	bool unreachable;
	long len;
	int ret;

	fs_path(t->fs, &t->fs->cwd, &cwd);
	if (cwd.dentry->deleted)
		return -ENOENT;
	len = path_to_string(&cwd, at, LINUX_PATH_MAX, &unreachable);
	if (len < 0)
		return len;
	if (unreachable) {
		at = text;
		memcpy(at, mark, sizeof(mark) - 1);
		len += (long)sizeof(mark) - 1;
	}
	if ((uint64_t)len > size)
		return -ERANGE;
	ret = copy_out(buf, at, (size_t)len);
	return ret < 0 ? ret : len;
}

/* Puts @p (reference taken over) in the place of cwd or root. */
static void fs_replace(struct fs_ctx *fs, struct path *which, struct path *p)
{
	struct path old;

	mutex_lock(&fs->mu);
	old = *which;
	*which = *p;
	mutex_unlock(&fs->mu);
	*p = old; /* the caller's cleanup puts it */
}

long sys_chdir(struct task *t, uaddr_t path)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret;

	ret = path_lookup_user(LINUX_AT_FDCWD, path,
			       WALK_FOLLOW | WALK_DIRECTORY, &p, NULL);
	if (ret == 0)
		ret = inode_permission(dentry_inode(p.dentry), t->cred,
				       MAY_EXEC);
	if (ret < 0)
		return ret;
	fs_replace(t->fs, &t->fs->cwd, &p);
	return 0;
}

long sys_fchdir(struct task *t, int32_t fd)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup_any(t->fds, fd);
	AUTO_PATH struct path p = { NULL, NULL };
	int ret;

	if (!f)
		return -EBADF;
	if (!inode_is(file_stat_inode(f), LINUX_S_IFDIR))
		return -ENOTDIR;
	ret = inode_permission(file_stat_inode(f), t->cred, MAY_EXEC);
	if (ret < 0)
		return ret;
	p = f->path;
	path_get(&p);
	fs_replace(t->fs, &t->fs->cwd, &p);
	return 0;
}

long sys_chroot(struct task *t, uaddr_t path)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret;

	ret = path_lookup_user(LINUX_AT_FDCWD, path,
			       WALK_FOLLOW | WALK_DIRECTORY, &p, NULL);
	if (ret == 0)
		ret = inode_permission(dentry_inode(p.dentry), t->cred,
				       MAY_EXEC);
	if (ret == 0 && !cred_own_capable(t->cred, CAP_NR_SYS_CHROOT))
		ret = -EPERM;
	if (ret < 0)
		return ret;
	fs_replace(t->fs, &t->fs->root, &p);
	return 0;
}

long sys_umask(struct task *t, uint32_t mask)
{
	uint32_t old;

	mutex_lock(&t->fs->mu);
	old = t->fs->umask;
	t->fs->umask = mask & LINUX_S_IRWXUGO;
	mutex_unlock(&t->fs->mu);
	return old;
}
