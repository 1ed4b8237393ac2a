/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: the list of host calls that the sentry may make.
 */
#ifndef SENTRY_SECCOMP_H
#define SENTRY_SECCOMP_H

#include "sentry/lib/compiler.h"

/*
 * Closes the filter for all threads of the process, for good.  Anything else
 * than the listed calls kills the process from then on.
 */
MUST_CHECK int sentry_seccomp_load(void);

#endif
