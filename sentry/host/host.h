/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host: the only host system calls of the sentry, each a line of its filter
 * (sentry/seccomp.c).  All return >= 0 or -errno; libc's errno ends here.
 * One header a subject: this one has files, memory and threads.
 */
#ifndef SENTRY_HOST_HOST_H
#define SENTRY_HOST_HOST_H

#include <sys/stat.h>
#include <sys/uio.h>

#include "sentry/lib/compiler.h"

/* preadv(2); one element goes as pread(2). */
MUST_CHECK long host_preadv(int fd, const struct iovec *iov, int nr,
			    int64_t off);
/* pwritev2(2), @rwf_flags RWF_*; without any, pwritev(2) or pwrite(2). */
MUST_CHECK long host_pwritev(int fd, const struct iovec *iov, int nr,
			     int64_t off, int rwf_flags);
/* readv(2), writev(2): pipes, terminals, sockets. */
MUST_CHECK long host_readv(int fd, const struct iovec *iov, int nr);
MUST_CHECK long host_writev(int fd, const struct iovec *iov, int nr);
/* fstat(2). */
MUST_CHECK int host_fstat(int fd, struct stat *out);
/* ftruncate(2). */
MUST_CHECK int host_ftruncate(int fd, int64_t size);
/* fallocate(2). */
MUST_CHECK int host_fallocate(int fd, int mode, int64_t off, int64_t size);
/* lseek(2): the new offset. */
MUST_CHECK int64_t host_lseek(int fd, int64_t off, int whence);
/* Pages of the range (bytes) that are in memory; -ENOSYS before Linux 6.5. */
#define HOST_NR_CACHESTAT 451
MUST_CHECK int64_t host_cached_pages(int fd, uint64_t off, uint64_t size);
/* fsync(2), or fdatasync(2) if @data_only. */
int host_fsync(int fd, bool data_only);
/* The whole file system that holds a donated file. */
MUST_CHECK int host_syncfs(int fd);
/* close(2); errors have no consequence. */
void host_close(int fd);
/* fcntl(F_SETFL). */
MUST_CHECK int host_fcntl_setfl(int fd, int flags);
MUST_CHECK int host_poll_now(int fd, short events); /* revents, no waiting */
MUST_CHECK int host_ioctl(int fd, unsigned long cmd, void *arg); /* tty only */

/* Shared mapping of @fd for the sentry's own use. */
MUST_CHECK int host_map_shared(int fd, uint64_t off, size_t size, bool write,
			       void **out);
/* Undoes host_map_shared(). */
void host_unmap(void *p, size_t size);

/* Sleeps while *word == expect; 0, -EAGAIN, -ETIMEDOUT, -EINTR.  @deadline in
 * CLOCK_MONOTONIC ns, UINT64_MAX for none. */
int host_futex_wait(_Atomic uint32_t *word, uint32_t expect, uint64_t deadline);
/* Wakes up to @nr sleepers of host_futex_wait(). */
void host_futex_wake(_Atomic uint32_t *word, int nr);

/* A detached thread with a small stack, all host signals blocked but the
 * sentry's own.  -EAGAIN. */
MUST_CHECK int host_thread_new(void (*fn)(void *arg), void *arg,
			       const char *name);
uint32_t host_gettid(void);
/* Fills all of @buf. */
MUST_CHECK int host_getrandom(void *buf, size_t size);
uint64_t host_clock(int clock_id); /* ns */
/* The host's own vDSO reads the clock without entering the kernel, so that the
 * host's clock source is the TSC. */
bool host_clock_is_cheap(void);
/* An entry of the process's auxiliary vector, 0 if it has none. */
uint64_t host_auxv(unsigned long type);
uint32_t host_nr_cpus(void);

/*
 * Readiness of host descriptors (stdin, terminals): one epoll thread, started
 * with the first watch.  @notify gets LINUX_POLL* bits (edge-triggered) in that
 * thread.  Descriptors that epoll refuses (-EPERM) are always ready.
 */
struct host_watch {
	int fd;
	void (*notify)(struct host_watch *w, uint32_t events);
};
MUST_CHECK int host_watch_add(struct host_watch *w);
void host_watch_del(struct host_watch *w); /* no notify runs afterwards */

/*
 * Before anything else of the sentry, with one thread: sets up malloc for a
 * small footprint, and the descriptor of host_log_write() (default: 2).
 */
void host_start(int log_fd);
/* The host CPU that runs the calling thread (no system call). */
uint32_t host_getcpu(void);
/* True if the guest may read CPU numbers itself (rdpid) and they are below
 * host_nr_cpus(), so that it sees what host_getcpu() says. */
bool host_cpu_numbers_exposed(void);
/* CPU time of the calling thread / of the whole sentry, ns. */
uint64_t host_thread_cputime(void);
/* Writes a log line to the log descriptor; log_sink of the sentry. */
void host_log_write(const char *line, size_t size);
/* Ends the whole sentry at once. */
NORETURN void host_exit(int status);

#endif
