/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inet_list: what /proc/net and sock_diag(7) tell about TCP and UDP sockets.
 */
#ifndef SENTRY_NET_INET_INET_LIST_H
#define SENTRY_NET_INET_INET_LIST_H

#include "abi/inet.h"
#include "sentry/net/net_ns.h"

struct inet_row {
	bool is6;
	int state; /* LINUX_TCP_* */
	struct net_addr local, peer;
	uint16_t local_port, peer_port;
	uint32_t rx, tx, uid; /* uid: a kernel id */
	uint64_t ino;
	uint32_t refs, drops;
};

/* Calls @emit for each port in use; it may not block nor take locks. */
void inet_list(struct net_ns *n, bool tcp,
	       void (*emit)(const struct inet_row *row, void *arg), void *arg);

struct seq_buf;
/* The texts of /proc/net/{tcp,tcp6,udp,udp6}, sockstat and sockstat6. */
void inet_print(struct net_ns *n, bool tcp, bool is6, struct seq_buf *out);
void inet_print_sockstat(struct net_ns *n, bool is6, struct seq_buf *out);

#endif
