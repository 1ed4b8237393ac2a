/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount: mount(2), umount2(2), name_to_handle_at(2), in a mount namespace of
 * its own where there are such.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "tests/harness/guest_test.h"

static void enter(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNS) < 0 && errno != ENOSYS && errno != EINVAL)
		SKIP("no mount namespace");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		SKIP("may not mount");
	EXPECT_OK(chdir(scratch("/tmp")));
	EXPECT_OK(mkdir("m", 0755));
}

TEST(mount, tmpfs_covers_a_directory)
{
	struct statfs s;
	struct stat up, in;
	int fd;

	enter();
	EXPECT_OK(close(EXPECT_OK(open("m/under", O_CREAT | O_RDWR, 0600))));
	EXPECT_OK(mount("src", "m", "tmpfs", MS_NOSUID, "size=64k,mode=750"));
	EXPECT_ERRNO(ENOENT, stat("m/under", &in));
	EXPECT_OK(stat(".", &up));
	EXPECT_OK(stat("m", &in));
	EXPECT_TRUE(up.st_dev != in.st_dev);
	EXPECT_EQ(040750, in.st_mode);
	EXPECT_OK(stat("m/..", &in));
	EXPECT_EQ(up.st_ino, in.st_ino);
	EXPECT_OK(statfs("m", &s));
	EXPECT_EQ(0x01021994, s.f_type);
	EXPECT_EQ(16, s.f_blocks);
	EXPECT_TRUE(s.f_flags & 2);
	EXPECT_ERRNO(EBUSY, rmdir("m"));
	EXPECT_ERRNO(EBUSY, rename("m", "n"));
	EXPECT_ERRNO(EXDEV, rename("m/x", "x"));
	fd = EXPECT_OK(open("m/f", O_CREAT | O_RDWR, 0600));
	EXPECT_ERRNO(EXDEV, link("m/f", "f"));
	EXPECT_ERRNO(EBUSY, umount("m"));
	EXPECT_OK(close(fd));
	EXPECT_OK(umount("m"));
	EXPECT_OK(stat("m/under", &in));
	EXPECT_ERRNO(EINVAL, umount("m"));
}

TEST(mount, a_tmpfs_gets_half_of_memory)
{
	char line[512], found = 0;
	struct statfs s;
	uint64_t half;
	FILE *f;

	enter();
	EXPECT_OK(mount("half", "m", "tmpfs", 0, NULL));
	EXPECT_OK(statfs("m", &s));
	half = (uint64_t)sysconf(_SC_PHYS_PAGES) / 2;
	EXPECT_EQ(half, s.f_blocks);
	EXPECT_EQ(half, s.f_files);
	EXPECT_TRUE(s.f_bfree <= s.f_blocks && s.f_bfree > 0);
	f = fopen("/proc/self/mounts", "r");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "half ", 5)) {
			found = 1;
			EXPECT_TRUE(!strstr(line, "size="));
			EXPECT_TRUE(!strstr(line, "nr_inodes="));
		}
	EXPECT_TRUE(found);
	EXPECT_OK(umount("m"));
	EXPECT_OK(mount("none", "m", "tmpfs", 0, "size=0,nr_inodes=0"));
	EXPECT_OK(statfs("m", &s));
	EXPECT_EQ(0, s.f_blocks);
	EXPECT_EQ(0, s.f_files);
}

TEST(mount, readonly)
{
	int fd;

	enter();
	EXPECT_OK(mount("src", "m", "tmpfs", 0, NULL));
	EXPECT_OK(close(EXPECT_OK(open("m/f", O_CREAT | O_RDWR, 0600))));
	EXPECT_OK(mount("src", "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY,
			NULL));
	EXPECT_ERRNO(EROFS, open("m/f", O_RDWR));
	EXPECT_ERRNO(EROFS, open("m/f", O_TRUNC));
	EXPECT_ERRNO(EROFS, open("m/new", O_CREAT | O_RDWR, 0600));
	fd = EXPECT_OK(open("m/f", O_CREAT | O_RDONLY, 0600));
	EXPECT_ERRNO(EROFS, fchmod(fd, 0777));
	EXPECT_ERRNO(EROFS, mkdir("m/d", 0700));
	EXPECT_ERRNO(EEXIST, mkdir("m/f", 0700));
	EXPECT_ERRNO(EROFS, unlink("m/f"));
	EXPECT_ERRNO(EROFS, unlink("m/no"));
	EXPECT_ERRNO(EROFS, rename("m/f", "m/g"));
	EXPECT_ERRNO(EROFS, access("m/f", W_OK));
	EXPECT_ERRNO(EROFS, truncate("m/f", 0));
	EXPECT_ERRNO(EROFS, symlink("x", "m/s"));
	EXPECT_OK(access("m/f", R_OK));
}

TEST(mount, bind)
{
	struct stat a, b;

	enter();
	EXPECT_OK(mkdir("from", 0700));
	EXPECT_OK(close(EXPECT_OK(open("from/f", O_CREAT | O_RDWR, 0600))));
	EXPECT_OK(mount("from", "m", NULL, MS_BIND, NULL));
	EXPECT_OK(stat("m/f", &a));
	EXPECT_OK(stat("from/f", &b));
	EXPECT_EQ(b.st_ino, a.st_ino);
	EXPECT_ERRNO(EXDEV, rename("m/f", "from/g"));
	EXPECT_OK(umount2("m", MNT_DETACH));
	EXPECT_ERRNO(ENOTDIR, mount("from/f", "m", NULL, MS_BIND, NULL));
}

TEST(mount, errors)
{
	enter();
	EXPECT_ERRNO(ENODEV, mount("x", "m", "no-such-fs", 0, NULL));
	EXPECT_ERRNO(ENOENT, mount("x", "no", "tmpfs", 0, NULL));
	EXPECT_ERRNO(EINVAL, mount("x", "m", "tmpfs", 0, "nonsense=1"));
	EXPECT_ERRNO(EINVAL, umount2("m", 0x100));
	EXPECT_ERRNO(EINVAL, umount("m"));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setuid(1234));
			    EXPECT_ERRNO(EPERM,
					 mount("x", "/", "tmpfs", 0, NULL));
			    EXPECT_ERRNO(EPERM, umount("/"));
		    }));
}

TEST_MAIN
