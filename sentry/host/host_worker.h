/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_worker: threads of the sentry that are used again.
 */
#ifndef SENTRY_HOST_HOST_WORKER_H
#define SENTRY_HOST_HOST_WORKER_H

#include "sentry/lib/compiler.h"

struct host_worker;

/* A thread as host_thread_new() makes it, which waits.  It is the caller's
 * until host_worker_go() or host_worker_put().  -EAGAIN. */
MUST_CHECK int host_worker_get(struct host_worker **out);
/* It calls @fn. */
void host_worker_go(struct host_worker *w, void (*fn)(void *arg), void *arg);
/* It was not needed after all. */
void host_worker_put(struct host_worker *w);

#endif
