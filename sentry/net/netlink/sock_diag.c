/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock_diag: sock_diag(7): dumps of TCP and UDP sockets, for ss(8).
 *
 * Locks: net->mu while the ports are listed.
 * Linux: net/ipv4/inet_diag.c of 6.18, without extensions, byte code or looking
 *        for one socket.
 * Tests: tests/conformance/netlink.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/user_ns.h"
#include "sentry/net/inet/inet_list.h"
#include "sentry/net/netlink/netlink.h"

struct diag_dump {
	struct nl_reply *r;
	struct linux_inet_diag_req_v2 req;
};

static void set_name(const struct net_addr *a, uint16_t port, uint8_t out[16],
		     uint16_t *out_port)
{
	if (net_addr_is4(a))
		memcpy(out, a->b + 12, 4);
	else
		memcpy(out, a->b, sizeof(a->b));
	*out_port = __builtin_bswap16(port);
}

static void put_one(const struct inet_row *row, void *arg)
{
	struct diag_dump *d = arg;
	struct linux_inet_diag_msg m = {
		.family = row->is6 ? LINUX_AF_INET6 : LINUX_AF_INET,
		.state = (uint8_t)row->state,
		.rqueue = row->rx,
		.wqueue = row->tx,
		.uid = uid_to_guest(row->uid),
		.inode = (uint32_t)row->ino,
	};

	if (d->req.family && d->req.family != m.family)
		return;
	if (!(d->req.states >> row->state & 1))
		return;
	set_name(&row->local, row->local_port, m.id.src, &m.id.sport);
	set_name(&row->peer, row->peer_port, m.id.dst, &m.id.dport);
	m.id.cookie[0] = (uint32_t)row->ino;
	nl_begin(d->r, LINUX_SOCK_DIAG_BY_FAMILY, &m, sizeof(m));
	nl_end(d->r);
}

int diag_request(struct nl_reply *r, const uint8_t *body, size_t size)
{
	struct diag_dump d = { .r = r };

	if (r->req.type != LINUX_SOCK_DIAG_BY_FAMILY)
		return -EINVAL;
	if (size < 2)
		return -EINVAL;
	if (body[0] != LINUX_AF_INET && body[0] != LINUX_AF_INET6)
		return -ENOENT; /* no such module */
	if (size < sizeof(d.req))
		return -EINVAL;
	memcpy(&d.req, body, sizeof(d.req));
	if (!r->dump)
		return -EOPNOTSUPP;
	if (d.req.protocol != LINUX_IPPROTO_TCP &&
	    d.req.protocol != LINUX_IPPROTO_UDP)
		return -ENOENT;
	inet_list(r->s->net, d.req.protocol == LINUX_IPPROTO_TCP, put_one, &d);
	return 0;
}
