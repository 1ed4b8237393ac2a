/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_file: reads, writes and attributes of descriptors that were donated.
 *
 * Invariant: no call names a path; results are >= 0 or -errno.
 * Locks:     none.
 * Tests:     every conformance test that touches a file
 */
#include "sentry/host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

long host_preadv(int fd, const struct iovec *iov, int nr, int64_t off)
{
	if (nr == 1)
		return result(pread(fd, iov->iov_base, iov->iov_len, off));
	return result(preadv(fd, iov, nr, off));
}

long host_pwritev(int fd, const struct iovec *iov, int nr, int64_t off,
		  int rwf_flags)
{
	if (rwf_flags)
		return result(pwritev2(fd, iov, nr, off, rwf_flags));
	if (nr == 1)
		return result(pwrite(fd, iov->iov_base, iov->iov_len, off));
	return result(pwritev(fd, iov, nr, off));
}

long host_readv(int fd, const struct iovec *iov, int nr)
{
	if (nr == 1)
		return result(read(fd, iov->iov_base, iov->iov_len));
	return result(readv(fd, iov, nr));
}

long host_writev(int fd, const struct iovec *iov, int nr)
{
	if (nr == 1)
		return result(write(fd, iov->iov_base, iov->iov_len));
	return result(writev(fd, iov, nr));
}

int host_fstat(int fd, struct stat *out)
{
	return (int)result(fstat(fd, out));
}

int host_ftruncate(int fd, int64_t size)
{
	return (int)result(ftruncate(fd, size));
}

int host_fallocate(int fd, int mode, int64_t off, int64_t size)
{
	return (int)result(fallocate(fd, mode, off, size));
}

int64_t host_lseek(int fd, int64_t off, int whence)
{
	return result(lseek(fd, off, whence));
}

int64_t host_cached_pages(int fd, uint64_t off, uint64_t size)
{
	const uint64_t range[2] = { off, size };
	struct {
		uint64_t nr_cache, nr_dirty, nr_writeback, nr_evicted,
			nr_recently_evicted;
	} stat;
	int64_t ret = result(syscall(HOST_NR_CACHESTAT, fd, range, &stat, 0));

	return ret < 0 ? ret : (int64_t)stat.nr_cache;
}

int host_syncfs(int fd)
{
	return (int)result(syncfs(fd));
}

int host_fsync(int fd, bool data_only)
{
	return (int)result(data_only ? fdatasync(fd) : fsync(fd));
}

void host_close(int fd)
{
	close(fd);
}

int host_fcntl_setfl(int fd, int flags)
{
	return (int)result(fcntl(fd, F_SETFL, flags));
}

int host_poll_now(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	long ret = result(poll(&p, 1, 0));

	return ret < 0 ? (int)ret : p.revents;
}

int host_ioctl(int fd, unsigned long cmd, void *arg)
{
	return (int)result(ioctl(fd, cmd, arg));
}

int host_map_shared(int fd, uint64_t off, size_t size, bool write, void **out)
{
	void *p = mmap(NULL, size, PROT_READ | (write ? PROT_WRITE : 0),
		       MAP_SHARED, fd, (off_t)off);

	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

void host_unmap(void *p, size_t size)
{
	munmap(p, size);
}
