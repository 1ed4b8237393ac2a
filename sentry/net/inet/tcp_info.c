/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_info: TCP_INFO.  A connection without packets has no round trips or
 * losses; what Linux shows for an idle one on loopback stands for them.
 *
 * Locks: c->mu.
 * Tests: tests/conformance/tcp.c
 */
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/net/inet/tcp.h"
#include "sentry/time/clock.h"

#define LO_MSS 65483u

static uint32_t ms_since(uint64_t then)
{
	return (uint32_t)((clock_monotonic_coarse() - then) / 1000000);
}

static void fill(struct linux_tcp_info *i, const struct tcp_conn *c,
		 uint8_t side)
{
	const struct tcp_end *e = &c->end[side], *o = &c->end[!side];

	i->state = (uint8_t)tcp_state_locked(c, side);
	i->options = 7;	  /* timestamps, SACK, window scaling */
	i->wscale = 0x77; /* 7 either way */
	i->rto = 200000;
	i->ato = 40000;
	i->snd_mss = i->advmss = LO_MSS;
	i->rcv_mss = LO_MSS / 2;
	i->pmtu = NET_LO_MTU;
	i->rtt = 25;
	i->rttvar = 12;
	i->min_rtt = 20;
	i->bytes_acked = i->bytes_sent = o->rx_wr;
	i->bytes_received = e->rx_wr;
	i->segs_in = i->data_segs_in = e->segs_in;
	i->segs_out = i->data_segs_out = e->segs_out;
	i->delivered = e->segs_out;
	i->last_data_recv = i->last_ack_recv = ms_since(e->last_rx);
	i->last_data_sent = ms_since(e->last_tx);
	i->snd_wnd = 65536;
}

int tcp_get_info(struct inet_sock *s, void *val, uint32_t *len)
{
	struct linux_tcp_info i = { .state = (uint8_t)s->state,
				    .app_limited = 1,
				    .rto = 1000000,
				    .snd_mss = 536,
				    .rcv_mss = 88,
				    .snd_ssthresh = INT32_MAX,
				    .snd_cwnd = 10,
				    .reordering = 3,
				    .rcv_ssthresh = 65483 };
	struct tcp_conn *c;
	uint8_t side;

	if (s->state == LINUX_TCP_LISTEN) {
		mutex_lock(&s->mu);
		i.unacked = s->nr_pending;
		i.sacked = s->backlog;
		mutex_unlock(&s->mu);
	}
	c = tcp_conn_of(s, &side);
	if (c) {
		mutex_lock(&c->mu);
		fill(&i, c, side);
		mutex_unlock(&c->mu);
		tcp_conn_put(c);
	}
	*len = MIN(*len, (uint32_t)sizeof(i));
	memcpy(val, &i, *len);
	return 0;
}
