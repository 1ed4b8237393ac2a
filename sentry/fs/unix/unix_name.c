/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_name: addresses of AF_UNIX sockets: paths and abstract names.
 *
 * Abstract names are apart for each net namespace and type of socket; a path
 * leads to the inode
 * that bind() made, whoever may write to that may connect.
 *
 * Locks: g_names_mu (rank LOCK_PIPE, alone) covers the table; u->mu the name.
 * Tests: tests/conformance/unix_socket.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/unix/unix.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/hash.h"
#include "sentry/vfs/namei.h"

#define BUCKETS 256u
#define PATH_AT offsetof(struct linux_sockaddr_un, path)

static struct mutex g_names_mu = MUTEX_INIT(LOCK_PIPE);
static struct list g_names[BUCKETS];
static pthread_once_t g_once = PTHREAD_ONCE_INIT;

static void names_start(void)
{
	for (unsigned int i = 0; i < BUCKETS; i++)
		list_init(&g_names[i]);
}

static struct list *bucket(uint64_t hash)
{
	pthread_once(&g_once, names_start);
	return &g_names[hash % BUCKETS];
}

static struct list *inode_bucket(const struct inode *inode)
{
	return bucket(hash_pair((uintptr_t)inode, 1));
}

static struct list *abstract_bucket(const struct unix_name *n)
{
	return bucket(hash_bytes(&n->addr, n->len));
}

void unix_name_put(struct unix_name *n)
{
	if (ref_put(&n->ref))
		free(n);
}

struct unix_name *unix_get_name(struct unix_sock *u)
{
	struct unix_name *n;

	mutex_lock(&u->mu);
	n = u->name;
	if (n)
		ref_get(&n->ref);
	mutex_unlock(&u->mu);
	return n;
}

/* Checks an address and copies it; a path gets its NUL.  -EINVAL, -ENOMEM. */
static int name_new(const void *addr, uint32_t len, struct unix_name **out)
{
	const struct linux_sockaddr_un *a = addr;
	struct unix_name *n;

	if (len <= PATH_AT || len > sizeof(*a) || a->family != LINUX_AF_UNIX)
		return -EINVAL;
	/* One byte more than the largest address, for the NUL of a path. */
	n = kzalloc(sizeof(*n) + 1);
	if (!n)
		return -ENOMEM;
	ref_init(&n->ref);
	memcpy(&n->addr, addr, len);
	n->len = len;
	if (n->addr.path[0])
		n->len = (uint32_t)(PATH_AT + strlen(n->addr.path) + 1);
	*out = n;
	return 0;
}

static bool same_name(const struct unix_sock *u, const struct ns_common *net,
		      int type, const struct unix_name *n)
{
	return u->net == net && u->sock.type == type && u->name &&
	       !u->path.dentry && u->name->len == n->len &&
	       memcmp(&u->name->addr, &n->addr, n->len) == 0;
}

/* Under g_names_mu. */
static struct unix_sock *find_abstract_locked(const struct ns_common *net,
					      int type,
					      const struct unix_name *n)
{
	struct unix_sock *u;

	list_for_each_entry (u, abstract_bucket(n), table_node)
		if (same_name(u, net, type, n))
			return u;
	return NULL;
}

/* --- binding -------------------------------------------------------------- */

/* Gives @u its name; it is in the table afterwards. -EINVAL: it has one. */
static int publish(struct unix_sock *u, struct unix_name *n, struct path *p)
{
	bool abstract = !p->dentry;
	int ret = 0;

	mutex_lock(&g_names_mu);
	if (u->name || u->dead)
		ret = -EINVAL;
	else if (abstract && find_abstract_locked(u->net, u->sock.type, n))
		ret = -EADDRINUSE;
	if (ret == 0) {
		mutex_lock_nested(&u->mu);
		u->name = n;
		mutex_unlock(&u->mu);
		u->path = *p;
		*p = (struct path){ NULL, NULL };
		list_append(abstract ? abstract_bucket(n)
				     : inode_bucket(u->path.dentry->inode),
			    &u->table_node);
	}
	mutex_unlock(&g_names_mu);
	return ret;
}

static int autobind(struct unix_sock *u)
{
	static _Atomic uint32_t next;
	struct linux_sockaddr_un a = { .family = LINUX_AF_UNIX };
	AUTO_PATH struct path none = { NULL, NULL };
	struct unix_name *n;
	int i, ret = -ENOSPC;

	if (u->name)
		return 0;
	for (i = 0; i < 0x10000; i++) {
		snprintf(a.path + 1, 6, "%05x", next++ & 0xfffff);
		ret = name_new(&a, PATH_AT + 6, &n);
		if (ret < 0)
			return ret;
		ret = publish(u, n, &none);
		if (ret == 0)
			return 0;
		unix_name_put(n);
		if (ret != -EADDRINUSE)
			return ret;
	}
	return ret;
}

int unix_autobind_if_asked(struct unix_sock *u)
{
	return u->passcred || u->passpidfd ? autobind(u) : 0;
}

int unix_bind(struct socket *s, const void *addr, uint32_t len)
{
	const struct linux_sockaddr_un *a = addr;
	AUTO_PATH struct path p = { NULL, NULL };
	struct unix_sock *u = unix_of(s);
	struct unix_name *n;
	int ret;

	if (len == PATH_AT && a->family == LINUX_AF_UNIX)
		return autobind(u);
	ret = name_new(addr, len, &n);
	if (ret < 0)
		return ret;
	if (n->addr.path[0])
		ret = vfs_mknodat(LINUX_AT_FDCWD, n->addr.path,
				  LINUX_S_IFSOCK | 0777, 0, &p);
	if (ret == -EEXIST)
		ret = -EADDRINUSE;
	if (ret == 0) {
		ret = publish(u, n, &p);
		if (ret < 0 && p.dentry &&
		    vfs_unlinkat(LINUX_AT_FDCWD, n->addr.path, false) < 0)
			ret = -EINVAL; /* somebody was faster */
	}
	if (ret < 0)
		unix_name_put(n);
	return ret;
}

void unix_unbind(struct unix_sock *u)
{
	mutex_lock(&g_names_mu);
	list_del(&u->table_node);
	mutex_unlock(&g_names_mu);
}

/* --- finding -------------------------------------------------------------- */

static int find_path(const struct unix_name *n, int type,
		     struct unix_sock **out)
{
	AUTO_PATH struct path p = { NULL, NULL };
	struct unix_sock *u, *found = NULL;
	struct inode *inode;
	int ret;

	ret = path_lookup(LINUX_AT_FDCWD, n->addr.path, WALK_FOLLOW, &p, NULL);
	if (ret < 0)
		return ret;
	inode = p.dentry->inode;
	ret = inode_permission(inode, current_task()->cred, MAY_WRITE);
	if (ret < 0)
		return ret;
	if (!inode_is(inode, LINUX_S_IFSOCK))
		return -ECONNREFUSED;
	mutex_lock(&g_names_mu);
	list_for_each_entry (u, inode_bucket(inode), table_node)
		if (u->path.dentry && u->path.dentry->inode == inode) {
			unix_get(u);
			found = u;
			break;
		}
	mutex_unlock(&g_names_mu);
	if (!found)
		return -ECONNREFUSED;
	if (found->sock.type != type) {
		unix_put(found);
		return -EPROTOTYPE;
	}
	*out = found;
	return 0;
}

int unix_find(const struct unix_sock *from, const void *addr, uint32_t len,
	      int type, struct unix_sock **out)
{
	struct unix_sock *u;
	struct unix_name *n;
	int ret = name_new(addr, len, &n);

	if (ret < 0)
		return ret;
	if (n->addr.path[0]) {
		ret = find_path(n, type, out);
	} else {
		mutex_lock(&g_names_mu);
		u = find_abstract_locked(from->net, type, n);
		if (u)
			unix_get(u);
		mutex_unlock(&g_names_mu);
		ret = u ? 0 : -ECONNREFUSED;
		if (u)
			*out = u;
	}
	unix_name_put(n);
	return ret;
}

int unix_getname(struct socket *s, bool peer, void *addr, uint32_t *len)
{
	const uint16_t family = LINUX_AF_UNIX;
	struct unix_sock *u = unix_of(s), *other = NULL;
	struct unix_name *n;

	if (peer) {
		other = unix_peer(u);
		if (!other)
			return -ENOTCONN;
		u = other;
	}
	n = unix_get_name(u);
	*len = n ? n->len : sizeof(family);
	memcpy(addr, n ? (const void *)&n->addr : &family, *len);
	if (n)
		unix_name_put(n);
	if (other)
		unix_put(other);
	return 0;
}
