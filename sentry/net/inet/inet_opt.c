/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inet_opt: socket options that are one number: a table of who has which, with
 * what bounds.
 *
 * Those without effect on a loopback are kept and told: they tune what a
 * network does (retransmission, marks, checksums).
 *
 * Locks: none; each value is atomic.
 * Linux: net/core/sock.c, ip_sockglue.c, ipv6_sockglue.c, tcp.c of 6.18.
 * Tests: tests/conformance/inet_opts.c
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/inet/tcp.h"

enum {
	FOR_TCP = 1,
	FOR_UDP = 2,
	FOR_ALL = 3,
	IS_BOOL = 4,  /* any number; kept as 0 or 1 */
	IS_V6 = 8,    /* of AF_INET6 only */
	ONE_BYTE = 16 /* a char will do, either way */
};

struct opt_row {
	int level, name;
	uint8_t flags;
	int32_t min, max, first; /* first: at the start */
};

#define SOCK_BOOL(n)                                                       \
	{                                                                  \
		LINUX_SOL_SOCKET, LINUX_SO_##n, FOR_ALL | IS_BOOL, 0, 0, 0 \
	}
#define IP_BOOL(n, v)                                                         \
	{                                                                     \
		LINUX_IPPROTO_IP, LINUX_##n, FOR_ALL | IS_BOOL | ONE_BYTE, 0, \
			0, v                                                  \
	}
#define IP_INT(n, lo, hi, v)                                               \
	{                                                                  \
		LINUX_IPPROTO_IP, LINUX_##n, FOR_ALL | ONE_BYTE, lo, hi, v \
	}
#define V6_BOOL(n, v)                                                          \
	{                                                                      \
		LINUX_IPPROTO_IPV6, LINUX_IPV6_##n, FOR_ALL | IS_BOOL | IS_V6, \
			0, 0, v                                                \
	}
#define V6_INT(n, lo, hi, v)                                                   \
	{                                                                      \
		LINUX_IPPROTO_IPV6, LINUX_IPV6_##n, FOR_ALL | IS_V6, lo, hi, v \
	}
#define TCP_BOOL(n, v)                                                       \
	{                                                                    \
		LINUX_IPPROTO_TCP, LINUX_TCP_##n, FOR_TCP | IS_BOOL, 0, 0, v \
	}
#define TCP_INT(n, lo, hi, v)                                        \
	{                                                            \
		LINUX_IPPROTO_TCP, LINUX_TCP_##n, FOR_TCP, lo, hi, v \
	}

/* Level -1: not for setsockopt(2) by this table (see special()). */
static const struct opt_row g_rows[INET_OPT_NR] = {
	[OPT_DEBUG] = SOCK_BOOL(DEBUG),
	[OPT_REUSEADDR] = SOCK_BOOL(REUSEADDR),
	[OPT_REUSEPORT] = SOCK_BOOL(REUSEPORT),
	[OPT_DONTROUTE] = SOCK_BOOL(DONTROUTE),
	[OPT_BROADCAST] = SOCK_BOOL(BROADCAST),
	[OPT_KEEPALIVE] = SOCK_BOOL(KEEPALIVE),
	[OPT_OOBINLINE] = SOCK_BOOL(OOBINLINE),
	[OPT_NO_CHECK] = SOCK_BOOL(NO_CHECK),
	[OPT_PRIORITY] = { LINUX_SOL_SOCKET, LINUX_SO_PRIORITY, FOR_ALL,
			   INT_MIN, INT_MAX, 0 },
	[OPT_RCVLOWAT] = { LINUX_SOL_SOCKET, LINUX_SO_RCVLOWAT, FOR_ALL,
			   INT_MIN, INT_MAX, 1 },
	[OPT_TIMESTAMP] = SOCK_BOOL(TIMESTAMP),
	[OPT_TIMESTAMPNS] = SOCK_BOOL(TIMESTAMPNS),
	[OPT_MARK] = { LINUX_SOL_SOCKET, LINUX_SO_MARK, FOR_ALL, INT_MIN,
		       INT_MAX, 0 },
	[OPT_RXQ_OVFL] = SOCK_BOOL(RXQ_OVFL),
	[OPT_PEEK_OFF] = { LINUX_SOL_SOCKET, LINUX_SO_PEEK_OFF, FOR_ALL,
			   INT_MIN, INT_MAX, -1 },
	[OPT_BINDTOIF] = { LINUX_SOL_SOCKET, LINUX_SO_BINDTOIFINDEX, FOR_ALL, 0,
			   INT_MAX, 0 },
	[OPT_SNDBUF] = { LINUX_SOL_SOCKET, LINUX_SO_SNDBUF, FOR_ALL, INT_MIN,
			 INT_MAX, 212992 },
	[OPT_RCVBUF] = { LINUX_SOL_SOCKET, LINUX_SO_RCVBUF, FOR_ALL, INT_MIN,
			 INT_MAX, 212992 },
	[OPT_BUF_LOCK] = { -1, 0, 0, 0, 0, 0 },
	[OPT_LINGER] = { -1, 0, 0, 0, 0, -1 },
	[OPT_BUSY_POLL] = { LINUX_SOL_SOCKET, LINUX_SO_BUSY_POLL, FOR_ALL, 0,
			    INT_MAX, 0 },
	[OPT_SELECT_ERR_QUEUE] = SOCK_BOOL(SELECT_ERR_QUEUE),
	[OPT_TOS] = IP_INT(IP_TOS, INT_MIN, INT_MAX, 0),
	[OPT_TTL] = IP_INT(IP_TTL, -1, 255, -1),
	[OPT_RECVOPTS] = IP_BOOL(IP_RECVOPTS, 0),
	[OPT_RETOPTS] = IP_BOOL(IP_RETOPTS, 0),
	[OPT_PKTINFO] = IP_BOOL(IP_PKTINFO, 0),
	[OPT_MTU_DISCOVER] = IP_INT(IP_MTU_DISCOVER, 0, 5, 1),
	[OPT_RECVERR] = IP_BOOL(IP_RECVERR, 0),
	[OPT_RECVTTL] = IP_BOOL(IP_RECVTTL, 0),
	[OPT_RECVTOS] = IP_BOOL(IP_RECVTOS, 0),
	[OPT_FREEBIND] = IP_BOOL(IP_FREEBIND, 0),
	[OPT_RECVORIGDST] = IP_BOOL(IP_RECVORIGDSTADDR, 0),
	[OPT_MINTTL] = IP_INT(IP_MINTTL, 0, 255, 0),
	[OPT_BIND_NO_PORT] = IP_BOOL(IP_BIND_ADDRESS_NO_PORT, 0),
	[OPT_MCAST_IF] = { -1, 0, 0, 0, 0, 0 },
	[OPT_MCAST_TTL] = IP_INT(IP_MULTICAST_TTL, -1, 255, 1),
	[OPT_MCAST_LOOP] = IP_BOOL(IP_MULTICAST_LOOP, 1),
	[OPT_MCAST_ALL] = IP_INT(IP_MULTICAST_ALL, 0, 1, 1),
	[OPT_CHECKSUM] = IP_BOOL(IP_CHECKSUM, 0),
	[OPT_RECVERR_4884] = IP_BOOL(IP_RECVERR_RFC4884, 0),
	[OPT_PORT_RANGE] = { LINUX_IPPROTO_IP, LINUX_IP_LOCAL_PORT_RANGE,
			     FOR_ALL, INT_MIN, INT_MAX, 0 },
	[OPT_V6ONLY] = V6_BOOL(V6ONLY, 0),
	[OPT_HOPS6] = V6_INT(UNICAST_HOPS, -1, 255, -1),
	[OPT_MCAST_IF6] = V6_INT(MULTICAST_IF, 0, INT_MAX, 0),
	[OPT_MCAST_HOPS6] = V6_INT(MULTICAST_HOPS, -1, 255, 1),
	[OPT_MCAST_LOOP6] = V6_INT(MULTICAST_LOOP, 0, 1, 1),
	[OPT_MCAST_ALL6] = V6_BOOL(MULTICAST_ALL, 1),
	[OPT_MTU_DISCOVER6] = V6_INT(MTU_DISCOVER, 0, 5, 1),
	[OPT_RECVERR6] = V6_BOOL(RECVERR, 0),
	[OPT_RECVPKTINFO6] = V6_BOOL(RECVPKTINFO, 0),
	[OPT_RECVHOPLIMIT6] = V6_BOOL(RECVHOPLIMIT, 0),
	[OPT_RECVTCLASS6] = V6_BOOL(RECVTCLASS, 0),
	[OPT_TCLASS6] = V6_INT(TCLASS, -1, 255, 0),
	[OPT_DONTFRAG6] = V6_BOOL(DONTFRAG, 0),
	[OPT_AUTOFLOW6] = V6_BOOL(AUTOFLOWLABEL, 1),
	[OPT_FLOWSEND6] = V6_BOOL(FLOWINFO_SEND, 0),
	[OPT_RECVORIGDST6] = V6_BOOL(RECVORIGDSTADDR, 0),
	[OPT_MINHOP6] = V6_INT(MINHOPCOUNT, 0, 255, 0),
	[OPT_FREEBIND6] = V6_BOOL(FREEBIND, 0),
	[OPT_NODELAY] = TCP_BOOL(NODELAY, 0),
	[OPT_MAXSEG] = TCP_INT(MAXSEG, 0, 32767, 0),
	[OPT_CORK] = TCP_BOOL(CORK, 0),
	[OPT_KEEPIDLE] = TCP_INT(KEEPIDLE, 1, 32767, 0),
	[OPT_KEEPINTVL] = TCP_INT(KEEPINTVL, 1, 32767, 0),
	[OPT_KEEPCNT] = TCP_INT(KEEPCNT, 1, 127, 0),
	[OPT_SYNCNT] = TCP_INT(SYNCNT, 1, 127, 0),
	[OPT_LINGER2] = TCP_INT(LINGER2, INT_MIN, INT_MAX, 0),
	[OPT_DEFER_ACCEPT] = TCP_INT(DEFER_ACCEPT, INT_MIN, INT_MAX, 0),
	[OPT_WINDOW_CLAMP] = TCP_INT(WINDOW_CLAMP, 0, INT_MAX, 0),
	[OPT_QUICKACK] = TCP_BOOL(QUICKACK, 1),
	[OPT_USER_TIMEOUT] = TCP_INT(USER_TIMEOUT, 0, INT_MAX, 0),
	[OPT_NOTSENT_LOWAT] = TCP_INT(NOTSENT_LOWAT, INT_MIN, INT_MAX, 0),
	[OPT_CM_INQ] = TCP_INT(INQ, 0, 1, 0),
	[OPT_THIN_LTO] = TCP_INT(THIN_LINEAR_TIMEOUTS, 0, 1, 0),
	[OPT_CONGESTION] = { -1, 0, 0, 0, 0, 0 },
	[OPT_SAVE_SYN] = TCP_INT(SAVE_SYN, 0, 1, 0),
	[OPT_UDP_CORK] = { LINUX_IPPROTO_UDP, LINUX_UDP_CORK, FOR_UDP | IS_BOOL,
			   0, 0, 0 },
	[OPT_UDP_SEGMENT] = { LINUX_IPPROTO_UDP, LINUX_UDP_SEGMENT, FOR_UDP, 0,
			      65535, 0 },
	[OPT_UDP_GRO] = { LINUX_IPPROTO_UDP, LINUX_UDP_GRO, FOR_UDP | IS_BOOL,
			  0, 0, 0 },
};

#define TCP_SNDBUF 16384
#define TCP_RCVBUF 131072
#define BUF_MAX	   (4 << 20) /* net.core.[rw]mem_max, doubled below */
#define SNDBUF_MIN 4608
#define RCVBUF_MIN 2304

void inet_opt_init(struct inet_sock *s)
{
	for (int i = 0; i < INET_OPT_NR; i++)
		s->opt[i] = g_rows[i].first;
	if (inet_is_tcp(s)) {
		s->opt[OPT_SNDBUF] = TCP_SNDBUF;
		s->opt[OPT_RCVBUF] = TCP_RCVBUF;
	}
	s->opt[OPT_V6ONLY] = inet_is6(s) && net_sysctl(s->net, NET_BINDV6ONLY);
}

void inet_opt_inherit(const struct inet_sock *from, struct inet_sock *to)
{
	for (int i = 0; i < INET_OPT_NR; i++)
		to->opt[i] = inet_opt(from, (enum inet_opt_id)i);
	to->rcvtimeo = from->rcvtimeo;
	to->sndtimeo = from->sndtimeo;
}

/* The row of an option that @s has; INET_OPT_NR: none. */
static int find_row(const struct inet_sock *s, int level, int name)
{
	uint8_t kind = inet_is_tcp(s) ? FOR_TCP : FOR_UDP;

	for (int i = 0; i < INET_OPT_NR; i++) {
		const struct opt_row *r = &g_rows[i];

		if (r->level == level && r->name == name && (r->flags & kind) &&
		    (!(r->flags & IS_V6) || inet_is6(s)))
			return i;
	}
	return INET_OPT_NR;
}

/* --- getsockopt(2) -------------------------------------------------------- */

/* What is shown where 0 or -1 stands for a default. */
static int32_t shown(const struct inet_sock *s, int id)
{
	static const struct {
		int id, none;
		enum net_sysctl what;
	} defaults[] = {
		{ OPT_TTL, -1, NET_DEFAULT_TTL },
		{ OPT_HOPS6, -1, NET_DEFAULT_TTL },
		{ OPT_KEEPIDLE, 0, NET_KEEP_TIME },
		{ OPT_KEEPINTVL, 0, NET_KEEP_INTVL },
		{ OPT_KEEPCNT, 0, NET_KEEP_PROBES },
		{ OPT_SYNCNT, 0, NET_SYN_RETRIES },
		{ OPT_LINGER2, 0, NET_FIN_TIMEOUT },
	};
	int32_t v = inet_opt(s, (enum inet_opt_id)id);

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (defaults[i].id == id && v == defaults[i].none)
			return net_sysctl(s->net, defaults[i].what);
	if (id == OPT_MAXSEG && s->state == LINUX_TCP_ESTABLISHED)
		return 65483;
	if (id == OPT_MAXSEG && v == 0)
		return 536;
	return v;
}

int inet_getsockopt(struct socket *sock, int level, int name, void *val,
		    uint32_t *len)
{
	struct inet_sock *s = inet_of(sock);
	int id = find_row(s, level, name), ret;
	int32_t v;

	if (id == INET_OPT_NR) {
		ret = inet_get_special(s, level, name, val, len);
		return ret;
	}
	v = shown(s, id);
	if ((g_rows[id].flags & ONE_BYTE) && *len > 0 && *len < sizeof(v) &&
	    v >= 0 && v <= 255) {
		*(uint8_t *)val = (uint8_t)v;
		*len = 1;
		return 0;
	}
	*len = MIN(*len, (uint32_t)sizeof(v));
	memcpy(val, &v, *len);
	return 0;
}

/* --- setsockopt(2) -------------------------------------------------------- */

static int32_t buffer_size(int32_t want, int32_t min)
{
	uint32_t v = MIN((uint32_t)want, (uint32_t)BUF_MAX);

	return MAX((int32_t)v * 2, min);
}

void inet_set_buffer(struct inet_sock *s, bool snd, int32_t want)
{
	s->opt[OPT_BUF_LOCK] |= snd ? 1 : 2;
	s->opt[snd ? OPT_SNDBUF : OPT_RCVBUF] =
		buffer_size(want, snd ? SNDBUF_MIN : RCVBUF_MIN);
	if (snd)
		inet_wake(s, EVENTS_OUT);
}

/* The time after which an unanswered SYN is forgotten: in retransmissions. */
static int32_t defer_seconds(int32_t v)
{
	int32_t total = 0, step = 1;

	while (v > 0 && total < v) {
		total += step;
		step = MIN(step * 2, 120);
	}
	return total;
}

static bool net_admin(const struct inet_sock *s)
{
	return ns_capable(s->net->ns.owner, CAP_NR_NET_ADMIN);
}

/* Those with a rule of their own: 1 if it is done, 0 to go on, -errno. */
static int special(struct inet_sock *s, int id, int32_t *v)
{
	switch (id) {
	case OPT_DEBUG:
		return *v && !net_admin(s) ? -EACCES : 0;
	case OPT_SNDBUF:
	case OPT_RCVBUF:
		inet_set_buffer(s, id == OPT_SNDBUF, *v);
		return 1;
	case OPT_PRIORITY:
		return (*v < 0 || *v > 6) && !net_admin(s) &&
				       !ns_capable(s->net->ns.owner,
						   CAP_NR_NET_RAW)
			       ? -EPERM
			       : 0;
	case OPT_MARK:
		return net_admin(s) ? 0 : -EPERM;
	case OPT_RCVLOWAT:
		*v = *v < 0 ? INT_MAX : MAX(*v, 1);
		return 0;
	case OPT_BINDTOIF:
		return *v != 0 && *v != NET_LO_INDEX ? -ENODEV : 0;
	case OPT_TIMESTAMP:
		s->opt[OPT_TIMESTAMPNS] = 0;
		return 0;
	case OPT_TIMESTAMPNS:
		s->opt[OPT_TIMESTAMP] = 0;
		return 0;
	case OPT_TOS:
		*v &= inet_is_tcp(s) ? 0xfc : 0xff;
		return 0;
	case OPT_TTL:
		return *v == 0 ? -EINVAL : 0;
	case OPT_MCAST_TTL:
		*v = *v < 0 ? 1 : *v;
		return inet_is_tcp(s) ? -EINVAL : 0;
	case OPT_TCLASS6:
		*v = *v < 0 ? 0 : *v;
		return 0;
	case OPT_MCAST_IF6:
		return *v != 0 && *v != NET_LO_INDEX ? -ENODEV : 0;
	case OPT_V6ONLY:
		return s->port ? -EINVAL : 0;
	case OPT_MAXSEG:
		return *v && *v < 88 ? -EINVAL : 0;
	case OPT_DEFER_ACCEPT:
		*v = defer_seconds(*v);
		return 0;
	case OPT_LINGER2:
		*v = *v < 0 ? -1 : MIN(*v, 120);
		return 0;
	case OPT_WINDOW_CLAMP:
		return *v == 0 && s->state != LINUX_TCP_CLOSE ? -EINVAL : 0;
	default:
		return 0;
	}
}

static int set_row(struct inet_sock *s, int id, const void *val, uint32_t len)
{
	const struct opt_row *r = &g_rows[id];
	int32_t v = 0;
	int ret;

	if (len >= sizeof(v))
		memcpy(&v, val, sizeof(v));
	else if ((r->flags & ONE_BYTE) && len >= 1)
		v = *(const uint8_t *)val;
	else if (!(r->flags & ONE_BYTE))
		return -EINVAL;
	if (r->flags & IS_BOOL)
		v = v != 0;
	else if (v < r->min || v > r->max)
		return -EINVAL;
	ret = special(s, id, &v);
	if (ret != 0)
		return MIN(ret, 0);
	s->opt[id] = v;
	if (id == OPT_REUSEADDR || id == OPT_REUSEPORT)
		inet_port_update(s);
	return 0;
}

int inet_setsockopt(struct socket *sock, int level, int name, const void *val,
		    uint32_t len)
{
	struct inet_sock *s = inet_of(sock);
	int id = find_row(s, level, name);

	return id == INET_OPT_NR ? inet_set_special(s, level, name, val, len)
				 : set_row(s, id, val, len);
}
