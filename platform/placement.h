/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placement: which CPU a pair of threads (sentry thread, stub thread) runs on.
 */
#ifndef PLATFORM_PLACEMENT_H
#define PLATFORM_PLACEMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sentry/lib/list.h"

#define PLACEMENT_MAX_CPUS 256

/* One pair; part of a vcpu.  Covered by the lock of placement.c. */
struct placed {
	struct list node;
	/* placement_of_sentry() reads these two without the lock. */
	_Atomic int place;  /* index of the CPU, -1 for none */
	_Atomic int second; /* of the sentry thread's own CPU, -1: the same */
	bool runnable;
	_Atomic bool recalled; /* placement_rejoin() is wanted; any thread */
	uint32_t sentry_tid, stub_tid;
	uint64_t allowed[PLACEMENT_MAX_CPUS / 64]; /* by index */
};

/* Reads the CPUs that may be used, at most @max_cpus (0: all). */
void placement_start(uint32_t max_cpus);
void placement_init(struct placed *cpu);
/*
 * Chooses a CPU and pins the calling thread and thread @stub_tid to it; before
 * the stub thread is woken, so that it wakes there.
 */
void placement_bind(struct placed *cpu, uint32_t stub_tid);
/* Pins @tid, which is the stub thread of @cpu from now on, to its CPU. */
void placement_follow(struct placed *cpu, uint32_t tid);
/* Index of the CPU of the calling thread, the sentry thread of @cpu. */
int placement_of_sentry(const struct placed *cpu);
/* Pins @tid, another thread that the sentry thread of @cpu waits for, to the
 * CPU of that. */
void placement_join(struct placed *cpu, uint32_t tid);
/*
 * From any thread: the pair runs guest code on CPUs with a bit in @mask only
 * (by number, platform.h), and moves at once if it is elsewhere.
 */
void placement_allow(struct placed *cpu, const uint64_t *mask);
/* The number of the CPU of the stub thread; -1: not known. */
int placement_number(struct placed *cpu);
/* Lets a stub thread that only has to exit do so on any CPU. */
void placement_release(uint32_t tid);
/* The pair is no more; the calling thread stays where it is. */
void placement_unbind(struct placed *cpu);
/*
 * Moves the calling thread, which is the sentry thread of @cpu, to a CPU that
 * has nothing to run, where it can wait for its stub by looking.  False: there
 * is none.  placement_rejoin() takes it back, and is a must before it sleeps.
 */
bool placement_part(struct placed *cpu);
void placement_rejoin(struct placed *cpu);
/* The pair is about to sleep in the sentry / has work again. */
void placement_idle(struct placed *cpu, bool idle);

#endif
