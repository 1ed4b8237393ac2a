/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_process: the object process.
 *
 * Tests: tests/unit/test_oci_config.c, tests/fuzz/fuzz_oci_config.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/lib/alloc.h"
#include "sentry/oci/config.h"

#define GROUPS_MAX 65536u

static int read_groups(const struct json_node *user, struct oci_user *out)
{
	struct json_node arr;
	uint32_t nr;
	int ret = json_arr(user, "additionalGids", &arr, &nr);

	if (ret <= 0)
		return ret;
	if (nr > GROUPS_MAX)
		return json_fault(&arr, "more than %u groups", GROUPS_MAX);
	out->additional_gids =
		xzalloc((nr + 1) * sizeof(*out->additional_gids));
	for (uint32_t i = 0; i < nr; i++) {
		ret = json_item_u32(&arr, i, &out->additional_gids[i]);
		if (ret < 0)
			return ret;
	}
	out->nr_additional_gids = nr;
	return 0;
}

static int read_user(const struct json_node *n, struct oci_process *p)
{
	struct json_node user;
	uint64_t mask = 0;
	int ret = json_obj(n, "user", &user);

	if (ret <= 0)
		return ret;
	ret = json_u32(&user, "uid", &p->user.uid);
	if (ret == 0)
		ret = json_u32(&user, "gid", &p->user.gid);
	if (ret == 0)
		ret = json_u64(&user, "umask", 0777, &mask, &p->has_umask);
	p->umask = (uint32_t)mask;
	if (ret == 0 &&
	    (p->user.uid == UINT32_MAX || p->user.gid == UINT32_MAX))
		ret = json_fault(&user, "%u is no id", UINT32_MAX);
	return ret < 0 ? ret : read_groups(&user, &p->user);
}

static int read_cap_set(const struct json_node *caps, const char *key,
			uint64_t *out)
{
	struct json_node arr;
	uint32_t nr;
	int ret = json_arr(caps, key, &arr, &nr);

	if (ret <= 0)
		return ret;
	for (uint32_t i = 0; i < nr; i++) {
		const char *name = "";
		int cap;

		ret = json_item_str(&arr, i, &name);
		if (ret < 0)
			return ret;
		cap = oci_cap_number(name);
		/* As the specification says: what is not known is left out. */
		if (cap >= 0)
			*out |= 1ull << cap;
	}
	return 0;
}

static int read_caps(const struct json_node *n, struct oci_caps *c)
{
	struct json_node caps;
	int ret = json_obj(n, "capabilities", &caps);

	/* None given: none at all, whatever the user is. */
	c->given = true;
	if (ret <= 0)
		return ret;
	ret = read_cap_set(&caps, "bounding", &c->bounding);
	if (ret == 0)
		ret = read_cap_set(&caps, "effective", &c->effective);
	if (ret == 0)
		ret = read_cap_set(&caps, "inheritable", &c->inheritable);
	if (ret == 0)
		ret = read_cap_set(&caps, "permitted", &c->permitted);
	if (ret == 0)
		ret = read_cap_set(&caps, "ambient", &c->ambient);
	/* As capset(2) and prctl(2) would have it. */
	c->effective &= c->permitted;
	c->ambient &= c->permitted & c->inheritable;
	return ret;
}

static int read_rlimit(const struct json_node *n, struct oci_rlimit *r)
{
	const char *name = "";
	int ret = json_str(n, "type", &name), type;

	if (ret < 0)
		return ret;
	type = oci_rlimit_number(name);
	if (type < 0)
		return json_fault_at(n, "type", "there is no limit '%.40s'",
				     name);
	r->type = (uint32_t)type;
	ret = json_u64(n, "soft", UINT64_MAX, &r->soft, NULL);
	if (ret == 0)
		ret = json_u64(n, "hard", UINT64_MAX, &r->hard, NULL);
	if (ret == 0 && r->soft > r->hard)
		ret = json_fault_at(n, "soft", "larger than the hard limit");
	return ret;
}

static int read_rlimits(const struct json_node *n, struct oci_process *p)
{
	struct json_node arr, item;
	uint32_t nr, seen = 0;
	int ret = json_arr(n, "rlimits", &arr, &nr);

	if (ret <= 0)
		return ret;
	if (nr > 32)
		return json_fault(&arr, "more limits than there are");
	p->rlimits = xzalloc((nr + 1) * sizeof(*p->rlimits));
	for (uint32_t i = 0; i < nr; i++) {
		ret = json_item(&arr, i, &item);
		if (ret == 0)
			ret = read_rlimit(&item, &p->rlimits[i]);
		if (ret < 0)
			return ret;
		if (seen >> p->rlimits[i].type & 1)
			return json_fault(&item, "the limit is given twice");
		seen |= 1u << p->rlimits[i].type;
		p->nr_rlimits = i + 1;
	}
	return 0;
}

static int read_console(const struct json_node *n, struct oci_process *p)
{
	struct json_node size;
	uint64_t rows = 0, columns = 0;
	int ret = json_truth(n, "terminal", &p->terminal);

	if (ret == 0)
		ret = json_obj(n, "consoleSize", &size);
	if (ret <= 0)
		return ret;
	ret = json_u64(&size, "height", UINT16_MAX, &rows, NULL);
	if (ret == 0)
		ret = json_u64(&size, "width", UINT16_MAX, &columns, NULL);
	p->rows = (uint16_t)rows;
	p->columns = (uint16_t)columns;
	return ret;
}

static int check_process(const struct json_node *n, const struct oci_process *p)
{
	if (!p->args || !p->args[0])
		return json_fault_at(n, "args", "must not be empty");
	if (!p->cwd || !p->cwd[0])
		return json_fault_at(n, "cwd", "must not be empty");
	if (p->cwd[0] != '/')
		return json_fault_at(n, "cwd", "must be an absolute path");
	return 0;
}

int oci_read_process(const struct json_node *n, struct oci_process *p)
{
	int64_t score = 0;
	int ret = json_strings(n, "args", &p->args);

	if (ret == 0)
		ret = json_strings(n, "env", &p->env);
	if (ret == 0 && !p->env)
		p->env = xzalloc(sizeof(*p->env));
	if (ret == 0)
		ret = json_dup(n, "cwd", &p->cwd);
	if (ret == 0)
		ret = read_user(n, p);
	if (ret == 0)
		ret = read_caps(n, &p->caps);
	if (ret == 0)
		ret = read_rlimits(n, p);
	if (ret == 0)
		ret = read_console(n, p);
	if (ret == 0)
		ret = json_truth(n, "noNewPrivileges", &p->no_new_privileges);
	if (ret == 0)
		ret = json_int(n, "oomScoreAdj", -1000, 1000, &score, NULL);
	p->oom_score_adj = (int32_t)score;
	return ret < 0 ? ret : check_process(n, p);
}

int oci_process_parse(const char *text, size_t size, struct oci_process *p,
		      struct json_error *err)
{
	struct json_doc doc;
	struct json_node top;
	int ret = json_doc_parse(&doc, text, size, err);

	if (ret == 0) {
		top = json_top(&doc);
		ret = oci_read_process(&top, p);
	}
	json_doc_free(&doc);
	return ret;
}
