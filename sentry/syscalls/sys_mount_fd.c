/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_mount_fd: mounts by descriptor: open_tree(2), open_tree_attr(2),
 * move_mount(2), fsopen(2), fsconfig(2), fsmount(2), fspick(2).
 *
 * A mount that is attached nowhere belongs to the O_PATH file it was made
 * with, and is dissolved when that is closed.
 *
 * Locks: a context's mu, around each use of it.
 * Tests: tests/conformance/mount_api.c
 */
#include "sentry/kernel/wait.h"
#include "sentry/syscalls/sys_file.h"
#include "sentry/syscalls/sys_mount.h"
#include "sentry/vfs/fs_context.h"
#include "sentry/vfs/landlock.h"
#include "sentry/vfs/mount.h"
#include "syscalls.h"

#define FSTYPE_MAX PAGE_SIZE
#define KEY_MAX	   256

/* --- detached trees ------------------------------------------------------- */

static void detached_release(struct file *f)
{
	mount_dissolve(f->path.mnt);
}

static const struct file_ops detached_ops = {
	.name = "path",
	.release = detached_release,
};

/* An O_PATH descriptor on the root of the anonymous tree @p. */
static long install_detached(struct task *t, const struct path *p, bool cloexec)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret = file_new(p, dentry_inode(p->dentry), LINUX_O_PATH, &f);

	if (ret < 0) {
		mount_dissolve(p->mnt);
		return ret;
	}
	f->ops = &detached_ops;
	return fd_table_install(t->fds, f, cloexec);
}

static long open_tree(struct task *t, int32_t dirfd, uaddr_t path,
		      uint32_t flags, const struct mount_change *c)
{
	AUTO_PATH struct path from = { NULL, NULL }, p = { NULL, NULL };
	AUTO_PUT(file) struct file *f = NULL;
	bool cloexec = flags & LINUX_OPEN_TREE_CLOEXEC;
	int ret;

	if (flags &
	    ~(uint32_t)(LINUX_AT_EMPTY_PATH | LINUX_AT_NO_AUTOMOUNT |
			LINUX_AT_RECURSIVE | LINUX_AT_SYMLINK_NOFOLLOW |
			LINUX_OPEN_TREE_CLONE | LINUX_OPEN_TREE_CLOEXEC))
		return -EINVAL;
	if ((flags & (LINUX_AT_RECURSIVE | LINUX_OPEN_TREE_CLONE)) ==
	    LINUX_AT_RECURSIVE)
		return -EINVAL;
	if ((flags & LINUX_OPEN_TREE_CLONE) && !mount_allowed())
		return -EPERM;
	ret = at_lookup(dirfd, path, flags & LINUX_AT_EMPTY_PATH,
			flags & LINUX_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW,
			&from);
	if (ret < 0)
		return ret;
	if (!(flags & LINUX_OPEN_TREE_CLONE)) {
		ret = vfs_open_path(&from, LINUX_O_PATH, t->cred, &f);
		if (ret == 0 && c)
			ret = mount_change_flags(&from, c->set, c->clear,
						 c->propagation, false);
		return ret < 0 ? ret : fd_table_install(t->fds, f, cloexec);
	}
	ret = mount_detached_copy(&from, flags & LINUX_AT_RECURSIVE, &p);
	if (ret < 0)
		return ret;
	if (c)
		ret = mount_change_flags(&p, c->set, c->clear, c->propagation,
					 flags & LINUX_AT_RECURSIVE);
	if (ret < 0) {
		mount_dissolve(p.mnt);
		return ret;
	}
	return install_detached(t, &p, cloexec);
}

long sys_open_tree(struct task *t, int32_t dirfd, uaddr_t path, uint32_t flags)
{
	return open_tree(t, dirfd, path, flags, NULL);
}

long sys_open_tree_attr(struct task *t, int32_t dirfd, uaddr_t path,
			uint32_t flags, uaddr_t attr, uint64_t size)
{
	struct mount_change c;
	int ret;

	if (uaddr_is_null(attr) && size)
		return -EINVAL;
	if (!size)
		return open_tree(t, dirfd, path, flags, NULL);
	ret = mount_attr_in(attr, size, &c);
	return ret < 0 ? ret : open_tree(t, dirfd, path, flags, &c);
}

static int move_end(int32_t dirfd, uaddr_t path, bool empty, bool follow,
		    struct path *out)
{
	return at_lookup(dirfd, path, empty ? LINUX_AT_EMPTY_PATH : 0,
			 follow ? WALK_FOLLOW : 0, out);
}

long sys_move_mount(struct task *t, int32_t from_dirfd, uaddr_t from_path,
		    int32_t to_dirfd, uaddr_t to_path, uint32_t flags)
{
	AUTO_PATH struct path from = { NULL, NULL }, to = { NULL, NULL };
	int ret;

	if (!mount_allowed() || landlock_is_on(t->cred))
		return -EPERM;
	/* SET_GROUP and BENEATH are not there. */
	if (flags & ~(LINUX_MOVE_MOUNT_MASK &
		      ~(LINUX_MOVE_MOUNT_SET_GROUP | LINUX_MOVE_MOUNT_BENEATH)))
		return -EINVAL;
	ret = move_end(to_dirfd, to_path, flags & LINUX_MOVE_MOUNT_T_EMPTY_PATH,
		       flags & LINUX_MOVE_MOUNT_T_SYMLINKS, &to);
	if (ret == 0)
		ret = move_end(from_dirfd, from_path,
			       flags & LINUX_MOVE_MOUNT_F_EMPTY_PATH,
			       flags & LINUX_MOVE_MOUNT_F_SYMLINKS, &from);
	return ret < 0 ? ret : mount_move(&from, &to, false);
}

/* --- contexts ------------------------------------------------------------- */

enum phase {
	PHASE_CREATE_PARAMS,
	PHASE_AWAITING_MOUNT,
	PHASE_RECONF_PARAMS,
	PHASE_FAILED,
};

struct fs_fd {
	struct mutex mu; /* LOCK_FILE_POS: constructors may sleep */
	struct fs_context *fc;
	enum phase phase;
};

static void fs_fd_release(struct file *f)
{
	struct fs_fd *c = f->priv;

	fs_context_free(c->fc);
	pthread_mutex_destroy(&c->mu.raw);
	free(c);
}

/* No file system of ours leaves messages. */
static long fs_fd_read(struct file *f, struct uio *u, int64_t *pos)
{
	(void)f, (void)u, (void)pos;
	return -ENODATA;
}

static const struct file_ops fs_fd_ops = {
	.name = "fscontext",
	.read = fs_fd_read,
	.release = fs_fd_release,
};

static struct fs_fd *fs_fd_of(const struct file *f)
{
	return f->ops == &fs_fd_ops ? f->priv : NULL;
}

/* Takes @fc over. */
static long install_context(struct task *t, struct fs_context *fc,
			    enum phase phase, bool cloexec)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct fs_fd *c = kzalloc(sizeof(*c));
	int ret;

	if (!c) {
		fs_context_free(fc);
		return -ENOMEM;
	}
	mutex_init(&c->mu, LOCK_FILE_POS);
	c->fc = fc;
	c->phase = phase;
	ret = file_new_anon("anon_inode:[fscontext]", &fs_fd_ops, c, 0600,
			    LINUX_O_RDWR, &f);
	if (ret < 0) {
		fs_context_free(fc);
		pthread_mutex_destroy(&c->mu.raw);
		free(c);
		return ret;
	}
	return fd_table_install(t->fds, f, cloexec);
}

long sys_fsopen(struct task *t, uaddr_t fsname, uint32_t flags)
{
	AUTO_FREE char *name = NULL;
	struct fs_context *fc;
	long ret;

	if (!mount_allowed())
		return -EPERM;
	if (flags & ~LINUX_FSOPEN_CLOEXEC)
		return -EINVAL;
	name = malloc(FSTYPE_MAX);
	if (!name)
		return -ENOMEM;
	ret = copy_in_str(name, fsname, FSTYPE_MAX);
	if (ret < 0)
		return ret == -ENAMETOOLONG ? -EINVAL : ret;
	ret = fs_context_new(name, &fc);
	if (ret < 0)
		return ret;
	return install_context(t, fc, PHASE_CREATE_PARAMS,
			       flags & LINUX_FSOPEN_CLOEXEC);
}

long sys_fspick(struct task *t, int32_t dirfd, uaddr_t path, uint32_t flags)
{
	AUTO_PATH struct path p = { NULL, NULL };
	struct fs_context *fc;
	int ret;

	if (!mount_allowed())
		return -EPERM;
	if (flags & ~(LINUX_FSPICK_CLOEXEC | LINUX_FSPICK_SYMLINK_NOFOLLOW |
		      LINUX_FSPICK_NO_AUTOMOUNT | LINUX_FSPICK_EMPTY_PATH))
		return -EINVAL;
	ret = move_end(dirfd, path, flags & LINUX_FSPICK_EMPTY_PATH,
		       !(flags & LINUX_FSPICK_SYMLINK_NOFOLLOW), &p);
	if (ret < 0)
		return ret;
	if (!p.mnt || p.dentry != p.mnt->root)
		return -EINVAL;
	ret = fs_context_pick(p.mnt->sb, &fc);
	if (ret < 0)
		return ret;
	return install_context(t, fc, PHASE_RECONF_PARAMS,
			       flags & LINUX_FSPICK_CLOEXEC);
}

/* --- fsconfig(2) ---------------------------------------------------------- */

/* Which arguments a command has; the others must be 0. */
static int check_config(uint32_t cmd, bool key, bool value, int32_t aux)
{
	switch (cmd) {
	case LINUX_FSCONFIG_SET_FLAG:
		return key && !value && !aux ? 0 : -EINVAL;
	case LINUX_FSCONFIG_SET_STRING:
		return key && value && !aux ? 0 : -EINVAL;
	case LINUX_FSCONFIG_SET_BINARY:
		return key && value && aux > 0 && aux <= 1024 * 1024 ? 0
								     : -EINVAL;
	case LINUX_FSCONFIG_SET_PATH:
	case LINUX_FSCONFIG_SET_PATH_EMPTY:
		return key && value && (aux == LINUX_AT_FDCWD || aux >= 0)
			       ? 0
			       : -EINVAL;
	case LINUX_FSCONFIG_SET_FD:
		return key && !value && aux >= 0 ? 0 : -EINVAL;
	case LINUX_FSCONFIG_CMD_CREATE:
	case LINUX_FSCONFIG_CMD_CREATE_EXCL:
	case LINUX_FSCONFIG_CMD_RECONFIGURE:
		return !key && !value && !aux ? 0 : -EINVAL;
	}
	return -EOPNOTSUPP;
}

static int create(struct fs_fd *c)
{
	int ret;

	if (c->phase != PHASE_CREATE_PARAMS)
		return -EBUSY;
	ret = fs_context_create(c->fc);
	if (ret == -EPERM)
		return ret;
	c->phase = ret < 0 ? PHASE_FAILED : PHASE_AWAITING_MOUNT;
	return ret;
}

static int config_locked(struct fs_fd *c, uint32_t cmd, const char *key,
			 const char *value)
{
	switch (cmd) {
	case LINUX_FSCONFIG_CMD_CREATE:
	case LINUX_FSCONFIG_CMD_CREATE_EXCL:
		return create(c);
	case LINUX_FSCONFIG_CMD_RECONFIGURE:
		if (c->phase != PHASE_RECONF_PARAMS)
			return -EBUSY;
		return fs_context_reconfigure(c->fc);
	}
	if (c->phase != PHASE_CREATE_PARAMS && c->phase != PHASE_RECONF_PARAMS)
		return -EBUSY;
	if (cmd != LINUX_FSCONFIG_SET_FLAG && cmd != LINUX_FSCONFIG_SET_STRING)
		return -EINVAL; /* no parameter of ours is of that kind */
	return fs_context_set(c->fc, key, value);
}

static int string_in(uaddr_t from, char *buf, size_t size)
{
	long len = copy_in_str(buf, from, size);

	if (len == -ENAMETOOLONG)
		return -EINVAL;
	return len < 0 ? (int)len : 0;
}

long sys_fsconfig(struct task *t, int32_t fd, uint32_t cmd, uaddr_t key,
		  uaddr_t value, int32_t aux)
{
	AUTO_PUT(file) struct file *f = NULL;
	char key_text[KEY_MAX], value_text[KEY_MAX];
	bool has_key = !uaddr_is_null(key), has_value = !uaddr_is_null(value);
	struct fs_fd *c;
	int ret;

	(void)t;
	if (fd < 0)
		return -EINVAL;
	ret = check_config(cmd, has_key, has_value, aux);
	if (ret < 0)
		return ret;
	f = current_file(fd);
	if (!f)
		return -EBADF;
	c = fs_fd_of(f);
	if (!c)
		return -EINVAL;
	if (has_key)
		ret = string_in(key, key_text, sizeof(key_text));
	if (ret == 0 && cmd == LINUX_FSCONFIG_SET_STRING)
		ret = string_in(value, value_text, sizeof(value_text));
	if (ret < 0)
		return ret;
	mutex_lock(&c->mu);
	ret = config_locked(c, cmd, key_text, has_value ? value_text : NULL);
	mutex_unlock(&c->mu);
	return ret;
}

static int mount_context(struct fs_fd *c, uint32_t flags, struct path *out)
{
	struct fs_context *fc = c->fc;
	int ret;

	if (c->phase != PHASE_AWAITING_MOUNT)
		return c->phase == PHASE_FAILED ||
				       c->phase == PHASE_CREATE_PARAMS
			       ? -EINVAL
			       : -EBUSY;
	ret = fs_context_check_revealing(fc);
	if (ret == 0)
		ret = mount_detached_new(fc->sb, flags,
					 fc->source ? fc->source : "none", out);
	/* The context may be used to change what it made. */
	if (ret == 0)
		c->phase = PHASE_RECONF_PARAMS;
	return ret;
}

long sys_fsmount(struct task *t, int32_t fd, uint32_t flags, uint32_t attr)
{
	AUTO_PUT(file) struct file *f = NULL;
	AUTO_PATH struct path p = { NULL, NULL };
	struct fs_fd *c;
	uint32_t mnt;
	int ret;

	if (!mount_allowed())
		return -EPERM;
	if ((flags & ~LINUX_FSMOUNT_CLOEXEC) ||
	    mount_attr_to_flags(attr, &mnt) < 0)
		return -EINVAL;
	f = current_file(fd);
	if (!f)
		return -EBADF;
	c = fs_fd_of(f);
	if (!c)
		return -EINVAL;
	mutex_lock(&c->mu);
	ret = mount_context(c, mnt, &p);
	mutex_unlock(&c->mu);
	if (ret < 0)
		return ret;
	return install_detached(t, &p, flags & LINUX_FSMOUNT_CLOEXEC);
}
