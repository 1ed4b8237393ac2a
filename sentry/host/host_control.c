/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_control: see the header.
 */
#include "sentry/host/host_control.h"

#include <errno.h>
#include <sys/socket.h>

void host_control_send(int fd, const void *data, size_t size)
{
	while (send(fd, data, size, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

long host_control_recv(int fd, void *data, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, data, size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}
