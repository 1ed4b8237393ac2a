/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp_deliver: from a datagram to the queues it belongs in, and the errors that
 * come back.
 *
 * What nobody takes is answered by an ICMP "port unreachable" on Linux; here
 * the sender is told at once.
 *
 * Locks: net->mu to find the receivers, s->mu for a queue.
 * Linux: __udp4_lib_rcv(), __udp4_lib_err(), ip_icmp_error() of 6.18.
 * Tests: tests/conformance/udp.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/kernel/task.h"
#include "sentry/net/inet/udp.h"

#define OVERHEAD   768u /* what a datagram costs beside its bytes */
#define ERRORS_MAX 64u	/* more are dropped, as beyond SO_RCVBUF */

static enum net_stat stat_of(const struct inet_dgram *d, enum net_stat v4,
			     enum net_stat v6)
{
	return net_addr_is4(&d->to.addr) ? v4 : v6;
}

/* Takes over @d, or drops it: the queue is full. */
static void enqueue(struct inet_sock *s, struct inet_dgram *d)
{
	bool dropped = false;

	d->charge = (uint32_t)d->size + OVERHEAD;
	mutex_lock(&s->mu);
	if (s->dead || (s->shut & INET_SHUT_RCV) ||
	    s->rx_charge > (uint32_t)inet_opt(s, OPT_RCVBUF)) {
		s->drops++;
		dropped = true;
	} else {
		s->rx_charge += d->charge;
		list_append(&s->queue, &d->node);
		s->arrived++;
	}
	mutex_unlock(&s->mu);
	if (!dropped) {
		inet_wake(s, EVENTS_IN);
		return;
	}
	net_count(s->net, stat_of(d, NET_UDP_RCVBUF, NET_UDP6_RCVBUF), 1);
	free(d);
}

/* --- errors --------------------------------------------------------------- */

void inet_queue_error(struct inet_sock *s, const struct inet_dgram *d)
{
	size_t size = MIN(d->size, 1024u);
	struct inet_dgram *e = malloc(sizeof(*e) + size);
	uint32_t nr = 0;
	struct list *at;

	if (!e)
		return;
	memcpy(e, d, sizeof(*e) + size);
	list_init(&e->node);
	e->size = size;
	e->err = ECONNREFUSED;
	mutex_lock(&s->mu);
	for (at = s->errors.next; at != &s->errors; at = at->next)
		nr++;
	if (!s->dead && nr < ERRORS_MAX) {
		list_append(&s->errors, &e->node);
		e = NULL;
	}
	mutex_unlock(&s->mu);
	free(e);
}

/* Nobody is there for @d. */
static void unreachable(struct inet_sock *from, const struct inet_dgram *d)
{
	bool wants = inet_opt(from, net_addr_is4(&d->to.addr) ? OPT_RECVERR
							      : OPT_RECVERR6);

	net_count(from->net, stat_of(d, NET_UDP_NOPORTS, NET_UDP6_NOPORTS), 1);
	if (wants)
		inet_queue_error(from, d);
	else if (from->state != LINUX_TCP_ESTABLISHED)
		return;
	from->err = ECONNREFUSED;
	inet_wake(from, LINUX_POLLERR);
}

/* --- to many -------------------------------------------------------------- */

static bool takes_copy(struct inet_port *p, const struct inet_dgram *d,
		       enum net_kind kind)
{
	struct inet_sock *s = p->sk;
	bool member, all;

	if (inet_port_score(p, &d->from, &d->to) < 0)
		return false;
	if (kind == NET_BROADCAST)
		return true;
	mutex_lock_nested(&s->mu);
	member = inet_is_member(s, &d->to.addr);
	mutex_unlock(&s->mu);
	all = inet_opt(s, net_addr_is4(&d->to.addr) ? OPT_MCAST_ALL
						    : OPT_MCAST_ALL6);
	return member || all;
}

#define MAX_COPIES 64

/* References to who gets one.  Returns their number. */
static uint32_t find_all(struct net_ns *n, const struct inet_dgram *d,
			 enum net_kind kind, struct inet_sock *out[MAX_COPIES])
{
	struct list *bucket = &n->udp[d->to.port % NET_PORT_HASH];
	struct inet_port *p;
	uint32_t nr = 0;

	mutex_lock(&n->mu);
	list_for_each_entry (p, bucket, node) {
		if (nr == MAX_COPIES)
			break;
		if (!p->sk || !takes_copy(p, d, kind))
			continue;
		inet_get(p->sk);
		out[nr++] = p->sk;
	}
	mutex_unlock(&n->mu);
	return nr;
}

static void deliver_copies(struct inet_sock *from, const struct inet_dgram *d,
			   enum net_kind kind)
{
	struct inet_sock *to[MAX_COPIES];
	uint32_t nr = find_all(from->net, d, kind, to);

	for (uint32_t i = 0; i < nr; i++) {
		struct inet_dgram *copy = malloc(sizeof(*d) + d->size);

		if (copy) {
			memcpy(copy, d, sizeof(*d) + d->size);
			list_init(&copy->node);
			enqueue(to[i], copy);
		}
		inet_put(to[i]);
	}
}

void udp_deliver(struct inet_sock *from, struct inet_dgram *d,
		 enum net_kind kind)
{
	struct net_ns *n = from->net;
	struct inet_sock *to = NULL;

	net_count(n, stat_of(d, NET_UDP_OUT, NET_UDP6_OUT), 1);
	net_count(n, NET_LO_PACKETS, 1);
	net_count(n, NET_LO_BYTES, d->size + 28);
	if (kind == NET_LOCAL) {
		mutex_lock(&n->mu);
		to = inet_find_locked(n, false, &d->from, &d->to);
		if (to)
			inet_get(to);
		mutex_unlock(&n->mu);
	}
	if (to) {
		enqueue(to, d);
		inet_put(to);
		return;
	}
	if (kind == NET_LOCAL)
		unreachable(from, d);
	else
		deliver_copies(from, d, kind);
	free(d);
}
