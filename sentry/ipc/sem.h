/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sem: sets of System V semaphores; private to this folder.
 *
 * Who sleeps in semop(2) is in the set's list with what it wants; whoever
 * changes values carries out the operations that have become possible, in
 * order of arrival, and wakes their tasks.
 */
#ifndef SENTRY_IPC_SEM_H
#define SENTRY_IPC_SEM_H

#include "sentry/ipc/ipc.h"

struct sem {
	int32_t val;
	uint32_t pid; /* who changed it last: a kernel number */
};

/* All under the lock of the table. */
struct sem_set {
	struct ipc_obj o;
	IMMUTABLE struct ipc_ns *ns;
	IMMUTABLE uint32_t nr;
	int64_t otime, ctime;
	struct list waits; /* sem_wait.node, the oldest first */
	struct list undos; /* sem_undo.set_node */
	struct sem sems[];
};

/* What a process has to undo at its end, in one set. */
struct sem_undo {
	struct list set_node, list_node;
	struct sem_set *set; /* it unlinks us when it goes */
	int16_t adj[];
};

/* Shared by tasks that have CLONE_SYSVSEM; all of one namespace. */
struct sem_undo_list {
	struct refcount ref; /* tasks */
	struct ipc_ns *ns;   /* +1 */
	struct list undos;   /* sem_undo.list_node, lock of the table */
};

/* A call of semop(2); lives on its task's stack. */
struct sem_wait {
	struct list node; /* in set->waits while status is SEM_WAITING */
	struct task *task;
	const struct linux_sembuf *ops;
	uint32_t nr, pid;
	bool alters;
	struct sem_undo *undo;
	const struct linux_sembuf *blocking; /* the first that cannot be */
	int status;			     /* 0, -errno, SEM_WAITING */
};
#define SEM_WAITING 1

static inline struct sem_set *sem_set_of(struct ipc_obj *o)
{
	return container_of(o, struct sem_set, o);
}

/* Lock held: the task's set of @id, borrowed.  -EINVAL. */
MUST_CHECK int sem_find(int32_t id, struct sem_set **out);
/* Lock held: carries out what has become possible. */
void sem_settle(struct sem_set *s);
/* Lock held: nothing is to be undone for semaphore @num (-1: for all). */
void sem_forget_undo(struct sem_set *s, int num);
/* Lock held: the set goes. */
void sem_drop_undos(struct sem_set *s);
/* Lock held: the current task's for @s, NULL: none yet. */
struct sem_undo *sem_peek_undo(struct sem_set *s);
/* No lock: makes one, of @nr semaphores, and the task's list.  -ENOMEM. */
MUST_CHECK int sem_new_undo(uint32_t nr, struct sem_undo **out);
/* Lock held: @u is the current task's for @s from now on. */
void sem_add_undo(struct sem_set *s, struct sem_undo *u);

#endif
