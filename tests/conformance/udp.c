/* SPDX-License-Identifier: Apache-2.0 */
/* udp(7), ip(7): datagrams over loopback. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

static char g_buf[70000];

static struct sockaddr_in addr4(const char *ip, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };

	EXPECT_EQ(1, inet_pton(AF_INET, ip, &a.sin_addr));
	return a;
}

static struct sockaddr_in name_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	EXPECT_OK(getsockname(fd, (void *)&a, &len));
	return a;
}

static int udp(void)
{
	return EXPECT_OK(socket(AF_INET, SOCK_DGRAM, 0));
}

static int udp_on(const char *ip)
{
	struct sockaddr_in a = addr4(ip, 0);
	int s = udp();

	EXPECT_OK(bind(s, (void *)&a, sizeof(a)));
	return s;
}

static ssize_t send_to(int s, const void *p, size_t n, struct sockaddr_in to)
{
	return sendto(s, p, n, 0, (void *)&to, sizeof(to));
}

static int connect_to(int s, struct sockaddr_in to)
{
	return connect(s, (void *)&to, sizeof(to));
}

static void set_int(int fd, int level, int name, int v)
{
	EXPECT_OK(setsockopt(fd, level, name, &v, sizeof(v)));
}

static int poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	EXPECT_OK(poll(&p, 1, 0));
	return p.revents;
}

/* The control message of a kind in what was received; NULL: none. */
static void *find_cmsg(struct msghdr *m, int level, int type)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == level && c->cmsg_type == type)
			return CMSG_DATA(c);
	return NULL;
}

static char g_ctl[512];

static ssize_t receive(int s, struct msghdr *m, int flags)
{
	static struct iovec iov = { g_buf, sizeof(g_buf) };
	static struct sockaddr_in6 from;

	*m = (struct msghdr){ .msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = g_ctl,
			      .msg_controllen = sizeof(g_ctl) };
	return recvmsg(s, m, flags);
}

TEST(udp, datagrams_keep_their_bounds)
{
	int r = udp_on("127.0.0.1"), s = udp(), n;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);

	EXPECT_EQ(0, name_of(s).sin_port);
	EXPECT_EQ(3, send_to(s, "abc", 3, name_of(r)));
	EXPECT_TRUE(name_of(s).sin_port != 0);
	EXPECT_EQ(0, send_to(s, "", 0, name_of(r)));
	EXPECT_EQ(5, send_to(s, "12345", 5, name_of(r)));
	EXPECT_SOON(ioctl(r, FIONREAD, &n) == 0 && n == 3);
	EXPECT_EQ(3, recv(r, g_buf, 10, MSG_PEEK));
	EXPECT_EQ(3, recvfrom(r, g_buf, 10, 0, (void *)&from, &len));
	EXPECT_EQ(name_of(s).sin_port, from.sin_port);
	EXPECT_EQ(INADDR_LOOPBACK, ntohl(from.sin_addr.s_addr));
	EXPECT_EQ(0, recv(r, g_buf, 10, 0));
	EXPECT_EQ(2, recv(r, g_buf, 2, 0));
	EXPECT_ERRNO(EAGAIN, recv(r, g_buf, 10, MSG_DONTWAIT));
	EXPECT_EQ(5, send_to(s, "12345", 5, name_of(r)));
	EXPECT_EQ(5, recv(r, g_buf, 2, MSG_TRUNC));
}

TEST(udp, send_errors)
{
	struct sockaddr_in to = addr4("127.0.0.1", 9);
	int s = udp();

	EXPECT_ERRNO(EDESTADDRREQ, send(s, "x", 1, 0));
	EXPECT_ERRNO(EINVAL, send_to(s, "x", 1, addr4("127.0.0.1", 0)));
	EXPECT_ERRNO(EINVAL, sendto(s, "x", 1, 0, (void *)&to, 8));
	EXPECT_ERRNO(EMSGSIZE, send_to(s, g_buf, 65508, to));
	EXPECT_ERRNO(EMSGSIZE, send_to(s, g_buf, 70000, to));
	EXPECT_EQ(65507, send_to(s, g_buf, 65507, to));
	EXPECT_ERRNO(EOPNOTSUPP,
		     sendto(s, "x", 1, MSG_OOB, (void *)&to, sizeof(to)));
	EXPECT_ERRNO(EACCES, send_to(s, "x", 1, addr4("127.255.255.255", 9)));
	EXPECT_ERRNO(EFAULT, send_to(s, (void *)8, 10, to));
	to.sin_family = 77;
	EXPECT_ERRNO(EAFNOSUPPORT, send_to(s, "x", 1, to));
	EXPECT_ERRNO(EOPNOTSUPP, listen(s, 1));
	EXPECT_ERRNO(EOPNOTSUPP, accept(s, NULL, NULL));
}

TEST(udp, connected_ones_hear_of_refusals)
{
	int dead = udp_on("127.0.0.1"), s = udp();
	struct sockaddr_in to = name_of(dead);

	EXPECT_OK(close(dead));
	EXPECT_EQ(1, send_to(s, "x", 1, to)); /* not connected: nothing */
	EXPECT_ERRNO(EAGAIN, recv(s, g_buf, 1, MSG_DONTWAIT));
	EXPECT_OK(connect_to(s, to));
	EXPECT_EQ(1, send(s, "x", 1, 0));
	EXPECT_SOON(poll_now(s) & POLLERR);
	EXPECT_ERRNO(ECONNREFUSED, recv(s, g_buf, 1, MSG_DONTWAIT));
	EXPECT_ERRNO(EAGAIN, recv(s, g_buf, 1, MSG_DONTWAIT));
	EXPECT_EQ(1, send(s, "x", 1, 0));
	EXPECT_SOON(poll_now(s) & POLLERR);
	EXPECT_ERRNO(ECONNREFUSED, send(s, "x", 1, 0));
}

TEST(udp, error_queue)
{
	int dead = udp_on("127.0.0.1"), s = udp();
	struct sockaddr_in to = name_of(dead), *offender;
	struct sock_extended_err *e;
	struct msghdr m;

	EXPECT_OK(close(dead));
	set_int(s, IPPROTO_IP, IP_RECVERR, 1);
	EXPECT_ERRNO(EAGAIN, receive(s, &m, MSG_ERRQUEUE));
	EXPECT_EQ(3, send_to(s, "err", 3, to));
	EXPECT_SOON(poll_now(s) & POLLERR);
	EXPECT_EQ(3, receive(s, &m, MSG_ERRQUEUE));
	EXPECT_EQ(0, memcmp(g_buf, "err", 3));
	EXPECT_TRUE(m.msg_flags & MSG_ERRQUEUE);
	EXPECT_EQ(to.sin_port, ((struct sockaddr_in *)m.msg_name)->sin_port);
	e = find_cmsg(&m, IPPROTO_IP, IP_RECVERR);
	EXPECT_TRUE(e != NULL);
	EXPECT_EQ(ECONNREFUSED, e->ee_errno);
	EXPECT_EQ(SO_EE_ORIGIN_ICMP, e->ee_origin);
	EXPECT_EQ(3, e->ee_type);
	EXPECT_EQ(3, e->ee_code);
	offender = (void *)SO_EE_OFFENDER(e);
	EXPECT_EQ(INADDR_LOOPBACK, ntohl(offender->sin_addr.s_addr));
}

TEST(udp, connect_filters_and_disconnects)
{
	int r = udp_on("127.0.0.1"), a = udp_on("127.0.0.1");
	int b = udp_on("127.0.0.1");
	struct sockaddr un = { .sa_family = AF_UNSPEC };
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);

	EXPECT_ERRNO(ENOTCONN, getpeername(r, (void *)&peer, &len));
	EXPECT_OK(connect_to(r, name_of(a)));
	EXPECT_OK(getpeername(r, (void *)&peer, &len));
	EXPECT_EQ(name_of(a).sin_port, peer.sin_port);
	EXPECT_EQ(1, send_to(b, "b", 1, name_of(r)));
	EXPECT_EQ(1, send_to(a, "a", 1, name_of(r)));
	EXPECT_EQ(1, recv(r, g_buf, 10, 0));
	EXPECT_EQ('a', g_buf[0]);
	EXPECT_OK(connect(r, &un, sizeof(un)));
	EXPECT_ERRNO(ENOTCONN, getpeername(r, (void *)&peer, &len));
	EXPECT_ERRNO(EDESTADDRREQ, send(r, "x", 1, 0));
	EXPECT_EQ(1, send_to(b, "b", 1, name_of(r)));
	EXPECT_EQ(1, recv(r, g_buf, 10, 0));
}

TEST(udp, reuse_of_addresses)
{
	int a = udp_on("127.0.0.1"), b = udp();
	struct sockaddr_in n = name_of(a);

	EXPECT_ERRNO(EADDRINUSE, bind(b, (void *)&n, sizeof(n)));
	set_int(b, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_ERRNO(EADDRINUSE, bind(b, (void *)&n, sizeof(n)));
	set_int(a, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_OK(bind(b, (void *)&n, sizeof(n)));
	EXPECT_EQ(1, send_to(udp(), "x", 1, n)); /* the latest gets it */
	EXPECT_EQ(1, recv(b, g_buf, 10, 0));
}

TEST(udp, what_is_told)
{
	int r = udp_on("0.0.0.0"), s = udp();
	struct sockaddr_in to = name_of(r);
	struct in_pktinfo *info;
	struct timeval *tv;
	struct msghdr m;

	to.sin_addr.s_addr = htonl(0x7f000005);
	set_int(r, IPPROTO_IP, IP_PKTINFO, 1);
	set_int(r, IPPROTO_IP, IP_RECVTTL, 1);
	set_int(r, IPPROTO_IP, IP_RECVTOS, 1);
	set_int(r, SOL_SOCKET, SO_TIMESTAMP, 1);
	set_int(s, IPPROTO_IP, IP_TTL, 33);
	set_int(s, IPPROTO_IP, IP_TOS, 0x10);
	EXPECT_EQ(1, send_to(s, "x", 1, to));
	EXPECT_EQ(1, receive(r, &m, 0));
	info = find_cmsg(&m, IPPROTO_IP, IP_PKTINFO);
	EXPECT_TRUE(info != NULL);
	EXPECT_EQ(1, info->ipi_ifindex);
	EXPECT_EQ(0x7f000005, ntohl(info->ipi_addr.s_addr));
	EXPECT_EQ(0x7f000005, ntohl(info->ipi_spec_dst.s_addr));
	EXPECT_EQ(33, *(int *)find_cmsg(&m, IPPROTO_IP, IP_TTL));
	EXPECT_EQ(0x10, *(uint8_t *)find_cmsg(&m, IPPROTO_IP, IP_TOS));
	tv = find_cmsg(&m, SOL_SOCKET, SO_TIMESTAMP);
	EXPECT_TRUE(tv != NULL &&
		    llabs((long long)tv->tv_sec - time(NULL)) < 60);
}

TEST(udp, control_room_that_is_short)
{
	int r = udp_on("127.0.0.1");
	struct iovec iov = { g_buf, 10 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = g_ctl,
			    .msg_controllen = 8 };

	set_int(r, IPPROTO_IP, IP_PKTINFO, 1);
	EXPECT_EQ(1, send_to(udp(), "x", 1, name_of(r)));
	EXPECT_EQ(1, recvmsg(r, &m, 0));
	EXPECT_TRUE(m.msg_flags & MSG_CTRUNC);
	EXPECT_EQ(0, m.msg_controllen);
}

TEST(udp, chosen_source_and_ttl)
{
	char ctl[CMSG_SPACE(sizeof(struct in_pktinfo)) +
		 CMSG_SPACE(sizeof(int))] = { 0 };
	int r = udp_on("127.0.0.1"), s = udp_on("0.0.0.0");
	struct sockaddr_in to = name_of(r);
	struct iovec iov = { g_buf, 1 };
	struct msghdr m = { .msg_name = &to,
			    .msg_namelen = sizeof(to),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(0x7f000009) };
	int ttl = 7;

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	c = CMSG_NXTHDR(&m, c);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_TTL;
	c->cmsg_len = CMSG_LEN(sizeof(ttl));
	memcpy(CMSG_DATA(c), &ttl, sizeof(ttl));
	EXPECT_EQ(1, sendmsg(s, &m, 0));
	set_int(r, IPPROTO_IP, IP_RECVTTL, 1);
	EXPECT_EQ(1, sendmsg(s, &m, 0));
	EXPECT_EQ(1, receive(r, &m, 0));
	EXPECT_EQ(0x7f000009,
		  ntohl(((struct sockaddr_in *)m.msg_name)->sin_addr.s_addr));
}

TEST(udp, more_joins_parts)
{
	int r = udp_on("127.0.0.1"), s = udp();

	EXPECT_OK(connect_to(s, name_of(r)));
	EXPECT_EQ(2, send(s, "ab", 2, MSG_MORE));
	EXPECT_ERRNO(EAGAIN, recv(r, g_buf, 10, MSG_DONTWAIT));
	EXPECT_EQ(2, send(s, "cd", 2, 0));
	EXPECT_EQ(4, recv(r, g_buf, 10, 0));
	EXPECT_EQ(0, memcmp(g_buf, "abcd", 4));
}

TEST(udp, segments)
{
	int r = udp_on("127.0.0.1"), s = udp();

	set_int(s, IPPROTO_UDP, UDP_SEGMENT, 100);
	EXPECT_EQ(250, send_to(s, g_buf, 250, name_of(r)));
	EXPECT_EQ(100, recv(r, g_buf, 1000, 0));
	EXPECT_EQ(100, recv(r, g_buf, 1000, 0));
	EXPECT_EQ(50, recv(r, g_buf, 1000, 0));
}

TEST(udp, a_full_queue_drops)
{
	int r = udp_on("127.0.0.1"), s = udp(), got = 0;

	set_int(r, SOL_SOCKET, SO_RCVBUF, 4096);
	for (int i = 0; i < 100; i++)
		EXPECT_EQ(1000, send_to(s, g_buf, 1000, name_of(r)));
	while (recv(r, g_buf, 1000, MSG_DONTWAIT) == 1000)
		got++;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_TRUE(got >= 2 && got < 20);
}

TEST(udp, shutdown_ends_readers)
{
	int s = udp_on("127.0.0.1");

	EXPECT_ERRNO(ENOTCONN, shutdown(s, SHUT_RD));
	EXPECT_EQ(0, recv(s, g_buf, 1, 0));
	EXPECT_OK(connect_to(s, name_of(s)));
	EXPECT_OK(shutdown(s, SHUT_WR));
	EXPECT_ERRNO(EPIPE, send(s, "x", 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP, poll_now(s));
}

TEST(udp, many_messages_in_one_call)
{
	int r = udp_on("127.0.0.1"), s = udp();
	struct iovec iov[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } };
	struct mmsghdr m[3] = { 0 };

	EXPECT_OK(connect_to(s, name_of(r)));
	for (int i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(3, sendmmsg(s, m, 3, 0));
	for (int i = 0; i < 3; i++)
		iov[i] = (struct iovec){ g_buf + 100 * i, 100 };
	EXPECT_EQ(3, recvmmsg(r, m, 3, MSG_WAITFORONE, NULL));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(i + 1, m[i].msg_len);
}

TEST(udp, broadcast_on_loopback)
{
	int a = udp_on("0.0.0.0"), b = udp(), s = udp();
	struct sockaddr_in n = name_of(a);

	set_int(a, SOL_SOCKET, SO_REUSEADDR, 1);
	set_int(b, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_OK(bind(b, (void *)&n, sizeof(n)));
	set_int(s, SOL_SOCKET, SO_BROADCAST, 1);
	n.sin_addr.s_addr = htonl(0x7fffffff);
	EXPECT_EQ(1, send_to(s, "x", 1, n));
	EXPECT_EQ(1, recv(a, g_buf, 10, 0));
	EXPECT_EQ(1, recv(b, g_buf, 10, 0));
}

TEST(udp, multicast_on_loopback)
{
	struct ip_mreqn r = { .imr_ifindex = 1 };
	int a = udp_on("0.0.0.0"), s = udp();
	struct sockaddr_in n = name_of(a);

	inet_pton(AF_INET, "239.1.2.3", &r.imr_multiaddr);
	EXPECT_OK(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &r, sizeof(r)));
	EXPECT_ERRNO(EADDRINUSE, setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP,
					    &r, sizeof(r)));
	EXPECT_OK(setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &r, sizeof(r)));
	n.sin_addr = r.imr_multiaddr;
	EXPECT_EQ(1, send_to(s, "x", 1, n));
	EXPECT_EQ(1, recv(a, g_buf, 10, 0));
	EXPECT_ERRNO(EAGAIN, recv(a, g_buf, 10, MSG_DONTWAIT));
	EXPECT_OK(setsockopt(a, IPPROTO_IP, IP_DROP_MEMBERSHIP, &r, sizeof(r)));
	EXPECT_ERRNO(
		EADDRNOTAVAIL,
		setsockopt(a, IPPROTO_IP, IP_DROP_MEMBERSHIP, &r, sizeof(r)));
	EXPECT_ERRNO(EINVAL,
		     setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &r, 4));
}

TEST(udp, six)
{
	int r = EXPECT_OK(socket(AF_INET6, SOCK_DGRAM, 0));
	int s = EXPECT_OK(socket(AF_INET6, SOCK_DGRAM, 0)), t = udp();
	struct sockaddr_in6 n = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(n);
	struct in6_pktinfo *info;
	struct sockaddr_in n4;
	struct msghdr m;
	char text[64];

	EXPECT_OK(bind(r, (void *)&n, sizeof(n)));
	EXPECT_OK(getsockname(r, (void *)&n, &len));
	set_int(r, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	set_int(r, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	n.sin6_addr = in6addr_loopback;
	EXPECT_EQ(1, sendto(s, "x", 1, 0, (void *)&n, sizeof(n)));
	EXPECT_EQ(1, receive(r, &m, 0));
	info = find_cmsg(&m, IPPROTO_IPV6, IPV6_PKTINFO);
	EXPECT_TRUE(info && IN6_IS_ADDR_LOOPBACK(&info->ipi6_addr));
	EXPECT_EQ(64, *(int *)find_cmsg(&m, IPPROTO_IPV6, IPV6_HOPLIMIT));
	n4 = addr4("127.0.0.1", ntohs(n.sin6_port));
	EXPECT_EQ(1, send_to(t, "y", 1, n4));
	EXPECT_EQ(1, receive(r, &m, 0));
	inet_ntop(AF_INET6, &((struct sockaddr_in6 *)m.msg_name)->sin6_addr,
		  text, sizeof(text));
	EXPECT_STR("::ffff:127.0.0.1", text);
}

TEST_MAIN
