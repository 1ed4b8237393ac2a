/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_mount: mount(2) of the file systems that need no device, bind mounts and
 * remounts, umount2(2); file handles.
 *
 * Propagation is always private.
 *
 * Tests: tests/conformance/mount.c
 */
#include "abi/mount.h"
#include "sentry/syscalls/sys_file.h"
#include "sentry/vfs/mount.h"
#include "syscalls.h"

#define FSTYPE_MAX 64

static const struct {
	uint64_t ms;
	uint32_t mnt;
} flag_map[] = {
	{ LINUX_MS_RDONLY, MNT_READONLY }, { LINUX_MS_NOSUID, MNT_NOSUID },
	{ LINUX_MS_NODEV, MNT_NODEV },	   { LINUX_MS_NOEXEC, MNT_NOEXEC },
	{ LINUX_MS_NOATIME, MNT_NOATIME },
};

static uint32_t to_mnt_flags(uint64_t ms)
{
	uint32_t flags = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flag_map); i++) {
		if (ms & flag_map[i].ms)
			flags |= flag_map[i].mnt;
	}
	if (!(ms & (LINUX_MS_NOATIME | LINUX_MS_STRICTATIME)))
		flags |= MNT_RELATIME;
	return flags;
}

/* --- options of tmpfs ----------------------------------------------------- */

struct tmpfs_options {
	uint64_t size, inodes;
	uint32_t mode;
};

/* A number with k, m, g, as memparse(). */
static int parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "kmg";
	unsigned int shift = 0;
	const char *at;
	char *end;
	uint64_t v = strtoull(text, &end, 10);

	if (end == text)
		return -EINVAL;
	at = *end ? strchr(units, *end | 0x20) : NULL;
	if (at) {
		shift = 10 * (unsigned int)(at - units + 1);
		end++;
	}
	if (*end != '\0' || v > UINT64_MAX >> shift)
		return -EINVAL;
	*out = v << shift;
	return 0;
}

static int parse_option(char *opt, struct tmpfs_options *o)
{
	char *value = strchr(opt, '='), *end;

	if (*opt == '\0')
		return 0;
	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (strcmp(opt, "size") == 0)
		return parse_size(value, &o->size);
	if (strcmp(opt, "nr_inodes") == 0)
		return parse_size(value, &o->inodes);
	if (strcmp(opt, "mode") == 0) {
		o->mode = (uint32_t)strtoul(value, &end, 8);
		return *value && !*end ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int mount_tmpfs(uaddr_t data, struct super **out)
{
	struct tmpfs_options o = { .mode = 01777 };
	AUTO_FREE char *text = NULL;
	char *at, *opt;
	long len;
	int ret;

	if (!uaddr_is_null(data)) {
		text = malloc(PAGE_SIZE);
		if (!text)
			return -ENOMEM;
		len = copy_in_str(text, data, PAGE_SIZE);
		if (len < 0)
			return len == -ENAMETOOLONG ? -EINVAL : (int)len;
		for (at = text; (opt = strsep(&at, ",")) != NULL;) {
			ret = parse_option(opt, &o);
			if (ret < 0)
				return ret;
		}
	}
	return tmpfs_new(o.size, o.inodes, o.mode, out);
}

static int make_super(const char *type, uaddr_t data, struct super **out)
{
	if (strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0)
		return mount_tmpfs(data, out);
	if (strcmp(type, "proc") == 0)
		return procfs_new(out);
	if (strcmp(type, "sysfs") == 0)
		return sysfs_new(out);
	if (strcmp(type, "devpts") == 0)
		return devpts_new(out);
	return -ENODEV;
}

/* --- the calls ------------------------------------------------------------ */

static int mount_new_super(struct task *t, const char *source,
			   const struct path *at, uaddr_t fstype,
			   uint64_t flags, uaddr_t data)
{
	AUTO_PUT(super) struct super *sb = NULL;
	char type[FSTYPE_MAX];
	long len = copy_in_str(type, fstype, sizeof(type));
	int ret;

	if (len == -ENAMETOOLONG)
		return -ENODEV;
	if (len < 0)
		return uaddr_is_null(fstype) ? -EINVAL : (int)len;
	ret = make_super(type, data, &sb);
	if (ret < 0)
		return ret;
	return mount_attach(t->mount_ns, at, sb, to_mnt_flags(flags), source);
}

static int bind(struct task *t, const char *source, const struct path *at,
		uint64_t flags)
{
	AUTO_PATH struct path from = { NULL, NULL };
	int ret;

	/* Mounts below the source would stay behind: refuse, not forget. */
	if (flags & LINUX_MS_REC)
		return -EINVAL;
	ret = path_lookup(LINUX_AT_FDCWD, source, WALK_FOLLOW, &from, NULL);
	if (ret < 0)
		return ret;
	return mount_bind(t->mount_ns, &from, at, mount_flags(from.mnt));
}

static int remount(const struct path *at, uint64_t flags)
{
	if (!at->mnt || at->dentry != at->mnt->root)
		return -EINVAL;
	mount_set_flags(at->mnt, to_mnt_flags(flags));
	return 0;
}

/* MS_PRIVATE is what every mount is; the others are not there. */
static int change_type(const struct path *at, uint64_t flags)
{
	if (!at->mnt || at->dentry != at->mnt->root)
		return -EINVAL;
	return flags & (LINUX_MS_SHARED | LINUX_MS_UNBINDABLE) ? -EINVAL : 0;
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

long sys_mount(struct task *t, uaddr_t source, uaddr_t target, uaddr_t fstype,
	       uint32_t flags, uaddr_t data)
{
	const uint32_t types = LINUX_MS_SHARED | LINUX_MS_PRIVATE |
			       LINUX_MS_SLAVE | LINUX_MS_UNBINDABLE;
	AUTO_PATH struct path at = { NULL, NULL };
	struct path_buf src;
	int ret;

	if ((flags & LINUX_MS_MGC_MSK) == LINUX_MS_MGC_VAL)
		flags &= ~(uint32_t)LINUX_MS_MGC_MSK;
	ret = source_in(source, &src);
	if (ret == 0)
		ret = path_lookup_user(LINUX_AT_FDCWD, target, WALK_FOLLOW, &at,
				       NULL);
	if (ret < 0)
		return ret;
	if (!cred_capable(t->cred, CAP_NR_SYS_ADMIN))
		return -EPERM;
	if (flags & LINUX_MS_REMOUNT)
		return remount(&at, flags);
	if (flags & LINUX_MS_BIND)
		return bind(t, src.name, &at, flags);
	if (flags & types)
		return change_type(&at, flags);
	if (flags & LINUX_MS_MOVE)
		return -EINVAL;
	return mount_new_super(t, src.name, &at, fstype, flags, data);
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
	if (!cred_capable(t->cred, CAP_NR_SYS_ADMIN))
		return -EPERM;
	if (flags & LINUX_MNT_EXPIRE)
		return flags & (LINUX_MNT_FORCE | LINUX_MNT_DETACH) ? -EINVAL
								    : -EAGAIN;
	return mount_detach(t->mount_ns, &p, flags & LINUX_MNT_DETACH);
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
