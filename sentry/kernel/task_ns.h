/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_ns: the namespaces of tasks change: clone(2), unshare(2), setns(2).
 */
#ifndef SENTRY_KERNEL_TASK_NS_H
#define SENTRY_KERNEL_TASK_NS_H

#include "sentry/kernel/task.h"

/*
 * The namespaces of a new task, or of @t itself after unshare(2): those of
 * @flags (LINUX_CLONE_NEW*) are fresh, owned by @cred's user namespace.
 * @fs: the cwd and root that move to a new mount namespace's copies.
 * Returns 0 and *out (+1 each); -EPERM, -EINVAL, -ENOSPC, -ENOMEM.
 */
MUST_CHECK int task_ns_make(struct task *t, uint64_t flags,
			    const struct cred *cred, struct fs_ctx *fs,
			    struct ns_common *out[TASK_NS_NR]);
void task_ns_drop(struct ns_common *ns[TASK_NS_NR]);
/* A fork without CLONE_VM, and execve: the children's time namespace is the
 * own from here on.  @ns: of a task that nobody else looks at. */
void task_ns_enter_time(struct ns_common *ns[TASK_NS_NR]);
/* The task puts @ns in the place of its own (references taken over). */
void task_ns_install(struct task *t, struct ns_common *ns[TASK_NS_NR]);
/* execve(2): time_for_children takes effect. */
void task_ns_exec(struct task *t);
/* What clone(2) refuses on account of the caller's namespaces. */
MUST_CHECK int task_ns_check_clone(struct task *t, uint64_t flags);

/* pivot_root(2): who has @old as root or cwd has @fresh from here on. */
struct path;
void task_replace_roots(const struct path *old, const struct path *fresh);
/* unshare(2), with known flags only. */
int task_unshare(struct task *t, uint64_t flags);
/* setns(2): into @kind of what @f is: an nsfs file, or a pidfd. */
int task_setns(struct task *t, int fd, uint64_t flags);

static inline struct time_ns *task_time_ns(const struct task *t)
{
	return (struct time_ns *)(void *)t->ns[TASK_NS_TIME];
}

static inline bool task_has_time_offsets(const struct task *t)
{
	const struct time_ns *ns = task_time_ns(t);

	return ns && (ns->mono || ns->boot);
}
/* The same after an execve(2). */
static inline bool task_exec_has_offsets(const struct task *t)
{
	const struct time_ns *ns =
		(struct time_ns *)(void *)t->ns[TASK_NS_TIME_CHILDREN];

	return ns && (ns->mono || ns->boot);
}
/* What the guest's clocks are ahead of ours, ns. */
static inline int64_t task_mono_offset(const struct task *t)
{
	const struct time_ns *ns = task_time_ns(t);

	return ns ? ns->mono : 0;
}
static inline int64_t task_boot_offset(const struct task *t)
{
	const struct time_ns *ns = task_time_ns(t);

	return ns ? ns->boot : 0;
}
/* A time of such a clock as one of ours; what was before our start is 0. */
static inline uint64_t time_less_offset(uint64_t ns, int64_t offset)
{
	if (offset >= 0)
		return ns > (uint64_t)offset ? ns - (uint64_t)offset : 0;
	return ns > UINT64_MAX - 1 - (uint64_t)-offset ? UINT64_MAX - 1
						       : ns + (uint64_t)-offset;
}

#endif
