/* SPDX-License-Identifier: Apache-2.0 */
/* socket(7), ip(7), ipv6(7), tcp(7): options: defaults, bounds, effects. */
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

static int get(int fd, int level, int name)
{
	int v = -99;
	socklen_t len = sizeof(v);

	EXPECT_OK(getsockopt(fd, level, name, &v, &len));
	EXPECT_EQ(sizeof(v), len);
	return v;
}

static int set(int fd, int level, int name, int v)
{
	return setsockopt(fd, level, name, &v, sizeof(v));
}

static int tcp(void)
{
	return EXPECT_OK(socket(AF_INET, SOCK_STREAM, 0));
}

static int udp(void)
{
	return EXPECT_OK(socket(AF_INET, SOCK_DGRAM, 0));
}

static int tcp6(void)
{
	return EXPECT_OK(socket(AF_INET6, SOCK_STREAM, 0));
}

TEST(inet_opts, what_it_is)
{
	int t = tcp(), u = udp();

	EXPECT_EQ(SOCK_STREAM, get(t, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(AF_INET, get(t, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(IPPROTO_TCP, get(t, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(IPPROTO_UDP, get(u, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(AF_INET6, get(tcp6(), SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(0, get(t, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_OK(listen(t, 1));
	EXPECT_EQ(1, get(t, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_ERRNO(ENOPROTOOPT, set(t, SOL_SOCKET, SO_TYPE, 1));
}

TEST(inet_opts, flags_are_kept_as_one)
{
	static const int flags[] = { SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE,
				     SO_BROADCAST, SO_OOBINLINE, SO_DONTROUTE,
				     SO_TIMESTAMP };
	int t = tcp();

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		EXPECT_EQ(0, get(t, SOL_SOCKET, flags[i]));
		EXPECT_OK(set(t, SOL_SOCKET, flags[i], 77));
		EXPECT_EQ(1, get(t, SOL_SOCKET, flags[i]));
		EXPECT_OK(set(t, SOL_SOCKET, flags[i], 0));
		EXPECT_EQ(0, get(t, SOL_SOCKET, flags[i]));
	}
}

TEST(inet_opts, errors)
{
	int t = tcp(), v = 1;
	socklen_t len = sizeof(v);

	EXPECT_ERRNO(EINVAL, setsockopt(t, SOL_SOCKET, SO_REUSEADDR, &v, 3));
	EXPECT_ERRNO(EFAULT,
		     setsockopt(t, SOL_SOCKET, SO_REUSEADDR, (void *)8, 4));
	EXPECT_ERRNO(ENOPROTOOPT, set(t, SOL_SOCKET, 9999, 1));
	EXPECT_ERRNO(ENOPROTOOPT, getsockopt(t, SOL_SOCKET, 9999, &v, &len));
	EXPECT_ERRNO(ENOPROTOOPT, set(t, IPPROTO_TCP, 9999, 1));
	EXPECT_ERRNO(ENOPROTOOPT, set(t, IPPROTO_IP, 9999, 1));
	EXPECT_ERRNO(EOPNOTSUPP,
		     getsockopt(t, IPPROTO_IPV6, IPV6_V6ONLY, &v, &len));
	EXPECT_ERRNO(EOPNOTSUPP,
		     getsockopt(udp(), IPPROTO_TCP, TCP_NODELAY, &v, &len));
	EXPECT_ERRNO(EBADF, set(-1, SOL_SOCKET, SO_REUSEADDR, 1));
	len = UINT_MAX;
	EXPECT_ERRNO(EINVAL, getsockopt(t, SOL_SOCKET, SO_TYPE, &v, &len));
	len = 1;
	EXPECT_OK(getsockopt(t, SOL_SOCKET, SO_TYPE, &v, &len));
	EXPECT_EQ(1, len);
}

TEST(inet_opts, buffers_are_doubled)
{
	int t = tcp();

	EXPECT_OK(set(t, SOL_SOCKET, SO_SNDBUF, 10000));
	EXPECT_EQ(20000, get(t, SOL_SOCKET, SO_SNDBUF));
	EXPECT_OK(set(t, SOL_SOCKET, SO_RCVBUF, 30000));
	EXPECT_EQ(60000, get(t, SOL_SOCKET, SO_RCVBUF));
	EXPECT_OK(set(t, SOL_SOCKET, SO_SNDBUF, 1));
	EXPECT_EQ(4608, get(t, SOL_SOCKET, SO_SNDBUF));
	EXPECT_OK(set(t, SOL_SOCKET, SO_RCVBUF, 0));
	EXPECT_EQ(2304, get(t, SOL_SOCKET, SO_RCVBUF));
}

TEST(inet_opts, timeouts)
{
	struct timeval tv = { 3, 500000 }, got;
	socklen_t len = sizeof(got);
	int t = tcp();

	EXPECT_OK(setsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_OK(getsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &got, &len));
	EXPECT_EQ(3, got.tv_sec);
	EXPECT_EQ(500000, got.tv_usec);
	tv.tv_usec = 1000000;
	EXPECT_ERRNO(EDOM,
		     setsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_ERRNO(EINVAL, setsockopt(t, SOL_SOCKET, SO_SNDTIMEO, &tv, 8));
}

TEST(inet_opts, linger)
{
	struct linger l = { 1, 7 }, got;
	socklen_t len = sizeof(got);
	int t = tcp();

	EXPECT_OK(getsockopt(t, SOL_SOCKET, SO_LINGER, &got, &len));
	EXPECT_EQ(0, got.l_onoff);
	EXPECT_OK(setsockopt(t, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	EXPECT_OK(getsockopt(t, SOL_SOCKET, SO_LINGER, &got, &len));
	EXPECT_EQ(1, got.l_onoff);
	EXPECT_EQ(7, got.l_linger);
	EXPECT_ERRNO(EINVAL, setsockopt(t, SOL_SOCKET, SO_LINGER, &l, 4));
}

TEST(inet_opts, of_ip)
{
	unsigned char byte = 0;
	socklen_t len = 1;
	int t = tcp(), u = udp();

	EXPECT_EQ(64, get(t, IPPROTO_IP, IP_TTL));
	EXPECT_OK(set(t, IPPROTO_IP, IP_TTL, 9));
	EXPECT_EQ(9, get(t, IPPROTO_IP, IP_TTL));
	EXPECT_ERRNO(EINVAL, set(t, IPPROTO_IP, IP_TTL, 0));
	EXPECT_ERRNO(EINVAL, set(t, IPPROTO_IP, IP_TTL, 256));
	EXPECT_OK(set(t, IPPROTO_IP, IP_TTL, -1));
	EXPECT_EQ(64, get(t, IPPROTO_IP, IP_TTL));
	EXPECT_OK(set(u, IPPROTO_IP, IP_TOS, 0x10));
	EXPECT_OK(getsockopt(u, IPPROTO_IP, IP_TOS, &byte, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(0x10, byte);
	byte = 0x20;
	EXPECT_OK(setsockopt(u, IPPROTO_IP, IP_TOS, &byte, 1));
	EXPECT_EQ(0x20, get(u, IPPROTO_IP, IP_TOS));
	EXPECT_EQ(1, get(u, IPPROTO_IP, IP_MULTICAST_TTL));
	EXPECT_EQ(1, get(u, IPPROTO_IP, IP_MULTICAST_LOOP));
	EXPECT_ERRNO(EINVAL, set(u, IPPROTO_IP, IP_MULTICAST_TTL, 256));
	EXPECT_ERRNO(EINVAL, set(u, IPPROTO_IP, IP_MTU_DISCOVER, 6));
	len = sizeof(int);
	EXPECT_ERRNO(ENOTCONN, getsockopt(u, IPPROTO_IP, IP_MTU, &byte, &len));
}

TEST(inet_opts, of_ipv6)
{
	int t = tcp6(), u = EXPECT_OK(socket(AF_INET6, SOCK_DGRAM, 0));

	EXPECT_EQ(0, get(t, IPPROTO_IPV6, IPV6_V6ONLY));
	EXPECT_EQ(64, get(t, IPPROTO_IPV6, IPV6_UNICAST_HOPS));
	EXPECT_OK(set(t, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 3));
	EXPECT_EQ(3, get(t, IPPROTO_IPV6, IPV6_UNICAST_HOPS));
	EXPECT_ERRNO(EINVAL, set(t, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256));
	EXPECT_ERRNO(EINVAL, set(t, IPPROTO_IPV6, IPV6_TCLASS, 256));
	EXPECT_OK(set(u, IPPROTO_IPV6, IPV6_TCLASS, 8));
	EXPECT_EQ(8, get(u, IPPROTO_IPV6, IPV6_TCLASS));
	EXPECT_EQ(1, get(u, IPPROTO_IPV6, IPV6_MULTICAST_HOPS));
	EXPECT_ERRNO(ENODEV, set(u, IPPROTO_IPV6, IPV6_MULTICAST_IF, 9999));
}

TEST(inet_opts, of_tcp)
{
	int t = tcp();

	EXPECT_EQ(0, get(t, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_OK(set(t, IPPROTO_TCP, TCP_NODELAY, 5));
	EXPECT_EQ(1, get(t, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_EQ(7200, get(t, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(75, get(t, IPPROTO_TCP, TCP_KEEPINTVL));
	EXPECT_EQ(9, get(t, IPPROTO_TCP, TCP_KEEPCNT));
	EXPECT_ERRNO(EINVAL, set(t, IPPROTO_TCP, TCP_KEEPIDLE, 0));
	EXPECT_ERRNO(EINVAL, set(t, IPPROTO_TCP, TCP_KEEPIDLE, 32768));
	EXPECT_ERRNO(EINVAL, set(t, IPPROTO_TCP, TCP_KEEPCNT, 128));
	EXPECT_OK(set(t, IPPROTO_TCP, TCP_KEEPIDLE, 5));
	EXPECT_EQ(5, get(t, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_OK(set(t, IPPROTO_TCP, TCP_USER_TIMEOUT, 1234));
	EXPECT_EQ(1234, get(t, IPPROTO_TCP, TCP_USER_TIMEOUT));
	EXPECT_ERRNO(EINVAL, set(t, IPPROTO_TCP, TCP_USER_TIMEOUT, -1));
	EXPECT_OK(set(t, IPPROTO_TCP, TCP_CORK, 1));
	EXPECT_EQ(1, get(t, IPPROTO_TCP, TCP_CORK));
	EXPECT_EQ(6, get(t, IPPROTO_TCP, TCP_SYNCNT));
	EXPECT_ERRNO(ENOENT,
		     setsockopt(t, IPPROTO_TCP, TCP_CONGESTION, "nonesuch", 8));
	EXPECT_OK(setsockopt(t, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
}

TEST(inet_opts, of_udp)
{
	int u = udp();

	EXPECT_EQ(0, get(u, IPPROTO_UDP, UDP_CORK));
	EXPECT_OK(set(u, IPPROTO_UDP, UDP_SEGMENT, 500));
	EXPECT_EQ(500, get(u, IPPROTO_UDP, UDP_SEGMENT));
	EXPECT_ERRNO(EINVAL, set(u, IPPROTO_UDP, UDP_SEGMENT, 65536));
}

TEST(inet_opts, error_is_told_once)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int d = udp(), u = udp();
	socklen_t len = sizeof(a);

	EXPECT_OK(bind(d, (void *)&a, sizeof(a)));
	EXPECT_OK(getsockname(d, (void *)&a, &len));
	EXPECT_OK(close(d));
	EXPECT_OK(connect(u, (void *)&a, sizeof(a)));
	EXPECT_EQ(1, send(u, "x", 1, 0));
	EXPECT_SOON(get(u, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
	EXPECT_EQ(0, get(u, SOL_SOCKET, SO_ERROR));
}

TEST(inet_opts, children_inherit)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = tcp(), c = tcp(), s;
	socklen_t len = sizeof(a);

	EXPECT_OK(set(l, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_OK(set(l, IPPROTO_TCP, TCP_NODELAY, 1));
	EXPECT_OK(bind(l, (void *)&a, sizeof(a)));
	EXPECT_OK(listen(l, 1));
	EXPECT_OK(getsockname(l, (void *)&a, &len));
	EXPECT_OK(connect(c, (void *)&a, sizeof(a)));
	s = EXPECT_OK(accept(l, NULL, NULL));
	EXPECT_EQ(1, get(s, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(1, get(s, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_EQ(65535, get(s, IPPROTO_IP, IP_MTU));
}

TEST_MAIN
