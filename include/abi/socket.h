/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket: constants and structs of socket(2), unix(7), cmsg(3).
 */
#ifndef ABI_SOCKET_H
#define ABI_SOCKET_H

#include <assert.h>
#include <stdint.h>

enum {
	LINUX_AF_UNSPEC = 0,
	LINUX_AF_UNIX = 1,
	LINUX_AF_INET = 2,
	LINUX_AF_INET6 = 10,
	LINUX_AF_NETLINK = 16,
	LINUX_AF_PACKET = 17,
	LINUX_AF_MAX = 46
};

enum {
	LINUX_SOCK_STREAM = 1,
	LINUX_SOCK_DGRAM,
	LINUX_SOCK_RAW,
	LINUX_SOCK_RDM,
	LINUX_SOCK_SEQPACKET
};
#define LINUX_SOCK_TYPE_MASK 0xfu
#define LINUX_SOCK_MAX	     11
#define LINUX_SOCK_NONBLOCK  04000u
#define LINUX_SOCK_CLOEXEC   02000000u

enum { LINUX_SHUT_RD, LINUX_SHUT_WR, LINUX_SHUT_RDWR };

#define LINUX_MSG_OOB	       0x1u
#define LINUX_MSG_PEEK	       0x2u
#define LINUX_MSG_DONTROUTE    0x4u
#define LINUX_MSG_CTRUNC       0x8u
#define LINUX_MSG_TRUNC	       0x20u
#define LINUX_MSG_DONTWAIT     0x40u
#define LINUX_MSG_EOR	       0x80u
#define LINUX_MSG_WAITALL      0x100u
#define LINUX_MSG_CONFIRM      0x800u
#define LINUX_MSG_ERRQUEUE     0x2000u
#define LINUX_MSG_NOSIGNAL     0x4000u
#define LINUX_MSG_MORE	       0x8000u
#define LINUX_MSG_WAITFORONE   0x10000u
#define LINUX_MSG_CMSG_CLOEXEC 0x40000000u

#define LINUX_SOL_SOCKET 1
enum {
	LINUX_SO_DEBUG = 1,
	LINUX_SO_REUSEADDR,
	LINUX_SO_TYPE,
	LINUX_SO_ERROR,
	LINUX_SO_DONTROUTE,
	LINUX_SO_BROADCAST,
	LINUX_SO_SNDBUF,
	LINUX_SO_RCVBUF,
	LINUX_SO_KEEPALIVE,
	LINUX_SO_OOBINLINE,
	LINUX_SO_NO_CHECK,
	LINUX_SO_PRIORITY,
	LINUX_SO_LINGER,
	LINUX_SO_BSDCOMPAT,
	LINUX_SO_REUSEPORT,
	LINUX_SO_PASSCRED,
	LINUX_SO_PEERCRED,
	LINUX_SO_RCVLOWAT,
	LINUX_SO_SNDLOWAT,
	LINUX_SO_RCVTIMEO,
	LINUX_SO_SNDTIMEO,
	LINUX_SO_ACCEPTCONN = 30,
	LINUX_SO_PEERSEC = 31,
	LINUX_SO_SNDBUFFORCE = 32,
	LINUX_SO_RCVBUFFORCE = 33,
	LINUX_SO_PROTOCOL = 38,
	LINUX_SO_DOMAIN = 39,
	LINUX_SO_TIMESTAMP = 29,
	LINUX_SO_PASSSEC = 34,
	LINUX_SO_TIMESTAMPNS = 35,
	LINUX_SO_MARK = 36,
	LINUX_SO_BINDTODEVICE = 25,
	LINUX_SO_ATTACH_FILTER = 26,
	LINUX_SO_DETACH_FILTER = 27,
	LINUX_SO_PEERNAME = 28,
	LINUX_SO_TIMESTAMPING = 37,
	LINUX_SO_RXQ_OVFL = 40,
	LINUX_SO_PEEK_OFF = 42,
	LINUX_SO_NOFCS = 43,
	LINUX_SO_SELECT_ERR_QUEUE = 45,
	LINUX_SO_BUSY_POLL = 46,
	LINUX_SO_INCOMING_CPU = 49,
	LINUX_SO_MEMINFO = 55,
	LINUX_SO_INCOMING_NAPI_ID = 56,
	LINUX_SO_COOKIE = 57,
	LINUX_SO_ZEROCOPY = 60,
	LINUX_SO_BINDTOIFINDEX = 62,
	LINUX_SO_PEERGROUPS = 59,
	LINUX_SO_PASSPIDFD = 76,
	LINUX_SO_PEERPIDFD = 77,
	LINUX_SO_PASSRIGHTS = 83
};

enum { LINUX_SCM_RIGHTS = 1, LINUX_SCM_CREDENTIALS = 2, LINUX_SCM_PIDFD = 4 };
#define LINUX_SCM_MAX_FD 253

#define LINUX_SIOCINQ	 0x541bu /* FIONREAD */
#define LINUX_SIOCGSTAMP 0x8906u
#define LINUX_SIOCOUTQ	 0x5411u
#define LINUX_SIOCATMARK 0x8905u

struct linux_ucred {
	int32_t pid;
	uint32_t uid, gid;
};

#define LINUX_SOCKADDR_MAX  128u
#define LINUX_UNIX_PATH_MAX 108u
struct linux_sockaddr_un {
	uint16_t family;
	char path[LINUX_UNIX_PATH_MAX];
};
static_assert(sizeof(struct linux_sockaddr_un) == 110, "sockaddr_un");

struct linux_msghdr {
	uint64_t name;
	int32_t namelen, pad0;
	uint64_t iov, iovlen, control, controllen;
	uint32_t flags, pad1;
};
static_assert(sizeof(struct linux_msghdr) == 56, "msghdr");

struct linux_mmsghdr {
	struct linux_msghdr hdr;
	uint32_t len, pad;
};
static_assert(sizeof(struct linux_mmsghdr) == 64, "mmsghdr");

struct linux_cmsghdr {
	uint64_t len;
	int32_t level, type;
};
static_assert(sizeof(struct linux_cmsghdr) == 16, "cmsghdr");
#define LINUX_CMSG_ALIGN(n) (((n) + 7ull) & ~7ull)

#endif
