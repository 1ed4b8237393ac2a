/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_cpu: CPU time of control groups, and cpu.max.
 *
 * A limited group has a budget that grows with time and shrinks with use.  A
 * timer looks at it when it can be used up at the earliest; below zero all
 * tasks of the group wait at the border until time has paid the debt.  A group
 * that used nothing for a period is left alone until one of its tasks wakes up,
 * so that limits do not keep an idle sandbox awake.
 *
 * Locks: tasklist for the state of the budget.
 * Linux: kernel/sched/fair.c slices the quota per period; over some periods
 *        the result is the same.  Weights are kept, the host decides.
 * Tests: tests/conformance/cgroup.c, tests/hostile/cgroup.sh
 */
#include <errno.h>

#include "sentry/host/host.h"
#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"

#define TICK_MIN (2 * 1000000ull) /* ns: no more than 500 looks a second */

static _Atomic uint32_t g_idle; /* limited groups that nobody watches */

struct usage {
	struct cgroup *top;
	int64_t user, system;
};

static void add_moved_locked(struct cgroup *cg, struct usage *u)
{
	struct cgroup *child;

	u->user += cg->cpu.user_ns;
	u->system += cg->cpu.system_ns;
	list_for_each_entry (child, &cg->children, child_node)
		add_moved_locked(child, u);
}

/* Threads that ended are in their group's sums until the group is reaped. */
static void add_group(struct thread_group *tg, void *arg)
{
	struct usage *u = arg;
	struct rusage_sum sum;

	tasklist_lock();
	thread_group_usage_locked(tg, &sum);
	tasklist_unlock();
	u->user += (int64_t)sum.utime;
	u->system += (int64_t)sum.stime;
}

void cgroup_cpu_usage(struct cgroup *cg, uint64_t *user, uint64_t *system)
{
	struct usage u = { .top = cg };

	tasklist_lock();
	add_moved_locked(cg, &u);
	tasklist_unlock();
	cgroup_foreach(cg, true, add_group, &u);
	*user = (uint64_t)MAX(u.user, 0);
	*system = (uint64_t)MAX(u.system, 0);
}

void cgroup_cpu_add(struct cgroup *cg, int64_t user, int64_t system)
{
	atomic_fetch_add(&cg->cpu.user_ns, user);
	atomic_fetch_add(&cg->cpu.system_ns, system);
}

bool cgroup_cpu_throttled(const struct cgroup *cg)
{
	for (; cg; cg = cg->parent)
		if (atomic_load(&cg->cpu.throttled))
			return true;
	return false;
}

/* --- the budget ----------------------------------------------------------- */

static void kick_group(struct thread_group *tg, void *arg)
{
	struct task *t;

	(void)arg;
	tasklist_lock();
	mutex_lock(&tg->signals->mu);
	list_for_each_entry (t, &tg->threads, group_node)
		task_kick(t, TASK_WORK_CGROUP);
	mutex_unlock(&tg->signals->mu);
	tasklist_unlock();
}

/* Brings the budget up to @now; returns what was used since the last time. */
static uint64_t settle(struct cgroup_cpu *c, uint64_t now, uint64_t usage)
{
	uint64_t used = usage > c->seen_usage ? usage - c->seen_usage : 0;
	double gained = (double)(now - c->seen_at) * (double)c->quota_us /
			(double)c->period_us;
	double most = (double)c->quota_us * 1000;

	c->budget =
		(int64_t)MIN((double)c->budget + gained - (double)used, most);
	c->seen_usage = MAX(c->seen_usage, usage);
	c->seen_at = now;
	return used;
}

/* How long until there can be something to do. */
static uint64_t next_look(const struct cgroup_cpu *c)
{
	double rate = (double)c->quota_us / (double)c->period_us;
	double most = (double)host_nr_cpus() - rate;
	double wait;

	if (c->budget < 0)
		wait = -(double)c->budget / rate;
	else
		wait = most > 0 ? (double)c->budget / most : 1e9;
	return MAX((uint64_t)MIN(wait, (double)c->period_us * 1000), TICK_MIN);
}

static void look_at(struct cgroup_cpu *c, uint64_t when)
{
	if (timer_arm(&c->tick, when) < 0)
		log_warning("no memory to watch a CPU limit");
}

static void count_period(struct cgroup_cpu *c, uint64_t now, bool throttle)
{
	if (now - c->period_start >= c->period_us * 1000) {
		c->nr_periods +=
			(now - c->period_start) / (c->period_us * 1000);
		c->period_start = now;
	}
	if (throttle) {
		c->nr_throttled++;
		c->nr_periods = MAX(c->nr_periods, c->nr_throttled);
	}
}

static void find_running(struct thread_group *tg, void *arg)
{
	struct task *t;

	tasklist_lock();
	list_for_each_entry (t, &tg->threads, group_node)
		if (atomic_load(&t->state) == 'R')
			*(bool *)arg = true;
	tasklist_unlock();
}

static void tick(struct timer *timer)
{
	struct cgroup *cg = container_of(timer, struct cgroup, cpu.tick);
	struct cgroup_cpu *c = &cg->cpu;
	uint64_t user, system, now = clock_monotonic(), used;
	bool was = c->throttled, throttle, rest = false, runs = false;

	cgroup_cpu_usage(cg, &user, &system);
	tasklist_lock();
	if (c->quota_us == CGROUP_NO_LIMIT || cg->dead) {
		throttle = false;
		used = 0;
	} else {
		if (was)
			c->throttled_ns += now - c->seen_at;
		used = settle(c, now, user + system);
		throttle = c->budget < 0;
		count_period(c, now, throttle && !was);
	}
	atomic_store(&c->throttled, throttle);
	if (c->quota_us != CGROUP_NO_LIMIT && !cg->dead) {
		if (used || throttle || was) {
			look_at(c, now + next_look(c));
		} else {
			atomic_store(&c->idle, true);
			atomic_fetch_add(&g_idle, 1);
			rest = true;
		}
	}
	tasklist_unlock();
	if (throttle != was)
		cgroup_foreach(cg, true, kick_group, NULL);
	/* Who joined since the usage was read has not seen that we rest. */
	if (rest)
		cgroup_foreach(cg, true, find_running, &runs);
	if (runs)
		cgroup_cpu_watch(cg);
}

void cgroup_cpu_watch(struct cgroup *cg)
{
	if (!atomic_load(&g_idle))
		return;
	for (; cg; cg = cg->parent) {
		bool idle = true;

		if (!atomic_compare_exchange_strong(&cg->cpu.idle, &idle,
						    false))
			continue;
		atomic_fetch_sub(&g_idle, 1);
		look_at(&cg->cpu, clock_monotonic() + TICK_MIN);
	}
}

/* A task has slept: limits that slept with it watch again. */
static void task_woke(struct task *t)
{
	AUTO_PUT(cgroup) struct cgroup *own = NULL;

	if (!atomic_load(&g_idle))
		return;
	own = cgroup_of(t->group);
	cgroup_cpu_watch(own);
}

void cgroup_cpu_init(struct cgroup *cg)
{
	cg->cpu.quota_us = CGROUP_NO_LIMIT;
	cg->cpu.period_us = 100000;
	cg->cpu.weight = 100;
	timer_init(&cg->cpu.tick, tick);
}

void cgroup_cpu_fini(struct cgroup *cg)
{
	timer_cancel(&cg->cpu.tick);
	if (atomic_exchange(&cg->cpu.idle, false))
		atomic_fetch_sub(&g_idle, 1);
}

void cgroup_cpu_set(struct cgroup *cg, uint64_t quota_us, uint64_t period_us)
{
	struct cgroup_cpu *c = &cg->cpu;
	uint64_t user, system, now = clock_monotonic();

	cgroup_cpu_usage(cg, &user, &system);
	tasklist_lock();
	if (cg->dead) {
		tasklist_unlock();
		return;
	}
	c->quota_us = quota_us;
	c->period_us = period_us;
	c->seen_usage = user + system;
	c->seen_at = c->period_start = now;
	c->budget = 0;
	if (atomic_exchange(&c->idle, false))
		atomic_fetch_sub(&g_idle, 1);
	atomic_store(&task_woke_hook, task_woke);
	look_at(c, now + TICK_MIN);
	tasklist_unlock();
}
