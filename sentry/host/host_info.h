/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_info: facts about the host machine that the guest may know.
 */
#ifndef SENTRY_HOST_HOST_INFO_H
#define SENTRY_HOST_HOST_INFO_H

#include "sentry/lib/compiler.h"

/* Bytes of RAM of the host, as at start-up.  Any thread, no host call. */
uint64_t host_total_memory(void);

#endif
