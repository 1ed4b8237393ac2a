/* SPDX-License-Identifier: Apache-2.0 */
/* O_DIRECT pipes, and the limits of F_SETPIPE_SZ: pipe(2), pipe(7). */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "tests/harness/guest_test.h"

static char g_buf[1 << 20];

static void packet_pipe(int p[2], int flags)
{
	EXPECT_OK(pipe2(p, O_DIRECT | flags));
}

TEST(pipe_packet, a_read_gets_one_packet)
{
	int p[2], n = 0;

	packet_pipe(p, O_NONBLOCK);
	EXPECT_EQ(O_DIRECT, fcntl(p[1], F_GETFL) & O_DIRECT);
	EXPECT_EQ(3, write(p[1], "abc", 3));
	EXPECT_EQ(2, write(p[1], "de", 2));
	EXPECT_OK(ioctl(p[0], FIONREAD, &n));
	EXPECT_EQ(5, n);
	EXPECT_EQ(3, read(p[0], g_buf, sizeof(g_buf)));
	EXPECT_EQ(2, read(p[0], g_buf, sizeof(g_buf)));
	EXPECT_EQ('d', g_buf[0]);
	EXPECT_ERRNO(EAGAIN, read(p[0], g_buf, 1));
}

TEST(pipe_packet, what_a_reader_does_not_want_is_lost)
{
	int p[2];

	packet_pipe(p, O_NONBLOCK);
	EXPECT_EQ(5, write(p[1], "abcde", 5));
	EXPECT_EQ(1, write(p[1], "f", 1));
	EXPECT_EQ(2, read(p[0], g_buf, 2));
	EXPECT_EQ(1, read(p[0], g_buf, 2));
	EXPECT_EQ('f', g_buf[0]);
}

TEST(pipe_packet, empty_writes_make_no_packet)
{
	int p[2];

	packet_pipe(p, O_NONBLOCK);
	EXPECT_EQ(0, write(p[1], "", 0));
	EXPECT_ERRNO(EAGAIN, read(p[0], g_buf, 1));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(0, read(p[0], g_buf, 0));
	EXPECT_EQ(1, read(p[0], g_buf, 9));
}

TEST(pipe_packet, long_writes_are_cut)
{
	int p[2];

	packet_pipe(p, O_NONBLOCK);
	EXPECT_EQ(10000, write(p[1], g_buf, 10000));
	EXPECT_EQ(4096, read(p[0], g_buf, sizeof(g_buf)));
	EXPECT_EQ(4096, read(p[0], g_buf, sizeof(g_buf)));
	EXPECT_EQ(10000 - 8192, read(p[0], g_buf, sizeof(g_buf)));
}

TEST(pipe_packet, each_packet_takes_a_slot)
{
	struct pollfd pfd = { .events = POLLOUT };
	int p[2], n = 0, slots;

	packet_pipe(p, O_NONBLOCK);
	slots = EXPECT_OK(fcntl(p[1], F_GETPIPE_SZ)) / 4096;
	while (write(p[1], "x", 1) == 1)
		n++;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(slots, n);
	pfd.fd = p[1];
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	EXPECT_ERRNO(EBUSY, fcntl(p[1], F_SETPIPE_SZ, 4096));
	EXPECT_EQ(1, read(p[0], g_buf, 100));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(1, write(p[1], "x", 1));
}

TEST(pipe_packet, the_flag_counts_at_each_write)
{
	int p[2];

	EXPECT_OK(pipe2(p, O_NONBLOCK));
	EXPECT_EQ(2, write(p[1], "ab", 2));
	EXPECT_OK(fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT));
	EXPECT_EQ(2, write(p[1], "cd", 2));
	EXPECT_EQ(2, write(p[1], "ef", 2));
	/* Both went to the page of plain bytes that was there. */
	EXPECT_EQ(6, read(p[0], g_buf, 100));
	EXPECT_EQ(2, write(p[1], "gh", 2));
	EXPECT_OK(fcntl(p[1], F_SETFL, O_NONBLOCK));
	EXPECT_EQ(2, write(p[1], "ij", 2));
	EXPECT_EQ(2, read(p[0], g_buf, 100));
	EXPECT_EQ('g', g_buf[0]);
	EXPECT_EQ(2, read(p[0], g_buf, 100));
	EXPECT_EQ('i', g_buf[0]);
}

TEST(pipe_packet, a_read_ends_with_the_first_packet)
{
	int p[2];

	EXPECT_OK(pipe2(p, O_NONBLOCK));
	EXPECT_EQ(4096, write(p[1], g_buf, 4096));
	EXPECT_OK(fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT));
	EXPECT_EQ(2, write(p[1], "cd", 2));
	EXPECT_EQ(2, write(p[1], "ef", 2));
	EXPECT_EQ(4098, read(p[0], g_buf, sizeof(g_buf)));
	EXPECT_EQ(2, read(p[0], g_buf, sizeof(g_buf)));
}

TEST(pipe_packet, a_blocked_writer_goes_on)
{
	int p[2];
	long got = 0, n;
	pid_t kid;

	packet_pipe(p, 0);
	kid = CHILD(close(p[0]);
		    _exit(write(p[1], g_buf, 200000) == 200000 ? 0 : 1));
	close(p[1]);
	while ((n = read(p[0], g_buf, sizeof(g_buf))) > 0) {
		EXPECT_TRUE(n <= 4096);
		got += n;
	}
	EXPECT_EQ(200000, got);
	EXPECT_EXIT(0, kid);
}

TEST(pipe_packet, no_reader_is_a_broken_pipe)
{
	int p[2];

	signal(SIGPIPE, SIG_IGN);
	packet_pipe(p, 0);
	close(p[0]);
	EXPECT_ERRNO(EPIPE, write(p[1], "x", 1));
}

TEST(pipe_packet, splice_keeps_the_bytes)
{
	int p[2], q[2];

	packet_pipe(p, O_NONBLOCK);
	EXPECT_OK(pipe2(q, O_NONBLOCK));
	EXPECT_EQ(3, write(p[1], "abc", 3));
	EXPECT_EQ(2, splice(p[0], NULL, q[1], NULL, 2, 0));
	EXPECT_EQ(2, read(q[0], g_buf, 10));
	EXPECT_EQ(1, splice(p[0], NULL, q[1], NULL, 10, 0));
	EXPECT_EQ(1, read(q[0], g_buf, 10));
	EXPECT_EQ('c', g_buf[0]);
}

/* --- flags of one call ---------------------------------------------------- */

static void nowait(int rd, int wr, size_t size)
{
	struct iovec iov = { g_buf, size };

	EXPECT_ERRNO(EAGAIN, preadv2(rd, &iov, 1, -1, RWF_NOWAIT));
	g_buf[0] = 1;
	EXPECT_EQ((long)size, pwritev2(wr, &iov, 1, -1, RWF_NOWAIT));
	EXPECT_EQ((long)size, preadv2(rd, &iov, 1, -1, RWF_NOWAIT));
}

TEST(pipe_packet, one_call_may_not_wait)
{
	struct iovec iov = { g_buf, 65536 };
	int fd[2];

	EXPECT_OK(pipe(fd));
	nowait(fd[0], fd[1], 5);
	EXPECT_EQ(65536, pwritev2(fd[1], &iov, 1, -1, RWF_NOWAIT));
	EXPECT_ERRNO(EAGAIN, pwritev2(fd[1], &iov, 1, -1, RWF_NOWAIT));
	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	nowait(fd[0], fd[1], 5);
	fd[0] = EXPECT_OK(eventfd(0, 0));
	EXPECT_ERRNO(EAGAIN, preadv2(fd[0], &iov, 1, -1, RWF_NOWAIT));
}

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100
#endif

TEST(pipe_packet, one_call_may_break_in_silence)
{
	struct iovec iov = { g_buf, 5 };
	int fd[2];

	EXPECT_OK(pipe(fd));
	close(fd[0]);
	if (pwritev2(fd[1], &iov, 1, -1, RWF_NOSIGNAL) < 0 &&
	    errno == EOPNOTSUPP)
		SKIP("needs Linux 6.18");
	EXPECT_ERRNO(EPIPE, pwritev2(fd[1], &iov, 1, -1, RWF_NOSIGNAL));
}

/* --- sizes ---------------------------------------------------------------- */

/* CAP_SYS_RESOURCE, bit 24. */
static bool may_use_resources(void)
{
	unsigned long caps = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %lx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	return caps >> 24 & 1;
}

static long max_size(void)
{
	FILE *f = fopen("/proc/sys/fs/pipe-max-size", "r");
	long v = 1 << 20;

	if (f && fscanf(f, "%ld", &v) != 1)
		v = 1 << 20;
	if (f)
		fclose(f);
	return v;
}

TEST(pipe_packet, only_the_privileged_go_beyond_the_maximum)
{
	int p[2];
	long max = max_size();

	EXPECT_OK(pipe(p));
	EXPECT_EQ(max, fcntl(p[1], F_SETPIPE_SZ, max));
	if (!may_use_resources()) {
		EXPECT_ERRNO(EPERM, fcntl(p[1], F_SETPIPE_SZ, max + 1));
	} else {
		EXPECT_EQ(2 * max, fcntl(p[1], F_SETPIPE_SZ, max + 1));
		EXPECT_EQ(max, fcntl(p[1], F_SETPIPE_SZ, max));
	}
	EXPECT_ERRNO(EINVAL, fcntl(p[1], F_SETPIPE_SZ, 0x80000001u));
}

TEST(pipe_packet, a_user_has_a_share)
{
	int p[2], n = 0;
	bool small = false;

	if (geteuid() == 0)
		SKIP("needs an ordinary user");
	/* 64 MiB for all pipes of a user: growing ends, new ones are small. */
	while (n++ < 200) {
		EXPECT_OK(pipe(p));
		if (fcntl(p[1], F_SETPIPE_SZ, max_size()) < 0) {
			EXPECT_EQ(EPERM, errno);
			small = true;
			break;
		}
	}
	EXPECT_TRUE(small);
}

TEST_MAIN
