/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vvar: the page of clock parameters that the vDSO reads, and the arithmetic
 * that vDSO and sentry share.
 *
 * The sentry writes the page (it keeps its own copy and reads nothing back);
 * guests map it read-only.  It is a sequence lock: .seq is odd while the rest
 * changes.  No libc, no moat headers: vdso.c is built freestanding.
 */
#ifndef SENTRY_TIME_VVAR_H
#define SENTRY_TIME_VVAR_H

#include <stdbool.h>
#include <stdint.h>

/* Fixed point of .mult.  A product stays below 2^64 for 4.29 s of ticks. */
#define VVAR_SHIFT 32

enum vvar_mode {
	VVAR_SYSCALL, /* the host's clock is not the TSC: always ask */
	VVAR_TSC,
};

struct vvar_base {
	uint64_t sec, nsec; /* at tsc_base; nsec < 10^9 */
};

struct vvar_data {
	uint32_t seq;
	uint32_t mode;
	uint64_t tsc_base;
	uint64_t max_age; /* ticks; older parameters need a system call */
	uint64_t mult;	  /* nanoseconds per tick << VVAR_SHIFT */
	struct vvar_base mono, real;
	uint32_t getcpu_rdpid; /* RDPID agrees with getcpu(2) */
};

/* Ticks since the base; CPUs may disagree a little: never negative. */
static inline uint64_t vvar_age(uint64_t base, uint64_t tsc)
{
	return (int64_t)(tsc - base) < 0 ? 0 : tsc - base;
}

/* @age must be at most max_age. */
static inline uint64_t vvar_scale(uint64_t age, uint64_t mult)
{
	return age * mult >> VVAR_SHIFT;
}

/* The TSC after all earlier loads: time does not run back between threads. */
static inline uint64_t vvar_rdtsc(void)
{
	uint32_t lo, hi, aux;

	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux)::"memory");
	return (uint64_t)hi << 32 | lo;
}

/* A reader that races by design: it checks .seq afterwards. */
#ifdef MOAT_TSAN
#define VVAR_RACY __attribute__((no_sanitize("thread")))
#else
#define VVAR_RACY
#endif

/*
 * One reading of @v.  Returns false if a system call must answer: no TSC,
 * too old, or a change in progress for too long.
 */
static inline VVAR_RACY bool vvar_read(const struct vvar_data *v, bool realtime,
				       struct vvar_base *out)
{
	const volatile struct vvar_data *p = v;
	const volatile struct vvar_base *b = realtime ? &p->real : &p->mono;

	for (int tries = 0; tries < 64; tries++) {
		uint32_t seq = __atomic_load_n(&v->seq, __ATOMIC_ACQUIRE);
		uint64_t age, sec, nsec;

		if (__builtin_expect(seq & 1, 0)) {
			__builtin_ia32_pause();
			continue;
		}
		if (__builtin_expect(p->mode != VVAR_TSC, 0))
			return false;
		age = vvar_age(p->tsc_base, vvar_rdtsc());
		if (__builtin_expect(age > p->max_age, 0))
			return false;
		sec = b->sec;
		nsec = b->nsec + vvar_scale(age, p->mult);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__builtin_expect(p->seq != seq, 0))
			continue;
		for (; nsec >= 1000000000u; sec++)
			nsec -= 1000000000u;
		out->sec = sec;
		out->nsec = nsec;
		return true;
	}
	return false;
}

#endif
