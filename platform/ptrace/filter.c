/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: the seccomp filter of the template and of every stub.
 *
 * Calls of the guest never come this far: SYSEMU stops them before seccomp.
 * The filter is for what gets past it: the vsyscall page, which the host
 * answers by itself unless a filter says TRAP (stop.c), and any thread that
 * might run untraced because of a bug of ours.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include <linux/filter.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "platform/ptrace/pt.h"
#include "platform/stub_filter.h"

/* The calls of stub.S, and those that orders are made of. */
static int add_rules(scmp_filter_ctx ctx)
{
	static const int plain[] = {
		SCMP_SYS(munmap),     SCMP_SYS(mprotect), SCMP_SYS(futex),
		SCMP_SYS(getppid),    SCMP_SYS(pause),	  SCMP_SYS(exit),
		SCMP_SYS(exit_group),
	};
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(plain) && ret == 0; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, plain[i], 0);
	if (ret == 0)
		ret = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
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
	return ret;
}

int stub_filter_new(struct sock_fprog *out)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int ret;

	if (!ctx)
		return -ENOMEM;
	ret = add_rules(ctx);
	if (ret == 0)
		ret = stub_filter_export(ctx, out);
	seccomp_release(ctx);
	return ret;
}
