/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nl_msg: writing and reading netlink messages.
 *
 * Invariant: a message and its attributes fit into one buffer: a new one is
 *            begun where less than NL_MSG_MAX is left.
 * Locks:     none.
 * Tests:     tests/conformance/netlink.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/net/netlink/netlink.h"

#define NL_MSG_MAX 1400u

/* The buffer to write to, with room for @need. */
static struct nl_buf *room(struct nl_reply *r, uint32_t need)
{
	struct nl_buf *b;

	if (r->failed)
		return NULL;
	if (!list_empty(&r->bufs)) {
		b = list_last(&r->bufs, struct nl_buf, node);
		if (NL_BUF_SIZE - b->len >= need)
			return b;
	}
	b = malloc(sizeof(*b));
	if (!b) {
		r->failed = true;
		return NULL;
	}
	list_init(&b->node);
	b->len = b->group = 0;
	list_append(&r->bufs, &b->node);
	return b;
}

static void add(struct nl_buf *b, const void *data, size_t size)
{
	size_t space = LINUX_NL_ALIGN(size);

	if (!b || NL_BUF_SIZE - b->len < space)
		return; /* cannot be: see room(), NL_MSG_MAX */
	memset(b->data + b->len, 0, space);
	memcpy(b->data + b->len, data, size);
	b->len += (uint32_t)space;
}

static void begin(struct nl_reply *r, uint16_t type, uint16_t flags,
		  uint32_t need)
{
	struct linux_nlmsghdr h = {
		.type = type,
		.flags = (uint16_t)(flags | (r->dump ? LINUX_NLM_F_MULTI : 0u)),
		.seq = r->req.seq,
		.pid = r->s ? r->s->port : 0,
	};
	struct nl_buf *b = room(r, need);

	if (!b)
		return;
	r->start = b->len;
	add(b, &h, sizeof(h));
}

void nl_begin(struct nl_reply *r, uint16_t type, const void *head, size_t size)
{
	begin(r, type, 0, NL_MSG_MAX);
	if (!r->failed)
		add(list_last(&r->bufs, struct nl_buf, node), head, size);
}

void nl_attr(struct nl_reply *r, uint16_t type, const void *data, size_t size)
{
	struct linux_nlattr a = { (uint16_t)(sizeof(a) + size), type };
	struct nl_buf *b = list_last(&r->bufs, struct nl_buf, node);

	if (r->failed)
		return;
	add(b, &a, sizeof(a));
	if (size)
		add(b, data, size);
}

void nl_attr_u32(struct nl_reply *r, uint16_t type, uint32_t v)
{
	nl_attr(r, type, &v, sizeof(v));
}

void nl_attr_str(struct nl_reply *r, uint16_t type, const char *s)
{
	nl_attr(r, type, s, strlen(s) + 1);
}

void nl_end(struct nl_reply *r)
{
	struct nl_buf *b = list_last(&r->bufs, struct nl_buf, node);
	uint32_t len;

	if (r->failed)
		return;
	len = b->len - r->start;
	memcpy(b->data + r->start, &len, sizeof(len));
}

void nl_done(struct nl_reply *r)
{
	int32_t zero = 0;

	begin(r, LINUX_NLMSG_DONE, 0,
	      sizeof(struct linux_nlmsghdr) + sizeof(zero));
	if (!r->failed)
		add(list_last(&r->bufs, struct nl_buf, node), &zero,
		    sizeof(zero));
	nl_end(r);
}

void nl_error(struct nl_reply *r, int err, const void *req)
{
	bool cap = r->s->flags_on >> LINUX_NETLINK_CAP_ACK & 1;
	size_t body = (size_t)r->req.len - sizeof(r->req);
	int32_t error = err;
	struct nl_buf *b;
	bool whole;

	whole = err && !cap && body <= NL_MSG_MAX - 64;
	begin(r, LINUX_NLMSG_ERROR, whole ? 0 : (uint16_t)LINUX_NLM_F_CAPPED,
	      NL_MSG_MAX);
	if (r->failed)
		return;
	b = list_last(&r->bufs, struct nl_buf, node);
	add(b, &error, sizeof(error));
	add(b, req, sizeof(r->req) + (whole ? body : 0));
	nl_end(r);
}

void nl_reply_free(struct nl_reply *r)
{
	struct nl_buf *b, *tmp;

	list_for_each_entry_safe (b, tmp, &r->bufs, node) {
		list_del(&b->node);
		free(b);
	}
}

const void *nl_find(const uint8_t *at, size_t size, uint16_t type, size_t *len)
{
	struct linux_nlattr a;
	size_t space;

	while (size >= sizeof(a)) {
		memcpy(&a, at, sizeof(a));
		if (a.len < sizeof(a) || a.len > size)
			return NULL;
		if ((a.type & LINUX_NLA_TYPE_MASK) == type) {
			*len = a.len - sizeof(a);
			return at + sizeof(a);
		}
		space = MIN(LINUX_NL_ALIGN((size_t)a.len), size);
		at += space;
		size -= space;
	}
	return NULL;
}
