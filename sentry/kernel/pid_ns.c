/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pid_ns: making PID namespaces, and their end with their process 1.
 *
 * Locks:     the tasklist lock, as pid.c.
 * Linux:     kernel/pid_namespace.c of 6.18.
 * Tests:     tests/conformance/pidns.c
 */
#include "sentry/kernel/pid_ns.h"

#include <errno.h>

#include "sentry/host/host.h"
#include "sentry/kernel/task_private.h"

static void pid_ns_free(struct ns_common *common)
{
	struct pid_ns *ns = container_of(common, struct pid_ns, ns);

	ns_common_fini(common);
	ns_put(&ns->parent->ns);
	free(ns->global);
	free(ns);
}

int pid_ns_new(struct pid_ns *parent, struct user_ns *owner,
	       const struct cred *creator, struct pid_ns **out)
{
	AUTO_FREE struct pid_ns *ns = NULL;
	int ret;

	if (parent->level >= PID_NS_MAX_LEVEL)
		return -ENOSPC;
	ns = kzalloc(sizeof(*ns));
	if (!ns)
		return -ENOMEM;
	ns->global = kcalloc(PID_MAX, sizeof(*ns->global));
	if (!ns->global)
		return -ENOMEM;
	ret = ns_common_init(&ns->ns, NS_PID, owner, creator, pid_ns_free);
	if (ret < 0) {
		free(ns->global);
		return ret;
	}
	ns_get(&parent->ns);
	ns->parent = parent;
	ns->level = parent->level + 1;
	*out = take(ns);
	return 0;
}

/* --- for the current task ------------------------------------------------- */

uint32_t pid_to_guest_locked(uint32_t pid)
{
	return pid_nr_in_locked(pid, task_pid_ns(current_task()));
}

uint32_t pid_from_guest_locked(uint32_t nr)
{
	return pid_of_nr_locked(task_pid_ns(current_task()), nr);
}

uint32_t pid_nr_in(uint32_t pid, const struct pid_ns *ns)
{
	uint32_t nr;

	if (likely(ns->level == 0))
		return pid;
	tasklist_lock();
	nr = pid_nr_in_locked(pid, ns);
	tasklist_unlock();
	return nr;
}

uint32_t pid_to_guest(uint32_t pid)
{
	return pid_nr_in(pid, task_pid_ns(current_task()));
}

uint32_t pid_from_guest(uint32_t nr)
{
	uint32_t pid;

	if (likely(task_pid_ns(current_task())->level == 0))
		return nr;
	tasklist_lock();
	pid = pid_from_guest_locked(nr);
	tasklist_unlock();
	return pid;
}

struct thread_group *pid_ns_next_group(const struct pid_ns *ns, uint32_t after,
				       uint32_t *out_nr)
{
	struct thread_group *tg = NULL;
	uint32_t nr;

	tasklist_lock();
	for (nr = after + 1; nr < PID_MAX && !tg; nr++)
		tg = pid_peek_group_locked(pid_of_nr_locked(ns, nr));
	if (tg)
		thread_group_get(tg);
	tasklist_unlock();
	*out_nr = nr - 1;
	return tg;
}

/* --- the end -------------------------------------------------------------- */

/* SIGKILL for all but @me; or just: is there any? */
static bool others_locked(struct pid_ns *ns, struct thread_group *me, bool kill)
{
	bool any = false;

	for (uint32_t nr = 1; nr < PID_MAX; nr++) {
		struct task *t = pid_peek_task_locked(ns->global[nr]);

		if (!t || t->group == me)
			continue;
		any = true;
		if (kill && t == t->group->leader)
			signal_kill_group(t->group);
	}
	return any;
}

/* Who ended before process 1 did, and was not waited for. */
static void reap_locked(struct thread_group *tg)
{
	struct thread_group *c, *tmp;

	list_for_each_entry_safe (c, tmp, &tg->children, child_node)
		if (c->nr_threads == 0 && c->leader &&
		    c->threads.next == c->threads.prev &&
		    c->leader->priv->exit_state == 'Z')
			task_unlink_locked(c->leader);
}

void pid_ns_end(struct task *t)
{
	struct pid_ns *ns = task_pid_ns(t);
	bool any;

	tasklist_lock();
	ns->dying = true;
	others_locked(ns, t->group, true);
	tasklist_unlock();
	do {
		uint32_t seen = atomic_load(&ns->gone);

		tasklist_lock();
		reap_locked(t->group);
		any = others_locked(ns, t->group, false);
		tasklist_unlock();
		if (any)
			host_futex_wait(&ns->gone, seen, NO_DEADLINE);
	} while (any);
}
