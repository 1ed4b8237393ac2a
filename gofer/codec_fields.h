/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec_fields: variable-length fields, for the generated gofer_codec.c only.
 *
 * Invariant: a reader or writer that met a fault keeps it and does nothing
 *            more, so that the generated code need not look at each step;
 *            an offset never passes the size.
 * Tests:     tests/unit/test_gofer_codec.c, tests/fuzz/fuzz_gofer.c
 */
#ifndef GOFER_CODEC_FIELDS_H
#define GOFER_CODEC_FIELDS_H

#include <errno.h>
#include <string.h>

#include "gofer_proto.h"

struct reader {
	const char *buf;
	size_t size, at;
	int err;
};

struct writer {
	char *buf;
	size_t cap, at;
	int err;
};

/* The next @size bytes, or NULL with the fault kept. */
static inline const char *take_bytes(struct reader *r, size_t size)
{
	const char *p = r->buf + r->at;

	if (!r->err && size > r->size - r->at)
		r->err = -EPROTO;
	if (r->err)
		return NULL;
	r->at += size;
	return p;
}

static inline void UNUSED get_bytes(struct reader *r, struct gofer_str *out,
				    uint32_t len, uint32_t max)
{
	if (len > max)
		r->err = -EPROTO;
	out->p = take_bytes(r, len);
	out->len = len;
}

static inline void UNUSED get_text(struct reader *r, struct gofer_str *out,
				   uint32_t len, uint32_t max)
{
	if (len == 0 || len > max)
		r->err = -EPROTO;
	out->p = take_bytes(r, (size_t)len + 1);
	out->len = len;
	if (out->p && (out->p[len] != '\0' || memchr(out->p, 0, len)))
		r->err = -EPROTO;
}

static inline bool is_component(const char *p, uint32_t len)
{
	if (len == 0 || len > GOFER_NAME_MAX)
		return false;
	if (p[0] == '.' && (len == 1 || (len == 2 && p[1] == '.')))
		return false;
	return !memchr(p, '/', len) && !memchr(p, 0, len);
}

static inline void UNUSED get_name(struct reader *r, struct gofer_str *out,
				   uint32_t len, uint32_t max)
{
	get_text(r, out, len, max);
	if (!r->err && !is_component(out->p, len))
		r->err = -EPROTO;
}

static inline void UNUSED get_names(struct reader *r, struct gofer_str *out,
				    uint32_t nr, uint32_t max)
{
	if (nr > max)
		r->err = -EPROTO;
	for (uint32_t i = 0; i < nr && !r->err; i++) {
		const char *p = r->buf + r->at;

		get_name(r, &out[i], (uint32_t)strnlen(p, r->size - r->at),
			 GOFER_NAME_MAX);
	}
}

static inline void UNUSED get_handles(struct reader *r, uint64_t *out,
				      uint32_t nr, uint32_t max)
{
	const char *p;

	if (nr > max)
		r->err = -EPROTO;
	p = take_bytes(r, (size_t)nr * sizeof(*out));
	if (p)
		memcpy(out, p, (size_t)nr * sizeof(*out));
}

static inline void UNUSED get_nodes(struct reader *r,
				    struct gofer_wire_node *out, uint32_t nr,
				    uint32_t max)
{
	const char *p;

	if (nr > max)
		r->err = -EPROTO;
	p = take_bytes(r, (size_t)nr * sizeof(*out));
	if (p)
		memcpy(out, p, (size_t)nr * sizeof(*out));
}

static inline int all_read(const struct reader *r)
{
	return r->err || r->at != r->size ? -EPROTO : 0;
}

static inline void add_bytes(struct writer *o, const void *p, size_t size)
{
	if (!o->err && (o->at > o->cap || size > o->cap - o->at))
		o->err = -EMSGSIZE;
	if (o->err)
		return;
	if (size > 0)
		memcpy(o->buf + o->at, p, size);
	o->at += size;
}

static inline uint32_t UNUSED put_bytes(struct writer *o,
					const struct gofer_str *s, uint32_t max)
{
	if (s->len > max)
		o->err = -EINVAL;
	add_bytes(o, s->p, s->len);
	return s->len;
}

static inline uint32_t UNUSED put_text(struct writer *o,
				       const struct gofer_str *s, uint32_t max)
{
	if (s->len > max)
		o->err = -ENAMETOOLONG;
	else if (s->len == 0 || memchr(s->p, 0, s->len))
		o->err = -EINVAL;
	add_bytes(o, s->p, s->len);
	add_bytes(o, "", 1);
	return s->len;
}

static inline uint32_t UNUSED put_name(struct writer *o,
				       const struct gofer_str *s, uint32_t max)
{
	if (s->len > max)
		o->err = -ENAMETOOLONG;
	else if (!is_component(s->p, s->len))
		o->err = -EINVAL;
	add_bytes(o, s->p, s->len);
	add_bytes(o, "", 1);
	return s->len;
}

static inline uint32_t UNUSED put_names(struct writer *o,
					const struct gofer_str *s, uint32_t nr,
					uint32_t max)
{
	if (nr > max)
		o->err = -EINVAL;
	for (uint32_t i = 0; i < nr && !o->err; i++)
		put_name(o, &s[i], GOFER_NAME_MAX);
	return nr;
}

static inline uint32_t UNUSED put_handles(struct writer *o, const uint64_t *h,
					  uint32_t nr, uint32_t max)
{
	if (nr > max)
		o->err = -EINVAL;
	add_bytes(o, h, (size_t)nr * sizeof(*h));
	return nr;
}

static inline uint32_t UNUSED put_nodes(struct writer *o,
					const struct gofer_wire_node *n,
					uint32_t nr, uint32_t max)
{
	if (nr > max)
		o->err = -EINVAL;
	add_bytes(o, n, (size_t)nr * sizeof(*n));
	return nr;
}

/* Puts the fixed part in front.  Bytes in all, or the fault. */
static inline long finish(struct writer *o, const void *fixed, size_t size)
{
	if (!o->err && o->at > o->cap)
		o->err = -EMSGSIZE;
	if (o->err)
		return o->err;
	memcpy(o->buf, fixed, size);
	return (long)o->at;
}

#endif
