/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gofer_process: a gofer of the test's own, over a temporary tree.
 */
#ifndef TESTS_GOFER_PROCESS_H
#define TESTS_GOFER_PROCESS_H

#include <sys/types.h>

#include "gofer/gofer.h"
#include "gofer_messages.h"

struct gofer_process {
	pid_t pid;
	int shm_fd, sock, err_fd;
	struct gofer_shm *shm;
	char tree[64]; /* the temporary directory; export 0 */
	uint64_t seq;
};

/* Starts a gofer that serves @source; 0, or -errno where namespaces are not
 * permitted. */
int gofer_process_start(struct gofer_process *g, const char *source,
			bool readonly);
/* A tree with known content; fills g->tree. */
void gofer_process_tree(struct gofer_process *g);
/* Ends it and removes the tree. */
void gofer_process_stop(struct gofer_process *g);
/* wait(2) status of a gofer that is to end by itself; -1 if it does not. */
int gofer_process_wait(struct gofer_process *g);
/* What it said on its error pipe, until that was closed. */
size_t gofer_process_error(struct gofer_process *g, char *buf, size_t size);

/* One raw exchange in @slot.  The reply's size; the gofer's -errno; -ENOTCONN
 * if no answer came and the gofer ended. */
long gofer_process_call(struct gofer_process *g, unsigned int slot, uint32_t op,
			const void *req, size_t size, void *rep, size_t cap);
/* The descriptor that waits on the socket, or -1. */
int gofer_process_fd(struct gofer_process *g);
char *gofer_process_data(struct gofer_process *g, unsigned int slot);

#endif
