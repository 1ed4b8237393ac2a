/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inet: AF_INET and AF_INET6 sockets over loopback; private to sentry/net/inet.
 *
 * No packets: TCP moves bytes from the sender's memory into a queue of the
 * receiver, UDP datagrams likewise.  Addresses are those of net_ns.h.
 *
 * A connection (struct tcp_conn) has two ends and one lock; a socket points at
 * it and an end at its socket, until that is closed.
 */
#ifndef SENTRY_NET_INET_INET_H
#define SENTRY_NET_INET_INET_H

#include "abi/inet.h"
#include "abi/poll.h"
#include "sentry/kernel/wait.h"
#include "sentry/net/inet/inet_opt.h"
#include "sentry/net/net_ns.h"
#include "sentry/net/socket.h"

#define EVENTS_IN  (LINUX_POLLIN | LINUX_POLLRDNORM)
#define EVENTS_OUT (LINUX_POLLOUT | LINUX_POLLWRNORM)
#define EVENTS_ALL                                                  \
	(EVENTS_IN | EVENTS_OUT | LINUX_POLLRDHUP | LINUX_POLLHUP | \
	 LINUX_POLLERR)

enum { INET_SHUT_RCV = 1, INET_SHUT_SEND = 2, INET_SHUT_BOTH = 3 };

/* Where a socket, or a packet, is or goes; the port in host order. */
struct inet_name {
	struct net_addr addr;
	uint16_t port;
};

/* A port in use: of a socket, of an orphan of TCP, or in TIME_WAIT. */
struct inet_port {
	struct list tw_node; /* first; n->time_wait; n->mu */
	struct list node;    /* bucket of n->tcp or n->udp; n->mu */
	struct list listen_node;
	struct inet_sock *sk;	      /* NULL: no socket any more; n->mu */
	struct inet_name local, peer; /* n->mu */
	bool v6only, reuse, reuseport, listening, time_wait;
	bool connected, by_connect; /* by_connect: chosen by connect(2) */
	bool is6;
	uint32_t uid;	/* for SO_REUSEPORT */
	uint64_t until; /* monotonic ns, of what has no socket */
};

struct inet_dgram {
	struct list node;
	struct inet_name from, to;
	uint64_t stamp; /* CLOCK_REALTIME */
	size_t size;
	uint32_t charge;
	uint8_t ttl, tos;
	uint32_t err, info; /* error queue: what came back */
	uint32_t gso;	    /* UDP_SEGMENT of the sender, 0: none */
	uint8_t data[];
};

struct inet_group { /* a multicast membership */
	struct list node;
	struct net_addr addr;
	int32_t ifindex;
};

enum inet_ss { SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED };

struct inet_sock {
	struct socket sock; /* first */
	struct refcount ref;
	IMMUTABLE struct net_ns *net; /* +1 */
	struct mutex read_mu;	      /* LOCK_FILE_POS: one reader at a time */
	struct mutex mu;	      /* LOCK_PIPE, after net->mu; by address */
	struct inet_name local, peer GUARDED_BY(mu);
	bool addr_fixed, port_fixed GUARDED_BY(mu); /* by bind(2) */
	struct inet_port *port GUARDED_BY(mu);	    /* owned; in a table */
	_Atomic int err;			    /* SO_ERROR */
	_Atomic uint8_t shut;			    /* INET_SHUT_* */
	_Atomic int state; /* LINUX_TCP_*; of UDP ESTABLISHED and CLOSE */
	bool dead GUARDED_BY(mu); /* its file is gone */
	uint32_t uid;		  /* who made it */
	/* TCP */
	enum inet_ss ss GUARDED_BY(mu);
	struct tcp_conn *conn GUARDED_BY(mu); /* +1 */
	uint8_t side GUARDED_BY(mu);
	struct list pending, pending_node GUARDED_BY(mu); /* to be accepted */
	struct list waiting, waiting_node GUARDED_BY(mu); /* to connect */
	struct inet_sock *listener GUARDED_BY(mu); /* +1, while SYN_SENT */
	uint32_t nr_pending, backlog GUARDED_BY(mu);
	/* UDP */
	struct list queue, errors GUARDED_BY(mu);
	uint64_t arrived GUARDED_BY(mu);
	uint32_t drops GUARDED_BY(mu);
	_Atomic uint32_t rx_charge;   /* bytes in queue */
	uint8_t *cork GUARDED_BY(mu); /* MSG_MORE: what is collected */
	size_t cork_size GUARDED_BY(mu);
	struct inet_name cork_to GUARDED_BY(mu);
	struct list groups GUARDED_BY(mu);
	uint32_t nr_groups GUARDED_BY(mu);
	uint64_t last_stamp GUARDED_BY(mu);
	/* Options. */
	_Atomic int32_t opt[INET_OPT_NR];
	_Atomic uint64_t rcvtimeo, sndtimeo; /* ns; 0: none */
	struct net_addr mcast_src GUARDED_BY(mu);
	struct waitq wq; /* readers, writers, pollers */
};

static inline struct inet_sock *inet_of(struct socket *s)
{
	return container_of(s, struct inet_sock, sock);
}
static inline bool inet_is_tcp(const struct inet_sock *s)
{
	return s->sock.type == LINUX_SOCK_STREAM;
}
static inline bool inet_is6(const struct inet_sock *s)
{
	return s->sock.family == LINUX_AF_INET6;
}
static inline int32_t inet_opt(const struct inet_sock *s, enum inet_opt_id id)
{
	return atomic_load_explicit(&s->opt[id], memory_order_relaxed);
}

/* --- inet_sock.c ---------------------------------------------------------- */

/* A socket of @type with one reference, in namespace @net.  -ENOMEM. */
MUST_CHECK int inet_new(int family, int type, int protocol, struct net_ns *net,
			struct inet_sock **out);
/* Another reference; the last put frees. */
void inet_get(struct inet_sock *s);
/* Drops a reference. */
void inet_put(struct inet_sock *s);
/* The pending error as -errno, cleared; 0: none. */
int inet_take_err(struct inet_sock *s);
void inet_wake(struct inet_sock *s, uint32_t events);
/* Monotonic, for a timeout of @timeo ns (0: none). */
uint64_t inet_deadline(uint64_t timeo);
/*
 * Sleeps until @ready(s, @arg) or @deadline; the caller tried before.
 * 0; -EAGAIN (timeout), -ERESTARTSYS, -EINTR (with a deadline).
 */
MUST_CHECK int inet_wait(struct inet_sock *s, uint32_t events,
			 uint64_t deadline,
			 bool (*ready)(struct inet_sock *s, const void *arg),
			 const void *arg);
/* A control message of @size bytes for the receiver.  No memory: none. */
void inet_put_ctl(struct socket_msg *m, int level, int type, const void *data,
		  size_t size);

/* --- inet_name.c ---------------------------------------------------------- */

/* A guest's address for @s; *scope: of link-local ones.  -EINVAL,
 * -EAFNOSUPPORT. */
MUST_CHECK int inet_name_in(const struct inet_sock *s, const void *addr,
			    uint32_t len, struct inet_name *out,
			    uint32_t *scope);
/* As the family of @s shows @n; the length. */
uint32_t inet_name_out(const struct inet_sock *s, const struct inet_name *n,
		       void *addr);
int inet_bind(struct socket *sock, const void *addr, uint32_t len);
int inet_getname(struct socket *sock, bool peer, void *addr, uint32_t *len);
/*
 * Where @to leads for a packet of @s: any addresses become loopback.
 * *src: the local address to show.  -ENETUNREACH, -EADDRNOTAVAIL, -EINVAL.
 */
MUST_CHECK int inet_route(struct inet_sock *s, struct inet_name *to,
			  uint32_t scope, struct net_addr *src,
			  enum net_kind *out);

/* --- inet_port.c: tables; net->mu is held where the name says so ---------- */

/* The ports whose numbers hash as @port, of the protocol of @s. */
struct list *inet_bucket(struct inet_sock *s, uint16_t port);
/*
 * Gives @s a port: @want, or a free one (0).  Local address set by the caller.
 * -EADDRINUSE, -ENOMEM.
 */
MUST_CHECK int inet_port_take(struct inet_sock *s, uint16_t want,
			      bool by_connect);
/* Gives it back, or (@keep: how long, ns) leaves it behind without a socket. */
void inet_port_drop(struct inet_sock *s);
struct inet_port *inet_port_orphan_locked(struct inet_sock *s);
void inet_port_free_locked(struct net_ns *n, struct inet_port *p);
void inet_port_time_wait_locked(struct net_ns *n, struct inet_port *p);
/* A port entry for an accepted socket, beside its listener's. */
void inet_port_add_child_locked(struct inet_sock *child, struct inet_port *p);
/* -EADDRINUSE: somebody else listens. */
MUST_CHECK int inet_port_listen(struct inet_sock *s, bool on);
/* What the entry copies from the socket has changed. */
void inet_port_update(struct inet_sock *s);
/* Is the connection from @from to @to there already? */
bool inet_port_connected_locked(struct inet_sock *s, struct inet_port *self,
				const struct inet_name *from,
				const struct inet_name *to);
/* The listener, or the UDP socket, that gets what @from sends to @to.
 * Borrowed. */
struct inet_sock *inet_find_locked(struct net_ns *n, bool tcp,
				   const struct inet_name *from,
				   const struct inet_name *to);
/* How well @p takes what @from sends to @to; -1: not at all. */
int inet_port_score(const struct inet_port *p, const struct inet_name *from,
		    const struct inet_name *to);

/* --- TCP ------------------------------------------------------------------ */

/* tcp_open.c, tcp_conn.c */
int tcp_connect(struct socket *sock, const void *addr, uint32_t len,
		bool nonblock);
int tcp_disconnect(struct inet_sock *s);
int tcp_listen(struct socket *sock, int backlog);
int tcp_accept(struct socket *sock, bool nonblock, struct socket **out);
int tcp_shutdown(struct socket *sock, int how);
void tcp_release(struct inet_sock *s);
/* tcp_send.c, tcp_recv.c */
long tcp_send(struct socket *sock, struct socket_msg *m);
long tcp_recv(struct socket *sock, struct socket_msg *m);
uint32_t tcp_poll(struct inet_sock *s);
/* tcp_info.c */
int tcp_get_info(struct inet_sock *s, void *val, uint32_t *len);
/* SIOCINQ, SIOCOUTQ, SIOCATMARK; -ENOTTY. */
long tcp_ioctl(struct inet_sock *s, uint32_t cmd);

/* --- UDP ------------------------------------------------------------------ */

/* udp.c, udp_send.c, udp_recv.c: operations of a socket, as socket.h and
 * vfs.h have them. */
int udp_connect(struct socket *sock, const void *addr, uint32_t len,
		bool nonblock);
/* Wakes who receives.  -ENOTCONN if not connected, all the same. */
int udp_shutdown(struct socket *sock, int how);
/* As socket_ops.send. */
long udp_send(struct socket *sock, struct socket_msg *m);
/* As socket_ops.recv. */
long udp_recv(struct socket *sock, struct socket_msg *m);
/* Events that are there now. */
uint32_t udp_poll(struct inet_sock *s);
/* SIOCINQ, SIOCOUTQ; -ENOTTY. */
long udp_ioctl(struct inet_sock *s, uint32_t cmd);
/* The file is gone: gives up port and queues. */
void udp_release(struct inet_sock *s);
/* udp_deliver.c: hands @d (owned) to whom it is for; -ECONNREFUSED as what an
 * ICMP message would say.  */
void udp_deliver(struct inet_sock *from, struct inet_dgram *d,
		 enum net_kind kind);
/* Multicast memberships.  -EADDRINUSE, -EADDRNOTAVAIL, -ENOBUFS. */
MUST_CHECK int inet_join(struct inet_sock *s, const struct net_addr *group,
			 int32_t ifindex);
MUST_CHECK int inet_leave(struct inet_sock *s, const struct net_addr *group,
			  int32_t ifindex);
/* MSG_ERRQUEUE. */
long inet_recv_error(struct inet_sock *s, struct socket_msg *m);
/* Puts an ICMP error about what was sent to @to into the queue of @s. */
void inet_queue_error(struct inet_sock *s, const struct inet_dgram *d);

/* --- options (inet_opt.c) ------------------------------------------------- */

/* The values of a new socket. */
void inet_opt_init(struct inet_sock *s);
/* An accepted socket has its listener's. */
void inet_opt_inherit(const struct inet_sock *from, struct inet_sock *to);
int inet_getsockopt(struct socket *sock, int level, int name, void *val,
		    uint32_t *len);
int inet_setsockopt(struct socket *sock, int level, int name, const void *val,
		    uint32_t len);
long inet_ioctl(struct socket *sock, uint32_t cmd, uint64_t arg);
/* Bounds and doubles; wakes writers. */
void inet_set_buffer(struct inet_sock *s, bool snd, int32_t want);
/* inet_special.c: those that are no plain numbers.  -ENOPROTOOPT: none. */
int inet_get_special(struct inet_sock *s, int level, int name, void *val,
		     uint32_t *len);
int inet_set_special(struct inet_sock *s, int level, int name, const void *val,
		     uint32_t len);

#endif
