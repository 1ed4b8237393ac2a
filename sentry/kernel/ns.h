/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns: what namespaces of all kinds have in common, namespaces(7); and which
 * ones a task uses.
 *
 * A namespace begins with its struct ns_common and is reached through it.  A
 * task's array of them is replaced by the task itself only, under t->mu.
 */
#ifndef SENTRY_KERNEL_NS_H
#define SENTRY_KERNEL_NS_H

#include "sentry/lib/alloc.h"
#include "sentry/lib/list.h"
#include "sentry/lib/lock.h"
#include "sentry/lib/refcount.h"

struct cred;
struct file;
struct mount_ns;
struct pid_ns;
struct task;
struct user_ns;

/* In the order of /proc/PID/ns. */
enum ns_kind {
	NS_CGROUP,
	NS_IPC,
	NS_MNT,
	NS_NET,
	NS_PID,
	NS_TIME,
	NS_USER,
	NS_UTS,
	NS_KINDS
};

struct ns_common {
	struct refcount ref;
	IMMUTABLE enum ns_kind kind;
	IMMUTABLE uint32_t inum;	 /* of its nsfs file */
	IMMUTABLE uint32_t charged_uid;	 /* kernel id; ns_charge() */
	IMMUTABLE struct user_ns *owner; /* +1; of a user ns: the parent */
	IMMUTABLE void (*free)(struct ns_common *ns);
};

/* The namespaces a task uses: kinds, and two that its children will use. */
enum task_ns {
	TASK_NS_CGROUP,
	TASK_NS_IPC,
	TASK_NS_MNT,
	TASK_NS_NET,
	TASK_NS_PID_CHILDREN,
	TASK_NS_TIME,
	TASK_NS_TIME_CHILDREN,
	TASK_NS_UTS,
	TASK_NS_NR
};

struct ns_type {
	const char *name; /* "mnt" */
	uint64_t clone_flag;
	uint32_t first_inum; /* of the initial one (linux/nsfs.h) */
};
extern const struct ns_type ns_types[NS_KINDS];

/*
 * Starts @ns with one reference, charged to @creator's user in each user
 * namespace above (-ENOSPC at a max_*_namespaces; undone by ns_fini()).
 * @owner gets a reference.  @creator NULL: an initial one.  @free ends it.
 */
MUST_CHECK int ns_common_init(struct ns_common *ns, enum ns_kind kind,
			      struct user_ns *owner, const struct cred *creator,
			      void (*free)(struct ns_common *ns));
/* Gives back the charge and the owner; called by @free. */
void ns_common_fini(struct ns_common *ns);
/* NULL is harmless.  The last put frees. */
static inline void ns_get(struct ns_common *ns)
{
	if (ns)
		ref_get(&ns->ref);
}
static inline void ns_put(struct ns_common *ns)
{
	if (ns && ref_put(&ns->ref))
		ns->free(ns);
}

/* Namespaces without content of their own (cgroup, net). */
MUST_CHECK int ns_plain_new(enum ns_kind kind, struct user_ns *owner,
			    const struct cred *creator, struct ns_common **out);

/*
 * time_namespaces(7): what is added to the monotonic and boottime clocks.
 * Offsets may change until the first task enters.
 */
struct time_ns {
	struct ns_common ns;
	struct mutex mu; /* LOCK_TASK */
	bool frozen GUARDED_BY(mu);
	/* ns; constant once frozen, so that tasks read them without. */
	int64_t mono, boot;
};
MUST_CHECK int time_ns_new(const struct time_ns *from, struct user_ns *owner,
			   const struct cred *creator, struct time_ns **out);
/* The first task enters: offsets stay as they are. */
void time_ns_freeze(struct time_ns *ns);

/* --- nsfs (nsfs.c) -------------------------------------------------------- */

struct path;
/* A path to @ns as /proc/PID/ns links have it (+1). */
MUST_CHECK int nsfs_path(struct ns_common *ns, struct path *out);
/* The namespace that @f is open on, borrowed; NULL: it is no nsfs file. */
struct ns_common *nsfs_of_file(const struct file *f);

#endif
