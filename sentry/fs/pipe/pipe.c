/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe: pipes and FIFOs, pipe(7) and fifo(7).
 *
 * A ring of bytes between readers and writers.  Writes of at most PIPE_BUF
 * bytes are atomic.  Whoever makes an empty pipe readable wakes one reader;
 * a reader that leaves bytes behind wakes the next; likewise for writers, for
 * whom a pipe is full with less than PIPE_BUF bytes of room (Linux: no free
 * slot).  Once somebody polled the pipe, every transfer wakes, because an
 * edge-triggered epoll wants each of them.
 *
 * Invariant: a struct pipe lives while pipe->files > 0; inode->pipe names it.
 * Locks:     inode->mu covers inode->pipe and files; p->mu (LOCK_PIPE) the
 *	      rest.  p->mu is held while guest memory is copied that is there;
 *	      for a page that must come from a file it is dropped
 *	      (uio->nofault).
 * Linux:     as 6.18, without notification pipes.  A packet takes its bytes and
 *            a slot, of which there is one a page.
 * Tests:     tests/unit/test_pipe_ring.c, test_pipe_packet.c,
 *	      tests/conformance/pipe.c, pipe_edges.c, pipe_packet.c
 */
#include <errno.h>

#include "sentry/fs/pipe/pipe_private.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task.h"

/* Pages brought in vain before a copy is given up. */
#define FAULT_TRIES 8

bool file_is_pipe(const struct file *f)
{
	return f->ops == &pipe_file_ops;
}

int broken_pipe(void)
{
	struct linux_siginfo si;

	siginfo_user(&si, LINUX_SIGPIPE, 0);
	signal_send_task(current_task(), &si);
	return -EPIPE;
}

/* The bytes that one read can get: plain ones, and then one packet. */
static size_t readable(const struct pipe *p, size_t want)
{
	size_t plain = packets_plain(&p->packets);

	if (want > plain)
		want = MIN(want, plain + packets_first(&p->packets));
	return MIN(want, p->ring.len);
}

/* @got bytes were read of the @want that readable() allowed: what a reader
 * did not want of a packet is lost. */
static void took(struct pipe *p, size_t got, size_t want)
{
	size_t plain = packets_plain(&p->packets), rest = 0;

	if (got == want && got > plain)
		rest = plain + packets_first(&p->packets) - got;
	ring_drop(&p->ring, rest);
	packets_taken(&p->packets, got + rest);
}

/* --- reading -------------------------------------------------------------- */

/* A copy ended at a page that is not there: *again is set, and fault_in()
 * brings it without the lock. */
static long read_some(struct pipe *p, struct uio *u, bool *again)
{
	bool wake = false;
	size_t want;
	long ret;

	mutex_lock(&p->mu);
	want = readable(p, u->left);
	if (p->ring.len) {
		wake = is_full(p);
		ret = ring_get(&p->ring, u, want);
		if (ret > 0)
			took(p, (size_t)ret, want);
		wake = wake && !is_full(p);
	} else {
		ret = p->writers ? -EAGAIN : 0;
	}
	*again = want && (ret == -EFAULT || (ret > 0 && (size_t)ret < want));
	mutex_unlock(&p->mu);
	if (ret > 0 && (wake || p->poll_used))
		waitq_wake_nr(&p->wr_wait, EVENTS_OUT, 1);
	return ret;
}

/* May the copy be tried again?  *tries: how often nothing was copied. */
static bool fault_in(struct uio *u, uint32_t access, long last, int *tries)
{
	*tries = last > 0 ? 0 : *tries + 1;
	return *tries < FAULT_TRIES && uio_fault_in(u, PAGE_SIZE, access) == 0;
}

static long try_read(struct pipe *p, struct uio *u)
{
	long done = 0, ret;
	int tries = 0;
	bool again;

	u->nofault = true;
	do {
		ret = read_some(p, u, &again);
		done += MAX(ret, 0);
	} while (again && fault_in(u, PLAT_WRITE, ret, &tries));
	u->nofault = false;
	return done ? done : ret;
}

static bool has_bytes(struct pipe *p)
{
	bool yes;

	mutex_lock(&p->mu);
	yes = p->ring.len > 0 || !p->writers;
	mutex_unlock(&p->mu);
	return yes;
}

static long wait_and_read(struct pipe *p, struct uio *u)
{
	struct task_waiter w;
	long ret;

	task_waiter_init(&w, current_task());
	w.waiter.exclusive = true;
	waitq_add(&p->rd_wait, &w.waiter, EVENTS_IN);
	w.task->wchan = "pipe_read";
	for (;;) {
		ret = try_read(p, u);
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	w.task->wchan = NULL;
	waitq_del(&w.waiter);
	/* The wake-up meant for us may be needed by the next one. */
	if (waitq_has_waiters(&p->rd_wait) && has_bytes(p))
		waitq_wake_nr(&p->rd_wait, EVENTS_IN, 1);
	return ret;
}

static long pipe_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct pipe *p = pipe_of(f);
	long ret;

	(void)pos;
	if (u->left == 0)
		return 0;
	ret = try_read(p, u);
	if (ret != -EAGAIN || file_nonblock_now(f, u))
		return ret;
	return wait_and_read(p, u);
}

/* --- writing -------------------------------------------------------------- */

static bool no_room(const struct pipe *p, const struct pipe_put *w)
{
	size_t room = ring_room(&p->ring);

	if (w->packet && p->packets.nr >= p->ring.size / PAGE_SIZE)
		return true;
	return room == 0 || (w->total <= PIPE_ATOMIC && room < w->total);
}

/* As Linux: what fits into the page of plain bytes before it is no packet. */
static bool joins_plain(const struct pipe *p, size_t size)
{
	size_t tail = packets_tail(&p->packets, p->ring.len) % PAGE_SIZE;

	return tail && tail + size <= PAGE_SIZE;
}

/* Under p->mu, with room. */
static long put_locked(struct pipe *p, const struct pipe_put *w, size_t want)
{
	bool packet = w->packet && !joins_plain(p, want);
	long ret = packet ? packets_reserve(&p->packets) : 0;

	if (ret == 0)
		ret = ring_put(&p->ring, w->u, want);
	if (ret > 0 && packet)
		packets_add(&p->packets, p->ring.len, (size_t)ret);
	return ret;
}

static long write_some(struct pipe *p, const struct pipe_put *w, bool *again)
{
	bool was_empty = false;
	size_t want = 0;
	long ret;

	mutex_lock(&p->mu);
	if (!p->readers) {
		ret = -EPIPE;
	} else if (no_room(p, w)) {
		ret = -EAGAIN;
	} else {
		was_empty = p->ring.len == 0;
		want = MIN(ring_room(&p->ring), w->u->left);
		ret = put_locked(p, w, want);
	}
	*again = want && (ret == -EFAULT || (ret > 0 && (size_t)ret < want));
	mutex_unlock(&p->mu);
	if (ret > 0 && (was_empty || p->poll_used))
		waitq_wake_nr(&p->rd_wait, EVENTS_IN, 1);
	return ret;
}

long pipe_try_write(struct pipe *p, const struct pipe_put *w)
{
	long done = 0, ret;
	int tries = 0;
	bool again;

	w->u->nofault = true;
	do {
		ret = write_some(p, w, &again);
		done += MAX(ret, 0);
	} while (again && fault_in(w->u, PLAT_READ, ret, &tries));
	w->u->nofault = false;
	return done ? done : ret;
}

static bool has_room(struct pipe *p)
{
	bool yes;

	mutex_lock(&p->mu);
	yes = !is_full(p) || !p->readers;
	mutex_unlock(&p->mu);
	return yes;
}

/* Writes the rest of @put, waiting for room; *done grows. */
static long wait_and_write(struct pipe *p, const struct pipe_put *put,
			   size_t *done)
{
	struct task_waiter w;
	long ret;

	task_waiter_init(&w, current_task());
	w.waiter.exclusive = true;
	waitq_add(&p->wr_wait, &w.waiter, EVENTS_OUT);
	w.task->wchan = "pipe_write";
	for (;;) {
		ret = pipe_try_write(p, put);
		if (ret >= 0) {
			*done += (size_t)ret;
			if (put->u->left == 0 || ret == 0)
				break;
			continue;
		}
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	w.task->wchan = NULL;
	waitq_del(&w.waiter);
	if (waitq_has_waiters(&p->wr_wait) && has_room(p))
		waitq_wake_nr(&p->wr_wait, EVENTS_OUT, 1);
	return ret;
}

int pipe_look(struct pipe *p, bool write)
{
	int ret;

	mutex_lock(&p->mu);
	if (!write)
		ret = p->ring.len || !p->writers ? 0 : -EAGAIN;
	else if (!p->readers)
		ret = -EPIPE;
	else
		ret = ring_room(&p->ring) ? 0 : -EAGAIN;
	mutex_unlock(&p->mu);
	return ret;
}

static long write_all(struct file *f, struct pipe *p, const struct pipe_put *w)
{
	long ret = pipe_try_write(p, w);
	size_t done = 0;

	if (ret > 0)
		done = (size_t)ret;
	if ((ret > 0 && w->u->left > 0) || ret == -EAGAIN) {
		if (!file_nonblock_now(f, w->u))
			ret = wait_and_write(p, w, &done);
	}
	if (ret == -EPIPE && !(w->u->rwf & LINUX_RWF_NOSIGNAL))
		broken_pipe();
	return done ? (long)done : ret;
}

/*
 * At most PIPE_BUF bytes, all or nothing.  It cannot stop half-way for a page,
 * so they are copied first.
 */
static long write_atomic(struct file *f, struct pipe *p, struct uio *u)
{
	char bytes[PIPE_ATOMIC];
	size_t total = MIN(u->left, PIPE_ATOMIC);
	struct uio k;
	struct pipe_put w = { &k, total, f->flags & LINUX_O_DIRECT };

	if (uio_copy_in(u, bytes, total) != (long)total)
		return pipe_look(p, true) == -EPIPE ? broken_pipe() : -EFAULT;
	uio_kernel(&k, bytes, total);
	k.rwf = u->rwf;
	return write_all(f, p, &w);
}

/* Packets of PIPE_BUF bytes, and one for the rest. */
static long write_packets(struct file *f, struct pipe *p, struct uio *u)
{
	long done = 0, ret = 0;

	while (u->left > 0) {
		ret = write_atomic(f, p, u);
		if (ret < 0)
			break;
		done += ret;
	}
	return done ? done : ret;
}

static long pipe_write(struct file *f, struct uio *u, int64_t *pos)
{
	const struct pipe_put w = { u, u->left, false };
	struct pipe *p = pipe_of(f);

	(void)pos;
	if (u->left == 0)
		return 0;
	if (f->flags & LINUX_O_DIRECT)
		return write_packets(f, p, u);
	return u->mm && u->left <= PIPE_ATOMIC ? write_atomic(f, p, u)
					       : write_all(f, p, &w);
}

/* --- the other operations ------------------------------------------------- */

static uint32_t pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe_end *e = f->priv;
	struct pipe *p = e->p;
	uint32_t events = 0;

	p->poll_used = true;
	if (can_read(f))
		poll_wait(pt, &p->rd_wait);
	if (can_write(f))
		poll_wait(pt, &p->wr_wait);
	mutex_lock(&p->mu);
	if (can_read(f)) {
		if (p->ring.len)
			events |= EVENTS_IN;
		if (!p->writers && e->w_seen != p->w_counter)
			events |= LINUX_POLLHUP;
	}
	if (can_write(f)) {
		if (!is_full(p))
			events |= EVENTS_OUT;
		if (!p->readers)
			events |= LINUX_POLLERR;
	}
	mutex_unlock(&p->mu);
	return events;
}

static long pipe_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct pipe *p = pipe_of(f);
	int32_t len;

	if (cmd != LINUX_FIONREAD)
		return -ENOTTY;
	mutex_lock(&p->mu);
	len = (int32_t)p->ring.len;
	mutex_unlock(&p->mu);
	return copy_out(uaddr(arg), &len, sizeof(len));
}

/* The capacity for a wish of F_SETPIPE_SZ: a power of two of pages. */
static size_t round_size(uint64_t want)
{
	size_t size = PAGE_SIZE;

	while (size < want && size < 1ul << 31)
		size <<= 1;
	return size;
}

static long set_size(struct pipe *p, uint32_t want)
{
	size_t size = round_size(want), old;
	bool grows;
	long ret = 0;

	if (want > 1u << 31)
		return -EINVAL;
	mutex_lock(&p->mu);
	old = p->ring.size;
	grows = size > old;
	if (grows && size > PIPE_MAX_SIZE && !capable(CAP_NR_SYS_RESOURCE))
		ret = -EPERM;
	else if (grows)
		ret = pipe_check_quota(p, size - old);
	if (ret == 0 && p->packets.nr > size / PAGE_SIZE)
		ret = -EBUSY;
	if (ret == 0)
		ret = ring_resize(&p->ring, size);
	mutex_unlock(&p->mu);
	if (ret < 0)
		return ret;
	p->user->pipe_bytes += size - old;
	if (grows)
		waitq_wake(&p->wr_wait, EVENTS_OUT);
	return (long)size;
}

static long pipe_fcntl(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct pipe *p = pipe_of(f);
	long ret;

	if (cmd == LINUX_F_SETPIPE_SZ)
		return set_size(p, (uint32_t)arg);
	if (cmd != LINUX_F_GETPIPE_SZ)
		return -EINVAL;
	mutex_lock(&p->mu);
	ret = (long)p->ring.size;
	mutex_unlock(&p->mu);
	return ret;
}

/* O_DIRECT makes packets of the writes that follow. */
static int pipe_set_flags(struct file *f, uint32_t flags)
{
	(void)f;
	(void)flags;
	return 0;
}

static int pipe_fsync(struct file *f, bool data_only)
{
	(void)f;
	(void)data_only;
	return -EINVAL;
}

const struct file_ops pipe_file_ops = {
	.name = "pipe",
	.sigio = SIGIO_PIPE,
	.nowait = true,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.fsync = pipe_fsync,
	.fcntl = pipe_fcntl,
	.set_flags = pipe_set_flags,
	.release = pipe_release,
};
