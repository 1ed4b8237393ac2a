/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_gofer: host calls of the connection to the gofer.
 *
 * Invariant: a descriptor that came with a record that is refused is closed.
 * Locks:     none.
 * Tests:     tests/gofer/test_client.c
 */
#include "sentry/host/host_gofer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_FDS 4 /* more than one is refused, but must be seen to be closed */

void host_gofer_wait(_Atomic uint32_t *word, uint32_t expect)
{
	syscall(SYS_futex, word, FUTEX_WAIT, expect, NULL);
}

void host_gofer_wake(_Atomic uint32_t *word, int nr)
{
	syscall(SYS_futex, word, FUTEX_WAKE, nr);
}

/* Collects the descriptors of a record.  Returns how many. */
static unsigned int take_fds(struct msghdr *msg, int fds[MAX_FDS])
{
	unsigned int nr = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c;
	     c = CMSG_NXTHDR(msg, c)) {
		size_t size = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at < size && nr < MAX_FDS;
		     at += sizeof(int))
			memcpy(&fds[nr++], CMSG_DATA(c) + at, sizeof(int));
	}
	return nr;
}

int host_gofer_recv(int sock, void *buf, size_t size, int *out_fd)
{
	struct iovec iov = { buf, size };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.buf),
	};
	int fds[MAX_FDS];
	unsigned int nr;
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : -EPROTO;
	nr = take_fds(&msg, fds);
	if ((size_t)n == size && nr == 1 &&
	    !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		*out_fd = fds[0];
		return 0;
	}
	if ((size_t)n == size && nr == 0 && (msg.msg_flags & MSG_CTRUNC)) {
		*out_fd = -1;
		return 0;
	}
	while (nr > 0)
		close(fds[--nr]);
	return -EPROTO;
}

void host_gofer_await_hangup(int sock)
{
	/* Records that arrive wake nobody here: POLLIN is not asked for. */
	struct pollfd p = { .fd = sock, .events = POLLRDHUP };

	while (poll(&p, 1, -1) <= 0)
		;
}

uint32_t host_gofer_cpu(void)
{
	return (uint32_t)sched_getcpu(); /* no host call: rseq or vDSO */
}

int host_gofer_getfl(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -errno : flags;
}
