/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub_child: see the header.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/stub_child.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/rseq.h>

#include "platform/raw.h"

/* Kernel's struct sigaction: handler, flags, restorer, mask. */
struct kernel_sigaction {
	uint64_t handler, flags, restorer, mask;
};

#define KERNEL_SA_RESTORER 0x04000000u

/*
 * Blocked is what a terminal or the user may send to the process group, since
 * a stub would die of it.
 */
uint64_t stub_child_mask(int kick)
{
	const int open[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
			     SIGTRAP, SIGSYS, kick };
	uint64_t mask = ~0ull;

	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		mask &= ~(1ull << (open[i] - 1));
	return mask;
}

void stub_child_signals(uint64_t mask, uint64_t handler, uint64_t restorer)
{
	const struct kernel_sigaction none = { 0 };
	const struct kernel_sigaction ours = {
		.handler = handler,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER |
			 KERNEL_SA_RESTORER,
		.restorer = restorer,
	};

	for (int sig = 1; sig <= 64; sig++) {
		bool open = !(mask >> (sig - 1) & 1);

		raw_call(SYS_rt_sigaction, (uint64_t)sig,
			 (uint64_t)(uintptr_t)(open && handler ? &ours : &none),
			 0, 8);
	}
	raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (uint64_t)(uintptr_t)&mask, 0,
		 8);
}

void stub_child_drop_rseq(void)
{
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	for (uint64_t size = 32; size <= 1024; size += 32)
		if (raw_call(SYS_rseq, (uint64_t)(uintptr_t)area, size,
			     1 /* UNREGISTER */, RSEQ_SIG) == 0)
			return;
}

long stub_child_drop_rights(uint32_t parent)
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
	if (ret == 0 && raw_call(SYS_getppid, 0, 0, 0, 0) != (long)parent)
		ret = -ESRCH;
	return ret;
}
