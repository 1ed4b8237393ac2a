/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_ctl: files of the controllers cpu, memory and pids.
 *
 * In the root they show the sandbox's own limits and are read-only.
 *
 * Locks: none of its own; numbers are words.
 * Linux: memory is charged when it is mapped, not when it is touched, and is
 *        not split by kind; cpu.weight is kept, the host schedules; no swap.
 * Tests: tests/conformance/cgroup.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/fs/cgroup/cgroupfs.h"
#include "sentry/kernel/oom.h"
#include "sentry/kernel/task.h"

#define USEC	   1000ul
#define PERIOD_MIN 1000u
#define PERIOD_MAX 1000000u
#define QUOTA_MIN  1000u
#define WEIGHT_MAX 10000
#define PIDS_MAX   4194304ull /* PID_MAX_LIMIT */

/* --- cpu ------------------------------------------------------------------ */

int cgroup_cpu_stat(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct cgroup *cg = cgroup_of_ctx(ctx);
	uint64_t user, system;

	cgroup_cpu_usage(cg, &user, &system);
	seq_printf(out, "usage_usec %lu\nuser_usec %lu\nsystem_usec %lu\n",
		   (user + system) / USEC, user / USEC, system / USEC);
	if (cgroup_controllers(cg) & CGROUP_CPU)
		seq_printf(out,
			   "nr_periods %lu\nnr_throttled %lu\n"
			   "throttled_usec %lu\nnr_bursts 0\nburst_usec 0\n",
			   cg->cpu.nr_periods, cg->cpu.nr_throttled,
			   cg->cpu.throttled_ns / USEC);
	return 0;
}

static int show_cpu_max(const struct synth_ctx *ctx, struct seq_buf *out)
{
	const struct cgroup_cpu *c = &cgroup_of_ctx(ctx)->cpu;

	if (c->quota_us == CGROUP_NO_LIMIT)
		seq_printf(out, "max %lu\n", c->period_us);
	else
		seq_printf(out, "%lu %lu\n", c->quota_us, c->period_us);
	return 0;
}

static long write_cpu_max(const struct synth_ctx *ctx, char *text, size_t size)
{
	struct cgroup *cg = cgroup_of_ctx(ctx);
	uint64_t quota, period = cg->cpu.period_us;
	char *save = NULL, *first = strtok_r(text, " \n", &save), *second;
	int ret = first ? cgroup_parse_max(first, &quota) : -EINVAL;

	if (ret < 0)
		return ret;
	second = strtok_r(NULL, " \n", &save);
	if (second)
		ret = cgroup_parse_max(second, &period);
	if (ret < 0)
		return ret;
	if (period < PERIOD_MIN || period > PERIOD_MAX || quota < QUOTA_MIN ||
	    (quota != CGROUP_NO_LIMIT && quota > UINT64_MAX / 1000 / 1024))
		return -EINVAL;
	cgroup_cpu_set(cg, quota, period);
	return (long)size;
}

static int show_weight(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%u\n", cgroup_of_ctx(ctx)->cpu.weight);
	return 0;
}

static long write_weight(const struct synth_ctx *ctx, char *text, size_t size)
{
	int64_t v;
	int ret = synth_parse_i64(text, INT32_MIN, INT32_MAX, &v);

	if (ret < 0)
		return ret;
	if (v < 1 || v > WEIGHT_MAX)
		return -ERANGE;
	cgroup_of_ctx(ctx)->cpu.weight = (uint32_t)v;
	return (long)size;
}

/* --- pids ----------------------------------------------------------------- */

static int show_pids(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%u\n", cgroup_of_ctx(ctx)->nr_tasks);
	return 0;
}

static int show_pids_peak(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%u\n", cgroup_of_ctx(ctx)->peak_tasks);
	return 0;
}

static int show_pids_max(const struct synth_ctx *ctx, struct seq_buf *out)
{
	cgroup_show_max(out, cgroup_of_ctx(ctx)->pids_max);
	return 0;
}

static long write_pids_max(const struct synth_ctx *ctx, char *text, size_t size)
{
	uint64_t v;
	int ret = cgroup_parse_max(text, &v);

	if (ret < 0 || (v != CGROUP_NO_LIMIT && v >= PIDS_MAX))
		return -EINVAL;
	cgroup_of_ctx(ctx)->pids_max = v;
	return (long)size;
}

static int show_pids_events(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "max %lu\n", cgroup_of_ctx(ctx)->pids_refused);
	return 0;
}

/* --- memory --------------------------------------------------------------- */

static void read_mem(const struct synth_ctx *ctx, struct memfile_acct *out)
{
	struct cgroup *cg = cgroup_of_ctx(ctx);

	memfile_acct_read(cg->parent ? &cg->mem : memfile_root_acct(), out);
}

static int show_mem(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct memfile_acct m;

	read_mem(ctx, &m);
	seq_printf(out, "%lu\n", m.used);
	return 0;
}

static int show_mem_peak(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct memfile_acct m;

	read_mem(ctx, &m);
	seq_printf(out, "%lu\n", m.peak);
	return 0;
}

static int show_mem_max(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct memfile_acct m;

	read_mem(ctx, &m);
	cgroup_show_max(out, m.limit);
	return 0;
}

/* A limit below what is used kills until it fits, as Linux does. */
static long write_mem_max(const struct synth_ctx *ctx, char *text, size_t size)
{
	struct cgroup *cg = cgroup_of_ctx(ctx);
	struct memfile_acct m;
	uint64_t v;
	int ret = cgroup_parse_max(text, &v);

	if (ret < 0)
		return ret;
	if (v != CGROUP_NO_LIMIT)
		v = v / PAGE_SIZE * PAGE_SIZE;
	memfile_acct_limit(&cg->mem, v);
	for (;;) {
		memfile_acct_read(&cg->mem, &m);
		if (m.used <= m.limit || !oom_make_room(cg))
			break;
	}
	return (long)size;
}

static int show_mem_events(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct cgroup *cg = cgroup_of_ctx(ctx);
	struct memfile_acct m;

	read_mem(ctx, &m);
	seq_printf(out,
		   "low 0\nhigh 0\nmax %lu\noom %lu\noom_kill %lu\n"
		   "oom_group_kill 0\n",
		   m.refused, cg->oom, cg->oom_kill);
	return 0;
}

static int show_mem_stat(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct memfile_acct m;

	read_mem(ctx, &m);
	seq_printf(out,
		   "anon %lu\nfile 0\nkernel 0\nkernel_stack 0\npagetables 0\n"
		   "sock 0\nshmem 0\nfile_mapped 0\nfile_dirty 0\n"
		   "file_writeback 0\ninactive_anon 0\nactive_anon %lu\n"
		   "inactive_file 0\nactive_file 0\nunevictable 0\n"
		   "slab_reclaimable 0\nslab_unreclaimable 0\nslab 0\n",
		   m.used, m.used);
	return 0;
}

static int show_oom_group(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%d\n", cgroup_of_ctx(ctx)->oom_group);
	return 0;
}

static long write_oom_group(const struct synth_ctx *ctx, char *text,
			    size_t size)
{
	int64_t v;
	int ret = synth_parse_i64(text, 0, 1, &v);

	if (ret < 0)
		return ret;
	cgroup_of_ctx(ctx)->oom_group = v;
	return (long)size;
}

static int show_zero(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "0\n");
	return 0;
}

/* --- the table ------------------------------------------------------------ */

static int not_in_root(const struct synth_ctx *ctx, const struct cred *cred,
		       uint32_t mask, int by_mode)
{
	(void)cred;
	return mask & MAY_WRITE && !cgroup_of_ctx(ctx)->parent ? -EACCES
							       : by_mode;
}

#define CTL(n, m, fn, wr)                                         \
	{                                                         \
		.name = (n), .mode = S_IFREG | (m), .show = (fn), \
		.write = (wr), .permission = not_in_root          \
	}

const struct synth_entry cgroup_ctl_files[CGROUP_NR_CTL_FILES + 1] = {
	CTL("cpu.stat", 0444, cgroup_cpu_stat, NULL),
	CTL("cpu.max", 0644, show_cpu_max, write_cpu_max),
	CTL("cpu.weight", 0644, show_weight, write_weight),
	CTL("memory.current", 0444, show_mem, NULL),
	CTL("memory.events", 0444, show_mem_events, NULL),
	CTL("memory.events.local", 0444, show_mem_events, NULL),
	CTL("memory.max", 0644, show_mem_max, write_mem_max),
	CTL("memory.oom.group", 0644, show_oom_group, write_oom_group),
	CTL("memory.peak", 0444, show_mem_peak, NULL),
	CTL("memory.stat", 0444, show_mem_stat, NULL),
	CTL("memory.swap.current", 0444, show_zero, NULL),
	CTL("memory.swap.max", 0444, show_zero, NULL),
	CTL("pids.current", 0444, show_pids, NULL),
	CTL("pids.events", 0444, show_pids_events, NULL),
	CTL("pids.events.local", 0444, show_pids_events, NULL),
	CTL("pids.max", 0644, show_pids_max, write_pids_max),
	CTL("pids.peak", 0444, show_pids_peak, NULL),
	{ .name = NULL },
};

/* cpu.stat is everywhere; the rest where the controller is. */
bool cgroup_ctl_visible(const struct cgroup *cg, const struct synth_entry *e)
{
	uint32_t has = cgroup_controllers(cg);

	if (strcmp(e->name, "cpu.stat") == 0)
		return true;
	if (strncmp(e->name, "cpu.", 4) == 0)
		return has & CGROUP_CPU;
	if (strncmp(e->name, "memory.", 7) == 0)
		return has & CGROUP_MEMORY;
	return strncmp(e->name, "pids.", 5) == 0 && has & CGROUP_PIDS;
}
