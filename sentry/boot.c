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

#include "sentry/control.h"
#include "sentry/fs/tty/console.h"
#include "sentry/host/host.h"
#include "sentry/host/host_info.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/budget.h"
#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/oom.h"
#include "sentry/oci/spec.h"
#include "sentry/vfs/vfs.h"

#define HEAP_BASE  (64ull << 20)
#define HEAP_SHARE 16

/* The pseudo terminal is all three. */
static int open_own_tty(const struct sandbox_config *c,
			struct kernel_boot_args *args)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret = console_file_own(c->stdio[0], true, &f);

	for (int i = 0; i < 3 && ret == 0; i++)
		ret = fd_table_replace(args->fds, i, f, false);
	if (ret == 0)
		args->console = console_setup(f);
	return ret;
}

/* --preserve-fds: 3 and up. */
static int open_extra(const struct sandbox_config *c,
		      struct kernel_boot_args *args, struct boot_error *err)
{
	for (unsigned int i = 0; i < c->nr_extra; i++) {
		AUTO_PUT(file) struct file *f = NULL;
		int ret = hostfile_new(c->extra[i], &f);

		if (ret == 0)
			ret = fd_table_replace(args->fds, 3 + (int)i, f, false);
		if (ret < 0)
			return boot_fail(err, 125, ret,
					 "cannot pass on descriptor %u: %s",
					 3 + i, strerror(-ret));
	}
	return 0;
}

static int open_stdio(const struct sandbox_config *c,
		      struct kernel_boot_args *args, struct boot_error *err)
{
	if (c->own_tty) {
		int ret = open_own_tty(c, args);

		if (ret < 0)
			return boot_fail(err, 125, ret,
					 "cannot use the terminal: %s",
					 strerror(-ret));
	}
	for (int i = 0; i < 3 && !c->own_tty; i++) {
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
	return open_extra(c, args, err);
}

static int load(const struct sandbox_config *c, struct kernel_boot_args *args,
		struct boot_error *err)
{
	const struct oci_process *p = &c->spec->process;
	AUTO_FREE char *found = NULL;
	struct arg_block argv = { 0 }, envp = { 0 };
	int ret = boot_find_program(p, &args->program, &found);

	if (ret == 0)
		ret = boot_strings(p->args, &argv);
	if (ret == 0)
		ret = boot_strings(p->env, &envp);
	if (ret == 0 && c->container)
		control_await_start();
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
	return ret < 0 ? boot_fail_program(p, ret, c->container, err) : 0;
}

static int make_uts(const struct oci_spec *spec, struct uts_ns **out)
{
	int ret = uts_ns_new(spec->hostname, &g_init_user_ns, NULL, out);

	if (ret == 0 && spec->domainname)
		strncpy((*out)->domainname, spec->domainname,
			sizeof((*out)->domainname) - 1);
	return ret;
}

/* Identity, directories, descriptors; references end up in @args. */
static int prepare(const struct sandbox_config *c,
		   struct kernel_boot_args *args, struct boot_error *err)
{
	const struct oci_process *p = &c->spec->process;
	struct path root = { 0 };
	int ret = boot_cred(p, &args->cred);

	if (ret == 0)
		ret = make_uts(c->spec, &args->uts);
	if (ret == 0)
		ret = fd_table_new(&args->fds);
	if (ret < 0)
		return boot_fail(err, 125, ret, "cannot start: %s",
				 strerror(-ret));
	ret = boot_mounts(c, &args->mount_ns, err);
	if (ret == 0 && c->container)
		ret = boot_container(c, err);
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
	ret = boot_enter_cwd(p, args->cred, args->fs,
			     p->has_umask ? p->umask : c->umask, err);
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
		.shielded = config->container,
		.oom_score_adj = p->oom_score_adj,
		.filter = config->spec->seccomp.program,
		.nr_filter = config->spec->seccomp.nr_insns,
		.log_filter = config->spec->seccomp.log,
	};
	int ret;

	cgroup_start(config->spec->pids_limit, config->spec->milli_cpus);
	oom_start();
	budget_start(heap_budget(config->spec));
	ret = prepare(config, &args, err);
	boot_rlimits(p, args.rlimits);
	boot_exec_setup(config);
	if (ret == 0)
		ret = load(config, &args, err);
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
