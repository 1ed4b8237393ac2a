/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_xattr: the extended attribute calls, xattr(7).
 *
 * Namespaces: user (files and directories, by permission), trusted
 * (CAP_SYS_ADMIN), security, system (access control lists).
 *
 * Tests: tests/conformance/xattr.c
 */
#include "abi/xattr.h"
#include "abi/xattrat.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/sys_file.h"
#include "sentry/vfs/acl.h"
#include "sentry/vfs/notify.h"
#include "syscalls.h"

static int name_in(uaddr_t name, char buf[LINUX_XATTR_NAME_MAX + 1])
{
	long len = copy_in_str(buf, name, LINUX_XATTR_NAME_MAX + 1);

	if (len == -ENAMETOOLONG || len == 0)
		return -ERANGE;
	return len < 0 ? (int)len : 0;
}

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_acl(const char *name)
{
	return strcmp(name, LINUX_XATTR_ACL_ACCESS) == 0 ||
	       strcmp(name, LINUX_XATTR_ACL_DEFAULT) == 0;
}

/* user.*: regular files and directories only. */
static int user_permission(struct inode *inode, const struct cred *cred,
			   bool write)
{
	uint32_t type = inode->mode & LINUX_S_IFMT;

	if (type != LINUX_S_IFREG && type != LINUX_S_IFDIR)
		return write ? -EPERM : -ENODATA;
	if (type == LINUX_S_IFDIR && (inode->mode & LINUX_S_ISVTX) && write &&
	    !inode_owner_or_capable(inode, cred))
		return -EPERM;
	return inode_permission(inode, cred, write ? MAY_WRITE : MAY_READ);
}

/* A name space without a name in it. */
static bool is_bare_prefix(const char *name)
{
	return strcmp(name, "user.") == 0 || strcmp(name, "trusted.") == 0 ||
	       strcmp(name, "security.") == 0;
}

static int xattr_permission(const struct path *p, const char *name,
			    const struct cred *cred, bool write)
{
	struct inode *inode = dentry_inode(p->dentry);

	if (write && mount_readonly(p->mnt))
		return -EROFS;
	if (is_bare_prefix(name))
		return -EINVAL;
	if (has_prefix(name, "security.")) {
		if (!write)
			return 0;
		/* Judged by may_change_caps(), after its value. */
		if (strcmp(name, LINUX_XATTR_NAME_CAPS) == 0)
			return 0;
		return cred_capable(cred, CAP_NR_SYS_ADMIN) ? 0 : -EPERM;
	}
	if (has_prefix(name, "trusted.")) {
		if (cred_capable(cred, CAP_NR_SYS_ADMIN))
			return 0;
		return write ? -EPERM : -ENODATA;
	}
	if (has_prefix(name, "user."))
		return user_permission(inode, cred, write);
	if (is_acl(name)) /* acl_set() checks the owner */
		return 0;
	return -EOPNOTSUPP;
}

/* --- on a path ------------------------------------------------------------ */

static bool may_change_caps(const struct inode *inode, const struct cred *cred)
{
	return cred_capable_wrt(cred, inode->uid, inode->gid, CAP_NR_SETFCAP);
}

/*
 * Capabilities are checked when they are set.  Those of a user namespace are
 * marked as its own: revision 3 with the kernel id of its root.
 */
static int set_caps(struct inode *inode, const void *buf, size_t size,
		    int flags, const struct cred *cred)
{
	struct linux_vfs_cap_data d = { 0 };
	struct file_caps caps;
	int ret = file_caps_parse(buf, size, &caps);

	if (ret < 0 || size < LINUX_VFS_CAP_SIZE_2)
		return -EINVAL;
	if (!may_change_caps(inode, cred))
		return -EPERM;
	memcpy(&d, buf, size);
	if (cred->user_ns != &g_init_user_ns) {
		d.magic = LINUX_VFS_CAP_REVISION_3 |
			  (d.magic & LINUX_VFS_CAP_FLAGS_EFFECTIVE);
		d.root = user_ns_map_down(cred->user_ns, ID_UID, d.root);
		size = sizeof(d);
	}
	if (d.root == UINT32_MAX)
		return -EPERM;
	ret = inode->ops->setxattr(inode, LINUX_XATTR_NAME_CAPS, &d, size,
				   flags);
	inode->no_caps = false;
	return ret;
}

static long set_on(const struct path *p, uaddr_t name, uaddr_t value,
		   uint64_t size, uint32_t flags)
{
	struct inode *inode = dentry_inode(p->dentry);
	char key[LINUX_XATTR_NAME_MAX + 1];
	AUTO_FREE void *buf = NULL;
	int ret;

	if (flags & ~(uint32_t)(LINUX_XATTR_CREATE | LINUX_XATTR_REPLACE))
		return -EINVAL;
	ret = name_in(name, key);
	if (ret < 0)
		return ret;
	if (size > LINUX_XATTR_SIZE_MAX)
		return -E2BIG;
	buf = malloc(size ? size : 1);
	if (!buf)
		return -ENOMEM;
	if (size) {
		ret = copy_in(buf, value, size);
		if (ret < 0)
			return ret;
	}
	ret = xattr_permission(p, key, current_task()->cred, true);
	if (ret < 0)
		return ret;
	if (!inode->ops->setxattr)
		return -EOPNOTSUPP;
	if (is_acl(key))
		ret = acl_set(inode, key, buf, size, (int)flags,
			      current_task()->cred);
	else if (strcmp(key, LINUX_XATTR_NAME_CAPS) == 0)
		ret = set_caps(inode, buf, size, (int)flags,
			       current_task()->cred);
	else
		ret = inode->ops->setxattr(inode, key, buf, size, (int)flags);
	if (ret == 0)
		notify_dentry(p->dentry, LINUX_IN_ATTRIB);
	return ret;
}

static long get_on(const struct path *p, uaddr_t name, uaddr_t value,
		   uint64_t size)
{
	struct inode *inode = dentry_inode(p->dentry);
	char key[LINUX_XATTR_NAME_MAX + 1];
	AUTO_FREE void *buf = NULL;
	long ret;
	int err;

	err = name_in(name, key);
	if (err == 0)
		err = xattr_permission(p, key, current_task()->cred, false);
	if (err < 0)
		return err;
	if (!inode->ops->getxattr)
		return -EOPNOTSUPP;
	size = MIN(size, LINUX_XATTR_SIZE_MAX);
	buf = malloc(size ? size : 1);
	if (!buf)
		return -ENOMEM;
	ret = inode->ops->getxattr(inode, key, buf, size);
	if (ret > 0 && size) {
		err = copy_out(value, buf, (size_t)ret);
		if (err < 0)
			return err;
	}
	return ret;
}

/* trusted.* is not shown to those who may not read it. */
static size_t hide_trusted(char *list, size_t len)
{
	size_t from = 0, to = 0, n;

	while (from < len) {
		n = strnlen(list + from, len - from - 1) + 1;
		if (!has_prefix(list + from, "trusted.")) {
			memmove(list + to, list + from, n);
			to += n;
		}
		from += n;
	}
	return to;
}

static long list_on(const struct path *p, uaddr_t list, uint64_t size)
{
	struct inode *inode = dentry_inode(p->dentry);
	AUTO_FREE char *buf = NULL;
	long ret;
	int err;

	if (!inode->ops->listxattr)
		return 0;
	buf = malloc(LINUX_XATTR_LIST_MAX);
	if (!buf)
		return -ENOMEM;
	ret = inode->ops->listxattr(inode, buf, LINUX_XATTR_LIST_MAX);
	if (ret == -ERANGE)
		return -E2BIG;
	if (ret < 0)
		return ret == -EOPNOTSUPP ? 0 : ret;
	if (!capable(CAP_NR_SYS_ADMIN))
		ret = (long)hide_trusted(buf, (size_t)ret);
	if (size == 0)
		return ret;
	if ((uint64_t)ret > size)
		return -ERANGE;
	err = copy_out(list, buf, (size_t)ret);
	return err < 0 ? err : ret;
}

static long remove_on(const struct path *p, uaddr_t name)
{
	struct inode *inode = dentry_inode(p->dentry);
	char key[LINUX_XATTR_NAME_MAX + 1];
	int ret;

	ret = name_in(name, key);
	if (ret == 0)
		ret = xattr_permission(p, key, current_task()->cred, true);
	if (ret == 0 && strcmp(key, LINUX_XATTR_NAME_CAPS) == 0 &&
	    !may_change_caps(inode, current_task()->cred))
		ret = -EPERM;
	if (ret < 0)
		return ret;
	if (!inode->ops->removexattr)
		return -EOPNOTSUPP;
	if (is_acl(key))
		ret = acl_set(inode, key, NULL, 0, 0, current_task()->cred);
	else
		ret = inode->ops->removexattr(inode, key);
	if (ret == 0)
		notify_dentry(p->dentry, LINUX_IN_ATTRIB);
	return ret;
}

/* --- the twelve calls ----------------------------------------------------- */

static int by_path(uaddr_t path, uint32_t walk, struct path *p)
{
	return path_lookup_user(LINUX_AT_FDCWD, path, walk, p, NULL);
}

long sys_setxattr(struct task *t, uaddr_t path, uaddr_t name, uaddr_t value,
		  uint64_t size, uint32_t flags)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = by_path(path, WALK_FOLLOW, &p);

	(void)t;
	return ret < 0 ? ret : set_on(&p, name, value, size, flags);
}

long sys_lsetxattr(struct task *t, uaddr_t path, uaddr_t name, uaddr_t value,
		   uint64_t size, uint32_t flags)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = by_path(path, 0, &p);

	(void)t;
	return ret < 0 ? ret : set_on(&p, name, value, size, flags);
}

long sys_fsetxattr(struct task *t, int32_t fd, uaddr_t name, uaddr_t value,
		   uint64_t size, uint32_t flags)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);

	return f ? set_on(&f->path, name, value, size, flags) : -EBADF;
}

long sys_getxattr(struct task *t, uaddr_t path, uaddr_t name, uaddr_t value,
		  uint64_t size)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = by_path(path, WALK_FOLLOW, &p);

	(void)t;
	return ret < 0 ? ret : get_on(&p, name, value, size);
}

long sys_lgetxattr(struct task *t, uaddr_t path, uaddr_t name, uaddr_t value,
		   uint64_t size)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = by_path(path, 0, &p);

	(void)t;
	return ret < 0 ? ret : get_on(&p, name, value, size);
}

long sys_fgetxattr(struct task *t, int32_t fd, uaddr_t name, uaddr_t value,
		   uint64_t size)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);

	return f ? get_on(&f->path, name, value, size) : -EBADF;
}

long sys_listxattr(struct task *t, uaddr_t path, uaddr_t list, uint64_t size)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = by_path(path, WALK_FOLLOW, &p);

	(void)t;
	return ret < 0 ? ret : list_on(&p, list, size);
}

long sys_llistxattr(struct task *t, uaddr_t path, uaddr_t list, uint64_t size)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = by_path(path, 0, &p);

	(void)t;
	return ret < 0 ? ret : list_on(&p, list, size);
}

long sys_flistxattr(struct task *t, int32_t fd, uaddr_t list, uint64_t size)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);

	return f ? list_on(&f->path, list, size) : -EBADF;
}

long sys_removexattr(struct task *t, uaddr_t path, uaddr_t name)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = by_path(path, WALK_FOLLOW, &p);

	(void)t;
	return ret < 0 ? ret : remove_on(&p, name);
}

long sys_lremovexattr(struct task *t, uaddr_t path, uaddr_t name)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = by_path(path, 0, &p);

	(void)t;
	return ret < 0 ? ret : remove_on(&p, name);
}

long sys_fremovexattr(struct task *t, int32_t fd, uaddr_t name)
{
	AUTO_PUT(file) struct file *f = fd_table_lookup(t->fds, fd);

	return f ? remove_on(&f->path, name) : -EBADF;
}

/* --- the four of Linux 6.13 ----------------------------------------------- */

static int at_path(int dirfd, uaddr_t path, uint32_t flags, struct path *p)
{
	if (flags &
	    ~(uint32_t)(LINUX_AT_SYMLINK_NOFOLLOW | LINUX_AT_EMPTY_PATH))
		return -EINVAL;
	return at_lookup(dirfd, path, flags,
			 flags & LINUX_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW,
			 p);
}

static int args_in(struct linux_xattr_args *a, uaddr_t args, uint64_t size)
{
	if (size < sizeof(*a))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	return copy_in_struct(a, sizeof(*a), args, size);
}

long sys_setxattrat(struct task *t, int32_t dirfd, uaddr_t path, uint32_t flags,
		    uaddr_t name, uaddr_t args, uint64_t size)
{
	AUTO_PATH struct path p = { NULL, NULL };
	struct linux_xattr_args a;
	int ret = args_in(&a, args, size);

	(void)t;
	if (ret == 0)
		ret = at_path(dirfd, path, flags, &p);
	if (ret < 0)
		return ret;
	return set_on(&p, name, uaddr(a.value), a.size, a.flags);
}

long sys_getxattrat(struct task *t, int32_t dirfd, uaddr_t path, uint32_t flags,
		    uaddr_t name, uaddr_t args, uint64_t size)
{
	AUTO_PATH struct path p = { NULL, NULL };
	struct linux_xattr_args a;
	int ret = args_in(&a, args, size);

	(void)t;
	if (ret == 0 && a.flags)
		ret = -EINVAL;
	if (ret == 0)
		ret = at_path(dirfd, path, flags, &p);
	return ret < 0 ? ret : get_on(&p, name, uaddr(a.value), a.size);
}

long sys_listxattrat(struct task *t, int32_t dirfd, uaddr_t path,
		     uint32_t flags, uaddr_t list, uint64_t size)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = at_path(dirfd, path, flags, &p);

	(void)t;
	return ret < 0 ? ret : list_on(&p, list, size);
}

long sys_removexattrat(struct task *t, int32_t dirfd, uaddr_t path,
		       uint32_t flags, uaddr_t name)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = at_path(dirfd, path, flags, &p);

	(void)t;
	return ret < 0 ? ret : remove_on(&p, name);
}
