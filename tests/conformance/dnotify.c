/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dnotify: F_NOTIFY of fcntl(2).
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "tests/harness/guest_test.h"

static _Atomic int nr_signals, last_fd, last_code;

static void on_signal(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	last_fd = si->si_fd;
	last_code = si->si_code;
	nr_signals++;
}

/* A fresh directory, and a descriptor of it. */
static int enter(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO | SA_RESTART };
	int fd;

	EXPECT_OK(chdir(scratch("/dev/shm")));
	EXPECT_OK(sigaction(SIGRTMIN, &sa, NULL));
	EXPECT_OK(sigaction(SIGIO, &sa, NULL));
	fd = EXPECT_OK(open(".", O_RDONLY));
	EXPECT_OK(fcntl(fd, F_SETSIG, SIGRTMIN));
	if (fcntl(fd, F_NOTIFY, 0) < 0)
		SKIP("no dnotify: %s", strerror(errno));
	return fd;
}

TEST(dnotify, once)
{
	int fd = enter();

	EXPECT_OK(fcntl(fd, F_NOTIFY, DN_CREATE));
	close(EXPECT_OK(open("a", O_CREAT | O_RDWR, 0600)));
	EXPECT_SOON(nr_signals == 1);
	EXPECT_EQ(fd, last_fd);
	EXPECT_EQ(POLL_MSG, last_code);
	close(EXPECT_OK(open("b", O_CREAT | O_RDWR, 0600)));
	EXPECT_EQ(1, nr_signals);
}

TEST(dnotify, many_kinds)
{
	int fd = enter(), a;
	char c;

	a = EXPECT_OK(open("a", O_CREAT | O_RDWR, 0600));
	EXPECT_EQ(1, write(a, "x", 1));
	EXPECT_OK(fcntl(fd, F_NOTIFY, DN_MODIFY | DN_MULTISHOT));
	EXPECT_EQ(1, write(a, "x", 1));
	EXPECT_EQ(1, nr_signals);
	EXPECT_OK(fcntl(fd, F_NOTIFY, DN_ATTRIB | DN_MULTISHOT));
	EXPECT_OK(fchmod(a, 0644));
	EXPECT_EQ(2, nr_signals);
	EXPECT_EQ(1, write(a, "x", 1));
	EXPECT_EQ(3, nr_signals);
	EXPECT_EQ(1, pread(a, &c, 1, 0));
	EXPECT_EQ(3, nr_signals);
	EXPECT_OK(fcntl(fd, F_NOTIFY, DN_ACCESS | DN_DELETE | DN_MULTISHOT));
	EXPECT_EQ(1, pread(a, &c, 1, 0));
	EXPECT_EQ(4, nr_signals);
	EXPECT_OK(unlink("a"));
	EXPECT_EQ(5, nr_signals);
	EXPECT_OK(fcntl(fd, F_NOTIFY, 0));
	EXPECT_EQ(1, write(a, "x", 1));
	EXPECT_EQ(5, nr_signals);
}

TEST(dnotify, rename)
{
	int fd = enter();

	close(EXPECT_OK(open("a", O_CREAT | O_RDWR, 0600)));
	EXPECT_OK(fcntl(fd, F_NOTIFY, DN_RENAME | DN_MULTISHOT));
	EXPECT_OK(rename("a", "b"));
	EXPECT_EQ(1, nr_signals);
}

TEST(dnotify, a_close_ends_it)
{
	int fd = enter(), copy = EXPECT_OK(dup(fd));

	EXPECT_OK(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
	close(copy);
	close(EXPECT_OK(open("a", O_CREAT | O_RDWR, 0600)));
	EXPECT_EQ(0, nr_signals);
	close(fd);
}

TEST(dnotify, errors)
{
	int fd;

	enter();
	fd = EXPECT_OK(open("f", O_CREAT | O_RDWR, 0600));
	EXPECT_ERRNO(ENOTDIR, fcntl(fd, F_NOTIFY, DN_CREATE));
	EXPECT_ERRNO(EBADF, fcntl(-1, F_NOTIFY, DN_CREATE));
}

TEST_MAIN
