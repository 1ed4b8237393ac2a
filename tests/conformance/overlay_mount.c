/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay_mount: mount -t overlay over directories of a tmpfs, as
 * Documentation/filesystems/overlayfs.rst of Linux says.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/harness/guest_test.h"

static void put(const char *path, const char *text)
{
	int fd = EXPECT_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	EXPECT_EQ((long)strlen(text), write(fd, text, strlen(text)));
	EXPECT_OK(close(fd));
}

static int has(const char *path, const char *text)
{
	char buf[256] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return 0;
	EXPECT_TRUE(read(fd, buf, sizeof(buf) - 1) >= 0);
	EXPECT_OK(close(fd));
	return strcmp(buf, text) == 0;
}

static int exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int is_whiteout(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

/* The names of a directory, sorted and joined; each must come once. */
static const char *names(const char *path)
{
	static char text[512];
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort);

	EXPECT_TRUE(n >= 0);
	text[0] = '\0';
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.') {
			strcat(text, list[i]->d_name);
			strcat(text, " ");
		}
		free(list[i]);
	}
	free(list);
	return text;
}

/* A tmpfs at the current directory with low, low2, up, work, m. */
static void layers(void)
{
	static const char *const dirs[] = { "low", "low2", "up", "work", "m" };

	if (geteuid())
		SKIP("needs root");
	if (unshare(CLONE_NEWNS) < 0)
		SKIP("needs a mount namespace");
	EXPECT_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	EXPECT_OK(chdir(scratch("/tmp")));
	EXPECT_OK(mkdir("t", 0755));
	EXPECT_OK(mount("t", "t", "tmpfs", 0, NULL));
	EXPECT_OK(chdir("t"));
	for (unsigned int i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		EXPECT_OK(mkdir(dirs[i], 0755));
	put("low/a", "a");
	EXPECT_OK(mkdir("low/d", 0755));
	put("low/d/x", "x");
	put("low/d/y", "y");
}

#define OPTS "lowerdir=low,upperdir=up,workdir=work"

static void overlay(void)
{
	layers();
	if (mount("overlay", "m", "overlay", 0, OPTS ",redirect_dir=on") < 0)
		SKIP("no overlay here");
}

TEST(overlay_mount, shows_both_layers)
{
	layers();
	put("up/b", "b");
	put("up/a2", "2");
	EXPECT_OK(mkdir("up/d", 0755));
	put("up/d/y", "upper");
	put("up/d/z", "z");
	EXPECT_OK(mount("overlay", "m", "overlay", 0, OPTS));
	EXPECT_STR("a a2 b d ", names("m"));
	EXPECT_STR("x y z ", names("m/d"));
	EXPECT_TRUE(has("m/d/x", "x"));
	EXPECT_TRUE(has("m/d/y", "upper"));
}

TEST(overlay_mount, write_copies_up)
{
	struct stat before, after;
	char buf[8] = "";
	int fd, ro;

	overlay();
	EXPECT_OK(stat("m/a", &before));
	ro = EXPECT_OK(open("m/a", O_RDONLY));
	fd = EXPECT_OK(open("m/a", O_WRONLY | O_APPEND));
	EXPECT_EQ(1, write(fd, "b", 1));
	EXPECT_EQ(2, pread(ro, buf, 8, 0)); /* goes over to the copy */
	EXPECT_TRUE(has("low/a", "a"));
	EXPECT_TRUE(has("up/a", "ab"));
	EXPECT_TRUE(has("m/a", "ab"));
	EXPECT_OK(stat("m/a", &after));
	EXPECT_EQ(before.st_ino, after.st_ino);
	EXPECT_EQ(before.st_dev, after.st_dev);
	EXPECT_OK(close(ro));
	EXPECT_OK(close(fd));
}

TEST(overlay_mount, attributes_copy_up)
{
	struct timespec t[2] = { { 100, 5 }, { 200, 6 } };
	struct stat st;

	overlay();
	EXPECT_OK(utimensat(AT_FDCWD, "low/d/x", t, 0));
	EXPECT_OK(setxattr("low/d/x", "trusted.note", "hi", 2, 0));
	EXPECT_OK(chmod("m/d/x", 0600));
	EXPECT_OK(stat("up/d/x", &st));
	EXPECT_EQ(0100600, st.st_mode);
	EXPECT_EQ(200, st.st_mtim.tv_sec);
	EXPECT_EQ(6, st.st_mtim.tv_nsec);
	EXPECT_EQ(2, getxattr("up/d/x", "trusted.note", NULL, 0));
	EXPECT_OK(stat("low/d/x", &st));
	EXPECT_EQ(0100644, st.st_mode);
	EXPECT_OK(chown("m/d/y", 5, 6));
	EXPECT_OK(stat("up/d/y", &st));
	EXPECT_EQ(5, st.st_uid);
	EXPECT_EQ(6, st.st_gid);
	EXPECT_OK(truncate("m/a", 0));
	EXPECT_TRUE(has("up/a", "") && has("low/a", "a"));
}

TEST(overlay_mount, unlink_leaves_a_whiteout)
{
	overlay();
	EXPECT_OK(unlink("m/a"));
	EXPECT_TRUE(!exists("m/a") && is_whiteout("up/a") && exists("low/a"));
	EXPECT_STR("d ", names("m"));
	put("m/a", "again");
	EXPECT_TRUE(has("up/a", "again"));
	EXPECT_OK(unlink("m/a"));
	EXPECT_TRUE(is_whiteout("up/a"));
	put("m/n", "n");
	EXPECT_OK(unlink("m/n"));
	EXPECT_TRUE(!exists("up/n"));
	EXPECT_ERRNO(EPERM, mknod("m/w", S_IFCHR | 0600, 0));
}

TEST(overlay_mount, open_file_outlives_its_name)
{
	char buf[4];
	int fd;

	overlay();
	fd = EXPECT_OK(open("m/a", O_RDWR));
	EXPECT_OK(unlink("m/a"));
	EXPECT_EQ(1, pwrite(fd, "z", 1, 1));
	EXPECT_EQ(2, pread(fd, buf, 4, 0));
	EXPECT_TRUE(!exists("m/a"));
	EXPECT_OK(close(fd));
}

TEST(overlay_mount, rmdir_and_mkdir_make_opaque)
{
	char buf[64] = "";

	overlay();
	EXPECT_ERRNO(ENOTEMPTY, rmdir("m/d"));
	EXPECT_OK(unlink("m/d/x"));
	EXPECT_OK(unlink("m/d/y"));
	EXPECT_STR("", names("m/d"));
	EXPECT_OK(rmdir("m/d"));
	EXPECT_TRUE(is_whiteout("up/d"));
	EXPECT_OK(mkdir("m/d", 0700));
	EXPECT_STR("", names("m/d"));
	EXPECT_EQ(1, getxattr("up/d", "trusted.overlay.opaque", NULL, 0));
	EXPECT_EQ(0, listxattr("m/d", buf, sizeof(buf)));
	/* One that is set through the overlay is not the overlay's. */
	EXPECT_OK(setxattr("m/d", "trusted.overlay.opaque", "n", 1, 0));
	EXPECT_EQ(1, getxattr("up/d", "trusted.overlay.overlay.opaque", buf,
			      sizeof(buf)));
	EXPECT_EQ(23, listxattr("m/d", buf, sizeof(buf)));
	EXPECT_STR("trusted.overlay.opaque", buf);
	EXPECT_OK(removexattr("m/d", "trusted.overlay.opaque"));
	EXPECT_EQ(1, getxattr("up/d", "trusted.overlay.opaque", NULL, 0));
}

TEST(overlay_mount, rename_of_files)
{
	overlay();
	EXPECT_OK(rename("m/a", "m/b"));
	EXPECT_TRUE(has("m/b", "a") && is_whiteout("up/a") && !exists("m/a"));
	EXPECT_OK(rename("m/d/x", "m/d/y")); /* over a lower file */
	EXPECT_TRUE(has("m/d/y", "x") && is_whiteout("up/d/x"));
	EXPECT_STR("y ", names("m/d"));
	put("m/n", "new");
	EXPECT_OK(rename("m/n", "m/a")); /* over a whiteout */
	EXPECT_TRUE(has("m/a", "new") && !exists("up/n"));
	EXPECT_OK(rename("m/a", "m/b"));
	EXPECT_TRUE(has("m/b", "new") && is_whiteout("up/a"));
	EXPECT_ERRNO(EINVAL, renameat2(AT_FDCWD, "m/b", AT_FDCWD, "m/c",
				       RENAME_WHITEOUT));
	EXPECT_OK(
		renameat2(AT_FDCWD, "m/b", AT_FDCWD, "m/d/y", RENAME_EXCHANGE));
	EXPECT_TRUE(has("m/b", "x") && has("m/d/y", "new"));
}

TEST(overlay_mount, rename_of_directories)
{
	char path[64] = "";

	overlay();
	EXPECT_OK(rename("m/d", "m/e"));
	EXPECT_STR("a e ", names("m"));
	EXPECT_STR("x y ", names("m/e"));
	EXPECT_TRUE(is_whiteout("up/d"));
	EXPECT_TRUE(getxattr("up/e", "trusted.overlay.redirect", path, 63) > 0);
	EXPECT_TRUE(strstr(path, "d") != NULL);
	put("m/e/z", "z");
	EXPECT_OK(mkdir("m/d", 0755));
	EXPECT_STR("", names("m/d"));
	EXPECT_OK(rmdir("m/d"));
	EXPECT_OK(mkdir("m/q", 0755));
	EXPECT_OK(rename("m/e", "m/q/r"));
	EXPECT_STR("x y z ", names("m/q/r"));
	/* And again after a new mount. */
	EXPECT_OK(umount("m"));
	EXPECT_OK(mount("overlay", "m", "overlay", 0, OPTS));
	EXPECT_STR("a q ", names("m"));
	EXPECT_STR("x y z ", names("m/q/r"));
	EXPECT_TRUE(has("m/q/r/x", "x"));
}

TEST(overlay_mount, empty_directory_is_replaced)
{
	overlay();
	EXPECT_OK(mkdir("m/n", 0755));
	put("m/n/f", "f");
	EXPECT_ERRNO(ENOTEMPTY, rename("m/n", "m/d"));
	EXPECT_OK(unlink("m/d/x"));
	EXPECT_OK(unlink("m/d/y"));
	EXPECT_OK(rename("m/n", "m/d"));
	EXPECT_STR("f ", names("m/d"));
	EXPECT_STR("a d ", names("m"));
}

TEST(overlay_mount, links)
{
	struct stat a, b;
	char buf[8] = "";
	int fd;

	overlay();
	EXPECT_OK(link("m/a", "m/d/l"));
	EXPECT_OK(stat("m/a", &a));
	EXPECT_OK(stat("m/d/l", &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(2, a.st_nlink);
	EXPECT_OK(unlink("m/a"));
	EXPECT_TRUE(has("m/d/l", "a"));
	EXPECT_OK(link("m/d/l", "m/a")); /* over a whiteout */
	EXPECT_TRUE(has("m/a", "a"));
	EXPECT_OK(symlink("d/x", "m/s"));
	EXPECT_EQ(3, readlink("m/s", buf, 8));
	fd = EXPECT_OK(open("m", O_TMPFILE | O_RDWR, 0600));
	EXPECT_EQ(1, write(fd, "t", 1));
	EXPECT_OK(linkat(fd, "", AT_FDCWD, "m/tmp", AT_EMPTY_PATH));
	EXPECT_OK(close(fd));
	EXPECT_TRUE(has("up/tmp", "t"));
}

TEST(overlay_mount, several_lower_layers)
{
	layers();
	put("low2/a", "hidden");
	put("low2/c", "c");
	EXPECT_OK(mkdir("low2/d", 0755));
	put("low2/d/deep", "deep");
	EXPECT_OK(mknod("low/c", S_IFCHR, 0)); /* a whiteout of a lower layer */
	EXPECT_OK(mount("overlay", "m", "overlay", 0, "lowerdir=low:low2"));
	EXPECT_STR("a d ", names("m"));
	EXPECT_STR("deep x y ", names("m/d"));
	EXPECT_TRUE(has("m/a", "a"));
	EXPECT_ERRNO(EROFS, open("m/a", O_WRONLY));
	EXPECT_ERRNO(EROFS, mkdir("m/n", 0755));
	EXPECT_ERRNO(EROFS, unlink("m/a"));
	EXPECT_OK(umount("m"));
	EXPECT_OK(setxattr("low/d", "trusted.overlay.opaque", "y", 1, 0));
	EXPECT_OK(mount("overlay", "m", "overlay", 0, "lowerdir=low:low2"));
	EXPECT_STR("x y ", names("m/d"));
}

TEST(overlay_mount, shared_mapping_writes_the_copy)
{
	char *p;
	int fd;

	overlay();
	fd = EXPECT_OK(open("m/a", O_RDWR));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT_TRUE(p != MAP_FAILED);
	p[0] = 'Q';
	EXPECT_TRUE(has("m/a", "Q") && has("up/a", "Q") && has("low/a", "a"));
	EXPECT_OK(munmap(p, 4096));
	EXPECT_OK(close(fd));
}

TEST(overlay_mount, bad_options)
{
	layers();
	EXPECT_ERRNO(EINVAL, mount("o", "m", "overlay", 0, NULL));
	EXPECT_ERRNO(EINVAL,
		     mount("o", "m", "overlay", 0, "lowerdir=low,nonsense=1"));
	EXPECT_ERRNO(ENOENT,
		     mount("o", "m", "overlay", 0, "lowerdir=none:low"));
	EXPECT_ERRNO(EINVAL,
		     mount("o", "m", "overlay", 0, "lowerdir=low,upperdir=up"));
	EXPECT_ERRNO(EINVAL, mount("o", "m", "overlay", 0,
				   "lowerdir=low,upperdir=up,workdir=up"));
	EXPECT_OK(mkdir("up/w", 0755));
	EXPECT_ERRNO(EINVAL, mount("o", "m", "overlay", 0,
				   "lowerdir=low,upperdir=up,workdir=up/w"));
}

TEST_MAIN
