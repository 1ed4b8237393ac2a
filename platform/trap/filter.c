/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: the seccomp filters of the stub processes.
 *
 * The first is inherited from the template by all; it bounds agents, which run
 * no guest code.  Runners add the second one before they first run guest code:
 * nothing but the two calls that stub.S makes for a runner, and these only
 * from the stub's own code.  All else raises SIGSYS: that is how calls of the
 * guest arrive.
 *
 * Tests: tests/unit/test_platform_trap.c, tests/hostile/stub.sh
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "platform/stub_filter.h"
#include "platform/trap/trap.h"

/* Calls without arguments worth a check: the agent makes what the sentry
 * orders (munmap, mprotect) or what stub.S says. */
static int add_plain(scmp_filter_ctx ctx)
{
	static const int plain[] = {
		SCMP_SYS(munmap),	  SCMP_SYS(mprotect),
		SCMP_SYS(futex),	  SCMP_SYS(getppid),
		SCMP_SYS(exit),		  SCMP_SYS(exit_group),
		SCMP_SYS(rt_sigprocmask), SCMP_SYS(sigaltstack),
		SCMP_SYS(write),
	};
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(plain) && ret == 0; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, plain[i], 0);
	return ret;
}

static int add_rules(scmp_filter_ctx ctx)
{
	int ret = add_plain(ctx);

	if (ret == 0)
		ret = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
			SCMP_A2(SCMP_CMP_LE, 7, 0),
			SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_FIXED, MAP_FIXED));
	if (ret == 0)
		ret = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_EQ, STUB_CLONE_THREAD, 0));
	if (ret == 0)
		ret = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_EQ, STUB_CLONE_PROCESS, 0));
	if (ret == 0)
		ret = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 2,
			SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG, 0),
			SCMP_A1(SCMP_CMP_EQ, SIGKILL, 0));
	if (ret == 0)
		ret = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(close_range), 1,
			SCMP_A2(SCMP_CMP_EQ, STUB_CLOSE_UNSHARE, 0));
	if (ret == 0)
		ret = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(seccomp), 1,
			SCMP_A0(SCMP_CMP_EQ, SECCOMP_SET_MODE_FILTER, 0));
	return ret;
}

int trap_filter_new(struct sock_fprog *out)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int ret;

	if (!ctx)
		return -ENOMEM;
	/* Calls of other ABIs are the guest's too. */
	ret = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRAP);
	if (ret == 0)
		ret = add_rules(ctx);
	if (ret == 0)
		ret = stub_filter_export(ctx, out);
	seccomp_release(ctx);
	return ret;
}

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_HIGH(field)                   \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
		 offsetof(struct seccomp_data, field) + 4)
#define UNLESS(op, value, skip) \
	BPF_JUMP(BPF_JMP | BPF_##op | BPF_K, value, 0, skip)
#define WHEN(op, value, skip) \
	BPF_JUMP(BPF_JMP | BPF_##op | BPF_K, value, skip, 0)
#define END(action) BPF_STMT(BPF_RET | BPF_K, action)

unsigned int trap_filter_runner(struct sock_filter *out, uint64_t code)
{
	const uint32_t low = (uint32_t)code, high = (uint32_t)(code >> 32);
	const struct sock_filter f[] = {
		/* Not by a 64-bit call of the stub's code: the guest. */
		LOAD(arch),
		UNLESS(JEQ, AUDIT_ARCH_X86_64, 13),
		LOAD_HIGH(instruction_pointer),
		UNLESS(JEQ, high, 11),
		LOAD(instruction_pointer),
		UNLESS(JGE, low, 9),
		WHEN(JGE, low + STUB_CODE_SIZE, 8),
		LOAD(nr),
		WHEN(JEQ, SYS_exit, 5),
		UNLESS(JEQ, SYS_futex, 5),
		LOAD_HIGH(args[1]),
		UNLESS(JEQ, 0, 3),
		LOAD(args[1]),
		UNLESS(JEQ, FUTEX_WAIT, 2),
		END(SECCOMP_RET_ALLOW),
		END(SECCOMP_RET_TRAP),
		UNLESS(JEQ, FUTEX_WAKE, 1),
		END(SECCOMP_RET_ALLOW),
		END(SECCOMP_RET_TRAP),
	};

	static_assert(ARRAY_SIZE(f) <= STUB_FILTER_MAX, "stub.S");
	/* The range does not wrap in its low half: a region is below 4 GiB
	 * and begins at a multiple of its slots' size. */
	__builtin_memcpy(out, f, sizeof(f));
	return ARRAY_SIZE(f);
}
