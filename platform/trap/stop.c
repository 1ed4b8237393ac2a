/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop: what a runner that has stopped says.
 *
 * Registers, signal and fault details lie in the signal frame that the host's
 * kernel wrote to the slot; by now the guest may have written there as well.
 * Each value is read once, into the vcpu; what decides about host memory (the
 * frame's place) is checked, the rest is the guest's word about itself.
 *
 * Signals that the host's kernel raised for what the guest did (si_code > 0)
 * become SYSCALL, FAULT or EXCEPTION; the others (a user of the host sent
 * them) are swallowed and show up as INTERRUPTED.
 *
 * Tests: tests/unit/test_platform_trap.c
 */
#include <linux/audit.h>
#include <string.h>

#include "abi/ucontext.h"
#include "platform/trap/trap.h"

/* x86 trap numbers and error-code bits, as in sigcontext. */
enum { TRAP_SS = 12, TRAP_GP = 13, TRAP_PF = 14, TRAP_AC = 17 };
enum { PF_WRITE = 2, PF_USER = 4, PF_FETCH = 16 };

#define SYS_SECCOMP_CODE 1 /* si_code of a filter's TRAP */
#define EFLAGS_TF	 0x100ull

static void exception(struct guest_stop *stop, int signo, int code,
		      uint64_t addr, uint32_t trapno)
{
	stop->kind = STOP_EXCEPTION;
	stop->signo = signo;
	stop->code = code;
	stop->addr = addr;
	stop->trapno = trapno;
}

/* The other stop that the host's kernel would make of it. */
static void bad_regs(struct guest_stop *stop)
{
	exception(stop, SIGSEGV, SI_KERNEL, 0, TRAP_GP);
}

static bool bad_base(uint64_t now, bool known, uint64_t old)
{
	return now >= TRAP_TASK_TOP && !(known && now == old);
}

bool stop_check_regs(struct trap_vcpu *cpu, struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;
	bool good = (r->cs == TRAP_USER_CS || r->cs == TRAP_USER32_CS) &&
		    r->ss == TRAP_USER_SS && !(r->ds | r->es | r->fs | r->gs);

	if (bad_base(r->fs_base, cpu->bases_known, cpu->fs_base)) {
		r->fs_base = 0;
		good = false;
	}
	if (bad_base(r->gs_base, cpu->bases_known, cpu->gs_base)) {
		r->gs_base = 0;
		good = false;
	}
	if (likely(good))
		return true;
	r->cs = TRAP_USER_CS;
	r->ss = TRAP_USER_SS;
	r->ds = r->es = r->fs = r->gs = 0;
	bad_regs(stop);
	return false;
}

static void take_regs(struct guest_regs *r, const struct linux_sigcontext *sc)
{
	r->r8 = sc->r8;
	r->r9 = sc->r9;
	r->r10 = sc->r10;
	r->r11 = sc->r11;
	r->r12 = sc->r12;
	r->r13 = sc->r13;
	r->r14 = sc->r14;
	r->r15 = sc->r15;
	r->rdi = sc->di;
	r->rsi = sc->si;
	r->rbp = sc->bp;
	r->rbx = sc->bx;
	r->rdx = sc->dx;
	r->rax = sc->ax;
	r->rcx = sc->cx;
	r->rsp = sc->sp;
	r->rip = sc->ip;
	r->eflags = sc->flags;
	r->cs = sc->cs;
	r->ss = sc->ss;
	r->orig_rax = (uint64_t)-1;
}

/* By int 0x80 or from 32-bit code: there is no 32-bit ABI inside. */
static void odd_syscall(struct trap_vcpu *cpu, struct guest_stop *stop)
{
	if (cpu->regs.cs == TRAP_USER_CS)
		cpu->regs.rip -= 2; /* the fault is at the instruction */
	bad_regs(stop);
	stop->errcode = 0x80 * 8 + 2; /* IDT entry */
}

static void decode_sys(struct trap_vcpu *cpu, const struct linux_siginfo *si,
		       struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;

	if (si->code != SYS_SECCOMP_CODE)
		return;
	if (unlikely(si->sys.arch != AUDIT_ARCH_X86_64)) {
		odd_syscall(cpu, stop);
		return;
	}
	r->orig_rax = (uint64_t)(uint32_t)si->sys.nr;
	r->rax = (uint64_t)-ENOSYS;
	stop->kind = STOP_SYSCALL;
	stop->hot = site_is_hot(cpu);
}

static void decode_fault(const struct linux_siginfo *si,
			 const struct linux_sigcontext *sc,
			 struct guest_stop *stop)
{
	stop->kind = STOP_FAULT;
	stop->signo = si->signo;
	stop->code = si->code;
	stop->addr = si->fault.addr;
	stop->trapno = TRAP_PF;
	stop->errcode = (uint32_t)sc->err & (PF_WRITE | PF_FETCH | PF_USER | 1);
	stop->access = stop->errcode & PF_FETCH	  ? PLAT_EXEC
		       : stop->errcode & PF_WRITE ? PLAT_WRITE
						  : PLAT_READ;
}

static void decode_segv(const struct linux_siginfo *si,
			const struct linux_sigcontext *sc,
			struct guest_stop *stop)
{
	if (si->code != SI_KERNEL && sc->trapno == TRAP_PF) {
		decode_fault(si, sc, stop);
		return;
	}
	bad_regs(stop);
	stop->errcode = (uint32_t)sc->err;
}

static void decode_bus(const struct linux_siginfo *si,
		       const struct linux_sigcontext *sc,
		       struct guest_stop *stop)
{
	if (si->code == SI_KERNEL)
		exception(stop, SIGBUS, SI_KERNEL, 0, TRAP_SS);
	else if (si->code == BUS_ADRALN)
		exception(stop, SIGBUS, BUS_ADRALN, si->fault.addr, TRAP_AC);
	else
		decode_fault(si, sc, stop);
}

static void decode_signal(struct trap_vcpu *cpu, uint32_t signo,
			  const struct linux_siginfo *si,
			  const struct linux_sigcontext *sc,
			  struct guest_stop *stop)
{
	if (si->code <= 0)
		return;
	switch (signo) {
	case SIGSYS:
		decode_sys(cpu, si, stop);
		break;
	case SIGSEGV:
		decode_segv(si, sc, stop);
		break;
	case SIGBUS:
		decode_bus(si, sc, stop);
		break;
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
		exception(stop, (int)signo, si->code, si->fault.addr,
			  (uint32_t)sc->trapno);
		break;
	default:
		break; /* a kick, or a forged state: INTERRUPTED */
	}
	if (stop->kind == STOP_FAULT)
		stop->signo = (int)signo;
}

/* Checks where the slot says the FPU state is. */
static int take_fpu(struct trap_vcpu *cpu)
{
	uint32_t at = cpu->slot->fpu;

	if (at != 0 && (at % 64 || at < SLOT_XAREA || at > STUB_SLOT_SIZE ||
			STUB_SLOT_SIZE - at < cpu->p->limits.xsave_size))
		return -ESRCH;
	cpu->fpu_at = at;
	return 0;
}

/* The guest was in stub code: it has jumped there, which is as good as where
 * nothing is mapped. */
static void in_stub(struct trap_vcpu *cpu, struct guest_stop *stop)
{
	stop->kind = STOP_FAULT;
	stop->signo = SIGSEGV;
	stop->code = SEGV_MAPERR;
	stop->addr = cpu->regs.rip;
	stop->access = PLAT_EXEC;
	stop->trapno = TRAP_PF;
	stop->errcode = PF_USER | PF_FETCH;
}

#define FLAGS_AH   0xd5ull /* SF, ZF, AF, PF, CF, as lahf has them */
#define EFLAGS_OF  0x800ull
#define EFLAGS_LOW 0x202ull

/* A call from a patched site: as the syscall instruction would leave it. */
static int read_call(struct trap_vcpu *cpu, bool step, struct guest_stop *stop)
{
	const struct stub_slot *slot = cpu->slot;
	const struct site *site =
		site_lookup(to_trap_as(cpu->base.as), slot->site);
	struct guest_regs *r = &cpu->regs;
	uint32_t low = slot->signo, nr = slot->frame;

	if (!site)
		return -ESRCH;
	*r = slot->regs;
	__asm__ volatile("" : "+m"(*r));
	r->eflags = (r->eflags & ~(FLAGS_AH | EFLAGS_OF)) |
		    (low >> 8 & FLAGS_AH) | (low & 1 ? EFLAGS_OF : 0);
	if (step)
		r->eflags &= ~EFLAGS_TF;
	r->rip = r->rcx = site->addr + 2;
	r->r11 = r->eflags | EFLAGS_LOW;
	r->rax = (uint64_t)-ENOSYS;
	r->orig_rax = nr;
	r->cs = TRAP_USER_CS;
	r->ss = TRAP_USER_SS;
	r->ds = r->es = r->fs = r->gs = 0;
	cpu->fs_base = r->fs_base;
	cpu->gs_base = r->gs_base;
	cpu->bases_known = true;
	stop->kind = STOP_SYSCALL;
	return 0;
}

/* In a cell: as if the site were not patched.  A step into the cell has not
 * carried out the site's instruction, and to go back would be no progress. */
static void leave_cell(struct trap_vcpu *cpu, const struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;
	uint64_t off = r->rip - cpu->p->base - STUB_CELLS_OFFSET;
	const struct site *site = site_lookup(to_trap_as(cpu->base.as),
					      (uint32_t)(off / STUB_CELL_SIZE));
	uint32_t nr;

	if (!site)
		return;
	if (off % STUB_CELL_SIZE >= STUB_CELL_DONE) {
		r->rip = site->addr;
	} else if (stop->kind != STOP_EXCEPTION) {
		r->rip = site->addr - PLATFORM_PATCH_SIZE;
	} else if (site->code[0] == SITE_MOV_EAX) {
		memcpy(&nr, site->code + 1, sizeof(nr));
		r->rip = site->addr;
		r->rax = nr;
	}
}

static int read_frame(struct trap_vcpu *cpu, bool step, struct guest_stop *stop)
{
	const struct stub_slot *slot = cpu->slot;
	uint32_t at = slot->frame, signo = slot->signo;
	struct linux_rt_sigframe f;

	if (at % 8 || at < SLOT_ALTSTACK + 8 || at > STUB_SLOT_SIZE - sizeof(f))
		return -ESRCH;
	memcpy(&f, (const char *)slot + at - 8, sizeof(f));
	/* The compiler shall not look there again. */
	__asm__ volatile("" : "+m"(f));
	take_regs(&cpu->regs, &f.uc.mcontext);
	cpu->regs.fs_base = cpu->fs_base = slot->regs.fs_base;
	cpu->regs.gs_base = cpu->gs_base = slot->regs.gs_base;
	cpu->bases_known = true;
	decode_signal(cpu, signo, &f.info, &f.uc.mcontext, stop);
	if (unlikely(cpu->regs.rip - cpu->p->base < STUB_CODE_SIZE))
		in_stub(cpu, stop);
	if (unlikely(cpu->regs.rip - cpu->p->base - STUB_CELLS_OFFSET <
		     STUB_CELLS_SIZE))
		leave_cell(cpu, stop);
	if (unlikely(step)) {
		cpu->regs.eflags &= ~EFLAGS_TF;
		if (stop->kind == STOP_SYSCALL)
			cpu->regs.r11 &= ~EFLAGS_TF;
	}
	return 0;
}

int stop_read(struct trap_vcpu *cpu, bool step, struct guest_stop *stop)
{
	int ret = take_fpu(cpu);

	if (ret < 0)
		return ret;
	switch (cpu->slot->reason) {
	case REASON_CALL:
		return read_call(cpu, step, stop);
	case REASON_FRAME:
		return read_frame(cpu, step, stop);
	case REASON_BAD_REGS:
		cpu->bases_known = false;
		bad_regs(stop);
		return 0;
	case REASON_NEW:
	case REASON_ABANDONED:
		cpu->bases_known = false;
		return 0;
	default:
		return -ESRCH;
	}
}
