/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mq: the structures of message queues; private to this folder.
 */
#ifndef SENTRY_FS_MQUEUE_MQ_H
#define SENTRY_FS_MQUEUE_MQ_H

#include "sentry/fs/mqueue/mqueue.h"
#include "sentry/kernel/task.h"

struct mq_msg {
	struct list node;
	uint32_t prio;
	uint64_t size;
	char data[];
};

/* A call that sleeps; on its task's stack. */
struct mq_wait {
	struct list node; /* in the queue's list while it waits */
	struct task *task;
	struct mq_msg *msg; /* to send, or received */
	bool done;
};

struct mq {
	struct inode i;	 /* first: the VFS frees it */
	struct mutex mu; /* LOCK_PIPE: all that follows */
	IMMUTABLE uint64_t maxmsg, msgsize;
	IMMUTABLE struct user_acct *user; /* charged for it, +1 */
	IMMUTABLE uint64_t charged;	  /* bytes, to @user */
	struct list messages;		  /* the highest priority first */
	uint64_t nr, bytes;
	struct list receivers, senders; /* mq_wait.node, the oldest first */
	struct waitq wq;		/* poll */
	/* mq_notify(2): who is told, +1, NULL: nobody. */
	struct thread_group *notify;
	struct linux_sigevent event;
};

static inline struct mq *mq_of(struct inode *i)
{
	return container_of(i, struct mq, i);
}

/* One name of the file system. */
struct mq_entry {
	struct list node; /* mqfs.entries, under the root's dir_mu */
	struct mq *mq;	  /* +1 */
	int64_t cookie;
	uint32_t len;
	char name[];
};

struct mqfs {
	struct super sb;
	struct list entries; /* ascending cookies */
	int64_t next_cookie;
	uint32_t nr; /* of entries */
	_Atomic uint64_t next_ino;
};

/* mq_queue.c */
extern const struct file_ops mq_file_ops;
/* A queue of the current task; -EINVAL (@attr), -EMFILE, -ENOMEM. */
MUST_CHECK int mq_new(struct mqfs *fs, uint32_t mode, uint32_t uid,
		      uint32_t gid, const struct linux_mq_attr *attr,
		      struct mq **out);
/* The node goes: its messages too. */
void mq_evict(struct inode *i);
/* Fills a file that opens @i. */
int mq_open_file(struct inode *i, struct file *f);

#endif
