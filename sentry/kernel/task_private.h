/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_private: what only sentry/kernel and its system calls see of tasks and
 * thread groups: queues, job control, accounting, the process tree's lock.
 *
 * Locks: tasklist (LOCK_TASKLIST) > signal_state.mu (LOCK_SIGHAND) >
 * sig_actions.mu and task.mu (LOCK_TASK).  tg->threads changes under the first
 * two together, so that either is enough to walk it.
 */
#ifndef SENTRY_KERNEL_TASK_PRIVATE_H
#define SENTRY_KERNEL_TASK_PRIVATE_H

#include "abi/sched.h"
#include "abi/signal.h"
#include "sentry/kernel/ptrace.h"
#include "sentry/kernel/restart.h"
#include "sentry/kernel/seccomp.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_dispatch.h"

#define PID_MAX	      32768u
#define RESERVED_PIDS 300u
#define SIGMASK_KILL  (LINUX_SIGMASK(LINUX_SIGKILL))
#define SIGMASK_STOP  (LINUX_SIGMASK(LINUX_SIGSTOP))
/* What no mask can hold. */
#define SIGMASK_ALWAYS (SIGMASK_KILL | SIGMASK_STOP)
/* Signals whose default action stops. */
#define SIGMASK_STOPS                                  \
	(SIGMASK_STOP | LINUX_SIGMASK(LINUX_SIGTSTP) | \
	 LINUX_SIGMASK(LINUX_SIGTTIN) | LINUX_SIGMASK(LINUX_SIGTTOU))
/* Signals that a task's own instruction causes: delivered first. */
#define SIGMASK_SYNC                                                  \
	(LINUX_SIGMASK(LINUX_SIGSEGV) | LINUX_SIGMASK(LINUX_SIGBUS) | \
	 LINUX_SIGMASK(LINUX_SIGILL) | LINUX_SIGMASK(LINUX_SIGTRAP) | \
	 LINUX_SIGMASK(LINUX_SIGFPE) | LINUX_SIGMASK(LINUX_SIGSYS))

/* --- signal state --------------------------------------------------------- */

struct sigqueue {
	struct list node;
	struct user_acct *user; /* charged for it; a reference */
	struct linux_siginfo si;
};

/* Signals that wait: a bit each, and the details in order of arrival. */
struct sigpending {
	uint64_t mask;
	struct list queue;
};

/* What each signal does; shared by CLONE_SIGHAND. */
struct sig_actions {
	struct refcount ref;
	struct mutex mu; /* LOCK_TASK */
	struct linux_sigaction a[LINUX_NSIG] GUARDED_BY(mu);
	uint64_t final GUARDED_BY(mu); /* signals whose action stays */
};

/* Of a thread group. */
struct signal_state {
	struct mutex mu; /* LOCK_SIGHAND: all of this, and task_signals */
	struct sigpending shared;
	struct sig_actions *actions; /* replaced by execve under mu */
	struct waitq wq;	     /* signalfd */
	/* The group is ending with exit_code (as wait4 reports it). */
	bool group_exit;
	int exit_code;
	/* Its core file is being made by core_task (coredump.h). */
	struct core_dump *core;
	struct task *core_task;
	struct task *exec_task; /* in execve: kills all others */
	/* Process 1 of a pid namespace: signals from inside only if handled */
	bool unkillable;
	/*
	 * Job control.  stop_count: threads that have not stopped yet; when it
	 * reaches 0 the group is stopped.  stop_report: what WUNTRACED has not
	 * seen yet; continued: what WCONTINUED has not seen yet.
	 */
	int stop_signo;
	uint32_t stop_count;
	bool stopped, continued;
	int stop_report;
	int cld_notify; /* CLD_* that the next thread tells the parent; or 0 */
};

/* Of a task; under its group's signal_state.mu unless marked. */
struct task_signals {
	uint64_t blocked;      /* changed by the task itself only */
	uint64_t real_blocked; /* sigtimedwait: what was blocked before */
	struct sigpending pending;
	bool exiting;	    /* takes no signals any more */
	bool stop_pending;  /* has to join a group stop */
	bool stop_consume;  /* is counted in stop_count */
	bool in_stop;	    /* has joined, sleeps */
	bool stop_dequeued; /* a stop signal was taken, no SIGCONT since */
	TASK_PRIVATE bool has_saved;
	TASK_PRIVATE uint64_t saved_mask;
	TASK_PRIVATE struct linux_stack altstack;
};

/* --- the rest of a task --------------------------------------------------- */

/* A parent in vfork sleeps on this until the child has left its memory. */
struct vfork_wait {
	struct refcount ref;
	_Atomic bool done;
	struct waitq wq;
};

struct task_private {
	/* Where the task is: task_kick() and the run loop (run.c). */
	_Atomic uint32_t in_guest; /* odd: inside; changes by 1 each way */
	pthread_mutex_t kick_mu;   /* innermost: t->cpu against vcpu_free */
	TASK_PRIVATE uint32_t seen_seq;
	/* Start: the parent leaves the registers here. */
	struct guest_regs start_regs;
	void *fpu; /* xsave_size bytes, for start and signal frames; or NULL */
	/* End. */
	int exit_code;
	_Atomic int exit_state; /* 0, 'Z', 'X'; changes under tasklist */
	struct vfork_wait *vfork;
	uint64_t set_child_tid;
	int pdeathsig; /* LOCK_TASKLIST */
	/* A restart that needs a function: restart.h. */
	TASK_PRIVATE long (*restart_fn)(struct task *t);
	TASK_PRIVATE union restart_data restart;
	struct ptrace_state ptrace;
	/* The last fault, for signal frames. */
	TASK_PRIVATE uint64_t cr2;
	TASK_PRIVATE uint32_t trapno, errcode;
	/* Scheduling: kept and reported, without effect. t->mu. */
	int32_t policy, rt_prio, nice, ioprio;
	uint64_t slice; /* ns, as asked for; 0: the default */
	struct {
		int32_t mode; /* with flags, as set_mempolicy(2) */
		uint64_t nodes;
	} mempolicy;
	bool reset_on_fork;
	uint64_t timer_slack, affinity[16];
	_Atomic uint32_t personality;
	struct task_seccomp seccomp;
	TASK_PRIVATE struct user_dispatch user_dispatch;
	/* Accounting. */
	_Atomic int clock_id;	/* host CPU clock of the thread; 0: none yet */
	uint64_t clock_start;	/* that clock when the task began */
	_Atomic bool acct_done; /* times are in the group's sums */
	uint64_t start_time;	/* monotonic ns */
	_Atomic uint64_t vol_switches, min_flt, maj_flt;
	_Atomic bool frozen;		  /* waits since its cgroup is */
	TASK_PRIVATE bool nproc_exceeded; /* since a set*uid() */
	/* SEM_UNDO, a reference or NULL; changed by the task itself only. */
	struct sem_undo_list *_Atomic sem_undo;
};

struct rusage_sum {
	uint64_t utime, stime, min_flt, maj_flt, vol_switches;
	uint64_t io[TASK_IO_NR];
	uint64_t maxrss; /* bytes; a maximum, not a sum */
};

struct tg_private {
	struct rusage_sum dead GUARDED_BY(SIGHAND);    /* threads that ended */
	struct rusage_sum waited GUARDED_BY(TASKLIST); /* children waited for */
	uint32_t creator_tid;	       /* parent's thread; LOCK_TASKLIST */
	bool did_exec;		       /* LOCK_TASKLIST */
	bool adopted;		       /* by a reaper; LOCK_TASKLIST */
	_Atomic bool mm_shared;	       /* with another group (vfork) */
	_Atomic bool files_shared;     /* the same, CLONE_FILES */
	bool exec_busy;		       /* exec_guard_enter(); SIGHAND */
	struct waitq exec_wq;	       /* those who wait for it */
	_Atomic int32_t oom_adj_min;   /* lowest oom_score_adj without rights */
	_Atomic uint32_t dump_filter;  /* /proc/PID/coredump_filter */
	struct cgroup *_Atomic cgroup; /* +1; LOCK_TASKLIST to change */
	/* Controlling terminal, a reference, or NULL; all LOCK_TASKLIST. */
	struct tty_ctl *tty;
	struct list tty_node;		    /* tty_ctl.holders */
	struct process_group *tty_old_pgrp; /* +1: to be told at our end */
	IMMUTABLE uint32_t exec_id; /* kernel_spawn(); 0: another process */
};

/* --- process groups, sessions, ids (pid.c, pgrp.c) ------------------------ */

struct session {
	uint32_t nr_pgrps; /* LOCK_TASKLIST: freed with the last group */
	uint32_t sid;
};

struct process_group {
	uint32_t ref; /* LOCK_TASKLIST: members, and terminals' foreground */
	uint32_t pgid;
	struct session *session;
	struct list members; /* thread_group.pgrp_node */
};

/* LOCK_TASKLIST: families, process groups, sessions and the pid table. */
extern struct mutex g_tasklist_mu;
void tasklist_lock(void) ACQUIRES(&g_tasklist_mu);
void tasklist_unlock(void) RELEASES(&g_tasklist_mu);
void tasklist_assert_held(void);

/* All below: caller holds the tasklist lock. */

/*
 * A free id in @ns and all above it, as Linux goes round, or as @set_tid says
 * (@nr_set numbers, innermost first).  It stays free until bound.
 * Returns the initial namespace's number and *out, for pid_publish_locked();
 * -EAGAIN, -EEXIST, -EINVAL, -ENOMEM (@ns is ending).
 */
struct pid_nrs;
MUST_CHECK int pid_alloc_in_locked(struct pid_ns *ns, const uint32_t *set_tid,
				   unsigned int nr_set, struct pid_nrs **out);
void pid_nrs_free(struct pid_nrs *nrs); /* it is not wanted */
/* The id was bound: its numbers are taken over. */
void pid_publish_locked(struct pid_nrs *nrs);
/* The same in the initial namespace, without anything to publish. */
MUST_CHECK int pid_alloc_locked(void);
/* Is @pid in use as a task, group or session?  Also for ids out of range. */
bool pid_in_use_locked(uint32_t pid);
/* All ids that a task has or had are below; for loops over all. */
uint32_t pid_end_locked(void);
void pid_bind_task_locked(uint32_t pid, struct task *t); /* NULL unbinds */
void pid_bind_pgrp_locked(uint32_t pid, struct process_group *pg);
void pid_bind_session_locked(uint32_t pid, struct session *s);
struct task *pid_peek_task_locked(uint32_t pid);
struct process_group *pid_peek_pgrp_locked(uint32_t pid);
struct session *pid_peek_session_locked(uint32_t pid);
/* The thread group @tgid leads, or NULL. */
struct thread_group *pid_peek_group_locked(uint32_t tgid);

/* A process group without members in @s (NULL: and a session of its own). */
MUST_CHECK int pgrp_new_locked(uint32_t pgid, struct session *s,
			       struct process_group **out);
void pgrp_get_locked(struct process_group *pg);
void pgrp_put_locked(struct process_group *pg);
/* Moves @tg into @pg (its old group may vanish). */
void pgrp_join_locked(struct thread_group *tg, struct process_group *pg);
void pgrp_leave_locked(struct thread_group *tg);
bool pgrp_is_orphaned_locked(const struct process_group *pg,
			     const struct thread_group *ignored);
bool pgrp_has_stopped_locked(const struct process_group *pg);
/* If the end of @tg (child of @parent; NULL: of its own) orphans a group with
 * stopped members, SIGHUP and SIGCONT for it. */
void pgrp_check_orphan_locked(struct thread_group *tg,
			      struct thread_group *parent);
int signal_send_pgrp_locked(struct process_group *pg,
			    const struct linux_siginfo *si);
/* If @tg leads a session: it ends or gives up its terminal. */
void tty_ctl_disassociate_locked(struct thread_group *tg, bool exiting);
/* A new process has its parent's; a new session's leader has none. */
void tty_ctl_inherit_locked(struct thread_group *child,
			    struct thread_group *parent);
void tty_ctl_clear_locked(struct thread_group *tg);
uint32_t tty_ctl_pgrp_locked(const struct tty_ctl *c);
/* To the foreground group, if there is one. */
void tty_ctl_signal_locked(struct tty_ctl *c, const struct linux_siginfo *si);
uint64_t tty_ctl_dev(const struct tty_ctl *c);
/* The calls: 0 or a positive id, -errno. */
int task_setpgid(struct task *t, int pid, int pgid);
int task_setsid(struct task *t);
int task_get_job(struct task *t, int pid, bool want_session);
/* Boot: @c becomes the controlling terminal of @tg's session. */
void tty_ctl_boot_locked(struct tty_ctl *c, struct thread_group *tg);

/* --- life (task.c, clone.c, exit.c, exec.c) ------------------------------- */

/*
 * A thread group with empty lists; @from gives limits, NULL for the first.
 * Not visible yet.  -ENOMEM.
 */
MUST_CHECK int thread_group_new(struct thread_group *from,
				struct thread_group **out);
/* A task of @tg (reference taken) with a mask and nothing else.  -ENOMEM. */
MUST_CHECK int task_new(struct thread_group *tg, struct task **out);
void task_set_current(struct task *t);
/* Drops mm, files, fs, namespaces: those that are there. */
void task_drop_resources(struct task *t);
/* Has its user more processes than its RLIMIT_NPROC? */
bool task_over_nproc(struct task *t);
/* Thread body of a new task: binds, runs, ends. */
void task_thread(void *arg);
/* The CPU time of the calling thread is @t's from now on. */
void task_clock_start(struct task *t);
/*
 * Adds @t, whose vtid is set, to its group, the PID table and the counts, with
 * id @tid.  Tasklist held.
 * -ERESTARTNOINTR if @creator (NULL: nobody) has signals to look at first.
 */
MUST_CHECK int task_link_locked(struct task *t, uint32_t tid,
				struct task *creator);
/* Takes it out again and drops the tree's reference.  Tasklist held. */
void task_unlink_locked(struct task *t);
/* Ends the current task with wait status @code; the thread returns after. */
void task_exit(struct task *t, int code);
/* The group ends with @code: marks it, SIGKILLs the other threads. */
void signal_group_exit(struct task *t, int code);
/* SIGKILL to the threads but @t.  SIGHAND held.  Returns how many. */
unsigned int signal_zap_others_locked(struct task *t);
void vfork_wait_put(struct vfork_wait *v);
/* The task has left the memory it borrowed: exit and execve. */
void task_vfork_done(struct task *t);
/* Store 0 and wake at clear_child_tid, walk robust futexes. */
void task_release_mm_user(struct task *t);
/* Sleeps as a stopped task until woken or killed; wait.c. */
void task_sleep_stopped(struct task *t);
/* Sleeps as a tracee until woken, by whatever. */
void task_sleep_traced(struct task *t);
/*
 * One execve or ptrace attach of @tg at a time: who sees the identity of the
 * old program does not get hold of the new one.  0, -ERESTARTNOINTR.
 */
MUST_CHECK int exec_guard_enter(struct thread_group *tg);
void exec_guard_leave(struct thread_group *tg);
/* Tasklist held: only the leader is left, and has ended. */
bool thread_group_is_over_locked(struct thread_group *tg);
/* Tasklist held: the thread @t, not the leader, is of no use any more. */
void thread_gone_locked(struct task *t);
/* Tasklist held: @t has ended and @tracer has let go of it. */
void exit_untraced_locked(struct task *t, struct thread_group *tracer);
/* All processes were killed: nobody may be waited for. */
bool kernel_is_ending(void);
/* The CPUs that @t may run on become @mask, and it goes to one of them. */
void task_set_affinity(struct task *t, const uint64_t mask[16]);
/* The number of the CPU that it runs on or ran on last. */
uint32_t task_which_cpu(struct task *t);
/* Buffer for the FPU state or NULL. */
void *task_fpu_buf(struct task *t);
/* The registers of a thread at the start of a program. */
void task_start_regs(struct guest_regs *r, uint64_t entry, uint64_t sp);
/* The FPU of the current task becomes that of a new program. */
MUST_CHECK int task_reset_fpu(struct task *t);

/* --- signals (signal_*.c) ------------------------------------------------- */

/* An empty queue. */
void sigpending_init(struct sigpending *p);
/* Throws away what is pending of @mask.  SIGHAND held. */
void sigpending_flush(struct sigpending *p, uint64_t mask);
/* Takes the next of @mask: synchronous first, then the lowest number. */
bool sigpending_take(struct sigpending *p, uint64_t mask,
		     struct linux_siginfo *out);
/* Takes the oldest with a kernel's si_code of SIGMASK_SYNC. */
bool sigpending_take_sync(struct sigpending *p, uint64_t blocked,
			  struct linux_siginfo *out);
/* Adds @si, charged to @user up to @limit entries (@override: beyond).
 * -EAGAIN: not added for want of room, and the sender must be told. */
MUST_CHECK int sigpending_add(struct sigpending *p,
			      const struct linux_siginfo *si,
			      struct user_acct *user, uint64_t limit,
			      bool override);

/* All default, or as @from (@clear: caught ones default); one reference. */
MUST_CHECK int sig_actions_new(struct sig_actions **out);
MUST_CHECK int sig_actions_copy(struct sig_actions *from, bool clear,
				struct sig_actions **out);
/* Threads and CLONE_SIGHAND share them; the last put frees. */
void sig_actions_get(struct sig_actions *a);
void sig_actions_put(struct sig_actions *a);
/* execve: caught signals back to the default. */
void sig_actions_reset(struct sig_actions *a);
void sig_action_read(struct signal_state *s, int signo,
		     struct linux_sigaction *out);
bool sig_default_ignores(int signo);
bool sig_default_cores(int signo);
bool sig_default_stops(int signo);

/* SIGHAND held.  Sets WORK_SIGNAL (and KILL), gets @t to the border. */
void signal_wake_locked(struct task *t, bool kill);
/* SIGHAND held, by the task: WORK_SIGNAL as the queues say. */
void signal_recalc_locked(struct task *t);
/* SIGHAND held, by the task: a new mask; what it blocks now and others do not
 * is handed to them. */
void signal_set_blocked_locked(struct task *t, uint64_t mask);
void signal_set_blocked(struct task *t, uint64_t mask);
/* SIGHAND held: others get to see shared signals of @mask. */
void signal_retarget_locked(struct task *t, uint64_t mask);
/* SIGHAND held. @shared: for the whole group, @t being a hint. */
int signal_send_locked(struct task *t, const struct linux_siginfo *si,
		       bool shared);
/* -EPERM if the current task may not send @signo to @tg. */
MUST_CHECK int signal_may_send(struct thread_group *tg, int signo);
/*
 * rt_sigaction: *out_old and in the same moment, unless it is NULL, @act, with
 * the removal of what is ignored now.  -EINVAL if a forced signal has made the
 * action final.
 */
MUST_CHECK int signal_set_action(struct task *t, int signo,
				 const struct linux_sigaction *act,
				 struct linux_sigaction *out_old);

/* SIGHAND held: the exiting @t leaves a pending group stop; true if that
 * completed it (then call signal_notify_stop). */
bool signal_leave_stop_locked(struct task *t);
void signal_notify_stop(struct thread_group *tg, int why);
/* --- of notify.c --- */
/* The same with the tasklist lock held. */
void signal_notify_stop_locked(struct thread_group *tg, int why);
/* The same for SIGCONT, which a tracer of the leader is told of, too. */
void signal_notify_continued(struct thread_group *tg, int why);
/* Tasklist held: the same for the tracer of @t, if there is one. */
void signal_notify_tracer_locked(struct task *t, int why);
/* Tasklist held: tells the tracer that the thread @t ended. */
void signal_notify_tracer_exit_locked(struct task *t);
/* SIGCHLD is ignored, or SA_NOCLDWAIT: no zombies. */
bool signal_ignores_children(struct thread_group *parent);
/* As wait4 reports it, for any thread. */
int task_exit_code(struct task *t);
/* Tasklist held: tells the parent that @tg ended; true: reap it now. */
bool signal_notify_exit_locked(struct thread_group *tg);
/* As wait4 reports it.  The leader is still linked. */
int thread_group_exit_code(struct thread_group *tg);

/* The frame of a handler; -EFAULT if the stack cannot take it. */
MUST_CHECK int signal_frame_setup(struct task *t,
				  const struct linux_siginfo *si,
				  const struct linux_sigaction *act,
				  uint64_t saved_mask);
/* sigreturn; -EFAULT: the frame is bad. */
MUST_CHECK int signal_frame_restore(struct task *t);
/* Is @sp on the alternate stack?  SS_* flags as sigaltstack reports them. */
uint32_t signal_altstack_flags(const struct linux_stack *ss, uint64_t sp);
int signal_set_altstack(struct task *t, const struct linux_stack *ss,
			uint64_t sp);

/* --- accounting (rusage.c) ------------------------------------------------ */

/* Time of one thread in user and in system mode, ns. */
uint64_t task_utime(struct task *t);
uint64_t task_stime(struct task *t);
/* The current task ends: its figures go to the group. SIGHAND not held. */
void task_account_exit(struct task *t);
void rusage_add(struct rusage_sum *to, const struct rusage_sum *from);
/* All threads so far.  Tasklist held. */
void thread_group_usage_locked(struct thread_group *tg, struct rusage_sum *out);
void task_usage(struct task *t, struct rusage_sum *out);
/* Bytes; walks the whole address space, so task_usage() leaves it out. */
uint64_t task_maxrss(struct task *t);
struct linux_rusage;
void rusage_to_abi(const struct rusage_sum *u, struct linux_rusage *out);

#endif
