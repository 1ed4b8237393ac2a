/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp: what the parts of UDP share.
 */
#ifndef SENTRY_NET_INET_UDP_H
#define SENTRY_NET_INET_UDP_H

#include "sentry/net/inet/inet.h"

/* A free port for a socket that has none.  -EAGAIN. */
MUST_CHECK int udp_autobind(struct inet_sock *s);
void udp_dgrams_free(struct list *l);
/* s->mu is held. */
bool inet_is_member(struct inet_sock *s, const struct net_addr *group);

#endif
