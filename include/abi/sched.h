/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched: sched(7) as the x86-64 guest sees it.
 */
#ifndef ABI_SCHED_H
#define ABI_SCHED_H

#include <assert.h>
#include <stdint.h>

enum {
	LINUX_SCHED_NORMAL = 0,
	LINUX_SCHED_FIFO = 1,
	LINUX_SCHED_RR = 2,
	LINUX_SCHED_BATCH = 3,
	LINUX_SCHED_IDLE = 5,
	LINUX_SCHED_DEADLINE = 6,
	LINUX_SCHED_EXT = 7
};
#define LINUX_SCHED_RESET_ON_FORK      0x40000000
#define LINUX_SCHED_FLAG_RESET_ON_FORK 0x01ull
#define LINUX_SCHED_FLAG_KEEP_POLICY   0x08
#define LINUX_SCHED_FLAG_KEEP_PARAMS   0x10
#define LINUX_SCHED_FLAG_UTIL_CLAMP    0x60
#define LINUX_SCHED_FLAG_ALL	       0x7full

struct linux_sched_attr {
	uint32_t size, sched_policy;
	uint64_t sched_flags;
	int32_t sched_nice;
	uint32_t sched_priority;
	uint64_t sched_runtime, sched_deadline, sched_period;
	uint32_t sched_util_min, sched_util_max;
};
static_assert(sizeof(struct linux_sched_attr) == 56, "SCHED_ATTR_SIZE_VER1");
#define LINUX_SCHED_ATTR_SIZE_VER0 48

/* getpriority */
enum { LINUX_PRIO_PROCESS, LINUX_PRIO_PGRP, LINUX_PRIO_USER };

#endif
