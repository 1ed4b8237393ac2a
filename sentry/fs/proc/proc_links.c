/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_links: magic links of /proc/PID (cwd, root, exe, fd/N), and fdinfo.
 *
 * Locks: fs->mu while a path is copied.
 * Tests: tests/conformance/proc.c, proc_task.c
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "sentry/fs/proc/proc.h"

static int fs_link(const struct synth_ctx *ctx, bool root, struct path *out)
{
	AUTO_PUT(task) struct task *t = NULL;
	struct fs_ctx *fs;
	int ret = proc_may_access(ctx);

	if (ret < 0)
		return ret == -ESRCH ? -ENOENT : ret;
	t = proc_task(ctx);
	fs = t ? task_get_fs(t) : NULL;
	if (!fs)
		return -ENOENT;
	mutex_lock(&fs->mu);
	*out = root ? fs->root : fs->cwd;
	path_get(out);
	mutex_unlock(&fs->mu);
	fs_ctx_put(fs);
	return 0;
}

int proc_cwd_link(const struct synth_ctx *ctx, struct path *out)
{
	return fs_link(ctx, false, out);
}

int proc_root_link(const struct synth_ctx *ctx, struct path *out)
{
	return fs_link(ctx, true, out);
}

int proc_exe_link(const struct synth_ctx *ctx, struct path *out)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	struct file *exe;
	int ret = proc_may_access(ctx);

	if (ret == 0)
		ret = proc_mm(ctx, &mm);
	if (ret < 0)
		return ret == -ESRCH ? -ENOENT : ret;
	exe = mm ? mm_exe_file(mm) : NULL;
	if (!exe)
		return -ENOENT;
	*out = exe->path;
	path_get(out);
	file_put(exe);
	return 0;
}

/* What readlink(2) shows of a magic link: where it leads. */
int proc_link_text(const struct synth_ctx *ctx, char **out_target)
{
	AUTO_FREE char *text = kzalloc(PATH_MAX);
	AUTO_PATH struct path p = { 0 };
	long len;
	int ret;

	if (!text)
		return -ENOMEM;
	ret = synth_ctx_entry(ctx)->get_link(ctx, &p);
	if (ret < 0)
		return ret;
	len = path_to_string(&p, text, PATH_MAX, NULL);
	if (len < 0)
		return (int)len;
	*out_target = take(text);
	return 0;
}

/* --- fd ------------------------------------------------------------------ */

/* The file behind /proc/PID/fd/N, +1; *out_cloexec may be NULL. */
static struct file *get_file(const struct synth_ctx *ctx, uint32_t fd,
			     bool *out_cloexec)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct fd_table *fds = t ? task_get_fds(t) : NULL;
	struct file *f = NULL;

	if (!fds)
		return NULL;
	if (fd <= INT_MAX)
		f = fd_table_lookup_any(fds, (int)fd);
	if (f && out_cloexec)
		*out_cloexec = fd_table_get_cloexec(fds, (int)fd) > 0;
	fd_table_put(fds);
	return f;
}

static int fd_link(const struct synth_ctx *ctx, struct path *out)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret = proc_may_access(ctx);

	if (ret < 0)
		return ret == -ESRCH ? -ENOENT : ret;
	f = get_file(ctx, ctx->sub, NULL);
	if (!f)
		return -ENOENT;
	*out = f->path;
	path_get(out);
	return 0;
}

/* The link's mode tells how the file is open. */
static uint32_t fd_mode(const struct synth_ctx *ctx)
{
	AUTO_PUT(file) struct file *f = get_file(ctx, ctx->sub, NULL);
	uint32_t acc, mode = S_IFLNK;

	if (!f || f->flags & LINUX_O_PATH)
		return mode;
	acc = f->flags & LINUX_O_ACCMODE;
	if (acc == LINUX_O_RDONLY || acc == LINUX_O_RDWR)
		mode |= 0500;
	if (acc == LINUX_O_WRONLY || acc == LINUX_O_RDWR)
		mode |= 0300;
	return mode;
}

static void show_locks(const struct synth_ctx *ctx, struct file *f,
		       struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct fd_table *fds = t ? task_get_fds(t) : NULL;

	if (!fds)
		return;
	proc_fdinfo_locks(f, fds, out);
	fd_table_put(fds);
}

static int fdinfo_show(const struct synth_ctx *ctx, struct seq_buf *out)
{
	bool cloexec = false;
	AUTO_PUT(file) struct file *f = get_file(ctx, ctx->sub, &cloexec);
	uint32_t flags;
	int64_t pos;

	if (!f)
		return -ENOENT;
	/* Without pos_mu: the reader may hold it (its own fdinfo). */
	pos = __atomic_load_n(&f->pos, __ATOMIC_RELAXED);
	flags = f->flags & ~(uint32_t)LINUX_O_CLOEXEC;
	if (cloexec)
		flags |= LINUX_O_CLOEXEC;
	seq_printf(out, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%lu\nino:\t%lu\n",
		   pos, flags, f->path.mnt ? mount_id(f->path.mnt) : 0,
		   f->inode->ino);
	show_locks(ctx, f, out);
	if (f->ops && f->ops->show_fdinfo)
		f->ops->show_fdinfo(f, out);
	return 0;
}

static const struct synth_entry fd_entry = {
	.name = "fd",
	.mode = S_IFLNK | 0700,
	.readlink = proc_link_text,
	.get_link = fd_link,
	.mode_now = fd_mode,
};

static const struct synth_entry fdinfo_entry = {
	.name = "fdinfo",
	.mode = S_IFREG | 0444,
	.show = fdinfo_show,
	.may_open = proc_may_open,
};

static int fds_lookup_as(const struct synth_ctx *dir, const char *name,
			 const struct synth_entry *entry,
			 struct synth_found *out)
{
	AUTO_PUT(file) struct file *f = NULL;
	uint32_t fd;

	if (!synth_parse_u32(name, &fd))
		return -ENOENT;
	f = get_file(dir, fd, NULL);
	if (!f)
		return -ENOENT;
	thread_group_get(dir->obj);
	out->entry = entry;
	out->ctx =
		(struct synth_ctx){ .obj = dir->obj, .id = dir->id, .sub = fd };
	return 0;
}

static int fds_next_as(const struct synth_ctx *dir, uint64_t *key, char *name,
		       const struct synth_entry *entry, struct synth_found *out)
{
	AUTO_PUT(task) struct task *t = proc_task(dir);
	struct fd_table *fds = t ? task_get_fds(t) : NULL;
	int fd = -1;

	if (!fds)
		return -ENOENT;
	if (*key <= INT_MAX)
		fd = fd_table_next(fds, (int)*key);
	fd_table_put(fds);
	if (fd < 0)
		return -ENOENT;
	*key = (uint64_t)fd;
	snprintf(name, SYNTH_NAME_SIZE, "%d", fd);
	thread_group_get(dir->obj);
	out->entry = entry;
	out->ctx = (struct synth_ctx){ .obj = dir->obj,
				       .id = dir->id,
				       .sub = (uint32_t)fd };
	return 0;
}

static int fds_lookup(const struct synth_ctx *dir, const char *name,
		      struct synth_found *out)
{
	return fds_lookup_as(dir, name, &fd_entry, out);
}

static int fds_next(const struct synth_ctx *dir, uint64_t *key, char *name,
		    struct synth_found *out)
{
	return fds_next_as(dir, key, name, &fd_entry, out);
}

/* Since 6.2 the size of the directory is the number of open files. */
static uint64_t fds_size(const struct synth_ctx *dir)
{
	AUTO_PUT(task) struct task *t = proc_task(dir);
	struct fd_table *fds = t ? task_get_fds(t) : NULL;
	uint64_t nr = 0;
	int fd = -1;

	if (!fds)
		return 0;
	while ((fd = fd_table_next(fds, fd + 1)) >= 0)
		nr++;
	fd_table_put(fds);
	return nr;
}

const struct synth_dir_ops proc_fds = {
	.lookup = fds_lookup,
	.next = fds_next,
	.size = fds_size,
};

static int fdinfos_lookup(const struct synth_ctx *dir, const char *name,
			  struct synth_found *out)
{
	return fds_lookup_as(dir, name, &fdinfo_entry, out);
}

static int fdinfos_next(const struct synth_ctx *dir, uint64_t *key, char *name,
			struct synth_found *out)
{
	return fds_next_as(dir, key, name, &fdinfo_entry, out);
}

const struct synth_dir_ops proc_fdinfos = {
	.lookup = fdinfos_lookup,
	.next = fdinfos_next,
};

/* A process may always look at its own descriptors (its directory may belong
 * to root since it is not dumpable). */
int proc_fd_permission(const struct synth_ctx *ctx, const struct cred *cred,
		       uint32_t mask, int by_mode)
{
	struct task *t = current_task();

	(void)cred;
	if (by_mode < 0 && !(mask & MAY_WRITE) && t && t->group == ctx->obj)
		return 0;
	return by_mode;
}
