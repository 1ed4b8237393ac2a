/* SPDX-License-Identifier: Apache-2.0 */
/* pipe(2), pipe(7), fifo(7): errors, limits, races. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "tests/harness/guest_test.h"

/* Not mapped; volatile, so that the compiler does not see it. */
static void *volatile nowhere = (void *)8;

#define SIZE   65536
#define ATOMIC 4096

static int p[2];
static char buf[4 * SIZE];
static volatile sig_atomic_t got_signal;

static void on_signal(int signo)
{
	got_signal = signo;
}

static void handle(int signo, int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	EXPECT_OK(sigaction(signo, &sa, NULL));
}

static void alarm_ms(int ms)
{
	struct itimerval it = { { 0, ms * 1000 }, { 0, ms * 1000 } };

	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
}

static int queued(void)
{
	int n;

	EXPECT_OK(ioctl(p[0], FIONREAD, &n));
	return n;
}

TEST(pipe_edges, flags_and_modes)
{
	struct stat st;

	EXPECT_OK(pipe2(p, O_NONBLOCK | O_CLOEXEC));
	EXPECT_EQ(O_RDONLY | O_NONBLOCK, fcntl(p[0], F_GETFL));
	EXPECT_EQ(O_WRONLY | O_NONBLOCK, fcntl(p[1], F_GETFL));
	EXPECT_EQ(FD_CLOEXEC, fcntl(p[0], F_GETFD));
	EXPECT_ERRNO(EBADF, write(p[0], "x", 1));
	EXPECT_ERRNO(EBADF, read(p[1], buf, 1));
	EXPECT_ERRNO(ESPIPE, lseek(p[0], 0, SEEK_CUR));
	EXPECT_ERRNO(ESPIPE, pread(p[0], buf, 1, 0));
	EXPECT_OK(fstat(p[0], &st));
	EXPECT_TRUE(S_ISFIFO(st.st_mode));
	EXPECT_ERRNO(EINVAL, pipe2(p, O_CREAT));
	EXPECT_ERRNO(EFAULT, pipe(nowhere));
}

TEST(pipe_edges, bytes_keep_their_order)
{
	EXPECT_OK(pipe(p));
	EXPECT_EQ(3, write(p[1], "abc", 3));
	EXPECT_EQ(3, write(p[1], "def", 3));
	EXPECT_EQ(6, queued());
	EXPECT_EQ(4, read(p[0], buf, 4));
	EXPECT_EQ(2, read(p[0], buf + 4, 100));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
	EXPECT_EQ(0, write(p[1], buf, 0));
	EXPECT_OK(close(p[1]));
	EXPECT_EQ(0, read(p[0], buf, 1));
}

TEST(pipe_edges, nonblocking_partial_write)
{
	EXPECT_OK(pipe2(p, O_NONBLOCK));
	EXPECT_ERRNO(EAGAIN, read(p[0], buf, 1));
	EXPECT_EQ(SIZE, write(p[1], buf, SIZE + 1000));
	EXPECT_ERRNO(EAGAIN, write(p[1], buf, 1));
	EXPECT_EQ(ATOMIC, read(p[0], buf, ATOMIC));
	EXPECT_EQ(ATOMIC, write(p[1], buf, 2 * ATOMIC));
	EXPECT_EQ(SIZE, queued());
}

TEST(pipe_edges, small_writes_are_all_or_nothing)
{
	EXPECT_OK(pipe2(p, O_NONBLOCK));
	EXPECT_EQ(SIZE - ATOMIC, write(p[1], buf, SIZE - ATOMIC));
	EXPECT_EQ(100, write(p[1], buf, 100));
	EXPECT_ERRNO(EAGAIN, write(p[1], buf, ATOMIC));
	EXPECT_EQ(SIZE - ATOMIC + 100, queued());
}

TEST(pipe_edges, no_reader_is_sigpipe_and_epipe)
{
	EXPECT_OK(pipe(p));
	EXPECT_OK(close(p[0]));
	EXPECT_KILLED(SIGPIPE, CHILD(EXPECT_OK(write(p[1], "x", 1))));
	handle(SIGPIPE, 0);
	EXPECT_ERRNO(EPIPE, write(p[1], "x", 1));
	EXPECT_EQ(SIGPIPE, got_signal);
	got_signal = 0;
	EXPECT_EQ(0, write(p[1], "x", 0));
	EXPECT_EQ(0, got_signal);
}

TEST(pipe_edges, capacity)
{
	EXPECT_OK(pipe2(p, O_NONBLOCK));
	EXPECT_EQ(SIZE, fcntl(p[0], F_GETPIPE_SZ));
	EXPECT_EQ(4096, fcntl(p[1], F_SETPIPE_SZ, 1));
	EXPECT_EQ(4096, fcntl(p[1], F_GETPIPE_SZ));
	EXPECT_EQ(4096, write(p[1], buf, 5000));
	EXPECT_EQ(16384, fcntl(p[1], F_SETPIPE_SZ, 8193));
	EXPECT_EQ(12288, write(p[1], buf, SIZE));
	EXPECT_ERRNO(EBUSY, fcntl(p[1], F_SETPIPE_SZ, 4096));
	EXPECT_EQ(1 << 20, fcntl(p[1], F_SETPIPE_SZ, 1 << 20));
	EXPECT_EQ(16384, queued());
	EXPECT_ERRNO(EINVAL, fcntl(p[1], F_SETPIPE_SZ, 0x80000001u));
	EXPECT_ERRNO(EBADF,
		     fcntl(open("f", O_RDWR | O_CREAT, 0644), F_GETPIPE_SZ));
}

TEST(pipe_edges, blocked_write_goes_on_in_pieces)
{
	pid_t child;
	size_t got = 0;
	long n;

	EXPECT_OK(pipe(p));
	child = CHILD({
		memset(buf, 'w', sizeof(buf));
		EXPECT_EQ(sizeof(buf), write(p[1], buf, sizeof(buf)));
	});
	EXPECT_OK(close(p[1]));
	while ((n = EXPECT_OK(read(p[0], buf, 10000))) > 0)
		got += (size_t)n;
	EXPECT_EQ(sizeof(buf), got);
	EXPECT_EXIT(0, child);
}

TEST(pipe_edges, interrupted_read)
{
	EXPECT_OK(pipe(p));
	handle(SIGALRM, 0);
	alarm_ms(20);
	EXPECT_ERRNO(EINTR, read(p[0], buf, 1));
	EXPECT_EQ(SIGALRM, got_signal);
}

TEST(pipe_edges, read_is_restarted)
{
	pid_t child;

	EXPECT_OK(pipe(p));
	handle(SIGUSR1, SA_RESTART);
	child = CHILD({
		EXPECT_EQ(1, read(p[0], buf, 1));
		EXPECT_EQ(SIGUSR1, got_signal);
	});
	EXPECT_OK(kill(child, SIGUSR1));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(child, waitpid(child, NULL, 0));
}

TEST(pipe_edges, interrupted_write_tells_what_was_written)
{
	EXPECT_OK(pipe(p));
	handle(SIGALRM, SA_RESTART);
	alarm_ms(20);
	EXPECT_EQ(SIZE, write(p[1], buf, SIZE + 1));
	EXPECT_EQ(SIGALRM, got_signal);
	handle(SIGALRM, 0);
	EXPECT_ERRNO(EINTR, write(p[1], buf, 1));
}

static void *write_blocks(void *arg)
{
	char block[ATOMIC];

	memset(block, (int)(long)arg, sizeof(block));
	for (int i = 0; i < 50; i++)
		EXPECT_EQ(ATOMIC, write(p[1], block, ATOMIC));
	return NULL;
}

TEST(pipe_edges, small_writes_do_not_mix)
{
	pthread_t th[3];
	char block[ATOMIC];

	EXPECT_OK(pipe(p));
	for (long i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_create(&th[i], NULL, write_blocks,
					    (void *)('a' + i)));
	for (int i = 0; i < 150; i++) {
		size_t got = 0;

		while (got < ATOMIC)
			got += (size_t)EXPECT_OK(
				read(p[0], block + got, ATOMIC - got));
		for (int k = 1; k < ATOMIC; k++)
			EXPECT_EQ(block[0], block[k]);
	}
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_join(th[i], NULL));
}

TEST(pipe_edges, vectors_and_faults)
{
	char *page = EXPECT_OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	struct iovec v[2] = { { "ab", 2 }, { "cde", 3 } };

	EXPECT_OK(munmap(page + 4096, 4096));
	EXPECT_OK(pipe2(p, O_NONBLOCK));
	EXPECT_EQ(5, writev(p[1], v, 2));
	EXPECT_EQ(5, read(p[0], page + 4091, 100));
	EXPECT_EQ(0, memcmp(page + 4091, "abcde", 5));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_ERRNO(EFAULT, read(p[0], nowhere, 1));
	/* What could not be delivered is still there. */
	EXPECT_EQ(1, queued());
	EXPECT_ERRNO(EFAULT, write(p[1], nowhere, 1));
	EXPECT_EQ(1, queued());
}

/* The buffer is a page of a file that nobody has touched yet. */
TEST(pipe_edges, buffers_in_a_file_mapping)
{
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644));
	char *m;

	EXPECT_OK(pipe(p));
	EXPECT_OK(ftruncate(fd, 4 * 4096));
	EXPECT_EQ(1, pwrite(fd, "m", 1, 4096));
	m = EXPECT_OK(mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			   fd, 0));
	EXPECT_EQ(2, write(p[1], m + 4096, 2));
	EXPECT_EQ(2, read(p[0], m + 3 * 4096 - 1, 2));
	EXPECT_EQ('m', m[3 * 4096 - 1]);
	EXPECT_EQ(4 * 4096, write(p[1], m, 4 * 4096));
	EXPECT_OK(ftruncate(fd, 4096));
	EXPECT_EQ(4096, read(p[0], m, 2 * 4096));
	EXPECT_ERRNO(EFAULT, read(p[0], m + 4096, 1));
	EXPECT_EQ(3 * 4096, queued());
}

TEST(pipe_edges, reopened_through_proc)
{
	char path[64];
	int fd;

	EXPECT_OK(pipe(p));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	fd = EXPECT_OK(open(path, O_WRONLY));
	EXPECT_EQ(1, write(fd, "z", 1));
	EXPECT_EQ(1, read(p[0], buf, 1));
	EXPECT_EQ('z', buf[0]);
}

TEST(pipe_edges, fifo_open_rules)
{
	int r, w;

	(void)unlink("fifo");
	EXPECT_OK(mkfifo("fifo", 0600));
	EXPECT_ERRNO(EEXIST, mkfifo("fifo", 0600));
	EXPECT_ERRNO(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));
	r = EXPECT_OK(open("fifo", O_RDONLY | O_NONBLOCK));
	EXPECT_EQ(0, read(r, buf, 1));
	w = EXPECT_OK(open("fifo", O_WRONLY | O_NONBLOCK));
	EXPECT_ERRNO(EAGAIN, read(r, buf, 1));
	EXPECT_EQ(1, write(w, "f", 1));
	EXPECT_EQ(1, read(r, buf, 1));
	EXPECT_OK(close(w));
	EXPECT_EQ(0, read(r, buf, 1));
	EXPECT_OK(close(r));
	/* Reading and writing: never blocks. */
	r = EXPECT_OK(open("fifo", O_RDWR));
	EXPECT_EQ(2, write(r, "rw", 2));
	EXPECT_EQ(2, read(r, buf, 2));
}

TEST(pipe_edges, fifo_open_waits_for_the_other_side)
{
	pid_t child;
	int w;

	(void)unlink("fifo");
	EXPECT_OK(mkfifo("fifo", 0600));
	child = CHILD({
		int r = EXPECT_OK(open("fifo", O_RDONLY));

		EXPECT_EQ(3, read(r, buf, 3));
		EXPECT_EQ(0, read(r, buf, 3));
	});
	w = EXPECT_OK(open("fifo", O_WRONLY));
	EXPECT_EQ(3, write(w, "abc", 3));
	EXPECT_OK(close(w));
	EXPECT_EXIT(0, child);
}

TEST(pipe_edges, fifo_open_is_interrupted)
{
	(void)unlink("fifo");
	EXPECT_OK(mkfifo("fifo", 0600));
	handle(SIGALRM, 0);
	alarm_ms(20);
	EXPECT_ERRNO(EINTR, open("fifo", O_RDONLY));
	EXPECT_ERRNO(EINTR, open("fifo", O_WRONLY));
}

TEST(pipe_edges, fifo_hang_up_needs_a_writer_that_was)
{
	struct pollfd f = { .events = POLLIN };
	int w;

	(void)unlink("fifo");
	EXPECT_OK(mkfifo("fifo", 0600));
	f.fd = EXPECT_OK(open("fifo", O_RDONLY | O_NONBLOCK));
	EXPECT_EQ(0, poll(&f, 1, 0));
	w = EXPECT_OK(open("fifo", O_WRONLY));
	EXPECT_OK(close(w));
	EXPECT_EQ(1, poll(&f, 1, 0));
	EXPECT_EQ(POLLHUP, f.revents);
	w = EXPECT_OK(open("fifo", O_WRONLY));
	EXPECT_EQ(0, poll(&f, 1, 0));
}

TEST(pipe_edges, splice_tee_vmsplice)
{
	int q[2];
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644));

	EXPECT_OK(pipe(p));
	EXPECT_OK(pipe(q));
	EXPECT_EQ(5, write(p[1], "hello", 5));
	if (tee(p[0], q[1], 100, 0) == -1 && errno == ENOSYS)
		SKIP("no splice");
	EXPECT_EQ(5, queued());
	EXPECT_EQ(5, splice(p[0], NULL, fd, NULL, 100, 0));
	EXPECT_EQ(5, read(q[0], buf, 100));
	EXPECT_EQ(5, pread(fd, buf, 100, 0));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
	EXPECT_ERRNO(EINVAL, splice(fd, NULL, fd, NULL, 1, 0));
}

TEST_MAIN
