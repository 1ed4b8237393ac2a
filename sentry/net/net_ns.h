/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_ns: a network namespace, network_namespaces(7): the loopback interface,
 * its addresses, the tables of ports, settings and counters.
 *
 * All addresses are 16 bytes; those of IPv4 are mapped (::ffff:a.b.c.d), so
 * that one code serves both families.
 */
#ifndef SENTRY_NET_NET_NS_H
#define SENTRY_NET_NET_NS_H

#include "sentry/kernel/ns.h"

#define NET_LO_INDEX  1
#define NET_LO_MTU    65536
#define NET_ADDRS_MAX 64u
#define NET_PORT_HASH 256u
#define NET_LABEL_MAX 16u

struct net_addr {
	uint8_t b[16];
};

/* An address of the interface. */
struct net_ifaddr {
	struct net_addr addr;
	uint8_t prefix; /* of the family: 8 for 127.0.0.1 */
	uint8_t scope;	/* RT_SCOPE_* */
	char label[NET_LABEL_MAX];
	bool has_brd;
	struct net_addr brd;
	bool permanent;
};

/* Settings, /proc/sys/net. */
enum net_sysctl {
	NET_PORT_MIN,
	NET_PORT_MAX,
	NET_UNPRIV_PORT,
	NET_BINDV6ONLY,
	NET_SOMAXCONN,
	NET_DEFAULT_TTL,
	NET_NONLOCAL_BIND,
	NET_SYN_RETRIES,
	NET_KEEP_TIME,
	NET_KEEP_INTVL,
	NET_KEEP_PROBES,
	NET_FIN_TIMEOUT,
	NET_SYSCTL_NR
};

/* Counters for /proc/net/snmp and /proc/net/dev. */
enum net_stat {
	NET_LO_PACKETS,
	NET_LO_BYTES,
	NET_TCP_ACTIVE,
	NET_TCP_PASSIVE,
	NET_TCP_FAILS,
	NET_TCP_RESETS,
	NET_TCP_ESTAB, /* now */
	NET_TCP_SEGS,
	NET_TCP_RSTS,
	NET_UDP_IN,
	NET_UDP_NOPORTS,
	NET_UDP_OUT,
	NET_UDP_RCVBUF,
	NET_UDP6_IN,
	NET_UDP6_NOPORTS,
	NET_UDP6_OUT,
	NET_UDP6_RCVBUF,
	NET_NO_ROUTES,
	NET_STAT_NR
};

struct net_ns {
	struct ns_common ns;
	struct mutex mu; /* LOCK_PIPE: before the sockets */
	bool up GUARDED_BY(mu);
	/* IPv4 addresses outlive the interface being down. */
	struct net_ifaddr addrs[NET_ADDRS_MAX] GUARDED_BY(mu);
	uint32_t nr_addrs GUARDED_BY(mu);
	/* Ports: struct inet_port.node by number. */
	struct list tcp[NET_PORT_HASH] GUARDED_BY(mu);
	struct list udp[NET_PORT_HASH] GUARDED_BY(mu);
	struct list listening[NET_PORT_HASH] GUARDED_BY(mu);
	struct list time_wait GUARDED_BY(mu); /* oldest first */
	uint32_t nr_time_wait GUARDED_BY(mu);
	_Atomic int32_t sysctl[NET_SYSCTL_NR];
	_Atomic uint64_t stat[NET_STAT_NR];
};

/* A namespace with the interface down, or (@up) up.  As ns_common_init(). */
MUST_CHECK int net_ns_new(struct user_ns *owner, const struct cred *creator,
			  bool up, struct ns_common **out);
static inline struct net_ns *net_ns_of(struct ns_common *ns)
{
	return (struct net_ns *)(void *)ns;
}
/* The current task's, borrowed. */
struct net_ns *current_net(void);

static inline void net_count(struct net_ns *n, enum net_stat which, uint64_t by)
{
	atomic_fetch_add_explicit(&n->stat[which], by, memory_order_relaxed);
}
static inline int32_t net_sysctl(struct net_ns *n, enum net_sysctl which)
{
	return atomic_load_explicit(&n->sysctl[which], memory_order_relaxed);
}

/* --- addresses ------------------------------------------------------------ */

extern const struct net_addr net_any4, net_any6, net_lo4, net_lo6;

/* The mapped form of an IPv4 address. */
struct net_addr net_addr4(const uint8_t addr[4]);
/* Is it one of those? */
bool net_addr_is4(const struct net_addr *a);
/* The same address. */
bool net_addr_eq(const struct net_addr *a, const struct net_addr *b);
/* 0.0.0.0 or ::. */
bool net_addr_is_any(const struct net_addr *a);
bool net_addr_is_multicast(const struct net_addr *a);
/* fe80::/10. */
bool net_addr_is_linklocal6(const struct net_addr *a);
/* Are the first @prefix bits (of the family) the same? */
bool net_addr_in(const struct net_addr *a, const struct net_addr *net,
		 uint32_t prefix);

enum net_kind {
	NET_LOCAL,     /* delivered here */
	NET_BROADCAST, /* the same, to all */
	NET_MULTICAST,
	NET_FOREIGN /* no route */
};
/* What @a is in @n; multicast and 255.255.255.255 need an interface. */
enum net_kind net_classify(struct net_ns *n, const struct net_addr *a);
/* May a socket be bound to @a (not any, not multicast)? */
bool net_is_own(struct net_ns *n, const struct net_addr *a);
/* The source for a packet to @dst: 127.0.0.1, ::1, or a fitting one. */
void net_source(struct net_ns *n, const struct net_addr *dst,
		struct net_addr *out);

/* --- the interface (net_ns.c), n->mu not held ----------------------------- */

/* Is the loopback interface up? */
bool net_is_up(struct net_ns *n);
/* Up brings 127.0.0.1/8 and ::1/128 if they are missing; down drops IPv6. */
void net_set_up(struct net_ns *n, bool up);
/* -EEXIST, -ENOBUFS. */
MUST_CHECK int net_addr_add(struct net_ns *n, const struct net_ifaddr *a);
/* -EADDRNOTAVAIL.  @prefix < 0: any. */
MUST_CHECK int net_addr_del(struct net_ns *n, const struct net_addr *a,
			    int prefix);
/* Copies the addresses; returns their number. */
uint32_t net_addr_list(struct net_ns *n, struct net_ifaddr out[NET_ADDRS_MAX]);

#endif
