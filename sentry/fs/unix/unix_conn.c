/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_conn: connecting, listening, accepting, and the end of connections.
 *
 * Invariant: connected stream and seqpacket sockets point at each other until
 *	      one of them has died.
 * Locks:     u->mu; a pair by address.
 * Tests:     tests/conformance/unix_socket.c
 */
#include <errno.h>

#include "abi/poll.h"
#include "sentry/fs/unix/unix.h"
#include "sentry/kernel/task.h"

#define MAX_BACKLOG 4096u /* net.core.somaxconn */
#define ALL_EVENTS                                                            \
	(LINUX_POLLIN | LINUX_POLLRDNORM | LINUX_POLLOUT | LINUX_POLLWRNORM | \
	 LINUX_POLLRDHUP | LINUX_POLLHUP)

NO_LOCK_CHECK static void lock_pair(struct unix_sock *a, struct unix_sock *b)
{
	mutex_lock(a < b ? &a->mu : &b->mu);
	mutex_lock_nested(a < b ? &b->mu : &a->mu);
}

NO_LOCK_CHECK static void unlock_pair(struct unix_sock *a, struct unix_sock *b)
{
	mutex_unlock(&a->mu);
	mutex_unlock(&b->mu);
}

/* Both are new or locked. */
static void set_peers(struct unix_sock *a, struct unix_sock *b)
{
	unix_get(b);
	a->peer = b;
	a->state = UNIX_CONNECTED;
	unix_get(a);
	b->peer = a;
	b->state = UNIX_CONNECTED;
}

void unix_join(struct unix_sock *a, struct unix_sock *b)
{
	set_peers(a, b);
	unix_id_current(&a->peer_id);
	unix_id_copy(&a->peer_id, &b->peer_id);
}

/* --- listening ------------------------------------------------------------ */

int unix_listen(struct socket *s, int backlog)
{
	struct unix_peer_id id = { 0 }, old;
	struct unix_sock *u = unix_of(s);
	int ret = 0;

	if (unix_is_dgram(u))
		return -EOPNOTSUPP;
	unix_id_current(&id);
	mutex_lock(&u->mu);
	if (!u->name || u->state == UNIX_CONNECTED) {
		ret = -EINVAL;
	} else {
		u->state = UNIX_LISTEN;
		u->backlog = MIN((uint32_t)backlog, MAX_BACKLOG);
		old = u->own_id;
		u->own_id = id;
		id = old;
	}
	mutex_unlock(&u->mu);
	unix_id_clear(&id);
	if (ret == 0)
		unix_wake(u, LINUX_POLLOUT);
	return ret;
}

static bool may_accept(struct unix_sock *u, const void *arg)
{
	bool yes;

	(void)arg;
	mutex_lock(&u->mu);
	yes = !list_empty(&u->pending) || (u->shut & SHUT_RCV) ||
	      u->state != UNIX_LISTEN;
	mutex_unlock(&u->mu);
	return yes;
}

static int try_accept(struct unix_sock *u, struct unix_sock **out)
{
	struct unix_sock *got = NULL;
	int ret = 0;

	mutex_lock(&u->mu);
	got = list_first(&u->pending, struct unix_sock, pending_node);
	if (u->state != UNIX_LISTEN) {
		ret = -EINVAL;
	} else if (got) {
		list_del(&got->pending_node);
		u->nr_pending--;
		*out = got;
	} else {
		ret = u->shut & SHUT_RCV ? -EINVAL : -EAGAIN;
	}
	mutex_unlock(&u->mu);
	if (ret == 0)
		unix_wake(u, LINUX_POLLOUT); /* who waits to connect */
	return ret;
}

int unix_accept(struct socket *s, bool nonblock, struct socket **out)
{
	struct unix_sock *u = unix_of(s), *got = NULL;
	uint64_t deadline = unix_deadline(u->rcvtimeo);
	int ret;

	if (unix_is_dgram(u))
		return -EOPNOTSUPP;
	for (;;) {
		ret = try_accept(u, &got);
		if (ret != -EAGAIN || nonblock)
			break;
		ret = unix_wait(u, LINUX_POLLIN, deadline, may_accept, NULL);
		if (ret < 0)
			return ret;
	}
	if (ret == 0)
		*out = &got->sock;
	return ret;
}

/* --- connecting ----------------------------------------------------------- */

static bool may_connect(struct unix_sock *u, const void *arg)
{
	bool yes;

	(void)arg;
	mutex_lock(&u->mu);
	yes = u->dead || u->state != UNIX_LISTEN || (u->shut & SHUT_RCV) ||
	      u->nr_pending <= u->backlog;
	mutex_unlock(&u->mu);
	return yes;
}

/* @u and the listener @l are locked; @fresh becomes the other end. */
static int connect_locked(struct unix_sock *u, struct unix_sock *l,
			  struct unix_sock *fresh)
{
	if (u->state == UNIX_CONNECTED)
		return -EISCONN;
	if (u->state == UNIX_LISTEN)
		return -EINVAL;
	if (l->dead || l->state != UNIX_LISTEN || (l->shut & SHUT_RCV))
		return -ECONNREFUSED;
	if (l->nr_pending > l->backlog)
		return -EAGAIN;
	set_peers(u, fresh);
	unix_id_current(&fresh->peer_id);
	unix_id_copy(&l->own_id, &u->peer_id);
	fresh->passcred = (bool)l->passcred;
	fresh->passpidfd = (bool)l->passpidfd;
	fresh->no_rights = (bool)l->no_rights;
	if (l->name) {
		ref_get(&l->name->ref);
		fresh->name = l->name;
	}
	list_append(&l->pending, &fresh->pending_node);
	l->nr_pending++;
	return 0;
}

static int try_connect(struct unix_sock *u, struct unix_sock *l)
{
	struct unix_sock *fresh;
	int ret;

	if (u == l)
		return l->state == UNIX_LISTEN ? -EINVAL : -ECONNREFUSED;
	ret = unix_new(u->sock.type, &fresh);
	if (ret < 0)
		return ret;
	lock_pair(u, l);
	ret = connect_locked(u, l, fresh);
	unlock_pair(u, l);
	if (ret < 0) {
		unix_put(fresh);
		return ret;
	}
	unix_wake(l, LINUX_POLLIN | LINUX_POLLRDNORM);
	return 0;
}

static int connect_stream(struct unix_sock *u, const void *addr, uint32_t len,
			  bool nonblock)
{
	uint64_t deadline = unix_deadline(u->sndtimeo);
	struct unix_sock *l;
	int ret;

	for (;;) {
		ret = unix_find(u, addr, len, u->sock.type, &l);
		if (ret < 0)
			return ret;
		ret = try_connect(u, l);
		if (ret == -EAGAIN && !nonblock) {
			ret = unix_wait(l, LINUX_POLLOUT, deadline, may_connect,
					NULL);
			unix_put(l);
			if (ret == 0)
				continue;
			return ret;
		}
		unix_put(l);
		return ret;
	}
}

/* A datagram socket gets a destination, or (@dest NULL) none. */
static int connect_dgram(struct unix_sock *u, struct unix_sock *dest)
{
	struct unix_sock *old, *theirs = NULL;

	if (dest)
		theirs = unix_peer(dest);
	if (theirs) {
		bool ours = theirs == u;

		unix_put(theirs);
		if (!ours)
			return -EPERM;
	}
	mutex_lock(&u->mu);
	old = u->peer;
	u->peer = dest;
	u->state = dest ? UNIX_CONNECTED : UNIX_CLOSED;
	if (dest)
		unix_get(dest);
	mutex_unlock(&u->mu);
	if (old)
		unix_put(old);
	return 0;
}

int unix_connect(struct socket *s, const void *addr, uint32_t len,
		 bool nonblock)
{
	const struct linux_sockaddr_un *a = addr;
	struct unix_sock *u = unix_of(s), *dest;
	int ret;

	if (len < sizeof(a->family))
		return -EINVAL;
	if (a->family != LINUX_AF_UNSPEC) {
		ret = unix_autobind_if_asked(u);
		if (ret < 0)
			return ret;
	}
	if (!unix_is_dgram(u))
		return connect_stream(u, addr, len, nonblock);
	if (a->family == LINUX_AF_UNSPEC)
		return connect_dgram(u, NULL);
	ret = unix_find(u, addr, len, u->sock.type, &dest);
	if (ret < 0)
		return ret;
	ret = connect_dgram(u, dest);
	unix_put(dest);
	return ret;
}

/* --- the end -------------------------------------------------------------- */

/* @peer sees @shut of its connection close. */
static void shut_peer(struct unix_sock *peer, uint8_t shut, int err)
{
	mutex_lock(&peer->mu);
	peer->shut |= shut;
	if (err)
		peer->err = err;
	mutex_unlock(&peer->mu);
	unix_wake(peer, ALL_EVENTS);
}

int unix_shutdown(struct socket *s, int how)
{
	struct unix_sock *u = unix_of(s), *peer;
	uint8_t mode, theirs = 0;

	if (how < LINUX_SHUT_RD || how > LINUX_SHUT_RDWR)
		return -EINVAL;
	mode = (uint8_t)(how + 1);
	mutex_lock(&u->mu);
	u->shut |= mode;
	mutex_unlock(&u->mu);
	unix_wake(u, ALL_EVENTS);
	if (unix_is_dgram(u))
		return 0;
	if (mode & SHUT_RCV)
		theirs |= SHUT_SEND;
	if (mode & SHUT_SEND)
		theirs |= SHUT_RCV;
	peer = unix_peer(u);
	if (peer) {
		shut_peer(peer, theirs, 0);
		unix_put(peer);
	}
	return 0;
}

static void hangup(struct unix_sock *u, bool reset);

/* Connections that nobody accepted are reset. */
static void drop_pending(struct list *pending)
{
	struct unix_sock *u;

	while ((u = list_first(pending, struct unix_sock, pending_node))) {
		list_del(&u->pending_node);
		hangup(u, true);
		unix_put(u);
	}
}

static void hangup(struct unix_sock *u, bool reset)
{
	struct list msgs, pending;
	struct unix_sock *peer;

	list_init(&msgs);
	list_init(&pending);
	unix_unbind(u);
	mutex_lock(&u->mu);
	u->dead = true;
	u->shut = SHUT_BOTH;
	u->state = UNIX_CLOSED;
	peer = u->peer;
	u->peer = NULL;
	reset |= !list_empty(&u->queue); /* data that nobody will read */
	list_splice(&u->queue, &msgs);
	u->nr_queued = 0;
	u->oob = NULL;
	list_splice(&u->pending, &pending);
	u->nr_pending = 0;
	mutex_unlock(&u->mu);
	unix_wake(u, ALL_EVENTS);
	if (peer && !unix_is_dgram(u))
		shut_peer(peer, SHUT_BOTH, reset ? ECONNRESET : 0);
	if (peer)
		unix_put(peer);
	drop_pending(&pending);
	unix_drop_msgs(&msgs);
}

void unix_hangup(struct unix_sock *u)
{
	hangup(u, false);
}
