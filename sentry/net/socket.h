/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket: what all socket families share: the file, control messages, and the
 * operations that a family provides.
 */
#ifndef SENTRY_NET_SOCKET_H
#define SENTRY_NET_SOCKET_H

#include "abi/socket.h"
#include "sentry/vfs/vfs.h"

struct socket;

/* Descriptors and credentials that travel with a message. */
struct scm {
	struct file **files; /* owned array of references; NULL if none */
	uint32_t nr_files;
	bool has_cred, has_pidfd; /* recv: the guest is to be told */
	struct linux_ucred cred;
	struct thread_group *sender; /* owned, or NULL: who cred.pid is */
};
/* Drops what is inside; harmless on a cleared one. */
void scm_fini(struct scm *scm);
/* @to, an empty one, gets own references to all files of @from.  -ENOMEM. */
MUST_CHECK int scm_copy_files(const struct scm *from, struct scm *to);

struct socket_msg {
	struct uio *u;
	uint32_t flags; /* LINUX_MSG_*; DONTWAIT includes O_NONBLOCK */
	/* send: the destination, 0 if none; recv: the source. */
	uint32_t namelen;
	uint8_t name[LINUX_SOCKADDR_MAX];
	/* send: taken over on success; recv: filled, the caller's to drop. */
	struct scm scm;
	/* Control messages but those of scm, as cmsg(3) lays them out: send:
	 * the guest's (not of AF_UNIX); recv: to be told.  The caller frees. */
	uint8_t *ctl;
	uint32_t ctl_len;
	uint32_t out_flags; /* recv: LINUX_MSG_TRUNC, LINUX_MSG_EOR */
};

/*
 * Operations of a family; no lock is held.  NULL: -EOPNOTSUPP.  Addresses are
 * sentry memory, at most LINUX_SOCKADDR_MAX bytes.
 */
struct socket_ops {
	int (*bind)(struct socket *s, const void *addr, uint32_t len);
	int (*connect)(struct socket *s, const void *addr, uint32_t len,
		       bool nonblock);
	int (*listen)(struct socket *s, int backlog);
	/* *out: a connected socket, the caller's. */
	int (*accept)(struct socket *s, bool nonblock, struct socket **out);
	int (*getname)(struct socket *s, bool peer, void *addr, uint32_t *len);
	/* Bytes; -EPIPE, with SIGPIPE sent if the type has it and
	 * MSG_NOSIGNAL is not given. */
	long (*send)(struct socket *s, struct socket_msg *m);
	long (*recv)(struct socket *s, struct socket_msg *m);
	int (*shutdown)(struct socket *s, int how);
	/* @val: sentry memory of *@len bytes; *len becomes what was filled. */
	int (*getsockopt)(struct socket *s, int level, int name, void *val,
			  uint32_t *len);
	int (*setsockopt)(struct socket *s, int level, int name,
			  const void *val, uint32_t len);
	uint32_t (*poll)(struct socket *s, struct poll_table *pt);
	long (*ioctl)(struct socket *s, uint32_t cmd, uint64_t arg);
	/* The file is gone: close, free. */
	void (*release)(struct socket *s);
};

struct socket {
	IMMUTABLE const struct socket_ops *ops;
	IMMUTABLE int family, type, protocol;
	_Atomic uint64_t ino; /* of its file; 0 before it has one */
};

/* Wraps @s, taken over on success.  @flags: LINUX_O_NONBLOCK or 0. */
MUST_CHECK int socket_file(struct socket *s, uint32_t flags, struct file **out);
/* The socket behind a file, or NULL. */
struct socket *file_socket(const struct file *f);

/* Between the initial namespaces, in which ucreds are kept, and those of the
 * current task.  -EINVAL: an id that is not mapped. */
void ucred_to_guest(struct linux_ucred *c);
MUST_CHECK int ucred_from_guest(struct linux_ucred *c);
/* The caller's identity for SO_PEERCRED and SCM_CREDENTIALS. */
void current_ucred(struct linux_ucred *out);

/*
 * A socket of any family, by its table.  -EAFNOSUPPORT, -ESOCKTNOSUPPORT,
 * -EPROTONOSUPPORT, -EPERM, -EACCES, -EINVAL, -ENOMEM.
 */
MUST_CHECK int socket_create(int family, int type, int protocol,
			     struct socket **out);
/* Two that are connected; -EOPNOTSUPP where the family has no such thing. */
MUST_CHECK int socket_create_pair(int family, int type, int protocol,
				  struct socket *out[2]);
/* Another maker for @family: another stack.  At start-up. */
void socket_set_family(int family,
		       int (*make)(int family, int type, int protocol,
				   struct socket **out));

/* AF_INET and AF_INET6 over loopback (sentry/net/inet). */
MUST_CHECK int inet_socket(int family, int type, int protocol,
			   struct socket **out);

/* AF_NETLINK (sentry/net/netlink), and the ioctls about interfaces; -ENOTTY:
 * it is none of them. */
MUST_CHECK int netlink_socket(int family, int type, int protocol,
			      struct socket **out);
long netdev_ioctl(uint32_t cmd, uint64_t arg);

/* AF_UNIX (sentry/fs/unix).  -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -ENOMEM. */
MUST_CHECK int unix_socket(int type, int protocol, struct socket **out);
MUST_CHECK int unix_socketpair(int type, int protocol, struct socket *out[2]);

/* The text of /proc/net/unix. */
struct seq_buf;
void unix_print(struct seq_buf *out);

#endif
