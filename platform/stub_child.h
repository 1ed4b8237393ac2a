/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub_child: what a fork of the sentry does first to become the template of
 * the stubs.  Every stub inherits it.
 *
 * Runs between clone() and the jump into stub code, with a copy of the
 * sentry's memory: raw host calls only, nothing of libc that locks.
 */
#ifndef PLATFORM_STUB_CHILD_H
#define PLATFORM_STUB_CHILD_H

#include <stdint.h>

#include "sentry/lib/compiler.h"

/* Signals to block in a stub: all but faults and @kick. */
uint64_t stub_child_mask(int kick);
/* Sets the mask; faults and kick go to @handler (0: default), others have
 * their default action. */
void stub_child_signals(uint64_t mask, uint64_t handler, uint64_t restorer);
/* The kernel would write to the sentry's rseq area, which is about to go. */
void stub_child_drop_rseq(void);
/*
 * No capability, no new privileges, death with the sentry (@parent, which may
 * have died already: -ESRCH).  Who may trace the sentry may trace it.
 */
MUST_CHECK long stub_child_drop_rights(uint32_t parent);

#endif
