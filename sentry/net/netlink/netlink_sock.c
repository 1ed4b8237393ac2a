/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink_sock: the sockets of AF_NETLINK: names, requests, replies.
 *
 * Port numbers are unique per namespace and protocol; a socket that did not ask
 * for one has its process's id, or a high number if that is taken.
 *
 * Locks: g_all_mu (LOCK_PIPE) for the list of all, then s->mu.
 * Linux: net/netlink/af_netlink.c of 6.18.  The protocols are ROUTE, SOCK_DIAG
 *        and KOBJECT_UEVENT (which never says anything); no message goes from
 *        one process to another.
 * Tests: tests/conformance/netlink.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "abi/time.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/netlink/netlink.h"
#include "sentry/time/clock.h"

#define BUF_DEFAULT 212992u
#define REQUEST_MAX 65536u

static const struct socket_ops netlink_ops;
static struct mutex g_all_mu = MUTEX_INIT(LOCK_PIPE);
static struct list g_all = LIST_INIT(g_all);

static struct nl_sock *nl_of(struct socket *s)
{
	return container_of(s, struct nl_sock, sock);
}

int netlink_socket(int family, int type, int protocol, struct socket **out)
{
	struct nl_sock *s;

	if (type != LINUX_SOCK_RAW && type != LINUX_SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != LINUX_NETLINK_ROUTE &&
	    protocol != LINUX_NETLINK_SOCK_DIAG &&
	    protocol != LINUX_NETLINK_KOBJECT_UEVENT)
		return -EPROTONOSUPPORT;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sock = (struct socket){ .ops = &netlink_ops,
				   .family = family,
				   .type = type,
				   .protocol = protocol };
	ref_init(&s->ref);
	mutex_init(&s->mu, LOCK_PIPE);
	mutex_init(&s->read_mu, LOCK_FILE_POS);
	list_init(&s->queue);
	waitq_init(&s->wq);
	s->net = current_net();
	ns_get(&s->net->ns);
	s->sndbuf = s->rcvbuf = BUF_DEFAULT;
	mutex_lock(&g_all_mu);
	list_append(&g_all, &s->all_node);
	mutex_unlock(&g_all_mu);
	*out = &s->sock;
	return 0;
}

static void nl_release(struct socket *sock)
{
	struct nl_sock *s = nl_of(sock);
	struct nl_buf *b, *tmp;

	mutex_lock(&g_all_mu);
	list_del(&s->all_node);
	mutex_unlock(&g_all_mu);
	list_for_each_entry_safe (b, tmp, &s->queue, node)
		free(b);
	ns_put(&s->net->ns);
	waitq_fini(&s->wq);
	pthread_mutex_destroy(&s->mu.raw);
	pthread_mutex_destroy(&s->read_mu.raw);
	free(s);
}

/* --- names ---------------------------------------------------------------- */

static bool port_taken(const struct nl_sock *s, uint32_t port)
{
	struct nl_sock *o;

	list_for_each_entry (o, &g_all, all_node)
		if (o != s && o->bound && o->port == port && o->net == s->net &&
		    o->sock.protocol == s->sock.protocol)
			return true;
	return false;
}

/* @port 0: any.  -EADDRINUSE, -EINVAL: it has another one. */
static int take_port(struct nl_sock *s, uint32_t port)
{
	uint32_t any = UINT32_MAX - 4096;
	int ret = 0;

	mutex_lock(&g_all_mu);
	if (s->bound) {
		ret = port && port != s->port ? -EINVAL : 0;
	} else {
		if (port && port_taken(s, port))
			ret = -EADDRINUSE;
		if (!port)
			port = current_task()->group->vtgid;
		while (ret == 0 && port_taken(s, port))
			port = any--;
		if (ret == 0) {
			s->port = port;
			s->bound = true;
		}
	}
	mutex_unlock(&g_all_mu);
	return ret;
}

static int read_name(const void *addr, uint32_t len,
		     struct linux_sockaddr_nl *out)
{
	if (len < sizeof(*out))
		return -EINVAL;
	memcpy(out, addr, sizeof(*out));
	return out->family == LINUX_AF_NETLINK ? 0 : -EINVAL;
}

static int nl_bind(struct socket *sock, const void *addr, uint32_t len)
{
	struct nl_sock *s = nl_of(sock);
	struct linux_sockaddr_nl n;
	int ret = read_name(addr, len, &n);

	if (ret == 0)
		ret = take_port(s, n.pid);
	if (ret == 0)
		s->groups = (s->groups & ~0xffffffffull) | n.groups;
	return ret;
}

static int nl_connect(struct socket *sock, const void *addr, uint32_t len,
		      bool nonblock)
{
	struct nl_sock *s = nl_of(sock);
	struct linux_sockaddr_nl n;
	uint16_t family = 0;
	int ret;

	(void)nonblock;
	if (len < sizeof(family))
		return -EINVAL;
	memcpy(&family, addr, sizeof(family));
	if (family == LINUX_AF_UNSPEC)
		n = (struct linux_sockaddr_nl){ 0 };
	else if ((ret = read_name(addr, len, &n)) < 0)
		return ret;
	if ((n.pid || n.groups) &&
	    !ns_capable(s->net->ns.owner, CAP_NR_NET_ADMIN))
		return -EPERM;
	ret = family == LINUX_AF_UNSPEC ? 0 : take_port(s, 0);
	if (ret < 0)
		return ret;
	mutex_lock(&s->mu);
	s->to_port = n.pid;
	s->to_groups = n.groups;
	mutex_unlock(&s->mu);
	return 0;
}

static int nl_getname(struct socket *sock, bool peer, void *addr, uint32_t *len)
{
	struct nl_sock *s = nl_of(sock);
	struct linux_sockaddr_nl n = { .family = LINUX_AF_NETLINK };

	n.pid = peer ? s->to_port : s->port;
	n.groups = peer ? s->to_groups : (uint32_t)s->groups;
	memcpy(addr, &n, sizeof(n));
	*len = sizeof(n);
	return 0;
}

/* --- requests ------------------------------------------------------------- */

static void answer(struct nl_sock *s, struct nl_reply *r)
{
	struct nl_buf *b;

	if (r->failed)
		s->err = ENOBUFS;
	mutex_lock(&s->mu);
	list_for_each_entry (b, &r->bufs, node) {
		s->queued += b->len;
		s->arrived++;
	}
	list_splice(&r->bufs, &s->queue);
	mutex_unlock(&s->mu);
	waitq_wake(&s->wq, LINUX_POLLIN | LINUX_POLLRDNORM | LINUX_POLLERR);
}

static int dispatch(struct nl_reply *r, const uint8_t *body, size_t size)
{
	switch (r->s->sock.protocol) {
	case LINUX_NETLINK_ROUTE:
		return rtnl_request(r, body, size);
	case LINUX_NETLINK_SOCK_DIAG:
		return diag_request(r, body, size);
	default:
		return 0;
	}
}

static void one_request(struct nl_sock *s, const uint8_t *msg,
			const struct linux_nlmsghdr *h)
{
	struct nl_reply r = { .s = s, .req = *h };
	int ret;

	list_init(&r.bufs);
	if (!(h->flags & LINUX_NLM_F_REQUEST) ||
	    h->type < LINUX_NLMSG_MIN_TYPE) {
		ret = 0;
	} else {
		r.dump = (h->flags & LINUX_NLM_F_DUMP) == LINUX_NLM_F_DUMP;
		ret = dispatch(&r, msg + sizeof(*h), h->len - sizeof(*h));
		if (ret == 0 && r.dump)
			nl_done(&r);
		if (ret == 0 && r.dump) {
			answer(s, &r);
			return;
		}
	}
	r.dump = false;
	if (ret < 0 || (h->flags & LINUX_NLM_F_ACK)) {
		if (ret < 0)
			nl_reply_free(&r);
		nl_error(&r, ret, msg);
	}
	answer(s, &r);
}

/* All messages of one send(2). */
static void requests(struct nl_sock *s, const uint8_t *at, size_t size)
{
	struct linux_nlmsghdr h;
	size_t step;

	while (size >= sizeof(h)) {
		memcpy(&h, at, sizeof(h));
		if (h.len < sizeof(h) || h.len > size)
			return;
		one_request(s, at, &h);
		step = MIN(LINUX_NL_ALIGN((size_t)h.len), size);
		at += step;
		size -= step;
	}
}

/* Who it goes to: the kernel only. */
static int check_destination(struct nl_sock *s, const struct socket_msg *m)
{
	struct linux_sockaddr_nl n = { .pid = s->to_port };
	int ret = m->namelen ? read_name(m->name, m->namelen, &n) : 0;

	if (ret < 0)
		return ret;
	if (!n.pid && !n.groups)
		return 0;
	return ns_capable(s->net->ns.owner, CAP_NR_NET_ADMIN) ? -ECONNREFUSED
							      : -EPERM;
}

static long nl_send(struct socket *sock, struct socket_msg *m)
{
	struct nl_sock *s = nl_of(sock);
	AUTO_FREE uint8_t *buf = NULL;
	size_t size = m->u->left;
	int ret;

	if (m->flags & LINUX_MSG_OOB)
		return -EOPNOTSUPP;
	ret = size == 0 ? -ENODATA : check_destination(s, m);
	if (ret == 0)
		ret = take_port(s, 0);
	if (ret < 0)
		return ret;
	if (size > s->sndbuf - 32 || size > REQUEST_MAX)
		return -EMSGSIZE;
	buf = malloc(size);
	if (!buf)
		return -ENOBUFS;
	if (uio_copy_in(m->u, buf, size) != (long)size)
		return -EFAULT;
	if (s->queued > s->rcvbuf)
		s->err = ENOBUFS; /* the answers would not fit */
	else
		requests(s, buf, size);
	return (long)size;
}

/* --- replies -------------------------------------------------------------- */

static bool has_news(struct nl_sock *s)
{
	bool yes;

	mutex_lock(&s->mu);
	yes = !list_empty(&s->queue) || s->err;
	mutex_unlock(&s->mu);
	return yes;
}

static int wait_news(struct nl_sock *s, uint64_t deadline)
{
	struct task_waiter w;
	int ret = 0;

	task_waiter_init(&w, current_task());
	waitq_add(&s->wq, &w.waiter, LINUX_POLLIN | LINUX_POLLERR);
	while (ret == 0 && !has_news(s))
		ret = task_sleep(&w, deadline);
	waitq_del(&w.waiter);
	if (ret == -ETIMEDOUT)
		return -EAGAIN;
	return ret == -ERESTARTSYS && deadline != NO_DEADLINE ? -EINTR : ret;
}

static void tell_group(struct nl_sock *s, struct socket_msg *m, uint32_t group)
{
	struct {
		struct linux_cmsghdr h;
		uint32_t group, pad;
	} c = { { sizeof(c.h) + 4, LINUX_SOL_NETLINK, LINUX_NETLINK_PKTINFO },
		group,
		0 };

	const uint32_t size = sizeof(c);

	if (!(s->flags_on >> LINUX_NETLINK_PKTINFO & 1))
		return;
	m->ctl = malloc(size);
	if (!m->ctl)
		return;
	memcpy(m->ctl, &c, size);
	m->ctl_len = size;
}

static long read_buf(struct nl_sock *s, struct socket_msg *m,
		     const struct nl_buf *b)
{
	struct linux_sockaddr_nl from = { .family = LINUX_AF_NETLINK };
	size_t size = MIN((size_t)b->len, m->u->left);
	long ret = size ? uio_copy_out(m->u, b->data, size) : 0;

	if (ret >= 0 && (size_t)ret < size)
		ret = -EFAULT;
	if (ret < 0)
		return ret;
	if (size < b->len)
		m->out_flags |= LINUX_MSG_TRUNC;
	memcpy(m->name, &from, sizeof(from));
	m->namelen = sizeof(from);
	tell_group(s, m, b->group);
	return (long)(m->flags & LINUX_MSG_TRUNC ? b->len : size);
}

static long read_once(struct nl_sock *s, struct socket_msg *m)
{
	bool peek = m->flags & LINUX_MSG_PEEK;
	struct nl_buf *b;
	long ret;

	if (s->err)
		return -atomic_exchange(&s->err, 0);
	mutex_lock(&s->read_mu);
	mutex_lock(&s->mu);
	b = list_first(&s->queue, struct nl_buf, node);
	if (b && !peek) {
		list_del(&b->node);
		s->queued -= b->len;
	}
	mutex_unlock(&s->mu);
	ret = b ? read_buf(s, m, b) : -EAGAIN;
	mutex_unlock(&s->read_mu);
	if (!peek)
		free(b);
	return ret;
}

static long nl_recv(struct socket *sock, struct socket_msg *m)
{
	struct nl_sock *s = nl_of(sock);
	uint64_t deadline =
		s->rcvtimeo ? clock_monotonic() + s->rcvtimeo : NO_DEADLINE;
	long ret;

	if (m->flags & LINUX_MSG_OOB)
		return -EOPNOTSUPP;
	for (;;) {
		ret = read_once(s, m);
		if (ret != -EAGAIN || (m->flags & LINUX_MSG_DONTWAIT))
			return ret;
		ret = wait_news(s, deadline);
		if (ret < 0)
			return ret;
	}
}

static uint32_t nl_poll(struct socket *sock, struct poll_table *pt)
{
	struct nl_sock *s = nl_of(sock);
	uint32_t events = LINUX_POLLOUT | LINUX_POLLWRNORM | LINUX_POLLWRBAND;

	poll_wait(pt, &s->wq);
	mutex_lock(&s->mu);
	if (!list_empty(&s->queue))
		events |= LINUX_POLLIN | LINUX_POLLRDNORM;
	mutex_unlock(&s->mu);
	return events | (s->err ? LINUX_POLLERR : 0u);
}

/* --- options -------------------------------------------------------------- */

static bool is_flag(int name)
{
	switch (name) {
	case LINUX_NETLINK_PKTINFO:
	case LINUX_NETLINK_BROADCAST_ERROR:
	case LINUX_NETLINK_NO_ENOBUFS:
	case LINUX_NETLINK_CAP_ACK:
	case LINUX_NETLINK_EXT_ACK:
	case LINUX_NETLINK_GET_STRICT_CHK:
		return true;
	default:
		return false;
	}
}

static int set_group(struct nl_sock *s, int name, uint32_t group)
{
	uint64_t bit;

	if (group == 0 || group > 64)
		return -EINVAL;
	bit = 1ull << (group - 1);
	if (name == LINUX_NETLINK_ADD_MEMBERSHIP)
		atomic_fetch_or(&s->groups, bit);
	else
		atomic_fetch_and(&s->groups, ~bit);
	return 0;
}

static int set_timeout(_Atomic uint64_t *to, const void *val, uint32_t len)
{
	struct linux_timeval tv;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, val, sizeof(tv));
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	tv.sec = MIN(MAX(tv.sec, 0), 1000000000l);
	*to = (uint64_t)tv.sec * NSEC_PER_SEC + (uint64_t)tv.usec * 1000;
	return 0;
}

static int set_socket(struct nl_sock *s, int name, int32_t v, const void *val,
		      uint32_t len)
{
	uint32_t size = MAX(MIN((uint32_t)v, 2097152u) * 2, 4608u);

	switch (name) {
	case LINUX_SO_SNDBUF:
	case LINUX_SO_SNDBUFFORCE:
		s->sndbuf = size;
		return 0;
	case LINUX_SO_RCVBUF:
	case LINUX_SO_RCVBUFFORCE:
		s->rcvbuf = size;
		return 0;
	case LINUX_SO_RCVTIMEO:
		return set_timeout(&s->rcvtimeo, val, len);
	case LINUX_SO_SNDTIMEO:
		return set_timeout(&s->sndtimeo, val, len);
	case LINUX_SO_PASSCRED: /* the kernel's own: no process */
	case LINUX_SO_REUSEADDR:
	case LINUX_SO_PRIORITY:
	case LINUX_SO_BROADCAST:
		return 0;
	case LINUX_SO_ATTACH_FILTER:
	case LINUX_SO_DETACH_FILTER:
		/* Nothing but answers comes: there is nothing to filter. */
		return s->sock.protocol == LINUX_NETLINK_KOBJECT_UEVENT
			       ? 0
			       : -ENOPROTOOPT;
	default:
		return -ENOPROTOOPT;
	}
}

static int nl_setsockopt(struct socket *sock, int level, int name,
			 const void *val, uint32_t len)
{
	struct nl_sock *s = nl_of(sock);
	int32_t v = 0;

	if (level != LINUX_SOL_SOCKET && level != LINUX_SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	if (level == LINUX_SOL_SOCKET)
		return set_socket(s, name, v, val, len);
	if (name == LINUX_NETLINK_ADD_MEMBERSHIP ||
	    name == LINUX_NETLINK_DROP_MEMBERSHIP)
		return set_group(s, name, (uint32_t)v);
	if (!is_flag(name))
		return -ENOPROTOOPT;
	if (v)
		atomic_fetch_or(&s->flags_on, 1ull << name);
	else
		atomic_fetch_and(&s->flags_on, ~(1ull << name));
	return 0;
}

static int get_socket(struct nl_sock *s, int name, int32_t *out)
{
	const struct {
		int name;
		int32_t value;
	} known[] = {
		{ LINUX_SO_TYPE, s->sock.type },
		{ LINUX_SO_DOMAIN, s->sock.family },
		{ LINUX_SO_PROTOCOL, s->sock.protocol },
		{ LINUX_SO_SNDBUF, (int32_t)s->sndbuf },
		{ LINUX_SO_RCVBUF, (int32_t)s->rcvbuf },
		{ LINUX_SO_ACCEPTCONN, 0 },
		{ LINUX_SO_PASSCRED, 0 },
		{ LINUX_SO_RCVLOWAT, 1 },
		{ LINUX_SO_SNDLOWAT, 1 },
	};

	if (name == LINUX_SO_ERROR) {
		*out = atomic_exchange(&s->err, 0);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].name == name) {
			*out = known[i].value;
			return 0;
		}
	return -ENOPROTOOPT;
}

static int nl_getsockopt(struct socket *sock, int level, int name, void *val,
			 uint32_t *len)
{
	struct nl_sock *s = nl_of(sock);
	int32_t v = 0;
	int ret = 0;

	if (level == LINUX_SOL_SOCKET)
		ret = get_socket(s, name, &v);
	else if (level == LINUX_SOL_NETLINK && is_flag(name))
		v = (int32_t)(s->flags_on >> name & 1);
	else if (level == LINUX_SOL_NETLINK &&
		 name == LINUX_NETLINK_LIST_MEMBERSHIPS)
		v = (int32_t)s->groups;
	else
		ret = -ENOPROTOOPT;
	if (ret < 0)
		return ret;
	*len = MIN(*len, (uint32_t)sizeof(v));
	memcpy(val, &v, *len);
	return 0;
}

static const struct socket_ops netlink_ops = {
	.bind = nl_bind,
	.connect = nl_connect,
	.getname = nl_getname,
	.send = nl_send,
	.recv = nl_recv,
	.getsockopt = nl_getsockopt,
	.setsockopt = nl_setsockopt,
	.poll = nl_poll,
	.release = nl_release,
};
