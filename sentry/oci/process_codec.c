/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_codec: see the header.
 *
 * Numbers are 64 bits; a string is its length and its bytes; a list is its
 * number of elements and these.
 * Tests: tests/unit/test_oci_config.c
 */
#include "sentry/oci/process_codec.h"

#include <errno.h>
#include <string.h>

#include "sentry/lib/alloc.h"

#define MAGIC 0x31636f72706f6f6dull

struct reader {
	const char *at;
	size_t left;
	int err;
};

/* --- writing -------------------------------------------------------------- */

static void put(struct seq_buf *o, uint64_t v)
{
	seq_write(o, &v, sizeof(v));
}

static void put_str(struct seq_buf *o, const char *s)
{
	put(o, strlen(s));
	seq_write(o, s, strlen(s));
}

static void put_list(struct seq_buf *o, char *const *list)
{
	size_t nr = 0;

	while (list[nr])
		nr++;
	put(o, nr);
	for (size_t i = 0; i < nr; i++)
		put_str(o, list[i]);
}

static void put_caps(struct seq_buf *o, const struct oci_caps *c)
{
	put(o, c->given);
	put(o, c->bounding);
	put(o, c->effective);
	put(o, c->inheritable);
	put(o, c->permitted);
	put(o, c->ambient);
}

void oci_process_encode(const struct oci_process *p, struct seq_buf *o)
{
	put(o, MAGIC);
	put_list(o, p->args);
	put_list(o, p->env);
	put_str(o, p->cwd);
	put(o, p->user.uid);
	put(o, p->user.gid);
	put(o, p->user.nr_additional_gids);
	for (uint32_t i = 0; i < p->user.nr_additional_gids; i++)
		put(o, p->user.additional_gids[i]);
	put(o, p->has_umask);
	put(o, p->umask);
	put(o, p->terminal);
	put(o, p->no_new_privileges);
	put_caps(o, &p->caps);
	put(o, p->nr_rlimits);
	for (uint32_t i = 0; i < p->nr_rlimits; i++) {
		put(o, p->rlimits[i].type);
		put(o, p->rlimits[i].soft);
		put(o, p->rlimits[i].hard);
	}
	put(o, (uint64_t)(int64_t)p->oom_score_adj);
}

/* --- reading -------------------------------------------------------------- */

static uint64_t get(struct reader *r)
{
	uint64_t v = 0;

	if (r->err || r->left < sizeof(v)) {
		r->err = r->err ? r->err : -EINVAL;
		return 0;
	}
	memcpy(&v, r->at, sizeof(v));
	r->at += sizeof(v);
	r->left -= sizeof(v);
	return v;
}

/* A number of things that take at least 8 bytes each. */
static size_t get_nr(struct reader *r)
{
	uint64_t nr = get(r);

	if (!r->err && nr > r->left / 8)
		r->err = -EINVAL;
	return r->err ? 0 : (size_t)nr;
}

static void *get_array(struct reader *r, size_t nr, size_t size)
{
	void *v = kcalloc(nr + 1, size);

	if (!v)
		r->err = -ENOMEM;
	return v;
}

static char *get_str(struct reader *r)
{
	uint64_t len = get(r);
	char *s;

	if (!r->err && (len > r->left || memchr(r->at, 0, len)))
		r->err = -EINVAL;
	if (r->err)
		return NULL;
	s = kstrndup(r->at, len);
	if (!s)
		r->err = -ENOMEM;
	r->at += len;
	r->left -= len;
	return s;
}

static char **get_list(struct reader *r)
{
	size_t nr = get_nr(r);
	char **v = get_array(r, nr, sizeof(*v));

	for (size_t i = 0; v && i < nr && !r->err; i++)
		v[i] = get_str(r);
	return v;
}

static void get_user(struct reader *r, struct oci_process *p)
{
	size_t nr;

	p->user.uid = (uint32_t)get(r);
	p->user.gid = (uint32_t)get(r);
	nr = get_nr(r);
	p->user.additional_gids = get_array(r, nr, sizeof(uint32_t));
	if (!p->user.additional_gids)
		return;
	p->user.nr_additional_gids = (uint32_t)nr;
	for (size_t i = 0; i < nr; i++)
		p->user.additional_gids[i] = (uint32_t)get(r);
	p->has_umask = get(r);
	p->umask = get(r) & 0777;
}

static void get_caps(struct reader *r, struct oci_caps *c)
{
	c->given = get(r);
	c->bounding = get(r);
	c->effective = get(r);
	c->inheritable = get(r);
	c->permitted = get(r);
	c->ambient = get(r);
}

static void get_rlimits(struct reader *r, struct oci_process *p)
{
	size_t nr = get_nr(r);

	p->rlimits = get_array(r, nr, sizeof(*p->rlimits));
	if (!p->rlimits)
		return;
	p->nr_rlimits = (uint32_t)nr;
	for (size_t i = 0; i < nr; i++) {
		p->rlimits[i].type = (uint32_t)get(r);
		p->rlimits[i].soft = get(r);
		p->rlimits[i].hard = get(r);
	}
}

int oci_process_decode(const void *data, size_t size, struct oci_process *p)
{
	struct reader r = { data, size, 0 };

	*p = (struct oci_process){ 0 };
	if (get(&r) != MAGIC)
		return -EINVAL;
	p->args = get_list(&r);
	p->env = get_list(&r);
	p->cwd = get_str(&r);
	get_user(&r, p);
	p->terminal = get(&r);
	p->no_new_privileges = get(&r);
	get_caps(&r, &p->caps);
	get_rlimits(&r, p);
	p->oom_score_adj = (int32_t)get(&r);
	if (!r.err && (!p->args || !p->args[0] || r.left))
		r.err = -EINVAL;
	return r.err;
}
