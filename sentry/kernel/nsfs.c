/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsfs: namespaces as files: /proc/PID/ns/NAME, ioctl_nsfs(2).
 *
 * Invariant: an inode of nsfs holds a reference on its namespace; all inodes
 *            of one namespace have its number.
 * Locks:     none; tasklist inside the pid questions.
 * Linux:     fs/nsfs.c of 6.18, without file handles and the mount ioctls.
 * Tests:     tests/conformance/ns.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/nsfs.h"
#include "abi/stat.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/vfs.h"

#define NSFS_MAGIC 0x6e736673

struct ns_inode {
	struct inode inode;
	struct ns_common *ns; /* +1 */
};
static_assert(offsetof(struct ns_inode, inode) == 0, "freed by the VFS");

static const struct file_ops nsfs_file_ops;

static struct ns_inode *ns_inode_of(struct inode *inode)
{
	return container_of(inode, struct ns_inode, inode);
}

static void nsfs_evict(struct inode *inode)
{
	ns_put(ns_inode_of(inode)->ns);
}

static int nsfs_open(struct inode *inode, struct file *f)
{
	(void)inode;
	if (file_writable(f))
		return -EPERM;
	f->ops = &nsfs_file_ops;
	return 0;
}

static int nsfs_setattr(struct inode *inode, const struct iattr *attr)
{
	(void)inode;
	(void)attr;
	return -EPERM;
}

static const struct inode_ops nsfs_inode_ops = {
	.open = nsfs_open,
	.setattr = nsfs_setattr,
	.evict = nsfs_evict,
};

static int nsfs_statfs(struct super *sb, struct kstatfs *out)
{
	(void)sb;
	*out = (struct kstatfs){
		.type = NSFS_MAGIC,
		.bsize = PAGE_SIZE,
		.frsize = PAGE_SIZE,
		.namelen = NAME_MAX_LEN,
	};
	return 0;
}

static const struct super_ops nsfs_super_ops = {
	.name = "nsfs",
	.statfs = nsfs_statfs,
};
static struct super g_nsfs;
static pthread_once_t g_once = PTHREAD_ONCE_INIT;

static void nsfs_start(void)
{
	super_init(&g_nsfs, &nsfs_super_ops);
}

int nsfs_path(struct ns_common *ns, struct path *out)
{
	struct ns_inode *ni = kzalloc(sizeof(*ni));
	char name[48];
	int ret;

	if (!ni)
		return -ENOMEM;
	pthread_once(&g_once, nsfs_start);
	inode_init(&ni->inode, &g_nsfs, &nsfs_inode_ops, ns->inum,
		   LINUX_S_IFREG | 0444);
	ni->inode.nlink = 1;
	ns_get(ns);
	ni->ns = ns;
	snprintf(name, sizeof(name), "%s:[%u]", ns_types[ns->kind].name,
		 ns->inum);
	out->mnt = NULL;
	ret = dentry_new(&g_nsfs, NULL, name, strlen(name), &ni->inode,
			 &out->dentry);
	if (ret < 0) {
		inode_put(&ni->inode);
		return ret;
	}
	out->dentry->pseudo = true;
	return 0;
}

struct ns_common *nsfs_of_file(const struct file *f)
{
	return f->ops == &nsfs_file_ops ? ns_inode_of(f->inode)->ns : NULL;
}

/* --- ioctls --------------------------------------------------------------- */

/* A descriptor on @ns. */
static long open_ns(struct ns_common *ns)
{
	AUTO_PUT(file) struct file *f = NULL;
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = nsfs_path(ns, &p);

	if (ret == 0)
		ret = vfs_open_path(&p, 0, NULL, &f);
	if (ret < 0)
		return ret;
	return fd_table_install(current_task()->fds, f, true);
}

static long get_userns(struct ns_common *ns)
{
	struct user_ns *u = ns->owner;

	if (!u || !user_ns_is_below(u, current_task()->cred->user_ns))
		return -EPERM;
	return open_ns(&u->ns);
}

static long get_parent(struct ns_common *ns)
{
	struct pid_ns *p;

	if (ns->kind == NS_USER)
		return get_userns(ns);
	if (ns->kind != NS_PID)
		return -EINVAL;
	p = container_of(ns, struct pid_ns, ns)->parent;
	if (!p || !pid_ns_is_below(p, task_pid_ns(current_task())))
		return -EPERM;
	return open_ns(&p->ns);
}

static long get_owner_uid(struct ns_common *ns, uint64_t arg)
{
	uint32_t uid;

	if (ns->kind != NS_USER)
		return -EINVAL;
	uid = uid_to_guest(container_of(ns, struct user_ns, ns)->uid);
	return copy_out(uaddr(arg), &uid, sizeof(uid));
}

/* NS_GET_{PID,TGID}_{FROM,IN}_PIDNS: between the caller's and this one. */
static long translate_pid(struct ns_common *ns, uint32_t cmd, uint32_t nr)
{
	const struct pid_ns *it, *me = task_pid_ns(current_task());
	bool from = cmd == LINUX_NS_GET_PID_FROM_PIDNS ||
		    cmd == LINUX_NS_GET_TGID_FROM_PIDNS;
	bool group = cmd == LINUX_NS_GET_TGID_FROM_PIDNS ||
		     cmd == LINUX_NS_GET_TGID_IN_PIDNS;
	struct task *t;
	long ret = -ESRCH;

	if (ns->kind != NS_PID)
		return -EINVAL;
	it = container_of(ns, struct pid_ns, ns);
	tasklist_lock();
	t = pid_peek_task_locked(pid_of_nr_locked(from ? it : me, nr));
	if (t)
		ret = pid_nr_in_locked(group ? t->group->tgid : t->tid,
				       from ? me : it);
	tasklist_unlock();
	return ret ? ret : -ESRCH;
}

static long get_mntns_id(struct ns_common *ns, uint64_t arg)
{
	uint64_t id;

	if (ns->kind != NS_MNT)
		return -EINVAL;
	id = mount_ns_id(mount_ns_of(ns));
	return copy_out(uaddr(arg), &id, sizeof(id));
}

static long nsfs_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct ns_common *ns = ns_inode_of(f->inode)->ns;

	switch (cmd) {
	case LINUX_NS_GET_USERNS:
		return get_userns(ns);
	case LINUX_NS_GET_PARENT:
		return get_parent(ns);
	case LINUX_NS_GET_NSTYPE:
		return (long)ns_types[ns->kind].clone_flag;
	case LINUX_NS_GET_OWNER_UID:
		return get_owner_uid(ns, arg);
	case LINUX_NS_GET_MNTNS_ID:
		return get_mntns_id(ns, arg);
	case LINUX_NS_GET_PID_FROM_PIDNS:
	case LINUX_NS_GET_TGID_FROM_PIDNS:
	case LINUX_NS_GET_PID_IN_PIDNS:
	case LINUX_NS_GET_TGID_IN_PIDNS:
		return translate_pid(ns, cmd, (uint32_t)arg);
	}
	return -ENOTTY;
}

static const struct file_ops nsfs_file_ops = {
	.name = "nsfs",
	.ioctl = nsfs_ioctl,
};
