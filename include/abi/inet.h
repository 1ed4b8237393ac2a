/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inet: constants and structs of ip(7), ipv6(7), tcp(7), udp(7).
 */
#ifndef ABI_INET_H
#define ABI_INET_H

#include <assert.h>
#include <stdint.h>

enum {
	LINUX_IPPROTO_IP = 0,
	LINUX_IPPROTO_ICMP = 1,
	LINUX_IPPROTO_TCP = 6,
	LINUX_IPPROTO_UDP = 17,
	LINUX_IPPROTO_IPV6 = 41,
	LINUX_IPPROTO_ICMPV6 = 58,
	LINUX_IPPROTO_MAX = 263
};

struct linux_sockaddr_in {
	uint16_t family, port; /* port and addr: big endian */
	uint8_t addr[4], zero[8];
};
static_assert(sizeof(struct linux_sockaddr_in) == 16, "sockaddr_in");

struct linux_sockaddr_in6 {
	uint16_t family, port;
	uint32_t flowinfo;
	uint8_t addr[16];
	uint32_t scope_id;
};
static_assert(sizeof(struct linux_sockaddr_in6) == 28, "sockaddr_in6");
#define LINUX_SIN6_LEN_MIN 24u /* without scope_id: RFC 2133 */

enum {
	LINUX_TCP_ESTABLISHED = 1,
	LINUX_TCP_SYN_SENT,
	LINUX_TCP_SYN_RECV,
	LINUX_TCP_FIN_WAIT1,
	LINUX_TCP_FIN_WAIT2,
	LINUX_TCP_TIME_WAIT,
	LINUX_TCP_CLOSE,
	LINUX_TCP_CLOSE_WAIT,
	LINUX_TCP_LAST_ACK,
	LINUX_TCP_LISTEN
};

/* --- options -------------------------------------------------------------- */

enum {
	LINUX_IP_TOS = 1,
	LINUX_IP_TTL = 2,
	LINUX_IP_HDRINCL = 3,
	LINUX_IP_OPTIONS = 4,
	LINUX_IP_ROUTER_ALERT = 5,
	LINUX_IP_RECVOPTS = 6,
	LINUX_IP_RETOPTS = 7,
	LINUX_IP_PKTINFO = 8,
	LINUX_IP_MTU_DISCOVER = 10,
	LINUX_IP_RECVERR = 11,
	LINUX_IP_RECVTTL = 12,
	LINUX_IP_RECVTOS = 13,
	LINUX_IP_MTU = 14,
	LINUX_IP_FREEBIND = 15,
	LINUX_IP_TRANSPARENT = 19,
	LINUX_IP_RECVORIGDSTADDR = 20,
	LINUX_IP_MINTTL = 21,
	LINUX_IP_NODEFRAG = 22,
	LINUX_IP_CHECKSUM = 23,
	LINUX_IP_BIND_ADDRESS_NO_PORT = 24,
	LINUX_IP_RECVFRAGSIZE = 25,
	LINUX_IP_RECVERR_RFC4884 = 26,
	LINUX_IP_MULTICAST_IF = 32,
	LINUX_IP_MULTICAST_TTL = 33,
	LINUX_IP_MULTICAST_LOOP = 34,
	LINUX_IP_ADD_MEMBERSHIP = 35,
	LINUX_IP_DROP_MEMBERSHIP = 36,
	LINUX_MCAST_JOIN_GROUP = 42,
	LINUX_MCAST_LEAVE_GROUP = 45,
	LINUX_IP_MULTICAST_ALL = 49,
	LINUX_IP_UNICAST_IF = 50,
	LINUX_IP_LOCAL_PORT_RANGE = 51,
	LINUX_IP_PROTOCOL = 52
};

enum {
	LINUX_IPV6_ADDRFORM = 1,
	LINUX_IPV6_CHECKSUM = 7,
	LINUX_IPV6_UNICAST_HOPS = 16,
	LINUX_IPV6_MULTICAST_IF = 17,
	LINUX_IPV6_MULTICAST_HOPS = 18,
	LINUX_IPV6_MULTICAST_LOOP = 19,
	LINUX_IPV6_JOIN_GROUP = 20,
	LINUX_IPV6_LEAVE_GROUP = 21,
	LINUX_IPV6_MTU_DISCOVER = 23,
	LINUX_IPV6_MTU = 24,
	LINUX_IPV6_RECVERR = 25,
	LINUX_IPV6_V6ONLY = 26,
	LINUX_IPV6_MULTICAST_ALL = 29,
	LINUX_IPV6_FLOWINFO_SEND = 33,
	LINUX_IPV6_RECVPKTINFO = 49,
	LINUX_IPV6_PKTINFO = 50,
	LINUX_IPV6_RECVHOPLIMIT = 51,
	LINUX_IPV6_HOPLIMIT = 52,
	LINUX_IPV6_DONTFRAG = 62,
	LINUX_IPV6_RECVTCLASS = 66,
	LINUX_IPV6_TCLASS = 67,
	LINUX_IPV6_AUTOFLOWLABEL = 70,
	LINUX_IPV6_MINHOPCOUNT = 73,
	LINUX_IPV6_RECVORIGDSTADDR = 74,
	LINUX_IPV6_UNICAST_IF = 76,
	LINUX_IPV6_FREEBIND = 78
};

enum {
	LINUX_TCP_NODELAY = 1,
	LINUX_TCP_MAXSEG,
	LINUX_TCP_CORK,
	LINUX_TCP_KEEPIDLE,
	LINUX_TCP_KEEPINTVL,
	LINUX_TCP_KEEPCNT,
	LINUX_TCP_SYNCNT,
	LINUX_TCP_LINGER2,
	LINUX_TCP_DEFER_ACCEPT,
	LINUX_TCP_WINDOW_CLAMP,
	LINUX_TCP_INFO,
	LINUX_TCP_QUICKACK,
	LINUX_TCP_CONGESTION,
	LINUX_TCP_THIN_LINEAR_TIMEOUTS = 16,
	LINUX_TCP_THIN_DUPACK = 17,
	LINUX_TCP_USER_TIMEOUT = 18,
	LINUX_TCP_FASTOPEN = 23,
	LINUX_TCP_TIMESTAMP = 24,
	LINUX_TCP_NOTSENT_LOWAT = 25,
	LINUX_TCP_SAVE_SYN = 27,
	LINUX_TCP_FASTOPEN_CONNECT = 30,
	LINUX_TCP_ULP = 31,
	LINUX_TCP_INQ = 36,
	LINUX_TCP_CM_INQ = LINUX_TCP_INQ
};

enum { LINUX_UDP_CORK = 1, LINUX_UDP_SEGMENT = 103, LINUX_UDP_GRO = 104 };

struct linux_ip_mreqn {
	uint8_t group[4], address[4];
	int32_t ifindex;
};
static_assert(sizeof(struct linux_ip_mreqn) == 12, "ip_mreqn");

struct linux_ipv6_mreq {
	uint8_t group[16];
	int32_t ifindex;
};
static_assert(sizeof(struct linux_ipv6_mreq) == 20, "ipv6_mreq");

/* MCAST_JOIN_GROUP: the interface, then a sockaddr_storage. */
struct linux_group_req {
	uint32_t ifindex, pad;
	uint8_t group[128];
};
static_assert(sizeof(struct linux_group_req) == 136, "group_req");

struct linux_in_pktinfo {
	int32_t ifindex;
	uint8_t spec_dst[4], addr[4];
};
static_assert(sizeof(struct linux_in_pktinfo) == 12, "in_pktinfo");

struct linux_in6_pktinfo {
	uint8_t addr[16];
	int32_t ifindex;
};
static_assert(sizeof(struct linux_in6_pktinfo) == 20, "in6_pktinfo");

/* IP_RECVERR. */
struct linux_sock_extended_err {
	uint32_t err;
	uint8_t origin, type, code, pad;
	uint32_t info, data;
};
static_assert(sizeof(struct linux_sock_extended_err) == 16, "extended_err");
enum { LINUX_SO_EE_ORIGIN_ICMP = 2, LINUX_SO_EE_ORIGIN_ICMP6 = 3 };
enum { LINUX_ICMP_DEST_UNREACH = 3, LINUX_ICMP_PORT_UNREACH = 3 };
enum { LINUX_ICMPV6_DEST_UNREACH = 1, LINUX_ICMPV6_PORT_UNREACH = 4 };

struct linux_tcp_info {
	uint8_t state, ca_state, retransmits, probes, backoff, options, wscale,
		app_limited;
	uint32_t rto, ato, snd_mss, rcv_mss;
	uint32_t unacked, sacked, lost, retrans, fackets;
	uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
	uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd,
		advmss, reordering;
	uint32_t rcv_rtt, rcv_space, total_retrans;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in,
		data_segs_out;
	uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
	uint32_t delivered, delivered_ce;
	uint64_t bytes_sent, bytes_retrans;
	uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd;
};
static_assert(sizeof(struct linux_tcp_info) == 232, "tcp_info");

#endif
