/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_confine: how the sentry's process gives up what it could do.
 *
 * Called once, in this order, while the process has one thread; a failure is
 * final: the caller reports it and exits.
 */
#ifndef SENTRY_HOST_HOST_CONFINE_H
#define SENTRY_HOST_HOST_CONFINE_H

#include "sentry/lib/compiler.h"

/* Own session; descriptors other than 0-2 and @keep (sorted or not; negative
 * ones skipped) closed, 0 and 1 pointing at /dev/null; limits raised. */
MUST_CHECK int host_confine_fds(const int *keep, unsigned int nr_keep);
/* An empty, read-only root directory; the host's tree is gone.  *what names
 * the step that failed. */
MUST_CHECK int host_confine_root(const char **what);
/* Becomes @uid and @gid, of which the user namespace has no others; no further
 * groups if @drop_groups (a namespace made without privilege keeps them). */
MUST_CHECK int host_confine_ids(uint32_t uid, uint32_t gid, bool drop_groups);
/* No capability (bounding set included), no new privileges, killed
 * with its parent.  */
MUST_CHECK int host_confine_rights(const char **what);
/* The parent that made us is still there (@control_fd: its socket). */
bool host_parent_alive(int control_fd);

#endif
