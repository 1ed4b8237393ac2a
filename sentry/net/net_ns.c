/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_ns: network namespaces: the loopback interface and its addresses.
 *
 * Invariant: whatever is delivered here goes through the interface; while it is
 *            down there are no routes.
 * Locks:     n->mu (LOCK_PIPE).
 * Linux:     net/ipv4/devinet.c, fib_frontend.c, net/ipv6/addrconf.c of 6.18,
 *            as far as one loopback interface shows them.
 * Tests:     tests/conformance/netif.c, inet_opts.c
 */
#include "sentry/net/net_ns.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sentry/kernel/task.h"

static_assert(offsetof(struct net_ns, ns) == 0, "reached through its start");

#define V4(a, b, c, d)                                                       \
	{                                                                    \
		{                                                            \
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d \
		}                                                            \
	}

const struct net_addr net_any4 = V4(0, 0, 0, 0);
const struct net_addr net_lo4 = V4(127, 0, 0, 1);
const struct net_addr net_any6 = { { 0 } };
const struct net_addr net_lo6 = { { [15] = 1 } };
static const struct net_addr g_lbcast = V4(255, 255, 255, 255);

#define SCOPE_HOST 254

static const int32_t g_sysctl[NET_SYSCTL_NR] = {
	[NET_PORT_MIN] = 32768,	  [NET_PORT_MAX] = 60999,
	[NET_UNPRIV_PORT] = 1024, [NET_SOMAXCONN] = 4096,
	[NET_DEFAULT_TTL] = 64,	  [NET_SYN_RETRIES] = 6,
	[NET_KEEP_TIME] = 7200,	  [NET_KEEP_INTVL] = 75,
	[NET_KEEP_PROBES] = 9,	  [NET_FIN_TIMEOUT] = 60,
};

/* --- life ----------------------------------------------------------------- */

static void free_net(struct ns_common *ns)
{
	struct net_ns *n = net_ns_of(ns);

	/* What is left are ports in TIME_WAIT: nothing but memory. */
	while (!list_empty(&n->time_wait)) {
		struct list *first = n->time_wait.next;

		list_del(first);
		free(first);
	}
	ns_common_fini(ns);
	pthread_mutex_destroy(&n->mu.raw);
	free(n);
}

int net_ns_new(struct user_ns *owner, const struct cred *creator, bool up,
	       struct ns_common **out)
{
	AUTO_FREE struct net_ns *n = kzalloc(sizeof(*n));
	int ret;

	if (!n)
		return -ENOMEM;
	ret = ns_common_init(&n->ns, NS_NET, owner, creator, free_net);
	if (ret < 0)
		return ret;
	mutex_init(&n->mu, LOCK_PIPE);
	list_init(&n->time_wait);
	for (uint32_t i = 0; i < NET_PORT_HASH; i++) {
		list_init(&n->tcp[i]);
		list_init(&n->udp[i]);
		list_init(&n->listening[i]);
	}
	for (uint32_t i = 0; i < NET_SYSCTL_NR; i++)
		n->sysctl[i] = g_sysctl[i];
	if (up)
		net_set_up(n, true);
	*out = &take(n)->ns;
	return 0;
}

struct net_ns *current_net(void)
{
	return net_ns_of(current_task()->ns[TASK_NS_NET]);
}

/* --- addresses ------------------------------------------------------------ */

struct net_addr net_addr4(const uint8_t addr[4])
{
	struct net_addr a = net_any4;

	memcpy(a.b + 12, addr, 4);
	return a;
}

bool net_addr_is4(const struct net_addr *a)
{
	return memcmp(a->b, net_any4.b, 12) == 0;
}

bool net_addr_eq(const struct net_addr *a, const struct net_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool net_addr_is_any(const struct net_addr *a)
{
	return net_addr_eq(a, &net_any4) || net_addr_eq(a, &net_any6);
}

bool net_addr_is_multicast(const struct net_addr *a)
{
	return net_addr_is4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

bool net_addr_is_linklocal6(const struct net_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool net_addr_in(const struct net_addr *a, const struct net_addr *net,
		 uint32_t prefix)
{
	uint32_t i;

	if (net_addr_is4(a) != net_addr_is4(net))
		return false;
	if (net_addr_is4(a))
		prefix += 96;
	for (i = 0; i < prefix / 8; i++)
		if (a->b[i] != net->b[i])
			return false;
	if (prefix % 8 == 0)
		return true;
	return ((a->b[i] ^ net->b[i]) >> (8 - prefix % 8)) == 0;
}

/* The last address of an IPv4 network; those of /31 and /32 have none. */
static bool is_broadcast_of(const struct net_addr *a,
			    const struct net_ifaddr *i)
{
	if (!net_addr_is4(a) || i->prefix >= 31 ||
	    !net_addr_in(a, &i->addr, i->prefix))
		return i->has_brd && net_addr_eq(a, &i->brd);
	for (uint32_t bit = i->prefix; bit < 32; bit++)
		if (!(a->b[12 + bit / 8] >> (7 - bit % 8) & 1))
			return i->has_brd && net_addr_eq(a, &i->brd);
	return true;
}

static enum net_kind classify_locked(struct net_ns *n, const struct net_addr *a)
{
	bool v4 = net_addr_is4(a);

	for (uint32_t i = 0; n->up && i < n->nr_addrs; i++)
		if (is_broadcast_of(a, &n->addrs[i]))
			return NET_BROADCAST;
	/* On a loopback interface the whole IPv4 network is this host. */
	for (uint32_t i = 0; n->up && i < n->nr_addrs; i++)
		if (net_addr_in(a, &n->addrs[i].addr,
				v4 ? n->addrs[i].prefix : 128))
			return NET_LOCAL;
	return NET_FOREIGN;
}

enum net_kind net_classify(struct net_ns *n, const struct net_addr *a)
{
	enum net_kind kind;

	if (net_addr_is_multicast(a))
		return NET_MULTICAST;
	if (net_addr_eq(a, &g_lbcast))
		return NET_BROADCAST;
	mutex_lock(&n->mu);
	kind = classify_locked(n, a);
	mutex_unlock(&n->mu);
	return kind;
}

bool net_is_own(struct net_ns *n, const struct net_addr *a)
{
	bool own;

	mutex_lock(&n->mu);
	/* Without any route the table of local addresses is not asked. */
	own = net_addr_is4(a) && n->nr_addrs == 0;
	own |= classify_locked(n, a) == NET_LOCAL;
	/* Addresses of IPv4 stay while the interface is down. */
	for (uint32_t i = 0; i < n->nr_addrs; i++)
		own |= net_addr_is4(a) &&
		       net_addr_in(a, &n->addrs[i].addr, n->addrs[i].prefix);
	mutex_unlock(&n->mu);
	return own;
}

void net_source(struct net_ns *n, const struct net_addr *dst,
		struct net_addr *out)
{
	bool v4 = net_addr_is4(dst);
	const struct net_ifaddr *i;

	*out = v4 ? net_lo4 : net_lo6;
	mutex_lock(&n->mu);
	for (uint32_t k = 0; k < n->nr_addrs; k++) {
		i = &n->addrs[k];
		if (!net_addr_in(dst, &i->addr, v4 ? i->prefix : 128))
			continue;
		*out = i->addr;
		break;
	}
	mutex_unlock(&n->mu);
}

/* --- the interface -------------------------------------------------------- */

bool net_is_up(struct net_ns *n)
{
	bool up;

	mutex_lock(&n->mu);
	up = n->up;
	mutex_unlock(&n->mu);
	return up;
}

static struct net_ifaddr *find_locked(struct net_ns *n,
				      const struct net_addr *a, int prefix)
{
	for (uint32_t i = 0; i < n->nr_addrs; i++)
		if (net_addr_eq(&n->addrs[i].addr, a) &&
		    (prefix < 0 || n->addrs[i].prefix == prefix))
			return &n->addrs[i];
	return NULL;
}

static int add_locked(struct net_ns *n, const struct net_ifaddr *a)
{
	bool v4 = net_addr_is4(&a->addr);

	if (find_locked(n, &a->addr, v4 ? a->prefix : -1))
		return -EEXIST;
	if (n->nr_addrs == NET_ADDRS_MAX)
		return -ENOBUFS;
	n->addrs[n->nr_addrs++] = *a;
	return 0;
}

static void remove_locked(struct net_ns *n, struct net_ifaddr *a)
{
	struct net_ifaddr *end = &n->addrs[--n->nr_addrs];

	memmove(a, a + 1, (size_t)((char *)end - (char *)a));
}

void net_set_up(struct net_ns *n, bool up)
{
	const struct net_ifaddr lo4 = { .addr = net_lo4,
					.prefix = 8,
					.scope = SCOPE_HOST,
					.label = "lo",
					.permanent = true };
	const struct net_ifaddr lo6 = { .addr = net_lo6,
					.prefix = 128,
					.scope = SCOPE_HOST,
					.permanent = true };
	bool have4 = false;

	mutex_lock(&n->mu);
	for (uint32_t i = 0; up && i < n->nr_addrs; i++)
		have4 |= net_addr_is4(&n->addrs[i].addr);
	if (up && !n->up) {
		/* They fit: a set of addresses is never full before. */
		if (!have4)
			(void)!add_locked(n, &lo4);
		(void)!add_locked(n, &lo6);
	}
	for (uint32_t i = n->nr_addrs; !up && i-- > 0;)
		if (!net_addr_is4(&n->addrs[i].addr))
			remove_locked(n, &n->addrs[i]);
	n->up = up;
	mutex_unlock(&n->mu);
}

int net_addr_add(struct net_ns *n, const struct net_ifaddr *a)
{
	int ret;

	mutex_lock(&n->mu);
	ret = add_locked(n, a);
	mutex_unlock(&n->mu);
	return ret;
}

int net_addr_del(struct net_ns *n, const struct net_addr *a, int prefix)
{
	struct net_ifaddr *found;

	mutex_lock(&n->mu);
	found = find_locked(n, a, prefix);
	if (found)
		remove_locked(n, found);
	mutex_unlock(&n->mu);
	return found ? 0 : -EADDRNOTAVAIL;
}

uint32_t net_addr_list(struct net_ns *n, struct net_ifaddr out[NET_ADDRS_MAX])
{
	uint32_t nr;

	mutex_lock(&n->mu);
	nr = n->nr_addrs;
	memcpy(out, n->addrs, nr * sizeof(*out));
	mutex_unlock(&n->mu);
	return nr;
}
