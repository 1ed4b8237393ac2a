/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sem: semget(2) and semop(2).
 *
 * Invariant: while the lock is free no waiting operation could be carried out.
 * Locks:     ids->mu; a sleeper learns its result under it, so that its struct
 *            sem_wait outlives the waker's look at it.
 * Linux:     ipc/sem.c of 6.18: the same order of service (waits for zero
 *            first, then by age).
 * Tests:     tests/conformance/sysv_sem.c
 */
#include "sentry/ipc/sem.h"

#include <assert.h>
#include <errno.h>

#include "sentry/kernel/user_ns.h"

static struct ipc_ids *own_ids(void)
{
	return ipc_ids_of(task_ipc(current_task()), IPC_SEM);
}

int sem_find(int32_t id, struct sem_set **out)
{
	struct ipc_obj *o;
	int ret = ipc_find(own_ids(), id, &o);

	if (ret < 0)
		return ret;
	*out = sem_set_of(o);
	return 0;
}

/* --- life ----------------------------------------------------------------- */

static size_t set_size(uint32_t nr)
{
	return sizeof(struct sem_set) + nr * sizeof(struct sem);
}

static void free_set(struct ipc_obj *o)
{
	struct sem_set *s = sem_set_of(o);

	ipc_uncharge(set_size(s->nr));
	free(s);
}

static int make_set(const struct ipc_get *g, struct sem_set **out)
{
	uint32_t nr = (uint32_t)g->size;
	struct sem_set *s = NULL;
	int ret;

	if (nr == 0)
		return -EINVAL;
	ret = ipc_charge(set_size(nr));
	if (ret < 0)
		return ret;
	s = kzalloc(set_size(nr));
	if (!s) {
		ipc_uncharge(set_size(nr));
		return -ENOMEM;
	}
	ref_init(&s->o.ref);
	s->o.free = free_set;
	s->ns = g->ns;
	s->nr = nr;
	s->ctime = ipc_now();
	list_init(&s->waits);
	list_init(&s->undos);
	*out = s;
	return 0;
}

static int charge(const struct ipc_get *g)
{
	uint32_t nr = (uint32_t)g->size, used = g->ns->sems;

	if (nr > g->ns->lim.semmns || used > g->ns->lim.semmns - nr)
		return -ENOSPC;
	g->ns->sems = used + nr;
	return 0;
}

static void uncharge(const struct ipc_get *g)
{
	g->ns->sems -= (uint32_t)g->size;
}

static int big_enough(const struct ipc_obj *o, const struct ipc_get *g)
{
	return container_of(o, const struct sem_set, o)->nr < g->size ? -EINVAL
								      : 0;
}

int sem_get(int32_t key, int32_t nsems, uint32_t flags)
{
	struct ipc_ns *ns = task_ipc(current_task());
	struct sem_set *s = NULL;
	struct ipc_get g = { .ns = ns,
			     .kind = IPC_SEM,
			     .key = key,
			     .flags = flags,
			     .size = (uint32_t)nsems,
			     .max_objs = ns->lim.semmni,
			     .check = big_enough,
			     .charge = charge,
			     .uncharge = uncharge };
	int ret;

	if (nsems < 0 || (uint32_t)nsems > ns->lim.semmsl)
		return -EINVAL;
	if (key == LINUX_IPC_PRIVATE || (flags & LINUX_IPC_CREAT))
		g.fresh_error = make_set(&g, &s);
	g.fresh = s ? &s->o : NULL;
	ret = ipc_get(&g);
	if (g.fresh)
		ipc_obj_put(g.fresh);
	return ret;
}

/* Lock held; the table's reference is the caller's to drop. */
static void remove_locked(struct sem_set *s)
{
	struct sem_wait *w, *tmp;

	sem_drop_undos(s);
	list_for_each_entry_safe (w, tmp, &s->waits, node) {
		list_del(&w->node);
		w->status = -EIDRM;
		task_wake(w->task);
	}
	s->ns->sems -= s->nr;
	ipc_remove(ipc_ids_of(s->ns, IPC_SEM), &s->o);
}

int sem_rmid(int32_t id)
{
	struct ipc_ids *ids = own_ids();
	struct sem_set *s = NULL;
	int ret;

	mutex_lock(&ids->mu);
	ret = sem_find(id, &s);
	if (ret == 0)
		ret = ipc_may_control(s->ns, &s->o);
	if (ret == 0)
		remove_locked(s);
	mutex_unlock(&ids->mu);
	if (ret == 0)
		ipc_obj_put(&s->o);
	return ret;
}

void sem_end(struct ipc_ns *ns)
{
	struct ipc_ids *ids = ipc_ids_of(ns, IPC_SEM);

	for (uint32_t i = 0; i < ids->nr_slots; i++) {
		struct ipc_obj *o = ids->obj[i];

		if (!o)
			continue;
		remove_locked(sem_set_of(o));
		ipc_obj_put(o);
	}
}

/* --- operations ----------------------------------------------------------- */

static void undo_ops(struct sem_set *s, struct sem_wait *w,
		     const struct linux_sembuf *end)
{
	const struct linux_sembuf *op;

	for (op = w->ops; op < end; op++) {
		s->sems[op->sem_num].val -= op->sem_op;
		if (op->sem_flg & LINUX_SEM_UNDO)
			w->undo->adj[op->sem_num] += op->sem_op;
	}
}

/* One operation.  0, SEM_WAITING, -ERANGE. */
static int do_op(struct sem_set *s, struct sem_wait *w,
		 const struct linux_sembuf *op)
{
	struct sem *sem = &s->sems[op->sem_num];
	int32_t val = sem->val + op->sem_op, adj;

	if ((op->sem_op == 0 && sem->val) || val < 0)
		return SEM_WAITING;
	if (val > LINUX_SEMVMX)
		return -ERANGE;
	if (op->sem_flg & LINUX_SEM_UNDO) {
		assert(w->undo); /* get_undo() */
		adj = w->undo->adj[op->sem_num] - op->sem_op;
		if (adj < -LINUX_SEMAEM - 1 || adj > LINUX_SEMAEM)
			return -ERANGE;
		w->undo->adj[op->sem_num] = (int16_t)adj;
	}
	sem->val = val;
	return 0;
}

/* All or nothing.  0, SEM_WAITING, -EAGAIN (IPC_NOWAIT), -ERANGE. */
static int try_ops(struct sem_set *s, struct sem_wait *w)
{
	const struct linux_sembuf *op;
	int ret = 0;

	for (op = w->ops; op < w->ops + w->nr; op++) {
		ret = do_op(s, w, op);
		if (ret)
			break;
	}
	if (ret == 0) {
		for (op = w->ops; op < w->ops + w->nr; op++)
			s->sems[op->sem_num].pid = w->pid;
		return 0;
	}
	undo_ops(s, w, op);
	w->blocking = op;
	if (ret == SEM_WAITING && (op->sem_flg & (int)LINUX_IPC_NOWAIT))
		return -EAGAIN;
	return ret;
}

/* Tells waiters of one sort what became of them; true: a value changed. */
static bool settle_some(struct sem_set *s, bool altering)
{
	struct sem_wait *w, *tmp;

	list_for_each_entry_safe (w, tmp, &s->waits, node) {
		int ret;

		if (w->alters != altering)
			continue;
		ret = try_ops(s, w);
		if (ret == SEM_WAITING)
			continue;
		list_del(&w->node);
		w->status = ret;
		if (ret == 0)
			s->otime = ipc_now();
		task_wake(w->task);
		if (altering && ret == 0)
			return true;
	}
	return false;
}

void sem_settle(struct sem_set *s)
{
	do {
		if (list_empty(&s->waits))
			return;
		settle_some(s, false);
	} while (settle_some(s, true));
}

/* --- semop(2) ------------------------------------------------------------- */

static bool wants_undo(const struct sem_wait *w)
{
	for (uint32_t i = 0; i < w->nr; i++)
		if (w->ops[i].sem_flg & LINUX_SEM_UNDO)
			return true;
	return false;
}

/* Lock held.  As Linux orders the errors. */
static int check(struct sem_wait *w, struct sem_set *s)
{
	w->alters = false;
	for (uint32_t i = 0; i < w->nr; i++) {
		if (w->ops[i].sem_num >= s->nr)
			return -EFBIG;
		if (w->ops[i].sem_op)
			w->alters = true;
	}
	return ipc_permission(s->ns, &s->o, w->alters ? 0222 : 0444);
}

/*
 * Lock held.  The adjustments of the task for this set; *fresh is used if it
 * has none yet.  -EAGAIN: *nr says how big a fresh one has to be.
 */
static int get_undo(struct sem_wait *w, struct sem_set *s,
		    struct sem_undo **fresh, uint32_t *nr)
{
	if (!wants_undo(w))
		return 0;
	w->undo = sem_peek_undo(s);
	if (w->undo)
		return 0;
	if (!*fresh || *nr != s->nr) {
		*nr = s->nr;
		return -EAGAIN;
	}
	w->undo = take(*fresh);
	sem_add_undo(s, w->undo);
	return 0;
}

/* Lock held.  SEM_WAITING: queued; *out with a reference. */
static int begin_locked(int32_t id, struct sem_wait *w, struct sem_undo **fresh,
			uint32_t *nr, struct sem_set **out)
{
	struct sem_set *s = NULL;
	int ret = sem_find(id, &s);

	if (ret == 0)
		ret = check(w, s);
	if (ret < 0)
		return ret;
	ret = get_undo(w, s, fresh, nr);
	if (ret < 0)
		return ret;
	ret = try_ops(s, w);
	if (ret == 0) {
		s->otime = ipc_now();
		if (w->alters)
			sem_settle(s);
	} else if (ret == SEM_WAITING) {
		w->status = SEM_WAITING;
		list_append(&s->waits, &w->node);
		ref_get(&s->o.ref);
		*out = s;
	}
	return ret;
}

/* Sleeps until @w has a result. */
static int wait_done(struct ipc_ids *ids, struct sem_wait *w, uint64_t deadline)
{
	struct task_waiter tw;
	int ret, status;

	task_waiter_init(&tw, w->task);
	for (;;) {
		ret = task_sleep(&tw, deadline);
		mutex_lock(&ids->mu);
		status = w->status;
		if (status == SEM_WAITING && ret < 0) {
			list_del(&w->node);
			status = ret == -ETIMEDOUT ? -EAGAIN : -EINTR;
		}
		mutex_unlock(&ids->mu);
		if (status != SEM_WAITING)
			return status;
	}
}

int sem_op(int32_t id, const struct linux_sembuf *ops, uint32_t nr,
	   uint64_t deadline)
{
	struct ipc_ids *ids = own_ids();
	struct sem_wait w = {
		.task = current_task(), .ops = ops, .nr = nr, .pid = ipc_pid()
	};
	AUTO_FREE struct sem_undo *fresh = NULL;
	struct sem_set *s = NULL;
	uint32_t undo_nr = 0;
	int ret;

	list_init(&w.node);
	for (;;) {
		bool tell = false;

		mutex_lock(&ids->mu);
		ret = begin_locked(id, &w, &fresh, &undo_nr, &s);
		tell = ret == -EAGAIN && wants_undo(&w) && !w.undo;
		mutex_unlock(&ids->mu);
		if (!tell)
			break;
		free(take(fresh));
		ret = sem_new_undo(undo_nr, &fresh);
		if (ret < 0)
			return ret;
	}
	if (ret != SEM_WAITING)
		return ret;
	ret = wait_done(ids, &w, deadline);
	ipc_obj_put(&s->o);
	return ret;
}
