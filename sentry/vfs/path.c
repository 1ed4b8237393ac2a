/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path: references to (mount, dentry) pairs, their text form, and the cwd and
 * root of tasks (fs_ctx).
 *
 * Locks: fs_ctx.mu is short; names are read under dcache_names_lock().
 * Tests: tests/unit/test_walk.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"

void path_get(const struct path *p)
{
	mount_get(p->mnt);
	dentry_get(p->dentry);
}

void path_put(struct path *p)
{
	if (p->dentry)
		dentry_put(p->dentry);
	if (p->mnt)
		mount_put(p->mnt);
	p->dentry = NULL;
	p->mnt = NULL;
}

/* --- text ----------------------------------------------------------------- */

/* Fills a buffer from its end towards its start. */
struct back_buf {
	char *start, *at;
};

static bool prepend(struct back_buf *b, const char *s, size_t len)
{
	if ((size_t)(b->at - b->start) < len)
		return false;
	b->at -= len;
	memcpy(b->at, s, len);
	return true;
}

/* Names from @d up to @stop or the super's root; *out_met says which. */
static bool prepend_names(struct back_buf *b, struct dentry *d,
			  struct dentry *mnt_root, struct dentry *stop,
			  bool *out_met)
{
	bool fits = true;

	dcache_names_lock();
	while (fits && d != stop && d != mnt_root && d->parent != d) {
		fits = prepend(b, d->name, d->name_len) && prepend(b, "/", 1);
		d = d->parent;
	}
	*out_met = d == stop;
	dcache_names_unlock();
	return fits;
}

static long pseudo_to_string(const struct dentry *d, char *buf, size_t size)
{
	if (d->name_len + 1ul > size)
		return -ENAMETOOLONG;
	memcpy(buf, d->name, d->name_len + 1ul);
	return d->name_len + 1;
}

long path_to_string_from(const struct path *p, const struct path *root,
			 char *buf, size_t size, bool *unreachable)
{
	struct back_buf b = { buf, buf + size };
	struct path at = *p, up;
	bool met = false, fits;

	path_get(&at);
	fits = prepend(&b, "", 1);
	if (fits && p->dentry->deleted)
		fits = prepend(&b, " (deleted)", 10);
	for (char *end = b.at; fits;) {
		struct dentry *stop = root->dentry && at.mnt == root->mnt
					      ? root->dentry
					      : NULL;

		fits = prepend_names(&b, at.dentry,
				     at.mnt ? at.mnt->root : NULL, stop, &met);
		if (fits && !met && mount_parent(at.mnt, &up)) {
			path_put(&at);
			at = up;
			continue;
		}
		if (fits && b.at == end)
			fits = prepend(&b, "/", 1);
		break;
	}
	path_put(&at);
	if (!fits)
		return -ENAMETOOLONG;
	if (unreachable)
		*unreachable = root->dentry && !met;
	memmove(buf, b.at, (size_t)(buf + size - b.at));
	return buf + size - b.at;
}

long path_to_string(const struct path *p, char *buf, size_t size,
		    bool *unreachable)
{
	struct task *t = current_task();
	AUTO_PATH struct path root = { NULL, NULL };

	if (unreachable)
		*unreachable = false;
	if (p->dentry->pseudo)
		return pseudo_to_string(p->dentry, buf, size);
	if (t && t->fs) {
		mutex_lock(&t->fs->mu);
		root = t->fs->root;
		path_get(&root);
		mutex_unlock(&t->fs->mu);
	}
	return path_to_string_from(p, &root, buf, size, unreachable);
}

/* --- fs_ctx --------------------------------------------------------------- */

int fs_ctx_new(const struct path *root, struct fs_ctx **out)
{
	struct fs_ctx *c = kzalloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	ref_init(&c->ref);
	mutex_init(&c->mu, LOCK_FS_CTX);
	c->root = *root;
	c->cwd = *root;
	path_get(root);
	path_get(root);
	c->umask = 022;
	*out = c;
	return 0;
}

int fs_ctx_copy(struct fs_ctx *from, struct fs_ctx **out)
{
	struct fs_ctx *c = kzalloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	ref_init(&c->ref);
	mutex_init(&c->mu, LOCK_FS_CTX);
	mutex_lock(&from->mu);
	c->root = from->root;
	c->cwd = from->cwd;
	path_get(&c->root);
	path_get(&c->cwd);
	c->umask = from->umask;
	mutex_unlock(&from->mu);
	*out = c;
	return 0;
}

bool fs_ctx_is_shared(const struct fs_ctx *c)
{
	return ref_read(&c->ref) > 1;
}

bool fs_ctx_is_chrooted(struct fs_ctx *c)
{
	struct mount_ns *ns = task_mount_ns(current_task());
	struct path root = { NULL, NULL };
	bool is;

	if (!ns)
		return false;
	mount_ns_root(ns, &root);
	mutex_lock(&c->mu);
	is = c->root.mnt != root.mnt || c->root.dentry != root.dentry;
	mutex_unlock(&c->mu);
	path_put(&root);
	return is;
}

void fs_ctx_get(struct fs_ctx *c)
{
	ref_get(&c->ref);
}

void fs_ctx_put(struct fs_ctx *c)
{
	if (!ref_put(&c->ref))
		return;
	path_put(&c->cwd);
	path_put(&c->root);
	pthread_mutex_destroy(&c->mu.raw);
	free(c);
}

uint32_t current_umask(void)
{
	struct task *t = current_task();
	uint32_t umask;

	if (!t || !t->fs)
		return 022;
	mutex_lock(&t->fs->mu);
	umask = t->fs->umask;
	mutex_unlock(&t->fs->mu);
	return umask;
}
