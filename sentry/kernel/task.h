/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task: a guest thread; thread_group: a guest process.
 *
 * One sentry thread runs one task: sentry/kernel/run.c loops between the
 * platform and the system-call dispatch.  At the border to the guest the whole
 * state of a task is data: registers, masks, queues.
 *
 * Locks: LOCK_TASKLIST guards the tree (parents, children, threads, sessions,
 * PIDs); sighand_mu of the group guards signal state of all its tasks; t->mu
 * the few fields marked so.
 */
#ifndef SENTRY_KERNEL_TASK_H
#define SENTRY_KERNEL_TASK_H

#include "platform.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/ns.h"
#include "sentry/kernel/wait.h"
#include "sentry/lib/list.h"
#include "sentry/lib/lock.h"
#include "sentry/lib/refcount.h"
#include "sentry/mm/mm.h"

struct fd_table;
struct fs_ctx;
struct mount_ns;
struct signal_state;
struct sighand;
struct tty;
struct uts_ns;

/* Restart codes: leave a handler as results, never reach the guest. */
#define ERESTARTSYS	      512
#define ERESTARTNOINTR	      513
#define ERESTARTNOHAND	      514
#define ERESTART_RESTARTBLOCK 516

/* Resource limits, getrlimit(2) numbers. */
enum {
	RLIM_CPU,
	RLIM_FSIZE,
	RLIM_DATA,
	RLIM_STACK,
	RLIM_CORE,
	RLIM_RSS,
	RLIM_NPROC,
	RLIM_NOFILE,
	RLIM_MEMLOCK,
	RLIM_AS,
	RLIM_LOCKS,
	RLIM_SIGPENDING,
	RLIM_MSGQUEUE,
	RLIM_NICE,
	RLIM_RTPRIO,
	RLIM_RTTIME,
	RLIM_NR
};
struct rlimit_pair {
	uint64_t cur, max;
};

struct process_group;
struct session;

struct thread_group {
	struct refcount ref;
	IMMUTABLE uint32_t tgid;	 /* in the initial pid namespace */
	IMMUTABLE uint32_t vtgid;	 /* in its own: what it sees itself */
	IMMUTABLE struct pid_ns *pid_ns; /* +1; its own */
	struct task *leader;		 /* LOCK_TASKLIST */
	struct list threads;		 /* task.group_node, LOCK_TASKLIST */
	/* Live ones; written under LOCK_TASKLIST, glanced at without. */
	_Atomic uint32_t nr_threads;
	struct thread_group *parent;	     /* LOCK_TASKLIST */
	struct list children, child_node;    /* LOCK_TASKLIST */
	struct process_group *pgrp;	     /* LOCK_TASKLIST */
	struct list pgrp_node;		     /* LOCK_TASKLIST */
	struct waitq wait_children;	     /* wait4 sleeps here */
	struct waitq exit_wq;		     /* pidfd poll; woken at exit */
	struct signal_state *signals;	     /* sentry/kernel/signal.h */
	struct rlimit_pair rlimits[RLIM_NR]; /* LOCK_SIGHAND */
	int32_t exit_signal;		     /* to the parent, of the leader */
	bool child_subreaper;
	uint64_t start_time; /* monotonic ns */
	void *itimers;	     /* private to kernel/timers */
	int32_t oom_score_adj;
	/* More fields: private to sentry/kernel (accounting, stop state). */
	struct tg_private *priv;
};

/* What a task has read and written, for /proc/PID/io; it alone changes it. */
enum task_io { TASK_IO_RCHAR, TASK_IO_WCHAR, TASK_IO_SYSCR, TASK_IO_SYSCW };
#define TASK_IO_NR 4

struct task {
	struct refcount ref;
	/* As tgid and vtgid; execve(2) makes them those of the leader. */
	IMMUTABLE uint32_t tid, vtid;
	IMMUTABLE struct thread_group *group;
	struct list group_node; /* LOCK_TASKLIST */
	TASK_PRIVATE struct vcpu *cpu;
	/*
	 * Replaced by the task itself only (execve, unshare), under t->mu; the
	 * task reads them without, others through task_get_mm() etc.
	 */
	struct mm *mm; /* NULL once exited */
	struct fd_table *fds;
	struct fs_ctx *fs;
	struct ns_common *ns[TASK_NS_NR]; /* +1 each; NULL once exited */
	const struct cred *cred;	  /* same rule */
	struct mutex mu;		  /* LOCK_TASK */
	char comm[16] GUARDED_BY(mu);
	/* Wake word: task_sleep() waits on it, task_wake() changes it. */
	_Atomic uint32_t wake_seq;
	/* Something to do before the next entry (signal, stop, kill). */
	_Atomic uint32_t work;
	TASK_PRIVATE int syscall_nr; /* -1 outside a system call */
	TASK_PRIVATE uint64_t clear_child_tid, robust_list;
	_Atomic bool no_new_privs; /* never cleared */
	_Atomic int state;	   /* 'R' 'S' 'D' 'T' 't' 'Z' 'X' */
	const char *_Atomic wchan; /* static: what it sleeps on */
	/* Signal masks and queues: sentry/kernel/signal.h, under sighand. */
	struct task_signals *signals;
	_Atomic uint64_t io[TASK_IO_NR];
	/* exec, restart block, ptrace, accounting, sched: in sentry/kernel. */
	struct task_private *priv;
};

/* The task of the calling sentry thread, or NULL (service threads). */
struct task *current_task(void);

/* Another reference; the last put frees (not before the task was reaped). */
void task_get(struct task *t);
void task_put(struct task *t);
DEFINE_AUTO_PUT(task)
/* By thread id / process id of the current task's namespace; +1 or NULL. */
struct task *task_lookup(uint32_t tid);
struct thread_group *thread_group_lookup(uint32_t tgid);
/* The same by the number in the initial pid namespace. */
struct task *task_lookup_global(uint32_t tid);
void thread_group_get(struct thread_group *tg);
void thread_group_put(struct thread_group *tg);
DEFINE_AUTO_PUT(thread_group)
/* The next process with id > @after (for /proc); +1 or NULL. */
struct thread_group *thread_group_next(uint32_t after);
/* The next thread of @tg with tid > @after; +1 or NULL. */
struct task *thread_group_next_task(struct thread_group *tg, uint32_t after);
/* References to what another task uses now; NULL if it has exited. */
struct mm *task_get_mm(struct task *t);
struct fd_table *task_get_fds(struct task *t);
struct fs_ctx *task_get_fs(struct task *t);
struct cred *task_get_cred(struct task *t);
void task_set_cred(struct task *t, struct cred *c);	  /* takes over c */
uint64_t task_rlimit(struct task *t, unsigned int which); /* soft limit */
static inline bool capable(unsigned int cap)
{
	return cred_capable(current_task()->cred, cap);
}
/* May @t's secrets be seen by the current task (ptrace(2), /proc)? 0, -EPERM */
MUST_CHECK int task_may_access(struct task *t);

/* A read or write call of the current task gave @ret. */
static inline void task_count_io(bool write, long ret)
{
	struct task *t = current_task();

	if (!t)
		return;
	atomic_store_explicit(&t->io[TASK_IO_SYSCR + write],
			      t->io[TASK_IO_SYSCR + write] + 1,
			      memory_order_relaxed);
	if (ret > 0)
		atomic_store_explicit(&t->io[write],
				      t->io[write] + (uint64_t)ret,
				      memory_order_relaxed);
}

/* Bits of task.work. */
enum {
	TASK_WORK_SIGNAL = 1,	  /* signals, a stop, or a notification wait */
	TASK_WORK_KILL = 2,	  /* SIGKILL; never cleared */
	TASK_WORK_RESTART = 4,	  /* the call gave -ERESTART* */
	TASK_WORK_MASK = 8,	  /* a temporary mask is to be restored */
	TASK_WORK_CPU_LIMIT = 64, /* RLIMIT_CPU was set by somebody else */
	TASK_WORK_ASYNC = 32,	  /* file_async_flush() has to be called */
	TASK_WORK_EXIT = 16,	  /* the task exits with priv->exit_code */
	TASK_WORK_CGROUP = 1024,  /* its group may be frozen or throttled */
};
/* Makes a sleeping task return from task_sleep(). Any thread, any lock. */
void task_wake(struct task *t);
/* Sets work bits and gets the task to the border: wakes or interrupts it. */
void task_kick(struct task *t, uint32_t work);
/* A deliverable signal, stop or kill is waiting: blocking calls end. */
bool task_signal_pending(struct task *t);
bool task_fatal_signal_pending(struct task *t);

/* What the run loop is for (sentry/kernel/run.c): returns when @t has ended. */
void task_run(struct task *t);
/*
 * sentry/main.c provides these.  Process 1 is gone (@wait_status as wait4), all
 * others were sent SIGKILL; process 1 was stopped by @signo.  Called from its
 * last thread without locks; may return.
 */
void sandbox_init_exited(int wait_status);
void sandbox_init_stopped(int signo);
/* A process of kernel_spawn() is gone; as sandbox_init_exited(). */
void sandbox_exec_exited(uint32_t exec_id, int wait_status);
/* Is the personality ADDR_NO_RANDOMIZE set? (loader) */
bool task_no_aslr(struct task *t);

/* The uts namespace: uname(2). */
struct uts_ns {
	struct ns_common ns;
	struct mutex mu; /* LOCK_TASK */
	char nodename[65], domainname[65];
};
static_assert(offsetof(struct uts_ns, ns) == 0, "reached through it");
static inline struct uts_ns *task_uts(const struct task *t)
{
	return (struct uts_ns *)(void *)t->ns[TASK_NS_UTS];
}
#define MOAT_UTS_RELEASE "6.18.0-moat"
#define MOAT_UTS_VERSION "#1 SMP PREEMPT_DYNAMIC moat"

/* Report for /proc/pid/stat and status; a snapshot. */
struct task_report {
	char comm[16];
	char state;
	uint32_t tid, tgid, ppid, pgid, sid, tty_dev;
	int32_t tty_pgrp;
	uint64_t utime_ns, stime_ns, start_ns, min_flt, maj_flt, vol_switches,
		invol_switches;
	/* Only for a leader: of the process, of the children waited for. */
	struct {
		uint64_t utime_ns, stime_ns, min_flt, maj_flt;
	} group, children;
	int32_t policy, rt_prio;
	bool did_exec;
	uint64_t sig_pending, sig_shared_pending, sig_blocked, sig_ignored,
		sig_caught;
	uint32_t nr_threads, tracer;
	int32_t nice, exit_code;
	uint32_t cpu;
	uint64_t affinity[16];
	bool no_new_privs;
	uint32_t seccomp_mode, seccomp_filters;
	uint64_t sigq_len, sigq_limit;
};
void task_report(struct task *t, struct task_report *out);

#endif
