/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns: namespace files, their ioctls, setns(2) with files and pidfds, UTS, net,
 * IPC and cgroup namespaces; namespaces(7), setns(2), ioctl_nsfs(2).
 */
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "tests/harness/guest_test.h"

#define NS_GET_USERNS	 _IO(0xb7, 1)
#define NS_GET_PARENT	 _IO(0xb7, 2)
#define NS_GET_NSTYPE	 _IO(0xb7, 3)
#define NS_GET_OWNER_UID _IO(0xb7, 4)
#define NEWTIME		 0x80

static const struct {
	const char *name;
	int flag;
} kinds[] = {
	{ "cgroup", CLONE_NEWCGROUP }, { "ipc", CLONE_NEWIPC },
	{ "mnt", CLONE_NEWNS },	       { "net", CLONE_NEWNET },
	{ "pid", CLONE_NEWPID },       { "time", NEWTIME },
	{ "user", CLONE_NEWUSER },     { "uts", CLONE_NEWUTS },
};
#define NR_KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), err;

	if (fd < 0)
		return errno;
	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return err;
}

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

static int open_ns(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return EXPECT_OK(open(path, O_RDONLY | O_CLOEXEC));
}

static ino_t ino_of(const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	EXPECT_OK(stat(path, &st));
	return st.st_ino;
}

TEST(ns, links_and_files)
{
	char path[64], text[64], want[64];
	struct statfs fs;
	struct stat st;
	ssize_t n;
	int fd;

	for (int i = 0; i < NR_KINDS; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i].name);
		n = EXPECT_OK(readlink(path, text, sizeof(text) - 1));
		text[n] = '\0';
		EXPECT_OK(stat(path, &st));
		EXPECT_TRUE(S_ISREG(st.st_mode));
		EXPECT_EQ(0444, st.st_mode & 07777);
		snprintf(want, sizeof(want), "%s:[%lu]", kinds[i].name,
			 (unsigned long)st.st_ino);
		EXPECT_STR(want, text);
		fd = open_ns(kinds[i].name);
		EXPECT_EQ(kinds[i].flag, ioctl(fd, NS_GET_NSTYPE));
		EXPECT_OK(fstatfs(fd, &fs));
		EXPECT_EQ(0x6e736673, fs.f_type);
		EXPECT_ERRNO(EINVAL, read(fd, text, 1));
		EXPECT_ERRNO(ENOTTY, ioctl(fd, 0xb7ff));
		EXPECT_OK(close(fd));
		fd = open(path, O_RDWR);
		EXPECT_TRUE(fd < 0);
	}
}

TEST(ns, each_unshare_gives_another)
{
	static const char *const names[] = { "ipc", "mnt", "net", "uts",
					     "cgroup" };
	ino_t before[5];

	enter();
	for (int i = 0; i < 5; i++)
		before[i] = ino_of(names[i]);
	if (unshare(CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS |
		    CLONE_NEWCGROUP) < 0)
		SKIP("may not");
	for (int i = 0; i < 5; i++)
		EXPECT_TRUE(ino_of(names[i]) != before[i]);
	EXPECT_TRUE(ino_of("pid") == ino_of("pid_for_children"));
	EXPECT_OK(unshare(CLONE_NEWPID));
	EXPECT_OK(unshare(NEWTIME));
	EXPECT_TRUE(ino_of("time") != ino_of("time_for_children"));
}

TEST(ns, uts)
{
	struct utsname u;
	pid_t pid;
	int old;

	enter();
	old = open_ns("uts");
	EXPECT_OK(unshare(CLONE_NEWUTS));
	EXPECT_OK(sethostname("inner", 5));
	EXPECT_OK(setdomainname("domain", 6));
	pid = CHILD({
		uname(&u);
		_exit(strcmp(u.nodename, "inner") ||
		      strcmp(u.domainname, "domain"));
	});
	EXPECT_EXIT(0, pid);
	if (geteuid() == 0 && setns(old, CLONE_NEWUTS) == 0) {
		EXPECT_OK(uname(&u));
		EXPECT_TRUE(strcmp(u.nodename, "inner"));
	}
}

TEST(ns, setns_errors)
{
	int fd = open_ns("uts"), null = EXPECT_OK(open("/dev/null", O_RDWR));

	EXPECT_ERRNO(EBADF, setns(-1, 0));
	EXPECT_ERRNO(EINVAL, setns(null, 0));
	EXPECT_ERRNO(EINVAL, setns(fd, CLONE_NEWNET));
	EXPECT_ERRNO(EINVAL, setns(fd, CLONE_NEWUTS | CLONE_NEWNET));
	/* One is not let in twice. */
	EXPECT_ERRNO(EINVAL, setns(open_ns("user"), 0));
	if (geteuid() != 0)
		EXPECT_ERRNO(EPERM, setns(fd, 0));
	else
		EXPECT_OK(setns(fd, 0));
}

TEST(ns, setns_into_the_namespaces_of_a_child)
{
	static const int flags =
		CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS;
	int go[2], done[2], pidfd;
	struct utsname u;
	char c;
	pid_t pid;

	enter();
	EXPECT_OK(pipe(go));
	EXPECT_OK(pipe(done));
	pid = CHILD({
		if (unshare(flags) < 0 || sethostname("child", 5) < 0)
			_exit(1);
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
		if (mount("x", "/tmp", "tmpfs", 0, NULL) < 0 ||
		    mkdir("/tmp/there", 0755) < 0)
			_exit(2);
		if (write(done[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(3);
	});
	EXPECT_EQ(1, read(done[0], &c, 1));
	pidfd = EXPECT_OK(syscall(SYS_pidfd_open, pid, 0));
	EXPECT_ERRNO(EINVAL, setns(pidfd, 0));
	EXPECT_ERRNO(EINVAL, setns(pidfd, CLONE_VM));
	EXPECT_OK(setns(pidfd, flags));
	EXPECT_OK(uname(&u));
	EXPECT_STR("child", u.nodename);
	EXPECT_OK(access("/tmp/there", F_OK));
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
	EXPECT_ERRNO(ESRCH, setns(pidfd, flags));
}

TEST(ns, setns_into_a_child_user_namespace)
{
	int go[2], done[2], fd;
	char c, path[64];
	uid_t uid = geteuid();
	pid_t pid;

	EXPECT_OK(pipe(go));
	EXPECT_OK(pipe(done));
	pid = CHILD({
		char text[64];

		if (unshare(CLONE_NEWUSER) < 0)
			_exit(77);
		snprintf(text, sizeof(text), "7 %u 1", uid);
		if (put("/proc/self/uid_map", text))
			_exit(1);
		if (write(done[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(3);
	});
	close(done[1]);
	if (read(done[0], &c, 1) != 1)
		SKIP("no user namespaces");
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = EXPECT_OK(open(path, O_RDONLY));
	EXPECT_OK(setns(fd, CLONE_NEWUSER));
	EXPECT_EQ(7, getuid());
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
}

TEST(ns, setns_of_pid_is_for_children)
{
	int go[2], done[2], fd;
	char c, path[64];
	pid_t me = getpid(), pid;

	enter();
	EXPECT_OK(pipe(go));
	EXPECT_OK(pipe(done));
	pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		SKIP("no PID namespaces");
	if (pid == 0) {
		if (write(done[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(1);
		_exit(0);
	}
	EXPECT_EQ(1, read(done[0], &c, 1));
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	fd = EXPECT_OK(open(path, O_RDONLY));
	EXPECT_OK(setns(fd, CLONE_NEWPID));
	EXPECT_EQ(me, getpid());
	EXPECT_EXIT(0,
		    CHILD(_exit(getpid() > 1 && getpid() < 4 && getppid() == 0
					? 0
					: 1)));
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
}

TEST(ns, setns_leads_down_only)
{
	int outer = open_ns("pid");
	pid_t pid;

	enter();
	pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		SKIP("no PID namespaces");
	if (pid == 0)
		_exit(setns(outer, CLONE_NEWPID) == -1 &&
				      (errno == EINVAL || errno == EPERM)
			      ? 0
			      : 1);
	EXPECT_EXIT(0, pid);
}

TEST(ns, parents_and_owners)
{
	int user, owner, net, parent;
	uid_t uid = geteuid(), got;
	struct stat a, b;

	if (unshare(CLONE_NEWUSER) < 0)
		SKIP("no user namespaces");
	user = open_ns("user");
	EXPECT_OK(ioctl(user, NS_GET_OWNER_UID, &got));
	EXPECT_EQ(65534, got); /* not mapped here */
	(void)uid;
	EXPECT_ERRNO(EPERM, ioctl(user, NS_GET_PARENT));
	EXPECT_ERRNO(EPERM, ioctl(user, NS_GET_USERNS));
	EXPECT_ERRNO(EPERM, ioctl(open_ns("net"), NS_GET_USERNS));
	EXPECT_OK(unshare(CLONE_NEWNET));
	net = open_ns("net");
	owner = EXPECT_OK(ioctl(net, NS_GET_USERNS));
	EXPECT_OK(fstat(owner, &a));
	EXPECT_OK(fstat(user, &b));
	EXPECT_EQ(b.st_ino, a.st_ino);
	EXPECT_EQ(FD_CLOEXEC, fcntl(owner, F_GETFD));
	EXPECT_ERRNO(EINVAL, ioctl(net, NS_GET_PARENT));
	EXPECT_ERRNO(EINVAL, ioctl(net, NS_GET_OWNER_UID, &got));
	EXPECT_OK(unshare(CLONE_NEWPID));
	if (CHILD(for (;;) pause()) > 0) {
		int fd = open_ns("pid_for_children");

		parent = EXPECT_OK(ioctl(fd, NS_GET_PARENT));
		EXPECT_OK(fstat(parent, &a));
		EXPECT_EQ(ino_of("pid"), a.st_ino);
	}
}

static int bind_abstract(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));

	strcpy(a.sun_path + 1, name);
	if (bind(fd, (struct sockaddr *)&a,
		 offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)) < 0)
		return -1;
	EXPECT_OK(listen(fd, 1));
	return fd;
}

static int connect_abstract(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));

	strcpy(a.sun_path + 1, name);
	return connect(fd, (struct sockaddr *)&a,
		       offsetof(struct sockaddr_un, sun_path) + 1 +
			       strlen(name));
}

TEST(ns, abstract_names_are_of_the_net_namespace)
{
	enter();
	EXPECT_OK(bind_abstract("ns-test"));
	EXPECT_ERRNO(EADDRINUSE, bind_abstract("ns-test"));
	if (unshare(CLONE_NEWNET) < 0)
		SKIP("no net namespaces");
	EXPECT_ERRNO(ECONNREFUSED, connect_abstract("ns-test"));
	EXPECT_OK(bind_abstract("ns-test"));
	EXPECT_OK(connect_abstract("ns-test"));
}

TEST(ns, a_mounted_file_keeps_its_namespace)
{
	struct utsname u;
	int fd;

	enter();
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS) < 0)
		SKIP("may not");
	EXPECT_OK(sethostname("kept", 4));
	EXPECT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	EXPECT_OK(mount("x", "/tmp", "tmpfs", 0, NULL));
	EXPECT_OK(close(EXPECT_OK(open("/tmp/uts", O_CREAT | O_RDONLY, 0644))));
	EXPECT_OK(mount("/proc/self/ns/uts", "/tmp/uts", NULL, MS_BIND, NULL));
	EXPECT_OK(unshare(CLONE_NEWUTS));
	EXPECT_OK(sethostname("other", 5));
	fd = EXPECT_OK(open("/tmp/uts", O_RDONLY));
	EXPECT_OK(setns(fd, CLONE_NEWUTS));
	EXPECT_OK(uname(&u));
	EXPECT_STR("kept", u.nodename);
	EXPECT_OK(umount2("/tmp/uts", MNT_DETACH));
}

TEST(ns, unshare_errors)
{
	EXPECT_ERRNO(EINVAL, unshare(0x1));
	EXPECT_ERRNO(EINVAL, unshare(CLONE_VFORK));
	EXPECT_OK(unshare(0));
	EXPECT_OK(unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM));
	if (geteuid() != 0)
		for (int i = 0; i < NR_KINDS; i++)
			if (kinds[i].flag != CLONE_NEWUSER)
				EXPECT_ERRNO(EPERM, unshare(kinds[i].flag));
}

TEST_MAIN
