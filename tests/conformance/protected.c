/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protected: /proc/sys/fs/protected_symlinks, _fifos, _regular, _hardlinks.
 *
 * They belong to the whole system: natively a test uses them as they are, and
 * changes them only in a sandbox (it asks the kernel's name).
 */
#include <sys/utsname.h>

#include "tests/harness/guest_test.h"

#define NOBODY 65534
#define OTHER  1234

static int read_switch(const char *name)
{
	char path[80], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/protected_%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		SKIP("needs root");
	EXPECT_TRUE(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atoi(text);
}

static int write_switch(const char *name, const char *value)
{
	char path[80];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/sys/fs/protected_%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -1;
	ret = (int)write(fd, value, strlen(value));
	close(fd);
	return ret;
}

/* As @value, or what it is natively. */
static int choose(const char *name, const char *value)
{
	struct utsname u;

	if (geteuid() != 0)
		SKIP("needs root");
	EXPECT_OK(uname(&u));
	if (strstr(u.release, "moat"))
		EXPECT_TRUE(write_switch(name, value) > 0);
	return read_switch(name);
}

static void become(int uid)
{
	EXPECT_OK(setgid((gid_t)uid));
	EXPECT_OK(setuid((uid_t)uid));
}

/* A directory of root with @mode and, of OTHER, a file, FIFO and link. */
static void sticky(unsigned mode)
{
	EXPECT_OK(mkdir("s", 0777));
	EXPECT_OK(chmod("s", mode));
	EXPECT_OK(close(EXPECT_OK(open("s/file", O_CREAT | O_RDWR, 0666))));
	EXPECT_OK(chmod("s/file", 0666));
	EXPECT_OK(mkfifo("s/fifo", 0666));
	EXPECT_OK(chmod("s/fifo", 0666));
	EXPECT_OK(close(EXPECT_OK(open("target", O_CREAT | O_RDWR, 0666))));
	EXPECT_OK(chmod("target", 0666));
	EXPECT_OK(symlink("../target", "s/link"));
	EXPECT_OK(chown("s/file", OTHER, OTHER));
	EXPECT_OK(chown("s/fifo", OTHER, OTHER));
	EXPECT_OK(lchown("s/link", OTHER, OTHER));
}

static void expect_allowed(int allowed, int fd)
{
	int err = errno;

	if (allowed && fd < 0)
		FAIL("refused: %s", strerrorname_np(err));
	if (!allowed && fd >= 0)
		FAIL("allowed");
	if (!allowed)
		EXPECT_EQ(EACCES, err);
}

static void links(const char *value)
{
	int on = choose("symlinks", value);

	sticky(01777);
	pid_t other = CHILD({
		become(NOBODY);
		expect_allowed(!on, open("s/link", O_RDONLY));
		expect_allowed(!on, open("s/link", O_RDWR | O_CREAT, 0600));
		expect_allowed(1, open("s/link", O_PATH | O_NOFOLLOW));
	});
	EXPECT_EXIT(0, other);
	pid_t own = CHILD({
		become(OTHER);
		expect_allowed(1, open("s/link", O_RDONLY));
	});
	EXPECT_EXIT(0, own);
	EXPECT_OK(chmod("s", 0777)); /* not sticky: not looked at */
	pid_t any = CHILD({
		become(NOBODY);
		expect_allowed(1, open("s/link", O_RDONLY));
	});
	EXPECT_EXIT(0, any);
}

TEST(protected, links_are_followed_if_switched_off)
{
	links("0");
}

TEST(protected, links_of_others_in_sticky_directories)
{
	links("1");
}

static void files(const char *value, unsigned mode)
{
	int regular = choose("regular", value), fifos = choose("fifos", value);
	int need = mode & 0002 ? 1 : 2;

	sticky(mode);
	pid_t child = CHILD({
		become(NOBODY);
		expect_allowed(regular < need,
			       open("s/file", O_RDWR | O_CREAT, 0600));
		expect_allowed(1, open("s/file", O_RDWR));
		expect_allowed(fifos < need,
			       open("s/fifo", O_RDWR | O_CREAT, 0600));
		EXPECT_ERRNO(EEXIST,
			     open("s/file", O_RDWR | O_CREAT | O_EXCL, 0600));
	});
	EXPECT_EXIT(0, child);
	child = CHILD({
		become(OTHER);
		expect_allowed(1, open("s/file", O_RDWR | O_CREAT, 0600));
	});
	EXPECT_EXIT(0, child);
}

TEST(protected, files_at_level_0)
{
	files("0", 01777);
}

TEST(protected, files_at_level_1)
{
	files("1", 01777);
}

TEST(protected, files_at_level_1_in_group_writable_directories)
{
	files("1", 01775);
}

TEST(protected, files_at_level_2_in_group_writable_directories)
{
	files("2", 01775);
}

TEST(protected, hard_links_to_what_cannot_be_written)
{
	int on = choose("hardlinks", "1");

	EXPECT_OK(mkdir("d", 0777));
	EXPECT_OK(chmod("d", 0777));
	EXPECT_OK(close(EXPECT_OK(open("secret", O_CREAT | O_RDWR, 0644))));
	pid_t child = CHILD({
		become(NOBODY);
		if (on)
			EXPECT_ERRNO(EPERM, link("secret", "d/mine"));
		else
			EXPECT_OK(link("secret", "d/mine"));
	});
	EXPECT_EXIT(0, child);
}

TEST(protected, switches_take_what_they_know)
{
	int was = choose("regular", "0");
	struct utsname u;

	EXPECT_OK(uname(&u));
	if (!strstr(u.release, "moat"))
		SKIP("only in a sandbox");
	EXPECT_EQ(0, was);
	EXPECT_ERRNO(EINVAL, write_switch("regular", "3"));
	EXPECT_ERRNO(EINVAL, write_switch("symlinks", "2"));
	EXPECT_ERRNO(EINVAL, write_switch("symlinks", "x"));
	pid_t child = CHILD({
		become(NOBODY);
		EXPECT_ERRNO(EACCES, write_switch("regular", "1"));
	});
	EXPECT_EXIT(0, child);
}

TEST_MAIN
