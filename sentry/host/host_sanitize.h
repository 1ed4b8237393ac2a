/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_sanitize: what the builds with a sanitizer need.
 */
#ifndef SENTRY_HOST_HOST_SANITIZE_H
#define SENTRY_HOST_HOST_SANITIZE_H

/* Lets the runtime read what its reports need, before a role gives up the
 * file system.  Nothing in other builds. */
void host_sanitize_start(void);

#endif
