/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poll: events of poll(2), select(2) and struct pollfd.
 */
#ifndef ABI_POLL_H
#define ABI_POLL_H

#include <assert.h>
#include <stdint.h>

#define LINUX_POLLIN	 0x0001u
#define LINUX_POLLPRI	 0x0002u
#define LINUX_POLLOUT	 0x0004u
#define LINUX_POLLERR	 0x0008u
#define LINUX_POLLHUP	 0x0010u
#define LINUX_POLLNVAL	 0x0020u
#define LINUX_POLLRDNORM 0x0040u
#define LINUX_POLLRDBAND 0x0080u
#define LINUX_POLLWRNORM 0x0100u
#define LINUX_POLLWRBAND 0x0200u
#define LINUX_POLLMSG	 0x0400u
#define LINUX_POLLRDHUP	 0x2000u

/* What a file without a poll operation answers. */
#define LINUX_POLL_DEFAULT \
	(LINUX_POLLIN | LINUX_POLLOUT | LINUX_POLLRDNORM | LINUX_POLLWRNORM)

struct linux_pollfd {
	int32_t fd;
	uint16_t events, revents;
};
static_assert(sizeof(struct linux_pollfd) == 8, "struct pollfd");

/* The sixth argument of pselect6. */
struct linux_sigset_argpack {
	uint64_t set, size;
};

#endif
