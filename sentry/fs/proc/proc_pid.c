/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_pid: /proc/PID and /proc/PID/task/TID: finding processes and threads,
 * and the tables of their files.
 *
 * Locks: none of its own; lookups take the task list's.
 * Linux: as 6.18, without attr, autogroup, clear_refs, coredump_filter,
 *        map_files, mountstats, numa_maps, pagemap, patch_state, projid_map,
 *        sched, stack, syscall, timers, timerslack_ns.
 * Tests: tests/conformance/proc_*.c
 */
#include <errno.h>
#include <stdio.h>

#include "sentry/fs/proc/proc.h"

/* --- contexts ------------------------------------------------------------ */

struct task *proc_task(const struct synth_ctx *ctx)
{
	struct task *t = task_lookup(ctx->id);

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

/* What processes and threads have in common. */
#define COMMON_ENTRIES                                                      \
	SECRET("auxv", 0400, proc_auxv),                                    \
		SYNTH_FILE("cgroup", 0444, proc_cgroup),                    \
		SYNTH_FILE("cmdline", 0444, proc_cmdline),                  \
		SYNTH_RW("comm", 0644, proc_comm, proc_comm_write),         \
		MAGIC("cwd", proc_cwd_link),                                \
		SECRET("environ", 0400, proc_environ),                      \
		MAGIC("exe", proc_exe_link), FD_DIR("fd", 0500, &proc_fds), \
		FD_DIR("fdinfo", 0555, &proc_fdinfos),                      \
		SYNTH_FILE("gid_map", 0444, proc_id_map),                   \
		SECRET("io", 0400, proc_io),                                \
		SYNTH_FILE("limits", 0444, proc_limits),                    \
		SYNTH_FILE("loginuid", 0444, proc_no_id),                   \
		SECRET("maps", 0444, proc_maps),                            \
		{ .name = "mem",                                            \
		  .mode = S_IFREG | 0600,                                   \
		  .open = proc_mem_open },                                  \
		SYNTH_FILE("mountinfo", 0444, proc_mountinfo),              \
		SYNTH_FILE("mounts", 0444, proc_mounts),                    \
		SYNTH_DIR("net", proc_net_entries), NS_DIR,                 \
		SYNTH_RW("oom_adj", 0644, proc_oom_adj, NULL),              \
		SYNTH_FILE("oom_score", 0444, proc_oom_score),              \
		SYNTH_RW("oom_score_adj", 0644, proc_oom_score_adj,         \
			 proc_oom_score_adj_write),                         \
		SECRET("personality", 0400, proc_personality),              \
		MAGIC("root", proc_root_link),                              \
		SYNTH_FILE("sessionid", 0444, proc_no_id),                  \
		SYNTH_FILE("setgroups", 0644, proc_setgroups),              \
		SECRET("smaps", 0444, proc_smaps),                          \
		SECRET("smaps_rollup", 0444, proc_smaps_rollup),            \
		SYNTH_FILE("statm", 0444, proc_statm),                      \
		SYNTH_FILE("status", 0444, proc_status),                    \
		SYNTH_FILE("uid_map", 0444, proc_id_map),                   \
		SYNTH_FILE("wchan", 0444, proc_wchan)

static const struct synth_entry group_entries[] = {
	COMMON_ENTRIES,
	SYNTH_FILE("stat", 0444, proc_stat_group),
	{ .name = "task", .mode = S_IFDIR | 0555, .dynamic = &task_dirs },
	{ .name = NULL },
};

static const struct synth_entry task_entries[] = {
	COMMON_ENTRIES,
	SYNTH_FILE("stat", 0444, proc_stat_task),
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

/* --- /proc --------------------------------------------------------------- */

static int pids_lookup(const struct synth_ctx *dir, const char *name,
		       struct synth_found *out)
{
	AUTO_PUT(task) struct task *t = NULL;
	uint32_t pid;

	(void)dir;
	if (!synth_parse_u32(name, &pid))
		return -ENOENT;
	/* Threads have directories too that no listing shows, as on Linux. */
	t = task_lookup(pid);
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

	(void)dir;
	if (*key > UINT32_MAX)
		return -ENOENT;
	tg = thread_group_next(*key ? (uint32_t)*key - 1 : 0);
	if (!tg)
		return -ENOENT;
	*key = tg->tgid;
	snprintf(name, SYNTH_NAME_SIZE, "%u", tg->tgid);
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
	snprintf(name, SYNTH_NAME_SIZE, "%u", t->tid);
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
