/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot_oci: what a container's tree gets besides its mounts: devices, masked
 * and read-only paths, sysctls, its working directory.
 *
 * All paths are walked inside the container's root by a boot task, so that a
 * symbolic link leads nowhere else.
 * Tests: tests/hostile/oci.sh
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/boot.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/log.h"
#include "sentry/oci/spec.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/vfs.h"

static int lookup(const char *name, struct path *out)
{
	return path_lookup(LINUX_AT_FDCWD, name, WALK_FOLLOW, out, NULL);
}

/* --- devices -------------------------------------------------------------- */

/* Those that config-linux.md promises; /dev/console comes with a terminal. */
static const struct oci_device default_devices[] = {
	{ (char *)"/dev/null", S_IFCHR | 0666, 1, 3, 0, 0 },
	{ (char *)"/dev/zero", S_IFCHR | 0666, 1, 5, 0, 0 },
	{ (char *)"/dev/full", S_IFCHR | 0666, 1, 7, 0, 0 },
	{ (char *)"/dev/random", S_IFCHR | 0666, 1, 8, 0, 0 },
	{ (char *)"/dev/urandom", S_IFCHR | 0666, 1, 9, 0, 0 },
	{ (char *)"/dev/tty", S_IFCHR | 0666, 5, 0, 0, 0 },
};
static const struct oci_device console_device = {
	(char *)"/dev/console", S_IFCHR | 0620, 5, 1, 0, 0
};

static const struct {
	const char *target, *name;
} links[] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" },
	{ "/proc/self/fd/2", "/dev/stderr" },
	{ "pts/ptmx", "/dev/ptmx" },
};

static int give(const struct path *p, const struct oci_device *d)
{
	struct iattr a = { .valid = ATTR_UID | ATTR_GID,
			   .uid = d->uid,
			   .gid = d->gid };

	if (!d->uid && !d->gid)
		return 0;
	return inode_setattr(p->mnt, p->dentry->inode, current_task()->cred,
			     &a);
}

static int make_device(const struct oci_device *d)
{
	AUTO_PATH struct path made = { 0 };
	uint64_t rdev = linux_makedev(d->major, d->minor);
	int ret = vfs_mknodat(LINUX_AT_FDCWD, d->path, d->mode,
			      S_ISFIFO(d->mode) ? 0 : rdev, &made);

	if (ret == 0)
		ret = give(&made, d);
	return ret == -EEXIST ? 0 : ret;
}

/* /dev of a root file system that cannot be written may have them already. */
static void make_defaults(const struct oci_spec *spec)
{
	for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++)
		if (make_device(&default_devices[i]) < 0)
			log_info("%s is not made", default_devices[i].path);
	if (spec->process.terminal && make_device(&console_device) < 0)
		log_info("/dev/console is not made");
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (vfs_symlinkat(links[i].target, LINUX_AT_FDCWD,
				  links[i].name) < 0)
			log_info("%s is not made", links[i].name);
}

static int make_devices(const struct oci_spec *spec, struct boot_error *err)
{
	AUTO_PATH struct path root = { 0 };

	if (spec->default_devices)
		make_defaults(spec);
	mount_ns_root(task_mount_ns(current_task()), &root);
	for (uint32_t i = 0; i < spec->nr_devices; i++) {
		const struct oci_device *d = &spec->devices[i];
		AUTO_FREE char *dir = kstrdup(d->path);
		AUTO_PATH struct path at = { 0 };
		int ret = dir ? 0 : -ENOMEM;

		if (dir)
			*strrchr(dir, '/') = '\0';
		if (ret == 0)
			ret = boot_mount_point(&root, dir, true, &at);
		if (ret == 0)
			ret = make_device(d);
		if (ret < 0)
			return boot_fail(err, 125, ret,
					 "cannot make device %s: %s", d->path,
					 strerror(-ret));
	}
	return 0;
}

/* --- masked and read-only paths ------------------------------------------- */

/* Something empty, of the kind that is hidden. */
static int empty_thing(bool directory, struct path *out)
{
	AUTO_PUT(super) struct super *sb = NULL;
	AUTO_PATH struct path top = { 0 };
	int ret = directory ? tmpfs_new(4096, 1, 0555, &sb) : devfs_new(&sb);

	if (ret == 0)
		ret = mount_detached_new(sb, MNT_READONLY, "tmpfs", &top);
	if (ret < 0)
		return ret;
	if (!directory)
		return path_lookup_at(&top, "null", 0, out);
	*out = top;
	top = (struct path){ 0 };
	return 0;
}

static int make_readonly(const char *name)
{
	AUTO_PATH struct path on = { 0 };
	int ret = lookup(name, &on);

	return ret < 0 ? ret
		       : mount_change_flags(&on, MNT_READONLY, 0, 0, false);
}

static int mask(const char *name)
{
	AUTO_PATH struct path at = { 0 }, empty = { 0 };
	int ret = lookup(name, &at);

	if (ret == -ENOENT || ret == -ENOTDIR)
		return 0;
	if (ret == 0)
		ret = empty_thing(S_ISDIR(at.dentry->inode->mode), &empty);
	if (ret == 0)
		ret = mount_bind(&empty, &at, false);
	if (ret == 0 && S_ISDIR(at.dentry->inode->mode))
		ret = make_readonly(name);
	return ret;
}

static int fix(const char *name)
{
	AUTO_PATH struct path at = { 0 };
	int ret = lookup(name, &at);

	if (ret == -ENOENT || ret == -ENOTDIR)
		return 0;
	if (ret == 0)
		ret = mount_bind(&at, &at, true);
	return ret < 0 ? ret : make_readonly(name);
}

static int hide_paths(const struct oci_spec *spec, struct boot_error *err)
{
	int ret = 0;
	char **p;

	for (p = spec->readonly_paths; p && *p && ret == 0; p++) {
		ret = fix(*p);
		if (ret < 0)
			return boot_fail(err, 125, ret,
					 "cannot make %s read-only: %s", *p,
					 strerror(-ret));
	}
	for (p = spec->masked_paths; p && *p && ret == 0; p++) {
		ret = mask(*p);
		if (ret < 0)
			return boot_fail(err, 125, ret, "cannot mask %s: %s",
					 *p, strerror(-ret));
	}
	return 0;
}

/* --- sysctls -------------------------------------------------------------- */

static int set_sysctl(const struct oci_pair *s)
{
	AUTO_FREE char *path = xasprintf("/proc/sys/%s", s->name);
	AUTO_PUT(file) struct file *f = NULL;
	struct uio u;
	long ret;

	for (char *c = path; *c; c++)
		if (*c == '.')
			*c = '/';
	ret = vfs_open(LINUX_AT_FDCWD, path, LINUX_O_WRONLY, 0, 0, &f);
	if (ret < 0)
		return (int)ret;
	uio_kernel(&u, s->value, strlen(s->value));
	ret = file_write_pos(f, &u);
	return ret < 0 ? (int)ret : 0;
}

/*
 * Engines set these for every container, to loosen what is loose here: nobody
 * is refused a ping socket or a low port by them.
 */
static bool is_moot(const char *name)
{
	return strcmp(name, "net.ipv4.ping_group_range") == 0 ||
	       strcmp(name, "net.ipv4.ip_unprivileged_port_start") == 0;
}

static int set_sysctls(const struct oci_spec *spec, struct boot_error *err)
{
	for (uint32_t i = 0; i < spec->sysctl.nr; i++) {
		const struct oci_pair *s = &spec->sysctl.items[i];
		int ret = set_sysctl(s);

		if (ret < 0 && is_moot(s->name))
			log_info("sysctl %s is not set: %s", s->name,
				 strerror(-ret));
		else if (ret < 0)
			return boot_fail(err, 125, ret,
					 "cannot set sysctl %s to %s: %s",
					 s->name, s->value, strerror(-ret));
	}
	return 0;
}

int boot_container(const struct sandbox_config *config, struct boot_error *err)
{
	const struct oci_spec *spec = config->spec;
	AUTO_PATH struct path root = { 0 }, cwd = { 0 };
	int ret = make_devices(spec, err);

	if (ret == 0)
		ret = set_sysctls(spec, err);
	if (ret == 0)
		ret = hide_paths(spec, err);
	if (ret < 0)
		return ret;
	/* As runc does; a root that cannot be written is found out later. */
	mount_ns_root(task_mount_ns(current_task()), &root);
	(void)!boot_mount_point(&root, spec->process.cwd, true, &cwd);
	return 0;
}
