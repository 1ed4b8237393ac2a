/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop: what a return from the machine means.
 *
 * Where the processor stands tells it: at LSTAR, the guest made a call; at an
 * entry point of ring 0, an exception happened, and its frame is on the ring 0
 * stack, which the guest cannot reach; elsewhere it was interrupted, or KVM
 * could not go on.  An exception that KVM holds back because of a signal is
 * taken from it: the processor may go to another thread.
 *
 * Tests: tests/unit/test_platform_kvm.c, tests/hostile/kvm.sh
 */
#include <string.h>

#include "platform/kvm/kvm.h"
#include "sentry/lib/log.h"

enum {
	TRAP_DE = 0,
	TRAP_DB = 1,
	TRAP_BP = 3,
	TRAP_UD = 6,
	TRAP_NP = 11,
	TRAP_SS = 12,
	TRAP_GP = 13,
	TRAP_PF = 14,
	TRAP_MF = 16,
	TRAP_AC = 17,
	TRAP_XF = 19,
};
enum { PF_PROT = 1, PF_WRITE = 2, PF_USER = 4, PF_FETCH = 16 };

#define WITH_ERROR   0x60227d00u /* vectors that push an error code */
#define FLAG_TF	     0x100ull
#define OUT_IMM8     0xe6
#define SPURIOUS_MAX 16
#define EFAULT_MAX   3

#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif

/* Where a program may call the vsyscall page, and which call each is. */
static const struct {
	uint64_t addr;
	int nr;
} g_vsyscalls[] = {
	{ 0xffffffffff600000, SYS_gettimeofday },
	{ 0xffffffffff600400, SYS_time },
	{ 0xffffffffff600800, SYS_getcpu },
};

/* What the processor pushed, and what KVM says beside it. */
struct trap {
	unsigned int vector;
	uint32_t error;
	uint64_t addr; /* page faults */
};

static void exception(struct guest_stop *stop, int signo, int code,
		      uint64_t addr, const struct trap *t)
{
	stop->kind = STOP_EXCEPTION;
	stop->signo = signo;
	stop->code = code;
	stop->addr = addr;
	stop->trapno = t->vector;
	stop->errcode = t->error;
}

static void protection(struct guest_stop *stop, uint32_t error)
{
	const struct trap t = { .vector = TRAP_GP, .error = error };

	exception(stop, SIGSEGV, SI_KERNEL, 0, &t);
}

/* wrfsbase takes any canonical address; a call of the guest does not. */
static bool bad_base(uint64_t now, uint64_t seen)
{
	return now >= KVM_TASK_TOP && now != seen;
}

bool kvm_check_regs(struct kvm_vcpu *cpu, struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;
	bool good = (r->cs == KVM_USER_CS || r->cs == KVM_USER32_CS) &&
		    r->ss == KVM_USER_SS && !(r->ds | r->es | r->fs | r->gs);

	if (bad_base(r->fs_base, cpu->fs_base)) {
		r->fs_base = 0;
		good = false;
	}
	if (bad_base(r->gs_base, cpu->gs_base)) {
		r->gs_base = 0;
		good = false;
	}
	if (likely(good && canonical(r->rip)))
		return true;
	r->cs = KVM_USER_CS;
	r->ss = KVM_USER_SS;
	r->ds = r->es = r->fs = r->gs = 0;
	protection(stop, 0);
	return false;
}

static void take_regs(struct kvm_vcpu *cpu, const struct kvm_run *run)
{
	const struct kvm_regs *k = &run->s.regs.regs;
	const struct kvm_sregs *s = &run->s.regs.sregs;

	cpu->regs = (struct guest_regs){
		k->r15,	     k->r14,
		k->r13,	     k->r12,
		k->rbp,	     k->rbx,
		k->r11,	     k->r10,
		k->r9,	     k->r8,
		k->rax,	     k->rcx,
		k->rdx,	     k->rsi,
		k->rdi,	     (uint64_t)-1,
		k->rip,	     s->cs.selector,
		k->rflags,   k->rsp,
		KVM_USER_SS, s->fs.base,
		s->gs.base,  0,
		0,	     0,
		0,
	};
	cpu->fs_base = s->fs.base;
	cpu->gs_base = s->gs.base;
}

/* --- calls -------------------------------------------------------------- */

static void decode_call(struct kvm_vcpu *cpu, bool compat,
			struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;

	r->rip = r->rcx;
	r->eflags = r->r11;
	r->cs = KVM_USER_CS;
	/* There is no 32-bit ABI inside. */
	if (unlikely(compat)) {
		r->cs = KVM_USER32_CS;
		protection(stop, 0x80 * 8 + 2);
		return;
	}
	r->orig_rax = (uint32_t)r->rax;
	r->rax = (uint64_t)-ENOSYS;
	stop->kind = STOP_SYSCALL;
}

/* A call of the vsyscall page: what the function would do is a system call
 * and a return. */
static bool vsyscall(struct kvm_vcpu *cpu, uint64_t addr,
		     struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;
	uint64_t ret_addr = 0;

	if (r->rip != addr)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(g_vsyscalls); i++) {
		if (g_vsyscalls[i].addr != addr)
			continue;
		if (space_read(to_kvm_as(cpu->base.as), r->rsp, &ret_addr,
			       sizeof(ret_addr), PLAT_READ) < sizeof(ret_addr))
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

/* --- exceptions --------------------------------------------------------- */

static uint32_t access_of(uint32_t error)
{
	return error & PF_FETCH	  ? PLAT_EXEC
	       : error & PF_WRITE ? PLAT_WRITE
				  : PLAT_READ;
}

/* Whether the tables allow it by now, and that is not for ever. */
static bool spurious(struct kvm_vcpu *cpu, const struct trap *t)
{
	struct kvm_as *as = to_kvm_as(cpu->base.as);
	bool allowed;

	mutex_lock(&as->mu);
	allowed = table_look(as, t->addr, access_of(t->error));
	mutex_unlock(&as->mu);
	if (!allowed)
		return false;
	if (cpu->last_spurious != t->addr)
		cpu->nr_spurious = 0;
	cpu->last_spurious = t->addr;
	return cpu->nr_spurious++ < SPURIOUS_MAX;
}

static void fault(struct guest_stop *stop, int signo, int code,
		  const struct trap *t)
{
	stop->kind = STOP_FAULT;
	stop->signo = signo;
	stop->code = code;
	stop->addr = t->addr;
	stop->access = access_of(t->error);
	stop->trapno = TRAP_PF;
	stop->errcode = t->error;
}

static void decode_fault(struct kvm_vcpu *cpu, struct trap *t,
			 struct guest_stop *stop)
{
	struct kvm_as *as = to_kvm_as(cpu->base.as);
	bool ended;

	t->error = (t->error & (uint32_t)(PF_PROT | PF_WRITE | PF_FETCH)) |
		   PF_USER;
	if (vsyscall(cpu, t->addr, stop))
		return;
	mutex_lock(&as->mu);
	ended = table_take_bad(as, t->addr);
	mutex_unlock(&as->mu);
	if (ended) {
		fault(stop, SIGBUS, BUS_ADRERR, t);
		return;
	}
	if (spurious(cpu, t))
		return;
	/* As Linux hides what is behind the program's part. */
	if (t->addr >= KVM_TASK_TOP)
		t->error |= PF_PROT;
	else if (t->addr >= KVM_MAX_USER_ADDR)
		t->error &= ~(uint32_t)PF_PROT;
	fault(stop, SIGSEGV,
	      t->error & PF_PROT && t->addr < KVM_MAX_USER_ADDR ? SEGV_ACCERR
								: SEGV_MAPERR,
	      t);
}

/*
 * Where ring 0 is emulated, so are instructions that fault, and some give the
 * wrong exception: `int n` without a gate and a bad ldmxcsr #UD instead of
 * #GP, monitor and mwait #GP instead of #UD.
 */
static void mend_vector(struct kvm_vcpu *cpu, struct trap *t)
{
	uint8_t code[3] = { 0, 0, 0 };

	if (g_kvm.native || (t->vector != TRAP_UD && t->vector != TRAP_GP))
		return;
	space_read(to_kvm_as(cpu->base.as), cpu->regs.rip, code, sizeof(code),
		   PLAT_EXEC);
	if (t->vector == TRAP_UD && code[0] == 0xcd) {
		t->vector = TRAP_GP;
		t->error = code[1] * 8u + 2;
	} else if (t->vector == TRAP_UD && code[0] == 0x0f && code[1] == 0xae &&
		   (code[2] >> 3 & 7) == 2) {
		t->vector = TRAP_GP;
	} else if (t->vector == TRAP_GP && code[0] == 0x0f && code[1] == 1 &&
		   (code[2] == 0xc8 || code[2] == 0xc9)) {
		t->vector = TRAP_UD;
	}
}

static void decode_debug(struct kvm_vcpu *cpu, const struct trap *t, bool step,
			 struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;

	exception(stop, SIGTRAP, r->eflags & FLAG_TF ? TRAP_TRACE : TRAP_BRKPT,
		  r->rip, t);
	if (step)
		r->eflags &= ~FLAG_TF;
}

static int fpe_code(uint32_t err)
{
	return err & 1	    ? FPE_FLTINV
	       : err & 4    ? FPE_FLTDIV
	       : err & 8    ? FPE_FLTOVF
	       : err & 0x12 ? FPE_FLTUND
	       : err & 0x20 ? FPE_FLTRES
			    : 0;
}

/* Which of the FPU's exceptions; none: it has been cleared meanwhile. */
static void decode_fpe(struct kvm_vcpu *cpu, const struct hw *hw,
		       const struct trap *t, struct guest_stop *stop)
{
	struct kvm_xsave image = { 0 };
	uint16_t fcw, fsw;
	uint32_t mxcsr;
	int code;

	if (kvm_ioctl(hw->fd, KVM_GET_XSAVE, &image) < 0)
		return;
	memcpy(&fcw, image.region, sizeof(fcw));
	memcpy(&fsw, (const char *)image.region + 2, sizeof(fsw));
	memcpy(&mxcsr, (const char *)image.region + XSAVE_MXCSR, sizeof(mxcsr));
	code = fpe_code(t->vector == TRAP_MF ? fsw & ~fcw & 0x3fu
					     : ~(mxcsr >> 7) & mxcsr & 0x3f);
	if (code)
		exception(stop, SIGFPE, code, cpu->regs.rip, t);
}

static void decode_trap(struct kvm_vcpu *cpu, const struct hw *hw,
			struct trap *t, bool step, struct guest_stop *stop)
{
	mend_vector(cpu, t);
	switch (t->vector) {
	case TRAP_PF:
		decode_fault(cpu, t, stop);
		break;
	case TRAP_DE:
		exception(stop, SIGFPE, FPE_INTDIV, cpu->regs.rip, t);
		break;
	case TRAP_DB:
		decode_debug(cpu, t, step, stop);
		break;
	case TRAP_BP:
		exception(stop, SIGTRAP, SI_KERNEL, 0, t);
		break;
	case TRAP_UD:
		exception(stop, SIGILL, ILL_ILLOPN, cpu->regs.rip, t);
		break;
	case TRAP_NP:
	case TRAP_SS:
		exception(stop, SIGBUS, SI_KERNEL, 0, t);
		break;
	case TRAP_AC:
		exception(stop, SIGBUS, BUS_ADRALN, 0, t);
		break;
	case TRAP_MF:
	case TRAP_XF:
		decode_fpe(cpu, hw, t, stop);
		break;
	default:
		exception(stop, SIGSEGV, SI_KERNEL, 0, t);
	}
	if (stop->kind != STOP_EXCEPTION || t->vector == TRAP_DB || !step)
		return;
	cpu->regs.eflags &= ~FLAG_TF;
}

/* In ring 0, not back in ring 3 yet: the registers are on the stack. */
static bool take_iret(struct kvm_vcpu *cpu, const struct hw *hw)
{
	uint64_t frame[4];

	if (hw->run->s.regs.regs.rip != WINDOW_IRET)
		return false;
	memcpy(frame, hw->stack + IRET_FRAME, sizeof(frame));
	cpu->regs.rip = frame[0];
	cpu->regs.cs = frame[1];
	cpu->regs.eflags = frame[2];
	cpu->regs.rsp = frame[3];
	return true;
}

/* In ring 0: its first instruction at an entry point, or just behind. */
static bool take_frame(struct kvm_vcpu *cpu, const struct hw *hw,
		       struct trap *t)
{
	const struct kvm_sregs *s = &hw->run->s.regs.sregs;
	uint64_t at = hw->run->s.regs.regs.rip - WINDOW_TRAPS, frame[6];
	struct guest_regs *r = &cpu->regs;
	const uint64_t *f = frame + 1;

	if (at >= 32 * TRAP_STRIDE || at % TRAP_STRIDE > 1)
		return false;
	t->vector = (unsigned int)(at / TRAP_STRIDE);
	/* The stack begins at the end of the page, aligned by 16. */
	memcpy(frame, hw->stack + PAGE_SIZE - sizeof(frame), sizeof(frame));
	t->error = WITH_ERROR >> t->vector & 1 ? (uint32_t)frame[0] : 0;
	t->addr = s->cr2;
	r->rip = f[0];
	r->cs = f[1] & 0xffff;
	r->eflags = f[2];
	r->rsp = f[3];
	return true;
}

/* In ring 3, interrupted: an exception may have been on its way. */
static bool take_held_back(const struct hw *hw, struct trap *t)
{
	struct kvm_vcpu_events ev = { 0 };
	bool there;

	if (kvm_ioctl(hw->fd, KVM_GET_VCPU_EVENTS, &ev) < 0)
		return false;
	there = ev.exception.injected || ev.exception.pending;
	if (!there)
		return false;
	t->vector = ev.exception.nr;
	t->error = ev.exception.has_error_code ? ev.exception.error_code : 0;
	t->addr = hw->run->s.regs.sregs.cr2;
	ev.exception.injected = ev.exception.pending = 0;
	kvm_ioctl(hw->fd, KVM_SET_VCPU_EVENTS, &ev);
	return t->vector < 32;
}

/* --- other exits -------------------------------------------------------- */

/* Ends an access that KVM has handed out: it may not be made good later. */
static void complete(struct hw *hw)
{
	hw->run->kvm_dirty_regs = 0;
	__atomic_store_n(&hw->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	kvm_ioctl(hw->fd, KVM_RUN, NULL);
}

/* The program used the port of the entry page. */
static void own_port(struct kvm_vcpu *cpu, struct hw *hw,
		     struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;
	uint8_t code[2] = { 0, 0 };

	/* An emulated `out` has been carried out, `in` has not. */
	if (hw->run->io.direction == KVM_EXIT_IO_OUT && !g_kvm.native) {
		space_read(to_kvm_as(cpu->base.as), r->rip - 2, code,
			   sizeof(code), PLAT_EXEC);
		r->rip -= code[0] == OUT_IMM8 && code[1] == ENTRY_PORT ? 2 : 1;
	}
	complete(hw);
	protection(stop, 0);
}

static void gone(struct kvm_vcpu *cpu, const struct hw *hw, long ret,
		 struct guest_stop *stop)
{
	log_error("kvm: the machine failed: error %d, exit %u, rip %#lx: the "
		  "process ends",
		  (int)-ret, hw->run->exit_reason,
		  (unsigned long)cpu->regs.rip);
	atomic_store(&to_kvm_as(cpu->base.as)->gone, true);
	stop->kind = STOP_GONE;
}

/* The host has no memory behind an address: a file has ended most likely. */
static void no_memory(struct kvm_vcpu *cpu, struct guest_stop *stop)
{
	struct trap t = { .vector = TRAP_PF,
			  .error = PF_USER,
			  .addr = cpu->regs.rip };
	struct kvm_as *as = to_kvm_as(cpu->base.as);
	uint32_t found;

	mutex_lock(&as->mu);
	found = table_find_bad(as);
	mutex_unlock(&as->mu);
	if (found || ++cpu->nr_efault < EFAULT_MAX)
		return; /* again: now it faults */
	fault(stop, SIGBUS, BUS_ADRERR, &t);
	stop->access = 0;
}

static void decode_exit(struct kvm_vcpu *cpu, struct hw *hw, long ret,
			struct guest_stop *stop)
{
	uint32_t reason = hw->run->exit_reason;

	if (ret == -EFAULT) {
		no_memory(cpu, stop);
		return;
	}
	if (ret == -EAGAIN)
		return;
	if (ret < 0) {
		gone(cpu, hw, ret, stop);
		return;
	}
	switch (reason) {
	case KVM_EXIT_IO:
		own_port(cpu, hw, stop);
		break;
	case KVM_EXIT_MMIO:
		complete(hw);
		no_memory(cpu, stop);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		/* An instruction that KVM wanted to emulate and cannot. */
		exception(stop, SIGILL, ILL_ILLOPN, cpu->regs.rip,
			  &(struct trap){ .vector = TRAP_UD });
		break;
	case KVM_EXIT_INTR:
		break;
	default:
		gone(cpu, hw, 0, stop);
	}
}

bool kvm_stop_decode(struct kvm_vcpu *cpu, struct hw *hw, long ret, bool step,
		     struct guest_stop *stop)
{
	struct guest_regs *r = &cpu->regs;
	struct trap t = { 0 };
	uint64_t at;
	bool ring0;

	take_regs(cpu, hw->run);
	at = r->rip - WINDOW_ENTRY;
	ring0 = !(r->cs & 3);
	if (likely(at < 32 && at % 16 <= 2 && (ring0 || !g_kvm.native))) {
		decode_call(cpu, at >= 16, stop);
		if (unlikely(step)) {
			r->eflags &= ~FLAG_TF;
			r->r11 &= ~FLAG_TF;
		}
	} else if (ring0 && take_iret(cpu, hw)) {
		if (step)
			r->eflags &= ~FLAG_TF;
	} else if (ring0) {
		if (!take_frame(cpu, hw, &t)) {
			gone(cpu, hw, ret, stop);
			return false;
		}
		decode_trap(cpu, hw, &t, step, stop);
	} else if (ret == -EINTR) {
		if (take_held_back(hw, &t))
			decode_trap(cpu, hw, &t, step, stop);
		else if (step)
			r->eflags &= ~FLAG_TF;
	} else {
		if (step)
			r->eflags &= ~FLAG_TF;
		decode_exit(cpu, hw, ret, stop);
	}
	if (stop->kind != STOP_INTERRUPTED) {
		cpu->nr_efault = 0;
		return false;
	}
	return ret != -EINTR;
}
