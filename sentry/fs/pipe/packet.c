/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet: where the packets of a pipe's O_DIRECT writes begin and end.
 *
 * Invariant: packets do not overlap, are in order, and none is empty or
 *            before .taken.
 * Tests:     tests/unit/test_pipe_packet.c
 */
#include "sentry/fs/pipe/packet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void packets_fini(struct pipe_packets *p)
{
	free(p->at);
	*p = (struct pipe_packets){ 0 };
}

int packets_reserve(struct pipe_packets *p)
{
	uint32_t room = p->room ? 2 * p->room : 16;
	struct packet *at;

	assert(p->nr <= p->room);
	if (p->nr < p->room)
		return 0;
	at = malloc(room * sizeof(*at));
	if (!at)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->nr; i++)
		at[i] = p->at[(p->first + i) % p->room];
	free(p->at);
	p->at = at;
	p->room = room;
	p->first = 0;
	return 0;
}

void packets_add(struct pipe_packets *p, size_t inside, size_t size)
{
	uint64_t end = p->taken + inside;

	assert(p->nr < p->room && size <= inside);
	if (size == 0)
		return;
	p->at[(p->first + p->nr++) % p->room] =
		(struct packet){ end - size, end };
}

size_t packets_plain(const struct pipe_packets *p)
{
	return p->nr ? p->at[p->first].begin - p->taken : SIZE_MAX;
}

size_t packets_tail(const struct pipe_packets *p, size_t inside)
{
	if (p->nr == 0)
		return inside;
	return inside -
	       (p->at[(p->first + p->nr - 1) % p->room].end - p->taken);
}

size_t packets_first(const struct pipe_packets *p)
{
	return p->at[p->first].end - p->at[p->first].begin;
}

void packets_taken(struct pipe_packets *p, size_t size)
{
	p->taken += size;
	while (p->nr && p->at[p->first].end <= p->taken) {
		p->first = (p->first + 1) % p->room;
		p->nr--;
	}
	if (p->nr && p->at[p->first].begin < p->taken)
		p->at[p->first].begin = p->taken;
}

void packets_returned(struct pipe_packets *p, size_t size)
{
	/* Counted from the beginning there was nothing before it. */
	if (p->taken < size) {
		uint64_t shift = size - p->taken;

		for (uint32_t i = 0; i < p->nr; i++) {
			p->at[(p->first + i) % p->room].begin += shift;
			p->at[(p->first + i) % p->room].end += shift;
		}
		p->taken += shift;
	}
	p->taken -= size;
}
