/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rusage: CPU time and other figures of tasks, groups and waited-for children.
 *
 * User time is the platform's, system time the CPU time of the sentry's thread:
 * both are read only when asked for.
 * Locks: sums of ended threads under sighand; a live thread's cpu is read under
 *        its kick_mu, which its end takes too.
 * Tests: tests/conformance/resource.c
 */
#include "abi/resource.h"
#include "sentry/host/host.h"
#include "sentry/kernel/task_private.h"
#include "sentry/time/clock.h"

uint64_t task_utime(struct task *t)
{
	uint64_t ns = 0;

	pthread_mutex_lock(&t->priv->kick_mu);
	if (t->cpu)
		ns = platform_guest_time(t->cpu);
	pthread_mutex_unlock(&t->priv->kick_mu);
	return ns;
}

uint64_t task_stime(struct task *t)
{
	int id = atomic_load(&t->priv->clock_id);
	uint64_t all = id ? host_clock(id) - t->priv->clock_start : 0, user;

	if (!platform_limits()->own_thread)
		return all;
	user = task_utime(t);
	return all > user ? all - user : 0;
}

void task_clock_start(struct task *t)
{
	/* CPUCLOCK_PERTHREAD_SCHED; the thread may have served others. */
	int id = (int)(~host_gettid() << 3 | 6);

	t->priv->clock_start = host_clock(id);
	atomic_store(&t->priv->clock_id, id);
}

uint64_t task_maxrss(struct task *t)
{
	AUTO_PUT(mm) struct mm *mm = task_get_mm(t);

	return mm ? mm_peak_rss(mm) : 0;
}

static void usage_live(struct task *t, struct rusage_sum *out)
{
	struct task_private *p = t->priv;

	*out = (struct rusage_sum){
		.utime = task_utime(t),
		.stime = task_stime(t),
		.min_flt = p->min_flt,
		.maj_flt = p->maj_flt,
		.vol_switches = p->vol_switches,
	};
	for (int i = 0; i < TASK_IO_NR; i++)
		out->io[i] = t->io[i];
}

void task_usage(struct task *t, struct rusage_sum *out)
{
	*out = (struct rusage_sum){ 0 };
	if (!atomic_load(&t->priv->acct_done))
		usage_live(t, out);
}

void rusage_add(struct rusage_sum *to, const struct rusage_sum *from)
{
	to->utime += from->utime;
	to->stime += from->stime;
	to->min_flt += from->min_flt;
	to->maj_flt += from->maj_flt;
	to->vol_switches += from->vol_switches;
	for (int i = 0; i < TASK_IO_NR; i++)
		to->io[i] += from->io[i];
	to->maxrss = MAX(to->maxrss, from->maxrss);
}

/* Called by the task with its vcpu still there. */
void task_account_exit(struct task *t)
{
	struct signal_state *s = t->group->signals;
	struct rusage_sum u;

	usage_live(t, &u);
	/* The space is the same for all threads, and asking is dear. */
	if (t->group->nr_threads == 0)
		u.maxrss = task_maxrss(t);
	mutex_lock(&s->mu);
	rusage_add(&t->group->priv->dead, &u);
	atomic_store(&t->priv->acct_done, true);
	mutex_unlock(&s->mu);
}

/*
 * Under sighand a thread is either in the sums or live; its vcpu is freed after
 * it went into them.
 */
void thread_group_usage_locked(struct thread_group *tg, struct rusage_sum *out)
{
	struct task *t;

	tasklist_assert_held();
	mutex_lock(&tg->signals->mu);
	*out = tg->priv->dead;
	list_for_each_entry (t, &tg->threads, group_node) {
		struct rusage_sum u;

		if (atomic_load(&t->priv->acct_done))
			continue;
		usage_live(t, &u);
		rusage_add(out, &u);
	}
	mutex_unlock(&tg->signals->mu);
}

void rusage_to_abi(const struct rusage_sum *u, struct linux_rusage *out)
{
	*out = (struct linux_rusage){
		.utime_sec = (int64_t)(u->utime / NSEC_PER_SEC),
		.utime_usec = (int64_t)(u->utime % NSEC_PER_SEC / 1000),
		.stime_sec = (int64_t)(u->stime / NSEC_PER_SEC),
		.stime_usec = (int64_t)(u->stime % NSEC_PER_SEC / 1000),
		.maxrss = (int64_t)(u->maxrss / 1024),
		.minflt = (int64_t)u->min_flt,
		.majflt = (int64_t)u->maj_flt,
		.nvcsw = (int64_t)u->vol_switches,
	};
}
