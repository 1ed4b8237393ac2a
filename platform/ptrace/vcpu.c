/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vcpu: birth, move and death of stub threads.
 *
 * The kernel reports the death of a thread-group leader to its tracer only
 * when all other threads are gone and waited for; a leader that runs guest
 * code beside threads whose sentry threads sleep would die unnoticed.  So the
 * leader is a vcpu only while it is alone: before the second thread is made,
 * its vcpu moves to a thread of its own (abandon_leader()) and the leader is
 * parked, untraced, until the process ends.
 *
 * Locks: as->mu covers as->cpus.
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include <assert.h>

#include "platform/ptrace/pt.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/log.h"

static void set_id(struct pt_vcpu *cpu, uint32_t tgid, uint32_t tid)
{
	cpu->tid = tid;
	cpu->is_leader = tgid == tid;
	cpu->reaped = false;
	cpu->dirty = true;
	atomic_store(&cpu->id, (uint64_t)tgid << 32 | tid);
}

/* A parked stub process for the empty @as.  -EAGAIN. */
static int make_process(struct pt_as *as)
{
	int ret = 0;

	if (as->slot == PT_NO_SLOT)
		ret = slot_get(as->p, &as->slot);
	if (ret < 0)
		return ret;
	ret = template_new_stub(as->p);
	if (ret < 0)
		return ret;
	atomic_store(&as->clock.tgid, (uint32_t)ret);
	atomic_store(&as->needs_setup, true);
	atomic_store(&as->pending, 1);
	return 0;
}

/* A parked thread beside @creator.  Returns its tid, -EAGAIN, -ESRCH. */
static int make_thread(struct pt_as *as, struct pt_vcpu *creator)
{
	struct guest_regs regs;
	int ret;

	stub_regs_init(&regs, stub_addr(as->p, stub_clone));
	regs.rax = SYS_clone;
	regs.rdi = STUB_CLONE_THREAD;
	ret = tracee_inject(creator, &regs, stub_addr(as->p, stub_clone_end));
	if (ret < 0) {
		vcpu_lost(creator);
		return ret;
	}
	if ((int64_t)regs.rax <= 0) {
		log_debug("ptrace: no new stub thread: error %d",
			  -(int)regs.rax);
		return -EAGAIN;
	}
	return (int)regs.rax;
}

/* Moves @cpu from the leader to a thread; FPU state and CPU come with
 * clone(). */
static int abandon_leader(struct pt_as *as, struct pt_vcpu *cpu)
{
	uint32_t leader = cpu->tid;
	int tid = make_thread(as, cpu), ret;

	if (tid < 0)
		return tid;
	ret = tracee_seize((uint32_t)tid);
	if (ret < 0)
		return ret == -ESRCH ? ret : -EAGAIN;
	tracee_release(as->p, leader, stub_park, 0);
	set_id(cpu, leader, (uint32_t)tid);
	placement_follow(&cpu->placed, (uint32_t)tid);
	return 0;
}

static void join(struct pt_vcpu *cpu, struct pt_as *as)
{
	mutex_lock(&as->mu);
	list_append(&as->cpus, &cpu->node);
	run_clock_join(&cpu->clock, &as->clock);
	mutex_unlock(&as->mu);
}

/* Returns true if @cpu was the last one of @as. */
static bool leave(struct pt_vcpu *cpu, struct pt_as *as)
{
	bool last;

	mutex_lock(&as->mu);
	list_del(&cpu->node);
	last = list_empty(&as->cpus);
	run_clock_leave(&cpu->clock, &as->clock);
	mutex_unlock(&as->mu);
	return last;
}

/* 0 with the ids of a new parked stub thread in @as. */
static int make_stub(struct pt_as *as, struct pt_vcpu *creator,
		     uint32_t *out_tid)
{
	int ret;

	if (!creator) {
		ret = make_process(as);
		*out_tid = atomic_load(&as->clock.tgid);
		return ret;
	}
	if (atomic_load(&as->gone))
		return -EAGAIN;
	ret = creator->is_leader ? abandon_leader(as, creator) : 0;
	if (ret == 0)
		ret = make_thread(as, creator);
	if (ret < 0)
		return -EAGAIN;
	*out_tid = (uint32_t)ret;
	return 0;
}

int pt_vcpu_new(struct platform_as *base, struct vcpu *creator,
		struct vcpu **out)
{
	struct pt_as *as = to_pt_as(base);
	AUTO_FREE struct pt_vcpu *cpu = kzalloc(sizeof(*cpu));
	uint32_t tid;
	int ret;

	if (!cpu)
		return -EAGAIN;
	cpu->p = as->p;
	list_init(&cpu->node);
	list_init(&cpu->clock.node);
	placement_init(&cpu->placed);
	stub_regs_init(&cpu->regs, 0);
	if (creator)
		cpu->regs = to_pt_vcpu(creator)->regs;
	ret = make_stub(as, creator ? to_pt_vcpu(creator) : NULL, &tid);
	if (ret < 0)
		return ret;
	set_id(cpu, atomic_load(&as->clock.tgid), tid);
	cpu->base.as = base;
	join(cpu, as);
	*out = &take(cpu)->base;
	return 0;
}

int pt_vcpu_bind(struct vcpu *vcpu)
{
	struct pt_vcpu *cpu = to_pt_vcpu(vcpu);
	int ret;

	placement_bind(&cpu->placed, cpu->tid);
	ret = tracee_seize(cpu->tid);
	if (ret < 0) {
		placement_unbind(&cpu->placed);
		return ret;
	}
	cpu->bound = true;
	cpu->dirty = true;
	if (cpu->fpu)
		ret = fpu_load_early(cpu);
	return ret;
}

/* Ends the stub thread of @cpu, and with the @last one the process. */
static void drop_stub(struct pt_vcpu *cpu, uint32_t tid, bool last)
{
	if (!last) {
		tracee_release(cpu->p, tid, stub_exit, 0);
		return;
	}
	placement_release(tid);
	tracee_release(cpu->p, tid, stub_exit_group, SIGKILL);
}

int pt_vcpu_move(struct vcpu *vcpu, struct platform_as *base)
{
	struct pt_vcpu *cpu = to_pt_vcpu(vcpu);
	struct pt_as *as = to_pt_as(base), *old = to_pt_as(cpu->base.as);
	uint32_t tgid, old_tid = cpu->tid;
	bool reaped = cpu->reaped, last;
	int ret = make_process(as);

	if (ret < 0)
		return ret;
	tgid = atomic_load(&as->clock.tgid);
	placement_follow(&cpu->placed, tgid);
	ret = tracee_seize(tgid);
	if (ret < 0) {
		atomic_store(&as->clock.tgid, 0);
		raw_call(SYS_kill, tgid, SIGKILL, 0, 0);
		return -EAGAIN;
	}
	last = leave(cpu, old);
	if (!reaped)
		drop_stub(cpu, old_tid, last);
	if (last)
		atomic_store(&old->clock.tgid, 0);
	vcpu_set_as(cpu, as);
	set_id(cpu, tgid, tgid);
	stub_regs_init(&cpu->regs, 0);
	join(cpu, as);
	return 0;
}

/* A stub thread that nobody has bound is parked and untraced. */
static void drop_unbound(struct pt_vcpu *cpu, uint32_t tgid, bool last)
{
	int ret;

	if (last && cpu->is_leader) {
		raw_call(SYS_kill, tgid, SIGKILL, 0, 0);
		return;
	}
	ret = tracee_seize(cpu->tid);
	if (ret == 0)
		drop_stub(cpu, cpu->tid, last);
}

void pt_vcpu_free(struct vcpu *vcpu)
{
	struct pt_vcpu *cpu = to_pt_vcpu(vcpu);
	struct pt_as *as = to_pt_as(cpu->base.as);
	uint32_t tgid = atomic_load(&as->clock.tgid);
	bool last = leave(cpu, as);

	if (!cpu->bound)
		drop_unbound(cpu, tgid, last);
	else if (!cpu->reaped)
		drop_stub(cpu, cpu->tid, last);
	if (last)
		atomic_store(&as->clock.tgid, 0);
	if (cpu->bound)
		placement_unbind(&cpu->placed);
	free(cpu->fpu);
	free(cpu);
}
