/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_sock: life and waiting of AF_UNIX sockets.
 *
 * References: the file, each message that is charged to the socket, its peer,
 * and look-ups.  A socket whose file is gone is dead; it stays as long as
 * others point at it.
 *
 * Locks: u->mu (LOCK_PIPE); two sockets by address.
 * Tests: tests/conformance/unix_socket.c
 */
#include <errno.h>

#include "abi/poll.h"
#include "sentry/fs/unix/unix.h"
#include "sentry/kernel/task.h"
#include "sentry/time/clock.h"

static const struct socket_ops unix_ops;

int unix_new(int type, struct unix_sock **out)
{
	struct unix_sock *u = kzalloc(sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->sock = (struct socket){ &unix_ops, LINUX_AF_UNIX, type, 0 };
	ref_init(&u->ref);
	mutex_init(&u->mu, LOCK_PIPE);
	list_init(&u->queue);
	list_init(&u->pending);
	list_init(&u->pending_node);
	list_init(&u->table_node);
	u->sndbuf = u->rcvbuf = UNIX_BUF_DEFAULT;
	waitq_init(&u->wq);
	*out = u;
	return 0;
}

void unix_get(struct unix_sock *u)
{
	ref_get(&u->ref);
}

void unix_put(struct unix_sock *u)
{
	if (!ref_put(&u->ref))
		return;
	if (u->name)
		unix_name_put(u->name);
	if (u->peer)
		unix_put(u->peer);
	path_put(&u->path);
	waitq_fini(&u->wq);
	pthread_mutex_destroy(&u->mu.raw);
	free(u);
}

struct unix_sock *unix_peer(struct unix_sock *u)
{
	struct unix_sock *peer;

	mutex_lock(&u->mu);
	peer = u->peer;
	if (peer)
		unix_get(peer);
	mutex_unlock(&u->mu);
	return peer;
}

void unix_wake(struct unix_sock *u, uint32_t events)
{
	waitq_wake(&u->wq, events);
}

bool unix_writable(const struct unix_sock *u)
{
	return u->charged * 4 <= u->sndbuf;
}

int unix_wait(struct unix_sock *u, uint32_t events, uint64_t timeo,
	      bool (*ready)(struct unix_sock *u))
{
	uint64_t deadline = timeo ? clock_monotonic() + timeo : NO_DEADLINE;
	struct task_waiter w;
	int ret = 0;

	task_waiter_init(&w, current_task());
	waitq_add(&u->wq, &w.waiter, events | LINUX_POLLERR | LINUX_POLLHUP);
	while (!ready(u)) {
		ret = task_sleep(&w, deadline);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	if (ret == -ETIMEDOUT)
		return -EAGAIN;
	/* With a timeout a restart would begin anew: Linux says EINTR. */
	return ret == -ERESTARTSYS && timeo ? -EINTR : ret;
}

/* --- polling -------------------------------------------------------------- */

static uint32_t state_events(struct unix_sock *u)
{
	uint32_t events = 0;

	mutex_lock(&u->mu);
	if (u->err)
		events |= LINUX_POLLERR;
	if (u->shut == SHUT_BOTH)
		events |= LINUX_POLLHUP;
	if (u->shut & SHUT_RCV)
		events |= LINUX_POLLRDHUP | LINUX_POLLIN | LINUX_POLLRDNORM;
	if (!list_empty(&u->queue) || !list_empty(&u->pending))
		events |= LINUX_POLLIN | LINUX_POLLRDNORM;
	if (!unix_is_dgram(u) && u->state == UNIX_CLOSED)
		events |= LINUX_POLLHUP;
	if (u->state != UNIX_LISTEN && unix_writable(u))
		events |= LINUX_POLLOUT | LINUX_POLLWRNORM | LINUX_POLLWRBAND;
	mutex_unlock(&u->mu);
	return events;
}

static uint32_t unix_poll(struct socket *s, struct poll_table *pt)
{
	struct unix_sock *u = unix_of(s);

	poll_wait(pt, &u->wq);
	return state_events(u);
}

static void unix_release(struct socket *s)
{
	struct unix_sock *u = unix_of(s);

	unix_hangup(u);
	unix_put(u);
}

static const struct socket_ops unix_ops = {
	.bind = unix_bind,
	.connect = unix_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.getname = unix_getname,
	.send = unix_send,
	.recv = unix_recv,
	.shutdown = unix_shutdown,
	.getsockopt = unix_getsockopt,
	.setsockopt = unix_setsockopt,
	.poll = unix_poll,
	.ioctl = unix_ioctl,
	.release = unix_release,
};

/* --- making --------------------------------------------------------------- */

static int check_type(int *type, int protocol)
{
	if (protocol && protocol != LINUX_AF_UNIX)
		return -EPROTONOSUPPORT;
	if (*type == LINUX_SOCK_RAW) /* "believe it or not" */
		*type = LINUX_SOCK_DGRAM;
	if (*type != LINUX_SOCK_STREAM && *type != LINUX_SOCK_DGRAM &&
	    *type != LINUX_SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	return 0;
}

int unix_socket(int type, int protocol, struct socket **out)
{
	struct unix_sock *u;
	int ret = check_type(&type, protocol);

	if (ret == 0)
		ret = unix_new(type, &u);
	if (ret < 0)
		return ret;
	u->sock.protocol = 0;
	*out = &u->sock;
	return 0;
}

int unix_socketpair(int type, int protocol, struct socket *out[2])
{
	struct unix_sock *a, *b;
	int ret = check_type(&type, protocol);

	if (ret == 0)
		ret = unix_new(type, &a);
	if (ret < 0)
		return ret;
	ret = unix_new(type, &b);
	if (ret < 0) {
		unix_put(a);
		return ret;
	}
	unix_join(a, b);
	out[0] = &a->sock;
	out[1] = &b->sock;
	return 0;
}
