/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_mount: mount(2), umount2(2), pivot_root(2); file handles.
 *
 * Whose privilege counts: that over the user namespace which owns the mount
 * namespace, and for a new file system also over what it shows.
 *
 * Tests: tests/conformance/mount.c, mntns.c, pivot_root.c
 */
#include "sentry/syscalls/sys_mount.h"
#include "abi/mount.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/syscalls/sys_file.h"
#include "sentry/vfs/fs_context.h"
#include "sentry/vfs/landlock.h"
#include "sentry/vfs/mount.h"
#include "syscalls.h"

#define FSTYPE_MAX 64
#define TYPES                                                  \
	(LINUX_MS_SHARED | LINUX_MS_PRIVATE | LINUX_MS_SLAVE | \
	 LINUX_MS_UNBINDABLE)

static const struct {
	uint64_t ms;
	uint32_t mnt;
} flag_map[] = {
	{ LINUX_MS_RDONLY, MNT_READONLY },
	{ LINUX_MS_NOSUID, MNT_NOSUID },
	{ LINUX_MS_NODEV, MNT_NODEV },
	{ LINUX_MS_NOEXEC, MNT_NOEXEC },
	{ LINUX_MS_NODIRATIME, MNT_NODIRATIME },
	{ LINUX_MS_NOSYMFOLLOW, MNT_NOSYMFOLLOW },
};

uint32_t mount_flags_of(uint64_t ms)
{
	uint32_t flags = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flag_map); i++)
		if (ms & flag_map[i].ms)
			flags |= flag_map[i].mnt;
	if (ms & LINUX_MS_STRICTATIME)
		return flags;
	return flags | (ms & LINUX_MS_NOATIME ? MNT_NOATIME : MNT_RELATIME);
}

/* A remount that names no atime flag leaves them as they are. */
static uint32_t remount_flags(const struct mount *m, uint64_t ms)
{
	const uint64_t atime = LINUX_MS_NOATIME | LINUX_MS_NODIRATIME |
			       LINUX_MS_RELATIME | LINUX_MS_STRICTATIME;
	uint32_t flags = mount_flags_of(ms);

	if (ms & atime)
		return flags;
	return (flags & ~(uint32_t)MNT_ATIME_MASK) |
	       (m->flags & MNT_ATIME_MASK);
}

/* One page of text, as mount(2) has it; NULL stays NULL. */
static int data_in(uaddr_t data, char **out)
{
	long len;

	*out = NULL;
	if (uaddr_is_null(data))
		return 0;
	*out = malloc(PAGE_SIZE);
	if (!*out)
		return -ENOMEM;
	len = copy_in_str(*out, data, PAGE_SIZE);
	if (len == -ENAMETOOLONG)
		return -EINVAL;
	return len < 0 ? (int)len : 0;
}

static int type_in(uaddr_t fstype, char *buf)
{
	long len;

	if (uaddr_is_null(fstype))
		return -EINVAL;
	len = copy_in_str(buf, fstype, FSTYPE_MAX);
	if (len == -ENAMETOOLONG)
		return -ENODEV;
	return len < 0 ? (int)len : 0;
}

static int mount_new_super(struct task *t, const char *source,
			   const struct path *at, uaddr_t fstype,
			   uint64_t flags, char *data)
{
	struct fs_context *fc;
	char type[FSTYPE_MAX];
	int ret = type_in(fstype, type);

	if (ret == 0)
		ret = fs_context_new(type, &fc);
	if (ret < 0)
		return ret;
	fc->rdonly = flags & LINUX_MS_RDONLY;
	if (data)
		ret = fs_context_set_all(fc, data);
	if (ret == 0)
		ret = fs_context_create(fc);
	if (ret == 0)
		ret = fs_context_check_revealing(fc);
	if (ret == 0)
		ret = mount_attach(task_mount_ns(t), at, fc->sb,
				   mount_flags_of(flags), source);
	fs_context_free(fc);
	return ret;
}

static int from_path(const char *source, struct path *out)
{
	if (!*source)
		return -EINVAL;
	return path_lookup(LINUX_AT_FDCWD, source, WALK_FOLLOW, out, NULL);
}

static int bind(const char *source, const struct path *at, uint64_t flags)
{
	AUTO_PATH struct path from = { NULL, NULL };
	int ret = from_path(source, &from);

	return ret < 0 ? ret : mount_bind(&from, at, flags & LINUX_MS_REC);
}

static int move(const char *source, const struct path *at)
{
	AUTO_PATH struct path from = { NULL, NULL };
	int ret = from_path(source, &from);

	return ret < 0 ? ret : mount_move(&from, at, false);
}

/* With MS_BIND only the mount, else the super block too. */
static int remount(const struct path *at, uint64_t flags)
{
	struct fs_context *fc;
	int ret;

	if (!at->mnt || at->dentry != at->mnt->root || !mount_is_mine(at->mnt))
		return -EINVAL;
	ret = mount_change_flags(at, remount_flags(at->mnt, flags),
				 MNT_SETTABLE, 0, false);
	if (ret < 0 || (flags & LINUX_MS_BIND))
		return ret;
	ret = fs_context_pick(at->mnt->sb, &fc);
	if (ret < 0)
		return ret;
	fc->rdonly = flags & LINUX_MS_RDONLY;
	fc->set_rdonly = true;
	ret = fs_context_reconfigure(fc);
	fs_context_free(fc);
	return ret;
}

int mount_type_of(uint64_t ms)
{
	switch (ms & TYPES) {
	case LINUX_MS_SHARED:
		return PROP_SHARED;
	case LINUX_MS_SLAVE:
		return PROP_SLAVE;
	case LINUX_MS_PRIVATE:
		return PROP_PRIVATE;
	case LINUX_MS_UNBINDABLE:
		return PROP_UNBINDABLE;
	}
	return -EINVAL;
}

static int change_type(const struct path *at, uint64_t flags)
{
	int type = mount_type_of(flags);

	if (type < 0 || (flags & ~(TYPES | LINUX_MS_REC | LINUX_MS_SILENT)))
		return -EINVAL;
	return mount_change_type(at, (uint32_t)type, flags & LINUX_MS_REC);
}

static int source_in(uaddr_t source, struct path_buf *b)
{
	int ret;

	b->name[0] = '\0';
	if (uaddr_is_null(source))
		return 0;
	ret = path_in(b, source);
	return ret == -ENOENT ? 0 : ret;
}

static int do_mount(struct task *t, const char *source, const struct path *at,
		    uaddr_t fstype, uint64_t flags, char *data)
{
	if (!mount_allowed() || landlock_is_on(t->cred))
		return -EPERM;
	if (flags & LINUX_MS_NOUSER)
		return -EINVAL;
	if (flags & LINUX_MS_REMOUNT)
		return remount(at, flags);
	if (flags & LINUX_MS_BIND)
		return bind(source, at, flags);
	if (flags & TYPES)
		return change_type(at, flags);
	if (flags & LINUX_MS_MOVE)
		return move(source, at);
	return mount_new_super(t, *source ? source : "none", at, fstype, flags,
			       data);
}

long sys_mount(struct task *t, uaddr_t source, uaddr_t target, uaddr_t fstype,
	       uint32_t flags, uaddr_t data)
{
	AUTO_PATH struct path at = { NULL, NULL };
	AUTO_FREE char *options = NULL;
	struct path_buf src;
	int ret;

	if ((flags & LINUX_MS_MGC_MSK) == LINUX_MS_MGC_VAL)
		flags &= ~(uint32_t)LINUX_MS_MGC_MSK;
	ret = source_in(source, &src);
	if (ret == 0)
		ret = data_in(data, &options);
	if (ret == 0)
		ret = path_lookup_user(LINUX_AT_FDCWD, target, WALK_FOLLOW, &at,
				       NULL);
	if (ret < 0)
		return ret;
	return do_mount(t, src.name, &at, fstype, flags, options);
}

long sys_umount2(struct task *t, uaddr_t target, uint32_t flags)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret;

	if (flags & ~(uint32_t)(LINUX_MNT_FORCE | LINUX_MNT_DETACH |
				LINUX_MNT_EXPIRE | LINUX_UMOUNT_NOFOLLOW))
		return -EINVAL;
	ret = path_lookup_user(LINUX_AT_FDCWD, target,
			       flags & LINUX_UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW,
			       &p, NULL);
	if (ret < 0)
		return ret;
	mount_follow_down(&p); /* "." has not */
	if (!mount_allowed() || landlock_is_on(t->cred))
		return -EPERM;
	if ((flags & LINUX_MNT_EXPIRE) &&
	    (flags & (LINUX_MNT_FORCE | LINUX_MNT_DETACH)))
		return -EINVAL;
	return mount_umount(&p, flags);
}

long sys_pivot_root(struct task *t, uaddr_t new_root, uaddr_t put_old)
{
	AUTO_PATH struct path to = { NULL, NULL }, old = { NULL, NULL };
	AUTO_PATH struct path root = { NULL, NULL };
	int ret;

	if (!mount_allowed() || landlock_is_on(t->cred))
		return -EPERM;
	ret = path_lookup_user(LINUX_AT_FDCWD, new_root,
			       WALK_FOLLOW | WALK_DIRECTORY, &to, NULL);
	if (ret == 0)
		ret = path_lookup_user(LINUX_AT_FDCWD, put_old,
				       WALK_FOLLOW | WALK_DIRECTORY, &old,
				       NULL);
	if (ret < 0)
		return ret;
	mutex_lock(&t->fs->mu);
	root = t->fs->root;
	path_get(&root);
	mutex_unlock(&t->fs->mu);
	ret = mount_pivot(&root, &to, &old);
	if (ret == 0)
		task_replace_roots(&root, &to);
	return ret;
}

/* No file system here has handles that outlive a lookup. */
long sys_name_to_handle_at(struct task *t, int32_t dirfd, uaddr_t path,
			   uaddr_t handle, uaddr_t mnt_id, uint32_t flags)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret;

	(void)t;
	(void)handle;
	(void)mnt_id;
	if (flags & ~(uint32_t)(LINUX_AT_SYMLINK_FOLLOW | LINUX_AT_EMPTY_PATH))
		return -EINVAL;
	ret = at_lookup(dirfd, path, flags,
			flags & LINUX_AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0, &p);
	return ret < 0 ? ret : -EOPNOTSUPP;
}
