/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pivot_root: pivot_root(2), chroot(2) across mounts.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static int pivot(const char *to, const char *old)
{
	return (int)syscall(SYS_pivot_root, to, old);
}

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), err;

	if (fd < 0)
		return errno;
	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return err;
}

/* An own namespace, all private; /tmp is a tmpfs with a mount in new/. */
static void enter(void)
{
	char text[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (uid != 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			SKIP("no user namespaces");
		EXPECT_EQ(0, put("/proc/self/setgroups", "deny"));
		snprintf(text, sizeof(text), "0 %u 1", uid);
		EXPECT_EQ(0, put("/proc/self/uid_map", text));
		snprintf(text, sizeof(text), "0 %u 1", gid);
		EXPECT_EQ(0, put("/proc/self/gid_map", text));
	} else if (unshare(CLONE_NEWNS) < 0) {
		SKIP("no mount namespaces");
	}
	EXPECT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	EXPECT_OK(mount("base", "/tmp", "tmpfs", 0, NULL));
	EXPECT_OK(chdir("/tmp"));
	EXPECT_OK(mkdir("new", 0755));
	EXPECT_OK(mount("x", "new", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("new/old", 0755));
	EXPECT_OK(mkdir("new/dir", 0755));
}

TEST(pivot_root, the_root_is_another)
{
	enter();
	EXPECT_OK(chdir("new"));
	EXPECT_OK(pivot(".", "old"));
	EXPECT_OK(access("/dir", F_OK));
	EXPECT_OK(access("/old/proc", F_OK));
	EXPECT_OK(access("/old/tmp/new", F_OK));
	EXPECT_ERRNO(ENOENT, access("/proc", F_OK));
	/* cwd was in the new root and stays there. */
	EXPECT_OK(access("dir", F_OK));
	EXPECT_OK(umount2("/old", MNT_DETACH));
	EXPECT_ERRNO(ENOENT, access("/old/proc", F_OK));
	EXPECT_OK(chdir(".."));
	EXPECT_OK(access("dir", F_OK));
}

TEST(pivot_root, onto_itself)
{
	enter();
	EXPECT_OK(chdir("new"));
	EXPECT_OK(pivot(".", "."));
	/* The old root lies on the new one: one umount takes it away. */
	EXPECT_OK(umount2(".", MNT_DETACH));
	EXPECT_OK(access("/dir", F_OK));
}

TEST(pivot_root, others_with_the_old_root_move)
{
	int go[2];
	char c;
	pid_t pid;

	enter();
	EXPECT_OK(pipe(go));
	pid = CHILD({
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		if (access("/dir", F_OK) != 0)
			_exit(2);
	});
	EXPECT_OK(pivot("new", "new/old"));
	EXPECT_OK(write(go[1], "x", 1));
	EXPECT_EXIT(0, pid);
}

TEST(pivot_root, errors)
{
	/* The root of a less privileged namespace is locked: that is first. */
	int locked = geteuid() != 0;

	enter();
	EXPECT_ERRNO(ENOENT, pivot("nix", "new/old"));
	EXPECT_ERRNO(ENOENT, pivot("new", "new/nix"));
	EXPECT_OK(close(EXPECT_OK(open("new/f", O_CREAT | O_RDONLY, 0644))));
	EXPECT_ERRNO(ENOTDIR, pivot("new/f", "new/old"));
	/* Not a mount point. */
	EXPECT_ERRNO(EINVAL, pivot("new/dir", "new/dir"));
	/* put_old must be below new_root. */
	EXPECT_ERRNO(EINVAL, pivot("new", "/tmp"));
	EXPECT_ERRNO(locked ? EINVAL : EBUSY, pivot("/", "/"));
	EXPECT_ERRNO(locked ? EINVAL : EBUSY, pivot("/", "new"));
	EXPECT_ERRNO(EFAULT, pivot((char *)8, "new"));
	/* Nothing shared may change. */
	EXPECT_OK(mount(NULL, "/tmp", NULL, MS_SHARED, NULL));
	EXPECT_ERRNO(EINVAL, pivot("new", "new/old"));
	EXPECT_OK(mount(NULL, "/tmp", NULL, MS_PRIVATE, NULL));
	EXPECT_OK(mount(NULL, "new", NULL, MS_SHARED, NULL));
	EXPECT_ERRNO(EINVAL, pivot("new", "new/old"));
	EXPECT_OK(mount(NULL, "new", NULL, MS_PRIVATE, NULL));
	EXPECT_OK(pivot("new", "new/old"));
}

TEST(pivot_root, a_chroot_is_no_mount_point)
{
	enter();
	EXPECT_OK(mkdir("jail", 0755));
	EXPECT_OK(mkdir("jail/new", 0755));
	EXPECT_OK(mount("x", "jail/new", "tmpfs", 0, NULL));
	EXPECT_OK(mkdir("jail/new/old", 0755));
	EXPECT_OK(chroot("jail"));
	EXPECT_OK(chdir("/"));
	EXPECT_ERRNO(EINVAL, pivot("new", "new/old"));
}

TEST(pivot_root, unprivileged)
{
	if (geteuid() == 0)
		SKIP("for ordinary users");
	EXPECT_ERRNO(EPERM, pivot("/tmp", "/tmp"));
}

TEST(pivot_root, chroot_stays_in)
{
	enter();
	EXPECT_OK(chroot("new"));
	EXPECT_OK(chdir("/"));
	EXPECT_OK(access("/dir", F_OK));
	EXPECT_OK(chdir("../../.."));
	EXPECT_OK(access("dir", F_OK));
	EXPECT_ERRNO(ENOENT, chroot("/nix"));
}

TEST_MAIN
