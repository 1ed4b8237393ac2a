/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay_copy: copy-up, from a lower layer to the upper one.
 *
 * A file is copied to the work directory, whole, and moved to its name then; a
 * crash leaves the lower file visible.  If the name was removed meanwhile, the
 * copy has none.
 *
 * Locks: dir_mu of the file (no directory uses it) while it is copied, upper_mu
 *	  to look at its place and to move.  Who removes or renames holds
 *	  upper_mu from the look at li->upper until the place is changed.
 * Tests: tests/conformance/overlay_mount.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/overlay/lay.h"
#include "sentry/vfs/namei.h"

/* --- the copy, in work ---------------------------------------------------- */

/* The size first: it would change the times. */
static int set_attributes(struct inode *upper, const struct kstat *st,
			  uint64_t limit)
{
	const struct iattr size = { .valid = ATTR_SIZE,
				    .size = MIN(st->size, limit) };
	struct iattr a = {
		.valid = ATTR_MODE | ATTR_ATIME | ATTR_MTIME,
		.mode = st->mode & LINUX_S_IALLUGO,
		.atime = st->atime,
		.mtime = st->mtime,
	};
	int ret = 0;

	if ((st->mode & LINUX_S_IFMT) == LINUX_S_IFLNK)
		a.valid &= ~(uint32_t)ATTR_MODE;
	if ((st->mode & LINUX_S_IFMT) == LINUX_S_IFREG)
		ret = layer_setattr(upper, &size);
	return ret < 0 ? ret : layer_setattr(upper, &a);
}

static int make_copy(struct lay_super *ls, struct inode *lower,
		     const struct kstat *st, char temp[LAY_TEMP_SIZE],
		     struct inode **out)
{
	AUTO_FREE char *target = NULL;
	struct lay_node node = { st->mode, st->uid, st->gid, st->rdev, NULL };
	int ret;

	if (inode_is(lower, LINUX_S_IFLNK)) {
		ret = lower->ops->readlink(lower, &target);
		if (ret < 0)
			return ret;
		node.target = target;
	}
	mutex_lock_nested(&ls->upper_mu);
	ret = lay_make_temp_locked(ls, &node, temp, out);
	mutex_unlock(&ls->upper_mu);
	return ret;
}

/* *out: the complete copy, under the name @temp of work, +1. */
static int copy_to_work(struct lay_super *ls, struct inode *lower,
			uint64_t limit, char temp[LAY_TEMP_SIZE],
			struct inode **out)
{
	struct inode *upper = NULL;
	struct kstat st;
	int ret = inode_getattr(lower, &st);

	if (ret == 0)
		ret = make_copy(ls, lower, &st, temp, &upper);
	if (ret < 0)
		return ret;
	if (inode_is(lower, LINUX_S_IFREG))
		ret = layer_copy_data(lower, upper, MIN(st.size, limit));
	if (ret == 0)
		ret = layer_copy_xattrs(lower, upper);
	if (ret == 0)
		ret = set_attributes(upper, &st, limit);
	if (ret < 0) {
		mutex_lock_nested(&ls->upper_mu);
		lay_purge_temp_locked(ls, temp, upper);
		mutex_unlock(&ls->upper_mu);
		inode_put(upper);
		return ret;
	}
	*out = upper;
	return 0;
}

/* --- to its place --------------------------------------------------------- */

/* Moves the copy to the name of @li, or takes its name away if that is gone. */
static int publish_locked(struct lay_super *ls, struct lay_inode *li,
			  const char *temp, struct inode *upper)
{
	AUTO_FREE char *name = NULL;
	struct lay_inode *parent = lay_get_place(li, &name);
	int ret;

	if (!parent)
		return lay_remove_locked(ls->work, temp, upper);
	if (parent->upper)
		ret = lay_move_locked(ls->work, temp, upper, parent->upper,
				      name, NULL, 0);
	else
		ret = -ENOENT; /* its parents were copied before */
	inode_put(&parent->vfs);
	return ret;
}

static int copy_one(struct lay_inode *li, uint64_t limit)
{
	struct lay_super *ls = lay_super(&li->vfs);
	AUTO_PUT(inode) struct inode *upper = NULL;
	char temp[LAY_TEMP_SIZE];
	uint32_t uid, gid;
	int ret = copy_to_work(ls, li->lowers[0], limit, temp, &upper);

	if (ret < 0)
		return ret;
	mutex_lock_nested(&ls->upper_mu);
	ret = li->upper ? -EEXIST : publish_locked(ls, li, temp, upper);
	if (ret < 0)
		lay_purge_temp_locked(ls, temp, upper);
	if (ret == 0 && lay_owner_get(ls, upper, &uid, &gid))
		li->has_owner = true; /* and vfs.uid, gid are as before */
	if (ret == 0)
		li->upper = take(upper);
	mutex_unlock(&ls->upper_mu);
	if (ret == 0)
		lay_refresh(li);
	return ret == -EEXIST && li->upper ? 0 : ret;
}

/* The topmost of @li and its parents that has no upper inode; +1, or NULL. */
static struct lay_inode *topmost_lower(struct lay_inode *li)
{
	struct lay_inode *at = li, *found = NULL;

	inode_get(&at->vfs);
	while (at) {
		struct lay_inode *parent;
		char *name;

		if (at->upper)
			break;
		parent = lay_get_place(at, &name);
		free(name);
		if (found)
			inode_put(&found->vfs);
		found = at;
		at = parent;
	}
	if (at)
		inode_put(&at->vfs);
	return found;
}

static int copy_all(struct lay_inode *li, uint64_t limit)
{
	struct lay_inode *top;
	int ret = 0;

	while (ret == 0 && (top = topmost_lower(li)) != NULL) {
		ret = copy_one(top, top == li ? limit : UINT64_MAX);
		inode_put(&top->vfs);
	}
	return ret;
}

int lay_copy_up(struct lay_inode *li, uint64_t limit)
{
	int ret;

	if (li->upper)
		return 0;
	if (!lay_super(&li->vfs)->upper)
		return -EROFS;
	if (inode_is(&li->vfs, LINUX_S_IFDIR))
		return copy_all(li, limit);
	mutex_lock_nested(&li->vfs.dir_mu);
	ret = copy_all(li, limit);
	mutex_unlock(&li->vfs.dir_mu);
	return ret;
}
