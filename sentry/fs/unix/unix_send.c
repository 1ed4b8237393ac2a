/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_send: sending on AF_UNIX sockets.
 *
 * Streams are cut into pieces; descriptors go with the first.
 *
 * Locks: u->mu of sender and receiver, one after the other.
 * Linux: net/unix/af_unix.c of 6.18.
 * Tests: tests/conformance/unix_socket.c, unix_more.c
 */
#include <errno.h>

#include "abi/poll.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/fs/unix/unix.h"
#include "sentry/kernel/task.h"

#define EVENTS_IN  (LINUX_POLLIN | LINUX_POLLRDNORM)
#define EVENTS_OUT (LINUX_POLLOUT | LINUX_POLLWRNORM)

static bool may_send(struct unix_sock *u, const void *arg)
{
	bool yes;

	(void)arg;
	mutex_lock(&u->mu);
	yes = u->charged < u->sndbuf || u->err || (u->shut & SHUT_SEND);
	mutex_unlock(&u->mu);
	return yes;
}

/* One call in progress. */
struct unix_put {
	struct unix_sock *u, *dest;
	struct socket_msg *m;
	uint64_t deadline;
	bool nonblock;
};

/* Room for one more message of @u: 0, -EPIPE, -EAGAIN, -ERESTARTSYS, error */
static int wait_for_room(const struct unix_put *p)
{
	struct unix_sock *u = p->u;
	int ret;

	for (;;) {
		mutex_lock(&u->mu);
		if (u->err) {
			ret = -u->err;
			u->err = 0;
		} else if (u->shut & SHUT_SEND) {
			ret = -EPIPE;
		} else {
			ret = u->charged < u->sndbuf ? 0 : -EAGAIN;
		}
		if (ret == -EAGAIN)
			u->full = true;
		mutex_unlock(&u->mu);
		if (ret != -EAGAIN || p->nonblock)
			return ret;
		ret = unix_wait(u, EVENTS_OUT, p->deadline, may_send, NULL);
		if (ret < 0)
			return ret;
	}
}

/* Under dest->mu: the last message becomes the urgent one. */
static void mark_oob(struct unix_sock *dest, struct unix_msg *msg)
{
	msg->oob = true;
	dest->oob = msg; /* an older one is plain data from now on */
}

/*
 * -EPIPE: nobody will read it; -ECONNREFUSED: the datagram's socket is gone;
 * -EAGAIN: its queue is full; -EPERM: it talks to somebody else, or wants no
 * descriptors.
 */
static int enqueue(const struct unix_put *p, struct unix_msg *msg, bool oob)
{
	struct unix_sock *dest = p->dest, *u = p->u;
	bool dgram = unix_is_dgram(dest);
	int ret = 0;

	mutex_lock(&dest->mu);
	if (dest->dead && dgram) {
		ret = -ECONNREFUSED;
	} else if (dest->dead || (dest->shut & SHUT_RCV)) {
		ret = -EPIPE;
	} else if ((dgram && dest->peer && dest->peer != u) ||
		   (msg->scm.nr_files && dest->no_rights)) {
		ret = -EPERM;
	} else if (dgram && dest->peer != u && dest != u &&
		   dest->nr_queued > UNIX_DGRAM_QLEN) {
		ret = -EAGAIN;
	} else {
		list_append(&dest->queue, &msg->node);
		dest->nr_queued++;
		dest->arrived++;
		if (oob)
			mark_oob(dest, msg);
	}
	mutex_unlock(&dest->mu);
	if (ret == 0 && oob)
		unix_wake(dest, LINUX_POLLPRI);
	if (ret == 0)
		unix_wake(dest, EVENTS_IN);
	return ret;
}

/* --- streams -------------------------------------------------------------- */

static int send_piece(struct unix_put *p, size_t size, bool oob)
{
	struct unix_msg *msg = NULL;
	int ret;

	ret = wait_for_room(p);
	if (ret == 0)
		ret = unix_msg_new(p->u, p->m, size, &msg);
	if (ret != 0)
		return ret;
	ret = unix_attach_files(msg, &p->m->scm);
	if (ret == 0)
		ret = enqueue(p, msg, oob);
	if (ret < 0) {
		unix_detach_files(msg, &p->m->scm);
		unix_drop_msg(msg);
		return ret;
	}
	return (int)size;
}

/* All of it; with MSG_OOB the last byte is urgent. */
static long send_pieces(struct unix_put *p)
{
	bool oob = p->m->flags & LINUX_MSG_OOB;
	long done = 0, ret = 0;

	while (p->m->u->left > oob) {
		ret = send_piece(p, MIN(p->m->u->left - oob, UNIX_STREAM_PIECE),
				 false);
		if (ret < 0)
			return done ? done : ret;
		done += ret;
	}
	if (oob)
		ret = send_piece(p, 1, true);
	if (oob && ret > 0)
		done += ret;
	return done ? done : ret;
}

static long send_stream(struct unix_put *p)
{
	struct socket_msg *m = p->m;
	long ret;

	if ((m->flags & LINUX_MSG_OOB) && m->u->left == 0)
		return -EOPNOTSUPP;
	p->dest = unix_peer(p->u);
	if (m->namelen) {
		ret = p->dest ? -EISCONN : -EOPNOTSUPP;
	} else if (!p->dest) {
		ret = p->u->shut & SHUT_SEND ? -EPIPE : -ENOTCONN;
	} else {
		ret = send_pieces(p);
	}
	if (p->dest)
		unix_put(p->dest);
	if (ret == -EPIPE && !(m->flags & LINUX_MSG_NOSIGNAL))
		return broken_pipe();
	return ret;
}

/* --- packets -------------------------------------------------------------- */

/* Where a datagram goes, +1. */
static int destination(struct unix_put *p)
{
	struct socket_msg *m = p->m;

	if (m->namelen && unix_is_dgram(p->u))
		return unix_find(p->u, m->name, m->namelen, p->u->sock.type,
				 &p->dest);
	p->dest = unix_peer(p->u);
	return p->dest ? 0 : -ENOTCONN;
}

static bool queue_has_room(struct unix_sock *dest, const void *arg)
{
	bool yes;

	(void)arg;
	mutex_lock(&dest->mu);
	yes = dest->dead || dest->nr_queued <= UNIX_DGRAM_QLEN;
	mutex_unlock(&dest->mu);
	return yes;
}

/* Forgets a destination that is gone. */
static void disconnect(struct unix_sock *u, struct unix_sock *dest)
{
	bool ours;

	mutex_lock(&u->mu);
	ours = u->peer == dest;
	if (ours)
		u->peer = NULL;
	mutex_unlock(&u->mu);
	if (ours)
		unix_put(dest);
}

static int deliver(const struct unix_put *p, struct unix_msg *msg)
{
	int ret;

	for (;;) {
		ret = enqueue(p, msg, false);
		if (ret != -EAGAIN || p->nonblock)
			break;
		ret = unix_wait(p->dest, EVENTS_OUT, p->deadline,
				queue_has_room, NULL);
		if (ret < 0)
			break;
	}
	if (ret == -ECONNREFUSED)
		disconnect(p->u, p->dest);
	return ret;
}

static long send_packet(struct unix_put *p)
{
	size_t size = p->m->u->left;
	struct unix_msg *msg;
	int ret;

	ret = destination(p);
	if (ret < 0)
		return ret;
	if (size > p->u->sndbuf - 32)
		ret = -EMSGSIZE;
	if (ret == 0)
		ret = wait_for_room(p);
	if (ret == 0)
		ret = unix_msg_new(p->u, p->m, size, &msg);
	if (ret == 0) {
		ret = unix_attach_files(msg, &p->m->scm);
		if (ret == 0)
			ret = deliver(p, msg);
		if (ret < 0) {
			unix_detach_files(msg, &p->m->scm);
			unix_drop_msg(msg);
		}
	}
	unix_put(p->dest);
	return ret < 0 ? ret : (long)size;
}

long unix_send(struct socket *s, struct socket_msg *m)
{
	struct unix_sock *u = unix_of(s);
	struct unix_put p = {
		.u = u,
		.m = m,
		.deadline = unix_deadline(u->sndtimeo),
		.nonblock = m->flags & LINUX_MSG_DONTWAIT,
	};
	int ret;

	if (!unix_is_stream(u) && (m->flags & LINUX_MSG_OOB))
		return -EOPNOTSUPP;
	if (m->scm.nr_files)
		unix_gc_if_many();
	ret = unix_is_stream(u) ? 0 : unix_autobind_if_asked(u);
	if (ret < 0)
		return ret;
	return unix_is_stream(u) ? send_stream(&p) : send_packet(&p);
}
