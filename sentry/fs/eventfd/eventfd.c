/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventfd: a 64-bit counter; readers block at zero, writers at the top.
 *
 * Invariant: count < UINT64_MAX.
 * Locks:     e->mu (LOCK_PIPE) covers count; wake-ups and copies to the guest
 *	      come after it.
 * Linux:     as 6.18; a value that cannot be stored is lost there, too.
 * Tests:     tests/conformance/eventfd.c
 */
#include "sentry/fs/eventfd/eventfd.h"

#include <errno.h>

#include "abi/eventfd.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/seq_buf.h"

#define EVENTS_IN  (LINUX_POLLIN | LINUX_POLLRDNORM)
#define EVENTS_OUT (LINUX_POLLOUT | LINUX_POLLWRNORM)

struct eventfd {
	struct mutex mu; /* LOCK_PIPE */
	uint64_t count GUARDED_BY(mu);
	IMMUTABLE bool semaphore;
	IMMUTABLE uint32_t id;
	struct waitq wq;
};

static _Atomic uint32_t g_next_id;

/* Takes what a read takes: 0 with *out, or -EAGAIN. */
static int try_take(struct eventfd *e, uint64_t *out)
{
	int ret = -EAGAIN;

	mutex_lock(&e->mu);
	if (e->count > 0) {
		*out = e->semaphore ? 1 : e->count;
		e->count -= *out;
		ret = 0;
	}
	mutex_unlock(&e->mu);
	if (ret == 0)
		waitq_wake(&e->wq, EVENTS_OUT);
	return ret;
}

static int try_add(struct eventfd *e, uint64_t *value)
{
	int ret = -EAGAIN;

	mutex_lock(&e->mu);
	if (*value < UINT64_MAX - e->count) {
		e->count += *value;
		ret = 0;
	}
	mutex_unlock(&e->mu);
	if (ret == 0)
		waitq_wake(&e->wq, EVENTS_IN);
	return ret;
}

/* Tries until it can, or the file does not block. */
static int repeat(struct file *f, const struct uio *u,
		  int (*try)(struct eventfd *e, uint64_t *v), uint64_t *v,
		  uint32_t events)
{
	struct eventfd *e = f->priv;
	struct task_waiter w;
	int ret = try(e, v);

	if (ret != -EAGAIN || file_nonblock_now(f, u))
		return ret;
	task_waiter_init(&w, current_task());
	waitq_add(&e->wq, &w.waiter, events);
	for (;;) {
		ret = try(e, v);
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}

static long eventfd_read(struct file *f, struct uio *u, int64_t *pos)
{
	uint64_t value;
	int ret;

	(void)pos;
	if (u->left < sizeof(value))
		return -EINVAL;
	ret = repeat(f, u, try_take, &value, EVENTS_IN);
	if (ret < 0)
		return ret;
	return uio_copy_out(u, &value, sizeof(value)) == sizeof(value)
		       ? (long)sizeof(value)
		       : -EFAULT;
}

static long eventfd_write(struct file *f, struct uio *u, int64_t *pos)
{
	uint64_t value;
	int ret;

	(void)pos;
	if (u->left != sizeof(value))
		return -EINVAL;
	if (uio_copy_in(u, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	ret = repeat(f, u, try_add, &value, EVENTS_OUT);
	return ret < 0 ? ret : (long)sizeof(value);
}

static uint64_t count_of(struct eventfd *e)
{
	uint64_t count;

	mutex_lock(&e->mu);
	count = e->count;
	mutex_unlock(&e->mu);
	return count;
}

static uint32_t eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->priv;
	uint32_t events = 0;
	uint64_t count;

	poll_wait(pt, &e->wq);
	count = count_of(e);
	if (count > 0)
		events |= LINUX_POLLIN;
	if (count < UINT64_MAX - 1)
		events |= LINUX_POLLOUT;
	return events;
}

static void eventfd_show(struct file *f, struct seq_buf *out)
{
	struct eventfd *e = f->priv;

	seq_printf(out,
		   "eventfd-count: %16lx\neventfd-id: %u\n"
		   "eventfd-semaphore: %d\n",
		   count_of(e), e->id, e->semaphore);
}

static void eventfd_free(struct eventfd *e)
{
	waitq_fini(&e->wq);
	free(e);
}

static void eventfd_release(struct file *f)
{
	eventfd_free(f->priv);
}

static const struct file_ops eventfd_ops = {
	.nowait = true,
	.name = "eventfd",
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.show_fdinfo = eventfd_show,
	.release = eventfd_release,
};

int eventfd_new(uint64_t count, bool semaphore, uint32_t flags,
		struct file **out)
{
	struct eventfd *e = kzalloc(sizeof(*e));
	int ret;

	if (!e)
		return -ENOMEM;
	mutex_init(&e->mu, LOCK_PIPE);
	waitq_init(&e->wq);
	e->count = count;
	e->semaphore = semaphore;
	e->id = g_next_id++;
	ret = file_new_anon("anon_inode:[eventfd]", &eventfd_ops, e, 0600,
			    LINUX_O_RDWR | flags, out);
	if (ret < 0)
		eventfd_free(e);
	return ret;
}
