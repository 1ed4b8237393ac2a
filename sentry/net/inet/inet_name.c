/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inet_name: addresses of sockets: bind(2), getsockname(2), and where an
 * address leads.
 *
 * Locks: net->mu, s->mu.
 * Linux: net/ipv4/af_inet.c, net/ipv6/af_inet6.c of 6.18.
 * Tests: tests/conformance/tcp.c, udp.c, inet_opts.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/inet/inet.h"

static uint16_t swap16(uint16_t v)
{
	return __builtin_bswap16(v);
}

static int name4_in(const void *addr, uint32_t len, struct inet_name *out)
{
	struct linux_sockaddr_in in;

	if (len < sizeof(in))
		return -EINVAL;
	memcpy(&in, addr, sizeof(in));
	out->addr = net_addr4(in.addr);
	out->port = swap16(in.port);
	return 0;
}

static int name6_in(const void *addr, uint32_t len, struct inet_name *out,
		    uint32_t *scope)
{
	struct linux_sockaddr_in6 in = { 0 };

	if (len < LINUX_SIN6_LEN_MIN)
		return -EINVAL;
	memcpy(&in, addr, MIN(len, sizeof(in)));
	memcpy(out->addr.b, in.addr, sizeof(in.addr));
	out->port = swap16(in.port);
	*scope = in.scope_id;
	return 0;
}

int inet_name_in(const struct inet_sock *s, const void *addr, uint32_t len,
		 struct inet_name *out, uint32_t *scope)
{
	uint16_t family = 0;

	*scope = 0;
	if (len < (inet_is6(s) ? LINUX_SIN6_LEN_MIN
			       : sizeof(struct linux_sockaddr_in)))
		return -EINVAL;
	memcpy(&family, addr, sizeof(family));
	if (!inet_is6(s)) {
		if (family != LINUX_AF_INET)
			return -EAFNOSUPPORT;
		return name4_in(addr, len, out);
	}
	if (family != LINUX_AF_INET6)
		return -EAFNOSUPPORT;
	return name6_in(addr, len, out, scope);
}

uint32_t inet_name_out(const struct inet_sock *s, const struct inet_name *n,
		       void *addr)
{
	struct linux_sockaddr_in in4 = { .family = LINUX_AF_INET,
					 .port = swap16(n->port) };
	struct linux_sockaddr_in6 in6 = { .family = LINUX_AF_INET6,
					  .port = swap16(n->port) };

	if (!inet_is6(s)) {
		memcpy(in4.addr, n->addr.b + 12, sizeof(in4.addr));
		memcpy(addr, &in4, sizeof(in4));
		return sizeof(in4);
	}
	memcpy(in6.addr, n->addr.b, sizeof(in6.addr));
	if (net_addr_is_linklocal6(&n->addr))
		in6.scope_id = NET_LO_INDEX;
	memcpy(addr, &in6, sizeof(in6));
	return sizeof(in6);
}

/* --- bind(2) -------------------------------------------------------------- */

/* AF_UNSPEC is taken for AF_INET if the address is 0.0.0.0. */
static int bind_name4(const void *addr, uint32_t len, struct inet_name *out)
{
	struct linux_sockaddr_in in;

	if (len < sizeof(in))
		return -EINVAL;
	memcpy(&in, addr, sizeof(in));
	if (in.family != LINUX_AF_INET &&
	    (in.family != LINUX_AF_UNSPEC || memcmp(in.addr, "\0\0\0", 4) != 0))
		return -EAFNOSUPPORT;
	return name4_in(addr, len, out);
}

static int check_address4(struct inet_sock *s, const struct net_addr *a)
{
	enum net_kind kind = net_classify(s->net, a);

	if (net_addr_is_any(a) || kind == NET_MULTICAST ||
	    kind == NET_BROADCAST || net_is_own(s->net, a))
		return 0;
	return inet_opt(s, OPT_FREEBIND) ||
			       net_sysctl(s->net, NET_NONLOCAL_BIND)
		       ? 0
		       : -EADDRNOTAVAIL;
}

static int check_address6(struct inet_sock *s, const struct net_addr *a,
			  uint32_t scope)
{
	if (net_addr_is_multicast(a) && inet_is_tcp(s))
		return -EINVAL;
	if (net_addr_is4(a)) {
		if (inet_opt(s, OPT_V6ONLY))
			return -EINVAL;
		return check_address4(s, a);
	}
	if (net_addr_is_any(a))
		return 0;
	if (net_addr_is_linklocal6(a) && !scope && !inet_opt(s, OPT_BINDTOIF))
		return -EINVAL;
	if (net_addr_is_multicast(a) || net_is_own(s->net, a) ||
	    inet_opt(s, OPT_FREEBIND6))
		return 0;
	return -EADDRNOTAVAIL;
}

static int take_port(struct inet_sock *s, const struct inet_name *n)
{
	bool tcp_used = inet_is_tcp(s) && s->state != LINUX_TCP_CLOSE;
	int ret;

	mutex_lock(&s->net->mu);
	mutex_lock_nested(&s->mu);
	if (tcp_used || s->port) {
		ret = -EINVAL;
	} else {
		s->local = *n;
		s->addr_fixed = !net_addr_is_any(&n->addr);
		ret = n->port == 0 && inet_opt(s, OPT_BIND_NO_PORT)
			      ? 0
			      : inet_port_take(s, n->port, false);
		s->port_fixed = ret == 0 && n->port != 0;
		if (ret < 0) {
			s->local.addr = inet_is6(s) ? net_any6 : net_any4;
			s->local.port = 0;
			s->addr_fixed = false;
		}
	}
	mutex_unlock(&s->mu);
	mutex_unlock(&s->net->mu);
	return ret;
}

int inet_bind(struct socket *sock, const void *addr, uint32_t len)
{
	struct inet_sock *s = inet_of(sock);
	struct inet_name n;
	uint32_t scope = 0;
	int ret;

	ret = inet_is6(s) ? inet_name_in(s, addr, len, &n, &scope)
			  : bind_name4(addr, len, &n);
	if (ret == 0)
		ret = inet_is6(s) ? check_address6(s, &n.addr, scope)
				  : check_address4(s, &n.addr);
	if (ret < 0)
		return ret;
	if (n.port && n.port < net_sysctl(s->net, NET_UNPRIV_PORT) &&
	    !ns_capable(s->net->ns.owner, CAP_NR_NET_BIND_SERVICE))
		return -EACCES;
	return take_port(s, &n);
}

/* --- names ---------------------------------------------------------------- */

int inet_getname(struct socket *sock, bool peer, void *addr, uint32_t *len)
{
	struct inet_sock *s = inet_of(sock);
	struct inet_name n;
	int state = s->state;

	if (inet_is_tcp(s))
		state = s->state == LINUX_TCP_CLOSE ? LINUX_TCP_CLOSE
						    : s->state;
	mutex_lock(&s->mu);
	n = peer ? s->peer : s->local;
	mutex_unlock(&s->mu);
	if (peer && (n.port == 0 || state == LINUX_TCP_CLOSE ||
		     state == LINUX_TCP_SYN_SENT))
		return -ENOTCONN;
	*len = inet_name_out(s, &n, addr);
	return 0;
}

/* --- routes --------------------------------------------------------------- */

/* The interface that was asked for, by index; 0: none. */
static int32_t asked_interface(const struct inet_sock *s, uint32_t scope,
			       bool multicast)
{
	int32_t opt = inet_opt(s, inet_is6(s) ? OPT_MCAST_IF6 : OPT_MCAST_IF);

	if (inet_opt(s, OPT_BINDTOIF))
		return inet_opt(s, OPT_BINDTOIF);
	if (scope)
		return (int32_t)scope;
	return multicast ? opt : 0;
}

static int route6(struct inet_sock *s, const struct inet_name *to,
		  uint32_t scope, enum net_kind *kind)
{
	bool multicast = net_addr_is_multicast(&to->addr);

	if (!net_is_up(s->net))
		return -EADDRNOTAVAIL;
	if (*kind == NET_LOCAL)
		return 0;
	if (multicast && asked_interface(s, scope, true) == NET_LO_INDEX)
		return 0;
	return -ENETUNREACH;
}

int inet_route(struct inet_sock *s, struct inet_name *to, uint32_t scope,
	       struct net_addr *src, enum net_kind *out)
{
	bool v4 = net_addr_is4(&to->addr);
	bool bound4 = net_addr_is4(&s->local.addr);
	int ret;

	if (net_addr_is_any(&to->addr))
		to->addr = v4 || (inet_is6(s) && bound4) ? net_lo4 : net_lo6;
	v4 = net_addr_is4(&to->addr);
	if (v4 && inet_is6(s) && inet_opt(s, OPT_V6ONLY))
		return -ENETUNREACH;
	if (s->addr_fixed && v4 != bound4)
		return v4 ? -EINVAL : -ENETUNREACH;
	*out = net_classify(s->net, &to->addr);
	if (v4) {
		ret = *out == NET_FOREIGN || !net_is_up(s->net) ? -ENETUNREACH
								: 0;
		if (*out == NET_MULTICAST &&
		    asked_interface(s, 0, true) != NET_LO_INDEX)
			ret = -ENETUNREACH;
		if (to->addr.b[12] == 255 && *out == NET_BROADCAST &&
		    asked_interface(s, 0, false) != NET_LO_INDEX)
			ret = -ENETUNREACH;
	} else {
		ret = route6(s, to, scope, out);
	}
	if (ret < 0) {
		net_count(s->net, NET_NO_ROUTES, 1);
		return ret;
	}
	if (s->addr_fixed && !net_addr_is_multicast(&s->local.addr))
		*src = s->local.addr;
	else
		net_source(s->net, &to->addr, src);
	return 0;
}
