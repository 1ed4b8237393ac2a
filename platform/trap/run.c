/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: into guest mode and back; the fast path of the platform.
 *
 * One word of the slot says whose turn it is.  Whoever has handed over waits:
 * looks for a while if that pays, then adds SLEEP to the word and sleeps on
 * it; the other side, seeing SLEEP in what it replaces, wakes it.
 *
 * interrupt() against entry and exit:
 *
 *   interrupt()                     run()
 *   old = state |= PENDING          old = state |= IN_GUEST
 *   old had IN_GUEST: send signal   old had PENDING: give up, INTERRUPTED
 *                                   hand over, wait, state &= ~IN_GUEST
 *
 * A signal that finds the runner in stub code is noted in the slot, and the
 * next entry gives up; one that finds it loading registers makes it give up.
 * So it is never lost, but may be spurious.  A guest that has broken its
 * runner does not answer: its process is killed after KICK_TICKS.
 *
 * Tests: tests/unit/test_platform_trap.c
 */
#include "platform/trap/trap.h"
#include "sentry/lib/log.h"

#define KICK_TICKS 10 /* seconds that a runner may take to answer a kick */

void trap_interrupt(struct vcpu *vcpu)
{
	struct trap_vcpu *cpu = to_trap_vcpu(vcpu);
	uint32_t old = atomic_fetch_or(&cpu->state, TRAP_PENDING);
	uint64_t id = atomic_load(&cpu->id);

	if ((old & TRAP_IN_GUEST) && !(old & TRAP_PENDING))
		raw_tgkill((uint32_t)(id >> 32), (uint32_t)id,
			   STUB_KICK_SIGNAL);
}

/* A second has passed without a word.  Returns false to give the stub up. */
static bool still_there(struct trap_vcpu *cpu, int *ticks)
{
	uint64_t id = atomic_load(&cpu->id);
	uint32_t tgid = (uint32_t)(id >> 32), tid = (uint32_t)id;

	if (raw_tgkill(tgid, tid ? tid : tgid, 0) < 0)
		return false;
	if (!(atomic_load(&cpu->state) & TRAP_PENDING) && cpu->ready)
		return true;
	/* Once more: the guest may have lost the first. */
	if (cpu->ready)
		raw_tgkill(tgid, tid, STUB_KICK_SIGNAL);
	return ++*ticks < KICK_TICKS;
}

/* Looks for a while.  True: it has stopped. */
static inline bool look(_Atomic uint32_t *turn)
{
	for (int i = 0; i < SPIN_LOOKS; i++) {
		if ((atomic_load_explicit(turn, memory_order_acquire) &
		     ~(uint32_t)TURN_SLEEP) == TURN_STOPPED)
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

int await_runner(struct trap_vcpu *cpu)
{
	static const struct timespec tick = { .tv_sec = 1 };
	_Atomic uint32_t *turn = &cpu->slot->turn;
	int ticks = 0;

	if (cpu->spin.parted) {
		if (likely(look(turn)))
			return 0;
		spin_end(cpu);
	}
	for (;;) {
		uint32_t now = atomic_load(turn);

		if ((now & ~TURN_SLEEP) == TURN_STOPPED)
			return 0;
		if (!(now & TURN_SLEEP) &&
		    !atomic_compare_exchange_strong(turn, &now,
						    now | TURN_SLEEP))
			continue;
		if (raw_futex_wait(turn, now | TURN_SLEEP, &tick, false) ==
			    -ETIMEDOUT &&
		    !still_there(cpu, &ticks))
			return -ESRCH;
	}
}

int hand_over(struct trap_vcpu *cpu, uint32_t to)
{
	_Atomic uint32_t *turn = &cpu->slot->turn;
	bool slept = atomic_exchange(turn, to) & TURN_SLEEP;
	int ret;

	if (slept)
		raw_futex_wake(turn, 1, false);
	ret = await_runner(cpu);
	return ret < 0 ? ret : slept;
}

/* Into guest mode with all orders done.  False: *stop says why not. */
static bool enter_guest(struct trap_vcpu *cpu, struct guest_stop *stop)
{
	struct trap_as *as = to_trap_as(cpu->base.as);

	for (;;) {
		uint32_t old = atomic_fetch_or(&cpu->state, TRAP_IN_GUEST);

		if (unlikely(old & TRAP_PENDING)) {
			atomic_store(&cpu->state, 0);
			stop->kind = STOP_INTERRUPTED;
			return false;
		}
		if (likely(!atomic_load(&as->pending)))
			return true;
		atomic_fetch_and(&cpu->state, ~(uint32_t)TRAP_IN_GUEST);
		if (space_flush_at_entry(as, cpu) < 0) {
			stop->kind = STOP_GONE;
			return false;
		}
	}
}

/* Gives the runner the guest's registers. */
static inline void load_regs(struct trap_vcpu *cpu, bool step)
{
	struct stub_slot *slot = cpu->slot;
	struct guest_regs *r = &cpu->regs;

	/* What a program may have in its flags, and interrupts on. */
	r->eflags = (r->eflags & 0x254dd5) | 0x202;
	slot->regs = *r;
	if (unlikely(step))
		slot->regs.eflags |= 0x100;
	slot->flags = !cpu->bases_known || r->fs_base != cpu->fs_base ||
				      r->gs_base != cpu->gs_base
			      ? SLOT_LOAD_BASES
			      : 0;
	slot->fpu = cpu->fpu_at;
}

void trap_run(struct vcpu *vcpu, bool step, struct guest_stop *stop)
{
	struct trap_vcpu *cpu = to_trap_vcpu(vcpu);
	uint64_t start;
	int ret;

	*stop = (struct guest_stop){ .kind = STOP_INTERRUPTED };
	if (!enter_guest(cpu, stop))
		return;
	if (unlikely(!stop_check_regs(cpu, stop))) {
		atomic_fetch_and(&cpu->state, ~(uint32_t)TRAP_IN_GUEST);
		return;
	}
	load_regs(cpu, step);
	start = run_clock_start(&cpu->clock);
	ret = hand_over(cpu, TURN_GO);
	spin_after(cpu, run_clock_stop(&cpu->clock) - start, ret != 0);
	atomic_fetch_and(&cpu->state, ~(uint32_t)TRAP_IN_GUEST);
	if (likely(ret >= 0))
		ret = stop_read(cpu, step, stop);
	/* Whoever has asked for it till now gets it. */
	if (stop->kind == STOP_INTERRUPTED)
		atomic_store(&cpu->state, 0);
	if (unlikely(ret < 0)) {
		space_lost(to_trap_as(cpu->base.as));
		stop->kind = STOP_GONE;
	}
}
