/* SPDX-License-Identifier: Apache-2.0 */
/* netdevice(7), network_namespaces(7), /proc/net: the loopback interface. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/harness/guest_test.h"

static struct ifreq named(const char *name)
{
	struct ifreq r = { 0 };

	strcpy(r.ifr_name, name);
	return r;
}

static int sock(void)
{
	return EXPECT_OK(socket(AF_INET, SOCK_DGRAM, 0));
}

/* In a namespace of its own whose interface is down. */
static void new_net(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNET) < 0)
		SKIP("needs CAP_SYS_ADMIN");
}

static int connect4(const char *ip, int type)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9) };
	int s = EXPECT_OK(socket(AF_INET, type, 0));

	inet_pton(AF_INET, ip, &a.sin_addr);
	return connect(s, (void *)&a, sizeof(a));
}

TEST(netif, ioctls_about_lo)
{
	struct ifreq r = named("lo");
	int s = sock();

	EXPECT_OK(ioctl(s, SIOCGIFINDEX, &r));
	EXPECT_EQ(1, r.ifr_ifindex);
	memset(r.ifr_name, 0, sizeof(r.ifr_name));
	EXPECT_OK(ioctl(s, SIOCGIFNAME, &r));
	EXPECT_STR("lo", r.ifr_name);
	EXPECT_OK(ioctl(s, SIOCGIFFLAGS, &r));
	EXPECT_EQ(IFF_UP | IFF_LOOPBACK | IFF_RUNNING, r.ifr_flags);
	EXPECT_OK(ioctl(s, SIOCGIFADDR, &r));
	EXPECT_EQ(INADDR_LOOPBACK,
		  ntohl(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr));
	EXPECT_OK(ioctl(s, SIOCGIFNETMASK, &r));
	EXPECT_EQ(0xff000000,
		  ntohl(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr));
	EXPECT_OK(ioctl(s, SIOCGIFMTU, &r));
	EXPECT_EQ(65536, r.ifr_mtu);
	EXPECT_OK(ioctl(s, SIOCGIFHWADDR, &r));
	EXPECT_EQ(772, r.ifr_hwaddr.sa_family);
	/* Any socket will do. */
	s = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	EXPECT_OK(ioctl(s, SIOCGIFINDEX, &r));
	EXPECT_EQ(1, if_nametoindex("lo"));
}

TEST(netif, ioctl_errors)
{
	struct ifreq r = named("nosuch0");
	int s = sock();

	EXPECT_ERRNO(ENODEV, ioctl(s, SIOCGIFINDEX, &r));
	EXPECT_ERRNO(ENODEV, ioctl(s, SIOCGIFFLAGS, &r));
	EXPECT_ERRNO(EFAULT, ioctl(s, SIOCGIFFLAGS, (void *)8));
	r.ifr_ifindex = 9999;
	EXPECT_ERRNO(ENODEV, ioctl(s, SIOCGIFNAME, &r));
	EXPECT_ERRNO(ENOTTY, ioctl(s, 0x12345678, &r));
}

TEST(netif, list_of_addresses)
{
	struct ifreq r[16];
	struct ifconf c = { .ifc_len = 0 };
	int s = sock(), found = 0;

	EXPECT_OK(ioctl(s, SIOCGIFCONF, &c));
	EXPECT_TRUE(c.ifc_len >= (int)sizeof(r[0]));
	c.ifc_len = sizeof(r);
	c.ifc_req = r;
	EXPECT_OK(ioctl(s, SIOCGIFCONF, &c));
	for (int i = 0; i < c.ifc_len / (int)sizeof(r[0]); i++)
		found += strcmp(r[i].ifr_name, "lo") == 0;
	EXPECT_TRUE(found >= 1);
	c.ifc_len = 10;
	EXPECT_OK(ioctl(s, SIOCGIFCONF, &c));
	EXPECT_EQ(0, c.ifc_len);
}

TEST(netif, flags_need_a_capability)
{
	struct ifreq r = named("lo");

	if (geteuid() == 0)
		EXPECT_OK(setuid(65534));
	EXPECT_ERRNO(EPERM, ioctl(sock(), SIOCSIFFLAGS, &r));
}

TEST(netif, a_new_namespace_is_down)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct ifreq r = named("lo");
	int s6;

	new_net();
	s6 = EXPECT_OK(socket(AF_INET6, SOCK_STREAM, 0));
	EXPECT_OK(ioctl(sock(), SIOCGIFFLAGS, &r));
	EXPECT_EQ(IFF_LOOPBACK, r.ifr_flags);
	EXPECT_ERRNO(EADDRNOTAVAIL, ioctl(sock(), SIOCGIFADDR, &r));
	EXPECT_ERRNO(ENETUNREACH, connect4("127.0.0.1", SOCK_STREAM));
	EXPECT_ERRNO(ENETUNREACH, connect4("127.0.0.1", SOCK_DGRAM));
	EXPECT_ERRNO(ENETUNREACH, connect4("10.9.9.9", SOCK_STREAM));
	EXPECT_ERRNO(EADDRNOTAVAIL, bind(s6, (void *)&a, sizeof(a)));
	a.sin6_port = htons(9);
	EXPECT_ERRNO(EADDRNOTAVAIL, connect(s6, (void *)&a, sizeof(a)));
}

TEST(netif, up_and_down)
{
	struct ifreq r = named("lo");
	int s;

	new_net();
	s = sock();
	EXPECT_OK(ioctl(s, SIOCGIFFLAGS, &r));
	r.ifr_flags |= IFF_UP;
	EXPECT_OK(ioctl(s, SIOCSIFFLAGS, &r));
	EXPECT_ERRNO(ECONNREFUSED, connect4("127.0.0.1", SOCK_STREAM));
	EXPECT_ERRNO(ENETUNREACH, connect4("10.9.9.9", SOCK_STREAM));
	EXPECT_OK(ioctl(s, SIOCGIFADDR, &r));
	EXPECT_OK(ioctl(s, SIOCGIFFLAGS, &r));
	r.ifr_flags &= (short)~IFF_UP;
	EXPECT_OK(ioctl(s, SIOCSIFFLAGS, &r));
	EXPECT_OK(ioctl(s, SIOCGIFADDR, &r)); /* it keeps that */
}

TEST(netif, namespaces_have_ports_of_their_own)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int out, in;
	socklen_t len = sizeof(a);

	if (geteuid() != 0)
		SKIP("needs root");
	out = sock();
	EXPECT_OK(bind(out, (void *)&a, sizeof(a)));
	EXPECT_OK(getsockname(out, (void *)&a, &len));
	new_net();
	in = sock();
	EXPECT_OK(bind(in, (void *)&a, sizeof(a)));
}

/* --- /proc/net ------------------------------------------------------------ */

static const char *slurp(const char *path)
{
	static char text[65536];
	int fd = EXPECT_OK(open(path, O_RDONLY));
	size_t at = 0;
	ssize_t n;

	while ((n = read(fd, text + at, sizeof(text) - 1 - at)) > 0)
		at += (size_t)n;
	text[at] = '\0';
	EXPECT_OK(close(fd));
	return text;
}

TEST(netif, proc_net_tcp)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(0x7f000003) };
	int s = EXPECT_OK(socket(AF_INET, SOCK_STREAM, 0));
	socklen_t len = sizeof(a);
	const char *line;
	char want[64];

	EXPECT_OK(bind(s, (void *)&a, sizeof(a)));
	EXPECT_OK(listen(s, 5));
	EXPECT_OK(getsockname(s, (void *)&a, &len));
	snprintf(want, sizeof(want), " 0300007F:%04X 00000000:0000 0A",
		 ntohs(a.sin_port));
	line = strstr(slurp("/proc/net/tcp"), want);
	EXPECT_TRUE(line != NULL);
	EXPECT_OK(close(s));
	EXPECT_TRUE(strstr(slurp("/proc/net/tcp"), want) == NULL);
}

TEST(netif, proc_net_udp)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int s = EXPECT_OK(socket(AF_INET6, SOCK_DGRAM, 0));
	socklen_t len = sizeof(a);
	char want[100];

	EXPECT_OK(bind(s, (void *)&a, sizeof(a)));
	EXPECT_OK(getsockname(s, (void *)&a, &len));
	snprintf(want, sizeof(want), ": 00000000000000000000000001000000:%04X ",
		 ntohs(a.sin6_port));
	EXPECT_TRUE(strstr(slurp("/proc/net/udp6"), want) != NULL);
}

static int put(const char *path, const char *text)
{
	int fd = EXPECT_OK(open(path, O_WRONLY));
	ssize_t n = write(fd, text, strlen(text));

	close(fd);
	return n < 0 ? -1 : 0;
}

static int bind_port(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };

	return bind(sock(), (void *)&a, sizeof(a));
}

TEST(netif, settings_have_an_effect)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int s;

	new_net();
	if (access("/proc/sys/net/ipv4/ip_local_port_range", W_OK) < 0)
		SKIP("/proc/sys is read-only");
	EXPECT_STR("32768\t60999\n",
		   slurp("/proc/sys/net/ipv4/ip_local_port_range"));
	EXPECT_OK(put("/proc/sys/net/ipv4/ip_local_port_range", "5000 5000"));
	s = sock();
	EXPECT_OK(bind(s, (void *)&a, sizeof(a)));
	EXPECT_OK(getsockname(s, (void *)&a, &len));
	EXPECT_EQ(5000, ntohs(a.sin_port));
	EXPECT_ERRNO(EADDRINUSE, bind_port(0));
	EXPECT_ERRNO(EINVAL, put("/proc/sys/net/ipv4/ip_local_port_range",
				 "6000 5000"));
	EXPECT_OK(put("/proc/sys/net/ipv4/ip_unprivileged_port_start", "80"));
	EXPECT_OK(setuid(65534));
	EXPECT_OK(bind_port(81));
	EXPECT_ERRNO(EACCES, bind_port(79));
}

TEST(netif, proc_net_tables)
{
	EXPECT_TRUE(strstr(slurp("/proc/net/dev"), "    lo:") != NULL);
	EXPECT_TRUE(strstr(slurp("/proc/net/if_inet6"),
			   "00000000000000000000000000000001 01 80 10 80 "
			   "      lo\n") != NULL);
	EXPECT_TRUE(strstr(slurp("/proc/net/snmp"), "\nTcp: 1 200 ") != NULL);
	EXPECT_TRUE(strstr(slurp("/proc/net/sockstat"), "\nTCP: inuse ") !=
		    NULL);
}

TEST_MAIN
