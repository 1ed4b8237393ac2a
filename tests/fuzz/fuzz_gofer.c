/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_gofer: the gofer's request decoder.  The first byte is the operation,
 * the rest the request.  What is accepted must hold only checked names, inside
 * the request.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gofer_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *g_from, *g_to;

static void require(int ok)
{
	if (!ok)
		abort();
}

static void check_name(const struct gofer_str *s)
{
	require(s->len >= 1 && s->len <= GOFER_NAME_MAX);
	require(s->p >= g_from && s->p + s->len < g_to);
	require(strlen(s->p) == s->len && !strchr(s->p, '/'));
	require(strcmp(s->p, ".") != 0 && strcmp(s->p, "..") != 0);
}

static void check_walk(size_t size)
{
	struct gofer_walk_req req;

	if (gofer_walk_req_decode(g_from, size, &req) < 0)
		return;
	require(req.nr_names <= 16);
	for (uint32_t i = 0; i < req.nr_names; i++)
		check_name(&req.names[i]);
}

static void check_rename(size_t size)
{
	struct gofer_rename_req req;

	if (gofer_rename_req_decode(g_from, size, &req) < 0)
		return;
	check_name(&req.old_name);
	check_name(&req.new_name);
}

/* What was accepted is encoded to the same length again. */
static void check_setxattr(size_t size)
{
	static char again[GOFER_DATA_SIZE];
	struct gofer_setxattr_req req;

	if (gofer_setxattr_req_decode(g_from, size, &req) < 0)
		return;
	require(req.value.p >= g_from && req.value.p + req.value.len <= g_to);
	require(gofer_setxattr_req_encode(again, sizeof(again), &req) ==
		(long)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (size == 0)
		return 0;
	/* A buffer of the exact size, so that a byte too far is seen. */
	copy = malloc(size - 1 ? size - 1 : 1);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	g_from = copy;
	g_to = copy + size - 1;
	(void)!gofer_request_check(data[0] % (GOFER_OP_END + 1), copy,
				   size - 1);
	check_walk(size - 1);
	check_rename(size - 1);
	check_setxattr(size - 1);
	free(copy);
	return 0;
}
