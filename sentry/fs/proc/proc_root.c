/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_root: the super block and the top of /proc.
 *
 * Locks: none.
 * Linux: as 6.18, without what has no meaning here (acpi, bus, irq, kcore...).
 * Tests: tests/conformance/proc.c, proc_task.c
 */
#include <errno.h>
#include <stdio.h>

#include "sentry/fs/proc/proc.h"
#include "sentry/kernel/pid_ns.h"

static int self_link(const struct synth_ctx *ctx, char **out_target)
{
	struct task *t = current_task();
	uint32_t tgid;
	char text[16];

	if (!t)
		return -ENOENT;
	tgid = pid_nr_in(t->group->tgid, proc_pid_ns(ctx));
	if (!tgid)
		return -ENOENT;
	snprintf(text, sizeof(text), "%u", tgid);
	*out_target = kstrdup(text);
	return *out_target ? 0 : -ENOMEM;
}

static int thread_self_link(const struct synth_ctx *ctx, char **out_target)
{
	struct task *t = current_task();
	uint32_t tgid;
	char text[48];

	if (!t)
		return -ENOENT;
	tgid = pid_nr_in(t->group->tgid, proc_pid_ns(ctx));
	if (!tgid)
		return -ENOENT;
	snprintf(text, sizeof(text), "%u/task/%u", tgid,
		 pid_nr_in(t->tid, proc_pid_ns(ctx)));
	*out_target = kstrdup(text);
	return *out_target ? 0 : -ENOMEM;
}

/* Links whose target is the row's argument. */
static int fixed_link(const struct synth_ctx *ctx, char **out_target)
{
	*out_target = kstrdup(synth_ctx_entry(ctx)->arg);
	return *out_target ? 0 : -ENOMEM;
}

#define LINK(n, fn, to)                                                \
	{                                                              \
		.name = (n), .mode = S_IFLNK | 0777, .readlink = (fn), \
		.arg = (to)                                            \
	}

static const struct synth_entry root_children[] = {
	SYNTH_FILE("buddyinfo", 0400, proc_buddyinfo),
	SYNTH_FILE("cgroups", 0444, proc_cgroups),
	SYNTH_FILE("cmdline", 0444, proc_kernel_cmdline),
	SYNTH_FILE("consoles", 0444, proc_empty),
	SYNTH_FILE("cpuinfo", 0444, proc_cpuinfo),
	SYNTH_FILE("devices", 0444, proc_devices),
	SYNTH_FILE("diskstats", 0444, proc_empty),
	SYNTH_FILE("filesystems", 0444, proc_filesystems),
	SYNTH_FILE("interrupts", 0444, proc_interrupts),
	SYNTH_FILE("keys", 0444, proc_keys),
	SYNTH_FILE("loadavg", 0444, proc_loadavg),
	SYNTH_FILE("locks", 0444, proc_locks),
	SYNTH_FILE("meminfo", 0444, proc_meminfo),
	SYNTH_FILE("misc", 0444, proc_misc_devices),
	SYNTH_FILE("modules", 0444, proc_empty),
	LINK("mounts", fixed_link, "self/mounts"),
	LINK("net", fixed_link, "self/net"),
	SYNTH_FILE("partitions", 0444, proc_partitions),
	LINK("self", self_link, NULL),
	SYNTH_FILE("softirqs", 0444, proc_softirqs),
	SYNTH_FILE("stat", 0444, proc_system_stat),
	SYNTH_FILE("swaps", 0444, proc_swaps),
	SYNTH_DIR("sys", proc_sys_entries),
	SYNTH_DIR("sysvipc", proc_sysvipc_entries),
	LINK("thread-self", thread_self_link, NULL),
	SYNTH_FILE("uptime", 0444, proc_uptime),
	SYNTH_FILE("version", 0444, proc_version),
	SYNTH_FILE("vmstat", 0444, proc_vmstat),
	SYNTH_FILE("zoneinfo", 0400, proc_zoneinfo),
	{ .name = NULL },
};

const struct synth_entry proc_root_entry = {
	.name = "/",
	.mode = S_IFDIR | 0555,
	.children = root_children,
	.dynamic = &proc_pids,
};

static void obj_get(void *obj)
{
	thread_group_get(obj);
}

static void obj_put(void *obj)
{
	thread_group_put(obj);
}

static int alive(const struct synth_ctx *ctx)
{
	AUTO_PUT(task) struct task *t = NULL;

	if (!ctx->obj)
		return 0;
	t = proc_task(ctx);
	return t ? 0 : -ESRCH;
}

/*
 * As task_dump_owner(): the effective ids, but root for a process that may not
 * be looked at; the directory itself always tells whose it is.
 */
static void owner(const struct synth_ctx *ctx, const struct synth_entry *entry,
		  uint32_t *uid, uint32_t *gid, uint32_t *mode)
{
	AUTO_PUT(task) struct task *t = NULL;
	AUTO_PUT(cred) struct cred *c = NULL;
	AUTO_PUT(mm) struct mm *mm = NULL;

	if (!ctx->obj)
		return;
	t = proc_task(ctx);
	if (!t)
		return;
	c = task_get_cred(t);
	if (c) {
		*uid = c->euid;
		*gid = c->egid;
	}
	if (entry->mode != (S_IFDIR | 0555)) {
		mm = task_get_mm(t);
		if (mm && mm_dumpable(mm) != 1)
			*uid = *gid = 0;
	}
	if (entry->mode_now)
		*mode = entry->mode_now(ctx);
}

static const struct synth_fs proc_fs = {
	.super = { .name = "proc" },
	.magic = PROC_SUPER_MAGIC,
	.blksize = 1024,
	.no_dcache = true,
	.create_error = -ENOENT,
	.root = &proc_root_entry,
	.obj_get = obj_get,
	.obj_put = obj_put,
	.owner = owner,
	.alive = alive,
};

static void drop_ns(void *data)
{
	struct pid_ns *ns = data;

	ns_put(&ns->ns);
}

/* It shows the processes of the mounter's (children's) pid namespace. */
int procfs_new(struct super **out)
{
	struct pid_ns *ns;
	int ret;

	proc_cpuinfo_start();
	ns = current_task() ? task_pid_ns(current_task()) : &g_init_pid_ns;
	ns_get(&ns->ns);
	ret = synth_new_for(&proc_fs, ns, drop_ns, out);
	if (ret < 0)
		ns_put(&ns->ns);
	return ret;
}
