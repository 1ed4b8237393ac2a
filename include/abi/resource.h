/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource: getrusage(2), getrlimit(2), times(2).
 */
#ifndef ABI_RESOURCE_H
#define ABI_RESOURCE_H

#include <assert.h>
#include <stdint.h>

#define LINUX_RLIM_INFINITY   UINT64_MAX
#define LINUX_RUSAGE_SELF     0
#define LINUX_RUSAGE_CHILDREN (-1)
#define LINUX_RUSAGE_THREAD   1
#define LINUX_USER_HZ	      100

struct linux_rusage {
	int64_t utime_sec, utime_usec, stime_sec, stime_usec;
	int64_t maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock,
		oublock, msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};
static_assert(sizeof(struct linux_rusage) == 144, "struct rusage");

struct linux_rlimit {
	uint64_t cur, max;
};

struct linux_tms {
	int64_t utime, stime, cutime, cstime;
};
static_assert(sizeof(struct linux_tms) == 32, "struct tms");

#endif
