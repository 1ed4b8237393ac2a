/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp(2): modes, filters, actions. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "tests/conformance/seccomp_filters.h"

/* --- the call itself ------------------------------------------------------ */

TEST(seccomp, bad_operations_and_flags)
{
	struct sock_filter f[] = { ALLOW };
	struct sock_fprog p = { 1, f };

	no_new_privs();
	EXPECT_ERRNO(EINVAL, seccomp(99, 0, NULL));
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL));
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_SET_MODE_STRICT, 0, &p));
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_SET_MODE_FILTER, 0x80000000u, &p));
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_SET_MODE_FILTER,
				     SECCOMP_FILTER_FLAG_TSYNC |
					     SECCOMP_FILTER_FLAG_NEW_LISTENER,
				     &p));
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_SET_MODE_FILTER, 32, &p));
	EXPECT_ERRNO(EFAULT, seccomp(SECCOMP_SET_MODE_FILTER, 0, NULL));
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_GET_ACTION_AVAIL, 1, &p));
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_GET_NOTIF_SIZES, 1, &p));
}

TEST(seccomp, bad_programs)
{
	struct sock_filter f[] = { ALLOW };
	struct sock_filter loop[] = { BPF_STMT(BPF_JMP | BPF_JA, 5), ALLOW };
	struct sock_filter far[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64),
				     ALLOW };
	struct sock_filter odd[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),
				     ALLOW };
	struct sock_filter byte[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
				      ALLOW };
	struct sock_filter unset[] = { BPF_STMT(BPF_LD | BPF_MEM, 0), ALLOW };
	struct sock_filter mod[] = { BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3),
				     ALLOW };
	struct sock_filter open_end[] = { ALLOW, LOAD(nr) };
	struct sock_fprog empty = { 0, f };
	struct sock_fprog null = { 1, NULL };
	struct sock_fprog fault = { 1, (struct sock_filter *)8 };
	static struct sock_filter many[BPF_MAXINSNS + 1];
	struct sock_fprog big = { BPF_MAXINSNS + 1, many };

	for (int i = 0; i <= BPF_MAXINSNS; i++)
		many[i] = f[0];
	no_new_privs();
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_SET_MODE_FILTER, 0, &empty));
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_SET_MODE_FILTER, 0, &null));
	EXPECT_ERRNO(EFAULT, seccomp(SECCOMP_SET_MODE_FILTER, 0, &fault));
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_SET_MODE_FILTER, 0, &big));
	EXPECT_ERRNO(EINVAL, LOAD_FILTER(loop, 0));
	EXPECT_ERRNO(EINVAL, LOAD_FILTER(far, 0));
	EXPECT_ERRNO(EINVAL, LOAD_FILTER(odd, 0));
	EXPECT_ERRNO(EINVAL, LOAD_FILTER(byte, 0));
	EXPECT_ERRNO(EINVAL, LOAD_FILTER(unset, 0));
	EXPECT_ERRNO(EINVAL, LOAD_FILTER(mod, 0));
	EXPECT_ERRNO(EINVAL, LOAD_FILTER(open_end, 0));
	big.len = BPF_MAXINSNS;
	EXPECT_OK(seccomp(SECCOMP_SET_MODE_FILTER, 0, &big));
}

TEST(seccomp, needs_no_new_privs_or_admin)
{
	if (geteuid() == 0) {
		EXPECT_OK(deny_getppid(SECCOMP_RET_ALLOW, 0));
		EXPECT_OK(setresuid(65534, 65534, 65534));
	}
	EXPECT_ERRNO(EACCES, deny_getppid(SECCOMP_RET_ALLOW, 0));
	EXPECT_ERRNO(EACCES, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
				   &(struct sock_fprog){ 1, NULL }));
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_ALLOW, 0));
}

TEST(seccomp, actions_available)
{
	unsigned int known[] = {
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
		SECCOMP_RET_TRAP,	  SECCOMP_RET_ERRNO,
		SECCOMP_RET_USER_NOTIF,	  SECCOMP_RET_TRACE,
		SECCOMP_RET_LOG,	  SECCOMP_RET_ALLOW,
	};
	unsigned int bad = 0x7ff10000;
	struct seccomp_notif_sizes sizes;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		EXPECT_OK(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &known[i]));
	EXPECT_ERRNO(EOPNOTSUPP, seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &bad));
	EXPECT_ERRNO(EFAULT, seccomp(SECCOMP_GET_ACTION_AVAIL, 0, NULL));
	EXPECT_OK(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
	EXPECT_EQ(80, sizes.seccomp_notif);
	EXPECT_EQ(24, sizes.seccomp_notif_resp);
	EXPECT_EQ(64, sizes.seccomp_data);
	EXPECT_ERRNO(EFAULT, seccomp(SECCOMP_GET_NOTIF_SIZES, 0, NULL));
}

TEST(seccomp, limit_of_all_filters_together)
{
	/* Linux translates: each of these counts twice and 3 beside. */
	static struct sock_filter f[4000];
	int n = 0;

	for (int i = 0; i < 4000; i++)
		f[i] = (struct sock_filter)ALLOW;
	no_new_privs();
	while (LOAD_FILTER(f, 0) == 0)
		n++;
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(4, n);
	EXPECT_EQ(4, own_status_field("Seccomp_filters"));
	/* 32768 - 4 * (8003 + 4) = 740; one of 368 is 739, of 369 is 741. */
	EXPECT_ERRNO(ENOMEM, load(f, 369, 0));
	EXPECT_OK(load(f, 368, 0));
}

/* Each kind of instruction counts as often as Linux says. */
static void expect_weight(struct sock_filter one, int weight)
{
	static struct sock_filter f[4000];
	int n = 0, fits;
	int st;
	pid_t pid = CHILD({
		for (int i = 0; i < 3999; i++)
			f[i] = one;
		/* Nothing is divided by zero. */
		f[0] = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, 1);
		f[3999] = (struct sock_filter)ALLOW;
		no_new_privs();
		while (LOAD_FILTER(f, 0) == 0)
			n++;
		_exit(n);
	});

	fits = 32768 / (1 + 3998 * weight + 2 + 3 + 4);
	EXPECT_OK(waitpid(pid, &st, 0));
	EXPECT_TRUE(WIFEXITED(st));
	/* The newest one pays no penalty; no count is near that. */
	EXPECT_EQ(fits, WEXITSTATUS(st));
}

TEST(seccomp, weight_of_instructions)
{
	expect_weight((struct sock_filter)LOAD(nr), 1);
	expect_weight((struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 7), 1);
	expect_weight((struct sock_filter)BPF_STMT(BPF_MISC | BPF_TAX, 0), 1);
	expect_weight((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1,
						   0, 0),
		      1);
	expect_weight((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						   0x80000000, 0, 0),
		      2);
	expect_weight(
		(struct sock_filter)BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), 5);
	expect_weight((struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0), 1);
}

/* --- what filters see ----------------------------------------------------- */

TEST(seccomp, errno_and_its_cap)
{
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | E2BIG, 0));
	EXPECT_ERRNO(E2BIG, syscall(SYS_getppid));
	EXPECT_TRUE(getpid() > 0);
	EXPECT_EQ(2, prctl(PR_GET_SECCOMP));
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 5000, 0));
	EXPECT_ERRNO(4095, syscall(SYS_getppid));
}

TEST(seccomp, errno_zero_is_success)
{
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO, 0));
	EXPECT_EQ(0, syscall(SYS_getppid));
}

TEST(seccomp, restart_codes_are_plain_results)
{
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 512, 0));
	EXPECT_ERRNO(512, syscall(SYS_getppid));
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 513, 0));
	/* The newest of equal actions counts. */
	EXPECT_ERRNO(513, syscall(SYS_getppid));
}

TEST(seccomp, most_restrictive_action_wins)
{
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 1, 0));
	EXPECT_OK(deny_getppid(SECCOMP_RET_ALLOW, 0));
	EXPECT_OK(deny_getppid(SECCOMP_RET_LOG, 0));
	EXPECT_OK(deny_getppid(SECCOMP_RET_TRACE | 7, 0));
	EXPECT_ERRNO(1, syscall(SYS_getppid));
	EXPECT_OK(deny_getppid(SECCOMP_RET_ERRNO | 2, 0));
	EXPECT_ERRNO(2, syscall(SYS_getppid));
	EXPECT_OK(deny_getppid(SECCOMP_RET_KILL_PROCESS, 0));
	EXPECT_KILLED(SIGSYS, CHILD(syscall(SYS_getppid)));
}

TEST(seccomp, log_lets_through)
{
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_LOG, SECCOMP_FILTER_FLAG_LOG));
	EXPECT_EQ(getppid(), syscall(SYS_getppid));
}

TEST(seccomp, trace_without_tracer_is_enosys)
{
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_TRACE | 1, 0));
	EXPECT_ERRNO(ENOSYS, syscall(SYS_getppid));
}

TEST(seccomp, user_notif_without_listener_is_enosys)
{
	no_new_privs();
	EXPECT_OK(deny_getppid(SECCOMP_RET_USER_NOTIF, 0));
	EXPECT_ERRNO(ENOSYS, syscall(SYS_getppid));
}

/* Both halves of each argument reach the filter. */
TEST(seccomp, arguments)
{
	for (int i = 0; i < 6; i++) {
		unsigned int at =
			(unsigned int)offsetof(struct seccomp_data, args) +
			8u * (unsigned int)i;
		struct sock_filter f[] = {
			LOAD(nr),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 5),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x55667788, 0, 3),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at + 4),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x11223344, 0, 1),
			ERRNO(77),
			ALLOW,
		};
		long a[6] = { 0 };
		pid_t pid = CHILD({
			no_new_privs();
			EXPECT_OK(LOAD_FILTER(f, 0));
			EXPECT_OK(syscall(SYS_getppid, a[0], a[1], a[2], a[3],
					  a[4], a[5]));
			a[i] = 0x1122334455667788;
			EXPECT_ERRNO(77, syscall(SYS_getppid, a[0], a[1], a[2],
						 a[3], a[4], a[5]));
			a[i] ^= 1l << 33;
			EXPECT_OK(syscall(SYS_getppid, a[0], a[1], a[2], a[3],
					  a[4], a[5]));
		});

		EXPECT_EXIT(0, pid);
	}
}

TEST(seccomp, arch_and_strange_numbers)
{
	struct sock_filter f[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40000000 | SYS_getpid, 4,
			 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xfffffe00, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1000000, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 600, 1, 0),
		ALLOW,
		ERRNO(33),
	};

	no_new_privs();
	EXPECT_OK(LOAD_FILTER(f, 0));
	EXPECT_ERRNO(33, syscall(0x40000000 | SYS_getpid));
	EXPECT_ERRNO(33, syscall(-512));
	EXPECT_ERRNO(33, syscall(1000000));
	EXPECT_ERRNO(33, syscall(600));
	EXPECT_ERRNO(ENOSYS, syscall(601));
}

/* A calculation with every operation. */
TEST(seccomp, arithmetic)
{
	struct sock_filter f[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 23),
		LOAD(args[0]),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 5),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 1),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LDX | BPF_MEM, 3),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_NEG, 0),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 4),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LDX | BPF_IMM, 34),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_X, 0), /* by 2: masked */
		BPF_STMT(BPF_STX, 15),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 2),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 64),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
		ALLOW,
	};

	no_new_privs();
	EXPECT_OK(LOAD_FILTER(f, 0));
	/* (40 + 5) * 3 - 1 = 134; xor, neg: 0; or: 134; <<4>>2>>2: 134; /2 */
	EXPECT_ERRNO(67, syscall(SYS_getppid, 40));
}

TEST(seccomp, division_by_zero_kills)
{
	struct sock_filter f[] = {
		LOAD(nr),
		IF_NR(SYS_getppid),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
		ALLOW,
	};
	pid_t pid = CHILD({
		no_new_privs();
		EXPECT_OK(LOAD_FILTER(f, 0));
		(void)getpid();
		syscall(SYS_getppid);
	});

	EXPECT_KILLED(SIGSYS, pid);
}

/* --- traps ---------------------------------------------------------------- */

static volatile siginfo_t g_info;
static volatile long g_rax, g_rip;
static volatile int g_hits;

static void on_sys(int sig, siginfo_t *si, void *uc)
{
	ucontext_t *u = uc;

	(void)sig;
	g_info = *si;
	g_rax = u->uc_mcontext.gregs[REG_RAX];
	g_rip = u->uc_mcontext.gregs[REG_RIP];
	u->uc_mcontext.gregs[REG_RAX] = 4321;
	g_hits++;
}

static void catch_sys(void)
{
	struct sigaction sa = { .sa_sigaction = on_sys,
				.sa_flags = SA_SIGINFO };

	EXPECT_OK(sigaction(SIGSYS, &sa, NULL));
}

TEST(seccomp, trap_tells_all)
{
	no_new_privs();
	catch_sys();
	EXPECT_OK(deny_getppid(SECCOMP_RET_TRAP | 99, 0));
	EXPECT_EQ(4321, syscall(SYS_getppid));
	EXPECT_EQ(1, g_hits);
	EXPECT_EQ(SIGSYS, g_info.si_signo);
	EXPECT_EQ(1, g_info.si_code);
	EXPECT_EQ(99, g_info.si_errno);
	EXPECT_EQ(SYS_getppid, g_info.si_syscall);
	EXPECT_EQ(AUDIT_ARCH_X86_64, g_info.si_arch);
	EXPECT_EQ(SYS_getppid, g_rax);
	EXPECT_EQ(g_rip, (long)g_info.si_call_addr);
}

TEST(seccomp, trap_without_handler_kills)
{
	pid_t pid = CHILD({
		no_new_privs();
		EXPECT_OK(deny_getppid(SECCOMP_RET_TRAP, 0));
		syscall(SYS_getppid);
	});

	EXPECT_KILLED(SIGSYS, pid);
}

TEST(seccomp, trap_does_not_mind_blocked_or_ignored)
{
	pid_t pid = CHILD({
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGSYS);
		catch_sys();
		sigprocmask(SIG_BLOCK, &set, NULL);
		no_new_privs();
		EXPECT_OK(deny_getppid(SECCOMP_RET_TRAP, 0));
		syscall(SYS_getppid);
	});

	EXPECT_KILLED(SIGSYS, pid);
	pid = CHILD({
		signal(SIGSYS, SIG_IGN);
		no_new_privs();
		EXPECT_OK(deny_getppid(SECCOMP_RET_TRAP, 0));
		syscall(SYS_getppid);
	});
	EXPECT_KILLED(SIGSYS, pid);
}

/* --- kills ---------------------------------------------------------------- */

TEST(seccomp, kill_takes_no_handler)
{
	unsigned int kills[] = { SECCOMP_RET_KILL_PROCESS,
				 SECCOMP_RET_KILL_THREAD, 0x12340000,
				 0x90000000 };

	for (int i = 0; i < 4; i++) {
		pid_t pid = CHILD({
			catch_sys();
			no_new_privs();
			EXPECT_OK(deny_getppid(kills[i], 0));
			syscall(SYS_getppid);
		});

		EXPECT_KILLED(SIGSYS, pid);
	}
}

static void *call_getppid(void *arg)
{
	(void)arg;
	syscall(SYS_getppid);
	return NULL;
}

static _Atomic int g_tid;

static void *tell_and_call(void *arg)
{
	g_tid = (int)syscall(SYS_gettid);
	return call_getppid(arg);
}

TEST(seccomp, kill_thread_leaves_the_others)
{
	pid_t pid = CHILD({
		pthread_t th;

		no_new_privs();
		EXPECT_OK(deny_getppid(SECCOMP_RET_KILL_THREAD, 0));
		pthread_create(&th, NULL, tell_and_call, NULL);
		EXPECT_SOON(g_tid &&
			    syscall(SYS_tgkill, getpid(), g_tid, 0) < 0);
		_exit(5);
	});

	EXPECT_EXIT(5, pid);
}

TEST(seccomp, kill_process_takes_the_others)
{
	pid_t pid = CHILD({
		pthread_t th;

		no_new_privs();
		EXPECT_OK(deny_getppid(SECCOMP_RET_KILL_PROCESS, 0));
		pthread_create(&th, NULL, call_getppid, NULL);
		pthread_join(th, NULL);
		for (;;)
			pause();
	});

	EXPECT_KILLED(SIGSYS, pid);
}

/* --- strict mode ---------------------------------------------------------- */

TEST(seccomp, strict_allows_four)
{
	char c = 'x';
	int fds[2];
	pid_t pid;

	EXPECT_OK(pipe(fds));
	pid = CHILD({
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		syscall(SYS_write, fds[1], &c, 1);
		syscall(SYS_read, fds[0], &c, 1);
		syscall(SYS_exit, c == 'x' ? 3 : 4);
	});
	EXPECT_EXIT(3, pid);
	pid = CHILD({
		syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
		syscall(SYS_getpid);
		syscall(SYS_exit, 1);
	});
	EXPECT_KILLED(SIGKILL, pid);
	pid = CHILD({
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		syscall(SYS_exit_group, 1);
	});
	EXPECT_KILLED(SIGKILL, pid);
}

TEST(seccomp, modes_do_not_change)
{
	no_new_privs();
	EXPECT_EQ(0, prctl(PR_GET_SECCOMP));
	EXPECT_OK(deny_getppid(SECCOMP_RET_ALLOW, 0));
	EXPECT_ERRNO(EINVAL, prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	EXPECT_ERRNO(EINVAL, seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL));
	EXPECT_ERRNO(EINVAL, prctl(PR_SET_SECCOMP, 0));
	EXPECT_ERRNO(EINVAL, prctl(PR_SET_SECCOMP, 3));
}

TEST_MAIN
