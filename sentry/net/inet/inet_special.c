/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inet_special: socket options that are no plain numbers: times, lingering,
 * memberships, names, information.
 *
 * Locks: s->mu where a row says so.
 * Linux: as inet_opt.c.
 * Tests: tests/conformance/inet_opts.c
 */
#include <errno.h>
#include <string.h>

#include "abi/time.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/inet/tcp.h"
#include "sentry/time/clock.h"

static int put(void *val, uint32_t *len, const void *from, uint32_t size)
{
	*len = MIN(*len, size);
	memcpy(val, from, *len);
	return 0;
}

static int put_int(void *val, uint32_t *len, int32_t v)
{
	return put(val, len, &v, sizeof(v));
}

static int put_timeout(void *val, uint32_t *len, uint64_t ns)
{
	struct linux_timeval tv = {
		.sec = (int64_t)(ns / NSEC_PER_SEC),
		.usec = (int64_t)(ns % NSEC_PER_SEC / 1000),
	};

	return put(val, len, &tv, sizeof(tv));
}

/* --- reading: SOL_SOCKET -------------------------------------------------- */

static int get_linger(struct inet_sock *s, void *val, uint32_t *len)
{
	int32_t v = inet_opt(s, OPT_LINGER);
	int32_t two[2] = { v >= 0, MAX(v, 0) };

	return put(val, len, two, sizeof(two));
}

static int get_meminfo(struct inet_sock *s, void *val, uint32_t *len)
{
	uint32_t m[9] = { s->rx_charge, (uint32_t)inet_opt(s, OPT_RCVBUF), 0,
			  (uint32_t)inet_opt(s, OPT_SNDBUF) };

	return put(val, len, m, sizeof(m));
}

static int get_device(struct inet_sock *s, void *val, uint32_t *len)
{
	if (!inet_opt(s, OPT_BINDTOIF)) {
		*len = 0;
		return 0;
	}
	if (*len < 16) /* IFNAMSIZ */
		return -EINVAL;
	return put(val, len, "lo", 3);
}

static int get_peername(struct inet_sock *s, void *val, uint32_t *len)
{
	uint8_t name[LINUX_SOCKADDR_MAX];
	uint32_t size;
	int ret = inet_getname(&s->sock, true, name, &size);

	if (ret < 0)
		return -ENOTCONN;
	if (size < *len)
		return -EINVAL;
	return put(val, len, name, size);
}

static int get_socket(struct inet_sock *s, int name, void *val, uint32_t *len)
{
	static const struct linux_ucred nobody = { 0, UINT32_MAX, UINT32_MAX };
	uint64_t cookie = s->sock.ino, none = 0;

	switch (name) {
	case LINUX_SO_TYPE:
		return put_int(val, len, s->sock.type);
	case LINUX_SO_DOMAIN:
		return put_int(val, len, s->sock.family);
	case LINUX_SO_PROTOCOL:
		return put_int(val, len, s->sock.protocol);
	case LINUX_SO_ERROR:
		return put_int(val, len, -inet_take_err(s));
	case LINUX_SO_ACCEPTCONN:
		return put_int(val, len, s->state == LINUX_TCP_LISTEN);
	case LINUX_SO_SNDLOWAT:
		return put_int(val, len, 1);
	case LINUX_SO_BSDCOMPAT:
	case LINUX_SO_NOFCS:
	case LINUX_SO_INCOMING_NAPI_ID:
	case LINUX_SO_ZEROCOPY:
		return put_int(val, len, 0);
	case LINUX_SO_INCOMING_CPU:
		return put_int(val, len, -1);
	case LINUX_SO_TIMESTAMPING:
		return put(val, len, &none, sizeof(none));
	case LINUX_SO_LINGER:
		return get_linger(s, val, len);
	case LINUX_SO_RCVTIMEO:
		return put_timeout(val, len, s->rcvtimeo);
	case LINUX_SO_SNDTIMEO:
		return put_timeout(val, len, s->sndtimeo);
	case LINUX_SO_PEERCRED:
		return put(val, len, &nobody, sizeof(nobody));
	case LINUX_SO_PEERGROUPS:
	case LINUX_SO_PEERPIDFD:
		return -ENODATA;
	case LINUX_SO_PASSCRED:
	case LINUX_SO_PASSSEC:
	case LINUX_SO_PASSPIDFD:
	case LINUX_SO_PASSRIGHTS:
		return -EOPNOTSUPP;
	case LINUX_SO_COOKIE:
		return *len < sizeof(cookie)
			       ? -EINVAL
			       : put(val, len, &cookie, sizeof(cookie));
	case LINUX_SO_MEMINFO:
		return get_meminfo(s, val, len);
	case LINUX_SO_BINDTODEVICE:
		return get_device(s, val, len);
	case LINUX_SO_ATTACH_FILTER: /* SO_GET_FILTER: none */
		*len = 0;
		return 0;
	case LINUX_SO_PEERNAME:
		return get_peername(s, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

/* --- reading: the others -------------------------------------------------- */

static int get_ip(struct inet_sock *s, int name, void *val, uint32_t *len)
{
	switch (name) {
	case LINUX_IP_OPTIONS:
		*len = 0;
		return 0;
	case LINUX_IP_MTU:
		if (s->peer.port == 0 || s->state == LINUX_TCP_CLOSE)
			return -ENOTCONN;
		return put_int(val, len, NET_LO_MTU - 1);
	case LINUX_IP_MULTICAST_IF: {
		static const uint8_t none[4];

		if (*len >= sizeof(none)) {
			mutex_lock(&s->mu);
			memcpy(val, s->mcast_src.b + 12, 4);
			mutex_unlock(&s->mu);
		}
		*len = MIN(*len, 4u);
		return 0;
	}
	case LINUX_IP_PROTOCOL:
	case LINUX_IP_ROUTER_ALERT:
	case LINUX_IP_HDRINCL:
	case LINUX_IP_TRANSPARENT:
	case LINUX_IP_NODEFRAG:
	case LINUX_IP_UNICAST_IF:
	case LINUX_IP_RECVFRAGSIZE:
		return put_int(val, len, 0);
	default:
		return -ENOPROTOOPT;
	}
}

static int get_ipv6(struct inet_sock *s, int name, void *val, uint32_t *len)
{
	switch (name) {
	case LINUX_IPV6_ADDRFORM:
		if (s->state != LINUX_TCP_ESTABLISHED)
			return -ENOTCONN;
		return put_int(val, len, s->sock.family);
	case LINUX_IPV6_MTU:
		if (s->peer.port == 0 || s->state == LINUX_TCP_CLOSE)
			return -ENOTCONN;
		return put_int(val, len, NET_LO_MTU);
	case LINUX_IPV6_UNICAST_IF:
		return put_int(val, len, 0);
	default:
		return -ENOPROTOOPT;
	}
}

static const char *const g_congestion[] = { "cubic", "reno" };
#define CA_NAME 16u

static int get_tcp(struct inet_sock *s, int name, void *val, uint32_t *len)
{
	char ca[CA_NAME] = { 0 };

	switch (name) {
	case LINUX_TCP_INFO:
		return tcp_get_info(s, val, len);
	case LINUX_TCP_CONGESTION:
		strcpy(ca, g_congestion[inet_opt(s, OPT_CONGESTION)]);
		return put(val, len, ca, sizeof(ca));
	case LINUX_TCP_ULP:
		*len = 0;
		return 0;
	case LINUX_TCP_FASTOPEN:
	case LINUX_TCP_FASTOPEN_CONNECT:
	case LINUX_TCP_THIN_DUPACK:
		return put_int(val, len, 0);
	case LINUX_TCP_TIMESTAMP:
		return put_int(val, len,
			       (int32_t)(clock_monotonic_coarse() / 1000000));
	default:
		return -ENOPROTOOPT;
	}
}

int inet_get_special(struct inet_sock *s, int level, int name, void *val,
		     uint32_t *len)
{
	switch (level) {
	case LINUX_SOL_SOCKET:
		return get_socket(s, name, val, len);
	case LINUX_IPPROTO_IP:
		return get_ip(s, name, val, len);
	case LINUX_IPPROTO_IPV6:
		return inet_is6(s) ? get_ipv6(s, name, val, len) : -EOPNOTSUPP;
	case LINUX_IPPROTO_TCP:
		if (inet_is_tcp(s))
			return get_tcp(s, name, val, len);
		break;
	default:
		break;
	}
	if (level == LINUX_IPPROTO_UDP && !inet_is_tcp(s))
		return -ENOPROTOOPT;
	return inet_is6(s) ? -ENOPROTOOPT : -EOPNOTSUPP;
}

/* --- setting: SOL_SOCKET -------------------------------------------------- */

static int set_timeout(_Atomic uint64_t *to, const void *val, uint32_t len)
{
	struct linux_timeval tv;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, val, sizeof(tv));
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	if (tv.sec < 0)
		tv.sec = tv.usec = 0;
	if ((uint64_t)tv.sec >= INT64_MAX / NSEC_PER_SEC / 2)
		*to = 0; /* as good as for ever */
	else
		*to = (uint64_t)tv.sec * NSEC_PER_SEC +
		      (uint64_t)tv.usec * 1000;
	return 0;
}

static int set_linger(struct inet_sock *s, const void *val, uint32_t len)
{
	int32_t two[2];

	if (len < sizeof(two))
		return -EINVAL;
	memcpy(two, val, sizeof(two));
	s->opt[OPT_LINGER] = two[0] ? MAX(two[1], 0) : -1;
	return 0;
}

static int set_device(struct inet_sock *s, const void *val, uint32_t len)
{
	char name[16] = { 0 };

	memcpy(name, val, MIN(len, sizeof(name) - 1));
	if (inet_opt(s, OPT_BINDTOIF) &&
	    !ns_capable(s->net->ns.owner, CAP_NR_NET_RAW))
		return -EPERM;
	if (name[0] && strcmp(name, "lo") != 0)
		return -ENODEV;
	s->opt[OPT_BINDTOIF] = name[0] ? NET_LO_INDEX : 0;
	return 0;
}

static int set_socket(struct inet_sock *s, int name, const void *val,
		      uint32_t len)
{
	int32_t v = 0;

	if (name == LINUX_SO_BINDTODEVICE)
		return set_device(s, val, len);
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	switch (name) {
	case LINUX_SO_LINGER:
		return set_linger(s, val, len);
	case LINUX_SO_RCVTIMEO:
		return set_timeout(&s->rcvtimeo, val, len);
	case LINUX_SO_SNDTIMEO:
		return set_timeout(&s->sndtimeo, val, len);
	case LINUX_SO_SNDBUFFORCE:
	case LINUX_SO_RCVBUFFORCE:
		if (!ns_capable(s->net->ns.owner, CAP_NR_NET_ADMIN))
			return -EPERM;
		inet_set_buffer(s, name == LINUX_SO_SNDBUFFORCE, MAX(v, 0));
		return 0;
	case LINUX_SO_PASSCRED:
	case LINUX_SO_PASSSEC:
	case LINUX_SO_PASSPIDFD:
	case LINUX_SO_PASSRIGHTS:
		return -EOPNOTSUPP;
	case LINUX_SO_DETACH_FILTER:
		return -ENOENT;
	case LINUX_SO_BSDCOMPAT:
	case LINUX_SO_INCOMING_CPU:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* --- setting: groups ------------------------------------------------------ */

/* The interface that a request names: by index, or by its address. */
static int32_t group_interface(struct inet_sock *s,
			       const struct linux_ip_mreqn *r)
{
	struct net_addr a = net_addr4(r->address);

	if (r->ifindex)
		return r->ifindex;
	return !net_addr_is_any(&a) && net_is_own(s->net, &a) ? NET_LO_INDEX
							      : 0;
}

static int change_group4(struct inet_sock *s, bool join, const void *val,
			 uint32_t len)
{
	struct linux_ip_mreqn r = { 0 };
	struct net_addr group;
	int32_t index;

	if (len < 8)
		return -EINVAL;
	memcpy(&r, val, MIN(len, sizeof(r)));
	group = net_addr4(r.group);
	index = group_interface(s, &r);
	return join ? inet_join(s, &group, index)
		    : inet_leave(s, &group, index);
}

static int change_group6(struct inet_sock *s, bool join, const void *val,
			 uint32_t len)
{
	struct linux_ipv6_mreq r;
	struct net_addr group;

	if (len < sizeof(r))
		return -EINVAL;
	if (inet_is_tcp(s))
		return -EPROTO;
	memcpy(&r, val, sizeof(r));
	memcpy(group.b, r.group, sizeof(group.b));
	return join ? inet_join(s, &group, r.ifindex)
		    : inet_leave(s, &group, r.ifindex);
}

/* MCAST_JOIN_GROUP and its like, of either family. */
static int change_group(struct inet_sock *s, bool join, const void *val,
			uint32_t len)
{
	struct linux_group_req r;
	struct inet_name n;
	uint32_t scope;
	int ret;

	if (len < sizeof(r))
		return -EINVAL;
	memcpy(&r, val, sizeof(r));
	ret = inet_name_in(s, r.group, sizeof(r.group), &n, &scope);
	if (ret < 0)
		return -EINVAL;
	return join ? inet_join(s, &n.addr, (int32_t)r.ifindex)
		    : inet_leave(s, &n.addr, (int32_t)r.ifindex);
}

static int set_mcast_if(struct inet_sock *s, const void *val, uint32_t len)
{
	struct linux_ip_mreqn r = { 0 };
	int32_t index;

	if (inet_is_tcp(s))
		return -EINVAL;
	if (len < 4)
		return -EINVAL;
	if (len >= 8) /* ip_mreq, ip_mreqn: the address comes second */
		memcpy(&r, val, MIN(len, sizeof(r)));
	else
		memcpy(r.address, val, 4);
	index = group_interface(s, &r);
	if (!index && memcmp(r.address, "\0\0\0", 4) != 0)
		return -EADDRNOTAVAIL;
	if (index && index != NET_LO_INDEX)
		return -EADDRNOTAVAIL;
	s->opt[OPT_MCAST_IF] = index;
	mutex_lock(&s->mu);
	memset(&s->mcast_src, 0, sizeof(s->mcast_src));
	memcpy(s->mcast_src.b + 12, r.address, 4);
	mutex_unlock(&s->mu);
	return 0;
}

static int set_ip(struct inet_sock *s, int name, const void *val, uint32_t len)
{
	switch (name) {
	case LINUX_IP_ADD_MEMBERSHIP:
	case LINUX_IP_DROP_MEMBERSHIP:
		return inet_is_tcp(s)
			       ? -EPROTO
			       : change_group4(s,
					       name == LINUX_IP_ADD_MEMBERSHIP,
					       val, len);
	case LINUX_MCAST_JOIN_GROUP:
	case LINUX_MCAST_LEAVE_GROUP:
		return change_group(s, name == LINUX_MCAST_JOIN_GROUP, val,
				    len);
	case LINUX_IP_MULTICAST_IF:
		return set_mcast_if(s, val, len);
	case LINUX_IP_OPTIONS:
		return len == 0 ? 0 : -EPERM;
	case LINUX_IP_TRANSPARENT:
		return ns_capable(s->net->ns.owner, CAP_NR_NET_ADMIN)
			       ? -ENOPROTOOPT
			       : -EPERM;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_ipv6(struct inet_sock *s, int name, const void *val,
		    uint32_t len)
{
	switch (name) {
	case LINUX_IPV6_JOIN_GROUP:
	case LINUX_IPV6_LEAVE_GROUP:
		return change_group6(s, name == LINUX_IPV6_JOIN_GROUP, val,
				     len);
	case LINUX_MCAST_JOIN_GROUP:
	case LINUX_MCAST_LEAVE_GROUP:
		return change_group(s, name == LINUX_MCAST_JOIN_GROUP, val,
				    len);
	default:
		return -ENOPROTOOPT;
	}
}

static int set_tcp(struct inet_sock *s, int name, const void *val, uint32_t len)
{
	char ca[CA_NAME] = { 0 };

	if (name != LINUX_TCP_CONGESTION)
		return -ENOPROTOOPT;
	if (len < 1)
		return -EINVAL;
	memcpy(ca, val, MIN(len, sizeof(ca) - 1));
	for (size_t i = 0; i < ARRAY_SIZE(g_congestion); i++)
		if (strcmp(ca, g_congestion[i]) == 0) {
			s->opt[OPT_CONGESTION] = (int32_t)i;
			return 0;
		}
	return -ENOENT;
}

int inet_set_special(struct inet_sock *s, int level, int name, const void *val,
		     uint32_t len)
{
	switch (level) {
	case LINUX_SOL_SOCKET:
		return set_socket(s, name, val, len);
	case LINUX_IPPROTO_IP:
		return set_ip(s, name, val, len);
	case LINUX_IPPROTO_IPV6:
		return inet_is6(s) ? set_ipv6(s, name, val, len) : -ENOPROTOOPT;
	case LINUX_IPPROTO_TCP:
		if (inet_is_tcp(s))
			return set_tcp(s, name, val, len);
		break;
	default:
		break;
	}
	return -ENOPROTOOPT;
}

/* --- ioctl(2) ------------------------------------------------------------- */

static long get_stamp(struct inet_sock *s, uint64_t arg)
{
	struct linux_timeval tv;
	uint64_t ns;

	mutex_lock(&s->mu);
	ns = s->last_stamp;
	mutex_unlock(&s->mu);
	if (!ns)
		return -ENOENT;
	tv.sec = (int64_t)(ns / NSEC_PER_SEC);
	tv.usec = (int64_t)(ns % NSEC_PER_SEC / 1000);
	return copy_out(uaddr(arg), &tv, sizeof(tv));
}

long inet_ioctl(struct socket *sock, uint32_t cmd, uint64_t arg)
{
	struct inet_sock *s = inet_of(sock);
	int32_t v;
	long n;

	if (cmd == LINUX_SIOCGSTAMP)
		return get_stamp(s, arg);
	n = inet_is_tcp(s) ? tcp_ioctl(s, cmd) : udp_ioctl(s, cmd);
	if (n < 0)
		return n;
	v = (int32_t)n;
	return copy_out(uaddr(arg), &v, sizeof(v));
}
