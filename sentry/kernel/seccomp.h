/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: what system calls a task may make, seccomp(2).
 *
 * A task has a chain of filters, newest first; forks share it, and a filter is
 * never changed.  Tasks without any pay one load per system call.
 */
#ifndef SENTRY_KERNEL_SECCOMP_H
#define SENTRY_KERNEL_SECCOMP_H

#include "abi/seccomp.h"
#include "abi/types.h"
#include "sentry/lib/compiler.h"

struct guest_regs;
struct seccomp_filter;
struct seq_buf;
struct task;

/* A mode beyond the ABI's: the task was killed, no call is let through. */
#define SECCOMP_MODE_DEAD 3

/*
 * Of a task.  Changed under its group's sighand lock, by the task or by
 * another thread with TSYNC; read without: a filter that was replaced lives on
 * as an ancestor of the new one.
 */
struct task_seccomp {
	_Atomic int mode;
	_Atomic uint32_t nr_filters;
	struct seccomp_filter *_Atomic filter; /* +1, one user */
};

/*
 * @t is about to make the system call that @r holds; called if mode is not 0.
 * Returns: 1 go on (number and arguments may have been changed by a tracer);
 * 0 skip it, @r->rax is the result; -ERESTARTSYS skip it, to be restarted.
 */
MUST_CHECK int seccomp_enter(struct task *t, struct guest_regs *r);

/* @child begins with what @parent has.  Sighand of @parent's group held. */
void seccomp_fork_locked(struct task *parent, struct task *child);
/* @t makes no more system calls.  Takes sighand. */
void task_seccomp_release(struct task *t);

/* SECCOMP_SET_MODE_STRICT: 0, -EINVAL. */
MUST_CHECK int seccomp_set_strict(struct task *t);
/*
 * SECCOMP_SET_MODE_FILTER with the guest's struct sock_fprog.
 * Returns: 0; a listener's fd; with TSYNC the id of a thread that cannot
 * follow; errors as the man page.
 */
MUST_CHECK long seccomp_set_filter(struct task *t, uint32_t flags,
				   uaddr_t fprog);
/*
 * For a tracer: the instructions of filter @n of @p (0: the oldest) to @to,
 * unless that is null, and how many; or what else is known of the filter that
 * the guest's struct at @to names, and its size.
 * Returns: -EACCES, -EINVAL (no filters), -ENOENT, -EFAULT.
 */
MUST_CHECK long seccomp_get_filter(struct task *p, uint64_t n, uaddr_t to);
MUST_CHECK long seccomp_get_metadata(struct task *p, uint64_t size, uaddr_t to);
/* A program that a new process starts with (not the guest's): 0, -EINVAL,
 * -ENOMEM. */
MUST_CHECK int seccomp_set_program(struct task *t,
				   const struct linux_sock_filter *prog,
				   uint32_t nr, bool log);
/* Is @action one of ours? */
bool seccomp_action_known(uint32_t action);
/* Names of all actions, and of those that are logged (/proc/sys). */
void seccomp_show_actions(bool logged, struct seq_buf *out);
/* Sets which are logged from a list of names: 0, -EINVAL. */
MUST_CHECK int seccomp_set_logged(char *names);

/* --- between seccomp.c and seccomp_notify.c --- */

/* The listener of a filter. */
struct seccomp_notify;
MUST_CHECK int seccomp_notify_new(struct seccomp_notify **out);
void seccomp_notify_put(struct seccomp_notify *n);
/* A file that listens; it holds a reference of its own. */
struct file;
MUST_CHECK int seccomp_notify_file(struct seccomp_notify *n, struct file **out);
/* Has the listener's file been closed for good? */
bool seccomp_notify_closed(struct seccomp_notify *n);
/* No task can come any more (POLLHUP). */
void seccomp_notify_no_users(struct seccomp_notify *n);
/*
 * Asks the listener about @data and waits.  @killable: from its answer to
 * RECV on, only a fatal signal interrupts.
 * Returns as seccomp_enter(); *out_result is the result of a skipped call.
 */
MUST_CHECK int seccomp_notify_ask(struct seccomp_notify *n, struct task *t,
				  const struct linux_seccomp_data *data,
				  bool killable, int64_t *out_result);

#endif
