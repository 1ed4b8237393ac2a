/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_mount_attr: mount_setattr(2), and the attributes of the other calls.
 *
 * Tests: tests/conformance/mount_api.c
 */
#include "sentry/syscalls/sys_file.h"
#include "sentry/syscalls/sys_mount.h"
#include "sentry/vfs/mount.h"
#include "syscalls.h"

#define SIMPLE                                               \
	(LINUX_MOUNT_ATTR_RDONLY | LINUX_MOUNT_ATTR_NOSUID | \
	 LINUX_MOUNT_ATTR_NODEV | LINUX_MOUNT_ATTR_NOEXEC |  \
	 LINUX_MOUNT_ATTR_NODIRATIME | LINUX_MOUNT_ATTR_NOSYMFOLLOW)

static const struct {
	uint64_t attr;
	uint32_t mnt;
} attr_map[] = {
	{ LINUX_MOUNT_ATTR_RDONLY, MNT_READONLY },
	{ LINUX_MOUNT_ATTR_NOSUID, MNT_NOSUID },
	{ LINUX_MOUNT_ATTR_NODEV, MNT_NODEV },
	{ LINUX_MOUNT_ATTR_NOEXEC, MNT_NOEXEC },
	{ LINUX_MOUNT_ATTR_NODIRATIME, MNT_NODIRATIME },
	{ LINUX_MOUNT_ATTR_NOSYMFOLLOW, MNT_NOSYMFOLLOW },
};

static uint32_t simple_flags(uint64_t attr)
{
	uint32_t flags = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(attr_map); i++)
		if (attr & attr_map[i].attr)
			flags |= attr_map[i].mnt;
	return flags;
}

uint64_t mount_attr_of_flags(uint32_t flags)
{
	uint64_t attr = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(attr_map); i++)
		if (flags & attr_map[i].mnt)
			attr |= attr_map[i].attr;
	if (flags & MNT_NOATIME)
		attr |= LINUX_MOUNT_ATTR_NOATIME;
	else if (!(flags & MNT_RELATIME))
		attr |= LINUX_MOUNT_ATTR_STRICTATIME;
	return attr;
}

/* One value of a field, not bits. */
static int atime_flags(uint64_t attr, uint32_t *out)
{
	switch (attr & LINUX_MOUNT_ATTR_ATIME) {
	case 0:
		*out = MNT_RELATIME;
		return 0;
	case LINUX_MOUNT_ATTR_NOATIME:
		*out = MNT_NOATIME;
		return 0;
	case LINUX_MOUNT_ATTR_STRICTATIME:
		*out = 0;
		return 0;
	}
	return -EINVAL;
}

int mount_attr_to_flags(uint64_t attr, uint32_t *out)
{
	uint32_t atime;

	if ((attr & ~(SIMPLE | LINUX_MOUNT_ATTR_ATIME)) ||
	    atime_flags(attr, &atime) < 0)
		return -EINVAL;
	*out = simple_flags(attr) | atime;
	return 0;
}

static int check_attr(const struct linux_mount_attr *a, struct mount_change *c)
{
	const uint64_t known = SIMPLE | LINUX_MOUNT_ATTR_ATIME;
	uint32_t atime = 0;
	int type = 0;

	if (a->propagation) {
		type = mount_type_of(a->propagation);
		if (type < 0 || (a->propagation & (a->propagation - 1)))
			return -EINVAL;
	}
	/* Also MOUNT_ATTR_IDMAP: no file system here has mapped mounts. */
	if ((a->attr_set | a->attr_clr) & ~known)
		return -EINVAL;
	c->set = simple_flags(a->attr_set);
	c->clear = simple_flags(a->attr_clr);
	c->propagation = (uint32_t)type;
	if (a->attr_clr & LINUX_MOUNT_ATTR_ATIME) {
		if ((a->attr_clr & LINUX_MOUNT_ATTR_ATIME) !=
			    LINUX_MOUNT_ATTR_ATIME ||
		    atime_flags(a->attr_set, &atime) < 0)
			return -EINVAL;
		c->set |= atime;
		c->clear |= MNT_NOATIME | MNT_RELATIME;
	} else if (a->attr_set & LINUX_MOUNT_ATTR_ATIME) {
		return -EINVAL;
	}
	return 0;
}

int mount_attr_in(uaddr_t attr, uint64_t size, struct mount_change *out)
{
	struct linux_mount_attr a = { 0 };
	int ret;

	*out = (struct mount_change){ 0 };
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < sizeof(a))
		return -EINVAL;
	if (!mount_allowed())
		return -EPERM;
	ret = copy_in_struct(&a, sizeof(a), attr, size);
	if (ret < 0)
		return ret;
	return check_attr(&a, out);
}

long sys_mount_setattr(struct task *t, int32_t dirfd, uaddr_t path,
		       uint32_t flags, uaddr_t attr, uint64_t size)
{
	AUTO_PATH struct path p = { NULL, NULL };
	struct mount_change c;
	int ret;

	(void)t;
	if (flags &
	    ~(uint32_t)(LINUX_AT_EMPTY_PATH | LINUX_AT_RECURSIVE |
			LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_NO_AUTOMOUNT))
		return -EINVAL;
	ret = mount_attr_in(attr, size, &c);
	if (ret < 0 || (!c.set && !c.clear && !c.propagation))
		return ret;
	ret = at_lookup(dirfd, path, flags & LINUX_AT_EMPTY_PATH,
			flags & LINUX_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW,
			&p);
	if (ret < 0)
		return ret;
	return mount_change_flags(&p, c.set, c.clear, c.propagation,
				  flags & LINUX_AT_RECURSIVE);
}
