/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal_frame: the stack frame of a signal handler and the way back from it.
 *
 * The frame is the guest's to change: rt_sigreturn takes from it only what a
 * program may set by itself.
 * Linux: arch/x86/kernel/signal_64.c and fpu/signal.c of 6.18.  cs and ss are
 *        always those of 64-bit code here: no compatibility mode.
 * Tests: tests/conformance/sigframe.c
 */
#include <errno.h>
#include <string.h>

#include "abi/ucontext.h"
#include "sentry/kernel/task_private.h"

#define USER_CS	 0x33
#define USER_SS	 0x2b
#define RED_ZONE 128
/* AC OF DF TF SF ZF AF PF CF RF */
#define EFLAGS_FIX     0x50dd5ull
#define EFLAGS_DF      0x400ull
#define EFLAGS_TF      0x100ull
#define EFLAGS_RF      0x10000ull
#define LEGACY_SIZE    512u
#define HEADER_SIZE    64u
#define XFEATURE_FPSSE 3ull
#define XHEADER_AT     512

/* --- alternate stack ------------------------------------------------------ */

static bool within(const struct linux_stack *ss, uint64_t sp)
{
	return sp > ss->sp && sp - ss->sp <= ss->size;
}

static bool on_altstack(const struct linux_stack *ss, uint64_t sp)
{
	if ((uint32_t)ss->flags & LINUX_SS_AUTODISARM)
		return false;
	return within(ss, sp);
}

uint32_t signal_altstack_flags(const struct linux_stack *ss, uint64_t sp)
{
	if (!ss->size)
		return LINUX_SS_DISABLE;
	return on_altstack(ss, sp) ? LINUX_SS_ONSTACK : 0;
}

int signal_set_altstack(struct task *t, const struct linux_stack *ss,
			uint64_t sp)
{
	struct linux_stack *own = &t->signals->altstack;
	uint32_t flags = (uint32_t)ss->flags;
	uint32_t mode = flags & ~LINUX_SS_AUTODISARM;

	if (on_altstack(own, sp))
		return -EPERM;
	if (mode != LINUX_SS_DISABLE && mode != LINUX_SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == LINUX_SS_DISABLE) {
		*own = (struct linux_stack){ .flags = ss->flags };
		return 0;
	}
	if (ss->size < LINUX_MINSIGSTKSZ)
		return -ENOMEM;
	*own = *ss;
	own->pad = 0;
	return 0;
}

uint64_t signal_frame_size(void)
{
	return sizeof(struct linux_rt_sigframe) +
	       platform_limits()->xsave_size + 4 + 64 + 16;
}

/* --- setting up ----------------------------------------------------------- */

struct frame_place {
	uint64_t fpu, frame;
};

static int place_frame(struct task *t, const struct linux_sigaction *act,
		       struct frame_place *out)
{
	const struct linux_stack *ss = &t->signals->altstack;
	uint64_t rsp = platform_regs(t->cpu)->rsp;
	bool alt = on_altstack(ss, rsp);
	uint64_t sp = rsp - RED_ZONE;

	if ((act->flags & LINUX_SA_ONSTACK) &&
	    signal_altstack_flags(ss, sp) == 0) {
		sp = ss->sp + ss->size;
		alt = true;
	}
	sp = (sp - platform_limits()->xsave_size - 4) & ~63ull;
	out->fpu = sp;
	sp = ((sp - sizeof(struct linux_rt_sigframe)) & ~15ull) - 8;
	out->frame = sp;
	return alt && !within(ss, sp) ? -EFAULT : 0;
}

static int save_fpu(struct task *t, uint64_t at)
{
	uint32_t size = (uint32_t)platform_limits()->xsave_size;
	uint32_t magic2 = LINUX_FP_XSTATE_MAGIC2;
	struct linux_fpx_sw_bytes sw = {
		.magic1 = LINUX_FP_XSTATE_MAGIC1,
		.extended_size = size + 4,
		.xfeatures = platform_limits()->xcr0,
		.xstate_size = size,
	};
	uint8_t *buf = task_fpu_buf(t);
	uint64_t present;

	if (!buf || platform_get_fpu(t->cpu, buf) < 0)
		return -EFAULT;
	memcpy(buf + LINUX_FPX_SW_OFFSET, &sw, sizeof(sw));
	memcpy(&present, buf + XHEADER_AT, sizeof(present));
	present |= XFEATURE_FPSSE;
	memcpy(buf + XHEADER_AT, &present, sizeof(present));
	if (copy_out(uaddr(at), buf, size) < 0)
		return -EFAULT;
	return copy_out(uaddr(at + size), &magic2, sizeof(magic2));
}

static void save_regs(struct task *t, const struct guest_regs *r,
		      struct linux_sigcontext *sc)
{
	sc->r8 = r->r8;
	sc->r9 = r->r9;
	sc->r10 = r->r10;
	sc->r11 = r->r11;
	sc->r12 = r->r12;
	sc->r13 = r->r13;
	sc->r14 = r->r14;
	sc->r15 = r->r15;
	sc->di = r->rdi;
	sc->si = r->rsi;
	sc->bp = r->rbp;
	sc->bx = r->rbx;
	sc->dx = r->rdx;
	sc->ax = r->rax;
	sc->cx = r->rcx;
	sc->sp = r->rsp;
	sc->ip = r->rip;
	sc->flags = r->eflags;
	sc->cs = USER_CS;
	sc->ss = USER_SS;
	sc->err = t->priv->errcode;
	sc->trapno = t->priv->trapno;
	sc->cr2 = t->priv->cr2;
}

static void enter_regs(struct guest_regs *r, int signo, uint64_t frame,
		       uint64_t handler)
{
	r->rdi = (uint64_t)signo;
	r->rax = 0;
	r->rsi = frame + offsetof(struct linux_rt_sigframe, info);
	r->rdx = frame + offsetof(struct linux_rt_sigframe, uc);
	r->rip = handler;
	r->rsp = frame;
	r->cs = USER_CS;
	r->ss = USER_SS;
	r->eflags &= ~(EFLAGS_DF | EFLAGS_RF | EFLAGS_TF);
	r->orig_rax = UINT64_MAX;
}

int signal_frame_setup(struct task *t, const struct linux_siginfo *si,
		       const struct linux_sigaction *act, uint64_t saved_mask)
{
	struct linux_stack *ss = &t->signals->altstack;
	struct guest_regs *r = platform_regs(t->cpu);
	struct linux_rt_sigframe f = { 0 };
	struct frame_place at;

	if (!(act->flags & LINUX_SA_RESTORER) || place_frame(t, act, &at) < 0 ||
	    save_fpu(t, at.fpu) < 0)
		return -EFAULT;
	f.pretcode = act->restorer;
	f.uc.flags = LINUX_UC_FP_XSTATE | LINUX_UC_SIGCONTEXT_SS |
		     LINUX_UC_STRICT_RESTORE_SS;
	f.uc.stack = *ss;
	save_regs(t, r, &f.uc.mcontext);
	f.uc.mcontext.oldmask = saved_mask;
	f.uc.mcontext.fpstate = at.fpu;
	f.uc.sigmask = saved_mask;
	if (act->flags & LINUX_SA_SIGINFO)
		f.info = *si;
	if (copy_out(uaddr(at.frame), &f, sizeof(f)) < 0)
		return -EFAULT;
	if ((uint32_t)ss->flags & LINUX_SS_AUTODISARM)
		*ss = (struct linux_stack){ .flags =
						    (int32_t)LINUX_SS_DISABLE };
	enter_regs(r, si->signo, at.frame, act->handler);
	/* A handler starts with a fresh FPU. */
	return task_reset_fpu(t) < 0 ? -EFAULT : 0;
}

/* --- coming back ---------------------------------------------------------- */

static void restore_regs(struct guest_regs *r,
			 const struct linux_sigcontext *sc)
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
	r->eflags = (r->eflags & ~EFLAGS_FIX) | (sc->flags & EFLAGS_FIX);
	r->cs = USER_CS;
	r->ss = USER_SS;
	r->orig_rax = UINT64_MAX;
}

/* How much of the FPU area is there: all of it, or the legacy part. */
static int fpu_extent(uint64_t at, struct linux_fpx_sw_bytes *sw)
{
	uint64_t xcr0 = platform_limits()->xcr0;
	uint32_t magic2;

	if (copy_in(sw, uaddr(at + LINUX_FPX_SW_OFFSET), sizeof(*sw)) < 0)
		return -EFAULT;
	if (sw->magic1 == LINUX_FP_XSTATE_MAGIC1 &&
	    sw->xstate_size >= LEGACY_SIZE + HEADER_SIZE &&
	    sw->xstate_size <= platform_limits()->xsave_size &&
	    sw->xstate_size <= sw->extended_size) {
		if (copy_in(&magic2, uaddr(at + sw->xstate_size),
			    sizeof(magic2)) < 0)
			return -EFAULT;
		if (magic2 == LINUX_FP_XSTATE_MAGIC2) {
			sw->xfeatures &= xcr0;
			return 0;
		}
	}
	sw->xstate_size = LEGACY_SIZE;
	sw->xfeatures = XFEATURE_FPSSE;
	return 0;
}

static int restore_fpu(struct task *t, uint64_t at)
{
	struct linux_fpx_sw_bytes sw;
	uint8_t *buf = task_fpu_buf(t);
	uint64_t present = XFEATURE_FPSSE;

	if (!at)
		return task_reset_fpu(t);
	if (!buf || fpu_extent(at, &sw) < 0)
		return -EFAULT;
	memset(buf, 0, platform_limits()->xsave_size);
	if (copy_in(buf, uaddr(at), sw.xstate_size) < 0)
		return -EFAULT;
	memset(buf + LINUX_FPX_SW_OFFSET, 0, sizeof(sw));
	if (sw.xstate_size > LEGACY_SIZE)
		memcpy(&present, buf + XHEADER_AT, sizeof(present));
	present &= sw.xfeatures;
	memcpy(buf + XHEADER_AT, &present, sizeof(present));
	return platform_set_fpu(t->cpu, buf) < 0 ? -EFAULT : 0;
}

int signal_frame_restore(struct task *t)
{
	struct guest_regs *r = platform_regs(t->cpu);
	struct linux_rt_sigframe f;

	/* The handler's return took pretcode off the stack. */
	if (copy_in(&f, uaddr(r->rsp - 8), sizeof(f)) < 0)
		return -EFAULT;
	signal_set_blocked(t, f.uc.sigmask);
	restore_regs(r, &f.uc.mcontext);
	if (restore_fpu(t, f.uc.mcontext.fpstate) < 0)
		return -EFAULT;
	/* As Linux: what sigaltstack would refuse is left out silently. */
	(void)signal_set_altstack(t, &f.uc.stack, r->rsp);
	return 0;
}
