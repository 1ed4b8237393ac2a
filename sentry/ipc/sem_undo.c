/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sem_undo: SEM_UNDO: what semop(2) did is taken back when the process ends.
 *
 * A task has at most one list, of one namespace; tasks that were made with
 * CLONE_SYSVSEM (threads) share it, and the last of them to leave undoes.
 *
 * Locks:     the lists and all in them are under the lock of the table of
 *            sets of list->ns; t->priv->sem_undo is the task's own.
 * Linux:     exit_sem() and copy_semundo() of 6.18.
 * Tests:     tests/conformance/sysv_sem.c
 */
#include <errno.h>

#include "sentry/ipc/sem.h"
#include "sentry/kernel/task_private.h"

static struct ipc_ids *ids_of(struct sem_undo_list *l)
{
	return ipc_ids_of(l->ns, IPC_SEM);
}

static void unlink_undo(struct sem_undo *u)
{
	list_del(&u->set_node);
	list_del(&u->list_node);
}

void sem_forget_undo(struct sem_set *s, int num)
{
	struct sem_undo *u;

	list_for_each_entry (u, &s->undos, set_node)
		for (uint32_t i = 0; i < s->nr; i++)
			if (num < 0 || (uint32_t)num == i)
				u->adj[i] = 0;
}

void sem_drop_undos(struct sem_set *s)
{
	struct sem_undo *u, *tmp;

	list_for_each_entry_safe (u, tmp, &s->undos, set_node) {
		unlink_undo(u);
		free(u);
	}
}

struct sem_undo *sem_peek_undo(struct sem_set *s)
{
	struct sem_undo_list *l = current_task()->priv->sem_undo;
	struct sem_undo *u;

	if (!l)
		return NULL;
	list_for_each_entry (u, &l->undos, list_node)
		if (u->set == s)
			return u;
	return NULL;
}

/* The current task has a list afterwards. */
static int make_list(struct task *t)
{
	struct sem_undo_list *l;

	if (t->priv->sem_undo)
		return 0;
	l = kzalloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	ref_init(&l->ref);
	l->ns = task_ipc(t);
	ns_get(&l->ns->ns);
	list_init(&l->undos);
	t->priv->sem_undo = l;
	return 0;
}

int sem_new_undo(uint32_t nr, struct sem_undo **out)
{
	struct sem_undo *u;
	int ret = make_list(current_task());

	if (ret < 0)
		return ret;
	u = kzalloc(sizeof(*u) + nr * sizeof(u->adj[0]));
	if (!u)
		return -ENOMEM;
	list_init(&u->set_node);
	list_init(&u->list_node);
	*out = u;
	return 0;
}

void sem_add_undo(struct sem_set *s, struct sem_undo *u)
{
	u->set = s;
	list_append(&s->undos, &u->set_node);
	list_push(&current_task()->priv->sem_undo->undos, &u->list_node);
}

int sem_undo_share(struct task *from, struct task *to)
{
	int ret = make_list(from);

	if (ret < 0)
		return ret;
	ref_get(&from->priv->sem_undo->ref);
	to->priv->sem_undo = from->priv->sem_undo;
	return 0;
}

/* Lock held. */
static void apply(struct sem_undo *u)
{
	struct sem_set *s = u->set;
	uint32_t pid = ipc_pid();

	for (uint32_t i = 0; i < s->nr; i++) {
		struct sem *sem = &s->sems[i];

		if (!u->adj[i])
			continue;
		sem->val += u->adj[i];
		sem->val = MAX(sem->val, 0);
		sem->val = MIN(sem->val, LINUX_SEMVMX);
		sem->pid = pid;
	}
	s->otime = ipc_now();
	sem_settle(s);
}

void sem_undo_exit(struct task *t)
{
	struct sem_undo_list *l = atomic_exchange(&t->priv->sem_undo, NULL);
	struct ipc_ids *ids = l ? ids_of(l) : NULL;
	struct sem_undo *u, *tmp;

	if (!l || !ref_put(&l->ref))
		return;
	mutex_lock(&ids->mu);
	list_for_each_entry_safe (u, tmp, &l->undos, list_node) {
		unlink_undo(u);
		apply(u);
		free(u);
	}
	mutex_unlock(&ids->mu);
	ns_put(&l->ns->ns);
	free(l);
}
