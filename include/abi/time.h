/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time: clocks, timers and their structures, linux/time.h and time_types.h.
 */
#ifndef ABI_TIME_H
#define ABI_TIME_H

#include <assert.h>
#include <stdint.h>

enum {
	LINUX_CLOCK_REALTIME = 0,
	LINUX_CLOCK_MONOTONIC = 1,
	LINUX_CLOCK_PROCESS_CPUTIME_ID = 2,
	LINUX_CLOCK_THREAD_CPUTIME_ID = 3,
	LINUX_CLOCK_MONOTONIC_RAW = 4,
	LINUX_CLOCK_REALTIME_COARSE = 5,
	LINUX_CLOCK_MONOTONIC_COARSE = 6,
	LINUX_CLOCK_BOOTTIME = 7,
	LINUX_CLOCK_REALTIME_ALARM = 8,
	LINUX_CLOCK_BOOTTIME_ALARM = 9,
	LINUX_CLOCK_TAI = 11,
	LINUX_MAX_CLOCKS = 16,
};

/* Negative clock ids: ~pid << 3, then these bits. */
enum {
	LINUX_CPUCLOCK_PROF = 0,
	LINUX_CPUCLOCK_VIRT = 1,
	LINUX_CPUCLOCK_SCHED = 2,
	LINUX_CPUCLOCK_FD = 3,
	LINUX_CPUCLOCK_CLOCK_MASK = 3,
	LINUX_CPUCLOCK_PERTHREAD = 4,
};

#define LINUX_TIMER_ABSTIME 1
/* Resolution of the coarse clocks: a tick of 250 Hz. */
#define LINUX_TICK_NSEC 4000000

enum { LINUX_ITIMER_REAL, LINUX_ITIMER_VIRTUAL, LINUX_ITIMER_PROF };

struct linux_timespec {
	int64_t sec;
	int64_t nsec;
};
struct linux_timeval {
	int64_t sec;
	int64_t usec;
};
struct linux_timezone {
	int32_t minuteswest, dsttime;
};
struct linux_itimerspec {
	struct linux_timespec interval, value;
};
struct linux_itimerval {
	struct linux_timeval interval, value;
};
static_assert(sizeof(struct linux_itimerspec) == 32, "itimerspec");

enum {
	LINUX_SIGEV_SIGNAL = 0,
	LINUX_SIGEV_NONE = 1,
	LINUX_SIGEV_THREAD = 2,
	LINUX_SIGEV_THREAD_ID = 4,
};
struct linux_sigevent {
	uint64_t value;
	int32_t signo, notify, tid;
	int32_t pad[11];
};
static_assert(sizeof(struct linux_sigevent) == 64, "sigevent");

/* adjtimex(2) */
struct linux_timex {
	uint32_t modes, pad0;
	int64_t offset, freq, maxerror, esterror;
	int32_t status, pad1;
	int64_t constant, precision, tolerance;
	struct linux_timeval time;
	int64_t tick, ppsfreq, jitter;
	int32_t shift, pad2;
	int64_t stabil, jitcnt, calcnt, errcnt, stbcnt;
	int32_t tai;
	int32_t pad3[11];
};
static_assert(sizeof(struct linux_timex) == 208, "timex");

#endif
