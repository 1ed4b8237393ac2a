/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_mounts: the array mounts.
 *
 * Options that are no mount flags are the file system's, as mount(8) does.
 * Tests: tests/unit/test_oci_config.c, tests/fuzz/fuzz_oci_config.c
 */
#include <errno.h>
#include <string.h>

#include "abi/mount.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/oci/config.h"

#define MOUNTS_MAX 1024u

static const struct {
	const char *type;
	enum oci_mount_kind kind;
} types[] = {
	{ "bind", OCI_MOUNT_BIND },	{ "tmpfs", OCI_MOUNT_TMPFS },
	{ "proc", OCI_MOUNT_PROC },	{ "sysfs", OCI_MOUNT_SYSFS },
	{ "devpts", OCI_MOUNT_DEVPTS }, { "mqueue", OCI_MOUNT_MQUEUE },
	{ "cgroup", OCI_MOUNT_CGROUP }, { "cgroup2", OCI_MOUNT_CGROUP },
	{ "devtmpfs", OCI_MOUNT_DEV },
};

static const char *const refused[] = { "idmap", "ridmap" };

/* What the options say; data is of the file system. */
struct options {
	uint64_t flags, propagation;
	struct seq_buf data;
};

static int add_option(const struct json_node *arr, const char *word,
		      struct options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (strcmp(word, refused[i]) == 0)
			return json_fault(arr, "'%s' is not supported", word);
	for (const struct oci_mount_option *r = oci_mount_options; r->name;
	     r++) {
		if (strcmp(r->name, word))
			continue;
		o->flags = (o->flags & ~r->clear) | r->set;
		if (r->propagation)
			o->propagation = r->propagation;
		return 0;
	}
	/* An engine's wish to see what is below; tmpfs(5) knows it not. */
	if (strcmp(word, "tmpcopyup") == 0)
		return 0;
	seq_printf(&o->data, "%s%s", o->data.len ? "," : "", word);
	return 0;
}

static int read_options(const struct json_node *m, struct options *o)
{
	struct json_node arr;
	uint32_t nr;
	int ret = json_arr(m, "options", &arr, &nr);

	for (uint32_t i = 0; i < nr && ret >= 0; i++) {
		const char *word = "";

		ret = json_item_str(&arr, i, &word);
		if (ret == 0)
			ret = add_option(&arr, word, o);
	}
	return MIN(ret, 0);
}

static int find_kind(const struct json_node *m, const char *type,
		     const struct options *o, enum oci_mount_kind *kind)
{
	if (o->flags & LINUX_MS_BIND) {
		*kind = OCI_MOUNT_BIND;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].type, type))
			continue;
		*kind = types[i].kind;
		return 0;
	}
	return json_fault_at(m, "type", "there is no file system '%.40s' here",
			     type);
}

static int check_mappings(const struct json_node *m)
{
	struct json_node arr;
	uint32_t nr;
	int ret = json_arr(m, "uidMappings", &arr, &nr);

	if (ret > 0 && nr)
		return json_fault(&arr, "id-mapped mounts are not supported");
	ret = MIN(ret, 0);
	if (ret == 0)
		ret = json_arr(m, "gidMappings", &arr, &nr);
	if (ret > 0 && nr)
		return json_fault(&arr, "id-mapped mounts are not supported");
	return MIN(ret, 0);
}

static int add_mount(const struct json_node *m, const char *bundle,
		     struct oci_spec *spec, struct options *o)
{
	const char *dest = NULL, *type = "", *source = NULL;
	AUTO_FREE char *from = NULL, *to = NULL;
	enum oci_mount_kind kind = OCI_MOUNT_BIND;
	struct oci_mount *added;
	int ret = json_str(m, "destination", &dest);

	if (ret == 0 && (!dest || !dest[0]))
		return json_fault_at(m, "destination", "is missing");
	if (ret == 0)
		ret = json_str(m, "type", &type);
	if (ret == 0)
		ret = json_str(m, "source", &source);
	if (ret == 0)
		ret = find_kind(m, type, o, &kind);
	if (ret < 0)
		return ret;
	if (kind == OCI_MOUNT_BIND && (!source || !source[0]))
		return json_fault_at(m, "source", "is missing");
	if (kind == OCI_MOUNT_BIND)
		from = oci_from_bundle(bundle, source);
	/* Relative ones are of the root, as other runtimes have it. */
	to = oci_from_bundle("", dest);
	added = oci_spec_add_mount(spec, kind, from, to,
				   o->flags & LINUX_MS_RDONLY);
	added->flags = o->flags & ~(uint64_t)(LINUX_MS_BIND | LINUX_MS_REC |
					      LINUX_MS_RDONLY);
	added->propagation = o->propagation;
	if (o->data.len && kind != OCI_MOUNT_BIND)
		added->data = xasprintf("%.*s", (int)o->data.len, o->data.data);
	return 0;
}

int oci_read_mounts(const struct json_node *top, const char *bundle,
		    struct oci_spec *spec)
{
	struct json_node arr, m;
	uint32_t nr;
	int ret = json_arr(top, "mounts", &arr, &nr);

	if (ret <= 0)
		return ret;
	if (nr > MOUNTS_MAX)
		return json_fault(&arr, "more than %u mounts", MOUNTS_MAX);
	ret = 0;
	for (uint32_t i = 0; i < nr && ret == 0; i++) {
		struct options o = { 0 };

		ret = json_item(&arr, i, &m);
		if (ret == 0)
			ret = check_mappings(&m);
		if (ret == 0)
			ret = read_options(&m, &o);
		if (ret == 0)
			ret = add_mount(&m, bundle, spec, &o);
		seq_fini(&o.data);
	}
	return ret;
}
