/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqueue: POSIX message queues, mq_overview(7).
 *
 * By raw calls: names without the slash that the library takes away.
 */
#include <linux/mqueue.h>
#include <poll.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/harness/sysv_test.h"

static char name[40];
/* Little: all queues of a user are counted together. */
static struct mq_attr little = { .mq_maxmsg = 2, .mq_msgsize = 32 };

static int mq_open(const char *n, int flags, int mode, struct mq_attr *a)
{
	return (int)syscall(SYS_mq_open, n, flags, mode, a);
}

static int mq_send(int q, const char *text, size_t size, unsigned prio,
		   const struct timespec *until)
{
	return (int)syscall(SYS_mq_timedsend, q, text, size, prio, until);
}

static int mq_receive(int q, char *text, size_t size, unsigned *prio,
		      const struct timespec *until)
{
	return (int)syscall(SYS_mq_timedreceive, q, text, size, prio, until);
}

static int mq_unlink(const char *n)
{
	return (int)syscall(SYS_mq_unlink, n);
}

/* A queue of this test's own with 3 messages of 64 bytes, its name gone. */
static int queue(int flags)
{
	struct mq_attr a = { .mq_maxmsg = 3, .mq_msgsize = 64 };
	int q;

	snprintf(name, sizeof(name), "q.%08x", (unsigned)some_key());
	q = EXPECT_OK(
		mq_open(name, O_CREAT | O_EXCL | O_RDWR | flags, 0600, &a));
	EXPECT_OK(mq_unlink(name));
	return q;
}

static struct mq_attr attr_of(int q)
{
	struct mq_attr a;

	EXPECT_OK(syscall(SYS_mq_getsetattr, q, NULL, &a));
	return a;
}

TEST(mqueue, by_priority_then_age)
{
	char b[64];
	unsigned prio;
	int q = queue(0);

	EXPECT_OK(mq_send(q, "low", 4, 1, NULL));
	EXPECT_OK(mq_send(q, "high", 5, 9, NULL));
	EXPECT_OK(mq_send(q, "low2", 5, 1, NULL));
	EXPECT_EQ(3, attr_of(q).mq_curmsgs);
	EXPECT_EQ(5, mq_receive(q, b, 64, &prio, NULL));
	EXPECT_STR("high", b);
	EXPECT_EQ(9, prio);
	EXPECT_EQ(4, mq_receive(q, b, 64, NULL, NULL));
	EXPECT_STR("low", b);
	EXPECT_EQ(5, mq_receive(q, b, 64, &prio, NULL));
	EXPECT_STR("low2", b);
	EXPECT_EQ(1, prio);
	EXPECT_OK(mq_send(q, "", 0, 0, NULL));
	EXPECT_EQ(0, mq_receive(q, b, 64, &prio, NULL));
}

TEST(mqueue, names)
{
	char n[40], big[300];
	int q;

	snprintf(n, sizeof(n), "n.%08x", (unsigned)some_key());
	memset(big, 'x', sizeof(big));
	big[256] = '\0';
	EXPECT_ERRNO(ENOENT, mq_open(n, O_RDONLY, 0, NULL));
	EXPECT_ERRNO(ENOENT, mq_unlink(n));
	q = EXPECT_OK(mq_open(n, O_CREAT | O_RDONLY, 0600, &little));
	EXPECT_EQ(FD_CLOEXEC, fcntl(q, F_GETFD));
	EXPECT_ERRNO(EEXIST, mq_open(n, O_CREAT | O_EXCL | O_RDWR, 0600, NULL));
	EXPECT_OK(mq_open(n, O_WRONLY, 0, NULL));
	EXPECT_ERRNO(EINVAL, mq_open(n, O_WRONLY | O_RDWR, 0, NULL));
	EXPECT_OK(mq_unlink(n));
	EXPECT_ERRNO(ENOENT, mq_open(n, O_RDONLY, 0, NULL));
	EXPECT_ERRNO(ENOENT, mq_open("", O_RDONLY, 0, NULL));
	EXPECT_ERRNO(EACCES, mq_open("a/b", O_CREAT | O_RDWR, 0600, NULL));
	EXPECT_ERRNO(EACCES, mq_open("/a", O_CREAT | O_RDWR, 0600, NULL));
	EXPECT_ERRNO(ENAMETOOLONG, mq_open(big, O_CREAT | O_RDWR, 0600, NULL));
	EXPECT_ERRNO(EFAULT, mq_open((char *)8, O_RDONLY, 0, NULL));
}

TEST(mqueue, attributes)
{
	struct mq_attr bad[] = { { .mq_maxmsg = 0, .mq_msgsize = 1 },
				 { .mq_maxmsg = 1, .mq_msgsize = 0 },
				 { .mq_maxmsg = -1, .mq_msgsize = 1 },
				 { .mq_maxmsg = 65537, .mq_msgsize = 1 },
				 { .mq_maxmsg = 1, .mq_msgsize = 1 << 25 } };
	struct mq_attr a;
	int q = queue(0);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT_ERRNO(EINVAL,
			     mq_open(name, O_CREAT | O_RDWR, 0600, &bad[i]));
	a = attr_of(q);
	EXPECT_EQ(3, a.mq_maxmsg);
	EXPECT_EQ(64, a.mq_msgsize);
	EXPECT_EQ(0, a.mq_flags);
	a.mq_flags = O_NONBLOCK;
	a.mq_maxmsg = 77; /* overlooked */
	EXPECT_OK(syscall(SYS_mq_getsetattr, q, &a, NULL));
	EXPECT_EQ(O_NONBLOCK, attr_of(q).mq_flags);
	EXPECT_EQ(3, attr_of(q).mq_maxmsg);
	EXPECT_TRUE(fcntl(q, F_GETFL) & O_NONBLOCK);
	a.mq_flags = O_APPEND;
	EXPECT_ERRNO(EINVAL, syscall(SYS_mq_getsetattr, q, &a, NULL));
	EXPECT_ERRNO(EBADF, syscall(SYS_mq_getsetattr, 0, NULL, &a));
}

TEST(mqueue, errors)
{
	char b[64];
	struct timespec bad = { 0, 1000000000 };
	int q = queue(O_NONBLOCK), fd = EXPECT_OK(open("/dev/null", O_RDWR));

	EXPECT_ERRNO(EMSGSIZE, mq_send(q, b, 65, 0, NULL));
	EXPECT_ERRNO(EMSGSIZE, mq_receive(q, b, 63, NULL, NULL));
	EXPECT_ERRNO(EINVAL, mq_send(q, b, 1, 32768, NULL));
	EXPECT_ERRNO(EINVAL, mq_send(q, b, 1, 0, &bad));
	EXPECT_ERRNO(EFAULT, mq_send(q, b, 1, 0, (void *)8));
	EXPECT_ERRNO(EFAULT, mq_send(q, (char *)8, 1, 0, NULL));
	EXPECT_ERRNO(EAGAIN, mq_receive(q, b, 64, NULL, NULL));
	EXPECT_ERRNO(EBADF, mq_send(fd, b, 1, 0, NULL));
	EXPECT_ERRNO(EBADF, mq_receive(99, b, 64, NULL, NULL));
	EXPECT_OK(mq_send(q, "a", 1, 32767, NULL));
	EXPECT_OK(mq_send(q, "a", 1, 0, NULL));
	EXPECT_OK(mq_send(q, "a", 1, 0, NULL));
	EXPECT_ERRNO(EAGAIN, mq_send(q, "a", 1, 0, NULL));
	EXPECT_ERRNO(EINVAL, write(q, "a", 1));
}

TEST(mqueue, access_modes)
{
	char n[40], b[9000];
	int r, w;

	snprintf(n, sizeof(n), "n.%08x", (unsigned)some_key());
	r = EXPECT_OK(mq_open(n, O_CREAT | O_RDONLY, 0600, &little));
	w = EXPECT_OK(mq_open(n, O_WRONLY, 0600, NULL));
	EXPECT_OK(mq_unlink(n));
	EXPECT_ERRNO(EBADF, mq_send(r, b, 1, 0, NULL));
	EXPECT_ERRNO(EBADF, mq_receive(w, b, sizeof(b), NULL, NULL));
	EXPECT_OK(mq_send(w, "x", 1, 0, NULL));
	EXPECT_EQ(1, mq_receive(r, b, sizeof(b), NULL, NULL));
}

TEST(mqueue, permissions)
{
	char n[40];
	pid_t child;

	if (geteuid() != 0)
		SKIP("needs root");
	own_ipc();
	snprintf(n, sizeof(n), "n.%08x", (unsigned)some_key());
	umask(0);
	EXPECT_OK(mq_open(n, O_CREAT | O_RDWR, 0604, &little));
	child = CHILD({
		become_nobody();
		EXPECT_OK(mq_open(n, O_RDONLY, 0, NULL));
		EXPECT_ERRNO(EACCES, mq_open(n, O_RDWR, 0, NULL));
		EXPECT_ERRNO(EPERM, mq_unlink(n));
	});
	EXPECT_EXIT(0, child);
	EXPECT_OK(mq_unlink(n));
}

/* --- waiting -------------------------------------------------------------- */

TEST(mqueue, blocked_receiver_gets_it_directly)
{
	char b[64] = "";
	int q = queue(0);
	pid_t child = CHILD({
		EXPECT_EQ(3, mq_receive(q, b, 64, NULL, NULL));
		EXPECT_STR("hi", b);
	});

	EXPECT_SOON(state_of(child) == 'S');
	EXPECT_OK(mq_send(q, "hi", 3, 0, NULL));
	EXPECT_EQ(0, attr_of(q).mq_curmsgs);
	EXPECT_EXIT(0, child);
}

TEST(mqueue, blocked_sender_goes_on)
{
	char b[64];
	int q = queue(0);
	pid_t child;

	for (int i = 0; i < 3; i++)
		EXPECT_OK(mq_send(q, "a", 1, 0, NULL));
	child = CHILD({ EXPECT_OK(mq_send(q, "b", 1, 1, NULL)); });
	EXPECT_SOON(state_of(child) == 'S');
	EXPECT_EQ(1, mq_receive(q, b, 64, NULL, NULL));
	EXPECT_EQ(3, attr_of(q).mq_curmsgs);
	EXPECT_EXIT(0, child);
	EXPECT_EQ(1, mq_receive(q, b, 64, NULL, NULL));
	EXPECT_EQ('b', b[0]);
}

TEST(mqueue, times_out_and_is_interrupted)
{
	struct sigaction sa = { .sa_handler = ignore_signal };
	struct timespec past = { 1, 0 }, soon;
	char b[64];
	int q = queue(0);
	pid_t child;

	EXPECT_ERRNO(ETIMEDOUT, mq_receive(q, b, 64, NULL, &past));
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20000000;
	if (soon.tv_nsec >= 1000000000) {
		soon.tv_nsec -= 1000000000;
		soon.tv_sec++;
	}
	EXPECT_ERRNO(ETIMEDOUT, mq_receive(q, b, 64, NULL, &soon));
	EXPECT_OK(mq_send(q, "x", 1, 0, &past)); /* there is room */
	EXPECT_EQ(1, mq_receive(q, b, 64, NULL, &past));
	child = CHILD({
		sigaction(SIGUSR1, &sa, NULL);
		EXPECT_ERRNO(EINTR, mq_receive(q, b, 64, NULL, NULL));
	});
	EXPECT_SOON(state_of(child) == 'S');
	EXPECT_OK(kill(child, SIGUSR1));
	EXPECT_EXIT(0, child);
	/* The one that was interrupted is out of the way. */
	EXPECT_OK(mq_send(q, "x", 1, 0, NULL));
	EXPECT_EQ(1, attr_of(q).mq_curmsgs);
}

TEST(mqueue, poll_tells)
{
	char b[64];
	int q = queue(0);
	struct pollfd p = { .fd = q, .events = POLLIN | POLLOUT };
	pid_t child;

	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLOUT, p.revents);
	child = CHILD({
		p.events = POLLIN;
		EXPECT_EQ(1, poll(&p, 1, -1));
	});
	EXPECT_SOON(state_of(child) == 'S');
	for (int i = 0; i < 3; i++)
		EXPECT_OK(mq_send(q, "a", 1, 0, NULL));
	EXPECT_EXIT(0, child);
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN, p.revents);
	EXPECT_EQ(1, mq_receive(q, b, 64, NULL, NULL));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, p.revents);
}

/* --- notification --------------------------------------------------------- */

static volatile sig_atomic_t told, told_code, told_pid, told_value;

static void on_told(int sig, siginfo_t *si, void *ctx)
{
	(void)sig, (void)ctx;
	told++;
	told_code = si->si_code;
	told_pid = si->si_pid;
	told_value = si->si_value.sival_int;
}

static int notify(int q, int how, int signo)
{
	struct sigevent ev = { .sigev_notify = how, .sigev_signo = signo };

	ev.sigev_value.sival_int = 42;
	return (int)syscall(SYS_mq_notify, q, &ev);
}

TEST(mqueue, notifies_once_of_the_first_message)
{
	struct sigaction sa = { .sa_sigaction = on_told,
				.sa_flags = SA_SIGINFO | SA_RESTART };
	char b[64];
	int q = queue(0);
	pid_t child;

	sigaction(SIGUSR1, &sa, NULL);
	EXPECT_OK(notify(q, SIGEV_SIGNAL, SIGUSR1));
	EXPECT_ERRNO(EBUSY, notify(q, SIGEV_SIGNAL, SIGUSR1));
	child = CHILD({
		EXPECT_ERRNO(EBUSY, notify(q, SIGEV_SIGNAL, SIGUSR1));
		EXPECT_OK(mq_send(q, "a", 1, 0, NULL));
	});
	EXPECT_EXIT(0, child);
	EXPECT_SOON(told == 1);
	EXPECT_EQ(SI_MESGQ, told_code);
	EXPECT_EQ(child, told_pid);
	EXPECT_EQ(42, told_value);
	EXPECT_EQ(1, mq_receive(q, b, 64, NULL, NULL));
	EXPECT_OK(mq_send(q, "a", 1, 0, NULL));
	EXPECT_EQ(1, told); /* it was for once */
	/* Not for a queue that is not empty. */
	EXPECT_OK(notify(q, SIGEV_SIGNAL, SIGUSR1));
	EXPECT_OK(mq_send(q, "a", 1, 0, NULL));
	EXPECT_EQ(1, told);
	EXPECT_OK(syscall(SYS_mq_notify, q, NULL));
	EXPECT_OK(notify(q, SIGEV_NONE, 0));
	EXPECT_OK(syscall(SYS_mq_notify, q, NULL));
}

TEST(mqueue, waiting_receiver_goes_before_notification)
{
	struct sigaction sa = { .sa_sigaction = on_told,
				.sa_flags = SA_SIGINFO | SA_RESTART };
	char b[64];
	int q = queue(0);
	pid_t child;

	sigaction(SIGUSR1, &sa, NULL);
	EXPECT_OK(notify(q, SIGEV_SIGNAL, SIGUSR1));
	child = CHILD({ EXPECT_EQ(1, mq_receive(q, b, 64, NULL, NULL)); });
	EXPECT_SOON(state_of(child) == 'S');
	EXPECT_OK(mq_send(q, "a", 1, 0, NULL));
	EXPECT_EXIT(0, child);
	EXPECT_EQ(0, told);
	EXPECT_ERRNO(EBUSY, notify(q, SIGEV_SIGNAL, SIGUSR1));
}

TEST(mqueue, close_and_exit_end_a_notification)
{
	int q = queue(0), q2 = EXPECT_OK(dup(q));
	pid_t child = CHILD({ EXPECT_OK(notify(q, SIGEV_NONE, 0)); });

	EXPECT_EXIT(0, child);
	EXPECT_OK(notify(q, SIGEV_NONE, 0));
	EXPECT_OK(close(q2));
	EXPECT_OK(notify(q, SIGEV_NONE, 0));
	EXPECT_ERRNO(EINVAL, notify(q, 77, 0));
	EXPECT_ERRNO(EINVAL, notify(q, SIGEV_SIGNAL, 65));
	EXPECT_ERRNO(EINVAL, notify(q, SIGEV_SIGNAL, -1));
	EXPECT_ERRNO(EBADF, notify(99, SIGEV_NONE, 0));
}

/* --- the file system, limits, namespaces ---------------------------------- */

TEST(mqueue, reading_tells_the_state)
{
	char b[200] = "", want[200];
	struct stat st;
	int q = queue(0);

	EXPECT_OK(mq_send(q, "abc", 3, 0, NULL));
	EXPECT_OK(mq_send(q, "defg", 4, 0, NULL));
	EXPECT_OK(notify(q, SIGEV_SIGNAL, SIGUSR2));
	EXPECT_TRUE(read(q, b, sizeof(b) - 1) > 0);
	snprintf(want, sizeof(want),
		 "QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", 7, 0,
		 SIGUSR2, getpid());
	EXPECT_STR(want, b);
	EXPECT_OK(fstat(q, &st));
	EXPECT_EQ(80, st.st_size);
	EXPECT_TRUE(S_ISREG(st.st_mode));
	EXPECT_EQ(0, st.st_nlink);
}

TEST(mqueue, mounted_it_shows_the_queues)
{
	char path[100];
	struct stat st;
	int fd, q;

	if (geteuid() != 0 || !own_ipc() || unshare(CLONE_NEWNS))
		SKIP("needs root");
	EXPECT_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	EXPECT_OK(mkdir("m", 0755));
	EXPECT_OK(mount("mqueue", "m", "mqueue", 0, NULL));
	q = EXPECT_OK(mq_open("one", O_CREAT | O_RDWR, 0640, NULL));
	EXPECT_OK(stat("m/one", &st));
	EXPECT_EQ(0640, st.st_mode & 07777);
	fd = EXPECT_OK(open("m/two", O_CREAT | O_RDWR, 0600));
	EXPECT_OK(mq_send(fd, "x", 1, 0, NULL));
	EXPECT_OK(mq_open("two", O_RDWR, 0, NULL));
	EXPECT_OK(unlink("m/one"));
	EXPECT_ERRNO(ENOENT, mq_open("one", O_RDWR, 0, NULL));
	EXPECT_OK(mq_unlink("two"));
	EXPECT_ERRNO(ENOENT, stat("m/two", &st));
	EXPECT_ERRNO(EPERM, mkdir("m/dir", 0755));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", q);
	EXPECT_OK(stat("m", &st));
	EXPECT_EQ(01777, st.st_mode & 07777);
	EXPECT_OK(umount2("m", MNT_DETACH));
}

TEST(mqueue, limits)
{
	struct rlimit none = { 0, 0 };
	struct mq_attr a = { .mq_maxmsg = 1, .mq_msgsize = 1 };

	/* Not more: other processes of this user may have queues. */
	EXPECT_OK(setrlimit(RLIMIT_MSGQUEUE, &none));
	snprintf(name, sizeof(name), "q.%08x", (unsigned)some_key());
	EXPECT_ERRNO(EMFILE, mq_open(name, O_CREAT | O_RDWR, 0600, &a));
	EXPECT_ERRNO(ENOENT, mq_open(name, O_RDWR, 0600, NULL));
}

TEST(mqueue, namespace_has_its_own)
{
	char n[40];
	pid_t child;
	int q;

	snprintf(n, sizeof(n), "n.%08x", (unsigned)some_key());
	q = EXPECT_OK(mq_open(n, O_CREAT | O_RDWR, 0600, &little));
	child = CHILD({
		if (!own_ipc())
			_exit(7);
		_exit(mq_open(n, O_RDWR, 0, NULL) < 0 && errno == ENOENT ? 8
									 : 9);
	});
	int status;

	EXPECT_OK(waitpid(child, &status, 0));
	EXPECT_OK(mq_unlink(n));
	EXPECT_OK(close(q));
	if (WEXITSTATUS(status) == 7)
		SKIP("needs a namespace of its own");
	EXPECT_EQ(8, WEXITSTATUS(status));
}

TEST(mqueue, race_of_senders_and_receivers)
{
	char b[64];
	int q = queue(0);
	pid_t from[3], to[3];

	for (int i = 0; i < 3; i++) {
		from[i] = CHILD({
			for (int n = 0; n < 400; n++)
				EXPECT_OK(mq_send(q, "message", 8,
						  (unsigned)n % 3, NULL));
		});
		to[i] = CHILD({
			for (int n = 0; n < 400; n++)
				EXPECT_EQ(8, mq_receive(q, b, 64, NULL, NULL));
		});
	}
	for (int i = 0; i < 3; i++) {
		EXPECT_EXIT(0, from[i]);
		EXPECT_EXIT(0, to[i]);
	}
	EXPECT_EQ(0, attr_of(q).mq_curmsgs);
}

TEST_MAIN
