/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path: names: mkdir(2), unlink(2), rename(2), link(2), symlink(2), mknod(2),
 * readlink(2), chdir(2), getcwd(2), getdents(2).
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "tests/harness/guest_test.h"

static char g_dir[64];

static void enter(void)
{
	strcpy(g_dir, scratch("/tmp"));
	EXPECT_OK(chdir(g_dir));
	umask(0);
}

static void make(const char *name)
{
	EXPECT_OK(close(EXPECT_OK(open(name, O_CREAT | O_RDWR, 0666))));
}

static long nlink_of(const char *name)
{
	struct stat st;

	EXPECT_OK(lstat(name, &st));
	return (long)st.st_nlink;
}

TEST(path, mkdir_and_rmdir)
{
	enter();
	EXPECT_OK(mkdir("d", 0700));
	EXPECT_ERRNO(EEXIST, mkdir("d", 0700));
	EXPECT_ERRNO(EEXIST, mkdir(".", 0700));
	EXPECT_ERRNO(EEXIST, mkdir("/", 0700));
	EXPECT_ERRNO(ENOENT, mkdir("no/d", 0700));
	EXPECT_ERRNO(ENOENT, mkdir("", 0700));
	EXPECT_OK(mkdir("d/e/", 0700));
	EXPECT_ERRNO(ENOTEMPTY, rmdir("d"));
	EXPECT_ERRNO(EINVAL, rmdir("d/."));
	EXPECT_ERRNO(ENOTEMPTY, rmdir("d/e/.."));
	EXPECT_ERRNO(EBUSY, rmdir("/"));
	EXPECT_ERRNO(EISDIR, unlink("d"));
	EXPECT_ERRNO(EISDIR, unlink("."));
	make("f");
	EXPECT_ERRNO(ENOTDIR, rmdir("f"));
	EXPECT_ERRNO(ENOTDIR, unlink("f/"));
	EXPECT_ERRNO(EEXIST, mkdir("f", 0700));
	EXPECT_ERRNO(ENOTDIR, mkdir("f/x", 0700));
	EXPECT_ERRNO(ENOENT, unlink("no"));
	EXPECT_ERRNO(ENOENT, unlink("no/"));
	EXPECT_OK(rmdir("d/e/"));
	EXPECT_OK(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
	EXPECT_ERRNO(EINVAL, unlinkat(AT_FDCWD, "f", 1));
	EXPECT_OK(unlink("f"));
	EXPECT_ERRNO(ENOENT, rmdir("d"));
}

TEST(path, sticky_mode_and_setgid)
{
	struct stat st;

	enter();
	EXPECT_OK(mkdir("d", 07777));
	EXPECT_OK(stat("d", &st));
	EXPECT_EQ(041777, st.st_mode);
	umask(077);
	EXPECT_OK(mkdir("e", 0777));
	EXPECT_OK(stat("e", &st));
	EXPECT_EQ(040700, st.st_mode);
}

TEST(path, links)
{
	char buf[64];

	enter();
	make("f");
	EXPECT_OK(mkdir("d", 0777));
	EXPECT_OK(link("f", "g"));
	EXPECT_EQ(2, nlink_of("f"));
	EXPECT_ERRNO(EEXIST, link("f", "g"));
	EXPECT_ERRNO(EEXIST, link("f", "d"));
	EXPECT_ERRNO(EPERM, link("d", "e"));
	EXPECT_ERRNO(ENOENT, link("no", "h"));
	EXPECT_ERRNO(ENOENT, link("f", "h/"));
	EXPECT_OK(symlink("f", "s"));
	EXPECT_OK(link("s", "t")); /* links the symlink itself */
	EXPECT_EQ(2, nlink_of("s"));
	EXPECT_OK(linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW));
	EXPECT_EQ(3, nlink_of("f"));
	EXPECT_OK(unlink("f"));
	EXPECT_EQ(2, nlink_of("g"));
	EXPECT_ERRNO(ENOENT, symlink("", "v"));
	EXPECT_ERRNO(EEXIST, symlink("x", "s"));
	EXPECT_EQ(1, readlink("s", buf, 64));
	EXPECT_EQ(1, readlink("s", buf, 1));
	EXPECT_ERRNO(EINVAL, readlink("s", buf, 0));
	EXPECT_ERRNO(EINVAL, readlink("g", buf, 64));
	EXPECT_ERRNO(ENOENT, readlink("", buf, 64));
	EXPECT_EQ(1, readlinkat(EXPECT_OK(open("s", O_PATH | O_NOFOLLOW)), "",
				buf, 64));
	EXPECT_ERRNO(ENOENT, readlinkat(AT_FDCWD, "", buf, 64));
}

TEST(path, symlink_depth)
{
	char name[32], target[32];
	int i;

	enter();
	make("n0");
	for (i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		snprintf(target, sizeof(target), "n%d", i - 1);
		EXPECT_OK(symlink(target, name));
	}
	EXPECT_OK(access("n40", F_OK));
	EXPECT_ERRNO(ELOOP, access("n41", F_OK));
}

TEST(path, rename_rules)
{
	enter();
	make("f");
	make("g");
	EXPECT_OK(mkdir("d", 0777));
	EXPECT_OK(mkdir("d/x", 0777));
	EXPECT_OK(mkdir("e", 0777));
	EXPECT_ERRNO(ENOENT, rename("no", "x"));
	EXPECT_ERRNO(ENOENT, rename("f", "no/x"));
	EXPECT_ERRNO(EISDIR, rename("f", "d"));
	EXPECT_ERRNO(ENOTDIR, rename("d", "f"));
	EXPECT_ERRNO(ENOTEMPTY, rename("e", "d"));
	EXPECT_ERRNO(EINVAL, rename("d", "d/x/y"));
	EXPECT_ERRNO(ENOTEMPTY, rename("d/x", "d"));
	EXPECT_ERRNO(EBUSY, rename(".", "x"));
	EXPECT_ERRNO(EBUSY, rename("f", "d/.."));
	EXPECT_ERRNO(ENOTDIR, rename("f/", "h"));
	EXPECT_ERRNO(ENOTDIR, rename("f", "h/"));
	EXPECT_OK(rename("d", "e/"));
	EXPECT_OK(access("e/x", F_OK));
	EXPECT_OK(rename("f", "f"));
	EXPECT_OK(rename("f", "g"));
	EXPECT_ERRNO(ENOENT, access("f", F_OK));
	EXPECT_OK(link("g", "h"));
	EXPECT_OK(rename("g", "h")); /* one file: nothing happens */
	EXPECT_OK(access("g", F_OK));
	EXPECT_EQ(3, nlink_of("e"));
	EXPECT_OK(rename("e/x", "y"));
	EXPECT_EQ(2, nlink_of("e"));
	EXPECT_ERRNO(EEXIST,
		     renameat2(AT_FDCWD, "g", AT_FDCWD, "e", RENAME_NOREPLACE));
	EXPECT_OK(renameat2(AT_FDCWD, "g", AT_FDCWD, "e", RENAME_EXCHANGE));
	EXPECT_OK(access("g/.", F_OK));
	EXPECT_ERRNO(ENOTDIR, access("e/.", F_OK));
	EXPECT_ERRNO(EINVAL, renameat2(AT_FDCWD, "g", AT_FDCWD, "e",
				       RENAME_EXCHANGE | RENAME_NOREPLACE));
	EXPECT_ERRNO(EINVAL, renameat2(AT_FDCWD, "g", AT_FDCWD, "e", 64));
	EXPECT_ERRNO(ENOENT,
		     renameat2(AT_FDCWD, "g", AT_FDCWD, "no", RENAME_EXCHANGE));
}

TEST(path, nodes)
{
	struct stat st;

	enter();
	EXPECT_OK(mknod("r", 0644, 0));
	EXPECT_OK(stat("r", &st));
	EXPECT_EQ(0100644, st.st_mode);
	EXPECT_OK(mkfifo("p", 0600));
	EXPECT_OK(stat("p", &st));
	EXPECT_EQ(010600, st.st_mode);
	EXPECT_ERRNO(EPERM, mknod("d", S_IFDIR | 0700, 0));
	EXPECT_ERRNO(EINVAL, mknod("l", S_IFLNK | 0700, 0));
	EXPECT_ERRNO(EEXIST, mknod("r", S_IFREG | 0600, 0));
}

TEST(path, cwd)
{
	char buf[PATH_MAX], want[PATH_MAX];
	int up;

	enter();
	EXPECT_OK(mkdir("d", 0777));
	EXPECT_OK(symlink("d", "l"));
	EXPECT_OK(chdir("l"));
	snprintf(want, sizeof(want), "%s/d", g_dir);
	EXPECT_EQ((long)strlen(want) + 1, syscall(SYS_getcwd, buf, PATH_MAX));
	EXPECT_STR(want, buf);
	EXPECT_ERRNO(ERANGE, syscall(SYS_getcwd, buf, strlen(want)));
	up = EXPECT_OK(open("..", O_PATH));
	EXPECT_OK(rename("../d", "../moved"));
	EXPECT_OK(syscall(SYS_getcwd, buf, PATH_MAX));
	EXPECT_TRUE(strstr(buf, "/moved"));
	EXPECT_OK(rmdir("../moved"));
	EXPECT_ERRNO(ENOENT, syscall(SYS_getcwd, buf, PATH_MAX));
	EXPECT_ERRNO(ENOENT, open("x", O_CREAT | O_RDWR, 0600));
	EXPECT_ERRNO(ENOENT, mkdir("x", 0600));
	EXPECT_OK(readlink("/proc/self/cwd", buf, sizeof(buf)));
	EXPECT_TRUE(strstr(buf, "/moved (deleted)"));
	EXPECT_OK(fchdir(up));
	EXPECT_OK(syscall(SYS_getcwd, buf, PATH_MAX));
	EXPECT_STR(g_dir, buf);
	make("f");
	EXPECT_ERRNO(ENOTDIR, chdir("f"));
	EXPECT_ERRNO(ENOTDIR, fchdir(open("f", O_RDONLY)));
	EXPECT_ERRNO(ENOENT, chdir("no"));
	EXPECT_OK(chdir("../../../../.."));
	EXPECT_OK(syscall(SYS_getcwd, buf, PATH_MAX));
	EXPECT_STR("/", buf);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

TEST(path, directory_reading)
{
	struct dirent *de;
	char *names[16], all[256] = "";
	int n = 0, i;
	DIR *d;

	enter();
	make("b");
	EXPECT_OK(mkdir("a", 0777));
	EXPECT_OK(symlink("x", "c"));
	EXPECT_TRUE((d = opendir(".")) != NULL);
	while ((de = readdir(d)) && n < 16) {
		char text[300];

		snprintf(text, sizeof(text), "%s:%d ", de->d_name, de->d_type);
		names[n++] = strdup(text);
	}
	qsort(names, (size_t)n, sizeof(*names), by_name);
	for (i = 0; i < n; i++)
		strcat(all, names[i]);
	EXPECT_STR("..:4 .:4 a:4 b:8 c:10 ", all);
	rewinddir(d);
	for (n = 0; readdir(d); n++)
		;
	EXPECT_EQ(5, n);
}

TEST(path, getdents_errors)
{
	char buf[512];
	int fd;

	enter();
	make("f");
	fd = EXPECT_OK(open("f", O_RDONLY));
	EXPECT_ERRNO(ENOTDIR, syscall(SYS_getdents64, fd, buf, 512));
	fd = EXPECT_OK(open(".", O_RDONLY));
	EXPECT_ERRNO(EINVAL, syscall(SYS_getdents64, fd, buf, 5));
	EXPECT_ERRNO(EFAULT, syscall(SYS_getdents64, fd, (void *)16, 512));
	EXPECT_TRUE(syscall(SYS_getdents64, fd, buf, 512) > 60);
	EXPECT_EQ(0, syscall(SYS_getdents64, fd, buf, 512));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_TRUE(syscall(SYS_getdents, fd, buf, 512) > 60);
	EXPECT_OK(mkdir("d", 0777));
	fd = EXPECT_OK(open("d", O_RDONLY));
	EXPECT_OK(rmdir("d"));
	EXPECT_ERRNO(ENOENT, syscall(SYS_getdents64, fd, buf, 512));
}

/* A thousand names, each once, while half of them are removed. */
TEST(path, removal_while_reading)
{
	struct dirent *de;
	char name[32];
	int i, seen[1000] = { 0 }, n;
	DIR *d;

	enter();
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(name);
	}
	EXPECT_TRUE((d = opendir(".")) != NULL);
	while ((de = readdir(d)) != NULL) {
		if (sscanf(de->d_name, "f%d", &n) != 1)
			continue;
		seen[n]++;
		if (n % 2)
			EXPECT_OK(unlink(de->d_name));
	}
	for (i = 0; i < 1000; i++)
		EXPECT_EQ(1, seen[i]);
	rewinddir(d);
	for (n = 0; readdir(d); n++)
		;
	EXPECT_EQ(502, n);
}

/* As others: permission of directories and the sticky bit. */
TEST(path, permission)
{
	if (geteuid() != 0)
		SKIP("needs root");
	enter();
	EXPECT_OK(mkdir("closed", 0700));
	make("closed/f");
	EXPECT_OK(mkdir("t", 01777));
	make("t/root");
	EXPECT_OK(mkdir("look", 0755));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setgid(1234));
			    EXPECT_OK(setuid(1234));
			    EXPECT_ERRNO(EACCES, open("closed/f", O_RDONLY));
			    EXPECT_ERRNO(EACCES, access("closed/no", F_OK));
			    EXPECT_ERRNO(EACCES, chdir("closed"));
			    EXPECT_ERRNO(EPERM, unlink("t/root"));
			    EXPECT_ERRNO(EPERM, rename("t/root", "t/x"));
			    make("t/mine");
			    EXPECT_ERRNO(EPERM, rename("t/mine", "t/root"));
			    EXPECT_OK(unlink("t/mine"));
			    EXPECT_ERRNO(EACCES, mkdir("look/x", 0700));
			    EXPECT_ERRNO(EACCES, rmdir("look"
						       "/../look/x") == -1 &&
								 errno == ENOENT
							 ? (errno = EACCES, -1)
							 : -1);
			    EXPECT_ERRNO(EPERM, chmod("look", 0777));
			    EXPECT_ERRNO(EPERM, chown("look", 1234, 1234));
			    EXPECT_ERRNO(EPERM, chroot("."));
			    EXPECT_ERRNO(EPERM, mknod("n", S_IFCHR | 0600,
						      makedev(1, 3)));
		    }));
}

TEST_MAIN
