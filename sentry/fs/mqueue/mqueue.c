/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqueue: the file system of message queues: one directory.
 *
 * Invariant: fs->nr entries, each with a reference on its queue; a queue has
 *            one on the super block, which therefore ends after mqueuefs_end().
 * Locks:     the root's dir_mu.
 * Linux:     ipc/mqueue.c of 6.18.
 * Tests:     tests/conformance/mqueue.c
 */
#include <errno.h>
#include <string.h>

#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/mqueue/mq.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/vfs/namei.h"

static struct mqfs *fs_of(struct super *sb)
{
	return container_of(sb, struct mqfs, sb);
}

/* --- entries (dir_mu held) ------------------------------------------------ */

static struct mq_entry *find(struct mqfs *fs, const char *name)
{
	struct mq_entry *e;

	list_for_each_entry (e, &fs->entries, node)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

static void touch_dir(struct inode *dir)
{
	mutex_lock(&dir->mu);
	dir->mtime = dir->ctime = ktime_now();
	mutex_unlock(&dir->mu);
}

/* *out: borrowed from the entry. */
static int add(struct inode *dir, const char *name, uint32_t mode, uint32_t uid,
	       uint32_t gid, const struct linux_mq_attr *attr, struct mq **out)
{
	struct mqfs *fs = fs_of(dir->sb);
	AUTO_FREE struct mq_entry *e = kzalloc(sizeof(*e) + strlen(name) + 1);
	int ret;

	if (!e)
		return -ENOMEM;
	if (fs->nr >= task_ipc(current_task())->lim.mq_queues &&
	    !capable(CAP_NR_SYS_RESOURCE))
		return -ENOSPC;
	ret = mq_new(fs, mode, uid, gid, attr, &e->mq);
	if (ret < 0)
		return ret;
	*out = e->mq;
	e->len = (uint32_t)strlen(name);
	memcpy(e->name, name, e->len + 1);
	e->cookie = fs->next_cookie++;
	fs->nr++;
	list_append(&fs->entries, &take(e)->node);
	touch_dir(dir);
	return 0;
}

static void drop_entry(struct mqfs *fs, struct mq_entry *e)
{
	list_del(&e->node);
	fs->nr--;
	e->mq->i.nlink = 0;
	inode_put(&e->mq->i);
	free(e);
}

/* --- the directory -------------------------------------------------------- */

static int op_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct mq_entry *e = find(fs_of(dir->sb), name);

	if (!e)
		return -ENOENT;
	inode_get(&e->mq->i);
	*out = &e->mq->i;
	return 0;
}

static int op_create(struct inode *dir, const char *name, uint32_t mode,
		     uint32_t uid, uint32_t gid, struct inode **out)
{
	struct mq *mq;
	int ret = add(dir, name, mode, uid, gid, NULL, &mq);

	if (ret < 0)
		return ret;
	inode_get(&mq->i);
	*out = &mq->i;
	return 0;
}

static int op_unlink(struct inode *dir, const char *name, struct inode *child)
{
	struct mq_entry *e = find(fs_of(dir->sb), name);

	(void)child;
	if (!e)
		return -ENOENT;
	drop_entry(fs_of(dir->sb), e);
	touch_dir(dir);
	return 0;
}

static int iterate_locked(struct mqfs *fs, struct inode *dir,
			  struct dir_sink *s, int64_t *pos)
{
	struct mq_entry *e;

	for (; *pos < 2; ++*pos)
		if (!s->emit(s, "..", *pos ? 2 : 1, dir->ino, LINUX_DT_DIR,
			     *pos + 1))
			return 0;
	list_for_each_entry (e, &fs->entries, node) {
		if (e->cookie < *pos)
			continue;
		if (!s->emit(s, e->name, e->len, e->mq->i.ino, LINUX_DT_REG,
			     e->cookie + 1))
			return 0;
		*pos = e->cookie + 1;
	}
	return 0;
}

static int dir_iterate(struct file *f, struct dir_sink *s, int64_t *pos)
{
	struct inode *dir = f->inode;
	int ret;

	if (*pos < 0)
		return -EINVAL;
	mutex_lock(&dir->dir_mu);
	ret = iterate_locked(fs_of(dir->sb), dir, s, pos);
	mutex_unlock(&dir->dir_mu);
	return ret;
}

static int64_t dir_llseek(struct file *f, int64_t off, int whence)
{
	if (whence != LINUX_SEEK_SET || off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

static const struct file_ops dir_fops = {
	.name = "mqueue directory",
	.llseek = dir_llseek,
	.iterate = dir_iterate,
};

static int dir_open(struct inode *inode, struct file *f)
{
	(void)inode;
	f->ops = &dir_fops;
	return 0;
}

/* --- the super block ------------------------------------------------------ */

static int mq_statfs(struct super *sb, struct kstatfs *out)
{
	(void)sb;
	out->type = LINUX_MQUEUE_MAGIC;
	out->bsize = out->frsize = PAGE_SIZE;
	out->namelen = NAME_MAX_LEN;
	return 0;
}

static void mq_free_super(struct super *sb)
{
	free(fs_of(sb));
}

static const struct super_ops mq_super_ops = {
	.name = "mqueue",
	.statfs = mq_statfs,
	.free = mq_free_super,
};

static const struct inode_ops root_iops = {
	.lookup = op_lookup,
	.create = op_create,
	.unlink = op_unlink,
	.open = dir_open,
};

static int make_super(struct super **out)
{
	struct mqfs *fs = kzalloc(sizeof(*fs));
	struct inode *root = kzalloc(sizeof(*root));
	int ret;

	if (!fs || !root) {
		free(fs);
		free(root);
		return -ENOMEM;
	}
	super_init(&fs->sb, &mq_super_ops);
	fs->sb.no_dcache = true; /* mq_open() does not tell the cache */
	list_init(&fs->entries);
	fs->next_cookie = 2;
	fs->next_ino = 1;
	inode_init(root, &fs->sb, &root_iops, 1,
		   LINUX_S_IFDIR | LINUX_S_ISVTX | 0777);
	root->nlink = 2;
	root->atime = root->mtime = root->ctime = ktime_now();
	ret = super_set_root(&fs->sb, root);
	if (ret < 0) {
		inode_put(root);
		free(fs);
		return ret;
	}
	*out = &fs->sb;
	return 0;
}

int mqueuefs_get(struct ipc_ns *ns, struct super **out)
{
	int ret = 0;

	mutex_lock(&ns->mq_mu);
	if (!ns->mq)
		ret = make_super(&ns->mq);
	if (ret == 0) {
		super_get(ns->mq);
		*out = ns->mq;
	}
	mutex_unlock(&ns->mq_mu);
	return ret;
}

void mqueuefs_end(struct ipc_ns *ns)
{
	struct super *sb = take(ns->mq);
	struct mq_entry *e, *tmp;

	if (!sb)
		return;
	mutex_lock(&sb->root->inode->dir_mu);
	list_for_each_entry_safe (e, tmp, &fs_of(sb)->entries, node)
		drop_entry(fs_of(sb), e);
	mutex_unlock(&sb->root->inode->dir_mu);
	super_put(sb);
}

/* --- mq_open(2), mq_unlink(2) --------------------------------------------- */

static int check_name(const char *name)
{
	if (!*name)
		return -ENOENT;
	if (strlen(name) > NAME_MAX_LEN)
		return -ENAMETOOLONG;
	if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EACCES;
	return 0;
}

static uint32_t wanted_access(uint32_t flags)
{
	static const uint32_t may[] = { MAY_READ, MAY_WRITE,
					MAY_READ | MAY_WRITE };

	return may[flags & LINUX_O_ACCMODE];
}

/* dir_mu held.  *out +1. */
static int find_or_make(struct inode *dir, const char *name, uint32_t flags,
			uint32_t mode, const struct linux_mq_attr *attr,
			struct mq **out)
{
	const struct cred *c = current_task()->cred;
	struct mq_entry *e = find(fs_of(dir->sb), name);
	int ret;

	if (e) {
		if ((flags & LINUX_O_CREAT) && (flags & LINUX_O_EXCL))
			return -EEXIST;
		if ((flags & LINUX_O_ACCMODE) == LINUX_O_ACCMODE)
			return -EINVAL;
		ret = inode_permission(&e->mq->i, c, wanted_access(flags));
		if (ret < 0)
			return ret;
		*out = e->mq;
	} else {
		if (!(flags & LINUX_O_CREAT))
			return -ENOENT;
		ret = add(dir, name,
			  LINUX_S_IFREG | (mode & 07777 & ~current_umask()),
			  c->fsuid, c->fsgid, attr, out);
		if (ret < 0)
			return ret;
	}
	inode_get(&(*out)->i);
	return 0;
}

static int open_mq(struct super *sb, struct mq *mq, const char *name,
		   uint32_t flags, struct file **out)
{
	char path[NAME_MAX_LEN + 2] = "/";
	int ret;

	memcpy(path + 1, name, strlen(name) + 1);
	flags &= LINUX_O_ACCMODE | LINUX_O_NONBLOCK;
	ret = file_new_pseudo(sb, &mq->i, path, flags, out);
	return ret < 0 ? ret : mq_open_file(&mq->i, *out);
}

int mqueue_open(const char *name, uint32_t flags, uint32_t mode,
		const struct linux_mq_attr *attr, struct file **out)
{
	AUTO_PUT(super) struct super *sb = NULL;
	struct inode *dir;
	struct mq *mq;
	int ret = check_name(name);

	if (ret == 0)
		ret = mqueuefs_get(task_ipc(current_task()), &sb);
	if (ret < 0)
		return ret;
	dir = sb->root->inode;
	mutex_lock(&dir->dir_mu);
	ret = find_or_make(dir, name, flags, mode, attr, &mq);
	mutex_unlock(&dir->dir_mu);
	if (ret < 0)
		return ret;
	ret = open_mq(sb, mq, name, flags, out);
	inode_put(&mq->i);
	return ret;
}

/* dir_mu held.  The directory is sticky. */
static int remove_name(struct inode *dir, const char *name)
{
	const struct cred *c = current_task()->cred;
	struct mq_entry *e = find(fs_of(dir->sb), name);

	if (!e)
		return -ENOENT;
	if (e->mq->i.uid != c->fsuid && dir->uid != c->fsuid &&
	    !inode_capable(&e->mq->i, c, CAP_NR_FOWNER))
		return -EPERM;
	drop_entry(fs_of(dir->sb), e);
	touch_dir(dir);
	return 0;
}

int mqueue_unlink(const char *name)
{
	AUTO_PUT(super) struct super *sb = NULL;
	struct inode *dir;
	int ret = check_name(name);

	if (ret == 0)
		ret = mqueuefs_get(task_ipc(current_task()), &sb);
	if (ret < 0)
		return ret;
	dir = sb->root->inode;
	mutex_lock(&dir->dir_mu);
	ret = remove_name(dir, name);
	mutex_unlock(&dir->dir_mu);
	return ret;
}
