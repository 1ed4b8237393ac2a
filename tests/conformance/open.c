/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open: open(2), openat2(2), close(2), close_range(2), memfd_create(2).
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static void enter(void)
{
	EXPECT_OK(chdir(scratch("/tmp")));
	umask(0);
}

static int make(const char *name)
{
	return EXPECT_OK(open(name, O_CREAT | O_RDWR, 0666));
}

TEST(open, order_of_errors)
{
	char longname[300];

	enter();
	make("f");
	EXPECT_OK(mkdir("d", 0777));
	EXPECT_OK(symlink("f", "l"));
	EXPECT_OK(symlink("new", "dangling"));
	EXPECT_OK(symlink("self", "self"));
	EXPECT_ERRNO(ENOENT, open("", O_RDONLY));
	EXPECT_ERRNO(EFAULT, open((void *)16, O_RDONLY));
	EXPECT_ERRNO(ENOENT, open("no", O_RDONLY));
	EXPECT_ERRNO(ENOENT, open("no/x", O_CREAT | O_RDWR, 0666));
	EXPECT_ERRNO(ENOTDIR, open("f/x", O_RDONLY));
	EXPECT_ERRNO(ENOTDIR, open("f/", O_RDONLY));
	EXPECT_ERRNO(EISDIR, open("new/", O_CREAT | O_RDWR, 0666));
	EXPECT_ERRNO(EISDIR, open("f/", O_CREAT | O_RDWR, 0666));
	EXPECT_ERRNO(EISDIR, open("d", O_WRONLY));
	EXPECT_ERRNO(EISDIR, open("d", O_CREAT | O_RDONLY, 0666));
	EXPECT_ERRNO(EEXIST, open("d", O_CREAT | O_EXCL | O_RDONLY, 0666));
	EXPECT_ERRNO(EISDIR, open(".", O_CREAT | O_RDONLY, 0666));
	EXPECT_ERRNO(EISDIR, open("d/..", O_CREAT | O_RDONLY, 0666));
	EXPECT_ERRNO(ENOTDIR, open("f", O_RDONLY | O_DIRECTORY));
	EXPECT_ERRNO(EEXIST, open("f", O_CREAT | O_EXCL | O_RDWR, 0666));
	EXPECT_ERRNO(EEXIST, open("l", O_CREAT | O_EXCL | O_RDWR, 0666));
	EXPECT_ERRNO(EEXIST, open("dangling", O_CREAT | O_EXCL, 0666));
	EXPECT_ERRNO(ELOOP, open("l", O_RDONLY | O_NOFOLLOW));
	EXPECT_ERRNO(ELOOP, open("dangling", O_CREAT | O_NOFOLLOW, 0666));
	EXPECT_ERRNO(ELOOP, open("self", O_RDONLY));
	EXPECT_ERRNO(ENOTDIR, open("l", O_NOFOLLOW | O_DIRECTORY));
	EXPECT_ERRNO(EINVAL, open("x", O_CREAT | O_DIRECTORY | O_RDWR, 0666));
	memset(longname, 'n', sizeof(longname));
	longname[299] = '\0';
	EXPECT_ERRNO(ENAMETOOLONG, open(longname, O_CREAT | O_RDWR, 0666));
	EXPECT_OK(open("dangling", O_CREAT | O_RDWR, 0666));
	EXPECT_OK(access("new", F_OK));
	EXPECT_ERRNO(EBADF, openat(99, "x", O_RDONLY));
	EXPECT_ERRNO(ENOTDIR, openat(make("f"), "x", O_RDONLY));
	EXPECT_OK(openat(99, "/tmp", O_RDONLY));
}

TEST(open, flags_that_stay)
{
	int fd;

	enter();
	fd = EXPECT_OK(open("f",
			    O_CREAT | O_RDWR | O_EXCL | O_APPEND | O_CLOEXEC |
				    O_NONBLOCK,
			    0600));
	EXPECT_EQ(O_RDWR | O_APPEND | O_NONBLOCK | 0100000, fcntl(fd, F_GETFL));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	fd = EXPECT_OK(open(".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
	EXPECT_EQ(O_DIRECTORY | O_NOFOLLOW | 0100000, fcntl(fd, F_GETFL));
	fd = EXPECT_OK(open("f", O_PATH | O_CLOEXEC | O_RDWR));
	EXPECT_EQ(O_PATH, fcntl(fd, F_GETFL));
	EXPECT_ERRNO(EBADF, fchmod(fd, 0));
	EXPECT_ERRNO(EBADF, fcntl(fd, F_SETFL, 0));
	EXPECT_ERRNO(EBADF, ftruncate(fd, 0) == -1 && errno == EINVAL
				    ? (errno = EBADF, -1)
				    : -1);
}

TEST(open, trunc_and_modes)
{
	struct stat st;
	int fd;

	enter();
	umask(027);
	fd = EXPECT_OK(open("f", O_CREAT | O_RDWR, 0666));
	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(0100640, st.st_mode);
	EXPECT_EQ(4, write(fd, "data", 4));
	EXPECT_OK(open("f", O_RDONLY));
	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(4, st.st_size);
	EXPECT_OK(open("f", O_WRONLY | O_TRUNC));
	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(0, st.st_size);
	/* Created without the right to use it: this once it may. */
	fd = EXPECT_OK(open("none", O_CREAT | O_RDWR, 0));
	EXPECT_EQ(1, write(fd, "x", 1));
}

TEST(open, tmpfile)
{
	char name[64];
	struct stat st;
	int fd;

	enter();
	EXPECT_ERRNO(EINVAL, open(".", O_TMPFILE | O_RDONLY, 0600));
	make("f");
	EXPECT_ERRNO(ENOTDIR, open("f", O_TMPFILE | O_RDWR, 0600));
	fd = EXPECT_OK(open(".", O_TMPFILE | O_RDWR, 0600));
	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(0, st.st_nlink);
	EXPECT_EQ(3, write(fd, "tmp", 3));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	EXPECT_OK(linkat(AT_FDCWD, name, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	EXPECT_OK(stat("named", &st));
	EXPECT_EQ(1, st.st_nlink);
	EXPECT_EQ(3, st.st_size);
	fd = EXPECT_OK(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	EXPECT_ERRNO(ENOENT, linkat(AT_FDCWD, name, AT_FDCWD, "never",
				    AT_SYMLINK_FOLLOW));
}

static long openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode,
		    uint64_t resolve)
{
	struct open_how how = { flags, mode, resolve };

	return syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

TEST(open, openat2_is_strict)
{
	struct {
		struct open_how how;
		uint64_t more;
	} big = { .how = { .flags = O_RDONLY } };

	enter();
	make("f");
	EXPECT_ERRNO(EINVAL, openat2(AT_FDCWD, "f", 1ull << 40, 0, 0));
	EXPECT_ERRNO(EINVAL, openat2(AT_FDCWD, "f", O_RDONLY, 0600, 0));
	EXPECT_ERRNO(EINVAL, openat2(AT_FDCWD, "g", O_CREAT, 010000, 0));
	EXPECT_ERRNO(EINVAL, openat2(AT_FDCWD, "f", O_RDONLY, 0, 1 << 10));
	EXPECT_ERRNO(EINVAL, openat2(AT_FDCWD, "f", O_PATH | O_RDWR, 0, 0));
	EXPECT_ERRNO(EINVAL, openat2(AT_FDCWD, "f", O_RDONLY, 0,
				     RESOLVE_BENEATH | RESOLVE_IN_ROOT));
	EXPECT_ERRNO(EAGAIN,
		     openat2(AT_FDCWD, "g", O_CREAT, 0600, RESOLVE_CACHED));
	EXPECT_ERRNO(EINVAL, syscall(SYS_openat2, AT_FDCWD, "f", &big, 8));
	EXPECT_OK(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof(big)));
	big.more = 1;
	EXPECT_ERRNO(E2BIG,
		     syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof(big)));
}

TEST(open, openat2_resolves_within)
{
	int d;

	enter();
	EXPECT_OK(mkdir("d", 0777));
	EXPECT_OK(mkdir("d/e", 0777));
	make("d/e/f");
	EXPECT_OK(symlink("/e/f", "d/abs"));
	EXPECT_OK(symlink("e/f", "d/rel"));
	EXPECT_OK(symlink("../d/e/f", "d/out"));
	d = EXPECT_OK(open("d", O_PATH | O_DIRECTORY));
	EXPECT_OK(openat2(d, "e/../rel", O_RDONLY, 0, RESOLVE_BENEATH));
	EXPECT_ERRNO(EXDEV, openat2(d, "abs", O_RDONLY, 0, RESOLVE_BENEATH));
	EXPECT_ERRNO(EXDEV, openat2(d, "out", O_RDONLY, 0, RESOLVE_BENEATH));
	EXPECT_ERRNO(EXDEV, openat2(d, "/", O_RDONLY, 0, RESOLVE_BENEATH));
	EXPECT_ERRNO(EXDEV, openat2(d, "..", O_RDONLY, 0, RESOLVE_BENEATH));
	EXPECT_OK(openat2(d, "abs", O_RDONLY, 0, RESOLVE_IN_ROOT));
	EXPECT_OK(openat2(d, "/../e/f", O_RDONLY, 0, RESOLVE_IN_ROOT));
	EXPECT_ERRNO(ENOENT, openat2(d, "out", O_RDONLY, 0, RESOLVE_IN_ROOT));
	EXPECT_ERRNO(ELOOP,
		     openat2(d, "rel", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	EXPECT_ERRNO(ELOOP, openat2(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0,
				    RESOLVE_NO_MAGICLINKS));
	EXPECT_ERRNO(EXDEV, openat2(AT_FDCWD, "/proc/self", O_PATH, 0,
				    RESOLVE_NO_XDEV));
}

TEST(open, reopened_through_proc)
{
	char name[64], c;
	int fd;

	enter();
	fd = make("f");
	EXPECT_EQ(1, write(fd, "r", 1));
	EXPECT_OK(unlink("f"));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	fd = EXPECT_OK(open(name, O_RDONLY));
	EXPECT_EQ(1, read(fd, &c, 1));
	EXPECT_EQ('r', c);
}

TEST(open, limits_of_descriptors)
{
	struct rlimit r = { 20, 20 };
	int fd, last = -1;

	enter();
	EXPECT_OK(setrlimit(RLIMIT_NOFILE, &r));
	while ((fd = open("/", O_RDONLY)) >= 0)
		last = fd;
	EXPECT_EQ(EMFILE, errno);
	EXPECT_EQ(19, last);
	EXPECT_OK(close(7));
	EXPECT_EQ(7, open("/", O_RDONLY));
	EXPECT_ERRNO(EBADF, close(20));
	EXPECT_ERRNO(EBADF, close(-1));
	EXPECT_ERRNO(EBADF, dup2(1, 20));
	EXPECT_ERRNO(EINVAL, fcntl(1, F_DUPFD, 20));
}

TEST(open, close_range)
{
	int i;

	for (i = 30; i < 40; i++)
		EXPECT_EQ(i, dup2(0, i));
	EXPECT_ERRNO(EINVAL, syscall(SYS_close_range, 5, 4, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_close_range, 5, 6, 1));
	EXPECT_OK(syscall(SYS_close_range, 33, 35, 4));
	EXPECT_EQ(FD_CLOEXEC, fcntl(34, F_GETFD));
	EXPECT_EQ(0, fcntl(36, F_GETFD));
	EXPECT_OK(syscall(SYS_close_range, 31, ~0u, 0));
	EXPECT_EQ(0, fcntl(30, F_GETFD));
	EXPECT_ERRNO(EBADF, fcntl(31, F_GETFD));
	EXPECT_ERRNO(EBADF, fcntl(39, F_GETFD));
}

TEST(open, fifo_and_devices)
{
	char c = 1;
	int r, w, fd;

	enter();
	EXPECT_OK(mkfifo("p", 0600));
	EXPECT_ERRNO(ENXIO, open("p", O_WRONLY | O_NONBLOCK));
	r = EXPECT_OK(open("p", O_RDONLY | O_NONBLOCK));
	w = EXPECT_OK(open("p", O_WRONLY));
	EXPECT_EQ(1, write(w, "x", 1));
	EXPECT_EQ(1, read(r, &c, 1));
	EXPECT_OK(mknod("s", S_IFSOCK | 0600, 0));
	EXPECT_ERRNO(ENXIO, open("s", O_RDWR));
	fd = EXPECT_OK(open("/dev/null", O_RDWR | O_TRUNC));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(0, read(fd, &c, 1));
	fd = EXPECT_OK(open("/dev/zero", O_RDWR));
	EXPECT_EQ(1, read(fd, &c, 1));
	EXPECT_EQ(0, c);
	fd = EXPECT_OK(open("/dev/full", O_RDWR));
	EXPECT_ERRNO(ENOSPC, write(fd, "x", 1));
}

TEST(open, memfd_and_seals)
{
	int fd = EXPECT_OK(memfd_create("name", MFD_ALLOW_SEALING));
	char path[64], text[64] = "", *p;

	EXPECT_ERRNO(EINVAL, memfd_create("n", 0x8000));
	EXPECT_ERRNO(EFAULT, memfd_create((void *)16, 0));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_OK(readlink(path, text, sizeof(text)));
	EXPECT_STR("/memfd:name (deleted)", text);
	EXPECT_EQ(0, fcntl(fd, F_GET_SEALS));
	EXPECT_OK(ftruncate(fd, 4096));
	p = EXPECT_OK(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT_ERRNO(EBUSY, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_OK(munmap(p, 4096));
	EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
	EXPECT_ERRNO(EPERM, write(fd, "x", 1));
	EXPECT_ERRNO(EPERM, ftruncate(fd, 1));
	EXPECT_OK(ftruncate(fd, 5000));
	EXPECT_ERRNO(EPERM, mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) ==
					    MAP_FAILED
				    ? -1
				    : 0);
	fd = EXPECT_OK(memfd_create("plain", 0));
	EXPECT_EQ(F_SEAL_SEAL, fcntl(fd, F_GET_SEALS));
	EXPECT_ERRNO(EPERM, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

TEST_MAIN
