/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node: the files that the sentry holds handles of.
 *
 * A handle is a table index and the generation of its use: 64 bits, never given
 * out twice.  The table is bounded by the number of descriptors.
 */
#ifndef GOFER_NODE_H
#define GOFER_NODE_H

#include "gofer/host/host.h"

struct session;

struct node {
	int fd;	    /* O_PATH; -1: the entry is free */
	int dir_fd; /* for readdir, or -1 */
	uint32_t generation;
	uint32_t next_free; /* free entries: index of the next, 0 ends */
	uint64_t mnt_id;
	int64_t dir_pos; /* where dir_fd stands */
	uint32_t type;	 /* S_IFMT bits */
	uint16_t export;
	bool barred; /* on a pseudo file system: can be seen, not used */
};

struct node_table {
	struct node *nodes; /* [0] is never used */
	uint32_t nr, max;   /* entries ever used; bound */
	uint32_t first_free;
};

/* @max_fds: how many descriptors there may be.  Start-up only. */
MUST_CHECK int node_table_init(struct node_table *t, unsigned int max_fds);
/* NULL for a handle that is not in use. */
struct node *node_find(struct node_table *t, uint64_t handle);
uint64_t node_handle(const struct node_table *t, const struct node *n);
/* Closes its descriptors; the handle is void. */
void node_drop(struct node_table *t, struct node *n);

/*
 * Makes a node of the O_PATH descriptor @fd, which is taken over in any case,
 * and fills @out.  @parent: where it was found, NULL for an export's root.
 * -ENFILE at the bound.
 */
MUST_CHECK int node_adopt(struct session *s, int fd, const struct node *parent,
			  unsigned int export, struct gofer_wire_node *out);
/*
 * Attributes of @name in @dir without a handle: 0 with *out (handle 0), 1 if
 * only a node can tell them (another mount, owners without a name), -errno.
 */
MUST_CHECK int node_peek(struct session *s, const struct node *dir,
			 const char *name, struct gofer_wire_node *out);
/* Fresh attributes of a node. */
MUST_CHECK int node_stat(struct session *s, const struct node *n,
			 struct gofer_wire_node *out);

#endif
