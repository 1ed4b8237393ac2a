/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_resources: the object linux.resources.
 *
 * Devices are not read: no device of the host can be opened by a sandbox,
 * whatever the rules are.
 * Tests: tests/unit/test_oci_config.c, tests/fuzz/fuzz_oci_config.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/lib/alloc.h"
#include "sentry/oci/config.h"

#define THROTTLES_MAX 256u

static int number(const struct json_node *n, const char *key, int64_t min,
		  int64_t max, struct oci_number *out)
{
	return json_int(n, key, min, max, &out->v, &out->given);
}

static int read_memory(const struct json_node *r, struct oci_resources *out)
{
	struct json_node m;
	bool use_hierarchy, oom;
	int ret = json_obj(r, "memory", &m);

	if (ret <= 0)
		return ret;
	ret = number(&m, "limit", -1, INT64_MAX, &out->memory);
	if (ret == 0)
		ret = number(&m, "reservation", -1, INT64_MAX,
			     &out->reservation);
	if (ret == 0)
		ret = number(&m, "swap", -1, INT64_MAX, &out->swap);
	/* Written as 2^64-1 by some engines for "as it is". */
	if (ret == 0)
		ret = json_u64(&m, "swappiness", UINT64_MAX,
			       (uint64_t *)&out->swappiness.v,
			       &out->swappiness.given);
	if (ret == 0 && out->swappiness.given &&
	    (out->swappiness.v < 0 || out->swappiness.v > 100)) {
		if (out->swappiness.v != -1)
			return json_fault_at(&m, "swappiness",
					     "not within 0 and 100");
		out->swappiness.given = false;
	}
	if (ret == 0)
		ret = json_truth(&m, "useHierarchy", &use_hierarchy);
	if (ret == 0)
		ret = json_truth(&m, "disableOOMKiller", &oom);
	return ret;
}

static int read_cpu(const struct json_node *r, struct oci_resources *out)
{
	struct json_node c;
	int ret = json_obj(r, "cpu", &c);

	if (ret <= 0)
		return ret;
	ret = number(&c, "shares", 0, 262144, &out->cpu_shares);
	if (ret == 0)
		ret = number(&c, "quota", -1, INT64_MAX / 1000,
			     &out->cpu_quota);
	if (ret == 0)
		ret = number(&c, "period", 0, 1000000, &out->cpu_period);
	if (ret == 0)
		ret = number(&c, "burst", 0, INT64_MAX / 1000, &out->cpu_burst);
	if (ret == 0)
		ret = number(&c, "idle", -1, 1, &out->cpu_idle);
	if (ret == 0)
		ret = json_dup(&c, "cpus", &out->cpus);
	if (ret == 0)
		ret = json_dup(&c, "mems", &out->mems);
	return ret;
}

static int read_throttles(const struct json_node *io, const char *key,
			  struct oci_throttle **out, uint32_t *out_nr)
{
	struct json_node arr, item;
	uint32_t nr;
	int ret = json_arr(io, key, &arr, &nr);

	if (ret <= 0)
		return ret;
	if (nr > THROTTLES_MAX)
		return json_fault(&arr, "more than %u devices", THROTTLES_MAX);
	*out = xzalloc((nr + 1) * sizeof(**out));
	*out_nr = nr;
	ret = 0;
	for (uint32_t i = 0; i < nr && ret == 0; i++) {
		struct oci_throttle *t = &(*out)[i];

		ret = json_item(&arr, i, &item);
		if (ret == 0)
			ret = json_u32(&item, "major", &t->major);
		if (ret == 0)
			ret = json_u32(&item, "minor", &t->minor);
		if (ret == 0)
			ret = json_u64(&item, "rate", UINT64_MAX, &t->rate,
				       NULL);
	}
	return ret;
}

static int read_io(const struct json_node *r, struct oci_resources *out)
{
	static const char *const keys[OCI_IO_NR] = {
		[OCI_IO_RBPS] = "throttleReadBpsDevice",
		[OCI_IO_WBPS] = "throttleWriteBpsDevice",
		[OCI_IO_RIOPS] = "throttleReadIOPSDevice",
		[OCI_IO_WIOPS] = "throttleWriteIOPSDevice",
	};
	struct json_node io;
	int ret = json_obj(r, "blockIO", &io);

	if (ret <= 0)
		return ret;
	ret = number(&io, "weight", 0, 10000, &out->io_weight);
	for (int i = 0; i < OCI_IO_NR && ret == 0; i++)
		ret = read_throttles(&io, keys[i], &out->io[i], &out->nr_io[i]);
	return ret;
}

/* A name in a directory, and nothing that leaves it. */
static int check_unified(const struct json_node *r, const struct oci_pairs *p)
{
	for (uint32_t i = 0; i < p->nr; i++) {
		const char *name = p->items[i].name;

		if (!strchr(name, '.') || strchr(name, '/') || name[0] == '.' ||
		    strncmp(name, "cgroup.", 7) == 0)
			return json_fault_at(r, "unified",
					     "'%.60s' is no file of a control "
					     "group that can be set",
					     name);
	}
	return 0;
}

int oci_read_resources(const struct json_node *r, struct oci_resources *out)
{
	struct json_node pids;
	int ret = read_memory(r, out);

	if (ret == 0)
		ret = read_cpu(r, out);
	if (ret == 0)
		ret = read_io(r, out);
	if (ret == 0)
		ret = json_obj(r, "pids", &pids);
	if (ret > 0)
		ret = number(&pids, "limit", INT64_MIN, INT64_MAX, &out->pids);
	if (ret == 0)
		ret = json_pairs(r, "unified", &out->unified);
	return ret < 0 ? ret : check_unified(r, &out->unified);
}
