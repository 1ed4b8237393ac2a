/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop: what the stops of a stub mean, apart from the plain system call.
 *
 * Signals that the host's kernel raises for what the guest did (si_code > 0)
 * become FAULT or EXCEPTION; the others (a user of the host sent them) are
 * swallowed and show up as INTERRUPTED.
 *
 * The host does not tell a tracer the page-fault error code: stop.access is
 * EXEC if the fault is at rip itself, otherwise unknown (0).
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/ptrace/pt.h"

/* x86 trap numbers and error-code bits, as in sigcontext. */
enum {
	TRAP_DE = 0,
	TRAP_DB = 1,
	TRAP_BP = 3,
	TRAP_UD = 6,
	TRAP_SS = 12,
	TRAP_GP = 13,
	TRAP_PF = 14,
	TRAP_MF = 16,
	TRAP_AC = 17,
	TRAP_XF = 19
};
enum { PF_WRITE = 2, PF_USER = 4, PF_FETCH = 16 };

#define SYS_SECCOMP_CODE 1 /* si_code of a filter's TRAP */
#define INT80_BYTES	 0x80cd

/* Where a program may call the vsyscall page, and which call each is. */
static const struct {
	uint64_t addr;
	int nr;
} g_vsyscalls[] = {
	{ 0xffffffffff600000, SYS_gettimeofday },
	{ 0xffffffffff600400, SYS_time },
	{ 0xffffffffff600800, SYS_getcpu },
};

static void exception(struct guest_stop *stop, int signo, int code,
		      uint64_t addr, uint32_t trapno)
{
	stop->kind = STOP_EXCEPTION;
	stop->signo = signo;
	stop->code = code;
	stop->addr = addr;
	stop->trapno = trapno;
}

void stop_bad_regs(struct pt_vcpu *cpu, struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;

	r->cs = PT_USER_CS;
	r->ss = PT_USER_SS;
	r->ds = r->es = r->fs = r->gs = 0;
	if (r->fs_base >= PT_TASK_TOP)
		r->fs_base = 0;
	if (r->gs_base >= PT_TASK_TOP)
		r->gs_base = 0;
	cpu->dirty = true;
	exception(stop, SIGSEGV, SI_KERNEL, 0, TRAP_GP);
}

/*
 * A call of the vsyscall page that the host did not carry out: what the
 * function would do is a system call and a return.
 */
static bool vsyscall(struct pt_vcpu *cpu, uint64_t addr,
		     struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;
	uint64_t ret_addr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(g_vsyscalls); i++) {
		if (g_vsyscalls[i].addr != addr || r->rip != addr)
			continue;
		if (raw_ptrace(PTRACE_PEEKDATA, cpu->tid, r->rsp, &ret_addr) <
		    0)
			return false;
		r->rip = ret_addr;
		r->rsp += 8;
		r->orig_rax = (uint64_t)g_vsyscalls[i].nr;
		r->rax = (uint64_t)-ENOSYS;
		stop->kind = STOP_SYSCALL;
		return true;
	}
	return false;
}

static void decode_segv(struct pt_vcpu *cpu, const siginfo_t *si,
			struct guest_stop *stop)
{
	uint64_t addr = (uint64_t)(uintptr_t)si->si_addr;

	if (si->si_code == SI_KERNEL) {
		exception(stop, SIGSEGV, SI_KERNEL, 0, TRAP_GP);
		return;
	}
	if (vsyscall(cpu, addr, stop))
		return;
	stop->kind = STOP_FAULT;
	stop->signo = SIGSEGV;
	stop->code = si->si_code;
	stop->addr = addr;
	stop->trapno = TRAP_PF;
	stop->errcode = PF_USER;
	if (addr == cpu->regs.rip) {
		stop->access = PLAT_EXEC;
		stop->errcode |= PF_FETCH;
	}
}

static void decode_bus(const siginfo_t *si, struct guest_stop *stop)
{
	uint64_t addr = (uint64_t)(uintptr_t)si->si_addr;

	if (si->si_code == SI_KERNEL) {
		exception(stop, SIGBUS, SI_KERNEL, 0, TRAP_SS);
		return;
	}
	if (si->si_code == BUS_ADRALN) {
		exception(stop, SIGBUS, BUS_ADRALN, addr, TRAP_AC);
		return;
	}
	stop->kind = STOP_FAULT;
	stop->signo = SIGBUS;
	stop->code = si->si_code;
	stop->addr = addr;
	stop->trapno = TRAP_PF;
	stop->errcode = PF_USER;
}

static uint32_t trap_of(int signo, int code)
{
	switch (signo) {
	case SIGILL:
		return TRAP_UD;
	case SIGFPE:
		return code == FPE_INTDIV ? TRAP_DE : TRAP_XF;
	default:
		return code == SI_KERNEL ? TRAP_BP : TRAP_DB;
	}
}

/* A signal that the kernel may have raised for the guest. */
static void decode_signal(struct pt_vcpu *cpu, int sig, struct guest_stop *stop)
{
	siginfo_t si = { 0 };

	if (raw_ptrace(PTRACE_GETSIGINFO, cpu->tid, 0, &si) < 0)
		return; /* killed meanwhile: the next entry says so */
	if (si.si_code <= 0)
		return;
	switch (sig) {
	case SIGSEGV:
		decode_segv(cpu, &si, stop);
		break;
	case SIGBUS:
		decode_bus(&si, stop);
		break;
	case SIGSYS:
		/* The vsyscall page, refused by the filter: the host has
		 * returned to the caller already, rax holds the number. */
		if (si.si_code != SYS_SECCOMP_CODE)
			break;
		cpu->regs.orig_rax = (uint64_t)(uint32_t)si.si_syscall;
		cpu->regs.rax = (uint64_t)-ENOSYS;
		stop->kind = STOP_SYSCALL;
		break;
	default:
		exception(stop, sig, si.si_code,
			  (uint64_t)(uintptr_t)si.si_addr,
			  trap_of(sig, si.si_code));
	}
}

/* Whether the two bytes before @rip are `int $0x80`.  Of the two words that
 * hold them, at most one crosses into a page that is not there. */
static bool after_int80(const struct pt_vcpu *cpu, uint64_t rip)
{
	uint64_t code = 0;

	if (raw_ptrace(PTRACE_PEEKDATA, cpu->tid, rip - 2, &code) >= 0)
		return (code & 0xffff) == INT80_BYTES;
	if (raw_ptrace(PTRACE_PEEKDATA, cpu->tid, rip - 8, &code) >= 0)
		return code >> 48 == INT80_BYTES;
	return false;
}

/*
 * A call that did not come by a 64-bit `syscall` as it looks: 32-bit code, or
 * int 0x80.  There is no 32-bit ABI inside: as on a Linux without it.
 */
static void decode_odd_syscall(struct pt_vcpu *cpu, struct guest_stop *stop)
{
	if (cpu->regs.cs == PT_USER_CS) {
		if (!after_int80(cpu, cpu->regs.rip)) {
			stop->kind = STOP_SYSCALL;
			return;
		}
		/* The fault is at the instruction, not behind it. */
		cpu->regs.rip -= 2;
	}
	/* What the host made of eax is undone. */
	cpu->regs.rax = (uint32_t)cpu->regs.orig_rax;
	cpu->regs.orig_rax = (uint64_t)-1;
	exception(stop, SIGSEGV, SI_KERNEL, 0, TRAP_GP);
	stop->errcode = 0x80 * 8 + 2; /* IDT entry */
}

void stop_decode(struct pt_vcpu *cpu, int status, struct guest_stop *stop)
{
	int sig = PT_STOP_SIG(status);

	if (status == PT_SYSCALL_STOP) {
		decode_odd_syscall(cpu, stop);
		return;
	}
	if (PT_STOP_EVENT(status) != 0)
		return; /* group stop of the host's job control: ignored */
	switch (sig) {
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
	case SIGSYS:
		decode_signal(cpu, sig, stop);
		break;
	default:
		break; /* a kick, or somebody of the host: ignored */
	}
}
