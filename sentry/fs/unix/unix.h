/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix: AF_UNIX sockets, unix(7); private to sentry/fs/unix.
 *
 * A socket owns the queue of messages it is to receive.  Each message is
 * charged to its sender until it has been read.
 */
#ifndef SENTRY_FS_UNIX_UNIX_H
#define SENTRY_FS_UNIX_UNIX_H

#include "sentry/net/socket.h"

#define UNIX_BUF_DEFAULT  212992u
#define UNIX_BUF_MIN	  4608u
#define UNIX_BUF_MAX	  (4u << 20)
#define UNIX_DGRAM_QLEN	  512u /* net.unix.max_dgram_qlen */
#define UNIX_STREAM_PIECE 32768u

enum unix_state { UNIX_CLOSED, UNIX_LISTEN, UNIX_CONNECTED };
enum { SHUT_RCV = 1, SHUT_SEND = 2, SHUT_BOTH = 3 };

struct unix_name {
	struct refcount ref;
	uint32_t len; /* of addr, family included */
	struct linux_sockaddr_un addr;
};

struct unix_msg {
	struct list node;
	struct unix_sock *from; /* a reference: charged for it */
	struct unix_name *name; /* the sender's, or NULL; a reference */
	struct scm scm;		/* files, and the sender's credentials */
	size_t size, done;	/* done: bytes read of a stream */
	uint32_t charge;
	char data[];
};

struct unix_sock {
	struct socket sock; /* first */
	struct refcount ref;
	struct mutex mu; /* LOCK_PIPE; two by address */
	enum unix_state state GUARDED_BY(mu);
	uint8_t shut GUARDED_BY(mu);
	bool dead GUARDED_BY(mu);	       /* its file is gone */
	int err GUARDED_BY(mu);		       /* SO_ERROR */
	struct unix_sock *peer GUARDED_BY(mu); /* a reference */
	struct list queue GUARDED_BY(mu);      /* unix_msg.node */
	uint32_t nr_queued GUARDED_BY(mu);
	struct unix_name *name GUARDED_BY(mu); /* a reference */
	/* Listening: connected sockets that nobody has accepted. */
	struct list pending, pending_node GUARDED_BY(mu);
	uint32_t nr_pending, backlog GUARDED_BY(mu);
	struct linux_ucred peer_cred, own_cred GUARDED_BY(mu);
	struct list table_node;	  /* names table; its lock */
	struct path path;	  /* of a name in the file system */
	_Atomic uint64_t charged; /* bytes of ours that wait elsewhere */
	_Atomic uint32_t sndbuf, rcvbuf;
	_Atomic bool passcred;
	_Atomic uint64_t rcvtimeo, sndtimeo; /* ns; 0: none */
	struct waitq wq;		     /* readers, writers, pollers */
};

static inline struct unix_sock *unix_of(struct socket *s)
{
	return container_of(s, struct unix_sock, sock);
}
static inline bool unix_is_stream(const struct unix_sock *u)
{
	return u->sock.type == LINUX_SOCK_STREAM;
}
static inline bool unix_is_dgram(const struct unix_sock *u)
{
	return u->sock.type == LINUX_SOCK_DGRAM;
}

/* --- unix_sock.c ---------------------------------------------------------- */
MUST_CHECK int unix_new(int type, struct unix_sock **out);
void unix_get(struct unix_sock *u);
void unix_put(struct unix_sock *u);
/* The peer, +1, or NULL. */
struct unix_sock *unix_peer(struct unix_sock *u);
/* Tells everybody about @events. */
void unix_wake(struct unix_sock *u, uint32_t events);
/* Below the level where poll says writable. */
bool unix_writable(const struct unix_sock *u);
/*
 * Sleeps until @ready(u) or a timeout of @timeo ns (0: none); the caller tried
 * before.  0; -EAGAIN (timeout), -ERESTARTSYS, -EINTR (with a timeout).
 */
MUST_CHECK int unix_wait(struct unix_sock *u, uint32_t events, uint64_t timeo,
			 bool (*ready)(struct unix_sock *u));

/* --- unix_data.c ---------------------------------------------------------- */
long unix_send(struct socket *s, struct socket_msg *m);
long unix_recv(struct socket *s, struct socket_msg *m);
/* Drops a whole list of messages. */
void unix_drop_msgs(struct list *msgs);
long unix_ioctl(struct socket *s, uint32_t cmd, uint64_t arg);

/* --- unix_name.c ---------------------------------------------------------- */
int unix_bind(struct socket *s, const void *addr, uint32_t len);
int unix_getname(struct socket *s, bool peer, void *addr, uint32_t *len);
/* The socket of @type bound to an address, +1.  -ECONNREFUSED, -EPROTOTYPE,
 * -EINVAL, and path errors. */
MUST_CHECK int unix_find(const void *addr, uint32_t len, int type,
			 struct unix_sock **out);
/* Takes the socket's name out of the table. */
void unix_unbind(struct unix_sock *u);
void unix_name_put(struct unix_name *n);
/* The name of @u, +1, or NULL. */
struct unix_name *unix_get_name(struct unix_sock *u);

/* --- unix_conn.c ---------------------------------------------------------- */
int unix_connect(struct socket *s, const void *addr, uint32_t len,
		 bool nonblock);
int unix_listen(struct socket *s, int backlog);
int unix_accept(struct socket *s, bool nonblock, struct socket **out);
int unix_shutdown(struct socket *s, int how);
/* Connects two new sockets to each other. */
void unix_join(struct unix_sock *a, struct unix_sock *b);
/* What the end of a socket's file does to its peer and its queues. */
void unix_hangup(struct unix_sock *u);

/* --- unix_opt.c ----------------------------------------------------------- */
int unix_getsockopt(struct socket *s, int level, int name, void *val,
		    uint32_t *len);
int unix_setsockopt(struct socket *s, int level, int name, const void *val,
		    uint32_t len);

#endif
