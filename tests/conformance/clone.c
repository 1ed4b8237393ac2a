/* SPDX-License-Identifier: Apache-2.0 */
/* clone(2), clone3(2), fork(2), vfork(2), unshare(2), set_tid_address(2). */
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

#define CLONE_ALL_THREAD                                                    \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | \
	 CLONE_SYSVSEM)

int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);

static char stack[128 << 10] __attribute__((aligned(16)));

/* Runs @fn on a stack of its own, as clone(2). */
static pid_t run(int (*fn)(void *), uint64_t flags, void *arg)
{
	return clone(fn, stack + sizeof(stack), (int)flags, arg, NULL, NULL,
		     NULL);
}

static long raw(uint64_t flags, void *ptid, void *ctid)
{
	return syscall(SYS_clone, flags, 0, ptid, ctid, 0);
}

static long clone3(struct clone_args *a, size_t size)
{
	return syscall(SYS_clone3, a, size);
}

/* --- refusals ------------------------------------------------------------- */

TEST(clone, flags_that_need_others)
{
	EXPECT_ERRNO(EINVAL, raw(CLONE_SIGHAND | SIGCHLD, NULL, NULL));
	EXPECT_ERRNO(EINVAL, raw(CLONE_THREAD | SIGCHLD, NULL, NULL));
	EXPECT_ERRNO(EINVAL, raw(CLONE_THREAD | CLONE_SIGHAND, NULL, NULL));
	EXPECT_ERRNO(EINVAL, raw(CLONE_FS | CLONE_NEWNS | SIGCHLD, NULL, NULL));
	EXPECT_ERRNO(EINVAL,
		     raw(CLONE_FS | CLONE_NEWUSER | SIGCHLD, NULL, NULL));
	EXPECT_ERRNO(EINVAL, raw(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD,
				 NULL, NULL));
	EXPECT_ERRNO(EINVAL,
		     raw(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, NULL, NULL));
}

TEST(clone, three_checks_its_struct)
{
	struct clone_args a = { .exit_signal = SIGCHLD };
	char big[200] = { 0 };

	EXPECT_ERRNO(EINVAL, clone3(&a, 0));
	EXPECT_ERRNO(EINVAL, clone3(&a, 63));
	EXPECT_ERRNO(E2BIG, clone3(&a, 5000));
	EXPECT_ERRNO(EFAULT, clone3((void *)8, 64));
	memcpy(big, &a, sizeof(a));
	big[sizeof(big) - 1] = 1;
	EXPECT_ERRNO(E2BIG, clone3((void *)big, sizeof(big)));
	big[sizeof(big) - 1] = 0;
	long kid = clone3((void *)big, sizeof(big));
	if (kid == 0)
		_exit(0);
	EXPECT_EXIT(0, (pid_t)kid);
}

TEST(clone, three_checks_its_values)
{
	struct clone_args a = { .exit_signal = 65 };

	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
	a.exit_signal = 0x1ff;
	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
	a.exit_signal = SIGCHLD;
	a.flags = 0x7f;
	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
	a.flags = CLONE_DETACHED;
	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
	a.flags = 1ull << 60;
	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
	a.flags = CLONE_ALL_THREAD;
	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
	a.flags = CLONE_PARENT;
	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
	a.flags = CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND;
	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
	a.flags = 0;
	a.stack = (uintptr_t)stack;
	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
	a.stack = 0;
	a.stack_size = 4096;
	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
	a.stack_size = 0;
	a.set_tid_size = 1;
	EXPECT_ERRNO(EINVAL, clone3(&a, sizeof(a)));
}

/* --- what is shared ------------------------------------------------------- */

static _Atomic int value;

static int set_value(void *arg)
{
	value = (int)(intptr_t)arg;
	return 3;
}

TEST(clone, vm_shares_memory_and_fork_does_not)
{
	pid_t kid = EXPECT_OK(run(set_value, CLONE_VM | SIGCHLD, (void *)5));

	EXPECT_EXIT(3, kid);
	EXPECT_EQ(5, value);
	kid = EXPECT_OK(run(set_value, SIGCHLD, (void *)6));
	EXPECT_EXIT(3, kid);
	EXPECT_EQ(5, value);
}

static int change_fs(void *arg)
{
	umask(0123);
	return arg == NULL && chdir("/tmp") ? 1 : 0;
}

TEST(clone, fs_shares_directory_and_umask)
{
	char cwd[100];

	EXPECT_OK(chdir("/"));
	umask(022);
	EXPECT_EXIT(0, EXPECT_OK(run(change_fs, SIGCHLD, NULL)));
	EXPECT_STR("/", getcwd(cwd, sizeof(cwd)));
	EXPECT_EQ(022, umask(022));
	EXPECT_EXIT(0, EXPECT_OK(run(change_fs, CLONE_FS | SIGCHLD, NULL)));
	EXPECT_STR("/tmp", getcwd(cwd, sizeof(cwd)));
	EXPECT_EQ(0123, umask(022));
}

static int use_files(void *arg)
{
	return dup2(*(int *)arg, 150) == 150 && !close(*(int *)arg) ? 0 : 1;
}

TEST(clone, files_shares_descriptors)
{
	int fd = EXPECT_OK(open("/dev/null", O_RDONLY));

	EXPECT_EXIT(0, EXPECT_OK(run(use_files, SIGCHLD, &fd)));
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_ERRNO(EBADF, fcntl(150, F_GETFD));
	EXPECT_EXIT(0, EXPECT_OK(run(use_files, CLONE_FILES | SIGCHLD, &fd)));
	EXPECT_ERRNO(EBADF, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, fcntl(150, F_GETFD));
}

static int ignore_usr1(void *arg)
{
	return signal(SIGUSR1, SIG_IGN) == SIG_ERR || arg ? 1 : 0;
}

TEST(clone, sighand_shares_handlers)
{
	struct sigaction sa;

	EXPECT_EXIT(0, EXPECT_OK(run(ignore_usr1, CLONE_VM | SIGCHLD, NULL)));
	EXPECT_OK(sigaction(SIGUSR1, NULL, &sa));
	EXPECT_TRUE(sa.sa_handler == SIG_DFL);
	EXPECT_EXIT(0,
		    EXPECT_OK(run(ignore_usr1,
				  CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL)));
	EXPECT_OK(sigaction(SIGUSR1, NULL, &sa));
	EXPECT_TRUE(sa.sa_handler == SIG_IGN);
}

static void on_signal(int sig)
{
	(void)sig;
}

TEST(clone, clear_sighand_resets_handlers_not_ignores)
{
	struct clone_args a = { .flags = CLONE_CLEAR_SIGHAND,
				.exit_signal = SIGCHLD };
	struct sigaction sa;

	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, SIG_IGN);
	long kid = EXPECT_OK(clone3(&a, sizeof(a)));
	if (kid == 0) {
		sigaction(SIGUSR1, NULL, &sa);
		int bad = sa.sa_handler != SIG_DFL;
		sigaction(SIGUSR2, NULL, &sa);
		_exit(bad || sa.sa_handler != SIG_IGN);
	}
	EXPECT_EXIT(0, (pid_t)kid);
}

TEST(clone, parent_makes_a_sibling)
{
	int p[2], st;
	pid_t sib;

	EXPECT_OK(pipe(p));
	pid_t kid = CHILD({
		pid_t self = getpid();
		long s = raw(CLONE_PARENT | SIGCHLD, NULL, NULL);
		if (s == 0)
			_exit(getppid() == self ? 1 : 21);
		if (write(p[1], &s, sizeof(sib)) < 0)
			_exit(1);
	});
	EXPECT_EXIT(0, kid);
	EXPECT_EQ(sizeof(sib), read(p[0], &sib, sizeof(sib)));
	EXPECT_EQ(sib, waitpid(sib, &st, 0));
	EXPECT_EQ(21, WEXITSTATUS(st));
}

/* --- ids and descriptors -------------------------------------------------- */

TEST(clone, ids_are_stored_before_anybody_runs)
{
	static _Atomic pid_t *ids;
	long kid;

	ids = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	kid = raw(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD,
		  (void *)&ids[0], (void *)&ids[1]);
	if (kid == 0)
		_exit(ids[0] == getpid() && ids[1] == getpid() ? 0 : 1);
	EXPECT_EQ(kid, ids[0]);
	EXPECT_EXIT(0, (pid_t)kid);
	/* A bad address is nobody's error. */
	kid = raw(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, (void *)8,
		  (void *)8);
	if (kid == 0)
		_exit(0);
	EXPECT_TRUE(kid > 0);
	EXPECT_EXIT(0, (pid_t)kid);
}

TEST(clone, pidfd_is_close_on_exec)
{
	int fd = -1;
	struct clone_args a = { .flags = CLONE_PIDFD,
				.pidfd = (uintptr_t)&fd,
				.exit_signal = SIGCHLD };
	long kid = EXPECT_OK(clone3(&a, sizeof(a)));

	if (kid == 0)
		_exit(fd == -1 ? 0 : 1);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EXIT(0, (pid_t)kid);
	a.pidfd = 8;
	EXPECT_ERRNO(EFAULT, clone3(&a, sizeof(a)));
	EXPECT_ERRNO(ECHILD, waitpid(-1, NULL, 0));
}

TEST(clone, three_takes_the_low_end_of_the_stack)
{
	struct clone_args a = { .flags = CLONE_VM | CLONE_VFORK,
				.exit_signal = SIGCHLD,
				.stack = (uintptr_t)stack,
				.stack_size = sizeof(stack) };
	register long rax __asm__("rax") = SYS_clone3;
	uintptr_t sp = 0;

	/* The child tells its stack pointer as status bits by storing it. */
	__asm__ volatile("syscall\n"
			 "test %%rax, %%rax\n"
			 "jnz 1f\n"
			 "mov %%rsp, (%3)\n"
			 "mov $60, %%eax\n"
			 "xor %%edi, %%edi\n"
			 "syscall\n"
			 "1:"
			 : "+r"(rax)
			 : "D"(&a), "S"(sizeof(a)), "r"(&sp)
			 : "rcx", "r11", "memory");
	long kid = rax;
	EXPECT_TRUE(kid > 0);
	EXPECT_EXIT(0, (pid_t)kid);
	EXPECT_EQ((uintptr_t)stack + sizeof(stack), sp);
}

TEST(clone, settls_sets_fs)
{
	static uint64_t tls[8];
	long kid;

	tls[0] = (uintptr_t)tls;
	tls[2] = 0x1234;
	kid = syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, tls);
	if (kid == 0) {
		uint64_t got;
		__asm__ volatile("mov %%fs:16, %0" : "=r"(got));
		__asm__ volatile("syscall"
				 :
				 : "a"(60), "D"(got == 0x1234 ? 0 : 1)
				 : "rcx", "r11", "memory");
	}
	EXPECT_TRUE(kid > 0);
	EXPECT_EXIT(0, (pid_t)kid);
	EXPECT_ERRNO(EPERM, syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0,
				    1ull << 63));
}

/* --- fork and vfork ------------------------------------------------------- */

TEST(clone, fork_copies_memory_both_ways)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int go[2], back[2];
	char c = 'x';

	memset(p, 1, 1 << 20);
	EXPECT_OK(pipe(go));
	EXPECT_OK(pipe(back));
	pid_t kid = CHILD({
		p[5000] = 2;
		if (write(back[1], &c, 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(1);
		_exit(p[5000] == 2 && p[9000] == 1 && p[0] == 1 ? 0 : 2);
	});
	EXPECT_EQ(1, read(back[0], &c, 1));
	EXPECT_EQ(1, p[5000]);
	p[9000] = 3;
	EXPECT_EQ(1, write(go[1], &c, 1));
	EXPECT_EXIT(0, kid);
	EXPECT_EQ(3, p[9000]);
}

TEST(clone, fork_does_not_inherit_what_is_pending)
{
	sigset_t m, got;
	struct itimerval it = { { 0, 0 }, { 15, 0 } };

	sigemptyset(&m);
	sigaddset(&m, SIGUSR1);
	sigprocmask(SIG_BLOCK, &m, NULL);
	raise(SIGUSR1);
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	pid_t kid = CHILD({
		struct itimerval now;
		sigpending(&got);
		getitimer(ITIMER_REAL, &now);
		_exit(sigismember(&got, SIGUSR1) || now.it_value.tv_sec ||
		      now.it_value.tv_usec);
	});
	EXPECT_EXIT(0, kid);
}

TEST(clone, fork_of_a_thread_leaves_one_thread)
{
	static _Atomic int status = -1;
	void *forker(void *arg)
	{
		int st = -1;
		pid_t kid = fork();
		if (kid == 0)
			_exit(getpid() == gettid() ? 0 : 1);
		waitpid(kid, &st, 0);
		status = st;
		return arg;
	}
	pthread_t t;

	pthread_create(&t, NULL, forker, NULL);
	pthread_join(t, NULL);
	EXPECT_EQ(0, status);
}

TEST(clone, vfork_waits_for_the_child)
{
	volatile int step = 0;
	pid_t kid = vfork();

	if (kid == 0) {
		struct timespec ts = { 0, 30000000 };
		step = 1;
		nanosleep(&ts, NULL);
		step = 2;
		_exit(0);
	}
	EXPECT_EQ(2, step);
	EXPECT_EXIT(0, kid);
}

TEST(clone, vfork_parent_can_be_killed)
{
	int p[2], st;
	char c;

	EXPECT_OK(pipe(p));
	pid_t kid = CHILD({
		if (vfork() == 0) {
			if (write(p[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
	});
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_EQ(kid, waitpid(kid, &st, 0));
	EXPECT_TRUE(WIFSIGNALED(st));
}

TEST(clone, limit_on_processes)
{
	struct rlimit rl = { 0, 0 };
	pid_t kid;

	if (getuid() != 0)
		SKIP("needs root");
	kid = CHILD({
		if (setrlimit(RLIMIT_NPROC, &rl) || setgid(54321) ||
		    setuid(54321))
			_exit(2);
		_exit(fork() == -1 && errno == EAGAIN ? 0 : 1);
	});
	EXPECT_EXIT(0, kid);
}

TEST(clone, unshare_separates)
{
	static _Atomic int bad;
	void *alone(void *arg)
	{
		bad |= unshare(CLONE_FS | CLONE_FILES) != 0;
		bad |= chdir("/tmp") != 0;
		close(*(int *)arg);
		return NULL;
	}
	int fd = EXPECT_OK(open("/dev/null", O_RDONLY));
	char cwd[100];
	pthread_t t;

	EXPECT_OK(chdir("/"));
	pthread_create(&t, NULL, alone, &fd);
	pthread_join(t, NULL);
	EXPECT_EQ(0, bad);
	EXPECT_STR("/", getcwd(cwd, sizeof(cwd)));
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_ERRNO(EINVAL, unshare(0x1));
	/* The thread may not be quite gone, and then its memory is shared. */
	pid_t kid = CHILD(_exit(unshare(CLONE_VM) || unshare(CLONE_THREAD) ||
				unshare(CLONE_SIGHAND)));
	EXPECT_EXIT(0, kid);
}

TEST(clone, a_tid_address_is_any_address)
{
	EXPECT_EQ(gettid(), syscall(SYS_set_tid_address, 8));
	EXPECT_EQ(gettid(), syscall(SYS_set_tid_address, NULL));
}

TEST_MAIN
