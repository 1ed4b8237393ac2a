/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_api: open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2),
 * fspick(2), setattr(2), open_tree_attr(2), statmount(2), listmount(2).
 */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#define NR_fspick	  433
#define NR_mount_setattr  442
#define NR_statmount	  457
#define NR_listmount	  458
#define NR_open_tree_attr 467

enum {
	SET_FLAG,
	SET_STRING,
	SET_BINARY,
	SET_PATH,
	SET_PATH_EMPTY,
	SET_FD,
	CMD_CREATE,
	CMD_RECONFIGURE
};
#define ATTR_RDONLY	 1ull
#define ATTR_NOSUID	 2ull
#define ATTR_ATIME	 0x70ull
#define ATTR_NOATIME	 0x10ull
#define ATTR_STRICTATIME 0x20ull
#define CLONE_TREE	 1
#define F_EMPTY		 4
#define T_EMPTY		 0x40
#define RECURSIVE	 0x8000

struct attr {
	uint64_t set, clr, propagation, userns_fd;
};
struct id_req {
	uint32_t size, fd;
	uint64_t id, param, ns;
};
struct statmnt {
	uint32_t size, opts;
	uint64_t mask;
	uint32_t major, minor;
	uint64_t magic;
	uint32_t sb_flags, fs_type;
	uint64_t id, parent;
	uint32_t id_old, parent_old;
	uint64_t attr, propagation, peer_group, master, from;
	uint32_t root, point;
	uint64_t ns_id;
	uint32_t subtype, source;
	uint64_t rest[48];
	char text[512];
};

static int setattr(int fd, const char *path, unsigned int flags, struct attr *a,
		   size_t size)
{
	return (int)syscall(NR_mount_setattr, fd, path, flags, a, size);
}

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), err;

	if (fd < 0)
		return errno;
	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return err;
}

static void enter(void)
{
	char text[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (uid != 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			SKIP("no user namespaces");
		EXPECT_EQ(0, put("/proc/self/setgroups", "deny"));
		snprintf(text, sizeof(text), "0 %u 1", uid);
		EXPECT_EQ(0, put("/proc/self/uid_map", text));
		snprintf(text, sizeof(text), "0 %u 1", gid);
		EXPECT_EQ(0, put("/proc/self/gid_map", text));
	} else if (unshare(CLONE_NEWNS) < 0) {
		SKIP("no mount namespaces");
	}
	EXPECT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	EXPECT_OK(mount("base", "/tmp", "tmpfs", 0, NULL));
	EXPECT_OK(chdir("/tmp"));
	EXPECT_OK(mkdir("a", 0755));
	EXPECT_OK(mkdir("b", 0755));
}

static int exists(const char *name)
{
	return access(name, F_OK) == 0;
}

static int new_tmpfs(unsigned int attr)
{
	int fs = EXPECT_OK(fsopen("tmpfs", 1)), mnt;

	EXPECT_OK(fsconfig(fs, SET_STRING, "source", "src", 0));
	EXPECT_OK(fsconfig(fs, SET_STRING, "size", "64k", 0));
	EXPECT_OK(fsconfig(fs, SET_STRING, "mode", "750", 0));
	EXPECT_OK(fsconfig(fs, CMD_CREATE, NULL, NULL, 0));
	mnt = EXPECT_OK(fsmount(fs, 1, attr));
	close(fs);
	return mnt;
}

TEST(mount_api, a_file_system_step_by_step)
{
	struct statvfs s;
	struct stat st;
	int mnt;

	enter();
	mnt = new_tmpfs(ATTR_NOSUID);
	EXPECT_EQ(FD_CLOEXEC, fcntl(mnt, F_GETFD));
	/* It can be used before it is anywhere. */
	EXPECT_OK(mkdirat(mnt, "dir", 0755));
	EXPECT_OK(move_mount(mnt, "", AT_FDCWD, "a", F_EMPTY));
	EXPECT_TRUE(exists("a/dir"));
	EXPECT_OK(stat("a", &st));
	EXPECT_EQ(040750, st.st_mode);
	EXPECT_OK(statvfs("a", &s));
	EXPECT_EQ(16, s.f_blocks);
	EXPECT_TRUE(s.f_flag & ST_NOSUID);
	EXPECT_OK(close(mnt));
	EXPECT_TRUE(exists("a/dir"));
	EXPECT_OK(umount("a"));
}

TEST(mount_api, what_is_not_attached_goes_with_its_file)
{
	int mnt, dir;

	enter();
	mnt = new_tmpfs(0);
	EXPECT_OK(mkdirat(mnt, "dir", 0755));
	dir = EXPECT_OK(openat(mnt, "dir", O_RDONLY | O_DIRECTORY));
	EXPECT_OK(close(mnt));
	EXPECT_OK(faccessat(dir, "../dir", F_OK, 0));
	EXPECT_TRUE(mount(NULL, "/proc/self/fd/99", NULL, MS_PRIVATE, NULL) <
		    0);
}

TEST(mount_api, contexts)
{
	int fs, mnt;
	char buf[16];

	enter();
	EXPECT_ERRNO(ENODEV, fsopen("nofs", 0));
	EXPECT_ERRNO(EINVAL, fsopen("tmpfs", 2));
	EXPECT_ERRNO(EFAULT, fsopen((char *)8, 0));
	fs = EXPECT_OK(fsopen("tmpfs", 0));
	EXPECT_EQ(0, fcntl(fs, F_GETFD));
	EXPECT_ERRNO(EINVAL, fsmount(fs, 0, 0)); /* not created yet */
	EXPECT_ERRNO(EINVAL, fsconfig(fs, SET_FLAG, NULL, NULL, 0));
	EXPECT_ERRNO(EINVAL, fsconfig(fs, SET_FLAG, "ro", "1", 0));
	EXPECT_ERRNO(EINVAL, fsconfig(fs, SET_STRING, "size", NULL, 0));
	EXPECT_ERRNO(EINVAL, fsconfig(fs, SET_STRING, "size", "1", 1));
	EXPECT_ERRNO(EINVAL, fsconfig(fs, CMD_CREATE, "x", NULL, 0));
	EXPECT_ERRNO(EOPNOTSUPP, fsconfig(fs, 99, NULL, NULL, 0));
	EXPECT_ERRNO(EINVAL, fsconfig(fs, SET_STRING, "nix", "1", 0));
	EXPECT_ERRNO(EINVAL, fsconfig(0, CMD_CREATE, NULL, NULL, 0));
	EXPECT_ERRNO(EBADF, fsconfig(99, CMD_CREATE, NULL, NULL, 0));
	EXPECT_ERRNO(EINVAL, fsconfig(-1, CMD_CREATE, NULL, NULL, 0));
	while (read(fs, buf, sizeof(buf)) > 0)
		;
	EXPECT_OK(fsconfig(fs, SET_FLAG, "ro", NULL, 0));
	EXPECT_OK(fsconfig(fs, CMD_CREATE, NULL, NULL, 0));
	EXPECT_ERRNO(EBUSY, fsconfig(fs, CMD_CREATE, NULL, NULL, 0));
	EXPECT_ERRNO(EBUSY, fsconfig(fs, SET_FLAG, "rw", NULL, 0));
	EXPECT_ERRNO(EINVAL, fsmount(fs, 4, 0));
	EXPECT_ERRNO(EINVAL, fsmount(fs, 0, 0x100));
	EXPECT_ERRNO(EINVAL, fsmount(fs, 0, 0x30));
	EXPECT_ERRNO(EINVAL, fsmount(0, 0, 0));
	mnt = EXPECT_OK(fsmount(fs, 0, 0));
	EXPECT_ERRNO(EROFS, mkdirat(mnt, "d", 0755));
	EXPECT_TRUE(fsmount(fs, 0, 0) < 0);
}

TEST(mount_api, pick_and_reconfigure)
{
	int fs;

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_ERRNO(EINVAL, syscall(NR_fspick, AT_FDCWD, "a", 0x10));
	EXPECT_ERRNO(EINVAL, syscall(NR_fspick, AT_FDCWD, "b", 0));
	EXPECT_ERRNO(ENOENT, syscall(NR_fspick, AT_FDCWD, "nix", 0));
	fs = EXPECT_OK((int)syscall(NR_fspick, AT_FDCWD, "a", 1));
	EXPECT_ERRNO(EBUSY, fsconfig(fs, CMD_CREATE, NULL, NULL, 0));
	EXPECT_OK(fsconfig(fs, SET_FLAG, "ro", NULL, 0));
	EXPECT_OK(fsconfig(fs, CMD_RECONFIGURE, NULL, NULL, 0));
	EXPECT_ERRNO(EROFS, mkdir("a/d", 0755));
	EXPECT_OK(fsconfig(fs, SET_FLAG, "rw", NULL, 0));
	EXPECT_OK(fsconfig(fs, CMD_RECONFIGURE, NULL, NULL, 0));
	EXPECT_OK(mkdir("a/d", 0755));
}

TEST(mount_api, open_tree_and_its_copy)
{
	int fd, copy;

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/sub", 0755));
	EXPECT_OK(mount("x", "a/sub", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/sub/deep", 0755));
	EXPECT_ERRNO(EINVAL, open_tree(AT_FDCWD, "a", 2));
	EXPECT_ERRNO(EINVAL, open_tree(AT_FDCWD, "a", RECURSIVE));
	EXPECT_ERRNO(ENOENT, open_tree(AT_FDCWD, "nix", 0));
	EXPECT_ERRNO(ENOENT, open_tree(AT_FDCWD, "", 0));
	fd = EXPECT_OK(open_tree(AT_FDCWD, "a", O_CLOEXEC));
	EXPECT_EQ(O_PATH, fcntl(fd, F_GETFL) & O_PATH);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	copy = EXPECT_OK(open_tree(AT_FDCWD, "a", CLONE_TREE));
	EXPECT_OK(faccessat(copy, "sub", F_OK, 0));
	EXPECT_ERRNO(ENOENT, faccessat(copy, "sub/deep", F_OK, 0));
	EXPECT_OK(close(copy));
	copy = EXPECT_OK(
		open_tree(fd, "", CLONE_TREE | RECURSIVE | AT_EMPTY_PATH));
	EXPECT_OK(faccessat(copy, "sub/deep", F_OK, 0));
	EXPECT_OK(move_mount(copy, "", AT_FDCWD, "b", F_EMPTY));
	EXPECT_TRUE(exists("b/sub/deep"));
	/* Without a copy it moves what is there. */
	EXPECT_OK(umount2("b", MNT_DETACH));
	EXPECT_OK(move_mount(fd, "", AT_FDCWD, "b", F_EMPTY));
	EXPECT_TRUE(exists("b/sub/deep"));
	EXPECT_TRUE(!exists("a/sub"));
}

TEST(mount_api, move_mount_errors)
{
	int fd;

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/in", 0755));
	EXPECT_ERRNO(EINVAL, move_mount(AT_FDCWD, "a", AT_FDCWD, "b", 0x8));
	EXPECT_ERRNO(EINVAL, move_mount(AT_FDCWD, "b", AT_FDCWD, "a", 0));
	EXPECT_ERRNO(ENOENT, move_mount(AT_FDCWD, "nix", AT_FDCWD, "a", 0));
	EXPECT_ERRNO(ENOENT, move_mount(AT_FDCWD, "", AT_FDCWD, "a", 0));
	EXPECT_ERRNO(ELOOP, move_mount(AT_FDCWD, "a", AT_FDCWD, "a/in", 0));
	fd = EXPECT_OK(open("b", O_RDONLY | O_DIRECTORY));
	EXPECT_OK(move_mount(AT_FDCWD, "a", fd, "", T_EMPTY));
	EXPECT_TRUE(exists("b/in"));
}

TEST(mount_api, attributes)
{
	struct attr a = { .set = ATTR_RDONLY };
	struct statvfs s;

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/sub", 0755));
	EXPECT_OK(mount("x", "a/sub", "tmpfs", 0, NULL));
	EXPECT_OK(setattr(AT_FDCWD, "a", 0, &a, sizeof(a)));
	EXPECT_ERRNO(EROFS, mkdir("a/d", 0755));
	EXPECT_OK(mkdir("a/sub/d", 0755));
	EXPECT_OK(setattr(AT_FDCWD, "a", RECURSIVE, &a, sizeof(a)));
	EXPECT_ERRNO(EROFS, mkdir("a/sub/e", 0755));
	a = (struct attr){ .clr = ATTR_RDONLY | ATTR_ATIME,
			   .set = ATTR_NOATIME };
	EXPECT_OK(setattr(AT_FDCWD, "a", RECURSIVE, &a, sizeof(a)));
	EXPECT_OK(mkdir("a/sub/e", 0755));
	EXPECT_OK(statvfs("a", &s));
	EXPECT_TRUE(s.f_flag & ST_NOATIME);
	a = (struct attr){ .propagation = MS_SHARED };
	EXPECT_OK(setattr(AT_FDCWD, "a", 0, &a, sizeof(a)));
	EXPECT_ERRNO(EINVAL, mount("a/sub", "b", NULL, MS_MOVE, NULL));
}

TEST(mount_api, setattr_errors)
{
	struct attr a = { .set = ATTR_NOATIME };
	struct {
		struct attr a;
		uint64_t more;
	} big = { { .set = ATTR_RDONLY }, 1 };

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_ERRNO(EINVAL, setattr(AT_FDCWD, "a", 0, &a, sizeof(a)));
	a = (struct attr){ .clr = ATTR_NOATIME };
	EXPECT_ERRNO(EINVAL, setattr(AT_FDCWD, "a", 0, &a, sizeof(a)));
	a = (struct attr){ .set = 1ull << 40 };
	EXPECT_ERRNO(EINVAL, setattr(AT_FDCWD, "a", 0, &a, sizeof(a)));
	a = (struct attr){ .propagation = MS_SHARED | MS_PRIVATE };
	EXPECT_ERRNO(EINVAL, setattr(AT_FDCWD, "a", 0, &a, sizeof(a)));
	a = (struct attr){ .set = ATTR_RDONLY };
	EXPECT_ERRNO(EINVAL, setattr(AT_FDCWD, "a", 0, &a, 31));
	EXPECT_ERRNO(E2BIG, setattr(AT_FDCWD, "a", 0, &a, 4097));
	EXPECT_ERRNO(E2BIG, setattr(AT_FDCWD, "a", 0, &big.a, sizeof(big)));
	EXPECT_ERRNO(EFAULT, setattr(AT_FDCWD, "a", 0, (void *)8, 32));
	EXPECT_ERRNO(EINVAL, setattr(AT_FDCWD, "a", 2, &a, sizeof(a)));
	EXPECT_ERRNO(EINVAL, setattr(AT_FDCWD, "b", 0, &a, sizeof(a)));
	EXPECT_ERRNO(ENOENT, setattr(AT_FDCWD, "nix", 0, &a, sizeof(a)));
	/* Nothing to do: nothing is looked at. */
	a = (struct attr){ 0 };
	EXPECT_OK(setattr(AT_FDCWD, "nix", 0, &a, sizeof(a)));
}

TEST(mount_api, open_tree_attr)
{
	struct attr a = { .set = ATTR_RDONLY };
	int fd;

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	fd = (int)syscall(NR_open_tree_attr, AT_FDCWD, "a", CLONE_TREE, &a,
			  sizeof(a));
	if (fd < 0 && errno == ENOSYS)
		SKIP("an older kernel");
	EXPECT_OK(fd);
	EXPECT_ERRNO(EROFS, mkdirat(fd, "d", 0755));
	EXPECT_OK(mkdir("a/d", 0755));
}

static uint64_t unique_id(const char *path)
{
	struct statx sx;

	EXPECT_OK(statx(AT_FDCWD, path, 0, 0x4000 /* MNT_ID_UNIQUE */, &sx));
	if (!(sx.stx_mask & 0x4000))
		SKIP("no unique ids");
	return sx.stx_mnt_id;
}

TEST(mount_api, statmount)
{
	struct id_req rq = { .size = sizeof(rq), .param = 0x3b };
	static struct statmnt s;

	enter();
	EXPECT_OK(mount("the source", "a", "tmpfs", MS_NOSUID | MS_NOATIME,
			NULL));
	EXPECT_OK(mount(NULL, "a", NULL, MS_SHARED, NULL));
	rq.id = unique_id("a");
	if (syscall(NR_statmount, &rq, &s, sizeof(s), 0) < 0 && errno == ENOSYS)
		SKIP("an older kernel");
	EXPECT_OK(syscall(NR_statmount, &rq, &s, sizeof(s), 0));
	EXPECT_EQ(0x3b, s.mask & 0x3b);
	EXPECT_EQ(rq.id, s.id);
	EXPECT_EQ(unique_id("/tmp"), s.parent);
	EXPECT_EQ(0x01021994, s.magic);
	EXPECT_EQ(ATTR_NOSUID | ATTR_NOATIME, s.attr);
	EXPECT_EQ(MS_SHARED, s.propagation);
	EXPECT_TRUE(s.peer_group);
	EXPECT_STR("tmpfs", s.text + s.fs_type);
	EXPECT_STR("/", s.text + s.root);
	EXPECT_STR("/tmp/a", s.text + s.point);
	EXPECT_ERRNO(EOVERFLOW, syscall(NR_statmount, &rq, &s, 512, 0));
	rq.param = 2;
	EXPECT_OK(syscall(NR_statmount, &rq, &s, 512, 0));
	EXPECT_EQ(512, s.size);
	EXPECT_ERRNO(EINVAL, syscall(NR_statmount, &rq, &s, sizeof(s), 1));
	EXPECT_ERRNO(EFAULT, syscall(NR_statmount, 8, &s, sizeof(s), 0));
	EXPECT_ERRNO(EFAULT, syscall(NR_statmount, &rq, 8, sizeof(s), 0));
	rq.size = 16;
	EXPECT_ERRNO(EINVAL, syscall(NR_statmount, &rq, &s, sizeof(s), 0));
	rq.size = sizeof(rq);
	rq.id = 5;
	EXPECT_ERRNO(EINVAL, syscall(NR_statmount, &rq, &s, sizeof(s), 0));
	rq.id = UINT64_MAX / 2;
	EXPECT_ERRNO(ENOENT, syscall(NR_statmount, &rq, &s, sizeof(s), 0));
}

TEST(mount_api, listmount)
{
	struct id_req rq = { .size = sizeof(rq) };
	uint64_t ids[64], a, sub;
	long n;

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/sub", 0755));
	EXPECT_OK(mount("x", "a/sub", "tmpfs", 0, NULL));
	a = unique_id("a");
	sub = unique_id("a/sub");
	rq.id = unique_id("/tmp");
	n = syscall(NR_listmount, &rq, ids, 64, 0);
	if (n < 0 && errno == ENOSYS)
		SKIP("an older kernel");
	EXPECT_EQ(2, n);
	EXPECT_EQ(a, ids[0]);
	EXPECT_EQ(sub, ids[1]);
	EXPECT_EQ(1, syscall(NR_listmount, &rq, ids, 1, 0));
	EXPECT_EQ(a, ids[0]);
	rq.param = a;
	EXPECT_EQ(1, syscall(NR_listmount, &rq, ids, 64, 0));
	EXPECT_EQ(sub, ids[0]);
	rq.param = 0;
	EXPECT_EQ(2, syscall(NR_listmount, &rq, ids, 64, 1));
	EXPECT_EQ(sub, ids[0]);
	rq.id = UINT64_MAX;
	EXPECT_TRUE(syscall(NR_listmount, &rq, ids, 64, 0) > 3);
	EXPECT_ERRNO(EINVAL, syscall(NR_listmount, &rq, ids, 64, 2));
	EXPECT_ERRNO(EOVERFLOW, syscall(NR_listmount, &rq, ids, 1000001, 0));
	rq.id = UINT64_MAX / 2;
	EXPECT_ERRNO(ENOENT, syscall(NR_listmount, &rq, ids, 64, 0));
}

TEST(mount_api, unprivileged)
{
	struct attr a = { .set = ATTR_RDONLY };

	if (geteuid() == 0)
		SKIP("for ordinary users");
	EXPECT_ERRNO(EPERM, fsopen("tmpfs", 0));
	EXPECT_ERRNO(EPERM, fsmount(0, 0, 0));
	EXPECT_ERRNO(EPERM, syscall(NR_fspick, AT_FDCWD, "/", 0));
	EXPECT_ERRNO(EPERM, open_tree(AT_FDCWD, "/", CLONE_TREE));
	EXPECT_ERRNO(EPERM, move_mount(AT_FDCWD, "/", AT_FDCWD, "/tmp", 0));
	EXPECT_ERRNO(EPERM, setattr(AT_FDCWD, "/", 0, &a, sizeof(a)));
	EXPECT_OK(open_tree(AT_FDCWD, "/", 0));
}

TEST_MAIN
