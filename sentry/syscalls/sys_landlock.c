/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_landlock: landlock_create_ruleset(2), landlock_add_rule(2),
 * landlock_restrict_self(2).
 *
 * Tests: tests/conformance/landlock.c
 */
#include <errno.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/landlock.h"
#include "sentry/vfs/namei.h"
#include "syscalls.h"

long sys_landlock_create_ruleset(struct task *t, uaddr_t attr, uint64_t size,
				 uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct linux_landlock_ruleset_attr a;
	int ret;

	if (flags) {
		if (flags == LINUX_LANDLOCK_CREATE_RULESET_VERSION &&
		    uaddr_is_null(attr) && !size)
			return LINUX_LANDLOCK_ABI;
		return -EINVAL;
	}
	if (size < sizeof(a))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_in_struct(&a, sizeof(a), attr, size);
	if (ret < 0)
		return ret;
	if (a.handled_access_fs & ~(uint64_t)LINUX_LANDLOCK_FS_ALL)
		return -EINVAL;
	if (!a.handled_access_fs)
		return -ENOMSG;
	ret = landlock_ruleset_new((uint32_t)a.handled_access_fs, &f);
	return ret < 0 ? ret : fd_table_install(t->fds, f, true);
}

/* +1; -EBADF, -EBADFD for other files. */
static int lookup_ruleset(int fd, struct file **out)
{
	AUTO_PUT(file) struct file *f = current_file(fd);

	if (!f)
		return -EBADF;
	if (!landlock_is_ruleset(f))
		return -EBADFD;
	*out = take(f);
	return 0;
}

long sys_landlock_add_rule(struct task *t, int32_t fd, int32_t type,
			   uaddr_t attr, uint32_t flags)
{
	AUTO_PUT(file) struct file *rules = NULL;
	AUTO_PUT(file) struct file *at = NULL;
	struct linux_landlock_path_beneath_attr a;
	int ret;

	(void)t;
	if (flags)
		return -EINVAL;
	ret = lookup_ruleset(fd, &rules);
	if (ret < 0)
		return ret;
	if (type != LINUX_LANDLOCK_RULE_PATH_BENEATH)
		return -EINVAL;
	if (copy_in(&a, attr, sizeof(a)) < 0)
		return -EFAULT;
	if (!a.allowed_access)
		return -ENOMSG;
	if (a.allowed_access & ~(uint64_t)landlock_handled(rules))
		return -EINVAL;
	at = current_file_any(a.parent_fd);
	if (!at)
		return -EBADF;
	/* Files that no path leads to. */
	if (!at->path.mnt || at->path.dentry->pseudo)
		return -EBADFD;
	return landlock_add_rule(rules, &at->path, (uint32_t)a.allowed_access);
}

long sys_landlock_restrict_self(struct task *t, int32_t fd, uint32_t flags)
{
	AUTO_PUT(file) struct file *rules = NULL;
	struct cred *new;
	int ret;

	if (!t->no_new_privs && !cred_own_capable(t->cred, CAP_NR_SYS_ADMIN))
		return -EPERM;
	if (flags)
		return -EINVAL;
	ret = lookup_ruleset(fd, &rules);
	if (ret == 0)
		ret = cred_copy(t->cred, &new);
	if (ret < 0)
		return ret;
	ret = landlock_restrict(new, rules);
	if (ret < 0) {
		cred_put(new);
		return ret;
	}
	task_set_cred(t, new);
	return 0;
}
