/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the platform with several sentry threads: see the header. */
#include "tests/unit/platform_many.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/unit/platform_world.h"

struct worker {
	pthread_t thread;
	struct platform_as *as;
	struct vcpu *cpu;
	pid_t tid;
	uint64_t rip, rdi;
	int calls;		 /* to answer, then free; -1: until told */
	_Atomic int stops[5];	 /* by kind */
	_Atomic bool ready, end; /* in the loop; leave it */
	_Atomic bool sleep;	 /* stay out of the guest */
	_Atomic bool keep;	 /* others use cpu: do not free it */
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct guest_stop stop;

	w->tid = gettid();
	CHECK_EQ(platform_vcpu_bind(w->cpu), 0);
	platform_regs(w->cpu)->rip = w->rip;
	platform_regs(w->cpu)->rdi = w->rdi;
	for (int i = 0; w->calls < 0 ? !w->end : i < w->calls; i++) {
		w->ready = true;
		if (w->sleep) {
			platform_idle_begin(w->cpu);
			while (w->sleep)
				usleep(1000);
			platform_idle_end(w->cpu);
		}
		platform_run(w->cpu, false, &stop);
		w->stops[stop.kind]++;
		if (stop.kind == STOP_GONE || stop.kind == STOP_FAULT)
			break;
	}
	while (w->keep)
		usleep(100);
	platform_vcpu_free(w->cpu);
	return NULL;
}

static void begin(struct worker *w, struct platform_as *as,
		  struct vcpu *creator, uint64_t rip, uint64_t rdi, int calls)
{
	memset(w, 0, sizeof(*w));
	w->as = as;
	w->rip = rip;
	w->rdi = rdi;
	w->calls = calls;
	CHECK_EQ(platform_vcpu_new(as, creator, &w->cpu), 0);
	CHECK_EQ(pthread_create(&w->thread, NULL, work, w), 0);
	while (!w->ready)
		usleep(100);
}

void threads(void)
{
	enum { NR = 8 };
	struct guest_stop stop;
	struct vcpu *cpu, *never;
	struct platform_as *as = new_space(&cpu);
	struct worker w[NR];
	int before = nr_stubs();
	uint8_t *img = calloc(1, platform_limits()->xsave_size);

	CHECK_EQ(platform_get_fpu(cpu, img), 0);
	memset(img + 160, 0x77, 16);
	img[512] |= 2;
	CHECK_EQ(platform_set_fpu(cpu, img), 0);
	free(img);
	go(cpu, GUEST(calls), 0, &stop);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < NR; i++)
			begin(&w[i], as, cpu, GUEST(calls), 0, 100 * (i + 1));
		resume(cpu, 4711, &stop);
		CHECK_EQ(stop.kind, STOP_SYSCALL);
		CHECK_EQ(platform_regs(cpu)->rdi, 4711);
		for (int i = 0; i < NR; i++) {
			pthread_join(w[i].thread, NULL);
			CHECK_EQ(w[i].stops[STOP_SYSCALL], 100 * (i + 1));
		}
	}
	/* The first thread has another stub thread now, and all its state. */
	go(cpu, GUEST(xmm), GUEST_DATA, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	CHECK_EQ(data_word(GUEST_DATA)[1], 0x7777777777777777);
	/* One that nobody binds. */
	CHECK_EQ(platform_vcpu_new(as, cpu, &never), 0);
	platform_vcpu_free(never);
	/* The first thread leaves before the others. */
	begin(&w[0], as, cpu, GUEST(calls), 0, 2000);
	begin(&w[1], as, cpu, GUEST(calls), 0, 3000);
	w[1].keep = true;
	/* It may not have been inside yet. */
	for (int i = 0; i < 5000 && !platform_guest_time(w[1].cpu); i++)
		usleep(1000);
	CHECK(platform_guest_time(w[1].cpu) > 0);
	w[1].keep = false;
	platform_vcpu_free(cpu);
	pthread_join(w[0].thread, NULL);
	pthread_join(w[1].thread, NULL);
	CHECK_EQ(w[1].stops[STOP_SYSCALL], 3000);
	platform_as_free(as);
	await_stubs(before - 1);
}

/* The process dies while some threads spin and others are in the sentry. */
void thread_killed(void)
{
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);
	struct worker w[3];

	go(cpu, GUEST(calls), 0, &stop);
	begin(&w[0], as, cpu, GUEST(spin), 0, -1);
	begin(&w[1], as, cpu, GUEST(spin), 0, -1);
	begin(&w[2], as, cpu, GUEST(calls), 0, -1);
	w[2].sleep = true;
	usleep(20000);
	CHECK(kill(youngest_stub(), SIGKILL) == 0);
	pthread_join(w[0].thread, NULL);
	pthread_join(w[1].thread, NULL);
	CHECK_EQ(w[0].stops[STOP_GONE], 1);
	resume(cpu, 0, &stop);
	CHECK_EQ(stop.kind, STOP_GONE);
	w[2].sleep = false;
	pthread_join(w[2].thread, NULL);
	CHECK_EQ(w[2].stops[STOP_GONE], 1);
	platform_vcpu_free(cpu);
	platform_as_free(as);
	await_stubs(0);
}

void interrupts(void)
{
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);
	struct worker w[2];

	/* Before the entry. */
	platform_interrupt(cpu);
	go(cpu, GUEST(calls), 0, &stop);
	CHECK_EQ(stop.kind, STOP_INTERRUPTED);
	platform_run(cpu, false, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	begin(&w[0], as, cpu, GUEST(spin), 0, -1);
	begin(&w[1], as, cpu, GUEST(calls), 0, -1);
	for (int i = 0; i < 500; i++) {
		int seen = w[0].stops[STOP_INTERRUPTED];
		int seen1 = w[1].stops[STOP_INTERRUPTED];

		platform_interrupt(w[0].cpu);
		platform_interrupt(w[1].cpu);
		while (w[0].stops[STOP_INTERRUPTED] == seen ||
		       w[1].stops[STOP_INTERRUPTED] == seen1)
			usleep(20);
	}
	CHECK_EQ(w[0].stops[STOP_SYSCALL], 0);
	for (int i = 0; i < 2; i++) {
		w[i].keep = true;
		w[i].end = true;
		platform_interrupt(w[i].cpu);
		w[i].keep = false;
		pthread_join(w[i].thread, NULL);
		CHECK_EQ(w[i].stops[STOP_EXCEPTION], 0);
		CHECK_EQ(w[i].stops[STOP_GONE], 0);
	}
	drop(cpu, as);
}

/* After as_sync() nobody writes to the page that was taken away. */
void syncs(void)
{
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);

	go(cpu, GUEST(calls), 0, &stop);
	for (int round = 0; round < 30; round++) {
		uint64_t page = 0x900000 + (uint64_t)round * PAGE_SIZE;
		uint64_t off = FREE_OFF + (uint64_t)round * PAGE_SIZE;
		volatile uint64_t *word = (volatile uint64_t *)(g_mem + off);
		struct worker w[3];
		uint64_t seen[3];

		order(as, ORDER_MAP, PLAT_READ | PLAT_WRITE, page, PAGE_SIZE,
		      off);
		for (int i = 0; i < 3; i++)
			begin(&w[i], as, cpu, GUEST(count),
			      page + 8 * (uint64_t)i, -1);
		for (int i = 0; i < 3; i++)
			while (word[i] < 1000)
				usleep(100);
		order(as, ORDER_UNMAP, 0, page, PAGE_SIZE, 0);
		platform_as_sync(as);
		for (int i = 0; i < 3; i++)
			seen[i] = word[i];
		usleep(2000);
		for (int i = 0; i < 3; i++)
			CHECK_EQ(word[i], seen[i]);
		for (int i = 0; i < 3; i++) {
			pthread_join(w[i].thread, NULL);
			CHECK_EQ(w[i].stops[STOP_FAULT], 1);
		}
	}
	platform_as_sync(as);
	drop(cpu, as);
}

static void *space_life(void *arg)
{
	struct guest_stop stop;
	struct vcpu *cpu;

	(void)arg;
	for (int i = 0; i < 30; i++) {
		struct platform_as *as = new_space(&cpu);

		go(cpu, GUEST(calls), 0, &stop);
		for (int n = 0; n < 50; n++) {
			resume(cpu, 1, &stop);
			CHECK_EQ(stop.kind, STOP_SYSCALL);
		}
		drop(cpu, as);
	}
	return NULL;
}

void spaces_in_threads(void)
{
	enum { NR = 6 };
	pthread_t t[NR];

	for (int i = 0; i < NR; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, space_life, NULL), 0);
	for (int i = 0; i < NR; i++)
		pthread_join(t[i], NULL);
	await_stubs(0);
}

static bool same_cpu(const struct worker *a, const struct worker *b)
{
	cpu_set_t sa, sb;

	CHECK(sched_getaffinity(a->tid, sizeof(sa), &sa) == 0);
	CHECK(sched_getaffinity(b->tid, sizeof(sb), &sb) == 0);
	CHECK_EQ(CPU_COUNT(&sa), 1);
	return CPU_EQUAL(&sa, &sb);
}

static void finish(struct worker *w)
{
	w->keep = true;
	w->end = true;
	platform_interrupt(w->cpu);
	w->keep = false;
	pthread_join(w->thread, NULL);
}

/* Pairs that compute on one CPU while another has nothing to do part. */
void spreads(void)
{
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as;
	struct worker w[3];
	cpu_set_t all;
	bool together = true;
	int a, b, other;

	CHECK(sched_getaffinity(0, sizeof(all), &all) == 0);
	if (CPU_COUNT(&all) != 2)
		return;
	as = new_space(&cpu);
	go(cpu, GUEST(calls), 0, &stop);
	for (int i = 0; i < 3; i++)
		begin(&w[i], as, cpu, GUEST(spin), 0, -1);
	platform_idle_begin(cpu);
	/* Of three on two CPUs two are together; end the third. */
	a = same_cpu(&w[0], &w[1]) || same_cpu(&w[0], &w[2]) ? 0 : 1;
	b = a == 0 && same_cpu(&w[0], &w[1]) ? 1 : 2;
	other = 3 - a - b;
	CHECK(same_cpu(&w[a], &w[b]));
	finish(&w[other]);
	for (int i = 0; i < 1000 && together; i++) {
		usleep(1000);
		together = same_cpu(&w[a], &w[b]);
	}
	CHECK(!together);
	finish(&w[a]);
	finish(&w[b]);
	platform_idle_end(cpu);
	drop(cpu, as);
}
