/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): debug registers: hardware breakpoints and watchpoints. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/harness/ptrace_test.h"

#define DEBUGREG(n) (offsetof(struct user, u_debugreg) + 8 * (n))
/* DR7 of register 0 for a kind and a length code. */
#define WATCH(kind, len) (1 | (kind) << 16 | (len) << 18)
enum { KIND_WRITE = 1, KIND_ANY = 3 };
enum { LEN_1, LEN_2, LEN_8, LEN_4 };

static volatile long g_watched[2];

static unsigned long dr(pid_t kid, int n)
{
	unsigned long w = 0x5555;

	EXPECT_OK(PTRACE(PTRACE_PEEKUSER, kid, DEBUGREG(n), &w));
	return w;
}

static long set_dr(pid_t kid, int n, unsigned long v)
{
	return PTRACE(PTRACE_POKEUSER, kid, DEBUGREG(n), v);
}

TEST(ptrace_debug, watch_writes)
{
	pid_t kid = TRACEE(for (int i = 1; i < 4; i++) g_watched[0] = i);

	EXPECT_EQ(0, dr(kid, 7));
	EXPECT_OK(set_dr(kid, 0, (unsigned long)&g_watched[0]));
	/* Local, write, 8 bytes. */
	EXPECT_OK(set_dr(kid, 7, 1 | 1 << 16 | 2 << 18));
	EXPECT_EQ((unsigned long)&g_watched[0], dr(kid, 0));
	for (int i = 1; i < 4; i++) {
		long v;

		EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
		EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
		EXPECT_EQ(4 /* TRAP_HWBKPT */, get_siginfo(kid).si_code);
		EXPECT_EQ(1, dr(kid, 6) & 15);
		EXPECT_OK(PTRACE(PTRACE_PEEKDATA, kid, &g_watched[0], &v));
		EXPECT_EQ(i, v);
		EXPECT_OK(set_dr(kid, 6, 0));
	}
	EXPECT_OK(set_dr(kid, 7, 0));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

static __attribute__((noinline)) void reached(void)
{
	g_watched[1]++;
	__asm__ volatile("");
}

TEST(ptrace_debug, break_at_an_address)
{
	pid_t kid = TRACEE(for (int i = 0; i < 2; i++) reached();
			   _exit(g_watched[1]));

	EXPECT_OK(set_dr(kid, 2, (unsigned long)reached));
	EXPECT_OK(set_dr(kid, 7, 1 << 4));
	for (int i = 0; i < 2; i++) {
		EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
		EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
		EXPECT_EQ((unsigned long)reached, get_regs(kid).rip);
		EXPECT_EQ(4, dr(kid, 6) & 15);
		EXPECT_OK(set_dr(kid, 6, 0));
	}
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(2, kid);
}

TEST(ptrace_debug, debug_registers_are_checked)
{
	pid_t kid = TRACEE(pause());

	EXPECT_ERRNO(EIO, set_dr(kid, 4, 0));
	EXPECT_ERRNO(EIO, set_dr(kid, 5, 0));
	EXPECT_OK(set_dr(kid, 1, 1));
	/* Not aligned to its size; I/O; a kernel address. */
	EXPECT_ERRNO(EINVAL, set_dr(kid, 7, 1 << 2 | 1 << 20 | 2 << 22));
	EXPECT_ERRNO(EINVAL, set_dr(kid, 7, 1 << 2 | 2 << 20));
	EXPECT_EQ(0, dr(kid, 7) & 0xff);
	EXPECT_ERRNO(EINVAL, set_dr(kid, 3, -8ul));
	kill_tracee(kid);
}

TEST(ptrace_debug, debug_registers_are_not_inherited)
{
	pid_t kid = TRACEE(if (fork() == 0) {
		g_watched[0] = 5;
		_exit(3);
	} pause());
	pid_t grandchild;

	EXPECT_OK(set_dr(kid, 0, (unsigned long)&g_watched[0]));
	EXPECT_OK(set_dr(kid, 7, 1 | 1 << 16 | 2 << 18));
	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEFORK));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_FORK), kid);
	grandchild = get_message(kid);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), grandchild);
	EXPECT_OK(PTRACE(PTRACE_CONT, grandchild, 0, 0));
	EXPECT_STATUS(3 << 8, grandchild);
	kill_tracee(kid);
}

/* --- which instructions touch memory -------------------------------------- */

static _Alignas(64) unsigned char g_buf[4096];

/* Runs with %rdi at what is watched (8 bytes), %rcx 0 and %rax 1. */
struct form {
	const char *name;
	void (*run)(unsigned char *at);
	int writes, touches; /* traps for the two kinds */
};

#define FORM(n, code)                                                         \
	static void form_##n(unsigned char *at)                               \
	{                                                                     \
		register unsigned char *rdi __asm__("rdi") = at;              \
		register unsigned char *rsi __asm__("rsi") = at + 512;        \
		register long rax __asm__("rax") = 1, rcx __asm__("rcx") = 0; \
		__asm__ volatile(code                                         \
				 : "+r"(rdi), "+r"(rsi), "+r"(rax), "+r"(rcx) \
				 :                                            \
				 : "memory", "cc", "rdx", "xmm0", "r12");     \
	}
FORM(store8, "movb %%al, (%%rdi)")
FORM(store16, "movw %%ax, 6(%%rdi)")
FORM(store32, "movl %%eax, 4(%%rdi)")
FORM(store64, "movq %%rax, (%%rdi)")
FORM(store_same, "movq (%%rdi), %%rax; movq %%rax, (%%rdi)")
FORM(store_before, "movq %%rax, -8(%%rdi)")
FORM(store_behind, "movb %%al, 8(%%rdi)")
FORM(store_across, "movq %%rax, -7(%%rdi)")
FORM(store_imm, "movl $5, (%%rdi)")
FORM(store_index, "movq %%rax, (%%rdi,%%rcx,8)")
FORM(store_far, "movq %%rax, 0x345(%%rdi,%%rcx,4)")
FORM(store_disp32, "leaq -0x1000(%%rdi), %%rdx; movq %%rax, 0x1000(%%rdx)")
FORM(store_r12, "movq %%rdi, %%r12; movq %%rax, (%%r12)")
FORM(store_r13, "push %%r13; movq %%rdi, %%r13; movq %%rax, (%%r13); pop %%r13")
FORM(store_rip, "movq %%rax, g_buf+1024(%%rip)")
FORM(store_rip_imm, "movl $7, g_buf+1024(%%rip)")
FORM(add_rip_imm8, "addl $7, g_buf+1024(%%rip)")
FORM(store_abs, "movq %%rax, g_buf+1024")
FORM(load, "movq (%%rdi), %%rax")
FORM(load8, "movzbl 3(%%rdi), %%eax")
FORM(load16, "movswq 6(%%rdi), %%rax")
FORM(movslq, "movslq 4(%%rdi), %%rax")
FORM(load_behind, "movzbl 8(%%rdi), %%eax")
FORM(lea, "leaq (%%rdi), %%rax")
FORM(nop, "nopl (%%rdi)")
FORM(prefetch, "prefetcht0 (%%rdi)")
FORM(add, "addq %%rax, (%%rdi)")
FORM(add_from, "addq (%%rdi), %%rax")
FORM(cmp, "cmpq %%rax, (%%rdi)")
FORM(cmp_imm, "cmpl $1, (%%rdi)")
FORM(test, "testq %%rax, (%%rdi)")
FORM(test_imm, "testl $1, (%%rdi)")
FORM(inc, "incl (%%rdi)")
FORM(neg, "negq (%%rdi)")
FORM(mul, "mulq (%%rdi)")
FORM(shl, "shll $3, (%%rdi)")
FORM(shl1, "shlb (%%rdi)")
FORM(xchg, "xchgq %%rax, (%%rdi)")
FORM(lock_xadd, "lock xaddq %%rax, (%%rdi)")
FORM(cmpxchg, "lock cmpxchgq %%rcx, (%%rdi)")
FORM(setcc, "setz (%%rdi)")
FORM(bts, "btsl $3, (%%rdi)")
FORM(bt, "btl $3, (%%rdi)")
FORM(cmov, "cmovzq (%%rdi), %%rax")
FORM(push_mem, "pushq (%%rdi); popq %%rdx")
FORM(pop_mem, "pushq %%rax; popq (%%rdi)")
FORM(push_onto,
     "movq %%rsp, %%rdx; leaq 8(%%rdi), %%rsp; pushq %%rax; movq %%rdx, %%rsp")
FORM(pop_from,
     "movq %%rsp, %%rdx; movq %%rdi, %%rsp; popq %%rax; movq %%rdx, %%rsp")
FORM(call_onto,
     "movq %%rsp, %%rdx; leaq 8(%%rdi), %%rsp; call 1f; 1: movq %%rdx, %%rsp")
FORM(stosb, "stosb")
FORM(rep_stosq, "movl $3, %%ecx; subq $8, %%rdi; rep stosq")
FORM(rep_none, "rep stosq")
FORM(movsb, "movsb")
FORM(movsq_from, "xchgq %%rdi, %%rsi; movsq")
FORM(scas, "scasb")
FORM(lods, "xchgq %%rdi, %%rsi; lodsb")
FORM(movups_store, "movups %%xmm0, -8(%%rdi)")
FORM(movups_load, "movups -8(%%rdi), %%xmm0")
FORM(movdqa_behind, "movdqu %%xmm0, 8(%%rdi)")
FORM(movss, "movss %%xmm0, 4(%%rdi)")
FORM(movss_before, "movss %%xmm0, -4(%%rdi)")
FORM(movsd, "movsd %%xmm0, (%%rdi)")
FORM(movd, "movd %%xmm0, 4(%%rdi)")
FORM(movq_store, "movq %%xmm0, -4(%%rdi)")
FORM(movq_load, "movq (%%rdi), %%xmm0")
FORM(movhps, "movhps %%xmm0, (%%rdi)")
FORM(movntdq, "movntdq %%xmm0, (%%rdi)")
FORM(paddd, "leaq (%%rdi), %%rdi; paddd (%%rdi), %%xmm0")
FORM(cvtsi, "cvtsi2sdl (%%rdi), %%xmm0")
FORM(fst, "fld1; fstpl (%%rdi)")
FORM(fild, "fildl (%%rdi); fstp %%st(0)")
FORM(stmxcsr, "stmxcsr (%%rdi)")
FORM(movnti, "movntiq %%rax, (%%rdi)")
FORM(movbe_none, "xorl %%eax, %%eax")
FORM(addr32, "movl %%eax, (%%edi)")

static const struct form g_forms[] = {
	{ "store8", form_store8, 1, 1 },
	{ "store16", form_store16, 1, 1 },
	{ "store32", form_store32, 1, 1 },
	{ "store64", form_store64, 1, 1 },
	{ "store_same", form_store_same, 1, 2 },
	{ "store_before", form_store_before, 0, 0 },
	{ "store_behind", form_store_behind, 0, 0 },
	{ "store_across", form_store_across, 1, 1 },
	{ "store_imm", form_store_imm, 1, 1 },
	{ "store_index", form_store_index, 1, 1 },
	{ "store_far", form_store_far, 0, 0 },
	{ "store_disp32", form_store_disp32, 1, 1 },
	{ "store_r12", form_store_r12, 1, 1 },
	{ "store_r13", form_store_r13, 1, 1 },
	{ "store_rip", form_store_rip, 1, 1 },
	{ "store_rip_imm", form_store_rip_imm, 1, 1 },
	{ "add_rip_imm8", form_add_rip_imm8, 1, 1 },
	{ "store_abs", form_store_abs, 1, 1 },
	{ "load", form_load, 0, 1 },
	{ "load8", form_load8, 0, 1 },
	{ "load16", form_load16, 0, 1 },
	{ "movslq", form_movslq, 0, 1 },
	{ "load_behind", form_load_behind, 0, 0 },
	{ "lea", form_lea, 0, 0 },
	{ "nop", form_nop, 0, 0 },
	{ "prefetch", form_prefetch, 0, 0 },
	{ "add", form_add, 1, 1 },
	{ "add_from", form_add_from, 0, 1 },
	{ "cmp", form_cmp, 0, 1 },
	{ "cmp_imm", form_cmp_imm, 0, 1 },
	{ "test", form_test, 0, 1 },
	{ "test_imm", form_test_imm, 0, 1 },
	{ "inc", form_inc, 1, 1 },
	{ "neg", form_neg, 1, 1 },
	{ "mul", form_mul, 0, 1 },
	{ "shl", form_shl, 1, 1 },
	{ "shl1", form_shl1, 1, 1 },
	{ "xchg", form_xchg, 1, 1 },
	{ "lock_xadd", form_lock_xadd, 1, 1 },
	{ "cmpxchg", form_cmpxchg, 1, 1 },
	{ "setcc", form_setcc, 1, 1 },
	{ "bts", form_bts, 1, 1 },
	{ "bt", form_bt, 0, 1 },
	{ "cmov", form_cmov, 0, 1 },
	{ "push_mem", form_push_mem, 0, 1 },
	{ "pop_mem", form_pop_mem, 1, 1 },
	{ "push_onto", form_push_onto, 1, 1 },
	{ "pop_from", form_pop_from, 0, 1 },
	{ "call_onto", form_call_onto, 1, 1 },
	{ "stosb", form_stosb, 1, 1 },
	{ "rep_stosq", form_rep_stosq, 1, 1 },
	{ "rep_none", form_rep_none, 0, 0 },
	{ "movsb", form_movsb, 1, 1 },
	{ "movsq_from", form_movsq_from, 0, 1 },
	{ "scas", form_scas, 0, 1 },
	{ "lods", form_lods, 0, 1 },
	{ "movups_store", form_movups_store, 1, 1 },
	{ "movups_load", form_movups_load, 0, 1 },
	{ "movdqa_behind", form_movdqa_behind, 0, 0 },
	{ "movss", form_movss, 1, 1 },
	{ "movss_before", form_movss_before, 0, 0 },
	{ "movsd", form_movsd, 1, 1 },
	{ "movd", form_movd, 1, 1 },
	{ "movq_store", form_movq_store, 1, 1 },
	{ "movq_load", form_movq_load, 0, 1 },
	{ "movhps", form_movhps, 1, 1 },
	{ "movntdq", form_movntdq, 1, 1 },
	{ "paddd", form_paddd, 0, 1 },
	{ "cvtsi", form_cvtsi, 0, 1 },
	{ "fst", form_fst, 1, 1 },
	{ "fild", form_fild, 0, 1 },
	{ "stmxcsr", form_stmxcsr, 1, 1 },
	{ "movnti", form_movnti, 1, 1 },
	{ "movbe_none", form_movbe_none, 0, 0 },
	{ "addr32", form_addr32, 1, 1 },
};

static int traps_of(const struct form *f, int kind)
{
	unsigned char *at = g_buf + 1024;
	int st, traps = 0;
	pid_t kid = TRACEE(f->run(at));

	EXPECT_OK(set_dr(kid, 0, (unsigned long)at));
	EXPECT_OK(set_dr(kid, 7, WATCH(kind, LEN_8)));
	for (;;) {
		EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
		EXPECT_EQ(kid, waitpid(kid, &st, 0));
		if (!WIFSTOPPED(st))
			break;
		if (WSTOPSIG(st) != SIGTRAP)
			FAIL("%s: signal %d", f->name, WSTOPSIG(st));
		traps++;
	}
	EXPECT_EQ(0, st);
	return traps;
}

TEST(ptrace_debug, instructions)
{
	for (size_t i = 0; i < sizeof(g_forms) / sizeof(*g_forms); i++) {
		const struct form *f = &g_forms[i];
		int n = traps_of(f, KIND_WRITE);

		if (n != f->writes)
			FAIL("%s: %d traps for writes", f->name, n);
		n = traps_of(f, KIND_ANY);
		if (n != f->touches)
			FAIL("%s: %d traps for any access", f->name, n);
	}
}

TEST(ptrace_debug, lengths)
{
	static const struct {
		int len, size;
	} lens[] = { { LEN_1, 1 }, { LEN_2, 2 }, { LEN_4, 4 }, { LEN_8, 8 } };

	for (size_t i = 0; i < 4; i++) {
		int st, traps = 0;
		volatile unsigned char *at = g_buf + 1024;
		pid_t kid = TRACEE(for (int k = -2; k < 12; k++) at[k] = 1);

		EXPECT_OK(set_dr(kid, 0, (unsigned long)at));
		EXPECT_OK(set_dr(kid, 7, WATCH(KIND_WRITE, lens[i].len)));
		for (;; traps++) {
			EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
			EXPECT_EQ(kid, waitpid(kid, &st, 0));
			if (!WIFSTOPPED(st))
				break;
		}
		EXPECT_EQ(lens[i].size, traps);
	}
}

TEST(ptrace_debug, two_registers_at_once)
{
	pid_t kid = TRACEE(*(volatile long *)(g_buf + 1024) = 5);

	EXPECT_OK(set_dr(kid, 1, (unsigned long)g_buf + 1024));
	EXPECT_OK(set_dr(kid, 3, (unsigned long)g_buf + 1028));
	EXPECT_OK(set_dr(kid, 7,
			 4 | 64 | KIND_WRITE << 20 | LEN_4 << 22 |
				 KIND_WRITE << 28 | LEN_1 << 30));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_EQ(10, dr(kid, 6) & 15);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_debug, what_the_kernel_writes_is_not_seen)
{
	pid_t kid = TRACEE(int fds[2]; if (pipe(fds)) _exit(1);
			   if (write(fds[1], "12345678", 8) != 8) _exit(2);
			   if (read(fds[0], g_buf + 1024, 8) != 8) _exit(3););

	EXPECT_OK(set_dr(kid, 0, (unsigned long)g_buf + 1024));
	EXPECT_OK(set_dr(kid, 7, WATCH(KIND_ANY, LEN_8)));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_debug, execve_clears_them)
{
	pid_t kid = TRACEE(execl("/bin/true", "true", NULL));

	EXPECT_OK(set_dr(kid, 0, (unsigned long)g_buf));
	EXPECT_OK(set_dr(kid, 7, WATCH(KIND_ANY, LEN_8)));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

static void *store_from_a_thread(void *arg)
{
	*(volatile long *)(g_buf + 1024) = (long)arg;
	return NULL;
}

static void run_storing_thread(void)
{
	pthread_t th;

	pthread_create(&th, NULL, store_from_a_thread, (void *)5);
	/* Reads what the other writes: that is no trap for this one. */
	while (!*(volatile long *)(g_buf + 1024))
		;
	pthread_join(th, NULL);
}

TEST(ptrace_debug, the_writing_thread_traps)
{
	pid_t kid = TRACEE(run_storing_thread()), thread;
	long msg;

	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACECLONE));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_CLONE), kid);
	thread = (pid_t)(msg = (long)get_message(kid));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), thread);
	for (int i = 0; i < 2; i++) {
		pid_t p = i ? thread : kid;

		EXPECT_OK(set_dr(p, 0, (unsigned long)g_buf + 1024));
		EXPECT_OK(set_dr(p, 7, WATCH(KIND_WRITE, LEN_8)));
		EXPECT_OK(PTRACE(PTRACE_CONT, p, 0, 0));
	}
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), thread);
	EXPECT_EQ(1, dr(thread, 6) & 15);
	EXPECT_OK(PTRACE(PTRACE_CONT, thread, 0, 0));
	EXPECT_STATUS(0, thread);
	EXPECT_STATUS(0, kid);
}

TEST_MAIN
