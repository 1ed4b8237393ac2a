/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_hooks: what other parts keep per process and have to end with it.  Weak,
 * so that the kernel links without them.
 */
#ifndef SENTRY_KERNEL_EXIT_HOOKS_H
#define SENTRY_KERNEL_EXIT_HOOKS_H

struct task;
struct thread_group;

/*
 * Interval and POSIX timers of @tg (tg->itimers): the last thread ends; the
 * program is replaced (interval timers stay, POSIX timers go).  No lock held.
 */
__attribute__((weak)) void itimers_exit(struct thread_group *tg);
__attribute__((weak)) void itimers_exec(struct thread_group *tg);
/* @t, the first thread of a new process, is about to run. */
__attribute__((weak)) void itimers_start(struct task *t);

#endif
