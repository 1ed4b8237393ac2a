/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_linux: the object linux but for resources and seccomp.
 *
 * What the sandbox has by its nature is accepted without effect and listed in
 * docs/oci.md; what would change what a program sees, and is not there, is
 * refused.
 * Tests: tests/unit/test_oci_config.c, tests/fuzz/fuzz_oci_config.c
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "sentry/lib/alloc.h"
#include "sentry/oci/config.h"

#define MAPS_MAX    340u
#define DEVICES_MAX 4096u

/* --- namespaces ----------------------------------------------------------- */

static int find_ns(const char *name)
{
	for (int k = 0; k < OCI_NS_KINDS; k++)
		if (strcmp(oci_ns_names[k], name) == 0)
			return k;
	return -1;
}

/* Namespaces of the host that a sandbox cannot be put into. */
static bool cannot_join(int kind)
{
	return kind == OCI_NS_PID || kind == OCI_NS_MOUNT ||
	       kind == OCI_NS_TIME || kind == OCI_NS_USER;
}

static int read_namespaces(const struct json_node *lx, struct oci_spec *spec)
{
	struct json_node arr, item;
	uint32_t nr;
	int ret = json_arr(lx, "namespaces", &arr, &nr);

	for (uint32_t i = 0; i < nr && ret >= 0; i++) {
		const char *type = "", *path = NULL;
		int kind;

		ret = json_item(&arr, i, &item);
		if (ret == 0)
			ret = json_str(&item, "type", &type);
		if (ret == 0)
			ret = json_str(&item, "path", &path);
		if (ret < 0)
			return ret;
		kind = find_ns(type);
		if (kind < 0)
			return json_fault_at(&item, "type",
					     "there is no namespace '%.40s'",
					     type);
		if (spec->ns[kind].listed)
			return json_fault(&item, "listed twice");
		spec->ns[kind].listed = true;
		if (!path || !path[0])
			continue;
		if (path[0] != '/')
			return json_fault_at(&item, "path",
					     "an absolute path is expected");
		if (cannot_join(kind))
			return json_fault_at(&item, "path",
					     "a %s namespace of the host "
					     "cannot be joined",
					     type);
		spec->ns[kind].path = xstrdup(path);
	}
	return MIN(ret, 0);
}

static int read_maps(const struct json_node *lx, const char *key,
		     struct oci_id_map **out, uint32_t *out_nr)
{
	struct json_node arr, item;
	uint32_t nr;
	int ret = json_arr(lx, key, &arr, &nr);

	if (ret <= 0 || !nr)
		return MIN(ret, 0);
	if (nr > MAPS_MAX)
		return json_fault(&arr, "more than %u mappings", MAPS_MAX);
	*out = xzalloc(nr * sizeof(**out));
	for (uint32_t i = 0; i < nr; i++) {
		struct oci_id_map *m = &(*out)[i];

		ret = json_item(&arr, i, &item);
		if (ret == 0)
			ret = json_u32(&item, "containerID", &m->inside);
		if (ret == 0)
			ret = json_u32(&item, "hostID", &m->host);
		if (ret == 0)
			ret = json_u32(&item, "size", &m->size);
		if (ret == 0 && !m->size)
			ret = json_fault_at(&item, "size", "must not be 0");
		if (ret < 0)
			return ret;
		*out_nr = i + 1;
	}
	return 0;
}

/* --- devices -------------------------------------------------------------- */

static int device_type(const struct json_node *n, const char *type,
		       uint32_t *mode)
{
	if (strcmp(type, "c") == 0 || strcmp(type, "u") == 0)
		*mode |= S_IFCHR;
	else if (strcmp(type, "b") == 0)
		*mode |= S_IFBLK;
	else if (strcmp(type, "p") == 0)
		*mode |= S_IFIFO;
	else
		return json_fault_at(n, "type", "'%.10s' is not c, b, u or p",
				     type);
	return 0;
}

static int read_device(const struct json_node *n, struct oci_device *d)
{
	uint64_t mode = 0666;
	const char *type = "";
	int ret = json_dup(n, "path", &d->path);

	if (ret == 0 && (!d->path || d->path[0] != '/'))
		ret = json_fault_at(n, "path", "an absolute path is expected");
	if (ret == 0)
		ret = json_str(n, "type", &type);
	if (ret == 0)
		ret = json_u32(n, "major", &d->major);
	if (ret == 0)
		ret = json_u32(n, "minor", &d->minor);
	if (ret == 0)
		ret = json_u64(n, "fileMode", UINT32_MAX, &mode, NULL);
	if (ret == 0)
		ret = json_u32(n, "uid", &d->uid);
	if (ret == 0)
		ret = json_u32(n, "gid", &d->gid);
	d->mode = (uint32_t)mode & 07777;
	return ret < 0 ? ret : device_type(n, type, &d->mode);
}

static int read_devices(const struct json_node *lx, struct oci_spec *spec)
{
	struct json_node arr, item;
	uint32_t nr;
	int ret = json_arr(lx, "devices", &arr, &nr);

	if (ret <= 0)
		return ret;
	if (nr > DEVICES_MAX)
		return json_fault(&arr, "more than %u devices", DEVICES_MAX);
	spec->devices = xzalloc((nr + 1) * sizeof(*spec->devices));
	for (uint32_t i = 0; i < nr; i++) {
		ret = json_item(&arr, i, &item);
		spec->nr_devices = i + 1;
		if (ret == 0)
			ret = read_device(&item, &spec->devices[i]);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* --- the rest ------------------------------------------------------------- */

static int read_paths(const struct json_node *lx, const char *key, char ***out)
{
	int ret = json_strings(lx, key, out);

	for (char **p = *out; p && *p && ret == 0; p++)
		if (**p != '/')
			ret = json_fault_at(lx, key, "'%.100s' is not absolute",
					    *p);
	return ret;
}

static int read_propagation(const struct json_node *lx, struct oci_spec *spec)
{
	const char *word = "";
	int ret = json_str(lx, "rootfsPropagation", &word);

	if (ret < 0 || !word[0])
		return ret;
	spec->root_propagation = oci_propagation(word);
	if (!spec->root_propagation)
		return json_fault_at(lx, "rootfsPropagation",
				     "'%.40s' is no propagation", word);
	return 0;
}

/* Features that would be missed if they were left out in silence. */
static int refuse_unknown(const struct json_node *lx)
{
	static const char *const keys[] = { "intelRdt", "personality",
					    "timeOffsets" };
	struct json_node n;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		int ret = json_obj(lx, keys[i], &n);

		if (ret < 0)
			return ret;
		if (ret > 0)
			return json_fault(&n, "is not supported");
	}
	return 0;
}

int oci_read_linux(const struct json_node *lx, struct oci_spec *spec)
{
	struct json_node r;
	int ret = read_namespaces(lx, spec);

	if (ret == 0)
		ret = read_maps(lx, "uidMappings", &spec->uid_maps,
				&spec->nr_uid_maps);
	if (ret == 0)
		ret = read_maps(lx, "gidMappings", &spec->gid_maps,
				&spec->nr_gid_maps);
	if (ret == 0)
		ret = read_devices(lx, spec);
	if (ret == 0)
		ret = json_pairs(lx, "sysctl", &spec->sysctl);
	if (ret == 0)
		ret = read_paths(lx, "maskedPaths", &spec->masked_paths);
	if (ret == 0)
		ret = read_paths(lx, "readonlyPaths", &spec->readonly_paths);
	if (ret == 0)
		ret = read_propagation(lx, spec);
	if (ret == 0)
		ret = json_dup(lx, "cgroupsPath", &spec->cgroups_path);
	if (ret == 0)
		ret = json_obj(lx, "resources", &r);
	if (ret > 0)
		ret = oci_read_resources(&r, &spec->resources);
	if (ret == 0)
		ret = oci_read_seccomp(lx, &spec->seccomp);
	return ret < 0 ? ret : refuse_unknown(lx);
}
