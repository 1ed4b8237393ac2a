/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroupfs: directories and the cgroup.* files of the cgroup2 file system.
 *
 * A removed group's open files answer ENODEV.  The root shows the limits of the
 * sandbox, which nobody inside may change.
 *
 * Locks: none of its own.
 * Linux: as 6.18 without threaded groups, pressure files and inotify events;
 *        all files belong to root.
 * Tests: tests/conformance/cgroup.c
 */
#include "sentry/fs/cgroup/cgroupfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"

static const struct {
	uint32_t bit;
	const char *name;
} controllers[] = {
	{ CGROUP_CPU, "cpu" },
	{ CGROUP_MEMORY, "memory" },
	{ CGROUP_PIDS, "pids" },
};

int cgroup_parse_max(char *text, uint64_t *out)
{
	static const char units[] = "kmgtpe";
	const char *unit;
	char *end;

	text[strcspn(text, "\n")] = '\0';
	while (*text == ' ')
		text++;
	if (strcmp(text, "max") == 0) {
		*out = CGROUP_NO_LIMIT;
		return 0;
	}
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	unit = *end ? strchr(units, *end | 32) : NULL;
	if (unit) {
		if (*out > UINT64_MAX >> 10 * (unit - units + 1))
			return -EINVAL;
		*out <<= 10 * (unit - units + 1);
		end++;
	}
	while (*end == ' ')
		end++;
	return *end ? -EINVAL : 0;
}

void cgroup_show_max(struct seq_buf *out, uint64_t v)
{
	if (v == CGROUP_NO_LIMIT)
		seq_printf(out, "max\n");
	else
		seq_printf(out, "%lu\n", v);
}

/* --- members -------------------------------------------------------------- */

struct listing {
	struct seq_buf *out;
	bool threads;
};

static void list_one(struct thread_group *tg, void *arg)
{
	struct listing *l = arg;
	struct task *t;
	uint32_t tid;

	if (!l->threads) {
		seq_printf(l->out, "%u\n", pid_to_guest(tg->tgid));
		return;
	}
	for (t = thread_group_next_task(tg, 0); t;
	     t = thread_group_next_task(tg, tid)) {
		tid = t->tid;
		seq_printf(l->out, "%u\n", pid_to_guest(tid));
		task_put(t);
	}
}

static int show_procs(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct listing l = { .out = out };

	cgroup_foreach(cgroup_of_ctx(ctx), false, list_one, &l);
	return 0;
}

static int show_threads(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct listing l = { .out = out, .threads = true };

	cgroup_foreach(cgroup_of_ctx(ctx), false, list_one, &l);
	return 0;
}

static long write_procs(const struct synth_ctx *ctx, char *text, size_t size)
{
	AUTO_PUT(task) struct task *t = NULL;
	int64_t pid;
	int ret = synth_parse_i64(text, 0, INT32_MAX, &pid);

	if (ret < 0)
		return ret;
	if (pid == 0) {
		t = current_task();
		task_get(t);
	} else {
		t = task_lookup((uint32_t)pid);
	}
	if (!t)
		return -ESRCH;
	ret = cgroup_attach(cgroup_of_ctx(ctx), t->group);
	return ret < 0 ? ret : (long)size;
}

/* Threads cannot leave their process: there are no threaded groups. */
static long write_threads(const struct synth_ctx *ctx, char *text, size_t size)
{
	AUTO_PUT(task) struct task *t = NULL;
	int64_t tid;
	int ret = synth_parse_i64(text, 0, INT32_MAX, &tid);

	if (ret < 0)
		return ret;
	if (tid == 0) {
		t = current_task();
		task_get(t);
	} else {
		t = task_lookup((uint32_t)tid);
	}
	if (!t)
		return -ESRCH;
	if (cgroup_peek(t->group) != cgroup_of_ctx(ctx))
		return -EOPNOTSUPP;
	return (long)size;
}

/* --- controllers ---------------------------------------------------------- */

static void show_set(struct seq_buf *out, uint32_t set)
{
	const char *sep = "";

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		if (!(set & controllers[i].bit))
			continue;
		seq_printf(out, "%s%s", sep, controllers[i].name);
		sep = " ";
	}
	seq_printf(out, "\n");
}

static int show_controllers(const struct synth_ctx *ctx, struct seq_buf *out)
{
	show_set(out, cgroup_controllers(cgroup_of_ctx(ctx)));
	return 0;
}

static int show_subtree(const struct synth_ctx *ctx, struct seq_buf *out)
{
	show_set(out, cgroup_of_ctx(ctx)->subtree);
	return 0;
}

static uint32_t parse_controller(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strcmp(name, controllers[i].name) == 0)
			return controllers[i].bit;
	return 0;
}

static long write_subtree(const struct synth_ctx *ctx, char *text, size_t size)
{
	uint32_t set[2] = { 0 }, bit;
	char *word, *save = NULL;
	int ret;

	for (word = strtok_r(text, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save)) {
		if (*word != '+' && *word != '-')
			return -EINVAL;
		bit = parse_controller(word + 1);
		if (!bit)
			return -EINVAL;
		set[*word == '-'] |= bit;
		set[*word != '-'] &= ~bit;
	}
	ret = cgroup_set_subtree(cgroup_of_ctx(ctx), set[0], set[1]);
	return ret < 0 ? ret : (long)size;
}

/* --- state ---------------------------------------------------------------- */

static int show_type(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "domain\n");
	return 0;
}

static long write_type(const struct synth_ctx *ctx, char *text, size_t size)
{
	(void)ctx, (void)size;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, "threaded") == 0 ? -EOPNOTSUPP : -EINVAL;
}

static int show_events(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct cgroup *cg = cgroup_of_ctx(ctx);

	seq_printf(out, "populated %d\nfrozen %d\n", cg->nr_live > 0,
		   cgroup_is_frozen(cg));
	return 0;
}

static struct waitq *event_changes(const struct synth_ctx *ctx,
				   uint32_t *out_count)
{
	struct cgroup *cg = cgroup_of_ctx(ctx);

	*out_count = cg->nr_events;
	return &cg->events;
}

static int show_freeze(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%d\n", cgroup_of_ctx(ctx)->freeze);
	return 0;
}

static long write_freeze(const struct synth_ctx *ctx, char *text, size_t size)
{
	int64_t v;
	int ret = synth_parse_i64(text, INT32_MIN, INT32_MAX, &v);

	if (ret < 0)
		return ret;
	if (v < 0 || v > 1)
		return -ERANGE;
	cgroup_set_freeze(cgroup_of_ctx(ctx), v);
	return (long)size;
}

static long write_kill(const struct synth_ctx *ctx, char *text, size_t size)
{
	int64_t v;
	int ret = synth_parse_i64(text, INT32_MIN, INT32_MAX, &v);

	if (ret < 0)
		return ret;
	if (v != 1)
		return -ERANGE;
	cgroup_kill(cgroup_of_ctx(ctx));
	return (long)size;
}

static int show_depth(const struct synth_ctx *ctx, struct seq_buf *out)
{
	cgroup_show_max(out, cgroup_of_ctx(ctx)->max_depth);
	return 0;
}

static int show_descendants(const struct synth_ctx *ctx, struct seq_buf *out)
{
	cgroup_show_max(out, cgroup_of_ctx(ctx)->max_descendants);
	return 0;
}

/* A negative number is out of range, as for cgroup_max_depth_write(). */
static int parse_bound(char *text, uint64_t *out)
{
	int ret;

	if (*text == '-')
		return -ERANGE;
	ret = cgroup_parse_max(text, out);
	if (ret == 0 && *out != CGROUP_NO_LIMIT && *out > INT32_MAX)
		ret = -ERANGE;
	return ret;
}

static long write_depth(const struct synth_ctx *ctx, char *text, size_t size)
{
	uint64_t v;
	int ret = parse_bound(text, &v);

	if (ret < 0)
		return ret;
	cgroup_of_ctx(ctx)->max_depth = v;
	return (long)size;
}

static long write_descendants(const struct synth_ctx *ctx, char *text,
			      size_t size)
{
	uint64_t v;
	int ret = parse_bound(text, &v);

	if (ret < 0)
		return ret;
	cgroup_of_ctx(ctx)->max_descendants = v;
	return (long)size;
}

static int show_stat(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "nr_descendants %u\nnr_dying_descendants 0\n",
		   cgroup_nr_descendants(cgroup_of_ctx(ctx)));
	return 0;
}

/* --- directories ---------------------------------------------------------- */

static const struct synth_dir_ops group_dirs;

#define COMMON_FILES                                                         \
	SYNTH_FILE("cgroup.controllers", 0444, show_controllers),            \
		SYNTH_RW("cgroup.max.depth", 0644, show_depth, write_depth), \
		SYNTH_RW("cgroup.max.descendants", 0644, show_descendants,   \
			 write_descendants),                                 \
		SYNTH_RW("cgroup.procs", 0644, show_procs, write_procs),     \
		SYNTH_FILE("cgroup.stat", 0444, show_stat),                  \
		SYNTH_RW("cgroup.subtree_control", 0644, show_subtree,       \
			 write_subtree),                                     \
		SYNTH_RW("cgroup.threads", 0644, show_threads, write_threads)

static const struct synth_entry root_files[] = {
	COMMON_FILES,
	{ .name = NULL },
};

static const struct synth_entry group_files[] = {
	COMMON_FILES,
	{ .name = "cgroup.events",
	  .mode = S_IFREG | 0444,
	  .show = show_events,
	  .changes = event_changes },
	SYNTH_RW("cgroup.freeze", 0644, show_freeze, write_freeze),
	SYNTH_RW("cgroup.kill", 0200, NULL, write_kill),
	SYNTH_RW("cgroup.type", 0644, show_type, write_type),
	{ .name = NULL },
};

static const struct synth_entry root_dir = {
	.name = "/",
	.mode = S_IFDIR | 0555,
	.children = root_files,
	.dynamic = &group_dirs,
};

static const struct synth_entry group_dir = {
	.name = "cgroup",
	.mode = S_IFDIR | 0755,
	.children = group_files,
	.dynamic = &group_dirs,
};

static void found_file(struct cgroup *cg, const struct synth_entry *e,
		       struct synth_found *out)
{
	cgroup_get(cg);
	out->entry = e;
	out->ctx = (struct synth_ctx){ .obj = cg, .id = cg->id };
}

static int dirs_lookup(const struct synth_ctx *dir, const char *name,
		       struct synth_found *out)
{
	struct cgroup *cg = cgroup_of_ctx(dir), *child;

	for (size_t i = 0; i < CGROUP_NR_CTL_FILES; i++) {
		const struct synth_entry *e = &cgroup_ctl_files[i];

		if (strcmp(e->name, name) || !cgroup_ctl_visible(cg, e))
			continue;
		found_file(cg, e, out);
		return 0;
	}
	child = cgroup_lookup(cg, name);
	if (!child)
		return -ENOENT;
	out->entry = &group_dir;
	out->ctx = (struct synth_ctx){ .obj = child, .id = child->id };
	return 0;
}

/* Keys: the controllers' files, then the groups by id. */
static int dirs_next(const struct synth_ctx *dir, uint64_t *key, char *name,
		     struct synth_found *out)
{
	struct cgroup *cg = cgroup_of_ctx(dir), *child;

	for (; *key < CGROUP_NR_CTL_FILES; (*key)++) {
		const struct synth_entry *e = &cgroup_ctl_files[*key];

		if (!cgroup_ctl_visible(cg, e))
			continue;
		snprintf(name, SYNTH_NAME_SIZE, "%s", e->name);
		found_file(cg, e, out);
		return 0;
	}
	if (*key > UINT32_MAX)
		return -ENOENT;
	child = cgroup_next_child(cg, (uint32_t)(*key - CGROUP_NR_CTL_FILES));
	if (!child)
		return -ENOENT;
	*key = (uint64_t)child->id + CGROUP_NR_CTL_FILES;
	strcpy(name, child->name);
	out->entry = &group_dir;
	out->ctx = (struct synth_ctx){ .obj = child, .id = child->id };
	return 0;
}

static uint32_t dirs_nr(const struct synth_ctx *dir)
{
	struct cgroup *cg = cgroup_of_ctx(dir), *child;
	uint32_t nr = 0, id = 0;

	while ((child = cgroup_next_child(cg, id))) {
		id = child->id + 1;
		nr++;
		cgroup_put(child);
	}
	return nr;
}

static const struct synth_dir_ops group_dirs = {
	.lookup = dirs_lookup,
	.next = dirs_next,
	.nr_dirs = dirs_nr,
};

static int make_dir(const struct synth_ctx *dir, const char *name,
		    struct synth_found *out)
{
	struct cgroup *child;
	int ret;

	if (strchr(name, '\n'))
		return -EINVAL;
	ret = cgroup_mkdir(cgroup_of_ctx(dir), name);
	if (ret < 0)
		return ret;
	child = cgroup_lookup(cgroup_of_ctx(dir), name);
	if (!child)
		return -ENOENT; /* removed by another already */
	out->entry = &group_dir;
	out->ctx = (struct synth_ctx){ .obj = child, .id = child->id };
	return 0;
}

static int remove_dir(const struct synth_ctx *dir, const char *name)
{
	return cgroup_rmdir(cgroup_of_ctx(dir), name);
}

static int alive(const struct synth_ctx *ctx)
{
	return cgroup_of_ctx(ctx)->dead ? -ENODEV : 0;
}

static void obj_get(void *obj)
{
	cgroup_get(obj);
}

static void obj_put(void *obj)
{
	cgroup_put(obj);
}

static const struct synth_fs cgroup_fs = {
	.super = { .name = "cgroup2" },
	.magic = CGROUP2_SUPER_MAGIC,
	.blksize = PAGE_SIZE,
	.no_dcache = true,
	.root = &root_dir,
	.obj_get = obj_get,
	.obj_put = obj_put,
	.mkdir = make_dir,
	.rmdir = remove_dir,
	.alive = alive,
};

int cgroupfs_new(struct super **out)
{
	return synth_new(&cgroup_fs, out);
}

struct cgroup *cgroupfs_of_file(const struct file *f)
{
	const struct synth_ctx *ctx;

	if (!f->inode || f->inode->sb->priv != &cgroup_fs ||
	    !S_ISDIR(f->inode->mode))
		return NULL;
	ctx = synth_file_ctx(f);
	cgroup_get(cgroup_of_ctx(ctx));
	return cgroup_of_ctx(ctx);
}
