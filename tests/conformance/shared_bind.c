/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shared_bind: one directory seen at two places, $SHARED_A and $SHARED_B, that
 * know nothing of each other: what changes at one is soon seen at the other.
 * tests/hostile/shared.sh binds a host directory twice; natively both are one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/harness/guest_test.h"

static char a_dir[200], b_dir[200], path[2][300];

static void enter(void)
{
	const char *a = getenv("SHARED_A"), *b = getenv("SHARED_B");

	if (!a || !b)
		a = b = "/dev/shm";
	snprintf(b_dir, sizeof(b_dir), "%s", scratch(b));
	snprintf(a_dir, sizeof(a_dir), "%s", scratch(a));
}

static const char *at(int which, const char *name)
{
	snprintf(path[which], sizeof(path[which]), "%s/%s",
		 which ? b_dir : a_dir, name);
	return path[which];
}
#define A(name) at(0, name)
#define B(name) at(1, name)

static void put(const char *file, const char *text)
{
	int fd = EXPECT_OK(open(file, O_CREAT | O_WRONLY | O_TRUNC, 0644));

	EXPECT_EQ(strlen(text), write(fd, text, strlen(text)));
	EXPECT_OK(close(fd));
}

static long size_of(const char *file)
{
	struct stat st;

	return stat(file, &st) < 0 ? -errno : (long)st.st_size;
}

static long mode_of(const char *file)
{
	struct stat st;

	return stat(file, &st) < 0 ? -errno : (long)(st.st_mode & 07777);
}

static long ino_of(const char *file)
{
	struct stat st;

	return stat(file, &st) < 0 ? -errno : (long)st.st_ino;
}

TEST(shared_bind, attributes)
{
	enter();
	put(A("f"), "one");
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(3, size_of(A("f")));
	EXPECT_EQ(3, size_of(B("f")));
	put(B("f"), "three");
	EXPECT_SOON(size_of(A("f")) == 5);
	EXPECT_OK(chmod(B("f"), 0600));
	EXPECT_SOON(mode_of(A("f")) == 0600);
	EXPECT_OK(truncate(A("f"), 1));
	EXPECT_EQ(1, size_of(A("f")));
	EXPECT_SOON(size_of(B("f")) == 1);
}

TEST(shared_bind, names)
{
	long old;

	enter();
	EXPECT_EQ(-ENOENT, size_of(A("f")));
	put(B("f"), "x");
	EXPECT_SOON(size_of(A("f")) == 1);
	old = ino_of(A("f"));
	EXPECT_OK(unlink(B("f")));
	EXPECT_SOON(size_of(A("f")) == -ENOENT);
	put(B("f"), "other");
	EXPECT_SOON(size_of(A("f")) == 5);
	EXPECT_TRUE(old != -ENOENT);
	EXPECT_OK(unlink(A("f")));
	EXPECT_EQ(-ENOENT, size_of(A("f")));
	EXPECT_SOON(size_of(B("f")) == -ENOENT);
}

TEST(shared_bind, a_file_is_replaced)
{
	char from[300];
	long old;

	enter();
	put(A("f"), "old");
	old = ino_of(A("f"));
	EXPECT_EQ(old, ino_of(A("f")));
	put(B("new"), "newer");
	strcpy(from, B("new"));
	EXPECT_OK(rename(from, B("f")));
	EXPECT_SOON(size_of(A("f")) == 5);
	EXPECT_TRUE(ino_of(A("f")) != old);
	EXPECT_SOON(size_of(A("new")) == -ENOENT);
}

static int has(const char *dir, const char *name)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int found = 0;

	EXPECT_TRUE(d != NULL);
	while ((e = readdir(d)))
		found |= !strcmp(e->d_name, name);
	closedir(d);
	return found;
}

TEST(shared_bind, directories)
{
	struct stat st;

	enter();
	EXPECT_EQ(0, has(a_dir, "d"));
	EXPECT_OK(mkdir(B("d"), 0755));
	EXPECT_SOON(has(a_dir, "d"));
	EXPECT_SOON(stat(A("d"), &st) == 0);
	put(B("d/x"), "1");
	EXPECT_SOON(size_of(A("d/x")) == 1);
	EXPECT_OK(unlink(B("d/x")));
	EXPECT_OK(rmdir(B("d")));
	EXPECT_SOON(stat(A("d"), &st) < 0 && errno == ENOENT);
	EXPECT_SOON(!has(a_dir, "d"));
}

static sigjmp_buf beyond;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(beyond, 1);
}

static int faults(volatile char *p)
{
	if (sigsetjmp(beyond, 1))
		return 1;
	(void)*p;
	return 0;
}

TEST(shared_bind, mappings)
{
	char *p;
	int fd, other;

	enter();
	signal(SIGBUS, on_bus);
	fd = EXPECT_OK(open(A("f"), O_CREAT | O_RDWR, 0644));
	EXPECT_OK(ftruncate(fd, 8192));
	p = EXPECT_OK(
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	other = EXPECT_OK(open(B("f"), O_RDWR));
	EXPECT_EQ(2, pwrite(other, "hi", 2, 4096));
	EXPECT_EQ('h', p[4096]);
	p[0] = 'x';
	EXPECT_EQ(1, pread(other, path[0], 1, 0));
	EXPECT_EQ('x', path[0][0]);
	EXPECT_EQ(0, faults(p + 4096));
	EXPECT_OK(ftruncate(other, 100));
	EXPECT_SOON(faults(p + 4096));
	EXPECT_EQ(0, faults(p));
}

static uint32_t seen;

/* Events with the name "f" until all of @want have come. */
static int collect(int in, uint32_t want)
{
	char buf[4096];
	ssize_t n = read(in, buf, sizeof(buf));

	for (char *p = buf; n > 0 && p < buf + n;) {
		struct inotify_event *e = (void *)p;

		if (e->len && !strcmp(e->name, "f"))
			seen |= e->mask;
		p += sizeof(*e) + e->len;
	}
	return (seen & want) == want;
}

TEST(shared_bind, watches)
{
	char to[300];
	int in;

	enter();
	in = EXPECT_OK(inotify_init1(IN_NONBLOCK));
	EXPECT_OK(inotify_add_watch(in, a_dir, IN_ALL_EVENTS));
	put(B("f"), "x");
	EXPECT_SOON(collect(in, IN_CREATE | IN_MODIFY));
	EXPECT_OK(chmod(B("f"), 0600));
	EXPECT_SOON(collect(in, IN_ATTRIB));
	strcpy(to, B("g"));
	EXPECT_OK(rename(B("f"), to));
	EXPECT_SOON(collect(in, IN_MOVED_FROM));
	EXPECT_OK(rename(to, B("f")));
	EXPECT_SOON(collect(in, IN_MOVED_TO));
	EXPECT_OK(unlink(B("f")));
	EXPECT_SOON(collect(in, IN_DELETE));
}

TEST_MAIN
