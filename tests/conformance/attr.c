/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attr: stat(2), statx(2), access(2), chmod(2), chown(2), utimensat(2),
 * statfs(2).
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <utime.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#include "tests/harness/guest_test.h"

static void enter(void)
{
	EXPECT_OK(chdir(scratch("/tmp")));
	umask(0);
}

static int make(const char *name, int mode)
{
	return EXPECT_OK(open(name, O_CREAT | O_RDWR, mode));
}

static int mode_of(const char *name)
{
	struct stat st;

	EXPECT_OK(lstat(name, &st));
	return (int)(st.st_mode & 07777);
}

TEST(attr, stat_forms_agree)
{
	struct stat a, b, c;
	struct statx x;
	int fd;

	enter();
	fd = make("f", 0644);
	EXPECT_EQ(5000, ftruncate(fd, 5000) == 0 ? 5000 : 0);
	EXPECT_OK(symlink("f", "l"));
	EXPECT_OK(stat("l", &a));
	EXPECT_OK(fstat(fd, &b));
	EXPECT_OK(fstatat(fd, "", &c, AT_EMPTY_PATH));
	EXPECT_EQ(0, memcmp(&a, &b, sizeof(a)));
	EXPECT_EQ(0, memcmp(&a, &c, sizeof(a)));
	EXPECT_EQ(5000, a.st_size);
	EXPECT_EQ(0, a.st_blocks);
	EXPECT_EQ(1, a.st_nlink);
	EXPECT_OK(lstat("l", &c));
	EXPECT_EQ(0120777, c.st_mode);
	EXPECT_EQ(1, c.st_size);
	EXPECT_OK(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x));
	EXPECT_EQ(a.st_ino, x.stx_ino);
	EXPECT_EQ(a.st_mode, x.stx_mode);
	EXPECT_EQ(STATX_BASIC_STATS, x.stx_mask & STATX_BASIC_STATS);
	EXPECT_OK(fstat(EXPECT_OK(open("f", O_PATH)), &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
}

TEST(attr, stat_errors)
{
	struct stat st;
	struct statx x;

	enter();
	EXPECT_ERRNO(ENOENT, stat("", &st));
	EXPECT_ERRNO(EFAULT, stat("/", (void *)16));
	EXPECT_ERRNO(EBADF, fstat(-1, &st));
	EXPECT_ERRNO(EINVAL, fstatat(AT_FDCWD, "/", &st, 0x80000));
	EXPECT_ERRNO(EINVAL, statx(AT_FDCWD, "/", 0x6000, 0, &x));
	EXPECT_ERRNO(EINVAL, statx(AT_FDCWD, "/", 0, 0x80000000, &x));
	EXPECT_ERRNO(EBADF, fstatat(99, "x", &st, 0));
	EXPECT_OK(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
	EXPECT_TRUE(S_ISDIR(st.st_mode));
}

TEST(attr, chmod_and_links)
{
	int fd;

	enter();
	fd = make("f", 0600);
	EXPECT_OK(symlink("f", "l"));
	EXPECT_OK(chmod("l", 04755));
	EXPECT_EQ(04755, mode_of("f"));
	EXPECT_OK(fchmod(fd, 0100000 | 0640));
	EXPECT_EQ(0640, mode_of("f"));
	EXPECT_ERRNO(EOPNOTSUPP, syscall(SYS_fchmodat2, AT_FDCWD, "l", 0600,
					 AT_SYMLINK_NOFOLLOW));
	EXPECT_OK(syscall(SYS_fchmodat2, fd, "", 0600, AT_EMPTY_PATH));
	EXPECT_EQ(0600, mode_of("f"));
	EXPECT_ERRNO(EINVAL, syscall(SYS_fchmodat2, fd, "f", 0600, 1));
	EXPECT_ERRNO(ENOENT, chmod("no", 0600));
}

TEST(attr, setid_bits_go_away)
{
	int fd;

	if (geteuid() != 0)
		SKIP("needs root");
	enter();
	fd = make("f", 0777);
	EXPECT_OK(chmod("f", 06777));
	EXPECT_OK(chown("f", 77, -1));
	EXPECT_EQ(0777, mode_of("f"));
	EXPECT_OK(chmod("f", 06767)); /* no group execute: it stays */
	EXPECT_OK(chown("f", -1, 77));
	EXPECT_EQ(02767, mode_of("f"));
	EXPECT_OK(chmod("f", 06777));
	EXPECT_EQ(1, write(fd, "x", 1)); /* root writes: they stay */
	EXPECT_EQ(06777, mode_of("f"));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setgid(1234));
			    EXPECT_OK(setuid(1234));
			    EXPECT_EQ(1, write(fd, "x", 1));
			    EXPECT_EQ(0777, mode_of("f"));
		    }));
	EXPECT_OK(mkdir("d", 0777));
	EXPECT_OK(chmod("d", 06777));
	EXPECT_OK(chown("d", 77, 77));
	EXPECT_EQ(06777, mode_of("d"));
}

TEST(attr, owners_rights)
{
	if (geteuid() != 0)
		SKIP("needs root");
	enter();
	EXPECT_EXIT(0, CHILD({
			    int fd;
			    struct stat st;

			    EXPECT_OK(setgid(1234));
			    EXPECT_OK(setuid(1234));
			    fd = make("mine", 0644);
			    EXPECT_OK(fstat(fd, &st));
			    EXPECT_EQ(1234, st.st_uid);
			    EXPECT_EQ(1234, st.st_gid);
			    EXPECT_OK(chown("mine", 1234, 1234));
			    EXPECT_ERRNO(EPERM, chown("mine", 0, -1));
			    EXPECT_ERRNO(EPERM, chown("mine", -1, 5));
			    EXPECT_OK(chmod("mine", 0));
			    EXPECT_ERRNO(EACCES, open("mine", O_RDONLY));
			    EXPECT_ERRNO(EACCES, access("mine", R_OK));
			    EXPECT_OK(access("mine", F_OK));
			    EXPECT_OK(chmod("mine", 02755));
			    EXPECT_EQ(02755, mode_of("mine"));
		    }));
	EXPECT_OK(chmod("mine", 0644));
	EXPECT_OK(chown("mine", 0, 0));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setuid(1234));
			    EXPECT_ERRNO(EPERM, chmod("mine", 0777));
			    EXPECT_ERRNO(EACCES,
					 utimensat(AT_FDCWD, "mine", NULL, 0));
			    EXPECT_ERRNO(EPERM, utime("mine", &(struct utimbuf){
								      1, 1 }));
			    EXPECT_ERRNO(EACCES, truncate("mine", 0));
		    }));
}

TEST(attr, access_uses_real_ids)
{
	if (geteuid() != 0)
		SKIP("needs root");
	enter();
	make("f", 0600);
	EXPECT_ERRNO(EACCES, access("f", X_OK));
	EXPECT_OK(access("f", R_OK | W_OK));
	EXPECT_ERRNO(EINVAL, access("f", 8));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setresuid(1234, 0, 0));
			    EXPECT_ERRNO(EACCES, access("f", R_OK));
			    EXPECT_OK(
				    faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS));
			    EXPECT_OK(open("f", O_RDONLY));
		    }));
}

TEST(attr, times)
{
	struct timespec ts[2] = { { 1000, 5 }, { 2000, 6 } };
	struct timeval tv[2] = { { 1, 2 }, { 3, 4 } };
	struct stat st;
	int fd;

	enter();
	fd = make("f", 0644);
	EXPECT_OK(utimensat(AT_FDCWD, "f", ts, 0));
	EXPECT_OK(stat("f", &st));
	EXPECT_EQ(1000, st.st_atim.tv_sec);
	EXPECT_EQ(5, st.st_atim.tv_nsec);
	EXPECT_EQ(2000, st.st_mtim.tv_sec);
	EXPECT_TRUE(st.st_ctim.tv_sec > 1000000);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_nsec = UTIME_NOW;
	EXPECT_OK(futimens(fd, ts));
	EXPECT_OK(stat("f", &st));
	EXPECT_EQ(1000, st.st_atim.tv_sec);
	EXPECT_TRUE(st.st_mtim.tv_sec > 1000000);
	ts[1].tv_nsec = 1000000000;
	EXPECT_ERRNO(EINVAL, futimens(fd, ts));
	ts[1].tv_nsec = UTIME_OMIT;
	EXPECT_OK(utimensat(AT_FDCWD, "no-such", ts, 0));
	EXPECT_OK(utimes("f", tv));
	EXPECT_OK(stat("f", &st));
	EXPECT_EQ(2000, st.st_atim.tv_nsec);
	EXPECT_EQ(3, st.st_mtim.tv_sec);
	tv[0].tv_usec = 1000000;
	EXPECT_ERRNO(EINVAL, utimes("f", tv));
	EXPECT_ERRNO(ENOENT, utimensat(AT_FDCWD, "no", NULL, 0));
	EXPECT_OK(symlink("f", "l"));
	ts[0] = ts[1] = (struct timespec){ 77, 0 };
	EXPECT_OK(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
	EXPECT_OK(lstat("l", &st));
	EXPECT_EQ(77, st.st_mtim.tv_sec);
	EXPECT_OK(stat("l", &st));
	EXPECT_EQ(3, st.st_mtim.tv_sec);
}

/* What changes which time. */
TEST(attr, times_move)
{
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	struct stat st;
	int fd;

	enter();
	fd = make("f", 0644);
	EXPECT_OK(futimens(fd, old));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_OK(fstat(fd, &st));
	EXPECT_TRUE(st.st_mtim.tv_sec > 1000);
	EXPECT_EQ(1000, st.st_atim.tv_sec);
	EXPECT_OK(futimens(fd, old));
	EXPECT_OK(ftruncate(fd, 1)); /* same size: counts all the same */
	EXPECT_OK(fstat(fd, &st));
	EXPECT_TRUE(st.st_mtim.tv_sec > 1000);
	EXPECT_OK(utimensat(AT_FDCWD, ".", old, 0));
	EXPECT_OK(link("f", "g"));
	EXPECT_OK(stat(".", &st));
	EXPECT_TRUE(st.st_mtim.tv_sec > 1000);
}

TEST(attr, file_systems)
{
	struct statfs s;

	EXPECT_OK(statfs("/proc", &s));
	EXPECT_EQ(0x9fa0, s.f_type);
	EXPECT_EQ(255, s.f_namelen);
	EXPECT_OK(statfs("/tmp", &s));
	EXPECT_TRUE(s.f_bsize >= 512 && s.f_blocks >= s.f_bfree);
	EXPECT_ERRNO(ENOENT, statfs("/no-such", &s));
	EXPECT_ERRNO(EBADF, fstatfs(-1, &s));
}

TEST_MAIN
