/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot_fs: the mount tree that a program finds.
 *
 * Missing mount points are made in the root's memory layer, so that nothing of
 * the host changes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sentry/boot.h"
#include "sentry/fs/overlay/overlay.h"
#include "sentry/kernel/boot.h"
#include "sentry/mm/memfile.h"
#include "sentry/oci/spec.h"
#include "sentry/syscalls/sys_mount.h"
#include "sentry/vfs/fs_context.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/vfs.h"

/* Writes go to memory above @lower: as much as there is. */
static int memory_overlay(struct super *lower, struct super **out)
{
	AUTO_PUT(super) struct super *upper = NULL;
	int ret = tmpfs_new(memory_total(), 0, 0755, &upper);

	return ret < 0 ? ret : overlay_new(lower, upper, out);
}

static int child_of(struct super *sb, const char *name, struct inode **out)
{
	struct inode *root = sb->root->inode;
	int ret;

	mutex_lock(&root->dir_mu);
	ret = root->ops->lookup(root, name, out);
	mutex_unlock(&root->dir_mu);
	return ret;
}

/* Writes go to the directory of --overlay (sentry/cmd/host/overlay_dir.h). */
static int disk_overlay(const struct sandbox_config *config,
			struct super *lower, struct super **out)
{
	AUTO_PUT(super) struct super *dir = NULL;
	AUTO_PUT(inode) struct inode *upper = NULL;
	AUTO_PUT(inode) struct inode *work = NULL;
	struct overlay_layers layers = {
		.lowers = { lower->root->inode },
		.nr_lowers = 1,
		.userxattr = true,
		.owner_marks = config->unprivileged,
	};
	int ret = goferfs_new(config->spec->overlay_export, false, false, &dir);

	if (ret == 0)
		ret = child_of(dir, "upper", &upper);
	if (ret == 0)
		ret = child_of(dir, "work", &work);
	if (ret < 0)
		return ret;
	layers.upper = upper;
	layers.work = work;
	return overlay_stack(&layers, out);
}

static int make_root(const struct sandbox_config *config, struct super **out)
{
	const struct oci_spec *spec = config->spec;
	AUTO_PUT(super) struct super *lower = NULL;
	int ret;

	if (!spec->root_overlay)
		return goferfs_new(0, spec->root_readonly, true, out);
	ret = goferfs_new(0, true, false, &lower);
	if (ret < 0)
		return ret;
	return spec->overlay_dir ? disk_overlay(config, lower, out)
				 : memory_overlay(lower, out);
}

static int make_bind(const struct oci_mount *m, struct super **out)
{
	AUTO_PUT(super) struct super *lower = NULL;
	int ret;

	if (!m->overlay)
		return goferfs_new(m->export_id, m->readonly, true, out);
	ret = goferfs_new(m->export_id, true, false, &lower);
	return ret < 0 ? ret : memory_overlay(lower, out);
}

/* As the mount tables show them; what mount(2) calls them, too. */
static const char *const type_names[] = {
	[OCI_MOUNT_BIND] = NULL,	[OCI_MOUNT_TMPFS] = "tmpfs",
	[OCI_MOUNT_PROC] = "proc",	[OCI_MOUNT_SYSFS] = "sysfs",
	[OCI_MOUNT_DEV] = "devtmpfs",	[OCI_MOUNT_DEVPTS] = "devpts",
	[OCI_MOUNT_CGROUP] = "cgroup2", [OCI_MOUNT_MQUEUE] = "mqueue",
};

static int make_super(const struct oci_mount *m, struct super **out)
{
	AUTO_FREE char *data = m->data ? kstrdup(m->data) : NULL;
	const char *type = type_names[m->kind];
	struct fs_context *fc;
	int ret;

	if (m->kind == OCI_MOUNT_BIND)
		return make_bind(m, out);
	if (m->data && !data)
		return -ENOMEM;
	ret = fs_context_new(type, &fc);
	if (ret < 0)
		return ret;
	/* What a host's version 1 hierarchy is asked for means nothing here. */
	if (data && m->kind != OCI_MOUNT_CGROUP)
		ret = fs_context_set_all(fc, data);
	if (ret == 0)
		ret = fs_context_create(fc);
	if (ret == 0)
		*out = take(fc->sb);
	fs_context_free(fc);
	return ret;
}

/* Makes the missing last component @name below @dir. */
static int make_child(const struct path *dir, const char *name, bool directory)
{
	struct inode *inode = dir->dentry->inode;
	AUTO_PUT(inode) struct inode *made = NULL;
	int ret = -EROFS;

	mutex_lock(&inode->dir_mu);
	if (directory && inode->ops->mkdir)
		ret = inode->ops->mkdir(inode, name, S_IFDIR | 0755, 0, 0,
					&made);
	else if (!directory && inode->ops->create)
		ret = inode->ops->create(inode, name, S_IFREG | 0644, 0, 0,
					 &made);
	mutex_unlock(&inode->dir_mu);
	dentry_invalidate(dir->dentry, name);
	return ret == -EEXIST ? 0 : ret;
}

/* Resolves @dest from @root, making what is missing; a file if !@directory. */
int boot_mount_point(const struct path *root, const char *dest, bool directory,
		     struct path *out)
{
	AUTO_FREE char *copy = kstrdup(dest);
	AUTO_PATH struct path at = *root;
	char *save = NULL, *name, *next;
	int ret = copy ? 0 : -ENOMEM;

	path_get(&at);
	name = copy ? strtok_r(copy, "/", &save) : NULL;
	for (; name && ret == 0; name = next) {
		struct path child = { 0 };

		next = strtok_r(NULL, "/", &save);
		if (strcmp(name, "..") == 0)
			return -EINVAL;
		ret = path_lookup_at(&at, name, WALK_FOLLOW, &child);
		if (ret == -ENOENT) {
			ret = make_child(&at, name, next || directory);
			if (ret == 0)
				ret = path_lookup_at(&at, name, WALK_FOLLOW,
						     &child);
		}
		if (ret == 0) {
			path_put(&at);
			at = child;
		}
	}
	if (ret == 0) {
		*out = at;
		at = (struct path){ 0 };
	}
	return ret;
}

static int change_type(const struct path *at, uint64_t propagation)
{
	int type = mount_type_of(propagation);

	return type < 0 ? type
			: mount_change_type(at, (uint32_t)type,
					    propagation & LINUX_MS_REC);
}

static int mount_one(struct mount_ns *ns, const struct path *root,
		     const struct oci_mount *m)
{
	AUTO_PUT(super) struct super *sb = NULL;
	AUTO_PATH struct path at = { 0 };
	AUTO_PATH struct path top = { 0 };
	uint32_t flags = mount_flags_of(m->flags);
	int ret = make_super(m, &sb);

	if (ret == 0)
		ret = boot_mount_point(root, m->destination,
				       S_ISDIR(sb->root->inode->mode), &at);
	if (ret == 0)
		ret = mount_attach(ns, &at, sb,
				   flags | (m->readonly ? MNT_READONLY : 0),
				   m->source ? m->source : sb->ops->name);
	if (ret < 0 || !m->propagation)
		return ret;
	ret = path_lookup_at(root, m->destination, WALK_FOLLOW, &top);
	return ret < 0 ? ret : change_type(&top, m->propagation);
}

/* The root itself: propagation, read-only. */
static int finish_root(const struct oci_spec *spec, const struct path *root)
{
	int ret = 0;

	if (spec->root_propagation)
		ret = change_type(root, spec->root_propagation);
	if (ret == 0 && spec->root_readonly)
		ret = mount_change_flags(root, MNT_READONLY, 0, 0, false);
	return ret;
}

/* The tree is made by one who may do everything. */
static int become_maker(const struct path *root, struct mount_ns *ns)
{
	AUTO_PUT(cred) struct cred *cred = NULL;
	struct fs_ctx *fs;
	int ret = cred_new(0, 0, NULL, 0, &cred);

	if (ret < 0)
		return ret;
	ret = fs_ctx_new(root, &fs);
	if (ret < 0)
		return ret;
	mutex_lock(&fs->mu);
	fs->umask = 0; /* devices get the mode they are given */
	mutex_unlock(&fs->mu);
	ret = kernel_boot_task(cred, fs, ns);
	fs_ctx_put(fs);
	return ret;
}

int boot_mounts(const struct sandbox_config *config, struct mount_ns **out,
		struct boot_error *err)
{
	const struct oci_spec *spec = config->spec;
	AUTO_PUT(super) struct super *root_sb = NULL;
	AUTO_PUT(mount_ns) struct mount_ns *ns = NULL;
	AUTO_PATH struct path root = { 0 };
	int ret = make_root(config, &root_sb);

	if (ret == 0)
		ret = mount_ns_new(root_sb, &ns);
	if (ret < 0)
		return boot_fail(err, 125, ret, "cannot read rootfs %s: %s",
				 spec->root_path, strerror(-ret));
	mount_ns_root(ns, &root);
	ret = become_maker(&root, ns);
	if (ret < 0)
		return boot_fail(err, 125, ret, "cannot make mounts: %s",
				 strerror(-ret));
	for (uint32_t i = 0; i < spec->nr_mounts; i++) {
		ret = mount_one(ns, &root, &spec->mounts[i]);
		if (ret < 0)
			return boot_fail(
				err, 125, ret, "cannot mount at %s: %s",
				spec->mounts[i].destination, strerror(-ret));
	}
	ret = finish_root(spec, &root);
	if (ret < 0)
		return boot_fail(err, 125, ret, "cannot set up the root: %s",
				 strerror(-ret));
	*out = take(ns);
	return 0;
}
