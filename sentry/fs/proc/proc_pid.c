/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_pid: /proc/PID and /proc/PID/task/TID: finding processes and threads,
 * and the tables of their files.
 *
 * Locks: none of its own; lookups take the task list's.
 * Linux: as 6.18, without arch_status, cpuset, ksm_*, map_files, mountstats,
 *        patch_state, projid_map.
 * Tests: tests/conformance/proc.c, proc_task.c
 */
#include <errno.h>
#include <stdio.h>

#include "sentry/fs/proc/proc.h"
#include "sentry/fs/proc/proc_dir.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"

/* --- contexts ------------------------------------------------------------ */

struct task *proc_task(const struct synth_ctx *ctx)
{
	struct task *t = task_lookup_global(ctx->id);

	if (t && t->group != ctx->obj) {
		task_put(t);
		t = NULL;
	}
	return t;
}

int proc_may_access(const struct synth_ctx *ctx)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);

	if (!t)
		return -ESRCH;
	return task_may_access(t) < 0 ? -EACCES : 0;
}

int proc_may_open(const struct synth_ctx *ctx, uint32_t flags)
{
	(void)flags;
	return proc_may_access(ctx);
}

int proc_mm(const struct synth_ctx *ctx, struct mm **out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);

	if (!t)
		return -ESRCH;
	*out = task_get_mm(t);
	return 0;
}

/* --- tables -------------------------------------------------------------- */

static const struct synth_dir_ops task_dirs;
static int children_may_open(const struct synth_ctx *ctx, uint32_t flags);

#define MAGIC(n, fn)                                         \
	{                                                    \
		.name = (n), .mode = S_IFLNK | 0777,         \
		.readlink = proc_link_text, .get_link = (fn) \
	}
#define SECRET(n, m, fn)                                          \
	{                                                         \
		.name = (n), .mode = S_IFREG | (m), .show = (fn), \
		.may_open = proc_may_open                         \
	}
#define FD_DIR(n, m, ops)                                             \
	{                                                             \
		.name = (n), .mode = S_IFDIR | (m), .dynamic = (ops), \
		.permission = proc_fd_permission                      \
	}
#define NS_DIR                                        \
	{                                             \
		.name = "ns", .mode = S_IFDIR | 0511, \
		.children = proc_ns_entries           \
	}

/* The same: what shows or changes pages, registers and scheduling. */
#define MORE_ENTRIES                                           \
	SYNTH_DIR("attr", proc_attr_entries),                  \
		{ .name = "clear_refs",                        \
		  .mode = S_IFREG | 0200,                      \
		  .write = proc_clear_refs_write },            \
		SECRET("numa_maps", 0444, proc_numa_maps),     \
		{ .name = "pagemap",                           \
		  .mode = S_IFREG | 0400,                      \
		  .open = proc_pagemap_open },                 \
		SECRET("personality", 0400, proc_personality), \
		SYNTH_FILE("sched", 0644, proc_sched),         \
		SYNTH_FILE("schedstat", 0444, proc_schedstat), \
		SYNTH_FILE("stack", 0400, proc_stack),         \
		SECRET("syscall", 0400, proc_syscall),         \
		SYNTH_FILE("wchan", 0444, proc_wchan)

/* What processes and threads have in common. */
#define COMMON_ENTRIES                                                       \
	SECRET("auxv", 0400, proc_auxv),                                     \
		SYNTH_FILE("cgroup", 0444, proc_cgroup),                     \
		SYNTH_FILE("cmdline", 0444, proc_cmdline),                   \
		SYNTH_RW("comm", 0644, proc_comm, proc_comm_write),          \
		MAGIC("cwd", proc_cwd_link),                                 \
		SECRET("environ", 0400, proc_environ),                       \
		MAGIC("exe", proc_exe_link), FD_DIR("fd", 0500, &proc_fds),  \
		FD_DIR("fdinfo", 0555, &proc_fdinfos),                       \
		{ .name = "gid_map",                                         \
		  .mode = S_IFREG | 0644,                                    \
		  .open = proc_gid_map_open },                               \
		SYNTH_FILE("limits", 0444, proc_limits),                     \
		SYNTH_FILE("loginuid", 0444, proc_no_id),                    \
		SECRET("maps", 0444, proc_maps),                             \
		{ .name = "mem",                                             \
		  .mode = S_IFREG | 0600,                                    \
		  .open = proc_mem_open },                                   \
		SYNTH_FILE("mountinfo", 0444, proc_mountinfo),               \
		SYNTH_FILE("mounts", 0444, proc_mounts),                     \
		SYNTH_FILE("mountstats", 0400, proc_mountstats),             \
		SYNTH_DIR("net", proc_net_entries), NS_DIR,                  \
		SYNTH_RW("oom_adj", 0644, proc_oom_adj, proc_oom_adj_write), \
		SYNTH_FILE("oom_score", 0444, proc_oom_score),               \
		SYNTH_RW("oom_score_adj", 0644, proc_oom_score_adj,          \
			 proc_oom_score_adj_write),                          \
		MAGIC("root", proc_root_link),                               \
		SYNTH_FILE("sessionid", 0444, proc_no_id),                   \
		{ .name = "projid_map",                                      \
		  .mode = S_IFREG | 0644,                                    \
		  .open = proc_projid_map_open },                            \
		{ .name = "setgroups",                                       \
		  .mode = S_IFREG | 0644,                                    \
		  .open = proc_setgroups_open },                             \
		SECRET("smaps", 0444, proc_smaps),                           \
		SECRET("smaps_rollup", 0444, proc_smaps_rollup),             \
		SYNTH_FILE("statm", 0444, proc_statm),                       \
		SYNTH_FILE("status", 0444, proc_status),                     \
		{ .name = "uid_map",                                         \
		  .mode = S_IFREG | 0644,                                    \
		  .open = proc_uid_map_open },                               \
		MORE_ENTRIES

static const struct synth_entry group_entries[] = {
	COMMON_ENTRIES,
	SYNTH_FILE("stat", 0444, proc_stat_group),
	SYNTH_RW("timens_offsets", 0644, proc_timens_offsets,
		 proc_timens_offsets_write),
	SECRET("io", 0400, proc_io_group),
	SYNTH_FILE("autogroup", 0644, proc_autogroup),
	SECRET("timers", 0444, proc_timers),
	SYNTH_RW("coredump_filter", 0644, proc_coredump_filter,
		 proc_coredump_filter_write),
	SYNTH_RW("timerslack_ns", 0666, proc_timerslack, proc_timerslack_write),
	{ .name = "task", .mode = S_IFDIR | 0555, .dynamic = &task_dirs },
	{ .name = NULL },
};

static const struct synth_entry task_entries[] = {
	COMMON_ENTRIES,
	SYNTH_FILE("stat", 0444, proc_stat_task),
	SECRET("io", 0400, proc_io_task),
	{ .name = "children",
	  .mode = S_IFREG | 0444,
	  .show = proc_children,
	  .may_open = children_may_open },
	{ .name = NULL },
};

static const struct synth_entry group_dir = {
	.name = "pid",
	.mode = S_IFDIR | 0555,
	.children = group_entries,
};

static const struct synth_entry task_dir = {
	.name = "tid",
	.mode = S_IFDIR | 0555,
	.children = task_entries,
};

static int children_may_open(const struct synth_ctx *ctx, uint32_t flags)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);

	(void)flags;
	return t ? 0 : -ESRCH;
}

int proc_dir_task(const struct file *f, struct task **out)
{
	const struct synth_inode *si;

	if (f->ops != &synth_dir_fops)
		return -EBADF;
	si = container_of(f->path.dentry->inode, struct synth_inode, inode);
	if (si->entry != &group_dir)
		return -EBADF;
	*out = proc_task(&si->ctx);
	return *out ? 0 : -ESRCH;
}

/* --- /proc --------------------------------------------------------------- */

static int pids_lookup(const struct synth_ctx *dir, const char *name,
		       struct synth_found *out)
{
	AUTO_PUT(task) struct task *t = NULL;
	uint32_t pid;

	if (!synth_parse_u32(name, &pid))
		return -ENOENT;
	/* Threads have directories too that no listing shows, as on Linux. */
	tasklist_lock();
	pid = pid_of_nr_locked(proc_pid_ns(dir), pid);
	tasklist_unlock();
	t = task_lookup_global(pid);
	if (!t)
		return -ENOENT;
	out->entry = &group_dir;
	thread_group_get(t->group);
	out->ctx = (struct synth_ctx){ .obj = t->group, .id = pid };
	return 0;
}

static int pids_next(const struct synth_ctx *dir, uint64_t *key, char *name,
		     struct synth_found *out)
{
	struct thread_group *tg;
	uint32_t nr;

	if (*key > UINT32_MAX)
		return -ENOENT;
	tg = pid_ns_next_group(proc_pid_ns(dir), *key ? (uint32_t)*key - 1 : 0,
			       &nr);
	if (!tg)
		return -ENOENT;
	*key = nr;
	snprintf(name, SYNTH_NAME_SIZE, "%u", nr);
	out->entry = &group_dir;
	out->ctx = (struct synth_ctx){ .obj = tg, .id = tg->tgid };
	return 0;
}

static uint32_t pids_nr_dirs(const struct synth_ctx *dir)
{
	uint32_t procs, threads;

	(void)dir;
	proc_count(&procs, &threads, NULL, NULL);
	return procs;
}

const struct synth_dir_ops proc_pids = {
	.lookup = pids_lookup,
	.next = pids_next,
	.nr_dirs = pids_nr_dirs,
};

/* --- /proc/PID/task ------------------------------------------------------ */

static int tasks_lookup(const struct synth_ctx *dir, const char *name,
			struct synth_found *out)
{
	AUTO_PUT(task) struct task *t = NULL;
	struct synth_ctx ctx = { .obj = dir->obj };

	if (!synth_parse_u32(name, &ctx.id))
		return -ENOENT;
	tasklist_lock();
	ctx.id = pid_of_nr_locked(proc_pid_ns(dir), ctx.id);
	tasklist_unlock();
	t = proc_task(&ctx);
	if (!t)
		return -ENOENT;
	thread_group_get(dir->obj);
	out->entry = &task_dir;
	out->ctx = ctx;
	return 0;
}

static int tasks_next(const struct synth_ctx *dir, uint64_t *key, char *name,
		      struct synth_found *out)
{
	AUTO_PUT(task) struct task *t = NULL;

	if (*key > UINT32_MAX)
		return -ENOENT;
	t = thread_group_next_task(dir->obj, *key ? (uint32_t)*key - 1 : 0);
	if (!t)
		return -ENOENT;
	*key = t->tid;
	snprintf(name, SYNTH_NAME_SIZE, "%u",
		 pid_nr_in(t->tid, proc_pid_ns(dir)));
	thread_group_get(dir->obj);
	out->entry = &task_dir;
	out->ctx = (struct synth_ctx){ .obj = dir->obj, .id = t->tid };
	return 0;
}

static uint32_t tasks_nr_dirs(const struct synth_ctx *dir)
{
	struct task *t = thread_group_next_task(dir->obj, 0);
	uint32_t nr = 0;

	while (t) {
		uint32_t tid = t->tid;

		task_put(t);
		nr++;
		t = thread_group_next_task(dir->obj, tid);
	}
	return nr;
}

static const struct synth_dir_ops task_dirs = {
	.lookup = tasks_lookup,
	.next = tasks_next,
	.nr_dirs = tasks_nr_dirs,
};
