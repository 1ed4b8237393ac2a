/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace_regs: requests about the registers of a frozen tracee, and about the
 * system call it is in.
 *
 * Integer registers are read and written where the platform keeps them, the
 * FPU in the image that the tracee saved when it stopped; both are loaded when
 * it goes on.
 *
 * Locks: none; the tracee is frozen.
 * Linux: arch/x86/kernel/ptrace.c of 6.18.  Code is always 64-bit: other
 *        values of cs and ss give EIO.
 * Tests: tests/conformance/ptrace_regs.c
 */
#include <errno.h>
#include <string.h>

#include "abi/ucontext.h"
#include "sentry/kernel/task_private.h"
#include "sentry/mm/mm.h"

#define USER_CS	      0x33
#define USER_SS	      0x2b
#define EFLAGS_MASK   0x54dd5ull /* AC RF NT OF DF TF SF ZF AF PF CF */
#define FX_SIZE	      512u
#define FX_MXCSR      24
#define XHEADER	      512
#define XHEADER_END   576
#define XFEATURE_FP   1ull
#define XFEATURE_SSE  2ull
#define MXCSR_DEFINED 0xffffu
#define REG(name)     (offsetof(struct guest_regs, name) / 8)
#define NR_REGS	      (sizeof(struct guest_regs) / 8)

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };

/* --- integer registers ---------------------------------------------------- */

static bool selector_ok(size_t reg, uint64_t value)
{
	value &= 0xffff;
	if (reg == REG(cs))
		return value == USER_CS;
	if (reg == REG(ss))
		return value == USER_SS;
	return value == 0 || (value & 3) == 3;
}

static int put_reg(struct guest_regs *r, size_t reg, uint64_t value)
{
	uint64_t *words = (uint64_t *)r;

	switch (reg) {
	case REG(cs):
	case REG(ss):
	case REG(ds):
	case REG(es):
	case REG(fs):
	case REG(gs):
		if (!selector_ok(reg, value))
			return -EIO;
		value &= 0xffff;
		break;
	case REG(fs_base):
	case REG(gs_base):
		if (value >= platform_limits()->max_user_addr)
			return -EIO;
		break;
	case REG(eflags):
		value = (r->eflags & ~EFLAGS_MASK) | (value & EFLAGS_MASK);
		break;
	}
	words[reg] = value;
	return 0;
}

/* As Linux those before a refused one have been set. */
static int put_regs(struct task *p, const uint64_t *words, size_t nr)
{
	struct guest_regs *r = platform_regs(p->cpu);
	int ret = 0;

	p->priv->ptrace.regs_changed = true;
	for (size_t i = 0; i < nr && ret == 0; i++)
		ret = put_reg(r, i, words[i]);
	return ret;
}

static long copy_regs_out(struct task *p, uint64_t to, size_t size)
{
	struct guest_regs r = *platform_regs(p->cpu);

	return copy_out(uaddr(to), &r, size);
}

static long copy_regs_in(struct task *p, uint64_t from, size_t size)
{
	uint64_t words[NR_REGS];

	if (copy_in(words, uaddr(from), size) < 0)
		return -EFAULT;
	return put_regs(p, words, size / 8);
}

/* --- struct user ---------------------------------------------------------- */

static bool user_addr_ok(uint64_t addr)
{
	return addr % 8 == 0 && addr < LINUX_USER_SIZE;
}

static bool is_debugreg(uint64_t addr)
{
	return addr >= LINUX_USER_DEBUGREG && addr < LINUX_USER_DEBUGREG + 64;
}

static long peek_user(struct task *p, uint64_t addr, uint64_t to)
{
	uint64_t word = 0;

	if (!user_addr_ok(addr))
		return -EIO;
	if (addr < sizeof(struct guest_regs))
		word = ((uint64_t *)platform_regs(p->cpu))[addr / 8];
	else if (is_debugreg(addr))
		word = ptrace_get_debugreg(p, (addr - LINUX_USER_DEBUGREG) / 8);
	return copy_out(uaddr(to), &word, sizeof(word));
}

static long poke_user(struct task *p, uint64_t addr, uint64_t word)
{
	if (!user_addr_ok(addr))
		return -EIO;
	if (addr < sizeof(struct guest_regs)) {
		p->priv->ptrace.regs_changed = true;
		return put_reg(platform_regs(p->cpu), addr / 8, word);
	}
	if (is_debugreg(addr))
		return ptrace_set_debugreg(p, (addr - LINUX_USER_DEBUGREG) / 8,
					   word);
	return -EIO;
}

/* --- FPU ------------------------------------------------------------------ */

static uint64_t get_word(const uint8_t *img, size_t at)
{
	uint64_t v;

	memcpy(&v, img + at, sizeof(v));
	return v;
}

static void put_word(uint8_t *img, size_t at, uint64_t v)
{
	memcpy(img + at, &v, sizeof(v));
}

/* A copy of the image with what is in its initial state written out. */
static uint8_t *fpu_copy(struct task *p)
{
	const size_t size = platform_limits()->xsave_size;
	uint8_t *img;
	uint64_t has;

	if (!p->priv->ptrace.fpu_valid)
		return NULL;
	img = kzalloc(size);
	if (!img)
		return NULL;
	memcpy(img, p->priv->fpu, size);
	has = get_word(img, XHEADER);
	if (!(has & XFEATURE_FP)) {
		memset(img, 0, FX_MXCSR);
		img[0] = 0x7f; /* fcw 0x37f */
		img[1] = 3;
		memset(img + 32, 0, 128);
	}
	if (!(has & XFEATURE_SSE))
		memset(img + 160, 0, 256);
	return img;
}

static long copy_fp_out(struct task *p, uint64_t to, size_t size)
{
	AUTO_FREE uint8_t *img = fpu_copy(p);

	if (!img)
		return -EIO;
	return copy_out(uaddr(to), img, size);
}

static long check_mxcsr(const uint8_t *img)
{
	uint32_t mxcsr;

	memcpy(&mxcsr, img + FX_MXCSR, sizeof(mxcsr));
	return mxcsr & ~MXCSR_DEFINED ? -EINVAL : 0;
}

static long copy_fp_in(struct task *p, uint64_t from)
{
	uint8_t *img = p->priv->fpu, fx[FX_SIZE];

	if (!p->priv->ptrace.fpu_valid)
		return -EIO;
	if (copy_in(fx, uaddr(from), sizeof(fx)) < 0)
		return -EFAULT;
	if (check_mxcsr(fx) < 0)
		return -EINVAL;
	memcpy(img, fx, LINUX_FPX_SW_OFFSET);
	put_word(img, XHEADER,
		 get_word(img, XHEADER) | XFEATURE_FP | XFEATURE_SSE);
	p->priv->ptrace.fpu_changed = true;
	return 0;
}

static long copy_xstate_out(struct task *p, uint64_t to, size_t size)
{
	AUTO_FREE uint8_t *img = fpu_copy(p);

	if (!img)
		return -EIO;
	/* Where debuggers look for the components that there are. */
	put_word(img, LINUX_FPX_SW_OFFSET, platform_limits()->xcr0);
	return copy_out(uaddr(to), img, size);
}

static long check_xstate(const uint8_t *img)
{
	if (get_word(img, XHEADER) & ~platform_limits()->xcr0)
		return -EINVAL;
	for (size_t at = XHEADER + 8; at < XHEADER_END; at += 8)
		if (get_word(img, at))
			return -EINVAL;
	return check_mxcsr(img);
}

static long copy_xstate_in(struct task *p, uint64_t from, size_t size)
{
	const size_t all = platform_limits()->xsave_size;
	AUTO_FREE uint8_t *img = NULL;

	if (!p->priv->ptrace.fpu_valid)
		return -EIO;
	if (size != all)
		return -EFAULT;
	img = kzalloc(all);
	if (!img)
		return -ENOMEM;
	if (copy_in(img, uaddr(from), all) < 0)
		return -EFAULT;
	if (check_xstate(img) < 0)
		return -EINVAL;
	memset(img + LINUX_FPX_SW_OFFSET, 0, XHEADER - LINUX_FPX_SW_OFFSET);
	memcpy(p->priv->fpu, img, all);
	p->priv->ptrace.fpu_changed = true;
	return 0;
}

/* --- register sets -------------------------------------------------------- */

static long regset_size(uint64_t type)
{
	switch (type) {
	case LINUX_NT_PRSTATUS:
		return sizeof(struct guest_regs);
	case LINUX_NT_PRFPREG:
		return FX_SIZE;
	case LINUX_NT_X86_XSTATE:
		return (long)platform_limits()->xsave_size;
	}
	return -EINVAL;
}

static long transfer_regset(struct task *p, uint64_t type, bool set,
			    uint64_t base, size_t size)
{
	switch (type) {
	case LINUX_NT_PRSTATUS:
		return set ? copy_regs_in(p, base, size)
			   : copy_regs_out(p, base, size);
	case LINUX_NT_PRFPREG:
		if (!set)
			return copy_fp_out(p, base, size);
		return size == FX_SIZE ? copy_fp_in(p, base) : -EINVAL;
	default:
		return set ? copy_xstate_in(p, base, size)
			   : copy_xstate_out(p, base, size);
	}
}

static long regset(struct task *p, uint64_t type, uint64_t at, bool set)
{
	struct {
		uint64_t base, size;
	} iov;
	long ret;

	if (copy_in(&iov, uaddr(at), sizeof(iov)) < 0)
		return -EFAULT;
	ret = regset_size(type);
	if (ret < 0)
		return ret;
	if (iov.size % 8)
		return -EINVAL;
	iov.size = MIN(iov.size, (uint64_t)ret);
	ret = transfer_regset(p, type, set, iov.base, iov.size);
	if (ret < 0)
		return ret;
	return copy_out(uaddr(at + 8), &iov.size, sizeof(iov.size));
}

static long arch_prctl(struct task *p, uint64_t code, uint64_t addr)
{
	const struct guest_regs *r = platform_regs(p->cpu);
	long ret;

	switch (code) {
	case ARCH_SET_GS:
	case ARCH_SET_FS:
		ret = poke_user(
			p,
			8 * (code == ARCH_SET_GS ? REG(gs_base) : REG(fs_base)),
			addr);
		return ret < 0 ? -EPERM : 0;
	case ARCH_GET_FS:
		return copy_out(uaddr(addr), &r->fs_base, 8);
	case ARCH_GET_GS:
		return copy_out(uaddr(addr), &r->gs_base, 8);
	}
	return -EINVAL;
}

/* --- the system call ------------------------------------------------------ */

static uint8_t syscall_info_op(const struct ptrace_state *ps)
{
	int code = ps->info ? ps->info->code : 0;

	if (code == (LINUX_SIGTRAP | LINUX_PTRACE_EVENT_SECCOMP << 8))
		return LINUX_PTRACE_SYSCALL_INFO_SECCOMP;
	if (code != (LINUX_SIGTRAP | 0x80))
		return LINUX_PTRACE_SYSCALL_INFO_NONE;
	return ps->message == LINUX_PTRACE_EVENTMSG_SYSCALL_ENTRY
		       ? LINUX_PTRACE_SYSCALL_INFO_ENTRY
		       : LINUX_PTRACE_SYSCALL_INFO_EXIT;
}

#define INFO_END(field)                                      \
	(offsetof(struct linux_ptrace_syscall_info, field) + \
	 sizeof(((struct linux_ptrace_syscall_info *)0)->field))

static size_t fill_syscall_info(struct task *p,
				struct linux_ptrace_syscall_info *i)
{
	const struct guest_regs *r = platform_regs(p->cpu);
	const uint64_t args[6] = {
		r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9
	};

	i->op = syscall_info_op(&p->priv->ptrace);
	i->arch = LINUX_AUDIT_ARCH_X86_64;
	i->ip = r->rip;
	i->sp = r->rsp;
	switch (i->op) {
	case LINUX_PTRACE_SYSCALL_INFO_ENTRY:
	case LINUX_PTRACE_SYSCALL_INFO_SECCOMP:
		i->entry.nr = (uint64_t)(int32_t)r->orig_rax;
		memcpy(i->entry.args, args, sizeof(args));
		if (i->op == LINUX_PTRACE_SYSCALL_INFO_ENTRY)
			return INFO_END(entry.args);
		i->entry.ret_data = (uint32_t)p->priv->ptrace.message;
		return INFO_END(entry.reserved2);
	case LINUX_PTRACE_SYSCALL_INFO_EXIT:
		i->exit.rval = (int64_t)r->rax;
		i->exit.is_error = i->exit.rval < 0 && i->exit.rval >= -4095;
		return INFO_END(exit.is_error);
	}
	return INFO_END(sp);
}

static long get_syscall_info(struct task *p, uint64_t size, uint64_t to)
{
	struct linux_ptrace_syscall_info i = { 0 };
	size_t actual = fill_syscall_info(p, &i);

	if (copy_out(uaddr(to), &i, MIN(size, actual)) < 0)
		return -EFAULT;
	return (long)actual;
}

static long set_call(struct guest_regs *r,
		     const struct linux_ptrace_syscall_info *i)
{
	const uint64_t *a = i->entry.args;

	if ((int64_t)i->entry.nr != (int32_t)i->entry.nr)
		return -ERANGE;
	r->orig_rax = i->entry.nr;
	if ((int32_t)i->entry.nr == -1)
		return 0;
	r->rdi = a[0];
	r->rsi = a[1];
	r->rdx = a[2];
	r->r10 = a[3];
	r->r8 = a[4];
	r->r9 = a[5];
	return 0;
}

static long set_syscall_info(struct task *p, uint64_t size, uint64_t from)
{
	struct guest_regs *r = platform_regs(p->cpu);
	struct linux_ptrace_syscall_info i;

	if (size < sizeof(i))
		return -EINVAL;
	if (copy_in(&i, uaddr(from), sizeof(i)) < 0)
		return -EFAULT;
	if (i.flags || i.reserved || i.op != syscall_info_op(&p->priv->ptrace))
		return -EINVAL;
	p->priv->ptrace.regs_changed = true;
	switch (i.op) {
	case LINUX_PTRACE_SYSCALL_INFO_SECCOMP:
		if (i.entry.reserved2)
			return -EINVAL;
		return set_call(r, &i);
	case LINUX_PTRACE_SYSCALL_INFO_ENTRY:
		return set_call(r, &i);
	case LINUX_PTRACE_SYSCALL_INFO_EXIT:
		r->rax = (uint64_t)i.exit.rval;
		return 0;
	}
	return -EINVAL;
}

/* --- requests ------------------------------------------------------------- */

long ptrace_request_regs(struct task *p, uint64_t request, uint64_t addr,
			 uint64_t data)
{
	switch (request) {
	case LINUX_PTRACE_PEEKUSR:
		return peek_user(p, addr, data);
	case LINUX_PTRACE_POKEUSR:
		return poke_user(p, addr, data);
	case LINUX_PTRACE_GETREGS:
		return copy_regs_out(p, data, sizeof(struct guest_regs));
	case LINUX_PTRACE_SETREGS:
		return copy_regs_in(p, data, sizeof(struct guest_regs));
	case LINUX_PTRACE_GETFPREGS:
		return copy_fp_out(p, data, FX_SIZE);
	case LINUX_PTRACE_SETFPREGS:
		return copy_fp_in(p, data);
	case LINUX_PTRACE_GETREGSET:
		return regset(p, addr, data, false);
	case LINUX_PTRACE_SETREGSET:
		return regset(p, addr, data, true);
	case LINUX_PTRACE_ARCH_PRCTL:
		return arch_prctl(p, data, addr);
	case LINUX_PTRACE_GET_SYSCALL_INFO:
		return get_syscall_info(p, addr, data);
	case LINUX_PTRACE_SET_SYSCALL_INFO:
		return set_syscall_info(p, addr, data);
	}
	return -EIO;
}
