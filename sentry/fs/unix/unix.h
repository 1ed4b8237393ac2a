/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix: AF_UNIX sockets, unix(7); private to sentry/fs/unix.
 *
 * A socket owns the queue of messages it is to receive.  Each message is
 * charged to its sender until it has been read.
 */
#ifndef SENTRY_FS_UNIX_UNIX_H
#define SENTRY_FS_UNIX_UNIX_H

#include "sentry/kernel/ns.h"
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
	struct unix_sock *from;	 /* a reference: charged for it */
	struct unix_name *name;	 /* the sender's, or NULL; a reference */
	struct scm scm;		 /* files, and the sender's identity */
	struct user_acct *payer; /* of the files: a reference */
	size_t size, done;	 /* done: bytes read of a stream */
	bool oob;		 /* sent as urgent data */
	bool garbage;		 /* not counted as in flight any more */
	bool peeked;		 /* SO_PEEK_OFF: an empty one was seen */
	uint32_t charge;
	char data[];
};

/* Who is at the other end: SO_PEERCRED and its relatives. */
struct unix_peer_id {
	struct linux_ucred ucred;
	struct cred *cred;	 /* a reference, or NULL: nobody yet */
	struct thread_group *tg; /* the same */
};

/* For unix_gc.c, under its lock. */
struct unix_gc_state {
	struct list node, todo;
	struct file *file; /* while in flight: a message keeps it */
	uint32_t inflight; /* references of messages */
	int32_t outside;   /* those that no candidate's queue accounts for */
	bool candidate, garbage;
};

struct unix_sock {
	struct socket sock; /* first */
	struct refcount ref;
	struct mutex read_mu; /* LOCK_FILE_POS: one reader at a time */
	struct mutex mu;      /* LOCK_PIPE; two by address */
	enum unix_state state GUARDED_BY(mu);
	uint8_t shut GUARDED_BY(mu);
	bool dead GUARDED_BY(mu);	       /* its file is gone */
	int err GUARDED_BY(mu);		       /* SO_ERROR */
	struct unix_sock *peer GUARDED_BY(mu); /* a reference */
	struct list queue GUARDED_BY(mu);      /* unix_msg.node */
	uint32_t nr_queued GUARDED_BY(mu);
	uint64_t arrived GUARDED_BY(mu);       /* messages so far */
	struct unix_msg *oob GUARDED_BY(mu);   /* urgent byte, in queue */
	int32_t peek_off GUARDED_BY(mu);       /* SO_PEEK_OFF */
	struct unix_name *name GUARDED_BY(mu); /* a reference */
	/* Listening: connected sockets that nobody has accepted. */
	struct list pending, pending_node GUARDED_BY(mu);
	uint32_t nr_pending, backlog GUARDED_BY(mu);
	struct unix_peer_id peer_id, own_id GUARDED_BY(mu);
	IMMUTABLE struct ns_common *net; /* +1; abstract names are of it */
	struct list table_node;		 /* names table; its lock */
	struct list all_node;		 /* unix_proc.c; its lock */
	struct unix_gc_state gc;
	struct path path;	  /* of a name in the file system */
	_Atomic uint64_t charged; /* bytes of ours that wait elsewhere */
	_Atomic uint32_t sndbuf, rcvbuf;
	_Atomic uint32_t rcvlowat, priority;
	_Atomic uint64_t flags_on; /* SO_* without effect, a bit each */
	_Atomic bool passcred, passpidfd, no_rights, oobinline;
	_Atomic bool full; /* a sender or poller saw no room */
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
/* Monotonic, for a timeout of @timeo ns (0: none). */
uint64_t unix_deadline(uint64_t timeo);
/*
 * Sleeps until @ready(u, @arg) or @deadline; the caller tried before.
 * 0; -EAGAIN (timeout), -ERESTARTSYS, -EINTR (with a deadline).
 */
MUST_CHECK int unix_wait(struct unix_sock *u, uint32_t events,
			 uint64_t deadline,
			 bool (*ready)(struct unix_sock *u, const void *arg),
			 const void *arg);
/* Forgets who it was; the caller becomes it; a copy with references. */
void unix_id_clear(struct unix_peer_id *id);
void unix_id_current(struct unix_peer_id *id);
void unix_id_copy(const struct unix_peer_id *from, struct unix_peer_id *to);

/* --- unix_msg.c ----------------------------------------------------------- */
/* A message of @size bytes from @m, charged to @from.  -ENOMEM, -EFAULT. */
MUST_CHECK int unix_msg_new(struct unix_sock *from, struct socket_msg *m,
			    size_t size, struct unix_msg **out);
/* Moves the files of @scm into @msg: they are in flight.  -ETOOMANYREFS. */
MUST_CHECK int unix_attach_files(struct unix_msg *msg, struct scm *scm);
/* And out of it again, to @to, which has none. */
void unix_detach_files(struct unix_msg *msg, struct scm *to);
/* Drops a whole list of messages, or one that is in none. */
void unix_drop_msgs(struct list *msgs);
void unix_drop_msg(struct unix_msg *msg);
/* Is the thread inside of one of these, further up? */
bool unix_is_dropping(void);

/* --- unix_send.c, unix_recv.c --------------------------------------------- */
long unix_send(struct socket *s, struct socket_msg *m);
long unix_recv(struct socket *s, struct socket_msg *m);
long unix_ioctl(struct socket *s, uint32_t cmd, uint64_t arg);

/* --- unix_gc.c ------------------------------------------------------------ */
/* The files of a message, not queued yet, are in flight from now on. */
void unix_gc_begin(struct scm *scm);
/* They are not any more, and move to @to, which has none. */
void unix_gc_end(struct unix_msg *msg, struct scm *to);
/* They stay, and @to, which has none, gets references too: MSG_PEEK.
 * -ENOMEM */
MUST_CHECK int unix_gc_copy(const struct unix_msg *msg, struct scm *to);
/* Frees sockets that only their own messages keep.  No lock held. */
void unix_gc(void);
void unix_gc_if_many(void);

/* --- unix_proc.c ---------------------------------------------------------- */
/* The list of all sockets, for /proc/net/unix. */
void unix_list_add(struct unix_sock *u);
void unix_list_del(struct unix_sock *u);

/* --- unix_name.c ---------------------------------------------------------- */
int unix_bind(struct socket *s, const void *addr, uint32_t len);
int unix_getname(struct socket *s, bool peer, void *addr, uint32_t *len);
/* The socket of @type bound to an address, +1.  -ECONNREFUSED, -EPROTOTYPE,
 * -EINVAL, and path errors. */
MUST_CHECK int unix_find(const struct unix_sock *from, const void *addr,
			 uint32_t len, int type, struct unix_sock **out);
/* SO_PASSCRED and SO_PASSPIDFD want a name to answer to.  -errno. */
MUST_CHECK int unix_autobind_if_asked(struct unix_sock *u);
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
