/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_clock: see the header.
 *
 * Locks: the space's, taken by the caller.
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/run_clock.h"

#include "platform/raw.h"

/* CPU clock id of process @pid: clock_getcpuclockid(3), CPUCLOCK_SCHED. */
static uint64_t process_time(uint32_t pid)
{
	struct timespec ts = { 0, 0 };
	uint64_t clock = (uint64_t)(int64_t)(int32_t)(~pid << 3 | 2);

	if (pid == 0 || raw_call(SYS_clock_gettime, clock,
				 (uint64_t)(uintptr_t)&ts, 0, 0) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t run_clock_cycles(struct run_clock *c)
{
	uint64_t spent = atomic_load(&c->spent_tsc);
	uint64_t entry = atomic_load(&c->entry_tsc);
	uint64_t now = __builtin_ia32_rdtsc();

	return entry && now > entry ? spent + (now - entry) : spent;
}

/* Cycles of all that are, or were, in the space, and the share of @mine. */
static uint64_t share(struct space_clock *s, uint64_t all, uint64_t mine)
{
	struct run_clock *c;

	if (mine == 0)
		return 0;
	all += atomic_load(&s->dead_tsc);
	list_for_each_entry (c, &s->clocks, node)
		all += run_clock_cycles(c);
	if (all < mine)
		all = mine;
	return (uint64_t)((unsigned __int128)process_time(
				  atomic_load(&s->tgid)) *
			  mine / all);
}

void run_clock_join(struct run_clock *c, struct space_clock *s)
{
	list_append(&s->clocks, &c->node);
}

void run_clock_leave(struct run_clock *c, struct space_clock *s)
{
	uint64_t mine = run_clock_cycles(c);

	list_del(&c->node);
	atomic_fetch_add(&c->base_ns, share(s, mine, mine));
	atomic_fetch_add(&s->dead_tsc, mine);
	atomic_store(&c->spent_tsc, 0);
}

uint64_t run_clock_now(struct run_clock *c, struct space_clock *s)
{
	return atomic_load(&c->base_ns) + share(s, 0, run_clock_cycles(c));
}

uint64_t run_clock_tell(struct run_clock *c, uint64_t now)
{
	uint64_t last = atomic_load(&c->last_ns);

	/* Shares shift; what was told once is not taken back. */
	while (now > last)
		if (atomic_compare_exchange_weak(&c->last_ns, &last, now))
			return now;
	return last;
}
