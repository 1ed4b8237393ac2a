/* SPDX-License-Identifier: Apache-2.0 */
/* pipe(2), pipe(7), fifo(7). */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static char g_buf[1 << 20];

static int fill(int fd)
{
	int total = 0;
	ssize_t n;

	while ((n = write(fd, g_buf, 4096)) > 0)
		total += (int)n;
	EXPECT_EQ(EAGAIN, errno);
	return total;
}

static int poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	EXPECT_OK(poll(&p, 1, 0));
	return p.revents;
}

TEST(pipe, carries_bytes_in_order)
{
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_EQ(3, write(p[1], "abc", 3));
	EXPECT_EQ(2, write(p[1], "de", 2));
	EXPECT_EQ(4, read(p[0], g_buf, 4));
	EXPECT_EQ(1, read(p[0], g_buf + 4, 100));
	EXPECT_EQ(0, memcmp(g_buf, "abcde", 5));
	EXPECT_ERRNO(EBADF, read(p[1], g_buf, 1));
	EXPECT_ERRNO(EBADF, write(p[0], g_buf, 1));
	EXPECT_ERRNO(ESPIPE, lseek(p[0], 0, SEEK_SET));
	EXPECT_ERRNO(EINVAL, fsync(p[0]));
}

TEST(pipe, both_ends_are_one_inode)
{
	struct stat a, b;
	int p[2];

	EXPECT_OK(pipe2(p, O_CLOEXEC | O_NONBLOCK));
	EXPECT_OK(fstat(p[0], &a));
	EXPECT_OK(fstat(p[1], &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(S_IFIFO | 0600, a.st_mode);
	EXPECT_EQ(FD_CLOEXEC, fcntl(p[1], F_GETFD));
	EXPECT_EQ(O_WRONLY | O_NONBLOCK, fcntl(p[1], F_GETFL));
	EXPECT_ERRNO(EINVAL, pipe2(p, O_CREAT));
	EXPECT_ERRNO(EFAULT, syscall(SYS_pipe, 1));
}

TEST(pipe, full_and_empty)
{
	int p[2], n;

	EXPECT_OK(pipe2(p, O_NONBLOCK));
	EXPECT_ERRNO(EAGAIN, read(p[0], g_buf, 1));
	EXPECT_EQ(65536, fill(p[1]));
	EXPECT_OK(ioctl(p[0], FIONREAD, &n));
	EXPECT_EQ(65536, n);
	EXPECT_EQ(0, poll_now(p[1]));
	EXPECT_EQ(POLLIN, poll_now(p[0]));
	EXPECT_EQ(4096, read(p[0], g_buf, 4096));
	EXPECT_EQ(POLLOUT, poll_now(p[1]));
	EXPECT_EQ(4096, write(p[1], g_buf, 8192));
}

TEST(pipe, end_of_file_and_broken_pipe)
{
	pid_t pid;
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_OK(close(p[1]));
	EXPECT_EQ(POLLIN | POLLHUP, poll_now(p[0]));
	EXPECT_EQ(1, read(p[0], g_buf, 10));
	EXPECT_EQ(0, read(p[0], g_buf, 10));
	EXPECT_EQ(POLLHUP, poll_now(p[0]));
	EXPECT_OK(pipe(p));
	EXPECT_OK(close(p[0]));
	EXPECT_EQ(POLLOUT | POLLERR, poll_now(p[1]));
	pid = CHILD(_exit(write(p[1], "x", 1) != 1));
	EXPECT_KILLED(SIGPIPE, pid);
	signal(SIGPIPE, SIG_IGN);
	EXPECT_ERRNO(EPIPE, write(p[1], "x", 1));
	EXPECT_EQ(0, write(p[1], "x", 0));
}

TEST(pipe, capacity_can_change)
{
	int p[2];

	EXPECT_OK(pipe2(p, O_NONBLOCK));
	EXPECT_EQ(65536, fcntl(p[0], F_GETPIPE_SZ));
	EXPECT_EQ(262144, fcntl(p[1], F_SETPIPE_SZ, 200000));
	EXPECT_EQ(262144, fill(p[1]));
	EXPECT_ERRNO(EBUSY, fcntl(p[0], F_SETPIPE_SZ, 4096));
	EXPECT_EQ(1 << 20, fcntl(p[0], F_SETPIPE_SZ, 1 << 20));
}

static void *write_late(void *fd)
{
	struct timespec ms = { 0, 20000000 };

	nanosleep(&ms, NULL);
	if (write((int)(long)fd, "late", 4) != 4)
		abort();
	return NULL;
}

TEST(pipe, reader_sleeps_until_there_is_something)
{
	pthread_t t;
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_EQ(0, pthread_create(&t, NULL, write_late, (void *)(long)p[1]));
	EXPECT_EQ(4, read(p[0], g_buf, 10));
	pthread_join(t, NULL);
}

/* Writers of PIPE_BUF bytes never mix. */
TEST(pipe, small_writes_are_atomic)
{
	int p[2], got = 0, at = 0;
	ssize_t n;

	EXPECT_OK(pipe(p));
	for (int w = 0; w < 4; w++)
		CHILD({
			memset(g_buf, 'a' + w, 4096);
			for (int i = 0; i < 40; i++)
				if (write(p[1], g_buf, 4096) != 4096)
					_exit(1);
		});
	close(p[1]);
	while ((n = read(p[0], g_buf + at, 4096 - at)) > 0) {
		at += (int)n;
		if (at < 4096)
			continue;
		for (int i = 1; i < 4096; i++)
			EXPECT_EQ(g_buf[0], g_buf[i]);
		at = 0;
		got++;
	}
	EXPECT_EQ(160, got);
	while (wait(NULL) > 0)
		;
}

TEST(pipe, large_writes_go_through_in_pieces)
{
	int p[2], total = 0;
	ssize_t n;
	pid_t pid;

	EXPECT_OK(pipe(p));
	pid = CHILD(_exit(write(p[1], g_buf, 500000) != 500000));
	close(p[1]);
	while ((n = read(p[0], g_buf, 7777)) > 0)
		total += (int)n;
	EXPECT_EQ(500000, total);
	EXPECT_EXIT(0, pid);
}

/* --- FIFOs ---------------------------------------------------------------- */

static char g_name[64];

static void make_fifo(void)
{
	SCRATCH_NAME(g_name, sizeof(g_name), "fifo");
	EXPECT_OK(mkfifo(g_name, 0600));
}

TEST(pipe, fifo_open_meets_the_other_side)
{
	pid_t pid;
	int fd;

	make_fifo();
	pid = CHILD({
		int w = open(g_name, O_WRONLY);

		_exit(write(w, "hi", 2) != 2);
	});
	fd = EXPECT_OK(open(g_name, O_RDONLY));
	EXPECT_EQ(2, read(fd, g_buf, 10));
	EXPECT_EXIT(0, pid);
	EXPECT_EQ(0, read(fd, g_buf, 10));
	EXPECT_OK(unlink(g_name));
}

TEST(pipe, fifo_open_without_blocking)
{
	int r, w, rw;

	make_fifo();
	EXPECT_ERRNO(ENXIO, open(g_name, O_WRONLY | O_NONBLOCK));
	r = EXPECT_OK(open(g_name, O_RDONLY | O_NONBLOCK));
	EXPECT_EQ(0, poll_now(r)); /* nobody has written yet: no hang-up */
	EXPECT_EQ(0, read(r, g_buf, 1));
	w = EXPECT_OK(open(g_name, O_WRONLY | O_NONBLOCK));
	EXPECT_ERRNO(EAGAIN, read(r, g_buf, 1));
	EXPECT_OK(close(w));
	EXPECT_EQ(POLLHUP, poll_now(r));
	EXPECT_OK(close(r));
	rw = EXPECT_OK(open(g_name, O_RDWR));
	EXPECT_EQ(1, write(rw, "x", 1));
	EXPECT_EQ(1, read(rw, g_buf, 1));
	EXPECT_OK(unlink(g_name));
}

TEST(pipe, reopened_through_proc)
{
	char name[64];
	int p[2], fd;

	EXPECT_OK(pipe(p));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p[1]);
	fd = EXPECT_OK(open(name, O_WRONLY));
	EXPECT_EQ(2, write(fd, "ok", 2));
	EXPECT_OK(close(p[1]));
	EXPECT_EQ(2, read(p[0], g_buf, 10));
	EXPECT_OK(close(fd));
	EXPECT_EQ(0, read(p[0], g_buf, 10));
}

TEST_MAIN
