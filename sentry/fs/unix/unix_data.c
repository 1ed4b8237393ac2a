/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_data: messages of AF_UNIX sockets.
 *
 * A sender charges itself for a message and may send while its charge is below
 * its buffer size; whoever frees the message takes the charge back.  Streams
 * are cut into pieces, which are read across their borders, except where the
 * sender's identity changes (SO_PASSCRED) or descriptors came along.
 *
 * Freeing a message may close the last descriptor of another socket, and so on;
 * that is done in a loop, not by recursion (a guest chooses the depth).
 *
 * Locks: u->mu of the receiver; held across copies to the guest, like a pipe's.
 * Tests: tests/conformance/unix_socket.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/fs/unix/unix.h"
#include "sentry/kernel/task.h"

#define OVERHEAD   256u /* what a message costs beside its bytes */
#define EVENTS_IN  (LINUX_POLLIN | LINUX_POLLRDNORM)
#define EVENTS_OUT (LINUX_POLLOUT | LINUX_POLLWRNORM)

/* Descriptors under way: unix_attach_fds() of Linux. */
static _Atomic uint64_t g_inflight;

/* --- messages ------------------------------------------------------------- */

static void free_msg(struct unix_msg *msg)
{
	struct unix_sock *from = msg->from;

	g_inflight -= msg->scm.nr_files;
	scm_fini(&msg->scm);
	if (msg->name)
		unix_name_put(msg->name);
	if (from) {
		from->charged -= msg->charge;
		if (unix_writable(from))
			unix_wake(from, EVENTS_OUT);
		unix_put(from);
	}
	free(msg);
}

void unix_drop_msgs(struct list *msgs)
{
	static _Thread_local struct list todo;
	static _Thread_local bool busy;
	struct unix_msg *msg;

	if (!todo.next)
		list_init(&todo);
	list_splice(msgs, &todo);
	if (busy)
		return; /* the loop below goes on with them */
	busy = true;
	while ((msg = list_first(&todo, struct unix_msg, node))) {
		list_del(&msg->node);
		free_msg(msg);
	}
	busy = false;
}

static int new_msg(struct unix_sock *from, struct socket_msg *m, size_t size,
		   struct unix_msg **out)
{
	struct unix_msg *msg = malloc(sizeof(*msg) + size);
	long got = 0;

	if (!msg)
		return -ENOMEM;
	memset(msg, 0, sizeof(*msg));
	list_init(&msg->node);
	if (size)
		got = uio_copy_in(m->u, msg->data, size);
	if (got != (long)size) {
		free(msg);
		return -EFAULT;
	}
	msg->size = size;
	msg->charge = (uint32_t)(size + OVERHEAD);
	msg->from = from;
	unix_get(from);
	from->charged += msg->charge;
	msg->name = unix_get_name(from);
	if (m->scm.has_cred)
		msg->scm.cred = m->scm.cred;
	else
		current_ucred(&msg->scm.cred);
	*out = msg;
	return 0;
}

static int check_inflight(const struct socket_msg *m)
{
	uint64_t limit = task_rlimit(current_task(), RLIM_NOFILE);

	if (!m->scm.nr_files || g_inflight + m->scm.nr_files <= limit)
		return 0;
	if (capable(CAP_NR_SYS_RESOURCE) || capable(CAP_NR_SYS_ADMIN))
		return 0;
	return -ETOOMANYREFS;
}

/* The descriptors of a send go with its first message. */
static void move_files(struct socket_msg *m, struct unix_msg *msg)
{
	msg->scm.files = m->scm.files;
	msg->scm.nr_files = m->scm.nr_files;
	g_inflight += msg->scm.nr_files;
	m->scm.files = NULL;
	m->scm.nr_files = 0;
}

/* And come back if it could not be queued. */
static void return_files(struct socket_msg *m, struct unix_msg *msg)
{
	if (!msg->scm.nr_files)
		return;
	g_inflight -= msg->scm.nr_files;
	m->scm.files = msg->scm.files;
	m->scm.nr_files = msg->scm.nr_files;
	msg->scm.files = NULL;
	msg->scm.nr_files = 0;
}

/* --- sending -------------------------------------------------------------- */

static bool may_send(struct unix_sock *u)
{
	bool yes;

	mutex_lock(&u->mu);
	yes = u->charged < u->sndbuf || u->err || (u->shut & SHUT_SEND);
	mutex_unlock(&u->mu);
	return yes;
}

/* Room for one more message of @u: 0, -EPIPE, -EAGAIN, -ERESTARTSYS, error */
static int wait_for_room(struct unix_sock *u, bool nonblock)
{
	int ret;

	for (;;) {
		mutex_lock(&u->mu);
		if (u->err) {
			ret = -u->err;
			u->err = 0;
		} else if (u->shut & SHUT_SEND) {
			ret = -EPIPE;
		} else {
			ret = u->charged < u->sndbuf ? 0 : -EAGAIN;
		}
		mutex_unlock(&u->mu);
		if (ret != -EAGAIN || nonblock)
			return ret;
		ret = unix_wait(u, EVENTS_OUT, u->sndtimeo, may_send);
		if (ret < 0)
			return ret;
	}
}

/* -EPIPE: nobody will read it; -ECONNREFUSED: the datagram's socket is gone;
 * -EAGAIN: its queue is full; -EPERM: it talks to somebody else. */
static int enqueue(struct unix_sock *dest, struct unix_sock *u,
		   struct unix_msg *msg)
{
	int ret = 0;

	mutex_lock(&dest->mu);
	if (dest->dead && unix_is_dgram(dest)) {
		ret = -ECONNREFUSED;
	} else if (dest->dead || (dest->shut & SHUT_RCV)) {
		ret = -EPIPE;
	} else if (unix_is_dgram(dest) && dest->peer && dest->peer != u) {
		ret = -EPERM;
	} else if (unix_is_dgram(dest) && dest->peer != u && dest != u &&
		   dest->nr_queued >= UNIX_DGRAM_QLEN) {
		ret = -EAGAIN;
	} else {
		list_append(&dest->queue, &msg->node);
		dest->nr_queued++;
	}
	mutex_unlock(&dest->mu);
	if (ret == 0)
		unix_wake(dest, EVENTS_IN);
	return ret;
}

static int send_piece(struct unix_sock *u, struct unix_sock *dest,
		      struct socket_msg *m)
{
	size_t size = MIN(m->u->left, UNIX_STREAM_PIECE);
	struct unix_msg *msg = NULL;
	int ret;

	ret = wait_for_room(u, m->flags & LINUX_MSG_DONTWAIT);
	if (ret == 0)
		ret = new_msg(u, m, size, &msg);
	if (ret != 0)
		return ret;
	move_files(m, msg);
	ret = enqueue(dest, u, msg);
	if (ret < 0) {
		return_files(m, msg);
		free_msg(msg);
		return ret;
	}
	return (int)size;
}

static long send_stream(struct unix_sock *u, struct socket_msg *m)
{
	struct unix_sock *dest = unix_peer(u);
	long done = 0, ret = 0;

	if (m->namelen) {
		if (dest)
			unix_put(dest);
		return dest ? -EISCONN : -EOPNOTSUPP;
	}
	if (!dest)
		return u->shut & SHUT_SEND ? -EPIPE : -ENOTCONN;
	while (m->u->left > 0) {
		ret = send_piece(u, dest, m);
		if (ret < 0)
			break;
		done += ret;
	}
	unix_put(dest);
	if (done)
		return done;
	if (ret == -EPIPE && !(m->flags & LINUX_MSG_NOSIGNAL))
		return broken_pipe();
	return ret;
}

/* Where a datagram goes, +1. */
static int destination(struct unix_sock *u, struct socket_msg *m,
		       struct unix_sock **out)
{
	if (m->namelen && unix_is_dgram(u))
		return unix_find(m->name, m->namelen, u->sock.type, out);
	*out = unix_peer(u);
	return *out ? 0 : -ENOTCONN;
}

static bool queue_has_room(struct unix_sock *dest)
{
	bool yes;

	mutex_lock(&dest->mu);
	yes = dest->dead || dest->nr_queued < UNIX_DGRAM_QLEN;
	mutex_unlock(&dest->mu);
	return yes;
}

/* Forgets a destination that is gone. */
static void disconnect(struct unix_sock *u, struct unix_sock *dest)
{
	bool ours;

	mutex_lock(&u->mu);
	ours = u->peer == dest;
	if (ours)
		u->peer = NULL;
	mutex_unlock(&u->mu);
	if (ours)
		unix_put(dest);
}

static int deliver(struct unix_sock *u, struct unix_sock *dest,
		   struct unix_msg *msg, bool nonblock)
{
	int ret;

	for (;;) {
		ret = enqueue(dest, u, msg);
		if (ret != -EAGAIN || nonblock)
			break;
		ret = unix_wait(dest, EVENTS_OUT, u->sndtimeo, queue_has_room);
		if (ret < 0)
			break;
	}
	if (ret == -ECONNREFUSED)
		disconnect(u, dest);
	return ret;
}

static long send_packet(struct unix_sock *u, struct socket_msg *m)
{
	bool nonblock = m->flags & LINUX_MSG_DONTWAIT;
	size_t size = m->u->left;
	struct unix_sock *dest;
	struct unix_msg *msg;
	int ret;

	ret = destination(u, m, &dest);
	if (ret < 0)
		return ret;
	if (size > u->sndbuf - 32)
		ret = -EMSGSIZE;
	if (ret == 0)
		ret = wait_for_room(u, nonblock);
	if (ret == 0)
		ret = new_msg(u, m, size, &msg);
	if (ret == 0) {
		move_files(m, msg);
		ret = deliver(u, dest, msg, nonblock);
		if (ret < 0) {
			return_files(m, msg);
			free_msg(msg);
		}
	}
	unix_put(dest);
	return ret < 0 ? ret : (long)size;
}

long unix_send(struct socket *s, struct socket_msg *m)
{
	struct unix_sock *u = unix_of(s);
	int ret;

	if (m->flags & LINUX_MSG_OOB)
		return -EOPNOTSUPP;
	ret = check_inflight(m);
	if (ret < 0)
		return ret;
	return unix_is_stream(u) ? send_stream(u, m) : send_packet(u, m);
}

/* --- receiving ------------------------------------------------------------ */

static bool may_receive(struct unix_sock *u)
{
	bool yes;

	mutex_lock(&u->mu);
	yes = !list_empty(&u->queue) || u->err || (u->shut & SHUT_RCV) ||
	      u->dead;
	mutex_unlock(&u->mu);
	return yes;
}

static void tell_source(struct socket_msg *m, const struct unix_msg *msg)
{
	m->namelen = 0;
	if (!msg->name)
		return;
	m->namelen = msg->name->len;
	memcpy(m->name, &msg->name->addr, m->namelen);
}

static void take_cred(struct unix_sock *u, struct socket_msg *m,
		      const struct unix_msg *msg)
{
	m->scm.cred = msg->scm.cred;
	m->scm.has_cred = u->passcred;
}

/* Hands over the descriptors of @msg.  If it stays, it gives copies. */
static int take_files(struct socket_msg *m, struct unix_msg *msg, bool peek)
{
	struct scm copy = { 0 };
	int ret = 0;

	if (!msg->scm.nr_files)
		return 0;
	if (peek)
		ret = scm_copy(&msg->scm, &copy);
	if (ret < 0)
		return ret;
	if (!peek) {
		g_inflight -= msg->scm.nr_files;
		copy = msg->scm;
		msg->scm.files = NULL;
		msg->scm.nr_files = 0;
	}
	m->scm.files = copy.files;
	m->scm.nr_files = copy.nr_files;
	return 0;
}

static bool same_sender(const struct socket_msg *m, const struct unix_msg *msg)
{
	return memcmp(&m->scm.cred, &msg->scm.cred, sizeof(m->scm.cred)) == 0;
}

/* Accounts for bytes of @msg that were read; used up, it goes to @used. */
static void consume(struct unix_sock *u, struct unix_msg *msg, size_t n,
		    struct list *used)
{
	msg->done += n;
	if (msg->done < msg->size)
		return;
	list_del(&msg->node);
	list_append(used, &msg->node);
	u->nr_queued--;
}

/*
 * Reads across messages, under u->mu, up to and with the first that carries
 * descriptors.  *done grows; returns 1 to go on when more arrives, 0 to stop,
 * -errno.
 */
static int read_queue(struct unix_sock *u, struct socket_msg *m, long *done,
		      struct list *used)
{
	bool peek = m->flags & LINUX_MSG_PEEK;
	struct unix_msg *msg, *next;
	long got;
	int ret;

	list_for_each_entry_safe (msg, next, &u->queue, node) {
		if (*done && m->scm.has_cred && !same_sender(m, msg))
			return 0;
		got = uio_copy_out(m->u, msg->data + msg->done,
				   MIN(m->u->left, msg->size - msg->done));
		if (got < 0)
			return (int)got;
		if (*done == 0) {
			tell_source(m, msg);
			take_cred(u, m, msg);
		}
		ret = take_files(m, msg, peek);
		if (ret < 0)
			return ret;
		*done += got;
		if (!peek)
			consume(u, msg, (size_t)got, used);
		if (m->u->left == 0 || m->scm.nr_files)
			return 0;
	}
	return !peek;
}

/* One look at the queue: as read_queue(), -EAGAIN if there is nothing. */
static int read_once(struct unix_sock *u, struct socket_msg *m, long *done)
{
	struct list used;
	int ret;

	list_init(&used);
	mutex_lock(&u->mu);
	if (!list_empty(&u->queue)) {
		ret = read_queue(u, m, done, &used);
	} else if (u->err) {
		ret = *done ? 0 : -u->err;
		if (!*done)
			u->err = 0;
	} else {
		ret = u->shut & SHUT_RCV ? 0 : -EAGAIN;
	}
	mutex_unlock(&u->mu);
	unix_drop_msgs(&used);
	return ret;
}

static long recv_stream(struct unix_sock *u, struct socket_msg *m)
{
	bool all = m->flags & LINUX_MSG_WAITALL;
	long done = 0;
	int ret;

	if (u->state != UNIX_CONNECTED)
		return -EINVAL;
	if (m->u->left == 0)
		return 0;
	for (;;) {
		ret = read_once(u, m, &done);
		if (ret != 1 && ret != -EAGAIN)
			break;
		if (done && (!all || m->u->left == 0))
			break;
		if (ret == 1)
			continue;
		if (m->flags & LINUX_MSG_DONTWAIT)
			break;
		ret = unix_wait(u, EVENTS_IN, u->rcvtimeo, may_receive);
		if (ret < 0)
			break;
	}
	return done ? done : MIN(ret, 0);
}

/* The first message, under u->mu: its bytes, *used set if it is to be freed. */
static long read_packet(struct unix_sock *u, struct socket_msg *m,
			struct list *used)
{
	struct unix_msg *msg = list_first(&u->queue, struct unix_msg, node);
	bool peek = m->flags & LINUX_MSG_PEEK;
	size_t size = MIN(msg->size, m->u->left);
	long ret = 0;

	if (size < msg->size)
		m->out_flags |= LINUX_MSG_TRUNC;
	if (size)
		ret = uio_copy_out(m->u, msg->data, size);
	if (ret >= 0 && (size_t)ret < size)
		ret = -EFAULT;
	if (ret >= 0) {
		tell_source(m, msg);
		take_cred(u, m, msg);
		ret = take_files(m, msg, peek);
	}
	if (!peek)
		consume(u, msg, msg->size, used);
	if (ret < 0)
		return ret;
	return (long)(m->flags & LINUX_MSG_TRUNC ? msg->size : size);
}

static long recv_packet(struct unix_sock *u, struct socket_msg *m)
{
	bool nonblock = m->flags & LINUX_MSG_DONTWAIT;
	struct list used;
	long ret;

	if (!unix_is_dgram(u) && u->state != UNIX_CONNECTED)
		return -ENOTCONN;
	for (;;) {
		list_init(&used);
		mutex_lock(&u->mu);
		if (!list_empty(&u->queue)) {
			ret = read_packet(u, m, &used);
		} else if (u->err) {
			ret = -u->err;
			u->err = 0;
		} else if ((u->shut & SHUT_RCV) &&
			   !(nonblock && unix_is_dgram(u))) {
			ret = 0;
		} else {
			ret = -EAGAIN;
		}
		mutex_unlock(&u->mu);
		if (!list_empty(&used)) {
			unix_drop_msgs(&used);
			unix_wake(u, EVENTS_OUT); /* who waits to send here */
		}
		if (ret != -EAGAIN || nonblock)
			return ret;
		ret = unix_wait(u, EVENTS_IN, u->rcvtimeo, may_receive);
		if (ret < 0)
			return ret;
	}
}

long unix_recv(struct socket *s, struct socket_msg *m)
{
	struct unix_sock *u = unix_of(s);

	if (m->flags & LINUX_MSG_OOB)
		return -EOPNOTSUPP;
	if (m->flags & LINUX_MSG_ERRQUEUE)
		return -EAGAIN;
	return unix_is_stream(u) ? recv_stream(u, m) : recv_packet(u, m);
}

/* --- ioctl ---------------------------------------------------------------- */

static long bytes_queued(struct unix_sock *u)
{
	struct unix_msg *msg;
	long n = 0;

	mutex_lock(&u->mu);
	if (u->state == UNIX_LISTEN)
		n = -EINVAL;
	else
		list_for_each_entry (msg, &u->queue, node) {
			n += (long)(msg->size - msg->done);
			if (!unix_is_stream(u))
				break;
		}
	mutex_unlock(&u->mu);
	return n;
}

long unix_ioctl(struct socket *s, uint32_t cmd, uint64_t arg)
{
	struct unix_sock *u = unix_of(s);
	int32_t value;
	long n;

	if (cmd == LINUX_SIOCINQ)
		n = bytes_queued(u);
	else if (cmd == LINUX_SIOCOUTQ)
		n = (long)u->charged;
	else
		return -ENOTTY;
	if (n < 0)
		return n;
	value = (int32_t)n;
	return copy_out(uaddr(arg), &value, sizeof(value));
}
