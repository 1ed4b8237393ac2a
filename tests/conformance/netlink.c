/* SPDX-License-Identifier: Apache-2.0 */
/* netlink(7), rtnetlink(7), sock_diag(7). */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "tests/harness/guest_test.h"

static char g_buf[32768];

static int route(void)
{
	return EXPECT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
}

/* A request with a body of @size bytes and maybe one attribute. */
static void ask(int s, int type, int flags, const void *body, size_t size,
		int attr, const void *data, size_t data_size)
{
	struct {
		struct nlmsghdr h;
		char rest[256];
	} m = { .h = { .nlmsg_type = (uint16_t)type,
		       .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		       .nlmsg_seq = 42 } };
	struct rtattr *a;

	memcpy(m.rest, body, size);
	m.h.nlmsg_len = (uint32_t)(NLMSG_LENGTH(0) + NLMSG_ALIGN(size));
	if (attr) {
		a = (void *)((char *)&m + m.h.nlmsg_len);
		a->rta_type = (uint16_t)attr;
		a->rta_len = (uint16_t)RTA_LENGTH(data_size);
		memcpy(RTA_DATA(a), data, data_size);
		m.h.nlmsg_len += (uint32_t)RTA_SPACE(data_size);
	}
	EXPECT_EQ(m.h.nlmsg_len, send(s, &m, m.h.nlmsg_len, 0));
}

/* The error of the answer: 0 or a negative errno. */
static int answer(int s)
{
	struct nlmsghdr *h = (void *)g_buf;
	ssize_t n = EXPECT_OK(recv(s, g_buf, sizeof(g_buf), 0));

	EXPECT_TRUE(NLMSG_OK(h, (size_t)n));
	EXPECT_EQ(NLMSG_ERROR, h->nlmsg_type);
	EXPECT_EQ(42, h->nlmsg_seq);
	return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
}

/* Counts messages of @type up to the end of a dump. */
static int count(int s, int type)
{
	int nr = 0;

	for (;;) {
		struct nlmsghdr *h = (void *)g_buf;
		size_t n = (size_t)EXPECT_OK(recv(s, g_buf, sizeof(g_buf), 0));

		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			EXPECT_TRUE(h->nlmsg_flags & NLM_F_MULTI);
			if (h->nlmsg_type == NLMSG_DONE)
				return nr;
			EXPECT_EQ(type, h->nlmsg_type);
			nr++;
		}
	}
}

static void new_net(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNET) < 0)
		SKIP("needs CAP_SYS_ADMIN");
}

TEST(netlink, kinds)
{
	EXPECT_OK(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE));
	EXPECT_ERRNO(ESOCKTNOSUPPORT,
		     socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_NETLINK, SOCK_RAW, 31));
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_NETLINK, SOCK_RAW, 99));
}

TEST(netlink, names)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	int s = route(), t = route();
	socklen_t len = sizeof(a);

	EXPECT_OK(getsockname(s, (void *)&a, &len));
	EXPECT_EQ(sizeof(a), len);
	EXPECT_EQ(0, a.nl_pid);
	a.nl_groups = 0;
	EXPECT_OK(bind(s, (void *)&a, sizeof(a)));
	EXPECT_OK(getsockname(s, (void *)&a, &len));
	EXPECT_EQ(getpid(), a.nl_pid);
	EXPECT_ERRNO(EADDRINUSE, bind(t, (void *)&a, sizeof(a)));
	a.nl_pid = 0;
	EXPECT_OK(bind(t, (void *)&a, sizeof(a)));
	EXPECT_OK(getsockname(t, (void *)&a, &len));
	EXPECT_TRUE((int)a.nl_pid != getpid() && a.nl_pid != 0);
	EXPECT_ERRNO(EINVAL, bind(t, (void *)&a, 4));
	a.nl_family = AF_INET;
	EXPECT_ERRNO(EINVAL, bind(t, (void *)&a, sizeof(a)));
}

TEST(netlink, the_link)
{
	struct ifinfomsg m = { .ifi_index = 1 }, *got;
	struct nlmsghdr *h = (void *)g_buf;
	int s = route();
	ssize_t n;

	ask(s, RTM_GETLINK, 0, &m, sizeof(m), 0, NULL, 0);
	n = EXPECT_OK(recv(s, g_buf, sizeof(g_buf), 0));
	EXPECT_TRUE(NLMSG_OK(h, (size_t)n));
	EXPECT_EQ(RTM_NEWLINK, h->nlmsg_type);
	EXPECT_EQ(42, h->nlmsg_seq);
	got = NLMSG_DATA(h);
	EXPECT_EQ(1, got->ifi_index);
	EXPECT_EQ(772, got->ifi_type);
	EXPECT_EQ(IFF_UP | IFF_LOOPBACK | IFF_RUNNING | 0x10000,
		  got->ifi_flags);
	m.ifi_index = 9999;
	ask(s, RTM_GETLINK, 0, &m, sizeof(m), 0, NULL, 0);
	EXPECT_EQ(-ENODEV, answer(s));
	m.ifi_index = 0;
	ask(s, RTM_GETLINK, 0, &m, sizeof(m), IFLA_IFNAME, "lo", 3);
	EXPECT_OK(recv(s, g_buf, sizeof(g_buf), 0));
	EXPECT_EQ(RTM_NEWLINK, h->nlmsg_type);
	EXPECT_EQ(1, ((struct ifinfomsg *)NLMSG_DATA(h))->ifi_index);
}

TEST(netlink, dumps)
{
	struct ifinfomsg m = { 0 };
	int s = route();

	ask(s, RTM_GETLINK, NLM_F_DUMP, &m, sizeof(m), 0, NULL, 0);
	EXPECT_TRUE(count(s, RTM_NEWLINK) >= 1);
	ask(s, RTM_GETADDR, NLM_F_DUMP, &m, sizeof(m), 0, NULL, 0);
	EXPECT_TRUE(count(s, RTM_NEWADDR) >= 2);
	ask(s, RTM_GETROUTE, NLM_F_DUMP, &m, sizeof(m), 0, NULL, 0);
	EXPECT_TRUE(count(s, RTM_NEWROUTE) >= 3);
}

TEST(netlink, truncated_reads)
{
	struct ifinfomsg m = { .ifi_index = 1 };
	struct iovec iov = { g_buf, 20 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	int s = route();
	ssize_t n;

	ask(s, RTM_GETLINK, 0, &m, sizeof(m), 0, NULL, 0);
	n = EXPECT_OK(recv(s, g_buf, 0, MSG_PEEK | MSG_TRUNC));
	EXPECT_TRUE(n > 100);
	EXPECT_EQ(20, recvmsg(s, &h, 0));
	EXPECT_TRUE(h.msg_flags & MSG_TRUNC);
	EXPECT_ERRNO(EAGAIN, recv(s, g_buf, 1, MSG_DONTWAIT));
}

TEST(netlink, errors_and_acks)
{
	struct ifinfomsg m = { .ifi_index = 1, .ifi_change = IFF_UP };
	struct pollfd p = { .events = POLLIN };
	int s = route();

	p.fd = s;
	ask(s, 500, 0, &m, sizeof(m), 0, NULL, 0);
	EXPECT_EQ(-EOPNOTSUPP, answer(s));
	ask(s, NLMSG_NOOP, NLM_F_ACK, &m, sizeof(m), 0, NULL, 0);
	EXPECT_EQ(0, answer(s));
	ask(s, NLMSG_NOOP, 0, &m, sizeof(m), 0, NULL, 0);
	EXPECT_EQ(0, poll(&p, 1, 0));
	if (geteuid() == 0)
		EXPECT_OK(setuid(65534));
	s = route();
	ask(s, RTM_NEWLINK, NLM_F_ACK, &m, sizeof(m), 0, NULL, 0);
	EXPECT_EQ(-EPERM, answer(s));
}

TEST(netlink, broken_requests_are_ignored)
{
	struct nlmsghdr h = { .nlmsg_len = 1000,
			      .nlmsg_type = RTM_GETLINK,
			      .nlmsg_flags = NLM_F_REQUEST };
	int s = route();

	EXPECT_EQ(sizeof(h), send(s, &h, sizeof(h), 0));
	EXPECT_EQ(4, send(s, &h, 4, 0));
	h.nlmsg_len = 3;
	EXPECT_EQ(sizeof(h), send(s, &h, sizeof(h), 0));
	EXPECT_ERRNO(EAGAIN, recv(s, g_buf, 100, MSG_DONTWAIT));
	EXPECT_ERRNO(EOPNOTSUPP, send(s, &h, sizeof(h), MSG_OOB));
}

TEST(netlink, lo_up_by_message)
{
	struct ifinfomsg m = { .ifi_index = 1,
			       .ifi_flags = IFF_UP,
			       .ifi_change = IFF_UP };
	struct ifaddrmsg a = { .ifa_family = AF_INET,
			       .ifa_prefixlen = 24,
			       .ifa_index = 1 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct ifaddrs *list;
	int s, u, nr = 0;

	new_net();
	s = route();
	ask(s, RTM_NEWLINK, NLM_F_ACK, &m, sizeof(m), 0, NULL, 0);
	EXPECT_EQ(0, answer(s));
	EXPECT_OK(getifaddrs(&list));
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		EXPECT_STR("lo", i->ifa_name);
		nr++;
	}
	EXPECT_EQ(3, nr); /* the link, and an address of each family */
	inet_pton(AF_INET, "10.1.2.3", &in.sin_addr);
	u = EXPECT_OK(socket(AF_INET, SOCK_DGRAM, 0));
	EXPECT_ERRNO(EADDRNOTAVAIL, bind(u, (void *)&in, sizeof(in)));
	ask(s, RTM_NEWADDR, NLM_F_ACK, &a, sizeof(a), IFA_LOCAL, &in.sin_addr,
	    4);
	EXPECT_EQ(0, answer(s));
	EXPECT_OK(bind(u, (void *)&in, sizeof(in)));
	ask(s, RTM_NEWADDR, NLM_F_ACK | NLM_F_EXCL, &a, sizeof(a), IFA_LOCAL,
	    &in.sin_addr, 4);
	EXPECT_EQ(-EEXIST, answer(s));
	ask(s, RTM_DELADDR, NLM_F_ACK, &a, sizeof(a), IFA_LOCAL, &in.sin_addr,
	    4);
	EXPECT_EQ(0, answer(s));
	ask(s, RTM_DELADDR, NLM_F_ACK, &a, sizeof(a), IFA_LOCAL, &in.sin_addr,
	    4);
	EXPECT_EQ(-EADDRNOTAVAIL, answer(s));
}

TEST(netlink, where_a_route_leads)
{
	struct rtmsg m = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
	struct nlmsghdr *h = (void *)g_buf;
	uint32_t to = htonl(INADDR_LOOPBACK);
	int s = route();

	ask(s, RTM_GETROUTE, 0, &m, sizeof(m), RTA_DST, &to, 4);
	EXPECT_OK(recv(s, g_buf, sizeof(g_buf), 0));
	EXPECT_EQ(RTM_NEWROUTE, h->nlmsg_type);
	EXPECT_EQ(RTN_LOCAL, ((struct rtmsg *)NLMSG_DATA(h))->rtm_type);
}

TEST(netlink, sock_diag_lists_listeners)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(0x7f000007) };
	struct inet_diag_req_v2 r = { .sdiag_family = AF_INET,
				      .sdiag_protocol = IPPROTO_TCP,
				      .idiag_states = 1u << 10 };
	int s = EXPECT_OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
	int l = EXPECT_OK(socket(AF_INET, SOCK_STREAM, 0)), found = 0;
	struct nlmsghdr *h = (void *)g_buf;
	socklen_t len = sizeof(a);
	size_t n;

	EXPECT_OK(bind(l, (void *)&a, sizeof(a)));
	EXPECT_OK(listen(l, 1));
	EXPECT_OK(getsockname(l, (void *)&a, &len));
	ask(s, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &r, sizeof(r), 0, NULL, 0);
	n = (size_t)EXPECT_OK(recv(s, g_buf, sizeof(g_buf), 0));
	for (; NLMSG_OK(h, n) && h->nlmsg_type != NLMSG_DONE;
	     h = NLMSG_NEXT(h, n)) {
		struct inet_diag_msg *m = NLMSG_DATA(h);

		found += m->id.idiag_sport == a.sin_port &&
			 m->id.idiag_src[0] == a.sin_addr.s_addr &&
			 m->idiag_state == 10;
	}
	EXPECT_EQ(1, found);
}

TEST_MAIN
