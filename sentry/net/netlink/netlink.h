/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink: AF_NETLINK sockets, netlink(7); private to sentry/net/netlink.
 *
 * A request is answered while it is sent: the replies are in the sender's queue
 * when send(2) returns.
 */
#ifndef SENTRY_NET_NETLINK_NETLINK_H
#define SENTRY_NET_NETLINK_NETLINK_H

#include "abi/netlink.h"
#include "sentry/kernel/wait.h"
#include "sentry/net/net_ns.h"
#include "sentry/net/socket.h"

/* What one recv(2) gets: programs read with buffers of a page or more. */
#define NL_BUF_SIZE 3776u

struct nl_buf {
	struct list node;
	uint32_t len, group;
	uint8_t data[NL_BUF_SIZE];
};

struct nl_sock {
	struct socket sock; /* first */
	struct refcount ref;
	IMMUTABLE struct net_ns *net; /* +1 */
	struct mutex read_mu;	      /* LOCK_FILE_POS: one reader at a time */
	struct mutex mu;	      /* LOCK_PIPE */
	struct list queue GUARDED_BY(mu);
	uint32_t queued GUARDED_BY(mu); /* bytes */
	uint64_t arrived GUARDED_BY(mu);
	bool bound GUARDED_BY(mu);
	uint32_t port, to_port, to_groups GUARDED_BY(mu);
	_Atomic uint64_t groups;
	_Atomic int err;
	_Atomic uint32_t sndbuf, rcvbuf;
	_Atomic uint64_t flags_on; /* NETLINK_* flags, a bit each */
	_Atomic uint64_t rcvtimeo, sndtimeo;
	struct list all_node; /* netlink_sock.c; its lock */
	struct waitq wq;
};

/* A reply that grows; see nl_begin(). */
struct nl_reply {
	struct nl_sock *s;
	struct linux_nlmsghdr req;
	struct list bufs; /* nl_buf.node */
	uint32_t start;	  /* of the message that is being written */
	bool failed;	  /* no memory */
	bool dump;
};

/* --- nl_msg.c ------------------------------------------------------------- */

/* Begins a message of @type with its fixed part. */
void nl_begin(struct nl_reply *r, uint16_t type, const void *head, size_t size);
/* An attribute of the message that was begun. */
void nl_attr(struct nl_reply *r, uint16_t type, const void *data, size_t size);
void nl_attr_u32(struct nl_reply *r, uint16_t type, uint32_t v);
void nl_attr_str(struct nl_reply *r, uint16_t type, const char *s);
void nl_end(struct nl_reply *r);
/* The end of a dump; the answer to a request that has failed or wants an ACK:
 * @req: the request as it came. */
void nl_done(struct nl_reply *r);
void nl_error(struct nl_reply *r, int err, const void *req);
void nl_reply_free(struct nl_reply *r);
/*
 * Attributes of a request: data of @type in the @size bytes at @at, or NULL.
 * *len: its size.
 */
const void *nl_find(const uint8_t *at, size_t size, uint16_t type, size_t *len);

/* --- handlers: 0, or -errno for the answer -------------------------------- */

/* @body: what follows the header, @size bytes. */
int rtnl_request(struct nl_reply *r, const uint8_t *body, size_t size);
int diag_request(struct nl_reply *r, const uint8_t *body, size_t size);
/* rtnl_addr.c, rtnl_route.c */
int rtnl_get_addr(struct nl_reply *r, const uint8_t *body, size_t size);
int rtnl_change_addr(struct nl_reply *r, const uint8_t *body, size_t size,
		     bool add);
int rtnl_get_route(struct nl_reply *r, const uint8_t *body, size_t size);

#endif
