/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp: a connection of two sockets on this host.
 *
 * Each end has the queue of bytes that it is to read.  Positions count all
 * bytes since the start, so that they never wrap.
 */
#ifndef SENTRY_NET_INET_TCP_H
#define SENTRY_NET_INET_TCP_H

#include "sentry/net/inet/inet.h"

/* Bytes under way; written by the sender until it is full or not the last. */
struct tcp_chunk {
	struct list node;
	uint32_t size, len, done; /* room, bytes in it, bytes read */
	uint8_t data[];
};

enum tcp_urgent { URG_NONE, URG_VALID, URG_READ };

struct tcp_end {
	struct inet_sock *sk; /* borrowed; NULL: closed, or never accepted */
	struct inet_name name;
	struct list rx;	       /* tcp_chunk.node */
	uint64_t rx_wr, rx_rd; /* bytes that arrived, that were read */
	uint64_t urg_at;
	enum tcp_urgent urg;
	bool fin;    /* it has said that it sends no more */
	bool closed; /* and nobody will read what comes */
	bool full;   /* its sender waits for room in the other's rx */
	uint32_t rcvbuf, sndbuf; /* copies of the options */
	struct inet_port *port;	 /* owned, once it is an orphan */
	uint32_t segs_in, segs_out;
	uint64_t last_rx, last_tx; /* monotonic ns, coarse */
};

struct tcp_conn {
	struct refcount ref;
	IMMUTABLE struct net_ns *net; /* +1 */
	struct mutex mu;	      /* LOCK_PIPE, after sockets' */
	struct tcp_end end[2] GUARDED_BY(mu);
	int first_fin GUARDED_BY(mu); /* side, or -1 */
	bool dead GUARDED_BY(mu);     /* reset, or both sides have ended */
	_Atomic uint32_t corked;
};

/* A connection without ends; one reference.  -ENOMEM. */
MUST_CHECK int tcp_conn_new(struct net_ns *net, struct tcp_conn **out);
/* Another reference. */
void tcp_conn_get(struct tcp_conn *c);
/* The last one settles the ports and frees what was not read. */
void tcp_conn_put(struct tcp_conn *c);
DEFINE_AUTO_PUT(tcp_conn)
/* That of @s, +1, and its side; NULL: none. */
struct tcp_conn *tcp_conn_of(struct inet_sock *s, uint8_t *side);
/* The socket at an end, +1, or NULL; c->mu held. */
struct inet_sock *tcp_end_sock(struct tcp_end *e);

/* Under c->mu: bytes that wait at @e, and the most there may be. */
static inline uint64_t tcp_queued(const struct tcp_end *e)
{
	return e->rx_wr - e->rx_rd;
}
uint64_t tcp_limit(const struct tcp_conn *c, uint8_t to);
/* Bytes that are in all queues: beyond a mark limits get small. */
extern _Atomic uint64_t g_tcp_bytes;

/* What has to be told after c->mu was dropped. */
struct tcp_news {
	struct inet_sock *sk[2]; /* +1 */
	uint32_t events[2];
};
void tcp_tell(struct tcp_news *n);
/*
 * Under c->mu: side @by resets; the other one sees it.  @by < 0: both do.
 * Ports are dropped by tcp_ports_settle().
 */
void tcp_reset_locked(struct tcp_conn *c, uint8_t by, struct tcp_news *news);
/* @side says that it sends no more. */
void tcp_fin_locked(struct tcp_conn *c, uint8_t side, struct tcp_news *news);
/* After the lock was dropped: ports of orphans whose connection is over. */
void tcp_ports_settle(struct tcp_conn *c);
/* Frees what waits in a queue. */
void tcp_chunks_free(struct list *chunks);
/* LINUX_TCP_* of a side. */
int tcp_state_locked(const struct tcp_conn *c, uint8_t side);
int tcp_state(struct inet_sock *s);

#endif
