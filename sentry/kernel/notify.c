/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify: SIGCHLD and the wake-up of wait4(2), for parents and tracers.
 *
 * Locks: tasklist, held by the caller; sighand of one group at a time.
 * Linux: do_notify_parent(), do_notify_parent_cldstop() of 6.18.
 * Tests: tests/conformance/wait.c, exit.c, ptrace_exit.c
 */
#include "abi/poll.h"
#include "abi/resource.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/time/clock.h"

static uint64_t to_ticks(uint64_t ns)
{
	return ns / (NSEC_PER_SEC / LINUX_USER_HZ);
}

/* wait4's status as SIGCHLD's code and status. */
static void fill_status(struct linux_siginfo *si, int code)
{
	if (code & 0x7f) {
		si->code = code & 0x80 ? LINUX_CLD_DUMPED : LINUX_CLD_KILLED;
		si->chld.status = code & 0x7f;
	} else {
		si->code = LINUX_CLD_EXITED;
		si->chld.status = code >> 8 & 0xff;
	}
}

int task_exit_code(struct task *t)
{
	struct signal_state *s = t->group->signals;
	int code;

	mutex_lock(&s->mu);
	code = s->group_exit ? s->exit_code : t->priv->exit_code;
	mutex_unlock(&s->mu);
	return code;
}

int thread_group_exit_code(struct thread_group *tg)
{
	return task_exit_code(tg->leader);
}

/* As @to, who is told, calls that user. */
static uint32_t uid_seen_by(struct thread_group *to, uint32_t kuid)
{
	struct task *t = to->leader;
	uint32_t uid;

	mutex_lock(&t->mu);
	uid = uid_in(t->cred->user_ns, kuid);
	mutex_unlock(&t->mu);
	return uid;
}

static void fill_child(struct linux_siginfo *si, struct task *t,
		       struct thread_group *to, int signo)
{
	uint32_t kuid;

	struct rusage_sum u;

	siginfo_kernel(si, signo);
	thread_group_usage_locked(t->group, &u);
	si->chld.pid = (int32_t)pid_nr_in_locked(t->tid, to->pid_ns);
	mutex_lock(&t->mu);
	kuid = t->cred->uid;
	mutex_unlock(&t->mu);
	si->chld.uid = uid_seen_by(to, kuid);
	si->chld.utime = (int64_t)to_ticks(u.utime);
	si->chld.stime = (int64_t)to_ticks(u.stime);
}

/* --- ends ----------------------------------------------------------------- */

static void tell_exit(struct task *t, struct thread_group *to, int signo)
{
	struct linux_siginfo si;

	if (signo > 0 && signo <= LINUX_NSIG) { /* clone takes any byte */
		fill_child(&si, t, to, signo);
		fill_status(&si, task_exit_code(t));
		(void)signal_send_group(to, &si);
	}
	waitq_wake_nr(&to->wait_children, LINUX_POLLIN, UINT32_MAX);
}

bool signal_ignores_children(struct thread_group *parent)
{
	struct linux_sigaction act;

	sig_action_read(parent->signals, LINUX_SIGCHLD, &act);
	return act.handler == LINUX_SIG_IGN || (act.flags & LINUX_SA_NOCLDWAIT);
}

void signal_notify_tracer_exit_locked(struct task *t)
{
	struct thread_group *tg = t->group;
	bool own = thread_group_is_over_locked(tg) && tg->leader == t &&
		   !ptrace_reparented_locked(t);
	struct task *tracer = t->priv->ptrace.tracer;

	tell_exit(t, tracer->group, own ? tg->exit_signal : LINUX_SIGCHLD);
}

/*
 * True if nobody will wait for it: the parent ignores SIGCHLD or said
 * SA_NOCLDWAIT (only then is SIGCHLD itself still sent).
 */
bool signal_notify_exit_locked(struct thread_group *tg)
{
	struct thread_group *parent = tg->parent;
	int signo = tg->exit_signal;
	struct linux_sigaction act;
	bool reap = false;

	waitq_wake(&tg->exit_wq, LINUX_POLLIN | LINUX_POLLRDNORM);
	if (ptrace_is_traced(&tg->leader->priv->ptrace)) {
		signal_notify_tracer_exit_locked(tg->leader);
		return false; /* the parent hears of it after the tracer */
	}
	if (!parent) /* its starter, outside, hears of it: task_exit() */
		return tg->priv->exec_id != 0;
	/* Process 1 of a namespace is about to end, and waits for nobody. */
	if (parent == parent->pid_ns->init && parent->pid_ns->dying)
		return true;
	if (signo == LINUX_SIGCHLD && signal_ignores_children(parent)) {
		reap = true;
		sig_action_read(parent->signals, signo, &act);
		if (act.handler == LINUX_SIG_IGN)
			signo = 0;
	}
	tell_exit(tg->leader, parent, signo);
	return reap;
}

/* --- stops ---------------------------------------------------------------- */

static void tell_stop(struct task *t, struct thread_group *to, int why,
		      int status)
{
	struct linux_sigaction act;
	struct linux_siginfo si;

	sig_action_read(to->signals, LINUX_SIGCHLD, &act);
	fill_child(&si, t, to, LINUX_SIGCHLD);
	si.code = why;
	si.chld.status =
		why == LINUX_CLD_CONTINUED ? LINUX_SIGCONT : status & 0x7f;
	if (act.handler != LINUX_SIG_IGN && !(act.flags & LINUX_SA_NOCLDSTOP))
		(void)signal_send_group(to, &si);
	waitq_wake_nr(&to->wait_children, LINUX_POLLIN, UINT32_MAX);
}

void signal_notify_tracer_locked(struct task *t, int why)
{
	struct task *tracer = t->priv->ptrace.tracer;
	int status;

	if (!tracer)
		return;
	mutex_lock(&t->group->signals->mu);
	status = why == LINUX_CLD_TRAPPED ? t->priv->ptrace.stop_code
					  : t->group->signals->stop_signo;
	mutex_unlock(&t->group->signals->mu);
	tell_stop(t, tracer->group, why, status);
}

void signal_notify_stop_locked(struct thread_group *tg, int why)
{
	if (tg->parent && tg->leader)
		tell_stop(tg->leader, tg->parent, why, tg->signals->stop_signo);
}

void signal_notify_stop(struct thread_group *tg, int why)
{
	tasklist_lock();
	signal_notify_stop_locked(tg, why);
	tasklist_unlock();
}

void signal_notify_continued(struct thread_group *tg, int why)
{
	tasklist_lock();
	signal_notify_stop_locked(tg, why);
	if (ptrace_is_traced(&tg->leader->priv->ptrace) &&
	    ptrace_reparented_locked(tg->leader))
		signal_notify_tracer_locked(tg->leader, why);
	tasklist_unlock();
}
