/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot: the file tree, descriptors and first task of a sandbox.
 */
#ifndef SENTRY_BOOT_H
#define SENTRY_BOOT_H

#include "sentry/sandbox.h"

/* Why a boot failed: an exit code (125..127) and a sentence for the caller. */
struct boot_error {
	int exit_code;
	char text[400];
};

/*
 * Mounts what the spec asks for, opens stdio, loads the program and starts its
 * task.  The gofer is connected and the filter closed.
 * Returns 0, or -errno with *err filled.
 */
MUST_CHECK int sandbox_boot(const struct sandbox_config *config,
			    struct boot_error *err);

/* boot_fs.c: the mount tree of @spec. */
struct mount_ns;
MUST_CHECK int boot_mounts(const struct sandbox_config *config,
			   struct mount_ns **out, struct boot_error *err);

/* Fills *err and returns @ret. */
int boot_fail(struct boot_error *err, int exit_code, int ret, const char *fmt,
	      ...) PRINTF(4, 5);

#endif
