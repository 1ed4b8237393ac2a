/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vcpu: birth, move and death of runners.
 *
 * Locks: as->mu covers as->cpus.
 * Tests: tests/unit/test_platform_trap.c
 */
#include <assert.h>
#include <stdlib.h>

#include "platform/trap/trap.h"
#include "sentry/lib/alloc.h"

static void regs_init(struct guest_regs *regs)
{
	*regs = (struct guest_regs){
		.cs = TRAP_USER_CS,
		.ss = TRAP_USER_SS,
		.eflags = 0x202,
		.orig_rax = (uint64_t)-1,
	};
}

static void join(struct trap_vcpu *cpu, struct trap_as *as)
{
	mutex_lock(&as->mu);
	list_append(&as->cpus, &cpu->node);
	run_clock_join(&cpu->clock, &as->clock);
	mutex_unlock(&as->mu);
}

/* Returns true if @cpu was the last one of @as. */
static bool leave(struct trap_vcpu *cpu, struct trap_as *as)
{
	bool last;

	mutex_lock(&as->mu);
	list_del(&cpu->node);
	last = list_empty(&as->cpus);
	run_clock_leave(&cpu->clock, &as->clock);
	mutex_unlock(&as->mu);
	return last;
}

/* Gives @cpu slot @nr of @as; its runner has not said anything yet. */
static void take_slot(struct trap_vcpu *cpu, struct trap_as *as, uint32_t nr)
{
	cpu->slot = (struct stub_slot *)(as->stub->slots +
					 (size_t)nr * STUB_SLOT_SIZE);
	cpu->slot_nr = nr;
	cpu->fpu_at = 0;
	cpu->bases_known = false;
	cpu->ready = false;
	atomic_store(&cpu->id, (uint64_t)as->stub->tgid << 32);
}

/* A stub with one runner for the empty @as. */
static int begin_stub(struct trap_as *as)
{
	int ret = stub_get(as->p, &as->stub);

	if (ret < 0)
		return ret;
	as->slots_used[0] = 1;
	as->nr_idle = 0;
	as->sites_mapped = false;
	if (as->sites)
		atomic_store(&as->pending, 1);
	atomic_store(&as->clock.tgid, as->stub->tgid);
	return 0;
}

/* A runner that is left over.  False: there is none. */
static bool reuse_runner(struct trap_as *as, struct idle_runner *out)
{
	bool got;

	mutex_lock(&as->mu);
	got = as->nr_idle > 0;
	if (got)
		*out = as->idle[--as->nr_idle];
	mutex_unlock(&as->mu);
	return got;
}

/* Keeps the runner for the next thread of the same process. */
static bool keep_runner(struct trap_vcpu *cpu, struct trap_as *as)
{
	bool kept = false;

	if (!cpu->ready || atomic_load(&as->gone))
		return false;
	cpu->slot->spin = 0;
	mutex_lock(&as->mu);
	if (as->nr_idle < TRAP_IDLE_RUNNERS) {
		as->idle[as->nr_idle++] =
			(struct idle_runner){ cpu->slot_nr,
					      atomic_load(&cpu->id) };
		kept = true;
	}
	mutex_unlock(&as->mu);
	return kept;
}

int trap_vcpu_new(struct platform_as *base, struct vcpu *creator,
		  struct vcpu **out)
{
	struct trap_as *as = to_trap_as(base);
	AUTO_FREE struct trap_vcpu *cpu = kzalloc(sizeof(*cpu));
	struct idle_runner old = { 0 };
	uint32_t nr = 0;
	bool again;
	int ret;

	if (!cpu)
		return -EAGAIN;
	cpu->p = as->p;
	list_init(&cpu->node);
	list_init(&cpu->clock.node);
	placement_init(&cpu->placed);
	spin_init(cpu);
	regs_init(&cpu->regs);
	if (creator)
		cpu->regs = to_trap_vcpu(creator)->regs;
	again = creator && reuse_runner(as, &old);
	if (again)
		nr = old.slot_nr;
	ret = again ? 0 : creator ? space_new_runner(as, &nr) : begin_stub(as);
	if (ret < 0)
		return ret;
	cpu->base.as = base;
	take_slot(cpu, as, nr);
	if (again) {
		atomic_store(&cpu->id, old.id);
		cpu->ready = true;
	}
	join(cpu, as);
	*out = &take(cpu)->base;
	return 0;
}

/*
 * Waits for the runner's first word and learns its thread id.  The guest can
 * forge that, but only to name another thread of its own process.
 */
static int get_ready(struct trap_vcpu *cpu)
{
	struct trap_as *as = to_trap_as(cpu->base.as);
	uint32_t tgid = as->stub->tgid, tid;
	int ret;

	if (cpu->ready)
		return 0;
	ret = await_runner(cpu);
	tid = atomic_load(&cpu->slot->tid);
	if (ret == 0 && (tid == 0 || tid > INT32_MAX || tid == tgid ||
			 raw_tgkill(tgid, tid, 0) < 0))
		ret = -ESRCH;
	if (ret < 0) {
		space_lost(as);
		return ret;
	}
	atomic_store(&cpu->id, (uint64_t)tgid << 32 | tid);
	cpu->ready = true;
	return 0;
}

static uint32_t runner_tid(struct trap_vcpu *cpu)
{
	return (uint32_t)atomic_load(&cpu->id);
}

int trap_vcpu_bind(struct vcpu *vcpu)
{
	struct trap_vcpu *cpu = to_trap_vcpu(vcpu);
	int ret = get_ready(cpu);

	if (ret < 0)
		return ret;
	placement_bind(&cpu->placed, runner_tid(cpu));
	cpu->bound = true;
	return 0;
}

/* The runner of @cpu, which may have misbehaved, is told to end. */
static void drop_runner(struct trap_vcpu *cpu, struct trap_as *as, bool last)
{
	uint32_t old;

	if (last) {
		space_end_stub(as);
		return;
	}
	if (keep_runner(cpu, as))
		return;
	old = atomic_exchange(&cpu->slot->turn, TURN_EXIT);
	if (old & TURN_SLEEP || !cpu->ready)
		raw_futex_wake(&cpu->slot->turn, 1, false);
	space_put_slot(as, cpu->slot_nr);
}

int trap_vcpu_move(struct vcpu *vcpu, struct platform_as *base)
{
	struct trap_vcpu *cpu = to_trap_vcpu(vcpu);
	struct trap_as *as = to_trap_as(base), *old = to_trap_as(cpu->base.as);
	struct trap_vcpu before;
	bool last;
	int ret = begin_stub(as);

	if (ret < 0)
		return ret;
	spin_end(cpu);
	last = leave(cpu, old);
	before.slot = cpu->slot;
	before.slot_nr = cpu->slot_nr;
	before.ready = cpu->ready;
	atomic_store(&before.id, atomic_load(&cpu->id));
	trap_vcpu_set_as(cpu, as);
	take_slot(cpu, as, 0);
	join(cpu, as);
	drop_runner(&before, old, last);
	regs_init(&cpu->regs);
	/* A stub that died this early shows at the first entry. */
	if (get_ready(cpu) == 0)
		placement_follow(&cpu->placed, runner_tid(cpu));
	return 0;
}

void trap_vcpu_free(struct vcpu *vcpu)
{
	struct trap_vcpu *cpu = to_trap_vcpu(vcpu);
	struct trap_as *as = to_trap_as(cpu->base.as);
	bool last = leave(cpu, as);

	drop_runner(cpu, as, last);
	if (cpu->bound)
		placement_unbind(&cpu->placed);
	free(cpu);
}
