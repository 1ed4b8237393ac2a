/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rw: read(2), write(2), their vectored and positional forms, lseek(2),
 * sendfile(2), copy_file_range(2), in a fresh directory.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* Bad sizes and addresses are what is tested here. */
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wstringop-overflow"

#include "tests/harness/guest_test.h"

static void enter(void)
{
	EXPECT_OK(chdir(scratch("/tmp")));
}

static int fresh(int flags)
{
	enter();
	return EXPECT_OK(open("f", O_CREAT | O_RDWR | flags, 0644));
}

TEST(rw, positions_advance)
{
	int fd = fresh(0);
	char buf[8] = "";

	EXPECT_EQ(5, write(fd, "hello", 5));
	EXPECT_EQ(5, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(0, read(fd, buf, 8));
	EXPECT_EQ(1, lseek(fd, -4, SEEK_END));
	EXPECT_EQ(3, read(fd, buf, 3));
	EXPECT_EQ(0, memcmp(buf, "ell", 3));
	EXPECT_EQ(2, pread(fd, buf, 2, 3));
	EXPECT_EQ(0, memcmp(buf, "lo", 2));
	EXPECT_EQ(4, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(1, pwrite(fd, "X", 1, 9));
	EXPECT_EQ(10, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(4, pread(fd, buf, 8, 6));
	EXPECT_EQ(0, memcmp(buf, "\0\0\0X", 4));
}

TEST(rw, lseek_errors)
{
	int fd = fresh(0), p[2];

	EXPECT_ERRNO(EINVAL, lseek(fd, -1, SEEK_SET));
	EXPECT_ERRNO(EINVAL, lseek(fd, 0, 99));
	EXPECT_ERRNO(EBADF, lseek(999, 0, SEEK_SET));
	EXPECT_OK(pipe(p));
	EXPECT_ERRNO(ESPIPE, lseek(p[0], 0, SEEK_SET));
	EXPECT_ERRNO(ESPIPE, pread(p[0], p, 1, 0));
	EXPECT_ERRNO(ESPIPE, pwrite(p[1], p, 1, 0));
	EXPECT_ERRNO(EINVAL, pread(fd, p, 1, -1));
	EXPECT_ERRNO(ENXIO, lseek(fd, 0, SEEK_DATA));
	EXPECT_EQ(1000000, lseek(fd, 1000000, SEEK_SET));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(1000001, lseek(fd, 0, SEEK_END));
	EXPECT_ERRNO(ENXIO, lseek(fd, 1000001, SEEK_HOLE));
	EXPECT_EQ(1000001, lseek(fd, 1000000, SEEK_HOLE));
	EXPECT_EQ(1000000, lseek(fd, 1000000, SEEK_DATA));
}

TEST(rw, descriptor_errors)
{
	int fd = fresh(0), ro = EXPECT_OK(open("f", O_RDONLY));
	int wo = EXPECT_OK(open("f", O_WRONLY)), none, path, dir;
	char c;

	EXPECT_ERRNO(EBADF, read(-1, &c, 1));
	EXPECT_ERRNO(EBADF, write(ro, &c, 1));
	EXPECT_ERRNO(EBADF, read(wo, &c, 1));
	EXPECT_ERRNO(EBADF, pread(wo, &c, 1, 0));
	none = EXPECT_OK(open("f", O_ACCMODE));
	EXPECT_ERRNO(EBADF, read(none, &c, 1));
	EXPECT_ERRNO(EBADF, write(none, &c, 1));
	path = EXPECT_OK(open("f", O_PATH));
	EXPECT_ERRNO(EBADF, read(path, &c, 1));
	EXPECT_ERRNO(EBADF, lseek(path, 0, SEEK_SET));
	dir = EXPECT_OK(open(".", O_RDONLY));
	EXPECT_ERRNO(EISDIR, read(dir, &c, 1));
	EXPECT_ERRNO(EISDIR, pread(dir, &c, 0, 0));
	EXPECT_ERRNO(EBADF, write(dir, &c, 1));
	EXPECT_EQ(0, write(fd, NULL, 0));
	EXPECT_EQ(0, read(fd, NULL, 0));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_ERRNO(EFAULT, write(fd, (void *)16, 1));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_ERRNO(EFAULT, read(fd, (void *)16, 1));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
	EXPECT_ERRNO(EFAULT, read(fd, (void *)-4096l, 1));
}

TEST(rw, short_at_a_fault)
{
	int fd = fresh(0);
	char *p = EXPECT_OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	char big[6000];

	memset(big, 'b', sizeof(big));
	EXPECT_EQ(6000, write(fd, big, sizeof(big)));
	EXPECT_OK(munmap(p + 4096, 4096));
	EXPECT_EQ(4096, pread(fd, p, 6000, 0));
	EXPECT_EQ('b', p[4095]);
	EXPECT_EQ(96, pread(fd, p + 4000, 6000, 0));
}

TEST(rw, append)
{
	int fd = fresh(O_APPEND), other;
	char buf[16];

	EXPECT_EQ(3, write(fd, "abc", 3));
	other = EXPECT_OK(open("f", O_RDWR));
	EXPECT_EQ(3, lseek(other, 3, SEEK_SET));
	EXPECT_EQ(2, write(other, "de", 2));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(1, write(fd, "f", 1));
	EXPECT_EQ(6, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(1, pwrite(fd, "g", 1, 0)); /* appends all the same */
	EXPECT_EQ(7, pread(fd, buf, 16, 0));
	EXPECT_EQ(0, memcmp(buf, "abcdefg", 7));
	EXPECT_OK(fcntl(fd, F_SETFL, 0));
	EXPECT_EQ(1, pwrite(fd, "A", 1, 0));
	EXPECT_EQ(7, pread(fd, buf, 16, 0));
	EXPECT_EQ('A', buf[0]);
	EXPECT_OK(fcntl(other, F_SETFL, O_APPEND));
	EXPECT_EQ(0, lseek(other, 0, SEEK_SET));
	EXPECT_EQ(1, write(other, "z", 1));
	EXPECT_EQ(8, lseek(other, 0, SEEK_CUR));
}

TEST(rw, vectors)
{
	int fd = fresh(0);
	char a[3], b[4];
	struct iovec in[3] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 } };
	struct iovec out[2] = { { a, 3 }, { b, 4 } };
	struct iovec bad[1] = { { a, (size_t)-1 } };

	EXPECT_EQ(5, writev(fd, in, 3));
	EXPECT_EQ(5, preadv(fd, out, 2, 0));
	EXPECT_EQ(0, memcmp(a, "abc", 3));
	EXPECT_EQ(0, memcmp(b, "de", 2));
	EXPECT_EQ(2, preadv(fd, out, 2, 3));
	EXPECT_EQ(5, pwritev(fd, in, 3, 5));
	EXPECT_EQ(10, lseek(fd, 0, SEEK_END));
	EXPECT_ERRNO(EINVAL, readv(fd, out, -1));
	EXPECT_ERRNO(EINVAL, readv(fd, out, 1025));
	EXPECT_ERRNO(EINVAL, readv(fd, bad, 1));
	EXPECT_ERRNO(EFAULT, readv(fd, (void *)16, 1));
	EXPECT_EQ(0, readv(fd, (void *)16, 0));
	EXPECT_ERRNO(EBADF, readv(99, (void *)16, -1));
	EXPECT_ERRNO(EINVAL, preadv(fd, out, 1, -2));
	EXPECT_ERRNO(EOPNOTSUPP, preadv2(fd, out, 1, 0, 0x40000000));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(7, preadv2(fd, out, 2, -1, 0));
	EXPECT_EQ(7, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(5, pwritev2(fd, in, 3, 0, RWF_DSYNC));
}

TEST(rw, file_size_limit)
{
	int fd = fresh(0);
	struct rlimit r = { 10, RLIM_INFINITY };
	char buf[32] = "";

	signal(SIGXFSZ, SIG_IGN);
	EXPECT_OK(setrlimit(RLIMIT_FSIZE, &r));
	EXPECT_EQ(8, write(fd, buf, 8));
	EXPECT_EQ(2, write(fd, buf, 8));
	EXPECT_ERRNO(EFBIG, write(fd, buf, 8));
	EXPECT_ERRNO(EFBIG, ftruncate(fd, 11));
	EXPECT_OK(ftruncate(fd, 9));
	signal(SIGXFSZ, SIG_DFL);
	EXPECT_KILLED(SIGXFSZ, CHILD((void)!pwrite(fd, buf, 1, 100)));
}

TEST(rw, sendfile_between_files)
{
	int in = fresh(0), out, p[2];
	char buf[200000], c;
	off_t off = 5;

	memset(buf, 's', sizeof(buf));
	EXPECT_EQ(sizeof(buf), write(in, buf, sizeof(buf)));
	out = EXPECT_OK(open("g", O_CREAT | O_RDWR, 0644));
	EXPECT_EQ(10, sendfile(out, in, &off, 10));
	EXPECT_EQ(15, off);
	EXPECT_EQ(sizeof(buf), lseek(in, 0, SEEK_CUR));
	EXPECT_EQ(0, lseek(in, 0, SEEK_SET));
	EXPECT_EQ(sizeof(buf), sendfile(out, in, NULL, 1000000));
	EXPECT_EQ(sizeof(buf), lseek(in, 0, SEEK_CUR));
	EXPECT_EQ(sizeof(buf) + 10, lseek(out, 0, SEEK_END));
	EXPECT_OK(pipe(p));
	off = 0;
	EXPECT_EQ(3, sendfile(p[1], in, &off, 3));
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_EQ('s', c);
	EXPECT_ERRNO(EINVAL, sendfile(out, p[0], NULL, 1));
	EXPECT_ERRNO(ESPIPE, sendfile(out, p[0], &off, 1));
	EXPECT_OK(fcntl(out, F_SETFL, O_APPEND));
	EXPECT_ERRNO(EINVAL, sendfile(out, in, NULL, 1));
}

TEST(rw, copy_range)
{
	int in = fresh(0), out;
	loff_t from = 2, to = 7;
	char buf[16];

	EXPECT_EQ(6, write(in, "abcdef", 6));
	out = EXPECT_OK(open("g", O_CREAT | O_RDWR, 0644));
	EXPECT_EQ(4, copy_file_range(in, &from, out, &to, 100, 0));
	EXPECT_EQ(6, from);
	EXPECT_EQ(11, to);
	EXPECT_EQ(0, copy_file_range(in, &from, out, &to, 100, 0));
	EXPECT_EQ(4, pread(out, buf, 16, 7));
	EXPECT_EQ(0, memcmp(buf, "cdef", 4));
	EXPECT_ERRNO(EINVAL, copy_file_range(in, &from, out, &to, 1, 1));
	from = 0;
	to = 1;
	EXPECT_ERRNO(EINVAL, copy_file_range(in, &from, in, &to, 3, 0));
	EXPECT_ERRNO(EBADF, copy_file_range(99, &from, in, &to, 3, 0));
	EXPECT_ERRNO(EISDIR, copy_file_range(open(".", O_RDONLY), NULL, out,
					     NULL, 3, 0));
}

TEST(rw, shared_mapping_sees_writes)
{
	int fd = fresh(0);
	char *p, c;

	EXPECT_OK(ftruncate(fd, 8192));
	p = EXPECT_OK(
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT_EQ(1, pwrite(fd, "w", 1, 5000));
	EXPECT_EQ('w', p[5000]);
	p[10] = 'm';
	EXPECT_EQ(1, pread(fd, &c, 1, 10));
	EXPECT_EQ('m', c);
	EXPECT_OK(ftruncate(fd, 4096));
	EXPECT_KILLED(SIGBUS, CHILD(*(volatile char *)(p + 5000) = 1));
	EXPECT_OK(ftruncate(fd, 8192));
	EXPECT_EQ(0, p[5000]);
}

TEST_MAIN
