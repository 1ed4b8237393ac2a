/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_end: waiting reads and writes on descriptors of the caller.
 *
 * Invariant: no host call here waits, but for the window host_end.h names.
 * Locks:     none held across host calls; notify runs in the watch thread and
 *            takes the wait queue's lock only.
 * Tests:     tests/hostile/stdio.sh
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "platform.h"
#include "sentry/fs/host/host_end.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/host/host_tty.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/async.h"

#define IO_CHUNK (1u << 20)

static void on_ready(struct host_watch *w, uint32_t events)
{
	struct host_end *e = container_of(w, struct host_end, watch);

	if (events & LINUX_POLLIN)
		events |= LINUX_POLLRDNORM;
	if (events & LINUX_POLLOUT)
		events |= LINUX_POLLWRNORM;
	waitq_wake(&e->wq, events);
	file_async_flush(); /* this thread has no border */
}

void host_end_init(struct host_end *e, int fd, uint32_t flags)
{
	memset(e, 0, sizeof(*e));
	e->fd = fd;
	e->flags = flags;
	e->watch.fd = fd;
	e->watch.notify = on_ready;
	waitq_init(&e->wq);
}

void host_end_fini(struct host_end *e)
{
	if (e->watched)
		host_watch_del(&e->watch);
	waitq_fini(&e->wq);
	host_close(e->fd);
}

/*
 * The watch tells the state once when it is added, so that a second thread
 * that finds the mark set while the first still adds misses nothing.
 */
static int ensure_watched(struct host_end *e)
{
	int ret;

	if (atomic_exchange(&e->watched, true))
		return 0;
	ret = host_watch_add(&e->watch);
	if (ret < 0)
		e->watched = false;
	return ret;
}

bool host_end_allows(const struct host_end *e, uint32_t flags)
{
	uint32_t have = e->flags & LINUX_O_ACCMODE;

	return have == LINUX_O_RDWR || (flags & LINUX_O_ACCMODE) == have;
}

/* True if a call that may wait would not, now. */
static bool ready(struct host_end *e, short events)
{
	int got = host_poll_now(e->fd, events);

	return got < 0 ||
	       got & (events | LINUX_POLLHUP | LINUX_POLLERR | LINUX_POLLNVAL);
}

typedef long (*host_rw)(int fd, const struct iovec *iov, int nr);

/* @nowait if it works, else @plain once poll says that it will not wait. */
static long rw_pinned(struct host_end *e, const struct mm_pin *pin,
		      host_rw nowait, host_rw plain, short events)
{
	long ret;

	if (e->flags & LINUX_O_NONBLOCK)
		return plain(e->fd, pin->iov, (int)pin->nr);
	if (!e->no_nowait) {
		ret = nowait(e->fd, pin->iov, (int)pin->nr);
		if (ret != -EOPNOTSUPP)
			return ret;
		e->no_nowait = true;
	}
	if (!ready(e, events))
		return -EAGAIN;
	return plain(e->fd, pin->iov, (int)pin->nr);
}

long host_end_try_read(struct host_end *e, struct uio *u)
{
	struct mm_pin pin;
	long ret = uio_pin(u, IO_CHUNK, PLAT_WRITE, &pin);

	if (ret <= 0)
		return ret;
	ret = rw_pinned(e, &pin, host_readv_nowait, host_readv, LINUX_POLLIN);
	mm_unpin(&pin);
	if (ret > 0)
		uio_advance(u, (size_t)ret);
	return ret == -EINTR ? -EAGAIN : ret;
}

long host_end_try_write(struct host_end *e, struct uio *u)
{
	bool nowait = !e->no_nowait || e->flags & LINUX_O_NONBLOCK;
	struct mm_pin pin;
	long ret;

	ret = uio_pin(u, nowait ? IO_CHUNK : HOST_END_TTY_CHUNK, PLAT_READ,
		      &pin);
	if (ret <= 0)
		return ret;
	/* The first refusal of RWF_NOWAIT: come back with a small piece. */
	if (nowait && !(e->flags & LINUX_O_NONBLOCK)) {
		ret = host_writev_nowait(e->fd, pin.iov, (int)pin.nr);
		if (ret == -EOPNOTSUPP) {
			e->no_nowait = true;
			mm_unpin(&pin);
			return host_end_try_write(e, u);
		}
	} else {
		ret = rw_pinned(e, &pin, host_writev_nowait, host_writev,
				LINUX_POLLOUT);
	}
	mm_unpin(&pin);
	if (ret > 0)
		uio_advance(u, (size_t)ret);
	return ret == -EINTR ? -EAGAIN : ret;
}

/* Waits until the watch wakes us; @queued remembers that we are in the queue,
 * after which one more attempt comes before the first sleep. */
static int wait_ready(struct host_end *e, struct task_waiter *w, bool *queued,
		      uint32_t events, uint64_t deadline)
{
	int ret;

	if (*queued)
		return task_sleep(w, deadline);
	task_waiter_init(w, current_task());
	waitq_add(&e->wq, &w->waiter, events);
	*queued = true;
	ret = ensure_watched(e);
	return ret;
}

long host_end_read(struct host_end *e, struct uio *u, bool nonblock,
		   uint64_t deadline)
{
	struct task_waiter w;
	bool queued = false;
	long ret;

	if (u->left == 0)
		return 0;
	for (;;) {
		ret = host_end_try_read(e, u);
		if (ret != -EAGAIN || nonblock)
			break;
		ret = wait_ready(e, &w, &queued, LINUX_POLLIN, deadline);
		if (ret == -ETIMEDOUT)
			ret = 0;
		else if (ret == 0)
			continue;
		break;
	}
	if (queued)
		waitq_del(&w.waiter);
	return ret;
}

long host_end_write(struct host_end *e, struct uio *u, bool nonblock)
{
	struct task_waiter w;
	bool queued = false;
	long ret = 0, done = 0;

	while (u->left) {
		ret = host_end_try_write(e, u);
		if (ret > 0) {
			done += ret;
			continue;
		}
		if (ret != -EAGAIN || nonblock)
			break;
		ret = wait_ready(e, &w, &queued, LINUX_POLLOUT, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	if (queued)
		waitq_del(&w.waiter);
	if (ret == -EPIPE)
		(void)broken_pipe();
	return done ? done : ret;
}

uint32_t host_end_poll(struct host_end *e, struct poll_table *pt)
{
	const short ask =
		LINUX_POLLIN | LINUX_POLLOUT | LINUX_POLLPRI | LINUX_POLLRDHUP;
	uint32_t events;
	int ret;

	if (pt) {
		poll_wait(pt, &e->wq);
		if (ensure_watched(e) < 0)
			return LINUX_POLLERR;
	}
	ret = host_poll_now(e->fd, ask);
	if (ret < 0)
		return LINUX_POLLERR;
	events = (uint32_t)ret;
	if (events & LINUX_POLLIN)
		events |= LINUX_POLLRDNORM;
	if (events & LINUX_POLLOUT)
		events |= LINUX_POLLWRNORM;
	return events;
}
