/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_socket_msg: sending and receiving on sockets.
 *
 * Tests: tests/conformance/unix_socket.c
 */
#include <errno.h>
#include <string.h>

#include "abi/time.h"
#include "sentry/kernel/task.h"
#include "sentry/syscalls/sys_socket.h"
#include "sentry/syscalls/wait_time.h"
#include "sentry/time/clock.h"
#include "syscalls.h"

#define FAST_IOV 8

static uint32_t with_nonblock(const struct file *f, uint32_t flags)
{
	return file_nonblock(f) ? flags | LINUX_MSG_DONTWAIT : flags;
}

/* --- one buffer ----------------------------------------------------------- */

long sys_sendto(struct task *t, int32_t fd, uaddr_t buf, uint64_t size,
		uint32_t flags, uaddr_t addr, int32_t len)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct socket_msg m = { 0 };
	struct socket *s;
	struct uio u;
	int ret;

	ret = uio_user(&u, buf, size);
	if (ret == 0)
		ret = socket_lookup(t, fd, &f, &s);
	if (ret == 0 && !uaddr_is_null(addr)) {
		ret = socket_addr_in(addr, len, m.name);
		m.namelen = (uint32_t)len;
	}
	if (ret != 0)
		return ret;
	m.u = &u;
	m.flags = with_nonblock(f, flags);
	return s->ops->send(s, &m);
}

long sys_recvfrom(struct task *t, int32_t fd, uaddr_t buf, uint64_t size,
		  uint32_t flags, uaddr_t addr, uaddr_t len)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct socket_msg m = { 0 };
	struct socket *s;
	struct uio u;
	long ret, err;

	ret = uio_user(&u, buf, size);
	if (ret != 0)
		return ret;
	ret = socket_lookup(t, fd, &f, &s);
	if (ret < 0)
		return ret;
	m.u = &u;
	m.flags = with_nonblock(f, flags);
	ret = s->ops->recv(s, &m);
	scm_fini(&m.scm);
	free(m.ctl);
	if (ret < 0 || uaddr_is_null(addr))
		return ret;
	err = socket_addr_out(m.name, m.namelen, addr, len);
	return err < 0 ? err : ret;
}

/* --- msghdr --------------------------------------------------------------- */

/* A msghdr and its vector; free(heap) afterwards. */
struct msg_call {
	struct linux_msghdr hdr;
	struct uio u;
	struct iovec fast[FAST_IOV], *heap;
};

static int msg_in(struct msg_call *c, uaddr_t msg)
{
	c->heap = NULL;
	if (copy_in(&c->hdr, msg, sizeof(c->hdr)) < 0)
		return -EFAULT;
	if (!c->hdr.name)
		c->hdr.namelen = 0;
	if (c->hdr.namelen < 0)
		return -EINVAL;
	c->hdr.namelen = MIN(c->hdr.namelen, (int32_t)LINUX_SOCKADDR_MAX);
	if (c->hdr.iovlen > UIO_MAX_SEGS)
		return -EMSGSIZE;
	return uio_user_vec(&c->u, uaddr(c->hdr.iov), c->hdr.iovlen, c->fast,
			    FAST_IOV, &c->heap);
}

static long send_one(struct task *t, struct socket *s, uint32_t flags,
		     uaddr_t msg)
{
	struct socket_msg m = { .flags = flags };
	struct msg_call c;
	long ret = msg_in(&c, msg);

	if (ret == 0 && c.hdr.controllen > INT32_MAX)
		ret = -ENOBUFS;
	if (ret == 0)
		ret = socket_addr_in(uaddr(c.hdr.name), c.hdr.namelen, m.name);
	if (ret == 0)
		ret = s->family == LINUX_AF_UNIX
			      ? cmsg_in(t, uaddr(c.hdr.control),
					c.hdr.controllen, &m.scm)
			      : cmsg_in_raw(uaddr(c.hdr.control),
					    c.hdr.controllen, &m);
	if (ret == 0) {
		m.u = &c.u;
		m.namelen = (uint32_t)c.hdr.namelen;
		ret = s->ops->send(s, &m);
	}
	scm_fini(&m.scm);
	free(m.ctl);
	free(c.heap);
	return ret;
}

long sys_sendmsg(struct task *t, int32_t fd, uaddr_t msg, uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct socket *s;
	int ret = socket_lookup(t, fd, &f, &s);

	return ret != 0 ? ret : send_one(t, s, with_nonblock(f, flags), msg);
}

/* Tells the guest everything but the bytes. */
static int msg_out(struct task *t, struct msg_call *c, struct socket_msg *m,
		   uaddr_t msg)
{
	bool cloexec = m->flags & LINUX_MSG_CMSG_CLOEXEC;
	uint32_t flags = m->out_flags | (m->flags & LINUX_MSG_CMSG_CLOEXEC);
	uint64_t len = c->hdr.controllen;
	int32_t namelen = (int32_t)m->namelen;
	int ret;

	if (c->hdr.name) {
		size_t room = MIN((size_t)c->hdr.namelen, m->namelen);

		if (room && copy_out(uaddr(c->hdr.name), m->name, room) < 0)
			return -EFAULT;
		if (copy_out(uaddr_add(msg,
				       offsetof(struct linux_msghdr, namelen)),
			     &namelen, sizeof(namelen)) < 0)
			return -EFAULT;
	}
	ret = cmsg_out(t, m, cloexec, uaddr(c->hdr.control), &len, &flags);
	if (ret < 0)
		return ret;
	if (copy_out(uaddr_add(msg, offsetof(struct linux_msghdr, flags)),
		     &flags, sizeof(flags)) < 0)
		return -EFAULT;
	return copy_out(
		uaddr_add(msg, offsetof(struct linux_msghdr, controllen)), &len,
		sizeof(len));
}

static long recv_one(struct task *t, struct socket *s, uint32_t flags,
		     uaddr_t msg)
{
	struct socket_msg m = { .flags = flags };
	struct msg_call c;
	long ret = msg_in(&c, msg), err;

	if (ret == 0) {
		m.u = &c.u;
		ret = s->ops->recv(s, &m);
	}
	if (ret >= 0) {
		err = msg_out(t, &c, &m, msg);
		if (err < 0)
			ret = err;
	}
	scm_fini(&m.scm);
	free(m.ctl);
	free(c.heap);
	return ret;
}

long sys_recvmsg(struct task *t, int32_t fd, uaddr_t msg, uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct socket *s;
	int ret = socket_lookup(t, fd, &f, &s);

	return ret != 0 ? ret : recv_one(t, s, with_nonblock(f, flags), msg);
}

/* --- many messages -------------------------------------------------------- */

static uaddr_t msg_at(uaddr_t msgs, uint32_t i)
{
	return uaddr_add(msgs, i * sizeof(struct linux_mmsghdr));
}

/* How much message @i carried. */
static int put_len(uaddr_t msgs, uint32_t i, long len)
{
	uint32_t v = (uint32_t)len;

	return copy_out(
		uaddr_add(msg_at(msgs, i), offsetof(struct linux_mmsghdr, len)),
		&v, sizeof(v));
}

long sys_sendmmsg(struct task *t, int32_t fd, uaddr_t msgs, uint32_t nr,
		  uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct socket *s;
	uint32_t i;
	long ret = socket_lookup(t, fd, &f, &s);

	if (ret != 0)
		return ret;
	nr = MIN(nr, UIO_MAX_SEGS);
	for (i = 0; i < nr; i++) {
		ret = send_one(t, s, with_nonblock(f, flags), msg_at(msgs, i));
		if (ret >= 0)
			ret = put_len(msgs, i, ret);
		if (ret < 0)
			break;
	}
	return i ? (long)i : ret;
}

long sys_recvmmsg(struct task *t, int32_t fd, uaddr_t msgs, uint32_t nr,
		  uint32_t flags, uaddr_t timeout)
{
	AUTO_PUT(file) struct file *f = NULL;
	uint64_t deadline;
	struct socket *s;
	uint32_t i;
	long ret;

	ret = wait_deadline_from_user(timeout, false, &deadline);
	if (ret == 0)
		ret = socket_lookup(t, fd, &f, &s);
	if (ret != 0)
		return ret;
	nr = MIN(nr, UIO_MAX_SEGS);
	flags = with_nonblock(f, flags);
	for (i = 0; i < nr; i++) {
		ret = recv_one(t, s, flags & ~LINUX_MSG_WAITFORONE,
			       msg_at(msgs, i));
		if (ret >= 0)
			ret = put_len(msgs, i, ret);
		if (ret < 0)
			break;
		if (flags & LINUX_MSG_WAITFORONE)
			flags |= LINUX_MSG_DONTWAIT;
		/* As Linux: looked at after each message only. */
		if (!uaddr_is_null(timeout) && clock_monotonic() >= deadline) {
			i++;
			break;
		}
	}
	if (i && !uaddr_is_null(timeout))
		return wait_finish(timeout, false, deadline, i);
	return i ? (long)i : ret;
}
