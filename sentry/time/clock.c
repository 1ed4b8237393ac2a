/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock: the sandbox's clocks, computed from the TSC and published to guests.
 *
 * Invariant: g_params changes only while g_seq is odd; the tsc from which new
 *            parameters hold is read after g_seq became odd, so that every
 *            reading with the old ones was taken before it:
 *
 *            reader                      writer
 *            seq (even)                  seq = odd
 *            tsc, parameters             fence, tsc: anchor
 *            seq unchanged: use          parameters, seq = even
 *
 * Locks:     g_refreshing, taken by trying only: who does not get it goes on
 *            with what is there.  Safe under any lock.
 * Tests:     tests/unit/test_clock.c, tests/conformance (clock)
 */
#include "sentry/time/clock.h"

#include <cpuid.h>
#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "abi/time.h"
#include "sentry/host/host.h"
#include "sentry/lib/log.h"
#include "sentry/time/clock_model.h"
#include "sentry/time/clock_page.h"

#define SAMPLE_TRIES	 5
#define START_BASELINE	 30000 /* ns between the first two samples */
#define CPUID_POWER	 0x80000007u
#define POWER_INVARIANT	 (1u << 8)
#define CPUID_FEATURES_E 0x80000001u
#define FEATURE_RDTSCP	 (1u << 27)

static struct {
	_Atomic uint64_t tsc_base, max_age, mult, mono, real_offset;
} g_params; /* guarded by g_seq */
static _Atomic uint32_t g_seq;
static atomic_flag g_refreshing = ATOMIC_FLAG_INIT;
static struct clock_model g_model; /* owner of g_refreshing */
static struct vvar_data *g_page;   /* owner of g_refreshing */
static bool g_use_tsc;		   /* start-up only */

#define LOAD(f)	    atomic_load_explicit(&g_params.f, memory_order_relaxed)
#define STORE(f, v) atomic_store_explicit(&g_params.f, v, memory_order_relaxed)

/* --- samples -------------------------------------------------------------- */

/* The host's clock with the TSC in the middle of the tightest bracket. */
static uint64_t sample_one(int clock, uint64_t *tsc, uint64_t *width)
{
	uint64_t best = 0;

	*width = UINT64_MAX;
	for (int i = 0; i < SAMPLE_TRIES; i++) {
		uint64_t before = vvar_rdtsc();
		uint64_t ns = host_clock(clock);
		uint64_t after = vvar_rdtsc();

		if (after - before >= *width)
			continue;
		*width = after - before;
		*tsc = before + *width / 2;
		best = ns;
	}
	return best;
}

static void take_sample(struct clock_sample *s, uint64_t mult)
{
	uint64_t real_tsc = 0, width;

	s->real = sample_one(CLOCK_REALTIME, &real_tsc, &width);
	s->mono = sample_one(CLOCK_MONOTONIC, &s->tsc, &s->width);
	/* Bring REALTIME forward to the tsc of MONOTONIC. */
	s->real += vvar_age(real_tsc, s->tsc) * mult >> VVAR_SHIFT;
}

/* --- publishing ----------------------------------------------------------- */

static void split(uint64_t ns, struct vvar_base *out)
{
	out->sec = ns / NSEC_PER_SEC;
	out->nsec = ns % NSEC_PER_SEC;
}

/* The page's own sequence is taken from our count: it is never read back. */
static RACY void write_page(struct vvar_data *page, uint32_t seq)
{
	const struct clock_params *p = &g_model.now;

	page->mode = g_use_tsc ? VVAR_TSC : VVAR_SYSCALL;
	page->getcpu_rdpid = host_cpu_numbers_exposed();
	page->tsc_base = p->tsc_base;
	page->max_age = p->max_age;
	page->mult = p->mult;
	split(p->mono, &page->mono);
	split(p->mono + p->real_offset, &page->real);
	__atomic_store_n(&page->seq, seq, __ATOMIC_RELEASE);
}

/* Caller owns g_refreshing. */
static RACY void install(struct clock_params *p)
{
	uint32_t seq = atomic_load_explicit(&g_seq, memory_order_relaxed);

	atomic_store_explicit(&g_seq, seq + 1, memory_order_relaxed);
	if (g_page)
		__atomic_store_n(&g_page->seq, seq + 1, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_seq_cst);
	clock_model_anchor(&g_model, p, vvar_rdtsc());
	STORE(tsc_base, p->tsc_base);
	STORE(max_age, p->max_age);
	STORE(mult, p->mult);
	STORE(mono, p->mono);
	STORE(real_offset, p->real_offset);
	if (g_page)
		write_page(g_page, seq + 2);
	atomic_store_explicit(&g_seq, seq + 2, memory_order_release);
}

static void refresh(void)
{
	struct clock_sample s;
	struct clock_params p;

	if (atomic_flag_test_and_set_explicit(&g_refreshing,
					      memory_order_acquire))
		return; /* somebody is at it */
	take_sample(&s, g_model.now.mult);
	clock_model_sample(&g_model, &s, &p);
	install(&p);
	atomic_flag_clear_explicit(&g_refreshing, memory_order_release);
}

/* --- start ---------------------------------------------------------------- */

/*
 * The host trusts its TSC if it is invariant and the host's own vDSO reads the
 * clock without entering the kernel (any other clock source must).
 */
static bool tsc_is_usable(void)
{
	unsigned int eax, ebx, ecx, edx;

	if (!__get_cpuid(CPUID_FEATURES_E, &eax, &ebx, &ecx, &edx) ||
	    !(edx & FEATURE_RDTSCP))
		return false;
	if (!__get_cpuid(CPUID_POWER, &eax, &ebx, &ecx, &edx) ||
	    !(edx & POWER_INVARIANT))
		return false;
	return host_clock_is_cheap();
}

int clock_start(void)
{
	struct clock_sample first, second;
	struct clock_params p;

	g_use_tsc = false;
	if (!tsc_is_usable()) {
		log_info(
			"clock: no usable TSC, time goes through system calls");
		return 0;
	}
	take_sample(&first, 0);
	do
		take_sample(&second, 0);
	while (second.mono - first.mono < START_BASELINE);
	if (!clock_model_start(&g_model, &first, &second)) {
		log_warning("clock: the TSC makes no sense, not used");
		return 0;
	}
	/* The first samples had no rate to align REALTIME with. */
	take_sample(&second, g_model.now.mult);
	g_model.now.real_offset = second.real - second.mono;
	p = g_model.now;
	g_use_tsc = true;
	install(&p);
	return 0;
}

void clock_publish(struct vvar_data *page)
{
	struct clock_params p;

	while (atomic_flag_test_and_set(&g_refreshing))
		;
	g_page = page;
	p = g_model.now;
	if (g_use_tsc)
		install(&p);
	else
		write_page(page, 2);
	atomic_flag_clear(&g_refreshing);
}

/* --- reading -------------------------------------------------------------- */

/* One consistent reading; false if the parameters are due for a refresh. */
static RACY bool read_now(uint64_t *mono, uint64_t *real_offset)
{
	for (;;) {
		uint32_t seq =
			atomic_load_explicit(&g_seq, memory_order_acquire);
		struct clock_params p;
		uint64_t tsc;

		if (seq & 1) {
			__builtin_ia32_pause();
			continue;
		}
		tsc = vvar_rdtsc();
		p.tsc_base = LOAD(tsc_base);
		p.max_age = LOAD(max_age);
		p.mult = LOAD(mult);
		p.mono = LOAD(mono);
		p.real_offset = LOAD(real_offset);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&g_seq, memory_order_relaxed) != seq)
			continue;
		*mono = clock_params_mono(&p, tsc);
		*real_offset = p.real_offset;
		return vvar_age(p.tsc_base, tsc) <= p.max_age;
	}
}

static void read_fresh(uint64_t *mono, uint64_t *real_offset)
{
	if (likely(read_now(mono, real_offset)))
		return;
	refresh();
	read_now(mono, real_offset);
}

void clock_tick(void)
{
	uint64_t base = LOAD(tsc_base);

	if (g_use_tsc && vvar_age(base, vvar_rdtsc()) > LOAD(max_age))
		refresh();
}

uint64_t clock_monotonic(void)
{
	uint64_t mono, offset;

	if (!g_use_tsc)
		return host_clock(CLOCK_MONOTONIC);
	read_fresh(&mono, &offset);
	return mono;
}

uint64_t clock_realtime(void)
{
	uint64_t mono, offset;

	if (!g_use_tsc)
		return host_clock(CLOCK_REALTIME);
	read_fresh(&mono, &offset);
	return mono + offset;
}

/* As the vDSO: the nanoseconds of the second are cut, so that seconds agree. */
static uint64_t cut_to_tick(uint64_t ns)
{
	return ns - ns % NSEC_PER_SEC % LINUX_TICK_NSEC;
}

uint64_t clock_realtime_coarse(void)
{
	return cut_to_tick(clock_realtime());
}

uint64_t clock_monotonic_coarse(void)
{
	return cut_to_tick(clock_monotonic());
}

uint64_t clock_realtime_to_monotonic(uint64_t real)
{
	uint64_t offset = clock_realtime() - clock_monotonic();

	if (real == UINT64_MAX)
		return real;
	return real > offset ? real - offset : 0;
}
