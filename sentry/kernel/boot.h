/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot: the first process of the sandbox, and what the launcher's side of the
 * sentry does with processes.
 */
#ifndef SENTRY_KERNEL_BOOT_H
#define SENTRY_KERNEL_BOOT_H

#include "abi/seccomp.h"
#include "sentry/kernel/task.h"
#include "sentry/loader/loader.h"

/* References and memory stay the caller's; the kernel takes its own. */
struct kernel_boot_args {
	struct cred *cred;
	struct fs_ctx *fs;
	struct mount_ns *mount_ns;
	struct fd_table *fds;
	struct uts_ns *uts;
	struct file *program; /* opened, may be executed */
	const char *filename; /* as execve() would be given it */
	struct arg_block *argv, *envp;
	struct rlimit_pair rlimits[RLIM_NR];
	struct tty_ctl *console; /* becomes the controlling terminal; or NULL */
	uint64_t ignored_signals, blocked_signals; /* bit N-1 */
	bool no_new_privs, no_aslr;
	bool shielded; /* process 1 of a PID namespace: pid_namespaces(7) */
	int32_t oom_score_adj;
	/* A seccomp program that the process starts with; nr 0: none. */
	const struct linux_sock_filter *filter;
	uint32_t nr_filter;
	bool log_filter;
	/* kernel_spawn(): whose namespaces; and what its end is told as. */
	struct task *beside;
	uint32_t exec_id;
};

/*
 * Loads the program, makes process 1 and starts its thread.
 * Caller:  sentry_main(), once, with everything else started.
 * Returns: 0; -errno of load_program(), -ENOMEM, -EAGAIN.
 */
MUST_CHECK int kernel_boot(const struct kernel_boot_args *args);

/*
 * A further process, in a session of its own and without a parent, as `exec`
 * makes it: in the namespaces of @args->beside.  When it has ended,
 * sandbox_exec_exited() is called with @args->exec_id (not 0).
 * Caller:  a service thread with a kernel_boot_task(), which is gone then.
 * Returns: 0 and the process (+1); -errno as kernel_boot(); -ESRCH: process 1
 *          has ended.
 */
MUST_CHECK int kernel_spawn(const struct kernel_boot_args *args,
			    struct thread_group **out);
/* The calling thread's boot task goes; for those that end otherwise. */
void kernel_drop_boot_task(void);

/*
 * A task for work before process 1 runs (path look-ups while mounts are set
 * up): current_task() of the calling thread until kernel_boot(), never visible.
 */
MUST_CHECK int kernel_boot_task(struct cred *cred, struct fs_ctx *fs,
				struct mount_ns *ns);

/* Default limits of a sandbox, as a fresh login on Debian has them. */
void kernel_default_rlimits(struct rlimit_pair *out);
/* @nodename, "(none)"; as ns_common_init(). -ENOMEM, -ENOSPC */
MUST_CHECK int uts_ns_new(const char *nodename, struct user_ns *owner,
			  const struct cred *creator, struct uts_ns **out);
MUST_CHECK int uts_ns_copy(struct uts_ns *from, struct user_ns *owner,
			   const struct cred *creator, struct uts_ns **out);
static inline void uts_ns_put(struct uts_ns *u)
{
	ns_put(&u->ns);
}

/*
 * Calls @fn for every task.  For the crash report: takes no lock, so that it
 * works while another thread that holds one is dead; what it sees may be torn.
 */
void kernel_foreach_task(void (*fn)(struct task *t, void *arg), void *arg);
/* Threads that were ever made. */
uint64_t kernel_total_forks(void);
/* Threads that exist. */
uint32_t kernel_nr_tasks(void);

/*
 * A signal from outside (Ctrl-C at the launcher): to the foreground group of
 * the controlling terminal of process 1's session, or else to process 1's
 * group.  Any thread.
 */
void kernel_signal_foreground(int signo);
/* The same for a process of kernel_spawn(): its terminal's foreground, or it
 * alone if it has none. */
void kernel_signal_spawned(struct thread_group *tg, int signo, bool foreground);
/* A signal from outside for process 1 alone. */
void kernel_signal_init(int signo);
/* SIGKILL for every process; --timeout, CONTROL_KILL. */
void kernel_kill_all(void);

#endif
