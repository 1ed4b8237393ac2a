/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compiler: attributes, annotations and small macros that every part uses.
 *
 * Includes nothing of moat.  Used by sentry, gofer, platforms and tests.
 */
#ifndef SENTRY_LIB_COMPILER_H
#define SENTRY_LIB_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Builds whose runtime runs inside every process of moat. */
#if defined(MOAT_ASAN) || defined(MOAT_TSAN) || defined(MOAT_UBSAN)
#define MOAT_SANITIZED
#endif
/* Functions whose races are meant, and answered by a check afterwards. */
#ifdef MOAT_TSAN
#define RACY __attribute__((no_sanitize("thread")))
#else
#define RACY
#endif

/* The result must be used: the call can fail. */
#define MUST_CHECK	__attribute__((warn_unused_result))
#define NORETURN	__attribute__((noreturn))
#define PRINTF(fmt, at) __attribute__((format(printf, fmt, at)))
#define UNUSED		__attribute__((unused))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a)		   (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, mem) ((type *)((char *)(p)-offsetof(type, mem)))
#define MIN(a, b)		   ((a) < (b) ? (a) : (b))
#define MAX(a, b)		   ((a) > (b) ? (a) : (b))

/*
 * Who may touch a field.  GUARDED_BY names the lock; IMMUTABLE is set before
 * the object is shared; TASK_PRIVATE belongs to the task's own thread.
 */
#define GUARDED_BY(mu)
#define IMMUTABLE
#define TASK_PRIVATE

/* Lock contracts of functions, checked by clang -Wthread-safety. */
#if defined(__clang__)
#define LOCKABLE       __attribute__((capability("mutex")))
#define ACQUIRES(...)  __attribute__((acquire_capability(__VA_ARGS__)))
#define RELEASES(...)  __attribute__((release_capability(__VA_ARGS__)))
#define MUST_HOLD(...) __attribute__((requires_capability(__VA_ARGS__)))
#define NO_LOCK_CHECK  __attribute__((no_thread_safety_analysis))
#else
#define LOCKABLE
#define ACQUIRES(...)
#define RELEASES(...)
#define MUST_HOLD(...)
#define NO_LOCK_CHECK
#endif

#define PAGE_SIZE  4096ul
#define PAGE_SHIFT 12
#define PAGE_MASK  (~(PAGE_SIZE - 1))

static inline uint64_t page_down(uint64_t v)
{
	return v & PAGE_MASK;
}

/* Wraps to 0 at the top of the 64-bit range: check before. */
static inline uint64_t page_up(uint64_t v)
{
	return (v + PAGE_SIZE - 1) & PAGE_MASK;
}

/* True if a + b overflows; otherwise stores the sum. */
#define add_overflows(a, b, out) __builtin_add_overflow(a, b, out)
#define mul_overflows(a, b, out) __builtin_mul_overflow(a, b, out)

#endif
