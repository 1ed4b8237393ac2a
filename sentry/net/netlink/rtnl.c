/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnl: requests of rtnetlink(7), and the loopback interface as a link.
 *
 * Locks: those of net_ns.h, one call at a time.
 * Linux: net/core/rtnetlink.c of 6.18.  There is one link, which can be brought
 *        up and down; nobody is told of changes.
 * Tests: tests/conformance/netlink.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/user_ns.h"
#include "sentry/net/netlink/netlink.h"

/* struct rtnl_link_stats64 */
#define NR_STATS 25

static void put_stats(struct nl_reply *r)
{
	struct net_ns *n = r->s->net;
	uint64_t wide[NR_STATS] = { n->stat[NET_LO_PACKETS],
				    n->stat[NET_LO_PACKETS],
				    n->stat[NET_LO_BYTES],
				    n->stat[NET_LO_BYTES] };
	uint32_t narrow[NR_STATS - 1];

	for (int i = 0; i < NR_STATS - 1; i++)
		narrow[i] = (uint32_t)wide[i];
	nl_attr(r, LINUX_IFLA_STATS64, wide, sizeof(wide));
	nl_attr(r, LINUX_IFLA_STATS, narrow, sizeof(narrow));
}

static void put_link(struct nl_reply *r)
{
	static const uint8_t none[6], map[32];
	bool up = net_is_up(r->s->net);
	struct linux_ifinfomsg m = {
		.type = LINUX_ARPHRD_LOOPBACK,
		.index = NET_LO_INDEX,
		.flags = LINUX_IFF_LOOPBACK |
			 (up ? LINUX_IFF_UP | LINUX_IFF_RUNNING |
					  LINUX_IFF_LOWER_UP
			     : 0u),
	};
	const uint8_t operstate = up ? 0 : 2, zero = 0, one = 1;

	nl_begin(r, LINUX_RTM_NEWLINK, &m, sizeof(m));
	nl_attr_str(r, LINUX_IFLA_IFNAME, "lo");
	nl_attr_u32(r, LINUX_IFLA_TXQLEN, 1000);
	nl_attr(r, LINUX_IFLA_OPERSTATE, &operstate, 1);
	nl_attr(r, LINUX_IFLA_LINKMODE, &zero, 1);
	nl_attr_u32(r, LINUX_IFLA_MTU, NET_LO_MTU);
	nl_attr_u32(r, LINUX_IFLA_GROUP, 0);
	nl_attr_u32(r, LINUX_IFLA_PROMISCUITY, 0);
	nl_attr_u32(r, LINUX_IFLA_NUM_TX_QUEUES, 1);
	nl_attr_u32(r, LINUX_IFLA_NUM_RX_QUEUES, 1);
	nl_attr(r, LINUX_IFLA_CARRIER, &one, 1);
	nl_attr_str(r, LINUX_IFLA_QDISC, up ? "noqueue" : "noop");
	nl_attr(r, LINUX_IFLA_MAP, map, sizeof(map));
	nl_attr(r, LINUX_IFLA_ADDRESS, none, sizeof(none));
	nl_attr(r, LINUX_IFLA_BROADCAST, none, sizeof(none));
	put_stats(r);
	nl_end(r);
}

/* Which link a request is about: 0, -ENODEV, -EINVAL. */
static int find_link(const struct linux_ifinfomsg *m, const uint8_t *attrs,
		     size_t size)
{
	size_t len = 0;
	const char *name;

	if (m->index)
		return m->index == NET_LO_INDEX ? 0 : -ENODEV;
	name = nl_find(attrs, size, LINUX_IFLA_IFNAME, &len);
	if (!name)
		name = nl_find(attrs, size, LINUX_IFLA_ALT_IFNAME, &len);
	if (!name)
		return -EINVAL;
	return strnlen(name, len) == 2 && memcmp(name, "lo", 2) == 0 ? 0
								     : -ENODEV;
}

static int link_head(const uint8_t *body, size_t size,
		     struct linux_ifinfomsg *m)
{
	if (size < sizeof(*m))
		return -EINVAL;
	memcpy(m, body, sizeof(*m));
	return 0;
}

static int get_link(struct nl_reply *r, const uint8_t *body, size_t size)
{
	struct linux_ifinfomsg m;
	int ret = 0;

	/* A dump may come with a shorter head. */
	if (!r->dump) {
		ret = link_head(body, size, &m);
		if (ret == 0)
			ret = find_link(&m, body + sizeof(m), size - sizeof(m));
	}
	if (ret == 0)
		put_link(r);
	return ret;
}

static int change_link(struct nl_reply *r, const uint8_t *body, size_t size)
{
	struct linux_ifinfomsg m;
	uint32_t change;
	size_t len;
	int ret = link_head(body, size, &m);

	if (ret == 0)
		ret = find_link(&m, body + sizeof(m), size - sizeof(m));
	if (ret == -ENODEV && (r->req.flags & LINUX_NLM_F_CREATE))
		return -EOPNOTSUPP; /* no kinds of links to make */
	if (ret < 0)
		return ret;
	if (nl_find(body + sizeof(m), size - sizeof(m), LINUX_IFLA_LINKINFO,
		    &len))
		return -EOPNOTSUPP;
	if (r->req.flags & LINUX_NLM_F_EXCL)
		return -EEXIST;
	change = m.change ? m.change : ~0u;
	if ((m.flags || m.change) && (change & LINUX_IFF_UP))
		net_set_up(r->s->net, m.flags & LINUX_IFF_UP);
	return 0;
}

static bool is_get(uint16_t type)
{
	return (type & 3) == 2;
}

int rtnl_request(struct nl_reply *r, const uint8_t *body, size_t size)
{
	uint16_t type = r->req.type;

	if (type > LINUX_RTM_MAX)
		return -EOPNOTSUPP;
	if (size < 1)
		return 0;
	if (!is_get(type) && !ns_capable(r->s->net->ns.owner, CAP_NR_NET_ADMIN))
		return -EPERM;
	if (!is_get(type))
		r->dump = false;
	switch (type) {
	case LINUX_RTM_GETLINK:
		return get_link(r, body, size);
	case LINUX_RTM_NEWLINK:
	case LINUX_RTM_SETLINK:
		return change_link(r, body, size);
	case LINUX_RTM_GETADDR:
		return rtnl_get_addr(r, body, size);
	case LINUX_RTM_NEWADDR:
	case LINUX_RTM_DELADDR:
		return rtnl_change_addr(r, body, size,
					type == LINUX_RTM_NEWADDR);
	case LINUX_RTM_GETROUTE:
		return rtnl_get_route(r, body, size);
	case LINUX_RTM_GETNEIGH:
	case LINUX_RTM_GETQDISC:
		return r->dump ? 0 : -EOPNOTSUPP; /* there are none */
	default:
		return -EOPNOTSUPP;
	}
}
