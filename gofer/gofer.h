/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gofer: the process that opens host files for the sentry, as the launcher
 * starts it.
 */
#ifndef GOFER_GOFER_H
#define GOFER_GOFER_H

#include "sentry/lib/log.h"

struct gofer_export {
	const char *source; /* host path */
	bool readonly, shared;
};

struct gofer_config {
	const struct gofer_export *exports; /* number 0 is the root */
	unsigned int nr_exports;
	int shm_fd;  /* a memfd; sized here */
	int sock_fd; /* SOCK_SEQPACKET */
	int log_fd;  /* -1: no log */
	int err_fd;  /* a pipe: gets one line of text if the start fails;
		      * closed without a word when the gofer serves */
	enum log_level log_level;
	/* All ids are mapped and every capability is held in the new user
	 * namespace; otherwise only the caller's own ids are. */
	bool privileged;
};

/*
 * The gofer's whole life.
 * Caller:  a freshly cloned child with one thread, in user, mount and pid
 *          namespaces of its own, id maps written.
 * Returns: the exit status: 0 when the sentry hung up, 1 when the start failed
 *          (err_fd has the text) or the sentry sent something malformed.
 */
int gofer_main(const struct gofer_config *config);

#endif
