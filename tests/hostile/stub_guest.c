/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub_guest: a guest of the trap platform that knows all about its stub.
 *
 * It learns where the stub lies from the pointers that its own patched calls
 * jump through, then tries, in one process each: jumps to every part of the
 * stub's code with any registers, calls at the stub's syscall instructions,
 * changes of all that the stub can write while it is used, forged turns.  The
 * process may die of it.  What must hold: the others go on and find their
 * memory as they left it, and a broken process can be killed.
 *
 * Prints "ok NAME" or "not ok NAME: why" for tests/hostile/stub.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define __ASSEMBLER__ 1 /* the numbers only */
#include "../../platform/trap/stub.h"

#define TABLE	  ((volatile uint64_t *)0x050f0000)
#define CODE_USED 0x500 /* where stub.S has code rather than constants */
#define VICTIM	  (1 << 20)

static uint64_t g_base; /* of the stub region */
static volatile uint8_t *g_slot;
static uint32_t g_rand = 1;

static uint32_t rnd(void)
{
	g_rand = g_rand * 1664525 + 1013904223;
	return g_rand >> 8;
}

/* --- finding the stub ---------------------------------------------------- */

static long hot_call(void)
{
	long ret;

	__asm__ volatile("mov $110, %%eax\n\tsyscall"
			 : "=a"(ret)
			 :
			 : "rcx", "r11", "memory");
	return ret;
}

static sigjmp_buf g_back;
static volatile int g_signal;

static pid_t g_peaceful; /* it attacks by calls only: no fault is meant */

static void on_signal(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	if (getpid() == g_peaceful) {
		dprintf(2, "the guest itself got signal %d at %p\n", sig,
			info->si_addr);
		_exit(70);
	}
	g_signal = sig;
	siglongjmp(g_back, 1);
}

static void catch_all(void)
{
	static uint8_t stack[65536];
	struct sigaction act = { .sa_sigaction = on_signal,
				 .sa_flags =
					 SA_NODEFER | SA_ONSTACK | SA_SIGINFO };
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const int sigs[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };

	sigaltstack(&ss, NULL);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], &act, NULL);
}

static int find_stub(void)
{
	unsigned int es;

	for (int i = 0; i < 200; i++)
		hot_call();
	if (sigsetjmp(g_back, 1))
		return 0;
	g_base = TABLE[0] - STUB_CELLS_OFFSET;
	__asm__ volatile("mov %%es, %0" : "=r"(es));
	g_slot = (uint8_t *)(g_base + STUB_SLOTS_OFFSET +
			     (uint64_t)(es >> 3) * STUB_SLOT_SIZE);
	return g_base != 0;
}

/* --- who must not notice ------------------------------------------------- */

static uint8_t *g_victim;

static void victim_fill(void)
{
	g_victim = mmap(NULL, VICTIM, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < VICTIM; i++)
		g_victim[i] = (uint8_t)(i * 7 + 3);
}

static int victim_intact(void)
{
	for (int i = 0; i < VICTIM; i++)
		if (g_victim[i] != (uint8_t)(i * 7 + 3))
			return 0;
	return 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits for the attacker, kills it after a while.  False: it did not die. */
static int finish(pid_t pid, double patience)
{
	double end = now() + patience;
	int status;

	while (now() < end) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return 1;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	end = now() + 20;
	while (now() < end) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return 1;
		usleep(1000);
	}
	return 0;
}

/* Runs @attack @rounds times, each in a process of its own. */
static void attack_by(const char *name, void (*attack)(int), int rounds,
		      double patience)
{
	int held = 1;

	for (int i = 0; i < rounds && held; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			g_rand = (uint32_t)i * 7919 + 17;
			attack(i);
			_exit(0);
		}
		held = pid > 0 && finish(pid, patience) && victim_intact();
	}
	printf(held ? "ok %s\n" : "not ok %s: it hurt others\n", name);
	fflush(stdout);
}

/* --- attacks ------------------------------------------------------------- */

/* Goes to @rip with registers from @r: rax, rbx, rcx, rdx, rsi, rdi, r8-r15. */
static void jump(uint64_t rip, uint64_t rsp, const uint64_t *r)
{
	__asm__ volatile("mov %0, %%rbp\n\t"
			 "mov %1, %%rsp\n\t"
			 "push %2\n\t"
			 "mov 0(%%rbp), %%rax\n\tmov 8(%%rbp), %%rbx\n\t"
			 "mov 16(%%rbp), %%rcx\n\tmov 24(%%rbp), %%rdx\n\t"
			 "mov 32(%%rbp), %%rsi\n\tmov 40(%%rbp), %%rdi\n\t"
			 "mov 48(%%rbp), %%r8\n\tmov 56(%%rbp), %%r9\n\t"
			 "mov 64(%%rbp), %%r10\n\tmov 72(%%rbp), %%r11\n\t"
			 "mov 80(%%rbp), %%r12\n\tmov 88(%%rbp), %%r13\n\t"
			 "mov 96(%%rbp), %%r14\n\tmov 104(%%rbp), %%r15\n\t"
			 "ret"
			 :
			 : "r"(r), "r"(rsp), "r"(rip)
			 : "memory");
	__builtin_unreachable();
}

static uint8_t g_scratch[65536] __attribute__((aligned(16384)));

static uint64_t some_value(void)
{
	switch (rnd() % 8) {
	case 0:
		return 0;
	case 1:
		return (uint64_t)g_slot;
	case 2:
		return (uint64_t)g_scratch + rnd() % sizeof(g_scratch);
	case 3:
		return g_base + rnd() % 0x30000;
	case 4:
		return rnd() % 500;
	case 5:
		return (uint64_t)g_slot + rnd() % STUB_SLOT_SIZE;
	case 6:
		return (uint64_t)rnd() << 40;
	default:
		return ~0ull;
	}
}

static void jump_anywhere(int round)
{
	uint64_t r[14];

	for (volatile int i = 0; i < 20; i++) {
		if (sigsetjmp(g_back, 1))
			continue;
		for (int k = 0; k < 14; k++)
			r[k] = some_value();
		jump(g_base + (uint64_t)(round * 20 + i) * 13 % CODE_USED,
		     i % 2 ? (uint64_t)g_slot + STUB_SLOT_SIZE
			   : (uint64_t)g_scratch + sizeof(g_scratch) - 64,
		     r);
	}
}

/* Each syscall instruction of the stub, asked for what it must not do. */
static void stub_calls(int round)
{
	const uint8_t *code = (const uint8_t *)g_base;
	static const uint64_t nrs[] = {
		SYS_mmap,	  SYS_munmap,	  SYS_mprotect, SYS_open,
		SYS_socket,	  SYS_fork,	  SYS_clone,	SYS_execve,
		SYS_close,	  SYS_dup2,	  SYS_write,	SYS_ptrace,
		SYS_rt_sigreturn, SYS_prctl,	  SYS_seccomp,	SYS_kill,
		SYS_close_range,  SYS_exit_group,
	};
	uint64_t r[14] = { 0 };

	for (volatile int at = 0, n = 0; at < CODE_USED; at++) {
		if (code[at] != 0x0f || code[at + 1] != 0x05 || n++ != round)
			continue;
		for (volatile size_t i = 0; i < sizeof(nrs) / sizeof(nrs[0]);
		     i++) {
			if (sigsetjmp(g_back, 1))
				continue;
			r[0] = nrs[i];
			r[5] = (uint64_t)0x10000000; /* rdi */
			r[4] = 0x1000;
			r[3] = 3;
			r[8] = 0x11; /* r10: MAP_SHARED | MAP_FIXED */
			r[6] = 3 + rnd() % 8;
			jump(g_base + (uint64_t)at,
			     (uint64_t)g_scratch + sizeof(g_scratch) - 64, r);
		}
	}
}

static void *corrupt(void *arg)
{
	int mode = (int)(intptr_t)arg;
	volatile uint32_t *words = (volatile uint32_t *)g_slot;

	for (int i = 0; i < 200000; i++) {
		switch (mode) {
		case 0: /* the turn and the words beside it */
			words[rnd() % 10] = rnd() % 6 | (rnd() & 1) << 8;
			break;
		case 1: /* the registers */
			words[16 + rnd() % 54] = (uint32_t)some_value();
			break;
		case 2: /* frames and FPU images */
			g_slot[SLOT_XAREA +
			       rnd() % (STUB_SLOT_SIZE - SLOT_XAREA)] =
				(uint8_t)rnd();
			break;
		default:
			g_slot[rnd() % STUB_SLOT_SIZE] = (uint8_t)rnd();
		}
	}
	return NULL;
}

static void corrupt_slot(int round)
{
	pthread_t th;

	if (pthread_create(&th, NULL, corrupt, (void *)(intptr_t)(round % 4)))
		return;
	for (int i = 0; i < 20000; i++) {
		if (sigsetjmp(g_back, 1))
			continue;
		if (i % 3 == 0)
			syscall(SYS_getppid);
		else if (i % 7 == 0)
			free(memset(malloc(200000), 1, 200000));
		else
			hot_call();
	}
}

/* The runner ends behind the sentry's back; or waits for ever. */
static void vanish(int round)
{
	const uint8_t *code = (const uint8_t *)g_base;
	uint64_t r[14] = { 0 };
	int at = 0;

	while (at < CODE_USED && (code[at] != 0x0f || code[at + 1] != 0x05))
		at++;
	r[0] = round % 2 ? SYS_exit : SYS_futex;
	r[5] = (uint64_t)g_scratch; /* FUTEX_WAIT while it is 0 */
	jump(g_base + (uint64_t)at,
	     (uint64_t)g_scratch + sizeof(g_scratch) - 64, r);
}

/* --- what calls of the guest may not do to the stub ---------------------- */

static void expect(const char *name, int good)
{
	printf(good ? "ok %s\n" : "not ok %s: errno %d\n", name, errno);
	fflush(stdout);
}

static void calls_on_stub(void)
{
	uint8_t *at[] = { (uint8_t *)g_base, (uint8_t *)(uintptr_t)g_slot };
	int fd = open("/dev/zero", O_RDWR), p[2];

	if (pipe(p) < 0)
		_exit(1);
	for (int i = 0; i < 2; i++) {
		expect("stub_is_not_mapped_over",
		       mmap(at[i], 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			    0) == MAP_FAILED);
		expect("stub_is_not_unmapped", munmap(at[i], 4096) < 0);
		expect("stub_is_not_protected",
		       mprotect(at[i], 4096, PROT_READ) < 0);
		expect("stub_is_not_moved",
		       mremap(at[i], 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
		expect("stub_is_not_dropped",
		       madvise(at[i], 4096, MADV_DONTNEED) < 0);
		expect("stub_is_not_read",
		       write(p[1], at[i], 16) < 0 && errno == EFAULT);
		expect("stub_is_not_written",
		       read(fd, at[i], 16) < 0 && errno == EFAULT);
	}
	expect("table_is_not_mapped_over",
	       mmap((void *)(uintptr_t)TABLE, 4096, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		    0) == MAP_FAILED);
	munmap((void *)0x5000000, 0x100000); /* no heap can be there */
	expect("table_outlives_munmap", hot_call() > 0 || getppid() == 0);
	close(fd);
	close(p[0]);
	close(p[1]);
}

static void selector(void)
{
	long before = hot_call(), after;

	__asm__ volatile("mov %0, %%es" : : "r"(0));
	after = hot_call();
	__asm__ volatile("mov %0, %%es" : : "r"(0x2b));
	expect("own_selector_is_allowed",
	       before == after && hot_call() == before);
}

int main(void)
{
	catch_all();
	victim_fill();
	if (!find_stub()) {
		printf("skip: no patched calls\n");
		return 77;
	}
	g_peaceful = getpid();
	calls_on_stub();
	attack_by("jumps_to_stub_code", jump_anywhere, 24, 0.2);
	attack_by("calls_at_stub_code", stub_calls, 12, 0.3);
	attack_by("slot_is_corrupted", corrupt_slot, 8, 1);
	attack_by("runner_vanishes", vanish, 2, 0.2);
	selector();
	printf(victim_intact() ? "ok memory_is_untouched\n"
			       : "not ok memory_is_untouched: it is not\n");
	return 0;
}
