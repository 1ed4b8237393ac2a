/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqueue: POSIX message queues, mq_overview(7): one flat file system for each
 * IPC namespace, which holds them by name.
 */
#ifndef SENTRY_FS_MQUEUE_MQUEUE_H
#define SENTRY_FS_MQUEUE_MQUEUE_H

#include "abi/mqueue.h"
#include "abi/time.h"
#include "sentry/vfs/vfs.h"

struct ipc_ns;
struct mq;

/* The file system of @ns (for mount(2) and mq_open(2)), +1.  -ENOMEM. */
MUST_CHECK int mqueuefs_get(struct ipc_ns *ns, struct super **out);
/* @ns ends: its queues lose their names. */
void mqueuefs_end(struct ipc_ns *ns);
/*
 * mq_open(2) for the current task; @name without a slash.  @attr NULL: the
 * namespace's defaults.
 */
MUST_CHECK int mqueue_open(const char *name, uint32_t flags, uint32_t mode,
			   const struct linux_mq_attr *attr, struct file **out);
/* mq_unlink(2) */
int mqueue_unlink(const char *name);

/* The queue that @f is open on, borrowed; NULL: it is none. */
struct mq *mqueue_of_file(const struct file *f);
/* mq_timedsend(2); @deadline: CLOCK_REALTIME ns or NO_DEADLINE. */
int mqueue_send(struct file *f, uaddr_t text, uint64_t size, uint32_t prio,
		uint64_t deadline);
/* mq_timedreceive(2): the size, *prio. */
long mqueue_receive(struct file *f, uaddr_t buf, uint64_t size, uint32_t *prio,
		    uint64_t deadline);
/* mq_notify(2); NULL: no more. */
int mqueue_notify(struct file *f, const struct linux_sigevent *ev);
/* mq_getsetattr(2), the first half; .flags are those of @f. */
void mqueue_attr(struct file *f, struct linux_mq_attr *out);

#endif
