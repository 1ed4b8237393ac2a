/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): who may trace whom, requests and their errors, memory, options. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#include "tests/harness/ptrace_test.h"

static const volatile int g_constant = 0x1234;
static long g_variable = 0x1122334455667788;

/* --- TRACEME -------------------------------------------------------------- */

TEST(ptrace, traceme_stops_at_signals)
{
	pid_t kid = TRACEE(_exit(7));

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(7, kid);
}

TEST(ptrace, traceme_twice_is_refused)
{
	pid_t kid = CHILD(if (PTRACE(PTRACE_TRACEME, 0, 0, 0)) _exit(1);
			  if (PTRACE(PTRACE_TRACEME, 0, 0, 0) != -1 ||
			      errno != EPERM) _exit(2););

	EXPECT_EXIT(0, kid);
}

TEST(ptrace, traceme_ignores_the_other_arguments)
{
	pid_t kid = CHILD(if (PTRACE(PTRACE_TRACEME, -5, 1, 2)) _exit(1);
			  raise(SIGUSR1));

	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	kill_tracee(kid);
}

TEST(ptrace, traceme_shows_in_status)
{
	pid_t kid = TRACEE(pause());

	EXPECT_EQ(getpid(), status_field(kid, "TracerPid"));
	EXPECT_EQ('t', status_field(kid, "State"));
	EXPECT_OK(PTRACE(PTRACE_DETACH, kid, 0, 0));
	EXPECT_EQ(0, status_field(kid, "TracerPid"));
	EXPECT_SOON(status_field(kid, "State") == 'S');
	kill_tracee(kid);
}

static void *traceme_child(void *arg)
{
	pid_t kid = TRACEE(pause());

	*(pid_t *)arg = kid;
	/* The thread that forked is the tracer. */
	EXPECT_EQ(gettid(), status_field(kid, "TracerPid"));
	EXPECT_EQ(0, PTRACE(PTRACE_SETOPTIONS, kid, 0, 0));
	kill_tracee(kid);
	return NULL;
}

TEST(ptrace, the_forking_thread_is_the_tracer)
{
	pthread_t th;
	pid_t kid;

	EXPECT_EQ(0, pthread_create(&th, NULL, traceme_child, &kid));
	EXPECT_EQ(0, pthread_join(th, NULL));
}

static void *foreign_request(void *arg)
{
	pid_t kid = *(pid_t *)arg;

	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_KILL, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_DETACH, kid, 0, 0));
	return NULL;
}

TEST(ptrace, requests_of_another_thread_are_refused)
{
	pid_t kid = TRACEE(pause());
	pthread_t th;

	EXPECT_EQ(0, pthread_create(&th, NULL, foreign_request, &kid));
	EXPECT_EQ(0, pthread_join(th, NULL));
	kill_tracee(kid);
}

/* --- ATTACH, SEIZE, DETACH ------------------------------------------------ */

TEST(ptrace, attach_stops_with_sigstop)
{
	pid_t kid = pausing_child();
	siginfo_t si;

	EXPECT_OK(PTRACE(PTRACE_ATTACH, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), kid);
	si = get_siginfo(kid);
	EXPECT_EQ(SIGSTOP, si.si_signo);
	EXPECT_EQ(SI_KERNEL, si.si_code);
	EXPECT_OK(PTRACE(PTRACE_DETACH, kid, 0, 0));
	EXPECT_SOON(status_field(kid, "State") == 'S');
	kill_tracee(kid);
}

TEST(ptrace, attach_errors)
{
	pid_t kid = TRACEE(pause()), dead = CHILD(_exit(0));
	siginfo_t si;

	EXPECT_ERRNO(EPERM, PTRACE(PTRACE_ATTACH, kid, 0, 0));
	EXPECT_ERRNO(EPERM, PTRACE(PTRACE_SEIZE, kid, 0, 0));
	EXPECT_ERRNO(EPERM, PTRACE(PTRACE_ATTACH, getpid(), 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_ATTACH, 0, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_ATTACH, -1, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_ATTACH, INT_MAX, 0, 0));
	EXPECT_OK(waitid(P_PID, dead, &si, WEXITED | WNOWAIT));
	EXPECT_ERRNO(EPERM, PTRACE(PTRACE_ATTACH, dead, 0, 0));
	EXPECT_EXIT(0, dead);
	kill_tracee(kid);
}

static void *attach_to_sibling(void *arg)
{
	(void)arg;
	EXPECT_ERRNO(EPERM, PTRACE(PTRACE_ATTACH, getpid(), 0, 0));
	EXPECT_ERRNO(EPERM, PTRACE(PTRACE_SEIZE, getpid(), 0, 0));
	return NULL;
}

TEST(ptrace, attach_to_the_own_process_is_refused)
{
	pthread_t th;

	EXPECT_EQ(0, pthread_create(&th, NULL, attach_to_sibling, NULL));
	EXPECT_EQ(0, pthread_join(th, NULL));
}

TEST(ptrace, seize_does_not_stop)
{
	pid_t kid = pausing_child();
	int st;

	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0));
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG | __WALL));
	EXPECT_EQ(getpid(), status_field(kid, "TracerPid"));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_DETACH, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_GETSIGINFO, kid, 0, 0));
	kill_tracee(kid);
}

TEST(ptrace, seize_errors)
{
	pid_t kid = pausing_child();

	EXPECT_ERRNO(EIO, PTRACE(PTRACE_SEIZE, kid, 1, 0));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_SEIZE, kid, 0, 0x100));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_SEIZE, kid, 0, 1ul << 40));
	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0x3f));
	EXPECT_ERRNO(EPERM, PTRACE(PTRACE_SEIZE, kid, 0, 0));
	kill_tracee(kid);
}

TEST(ptrace, detach_with_a_signal)
{
	pid_t kid = TRACEE(pause());

	EXPECT_ERRNO(EIO, PTRACE(PTRACE_DETACH, kid, 0, 65));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_DETACH, kid, 0, -1));
	EXPECT_OK(PTRACE(PTRACE_DETACH, kid, 0, SIGTERM));
	EXPECT_KILLED(SIGTERM, kid);
}

TEST(ptrace, tracing_begins_anew_after_detach)
{
	pid_t kid = pausing_child();

	for (int i = 0; i < 20; i++) {
		EXPECT_OK(PTRACE(PTRACE_ATTACH, kid, 0, 0));
		EXPECT_STATUS(STOP_STATUS(SIGSTOP), kid);
		EXPECT_OK(PTRACE(PTRACE_DETACH, kid, 0, 0));
	}
	kill_tracee(kid);
}

TEST(ptrace, untraced_tasks_are_esrch)
{
	pid_t kid = pausing_child();
	long buf[64];

	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_GETREGS, kid, 0, buf));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_KILL, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_INTERRUPT, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(12345, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_PEEKDATA, getpid(), buf, buf));
	kill_tracee(kid);
}

TEST(ptrace, unknown_requests_are_eio)
{
	pid_t kid = TRACEE(pause());
	const long reqs[] = { 10, 11, 18, 19,	  20,	  22, 23,
			      27, 34, 99, 0x4213, 0x41ff, -1, 1l << 32 };

	for (size_t i = 0; i < sizeof(reqs) / sizeof(*reqs); i++)
		EXPECT_ERRNO(EIO, PTRACE(reqs[i], kid, 0, 0));
	/* Those for seized tracees only. */
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_INTERRUPT, kid, 0, 0));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_LISTEN, kid, 0, 0));
	kill_tracee(kid);
}

TEST(ptrace, running_tracees_are_esrch)
{
	pid_t kid = TRACEE(for (;;) pause());
	int st;

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_PEEKDATA, kid, &g_variable, &st));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_DETACH, kid, 0, 0));
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG));
	kill_tracee(kid);
}

/* --- permission ----------------------------------------------------------- */

static void become_nobody(void)
{
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		_exit(97);
}

TEST(ptrace, other_users_are_refused)
{
	pid_t kid, tracer;

	if (getuid() != 0)
		SKIP("needs root");
	kid = pausing_child();
	tracer = CHILD(
		become_nobody(); if (PTRACE(PTRACE_ATTACH, kid, 0, 0) != -1 ||
				     errno != EPERM) _exit(1);
		if (PTRACE(PTRACE_SEIZE, kid, 0, 0) != -1 || errno != EPERM)
			_exit(2););
	EXPECT_EXIT(0, tracer);
	kill_tracee(kid);
}

static pid_t undumpable_child(int fd)
{
	pid_t kid =
		CHILD(if (prctl(PR_SET_DUMPABLE, 0)) _exit(1);
		      if (write(fd, "x", 1) != 1) _exit(2); for (;;) pause());

	return kid;
}

TEST(ptrace, undumpable_processes_are_refused)
{
	pid_t kid, tracer;
	char byte, buf[8];
	struct iovec l = { buf, 8 }, r = { &g_variable, 8 };
	int fds[2];

	EXPECT_OK(pipe(fds));
	tracer = CHILD(if (getuid() == 0) become_nobody();
		       kid = undumpable_child(fds[1]);
		       if (read(fds[0], &byte, 1) != 1) _exit(9);
		       if (PTRACE(PTRACE_ATTACH, kid, 0, 0) != -1 ||
			   errno != EPERM) _exit(1);
		       if (process_vm_readv(kid, &l, 1, &r, 1, 0) != -1 ||
			   errno != EPERM) _exit(2);
		       kill(kid, SIGKILL););
	EXPECT_EXIT(0, tracer);
}

TEST(ptrace, a_process_that_changed_its_user_is_refused)
{
	pid_t tracer;

	if (getuid() != 0)
		SKIP("needs root");
	/* Same ids now, but the change of user made it undumpable. */
	tracer = CHILD(int fds[2]; char c; if (pipe(fds)) _exit(9);
		       pid_t kid = fork(); if (kid == 0) {
			       become_nobody();
			       if (write(fds[1], "x", 1) != 1)
				       _exit(1);
			       for (;;)
				       pause();
		       } if (read(fds[0], &c, 1) != 1) _exit(8);
		       become_nobody();
		       if (PTRACE(PTRACE_ATTACH, kid, 0, 0) != -1 ||
			   errno != EPERM) _exit(1);
		       kill(kid, SIGKILL););
	EXPECT_EXIT(0, tracer);
}

TEST(ptrace, traceme_needs_a_parent_with_the_rights)
{
	pid_t parent;

	if (getuid() != 0)
		SKIP("needs root");
	/* The parent drops its rights after the fork: it must not trace. */
	parent = CHILD(
		int fds[2], st; char c; if (pipe(fds)) _exit(9);
		pid_t kid = fork(); if (kid == 0) {
			if (read(fds[0], &c, 1) != 1)
				_exit(8);
			_exit(PTRACE(PTRACE_TRACEME, 0, 0, 0) == -1 &&
					      errno == EPERM
				      ? 0
				      : 1);
		} become_nobody();
		if (write(fds[1], "x", 1) != 1) _exit(7);
		if (waitpid(kid, &st, 0) != kid) _exit(6); _exit(st ? 1 : 0););
	EXPECT_EXIT(0, parent);
}

/* --- memory --------------------------------------------------------------- */

TEST(ptrace, peek_and_poke_memory)
{
	pid_t kid =
		TRACEE(_exit(g_variable == 42 && g_constant == 0x99 ? 0 : 1));
	long word = 0;

	EXPECT_OK(PTRACE(PTRACE_PEEKDATA, kid, &g_variable, &word));
	EXPECT_EQ(0x1122334455667788, word);
	EXPECT_OK(PTRACE(PTRACE_PEEKTEXT, kid, (char *)&g_variable + 1, &word));
	EXPECT_EQ(0x11223344556677, word & 0xffffffffffffff);
	EXPECT_OK(PTRACE(PTRACE_POKEDATA, kid, &g_variable, 42));
	/* Read-only memory is written, too. */
	EXPECT_OK(PTRACE(PTRACE_PEEKDATA, kid, &g_constant, &word));
	EXPECT_EQ(g_constant, (int)word);
	word = (word & ~0xffffffffl) | 0x99;
	EXPECT_OK(PTRACE(PTRACE_POKETEXT, kid, &g_constant, word));
	EXPECT_EQ(0x1234, g_constant);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(0, kid);
}

TEST(ptrace, peek_and_poke_errors)
{
	char *p = EXPECT_OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	pid_t kid;
	long word = 0;

	EXPECT_OK(munmap(p + 4096, 4096));
	kid = TRACEE(pause());
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_PEEKDATA, kid, 0, &word));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_PEEKDATA, kid, -8, &word));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_PEEKDATA, kid, 1ul << 47, &word));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_PEEKDATA, kid, p + 4092, &word));
	EXPECT_OK(PTRACE(PTRACE_PEEKDATA, kid, p + 4088, &word));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_PEEKDATA, kid, p, 8));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_POKEDATA, kid, 0, 1));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_POKEDATA, kid, p + 4092, 1));
	kill_tracee(kid);
}

TEST(ptrace, poke_into_protected_memory)
{
	long *none = EXPECT_OK(mmap(NULL, 4096, PROT_NONE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	const long *shared = EXPECT_OK(
		mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	pid_t kid = TRACEE(mprotect(none, 4096, PROT_READ);
			   _exit(none[1] == 77 ? 0 : 1));
	long word;

	EXPECT_OK(PTRACE(PTRACE_PEEKDATA, kid, none, &word));
	EXPECT_OK(PTRACE(PTRACE_POKEDATA, kid, none + 1, 77));
	/* A shared mapping that is not writable stays so. */
	EXPECT_OK(PTRACE(PTRACE_PEEKDATA, kid, shared, &word));
	EXPECT_ERRNO(EIO, PTRACE(PTRACE_POKEDATA, kid, shared, 1));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(0, kid);
}

TEST(ptrace, proc_mem_follows_the_same_check)
{
	pid_t kid = TRACEE(_exit(g_variable == 5 ? 0 : 1));
	char path[64];
	long v = 5, got = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", kid);
	fd = EXPECT_OK(open(path, O_RDWR));
	EXPECT_EQ(8, pread(fd, &got, 8, (long)&g_variable));
	EXPECT_EQ(0x1122334455667788, got);
	EXPECT_EQ(8, pwrite(fd, &v, 8, (long)&g_variable));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(0, kid);
}

/* --- options, messages ---------------------------------------------------- */

TEST(ptrace, setoptions_checks_its_bits)
{
	pid_t kid = TRACEE(pause());

	for (int i = 0; i < 8; i++)
		EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0, 1 << i));
	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_EXITKILL));
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_SETOPTIONS, kid, 0, 0x100));
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_SETOPTIONS, kid, 0, 1 << 22));
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_SETOPTIONS, kid, 0, 1ul << 32));
	EXPECT_ERRNO(EINVAL, PTRACE(PTRACE_SETOPTIONS, kid, 0, -1));
	EXPECT_OK(PTRACE(21 /* OLDSETOPTIONS */, kid, 0, 1));
	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 12345, 0));
	kill_tracee(kid);
}

TEST(ptrace, suspend_seccomp_needs_privilege)
{
	pid_t tracer = CHILD(int st; if (getuid() == 0) become_nobody();
			     pid_t kid = fork(); if (kid == 0) {
				     PTRACE(PTRACE_TRACEME, 0, 0, 0);
				     raise(SIGSTOP);
				     _exit(0);
			     } if (waitpid(kid, &st, 0) != kid) _exit(9);
			     if (PTRACE(PTRACE_SETOPTIONS, kid, 0,
					PTRACE_O_SUSPEND_SECCOMP) != -1 ||
				 errno != EPERM) _exit(1);
			     kill(kid, SIGKILL););

	EXPECT_EXIT(0, tracer);
}

TEST(ptrace, eventmsg_faults)
{
	pid_t kid = TRACEE(pause());

	EXPECT_EQ(0, get_message(kid));
	EXPECT_ERRNO(EFAULT, PTRACE(PTRACE_GETEVENTMSG, kid, 0, 8));
	kill_tracee(kid);
}

TEST(ptrace, rseq_configuration)
{
	pid_t kid = TRACEE(pause());
	char conf[32];

	memset(conf, 0x55, sizeof(conf));
	EXPECT_EQ(24, PTRACE(0x420f, kid, sizeof(conf), conf));
	EXPECT_EQ(0x55, conf[24]);
	EXPECT_EQ(24, PTRACE(0x420f, kid, 4, conf));
	EXPECT_ERRNO(EFAULT, PTRACE(0x420f, kid, 24, 8));
	kill_tracee(kid);
}

/* --- KILL ----------------------------------------------------------------- */

TEST(ptrace, kill_ends_running_and_stopped_tracees)
{
	pid_t kid = TRACEE(for (;;) pause());

	EXPECT_OK(PTRACE(PTRACE_KILL, kid, 0, 0));
	EXPECT_STATUS(SIGKILL, kid);
	kid = TRACEE(for (;;) pause());
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_OK(PTRACE(PTRACE_KILL, kid, 0, 0));
	EXPECT_STATUS(SIGKILL, kid);
}

TEST(ptrace, sigkill_ends_stopped_tracees)
{
	pid_t kid = TRACEE(for (;;) pause());
	siginfo_t si;
	long word;

	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_OK(waitid(P_PID, kid, &si, WEXITED | WNOWAIT));
	EXPECT_EQ(CLD_KILLED, si.si_code);
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_PEEKDATA, kid, &g_variable, &word));
	EXPECT_ERRNO(ESRCH, PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(SIGKILL, kid);
}

static _Atomic bool g_done;

static void *killer(void *arg)
{
	pid_t kid = *(pid_t *)arg;

	while (!g_done)
		kill(kid, SIGCONT);
	kill(kid, SIGKILL);
	return NULL;
}

TEST(ptrace, requests_race_with_signals_and_the_end)
{
	struct user_regs_struct r;
	pthread_t th;
	pid_t kid = TRACEE(for (;;) getppid());
	int st = 0, n = 0;

	EXPECT_EQ(0, pthread_create(&th, NULL, killer, &kid));
	do {
		if (WIFSTOPPED(st) && PTRACE(PTRACE_GETREGS, kid, 0, &r) == 0)
			PTRACE(PTRACE_SETREGS, kid, 0, &r);
		if (++n == 200)
			g_done = true;
		PTRACE(PTRACE_SYSCALL, kid, 0, 0);
		EXPECT_EQ(kid, waitpid(kid, &st, __WALL));
	} while (WIFSTOPPED(st));
	EXPECT_EQ(SIGKILL, st);
	EXPECT_EQ(0, pthread_join(th, NULL));
}

TEST_MAIN
