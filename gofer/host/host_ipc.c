/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_ipc: the gofer's host calls towards the sentry and the log.
 *
 * Invariant: nothing here blocks but gofer_host_wait(), and that one ends with
 *            the process when the sentry is gone (SIGIO of the socket).
 * Locks:     none, one thread.
 * Tests:     tests/gofer/test_gofer.c
 */
#include "gofer/host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void gofer_host_wait(_Atomic uint32_t *word, uint32_t expect)
{
	syscall(SYS_futex, word, FUTEX_WAIT, expect, NULL);
}

void gofer_host_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1);
}

void gofer_host_move(uint32_t cpu)
{
	cpu_set_t set;

	if (cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	syscall(SYS_sched_setaffinity, 0, sizeof(set), &set);
}

int gofer_host_send_fd(const struct gofer_fd_tag *tag, int fd)
{
	struct gofer_fd_tag copy = *tag;
	struct iovec iov = { &copy, sizeof(copy) };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(FD_SOCK, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

void gofer_host_log(const char *line, size_t size)
{
	ssize_t n = write(FD_LOG, line, size);

	(void)n; /* there is nowhere to complain to */
}

int gofer_host_map_shared(int fd, size_t size, void **out)
{
	void *p;

	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

int gofer_host_reserve(size_t size, void **out)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

/*
 * The sentry sends nothing through the socket, so it becomes readable only when
 * it is hung up (or when the sentry misbehaves).  Interrupting a handler half
 * way is what its death would do too.
 */
static void on_sigio(int signo)
{
	struct pollfd p = { .fd = FD_SOCK, .events = POLLIN | POLLRDHUP };

	(void)signo;
	gofer_host_watch_signal();
	if (poll(&p, 1, 0) == 1)
		_exit(0);
}

int gofer_host_end_on_hangup(void)
{
	struct sigaction sa = { .sa_handler = on_sigio,
				.sa_flags = SA_RESTART };
	int flags = fcntl(FD_SOCK, F_GETFL);
	sigset_t set;

	if (flags < 0 || sigaction(SIGIO, &sa, NULL) < 0 ||
	    fcntl(FD_SOCK, F_SETOWN, getpid()) < 0 ||
	    fcntl(FD_SOCK, F_SETFL, flags | O_ASYNC) < 0)
		return -errno;
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	if (sigprocmask(SIG_UNBLOCK, &set, NULL) < 0)
		return -errno;
	on_sigio(0); /* it may have gone already */
	return 0;
}
