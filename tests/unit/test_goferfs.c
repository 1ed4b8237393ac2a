/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_goferfs: the gofer file system over a pretended gofer that counts what
 * it is asked: caching, prefetch, one inode per hard-linked file, revalidation,
 * directory positions.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/stat.h"
#include "sentry/fs/gofer/goferfs.h"
#include "sentry/host/host.h"
#include "sentry/kernel/cred.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/notify.h"

/* --- the pretended gofer: /a (dir), /a/b, /a/c (one file), /l (link) ------ */

enum { INO_ROOT = 1, INO_A, INO_FILE, INO_LINK };

static unsigned int g_walks, g_stats, g_xattrs, g_links, g_reads, g_live;
static uint64_t g_next_handle, g_now;
static uint64_t g_ino_of[1000]; /* by handle */
static uint64_t g_file_ino = INO_FILE;

static void fill_node(uint64_t ino, struct gofer_node *out)
{
	uint32_t mode = LINUX_S_IFDIR | 0755;

	if (ino == INO_LINK)
		mode = LINUX_S_IFLNK | 0777;
	else if (ino != INO_ROOT && ino != INO_A)
		mode = LINUX_S_IFREG | 0640;
	*out = (struct gofer_node){
		.handle = ++g_next_handle,
		.st = { .ino = ino,
			.dev = 8,
			.mode = mode,
			.nlink = 1,
			.size = 10 },
	};
	g_ino_of[g_next_handle] = ino;
	g_live++;
}

int gofer_attach(uint32_t export_id, struct gofer_node *out)
{
	if (export_id != 0)
		return -ENOENT;
	fill_node(INO_ROOT, out);
	return 0;
}

static uint64_t child_of(uint64_t dir, const char *name)
{
	if (dir == INO_ROOT && strcmp(name, "a") == 0)
		return INO_A;
	if (dir == INO_ROOT && strcmp(name, "l") == 0)
		return INO_LINK;
	if (dir == INO_A && (name[0] == 'b' || name[0] == 'c'))
		return g_file_ino;
	return 0;
}

int gofer_walk(gofer_handle dir, const char *const *names, unsigned int nr,
	       struct gofer_node *out, int *err)
{
	uint64_t at = g_ino_of[dir];
	unsigned int i;

	g_walks++;
	*err = 0;
	for (i = 0; i < nr; i++) {
		at = child_of(at, names[i]);
		if (at == 0) {
			*err = -ENOENT;
			break;
		}
		fill_node(at, &out[i]);
	}
	return (int)i;
}

int gofer_walk_last(gofer_handle dir, const char *const *names, unsigned int nr,
		    uint32_t flags, struct gofer_node *out, int *err, int *fd)
{
	(void)flags;
	*fd = -1;
	return gofer_walk(dir, names, nr, out, err);
}

int gofer_list(gofer_handle dir, uint64_t *cookie, bool *eof,
	       bool (*emit)(void *arg, const char *name, size_t len,
			    const struct kstat *st),
	       void *arg)
{
	(void)dir;
	(void)cookie;
	(void)eof;
	(void)emit;
	(void)arg;
	return -EIO;
}

int gofer_stat(gofer_handle h, struct gofer_node *out)
{
	g_stats++;
	fill_node(g_ino_of[h], out);
	g_live--;
	out->handle = h;
	return 0;
}

void gofer_release(gofer_handle h)
{
	assert_int_not_equal(g_ino_of[h], 0);
	g_ino_of[h] = 0;
	g_live--;
}

int gofer_readlink(gofer_handle h, char **out_target)
{
	(void)h;
	g_links++;
	*out_target = strdup("a/b");
	return 0;
}

long gofer_listxattr(gofer_handle h, char *buf, size_t size)
{
	(void)h;
	(void)buf;
	(void)size;
	g_xattrs++;
	return 0;
}

long gofer_getxattr(gofer_handle h, const char *name, void *buf, size_t size)
{
	(void)h;
	(void)name;
	(void)buf;
	(void)size;
	fail();
	return 0;
}

#define NR_ENTRIES 10

/* Entry i has cookie i + 1; three a message. */
int gofer_readdir(gofer_handle dir, uint64_t *cookie, bool *eof,
		  bool (*emit)(void *arg, const struct gofer_dirent *de),
		  void *arg)
{
	char name[16];

	(void)dir;
	g_reads++;
	for (unsigned int i = 0; i < 3 && *cookie < NR_ENTRIES; i++) {
		int len = snprintf(name, sizeof(name), "e%d", (int)*cookie);
		struct gofer_dirent de = { .name = name,
					   .name_len = (size_t)len,
					   .ino = 100 + *cookie,
					   .next = *cookie + 1 };

		if (!emit(arg, &de))
			return 0;
		*cookie = de.next;
	}
	*eof = *cookie == NR_ENTRIES;
	return 0;
}

static bool (*g_pressed)(void);
static uint32_t g_max = 3000;

uint32_t gofer_max_handles(void)
{
	return g_max;
}

uint32_t gofer_nr_handles(void)
{
	return 1001;
}

void dcache_set_pressure(bool (*pressed)(void))
{
	g_pressed = pressed;
}

void gofer_identity(uint32_t *uid, uint32_t *gid)
{
	*uid = *gid = 1000;
}

/* Not reached here. */
#define NEVER(type, name, ...)  \
	type name(__VA_ARGS__); \
	type name(__VA_ARGS__)  \
	{                       \
		abort();        \
	}
#define H   gofer_handle h UNUSED
#define N   const char *n UNUSED
#define OUT struct gofer_node *o UNUSED
#define IDS uint32_t u UNUSED, uint32_t g UNUSED
NEVER(int, gofer_set_attr, H, const struct iattr *a UNUSED)
NEVER(int, gofer_open, H, uint32_t f UNUSED, int *fd UNUSED)
NEVER(int, gofer_create, H, N, uint32_t m UNUSED, IDS, OUT, int *fd UNUSED)
NEVER(int, gofer_mkdir, H, N, uint32_t m UNUSED, IDS, OUT)
NEVER(int, gofer_mknod, H, N, uint32_t m UNUSED, uint64_t r UNUSED, IDS, OUT)
NEVER(int, gofer_symlink, H, N, const char *t UNUSED, IDS, OUT)
NEVER(int, gofer_link, H, N, gofer_handle t UNUSED)
NEVER(int, gofer_unlink, H, N, bool d UNUSED)
NEVER(int, gofer_rename, H, N, gofer_handle d UNUSED, const char *m UNUSED,
      uint32_t f UNUSED)
NEVER(int, gofer_statfs, H, struct kstatfs *o UNUSED)
NEVER(int, gofer_fsync, H, bool d UNUSED)
NEVER(int, gofer_setxattr, H, N, const void *b UNUSED, size_t s UNUSED,
      int f UNUSED)
NEVER(int, gofer_removexattr, H, N)
NEVER(long, uio_pin, struct uio *u UNUSED, size_t m UNUSED, uint32_t a UNUSED,
      struct mm_pin *o UNUSED)
NEVER(void, uio_advance, struct uio *u UNUSED, size_t s UNUSED)
NEVER(void, mm_unpin, struct mm_pin *p UNUSED)
NEVER(int64_t, file_generic_llseek, struct file *f UNUSED, int64_t o UNUSED,
      int w UNUSED)
NEVER(void, mapping_invalidate, struct mapping *m UNUSED, uint64_t o UNUSED,
      uint64_t s UNUSED)
NEVER(void, mapping_truncate, struct mapping *m UNUSED, uint64_t s UNUSED)

/* --- the VFS's part, shortened -------------------------------------------- */

void inode_init(struct inode *inode, struct super *sb,
		const struct inode_ops *ops, uint64_t ino, uint32_t mode)
{
	ref_init(&inode->ref);
	inode->ops = ops;
	inode->sb = sb;
	inode->ino = ino;
	inode->mode = mode;
	mutex_init(&inode->dir_mu, LOCK_INODE_DIR);
	mutex_init(&inode->mu, LOCK_INODE);
}

void inode_put(struct inode *inode)
{
	if (!ref_put(&inode->ref))
		return;
	inode->ops->evict(inode);
	free(inode);
}

void super_init(struct super *sb, const struct super_ops *ops)
{
	ref_init(&sb->ref);
	sb->ops = ops;
}

static struct inode *g_root;

int super_set_root(struct super *sb, struct inode *root)
{
	(void)sb;
	g_root = root;
	return 0;
}

void super_put(struct super *sb)
{
	inode_put(g_root);
	sb->ops->free(sb);
}

void mapping_init(struct mapping *m)
{
	mutex_init(&m->mu, LOCK_MAPPINGS);
}

void mapping_fini(struct mapping *m)
{
	(void)m;
}

/* No shared export is watched here. */
_Atomic uint32_t g_notify_marks;

void notify_inode_slow(struct inode *inode, uint32_t event, uint32_t cookie,
		       const char *name)
{
	(void)inode;
	(void)event;
	(void)cookie;
	(void)name;
}

int gofer_tmpfile(gofer_handle dir, uint32_t mode, uint32_t uid, uint32_t gid,
		  struct gofer_node *out, int *out_fd)
{
	(void)dir;
	(void)mode;
	(void)uid;
	(void)gid;
	(void)out;
	(void)out_fd;
	return -EOPNOTSUPP;
}

int gofer_watch(gofer_handle dir, int32_t *wd)
{
	(void)dir;
	(void)wd;
	return -ENOSPC;
}

void gofer_unwatch(int32_t wd)
{
	(void)wd;
}

int gofer_next_event(struct gofer_event *out, bool *lost)
{
	(void)out;
	(void)lost;
	return -EIO;
}

int host_thread_new(void (*fn)(void *), void *arg, const char *name)
{
	(void)fn;
	(void)arg;
	(void)name;
	return -EAGAIN;
}

uint64_t clock_monotonic_coarse(void)
{
	return g_now;
}

static int g_generic = -EACCES;

int inode_generic_permission(struct inode *inode, const struct cred *cred,
			     uint32_t mask)
{
	(void)inode;
	(void)cred;
	(void)mask;
	return g_generic;
}

/* --- tests ---------------------------------------------------------------- */

static struct super *start(bool readonly, bool shared)
{
	struct super *sb;

	g_walks = g_stats = g_xattrs = g_links = g_reads = g_live = 0;
	g_next_handle = 0;
	g_now = 1000000000;
	g_file_ino = INO_FILE;
	assert_int_equal(goferfs_new(0, readonly, shared, &sb), 0);
	return sb;
}

/* Nothing is left behind: every handle was given back. */
static void stop(struct super *sb)
{
	super_put(sb);
	assert_int_equal(g_live, 0);
}

static struct inode *look(struct inode *dir, const char *name)
{
	struct inode *out;

	assert_int_equal(dir->ops->lookup(dir, name, &out), 0);
	return out;
}

static void a_path_takes_one_request(void **state)
{
	struct super *sb = start(true, false);
	const char *names[] = { "a", "b" };
	struct inode *a, *b;

	(void)state;
	g_root->ops->prefetch(g_root, names, 2, 0);
	a = look(g_root, "a");
	b = look(a, "b");
	assert_int_equal(g_walks, 1);
	assert_true(g_pressed()); /* more than a third of them */
	g_max = 6000;
	assert_false(g_pressed());
	g_max = 3000;
	assert_int_equal(b->size, 10);
	inode_put(b);
	inode_put(a);
	stop(sb);
}

static void a_missing_end_is_remembered(void **state)
{
	struct super *sb = start(true, false);
	const char *names[] = { "a", "none", "x" };
	struct inode *a, *n;

	(void)state;
	g_root->ops->prefetch(g_root, names, 3, 0);
	a = look(g_root, "a");
	assert_int_equal(a->ops->lookup(a, "none", &n), -ENOENT);
	assert_int_equal(g_walks, 1);
	inode_put(a);
	stop(sb);
}

static void prefetched_names_grow_old(void **state)
{
	struct super *sb = start(false, true);
	const char *names[] = { "a", "b" };
	struct inode *a;

	(void)state;
	g_root->ops->prefetch(g_root, names, 2, 0);
	g_now += 1000000000;
	a = look(g_root, "a");
	assert_int_equal(g_walks, 2);
	inode_put(a);
	stop(sb);
}

static void unused_prefetches_are_released(void **state)
{
	struct super *sb = start(true, false);
	const char *names[] = { "a", "b" };

	(void)state;
	for (int i = 0; i < 200; i++)
		g_root->ops->prefetch(g_root, names, 2, 0);
	stop(sb);
}

static void hard_links_share_an_inode(void **state)
{
	struct super *sb = start(true, false);
	struct inode *a = look(g_root, "a");
	struct inode *b = look(a, "b"), *c = look(a, "c");

	(void)state;
	assert_ptr_equal(b, c);
	inode_put(b);
	inode_put(c);
	b = look(a, "b");
	inode_put(b);
	inode_put(a);
	stop(sb);
}

static void a_frozen_export_is_asked_once(void **state)
{
	struct super *sb = start(true, false);
	struct inode *a = look(g_root, "a"), *l = look(g_root, "l");
	struct kstat st;
	char *target;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a->ops->getattr(a, &st), 0);
		assert_int_equal(st.ino, INO_A);
		assert_int_equal(st.dev, 8);
		assert_int_equal(a->ops->getxattr(a, "user.x", NULL, 0),
				 -ENODATA);
		assert_int_equal(l->ops->readlink(l, &target), 0);
		assert_string_equal(target, "a/b");
		free(target);
	}
	assert_int_equal(g_stats, 0);
	assert_int_equal(g_xattrs, 1);
	assert_int_equal(g_links, 1);
	assert_null(a->ops->revalidate);
	inode_put(l);
	inode_put(a);
	stop(sb);
}

static void a_shared_export_is_asked_again(void **state)
{
	struct super *sb = start(false, true);
	struct inode *a = look(g_root, "a"), *b = look(a, "b"), *fresh;
	struct kstat st;

	(void)state;
	assert_int_equal(a->ops->getattr(a, &st), 0);
	assert_int_equal(g_stats, 1);
	assert_int_equal(a->ops->revalidate(a, "b", b), 1);
	assert_int_equal(a->ops->revalidate(a, "none", NULL), 1);
	assert_int_equal(a->ops->revalidate(a, "none", b), 0);
	assert_int_equal(a->ops->revalidate(a, "b", NULL), 0);
	/* Another file took the name: the lookup needs no second request. */
	g_file_ino = 77;
	g_walks = 0;
	assert_int_equal(a->ops->revalidate(a, "b", b), 0);
	fresh = look(a, "b");
	assert_int_equal(g_walks, 1);
	assert_int_equal(fresh->ino, 77);
	inode_put(fresh);
	inode_put(b);
	inode_put(a);
	stop(sb);
}

static void a_readonly_export_refuses_changes(void **state)
{
	struct super *sb = start(true, false);
	struct inode *a = look(g_root, "a"), *out;
	struct iattr attr = { .valid = ATTR_MODE };

	(void)state;
	assert_int_equal(a->ops->create(a, "x", 0644, 0, 0, &out), -EROFS);
	assert_int_equal(a->ops->mkdir(a, "x", 0755, 0, 0, &out), -EROFS);
	assert_int_equal(a->ops->unlink(a, "b", NULL), -EROFS);
	assert_int_equal(a->ops->setattr(a, &attr), -EROFS);
	assert_int_equal(a->ops->setxattr(a, "user.x", "", 0, 0), -EROFS);
	inode_put(a);
	stop(sb);
}

static void the_gofers_access_is_its_users(void **state)
{
	struct super *sb = start(true, false);
	struct inode *a = look(g_root, "a");
	struct cred user = { .fsuid = 1000 }, other = { .fsuid = 1001 };

	(void)state;
	assert_int_equal(a->ops->permission(a, &user, MAY_READ), -EACCES);
	gofer_inode(a)->access = MAY_READ | MAY_EXEC;
	assert_int_equal(a->ops->permission(a, &user, MAY_READ), 0);
	assert_int_equal(a->ops->permission(a, &user, MAY_WRITE), -EACCES);
	assert_int_equal(a->ops->permission(a, &other, MAY_READ), -EACCES);
	g_generic = 0; /* the mode bits would let everybody */
	assert_int_equal(a->ops->permission(a, &user, MAY_WRITE), -EACCES);
	assert_int_equal(a->ops->permission(a, &other, MAY_WRITE), 0);
	g_generic = -EACCES;
	inode_put(a);
	stop(sb);
}

/* Takes a number of entries a call. */
struct small_sink {
	struct dir_sink sink;
	unsigned int room;
	char seen[256];
};

static bool take_entry(struct dir_sink *s, const char *name, size_t len,
		       uint64_t ino, uint8_t type, int64_t next_off)
{
	struct small_sink *ss = container_of(s, struct small_sink, sink);

	(void)ino;
	(void)type;
	assert_true(next_off > 0);
	if (ss->room == 0)
		return false;
	ss->room--;
	strncat(ss->seen, name, len);
	strcat(ss->seen, " ");
	return true;
}

static void directories_are_read_in_any_pieces(void **state)
{
	struct super *sb = start(true, false);

	(void)state;
	for (unsigned int room = 1; room < 15; room++) {
		struct file f = { .inode = g_root };
		struct small_sink ss = { .sink = { take_entry } };
		int64_t pos = 0;

		g_reads = 0;
		assert_int_equal(g_root->ops->open(g_root, &f), 0);
		do {
			ss.room = room;
			assert_int_equal(f.ops->iterate(&f, &ss.sink, &pos), 0);
		} while (ss.room == 0);
		assert_string_equal(ss.seen, ". .. e0 e1 e2 e3 e4 e5 e6 e7 e8 "
					     "e9 ");
		assert_int_equal(g_reads, 4);
		f.ops->release(&f);
	}
	stop(sb);
}

static void positions_can_be_returned_to(void **state)
{
	struct super *sb = start(true, false);
	struct file f = { .inode = g_root };
	int64_t pos = 0, mark;
	struct small_sink ss = { .sink = { take_entry }, .room = 4 };

	(void)state;
	assert_int_equal(g_root->ops->open(g_root, &f), 0);
	assert_int_equal(f.ops->iterate(&f, &ss.sink, &pos), 0);
	mark = pos;
	for (int i = 0; i < 2; i++) {
		ss.room = 3;
		ss.seen[0] = '\0';
		pos = mark;
		assert_int_equal(f.ops->iterate(&f, &ss.sink, &pos), 0);
		assert_string_equal(ss.seen, "e2 e3 e4 ");
	}
	f.ops->release(&f);
	stop(sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_takes_one_request),
		cmocka_unit_test(a_missing_end_is_remembered),
		cmocka_unit_test(prefetched_names_grow_old),
		cmocka_unit_test(unused_prefetches_are_released),
		cmocka_unit_test(hard_links_share_an_inode),
		cmocka_unit_test(a_frozen_export_is_asked_once),
		cmocka_unit_test(a_shared_export_is_asked_again),
		cmocka_unit_test(a_readonly_export_refuses_changes),
		cmocka_unit_test(the_gofers_access_is_its_users),
		cmocka_unit_test(directories_are_read_in_any_pieces),
		cmocka_unit_test(positions_can_be_returned_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
