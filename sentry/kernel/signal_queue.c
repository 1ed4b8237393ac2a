/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal_queue: signals that wait, and tables of what signals do.
 *
 * Invariant: an entry's bit is set in the mask; a bit without an entry is a
 *            signal whose details found no room: SI_USER of nobody.
 * Locks:     the group's sighand lock, held by the caller; sig_actions have
 *            their own, inside it.
 * Tests:     tests/unit/test_sigqueue.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/task_private.h"

void sigpending_init(struct sigpending *p)
{
	p->mask = 0;
	list_init(&p->queue);
}

static void sigqueue_free(struct sigqueue *q)
{
	list_del(&q->node);
	if (q->user) {
		atomic_fetch_sub(&q->user->nr_signals, 1);
		user_acct_put(q->user);
	}
	free(q);
}

void sigpending_flush(struct sigpending *p, uint64_t mask)
{
	struct sigqueue *q, *tmp;

	if (!(p->mask & mask))
		return;
	p->mask &= ~mask;
	list_for_each_entry_safe (q, tmp, &p->queue, node)
		if (mask & LINUX_SIGMASK(q->si.signo))
			sigqueue_free(q);
}

/* Takes the oldest entry of @signo; clears its bit if it was the last. */
static void take_signo(struct sigpending *p, int signo,
		       struct linux_siginfo *out)
{
	struct sigqueue *q, *first = NULL;
	bool more = false;

	list_for_each_entry (q, &p->queue, node) {
		if (q->si.signo != signo)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = q;
	}
	if (!more)
		p->mask &= ~LINUX_SIGMASK(signo);
	if (first) {
		*out = first->si;
		sigqueue_free(first);
	} else {
		memset(out, 0, sizeof(*out));
		out->signo = signo;
	}
}

bool sigpending_take(struct sigpending *p, uint64_t mask,
		     struct linux_siginfo *out)
{
	uint64_t ready = p->mask & mask;

	if (!ready)
		return false;
	if (ready & SIGMASK_SYNC)
		ready &= SIGMASK_SYNC;
	take_signo(p, __builtin_ctzll(ready) + 1, out);
	return true;
}

bool sigpending_take_sync(struct sigpending *p, uint64_t blocked,
			  struct linux_siginfo *out)
{
	struct sigqueue *q;

	if (!(p->mask & ~blocked & SIGMASK_SYNC))
		return false;
	list_for_each_entry (q, &p->queue, node) {
		uint64_t bit = LINUX_SIGMASK(q->si.signo);

		if (q->si.code > LINUX_SI_USER && (bit & SIGMASK_SYNC) &&
		    !(bit & blocked)) {
			take_signo(p, q->si.signo, out);
			return true;
		}
	}
	return false;
}

static bool charge(struct user_acct *user, uint64_t limit, bool override)
{
	uint32_t n;

	if (!user)
		return true;
	n = atomic_fetch_add(&user->nr_signals, 1);
	if (override || n < limit)
		return true;
	atomic_fetch_sub(&user->nr_signals, 1);
	return false;
}

static struct sigqueue *sigqueue_new(struct user_acct *user, uint64_t limit,
				     bool override)
{
	struct sigqueue *q;

	if (!charge(user, limit, override))
		return NULL;
	q = kzalloc(sizeof(*q));
	if (!q) {
		if (user)
			atomic_fetch_sub(&user->nr_signals, 1);
		return NULL;
	}
	if (user)
		user_acct_get(user);
	q->user = user;
	return q;
}

int sigpending_add(struct sigpending *p, const struct linux_siginfo *si,
		   struct user_acct *user, uint64_t limit, bool override)
{
	struct sigqueue *q = sigqueue_new(user, limit, override);

	if (!q) {
		if (si->signo >= LINUX_SIGRTMIN && si->code != LINUX_SI_USER &&
		    si->code != LINUX_SI_KERNEL)
			return -EAGAIN;
	} else {
		q->si = *si;
		list_append(&p->queue, &q->node);
	}
	p->mask |= LINUX_SIGMASK(si->signo);
	return 0;
}

/* --- actions -------------------------------------------------------------- */

int sig_actions_new(struct sig_actions **out)
{
	struct sig_actions *a = kzalloc(sizeof(*a));

	if (!a)
		return -ENOMEM;
	ref_init(&a->ref);
	mutex_init(&a->mu, LOCK_TASK);
	*out = a;
	return 0;
}

int sig_actions_copy(struct sig_actions *from, bool clear,
		     struct sig_actions **out)
{
	struct sig_actions *a;
	int ret = sig_actions_new(&a);

	if (ret < 0)
		return ret;
	mutex_lock(&from->mu);
	memcpy(a->a, from->a, sizeof(a->a));
	a->final = from->final;
	mutex_unlock(&from->mu);
	if (clear)
		sig_actions_reset(a);
	*out = a;
	return 0;
}

void sig_actions_get(struct sig_actions *a)
{
	ref_get(&a->ref);
}

void sig_actions_put(struct sig_actions *a)
{
	if (ref_put(&a->ref))
		free(a);
}

void sig_actions_reset(struct sig_actions *a)
{
	mutex_lock(&a->mu);
	for (int i = 0; i < LINUX_NSIG; i++) {
		bool ignored = a->a[i].handler == LINUX_SIG_IGN;

		memset(&a->a[i], 0, sizeof(a->a[i]));
		if (ignored)
			a->a[i].handler = LINUX_SIG_IGN;
	}
	a->final = 0;
	mutex_unlock(&a->mu);
}

void sig_action_read(struct signal_state *s, int signo,
		     struct linux_sigaction *out)
{
	mutex_lock(&s->actions->mu);
	*out = s->actions->a[signo - 1];
	mutex_unlock(&s->actions->mu);
}

bool sig_default_ignores(int signo)
{
	return signo == LINUX_SIGCONT || signo == LINUX_SIGCHLD ||
	       signo == LINUX_SIGWINCH || signo == LINUX_SIGURG;
}

bool sig_default_stops(int signo)
{
	return SIGMASK_STOPS & LINUX_SIGMASK(signo);
}

bool sig_default_cores(int signo)
{
	switch (signo) {
	case LINUX_SIGQUIT:
	case LINUX_SIGILL:
	case LINUX_SIGTRAP:
	case LINUX_SIGABRT:
	case LINUX_SIGFPE:
	case LINUX_SIGSEGV:
	case LINUX_SIGBUS:
	case LINUX_SIGSYS:
	case LINUX_SIGXCPU:
	case LINUX_SIGXFSZ:
		return true;
	}
	return false;
}
