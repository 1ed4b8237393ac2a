/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink: constants and structs of netlink(7), rtnetlink(7), sock_diag(7),
 * netdevice(7).
 */
#ifndef ABI_NETLINK_H
#define ABI_NETLINK_H

#include <assert.h>
#include <stdint.h>

enum {
	LINUX_NETLINK_ROUTE = 0,
	LINUX_NETLINK_SOCK_DIAG = 4,
	LINUX_NETLINK_KOBJECT_UEVENT = 15,
	LINUX_NETLINK_MAX_LINKS = 32
};

struct linux_sockaddr_nl {
	uint16_t family, pad;
	uint32_t pid, groups;
};
static_assert(sizeof(struct linux_sockaddr_nl) == 12, "sockaddr_nl");

struct linux_nlmsghdr {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
};
static_assert(sizeof(struct linux_nlmsghdr) == 16, "nlmsghdr");

struct linux_nlmsgerr {
	int32_t error;
	struct linux_nlmsghdr msg;
};
static_assert(sizeof(struct linux_nlmsgerr) == 20, "nlmsgerr");

struct linux_nlattr {
	uint16_t len, type;
};
static_assert(sizeof(struct linux_nlattr) == 4, "nlattr");
#define LINUX_NLA_TYPE_MASK 0x3fffu
#define LINUX_NLA_NESTED    0x8000u
#define LINUX_NL_ALIGN(n)   (((n) + 3u) & ~3u)

enum {
	LINUX_NLMSG_NOOP = 1,
	LINUX_NLMSG_ERROR,
	LINUX_NLMSG_DONE,
	LINUX_NLMSG_MIN_TYPE = 16
};
#define LINUX_NLM_F_REQUEST 1u
#define LINUX_NLM_F_MULTI   2u
#define LINUX_NLM_F_ACK	    4u
#define LINUX_NLM_F_DUMP    0x300u
#define LINUX_NLM_F_CAPPED  0x100u
#define LINUX_NLM_F_EXCL    0x200u
#define LINUX_NLM_F_CREATE  0x400u

#define LINUX_SOL_NETLINK 270
enum {
	LINUX_NETLINK_ADD_MEMBERSHIP = 1,
	LINUX_NETLINK_DROP_MEMBERSHIP,
	LINUX_NETLINK_PKTINFO,
	LINUX_NETLINK_BROADCAST_ERROR,
	LINUX_NETLINK_NO_ENOBUFS,
	LINUX_NETLINK_LISTEN_ALL_NSID = 8,
	LINUX_NETLINK_LIST_MEMBERSHIPS = 9,
	LINUX_NETLINK_CAP_ACK,
	LINUX_NETLINK_EXT_ACK,
	LINUX_NETLINK_GET_STRICT_CHK
};

/* --- rtnetlink ------------------------------------------------------------ */

enum {
	LINUX_RTM_NEWLINK = 16,
	LINUX_RTM_DELLINK,
	LINUX_RTM_GETLINK,
	LINUX_RTM_SETLINK,
	LINUX_RTM_NEWADDR,
	LINUX_RTM_DELADDR,
	LINUX_RTM_GETADDR,
	LINUX_RTM_NEWROUTE = 24,
	LINUX_RTM_DELROUTE,
	LINUX_RTM_GETROUTE,
	LINUX_RTM_GETNEIGH = 30,
	LINUX_RTM_NEWRULE = 32,
	LINUX_RTM_GETRULE = 34,
	LINUX_RTM_GETQDISC = 38,
	LINUX_RTM_MAX = 123
};

struct linux_ifinfomsg {
	uint8_t family, pad;
	uint16_t type;
	int32_t index;
	uint32_t flags, change;
};
static_assert(sizeof(struct linux_ifinfomsg) == 16, "ifinfomsg");
enum {
	LINUX_IFLA_ADDRESS = 1,
	LINUX_IFLA_BROADCAST = 2,
	LINUX_IFLA_IFNAME = 3,
	LINUX_IFLA_MTU = 4,
	LINUX_IFLA_QDISC = 6,
	LINUX_IFLA_STATS = 7,
	LINUX_IFLA_TXQLEN = 13,
	LINUX_IFLA_MAP = 14,
	LINUX_IFLA_OPERSTATE = 16,
	LINUX_IFLA_LINKMODE = 17,
	LINUX_IFLA_LINKINFO = 18,
	LINUX_IFLA_STATS64 = 23,
	LINUX_IFLA_GROUP = 27,
	LINUX_IFLA_PROMISCUITY = 30,
	LINUX_IFLA_NUM_TX_QUEUES = 31,
	LINUX_IFLA_NUM_RX_QUEUES = 32,
	LINUX_IFLA_CARRIER = 33,
	LINUX_IFLA_ALT_IFNAME = 53
};
#define LINUX_ARPHRD_LOOPBACK 772

#define LINUX_IFF_UP	   0x1u
#define LINUX_IFF_LOOPBACK 0x8u
#define LINUX_IFF_RUNNING  0x40u
#define LINUX_IFF_LOWER_UP 0x10000u

struct linux_ifaddrmsg {
	uint8_t family, prefixlen, flags, scope;
	uint32_t index;
};
static_assert(sizeof(struct linux_ifaddrmsg) == 8, "ifaddrmsg");
enum {
	LINUX_IFA_ADDRESS = 1,
	LINUX_IFA_LOCAL,
	LINUX_IFA_LABEL,
	LINUX_IFA_BROADCAST,
	LINUX_IFA_CACHEINFO = 6,
	LINUX_IFA_FLAGS = 8
};
#define LINUX_IFA_F_PERMANENT 0x80u
struct linux_ifa_cacheinfo {
	uint32_t prefered, valid, cstamp, tstamp;
};

struct linux_rtmsg {
	uint8_t family, dst_len, src_len, tos, table, protocol, scope, type;
	uint32_t flags;
};
static_assert(sizeof(struct linux_rtmsg) == 12, "rtmsg");
enum {
	LINUX_RTA_DST = 1,
	LINUX_RTA_OIF = 4,
	LINUX_RTA_PRIORITY = 6,
	LINUX_RTA_PREFSRC = 7,
	LINUX_RTA_TABLE = 15
};
enum { LINUX_RTN_UNICAST = 1, LINUX_RTN_LOCAL = 2, LINUX_RTN_BROADCAST = 3 };
enum { LINUX_RT_TABLE_MAIN = 254, LINUX_RT_TABLE_LOCAL = 255 };
#define LINUX_RTPROT_KERNEL 2
enum {
	LINUX_RT_SCOPE_UNIVERSE = 0,
	LINUX_RT_SCOPE_LINK = 253,
	LINUX_RT_SCOPE_HOST = 254
};
#define LINUX_RTM_F_CLONED 0x200u

/* --- netdevice(7) --------------------------------------------------------- */

enum {
	LINUX_SIOCGIFNAME = 0x8910,
	LINUX_SIOCGIFCONF = 0x8912,
	LINUX_SIOCGIFFLAGS = 0x8913,
	LINUX_SIOCSIFFLAGS = 0x8914,
	LINUX_SIOCGIFADDR = 0x8915,
	LINUX_SIOCSIFADDR = 0x8916,
	LINUX_SIOCGIFDSTADDR = 0x8917,
	LINUX_SIOCGIFBRDADDR = 0x8919,
	LINUX_SIOCGIFNETMASK = 0x891b,
	LINUX_SIOCSIFNETMASK = 0x891c,
	LINUX_SIOCGIFMETRIC = 0x891d,
	LINUX_SIOCGIFMTU = 0x8921,
	LINUX_SIOCSIFMTU = 0x8922,
	LINUX_SIOCGIFHWADDR = 0x8927,
	LINUX_SIOCGIFINDEX = 0x8933,
	LINUX_SIOCGIFTXQLEN = 0x8942,
	LINUX_SIOCETHTOOL = 0x8946,
	LINUX_SIOCGIFMAP = 0x8970
};
#define LINUX_IFNAMSIZ 16u
struct linux_ifreq {
	char name[LINUX_IFNAMSIZ];
	union {
		uint8_t addr[16];
		int32_t i;
		int16_t flags;
		uint8_t map[24];
	};
};
static_assert(sizeof(struct linux_ifreq) == 40, "ifreq");
struct linux_ifconf {
	int32_t len, pad;
	uint64_t buf;
};
static_assert(sizeof(struct linux_ifconf) == 16, "ifconf");

/* --- sock_diag(7) --------------------------------------------------------- */

enum { LINUX_SOCK_DIAG_BY_FAMILY = 20 };
struct linux_inet_diag_sockid {
	uint16_t sport, dport; /* big endian */
	uint8_t src[16], dst[16];
	uint32_t iface, cookie[2];
};
static_assert(sizeof(struct linux_inet_diag_sockid) == 48, "diag_sockid");
struct linux_inet_diag_req_v2 {
	uint8_t family, protocol, ext, pad;
	uint32_t states;
	struct linux_inet_diag_sockid id;
};
static_assert(sizeof(struct linux_inet_diag_req_v2) == 56, "diag_req_v2");
struct linux_inet_diag_msg {
	uint8_t family, state, timer, retrans;
	struct linux_inet_diag_sockid id;
	uint32_t expires, rqueue, wqueue, uid, inode;
};
static_assert(sizeof(struct linux_inet_diag_msg) == 72, "diag_msg");

#endif
