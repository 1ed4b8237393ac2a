/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synth_inode: inodes and super blocks of synthetic file systems.
 *
 * Invariant: an inode's entry, context and number never change; owner and mode
 *            of nodes that belong to a process are computed when asked.
 * Locks:     none.
 * Tests:     tests/unit/test_synth.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/fs/synth/synth.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/time/clock.h"

/* The VFS frees the inode, thereby all of it. */
static_assert(offsetof(struct synth_inode, inode) == 0, "freed by the VFS");

static const struct inode_ops synth_inode_ops;
static const struct inode_ops synth_link_ops;
static const struct inode_ops synth_magic_ops;

static const struct synth_fs *fs_of(const struct super *sb)
{
	return sb->priv;
}

static struct synth_inode *si_of(struct inode *inode)
{
	return container_of(inode, struct synth_inode, inode);
}

const struct synth_ctx *synth_file_ctx(const struct file *f)
{
	return &si_of(f->inode)->ctx;
}

const struct synth_entry *synth_ctx_entry(const struct synth_ctx *ctx)
{
	return container_of(ctx, struct synth_inode, ctx)->entry;
}

/*
 * Numbers are a hash of the way from the root, so that they are the same at
 * each look; 52 bits, so that tools that count in doubles show them exactly.
 */
uint64_t synth_ino(uint64_t parent_ino, const struct synth_found *found)
{
	uint64_t h = parent_ino ^ 0x9e3779b97f4a7c15ull;
	const char *p;

	for (p = found->entry->name; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3ull;
	h ^= (uint64_t)found->ctx.id << 32 | found->ctx.sub;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 27) * 0x94d049bb133111ebull;
	h = (h ^ h >> 31) & ((1ull << 52) - 1);
	return h > 1 ? h : h + 2;
}

/* Owner and mode as they are now. */
static void refresh_owner(struct inode *inode)
{
	struct synth_inode *si = si_of(inode);
	const struct synth_fs *fs = fs_of(inode->sb);
	uint32_t uid, gid, mode;

	if (!fs->owner)
		return;
	uid = inode->uid;
	gid = inode->gid;
	mode = inode->mode;
	fs->owner(&si->ctx, si->entry, &uid, &gid, &mode);
	inode->uid = uid;
	inode->gid = gid;
	inode->mode = mode;
}

int synth_check_alive(struct inode *inode)
{
	const struct synth_fs *fs = fs_of(inode->sb);

	return fs->alive ? fs->alive(&si_of(inode)->ctx) : 0;
}

int synth_inode_new(struct super *sb, struct synth_found *found, uint64_t ino,
		    uint64_t parent_ino, struct inode **out)
{
	const struct synth_fs *fs = fs_of(sb);
	const struct synth_entry *e = found->entry;
	struct synth_inode *si = kzalloc(sizeof(*si));
	const struct inode_ops *ops = &synth_inode_ops;
	uint64_t now = clock_realtime_coarse();

	if (!si) {
		if (found->ctx.obj)
			fs->obj_put(take(found->ctx.obj));
		return -ENOMEM;
	}
	if (e->get_link)
		ops = &synth_magic_ops;
	else if (S_ISLNK(e->mode))
		ops = &synth_link_ops;
	inode_init(&si->inode, sb, ops, ino, e->mode);
	si->entry = e;
	si->ctx = found->ctx;
	si->parent_ino = parent_ino;
	found->ctx.obj = NULL;
	si->inode.rdev = found->rdev ? found->rdev : e->rdev;
	si->inode.nlink = S_ISDIR(e->mode) ? 2 : 1;
	si->inode.size = S_ISREG(e->mode) ? fs->file_size : 0;
	si->inode.mtime.sec = (int64_t)(now / NSEC_PER_SEC);
	si->inode.mtime.nsec = (uint32_t)(now % NSEC_PER_SEC);
	si->inode.atime = si->inode.ctime = si->inode.mtime;
	refresh_owner(&si->inode);
	*out = &si->inode;
	return 0;
}

/* --- inode operations ---------------------------------------------------- */

static int op_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct synth_inode *si = si_of(dir);
	const struct synth_entry *e = si->entry->children;
	const struct synth_fs *fs = fs_of(dir->sb);
	struct synth_found found = { 0 };
	int ret;

	for (; e && e->name; e++)
		if (strcmp(e->name, name) == 0)
			break;
	if (e && e->name) {
		ret = synth_check_alive(dir);
		if (ret < 0)
			return ret;
		found.entry = e;
		found.ctx = si->ctx;
		if (found.ctx.obj)
			fs->obj_get(found.ctx.obj);
	} else {
		if (!si->entry->dynamic)
			return S_ISDIR(dir->mode) ? -ENOENT : -ENOTDIR;
		ret = si->entry->dynamic->lookup(&si->ctx, name, &found);
		if (ret < 0)
			return ret;
	}
	return synth_inode_new(dir->sb, &found, synth_ino(dir->ino, &found),
			       dir->ino, out);
}

/* Links of a directory: itself, its name, and each directory in it. */
static uint32_t count_links(struct synth_inode *si)
{
	const struct synth_entry *e = si->entry->children;
	uint32_t nr = 2;

	for (; e && e->name; e++)
		nr += S_ISDIR(e->mode);
	if (si->entry->dynamic && si->entry->dynamic->nr_dirs)
		nr += si->entry->dynamic->nr_dirs(&si->ctx);
	return nr;
}

static int op_getattr(struct inode *inode, struct kstat *out)
{
	struct synth_inode *si = si_of(inode);
	const struct synth_dir_ops *dyn = si->entry->dynamic;

	refresh_owner(inode);
	memset(out, 0, sizeof(*out));
	out->ino = inode->ino;
	out->nlink = S_ISDIR(inode->mode) ? count_links(si) : inode->nlink;
	out->size = dyn && dyn->size ? dyn->size(&si->ctx) : inode->size;
	out->dev = inode->sb->dev;
	out->rdev = inode->rdev;
	out->mode = inode->mode;
	out->uid = inode->uid;
	out->gid = inode->gid;
	out->blksize = fs_of(inode->sb)->blksize;
	mutex_lock(&inode->mu);
	out->atime = inode->atime;
	out->mtime = inode->mtime;
	out->ctime = inode->ctime;
	mutex_unlock(&inode->mu);
	return 0;
}

/*
 * Modes and owners belong to the generator.  O_TRUNC before a write and new
 * times mean nothing and are accepted, as by procfs and sysfs.
 */
static int op_setattr(struct inode *inode, const struct iattr *attr)
{
	struct synth_inode *si = si_of(inode);

	if (fs_of(inode->sb)->setattr)
		return fs_of(inode->sb)->setattr(&si->ctx, si->entry, attr);
	return attr->valid & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM : 0;
}

/* As generic_permission(): owner, group, others, then capabilities. */
static int by_mode(const struct inode *inode, const struct cred *cred,
		   uint32_t mask)
{
	uint32_t bits = inode->mode;

	if (cred->fsuid == inode->uid)
		bits >>= 6;
	else if (cred_in_group(cred, inode->gid))
		bits >>= 3;
	if ((bits & mask) == mask)
		return 0;
	if (S_ISDIR(inode->mode)) {
		if (!(mask & MAY_WRITE) &&
		    cred_capable_wrt(cred, inode->uid, inode->gid,
				     CAP_NR_DAC_READ_SEARCH))
			return 0;
	} else if (mask == MAY_READ &&
		   cred_capable_wrt(cred, inode->uid, inode->gid,
				    CAP_NR_DAC_READ_SEARCH)) {
		return 0;
	}
	if (cred_capable_wrt(cred, inode->uid, inode->gid,
			     CAP_NR_DAC_OVERRIDE) &&
	    (S_ISDIR(inode->mode) || !(mask & MAY_EXEC) || inode->mode & 0111))
		return 0;
	return -EACCES;
}

static int op_permission(struct inode *inode, const struct cred *cred,
			 uint32_t mask)
{
	struct synth_inode *si = si_of(inode);
	int ret;

	refresh_owner(inode);
	ret = by_mode(inode, cred, mask);
	if (si->entry->permission)
		ret = si->entry->permission(&si->ctx, cred, mask, ret);
	return ret;
}

static int op_readlink(struct inode *inode, char **out_target)
{
	struct synth_inode *si = si_of(inode);

	if (!si->entry->readlink)
		return -EINVAL;
	return si->entry->readlink(&si->ctx, out_target);
}

static int op_get_link(struct inode *inode, struct path *out)
{
	struct synth_inode *si = si_of(inode);

	return si->entry->get_link(&si->ctx, out);
}

static int op_open(struct inode *inode, struct file *file)
{
	struct synth_inode *si = si_of(inode);
	const struct synth_entry *e = si->entry;
	int ret = synth_check_alive(inode);

	if (ret < 0)
		return ret;
	if (e->may_open) {
		ret = e->may_open(&si->ctx, file->flags);
		if (ret < 0)
			return ret;
	}
	if (S_ISDIR(inode->mode)) {
		file->ops = &synth_dir_fops;
		return 0;
	}
	if (e->open)
		return e->open(&si->ctx, file);
	if (!S_ISREG(inode->mode))
		return -ENXIO;
	return synth_text_open(file);
}

static void op_evict(struct inode *inode)
{
	struct synth_inode *si = si_of(inode);

	if (si->ctx.obj)
		fs_of(inode->sb)->obj_put(si->ctx.obj);
}

/* Nothing can be made here; procfs has its own way of saying so. */
static int refusal(const struct inode *dir)
{
	const struct synth_fs *fs = fs_of(dir->sb);

	return fs->create_error ? fs->create_error : -EPERM;
}

static int op_create(struct inode *dir, const char *name, uint32_t mode,
		     uint32_t uid, uint32_t gid, struct inode **out)
{
	(void)name, (void)mode, (void)uid, (void)gid, (void)out;
	return refusal(dir);
}

static int op_mkdir(struct inode *dir, const char *name, uint32_t mode,
		    uint32_t uid, uint32_t gid, struct inode **out)
{
	const struct synth_fs *fs = fs_of(dir->sb);
	struct synth_found found = { 0 };
	int ret;

	(void)mode, (void)uid, (void)gid;
	if (!fs->mkdir)
		return refusal(dir);
	ret = fs->mkdir(&si_of(dir)->ctx, name, &found);
	if (ret < 0)
		return ret;
	return synth_inode_new(dir->sb, &found, synth_ino(dir->ino, &found),
			       dir->ino, out);
}

static int op_rmdir(struct inode *dir, const char *name, struct inode *child)
{
	const struct synth_fs *fs = fs_of(dir->sb);

	(void)child;
	return fs->rmdir ? fs->rmdir(&si_of(dir)->ctx, name) : -EPERM;
}

static int op_mknod(struct inode *dir, const char *name, uint32_t mode,
		    uint64_t rdev, uint32_t uid, uint32_t gid,
		    struct inode **out)
{
	(void)name, (void)mode, (void)rdev, (void)uid, (void)gid, (void)out;
	return refusal(dir);
}

static int op_symlink(struct inode *dir, const char *name, const char *target,
		      uint32_t uid, uint32_t gid, struct inode **out)
{
	(void)name, (void)target, (void)uid, (void)gid, (void)out;
	return refusal(dir);
}

static int op_link(struct inode *dir, const char *name, struct inode *target)
{
	(void)name, (void)target;
	return refusal(dir);
}

static int op_rename(struct inode *old_dir, const char *old_name,
		     struct inode *child, struct inode *new_dir,
		     const char *new_name, struct inode *target, uint32_t flags)
{
	(void)old_name, (void)child, (void)new_dir, (void)new_name;
	(void)target, (void)flags;
	return refusal(old_dir);
}

static const struct inode_ops synth_inode_ops = {
	.lookup = op_lookup,
	.link = op_link,
	.rename = op_rename,
	.create = op_create,
	.mkdir = op_mkdir,
	.rmdir = op_rmdir,
	.mknod = op_mknod,
	.symlink = op_symlink,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.permission = op_permission,
	.open = op_open,
	.evict = op_evict,
};

static const struct inode_ops synth_link_ops = {
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.evict = op_evict,
};

static const struct inode_ops synth_magic_ops = {
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.get_link = op_get_link,
	.evict = op_evict,
};

/* --- super blocks -------------------------------------------------------- */

struct synth_super {
	struct super sb;
	struct super_ops ops; /* fs->super with our two filled in */
	void *data;
	void (*drop)(void *data); /* NULL: nothing to do */
};

static int super_statfs(struct super *sb, struct kstatfs *out)
{
	*out = (struct kstatfs){
		.type = fs_of(sb)->magic,
		.bsize = PAGE_SIZE,
		.frsize = PAGE_SIZE,
		.namelen = NAME_MAX_LEN,
	};
	return 0;
}

static void super_free(struct super *sb)
{
	struct synth_super *ss = container_of(sb, struct synth_super, sb);

	if (ss->drop)
		ss->drop(ss->data);
	free(ss);
}

void *synth_ctx_data(const struct synth_ctx *ctx)
{
	const struct synth_inode *si =
		container_of(ctx, struct synth_inode, ctx);

	return container_of(si->inode.sb, struct synth_super, sb)->data;
}

int synth_new(const struct synth_fs *fs, struct super **out)
{
	return synth_new_for(fs, NULL, NULL, out);
}

int synth_new_for(const struct synth_fs *fs, void *data,
		  void (*drop)(void *data), struct super **out)
{
	struct synth_found root = { .entry = fs->root };
	struct synth_super *ss = kzalloc(sizeof(*ss));
	struct inode *inode;
	int ret;

	if (!ss)
		return -ENOMEM;
	ss->ops = fs->super;
	ss->ops.free = super_free;
	ss->ops.statfs = super_statfs;
	super_init(&ss->sb, &ss->ops);
	ss->sb.no_dcache = fs->no_dcache;
	ss->sb.no_negative = fs->create_error == -ENOENT;
	ss->sb.priv = (void *)(uintptr_t)fs;
	ret = synth_inode_new(&ss->sb, &root, 1, 1, &inode);
	if (ret < 0) {
		super_put(&ss->sb);
		return ret;
	}
	ret = super_set_root(&ss->sb, inode);
	if (ret < 0) {
		super_put(&ss->sb);
		return ret;
	}
	ss->data = data;
	ss->drop = drop;
	*out = &ss->sb;
	return 0;
}
