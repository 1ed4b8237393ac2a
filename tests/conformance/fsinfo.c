/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsinfo: quotas, handles, inode attributes, cachestat, and the flags of
 * preadv2(2); all on a tmpfs (/dev/shm).
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "tests/harness/guest_test.h"

#define SYS_CACHESTAT	  451
#define SYS_SETXATTRAT	  463
#define SYS_GETXATTRAT	  464
#define SYS_LISTXATTRAT	  465
#define SYS_REMOVEXATTRAT 466
#define SYS_FILE_GETATTR  468

struct range {
	uint64_t off, len;
};
struct cached {
	uint64_t cache, dirty, writeback, evicted, recently;
};
struct xargs {
	uint64_t value;
	uint32_t size, flags;
};

static int fresh(void)
{
	EXPECT_OK(chdir(scratch("/dev/shm")));
	return EXPECT_OK(open("f", O_CREAT | O_RDWR, 0644));
}

TEST(fsinfo, quotas_are_refused)
{
	int fd = fresh();

	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_quotactl, 0x800001 << 8 | 3, NULL, 0, NULL));
	if (syscall(SYS_quotactl, 0x800001 << 8, NULL, 0, NULL) < 0)
		SKIP("no quotas: %s", strerror(errno));
	EXPECT_ERRNO(ENODEV,
		     syscall(SYS_quotactl, 0x800002 << 8, NULL, 0, NULL));
	EXPECT_ERRNO(ENOTBLK,
		     syscall(SYS_quotactl, 0x800002 << 8, "f", 0, NULL));
	EXPECT_ERRNO(ENOENT,
		     syscall(SYS_quotactl, 0x800002 << 8, "g", 0, NULL));
	EXPECT_ERRNO(EBADF, syscall(443, -1, 0x800002 << 8, 0, NULL));
	EXPECT_ERRNO(EINVAL, syscall(443, fd, 0x800002 << 8 | 3, 0, NULL));
}

TEST(fsinfo, bad_handles)
{
	struct {
		unsigned int bytes;
		int type;
		char data[128];
	} h = { .bytes = 0 };

	fresh();
	EXPECT_ERRNO(EFAULT, syscall(SYS_open_by_handle_at, AT_FDCWD, 1, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_open_by_handle_at, AT_FDCWD, &h, 0));
	h.bytes = 129;
	EXPECT_ERRNO(EINVAL, syscall(SYS_open_by_handle_at, AT_FDCWD, &h, 0));
	h.bytes = 8;
	h.type = 99;
	EXPECT_ERRNO(EBADF, syscall(SYS_open_by_handle_at, -1, &h, 0));
	if (geteuid())
		EXPECT_ERRNO(EPERM,
			     syscall(SYS_open_by_handle_at, AT_FDCWD, &h, 0));
	else
		EXPECT_ERRNO(ESTALE,
			     syscall(SYS_open_by_handle_at, AT_FDCWD, &h, 0));
}

TEST(fsinfo, cachestat)
{
	struct range all = { 0, 0 }, one = { 4096, 4096 };
	struct cached c = { 0 };
	int fd = fresh(), ro;
	char page[4096] = { 1 };

	if (syscall(SYS_CACHESTAT, fd, &all, &c, 0) < 0 && errno == ENOSYS)
		SKIP("no cachestat");
	EXPECT_EQ(4096, pwrite(fd, page, 4096, 0));
	EXPECT_EQ(4096, pwrite(fd, page, 4096, 12288));
	EXPECT_OK(syscall(SYS_CACHESTAT, fd, &all, &c, 0));
	EXPECT_EQ(2, c.cache);
	EXPECT_OK(syscall(SYS_CACHESTAT, fd, &one, &c, 0));
	EXPECT_EQ(0, c.cache);
	EXPECT_ERRNO(EINVAL, syscall(SYS_CACHESTAT, fd, &all, &c, 1));
	EXPECT_ERRNO(EFAULT, syscall(SYS_CACHESTAT, fd, NULL, &c, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_CACHESTAT, fd, &all, NULL, 0));
	EXPECT_ERRNO(EBADF, syscall(SYS_CACHESTAT, -1, &all, &c, 0));
	/* Inside, the files of others look like those of nobody. */
	if (geteuid() == 0 || geteuid() == 65534)
		return;
	ro = EXPECT_OK(open("/etc/passwd", O_RDONLY));
	EXPECT_ERRNO(EPERM, syscall(SYS_CACHESTAT, ro, &all, &c, 0));
}

TEST(fsinfo, xattrat)
{
	struct xargs a = { .value = (uint64_t) "one", .size = 3 }, more[2];
	char buf[64] = "";
	int fd = fresh(), d = EXPECT_OK(open(".", O_RDONLY));

	if (syscall(SYS_SETXATTRAT, d, "f", 0, "user.a", &a, sizeof(a)) < 0)
		SKIP("no setxattrat: %s", strerror(errno));
	a = (struct xargs){ .value = (uint64_t)buf, .size = sizeof(buf) };
	EXPECT_EQ(3,
		  syscall(SYS_GETXATTRAT, d, "f", 0, "user.a", &a, sizeof(a)));
	EXPECT_STR("one", buf);
	EXPECT_EQ(3, syscall(SYS_GETXATTRAT, fd, "", AT_EMPTY_PATH, "user.a",
			     &a, sizeof(a)));
	EXPECT_ERRNO(EINVAL, syscall(SYS_GETXATTRAT, d, "f", 0, "user.a", &a,
				     sizeof(a) - 1));
	EXPECT_ERRNO(EINVAL, syscall(SYS_GETXATTRAT, d, "f", 1, "user.a", &a,
				     sizeof(a)));
	EXPECT_ERRNO(E2BIG,
		     syscall(SYS_GETXATTRAT, d, "f", 0, "user.a", &a, 4097));
	memset(more, 0, sizeof(more));
	more[0] = a;
	EXPECT_EQ(3, syscall(SYS_GETXATTRAT, d, "f", 0, "user.a", more,
			     sizeof(more)));
	more[1].size = 1;
	EXPECT_ERRNO(E2BIG, syscall(SYS_GETXATTRAT, d, "f", 0, "user.a", more,
				    sizeof(more)));
	a.flags = 1;
	EXPECT_ERRNO(EINVAL, syscall(SYS_GETXATTRAT, d, "f", 0, "user.a", &a,
				     sizeof(a)));
	EXPECT_EQ(7, syscall(SYS_LISTXATTRAT, d, "f", 0, buf, sizeof(buf)));
	EXPECT_STR("user.a", buf);
	EXPECT_OK(syscall(SYS_REMOVEXATTRAT, d, "f", 0, "user.a"));
	EXPECT_ERRNO(ENODATA, syscall(SYS_REMOVEXATTRAT, d, "f", 0, "user.a"));
}

TEST(fsinfo, file_getattr_checks)
{
	char attr[4096];

	fresh();
	if (syscall(SYS_FILE_GETATTR, AT_FDCWD, "none", attr, 24, 0) < 0 &&
	    errno == ENOSYS)
		SKIP("no file_getattr");
	EXPECT_ERRNO(ENOENT,
		     syscall(SYS_FILE_GETATTR, AT_FDCWD, "no", attr, 24, 0));
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_FILE_GETATTR, AT_FDCWD, "f", attr, 23, 0));
	EXPECT_ERRNO(E2BIG,
		     syscall(SYS_FILE_GETATTR, AT_FDCWD, "f", attr, 4097, 0));
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_FILE_GETATTR, AT_FDCWD, "f", attr, 24, 1));
}

/* --- flags of pwritev2 ---------------------------------------------------- */

static ssize_t write2(int fd, const char *text, off_t at, int flags)
{
	struct iovec v = { (void *)text, strlen(text) };

	return pwritev2(fd, &v, 1, at, flags);
}

static const char *text_of(int fd)
{
	static char buf[64];
	ssize_t n = EXPECT_OK(pread(fd, buf, sizeof(buf) - 1, 0));

	buf[n] = '\0';
	return buf;
}

TEST(fsinfo, rwf_append_and_noappend)
{
	int fd = fresh(), app;

	EXPECT_EQ(4, write2(fd, "abcd", 0, 0));
	EXPECT_EQ(2, write2(fd, "ef", 0, RWF_APPEND));
	EXPECT_STR("abcdef", text_of(fd));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(1, write2(fd, "g", -1, RWF_APPEND));
	EXPECT_EQ(7, lseek(fd, 0, SEEK_CUR));
	EXPECT_STR("abcdefg", text_of(fd));
	app = EXPECT_OK(open("f", O_WRONLY | O_APPEND));
	EXPECT_EQ(1, write2(app, "h", 0, 0));
	EXPECT_STR("abcdefgh", text_of(fd));
	if (write2(app, "X", 0, 32) < 0 && errno == EOPNOTSUPP)
		SKIP("no RWF_NOAPPEND");
	EXPECT_STR("Xbcdefgh", text_of(fd));
	EXPECT_ERRNO(EINVAL, write2(app, "X", 0, 32 | RWF_APPEND));
}

TEST(fsinfo, rwf_others)
{
	struct iovec none = { NULL, 0 }, v = { (char[4]){ 0 }, 4 };
	int fd = fresh(), p[2];

	EXPECT_EQ(4, write2(fd, "abcd", 0, RWF_DSYNC));
	EXPECT_EQ(4, write2(fd, "abcd", 0, RWF_SYNC | RWF_HIPRI));
	EXPECT_ERRNO(EOPNOTSUPP, write2(fd, "abcd", 0, 1 << 20));
	EXPECT_EQ(0, pwritev2(fd, &none, 1, 0, 1 << 20));
	EXPECT_ERRNO(EOPNOTSUPP, write2(fd, "abcd", 0, RWF_NOWAIT));
	EXPECT_ERRNO(EOPNOTSUPP, write2(fd, "abcd", 0, 64));
	EXPECT_ERRNO(EOPNOTSUPP, preadv2(fd, &v, 1, 0, 64));
	EXPECT_EQ(4, preadv2(fd, &v, 1, 0, RWF_HIPRI | RWF_APPEND));
	EXPECT_ERRNO(EINVAL, preadv2(fd, &v, 1, -2, 0));
	EXPECT_OK(pipe(p));
	EXPECT_ERRNO(ESPIPE, preadv2(p[0], &v, 1, 0, 0));
}

TEST(fsinfo, fallocate_modes)
{
	int fd = fresh(), ro;
	struct stat st;

	EXPECT_OK(fallocate(fd, 0, 0, 8192));
	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(8192, st.st_size);
	EXPECT_EQ(16, st.st_blocks);
	EXPECT_OK(fallocate(fd, 1, 8192, 4096));
	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(8192, st.st_size);
	EXPECT_EQ(1, pwrite(fd, "x", 1, 5000));
	EXPECT_OK(fallocate(fd, 3, 0, 4096));
	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(16, st.st_blocks);
	EXPECT_EQ(4096, lseek(fd, 0, SEEK_DATA));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_HOLE));
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd, 2, 0, 4096));
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd, 8, 0, 4096));
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd, 8 | 1, 0, 4096));
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd, 32, 0, 4096));
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd, 8 | 32, 0, 4096));
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd, 0x40, 0, 4096));
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd, 1 << 20, 0, 4096));
	EXPECT_ERRNO(EINVAL, fallocate(fd, 0, -1, 4096));
	EXPECT_ERRNO(EINVAL, fallocate(fd, 0, 0, 0));
	EXPECT_ERRNO(EFBIG, fallocate(fd, 0, INT64_MAX, 1));
	ro = EXPECT_OK(open("f", O_RDONLY));
	EXPECT_ERRNO(EBADF, fallocate(ro, 0, 0, 1));
	EXPECT_ERRNO(EBADF, fallocate(-1, 0, 0, 1));
}

TEST_MAIN
