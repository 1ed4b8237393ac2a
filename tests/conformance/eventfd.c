/* SPDX-License-Identifier: Apache-2.0 */
/* eventfd(2). */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "tests/harness/guest_test.h"

TEST(eventfd, empty_nonblocking_read_says_eagain)
{
	uint64_t v;
	int fd = EXPECT_OK(eventfd(0, EFD_NONBLOCK));

	EXPECT_ERRNO(EAGAIN, read(fd, &v, sizeof(v)));
	EXPECT_OK(close(fd));
}

TEST(eventfd, read_takes_all_and_resets)
{
	uint64_t v = 5;
	int fd = EXPECT_OK(eventfd(7, 0));

	EXPECT_EQ(8, write(fd, &v, sizeof(v)));
	EXPECT_EQ(8, read(fd, &v, sizeof(v)));
	EXPECT_EQ(12, v);
}

TEST(eventfd, semaphore_takes_one)
{
	uint64_t v;
	int fd = EXPECT_OK(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));

	EXPECT_EQ(8, read(fd, &v, sizeof(v)));
	EXPECT_EQ(1, v);
	EXPECT_EQ(8, read(fd, &v, sizeof(v)));
	EXPECT_ERRNO(EAGAIN, read(fd, &v, sizeof(v)));
}

TEST(eventfd, refuses_unknown_flags_and_short_buffers)
{
	uint32_t small = 0;
	uint64_t max = UINT64_MAX;
	int fd = EXPECT_OK(eventfd(0, EFD_CLOEXEC));

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_ERRNO(EINVAL, eventfd(0, 0x40000000));
	EXPECT_ERRNO(EINVAL, read(fd, &small, sizeof(small)));
	EXPECT_ERRNO(EINVAL, write(fd, &small, sizeof(small)));
	EXPECT_ERRNO(EINVAL, write(fd, &max, sizeof(max)));
}

TEST(eventfd, full_counter_blocks_and_poll_tells)
{
	uint64_t v = UINT64_MAX - 1, one = 1;
	int fd = EXPECT_OK(eventfd(0, EFD_NONBLOCK));
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLOUT, p.revents);
	EXPECT_EQ(8, write(fd, &v, sizeof(v)));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN, p.revents);
	EXPECT_ERRNO(EAGAIN, write(fd, &one, sizeof(one)));
}

TEST(eventfd, blocked_reader_wakes)
{
	uint64_t v = 3;
	int fd = EXPECT_OK(eventfd(0, 0));
	pid_t child = CHILD({
		EXPECT_EQ(8, read(fd, &v, sizeof(v)));
		EXPECT_EQ(9, v);
	});

	v = 9;
	EXPECT_EQ(8, write(fd, &v, sizeof(v)));
	EXPECT_EXIT(0, child);
}

TEST_MAIN
