/* SPDX-License-Identifier: Apache-2.0 */
/* splice(2), tee(2), vmsplice(2). */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "tests/harness/guest_test.h"

static char g_buf[200000];

static int temp_file(const char *data)
{
	char name[] = "/tmp/splice.XXXXXX";
	int fd = EXPECT_OK(mkstemp(name));

	EXPECT_OK(unlink(name));
	EXPECT_EQ(strlen(data), write(fd, data, strlen(data)));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	return fd;
}

TEST(splice, file_to_pipe_to_file)
{
	int in = temp_file("0123456789"), out = temp_file(""), p[2];
	loff_t off = 4;

	EXPECT_OK(pipe(p));
	EXPECT_EQ(3, splice(in, NULL, p[1], NULL, 3, 0));
	EXPECT_EQ(3, lseek(in, 0, SEEK_CUR));
	EXPECT_EQ(6, splice(in, &off, p[1], NULL, 100, 0));
	EXPECT_EQ(10, off);
	EXPECT_EQ(3, lseek(in, 0, SEEK_CUR));
	EXPECT_EQ(0, splice(in, &off, p[1], NULL, 100, 0));
	EXPECT_EQ(5, splice(p[0], NULL, out, NULL, 5, 0));
	off = 20;
	EXPECT_EQ(4, splice(p[0], NULL, out, &off, 100, 0));
	EXPECT_EQ(24, off);
	EXPECT_EQ(24, pread(out, g_buf, 100, 0));
	EXPECT_EQ(0, memcmp(g_buf, "01245", 5));
	EXPECT_EQ(0, memcmp(g_buf + 20, "6789", 4));
}

TEST(splice, between_pipes_and_sockets)
{
	int a[2], b[2], s[2];

	EXPECT_OK(pipe(a));
	EXPECT_OK(pipe(b));
	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	EXPECT_EQ(5, write(a[1], "hello", 5));
	EXPECT_EQ(2, splice(a[0], NULL, b[1], NULL, 2, 0));
	EXPECT_EQ(3, splice(a[0], NULL, s[0], NULL, 10, 0));
	EXPECT_EQ(3, splice(s[1], NULL, b[1], NULL, 10, 0));
	EXPECT_EQ(5, read(b[0], g_buf, 10));
	EXPECT_EQ(0, memcmp(g_buf, "hello", 5));
	EXPECT_OK(close(a[1]));
	EXPECT_EQ(0, splice(a[0], NULL, b[1], NULL, 10, 0));
}

TEST(splice, nothing_is_lost_when_the_target_is_full)
{
	int a[2], b[2], moved = 0;
	ssize_t n;

	EXPECT_OK(pipe2(a, O_NONBLOCK));
	EXPECT_OK(pipe2(b, O_NONBLOCK));
	EXPECT_EQ(65536, write(a[1], g_buf, 70000));
	EXPECT_EQ(30000, write(b[1], g_buf, 30000));
	while ((n = splice(a[0], NULL, b[1], NULL, 10000, 0)) > 0)
		moved += (int)n;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_TRUE(moved > 0);
	n = read(a[0], g_buf, sizeof(g_buf));
	EXPECT_EQ(65536, moved + n);
}

TEST(splice, tee_leaves_the_bytes)
{
	int a[2], b[2];

	EXPECT_OK(pipe(a));
	EXPECT_OK(pipe(b));
	EXPECT_EQ(3, write(a[1], "abc", 3));
	EXPECT_EQ(3, tee(a[0], b[1], 100, 0));
	EXPECT_EQ(2, tee(a[0], b[1], 2, 0));
	EXPECT_EQ(3, read(a[0], g_buf, 10));
	EXPECT_EQ(5, read(b[0], g_buf, 10));
	EXPECT_EQ(0, memcmp(g_buf, "abcab", 5));
	EXPECT_ERRNO(EAGAIN, tee(a[0], b[1], 1, SPLICE_F_NONBLOCK));
}

TEST(splice, vmsplice_both_ways)
{
	struct iovec out[2] = { { "ab", 2 }, { "cde", 3 } };
	struct iovec in = { g_buf, 10 };
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_EQ(5, vmsplice(p[1], out, 2, 0));
	EXPECT_EQ(5, vmsplice(p[0], &in, 1, 0));
	EXPECT_EQ(0, memcmp(g_buf, "abcde", 5));
	EXPECT_ERRNO(EAGAIN, vmsplice(p[0], &in, 1, SPLICE_F_NONBLOCK));
}

TEST(splice, refuses)
{
	int f = temp_file("x"), g = temp_file("y"), p[2], q[2];
	loff_t off = 0;

	EXPECT_OK(pipe(p));
	EXPECT_OK(pipe(q));
	EXPECT_ERRNO(EINVAL, splice(f, NULL, g, NULL, 1, 0));
	EXPECT_ERRNO(EINVAL, splice(p[0], NULL, p[1], NULL, 1, 0));
	EXPECT_ERRNO(ESPIPE, splice(p[0], &off, f, NULL, 1, 0));
	EXPECT_ERRNO(ESPIPE, splice(f, NULL, p[1], &off, 1, 0));
	EXPECT_ERRNO(EBADF, splice(p[1], NULL, f, NULL, 1, 0));
	EXPECT_ERRNO(EBADF, splice(f, NULL, p[0], NULL, 1, 0));
	EXPECT_ERRNO(EBADF, splice(999, NULL, p[1], NULL, 1, 0));
	EXPECT_ERRNO(EINVAL, splice(f, NULL, p[1], NULL, 1, 0x100));
	EXPECT_EQ(0, splice(f, NULL, p[1], NULL, 0, 0));
	EXPECT_ERRNO(EINVAL, tee(f, p[1], 1, 0));
	EXPECT_ERRNO(EAGAIN, splice(p[0], NULL, f, NULL, 1, SPLICE_F_NONBLOCK));
	EXPECT_OK(fcntl(f, F_SETFL, O_APPEND));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_ERRNO(EINVAL, splice(p[0], NULL, f, NULL, 1, 0));
}

TEST_MAIN
