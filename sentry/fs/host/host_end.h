/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_end: a descriptor of the caller that may make its user wait: a pipe, a
 * socket, a terminal.  Reads and writes never block the sentry; they wait on a
 * wait queue that the watch of the descriptor wakes.
 *
 * How a wait is avoided.  O_NONBLOCK belongs to the open file description,
 * which we share with the caller's other programs, so it must not be set.
 * Pipes and sockets take RWF_NOWAIT for one call.  Terminals refuse it: there
 * we poll(2) first and then ask for no more than what poll promises (a read
 * returns with what is there; a write of up to HOST_END_TTY_CHUNK bytes).
 * Another program that takes the input between the two makes that one call
 * wait until there is more; the host's own programs race in the same way.
 * A terminal that was opened anew by the launcher with O_NONBLOCK (a
 * description of our own) has no such window.
 */
#ifndef SENTRY_FS_HOST_HOST_END_H
#define SENTRY_FS_HOST_HOST_END_H

#include "sentry/host/host.h"
#include "sentry/vfs/vfs.h"

#define HOST_END_TTY_CHUNK 1024

struct host_end {
	IMMUTABLE int fd;
	IMMUTABLE uint32_t flags; /* O_* of the host's description */
	struct host_watch watch;
	_Atomic bool watched;	/* added on first need */
	_Atomic bool no_nowait; /* RWF_NOWAIT was refused */
	struct waitq wq;
};

/* Takes over @fd. */
void host_end_init(struct host_end *e, int fd, uint32_t flags);
/* Nobody waits any more; closes the descriptor. */
void host_end_fini(struct host_end *e);

/*
 * One attempt, straight into or out of guest memory.  -EAGAIN if it would
 * wait; 0 at the end of the input.
 */
MUST_CHECK long host_end_try_read(struct host_end *e, struct uio *u);
MUST_CHECK long host_end_try_write(struct host_end *e, struct uio *u);
/*
 * read(2) and write(2): wait unless @nonblock.  A write goes on until all is
 * written, an error or a signal; EPIPE raises SIGPIPE.  @deadline ends a read
 * with 0 (monotonic ns, or NO_DEADLINE).
 */
MUST_CHECK long host_end_read(struct host_end *e, struct uio *u, bool nonblock,
			      uint64_t deadline);
MUST_CHECK long host_end_write(struct host_end *e, struct uio *u,
			       bool nonblock);
uint32_t host_end_poll(struct host_end *e, struct poll_table *pt);
/* May a file with access mode @flags use it? */
bool host_end_allows(const struct host_end *e, uint32_t flags);

#endif
