/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_fault: what happens when the sentry itself touches memory that is not
 * there.
 *
 * Guest memory is only touched by the functions of safe_copy.h, whose
 * instructions are in a table with their way on; everything else is a bug and
 * ends the sentry with a report.
 *
 * Locks: none; runs in signal handlers.
 * Tests: tests/unit/test_safe_copy.c
 */
#include <errno.h>
#include <stdatomic.h>
#include <ucontext.h>

#include "sentry/host/host_memory.h"
#include "sentry/mm/safe_copy.h"

void (*host_crash_hook)(int signo, siginfo_t *info, void *ucontext);

/* Set by the first crash: a crash of the report goes straight to the end. */
static atomic_flag g_crashing = ATOMIC_FLAG_INIT;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uint64_t pc = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];

	/* A signal that somebody sent (si_code <= 0) is no fault. */
	if (info->si_code > 0 && safe_copy_fixup(&pc)) {
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
		return;
	}
	if (host_crash_hook && !atomic_flag_test_and_set(&g_crashing))
		host_crash_hook(signo, info, context);
	/* The instruction faults again, with nobody to catch it now. */
	signal(signo, SIG_DFL);
	if (info->si_code <= 0)
		raise(signo);
}

int host_fault_start(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags =
					SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGSEGV, &sa, NULL) < 0 ||
	    sigaction(SIGBUS, &sa, NULL) < 0)
		return -errno;
	return 0;
}
