/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing what exists in the root file system: inside, these are copy-ups and
 * whiteouts.  The program and the files next to it are in the lower layer; what
 * is done to them is undone, or done only where it stays inside().
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tests/harness/guest_test.h"

/* Our own program, which lies in the lower file system. */
static char self[4096];
static char dir[4096];

/* A copy made of lower files would be upper: take links to see lower ones. */
static void find_self(void)
{
	ssize_t n =
		EXPECT_OK(readlink("/proc/self/exe", self, sizeof(self) - 1));

	self[n] = '\0';
	memcpy(dir, self, (size_t)n + 1);
	*strrchr(dir, '/') = '\0';
}

static int is_elf(const char *path)
{
	char magic[4] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return 0;
	EXPECT_EQ(4, read(fd, magic, 4));
	EXPECT_OK(close(fd));
	return !memcmp(magic, "\177ELF", 4);
}

static int count(const char *path, const char *name)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	EXPECT_TRUE(d != NULL);
	while ((e = readdir(d)))
		n += !strcmp(e->d_name, name);
	closedir(d);
	return n;
}

/* ".": made by the runner, so it is lower inside. */
TEST(overlay_fs, make_and_remove_in_a_lower_directory)
{
	struct stat a, b;

	EXPECT_OK(stat(".", &a));
	EXPECT_OK(mkdir("d", 0755));
	EXPECT_OK(close(open("d/f", O_CREAT | O_RDWR, 0600)));
	EXPECT_ERRNO(ENOTEMPTY, rmdir("d"));
	EXPECT_OK(rename("d/f", "g"));
	EXPECT_OK(rmdir("d"));
	EXPECT_EQ(1, count(".", "g"));
	EXPECT_EQ(0, count(".", "d"));
	EXPECT_OK(unlink("g"));
	EXPECT_EQ(0, count(".", "g"));
	EXPECT_OK(stat(".", &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(a.st_dev, b.st_dev);
}

TEST(overlay_fs, lower_file_in_use_is_renamed_and_comes_back)
{
	struct stat a, b;
	char other[4200];

	find_self();
	if (access(dir, W_OK) < 0)
		SKIP("needs root");
	snprintf(other, sizeof(other), "%s.tmp%d", self, getpid());
	EXPECT_OK(stat(self, &a));
	EXPECT_OK(rename(self, other));
	EXPECT_ERRNO(ENOENT, stat(self, &b));
	EXPECT_OK(stat(other, &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(a.st_dev, b.st_dev);
	EXPECT_EQ(a.st_size, b.st_size);
	EXPECT_TRUE(is_elf(other));
	EXPECT_EQ(0, count(dir, strrchr(self, '/') + 1));
	EXPECT_EQ(1, count(dir, strrchr(other, '/') + 1));
	EXPECT_OK(rename(other, self));
	EXPECT_TRUE(is_elf(self));
	EXPECT_EQ(1, count(dir, strrchr(self, '/') + 1));
}

TEST(overlay_fs, mode_and_times_of_a_lower_file)
{
	struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } };
	struct stat a, b;
	int fd;

	find_self();
	if (geteuid())
		SKIP("needs root");
	EXPECT_OK(stat(self, &a));
	fd = EXPECT_OK(open(self, O_RDONLY));
	EXPECT_OK(chmod(self, 0711));
	EXPECT_OK(utimensat(AT_FDCWD, self, t, 0));
	EXPECT_OK(stat(self, &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(0711, b.st_mode & 0777);
	EXPECT_EQ(2000, b.st_mtim.tv_sec);
	EXPECT_EQ(7, b.st_mtim.tv_nsec);
	/* A descriptor from before sees the same file. */
	EXPECT_OK(fstat(fd, &b));
	EXPECT_EQ(0711, b.st_mode & 0777);
	t[0] = a.st_atim;
	t[1] = a.st_mtim;
	EXPECT_OK(fchmod(fd, a.st_mode & 07777));
	EXPECT_OK(futimens(fd, t));
	EXPECT_OK(stat(self, &b));
	EXPECT_EQ(a.st_mode, b.st_mode);
	EXPECT_EQ(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
}

TEST(overlay_fs, hard_link_of_a_lower_file)
{
	struct stat a, b;
	char other[4200];

	find_self();
	if (geteuid())
		SKIP("needs root");
	snprintf(other, sizeof(other), "%s.lnk%d", self, getpid());
	EXPECT_OK(link(self, other));
	EXPECT_OK(stat(self, &a));
	EXPECT_OK(stat(other, &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(2, a.st_nlink);
	EXPECT_EQ(2, b.st_nlink);
	EXPECT_ERRNO(EEXIST, link(self, other));
	EXPECT_OK(chmod(other, 0700));
	EXPECT_OK(stat(self, &b));
	EXPECT_EQ(0700, b.st_mode & 0777);
	EXPECT_OK(chmod(self, a.st_mode & 0777));
	EXPECT_OK(unlink(other));
	EXPECT_OK(stat(self, &a));
	EXPECT_EQ(1, a.st_nlink);
}

/* A lower file that may be written: a copy of this program is upper, so the
 * program itself is taken; it may be written to only where it does not run. */
TEST(overlay_fs, running_program_is_busy)
{
	find_self();
	if (geteuid())
		SKIP("needs root");
	EXPECT_ERRNO(ETXTBSY, open(self, O_RDWR));
	EXPECT_ERRNO(ETXTBSY, truncate(self, 0));
}

/* Another program in the same folder; NULL if there is none. */
static const char *lower_file(void)
{
	static char path[8192];
	DIR *d;
	struct dirent *e;

	find_self();
	d = opendir(dir);
	EXPECT_TRUE(d != NULL);
	while ((e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		/* Object lists that nothing runs. */
		if (strstr(e->d_name, ".d") && access(path, W_OK) == 0)
			break;
	}
	closedir(d);
	return e ? path : NULL;
}

/* Only inside: natively the file would be changed for real. */
static int inside(void)
{
	char line[256] = "";
	int fd = open("/proc/1/comm", O_RDONLY);

	if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0)
		return 0;
	close(fd);
	return !strncmp(line, "overlay_fs", 10);
}

TEST(overlay_fs, reader_and_mapping_see_the_copied_up_file)
{
	const char *path = "f";
	struct stat a, b;
	int r, w;
	volatile char *m;
	char c;

	w = EXPECT_OK(open("f", O_CREAT | O_RDWR | O_TRUNC, 0644));
	EXPECT_EQ(5, write(w, "lower", 5));
	EXPECT_OK(close(w));
	if (inside() && lower_file())
		path = lower_file();
	EXPECT_OK(stat(path, &a));
	r = EXPECT_OK(open(path, O_RDONLY));
	m = EXPECT_OK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, r, 0));
	(void)m[0];
	w = EXPECT_OK(open(path, O_RDWR));
	EXPECT_EQ(1, pwrite(w, "\1", 1, 0));
	EXPECT_EQ(1, pread(r, &c, 1, 0));
	EXPECT_EQ(1, c);
	EXPECT_EQ(1, m[0]);
	EXPECT_OK(fstat(r, &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(a.st_dev, b.st_dev);
	EXPECT_OK(ftruncate(w, 1));
	EXPECT_OK(fstat(r, &b));
	EXPECT_EQ(1, b.st_size);
}

TEST(overlay_fs, removed_lower_file_lives_while_open)
{
	const char *path = "f";
	struct stat st;
	char c;
	int r = EXPECT_OK(open("f", O_CREAT | O_RDWR | O_TRUNC, 0644));

	EXPECT_EQ(1, write(r, "x", 1));
	if (inside() && lower_file())
		path = lower_file();
	r = EXPECT_OK(open(path, O_RDONLY));
	EXPECT_OK(unlink(path));
	EXPECT_ERRNO(ENOENT, open(path, O_RDONLY));
	EXPECT_EQ(1, pread(r, &c, 1, 0));
	EXPECT_OK(fstat(r, &st));
	EXPECT_EQ(0, st.st_nlink);
	/* A new file of the name is another one, and empty. */
	EXPECT_OK(close(open(path, O_CREAT | O_EXCL | O_RDWR, 0600)));
	EXPECT_OK(stat(path, &st));
	EXPECT_EQ(0, st.st_size);
	EXPECT_OK(unlink(path));
	EXPECT_ERRNO(ENOENT, stat(path, &st));
}

TEST(overlay_fs, directory_in_place_of_a_removed_one_is_empty)
{
	EXPECT_OK(mkdir("d", 0755));
	EXPECT_OK(mkdir("d/sub", 0755));
	EXPECT_OK(rmdir("d/sub"));
	EXPECT_OK(rmdir("d"));
	EXPECT_OK(mkdir("d", 0700));
	EXPECT_EQ(0, count("d", "sub"));
	EXPECT_EQ(1, count("d", ".."));
	EXPECT_OK(rmdir("d"));
}

TEST(overlay_fs, readdir_while_names_come_and_go)
{
	char name[64];
	int seen[200] = { 0 }, i;
	struct dirent *e;
	DIR *d;

	EXPECT_OK(mkdir("many", 0755));
	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		EXPECT_OK(close(open(name, O_CREAT | O_WRONLY, 0600)));
	}
	d = opendir("many");
	EXPECT_TRUE(d != NULL);
	/* What was there all the time comes exactly once. */
	for (int n = 0; (e = readdir(d)); n++) {
		if (sscanf(e->d_name, "%d", &i) == 1 && i < 200)
			seen[i]++;
		snprintf(name, sizeof(name), "many/x%d", n);
		if (n < 50)
			EXPECT_OK(close(open(name, O_CREAT | O_WRONLY, 0600)));
		snprintf(name, sizeof(name), "many/%d", 199 - n / 4);
		(void)unlink(name);
	}
	for (i = 0; i < 140; i++)
		EXPECT_EQ(1, seen[i]);
	rewinddir(d);
	closedir(d);
	EXPECT_EQ(1, count("many", "x49"));
}

TEST(overlay_fs, names_and_inodes_agree)
{
	DIR *d = opendir("/usr/share");
	struct dirent *e;
	struct stat st;
	int n = 0;

	EXPECT_TRUE(d != NULL);
	while ((e = readdir(d)) && n < 50) {
		if (!strcmp(e->d_name, ".."))
			continue;
		EXPECT_OK(
			fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW));
		EXPECT_EQ(st.st_ino, e->d_ino);
		if (e->d_type != DT_UNKNOWN)
			EXPECT_EQ(IFTODT(st.st_mode), e->d_type);
		n++;
	}
	EXPECT_TRUE(n > 3);
}

TEST(overlay_fs, lower_directory_is_renamed)
{
	struct stat a, b;

	EXPECT_OK(mkdir("old", 0755));
	EXPECT_OK(close(open("old/f", O_CREAT | O_WRONLY, 0600)));
	EXPECT_OK(stat("old", &a));
	EXPECT_OK(rename("old", "new"));
	EXPECT_OK(stat("new", &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_OK(unlink("new/f"));
	EXPECT_OK(mkdir("empty", 0755));
	EXPECT_OK(rename("new", "empty"));
	EXPECT_OK(rmdir("empty"));
}

TEST_MAIN
