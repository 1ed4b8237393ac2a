/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xattr: extended attributes, in a tmpfs (/dev/shm).
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* Bad sizes and addresses are what is tested here. */
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wstringop-overflow"

#include "tests/harness/guest_test.h"

static int fresh(void)
{
	int fd;

	EXPECT_OK(chdir(scratch("/dev/shm")));
	fd = EXPECT_OK(open("f", O_CREAT | O_RDWR, 0644));
	if (fsetxattr(fd, "user.probe", "", 0, 0) < 0)
		SKIP("no user xattrs in /dev/shm: %s", strerror(errno));
	EXPECT_OK(fremovexattr(fd, "user.probe"));
	return fd;
}

TEST(xattr, user_attributes)
{
	int fd = fresh();
	char buf[64];

	EXPECT_ERRNO(ENODATA, getxattr("f", "user.a", buf, 64));
	EXPECT_ERRNO(ENODATA, setxattr("f", "user.a", "1", 1, XATTR_REPLACE));
	EXPECT_OK(setxattr("f", "user.a", "one", 3, XATTR_CREATE));
	EXPECT_ERRNO(EEXIST, setxattr("f", "user.a", "1", 1, XATTR_CREATE));
	EXPECT_EQ(3, fgetxattr(fd, "user.a", buf, 0));
	EXPECT_EQ(3, fgetxattr(fd, "user.a", buf, 64));
	EXPECT_EQ(0, memcmp(buf, "one", 3));
	EXPECT_ERRNO(ERANGE, fgetxattr(fd, "user.a", buf, 2));
	EXPECT_OK(fsetxattr(fd, "user.a", "", 0, 0));
	EXPECT_EQ(0, getxattr("f", "user.a", buf, 64));
	EXPECT_EQ(7, flistxattr(fd, buf, 64));
	EXPECT_STR("user.a", buf);
	EXPECT_ERRNO(ERANGE, listxattr("f", buf, 3));
	EXPECT_OK(removexattr("f", "user.a"));
	EXPECT_ERRNO(ENODATA, removexattr("f", "user.a"));
	EXPECT_EQ(0, listxattr("f", buf, 64));
}

TEST(xattr, errors)
{
	char name[300], buf[8];

	fresh();
	memset(name, 'x', sizeof(name));
	memcpy(name, "user.", 5);
	name[256] = '\0';
	EXPECT_ERRNO(ERANGE, setxattr("f", name, "1", 1, 0));
	EXPECT_ERRNO(ERANGE, setxattr("f", "", "1", 1, 0));
	EXPECT_ERRNO(EOPNOTSUPP, setxattr("f", "nonsense", "1", 1, 0));
	EXPECT_ERRNO(EOPNOTSUPP, setxattr("f", "none.such", "1", 1, 0));
	EXPECT_ERRNO(EINVAL, setxattr("f", "user.a", "1", 1, 8));
	EXPECT_ERRNO(E2BIG, setxattr("f", "user.a", buf, 65537, 0));
	EXPECT_ERRNO(EFAULT, setxattr("f", "user.a", (void *)16, 1, 0));
	EXPECT_ERRNO(ENOENT, setxattr("no", "user.a", "1", 1, 0));
	EXPECT_ERRNO(EBADF, fsetxattr(-1, "user.a", "1", 1, 0));
	EXPECT_OK(symlink("f", "l"));
	EXPECT_ERRNO(EPERM, lsetxattr("l", "user.a", "1", 1, 0));
	EXPECT_ERRNO(ENODATA, lgetxattr("l", "user.a", buf, 8));
}

TEST(xattr, trusted_is_for_the_administrator)
{
	if (geteuid() != 0)
		SKIP("needs root");
	fresh();
	if (setxattr("f", "trusted.t", "1", 1, 0) < 0)
		SKIP("no trusted xattrs here: %s", strerror(errno));
	EXPECT_EXIT(0, CHILD({
			    char buf[64];

			    EXPECT_OK(setuid(1234));
			    EXPECT_EQ(0, listxattr("f", buf, 64));
			    EXPECT_ERRNO(ENODATA,
					 getxattr("f", "trusted.t", buf, 64));
			    EXPECT_ERRNO(EPERM,
					 setxattr("f", "trusted.t", "2", 1, 0));
			    EXPECT_ERRNO(EACCES,
					 setxattr("f", "user.u", "2", 1, 0));
		    }));
}

TEST_MAIN
