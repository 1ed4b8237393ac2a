/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_unotify(2): a process answers system calls of another. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/harness/guest_test.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 32
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND 2
#endif
#define SET_FLAGS _IOW('!', 4, uint64_t)

/* getppid is asked about. */
static int listen_getppid(unsigned int flags)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { 4, f };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, &p);
}

static int g_fd = -1;

/*
 * A child in the same descriptor table: it listens, tells the number through a
 * pipe, and runs @fn; we have its listener in g_fd.
 */
static pid_t start_child(void (*fn)(void), unsigned int flags)
{
	int fds[2];
	pid_t pid;

	EXPECT_OK(pipe(fds));
	pid = EXPECT_OK(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
	if (pid == 0) {
		int fd = EXPECT_OK(listen_getppid(flags));

		EXPECT_OK(write(fds[1], &fd, sizeof(fd)));
		fn();
		_exit(0);
	}
	EXPECT_EQ(sizeof(g_fd), read(fds[0], &g_fd, sizeof(g_fd)));
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static struct seccomp_notif receive(void)
{
	struct seccomp_notif n;

	memset(&n, 0, sizeof(n));
	EXPECT_OK(ioctl(g_fd, SECCOMP_IOCTL_NOTIF_RECV, &n));
	return n;
}

static int answer(uint64_t id, int64_t val, int error, unsigned int flags)
{
	struct seccomp_notif_resp r = {
		.id = id, .val = val, .error = error, .flags = flags
	};

	return ioctl(g_fd, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

static short events(void)
{
	struct pollfd p = { g_fd, POLLIN | POLLOUT, 0 };

	EXPECT_OK(poll(&p, 1, 0));
	return p.revents;
}

/* --- answers -------------------------------------------------------------- */

static void three_calls(void)
{
	EXPECT_EQ(77, syscall(SYS_getppid, 1, 2, 3, 4, 5, 6));
	EXPECT_ERRNO(EXDEV, syscall(SYS_getppid));
	EXPECT_TRUE(syscall(SYS_getppid) > 0);
}

TEST(notify, answers)
{
	pid_t pid = start_child(three_calls, 0);
	struct seccomp_notif n = receive();
	uint64_t id = n.id;

	EXPECT_EQ(pid, n.pid);
	EXPECT_EQ(0, n.flags);
	EXPECT_EQ(SYS_getppid, n.data.nr);
	EXPECT_EQ(0xc000003e, n.data.arch);
	EXPECT_TRUE(n.data.instruction_pointer != 0);
	for (unsigned int i = 0; i < 6; i++)
		EXPECT_EQ(i + 1, n.data.args[i]);
	EXPECT_OK(ioctl(g_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
	EXPECT_OK(answer(n.id, 77, 0, 0));
	n = receive();
	EXPECT_TRUE(n.id != id);
	EXPECT_ERRNO(ENOENT, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id));
	EXPECT_ERRNO(ENOENT, answer(id, 1, 0, 0));
	EXPECT_OK(answer(n.id, 5, -EXDEV, 0));
	n = receive();
	EXPECT_OK(answer(n.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	EXPECT_EXIT(0, pid);
}

static void one_call(void)
{
	_exit((int)syscall(SYS_getppid));
}

TEST(notify, bad_requests)
{
	pid_t pid = start_child(one_call, 0);
	struct seccomp_notif n;
	uint64_t id = 12345;

	memset(&n, 0, sizeof(n));
	n.flags = 1;
	EXPECT_ERRNO(EINVAL, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_RECV, &n));
	EXPECT_ERRNO(EFAULT, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_RECV, NULL));
	n = receive();
	EXPECT_ERRNO(EFAULT, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_SEND, NULL));
	EXPECT_ERRNO(EINVAL, answer(n.id, 0, 0, 2));
	EXPECT_ERRNO(EINVAL,
		     answer(n.id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	EXPECT_ERRNO(EINVAL,
		     answer(n.id, 0, -1, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	EXPECT_ERRNO(ENOENT, answer(n.id + 1, 0, 0, 0));
	EXPECT_ERRNO(ENOENT, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id));
	EXPECT_ERRNO(EFAULT, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, NULL));
	EXPECT_ERRNO(EINVAL, ioctl(g_fd, _IO('!', 77), 0));
	EXPECT_ERRNO(EINVAL, ioctl(g_fd, SET_FLAGS, 2));
	EXPECT_OK(ioctl(g_fd, SET_FLAGS, 1));
	EXPECT_OK(ioctl(g_fd, SET_FLAGS, 0));
	EXPECT_OK(answer(n.id, 9, 0, 0));
	EXPECT_EXIT(9, pid);
}

/* A receiver whose buffer is bad loses nothing. */
TEST(notify, fault_in_receive_keeps_the_request)
{
	pid_t pid = start_child(one_call, 0);
	char *page = EXPECT_OK(mmap(NULL, 4096, PROT_READ,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	struct seccomp_notif n;

	EXPECT_ERRNO(EFAULT, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_RECV, page));
	EXPECT_EQ(POLLIN, events());
	n = receive();
	EXPECT_OK(answer(n.id, 4, 0, 0));
	EXPECT_EXIT(4, pid);
}

TEST(notify, poll)
{
	pid_t pid = start_child(one_call, 0);
	struct seccomp_notif n;

	EXPECT_SOON(events() == POLLIN);
	n = receive();
	EXPECT_EQ(POLLOUT, events());
	EXPECT_OK(answer(n.id, 0, 0, 0));
	EXPECT_SOON(events() == POLLHUP);
	EXPECT_EXIT(0, pid);
	memset(&n, 0, sizeof(n));
	EXPECT_ERRNO(ENOENT, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_RECV, &n));
}

static void fork_and_call(void)
{
	pid_t pid = fork();
	int st;

	if (pid == 0)
		_exit((int)syscall(SYS_getppid));
	waitpid(pid, &st, 0);
	_exit(WEXITSTATUS(st));
}

TEST(notify, children_ask_too)
{
	pid_t pid = start_child(fork_and_call, 0);
	struct seccomp_notif n = receive();

	EXPECT_TRUE((pid_t)n.pid != pid);
	EXPECT_OK(answer(n.id, 33, 0, 0));
	EXPECT_EXIT(33, pid);
	EXPECT_SOON(events() == POLLHUP);
}

TEST(notify, one_listener_in_a_chain)
{
	int fd = EXPECT_OK(listen_getppid(0));
	char link[64], text[64] = "";

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_ERRNO(EBUSY, listen_getppid(0));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	EXPECT_OK(readlink(link, text, sizeof(text) - 1));
	EXPECT_STR("anon_inode:seccomp notify", text);
	close(fd);
	fd = EXPECT_OK(listen_getppid(0));
}

/* --- ends ----------------------------------------------------------------- */

TEST(notify, killed_while_it_waits)
{
	pid_t pid = start_child(one_call, 0);
	struct seccomp_notif n = receive();

	kill(pid, SIGKILL);
	EXPECT_KILLED(SIGKILL, pid);
	EXPECT_ERRNO(ENOENT, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
	EXPECT_ERRNO(ENOENT, answer(n.id, 0, 0, 0));
}

/* One that went away between poll and RECV: no block. */
TEST(notify, gone_before_it_was_received)
{
	pid_t pid = start_child(one_call, 0);
	struct seccomp_notif n;

	EXPECT_SOON(events() == POLLIN);
	kill(pid, SIGKILL);
	EXPECT_KILLED(SIGKILL, pid);
	memset(&n, 0, sizeof(n));
	EXPECT_ERRNO(ENOENT, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_RECV, &n));
}

static void expect_enosys(void)
{
	EXPECT_ERRNO(ENOSYS, syscall(SYS_getppid));
	EXPECT_ERRNO(ENOSYS, syscall(SYS_getppid));
	_exit(7);
}

TEST(notify, listener_closes)
{
	pid_t pid = start_child(expect_enosys, 0);

	(void)receive();
	close(g_fd);
	EXPECT_EXIT(7, pid);
}

static volatile int g_hits;

static void on_usr1(int sig)
{
	(void)sig;
	g_hits++;
}

static void call_restarting(void)
{
	struct sigaction sa = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &sa, NULL);
	_exit((int)syscall(SYS_getppid) + 100 * g_hits);
}

static void call_interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_usr1 };

	sigaction(SIGUSR1, &sa, NULL);
	EXPECT_ERRNO(EINTR, syscall(SYS_getppid));
	_exit(g_hits);
}

TEST(notify, signal_restarts_the_call)
{
	pid_t pid = start_child(call_restarting, 0);
	struct seccomp_notif a = receive(), b;

	kill(pid, SIGUSR1);
	b = receive();
	EXPECT_TRUE(a.id != b.id);
	EXPECT_ERRNO(ENOENT, answer(a.id, 0, 0, 0));
	EXPECT_OK(answer(b.id, 6, 0, 0));
	EXPECT_EXIT(106, pid);
}

TEST(notify, signal_interrupts_the_call)
{
	pid_t pid = start_child(call_interrupted, 0);
	struct seccomp_notif n = receive();

	kill(pid, SIGUSR1);
	EXPECT_EXIT(1, pid);
	EXPECT_ERRNO(ENOENT, answer(n.id, 0, 0, 0));
}

static void call_after_usr1(void)
{
	struct sigaction sa = { .sa_handler = on_usr1 };

	sigaction(SIGUSR1, &sa, NULL);
	_exit((int)syscall(SYS_getppid) + 50 * g_hits);
}

TEST(notify, killable_wait_after_receive)
{
	pid_t pid = start_child(call_after_usr1,
				SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	struct seccomp_notif n = receive();

	kill(pid, SIGUSR1);
	usleep(20000);
	EXPECT_OK(ioctl(g_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
	EXPECT_OK(answer(n.id, 2, 0, 0));
	EXPECT_EXIT(52, pid);

	pid = start_child(call_after_usr1,
			  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	n = receive();
	kill(pid, SIGKILL);
	EXPECT_KILLED(SIGKILL, pid);
	EXPECT_ERRNO(ENOENT, answer(n.id, 0, 0, 0));
}

/* A receiver is interrupted as by any blocking call. */
TEST(notify, receive_is_interrupted)
{
	struct sigaction sa = { .sa_handler = on_usr1 };
	struct seccomp_notif n;
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } };

	g_fd = EXPECT_OK(listen_getppid(0));
	sigaction(SIGALRM, &sa, NULL);
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	memset(&n, 0, sizeof(n));
	EXPECT_ERRNO(EINTR, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_RECV, &n));
}

/* --- descriptors ---------------------------------------------------------- */

/* As start_child(), but with a table of its own. */
static pid_t start_apart(void (*fn)(void))
{
	g_fd = EXPECT_OK(listen_getppid(0));
	return CHILD(close(g_fd); fn());
}

static int addfd(uint64_t id, unsigned int flags, int src, unsigned int newfd,
		 unsigned int newfd_flags)
{
	struct seccomp_notif_addfd a = { .id = id,
					 .flags = flags,
					 .srcfd = (unsigned int)src,
					 .newfd = newfd,
					 .newfd_flags = newfd_flags };

	return ioctl(g_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
}

static void use_fd(void)
{
	int fd = (int)syscall(SYS_getppid);
	char c = 0;

	EXPECT_EQ(1, pread(fd, &c, 1, 0));
	EXPECT_EQ('#', c);
	_exit(fcntl(fd, F_GETFD) == FD_CLOEXEC ? 1 : 0);
}

static int open_hash(void)
{
	int fd = EXPECT_OK(syscall(SYS_memfd_create, "hash", 0));

	EXPECT_EQ(1, write(fd, "#", 1));
	return fd;
}

TEST(notify, addfd)
{
	pid_t pid = start_apart(use_fd);
	struct seccomp_notif n = receive();
	int src = open_hash(), fd;

	fd = EXPECT_OK(addfd(n.id, 0, src, 0, O_CLOEXEC));
	EXPECT_TRUE(fd >= 3);
	EXPECT_OK(answer(n.id, fd, 0, 0));
	EXPECT_EXIT(1, pid);
}

TEST(notify, addfd_at_a_number)
{
	pid_t pid = start_apart(use_fd);
	struct seccomp_notif n = receive();
	int src = open_hash(), other = EXPECT_OK(open("/dev/null", O_RDONLY));

	EXPECT_EQ(60, addfd(n.id, SECCOMP_ADDFD_FLAG_SETFD, other, 60, 0));
	EXPECT_EQ(60, addfd(n.id, SECCOMP_ADDFD_FLAG_SETFD, src, 60, 0));
	EXPECT_ERRNO(EBADF,
		     addfd(n.id, SECCOMP_ADDFD_FLAG_SETFD, src, 100000000, 0));
	EXPECT_OK(answer(n.id, 60, 0, 0));
	EXPECT_EXIT(0, pid);
}

TEST(notify, addfd_and_answer_in_one)
{
	pid_t pid = start_apart(use_fd);
	struct seccomp_notif n = receive();
	int src = open_hash();

	EXPECT_OK(addfd(n.id, SECCOMP_ADDFD_FLAG_SEND, src, 0, 0));
	EXPECT_EXIT(0, pid);
	EXPECT_ERRNO(ENOENT, answer(n.id, 0, 0, 0));
}

TEST(notify, addfd_errors)
{
	pid_t pid = start_apart(one_call);
	struct seccomp_notif n = receive();
	struct {
		struct seccomp_notif_addfd a;
		uint64_t more;
	} big = { .a = { .id = n.id, .srcfd = 0 } };

	EXPECT_ERRNO(EINVAL, addfd(n.id, 4, 0, 0, 0));
	EXPECT_ERRNO(EINVAL, addfd(n.id, 0, 0, 5, 0));
	EXPECT_ERRNO(EINVAL, addfd(n.id, 0, 0, 0, O_NONBLOCK));
	EXPECT_ERRNO(EBADF, addfd(n.id, 0, 999, 0, 0));
	EXPECT_ERRNO(ENOENT, addfd(n.id + 1, 0, 0, 0, 0));
	EXPECT_ERRNO(EFAULT, ioctl(g_fd, SECCOMP_IOCTL_NOTIF_ADDFD, NULL));
	EXPECT_ERRNO(EINVAL, ioctl(g_fd, _IOC(_IOC_WRITE, '!', 3, 16), &big));
	EXPECT_OK(ioctl(g_fd, _IOC(_IOC_WRITE, '!', 3, 32), &big));
	big.more = 1;
	EXPECT_ERRNO(E2BIG, ioctl(g_fd, _IOC(_IOC_WRITE, '!', 3, 32), &big));
	EXPECT_OK(answer(n.id, 3, 0, 0));
	EXPECT_EXIT(3, pid);
	EXPECT_ERRNO(ENOENT, addfd(n.id, 0, 0, 0, 0));
}

/* --- many at once --------------------------------------------------------- */

#define CALLS 200

static void *many_calls(void *arg)
{
	for (long i = 0; i < CALLS; i++)
		if (syscall(SYS_getppid, (long)arg, i) != (long)arg * 1000 + i)
			_exit(1);
	return NULL;
}

static void four_threads(void)
{
	pthread_t th[4];

	for (long i = 0; i < 4; i++)
		pthread_create(&th[i], NULL, many_calls, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
}

static void *serve(void *arg)
{
	(void)arg;
	for (;;) {
		struct seccomp_notif n;

		memset(&n, 0, sizeof(n));
		if (ioctl(g_fd, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0)
			return NULL;
		answer(n.id, (int64_t)(n.data.args[0] * 1000 + n.data.args[1]),
		       0, 0);
	}
}

TEST(notify, many_tasks_many_servers)
{
	pid_t pid = start_child(four_threads, 0);
	pthread_t th[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&th[i], NULL, serve, NULL);
	EXPECT_EXIT(0, pid);
	for (int i = 0; i < 2; i++)
		pthread_join(th[i], NULL);
}

TEST_MAIN
