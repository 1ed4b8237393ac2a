/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of /dev: null(4), zero(4), full(4), random(4), tty(4). */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/harness/guest_test.h"

static char buf[8192];

static void expect_node(const char *path, unsigned int ma, unsigned int mi)
{
	struct stat st;

	EXPECT_OK(stat(path, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(ma, major(st.st_rdev));
	EXPECT_EQ(mi, minor(st.st_rdev));
	EXPECT_EQ(0666, st.st_mode & 0666);
}

TEST(dev, numbers_and_modes)
{
	expect_node("/dev/null", 1, 3);
	expect_node("/dev/zero", 1, 5);
	expect_node("/dev/full", 1, 7);
	expect_node("/dev/random", 1, 8);
	expect_node("/dev/urandom", 1, 9);
	expect_node("/dev/tty", 5, 0);
}

TEST(dev, null)
{
	int fd = EXPECT_OK(open("/dev/null", O_RDWR | O_TRUNC | O_CREAT, 0600));

	EXPECT_EQ(0, read(fd, buf, 10));
	EXPECT_EQ(10, write(fd, buf, 10));
	EXPECT_EQ(0, lseek(fd, 1000, SEEK_SET));
	EXPECT_EQ(10, pwrite(fd, buf, 10, 1 << 20));
	EXPECT_EQ(0, pread(fd, buf, 10, 1 << 20));
	EXPECT_ERRNO(ENOTTY, ioctl(fd, 0x5401, buf));
	EXPECT_ERRNO(ENODEV, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_ERRNO(EINVAL, ftruncate(fd, 0));
}

TEST(dev, zero)
{
	int fd = EXPECT_OK(open("/dev/zero", O_RDWR));

	memset(buf, 1, sizeof(buf));
	EXPECT_EQ(5000, read(fd, buf, 5000));
	EXPECT_EQ(0, buf[4999]);
	EXPECT_EQ(1, buf[5000]);
	EXPECT_EQ(10, write(fd, buf, 10));
}

TEST(dev, full)
{
	int fd = EXPECT_OK(open("/dev/full", O_RDWR));

	buf[0] = 1;
	EXPECT_EQ(10, read(fd, buf, 10));
	EXPECT_EQ(0, buf[0]);
	EXPECT_ERRNO(ENOSPC, write(fd, buf, 10));
}

TEST(dev, random)
{
	int fd = EXPECT_OK(open("/dev/urandom", O_RDONLY));
	int r = EXPECT_OK(open("/dev/random", O_RDONLY));
	char other[64] = { 0 };

	EXPECT_EQ(8192, read(fd, buf, 8192));
	EXPECT_EQ(64, read(r, other, 64));
	EXPECT_TRUE(memcmp(buf, other, 64) != 0);
	EXPECT_TRUE(memcmp(buf, buf + 64, 64) != 0);
}

TEST(dev, poll_is_ready)
{
	static const char *const names[] = { "/dev/null", "/dev/zero",
					     "/dev/full" };
	struct pollfd p = { .events = POLLIN | POLLOUT };

	for (int i = 0; i < 3; i++) {
		p.fd = EXPECT_OK(open(names[i], O_RDWR));
		EXPECT_EQ(1, poll(&p, 1, 0));
		EXPECT_EQ(POLLIN | POLLOUT, p.revents);
	}
}

TEST(dev, tty_without_terminal)
{
	EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
}

TEST(dev, fd_links)
{
	int p[2], fd;

	EXPECT_OK(pipe(p));
	EXPECT_EQ(0, dup2(p[0], 0));
	EXPECT_EQ(1, write(p[1], "x", 1));
	fd = EXPECT_OK(open("/dev/stdin", O_RDONLY));
	EXPECT_EQ(1, read(fd, buf, 1));
	fd = EXPECT_OK(open("/dev/fd/0", O_RDONLY));
	EXPECT_EQ(1, write(p[1], "y", 1));
	EXPECT_EQ(1, read(fd, buf, 1));
}

TEST(dev, shm_is_a_place_for_files)
{
	char name[64];
	int fd;
	char *m;

	snprintf(name, sizeof(name), "/conf-%d", getpid());
	fd = EXPECT_OK(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	EXPECT_OK(ftruncate(fd, 4096));
	m = EXPECT_OK(
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT_EXIT(0, CHILD(m[0] = 5));
	EXPECT_EQ(5, m[0]);
	EXPECT_OK(shm_unlink(name));
}

TEST_MAIN
