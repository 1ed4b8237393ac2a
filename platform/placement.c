/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placement: which CPU a pair (sentry thread, its stub thread) runs on.
 *
 * Both halves of a pair are pinned to one CPU: a stop that has to wake the
 * other half on another CPU costs five times as much.  A new pair gets the CPU
 * with the fewest runnable pairs.  From then on nothing is done on the way in
 * and out of the guest; idle_begin() and idle_end() only count.  When one CPU
 * has several runnable pairs while another has none, a service thread watches,
 * and if that stays so for STEADY_TICKS it moves a pair.  Moving at once would
 * tear apart pairs that only hand work to each other (pipes), which are better
 * off on one CPU.  The service thread exists from the first such moment on and
 * sleeps without a timer while there is none.
 *
 * A guest that binds a thread to CPUs leaves less to choose.
 *
 * Locks: g_place.mu (LOCK_PLACEMENT) covers everything here.
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/placement.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "platform/raw.h"
#include "sentry/lib/lock.h"

#define MAX_CPUS     PLACEMENT_MAX_CPUS
#define TICK_NS	     2000000
#define STEADY_TICKS 3
#define CALM_TICKS   16 /* without crowding, then the thread sleeps */
#define WATCH_STACK  (64 * 1024)

struct place {
	int host_cpu;
	int nr_runnable, nr_bound; /* a spinning sentry thread is runnable */
	int crowded_ticks;
};

static struct {
	struct mutex mu;
	struct place at[MAX_CPUS];
	int nr;
	int nr_crowded, nr_empty; /* CPUs with >= 2, with 0 runnable pairs */
	int nr_parted;		  /* pairs whose halves are on two CPUs */
	cpu_set_t all;
	bool pinning; /* there is a choice */
	bool watch_started, watch_failed;
	struct list cpus;	     /* placed.node */
	_Atomic uint32_t watch_word; /* 1: the watcher is awake or wanted */
} g_place;

void placement_start(uint32_t max_cpus)
{
	int first = sched_getcpu(), limit = MAX_CPUS;

	mutex_init(&g_place.mu, LOCK_PLACEMENT);
	list_init(&g_place.cpus);
	if (max_cpus > 0 && max_cpus < MAX_CPUS)
		limit = (int)max_cpus;
	if (sched_getaffinity(0, sizeof(g_place.all), &g_place.all) < 0)
		return;
	if (first < 0)
		first = 0;
	for (int i = 0; i < CPU_SETSIZE && g_place.nr < limit; i++) {
		int cpu = (first + i) % CPU_SETSIZE;

		if (CPU_ISSET(cpu, &g_place.all))
			g_place.at[g_place.nr++].host_cpu = cpu;
	}
	g_place.nr_empty = g_place.nr;
	g_place.pinning = CPU_COUNT(&g_place.all) > 1;
}

static void pin(uint32_t tid, int host_cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(host_cpu, &set);
	raw_call(SYS_sched_setaffinity, tid, sizeof(set),
		 (uint64_t)(uintptr_t)&set, 0);
}

static void pin_pair_locked(struct placed *cpu) MUST_HOLD(&g_place.mu)
{
	int host_cpu = g_place.at[cpu->place].host_cpu;

	if (!g_place.pinning)
		return;
	/* The stub first: it waits, so that moves nothing yet. */
	pin(cpu->stub_tid, host_cpu);
	pin(cpu->sentry_tid, host_cpu);
}

static void count_locked(struct place *pl, int delta) MUST_HOLD(&g_place.mu)
{
	g_place.nr_empty -= pl->nr_runnable == 0;
	g_place.nr_crowded -= pl->nr_runnable >= 2;
	pl->nr_runnable += delta;
	assert(pl->nr_runnable >= 0);
	g_place.nr_empty += pl->nr_runnable == 0;
	g_place.nr_crowded += pl->nr_runnable >= 2;
}

static bool unbalanced_locked(void) MUST_HOLD(&g_place.mu)
{
	return g_place.nr_crowded > 0 && g_place.nr_empty > 0;
}

/* --- pairs on two CPUs --------------------------------------------------- */

static void rejoin_locked(struct placed *cpu) MUST_HOLD(&g_place.mu)
{
	if (cpu->second < 0)
		return;
	count_locked(&g_place.at[cpu->second], -1);
	cpu->second = -1;
	g_place.nr_parted--;
	atomic_store_explicit(&cpu->recalled, false, memory_order_relaxed);
}

/* Somebody has nothing but crowded CPUs: who spins shall make room. */
static void recall_locked(void) MUST_HOLD(&g_place.mu)
{
	struct placed *cpu;

	if (g_place.nr_parted == 0 || g_place.nr_crowded == 0)
		return;
	list_for_each_entry (cpu, &g_place.cpus, node)
		if (cpu->second >= 0)
			atomic_store_explicit(&cpu->recalled, true,
					      memory_order_relaxed);
}

static void set_runnable_locked(struct placed *cpu, bool on)
	MUST_HOLD(&g_place.mu)
{
	if (cpu->place < 0 || cpu->runnable == on)
		return;
	cpu->runnable = on;
	count_locked(&g_place.at[cpu->place], on ? 1 : -1);
	if (on)
		recall_locked();
}

bool placement_part(struct placed *cpu)
{
	int to = -1;

	if (!g_place.pinning)
		return false;
	mutex_lock(&g_place.mu);
	for (int i = 0; i < g_place.nr && to < 0; i++)
		if (g_place.at[i].nr_runnable == 0)
			to = i;
	if (cpu->place >= 0 && cpu->second < 0 && to >= 0) {
		cpu->second = to;
		g_place.nr_parted++;
		count_locked(&g_place.at[to], 1);
		pin(cpu->sentry_tid, g_place.at[to].host_cpu);
	} else {
		to = -1;
	}
	mutex_unlock(&g_place.mu);
	return to >= 0;
}

void placement_rejoin(struct placed *cpu)
{
	mutex_lock(&g_place.mu);
	if (cpu->second >= 0) {
		rejoin_locked(cpu);
		pin(cpu->sentry_tid, g_place.at[cpu->place].host_cpu);
	}
	mutex_unlock(&g_place.mu);
}

static bool is_allowed(const struct placed *cpu, int place)
{
	return cpu->allowed[place / 64] >> place % 64 & 1;
}

/* The emptiest CPU that @cpu may have; of equal ones the first, where the
 * caller's parent is not if it is running. */
static int choose_locked(const struct placed *cpu) MUST_HOLD(&g_place.mu)
{
	int best = 0;

	for (int i = 0; i < g_place.nr; i++) {
		const struct place *p = &g_place.at[i];
		const struct place *b = &g_place.at[best];

		if (!is_allowed(cpu, i))
			continue;
		if (!is_allowed(cpu, best) || p->nr_runnable < b->nr_runnable ||
		    (p->nr_runnable == b->nr_runnable &&
		     p->nr_bound < b->nr_bound))
			best = i;
	}
	return best;
}

static void move_locked(struct placed *cpu, int to) MUST_HOLD(&g_place.mu)
{
	struct place *from = &g_place.at[cpu->place];

	if (cpu->runnable)
		count_locked(from, -1);
	from->nr_bound--;
	cpu->place = to;
	g_place.at[to].nr_bound++;
	if (cpu->runnable)
		count_locked(&g_place.at[to], 1);
	if (cpu->second < 0) {
		pin_pair_locked(cpu);
		return;
	}
	/* Its sentry thread stays where it spins till it notices. */
	pin(cpu->stub_tid, g_place.at[to].host_cpu);
	atomic_store_explicit(&cpu->recalled, true, memory_order_relaxed);
}

/* Moves one runnable pair of place @from to place @to; false: none can. */
static bool move_one_locked(int from, int to) MUST_HOLD(&g_place.mu)
{
	struct placed *cpu, *best = NULL;

	list_for_each_entry (cpu, &g_place.cpus, node)
		if (cpu->place == from && cpu->runnable && cpu->second < 0 &&
		    is_allowed(cpu, to))
			best = cpu;
	if (best)
		move_locked(best, to);
	return best;
}

/* One look at the load.  Returns true if it was out of balance. */
static bool watch_tick_locked(void) MUST_HOLD(&g_place.mu)
{
	bool uneven = unbalanced_locked();

	for (int i = 0; i < g_place.nr; i++) {
		struct place *p = &g_place.at[i];

		if (!uneven || p->nr_runnable < 2) {
			p->crowded_ticks = 0;
			continue;
		}
		if (++p->crowded_ticks < STEADY_TICKS)
			continue;
		p->crowded_ticks = 0;
		for (int to = 0; to < g_place.nr; to++) {
			if (g_place.at[to].nr_runnable == 0 &&
			    move_one_locked(i, to))
				break;
		}
	}
	return uneven;
}

static void *watch(void *arg)
{
	static const struct timespec tick = { .tv_nsec = TICK_NS };
	_Atomic uint32_t never = 0;
	int calm = 0;

	(void)arg;
	raw_call(SYS_sched_setaffinity, 0, sizeof(g_place.all),
		 (uint64_t)(uintptr_t)&g_place.all, 0);
	for (;;) {
		bool uneven;

		raw_futex_wait(&never, 0, &tick, true);
		mutex_lock(&g_place.mu);
		uneven = watch_tick_locked();
		calm = uneven ? 0 : calm + 1;
		if (calm >= CALM_TICKS)
			atomic_store(&g_place.watch_word, 0);
		mutex_unlock(&g_place.mu);
		while (!atomic_load(&g_place.watch_word)) {
			raw_futex_wait(&g_place.watch_word, 0, NULL, true);
			calm = 0;
		}
	}
	return NULL;
}

static void watch_start(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WATCH_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ret = pthread_create(&thread, &attr, watch, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret != 0) {
		mutex_lock(&g_place.mu);
		g_place.watch_failed = true;
		mutex_unlock(&g_place.mu);
	}
}

/* Ends the caller's change; wakes or makes the watcher if it is needed. */
static void unlock_and_tell(void) RELEASES(&g_place.mu)
{
	bool tell = unbalanced_locked() && g_place.pinning &&
		    !g_place.watch_failed && !atomic_load(&g_place.watch_word);
	bool create = tell && !g_place.watch_started;

	if (tell)
		atomic_store(&g_place.watch_word, 1);
	if (create)
		g_place.watch_started = true;
	mutex_unlock(&g_place.mu);
	if (create)
		watch_start();
	else if (tell)
		raw_futex_wake(&g_place.watch_word, 1, true);
}

void placement_bind(struct placed *cpu, uint32_t stub_tid)
{
	mutex_lock(&g_place.mu);
	cpu->stub_tid = stub_tid;
	cpu->sentry_tid = (uint32_t)raw_call(SYS_gettid, 0, 0, 0, 0);
	if (g_place.nr > 0) {
		cpu->place = choose_locked(cpu);
		g_place.at[cpu->place].nr_bound++;
		list_append(&g_place.cpus, &cpu->node);
		set_runnable_locked(cpu, true);
		pin_pair_locked(cpu);
	}
	unlock_and_tell();
}

void placement_follow(struct placed *cpu, uint32_t tid)
{
	mutex_lock(&g_place.mu);
	cpu->stub_tid = tid;
	if (cpu->place >= 0 && g_place.pinning)
		pin(tid, g_place.at[cpu->place].host_cpu);
	mutex_unlock(&g_place.mu);
}

int placement_of_sentry(const struct placed *cpu)
{
	return cpu->second >= 0 ? cpu->second : cpu->place;
}

void placement_join(struct placed *cpu, uint32_t tid)
{
	mutex_lock(&g_place.mu);
	if (cpu->place >= 0 && g_place.pinning)
		pin(tid, g_place.at[placement_of_sentry(cpu)].host_cpu);
	mutex_unlock(&g_place.mu);
}

/* What the guest calls the CPU, as host_getcpu() % host_nr_cpus() does. */
static int number_of(int place)
{
	return g_place.at[place].host_cpu % g_place.nr;
}

void placement_allow(struct placed *cpu, const uint64_t *mask)
{
	uint64_t bit;

	mutex_lock(&g_place.mu);
	for (int i = 0; i < g_place.nr; i++) {
		bit = 1ull << i % 64;
		if (mask[number_of(i) / 64] >> number_of(i) % 64 & 1)
			cpu->allowed[i / 64] |= bit;
		else
			cpu->allowed[i / 64] &= ~bit;
	}
	if (cpu->place >= 0 && g_place.pinning && !is_allowed(cpu, cpu->place))
		move_locked(cpu, choose_locked(cpu));
	unlock_and_tell();
}

int placement_number(struct placed *cpu)
{
	int nr = -1;

	mutex_lock(&g_place.mu);
	if (cpu->place >= 0 && g_place.pinning)
		nr = number_of(cpu->place);
	mutex_unlock(&g_place.mu);
	return nr;
}

void placement_release(uint32_t tid)
{
	if (g_place.pinning)
		raw_call(SYS_sched_setaffinity, tid, sizeof(g_place.all),
			 (uint64_t)(uintptr_t)&g_place.all, 0);
}

void placement_unbind(struct placed *cpu)
{
	mutex_lock(&g_place.mu);
	rejoin_locked(cpu);
	set_runnable_locked(cpu, false);
	if (cpu->place >= 0)
		g_place.at[cpu->place].nr_bound--;
	cpu->place = -1;
	list_del(&cpu->node);
	unlock_and_tell();
}

void placement_init(struct placed *cpu)
{
	list_init(&cpu->node);
	cpu->place = cpu->second = -1;
	for (size_t i = 0; i < ARRAY_SIZE(cpu->allowed); i++)
		cpu->allowed[i] = UINT64_MAX;
}

void placement_idle(struct placed *cpu, bool idle)
{
	mutex_lock(&g_place.mu);
	set_runnable_locked(cpu, !idle);
	unlock_and_tell();
}
