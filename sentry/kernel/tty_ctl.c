/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tty_ctl: what a terminal knows of sessions: whose controlling terminal it is
 * and which process group is in the foreground, tty_ioctl(4), credentials(7).
 *
 * Invariant: c->session->tty == c, or c->session is NULL.
 * Locks:     the tasklist lock covers all fields; the tty layer may hold its
 *            LOCK_TTY around calls.
 * Tests:     tests/conformance/jobs.c
 */
#include <errno.h>

#include "sentry/kernel/task_private.h"

struct tty_ctl {
	struct refcount ref;
	IMMUTABLE uint64_t dev;
	struct session *session;    /* weak; LOCK_TASKLIST */
	struct process_group *pgrp; /* foreground, a reference; the same */
};

int tty_ctl_new(uint64_t dev, struct tty_ctl **out)
{
	struct tty_ctl *c = kzalloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	ref_init(&c->ref);
	c->dev = dev;
	*out = c;
	return 0;
}

void tty_ctl_get(struct tty_ctl *c)
{
	ref_get(&c->ref);
}

/* A terminal with a session is referred to by it: the last put finds none. */
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

static void set_pgrp_locked(struct tty_ctl *c, struct process_group *pg)
{
	struct process_group *old = c->pgrp;

	if (pg)
		pgrp_get_locked(pg);
	c->pgrp = pg;
	if (old)
		pgrp_put_locked(old);
}

/* @c loses its session; the caller drops the reference that it had. */
static void unbind_locked(struct tty_ctl *c)
{
	struct session *s = c->session;

	c->session = NULL;
	s->tty = NULL;
	set_pgrp_locked(c, NULL);
}

static void bind_locked(struct tty_ctl *c, struct thread_group *leader)
{
	struct session *s = leader->pgrp->session;

	tty_ctl_get(c);
	c->session = s;
	s->tty = c;
	set_pgrp_locked(c, leader->pgrp);
}

void tty_ctl_boot_locked(struct tty_ctl *c, struct thread_group *tg)
{
	bind_locked(c, tg);
}

static int set_controlling_locked(struct tty_ctl *c, bool steal, bool *freed)
{
	struct task *t = current_task();
	struct session *s = t->group->pgrp->session;

	if (s->sid == t->group->tgid && c->session == s)
		return 0;
	if (s->sid != t->group->tgid || s->tty)
		return -EPERM;
	if (c->session) {
		if (!steal || !capable(CAP_NR_SYS_ADMIN))
			return -EPERM;
		unbind_locked(c);
		*freed = true;
	}
	bind_locked(c, t->group);
	return 0;
}

int tty_ctl_set_controlling(struct tty_ctl *c, bool steal)
{
	bool freed = false;
	int ret;

	tasklist_lock();
	ret = set_controlling_locked(c, steal, &freed);
	tasklist_unlock();
	if (freed)
		tty_ctl_put(c);
	return ret;
}

/* SIGHUP and SIGCONT to the foreground, as a hang-up does. */
static void hangup_locked(struct tty_ctl *c)
{
	struct linux_siginfo si;

	if (!c->pgrp)
		return;
	siginfo_kernel(&si, LINUX_SIGHUP);
	signal_send_pgrp_locked(c->pgrp, &si);
	siginfo_kernel(&si, LINUX_SIGCONT);
	signal_send_pgrp_locked(c->pgrp, &si);
}

void tty_ctl_disassociate_locked(struct thread_group *tg, bool exiting)
{
	struct session *s = tg->pgrp ? tg->pgrp->session : NULL;
	struct tty_ctl *c = s ? s->tty : NULL;

	(void)exiting;
	if (!c || s->sid != tg->tgid)
		return;
	hangup_locked(c);
	unbind_locked(c);
	tty_ctl_put(c);
}

int tty_ctl_detach(struct tty_ctl *c)
{
	struct thread_group *tg = current_task()->group;
	int ret = -ENOTTY;

	tasklist_lock();
	if (c->session && tg->pgrp->session == c->session) {
		ret = 0;
		/* Linux lets others than the leader drop it for themselves;
		 * here they share the session's, so only the leader's counts */
		tty_ctl_disassociate_locked(tg, false);
	}
	tasklist_unlock();
	return ret;
}

int tty_ctl_get_pgrp(struct tty_ctl *c)
{
	struct thread_group *tg = current_task()->group;
	int ret = -ENOTTY;

	tasklist_lock();
	if (c->session && tg->pgrp->session == c->session)
		ret = c->pgrp ? (int)c->pgrp->pgid : 0;
	tasklist_unlock();
	return ret;
}

int tty_ctl_set_pgrp(struct tty_ctl *c, int pgid)
{
	struct thread_group *tg = current_task()->group;
	struct process_group *pg;
	int ret = 0;

	tasklist_lock();
	pg = pgid > 0 ? pid_peek_pgrp_locked((uint32_t)pgid) : NULL;
	if (!c->session || tg->pgrp->session != c->session)
		ret = -ENOTTY;
	else if (pgid < 0)
		ret = -EINVAL;
	else if (!pg)
		ret = -ESRCH;
	else if (pg->session != c->session)
		ret = -EPERM;
	else
		set_pgrp_locked(c, pg);
	tasklist_unlock();
	return ret;
}

int tty_ctl_get_sid(struct tty_ctl *c)
{
	struct thread_group *tg = current_task()->group;
	int ret = -ENOTTY;

	tasklist_lock();
	if (c->session && tg->pgrp->session == c->session)
		ret = (int)c->session->sid;
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

	if (!c->session || pg->session != c->session || !c->pgrp ||
	    c->pgrp == pg)
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
	if (c->session && t->group->pgrp->session == c->session) {
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
	if (t->group->pgrp && t->group->pgrp->session->tty)
		dev = t->group->pgrp->session->tty->dev;
	tasklist_unlock();
	return dev;
}

uint32_t tty_ctl_pgrp_locked(const struct tty_ctl *c)
{
	return c->pgrp ? c->pgrp->pgid : 0;
}
