/* SPDX-License-Identifier: Apache-2.0 */
/* pidfd_open(2), pidfd_send_signal(2), and waiting on them. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int p_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int p_send(int fd, int sig, siginfo_t *si, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, si, flags);
}

static pid_t sleeping_child(void)
{
	return CHILD(for (;;) pause());
}

TEST(pidfd, open_checks_its_arguments)
{
	EXPECT_ERRNO(EINVAL, p_open(0, 0));
	EXPECT_ERRNO(EINVAL, p_open(-1, 0));
	EXPECT_ERRNO(EINVAL, p_open(getpid(), 1));
	EXPECT_ERRNO(ESRCH, p_open(99999999, 0));
	int fd = EXPECT_OK(p_open(getpid(), 0));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	fd = EXPECT_OK(p_open(getpid(), O_NONBLOCK));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
}

TEST(pidfd, is_neither_read_nor_written)
{
	int fd = EXPECT_OK(p_open(getpid(), 0));
	char c = 0;

	EXPECT_ERRNO(EINVAL, read(fd, &c, 1));
	EXPECT_ERRNO(EINVAL, write(fd, &c, 1));
}

TEST(pidfd, sends_signals)
{
	pid_t kid = sleeping_child();
	int fd = EXPECT_OK(p_open(kid, 0));

	EXPECT_OK(p_send(fd, 0, NULL, 0));
	EXPECT_ERRNO(EINVAL, p_send(fd, 65, NULL, 0));
	EXPECT_ERRNO(EINVAL, p_send(fd, 0, NULL, 0x80));
	EXPECT_ERRNO(EBADF, p_send(99, 0, NULL, 0));
	EXPECT_ERRNO(EBADF, p_send(0, 0, NULL, 0));
	EXPECT_OK(p_send(fd, SIGTERM, NULL, 0));
	EXPECT_OK(
		waitid(P_PID, (id_t)kid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT));
	EXPECT_OK(p_send(fd, SIGTERM, NULL, 0)); /* a zombie still takes it */
	EXPECT_KILLED(SIGTERM, kid);
	EXPECT_ERRNO(ESRCH, p_send(fd, SIGTERM, NULL, 0));
}

TEST(pidfd, siginfo_must_fit_the_call)
{
	pid_t kid = sleeping_child();
	int fd = EXPECT_OK(p_open(kid, 0));
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	si.si_signo = SIGUSR1;
	si.si_code = SI_QUEUE;
	EXPECT_ERRNO(EINVAL, p_send(fd, SIGUSR2, &si, 0));
	EXPECT_ERRNO(EFAULT, p_send(fd, SIGUSR2, (void *)8, 0));
	si.si_code = SI_USER;
	EXPECT_ERRNO(EPERM, p_send(fd, SIGUSR1, &si, 0));
	si.si_code = SI_QUEUE;
	EXPECT_OK(p_send(fd, SIGUSR1, &si, 0));
	EXPECT_KILLED(SIGUSR1, kid);
}

TEST(pidfd, polls_readable_when_dead)
{
	pid_t kid = sleeping_child();
	struct pollfd p = { EXPECT_OK(p_open(kid, 0)), POLLIN, 0 };
	int ep = EXPECT_OK(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = 1 };

	EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, p.fd, &ev));
	EXPECT_EQ(0, poll(&p, 1, 0));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_EQ(1, poll(&p, 1, -1));
	EXPECT_EQ(POLLIN, p.revents);
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, -1));
	EXPECT_KILLED(SIGKILL, kid);
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_TRUE(p.revents & POLLIN);
}

TEST(pidfd, waitid_on_it)
{
	pid_t kid = sleeping_child();
	int fd = EXPECT_OK(p_open(kid, O_NONBLOCK));
	int self = EXPECT_OK(p_open(getpid(), 0));
	siginfo_t si;

	EXPECT_ERRNO(EAGAIN, waitid(P_PIDFD, (id_t)fd, &si, WEXITED));
	EXPECT_EQ(0, waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG));
	EXPECT_ERRNO(ECHILD, waitid(P_PIDFD, (id_t)self, &si, WEXITED));
	EXPECT_ERRNO(EBADF, waitid(P_PIDFD, 99, &si, WEXITED));
	EXPECT_ERRNO(EBADF, waitid(P_PIDFD, 0, &si, WEXITED));
	EXPECT_ERRNO(EINVAL, waitid(P_PIDFD, (id_t)-1, &si, WEXITED));
	EXPECT_OK(kill(kid, SIGUSR1));
	EXPECT_OK(fcntl(fd, F_SETFL, 0));
	EXPECT_OK(waitid(P_PIDFD, (id_t)fd, &si, WEXITED));
	EXPECT_EQ(kid, si.si_pid);
	EXPECT_EQ(CLD_KILLED, si.si_code);
	EXPECT_ERRNO(ECHILD, waitid(P_PIDFD, (id_t)fd, &si, WEXITED));
}

TEST(pidfd, of_a_reaped_pid_does_not_hit_the_next)
{
	pid_t kid = CHILD(_exit(0));
	int fd = EXPECT_OK(p_open(kid, 0));

	EXPECT_EXIT(0, kid);
	EXPECT_ERRNO(ESRCH, p_send(fd, 0, NULL, 0));
	EXPECT_ERRNO(ESRCH, p_open(kid, 0));
}

TEST(pidfd, of_a_zombie_can_be_opened)
{
	pid_t kid = CHILD(_exit(7));
	siginfo_t si;

	EXPECT_OK(waitid(P_PID, (id_t)kid, &si, WEXITED | WNOWAIT));
	int fd = EXPECT_OK(p_open(kid, 0));
	EXPECT_OK(waitid(P_PIDFD, (id_t)fd, &si, WEXITED));
	EXPECT_EQ(7, si.si_status);
}

TEST(pidfd, of_a_thread_needs_the_thread_flag)
{
	static volatile pid_t tid;
	void *wait_here(void *arg)
	{
		tid = gettid();
		for (;;)
			pause();
		return arg;
	}
	pthread_t t;

	pthread_create(&t, NULL, wait_here, NULL);
	EXPECT_SOON(tid);
	errno = 0;
	EXPECT_EQ(-1, p_open(tid, 0));
	EXPECT_TRUE(errno == ENOENT || errno == EINVAL);
}

TEST(pidfd, proc_tells_the_pid)
{
	char path[50], line[100];
	int fd = EXPECT_OK(p_open(getpid(), 0)), pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	EXPECT_TRUE(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Pid: %d", &pid);
	EXPECT_EQ(getpid(), pid);
}

TEST(pidfd, a_proc_directory_takes_signals)
{
	pid_t kid = sleeping_child();
	char name[64];
	int fd, status;

	snprintf(name, sizeof(name), "/proc/%d", kid);
	fd = EXPECT_OK(open(name, O_PATH | O_DIRECTORY));
	EXPECT_ERRNO(EBADF, p_send(fd, 0, NULL, 0));
	fd = EXPECT_OK(open(name, O_RDONLY | O_DIRECTORY));
	EXPECT_OK(p_send(fd, 0, NULL, 0));
	EXPECT_OK(p_send(fd, SIGTERM, NULL, 0));
	EXPECT_EQ(kid, waitpid(kid, &status, 0));
	EXPECT_EQ(SIGTERM, WTERMSIG(status));
	EXPECT_ERRNO(ESRCH, p_send(fd, 0, NULL, 0));

	/* A thread's directory, and others, name no process. */
	snprintf(name, sizeof(name), "/proc/self/task/%d", getpid());
	fd = EXPECT_OK(open(name, O_RDONLY | O_DIRECTORY));
	EXPECT_ERRNO(EBADF, p_send(fd, 0, NULL, 0));
	fd = EXPECT_OK(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
	EXPECT_ERRNO(EBADF, p_send(fd, 0, NULL, 0));
	fd = EXPECT_OK(open("/", O_RDONLY | O_DIRECTORY));
	EXPECT_ERRNO(EBADF, p_send(fd, 0, NULL, 0));
}

TEST_MAIN
