/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template_child: turns a fork of the sentry into the template.
 *
 * Runs in the child between clone() and the jump into the stub region, with a
 * copy of the sentry's memory: raw host calls only, nothing of libc that
 * locks.  What it sets up (signal mask, filter, dumpable, no capability) every
 * stub inherits.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>

#include "platform/ptrace/pt.h"

/* Kernel's struct sigaction: handler, flags, restorer, mask. */
struct kernel_sigaction {
	uint64_t handler, flags, restorer, mask;
};

static NORETURN void fail(const struct template_args *args, long err)
{
	atomic_store(&args->cmd->result, (int32_t)err);
	atomic_store(&args->cmd->turn, STUB_TURN_FAILED);
	raw_futex_wake(&args->cmd->turn, 1, false);
	for (;;)
		raw_call(SYS_exit_group, 1, 0, 0, 0);
}

/*
 * Defaults for all; blocked is what a terminal or the user may send to the
 * process group, since an untraced stub would die of it.
 */
static void reset_signals(void)
{
	static const int open[] = { SIGSEGV, SIGBUS, SIGFPE,	    SIGILL,
				    SIGTRAP, SIGSYS, PT_KICK_SIGNAL };
	struct kernel_sigaction act = { 0 };
	uint64_t mask = ~0ull;

	for (int sig = 1; sig <= 64; sig++)
		raw_call(SYS_rt_sigaction, (uint64_t)sig,
			 (uint64_t)(uintptr_t)&act, 0, 8);
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		mask &= ~(1ull << (open[i] - 1));
	raw_call(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */,
		 (uint64_t)(uintptr_t)&mask, 0, 8);
}

/* The kernel would write to the sentry's rseq area, which is about to go. */
static void drop_rseq(void)
{
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	for (uint64_t size = 32; size <= 1024; size += 32)
		if (raw_call(SYS_rseq, (uint64_t)(uintptr_t)area, size,
			     1 /* UNREGISTER */, RSEQ_SIG) == 0)
			return;
}

/* A stub may have nothing that a sentry without capabilities has not, or it
 * could not be traced. */
static long drop_rights(const struct template_args *args)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { 0 };
	long ret;

	ret = raw_call(SYS_capset, (uint64_t)(uintptr_t)&head,
		       (uint64_t)(uintptr_t)none, 0, 0);
	if (ret == 0)
		ret = raw_call6(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	if (ret == 0)
		ret = raw_call(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0);
	if (ret == 0)
		ret = raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	/* The sentry may have died before that. */
	if (ret == 0 &&
	    raw_call(SYS_getppid, 0, 0, 0, 0) != (long)args->cmd->parent)
		ret = -ESRCH;
	return ret;
}

static long map_at(uint64_t addr, int prot, int flags, int fd)
{
	long ret = raw_call6(SYS_mmap, addr, STUB_PAGE, (uint64_t)prot,
			     (uint64_t)(flags | MAP_FIXED), (uint64_t)fd, 0);

	return ret < 0 && ret > -4096 ? ret : 0;
}

static long map_region(const struct template_args *args)
{
	long ret = map_at(args->base, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (ret < 0)
		return ret;
	memcpy((void *)(uintptr_t)args->base, stub_begin,
	       (size_t)(stub_end - stub_begin));
	ret = raw_call(SYS_mprotect, args->base, STUB_PAGE,
		       PROT_READ | PROT_EXEC, 0);
	if (ret < 0)
		return ret;
	return map_at(args->base + STUB_CMD_OFFSET, PROT_READ | PROT_WRITE,
		      MAP_SHARED, args->orders_fd);
}

NORETURN void template_child(const struct template_args *args)
{
	uint64_t above = args->base + STUB_REGION_SIZE;
	void (*enter)(uint64_t, uint64_t, uint64_t, uint64_t);
	long ret;

	reset_signals();
	drop_rseq();
	ret = drop_rights(args);
	if (ret == 0)
		ret = map_region(args);
	if (ret == 0)
		ret = raw_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
			       (uint64_t)(uintptr_t)args->filter, 0);
	if (ret < 0)
		fail(args, ret);
	enter = (void (*)(uint64_t, uint64_t, uint64_t, uint64_t))(
		uintptr_t)(args->base + (uint64_t)(stub_template - stub_begin));
	enter(args->base + STUB_CMD_OFFSET, args->base, above,
	      PT_TASK_TOP - above);
	__builtin_unreachable();
}
