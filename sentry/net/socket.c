/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket: the file of a socket, whatever its family.
 *
 * Locks: none.
 * Tests: tests/conformance/unix_socket.c
 */
#include "sentry/net/socket.h"

#include <errno.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"

static const struct file_ops socket_file_ops;

struct socket *file_socket(const struct file *f)
{
	return f->ops == &socket_file_ops ? f->priv : NULL;
}

void current_ucred(struct linux_ucred *out)
{
	struct task *t = current_task();

	out->pid = (int32_t)t->group->tgid;
	out->uid = t->cred->euid;
	out->gid = t->cred->egid;
}

/* A dead sender's id means nobody in another namespace than the first. */
void ucred_to_guest(struct linux_ucred *c)
{
	c->pid = (int32_t)pid_to_guest((uint32_t)c->pid);
	if (c->uid != UINT32_MAX)
		c->uid = uid_to_guest(c->uid);
	if (c->gid != UINT32_MAX)
		c->gid = gid_to_guest(c->gid);
}

int ucred_from_guest(struct linux_ucred *c)
{
	c->uid = uid_from_guest(c->uid);
	c->gid = gid_from_guest(c->gid);
	if (c->uid == UINT32_MAX || c->gid == UINT32_MAX)
		return -EINVAL;
	c->pid = (int32_t)pid_from_guest((uint32_t)c->pid);
	return 0;
}

/* --- families ------------------------------------------------------------- */

static int make_unix(int family, int type, int protocol, struct socket **out)
{
	(void)family;
	return unix_socket(type, protocol, out);
}

/* A protocol family and its stack. */
static struct net_family {
	int family;
	int (*make)(int family, int type, int protocol, struct socket **out);
	int (*make_pair)(int type, int protocol, struct socket *out[2]);
} g_families[] = {
	{ LINUX_AF_UNIX, make_unix, unix_socketpair },
	{ LINUX_AF_INET, inet_socket, NULL },
	{ LINUX_AF_INET6, inet_socket, NULL },
	{ LINUX_AF_NETLINK, netlink_socket, NULL },
};

static struct net_family *find_family(int family)
{
	for (size_t i = 0; i < ARRAY_SIZE(g_families); i++)
		if (g_families[i].family == family)
			return &g_families[i];
	return NULL;
}

void socket_set_family(int family,
		       int (*make)(int family, int type, int protocol,
				   struct socket **out))
{
	find_family(family)->make = make;
}

int socket_create(int family, int type, int protocol, struct socket **out)
{
	const struct net_family *f = find_family(family);

	if (f)
		return f->make(family, type, protocol, out);
	if (family == LINUX_AF_PACKET &&
	    !ns_capable(current_task()->ns[TASK_NS_NET]->owner, CAP_NR_NET_RAW))
		return -EPERM;
	return -EAFNOSUPPORT;
}

int socket_create_pair(int family, int type, int protocol,
		       struct socket *out[2])
{
	const struct net_family *f = find_family(family);
	struct socket *s;
	int ret;

	if (f && f->make_pair)
		return f->make_pair(type, protocol, out);
	ret = socket_create(family, type, protocol, &s);
	if (ret < 0)
		return ret;
	s->ops->release(s);
	return -EOPNOTSUPP;
}

/* --- control messages ----------------------------------------------------- */

void scm_fini(struct scm *scm)
{
	while (scm->nr_files > 0)
		file_put(scm->files[--scm->nr_files]);
	free(scm->files);
	if (scm->sender)
		thread_group_put(scm->sender);
	*scm = (struct scm){ 0 };
}

int scm_copy_files(const struct scm *from, struct scm *to)
{
	to->files = kcalloc(from->nr_files, sizeof(struct file *));
	if (!to->files)
		return -ENOMEM;
	to->nr_files = from->nr_files;
	for (uint32_t i = 0; i < from->nr_files; i++) {
		to->files[i] = from->files[i];
		file_get(to->files[i]);
	}
	return 0;
}

/* --- file operations ------------------------------------------------------ */

static uint32_t msg_flags(const struct file *f, const struct uio *u)
{
	return (file_nonblock_now(f, u) ? LINUX_MSG_DONTWAIT : 0) |
	       (u->rwf & LINUX_RWF_NOSIGNAL ? LINUX_MSG_NOSIGNAL : 0);
}

static long sock_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct socket *s = f->priv;
	struct socket_msg m = { .u = u, .flags = msg_flags(f, u) };
	long ret;

	(void)pos;
	ret = s->ops->recv(s, &m);
	scm_fini(&m.scm);
	free(m.ctl);
	return ret;
}

static long sock_write(struct file *f, struct uio *u, int64_t *pos)
{
	struct socket *s = f->priv;
	struct socket_msg m = { .u = u, .flags = msg_flags(f, u) };

	(void)pos;
	return s->ops->send(s, &m);
}

static uint32_t sock_poll(struct file *f, struct poll_table *pt)
{
	struct socket *s = f->priv;

	return s->ops->poll(s, pt);
}

static long sock_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct socket *s = f->priv;

	long ret = s->ops->ioctl ? s->ops->ioctl(s, cmd, arg) : -ENOTTY;

	return ret == -ENOTTY ? netdev_ioctl(cmd, arg) : ret;
}

static int sock_fsync(struct file *f, bool data_only)
{
	(void)f;
	(void)data_only;
	return -EINVAL;
}

static void sock_release(struct file *f)
{
	struct socket *s = f->priv;

	s->ops->release(s);
}

static const struct file_ops socket_file_ops = {
	.name = "socket",
	.sigio = SIGIO_SOCKET,
	.nowait = true,
	.read = sock_read,
	.write = sock_write,
	.poll = sock_poll,
	.ioctl = sock_ioctl,
	.fsync = sock_fsync,
	.release = sock_release,
};

int socket_file(struct socket *s, uint32_t flags, struct file **out)
{
	int ret =
		file_new_anon("socket:[%lu]", &socket_file_ops, s,
			      LINUX_S_IFSOCK | 0777, LINUX_O_RDWR | flags, out);

	if (ret == 0)
		s->ino = (*out)->inode->ino;
	return ret;
}
