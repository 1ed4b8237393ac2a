/* SPDX-License-Identifier: Apache-2.0 */
/* test_clock: the clock's model, its page, and the running clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sentry/time/clock.h"
#include "sentry/time/clock_model.h"
#include "sentry/time/clock_page.h"

#define SEC 1000000000ull

/* A host whose clock runs at @rate (ns per tick), with noise in samples. */
struct fake_host {
	double rate;
	uint64_t tsc;
	double mono, tsc_exact;
	uint64_t real_offset;
	uint32_t noise;
};

static void advance(struct fake_host *h, uint64_t ns)
{
	h->mono += (double)ns;
	h->tsc_exact += (double)ns / h->rate;
	h->tsc = (1ull << 40) + (uint64_t)h->tsc_exact;
}

static struct clock_sample sample(const struct fake_host *h)
{
	int64_t noise =
		h->noise ? (int64_t)(random() % (2 * h->noise + 1)) - h->noise
			 : 0;
	uint64_t mono = (uint64_t)h->mono + (uint64_t)noise;

	return (struct clock_sample){
		.tsc = h->tsc,
		.mono = mono,
		.real = mono + h->real_offset + (uint64_t)(random() % 40),
		.width = 50,
	};
}

static struct clock_model started(struct fake_host *h)
{
	struct clock_model m = { 0 };
	struct clock_sample a = sample(h), b;

	advance(h, 30000);
	b = sample(h);
	assert_true(clock_model_start(&m, &a, &b));
	return m;
}

/* Runs @m for a while as clock.c does; checks order and error. */
static void follow(struct clock_model *m, struct fake_host *h, int steps,
		   uint64_t max_step, int64_t max_error)
{
	uint64_t last = 0;

	for (int i = 0; i < steps; i++) {
		struct clock_params p;
		struct clock_sample s;
		uint64_t before;

		advance(h, (uint64_t)random() % max_step + 1);
		before = clock_params_mono(&m->now, h->tsc);
		assert_true(before >= last);
		if (vvar_age(m->now.tsc_base, h->tsc) > m->now.max_age) {
			s = sample(h);
			clock_model_sample(m, &s, &p);
			advance(h, 300);
			before = clock_params_mono(&m->now, h->tsc);
			clock_model_anchor(m, &p, h->tsc);
		}
		last = clock_params_mono(&m->now, h->tsc);
		assert_true(last >= before);
		assert_true(labs((long)(last - (uint64_t)h->mono)) <=
			    max_error);
	}
}

static void stays_close_and_never_back(void **state)
{
	struct fake_host h = { .rate = 0.38519,
			       .tsc = 1ull << 40,
			       .mono = 1e12,
			       .real_offset = 1700000000 * SEC,
			       .noise = 15 };
	struct clock_model m;

	(void)state;
	srandom(7);
	m = started(&h);
	follow(&m, &h, 20000, 10000, 600);
	follow(&m, &h, 20000, 3000000, 600);
	follow(&m, &h, 200, 900000000, 600);
}

static void real_offset_ignores_noise_but_not_steps(void **state)
{
	struct fake_host h = { .rate = 0.5,
			       .tsc = 1ull << 40,
			       .mono = 5e9,
			       .real_offset = 100 * SEC };
	struct clock_model m = started(&h);
	uint64_t offset = m.now.real_offset;
	struct clock_params p;
	struct clock_sample s;

	(void)state;
	advance(&h, SEC);
	s = sample(&h);
	s.real += 500;
	clock_model_sample(&m, &s, &p);
	assert_int_equal(p.real_offset, offset);
	s.real += 3600 * SEC;
	clock_model_sample(&m, &s, &p);
	assert_true(p.real_offset - offset >= 3600 * SEC);
}

static void runs_slower_when_ahead(void **state)
{
	struct fake_host h = { .rate = 0.5, .tsc = 1ull << 40, .mono = 5e9 };
	struct clock_model m = started(&h);
	struct clock_params p;
	struct clock_sample s;
	uint64_t mine;

	(void)state;
	advance(&h, SEC);
	mine = clock_params_mono(&m.now, h.tsc);
	s = sample(&h);
	s.mono -= 100000; /* the host says: 100 us less */
	clock_model_sample(&m, &s, &p);
	clock_model_anchor(&m, &p, h.tsc);
	assert_int_equal(m.now.mono, mine);
	assert_true(m.now.mult < (1ull << 31));
	assert_true(m.now.mult > 0);
}

static void senseless_samples_are_refused(void **state)
{
	struct clock_sample a = { .tsc = 100, .mono = 1000 };
	struct clock_sample b = { .tsc = 100, .mono = 900000 };
	struct clock_model m = { 0 };

	(void)state;
	assert_false(clock_model_start(&m, &a, &b)); /* the TSC stands */
	b.tsc = 50;
	assert_false(clock_model_start(&m, &a, &b));
	b = (struct clock_sample){ .tsc = 100000, .mono = 1000 };
	assert_false(clock_model_start(&m, &a, &b));
	b = (struct clock_sample){ .tsc = 101, .mono = 9000000 };
	assert_false(clock_model_start(&m, &a, &b)); /* 1 kHz */
}

static void page_reading(void **state)
{
	struct vvar_data v = { .mode = VVAR_SYSCALL };
	struct vvar_base now;

	(void)state;
	assert_false(vvar_read(&v, false, &now));
	v.mode = VVAR_TSC;
	v.tsc_base = vvar_rdtsc();
	v.max_age = 1ull << 40;
	v.mult = 1; /* as good as standing still */
	v.mono = (struct vvar_base){ 7, 999999999 };
	v.real = (struct vvar_base){ 9, 5 };
	assert_true(vvar_read(&v, false, &now));
	assert_int_equal(now.sec, 7);
	assert_true(vvar_read(&v, true, &now));
	assert_int_equal(now.sec, 9);
	v.mono.nsec += 3 * SEC;
	assert_true(vvar_read(&v, false, &now));
	assert_int_equal(now.sec, 10);
	assert_int_equal(now.nsec, 999999999);
	v.seq = 1;
	assert_false(vvar_read(&v, false, &now));
	v.seq = 2;
	v.max_age = 0;
	v.tsc_base -= 1000000;
	assert_false(vvar_read(&v, false, &now));
	v.tsc_base = vvar_rdtsc() + (1ull << 40); /* another CPU is behind */
	assert_true(vvar_read(&v, false, &now));
}

/* --- the running clock ---------------------------------------------------- */

static struct vvar_data g_page;
static _Atomic uint64_t g_latest;
static _Atomic bool g_stop;

static uint64_t page_now(void)
{
	struct vvar_base now;

	if (!vvar_read(&g_page, false, &now))
		return clock_monotonic();
	return now.sec * SEC + now.nsec;
}

/* Time seen by one thread is never before what another saw earlier. */
static void *watch(void *arg)
{
	uintptr_t backwards = 0;

	(void)arg;
	for (uint64_t i = 0; !atomic_load(&g_stop); i++) {
		uint64_t before = atomic_load(&g_latest);
		uint64_t now = i & 1 ? page_now() : clock_monotonic();

		if (now < before)
			backwards++;
		while (before < now &&
		       !atomic_compare_exchange_weak(&g_latest, &before, now))
			;
	}
	return (void *)backwards;
}

static uint64_t host_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SEC + (uint64_t)ts.tv_nsec;
}

static void running_clock_agrees_with_host(void **state)
{
	const struct timespec nap = { .tv_nsec = 20000000 };
	uint64_t worst = 0;
	pthread_t thread[2];
	void *backwards;

	(void)state;
	assert_int_equal(clock_start(), 0);
	clock_publish(&g_page);
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, watch, NULL);
	for (int i = 0; i < 60; i++) {
		uint64_t before, now, after, off = 0;

		clock_tick();
		before = host_mono();
		now = clock_monotonic();
		after = host_mono();
		if (now < before)
			off = before - now;
		else if (now > after)
			off = now - after;
		if (off > worst)
			worst = off;
		nanosleep(&nap, NULL);
	}
	atomic_store(&g_stop, true);
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], &backwards);
		assert_int_equal((uintptr_t)backwards, 0);
	}
	print_message("worst difference from the host: %lu ns\n",
		      (unsigned long)worst);
	assert_true(worst < 20000);
	assert_true(labs((long)(clock_realtime() / SEC -
				(uint64_t)time(NULL))) <= 1);
	assert_int_equal(clock_realtime_coarse() % 4000000, 0);
	assert_int_equal(clock_realtime_to_monotonic(UINT64_MAX), UINT64_MAX);
	assert_int_equal(clock_realtime_to_monotonic(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stays_close_and_never_back),
		cmocka_unit_test(real_offset_ignores_noise_but_not_steps),
		cmocka_unit_test(runs_slower_when_ahead),
		cmocka_unit_test(senseless_samples_are_refused),
		cmocka_unit_test(page_reading),
		cmocka_unit_test(running_clock_agrees_with_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
