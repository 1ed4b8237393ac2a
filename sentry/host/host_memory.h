/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_memory: the memory side of the host calls: residency, dumps, and the
 * faults of the sentry itself.  Results as in host.h.
 */
#ifndef SENTRY_HOST_HOST_MEMORY_H
#define SENTRY_HOST_HOST_MEMORY_H

#include <signal.h>

#include "sentry/lib/compiler.h"

/* mincore(2) of a mapping of ours: one byte a page, bit 0 says resident. */
MUST_CHECK int host_mincore(void *p, size_t size, uint8_t *vec);
/* Keeps the sentry's view of guest memory out of core dumps.  Start-up. */
void host_exclude_from_dump(void *p, size_t size);

/*
 * Installs the handlers of SIGSEGV and SIGBUS for the whole process: a fault
 * inside safe_copy.h is fixed up, any other calls host_crash_hook and then
 * dies of the signal.  No thread may block these two.  Start-up.
 */
MUST_CHECK int host_fault_start(void);
/* Called in the signal handler of a faulting thread; may not return. */
extern void (*host_crash_hook)(int signo, siginfo_t *info, void *ucontext);

#endif
