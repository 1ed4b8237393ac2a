/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tmpfs: opens, data, names, limits and directory reads of tmpfs, through
 * the VFS.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/xattr.h"
#include "sentry/mm/memfile.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/namei.h"
#include "tests/unit/vfs_world.h"

static struct mount_ns *g_ns;

static int make_world(uint64_t bytes, uint64_t inodes)
{
	struct super *sb;

	assert_int_equal(tmpfs_new(bytes, inodes, 0777, &sb), 0);
	assert_int_equal(mount_ns_new(sb, &g_ns), 0);
	super_put(sb);
	world_task(g_ns, 0);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return make_world(0, 0);
}

static int setup_small(void **state)
{
	(void)state;
	return make_world(16 * PAGE_SIZE, 10);
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

static int open_at(const char *name, uint32_t flags, struct file **out)
{
	return vfs_open(LINUX_AT_FDCWD, name, flags, 0666, 0, out);
}

static int open_errno(const char *name, uint32_t flags)
{
	struct file *f = NULL;
	int ret = open_at(name, flags, &f);

	if (ret == 0)
		file_put(f);
	return ret;
}

static struct file *must_open(const char *name, uint32_t flags)
{
	struct file *f = NULL;

	assert_int_equal(open_at(name, flags, &f), 0);
	return f;
}

static long put_at(struct file *f, const void *buf, size_t size, int64_t pos)
{
	struct uio u;

	uio_kernel(&u, (void *)(uintptr_t)buf, size);
	return file_write(f, &u, &pos);
}

static long get_at(struct file *f, void *buf, size_t size, int64_t pos)
{
	struct uio u;

	uio_kernel(&u, buf, size);
	return file_read(f, &u, &pos);
}

static int truncate_to(struct file *f, uint64_t size)
{
	return vfs_truncate(f->path.mnt, f->inode, current_task()->cred, size);
}

/* --- open ----------------------------------------------------------------- */

static void open_errors(void **state)
{
	const uint32_t creat = LINUX_O_CREAT | LINUX_O_RDWR;
	struct file *f;

	(void)state;
	assert_int_equal(open_errno("/f", 0), -ENOENT);
	assert_int_equal(open_errno("/f/", creat), -EISDIR);
	assert_int_equal(open_errno("/f", creat), 0);
	assert_int_equal(open_errno("/f", creat | LINUX_O_EXCL), -EEXIST);
	assert_int_equal(open_errno("/f", LINUX_O_DIRECTORY), -ENOTDIR);
	assert_int_equal(open_errno("/f/", 0), -ENOTDIR);
	assert_int_equal(open_errno("/", LINUX_O_RDWR), -EISDIR);
	assert_int_equal(open_errno("/", creat), -EISDIR);
	assert_int_equal(open_errno("/.", creat), -EISDIR);
	assert_int_equal(open_errno("/f", creat | LINUX_O_DIRECTORY), -EINVAL);
	assert_int_equal(vfs_symlinkat("f", LINUX_AT_FDCWD, "/l"), 0);
	assert_int_equal(vfs_symlinkat("new", LINUX_AT_FDCWD, "/d"), 0);
	assert_int_equal(open_errno("/l", LINUX_O_NOFOLLOW), -ELOOP);
	assert_int_equal(open_errno("/l", LINUX_O_NOFOLLOW | LINUX_O_DIRECTORY),
			 -ENOTDIR);
	assert_int_equal(open_errno("/l", LINUX_O_NOFOLLOW | LINUX_O_PATH), 0);
	assert_int_equal(open_errno("/l", creat | LINUX_O_EXCL), -EEXIST);
	assert_int_equal(open_errno("/d", creat | LINUX_O_EXCL), -EEXIST);
	assert_int_equal(open_errno("/d", creat | LINUX_O_NOFOLLOW), -ELOOP);
	assert_int_equal(open_errno("/d", creat), 0); /* makes /new */
	assert_int_equal(open_errno("/new", 0), 0);
	assert_int_equal(open_errno("/", LINUX_O_TMPFILE | LINUX_O_RDONLY),
			 -EINVAL);
	f = must_open("/", LINUX_O_TMPFILE | LINUX_O_RDWR);
	assert_int_equal(f->inode->nlink, 0);
	assert_int_equal(vfs_linkat(&f->path, LINUX_AT_FDCWD, "/named"), 0);
	assert_int_equal(f->inode->nlink, 1);
	file_put(f);
	assert_int_equal(open_errno("/named", 0), 0);
}

static void permission_of_open(void **state)
{
	struct file *f = NULL;

	(void)state;
	assert_int_equal(vfs_mknodat(LINUX_AT_FDCWD, "/ro", 0100644, 0, NULL),
			 0);
	assert_int_equal(vfs_mknodat(LINUX_AT_FDCWD, "/no", 0100600, 0, NULL),
			 0);
	world_task(g_ns, 1000);
	assert_int_equal(open_errno("/ro", LINUX_O_RDONLY), 0);
	assert_int_equal(open_errno("/ro", LINUX_O_WRONLY), -EACCES);
	assert_int_equal(open_errno("/ro", LINUX_O_TRUNC), -EACCES);
	assert_int_equal(open_errno("/ro", LINUX_O_NOATIME), -EPERM);
	assert_int_equal(open_errno("/no", LINUX_O_RDONLY), -EACCES);
	assert_int_equal(open_errno("/no", LINUX_O_PATH), 0);
	/* What one creates oneself may be opened, whatever its mode. */
	assert_int_equal(vfs_open(LINUX_AT_FDCWD, "/mine",
				  LINUX_O_CREAT | LINUX_O_RDWR, 0, 0, &f),
			 0);
	file_put(f);
}

/* --- data ----------------------------------------------------------------- */

static void holes_and_sizes(void **state)
{
	struct file *f = must_open("/f", LINUX_O_CREAT | LINUX_O_RDWR);
	char buf[PAGE_SIZE];

	(void)state;
	assert_int_equal(put_at(f, "x", 1, 5 * (int64_t)PAGE_SIZE), 1);
	assert_int_equal(f->inode->size, 5 * PAGE_SIZE + 1);
	assert_int_equal(world_pages(), 1);
	assert_int_equal(get_at(f, buf, sizeof(buf), 100), sizeof(buf));
	assert_int_equal(buf[0], 0);
	assert_int_equal(f->ops->llseek(f, 0, LINUX_SEEK_DATA), 5 * PAGE_SIZE);
	assert_int_equal(f->ops->llseek(f, 0, LINUX_SEEK_HOLE), 0);
	assert_int_equal(f->ops->llseek(f, 5 * PAGE_SIZE, LINUX_SEEK_HOLE),
			 5 * PAGE_SIZE + 1);
	assert_int_equal(f->ops->llseek(f, 5 * PAGE_SIZE + 1, LINUX_SEEK_DATA),
			 -ENXIO);
	/* What is cut off reads as zero when the file grows again. */
	memset(buf, 'y', sizeof(buf));
	assert_int_equal(put_at(f, buf, sizeof(buf), 0), sizeof(buf));
	assert_int_equal(truncate_to(f, 10), 0);
	assert_int_equal(world_pages(), 1);
	assert_int_equal(truncate_to(f, 100), 0);
	assert_int_equal(get_at(f, buf, sizeof(buf), 0), 100);
	assert_int_equal(buf[9], 'y');
	assert_int_equal(buf[10], 0);
	assert_int_equal(f->ops->fallocate(f, LINUX_FALLOC_FL_KEEP_SIZE, 0,
					   3 * PAGE_SIZE),
			 0);
	assert_int_equal(f->inode->size, 100);
	assert_int_equal(world_pages(), 3);
	assert_int_equal(f->ops->fallocate(f,
					   LINUX_FALLOC_FL_KEEP_SIZE |
						   LINUX_FALLOC_FL_PUNCH_HOLE,
					   5, 3 * PAGE_SIZE),
			 0);
	assert_int_equal(get_at(f, buf, sizeof(buf), 0), 100);
	assert_int_equal(buf[4], 'y');
	assert_int_equal(buf[5], 0);
	file_put(f);
}

static void deleted_file_lives_until_closed(void **state)
{
	struct file *f = must_open("/f", LINUX_O_CREAT | LINUX_O_RDWR);
	char c;

	(void)state;
	assert_int_equal(put_at(f, "z", 1, 0), 1);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/f", false), 0);
	assert_int_equal(open_errno("/f", 0), -ENOENT);
	assert_int_equal(get_at(f, &c, 1, 0), 1);
	assert_int_equal(c, 'z');
	assert_int_equal(world_pages(), 1);
	file_put(f);
	assert_int_equal(world_pages(), 0);
}

static void mapping_backing(void **state)
{
	struct file *f = must_open("/f", LINUX_O_CREAT | LINUX_O_RDWR);
	struct mmap_backing b;
	unsigned int before;

	(void)state;
	assert_int_equal(truncate_to(f, 2 * PAGE_SIZE + 1), 0);
	assert_int_equal(
		f->ops->mmap_backing(f, PAGE_SIZE, 8 * PAGE_SIZE, true, &b), 0);
	assert_int_equal(b.kind, BACK_MEMFILE);
	assert_int_equal(b.size, 2 * PAGE_SIZE);
	assert_int_equal(
		f->ops->mmap_backing(f, 3 * PAGE_SIZE, PAGE_SIZE, false, &b),
		-ERANGE);
	before = world_invalidations();
	assert_int_equal(truncate_to(f, 0), 0);
	assert_true(world_invalidations() > before);
	assert_int_equal(world_pages(), 2); /* the mapping's own reference */
	memfile_put(b.offset, 2 * PAGE_SIZE);
	file_put(f);
}

static void limits(void **state)
{
	struct file *f = must_open("/f", LINUX_O_CREAT | LINUX_O_RDWR);
	static char buf[32 * PAGE_SIZE];
	char name[16];
	int i;

	(void)state;
	assert_int_equal(put_at(f, buf, 16 * PAGE_SIZE, 0), 16 * PAGE_SIZE);
	assert_int_equal(put_at(f, buf, 1, 16 * PAGE_SIZE), -ENOSPC);
	assert_int_equal(truncate_to(f, 0), 0);
	assert_int_equal(put_at(f, buf, 1, 0), 1);
	file_put(f);
	for (i = 0; i < 8; i++) { /* the root and /f count */
		snprintf(name, sizeof(name), "/n%d", i);
		assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, name, 0755), 0);
	}
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "/one", 0755), -ENOSPC);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/n0", true), 0);
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "/one", 0755), 0);
}

static void seals(void **state)
{
	struct file *f;
	const uint32_t seals = LINUX_F_SEAL_GROW | LINUX_F_SEAL_SHRINK;

	(void)state;
	assert_int_equal(tmpfs_anon_file("m", LINUX_MFD_ALLOW_SEALING, &f), 0);
	assert_int_equal(put_at(f, "abc", 3, 0), 3);
	assert_int_equal(f->ops->fcntl(f, LINUX_F_ADD_SEALS, seals), 0);
	assert_int_equal(f->ops->fcntl(f, LINUX_F_GET_SEALS, 0), seals);
	assert_int_equal(put_at(f, "abcd", 4, 0), -EPERM);
	assert_int_equal(put_at(f, "xyz", 3, 0), 3);
	assert_int_equal(truncate_to(f, 1), -EPERM);
	assert_int_equal(f->ops->fcntl(f, LINUX_F_ADD_SEALS,
				       LINUX_F_SEAL_WRITE | LINUX_F_SEAL_SEAL),
			 0);
	assert_int_equal(put_at(f, "x", 1, 0), -EPERM);
	assert_int_equal(f->ops->fcntl(f, LINUX_F_ADD_SEALS, 0), -EPERM);
	file_put(f);
}

/* --- names ---------------------------------------------------------------- */

static int mv(const char *from, const char *to, uint32_t flags)
{
	return vfs_renameat(LINUX_AT_FDCWD, from, LINUX_AT_FDCWD, to, flags);
}

static void renames(void **state)
{
	struct file *f;

	(void)state;
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "/d", 0755), 0);
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "/e", 0755), 0);
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "/e/x", 0755), 0);
	assert_int_equal(open_errno("/f", LINUX_O_CREAT), 0);
	assert_int_equal(open_errno("/g", LINUX_O_CREAT), 0);
	assert_int_equal(mv("/f", "/d", 0), -EISDIR);
	assert_int_equal(mv("/d", "/f", 0), -ENOTDIR);
	assert_int_equal(mv("/d", "/e", 0), -ENOTEMPTY);
	assert_int_equal(mv("/f", "/g", LINUX_RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(mv("/f", "/no", LINUX_RENAME_EXCHANGE), -ENOENT);
	assert_int_equal(mv("/f/", "/h", 0), -ENOTDIR);
	assert_int_equal(mv("/", "/h", 0), -EBUSY);
	assert_int_equal(mv("/f", "/e/x", LINUX_RENAME_EXCHANGE), 0);
	assert_int_equal(open_errno("/f", LINUX_O_DIRECTORY), 0);
	assert_int_equal(open_errno("/e/x", LINUX_O_DIRECTORY), -ENOTDIR);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/f", true), 0);
	assert_int_equal(mv("/g", "/e/x", LINUX_RENAME_WHITEOUT), 0);
	f = must_open("/g", LINUX_O_PATH);
	assert_int_equal(f->inode->mode & 0170000, 0020000);
	assert_int_equal(f->inode->rdev, 0);
	file_put(f);
	f = must_open("/e", LINUX_O_DIRECTORY);
	assert_int_equal(f->inode->nlink, 2);
	file_put(f);
}

static void sticky_and_dead_directories(void **state)
{
	struct file *dir;

	(void)state;
	current_task()->fs->umask = 0;
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "/t", 01777), 0);
	assert_int_equal(open_errno("/t/root", LINUX_O_CREAT), 0);
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "/gone", 0777), 0);
	world_task(g_ns, 1000);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/t/root", false),
			 -EPERM);
	assert_int_equal(mv("/t/root", "/t/x", 0), -EPERM);
	assert_int_equal(open_errno("/t/own", LINUX_O_CREAT), 0);
	assert_int_equal(mv("/t/own", "/t/root", 0), -EPERM);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/t/own", false), 0);
	world_task(g_ns, 0);
	dir = must_open("/gone", LINUX_O_DIRECTORY);
	mutex_lock(&current_task()->fs->mu);
	path_put(&current_task()->fs->cwd);
	current_task()->fs->cwd = dir->path;
	path_get(&dir->path);
	mutex_unlock(&current_task()->fs->mu);
	assert_int_equal(vfs_unlinkat(LINUX_AT_FDCWD, "/gone", true), 0);
	assert_int_equal(open_errno("x", LINUX_O_CREAT), -ENOENT);
	assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "x", 0777), -ENOENT);
	file_put(dir);
}

static void xattrs(void **state)
{
	struct file *f = must_open("/f", LINUX_O_CREAT | LINUX_O_RDWR);
	const struct inode_ops *ops = f->inode->ops;
	char buf[16];

	(void)state;
	assert_int_equal(ops->getxattr(f->inode, "user.a", buf, 16), -ENODATA);
	assert_int_equal(
		ops->setxattr(f->inode, "user.a", "12", 2, LINUX_XATTR_REPLACE),
		-ENODATA);
	assert_int_equal(ops->setxattr(f->inode, "user.a", "12", 2, 0), 0);
	assert_int_equal(
		ops->setxattr(f->inode, "user.a", "1", 1, LINUX_XATTR_CREATE),
		-EEXIST);
	assert_int_equal(ops->getxattr(f->inode, "user.a", buf, 0), 2);
	assert_int_equal(ops->getxattr(f->inode, "user.a", buf, 1), -ERANGE);
	assert_int_equal(ops->getxattr(f->inode, "user.a", buf, 16), 2);
	assert_int_equal(ops->listxattr(f->inode, buf, 16), 7);
	assert_string_equal(buf, "user.a");
	assert_int_equal(ops->removexattr(f->inode, "user.a"), 0);
	assert_int_equal(ops->listxattr(f->inode, buf, 16), 0);
	file_put(f);
}

/* --- reading directories -------------------------------------------------- */

#define KEEP 300

struct seen {
	struct dir_sink sink;
	unsigned int room;
	unsigned int keep[KEEP];
	unsigned int total;
};

static bool see(struct dir_sink *s, const char *name, size_t len, uint64_t ino,
		uint8_t type, int64_t next_off)
{
	struct seen *e = container_of(s, struct seen, sink);
	unsigned int n;

	(void)len;
	(void)ino;
	(void)type;
	(void)next_off;
	if (e->room == 0)
		return false;
	e->room--;
	e->total++;
	if (sscanf(name, "keep%u", &n) == 1)
		e->keep[n]++;
	return true;
}

/* What stays is seen exactly once, while other names come and go. */
static void getdents_is_stable(void **state)
{
	struct seen e = { .sink.emit = see };
	struct file *d;
	char name[32];
	unsigned int i, before;

	(void)state;
	for (i = 0; i < KEEP; i++) {
		snprintf(name, sizeof(name), "/keep%u", i);
		assert_int_equal(open_errno(name, LINUX_O_CREAT), 0);
		snprintf(name, sizeof(name), "/tmp%u", i);
		assert_int_equal(open_errno(name, LINUX_O_CREAT), 0);
	}
	d = must_open("/", LINUX_O_DIRECTORY);
	for (i = 0;; i++) {
		before = e.total;
		e.room = 7;
		assert_int_equal(d->ops->iterate(d, &e.sink, &d->pos), 0);
		if (e.total == before)
			break;
		if (i < KEEP) {
			snprintf(name, sizeof(name), "/tmp%u",
				 world_random() % KEEP);
			(void)!vfs_unlinkat(LINUX_AT_FDCWD, name, false);
			snprintf(name, sizeof(name), "/new%u", i % 20);
			(void)!open_errno(name, LINUX_O_CREAT);
		}
	}
	for (i = 0; i < KEEP; i++)
		assert_int_equal(e.keep[i], 1);
	file_put(d);
}

/* A deep tree is freed without recursion. */
static void deep_tree(void **state)
{
	struct task *t = current_task();
	struct path p = { NULL, NULL };
	int i;

	(void)state;
	for (i = 0; i < 30000; i++) {
		assert_int_equal(vfs_mkdirat(LINUX_AT_FDCWD, "d", 0755), 0);
		assert_int_equal(path_lookup(LINUX_AT_FDCWD, "d", 0, &p, NULL),
				 0);
		path_put(&t->fs->cwd);
		t->fs->cwd = p;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(open_errors),
		TEST(permission_of_open),
		TEST(holes_and_sizes),
		TEST(deleted_file_lives_until_closed),
		TEST(mapping_backing),
		cmocka_unit_test_setup_teardown(limits, setup_small, teardown),
		TEST(seals),
		TEST(renames),
		TEST(sticky_and_dead_directories),
		TEST(xattrs),
		TEST(getdents_is_stable),
		TEST(deep_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
