/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch: from a request's bytes to its handler; the table is generated.
 */
#ifndef GOFER_DISPATCH_H
#define GOFER_DISPATCH_H

#include <limits.h>

#include "gofer_handlers.h"

#define DISPATCH_MALFORMED LONG_MIN

struct dispatch_entry {
	/*
	 * Decodes @in (private memory), calls the handler, encodes into @out.
	 * Returns: bytes of the answer; -errno; DISPATCH_MALFORMED.
	 */
	long (*call)(struct session *s, const void *in, size_t size, void *out,
		     size_t cap);
	bool write; /* makes no sense without a writable export */
};
extern const struct dispatch_entry g_dispatch[GOFER_OP_END];

#endif
