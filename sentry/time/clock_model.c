/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_model: rate and offset of the host's clocks against the TSC.
 *
 * Invariant: MONOTONIC of successive parameters never steps back at the tsc
 *            where one replaces the other, and always runs forward.
 * Errors:    a sample is off by less than its width (some 20 ns).  Over a
 *            baseline of D the rate is then off by 20 ns / D; parameters live
 *            at most 8 D, so that extrapolation adds less than 200 ns.
 * Locks:     none; the caller serialises.
 * Tests:     tests/unit/test_clock.c
 */
#include "sentry/time/clock_model.h"

#include "sentry/time/vvar.h"

#define VALIDITY_FACTOR 8
#define MIN_BASELINE	1000 /* ns */

static uint64_t scale(uint64_t ticks, uint64_t mult)
{
	return (uint64_t)((unsigned __int128)ticks * mult >> VVAR_SHIFT);
}

uint64_t clock_params_mono(const struct clock_params *p, uint64_t tsc)
{
	return p->mono + scale(vvar_age(p->tsc_base, tsc), p->mult);
}

/* Nanoseconds per tick << VVAR_SHIFT between two samples; 0 if senseless. */
static uint64_t rate_between(const struct clock_sample *a,
			     const struct clock_sample *b)
{
	unsigned __int128 mult;

	if (b->tsc <= a->tsc || b->mono <= a->mono)
		return 0;
	mult = ((unsigned __int128)(b->mono - a->mono) << VVAR_SHIFT) /
	       (b->tsc - a->tsc);
	/* 10 MHz to 1 THz. */
	if (mult > 100ull << VVAR_SHIFT || mult < (1ull << VVAR_SHIFT) / 1000)
		return 0;
	return (uint64_t)mult;
}

static uint64_t ns_to_ticks(uint64_t ns, uint64_t mult)
{
	return (uint64_t)(((unsigned __int128)ns << VVAR_SHIFT) / mult);
}

static uint64_t validity(uint64_t baseline)
{
	if (baseline >= CLOCK_MAX_VALIDITY / VALIDITY_FACTOR)
		return CLOCK_MAX_VALIDITY;
	return baseline * VALIDITY_FACTOR;
}

static void fill(const struct clock_sample *origin,
		 const struct clock_sample *s, uint64_t mult,
		 struct clock_params *out)
{
	out->tsc_base = s->tsc;
	out->mono = s->mono;
	out->mult = mult;
	out->max_age = ns_to_ticks(validity(s->mono - origin->mono), mult);
	out->real_offset = s->real - s->mono;
}

bool clock_model_start(struct clock_model *m, const struct clock_sample *first,
		       const struct clock_sample *second)
{
	uint64_t mult = rate_between(first, second);

	if (mult == 0 || second->mono - first->mono < MIN_BASELINE)
		return false;
	m->origin = *first;
	m->next_origin = *second;
	fill(first, second, mult, &m->now);
	m->started = true;
	return true;
}

static uint64_t settle_offset(uint64_t old, uint64_t fresh)
{
	int64_t diff = (int64_t)(fresh - old);

	return diff < CLOCK_OFFSET_NOISE && diff > -CLOCK_OFFSET_NOISE ? old
								       : fresh;
}

void clock_model_sample(struct clock_model *m, const struct clock_sample *s,
			struct clock_params *out)
{
	uint64_t mult = rate_between(&m->origin, s);

	if (mult == 0) { /* the TSC jumped: begin again from here */
		m->origin = *s;
		m->next_origin = *s;
		mult = m->now.mult;
	}
	if (s->mono - m->origin.mono > CLOCK_ORIGIN_AGE) {
		m->origin = m->next_origin;
		m->next_origin = *s;
	}
	fill(&m->origin, s, mult, out);
	if (out->max_age == 0)
		out->max_age = ns_to_ticks(MIN_BASELINE, mult);
	out->real_offset = settle_offset(m->now.real_offset, out->real_offset);
}

void clock_model_anchor(struct clock_model *m, struct clock_params *p,
			uint64_t tsc)
{
	uint64_t host = clock_params_mono(p, tsc);
	uint64_t mine = clock_params_mono(&m->now, tsc);

	p->tsc_base = tsc;
	p->mono = host;
	if (mine > host) {
		uint64_t ahead = mine - host;
		uint64_t life = scale(p->max_age, p->mult);

		/* At least half speed: time never stands still. */
		p->mono = mine;
		ahead = MIN(ahead, life / 2);
		if (life)
			p->mult -= (uint64_t)((unsigned __int128)p->mult *
					      ahead / life);
	}
	m->now = *p;
}
