/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_calls: prints what some four hundred calls on files give, most of them
 * refused; file_calls.sh compares that with the host's answers.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* The result, cut where it may differ, and the errno. */
#define P(e)                                                            \
	do {                                                            \
		errno = 0;                                              \
		long r_ = (long)(e);                                    \
		printf("%s: %ld %s\n", #e, r_<0 ? r_ : r_> 2 ? 99 : r_, \
		       r_ < 0 ? strerrorname_np(errno) : "");           \
		fflush(stdout);                                         \
	} while (0)
/* The same for a descriptor, which is closed. */
#define C(e)                                                    \
	do {                                                    \
		errno = 0;                                      \
		long r_ = (long)(e);                            \
		printf("%s: %s\n", #e,                          \
		       r_ < 0 ? strerrorname_np(errno) : "ok"); \
		fflush(stdout);                                 \
		if (r_ > 2)                                     \
			close(r_);                              \
	} while (0)
#define RN(a, b, fl) P(syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, fl))
#define FA(p, m, fl) P(syscall(SYS_faccessat2, AT_FDCWD, p, m, fl))
#define FM(p, m, fl) P(syscall(SYS_fchmodat2, AT_FDCWD, p, m, fl))

static char d[200], b[100], nm[300];
static int top, f, dd, op, opd, opl, e;
static struct stat st;
static struct timespec ts[2] = { { 1, 0 }, { 2, 0 } };
static struct timespec now[2] = { { 1, UTIME_NOW }, { 2, UTIME_NOW } };

static int o2(int dir, const char *p, unsigned long fl, unsigned long mode,
	      unsigned long res)
{
	struct open_how h = { fl, mode, res };

	return syscall(SYS_openat2, dir, p, &h, sizeof(h));
}

static long sx(int dir, const char *p, int fl, unsigned m)
{
	static struct statx s;
	long r = statx(dir, p, fl, m, &s);

	if (r == 0)
		printf("   mask %x mode %o\n", s.stx_mask & ~0x7000,
		       s.stx_mode);
	return r;
}

static void set_up(const char *parent)
{
	sprintf(d, "%s/callsXXXXXX", parent);
	umask(022);
	if (!mkdtemp(d) || chdir(d) < 0)
		exit(1);
	top = open(".", O_RDONLY);
	mkdir("d", 0755);
	mkdir("d/e", 0755);
	f = open("f", O_CREAT | O_RDWR, 0644);
	if (write(f, "hello", 5) != 5)
		exit(1);
	symlink("f", "l");
	symlink("../f", "d/up");
	symlink("/f", "d/abs");
	symlink("d", "ld");
	symlink("loop", "loop");
	symlink("nowhere", "dang");
	mkfifo("fifo", 0644);
	close(open("d/x", O_CREAT | O_RDWR, 0644));
	dd = open("d", O_RDONLY | O_DIRECTORY);
	op = open("f", O_PATH);
	opd = open("d", O_PATH);
	opl = open("l", O_PATH | O_NOFOLLOW);
}

static void openat2_rules(void)
{
	C(o2(dd, "x", O_RDONLY, 0, RESOLVE_BENEATH));
	C(o2(dd, "../f", O_RDONLY, 0, RESOLVE_BENEATH));
	C(o2(dd, "e/../x", O_RDONLY, 0, RESOLVE_BENEATH));
	C(o2(dd, "up", O_RDONLY, 0, RESOLVE_BENEATH));
	C(o2(dd, "abs", O_RDONLY, 0, RESOLVE_BENEATH));
	C(o2(dd, "/x", O_RDONLY, 0, RESOLVE_BENEATH));
	C(o2(dd, ".", O_RDONLY, 0, RESOLVE_BENEATH));
	C(o2(dd, "..", O_RDONLY, 0, RESOLVE_BENEATH));
	C(o2(dd, "e/..", O_RDONLY, 0, RESOLVE_BENEATH));
	C(o2(dd, "../x", O_RDONLY, 0, RESOLVE_IN_ROOT));
	C(o2(dd, "/x", O_RDONLY, 0, RESOLVE_IN_ROOT));
	C(o2(dd, "up", O_RDONLY, 0, RESOLVE_IN_ROOT));
	C(o2(dd, "../../../x", O_RDONLY, 0, RESOLVE_IN_ROOT));
	C(o2(top, "l", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	C(o2(top, "ld/x", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	C(o2(top, "l", O_RDONLY | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
	C(o2(top, "l", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
	C(o2(top, "f", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	C(o2(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	C(o2(AT_FDCWD, "/proc/self/exe", O_PATH | O_NOFOLLOW, 0,
	     RESOLVE_NO_MAGICLINKS));
	C(o2(AT_FDCWD, "/proc/self/fd/0", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	C(o2(AT_FDCWD, "/proc", O_RDONLY, 0, RESOLVE_NO_XDEV));
	C(o2(top, ".", O_RDONLY, 0, RESOLVE_NO_XDEV));
	C(o2(AT_FDCWD, "/proc/self/cwd", O_RDONLY, 0, RESOLVE_NO_XDEV));
	C(o2(top, "f", O_RDONLY, 0, RESOLVE_CACHED));
	C(o2(top, "f", O_RDWR | O_TRUNC, 0, RESOLVE_CACHED));
	C(o2(top, "nn", O_RDWR | O_CREAT, 0600, RESOLVE_CACHED));
	C(o2(top, "f", O_RDONLY, 0644, 0));
	C(o2(top, "f", O_RDONLY | 0x40000000, 0, 0));
	C(o2(top, "f", O_RDONLY | (1ul << 33), 0, 0));
	C(o2(top, "f", O_RDONLY, 0, 1 << 10));
	C(o2(top, "f", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
	C(o2(top, "f2", O_CREAT | O_RDWR, 010000, 0));
	C(o2(top, "f2", O_CREAT | O_RDWR, 07777, 0));
	C(o2(top, "f", O_PATH | O_RDWR, 0, 0));
	C(o2(top, "f", O_PATH | O_TRUNC, 0, 0));
	C(o2(top, ".", O_TMPFILE | O_RDWR, 0600, 0));
	C(o2(top, ".", __O_TMPFILE | O_RDWR, 0600, 0));
	C(o2(top, ".", O_TMPFILE | O_RDONLY, 0600, 0));
	C(o2(top, "d", O_DIRECTORY | O_CREAT, 0600, 0));
	C(o2(-1, "f", O_RDONLY, 0, 0));
	C(o2(-1, d, O_RDONLY, 0, 0));
	C(o2(f, "f", O_RDONLY, 0, 0));
	C(syscall(SYS_openat2, top, "f", NULL, 24));
	C(syscall(SYS_openat2, top, "f", NULL, 23));
	{
		struct open_how h[3] = { { 0 } };
		C(syscall(SYS_openat2, top, "f", h, 72));
		h[1].flags = 1;
		C(syscall(SYS_openat2, top, "f", h, 72));
	}
}

static void path_descriptors(void)
{
	P(read(op, b, 1));
	P(write(op, b, 1));
	P(lseek(op, 0, 0));
	P(fchmod(op, 0600));
	P(fchown(op, -1, -1));
	P(ftruncate(op, 0));
	P(ioctl(op, FIONREAD, b));
	P(fcntl(op, F_GETFL) == (O_PATH | 0100000) ||
	  fcntl(op, F_GETFL) == O_PATH);
	P(fcntl(op, F_SETFL, 0));
	P(fcntl(op, F_GETFD));
	P(mmap(0, 4096, 1, 1, op, 0) != MAP_FAILED);
	P(fsync(op));
	P(fstat(op, &st));
	P(fstat(opl, &st) == 0 && S_ISLNK(st.st_mode));
	P(readlinkat(opl, "", b, 99));
	P(readlinkat(op, "", b, 99));
	P(fgetxattr(op, "user.x", b, 9));
	P(fsetxattr(op, "user.x", b, 1, 0));
	P(flock(op, LOCK_SH));
	P(fchdir(opd));
	P(fchdir(top));
	P(fchdir(op));
	P(dup(op) > 0);
	P(close(dup(op)));
	C(openat(opd, "x", O_RDONLY));
	C(open("f", O_PATH | O_DIRECTORY));
	C(open("l", O_PATH | O_NOFOLLOW | O_DIRECTORY));
	P(getdents64(opd, b, 99));
	P(fallocate(op, 0, 0, 1));
	P(fcntl(op, F_DUPFD, 0) > 0);
	P(fcntl(op, F_SETLK, &(struct flock){ 0 }));
	P(futimens(op, NULL));
	P(utimensat(op, "", NULL, AT_EMPTY_PATH));
	P(syscall(SYS_fchmodat2, op, "", 0644, AT_EMPTY_PATH));
	P(fchownat(op, "", -1, -1, AT_EMPTY_PATH));
	P(faccessat(op, "", R_OK, AT_EMPTY_PATH));
	P(poll(&(struct pollfd){ op, POLLIN }, 1, 0));
	P(sendfile(f, op, NULL, 1));
	P(copy_file_range(op, 0, f, 0, 1, 0));
	P(fstatfs(op, &(struct statfs){ 0 }));
	P(syncfs(op));
	C(open("/proc/self/fd/0", O_PATH));
	sprintf(b, "/proc/self/fd/%d", op);
	C(open(b, O_RDWR));
	sprintf(b, "/proc/self/fd/%d", opl);
	C(open(b, O_RDONLY));
}

static void links(void)
{
	P(linkat(f, "", AT_FDCWD, "lf", AT_EMPTY_PATH));
	P(linkat(op, "", AT_FDCWD, "lp", AT_EMPTY_PATH));
	P(linkat(dd, "", AT_FDCWD, "lq", AT_EMPTY_PATH));
	P(linkat(AT_FDCWD, "l", AT_FDCWD, "ll", 0));
	P(lstat("ll", &st) == 0 && S_ISLNK(st.st_mode));
	P(linkat(AT_FDCWD, "l", AT_FDCWD, "ll2", AT_SYMLINK_FOLLOW));
	P(linkat(AT_FDCWD, "dang", AT_FDCWD, "ll3", AT_SYMLINK_FOLLOW));
	P(linkat(AT_FDCWD, "f", AT_FDCWD, "f", 0));
	P(linkat(AT_FDCWD, "f", AT_FDCWD, "new/", 0));
	P(linkat(AT_FDCWD, "d", AT_FDCWD, "dl", 0));
	P(linkat(AT_FDCWD, "f", AT_FDCWD, "q", 0x40));
	P(linkat(AT_FDCWD, "", AT_FDCWD, "q", 0));
	P(link("f/", "q"));
	int t = open(".", O_TMPFILE | O_RDWR, 0644);
	P(linkat(t, "", AT_FDCWD, "tf", AT_EMPTY_PATH));
	P(fstat(t, &st) == 0 && st.st_nlink == 1);
	int t2 = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0644);
	P(linkat(t2, "", AT_FDCWD, "tf2", AT_EMPTY_PATH));
	unlink("tf");
	P(linkat(t, "", AT_FDCWD, "tf3", AT_EMPTY_PATH));
}

static void renames(void)
{
	mkdir("r1", 0755);
	mkdir("r2", 0755);
	close(open("r2/z", O_CREAT | O_RDWR, 0600));
	RN("r1", "r2", 0);
	RN("r2", "r1", 0);
	RN("r1", "f", 0);
	RN("f", "r1", 0);
	RN("r1", "r1/z/y", 0);
	RN("r1", "r1/y", 0);
	RN("r1/z", "r1", 0);
	RN("f", "nn", 1);
	RN("nn", "f", 1);
	RN("nn", "r1", 2);
	RN("nn", "zz", 2);
	RN("nn", "r1", 3);
	RN("nn", "r1", 8);
	RN("r1", "nn", 4);
	RN(".", "q", 0);
	RN("r1/.", "q", 0);
	RN("r1/..", "q", 0);
	RN("f", ".", 0);
	RN("f", "..", 1);
	RN("q", "q2", 0);
	RN("f/", "q", 0);
	RN("l", "l2", 0);
	RN("l2/", "q", 0);
	RN("ld", "ld2/", 0);
	RN("r1", "r9/", 0);
	RN("r9", "r1", 0);
	RN("f", "q/", 0);
	RN("", "q", 0);
	RN("f", "", 0);
	RN("/proc/self/stat", "q", 0);
	RN("q", "/proc/q", 0);
	RN("d", "d", 0);
	RN("f", "lf", 0);
	P(access("f", 0));
	P(access("lf", 0));
}

static void names(void)
{
	P(mkdir("d", 0));
	P(mkdir("d/", 0));
	P(mkdir("n1/", 0755));
	P(mkdir("dang", 0755));
	P(mkdir("f/x", 0));
	P(mkdir("", 0));
	P(mkdir(".", 0));
	P(mkdir("..", 0));
	P(mkdir("/", 0));
	P(rmdir("."));
	P(rmdir(".."));
	P(rmdir("d/."));
	P(rmdir("d/.."));
	P(rmdir("/"));
	P(rmdir("f"));
	P(rmdir("ld"));
	P(rmdir("ld/"));
	P(unlink("d"));
	P(unlink("d/"));
	P(unlink("f/"));
	P(unlink("."));
	P(unlink("/"));
	P(unlink(""));
	P(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR | 1));
	P(symlink("", "q"));
	P(symlink("x", "f"));
	P(symlink("x", "q/"));
	P(mknod("q/", S_IFREG | 0644, 0));
	P(mknod("q1", S_IFDIR | 0644, 0));
	P(mknod("q1", 0644, 0));
	P(mknod("q2", S_IFCHR | 0644, 0));
	P(mknod("q3", S_IFBLK | 0644, 0));
	P(mknod("q4", S_IFSOCK | 0644, 0));
	P(mknod("q5", 0170000, 0));
	P(mknod("q6", S_IFLNK | 0777, 0));
	C(open("q4", O_RDWR));
	C(open("q2", O_RDWR));
	C(open("q3", O_RDONLY));
	C(open("l2/", O_RDONLY));
	C(open("f/", O_RDONLY));
	C(open("d/", O_RDWR));
	C(open("d", O_RDWR));
	C(open("d", O_RDONLY | O_TRUNC));
	C(open("d", O_WRONLY | O_CREAT));
	C(open("zz/", O_CREAT | O_RDWR, 0600));
	C(open("dang", O_CREAT | O_EXCL | O_RDWR, 0600));
	C(open("dang", O_CREAT | O_RDWR | O_NOFOLLOW, 0600));
	C(open("dang", O_CREAT | O_RDWR, 0600));
	P(access("nowhere", 0));
	C(open("loop", O_RDONLY));
	C(open("loop", O_PATH | O_NOFOLLOW));
	C(open("fifo", O_WRONLY | O_NONBLOCK));
	C(open("fifo", O_RDONLY | O_NONBLOCK | O_TRUNC));
	C(open("f", O_RDONLY | O_DIRECTORY));
	C(open("d", O_TMPFILE | O_RDONLY, 0600));
	C(open("f", O_TMPFILE | O_RDWR, 0600));
	C(open("f", 3));
	C(open("f", O_RDONLY | O_DIRECT));
	C(open("f", O_RDWR | O_SYNC | O_ASYNC | O_NOATIME));
}

static void at_flags(void)
{
	P(sx(AT_FDCWD, "f", 0, STATX_ALL));
	P(sx(AT_FDCWD, "f", 0, 0));
	P(sx(AT_FDCWD, "l2", AT_SYMLINK_NOFOLLOW, STATX_ALL));
	P(sx(f, "", AT_EMPTY_PATH, STATX_SIZE));
	P(sx(f, NULL, AT_EMPTY_PATH, STATX_SIZE));
	P(sx(f, NULL, 0, 1));
	P(sx(f, "", 0, 1));
	P(sx(AT_FDCWD, "f", 0x6000, 1));
	P(sx(AT_FDCWD, "f", 0x8000, 1));
	P(sx(AT_FDCWD, "f", 0, 0x80000000));
	P(sx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC, 1));
	P(sx(AT_FDCWD, "f", AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 1));
	FA("f", 0, 0);
	FA("f", 8, 0);
	FA("f", 7, 0);
	FA("f", 4, 1);
	FA("f", 4, AT_EACCESS);
	FA("dang", 0, AT_SYMLINK_NOFOLLOW);
	FA("loop", 0, 0);
	FA("loop", 0, AT_SYMLINK_NOFOLLOW);
	FA("loop", 4, AT_SYMLINK_NOFOLLOW);
	FA("", 0, 0);
	FA("", 4, AT_EMPTY_PATH);
	P(syscall(SYS_faccessat2, f, "", R_OK | W_OK, AT_EMPTY_PATH));
	P(syscall(SYS_faccessat2, f, "", X_OK, AT_EMPTY_PATH));
	FM("f", 0644, 0);
	FM("l2", 0644, AT_SYMLINK_NOFOLLOW);
	FM("f", 0600, AT_SYMLINK_NOFOLLOW);
	FM("f", 0600, 1);
	FM("", 0700, AT_EMPTY_PATH);
	P(syscall(SYS_fchmodat2, f, "", 0644, AT_EMPTY_PATH));
	FM("f", 0107777, 0);
	P(stat("f", &st) == 0 && (st.st_mode & 07777) == 07777);
	chmod("f", 0644);
	struct timespec bad[2] = { { 1, 1000000000 }, { 2, 0 } },
			om[2] = { { 1, UTIME_OMIT }, { 2, UTIME_OMIT } },
			neg[2] = { { -5, 5 }, { -1, 0 } },
			big[2] = { { 1l << 40, 1 }, { 1l << 40, 0 } };
	P(utimensat(AT_FDCWD, "f", ts, 0));
	P(utimensat(AT_FDCWD, "f", bad, 0));
	P(utimensat(AT_FDCWD, "nope", om, 0));
	P(utimensat(AT_FDCWD, "f", now, 0));
	P(utimensat(AT_FDCWD, "f", ts, 1));
	P(utimensat(AT_FDCWD, "loop", ts, AT_SYMLINK_NOFOLLOW));
	P(utimensat(AT_FDCWD, "loop", ts, 0));
	P(utimensat(AT_FDCWD, "", ts, AT_EMPTY_PATH));
	P(syscall(SYS_utimensat, f, NULL, ts, 0));
	P(syscall(SYS_utimensat, f, NULL, ts, AT_SYMLINK_NOFOLLOW));
	P(syscall(SYS_utimensat, AT_FDCWD, NULL, ts, 0));
	P(syscall(SYS_utimensat, f, NULL, ts, AT_EMPTY_PATH));
	P(utimensat(AT_FDCWD, "f", neg, 0));
	P(stat("f", &st) == 0 && st.st_atime == -5 && st.st_mtime == -1 &&
	  st.st_atim.tv_nsec == 5);
	P(utimensat(AT_FDCWD, "f", big, 0));
	P(stat("f", &st) == 0 && st.st_mtime == (1l << 40));
}

static void data_calls(void)
{
	e = open("e2", O_CREAT | O_RDWR, 0644);
	P(pwrite(e, "abc", 3, -1));
	P(pwrite(e, "abc", 3, 1l << 62));
	P(lseek(e, -1, 0));
	P(lseek(e, 1l << 62, 0) > 0);
	P(write(e, "a", 1));
	P(lseek(e, 0, 0));
	P(ftruncate(e, -1));
	P(ftruncate(e, 1l << 62));
	P(truncate("d", 0));
	P(truncate("fifo", 0));
	P(truncate("nope", 0));
	P(truncate("e2", -1));
	P(lseek(e, 0, SEEK_DATA));
	P(lseek(e, 0, SEEK_HOLE));
	P(ftruncate(e, 10000));
	P(lseek(e, 0, SEEK_HOLE));
	P(lseek(e, 10000, SEEK_HOLE));
	P(lseek(e, 5, SEEK_DATA));
	P(lseek(e, 0, 99));
	P(copy_file_range(f, 0, e, 0, 5, 1));
	P(copy_file_range(f, &(off_t){ 0 }, e, &(off_t){ 0 }, 5, 0));
	P(copy_file_range(f, &(off_t){ -1 }, e, 0, 5, 0));
	P(copy_file_range(e, &(off_t){ 0 }, e, &(off_t){ 2 }, 5, 0));
	P(copy_file_range(dd, 0, e, 0, 5, 0));
	P(copy_file_range(f, &(off_t){ 100 }, e, 0, 5, 0));
	P(sendfile(e, f, &(off_t){ 0 }, 3));
	P(sendfile(e, f, &(off_t){ -1 }, 3));
	P(sendfile(e, dd, NULL, 3));
}

/* On the file that data_calls() has opened. */
static void advice_and_edges(void)
{
	P(readahead(e, 0, 1));
	P(readahead(dd, 0, 1));
	P(posix_fadvise(e, 0, 0, 9));
	P(posix_fadvise(e, 0, -1, 0));
	P(sync_file_range(e, 0, 0, 7));
	P(sync_file_range(e, 0, 0, 8));
	P(sync_file_range(e, -1, 0, 0));
	P(fsync(dd));
	P(fdatasync(e));
	P(syncfs(e));
	P(syncfs(-1));
	P(read(dd, b, 1));
	P(pread(dd, b, 1, 0));
	P(write(dd, b, 1));
	P(read(f, (void *)8, 1));
	P(write(e, (void *)8, 1));
	P(readv(f, NULL, 0));
	P(readv(f, NULL, -1));
	P(readv(f, (void *)8, 1));
	P(preadv(f, NULL, 0, -1));
	P(getdents64(f, b, 99));
	P(getdents64(dd, b, 1));
	P(getdents64(dd, (void *)8, 1000));
	P(flock(e, 0));
	P(flock(e, LOCK_SH | LOCK_EX));
	P(flock(dd, LOCK_EX | LOCK_NB));
	struct flock fl = { F_WRLCK, SEEK_SET, 0, 0 };
	P(fcntl(e, F_SETLK, &fl));
	fl.l_start = -1;
	P(fcntl(e, F_SETLK, &fl));
	fl.l_start = 5;
	fl.l_len = -6;
	P(fcntl(e, F_SETLK, &fl));
	fl.l_whence = 9;
	P(fcntl(e, F_SETLK, &fl));
	fl.l_whence = 0;
	fl.l_len = 0;
	fl.l_type = 9;
	P(fcntl(e, F_SETLK, &fl));
	fl.l_type = F_UNLCK;
	P(fcntl(e, F_GETLK, &fl));
	P(fcntl(e, F_OFD_GETLK, &fl));
	fl.l_pid = 1;
	P(fcntl(e, F_OFD_SETLK, &fl));
	P(fcntl(e, F_GETLEASE) == F_UNLCK);
	P(fcntl(e, 1024 + 99));
	P(fcntl(e, F_SETFL, O_APPEND | O_NONBLOCK));
	P(fcntl(e, F_GETFL) & (O_APPEND | O_NONBLOCK) ? 1 : 0);
	P(fcntl(e, F_SETFL, O_DIRECT));
	P(fcntl(e, F_SETSIG, 65));
	P(fcntl(e, F_SETOWN, 99999999));
	P(fcntl(e, F_DUPFD, 1 << 30));
	P(fcntl(e, F_GETPIPE_SZ));
	P(fcntl(e, F_GET_SEALS));
	P(fcntl(e, 1029, &fl));
	P(ioctl(e, 0x1234, 0));
	P(ioctl(dd, FIONREAD, b));
	P(ioctl(e, FIOQSIZE, b));
	P(ioctl(e, 0x5460, b));
}

static void attributes(void)
{
	P(setxattr("f", "user.a", "1", 1, 0));
	P(setxattr("f", "user.", "1", 1, 0));
	P(setxattr("f", "user", "1", 1, 0));
	P(setxattr("f", "", "1", 1, 0));
	P(setxattr("f", "foo.a", "1", 1, 0));
	P(setxattr("f", "system.foo", "1", 1, 0));
	P(getxattr("f", "system.foo", b, 9));
	P(getxattr("f", "foo.a", b, 9));
	P(getxattr("f", "user.b", b, 9));
	P(setxattr("f", "user.a", "1", 1, 3));
	P(setxattr("f", "user.a", "1", 1, 4));
	P(setxattr("f", "user.a", NULL, 70000, 0));
	P(lsetxattr("l2", "user.a", "1", 1, 0));
	P(lgetxattr("l2", "user.a", b, 9));
	P(setxattr("fifo", "user.a", "1", 1, 0));
	P(getxattr("fifo", "user.a", b, 9));
	P(setxattr("f", "trusted.a", "1", 1, 0));
	P(getxattr("f", "trusted.a", b, 9));
	P(setxattr("f", "security.foo", "1", 1, 0));
	P(getxattr("f", "security.foo", b, 9));
	P(setxattr("f", "security.capability", "1", 1, 0));
	P(removexattr("f", "user.zz"));
	P(removexattr("f", "system.posix_acl_access"));
	P(listxattr("f", b, 100) > 0);
	P(setxattr("d", "user.d", "", 0, 0));
	P(getxattr("d", "user.d", b, 9));
	memset(nm, 'n', 299);
	memcpy(nm, "user.", 5);
	nm[256] = 0;
	P(setxattr("f", nm, "1", 1, 0));
	nm[255] = 0;
	P(setxattr("f", nm, "1", 1, 0));
}

static void as_a_user(void)
{
	if (geteuid() == 0) {
		chmod(".", 0755);
		chmod("f", 0640);
		mkdir("st", 01777);
		close(open("st/r", O_CREAT | O_RDWR, 0666));
		mkdir("sg", 02775);
		chown("sg", 0, 1234);
		setgroups(0, 0);
		setgid(1000);
		setuid(1000);
		C(open("f", O_RDONLY));
		C(open("nx", O_CREAT | O_RDWR, 0600));
		P(unlink("st/r"));
		P(rename("st/r", "st/q"));
		C(open("st/mine", O_CREAT | O_RDWR, 0666));
		P(rename("st/mine", "st/r"));
		P(rename("st/mine", "st/m2"));
		P(unlink("st/m2"));
		P(chmod("f", 0777));
		P(chown("f", 1000, -1));
		P(utimensat(AT_FDCWD, "f", NULL, 0));
		P(utimensat(AT_FDCWD, "f", ts, 0));
		P(utimensat(AT_FDCWD, "e2", now, 0));
		P(truncate("e2", 0));
		C(open("/proc/nothing", O_CREAT | O_RDWR, 0600));
		P(mkdir("/proc/nothing", 0));
		P(mknod("st/c", S_IFCHR | 0600, 0x103));
		P(mknod("st/c0", S_IFCHR | 0600, 0));
		P(setxattr("st/c0", "user.a", "1", 1, 0));
		P(link("f", "st/fl"));
		P(chroot("."));
		P(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS));
		C(open("e2", O_RDONLY | O_NOATIME));
		P(fcntl(e, F_SETFL, O_NOATIME));
		P(linkat(e, "", AT_FDCWD, "st/emp", AT_EMPTY_PATH));
		C(open("st", O_TMPFILE | O_RDWR, 0600));
		P(setxattr("st", "user.s", "1", 1, 0));
		P(getxattr("e2", "trusted.x", b, 9));
		P(setxattr("e2", "trusted.x", "1", 1, 0));
		P(syscall(SYS_renameat2, AT_FDCWD, "st/c0", AT_FDCWD, "st/w",
			  4));
	}
}

int main(int argc, char **argv)
{
	set_up(argc > 1 ? argv[1] : "/dev/shm");
	puts("== openat2_rules");
	openat2_rules();
	puts("== path_descriptors");
	path_descriptors();
	puts("== links");
	links();
	puts("== renames");
	renames();
	puts("== names");
	names();
	puts("== at_flags");
	at_flags();
	puts("== data_calls");
	data_calls();
	advice_and_edges();
	puts("== attributes");
	attributes();
	puts("== as_a_user");
	as_a_user();
	return 0;
}
