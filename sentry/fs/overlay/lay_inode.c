/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay_inode: inodes of an overlay of directories: identity, place, attributes.
 *
 * The layer's inode has the truth; mode, owner and size are kept in struct
 * inode as well, since the VFS looks at them there.  An inode keeps the number
 * it was met with, also when its file is copied up.
 *
 * Locks: table_mu for the place and for the table of inodes with several names.
 * Tests: tests/conformance/overlay_mount.c
 */
#include <errno.h>
#include <string.h>

#include "abi/stat.h"
#include "sentry/fs/overlay/lay.h"
#include "sentry/lib/hash.h"
#include "sentry/vfs/namei.h"

static const struct inode_ops *ops_of(uint32_t mode)
{
	switch (mode & LINUX_S_IFMT) {
	case LINUX_S_IFDIR:
		return &lay_dir_ops;
	case LINUX_S_IFLNK:
		return &lay_link_ops;
	case LINUX_S_IFREG:
		return &lay_file_ops;
	default:
		return &lay_node_ops;
	}
}

static void put_all(struct inode *upper, struct inode *const *lowers,
		    unsigned int nr)
{
	if (upper)
		inode_put(upper);
	while (nr > 0)
		inode_put(lowers[--nr]);
}

static void take_attributes(struct lay_inode *li, const struct kstat *st)
{
	struct inode *i = &li->vfs;

	i->mode = (i->mode & LINUX_S_IFMT) | (st->mode & LINUX_S_IALLUGO);
	if (!li->has_owner) {
		i->uid = st->uid;
		i->gid = st->gid;
	}
	i->size = st->size;
	i->atime = st->atime;
	i->mtime = st->mtime;
	i->ctime = st->ctime;
	i->btime = st->btime;
}

void lay_refresh(struct lay_inode *li)
{
	struct kstat st;

	if (inode_getattr(lay_real(li), &st) < 0)
		return; /* the next getattr tells */
	mutex_lock(&li->vfs.mu);
	take_attributes(li, &st);
	mutex_unlock(&li->vfs.mu);
}

/* --- files with several names --------------------------------------------- */

static struct list *bucket(struct lay_super *ls, const struct inode *real)
{
	return &ls->table[hash_pair((uintptr_t)real, 0) % LAY_BUCKETS];
}

/* The inode that @upper or @lower leads to already: +1 or NULL. */
static struct lay_inode *find_locked(struct lay_super *ls,
				     const struct inode *upper,
				     const struct inode *lower)
{
	struct lay_inode *li;

	if (upper) {
		list_for_each_entry (li, bucket(ls, upper), upper_node)
			if (li->upper == upper &&
			    ref_get_unless_zero(&li->vfs.ref))
				return li;
		return NULL;
	}
	list_for_each_entry (li, bucket(ls, lower), lower_node)
		if (li->nr_lowers && li->lowers[0] == lower &&
		    ref_get_unless_zero(&li->vfs.ref))
			return li;
	return NULL;
}

void lay_share_upper(struct lay_inode *li)
{
	struct lay_super *ls = lay_super(&li->vfs);

	mutex_lock(&ls->table_mu);
	if (list_empty(&li->upper_node))
		list_append(bucket(ls, li->upper), &li->upper_node);
	mutex_unlock(&ls->table_mu);
}

/* One inode for all names: @li, or the one that is known (+1; @li is put). */
static struct lay_inode *unite(struct lay_super *ls, struct lay_inode *li)
{
	struct inode *upper = li->upper;
	struct inode *lower = upper ? NULL : li->lowers[0];
	struct lay_inode *known;

	mutex_lock(&ls->table_mu);
	known = find_locked(ls, upper, lower);
	if (!known)
		list_append(bucket(ls, upper ? upper : lower),
			    upper ? &li->upper_node : &li->lower_node);
	mutex_unlock(&ls->table_mu);
	if (!known)
		return li;
	inode_put(&li->vfs);
	return known;
}

/* --- life ----------------------------------------------------------------- */

static struct lay_inode *alloc_inode(struct lay_super *ls, struct inode *upper,
				     struct inode *const *lowers,
				     unsigned int nr, const struct kstat *st)
{
	struct lay_inode *li =
		kzalloc(sizeof(*li) + nr * sizeof(li->lowers[0]));

	if (!li)
		return NULL;
	inode_init(&li->vfs, &ls->sb, ops_of(st->mode),
		   layer_fold_ino(ls->first_dev, st->dev, st->ino), st->mode);
	li->vfs.rdev = st->rdev;
	li->vfs.nlink = (uint32_t)st->nlink;
	take_attributes(li, st);
	list_init(&li->lower_node);
	list_init(&li->upper_node);
	li->upper = upper;
	li->nr_lowers = nr;
	if (nr)
		memcpy(li->lowers, lowers, nr * sizeof(li->lowers[0]));
	if (inode_is(&li->vfs, LINUX_S_IFREG)) {
		mapping_init(&li->mapping);
		li->vfs.mapping = &li->mapping;
	}
	return li;
}

static void read_owner(struct lay_inode *li)
{
	uint32_t uid, gid;

	if (li->upper &&
	    lay_owner_get(lay_super(&li->vfs), li->upper, &uid, &gid)) {
		li->vfs.uid = uid;
		li->vfs.gid = gid;
		li->has_owner = true;
	}
}

int lay_inode_new(struct lay_super *ls, struct inode *upper,
		  struct inode *const *lowers, unsigned int nr,
		  struct lay_inode *parent, const char *name,
		  struct lay_inode **out)
{
	struct lay_inode *li = NULL;
	struct kstat st;
	int ret = inode_getattr(upper ? upper : lowers[0], &st);

	if (ret == 0)
		li = alloc_inode(ls, upper, lowers, nr, &st);
	if (!li) {
		put_all(upper, lowers, nr);
		return ret < 0 ? ret : -ENOMEM;
	}
	read_owner(li);
	if (st.nlink > 1 && !inode_is(&li->vfs, LINUX_S_IFDIR))
		li = unite(ls, li);
	lay_set_place(li, parent, name);
	*out = li;
	return 0;
}

void lay_evict(struct inode *inode)
{
	struct lay_inode *li = lay_inode(inode);
	struct lay_super *ls = lay_super(inode);

	mutex_lock(&ls->table_mu);
	list_del(&li->lower_node);
	list_del(&li->upper_node);
	mutex_unlock(&ls->table_mu);
	if (li->temp[0]) {
		mutex_lock_nested(&ls->upper_mu);
		lay_purge_temp_locked(ls, li->temp, li->upper);
		mutex_unlock(&ls->upper_mu);
	}
	if (inode->mapping)
		mapping_fini(inode->mapping);
	put_all(li->upper, li->lowers, li->nr_lowers);
	free(li->name);
	free(li->redirect);
	if (li->parent)
		inode_put(&li->parent->vfs);
}

/* --- the place ------------------------------------------------------------ */

void lay_set_place(struct lay_inode *li, struct lay_inode *parent,
		   const char *name)
{
	struct lay_super *ls = lay_super(&li->vfs);
	char *copy = name ? kstrdup(name) : NULL;
	struct lay_inode *old_parent;
	char *old_name;

	if (!copy)
		parent = NULL;
	if (parent)
		inode_get(&parent->vfs);
	mutex_lock(&ls->table_mu);
	old_parent = li->parent;
	old_name = li->name;
	li->parent = parent;
	li->name = copy;
	mutex_unlock(&ls->table_mu);
	free(old_name);
	if (old_parent)
		inode_put(&old_parent->vfs);
}

struct lay_inode *lay_get_place(struct lay_inode *li, char **name)
{
	struct lay_super *ls = lay_super(&li->vfs);
	struct lay_inode *parent = NULL;

	*name = NULL;
	mutex_lock(&ls->table_mu);
	if (li->parent)
		*name = kstrdup(li->name);
	if (*name) {
		parent = li->parent;
		inode_get(&parent->vfs);
	}
	mutex_unlock(&ls->table_mu);
	return parent;
}

bool lay_is_at(struct lay_inode *li, struct lay_inode *parent, const char *name)
{
	struct lay_super *ls = lay_super(&li->vfs);
	bool ret;

	mutex_lock(&ls->table_mu);
	ret = li->parent == parent && strcmp(li->name, name) == 0;
	mutex_unlock(&ls->table_mu);
	return ret;
}

/* --- attributes ----------------------------------------------------------- */

int lay_getattr(struct inode *inode, struct kstat *out)
{
	struct lay_inode *li = lay_inode(inode);
	struct kstat st;
	int ret = inode_getattr(lay_real(li), &st);

	if (ret < 0)
		return ret;
	st.ino = inode->ino;
	st.dev = inode->sb->dev;
	st.uid = inode->uid;
	st.gid = inode->gid;
	if (inode_is(inode, LINUX_S_IFDIR)) {
		if (li->upper ? li->nr_lowers : li->nr_lowers > 1)
			st.nlink = 1; /* as Linux: what is merged is unknown */
	} else {
		st.nlink = inode->nlink;
	}
	*out = st;
	return 0;
}

/*
 * inode->mu is held; it is given up while the file is copied up, whose locks
 * come before it.
 */
NO_LOCK_CHECK static int copy_up_unlocked(struct lay_inode *li, uint64_t limit)
{
	int ret;

	if (li->upper)
		return 0;
	mutex_unlock(&li->vfs.mu);
	ret = lay_copy_up(li, limit);
	mutex_lock(&li->vfs.mu);
	return ret;
}

/* The upper layer refused a new owner, or has a mark instead of one. */
static int set_owner_mark(struct lay_inode *li, const struct iattr *attr)
{
	uint32_t uid = attr->valid & ATTR_UID ? attr->uid : li->vfs.uid;
	uint32_t gid = attr->valid & ATTR_GID ? attr->gid : li->vfs.gid;
	int ret = lay_owner_set(lay_super(&li->vfs), li->upper, uid, gid);

	if (ret < 0)
		return ret;
	li->has_owner = true;
	li->vfs.uid = uid;
	li->vfs.gid = gid;
	return 0;
}

/* *st: what take_attributes() needs. */
static int upper_setattr(struct inode *upper, const struct iattr *attr,
			 struct kstat *st)
{
	int ret = 0;

	mutex_lock_nested(&upper->mu);
	if (upper->ops->setattr)
		ret = upper->ops->setattr(upper, attr);
	else
		inode_setattr_copy(upper, attr);
	st->mode = upper->mode;
	st->uid = upper->uid;
	st->gid = upper->gid;
	st->size = upper->size;
	st->atime = upper->atime;
	st->mtime = upper->mtime;
	st->ctime = upper->ctime;
	st->btime = upper->btime;
	mutex_unlock(&upper->mu);
	return ret;
}

int lay_setattr(struct inode *inode, const struct iattr *attr)
{
	struct lay_inode *li = lay_inode(inode);
	bool marks = lay_super(inode)->owner_marks &&
		     attr->valid & (ATTR_UID | ATTR_GID);
	struct iattr rest = *attr;
	uint64_t old = inode->size;
	struct kstat st;
	int ret;

	ret = copy_up_unlocked(li, attr->valid & ATTR_SIZE ? attr->size
							   : UINT64_MAX);
	if (ret < 0)
		return ret;
	if (marks)
		rest.valid &= ~(uint32_t)(ATTR_UID | ATTR_GID);
	ret = upper_setattr(li->upper, &rest, &st);
	if (ret == 0 && marks)
		ret = set_owner_mark(li, attr);
	take_attributes(li, &st);
	if (ret == 0 && attr->valid & ATTR_SIZE && attr->size < old &&
	    inode->mapping)
		mapping_truncate(inode->mapping, attr->size);
	return ret;
}

/* A lower layer may know more than the mode bits. */
int lay_permission(struct inode *inode, const struct cred *cred, uint32_t mask)
{
	struct lay_inode *li = lay_inode(inode);
	struct inode *real = lay_real(li);

	if (real->ops->permission && !li->has_owner)
		return real->ops->permission(real, cred, mask);
	return inode_generic_permission(inode, cred, mask);
}

/* --- symlinks and special files ------------------------------------------- */

static int op_readlink(struct inode *inode, char **out_target)
{
	struct inode *real = lay_real(lay_inode(inode));

	if (!real->ops->readlink)
		return -EINVAL;
	return real->ops->readlink(real, out_target);
}

#define COMMON_OPS                                              \
	.getattr = lay_getattr, .setattr = lay_setattr,         \
	.permission = lay_permission, .getxattr = lay_getxattr, \
	.setxattr = lay_setxattr, .listxattr = lay_listxattr,   \
	.removexattr = lay_removexattr, .evict = lay_evict

const struct inode_ops lay_link_ops = { COMMON_OPS, .readlink = op_readlink };
const struct inode_ops lay_file_ops = { COMMON_OPS, .open = lay_open };
/* Devices and FIFOs are opened by the VFS. */
const struct inode_ops lay_node_ops = { COMMON_OPS };
