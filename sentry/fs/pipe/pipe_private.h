/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe_private: what the files of sentry/fs/pipe share.
 */
#ifndef SENTRY_FS_PIPE_PRIVATE_H
#define SENTRY_FS_PIPE_PRIVATE_H

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/fs/pipe/packet.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/fs/pipe/ring.h"

#define EVENTS_IN  (LINUX_POLLIN | LINUX_POLLRDNORM)
#define EVENTS_OUT (LINUX_POLLOUT | LINUX_POLLWRNORM)

struct pipe {
	struct mutex mu; /* LOCK_PIPE */
	struct pipe_ring ring GUARDED_BY(mu);
	struct pipe_packets packets GUARDED_BY(mu);
	IMMUTABLE struct user_acct *user; /* a reference; who is charged */
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

extern const struct file_ops pipe_file_ops;

static inline struct pipe *pipe_of(const struct file *f)
{
	return ((struct pipe_end *)f->priv)->p;
}

static inline bool can_read(const struct file *f)
{
	return (f->flags & LINUX_O_ACCMODE) != LINUX_O_WRONLY;
}

static inline bool can_write(const struct file *f)
{
	return (f->flags & LINUX_O_ACCMODE) != LINUX_O_RDONLY;
}

/* Under p->mu: no room for a write of PIPE_BUF bytes, or no slot. */
static inline bool is_full(const struct pipe *p)
{
	return ring_room(&p->ring) < PIPE_ATOMIC ||
	       p->packets.nr >= p->ring.size / PAGE_SIZE;
}

/* One write(2), or a piece of it. */
struct pipe_put {
	struct uio *u;
	size_t total; /* of the whole write: decides whether it is atomic */
	bool packet;  /* at most PIPE_BUF bytes, to be read at once */
};
/* Bytes; -EAGAIN, -EPIPE (no signal), -EFAULT. */
MUST_CHECK long pipe_try_write(struct pipe *p, const struct pipe_put *w);
/* 0: something can be done; -EAGAIN; -EPIPE. */
MUST_CHECK int pipe_look(struct pipe *p, bool write);
/* May the owner of @p have @more bytes of capacity?  0, -EPERM. */
MUST_CHECK int pipe_check_quota(const struct pipe *p, size_t more);
/* pipe_file_ops.release */
void pipe_release(struct file *f);

#endif
