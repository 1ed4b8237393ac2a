/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_machine: files at the top of /proc about hardware and subsystems that
 * the sandbox has little of: zones, disks, interrupts, consoles, old cgroups.
 *
 * Linux: one memory node with one zone; no disk, no interrupt, no console is
 *        the sandbox's own.
 * Locks: none.
 * Tests: tests/conformance/proc.c
 */
#include "sentry/fs/proc/proc.h"
#include "sentry/host/host.h"
#include "sentry/kernel/cgroup.h"

#define ORDERS 11

/* Only version 2 is there: hierarchy 0. */
int proc_cgroups(const struct synth_ctx *ctx, struct seq_buf *out)
{
	uint32_t nr = cgroup_nr_descendants(cgroup_root()) + 1;

	(void)ctx;
	seq_printf(out,
		   "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
		   "cpu\t0\t%u\t1\nmemory\t0\t%u\t1\npids\t0\t%u\t1\n",
		   nr, nr, nr);
	return 0;
}

int proc_misc_devices(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx, (void)out;
	return 0;
}

static void softirq_row(struct seq_buf *out, const char *name)
{
	seq_printf(out, "%12s:", name);
	for (uint32_t i = 0; i < host_nr_cpus(); i++)
		seq_printf(out, " %10u", 0);
	seq_printf(out, "\n");
}

int proc_softirqs(const struct synth_ctx *ctx, struct seq_buf *out)
{
	static const char *const names[] = { "HI",	"TIMER", "NET_TX",
					     "NET_RX",	"BLOCK", "IRQ_POLL",
					     "TASKLET", "SCHED", "HRTIMER",
					     "RCU" };

	(void)ctx;
	seq_printf(out, "%20s", "");
	for (uint32_t i = 0; i < host_nr_cpus(); i++)
		seq_printf(out, "CPU%-8u", i);
	seq_printf(out, "\n");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		softirq_row(out, names[i]);
	return 0;
}

/* All free memory in blocks of the highest order. */
int proc_buddyinfo(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct proc_memory mem;
	uint64_t free_pages;

	(void)ctx;
	proc_memory(&mem);
	free_pages = (mem.total - mem.used) >> PAGE_SHIFT;
	seq_printf(out, "Node 0, zone %8s ", "Normal");
	for (int order = 0; order < ORDERS; order++) {
		uint64_t nr = order == ORDERS - 1 ? free_pages >> order
						  : free_pages >> order & 1;

		seq_printf(out, "%6lu ", nr);
	}
	seq_printf(out, "\n");
	return 0;
}

int proc_zoneinfo(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct proc_memory mem;
	uint64_t total;

	(void)ctx;
	proc_memory(&mem);
	total = mem.total >> PAGE_SHIFT;
	seq_printf(out,
		   "Node 0, zone   Normal\n  per-node stats\n"
		   "      nr_inactive_anon 0\n      nr_active_anon %lu\n"
		   "      nr_inactive_file 0\n      nr_active_file 0\n"
		   "  pages free     %lu\n        boost    0\n"
		   "        min      0\n        low      0\n"
		   "        high     0\n        spanned  %lu\n"
		   "        present  %lu\n        managed  %lu\n",
		   mem.used >> PAGE_SHIFT, (mem.total - mem.used) >> PAGE_SHIFT,
		   total, total, total);
	seq_printf(out, "  node_unreclaimable:  0\n  start_pfn:           0\n");
	return 0;
}
