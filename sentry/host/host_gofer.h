/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_gofer: host calls of the connection to the gofer.
 */
#ifndef SENTRY_HOST_HOST_GOFER_H
#define SENTRY_HOST_HOST_GOFER_H

#include "sentry/lib/compiler.h"

/* Futex on memory shared with another process.  Returns early at will. */
void host_gofer_wait(_Atomic uint32_t *word, uint32_t expect);
void host_gofer_wake(_Atomic uint32_t *word, int nr);
/*
 * One record of exactly @size bytes and one descriptor (close-on-exec), never
 * blocking.  *out_fd is -1 if our descriptor table had no room for it.
 * -EAGAIN if none is there, -EPROTO for anything else.
 */
MUST_CHECK int host_gofer_recv(int sock, void *buf, size_t size, int *out_fd);
/* Sleeps until the other end of @sock is closed. */
void host_gofer_await_hangup(int sock);
/* The CPU that the calling thread runs on, or UINT32_MAX. */
uint32_t host_gofer_cpu(void);
/* The access mode and status flags of a descriptor. */
MUST_CHECK int host_gofer_getfl(int fd);

#endif
