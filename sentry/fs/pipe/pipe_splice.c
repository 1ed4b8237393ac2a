/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe_splice: the parts of splice(2), tee(2) and vmsplice(2).
 *
 * Locks: p->mu.
 * Tests: tests/conformance/splice.c
 */
#include <errno.h>

#include "sentry/fs/pipe/pipe_private.h"
#include "sentry/kernel/task.h"

/* Bytes, whatever packets they are of: nothing is lost. */
long pipe_take(struct file *f, void *buf, size_t size)
{
	struct pipe *p = pipe_of(f);
	bool wake;
	long ret;

	mutex_lock(&p->mu);
	wake = is_full(p);
	ret = (long)ring_peek(&p->ring, buf, size);
	ring_drop(&p->ring, (size_t)ret);
	packets_taken(&p->packets, (size_t)ret);
	wake = wake && !is_full(p);
	if (ret == 0 && p->writers)
		ret = -EAGAIN;
	mutex_unlock(&p->mu);
	if (ret > 0 && (wake || p->poll_used))
		waitq_wake_nr(&p->wr_wait, EVENTS_OUT, 1);
	return ret;
}

long pipe_peek(struct file *f, void *buf, size_t size)
{
	struct pipe *p = pipe_of(f);
	long ret;

	mutex_lock(&p->mu);
	ret = (long)ring_peek(&p->ring, buf, size);
	if (ret == 0 && p->writers)
		ret = -EAGAIN;
	mutex_unlock(&p->mu);
	return ret;
}

long pipe_put_bytes(struct file *f, const void *buf, size_t size)
{
	struct uio u;
	const struct pipe_put w = { &u, PIPE_ATOMIC + 1, false };

	uio_kernel(&u, (void *)(uintptr_t)buf, size);
	return pipe_try_write(pipe_of(f), &w);
}

size_t pipe_room(struct file *f)
{
	struct pipe *p = pipe_of(f);
	size_t room;

	mutex_lock(&p->mu);
	room = ring_room(&p->ring);
	mutex_unlock(&p->mu);
	return room;
}

void pipe_unget(struct file *f, const void *buf, size_t size)
{
	struct pipe *p = pipe_of(f);
	size_t before;
	int ret;

	mutex_lock(&p->mu);
	before = p->ring.size;
	ret = ring_unget(&p->ring, buf, size);
	if (ret == 0)
		packets_returned(&p->packets, size);
	p->user->pipe_bytes += p->ring.size - before;
	mutex_unlock(&p->mu);
	if (ret == 0)
		waitq_wake_nr(&p->rd_wait, EVENTS_IN, 1);
}

int pipe_wait(struct file *f, bool write, bool nonblock)
{
	struct pipe *p = pipe_of(f);
	struct task_waiter w;
	int ret = pipe_look(p, write);

	if (ret != -EAGAIN || nonblock)
		return ret;
	task_waiter_init(&w, current_task());
	waitq_add(write ? &p->wr_wait : &p->rd_wait, &w.waiter,
		  write ? EVENTS_OUT : EVENTS_IN);
	for (;;) {
		ret = pipe_look(p, write);
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}
