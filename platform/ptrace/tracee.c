/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracee: how a sentry thread takes a stub thread, makes it run stub code, and
 * lets go of it.  All of this is off the fast path (run.c).
 *
 * A tracee belongs to the sentry thread that seized it.  PTRACE_O_EXITKILL: if
 * that thread ends with the tracee still attached, the stub process dies.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include <assert.h>

#include "platform/ptrace/pt.h"
#include "sentry/lib/log.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

int tracee_seize(uint32_t tid)
{
	long ret = raw_ptrace(
		PTRACE_SEIZE, tid, 0,
		(void *)(uintptr_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	int status;

	if (ret < 0)
		return (int)ret;
	/* Fails only if it is gone, which the wait tells. */
	raw_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
	for (;;) {
		ret = raw_wait(tid, &status);
		if (ret < 0 || !PT_IS_STOP(status))
			return -ESRCH;
		if (PT_STOP_EVENT(status) == PTRACE_EVENT_STOP)
			return 0;
		/* Some host signal came first: not for us. */
		raw_ptrace(PTRACE_CONT, tid, 0, NULL);
	}
}

void stub_regs_init(struct guest_regs *regs, uint64_t rip)
{
	*regs = (struct guest_regs){
		.rip = rip,
		.cs = PT_USER_CS,
		.ss = PT_USER_SS,
		.eflags = 0x202,
		.orig_rax = (uint64_t)-1,
	};
}

/* The stub did what its code cannot do: the caller gives it up. */
static int stub_astray(struct pt_vcpu *cpu, int status, uint64_t rip)
{
	log_error("ptrace: stub %u astray: status %#x at %#lx", cpu->tid,
		  (unsigned int)status, (unsigned long)rip);
	return -ESRCH;
}

int tracee_inject(struct pt_vcpu *cpu, struct guest_regs *regs, uint64_t end)
{
	int status, sig;

	cpu->dirty = true;
	if (raw_ptrace(PTRACE_SETREGS, cpu->tid, 0, regs) < 0)
		return -ESRCH;
	for (;;) {
		if (raw_ptrace(PTRACE_CONT, cpu->tid, 0, NULL) < 0)
			return -ESRCH;
		if (raw_wait(cpu->tid, &status) < 0)
			return -ESRCH;
		if (!PT_IS_STOP(status)) {
			cpu->reaped = true;
			return -ESRCH;
		}
		sig = PT_STOP_SIG(status);
		if (raw_ptrace(PTRACE_GETREGS, cpu->tid, 0, regs) < 0)
			return -ESRCH;
		if (status == PT_STOPPED(SIGTRAP, 0) && regs->rip == end)
			return 0;
		if (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL ||
		    sig == SIGSYS || status == PT_STOPPED(SIGTRAP, 0))
			return stub_astray(cpu, status, regs->rip);
		/* A kick or another host signal; the call restarts. */
	}
}

void tracee_reap(uint32_t tid)
{
	int status = 0;

	/* Dying already: stops on the way are only passed through. */
	while (raw_wait(tid, &status) >= 0 && PT_IS_STOP(status))
		raw_ptrace(PTRACE_CONT, tid, 0, (void *)(uintptr_t)SIGKILL);
}

void tracee_release(const struct platform *p, uint32_t tid, const char *label,
		    int signo)
{
	struct guest_regs regs;

	stub_regs_init(&regs, stub_addr(p, label));
	if (raw_ptrace(PTRACE_SETREGS, tid, 0, &regs) == 0 &&
	    raw_ptrace(PTRACE_DETACH, tid, 0, (void *)(uintptr_t)signo) == 0)
		return;
	tracee_reap(tid);
}

void vcpu_lost(struct pt_vcpu *cpu)
{
	struct pt_as *as = to_pt_as(cpu->base.as);

	/* Whatever state it is in: it must not run on, and is waited for. */
	if (!cpu->reaped) {
		raw_tgkill((uint32_t)(atomic_load(&cpu->id) >> 32), cpu->tid,
			   SIGKILL);
		tracee_reap(cpu->tid);
	}
	cpu->reaped = true;
	atomic_store(&as->pending, 1);
	if (!atomic_exchange(&as->gone, true))
		log_warning("ptrace: the host killed stub process %u",
			    atomic_load(&as->clock.tgid));
}
