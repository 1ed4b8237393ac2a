/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl_inode: inodes of the overlay: life, attributes, permission.
 *
 * The attributes of struct inode are the truth; a change of them copies no
 * data.  Inode numbers: a lower file keeps its own, for ever; what the overlay
 * makes gets numbers that no usual host file system reaches.
 *
 * Locks: inode->mu for attributes; os->map_mu for the table of lower files
 *	  that have several links, so that all of them lead to one inode.
 * Tests: tests/unit/test_overlay.c
 */
#include <errno.h>
#include <string.h>

#include "abi/stat.h"
#include "sentry/fs/overlay/ovl.h"
#include "sentry/lib/hash.h"
#include "sentry/vfs/namei.h"

#define FIRST_OWN_INO (1ull << 48)

static const struct inode_ops ovl_node_ops;

static const struct inode_ops *ops_of(uint32_t mode)
{
	switch (mode & LINUX_S_IFMT) {
	case LINUX_S_IFDIR:
		return &ovl_dir_ops;
	case LINUX_S_IFLNK:
		return &ovl_link_ops;
	case LINUX_S_IFREG:
		return &ovl_file_ops;
	default:
		return &ovl_node_ops;
	}
}

static struct ovl_inode *inode_new(struct ovl_super *os, uint32_t mode,
				   uint64_t ino)
{
	struct ovl_inode *oi = kzalloc(sizeof(*oi));

	if (!oi)
		return NULL;
	inode_init(&oi->vfs, &os->sb, ops_of(mode), ino, mode);
	mutex_init(&oi->copy_mu, LOCK_OVL_COPY_UP);
	list_init(&oi->pin_node);
	list_init(&oi->link_node);
	list_init(&oi->entries);
	RB_INIT(&oi->tree);
	if (inode_is(&oi->vfs, LINUX_S_IFREG)) {
		mapping_init(&oi->mapping);
		oi->vfs.mapping = &oi->mapping;
	}
	return oi;
}

/* The same number on two host devices must not look like one file. */
static uint64_t fold_ino(const struct ovl_super *os, const struct kstat *st)
{
	uint64_t tag;

	if (st->dev == os->lower_dev)
		return st->ino;
	tag = (st->dev ^ st->dev >> 8 ^ st->dev >> 20) & 0x7f;
	return (st->ino & (FIRST_OWN_INO - 1)) | (tag | 0x80) << 49;
}

static void take_attributes(struct ovl_inode *oi, const struct kstat *st)
{
	struct inode *i = &oi->vfs;

	i->rdev = st->rdev;
	i->uid = st->uid;
	i->gid = st->gid;
	i->nlink = (uint32_t)st->nlink;
	i->size = st->size;
	i->atime = st->atime;
	i->mtime = st->mtime;
	i->ctime = st->ctime;
	i->btime = st->btime;
	oi->lower_blocks = st->blocks;
	oi->lower_blksize = st->blksize;
}

/* --- lower files with several names --------------------------------------- */

static struct list *link_bucket(struct ovl_super *os, const struct inode *lower)
{
	uint64_t h = hash_pair((uintptr_t)lower, 0);

	return &os->links[h % OVL_LINK_BUCKETS];
}

static struct ovl_inode *find_link_locked(struct ovl_super *os,
					  const struct inode *lower)
{
	struct ovl_inode *oi;

	list_for_each_entry (oi, link_bucket(os, lower), link_node)
		if (oi->lower == lower && ref_get_unless_zero(&oi->vfs.ref))
			return oi;
	return NULL;
}

/* One inode for all names: @oi, or the one that is known (+1, @oi is put). */
static struct ovl_inode *unite_links(struct ovl_super *os, struct ovl_inode *oi)
{
	struct ovl_inode *known;

	mutex_lock(&os->map_mu);
	known = find_link_locked(os, oi->lower);
	if (!known)
		list_append(link_bucket(os, oi->lower), &oi->link_node);
	mutex_unlock(&os->map_mu);
	if (!known)
		return oi;
	inode_put(&oi->vfs);
	return known;
}

int ovl_adopt(struct ovl_super *os, struct inode *lower, struct ovl_inode **out)
{
	struct ovl_inode *oi = NULL;
	struct kstat st;
	int ret = inode_getattr(lower, &st);

	if (ret == 0)
		oi = inode_new(os, st.mode, fold_ino(os, &st));
	if (!oi) {
		inode_put(lower);
		return ret < 0 ? ret : -ENOMEM;
	}
	oi->lower = lower;
	take_attributes(oi, &st);
	if (st.nlink > 1 && inode_is(&oi->vfs, LINUX_S_IFREG))
		oi = unite_links(os, oi);
	*out = oi;
	return 0;
}

/* --- nodes of our own ----------------------------------------------------- */

static int count_node(struct ovl_super *os)
{
	if (os->nr_nodes++ < os->max_nodes || os->max_nodes == 0)
		return 0;
	os->nr_nodes--;
	return -ENOSPC;
}

static int fill_node(struct ovl_super *os, struct ovl_inode *oi,
		     const char *target)
{
	struct inode *upper;
	int ret;

	if (target) {
		oi->target = kstrdup(target);
		oi->vfs.size = strlen(target);
		return oi->target ? 0 : -ENOMEM;
	}
	if (!inode_is(&oi->vfs, LINUX_S_IFREG))
		return 0;
	ret = ovl_upper_new(os, &upper);
	if (ret == 0)
		oi->upper = upper;
	return ret;
}

int ovl_create_inode(struct ovl_super *os, uint32_t mode, uint64_t rdev,
		     uint32_t uid, uint32_t gid, const char *target,
		     struct ovl_inode **out)
{
	struct ovl_inode *oi;
	int ret = count_node(os);

	if (ret < 0)
		return ret;
	oi = inode_new(os, mode, os->next_ino++);
	if (!oi) {
		os->nr_nodes--;
		return -ENOMEM;
	}
	oi->created = true;
	oi->changed = true;
	oi->vfs.rdev = rdev;
	oi->vfs.uid = uid;
	oi->vfs.gid = gid;
	oi->vfs.nlink = inode_is(&oi->vfs, LINUX_S_IFDIR) ? 2 : 1;
	oi->vfs.atime = oi->vfs.mtime = oi->vfs.ctime = ktime_now();
	oi->vfs.btime = oi->vfs.ctime;
	oi->lower_blksize = PAGE_SIZE;
	ret = fill_node(os, oi, target);
	if (ret < 0) {
		inode_put(&oi->vfs);
		return ret;
	}
	*out = oi;
	return 0;
}

void ovl_evict(struct inode *inode)
{
	struct ovl_inode *oi = ovl_inode(inode);
	struct ovl_super *os = ovl_super(inode);

	ovl_clear_tree(oi);
	mutex_lock(&os->map_mu);
	list_del(&oi->link_node);
	mutex_unlock(&os->map_mu);
	if (inode->mapping)
		mapping_fini(inode->mapping);
	if (oi->upper)
		inode_put(oi->upper);
	if (oi->xstore)
		inode_put(oi->xstore);
	if (oi->lower)
		inode_put(oi->lower);
	free(oi->target);
	pthread_mutex_destroy(&oi->copy_mu.raw);
	if (oi->created)
		os->nr_nodes--;
}

/* --- attributes ----------------------------------------------------------- */

void ovl_touch_dir(struct ovl_inode *dir)
{
	mutex_lock(&dir->vfs.mu);
	dir->vfs.mtime = dir->vfs.ctime = ktime_now();
	mutex_unlock(&dir->vfs.mu);
}

void ovl_touch_ctime(struct ovl_inode *oi)
{
	mutex_lock(&oi->vfs.mu);
	oi->vfs.ctime = ktime_now();
	mutex_unlock(&oi->vfs.mu);
}

int ovl_getattr(struct inode *inode, struct kstat *out)
{
	struct ovl_inode *oi = ovl_inode(inode);
	struct inode *upper = oi->upper;
	struct kstat st;

	inode_fill_kstat(inode, out);
	out->blocks = oi->lower_blocks;
	out->blksize = oi->lower_blksize;
	if (upper && inode_getattr(upper, &st) == 0) {
		out->blocks = st.blocks;
		out->blksize = st.blksize;
	}
	return 0;
}

/* Cuts or extends the data; inode->mu is held, and given up while the lower
 * file is copied (ranks: copying takes locks of its layers). */
NO_LOCK_CHECK static int set_size(struct ovl_inode *oi, uint64_t size)
{
	struct iattr a = { .valid = ATTR_SIZE, .size = size };
	uint64_t old = oi->vfs.size;
	struct inode *upper;
	int ret = 0;

	if (!inode_is(&oi->vfs, LINUX_S_IFREG))
		return -EINVAL;
	if (!oi->upper) {
		mutex_unlock(&oi->vfs.mu);
		ret = ovl_copy_up(oi, size);
		mutex_lock(&oi->vfs.mu);
	}
	if (ret < 0)
		return ret;
	upper = oi->upper;
	mutex_lock_nested(&upper->mu);
	if (upper->ops->setattr)
		ret = upper->ops->setattr(upper, &a);
	else
		inode_setattr_copy(upper, &a);
	mutex_unlock(&upper->mu);
	if (ret == 0 && size < old)
		mapping_truncate(&oi->mapping, size);
	return ret;
}

int ovl_setattr(struct inode *inode, const struct iattr *attr)
{
	struct ovl_inode *oi = ovl_inode(inode);
	int ret;

	if (attr->valid & ATTR_SIZE) {
		ret = set_size(oi, attr->size);
		if (ret < 0)
			return ret;
	}
	ovl_pin(oi);
	if (attr->valid & (ATTR_MODE | ATTR_UID | ATTR_GID))
		oi->changed = true;
	inode_setattr_copy(inode, attr);
	return 0;
}

/* An unchanged lower file is judged by its own file system, which may know
 * more than the mode bits. */
int ovl_permission(struct inode *inode, const struct cred *cred, uint32_t mask)
{
	struct ovl_inode *oi = ovl_inode(inode);

	if (!oi->changed && oi->lower->ops->permission)
		return oi->lower->ops->permission(oi->lower, cred, mask);
	return inode_generic_permission(inode, cred, mask);
}

/* --- symlinks and special files ------------------------------------------- */

static int ovl_readlink(struct inode *inode, char **out_target)
{
	struct ovl_inode *oi = ovl_inode(inode);

	if (!oi->target)
		return oi->lower->ops->readlink(oi->lower, out_target);
	*out_target = kstrdup(oi->target);
	return *out_target ? 0 : -ENOMEM;
}

#define COMMON_OPS                                              \
	.getattr = ovl_getattr, .setattr = ovl_setattr,         \
	.permission = ovl_permission, .getxattr = ovl_getxattr, \
	.setxattr = ovl_setxattr, .listxattr = ovl_listxattr,   \
	.removexattr = ovl_removexattr, .evict = ovl_evict

const struct inode_ops ovl_link_ops = { COMMON_OPS, .readlink = ovl_readlink };
const struct inode_ops ovl_file_ops = { COMMON_OPS, .open = ovl_open };
/* Devices and FIFOs are opened by the VFS. */
static const struct inode_ops ovl_node_ops = { COMMON_OPS };
