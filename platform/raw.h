/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw: host calls without libc between: no errno, no cancellation point, and
 * usable in a child that shares nothing consistent with its parent's libc.
 */
#ifndef PLATFORM_RAW_H
#define PLATFORM_RAW_H

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>

#include "sentry/lib/compiler.h"

/* A host call; returns what the kernel does: >= 0 or -errno. */
static inline long raw_call6(long nr, uint64_t a, uint64_t b, uint64_t c,
			     uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline long raw_call(long nr, uint64_t a, uint64_t b, uint64_t c,
			    uint64_t d)
{
	return raw_call6(nr, a, b, c, d, 0, 0);
}

/* PTRACE_PEEK* store through @data here, as the kernel does. */
static inline long raw_ptrace(long request, uint32_t tid, uint64_t addr,
			      const void *data)
{
	return raw_call(SYS_ptrace, (uint64_t)request, tid, addr,
			(uint64_t)(uintptr_t)data);
}

/* Waits for any change of @tid, a tracee of this thread. */
static inline long raw_wait(uint32_t tid, int *status)
{
	long ret;

	do
		ret = raw_call(SYS_wait4, tid, (uint64_t)(uintptr_t)status,
			       0x40000000 /* __WALL */, 0);
	while (unlikely(ret == -EINTR));
	return ret;
}

static inline long raw_tgkill(uint32_t tgid, uint32_t tid, int signo)
{
	return raw_call(SYS_tgkill, tgid, tid, (uint64_t)signo, 0);
}

/*
 * Sleeps while *word == expect, at most @timeout (NULL: for ever).  @private:
 * the word is used in this process only.
 */
static inline long raw_futex_wait(_Atomic uint32_t *word, uint32_t expect,
				  const struct timespec *timeout, bool private)
{
	return raw_call(SYS_futex, (uint64_t)(uintptr_t)word,
			FUTEX_WAIT | (private ? FUTEX_PRIVATE_FLAG : 0), expect,
			(uint64_t)(uintptr_t)timeout);
}

static inline void raw_futex_wake(_Atomic uint32_t *word, int nr, bool private)
{
	raw_call(SYS_futex, (uint64_t)(uintptr_t)word,
		 FUTEX_WAKE | (private ? FUTEX_PRIVATE_FLAG : 0), (uint64_t)nr,
		 0);
}

#endif
