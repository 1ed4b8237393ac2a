/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spin: when the two halves of a vcpu wait for each other by looking.
 *
 * A pair begins on one CPU, where the other half is woken without waking a
 * CPU.  After some short stays in the guest, and if some CPU has nothing
 * of the sandbox to run (placement.c counts), the sentry thread moves there
 * and both look at the turn word before they sleep.  It ends at once when the
 * guest computes for longer than the sentry looks, when the sentry thread is
 * about to sleep, when the CPU is wanted, or when hand-overs are slept through
 * (somebody else of the host has the CPU).  Parting then needs more short
 * stays than before, until it has paid again.
 *
 * Nothing here has a timer: an idle pair sleeps on one CPU.
 *
 * Locks: none; each vcpu's own thread.
 * Tests: tests/unit/test_platform_trap.c (calls, spreads)
 */
#include "platform/trap/trap.h"

#define SHORT_NS       25000 /* a stay that is mostly hand-over */
#define QUICK_FIRST    12    /* short stays before a pair parts */
#define QUICK_MOST     16384
#define NEW_MOST       512 /* the same for a new vcpu */
#define GOOD_ENOUGH    48  /* hand-overs that make parting worth it */
#define MISSES_ALLOWED 8

static uint64_t g_tsc, g_ns;
/* What a new vcpu needs: so that where the host has no CPU to spare, each short
 * process does not have to learn it again. */
static _Atomic uint32_t g_needed = QUICK_FIRST;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void spin_start(void)
{
	g_tsc = __builtin_ia32_rdtsc();
	g_ns = now_ns();
}

/* Cycles of SHORT_NS, by what has passed since the start. */
static uint64_t short_cycles(void)
{
	uint64_t ns = now_ns() - g_ns, tsc = __builtin_ia32_rdtsc() - g_tsc;

	return ns ? (uint64_t)((unsigned __int128)tsc * SHORT_NS / ns) : 0;
}

void spin_init(struct trap_vcpu *cpu)
{
	cpu->spin = (struct spin_state){ .needed = g_needed };
}

static void part(struct trap_vcpu *cpu)
{
	struct spin_state *s = &cpu->spin;

	s->quick = s->misses = s->good = 0;
	if (!placement_part(&cpu->placed))
		return;
	s->parted = true;
	cpu->slot->spin = SPIN_LOOKS;
}

/* Racing threads may lose a step of g_needed. */
static void learn(struct spin_state *s, bool paid)
{
	uint32_t all = g_needed;

	s->needed = paid ? QUICK_FIRST : MIN(s->needed * 2, QUICK_MOST);
	g_needed = paid ? MAX(all / 2, QUICK_FIRST) : MIN(all * 2, NEW_MOST);
}

void spin_end(struct trap_vcpu *cpu)
{
	struct spin_state *s = &cpu->spin;

	if (!s->parted)
		return;
	s->parted = false;
	cpu->slot->spin = 0;
	placement_rejoin(&cpu->placed);
	learn(s, s->good >= GOOD_ENOUGH);
	s->quick = 0;
}

void spin_after(struct trap_vcpu *cpu, uint64_t cycles, bool slept)
{
	struct spin_state *s = &cpu->spin;

	if (s->parted) {
		s->good++;
		s->misses += slept;
		if (unlikely(s->misses > MISSES_ALLOWED + s->good / 16) ||
		    unlikely(atomic_load_explicit(&cpu->placed.recalled,
						  memory_order_relaxed)))
			spin_end(cpu);
		return;
	}
	if (unlikely(!s->longest))
		s->longest = short_cycles();
	if (cycles > s->longest)
		s->quick /= 2;
	else if (++s->quick >= s->needed)
		part(cpu);
}
