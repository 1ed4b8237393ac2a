/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_overlay: the overlay against a plain tmpfs.
 *
 * Two trees are built alike; one becomes the lower layer of an overlay.  Then
 * the same random operations go to the overlay and to the other tree: results
 * and trees must stay equal, and the lower layer must stay what it was.  The
 * dentry cache is kept tiny, so that entries are looked up again and again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/namei.h"
#include "tests/unit/vfs_world.h"

#define PATH_SIZE 256

static struct mount_ns *g_ns;

/* --- the world: / with the mounts /l (lower), /k (its twin), /m (model), /o */

static void mount_at(const char *name, struct super *sb)
{
	AUTO_PATH struct path p = { NULL, NULL };

	assert_int_equal(path_lookup(LINUX_AT_FDCWD, name, 0, &p, NULL), 0);
	assert_int_equal(mount_attach(g_ns, &p, sb, 0, "test"), 0);
}

static struct super *mount_tmpfs(const char *name)
{
	struct super *sb;

	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, name, 0755), 0);
	assert_int_equal(tmpfs_new(0, 0, 0755, &sb), 0);
	mount_at(name, sb);
	return sb;
}

static void mount_overlay(struct super *lower)
{
	struct super *upper, *sb;

	assert_int_equal(tmpfs_new(0, 0, 0755, &upper), 0);
	assert_int_equal(overlay_new(lower, upper, &sb), 0);
	super_put(upper);
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "/o", 0755), 0);
	mount_at("/o", sb);
	super_put(sb);
}

static int setup(void **state)
{
	struct super *sb;

	(void)state;
	assert_int_equal(tmpfs_new(0, 0, 0777, &sb), 0);
	assert_int_equal(mount_ns_new(sb, &g_ns), 0);
	super_put(sb);
	world_task(g_ns, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_task_gone();
	mount_ns_put(g_ns);
	assert_int_equal(dcache_count(), 0);
	assert_int_equal(world_pages(), 0);
	return 0;
}

/* --- operations ----------------------------------------------------------- */

static long read_whole(const char *name, char *buf, size_t size)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret;

	ret = vfs_open(LINUX_AT_FDCWD, name, LINUX_O_RDONLY, 0, 0, &f);
	return ret < 0 ? ret : file_pread_kernel(f, buf, size, 0);
}

static long write_at(const char *name, uint32_t flags, const char *data,
		     int64_t pos)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct uio u;
	int ret;

	ret = vfs_open(LINUX_AT_FDCWD, name, flags | LINUX_O_WRONLY, 0644, 0,
		       &f);
	if (ret < 0)
		return ret;
	uio_kernel(&u, (void *)(uintptr_t)data, strlen(data));
	return file_write(f, &u, &pos);
}

static int set_attr(const char *name, struct iattr *a)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = path_lookup(LINUX_AT_FDCWD, name, 0, &p, NULL);

	if (ret < 0)
		return ret;
	if ((a->valid & ATTR_SIZE) && !inode_is(p.dentry->inode, LINUX_S_IFREG))
		return -EINVAL;
	return inode_setattr(p.mnt, p.dentry->inode, NULL, a);
}

static int link_to(const char *old, const char *new)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = path_lookup(LINUX_AT_FDCWD, old, 0, &p, NULL);

	return ret < 0 ? ret : vfs_linkat(&p, LINUX_AT_FDCWD, new);
}

static int set_xattr(const char *name, uint32_t value)
{
	AUTO_PATH struct path p = { NULL, NULL };
	int ret = path_lookup(LINUX_AT_FDCWD, name, 0, &p, NULL);
	struct inode *i;

	if (ret < 0)
		return ret;
	i = p.dentry->inode;
	if (!i->ops->setxattr)
		return -EOPNOTSUPP;
	return i->ops->setxattr(i, "user.test", &value, sizeof(value), 0);
}

/* --- reading a directory -------------------------------------------------- */

struct names {
	struct dir_sink sink;
	char name[64][32];
	unsigned int nr, stop_at;
	bool twice;
};

static bool collect(struct dir_sink *s, const char *name, size_t len,
		    uint64_t ino, uint8_t type, int64_t next_off)
{
	struct names *n = container_of(s, struct names, sink);

	(void)ino;
	(void)type;
	(void)next_off;
	if (n->nr == n->stop_at)
		return false;
	assert_true(n->nr < 64 && len < 32);
	for (unsigned int i = 0; i < n->nr; i++)
		n->twice |= strlen(n->name[i]) == len &&
			    !memcmp(n->name[i], name, len);
	memcpy(n->name[n->nr], name, len);
	n->name[n->nr++][len] = '\0';
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list_dir(const char *name, struct names *n)
{
	AUTO_PUT(file) struct file *f = NULL;
	int64_t pos = 0;
	int ret;

	memset(n, 0, sizeof(*n));
	n->sink.emit = collect;
	n->stop_at = 64;
	ret = vfs_open(LINUX_AT_FDCWD, name, LINUX_O_RDONLY, 0, 0, &f);
	if (ret < 0)
		return ret;
	assert_int_equal(f->ops->iterate(f, &n->sink, &pos), 0);
	assert_false(n->twice);
	qsort(n->name, n->nr, sizeof(n->name[0]), by_name);
	return 0;
}

/* --- comparing trees ------------------------------------------------------ */

static void stat_of(const char *name, struct kstat *st)
{
	AUTO_PATH struct path p = { NULL, NULL };

	assert_int_equal(path_lookup(LINUX_AT_FDCWD, name, 0, &p, NULL), 0);
	assert_int_equal(inode_getattr(p.dentry->inode, st), 0);
}

static void same_link(const char *a, const char *b)
{
	AUTO_PATH struct path pa = { NULL, NULL };
	AUTO_PATH struct path pb = { NULL, NULL };
	AUTO_FREE char *ta = NULL;
	AUTO_FREE char *tb = NULL;
	struct inode *ia, *ib;

	assert_int_equal(path_lookup(LINUX_AT_FDCWD, a, 0, &pa, NULL), 0);
	assert_int_equal(path_lookup(LINUX_AT_FDCWD, b, 0, &pb, NULL), 0);
	ia = pa.dentry->inode;
	ib = pb.dentry->inode;
	assert_int_equal(ia->ops->readlink(ia, &ta), 0);
	assert_int_equal(ib->ops->readlink(ib, &tb), 0);
	assert_string_equal(ta, tb);
}

static void same_file(const char *a, const char *b)
{
	static char da[8192], db[8192];
	long na = read_whole(a, da, sizeof(da));
	long nb = read_whole(b, db, sizeof(db));

	assert_int_equal(na, nb);
	if (na > 0)
		assert_memory_equal(da, db, (size_t)na);
}

static long xattr_of(const char *name)
{
	AUTO_PATH struct path p = { NULL, NULL };
	uint32_t value = 0;
	struct inode *i;
	long ret;

	assert_int_equal(path_lookup(LINUX_AT_FDCWD, name, 0, &p, NULL), 0);
	i = p.dentry->inode;
	if (!i->ops->getxattr)
		return -ENODATA;
	ret = i->ops->getxattr(i, "user.test", &value, sizeof(value));
	return ret < 0 ? ret : (long)value;
}

static void same_tree(const char *a, const char *b)
{
	struct names na, nb;
	struct kstat sa, sb;
	char ca[PATH_SIZE], cb[PATH_SIZE];

	stat_of(a, &sa);
	stat_of(b, &sb);
	assert_int_equal(sa.mode, sb.mode);
	assert_int_equal(sa.uid, sb.uid);
	assert_int_equal(sa.nlink, sb.nlink);
	assert_int_equal(xattr_of(a), xattr_of(b));
	if ((sa.mode & LINUX_S_IFMT) != LINUX_S_IFDIR)
		assert_int_equal(sa.size, sb.size);
	switch (sa.mode & LINUX_S_IFMT) {
	case LINUX_S_IFREG:
		same_file(a, b);
		return;
	case LINUX_S_IFLNK:
		same_link(a, b);
		return;
	case LINUX_S_IFDIR:
		break;
	default:
		return;
	}
	assert_int_equal(list_dir(a, &na), 0);
	assert_int_equal(list_dir(b, &nb), 0);
	assert_int_equal(na.nr, nb.nr);
	for (unsigned int i = 0; i < na.nr; i++) {
		assert_string_equal(na.name[i], nb.name[i]);
		if (na.name[i][0] == '.')
			continue;
		snprintf(ca, sizeof(ca), "%.200s/%s", a, na.name[i]);
		snprintf(cb, sizeof(cb), "%.200s/%s", b, na.name[i]);
		same_tree(ca, cb);
	}
}

/* --- random operations ---------------------------------------------------- */

static void random_name(char *out, size_t size)
{
	unsigned int depth = 1 + world_random() % 4, i;

	out[0] = '\0';
	for (i = 0; i < depth; i++) {
		size_t at = strlen(out);

		snprintf(out + at, size - at, "/%c",
			 "abcde"[world_random() % 5]);
	}
}

struct op {
	unsigned int kind;
	char x[64], y[64], data[32];
	uint32_t number;
};

static void random_op(struct op *op)
{
	op->kind = world_random() % 16;
	op->number = world_random();
	random_name(op->x, sizeof(op->x));
	random_name(op->y, sizeof(op->y));
	snprintf(op->data, sizeof(op->data), "%u", op->number);
}

static long change_attr(const struct op *op, const char *x)
{
	struct iattr a = { 0 };

	if (op->kind == 12) {
		a.valid = ATTR_MODE;
		a.mode = op->number & 0777;
	} else if (op->kind == 13) {
		a.valid = ATTR_UID;
		a.uid = op->number % 1000;
	} else {
		a.valid = ATTR_SIZE;
		a.size = op->number % 6000;
	}
	return set_attr(x, &a);
}

/* Does @op below @root; the result is comparable. */
static long do_op(const char *root, const struct op *op)
{
	char x[PATH_SIZE], y[PATH_SIZE];

	snprintf(x, sizeof(x), "%s%s", root, op->x);
	snprintf(y, sizeof(y), "%s%s", root, op->y);
	switch (op->kind) {
	case 0:
	case 1:
		return write_at(x, LINUX_O_CREAT, op->data, op->number % 5000);
	case 2:
		return write_at(x, 0, op->data, op->number % 50);
	case 3:
		return write_at(x, LINUX_O_CREAT | LINUX_O_TRUNC, op->data, 0);
	case 4:
	case 5:
		return vfs_mkdirat(LINUX_AT_FDCWD, x, 0755);
	case 6:
		return vfs_unlinkat(LINUX_AT_FDCWD, x, false);
	case 7:
		return vfs_unlinkat(LINUX_AT_FDCWD, x, true);
	case 8:
		return vfs_renameat(LINUX_AT_FDCWD, x, LINUX_AT_FDCWD, y, 0);
	case 9:
		return vfs_renameat(LINUX_AT_FDCWD, x, LINUX_AT_FDCWD, y,
				    1 + op->number % 2);
	case 10:
		return vfs_symlinkat(op->y, LINUX_AT_FDCWD, x);
	case 11:
		return link_to(x, y);
	case 15:
		return set_xattr(x, op->number);
	default:
		return change_attr(op, x);
	}
}

static void model_run(unsigned int before, unsigned int after)
{
	struct super *lower, *twin, *model;
	struct op op;

	lower = mount_tmpfs("/l");
	twin = mount_tmpfs("/k");
	model = mount_tmpfs("/m");
	for (unsigned int i = 0; i < before; i++) {
		random_op(&op);
		if (op.kind == 11) /* see lower_hard_links_stay_one_file */
			continue;
		do_op("/l", &op);
		do_op("/k", &op);
		do_op("/m", &op);
	}
	same_tree("/l", "/m");
	mount_overlay(lower);
	for (unsigned int i = 0; i < after; i++) {
		random_op(&op);
		assert_int_equal(do_op("/o", &op), do_op("/m", &op));
		if (i % 16 == 0)
			same_tree("/o", "/m");
	}
	same_tree("/o", "/m");
	same_tree("/l", "/k");
	super_put(lower);
	super_put(twin);
	super_put(model);
}

static void test_model(void **state)
{
	(void)state;
	model_run(300, 3000);
}

static void test_model_tiny_cache(void **state)
{
	(void)state;
	dcache_set_bound(4);
	model_run(300, 3000);
	dcache_set_bound(65536);
}

static void test_model_empty_lower(void **state)
{
	(void)state;
	model_run(0, 2000);
}

/* --- single properties ---------------------------------------------------- */

static void simple_world(void)
{
	struct super *lower = mount_tmpfs("/l");

	assert_int_equal(write_at("/l/f", LINUX_O_CREAT, "lower", 0), 5);
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "/l/d", 0755), 0);
	assert_int_equal(write_at("/l/d/x", LINUX_O_CREAT, "x", 0), 1);
	assert_int_equal(write_at("/l/d/y", LINUX_O_CREAT, "y", 0), 1);
	mount_overlay(lower);
	super_put(lower);
}

/* As on Linux: the copy is what it reads from then on. */
static void test_open_reader_goes_over_to_the_copy(void **state)
{
	AUTO_PUT(file) struct file *f = NULL;
	char buf[16] = "";

	(void)state;
	simple_world();
	assert_int_equal(
		vfs_open(LINUX_AT_FDCWD, "/o/f", LINUX_O_RDONLY, 0, 0, &f), 0);
	assert_int_equal(write_at("/o/f", 0, "UPPER", 0), 5);
	assert_int_equal(file_pread_kernel(f, buf, 16, 0), 5);
	assert_string_equal(buf, "UPPER");
	assert_int_equal(read_whole("/o/f", buf, 16), 5);
	assert_string_equal(buf, "UPPER");
	assert_int_equal(read_whole("/l/f", buf, 16), 5);
	assert_string_equal(buf, "lower");
}

static void test_numbers_survive_changes(void **state)
{
	struct kstat before, after, low;

	(void)state;
	simple_world();
	stat_of("/l/f", &low);
	stat_of("/o/f", &before);
	assert_int_equal(low.ino, before.ino);
	assert_int_equal(write_at("/o/f", 0, "more than before", 0), 16);
	assert_int_equal(vfs_renameat(LINUX_AT_FDCWD, "/o/f", LINUX_AT_FDCWD,
				      "/o/d/g", 0),
			 0);
	stat_of("/o/d/g", &after);
	assert_int_equal(before.ino, after.ino);
	assert_int_equal(before.dev, after.dev);
	assert_int_equal(after.size, 16);
}

static void test_reading_goes_on_while_entries_vanish(void **state)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct names n = { .sink = { collect }, .stop_at = 3 };
	int64_t pos = 0;

	(void)state;
	simple_world();
	assert_int_equal(
		vfs_open(LINUX_AT_FDCWD, "/o/d", LINUX_O_RDONLY, 0, 0, &f), 0);
	assert_int_equal(f->ops->iterate(f, &n.sink, &pos), 0);
	assert_int_equal(n.nr, 3); /* . .. and one */
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/o/d/x", false), 0);
	assert_int_equal(write_at("/o/d/z", LINUX_O_CREAT, "z", 0), 1);
	n.stop_at = 64;
	assert_int_equal(f->ops->iterate(f, &n.sink, &pos), 0);
	assert_int_equal(n.nr, 4);
	assert_false(n.twice);
	assert_int_equal(list_dir("/o/d", &n), 0);
	assert_int_equal(n.nr, 4);
	assert_string_equal(n.name[2], "y");
	assert_string_equal(n.name[3], "z");
}

static void test_directory_over_whiteout_is_empty(void **state)
{
	struct names n;

	(void)state;
	simple_world();
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/o/d", true),
			 -ENOTEMPTY);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/o/d/x", false), 0);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/o/d/y", false), 0);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/o/d", true), 0);
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "/o/d", 0700), 0);
	assert_int_equal(list_dir("/o/d", &n), 0);
	assert_int_equal(n.nr, 2);
	assert_int_equal(list_dir("/l/d", &n), 0);
	assert_int_equal(n.nr, 4);
}

static void test_lower_hard_links_stay_one_file(void **state)
{
	AUTO_PUT(super) struct super *lower = mount_tmpfs("/l");
	struct kstat a, b;
	char buf[8] = "";

	(void)state;
	assert_int_equal(write_at("/l/a", LINUX_O_CREAT, "one", 0), 3);
	assert_int_equal(link_to("/l/a", "/l/b"), 0);
	mount_overlay(lower);
	assert_int_equal(write_at("/o/a", 0, "two", 0), 3);
	assert_int_equal(read_whole("/o/b", buf, 8), 3);
	assert_string_equal(buf, "two");
	stat_of("/o/a", &a);
	stat_of("/o/b", &b);
	assert_int_equal(a.ino, b.ino);
	assert_int_equal(a.nlink, 2);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/o/a", false), 0);
	stat_of("/o/b", &b);
	assert_int_equal(b.nlink, 1);
}

static void test_unlinked_file_lives_while_open(void **state)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct iattr a = { .valid = ATTR_MODE, .mode = 0600 };
	char buf[8] = "";

	(void)state;
	simple_world();
	assert_int_equal(
		vfs_open(LINUX_AT_FDCWD, "/o/f", LINUX_O_RDWR, 0, 0, &f), 0);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/o/f", false), 0);
	assert_int_equal(inode_setattr(f->path.mnt, f->inode, NULL, &a), 0);
	assert_int_equal(file_pread_kernel(f, buf, 8, 0), 5);
	assert_int_equal(f->inode->nlink, 0);
	assert_int_equal(read_whole("/o/f", buf, 8), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_model),
		T(test_model_tiny_cache),
		T(test_model_empty_lower),
		T(test_open_reader_goes_over_to_the_copy),
		T(test_numbers_survive_changes),
		T(test_reading_goes_on_while_entries_vanish),
		T(test_directory_over_whiteout_is_empty),
		T(test_lower_hard_links_stay_one_file),
		T(test_unlinked_file_lives_while_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
