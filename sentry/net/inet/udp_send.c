/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp_send: sending datagrams: destinations, control messages, MSG_MORE.
 *
 * Locks: s->mu for what was collected with MSG_MORE.
 * Linux: udp_sendmsg(), udpv6_sendmsg(), ip_cmsg_send() of 6.18.
 * Tests: tests/conformance/udp.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/inet/udp.h"
#include "sentry/time/clock.h"

#define MAX4	 65507u /* 65535 less the headers */
#define MAX6	 65527u
#define MAX_SEGS 128u

/* One call in progress. */
struct udp_put {
	struct inet_sock *s;
	struct socket_msg *m;
	struct inet_name to;
	struct net_addr src;
	enum net_kind kind;
	uint32_t scope;
	bool has_src;
	int32_t ttl, tos; /* -1: the socket's */
	uint32_t gso;
};

/* --- control messages ----------------------------------------------------- */

static int get_int(const void *data, size_t size, int32_t min, int32_t max,
		   int32_t *out)
{
	int32_t v;

	if (size != sizeof(v))
		return -EINVAL;
	memcpy(&v, data, sizeof(v));
	if (v < min || v > max)
		return -EINVAL;
	*out = v;
	return 0;
}

static int source_from(struct udp_put *p, const struct net_addr *a,
		       int32_t ifindex)
{
	if (ifindex && ifindex != NET_LO_INDEX)
		return -ENODEV;
	if (ifindex && net_addr_is_linklocal6(a))
		p->scope = (uint32_t)ifindex;
	if (net_addr_is_any(a))
		return 0;
	if (!net_is_own(p->s->net, a) && !net_addr_is_multicast(a))
		return -EINVAL;
	p->src = *a;
	p->has_src = true;
	return 0;
}

static int ctl_ip(struct udp_put *p, int type, const void *data, size_t size)
{
	struct linux_in_pktinfo info;
	struct net_addr a;
	uint8_t byte;

	switch (type) {
	case LINUX_IP_PKTINFO:
		if (size != sizeof(info))
			return -EINVAL;
		memcpy(&info, data, sizeof(info));
		a = net_addr4(info.spec_dst);
		return source_from(p, &a, info.ifindex);
	case LINUX_IP_TTL:
		return get_int(data, size, 1, 255, &p->ttl);
	case LINUX_IP_TOS:
		if (size == 1) {
			memcpy(&byte, data, 1);
			p->tos = byte;
			return 0;
		}
		return get_int(data, size, 0, 255, &p->tos);
	default:
		return -EINVAL;
	}
}

static int ctl_ipv6(struct udp_put *p, int type, const void *data, size_t size)
{
	struct linux_in6_pktinfo info;
	struct net_addr a;

	switch (type) {
	case LINUX_IPV6_PKTINFO:
		if (size < sizeof(info))
			return -EINVAL;
		memcpy(&info, data, sizeof(info));
		memcpy(a.b, info.addr, sizeof(a.b));
		return source_from(p, &a, info.ifindex);
	case LINUX_IPV6_HOPLIMIT:
		return get_int(data, size, -1, 255, &p->ttl);
	case LINUX_IPV6_TCLASS:
		return get_int(data, size, -1, 255, &p->tos);
	default:
		return -EINVAL;
	}
}

static int one_ctl(struct udp_put *p, const struct linux_cmsghdr *h,
		   const void *data)
{
	size_t size = (size_t)h->len - sizeof(*h);
	uint16_t gso;

	switch (h->level) {
	case LINUX_SOL_SOCKET: /* those of AF_UNIX mean nothing here */
		return h->type == LINUX_SCM_RIGHTS ||
				       h->type == LINUX_SCM_CREDENTIALS
			       ? 0
			       : -EINVAL;
	case LINUX_IPPROTO_IP:
		return ctl_ip(p, h->type, data, size);
	case LINUX_IPPROTO_IPV6:
		return inet_is6(p->s) ? ctl_ipv6(p, h->type, data, size) : 0;
	case LINUX_IPPROTO_UDP:
		if (h->type != LINUX_UDP_SEGMENT || size != sizeof(gso))
			return -EINVAL;
		memcpy(&gso, data, sizeof(gso));
		p->gso = gso;
		return 0;
	default:
		return 0;
	}
}

static int controls(struct udp_put *p)
{
	const struct socket_msg *m = p->m;
	struct linux_cmsghdr h;
	size_t at = 0;
	int ret = 0;

	while (ret == 0 && at < m->ctl_len && m->ctl_len - at >= sizeof(h)) {
		memcpy(&h, m->ctl + at, sizeof(h));
		if (h.len < sizeof(h) || h.len > m->ctl_len - at)
			return -EINVAL;
		ret = one_ctl(p, &h, m->ctl + at + sizeof(h));
		at += LINUX_CMSG_ALIGN(h.len);
	}
	return ret;
}

/* --- destinations --------------------------------------------------------- */

/* An IPv6 socket takes addresses of IPv4, too. */
static int named(struct udp_put *p)
{
	const struct socket_msg *m = p->m;
	struct linux_sockaddr_in in;
	uint16_t family = 0;

	if (m->namelen < sizeof(family))
		return -EINVAL;
	memcpy(&family, m->name, sizeof(family));
	if (inet_is6(p->s) && family == LINUX_AF_INET6)
		return inet_name_in(p->s, m->name, m->namelen, &p->to,
				    &p->scope);
	if (inet_is6(p->s) && family == LINUX_AF_UNSPEC)
		return 1;
	if (inet_is6(p->s) && family != LINUX_AF_INET)
		return -EINVAL;
	if (m->namelen < sizeof(in))
		return -EINVAL;
	if (family != LINUX_AF_INET && family != LINUX_AF_UNSPEC)
		return -EAFNOSUPPORT;
	if (inet_is6(p->s) && inet_opt(p->s, OPT_V6ONLY))
		return -ENETUNREACH;
	memcpy(&in, m->name, sizeof(in));
	p->to.addr = net_addr4(in.addr);
	p->to.port = __builtin_bswap16(in.port);
	return 0;
}

static int destination(struct udp_put *p)
{
	int ret = p->m->namelen ? named(p) : 1;

	if (ret < 0)
		return ret;
	if (ret == 0 && p->to.port == 0)
		return -EINVAL;
	if (ret == 0)
		return 0;
	mutex_lock(&p->s->mu);
	p->to = p->s->peer;
	mutex_unlock(&p->s->mu);
	return p->s->state == LINUX_TCP_ESTABLISHED ? 0 : -EDESTADDRREQ;
}

static int route(struct udp_put *p)
{
	struct net_addr src;
	int ret = inet_route(p->s, &p->to, p->scope, &src, &p->kind);

	if (ret < 0)
		return ret;
	if (p->kind == NET_BROADCAST && !inet_opt(p->s, OPT_BROADCAST))
		return -EACCES;
	if (!p->has_src)
		p->src = src;
	return 0;
}

/* --- sending -------------------------------------------------------------- */

static int32_t hops(const struct udp_put *p, bool v4)
{
	bool many = p->kind == NET_MULTICAST;
	int32_t v = inet_opt(p->s, v4 ? (many ? OPT_MCAST_TTL : OPT_TTL)
				      : (many ? OPT_MCAST_HOPS6 : OPT_HOPS6));

	if (p->ttl >= 0)
		return p->ttl;
	return v >= 0 ? v : net_sysctl(p->s->net, NET_DEFAULT_TTL);
}

static int send_one(const struct udp_put *p, const uint8_t *data, size_t size)
{
	bool v4 = net_addr_is4(&p->to.addr);
	struct inet_dgram *d = malloc(sizeof(*d) + size);

	if (!d)
		return -ENOBUFS;
	memset(d, 0, sizeof(*d));
	list_init(&d->node);
	d->from.addr = p->src;
	d->from.port = p->s->local.port;
	d->to = p->to;
	d->stamp = clock_realtime();
	d->ttl = (uint8_t)hops(p, v4);
	d->tos = (uint8_t)(p->tos >= 0 ? p->tos
				       : inet_opt(p->s,
						  v4 ? OPT_TOS : OPT_TCLASS6));
	d->size = size;
	if (size)
		memcpy(d->data, data, size);
	udp_deliver(p->s, d, p->kind);
	return 0;
}

/* As one datagram, or many of p->gso bytes. */
static int send_bytes(const struct udp_put *p, const uint8_t *data, size_t size)
{
	size_t max = net_addr_is4(&p->to.addr) ? MAX4 : MAX6;
	size_t step = p->gso && size > p->gso ? p->gso : size, at = 0;
	int ret;

	if (size > max)
		return -EMSGSIZE;
	if (step < size && (size + step - 1) / step > MAX_SEGS)
		return -EINVAL;
	do {
		ret = send_one(p, data + at, MIN(step, size - at));
		at += step;
	} while (ret == 0 && at < size);
	return ret;
}

static int fetch(struct udp_put *p, uint8_t *to, size_t size)
{
	long got = size ? uio_copy_in(p->m->u, to, size) : 0;

	return got == (long)size ? 0 : -EFAULT;
}

/* MSG_MORE, UDP_CORK: collects; the last part sends all to the first's. */
static int corked(struct udp_put *p, size_t size, bool more)
{
	struct inet_sock *s = p->s;
	AUTO_FREE uint8_t *all = NULL;
	uint8_t *more_room;
	size_t old;
	int ret;

	mutex_lock(&s->mu);
	all = take(s->cork);
	old = all ? s->cork_size : 0;
	if (all)
		p->to = s->cork_to;
	mutex_unlock(&s->mu);
	if (old + size > MAX4)
		return -EMSGSIZE;
	more_room = realloc(all, old + size + 1);
	if (!more_room)
		return -ENOBUFS;
	all = more_room;
	ret = fetch(p, all + old, size);
	if (ret == 0)
		ret = route(p);
	if (ret < 0)
		return ret;
	if (!more)
		return send_bytes(p, all, old + size);
	mutex_lock(&s->mu);
	free(s->cork);
	s->cork = take(all);
	s->cork_size = old + size;
	s->cork_to = p->to;
	mutex_unlock(&s->mu);
	return 0;
}

static int send_plain(struct udp_put *p, size_t size)
{
	uint8_t fast[2048];
	AUTO_FREE uint8_t *heap = NULL;
	uint8_t *data = fast;
	int ret = route(p);

	if (ret < 0)
		return ret;
	if (size > sizeof(fast)) {
		heap = data = malloc(size);
		if (!heap)
			return -ENOBUFS;
	}
	ret = fetch(p, data, size);
	return ret < 0 ? ret : send_bytes(p, data, size);
}

long udp_send(struct socket *sock, struct socket_msg *m)
{
	struct udp_put p = { .s = inet_of(sock), .m = m, .ttl = -1, .tos = -1 };
	size_t size = m->u->left;
	bool more = (m->flags & LINUX_MSG_MORE) || inet_opt(p.s, OPT_UDP_CORK);
	bool pending;
	int ret = udp_autobind(p.s);

	if (ret == 0 && size > 0xffff)
		ret = -EMSGSIZE;
	if (ret == 0 && (m->flags & LINUX_MSG_OOB))
		ret = -EOPNOTSUPP;
	if (ret < 0)
		return ret;
	mutex_lock(&p.s->mu);
	pending = p.s->cork != NULL;
	mutex_unlock(&p.s->mu);
	p.gso = (uint32_t)inet_opt(p.s, OPT_UDP_SEGMENT);
	if (!pending)
		ret = destination(&p);
	if (ret == 0)
		ret = controls(&p);
	if (ret == 0)
		ret = inet_take_err(p.s);
	if (ret == 0 && (p.s->shut & INET_SHUT_SEND))
		ret = -EPIPE;
	if (ret == 0)
		ret = pending || more ? corked(&p, size, more)
				      : send_plain(&p, size);
	return ret < 0 ? ret : (long)size;
}
