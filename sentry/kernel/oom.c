/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom: when a page is needed and no memory may be had, one process dies for it.
 *
 * It is the one in the refused control group that is charged for most, after
 * oom_score_adj; process 1 only if there is no other.  Who needed it waits
 * until the victim's memory is free and tries again.
 *
 * Locks: tasklist over g_victim.  The wait polls, since a caller may hold a
 *        sleeping lock (a file's position) in which a task must not sleep.
 * Linux: mm/oom_kill.c of 6.18; figures are what is charged, not what is
 *        resident.
 * Tests: tests/hostile/oom.sh
 */
#include "sentry/kernel/oom.h"

#include <string.h>

#include "sentry/host/host.h"
#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"

#define WAIT_NS	  (2 * 1000000ull)
#define PATIENCE  (5 * NSEC_PER_SEC)
#define ADJ_NEVER (-1000)

static struct thread_group *g_victim; /* +1: dying for us; tasklist */

static uint64_t charged(struct thread_group *tg)
{
	AUTO_PUT(task) struct task *t = thread_group_next_task(tg, 0);
	AUTO_PUT(mm) struct mm *mm = NULL;

	/* The leader may be gone before the others. */
	while (t && !(mm = task_get_mm(t))) {
		uint32_t tid = t->tid;

		task_put(t);
		t = thread_group_next_task(tg, tid);
	}
	return mm ? mm_charged(mm) : 0;
}

int64_t oom_badness(struct thread_group *tg, uint64_t total)
{
	int64_t adj = __atomic_load_n(&tg->oom_score_adj, __ATOMIC_RELAXED);

	if (adj == ADJ_NEVER)
		return INT64_MIN;
	return (int64_t)(charged(tg) >> PAGE_SHIFT) +
	       adj * (int64_t)(total >> PAGE_SHIFT) / 1000;
}

struct search {
	uint64_t total;
	struct thread_group *best; /* +1 */
	int64_t points;
};

static void consider(struct thread_group *tg, void *arg)
{
	struct search *s = arg;
	int64_t points = oom_badness(tg, s->total);

	if (points == INT64_MIN)
		return;
	if (tg->tgid == 1)
		points = INT64_MIN + 1;
	if (s->best && points <= s->points)
		return;
	if (s->best)
		thread_group_put(s->best);
	thread_group_get(tg);
	s->best = tg;
	s->points = points;
}

static bool gone_locked(struct thread_group *tg)
{
	return !tg->leader || (tg->nr_threads == 0 &&
			       atomic_load(&tg->leader->priv->exit_state));
}

/* The victim of before that is still dying in @scope (+1), or NULL. */
static struct thread_group *dying(struct cgroup *scope)
{
	struct thread_group *tg = NULL, *old = NULL;

	tasklist_lock();
	if (g_victim && gone_locked(g_victim))
		old = take(g_victim);
	if (g_victim && cgroup_below(cgroup_peek(g_victim), scope)) {
		tg = g_victim;
		thread_group_get(tg);
	}
	tasklist_unlock();
	if (old)
		thread_group_put(old);
	return tg;
}

static void set_victim(struct thread_group *tg)
{
	struct thread_group *old;

	thread_group_get(tg);
	tasklist_lock();
	old = g_victim;
	g_victim = tg;
	tasklist_unlock();
	if (old)
		thread_group_put(old);
}

static void kill_member(struct thread_group *tg, void *arg)
{
	(void)arg;
	signal_kill_group(tg);
}

/* memory.oom.group: the outermost group in @scope that wants to die whole. */
static void kill_whole_group(struct thread_group *tg, struct cgroup *scope)
{
	AUTO_PUT(cgroup) struct cgroup *own = cgroup_of(tg);
	struct cgroup *whole = NULL;

	for (struct cgroup *cg = own; cg; cg = cg->parent) {
		if (cg->oom_group)
			whole = cg;
		if (cg == scope)
			break;
	}
	if (whole)
		cgroup_foreach(whole, true, kill_member, NULL);
}

static void kill_victim(struct thread_group *tg, struct cgroup *scope)
{
	AUTO_PUT(task) struct task *t = thread_group_next_task(tg, 0);
	AUTO_PUT(cgroup) struct cgroup *own = cgroup_of(tg);
	char comm[sizeof(t->comm)] = "?";

	if (t) {
		mutex_lock(&t->mu);
		memcpy(comm, t->comm, sizeof(comm));
		mutex_unlock(&t->mu);
	}
	log_warning("out of memory: killed process %u (%.16s) with %lu kB, "
		    "oom_score_adj %d",
		    tg->tgid, comm, charged(tg) >> 10, tg->oom_score_adj);
	scope->oom++;
	for (struct cgroup *cg = own; cg; cg = cg->parent)
		cg->oom_kill++;
	set_victim(tg);
	signal_kill_group(tg);
	kill_whole_group(tg, scope);
}

/* True once @tg has given its memory back; false: no use to wait longer. */
static bool wait_gone(struct thread_group *tg)
{
	static _Atomic uint32_t never;
	uint64_t end = clock_monotonic() + PATIENCE;
	struct task *me = current_task();
	bool gone = false;

	while (!gone && !(me && task_fatal_signal_pending(me)) &&
	       clock_monotonic() < end) {
		host_futex_wait(&never, 0, clock_monotonic() + WAIT_NS);
		tasklist_lock();
		gone = gone_locked(tg);
		tasklist_unlock();
	}
	return gone;
}

bool oom_make_room(struct cgroup *scope)
{
	struct thread_group *tg = dying(scope);
	struct memfile_acct acct;
	bool room;

	if (!tg) {
		struct search s = { .best = NULL };

		memfile_acct_read(scope->parent ? &scope->mem
						: memfile_root_acct(),
				  &acct);
		s.total = MIN(acct.limit, 1ull << 50);
		cgroup_foreach(scope, true, consider, &s);
		if (!s.best)
			return false;
		tg = s.best;
		kill_victim(tg, scope);
	}
	room = wait_gone(tg);
	thread_group_put(tg);
	return room;
}

/* The group of the current task, or above, whose limit it was. */
static struct cgroup *refused_scope(struct task *t)
{
	const struct memfile_acct *by = memfile_refused_by();
	struct cgroup *own = cgroup_of(t->group), *cg = own;

	while (cg->parent && &cg->mem != by)
		cg = cg->parent;
	cgroup_get(cg);
	cgroup_put(own);
	return cg;
}

static bool room_for_current(void)
{
	AUTO_PUT(cgroup) struct cgroup *scope = NULL;
	struct task *t = current_task();

	if (!t || task_fatal_signal_pending(t))
		return false;
	scope = refused_scope(t);
	return oom_make_room(scope) && !task_fatal_signal_pending(t);
}

void oom_start(void)
{
	mm_set_oom(room_for_current);
}
