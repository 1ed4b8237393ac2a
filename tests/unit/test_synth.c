/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_synth: text files (snapshots, offsets, seeking, writing) and directories
 * of synthetic file systems.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sentry/fs/synth/synth.h"

static int made; /* times the text was generated */
static char written[64];
static bool dead;
static int nr_objs;

static int show_count(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "made %d times\n", ++made);
	return 0;
}

static int show_error(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "lost");
	return -ESRCH;
}

static int show_id(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%u\n", ctx->id);
	return 0;
}

static long store(const struct synth_ctx *ctx, char *text, size_t size)
{
	(void)ctx;
	snprintf(written, sizeof(written), "%s", text);
	return (long)size;
}

static const struct synth_entry leaf_children[] = {
	SYNTH_FILE("id", 0444, show_id),
	{ .name = NULL },
};
static const struct synth_entry leaf = SYNTH_DIR("leaf", leaf_children);

/* Entries 3, 5 and 9 come and go by themselves. */
static const uint32_t ids[] = { 3, 5, 9 };

static int find(uint32_t id, struct synth_found *out)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		if (ids[i] == id) {
			nr_objs++;
			*out = (struct synth_found){
				.entry = &leaf,
				.ctx = { .obj = &nr_objs, .id = id },
			};
			return 0;
		}
	return -ENOENT;
}

static int dyn_lookup(const struct synth_ctx *dir, const char *name,
		      struct synth_found *out)
{
	uint32_t id;

	(void)dir;
	return synth_parse_u32(name, &id) ? find(id, out) : -ENOENT;
}

static int dyn_next(const struct synth_ctx *dir, uint64_t *key, char *name,
		    struct synth_found *out)
{
	(void)dir;
	for (; *key < 10; (*key)++)
		if (find((uint32_t)*key, out) == 0) {
			snprintf(name, SYNTH_NAME_SIZE, "%lu", *key);
			return 0;
		}
	return -ENOENT;
}

static uint32_t dyn_nr(const struct synth_ctx *dir)
{
	(void)dir;
	return ARRAY_SIZE(ids);
}

static const struct synth_dir_ops dynamic = { .lookup = dyn_lookup,
					      .next = dyn_next,
					      .nr_dirs = dyn_nr };

static const struct synth_entry root_children[] = {
	SYNTH_FILE("count", 0444, show_count),
	SYNTH_FILE("error", 0444, show_error),
	SYNTH_RW("store", 0644, show_count, store),
	SYNTH_DIR("sub", leaf_children),
	{ .name = NULL },
};
static const struct synth_entry root = { .name = "/",
					 .mode = S_IFDIR | 0555,
					 .children = root_children,
					 .dynamic = &dynamic };

static void obj_get(void *obj)
{
	(void)obj;
	nr_objs++;
}

static void obj_put(void *obj)
{
	(void)obj;
	nr_objs--;
}

static int alive(const struct synth_ctx *ctx)
{
	return ctx->obj && dead ? -ESRCH : 0;
}

static const struct synth_fs fs = {
	.super = { .name = "test" },
	.blksize = 1024,
	.root = &root,
	.obj_get = obj_get,
	.obj_put = obj_put,
	.alive = alive,
};

static struct inode *lookup(struct inode *dir, const char *name)
{
	struct inode *out = NULL;

	return dir->ops->lookup(dir, name, &out) == 0 ? out : NULL;
}

static void open_file(struct inode *inode, struct file *f)
{
	memset(f, 0, sizeof(*f));
	f->inode = inode;
	assert_int_equal(inode->ops->open(inode, f), 0);
}

static const char *read_at(struct file *f, int64_t pos, size_t size)
{
	static char buf[256];
	struct uio u;
	long n;

	uio_kernel(&u, buf, size);
	n = f->ops->read(f, &u, &pos);
	if (n < 0)
		snprintf(buf, sizeof(buf), "error %ld", -n);
	else
		buf[n] = '\0';
	return buf;
}

static void text_file(void **state)
{
	AUTO_PUT(super) struct super *sb = NULL;
	struct inode *inode;
	struct file f;

	(void)state;
	made = 0;
	assert_int_equal(synth_new(&fs, &sb), 0);
	inode = lookup(sb->root->inode, "count");
	open_file(inode, &f);
	assert_string_equal(read_at(&f, 0, 4), "made");
	assert_string_equal(read_at(&f, 4, 100), " 1 times\n");
	assert_string_equal(read_at(&f, 13, 100), "");
	assert_string_equal(read_at(&f, 1000, 100), "");
	assert_string_equal(read_at(&f, 0, 100), "made 2 times\n");
	assert_string_equal(read_at(&f, 5, 1), "2");
	assert_string_equal(read_at(&f, -1, 1), "error 22");
	f.ops->release(&f);
	/* A first read in the middle makes the text too. */
	open_file(inode, &f);
	assert_string_equal(read_at(&f, 5, 1), "3");
	f.ops->release(&f);
	inode_put(inode);
}

static void seeking(void **state)
{
	AUTO_PUT(super) struct super *sb = NULL;
	struct inode *inode;
	struct file f;

	(void)state;
	assert_int_equal(synth_new(&fs, &sb), 0);
	inode = lookup(sb->root->inode, "count");
	open_file(inode, &f);
	assert_int_equal(f.ops->llseek(&f, 7, SEEK_SET), 7);
	assert_int_equal(f.ops->llseek(&f, -3, SEEK_CUR), 4);
	assert_int_equal(f.ops->llseek(&f, -5, SEEK_CUR), -EINVAL);
	assert_int_equal(f.ops->llseek(&f, 0, SEEK_END), -EINVAL);
	assert_int_equal(f.pos, 4);
	f.ops->release(&f);
	inode_put(inode);
}

static long write_text(struct file *f, const char *text)
{
	int64_t pos = 0;
	struct uio u;

	uio_kernel(&u, (char *)(uintptr_t)text, strlen(text));
	return f->ops->write(f, &u, &pos);
}

static void errors_and_writes(void **state)
{
	AUTO_PUT(super) struct super *sb = NULL;
	struct inode *inode;
	struct file f;

	(void)state;
	assert_int_equal(synth_new(&fs, &sb), 0);
	inode = lookup(sb->root->inode, "error");
	open_file(inode, &f);
	assert_string_equal(read_at(&f, 0, 10), "error 3");
	assert_int_equal(write_text(&f, "x"), -EIO);
	f.ops->release(&f);
	inode_put(inode);
	inode = lookup(sb->root->inode, "store");
	open_file(inode, &f);
	assert_int_equal(write_text(&f, "value\n"), 6);
	assert_string_equal(written, "value\n");
	f.ops->release(&f);
	inode_put(inode);
	assert_null(lookup(sb->root->inode, "nothing"));
	assert_null(lookup(sb->root->inode, "4"));
	assert_null(lookup(sb->root->inode, "03"));
}

/* --- directories --------------------------------------------------------- */

struct names {
	struct dir_sink sink;
	char text[256];
	unsigned int room;
	uint64_t ino[32];
	unsigned int nr;
};

static bool emit(struct dir_sink *s, const char *name, size_t len, uint64_t ino,
		 uint8_t type, int64_t next_off)
{
	struct names *n = container_of(s, struct names, sink);

	(void)type, (void)next_off;
	if (n->room == 0)
		return false;
	n->room--;
	n->ino[n->nr++] = ino;
	strncat(n->text, name, len);
	strcat(n->text, " ");
	return true;
}

static void directories(void **state)
{
	const char *all = ". .. count error store sub 3 5 9 ";
	AUTO_PUT(super) struct super *sb = NULL;
	struct inode *dir, *inode;
	unsigned int step;
	struct kstat st;
	struct file f;

	(void)state;
	assert_int_equal(synth_new(&fs, &sb), 0);
	dir = sb->root->inode;
	open_file(dir, &f);
	for (step = 1; step < 12; step++) {
		struct names n = { .sink = { emit } };
		int64_t pos = 0;
		unsigned int calls;

		for (calls = 0; calls < 12; calls++) {
			n.room = step;
			assert_int_equal(f.ops->iterate(&f, &n.sink, &pos), 0);
		}
		assert_string_equal(n.text, all);
		inode = lookup(dir, "5");
		assert_int_equal(inode->ino, n.ino[7]);
		inode_put(inode);
	}
	assert_int_equal(dir->ops->getattr(dir, &st), 0);
	assert_int_equal(st.nlink, 6);
	assert_int_equal(st.blksize, 1024);
	assert_int_equal(nr_objs, 0);
}

static void objects(void **state)
{
	AUTO_PUT(super) struct super *sb = NULL;
	struct inode *dir, *inode, *none = NULL;
	struct file f;

	(void)state;
	assert_int_equal(synth_new(&fs, &sb), 0);
	dir = lookup(sb->root->inode, "9");
	inode = lookup(dir, "id");
	assert_int_equal(nr_objs, 2);
	open_file(inode, &f);
	assert_string_equal(read_at(&f, 0, 10), "9\n");
	f.ops->release(&f);
	dead = true;
	assert_int_equal(dir->ops->lookup(dir, "id", &none), -ESRCH);
	assert_int_equal(inode->ops->open(inode, &f), -ESRCH);
	dead = false;
	inode_put(inode);
	inode_put(dir);
	assert_int_equal(nr_objs, 0);
}

static void numbers(void **state)
{
	int64_t v;
	uint32_t u;

	(void)state;
	assert_int_equal(synth_parse_i64(" -17 \n", -1000, 1000, &v), 0);
	assert_int_equal(v, -17);
	assert_int_equal(synth_parse_i64("1001", -1000, 1000, &v), -EINVAL);
	assert_int_equal(synth_parse_i64("", 0, 1, &v), -EINVAL);
	assert_int_equal(synth_parse_i64("1x", 0, 1, &v), -EINVAL);
	assert_int_equal(
		synth_parse_i64("99999999999999999999", 0, INT64_MAX, &v),
		-EINVAL);
	assert_true(synth_parse_u32("0", &u) && u == 0);
	assert_true(synth_parse_u32("4294967295", &u) && u == UINT32_MAX);
	assert_false(synth_parse_u32("4294967296", &u));
	assert_false(synth_parse_u32("", &u));
	assert_false(synth_parse_u32("+1", &u));
	assert_false(synth_parse_u32("00", &u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_file),
		cmocka_unit_test(seeking),
		cmocka_unit_test(errors_and_writes),
		cmocka_unit_test(directories),
		cmocka_unit_test(objects),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
