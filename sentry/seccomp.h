/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: the list of host calls that the sentry may make.
 */
#ifndef SENTRY_SECCOMP_H
#define SENTRY_SECCOMP_H

#include "sentry/lib/compiler.h"

/*
 * Closes the filter for all threads of the process, for good.  Anything else
 * than the listed calls, and the platform's @nr @ioctls (NULL: none), kills the
 * process from then on.
 */
struct platform_ioctl;
MUST_CHECK int sentry_seccomp_load(const struct platform_ioctl *ioctls,
				   size_t nr);

#endif
