/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_status: stat, statm and status of processes and threads, in the exact
 * format of Linux 6.18 (fs/proc/array.c), which ps, top and libproc2 parse.
 *
 * Linux: registers of dumped processes and the CPU are shown as 0.
 * Locks: none of its own.
 * Tests: tests/unit/test_proc_status.c
 */
#include <errno.h>
#include <string.h>

#include "abi/prctl.h"
#include "abi/sched.h"
#include "sentry/fs/proc/proc.h"
#include "sentry/host/host.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/time/clock.h"

#define NSEC_PER_TICK 10000000ul /* USER_HZ is 100 */
#define PF_RANDOMIZE  0x00400000u
#define PF_FORKNOEXEC 0x00000040u

static bool is_realtime(const struct task_report *r)
{
	return r->policy == LINUX_SCHED_FIFO || r->policy == LINUX_SCHED_RR;
}

static void stat_memory(struct mm *mm, bool secret, struct seq_buf *out,
			const struct task_report *r, struct task *t)
{
	struct mm_stats ms = { 0 };
	struct mm_marks m = { 0 };

	if (mm) {
		mm_stats(mm, &ms);
		m = *mm_marks(mm);
	}
	seq_printf(out, " %lu %lu %lu", ms.vm_size, ms.rss >> PAGE_SHIFT,
		   task_rlimit(t, RLIM_RSS));
	if (secret)
		seq_printf(out, " %lu %lu %lu", m.start_code, m.end_code,
			   m.start_stack);
	else
		seq_printf(out, " %d %d 0", !!mm, !!mm);
	seq_printf(out, " 0 0 %lu %lu %lu %lu %d 0 0 %d %u %u %u 0 0 0",
		   r->sig_pending & 0x7fffffff, r->sig_blocked & 0x7fffffff,
		   r->sig_ignored & 0x7fffffff, r->sig_caught & 0x7fffffff,
		   r->state != 'R',
		   r->tid == r->tgid ? t->group->exit_signal : -1, r->cpu,
		   (uint32_t)r->rt_prio, (uint32_t)r->policy);
	if (secret)
		seq_printf(out, " %lu %lu %lu %lu %lu %lu %lu %d\n",
			   m.start_data, m.end_data, ms.brk_start, m.arg_start,
			   m.arg_end, m.env_start, m.env_end, r->exit_code);
	else
		seq_printf(out, " 0 0 0 0 0 0 0 0\n");
}

/* As task_prio(): below zero for real time. */
static int priority(const struct task_report *r)
{
	return is_realtime(r) ? -1 - r->rt_prio : 20 + r->nice;
}

static void stat_times(struct seq_buf *out, const struct task_report *r,
		       bool whole)
{
	uint64_t user = whole ? r->group.utime_ns : r->utime_ns;
	uint64_t system = whole ? r->group.stime_ns : r->stime_ns;

	seq_printf(out, " %u %lu %lu %lu %lu",
		   PF_RANDOMIZE | (r->did_exec ? 0 : PF_FORKNOEXEC),
		   whole ? r->group.min_flt : r->min_flt, r->children.min_flt,
		   whole ? r->group.maj_flt : r->maj_flt, r->children.maj_flt);
	seq_printf(out, " %lu %lu %lu %lu %d %d %u 0 %lu", user / NSEC_PER_TICK,
		   system / NSEC_PER_TICK, r->children.utime_ns / NSEC_PER_TICK,
		   r->children.stime_ns / NSEC_PER_TICK, priority(r), r->nice,
		   MAX(r->nr_threads, 1u),
		   (r->start_ns + (uint64_t)proc_boot_offset()) /
			   NSEC_PER_TICK);
}

static int show_stat(const struct synth_ctx *ctx, struct seq_buf *out,
		     bool whole)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	AUTO_PUT(mm) struct mm *mm = NULL;
	struct task_report r;
	bool secret;

	if (!t)
		return -ESRCH;
	task_report(t, &r);
	proc_localise(ctx, &r);
	secret = task_may_access(t) == 0;
	mm = task_get_mm(t);
	seq_printf(out, "%u (%.16s) %c %u %u %u %u %d", r.tid, r.comm, r.state,
		   r.ppid, r.pgid, r.sid, r.tty_dev,
		   r.tty_pgrp ? r.tty_pgrp : -1);
	stat_times(out, &r, whole);
	stat_memory(mm, secret, out, &r, t);
	return 0;
}

int proc_stat_group(const struct synth_ctx *ctx, struct seq_buf *out)
{
	return show_stat(ctx, out, true);
}

int proc_stat_task(const struct synth_ctx *ctx, struct seq_buf *out)
{
	return show_stat(ctx, out, false);
}

int proc_statm(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	struct mm_stats ms = { 0 };
	uint64_t shared;
	int ret = proc_mm(ctx, &mm);

	if (ret < 0)
		return ret;
	if (mm)
		mm_stats(mm, &ms);
	shared = ms.rss - ms.rss_anon;
	seq_printf(out, "%lu %lu %lu %lu 0 %lu 0\n", ms.vm_size >> PAGE_SHIFT,
		   ms.rss >> PAGE_SHIFT, shared >> PAGE_SHIFT,
		   ms.exe >> PAGE_SHIFT, (ms.data + ms.stack) >> PAGE_SHIFT);
	return 0;
}

/* --- status -------------------------------------------------------------- */

static const char *state_text(char state)
{
	static const char *const names[] = {
		"R (running)", "S (sleeping)",	   "D (disk sleep)",
		"T (stopped)", "t (tracing stop)", "X (dead)",
		"Z (zombie)",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i][0] == state)
			return names[i];
	return "R (running)";
}

/* Names escape newline and backslash only. */
static void show_name(struct seq_buf *out, const char *comm, size_t size)
{
	size_t i;

	seq_printf(out, "Name:\t");
	for (i = 0; i < size && comm[i]; i++) {
		if (comm[i] == '\n')
			seq_printf(out, "\\n");
		else if (comm[i] == '\\')
			seq_printf(out, "\\\\");
		else
			seq_write(out, &comm[i], 1);
	}
	seq_printf(out, "\n");
}

/* Slots of the table: its highest descriptor, rounded as Linux grows it. */
static uint32_t fd_size(struct task *t)
{
	struct fd_table *fds = task_get_fds(t);
	uint32_t size = 64;
	int fd = -1;

	if (!fds)
		return 0;
	while ((fd = fd_table_next(fds, fd + 1)) >= 0)
		while (size <= (uint32_t)fd)
			size *= 2;
	fd_table_put(fds);
	return size;
}

static void show_identity(const struct synth_ctx *ctx, struct task *t,
			  const struct task_report *r, struct seq_buf *out)
{
	const struct user_ns *u = proc_viewer();
	struct task_report seen = *r;
	AUTO_PUT(cred) struct cred *c = task_get_cred(t);
	struct fs_ctx *fs = task_get_fs(t);
	uint32_t i;

	show_name(out, r->comm, sizeof(r->comm));
	if (fs) {
		uint32_t umask;

		mutex_lock(&fs->mu);
		umask = fs->umask;
		mutex_unlock(&fs->mu);
		seq_printf(out, "Umask:\t%04o\n", umask);
		fs_ctx_put(fs);
	}
	proc_localise(ctx, &seen);
	seq_printf(out,
		   "State:\t%s\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\n"
		   "TracerPid:\t%u\n",
		   state_text(r->state), seen.tgid, seen.tid, seen.ppid,
		   seen.tracer);
	if (c)
		seq_printf(out, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n",
			   uid_in(u, c->uid), uid_in(u, c->euid),
			   uid_in(u, c->suid), uid_in(u, c->fsuid),
			   gid_in(u, c->gid), gid_in(u, c->egid),
			   gid_in(u, c->sgid), gid_in(u, c->fsgid));
	seq_printf(out, "FDSize:\t%u\nGroups:\t", fd_size(t));
	for (i = 0; c && i < c->nr_groups; i++)
		seq_printf(out, "%s%u", i ? " " : "", gid_in(u, c->groups[i]));
	seq_printf(out, " \n");
	proc_show_numbers(ctx, "NStgid", r->tgid, out);
	proc_show_numbers(ctx, "NSpid", r->tid, out);
	proc_show_numbers(ctx, "NSpgid", r->pgid, out);
	proc_show_numbers(ctx, "NSsid", r->sid, out);
	seq_printf(out, "Kthread:\t0\n");
}

static void show_kb(struct seq_buf *out, const char *name, uint64_t bytes)
{
	seq_printf(out, "%s:\t%8lu kB\n", name, bytes >> 10);
}

static void show_memory(struct mm *mm, struct seq_buf *out)
{
	struct mm_stats ms;

	mm_stats(mm, &ms);
	show_kb(out, "VmPeak", ms.peak_vm);
	show_kb(out, "VmSize", ms.vm_size);
	show_kb(out, "VmLck", ms.locked);
	show_kb(out, "VmPin", 0);
	show_kb(out, "VmHWM", ms.peak_rss);
	show_kb(out, "VmRSS", ms.rss);
	show_kb(out, "RssAnon", ms.rss_anon);
	show_kb(out, "RssFile", ms.rss - ms.rss_anon - ms.rss_shmem);
	show_kb(out, "RssShmem", ms.rss_shmem);
	show_kb(out, "VmData", ms.data);
	show_kb(out, "VmStk", ms.stack);
	show_kb(out, "VmExe", ms.exe);
	show_kb(out, "VmLib", ms.lib);
	show_kb(out, "VmPTE", (ms.rss >> 9) + PAGE_SIZE);
	show_kb(out, "VmSwap", 0);
	show_kb(out, "HugetlbPages", 0);
	seq_printf(out, "CoreDumping:\t0\nTHP_enabled:\t1\n"
			"untag_mask:\t0xffffffffffffffff\n");
}

static void show_signals(struct task *t, const struct task_report *r,
			 struct seq_buf *out)
{
	AUTO_PUT(cred) struct cred *c = task_get_cred(t);

	seq_printf(out, "Threads:\t%u\nSigQ:\t%lu/%lu\n",
		   MAX(r->nr_threads, 1u), r->sigq_len, r->sigq_limit);
	seq_printf(out,
		   "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n"
		   "SigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		   r->sig_pending, r->sig_shared_pending, r->sig_blocked,
		   r->sig_ignored, r->sig_caught);
	if (c)
		seq_printf(out,
			   "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n"
			   "CapBnd:\t%016lx\nCapAmb:\t%016lx\n",
			   c->cap_inheritable, c->cap_permitted,
			   c->cap_effective, c->cap_bounding, c->cap_ambient);
}

int proc_status(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	AUTO_PUT(mm) struct mm *mm = NULL;
	struct task_report r;

	if (!t)
		return -ESRCH;
	task_report(t, &r);
	show_identity(ctx, t, &r, out);
	mm = task_get_mm(t);
	if (mm)
		show_memory(mm, out);
	show_signals(t, &r, out);
	seq_printf(out, "NoNewPrivs:\t%d\nSeccomp:\t%u\nSeccomp_filters:\t%u\n",
		   r.no_new_privs, r.seccomp_mode, r.seccomp_filters);
	seq_printf(out, "Speculation_Store_Bypass:\tunknown\n"
			"SpeculationIndirectBranch:\tunknown\n");
	seq_printf(out, "Cpus_allowed:\t");
	proc_show_cpus(out, r.affinity, host_nr_cpus(), false);
	seq_printf(out, "\nCpus_allowed_list:\t");
	proc_show_cpus(out, r.affinity, host_nr_cpus(), true);
	seq_printf(out,
		   "\nMems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\n"
		   "voluntary_ctxt_switches:\t%lu\n"
		   "nonvoluntary_ctxt_switches:\t%lu\n",
		   r.vol_switches, r.invol_switches);
	return 0;
}
