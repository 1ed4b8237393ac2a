/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_recv: the reading side of TCP, and urgent data.
 *
 * Only readers remove chunks, and they hold s->read_mu; so a chunk that is
 * being copied from stays, while others may append to it.
 *
 * The urgent byte has a place in the stream: a read never crosses it, and skips
 * it unless SO_OOBINLINE is set.
 *
 * Locks: s->read_mu (LOCK_FILE_POS) > c->mu.  Neither is held while waiting.
 * Linux: tcp_recvmsg_locked(), tcp_recv_urg(), tcp_inq() of 6.18.
 * Tests: tests/conformance/tcp.c
 */
#include <errno.h>

#include "abi/poll.h"
#include "sentry/kernel/task.h"
#include "sentry/net/inet/tcp.h"

#define KEEP_SIZE 1024u /* an empty chunk this small is written again */

/* One call in progress. */
struct tcp_get {
	struct inet_sock *s;
	struct tcp_conn *c; /* NULL: was never connected */
	uint8_t side;
	struct socket_msg *m;
	bool peek;
	size_t want, done;
	uint64_t seen; /* rx_wr at the last look */
	/* Where the next bytes are. */
	struct tcp_chunk *at;
	uint32_t off;
	uint64_t pos;
};

static bool has_news(struct inet_sock *s, const void *arg)
{
	const struct tcp_get *g = arg;
	struct tcp_end *e;
	bool yes;

	if (s->err || (s->shut & INET_SHUT_RCV))
		return true;
	if (!g->c)
		return s->state != LINUX_TCP_SYN_SENT;
	mutex_lock(&g->c->mu);
	e = &g->c->end[g->side];
	yes = e->rx_wr != g->seen || g->c->dead;
	mutex_unlock(&g->c->mu);
	return yes;
}

/* --- finding bytes, under c->mu ------------------------------------------- */

/* Moves to the first unread byte, or (peeking) keeps its place. */
static void settle(struct tcp_get *g)
{
	struct tcp_end *e = &g->c->end[g->side];
	struct list *next;

	if (!g->peek || !g->at) {
		g->at = list_first(&e->rx, struct tcp_chunk, node);
		g->off = g->at ? g->at->done : 0;
		if (!g->peek || g->done == 0)
			g->pos = e->rx_rd;
	}
	while (g->at && g->off == g->at->len) {
		next = g->at->node.next;
		if (next == &e->rx) {
			/* It may get more: a peek looks at it again. */
			return;
		}
		if (!g->peek) {
			list_del(&g->at->node);
			free(g->at);
		}
		g->at = list_entry(next, struct tcp_chunk, node);
		g->off = g->at->done;
	}
}

static void pass(struct tcp_get *g, uint32_t n)
{
	struct tcp_end *e = &g->c->end[g->side];

	g->off += n;
	g->pos += n;
	if (g->peek)
		return;
	g->at->done += n;
	e->rx_rd += n;
	g_tcp_bytes -= n;
	if (g->at->done == g->at->len && g->at->size > KEEP_SIZE) {
		list_del(&g->at->node);
		free(g->at);
		g->at = NULL;
		g->off = 0;
	} else if (g->at->done == g->at->len) {
		g->at->done = g->at->len = g->off = 0;
	}
	if (e->urg && e->rx_rd > e->urg_at)
		e->urg = URG_NONE;
}

/* Bytes that one copy may take now; 0: none, or *stop at urgent data. */
static uint32_t ready(struct tcp_get *g, bool *stop)
{
	struct tcp_end *e = &g->c->end[g->side];
	uint64_t n;

	settle(g);
	g->seen = e->rx_wr;
	if (!g->at || g->off == g->at->len)
		return 0;
	n = MIN((uint64_t)(g->at->len - g->off), g->want - g->done);
	if (!e->urg || g->pos > e->urg_at)
		return (uint32_t)n;
	if (g->pos < e->urg_at)
		return (uint32_t)MIN(n, e->urg_at - g->pos);
	if (g->done) {
		*stop = true;
		return 0;
	}
	if (inet_opt(g->s, OPT_OOBINLINE))
		return 1;
	pass(g, 1); /* not in the stream */
	return ready(g, stop);
}

/* Room for the sender that waits: it hears of it. */
static struct inet_sock *sender_to_wake(struct tcp_get *g)
{
	struct tcp_end *o = &g->c->end[!g->side];
	uint64_t limit;

	if (!o->full)
		return NULL;
	limit = tcp_limit(g->c, g->side);
	if (tcp_queued(&g->c->end[g->side]) * 3 > limit * 2)
		return NULL;
	o->full = false;
	return tcp_end_sock(o);
}

/* --- copying -------------------------------------------------------------- */

static long copy(struct tcp_get *g, uint32_t n)
{
	if (g->m->flags & LINUX_MSG_TRUNC)
		return n;
	return uio_copy_out(g->m->u, g->at->data + g->off, n);
}

/* All that is there: 1 to go on when more arrives, 0 to stop, -errno. */
static int read_pieces(struct tcp_get *g)
{
	struct inet_sock *wake = NULL;
	bool stop = false;
	uint32_t n;
	long got = 0;
	bool any;

	mutex_lock(&g->c->mu);
	any = tcp_queued(&g->c->end[g->side]) > 0;
	while (g->done < g->want && (n = ready(g, &stop)) > 0) {
		mutex_unlock(&g->c->mu);
		got = copy(g, n);
		mutex_lock(&g->c->mu);
		if (got <= 0)
			break;
		pass(g, (uint32_t)got);
		g->done += (size_t)got;
		if ((uint32_t)got < n)
			break; /* a fault cut it short */
	}
	if (!g->peek)
		wake = sender_to_wake(g);
	mutex_unlock(&g->c->mu);
	if (wake) {
		inet_wake(wake, EVENTS_OUT | LINUX_POLLWRBAND);
		inet_put(wake);
	}
	if (got < 0)
		return (int)got;
	if (g->want == 0) /* waits for data that it does not take */
		return any ? 0 : 1;
	return stop || g->done == g->want ? 0 : 1;
}

/* SO_PEEK_OFF: where a peek begins. */
static void skip_peeked(struct tcp_get *g)
{
	int32_t off = inet_opt(g->s, OPT_PEEK_OFF);
	uint64_t n;

	if (!g->peek || off <= 0)
		return;
	mutex_lock(&g->c->mu);
	for (settle(g); off > 0 && g->at; settle(g)) {
		n = MIN((uint64_t)(g->at->len - g->off), (uint64_t)off);
		if (n == 0)
			break;
		g->off += (uint32_t)n;
		g->pos += n;
		off -= (int32_t)n;
	}
	mutex_unlock(&g->c->mu);
}

static void move_peek_off(struct tcp_get *g)
{
	int32_t off = inet_opt(g->s, OPT_PEEK_OFF);
	int32_t by = (int32_t)MIN(g->done, (size_t)INT32_MAX);

	if (off < 0 || !g->done)
		return;
	g->s->opt[OPT_PEEK_OFF] =
		g->peek ? MIN(off, INT32_MAX - by) + by : MAX(off - by, 0);
}

static int read_once(struct tcp_get *g)
{
	int ret;

	if (!g->c)
		return 1;
	mutex_lock(&g->s->read_mu);
	g->done = g->peek ? 0 : g->done;
	g->at = NULL;
	skip_peeked(g);
	ret = read_pieces(g);
	mutex_unlock(&g->s->read_mu);
	return ret;
}

/* Nothing (more) to read: -EAGAIN to wait, 0 at the end, -errno. */
static int empty_result(struct tcp_get *g)
{
	struct inet_sock *s = g->s;
	int ret = -EAGAIN, state = s->state;
	bool fin = false;

	if (g->c) {
		mutex_lock(&g->c->mu);
		fin = g->c->end[!g->side].fin;
		mutex_unlock(&g->c->mu);
	}
	if (g->done)
		return s->err || (s->shut & INET_SHUT_RCV) ||
				       state == LINUX_TCP_CLOSE
			       ? 0
			       : -EAGAIN;
	if (!fin && s->err)
		ret = inet_take_err(s);
	else if (fin || (s->shut & INET_SHUT_RCV))
		ret = 0;
	else if (state == LINUX_TCP_CLOSE || state == LINUX_TCP_LISTEN)
		ret = -ENOTCONN;
	return ret;
}

static long recv_stream(struct tcp_get *g)
{
	uint64_t deadline = inet_deadline(g->s->rcvtimeo);
	size_t low = (size_t)inet_opt(g->s, OPT_RCVLOWAT);
	size_t target = g->m->flags & LINUX_MSG_WAITALL
				? g->want
				: MAX(MIN(g->want, low), 1u);
	int ret;

	for (;;) {
		ret = read_once(g);
		if (ret != 1 || g->done >= target)
			break;
		ret = empty_result(g);
		if (ret != -EAGAIN || (g->m->flags & LINUX_MSG_DONTWAIT))
			break;
		ret = inet_wait(g->s, EVENTS_IN, deadline, has_news, g);
		if (ret < 0)
			break;
		if (!g->c) /* it was connecting */
			g->c = tcp_conn_of(g->s, &g->side);
	}
	move_peek_off(g);
	return g->done ? (long)g->done : MIN(ret, 0);
}

/* --- urgent data ---------------------------------------------------------- */

/* The byte at position @at of the stream; it has not been read. */
static uint8_t byte_at(const struct tcp_end *e, uint64_t at)
{
	struct tcp_chunk *k;
	uint64_t pos = e->rx_rd;

	list_for_each_entry (k, &e->rx, node) {
		if (at - pos < k->len - k->done)
			return k->data[k->done + (at - pos)];
		pos += k->len - k->done;
	}
	return 0;
}

static long recv_urgent(struct tcp_get *g)
{
	struct tcp_end *e;
	uint8_t byte = 0;
	long ret = 1;

	if (!g->c)
		return -EINVAL;
	mutex_lock(&g->c->mu);
	e = &g->c->end[g->side];
	if (inet_opt(g->s, OPT_OOBINLINE) || e->urg != URG_VALID) {
		ret = -EINVAL;
	} else {
		byte = byte_at(e, e->urg_at);
		if (!g->peek)
			e->urg = URG_READ;
	}
	mutex_unlock(&g->c->mu);
	if (ret < 0)
		return ret;
	g->m->out_flags |= LINUX_MSG_OOB;
	if (g->want == 0) {
		g->m->out_flags |= LINUX_MSG_TRUNC;
		return 0;
	}
	if (g->m->flags & LINUX_MSG_TRUNC)
		return 1;
	return uio_copy_out(g->m->u, &byte, 1);
}

long tcp_recv(struct socket *sock, struct socket_msg *m)
{
	struct tcp_get g = { .s = inet_of(sock),
			     .m = m,
			     .peek = m->flags & LINUX_MSG_PEEK,
			     .want = m->u->left };
	int32_t left;
	long ret;

	if (m->flags & LINUX_MSG_ERRQUEUE)
		return inet_recv_error(g.s, m);
	if (g.s->state == LINUX_TCP_LISTEN)
		return -ENOTCONN;
	g.c = tcp_conn_of(g.s, &g.side);
	ret = m->flags & LINUX_MSG_OOB ? recv_urgent(&g) : recv_stream(&g);
	if (ret >= 0 && inet_opt(g.s, OPT_CM_INQ) && g.c) {
		mutex_lock(&g.c->mu);
		left = (int32_t)tcp_queued(&g.c->end[g.side]);
		mutex_unlock(&g.c->mu);
		inet_put_ctl(m, LINUX_IPPROTO_TCP, LINUX_TCP_CM_INQ, &left,
			     sizeof(left));
	}
	if (g.c)
		tcp_conn_put(g.c);
	return ret;
}

/* --- ioctl ---------------------------------------------------------------- */

long tcp_ioctl(struct inet_sock *s, uint32_t cmd)
{
	struct tcp_conn *c;
	struct tcp_end *e;
	uint8_t side;
	long n = 0;

	if (cmd != LINUX_SIOCINQ && cmd != LINUX_SIOCOUTQ &&
	    cmd != LINUX_SIOCATMARK)
		return -ENOTTY;
	if (s->state == LINUX_TCP_LISTEN && cmd != LINUX_SIOCATMARK)
		return -EINVAL;
	c = tcp_conn_of(s, &side);
	if (!c)
		return 0;
	mutex_lock(&c->mu);
	e = &c->end[side];
	if (cmd == LINUX_SIOCATMARK)
		n = e->urg && e->urg_at == e->rx_rd;
	else if (cmd == LINUX_SIOCOUTQ) /* what the window has no room for */
		n = (long)tcp_queued(&c->end[!side]) -
		    inet_opt(s, OPT_RCVBUF) / 2;
	else if (e->urg && e->urg_at >= e->rx_rd && !inet_opt(s, OPT_OOBINLINE))
		n = (long)(e->urg_at - e->rx_rd);
	else
		n = (long)tcp_queued(e);
	mutex_unlock(&c->mu);
	tcp_conn_put(c);
	return MAX(n, 0);
}
