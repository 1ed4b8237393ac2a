/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_system: files at the top of /proc that tell about the whole machine.
 * The machine is the sandbox: its processes, its memory limit, its CPUs.
 *
 * Linux: times of CPUs are what all tasks have used, spread evenly over the
 *        CPUs, and never run backwards; the load is averaged when asked.
 * Locks: load_mu (LOCK_INODE) over the averages and the clamped times.
 * Tests: tests/conformance/proc.c, proc_task.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/fs/proc/proc.h"
#include "sentry/host/host.h"
#include "sentry/host/host_info.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/budget.h"
#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/mm/memfile.h"
#include "sentry/time/clock.h"

#define TICKS_PER_SEC 100
#define NSEC_PER_TICK (NSEC_PER_SEC / TICKS_PER_SEC)

static struct mutex load_mu = MUTEX_INIT(LOCK_INODE);

/* Calls @fn for a report of every thread. */
static void each_task(void (*fn)(const struct task_report *r, void *arg),
		      void *arg)
{
	struct thread_group *tg = thread_group_next(0);

	while (tg) {
		uint32_t pid = tg->tgid;
		struct task *t = thread_group_next_task(tg, 0);

		while (t) {
			uint32_t tid = t->tid;
			struct task_report r;

			task_report(t, &r);
			fn(&r, arg);
			task_put(t);
			t = thread_group_next_task(tg, tid);
		}
		thread_group_put(tg);
		tg = thread_group_next(pid);
	}
}

struct totals {
	uint32_t procs, threads, running, blocked, last;
	uint64_t user_ns, system_ns, switches;
};

static void add_totals(const struct task_report *r, void *arg)
{
	struct totals *s = arg;

	s->procs += r->tid == r->tgid;
	s->threads++;
	s->running += r->state == 'R';
	s->blocked += r->state == 'D';
	s->last = MAX(s->last, r->tid);
	s->user_ns += r->utime_ns;
	s->system_ns += r->stime_ns;
	s->switches += r->vol_switches + r->invol_switches;
}

void proc_count(uint32_t *procs, uint32_t *threads, uint32_t *running,
		uint32_t *last_pid)
{
	struct totals s = { 0 };

	each_task(add_totals, &s);
	*procs = s.procs;
	*threads = s.threads;
	if (running)
		*running = s.running;
	if (last_pid)
		*last_pid = s.last;
}

void proc_memory(struct proc_memory *out)
{
	struct memfile_stats ms;

	memfile_stats(&ms);
	out->total = memory_total();
	out->used = MIN(ms.used, out->total);
}

/* 32 bits a word, the highest first. */
static void show_mask(struct seq_buf *out, const uint64_t mask[16], uint32_t nr)
{
	uint32_t words = (nr + 31) / 32, i;

	for (i = words; i-- > 0;) {
		uint32_t bits = (uint32_t)(mask[i / 2] >> i % 2 * 32);

		if (i == words - 1)
			seq_printf(out, "%0*x", (int)((nr - 1) % 32 / 4 + 1),
				   bits);
		else
			seq_printf(out, ",%08x", bits);
	}
}

/* As "0,2-5". */
static void show_list(struct seq_buf *out, const uint64_t mask[16], uint32_t nr)
{
	const char *sep = "";

	for (uint32_t i = 0, end; i < nr; i = end + 1) {
		for (end = i; end < nr && (mask[end / 64] >> end % 64 & 1);)
			end++;
		if (end == i)
			continue;
		seq_printf(out, "%s%u", sep, i);
		if (end > i + 1)
			seq_printf(out, "-%u", end - 1);
		sep = ",";
	}
}

void proc_show_cpus(struct seq_buf *out, const uint64_t mask[16], uint32_t nr,
		    bool as_list)
{
	if (as_list)
		show_list(out, mask, MIN(nr, 1024u));
	else
		show_mask(out, mask, MIN(nr, 1024u));
}

static void show_all(struct seq_buf *out, uint32_t nr, bool as_list)
{
	uint64_t mask[16] = { 0 };

	for (uint32_t i = 0; i < MIN(nr, 1024u); i++)
		mask[i / 64] |= 1ull << i % 64;
	proc_show_cpus(out, mask, nr, as_list);
}

void proc_show_cpu_mask(struct seq_buf *out, uint32_t nr)
{
	show_all(out, nr, false);
}

void proc_show_cpu_list(struct seq_buf *out, uint32_t nr)
{
	show_all(out, nr, true);
}

/* --- time and load ------------------------------------------------------- */

int proc_uptime(const struct synth_ctx *ctx, struct seq_buf *out)
{
	uint64_t up = (clock_monotonic() +
		       (uint64_t)task_boot_offset(current_task())) /
		      (NSEC_PER_SEC / 100);
	struct totals s = { 0 };
	uint64_t idle;

	(void)ctx;
	cgroup_cpu_usage(cgroup_root(), &s.user_ns, &s.system_ns);
	idle = up * host_nr_cpus() -
	       MIN((s.user_ns + s.system_ns) / (NSEC_PER_SEC / 100),
		   up * host_nr_cpus());
	seq_printf(out, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100,
		   idle % 100);
	return 0;
}

/* e^-x, near enough for a load average, without libm. */
static double exp_minus(double x)
{
	return 1 / (1 + x + x * x / 2 + x * x * x / 6 + x * x * x * x / 24);
}

/* Exponential averages over 1, 5 and 15 minutes, brought forward when asked:
 * nothing in the sandbox wakes up only to sample. */
static void update_load(uint32_t running, double avg[3])
{
	static const double period[3] = { 60, 300, 900 };
	static double load[3];
	static uint64_t last;
	uint64_t now = clock_monotonic();
	int i;

	mutex_lock(&load_mu);
	for (i = 0; i < 3; i++) {
		double dt = last ? (double)(now - last) / 1e9 : 0;
		double keep = exp_minus(dt / period[i]);

		load[i] = load[i] * keep + running * (1 - keep);
		avg[i] = load[i];
	}
	last = now;
	mutex_unlock(&load_mu);
}

void proc_loads(double avg[3])
{
	uint32_t procs, threads, running;

	proc_count(&procs, &threads, &running, NULL);
	update_load(running, avg);
}

int proc_loadavg(const struct synth_ctx *ctx, struct seq_buf *out)
{
	uint32_t procs, threads, running, last;
	double avg[3];

	(void)ctx;
	proc_count(&procs, &threads, &running, &last);
	update_load(running, avg);
	seq_printf(out, "%.2f %.2f %.2f %u/%u %u\n", avg[0], avg[1], avg[2],
		   running, threads, last);
	return 0;
}

/* Times never run backwards, though the tasks they are summed from end. */
static uint64_t clamp_up(uint64_t *seen, uint64_t now)
{
	uint64_t ret;

	mutex_lock(&load_mu);
	ret = *seen = MAX(*seen, now);
	mutex_unlock(&load_mu);
	return ret;
}

int proc_system_stat(const struct synth_ctx *ctx, struct seq_buf *out)
{
	static uint64_t seen_user, seen_system, seen_idle, seen_switches;
	uint64_t up = clock_monotonic() / NSEC_PER_TICK;
	uint32_t cpus = host_nr_cpus(), i;
	struct totals s = { 0 };
	uint64_t user, sys, idle;

	(void)ctx;
	each_task(add_totals, &s);
	cgroup_cpu_usage(cgroup_root(), &s.user_ns, &s.system_ns);
	user = clamp_up(&seen_user, s.user_ns / NSEC_PER_TICK);
	sys = clamp_up(&seen_system, s.system_ns / NSEC_PER_TICK);
	idle = clamp_up(&seen_idle, up * cpus - MIN(user + sys, up * cpus));
	seq_printf(out, "cpu  %lu 0 %lu %lu 0 0 0 0 0 0\n", user, sys, idle);
	for (i = 0; i < cpus; i++)
		seq_printf(out, "cpu%u %lu 0 %lu %lu 0 0 0 0 0 0\n", i,
			   user / cpus, sys / cpus, idle / cpus);
	seq_printf(out,
		   "intr 0\nctxt %lu\nbtime %lu\nprocesses %lu\n"
		   "procs_running %u\nprocs_blocked %u\n"
		   "softirq 0 0 0 0 0 0 0 0 0 0 0\n",
		   clamp_up(&seen_switches, s.switches),
		   (uint64_t)((clock_realtime() - clock_monotonic()) /
			      NSEC_PER_SEC),
		   kernel_total_forks(), s.running, s.blocked);
	return 0;
}

/* --- memory -------------------------------------------------------------- */

/* Rows in Linux's order; what the sandbox has none of is 0. */
static const struct {
	const char *name;
	char kind;
} meminfo_rows[] = {
	{ "MemTotal:", 'T' },
	{ "MemFree:", 'F' },
	{ "MemAvailable:", 'F' },
	{ "Buffers:", '0' },
	{ "Cached:", '0' },
	{ "SwapCached:", '0' },
	{ "Active:", 'U' },
	{ "Inactive:", '0' },
	{ "Active(anon):", 'U' },
	{ "Inactive(anon):", '0' },
	{ "Active(file):", '0' },
	{ "Inactive(file):", '0' },
	{ "Unevictable:", '0' },
	{ "Mlocked:", '0' },
	{ "SwapTotal:", '0' },
	{ "SwapFree:", '0' },
	{ "Zswap:", '0' },
	{ "Zswapped:", '0' },
	{ "Dirty:", '0' },
	{ "Writeback:", '0' },
	{ "AnonPages:", 'U' },
	{ "Mapped:", '0' },
	{ "Shmem:", '0' },
	{ "KReclaimable:", '0' },
	{ "Slab:", 'K' },
	{ "SReclaimable:", '0' },
	{ "SUnreclaim:", 'K' },
	{ "KernelStack:", '0' },
	{ "PageTables:", '0' },
	{ "SecPageTables:", '0' },
	{ "NFS_Unstable:", '0' },
	{ "Bounce:", '0' },
	{ "WritebackTmp:", '0' },
	{ "CommitLimit:", 'T' },
	{ "Committed_AS:", 'U' },
	{ "VmallocTotal:", 'V' },
	{ "VmallocUsed:", '0' },
	{ "VmallocChunk:", '0' },
	{ "Percpu:", '0' },
	{ "AnonHugePages:", '0' },
	{ "ShmemHugePages:", '0' },
	{ "ShmemPmdMapped:", '0' },
	{ "FileHugePages:", '0' },
	{ "FilePmdMapped:", '0' },
	{ "HugePages_Total:", 'n' },
	{ "HugePages_Free:", 'n' },
	{ "HugePages_Rsvd:", 'n' },
	{ "HugePages_Surp:", 'n' },
	{ "Hugepagesize:", 'H' },
	{ "Hugetlb:", '0' },
};

int proc_meminfo(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct budget_stats heap;
	struct proc_memory mem;
	size_t i;

	(void)ctx;
	budget_read(&heap);
	proc_memory(&mem);
	for (i = 0; i < ARRAY_SIZE(meminfo_rows); i++) {
		uint64_t v = 0;

		switch (meminfo_rows[i].kind) {
		case 'T':
			v = mem.total >> 10;
			break;
		case 'F':
			v = (mem.total - mem.used) >> 10;
			break;
		case 'U':
			v = mem.used >> 10;
			break;
		case 'K':
			v = heap.used >> 10;
			break;
		case 'V':
			v = UINT32_MAX * 8ul + 7;
			break;
		case 'H':
			v = 2048;
			break;
		}
		seq_printf(out, "%-16s%8lu%s\n", meminfo_rows[i].name, v,
			   meminfo_rows[i].kind == 'n' ? "" : " kB");
	}
	return 0;
}

int proc_vmstat(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct proc_memory mem;

	(void)ctx;
	proc_memory(&mem);
	seq_printf(out,
		   "nr_free_pages %lu\nnr_inactive_anon 0\nnr_active_anon %lu\n"
		   "nr_anon_pages %lu\nnr_mapped 0\nnr_file_pages 0\n"
		   "nr_dirty 0\nnr_writeback 0\nnr_shmem 0\npgpgin 0\n"
		   "pgpgout 0\npswpin 0\npswpout 0\npgfault 0\npgmajfault 0\n"
		   "oom_kill %lu\n",
		   (mem.total - mem.used) >> PAGE_SHIFT, mem.used >> PAGE_SHIFT,
		   mem.used >> PAGE_SHIFT, cgroup_root()->oom_kill);
	return 0;
}

/* --- fixed texts --------------------------------------------------------- */

int proc_kernel_cmdline(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "\n");
	return 0;
}

int proc_version(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "Linux version %s (moat@moat) (gcc %s) %s\n",
		   MOAT_UTS_RELEASE, __VERSION__, MOAT_UTS_VERSION);
	return 0;
}

int proc_devices(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "Character devices:\n  1 mem\n  5 /dev/tty\n"
			"  5 /dev/console\n  5 /dev/ptmx\n128 ptm\n136 pts\n\n"
			"Block devices:\n");
	return 0;
}

int proc_filesystems(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\n"
			"nodev\tcgroup2\nnodev\tdevtmpfs\nnodev\tdevpts\nnodev"
			"\tmqueue\nnodev\toverlay\n");
	return 0;
}

int proc_swaps(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}

int proc_partitions(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "major minor  #blocks  name\n\n");
	return 0;
}

int proc_interrupts(const struct synth_ctx *ctx, struct seq_buf *out)
{
	uint32_t i;

	(void)ctx;
	seq_printf(out, "%*s", 9, "");
	for (i = 0; i < host_nr_cpus(); i++)
		seq_printf(out, "  CPU%-8u", i);
	seq_printf(out, "\n");
	return 0;
}

int proc_empty(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx, (void)out;
	return 0;
}
