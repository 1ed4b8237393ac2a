/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): stops at system calls, restarts, single steps, breakpoints. */
#include <sys/mman.h>

#include "tests/harness/ptrace_test.h"

static volatile sig_atomic_t g_caught, g_code;

static void count(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	g_caught = sig;
	g_code = si->si_code;
}

static void catch (int sig)
{
	struct sigaction sa = { .sa_sigaction = count, .sa_flags = SA_SIGINFO };

	if (sigaction(sig, &sa, NULL))
		_exit(96);
}

/* --- system calls --------------------------------------------------------- */

TEST(ptrace_syscall, syscall_entry_and_exit)
{
	pid_t kid =
		TRACEE(syscall(SYS_getsid, 0, 11, 12, 13, 14, 15); _exit(3));
	struct user_regs_struct r;
	siginfo_t si;
	pid_t sid = getsid(0);

	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	do {
		EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
		EXPECT_STATUS(STOP_STATUS(SIGTRAP | 0x80), kid);
		r = get_regs(kid);
	} while (r.orig_rax != SYS_getsid);
	EXPECT_EQ(-ENOSYS, (long)r.rax);
	EXPECT_EQ(0, r.rdi);
	EXPECT_EQ(11, r.rsi);
	EXPECT_EQ(12, r.rdx);
	EXPECT_EQ(13, r.r10);
	EXPECT_EQ(14, r.r8);
	EXPECT_EQ(15, r.r9);
	EXPECT_EQ(r.rip, r.rcx);
	EXPECT_EQ(1, get_message(kid));
	si = get_siginfo(kid);
	EXPECT_EQ(SIGTRAP, si.si_signo);
	EXPECT_EQ(SIGTRAP | 0x80, si.si_code);
	EXPECT_EQ(kid, si.si_pid);
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP | 0x80), kid);
	r = get_regs(kid);
	EXPECT_EQ(SYS_getsid, r.orig_rax);
	EXPECT_EQ(sid, r.rax);
	EXPECT_EQ(2, get_message(kid));
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP | 0x80), kid);
	EXPECT_EQ(SYS_exit_group, get_regs(kid).orig_rax);
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(3 << 8, kid);
}

static void to_entry(pid_t kid, unsigned long nr)
{
	do {
		EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
		EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	} while (get_regs(kid).orig_rax != nr);
}

TEST(ptrace_syscall, the_call_can_be_changed)
{
	pid_t kid = TRACEE(_exit(syscall(SYS_getppid) == getpid() ? 0 : 1));
	struct user_regs_struct r;

	to_entry(kid, SYS_getppid);
	r = get_regs(kid);
	r.orig_rax = SYS_getpid;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_syscall, the_call_can_be_skipped)
{
	pid_t kid = TRACEE(_exit(syscall(SYS_getppid) == 4711 ? 0 : 1));
	struct user_regs_struct r;

	to_entry(kid, SYS_getppid);
	r = get_regs(kid);
	r.orig_rax = -1;
	r.rax = 4711;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	r = get_regs(kid);
	EXPECT_EQ(4711, r.rax);
	EXPECT_EQ(-1, (long)r.orig_rax);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_syscall, the_result_can_be_changed)
{
	pid_t kid = TRACEE(_exit(syscall(SYS_getppid) == 4711 ? 0 : 1));
	struct user_regs_struct r;

	to_entry(kid, SYS_getppid);
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	r = get_regs(kid);
	r.rax = 4711;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_syscall, sysemu_does_not_make_calls)
{
	pid_t kid = TRACEE(long a = syscall(SYS_getppid);
			   long b = syscall(SYS_getppid);
			   _exit(a == 4711 && b == getppid() ? 0 : 1));
	struct user_regs_struct r;

	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	for (;;) {
		EXPECT_OK(PTRACE(PTRACE_SYSEMU, kid, 0, 0));
		EXPECT_STATUS(STOP_STATUS(SIGTRAP | 0x80), kid);
		r = get_regs(kid);
		if (r.orig_rax == SYS_getppid)
			break;
		/* Others on the way there are made up. */
		r.rax = 0;
		EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	}
	EXPECT_EQ(-ENOSYS, (long)r.rax);
	r.rax = 4711;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_syscall, a_signal_at_a_syscall_stop_is_sent)
{
	pid_t kid = TRACEE(syscall(SYS_getppid); for (;;) pause());
	siginfo_t si;

	to_entry(kid, SYS_getppid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGUSR1));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	si = get_siginfo(kid);
	EXPECT_EQ(SI_KERNEL, si.si_code);
	kill_tracee(kid);
}

TEST(ptrace_syscall, interrupted_calls_show_restart_codes)
{
	int fds[2];
	pid_t kid;
	struct user_regs_struct r;

	EXPECT_OK(pipe(fds));
	kid = TRACEE(char c; _exit(read(fds[0], &c, 1) == 1 ? 0 : 1));
	to_entry(kid, SYS_read);
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_OK(kill(kid, SIGUSR1));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	r = get_regs(kid);
	EXPECT_EQ(-512, (long)r.rax);
	EXPECT_EQ(SYS_read, r.orig_rax);
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	r = get_regs(kid);
	EXPECT_EQ(-512, (long)r.rax);
	EXPECT_EQ(SYS_read, r.orig_rax);
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	/* It is made again. */
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	r = get_regs(kid);
	EXPECT_EQ(-ENOSYS, (long)r.rax);
	EXPECT_EQ(SYS_read, r.orig_rax);
	EXPECT_EQ(1, write(fds[1], "x", 1));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_syscall, orig_rax_decides_about_the_restart)
{
	int fds[2];
	pid_t kid;
	struct user_regs_struct r;

	EXPECT_OK(pipe(fds));
	kid = TRACEE(char c; _exit(syscall(SYS_read, fds[0], &c, 1) == -1 &&
						   errno == 512
					   ? 0
					   : 1));
	to_entry(kid, SYS_read);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_OK(kill(kid, SIGUSR1));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	r = get_regs(kid);
	EXPECT_EQ(-512, (long)r.rax);
	r.orig_rax = -1;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_syscall, a_restart_survives_a_call_in_between)
{
	int fds[2];
	pid_t kid;
	struct user_regs_struct r, saved;

	EXPECT_OK(pipe(fds));
	kid = TRACEE(char c; _exit(read(fds[0], &c, 1) == 1 ? 0 : 1));
	to_entry(kid, SYS_read);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_OK(kill(kid, SIGUSR1));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	saved = r = get_regs(kid);
	/* As a debugger that calls a function: getpid, by the instruction
	 * before us. */
	r.rip -= 2;
	r.rax = SYS_getpid;
	r.orig_rax = -1;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_EQ(kid, get_regs(kid).rax);
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &saved));
	/* An injected stop makes the kernel look at it again. */
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGUSR2));
	EXPECT_STATUS(STOP_STATUS(SIGUSR2), kid);
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &saved));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EQ(1, write(fds[1], "x", 1));
	EXPECT_EXIT(0, kid);
}

/* --- steps ---------------------------------------------------------------- */

__attribute__((noinline, naked)) static void three_nops(void)
{
	__asm__("int3; nop; nop; nop; ret");
}

TEST(ptrace_syscall, breakpoint_and_steps)
{
	pid_t kid = TRACEE(three_nops());
	unsigned long at;
	siginfo_t si;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	si = get_siginfo(kid);
	EXPECT_EQ(SI_KERNEL, si.si_code);
	at = get_regs(kid).rip;
	EXPECT_EQ((unsigned long)three_nops + 1, at);
	for (int i = 1; i <= 3; i++) {
		EXPECT_OK(PTRACE(PTRACE_SINGLESTEP, kid, 0, 0));
		EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
		EXPECT_EQ(at + i, get_regs(kid).rip);
		si = get_siginfo(kid);
		EXPECT_EQ(TRAP_TRACE, si.si_code);
		EXPECT_EQ(at + i, (unsigned long)si.si_addr);
	}
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_syscall, a_step_over_a_call_ends_behind_it)
{
	pid_t kid = TRACEE(syscall(SYS_getppid));
	struct user_regs_struct r;
	unsigned long behind;
	siginfo_t si;

	to_entry(kid, SYS_getppid);
	behind = get_regs(kid).rip;
	/* Back before the instruction, without a call. */
	r = get_regs(kid);
	r.orig_rax = -1;
	r.rip -= 2;
	r.rax = SYS_getppid;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_SINGLESTEP, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	/* Stepping out of the stop at the entry traps at the exit already. */
	si = get_siginfo(kid);
	EXPECT_EQ(TRAP_BRKPT, si.si_code);
	EXPECT_EQ(behind - 2, get_regs(kid).rip);
	EXPECT_OK(PTRACE(PTRACE_SINGLESTEP, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	r = get_regs(kid);
	EXPECT_EQ(behind, r.rip);
	EXPECT_EQ(getpid(), r.rax);
	si = get_siginfo(kid);
	EXPECT_EQ(TRAP_BRKPT, si.si_code);
	kill_tracee(kid);
}

TEST(ptrace_syscall, a_step_into_a_handler_stops_before_it)
{
	pid_t kid = TRACEE(catch (SIGUSR1); raise(SIGUSR1));
	siginfo_t si;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	EXPECT_OK(PTRACE(PTRACE_SINGLESTEP, kid, 0, SIGUSR1));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_EQ((unsigned long)count, get_regs(kid).rip);
	si = get_siginfo(kid);
	EXPECT_EQ(SIGTRAP, si.si_code);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_syscall, step_faults_and_goes_on)
{
	char *p = EXPECT_OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	pid_t kid = TRACEE(for (int i = 0; i < 8; i++)((volatile char *)p)[i]++;
			   _exit(((volatile char *)p)[7]));
	int st = 0, steps = 0;

	do {
		EXPECT_OK(PTRACE(PTRACE_SINGLESTEP, kid, 0, 0));
		EXPECT_EQ(kid, waitpid(kid, &st, 0));
		steps++;
		EXPECT_TRUE(steps < 100000);
	} while (!WIFEXITED(st));
	EXPECT_EQ(1, WEXITSTATUS(st));
	EXPECT_TRUE(steps > 16);
}

TEST(ptrace_syscall, the_guests_own_trap_flag_works)
{
	pid_t kid = TRACEE(__asm__ volatile("pushfq; orq $0x100, (%%rsp);"
					    "popfq; nop; nop" ::
						    : "memory", "cc"););
	struct user_regs_struct r;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_EQ(TRAP_TRACE, get_siginfo(kid).si_code);
	r = get_regs(kid);
	EXPECT_TRUE(r.eflags & 0x100);
	r.eflags &= ~0x100ul;
	EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(0, kid);
}

TEST_MAIN
