/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_recv: receiving on AF_UNIX sockets.
 *
 * Streams are read across messages, except where the sender's identity changes
 * (SO_PASSCRED), descriptors came along, or at urgent data.
 *
 * A message that is being read stays in its queue: only a reader removes it,
 * and readers hold u->read_mu, so that no short lock is held while bytes are
 * copied to the guest.
 *
 * Locks: u->read_mu (LOCK_FILE_POS) > u->mu.  Neither is held while waiting.
 * Linux: net/unix/af_unix.c of 6.18.
 * Tests: tests/conformance/unix_socket.c, unix_more.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/fs/unix/unix.h"
#include "sentry/kernel/task.h"

#define EVENTS_IN  (LINUX_POLLIN | LINUX_POLLRDNORM)
#define EVENTS_OUT (LINUX_POLLOUT | LINUX_POLLWRNORM)

/* More than the *@arg messages that had come when we looked. */
static bool has_news(struct unix_sock *u, const void *arg)
{
	const uint64_t *seen = arg;
	bool yes;

	mutex_lock(&u->mu);
	yes = u->arrived != *seen || u->err || (u->shut & SHUT_RCV) || u->dead;
	mutex_unlock(&u->mu);
	return yes;
}

/* One call in progress. */
struct unix_get {
	struct unix_sock *u;
	struct socket_msg *m;
	bool peek;
	bool told;	  /* source and sender are known */
	size_t done;	  /* bytes copied */
	size_t skip;	  /* SO_PEEK_OFF: bytes to pass over */
	uint64_t seen;	  /* u->arrived at the last look */
	struct list used; /* messages to drop without locks */
};

/* What comes from now on is news. */
static void look(struct unix_get *g)
{
	mutex_lock(&g->u->mu);
	g->seen = g->u->arrived;
	mutex_unlock(&g->u->mu);
}

static void tell_source(struct unix_get *g, const struct unix_msg *msg)
{
	struct socket_msg *m = g->m;

	g->told = true;
	m->namelen = 0;
	if (msg->name) {
		m->namelen = msg->name->len;
		memcpy(m->name, &msg->name->addr, m->namelen);
	}
	m->scm.cred = msg->scm.cred;
	m->scm.has_cred = g->u->passcred;
	m->scm.has_pidfd = g->u->passpidfd;
	if (msg->scm.sender)
		thread_group_get(msg->scm.sender);
	m->scm.sender = msg->scm.sender;
}

static bool same_sender(const struct unix_get *g, const struct unix_msg *msg)
{
	const struct scm *a = &g->m->scm, *b = &msg->scm;

	if (!a->has_cred && !a->has_pidfd)
		return true;
	return a->sender == b->sender &&
	       memcmp(&a->cred, &b->cred, sizeof(a->cred)) == 0;
}

/* Hands over the descriptors of @msg; if it stays, copies. */
static int take_files(struct unix_get *g, struct unix_msg *msg)
{
	struct scm files = { 0 };
	int ret = 0;

	if (!msg->scm.nr_files)
		return 0;
	if (g->peek)
		ret = unix_gc_copy(msg, &files);
	else
		unix_detach_files(msg, &files);
	if (ret < 0)
		return ret;
	g->m->scm.files = files.files;
	g->m->scm.nr_files = files.nr_files;
	return 0;
}

/* Under u->mu: @msg is used up. */
static void remove_locked(struct unix_get *g, struct unix_msg *msg)
{
	list_del(&msg->node);
	list_append(&g->used, &msg->node);
	g->u->nr_queued--;
}

/* SO_PEEK_OFF follows what is peeked at, and what is read. */
static void move_peek_off(struct unix_sock *u, bool peek, size_t n)
{
	int32_t by = (int32_t)MIN(n, (size_t)INT32_MAX), off = u->peek_off;

	if (off < 0)
		return;
	u->peek_off = peek ? MIN(off, INT32_MAX - by) + by : MAX(off - by, 0);
}

static struct unix_msg *after_locked(struct unix_sock *u, struct unix_msg *msg)
{
	struct list *n = msg ? msg->node.next : u->queue.next;

	return n == &u->queue ? NULL : list_entry(n, struct unix_msg, node);
}

/* --- streams -------------------------------------------------------------- */

/*
 * Under u->mu: what of the urgent byte @msg is to be done by a plain read.
 * 0: read it; 1: pass over it; 2: stop in front of it.
 */
static int meet_oob(struct unix_get *g, struct unix_msg *msg)
{
	struct unix_sock *u = g->u;

	if (msg->done == msg->size) /* read by MSG_OOB: the mark is left */
		return g->done && !u->oob ? 2 : 1;
	if (msg != u->oob)
		return 0;
	if (g->done)
		return 2;
	if (!g->peek)
		u->oob = NULL;
	return u->oobinline ? 0 : 1;
}

/* The message to read next, after @msg (NULL: the first); NULL: none. */
static struct unix_msg *next_piece(struct unix_get *g, struct unix_msg *msg,
				   bool *stop)
{
	struct unix_msg *next;
	int what = 1;

	*stop = false;
	mutex_lock(&g->u->mu);
	msg = after_locked(g->u, msg);
	for (; msg; msg = next) {
		next = after_locked(g->u, msg);
		what = msg->oob ? meet_oob(g, msg) : 0;
		if (what != 1)
			break;
		if (!g->peek)
			remove_locked(g, msg);
	}
	if (what == 2) {
		*stop = true;
		msg = NULL;
	}
	mutex_unlock(&g->u->mu);
	return msg;
}

/* Copies what is wanted of @msg: bytes, or -errno. */
static long copy_piece(struct unix_get *g, struct unix_msg *msg)
{
	size_t at = msg->done, left = msg->size - at, over = 0;
	long got;
	int ret;

	if (g->peek) {
		over = MIN(g->skip, left);
		g->skip -= over;
	}
	got = uio_copy_out(g->m->u, msg->data + at + over,
			   MIN(g->m->u->left, left - over));
	if (got < 0)
		return got;
	if (!g->told)
		tell_source(g, msg);
	/* A piece that was passed over keeps what came with it. */
	ret = over && over == left ? 0 : take_files(g, msg);
	if (ret < 0)
		return ret;
	g->done += (size_t)got;
	return got;
}

/* Accounts for @n bytes of @msg; true if it is used up. */
static bool consume(struct unix_get *g, struct unix_msg *msg, size_t n)
{
	struct unix_sock *u = g->u;
	bool end;

	mutex_lock(&u->mu);
	move_peek_off(u, g->peek, n);
	if (!g->peek)
		msg->done += n;
	end = !g->peek && msg->done == msg->size;
	if (end)
		remove_locked(g, msg);
	mutex_unlock(&u->mu);
	return end;
}

/* Reads across messages: 1 to go on when more arrives, 0 to stop, -errno. */
static int read_pieces(struct unix_get *g)
{
	struct unix_msg *msg = NULL;
	bool stop;
	long got;

	while ((msg = next_piece(g, msg, &stop)) != NULL) {
		if (g->told && !same_sender(g, msg))
			return 0;
		got = copy_piece(g, msg);
		if (got < 0)
			return (int)got;
		if (consume(g, msg, (size_t)got))
			msg = NULL; /* the next is the first now */
		if (g->m->u->left == 0 || g->m->scm.nr_files)
			return 0;
		if (msg && !g->peek)
			return 0; /* a fault cut it short */
	}
	return stop ? 0 : 1;
}

/* Nothing to read: 0 at the end, -EAGAIN, or the socket's error. */
static int empty_result(struct unix_sock *u, bool done)
{
	int ret;

	mutex_lock(&u->mu);
	if (u->err && !done) {
		ret = -u->err;
		u->err = 0;
	} else {
		ret = (u->shut & SHUT_RCV) || u->err ? 0 : -EAGAIN;
	}
	mutex_unlock(&u->mu);
	return ret;
}

static int read_once(struct unix_get *g)
{
	int ret;

	list_init(&g->used);
	mutex_lock(&g->u->read_mu);
	look(g);
	g->skip = 0;
	if (g->peek && g->u->peek_off > 0 && g->done == 0)
		g->skip = (size_t)g->u->peek_off;
	ret = read_pieces(g);
	mutex_unlock(&g->u->read_mu);
	unix_drop_msgs(&g->used);
	return ret;
}

static long recv_stream(struct unix_get *g)
{
	struct unix_sock *u = g->u;
	size_t want = g->m->u->left, target;
	uint64_t deadline = unix_deadline(u->rcvtimeo);
	int ret;

	if (u->state != UNIX_CONNECTED)
		return -EINVAL;
	if (want == 0)
		return 0;
	target =
		g->m->flags & LINUX_MSG_WAITALL ? want : MIN(want, u->rcvlowat);
	for (;;) {
		ret = read_once(g);
		if (ret != 1 || g->done >= target || (g->peek && g->done))
			break;
		ret = empty_result(u, g->done > 0);
		if (ret != -EAGAIN || (g->m->flags & LINUX_MSG_DONTWAIT))
			break;
		ret = unix_wait(g->u, EVENTS_IN, deadline, has_news, &g->seen);
		if (ret < 0)
			break;
	}
	return g->done ? (long)g->done : MIN(ret, 0);
}

/* The urgent byte, by itself. */
static long recv_urgent(struct unix_get *g)
{
	struct unix_sock *u = g->u;
	struct unix_msg *msg;
	long ret = -EINVAL;
	char byte = 0;

	if (u->state != UNIX_CONNECTED || u->oobinline)
		return -EINVAL;
	mutex_lock(&u->mu);
	msg = u->oob;
	if (msg) {
		byte = msg->data[msg->done];
		ret = 1;
		if (!g->peek) {
			u->oob = NULL;
			msg->done = msg->size; /* the mark stays */
		}
	}
	mutex_unlock(&u->mu);
	if (ret < 0)
		return ret;
	g->m->out_flags |= LINUX_MSG_OOB;
	if (g->m->u->left == 0) {
		g->m->out_flags |= LINUX_MSG_TRUNC;
		return 0;
	}
	return uio_copy_out(g->m->u, &byte, 1);
}

/* --- packets -------------------------------------------------------------- */

/* The packet to read; peeking, the one that SO_PEEK_OFF falls into. */
static struct unix_msg *pick_packet(struct unix_get *g)
{
	struct unix_sock *u = g->u;
	struct unix_msg *msg;

	mutex_lock(&u->mu);
	msg = after_locked(u, NULL);
	g->skip = 0;
	if (g->peek && u->peek_off >= 0) {
		g->skip = (size_t)u->peek_off;
		while (msg && g->skip >= msg->size &&
		       (g->skip || msg->peeked)) {
			g->skip -= msg->size;
			msg = after_locked(u, msg);
		}
		if (msg)
			msg->peeked = true;
	}
	mutex_unlock(&u->mu);
	return msg;
}

static long read_packet(struct unix_get *g, struct unix_msg *msg)
{
	size_t have = msg->size - g->skip;
	size_t size = MIN(have, g->m->u->left);
	long ret = 0;

	if (size < have)
		g->m->out_flags |= LINUX_MSG_TRUNC;
	if (size)
		ret = uio_copy_out(g->m->u, msg->data + g->skip, size);
	if (ret >= 0 && (size_t)ret < size)
		ret = -EFAULT;
	if (ret >= 0) {
		tell_source(g, msg);
		ret = take_files(g, msg);
	}
	mutex_lock(&g->u->mu);
	move_peek_off(g->u, g->peek, g->peek ? size : msg->size);
	if (!g->peek)
		remove_locked(g, msg);
	mutex_unlock(&g->u->mu);
	if (ret < 0)
		return ret;
	return (long)(g->m->flags & LINUX_MSG_TRUNC ? have : size);
}

/* Reads the first packet, or says why there is none (-EAGAIN: wait). */
static long packet_once(struct unix_get *g, bool nonblock)
{
	struct unix_sock *u = g->u;
	struct unix_msg *msg;
	long ret;

	list_init(&g->used);
	mutex_lock(&u->read_mu);
	look(g);
	msg = pick_packet(g);
	ret = msg ? read_packet(g, msg) : -EAGAIN;
	mutex_unlock(&u->read_mu);
	if (!list_empty(&g->used)) {
		unix_drop_msgs(&g->used);
		unix_wake(u, EVENTS_OUT); /* who waits to send here */
	}
	if (msg)
		return ret;
	ret = empty_result(u, false);
	/* A datagram socket's read end may be opened again by nobody, and yet
	 * Linux says EAGAIN to who does not wait. */
	if (ret == 0 && nonblock && unix_is_dgram(u))
		return -EAGAIN;
	return ret;
}

static long recv_packet(struct unix_get *g)
{
	bool nonblock = g->m->flags & LINUX_MSG_DONTWAIT;
	uint64_t deadline = unix_deadline(g->u->rcvtimeo);
	long ret;

	if (!unix_is_dgram(g->u) && g->u->state != UNIX_CONNECTED)
		return -ENOTCONN;
	for (;;) {
		ret = packet_once(g, nonblock);
		if (ret != -EAGAIN || nonblock)
			return ret;
		ret = unix_wait(g->u, EVENTS_IN, deadline, has_news, &g->seen);
		if (ret < 0)
			return ret;
	}
}

long unix_recv(struct socket *s, struct socket_msg *m)
{
	struct unix_get g = {
		.u = unix_of(s),
		.m = m,
		.peek = m->flags & LINUX_MSG_PEEK,
	};

	if (m->flags & LINUX_MSG_ERRQUEUE)
		return -EAGAIN;
	if (m->flags & LINUX_MSG_OOB)
		return unix_is_stream(g.u) ? recv_urgent(&g) : -EOPNOTSUPP;
	return unix_is_stream(g.u) ? recv_stream(&g) : recv_packet(&g);
}

/* --- ioctl ---------------------------------------------------------------- */

static long bytes_queued(struct unix_sock *u)
{
	struct unix_msg *msg;
	long n = 0;

	mutex_lock(&u->mu);
	if (u->state == UNIX_LISTEN)
		n = -EINVAL;
	else
		list_for_each_entry (msg, &u->queue, node) {
			n += (long)(msg->size - msg->done);
			if (unix_is_dgram(u))
				break;
		}
	mutex_unlock(&u->mu);
	return n;
}

/* Would the next read begin at urgent data, or where it was? */
static long at_mark(struct unix_sock *u)
{
	struct unix_msg *first, *second;
	bool yes = false;

	if (!unix_is_stream(u))
		return -EOPNOTSUPP;
	mutex_lock(&u->mu);
	first = after_locked(u, NULL);
	if (first) {
		second = after_locked(u, first);
		yes = first == u->oob ||
		      (first->oob && first->done == first->size &&
		       (!u->oob || second == u->oob));
	}
	mutex_unlock(&u->mu);
	return yes;
}

long unix_ioctl(struct socket *s, uint32_t cmd, uint64_t arg)
{
	struct unix_sock *u = unix_of(s);
	int32_t value;
	long n;

	if (cmd == LINUX_SIOCINQ)
		n = bytes_queued(u);
	else if (cmd == LINUX_SIOCOUTQ)
		n = (long)u->charged;
	else if (cmd == LINUX_SIOCATMARK)
		n = at_mark(u);
	else
		return -ENOTTY;
	if (n < 0)
		return n;
	value = (int32_t)n;
	return copy_out(uaddr(arg), &value, sizeof(value));
}
