/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netdev_ioctl: netdevice(7): the ioctls about interfaces that any socket
 * takes.
 *
 * Locks: those of net_ns.h, one call at a time.
 * Linux: net/core/dev_ioctl.c, net/ipv4/devinet.c of 6.18.
 * Tests: tests/conformance/netif.c
 */
#include <errno.h>
#include <string.h>

#include "abi/inet.h"
#include "abi/netlink.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/net_ns.h"
#include "sentry/net/socket.h"

static void put_in(struct linux_ifreq *r, const uint8_t addr[4])
{
	struct linux_sockaddr_in in = { .family = LINUX_AF_INET };

	memcpy(in.addr, addr, sizeof(in.addr));
	memcpy(r->addr, &in, sizeof(in));
}

/* The first IPv4 address; false: none. */
static bool first_addr(struct net_ns *n, struct net_ifaddr *out)
{
	AUTO_FREE struct net_ifaddr *all = kcalloc(NET_ADDRS_MAX, sizeof(*all));
	uint32_t nr = all ? net_addr_list(n, all) : 0;

	for (uint32_t i = 0; i < nr; i++)
		if (net_addr_is4(&all[i].addr)) {
			*out = all[i];
			return true;
		}
	return false;
}

/* SIOCGIFCONF: each IPv4 address; a buffer of 0: how much there would be. */
static long get_conf(struct net_ns *n, uint64_t arg)
{
	AUTO_FREE struct net_ifaddr *all = kcalloc(NET_ADDRS_MAX, sizeof(*all));
	struct linux_ifconf c;
	struct linux_ifreq r;
	uint32_t nr;
	int32_t used = 0;

	if (!all)
		return -ENOMEM;
	if (copy_in(&c, uaddr(arg), sizeof(c)) < 0)
		return -EFAULT;
	nr = net_addr_list(n, all);
	for (uint32_t i = 0; i < nr; i++) {
		if (!net_addr_is4(&all[i].addr))
			continue;
		memset(&r, 0, sizeof(r));
		memcpy(r.name, all[i].label, sizeof(r.name));
		put_in(&r, all[i].addr.b + 12);
		if (c.buf && c.len - used < (int32_t)sizeof(r))
			break;
		if (c.buf &&
		    copy_out(uaddr(c.buf + (uint32_t)used), &r, sizeof(r)) < 0)
			return -EFAULT;
		used += (int32_t)sizeof(r);
	}
	c.len = used;
	return copy_out(uaddr(arg), &c, sizeof(c));
}

static int get_addr(struct net_ns *n, uint32_t cmd, struct linux_ifreq *r)
{
	struct net_ifaddr a;
	uint8_t mask[4] = { 0 };

	if (!first_addr(n, &a))
		return -EADDRNOTAVAIL;
	for (uint32_t bit = 0; bit < a.prefix && bit < 32; bit++)
		mask[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
	if (cmd == LINUX_SIOCGIFNETMASK)
		put_in(r, mask);
	else if (cmd == LINUX_SIOCGIFBRDADDR)
		put_in(r, a.has_brd ? a.brd.b + 12 : net_any4.b + 12);
	else
		put_in(r, a.addr.b + 12);
	return 0;
}

static int set_one(struct net_ns *n, uint32_t cmd, const struct linux_ifreq *r)
{
	if (!ns_capable(n->ns.owner, CAP_NR_NET_ADMIN))
		return -EPERM;
	switch (cmd) {
	case LINUX_SIOCSIFFLAGS:
		net_set_up(n, (uint16_t)r->flags & LINUX_IFF_UP);
		return 0;
	case LINUX_SIOCSIFMTU:
		return r->i == NET_LO_MTU ? 0 : -EOPNOTSUPP;
	default:
		return -EOPNOTSUPP;
	}
}

static int get_one(struct net_ns *n, uint32_t cmd, struct linux_ifreq *r)
{
	bool up = net_is_up(n);
	uint16_t family = LINUX_ARPHRD_LOOPBACK;

	switch (cmd) {
	case LINUX_SIOCGIFFLAGS:
		r->flags = LINUX_IFF_LOOPBACK |
			   (up ? LINUX_IFF_UP | LINUX_IFF_RUNNING : 0);
		return 0;
	case LINUX_SIOCGIFADDR:
	case LINUX_SIOCGIFDSTADDR:
	case LINUX_SIOCGIFBRDADDR:
	case LINUX_SIOCGIFNETMASK:
		return get_addr(n, cmd, r);
	case LINUX_SIOCGIFMETRIC:
		r->i = 0;
		return 0;
	case LINUX_SIOCGIFMTU:
		r->i = NET_LO_MTU;
		return 0;
	case LINUX_SIOCGIFINDEX:
		r->i = NET_LO_INDEX;
		return 0;
	case LINUX_SIOCGIFTXQLEN:
		r->i = 1000;
		return 0;
	case LINUX_SIOCGIFHWADDR:
		memset(r->addr, 0, sizeof(r->addr));
		memcpy(r->addr, &family, sizeof(family));
		return 0;
	case LINUX_SIOCGIFMAP:
		memset(r->map, 0, sizeof(r->map));
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static bool is_set(uint32_t cmd)
{
	return cmd == LINUX_SIOCSIFFLAGS || cmd == LINUX_SIOCSIFMTU ||
	       cmd == LINUX_SIOCSIFADDR || cmd == LINUX_SIOCSIFNETMASK;
}

static bool is_known(uint32_t cmd)
{
	switch (cmd) {
	case LINUX_SIOCGIFFLAGS:
	case LINUX_SIOCGIFADDR:
	case LINUX_SIOCGIFDSTADDR:
	case LINUX_SIOCGIFBRDADDR:
	case LINUX_SIOCGIFNETMASK:
	case LINUX_SIOCGIFMETRIC:
	case LINUX_SIOCGIFMTU:
	case LINUX_SIOCGIFINDEX:
	case LINUX_SIOCGIFTXQLEN:
	case LINUX_SIOCGIFHWADDR:
	case LINUX_SIOCGIFMAP:
	case LINUX_SIOCETHTOOL:
		return true;
	default:
		return is_set(cmd);
	}
}

/* SIOCGIFNAME has the index where the others have what they give. */
static long get_name(struct linux_ifreq *r, uint64_t arg)
{
	if (r->i != NET_LO_INDEX)
		return -ENODEV;
	memset(r->name, 0, sizeof(r->name));
	memcpy(r->name, "lo", 3);
	return copy_out(uaddr(arg), r, sizeof(*r));
}

long netdev_ioctl(uint32_t cmd, uint64_t arg)
{
	struct net_ns *n = current_net();
	struct linux_ifreq r;
	int ret;

	if (cmd == LINUX_SIOCGIFCONF)
		return get_conf(n, arg);
	if (cmd != LINUX_SIOCGIFNAME && !is_known(cmd))
		return -ENOTTY;
	if (copy_in(&r, uaddr(arg), sizeof(r)) < 0)
		return -EFAULT;
	if (cmd == LINUX_SIOCGIFNAME)
		return get_name(&r, arg);
	r.name[LINUX_IFNAMSIZ - 1] = '\0';
	if (is_set(cmd) && !ns_capable(n->ns.owner, CAP_NR_NET_ADMIN))
		return -EPERM;
	if (strcmp(r.name, "lo") != 0)
		return -ENODEV;
	if (is_set(cmd))
		return set_one(n, cmd, &r);
	ret = get_one(n, cmd, &r);
	return ret < 0 ? ret : copy_out(uaddr(arg), &r, sizeof(r));
}
