/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_send: the writing side of TCP, and polling.
 *
 * What is sent goes into the queue that the other side reads, which may hold as
 * much as the sender's buffer and the receiver's window together.
 *
 * Locks: c->mu; none while bytes are copied from the guest.
 * Linux: net/ipv4/tcp.c of 6.18.  MSG_MORE and TCP_CORK hold nothing back.
 * Tests: tests/conformance/tcp.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/kernel/task.h"
#include "sentry/net/inet/tcp.h"
#include "sentry/time/clock.h"

#define PIECE	   32768u
#define SMALL	   512u /* copied under the lock, into one chunk if it fits */
#define SMALL_ROOM 1024u
#define PRESSURE   (24u << 20) /* bytes in all queues; then queues get short */
#define SHORT	   65536u

uint64_t tcp_limit(const struct tcp_conn *c, uint8_t to)
{
	const struct tcp_end *e = &c->end[to], *o = &c->end[!to];
	uint64_t rcv =
		e->sk ? (uint32_t)inet_opt(e->sk, OPT_RCVBUF) : e->rcvbuf;
	uint64_t snd =
		o->sk ? (uint32_t)inet_opt(o->sk, OPT_SNDBUF) : o->sndbuf;
	uint64_t limit = rcv / 2 + snd;

	return g_tcp_bytes > PRESSURE ? MIN(limit, SHORT) : limit;
}

/* --- waiting -------------------------------------------------------------- */

/* Below the level where poll says writable: two thirds of the buffer. */
static bool has_room(struct inet_sock *s, const void *arg)
{
	struct tcp_conn *c;
	uint8_t side;
	bool yes;

	(void)arg;
	if (s->err || (s->shut & INET_SHUT_SEND))
		return true;
	c = tcp_conn_of(s, &side);
	if (!c)
		return s->state != LINUX_TCP_SYN_SENT;
	mutex_lock(&c->mu);
	yes = c->dead || !c->end[side].full;
	mutex_unlock(&c->mu);
	tcp_conn_put(c);
	return yes;
}

/* One call in progress. */
struct tcp_put {
	struct inet_sock *s;
	struct tcp_conn *c;
	uint8_t side;
	struct socket_msg *m;
	uint64_t deadline;
	size_t done;
};

/* --- one piece ------------------------------------------------------------ */

static struct tcp_chunk *chunk_new(uint32_t size)
{
	struct tcp_chunk *k = malloc(sizeof(*k) + size);

	if (!k)
		return NULL;
	list_init(&k->node);
	k->size = size;
	k->len = k->done = 0;
	return k;
}

/* A chunk of the receiver with room for @n more bytes.  c->mu is held. */
static struct tcp_chunk *tail_with_room(struct tcp_end *o, uint32_t n)
{
	struct tcp_chunk *k;

	if (!list_empty(&o->rx)) {
		k = list_last(&o->rx, struct tcp_chunk, node);
		if (k->size - k->len >= n)
			return k;
	}
	k = chunk_new(SMALL_ROOM);
	if (k)
		list_append(&o->rx, &k->node);
	return k;
}

/*
 * Under c->mu: @big (taken over), or @n bytes of @small, are the receiver's.
 * -EAGAIN: no room; -EPIPE; -ENOMEM.  Who is closed resets and loses them.
 */
static int append_locked(struct tcp_put *p, struct tcp_chunk *big,
			 const void *small, uint32_t n, struct tcp_news *news)
{
	struct tcp_end *e = &p->c->end[p->side], *o = &p->c->end[!p->side];
	struct tcp_chunk *k = big;

	if (p->c->dead || e->fin)
		return -EPIPE;
	if (o->closed) {
		free(big);
		tcp_reset_locked(p->c, !p->side, news);
		return 0;
	}
	if (tcp_queued(o) >= tcp_limit(p->c, !p->side)) {
		e->full = true;
		return -EAGAIN;
	}
	if (big) {
		list_append(&o->rx, &big->node);
	} else {
		k = tail_with_room(o, n);
		if (!k)
			return -ENOMEM;
		memcpy(k->data + k->len, small, n);
		k->len += n;
	}
	o->rx_wr += n;
	g_tcp_bytes += n;
	o->segs_in++;
	e->segs_out++;
	news->sk[!p->side] = tcp_end_sock(o);
	news->events[!p->side] = EVENTS_IN;
	return 0;
}

/* The last byte that was sent is the urgent one. */
static void mark_urgent(struct tcp_put *p)
{
	struct tcp_end *o = &p->c->end[!p->side];
	struct inet_sock *other;

	mutex_lock(&p->c->mu);
	o->urg_at = o->rx_wr - 1;
	o->urg = URG_VALID;
	other = tcp_end_sock(o);
	mutex_unlock(&p->c->mu);
	if (other) {
		inet_wake(other, LINUX_POLLPRI);
		inet_put(other);
	}
}

/* @n bytes are at @small or in @big, which is used up unless < 0 comes back. */
static int append(struct tcp_put *p, struct tcp_chunk *big, const void *small,
		  uint32_t n)
{
	struct tcp_news news = { 0 };
	bool dead;
	int ret;

	for (;;) {
		mutex_lock(&p->c->mu);
		ret = append_locked(p, big, small, n, &news);
		dead = p->c->dead;
		mutex_unlock(&p->c->mu);
		tcp_tell(&news);
		if (dead)
			tcp_ports_settle(p->c);
		if (ret != -EAGAIN || (p->m->flags & LINUX_MSG_DONTWAIT))
			return ret;
		ret = inet_wait(p->s, EVENTS_OUT, p->deadline, has_room, NULL);
		if (ret < 0)
			return ret;
		if (p->s->err)
			return inet_take_err(p->s);
	}
}

static long send_small(struct tcp_put *p, uint32_t n)
{
	uint8_t buf[SMALL];
	long got = uio_copy_in(p->m->u, buf, n);
	int ret;

	if (got <= 0)
		return got;
	ret = append(p, NULL, buf, (uint32_t)got);
	return ret < 0 ? ret : got;
}

static long send_big(struct tcp_put *p, uint32_t n)
{
	struct tcp_chunk *k = chunk_new(n);
	long got;
	int ret;

	if (!k)
		return -ENOMEM;
	got = uio_copy_in(p->m->u, k->data, n);
	if (got > 0)
		k->len = (uint32_t)got;
	ret = got > 0 ? append(p, k, NULL, k->len) : (int)got;
	if (got <= 0 || ret < 0)
		free(k);
	return ret < 0 ? ret : got;
}

static long send_all(struct tcp_put *p)
{
	struct uio *u = p->m->u;
	long got;

	while (u->left > 0) {
		/* Before bytes are fetched, as Linux. */
		if (p->s->err)
			got = inet_take_err(p->s);
		else if (p->s->shut & INET_SHUT_SEND)
			got = -EPIPE;
		else if (u->left <= SMALL)
			got = send_small(p, (uint32_t)u->left);
		else
			got = send_big(p, (uint32_t)MIN(u->left, PIECE));
		if (got <= 0)
			return p->done ? (long)p->done : got;
		p->done += (size_t)got;
	}
	if (p->done == 0) {
		if (p->s->err)
			return inet_take_err(p->s);
		if (p->s->shut & INET_SHUT_SEND)
			return -EPIPE;
	}
	return (long)p->done;
}

static bool is_open(struct inet_sock *s, const void *arg)
{
	(void)arg;
	return s->state != LINUX_TCP_SYN_SENT;
}

/* While it connects: waits; then the connection, or why there is none. */
static int wait_conn(struct tcp_put *p)
{
	struct inet_sock *s = p->s;
	int ret = 0;

	if (s->state == LINUX_TCP_SYN_SENT) {
		if (p->m->flags & LINUX_MSG_DONTWAIT)
			return -EAGAIN;
		ret = inet_wait(s, EVENTS_OUT, p->deadline, is_open, NULL);
	}
	if (ret < 0)
		return ret;
	p->c = tcp_conn_of(s, &p->side);
	if (p->c)
		return 0;
	ret = inet_take_err(s);
	return ret ? ret : -EPIPE;
}

long tcp_send(struct socket *sock, struct socket_msg *m)
{
	struct tcp_put p = { .s = inet_of(sock), .m = m };
	long ret;

	p.deadline = inet_deadline(p.s->sndtimeo);
	ret = wait_conn(&p);
	if (ret == 0) {
		ret = send_all(&p);
		if (ret > 0 && (m->flags & LINUX_MSG_OOB))
			mark_urgent(&p);
		tcp_conn_put(p.c);
	}
	if (ret == -EPIPE && !(m->flags & LINUX_MSG_NOSIGNAL))
		return broken_pipe();
	return ret;
}

/* --- polling -------------------------------------------------------------- */

static uint32_t conn_events(struct inet_sock *s, struct tcp_conn *c,
			    uint8_t side)
{
	uint64_t target = (uint32_t)inet_opt(s, OPT_RCVLOWAT);
	uint32_t events = 0;
	struct tcp_end *e = &c->end[side];
	uint64_t limit;

	mutex_lock(&c->mu);
	if (e->urg && e->urg_at == e->rx_rd && !inet_opt(s, OPT_OOBINLINE))
		target++;
	if (tcp_queued(e) >= MAX(target, 1u))
		events |= EVENTS_IN;
	if (e->urg == URG_VALID)
		events |= LINUX_POLLPRI;
	limit = tcp_limit(c, !side);
	if (tcp_queued(&c->end[!side]) * 3 <= limit * 2 ||
	    (s->shut & INET_SHUT_SEND))
		events |= EVENTS_OUT;
	else
		e->full = true;
	mutex_unlock(&c->mu);
	return events;
}

uint32_t tcp_poll(struct inet_sock *s)
{
	uint32_t events = 0;
	struct tcp_conn *c;
	int state = s->state;
	uint8_t side;

	if (state == LINUX_TCP_LISTEN) {
		mutex_lock(&s->mu);
		events = list_empty(&s->pending) ? 0 : EVENTS_IN;
		mutex_unlock(&s->mu);
		return events | (s->err ? LINUX_POLLERR : 0u);
	}
	if (s->shut == INET_SHUT_BOTH || state == LINUX_TCP_CLOSE)
		events |= LINUX_POLLHUP;
	if (s->shut & INET_SHUT_RCV)
		events |= EVENTS_IN | LINUX_POLLRDHUP;
	c = tcp_conn_of(s, &side);
	if (c) {
		events |= conn_events(s, c, side);
		tcp_conn_put(c);
	} else if (state != LINUX_TCP_SYN_SENT) {
		events |= EVENTS_OUT;
	}
	if (s->err)
		events |= LINUX_POLLERR;
	return events;
}
