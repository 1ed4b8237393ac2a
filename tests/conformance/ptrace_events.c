/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): events of fork, clone, execve, exit; the end of either side. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/harness/ptrace_test.h"

#ifndef __WCLONE
#define __WCLONE 0x80000000
#endif
#define ALL_EVENTS                                                        \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT)

static pid_t tracee_with(pid_t kid, long options)
{
	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0, options));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	return kid;
}

static void go_on(pid_t pid)
{
	EXPECT_OK(PTRACE(PTRACE_CONT, pid, 0, 0));
}

static void wait_child_exits(int code)
{
	int st;

	if (wait(&st) < 0 || !WIFEXITED(st) || WEXITSTATUS(st) != code)
		_exit(95);
}

static void exec_true(void)
{
	execl("/bin/true", "true", NULL);
	_exit(94);
}

/* --- new tasks ------------------------------------------------------------ */

TEST(ptrace_events, fork)
{
	pid_t kid = tracee_with(
		TRACEE(if (fork() == 0) _exit(4); wait_child_exits(4)),
		PTRACE_O_TRACEFORK);
	siginfo_t si;
	pid_t grandchild;

	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_FORK), kid);
	si = get_siginfo(kid);
	EXPECT_EQ(SIGTRAP | PTRACE_EVENT_FORK << 8, si.si_code);
	grandchild = get_message(kid);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), grandchild);
	EXPECT_EQ(getpid(), status_field(grandchild, "TracerPid"));
	si = get_siginfo(grandchild);
	EXPECT_EQ(SIGSTOP, si.si_signo);
	EXPECT_EQ(SI_USER, si.si_code);
	EXPECT_EQ(0, get_regs(grandchild).rax);
	go_on(grandchild);
	go_on(kid);
	EXPECT_STATUS(4 << 8, grandchild);
	EXPECT_STATUS(STOP_STATUS(SIGCHLD), kid);
	go_on(kid);
	EXPECT_STATUS(0, kid);
}

TEST(ptrace_events, fork_without_the_option_is_not_followed)
{
	pid_t kid = tracee_with(
		TRACEE(if (fork() == 0) _exit(4); wait_child_exits(4)),
		PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK);

	EXPECT_STATUS(STOP_STATUS(SIGCHLD), kid);
	go_on(kid);
	EXPECT_STATUS(0, kid);
}

TEST(ptrace_events, vfork_and_its_end)
{
	pid_t kid = tracee_with(
		TRACEE(if (vfork() == 0) _exit(4); wait_child_exits(4)),
		PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
	pid_t grandchild;

	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_VFORK), kid);
	grandchild = get_message(kid);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), grandchild);
	go_on(kid);
	go_on(grandchild);
	EXPECT_STATUS(4 << 8, grandchild);
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_VFORK_DONE), kid);
	EXPECT_EQ(grandchild, get_message(kid));
	go_on(kid);
	EXPECT_STATUS(STOP_STATUS(SIGCHLD), kid);
	kill_tracee(kid);
}

static void *exit_thread(void *arg)
{
	return arg;
}

static void run_thread(void)
{
	pthread_t th;

	if (pthread_create(&th, NULL, exit_thread, NULL) ||
	    pthread_join(th, NULL))
		_exit(1);
}

TEST(ptrace_events, threads)
{
	pid_t kid = tracee_with(TRACEE(run_thread()), PTRACE_O_TRACECLONE);
	pid_t thread;

	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_CLONE), kid);
	thread = get_message(kid);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), thread);
	go_on(kid);
	go_on(thread);
	EXPECT_STATUS(0, thread);
	EXPECT_STATUS(0, kid);
}

TEST(ptrace_events, seized_children_trap)
{
	pid_t kid = CHILD(raise(SIGSTOP); if (fork() == 0) _exit(4);
			  wait_child_exits(4));
	pid_t grandchild;
	int st;

	EXPECT_EQ(kid, waitpid(kid, &st, WUNTRACED));
	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, PTRACE_O_TRACEFORK));
	EXPECT_STATUS(STOP_STATUS(SIGSTOP) | PTRACE_EVENT_STOP << 16, kid);
	EXPECT_OK(kill(kid, SIGCONT));
	go_on(kid);
	/* The trap of the change, and SIGCONT itself. */
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), kid);
	go_on(kid);
	EXPECT_STATUS(STOP_STATUS(SIGCONT), kid);
	go_on(kid);
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_FORK), kid);
	grandchild = get_message(kid);
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_STOP), grandchild);
	go_on(grandchild);
	EXPECT_STATUS(4 << 8, grandchild);
	kill_tracee(kid);
}

static pid_t raw_clone(unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
}

TEST(ptrace_events, clone_untraced_hides)
{
	pid_t kid = tracee_with(
		TRACEE(if (raw_clone(CLONE_UNTRACED | SIGCHLD) == 0) _exit(4);
		       wait_child_exits(4)),
		ALL_EVENTS & ~PTRACE_O_TRACEEXIT);

	EXPECT_STATUS(STOP_STATUS(SIGCHLD), kid);
	go_on(kid);
	EXPECT_STATUS(0, kid);
}

TEST(ptrace_events, clone_ptrace_traces_without_an_event)
{
	pid_t kid = tracee_with(
		TRACEE(if (raw_clone(CLONE_PTRACE | SIGCHLD) == 0) _exit(4);
		       wait_child_exits(4)),
		0);
	int st;
	pid_t grandchild = EXPECT_OK(waitpid(-1, &st, __WALL));

	EXPECT_TRUE(grandchild != kid);
	EXPECT_EQ(STOP_STATUS(SIGSTOP), st);
	go_on(grandchild);
	EXPECT_STATUS(4 << 8, grandchild);
	EXPECT_STATUS(STOP_STATUS(SIGCHLD), kid);
	kill_tracee(kid);
}

TEST(ptrace_events, clone_ptrace_of_an_untraced_task)
{
	pid_t kid = raw_clone(CLONE_PTRACE | SIGCHLD);

	if (kid == 0)
		_exit(status_field(getpid(), "TracerPid") == 0 ? 3 : 4);
	EXPECT_EXIT(3, kid);
}

TEST(ptrace_events, another_exit_signal_is_a_clone_event)
{
	pid_t kid = tracee_with(
		TRACEE(if (raw_clone(SIGUSR1) == 0) _exit(4); pause()),
		PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE);
	pid_t grandchild;

	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_CLONE), kid);
	grandchild = get_message(kid);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), grandchild);
	go_on(kid);
	go_on(grandchild);
	EXPECT_STATUS(4 << 8, grandchild);
	EXPECT_STATUS(STOP_STATUS(SIGUSR1), kid);
	kill_tracee(kid);
}

TEST(ptrace_events, options_are_inherited)
{
	pid_t kid = tracee_with(TRACEE(if (fork() == 0) {
					if (fork() == 0)
						_exit(5);
					wait_child_exits(5);
					_exit(4);
				} wait_child_exits(4)),
				PTRACE_O_TRACEFORK);
	pid_t second, third;

	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_FORK), kid);
	second = get_message(kid);
	go_on(kid);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), second);
	go_on(second);
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_FORK), second);
	third = get_message(second);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), third);
	go_on(third);
	EXPECT_STATUS(5 << 8, third);
	kill_tracee(second);
	kill_tracee(kid);
}

static void pid_namespace(void)
{
	pid_t kid, grandchild;

	kid = tracee_with(TRACEE(if (fork() == 0) _exit(4); wait_child_exits(4);
				 exec_true()),
			  PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXEC);
	EXPECT_EQ(2, kid);
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_FORK), kid);
	grandchild = get_message(kid);
	EXPECT_EQ(3, grandchild);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), grandchild);
	go_on(kid);
	go_on(grandchild);
	EXPECT_STATUS(4 << 8, grandchild);
	EXPECT_STATUS(STOP_STATUS(SIGCHLD), kid);
	go_on(kid);
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_EXEC), kid);
	EXPECT_EQ(kid, get_message(kid));
	EXPECT_EQ(kid, get_siginfo(kid).si_pid);
	go_on(kid);
	EXPECT_STATUS(0, kid);
}

TEST(ptrace_events, numbers_are_those_of_the_tracers_namespace)
{
	pid_t init;

	if (getuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWPID) < 0)
		SKIP("no PID namespaces");
	init = CHILD(pid_namespace());
	EXPECT_EXIT(0, init);
}

/* --- execve --------------------------------------------------------------- */

TEST(ptrace_events, exec)
{
	pid_t kid = tracee_with(TRACEE(exec_true()), PTRACE_O_TRACEEXEC);

	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_EXEC), kid);
	EXPECT_EQ(kid, get_message(kid));
	EXPECT_EQ(SYS_execve, get_regs(kid).orig_rax);
	EXPECT_EQ(SIGTRAP | PTRACE_EVENT_EXEC << 8, get_siginfo(kid).si_code);
	go_on(kid);
	EXPECT_STATUS(0, kid);
}

TEST(ptrace_events, exec_without_the_option_sends_sigtrap)
{
	pid_t kid = tracee_with(TRACEE(exec_true()), 0);
	siginfo_t si;

	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	si = get_siginfo(kid);
	EXPECT_EQ(SI_USER, si.si_code);
	EXPECT_EQ(kid, si.si_pid);
	go_on(kid);
	EXPECT_STATUS(0, kid);
}

TEST(ptrace_events, exec_of_a_seized_task_is_silent)
{
	int fds[2];
	pid_t kid;

	EXPECT_OK(pipe(fds));
	kid = CHILD(char c; if (read(fds[0], &c, 1) == 1) exec_true());
	EXPECT_OK(PTRACE(PTRACE_SEIZE, kid, 0, 0));
	EXPECT_EQ(1, write(fds[1], "x", 1));
	EXPECT_STATUS(0, kid);
}

/* Runs a setuid-root `id -u` as nobody, traced by nobody or not at all. */
static int setuid_id(bool traced)
{
	char text[16] = "";
	int fds[2], st;
	pid_t tracer;

	EXPECT_OK(pipe(fds));
	tracer = CHILD(if (setresgid(65534, 65534, 65534) ||
			   setresuid(65534, 65534, 65534)) _exit(1);
		       pid_t kid = fork(); if (kid == 0) {
			       dup2(fds[1], 1);
			       if (traced)
				       PTRACE(PTRACE_TRACEME, 0, 0, 0);
			       execl("./suid-id", "id", "-u", NULL);
			       _exit(2);
		       } while (waitpid(kid, &st, 0) == kid && WIFSTOPPED(st))
			       PTRACE(PTRACE_CONT, kid, 0, 0);
		       _exit(st ? 3 : 0););
	EXPECT_EXIT(0, tracer);
	EXPECT_OK(read(fds[0], text, sizeof(text) - 1));
	return atoi(text);
}

TEST(ptrace_events, a_tracer_without_rights_stops_setuid)
{
	if (getuid() != 0)
		SKIP("needs root");
	if (system("cp /usr/bin/id suid-id && chmod 4755 suid-id"))
		SKIP("no id to copy");
	if (setuid_id(false) != 0)
		SKIP("no setuid programs here");
	EXPECT_EQ(65534, setuid_id(true));
}

TEST(ptrace_events, failed_exec_is_silent)
{
	pid_t kid = tracee_with(TRACEE(execl("/none", "none", NULL)),
				PTRACE_O_TRACEEXEC);

	EXPECT_STATUS(0, kid);
}

TEST(ptrace_events, exec_between_syscall_stops)
{
	pid_t kid = TRACEE(exec_true());
	struct user_regs_struct r;

	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0,
			 PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD));
	do {
		EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
		EXPECT_STATUS(STOP_STATUS(SIGTRAP | 0x80), kid);
	} while (get_regs(kid).orig_rax != SYS_execve);
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_EXEC), kid);
	EXPECT_OK(PTRACE(PTRACE_SYSCALL, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP | 0x80), kid);
	r = get_regs(kid);
	EXPECT_EQ(SYS_execve, r.orig_rax);
	EXPECT_EQ(0, r.rax);
	EXPECT_EQ(0, r.rbx);
	kill_tracee(kid);
}

static void *exec_thread(void *arg)
{
	(void)arg;
	exec_true();
	return NULL;
}

static void exec_from_a_thread(void)
{
	pthread_t th;

	pthread_create(&th, NULL, exec_thread, NULL);
	for (;;)
		pause();
}

TEST(ptrace_events, exec_by_a_thread_takes_the_leaders_id)
{
	pid_t kid = tracee_with(TRACEE(exec_from_a_thread()),
				PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
	pid_t thread;
	int st;

	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_CLONE), kid);
	thread = get_message(kid);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), thread);
	go_on(kid);
	go_on(thread);
	/* The leader dies without a word; its id now means the thread. */
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_EXEC), kid);
	EXPECT_EQ(thread, get_message(kid));
	EXPECT_ERRNO(ECHILD, waitpid(thread, &st, __WALL));
	go_on(kid);
	EXPECT_STATUS(0, kid);
}

TEST(ptrace_events, exec_waits_until_dead_threads_are_reaped)
{
	_Atomic int *tid = shared_int();
	int fds[2], st;
	pid_t kid;
	char c;

	EXPECT_OK(pipe(fds));
	kid = CHILD(pthread_t th;
		    pthread_create(&th, NULL, pausing_thread, (void *)tid);
		    if (read(fds[0], &c, 1) != 1) _exit(1); exec_true());
	EXPECT_SOON(*tid);
	EXPECT_OK(PTRACE(PTRACE_SEIZE, *tid, 0, 0));
	EXPECT_EQ(1, write(fds[1], "x", 1));
	/* The thread dies and waits for its tracer; so does execve. */
	EXPECT_SOON(status_field(*tid, "State") == 'Z');
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG));
	EXPECT_STATUS(0, *tid);
	EXPECT_EXIT(0, kid);
}

/* --- exit ----------------------------------------------------------------- */

TEST(ptrace_events, exit_stops_before_the_end)
{
	pid_t kid = tracee_with(TRACEE(_exit(0x12)), PTRACE_O_TRACEEXIT);
	long word = 0;

	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_EXIT), kid);
	EXPECT_EQ(0x1200, get_message(kid));
	/* Registers and memory are still there. */
	EXPECT_EQ(SYS_exit_group, get_regs(kid).orig_rax);
	EXPECT_OK(PTRACE(PTRACE_PEEKDATA, kid, &fork, &word));
	go_on(kid);
	EXPECT_STATUS(0x1200, kid);
}

TEST(ptrace_events, exit_by_a_signal)
{
	pid_t kid = tracee_with(TRACEE(raise(SIGTERM)), PTRACE_O_TRACEEXIT);

	EXPECT_STATUS(STOP_STATUS(SIGTERM), kid);
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, SIGTERM));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_EXIT), kid);
	EXPECT_EQ(SIGTERM, get_message(kid));
	go_on(kid);
	EXPECT_STATUS(SIGTERM, kid);
}

TEST(ptrace_events, sigkill_stops_at_exit_too)
{
	pid_t kid = tracee_with(TRACEE(for (;;) pause()), PTRACE_O_TRACEEXIT);
	int st;

	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_EXIT), kid);
	EXPECT_EQ(SIGKILL, get_message(kid));
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG));
	EXPECT_EQ('t', status_field(kid, "State"));
	go_on(kid);
	EXPECT_STATUS(SIGKILL, kid);
}

TEST(ptrace_events, sigkill_ends_the_exit_stop_of_one_thread)
{
	_Atomic int *tid = shared_int();
	pid_t kid =
		CHILD(pthread_t th;
		      pthread_create(&th, NULL, pausing_thread, (void *)tid);
		      syscall(SYS_exit, 3));

	EXPECT_SOON(*tid);
	EXPECT_SOON(status_field(kid, "State") == 'Z');
	EXPECT_OK(PTRACE(PTRACE_SEIZE, *tid, 0, 0));
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_STATUS(SIGKILL, *tid);
	EXPECT_STATUS(SIGKILL, kid);
}

TEST(ptrace_events, a_dead_leader_is_told_of_after_its_threads)
{
	_Atomic int *tid = shared_int();
	pid_t kid = tracee_with(
		TRACEE(pthread_t th;
		       pthread_create(&th, NULL, pausing_thread, (void *)tid);
		       syscall(SYS_exit, 3)),
		PTRACE_O_TRACECLONE);
	int st;
	pid_t thread;

	EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_CLONE), kid);
	thread = get_message(kid);
	EXPECT_STATUS(STOP_STATUS(SIGSTOP), thread);
	go_on(kid);
	EXPECT_SOON(status_field(kid, "State") == 'Z');
	EXPECT_EQ(0, waitpid(kid, &st, WNOHANG | __WALL));
	go_on(thread);
	EXPECT_OK(syscall(SYS_tgkill, kid, thread, SIGTERM));
	EXPECT_STATUS(STOP_STATUS(SIGTERM), thread);
	EXPECT_OK(PTRACE(PTRACE_CONT, thread, 0, SIGTERM));
	EXPECT_STATUS(SIGTERM, thread);
	EXPECT_STATUS(SIGTERM, kid);
}

/* --- seccomp -------------------------------------------------------------- */

static int install_trace_filter(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 0x77),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, f };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

TEST(ptrace_events, seccomp_trace)
{
	pid_t kid = TRACEE(if (install_trace_filter()) _exit(1);
			   if (syscall(SYS_getppid) != getppid()) _exit(2);
			   if (syscall(SYS_getppid) != 4711) _exit(3););
	struct user_regs_struct r;

	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESECCOMP));
	go_on(kid);
	for (int i = 0; i < 3; i++) {
		EXPECT_STATUS(EVENT_STATUS(PTRACE_EVENT_SECCOMP), kid);
		EXPECT_EQ(0x77, get_message(kid));
		r = get_regs(kid);
		EXPECT_EQ(SYS_getppid, r.orig_rax);
		EXPECT_EQ(-ENOSYS, (long)r.rax);
		if (i == 2) {
			r.orig_rax = -1;
			r.rax = 4711;
			EXPECT_OK(PTRACE(PTRACE_SETREGS, kid, 0, &r));
		}
		go_on(kid);
	}
	EXPECT_EXIT(0, kid);
}

TEST(ptrace_events, seccomp_trace_without_a_tracer)
{
	pid_t kid = CHILD(if (install_trace_filter()) _exit(1);
			  if (syscall(SYS_getppid) != -1 || errno != ENOSYS)
				  _exit(2););

	EXPECT_EXIT(0, kid);
}

TEST(ptrace_events, suspend_seccomp)
{
	pid_t kid;

	if (getuid() != 0)
		SKIP("needs root");
	kid = TRACEE(if (install_trace_filter()) _exit(1);
		     _exit(syscall(SYS_getppid) > 0 ? 0 : 2));
	EXPECT_OK(PTRACE(PTRACE_SETOPTIONS, kid, 0,
			 PTRACE_O_SUSPEND_SECCOMP | PTRACE_O_TRACESECCOMP));
	go_on(kid);
	EXPECT_EXIT(0, kid);
}

TEST_MAIN
