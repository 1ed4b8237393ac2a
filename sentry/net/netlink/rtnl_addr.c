/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnl_addr: addresses and routes of rtnetlink(7).
 *
 * Routes are not kept: they follow from the addresses.
 *
 * Locks: those of net_ns.h, one call at a time.
 * Linux: net/ipv4/devinet.c, fib_frontend.c, net/ipv6/addrconf.c of 6.18.
 * Tests: tests/conformance/netlink.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/net/netlink/netlink.h"

static size_t addr_size(bool v4)
{
	return v4 ? 4 : 16;
}

static const uint8_t *addr_bytes(const struct net_addr *a)
{
	return net_addr_is4(a) ? a->b + 12 : a->b;
}

static void put_addr(struct nl_reply *r, const struct net_ifaddr *a)
{
	bool v4 = net_addr_is4(&a->addr);
	struct linux_ifaddrmsg m = {
		.family = v4 ? LINUX_AF_INET : LINUX_AF_INET6,
		.prefixlen = a->prefix,
		.flags = LINUX_IFA_F_PERMANENT,
		.scope = a->scope,
		.index = NET_LO_INDEX,
	};
	struct linux_ifa_cacheinfo info = { UINT32_MAX, UINT32_MAX, 0, 0 };

	nl_begin(r, LINUX_RTM_NEWADDR, &m, sizeof(m));
	nl_attr(r, LINUX_IFA_ADDRESS, addr_bytes(&a->addr), addr_size(v4));
	if (v4) {
		nl_attr(r, LINUX_IFA_LOCAL, addr_bytes(&a->addr), 4);
		if (a->has_brd)
			nl_attr(r, LINUX_IFA_BROADCAST, addr_bytes(&a->brd), 4);
		nl_attr_str(r, LINUX_IFA_LABEL, a->label);
	}
	nl_attr_u32(r, LINUX_IFA_FLAGS, LINUX_IFA_F_PERMANENT);
	nl_attr(r, LINUX_IFA_CACHEINFO, &info, sizeof(info));
	nl_end(r);
}

/* Those of IPv4 first, as Linux asks its families. */
int rtnl_get_addr(struct nl_reply *r, const uint8_t *body, size_t size)
{
	AUTO_FREE struct net_ifaddr *all = NULL;
	uint8_t family = size ? body[0] : 0;
	uint32_t nr;

	if (!r->dump)
		return -EOPNOTSUPP;
	all = kcalloc(NET_ADDRS_MAX, sizeof(*all));
	if (!all)
		return -ENOMEM;
	nr = net_addr_list(r->s->net, all);
	for (int v4 = 1; v4 >= 0; v4--)
		for (uint32_t i = 0; i < nr; i++)
			if (net_addr_is4(&all[i].addr) == (v4 == 1) &&
			    (!family ||
			     family == (v4 ? LINUX_AF_INET : LINUX_AF_INET6)))
				put_addr(r, &all[i]);
	return 0;
}

/* --- changing ------------------------------------------------------------- */

static int read_one(const uint8_t *attrs, size_t size, uint16_t type, bool v4,
		    struct net_addr *out)
{
	size_t len;
	const void *p = nl_find(attrs, size, type, &len);

	if (!p)
		return -ENOENT;
	if (len != addr_size(v4))
		return -EINVAL;
	if (v4)
		*out = net_addr4(p);
	else
		memcpy(out->b, p, sizeof(out->b));
	return 0;
}

/* The local address, else the address itself. */
static int read_addr(const struct linux_ifaddrmsg *m, const uint8_t *attrs,
		     size_t size, struct net_ifaddr *out)
{
	bool v4 = m->family == LINUX_AF_INET;
	const char *label;
	size_t len;
	int ret;

	if (!v4 && m->family != LINUX_AF_INET6)
		return -EAFNOSUPPORT;
	if (m->prefixlen > (v4 ? 32 : 128))
		return -EINVAL;
	ret = read_one(attrs, size, LINUX_IFA_LOCAL, v4, &out->addr);
	if (ret == -ENOENT)
		ret = read_one(attrs, size, LINUX_IFA_ADDRESS, v4, &out->addr);
	if (ret < 0)
		return -EINVAL;
	out->prefix = m->prefixlen;
	out->scope = m->scope;
	strcpy(out->label, "lo");
	label = nl_find(attrs, size, LINUX_IFA_LABEL, &len);
	if (label && len) {
		memset(out->label, 0, sizeof(out->label));
		memcpy(out->label, label, MIN(len, sizeof(out->label) - 1));
	}
	out->has_brd = v4 && read_one(attrs, size, LINUX_IFA_BROADCAST, v4,
				      &out->brd) == 0;
	return 0;
}

int rtnl_change_addr(struct nl_reply *r, const uint8_t *body, size_t size,
		     bool add)
{
	struct net_ifaddr a = { .permanent = true };
	struct linux_ifaddrmsg m;
	int ret;

	if (size < sizeof(m))
		return -EINVAL;
	memcpy(&m, body, sizeof(m));
	ret = read_addr(&m, body + sizeof(m), size - sizeof(m), &a);
	if (ret < 0)
		return ret;
	if (m.index != NET_LO_INDEX)
		return -ENODEV;
	if (net_addr_is_multicast(&a.addr) ||
	    (net_addr_is_any(&a.addr) && !net_addr_is4(&a.addr)))
		return -EADDRNOTAVAIL;
	return add ? net_addr_add(r->s->net, &a)
		   : net_addr_del(r->s->net, &a.addr, a.prefix);
}

/* --- routes --------------------------------------------------------------- */

struct route {
	uint8_t type, scope, table, prefix;
	struct net_addr dst, src;
	bool has_src;
	uint32_t metric;
};

static void put_route(struct nl_reply *r, const struct route *t, uint32_t flags)
{
	bool v4 = net_addr_is4(&t->dst);
	struct linux_rtmsg m = {
		.family = v4 ? LINUX_AF_INET : LINUX_AF_INET6,
		.dst_len = t->prefix,
		.table = t->table,
		.protocol = flags ? 0 : LINUX_RTPROT_KERNEL,
		.scope = t->scope,
		.type = t->type,
		.flags = flags,
	};

	nl_begin(r, LINUX_RTM_NEWROUTE, &m, sizeof(m));
	nl_attr_u32(r, LINUX_RTA_TABLE, t->table);
	nl_attr(r, LINUX_RTA_DST, addr_bytes(&t->dst), addr_size(v4));
	if (!v4)
		nl_attr_u32(r, LINUX_RTA_PRIORITY, t->metric);
	if (t->has_src)
		nl_attr(r, LINUX_RTA_PREFSRC, addr_bytes(&t->src),
			addr_size(v4));
	nl_attr_u32(r, LINUX_RTA_OIF, NET_LO_INDEX);
	nl_end(r);
}

/* All bits behind the prefix become @one. */
static struct net_addr fill_host(const struct net_addr *a, uint32_t prefix,
				 bool one)
{
	struct net_addr out = *a;

	for (uint32_t bit = prefix; bit < 32; bit++) {
		uint8_t mask = (uint8_t)(0x80u >> (bit % 8));

		if (one)
			out.b[12 + bit / 8] |= mask;
		else
			out.b[12 + bit / 8] &= (uint8_t)~mask;
	}
	return out;
}

static void routes4(struct nl_reply *r, const struct net_ifaddr *a)
{
	struct route t = { .type = LINUX_RTN_LOCAL,
			   .scope = LINUX_RT_SCOPE_HOST,
			   .table = LINUX_RT_TABLE_LOCAL,
			   .src = a->addr,
			   .has_src = true };

	if (a->prefix < 32) {
		t.prefix = a->prefix;
		t.dst = fill_host(&a->addr, a->prefix, false);
		put_route(r, &t, 0);
	}
	t.prefix = 32;
	t.dst = a->addr;
	put_route(r, &t, 0);
	if (a->prefix < 31) {
		t.type = LINUX_RTN_BROADCAST;
		t.scope = LINUX_RT_SCOPE_LINK;
		t.dst = fill_host(&a->addr, a->prefix, true);
		put_route(r, &t, 0);
	}
}

static void routes6(struct nl_reply *r, const struct net_ifaddr *a)
{
	struct route t = { .type = LINUX_RTN_LOCAL,
			   .table = LINUX_RT_TABLE_LOCAL,
			   .prefix = 128,
			   .dst = a->addr };

	put_route(r, &t, 0);
}

static int dump_routes(struct nl_reply *r, uint8_t family, uint32_t table)
{
	AUTO_FREE struct net_ifaddr *all = NULL;
	uint32_t nr;

	if (table && table != LINUX_RT_TABLE_LOCAL)
		return table == LINUX_RT_TABLE_MAIN ? 0 : -ENOENT;
	if (!net_is_up(r->s->net))
		return 0;
	all = kcalloc(NET_ADDRS_MAX, sizeof(*all));
	if (!all)
		return -ENOMEM;
	nr = net_addr_list(r->s->net, all);
	for (uint32_t i = 0; i < nr; i++) {
		bool v4 = net_addr_is4(&all[i].addr);

		if (family && family != (v4 ? LINUX_AF_INET : LINUX_AF_INET6))
			continue;
		if (v4)
			routes4(r, &all[i]);
		else
			routes6(r, &all[i]);
	}
	return 0;
}

/* Where one address leads. */
static int get_one(struct nl_reply *r, const struct linux_rtmsg *m,
		   const uint8_t *attrs, size_t size)
{
	bool v4 = m->family == LINUX_AF_INET;
	struct route t = { .type = LINUX_RTN_LOCAL,
			   .table = LINUX_RT_TABLE_LOCAL,
			   .prefix = v4 ? 32 : 128,
			   .has_src = true };
	enum net_kind kind;

	if (!v4 && m->family != LINUX_AF_INET6)
		return -EOPNOTSUPP;
	if (read_one(attrs, size, LINUX_RTA_DST, v4, &t.dst) < 0)
		return v4 ? -EINVAL : -ENETUNREACH;
	kind = net_classify(r->s->net, &t.dst);
	if (kind != NET_LOCAL)
		return -ENETUNREACH;
	net_source(r->s->net, &t.dst, &t.src);
	put_route(r, &t, LINUX_RTM_F_CLONED);
	return 0;
}

int rtnl_get_route(struct nl_reply *r, const uint8_t *body, size_t size)
{
	struct linux_rtmsg m = { 0 };
	uint32_t table;
	size_t len;
	const void *p;

	if (size >= sizeof(m))
		memcpy(&m, body, sizeof(m));
	else if (!r->dump)
		return -EINVAL;
	else
		m.family = body[0];
	if (!r->dump)
		return get_one(r, &m, body + sizeof(m), size - sizeof(m));
	table = m.table;
	p = size > sizeof(m) ? nl_find(body + sizeof(m), size - sizeof(m),
				       LINUX_RTA_TABLE, &len)
			     : NULL;
	if (p && len == sizeof(table))
		memcpy(&table, p, sizeof(table));
	/* Only who asks for strict checks filters here. */
	if (!(r->s->flags_on >> LINUX_NETLINK_GET_STRICT_CHK & 1))
		table = 0;
	return dump_routes(r, m.family, table);
}
