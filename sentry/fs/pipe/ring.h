/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring: the bytes in a pipe.  The buffer is allocated with the first byte.
 * No lock of its own.
 */
#ifndef SENTRY_FS_PIPE_RING_H
#define SENTRY_FS_PIPE_RING_H

#include "sentry/mm/uio.h"

struct pipe_ring {
	char *buf;	/* NULL until first used */
	size_t size;	/* capacity */
	size_t at, len; /* first byte, number of bytes */
};

/* An empty ring of @size bytes; memory comes with the first byte. */
void ring_init(struct pipe_ring *r, size_t size);
/* Frees the memory with what is left inside. */
void ring_fini(struct pipe_ring *r);

static inline size_t ring_room(const struct pipe_ring *r)
{
	return r->size - r->len;
}

/*
 * Moves up to @max bytes from @u into the ring, or out of it into @u.
 * Return: bytes moved, short at a fault; -EFAULT if none; -ENOMEM (put).
 */
MUST_CHECK long ring_put(struct pipe_ring *r, struct uio *u, size_t max);
MUST_CHECK long ring_get(struct pipe_ring *r, struct uio *u, size_t max);
/* Removes @n bytes, which are there. */
void ring_drop(struct pipe_ring *r, size_t n);
/* Copies without removing; returns bytes. */
size_t ring_peek(const struct pipe_ring *r, void *dst, size_t max);
/* Puts bytes before the first; the ring grows if it must.  -ENOMEM. */
MUST_CHECK int ring_unget(struct pipe_ring *r, const void *src, size_t size);
/* A new capacity; -EBUSY if more than that is inside, -ENOMEM. */
MUST_CHECK int ring_resize(struct pipe_ring *r, size_t size);

#endif
