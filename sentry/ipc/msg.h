/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msg: System V message queues; private to this folder.
 *
 * A message for a receiver that sleeps is handed to it by the sender; senders
 * that wait for room are woken and try again.
 */
#ifndef SENTRY_IPC_MSG_H
#define SENTRY_IPC_MSG_H

#include "sentry/ipc/ipc.h"

struct msg {
	struct list node;
	int64_t type;
	uint64_t size;
	char data[];
};

/* All under the lock of the table. */
struct msg_queue {
	struct ipc_obj o;
	IMMUTABLE struct ipc_ns *ns;
	int64_t stime, rtime, ctime;
	uint64_t cbytes, qnum, qbytes;
	uint32_t lspid, lrpid;
	struct list messages;		/* msg.node, the oldest first */
	struct list receivers, senders; /* msg_wait.node, the oldest first */
};

enum msg_mode { MSG_ANY, MSG_EQUAL, MSG_NOT, MSG_UP_TO, MSG_NUMBER };

/* A call that sleeps; on its task's stack. */
struct msg_wait {
	struct list node; /* in a list of the queue while status is 1 */
	struct task *task;
	enum msg_mode mode;
	int64_t type;
	uint64_t size;	 /* room for the message; MSG_NOERROR: any */
	struct msg *msg; /* what it got */
	int status;	 /* MSG_WAITING, 0, -errno; -EAGAIN: look again */
};
#define MSG_WAITING 1

static inline struct msg_queue *msg_queue_of(struct ipc_obj *o)
{
	return container_of(o, struct msg_queue, o);
}

/* Lock held: the task's queue of @id, borrowed.  -EINVAL. */
MUST_CHECK int msg_find(int32_t id, struct msg_queue **out);
/* Lock held: all that wait are given @status. */
void msg_wake_all(struct list *waits, int status);
void msg_free(struct msg *m);

#endif
