/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seccomp: the filters of the sentry and of a stub, from inside: each
 * call is made by a child of its own that has closed the filter first.
 *
 * A refused call ends the process by SIGSYS; one that the filter lets through
 * is asked with arguments that do no harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/ptrace/pt.h"
#include "sentry/seccomp.h"

#define AREA 0x10000000ul

struct attempt {
	const char *name;
	long nr;
	uint64_t args[6];
};

/* clang-format off */
#define CALL(name, ...) { #name, SYS_##name, { __VA_ARGS__ } }
/* clang-format on */

static void close_sentry(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    sentry_seccomp_load(NULL, 0) < 0)
		_exit(2);
}

static void close_stub(void)
{
	struct sock_fprog prog;

	if (stub_filter_new(&prog) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		_exit(2);
}

/* The wait status of a child that does it behind the filter. */
static int end_of(void (*close_filter)(void), const struct attempt *a)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		const uint64_t *v = a->args;

		signal(SIGSYS, SIG_DFL); /* cmocka catches it */
		close_filter();
		syscall(a->nr, v[0], v[1], v[2], v[3], v[4], v[5]);
		syscall(SYS_exit_group, 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void all_refused(void (*close_filter)(void), const struct attempt *a,
			size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		int status = end_of(close_filter, &a[i]);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s (%#lx %#lx %#lx): status %#x", a[i].name,
				 a[i].args[0], a[i].args[1], a[i].args[2],
				 status);
	}
}

static void all_allowed(void (*close_filter)(void), const struct attempt *a,
			size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		int status = end_of(close_filter, &a[i]);

		if (status)
			fail_msg("%s: status %#x", a[i].name, status);
	}
}

#define PATH ((uint64_t)(uintptr_t) "/dev/null")

static const struct attempt never_sentry[] = {
#ifndef MOAT_SANITIZED /* its runtime may ask; the answer is no */
	CALL(open, 0),
	CALL(openat, (uint64_t)AT_FDCWD),
	CALL(stat, 0),
	CALL(access, 0),
	CALL(newfstatat, (uint64_t)AT_FDCWD, 0, 0, 0),
	CALL(readlink, 0),
	CALL(pipe2, 0),
	CALL(prlimit64, 0),
#endif
	CALL(openat2, (uint64_t)AT_FDCWD),
	CALL(open_by_handle_at, 0),
	CALL(creat, 0),
	CALL(lstat, 0),
	CALL(statx, (uint64_t)AT_FDCWD),
	CALL(getdents64, 0),
	CALL(unlink, 0),
	CALL(rename, 0),
	CALL(link, 0),
	CALL(symlink, 0),
	CALL(mkdir, 0),
	CALL(mknod, 0),
	CALL(chmod, 0),
	CALL(chown, 0),
	CALL(chdir, 0),
	CALL(chroot, 0),
	CALL(mount, 0),
	CALL(umount2, 0),
	CALL(pivot_root, 0),
	CALL(move_mount, 0),
	CALL(open_tree, 0),
	CALL(fsopen, 0),
	CALL(execve, 0),
	CALL(execveat, 0),
	CALL(fork, 0),
	CALL(vfork, 0),
	CALL(socket, AF_INET),
	CALL(socketpair, AF_UNIX),
	CALL(connect, 0),
	CALL(bind, 0),
	CALL(listen, 0),
	CALL(accept4, 0),
	CALL(sendmsg, 0),
	CALL(setuid, 0),
	CALL(setgid, 0),
	CALL(setgroups, 0),
	CALL(setns, 0),
	CALL(unshare, 0),
	CALL(capset, 0),
	CALL(setsid, 0),
	CALL(bpf, 0),
	CALL(perf_event_open, 0),
	CALL(userfaultfd, 0),
	CALL(io_uring_setup, 0),
	CALL(init_module, 0),
	CALL(finit_module, 0),
	CALL(kexec_load, 0),
	CALL(keyctl, 0),
	CALL(add_key, 0),
	CALL(process_vm_readv, 0),
	CALL(process_vm_writev, 0),
	CALL(pidfd_open, 0),
	CALL(pidfd_getfd, 0),
	CALL(memfd_create, 0),
	CALL(memfd_secret, 0),
	CALL(personality, 0),
	CALL(seccomp, 0),
	CALL(setrlimit, 0),
	CALL(uname, 0),
	CALL(reboot, 0),
	CALL(settimeofday, 0),
	CALL(quotactl, 0),
	CALL(swapon, 0),
	CALL(syslog, 0),
	CALL(shmget, 0),
	CALL(modify_ldt, 0),
	CALL(arch_prctl, 0),
};

static void test_sentry_refuses(void **state)
{
	(void)state;
	all_refused(close_sentry, never_sentry, ARRAY_SIZE(never_sentry));
}

static void test_sentry_checks_arguments(void **state)
{
	static const struct attempt bad[] = {
		CALL(mmap, 0, PAGE_SIZE, PROT_READ | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS, ~0ul),
		CALL(mmap, 0, PAGE_SIZE, PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS, ~0ul),
		CALL(mprotect, AREA, PAGE_SIZE, PROT_EXEC),
		CALL(pkey_mprotect, AREA, PAGE_SIZE, PROT_EXEC),
		CALL(clone, SIGCHLD),
		CALL(clone, CLONE_VM | CLONE_VFORK | SIGCHLD),
		CALL(clone, CLONE_NEWUSER | SIGCHLD),
		CALL(ptrace, PTRACE_TRACEME),
		CALL(ptrace, PTRACE_ATTACH, 1),
		CALL(ptrace, PTRACE_POKETEXT, 1),
		CALL(ptrace, PTRACE_POKEDATA, 1),
		CALL(ptrace, PTRACE_PEEKUSER, 1),
		CALL(ptrace, PTRACE_SYSCALL, 1),
		CALL(ptrace, PTRACE_KILL, 1),
		CALL(prctl, PR_SET_DUMPABLE, 1),
		CALL(prctl, PR_SET_SECCOMP, 2),
		CALL(prctl, PR_CAPBSET_DROP, 1),
		CALL(ioctl, 0, TIOCSTI, PATH),
		CALL(ioctl, 0, TIOCSPGRP, 0),
		CALL(ioctl, 0, TIOCSCTTY, 0),
		CALL(ioctl, 0, TIOCLINUX, 0),
		CALL(ioctl, 0, FIONBIO, 0),
		CALL(fcntl, 0, F_DUPFD, 0),
		CALL(fcntl, 0, F_SETOWN, 1),
		CALL(fcntl, 0, F_SETLK, 0),
		CALL(madvise, AREA, PAGE_SIZE, MADV_HWPOISON),
		CALL(mremap, AREA, PAGE_SIZE, PAGE_SIZE,
		     MREMAP_FIXED | MREMAP_MAYMOVE, AREA),
		/* A destination would be a way to any socket. */
		CALL(sendto, 0, 0, 0, MSG_NOSIGNAL, 1, 0),
		CALL(sendto, 0, 0, 0, MSG_OOB, 0, 0),
	};

	(void)state;
	all_refused(close_sentry, bad, ARRAY_SIZE(bad));
}

static void test_sentry_allows(void **state)
{
	static const struct attempt good[] = {
		CALL(gettid, 0),
		CALL(mmap, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, ~0ul),
		CALL(mprotect, AREA, PAGE_SIZE, PROT_READ),
		CALL(newfstatat, 0, PATH, 0, AT_EMPTY_PATH),
		CALL(ioctl, 0, TCGETS, 0),
		CALL(ptrace, PTRACE_CONT, 1),
		CALL(sendto, ~0ul, 0, 0, MSG_NOSIGNAL, 0, 0),
		/* Answered ENOSYS, so that the C library takes clone. */
		CALL(clone3, 0),
	};

	(void)state;
	all_allowed(close_sentry, good, ARRAY_SIZE(good));
}

static void test_stub_refuses(void **state)
{
	static const struct attempt never[] = {
		CALL(open, PATH),
		CALL(openat, (uint64_t)AT_FDCWD, PATH),
		CALL(read, 0),
		CALL(write, 1),
		CALL(close, 0),
		CALL(execve, PATH),
		CALL(fork, 0),
		CALL(clone, SIGCHLD),
		CALL(clone, CLONE_NEWUSER),
		CALL(socket, AF_INET),
		CALL(connect, 0),
		CALL(ptrace, PTRACE_ATTACH, 1),
		CALL(ptrace, PTRACE_TRACEME),
		CALL(kill, 1, SIGKILL),
		CALL(tgkill, 1, 1, SIGKILL),
		CALL(process_vm_writev, 1),
		CALL(prctl, PR_SET_DUMPABLE, 0),
		CALL(prctl, PR_SET_PDEATHSIG, 0),
		CALL(prctl, PR_SET_NAME, PATH),
		CALL(mmap, 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		     ~0ul),
		CALL(mremap, AREA, PAGE_SIZE),
		CALL(ioctl, 0, TIOCSTI, PATH),
		CALL(rt_sigaction, 0),
		CALL(sendmsg, 0),
		CALL(recvmsg, 0),
		CALL(gettid, 0),
		CALL(arch_prctl, 0),
		CALL(setns, 0),
		CALL(unshare, 0),
		CALL(mount, 0),
		CALL(bpf, 0),
	};

	(void)state;
	all_refused(close_stub, never, ARRAY_SIZE(never));
}

static void test_stub_allows(void **state)
{
	static const struct attempt good[] = {
		CALL(mmap, AREA, PAGE_SIZE, PROT_READ,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0ul),
		CALL(munmap, AREA, PAGE_SIZE),
		CALL(prctl, PR_SET_PDEATHSIG, SIGKILL),
		CALL(getppid, 0),
	};

	(void)state;
	all_allowed(close_stub, good, ARRAY_SIZE(good));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentry_refuses),
		cmocka_unit_test(test_sentry_checks_arguments),
		cmocka_unit_test(test_sentry_allows),
		cmocka_unit_test(test_stub_refuses),
		cmocka_unit_test(test_stub_allows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
