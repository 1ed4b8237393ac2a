/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: into guest mode and back; the fast path of the platform.
 *
 * A system call costs four host calls: PTRACE_SETREGS, PTRACE_SYSEMU, wait4
 * and PTRACE_GETREGS; nothing is allocated and no lock taken.
 *
 * interrupt() against entry and exit:
 *
 *   interrupt()                     run()
 *   old = state |= PENDING          old = state |= IN_GUEST
 *   old had IN_GUEST: send signal   old had PENDING: give up, INTERRUPTED
 *                                   SYSEMU, wait, state &= ~IN_GUEST
 *
 * A signal sent while IN_GUEST is set stops the stub even if SYSEMU has not
 * been called yet: it stays pending in the stub.  One that comes when the stub
 * has just stopped for another reason gives a spurious STOP_INTERRUPTED later.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include <string.h>

#include "platform/ptrace/pt.h"

#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#endif
#ifndef PTRACE_SYSEMU_SINGLESTEP
#define PTRACE_SYSEMU_SINGLESTEP 32
#endif

void vcpu_kick(struct pt_vcpu *cpu)
{
	uint64_t id = atomic_load(&cpu->id);

	raw_tgkill((uint32_t)(id >> 32), (uint32_t)id, PT_KICK_SIGNAL);
}

void pt_interrupt(struct vcpu *vcpu)
{
	struct pt_vcpu *cpu = to_pt_vcpu(vcpu);
	uint32_t old = atomic_fetch_or(&cpu->state, PT_PENDING);

	if ((old & PT_IN_GUEST) && !(old & PT_PENDING))
		vcpu_kick(cpu);
}

/* Guest mode ends; @also is cleared with it. */
static inline void exit_guest(struct pt_vcpu *cpu, uint32_t also)
{
	uint32_t old =
		atomic_fetch_and(&cpu->state, ~(PT_IN_GUEST | PT_SYNC | also));

	if (unlikely(old & PT_SYNC)) {
		struct pt_as *as = to_pt_as(cpu->base.as);

		if (atomic_fetch_sub(&as->sync_left, 1) == 1)
			raw_futex_wake(&as->sync_left, INT32_MAX, true);
	}
}

/* Into guest mode with all orders done.  False: *stop says why not. */
static bool enter_guest(struct pt_vcpu *cpu, struct guest_stop *stop)
{
	struct pt_as *as = to_pt_as(cpu->base.as);

	for (;;) {
		uint32_t old = atomic_fetch_or(&cpu->state, PT_IN_GUEST);

		if (unlikely(old & PT_PENDING)) {
			exit_guest(cpu, PT_PENDING);
			stop->kind = STOP_INTERRUPTED;
			return false;
		}
		if (likely(!atomic_load(&as->pending)))
			return true;
		exit_guest(cpu, 0);
		if (flush_at_entry(as, cpu) < 0) {
			stop->kind = STOP_GONE;
			return false;
		}
	}
}

/* Gives the stub the guest's registers.  0, -EIO, -ESRCH. */
static inline long load_regs(struct pt_vcpu *cpu)
{
	long ret;

	/* The host must not restart a call on our behalf. */
	cpu->regs.orig_rax = (uint64_t)-1;
	if (!cpu->dirty &&
	    memcmp(&cpu->regs, &cpu->loaded, sizeof(cpu->regs)) == 0)
		return 0;
	ret = raw_ptrace(PTRACE_SETREGS, cpu->tid, 0, &cpu->regs);
	cpu->dirty = ret < 0;
	return ret;
}

/* One stay in guest mode.  *status as wait4() has it, 0 if the stub is gone. */
static inline void guest_mode(struct pt_vcpu *cpu, bool step, int *status)
{
	long request = step ? PTRACE_SYSEMU_SINGLESTEP : PTRACE_SYSEMU;

	run_clock_start(&cpu->clock);
	raw_ptrace(request, cpu->tid, 0, NULL);
	if (unlikely(raw_wait(cpu->tid, status) < 0))
		*status = 0;
	run_clock_stop(&cpu->clock);
}

/* Takes the registers of a stopped stub.  False: it died meanwhile. */
static inline bool save_regs(struct pt_vcpu *cpu)
{
	if (unlikely(raw_ptrace(PTRACE_GETREGS, cpu->tid, 0, &cpu->regs) < 0))
		return false;
	cpu->loaded = cpu->regs;
	cpu->dirty = false;
	return true;
}

static void stop_gone(struct pt_vcpu *cpu, int status, struct guest_stop *stop)
{
	if (!PT_IS_STOP(status))
		cpu->reaped = true;
	vcpu_lost(cpu);
	stop->kind = STOP_GONE;
}

void pt_run(struct vcpu *vcpu, bool step, struct guest_stop *stop)
{
	struct pt_vcpu *cpu = to_pt_vcpu(vcpu);
	int status = 0;
	long ret;

	*stop = (struct guest_stop){ .kind = STOP_INTERRUPTED };
	if (!enter_guest(cpu, stop))
		return;
	ret = load_regs(cpu);
	if (unlikely(ret < 0)) {
		exit_guest(cpu, 0);
		if (ret == -EIO)
			stop_bad_regs(cpu, stop);
		else
			stop_gone(cpu, PT_STOPPED(0, 0), stop);
		return;
	}
	guest_mode(cpu, step, &status);
	if (unlikely(!PT_IS_STOP(status) || !save_regs(cpu))) {
		exit_guest(cpu, 0);
		stop_gone(cpu, status, stop);
		return;
	}
	exit_guest(cpu,
		   status == PT_STOPPED(PT_KICK_SIGNAL, 0) ? PT_PENDING : 0);
	/* `syscall` leaves rip in rcx; other ways in (int 0x80) do not. */
	if (likely(status == PT_SYSCALL_STOP && cpu->regs.cs == PT_USER_CS &&
		   cpu->regs.rcx == cpu->regs.rip))
		stop->kind = STOP_SYSCALL;
	else
		stop_decode(cpu, status, stop);
}
