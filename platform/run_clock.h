/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_clock: CPU time in guest mode.
 *
 * The host lets us read the CPU clock of a stub process, not that of one of
 * its threads.  So the process's time is shared out by the time that each vcpu
 * was in guest mode (the cycle counter, read around each entry); with one
 * thread that is exact.
 */
#ifndef PLATFORM_RUN_CLOCK_H
#define PLATFORM_RUN_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "sentry/lib/list.h"

/* Of one address space; its owner's lock covers the list. */
struct space_clock {
	struct list clocks;
	_Atomic uint64_t dead_tsc; /* guest time of vcpus that have left */
	_Atomic uint32_t tgid;	   /* 0: no stub */
};

/* Of one vcpu; start and stop by its own thread. */
struct run_clock {
	struct list node;
	_Atomic uint64_t entry_tsc; /* 0 outside guest mode */
	_Atomic uint64_t spent_tsc;
	_Atomic uint64_t base_ns; /* before the last move */
	_Atomic uint64_t last_ns; /* highest that was told */
};

/* Returns the cycle counter. */
static inline uint64_t run_clock_start(struct run_clock *c)
{
	uint64_t now = __builtin_ia32_rdtsc();

	atomic_store_explicit(&c->entry_tsc, now, memory_order_relaxed);
	return now;
}

/* Returns the cycle counter. */
static inline uint64_t run_clock_stop(struct run_clock *c)
{
	uint64_t now = __builtin_ia32_rdtsc();
	uint64_t start =
		atomic_load_explicit(&c->entry_tsc, memory_order_relaxed);
	uint64_t spent =
		atomic_load_explicit(&c->spent_tsc, memory_order_relaxed);

	atomic_store_explicit(&c->spent_tsc, spent + (now - start),
			      memory_order_relaxed);
	atomic_store_explicit(&c->entry_tsc, 0, memory_order_relaxed);
	return now;
}

/* Cycles in guest mode, those of a stay that lasts included; any thread. */
uint64_t run_clock_cycles(struct run_clock *c);
/* @c belongs to @s from now on.  Locks: that of the space. */
void run_clock_join(struct run_clock *c, struct space_clock *s);
/* @c leaves its space: what it used stays accounted there and with it.
 * Locks: that of the space. */
void run_clock_leave(struct run_clock *c, struct space_clock *s);
/* Nanoseconds in all.  Locks: that of the space. */
uint64_t run_clock_now(struct run_clock *c, struct space_clock *s);
/* Never less than what was told before. */
uint64_t run_clock_tell(struct run_clock *c, uint64_t now);

#endif
