/* SPDX-License-Identifier: Apache-2.0 */
/* cred_private: between cred.c and cred_change.c. */
#ifndef SENTRY_KERNEL_CRED_PRIVATE_H
#define SENTRY_KERNEL_CRED_PRIVATE_H

#include "sentry/kernel/cred.h"

/* Finishes a copy whose uid may have changed: 0 and *out, or -ENOMEM and @c
 * is gone. */
MUST_CHECK int cred_publish(struct cred *c, struct cred **out);

#endif
