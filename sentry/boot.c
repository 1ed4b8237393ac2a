/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot: from a spec to the first task.
 *
 * Runs in sentry_main()'s thread, with a boot task for the path look-ups; what
 * it makes is handed to kernel_boot(), which takes its own references.
 */
#include "sentry/boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/fcntl.h"
#include "sentry/fs/tty/console.h"
#include "sentry/host/host.h"
#include "sentry/host/host_info.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/budget.h"
#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/oom.h"
#include "sentry/oci/spec.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/vfs.h"

#define HEAP_BASE  (64ull << 20)
#define HEAP_SHARE 16

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

static int gather(char *const *strings, struct arg_block *out)
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

/*
 * Finds @name along PATH, as a shell: an entry that exists but may not be
 * executed is remembered, the search goes on.  *found: the path that was used.
 */
static int find_program(const struct oci_process *p, struct file **out,
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

static int open_stdio(const struct sandbox_config *c,
		      struct kernel_boot_args *args, struct boot_error *err)
{
	for (int i = 0; i < 3; i++) {
		AUTO_PUT(file) struct file *f = NULL;
		int ret;

		if (c->stdio[i] < 0)
			continue; /* the caller had it closed */
		ret = hostfile_new(c->stdio[i], &f);
		if (ret == 0)
			ret = fd_table_replace(args->fds, i, f, false);
		if (ret < 0)
			return boot_fail(err, 125, ret,
					 "cannot pass on descriptor %d: %s", i,
					 strerror(-ret));
		if (i == 0 && c->tty)
			args->console = console_setup(f);
	}
	return 0;
}

static int enter_cwd(const struct oci_process *p, const struct cred *cred,
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

static int load(const struct oci_process *p, struct kernel_boot_args *args,
		struct boot_error *err)
{
	AUTO_FREE char *found = NULL;
	struct arg_block argv = { 0 }, envp = { 0 };
	int ret = find_program(p, &args->program, &found);

	if (ret == 0)
		ret = gather(p->args, &argv);
	if (ret == 0)
		ret = gather(p->env, &envp);
	if (ret == 0) {
		args->filename = found;
		/* Reset below: they are read by kernel_boot() only. */
		/* cppcheck-suppress autoVariables */
		args->argv = &argv;
		/* cppcheck-suppress autoVariables */
		args->envp = &envp;
		ret = kernel_boot(args);
		args->argv = args->envp = NULL;
		file_put(args->program);
	}
	seq_fini(&argv.text);
	seq_fini(&envp.text);
	if (ret < 0)
		return boot_fail(err, exec_exit_code(ret), ret,
				 "cannot run %s: %s", p->args[0],
				 ret == -ENOENT ? "not found" : strerror(-ret));
	return 0;
}

/* Identity, directories, descriptors; references end up in @args. */
static int prepare(const struct sandbox_config *c,
		   struct kernel_boot_args *args, struct boot_error *err)
{
	const struct oci_process *p = &c->spec->process;
	struct path root = { 0 };
	int ret = cred_new(p->user.uid, p->user.gid, p->user.additional_gids,
			   p->user.nr_additional_gids, &args->cred);

	if (ret == 0)
		ret = uts_ns_new(c->spec->hostname, &g_init_user_ns, NULL,
				 &args->uts);
	if (ret == 0)
		ret = fd_table_new(&args->fds);
	if (ret < 0)
		return boot_fail(err, 125, ret, "cannot start: %s",
				 strerror(-ret));
	ret = boot_mounts(c, &args->mount_ns, err);
	if (ret < 0)
		return ret;
	mount_ns_root(args->mount_ns, &root);
	ret = fs_ctx_new(&root, &args->fs);
	path_put(&root);
	if (ret == 0)
		ret = kernel_boot_task(args->cred, args->fs, args->mount_ns);
	if (ret < 0)
		return boot_fail(err, 125, ret, "cannot start: %s",
				 strerror(-ret));
	ret = enter_cwd(p, args->cred, args->fs, c->umask, err);
	return ret < 0 ? ret : open_stdio(c, args, err);
}

/* The sentry's own memory: a fixed part, and a share of the program's. */
static uint64_t heap_budget(const struct oci_spec *spec)
{
	uint64_t all =
		spec->memory_limit ? spec->memory_limit : host_total_memory();

	return HEAP_BASE + all / HEAP_SHARE;
}

int sandbox_boot(const struct sandbox_config *config, struct boot_error *err)
{
	const struct oci_process *p = &config->spec->process;
	struct kernel_boot_args args = {
		.no_new_privs = p->no_new_privileges,
		.ignored_signals = config->ignored_signals,
		.blocked_signals = config->blocked_signals,
	};
	int ret;

	cgroup_start(config->spec->pids_limit, config->spec->milli_cpus);
	oom_start();
	budget_start(heap_budget(config->spec));
	ret = prepare(config, &args, err);
	kernel_default_rlimits(args.rlimits);
	if (ret == 0)
		ret = load(p, &args, err);
	if (args.fds)
		fd_table_put(args.fds);
	if (args.fs)
		fs_ctx_put(args.fs);
	if (args.mount_ns)
		mount_ns_put(args.mount_ns);
	if (args.uts)
		uts_ns_put(args.uts);
	if (args.cred)
		cred_put(args.cred);
	return ret;
}
