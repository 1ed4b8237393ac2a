/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_socket: what the socket calls share.
 */
#ifndef SENTRY_SYSCALLS_SYS_SOCKET_H
#define SENTRY_SYSCALLS_SYS_SOCKET_H

#include "sentry/net/socket.h"

struct task;

/* The socket of a descriptor; *out_file: +1.  -EBADF, -ENOTSOCK. */
MUST_CHECK int socket_lookup(struct task *t, int fd, struct file **out_file,
			     struct socket **out);
/* An address into @buf of LINUX_SOCKADDR_MAX bytes.  -EINVAL, -EFAULT. */
MUST_CHECK int socket_addr_in(uaddr_t addr, int32_t len, void *buf);
/* Value-result: as much as *@ulen has room for; *@ulen becomes the whole. */
MUST_CHECK int socket_addr_out(const void *addr, uint32_t size, uaddr_t to,
			       uaddr_t ulen);

/* --- sys_socket_cmsg.c: control messages --- */

/* Parses the guest's control buffer.  -EINVAL, -EBADF, -EPERM, -ENOBUFS... */
MUST_CHECK int cmsg_in(struct task *t, uaddr_t control, uint64_t len,
		       struct scm *out);
/* As it is, into m->ctl, for families that parse it.  -ENOBUFS, -EFAULT. */
MUST_CHECK int cmsg_in_raw(uaddr_t control, uint64_t len, struct socket_msg *m);
/*
 * Writes what was received: descriptors are installed.  *len: room in, used
 * out; *flags gets LINUX_MSG_CTRUNC.  Empties m->scm.
 */
MUST_CHECK int cmsg_out(struct task *t, struct socket_msg *m, bool cloexec,
			uaddr_t control, uint64_t *len, uint32_t *flags);

#endif
