/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_socket: socket(2) and the calls that act on a socket but carry no data.
 *
 * Tests: tests/conformance/unix_socket.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/syscalls/sys_socket.h"
#include "syscalls.h"

#define OPT_MAX	 256u
#define OPT_HUGE (65536u * 4) /* SO_PEERGROUPS */

int socket_lookup(struct task *t, int fd, struct file **out_file,
		  struct socket **out)
{
	struct file *f = fd_table_lookup(t->fds, fd);

	if (!f)
		return -EBADF;
	*out = file_socket(f);
	if (!*out) {
		file_put(f);
		return -ENOTSOCK;
	}
	*out_file = f;
	return 0;
}

int socket_addr_in(uaddr_t addr, int32_t len, void *buf)
{
	if (len < 0 || len > (int32_t)LINUX_SOCKADDR_MAX)
		return -EINVAL;
	return len ? copy_in(buf, addr, (size_t)len) : 0;
}

int socket_addr_out(const void *addr, uint32_t size, uaddr_t to, uaddr_t ulen)
{
	int32_t room, full = (int32_t)size;

	if (copy_in(&room, ulen, sizeof(room)) < 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	room = MIN(room, full);
	if (room && copy_out(to, addr, (size_t)room) < 0)
		return -EFAULT;
	return copy_out(ulen, &full, sizeof(full));
}

/* --- making --------------------------------------------------------------- */

/* Family and type of socket(2) and socketpair(2). */
static int check_kind(int family, int type)
{
	const int known =
		LINUX_SOCK_TYPE_MASK | LINUX_SOCK_CLOEXEC | LINUX_SOCK_NONBLOCK;

	if (type & ~known)
		return -EINVAL;
	type &= LINUX_SOCK_TYPE_MASK;
	if (family < 0 || family >= LINUX_AF_MAX)
		return -EAFNOSUPPORT;
	if (type >= LINUX_SOCK_MAX)
		return -EINVAL;
	return 0;
}

/* Wraps a socket (taken over in any case) and gives it a descriptor. */
static int install(struct task *t, struct socket *s, uint32_t type,
		   struct file **out)
{
	int ret = socket_file(s, type & LINUX_SOCK_NONBLOCK, out);

	if (ret < 0) {
		s->ops->release(s);
		return ret;
	}
	return fd_table_install(t->fds, *out, type & LINUX_SOCK_CLOEXEC);
}

long sys_socket(struct task *t, int32_t family, int32_t type, int32_t protocol)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct socket *s;
	int ret = check_kind(family, type);

	if (ret == 0)
		ret = socket_create(family, type & (int)LINUX_SOCK_TYPE_MASK,
				    protocol, &s);
	if (ret < 0)
		return ret;
	return install(t, s, (uint32_t)type, &f);
}

long sys_socketpair(struct task *t, int32_t family, int32_t type,
		    int32_t protocol, uaddr_t fds)
{
	AUTO_PUT(file) struct file *a = NULL;
	AUTO_PUT(file) struct file *b = NULL;
	struct socket *s[2];
	int32_t fd[2];
	int ret = check_kind(family, type);

	if (ret == 0)
		ret = socket_create_pair(
			family, type & (int)LINUX_SOCK_TYPE_MASK, protocol, s);
	if (ret < 0)
		return ret;
	fd[0] = install(t, s[0], (uint32_t)type, &a);
	fd[1] = install(t, s[1], (uint32_t)type, &b);
	ret = fd[0] < 0 ? fd[0] : fd[1];
	if (ret >= 0)
		ret = copy_out(fds, fd, sizeof(fd));
	if (ret < 0 && fd[0] >= 0)
		fd_table_close(t->fds, fd[0]);
	if (ret < 0 && fd[1] >= 0)
		fd_table_close(t->fds, fd[1]);
	return ret;
}

/* --- addresses ------------------------------------------------------------ */

long sys_bind(struct task *t, int32_t fd, uaddr_t addr, int32_t len)
{
	AUTO_PUT(file) struct file *f = NULL;
	uint8_t name[LINUX_SOCKADDR_MAX] = { 0 };
	struct socket *s;
	int ret = socket_lookup(t, fd, &f, &s);

	if (ret == 0)
		ret = socket_addr_in(addr, len, name);
	if (ret < 0)
		return ret;
	return s->ops->bind ? s->ops->bind(s, name, (uint32_t)len)
			    : -EOPNOTSUPP;
}

long sys_connect(struct task *t, int32_t fd, uaddr_t addr, int32_t len)
{
	AUTO_PUT(file) struct file *f = NULL;
	uint8_t name[LINUX_SOCKADDR_MAX] = { 0 };
	struct socket *s;
	int ret = socket_lookup(t, fd, &f, &s);

	if (ret == 0)
		ret = socket_addr_in(addr, len, name);
	if (ret < 0)
		return ret;
	return s->ops->connect ? s->ops->connect(s, name, (uint32_t)len,
						 file_nonblock(f))
			       : -EOPNOTSUPP;
}

static long get_name(struct task *t, int fd, bool peer, uaddr_t addr,
		     uaddr_t len)
{
	AUTO_PUT(file) struct file *f = NULL;
	uint8_t name[LINUX_SOCKADDR_MAX];
	struct socket *s;
	uint32_t size;
	int ret = socket_lookup(t, fd, &f, &s);

	if (ret == 0)
		ret = s->ops->getname(s, peer, name, &size);
	return ret < 0 ? ret : socket_addr_out(name, size, addr, len);
}

long sys_getsockname(struct task *t, int32_t fd, uaddr_t addr, uaddr_t len)
{
	return get_name(t, fd, false, addr, len);
}

long sys_getpeername(struct task *t, int32_t fd, uaddr_t addr, uaddr_t len)
{
	return get_name(t, fd, true, addr, len);
}

/* --- connections ---------------------------------------------------------- */

long sys_listen(struct task *t, int32_t fd, int32_t backlog)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct socket *s;
	int ret = socket_lookup(t, fd, &f, &s);

	if (ret < 0)
		return ret;
	return s->ops->listen ? s->ops->listen(s, backlog) : -EOPNOTSUPP;
}

/* The new socket's file, with the peer's address told. */
static int accept_file(struct socket *s, bool nonblock, uint32_t flags,
		       uaddr_t addr, uaddr_t len, struct file **out)
{
	uint8_t name[LINUX_SOCKADDR_MAX];
	struct socket *fresh;
	uint32_t size;
	int ret;

	if (!s->ops->accept)
		return -EOPNOTSUPP;
	ret = s->ops->accept(s, nonblock, &fresh);
	if (ret < 0)
		return ret;
	ret = socket_file(fresh, flags & LINUX_SOCK_NONBLOCK, out);
	if (ret < 0) {
		fresh->ops->release(fresh);
		return ret;
	}
	if (uaddr_is_null(addr))
		return 0;
	ret = fresh->ops->getname(fresh, true, name, &size);
	return ret < 0 ? -ECONNABORTED : socket_addr_out(name, size, addr, len);
}

long sys_accept4(struct task *t, int32_t fd, uaddr_t addr, uaddr_t len,
		 uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	AUTO_PUT(file) struct file *fresh = NULL;
	struct socket *s;
	int ret;

	if (flags & ~(LINUX_SOCK_CLOEXEC | LINUX_SOCK_NONBLOCK))
		return -EINVAL;
	ret = socket_lookup(t, fd, &f, &s);
	if (ret == 0)
		ret = accept_file(s, file_nonblock(f), flags, addr, len,
				  &fresh);
	if (ret < 0)
		return ret;
	return fd_table_install(t->fds, fresh, flags & LINUX_SOCK_CLOEXEC);
}

long sys_accept(struct task *t, int32_t fd, uaddr_t addr, uaddr_t len)
{
	return sys_accept4(t, fd, addr, len, 0);
}

long sys_shutdown(struct task *t, int32_t fd, int32_t how)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct socket *s;
	int ret = socket_lookup(t, fd, &f, &s);

	return ret < 0 ? ret : s->ops->shutdown(s, how);
}

/* --- options -------------------------------------------------------------- */

long sys_setsockopt(struct task *t, int32_t fd, int32_t level, int32_t name,
		    uaddr_t val, int32_t len)
{
	AUTO_PUT(file) struct file *f = NULL;
	uint8_t buf[OPT_MAX] = { 0 };
	struct socket *s;
	int ret;

	if (len < 0)
		return -EINVAL;
	ret = socket_lookup(t, fd, &f, &s);
	if (ret < 0)
		return ret;
	len = MIN(len, (int32_t)OPT_MAX);
	if (len && copy_in(buf, val, (size_t)len) < 0)
		return -EFAULT;
	return s->ops->setsockopt(s, level, name, buf, (uint32_t)len);
}

long sys_getsockopt(struct task *t, int32_t fd, int32_t level, int32_t name,
		    uaddr_t val, uaddr_t len)
{
	AUTO_PUT(file) struct file *f = NULL;
	AUTO_FREE uint8_t *heap = NULL;
	uint8_t buf[OPT_MAX] = { 0 };
	struct socket *s;
	uint32_t size;
	int32_t room;
	int ret = socket_lookup(t, fd, &f, &s);

	if (ret < 0)
		return ret;
	if (copy_in(&room, len, sizeof(room)) < 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	size = MIN((uint32_t)room, OPT_HUGE);
	if (size > OPT_MAX) {
		heap = kzalloc(size);
		if (!heap)
			return -ENOMEM;
	}
	ret = s->ops->getsockopt(s, level, name, heap ? heap : buf, &size);
	/* -ERANGE: the length says what is needed. */
	if (ret < 0 && ret != -ERANGE)
		return ret;
	if (ret == 0 && size && copy_out(val, heap ? heap : buf, size) < 0)
		return -EFAULT;
	return copy_out(len, &size, sizeof(size)) < 0 ? -EFAULT : ret;
}
