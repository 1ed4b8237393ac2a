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
				   uint64_t ino, const char *home_name)
{
	size_t len = strlen(home_name);
	struct ovl_inode *oi = kzalloc(sizeof(*oi) + len + 1);

	if (!oi)
		return NULL;
	inode_init(&oi->vfs, &os->sb, ops_of(mode), ino, mode);
	memcpy(oi->home_name, home_name, len);
	return oi;
}

struct ovl_state *ovl_need_state(struct ovl_inode *oi)
{
	struct ovl_super *os = ovl_super(&oi->vfs);
	struct ovl_state *st = oi->state, *known;

	if (st)
		return st;
	st = kzalloc(sizeof(*st));
	if (!st)
		return NULL;
	mutex_init(&st->copy_mu, LOCK_OVL_COPY_UP);
	list_init(&st->pin_node);
	list_init(&st->link_node);
	list_init(&st->entries);
	RB_INIT(&st->tree);
	mapping_init(&st->mapping);
	mutex_lock(&os->map_mu);
	known = oi->state;
	if (!known) {
		if (inode_is(&oi->vfs, LINUX_S_IFREG))
			oi->vfs.mapping = &st->mapping;
		st->inode = &oi->vfs;
		oi->state = st;
	}
	mutex_unlock(&os->map_mu);
	if (!known)
		return st;
	mapping_fini(&st->mapping);
	pthread_mutex_destroy(&st->copy_mu.raw);
	free(st);
	return known;
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
	struct ovl_state *st;

	list_for_each_entry (st, link_bucket(os, lower), link_node)
		if (ovl_inode(st->inode)->lower == lower &&
		    ref_get_unless_zero(&st->inode->ref))
			return ovl_inode(st->inode);
	return NULL;
}

/* One inode for all names: @oi, or the one that is known (+1, @oi is put). */
static int unite_links(struct ovl_super *os, struct ovl_inode *oi,
		       struct ovl_inode **out)
{
	struct ovl_state *st = ovl_need_state(oi);
	struct ovl_inode *known;

	if (!st) {
		inode_put(&oi->vfs);
		return -ENOMEM;
	}
	mutex_lock(&os->map_mu);
	known = find_link_locked(os, oi->lower);
	if (!known)
		list_append(link_bucket(os, oi->lower), &st->link_node);
	mutex_unlock(&os->map_mu);
	*out = known ? known : oi;
	if (known)
		inode_put(&oi->vfs);
	return 0;
}

int ovl_adopt(struct ovl_super *os, struct ovl_inode *home, const char *name,
	      struct inode *lower, const struct kstat *st,
	      struct ovl_inode **out)
{
	struct ovl_inode *oi = inode_new(
		os, st->mode, layer_fold_ino(os->lower_dev, st->dev, st->ino),
		name);

	if (!oi) {
		if (lower)
			inode_put(lower);
		return -ENOMEM;
	}
	oi->lower = lower;
	oi->home = home;
	oi->at_home = home != NULL;
	if (home)
		inode_get(&home->vfs);
	take_attributes(oi, st);
	if (lower && st->nlink > 1 && inode_is(&oi->vfs, LINUX_S_IFREG))
		return unite_links(os, oi, out);
	*out = oi;
	return 0;
}

/* --- the lower inode ------------------------------------------------------ */

/* The host may have replaced a file that was only peeked at: then it is as it
 * is found now. */
static void see_again(struct ovl_inode *oi, struct inode *lower)
{
	struct inode *i = &oi->vfs;
	struct kstat st;

	if (oi->pinned || inode_getattr(lower, &st) < 0)
		return;
	mutex_lock(&i->mu);
	if (i->size != st.size || ktime_after(&st.mtime, &i->mtime))
		take_attributes(oi, &st);
	mutex_unlock(&i->mu);
}

static int find_lower(struct ovl_inode *oi, bool opens, struct inode **out)
{
	const char *name = oi->home_name;
	struct inode *dir;
	int ret = ovl_lower(oi->home, false, &dir);

	if (ret < 0)
		return ret;
	mutex_lock_nested(&dir->dir_mu);
	if (opens && dir->ops->prefetch)
		dir->ops->prefetch(dir, &name, 1, PREFETCH_OPEN);
	ret = dir->ops->lookup(dir, name, out);
	mutex_unlock(&dir->dir_mu);
	if (ret < 0)
		return ret == -ENOENT ? -ESTALE : ret;
	if (((*out)->mode ^ oi->vfs.mode) & LINUX_S_IFMT) {
		inode_put(*out);
		return -ESTALE;
	}
	return 0;
}

int ovl_lower(struct ovl_inode *oi, bool opens, struct inode **out)
{
	struct inode *lower = oi->lower, *found;
	int ret;

	if (lower || !oi->home) {
		*out = lower;
		return 0;
	}
	ret = find_lower(oi, opens, &found);
	if (ret < 0)
		return ret;
	see_again(oi, found);
	if (atomic_compare_exchange_strong(&oi->lower, &lower, found)) {
		*out = found;
	} else {
		inode_put(found);
		*out = lower;
	}
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
	struct ovl_state *st = ovl_need_state(oi);
	struct inode *upper;
	int ret;

	if (!st)
		return -ENOMEM;
	if (target) {
		st->target = kstrdup(target);
		oi->vfs.size = strlen(target);
		return st->target ? 0 : -ENOMEM;
	}
	if (!inode_is(&oi->vfs, LINUX_S_IFREG))
		return 0;
	ret = ovl_upper_new(os, &upper);
	if (ret == 0)
		st->upper = upper;
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
	oi = inode_new(os, mode, os->next_ino++, "");
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

static void free_state(struct ovl_super *os, struct ovl_state *st)
{
	mutex_lock(&os->map_mu);
	list_del(&st->link_node);
	mutex_unlock(&os->map_mu);
	mapping_fini(&st->mapping);
	if (st->upper)
		inode_put(st->upper);
	if (st->xstore)
		inode_put(st->xstore);
	free(st->target);
	pthread_mutex_destroy(&st->copy_mu.raw);
	free(st);
}

void ovl_evict(struct inode *inode)
{
	struct ovl_inode *oi = ovl_inode(inode);
	struct ovl_super *os = ovl_super(inode);

	ovl_clear_tree(oi);
	if (inode_is(inode, LINUX_S_IFDIR))
		ovl_forget_read(oi);
	if (oi->state)
		free_state(os, oi->state);
	if (oi->lower)
		inode_put(oi->lower);
	if (oi->home)
		inode_put(&oi->home->vfs);
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
	struct inode *upper = ovl_upper(inode);
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
	const struct iattr a = { .valid = ATTR_SIZE, .size = size };
	uint64_t old = oi->vfs.size;
	int ret = 0;

	if (!inode_is(&oi->vfs, LINUX_S_IFREG))
		return -EINVAL;
	if (!ovl_upper(&oi->vfs)) {
		mutex_unlock(&oi->vfs.mu);
		ret = ovl_copy_up(oi, size);
		mutex_lock(&oi->vfs.mu);
	}
	if (ret == 0)
		ret = layer_setattr(ovl_upper(&oi->vfs), &a);
	if (ret == 0 && size < old)
		mapping_truncate(oi->vfs.mapping, size);
	return ret;
}

int ovl_setattr(struct inode *inode, const struct iattr *attr)
{
	struct ovl_inode *oi = ovl_inode(inode);
	int ret = ovl_pin(oi);

	if (ret == 0 && (attr->valid & ATTR_SIZE))
		ret = set_size(oi, attr->size);
	if (ret < 0)
		return ret;
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
	struct inode *lower = oi->lower;

	/* What was only peeked at has nothing to add. */
	if (!oi->changed && lower && lower->ops->permission)
		return lower->ops->permission(lower, cred, mask);
	return inode_generic_permission(inode, cred, mask);
}

/* --- symlinks and special files ------------------------------------------- */

static int ovl_readlink(struct inode *inode, char **out_target)
{
	struct ovl_inode *oi = ovl_inode(inode);
	struct ovl_state *st = oi->state;
	struct inode *lower;
	int ret;

	if (!st || !st->target) {
		ret = ovl_lower(oi, false, &lower);
		return ret < 0 ? ret : lower->ops->readlink(lower, out_target);
	}
	*out_target = kstrdup(st->target);
	return *out_target ? 0 : -ENOMEM;
}

/* Its changes are told of this very inode: it must be found again. */
void ovl_watched(struct inode *inode)
{
	if (ovl_pin(ovl_inode(inode)) < 0)
		return; /* watched until the name is forgotten */
}

#define COMMON_OPS                                                  \
	.watched = ovl_watched, .getattr = ovl_getattr,             \
	.setattr = ovl_setattr, .permission = ovl_permission,       \
	.getxattr = ovl_getxattr, .setxattr = ovl_setxattr,         \
	.listxattr = ovl_listxattr, .removexattr = ovl_removexattr, \
	.evict = ovl_evict

const struct inode_ops ovl_link_ops = { COMMON_OPS, .readlink = ovl_readlink };
const struct inode_ops ovl_file_ops = { COMMON_OPS, .open = ovl_open };
/* Devices and FIFOs are opened by the VFS. */
static const struct inode_ops ovl_node_ops = { COMMON_OPS };
