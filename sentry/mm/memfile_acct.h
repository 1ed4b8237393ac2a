/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfile_acct: charging of memory, for memfile.c alone and under its lock.
 * The rest of the interface is in memfile.h.
 */
#ifndef SENTRY_MM_MEMFILE_ACCT_H
#define SENTRY_MM_MEMFILE_ACCT_H

#include "sentry/mm/memfile.h"

/* The account of the calling thread's task. */
struct memfile_acct *acct_current(void);
/* Adds @size bytes to @acct and all above it.  -ENOMEM: a limit is in the way,
 * nothing was added; memfile_refused_by() says whose. */
MUST_CHECK int acct_charge(struct memfile_acct *acct, uint64_t size);
/* Takes @size bytes off @acct and all above it. */
void acct_uncharge(struct memfile_acct *acct, uint64_t size);

#endif
