/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_epoll: ready lists, closing and nesting of epoll instances, on files
 * whose events the test sets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/fs/epoll/epoll_private.h"
#include "sentry/kernel/task.h"

/* --- a world of wait queues, files and one task --------------------------- */

static struct thread_group g_group;
static struct task g_task = { .group = &g_group };
static unsigned int g_wakes;

struct task *current_task(void)
{
	return &g_task;
}

void task_wake(struct task *t)
{
	(void)t;
	g_wakes++;
}

long epoll_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	(void)f, (void)cmd, (void)arg;
	return -ENOTTY;
}

bool task_signal_pending(struct task *t)
{
	(void)t;
	return false;
}

void thread_group_get(struct thread_group *tg)
{
	(void)tg;
}

void thread_group_put(struct thread_group *tg)
{
	(void)tg;
}

void waitq_init(struct waitq *q)
{
	mutex_init(&q->mu, LOCK_WAITQ);
	list_init(&q->waiters);
}

void waitq_fini(struct waitq *q)
{
	assert_true(list_empty(&q->waiters));
}

void waitq_add(struct waitq *q, struct waiter *w, uint32_t events)
{
	w->events = events;
	w->wq = q;
	list_append(&q->waiters, &w->node);
}

void waitq_del(struct waiter *w)
{
	list_del(&w->node);
	w->wq = NULL;
}

void waitq_wake_nested(struct waitq *q, uint32_t events)
{
	struct waiter *w, *tmp;

	mutex_lock_nested(&q->mu);
	list_for_each_entry_safe (w, tmp, &q->waiters, node)
		w->wake(w, events);
	mutex_unlock(&q->mu);
}

void waitq_wake(struct waitq *q, uint32_t events)
{
	waitq_wake_nested(q, events);
}

void task_waiter_init(struct task_waiter *w, struct task *t)
{
	w->task = t;
	list_init(&w->waiter.node);
}

int task_sleep(struct task_waiter *w, uint64_t deadline)
{
	(void)w;
	(void)deadline;
	lock_assert_none_held();
	return -ETIMEDOUT;
}

/* Guest memory is sentry memory here. */
int copy_out(uaddr_t dst, const void *src, size_t size)
{
	if (dst.va == 0)
		return -EFAULT;
	memcpy((void *)dst.va, src, size);
	return 0;
}

uint32_t file_poll(struct file *f, struct poll_table *pt)
{
	return f->ops->poll(f, pt);
}

int file_new_anon(const char *name, const struct file_ops *ops, void *priv,
		  uint32_t mode, uint32_t flags, struct file **out)
{
	struct file *f = kzalloc(sizeof(*f));

	(void)name;
	(void)mode;
	(void)flags;
	assert_non_null(f);
	ref_init(&f->ref);
	f->ops = ops;
	f->priv = priv;
	*out = f;
	return 0;
}

void file_put(struct file *f)
{
	if (!ref_put(&f->ref))
		return;
	if (f->epolls)
		epoll_file_gone(f);
	assert_null(f->epolls);
	f->ops->release(f);
	free(f);
}

/* A file with events that the test sets. */
struct source {
	struct waitq wq;
	uint32_t events;
	unsigned int polled;
	void (*on_poll)(struct source *s);
};

static uint32_t source_poll(struct file *f, struct poll_table *pt)
{
	struct source *s = f->priv;
	uint32_t events;

	poll_wait(pt, &s->wq);
	s->polled++;
	events = s->events;
	if (s->on_poll)
		s->on_poll(s);
	return events;
}

static void source_release(struct file *f)
{
	struct source *s = f->priv;

	waitq_fini(&s->wq);
	free(s);
}

static const struct file_ops source_ops = {
	.poll = source_poll,
	.release = source_release,
};

static struct file *source_new(void)
{
	struct source *s = kzalloc(sizeof(*s));
	struct file *f;

	assert_non_null(s);
	waitq_init(&s->wq);
	assert_int_equal(file_new_anon("", &source_ops, s, 0, 0, &f), 0);
	return f;
}

static struct source *source_of(struct file *f)
{
	return f->priv;
}

static void set_events(struct file *f, uint32_t events)
{
	source_of(f)->events = events;
	if (events)
		waitq_wake(&source_of(f)->wq, events);
}

static struct file *instance(void)
{
	struct file *f;

	assert_int_equal(epoll_new(&f), 0);
	return f;
}

static int control(struct file *epf, int op, struct file *f, uint32_t events)
{
	struct linux_epoll_event ev = { events, (uintptr_t)f };

	return epoll_control(epf, op, f, 7, &ev);
}

static int add(struct file *epf, struct file *f, uint32_t events)
{
	return control(epf, LINUX_EPOLL_CTL_ADD, f, events);
}

static long wait_now(struct file *epf, struct linux_epoll_event *evs,
		     uint32_t max)
{
	return epoll_wait_events(epf, uaddr((uintptr_t)evs), max, 0);
}

/* --- tests ---------------------------------------------------------------- */

static void test_level_edge_oneshot(void **state)
{
	struct file *ep = instance(), *f = source_new();
	struct linux_epoll_event ev[4];

	(void)state;
	assert_int_equal(add(ep, f, LINUX_POLLIN), 0);
	assert_int_equal(add(ep, f, LINUX_POLLIN), -EEXIST);
	assert_int_equal(wait_now(ep, ev, 4), 0);
	set_events(f, LINUX_POLLIN | LINUX_POLLOUT);
	assert_int_equal(wait_now(ep, ev, 4), 1);
	assert_int_equal(ev[0].events, LINUX_POLLIN);
	assert_int_equal(wait_now(ep, ev, 4), 1);
	control(ep, LINUX_EPOLL_CTL_MOD, f, LINUX_POLLIN | LINUX_EPOLLET);
	assert_int_equal(wait_now(ep, ev, 4), 1);
	assert_int_equal(wait_now(ep, ev, 4), 0);
	set_events(f, LINUX_POLLIN);
	assert_int_equal(wait_now(ep, ev, 4), 1);
	control(ep, LINUX_EPOLL_CTL_MOD, f, LINUX_POLLIN | LINUX_EPOLLONESHOT);
	assert_int_equal(wait_now(ep, ev, 4), 1);
	set_events(f, LINUX_POLLIN);
	assert_int_equal(wait_now(ep, ev, 4), 0);
	assert_int_equal(control(ep, LINUX_EPOLL_CTL_DEL, f, 0), 0);
	assert_int_equal(control(ep, LINUX_EPOLL_CTL_DEL, f, 0), -ENOENT);
	file_put(f);
	file_put(ep);
}

static void event_again(struct source *s)
{
	s->on_poll = NULL;
	waitq_wake(&s->wq, LINUX_POLLIN);
}

/* An event that comes while epoll_wait looks is reported the next time. */
static void test_event_during_scan_is_kept(void **state)
{
	struct file *ep = instance(), *f = source_new();
	struct linux_epoll_event ev[4];

	(void)state;
	assert_int_equal(add(ep, f, LINUX_POLLIN | LINUX_EPOLLET), 0);
	set_events(f, LINUX_POLLIN);
	source_of(f)->on_poll = event_again;
	assert_int_equal(wait_now(ep, ev, 4), 1);
	assert_int_equal(wait_now(ep, ev, 4), 1);
	assert_int_equal(wait_now(ep, ev, 4), 0);
	file_put(f);
	file_put(ep);
}

/* With less room than events everybody has a turn. */
static void test_round_robin(void **state)
{
	struct file *ep = instance(), *f[3];
	struct linux_epoll_event ev[4];
	uint64_t seen[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		f[i] = source_new();
		assert_int_equal(add(ep, f[i], LINUX_POLLIN), 0);
		set_events(f[i], LINUX_POLLIN);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wait_now(ep, ev, 1), 1);
		seen[i] = ev[0].data;
	}
	assert_true(seen[0] != seen[1] && seen[1] != seen[2] &&
		    seen[0] != seen[2]);
	for (int i = 0; i < 3; i++)
		file_put(f[i]);
	assert_int_equal(wait_now(ep, ev, 4), 0);
	file_put(ep);
}

static void test_fault_loses_nothing(void **state)
{
	struct file *ep = instance(), *f = source_new();
	struct linux_epoll_event ev[4];

	(void)state;
	assert_int_equal(add(ep, f, LINUX_POLLIN | LINUX_EPOLLET), 0);
	set_events(f, LINUX_POLLIN);
	assert_int_equal(wait_now(ep, NULL, 4), -EFAULT);
	assert_int_equal(wait_now(ep, ev, 4), 1);
	file_put(f);
	file_put(ep);
}

static void test_closed_file_leaves_all_sets(void **state)
{
	struct file *a = instance(), *b = instance(), *f = source_new();
	struct linux_epoll_event ev[4];

	(void)state;
	assert_int_equal(add(a, f, LINUX_POLLIN), 0);
	assert_int_equal(add(b, f, LINUX_POLLIN), 0);
	set_events(f, LINUX_POLLIN);
	file_put(f);
	assert_int_equal(wait_now(a, ev, 4), 0);
	assert_int_equal(wait_now(b, ev, 4), 0);
	file_put(a);
	file_put(b);
}

static void test_nested(void **state)
{
	struct file *outer = instance(), *inner = instance();
	struct file *f = source_new();
	struct linux_epoll_event ev[4];

	(void)state;
	assert_int_equal(add(inner, f, LINUX_POLLIN), 0);
	assert_int_equal(add(outer, inner, LINUX_POLLIN), 0);
	assert_int_equal(wait_now(outer, ev, 4), 0);
	set_events(f, LINUX_POLLIN);
	assert_int_equal(wait_now(outer, ev, 4), 1);
	set_events(f, 0);
	assert_int_equal(wait_now(outer, ev, 4), 0);
	set_events(f, LINUX_POLLIN);
	file_put(inner);
	assert_int_equal(wait_now(outer, ev, 4), 0);
	file_put(f);
	file_put(outer);
}

static void test_cycles_and_depth(void **state)
{
	struct file *ep[6], *other[2];

	(void)state;
	for (int i = 0; i < 6; i++)
		ep[i] = instance();
	assert_int_equal(add(ep[0], ep[0], LINUX_POLLIN), -EINVAL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(add(ep[i], ep[i + 1], LINUX_POLLIN), 0);
	assert_int_equal(add(ep[4], ep[5], LINUX_POLLIN), -ELOOP);
	assert_int_equal(add(ep[4], ep[0], LINUX_POLLIN), -ELOOP);
	assert_int_equal(add(ep[1], ep[0], LINUX_POLLIN), -ELOOP);
	for (int i = 0; i < 2; i++)
		other[i] = instance();
	assert_int_equal(add(other[0], other[1], LINUX_POLLIN), 0);
	assert_int_equal(add(other[1], ep[0], LINUX_POLLIN), -ELOOP);
	assert_int_equal(add(other[1], ep[4], LINUX_POLLIN), 0);
	for (int i = 0; i < 6; i++)
		file_put(ep[i]);
	file_put(other[1]);
	file_put(other[0]);
}

static void test_refusals(void **state)
{
	struct file *ep = instance(), *f = source_new(), *in = instance();
	uint32_t exclusive = LINUX_EPOLLEXCLUSIVE;

	(void)state;
	assert_int_equal(control(f, LINUX_EPOLL_CTL_ADD, ep, 1), -EINVAL);
	assert_int_equal(control(ep, 9, f, 1), -EINVAL);
	assert_int_equal(add(ep, in, LINUX_POLLIN | exclusive), -EINVAL);
	assert_int_equal(add(ep, f, LINUX_POLLPRI | exclusive), -EINVAL);
	assert_int_equal(add(ep, f, LINUX_POLLIN | exclusive), 0);
	assert_int_equal(control(ep, LINUX_EPOLL_CTL_MOD, f, LINUX_POLLIN),
			 -EINVAL);
	file_put(ep);
	file_put(f);
	file_put(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_level_edge_oneshot),
		cmocka_unit_test(test_event_during_scan_is_kept),
		cmocka_unit_test(test_round_robin),
		cmocka_unit_test(test_fault_loses_nothing),
		cmocka_unit_test(test_closed_file_leaves_all_sets),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_cycles_and_depth),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
