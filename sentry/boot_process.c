/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot_process: from a process of a spec to what the kernel part starts: its
 * identity, limits, directory and program.
 *
 * Runs with a boot task as current (kernel_boot_task()), at start-up and for
 * each `exec`.
 * Tests: tests/hostile/oci.sh, tests/hostile/errors.sh
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/fcntl.h"
#include "sentry/boot.h"
#include "sentry/kernel/boot.h"
#include "sentry/oci/spec.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/vfs.h"

/* The search path of execvp(3) when PATH is not set. */
#define DEFAULT_PATH "/bin:/usr/bin"

static const char *get_env(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

int boot_strings(char *const *strings, struct arg_block *out)
{
	for (; *strings; strings++) {
		seq_write(&out->text, *strings, strlen(*strings) + 1);
		out->nr++;
	}
	return out->text.failed ? -ENOMEM : 0;
}

/* Whether @full names anything; a directory that may not be searched hides
 * what is in it. */
static bool exists(const char *full)
{
	AUTO_PATH struct path at = { 0 };

	return path_lookup(LINUX_AT_FDCWD, full, WALK_FOLLOW, &at, NULL) == 0;
}

/* As a shell: an entry that exists but may not be executed is remembered, the
 * search goes on. */
int boot_find_program(const struct oci_process *p, struct file **out,
		      char **found)
{
	const char *name = p->args[0], *path = get_env(p->env, "PATH");
	int best = -ENOENT;

	if (strchr(name, '/')) {
		*found = xstrdup(name);
		return vfs_open_exec(LINUX_AT_FDCWD, name, WALK_FOLLOW, out);
	}
	if (!path)
		path = DEFAULT_PATH;
	while (name[0]) {
		size_t len = strcspn(path, ":");
		char *full = len ? xasprintf("%.*s/%s", (int)len, path, name)
				 : xstrdup(name);
		int ret = vfs_open_exec(LINUX_AT_FDCWD, full, WALK_FOLLOW, out);

		if (ret == 0) {
			*found = full;
			return 0;
		}
		if (ret != -ENOENT && ret != -ENOTDIR && exists(full))
			best = ret;
		free(full);
		if (path[len] == '\0')
			break;
		path += len + 1;
	}
	*found = xstrdup(name);
	return best;
}

int boot_cred(const struct oci_process *p, struct cred **out)
{
	const struct oci_caps *caps = &p->caps;
	int ret = cred_new(p->user.uid, p->user.gid, p->user.additional_gids,
			   p->user.nr_additional_gids, out);

	if (ret < 0 || !caps->given)
		return ret;
	/* What the sandbox has not is not there to give. */
	(*out)->cap_bounding = caps->bounding & CAP_FULL_SET;
	(*out)->cap_permitted = caps->permitted & CAP_FULL_SET;
	(*out)->cap_effective = caps->effective & CAP_FULL_SET;
	(*out)->cap_inheritable = caps->inheritable & CAP_FULL_SET;
	(*out)->cap_ambient = caps->ambient & CAP_FULL_SET;
	return 0;
}

void boot_rlimits(const struct oci_process *p, struct rlimit_pair *out)
{
	kernel_default_rlimits(out);
	for (uint32_t i = 0; i < p->nr_rlimits; i++) {
		const struct oci_rlimit *r = &p->rlimits[i];

		if (r->type < RLIM_NR)
			out[r->type] = (struct rlimit_pair){ r->soft, r->hard };
	}
}

int boot_enter_cwd(const struct oci_process *p, const struct cred *cred,
		   struct fs_ctx *fs, uint32_t mask, struct boot_error *err)
{
	AUTO_PATH struct path cwd = { 0 };
	int ret = path_lookup(LINUX_AT_FDCWD, p->cwd,
			      WALK_FOLLOW | WALK_DIRECTORY, &cwd, NULL);

	if (ret == 0)
		ret = inode_permission(cwd.dentry->inode, cred, MAY_EXEC);
	if (ret < 0)
		return boot_fail(err, 125, ret, "cannot start in %s: %s",
				 p->cwd, strerror(-ret));
	mutex_lock(&fs->mu);
	path_put(&fs->cwd);
	fs->cwd = cwd;
	fs->umask = mask & 0777;
	mutex_unlock(&fs->mu);
	cwd = (struct path){ 0 };
	return 0;
}

/* The exit code that a shell gives for what execve() said. */
static int exec_exit_code(int ret)
{
	return ret == -ENOENT || ret == -ENOTDIR ? 127 : 126;
}

int boot_fail_program(const struct oci_process *p, int ret, bool container,
		      struct boot_error *err)
{
	const char *name = p->args[0];
	int code = exec_exit_code(ret);

	/* Engines look for these words. */
	if (container && ret == -ENOENT && !strchr(name, '/'))
		return boot_fail(err, code, ret,
				 "exec: \"%s\": executable file not found in "
				 "$PATH",
				 name);
	if (container)
		return boot_fail(err, code, ret, "exec: \"%s\": %s%s", name,
				 strerror(-ret),
				 ret == -ENOENT ? " (no such file or directory)"
				 : ret == -EACCES ? " (permission denied)"
						  : "");
	return boot_fail(err, code, ret, "cannot run %s: %s", name,
			 ret == -ENOENT ? "not found" : strerror(-ret));
}
