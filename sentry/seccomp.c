/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: the sentry's own filter, one reason per rule.
 *
 * Rules of one call are alternatives; arguments are numbered from 0.  Nothing
 * here opens a path, makes a socket, or maps executable memory.
 * Tests: tests/hostile/filters.sh makes each process try a forbidden call;
 *        tests/hostile/host_calls.sh compares a traced run with this list.
 */
#include "sentry/seccomp.h"

#include "platform.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sentry/host/host.h"

#define MAX_ARGS 3
#ifndef __NR_cachestat /* older headers */
#define __NR_cachestat HOST_NR_CACHESTAT
#endif

struct rule {
	int nr;
	unsigned int nr_args;
	struct scmp_arg_cmp args[MAX_ARGS];
	const char *why;
};

/* A table of data: one line a row. */
/* clang-format off */
#define EQ(arg, v)		{ arg, SCMP_CMP_EQ, v, 0 }
#define MASKED(arg, mask, v)	{ arg, SCMP_CMP_MASKED_EQ, mask, v }
#define ANY(name, why)		{ SCMP_SYS(name), 0, { { 0 } }, why }
#define IF(name, a, why)	{ SCMP_SYS(name), 1, { a }, why }
#define IF2(name, a, b, why)	{ SCMP_SYS(name), 2, { a, b }, why }
#define IF3(name, a, b, c, why) { SCMP_SYS(name), 3, { a, b, c }, why }
/* clang-format on */

/* pthread_create()'s clone, to the bit: a thread, nothing else. */
#define THREAD_FLAGS                                                        \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | \
	 CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |               \
	 CLONE_CHILD_CLEARTID)

static const struct rule rules[] = {
	/* Files: descriptors that the launcher or the gofer handed over. */
	ANY(read, "stdio and terminals of the caller"),
	ANY(readv, "the same, into pinned guest memory"),
	ANY(write, "stdio, log, crash report"),
	ANY(writev, "stdio from pinned guest memory"),
	ANY(pread64, "donated regular files"),
	ANY(preadv, "donated regular files"),
	ANY(preadv2, "donated regular files, RWF_NOWAIT probes"),
	ANY(pwrite64, "donated regular files"),
	ANY(pwritev, "donated regular files"),
	ANY(pwritev2, "donated regular files with RWF flags"),
	ANY(fstat, "size and identity of donated files"),
	IF(newfstatat, EQ(3, AT_EMPTY_PATH), "fstat() of the C library"),
	ANY(lseek, "stdio offsets, SEEK_DATA and SEEK_HOLE"),
	ANY(cachestat, "how much guest memory is there"),
	ANY(ftruncate, "donated writable files"),
	ANY(fallocate, "donated files; holes in the memory file"),
	ANY(syncfs, "syncfs and sync: the file system of a donated file"),
	ANY(fsync, "donated files"),
	ANY(fdatasync, "donated files"),
	ANY(close, "descriptors that are done with"),
	IF(fcntl, EQ(1, F_GETFL), "access mode of stdio"),
	IF(fcntl, EQ(1, F_SETFL), "O_APPEND, O_DIRECT of donated files"),
	ANY(poll, "is a host descriptor ready?"),

	/* The caller's terminal; no TIOCSTI, nothing that names a process. */
	IF(ioctl, EQ(1, TCGETS), "terminal settings"),
	IF(ioctl, EQ(1, TCSETS), "terminal settings"),
	IF(ioctl, EQ(1, TCSETSW), "terminal settings"),
	IF(ioctl, EQ(1, TCSETSF), "terminal settings"),
	IF(ioctl, EQ(1, TIOCGWINSZ), "terminal size"),
	IF(ioctl, EQ(1, TIOCSWINSZ), "terminal size"),
	IF(ioctl, EQ(1, TCFLSH), "terminal queues"),
	IF(ioctl, EQ(1, TCXONC), "terminal flow"),
	IF(ioctl, EQ(1, TCSBRK), "terminal drain and break"),
	IF(ioctl, EQ(1, TCSBRKP), "terminal drain and break"),
	IF(ioctl, EQ(1, FIONREAD), "bytes that wait in a pipe or terminal"),
	IF(ioctl, EQ(1, TIOCOUTQ), "bytes on their way to the terminal"),

	/* Readiness, the launcher, the gofer. */
	IF(epoll_create1, EQ(0, O_CLOEXEC), "the watch thread"),
	ANY(epoll_ctl, "the watch thread"),
	ANY(epoll_wait, "the watch thread"),
	ANY(epoll_pwait, "the watch thread"),
	IF2(sendto, EQ(3, MSG_NOSIGNAL), EQ(4, 0), "words to the launcher"),
	IF2(recvfrom, EQ(3, MSG_DONTWAIT), EQ(4, 0), "words of the launcher"),
	ANY(recvmsg, "descriptors that the gofer donates"),

	/* Memory: never executable. */
	IF(mmap, MASKED(2, PROT_EXEC, 0), "windows on files, malloc, stacks"),
	ANY(munmap, "the same"),
	IF(mprotect, MASKED(2, PROT_EXEC, 0), "malloc arenas, stack guards"),
	IF(mremap, EQ(3, MREMAP_MAYMOVE), "realloc of large blocks"),
	IF(madvise, EQ(2, MADV_DONTNEED), "malloc and stacks give back"),
	ANY(brk, "malloc"),
	ANY(mincore, "residency of application memory; unwinding"),

	/* Threads and locks. */
	IF(clone, EQ(0, THREAD_FLAGS), "a thread per guest thread"),
	ANY(set_robust_list, "new threads (C library)"),
	ANY(rseq, "new threads (C library)"),
	ANY(exit, "threads end"),
	ANY(exit_group, "the sandbox ends"),
	ANY(rt_sigprocmask, "new threads (C library)"),
	ANY(rt_sigreturn, "after a handled fault of guest memory"),
	ANY(rt_sigaction, "abort() resets its handler"),
	ANY(sigaltstack, "new threads: stack of the fault handler"),
	IF(prctl, EQ(0, PR_SET_NAME), "thread names"),
	ANY(gettid, "own thread id"),
	ANY(getpid, "own process id (abort, raise)"),
	ANY(futex, "locks, sleeping tasks, the gofer's slots"),
	ANY(sched_yield, "spinning on a lock that is about to be free"),
	ANY(sched_getaffinity, "CPUs that may be used"),
	ANY(sched_setaffinity, "a task and its stub share a CPU"),
	ANY(restart_syscall, "after a stop signal of the host"),

	/* Clocks and chance. */
	ANY(clock_gettime, "CPU clocks; hosts without a vDSO clock"),
	ANY(clock_nanosleep, "timer thread"),
	ANY(getrandom, "getrandom(2) and /dev/urandom of the guest"),
	ANY(getcpu, "hosts without a vDSO"),

	/* Stubs: children of the sentry in its own PID namespace. */
	IF(ptrace, EQ(0, PTRACE_SYSEMU), "run guest code"),
	IF(ptrace, EQ(0, PTRACE_SYSEMU_SINGLESTEP), "one instruction of it"),
	IF(ptrace, EQ(0, PTRACE_CONT), "run stub code"),
	IF(ptrace, EQ(0, PTRACE_GETREGS), "registers"),
	IF(ptrace, EQ(0, PTRACE_SETREGS), "registers"),
	IF(ptrace, EQ(0, PTRACE_GETREGSET), "FPU state"),
	IF(ptrace, EQ(0, PTRACE_SETREGSET), "FPU state"),
	IF(ptrace, EQ(0, PTRACE_GETSIGINFO), "which fault"),
	IF(ptrace, EQ(0, PTRACE_PEEKDATA), "what instruction trapped"),
	IF(ptrace, EQ(0, PTRACE_SEIZE), "take over a new stub thread"),
	IF(ptrace, EQ(0, PTRACE_INTERRUPT), "stop it"),
	IF(ptrace, EQ(0, PTRACE_SETOPTIONS), "its options"),
	IF(ptrace, EQ(0, PTRACE_DETACH), "let it end"),
	IF(eventfd2, EQ(1, O_CLOEXEC | O_NONBLOCK), "answers of an agent"),
	ANY(wait4, "stops and ends of stubs"),
	ANY(waitid, "stops and ends of stubs"),
	ANY(tgkill, "interrupt a stub thread; abort; crash reports"),
	ANY(kill, "end a stub process; the namespace holds only stubs"),
};

#ifdef MOAT_SANITIZED
/* More than the sentry itself may do, for the sanitizers' runtimes. */
static const struct rule sanitizer_rules[] = {
	IF(madvise, EQ(2, MADV_DONTDUMP), "shadow memory"),
	IF(madvise, EQ(2, MADV_NOHUGEPAGE), "shadow memory"),
	IF(madvise, EQ(2, MADV_HUGEPAGE), "shadow memory"),
	IF(madvise, EQ(2, MADV_FREE), "allocator gives back"),
	ANY(prlimit64, "how large is the main thread's stack?"),
	ANY(nanosleep, "background thread of ThreadSanitizer"),
	ANY(gettimeofday, "the same"),
	ANY(pipe, "probes whether memory is readable"),
	ANY(pipe2, "the same"),
	ANY(newfstatat, "looks for symbols in the empty root"),
};
/* A report looks for symbols and maps; it does without what it cannot open. */
static const int sanitizer_absent[] = {
	SCMP_SYS(open),	      SCMP_SYS(openat), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(stat),	SCMP_SYS(access),
};
#endif

/* Debug builds die by SIGSYS too, but with a backtrace of who asked. */
#ifdef MOAT_DEBUG
#define REFUSAL SCMP_ACT_TRAP
#else
#define REFUSAL SCMP_ACT_KILL_PROCESS
#endif

static int allow(scmp_filter_ctx ctx, const struct rule *list, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct rule *r = &list[i];
		int ret = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, r->nr,
						 r->nr_args, r->args);

		if (ret < 0)
			return ret;
	}
	return 0;
}

#ifdef MOAT_SANITIZED
static int add_sanitizer_rules(scmp_filter_ctx ctx)
{
	int ret = allow(ctx, sanitizer_rules,
			sizeof(sanitizer_rules) / sizeof(sanitizer_rules[0]));

	for (size_t i = 0;
	     ret == 0 &&
	     i < sizeof(sanitizer_absent) / sizeof(sanitizer_absent[0]);
	     i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOENT),
				       sanitizer_absent[i], 0);
	return ret;
}
#endif

/* Only where guest code runs in a virtual machine. */
static const struct rule machine_rules[] = {
	IF(madvise, EQ(2, MADV_POPULATE_READ), "pages before they are missed"),
	IF(madvise, EQ(2, MADV_POPULATE_WRITE), "pages before they are missed"),
};

static int add_ioctls(scmp_filter_ctx ctx, const struct platform_ioctl *list,
		      size_t nr)
{
	int ret = 0;

	if (nr > 0)
		ret = allow(ctx, machine_rules,
			    sizeof(machine_rules) / sizeof(machine_rules[0]));
	for (size_t i = 0; ret == 0 && i < nr; i++) {
		const struct rule r =
			IF2(ioctl, MASKED(0, list[i].fd_mask, list[i].fd_value),
			    EQ(1, list[i].request), list[i].why);

		ret = allow(ctx, &r, 1);
	}
	return ret;
}

static int add_rules(scmp_filter_ctx ctx)
{
	int ret = allow(ctx, rules, sizeof(rules) / sizeof(rules[0]));

#ifdef MOAT_SANITIZED
	if (ret == 0)
		ret = add_sanitizer_rules(ctx);
#endif
	if (ret < 0)
		return ret;
	/* Its flags are in memory: the C library falls back to clone. */
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3),
				0);
}

int sentry_seccomp_load(const struct platform_ioctl *ioctls, size_t nr)
{
	scmp_filter_ctx ctx = seccomp_init(REFUSAL);
	int ret;

	if (!ctx)
		return -ENOMEM;
	ret = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (ret == 0)
		ret = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (ret == 0)
		ret = add_rules(ctx);
	if (ret == 0)
		ret = add_ioctls(ctx, ioctls, nr);
	if (ret == 0)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret;
}
