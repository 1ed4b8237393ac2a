/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle: what the handlers share.
 */
#ifndef GOFER_HANDLE_H
#define GOFER_HANDLE_H

#include "gofer/session.h"

/* Whom a new file is to belong to. */
struct owner {
	uint32_t uid, gid, mode;
};

/* Gives the new file behind the O_PATH descriptor @fd, which looks like @is,
 * to @want. */
MUST_CHECK int handle_give(struct session *s, int fd, const struct owner *want,
			   const struct gofer_wire_node *is);

/* EMFILE of this process is the sandbox's ENFILE. */
int handle_error(int err);

#endif
