/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring: the bytes in a pipe.
 *
 * An empty ring starts over at its beginning, so that a pipe that carries
 * small messages touches one page only.
 * Invariant: len <= size; at < size; buf may be NULL only if len is 0.
 * Tests:     tests/unit/test_pipe_ring.c
 */
#include "sentry/fs/pipe/ring.h"

#include <errno.h>
#include <string.h>

void ring_init(struct pipe_ring *r, size_t size)
{
	*r = (struct pipe_ring){ .size = size };
}

void ring_fini(struct pipe_ring *r)
{
	free(r->buf);
	r->buf = NULL;
}

long ring_put(struct pipe_ring *r, struct uio *u, size_t max)
{
	size_t left = MIN(MIN(max, ring_room(r)), u->left);
	size_t end, n, done = 0;
	long got;

	if (!r->buf && left) {
		r->buf = malloc(r->size); /* only written bytes are read */
		if (!r->buf)
			return -ENOMEM;
	}
	while (left > 0) {
		end = r->at + r->len;
		if (end >= r->size)
			end -= r->size;
		n = MIN(left, r->size - end);
		got = uio_copy_in(u, r->buf + end, n);
		if (got < 0)
			return done ? (long)done : got;
		r->len += (size_t)got;
		done += (size_t)got;
		left -= (size_t)got;
		if ((size_t)got < n)
			break;
	}
	return (long)done;
}

void ring_drop(struct pipe_ring *r, size_t n)
{
	r->len -= n;
	r->at += n;
	if (r->at >= r->size)
		r->at -= r->size;
	if (r->len == 0)
		r->at = 0;
}

long ring_get(struct pipe_ring *r, struct uio *u, size_t max)
{
	size_t left = MIN(MIN(max, r->len), u->left);
	size_t n, done = 0;
	long got;

	while (left > 0) {
		n = MIN(left, r->size - r->at);
		got = uio_copy_out(u, r->buf + r->at, n);
		if (got < 0)
			return done ? (long)done : got;
		ring_drop(r, (size_t)got);
		done += (size_t)got;
		left -= (size_t)got;
		if ((size_t)got < n)
			break;
	}
	return (long)done;
}

size_t ring_peek(const struct pipe_ring *r, void *dst, size_t max)
{
	size_t n = MIN(max, r->len);
	size_t first = MIN(n, r->size - r->at);

	if (n == 0)
		return 0;
	memcpy(dst, r->buf + r->at, first);
	memcpy((char *)dst + first, r->buf, n - first);
	return n;
}

int ring_resize(struct pipe_ring *r, size_t size)
{
	char *buf = NULL;

	if (size < r->len)
		return -EBUSY;
	if (r->len) {
		buf = malloc(size);
		if (!buf)
			return -ENOMEM;
		ring_peek(r, buf, r->len);
	}
	free(r->buf);
	r->buf = buf;
	r->size = size;
	r->at = 0;
	return 0;
}

int ring_unget(struct pipe_ring *r, const void *src, size_t size)
{
	size_t first;
	int ret;

	if (size > ring_room(r)) {
		ret = ring_resize(r, r->len + size);
		if (ret < 0)
			return ret;
	}
	if (!r->buf)
		r->buf = malloc(r->size);
	if (!r->buf)
		return -ENOMEM;
	/* Backwards from r->at; what does not fit there wraps to the end. */
	first = MIN(size, r->at);
	memcpy(r->buf + r->at - first, (const char *)src + size - first, first);
	memcpy(r->buf + r->size - (size - first), src, size - first);
	r->at = size > first ? r->size - (size - first) : r->at - first;
	r->len += size;
	return 0;
}
