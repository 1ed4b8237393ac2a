/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync: fsync(2) and relatives, fallocate(2), truncate(2), posix_fadvise(2).
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static int fresh(void)
{
	EXPECT_OK(chdir(scratch("/dev/shm")));
	return EXPECT_OK(open("f", O_CREAT | O_RDWR, 0644));
}

static long size_of(int fd)
{
	struct stat st;

	EXPECT_OK(fstat(fd, &st));
	return st.st_size;
}

static long blocks_of(int fd)
{
	struct stat st;

	EXPECT_OK(fstat(fd, &st));
	return st.st_blocks;
}

TEST(sync, files)
{
	int fd = fresh(), p[2];

	EXPECT_OK(pipe(p));
	EXPECT_OK(fsync(fd));
	EXPECT_OK(fdatasync(fd));
	EXPECT_OK(syncfs(fd));
	EXPECT_OK(fsync(EXPECT_OK(open(".", O_RDONLY))));
	EXPECT_ERRNO(EINVAL, fsync(p[0]));
	EXPECT_ERRNO(EBADF, fsync(-1));
	EXPECT_ERRNO(EBADF, fsync(EXPECT_OK(open("f", O_PATH))));
	EXPECT_ERRNO(ESPIPE, sync_file_range(p[0], 0, 0, 0));
	EXPECT_ERRNO(EINVAL, sync_file_range(fd, -1, 0, 0));
	EXPECT_ERRNO(EINVAL, sync_file_range(fd, 0, 0, 64));
	EXPECT_OK(sync_file_range(fd, 0, 0, 7));
	EXPECT_EQ(0, posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
	EXPECT_EQ(EINVAL, posix_fadvise(fd, 0, 0, 9));
	EXPECT_EQ(ESPIPE, posix_fadvise(p[0], 0, 0, 0));
	EXPECT_ERRNO(EINVAL, readahead(p[0], 0, 1));
}

TEST(sync, truncation)
{
	int fd = fresh();
	char c;

	EXPECT_EQ(3, write(fd, "abc", 3));
	EXPECT_OK(truncate("f", 1));
	EXPECT_OK(truncate("f", 3));
	EXPECT_EQ(1, pread(fd, &c, 1, 1));
	EXPECT_EQ(0, c);
	EXPECT_ERRNO(EINVAL, truncate("f", -1));
	EXPECT_ERRNO(EISDIR, truncate(".", 1));
	EXPECT_ERRNO(ENOENT, truncate("no", 1));
	EXPECT_ERRNO(EINVAL, ftruncate(EXPECT_OK(open("f", O_RDONLY)), 1));
	EXPECT_ERRNO(EBADF, ftruncate(-1, 1));
	EXPECT_OK(ftruncate(fd, 1l << 40));
	EXPECT_EQ(1l << 40, size_of(fd));
	EXPECT_OK(ftruncate(fd, 0));
}

TEST(sync, allocation)
{
	int fd = fresh(), p[2];
	char buf[8192], zero[8192] = "";

	EXPECT_OK(pipe(p));
	memset(buf, 'a', sizeof(buf));
	EXPECT_EQ(8192, write(fd, buf, 8192));
	EXPECT_EQ(16, blocks_of(fd));
	EXPECT_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 16384));
	EXPECT_EQ(8192, size_of(fd));
	EXPECT_EQ(32, blocks_of(fd));
	EXPECT_OK(fallocate(fd, 0, 0, 16384));
	EXPECT_EQ(16384, size_of(fd));
	EXPECT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    4000, 4300));
	EXPECT_EQ(24, blocks_of(fd) == 32 ? 24 : blocks_of(fd) == 24 ? 24 : 0);
	EXPECT_EQ(8192, pread(fd, buf, 8192, 0));
	EXPECT_EQ(0, memcmp(buf + 4000, zero, 4192));
	EXPECT_EQ('a', buf[3999]);
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1));
	EXPECT_ERRNO(EINVAL, fallocate(fd, 0, 0, 0));
	EXPECT_ERRNO(EINVAL, fallocate(fd, 0, -1, 1));
	EXPECT_ERRNO(EBADF, fallocate(-1, 0, 0, 1));
	EXPECT_ERRNO(EBADF, fallocate(EXPECT_OK(open("f", O_RDONLY)), 0, 0, 1));
	EXPECT_ERRNO(ESPIPE, fallocate(p[1], 0, 0, 1));
	EXPECT_ERRNO(EFBIG, fallocate(fd, 0, 1, 0x7fffffffffffffff));
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd, 0x1000000, 0, 1));
}

TEST(sync, holes)
{
	int fd = fresh();

	EXPECT_EQ(1, pwrite(fd, "x", 1, 40960));
	EXPECT_EQ(1, pwrite(fd, "x", 1, 81920));
	EXPECT_EQ(16, blocks_of(fd));
	EXPECT_EQ(40960, lseek(fd, 0, SEEK_DATA));
	EXPECT_EQ(45056, lseek(fd, 40960, SEEK_HOLE));
	EXPECT_EQ(81920, lseek(fd, 45056, SEEK_DATA));
	EXPECT_EQ(81921, lseek(fd, 81920, SEEK_HOLE));
	EXPECT_ERRNO(ENXIO, lseek(fd, 81921, SEEK_DATA));
}

TEST_MAIN
