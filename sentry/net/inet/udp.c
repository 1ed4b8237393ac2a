/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp: UDP sockets but for their data: connect(2), shutdown(2), poll(2).
 *
 * Locks: net->mu > s->mu.
 * Linux: net/ipv4/datagram.c, net/ipv4/udp.c of 6.18.
 * Tests: tests/conformance/udp.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/kernel/task.h"
#include "sentry/net/inet/udp.h"

int udp_autobind(struct inet_sock *s)
{
	int ret = 0;

	if (s->port)
		return 0;
	mutex_lock(&s->net->mu);
	mutex_lock_nested(&s->mu);
	if (!s->port)
		ret = inet_port_take(s, 0, false);
	mutex_unlock(&s->mu);
	mutex_unlock(&s->net->mu);
	return ret < 0 ? -EAGAIN : 0;
}

static int udp_disconnect(struct inet_sock *s)
{
	mutex_lock(&s->net->mu);
	mutex_lock_nested(&s->mu);
	s->peer =
		(struct inet_name){ .addr = inet_is6(s) ? net_any6 : net_any4 };
	s->state = LINUX_TCP_CLOSE;
	s->opt[OPT_BINDTOIF] = 0;
	if (!s->addr_fixed)
		s->local.addr = s->peer.addr;
	if (!s->port_fixed) {
		if (s->port)
			inet_port_free_locked(s->net, take(s->port));
		s->local.port = 0;
	}
	mutex_unlock(&s->mu);
	mutex_unlock(&s->net->mu);
	inet_port_update(s);
	return 0;
}

int udp_connect(struct socket *sock, const void *addr, uint32_t len,
		bool nonblock)
{
	struct inet_sock *s = inet_of(sock);
	struct inet_name to;
	struct net_addr src;
	enum net_kind kind;
	uint16_t family = 0;
	uint32_t scope;
	int ret;

	(void)nonblock;
	if (len < sizeof(family))
		return -EINVAL;
	memcpy(&family, addr, sizeof(family));
	if (family == LINUX_AF_UNSPEC)
		return udp_disconnect(s);
	ret = udp_autobind(s);
	if (ret == 0)
		ret = inet_name_in(s, addr, len, &to, &scope);
	if (ret < 0)
		return ret;
	if (!net_addr_is4(&to.addr) && !scope && !inet_opt(s, OPT_BINDTOIF) &&
	    (net_addr_is_linklocal6(&to.addr) ||
	     (net_addr_is_multicast(&to.addr) && !inet_opt(s, OPT_MCAST_IF6))))
		return -EINVAL;
	ret = inet_route(s, &to, scope, &src, &kind);
	if (ret == 0 && kind == NET_BROADCAST && !inet_opt(s, OPT_BROADCAST))
		ret = -EACCES;
	if (ret < 0)
		return ret;
	mutex_lock(&s->mu);
	s->local.addr = src;
	s->peer = to;
	s->state = LINUX_TCP_ESTABLISHED;
	mutex_unlock(&s->mu);
	inet_port_update(s);
	return 0;
}

int udp_shutdown(struct socket *sock, int how)
{
	struct inet_sock *s = inet_of(sock);

	if (how < LINUX_SHUT_RD || how > LINUX_SHUT_RDWR)
		return -EINVAL;
	atomic_fetch_or(&s->shut, (uint8_t)(how + 1));
	inet_wake(s, EVENTS_ALL & ~(uint32_t)LINUX_POLLERR);
	return s->state == LINUX_TCP_CLOSE ? -ENOTCONN : 0;
}

uint32_t udp_poll(struct inet_sock *s)
{
	uint32_t events = EVENTS_OUT | LINUX_POLLWRBAND;

	mutex_lock(&s->mu);
	if (s->err || !list_empty(&s->errors))
		events |= LINUX_POLLERR |
			  (inet_opt(s, OPT_SELECT_ERR_QUEUE) ? LINUX_POLLPRI
							     : 0u);
	if (!list_empty(&s->queue))
		events |= EVENTS_IN;
	mutex_unlock(&s->mu);
	if (s->shut & INET_SHUT_RCV)
		events |= EVENTS_IN | LINUX_POLLRDHUP;
	if (s->shut == INET_SHUT_BOTH)
		events |= LINUX_POLLHUP;
	return events;
}

long udp_ioctl(struct inet_sock *s, uint32_t cmd)
{
	struct inet_dgram *d;
	long n = 0;

	if (cmd == LINUX_SIOCOUTQ)
		return 0; /* all is there at once */
	if (cmd != LINUX_SIOCINQ)
		return -ENOTTY;
	mutex_lock(&s->mu);
	d = list_first(&s->queue, struct inet_dgram, node);
	if (d)
		n = (long)d->size;
	mutex_unlock(&s->mu);
	return n;
}

void udp_dgrams_free(struct list *l)
{
	struct inet_dgram *d, *tmp;

	list_for_each_entry_safe (d, tmp, l, node) {
		list_del(&d->node);
		free(d);
	}
}

static void groups_free(struct list *l)
{
	struct inet_group *g, *tmp;

	list_for_each_entry_safe (g, tmp, l, node) {
		list_del(&g->node);
		free(g);
	}
}

void udp_release(struct inet_sock *s)
{
	struct list dgrams, groups;

	list_init(&dgrams);
	list_init(&groups);
	inet_port_drop(s);
	mutex_lock(&s->mu);
	s->dead = true;
	list_splice(&s->queue, &dgrams);
	list_splice(&s->errors, &dgrams);
	list_splice(&s->groups, &groups);
	mutex_unlock(&s->mu);
	udp_dgrams_free(&dgrams);
	groups_free(&groups);
}

/* --- multicast groups ----------------------------------------------------- */

#define MAX_GROUPS 20u /* net.ipv4.igmp_max_memberships */

static struct inet_group *find_group(struct inet_sock *s,
				     const struct net_addr *group)
{
	struct inet_group *g;

	list_for_each_entry (g, &s->groups, node)
		if (net_addr_eq(&g->addr, group))
			return g;
	return NULL;
}

bool inet_is_member(struct inet_sock *s, const struct net_addr *group)
{
	return find_group(s, group) != NULL;
}

int inet_join(struct inet_sock *s, const struct net_addr *group,
	      int32_t ifindex)
{
	struct inet_group *g;
	int ret = 0;

	if (!net_addr_is_multicast(group))
		return -EINVAL;
	if (ifindex != 0 && ifindex != NET_LO_INDEX)
		return -ENODEV;
	if (ifindex == 0) /* there is no route to find one by */
		return -ENODEV;
	g = kzalloc(sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->addr = *group;
	g->ifindex = ifindex;
	mutex_lock(&s->mu);
	if (find_group(s, group))
		ret = -EADDRINUSE;
	else if (s->nr_groups >= MAX_GROUPS)
		ret = -ENOBUFS;
	if (ret == 0) {
		list_append(&s->groups, &g->node);
		s->nr_groups++;
		g = NULL;
	}
	mutex_unlock(&s->mu);
	free(g);
	return ret;
}

int inet_leave(struct inet_sock *s, const struct net_addr *group,
	       int32_t ifindex)
{
	struct inet_group *g;

	(void)ifindex;
	mutex_lock(&s->mu);
	g = find_group(s, group);
	if (g) {
		list_del(&g->node);
		s->nr_groups--;
	}
	mutex_unlock(&s->mu);
	if (!g)
		return -EADDRNOTAVAIL;
	free(g);
	return 0;
}
