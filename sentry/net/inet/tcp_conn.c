/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_conn: connections: their life, and how their two sides end.
 *
 * A side says FIN (shutdown, close) or resets.  The connection is dead when it
 * was reset or both sides have said FIN; who said it first keeps its port in
 * TIME_WAIT.  A side that was closed while the other goes on is an orphan: its
 * port belongs to the end then.
 *
 * Invariant: end.sk is a socket that points at this connection.
 * Locks:     net->mu > s->mu > c->mu.
 * Linux:     net/ipv4/tcp.c, tcp_input.c of 6.18.  An orphan's port stays in
 *            use until the other side ends, not 60 seconds at most.
 * Tests:     tests/conformance/tcp.c
 */
#include <errno.h>

#include "abi/poll.h"
#include "sentry/net/inet/tcp.h"

_Atomic uint64_t g_tcp_bytes;

int tcp_conn_new(struct net_ns *net, struct tcp_conn **out)
{
	struct tcp_conn *c = kzalloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	ref_init(&c->ref);
	mutex_init(&c->mu, LOCK_PIPE);
	c->net = net;
	ns_get(&net->ns);
	c->first_fin = -1;
	list_init(&c->end[0].rx);
	list_init(&c->end[1].rx);
	*out = c;
	return 0;
}

void tcp_conn_get(struct tcp_conn *c)
{
	ref_get(&c->ref);
}

void tcp_chunks_free(struct list *chunks)
{
	struct tcp_chunk *k, *tmp;

	list_for_each_entry_safe (k, tmp, chunks, node) {
		g_tcp_bytes -= k->len - k->done;
		list_del(&k->node);
		free(k);
	}
}

void tcp_conn_put(struct tcp_conn *c)
{
	if (!ref_put(&c->ref))
		return;
	/* Both sockets are gone, so both sides have ended. */
	tcp_ports_settle(c);
	tcp_chunks_free(&c->end[0].rx);
	tcp_chunks_free(&c->end[1].rx);
	ns_put(&c->net->ns);
	pthread_mutex_destroy(&c->mu.raw);
	free(c);
}

struct tcp_conn *tcp_conn_of(struct inet_sock *s, uint8_t *side)
{
	struct tcp_conn *c;

	mutex_lock(&s->mu);
	c = s->conn;
	*side = s->side;
	if (c)
		tcp_conn_get(c);
	mutex_unlock(&s->mu);
	return c;
}

struct inet_sock *tcp_end_sock(struct tcp_end *e)
{
	if (e->sk)
		inet_get(e->sk);
	return e->sk;
}

void tcp_tell(struct tcp_news *n)
{
	for (int i = 0; i < 2; i++) {
		if (!n->sk[i])
			continue;
		inet_wake(n->sk[i], n->events[i]);
		inet_put(n->sk[i]);
	}
	*n = (struct tcp_news){ 0 };
}

/* @side's socket is to hear of @events. */
static void add_news(struct tcp_conn *c, uint8_t side, struct tcp_news *news,
		     uint32_t events)
{
	if (!news->sk[side])
		news->sk[side] = tcp_end_sock(&c->end[side]);
	news->events[side] |= events;
}

static void end_side(struct tcp_conn *c, uint8_t side, struct tcp_news *news)
{
	struct inet_sock *s = c->end[side].sk;

	if (!s)
		return;
	s->state = LINUX_TCP_CLOSE;
	s->shut = INET_SHUT_BOTH;
	add_news(c, side, news, EVENTS_ALL & ~(uint32_t)LINUX_POLLERR);
}

static void finish_locked(struct tcp_conn *c, struct tcp_news *news)
{
	c->dead = true;
	atomic_fetch_sub(&c->net->stat[NET_TCP_ESTAB], 2);
	end_side(c, 0, news);
	end_side(c, 1, news);
}

void tcp_reset_locked(struct tcp_conn *c, uint8_t by, struct tcp_news *news)
{
	const struct tcp_end *e = &c->end[by];
	struct inet_sock *other = c->end[!by].sk;

	if (c->dead)
		return;
	net_count(c->net, NET_TCP_RSTS, 1);
	net_count(c->net, NET_TCP_RESETS, 1);
	if (other) /* in CLOSE_WAIT: as if it had written */
		other->err = e->fin && !c->end[!by].fin ? EPIPE : ECONNRESET;
	c->first_fin = -1; /* nobody waits */
	finish_locked(c, news);
	if (other)
		add_news(c, !by, news, LINUX_POLLERR);
}

void tcp_fin_locked(struct tcp_conn *c, uint8_t side, struct tcp_news *news)
{
	struct tcp_end *e = &c->end[side], *o = &c->end[!side];

	if (e->fin || c->dead)
		return;
	e->fin = true;
	if (c->first_fin < 0)
		c->first_fin = side;
	if (e->sk) {
		atomic_fetch_or(&e->sk->shut, INET_SHUT_SEND);
		add_news(c, side, news, EVENTS_OUT);
	}
	if (o->sk) {
		atomic_fetch_or(&o->sk->shut, INET_SHUT_RCV);
		add_news(c, !side, news, EVENTS_IN | LINUX_POLLRDHUP);
	}
	if (o->fin)
		finish_locked(c, news);
}

void tcp_ports_settle(struct tcp_conn *c)
{
	struct inet_port *p;

	mutex_lock(&c->net->mu);
	mutex_lock_nested(&c->mu);
	for (int i = 0; c->dead && i < 2; i++) {
		p = take(c->end[i].port);
		if (!p)
			continue;
		if (c->first_fin == i)
			inet_port_time_wait_locked(c->net, p);
		else
			inet_port_free_locked(c->net, p);
	}
	mutex_unlock(&c->mu);
	mutex_unlock(&c->net->mu);
}

int tcp_state_locked(const struct tcp_conn *c, uint8_t side)
{
	if (c->dead)
		return c->first_fin == side && c->end[side].closed
			       ? LINUX_TCP_TIME_WAIT
			       : LINUX_TCP_CLOSE;
	if (c->end[side].fin)
		return LINUX_TCP_FIN_WAIT2;
	return c->end[!side].fin ? LINUX_TCP_CLOSE_WAIT : LINUX_TCP_ESTABLISHED;
}

int tcp_state(struct inet_sock *s)
{
	struct tcp_conn *c;
	int state = s->state;
	uint8_t side;

	if (state != LINUX_TCP_ESTABLISHED)
		return state;
	c = tcp_conn_of(s, &side);
	if (!c)
		return s->state;
	mutex_lock(&c->mu);
	state = tcp_state_locked(c, side);
	mutex_unlock(&c->mu);
	tcp_conn_put(c);
	return state;
}

/* --- shutdown(2) ---------------------------------------------------------- */

/* @how: INET_SHUT_*.  The last reader of a connection stays allowed to read
 * what comes. */
static void shut_conn(struct inet_sock *s, uint8_t how)
{
	struct tcp_news news = { 0 };
	AUTO_PUT(tcp_conn) struct tcp_conn *c = NULL;
	uint8_t side;
	bool dead;

	c = tcp_conn_of(s, &side);
	if (!c || !(how & INET_SHUT_SEND))
		return;
	mutex_lock(&c->mu);
	tcp_fin_locked(c, side, &news);
	dead = c->dead;
	mutex_unlock(&c->mu);
	tcp_tell(&news);
	if (dead)
		tcp_ports_settle(c);
}

int tcp_shutdown(struct socket *sock, int how)
{
	struct inet_sock *s = inet_of(sock);
	uint8_t mode = (uint8_t)(how + 1);
	int state = s->state, ret = 0;

	if (how < LINUX_SHUT_RD || how > LINUX_SHUT_RDWR)
		return -EINVAL;
	if (state == LINUX_TCP_LISTEN || state == LINUX_TCP_SYN_SENT) {
		if (state == LINUX_TCP_SYN_SENT || (mode & INET_SHUT_RCV))
			ret = tcp_disconnect(s);
	} else {
		atomic_fetch_or(&s->shut, mode);
		if (state == LINUX_TCP_CLOSE)
			ret = -ENOTCONN;
		else
			shut_conn(s, mode);
	}
	inet_wake(s, EVENTS_ALL & ~(uint32_t)LINUX_POLLERR);
	return ret;
}

/* --- the end of a socket -------------------------------------------------- */

/* @port: of @s, which it gives up.  net->mu and c->mu are held. */
static void leave_port(struct tcp_conn *c, uint8_t side, struct inet_port *port)
{
	if (!port)
		return;
	if (!c->dead)
		c->end[side].port = port;
	else if (c->first_fin == side)
		inet_port_time_wait_locked(c->net, port);
	else
		inet_port_free_locked(c->net, port);
}

/* What this side has not read, or does not want to be heard any more. */
static bool must_reset(const struct inet_sock *s, const struct tcp_end *e)
{
	return tcp_queued(e) > 0 || inet_opt(s, OPT_LINGER) == 0;
}

/* Takes @s off its connection: FIN, or (@reset or data that is lost) RST. */
static void leave_conn(struct inet_sock *s, bool reset)
{
	struct tcp_news news = { 0 };
	struct inet_port *port;
	struct tcp_conn *c;
	struct tcp_end *e;
	struct list lost;
	bool dead;

	list_init(&lost);
	mutex_lock(&s->net->mu);
	mutex_lock_nested(&s->mu);
	c = take(s->conn);
	if (!c) {
		mutex_unlock(&s->mu);
		mutex_unlock(&s->net->mu);
		return;
	}
	port = inet_port_orphan_locked(s);
	mutex_lock_nested(&c->mu);
	e = &c->end[s->side];
	e->sk = NULL;
	e->closed = true;
	if (reset || must_reset(s, e))
		tcp_reset_locked(c, s->side, &news);
	else
		tcp_fin_locked(c, s->side, &news);
	list_splice(&e->rx, &lost);
	e->rx_rd = e->rx_wr;
	leave_port(c, s->side, port);
	dead = c->dead;
	mutex_unlock(&c->mu);
	mutex_unlock(&s->mu);
	mutex_unlock(&s->net->mu);
	tcp_tell(&news);
	tcp_chunks_free(&lost);
	if (dead)
		tcp_ports_settle(c);
	tcp_conn_put(c);
}

/* Connections that nobody accepted are reset. */
static void drop_pending(struct list *pending)
{
	struct inet_sock *s;

	while ((s = list_first(pending, struct inet_sock, pending_node))) {
		list_del(&s->pending_node);
		leave_conn(s, true);
		inet_put(s);
	}
}

/* Those that waited to be taken into a queue that is no more.  They leave the
 * list under net->mu, where they may also end by themselves. */
static void refuse_waiting(struct net_ns *net, struct list *waiting)
{
	struct inet_sock *s, *listener = NULL;

	do {
		mutex_lock(&net->mu);
		s = list_first(waiting, struct inet_sock, waiting_node);
		if (s) {
			list_del(&s->waiting_node);
			listener = take(s->listener);
		}
		mutex_unlock(&net->mu);
		if (!s)
			return;
		s->err = ECONNREFUSED;
		s->shut = INET_SHUT_BOTH;
		s->state = LINUX_TCP_CLOSE;
		inet_wake(s, EVENTS_ALL);
		inet_put(s);
		if (listener)
			inet_put(listener);
	} while (s);
}

/* Listening, or waiting for a listener: not any more. */
static void stop_waiting(struct inet_sock *s)
{
	struct inet_sock *listener;
	struct list pending, waiting;
	bool was_waiting;

	list_init(&pending);
	list_init(&waiting);
	mutex_lock(&s->net->mu);
	mutex_lock_nested(&s->mu);
	if (s->port && s->port->listening)
		(void)!inet_port_listen(s, false);
	list_splice(&s->pending, &pending);
	s->nr_pending = 0;
	list_splice(&s->waiting, &waiting);
	listener = take(s->listener);
	was_waiting = !list_empty(&s->waiting_node);
	list_del(&s->waiting_node);
	mutex_unlock(&s->mu);
	mutex_unlock(&s->net->mu);
	if (listener)
		inet_put(listener);
	if (was_waiting)
		inet_put(s);
	drop_pending(&pending);
	refuse_waiting(s->net, &waiting);
}

/* Ends what @s does; it may begin anew. */
static void stop(struct inet_sock *s, bool reset)
{
	int state = s->state;

	s->state = LINUX_TCP_CLOSE;
	if (state == LINUX_TCP_LISTEN || state == LINUX_TCP_SYN_SENT)
		stop_waiting(s);
	leave_conn(s, reset);
}

int tcp_disconnect(struct inet_sock *s)
{
	int state = tcp_state(s);

	stop(s, true);
	mutex_lock(&s->net->mu);
	mutex_lock_nested(&s->mu);
	if (state == LINUX_TCP_LISTEN || state == LINUX_TCP_CLOSE)
		s->err = 0;
	else
		s->err = ECONNRESET;
	if (!s->port_fixed) {
		if (s->port)
			inet_port_free_locked(s->net, take(s->port));
		s->local.port = 0;
	}
	if (!s->addr_fixed)
		s->local.addr = inet_is6(s) ? net_any6 : net_any4;
	s->peer =
		(struct inet_name){ .addr = inet_is6(s) ? net_any6 : net_any4 };
	s->shut = 0;
	s->ss = SS_UNCONNECTED;
	mutex_unlock(&s->mu);
	/* The connection took the port with it; it was the guest's choice. */
	if (s->port_fixed && !s->port)
		s->port_fixed = inet_port_take(s, s->local.port, false) == 0;
	mutex_unlock(&s->net->mu);
	inet_wake(s, EVENTS_ALL);
	return 0;
}

void tcp_release(struct inet_sock *s)
{
	mutex_lock(&s->mu);
	s->dead = true;
	mutex_unlock(&s->mu);
	stop(s, false);
	inet_port_drop(s);
}
