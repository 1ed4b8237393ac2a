/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goferfs_dir: directories and symbolic links of the host.
 *
 * Positions of an open directory are the host's cookies; 0, 1 and 2 are ours
 * (before ".", before "..", before the host's first entry).  Should a host
 * cookie be 1 or 2, it is shown as one of two at the top of the range, which no
 * file system gives out.
 *
 * Locks: as the VFS calls: dir_mu for entries, pos_mu for reading.
 * Tests: tests/gofer/test_client.c, conformance.
 */
#include <errno.h>
#include <string.h>

#include "abi/dirent.h"
#include "abi/stat.h"
#include "gofer_proto.h"
#include "sentry/fs/gofer/goferfs.h"
#include "sentry/host/host.h"

#define STASH_SIZE	GOFER_DIR_BATCH
#define COOKIE_ALIAS(c) (INT64_MAX - 3 + (int64_t)(c)) /* of 1 and 2 */

/* --- names ---------------------------------------------------------------- */

static int op_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct gofer_super *gs = gofer_super(dir);
	gofer_handle h = gofer_inode(dir)->handle;
	struct gofer_stamp stamp = { .watch = NULL };
	struct gofer_node node;
	int fd = -1, err;
	int ret = goferfs_prefetch_take(gs, h, name, false, &node, &fd);

	if (ret == 0) {
		goferfs_stamp(dir, name, &stamp);
		ret = gofer_walk(h, &name, 1, &node, &err);
		if (ret == 0)
			ret = err;
	}
	if (ret >= 0)
		ret = goferfs_inode(gs, dir, &node, out);
	if (ret == 0 && fd >= 0)
		goferfs_keep_read_fd(gofer_inode(*out), fd);
	else if (fd >= 0)
		host_close(fd);
	goferfs_stamp_apply(ret < 0 ? NULL : *out, &stamp);
	return ret;
}

/* Does the name still lead to the same file?  What else it leads to is kept for
 * the lookup that follows. */
static int op_revalidate(struct inode *dir, const char *name,
			 struct inode *child)
{
	struct gofer_super *gs = gofer_super(dir);
	gofer_handle h = gofer_inode(dir)->handle;
	struct gofer_stamp stamp;
	struct gofer_node node;
	int err, ret;

	if (child && goferfs_name_fresh(dir, name, child))
		return 1;
	goferfs_stamp(dir, name, &stamp);
	ret = gofer_walk(h, &name, 1, &node, &err);
	if (ret <= 0) {
		goferfs_stamp_apply(NULL, &stamp);
		return ret == 0 && err == -ENOENT && child == NULL;
	}
	if (!child || child->ino != node.st.ino ||
	    gofer_inode(child)->st.dev != node.st.dev ||
	    ((child->mode ^ node.st.mode) & LINUX_S_IFMT)) {
		goferfs_stamp_apply(NULL, &stamp);
		goferfs_prefetch_add(gs, h, name, &node, -1);
		return 0;
	}
	mutex_lock(&child->mu);
	goferfs_update_locked(gofer_inode(child), &node.st);
	mutex_unlock(&child->mu);
	goferfs_stamp_apply(child, &stamp);
	gofer_release(node.handle);
	return 1;
}

static int writable(struct inode *dir, const char *name)
{
	struct gofer_super *gs = gofer_super(dir);

	if (gs->readonly)
		return -EROFS;
	goferfs_prefetch_drop(gs, gofer_inode(dir)->handle, name);
	goferfs_own_change(dir, name);
	return 0;
}

/* The end of all that make a name: the inode, and the parent's new times. */
static int made(struct inode *dir, const struct gofer_node *node, int ret,
		struct inode **out)
{
	if (ret == 0)
		ret = goferfs_inode(gofer_super(dir), dir, node, out);
	if (ret == 0)
		goferfs_refresh(dir);
	return ret;
}

/* The descriptor that a new file came with; @inode NULL: there is no file. */
static void keep_fd(struct inode *inode, int fd)
{
	struct gofer_inode *gi;

	if (inode) {
		gi = gofer_inode(inode);
		mutex_lock(&inode->mu);
		if (gi->write_fd < 0) {
			gi->write_fd_reads = true;
			gi->write_fd = fd;
			fd = -1;
		}
		mutex_unlock(&inode->mu);
	}
	if (fd >= 0)
		host_close(fd);
}

static int op_create(struct inode *dir, const char *name, uint32_t mode,
		     uint32_t uid, uint32_t gid, struct inode **out)
{
	struct gofer_node node;
	int fd, ret = writable(dir, name);

	if (ret < 0)
		return ret;
	ret = gofer_create(gofer_inode(dir)->handle, name, mode, uid, gid,
			   &node, &fd);
	if (ret < 0)
		return ret;
	ret = made(dir, &node, 0, out);
	keep_fd(ret < 0 ? NULL : *out, fd);
	return ret;
}

static int op_tmpfile(struct inode *dir, uint32_t mode, uint32_t uid,
		      uint32_t gid, struct inode **out)
{
	struct gofer_super *gs = gofer_super(dir);
	struct gofer_node node;
	int fd, ret;

	if (gs->readonly)
		return -EROFS;
	ret = gofer_tmpfile(gofer_inode(dir)->handle, mode, uid, gid, &node,
			    &fd);
	if (ret < 0)
		return ret;
	ret = goferfs_inode(gs, dir, &node, out);
	keep_fd(ret < 0 ? NULL : *out, fd);
	return ret;
}

static int op_mkdir(struct inode *dir, const char *name, uint32_t mode,
		    uint32_t uid, uint32_t gid, struct inode **out)
{
	struct gofer_node node = { 0 };
	int ret = writable(dir, name);

	if (ret == 0)
		ret = gofer_mkdir(gofer_inode(dir)->handle, name, mode, uid,
				  gid, &node);
	return made(dir, &node, ret, out);
}

static int op_mknod(struct inode *dir, const char *name, uint32_t mode,
		    uint64_t rdev, uint32_t uid, uint32_t gid,
		    struct inode **out)
{
	struct gofer_node node = { 0 };
	int ret = writable(dir, name);

	if (ret == 0)
		ret = gofer_mknod(gofer_inode(dir)->handle, name, mode, rdev,
				  uid, gid, &node);
	return made(dir, &node, ret, out);
}

static int op_symlink(struct inode *dir, const char *name, const char *target,
		      uint32_t uid, uint32_t gid, struct inode **out)
{
	struct gofer_node node = { 0 };
	int ret = writable(dir, name);

	if (ret == 0)
		ret = gofer_symlink(gofer_inode(dir)->handle, name, target, uid,
				    gid, &node);
	return made(dir, &node, ret, out);
}

static int op_link(struct inode *dir, const char *name, struct inode *target)
{
	int ret = writable(dir, name);

	if (ret == 0)
		ret = gofer_link(gofer_inode(dir)->handle, name,
				 gofer_inode(target)->handle);
	if (ret < 0)
		return ret;
	goferfs_refresh(dir);
	goferfs_refresh(target);
	return 0;
}

static int remove_name(struct inode *dir, const char *name, struct inode *child,
		       bool directory)
{
	int ret = writable(dir, name);

	if (ret == 0)
		ret = gofer_unlink(gofer_inode(dir)->handle, name, directory);
	if (ret < 0)
		return ret;
	goferfs_refresh(dir);
	goferfs_refresh(child);
	return 0;
}

static int op_unlink(struct inode *dir, const char *name, struct inode *child)
{
	return remove_name(dir, name, child, false);
}

static int op_rmdir(struct inode *dir, const char *name, struct inode *child)
{
	return remove_name(dir, name, child, true);
}

static int op_rename(struct inode *old_dir, const char *old_name,
		     struct inode *child, struct inode *new_dir,
		     const char *new_name, struct inode *target, uint32_t flags)
{
	int ret = writable(old_dir, old_name);

	if (ret == 0)
		ret = writable(new_dir, new_name);
	if (ret == 0)
		ret = gofer_rename(gofer_inode(old_dir)->handle, old_name,
				   gofer_inode(new_dir)->handle, new_name,
				   flags);
	if (ret < 0)
		return ret;
	gofer_inode(child)->parent_ino = new_dir->ino;
	if (target && (flags & 2)) /* RENAME_EXCHANGE */
		gofer_inode(target)->parent_ino = old_dir->ino;
	goferfs_refresh(old_dir);
	if (new_dir != old_dir)
		goferfs_refresh(new_dir);
	goferfs_refresh(child);
	if (target && target != child)
		goferfs_refresh(target);
	return 0;
}

/* --- symbolic links ------------------------------------------------------- */

/* A link never changes its target: it is asked once. */
static int op_readlink(struct inode *inode, char **out_target)
{
	struct gofer_inode *gi = gofer_inode(inode);
	char *known = gi->target, *fresh;
	int ret;

	if (!known) {
		ret = gofer_readlink(gi->handle, &fresh);
		if (ret < 0)
			return ret;
		if (atomic_compare_exchange_strong(&gi->target, &known, fresh))
			known = fresh;
		else
			free(fresh);
	}
	*out_target = kstrdup(known);
	return *out_target ? 0 : -ENOMEM;
}

/* --- reading a directory -------------------------------------------------- */

/*
 * What an answer held beyond the room of the caller, for the next call, or that
 * the end was met.  Kept in file->priv, under pos_mu, as long as the position
 * stays where it begins; a rewind drops it.
 */
struct stash {
	int64_t pos; /* where the caller stopped */
	bool eof;
	size_t at, used, room; /* of data: next record, end of the last */
	char data[];
};

struct stashed {
	uint64_t ino;
	int64_t next;
	uint8_t type, name_len;
	char name[];
};

struct reading {
	struct dir_sink *sink;
	int64_t *pos;
	struct stash *stash; /* once the sink is full */
	bool full;
};

static int64_t to_pos(uint64_t cookie)
{
	return cookie == 1 || cookie == 2 ? COOKIE_ALIAS(cookie)
					  : (int64_t)cookie;
}

static uint64_t to_cookie(int64_t pos)
{
	if (pos == 2)
		return 0;
	if (pos == COOKIE_ALIAS(1) || pos == COOKIE_ALIAS(2))
		return (uint64_t)(pos - COOKIE_ALIAS(0));
	return (uint64_t)pos;
}

static struct stash *stash_new(int64_t pos, size_t room)
{
	struct stash *st = kzalloc(sizeof(*st) + room);

	if (st) {
		st->pos = pos;
		st->room = room;
	}
	return st;
}

/* Without memory nothing is kept; the gofer is asked again. */
static bool stash_add(struct reading *r, const struct gofer_dirent *de)
{
	struct stash *st = r->stash;
	size_t size = (sizeof(struct stashed) + de->name_len + 1 + 7) & ~7ul;
	struct stashed *rec;

	if (!st)
		st = r->stash = stash_new(*r->pos, STASH_SIZE);
	if (!st || size > st->room - st->used)
		return false;
	rec = (void *)(st->data + st->used);
	rec->ino = de->ino;
	rec->next = to_pos(de->next);
	rec->type = de->type;
	rec->name_len = (uint8_t)de->name_len;
	memcpy(rec->name, de->name, de->name_len);
	rec->name[de->name_len] = '\0';
	st->used += size;
	return true;
}

static bool emit(void *arg, const struct gofer_dirent *de)
{
	struct reading *r = arg;
	int64_t next = to_pos(de->next);

	if (!r->full)
		r->full = !r->sink->emit(r->sink, de->name, de->name_len,
					 de->ino, de->type, next);
	if (r->full)
		return stash_add(r, de);
	*r->pos = next;
	return true;
}

/* Gives out what was kept.  True when the sink is full or all is at its end. */
static bool emit_stash(struct file *f, struct dir_sink *sink, int64_t *pos)
{
	struct stash *st = f->priv;

	if (!st)
		return false;
	while (st->pos == *pos && st->at < st->used) {
		struct stashed *rec = (void *)(st->data + st->at);

		if (!sink->emit(sink, rec->name, rec->name_len, rec->ino,
				rec->type, rec->next))
			return true;
		st->at += (sizeof(*rec) + rec->name_len + 1 + 7) & ~7ul;
		*pos = rec->next;
		st->pos = rec->next;
	}
	if (st->pos == *pos && st->eof)
		return true;
	f->priv = NULL;
	free(st);
	return false;
}

static bool emit_dots(struct inode *dir, struct dir_sink *sink, int64_t *pos)
{
	if (*pos == 0) {
		if (!sink->emit(sink, ".", 1, dir->ino, LINUX_DT_DIR, 1))
			return false;
		*pos = 1;
	}
	if (*pos == 1) {
		if (!sink->emit(sink, "..", 2, gofer_inode(dir)->parent_ino,
				LINUX_DT_DIR, 2))
			return false;
		*pos = 2;
	}
	return true;
}

static int fop_iterate(struct file *f, struct dir_sink *sink, int64_t *pos)
{
	struct reading r = { .sink = sink, .pos = pos };
	gofer_handle h = gofer_inode(f->inode)->handle;
	uint64_t cookie;
	bool eof = false;
	int ret = 0;

	if (*pos < 0)
		return -EINVAL;
	if (!emit_dots(f->inode, sink, pos) || emit_stash(f, sink, pos))
		return 0;
	gofer_inode(f->inode)->was_read = true;
	cookie = to_cookie(*pos);
	while (!r.full && !eof && ret == 0) {
		ret = gofer_readdir(h, &cookie, &eof, emit, &r);
		if (ret == 0 && !r.full && cookie != 0)
			*pos = to_pos(cookie);
	}
	if (!r.stash && eof)
		r.stash = stash_new(*pos, 0);
	if (r.stash)
		r.stash->eof = eof;
	f->priv = r.stash;
	return ret;
}

static void fop_release(struct file *f)
{
	free(f->priv);
}

static int64_t fop_llseek(struct file *f, int64_t off, int whence)
{
	int64_t to;

	if (whence == 0)
		to = off;
	else if (whence != 1 || add_overflows(f->pos, off, &to))
		return -EINVAL;
	if (to < 0)
		return -EINVAL;
	f->pos = to;
	return to;
}

static int fop_fsync(struct file *f, bool data_only)
{
	return gofer_fsync(gofer_inode(f->inode)->handle, data_only);
}

const struct file_ops goferfs_dir_fops = {
	.name = "gofer-dir",
	.llseek = fop_llseek,
	.iterate = fop_iterate,
	.fsync = fop_fsync,
	.release = fop_release,
};

#define DIR_OPS                                                             \
	.lookup = op_lookup, .prefetch = goferfs_prefetch,                  \
	.peek = goferfs_peek, .create = op_create, .mkdir = op_mkdir,       \
	.mknod = op_mknod, .symlink = op_symlink, .link = op_link,          \
	.unlink = op_unlink, .tmpfile = op_tmpfile, .rmdir = op_rmdir,      \
	.rename = op_rename, .getattr = goferfs_getattr,                    \
	.setattr = goferfs_setattr, .permission = goferfs_permission,       \
	.getxattr = goferfs_getxattr, .setxattr = goferfs_setxattr,         \
	.listxattr = goferfs_listxattr, .removexattr = goferfs_removexattr, \
	.open = goferfs_open, .evict = goferfs_evict

const struct inode_ops goferfs_dir_ops = { DIR_OPS };
const struct inode_ops goferfs_shared_dir_ops = {
	DIR_OPS,
	.revalidate = op_revalidate,
	.watched = goferfs_watched,
};

const struct inode_ops goferfs_link_ops = {
	.readlink = op_readlink,
	.getattr = goferfs_getattr,
	.setattr = goferfs_setattr,
	.getxattr = goferfs_getxattr,
	.setxattr = goferfs_setxattr,
	.listxattr = goferfs_listxattr,
	.removexattr = goferfs_removexattr,
	.evict = goferfs_evict,
};
