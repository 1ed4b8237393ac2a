/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tty_ctl: what a terminal knows of sessions: whose controlling terminal it is
 * and which process group is in the foreground, tty_ioctl(4), credentials(7).
 *
 * Each process has its own idea of it (tg->priv->tty): a leader takes it for
 * itself, children inherit it, a process may give it up alone.
 *
 * Invariant: of a terminal with a session the session's leader is a holder;
 *            one without has neither holders nor a foreground group.
 * Locks:     the tasklist lock covers all fields; the tty layer may hold its
 *            LOCK_TTY around calls.
 * Tests:     tests/conformance/ctty.c, jobs.c
 */
#include "sentry/kernel/pid_ns.h"
#include <errno.h>

#include "sentry/kernel/task_private.h"

struct tty_ctl {
	struct refcount ref; /* each holder has one */
	IMMUTABLE uint64_t dev;
	struct session *session;    /* weak; LOCK_TASKLIST */
	struct process_group *pgrp; /* foreground, a reference; the same */
	struct list holders;	    /* tg_private.tty_node; the same */
};

int tty_ctl_new(uint64_t dev, struct tty_ctl **out)
{
	struct tty_ctl *c = kzalloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	ref_init(&c->ref);
	c->dev = dev;
	list_init(&c->holders);
	*out = c;
	return 0;
}

/* A terminal with a session is referred to by its leader. */
void tty_ctl_put(struct tty_ctl *c)
{
	if (!ref_put(&c->ref))
		return;
	assert(!c->session && !c->pgrp);
	free(c);
}

uint64_t tty_ctl_dev(const struct tty_ctl *c)
{
	return c->dev;
}

static void set_pgrp_locked(struct process_group **at, struct process_group *pg)
{
	struct process_group *old = *at;

	if (pg)
		pgrp_get_locked(pg);
	*at = pg;
	if (old)
		pgrp_put_locked(old);
}

static bool leads_session(const struct thread_group *tg)
{
	return tg->pgrp && tg->pgrp->session->sid == tg->tgid;
}

/* --- holders -------------------------------------------------------------- */

static void give_locked(struct tty_ctl *c, struct thread_group *tg)
{
	ref_get(&c->ref);
	tg->priv->tty = c;
	list_append(&c->holders, &tg->priv->tty_node);
}

void tty_ctl_inherit_locked(struct thread_group *child,
			    struct thread_group *parent)
{
	if (parent->priv->tty)
		give_locked(parent->priv->tty, child);
}

void tty_ctl_clear_locked(struct thread_group *tg)
{
	struct tty_ctl *c = tg->priv->tty;

	set_pgrp_locked(&tg->priv->tty_old_pgrp, NULL);
	if (!c)
		return;
	list_del(&tg->priv->tty_node);
	tg->priv->tty = NULL;
	tty_ctl_put(c);
}

/* @c is nobody's any more; the caller has a reference. */
static void unbind_locked(struct tty_ctl *c)
{
	struct tg_private *p;

	while (!list_empty(&c->holders)) {
		p = container_of(c->holders.next, struct tg_private, tty_node);
		list_del(&p->tty_node);
		p->tty = NULL;
		tty_ctl_put(c);
	}
	c->session = NULL;
	set_pgrp_locked(&c->pgrp, NULL);
}

static void bind_locked(struct tty_ctl *c, struct thread_group *leader)
{
	tty_ctl_clear_locked(leader);
	give_locked(c, leader);
	c->session = leader->pgrp->session;
	set_pgrp_locked(&c->pgrp, leader->pgrp);
}

void tty_ctl_boot_locked(struct tty_ctl *c, struct thread_group *tg)
{
	bind_locked(c, tg);
}

int tty_ctl_set_controlling(struct tty_ctl *c, bool steal)
{
	struct thread_group *tg = current_task()->group;
	int ret = 0;

	tasklist_lock();
	if (leads_session(tg) && c->session == tg->pgrp->session)
		goto out;
	ret = -EPERM;
	if (!leads_session(tg) || tg->priv->tty)
		goto out;
	if (c->session && (!steal || !capable(CAP_NR_SYS_ADMIN)))
		goto out;
	if (c->session)
		unbind_locked(c);
	bind_locked(c, tg);
	ret = 0;
out:
	tasklist_unlock();
	return ret;
}

/* --- hang-ups ------------------------------------------------------------- */

static void tell_pgrp_locked(struct process_group *pg, int signo)
{
	struct linux_siginfo si;

	siginfo_kernel(&si, signo);
	if (pg)
		(void)signal_send_pgrp_locked(pg, &si);
}

static void tell_group_locked(struct thread_group *tg, int signo)
{
	struct linux_siginfo si;

	siginfo_kernel(&si, signo);
	(void)signal_send_group(tg, &si);
}

void tty_ctl_hang_up(struct tty_ctl *c)
{
	struct thread_group *leader = NULL;

	tasklist_lock();
	if (c->session)
		leader = pid_peek_group_locked(c->session->sid);
	if (leader) {
		tell_group_locked(leader, LINUX_SIGHUP);
		tell_group_locked(leader, LINUX_SIGCONT);
		/* Those hear of it when the leader ends. */
		set_pgrp_locked(&leader->priv->tty_old_pgrp, c->pgrp);
	}
	unbind_locked(c);
	tasklist_unlock();
}

void tty_ctl_disassociate_locked(struct thread_group *tg, bool exiting)
{
	struct tty_ctl *c = tg->priv->tty;

	if (!leads_session(tg))
		return;
	if (c) {
		tell_pgrp_locked(c->pgrp, LINUX_SIGHUP);
		if (!exiting)
			tell_pgrp_locked(c->pgrp, LINUX_SIGCONT);
		ref_get(&c->ref);
		unbind_locked(c);
		tty_ctl_put(c);
	} else if (exiting && tg->priv->tty_old_pgrp) {
		tell_pgrp_locked(tg->priv->tty_old_pgrp, LINUX_SIGHUP);
		tell_pgrp_locked(tg->priv->tty_old_pgrp, LINUX_SIGCONT);
	}
	set_pgrp_locked(&tg->priv->tty_old_pgrp, NULL);
}

int tty_ctl_detach(struct tty_ctl *c)
{
	struct thread_group *tg = current_task()->group;
	int ret = -ENOTTY;

	tasklist_lock();
	if (tg->priv->tty == c) {
		ret = 0;
		tty_ctl_disassociate_locked(tg, false);
		tty_ctl_clear_locked(tg);
	}
	tasklist_unlock();
	return ret;
}

/* --- the foreground ------------------------------------------------------- */

int tty_ctl_get_pgrp(struct tty_ctl *c, bool any)
{
	struct thread_group *tg = current_task()->group;
	int ret = -ENOTTY;

	tasklist_lock();
	if (any || tg->priv->tty == c)
		ret = (int)pid_to_guest_locked(tty_ctl_pgrp_locked(c));
	tasklist_unlock();
	return ret;
}

/* The group @pgid; a process without one gets it as a group without members,
 * as its id will do on Linux. */
static int find_pgrp_locked(struct session *s, uint32_t pgid,
			    struct process_group **out)
{
	struct process_group *pg = pid_peek_pgrp_locked(pgid);
	struct task *t = pid_peek_task_locked(pgid);

	if (!pg && !t)
		return pid_peek_session_locked(pgid) ? -EPERM : -ESRCH;
	if (!pg) {
		if (!t->group->pgrp || t->group->pgrp->session != s)
			return -EPERM;
		return pgrp_new_locked(pgid, s, out);
	}
	if (pg->session != s)
		return -EPERM;
	pgrp_get_locked(pg);
	*out = pg;
	return 0;
}

int tty_ctl_set_pgrp(struct tty_ctl *c, int pgid)
{
	struct thread_group *tg = current_task()->group;
	struct process_group *pg = NULL;
	int ret;

	tasklist_lock();
	if (tg->priv->tty != c || tg->pgrp->session != c->session)
		ret = -ENOTTY;
	else if (pgid < 0)
		ret = -EINVAL;
	else
		ret = find_pgrp_locked(
			c->session, pid_from_guest_locked((uint32_t)pgid), &pg);
	if (ret == 0) {
		set_pgrp_locked(&c->pgrp, pg);
		pgrp_put_locked(pg);
	}
	tasklist_unlock();
	return ret;
}

int tty_ctl_get_sid(struct tty_ctl *c, bool any)
{
	struct thread_group *tg = current_task()->group;
	int ret = -ENOTTY;

	tasklist_lock();
	if (c->session && (any || tg->priv->tty == c))
		ret = (int)pid_to_guest_locked(c->session->sid);
	tasklist_unlock();
	return ret;
}

void tty_ctl_signal_locked(struct tty_ctl *c, const struct linux_siginfo *si)
{
	if (c->pgrp)
		(void)signal_send_pgrp_locked(c->pgrp, si);
}

void tty_ctl_signal(struct tty_ctl *c, int signo)
{
	struct linux_siginfo si;

	siginfo_kernel(&si, signo);
	tasklist_lock();
	tty_ctl_signal_locked(c, &si);
	tasklist_unlock();
}

static bool ignores(struct task *t, int signo)
{
	struct linux_sigaction act;

	sig_action_read(t->group->signals, signo, &act);
	return act.handler == LINUX_SIG_IGN ||
	       (t->signals->blocked & LINUX_SIGMASK(signo));
}

static int check_locked(struct tty_ctl *c, struct task *t, int signo)
{
	struct process_group *pg = t->group->pgrp;
	bool ignored = ignores(t, signo);
	struct linux_siginfo si;

	if (t->group->priv->tty != c || !c->pgrp || c->pgrp == pg)
		return 0;
	if (ignored)
		return signo == LINUX_SIGTTIN ? -EIO : 0;
	if (pgrp_is_orphaned_locked(pg, NULL))
		return -EIO;
	siginfo_kernel(&si, signo);
	signal_send_pgrp_locked(pg, &si);
	return -ERESTARTSYS;
}

int tty_ctl_refuse(struct tty_ctl *c, int signo)
{
	struct task *t = current_task();
	struct linux_siginfo si;
	int ret = 0;

	siginfo_kernel(&si, signo);
	tasklist_lock();
	if (t->group->priv->tty == c) {
		if (!ignores(t, signo)) {
			signal_send_pgrp_locked(t->group->pgrp, &si);
			ret = -ERESTARTSYS;
		} else if (signo == LINUX_SIGTTIN) {
			ret = -EIO;
		}
	}
	tasklist_unlock();
	return ret;
}

int tty_ctl_check(struct tty_ctl *c, int signo)
{
	int ret;

	tasklist_lock();
	ret = check_locked(c, current_task(), signo);
	tasklist_unlock();
	return ret;
}

uint64_t task_tty_dev(struct task *t)
{
	uint64_t dev = 0;

	tasklist_lock();
	if (t->group->priv->tty)
		dev = t->group->priv->tty->dev;
	tasklist_unlock();
	return dev;
}

uint32_t tty_ctl_pgrp_locked(const struct tty_ctl *c)
{
	return c->pgrp ? c->pgrp->pgid : 0;
}
