/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease: F_SETLEASE and F_GETLEASE of fcntl(2).
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>

#include "tests/harness/guest_test.h"

#ifndef F_SETSIG
#define F_SETSIG 10
#endif

static _Atomic int nr_signals, last_fd, last_code;

static void on_signal(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	last_fd = si->si_fd;
	last_code = si->si_code;
	nr_signals++;
}

static void enter(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO | SA_RESTART };

	EXPECT_OK(chdir(scratch("/dev/shm")));
	close(EXPECT_OK(open("f", O_CREAT | O_RDWR, 0666)));
	EXPECT_OK(sigaction(SIGRTMIN, &sa, NULL));
	EXPECT_OK(sigaction(SIGIO, &sa, NULL));
}

static int leased(int flags, int type)
{
	int fd = EXPECT_OK(open("f", flags));

	if (fcntl(fd, F_SETLEASE, type) < 0 && errno == EINVAL)
		SKIP("leases are off");
	EXPECT_OK(fcntl(fd, F_SETLEASE, type));
	return fd;
}

TEST(lease, who_may_have_one)
{
	int fd, w;

	enter();
	fd = EXPECT_OK(open("f", O_RDONLY));
	EXPECT_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
	EXPECT_ERRNO(EAGAIN, fcntl(fd, F_SETLEASE, F_UNLCK));
	EXPECT_ERRNO(EINVAL, fcntl(fd, F_SETLEASE, 7));
	EXPECT_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
	EXPECT_EQ(F_RDLCK, fcntl(fd, F_GETLEASE));
	EXPECT_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
	EXPECT_EQ(F_WRLCK, fcntl(fd, F_GETLEASE));
	EXPECT_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	EXPECT_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
	w = EXPECT_OK(open("f", O_RDWR));
	/* A writer is in the way of both, a reader of the exclusive one. */
	EXPECT_ERRNO(EAGAIN, fcntl(fd, F_SETLEASE, F_RDLCK));
	EXPECT_ERRNO(EAGAIN, fcntl(fd, F_SETLEASE, F_WRLCK));
	EXPECT_ERRNO(EAGAIN, fcntl(w, F_SETLEASE, F_WRLCK));
	close(fd);
	EXPECT_ERRNO(EAGAIN, fcntl(w, F_SETLEASE, F_RDLCK));
	EXPECT_OK(fcntl(w, F_SETLEASE, F_WRLCK));
	EXPECT_ERRNO(EINVAL, fcntl(EXPECT_OK(open(".", O_RDONLY)), F_SETLEASE,
				   F_UNLCK + 1));
	EXPECT_ERRNO(EBADF, fcntl(-1, F_SETLEASE, F_RDLCK));
}

TEST(lease, several_may_read)
{
	int a, b;

	enter();
	a = leased(O_RDONLY, F_RDLCK);
	b = leased(O_RDONLY, F_RDLCK);
	EXPECT_ERRNO(EAGAIN, fcntl(a, F_SETLEASE, F_WRLCK));
	close(b);
	EXPECT_OK(fcntl(a, F_SETLEASE, F_WRLCK));
}

TEST(lease, others_need_the_capability)
{
	int fd;

	enter();
	if (geteuid())
		SKIP("needs root");
	fd = EXPECT_OK(open("f", O_RDONLY));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setuid(65534));
			    EXPECT_ERRNO(EACCES,
					 fcntl(fd, F_SETLEASE, F_RDLCK));
		    }));
}

TEST(lease, nonblocking_open_breaks_and_fails)
{
	int fd;

	enter();
	fd = leased(O_RDONLY, F_RDLCK);
	EXPECT_OK(fcntl(fd, F_SETSIG, SIGRTMIN));
	/* A reader is not in the way. */
	close(EXPECT_OK(open("f", O_RDONLY | O_NONBLOCK)));
	EXPECT_EQ(0, nr_signals);
	EXPECT_ERRNO(EAGAIN, open("f", O_WRONLY | O_NONBLOCK));
	EXPECT_SOON(nr_signals == 1);
	EXPECT_EQ(fd, last_fd);
	EXPECT_EQ(POLL_MSG, last_code);
	EXPECT_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
	/* Told once. */
	EXPECT_ERRNO(EAGAIN, open("f", O_WRONLY | O_NONBLOCK));
	EXPECT_EQ(1, nr_signals);
	EXPECT_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	close(EXPECT_OK(open("f", O_WRONLY | O_NONBLOCK)));
}

static _Atomic int opened;

static void *open_write(void *arg)
{
	int fd = open("f", (int)(long)arg);

	opened = fd < 0 ? -errno : 1;
	return NULL;
}

TEST(lease, an_open_waits_for_the_holder)
{
	pthread_t t;
	int fd;

	enter();
	fd = leased(O_RDONLY, F_WRLCK);
	EXPECT_EQ(0, pthread_create(&t, NULL, open_write, (void *)O_RDONLY));
	EXPECT_SOON(nr_signals == 1);
	EXPECT_EQ(0, opened);
	EXPECT_EQ(F_RDLCK, fcntl(fd, F_GETLEASE));
	/* A downgrade is enough for a reader. */
	EXPECT_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	EXPECT_EQ(0, pthread_join(t, NULL));
	EXPECT_EQ(1, opened);
}

TEST(lease, a_close_gives_it_up)
{
	pthread_t t;
	int fd, copy;

	enter();
	fd = leased(O_RDONLY, F_RDLCK);
	copy = EXPECT_OK(dup(fd));
	EXPECT_EQ(0, pthread_create(&t, NULL, open_write, (void *)O_WRONLY));
	EXPECT_SOON(nr_signals == 1);
	close(fd);
	EXPECT_EQ(0, opened);
	EXPECT_EQ(F_UNLCK, fcntl(copy, F_GETLEASE));
	close(copy);
	EXPECT_EQ(0, pthread_join(t, NULL));
	EXPECT_EQ(1, opened);
}

TEST(lease, truncate_breaks)
{
	pid_t pid;
	int fd;

	enter();
	fd = leased(O_RDONLY, F_RDLCK);
	pid = CHILD(_exit(truncate("f", 0) != 0));
	EXPECT_SOON(nr_signals == 1);
	EXPECT_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	EXPECT_EXIT(0, pid);
}

TEST(lease, a_break_can_be_interrupted)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	pid_t pid;

	enter();
	leased(O_RDONLY, F_RDLCK);
	pid = CHILD({
		sigaction(SIGUSR1, &sa, NULL);
		open("f", O_WRONLY);
	});
	EXPECT_SOON(nr_signals == 1);
	EXPECT_OK(kill(pid, SIGUSR1));
	EXPECT_KILLED(SIGUSR1, pid);
}

TEST_MAIN
