/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goferfs_inode: inodes of host files: identity, attributes, permission,
 * extended attributes.
 *
 * Invariant: two names of one regular file have one inode while either is
 *            used, so that locks, mappings and sizes agree.  The handle keeps
 *            the host's inode, so its number is not reused meanwhile.
 * Locks:     gs->mu (LOCK_GOFER) for the table; inode->mu across calls.
 * Tests:     tests/gofer/test_client.c, conformance.
 */
#include <errno.h>
#include <string.h>

#include "abi/stat.h"
#include "abi/xattr.h"
#include "sentry/fs/gofer/goferfs.h"
#include "sentry/host/host.h"
#include "sentry/kernel/cred.h"
#include "sentry/lib/hash.h"
#include "sentry/vfs/namei.h"

/* --- identity ------------------------------------------------------------- */

static struct gofer_inode **bucket_of(struct gofer_super *gs, uint64_t dev,
				      uint64_t ino)
{
	return &gs->buckets[hash_pair(dev, ino) % GOFERFS_BUCKETS];
}

/* +1 or NULL. */
static struct gofer_inode *find_locked(struct gofer_super *gs,
				       const struct kstat *st)
{
	struct gofer_inode *gi = *bucket_of(gs, st->dev, st->ino);

	for (; gi; gi = gi->next)
		if (gi->st.dev == st->dev && gi->inode.ino == st->ino &&
		    ref_get_unless_zero(&gi->inode.ref))
			return gi;
	return NULL;
}

static void insert_locked(struct gofer_super *gs, struct gofer_inode *gi)
{
	struct gofer_inode **head = bucket_of(gs, gi->st.dev, gi->inode.ino);

	gi->next = *head;
	*head = gi;
	gi->hashed = true;
}

static void remove_locked(struct gofer_super *gs, struct gofer_inode *gi)
{
	struct gofer_inode **p = bucket_of(gs, gi->st.dev, gi->inode.ino);

	while (*p != gi)
		p = &(*p)->next;
	*p = gi->next;
	gi->hashed = false;
}

static const struct inode_ops *ops_of(const struct gofer_super *gs,
				      uint32_t mode)
{
	switch (mode & LINUX_S_IFMT) {
	case LINUX_S_IFDIR:
		return gs->shared ? &goferfs_shared_dir_ops : &goferfs_dir_ops;
	case LINUX_S_IFLNK:
		return &goferfs_link_ops;
	default:
		return &goferfs_file_ops;
	}
}

void goferfs_update_locked(struct gofer_inode *gi, const struct kstat *st)
{
	struct inode *i = &gi->inode;

	if (ktime_after(&st->ctime, &i->ctime)) /* perhaps a new list */
		i->acl_state = i->default_state = 0;
	i->mode = (i->mode & LINUX_S_IFMT) | (st->mode & LINUX_S_IALLUGO);
	i->uid = st->uid;
	i->gid = st->gid;
	i->nlink = (uint32_t)st->nlink;
	i->size = st->size;
	i->atime = st->atime;
	i->mtime = st->mtime;
	i->ctime = st->ctime;
	i->btime = st->btime;
	/* dev is part of the identity and is read without the lock. */
	gi->st.blocks = st->blocks;
	gi->st.blksize = st->blksize;
	gi->st.attributes = st->attributes;
	gi->st.has_btime = st->has_btime;
}

static struct gofer_inode *inode_new(struct gofer_super *gs, struct inode *dir,
				     const struct gofer_node *node)
{
	struct gofer_inode *gi = kzalloc(sizeof(*gi));

	if (!gi)
		return NULL;
	inode_init(&gi->inode, &gs->sb, ops_of(gs, node->st.mode), node->st.ino,
		   node->st.mode);
	gi->inode.rdev = node->st.rdev;
	gi->handle = node->handle;
	gi->st.dev = node->st.dev;
	goferfs_update_locked(gi, &node->st);
	gi->access = node->has_access ? node->access : NO_ACCESS;
	gi->parent_ino = dir ? dir->ino : node->st.ino;
	gi->read_fd = -1;
	gi->write_fd = -1;
	gi->xattrs = node->barred ? XATTRS_NONE : XATTRS_UNKNOWN;
	if ((node->st.mode & LINUX_S_IFMT) == LINUX_S_IFREG) {
		mapping_init(&gi->mapping);
		gi->inode.mapping = &gi->mapping;
	}
	return gi;
}

/* A file that is known already takes the new facts. */
static void refresh_known(struct gofer_super *gs, struct gofer_inode *gi,
			  const struct kstat *st)
{
	if (gofer_super_frozen(gs))
		return;
	mutex_lock(&gi->inode.mu);
	goferfs_update_locked(gi, st);
	mutex_unlock(&gi->inode.mu);
}

int goferfs_inode(struct gofer_super *gs, struct inode *dir,
		  const struct gofer_node *node, struct inode **out)
{
	uint32_t type = node->st.mode & LINUX_S_IFMT;
	/* A watched directory must not become another inode meanwhile. */
	bool regular =
		type == LINUX_S_IFREG || (gs->shared && type == LINUX_S_IFDIR);
	struct gofer_inode *known = NULL, *gi = inode_new(gs, dir, node);

	if (!gi) {
		gofer_release(node->handle);
		return -ENOMEM;
	}
	if (regular) {
		mutex_lock(&gs->mu);
		known = find_locked(gs, &node->st);
		if (!known)
			insert_locked(gs, gi);
		mutex_unlock(&gs->mu);
	}
	if (known) {
		inode_put(&gi->inode); /* releases the second handle */
		refresh_known(gs, known, &node->st);
		gi = known;
	}
	*out = &gi->inode;
	return 0;
}

void goferfs_evict(struct inode *inode)
{
	struct gofer_inode *gi = gofer_inode(inode);
	struct gofer_super *gs = gofer_super(inode);

	mutex_lock(&gs->mu);
	if (gi->hashed)
		remove_locked(gs, gi);
	mutex_unlock(&gs->mu);
	goferfs_list_drop(gs, gi);
	if (gi->read_fd >= 0)
		host_close(gi->read_fd);
	if (gi->write_fd >= 0)
		host_close(gi->write_fd);
	free(gi->target);
	goferfs_watch_evict(gi);
	if (inode->mapping)
		mapping_fini(inode->mapping);
	gofer_release(gi->handle);
}

/* --- attributes ----------------------------------------------------------- */

static void kstat_of_host(const struct stat *from, struct kstat *st)
{
	st->mode = from->st_mode;
	st->uid = from->st_uid;
	st->gid = from->st_gid;
	st->nlink = from->st_nlink;
	st->size = (uint64_t)from->st_size;
	st->blocks = (uint64_t)from->st_blocks;
	st->blksize = (uint32_t)from->st_blksize;
	st->atime = (struct ktime){ from->st_atim.tv_sec,
				    (uint32_t)from->st_atim.tv_nsec };
	st->mtime = (struct ktime){ from->st_mtim.tv_sec,
				    (uint32_t)from->st_mtim.tv_nsec };
	st->ctime = (struct ktime){ from->st_ctim.tv_sec,
				    (uint32_t)from->st_ctim.tv_nsec };
}

/*
 * Our own descriptor answers without a message, but in our user namespace: ids
 * that have no name there are left as the gofer told them.
 */
static bool refresh_by_fd(struct gofer_inode *gi)
{
	int fd = gi->write_fd >= 0 ? gi->write_fd : gi->read_fd;
	struct kstat st = {
		.attributes = gi->st.attributes,
		.has_btime = gi->st.has_btime,
	};
	struct stat host;

	if (fd < 0 || host_fstat(fd, &host) < 0)
		return false;
	st.btime = gi->inode.btime;
	kstat_of_host(&host, &st);
	st.uid = gi->inode.uid;
	st.gid = gi->inode.gid;
	goferfs_update_locked(gi, &st);
	return true;
}

int goferfs_refresh_locked(struct gofer_inode *gi)
{
	struct gofer_node node;
	uint32_t seen[2];
	int ret;

	goferfs_attr_begin(gi, seen);
	ret = gofer_stat(gi->handle, &node);
	if (ret < 0)
		return ret;
	goferfs_update_locked(gi, &node.st);
	goferfs_attr_asked(gi, seen);
	gi->access = node.has_access ? node.access : NO_ACCESS;
	return 0;
}

void goferfs_refresh(struct inode *inode)
{
	int ret;

	mutex_lock(&inode->mu);
	ret = goferfs_refresh_locked(gofer_inode(inode));
	mutex_unlock(&inode->mu);
	(void)ret; /* the change itself was done; a later getattr tells */
}

static void fill_kstat(const struct gofer_inode *gi, struct kstat *out)
{
	const struct inode *i = &gi->inode;

	*out = (struct kstat){
		.ino = i->ino,
		.nlink = i->nlink,
		.size = i->size,
		.blocks = gi->st.blocks,
		.dev = gi->st.dev,
		.rdev = i->rdev,
		.mode = i->mode,
		.uid = i->uid,
		.gid = i->gid,
		.blksize = gi->st.blksize,
		.attributes = gi->st.attributes,
		.atime = i->atime,
		.mtime = i->mtime,
		.ctime = i->ctime,
		.btime = i->btime,
		.has_btime = gi->st.has_btime,
	};
}

/* The owner of a shared file can change: only the gofer sees that. */
static int refresh_shared_locked(struct gofer_inode *gi)
{
	uint32_t seen[2];

	switch (goferfs_attr_fresh(gi)) {
	case FRESH:
		return 0;
	case FRESH_BUT_DATA:
		goferfs_attr_begin(gi, seen);
		if (refresh_by_fd(gi)) {
			seen[0] = gi->stamp.attr;
			goferfs_attr_asked(gi, seen);
			return 0;
		}
		break;
	default:
		break;
	}
	return goferfs_refresh_locked(gi);
}

int goferfs_getattr(struct inode *inode, struct kstat *out)
{
	struct gofer_super *gs = gofer_super(inode);
	struct gofer_inode *gi = gofer_inode(inode);
	bool gs_frozen = gofer_super_frozen(gs);
	int ret = 0;

	mutex_lock(&inode->mu);
	if (gs->shared)
		ret = refresh_shared_locked(gi);
	else if (!gs_frozen && !refresh_by_fd(gi))
		ret = goferfs_refresh_locked(gi);
	if (ret == 0)
		fill_kstat(gi, out);
	mutex_unlock(&inode->mu);
	return ret;
}

void goferfs_shrunk(struct inode *inode, uint64_t old_size)
{
	uint64_t from = page_up(inode->size), to = page_up(old_size);

	if (inode->mapping && from < to)
		mapping_truncate(inode->mapping, from);
}

int goferfs_setattr(struct inode *inode, const struct iattr *attr)
{
	struct gofer_inode *gi = gofer_inode(inode);
	uint64_t old_size = inode->size;
	int ret, err;

	if (gofer_super(inode)->readonly)
		return -EROFS;
	goferfs_own_change(inode, NULL);
	ret = gofer_set_attr(gi->handle, attr);
	/* Also after an error: a part may have been done. */
	err = goferfs_refresh_locked(gi);
	if (ret == 0)
		ret = err;
	if (attr->valid & ATTR_SIZE)
		goferfs_shrunk(inode, old_size);
	return ret;
}

/*
 * Mode bits and capabilities; but where the file's owner or group has no name
 * in the gofer's user namespace, what the gofer itself may do is the truth for
 * those who have its identity.
 */
int goferfs_permission(struct inode *inode, const struct cred *cred,
		       uint32_t mask)
{
	uint32_t access = gofer_inode(inode)->access;

	if (access == NO_ACCESS || cred->fsuid != gofer_super(inode)->gofer_uid)
		return inode_generic_permission(inode, cred, mask);
	return (mask & 7 & ~access) == 0 ? 0 : -EACCES;
}

/* --- extended attributes -------------------------------------------------- */

/*
 * On an export that cannot change, whether a file has any attribute is asked
 * once: ls and cp ask for several of each file, and nearly none has one.
 */
static int known_xattrs(struct inode *inode)
{
	struct gofer_inode *gi = gofer_inode(inode);
	long n;

	if (!gofer_super_frozen(gofer_super(inode)))
		return XATTRS_SOME;
	if (gi->xattrs == XATTRS_UNKNOWN) {
		n = gofer_listxattr(gi->handle, NULL, 0);
		if (n < 0 && n != -EOPNOTSUPP)
			return XATTRS_SOME;
		gi->xattrs = n > 0 ? XATTRS_SOME : (int)n;
	}
	return gi->xattrs;
}

long goferfs_getxattr(struct inode *inode, const char *name, void *buf,
		      size_t size)
{
	int known = known_xattrs(inode);

	if (known == XATTRS_NONE)
		return -ENODATA;
	if (known < 0)
		return known;
	return gofer_getxattr(gofer_inode(inode)->handle, name, buf, size);
}

int goferfs_setxattr(struct inode *inode, const char *name, const void *buf,
		     size_t size, int flags)
{
	int ret;

	if (gofer_super(inode)->readonly)
		return -EROFS;
	ret = gofer_setxattr(gofer_inode(inode)->handle, name, buf, size,
			     flags);
	if (ret == 0)
		goferfs_refresh(inode); /* an ACL changes the mode */
	return ret;
}

long goferfs_listxattr(struct inode *inode, char *buf, size_t size)
{
	int known = known_xattrs(inode);

	if (known <= 0)
		return known;
	return gofer_listxattr(gofer_inode(inode)->handle, buf, size);
}

int goferfs_removexattr(struct inode *inode, const char *name)
{
	int ret;

	if (gofer_super(inode)->readonly)
		return -EROFS;
	ret = gofer_removexattr(gofer_inode(inode)->handle, name);
	if (ret == 0)
		goferfs_refresh(inode);
	return ret;
}
