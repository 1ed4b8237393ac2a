/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): registers, register sets, struct user, GET_SYSCALL_INFO. */
#include <asm/prctl.h>
#include <elf.h>
#include <linux/audit.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "tests/harness/ptrace_test.h"

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif
#define SET_SYSCALL_INFO 0x4212

static pid_t at_entry(pid_t kid, unsigned long nr)
{
	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	do {
		EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
		EXPECT_STATUS(STOP_STATUS(SIGTRAP | 0x80), kid);
	} while (get_regs(kid).orig_rax != nr);
	return kid;
}

/* --- integer registers ---------------------------------------------------- */

TEST(ptrace_regs, all_general_registers)
{
	unsigned long out[14];
	pid_t kid = TRACEE(
		__asm__ volatile("push %%rbp\n mov %0, %%r15\n push %%r15\n "
				 "int3\n pop %%r15\n"
				 "mov %%rax, (%%r15)\n mov %%rbx, 8(%%r15)\n"
				 "mov %%rcx, 16(%%r15)\n mov %%rdx, 24(%%r15)\n"
				 "mov %%rsi, 32(%%r15)\n mov %%rdi, 40(%%r15)\n"
				 "mov %%rbp, 48(%%r15)\n mov %%r8, 56(%%r15)\n"
				 "mov %%r9, 64(%%r15)\n mov %%r10, 72(%%r15)\n"
				 "mov %%r11, 80(%%r15)\n mov %%r12, 88(%%r15)\n"
				 "mov %%r13, 96(%%r15)\n mov %%r14, "
				 "104(%%r15)\n pop %%rbp" ::"r"(out)
				 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi",
				   "r8", "r9", "r10", "r11", "r12", "r13",
				   "r14", "r15", "memory");
		for (int i = 0; i < 14;
		     i++) if (out[i] != 0xabcdef0000000000ull + i)
			_exit(i + 1););
	struct user_regs_struct r;
	unsigned long long *want[] = { &r.rax, &r.rbx, &r.rcx, &r.rdx, &r.rsi,
				       &r.rdi, &r.rbp, &r.r8,  &r.r9,  &r.r10,
				       &r.r11, &r.r12, &r.r13, &r.r14 };

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	r = get_regs(kid);
	EXPECT_EQ(0x33, r.cs);
	EXPECT_EQ(0x2b, r.ss);
	for (int i = 0; i < 14; i++)
		*want[i] = 0xabcdef0000000000ull + i;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_regs, values_are_checked)
{
	pid_t kid = TRACEE(pause());
	struct user_regs_struct r = get_regs(kid), old = r;

	r.cs = 0;
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_SETREGS, kid, 0, &r));
	r = old;
	r.ss = 0x28; /* ring 0 */
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_SETREGS, kid, 0, &r));
	r = old;
	r.ds = 1;
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_SETREGS, kid, 0, &r));
	r = old;
	r.fs_base = 1ul << 47;
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_SETREGS, kid, 0, &r));
	r = old;
	r.gs_base = -1ul;
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_SETREGS, kid, 0, &r));
	/* Flags that are not the program's are left alone. */
	r = old;
	r.eflags = -1ul;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	r = get_regs(kid);
	EXPECT_EQ((old.eflags & ~0x54dd5ul) | 0x54dd5, r.eflags);
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_GETREGS, kid, 0, 8));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_SETREGS, kid, 0, 8));
	kill_tracee(kid);
}

TEST(ptrace_regs, peek_and_poke_user)
{
	pid_t kid = TRACEE(pause());
	struct user_regs_struct r = get_regs(kid);
	unsigned long w = 0;

	EXPECT_OK(PTRACE(PTRACE_PEEKUSER, kid, offsetof(struct user, regs.rsp),
			 &w));
	EXPECT_EQ(r.rsp, w);
	EXPECT_OK(PTRACE(PTRACE_POKEUSER, kid, offsetof(struct user, regs.r12),
			 77));
	EXPECT_EQ(77, get_regs(kid).r12);
	/* What lies between registers and debug registers reads as 0. */
	EXPECT_OK(PTRACE(PTRACE_PEEKUSER, kid, offsetof(struct user, u_tsize),
			 &w));
	EXPECT_EQ(0, w);
	/* The kernel's struct has two words more than the library's. */
	EXPECT_OK(PTRACE(PTRACE_PEEKUSER, kid, sizeof(struct user) + 8, &w));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_PEEKUSER, kid, sizeof(struct user) + 16,
				 &w));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_PEEKUSER, kid, 4, &w));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_PEEKUSER, kid, -8, &w));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_PEEKUSER, kid, 0, 8));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_POKEUSER, kid,
				 offsetof(struct user, u_tsize), 1));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_POKEUSER, kid, 4, 1));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_POKEUSER, kid, sizeof(struct user), 1));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_POKEUSER, kid,
				 offsetof(struct user, regs.cs), 0));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_POKEUSER, kid,
				 offsetof(struct user, regs.fs_base), -1));
	kill_tracee(kid);
}

TEST(ptrace_regs, segment_bases)
{
	static long in_gs[4] = { 11, 12, 13, 14 };
	pid_t kid = TRACEE(long v; raise(SIGUSR1); __asm__("mov %%gs:16, %0"
							   : "=r"(v));
			   _exit((int)v));
	unsigned long base = 1;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	EXPECT_OK(PTRACE(PTRACE_ARCH_PRCTL, kid, &base, ARCH_GET_FS));
	EXPECT_EQ(get_regs(kid).fs_base, base);
	EXPECT_OK(PTRACE(PTRACE_ARCH_PRCTL, kid, in_gs, ARCH_SET_GS));
	EXPECT_OK(PTRACE(PTRACE_ARCH_PRCTL, kid, &base, ARCH_GET_GS));
	EXPECT_EQ((long)in_gs, base);
	EXPECT_ERRNO(EPERM, PTRACE(PTRACE_ARCH_PRCTL, kid, -1, ARCH_SET_FS));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_ARCH_PRCTL, kid, 8, ARCH_GET_FS));
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_ARCH_PRCTL, kid, 0, 0x999));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(13, kid);
}

TEST(ptrace_regs, a_jump_to_nowhere_faults)
{
	pid_t kid = TRACEE(pause());
	struct user_regs_struct r = get_regs(kid);

	r.rip = 0x1234;
	r.orig_rax = -1;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGSEGV), kid);
	EXPECT_EQ(0x1234, get_regs(kid).rip);
	r.rip = 1ul << 63;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGSEGV), kid);
	kill_tracee(kid);
}

/* --- FPU ------------------------------------------------------------------ */

TEST(ptrace_regs, fpregs)
{
	pid_t kid =
		TRACEE(double d = 1.5; float f[4] = { 1, 2, 3, 4 }, g[4];
		       __asm__ volatile("fldl %1\n movups %2, %%xmm7\n int3\n"
					"movups %%xmm7, %0\n fstpl %1"
					: "=m"(g), "+m"(d)
					: "m"(f)
					: "xmm7");
		       _exit(g[0] == 9 && g[3] == 4 && d == 2.5 ? 0 : 1));
	struct user_fpregs_struct fp;
	float v[4];
	long double st0;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_OK(PTRACE(PTRACE_GETFPREGS, kid, 0, &fp));
	EXPECT_EQ(0x37f, fp.cwd);
	EXPECT_EQ(0x1f80, fp.mxcsr);
	memcpy(v, &fp.xmm_space[28], 16);
	EXPECT_TRUE(v[0] == 1 && v[3] == 4);
	memcpy(&st0, fp.st_space, 10);
	EXPECT_TRUE(st0 == 1.5);
	st0 = 2.5;
	memcpy(fp.st_space, &st0, 10);
	v[0] = 9;
	memcpy(&fp.xmm_space[28], v, 16);
	EXPECT_OK(PTRACE(PTRACE_SETFPREGS, kid, 0, &fp));
	memset(&fp, 0, sizeof(fp));
	EXPECT_OK(PTRACE(PTRACE_GETFPREGS, kid, 0, &fp));
	memcpy(v, &fp.xmm_space[28], 16);
	EXPECT_TRUE(v[0] == 9);
	fp.mxcsr = 0xffffffff;
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_SETFPREGS, kid, 0, &fp));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_SETFPREGS, kid, 0, 8));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_GETFPREGS, kid, 0, 8));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_regs, regset_general)
{
	pid_t kid = TRACEE(pause());
	struct user_regs_struct r;
	struct iovec iov = { &r, sizeof(r) };
	char big[4096];

	EXPECT_OK(PTRACE(PTRACE_GETREGSET, kid, NT_PRSTATUS, &iov));
	EXPECT_EQ(sizeof(r), iov.iov_len);
	EXPECT_EQ(get_regs(kid).rsp, r.rsp);
	iov = (struct iovec){ big, sizeof(big) };
	EXPECT_OK(PTRACE(PTRACE_GETREGSET, kid, NT_PRSTATUS, &iov));
	EXPECT_EQ(sizeof(r), iov.iov_len);
	/* Only what there is room for. */
	memset(big, 0x55, sizeof(big));
	iov.iov_len = 16;
	EXPECT_OK(PTRACE(PTRACE_GETREGSET, kid, NT_PRSTATUS, &iov));
	EXPECT_EQ(16, iov.iov_len);
	EXPECT_EQ(0x55, big[16]);
	iov.iov_len = 0;
	EXPECT_OK(PTRACE(PTRACE_GETREGSET, kid, NT_PRSTATUS, &iov));
	iov.iov_len = 12;
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_GETREGSET, kid, NT_PRSTATUS, &iov));
	iov.iov_len = 16;
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_GETREGSET, kid, 0x999, &iov));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_GETREGSET, kid, NT_PRSTATUS, 8));
	iov.iov_base = (void *)8;
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_GETREGSET, kid, NT_PRSTATUS, &iov));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_SETREGSET, kid, NT_PRSTATUS, &iov));
	/* A part can be set: r15 and r14. */
	((long *)big)[0] = 0x15;
	((long *)big)[1] = 0x14;
	iov = (struct iovec){ big, 16 };
	EXPECT_OK(PTRACE(PTRACE_SETREGSET, kid, NT_PRSTATUS, &iov));
	EXPECT_EQ(0x15, get_regs(kid).r15);
	EXPECT_EQ(0x14, get_regs(kid).r14);
	EXPECT_EQ(r.r13, get_regs(kid).r13);
	kill_tracee(kid);
}

TEST(ptrace_regs, regset_fp)
{
	pid_t kid = TRACEE(pause());
	struct user_fpregs_struct fp, other;
	struct iovec iov = { &fp, sizeof(fp) };

	EXPECT_OK(PTRACE(PTRACE_GETREGSET, kid, NT_PRFPREG, &iov));
	EXPECT_EQ(512, iov.iov_len);
	fp.xmm_space[0] = 0x77;
	EXPECT_OK(PTRACE(PTRACE_SETREGSET, kid, NT_PRFPREG, &iov));
	EXPECT_OK(PTRACE(PTRACE_GETFPREGS, kid, 0, &other));
	EXPECT_EQ(0x77, other.xmm_space[0]);
	iov.iov_len = 256;
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_SETREGSET, kid, NT_PRFPREG, &iov));
	kill_tracee(kid);
}

TEST(ptrace_regs, regset_xstate)
{
	pid_t kid = TRACEE(pause());
	static _Alignas(64) unsigned char img[16384];
	struct iovec iov = { img, sizeof(img) };
	unsigned long xcr0, size;

	EXPECT_OK(PTRACE(PTRACE_GETREGSET, kid, NT_X86_XSTATE, &iov));
	size = iov.iov_len;
	EXPECT_TRUE(size >= 576 && size < sizeof(img));
	memcpy(&xcr0, img + 464, 8);
	EXPECT_EQ(3, xcr0 & 3);
	EXPECT_EQ(0x37f, *(unsigned short *)img);
	img[160] = 0x66; /* xmm0 */
	img[512] |= 3;
	EXPECT_OK(PTRACE(PTRACE_SETREGSET, kid, NT_X86_XSTATE, &iov));
	EXPECT_EQ(size, iov.iov_len);
	memset(img, 0, sizeof(img));
	EXPECT_OK(PTRACE(PTRACE_GETREGSET, kid, NT_X86_XSTATE, &iov));
	EXPECT_EQ(0x66, img[160]);
	iov.iov_len = 512;
	EXPECT_ERRNO(EFAULT,
		     PTRACE(PTRACE_SETREGSET, kid, NT_X86_XSTATE, &iov));
	iov.iov_len = size;
	img[519] = 0x80; /* a component that there is not */
	EXPECT_ERRNO(EINVAL,
		     PTRACE(PTRACE_SETREGSET, kid, NT_X86_XSTATE, &iov));
	img[519] = 0;
	img[530] = 1; /* reserved */
	EXPECT_ERRNO(EINVAL,
		     PTRACE(PTRACE_SETREGSET, kid, NT_X86_XSTATE, &iov));
	img[530] = 0;
	img[27] = 0x80; /* mxcsr */
	EXPECT_ERRNO(EINVAL,
		     PTRACE(PTRACE_SETREGSET, kid, NT_X86_XSTATE, &iov));
	iov.iov_base = (void *)8;
	EXPECT_ERRNO(EFAULT,
		     PTRACE(PTRACE_SETREGSET, kid, NT_X86_XSTATE, &iov));
	kill_tracee(kid);
}

/* --- GET_SYSCALL_INFO ----------------------------------------------------- */

TEST(ptrace_regs, syscall_info)
{
	pid_t kid = TRACEE(syscall(SYS_getsid, -1, 2, 3, 4, 5, 6));
	struct __ptrace_syscall_info i;
	struct user_regs_struct r = get_regs(kid);

	memset(&i, 0x55, sizeof(i));
	EXPECT_EQ(24, PTRACE(PTRACE_GET_SYSCALL_INFO, kid, sizeof(i), &i));
	EXPECT_EQ(0, i.op);
	EXPECT_EQ(AUDIT_ARCH_X86_64, i.arch);
	EXPECT_EQ(r.rip, i.instruction_pointer);
	EXPECT_EQ(r.rsp, i.stack_pointer);
	EXPECT_EQ(0x5555555555555555, i.entry.nr);
	at_entry(kid, SYS_getsid);
	EXPECT_EQ(80, PTRACE(PTRACE_GET_SYSCALL_INFO, kid, sizeof(i), &i));
	EXPECT_EQ(1, i.op);
	EXPECT_EQ(SYS_getsid, i.entry.nr);
	EXPECT_EQ(-1, (int)i.entry.args[0]);
	EXPECT_EQ(6, i.entry.args[5]);
	/* Less room, the same size. */
	memset(&i, 0x55, sizeof(i));
	EXPECT_EQ(80, PTRACE(PTRACE_GET_SYSCALL_INFO, kid, 1, &i));
	EXPECT_EQ(1, i.op);
	EXPECT_EQ(0x55555555, i.arch);
	EXPECT_EQ(80, PTRACE(PTRACE_GET_SYSCALL_INFO, kid, 0, &i));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_GET_SYSCALL_INFO, kid, 8, 8));
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP | 0x80), kid);
	EXPECT_EQ(33, PTRACE(PTRACE_GET_SYSCALL_INFO, kid, sizeof(i), &i));
	EXPECT_EQ(2, i.op);
	EXPECT_EQ(-ESRCH, i.exit.rval);
	EXPECT_EQ(1, i.exit.is_error);
	kill_tracee(kid);
}

TEST(ptrace_regs, syscall_info_needs_tracesysgood)
{
	pid_t kid = TRACEE(pause());
	struct __ptrace_syscall_info i;

	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_EQ(24, PTRACE(PTRACE_GET_SYSCALL_INFO, kid, sizeof(i), &i));
	EXPECT_EQ(0, i.op);
	kill_tracee(kid);
}

TEST(ptrace_regs, set_syscall_info)
{
	pid_t kid = TRACEE(_exit(syscall(SYS_getsid, 5) == 4711 ? 0 : 1));
	struct {
		struct __ptrace_syscall_info i;
		char pad[8];
	} u;

	memset(&u, 0, sizeof(u));
	at_entry(kid, SYS_getsid);
	EXPECT_OK(PTRACE(PTRACE_GET_SYSCALL_INFO, kid, sizeof(u.i), &u.i));
	if (PTRACE(SET_SYSCALL_INFO, kid, 88, &u.i) < 0)
		SKIP("the kernel is older than 6.16");
	EXPECT_ERRNO(EINVAL, PTRACE(SET_SYSCALL_INFO, kid, 80, &u.i));
	EXPECT_ERRNO(EFAULT, PTRACE(SET_SYSCALL_INFO, kid, 88, 8));
	u.i.entry.nr = 1ull << 32;
	EXPECT_ERRNO(ERANGE, PTRACE(SET_SYSCALL_INFO, kid, 88, &u.i));
	u.i.op = 2;
	EXPECT_ERRNO(EINVAL, PTRACE(SET_SYSCALL_INFO, kid, 88, &u.i));
	u.i.op = 1;
	u.i.entry.nr = SYS_getpgid;
	u.i.entry.args[0] = 0;
	EXPECT_EQ(0, PTRACE(SET_SYSCALL_INFO, kid, 88, &u.i));
	EXPECT_EQ(SYS_getpgid, get_regs(kid).orig_rax);
	EXPECT_EQ(0, get_regs(kid).rdi);
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP | 0x80), kid);
	EXPECT_OK(PTRACE(PTRACE_GET_SYSCALL_INFO, kid, sizeof(u.i), &u.i));
	EXPECT_EQ(getpgid(0), u.i.exit.rval);
	u.i.exit.rval = 4711;
	EXPECT_EQ(0, PTRACE(SET_SYSCALL_INFO, kid, 88, &u.i));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST_MAIN
