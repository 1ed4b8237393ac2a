/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc: what the files of procfs share.
 *
 * The context of everything below /proc/PID is the thread group (a reference)
 * and a thread id, not a task: a process keeps its directory across an execve
 * that replaces its leader, and a recycled id never shows a stranger.
 */
#ifndef SENTRY_FS_PROC_PROC_H
#define SENTRY_FS_PROC_PROC_H

#include "sentry/fs/synth/synth.h"
#include "sentry/kernel/task.h"

#define PROC_SUPER_MAGIC 0x9fa0

/* The task that @ctx is about, +1; NULL once it is gone. */
struct task *proc_task(const struct synth_ctx *ctx);
/* May the current task look at @ctx's secrets?  0, -EACCES, -ESRCH. */
MUST_CHECK int proc_may_access(const struct synth_ctx *ctx);
/* The same as a synth_entry.may_open. */
MUST_CHECK int proc_may_open(const struct synth_ctx *ctx, uint32_t flags);
/* The address space, +1; NULL: none any more.  -ESRCH. */
MUST_CHECK int proc_mm(const struct synth_ctx *ctx, struct mm **out);

/* Load averages over 1, 5 and 15 minutes, for sysinfo(2). */
void proc_loads(double avg[3]);
/* Number of processes and threads that exist; *running may be NULL. */
void proc_count(uint32_t *procs, uint32_t *threads, uint32_t *running,
		uint32_t *last_pid);
/* Bytes of memory of the machine as the guest sees it. */
struct proc_memory {
	uint64_t total, used;
};
void proc_memory(struct proc_memory *out);
/* A set of CPUs 0..@nr-1 as "3" or "ffffffff,ffffffff", and "0-1". */
void proc_show_cpu_mask(struct seq_buf *out, uint32_t nr);
/* The same of those of the first @nr that have a bit in @mask. */
void proc_show_cpus(struct seq_buf *out, const uint64_t mask[16], uint32_t nr,
		    bool as_list);
void proc_show_cpu_list(struct seq_buf *out, uint32_t nr);

/* The pid namespace that this mount of proc shows; borrowed. */
struct pid_ns *proc_pid_ns(const struct synth_ctx *ctx);
/* The user namespace that ids are shown in. */
const struct user_ns *proc_viewer(void);
/* What the reader's time namespace adds to the boottime clock, ns. */
int64_t proc_boot_offset(void);
/* Ids of a report as the mount's namespace has them. */
void proc_localise(const struct synth_ctx *ctx, struct task_report *r);
/* "NAME:" and the numbers of @pid from the mount's namespace inwards. */
void proc_show_numbers(const struct synth_ctx *ctx, const char *name,
		       uint32_t pid, struct seq_buf *out);

/* Tables. */
extern const struct synth_entry proc_root_entry;	  /* proc_root.c */
extern const struct synth_dir_ops proc_pids;		  /* proc_pid.c */
extern const struct synth_dir_ops proc_fds, proc_fdinfos; /* proc_links.c */
extern const struct synth_entry proc_ns_entries[];	  /* proc_ns.c */
extern const struct synth_entry proc_sys_entries[];	  /* proc_sys.c */
extern const struct synth_entry proc_net_entries[];	  /* proc_net.c */

/* Generators, one for each file. */
typedef int proc_show(const struct synth_ctx *ctx, struct seq_buf *out);
/* proc_status.c */
proc_show proc_stat_group, proc_stat_task, proc_status, proc_statm;
/* proc_mem.c */
proc_show proc_cmdline, proc_environ, proc_auxv, proc_maps, proc_smaps,
	proc_smaps_rollup;
/* proc_mm_file.c */
int proc_mem_open(const struct synth_ctx *ctx, struct file *f);
int proc_pagemap_open(const struct synth_ctx *ctx, struct file *f);
/* proc_links.c */
int proc_cwd_link(const struct synth_ctx *ctx, struct path *out);
int proc_root_link(const struct synth_ctx *ctx, struct path *out);
int proc_exe_link(const struct synth_ctx *ctx, struct path *out);
int proc_link_text(const struct synth_ctx *ctx, char **out_target);
int proc_fd_permission(const struct synth_ctx *ctx, const struct cred *cred,
		       uint32_t mask, int by_mode);
/* proc_misc.c */
proc_show proc_comm, proc_limits, proc_io_task, proc_io_group, proc_mounts,
	proc_mountinfo, proc_oom_score, proc_oom_score_adj, proc_oom_adj,
	proc_cgroup, proc_children, proc_no_id, proc_mountstats;
/* proc_ns.c */
proc_show proc_timens_offsets, proc_ns_max;
int proc_ns_max_permission(const struct synth_ctx *ctx, const struct cred *cred,
			   uint32_t mask, int by_mode);
long proc_ns_max_write(const struct synth_ctx *ctx, char *text, size_t size);
long proc_timens_offsets_write(const struct synth_ctx *ctx, char *text,
			       size_t size);
int proc_uid_map_open(const struct synth_ctx *ctx, struct file *f);
int proc_gid_map_open(const struct synth_ctx *ctx, struct file *f);
int proc_projid_map_open(const struct synth_ctx *ctx, struct file *f);
int proc_setgroups_open(const struct synth_ctx *ctx, struct file *f);
long proc_comm_write(const struct synth_ctx *ctx, char *text, size_t size);
long proc_oom_score_adj_write(const struct synth_ctx *ctx, char *text,
			      size_t size);
long proc_oom_adj_write(const struct synth_ctx *ctx, char *text, size_t size);
/* proc_task.c */
proc_show proc_syscall, proc_wchan, proc_stack, proc_sched, proc_schedstat,
	proc_autogroup, proc_timers, proc_timerslack, proc_personality,
	proc_coredump_filter;
long proc_timerslack_write(const struct synth_ctx *ctx, char *text,
			   size_t size);
long proc_coredump_filter_write(const struct synth_ctx *ctx, char *text,
				size_t size);
extern const struct synth_entry proc_attr_entries[];
/* proc_pages.c */
proc_show proc_numa_maps;
long proc_clear_refs_write(const struct synth_ctx *ctx, char *text,
			   size_t size);
/* proc_system.c */
proc_show proc_keys; /* proc_keys.c */
proc_show proc_kernel_cmdline, proc_devices, proc_filesystems, proc_loadavg,
	proc_meminfo, proc_system_stat, proc_swaps, proc_uptime, proc_version,
	proc_vmstat, proc_partitions, proc_interrupts, proc_empty;
/* proc_machine.c */
proc_show proc_cgroups, proc_misc_devices, proc_softirqs, proc_buddyinfo,
	proc_zoneinfo;
/* proc_locks.c */
proc_show proc_locks;
/* The "lock:" lines of fdinfo: what @f, or @fds by it, has locked. */
void proc_fdinfo_locks(struct file *f, const struct fd_table *fds,
		       struct seq_buf *out);
/* proc_ipc.c */
extern const struct synth_entry proc_sysvipc_entries[];
proc_show proc_ipc_limit;
long proc_ipc_limit_write(const struct synth_ctx *ctx, char *text, size_t size);
struct limit_file;
extern const struct limit_file proc_ipc_msgmax, proc_ipc_msgmnb,
	proc_ipc_msgmni, proc_ipc_shmmax, proc_ipc_shmall, proc_ipc_shmmni,
	proc_ipc_sem, proc_mq_queues, proc_mq_msg, proc_mq_msgsize,
	proc_mq_msg_default, proc_mq_msgsize_default;
/* proc_cpuinfo.c */
proc_show proc_cpuinfo;
/* Takes the first reading that the CPU's frequency is measured from. */
void proc_cpuinfo_start(void);

#endif
