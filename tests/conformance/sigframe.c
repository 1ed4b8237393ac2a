/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a handler: registers, FPU and AVX state, stacks, sigreturn. */
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "tests/harness/guest_test.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

static volatile int hits;

static void install(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn,
				.sa_flags = SA_SIGINFO | flags };

	EXPECT_OK(sigaction(sig, &sa, NULL));
}

/* --- registers ------------------------------------------------------------ */

static void clobber(int sig, siginfo_t *si, void *ctx)
{
	(void)sig;
	(void)si;
	(void)ctx;
	hits++;
	__asm__ volatile("xor %%r8, %%r8; xor %%r9, %%r9; xor %%r10, %%r10\n"
			 "xor %%rsi, %%rsi; std; cld; pxor %%xmm5, %%xmm5"
			 :
			 :
			 : "r8", "r9", "r10", "rsi", "xmm5", "cc");
}

/* kill(getpid(), SIGUSR1) with known values in everything else. */
TEST(sigframe, integer_registers_and_flags_come_back)
{
	uint64_t r8 = 0x1111, r9 = 0x2222, r10 = 0x3333, flags, ret, rdx = 7;
	int pid = getpid();

	install(SIGUSR1, clobber, 0);
	__asm__ volatile("mov %[r8], %%r8\n mov %[r9], %%r9\n"
			 "mov %[r10], %%r10\n mov %[rdx], %%rdx\n"
			 "mov %[pid], %%edi\n mov $10, %%esi\n mov $62, %%eax\n"
			 "stc\n syscall\n"
			 "pushfq\n pop %[flags]\n"
			 "mov %%r8, %[r8]\n mov %%r9, %[r9]\n"
			 "mov %%r10, %[r10]\n mov %%rdx, %[rdx]\n"
			 : [r8] "+m"(r8), [r9] "+m"(r9), [r10] "+m"(r10),
			   [rdx] "+m"(rdx), [flags] "=&r"(flags), "=a"(ret)
			 : [pid] "m"(pid)
			 : "rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10", "r11",
			   "memory", "cc");
	EXPECT_EQ(1, hits);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0x1111, r8);
	EXPECT_EQ(0x2222, r9);
	EXPECT_EQ(0x3333, r10);
	EXPECT_EQ(7, rdx);
	EXPECT_EQ(1, flags & 1);
}

TEST(sigframe, sse_registers_and_control_words_come_back)
{
	uint64_t in = 0x1122334455667788, out = 0;
	uint32_t csr = 0x9fc0, got = 0, normal = 0x1f80;
	uint16_t cw = 0x0f7f, got_cw = 0, normal_cw = 0x37f;
	int pid = getpid();

	install(SIGUSR1, clobber, 0);
	__asm__ volatile(
		"movq %[in], %%xmm5\n ldmxcsr %[csr]\n fldcw %[cw]\n"
		"mov %[pid], %%edi\n mov $10, %%esi\n mov $62, %%eax\n"
		"syscall\n"
		"movq %%xmm5, %[out]\n stmxcsr %[got]\n"
		"fnstcw %[gcw]\n ldmxcsr %[norm]\n fldcw %[ncw]\n"
		: [out] "=m"(out), [got] "=m"(got), [gcw] "=m"(got_cw)
		: [in] "m"(in), [csr] "m"(csr), [cw] "m"(cw), [pid] "m"(pid),
		  [norm] "m"(normal), [ncw] "m"(normal_cw)
		: "rax", "rdi", "rsi", "rcx", "r11", "xmm5", "memory");
	EXPECT_EQ(in, out);
	EXPECT_EQ(csr, got);
	EXPECT_EQ(cw, got_cw);
}

static uint32_t handler_csr, handler_cw;

static void read_controls(int sig, siginfo_t *si, void *ctx)
{
	uint16_t cw;

	(void)sig;
	(void)si;
	(void)ctx;
	__asm__ volatile("stmxcsr %0\n fnstcw %1"
			 : "=m"(handler_csr), "=m"(cw));
	handler_cw = cw;
}

TEST(sigframe, a_handler_starts_with_a_fresh_fpu)
{
	uint32_t csr = 0x9fc0, normal = 0x1f80;
	uint16_t cw = 0x0f7f, normal_cw = 0x37f;

	install(SIGUSR1, read_controls, 0);
	__asm__ volatile("ldmxcsr %0\n fldcw %1" ::"m"(csr), "m"(cw));
	raise(SIGUSR1);
	__asm__ volatile("ldmxcsr %0\n fldcw %1" ::"m"(normal), "m"(normal_cw));
	EXPECT_EQ(0x1f80, handler_csr);
	EXPECT_EQ(0x37f, handler_cw);
}

__attribute__((target("avx"))) static void clear_avx(int sig, siginfo_t *si,
						     void *ctx)
{
	(void)sig;
	(void)si;
	(void)ctx;
	hits++;
	__asm__ volatile("vzeroall" ::: "xmm6", "xmm7");
}

__attribute__((target("avx2"))) static void avx_round(uint64_t *lo,
						      uint64_t *hi)
{
	uint64_t in = 0x0102030405060708;
	int pid = getpid();

	__asm__ volatile("vpbroadcastq %[in], %%ymm6\n"
			 "mov %[pid], %%edi\n mov $10, %%esi\n mov $62, %%eax\n"
			 "syscall\n"
			 "vmovq %%xmm6, %[lo]\n"
			 "vextracti128 $1, %%ymm6, %%xmm7\n"
			 "vmovq %%xmm7, %[hi]\n vzeroupper\n"
			 : [lo] "=m"(*lo), [hi] "=m"(*hi)
			 : [in] "m"(in), [pid] "m"(pid)
			 : "rax", "rdi", "rsi", "rcx", "r11", "xmm6", "xmm7",
			   "memory");
}

TEST(sigframe, avx_registers_come_back)
{
	uint64_t lo = 0, hi = 0;

	if (!__builtin_cpu_supports("avx2"))
		SKIP("no AVX2");
	install(SIGUSR1, clear_avx, 0);
	avx_round(&lo, &hi);
	EXPECT_EQ(1, hits);
	EXPECT_EQ(0x0102030405060708, lo);
	EXPECT_EQ(0x0102030405060708, hi);
}

TEST(sigframe, avx_registers_survive_plain_calls)
{
	uint64_t lo = 0, hi = 0;

	if (!__builtin_cpu_supports("avx2"))
		SKIP("no AVX2");
	signal(SIGUSR1, SIG_IGN);
	for (int i = 0; i < 50; i++)
		avx_round(&lo, &hi);
	EXPECT_EQ(0x0102030405060708, hi);
}

static uint64_t magic1, xfeatures, size_ext, size_x;
static uint32_t magic2;

static void read_sw(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;
	const char *fp = (const char *)uc->uc_mcontext.fpregs;
	uint32_t v;

	(void)sig;
	(void)si;
	memcpy(&v, fp + 464, 4);
	magic1 = v;
	memcpy(&v, fp + 468, 4);
	size_ext = v;
	memcpy(&xfeatures, fp + 472, 8);
	memcpy(&v, fp + 480, 4);
	size_x = v;
	memcpy(&magic2, fp + size_x, 4);
	if ((uintptr_t)fp % 64)
		magic1 = 0;
}

TEST(sigframe, software_bytes_describe_the_xsave_area)
{
	install(SIGUSR1, read_sw, 0);
	raise(SIGUSR1);
	if (magic1 != 0x46505853)
		SKIP("no xsave");
	EXPECT_EQ(0x46505845, magic2);
	EXPECT_EQ(size_x + 4, size_ext);
	EXPECT_EQ(3, xfeatures & 3);
}

/* --- what the handler may change ------------------------------------------ */

static void change_context(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)sig;
	(void)si;
	uc->uc_mcontext.gregs[REG_RAX] = 4711;
	sigaddset(&uc->uc_sigmask, SIGUSR2);
	sigaddset(&uc->uc_sigmask, SIGKILL);
}

TEST(sigframe, changes_of_the_context_are_taken)
{
	sigset_t m;

	install(SIGUSR1, change_context, 0);
	EXPECT_EQ(4711, syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
	EXPECT_OK(sigprocmask(SIG_BLOCK, NULL, &m));
	EXPECT_EQ(1, sigismember(&m, SIGUSR2));
	EXPECT_EQ(0, sigismember(&m, SIGKILL));
}

static void skip_fault(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)sig;
	(void)si;
	hits++;
	uc->uc_mcontext.gregs[REG_RIP] += 2; /* ud2 */
}

TEST(sigframe, rip_can_be_moved)
{
	install(SIGILL, skip_fault, 0);
	for (int i = 0; i < 5; i++)
		__asm__ volatile("ud2");
	EXPECT_EQ(5, hits);
}

static volatile uint64_t trapno, cr2;

static void repair(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)sig;
	hits++;
	trapno = (uint64_t)uc->uc_mcontext.gregs[REG_TRAPNO];
	cr2 = (uint64_t)uc->uc_mcontext.gregs[REG_CR2];
	mprotect((void *)((uintptr_t)si->si_addr & ~4095ul), 4096,
		 PROT_READ | PROT_WRITE);
}

TEST(sigframe, a_repaired_fault_goes_on)
{
	volatile char *p = mmap(NULL, 65536, PROT_READ,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	install(SIGSEGV, repair, 0);
	for (int i = 0; i < 16; i++) {
		p[i * 4096 + 8] = (char)(i + 1);
		EXPECT_EQ(i + 1, hits);
		EXPECT_EQ((uintptr_t)&p[i * 4096 + 8], cr2);
	}
	EXPECT_EQ(14, trapno);
	EXPECT_EQ(3, p[2 * 4096 + 8]);
}

static void ruin_rsp(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)sig;
	(void)si;
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)0x8000000000000000ull;
}

TEST(sigframe, bad_contexts_kill_with_segv)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	pid_t kid = CHILD({
		install(SIGUSR1, ruin_rsp, 0);
		raise(SIGUSR1);
	});
	EXPECT_KILLED(SIGSEGV, kid);
	/* sigreturn from nowhere */
	kid = CHILD(
		__asm__ volatile("mov $16, %%rsp\n mov $15, %%eax\n syscall" ::
					 : "rax", "rcx", "r11", "memory"));
	EXPECT_KILLED(SIGSEGV, kid);
	/* no room for the frame */
	kid = CHILD({
		install(SIGUSR1, clobber, 0);
		int pid = getpid();
		__asm__ volatile("mov $64, %%rsp\n mov %0, %%edi\n"
				 "mov $10, %%esi\n mov $62, %%eax\n syscall\n"
				 "ud2" ::"r"(pid)
				 : "memory");
	});
	EXPECT_KILLED(SIGSEGV, kid);
}

/* --- stacks --------------------------------------------------------------- */

static char alt[65536] __attribute__((aligned(64)));
static volatile long on_alt, change_errno, flags_inside;
static volatile size_t size_inside;

static void look_at_stack(int sig, siginfo_t *si, void *ctx)
{
	stack_t now, other = { .ss_sp = alt, .ss_size = 8192 };
	char here;

	(void)sig;
	(void)si;
	(void)ctx;
	sigaltstack(NULL, &now);
	on_alt = &here >= alt && &here < alt + sizeof(alt);
	flags_inside = now.ss_flags;
	size_inside = now.ss_size;
	change_errno = sigaltstack(&other, NULL) ? errno : 0;
}

TEST(sigframe, altstack_is_used_when_asked_for)
{
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) }, old;

	EXPECT_OK(sigaltstack(NULL, &old));
	EXPECT_EQ(SS_DISABLE, old.ss_flags);
	EXPECT_OK(sigaltstack(&ss, NULL));
	install(SIGUSR1, look_at_stack, 0);
	raise(SIGUSR1);
	EXPECT_EQ(0, on_alt);
	EXPECT_EQ(0, flags_inside);
	EXPECT_OK(sigaltstack(&ss, NULL));
	install(SIGUSR1, look_at_stack, SA_ONSTACK);
	raise(SIGUSR1);
	EXPECT_EQ(1, on_alt);
	EXPECT_EQ(SS_ONSTACK, flags_inside);
	EXPECT_EQ(EPERM, change_errno);
}

TEST(sigframe, autodisarm)
{
	stack_t ss = { .ss_sp = alt,
		       .ss_size = sizeof(alt),
		       .ss_flags = (int)SS_AUTODISARM };

	EXPECT_OK(sigaltstack(&ss, NULL));
	install(SIGUSR1, look_at_stack, SA_ONSTACK);
	raise(SIGUSR1);
	EXPECT_EQ(1, on_alt);
	EXPECT_EQ(SS_DISABLE, flags_inside);
	EXPECT_EQ(0, change_errno);
	EXPECT_OK(sigaltstack(NULL, &ss));
	EXPECT_EQ(sizeof(alt), ss.ss_size);
	EXPECT_EQ((int)SS_AUTODISARM, ss.ss_flags);
}

TEST(sigframe, altstack_checks)
{
	stack_t ss = { .ss_sp = alt, .ss_size = 100 };

	EXPECT_ERRNO(ENOMEM, sigaltstack(&ss, NULL));
	ss.ss_size = sizeof(alt);
	ss.ss_flags = 4;
	EXPECT_ERRNO(EINVAL, sigaltstack(&ss, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_sigaltstack, 8, NULL));
	ss.ss_flags = SS_ONSTACK;
	EXPECT_OK(sigaltstack(&ss, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_sigaltstack, NULL, 8));
	ss.ss_flags = SS_DISABLE;
	ss.ss_size = 1;
	EXPECT_OK(sigaltstack(&ss, NULL));
	EXPECT_OK(sigaltstack(NULL, &ss));
	EXPECT_EQ(SS_DISABLE, ss.ss_flags);
	EXPECT_EQ(0, ss.ss_size);
}

static sigjmp_buf back;

static void overflowed(int sig, siginfo_t *si, void *ctx)
{
	(void)sig;
	(void)si;
	(void)ctx;
	hits++;
	siglongjmp(back, 1);
}

static int recurse(volatile char *p)
{
	volatile char big[4096];

	big[0] = p ? p[0] : 0;
	if (big[0] == 77)
		return 0;
	return recurse(big) + big[1];
}

TEST(sigframe, stack_overflow_is_handled_on_the_altstack)
{
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
	struct rlimit rl = { 1 << 20, RLIM_INFINITY };

	EXPECT_OK(getrlimit(RLIMIT_STACK, &rl));
	rl.rlim_cur = 1 << 20;
	EXPECT_OK(setrlimit(RLIMIT_STACK, &rl));
	EXPECT_OK(sigaltstack(&ss, NULL));
	install(SIGSEGV, overflowed, SA_ONSTACK);
	if (!sigsetjmp(back, 1))
		recurse(NULL);
	EXPECT_EQ(1, hits);
	if (!sigsetjmp(back, 1))
		recurse(NULL);
	EXPECT_EQ(2, hits);
}

static void nested(int sig, siginfo_t *si, void *ctx)
{
	(void)si;
	(void)ctx;
	hits = hits * 10 + (sig == SIGUSR1 ? 1 : 2);
	if (sig == SIGUSR1)
		raise(SIGUSR2);
	hits = hits * 10 + (sig == SIGUSR1 ? 3 : 4);
}

TEST(sigframe, nested_handlers_share_the_altstack)
{
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };

	EXPECT_OK(sigaltstack(&ss, NULL));
	install(SIGUSR1, nested, SA_ONSTACK);
	install(SIGUSR2, nested, SA_ONSTACK);
	raise(SIGUSR1);
	EXPECT_EQ(1243, hits);
}

TEST(sigframe, the_red_zone_is_left_alone)
{
	uint64_t out = 0;
	int pid = getpid();

	install(SIGUSR1, clobber, 0);
	__asm__ volatile("movq $0x5a5a, -120(%%rsp)\n"
			 "mov %1, %%edi\n mov $10, %%esi\n mov $62, %%eax\n"
			 "syscall\n movq -120(%%rsp), %0"
			 : "=r"(out)
			 : "r"(pid)
			 : "rax", "rdi", "rsi", "rcx", "r11", "memory");
	EXPECT_EQ(1, hits);
	EXPECT_EQ(0x5a5a, out);
}

TEST_MAIN
