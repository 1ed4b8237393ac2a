/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_control: records over the control socket.
 */
#ifndef SENTRY_HOST_HOST_CONTROL_H
#define SENTRY_HOST_HOST_CONTROL_H

#include "sentry/lib/compiler.h"

/* One record; a launcher that is gone is not an error here. */
void host_control_send(int fd, const void *data, size_t size);
/*
 * The same with the descriptors that came along: up to @max into @fds, *nr of
 * them, the caller's to close; more are closed.
 */
MUST_CHECK long host_control_recv_fds(int fd, void *data, size_t size, int *fds,
				      unsigned int max, unsigned int *nr);
/* Size of the record received; 0 at the end; -EAGAIN if none waits. */
MUST_CHECK long host_control_recv(int fd, void *data, size_t size);

#endif
