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
	u->sock = (struct socket){ .ops = &unix_ops,
				   .family = LINUX_AF_UNIX,
				   .type = type };
	ref_init(&u->ref);
	mutex_init(&u->mu, LOCK_PIPE);
	list_init(&u->queue);
	list_init(&u->pending);
	list_init(&u->pending_node);
	list_init(&u->table_node);
	mutex_init(&u->read_mu, LOCK_FILE_POS);
	list_init(&u->gc.node);
	list_init(&u->gc.todo);
	u->sndbuf = u->rcvbuf = UNIX_BUF_DEFAULT;
	u->rcvlowat = 1;
	u->peek_off = -1;
	waitq_init(&u->wq);
	u->net = current_task()->ns[TASK_NS_NET];
	ns_get(u->net);
	unix_list_add(u);
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
	unix_list_del(u);
	unix_id_clear(&u->peer_id);
	unix_id_clear(&u->own_id);
	if (u->name)
		unix_name_put(u->name);
	if (u->peer)
		unix_put(u->peer);
	path_put(&u->path);
	ns_put(u->net);
	waitq_fini(&u->wq);
	pthread_mutex_destroy(&u->mu.raw);
	pthread_mutex_destroy(&u->read_mu.raw);
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

uint64_t unix_deadline(uint64_t timeo)
{
	return timeo ? clock_monotonic() + timeo : NO_DEADLINE;
}

int unix_wait(struct unix_sock *u, uint32_t events, uint64_t deadline,
	      bool (*ready)(struct unix_sock *u, const void *arg),
	      const void *arg)
{
	struct task_waiter w;
	int ret = 0;

	task_waiter_init(&w, current_task());
	waitq_add(&u->wq, &w.waiter, events | LINUX_POLLERR | LINUX_POLLHUP);
	while (!ready(u, arg)) {
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

/* --- identities ----------------------------------------------------------- */

void unix_id_clear(struct unix_peer_id *id)
{
	if (id->cred)
		cred_put(id->cred);
	if (id->tg)
		thread_group_put(id->tg);
	*id = (struct unix_peer_id){ 0 };
}

void unix_id_current(struct unix_peer_id *id)
{
	struct task *t = current_task();

	unix_id_clear(id);
	current_ucred(&id->ucred);
	cred_get(t->cred); /* ours: no lock is needed to read it */
	id->cred = (struct cred *)(uintptr_t)t->cred;
	id->tg = t->group;
	thread_group_get(id->tg);
}

void unix_id_copy(const struct unix_peer_id *from, struct unix_peer_id *to)
{
	unix_id_clear(to);
	*to = *from;
	if (to->cred)
		cred_get(to->cred);
	if (to->tg)
		thread_group_get(to->tg);
}

/* --- polling -------------------------------------------------------------- */

/* Is the queue of the socket that @u sends to full, but for @u itself? */
static bool peer_is_full(struct unix_sock *u)
{
	struct unix_sock *peer = unix_is_dgram(u) ? unix_peer(u) : NULL;
	bool full;

	if (!peer)
		return false;
	mutex_lock(&peer->mu);
	full = peer->peer != u && peer != u &&
	       peer->nr_queued > UNIX_DGRAM_QLEN;
	mutex_unlock(&peer->mu);
	unix_put(peer);
	return full;
}

static uint32_t state_events(struct unix_sock *u)
{
	bool peer_full = peer_is_full(u);
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
	if (u->oob)
		events |= LINUX_POLLPRI;
	if (!unix_writable(u))
		u->full = true;
	else if (u->state != UNIX_LISTEN && !peer_full)
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
	unix_gc();
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
