/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template_child: turns a fork of the sentry into the template.
 *
 * Runs in the child between clone() and the jump into the stub region, with a
 * copy of the sentry's memory: raw host calls only, nothing of libc that
 * locks.  What it sets up (signal mask, handlers, filter, no capability) every
 * stub inherits.
 *
 * Tests: tests/unit/test_platform_trap.c
 */
#include <asm/ldt.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>

#include "platform/stub_child.h"
#include "platform/trap/trap.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static NORETURN void fail(const struct template_args *args, long err)
{
	atomic_store(&args->cmd->result, (int32_t)err);
	atomic_store(&args->cmd->turn, STUB_TURN_FAILED);
	raw_futex_wake(&args->cmd->turn, 1, false);
	for (;;)
		raw_call(SYS_exit_group, 1, 0, 0, 0);
}

static long map_at(uint64_t addr, size_t size, int flags, int fd)
{
	long ret = raw_call6(SYS_mmap, addr, size, PROT_READ | PROT_WRITE,
			     (uint64_t)(flags | MAP_FIXED), (uint64_t)fd, 0);

	return ret < 0 && ret > -4096 ? ret : 0;
}

/* Address of a label of stub.S in the region. */
static void *at(const struct template_args *args, const char *label)
{
	return (void *)(uintptr_t)(args->base +
				   (uint64_t)(label - stub_trap_begin));
}

/*
 * Selectors for runners to tell each other apart by; every stub inherits the
 * table.  Returns 8 times their number, 0 if the host has no modify_ldt().
 */
static uint64_t make_ldt(void)
{
	struct user_desc d = { .seg_32bit = 1, .useable = 1 };

	/* The last one first: the table grows once. */
	for (unsigned int i = STUB_LDT_SLOTS; i-- > 0;) {
		d.entry_number = i;
		if (raw_call(SYS_modify_ldt, 0x11 /* write */,
			     (uint64_t)(uintptr_t)&d, sizeof(d), 0) != 0)
			return 0;
	}
	return 8 * STUB_LDT_SLOTS;
}

static void fill_constants(const struct template_args *args)
{
	struct sock_filter *filter = at(args, stub_trap_filter);
	struct sock_fprog prog = { .filter = filter };
	uint64_t ldt = make_ldt();

	memcpy((void *)(uintptr_t)args->base, stub_trap_begin,
	       (uintptr_t)stub_trap_end - (uintptr_t)stub_trap_begin);
	prog.len = (unsigned short)trap_filter_runner(filter, args->base);
	memcpy(at(args, stub_trap_fprog), &prog, sizeof(prog));
	memcpy(at(args, stub_trap_ldt), &ldt, sizeof(ldt));
	memcpy(at(args, stub_trap_base), &args->base, sizeof(args->base));
	memcpy(at(args, stub_trap_xmask), &args->xmask, sizeof(args->xmask));
}

static long map_region(const struct template_args *args)
{
	long ret = map_at(args->base, STUB_CODE_SIZE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (ret < 0)
		return ret;
	fill_constants(args);
	ret = raw_call(SYS_mprotect, args->base, STUB_CODE_SIZE,
		       PROT_READ | PROT_EXEC, 0);
	if (ret < 0)
		return ret;
	/* Older kernels cannot; then the filters alone keep it in place. */
	raw_call(SYS_mseal, args->base, STUB_CODE_SIZE, 0, 0);
	return map_at(args->base + STUB_CMD_OFFSET, STUB_PAGE, MAP_SHARED,
		      args->file_fd);
}

NORETURN void trap_template_child(const struct template_args *args)
{
	const uint64_t above = args->base + STUB_REGION_SIZE;
	void (*enter)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
	long ret;

	stub_child_drop_rseq();
	ret = stub_child_drop_rights(args->cmd->parent);
	if (ret == 0)
		ret = map_region(args);
	if (ret < 0)
		fail(args, ret);
	stub_child_signals(stub_child_mask(STUB_KICK_SIGNAL),
			   (uint64_t)(uintptr_t)at(args, stub_trap_signal),
			   (uint64_t)(uintptr_t)at(args, stub_trap_restorer));
	ret = raw_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
		       (uint64_t)(uintptr_t)args->filter, 0);
	if (ret < 0)
		fail(args, ret);
	enter = (void (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t))(
		uintptr_t)at(args, stub_trap_template);
	enter(args->base + STUB_CMD_OFFSET, args->base, above,
	      TRAP_TASK_TOP - above, args->base + STUB_ORDERS_OFFSET);
	__builtin_unreachable();
}
