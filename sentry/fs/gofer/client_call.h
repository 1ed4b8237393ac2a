/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_call: one exchange with the gofer, for the files client_*.c only.
 */
#ifndef SENTRY_FS_GOFER_CLIENT_CALL_H
#define SENTRY_FS_GOFER_CLIENT_CALL_H

#include "gofer_messages.h"
#include "sentry/fs/gofer/client.h"

#define CALL_INLINE 2304 /* the answer of a full walk fits */

struct gofer_call {
	unsigned int slot;
	bool claimed;
	char *data;  /* the slot's data area: written, never read here */
	char *reply; /* private copy of the answer */
	size_t rep_size;
	char *heap; /* a reply that is longer than the inline room */
	int fd;	    /* came with the answer; -1.  Closed by call_end() */
	char room[CALL_INLINE];
};

/* Claims a slot, waits for a free one.  -EIO once the connection has ended. */
MUST_CHECK int call_begin(struct gofer_call *c);
/*
 * Sends the request of @req_size bytes that was put at c->data (negative: the
 * encoder's error, returned) and waits for the answer.
 * Returns: 0 with reply and fd filled; the gofer's -errno; -EIO; -ENOMEM.
 */
MUST_CHECK int call_go(struct gofer_call *c, uint32_t op, long req_size);
/* Ends the connection: the gofer broke the protocol.  Returns -EIO. */
MUST_CHECK int call_broken(const char *why);
void call_end(struct gofer_call *c);

/*
 * The whole exchange of message @name: *@req goes out, *@rep comes back and may
 * point into @c until call_end(), which the caller owes in any case.
 */
#define GOFER_CALL(c, name, NAME, req, rep)                                   \
	({                                                                    \
		int ret_ = call_begin(c);                                     \
                                                                              \
		if (ret_ == 0)                                                \
			ret_ = call_go(                                       \
				c, GOFER_OP_##NAME,                           \
				gofer_##name##_req_encode(                    \
					(c)->data, GOFER_DATA_SIZE, req));    \
		if (ret_ == 0 && gofer_##name##_rep_decode(                   \
					 (c)->reply, (c)->rep_size, rep) < 0) \
			ret_ = call_broken(#name);                            \
		ret_;                                                         \
	})

/* Does an fd that came have the access mode of @flags? */
MUST_CHECK int call_check_fd(int fd, uint32_t flags);
/* A node from the wire, checked.  -EIO ends the connection.  The second: one
 * that may have no handle. */
MUST_CHECK int call_node(const struct gofer_wire_node *w,
			 struct gofer_node *out);
MUST_CHECK int call_bare_node(const struct gofer_wire_node *w,
			      struct gofer_node *out);
static inline struct gofer_str gofer_str(const char *s)
{
	return (struct gofer_str){ s, (uint32_t)__builtin_strlen(s) };
}

#endif
