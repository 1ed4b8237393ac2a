/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgrp: process groups and sessions, setpgid(2), setsid(2), credentials(7).
 *
 * Invariant: a group's id stays bound while it has members or a terminal names
 *            it as its foreground; a session lives as long as its groups.
 * Locks:     the tasklist lock covers all.
 * Linux:     as 6.18.  Process 1's group counts as not orphaned: the shell
 *            that started the sandbox stands for its parent, so that Ctrl-Z
 *            at the launcher stops what it natively would.
 * Tests:     tests/conformance/jobs.c
 */
#include "sentry/kernel/pid_ns.h"
#include <assert.h>
#include <errno.h>

#include "sentry/kernel/task_private.h"

int pgrp_new_locked(uint32_t pgid, struct session *s,
		    struct process_group **out)
{
	AUTO_FREE struct process_group *pg = kzalloc(sizeof(*pg));

	tasklist_assert_held();
	if (!pg)
		return -ENOMEM;
	if (!s) {
		s = kzalloc(sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->sid = pgid;
		pid_bind_session_locked(pgid, s);
	}
	s->nr_pgrps++;
	pg->session = s;
	pg->pgid = pgid;
	pg->ref = 1;
	list_init(&pg->members);
	pid_bind_pgrp_locked(pgid, pg);
	*out = take(pg);
	return 0;
}

void pgrp_get_locked(struct process_group *pg)
{
	assert(pg->ref > 0);
	pg->ref++;
}

static void session_drop_locked(struct session *s)
{
	if (--s->nr_pgrps > 0)
		return;
	pid_bind_session_locked(s->sid, NULL);
	free(s);
}

void pgrp_put_locked(struct process_group *pg)
{
	if (--pg->ref > 0)
		return;
	assert(list_empty(&pg->members));
	pid_bind_pgrp_locked(pg->pgid, NULL);
	session_drop_locked(pg->session);
	free(pg);
}

void pgrp_leave_locked(struct thread_group *tg)
{
	struct process_group *old = tg->pgrp;

	if (!old)
		return;
	list_del(&tg->pgrp_node);
	tg->pgrp = NULL;
	pgrp_put_locked(old);
}

void pgrp_join_locked(struct thread_group *tg, struct process_group *pg)
{
	pgrp_get_locked(pg);
	pgrp_leave_locked(tg);
	tg->pgrp = pg;
	list_append(&pg->members, &tg->pgrp_node);
}

static bool has_ended_locked(const struct thread_group *tg)
{
	return tg->nr_threads == 0;
}

bool pgrp_is_orphaned_locked(const struct process_group *pg,
			     const struct thread_group *ignored)
{
	struct thread_group *p;

	list_for_each_entry (p, &pg->members, pgrp_node) {
		assert(p);
		if (p == ignored || has_ended_locked(p))
			continue;
		if (p->tgid == 1)
			return false; /* its parent is outside */
		/* As init on Linux; process 1 of ours may be a shell, whose own
		 * children count, and so do those of a subreaper. */
		if (!p->parent || (p->priv->adopted && p->parent->tgid == 1))
			continue;
		if (p->parent->pgrp != pg && p->parent->pgrp &&
		    p->parent->pgrp->session == pg->session)
			return false;
	}
	return true;
}

static bool is_stopped(struct thread_group *tg)
{
	bool stopped;

	mutex_lock(&tg->signals->mu);
	stopped = tg->signals->stopped;
	mutex_unlock(&tg->signals->mu);
	return stopped;
}

bool pgrp_has_stopped_locked(const struct process_group *pg)
{
	struct thread_group *p;

	list_for_each_entry (p, &pg->members, pgrp_node)
		if (is_stopped(p))
			return true;
	return false;
}

void pgrp_check_orphan_locked(struct thread_group *tg,
			      struct thread_group *parent)
{
	struct thread_group *ignored = NULL;
	struct process_group *pg = tg->pgrp;
	struct linux_siginfo si;

	if (!parent) {
		parent = tg->parent;
		ignored = tg;
	}
	if (!pg || !parent || !parent->pgrp || parent->pgrp == pg ||
	    parent->pgrp->session != pg->session)
		return;
	if (!pgrp_is_orphaned_locked(pg, ignored) ||
	    !pgrp_has_stopped_locked(pg))
		return;
	siginfo_kernel(&si, LINUX_SIGHUP);
	signal_send_pgrp_locked(pg, &si);
	siginfo_kernel(&si, LINUX_SIGCONT);
	signal_send_pgrp_locked(pg, &si);
}

int signal_send_pgrp_locked(struct process_group *pg,
			    const struct linux_siginfo *si)
{
	struct thread_group *p;
	int ret = -ESRCH;

	tasklist_assert_held();
	list_for_each_entry (p, &pg->members, pgrp_node) {
		int one = signal_send_group(p, si);

		if (one == 0 || ret == -ESRCH)
			ret = one;
	}
	return ret;
}

int signal_send_pgrp(struct process_group *pg, const struct linux_siginfo *si)
{
	int ret;

	tasklist_lock();
	ret = signal_send_pgrp_locked(pg, si);
	tasklist_unlock();
	return ret;
}

/* setpgid: which process, and may its group be changed? */
static int pick_process_locked(struct thread_group *me, uint32_t pid,
			       struct thread_group **out)
{
	struct thread_group *p = pid_peek_group_locked(pid);

	if (!p) /* a thread's id names no process here, but errs otherwise */
		return pid_peek_task_locked(pid) ? -EINVAL : -ESRCH;
	if (p->parent == me) {
		if (p->pgrp->session != me->pgrp->session)
			return -EPERM;
		if (p->priv->did_exec)
			return -EACCES;
	} else if (p != me) {
		return -ESRCH;
	}
	if (p->pgrp->session->sid == p->tgid)
		return -EPERM; /* a session leader */
	*out = p;
	return 0;
}

static int setpgid_locked(struct thread_group *me, uint32_t pid, uint32_t pgid)
{
	struct process_group *pg;
	struct thread_group *p;
	int ret = pick_process_locked(me, pid, &p);

	if (ret < 0)
		return ret;
	pg = pid_peek_pgrp_locked(pgid);
	/* A terminal or a dying leader may remember a group without members. */
	if (pg && pgid != pid && list_empty(&pg->members))
		return -EPERM;
	if (pgid == pid && !pg) {
		ret = pgrp_new_locked(pgid, p->pgrp->session, &pg);
		if (ret < 0)
			return ret;
		pgrp_join_locked(p, pg);
		pgrp_put_locked(pg);
		return 0;
	}
	if (!pg || pg->session != me->pgrp->session)
		return -EPERM;
	if (pg != p->pgrp)
		pgrp_join_locked(p, pg);
	return 0;
}

int task_setpgid(struct task *t, int pid, int pgid)
{
	uint32_t who, group;
	int ret;

	if (pgid < 0)
		return -EINVAL;
	tasklist_lock();
	who = pid ? pid_from_guest_locked((uint32_t)pid) : t->group->tgid;
	group = pgid ? pid_from_guest_locked((uint32_t)pgid) : who;
	ret = setpgid_locked(t->group, who, group);
	tasklist_unlock();
	return ret;
}

static int setsid_locked(struct thread_group *tg)
{
	struct process_group *pg;
	int ret;

	if (tg->pgrp->session->sid == tg->tgid ||
	    pid_peek_pgrp_locked(tg->tgid))
		return -EPERM;
	ret = pgrp_new_locked(tg->tgid, NULL, &pg);
	if (ret < 0)
		return ret;
	pgrp_join_locked(tg, pg);
	pgrp_put_locked(pg);
	tty_ctl_clear_locked(tg);
	return (int)tg->vtgid;
}

int task_setsid(struct task *t)
{
	int ret;

	tasklist_lock();
	ret = setsid_locked(t->group);
	tasklist_unlock();
	return ret;
}

/* getpgid, getsid: of @pid or (0) of @t. */
int task_get_job(struct task *t, int pid, bool want_session)
{
	struct task *p = t;
	int ret = -ESRCH;

	tasklist_lock();
	if (pid)
		p = pid_peek_task_locked(pid_from_guest_locked((uint32_t)pid));
	if (p && p->group->pgrp)
		ret = (int)pid_to_guest_locked(
			want_session ? p->group->pgrp->session->sid
				     : p->group->pgrp->pgid);
	tasklist_unlock();
	return ret;
}
