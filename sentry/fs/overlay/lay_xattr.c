/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay_xattr: extended attributes of an overlay of directories, and the marks
 * that it keeps in them, which nobody sees through it.
 *
 * Tests: tests/conformance/overlay_mount.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/xattr.h"
#include "sentry/fs/overlay/lay.h"

#define MARK_MAX 4096 /* a redirect is a path */

static const char *const mark_names[2][3] = {
	[false] = { "trusted.overlay.opaque", "trusted.overlay.redirect",
		    "trusted.overlay.moat.owner" },
	[true] = { "user.overlay.opaque", "user.overlay.redirect",
		   "user.overlay.moat.owner" },
};

char *lay_mark_get(const struct lay_super *ls, struct inode *inode,
		   enum lay_mark mark)
{
	const char *name = mark_names[ls->userxattr][mark];
	char *value;
	long size;

	if (!inode->ops->getxattr)
		return NULL;
	size = inode->ops->getxattr(inode, name, NULL, 0);
	if (size <= 0 || size >= MARK_MAX)
		return NULL;
	value = kzalloc((size_t)size + 1);
	if (value &&
	    inode->ops->getxattr(inode, name, value, (size_t)size) != size) {
		free(value);
		value = NULL;
	}
	return value;
}

int lay_mark_set(const struct lay_super *ls, struct inode *inode,
		 enum lay_mark mark, const char *value)
{
	const char *name = mark_names[ls->userxattr][mark];

	if (!inode->ops->setxattr)
		return -EOPNOTSUPP;
	return inode->ops->setxattr(inode, name, value, strlen(value), 0);
}

bool lay_owner_get(const struct lay_super *ls, struct inode *upper,
		   uint32_t *uid, uint32_t *gid)
{
	AUTO_FREE char *text = NULL;

	if (!ls->owner_marks)
		return false;
	text = lay_mark_get(ls, upper, LAY_OWNER);
	return text && sscanf(text, "%u:%u", uid, gid) == 2;
}

int lay_owner_set(const struct lay_super *ls, struct inode *upper, uint32_t uid,
		  uint32_t gid)
{
	char text[32];
	int ret;

	snprintf(text, sizeof(text), "%u:%u", uid, gid);
	ret = lay_mark_set(ls, upper, LAY_OWNER, text);
	/* Only files and directories can carry it: a link is the user's own. */
	return ret == -EPERM || ret == -EOPNOTSUPP ? 0 : ret;
}

static bool is_ours(const struct lay_super *ls, const char *name)
{
	const char *prefix =
		ls->userxattr ? "user.overlay." : "trusted.overlay.";

	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/*
 * Attributes below our prefix that a guest sets itself, as for an overlay on
 * this one, are kept with "overlay." once more: *buf gets that name.
 */
static const char *escape(const struct lay_super *ls, const char *name,
			  char *buf, size_t size)
{
	size_t prefix = ls->userxattr ? 13 : 16;

	if (!is_ours(ls, name))
		return name;
	if ((size_t)snprintf(buf, size, "%.*soverlay.%s", (int)prefix, name,
			     name + prefix) > LINUX_XATTR_NAME_MAX)
		return NULL;
	return buf;
}

/* --- as the guest sees them ----------------------------------------------- */

long lay_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct inode *real = lay_real(lay_inode(inode));
	char stored[LINUX_XATTR_NAME_MAX + 16];

	name = escape(lay_super(inode), name, stored, sizeof(stored));
	if (!name || !real->ops->getxattr)
		return -EOPNOTSUPP;
	return real->ops->getxattr(real, name, buf, size);
}

int lay_setxattr(struct inode *inode, const char *name, const void *buf,
		 size_t size, int flags)
{
	struct lay_inode *li = lay_inode(inode);
	char stored[LINUX_XATTR_NAME_MAX + 16];
	struct inode *upper;
	int ret;

	name = escape(lay_super(inode), name, stored, sizeof(stored));
	if (!name)
		return -EOPNOTSUPP;
	ret = lay_copy_up(li, UINT64_MAX);
	if (ret < 0)
		return ret;
	upper = li->upper;
	if (!upper->ops->setxattr)
		return -EOPNOTSUPP;
	ret = upper->ops->setxattr(upper, name, buf, size, flags);
	if (ret == 0)
		lay_refresh(li); /* an ACL changes the mode */
	return ret;
}

int lay_removexattr(struct inode *inode, const char *name)
{
	struct lay_inode *li = lay_inode(inode);
	char stored[LINUX_XATTR_NAME_MAX + 16];
	struct inode *upper;
	long ret = lay_getxattr(inode, name, NULL, 0);

	if (ret < 0)
		return (int)ret;
	name = escape(lay_super(inode), name, stored, sizeof(stored));
	if (!name)
		return -EOPNOTSUPP;
	ret = lay_copy_up(li, UINT64_MAX);
	if (ret < 0)
		return (int)ret;
	upper = li->upper;
	if (!upper->ops->removexattr)
		return -EOPNOTSUPP;
	ret = upper->ops->removexattr(upper, name);
	if (ret == 0)
		lay_refresh(li);
	return (int)ret;
}

/* The list without our marks, and escaped names as the guest gave them. */
static long filter(const struct lay_super *ls, char *list, long size)
{
	long prefix = ls->userxattr ? 13 : 16, from, to = 0;

	for (from = 0; from < size;) {
		long len = (long)strlen(list + from) + 1;
		bool ours = is_ours(ls, list + from);

		if (!ours) {
			memmove(list + to, list + from, (size_t)len);
			to += len;
		} else if (!strncmp(list + from + prefix, "overlay.", 8)) {
			memmove(list + to, list + from, (size_t)prefix);
			memmove(list + to + prefix, list + from + prefix + 8,
				(size_t)(len - prefix - 8));
			to += len - 8;
		}
		from += len;
	}
	return to;
}

long lay_listxattr(struct inode *inode, char *buf, size_t size)
{
	struct inode *real = lay_real(lay_inode(inode));
	AUTO_FREE char *list = NULL;
	long got;

	if (!real->ops->listxattr)
		return 0;
	got = real->ops->listxattr(real, NULL, 0);
	if (got <= 0)
		return got;
	list = kzalloc(LINUX_XATTR_LIST_MAX + 1);
	if (!list)
		return -ENOMEM;
	got = real->ops->listxattr(real, list, LINUX_XATTR_LIST_MAX);
	if (got < 0)
		return got;
	got = filter(lay_super(inode), list, got);
	if (size == 0)
		return got;
	if ((size_t)got > size)
		return -ERANGE;
	memcpy(buf, list, (size_t)got);
	return got;
}
