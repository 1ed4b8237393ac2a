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
 * Linux:     as 6.18, without O_DIRECT packets and notification pipes.
 * Tests:     tests/unit/test_pipe_ring.c, tests/conformance/pipe.c,
 *	      pipe_edges.c
 */
#include "sentry/fs/pipe/pipe.h"

#include <errno.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "sentry/fs/pipe/ring.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task.h"

#define EVENTS_IN  (LINUX_POLLIN | LINUX_POLLRDNORM)
#define EVENTS_OUT (LINUX_POLLOUT | LINUX_POLLWRNORM)

/* As fs.pipe-user-pages-soft: beyond it new pipes get two pages. */
#define SOFT_LIMIT (16384 * PAGE_SIZE)
/* Pages brought in vain before a copy is given up. */
#define FAULT_TRIES 8
static _Atomic uint64_t g_reserved; /* capacity of all pipes */

struct pipe {
	struct mutex mu; /* LOCK_PIPE */
	struct pipe_ring ring GUARDED_BY(mu);
	uint32_t readers, writers GUARDED_BY(mu);
	/* How often each side was opened: fifo_open() waits for a change. */
	uint32_t r_counter, w_counter GUARDED_BY(mu);
	uint32_t files;		/* inode->mu: files, opening ones included */
	IMMUTABLE bool is_fifo; /* an open waits for the other side */
	_Atomic bool poll_used;
	struct waitq rd_wait, wr_wait, open_wait;
};

/* What a file's priv points at. */
struct pipe_end {
	struct pipe *p;
	uint32_t w_seen; /* w_counter at a reader's O_NONBLOCK open: no HUP */
};

static const struct file_ops pipe_file_ops;

static struct pipe *pipe_of(const struct file *f)
{
	return ((struct pipe_end *)f->priv)->p;
}

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

static bool can_read(const struct file *f)
{
	return (f->flags & LINUX_O_ACCMODE) != LINUX_O_WRONLY;
}

static bool can_write(const struct file *f)
{
	return (f->flags & LINUX_O_ACCMODE) != LINUX_O_RDONLY;
}

static bool is_full(const struct pipe *p)
{
	return ring_room(&p->ring) < PIPE_ATOMIC;
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
	want = MIN(p->ring.len, u->left);
	if (p->ring.len) {
		wake = is_full(p);
		ret = ring_get(&p->ring, u, want);
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
	for (;;) {
		ret = try_read(p, u);
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
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
	if (ret != -EAGAIN || file_nonblock(f))
		return ret;
	return wait_and_read(p, u);
}

/* --- writing -------------------------------------------------------------- */

/* @total: size of the whole write, which decides whether it is atomic. */
static long write_some(struct pipe *p, struct uio *u, size_t total, bool *again)
{
	bool was_empty = false;
	size_t want = 0;
	long ret;

	mutex_lock(&p->mu);
	if (!p->readers) {
		ret = -EPIPE;
	} else if (ring_room(&p->ring) == 0 ||
		   (total <= PIPE_ATOMIC && ring_room(&p->ring) < total)) {
		ret = -EAGAIN;
	} else {
		was_empty = p->ring.len == 0;
		want = MIN(ring_room(&p->ring), u->left);
		ret = ring_put(&p->ring, u, want);
	}
	*again = want && (ret == -EFAULT || (ret > 0 && (size_t)ret < want));
	mutex_unlock(&p->mu);
	if (ret > 0 && (was_empty || p->poll_used))
		waitq_wake_nr(&p->rd_wait, EVENTS_IN, 1);
	return ret;
}

static long try_write(struct pipe *p, struct uio *u, size_t total)
{
	long done = 0, ret;
	int tries = 0;
	bool again;

	u->nofault = true;
	do {
		ret = write_some(p, u, total, &again);
		done += MAX(ret, 0);
	} while (again && fault_in(u, PLAT_READ, ret, &tries));
	u->nofault = false;
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

/* Writes the rest of @u, waiting for room; *done grows. */
static long wait_and_write(struct pipe *p, struct uio *u, size_t total,
			   size_t *done)
{
	struct task_waiter w;
	long ret;

	task_waiter_init(&w, current_task());
	w.waiter.exclusive = true;
	waitq_add(&p->wr_wait, &w.waiter, EVENTS_OUT);
	for (;;) {
		ret = try_write(p, u, total);
		if (ret >= 0) {
			*done += (size_t)ret;
			if (u->left == 0 || ret == 0)
				break;
			continue;
		}
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	if (waitq_has_waiters(&p->wr_wait) && has_room(p))
		waitq_wake_nr(&p->wr_wait, EVENTS_OUT, 1);
	return ret;
}

/* 0: something can be done; -EAGAIN; -EPIPE. */
static int look(struct pipe *p, bool write)
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

static long write_all(struct file *f, struct pipe *p, struct uio *u)
{
	size_t total = u->left, done = 0;
	long ret = try_write(p, u, total);

	if (ret > 0)
		done = (size_t)ret;
	if ((ret > 0 && u->left > 0) || ret == -EAGAIN) {
		if (!file_nonblock(f))
			ret = wait_and_write(p, u, total, &done);
	}
	if (ret == -EPIPE)
		broken_pipe();
	return done ? (long)done : ret;
}

/* A write that is atomic cannot stop half-way for a page: copied first. */
static long write_atomic(struct file *f, struct pipe *p, struct uio *u)
{
	char bytes[PIPE_ATOMIC];
	size_t total = u->left;
	struct uio k;

	if (uio_copy_in(u, bytes, total) != (long)total)
		return look(p, true) == -EPIPE ? broken_pipe() : -EFAULT;
	uio_kernel(&k, bytes, total);
	return write_all(f, p, &k);
}

static long pipe_write(struct file *f, struct uio *u, int64_t *pos)
{
	struct pipe *p = pipe_of(f);

	(void)pos;
	if (u->left == 0)
		return 0;
	return u->mm && u->left <= PIPE_ATOMIC ? write_atomic(f, p, u)
					       : write_all(f, p, u);
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
	long ret;

	if (want > 1u << 31)
		return -EINVAL;
	if (size > PIPE_MAX_SIZE)
		return -EPERM;
	mutex_lock(&p->mu);
	old = p->ring.size;
	grows = size > old;
	if (grows && g_reserved + size - old > SOFT_LIMIT &&
	    !capable(CAP_NR_SYS_RESOURCE))
		ret = -EPERM;
	else
		ret = ring_resize(&p->ring, size);
	mutex_unlock(&p->mu);
	if (ret < 0)
		return ret;
	g_reserved += size - old;
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

static int pipe_set_flags(struct file *f, uint32_t flags)
{
	(void)f;
	return flags & LINUX_O_DIRECT ? -EINVAL : 0;
}

static int pipe_fsync(struct file *f, bool data_only)
{
	(void)f;
	(void)data_only;
	return -EINVAL;
}

/* --- splicing ------------------------------------------------------------- */

long pipe_take(struct file *f, void *buf, size_t size)
{
	struct uio u;

	uio_kernel(&u, buf, size);
	return try_read(pipe_of(f), &u);
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

	uio_kernel(&u, (void *)(uintptr_t)buf, size);
	return try_write(pipe_of(f), &u, PIPE_ATOMIC + 1);
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
	g_reserved += p->ring.size - before;
	mutex_unlock(&p->mu);
	if (ret == 0)
		waitq_wake_nr(&p->rd_wait, EVENTS_IN, 1);
}

int pipe_wait(struct file *f, bool write, bool nonblock)
{
	struct pipe *p = pipe_of(f);
	struct task_waiter w;
	int ret = look(p, write);

	if (ret != -EAGAIN || nonblock)
		return ret;
	task_waiter_init(&w, current_task());
	waitq_add(write ? &p->wr_wait : &p->rd_wait, &w.waiter,
		  write ? EVENTS_OUT : EVENTS_IN);
	for (;;) {
		ret = look(p, write);
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}

/* --- life ----------------------------------------------------------------- */

static struct pipe *pipe_alloc(bool is_fifo)
{
	struct pipe *p = kzalloc(sizeof(*p));
	size_t size = PIPE_DEF_SIZE;

	if (!p)
		return NULL;
	if (g_reserved + size > SOFT_LIMIT)
		size = 2 * PAGE_SIZE;
	g_reserved += size;
	mutex_init(&p->mu, LOCK_PIPE);
	ring_init(&p->ring, size);
	waitq_init(&p->rd_wait);
	waitq_init(&p->wr_wait);
	waitq_init(&p->open_wait);
	p->is_fifo = is_fifo;
	return p;
}

static void pipe_free(struct pipe *p)
{
	g_reserved -= p->ring.size;
	ring_fini(&p->ring);
	waitq_fini(&p->rd_wait);
	waitq_fini(&p->wr_wait);
	waitq_fini(&p->open_wait);
	free(p);
}

/* The pipe behind @inode with one more file, made if there is none. */
static struct pipe *pipe_of_inode(struct inode *inode)
{
	struct pipe *p;

	mutex_lock(&inode->mu);
	if (!inode->pipe)
		inode->pipe = pipe_alloc(true);
	p = inode->pipe;
	if (p)
		p->files++;
	mutex_unlock(&inode->mu);
	return p;
}

static void pipe_put(struct inode *inode, struct pipe *p)
{
	bool last;

	mutex_lock(&inode->mu);
	last = --p->files == 0;
	if (last)
		inode->pipe = NULL;
	mutex_unlock(&inode->mu);
	if (last)
		pipe_free(p);
}

/* What a side finds when it is added. */
struct sides {
	bool readers, writers;
	uint32_t r_counter, w_counter;
};

/* @f takes its side of the pipe; *out: the state then. */
static void add_side(struct pipe *p, const struct file *f, struct sides *out)
{
	mutex_lock(&p->mu);
	if (can_read(f)) {
		p->readers++;
		p->r_counter++;
	}
	if (can_write(f)) {
		p->writers++;
		p->w_counter++;
	}
	out->readers = p->readers > 0;
	out->writers = p->writers > 0;
	out->r_counter = p->r_counter;
	out->w_counter = p->w_counter;
	mutex_unlock(&p->mu);
	waitq_wake(&p->open_wait, EVENTS_IN | EVENTS_OUT);
}

static void drop_side(struct pipe *p, const struct file *f)
{
	bool gone;

	mutex_lock(&p->mu);
	if (can_read(f))
		p->readers--;
	if (can_write(f))
		p->writers--;
	gone = !p->readers || !p->writers;
	mutex_unlock(&p->mu);
	if (!gone)
		return;
	waitq_wake(&p->rd_wait, EVENTS_IN | LINUX_POLLHUP | LINUX_POLLERR);
	waitq_wake(&p->wr_wait, EVENTS_OUT | LINUX_POLLHUP | LINUX_POLLERR);
}

static void pipe_release(struct file *f)
{
	struct pipe_end *e = f->priv;

	if (!e)
		return;
	drop_side(e->p, f);
	pipe_put(f->inode, e->p);
	free(e);
}

/* Waits until the other side was opened since *counter was @seen. */
static int wait_for_partner(struct pipe *p, const uint32_t *counter,
			    uint32_t seen)
{
	struct task_waiter w;
	bool there;
	int ret = 0;

	task_waiter_init(&w, current_task());
	waitq_add(&p->open_wait, &w.waiter, EVENTS_IN | EVENTS_OUT);
	for (;;) {
		mutex_lock(&p->mu);
		there = *counter != seen;
		mutex_unlock(&p->mu);
		if (there)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}

/* The waiting part of fifo(7), after this side was added. */
static int meet_partner(struct pipe *p, struct file *f, struct pipe_end *e,
			const struct sides *now)
{
	if (!p->is_fifo || (now->readers && now->writers))
		return 0;
	if (!can_read(f))
		return wait_for_partner(p, &p->r_counter, now->r_counter);
	if (!file_nonblock(f))
		return wait_for_partner(p, &p->w_counter, now->w_counter);
	e->w_seen = now->w_counter;
	return 0;
}

static bool no_reader(struct pipe *p)
{
	bool none;

	mutex_lock(&p->mu);
	none = p->readers == 0;
	mutex_unlock(&p->mu);
	return none;
}

int fifo_open(struct inode *inode, struct file *f)
{
	AUTO_FREE struct pipe_end *e = kzalloc(sizeof(*e));
	struct sides now;
	struct pipe *p;
	int ret;

	if (!e)
		return -ENOMEM;
	p = pipe_of_inode(inode);
	if (!p)
		return -ENOMEM;
	e->p = p;
	if (!can_read(f) && file_nonblock(f) && p->is_fifo && no_reader(p)) {
		pipe_put(inode, p);
		return -ENXIO;
	}
	add_side(p, f, &now);
	ret = meet_partner(p, f, e, &now);
	if (ret < 0) {
		drop_side(p, f);
		pipe_put(inode, p);
		return ret;
	}
	f->ops = &pipe_file_ops;
	f->priv = take(e);
	return 0;
}

int pipe_new(uint32_t flags, struct file *out[2])
{
	AUTO_PUT(file) struct file *rd = NULL, *wr = NULL;
	struct pipe *p = pipe_alloc(false);
	int ret;

	if (!p)
		return -ENOMEM;
	ret = file_new_anon("pipe:[%lu]", &pipe_file_ops, NULL,
			    LINUX_S_IFIFO | 0600, LINUX_O_RDONLY | flags, &rd);
	if (ret < 0) {
		pipe_free(p);
		return ret;
	}
	/* From here on the first file's end keeps the pipe. */
	rd->inode->pipe = p;
	p->files = 1;
	ret = fifo_open(rd->inode, rd);
	pipe_put(rd->inode, p);
	if (ret < 0)
		return ret;
	ret = file_new(&rd->path, rd->inode, LINUX_O_WRONLY | flags, &wr);
	if (ret < 0)
		return ret;
	ret = fifo_open(wr->inode, wr);
	if (ret < 0)
		return ret;
	out[0] = take(rd);
	out[1] = take(wr);
	return 0;
}

static const struct file_ops pipe_file_ops = {
	.name = "pipe",
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.fsync = pipe_fsync,
	.fcntl = pipe_fcntl,
	.set_flags = pipe_set_flags,
	.release = pipe_release,
};
