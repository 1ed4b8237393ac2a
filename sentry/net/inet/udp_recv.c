/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp_recv: receiving datagrams, what is told with them, and error queues.
 *
 * A datagram leaves the queue before it is copied; a peek copies it first under
 * s->read_mu, which every reader holds.
 *
 * Locks: s->read_mu (LOCK_FILE_POS) > s->mu.  Neither is held while waiting.
 * Linux: udp_recvmsg(), ip_cmsg_recv_offset(), ip_recv_error() of 6.18.
 * Tests: tests/conformance/udp.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "abi/time.h"
#include "sentry/kernel/task.h"
#include "sentry/net/inet/udp.h"
#include "sentry/time/clock.h"

static bool has_news(struct inet_sock *s, const void *arg)
{
	const uint64_t *seen = arg;
	bool yes;

	mutex_lock(&s->mu);
	yes = s->arrived != *seen || s->err || (s->shut & INET_SHUT_RCV);
	mutex_unlock(&s->mu);
	return yes;
}

/* --- what is told --------------------------------------------------------- */

static void tell_time(struct inet_sock *s, struct socket_msg *m, uint64_t ns)
{
	struct linux_timeval tv = {
		.sec = (int64_t)(ns / NSEC_PER_SEC),
		.usec = (int64_t)(ns % NSEC_PER_SEC / 1000),
	};
	struct linux_timespec ts = {
		.sec = (int64_t)(ns / NSEC_PER_SEC),
		.nsec = (int64_t)(ns % NSEC_PER_SEC),
	};

	if (inet_opt(s, OPT_TIMESTAMPNS))
		inet_put_ctl(m, LINUX_SOL_SOCKET, LINUX_SO_TIMESTAMPNS, &ts,
			     sizeof(ts));
	else if (inet_opt(s, OPT_TIMESTAMP))
		inet_put_ctl(m, LINUX_SOL_SOCKET, LINUX_SO_TIMESTAMP, &tv,
			     sizeof(tv));
}

static void tell_ip(struct inet_sock *s, struct socket_msg *m,
		    const struct inet_dgram *d)
{
	struct linux_in_pktinfo info = { .ifindex = NET_LO_INDEX };
	struct linux_sockaddr_in dst = {
		.family = LINUX_AF_INET, .port = __builtin_bswap16(d->to.port)
	};
	struct net_addr own = d->to.addr;
	int32_t ttl = d->ttl;

	if (net_addr_is_multicast(&own) ||
	    net_classify(s->net, &own) == NET_BROADCAST)
		net_source(s->net, &d->from.addr, &own);
	memcpy(info.addr, d->to.addr.b + 12, 4);
	memcpy(info.spec_dst, own.b + 12, 4);
	memcpy(dst.addr, info.addr, 4);
	if (inet_opt(s, OPT_PKTINFO))
		inet_put_ctl(m, LINUX_IPPROTO_IP, LINUX_IP_PKTINFO, &info,
			     sizeof(info));
	if (inet_opt(s, OPT_RECVTTL))
		inet_put_ctl(m, LINUX_IPPROTO_IP, LINUX_IP_TTL, &ttl,
			     sizeof(ttl));
	if (inet_opt(s, OPT_RECVTOS))
		inet_put_ctl(m, LINUX_IPPROTO_IP, LINUX_IP_TOS, &d->tos, 1);
	if (inet_opt(s, OPT_RECVORIGDST))
		inet_put_ctl(m, LINUX_IPPROTO_IP, LINUX_IP_RECVORIGDSTADDR,
			     &dst, sizeof(dst));
}

static void tell_ipv6(struct inet_sock *s, struct socket_msg *m,
		      const struct inet_dgram *d)
{
	struct linux_in6_pktinfo info = { .ifindex = NET_LO_INDEX };
	int32_t hops = d->ttl, tclass = d->tos;
	uint8_t dst[LINUX_SOCKADDR_MAX];
	bool v4 = net_addr_is4(&d->to.addr);

	memcpy(info.addr, d->to.addr.b, sizeof(info.addr));
	if (inet_opt(s, OPT_RECVPKTINFO6))
		inet_put_ctl(m, LINUX_IPPROTO_IPV6, LINUX_IPV6_PKTINFO, &info,
			     sizeof(info));
	if (v4)
		return;
	if (inet_opt(s, OPT_RECVHOPLIMIT6))
		inet_put_ctl(m, LINUX_IPPROTO_IPV6, LINUX_IPV6_HOPLIMIT, &hops,
			     sizeof(hops));
	if (inet_opt(s, OPT_RECVTCLASS6))
		inet_put_ctl(m, LINUX_IPPROTO_IPV6, LINUX_IPV6_TCLASS, &tclass,
			     sizeof(tclass));
	if (inet_opt(s, OPT_RECVORIGDST6))
		inet_put_ctl(m, LINUX_IPPROTO_IPV6, LINUX_IPV6_RECVORIGDSTADDR,
			     dst, inet_name_out(s, &d->to, dst));
}

static void tell(struct inet_sock *s, struct socket_msg *m,
		 const struct inet_dgram *d, uint32_t drops)
{
	m->namelen = inet_name_out(s, &d->from, m->name);
	tell_time(s, m, d->stamp);
	if (inet_opt(s, OPT_RXQ_OVFL) && drops)
		inet_put_ctl(m, LINUX_SOL_SOCKET, LINUX_SO_RXQ_OVFL, &drops,
			     sizeof(drops));
	if (inet_is6(s))
		tell_ipv6(s, m, d);
	if (net_addr_is4(&d->to.addr))
		tell_ip(s, m, d);
}

/* --- datagrams ------------------------------------------------------------ */

/* The one to read, and where in it a peek begins. */
static struct inet_dgram *pick(struct inet_sock *s, bool peek, size_t *skip)
{
	int32_t off = inet_opt(s, OPT_PEEK_OFF);
	struct inet_dgram *d;

	*skip = 0;
	if (!peek || off <= 0)
		return list_first(&s->queue, struct inet_dgram, node);
	*skip = (size_t)off;
	list_for_each_entry (d, &s->queue, node) {
		if (*skip < d->size)
			return d;
		*skip -= d->size;
	}
	return NULL;
}

static long copy(struct socket_msg *m, const struct inet_dgram *d, size_t skip)
{
	size_t have = d->size - skip, size = MIN(have, m->u->left);
	long ret = 0;

	if (size < have)
		m->out_flags |= LINUX_MSG_TRUNC;
	if (size)
		ret = uio_copy_out(m->u, d->data + skip, size);
	if (ret >= 0 && (size_t)ret < size)
		return -EFAULT;
	if (ret < 0)
		return ret;
	return (long)(m->flags & LINUX_MSG_TRUNC ? have : size);
}

static void move_peek_off(struct inet_sock *s, bool peek, long n, size_t size)
{
	int32_t off = inet_opt(s, OPT_PEEK_OFF);

	if (off < 0 || n < 0)
		return;
	s->opt[OPT_PEEK_OFF] =
		peek ? off + (int32_t)n : MAX(off - (int32_t)size, 0);
}

/* One datagram; -EAGAIN: none is there. */
static long read_once(struct inet_sock *s, struct socket_msg *m, uint64_t *seen)
{
	bool peek = m->flags & LINUX_MSG_PEEK;
	struct inet_dgram *d;
	uint32_t drops;
	size_t skip;
	long ret = -EAGAIN;

	mutex_lock(&s->read_mu);
	mutex_lock(&s->mu);
	*seen = s->arrived;
	drops = s->drops;
	d = pick(s, peek, &skip);
	if (d && !peek) {
		list_del(&d->node);
		s->rx_charge -= d->charge;
	}
	if (d)
		s->last_stamp = d->stamp;
	mutex_unlock(&s->mu);
	if (d) {
		ret = copy(m, d, skip);
		if (ret >= 0)
			tell(s, m, d, drops);
		move_peek_off(s, peek, ret, d->size);
	}
	mutex_unlock(&s->read_mu);
	if (d && !peek) {
		net_count(s->net,
			  net_addr_is4(&d->to.addr) ? NET_UDP_IN : NET_UDP6_IN,
			  1);
		free(d);
	}
	return ret;
}

long udp_recv(struct socket *sock, struct socket_msg *m)
{
	struct inet_sock *s = inet_of(sock);
	uint64_t deadline = inet_deadline(s->rcvtimeo), seen;
	bool nonblock = m->flags & LINUX_MSG_DONTWAIT;
	long ret;

	if (m->flags & LINUX_MSG_ERRQUEUE)
		return inet_recv_error(s, m);
	for (;;) {
		ret = inet_take_err(s);
		if (ret == 0)
			ret = read_once(s, m, &seen);
		if (ret != -EAGAIN || nonblock)
			return ret;
		if (s->shut & INET_SHUT_RCV)
			return 0;
		ret = inet_wait(s, EVENTS_IN, deadline, has_news, &seen);
		if (ret < 0)
			return ret;
	}
}

/* --- the error queue ------------------------------------------------------ */

struct full_err {
	struct linux_sock_extended_err ee;
	uint8_t offender[sizeof(struct linux_sockaddr_in6)];
};

/* Who refused it: the host it was sent to. */
static void tell_error(struct inet_sock *s, struct socket_msg *m,
		       const struct inet_dgram *d)
{
	bool v4 = net_addr_is4(&d->to.addr);
	struct full_err e = {
		.ee = { .err = d->err,
			.origin = v4 ? LINUX_SO_EE_ORIGIN_ICMP
				     : LINUX_SO_EE_ORIGIN_ICMP6,
			.type = v4 ? LINUX_ICMP_DEST_UNREACH
				   : LINUX_ICMPV6_DEST_UNREACH,
			.code = v4 ? LINUX_ICMP_PORT_UNREACH
				   : LINUX_ICMPV6_PORT_UNREACH },
	};
	struct inet_name from = { .addr = d->to.addr };
	uint32_t size = inet_name_out(s, &from, e.offender);

	if (inet_is6(s))
		inet_put_ctl(m, LINUX_IPPROTO_IPV6, LINUX_IPV6_RECVERR, &e,
			     sizeof(e.ee) + size);
	else
		inet_put_ctl(m, LINUX_IPPROTO_IP, LINUX_IP_RECVERR, &e,
			     sizeof(e.ee) + size);
}

long inet_recv_error(struct inet_sock *s, struct socket_msg *m)
{
	struct inet_dgram *d;
	long ret;

	mutex_lock(&s->mu);
	d = list_first(&s->errors, struct inet_dgram, node);
	if (d)
		list_del(&d->node);
	mutex_unlock(&s->mu);
	if (!d)
		return -EAGAIN;
	ret = copy(m, d, 0);
	if (ret >= 0) {
		m->namelen = inet_name_out(s, &d->to, m->name);
		tell_time(s, m, d->stamp);
		tell_error(s, m, d);
		m->out_flags |= LINUX_MSG_ERRQUEUE;
	}
	mutex_lock(&s->mu);
	if (list_empty(&s->errors))
		s->err = 0;
	mutex_unlock(&s->mu);
	free(d);
	return ret;
}
