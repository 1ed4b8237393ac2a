/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_model: from samples of the host's clocks to parameters.  Pure.
 *
 * Both clocks of the host tick alike (they are slewed together), so one rate
 * serves both; REALTIME is an offset that changes only when it is set.
 */
#ifndef SENTRY_TIME_CLOCK_MODEL_H
#define SENTRY_TIME_CLOCK_MODEL_H

#include "sentry/lib/compiler.h"

/* Read together: the host's clocks were (mono, real) when the TSC was tsc,
 * to within half of .width ticks. */
struct clock_sample {
	uint64_t tsc, mono, real, width;
};

struct clock_params {
	uint64_t tsc_base, max_age, mult; /* as struct vvar_data */
	uint64_t mono;			  /* ns at tsc_base */
	uint64_t real_offset; /* REALTIME - MONOTONIC, modulo 2^64 */
};

struct clock_model {
	struct clock_sample origin, next_origin; /* rate: origin to newest */
	struct clock_params now;
	bool started;
};

/* Longest validity of parameters, ns; and how far back the rate looks: the
 * host may change it (NTP). */
#define CLOCK_MAX_VALIDITY 1000000000ull
#define CLOCK_ORIGIN_AGE   2000000000ull
/* A REALTIME offset that differs less is noise of the samples, ns. */
#define CLOCK_OFFSET_NOISE 2000

/* MONOTONIC at @tsc; any age (no overflow). */
uint64_t clock_params_mono(const struct clock_params *p, uint64_t tsc);

/* The first two samples, a little apart.  False if they make no rate. */
MUST_CHECK bool clock_model_start(struct clock_model *m,
				  const struct clock_sample *first,
				  const struct clock_sample *second);
/* A new sample; results wait for clock_model_anchor(). */
void clock_model_sample(struct clock_model *m, const struct clock_sample *s,
			struct clock_params *out);
/*
 * Makes @p valid from @tsc on, not before the present parameters there: ahead
 * of the host they run slower until both meet.  Installs @p in the model.
 */
void clock_model_anchor(struct clock_model *m, struct clock_params *p,
			uint64_t tsc);

#endif
