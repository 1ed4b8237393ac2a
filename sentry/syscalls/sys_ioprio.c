/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_ioprio: ioprio_set(2), ioprio_get(2), and the walk over tasks that they
 * share with setpriority(2).
 *
 * Priorities of I/O are checked, kept, inherited and told; the host schedules
 * its disks as it likes.
 * Linux: block/ioprio.c of 6.18.
 * Tests: tests/conformance/ioprio.c, sched.c
 */
#include <errno.h>

#include "abi/sched.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/sched_walk.h"
#include "syscalls.h"

enum { CLASS_NONE, CLASS_RT, CLASS_BE, CLASS_IDLE };
#define CLASS_SHIFT 13
#define LEVEL_MASK  7

/* --- whom it is about ----------------------------------------------------- */

bool sched_same_owner(struct task *p)
{
	AUTO_PUT(cred) struct cred *it = task_get_cred(p);
	const struct cred *me = current_task()->cred;

	return me->euid == it->euid || me->euid == it->uid;
}

struct walk {
	void (*visit)(struct task *p, void *arg);
	void *arg;
};

static void walk_pgrp_locked(const struct walk *w, struct process_group *pg)
{
	struct thread_group *tg;
	struct task *p;

	if (!pg)
		return;
	list_for_each_entry (tg, &pg->members, pgrp_node)
		list_for_each_entry (p, &tg->threads, group_node)
			w->visit(p, w->arg);
}

static void walk_user_locked(const struct walk *w, uint32_t uid)
{
	for (uint32_t i = 1; i < pid_end_locked(); i++) {
		struct task *p = pid_peek_task_locked(i);
		bool match;

		if (!p)
			continue;
		mutex_lock(&p->mu);
		match = p->cred->uid == uid;
		mutex_unlock(&p->mu);
		if (match)
			w->visit(p, w->arg);
	}
}

int sched_walk(struct task *t, int32_t which, int32_t who,
	       void (*visit)(struct task *p, void *arg), void *arg)
{
	const struct walk w = { visit, arg };
	uint32_t id = (uint32_t)who;
	struct task *p;

	if (which < LINUX_PRIO_PROCESS || which > LINUX_PRIO_USER)
		return -EINVAL;
	tasklist_lock();
	if (which == LINUX_PRIO_PROCESS) {
		p = who ? pid_peek_task_locked(pid_from_guest_locked(id)) : t;
		if (p)
			visit(p, arg);
	} else if (which == LINUX_PRIO_PGRP) {
		walk_pgrp_locked(&w, who ? pid_peek_pgrp_locked(
						   pid_from_guest_locked(id))
					 : t->group->pgrp);
	} else {
		walk_user_locked(&w, who ? uid_from_guest(id) : t->cred->uid);
	}
	tasklist_unlock();
	return 0;
}

/* --- priorities of I/O ---------------------------------------------------- */

static int check_prio(int32_t prio)
{
	uint32_t class = (uint32_t)prio >> CLASS_SHIFT & 7;
	uint32_t level = (uint32_t)prio & LEVEL_MASK;

	switch (class) {
	case CLASS_RT:
		if (!capable(CAP_NR_SYS_ADMIN) && !capable(CAP_NR_SYS_NICE))
			return -EPERM;
		return 0;
	case CLASS_BE:
	case CLASS_IDLE:
		return 0;
	case CLASS_NONE:
		return level ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

struct io_walk {
	int32_t prio, result;
	bool effective; /* none set: what the nice value amounts to */
};

static void set_one(struct task *p, void *arg)
{
	struct io_walk *w = arg;

	if (w->result < 0 && w->result != -ESRCH)
		return; /* the first failure ends it */
	if (!sched_same_owner(p) && !capable(CAP_NR_SYS_NICE)) {
		w->result = -EPERM;
		return;
	}
	mutex_lock(&p->mu);
	p->priv->ioprio = w->prio;
	mutex_unlock(&p->mu);
	w->result = 0;
}

long sys_ioprio_set(struct task *t, int32_t which, int32_t who, int32_t prio)
{
	struct io_walk w = { .prio = prio, .result = -ESRCH };
	int ret = check_prio(prio);

	if (ret == 0)
		ret = sched_walk(t, which - 1, who, set_one, &w);
	return ret < 0 ? ret : w.result;
}

/* What a task without a priority of its own has. */
static int32_t from_nice(const struct task_private *p)
{
	int32_t class = CLASS_BE;

	if (p->policy == LINUX_SCHED_IDLE)
		class = CLASS_IDLE;
	else if (p->policy == LINUX_SCHED_FIFO || p->policy == LINUX_SCHED_RR)
		class = CLASS_RT;
	return class << CLASS_SHIFT | (p->nice + 20) / 5;
}

static void get_one(struct task *p, void *arg)
{
	struct io_walk *w = arg;
	int32_t prio;

	mutex_lock(&p->mu);
	prio = p->priv->ioprio;
	if (w->effective && prio >> CLASS_SHIFT == CLASS_NONE)
		prio = from_nice(p->priv);
	mutex_unlock(&p->mu);
	if (w->result < 0 || prio < w->result) /* smaller is better */
		w->result = prio;
}

long sys_ioprio_get(struct task *t, int32_t which, int32_t who)
{
	struct io_walk w = { .result = -ESRCH };
	int ret;

	w.effective = which - 1 != LINUX_PRIO_PROCESS;
	ret = sched_walk(t, which - 1, who, get_one, &w);
	return ret < 0 ? ret : w.result;
}
