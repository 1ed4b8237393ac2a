/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: the gofer's own filter, one reason per rule.
 *
 * Rules of one call are alternatives; arguments are numbered from 0.  There is
 * no call here that maps memory, makes a socket or a process, or runs a
 * program.  Paths cannot be checked by a filter; the root directory is empty
 * and the calls that take one are relative to descriptors of the exports.
 * Tests: tests/gofer/test_gofer.c kills itself with a forbidden call.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gofer/session.h"

#define EQ(arg, v)                     \
	{                              \
		arg, SCMP_CMP_EQ, v, 0 \
	}
#define MASKED(arg, m, v)                     \
	{                                     \
		arg, SCMP_CMP_MASKED_EQ, m, v \
	}

struct rule {
	int nr;
	unsigned int nr_args;
	struct scmp_arg_cmp args[2];
	const char *why;
};
#define ALWAYS(name, why)                         \
	{                                         \
		SCMP_SYS(name), 0, { { 0 } }, why \
	}
#define IF1(name, a, why)                     \
	{                                     \
		SCMP_SYS(name), 1, { a }, why \
	}
#define IF2(name, a, b, why)                     \
	{                                        \
		SCMP_SYS(name), 2, { a, b }, why \
	}

#define STAT_FLAGS   (AT_EMPTY_PATH | AT_NO_AUTOMOUNT)
#define CHILD_FLAGS  (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)
#define ACCESS_FLAGS (AT_EMPTY_PATH | AT_EACCESS)
#define SEND_FLAGS   (MSG_DONTWAIT | MSG_NOSIGNAL)

static const struct rule g_rules[] = {
	IF1(futex, EQ(1, FUTEX_WAIT), "sleep until the sentry rings"),
	IF1(futex, EQ(1, FUTEX_WAKE), "wake the owner of a slot"),
	IF1(openat2, EQ(3, sizeof(struct open_how)),
	    "one component, RESOLVE_*"),
	IF1(openat, EQ(0, FD_PROC), "open what an O_PATH descriptor holds"),
	IF1(sched_setaffinity, EQ(0, 0),
	    "to the CPU that the requests come from"),
	ALWAYS(close, "handles that the sentry released; donated files"),
	IF1(statx, EQ(2, STAT_FLAGS), "attributes of a handle"),
	IF1(statx, EQ(2, CHILD_FLAGS), "attributes of one name below one"),
	ALWAYS(fstatfs, "statfs; which file system a mount is of"),
	IF1(faccessat2, EQ(3, ACCESS_FLAGS), "what we may do with a file"),
	ALWAYS(readlinkat, "targets of symbolic links"),
	ALWAYS(getdents64, "entries of a directory"),
	IF1(lseek, EQ(2, SEEK_SET), "go on reading a directory at a cookie"),
	ALWAYS(fsync, "fsync of directories and files"),
	ALWAYS(fdatasync, "fdatasync of directories and files"),
	ALWAYS(getxattr, "extended attributes, through FD_PROC"),
	ALWAYS(listxattr, "extended attributes, through FD_PROC"),
	IF2(sendmsg, EQ(0, FD_SOCK), EQ(2, SEND_FLAGS), "donate a descriptor"),
	IF1(write, EQ(0, FD_LOG), "log lines"),
	IF2(poll, EQ(1, 1), EQ(2, 0), "SIGIO: has the sentry hung up?"),
	ALWAYS(rt_sigreturn, "end of the SIGIO handler"),
	ALWAYS(restart_syscall, "after SIGSTOP and SIGCONT"),
	ALWAYS(clock_gettime, "log lines, on hosts without a vDSO clock"),
	ALWAYS(exit_group, "end"),
};

/* Only if there is a writable export. */
static const struct rule g_write_rules[] = {
	ALWAYS(mkdirat, "mkdir"),
	IF1(mknodat, MASKED(2, S_IFMT, S_IFIFO), "mknod of FIFOs"),
	IF1(mknodat, MASKED(2, S_IFMT, S_IFSOCK), "mknod of sockets"),
	IF1(mknodat, MASKED(2, S_IFMT, S_IFREG), "mknod of files"),
	IF2(mknodat, MASKED(2, S_IFMT, S_IFCHR), EQ(3, 0), "whiteouts"),
	ALWAYS(symlinkat, "symlink"),
	IF2(linkat, EQ(0, FD_PROC), EQ(4, AT_SYMLINK_FOLLOW), "link"),
	IF1(unlinkat, MASKED(2, ~(uint64_t)AT_REMOVEDIR, 0), "unlink, rmdir"),
	IF1(renameat2, MASKED(4, ~3ull, 0), "rename"),
	IF1(fchownat, EQ(4, AT_EMPTY_PATH), "owner of a handle's file"),
	IF1(fchmodat, EQ(0, FD_PROC), "mode of a handle's file"),
	IF1(utimensat, EQ(3, AT_EMPTY_PATH), "times of a handle's file"),
	ALWAYS(ftruncate, "size of a file"),
	ALWAYS(setxattr, "extended attributes, through FD_PROC"),
	ALWAYS(removexattr, "extended attributes, through FD_PROC"),
};

/* Only if there is a shared export. */
static const struct rule g_watch_rules[] = {
	IF1(inotify_add_watch, EQ(0, FD_WATCH), "watch, through FD_PROC"),
	IF1(inotify_rm_watch, EQ(0, FD_WATCH), "unwatch"),
	IF1(read, EQ(0, FD_WATCH), "what changed on the host"),
};

#ifdef MOAT_SANITIZED
/* So that the sanitizer can map its tables and print what it found. */
static const struct rule g_debug_rules[] = {
	ALWAYS(mmap, "asan"),
	ALWAYS(munmap, "asan"),
	ALWAYS(write, "asan"),
	ALWAYS(readlink, "asan"),
	ALWAYS(getpid, "asan"),
	ALWAYS(gettid, "asan"),
	ALWAYS(madvise, "asan"),
	ALWAYS(sigaltstack, "asan"),
	ALWAYS(rt_sigaction, "asan"),
	ALWAYS(rt_sigprocmask, "asan"),
	ALWAYS(openat, "asan"),
	ALWAYS(read, "asan"),
	ALWAYS(pipe, "asan"),
	ALWAYS(pipe2, "asan"),
	ALWAYS(sched_yield, "asan"),
	ALWAYS(tgkill, "abort"),
	ALWAYS(newfstatat, "asan"),
	ALWAYS(lseek, "asan"),
	ALWAYS(futex, "its locks"),
	ALWAYS(brk, "malloc"),
	ALWAYS(mprotect, "malloc"),
	ALWAYS(mremap, "malloc"),
	ALWAYS(open, "asan"),
	ALWAYS(stat, "asan"),
	ALWAYS(access, "asan"),
	ALWAYS(fstat, "asan"),
	ALWAYS(close, "asan"),
	ALWAYS(prlimit64, "asan"),
	ALWAYS(sched_getaffinity, "size of the stack"),
};
#endif

static int add_rules(scmp_filter_ctx ctx, const struct rule *rules, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct rule *r = &rules[i];
		int ret = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, r->nr,
						 r->nr_args, r->args);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int gofer_seccomp_load(bool writable, bool watches)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret;

	if (!ctx)
		return -ENOMEM;
	ret = add_rules(ctx, g_rules, ARRAY_SIZE(g_rules));
	if (ret == 0 && writable)
		ret = add_rules(ctx, g_write_rules, ARRAY_SIZE(g_write_rules));
	if (ret == 0 && watches)
		ret = add_rules(ctx, g_watch_rules, ARRAY_SIZE(g_watch_rules));
#ifdef MOAT_SANITIZED
	if (ret == 0)
		ret = add_rules(ctx, g_debug_rules, ARRAY_SIZE(g_debug_rules));
#endif
	if (ret == 0)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret;
}
