/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inet_list: the sockets of a namespace as /proc/net shows them.
 *
 * Locks: net->mu; of each socket in turn s->mu, then its connection's.
 * Linux: tcp4_seq_show(), udp4_seq_show() and their like of 6.18.
 * Tests: tests/conformance/netif.c
 */
#include "sentry/net/inet/inet_list.h"

#include <string.h>

#include "sentry/kernel/user_ns.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/net/inet/tcp.h"

/* --- rows ----------------------------------------------------------------- */

static void fill_conn(struct inet_row *row, struct tcp_conn *c, uint8_t side)
{
	mutex_lock_nested(&c->mu);
	row->state = tcp_state_locked(c, side);
	row->rx = (uint32_t)tcp_queued(&c->end[side]);
	mutex_unlock(&c->mu);
}

static void fill_sock(struct inet_row *row, struct inet_sock *s)
{
	mutex_lock_nested(&s->mu);
	row->state = s->state;
	row->uid = s->uid;
	row->ino = s->sock.ino;
	row->refs = ref_read(&s->ref);
	row->drops = s->drops;
	row->rx = s->rx_charge;
	if (s->conn)
		fill_conn(row, s->conn, s->side);
	else if (row->state == LINUX_TCP_LISTEN) {
		row->rx = s->nr_pending;
		row->tx = s->backlog;
	}
	mutex_unlock(&s->mu);
}

static void list_one(struct inet_port *p,
		     void (*emit)(const struct inet_row *row, void *arg),
		     void *arg)
{
	struct inet_row row = {
		.is6 = p->is6,
		.local = p->local.addr,
		.peer = p->peer.addr,
		.local_port = p->local.port,
		.peer_port = p->peer.port,
		.state = p->time_wait ? LINUX_TCP_TIME_WAIT
				      : LINUX_TCP_FIN_WAIT2,
	};

	if (p->sk)
		fill_sock(&row, p->sk);
	emit(&row, arg);
}

/* As /proc/net/tcp: who listens comes first. */
void inet_list(struct net_ns *n, bool tcp,
	       void (*emit)(const struct inet_row *row, void *arg), void *arg)
{
	struct inet_port *p;

	mutex_lock(&n->mu);
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < NET_PORT_HASH; i++)
			list_for_each_entry (p, tcp ? &n->tcp[i] : &n->udp[i],
					     node)
				if (p->listening == (pass == 0))
					list_one(p, emit, arg);
	mutex_unlock(&n->mu);
}

/* --- tables --------------------------------------------------------------- */

struct printing {
	struct seq_buf *out;
	bool tcp, is6;
	uint32_t nr;
};

static void print_addr(struct seq_buf *out, bool is6, const struct net_addr *a,
		       uint16_t port)
{
	uint32_t w;

	for (int i = is6 ? 0 : 12; i < 16; i += 4) {
		memcpy(&w, a->b + i, sizeof(w));
		seq_printf(out, "%08X", w);
	}
	seq_printf(out, ":%04X", port);
}

static void print_row(const struct inet_row *row, void *arg)
{
	struct printing *p = arg;
	struct seq_buf *out = p->out;
	size_t start = out->len;

	if (row->is6 != p->is6 || (p->tcp && row->state == LINUX_TCP_CLOSE))
		return;
	seq_printf(out, p->tcp ? "%4u: " : "%5u: ", p->nr++);
	print_addr(out, p->is6, &row->local, row->local_port);
	seq_printf(out, " ");
	print_addr(out, p->is6, &row->peer, row->peer_port);
	seq_printf(out, " %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu",
		   (unsigned int)row->state, row->tx, row->rx, 0, 0ul, 0,
		   uid_to_guest(row->uid), 0, (unsigned long)row->ino);
	if (p->tcp)
		seq_printf(out, " %u %016x %lu %lu %u %u %d", row->refs, 0,
			   20ul, 4ul, 30u, 10u, -1);
	else
		seq_printf(out, " %u %016x %u", row->refs, 0, row->drops);
	/* Tables of IPv4 have lines of one length. */
	if (!p->is6)
		while (out->len - start < (p->tcp ? 149u : 127u) &&
		       !out->failed)
			seq_printf(out, " ");
	seq_printf(out, "\n");
}

void inet_print(struct net_ns *n, bool tcp, bool is6, struct seq_buf *out)
{
	struct printing p = { out, tcp, is6, 0 };

	inet_list(n, tcp, print_row, &p);
}

/* --- counts --------------------------------------------------------------- */

struct counts {
	uint32_t tcp[2], udp[2], time_wait;
	bool is_tcp;
};

static void count_row(const struct inet_row *row, void *arg)
{
	struct counts *c = arg;

	if (row->state == LINUX_TCP_TIME_WAIT)
		c->time_wait++;
	else if (c->is_tcp)
		c->tcp[row->is6]++;
	else
		c->udp[row->is6]++;
}

void inet_print_sockstat(struct net_ns *n, bool is6, struct seq_buf *out)
{
	struct counts c = { .is_tcp = true };

	inet_list(n, true, count_row, &c);
	c.is_tcp = false;
	inet_list(n, false, count_row, &c);
	if (is6) {
		seq_printf(out,
			   "TCP6: inuse %u\nUDP6: inuse %u\n"
			   "UDPLITE6: inuse 0\nRAW6: inuse 0\n"
			   "FRAG6: inuse 0 memory 0\n",
			   c.tcp[1], c.udp[1]);
		return;
	}
	seq_printf(out,
		   "sockets: used %u\n"
		   "TCP: inuse %u orphan 0 tw %u alloc %u mem %lu\n"
		   "UDP: inuse %u mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\n"
		   "FRAG: inuse 0 memory 0\n",
		   c.tcp[0] + c.tcp[1] + c.udp[0] + c.udp[1], c.tcp[0],
		   c.time_wait, c.tcp[0] + c.tcp[1],
		   (unsigned long)(g_tcp_bytes / PAGE_SIZE), c.udp[0]);
}
