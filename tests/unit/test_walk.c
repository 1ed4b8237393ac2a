/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_walk: path walk, dentry cache and mounts, over tmpfs and over a small
 * file system that counts what it is asked.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"
#include "tests/unit/vfs_world.h"

static struct mount_ns *g_ns;

static int setup(void **state)
{
	struct super *sb;

	(void)state;
	assert_int_equal(tmpfs_new(0, 0, 0755, &sb), 0);
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
	return 0;
}

static int mkdir_at(const char *name)
{
	return vfs_mkdirat(LINUX_AT_FDCWD, name, 0777);
}

static int link_at(const char *target, const char *name)
{
	return vfs_symlinkat(target, LINUX_AT_FDCWD, name);
}

static int touch(const char *name)
{
	return vfs_mknodat(LINUX_AT_FDCWD, name, 0100644, 0, NULL);
}

/* The errno of a lookup; *text gets where it led. */
static int look(const char *name, uint32_t walk, char *text)
{
	struct path p = { NULL, NULL };
	int ret = path_lookup(LINUX_AT_FDCWD, name, walk, &p, NULL);

	if (ret == 0 && text)
		assert_true(path_to_string(&p, text, 4096, NULL) > 0);
	path_put(&p);
	return ret;
}

static void expect(const char *name, uint32_t walk, const char *where)
{
	char text[4096];

	assert_int_equal(look(name, walk, text), 0);
	assert_string_equal(text, where);
}

static void plain_names(void **state)
{
	char longname[300];

	(void)state;
	assert_int_equal(mkdir_at("/a"), 0);
	assert_int_equal(mkdir_at("a/b"), 0);
	assert_int_equal(mkdir_at("a/b/"), -EEXIST);
	assert_int_equal(mkdir_at("/a/b/c/"), 0);
	assert_int_equal(touch("/a/f"), 0);
	assert_int_equal(touch("/a/g/"), -ENOENT);
	expect("/", 0, "/");
	expect("//a//./b/../b/c/.", 0, "/a/b/c");
	expect("/a/b/c/../../../../../a", 0, "/a");
	expect("/a/b/", 0, "/a/b");
	assert_int_equal(look("/a/f/", 0, NULL), -ENOTDIR);
	assert_int_equal(look("/a/f/x", 0, NULL), -ENOTDIR);
	assert_int_equal(look("/a/f/.", 0, NULL), -ENOTDIR);
	assert_int_equal(look("/a/f", WALK_DIRECTORY, NULL), -ENOTDIR);
	assert_int_equal(look("/a/no/x", 0, NULL), -ENOENT);
	assert_int_equal(look("", 0, NULL), -ENOENT);
	expect("", WALK_EMPTY, "/");
	memset(longname, 'x', sizeof(longname) - 1);
	longname[299] = '\0';
	assert_int_equal(look(longname, 0, NULL), -ENAMETOOLONG);
	longname[256] = '\0';
	assert_int_equal(look(longname, 0, NULL), -ENAMETOOLONG);
	longname[255] = '\0';
	assert_int_equal(look(longname, 0, NULL), -ENOENT);
	assert_int_equal(mkdir_at(longname), 0);
	assert_int_equal(look(longname, 0, NULL), 0);
}

static void symlinks(void **state)
{
	char name[64], target[64];
	int i;

	(void)state;
	assert_int_equal(mkdir_at("/d"), 0);
	assert_int_equal(mkdir_at("/d/e"), 0);
	assert_int_equal(touch("/d/e/f"), 0);
	assert_int_equal(link_at("d", "/l"), 0);
	assert_int_equal(link_at("/l/e/", "/m"), 0);
	assert_int_equal(link_at("../d/./e", "/d/up"), 0);
	assert_int_equal(link_at("loop", "/loop"), 0);
	assert_int_equal(link_at("nowhere", "/dangling"), 0);
	assert_int_equal(link_at("d/e/f", "/file"), 0);
	expect("/l", 0, "/l");
	expect("/l", WALK_FOLLOW, "/d");
	expect("/l/", 0, "/d");
	expect("/m/f", 0, "/d/e/f");
	expect("/l/up/f", 0, "/d/e/f");
	expect("/m/..", 0, "/d");
	expect("/file", WALK_FOLLOW, "/d/e/f");
	assert_int_equal(look("/file/", 0, NULL), -ENOTDIR);
	assert_int_equal(look("/loop", WALK_FOLLOW, NULL), -ELOOP);
	assert_int_equal(look("/loop/x", 0, NULL), -ELOOP);
	expect("/loop", 0, "/loop");
	assert_int_equal(look("/dangling", WALK_FOLLOW, NULL), -ENOENT);
	assert_int_equal(look("/l/e", WALK_NO_SYMLINKS, NULL), -ELOOP);
	/* 40 are followed, 41 are not. */
	assert_int_equal(link_at("d", "/n0"), 0);
	for (i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "/n%d", i);
		snprintf(target, sizeof(target), "n%d", i - 1);
		assert_int_equal(link_at(target, name), 0);
	}
	expect("/n39", WALK_FOLLOW, "/d");
	expect("/n39/e", 0, "/d/e");
	assert_int_equal(look("/n40", WALK_FOLLOW, NULL), -ELOOP);
	assert_int_equal(look("/n40/e", 0, NULL), -ELOOP);
}

static void scoped(void **state)
{
	struct path p = { NULL, NULL };
	struct file *dir;
	struct fd_table *tbl;
	int fd;

	(void)state;
	assert_int_equal(mkdir_at("/in"), 0);
	assert_int_equal(mkdir_at("/in/x"), 0);
	assert_int_equal(link_at("/x", "/in/abs"), 0);
	assert_int_equal(link_at("../..", "/in/out"), 0);
	assert_int_equal(fd_table_new(&tbl), 0);
	current_task()->fds = tbl;
	assert_int_equal(
		vfs_open(LINUX_AT_FDCWD, "/in", LINUX_O_DIRECTORY, 0, 0, &dir),
		0);
	fd = fd_table_install(tbl, dir, false);
	assert_int_equal(path_lookup(fd, "/x", WALK_BENEATH, &p, NULL), -EXDEV);
	assert_int_equal(path_lookup(fd, "..", WALK_BENEATH, &p, NULL), -EXDEV);
	assert_int_equal(
		path_lookup(fd, "abs", WALK_BENEATH | WALK_FOLLOW, &p, NULL),
		-EXDEV);
	assert_int_equal(
		path_lookup(fd, "out", WALK_BENEATH | WALK_FOLLOW, &p, NULL),
		-EXDEV);
	assert_int_equal(path_lookup(fd, "x/..", WALK_BENEATH, &p, NULL), 0);
	assert_ptr_equal(p.dentry, dir->path.dentry);
	path_put(&p);
	assert_int_equal(path_lookup(fd, "out/out/in", WALK_IN_ROOT, &p, NULL),
			 -ENOENT);
	assert_int_equal(
		path_lookup(fd, "/abs", WALK_IN_ROOT | WALK_FOLLOW, &p, NULL),
		0);
	path_put(&p);
	assert_int_equal(path_lookup(fd, "x", WALK_CACHED, &p, NULL), 0);
	path_put(&p);
	dentry_invalidate(dir->path.dentry, "x");
	assert_int_equal(path_lookup(fd, "x", WALK_CACHED, &p, NULL), -EAGAIN);
	file_put(dir);
	fd_table_put(tbl);
}

static void mounts_are_crossed(void **state)
{
	struct path at = { NULL, NULL }, in = { NULL, NULL };
	struct seq_buf text = { 0 };
	struct super *sb;

	(void)state;
	assert_int_equal(mkdir_at("/mnt"), 0);
	assert_int_equal(touch("/mnt/under"), 0);
	assert_int_equal(path_lookup(LINUX_AT_FDCWD, "/mnt", 0, &at, NULL), 0);
	assert_int_equal(tmpfs_new(1 << 20, 0, 01777, &sb), 0);
	assert_int_equal(mount_attach(g_ns, &at, sb, MNT_NOSUID, "src x"), 0);
	super_put(sb);
	assert_int_equal(look("/mnt/under", 0, NULL), -ENOENT);
	assert_int_equal(mkdir_at("/mnt/d"), 0);
	expect("/mnt/d", 0, "/mnt/d");
	expect("/mnt/d/../..", 0, "/");
	assert_int_equal(look("/mnt/d", WALK_NO_XDEV, NULL), -EXDEV);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/mnt", true), -EBUSY);
	assert_int_equal(
		vfs_renameat(LINUX_AT_FDCWD, "/mnt", LINUX_AT_FDCWD, "/x", 0),
		-EBUSY);
	mount_ns_print_mounts(g_ns, NULL, &text);
	assert_non_null(strstr(text.data, "src\\040x /mnt tmpfs rw,nosuid"));
	seq_fini(&text);
	text = (struct seq_buf){ 0 };
	mount_ns_print_mountinfo(g_ns, NULL, &text);
	assert_non_null(strstr(text.data, " / /mnt rw,nosuid - tmpfs "));
	seq_fini(&text);
	assert_int_equal(path_lookup(LINUX_AT_FDCWD, "/mnt", 0, &in, NULL), 0);
	assert_int_equal(mount_umount(&at, 0), -EINVAL);
	assert_int_equal(look("/mnt/under", 0, NULL), -ENOENT);
	assert_int_equal(mount_umount(&in, 0), 0);
	path_put(&in);
	path_put(&at);
	assert_int_equal(look("/mnt/under", 0, NULL), 0);
}

static void permission_to_search(void **state)
{
	struct path p = { NULL, NULL };
	struct iattr a = { .valid = ATTR_MODE, .mode = 0700 };

	(void)state;
	assert_int_equal(mkdir_at("/secret"), 0);
	assert_int_equal(mkdir_at("/secret/x"), 0);
	assert_int_equal(path_lookup(LINUX_AT_FDCWD, "/secret", 0, &p, NULL),
			 0);
	assert_int_equal(
		inode_setattr(p.mnt, p.dentry->inode, current_task()->cred, &a),
		0);
	path_put(&p);
	world_task(g_ns, 1000);
	assert_int_equal(look("/secret", 0, NULL), 0);
	assert_int_equal(look("/secret/x", 0, NULL), -EACCES);
	assert_int_equal(look("/secret/.", 0, NULL), -EACCES);
	assert_int_equal(look("/secret/no", 0, NULL), -EACCES);
	assert_int_equal(mkdir_at("/mine"), -EACCES);
}

static void moved_names_are_found(void **state)
{
	char text[4096];
	struct path p = { NULL, NULL };

	(void)state;
	assert_int_equal(mkdir_at("/a"), 0);
	assert_int_equal(mkdir_at("/a/b"), 0);
	assert_int_equal(mkdir_at("/c"), 0);
	assert_int_equal(look("/c/new", 0, NULL), -ENOENT); /* negative */
	assert_int_equal(path_lookup(LINUX_AT_FDCWD, "/a/b", 0, &p, NULL), 0);
	assert_int_equal(vfs_renameat(LINUX_AT_FDCWD, "/a/b", LINUX_AT_FDCWD,
				      "/c/new", 0),
			 0);
	assert_true(path_to_string(&p, text, sizeof(text), NULL) > 0);
	assert_string_equal(text, "/c/new");
	assert_int_equal(look("/a/b", 0, NULL), -ENOENT);
	expect("/c/new/..", 0, "/c");
	assert_int_equal(vfs_renameat(LINUX_AT_FDCWD, "/c", LINUX_AT_FDCWD,
				      "/c/new/x", 0),
			 -EINVAL);
	assert_int_equal(
		vfs_renameat(LINUX_AT_FDCWD, "/c/new", LINUX_AT_FDCWD, "/c", 0),
		-ENOTEMPTY);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/c/new", true), 0);
	assert_true(path_to_string(&p, text, sizeof(text), NULL) > 0);
	assert_string_equal(text, "/c/new (deleted)");
	path_put(&p);
}

/* --- a file system that counts -------------------------------------------- */

static _Atomic unsigned int g_lookups, g_prefetched, g_prefetches;
static int g_valid = 1;

static struct inode *count_inode(struct super *sb);

static int count_lookup(struct inode *dir, const char *name, struct inode **out)
{
	g_lookups++;
	if (name[0] == 'n')
		return -ENOENT;
	*out = count_inode(dir->sb);
	return 0;
}

static void count_prefetch(struct inode *dir, const char *const *names,
			   unsigned int nr, uint32_t how)
{
	(void)dir;
	(void)how;
	assert_true(nr >= 2 && strlen(names[0]) > 0);
	g_prefetches++;
	g_prefetched += nr;
}

static int count_revalidate(struct inode *dir, const char *name,
			    struct inode *child)
{
	(void)dir;
	(void)name;
	(void)child;
	return g_valid;
}

static const struct inode_ops count_ops = {
	.lookup = count_lookup,
	.prefetch = count_prefetch,
	.revalidate = count_revalidate,
};
static const struct super_ops count_super_ops = { .name = "count" };

static struct inode *count_inode(struct super *sb)
{
	static _Atomic uint64_t ino;
	struct inode *i = calloc(1, sizeof(*i));

	assert_non_null(i);
	inode_init(i, sb, &count_ops, ++ino, 040755);
	return i;
}

static struct super g_count;

static int count_setup(void **state)
{
	(void)state;
	memset(&g_count, 0, sizeof(g_count));
	super_init(&g_count, &count_super_ops);
	assert_int_equal(super_set_root(&g_count, count_inode(&g_count)), 0);
	assert_int_equal(mount_ns_new(&g_count, &g_ns), 0);
	super_put(&g_count);
	world_task(g_ns, 0);
	g_lookups = g_prefetches = g_prefetched = 0;
	g_valid = 1;
	return 0;
}

static void asked_once(void **state)
{
	(void)state;
	expect("/a/b/c", 0, "/a/b/c");
	assert_int_equal(g_lookups, 3);
	assert_int_equal(g_prefetches, 1);
	assert_int_equal(g_prefetched, 3);
	expect("/a/b/c", 0, "/a/b/c");
	assert_int_equal(look("/a/none", 0, NULL), -ENOENT);
	assert_int_equal(look("/a/none", 0, NULL), -ENOENT);
	assert_int_equal(g_lookups, 4);
	g_valid = 0;
	expect("/a", 0, "/a");
	assert_int_equal(g_lookups, 5);
}

static void cache_is_bounded(void **state)
{
	char name[32];
	int i;

	(void)state;
	dcache_set_bound(500);
	for (i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "/d%d/e%d", i % 7, i);
		assert_int_equal(look(name, 0, NULL), 0);
	}
	assert_true(dcache_count() < 800);
	dcache_set_bound(16384);
}

/* Several threads over the same names, with eviction and invalidation. */
static void *stir(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	struct path root;
	char name[32];
	int i;

	world_task(g_ns, 0);
	mount_ns_root(g_ns, &root);
	for (i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		snprintf(name, sizeof(name), "/d%u/e%u", seed >> 16 & 3,
			 seed >> 20 & 255);
		if (look(name, 0, NULL) != 0)
			abort();
		if (i % 16 == 0)
			dentry_invalidate(root.dentry, "d1");
	}
	path_put(&root);
	world_task_gone();
	return NULL;
}

static void threads_share_the_cache(void **state)
{
	pthread_t th[4];
	uintptr_t i;

	(void)state;
	dcache_set_bound(300);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&th[i], NULL, stir, (void *)i),
				 0);
	for (i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	dcache_set_bound(16384);
}

#define TEST(f)	 cmocka_unit_test_setup_teardown(f, setup, teardown)
#define COUNT(f) cmocka_unit_test_setup_teardown(f, count_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plain_names),
		TEST(symlinks),
		TEST(scoped),
		TEST(mounts_are_crossed),
		TEST(permission_to_search),
		TEST(moved_names_are_found),
		COUNT(asked_once),
		COUNT(cache_is_bounded),
		COUNT(threads_share_the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
