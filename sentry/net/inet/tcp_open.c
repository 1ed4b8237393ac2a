/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_open: connect(2), listen(2), accept(2).
 *
 * connect() makes both ends at once, and the other's socket waits in the
 * listener's queue.  If that is full the caller waits in the listener (state
 * SYN_SENT) until accept(2) makes room.
 *
 * Locks: net->mu covers making a connection and the lists of waiters.
 * Linux: net/ipv4/af_inet.c, inet_connection_sock.c of 6.18; a non-blocking
 *        connect(2) is never done at once, a full queue does not time out
 *        without a waiting caller.
 * Tests: tests/conformance/tcp.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/kernel/task.h"
#include "sentry/net/inet/tcp.h"
#include "sentry/time/clock.h"

/* --- making a connection -------------------------------------------------- */

/* What a connection needs, made before locks are taken. */
struct parts {
	struct inet_sock *child;
	struct tcp_conn *conn;
	struct inet_port *port;
};

static void drop_parts(struct parts *p)
{
	if (p->child)
		inet_put(p->child);
	if (p->conn)
		tcp_conn_put(p->conn);
	free(p->port);
}

static int make_parts(struct inet_sock *l, struct parts *p)
{
	int ret = inet_new(l->sock.family, l->sock.type, l->sock.protocol,
			   l->net, &p->child);

	if (ret == 0)
		ret = tcp_conn_new(l->net, &p->conn);
	if (ret < 0)
		return ret;
	p->port = kzalloc(sizeof(*p->port));
	return p->port ? 0 : -ENOMEM;
}

static void set_end(struct tcp_conn *c, uint8_t side, struct inet_sock *s)
{
	struct tcp_end *e = &c->end[side];

	e->sk = s;
	e->name = s->local;
	e->rcvbuf = (uint32_t)inet_opt(s, OPT_RCVBUF);
	e->sndbuf = (uint32_t)inet_opt(s, OPT_SNDBUF);
	e->last_rx = e->last_tx = clock_monotonic_coarse();
	s->conn = c;
	s->side = side;
	s->shut = 0;
	s->state = LINUX_TCP_ESTABLISHED;
}

#define SNDBUF_LOOPBACK 2626560 /* what Linux grows to for a MTU of 65536 */

static void grow_sndbuf(struct inet_sock *s)
{
	if (!(inet_opt(s, OPT_BUF_LOCK) & 1))
		s->opt[OPT_SNDBUF] = SNDBUF_LOOPBACK;
}

/* net->mu, s->mu and l->mu are held. */
static void join_locked(struct inet_sock *s, struct inet_sock *l,
			struct parts *p)
{
	struct inet_sock *child = take(p->child);
	struct tcp_conn *c = take(p->conn);

	inet_opt_inherit(l, child);
	child->local = s->peer;
	child->peer = s->local;
	child->addr_fixed = true;
	child->uid = l->uid;
	child->ss = SS_CONNECTED;
	grow_sndbuf(s);
	grow_sndbuf(child);
	set_end(c, 0, s);
	tcp_conn_get(c);
	set_end(c, 1, child);
	inet_port_add_child_locked(child, take(p->port));
	list_append(&l->pending, &child->pending_node);
	l->nr_pending++;
	net_count(s->net, NET_TCP_ACTIVE, 1);
	net_count(s->net, NET_TCP_PASSIVE, 1);
	net_count(s->net, NET_TCP_ESTAB, 2);
}

static void wait_at_locked(struct inet_sock *s, struct inet_sock *l)
{
	s->state = LINUX_TCP_SYN_SENT;
	if (s->listener)
		return;
	inet_get(l);
	s->listener = l;
	inet_get(s);
	list_append(&l->waiting, &s->waiting_node);
}

/* 0, -ECONNREFUSED; -EAGAIN: the queue is full.  net->mu is held. */
static int join(struct inet_sock *s, struct inet_sock *l, struct parts *p)
{
	int ret = 0;

	if (s == l)
		return -ECONNREFUSED;
	mutex_lock_nested(&s->mu);
	mutex_lock_nested(&l->mu);
	if (l->state != LINUX_TCP_LISTEN || l->dead) {
		ret = -ECONNREFUSED;
	} else if (l->nr_pending > l->backlog) {
		wait_at_locked(s, l);
		ret = -EAGAIN;
	} else {
		join_locked(s, l, p);
	}
	mutex_unlock(&l->mu);
	mutex_unlock(&s->mu);
	return ret;
}

/* --- connect(2) ----------------------------------------------------------- */

static void refuse(struct inet_sock *s)
{
	net_count(s->net, NET_TCP_FAILS, 1);
	net_count(s->net, NET_TCP_RSTS, 1);
	s->state = LINUX_TCP_CLOSE;
	s->err = ECONNREFUSED;
	s->shut = INET_SHUT_BOTH;
	inet_wake(s, EVENTS_ALL);
}

/* A local port, if there is none.  net->mu is held; s->peer is set. */
static int local_port(struct inet_sock *s)
{
	int ret = 0;

	mutex_lock_nested(&s->mu);
	if (!s->port)
		ret = inet_port_take(s, s->local.port, s->local.port == 0);
	else if (inet_port_connected_locked(s, s->port, &s->local, &s->peer))
		ret = -EADDRNOTAVAIL;
	if (ret == 0) {
		s->port->local = s->local;
		s->port->peer = s->peer;
		s->port->connected = true;
	}
	mutex_unlock(&s->mu);
	return ret;
}

/* From here on errors are the connection's, not the call's. */
static int open_conn(struct inet_sock *s, const struct inet_name *to)
{
	struct parts p = { 0 };
	struct inet_sock *l;
	int ret;

	mutex_lock(&s->net->mu);
	ret = local_port(s);
	l = ret == 0 ? inet_find_locked(s->net, true, &s->local, to) : NULL;
	if (l)
		inet_get(l);
	mutex_unlock(&s->net->mu);
	if (ret < 0)
		return ret;
	ret = l ? make_parts(l, &p) : -ECONNREFUSED;
	if (ret == 0) {
		mutex_lock(&s->net->mu);
		ret = join(s, l, &p);
		mutex_unlock(&s->net->mu);
	}
	drop_parts(&p);
	if (ret == 0)
		inet_wake(l, EVENTS_IN);
	if (ret == -ECONNREFUSED)
		refuse(s);
	if (l)
		inet_put(l);
	return ret == -ENOMEM ? ret : 0;
}

/* Checks, then everything up to the state SYN_SENT or beyond. */
static int start(struct inet_sock *s, const void *addr, uint32_t len)
{
	struct net_addr src;
	struct inet_name to;
	enum net_kind kind;
	uint32_t scope;
	int ret = inet_name_in(s, addr, len, &to, &scope);

	if (ret < 0)
		return ret;
	if (net_addr_is_linklocal6(&to.addr) && !scope &&
	    !inet_opt(s, OPT_BINDTOIF))
		return -EINVAL;
	if (net_addr_is_multicast(&to.addr))
		return -ENETUNREACH;
	ret = inet_route(s, &to, scope, &src, &kind);
	if (ret == 0 && kind != NET_LOCAL)
		ret = -ENETUNREACH;
	if (ret < 0)
		return ret;
	mutex_lock(&s->mu);
	s->local.addr = src;
	s->peer = to;
	s->shut = 0;
	s->ss = SS_CONNECTING;
	mutex_unlock(&s->mu);
	ret = open_conn(s, &to);
	if (ret < 0) {
		int err = s->err;

		(void)tcp_disconnect(s);
		s->err = err;
	}
	return ret;
}

static bool is_settled(struct inet_sock *s, const void *arg)
{
	(void)arg;
	return s->state != LINUX_TCP_SYN_SENT;
}

/* When SYNs would not be sent again. */
static uint64_t give_up_at(struct inet_sock *s)
{
	uint32_t ms = (uint32_t)inet_opt(s, OPT_USER_TIMEOUT);
	int32_t n = inet_opt(s, OPT_SYNCNT);

	if (n == 0)
		n = net_sysctl(s->net, NET_SYN_RETRIES);
	if (ms)
		return clock_monotonic() + ms * 1000000ull;
	return clock_monotonic() +
	       ((1ull << (uint32_t)(n + 1)) - 1) * NSEC_PER_SEC;
}

/* Waits for a place in the listener's queue: 0, -EAGAIN, -errno. */
static int wait_place(struct inet_sock *s)
{
	uint64_t timeo = s->sndtimeo, end = give_up_at(s);
	uint64_t deadline = inet_deadline(timeo);
	int ret =
		inet_wait(s, EVENTS_OUT, MIN(deadline, end), is_settled, NULL);

	if (ret == -EINTR && !timeo)
		return -ERESTARTSYS;
	if (ret != -EAGAIN || deadline < end)
		return ret;
	(void)tcp_disconnect(s);
	s->err = 0;
	return -ETIMEDOUT;
}

static int finish(struct inet_sock *s)
{
	int ret;

	if (s->state != LINUX_TCP_CLOSE) {
		mutex_lock(&s->mu);
		s->ss = SS_CONNECTED;
		mutex_unlock(&s->mu);
		return 0;
	}
	ret = inet_take_err(s);
	(void)tcp_disconnect(s);
	return ret ? ret : -ECONNABORTED;
}

int tcp_connect(struct socket *sock, const void *addr, uint32_t len,
		bool nonblock)
{
	struct inet_sock *s = inet_of(sock);
	uint16_t family = 0;
	bool again;
	int ret;

	if (len < sizeof(family))
		return -EINVAL;
	memcpy(&family, addr, sizeof(family));
	if (family == LINUX_AF_UNSPEC)
		return tcp_disconnect(s);
	again = s->ss == SS_CONNECTING;
	if (s->ss == SS_CONNECTED || (!again && s->state != LINUX_TCP_CLOSE))
		return -EISCONN;
	ret = again ? 0 : start(s, addr, len);
	if (ret < 0)
		return ret;
	if (nonblock && (!again || s->state == LINUX_TCP_SYN_SENT))
		return again ? -EALREADY : -EINPROGRESS;
	if (s->state == LINUX_TCP_SYN_SENT) {
		ret = wait_place(s);
		if (ret == -EAGAIN)
			return again ? -EALREADY : -EINPROGRESS;
		if (ret < 0)
			return ret;
	}
	return finish(s);
}

/* --- listen(2) ------------------------------------------------------------ */

int tcp_listen(struct socket *sock, int backlog)
{
	struct inet_sock *s = inet_of(sock);
	int ret = 0;

	mutex_lock(&s->net->mu);
	mutex_lock_nested(&s->mu);
	if (s->ss != SS_UNCONNECTED ||
	    (s->state != LINUX_TCP_CLOSE && s->state != LINUX_TCP_LISTEN))
		ret = -EINVAL;
	if (ret == 0 && !s->port)
		ret = inet_port_take(s, s->local.port, false);
	if (ret == 0 && s->state != LINUX_TCP_LISTEN)
		ret = inet_port_listen(s, true);
	if (ret == 0) {
		s->state = LINUX_TCP_LISTEN;
		s->backlog = MIN((uint32_t)backlog,
				 (uint32_t)net_sysctl(s->net, NET_SOMAXCONN));
	}
	mutex_unlock(&s->mu);
	mutex_unlock(&s->net->mu);
	return ret;
}

/* --- accept(2) ------------------------------------------------------------ */

/* Takes those who wait into the queue, as far as there is room. */
static void admit(struct inet_sock *l)
{
	struct inet_sock *s;
	struct parts p;
	int ret = 0;

	while (ret == 0) {
		p = (struct parts){ 0 };
		ret = make_parts(l, &p);
		mutex_lock(&l->net->mu);
		s = list_first(&l->waiting, struct inet_sock, waiting_node);
		if (!s)
			ret = -ENOENT;
		if (ret == 0)
			ret = join(s, l, &p);
		if (ret == 0) {
			list_del(&s->waiting_node);
			(void)take(s->listener);
		}
		mutex_unlock(&l->net->mu);
		drop_parts(&p);
		if (ret < 0)
			return;
		inet_wake(s, EVENTS_OUT);
		inet_wake(l, EVENTS_IN);
		inet_put(s);
		inet_put(l); /* was s->listener */
	}
}

static bool may_accept(struct inet_sock *s, const void *arg)
{
	bool yes;

	(void)arg;
	mutex_lock(&s->mu);
	yes = !list_empty(&s->pending) || s->state != LINUX_TCP_LISTEN;
	mutex_unlock(&s->mu);
	return yes;
}

static int try_accept(struct inet_sock *l, struct inet_sock **out)
{
	struct inet_sock *got;
	bool others;
	int ret = 0;

	mutex_lock(&l->mu);
	got = list_first(&l->pending, struct inet_sock, pending_node);
	if (l->state != LINUX_TCP_LISTEN) {
		ret = -EINVAL;
	} else if (got) {
		list_del(&got->pending_node);
		l->nr_pending--;
	} else {
		ret = -EAGAIN;
	}
	others = !list_empty(&l->waiting);
	mutex_unlock(&l->mu);
	if (ret == 0) {
		*out = got;
		if (others)
			admit(l);
	}
	return ret;
}

int tcp_accept(struct socket *sock, bool nonblock, struct socket **out)
{
	struct inet_sock *l = inet_of(sock), *got = NULL;
	uint64_t deadline = inet_deadline(l->rcvtimeo);
	int ret;

	for (;;) {
		ret = try_accept(l, &got);
		if (ret != -EAGAIN || nonblock)
			break;
		ret = inet_wait(l, LINUX_POLLIN, deadline, may_accept, NULL);
		if (ret < 0)
			return ret;
	}
	if (ret == 0)
		*out = &got->sock;
	return ret;
}
