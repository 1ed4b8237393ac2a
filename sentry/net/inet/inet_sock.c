/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inet_sock: life and waiting of AF_INET and AF_INET6 sockets.
 *
 * References: the file; a queue of connections to accept; look-ups.  An end of
 * a connection only borrows its socket, until tcp_release().
 *
 * Locks: net->mu, then s->mu, then a connection's; all LOCK_PIPE.
 * Linux: net/ipv4/af_inet.c of 6.18.
 * Tests: tests/conformance/tcp.c, udp.c, inet_opts.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/inet/inet.h"
#include "sentry/time/clock.h"

#define CTL_ROOM 640u /* all control messages of one datagram */

static const struct socket_ops tcp_ops, udp_ops;

int inet_new(int family, int type, int protocol, struct net_ns *net,
	     struct inet_sock **out)
{
	struct inet_sock *s = kzalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sock = (struct socket){ .ops = type == LINUX_SOCK_STREAM ? &tcp_ops
								    : &udp_ops,
				   .family = family,
				   .type = type,
				   .protocol = protocol };
	ref_init(&s->ref);
	mutex_init(&s->mu, LOCK_PIPE);
	mutex_init(&s->read_mu, LOCK_FILE_POS);
	list_init(&s->pending);
	list_init(&s->pending_node);
	list_init(&s->waiting);
	list_init(&s->waiting_node);
	list_init(&s->queue);
	list_init(&s->errors);
	list_init(&s->groups);
	waitq_init(&s->wq);
	s->net = net;
	ns_get(&net->ns);
	s->state = LINUX_TCP_CLOSE;
	s->local.addr = family == LINUX_AF_INET ? net_any4 : net_any6;
	s->peer.addr = s->local.addr;
	s->uid = current_task()->cred->euid;
	inet_opt_init(s);
	*out = s;
	return 0;
}

void inet_get(struct inet_sock *s)
{
	ref_get(&s->ref);
}

void inet_put(struct inet_sock *s)
{
	if (!ref_put(&s->ref))
		return;
	ns_put(&s->net->ns);
	free(s->cork);
	waitq_fini(&s->wq);
	pthread_mutex_destroy(&s->mu.raw);
	pthread_mutex_destroy(&s->read_mu.raw);
	free(s);
}

int inet_take_err(struct inet_sock *s)
{
	return s->err ? -atomic_exchange(&s->err, 0) : 0;
}

void inet_wake(struct inet_sock *s, uint32_t events)
{
	waitq_wake(&s->wq, events);
}

uint64_t inet_deadline(uint64_t timeo)
{
	return timeo ? clock_monotonic() + timeo : NO_DEADLINE;
}

int inet_wait(struct inet_sock *s, uint32_t events, uint64_t deadline,
	      bool (*ready)(struct inet_sock *s, const void *arg),
	      const void *arg)
{
	struct task_waiter w;
	int ret = 0;

	task_waiter_init(&w, current_task());
	waitq_add(&s->wq, &w.waiter, events | LINUX_POLLERR | LINUX_POLLHUP);
	while (!ready(s, arg)) {
		ret = task_sleep(&w, deadline);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	if (ret == -ETIMEDOUT)
		return -EAGAIN;
	/* With a timeout a restart would begin anew: Linux says EINTR. */
	return ret == -ERESTARTSYS && deadline != NO_DEADLINE ? -EINTR : ret;
}

void inet_put_ctl(struct socket_msg *m, int level, int type, const void *data,
		  size_t size)
{
	struct linux_cmsghdr h = { sizeof(h) + size, level, type };
	size_t space = LINUX_CMSG_ALIGN(sizeof(h) + size);

	if (!m->ctl)
		m->ctl = kzalloc(CTL_ROOM);
	if (!m->ctl || CTL_ROOM - m->ctl_len < space)
		return;
	memcpy(m->ctl + m->ctl_len, &h, sizeof(h));
	memcpy(m->ctl + m->ctl_len + sizeof(h), data, size);
	m->ctl_len += (uint32_t)space;
}

/* --- operations ----------------------------------------------------------- */

static uint32_t inet_poll(struct socket *sock, struct poll_table *pt)
{
	struct inet_sock *s = inet_of(sock);

	poll_wait(pt, &s->wq);
	return inet_is_tcp(s) ? tcp_poll(s) : udp_poll(s);
}

static void inet_release(struct socket *sock)
{
	struct inet_sock *s = inet_of(sock);

	if (inet_is_tcp(s))
		tcp_release(s);
	else
		udp_release(s);
	inet_put(s);
}

static const struct socket_ops tcp_ops = {
	.bind = inet_bind,
	.connect = tcp_connect,
	.listen = tcp_listen,
	.accept = tcp_accept,
	.getname = inet_getname,
	.send = tcp_send,
	.recv = tcp_recv,
	.shutdown = tcp_shutdown,
	.getsockopt = inet_getsockopt,
	.setsockopt = inet_setsockopt,
	.poll = inet_poll,
	.ioctl = inet_ioctl,
	.release = inet_release,
};

static const struct socket_ops udp_ops = {
	.bind = inet_bind,
	.connect = udp_connect,
	.getname = inet_getname,
	.send = udp_send,
	.recv = udp_recv,
	.shutdown = udp_shutdown,
	.getsockopt = inet_getsockopt,
	.setsockopt = inet_setsockopt,
	.poll = inet_poll,
	.ioctl = inet_ioctl,
	.release = inet_release,
};

/* --- making --------------------------------------------------------------- */

/* The protocol of a type; raw sockets and pings are not there. */
static int check_protocol(struct net_ns *net, int family, int type,
			  int *protocol)
{
	int ping = family == LINUX_AF_INET ? LINUX_IPPROTO_ICMP
					   : LINUX_IPPROTO_ICMPV6;
	int own = type == LINUX_SOCK_STREAM ? LINUX_IPPROTO_TCP
					    : LINUX_IPPROTO_UDP;

	if (*protocol < 0 || *protocol >= LINUX_IPPROTO_MAX)
		return -EINVAL;
	if (type == LINUX_SOCK_RAW) {
		if (*protocol == 0)
			return -EPROTONOSUPPORT;
		return ns_capable(net->ns.owner, CAP_NR_NET_RAW)
			       ? -EPROTONOSUPPORT
			       : -EPERM;
	}
	if (type != LINUX_SOCK_STREAM && type != LINUX_SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (type == LINUX_SOCK_DGRAM && *protocol == ping)
		return -EACCES; /* net.ipv4.ping_group_range is empty */
	if (*protocol && *protocol != own)
		return -EPROTONOSUPPORT;
	*protocol = own;
	return 0;
}

int inet_socket(int family, int type, int protocol, struct socket **out)
{
	struct net_ns *net = current_net();
	struct inet_sock *s;
	int ret = check_protocol(net, family, type, &protocol);

	if (ret == 0)
		ret = inet_new(family, type, protocol, net, &s);
	if (ret == 0)
		*out = &s->sock;
	return ret;
}
