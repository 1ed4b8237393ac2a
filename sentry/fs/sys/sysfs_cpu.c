/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysfs_cpu: /sys/devices/system/cpu and node: the CPUs as cores of one
 * package, and one memory node, as /proc/cpuinfo shows them.
 *
 * Locks: none.
 * Tests: tests/conformance/proc.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc.h"
#include "sentry/fs/sys/sysfs.h"
#include "sentry/host/host.h"

static int show_all_list(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	proc_show_cpu_list(out, host_nr_cpus());
	seq_printf(out, "\n");
	return 0;
}

static int show_all_mask(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	proc_show_cpu_mask(out, host_nr_cpus());
	seq_printf(out, "\n");
	return 0;
}

static int show_own_id(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%u\n", ctx->id);
	return 0;
}

/* A mask with this CPU's bit, as wide as the one of all. */
static int show_own_mask(const struct synth_ctx *ctx, struct seq_buf *out)
{
	uint32_t nr = host_nr_cpus(), words = (nr + 31) / 32, i;

	for (i = words; i-- > 0;) {
		uint32_t bits = i == ctx->id / 32 ? 1u << ctx->id % 32 : 0;

		if (i == words - 1)
			seq_printf(out, "%0*x", (int)((nr - 1) % 32 / 4 + 1),
				   bits);
		else
			seq_printf(out, ",%08x", bits);
	}
	seq_printf(out, "\n");
	return 0;
}

static const struct synth_entry topology_entries[] = {
	SYSFS_SHOW("cluster_cpus", show_own_mask),
	SYSFS_SHOW("cluster_cpus_list", show_own_id),
	SYSFS_TEXT("cluster_id", "65535"),
	SYSFS_SHOW("core_cpus", show_own_mask),
	SYSFS_SHOW("core_cpus_list", show_own_id),
	SYSFS_SHOW("core_id", show_own_id),
	SYSFS_SHOW("core_siblings", show_all_mask),
	SYSFS_SHOW("core_siblings_list", show_all_list),
	SYSFS_SHOW("die_cpus", show_all_mask),
	SYSFS_SHOW("die_cpus_list", show_all_list),
	SYSFS_TEXT("die_id", "0"),
	SYSFS_SHOW("package_cpus", show_all_mask),
	SYSFS_SHOW("package_cpus_list", show_all_list),
	SYSFS_TEXT("physical_package_id", "0"),
	SYSFS_SHOW("thread_siblings", show_own_mask),
	SYSFS_SHOW("thread_siblings_list", show_own_id),
	SYSFS_END,
};

/* The boot CPU cannot be taken offline and has no such file. */
static const struct synth_entry boot_cpu_entries[] = {
	SYSFS_DIR("topology", topology_entries),
	SYSFS_END,
};
static const struct synth_entry cpu_entries[] = {
	SYSFS_TEXT("online", "1"),
	SYSFS_DIR("topology", topology_entries),
	SYSFS_END,
};
static const struct synth_entry boot_cpu_dir =
	SYSFS_DIR("cpu0", boot_cpu_entries);
static const struct synth_entry cpu_dir = SYSFS_DIR("cpu", cpu_entries);

static void found_cpu(uint32_t nr, struct synth_found *out)
{
	*out = (struct synth_found){
		.entry = nr == 0 ? &boot_cpu_dir : &cpu_dir,
		.ctx = { .id = nr },
	};
}

static int cpus_lookup(const struct synth_ctx *dir, const char *name,
		       struct synth_found *out)
{
	uint32_t nr;

	(void)dir;
	if (strncmp(name, "cpu", 3) != 0 || !synth_parse_u32(name + 3, &nr) ||
	    nr >= host_nr_cpus())
		return -ENOENT;
	found_cpu(nr, out);
	return 0;
}

static int cpus_next(const struct synth_ctx *dir, uint64_t *key, char *name,
		     struct synth_found *out)
{
	(void)dir;
	if (*key >= host_nr_cpus())
		return -ENOENT;
	snprintf(name, SYNTH_NAME_SIZE, "cpu%u", (uint32_t)*key);
	found_cpu((uint32_t)*key, out);
	return 0;
}

static uint32_t cpus_nr_dirs(const struct synth_ctx *dir)
{
	(void)dir;
	return host_nr_cpus();
}

const struct synth_dir_ops sysfs_cpus = {
	.lookup = cpus_lookup,
	.next = cpus_next,
	.nr_dirs = cpus_nr_dirs,
};

static const struct synth_entry smt_entries[] = {
	SYSFS_TEXT("active", "0"),
	SYSFS_TEXT("control", "notsupported"),
	SYSFS_END,
};

const struct synth_entry sysfs_cpu_entries[] = {
	SYSFS_TEXT("isolated", ""),
	SYSFS_TEXT("kernel_max", "8191"),
	SYSFS_TEXT("offline", ""),
	SYSFS_SHOW("online", show_all_list),
	SYSFS_SHOW("possible", show_all_list),
	SYSFS_SHOW("present", show_all_list),
	SYSFS_DIR("smt", smt_entries),
	SYSFS_END,
};

/* --- the memory node ----------------------------------------------------- */

static int show_node_meminfo(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct proc_memory mem;

	(void)ctx;
	proc_memory(&mem);
	seq_printf(out,
		   "Node 0 MemTotal:       %8lu kB\n"
		   "Node 0 MemFree:        %8lu kB\n"
		   "Node 0 MemUsed:        %8lu kB\n"
		   "Node 0 AnonPages:      %8lu kB\n",
		   mem.total >> 10, (mem.total - mem.used) >> 10,
		   mem.used >> 10, mem.used >> 10);
	return 0;
}

static const struct synth_entry node0_entries[] = {
	SYSFS_SHOW("cpulist", show_all_list),
	SYSFS_SHOW("cpumap", show_all_mask),
	SYSFS_TEXT("distance", "10"),
	SYSFS_SHOW("meminfo", show_node_meminfo),
	SYSFS_TEXT("numastat", "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\n"
			       "interleave_hit 0\nlocal_node 0\nother_node 0"),
	SYSFS_END,
};

const struct synth_entry sysfs_node_entries[] = {
	SYSFS_TEXT("has_cpu", "0"),
	SYSFS_TEXT("has_memory", "0"),
	SYSFS_TEXT("has_normal_memory", "0"),
	SYSFS_DIR("node0", node0_entries),
	SYSFS_TEXT("online", "0"),
	SYSFS_TEXT("possible", "0"),
	SYSFS_END,
};
