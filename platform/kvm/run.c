/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: into guest mode and back; one host call.
 *
 * Registers travel in the page shared with KVM.  The system registers are
 * written only if they must change: another space, other segment bases, or the
 * processor stands in ring 0, where an exception has left it.  Where ring 0 is
 * native that last case is an iretq instead, as after a system call.
 *
 * interrupt() against entry and exit:
 *
 *   interrupt()                     run()
 *                                   immediate_exit = 0
 *   old = state |= PENDING          old = state |= IN_GUEST
 *   old had IN_GUEST:               old had PENDING: give up, INTERRUPTED
 *     immediate_exit = 1, signal    KVM_RUN, state &= ~IN_GUEST
 *
 * A signal before KVM_RUN leaves immediate_exit behind, so it is never lost;
 * it may be spurious.
 *
 * Tests: tests/unit/test_platform_kvm.c
 */
#include <string.h>

#include "platform/kvm/kvm.h"

#define FLAGS_MASK 0x254dd5ull /* what a program may have, TF included */
#define FLAGS_SET  0x202ull
#define FLAG_TF	   0x100ull

static void set_immediate_exit(struct hw *hw, uint8_t value)
{
	__atomic_store_n(&hw->run->immediate_exit, value, __ATOMIC_SEQ_CST);
}

void hw_kick(struct hw *hw)
{
	uint32_t tid = atomic_load(&hw->tid);

	set_immediate_exit(hw, 1);
	if (tid)
		raw_tgkill((uint32_t)g_kvm.pid, tid, KVM_KICK_SIGNAL);
}

void kvm_interrupt(struct vcpu *vcpu)
{
	struct kvm_vcpu *cpu = to_kvm_vcpu(vcpu);
	uint32_t old = atomic_fetch_or(&cpu->state, KVM_PENDING);
	struct hw *hw = atomic_load(&cpu->hw);

	if (!(old & KVM_IN_GUEST) || old & KVM_PENDING)
		return;
	if (hw)
		set_immediate_exit(hw, 1);
	raw_tgkill((uint32_t)g_kvm.pid, atomic_load(&cpu->tid),
		   KVM_KICK_SIGNAL);
}

/* Into guest mode with all orders done.  False: *stop says why not. */
static bool enter_guest(struct kvm_vcpu *cpu, struct hw *hw,
			struct guest_stop *stop)
{
	struct kvm_as *as = to_kvm_as(cpu->base.as);

	for (;;) {
		uint32_t old;

		set_immediate_exit(hw, 0);
		old = atomic_fetch_or(&cpu->state, KVM_IN_GUEST);
		if (unlikely(old & KVM_PENDING)) {
			atomic_store(&cpu->state, 0);
			stop->kind = STOP_INTERRUPTED;
			return false;
		}
		if (unlikely(!atomic_load_explicit(&as->used,
						   memory_order_relaxed)))
			atomic_store(&as->used, true);
		if (likely(!atomic_load(&as->pending) &&
			   atomic_load(&as->root)))
			break;
		atomic_fetch_and(&cpu->state, ~(uint32_t)KVM_IN_GUEST);
		if (!space_ready(as)) {
			stop->kind = STOP_GONE;
			return false;
		}
	}
	return true;
}

/* The frame of an iretq; the processor stands in ring 0. */
static void return_by_iret(struct hw *hw, struct kvm_regs *k, uint64_t cs)
{
	uint64_t frame[] = { k->rip, cs, k->rflags, k->rsp, KVM_USER_SS };

	memcpy(hw->stack + IRET_FRAME, frame, sizeof(frame));
	k->rip = WINDOW_IRET;
	k->rsp = hw->stack_addr + IRET_FRAME;
	k->rflags = 2;
}

static void load_segments(struct kvm_vcpu *cpu, struct hw *hw,
			  struct kvm_sregs *s)
{
	const struct guest_regs *r = &cpu->regs;

	s->cs = g_kvm.sregs.cs;
	s->ss = g_kvm.sregs.ss;
	if (r->cs == KVM_USER32_CS) {
		s->cs.selector = KVM_USER32_CS;
		s->cs.l = 0;
		s->cs.db = 1;
	}
	if (!hw->segments_known) {
		s->ds = g_kvm.sregs.ds;
		s->es = g_kvm.sregs.es;
		s->fs = g_kvm.sregs.fs;
		s->gs = g_kvm.sregs.gs;
	}
	s->fs.base = r->fs_base;
	s->gs.base = r->gs_base;
	hw->segments_known = true;
}

/* Gives @hw the guest's registers. */
static inline void load_regs(struct kvm_vcpu *cpu, struct hw *hw, bool step)
{
	struct kvm_sregs *s = &hw->run->s.regs.sregs;
	struct kvm_regs *k = &hw->run->s.regs.regs;
	struct guest_regs *r = &cpu->regs;
	uint64_t root = atomic_load(&to_kvm_as(cpu->base.as)->root);
	bool ring0 = !(s->cs.selector & 3), system;

	r->eflags = (r->eflags & FLAGS_MASK) | FLAGS_SET;
	*k = (struct kvm_regs){
		r->rax, r->rbx, r->rcx,
		r->rdx, r->rsi, r->rdi,
		r->rsp, r->rbp, r->r8,
		r->r9,	r->r10, r->r11,
		r->r12, r->r13, r->r14,
		r->r15, r->rip, r->eflags | (step ? FLAG_TF : 0),
	};
	system = s->cr3 != root || s->fs.base != r->fs_base ||
		 s->gs.base != r->gs_base || !hw->segments_known;
	if (ring0 ? !g_kvm.native : s->cs.selector != r->cs)
		system = true;
	hw->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	if (system) {
		s->cr3 = root;
		load_segments(cpu, hw, s);
		hw->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	} else if (ring0) {
		return_by_iret(hw, k, r->cs);
	}
}

static inline long guest_mode(struct kvm_vcpu *cpu, struct hw *hw)
{
	long ret;

	run_clock_start(&cpu->clock);
	ret = kvm_ioctl(hw->fd, KVM_RUN, NULL);
	run_clock_stop(&cpu->clock);
	return ret;
}

void kvm_guest_run(struct vcpu *vcpu, bool step, struct guest_stop *stop)
{
	struct kvm_vcpu *cpu = to_kvm_vcpu(vcpu);
	struct hw *hw;
	bool again;
	long ret;

	*stop = (struct guest_stop){ .kind = STOP_INTERRUPTED };
	if (unlikely(atomic_load(&to_kvm_as(cpu->base.as)->gone))) {
		stop->kind = STOP_GONE;
		return;
	}
	if (unlikely(!kvm_check_regs(cpu, stop)))
		return;
	hw = pool_take(cpu);
	if (unlikely(!hw)) {
		atomic_store(&cpu->state, 0);
		return;
	}
	atomic_store(&hw->tid, atomic_load(&cpu->tid));
	do {
		if (!enter_guest(cpu, hw, stop))
			break;
		load_regs(cpu, hw, step);
		ret = guest_mode(cpu, hw);
		atomic_fetch_and(&cpu->state, ~(uint32_t)KVM_IN_GUEST);
		again = kvm_stop_decode(cpu, hw, ret, step, stop);
		/* Whoever has asked for it till now gets it. */
		if (!again && stop->kind == STOP_INTERRUPTED)
			atomic_store(&cpu->state, 0);
	} while (unlikely(again));
	atomic_store(&hw->tid, 0);
	pool_give(hw);
}
