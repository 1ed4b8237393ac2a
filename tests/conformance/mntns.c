/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mntns: mount namespaces: copies, propagation of every kind, bind mounts,
 * moves, flags, locked mounts, umount2; mount_namespaces(7), mount(2).
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

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

static void map_root(uid_t uid, gid_t gid)
{
	char text[64];

	EXPECT_EQ(0, put("/proc/self/setgroups", "deny"));
	snprintf(text, sizeof(text), "0 %u 1", uid);
	EXPECT_EQ(0, put("/proc/self/uid_map", text));
	snprintf(text, sizeof(text), "0 %u 1", gid);
	EXPECT_EQ(0, put("/proc/self/gid_map", text));
}

/* An own namespace, all private, in an empty tmpfs at /tmp. */
static void enter(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (uid != 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			SKIP("no user namespaces");
		map_root(uid, gid);
	} else if (unshare(CLONE_NEWNS) < 0) {
		SKIP("no mount namespaces");
	}
	EXPECT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	EXPECT_OK(mount("base", "/tmp", "tmpfs", 0, NULL));
	EXPECT_OK(chdir("/tmp"));
	EXPECT_OK(mkdir("a", 0755));
	EXPECT_OK(mkdir("b", 0755));
	EXPECT_OK(mkdir("c", 0755));
}

/* The last line of mountinfo whose mount point is @at, from behind " - " cut
 * off; "" if there is none. */
static const char *info(const char *at)
{
	static char found[512];
	char line[512], point[256];
	FILE *f = fopen("/proc/self/mountinfo", "r");

	EXPECT_TRUE(f);
	found[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %*s %255s", point) == 1 &&
		    strcmp(point, at) == 0)
			strcpy(found, line);
	fclose(f);
	if (strstr(found, " - "))
		*strstr(found, " - ") = '\0';
	return found;
}

static int group_of(const char *at, const char *what)
{
	const char *p = strstr(info(at), what);

	return p ? atoi(p + strlen(what)) : 0;
}

static void touch(const char *name)
{
	EXPECT_OK(close(EXPECT_OK(open(name, O_CREAT | O_WRONLY, 0644))));
}

static int exists(const char *name)
{
	return access(name, F_OK) == 0;
}

TEST(mntns, a_copy_is_apart)
{
	int go[2], done[2];
	char c;
	pid_t pid;

	enter();
	EXPECT_OK(pipe(go));
	EXPECT_OK(pipe(done));
	pid = CHILD({
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("x", "a", "tmpfs", 0, NULL) < 0)
			_exit(1);
		touch("a/inside");
		if (write(done[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(2);
		if (exists("b/later"))
			_exit(3);
	});
	EXPECT_EQ(1, read(done[0], &c, 1));
	EXPECT_TRUE(!exists("a/inside"));
	EXPECT_OK(mount("x", "b", "tmpfs", 0, NULL));
	touch("b/later");
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
}

TEST(mntns, cwd_moves_to_the_copy)
{
	struct stat st, in;

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(chdir("a"));
	EXPECT_OK(unshare(CLONE_NEWNS));
	touch("here");
	EXPECT_OK(stat(".", &st));
	EXPECT_OK(stat("/tmp/a", &in));
	EXPECT_EQ(st.st_ino, in.st_ino);
	EXPECT_EQ(st.st_dev, in.st_dev);
	EXPECT_OK(chdir(".."));
	EXPECT_OK(umount("a"));
	EXPECT_TRUE(!exists("a/here"));
}

TEST(mntns, bind_and_recursive_bind)
{
	enter();
	EXPECT_OK(mkdir("a/sub", 0755));
	EXPECT_OK(mount("x", "a/sub", "tmpfs", 0, NULL));
	touch("a/sub/f");
	EXPECT_OK(mount("a", "b", NULL, MS_BIND, NULL));
	EXPECT_TRUE(exists("b/sub"));
	EXPECT_TRUE(!exists("b/sub/f"));
	EXPECT_OK(mount("a", "c", NULL, MS_BIND | MS_REC, NULL));
	EXPECT_TRUE(exists("c/sub/f"));
	EXPECT_ERRNO(EBUSY, umount("c"));
	EXPECT_OK(umount2("c", MNT_DETACH));
	EXPECT_TRUE(!exists("c/sub"));
	EXPECT_TRUE(exists("a/sub/f"));
	EXPECT_ERRNO(EINVAL, mount(NULL, "b", NULL, MS_BIND, NULL));
	EXPECT_ERRNO(EINVAL, mount("", "b", NULL, MS_BIND, NULL));
	EXPECT_ERRNO(ENOENT, mount("nix", "b", NULL, MS_BIND, NULL));
	touch("file");
	EXPECT_ERRNO(ENOTDIR, mount("file", "b", NULL, MS_BIND, NULL));
	EXPECT_ERRNO(ENOTDIR, mount("a", "file", NULL, MS_BIND, NULL));
	touch("other");
	EXPECT_OK(mount("file", "other", NULL, MS_BIND, NULL));
	EXPECT_OK(umount("other"));
}

TEST(mntns, bind_of_a_bind_shows_the_subtree)
{
	char text[256];

	enter();
	EXPECT_OK(mkdir("a/sub", 0755));
	touch("a/sub/f");
	EXPECT_OK(mount("a/sub", "b", NULL, MS_BIND, NULL));
	EXPECT_TRUE(exists("b/f"));
	snprintf(text, sizeof(text), "%s", info("/tmp/b"));
	EXPECT_TRUE(strstr(text, " /a/sub /tmp/b "));
	EXPECT_OK(chdir("b"));
	EXPECT_OK(chdir(".."));
	EXPECT_TRUE(exists("a/sub/f"));
}

TEST(mntns, shared_mounts_are_peers)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/m", 0755));
	EXPECT_OK(mount(NULL, "a", NULL, MS_SHARED, NULL));
	EXPECT_OK(mount("a", "b", NULL, MS_BIND, NULL));
	EXPECT_TRUE(group_of("/tmp/a", "shared:") > 0);
	EXPECT_EQ(group_of("/tmp/a", "shared:"), group_of("/tmp/b", "shared:"));
	EXPECT_OK(mount("y", "a/m", "tmpfs", 0, NULL));
	touch("a/m/f");
	EXPECT_TRUE(exists("b/m/f"));
	/* The new ones are peers too. */
	EXPECT_TRUE(group_of("/tmp/a/m", "shared:") > 0);
	EXPECT_EQ(group_of("/tmp/a/m", "shared:"),
		  group_of("/tmp/b/m", "shared:"));
	EXPECT_OK(umount("b/m"));
	EXPECT_TRUE(!exists("a/m/f"));
	EXPECT_OK(mount(NULL, "b", NULL, MS_PRIVATE, NULL));
	EXPECT_EQ(0, group_of("/tmp/b", "shared:"));
	EXPECT_OK(mount("y", "a/m", "tmpfs", 0, NULL));
	touch("a/m/g");
	EXPECT_TRUE(!exists("b/m/g"));
}

TEST(mntns, slaves_receive_and_do_not_send)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/m", 0755));
	EXPECT_OK(mkdir("a/n", 0755));
	EXPECT_OK(mount(NULL, "a", NULL, MS_SHARED, NULL));
	EXPECT_OK(mount("a", "b", NULL, MS_BIND, NULL));
	EXPECT_OK(mount(NULL, "b", NULL, MS_SLAVE, NULL));
	EXPECT_EQ(group_of("/tmp/a", "shared:"), group_of("/tmp/b", "master:"));
	EXPECT_EQ(0, group_of("/tmp/b", "shared:"));
	EXPECT_OK(mount("y", "a/m", "tmpfs", 0, NULL));
	touch("a/m/f");
	EXPECT_TRUE(exists("b/m/f"));
	EXPECT_OK(mount("y", "b/n", "tmpfs", 0, NULL));
	touch("b/n/f");
	EXPECT_TRUE(!exists("a/n/f"));
	EXPECT_OK(umount("a/m"));
	EXPECT_TRUE(!exists("b/m/f"));
	/* A slave that is shared as well passes on. */
	EXPECT_OK(mount(NULL, "b", NULL, MS_SHARED, NULL));
	EXPECT_TRUE(group_of("/tmp/b", "shared:") > 0);
	EXPECT_TRUE(group_of("/tmp/b", "master:") > 0);
	EXPECT_OK(mount("b", "c", NULL, MS_BIND, NULL));
	EXPECT_OK(mount("y", "a/m", "tmpfs", 0, NULL));
	touch("a/m/g");
	EXPECT_TRUE(exists("b/m/g"));
	EXPECT_TRUE(exists("c/m/g"));
}

TEST(mntns, a_slave_of_none_is_private)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mount(NULL, "a", NULL, MS_SHARED, NULL));
	EXPECT_OK(mount(NULL, "a", NULL, MS_SLAVE, NULL));
	EXPECT_EQ(0, group_of("/tmp/a", "shared:"));
	EXPECT_EQ(0, group_of("/tmp/a", "master:"));
}

TEST(mntns, unbindable_cannot_be_bound)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/m", 0755));
	EXPECT_OK(mount(NULL, "a", NULL, MS_UNBINDABLE, NULL));
	EXPECT_TRUE(strstr(info("/tmp/a"), " unbindable"));
	EXPECT_ERRNO(EINVAL, mount("a", "b", NULL, MS_BIND, NULL));
	EXPECT_OK(mount("/tmp", "c", NULL, MS_BIND | MS_REC, NULL));
	touch("a/f");
	EXPECT_TRUE(exists("c/b"));
	EXPECT_TRUE(!exists("c/a/f"));
}

TEST(mntns, types_are_one_at_a_time)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_ERRNO(EINVAL,
		     mount(NULL, "a", NULL, MS_SHARED | MS_PRIVATE, NULL));
	EXPECT_ERRNO(EINVAL,
		     mount(NULL, "a", NULL, MS_SHARED | MS_RDONLY, NULL));
	EXPECT_ERRNO(EINVAL, mount(NULL, "b", NULL, MS_SHARED, NULL));
}

TEST(mntns, propagation_between_namespaces)
{
	int go[2], done[2];
	char c;
	pid_t pid;

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/m", 0755));
	EXPECT_OK(mount(NULL, "a", NULL, MS_SHARED, NULL));
	EXPECT_OK(pipe(go));
	EXPECT_OK(pipe(done));
	pid = CHILD({
		if (unshare(CLONE_NEWNS) < 0 || write(done[1], "x", 1) != 1 ||
		    read(go[0], &c, 1) != 1)
			_exit(1);
		if (!exists("a/m/f"))
			_exit(2);
		if (umount("a/m") < 0)
			_exit(3);
	});
	EXPECT_EQ(1, read(done[0], &c, 1));
	EXPECT_OK(mount("y", "a/m", "tmpfs", 0, NULL));
	touch("a/m/f");
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
	EXPECT_TRUE(!exists("a/m/f"));
}

TEST(mntns, move)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/sub", 0755));
	EXPECT_OK(mount("x", "a/sub", "tmpfs", 0, NULL));
	touch("a/sub/f");
	EXPECT_OK(mount("a", "b", NULL, MS_MOVE, NULL));
	EXPECT_TRUE(exists("b/sub/f"));
	EXPECT_TRUE(!exists("a/sub"));
	EXPECT_ERRNO(EINVAL, mount("c", "a", NULL, MS_MOVE, NULL));
	EXPECT_ERRNO(ELOOP, mount("b", "b/sub", NULL, MS_MOVE, NULL));
	touch("file");
	EXPECT_ERRNO(EINVAL, mount("b", "file", NULL, MS_MOVE, NULL));
	/* Not out of a shared parent. */
	EXPECT_OK(mount(NULL, "b", NULL, MS_SHARED, NULL));
	EXPECT_ERRNO(EINVAL, mount("b/sub", "c", NULL, MS_MOVE, NULL));
}

TEST(mntns, flags_are_of_the_mount)
{
	struct statvfs s;

	enter();
	EXPECT_OK(mount("a", "b", NULL, MS_BIND, NULL));
	EXPECT_OK(mount(NULL, "b", NULL,
			MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID |
				MS_NODEV | MS_NOEXEC | MS_NOATIME,
			NULL));
	EXPECT_OK(statvfs("b", &s));
	EXPECT_EQ(ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME,
		  s.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC |
			      ST_NOATIME));
	EXPECT_ERRNO(EROFS, open("b/f", O_CREAT | O_WRONLY, 0644));
	EXPECT_ERRNO(EROFS, mkdir("b/d", 0755));
	touch("a/f");
	EXPECT_ERRNO(EROFS, unlink("b/f"));
	EXPECT_ERRNO(EROFS, chmod("b/f", 0600));
	EXPECT_ERRNO(EROFS, truncate("b/f", 0));
	EXPECT_OK(chmod("a/f", 0755));
	EXPECT_ERRNO(EACCES, execl("b/f", "f", NULL));
	EXPECT_OK(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND, NULL));
	touch("b/g");
	EXPECT_ERRNO(EINVAL,
		     mount(NULL, "c", NULL, MS_REMOUNT | MS_BIND, NULL));
}

TEST(mntns, noexec_is_for_maps_too)
{
	char *p;
	int fd;

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", MS_NOEXEC, NULL));
	fd = EXPECT_OK(open("a/f", O_CREAT | O_RDWR, 0755));
	EXPECT_OK(ftruncate(fd, 4096));
	EXPECT_TRUE(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			 0) == MAP_FAILED);
	EXPECT_EQ(EPERM, errno);
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	EXPECT_TRUE(p != MAP_FAILED);
	EXPECT_ERRNO(EACCES, mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

TEST(mntns, mountinfo_of_others)
{
	int go[2], done[2];
	char c, name[64], line[512];
	int found = 0;
	pid_t pid;
	FILE *f;

	enter();
	EXPECT_OK(pipe(go));
	EXPECT_OK(pipe(done));
	pid = CHILD({
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("x", "a", "tmpfs", 0, NULL) < 0)
			_exit(1);
		if (write(done[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(2);
	});
	EXPECT_EQ(1, read(done[0], &c, 1));
	snprintf(name, sizeof(name), "/proc/%d/mountinfo", pid);
	f = fopen(name, "r");
	EXPECT_TRUE(f);
	while (fgets(line, sizeof(line), f))
		found += strstr(line, " /tmp/a ") != NULL;
	fclose(f);
	EXPECT_EQ(1, found);
	EXPECT_STR("", info("/tmp/a"));
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
}

TEST(mntns, remount_of_the_file_system)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mount("a", "b", NULL, MS_BIND, NULL));
	EXPECT_OK(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	EXPECT_ERRNO(EROFS, mkdir("a/d", 0755));
	EXPECT_ERRNO(EROFS, mkdir("b/d", 0755));
	EXPECT_OK(mount(NULL, "a", NULL, MS_REMOUNT, NULL));
	EXPECT_OK(mkdir("b/d", 0755));
}

TEST(mntns, nosymfollow)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 256 /* MS_NOSYMFOLLOW */, NULL));
	touch("a/f");
	EXPECT_OK(symlink("f", "a/l"));
	EXPECT_ERRNO(ELOOP, open("a/l", O_RDONLY));
	char buf[8];
	EXPECT_EQ(1, readlink("a/l", buf, sizeof(buf)));
}

TEST(mntns, detach_keeps_what_is_open)
{
	int fd, dir;

	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("a/sub", 0755));
	EXPECT_OK(mount("x", "a/sub", "tmpfs", 0, NULL));
	touch("a/sub/f");
	dir = EXPECT_OK(open("a", O_RDONLY | O_DIRECTORY));
	fd = EXPECT_OK(open("a/f", O_CREAT | O_RDWR, 0644));
	EXPECT_ERRNO(EBUSY, umount("a"));
	EXPECT_OK(umount2("a", MNT_DETACH));
	EXPECT_TRUE(!exists("a/f"));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_OK(close(EXPECT_OK(openat(dir, "f", O_RDONLY))));
	/* Mounts in it went their own way. */
	EXPECT_OK(faccessat(dir, "sub", F_OK, 0));
	EXPECT_ERRNO(ENOENT, faccessat(dir, "sub/f", F_OK, 0));
	/* Out of it leads nothing. */
	EXPECT_OK(fchdir(dir));
	EXPECT_OK(chdir(".."));
	EXPECT_TRUE(exists("f"));
	EXPECT_ERRNO(ENOENT, mount("x", "sub", "tmpfs", 0, NULL));
}

TEST(mntns, expire)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_ERRNO(EINVAL, umount2("a", MNT_EXPIRE | MNT_DETACH));
	EXPECT_ERRNO(EINVAL, umount2("a", MNT_EXPIRE | MNT_FORCE));
	EXPECT_ERRNO(EAGAIN, umount2("a", MNT_EXPIRE));
	EXPECT_TRUE(!exists("a/used"));
	EXPECT_ERRNO(EAGAIN, umount2("a", MNT_EXPIRE));
	EXPECT_OK(umount2("a", MNT_EXPIRE));
	EXPECT_ERRNO(EINVAL, umount2("a", MNT_EXPIRE));
}

TEST(mntns, umount_nofollow)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_OK(symlink("a", "l"));
	EXPECT_ERRNO(EINVAL, umount2("l", UMOUNT_NOFOLLOW));
	EXPECT_OK(umount2("l", 0));
	EXPECT_ERRNO(EINVAL, umount2("a", 0x100));
}

TEST(mntns, a_mountpoint_elsewhere_can_be_removed)
{
	int go[2], done[2];
	char c;
	pid_t pid;

	enter();
	EXPECT_OK(pipe(go));
	EXPECT_OK(pipe(done));
	pid = CHILD({
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("x", "a", "tmpfs", 0, NULL) < 0)
			_exit(1);
		if (write(done[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(2);
		if (exists("a"))
			_exit(3);
	});
	EXPECT_EQ(1, read(done[0], &c, 1));
	EXPECT_OK(rmdir("a"));
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
}

TEST(mntns, stacked_mounts)
{
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	touch("a/one");
	EXPECT_OK(mount("x", "a", "tmpfs", 0, NULL));
	touch("a/two");
	EXPECT_TRUE(!exists("a/one"));
	EXPECT_OK(umount("a"));
	EXPECT_TRUE(exists("a/one"));
	EXPECT_OK(umount("a"));
	EXPECT_ERRNO(EINVAL, umount("a"));
}

static void less_privileged(void)
{
	struct statvfs s;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		SKIP("no user namespaces");
	map_root(0, 0);
	EXPECT_EQ(0, group_of("/tmp", "shared:"));
	EXPECT_TRUE(group_of("/tmp", "master:") > 0);
	/* Neither what is below, nor more rights. */
	EXPECT_ERRNO(EINVAL, umount("a/cover"));
	EXPECT_ERRNO(EINVAL, umount2("a", MNT_DETACH));
	EXPECT_ERRNO(EPERM, mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND, NULL));
	EXPECT_ERRNO(EINVAL, mount("a", "b", NULL, MS_BIND, NULL));
	EXPECT_OK(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	EXPECT_OK(statvfs("b", &s));
	EXPECT_TRUE(s.f_flag & ST_RDONLY);
	EXPECT_ERRNO(EPERM, mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND, NULL));
	EXPECT_ERRNO(EINVAL, mount("a/cover", "c", NULL, MS_MOVE, NULL));
	/* Of one's own making all is free. */
	EXPECT_OK(mount("x", "c", "tmpfs", 0, NULL));
	EXPECT_OK(umount("c"));
	EXPECT_OK(umount2("b", MNT_DETACH));
}

TEST(mntns, less_privileged_namespaces_are_locked)
{
	pid_t pid;

	if (geteuid() != 0)
		SKIP("needs root");
	enter();
	EXPECT_OK(mount("x", "a", "tmpfs", MS_NOSUID | MS_NODEV, NULL));
	touch("a/secret");
	EXPECT_OK(mkdir("a/cover", 0755));
	EXPECT_OK(mount("x", "a/cover", "tmpfs", 0, NULL));
	EXPECT_OK(
		mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	EXPECT_OK(mount(NULL, "/tmp", NULL, MS_SHARED, NULL));
	/* The parent keeps the other namespace alive. */
	pid = CHILD(less_privileged());
	EXPECT_EXIT(0, pid);
}

TEST(mntns, unprivileged_users_may_not)
{
	if (geteuid() == 0)
		SKIP("for ordinary users");
	EXPECT_ERRNO(EPERM, unshare(CLONE_NEWNS));
	EXPECT_ERRNO(EPERM, mount("x", "/tmp", "tmpfs", 0, NULL));
	EXPECT_ERRNO(EPERM, umount("/proc"));
}

TEST(mntns, devices_of_a_user_namespace_are_dead)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		SKIP("no user namespaces");
	map_root(0, 0);
	EXPECT_OK(mount("x", "/tmp", "tmpfs", 0, NULL));
	EXPECT_ERRNO(EPERM, mknod("/tmp/null", S_IFCHR | 0666, 0x103));
	EXPECT_OK(close(EXPECT_OK(open("/tmp/null", O_CREAT | O_RDWR, 0666))));
	EXPECT_OK(mount("/dev/null", "/tmp/null", NULL, MS_BIND, NULL));
	EXPECT_OK(close(EXPECT_OK(open("/tmp/null", O_WRONLY))));
}

TEST_MAIN
