/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch: calls that are made often from one place.  A platform may replace the
 * code there; nothing but the time that it takes may tell.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/harness/guest_test.h"

#define OFTEN	     300
#define STATUS_FLAGS 0x8d5ull /* OF SF ZF AF PF CF */

/* getppid with all registers known; returns what has changed, as bits. */
static uint64_t check_registers(uint64_t want_flags, long *out_ret)
{
	/* Static: the code below moves the stack pointer. */
	static uint64_t flags, bad, got_flags, rcx, r11, site, ret;
	uint64_t zone = 0x1122334455667788;

	flags = want_flags;
	__asm__ volatile(
		"mov %[zone], -8(%%rsp)\n\t"
		"mov $0x101, %%rdi\n\tmov $0x202, %%rsi\n\t"
		"mov $0x303, %%rdx\n\tmov $0x404, %%r8\n\t"
		"mov $0x505, %%r9\n\tmov $0x606, %%r10\n\t"
		"mov $0x707, %%r12\n\tmov $0x808, %%r13\n\t"
		"mov $0x909, %%r14\n\tmov $0xa0a, %%r15\n\t"
		"lea -256(%%rsp), %%rsp\n\tpush %[flags]\n\tpopfq\n\t"
		"lea 256(%%rsp), %%rsp\n\t"
		"mov $110, %%eax\n\tsyscall\n"
		"1:\tmov %%r11, %[r11]\n\t"
		"lea -256(%%rsp), %%rsp\n\tpushfq\n\tpop %[got]\n\tcld\n\t"
		"lea 256(%%rsp), %%rsp\n\t"
		"mov %%rcx, %[rcx]\n\t"
		"mov %%rax, %[ret]\n\t"
		"lea 1b(%%rip), %%rax\n\tmov %%rax, %[site]\n\t"
		"xor %%eax, %%eax\n\t"
		"cmp $0x101, %%rdi\n\tje 2f\n\tor $1, %%eax\n2:\t"
		"cmp $0x202, %%rsi\n\tje 2f\n\tor $2, %%eax\n2:\t"
		"cmp $0x303, %%rdx\n\tje 2f\n\tor $4, %%eax\n2:\t"
		"cmp $0x404, %%r8\n\tje 2f\n\tor $8, %%eax\n2:\t"
		"cmp $0x505, %%r9\n\tje 2f\n\tor $16, %%eax\n2:\t"
		"cmp $0x606, %%r10\n\tje 2f\n\tor $32, %%eax\n2:\t"
		"cmp $0x707, %%r12\n\tje 2f\n\tor $64, %%eax\n2:\t"
		"cmp $0x808, %%r13\n\tje 2f\n\tor $128, %%eax\n2:\t"
		"cmp $0x909, %%r14\n\tje 2f\n\tor $256, %%eax\n2:\t"
		"cmp $0xa0a, %%r15\n\tje 2f\n\tor $512, %%eax\n2:\t"
		"mov -8(%%rsp), %%rdi\n\tcmp %%rdi, %[zone]\n\t"
		"je 2f\n\tor $1024, %%eax\n2:\t"
		"mov %%rax, %[bad]"
		: [bad] "=m"(bad), [got] "=m"(got_flags), [rcx] "=m"(rcx),
		  [r11] "=m"(r11), [site] "=m"(site), [ret] "=m"(ret)
		: [flags] "m"(flags), [zone] "b"(zone)
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
		  "r12", "r13", "r14", "r15", "memory", "cc");
	if ((got_flags ^ flags) & (STATUS_FLAGS | 0x400))
		bad |= 1 << 16;
	if (rcx != site)
		bad |= 1 << 17;
	if ((r11 ^ flags) & (STATUS_FLAGS | 0x400))
		bad |= 1 << 18;
	*out_ret = (long)ret;
	return bad;
}

TEST(patch, registers_and_flags_survive)
{
	long ret, want = syscall(SYS_getppid);

	for (uint64_t i = 0; i < OFTEN; i++) {
		uint64_t flags = 2;

		/* All status flags, and the direction flag, both ways. */
		flags |= i & 1 ? 0x1 : 0;
		flags |= i & 2 ? 0x4 : 0;
		flags |= i & 4 ? 0x10 : 0;
		flags |= i & 8 ? 0x40 : 0;
		flags |= i & 16 ? 0x80 : 0;
		flags |= i & 32 ? 0x800 : 0;
		flags |= i & 64 ? 0x400 : 0;
		EXPECT_EQ(0, check_registers(flags, &ret));
		EXPECT_EQ(want, ret);
	}
}

static __attribute__((noinline)) long hot(void)
{
	long ret;

	__asm__ volatile("mov $110, %%eax\n\tsyscall"
			 : "=a"(ret)
			 :
			 : "rcx", "r11", "memory");
	return ret;
}

TEST(patch, vector_registers_survive)
{
	double in[4] = { 1.5, 2.5, 3.5, 4.5 }, out[4];

	for (int i = 0; i < OFTEN; i++) {
		in[0] = i;
		__asm__ volatile(
			"movupd %1, %%xmm7\n\tmovupd %2, %%xmm15\n\t"
			"mov $110, %%eax\n\tsyscall\n\t"
			"movupd %%xmm7, %0\n\tmovupd %%xmm15, %3"
			: "=m"(*(double(*)[2])out)
			: "m"(*(double(*)[2])in), "m"(*(double(*)[2])(in + 2)),
			  "m"(*(double(*)[2])(out + 2))
			: "rax", "rcx", "r11", "xmm7", "xmm15", "memory");
		EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
	}
}

static long hot_tid(void)
{
	long ret;

	__asm__ volatile("mov $186, %%eax\n\tsyscall"
			 : "=a"(ret)
			 :
			 : "rcx", "r11", "memory");
	return ret;
}

static void *tids(void *arg)
{
	long mine = syscall(SYS_gettid), *wrong = arg;

	for (int i = 0; i < 20 * OFTEN; i++)
		*wrong += hot_tid() != mine;
	return NULL;
}

TEST(patch, threads_are_not_mixed_up)
{
	pthread_t th[6];
	long wrong[6] = { 0 };

	for (int i = 0; i < 6; i++)
		EXPECT_EQ(0, pthread_create(&th[i], NULL, tids, &wrong[i]));
	for (int i = 0; i < 6; i++) {
		pthread_join(th[i], NULL);
		EXPECT_EQ(0, wrong[i]);
	}
}

TEST(patch, child_calls_for_itself)
{
	int status;
	pid_t pid;

	for (int i = 0; i < OFTEN; i++)
		hot();
	for (int i = 0; i < 3; i++) {
		long me = getpid();

		pid = EXPECT_OK(fork());
		if (pid == 0) {
			int wrong = 0;

			for (int k = 0; k < OFTEN; k++)
				wrong += hot() != me;
			_exit(wrong != 0);
		}
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
}

static volatile sig_atomic_t g_steps, g_alarms;

static void on_step(int sig, siginfo_t *si, void *ctx)
{
	(void)sig, (void)si, (void)ctx;
	g_steps++;
}

/* A program that steps itself sees each instruction once. */
TEST(patch, single_step_goes_through)
{
	struct sigaction act = { .sa_sigaction = on_step,
				 .sa_flags = SA_SIGINFO };
	long ret;
	int first = 0;

	EXPECT_OK(sigaction(SIGTRAP, &act, NULL));
	for (int i = 0; i < OFTEN; i++) {
		g_steps = 0;
		__asm__ volatile("sub $128, %%rsp\n\t"
				 "pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
				 "mov $110, %%eax\n\tsyscall\n\t"
				 "pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\t"
				 "add $128, %%rsp"
				 : "=a"(ret)
				 :
				 : "rcx", "r11", "memory", "cc");
		if (i == 0)
			first = g_steps;
		EXPECT_EQ(getppid(), ret);
		EXPECT_EQ(first, g_steps);
	}
	EXPECT_TRUE(first >= 4);
}

static void on_alarm(int sig)
{
	(void)sig;
	g_alarms++;
}

TEST(patch, signals_come_through)
{
	struct sigaction act = { .sa_handler = on_alarm,
				 .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 500 }, { 0, 500 } }, off = { 0 };
	long want = getppid(), wrong = 0;

	EXPECT_OK(sigaction(SIGALRM, &act, NULL));
	EXPECT_OK(setitimer(ITIMER_REAL, &every, NULL));
	while (g_alarms < 50)
		wrong += hot() != want;
	EXPECT_OK(setitimer(ITIMER_REAL, &off, NULL));
	EXPECT_EQ(0, wrong);
}

/* Code that is copied, or mapped anew at the same place, is only code. */
TEST(patch, code_may_be_replaced)
{
	static const uint8_t ppid[] = { 0xb8, 110, 0, 0, 0, 0x0f, 5, 0xc3 };
	static const uint8_t pid[] = { 0xb8, 39, 0, 0, 0, 0x0f, 5, 0xc3 };
	uint8_t *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long (*call)(void) = (long (*)(void))(at + 16);

	EXPECT_TRUE(at != MAP_FAILED);
	for (int round = 0; round < 4; round++) {
		EXPECT_OK(mprotect(at, 4096, PROT_READ | PROT_WRITE));
		memcpy(at + 16, round % 2 ? pid : ppid, sizeof(pid));
		EXPECT_OK(mprotect(at, 4096, PROT_READ | PROT_EXEC));
		for (int i = 0; i < OFTEN; i++)
			EXPECT_EQ(round % 2 ? getpid() : getppid(), call());
	}
	EXPECT_OK(munmap(at, 4096));
}

/* `mov $nr, %r8d` ends in the bytes of `mov $nr, %eax`. */
TEST(patch, tail_of_another_mov_is_left_alone)
{
	long ret, r8;

	for (int i = 0; i < OFTEN; i++) {
		__asm__ volatile("mov $110, %%eax\n\tmov $110, %%r8d\n\t"
				 "syscall\n\tmov %%r8, %1"
				 : "=a"(ret), "=r"(r8)
				 :
				 : "rcx", "r8", "r11", "memory");
		EXPECT_EQ(getppid(), ret);
		EXPECT_EQ(110, r8);
	}
}

/* One place for all calls, and six arguments. */
TEST(patch, libc_syscall_makes_any_call)
{
	char name[] = "patch", page[2] = { 0 };
	int fd = EXPECT_OK(memfd_create(name, 0));
	long at;

	EXPECT_OK(ftruncate(fd, 8192));
	EXPECT_EQ(1, pwrite(fd, "b", 1, 4096));
	for (int i = 0; i < OFTEN; i++) {
		EXPECT_EQ(getppid(), syscall(SYS_getppid));
		EXPECT_EQ(getpid(), syscall(SYS_getpid));
		EXPECT_ERRNO(ENOSYS, syscall(9999));
		EXPECT_ERRNO(EBADF, syscall(SYS_close, -1));
		EXPECT_EQ(1, syscall(SYS_pread64, fd, page, 1, 4096));
		EXPECT_EQ('b', page[0]);
		at = EXPECT_OK(syscall(SYS_mmap, NULL, 4096, PROT_READ,
				       MAP_SHARED, fd, 4096));
		EXPECT_EQ('b', *(char *)at);
		EXPECT_OK(syscall(SYS_munmap, at, 4096));
	}
	close(fd);
}

/* The mov of hot(), in its text as @mem (of this process) shows it. */
static uint64_t find_mov(int mem)
{
	static const uint8_t want[] = { 0xb8, 110, 0, 0, 0, 0x0f, 5 };
	uint64_t from = (uint64_t)(uintptr_t)hot;
	uint8_t code[64];

	EXPECT_EQ((long)sizeof(code),
		  pread(mem, code, sizeof(code), (off_t)from));
	for (size_t i = 0; i + sizeof(want) <= sizeof(code); i++)
		if (memcmp(code + i, want, sizeof(want)) == 0)
			return from + i;
	return 0;
}

TEST(patch, text_reads_as_it_was)
{
	int mem = EXPECT_OK(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));

	for (int i = 0; i < OFTEN; i++)
		hot();
	EXPECT_TRUE(find_mov(mem) != 0);
	for (int i = 0; i < OFTEN; i++)
		EXPECT_EQ(getppid(), hot());
	close(mem);
}

static void stop_in_hot(void)
{
	int wrong = 0;

	for (int i = 0; i < OFTEN; i++)
		hot();
	EXPECT_OK(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	raise(SIGSTOP);
	for (int i = 0; i < OFTEN; i++)
		wrong += hot() != getppid();
	_exit(wrong != 0);
}

/* A breakpoint on the mov, as debuggers set it and step over it. */
TEST(patch, breakpoint_at_a_site)
{
	struct user_regs_struct regs;
	int status, mem;
	uint64_t mov;
	long word;
	pid_t pid = EXPECT_OK(fork());

	if (pid == 0)
		stop_in_hot();
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	mem = EXPECT_OK(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
	mov = find_mov(mem);
	close(mem);
	EXPECT_TRUE(mov != 0);
	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, mov, NULL);
	EXPECT_EQ(0, errno);
	EXPECT_EQ(0x050f0000006eb8, word & 0xffffffffffffff);
	for (int i = 0; i < 3; i++) {
		EXPECT_OK(ptrace(PTRACE_POKETEXT, pid, mov,
				 (word & ~0xffl) | 0xcc));
		EXPECT_OK(ptrace(PTRACE_CONT, pid, NULL, NULL));
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
		EXPECT_OK(ptrace(PTRACE_GETREGS, pid, NULL, &regs));
		EXPECT_EQ(mov + 1, regs.rip);
		regs.rip = mov;
		EXPECT_OK(ptrace(PTRACE_SETREGS, pid, NULL, &regs));
		EXPECT_OK(ptrace(PTRACE_POKETEXT, pid, mov, word));
		EXPECT_OK(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL));
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_OK(ptrace(PTRACE_GETREGS, pid, NULL, &regs));
		EXPECT_EQ(mov + 5, regs.rip);
		EXPECT_EQ(110, regs.rax);
	}
	EXPECT_OK(ptrace(PTRACE_CONT, pid, NULL, NULL));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_MAIN
