/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: control groups, cgroups(7) version 2, with the controllers cpu,
 * memory and pids.  A process belongs to one group with all its threads.
 *
 * The root has the limits that the sandbox was started with; they are shown as
 * in a container's cgroup namespace, and nobody inside can change them.
 *
 * Locks: the tasklist covers the tree, membership and all fields that are not
 * atomic or said to be someone else's.
 */
#ifndef SENTRY_KERNEL_CGROUP_H
#define SENTRY_KERNEL_CGROUP_H

#include "sentry/kernel/wait.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/compiler.h"
#include "sentry/lib/list.h"
#include "sentry/lib/refcount.h"
#include "sentry/mm/memfile.h"
#include "sentry/time/clock.h"

struct task;
struct thread_group;

enum {
	CGROUP_CPU = 1,
	CGROUP_MEMORY = 2,
	CGROUP_PIDS = 4,
	CGROUP_CONTROLLERS = 7
};
#define CGROUP_NO_LIMIT UINT64_MAX
#define CGROUP_NR_MAX	65535 /* groups, as Linux's ids */

/* cpu.max and its state; cgroup_cpu.c. */
struct cgroup_cpu {
	uint64_t quota_us, period_us; /* quota CGROUP_NO_LIMIT: none */
	uint32_t weight;
	/* CPU time of threads that ended or moved (moved here: negative). */
	_Atomic int64_t user_ns, system_ns;
	struct timer tick;
	uint64_t seen_usage, seen_at; /* ns, of the last tick */
	int64_t budget;		      /* ns that may still be used */
	_Atomic bool throttled, idle;
	_Atomic uint64_t nr_periods, nr_throttled,
		throttled_ns; /* any reader */
	uint64_t period_start;
};

struct cgroup {
	struct refcount ref;
	IMMUTABLE struct cgroup *parent; /* +1; NULL: the root */
	IMMUTABLE char *name;
	IMMUTABLE uint32_t id, depth;
	struct list children, child_node;
	bool dead;
	uint32_t subtree; /* CGROUP_*: what its children have */
	uint64_t max_depth, max_descendants;
	struct waitq events; /* cgroup.events changed */
	_Atomic uint32_t nr_events;
	/* Of it and all below: threads that exist, and that still run. */
	_Atomic uint32_t nr_tasks, nr_live;
	uint32_t peak_tasks;
	_Atomic uint64_t pids_max, pids_refused;
	struct memfile_acct mem; /* the memory file's */
	_Atomic uint64_t oom, oom_kill;
	_Atomic bool oom_group;
	_Atomic bool freeze; /* was told to */
	struct cgroup_cpu cpu;
};

/* The root; it has all controllers. */
struct cgroup *cgroup_root(void);
/* Limits of the root: tasks, and thousandths of a CPU (0: none).  Start-up. */
void cgroup_start(uint64_t pids, uint64_t milli_cpus);
/* The last put frees. */
void cgroup_get(struct cgroup *cg);
void cgroup_put(struct cgroup *cg);
DEFINE_AUTO_PUT(cgroup)

/* -EEXIST, -EAGAIN (cgroup.max.*), -ENODEV (@parent is gone), -ENOMEM. */
MUST_CHECK int cgroup_mkdir(struct cgroup *parent, const char *name);
/* -ENOENT, -EBUSY (has processes or children). */
MUST_CHECK int cgroup_rmdir(struct cgroup *parent, const char *name);
/* Child @name (+1) or NULL. */
struct cgroup *cgroup_lookup(struct cgroup *parent, const char *name);
/* The first child with id >= @id (+1) or NULL. */
struct cgroup *cgroup_next_child(struct cgroup *parent, uint32_t id);
/* Controllers that @cg has. */
uint32_t cgroup_controllers(const struct cgroup *cg);
/* cgroup.subtree_control: -ENOENT, -EBUSY, -ENODEV. */
MUST_CHECK int cgroup_set_subtree(struct cgroup *cg, uint32_t add,
				  uint32_t remove);
/* Is @cg @top or below it? */
bool cgroup_below(const struct cgroup *cg, const struct cgroup *top);
uint32_t cgroup_nr_descendants(struct cgroup *cg);
/* "/a/b" as seen from @root, "/../c" outside of it; NULL: -ENOMEM. */
char *cgroup_path(const struct cgroup *cg, const struct cgroup *root);

/* --- members -------------------------------------------------------------- */

/* Of @tg, +1; the root for one that is not linked yet. */
struct cgroup *cgroup_of(struct thread_group *tg);
/* The same borrowed, for what is charged; any lock. */
struct cgroup *cgroup_peek(struct thread_group *tg);
/* Moves @tg.  -ENODEV, -EBUSY (has controllers for its children), -ESRCH. */
MUST_CHECK int cgroup_attach(struct cgroup *cg, struct thread_group *tg);
/* May a child of @tg, or a @thread, begin in @cg?  -ENODEV, -EBUSY,
 * -EOPNOTSUPP. */
MUST_CHECK int cgroup_may_enter(struct cgroup *cg, struct thread_group *tg,
				bool thread);
/*
 * Tasklist held: a thread comes into being, one more runs.  A new process
 * without a group goes to @from's; -EAGAIN at pids.max, -ENODEV.
 */
MUST_CHECK int cgroup_fork_locked(struct thread_group *tg,
				  struct thread_group *from);
/* A process that nobody sees yet will begin in @cg. */
void cgroup_preset(struct thread_group *tg, struct cgroup *cg);
/* Tasklist held: a thread stops running; it is reaped. */
void cgroup_exit_locked(struct thread_group *tg);
void cgroup_reap_locked(struct thread_group *tg);
/* The last thread of @tg has been accounted for; no lock. */
void cgroup_account_dead(struct thread_group *tg);
/* Calls @fn with each process in @cg (@below: and beneath), no lock held. */
void cgroup_foreach(struct cgroup *cg, bool below,
		    void (*fn)(struct thread_group *tg, void *arg), void *arg);
/* SIGKILL for all in and below @cg. */
void cgroup_kill(struct cgroup *cg);
/* cgroup.freeze. */
void cgroup_set_freeze(struct cgroup *cg, bool freeze);
bool cgroup_is_frozen(struct cgroup *cg); /* have all stopped? */
/*
 * TASK_WORK_CGROUP at the border: sleeps while its group is frozen or has used
 * up its CPU time; returns early to be killed or for a signal's sake.
 */
void cgroup_border(struct task *t);

/* --- cpu.max (cgroup_cpu.c) ----------------------------------------------- */

/* No limit; and its timer stops for good (the group is dead). */
void cgroup_cpu_init(struct cgroup *cg);
void cgroup_cpu_fini(struct cgroup *cg);
/* cpu.max; CGROUP_NO_LIMIT: none. */
void cgroup_cpu_set(struct cgroup *cg, uint64_t quota_us, uint64_t period_us);
/* CPU time of all that is and was in and below @cg, ns. */
void cgroup_cpu_usage(struct cgroup *cg, uint64_t *user, uint64_t *system);
/* A thread with these times ended in (or left: negative) @cg. */
void cgroup_cpu_add(struct cgroup *cg, int64_t user, int64_t system);
/* Something runs in @cg: its limits and those above are watched. */
void cgroup_cpu_watch(struct cgroup *cg);
/* Has it, or one above, used up its time? */
bool cgroup_cpu_throttled(const struct cgroup *cg);

#endif
