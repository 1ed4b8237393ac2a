/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal_send: from a signal's source to a task that will handle it.
 *
 * A signal has effects when it is sent (SIGCONT continues, stop signals cancel
 * SIGCONT, fatal ones end the whole group) and others when it is taken
 * (signal_deliver.c).
 *
 * Locks: one group's sighand lock at a time; task_kick() under it.
 * Linux: kernel/signal.c of 6.18, prepare_signal() and complete_signal().
 *        Process 1 is an ordinary process here: it is the user's program.
 * Tests: tests/unit/test_sigqueue.c, tests/conformance/signal.c
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"

void siginfo_kernel(struct linux_siginfo *si, int signo)
{
	memset(si, 0, sizeof(*si));
	si->signo = signo;
	si->code = LINUX_SI_KERNEL;
}

void siginfo_user(struct linux_siginfo *si, int signo, int code)
{
	struct task *t = current_task();

	memset(si, 0, sizeof(*si));
	si->signo = signo;
	si->code = code;
	/* As the sender has them; signal_send_locked() translates. */
	si->rt.pid = (int32_t)t->group->vtgid;
	si->rt.uid = uid_to_guest(t->cred->uid);
}

void signal_wake_locked(struct task *t, bool kill)
{
	task_kick(t, TASK_WORK_SIGNAL | (kill ? TASK_WORK_KILL : 0));
	if (kill)
		ptrace_kill_locked(t);
}

static bool has_work_locked(struct task *t)
{
	struct signal_state *s = t->group->signals;
	struct task_signals *ts = t->signals;

	return ((ts->pending.mask | s->shared.mask) & ~ts->blocked) ||
	       ts->stop_pending || s->cld_notify || s->group_exit ||
	       ptrace_has_work_locked(t);
}

void signal_recalc_locked(struct task *t)
{
	if (has_work_locked(t))
		atomic_fetch_or(&t->work, TASK_WORK_SIGNAL);
	else
		atomic_fetch_and(&t->work, ~(uint32_t)TASK_WORK_SIGNAL);
}

void signal_retarget_locked(struct task *t, uint64_t mask)
{
	struct signal_state *s = t->group->signals;
	struct task *p;

	mask &= s->shared.mask;
	list_for_each_entry (p, &t->group->threads, group_node) {
		if (!mask)
			return;
		if (p == t || p->signals->exiting ||
		    !(mask & ~p->signals->blocked))
			continue;
		mask &= p->signals->blocked;
		signal_wake_locked(p, false);
	}
}

void signal_set_blocked_locked(struct task *t, uint64_t mask)
{
	uint64_t newly;

	mask &= ~SIGMASK_ALWAYS;
	newly = mask & ~t->signals->blocked;
	if (newly && task_signal_pending(t))
		signal_retarget_locked(t, newly);
	t->signals->blocked = mask;
	signal_recalc_locked(t);
}

void signal_set_blocked(struct task *t, uint64_t mask)
{
	struct signal_state *s = t->group->signals;

	if (t->signals->blocked == (mask & ~SIGMASK_ALWAYS))
		return; /* only this task changes it */
	mutex_lock(&s->mu);
	signal_set_blocked_locked(t, mask);
	mutex_unlock(&s->mu);
}

/* --- effects at sending --------------------------------------------------- */

static void flush_group_locked(struct thread_group *tg, uint64_t mask)
{
	struct task *p;

	sigpending_flush(&tg->signals->shared, mask);
	list_for_each_entry (p, &tg->threads, group_node)
		sigpending_flush(&p->signals->pending, mask);
}

static void continue_group_locked(struct thread_group *tg)
{
	struct signal_state *s = tg->signals;
	struct task *p;
	int why = 0;

	flush_group_locked(tg, SIGMASK_STOPS);
	list_for_each_entry (p, &tg->threads, group_node) {
		p->signals->stop_pending = false;
		p->signals->stop_consume = false;
		p->signals->stop_dequeued = false;
		if (p->priv->ptrace.seized)
			ptrace_trap_notify_locked(p);
		if (p->signals->in_stop) {
			p->signals->in_stop = false;
			task_wake(p);
		}
	}
	if (s->stopped)
		why = LINUX_CLD_CONTINUED;
	else if (s->stop_count)
		why = LINUX_CLD_STOPPED;
	if (why) {
		s->cld_notify = why;
		s->continued = true;
		s->stopped = false;
		s->stop_count = 0;
		s->stop_report = 0;
	}
}

/* Process 1 of a namespace: from inside it gets what it handles; what comes
 * from above (@force) can kill and stop it. */
static bool is_spared_locked(struct task *t, int signo, bool force)
{
	struct linux_sigaction act;

	if (!t->group->signals->unkillable)
		return false;
	sig_action_read(t->group->signals, signo, &act);
	return act.handler == LINUX_SIG_DFL &&
	       !(force && (LINUX_SIGMASK(signo) & SIGMASK_ALWAYS));
}

static bool is_ignored_locked(struct task *t, int signo, bool force)
{
	struct linux_sigaction act;
	uint64_t bit = LINUX_SIGMASK(signo);

	if ((t->signals->blocked | t->signals->real_blocked) & bit)
		return false;
	if (ptrace_is_traced(&t->priv->ptrace) && signo != LINUX_SIGKILL)
		return false; /* the tracer decides */
	if (is_spared_locked(t, signo, force))
		return true;
	sig_action_read(t->group->signals, signo, &act);
	return act.handler == LINUX_SIG_IGN ||
	       (act.handler == LINUX_SIG_DFL && sig_default_ignores(signo));
}

/* False: nothing is queued. */
static bool prepare_locked(struct task *t, int signo, bool force)
{
	struct thread_group *tg = t->group;

	if (tg->signals->group_exit)
		return false;
	if (sig_default_stops(signo))
		flush_group_locked(tg, LINUX_SIGMASK(LINUX_SIGCONT));
	else if (signo == LINUX_SIGCONT)
		continue_group_locked(tg);
	return !is_ignored_locked(t, signo, force);
}

/* --- who gets it ---------------------------------------------------------- */

static bool wants_locked(struct task *t, int signo)
{
	if ((t->signals->blocked & LINUX_SIGMASK(signo)) || t->signals->exiting)
		return false;
	if (signo == LINUX_SIGKILL)
		return true;
	if (t->signals->in_stop || t->priv->ptrace.stopped)
		return false;
	return t == current_task() || !task_signal_pending(t);
}

static struct task *choose_locked(struct task *t, int signo, bool shared)
{
	struct task *p;

	if (wants_locked(t, signo))
		return t;
	if (!shared)
		return NULL;
	list_for_each_entry (p, &t->group->threads, group_node)
		if (wants_locked(p, signo))
			return p;
	return NULL;
}

unsigned int signal_zap_others_locked(struct task *t)
{
	struct task *p;
	unsigned int n = 0;

	t->group->signals->stop_count = 0;
	list_for_each_entry (p, &t->group->threads, group_node) {
		p->signals->stop_pending = p->signals->stop_consume = false;
		if (p == t)
			continue;
		if (p->tid != p->group->tgid)
			n++;
		if (p->signals->exiting)
			continue;
		p->signals->pending.mask |= SIGMASK_KILL;
		signal_wake_locked(p, true);
	}
	return n;
}

static bool is_fatal_locked(struct task *t, int signo)
{
	struct linux_sigaction act;

	if (signo == LINUX_SIGKILL)
		return true;
	if (t->signals->real_blocked & LINUX_SIGMASK(signo) ||
	    ptrace_is_traced(&t->priv->ptrace))
		return false;
	sig_action_read(t->group->signals, signo, &act);
	return act.handler == LINUX_SIG_DFL && !sig_default_ignores(signo) &&
	       !sig_default_stops(signo) && !sig_default_cores(signo);
}

static void complete_locked(struct task *hint, int signo, bool shared)
{
	struct task *t = choose_locked(hint, signo, shared);
	struct signal_state *s = hint->group->signals;

	if (!t)
		return; /* who unblocks it will find it */
	if (is_fatal_locked(t, signo)) {
		/* No thread needs to look at it first: all die now. */
		s->group_exit = true;
		s->exit_code = signo;
		t->signals->stop_pending = false;
		signal_zap_others_locked(t);
		t->signals->pending.mask |= SIGMASK_KILL;
		signal_wake_locked(t, true);
		return;
	}
	signal_wake_locked(t, false);
}

/* Does @si name a process and a user as its sender? */
static bool has_sender(const struct linux_siginfo *si)
{
	return si->code == LINUX_SI_USER ||
	       (si->code < 0 && si->code != LINUX_SI_TIMER &&
		si->code != LINUX_SI_SIGIO);
}

/*
 * The sender as @t's namespaces call it.  True: it comes from the kernel or
 * from a namespace above.  has_si_pid_and_uid() of Linux.
 */
static bool localise_locked(struct task *t, struct linux_siginfo *si)
{
	struct task *me = current_task();
	uint32_t kuid;

	if (!me || !has_sender(si))
		return si->code == LINUX_SI_KERNEL;
	kuid = uid_from_guest(si->rt.uid);
	mutex_lock(&t->mu);
	si->rt.uid = uid_in(t->cred->user_ns, kuid);
	mutex_unlock(&t->mu);
	if (pid_ns_is_below(me->group->pid_ns, t->group->pid_ns))
		return false;
	si->rt.pid = 0;
	return true;
}

int signal_send_locked(struct task *t, const struct linux_siginfo *info,
		       bool shared)
{
	struct linux_siginfo own = *info, *si = &own;

	struct thread_group *tg = t->group;
	struct sigpending *p =
		shared ? &tg->signals->shared : &t->signals->pending;
	bool override = si->signo < LINUX_SIGRTMIN && si->code >= 0;
	int ret = 0;

	mutex_assert_held(&tg->signals->mu);
	if (si->signo < 1 || si->signo > LINUX_NSIG)
		return -EINVAL;
	if (!prepare_locked(t, si->signo, localise_locked(t, si)))
		return 0;
	if (si->signo < LINUX_SIGRTMIN && (p->mask & LINUX_SIGMASK(si->signo)))
		return 0; /* one is enough */
	if (si->signo == LINUX_SIGKILL) {
		p->mask |= SIGMASK_KILL;
	} else {
		mutex_lock(&t->mu); /* its identity stays while we charge it */
		ret = sigpending_add(p, si, t->cred->user,
				     tg->rlimits[RLIM_SIGPENDING].cur,
				     override);
		mutex_unlock(&t->mu);
	}
	if (ret < 0)
		return ret;
	waitq_wake(&tg->signals->wq, LINUX_POLLIN | LINUX_POLLRDNORM);
	complete_locked(t, si->signo, shared);
	return 0;
}

/* --- the interface -------------------------------------------------------- */

/* The thread that gets a group's signals if it can: the leader or who lives. */
static struct task *main_thread_locked(struct thread_group *tg)
{
	return list_first(&tg->threads, struct task, group_node);
}

int signal_send_group(struct thread_group *tg, const struct linux_siginfo *si)
{
	struct task *t;
	int ret = -ESRCH;

	mutex_lock(&tg->signals->mu);
	t = main_thread_locked(tg);
	if (t)
		ret = signal_send_locked(t, si, true);
	mutex_unlock(&tg->signals->mu);
	return ret;
}

int signal_send_task(struct task *t, const struct linux_siginfo *si)
{
	int ret = -ESRCH;

	mutex_lock(&t->group->signals->mu);
	if (!list_empty(&t->group_node))
		ret = signal_send_locked(t, si, false);
	mutex_unlock(&t->group->signals->mu);
	return ret;
}

void signal_kill_group(struct thread_group *tg)
{
	struct linux_siginfo si;

	siginfo_kernel(&si, LINUX_SIGKILL);
	signal_send_group(tg, &si);
}

enum force { FORCE, FORCE_DEFAULT, FORCE_EXIT };

static void force(struct task *t, const struct linux_siginfo *si,
		  enum force how)
{
	struct signal_state *s = t->group->signals;
	uint64_t bit = LINUX_SIGMASK(si->signo);
	struct linux_sigaction *act;
	bool blocked;

	mutex_lock(&s->mu);
	blocked = t->signals->blocked & bit;
	mutex_lock(&s->actions->mu);
	act = &s->actions->a[si->signo - 1];
	if (blocked || act->handler == LINUX_SIG_IGN || how != FORCE)
		act->handler = LINUX_SIG_DFL;
	if (how == FORCE_EXIT)
		s->actions->final |= bit;
	/* Its own fault: even process 1 of a namespace ends by it. */
	if (act->handler == LINUX_SIG_DFL)
		s->unkillable = false;
	mutex_unlock(&s->actions->mu);
	t->signals->blocked &= ~bit;
	(void)signal_send_locked(t, si, false);
	signal_recalc_locked(t);
	mutex_unlock(&s->mu);
}

void signal_force(struct task *t, const struct linux_siginfo *si)
{
	force(t, si, FORCE);
}

void signal_force_default(struct task *t, const struct linux_siginfo *si)
{
	force(t, si, FORCE_DEFAULT);
}

void signal_force_exit(struct task *t, const struct linux_siginfo *si)
{
	force(t, si, FORCE_EXIT);
}

void signal_group_exit(struct task *t, int code)
{
	struct signal_state *s = t->group->signals;

	mutex_lock(&s->mu);
	if (s->group_exit) {
		code = s->exit_code;
	} else if (s->exec_task) {
		code = 0; /* the one in execve goes on, we just leave */
	} else {
		s->group_exit = true;
		s->exit_code = code;
		signal_zap_others_locked(t);
	}
	t->priv->exit_code = code;
	mutex_unlock(&s->mu);
	atomic_fetch_or(&t->work, TASK_WORK_EXIT);
}

static bool cred_may_signal(const struct cred *me, const struct cred *it)
{
	return me->euid == it->suid || me->euid == it->uid ||
	       me->uid == it->suid || me->uid == it->uid ||
	       cred_ns_capable(me, it->user_ns, CAP_NR_KILL);
}

/* Caller holds the tasklist lock or a reference on the group. */
int signal_may_send(struct thread_group *tg, int signo)
{
	struct task *me = current_task(), *it;
	bool ok = true;

	if (tg == me->group)
		return 0;
	mutex_lock(&tg->signals->mu);
	it = main_thread_locked(tg);
	if (it) {
		mutex_lock(&it->mu);
		ok = cred_may_signal(me->cred, it->cred);
		mutex_unlock(&it->mu);
	}
	mutex_unlock(&tg->signals->mu);
	if (!ok && signo == LINUX_SIGCONT)
		ok = tg->pgrp && me->group->pgrp &&
		     tg->pgrp->session == me->group->pgrp->session;
	return ok ? 0 : -EPERM;
}

bool signal_pending_in(struct task *t, uint64_t mask)
{
	struct signal_state *s = t->group->signals;
	bool any;

	mutex_lock(&s->mu);
	any = (t->signals->pending.mask | s->shared.mask) & mask;
	mutex_unlock(&s->mu);
	return any;
}

struct waitq *signal_waitq(struct task *t)
{
	return &t->group->signals->wq;
}

int signal_set_action(struct task *t, int signo,
		      const struct linux_sigaction *act,
		      struct linux_sigaction *out_old)
{
	struct signal_state *s = t->group->signals;
	int ret = 0;

	mutex_lock(&s->mu);
	mutex_lock(&s->actions->mu);
	*out_old = s->actions->a[signo - 1];
	if (s->actions->final & LINUX_SIGMASK(signo))
		ret = -EINVAL;
	else if (act)
		s->actions->a[signo - 1] = *act;
	mutex_unlock(&s->actions->mu);
	/* POSIX: what is ignored from now on is not pending either. */
	if (ret == 0 && act &&
	    (act->handler == LINUX_SIG_IGN ||
	     (act->handler == LINUX_SIG_DFL && sig_default_ignores(signo))))
		flush_group_locked(t->group, LINUX_SIGMASK(signo));
	mutex_unlock(&s->mu);
	return ret;
}
