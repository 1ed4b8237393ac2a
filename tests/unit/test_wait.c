/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of wait queues and of how a task sleeps and is woken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "abi/poll.h"
#include "sentry/kernel/task_private.h"
#include "sentry/vfs/async.h"

/* What wait.c needs of the platform. */
/* No file of these tests is O_ASYNC. */
void file_async_flush(void)
{
}

void platform_idle_begin(struct vcpu *cpu)
{
	(void)cpu;
}
void platform_idle_end(struct vcpu *cpu)
{
	(void)cpu;
}

struct counter {
	struct waiter w;
	uint32_t events;
	int calls;
	bool counts;
};

static bool count(struct waiter *w, uint32_t events)
{
	struct counter *c = container_of(w, struct counter, w);

	c->events = events;
	c->calls++;
	return c->counts;
}

static void counter_init(struct counter *c, bool exclusive, bool counts)
{
	*c = (struct counter){ .counts = counts };
	c->w.wake = count;
	c->w.exclusive = exclusive;
	list_init(&c->w.node);
}

static void events_select_waiters(void **state)
{
	struct counter in, out;
	struct waitq q;

	(void)state;
	waitq_init(&q);
	counter_init(&in, false, true);
	counter_init(&out, false, true);
	waitq_add(&q, &in.w, LINUX_POLLIN);
	waitq_add(&q, &out.w, LINUX_POLLOUT);
	waitq_wake(&q, LINUX_POLLIN);
	assert_int_equal(in.calls, 1);
	assert_int_equal(out.calls, 0);
	waitq_wake(&q, LINUX_POLLHUP); /* everybody wants to know */
	assert_int_equal(in.calls, 2);
	assert_int_equal(out.calls, 1);
	waitq_del(&in.w);
	waitq_del(&in.w); /* harmless */
	waitq_wake(&q, LINUX_POLLIN | LINUX_POLLOUT);
	assert_int_equal(in.calls, 2);
	waitq_del(&out.w);
	assert_false(waitq_has_waiters(&q));
	waitq_fini(&q);
}

static void exclusive_waiters_wake_one_by_one(void **state)
{
	struct counter ex[3], all;
	struct waitq q;

	(void)state;
	waitq_init(&q);
	for (int i = 0; i < 3; i++) {
		counter_init(&ex[i], true, i != 0);
		waitq_add(&q, &ex[i].w, LINUX_POLLIN);
	}
	counter_init(&all, false, true);
	waitq_add(&q, &all.w, LINUX_POLLIN);
	waitq_wake_nr(&q, LINUX_POLLIN, 1);
	assert_int_equal(all.calls, 1);
	assert_int_equal(ex[0].calls, 1); /* did not count */
	assert_int_equal(ex[1].calls, 1);
	assert_int_equal(ex[2].calls, 0);
	for (int i = 0; i < 3; i++)
		waitq_del(&ex[i].w);
	waitq_del(&all.w);
}

/* --- sleeping ------------------------------------------------------------- */

static struct task g_task;
static struct task_private g_priv;

static void task_fixture(void)
{
	g_task = (struct task){ .priv = &g_priv };
	g_priv = (struct task_private){ 0 };
	g_task.state = 'R';
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void a_wake_before_the_sleep_is_not_lost(void **state)
{
	struct task_waiter w;
	struct waitq q;

	(void)state;
	task_fixture();
	waitq_init(&q);
	task_waiter_init(&w, &g_task);
	waitq_add(&q, &w.waiter, LINUX_POLLIN);
	waitq_wake(&q, LINUX_POLLIN);
	assert_int_equal(task_sleep(&w, NO_DEADLINE), 0);
	/* Used up: the next one sleeps. */
	assert_int_equal(task_sleep(&w, now() + 1000000), -ETIMEDOUT);
	waitq_del(&w.waiter);
}

static void signals_are_looked_at_first(void **state)
{
	struct task_waiter w;

	(void)state;
	task_fixture();
	task_waiter_init(&w, &g_task);
	task_wake(&g_task);
	g_task.work = TASK_WORK_SIGNAL;
	assert_true(task_signal_pending(&g_task));
	assert_false(task_fatal_signal_pending(&g_task));
	assert_int_equal(task_sleep(&w, NO_DEADLINE), -ERESTARTSYS);
	assert_int_equal(task_sleep_killable(&w, NO_DEADLINE), 0);
	g_task.work = TASK_WORK_KILL;
	assert_int_equal(task_sleep_killable(&w, NO_DEADLINE), -ERESTARTSYS);
}

#define ROUNDS 2000
static _Atomic int g_turn;
static struct waitq g_queue;

static void *waker(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		while (atomic_load(&g_turn) != i * 2)
			sched_yield();
		atomic_store(&g_turn, i * 2 + 1);
		waitq_wake(&g_queue, LINUX_POLLIN);
	}
	return NULL;
}

/* Ping-pong: a lost wake-up would hang it (here: time out). */
static void no_wakeup_is_lost(void **state)
{
	struct task_waiter w;
	pthread_t thread;

	(void)state;
	task_fixture();
	waitq_init(&g_queue);
	atomic_store(&g_turn, 0);
	task_waiter_init(&w, &g_task);
	assert_int_equal(pthread_create(&thread, NULL, waker, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		waitq_add(&g_queue, &w.waiter, LINUX_POLLIN);
		while (atomic_load(&g_turn) != i * 2 + 1)
			assert_int_equal(task_sleep(&w, now() + 20000000000ull),
					 0);
		waitq_del(&w.waiter);
		atomic_store(&g_turn, i * 2 + 2);
	}
	pthread_join(thread, NULL);
	waitq_fini(&g_queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_select_waiters),
		cmocka_unit_test(exclusive_waiters_wake_one_by_one),
		cmocka_unit_test(a_wake_before_the_sleep_is_not_lost),
		cmocka_unit_test(signals_are_looked_at_first),
		cmocka_unit_test(no_wakeup_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
