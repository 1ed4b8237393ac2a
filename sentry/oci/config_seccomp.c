/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_seccomp: the object linux.seccomp.
 *
 * Tests: tests/unit/test_oci_config.c, tests/fuzz/fuzz_oci_config.c
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "sentry/lib/alloc.h"
#include "sentry/oci/config.h"

#define RULES_MAX 4096u
#define ARGS_MAX  6u

/* The row named @name, or NULL after a fault. */
static const struct oci_name *find(const struct json_node *n, const char *key,
				   const struct oci_name *table,
				   const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	json_fault_at(n, key, "'%.40s' is not known", name);
	return NULL;
}

static int read_action(const struct json_node *n, const char *key,
		       const char *errno_key, uint32_t *out)
{
	const struct oci_name *row;
	const char *name = "";
	uint64_t nr = EPERM;
	int ret = json_str(n, key, &name);

	if (ret == 0)
		ret = json_u64(n, errno_key, 4095, &nr, NULL);
	if (ret < 0)
		return ret;
	row = find(n, key, oci_seccomp_actions, name);
	if (!row)
		return -EINVAL;
	*out = row->v;
	if (row->v == SECCOMP_RET_ERRNO || row->v == SECCOMP_RET_TRACE)
		*out |= (uint32_t)nr;
	return 0;
}

static int read_arg(const struct json_node *n, struct oci_seccomp_arg *a)
{
	const struct oci_name *row;
	const char *op = "";
	uint64_t index = 0;
	int ret = json_u64(n, "index", 5, &index, NULL);

	if (ret == 0)
		ret = json_u64(n, "value", UINT64_MAX, &a->value, NULL);
	if (ret == 0)
		ret = json_u64(n, "valueTwo", UINT64_MAX, &a->value_two, NULL);
	if (ret == 0)
		ret = json_str(n, "op", &op);
	if (ret < 0)
		return ret;
	row = find(n, "op", oci_seccomp_ops, op);
	if (!row)
		return -EINVAL;
	a->index = (uint32_t)index;
	a->op = row->v;
	return 0;
}

static int read_args(const struct json_node *n, struct oci_seccomp_rule *rule)
{
	struct json_node arr, item;
	uint32_t nr;
	int ret = json_arr(n, "args", &arr, &nr);

	if (ret <= 0)
		return ret;
	if (nr > ARGS_MAX)
		return json_fault(&arr, "more than %u conditions", ARGS_MAX);
	rule->args = xzalloc((nr + 1) * sizeof(*rule->args));
	rule->nr_args = nr;
	ret = 0;
	for (uint32_t i = 0; i < nr && ret == 0; i++) {
		ret = json_item(&arr, i, &item);
		if (ret == 0)
			ret = read_arg(&item, &rule->args[i]);
	}
	return ret;
}

static int read_rules(const struct json_node *s, struct oci_seccomp *out)
{
	struct json_node arr, item;
	uint32_t nr;
	int ret = json_arr(s, "syscalls", &arr, &nr);

	if (ret <= 0)
		return ret;
	if (nr > RULES_MAX)
		return json_fault(&arr, "more than %u rules", RULES_MAX);
	out->rules = xzalloc((nr + 1) * sizeof(*out->rules));
	out->nr_rules = nr;
	ret = 0;
	for (uint32_t i = 0; i < nr && ret == 0; i++) {
		ret = json_item(&arr, i, &item);
		if (ret == 0)
			ret = json_strings(&item, "names",
					   &out->rules[i].names);
		if (ret == 0 && !out->rules[i].names)
			ret = json_fault_at(&item, "names", "is missing");
		if (ret == 0)
			ret = read_action(&item, "action", "errnoRet",
					  &out->rules[i].action);
		if (ret == 0)
			ret = read_args(&item, &out->rules[i]);
	}
	return ret;
}

static int read_flags(const struct json_node *s, struct oci_seccomp *out)
{
	struct json_node arr;
	uint32_t nr;
	int ret = json_arr(s, "flags", &arr, &nr);

	for (uint32_t i = 0; i < nr && ret >= 0; i++) {
		const char *flag = "";

		ret = json_item_str(&arr, i, &flag);
		if (ret < 0)
			return ret;
		if (strcmp(flag, "SECCOMP_FILTER_FLAG_LOG") == 0)
			out->log = true;
		/* One thread is there; speculation is the host's matter. */
		else if (strcmp(flag, "SECCOMP_FILTER_FLAG_TSYNC") &&
			 strcmp(flag, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"))
			return json_fault(&arr, "'%.60s' is not supported",
					  flag);
	}
	return MIN(ret, 0);
}

int oci_read_seccomp(const struct json_node *lx, struct oci_seccomp *out)
{
	const char *listener = NULL;
	struct json_node s;
	int ret = json_obj(lx, "seccomp", &s);

	if (ret <= 0)
		return ret;
	out->given = true;
	ret = read_action(&s, "defaultAction", "defaultErrnoRet",
			  &out->default_action);
	if (ret == 0)
		ret = json_strings(&s, "architectures", &out->architectures);
	if (ret == 0)
		ret = read_flags(&s, out);
	if (ret == 0)
		ret = json_str(&s, "listenerPath", &listener);
	if (ret == 0 && listener && listener[0])
		ret = json_fault_at(&s, "listenerPath", "is not supported");
	return ret < 0 ? ret : read_rules(&s, out);
}
