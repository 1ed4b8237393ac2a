/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_net: /proc/net, of the reader's network namespace.
 *
 * Locks: none.
 * Tests: tests/conformance/netif.c, proc.c
 */
#include <errno.h>

#include "sentry/fs/proc/proc.h"
#include "sentry/net/inet/inet_list.h"
#include "sentry/net/socket.h"

/* The row's argument is the text. */
static int show_text(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%s", (const char *)synth_ctx_entry(ctx)->arg);
	return 0;
}

static int show_unix(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	unix_print(out);
	return 0;
}

#define TABLE(n, text)                                                  \
	{                                                               \
		.name = (n), .mode = S_IFREG | 0444, .show = show_text, \
		.arg = (text)                                           \
	}

/* The argument is the heading. */
#define ROWS(n, fn, text)                                          \
	{                                                          \
		.name = (n), .mode = S_IFREG | 0444, .show = (fn), \
		.arg = (text)                                      \
	}

/* Lines of the tcp and udp tables are padded to 150 columns, udp's to 128. */
static const char tcp_text[] =
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
	"retrnsmt   uid  timeout inode                                       "
	"              \n";
static const char udp_text[] =
	"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
	"retrnsmt   uid  timeout inode ref pointer drops            \n";
static const char tcp6_text[] =
	"  sl  local_address                         remote_address           "
	"             st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
	"inode\n";
static const char udp6_text[] =
	"  sl  local_address                         remote_address           "
	"             st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
	"inode ref pointer drops\n";
static const char route_text[] =
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU"
	"\tWindow\tIRTT                                                       "
	"\n";
/* A heading, then the sockets. */
static int show_tcp(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)show_text(ctx, out);
	inet_print(current_net(), true, synth_ctx_entry(ctx)->arg == tcp6_text,
		   out);
	return 0;
}

static int show_udp(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)show_text(ctx, out);
	inet_print(current_net(), false, synth_ctx_entry(ctx)->arg == udp6_text,
		   out);
	return 0;
}

static int show_sockstat(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	inet_print_sockstat(current_net(), false, out);
	return 0;
}

static int show_sockstat6(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	inet_print_sockstat(current_net(), true, out);
	return 0;
}

static int show_dev(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct net_ns *n = current_net();
	unsigned long bytes = n->stat[NET_LO_BYTES];
	unsigned long packets = n->stat[NET_LO_PACKETS];

	(void)ctx;
	seq_printf(out,
		   "Inter-|   Receive                                          "
		   "      |  Transmit\n"
		   " face |bytes    packets errs drop fifo frame compressed "
		   "multicast|bytes    packets errs drop fifo colls carrier "
		   "compressed\n"
		   "%6s: %7lu %7lu    0    0    0     0          0         0 "
		   "%8lu %7lu    0    0    0     0       0          0\n",
		   "lo", bytes, packets, bytes, packets);
	return 0;
}

static int show_if_inet6(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_FREE struct net_ifaddr *all = kcalloc(NET_ADDRS_MAX, sizeof(*all));
	uint32_t nr = all ? net_addr_list(current_net(), all) : 0;

	(void)ctx;
	for (uint32_t i = 0; i < nr; i++) {
		if (net_addr_is4(&all[i].addr))
			continue;
		for (int k = 0; k < 16; k++)
			seq_printf(out, "%02x", all[i].addr.b[k]);
		seq_printf(out, " %02x %02x %02x %02x %8s\n", NET_LO_INDEX,
			   all[i].prefix, all[i].scope == 254 ? 0x10u : 0u,
			   0x80, "lo");
	}
	return all ? 0 : -ENOMEM;
}

static int show_snmp(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct net_ns *n = current_net();
	unsigned long packets = n->stat[NET_LO_PACKETS];

	(void)ctx;
	seq_printf(out,
		   "Ip: Forwarding DefaultTTL InReceives InHdrErrors "
		   "InAddrErrors ForwDatagrams InUnknownProtos InDiscards "
		   "InDelivers OutRequests OutDiscards OutNoRoutes "
		   "ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs "
		   "FragFails FragCreates OutTransmits\n"
		   "Ip: 2 %d %lu 0 0 0 0 0 %lu %lu 0 %lu 0 0 0 0 0 0 0 %lu\n",
		   net_sysctl(n, NET_DEFAULT_TTL), packets, packets, packets,
		   n->stat[NET_NO_ROUTES], packets);
	seq_printf(out,
		   "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens "
		   "PassiveOpens AttemptFails EstabResets CurrEstab InSegs "
		   "OutSegs RetransSegs InErrs OutRsts InCsumErrors\n"
		   "Tcp: 1 200 120000 -1 %lu %lu %lu %lu %lu 0 0 0 0 %lu 0\n",
		   n->stat[NET_TCP_ACTIVE], n->stat[NET_TCP_PASSIVE],
		   n->stat[NET_TCP_FAILS], n->stat[NET_TCP_RESETS],
		   n->stat[NET_TCP_ESTAB], n->stat[NET_TCP_RSTS]);
	seq_printf(out,
		   "Udp: InDatagrams NoPorts InErrors OutDatagrams "
		   "RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti "
		   "MemErrors\nUdp: %lu %lu %lu %lu %lu 0 0 0 0\n",
		   n->stat[NET_UDP_IN], n->stat[NET_UDP_NOPORTS],
		   n->stat[NET_UDP_RCVBUF], n->stat[NET_UDP_OUT],
		   n->stat[NET_UDP_RCVBUF]);
	return 0;
}

const struct synth_entry proc_net_entries[] = {
	TABLE("arp", "IP address       HW type     Flags       HW address    "
		     "        Mask     Device\n"),
	SYNTH_FILE("dev", 0444, show_dev),
	SYNTH_FILE("if_inet6", 0444, show_if_inet6),
	TABLE("netlink", "sk               Eth Pid        Groups   Rmem     "
			 "Wmem     Dump  Locks    Drops    Inode\n"),
	TABLE("packet", "sk       RefCnt Type Proto  Iface R Rmem   User   "
			"Inode\n"),
	TABLE("raw", udp_text),
	TABLE("route", route_text),
	SYNTH_FILE("snmp", 0444, show_snmp),
	SYNTH_FILE("sockstat", 0444, show_sockstat),
	SYNTH_FILE("sockstat6", 0444, show_sockstat6),
	ROWS("tcp", show_tcp, tcp_text),
	ROWS("tcp6", show_tcp, tcp6_text),
	ROWS("udp", show_udp, udp_text),
	ROWS("udp6", show_udp, udp6_text),
	{ .name = "unix", .mode = S_IFREG | 0444, .show = show_unix },
	{ .name = NULL },
};
