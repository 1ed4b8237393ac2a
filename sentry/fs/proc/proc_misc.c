/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_misc: the small files of /proc/PID.
 *
 * Linux: nothing goes to a disk of the sandbox's, so that read_bytes and
 *        write_bytes of io are 0.
 * Locks: t->mu for the name.
 * Tests: tests/conformance/proc.c, proc_task.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/fs/proc/proc.h"
#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/oom.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"

int proc_comm(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	char comm[sizeof(t->comm)];

	if (!t)
		return -ESRCH;
	mutex_lock(&t->mu);
	memcpy(comm, t->comm, sizeof(comm));
	mutex_unlock(&t->mu);
	seq_printf(out, "%.16s\n", comm);
	return 0;
}

/* Only threads of the same process may rename one another. */
long proc_comm_write(const struct synth_ctx *ctx, char *text, size_t size)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	char comm[sizeof(t->comm)] = { 0 };

	if (!t)
		return -ESRCH;
	if (current_task()->group != t->group)
		return -EINVAL;
	memcpy(comm, text, MIN(size, sizeof(comm) - 1));
	comm[strcspn(comm, "\n")] = '\0';
	mutex_lock(&t->mu);
	memcpy(t->comm, comm, sizeof(comm));
	mutex_unlock(&t->mu);
	return (long)size;
}

/* --- limits -------------------------------------------------------------- */

static const struct {
	const char *name, *unit;
} limit_names[RLIM_NR] = {
	[RLIM_CPU] = { "Max cpu time", "seconds" },
	[RLIM_FSIZE] = { "Max file size", "bytes" },
	[RLIM_DATA] = { "Max data size", "bytes" },
	[RLIM_STACK] = { "Max stack size", "bytes" },
	[RLIM_CORE] = { "Max core file size", "bytes" },
	[RLIM_RSS] = { "Max resident set", "bytes" },
	[RLIM_NPROC] = { "Max processes", "processes" },
	[RLIM_NOFILE] = { "Max open files", "files" },
	[RLIM_MEMLOCK] = { "Max locked memory", "bytes" },
	[RLIM_AS] = { "Max address space", "bytes" },
	[RLIM_LOCKS] = { "Max file locks", "locks" },
	[RLIM_SIGPENDING] = { "Max pending signals", "signals" },
	[RLIM_MSGQUEUE] = { "Max msgqueue size", "bytes" },
	[RLIM_NICE] = { "Max nice priority", NULL },
	[RLIM_RTPRIO] = { "Max realtime priority", NULL },
	[RLIM_RTTIME] = { "Max realtime timeout", "us" },
};

static void show_limit(struct seq_buf *out, uint64_t v)
{
	if (v == UINT64_MAX)
		seq_printf(out, "%-20s ", "unlimited");
	else
		seq_printf(out, "%-20lu ", v);
}

int proc_limits(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	unsigned int i;

	if (!t)
		return -ESRCH;
	seq_printf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit",
		   "Hard Limit", "Units");
	for (i = 0; i < RLIM_NR; i++) {
		seq_printf(out, "%-25s ", limit_names[i].name);
		show_limit(out, task_rlimit(t, i));
		show_limit(out, __atomic_load_n(&t->group->rlimits[i].max,
						__ATOMIC_RELAXED));
		if (limit_names[i].unit)
			seq_printf(out, "%-10s\n", limit_names[i].unit);
		else
			seq_printf(out, "\n");
	}
	return 0;
}

/* --- mounts -------------------------------------------------------------- */

static int show_mounts(const struct synth_ctx *ctx, struct seq_buf *out,
		       void (*print)(struct mount_ns *ns,
				     const struct path *root,
				     struct seq_buf *out))
{
	AUTO_PATH struct path root = { NULL, NULL };
	struct fs_ctx *fs;
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct mount_ns *ns;

	if (!t)
		return -ESRCH;
	/* t->ns[] is replaced under t->mu. */
	mutex_lock(&t->mu);
	ns = task_mount_ns(t);
	if (ns)
		mount_ns_get(ns);
	mutex_unlock(&t->mu);
	if (!ns)
		return -EINVAL;
	fs = task_get_fs(t);
	if (fs) {
		mutex_lock(&fs->mu);
		root = fs->root;
		path_get(&root);
		mutex_unlock(&fs->mu);
		fs_ctx_put(fs);
	}
	print(ns, root.dentry ? &root : NULL, out);
	mount_ns_put(ns);
	return 0;
}

int proc_mounts(const struct synth_ctx *ctx, struct seq_buf *out)
{
	return show_mounts(ctx, out, mount_ns_print_mounts);
}

int proc_mountinfo(const struct synth_ctx *ctx, struct seq_buf *out)
{
	return show_mounts(ctx, out, mount_ns_print_mountinfo);
}

int proc_mountstats(const struct synth_ctx *ctx, struct seq_buf *out)
{
	return show_mounts(ctx, out, mount_ns_print_mountstats);
}

/* --- oom ----------------------------------------------------------------- */

static int32_t load_adj(struct thread_group *tg)
{
	return __atomic_load_n(&tg->oom_score_adj, __ATOMIC_RELAXED);
}

/* As proc_oom_score(): 0..2000 points, mapped onto what tools expect. */
int proc_oom_score(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct proc_memory mem;
	int64_t points;

	if (!t)
		return -ESRCH;
	proc_memory(&mem);
	points = oom_badness(t->group, mem.total);
	if (points == INT64_MIN)
		points = 0;
	else
		points = (1000 +
			  points * 1000 / (int64_t)(mem.total / PAGE_SIZE)) *
			 2 / 3;
	seq_printf(out, "%ld\n", MAX(points, 0));
	return 0;
}

int proc_oom_score_adj(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);

	if (!t)
		return -ESRCH;
	seq_printf(out, "%d\n", load_adj(t->group));
	return 0;
}

/* The old scale, -17..15, as Linux converts it. */
int proc_oom_adj(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	int32_t adj;

	if (!t)
		return -ESRCH;
	adj = load_adj(t->group);
	adj = adj == 1000 ? 15 : adj * 17 / 1000;
	seq_printf(out, "%d\n", adj);
	return 0;
}

/* Below the lowest value that a privileged one set needs CAP_SYS_RESOURCE. */
static long set_adj(const struct synth_ctx *ctx, int32_t v, size_t size)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	bool may = capable(CAP_NR_SYS_RESOURCE);

	if (!t)
		return -ESRCH;
	if (v < t->group->priv->oom_adj_min && !may)
		return -EACCES;
	__atomic_store_n(&t->group->oom_score_adj, v, __ATOMIC_RELAXED);
	if (may)
		t->group->priv->oom_adj_min = v;
	return (long)size;
}

long proc_oom_score_adj_write(const struct synth_ctx *ctx, char *text,
			      size_t size)
{
	int64_t v;
	int ret = synth_parse_i64(text, -1000, 1000, &v);

	return ret < 0 ? ret : set_adj(ctx, (int32_t)v, size);
}

/* -17 means never; the top of the old scale is the top of the new one. */
long proc_oom_adj_write(const struct synth_ctx *ctx, char *text, size_t size)
{
	int64_t v;
	int ret = synth_parse_i64(text, -17, 15, &v);

	if (ret < 0)
		return ret;
	return set_adj(ctx, v == 15 ? 1000 : (int32_t)(v * 1000 / 17), size);
}

/* --- the rest ------------------------------------------------------------ */

static void show_io(const struct rusage_sum *u, struct seq_buf *out)
{
	seq_printf(out,
		   "rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\n"
		   "read_bytes: 0\nwrite_bytes: 0\n"
		   "cancelled_write_bytes: 0\n",
		   u->io[TASK_IO_RCHAR], u->io[TASK_IO_WCHAR],
		   u->io[TASK_IO_SYSCR], u->io[TASK_IO_SYSCW]);
}

int proc_io_task(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct rusage_sum u;

	if (!t)
		return -ESRCH;
	task_usage(t, &u);
	show_io(&u, out);
	return 0;
}

/* All threads, those that ended, and the children that were waited for. */
int proc_io_group(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct rusage_sum u;

	if (!t)
		return -ESRCH;
	tasklist_lock();
	thread_group_usage_locked(t->group, &u);
	rusage_add(&u, &t->group->priv->waited);
	tasklist_unlock();
	show_io(&u, out);
	return 0;
}

int proc_cgroup(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	AUTO_PUT(cgroup) struct cgroup *cg = NULL;
	AUTO_FREE char *path = NULL;

	if (!t)
		return -ESRCH;
	cg = cgroup_of(t->group);
	path = cgroup_path(cg, cgroup_root());
	if (!path)
		return -ENOMEM;
	seq_printf(out, "0::%s%s\n", path, cg->dead ? " (deleted)" : "");
	return 0;
}

/* Children by id; like Linux, without a promise while they come and go. */
int proc_children(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct thread_group *self = ctx->obj, *tg;

	if (ctx->id != self->tgid)
		return 0;
	tg = thread_group_next(0);
	while (tg) {
		uint32_t pid = tg->tgid;
		AUTO_PUT(task) struct task *t = task_lookup_global(pid);
		struct task_report r;

		if (t) {
			task_report(t, &r);
			if (r.ppid == self->tgid)
				seq_printf(out, "%u ",
					   pid_nr_in(pid, proc_pid_ns(ctx)));
		}
		thread_group_put(tg);
		tg = thread_group_next(pid);
	}
	return 0;
}

int proc_no_id(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "%u", UINT32_MAX);
	return 0;
}
