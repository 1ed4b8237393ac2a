/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk: from a name to a path, path_resolution(7).
 *
 * Iterative: the text behind a symlink waits on a stack while the link's body
 * is walked.  No lock is held between components; a cached component costs one
 * dcache_lookup().
 *
 * Invariant: w->path always holds references; w->rest points into the caller's
 *	      name or a body on the stack.
 * Tests:     tests/unit/test_walk.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/protected.h"

#define WALK_SCOPED  (WALK_BENEATH | WALK_IN_ROOT)
#define PREFETCH_MAX 16

/* --- the ends of a walk --------------------------------------------------- */

static void replace_path(struct path *p, struct path with)
{
	path_put(p);
	*p = with;
}

static void fetch_fs(struct path *out, bool root)
{
	struct fs_ctx *fs = current_task()->fs;

	mutex_lock(&fs->mu);
	*out = root ? fs->root : fs->cwd;
	path_get(out);
	mutex_unlock(&fs->mu);
}

static void need_root(struct walk *w)
{
	if (!w->root.dentry)
		fetch_fs(&w->root, true);
}

/* Where a relative name starts. */
static int start_at(struct walk *w, int dirfd, bool empty)
{
	AUTO_PUT(file) struct file *f = NULL;

	if (dirfd == LINUX_AT_FDCWD) {
		fetch_fs(&w->path, false);
		return 0;
	}
	f = current_file_any(dirfd);
	if (!f)
		return -EBADF;
	if (!empty && !inode_is(dentry_inode(f->path.dentry), LINUX_S_IFDIR))
		return -ENOTDIR;
	w->path = f->path;
	path_get(&w->path);
	return 0;
}

static void walk_reset(struct walk *w, const char *name, uint32_t flags,
		       const struct cred *cred)
{
	memset(w, 0, offsetof(struct walk, stack));
	w->cred = cred;
	w->flags = flags;
	w->rest = name;
}

int walk_start(struct walk *w, int dirfd, const char *name, uint32_t flags,
	       const struct cred *cred)
{
	int ret;

	walk_reset(w, name, flags, cred);
	if (!*name && !(flags & WALK_EMPTY))
		return -ENOENT;
	if (*name == '/' && !(flags & WALK_SCOPED)) {
		need_root(w);
		w->path = w->root;
		path_get(&w->path);
		return 0;
	}
	if (*name == '/' && (flags & WALK_BENEATH))
		return -EXDEV;
	ret = start_at(w, dirfd, !*name);
	if (ret == 0 && (flags & WALK_SCOPED)) {
		w->root = w->path;
		path_get(&w->root);
	}
	return ret;
}

void walk_fini(struct walk *w)
{
	while (w->depth > 0)
		free(w->stack[--w->depth].body);
	path_put(&w->path);
	path_put(&w->root);
}

/* --- one component -------------------------------------------------------- */

/* dir->dir_mu is held. */
int lookup_locked(struct dentry *dir, const char *name, size_t len,
		  struct dentry **out)
{
	struct dentry *d = dcache_lookup(dir, name, len);
	struct inode *di = dentry_inode(dir), *inode = NULL;
	char buf[NAME_MAX_LEN + 1];
	int ret;

	if (d) {
		*out = d;
		return 0;
	}
	if (!di->ops->lookup)
		return -ENOTDIR;
	memcpy(buf, name, len);
	buf[len] = '\0';
	ret = di->ops->lookup(di, buf, &inode);
	if (ret < 0 && ret != -ENOENT)
		return ret;
	if (ret == -ENOENT && (dir->deleted || dir->sb->no_negative))
		return -ENOENT;
	ret = dentry_new(dir->sb, dir, name, len, ret < 0 ? NULL : inode, &d);
	if (ret < 0) {
		if (inode)
			inode_put(inode);
		return ret;
	}
	if (!dir->sb->no_dcache)
		dcache_add(d);
	*out = d;
	return 0;
}

/* Plain components from @name on, in @buf; at most PREFETCH_MAX. */
static unsigned int plain_names(const char *name, char *buf, const char **names)
{
	unsigned int nr = 0;
	size_t len;

	for (; nr < PREFETCH_MAX; name += len) {
		while (*name == '/')
			name++;
		len = (size_t)(strchrnul(name, '/') - name);
		if (len == 0 || len > NAME_MAX_LEN ||
		    (name[0] == '.' &&
		     (len == 1 || (len == 2 && name[1] == '.'))))
			break;
		memcpy(buf, name, len);
		buf[len] = '\0';
		names[nr++] = buf;
		buf += len + 1;
	}
	return nr;
}

/* Tells the file system what comes next; dir_mu is held. */
static void prefetch(struct walk *w, struct inode *dir, const char *name)
{
	const char *names[PREFETCH_MAX];
	bool opens = w->flags & WALK_READ;
	AUTO_FREE char *buf = NULL;
	unsigned int nr;

	if (!opens && !strchr(name, '/'))
		return;
	buf = malloc(strlen(name) + 2);
	if (!buf)
		return;
	nr = plain_names(name, buf, names);
	if (nr < (opens ? 1 : 2))
		return;
	w->nr_prefetched = nr;
	opens &= nr < PREFETCH_MAX;
	dir->ops->prefetch(dir, names, nr, opens ? PREFETCH_OPEN : 0);
}

static int lookup_slow(struct walk *w, const char *name, size_t len,
		       struct dentry **out)
{
	struct dentry *dir = w->path.dentry;
	struct inode *di = dentry_inode(dir);
	int ret;

	if (w->flags & WALK_CACHED)
		return -EAGAIN;
	mutex_lock(&di->dir_mu);
	if (di->ops->prefetch && w->nr_prefetched == 0)
		prefetch(w, di, name);
	ret = lookup_locked(dir, name, len, out);
	mutex_unlock(&di->dir_mu);
	if (w->nr_prefetched > 0)
		w->nr_prefetched--;
	return ret;
}

/* Can the entries of @di change without the dentry cache being told? */
static bool must_revalidate(const struct inode *di)
{
	return di->ops->revalidate || di->sb->is_upper;
}

/* The upper layer of an overlay: is @child what @name leads to? */
static bool same_child(struct inode *di, const char *name,
		       const struct inode *child)
{
	AUTO_PUT(inode) struct inode *now = NULL;
	int ret;

	if (!di->ops->lookup)
		return true;
	mutex_lock(&di->dir_mu);
	ret = di->ops->lookup(di, name, &now);
	mutex_unlock(&di->dir_mu);
	return ret == 0 ? now == child : ret == -ENOENT && !child;
}

/* A cached entry of a shared file system: does it still hold? */
static bool still_valid(struct inode *di, struct dentry *d)
{
	char buf[NAME_MAX_LEN + 1];
	int ret;

	dcache_names_lock();
	memcpy(buf, d->name, MIN(d->name_len, NAME_MAX_LEN) + 1ul);
	dcache_names_unlock();
	if (!di->ops->revalidate)
		return same_child(di, buf, dentry_inode(d));
	ret = di->ops->revalidate(di, buf, dentry_inode(d));
	return ret != 0;
}

int walk_lookup(struct walk *w, const char *name, size_t len,
		struct dentry **out)
{
	struct inode *di = dentry_inode(w->path.dentry);
	struct dentry *d = dcache_lookup(w->path.dentry, name, len);

	if (d && unlikely(must_revalidate(di)) && !still_valid(di, d)) {
		dcache_drop(d);
		dentry_put(d);
		d = NULL;
	}
	if (likely(d)) {
		*out = d;
		return 0;
	}
	return lookup_slow(w, name, len, out);
}

/* Crosses everything mounted on w->path. */
static int cross_mounts(struct walk *w)
{
	struct mount *over;

	while ((over = mount_lookup(w->path.mnt, w->path.dentry)) != NULL) {
		if (w->flags & WALK_NO_XDEV) {
			mount_put(over);
			return -EXDEV;
		}
		dentry_get(over->root);
		replace_path(&w->path, (struct path){ over, over->root });
	}
	return 0;
}

int walk_enter(struct walk *w, struct dentry *d)
{
	struct dentry *old = w->path.dentry;

	w->path.dentry = d;
	dentry_put(old);
	if (likely(d->nr_mounts == 0))
		return 0;
	return cross_mounts(w);
}

static bool at_root(const struct walk *w)
{
	return w->path.dentry == w->root.dentry && w->path.mnt == w->root.mnt;
}

int walk_dotdot(struct walk *w)
{
	struct dentry *up;
	struct path outer;

	need_root(w);
	for (;;) {
		if (at_root(w))
			return w->flags & WALK_BENEATH ? -EXDEV : 0;
		if (!w->path.mnt || w->path.dentry != w->path.mnt->root)
			break;
		if (!mount_parent(w->path.mnt, &outer))
			return w->flags & WALK_BENEATH ? -EXDEV : 0;
		if (w->flags & WALK_NO_XDEV) {
			path_put(&outer);
			return -EXDEV;
		}
		replace_path(&w->path, outer);
	}
	up = dentry_get_parent(w->path.dentry);
	dentry_put(w->path.dentry);
	w->path.dentry = up;
	return cross_mounts(w);
}

/* --- symbolic links ------------------------------------------------------- */

static int follow_magic(struct walk *w, struct inode *link)
{
	struct path to = { NULL, NULL };
	int ret;

	if (w->flags & WALK_NO_MAGICLINKS)
		return -ELOOP;
	ret = link->ops->get_link(link, &to);
	if (ret < 0)
		return ret;
	if ((w->flags & WALK_SCOPED) ||
	    ((w->flags & WALK_NO_XDEV) && to.mnt != w->path.mnt)) {
		path_put(&to);
		return -EXDEV;
	}
	replace_path(&w->path, to);
	w->jumped = true;
	return 0;
}

static int jump_to_root(struct walk *w)
{
	struct path root;

	if (w->flags & WALK_BENEATH)
		return -EXDEV;
	need_root(w);
	if ((w->flags & WALK_NO_XDEV) && w->path.mnt != w->root.mnt)
		return -EXDEV;
	root = w->root;
	path_get(&root);
	replace_path(&w->path, root);
	return 0;
}

int walk_follow(struct walk *w, struct dentry *link)
{
	struct inode *inode = dentry_inode(link);
	char *body;
	int ret;

	w->jumped = false;
	if ((w->flags & WALK_NO_SYMLINKS) || w->nr_links++ >= WALK_MAX_LINKS)
		return -ELOOP;
	if (w->flags & WALK_CACHED)
		return -EAGAIN;
	if (mount_flags(w->path.mnt) & MNT_NOSYMFOLLOW)
		return -ELOOP;
	if (inode->ops->get_link)
		return follow_magic(w, inode);
	if (!inode->ops->readlink)
		return -EINVAL;
	ret = inode->ops->readlink(inode, &body);
	if (ret < 0)
		return ret;
	ret = *body ? 0 : -ENOENT;
	if (*body == '/')
		ret = jump_to_root(w);
	if (ret < 0) {
		free(body);
		return ret;
	}
	w->stack[w->depth].body = body;
	w->stack[w->depth].rest = w->rest;
	w->depth++;
	w->rest = body;
	w->nr_prefetched = 0;
	return 0;
}

/*
 * The text is used up: goes back to what waits behind links.  If nothing does,
 * the bodies stay, for w->last may point into them.
 */
static void pop_bodies(struct walk *w)
{
	unsigned int d = w->depth;

	while (d > 0 && *w->stack[d - 1].rest == '\0')
		d--;
	if (d == 0)
		return;
	w->rest = w->stack[d - 1].rest;
	while (w->depth >= d)
		free(w->stack[--w->depth].body);
}

/* Is there text left anywhere on the stack? */
static bool more_below(const struct walk *w)
{
	unsigned int i;

	for (i = 0; i < w->depth; i++) {
		if (*w->stack[i].rest != '\0')
			return true;
	}
	return false;
}

/* --- the walk ------------------------------------------------------------- */

static int last_type_of(const char *name, size_t len)
{
	if (name[0] != '.' || len > 2)
		return LAST_NORM;
	if (len == 1)
		return LAST_DOT;
	return name[1] == '.' ? LAST_DOTDOT : LAST_NORM;
}

/* Search permission on the directory that w->path is. */
static int may_search(struct walk *w)
{
	struct inode *dir = dentry_inode(w->path.dentry);

	if (!inode_is(dir, LINUX_S_IFDIR))
		return -ENOTDIR;
	return inode_permission(dir, w->cred, MAY_EXEC);
}

/* A component with more behind it: must lead to somewhere. */
static int walk_through(struct walk *w, const char *name, size_t len)
{
	struct dentry *d;
	struct inode *inode;
	int ret;

	ret = walk_lookup(w, name, len, &d);
	if (ret < 0)
		return ret;
	inode = dentry_inode(d);
	if (!inode) {
		dentry_put(d);
		return -ENOENT;
	}
	if (inode_is(inode, LINUX_S_IFLNK)) {
		ret = walk_follow(w, d);
		dentry_put(d);
		return ret;
	}
	return walk_enter(w, d);
}

/* The next component of w->rest; 1 if it is the last of all. */
static int walk_step(struct walk *w)
{
	const char *name = w->rest;
	size_t len;
	int ret;

	ret = may_search(w);
	if (ret < 0)
		return ret;
	len = (size_t)(strchrnul(name, '/') - name);
	if (len > NAME_MAX_LEN)
		return -ENAMETOOLONG;
	w->last = name;
	w->last_len = len;
	w->last_type = last_type_of(name, len);
	for (w->rest = name + len; *w->rest == '/';)
		w->rest++;
	if (*w->rest == '\0' && !more_below(w)) {
		w->trailing |= name[len] == '/';
		return 1;
	}
	if (w->last_type == LAST_DOT)
		return 0;
	if (w->last_type == LAST_DOTDOT)
		return walk_dotdot(w);
	return walk_through(w, name, len);
}

int walk_to_last(struct walk *w)
{
	int ret;

	for (;;) {
		while (*w->rest == '/')
			w->rest++;
		if (*w->rest == '\0') {
			pop_bodies(w);
			while (*w->rest == '/')
				w->rest++;
		}
		if (*w->rest == '\0') {
			w->last_type = LAST_ROOT;
			return 0;
		}
		ret = walk_step(w);
		if (ret != 0)
			return ret < 0 ? ret : 0;
	}
}

static int finish_norm(struct walk *w)
{
	struct dentry *d;
	struct inode *inode;
	int ret;

	ret = walk_lookup(w, w->last, w->last_len, &d);
	if (ret < 0)
		return ret;
	inode = dentry_inode(d);
	if (!inode) {
		dentry_put(d);
		return -ENOENT;
	}
	if (inode_is(inode, LINUX_S_IFLNK) &&
	    ((w->flags & WALK_FOLLOW) || w->trailing)) {
		ret = protected_follow(dentry_inode(w->path.dentry), inode,
				       w->cred);
		if (ret == 0)
			ret = walk_follow(w, d);
		dentry_put(d);
		return ret < 0 ? ret : !w->jumped;
	}
	return walk_enter(w, d);
}

int walk_finish(struct walk *w)
{
	int ret = 0;

	if (w->last_type == LAST_DOTDOT)
		ret = walk_dotdot(w);
	else if (w->last_type == LAST_NORM)
		ret = finish_norm(w);
	if (ret != 0)
		return ret;
	if ((w->trailing || (w->flags & WALK_DIRECTORY)) &&
	    !inode_is(dentry_inode(w->path.dentry), LINUX_S_IFDIR))
		return -ENOTDIR;
	return 0;
}

static void copy_last(const struct walk *w, struct walk_last *last)
{
	last->type = w->last_type;
	last->trailing_slash = w->trailing;
	last->name[0] = '\0';
	if (w->last_type != LAST_NORM)
		return;
	memcpy(last->name, w->last, w->last_len);
	last->name[w->last_len] = '\0';
}

/* A name that is about to be changed: a stale entry must not decide. */
static void refresh_last(const struct walk *w)
{
	struct inode *di = dentry_inode(w->path.dentry);
	struct dentry *d;

	if (w->last_type != LAST_NORM || likely(!must_revalidate(di)))
		return;
	d = dcache_lookup(w->path.dentry, w->last, w->last_len);
	if (!d)
		return;
	if (!still_valid(di, d))
		dcache_drop(d);
	dentry_put(d);
}

/* A started walk to its end. */
static int walk_run(struct walk *w, struct path *out, struct walk_last *last)
{
	int ret;

	do {
		ret = walk_to_last(w);
		if (ret < 0)
			return ret;
		if (w->flags & WALK_PARENT) {
			copy_last(w, last);
			refresh_last(w);
			break;
		}
		ret = walk_finish(w);
	} while (ret > 0);
	if (ret < 0)
		return ret;
	*out = w->path;
	w->path = (struct path){ NULL, NULL };
	return 0;
}

int path_lookup_cred(int dirfd, const char *name, uint32_t walk,
		     const struct cred *cred, struct path *out,
		     struct walk_last *last)
{
	struct walk w;
	int ret;

	ret = walk_start(&w, dirfd, name, walk, cred);
	if (ret == 0)
		ret = walk_run(&w, out, last);
	walk_fini(&w);
	return ret;
}

int path_lookup(int dirfd, const char *name, uint32_t walk, struct path *out,
		struct walk_last *last)
{
	return path_lookup_cred(dirfd, name, walk, current_task()->cred, out,
				last);
}

int path_copy_in(uaddr_t name, bool empty_ok, char **out)
{
	char *buf = malloc(LINUX_PATH_MAX);
	long ret;

	if (!buf)
		return -ENOMEM;
	ret = copy_in_str(buf, name, LINUX_PATH_MAX);
	if (ret == 0 && !empty_ok)
		ret = -ENOENT;
	if (ret < 0) {
		free(buf);
		return (int)ret;
	}
	*out = buf;
	return 0;
}

int path_lookup_user(int dirfd, uaddr_t name, uint32_t walk, struct path *out,
		     struct walk_last *last)
{
	char buf[LINUX_PATH_MAX];
	long ret;

	ret = copy_in_str(buf, name, sizeof(buf));
	if (ret < 0)
		return (int)ret;
	if (ret == 0 && !(walk & WALK_EMPTY))
		return -ENOENT;
	return path_lookup(dirfd, buf, walk, out, last);
}

int path_lookup_at(const struct path *base, const char *name, uint32_t walk,
		   struct path *out)
{
	struct walk_last last;
	struct walk w;
	int ret;

	walk_reset(&w, name, walk, NULL);
	w.kernel = true;
	w.path = *base;
	w.root = *base;
	path_get(&w.path);
	path_get(&w.root);
	ret = *name || (walk & WALK_EMPTY) ? 0 : -ENOENT;
	if (ret == 0)
		ret = cross_mounts(&w);
	if (ret == 0)
		ret = walk_run(&w, out, &last);
	walk_fini(&w);
	return ret;
}
