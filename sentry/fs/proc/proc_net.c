/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_net: /proc/net.  Until the network stack is there, each table has its
 * heading and no rows but the loopback interface.
 *
 * Locks: none.
 * Tests: tests/conformance/proc.c
 */
#include "sentry/fs/proc/proc.h"
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

static const char dev_text[] =
	"Inter-|   Receive                                                |"
	"  Transmit\n"
	" face |bytes    packets errs drop fifo frame compressed multicast|"
	"bytes    packets errs drop fifo colls carrier compressed\n"
	"    lo:       0       0    0    0    0     0          0         0"
	"        0       0    0    0    0     0       0          0\n";

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
static const char sockstat_text[] =
	"sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\n"
	"UDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\n"
	"FRAG: inuse 0 memory 0\n";

const struct synth_entry proc_net_entries[] = {
	TABLE("arp", "IP address       HW type     Flags       HW address    "
		     "        Mask     Device\n"),
	TABLE("dev", dev_text),
	TABLE("if_inet6", "00000000000000000000000000000001 01 80 10 80"
			  "       lo\n"),
	TABLE("netlink", "sk               Eth Pid        Groups   Rmem     "
			 "Wmem     Dump  Locks    Drops    Inode\n"),
	TABLE("packet", "sk       RefCnt Type Proto  Iface R Rmem   User   "
			"Inode\n"),
	TABLE("raw", udp_text),
	TABLE("route", route_text),
	TABLE("sockstat", sockstat_text),
	TABLE("tcp", tcp_text),
	TABLE("tcp6", tcp6_text),
	TABLE("udp", udp_text),
	TABLE("udp6", udp6_text),
	{ .name = "unix", .mode = S_IFREG | 0444, .show = show_unix },
	{ .name = NULL },
};
