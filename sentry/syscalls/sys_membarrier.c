/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_membarrier: membarrier(2).
 *
 * A thread that has left guest mode and entered it again has passed a full
 * barrier: the host switched contexts.  So a thread that is outside needs
 * nothing, and one that is inside is interrupted and seen to leave:
 *
 *	caller				target
 *	stores (guest), traps
 *	reads in_guest: even
 *					in_guest = odd (sequentially consistent)
 *					loads (guest): sees the stores
 *   or
 *	reads in_guest: odd, s
 *	interrupts
 *					leaves: in_guest = even
 *	reads in_guest: not s
 *
 * SYNC_CORE needs an instruction that serialises the target's core: a platform
 * whose way back to the guest has one for sure says so.  Others answer as a
 * kernel that is built without, as all do for RSEQ, which needs rseq(2).
 * Locks: tasklist while the targets are collected.
 * Tests: tests/conformance/membarrier.c
 */
#include <errno.h>

#include "sentry/kernel/task_private.h"
#include "sentry/time/clock.h"
#include "syscalls.h"

enum {
	CMD_QUERY = 0,
	CMD_GLOBAL = 1,
	CMD_GLOBAL_EXPEDITED = 2,
	CMD_REGISTER_GLOBAL_EXPEDITED = 4,
	CMD_PRIVATE_EXPEDITED = 8,
	CMD_REGISTER_PRIVATE_EXPEDITED = 16,
	CMD_PRIVATE_EXPEDITED_SYNC_CORE = 32,
	CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 64,
	CMD_GET_REGISTRATIONS = 512,
	CMD_ALL = 1 | 2 | 4 | 8 | 16 | 512,
	CMD_SYNC_CORE = 32 | 64,
};
#define LOOK_AGAIN_NS 20000

/* Threads that were in guest mode at the first look. */
struct targets {
	struct target {
		struct task *task; /* a reference */
		uint32_t seq;	   /* in_guest then */
	} * at;
	uint32_t nr, room;
};

/* Which threads a command is about. */
struct scope {
	const struct task *me;
	int cmd;
};

/* Tasklist held, so that @p's memory stays. */
static bool in_scope_locked(const struct scope *s, struct task *p)
{
	bool yes = false;

	if (p == s->me)
		return false;
	mutex_lock(&p->mu);
	if (p->mm && s->cmd == CMD_GLOBAL)
		yes = true;
	else if (p->mm && s->cmd == CMD_GLOBAL_EXPEDITED)
		yes = mm_membarrier(p->mm, 0) & CMD_REGISTER_GLOBAL_EXPEDITED;
	else
		yes = p->mm && p->mm == s->me->mm;
	mutex_unlock(&p->mu);
	return yes;
}

static int add_target(struct targets *t, struct task *p)
{
	uint32_t seq = atomic_load(&p->priv->in_guest);
	struct target *grown;

	if (!(seq & 1))
		return 0;
	if (t->nr == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		grown = realloc(t->at, t->room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		t->at = grown;
	}
	task_get(p);
	t->at[t->nr++] = (struct target){ p, seq };
	return 0;
}

static int collect(const struct scope *s, struct targets *out)
{
	struct thread_group *only =
		(s->cmd == CMD_PRIVATE_EXPEDITED ||
		 s->cmd == CMD_PRIVATE_EXPEDITED_SYNC_CORE) &&
				!s->me->group->priv->mm_shared
			? s->me->group
			: NULL;
	struct task *p;
	int ret = 0;

	tasklist_lock();
	if (only) {
		list_for_each_entry (p, &only->threads, group_node)
			if (ret == 0 && in_scope_locked(s, p))
				ret = add_target(out, p);
	} else {
		for (uint32_t i = 1; ret == 0 && i < pid_end_locked(); i++) {
			p = pid_peek_task_locked(i);
			if (p && in_scope_locked(s, p))
				ret = add_target(out, p);
		}
	}
	tasklist_unlock();
	return ret;
}

static bool has_left(const struct target *x)
{
	return atomic_load(&x->task->priv->in_guest) != x->seq;
}

/* Waits until @x has left guest mode; -EINTR: the caller is killed. */
static int wait_for(struct task *t, const struct target *x)
{
	struct task_waiter w;

	task_waiter_init(&w, t);
	while (!has_left(x)) {
		uint64_t next = clock_monotonic() + LOOK_AGAIN_NS;

		if (task_sleep_killable(&w, next) == -ERESTARTSYS)
			return -EINTR;
	}
	return 0;
}

static int barrier(struct task *t, int cmd)
{
	const struct scope s = { t, cmd };
	struct targets all = { NULL, 0, 0 };
	int ret = collect(&s, &all);

	for (uint32_t i = 0; ret == 0 && i < all.nr; i++)
		task_kick(all.at[i].task, 0);
	for (uint32_t i = 0; i < all.nr; i++) {
		if (ret == 0)
			ret = wait_for(t, &all.at[i]);
		task_put(all.at[i].task);
	}
	free(all.at);
	return ret;
}

long sys_membarrier(struct task *t, int32_t cmd, uint32_t flags, int32_t cpu)
{
	bool sync_core = platform_limits()->entry_serialises;
	uint32_t mine;

	(void)cpu; /* for RSEQ only */
	if (flags || ((cmd & CMD_SYNC_CORE) && !sync_core))
		return -EINVAL;
	switch (cmd) {
	case CMD_QUERY:
		return CMD_ALL | (sync_core ? CMD_SYNC_CORE : 0);
	case CMD_GET_REGISTRATIONS:
		mine = mm_membarrier(t->mm, 0);
		/* Shown, but not enough for the plain command. */
		if (mine & CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)
			mine |= CMD_REGISTER_PRIVATE_EXPEDITED;
		return (long)mine;
	case CMD_REGISTER_GLOBAL_EXPEDITED:
	case CMD_REGISTER_PRIVATE_EXPEDITED:
	case CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
		mm_membarrier(t->mm, (uint32_t)cmd);
		return 0;
	case CMD_PRIVATE_EXPEDITED:
		if (!(mm_membarrier(t->mm, 0) & CMD_REGISTER_PRIVATE_EXPEDITED))
			return -EPERM;
		return barrier(t, cmd);
	case CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		if (!(mm_membarrier(t->mm, 0) &
		      CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE))
			return -EPERM;
		return barrier(t, cmd);
	case CMD_GLOBAL:
	case CMD_GLOBAL_EXPEDITED:
		return barrier(t, cmd);
	default:
		return -EINVAL;
	}
}
