/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe_open: how pipes and FIFOs come into being and go.
 *
 * Locks: inode->mu covers inode->pipe and files; p->mu the sides.
 * Linux: alloc_pipe_info() and fifo_open() of 6.18.
 * Tests: tests/conformance/pipe.c, pipe_edges.c, pipe_packet.c
 */
#include <errno.h>

#include "abi/stat.h"
#include "sentry/fs/pipe/pipe_private.h"
#include "sentry/kernel/task.h"

/* As fs.pipe-user-pages-soft: beyond it a user's new pipes get two pages. */
#define SOFT_LIMIT (16384 * PAGE_SIZE)
/* What no user gets beyond: it is the sentry's memory. */
#define HARD_LIMIT (8 * SOFT_LIMIT)

/* Beyond its share a user needs privilege for more; everybody has an end. */
int pipe_check_quota(const struct pipe *p, size_t more)
{
	uint64_t total = p->user->pipe_bytes + more;

	if (total <= SOFT_LIMIT)
		return 0;
	if (capable(CAP_NR_SYS_RESOURCE) || capable(CAP_NR_SYS_ADMIN))
		return total <= HARD_LIMIT ? 0 : -EPERM;
	return -EPERM;
}

static struct pipe *pipe_alloc(bool is_fifo)
{
	struct pipe *p = kzalloc(sizeof(*p));
	size_t size = PIPE_DEF_SIZE;

	if (!p)
		return NULL;
	p->user = current_task()->cred->user;
	user_acct_get(p->user);
	if (pipe_check_quota(p, size) < 0)
		size = 2 * PAGE_SIZE;
	p->user->pipe_bytes += size;
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
	p->user->pipe_bytes -= p->ring.size;
	user_acct_put(p->user);
	ring_fini(&p->ring);
	packets_fini(&p->packets);
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

void pipe_release(struct file *f)
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
