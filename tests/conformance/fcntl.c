/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fcntl: dup(2), fcntl(2), flock(2), generic ioctl(2).
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "tests/harness/guest_test.h"

static int fresh(void)
{
	EXPECT_OK(chdir(scratch("/tmp")));
	return EXPECT_OK(open("f", O_CREAT | O_RDWR, 0644));
}

static struct flock range(short type, off_t start, off_t len)
{
	return (struct flock){ .l_type = type, .l_start = start, .l_len = len };
}

static int set_lock(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock l = range(type, start, len);

	return fcntl(fd, cmd, &l);
}

TEST(fcntl, dup_forms)
{
	int fd = fresh();

	EXPECT_EQ(40, dup2(fd, 40));
	EXPECT_EQ(fd, dup2(fd, fd));
	EXPECT_ERRNO(EBADF, dup2(99, 99));
	EXPECT_ERRNO(EBADF, dup2(99, 41));
	EXPECT_ERRNO(EINVAL, dup3(fd, fd, 0));
	EXPECT_ERRNO(EINVAL, dup3(fd, 41, O_RDWR));
	EXPECT_EQ(41, dup3(fd, 41, O_CLOEXEC));
	EXPECT_EQ(FD_CLOEXEC, fcntl(41, F_GETFD));
	EXPECT_EQ(42, fcntl(fd, F_DUPFD, 40));
	EXPECT_EQ(43, fcntl(fd, F_DUPFD_CLOEXEC, 40));
	EXPECT_EQ(FD_CLOEXEC, fcntl(43, F_GETFD));
	EXPECT_OK(fcntl(42, F_SETFD, FD_CLOEXEC));
	EXPECT_EQ(FD_CLOEXEC, fcntl(42, F_GETFD));
	EXPECT_EQ(0, fcntl(40, F_GETFD));
	EXPECT_EQ(5, lseek(42, 5, SEEK_SET)); /* one position for all */
	EXPECT_EQ(5, lseek(fd, 0, SEEK_CUR));
	EXPECT_ERRNO(EBADF, fcntl(99, F_GETFD));
	EXPECT_ERRNO(EINVAL, fcntl(fd, 9999));
	EXPECT_ERRNO(EINVAL, fcntl(fd, F_DUPFD, -1));
}

TEST(fcntl, status_flags)
{
	int fd = fresh(), fl = EXPECT_OK(fcntl(fd, F_GETFL)), on = 1;

	EXPECT_OK(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND | O_CREAT));
	EXPECT_EQ(fl | O_NONBLOCK | O_APPEND, fcntl(fd, F_GETFL));
	EXPECT_OK(fcntl(fd, F_SETFL, 0));
	EXPECT_EQ(fl, fcntl(fd, F_GETFL));
	EXPECT_OK(ioctl(fd, FIONBIO, &on));
	EXPECT_EQ(fl | O_NONBLOCK, fcntl(fd, F_GETFL));
	EXPECT_OK(ioctl(fd, FIOCLEX));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_OK(ioctl(fd, FIONCLEX));
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_EQ(3, write(fd, "abc", 3));
	EXPECT_EQ(1, lseek(fd, 1, SEEK_SET));
	EXPECT_OK(ioctl(fd, FIONREAD, &on));
	EXPECT_EQ(2, on);
	EXPECT_ERRNO(ENOTTY, ioctl(fd, 0x5401, &on)); /* TCGETS */
	EXPECT_ERRNO(EBADF, ioctl(99, FIONBIO, &on));
	EXPECT_ERRNO(EFAULT, ioctl(fd, FIONBIO, (void *)16));
}

TEST(fcntl, owner)
{
	int fd = fresh();
	struct f_owner_ex ex = { F_OWNER_PID, getpid() };

	EXPECT_EQ(0, fcntl(fd, F_GETOWN));
	EXPECT_OK(fcntl(fd, F_SETOWN, getpid()));
	EXPECT_EQ(getpid(), fcntl(fd, F_GETOWN));
	EXPECT_ERRNO(ESRCH, fcntl(fd, F_SETOWN, 4000000));
	EXPECT_OK(fcntl(fd, F_SETOWN_EX, &ex));
	ex.pid = 0;
	EXPECT_OK(fcntl(fd, F_GETOWN_EX, &ex));
	EXPECT_EQ(getpid(), ex.pid);
	ex.type = 9;
	EXPECT_ERRNO(EINVAL, fcntl(fd, F_SETOWN_EX, &ex));
	EXPECT_OK(fcntl(fd, F_SETSIG, SIGUSR1));
	EXPECT_EQ(SIGUSR1, fcntl(fd, F_GETSIG));
	EXPECT_ERRNO(EINVAL, fcntl(fd, F_SETSIG, 65));
}

TEST(fcntl, record_locks_of_two_processes)
{
	int fd = fresh();

	EXPECT_OK(set_lock(fd, F_SETLK, F_WRLCK, 10, 10));
	EXPECT_OK(set_lock(fd, F_SETLK, F_UNLCK, 14, 2));
	EXPECT_EXIT(0, CHILD({
			    struct flock l = range(F_RDLCK, 0, 0);

			    EXPECT_OK(fcntl(fd, F_GETLK, &l));
			    EXPECT_EQ(F_WRLCK, l.l_type);
			    EXPECT_EQ(10, l.l_start);
			    EXPECT_EQ(4, l.l_len);
			    EXPECT_EQ(getppid(), l.l_pid);
			    EXPECT_ERRNO(EAGAIN,
					 set_lock(fd, F_SETLK, F_RDLCK, 13, 1));
			    EXPECT_OK(set_lock(fd, F_SETLK, F_WRLCK, 14, 2));
			    l = range(F_WRLCK, 0, 5);
			    EXPECT_OK(fcntl(fd, F_GETLK, &l));
			    EXPECT_EQ(F_UNLCK, l.l_type);
		    }));
	/* The child's went with it. */
	EXPECT_OK(set_lock(fd, F_SETLK, F_WRLCK, 0, 0));
	/* Any close of the file drops all of the process's. */
	EXPECT_OK(close(EXPECT_OK(open("f", O_RDONLY))));
	EXPECT_EXIT(0, CHILD(EXPECT_OK(set_lock(fd, F_SETLK, F_WRLCK, 0, 0))));
}

TEST(fcntl, record_lock_arguments)
{
	int fd = fresh(), ro = EXPECT_OK(open("f", O_RDONLY));
	struct flock l = range(F_WRLCK, 5, -3);

	EXPECT_ERRNO(EINVAL, set_lock(fd, F_SETLK, F_WRLCK, -1, 1));
	EXPECT_ERRNO(EINVAL, set_lock(fd, F_SETLK, F_WRLCK, 1, -2));
	EXPECT_ERRNO(EINVAL, set_lock(fd, F_SETLK, 7, 0, 1));
	EXPECT_ERRNO(EBADF, set_lock(ro, F_SETLK, F_WRLCK, 0, 1));
	EXPECT_ERRNO(EFAULT, fcntl(fd, F_SETLK, (void *)16));
	EXPECT_OK(fcntl(fd, F_SETLK, &l));
	EXPECT_EXIT(0, CHILD({
			    struct flock g = range(F_RDLCK, 0, 0);

			    EXPECT_OK(fcntl(fd, F_GETLK, &g));
			    EXPECT_EQ(2, g.l_start);
			    EXPECT_EQ(3, g.l_len);
		    }));
	l = (struct flock){ .l_type = F_WRLCK, .l_pid = 1 };
	EXPECT_ERRNO(EINVAL, fcntl(fd, F_OFD_SETLK, &l));
}

TEST(fcntl, waiting_for_a_lock)
{
	int fd = fresh(), p[2];
	pid_t pid;
	char c;

	EXPECT_OK(pipe(p));
	EXPECT_OK(set_lock(fd, F_SETLK, F_WRLCK, 0, 1));
	pid = CHILD({
		EXPECT_EQ(1, write(p[1], "w", 1));
		EXPECT_OK(set_lock(fd, F_SETLKW, F_WRLCK, 0, 1));
		EXPECT_EQ(1, write(p[1], "g", 1));
	});
	EXPECT_EQ(1, read(p[0], &c, 1));
	usleep(20000);
	EXPECT_OK(fcntl(p[0], F_SETFL, O_NONBLOCK));
	EXPECT_ERRNO(EAGAIN, read(p[0], &c, 1));
	EXPECT_OK(fcntl(p[0], F_SETFL, 0));
	EXPECT_OK(set_lock(fd, F_SETLK, F_UNLCK, 0, 1));
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_EQ('g', c);
	EXPECT_EXIT(0, pid);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(fcntl, signal_interrupts_waiting)
{
	int fd = fresh();
	struct sigaction sa = { .sa_handler = on_alarm };

	EXPECT_OK(set_lock(fd, F_SETLK, F_WRLCK, 0, 1));
	sigaction(SIGALRM, &sa, NULL);
	EXPECT_EXIT(0, CHILD({
			    ualarm(30000, 30000);
			    EXPECT_ERRNO(EINTR,
					 set_lock(fd, F_SETLKW, F_WRLCK, 0, 1));
		    }));
}

TEST(fcntl, deadlock)
{
	int fd = fresh(), p[2];
	pid_t pid;
	char c;

	EXPECT_OK(pipe(p));
	EXPECT_OK(set_lock(fd, F_SETLK, F_WRLCK, 0, 1));
	pid = CHILD({
		EXPECT_OK(set_lock(fd, F_SETLK, F_WRLCK, 1, 1));
		EXPECT_EQ(1, write(p[1], "x", 1));
		EXPECT_OK(set_lock(fd, F_SETLKW, F_WRLCK, 0, 1));
	});
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_SOON(task_state(pid) == 'S');
	EXPECT_ERRNO(EDEADLK, set_lock(fd, F_SETLKW, F_WRLCK, 1, 1));
	EXPECT_OK(set_lock(fd, F_SETLK, F_UNLCK, 0, 0));
	EXPECT_EXIT(0, pid);
}

TEST(fcntl, open_file_description_locks)
{
	int a = fresh(), b = EXPECT_OK(open("f", O_RDWR)), c = dup(a);
	struct flock l = range(F_WRLCK, 0, 0);

	EXPECT_OK(set_lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	EXPECT_OK(set_lock(c, F_OFD_SETLK, F_WRLCK, 0, 10));
	EXPECT_ERRNO(EAGAIN, set_lock(b, F_OFD_SETLK, F_RDLCK, 5, 1));
	EXPECT_ERRNO(EAGAIN, set_lock(b, F_SETLK, F_RDLCK, 5, 1));
	EXPECT_OK(fcntl(b, F_OFD_GETLK, &l));
	EXPECT_EQ(-1, l.l_pid);
	EXPECT_OK(close(a));
	EXPECT_ERRNO(EAGAIN, set_lock(b, F_OFD_SETLK, F_RDLCK, 5, 1));
	EXPECT_OK(close(c));
	EXPECT_OK(set_lock(b, F_OFD_SETLK, F_RDLCK, 5, 1));
}

TEST(fcntl, flock_forms)
{
	int a = fresh(), b = EXPECT_OK(open("f", O_RDONLY)), c = dup(a);

	EXPECT_OK(flock(a, LOCK_EX));
	EXPECT_OK(flock(c, LOCK_EX | LOCK_NB));
	EXPECT_ERRNO(EAGAIN, flock(b, LOCK_SH | LOCK_NB));
	EXPECT_OK(flock(a, LOCK_SH));
	EXPECT_OK(flock(b, LOCK_SH | LOCK_NB));
	EXPECT_ERRNO(EAGAIN, flock(b, LOCK_EX | LOCK_NB));
	EXPECT_OK(flock(a, LOCK_EX | LOCK_NB)); /* b's was lost above */
	EXPECT_OK(close(a));
	EXPECT_ERRNO(EAGAIN, flock(b, LOCK_SH | LOCK_NB));
	EXPECT_OK(close(c));
	EXPECT_OK(flock(b, LOCK_EX | LOCK_NB));
	EXPECT_ERRNO(EINVAL, flock(b, 0));
	EXPECT_ERRNO(EBADF, flock(99, LOCK_SH));
	EXPECT_OK(flock(b, LOCK_UN));
	EXPECT_OK(flock(b, LOCK_UN));
}

TEST(fcntl, leases)
{
	int fd = fresh();

	EXPECT_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
	EXPECT_ERRNO(EINVAL, fcntl(fd, F_SETLEASE, 77));
}

TEST_MAIN
