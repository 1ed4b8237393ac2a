/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_overlay: the options of `mount -t overlay`.
 *
 * Linux:     fs/overlayfs/params.c of 6.18.  What changes only how Linux keeps
 *            things (xino, volatile, ...) is taken as off; on is refused.
 * Tests:     tests/conformance/overlay_mount.c
 */
#include "sentry/vfs/fs_overlay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "sentry/fs/overlay/overlay.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/fs_context.h"

struct overlay_options {
	char *lower, *upper, *work;
	bool userxattr;
};

void fs_overlay_free(struct overlay_options *o)
{
	if (!o)
		return;
	free(o->lower);
	free(o->upper);
	free(o->work);
	free(o);
}

static int set_text(char **to, const char *value)
{
	if (!value || !*value)
		return -EINVAL;
	free(*to);
	*to = kstrdup(value);
	return *to ? 0 : -ENOMEM;
}

/* One more lower directory, of fsconfig(2). */
static int append_lower(struct overlay_options *o, const char *value)
{
	size_t len = o->lower ? strlen(o->lower) : 0, size;
	char *all;

	if (!value || !*value)
		return -EINVAL;
	if (strchr(value, ':')) /* it would be read as two */
		return -EINVAL;
	size = len + strlen(value) + 2;
	all = kzalloc(size);
	if (!all)
		return -ENOMEM;
	snprintf(all, size, "%s%s%s", len ? o->lower : "", len ? ":" : "",
		 value);
	free(o->lower);
	o->lower = all;
	return 0;
}

int fs_overlay_set(struct fs_context *fc, const char *key, const char *value)
{
	static const char *const off[][2] = {
		{ "index", "off" },	 { "metacopy", "off" },
		{ "nfs_export", "off" }, { "xino", "off" },
		{ "xino", "auto" },	 { "redirect_dir", "on" },
		{ "verity", "off" },
	};
	struct overlay_options *o = fc->overlay;
	unsigned int i;

	if (!o)
		o = fc->overlay = kzalloc(sizeof(*o));
	if (!o)
		return -ENOMEM;
	if (strcmp(key, "lowerdir") == 0)
		return set_text(&o->lower, value);
	if (strcmp(key, "lowerdir+") == 0)
		return append_lower(o, value);
	if (strcmp(key, "upperdir") == 0)
		return set_text(&o->upper, value);
	if (strcmp(key, "workdir") == 0)
		return set_text(&o->work, value);
	if (strcmp(key, "userxattr") == 0 && !value) {
		o->userxattr = true;
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(off); i++)
		if (value && !strcmp(key, off[i][0]) &&
		    !strcmp(value, off[i][1]))
			return 0;
	return -EINVAL;
}

/* --- mounting ------------------------------------------------------------- */

/* "\:" and "\\" are characters of the name. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		*to++ = *text;
	}
	*to = '\0';
}

/* Cuts the next directory off @at, at a colon that is not escaped. */
static char *next_dir(char **at)
{
	char *start = *at, *p = start;

	if (!start)
		return NULL;
	for (; *p && *p != ':'; p++)
		if (*p == '\\' && p[1])
			p++;
	*at = *p ? p + 1 : NULL;
	*p = '\0';
	unescape(start);
	return start;
}

static int find_dir(const char *name, struct path *out)
{
	return path_lookup(LINUX_AT_FDCWD, name, WALK_FOLLOW | WALK_DIRECTORY,
			   out, NULL);
}

struct resolved {
	struct path lowers[OVERLAY_MAX_LAYERS], upper, work;
	struct overlay_layers layers;
};

static int find_lowers(struct resolved *r, char *text)
{
	char *name;
	int ret = 0;

	while (ret == 0 && (name = next_dir(&text)) != NULL) {
		unsigned int n = r->layers.nr_lowers;

		if (!*name || n == OVERLAY_MAX_LAYERS - 1)
			return -EINVAL;
		ret = find_dir(name, &r->lowers[n]);
		if (ret == 0)
			r->layers.lowers[r->layers.nr_lowers++] =
				dentry_inode(r->lowers[n].dentry);
	}
	return ret;
}

/* The upper layer's file system must hold whiteouts and marks. */
static int find_upper(struct resolved *r, const struct overlay_options *o)
{
	int ret = find_dir(o->upper, &r->upper);

	if (ret == 0)
		ret = find_dir(o->work, &r->work);
	if (ret < 0)
		return ret;
	if (r->upper.mnt != r->work.mnt ||
	    strcmp(r->upper.dentry->sb->ops->name, "overlay") == 0 ||
	    dentry_is_below(r->upper.dentry, r->work.dentry) ||
	    dentry_is_below(r->work.dentry, r->upper.dentry))
		return -EINVAL;
	if (mount_readonly(r->upper.mnt))
		return -EROFS;
	r->layers.upper = dentry_inode(r->upper.dentry);
	return 0;
}

/* Linux works in a directory of its own below workdir. */
static int make_work(struct resolved *r, struct inode **out)
{
	struct inode *dir = dentry_inode(r->work.dentry);
	int ret;

	mutex_lock(&dir->dir_mu);
	ret = dir->ops->lookup ? dir->ops->lookup(dir, "work", out) : -EPERM;
	if (ret == -ENOENT && dir->ops->mkdir) {
		ret = dir->ops->mkdir(dir, "work", 0700, dir->uid, dir->gid,
				      out);
		dentry_invalidate(r->work.dentry, "work");
	}
	mutex_unlock(&dir->dir_mu);
	return ret;
}

int fs_overlay_make(struct fs_context *fc, struct super **out)
{
	const struct overlay_options *o = fc->overlay;
	AUTO_FREE struct resolved *r = kzalloc(sizeof(*r));
	AUTO_FREE char *lower = NULL;
	AUTO_PUT(inode) struct inode *work = NULL;
	unsigned int i;
	int ret;

	if (!r)
		return -ENOMEM;
	if (!o || !o->lower || !o->upper != !o->work)
		return -EINVAL;
	lower = kstrdup(o->lower);
	ret = lower ? find_lowers(r, lower) : -ENOMEM;
	if (ret == 0 && o->upper)
		ret = find_upper(r, o);
	if (ret == 0 && o->upper)
		ret = make_work(r, &work);
	r->layers.work = work;
	r->layers.userxattr = o->userxattr;
	if (ret == 0)
		ret = overlay_stack(&r->layers, out);
	for (i = 0; i < OVERLAY_MAX_LAYERS; i++)
		path_put(&r->lowers[i]);
	path_put(&r->upper);
	path_put(&r->work);
	return ret;
}
