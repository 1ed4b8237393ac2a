/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch: from a system-call number to its typed handler.
 *
 * Fast path: a bounds check that also holds under speculation, one branch for
 * strace, one indirect call.
 * Invariant: numbers of the x32 ABI (bit 30) are outside the table.
 * Locks:     none; the set of numbers that were logged is atomic.
 * Tests:     tests/unit/test_syscall_table.c
 */
#include "sentry/syscalls/dispatch.h"

#include <errno.h>
#include <stdatomic.h>

#include "sentry/kernel/task.h"
#include "sentry/lib/log.h"
#include "sentry/syscalls/strace.h"
#include "syscalls.h"

/* One bit a number, and one at the end for all that are outside the table. */
static _Atomic uint64_t g_logged[SYSCALL_TABLE_SIZE / 64 + 1];

static bool first_time(uint32_t nr)
{
	uint64_t bit = 1ull << nr % 64;

	return !(atomic_fetch_or(&g_logged[nr / 64], bit) & bit);
}

long syscall_unknown(struct task *t, const uint64_t a[6])
{
	uint32_t nr = (uint32_t)t->syscall_nr;
	const char *name = "?";

	if (nr < SYSCALL_TABLE_SIZE && g_syscalls[nr].name)
		name = g_syscalls[nr].name;
	if (first_time(MIN(nr, SYSCALL_TABLE_SIZE)))
		log_info("system call %u (%s) is not there: ENOSYS; "
			 "%#lx %#lx %#lx %#lx",
			 nr, name, a[0], a[1], a[2], a[3]);
	return -ENOSYS;
}

static long dispatch_traced(struct task *t, uint32_t nr, const uint64_t a[6])
{
	struct strace_call call;
	long ret;

	strace_enter(&call, t, nr, a);
	ret = nr < SYSCALL_TABLE_SIZE ? g_syscall_thunks[nr](t, a)
				      : syscall_unknown(t, a);
	strace_exit(&call, t, ret);
	return ret;
}

/* @nr if it is below @size, else 0, without a branch to mispredict. */
static inline uint32_t clamp_nospec(uint32_t nr, uint32_t size)
{
	uint64_t mask = (uint64_t)((int64_t)((uint64_t)nr - size) >> 63);

	__asm__("" : "+r"(mask)); /* keeps the compiler from seeing through */
	return nr & (uint32_t)mask;
}

long syscall_dispatch(struct task *t, int nr, const uint64_t args[6])
{
	uint32_t at = (uint32_t)nr;

	if (unlikely(g_strace_enabled))
		return dispatch_traced(t, at, args);
	if (unlikely(at >= SYSCALL_TABLE_SIZE))
		return syscall_unknown(t, args);
	return g_syscall_thunks[clamp_nospec(at, SYSCALL_TABLE_SIZE)](t, args);
}
