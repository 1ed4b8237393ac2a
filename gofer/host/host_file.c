/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_file: the gofer's host calls on files, while it serves.
 *
 * Invariant: a path that reaches the kernel is one checked component below a
 *            directory descriptor, "." below one, "" with AT_EMPTY_PATH, or the
 *            number of a descriptor below FD_PROC; never anything else.
 * Locks:     none, one thread.
 * Tests:     tests/gofer/test_gofer.c
 */
#include "gofer/host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RESOLVE_SAFE \
	(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
#define STATX_WANTED (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID)

/* Decimal name of a descriptor, as a link of FD_PROC. */
struct fd_name {
	char text[12];
};

static struct fd_name fd_name(int fd)
{
	struct fd_name n;

	snprintf(n.text, sizeof(n.text), "%d", fd);
	return n;
}

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

int gofer_host_open_child(int dir, const char *name, uint64_t flags,
			  uint32_t mode)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_SAFE,
	};
	long fd;

	/* EAGAIN: something was renamed during the walk. */
	for (int i = 0; i < 8; i++) {
		fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return (int)result(fd);
}

int gofer_host_reopen(int fd, int flags)
{
	struct fd_name n = fd_name(fd);

	return (int)result(openat(FD_PROC, n.text, flags | O_CLOEXEC));
}

int gofer_host_statx(int fd, struct statx *out)
{
	return (int)result(syscall(SYS_statx, fd, "",
				   AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
				   STATX_WANTED, out));
}

/* A last component is never followed with these flags. */
int gofer_host_statx_child(int dir, const char *name, struct statx *out)
{
	return (int)result(syscall(SYS_statx, dir, name,
				   AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
				   STATX_WANTED, out));
}

int gofer_host_statfs(int fd, struct statfs *out)
{
	return (int)result(fstatfs(fd, out));
}

unsigned int gofer_host_access(int fd)
{
	unsigned int bits = 0;

	for (int bit = 1; bit <= 4; bit <<= 1)
		if (syscall(SYS_faccessat2, fd, "", bit,
			    AT_EMPTY_PATH | AT_EACCESS) == 0 ||
		    errno == EROFS)
			bits |= (unsigned int)bit;
	return bits;
}

long gofer_host_readlink(int fd, char *buf, size_t size)
{
	return result(readlinkat(fd, "", buf, size));
}

long gofer_host_getdents(int fd, void *buf, size_t size)
{
	return result(syscall(SYS_getdents64, fd, buf, size));
}

int64_t gofer_host_seek(int fd, int64_t off)
{
	return result(lseek(fd, off, SEEK_SET));
}

int gofer_host_fsync(int fd, bool data_only)
{
	return (int)result(data_only ? fdatasync(fd) : fsync(fd));
}

void gofer_host_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

int gofer_host_mkdir(int dir, const char *name, uint32_t mode)
{
	return (int)result(mkdirat(dir, name, mode));
}

int gofer_host_mknod(int dir, const char *name, uint32_t mode)
{
	return (int)result(mknodat(dir, name, mode, 0));
}

int gofer_host_symlink(const char *target, int dir, const char *name)
{
	return (int)result(symlinkat(target, dir, name));
}

/* Through FD_PROC: AT_EMPTY_PATH asks for a capability of the host. */
int gofer_host_link(int target, int dir, const char *name)
{
	struct fd_name n = fd_name(target);

	return (int)result(
		linkat(FD_PROC, n.text, dir, name, AT_SYMLINK_FOLLOW));
}

int gofer_host_unlink(int dir, const char *name, bool directory)
{
	return (int)result(unlinkat(dir, name, directory ? AT_REMOVEDIR : 0));
}

int gofer_host_rename(int old_dir, const char *old_name, int new_dir,
		      const char *new_name, uint32_t flags)
{
	return (int)result(syscall(SYS_renameat2, old_dir, old_name, new_dir,
				   new_name, flags));
}

int gofer_host_chown(int fd, uint32_t uid, uint32_t gid)
{
	return (int)result(fchownat(fd, "", uid, gid, AT_EMPTY_PATH));
}

int gofer_host_chmod(int fd, uint32_t mode)
{
	struct fd_name n = fd_name(fd);

	return (int)result(syscall(SYS_fchmodat, FD_PROC, n.text, mode));
}

int gofer_host_utimens(int fd, const struct timespec times[2])
{
	return (int)result(
		syscall(SYS_utimensat, fd, "", times, AT_EMPTY_PATH));
}

int gofer_host_truncate(int fd, uint64_t size)
{
	return (int)result(ftruncate(fd, (off_t)size));
}

/* The current directory is FD_PROC, so a bare number is one of its links. */
long gofer_host_getxattr(int fd, const char *name, void *buf, size_t size)
{
	struct fd_name n = fd_name(fd);

	return result(getxattr(n.text, name, buf, size));
}

int gofer_host_setxattr(int fd, const char *name, const void *buf, size_t size,
			int flags)
{
	struct fd_name n = fd_name(fd);

	return (int)result(setxattr(n.text, name, buf, size, flags));
}

long gofer_host_listxattr(int fd, char *buf, size_t size)
{
	struct fd_name n = fd_name(fd);

	return result(listxattr(n.text, buf, size));
}

int gofer_host_removexattr(int fd, const char *name)
{
	struct fd_name n = fd_name(fd);

	return (int)result(removexattr(n.text, name));
}
