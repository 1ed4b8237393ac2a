/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash: the report of a sentry that cannot go on.
 *
 * The first thread that fails reports; later ones wait for the end.  PID 1 of
 * the sandbox's namespace dying takes every stub with it.
 * Tests: tests/hostile/crash.sh
 */
#include "sentry/crash.h"

#include <stdatomic.h>

#include "sentry/host/host.h"
#include "sentry/host/host_crash.h"
#include "sentry/host/host_memory.h"
#include "sentry/host/host_threads.h"
#include "sentry/kernel/boot.h"
#include "sentry/syscalls/strace.h"
#include "syscalls.h"

static _Atomic uint32_t reporter; /* host thread id */

static const char *name_of(int nr)
{
	return nr < SYSCALL_TABLE_SIZE ? g_syscalls[nr].name : NULL;
}

static void print_task(struct task *t, void *arg)
{
	int nr = t->syscall_nr;
	const char *call = nr < 0 ? "guest code" : name_of(nr);
	const char *wchan = t->wchan;

	(void)arg;
	host_crash_print("  task %u (%.15s): %s%s%s", t->tid, t->comm,
			 call ? call : "unknown call",
			 wchan ? ", sleeps on " : "", wchan ? wchan : "");
}

NORETURN void crash_report(int signo, void *ucontext)
{
	uint32_t me = host_gettid(), nobody = 0;

	if (!atomic_compare_exchange_strong(&reporter, &nobody, me)) {
		/* A fault while reporting ends it; another thread waits. */
		if (nobody == me)
			host_crash_die(signo);
		for (;;)
			host_futex_wait(&reporter, nobody, UINT64_MAX);
	}
	host_crash_print("moat: the sentry has crashed: signal %d in thread "
			 "%u",
			 signo, me);
	host_crash_backtrace(ucontext);
	host_crash_backtrace_others();
	host_crash_print("tasks:");
	kernel_foreach_task(print_task, NULL);
	host_crash_die(signo);
}

static void on_fatal(int signo, void *ucontext)
{
	crash_report(signo, ucontext);
}

static void on_memory_fault(int signo, siginfo_t *info, void *ucontext)
{
	if (info->si_code > 0)
		host_crash_print("moat: bad access at %p (code %d)",
				 info->si_addr, info->si_code);
	crash_report(signo, ucontext);
}

void crash_setup(void)
{
	host_crash_hook = on_memory_fault;
	host_crash_map_symbols();
	host_crash_install(on_fatal);
	host_threads_enter();
}
