/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_threads: which threads the sentry has, for crash reports.
 */
#ifndef SENTRY_HOST_HOST_THREADS_H
#define SENTRY_HOST_HOST_THREADS_H

#include "sentry/lib/compiler.h"

#define HOST_THREADS_MAX 4096

/* The calling thread begins or ends.  Beyond the maximum it is not listed. */
void host_threads_enter(void);
void host_threads_leave(void);
/* The @i-th slot's thread id, 0 if free.  Lock-free. */
uint32_t host_threads_at(unsigned int i);

#endif
