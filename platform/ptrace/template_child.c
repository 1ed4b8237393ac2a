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
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>

#include "platform/ptrace/pt.h"
#include "platform/stub_child.h"

static NORETURN void fail(const struct template_args *args, long err)
{
	atomic_store(&args->cmd->result, (int32_t)err);
	atomic_store(&args->cmd->turn, STUB_TURN_FAILED);
	raw_futex_wake(&args->cmd->turn, 1, false);
	for (;;)
		raw_call(SYS_exit_group, 1, 0, 0, 0);
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

	stub_child_signals(stub_child_mask(PT_KICK_SIGNAL), 0, 0);
	stub_child_drop_rseq();
	ret = stub_child_drop_rights(args->cmd->parent);
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
