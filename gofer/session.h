/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: the one connection that a gofer serves.
 */
#ifndef GOFER_SESSION_H
#define GOFER_SESSION_H

#include "gofer/node.h"
#include "gofer_messages.h"

struct session {
	struct gofer_shm *shm;
	struct node_table table;
	unsigned int nr_exports;
	bool readonly[GOFER_MAX_EXPORTS], shared[GOFER_MAX_EXPORTS];
	bool any_shared;
	bool any_writable;
	bool privileged;
	bool greeted;	     /* the first exchange is done */
	uint32_t uid, gid;   /* whom the kernel takes us for */
	uint32_t cpu, guest; /* see follow() */
	uint32_t nr_guest;
	uint32_t ring_head, nr_watches;
	int last_watch; /* the greatest number so far */
	int out_fd;	/* goes out with the answer; -1 */
	/* The request's private copy; what answers with bytes point into. */
	char in[GOFER_DATA_SIZE];
	char dents[GOFER_DIR_BATCH];
	char data[GOFER_XATTR_MAX];
};

/*
 * Serves until something malformed comes; says what in the log.
 * Returns -EPROTO.  (A hang-up ends the process by a signal.)
 */
MUST_CHECK int session_serve(struct session *s);

/* What handlers begin with.  -ESTALE for an unknown handle, -EACCES for a
 * barred node, -ENOTDIR, -EROFS. */
MUST_CHECK int session_node(struct session *s, uint64_t handle,
			    struct node **out);
MUST_CHECK int session_dir(struct session *s, uint64_t handle,
			   struct node **out);
MUST_CHECK int session_writable_node(struct session *s, uint64_t handle,
				     struct node **out);
MUST_CHECK int session_writable_dir(struct session *s, uint64_t handle,
				    struct node **out);

/* The gofer's filter (gofer/seccomp.c), for a read-only server or another, with
 * or without shared exports. */
MUST_CHECK int gofer_seccomp_load(bool writable, bool watches);

/* Puts what happened on the host into the ring (handle_watch.c). */
void session_push_changes(struct session *s);

#endif
