/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_timers: setitimer(2) and timer_create(2) for a process.
 *
 * A POSIX timer queues one signal at a time.  While that waits in a queue,
 * further expirations only count (overrun); who takes the signal gets the
 * count.  A signal that was thrown away instead (ignored) is noticed by its
 * not pending any more.
 *
 * A timer on the CPU clock stands for RLIMIT_CPU; the process's own threads set
 * it, at their border if another process has changed the limit.
 *
 * Invariant: a posix_timer in the list holds one reference for the list; one
 *            out of the list never expires again once its last is dropped.
 * Locks:     gt->mu (LOCK_ITIMER) for the list, ids and overruns; signals are
 *            sent without it.  g_create serialises the first use.
 * Tests:     tests/conformance (itimer, timer)
 */
#include "sentry/time/group_timers.h"

#include <errno.h>
#include <limits.h>

#include "abi/resource.h"
#include "sentry/kernel/exit_hooks.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"
#include "sentry/lib/seq_buf.h"

#define NR_ITIMERS 3

struct itimer {
	struct guest_timer timer;
	struct thread_group *tg; /* outlives its timers */
	int signo;
};

struct group_timers {
	struct mutex mu; /* LOCK_ITIMER */
	struct itimer itimer[NR_ITIMERS];
	struct itimer cpu_limit; /* RLIMIT_CPU; no signal of its own */
	struct list posix GUARDED_BY(mu);
	int32_t next_id GUARDED_BY(mu);
	bool wrapped GUARDED_BY(mu); /* ids below may be in use */
};

struct posix_timer {
	struct refcount ref;
	struct list node GUARDED_BY(gt->mu);
	IMMUTABLE struct group_timers *gt;
	IMMUTABLE struct thread_group *tg;
	IMMUTABLE struct user_acct *user; /* +1: charged for its signal */
	IMMUTABLE int32_t id;
	IMMUTABLE struct posix_timer_event ev;
	struct guest_timer timer;
	bool queued GUARDED_BY(gt->mu); /* its signal waits somewhere */
	uint64_t overrun GUARDED_BY(gt->mu);
	int32_t last_overrun GUARDED_BY(gt->mu);
};

static struct mutex g_create = MUTEX_INIT(LOCK_ITIMER);

/* --- interval timers ------------------------------------------------------ */

static void itimer_expired(struct guest_timer *g, uint64_t times)
{
	struct itimer *it = container_of(g, struct itimer, timer);
	struct linux_siginfo si;

	(void)times; /* standard signals do not queue */
	siginfo_kernel(&si, it->signo);
	signal_send_group(it->tg, &si);
}

/* Each second from the soft limit on: SIGXCPU, and the limit rises by one; at
 * the hard one SIGKILL. */
static void cpu_limit_reached(struct guest_timer *g, uint64_t times)
{
	struct thread_group *tg = container_of(g, struct itimer, timer)->tg;
	struct rlimit_pair *limit = &tg->rlimits[RLIM_CPU];
	uint64_t sec = guest_clock_now(&g->clock) / NSEC_PER_SEC;
	bool hard, soft;
	struct linux_siginfo si;

	(void)times;
	mutex_lock(&tg->signals->mu);
	hard = sec >= MAX(limit->max, 1u);
	soft = sec >= MAX(limit->cur, 1u);
	if (soft && !hard)
		limit->cur = sec + 1;
	mutex_unlock(&tg->signals->mu);
	if (!soft)
		return;
	siginfo_kernel(&si, hard ? LINUX_SIGKILL : LINUX_SIGXCPU);
	signal_send_group(tg, &si);
}

static struct group_timers *group_timers_new(struct thread_group *tg)
{
	static const int signo[NR_ITIMERS] = { LINUX_SIGALRM, LINUX_SIGVTALRM,
					       LINUX_SIGPROF };
	struct guest_clock cpu;
	struct group_timers *gt = kzalloc(sizeof(*gt));

	if (!gt)
		return NULL;
	guest_clock_of_group(tg, false, &cpu);
	guest_timer_init(&gt->cpu_limit.timer, &cpu, cpu_limit_reached);
	gt->cpu_limit.tg = tg;
	mutex_init(&gt->mu, LOCK_ITIMER);
	list_init(&gt->posix);
	for (int i = 0; i < NR_ITIMERS; i++) {
		struct guest_clock clock = { .kind = GUEST_CLOCK_MONO };

		if (i != LINUX_ITIMER_REAL)
			guest_clock_of_group(tg, i == LINUX_ITIMER_VIRTUAL,
					     &clock);
		guest_timer_init(&gt->itimer[i].timer, &clock, itimer_expired);
		gt->itimer[i].tg = tg;
		gt->itimer[i].signo = signo[i];
	}
	return gt;
}

static void group_timers_free(struct group_timers *gt)
{
	for (int i = 0; i < NR_ITIMERS; i++)
		guest_timer_fini(&gt->itimer[i].timer);
	guest_timer_fini(&gt->cpu_limit.timer);
	free(gt);
}

/* The process's timers, made at first use; NULL without memory. */
static struct group_timers *get_timers(struct thread_group *tg)
{
	struct group_timers *gt, *fresh = NULL;

	mutex_lock(&g_create);
	gt = tg->itimers;
	mutex_unlock(&g_create);
	if (gt)
		return gt;
	fresh = group_timers_new(tg);
	if (!fresh)
		return NULL;
	mutex_lock(&g_create);
	gt = tg->itimers;
	if (!gt)
		tg->itimers = gt = take(fresh);
	mutex_unlock(&g_create);
	if (fresh)
		group_timers_free(fresh);
	return gt;
}

int itimer_get(struct task *t, int which, struct guest_timer_spec *out)
{
	struct group_timers *gt = get_timers(t->group);

	if (!gt)
		return -ENOMEM;
	guest_timer_get(&gt->itimer[which].timer, out);
	return 0;
}

int itimer_set(struct task *t, int which, const struct guest_timer_spec *spec,
	       struct guest_timer_spec *old)
{
	struct group_timers *gt = get_timers(t->group);

	if (!gt)
		return -ENOMEM;
	return guest_timer_set(&gt->itimer[which].timer, spec, false, old);
}

int itimer_cpu_limit(struct task *t)
{
	uint64_t limit = task_rlimit(t, RLIM_CPU);
	struct guest_timer_spec spec = { 0, NSEC_PER_SEC };
	struct group_timers *gt;

	if (limit == LINUX_RLIM_INFINITY && !t->group->itimers)
		return 0;
	gt = get_timers(t->group);
	if (!gt)
		return -ENOMEM;
	if (limit < INT64_MAX / NSEC_PER_SEC)
		spec.value = MAX(limit, 1u) * NSEC_PER_SEC;
	return guest_timer_set(&gt->cpu_limit.timer, &spec, true, NULL);
}

/* --- POSIX timers --------------------------------------------------------- */

/* Is the signal still in a queue? */
static bool still_pending(struct posix_timer *p)
{
	uint64_t mask = LINUX_SIGMASK(p->ev.signo);
	AUTO_PUT(task) struct task *t = p->ev.thread;

	if (t)
		task_get(t);
	else
		t = thread_group_next_task(p->tg, 0);
	return t && signal_pending_in(t, mask);
}

static void send_signal(struct posix_timer *p)
{
	struct linux_siginfo si = {
		.signo = p->ev.signo,
		.code = LINUX_SI_TIMER,
		.timer = { .tid = p->id, .value = p->ev.value },
	};

	if (p->ev.thread)
		signal_send_task(p->ev.thread, &si);
	else
		signal_send_group(p->tg, &si);
}

static void posix_timer_expired(struct guest_timer *g, uint64_t times)
{
	struct posix_timer *p = container_of(g, struct posix_timer, timer);
	bool pending, send;

	if (p->ev.notify == LINUX_SIGEV_NONE)
		return;
	pending = still_pending(p);
	mutex_lock(&p->gt->mu);
	send = !(p->queued && pending);
	if (send)
		p->overrun = times - 1;
	else
		p->overrun += times;
	p->queued = true;
	mutex_unlock(&p->gt->mu);
	if (send)
		send_signal(p);
}

static int32_t capped(uint64_t overrun)
{
	return overrun > INT_MAX ? INT_MAX : (int32_t)overrun;
}

static struct posix_timer *find_locked(struct group_timers *gt, int32_t id)
{
	struct posix_timer *p;

	list_for_each_entry (p, &gt->posix, node)
		if (p->id == id)
			return p;
	return NULL;
}

/* The group's only user of the queue is the current task: no g_create. */
void posix_timer_dequeued(struct task *t, struct linux_siginfo *si)
{
	struct group_timers *gt = t->group->itimers;
	struct posix_timer *p;

	if (!gt)
		return;
	mutex_lock(&gt->mu);
	p = find_locked(gt, si->timer.tid);
	if (p) {
		p->queued = false;
		p->last_overrun = capped(p->overrun);
		si->timer.overrun = p->last_overrun;
		p->overrun = 0;
	}
	mutex_unlock(&gt->mu);
}

/* Ids go up and round; one that is in use is skipped. */
static int32_t free_id_locked(struct group_timers *gt)
{
	int32_t id;

	do {
		id = gt->next_id;
		gt->next_id = id == INT_MAX ? 0 : id + 1;
		gt->wrapped |= id == INT_MAX;
	} while (gt->wrapped && find_locked(gt, id));
	return id;
}

static int link_timer(struct group_timers *gt, struct posix_timer *p,
		      uint64_t limit)
{
	/* Its signal is made now, as Linux does it, and charged to the user. */
	if (atomic_fetch_add(&p->user->nr_signals, 1) >= limit)
		return -EAGAIN;
	mutex_lock(&gt->mu);
	p->id = free_id_locked(gt);
	if (p->ev.value_is_id)
		p->ev.value = (uint32_t)p->id;
	list_append(&gt->posix, &p->node);
	mutex_unlock(&gt->mu);
	return p->id;
}

int posix_timer_new(struct task *t, struct guest_clock *clock,
		    struct posix_timer_event *ev)
{
	struct group_timers *gt = get_timers(t->group);
	struct posix_timer *p = gt ? kzalloc(sizeof(*p)) : NULL;
	int ret;

	if (!p) {
		guest_clock_close(clock);
		if (ev->thread)
			task_put(take(ev->thread));
		return -ENOMEM;
	}
	ref_init(&p->ref);
	list_init(&p->node);
	p->gt = gt;
	p->tg = t->group;
	p->ev = *ev;
	guest_timer_init(&p->timer, clock, posix_timer_expired);
	p->user = t->cred->user;
	user_acct_get(p->user);
	ret = link_timer(gt, p, task_rlimit(t, RLIM_SIGPENDING));
	if (ret < 0)
		posix_timer_put(p);
	return ret;
}

struct posix_timer *posix_timer_lookup(struct task *t, int32_t id)
{
	struct group_timers *gt = get_timers(t->group);
	struct posix_timer *p;

	if (!gt)
		return NULL;
	mutex_lock(&gt->mu);
	p = find_locked(gt, id);
	if (p)
		ref_get(&p->ref);
	mutex_unlock(&gt->mu);
	return p;
}

void posix_timer_put(struct posix_timer *p)
{
	if (!ref_put(&p->ref))
		return;
	guest_timer_fini(&p->timer);
	if (p->ev.thread)
		task_put(p->ev.thread);
	atomic_fetch_sub(&p->user->nr_signals, 1);
	user_acct_put(p->user);
	free(p);
}

struct guest_timer *posix_timer_timer(struct posix_timer *p)
{
	return &p->timer;
}

void posix_timer_reset(struct posix_timer *p)
{
	mutex_lock(&p->gt->mu);
	p->queued = false;
	p->overrun = 0;
	p->last_overrun = 0;
	mutex_unlock(&p->gt->mu);
}

int32_t posix_timer_overrun(struct posix_timer *p)
{
	int32_t n;

	mutex_lock(&p->gt->mu);
	n = p->last_overrun;
	mutex_unlock(&p->gt->mu);
	return n;
}

/* Takes @p out of the list; the list's reference is the caller's then. */
static void unlink_locked(struct posix_timer *p)
{
	list_del(&p->node);
}

int posix_timer_delete(struct task *t, int32_t id)
{
	struct group_timers *gt = get_timers(t->group);
	struct posix_timer *p;

	if (!gt)
		return -EINVAL;
	mutex_lock(&gt->mu);
	p = find_locked(gt, id);
	if (p)
		unlink_locked(p);
	mutex_unlock(&gt->mu);
	if (!p)
		return -EINVAL;
	posix_timer_put(p);
	return 0;
}

static void delete_all(struct group_timers *gt)
{
	struct posix_timer *p;

	do {
		mutex_lock(&gt->mu);
		p = list_first(&gt->posix, struct posix_timer, node);
		if (p)
			unlink_locked(p);
		mutex_unlock(&gt->mu);
		if (p)
			posix_timer_put(p);
	} while (p);
}

static void print_timer(const struct posix_timer *p, struct seq_buf *out)
{
	static const char *const how[] = { "signal", "none", "thread" };
	bool thread = p->ev.notify & LINUX_SIGEV_THREAD_ID;
	unsigned int kind = (uint32_t)p->ev.notify & 3;

	seq_printf(out, "ID: %d\nsignal: %d/%016lx\n", p->id, p->ev.signo,
		   p->ev.value_is_id ? (uint64_t)p->id : p->ev.value);
	seq_printf(out, "notify: %s/%s.%u\nClockID: %d\n", how[MIN(kind, 2u)],
		   thread ? "tid" : "pid",
		   thread && p->ev.thread ? p->ev.thread->tid : p->tg->tgid,
		   p->ev.clock_id);
}

void posix_timers_print(struct thread_group *tg, struct seq_buf *out)
{
	struct group_timers *gt;
	struct posix_timer *p;

	mutex_lock(&g_create);
	gt = tg->itimers;
	if (gt) {
		mutex_lock_nested(&gt->mu);
		list_for_each_entry (p, &gt->posix, node)
			print_timer(p, out);
		mutex_unlock(&gt->mu);
	}
	mutex_unlock(&g_create);
}

/* --- hooks of the kernel -------------------------------------------------- */

void itimers_start(struct task *t)
{
	if (itimer_cpu_limit(t) < 0)
		log_warning("process %u: no timer for its RLIMIT_CPU",
			    t->group->tgid);
}

void itimers_exec(struct thread_group *tg)
{
	struct group_timers *gt = tg->itimers;

	if (!gt)
		return;
	delete_all(gt);
	mutex_lock(&gt->mu);
	gt->next_id = 0;
	gt->wrapped = false;
	mutex_unlock(&gt->mu);
}

void itimers_exit(struct thread_group *tg)
{
	struct group_timers *gt = tg->itimers;

	if (!gt)
		return;
	delete_all(gt);
	mutex_lock(&g_create); /* posix_timers_print() may look at it */
	tg->itimers = NULL;
	mutex_unlock(&g_create);
	group_timers_free(gt);
}
