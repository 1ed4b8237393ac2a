/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmpfs: super blocks, nodes and their accounts; memfd's files.
 *
 * Limits count pages of data and nodes, as mount options size and nr_inodes.
 * An entry in a directory holds its node; dropping the last name and the last
 * open file frees it.
 *
 * Tests: tests/unit/test_tmpfs.c
 */
#include "sentry/fs/tmpfs/tmpfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "abi/statfs.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/mm/memfile.h"

/* --- accounts ------------------------------------------------------------- */

static int charge(_Atomic uint64_t *used, uint64_t nr, uint64_t max)
{
	uint64_t old = atomic_load(used);

	do {
		if (max && (old >= max || nr > max - old))
			return -ENOSPC;
	} while (!atomic_compare_exchange_weak(used, &old, old + nr));
	return 0;
}

int tmpfs_charge(struct tmpfs *fs, uint64_t pages)
{
	return charge(&fs->used_pages, pages, fs->max_pages);
}

void tmpfs_uncharge(struct tmpfs *fs, uint64_t pages)
{
	fs->used_pages -= pages;
}

/* --- nodes ---------------------------------------------------------------- */

static int tmpfs_readlink(struct inode *inode, char **out_target)
{
	*out_target = kstrdup(tnode_of(inode)->link);
	return *out_target ? 0 : -ENOMEM;
}

static const struct inode_ops tmpfs_inode_ops = {
	.getattr = tmpfs_getattr,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
	.open = tmpfs_open,
	.evict = tmpfs_evict,
};

static const struct inode_ops tmpfs_link_ops = {
	.readlink = tmpfs_readlink,
	.getattr = tmpfs_getattr,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
	.evict = tmpfs_evict,
};

static const struct inode_ops *ops_for(uint32_t mode)
{
	switch (mode & LINUX_S_IFMT) {
	case LINUX_S_IFDIR:
		return &tmpfs_dir_inode_ops;
	case LINUX_S_IFLNK:
		return &tmpfs_link_ops;
	default:
		return &tmpfs_inode_ops;
	}
}

int tnode_new(struct tmpfs *fs, uint32_t mode, uint64_t rdev, uint32_t uid,
	      uint32_t gid, struct tnode **out)
{
	struct tnode *n;
	int ret;

	ret = charge(&fs->used_inodes, 1, fs->max_inodes);
	if (ret < 0)
		return ret;
	n = kzalloc(sizeof(*n));
	if (!n) {
		fs->used_inodes--;
		return -ENOMEM;
	}
	inode_init(&n->i, &fs->sb, ops_for(mode), ++fs->next_ino, mode);
	n->i.rdev = rdev;
	n->i.uid = uid;
	n->i.gid = gid;
	n->i.atime = n->i.mtime = n->i.ctime = n->i.btime = ktime_now();
	list_init(&n->xattrs);
	if (inode_is(&n->i, LINUX_S_IFDIR)) {
		tdir_init(&n->dir, n->i.ino);
		n->i.nlink = 2;
	} else if (inode_is(&n->i, LINUX_S_IFREG)) {
		tdata_init(&n->data);
		mapping_init(&n->mapping);
		n->i.mapping = &n->mapping;
		n->seals = LINUX_F_SEAL_SEAL;
	}
	*out = n;
	return 0;
}

void tmpfs_evict(struct inode *inode)
{
	struct tnode *n = tnode_of(inode);
	struct tmpfs *fs = tmpfs_of(n);

	switch (inode->mode & LINUX_S_IFMT) {
	case LINUX_S_IFDIR:
		tdir_free_all(&n->dir);
		break;
	case LINUX_S_IFLNK:
		free(n->link);
		break;
	case LINUX_S_IFREG:
		mapping_fini(&n->mapping);
		tmpfs_uncharge(fs, n->data.pages);
		tdata_fini(&n->data);
		break;
	default:
		break;
	}
	txattr_free_all(n);
	fs->used_inodes--;
}

int tmpfs_getattr(struct inode *inode, struct kstat *out)
{
	struct tnode *n = tnode_of(inode);

	inode_fill_kstat(inode, out);
	if (inode_is(inode, LINUX_S_IFREG))
		out->blocks = n->data.pages * (PAGE_SIZE / 512);
	else
		out->blocks = 0;
	return 0;
}

void tnode_changed(struct tnode *n, bool mtime)
{
	struct ktime now = ktime_now();

	mutex_lock(&n->i.mu);
	n->i.ctime = now;
	if (mtime)
		n->i.mtime = now;
	mutex_unlock(&n->i.mu);
}

/* Of data, and as many inodes. */
static uint64_t default_pages(void)
{
	return memory_total() / PAGE_SIZE / 2;
}

/* --- super blocks --------------------------------------------------------- */

static int tmpfs_statfs(struct super *sb, struct kstatfs *out)
{
	struct tmpfs *fs = container_of(sb, struct tmpfs, sb);
	uint64_t pages = fs->used_pages, inodes = fs->used_inodes;

	out->type = LINUX_TMPFS_MAGIC;
	out->bsize = out->frsize = PAGE_SIZE;
	out->namelen = NAME_MAX_LEN;
	if (fs->max_pages) {
		out->blocks = fs->max_pages;
		out->bfree = fs->max_pages - MIN(pages, fs->max_pages);
		out->bavail = out->bfree;
	}
	if (fs->max_inodes) {
		out->files = fs->max_inodes;
		out->ffree = fs->max_inodes - MIN(inodes, fs->max_inodes);
	}
	return 0;
}

static void tmpfs_show_options(struct super *sb, struct seq_buf *out)
{
	struct tmpfs *fs = container_of(sb, struct tmpfs, sb);
	uint32_t mode = sb->root ? sb->root->inode->mode & LINUX_S_IALLUGO : 0;

	if (fs->max_pages != default_pages())
		seq_printf(out, ",size=%luk",
			   fs->max_pages * (PAGE_SIZE / 1024));
	if (fs->max_inodes != default_pages())
		seq_printf(out, ",nr_inodes=%lu", fs->max_inodes);
	if (mode != 01777)
		seq_printf(out, ",mode=%o", mode);
}

static void tmpfs_free(struct super *sb)
{
	free(container_of(sb, struct tmpfs, sb));
}

static const struct super_ops tmpfs_super_ops = {
	.name = "tmpfs",
	.statfs = tmpfs_statfs,
	.show_options = tmpfs_show_options,
	.free = tmpfs_free,
};

int tmpfs_new(uint64_t max_bytes, uint64_t max_inodes, uint32_t mode,
	      struct super **out)
{
	struct tmpfs *fs = kzalloc(sizeof(*fs));
	struct tnode *root;
	int ret;

	if (!fs)
		return -ENOMEM;
	if (max_bytes == TMPFS_DEFAULT)
		max_bytes = default_pages() * PAGE_SIZE;
	if (max_inodes == TMPFS_DEFAULT)
		max_inodes = default_pages();
	super_init(&fs->sb, &tmpfs_super_ops);
	fs->max_pages = max_bytes / PAGE_SIZE;
	if (max_bytes && !fs->max_pages)
		fs->max_pages = 1;
	fs->max_inodes = max_inodes;
	ret = tnode_new(fs, (mode & LINUX_S_IALLUGO) | LINUX_S_IFDIR, 0, 0, 0,
			&root);
	if (ret == 0) {
		ret = super_set_root(&fs->sb, &root->i);
		if (ret < 0)
			inode_put(&root->i);
	}
	if (ret < 0) {
		free(fs);
		return ret;
	}
	*out = &fs->sb;
	return 0;
}

/* --- memfd ---------------------------------------------------------------- */

static struct super *g_shm;
static pthread_once_t g_shm_once = PTHREAD_ONCE_INIT;

static void shm_start(void)
{
	if (tmpfs_new(0, 0, 0700, &g_shm) < 0)
		g_shm = NULL;
}

/* A file without a name in the super block of the kernel's own. */
static int shm_node(uint32_t mode, struct tnode **out)
{
	struct task *t = current_task();
	int ret;

	pthread_once(&g_shm_once, shm_start);
	if (!g_shm)
		return -ENOMEM;
	ret = tnode_new(container_of(g_shm, struct tmpfs, sb),
			mode | LINUX_S_IFREG, 0, t ? t->cred->fsuid : 0,
			t ? t->cred->fsgid : 0, out);
	if (ret == 0)
		(*out)->i.nlink = 0;
	return ret;
}

/* Opens @n, whose reference is taken over. */
static int shm_open(const char *name, struct tnode *n, struct file **out)
{
	int ret = file_new_pseudo(g_shm, &n->i, name,
				  LINUX_O_RDWR | LINUX_O_LARGEFILE, out);

	if (ret == 0) {
		ret = tmpfs_open(&n->i, *out);
		if (ret < 0)
			file_put(take(*out));
	}
	inode_put(&n->i);
	return ret;
}

int tmpfs_anon_file(const char *name, uint32_t flags, struct file **out)
{
	uint32_t mode = flags & LINUX_MFD_NOEXEC_SEAL ? 0666 : 0777;
	char text[NAME_MAX_LEN + 64];
	struct tnode *n;
	int ret = shm_node(mode, &n);

	if (ret < 0)
		return ret;
	if (flags & (LINUX_MFD_ALLOW_SEALING | LINUX_MFD_NOEXEC_SEAL))
		n->seals = 0;
	if (flags & LINUX_MFD_NOEXEC_SEAL)
		n->seals |= LINUX_F_SEAL_EXEC;
	snprintf(text, sizeof(text), "/memfd:%s (deleted)", name);
	return shm_open(text, n, out);
}

int tmpfs_shm_file(const char *name, uint64_t size, struct file **out)
{
	struct tnode *n;
	int ret = shm_node(0777, &n);

	if (ret < 0)
		return ret;
	n->i.size = size; /* all of it a hole */
	return shm_open(name, n, out);
}
