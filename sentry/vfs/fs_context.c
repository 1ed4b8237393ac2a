/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_context: types of file systems that a guest can mount, and their options.
 *
 * Locks:     none; a context belongs to one call, or is locked by its file.
 * Linux:     fs/fs_context.c of 6.18.
 * Tests:     tests/conformance/mount.c, mount_api.c, userns.c
 */
#include "sentry/vfs/fs_context.h"

#include <errno.h>
#include <string.h>

#include "sentry/fs/mqueue/mqueue.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/fs_overlay.h"
#include "sentry/vfs/mount.h"

#define NOT_GIVEN UINT32_MAX

struct fs_type {
	const char *name;
	bool user_mount; /* also by root of another user namespace */
	bool visible;	 /* only if one is seen in full already */
	int (*set)(struct fs_context *fc, const char *key, const char *value);
	int (*make)(struct fs_context *fc, struct super **out);
	/* Whose privilege counts; NULL: the mounter's namespace. */
	const struct user_ns *(*owner)(void);
};

/* --- tmpfs ---------------------------------------------------------------- */

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

static int parse_u32(const char *text, int base, uint32_t *out)
{
	char *end;
	unsigned long v = strtoul(text, &end, base);

	if (end == text || *end || v > UINT32_MAX || *text == '-')
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

static int tmpfs_set(struct fs_context *fc, const char *key, const char *value)
{
	uint32_t id;

	if (!value)
		return -EINVAL;
	if (strcmp(key, "size") == 0)
		return parse_size(value, &fc->size);
	if (strcmp(key, "nr_inodes") == 0)
		return parse_size(value, &fc->inodes);
	if (strcmp(key, "mode") == 0)
		return parse_u32(value, 8, &fc->mode);
	if (parse_u32(value, 10, &id) < 0)
		return -EINVAL;
	if (strcmp(key, "uid") == 0)
		id = fc->uid = user_ns_map_down(fc->user_ns, ID_UID, id);
	else if (strcmp(key, "gid") == 0)
		id = fc->gid = user_ns_map_down(fc->user_ns, ID_GID, id);
	else
		return -EINVAL;
	return id == UINT32_MAX ? -EINVAL : 0;
}

static int tmpfs_make(struct fs_context *fc, struct super **out)
{
	const struct cred *c = current_task()->cred;
	uint32_t mode = fc->mode == NOT_GIVEN ? 01777 : fc->mode & 07777;
	struct inode *root;
	int ret = tmpfs_new(fc->size, fc->inodes, mode, out);

	if (ret < 0)
		return ret;
	root = dentry_inode((*out)->root);
	root->uid = fc->uid == NOT_GIVEN ? c->fsuid : fc->uid;
	root->gid = fc->gid == NOT_GIVEN ? c->fsgid : fc->gid;
	return 0;
}

static int ramfs_set(struct fs_context *fc, const char *key, const char *value)
{
	/* As Linux: ramfs knows the mode, and overlooks the rest. */
	if (value && strcmp(key, "mode") == 0)
		return parse_u32(value, 8, &fc->mode);
	return 0;
}

static int ramfs_make(struct fs_context *fc, struct super **out)
{
	fc->size = fc->inodes = 0;
	return tmpfs_make(fc, out);
}

/* --- the others ----------------------------------------------------------- */

static int no_options(struct fs_context *fc, const char *key, const char *value)
{
	(void)fc, (void)key, (void)value;
	return -EINVAL;
}

static int proc_make(struct fs_context *fc, struct super **out)
{
	(void)fc;
	return procfs_new(out);
}

/* The task that makes the first mounts is in few namespaces yet. */
static const struct user_ns *ns_owner(enum task_ns which)
{
	const struct ns_common *ns = current_task()->ns[which];

	return ns ? ns->owner : &g_init_user_ns;
}

static const struct user_ns *proc_owner(void)
{
	return ns_owner(TASK_NS_PID_CHILDREN);
}

static const struct user_ns *net_owner(void)
{
	return ns_owner(TASK_NS_NET);
}

static const struct user_ns *ipc_owner(void)
{
	return ns_owner(TASK_NS_IPC);
}

/* At boot the task has no IPC namespace yet: it will have the initial one. */
static int mq_make(struct fs_context *fc, struct super **out)
{
	struct ns_common *ns = current_task()->ns[TASK_NS_IPC];
	int ret = 0;

	(void)fc;
	if (ns)
		ns_get(ns);
	else
		ret = ipc_ns_initial(&ns);
	if (ret == 0)
		ret = mqueuefs_get((struct ipc_ns *)(void *)ns, out);
	ns_put(ns);
	return ret;
}

static int sys_make(struct fs_context *fc, struct super **out)
{
	(void)fc;
	return sysfs_new(out);
}

/* What every instance of ours has anyway; anything else would be a lie. */
static int pts_set(struct fs_context *fc, const char *key, const char *value)
{
	uint32_t v;

	(void)fc;
	if (!value)
		return strcmp(key, "newinstance") == 0 ? 0 : -EINVAL;
	if (strcmp(key, "gid") == 0)
		return parse_u32(value, 10, &v);
	if (parse_u32(value, 8, &v) < 0)
		return -EINVAL;
	if (strcmp(key, "ptmxmode") == 0)
		return v == 0666 ? 0 : -EINVAL;
	if (strcmp(key, "mode") == 0)
		return v == 0620 || v == 0600 ? 0 : -EINVAL;
	return -EINVAL;
}

static int pts_make(struct fs_context *fc, struct super **out)
{
	(void)fc;
	return devpts_new(out);
}

static int cgroup_set(struct fs_context *fc, const char *key, const char *value)
{
	(void)fc;
	if (value)
		return -EINVAL;
	return strcmp(key, "nsdelegate") == 0 ||
			       strcmp(key, "memory_recursiveprot") == 0
		       ? 0
		       : -EINVAL;
}

static int cgroup_make(struct fs_context *fc, struct super **out)
{
	(void)fc;
	return cgroupfs_new(out);
}

static int dev_make(struct fs_context *fc, struct super **out)
{
	(void)fc;
	return devfs_new(out);
}

static const struct fs_type types[] = {
	{ "tmpfs", true, false, tmpfs_set, tmpfs_make, NULL },
	{ "ramfs", true, false, ramfs_set, ramfs_make, NULL },
	{ "proc", true, true, no_options, proc_make, proc_owner },
	{ "sysfs", true, true, no_options, sys_make, net_owner },
	{ "devpts", true, false, pts_set, pts_make, NULL },
	{ "mqueue", true, false, no_options, mq_make, ipc_owner },
	{ "cgroup2", true, false, cgroup_set, cgroup_make, NULL },
	{ "overlay", true, false, fs_overlay_set, fs_overlay_make, NULL },
	{ "devtmpfs", false, false, no_options, dev_make, NULL },
};

/* --- contexts ------------------------------------------------------------- */

int fs_context_new(const char *type, struct fs_context **out)
{
	struct fs_context *fc;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].name, type) == 0)
			break;
	if (i == ARRAY_SIZE(types))
		return -ENODEV;
	fc = kzalloc(sizeof(*fc));
	if (!fc)
		return -ENOMEM;
	fc->type = &types[i];
	fc->user_ns = current_task()->cred->user_ns;
	user_ns_get(fc->user_ns);
	fc->mode = fc->uid = fc->gid = NOT_GIVEN;
	fc->size = fc->inodes = TMPFS_DEFAULT;
	*out = fc;
	return 0;
}

int fs_context_pick(struct super *sb, struct fs_context **out)
{
	int ret = fs_context_new(sb->ops->name, out);

	/* The root overlay and its like have no options to change. */
	if (ret == -ENODEV)
		ret = fs_context_new("sysfs", out);
	if (ret < 0)
		return ret;
	super_get(sb);
	(*out)->sb = sb;
	return 0;
}

void fs_context_free(struct fs_context *fc)
{
	if (fc->sb)
		super_put(fc->sb);
	user_ns_put(fc->user_ns);
	fs_overlay_free(fc->overlay);
	free(fc->source);
	free(fc);
}

int fs_context_set(struct fs_context *fc, const char *key, const char *value)
{
	if (!value && (strcmp(key, "ro") == 0 || strcmp(key, "rw") == 0)) {
		fc->rdonly = key[1] == 'o';
		fc->set_rdonly = true;
		return 0;
	}
	if (strcmp(key, "source") == 0) {
		if (!value || fc->source)
			return -EINVAL;
		fc->source = kstrdup(value);
		return fc->source ? 0 : -ENOMEM;
	}
	return fc->type->set(fc, key, value);
}

int fs_context_set_all(struct fs_context *fc, char *text)
{
	char *at = text, *opt, *value;
	int ret;

	while ((opt = strsep(&at, ",")) != NULL) {
		if (!*opt)
			continue;
		value = strchr(opt, '=');
		if (value)
			*value++ = '\0';
		ret = fc->type->set(fc, opt, value);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static bool may_mount_type(const struct fs_context *fc)
{
	const struct user_ns *u = fc->user_ns;

	if (!fc->type->user_mount)
		u = &g_init_user_ns;
	else if (fc->type->owner)
		u = fc->type->owner();
	return ns_capable(u, CAP_NR_SYS_ADMIN);
}

int fs_context_create(struct fs_context *fc)
{
	int ret;

	if (!may_mount_type(fc))
		return -EPERM;
	ret = fc->type->make(fc, &fc->sb);
	if (ret < 0)
		return ret;
	fc->sb->rdonly = fc->rdonly;
	if (fc->user_ns != &g_init_user_ns) {
		user_ns_get(fc->user_ns);
		fc->sb->user_ns = fc->user_ns;
	}
	return 0;
}

int fs_context_reconfigure(struct fs_context *fc)
{
	const struct user_ns *u =
		fc->sb->user_ns ? fc->sb->user_ns : &g_init_user_ns;

	if (!ns_capable(u, CAP_NR_SYS_ADMIN))
		return -EPERM;
	if (fc->set_rdonly)
		fc->sb->rdonly = fc->rdonly;
	return 0;
}

int fs_context_check_revealing(const struct fs_context *fc)
{
	struct mount_ns *ns = task_mount_ns(current_task());

	if (!fc->type->visible || ns->ns.owner == &g_init_user_ns)
		return 0;
	return mount_ns_shows_all(ns, fc->type->name) ? 0 : -EPERM;
}
