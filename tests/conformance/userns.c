/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userns: user namespaces: maps, who may write them, ids and capabilities
 * inside, limits; user_namespaces(7).
 */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "tests/harness/guest_test.h"

/* 0, or the errno of the write. */
static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), err;

	if (fd < 0)
		return errno;
	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return err;
}

static int put_pid(pid_t pid, const char *file, const char *text)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/%s", (int)pid, file);
	return put(name, text);
}

static char *get(const char *file)
{
	static char buf[512];
	int fd = EXPECT_OK(open(file, O_RDONLY));
	ssize_t n = EXPECT_OK(read(fd, buf, sizeof(buf) - 1));

	buf[n] = '\0';
	close(fd);
	return buf;
}

static uint64_t effective(void)
{
	char *at = strstr(get("/proc/self/status"), "CapEff:");
	static char text[4096];
	int fd;
	ssize_t n;

	if (at)
		return strtoull(at + 7, NULL, 16);
	fd = EXPECT_OK(open("/proc/self/status", O_RDONLY));
	n = EXPECT_OK(read(fd, text, sizeof(text) - 1));
	text[n] = '\0';
	close(fd);
	at = strstr(text, "CapEff:");
	EXPECT_TRUE(at);
	return strtoull(at + 7, NULL, 16);
}

static void enter(void)
{
	if (unshare(CLONE_NEWUSER) < 0) {
		if (errno == EPERM || errno == ENOSPC || errno == EINVAL)
			SKIP("no user namespaces");
		FAIL("unshare: %s", strerrorname_np(errno));
	}
}

/* A namespace in which the caller is root. */
static void enter_as_root(void)
{
	char text[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	enter();
	EXPECT_EQ(0, put("/proc/self/setgroups", "deny"));
	snprintf(text, sizeof(text), "0 %u 1\n", uid);
	EXPECT_EQ(0, put("/proc/self/uid_map", text));
	snprintf(text, sizeof(text), "0 %u 1", gid);
	EXPECT_EQ(0, put("/proc/self/gid_map", text));
}

TEST(userns, without_a_map_everybody_is_nobody)
{
	struct stat st;

	enter();
	EXPECT_EQ(65534, getuid());
	EXPECT_EQ(65534, geteuid());
	EXPECT_EQ(65534, getgid());
	EXPECT_STR("", get("/proc/self/uid_map"));
	EXPECT_STR("allow\n", get("/proc/self/setgroups"));
	EXPECT_OK(stat("/", &st));
	EXPECT_EQ(65534, st.st_uid);
	EXPECT_ERRNO(EINVAL, setuid(0));
	EXPECT_ERRNO(EINVAL, setresgid(0, 0, 0));
	EXPECT_ERRNO(EPERM, setgroups(0, NULL));
	EXPECT_TRUE((effective() & 0x1ffffffffffull) == 0x1ffffffffffull);
}

TEST(userns, root_inside)
{
	uid_t uid = geteuid();
	struct stat st;

	enter_as_root();
	EXPECT_EQ(0, getuid());
	EXPECT_EQ(0, getgid());
	EXPECT_STR("deny\n", get("/proc/self/setgroups"));
	EXPECT_ERRNO(EPERM, setgroups(0, NULL));
	EXPECT_ERRNO(EINVAL, setuid(1));
	EXPECT_OK(setuid(0));
	EXPECT_OK(stat("/proc/self", &st));
	EXPECT_EQ(0, st.st_uid);
	(void)uid;
}

TEST(userns, a_map_is_written_once)
{
	char text[64];
	uid_t uid = geteuid();

	enter();
	snprintf(text, sizeof(text), "5 %u 1", uid);
	EXPECT_EQ(0, put("/proc/self/uid_map", text));
	EXPECT_EQ(5, getuid());
	EXPECT_EQ(EPERM, put("/proc/self/uid_map", text));
	snprintf(text, sizeof(text), "%10u %10u %10u\n", 5, uid, 1);
	EXPECT_STR(text, get("/proc/self/uid_map"));
}

TEST(userns, bad_maps)
{
	char text[64];
	uid_t uid = geteuid();

	enter();
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", "0"));
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", "0 0"));
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", "0 0 0"));
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", "0 0 1 1"));
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", "a 0 1"));
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", "-1 0 1"));
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", "4294967295 0 1"));
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", "0 4294967295 1"));
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", "1 0 4294967295"));
	snprintf(text, sizeof(text), "0 %u 1\n0 %u 1\n", uid, uid + 1);
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", text));
	snprintf(text, sizeof(text), "0 %u 1\n1 %u 1\n", uid, uid);
	EXPECT_EQ(EINVAL, put("/proc/self/uid_map", text));
	/* Well-formed, but more than one's own. */
	EXPECT_EQ(EPERM, put("/proc/self/uid_map", "0 4000000 2"));
	snprintf(text, sizeof(text), "0 %u 1", uid + 1);
	EXPECT_EQ(EPERM, put("/proc/self/uid_map", text));
}

TEST(userns, gid_map_needs_setgroups_denied_first)
{
	char text[64];

	if (geteuid() == 0)
		SKIP("for ordinary users");
	snprintf(text, sizeof(text), "0 %u 1", getegid());
	enter();
	EXPECT_EQ(EPERM, put("/proc/self/gid_map", text));
	EXPECT_EQ(EINVAL, put("/proc/self/setgroups", "perhaps"));
	EXPECT_EQ(0, put("/proc/self/setgroups", "deny\n"));
	EXPECT_EQ(EPERM, put("/proc/self/setgroups", "allow"));
	EXPECT_EQ(0, put("/proc/self/gid_map", text));
	EXPECT_EQ(0, getgid());
}

TEST(userns, setgroups_cannot_be_denied_after_the_map)
{
	int go[2], done[2];
	char c;
	pid_t pid;

	if (geteuid() != 0)
		SKIP("needs root");
	EXPECT_OK(pipe(go));
	EXPECT_OK(pipe(done));
	pid = CHILD({
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(77);
		if (write(done[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(1);
		if (getuid() != 3 || getgid() != 7)
			_exit(2);
		if (put("/proc/self/setgroups", "deny") != EPERM)
			_exit(3);
		gid_t g = 8;
		if (setgroups(1, &g) != 0 || getgroups(1, &g) != 1 || g != 8)
			_exit(4);
		g = 100;
		if (setgroups(1, &g) == 0 || errno != EINVAL)
			_exit(5);
		if (setresuid(4, 4, 4) != 0 || getuid() != 4)
			_exit(6);
	});
	if (read(done[0], &c, 1) != 1)
		SKIP("no user namespaces");
	/* The parent, outside, maps ranges. */
	EXPECT_EQ(0, put_pid(pid, "uid_map", "0 1000 3\n3 0 1\n4 2000 10\n"));
	EXPECT_EQ(0, put_pid(pid, "gid_map", "7 0 1\n8 3000 2\n"));
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
}

TEST(userns, capabilities_reach_inside_only)
{
	enter_as_root();
	EXPECT_ERRNO(EPERM, mount("x", "/", "tmpfs", 0, NULL));
	EXPECT_ERRNO(EPERM, sethostname("x", 1));
	EXPECT_ERRNO(EPERM, mknod("/tmp/userns.dev", S_IFCHR | 0600, 0x103));
	EXPECT_OK(unshare(CLONE_NEWUTS | CLONE_NEWNS));
	EXPECT_OK(sethostname("inside", 6));
	EXPECT_OK(mount("x", "/tmp", "tmpfs", 0, NULL));
	EXPECT_ERRNO(EPERM, mknod("/tmp/dev", S_IFCHR | 0600, 0x103));
	EXPECT_OK(mknod("/tmp/fifo", S_IFIFO | 0600, 0));
}

TEST(userns, files_of_strangers)
{
	struct stat st;
	char name[64];

	if (geteuid() != 0)
		SKIP("needs root");
	SCRATCH_NAME(name, sizeof(name), "f");
	EXPECT_OK(close(EXPECT_OK(open(name, O_CREAT | O_WRONLY, 0600))));
	EXPECT_OK(chown(name, 4711, 4712));
	enter_as_root();
	EXPECT_OK(stat(name, &st));
	EXPECT_EQ(65534, st.st_uid);
	EXPECT_EQ(65534, st.st_gid);
	/* Root of the namespace is nobody to it. */
	EXPECT_ERRNO(EACCES, open(name, O_RDONLY));
	EXPECT_ERRNO(EPERM, chmod(name, 0644));
	EXPECT_ERRNO(EPERM, chown(name, 0, 0));
	EXPECT_ERRNO(EINVAL, chown(name, 4711, -1));
	EXPECT_OK(unlink(name));
}

TEST(userns, nested_and_the_limit_of_32)
{
	char text[64];
	int level;

	for (level = 1; level < 40; level++) {
		uid_t uid = geteuid();
		gid_t gid = getegid();

		if (unshare(CLONE_NEWUSER) < 0)
			break;
		snprintf(text, sizeof(text), "%d %u 1", level, uid);
		EXPECT_EQ(0, put("/proc/self/uid_map", text));
		EXPECT_EQ(0, put("/proc/self/setgroups", "deny"));
		snprintf(text, sizeof(text), "0 %u 1", gid);
		EXPECT_EQ(0, put("/proc/self/gid_map", text));
		EXPECT_EQ(level, getuid());
	}
	if (level == 1)
		SKIP("no user namespaces");
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(34, level);
}

TEST(userns, unmapped_users_cannot_make_one)
{
	enter();
	EXPECT_ERRNO(EPERM, unshare(CLONE_NEWUSER));
}

TEST(userns, chrooted_users_cannot_make_one)
{
	scratch("/tmp");
	enter_as_root();
	EXPECT_OK(chroot(scratch("/tmp")));
	EXPECT_ERRNO(EPERM, unshare(CLONE_NEWUSER));
}

TEST(userns, max_is_a_limit)
{
	pid_t pid;

	enter_as_root();
	EXPECT_EQ(0, put("/proc/sys/user/max_uts_namespaces", "1"));
	EXPECT_STR("1\n", get("/proc/sys/user/max_uts_namespaces"));
	EXPECT_EQ(EINVAL, put("/proc/sys/user/max_uts_namespaces", "-1"));
	EXPECT_OK(unshare(CLONE_NEWUTS));
	pid = CHILD({
		if (unshare(CLONE_NEWUTS) == 0 || errno != ENOSPC)
			_exit(1);
		/* What a namespace may still have, it may give back. */
		if (unshare(CLONE_NEWIPC) < 0)
			_exit(2);
	});
	EXPECT_EXIT(0, pid);
	EXPECT_ERRNO(ENOSPC, unshare(CLONE_NEWUTS));
}

/* Linux takes them away a little later. */
TEST(userns, namespaces_end_with_their_last_user)
{
	static const char *const kinds[] = { "cgroup", "ipc", "mnt", "net",
					     "pid",    "uts", "user" };
	static const int flags = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNS |
				 CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWUSER;
	char name[64];
	int st;

	enter_as_root();
	for (int i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "/proc/sys/user/max_%s_namespaces",
			 kinds[i]);
		EXPECT_EQ(0, put(name, "2"));
	}
	for (int i = 0; i < 40; i++)
		EXPECT_SOON(({
			pid_t pid = CHILD({
				if (unshare(flags) < 0)
					_exit(1);
				mount(NULL, "/", NULL, MS_REC | MS_PRIVATE,
				      NULL);
				if (mount("x", "/tmp", "tmpfs", 0, NULL) < 0)
					_exit(2);
				pid_t c = fork();
				if (c == 0)
					_exit(getpid() == 1 ? 0 : 3);
				waitpid(c, &st, 0);
				_exit(WEXITSTATUS(st));
			});
			waitpid(pid, &st, 0) == pid && WIFEXITED(st) &&
				WEXITSTATUS(st) == 0;
		}));
}

TEST(userns, threads_and_shared_fs_stop_unshare)
{
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS | SIGCHLD, 0,
			     0, 0, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_clone,
				     CLONE_NEWUSER | CLONE_THREAD | CLONE_VM |
					     CLONE_SIGHAND,
				     0, 0, 0, 0));
}

TEST(userns, clone_into_a_new_one)
{
	int go[2];
	char text[64], c;
	uid_t uid = geteuid();
	pid_t pid;

	EXPECT_OK(pipe(go));
	pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		SKIP("no user namespaces");
	if (pid == 0) {
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		_exit(getuid() == 42 ? 0 : 2);
	}
	/* The maker may map itself from outside. */
	snprintf(text, sizeof(text), "42 %u 1", uid);
	EXPECT_EQ(0, put_pid(pid, "uid_map", text));
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
}

TEST(userns, credentials_of_a_peer_are_translated)
{
	int sv[2], on = 1;
	char c = 'x', ctl[CMSG_SPACE(sizeof(struct ucred))] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *h;
	struct ucred cr;
	uid_t uid = geteuid();
	pid_t pid;

	EXPECT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	EXPECT_OK(setsockopt(sv[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	pid = CHILD({
		enter_as_root();
		if (write(sv[1], "x", 1) != 1)
			_exit(1);
	});
	EXPECT_EXIT(0, pid);
	EXPECT_EQ(1, recvmsg(sv[0], &m, 0));
	h = CMSG_FIRSTHDR(&m);
	EXPECT_TRUE(h && h->cmsg_type == SCM_CREDENTIALS);
	memcpy(&cr, CMSG_DATA(h), sizeof(cr));
	EXPECT_EQ(uid, cr.uid);
}

TEST(userns, signals_carry_the_receivers_uid)
{
	siginfo_t si;
	sigset_t set;
	pid_t pid;

	enter_as_root();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = CHILD({ _exit(0); });
	EXPECT_OK(sigwaitinfo(&set, &si));
	EXPECT_EQ(0, si.si_uid);
	EXPECT_EXIT(0, pid);
}

TEST(userns, set_user_id_of_strangers_means_nothing)
{
	struct stat st;
	pid_t pid;

	if (stat("/usr/bin/su", &st) < 0 || !(st.st_mode & S_ISUID))
		SKIP("no set-user-ID program");
	if (geteuid() == 0)
		SKIP("for ordinary users");
	enter_as_root();
	pid = CHILD({
		close(1);
		execl("/usr/bin/su", "su", "--version", NULL);
		_exit(1);
	});
	EXPECT_EXIT(0, pid);
}

TEST_MAIN
