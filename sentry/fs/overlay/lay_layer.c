/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lay_layer: names of the layers below an overlay.
 *
 * Layers are used through their inodes, beside their dentry caches.  All
 * changes of the upper layer are made under ls->upper_mu, so that a name which
 * was looked at stays what it is until it is changed.
 *
 * Tests: tests/conformance/overlay_mount.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/overlay/lay.h"
#include "sentry/vfs/namei.h"

bool lay_is_whiteout(const struct inode *inode)
{
	return inode_is(inode, LINUX_S_IFCHR) && inode->rdev == 0;
}

int lay_layer_walk(struct inode *root, const char *path, struct inode **out)
{
	AUTO_PUT(inode) struct inode *at = root;
	char name[NAME_MAX_LEN + 1];

	inode_get(root);
	while (*path) {
		struct inode *next = NULL;
		size_t len;
		int ret;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0)
			break;
		if (len > NAME_MAX_LEN)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			return -EINVAL;
		ret = layer_lookup(at, name, &next);
		if (ret < 0)
			return ret;
		inode_put(at);
		at = next;
		path += len;
	}
	*out = take(at);
	return 0;
}

int lay_covers(struct lay_inode *dir, const char *name)
{
	unsigned int i;

	for (i = 0; i < dir->nr_lowers; i++) {
		AUTO_PUT(inode) struct inode *found = NULL;
		int ret = layer_lookup(dir->lowers[i], name, &found);

		if (ret == 0)
			return !lay_is_whiteout(found);
		if (ret != -ENOENT)
			return ret;
	}
	return 0;
}

/* --- changes of the upper layer ------------------------------------------- */

static int make(struct inode *dir, const char *name,
		const struct lay_node *node, struct inode **out)
{
	const struct inode_ops *ops = dir->ops;

	switch (node->mode & LINUX_S_IFMT) {
	case LINUX_S_IFREG:
		return ops->create ? ops->create(dir, name, node->mode,
						 node->uid, node->gid, out)
				   : -EPERM;
	case LINUX_S_IFDIR:
		return ops->mkdir ? ops->mkdir(dir, name, node->mode, node->uid,
					       node->gid, out)
				  : -EPERM;
	case LINUX_S_IFLNK:
		return ops->symlink ? ops->symlink(dir, name, node->target,
						   node->uid, node->gid, out)
				    : -EPERM;
	default:
		return ops->mknod
			       ? ops->mknod(dir, name, node->mode, node->rdev,
					    node->uid, node->gid, out)
			       : -EPERM;
	}
}

int lay_make_locked(struct lay_super *ls, struct inode *dir, const char *name,
		    const struct lay_node *node, struct inode **out)
{
	bool mark = ls->owner_marks &&
		    (node->uid != ls->own_uid || node->gid != ls->own_gid);
	struct lay_node own = *node;
	int ret;

	if (mark) {
		own.uid = ls->own_uid;
		own.gid = ls->own_gid;
	}
	mutex_lock_nested(&dir->dir_mu);
	ret = make(dir, name, &own, out);
	mutex_unlock(&dir->dir_mu);
	if (ret < 0 || !mark)
		return ret;
	ret = lay_owner_set(ls, *out, node->uid, node->gid);
	if (ret < 0) {
		inode_put(*out);
		*out = NULL;
	}
	return ret;
}

int lay_make_temp_locked(struct lay_super *ls, const struct lay_node *node,
			 char temp[LAY_TEMP_SIZE], struct inode **out)
{
	snprintf(temp, LAY_TEMP_SIZE, "#%llx",
		 (unsigned long long)ls->next_temp++);
	return lay_make_locked(ls, ls->work, temp, node, out);
}

int lay_remove_locked(struct inode *dir, const char *name, struct inode *child)
{
	bool is_dir = inode_is(child, LINUX_S_IFDIR);
	int (*op)(struct inode *, const char *, struct inode *) =
		is_dir ? dir->ops->rmdir : dir->ops->unlink;
	int ret = -EPERM;

	mutex_lock_nested(&dir->dir_mu);
	if (op)
		ret = op(dir, name, child);
	mutex_unlock(&dir->dir_mu);
	return ret;
}

NO_LOCK_CHECK int lay_move_locked(struct inode *old_dir, const char *old_name,
				  struct inode *child, struct inode *new_dir,
				  const char *new_name, struct inode *target,
				  uint32_t flags)
{
	struct inode *first = old_dir < new_dir ? old_dir : new_dir;
	struct inode *second = old_dir < new_dir ? new_dir : old_dir;
	int ret = -EPERM;

	mutex_lock_nested(&first->dir_mu);
	if (second != first)
		mutex_lock_nested(&second->dir_mu);
	if (old_dir->ops->rename)
		ret = old_dir->ops->rename(old_dir, old_name, child, new_dir,
					   new_name, target, flags);
	if (second != first)
		mutex_unlock(&second->dir_mu);
	mutex_unlock(&first->dir_mu);
	return ret;
}

/* --- removal -------------------------------------------------------------- */

struct names {
	struct dir_sink sink;
	char (*list)[NAME_MAX_LEN + 1];
	size_t nr, cap;
	bool failed;
};

static bool collect(struct dir_sink *sink, const char *name, size_t len,
		    uint64_t ino, uint8_t type, int64_t next_off)
{
	struct names *n = container_of(sink, struct names, sink);

	(void)ino;
	(void)type;
	(void)next_off;
	if (len > NAME_MAX_LEN || (name[0] == '.' && len == 1) ||
	    (name[0] == '.' && len == 2 && name[1] == '.'))
		return true;
	if (n->nr == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : 16;
		void *list = realloc(n->list, cap * sizeof(*n->list));

		if (!list) {
			n->failed = true;
			return false;
		}
		n->list = list;
		n->cap = cap;
	}
	memcpy(n->list[n->nr], name, len);
	n->list[n->nr++][len] = '\0';
	return true;
}

/* Removes what is inside @dir, to any depth if @deep, else whiteouts only. */
static int empty_dir(struct inode *dir, bool deep)
{
	struct names n = { .sink = { collect } };
	int ret = layer_iterate(dir, &n.sink);
	size_t i;

	if (ret == 0 && n.failed)
		ret = -ENOMEM;
	for (i = 0; i < n.nr && ret == 0; i++) {
		AUTO_PUT(inode) struct inode *child = NULL;

		ret = layer_lookup(dir, n.list[i], &child);
		if (ret < 0)
			break;
		if (deep && inode_is(child, LINUX_S_IFDIR))
			ret = empty_dir(child, true);
		if (ret == 0 && (deep || lay_is_whiteout(child)))
			ret = lay_remove_locked(dir, n.list[i], child);
	}
	free(n.list);
	return ret;
}

void lay_purge_temp_locked(struct lay_super *ls, const char *temp,
			   struct inode *child)
{
	int ret = 0;

	if (inode_is(child, LINUX_S_IFDIR))
		ret = empty_dir(child, false);
	if (ret == 0)
		ret = lay_remove_locked(ls->work, temp, child);
	(void)ret; /* it is out of sight; the next mount cleans work */
}

/* A whiteout for @name, which nothing has in the upper layer. */
static int put_whiteout(struct lay_super *ls, struct inode *dir,
			const char *name)
{
	const struct lay_node white = { LINUX_S_IFCHR, ls->own_uid, ls->own_gid,
					0, NULL };
	AUTO_PUT(inode) struct inode *made = NULL;

	return lay_make_locked(ls, dir, name, &white, &made);
}

/* Whiteout and @child change places, then @child goes. */
static int exchange_whiteout(struct lay_super *ls, struct inode *dir,
			     const char *name, struct inode *child)
{
	const struct lay_node white = { LINUX_S_IFCHR, ls->own_uid, ls->own_gid,
					0, NULL };
	AUTO_PUT(inode) struct inode *made = NULL;
	char temp[LAY_TEMP_SIZE];
	int ret = lay_make_temp_locked(ls, &white, temp, &made);

	if (ret < 0)
		return ret;
	ret = lay_move_locked(ls->work, temp, made, dir, name, child,
			      LINUX_RENAME_EXCHANGE);
	lay_purge_temp_locked(ls, temp, ret < 0 ? made : child);
	return ret;
}

int lay_take_out_locked(struct lay_super *ls, struct inode *dir,
			const char *name, struct inode *child, bool covers)
{
	char temp[LAY_TEMP_SIZE];
	int ret;

	if (!child)
		return covers ? put_whiteout(ls, dir, name) : 0;
	if (covers)
		return lay_is_whiteout(child)
			       ? 0
			       : exchange_whiteout(ls, dir, name, child);
	if (!inode_is(child, LINUX_S_IFDIR))
		return lay_remove_locked(dir, name, child);
	snprintf(temp, sizeof(temp), "#%llx",
		 (unsigned long long)ls->next_temp++);
	ret = lay_move_locked(dir, name, child, ls->work, temp, NULL, 0);
	if (ret == 0)
		lay_purge_temp_locked(ls, temp, child);
	return ret;
}

int lay_clean_work(struct lay_super *ls)
{
	int ret;

	mutex_lock(&ls->upper_mu);
	ret = empty_dir(ls->work, true);
	mutex_unlock(&ls->upper_mu);
	return ret;
}
