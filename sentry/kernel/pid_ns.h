/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pid_ns: PID namespaces, pid_namespaces(7): the numbers that processes have
 * in each namespace.
 *
 * Everything in the sentry names processes, groups and sessions by their
 * number in the initial namespace (task.tid, thread_group.tgid); guests see
 * and give numbers of their own namespace, translated where they meet us.
 * task.vtid and thread_group.vtgid are the numbers in the own namespace.
 */
#ifndef SENTRY_KERNEL_PID_NS_H
#define SENTRY_KERNEL_PID_NS_H

#include "sentry/kernel/ns.h"
#include "sentry/kernel/task.h"

#define PID_NS_MAX_LEVEL 32

struct pid_ns {
	struct ns_common ns;
	IMMUTABLE struct pid_ns *parent; /* +1; NULL for the first */
	IMMUTABLE unsigned int level;
	/* All under LOCK_TASKLIST: */
	struct thread_group *init; /* process 1; borrowed; NULL: none (left) */
	bool had_init, dying;	   /* dying: no new processes */
	uint32_t last;		   /* the last number given */
	uint16_t *global;	   /* by number; NULL at level 0 */
	_Atomic uint32_t gone;	   /* counts ends while dying: a futex */
};

extern struct pid_ns g_init_pid_ns;

/* The numbers of one id, from the initial namespace down. */
struct pid_nrs {
	struct pid_ns *ns; /* +1: the innermost */
	uint32_t nr[PID_NS_MAX_LEVEL + 1];
};

/* A child of @parent in @owner.  -ENOSPC, -ENOMEM. */
MUST_CHECK int pid_ns_new(struct pid_ns *parent, struct user_ns *owner,
			  const struct cred *creator, struct pid_ns **out);
bool pid_ns_is_below(const struct pid_ns *ns, const struct pid_ns *ancestor);
static inline struct pid_ns *task_pid_ns(const struct task *t)
{
	return t->group->pid_ns;
}

/*
 * All below: the tasklist lock is held.  @pid: a number of the initial
 * namespace, that names a task, group or session.
 */
/* What @ns calls @pid; 0: it does not see it. */
uint32_t pid_nr_in_locked(uint32_t pid, const struct pid_ns *ns);
/* Whom @ns calls @nr, in the initial namespace; 0: nobody. */
uint32_t pid_of_nr_locked(const struct pid_ns *ns, uint32_t nr);
/* The numbers of @pid from @from inwards; how many.  @out has room for all. */
unsigned int pid_numbers_locked(uint32_t pid, const struct pid_ns *from,
				uint32_t *out);
/* The same for the current task's namespace. */
uint32_t pid_to_guest_locked(uint32_t pid);
uint32_t pid_from_guest_locked(uint32_t nr);
/* These take the lock. */
/* The next process with a number > @after in @ns; +1 or NULL. */
struct thread_group *pid_ns_next_group(const struct pid_ns *ns, uint32_t after,
				       uint32_t *out_nr);
uint32_t pid_to_guest(uint32_t pid);
uint32_t pid_from_guest(uint32_t nr);
uint32_t pid_nr_in(uint32_t pid, const struct pid_ns *ns);

/* The process that leads @ns ends: nobody else of it may live on.  Waits until
 * all have gone.  Called by its last thread, without locks. */
void pid_ns_end(struct task *t);
#endif
