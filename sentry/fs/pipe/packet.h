/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet: where the packets of a pipe's O_DIRECT writes begin and end.  Bytes
 * are counted from the pipe's beginning.  No lock of its own.
 */
#ifndef SENTRY_FS_PIPE_PACKET_H
#define SENTRY_FS_PIPE_PACKET_H

#include "sentry/lib/compiler.h"

struct packet {
	uint64_t begin, end;
};

struct pipe_packets {
	struct packet *at; /* a ring; NULL until first used */
	uint32_t room, first, nr;
	uint64_t taken; /* bytes that have left the pipe */
};

/* Frees the memory; the pipe is empty or going. */
void packets_fini(struct pipe_packets *p);
/* Room for one more.  -ENOMEM. */
MUST_CHECK int packets_reserve(struct pipe_packets *p);
/* The last @size of @inside bytes in the pipe are a packet; reserved. */
void packets_add(struct pipe_packets *p, size_t inside, size_t size);
/* Bytes in front of the first packet; SIZE_MAX: there is none. */
size_t packets_plain(const struct pipe_packets *p);
/* Plain bytes behind the last packet, of @inside bytes in the pipe. */
size_t packets_tail(const struct pipe_packets *p, size_t inside);
/* What is left of the first packet, which there is. */
size_t packets_first(const struct pipe_packets *p);
/* @size bytes have left the pipe. */
void packets_taken(struct pipe_packets *p, size_t size);
/* Bytes have come back to the front, as plain ones. */
void packets_returned(struct pipe_packets *p, size_t size);

#endif
