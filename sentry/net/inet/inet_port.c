/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inet_port: who uses which port of a network namespace, and who may.
 *
 * A bucket holds the ports whose numbers hash alike, the latest first, so that
 * of two sockets that take a datagram equally well the latest gets it.
 *
 * Invariant: a socket's entry is in a table as long as s->port is set.
 * Locks:     net->mu; of the socket itself s->mu too.
 * Linux:     inet_csk_get_port(), udp_lib_get_port() and the look-ups of 6.18;
 *            a port that connect(2) chose is shared only if no other is free.
 * Tests:     tests/conformance/tcp.c, udp.c
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sentry/host/host.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/hash.h"
#include "sentry/net/inet/inet.h"
#include "sentry/time/clock.h"

static_assert(offsetof(struct inet_port, tw_node) == 0, "see net_ns.c");

#define TIME_WAIT_NS  (60 * NSEC_PER_SEC)
#define TIME_WAIT_MAX 16384u /* net.ipv4.tcp_max_tw_buckets */

struct list *inet_bucket(struct inet_sock *s, uint16_t port)
{
	return &(inet_is_tcp(s) ? s->net->tcp
				: s->net->udp)[port % NET_PORT_HASH];
}

/* --- conflicts ------------------------------------------------------------ */

/* Could one packet be meant for both? */
static bool overlap(const struct net_addr *a, bool a6only,
		    const struct net_addr *b, bool b6only)
{
	if (net_addr_eq(a, &net_any6))
		return !(a6only && net_addr_is4(b));
	if (net_addr_eq(b, &net_any6))
		return !(b6only && net_addr_is4(a));
	if (net_addr_is4(a) && net_addr_is4(b) &&
	    (net_addr_is_any(a) || net_addr_is_any(b)))
		return true;
	return net_addr_eq(a, b);
}

static bool share_reuseport(const struct inet_sock *s,
			    const struct inet_port *p)
{
	return inet_opt(s, OPT_REUSEPORT) && p->reuseport &&
	       (p->time_wait || p->uid == s->uid);
}

/* @any: some port is looked for, so that reuse alone is no reason. */
static bool conflict(const struct inet_sock *s, const struct inet_port *p,
		     bool any)
{
	bool reuse = inet_opt(s, OPT_REUSEADDR) && p->reuse;

	if (p == s->port || share_reuseport(s, p))
		return false;
	if (reuse && (!inet_is_tcp(s) || (!p->listening && !any)))
		return false;
	return overlap(&s->local.addr, inet_opt(s, OPT_V6ONLY), &p->local.addr,
		       p->v6only);
}

static bool is_free(struct inet_sock *s, uint16_t port, bool any)
{
	struct inet_port *p;

	list_for_each_entry (p, inet_bucket(s, port), node)
		if (p->local.port == port && conflict(s, p, any))
			return false;
	return true;
}

/* For connect(2): may a port be shared whose other connections differ? */
static bool is_free_to(struct inet_sock *s, uint16_t port, bool share)
{
	struct inet_name from = { s->local.addr, port };
	struct inet_port *p;

	list_for_each_entry (p, inet_bucket(s, port), node) {
		if (p->local.port != port)
			continue;
		if (!share || !p->by_connect)
			return false;
		if (net_addr_eq(&p->peer.addr, &s->peer.addr) &&
		    p->peer.port == s->peer.port &&
		    net_addr_eq(&p->local.addr, &from.addr))
			return false;
	}
	return true;
}

bool inet_port_connected_locked(struct inet_sock *s, struct inet_port *self,
				const struct inet_name *from,
				const struct inet_name *to)
{
	struct inet_port *p;

	list_for_each_entry (p, inet_bucket(s, from->port), node)
		if (p != self && p->local.port == from->port && p->connected &&
		    !p->time_wait && p->peer.port == to->port &&
		    net_addr_eq(&p->peer.addr, &to->addr) &&
		    net_addr_eq(&p->local.addr, &from->addr))
			return true;
	return false;
}

/* --- taking --------------------------------------------------------------- */

/* Orphans and TIME_WAIT ports whose time is over. */
static void expire_locked(struct net_ns *n)
{
	uint64_t now = clock_monotonic_coarse();
	struct inet_port *p;

	while ((p = list_first(&n->time_wait, struct inet_port, tw_node)) &&
	       (p->until <= now || n->nr_time_wait > TIME_WAIT_MAX)) {
		n->nr_time_wait--;
		inet_port_free_locked(n, p);
	}
}

static bool port_ok(struct inet_sock *s, uint16_t port, bool by_connect,
		    int pass)
{
	if (by_connect)
		return is_free_to(s, port, pass > 0);
	return is_free(s, port, true);
}

/* A free one of the range, beginning anywhere; 0: none. */
static uint16_t find_free(struct inet_sock *s, bool by_connect)
{
	uint32_t low = (uint32_t)net_sysctl(s->net, NET_PORT_MIN);
	uint32_t high = (uint32_t)net_sysctl(s->net, NET_PORT_MAX);
	uint32_t own = (uint32_t)inet_opt(s, OPT_PORT_RANGE), nr, start = 0;

	if (own & 0xffff)
		low = MAX(own & 0xffff, low);
	if (own >> 16)
		high = MIN(own >> 16, high);
	if (low > high)
		return 0;
	nr = high - low + 1;
	if (host_getrandom(&start, sizeof(start)) < 0)
		start = (uint32_t)clock_monotonic();
	start %= nr;
	for (int pass = 0; pass < (by_connect ? 2 : 1); pass++)
		for (uint32_t i = 0; i < nr; i++) {
			uint16_t port = (uint16_t)(low + (start + i) % nr);

			if (port_ok(s, port, by_connect, pass))
				return port;
		}
	return 0;
}

static void fill(struct inet_port *p, struct inet_sock *s)
{
	p->local = s->local;
	p->peer = s->peer;
	p->is6 = inet_is6(s);
	p->v6only = p->is6 && inet_opt(s, OPT_V6ONLY);
	p->reuse = inet_opt(s, OPT_REUSEADDR);
	p->reuseport = inet_opt(s, OPT_REUSEPORT);
	p->uid = s->uid;
	p->connected = s->peer.port != 0;
}

static struct inet_port *new_port(struct inet_sock *s)
{
	struct inet_port *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	list_init(&p->tw_node);
	list_init(&p->listen_node);
	fill(p, s);
	p->sk = s;
	return p;
}

int inet_port_take(struct inet_sock *s, uint16_t want, bool by_connect)
{
	struct inet_port *p;

	expire_locked(s->net);
	if (want == 0)
		want = find_free(s, by_connect);
	else if (!is_free(s, want, false))
		want = 0;
	if (want == 0)
		return by_connect ? -EADDRNOTAVAIL : -EADDRINUSE;
	s->local.port = want;
	p = new_port(s);
	if (!p)
		return -ENOMEM;
	p->by_connect = by_connect && inet_is_tcp(s);
	list_push(inet_bucket(s, want), &p->node);
	s->port = p;
	return 0;
}

void inet_port_add_child_locked(struct inet_sock *child, struct inet_port *p)
{
	list_init(&p->tw_node);
	list_init(&p->listen_node);
	fill(p, child);
	p->sk = child;
	list_append(inet_bucket(child, child->local.port), &p->node);
	child->port = p;
}

void inet_port_update(struct inet_sock *s)
{
	mutex_lock(&s->net->mu);
	mutex_lock_nested(&s->mu);
	if (s->port)
		fill(s->port, s);
	mutex_unlock(&s->mu);
	mutex_unlock(&s->net->mu);
}

/* --- giving back ---------------------------------------------------------- */

void inet_port_free_locked(struct net_ns *n, struct inet_port *p)
{
	(void)n;
	list_del(&p->node);
	list_del(&p->listen_node);
	list_del(&p->tw_node);
	free(p);
}

void inet_port_drop(struct inet_sock *s)
{
	struct inet_port *p;

	mutex_lock(&s->net->mu);
	mutex_lock_nested(&s->mu);
	p = take(s->port);
	if (p)
		inet_port_free_locked(s->net, p);
	mutex_unlock(&s->mu);
	mutex_unlock(&s->net->mu);
}

struct inet_port *inet_port_orphan_locked(struct inet_sock *s)
{
	struct inet_port *p = take(s->port);

	if (p)
		p->sk = NULL;
	return p;
}

void inet_port_time_wait_locked(struct net_ns *n, struct inet_port *p)
{
	p->sk = NULL;
	p->time_wait = true;
	p->until = clock_monotonic_coarse() + TIME_WAIT_NS;
	list_append(&n->time_wait, &p->tw_node);
	n->nr_time_wait++;
	expire_locked(n);
}

/* --- listening ------------------------------------------------------------ */

int inet_port_listen(struct inet_sock *s, bool on)
{
	struct inet_port *p = s->port, *other;
	struct list *bucket = &s->net->listening[s->local.port % NET_PORT_HASH];

	if (!on) {
		p->listening = false;
		list_del(&p->listen_node);
		return 0;
	}
	list_for_each_entry (other, bucket, listen_node)
		if (other->local.port == p->local.port &&
		    conflict(s, other, false))
			return -EADDRINUSE;
	p->listening = true;
	list_del(&p->listen_node);
	list_push(bucket, &p->listen_node);
	return 0;
}

/* --- look-up -------------------------------------------------------------- */

int inet_port_score(const struct inet_port *p, const struct inet_name *from,
		    const struct inet_name *to)
{
	const struct net_addr *a = &p->local.addr;
	bool v4 = net_addr_is4(&to->addr);
	int score = p->is6 == !v4 ? 1 : 0;

	if (!p->sk || p->local.port != to->port)
		return -1;
	if (net_addr_eq(a, &net_any6)) {
		if (v4 && p->v6only)
			return -1;
	} else if (net_addr_eq(a, &net_any4)) {
		if (!v4)
			return -1;
	} else if (net_addr_eq(a, &to->addr)) {
		score += 4;
	} else {
		return -1;
	}
	if (!p->connected)
		return score;
	if (p->peer.port != from->port ||
	    !net_addr_eq(&p->peer.addr, &from->addr))
		return -1;
	return score + 8;
}

/* Of sockets that share a port, one for each pair of addresses. */
static struct inet_sock *pick(struct list *bucket, bool tcp, uint32_t nr,
			      int score, const struct inet_name *from,
			      const struct inet_name *to)
{
	struct {
		struct inet_name from, to;
	} key;
	struct inet_port *p;
	struct list *at;
	uint32_t n;

	memset(&key, 0, sizeof(key));
	key.from.addr = from->addr;
	key.from.port = from->port;
	key.to.addr = to->addr;
	key.to.port = to->port;
	n = (uint32_t)(hash_bytes(&key, sizeof(key)) % nr);
	for (at = bucket->next; at != bucket; at = at->next) {
		p = tcp ? list_entry(at, struct inet_port, listen_node)
			: list_entry(at, struct inet_port, node);
		if (p->reuseport && inet_port_score(p, from, to) == score &&
		    n-- == 0)
			return p->sk;
	}
	return NULL;
}

struct inet_sock *inet_find_locked(struct net_ns *n, bool tcp,
				   const struct inet_name *from,
				   const struct inet_name *to)
{
	struct list *bucket =
		&(tcp ? n->listening : n->udp)[to->port % NET_PORT_HASH];
	struct inet_port *p, *found = NULL;
	uint32_t nr_alike = 0;
	int best = -1, score;
	struct list *at;

	for (at = bucket->next; at != bucket; at = at->next) {
		p = tcp ? list_entry(at, struct inet_port, listen_node)
			: list_entry(at, struct inet_port, node);
		score = inet_port_score(p, from, to);
		if (score < best || score < 0)
			continue;
		if (score > best) {
			best = score;
			found = p;
			nr_alike = p->reuseport;
		} else {
			nr_alike += p->reuseport;
		}
	}
	if (!found)
		return NULL;
	if (found->reuseport && nr_alike > 1)
		return pick(bucket, tcp, nr_alike, best, from, to);
	return found->sk;
}
