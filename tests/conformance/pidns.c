/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidns: PID namespaces: numbers inside and outside, process 1, its end,
 * orphans, signals from inside and outside, clone3's set_tid, /proc;
 * pid_namespaces(7).
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), err;

	if (fd < 0)
		return errno;
	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return err;
}

/* May make PID namespaces afterwards; stays itself where it is. */
static void enter(void)
{
	char text[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (uid == 0)
		return;
	if (unshare(CLONE_NEWUSER) < 0)
		SKIP("no user namespaces");
	EXPECT_EQ(0, put("/proc/self/setgroups", "deny"));
	snprintf(text, sizeof(text), "0 %u 1", uid);
	EXPECT_EQ(0, put("/proc/self/uid_map", text));
	snprintf(text, sizeof(text), "0 %u 1", gid);
	EXPECT_EQ(0, put("/proc/self/gid_map", text));
}

static pid_t clone_pid(int flags)
{
	pid_t pid =
		syscall(SYS_clone, CLONE_NEWPID | SIGCHLD | flags, 0, 0, 0, 0);

	if (pid < 0)
		SKIP("no PID namespaces: %s", strerrorname_np(errno));
	return pid;
}

/* Runs @fn as process 1 of a new namespace. */
#define INIT(...)                          \
	({                                 \
		pid_t pid_ = clone_pid(0); \
		if (pid_ == 0) {           \
			__VA_ARGS__;       \
			_exit(0);          \
		}                          \
		pid_;                      \
	})

TEST(pidns, process_1)
{
	pid_t me = getpid(), pid;

	enter();
	pid = INIT({
		if (getpid() != 1 || gettid() != 1 || getppid() != 0)
			_exit(1);
		/* Of a group and a session that are outside. */
		if (getpgrp() != 0 || getsid(0) != 0)
			_exit(2);
		if (kill(me + 100000, 0) == 0 || errno != ESRCH)
			_exit(3);
		if (setsid() != 1 || getpgrp() != 1 || getsid(0) != 1)
			_exit(4);
		pid_t c = fork();
		if (c == 0)
			_exit(getpid() == 2 && getppid() == 1 ? 0 : 1);
		if (c != 2 || waitpid(2, NULL, 0) != 2)
			_exit(5);
	});
	EXPECT_TRUE(pid > 1);
	EXPECT_EXIT(0, pid);
}

TEST(pidns, unshare_is_for_children)
{
	pid_t me = getpid(), pid;
	int go[2];
	char c;

	enter();
	EXPECT_OK(pipe(go));
	if (unshare(CLONE_NEWPID) < 0)
		SKIP("no PID namespaces");
	EXPECT_EQ(me, getpid());
	EXPECT_ERRNO(EINVAL, unshare(CLONE_NEWPID));
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_clone, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND,
			     0, 0, 0, 0));
	pid = CHILD({
		if (getpid() != 1)
			_exit(1);
		if (read(go[0], &c, 1) != 1)
			_exit(2);
	});
	EXPECT_EXIT(0, CHILD(_exit(getpid() == 2 ? 0 : 1)));
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
	/* Its process 1 is gone: nobody can join. */
	EXPECT_ERRNO(ENOMEM, fork());
}

TEST(pidns, the_end_of_1_is_the_end_of_all)
{
	int p[2];
	char c;
	pid_t pid;

	enter();
	EXPECT_OK(pipe(p));
	pid = INIT({
		for (int i = 0; i < 3; i++)
			if (fork() == 0)
				for (;;)
					pause();
		if (fork() == 0 && fork() == 0)
			for (;;)
				pause();
		_exit(7);
	});
	EXPECT_OK(close(p[1]));
	EXPECT_EXIT(7, pid);
	/* All copies of the writing end are closed when it is reaped. */
	EXPECT_EQ(0, read(p[0], &c, 1));
}

/* Some end by themselves while process 1 does: who is left by them goes too. */
TEST(pidns, the_end_of_1_races_with_other_ends)
{
	enter();
	for (int round = 0; round < 50; round++) {
		int p[2];
		char c;
		pid_t pid;

		EXPECT_OK(pipe(p));
		pid = INIT({
			if (fork() == 0 && fork() == 0)
				for (;;)
					pause();
			_exit(7);
		});
		EXPECT_OK(close(p[1]));
		EXPECT_EXIT(7, pid);
		EXPECT_EQ(0, read(p[0], &c, 1));
		EXPECT_OK(close(p[0]));
	}
}

TEST(pidns, orphans_go_to_process_1)
{
	int p[2];
	pid_t pid;

	enter();
	EXPECT_OK(pipe(p));
	pid = INIT({
		char c;

		if (fork() == 0) {
			if (fork() == 0) {
				while (getppid() != 1)
					sched_yield();
				_exit(write(p[1], "x", 1) == 1 ? 9 : 1);
			}
			_exit(0);
		}
		if (read(p[0], &c, 1) != 1)
			_exit(1);
		int st;
		int sum = 0;
		while (wait(&st) > 0)
			sum += WEXITSTATUS(st);
		if (sum != 9)
			_exit(2);
	});
	EXPECT_EXIT(0, pid);
}

static void nothing(int sig)
{
	(void)sig;
}

static volatile sig_atomic_t hits;

static void count(int sig)
{
	(void)sig;
	hits++;
}

TEST(pidns, signals_from_inside_need_a_handler)
{
	pid_t pid;

	enter();
	pid = INIT({
		kill(1, SIGTERM);
		kill(1, SIGKILL);
		kill(1, SIGSTOP);
		raise(SIGINT);
		if (fork() == 0) {
			kill(1, SIGKILL);
			kill(1, SIGTERM);
			_exit(0);
		}
		wait(NULL);
		signal(SIGUSR1, count);
		raise(SIGUSR1);
		if (hits != 1)
			_exit(1);
		/* kill(-1) reaches all but itself. */
		pid_t c = fork();
		if (c == 0)
			for (;;)
				pause();
		if (kill(-1, SIGKILL) != 0)
			_exit(2);
		int st;
		if (waitpid(c, &st, 0) != c || WTERMSIG(st) != SIGKILL)
			_exit(3);
	});
	EXPECT_EXIT(0, pid);
	(void)nothing;
}

TEST(pidns, signals_from_outside)
{
	int p[2], st;
	char c;
	pid_t pid;

	enter();
	EXPECT_OK(pipe(p));
	pid = INIT({
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	});
	EXPECT_EQ(1, read(p[0], &c, 1));
	/* What is not handled is not delivered, but for these two. */
	EXPECT_OK(kill(pid, SIGTERM));
	EXPECT_OK(kill(pid, SIGSTOP));
	EXPECT_EQ(pid, waitpid(pid, &st, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(st));
	EXPECT_OK(kill(pid, SIGCONT));
	EXPECT_OK(kill(pid, SIGKILL));
	EXPECT_KILLED(SIGKILL, pid);
}

TEST(pidns, its_own_fault_kills_it)
{
	pid_t pid;

	enter();
	pid = INIT({ *(volatile int *)8 = 1; });
	EXPECT_KILLED(SIGSEGV, pid);
}

TEST(pidns, a_signal_from_outside_names_nobody)
{
	int p[2];
	char c;
	pid_t pid;

	enter();
	EXPECT_OK(pipe(p));
	pid = INIT({
		siginfo_t si;
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigprocmask(SIG_BLOCK, &set, NULL);
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		if (sigwaitinfo(&set, &si) != SIGUSR1 || si.si_pid != 0)
			_exit(2);
		/* Among themselves they have names. */
		if (fork() == 0)
			_exit(kill(1, SIGUSR1));
		if (sigwaitinfo(&set, &si) != SIGUSR1 || si.si_pid != 2)
			_exit(3);
		if (waitpid(2, NULL, 0) != 2)
			_exit(4);
	});
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_OK(kill(pid, SIGUSR1));
	EXPECT_EXIT(0, pid);
}

TEST(pidns, numbers_in_each_namespace)
{
	int sv[2], on = 1;
	char text[64], line[256], *at = NULL;
	struct ucred cr;
	pid_t pid, grandchild;
	FILE *f;

	enter();
	EXPECT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	EXPECT_OK(setsockopt(sv[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	pid = INIT({
		char c;

		pid_t g = clone_pid(0);
		if (g == 0) {
			if (getpid() != 1)
				_exit(1);
			if (write(sv[1], "x", 1) != 1)
				_exit(2);
			for (;;)
				pause();
		}
		if (g != 2)
			_exit(3);
		if (read(sv[1], &c, 1) != 1)
			_exit(4);
		kill(g, SIGKILL);
		waitpid(g, NULL, 0);
	});
	{
		char c, ctl[CMSG_SPACE(sizeof(cr))];
		struct iovec iov = { &c, 1 };
		struct msghdr m = { .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = ctl,
				    .msg_controllen = sizeof(ctl) };

		EXPECT_EQ(1, recvmsg(sv[0], &m, 0));
		memcpy(&cr, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(cr));
	}
	grandchild = cr.pid;
	EXPECT_TRUE(grandchild > 1 && grandchild != pid);
	snprintf(text, sizeof(text), "/proc/%d/status", grandchild);
	f = fopen(text, "r");
	EXPECT_TRUE(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "NSpid:", 6) == 0) {
			at = line;
			break;
		}
	fclose(f);
	EXPECT_TRUE(at);
	snprintf(text, sizeof(text), "NSpid:\t%d\t2\t1\n", grandchild);
	EXPECT_STR(text, at);
	EXPECT_OK(write(sv[0], "x", 1));
	EXPECT_EXIT(0, pid);
}

TEST(pidns, proc_shows_one_namespace)
{
	pid_t pid;

	enter();
	pid = clone_pid(CLONE_NEWNS);
	if (pid == 0) {
		struct dirent *d;
		struct stat st;
		char buf[16];
		int nr = 0, other = 0;
		DIR *dir;
		ssize_t n;

		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(1);
		/* The old one knows nothing of us. */
		if (readlink("/proc/self", buf, sizeof(buf)) >= 0 &&
		    stat("/proc/1/comm", &st) == 0 && atoi(buf) == 1)
			_exit(2);
		if (mount("proc", "/proc", "proc", 0, NULL) < 0)
			_exit(77);
		n = readlink("/proc/self", buf, sizeof(buf) - 1);
		if (n != 1 || buf[0] != '1')
			_exit(3);
		if (fork() == 0)
			for (;;)
				pause();
		dir = opendir("/proc");
		while ((d = readdir(dir))) {
			if (d->d_name[0] < '0' || d->d_name[0] > '9')
				continue;
			nr++;
			other += atoi(d->d_name) > 2;
		}
		if (nr != 2 || other)
			_exit(4);
		if (stat("/proc/2/task/2", &st) < 0)
			_exit(5);
		_exit(0);
	}
	EXPECT_EXIT(0, pid);
}

TEST(pidns, process_groups_and_sessions)
{
	pid_t pid;

	enter();
	pid = INIT({
		pid_t c;

		if (setsid() != 1)
			_exit(1);
		c = fork();
		if (c == 0)
			for (;;)
				pause();
		if (setpgid(c, c) != 0 || getpgid(c) != c || getsid(c) != 1)
			_exit(2);
		if (setpgid(c, 999) == 0)
			_exit(3);
		if (kill(-c, SIGKILL) != 0 || waitpid(-c, NULL, 0) != c)
			_exit(4);
		if (killpg(c, 0) == 0 || errno != ESRCH)
			_exit(5);
	});
	EXPECT_EXIT(0, pid);
}

TEST(pidns, waitid_and_sigchld_name_the_child)
{
	pid_t pid;

	enter();
	pid = INIT({
		siginfo_t si;
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGCHLD);
		sigprocmask(SIG_BLOCK, &set, NULL);
		if (fork() == 0)
			_exit(3);
		if (sigwaitinfo(&set, &si) != SIGCHLD || si.si_pid != 2)
			_exit(1);
		if (waitid(P_PID, 2, &si, WEXITED) != 0 || si.si_pid != 2 ||
		    si.si_status != 3)
			_exit(2);
	});
	EXPECT_EXIT(0, pid);
}

static pid_t clone3_tid(uint64_t flags, pid_t *tids, size_t nr)
{
	struct clone_args a = { .flags = flags,
				.exit_signal = SIGCHLD,
				.set_tid = (uintptr_t)tids,
				.set_tid_size = nr };

	return syscall(SYS_clone3, &a, sizeof(a));
}

TEST(pidns, set_tid)
{
	pid_t tids[40] = { 1 }, pid;

	enter();
	EXPECT_ERRNO(EINVAL, clone3_tid(0, tids, 33));
	EXPECT_ERRNO(EINVAL, clone3_tid(0, tids, 0));
	tids[0] = 0;
	EXPECT_ERRNO(EINVAL, clone3_tid(0, tids, 1));
	tids[0] = 77;
	pid = clone3_tid(CLONE_NEWPID, tids, 1);
	if (pid == -1 && errno == EPERM)
		SKIP("may not");
	/* Its first must be 1. */
	EXPECT_EQ(-1, pid);
	EXPECT_EQ(EINVAL, errno);
	tids[0] = 1;
	pid = clone3_tid(CLONE_NEWPID, tids, 1);
	if (pid == 0) {
		pid_t c;

		tids[0] = 4711;
		c = clone3_tid(0, tids, 1);
		if (c == 0)
			_exit(getpid() == 4711 ? 0 : 1);
		if (c != 4711)
			_exit(1);
		if (clone3_tid(0, tids, 1) != -1 || errno != EEXIST)
			_exit(2);
		if (waitpid(4711, NULL, 0) != 4711)
			_exit(3);
		_exit(0);
	}
	EXPECT_TRUE(pid > 0);
	EXPECT_EXIT(0, pid);
}

TEST(pidns, threads_inside)
{
	pid_t pid;

	enter();
	pid = INIT({
		pid_t tid = syscall(SYS_gettid);
		pid_t set = syscall(SYS_set_tid_address, NULL);

		if (tid != 1 || set != 1)
			_exit(1);
		if (syscall(SYS_tgkill, 1, 1, 0) != 0)
			_exit(2);
		if (sched_getscheduler(1) < 0)
			_exit(3);
	});
	EXPECT_EXIT(0, pid);
}

TEST(pidns, pidfds)
{
	pid_t pid;

	enter();
	pid = INIT({
		int fd = syscall(SYS_pidfd_open, 1, 0);
		struct pollfd p = { .events = POLLIN };
		pid_t c;

		if (fd < 0)
			_exit(1);
		c = fork();
		if (c == 0)
			for (;;)
				pause();
		p.fd = syscall(SYS_pidfd_open, c, 0);
		if (p.fd < 0 ||
		    syscall(SYS_pidfd_send_signal, p.fd, SIGKILL, NULL, 0) < 0)
			_exit(2);
		if (poll(&p, 1, -1) != 1 || waitpid(c, NULL, 0) != c)
			_exit(3);
	});
	EXPECT_EXIT(0, pid);
}

TEST(pidns, subreapers_inside)
{
	pid_t pid;

	enter();
	pid = INIT({
		pid_t c = fork();
		int st;

		if (c == 0) {
			prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
			if (fork() == 0) {
				if (fork() == 0) {
					while (getppid() != 2)
						sched_yield();
					_exit(5);
				}
				_exit(0);
			}
			int sum = 0;
			while (wait(&st) > 0)
				sum += WEXITSTATUS(st);
			_exit(sum);
		}
		if (waitpid(c, &st, 0) != c || WEXITSTATUS(st) != 5)
			_exit(1);
	});
	EXPECT_EXIT(0, pid);
}

TEST_MAIN
