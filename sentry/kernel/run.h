/* SPDX-License-Identifier: Apache-2.0 */
/* run: between the run loop and the delivery of signals. */
#ifndef SENTRY_KERNEL_RUN_H
#define SENTRY_KERNEL_RUN_H

struct task;

enum deliver_result { DELIVER_NONE, DELIVER_HANDLER, DELIVER_EXIT };

/*
 * At the border: handles signals, stops and kills until there are none, a
 * handler's frame is set up, or the task must exit (priv->exit_code is set).
 */
enum deliver_result signal_deliver(struct task *t);
/* The interrupted system call starts again, no handler having run. */
void signal_restart_plain(struct task *t);

#endif
