/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vdso: the shared object that every guest program gets: clocks and CPU
 * numbers without a trap.  Runs in guest mode.
 *
 * Invariant: position independent without relocations (the build checks), no
 *            libc; the only data is the vvar page in front of the image.
 * Locks:     the vvar page's sequence count.
 * Tests:     tests/conformance (vdso)
 */
#include "abi/time.h"
#include "sentry/time/vvar.h"

#define NR_GETTIMEOFDAY	 96
#define NR_TIME		 201
#define NR_CLOCK_GETTIME 228
#define NR_CLOCK_GETRES	 229
#define NR_GETCPU	 309

#define CLOCKS_FINE                                                 \
	(1u << LINUX_CLOCK_REALTIME | 1u << LINUX_CLOCK_MONOTONIC | \
	 1u << LINUX_CLOCK_MONOTONIC_RAW | 1u << LINUX_CLOCK_BOOTTIME)
#define CLOCKS_COARSE \
	(1u << LINUX_CLOCK_REALTIME_COARSE | 1u << LINUX_CLOCK_MONOTONIC_COARSE)
#define CLOCKS_REAL \
	(1u << LINUX_CLOCK_REALTIME | 1u << LINUX_CLOCK_REALTIME_COARSE)

#define PUBLIC	      __attribute__((visibility("default")))
#define ALIAS_OF(sym) __attribute__((weak, alias(#sym), visibility("default")))

/* Placed by vdso.lds one page before the image. */
extern const struct vvar_data vdso_vvar __attribute__((visibility("hidden")));

static inline long call3(long nr, uint64_t a, uint64_t b, uint64_t c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline uint32_t clock_bit(int clock)
{
	return (unsigned int)clock < LINUX_MAX_CLOCKS ? 1u << clock : 0;
}

PUBLIC int __vdso_clock_gettime(int clock, struct linux_timespec *ts);
PUBLIC int __vdso_clock_gettime(int clock, struct linux_timespec *ts)
{
	uint32_t bit = clock_bit(clock);
	struct vvar_base now;

	if (__builtin_expect(!(bit & (CLOCKS_FINE | CLOCKS_COARSE)), 0) ||
	    !vvar_read(&vdso_vvar, bit & CLOCKS_REAL, &now))
		return (int)call3(NR_CLOCK_GETTIME, (uint64_t)clock,
				  (uint64_t)ts, 0);
	if (bit & CLOCKS_COARSE)
		now.nsec -= now.nsec % LINUX_TICK_NSEC;
	ts->sec = (int64_t)now.sec;
	ts->nsec = (int64_t)now.nsec;
	return 0;
}

PUBLIC int __vdso_gettimeofday(struct linux_timeval *tv,
			       struct linux_timezone *tz);
PUBLIC int __vdso_gettimeofday(struct linux_timeval *tv,
			       struct linux_timezone *tz)
{
	struct vvar_base now;

	if (tv) {
		if (!vvar_read(&vdso_vvar, true, &now))
			return (int)call3(NR_GETTIMEOFDAY, (uint64_t)tv,
					  (uint64_t)tz, 0);
		tv->sec = (int64_t)now.sec;
		tv->usec = (int64_t)(now.nsec / 1000);
	}
	if (tz) {
		tz->minuteswest = 0;
		tz->dsttime = 0;
	}
	return 0;
}

PUBLIC int64_t __vdso_time(int64_t *out);
PUBLIC int64_t __vdso_time(int64_t *out)
{
	struct vvar_base now;

	if (!vvar_read(&vdso_vvar, true, &now))
		return call3(NR_TIME, (uint64_t)out, 0, 0);
	if (out)
		*out = (int64_t)now.sec;
	return (int64_t)now.sec;
}

PUBLIC int __vdso_clock_getres(int clock, struct linux_timespec *ts);
PUBLIC int __vdso_clock_getres(int clock, struct linux_timespec *ts)
{
	uint32_t bit = clock_bit(clock);

	if (!(bit & (CLOCKS_FINE | CLOCKS_COARSE)))
		return (int)call3(NR_CLOCK_GETRES, (uint64_t)clock,
				  (uint64_t)ts, 0);
	if (ts) {
		ts->sec = 0;
		ts->nsec = bit & CLOCKS_COARSE ? LINUX_TICK_NSEC : 1;
	}
	return 0;
}

PUBLIC long __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused);
PUBLIC long __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused)
{
	const volatile struct vvar_data *v = &vdso_vvar;
	uint64_t id;

	if (!v->getcpu_rdpid)
		return call3(NR_GETCPU, (uint64_t)cpu, (uint64_t)node,
			     (uint64_t)unused);
	__asm__ volatile("rdpid %0" : "=r"(id));
	if (cpu)
		*cpu = id & 0xfff;
	if (node)
		*node = (unsigned int)(id >> 12);
	return 0;
}

/* For handlers whose sigaction names no restorer of their own. */
__asm__(".pushsection .text\n"
	".globl __kernel_rt_sigreturn\n"
	".type __kernel_rt_sigreturn, @function\n"
	"__kernel_rt_sigreturn:\n"
	"	mov $15, %eax\n"
	"	syscall\n"
	".size __kernel_rt_sigreturn, . - __kernel_rt_sigreturn\n"
	".popsection\n");

int clock_gettime(int clock, struct linux_timespec *ts)
	ALIAS_OF(__vdso_clock_gettime);
int gettimeofday(struct linux_timeval *tv, struct linux_timezone *tz)
	ALIAS_OF(__vdso_gettimeofday);
int64_t time(int64_t *out) ALIAS_OF(__vdso_time);
int clock_getres(int clock, struct linux_timespec *ts)
	ALIAS_OF(__vdso_clock_getres);
long getcpu(unsigned int *cpu, unsigned int *node, void *unused)
	ALIAS_OF(__vdso_getcpu);
