/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal: sending and consuming signals, signal(7).
 */
#ifndef SENTRY_KERNEL_SIGNAL_H
#define SENTRY_KERNEL_SIGNAL_H

#include "abi/signal.h"
#include "sentry/kernel/task.h"

/* A kernel-made or user-made siginfo's common forms. */
void siginfo_kernel(struct linux_siginfo *si, int signo); /* SI_KERNEL */
void siginfo_user(struct linux_siginfo *si, int signo,
		  int code); /* from current task */

/*
 * Queue @si for a whole process, one thread, a process group, a session's
 * foreground.  Never blocks.  The permission check is the caller's (kill).
 * Returns: 0; -EAGAIN for a real-time signal beyond RLIMIT_SIGPENDING; -ESRCH.
 */
int signal_send_group(struct thread_group *tg, const struct linux_siginfo *si);
int signal_send_task(struct task *t, const struct linux_siginfo *si);
int signal_send_pgrp(struct process_group *pg, const struct linux_siginfo *si);
/* Synchronous fault: unblocks and resets the handler if needed (force_sig). */
void signal_force(struct task *t, const struct linux_siginfo *si);
/* The same, but the default action, which ends the process; _exit: nobody can
 * put a handler in its place meanwhile, and a tracer is not asked. */
void signal_force_default(struct task *t, const struct linux_siginfo *si);
void signal_force_exit(struct task *t, const struct linux_siginfo *si);
/* To the owner of a file: @type LINUX_F_OWNER_*, @id of that kind. */
int signal_send_owner(int type, uint32_t id, const struct linux_siginfo *si);
/* SIGKILL to all threads. */
void signal_kill_group(struct thread_group *tg);

/* For signalfd and rt_sigtimedwait: takes one signal in @mask from the current
 * task's queues.  1 with *out, or 0. */
int signal_dequeue(struct task *t, uint64_t mask, struct linux_siginfo *out);
/* Any signal of @mask pending for @t (also blocked ones)? */
bool signal_pending_in(struct task *t, uint64_t mask);
/* Woken (POLLIN) when a signal arrives for the group: signalfd polls it. */
struct waitq *signal_waitq(struct task *t);

/* Temporary mask of ppoll, pselect, epoll_pwait, sigsuspend; restored when the
 * call returns or its handler runs. */
void signal_set_temp_mask(struct task *t, uint64_t mask);
void signal_restore_mask(struct task *t); /* no signal was delivered */

/* The most a handler's frame takes: AT_MINSIGSTKSZ. */
uint64_t signal_frame_size(void);

/* --- terminals and job control (tty layer calls these) --- */
struct tty_ctl; /* one controlling terminal: session, foreground group */
MUST_CHECK int tty_ctl_new(uint64_t dev, struct tty_ctl **out);
void tty_ctl_put(struct tty_ctl *c);
/* TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID as tty_ioctl(4).
 * @any: also of a terminal that is not the caller's. */
int tty_ctl_set_controlling(struct tty_ctl *c, bool steal);
int tty_ctl_detach(struct tty_ctl *c);
int tty_ctl_get_pgrp(struct tty_ctl *c, bool any); /* pgid, 0, -ENOTTY */
int tty_ctl_set_pgrp(struct tty_ctl *c, int pgid);
int tty_ctl_get_sid(struct tty_ctl *c, bool any);
/* The terminal is gone: its session's leader is told, nobody has it. */
void tty_ctl_hang_up(struct tty_ctl *c);
/* To the foreground group (SIGINT, SIGWINCH, SIGTSTP...). */
void tty_ctl_signal(struct tty_ctl *c, int signo);
/*
 * May the current task read (SIGTTIN) or change (SIGTTOU) the terminal?
 * 0, -ERESTARTSYS after the signal was sent, -EIO for an orphaned group.
 */
MUST_CHECK int tty_ctl_check(struct tty_ctl *c, int signo);
/* The same for a terminal that the caller's shell has given to another job:
 * the sandbox as a whole is in the background. */
MUST_CHECK int tty_ctl_refuse(struct tty_ctl *c, int signo);
/* The current task's controlling terminal's device number (0: none). */
uint64_t task_tty_dev(struct task *t);

#endif
